//! What a person would want to know of a run next to its results: a sentence each, with the flag that helps.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Severity, codes};
use crate::engine::RuleId;
use crate::format::{counted, duration};
use crate::rules::{Evaluate, RuleSet};
use crate::survey::{Findings, MetricFacts};
use crate::time::{Millis, Timestamp};

use super::{Finding, Origin, Outcome};

/// The most names that one line lists.
const NAMED: usize = 3;

/// The share of samples above which inferred stale markers are many. Unit: percent.
const MANY_MARKERS: f64 = 3.0;
/// The fewest that are worth a warning.
const FEWEST_MARKERS: u64 = 10;

/// How the reported rules select a metric.
#[derive(Default)]
struct Selected {
    /// Whether a selector looks back for its newest sample.
    instant: bool,
    /// The rules, as places in the outcome.
    rules: BTreeSet<usize>,
}

/// Returns what a person would want to know of a run; `left_out` is how many rules are not reported.
pub(super) fn notes(outcome: &Outcome, rules: &RuleSet, recording: &Findings, left_out: usize) -> Vec<Finding> {
    let selected = selected(outcome, rules);
    let by_rows = rules.groups().all(|(_, group)| group.evaluate == Evaluate::EveryRow);
    let instant = |metric: &MetricFacts| selected.get(metric.name.as_str()).is_some_and(|found| found.instant);
    let mut notes = Vec::new();
    if left_out > 0 {
        let flag = if outcome.options.selection.alert.is_some() { "--alert" } else { "--group" };
        let message = format!("{} left out of the report by {flag}", counted(left_out as u64, "rule"));
        notes.push(note(codes::RULES_LEFT_OUT, message));
    }
    if !by_rows {
        notes.extend(recording.long_cadence_hint(instant).map(Finding::from));
        notes.extend(recording.grid_hint().map(Finding::from));
        notes.extend(long_look_back(outcome));
    }
    notes.extend(many_stale_markers(outcome));
    notes.extend(never_warm(outcome));
    notes.extend(ends_early(outcome, &selected, recording));
    notes.extend(recording.replicas_hint().map(Finding::from));
    notes
}

fn note(code: &'static str, message: String) -> Finding {
    Finding { code, severity: Severity::Info, message, place: None }
}

/// Returns the metrics that reported rules select by name.
fn selected<'a>(outcome: &Outcome, rules: &'a RuleSet) -> BTreeMap<&'a str, Selected> {
    let mut selected: BTreeMap<&str, Selected> = BTreeMap::new();
    for (number, (_, rule)) in (0..).zip(rules.rules()) {
        let Ok(place) = outcome.rules.binary_search_by_key(&number, |rule| rule.id.0) else { continue };
        for found in rule.expr.selectors() {
            let Some(name) = found.selector.metric() else { continue };
            let metric = selected.entry(name).or_default();
            metric.instant |= found.range.is_none();
            metric.rules.insert(place);
        }
    }
    selected
}

/// Says that a selector looks back further than the recording is long.
fn long_look_back(outcome: &Outcome) -> Option<Finding> {
    let look_back = outcome.options.lookback_delta.value;
    let span = outcome.range.data_end?.since(outcome.range.data_start?);
    (look_back > span && span > Millis::ZERO).then(|| {
        let message = format!(
            "the look-back of {look_back} is longer than the recording ({}): a series that ends is seen to its end; --lookback-delta",
            duration(span)
        );
        note(codes::LONG_LOOK_BACK, message)
    })
}

/// Says that series seem to end again and again: each inferred end makes alerts on them inactive.
fn many_stale_markers(outcome: &Outcome) -> Option<Finding> {
    let markers: u64 = outcome.recordings.iter().map(|recording| recording.stale_inferred).sum();
    let samples = outcome.input.samples;
    let share = 100.0 * markers as f64 / samples.max(1) as f64;
    (markers >= FEWEST_MARKERS && share > MANY_MARKERS).then(|| {
        let message = format!(
            "{} inferred for {} ({share:.0} %): series come and go, and each end makes alerts inactive; compare with --stale off",
            counted(markers, "stale marker"),
            counted(samples, "sample")
        );
        Finding { severity: Severity::Warning, ..note(codes::MANY_STALE_MARKERS, message) }
    })
}

/// Names rules whose windows are never full.
fn never_warm(outcome: &Outcome) -> Option<Finding> {
    let to = outcome.range.evaluated_to?;
    let span = to.since(outcome.range.data_start?);
    let cold = || outcome.rules.iter().filter(|rule| rule.counts.warm_from.is_some_and(|from| from > to));
    cold().next()?;
    let names = named(cold().map(|rule| rule.name.clone()));
    let message = format!("{names}: windows are longer than the recording ({}) and never full", duration(span));
    Some(Finding { severity: Severity::Warning, ..note(codes::NEVER_WARM, message) })
}

