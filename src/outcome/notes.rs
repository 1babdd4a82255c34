//! What a person would want to know of a run next to its results: a sentence each, with the flag that helps.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Severity;
use crate::format::{counted, duration};
use crate::labels::LabelSet;
use crate::promql::ast::{Expr, ExprKind, Selector};
use crate::rules::{Evaluate, RuleSet};
use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::{Finding, Gap, Origin, Outcome};

/// Labels that tell replicas of one server apart.
const REPLICAS: [&str; 3] = ["__replica__", "prometheus_replica", "replica"];
/// The fewest samples of a series that looks like a query grid.
const GRID_SAMPLES: u64 = 10;
/// The most gaps that are told.
const GAPS_TOLD: usize = 10;
/// The most names that one line lists.
const NAMED: usize = 3;

/// Returns the usual spacing of all series, each counted by its samples.
pub(super) fn cadence(store: &Store) -> Option<Millis> {
    let known = store.ids().filter_map(|id| Some((store.spacing(id).usual?, store.facts(id).samples)));
    let mut spacings: Vec<(Millis, u64)> = known.collect();
    spacings.sort_unstable();
    let mut left = spacings.iter().map(|(_, samples)| samples).sum::<u64>() / 2;
    spacings.into_iter().find_map(|(spacing, samples)| {
        let found = samples > left;
        left = left.saturating_sub(samples);
        found.then_some(spacing)
    })
}

fn is_gap(from: Timestamp, to: Timestamp, usual: Millis) -> bool {
    to.since(from).0.saturating_mul(2) > usual.0.saturating_mul(5)
}

/// Returns the stretches without any sample that are longer than 2.5 times the usual spacing, in time order.
pub(super) fn common_gaps(store: &Store) -> Vec<(Timestamp, Timestamp)> {
    let Some(usual) = cadence(store) else { return Vec::new() };
    let mut gaps: Vec<_> = store.silences().filter(|(from, to)| is_gap(*from, *to, usual)).collect();
    gaps.sort_unstable();
    gaps
}

/// Returns the longest gaps: of the whole recording, and the longest of each series.
pub(super) fn gaps(store: &Store) -> Vec<Gap> {
    let mut gaps: BTreeMap<(Timestamp, Timestamp), u64> = BTreeMap::new();
    for (from, to) in common_gaps(store) {
        let spans = |facts: crate::store::SeriesFacts| facts.first <= from && facts.last >= to;
        gaps.insert((from, to), store.ids().filter(|id| spans(store.facts(*id))).count() as u64);
    }
    let whole = gaps.clone();
    for id in store.ids() {
        let spacing = store.spacing(id);
        if let (Some(usual), Some((from, to))) = (spacing.usual, spacing.longest)
            && is_gap(from, to, usual)
            && !whole.contains_key(&(from, to))
        {
            *gaps.entry((from, to)).or_default() += 1;
        }
    }
    let mut gaps: Vec<Gap> = gaps.into_iter().map(|((from, to), series)| Gap { from, to, series }).collect();
    gaps.sort_by_key(|gap| (gap.from.since(gap.to), gap.from));
    gaps.truncate(GAPS_TOLD);
    gaps
}

/// What is known of a metric that rules select.
struct Metric {
    usual: Option<Millis>,
    last: Timestamp,
    /// Whether a selector looks back for its newest sample.
    instant: bool,
    /// The reported rules that select it, as places in the evaluation.
    rules: BTreeSet<usize>,
}

/// Returns what a person would want to know of a run; `left_out` is how many rules are not reported.
pub(super) fn notes(outcome: &Outcome, rules: &RuleSet, store: &Store, left_out: usize) -> Vec<Finding> {
    let metrics = selected(outcome, rules, store);
    let by_rows = rules.groups().all(|(_, group)| group.evaluate == Evaluate::EveryRow);
    let look_back = outcome.options.lookback_delta.value;
    let mut notes = Vec::new();
    if left_out > 0 {
        let flag = if outcome.options.selection.alert.is_some() { "--alert" } else { "--group" };
        notes.push(note(
            "rules-left-out",
            format!("{} left out of the report by {flag}", counted(left_out as u64, "rule")),
        ));
    }
    if !by_rows {
        notes.extend(long_cadence(&metrics, look_back));
        notes.extend(grid(store));
        notes.extend(long_look_back(outcome, look_back));
    }
    notes.extend(never_warm(outcome));
    notes.extend(ends_early(outcome, &metrics, look_back));
    notes.extend(replicas(store));
    notes
}