/// Names metrics that end before the recording does, and counts what fired after that.
fn ends_early(outcome: &Outcome, selected: &BTreeMap<&str, Selected>, recording: &Findings) -> Option<Finding> {
    let mut found = Finding::from(recording.ends_early_hint(|metric| selected.contains_key(metric.name.as_str()))?);
    let mut after: BTreeMap<RuleId, Timestamp> = BTreeMap::new();
    for metric in recording.ended_early() {
        let rules = selected.get(metric.name.as_str()).into_iter().flat_map(|found| &found.rules);
        for rule in rules.map(|place| outcome.rules[*place].id) {
            let first = after.entry(rule).or_insert(metric.last);
            *first = metric.last.min(*first);
        }
    }
    let fired = outcome.episodes.iter().filter(|episode| {
        let ended = after.get(&episode.rule);
        ended.is_some_and(|ended| episode.activity.fired_at.is_some_and(|fired| fired > *ended))
    });
    match fired.count() as u64 {
        0 => {}
        many => found.message.push_str(&format!("; {} of its rules came after", counted(many, "firing"))),
    }
    Some(found)
}

/// Names, for machines, intervals that nobody gave; the summary says so to people.
pub(super) fn assumed(outcome: &Outcome) -> Vec<Finding> {
    let groups = outcome.groups.iter();
    let assumed = groups
        .filter(|group| !group.schedule.interval_from_file && outcome.options.eval_interval.from == Origin::Default);
    let each = assumed.map(|group| {
        let message = format!("the group {} has no interval: {} is assumed", group.name, group.schedule.interval);
        Finding {
            severity: Severity::Warning,
            place: Some((group.file.clone(), 1, 1)),
            ..note(codes::INTERVAL_ASSUMED, message)
        }
    });
    each.collect()
}

pub(super) fn named(names: impl Iterator<Item = String>) -> String {
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
    use crate::labels::LabelSet;
    use crate::store::{Batch, Store};
    use crate::survey::{Depth, Survey};

    const RULES: &str = "\
groups:
- name: disks
  rules:
  - alert: DiskFull
    expr: '{__name__=\"disk\"} < 5'
  - alert: HighCpu
    expr: rate(cpu[5m]) > 1
  - alert: BatchMissing
    expr: batch > 1
";

    /// Labels, and the minutes of the samples.
    type SeriesAt<'a> = (&'a [(&'a str, &'a str)], &'a [i64]);

    /// Learns of series that have samples at the given minutes.
    fn findings(series: &[SeriesAt<'_>]) -> Findings {
        let (mut store, mut survey) = (Store::default(), Survey::new(Depth::Times));
        for (labels, minutes) in series {
            let id = store.series(&LabelSet::new(labels.iter().copied()));
            let mut batch = Batch::default();
            minutes.iter().for_each(|minute| batch.push(id, sample::at(*minute), 1.0, 0));
            survey.observe(&store, &batch);
            store.append(&batch).expect("in order");
        }
        survey.findings(&store, Millis(300_000))
    }

    fn check(recording: &Findings, left_out: usize, change: impl FnOnce(&mut Outcome), expected: &[&str]) {
        let mut rules = RuleSet::default();
        rules.add("node.yml", RULES.as_bytes());
        let mut outcome = sample::outcome();
        change(&mut outcome);
        let told = notes(&outcome, &rules, recording, left_out);
        let told: Vec<String> = told.iter().map(|note| format!("{}: {}", note.code, note.message)).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn samples_that_lie_further_apart_than_selectors_look_are_reported() {
        let every = [1, 16, 31, 46, 61, 76, 91, 106, 120];
        let sparse = findings(&[(&[("__name__", "disk")], &every), (&[("__name__", "cpu")], &every)]);
        assert_eq!(sparse.cadence, Some(Millis(900_000)));
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
    fn metrics_that_end_and_replicas_are_reported() {
        let all: Vec<i64> = (0..=120).map(|minute| minute + i64::from(minute % 7 == 3)).step_by(2).collect();
        let recording = findings(&[
            (&[("__name__", "disk"), ("replica", "a")], &all[..20]),
            (&[("__name__", "disk"), ("replica", "b")], &all[..25]),
            (&[("__name__", "cpu")], &all),
        ]);
        check(
            &recording,
            0,
            |_| (),
            &[
                "ends-early: disk ends at 2026-01-06T00:48:00Z, 1h12m before the recording; 1 firing of its rules came after",
                "replicas: two replicas are in one recording: series differ in replica alone (\"a\", \"b\"), so rules see everything twice; keep one of them",
            ],
        );
    }

    #[test]
    fn grids_and_short_recordings_are_reported() {
        let grid = findings(&[(&[("__name__", "disk")], &(0..=120).collect::<Vec<_>>())]);
        check(
            &grid,
            0,
            |outcome| {
                outcome.range.data_end = Some(sample::at(4));
                outcome.rules[1].counts.warm_from = Some(sample::at(121));
            },
            &[
                "query-grid: looks like a query grid, not raw samples: every stamp is a multiple of 1m and none is missing; changes between two stamps are missing",
                "long-look-back: the look-back of 5m is longer than the recording (4m): a series that ends is seen to its end; --lookback-delta",
                "never-warm: HighCpu: windows are longer than the recording (2h) and never full",
            ],
        );
    }
}