fn note(code: &'static str, message: String) -> Finding {
    Finding { code, severity: Severity::Info, message, place: None }
}

fn selected<'a>(outcome: &Outcome, rules: &'a RuleSet, store: &Store) -> BTreeMap<&'a str, Metric> {
    let mut metrics: BTreeMap<&str, Metric> = BTreeMap::new();
    for (number, (_, rule)) in rules.rules().enumerate() {
        let Ok(place) = outcome.rules.binary_search_by_key(&(number as u64), |rule| u64::from(rule.id.0)) else {
            continue;
        };
        rule.expr.walk(&mut |expr: &'a Expr| {
            let (selector, instant) = match &expr.kind {
                ExprKind::Selector(selector) => (selector, true),
                ExprKind::Range { selector, .. } => (selector, false),
                _ => return,
            };
            let Selector { name: Some(name), .. } = selector else { return };
            let metric = metrics.entry(name).or_insert(Metric {
                usual: None,
                last: Timestamp::MIN,
                instant: false,
                rules: BTreeSet::new(),
            });
            metric.instant |= instant;
            metric.rules.insert(place);
        });
    }
    for id in store.ids() {
        if let Some(metric) = store.labels(id).metric().and_then(|name| metrics.get_mut(name)) {
            metric.usual = metric.usual.max(store.spacing(id).usual);
            metric.last = metric.last.max(store.facts(id).last);
        }
    }
    metrics.retain(|_, metric| metric.last > Timestamp::MIN);
    metrics
}

/// Tells of metrics whose samples lie further apart than a selector looks back.
fn long_cadence(metrics: &BTreeMap<&str, Metric>, look_back: Millis) -> Option<Finding> {
    let long = || metrics.iter().filter(|(_, metric)| metric.instant && metric.usual > Some(look_back));
    let longest = long().filter_map(|(_, metric)| metric.usual).max()?;
    // Twice the spacing and a minute: one sample may be missing or late.
    let enough = Millis(longest.0.saturating_mul(2).saturating_add(60_000));
    let names = named(long().map(|(name, _)| (*name).to_owned()));
    let message = format!(
        "{names}: a sample every {}, look-back {look_back}: between samples rules see nothing; --lookback-delta {enough}",
        duration(longest)
    );
    Some(Finding { severity: Severity::Warning, ..note("long-cadence", message) })
}

/// Tells of stamps that no scrape makes.
fn grid(store: &Store) -> Option<Finding> {
    let mut step = None;
    let mut most = 0;
    for id in store.ids() {
        let facts = store.facts(id);
        if facts.samples < 3 {
            continue;
        }
        let (from, to) = store.spacing(id).longest?;
        let own = to.since(from).0;
        // No spacing is longer than the mean: all are equal.
        let even = i64::try_from(facts.samples - 1).ok()?.checked_mul(own) == Some(facts.last.since(facts.first).0);
        if !even || own < 1000 || facts.first.0.rem_euclid(own) != 0 || *step.get_or_insert(own) != own {
            return None;
        }
        most = most.max(facts.samples);
    }
    let step = Millis(step.filter(|_| most >= GRID_SAMPLES)?);
    Some(note(
        "query-grid",
        format!(
            "looks like a query grid, not raw samples: every stamp is a multiple of {step} and none is missing; what lies between two stamps is not seen"
        ),
    ))
}

fn long_look_back(outcome: &Outcome, look_back: Millis) -> Option<Finding> {
    let span = outcome.range.data_end?.since(outcome.range.data_start?);
    (look_back > span && span > Millis::ZERO).then(|| {
        let message = format!(
            "the look-back of {look_back} is longer than the recording ({}): a series that ends is seen to its end; --lookback-delta",
            duration(span)
        );
        note("long-look-back", message)
    })
}

/// Tells of rules whose windows are never full.
fn never_warm(outcome: &Outcome) -> Option<Finding> {
    let to = outcome.range.evaluated_to?;
    let span = to.since(outcome.range.data_start?);
    let cold = || outcome.rules.iter().filter(|rule| rule.counts.warm_from.is_some_and(|from| from > to));
    cold().next()?;
    let names = named(cold().map(|rule| rule.name.clone()));
    let message = format!("{names}: windows are longer than the recording ({}) and never full", duration(span));
    Some(Finding { severity: Severity::Warning, ..note("never-warm", message) })
}

/// Tells of metrics that end before the recording does, and of what fired after that.
fn ends_early(outcome: &Outcome, metrics: &BTreeMap<&str, Metric>, look_back: Millis) -> Option<Finding> {
    let end = outcome.range.data_end?;
    let early = || {
        metrics.iter().filter(move |(_, metric)| {
            let margin = Millis(metric.usual.map_or(0, |usual| usual.0.saturating_mul(5) / 2)).max(look_back);
            metric.last.plus(margin) < end
        })
    };
    early().next()?;
    let names = named(early().map(|(name, metric)| {
        format!("{name} ends at {}, {} before the recording", metric.last, duration(end.since(metric.last)))
    }));
    let mut after: BTreeMap<u32, Timestamp> = BTreeMap::new();
    for (_, metric) in early() {
        for rule in metric.rules.iter().map(|place| outcome.rules[*place].id.0) {
            let first = after.entry(rule).or_insert(metric.last);
            *first = metric.last.min(*first);
        }
    }
    let fired = outcome.episodes.iter().filter(|episode| {
        let ended = after.get(&episode.rule.0);
        ended.is_some_and(|ended| episode.activity.fired_at.is_some_and(|fired| fired > *ended))
    });
    let fired = match fired.count() as u64 {
        0 => String::new(),
        many => format!("; {} of its rules came after", counted(many, "firing")),
    };
    Some(Finding { severity: Severity::Warning, ..note("ends-early", format!("{names}{fired}")) })
}

/// Tells of series that differ in the label of a replica, or in a label that one server gives to all, alone.
fn replicas(store: &Store) -> Option<Finding> {
    REPLICAS.iter().find_map(|label| {
        let mut alike: BTreeMap<LabelSet, &str> = BTreeMap::new();
        store.ids().map(|id| store.labels(id)).find_map(|labels| {
            let value = labels.get(label)?;
            let first = *alike.entry(labels.filter(|name| name != *label)).or_insert(value);
            (first != value).then(|| {
                let message = format!(
                    "two replicas are in one recording: series differ in {label} alone (\"{first}\", \"{value}\"), so rules see everything twice; keep one of them"
                );
                Finding { severity: Severity::Warning, ..note("replicas", message) }
            })
        })
    })
}

/// Tells, for machines, of intervals that nobody gave; the summary says so to people.
pub(super) fn assumed(outcome: &Outcome) -> Vec<Finding> {
    let groups = outcome.groups.iter();
    let assumed = groups
        .filter(|group| !group.schedule.interval_from_file && outcome.options.eval_interval.from == Origin::Default);
    let each = assumed.map(|group| {
        let message = format!("the group {} has no interval: {} is assumed", group.name, group.schedule.interval);
        Finding {
            severity: Severity::Warning,
            place: Some((group.file.clone(), 1, 1)),
            ..note("interval-assumed", message)
        }
    });
    each.collect()
}

fn named(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    let left = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let text = names.join(", ");
    if left > 0 { format!("{text} and {left} more") } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::store::Batch;

    const RULES: &str = "\
groups:
- name: disks
  rules:
  - alert: DiskFull
    expr: disk < 5
  - alert: HighCpu
    expr: rate(cpu[5m]) > 1
  - alert: BatchMissing
    expr: batch > 1
";

    /// Labels, and the minutes of the samples.
    type SeriesAt<'a> = (&'a [(&'a str, &'a str)], &'a [i64]);

    /// Makes a store of series that have samples at the given minutes.
    fn store(series: &[SeriesAt<'_>]) -> Store {
        let mut store = Store::default();
        for (labels, minutes) in series {
            let id = store.series(&LabelSet::new(labels.iter().copied()));
            let mut batch = Batch::default();
            minutes.iter().for_each(|minute| batch.push(id, sample::at(*minute), 1.0, 0));
            store.append(&batch).expect("in order");
        }
        store
    }

    fn check(store: &Store, left_out: usize, change: impl FnOnce(&mut Outcome), expected: &[&str]) {
        let mut rules = RuleSet::default();
        rules.add("node.yml", RULES.as_bytes());
        let mut outcome = sample::outcome();
        change(&mut outcome);
        let told = notes(&outcome, &rules, store, left_out);
        let told: Vec<String> = told.iter().map(|note| format!("{}: {}", note.code, note.message)).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn samples_that_lie_further_apart_than_selectors_look_are_told() {
        let every = [1, 16, 31, 46, 61, 76, 91, 106, 120];
        let sparse = store(&[(&[("__name__", "disk")], &every), (&[("__name__", "cpu")], &every)]);
        assert_eq!(cadence(&sparse), Some(Millis(900_000)));
        check(
            &sparse,
            2,
            |outcome| outcome.options.selection.alert = Some("D.*".parse().expect("a pattern")),
            &[
                "rules-left-out: 2 rules left out of the report by --alert",
                "long-cadence: disk: a sample every 15m, look-back 5m: between samples rules see nothing; --lookback-delta 31m",
            ],
        );
    }

    #[test]
    fn metrics_that_end_and_replicas_are_told() {
        let all: Vec<i64> = (0..=120).map(|minute| minute + i64::from(minute % 7 == 3)).step_by(2).collect();
        let store = store(&[
            (&[("__name__", "disk"), ("replica", "a")], &all[..20]),
            (&[("__name__", "disk"), ("replica", "b")], &all[..25]),
            (&[("__name__", "cpu")], &all),
        ]);
        check(
            &store,
            0,
            |_| (),
            &[
                "ends-early: disk ends at 2026-01-06T00:48:00Z, 1h12m before the recording; 1 firing of its rules came after",
                "replicas: two replicas are in one recording: series differ in replica alone (\"a\", \"b\"), so rules see everything twice; keep one of them",
            ],
        );
    }

    #[test]
    fn grids_and_short_recordings_are_told() {
        let grid = store(&[(&[("__name__", "disk")], &(0..=120).collect::<Vec<_>>())]);
        check(
            &grid,
            0,
            |outcome| {
                outcome.range.data_end = Some(sample::at(4));
                outcome.rules[1].counts.warm_from = Some(sample::at(121));
            },
            &[
                "query-grid: looks like a query grid, not raw samples: every stamp is a multiple of 1m and none is missing; what lies between two stamps is not seen",
                "long-look-back: the look-back of 5m is longer than the recording (4m): a series that ends is seen to its end; --lookback-delta",
                "never-warm: HighCpu: windows are longer than the recording (2h) and never full",
            ],
        );
    }

    #[test]
    fn gaps_are_those_of_all_and_of_each_series() {
        let late = [0, 1, 2, 3, 4, 5, 20, 21];
        let store = store(&[(&[("__name__", "a")], &late), (&[("__name__", "b")], &[20, 21, 22, 23, 24, 25, 31])]);
        // The second series begins before the first one ends, so nothing is known of the whole.
        assert_eq!(common_gaps(&store), []);
        let told: Vec<_> = gaps(&store).into_iter().map(|gap| (gap.from, gap.to, gap.series)).collect();
        assert_eq!(told, [(sample::at(5), sample::at(20), 1), (sample::at(25), sample::at(31), 1)]);
    }
}
