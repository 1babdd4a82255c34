//! What recording rules compute, next to what was recorded under the same names: readers of rules do not see the
//! latter.

use std::collections::{BTreeMap, BTreeSet};

use crate::histogram::Buckets;
use crate::labels::{LabelSet, METRIC_NAME, Matcher};
use crate::promql::program::Root;
use crate::promql::query::SampleValue;
use crate::store::{Hidden, Reach, SelectorId, SeriesId, Store, is_stale};
use crate::time::{Millis, Timestamp};

use super::bits;
use super::event::RuleId;
use super::rule::{Body, RuleRun};
use super::targets::{Merged, Targets};
use super::written::Outputs;

/// How far two values may be apart, relative to the larger one, and still agree: sums in another order differ by less.
const TOLERANCE: f64 = 1e-9;

/// How the results of recording rules compare with the recorded series of the metric that they write. Rules see the
/// computed series; the recorded ones are hidden from them.
///
/// A point is one label set at one evaluation that did not fail. Its recorded value is what an instant selector would
/// have seen there: the newest sample within the look-back, if it is no stale marker. Where two rules write the same
/// series, the results of both count.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// The metric.
    pub metric: String,
    /// The rules that write it, in order.
    pub rules: Vec<RuleId>,
    /// Recorded series that have samples.
    pub series: u64,
    /// Their samples.
    pub samples: u64,
    /// Label sets that any of the rules had a result for.
    pub computed_series: u64,
    /// Recorded series whose label set no rule had a result for.
    pub recorded_only: u64,
    /// Label sets of results that no recorded series has.
    pub computed_only: u64,
    /// Points with a recorded and a computed value.
    pub compared: u64,
    /// Those of them whose values are equal within a relative 1e-9; NaN equals NaN.
    pub agreed: u64,
    /// Points with a recorded value and no computed one, counted from the first computed value of the label set.
    pub gaps: u64,
    /// The first point whose values differ.
    pub first: Option<Difference>,
    /// Series to show.
    pub examples: Examples,
}

/// The first series by labels, of those that have no counterpart if there are such.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examples {
    /// Of the recorded ones, with its newest value.
    pub recorded: Option<(LabelSet, f64)>,
    /// Of the computed ones.
    pub computed: Option<LabelSet>,
}

/// A point at which a recorded and a computed value differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// When.
    pub at: Timestamp,
    /// The labels of the series, the metric name included.
    pub labels: LabelSet,
    /// The value of the recording.
    pub recorded: SampleValue,
    /// The value of the rule.
    pub computed: SampleValue,
}

/// Where a recording rule finds what was recorded under its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorded {
    selector: SelectorId,
    lookback: Millis,
}

/// What was compared of one rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// By target: the recorded series with its labels.
    series: Vec<Option<SeriesId>>,
    /// How many recorded series there were when they were looked up.
    looked_at: usize,
    merged: Merged,
    compared: u64,
    agreed: u64,
    gaps: u64,
    first: Option<Difference>,
}

/// The results of a block.
pub(crate) struct Results<'a> {
    pub root: &'a Root<'a>,
    pub failed: &'a [u64],
    pub targets: &'a Targets,
    pub outputs: &'a Outputs,
    /// Targets up to this number had results in an earlier block.
    pub known: u32,
    pub slots: &'a [Timestamp],
    pub query_offset: Millis,
}

/// Registers with a recording what recording rules need for the comparison; `lookbacks` by rule, none for rules that
/// are not evaluated. The store then keeps recorded series of the names that they write; where there are none, this
/// costs a selector for each name.
pub(super) fn register(rules: &mut [RuleRun], lookbacks: &[Option<Millis>], recording: &mut Store) {
    let mut by_name: BTreeMap<String, (Millis, Vec<usize>)> = BTreeMap::new();
    for (at, (rule, lookback)) in rules.iter().zip(lookbacks).enumerate() {
        if let (Body::Recording(recorder), Some(lookback)) = (&rule.body, lookback) {
            let (longest, writers) = by_name.entry(recorder.metric().to_owned()).or_default();
            *longest = (*longest).max(*lookback);
            writers.push(at);
        }
    }
    for (name, (longest, writers)) in by_name {
        let matcher = Matcher::equal(METRIC_NAME, &name);
        let selector = recording.select(&[matcher], Reach::back(longest), &Hidden::default());
        recording.list_for_good(selector);
        for at in writers {
            if let (Body::Recording(recorder), Some(lookback)) = (&mut rules[at].body, lookbacks[at]) {
                recorder.compare_with(Recorded { selector, lookback });
            }
        }
    }
}

impl Recorded {
    /// Returns the recorded series.
    pub(crate) fn series(self, recording: &Store) -> &[SeriesId] {
        recording.selected(self.selector)
    }
}

impl Tally {
    /// Compares the results of a block with what was recorded. Cost: one pass over the steps and recorded samples of
    /// each series that is recorded and computed.
    pub(crate) fn add(&mut self, results: &Results<'_>, recorded: Recorded, recording: &Store) {
        self.look_up(results, recorded, recording);
        let Results { root, failed, targets, slots, known, query_offset, outputs } = results;
        let stamps: Vec<Timestamp> = slots.iter().take(root.steps).map(|slot| slot.minus(*query_offset)).collect();
        let (Some(first), Some(last)) = (stamps.first(), stamps.last()) else { return };
        let series = std::mem::take(&mut self.series);
        for (target, id) in (0..).zip(&series).filter_map(|(target, id)| Some((target, (*id)?))) {
            let samples = recording.samples(id, first.minus(recorded.lookback), *last);
            let mut merged = std::mem::take(&mut self.merged);
            let presence = targets.presence(target, root, &mut merged);
            let (mut taken, mut begun) = (0, target < *known);
            for (step, stamp) in stamps.iter().enumerate().filter(|(step, _)| !bits::is_set(failed, *step)) {
                while taken < samples.times.len() && samples.times[taken] <= *stamp {
                    taken += 1;
                }
                let computed = bits::is_set(presence.present, step).then(|| {
                    let value = presence.values[step];
                    if root.mixed { root.histograms.read(value) } else { SampleValue::Float(value) }
                });
                begun |= computed.is_some();
                let newest = taken.checked_sub(1).filter(|at| samples.times[*at] > stamp.minus(recorded.lookback));
                let Some(value) = newest.map(|at| samples.values[at]).filter(|value| !is_stale(*value)) else {
                    continue;
                };
                match computed {
                    Some(computed) => {
                        let value = SampleValue::of(value, recording.histogram(value));
                        self.compare(*stamp, outputs.labels(target), value, computed);
                    }
                    None => self.gaps += u64::from(begun),
                }
            }
            self.merged = merged;
        }
        self.series = series;
    }

    /// Looks up the recorded series of targets that have none yet, where there may be one.
    fn look_up(&mut self, results: &Results<'_>, recorded: Recorded, recording: &Store) {
        let found = recorded.series(recording).len();
        let from = if found == self.looked_at { self.series.len() } else { 0 };
        self.looked_at = found;
        self.series.resize(results.targets.len(), None);
        for (target, id) in (0..).zip(&mut self.series).skip(from) {
            *id = id.or_else(|| recording.find(results.outputs.labels(target)));
        }
    }

    fn compare(&mut self, at: Timestamp, labels: &LabelSet, recorded: SampleValue, computed: SampleValue) {
        self.compared += 1;
        if agree(&recorded, &computed) {
            self.agreed += 1;
        } else if self.first.as_ref().is_none_or(|first| (at, labels) < (first.at, &first.labels)) {
            self.first = Some(Difference { at, labels: labels.clone(), recorded, computed });
        }
    }
}

/// Returns whether two values are equal but for how they were rounded.
fn agree(a: &SampleValue, b: &SampleValue) -> bool {
    match (a, b) {
        (SampleValue::Float(a), SampleValue::Float(b)) => are_near(*a, *b),
        (SampleValue::Histogram(a), SampleValue::Histogram(b)) => {
            let sides = [(&a.positive, &b.positive), (&a.negative, &b.negative)];
            let numbers = [(a.count, b.count), (a.sum, b.sum), (a.zero_count, b.zero_count)];
            let is_side_near = |(a, b): &(&Buckets, &Buckets)| {
                a.populated().count() == b.populated().count()
                    && a.populated().zip(b.populated()).all(|(a, b)| a.0 == b.0 && are_near(a.1, b.1))
            };
            (a.schema, a.zero_threshold, &a.bounds) == (b.schema, b.zero_threshold, &b.bounds)
                && numbers.iter().all(|(a, b)| are_near(*a, *b))
                && sides.iter().all(is_side_near)
        }
        _ => false,
    }
}

fn are_near(a: f64, b: f64) -> bool {
    let near = || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
    a == b || (a.is_nan() && b.is_nan()) || (a.is_finite() && b.is_finite() && near())
}

/// Returns how rules compare with the recorded series that they hide, by metric. Cost: nothing where none is hidden;
/// otherwise a walk over its recorded and computed series.
pub(super) fn of<'a>(rules: impl Iterator<Item = &'a RuleRun>, recording: &Store) -> Vec<Agreement> {
    let mut by_name: BTreeMap<&str, Gathered<'_>> = BTreeMap::new();
    for rule in rules {
        let Body::Recording(recorder) = &rule.body else { continue };
        let Some(recorded) = recorder.compared_with() else { continue };
        if recorded.series(recording).iter().any(|id| recording.facts(*id).samples > 0) {
            let gathered = by_name.entry(recorder.metric()).or_insert_with(|| Gathered::of(recorded));
            gathered.rules.insert(rule.id);
            gathered.computed.extend(recorder.computed());
            gathered.tallies.extend(recorder.tally());
        }
    }
    by_name.into_iter().map(|(metric, gathered)| gathered.sum(metric, recording)).collect()
}

/// What the rules that write one metric have to say.
struct Gathered<'a> {
    recorded: Recorded,
    rules: BTreeSet<RuleId>,
    computed: BTreeSet<&'a LabelSet>,
    tallies: Vec<&'a Tally>,
}

impl Gathered<'_> {
    fn of(recorded: Recorded) -> Self {
        Self { recorded, rules: BTreeSet::new(), computed: BTreeSet::new(), tallies: Vec::new() }
    }

    fn sum(self, metric: &str, recording: &Store) -> Agreement {
        let ids = self.recorded.series(recording).iter().filter(|id| recording.facts(**id).samples > 0);
        let recorded: BTreeMap<&LabelSet, SeriesId> = ids.map(|id| (recording.labels(*id), *id)).collect();
        let both = self.computed.iter().filter(|labels| recorded.contains_key(**labels)).count();
        let sum = |count: fn(&Tally) -> u64| self.tallies.iter().map(|tally| count(tally)).sum();
        let firsts = self.tallies.iter().filter_map(|tally| tally.first.as_ref());
        let alone = recorded.iter().find(|(labels, _)| !self.computed.contains(*labels));
        let shown = alone.or_else(|| recorded.first_key_value());
        let computed_alone = self.computed.iter().find(|labels| !recorded.contains_key(**labels));
        let examples = Examples {
            recorded: shown.and_then(|(labels, id)| Some(((*labels).clone(), recording.newest_value(*id)?))),
            computed: computed_alone.or_else(|| self.computed.first()).map(|labels| (*labels).clone()),
        };
        Agreement {
            metric: metric.to_owned(),
            rules: self.rules.into_iter().collect(),
            series: recorded.len() as u64,
            samples: recorded.values().map(|id| recording.facts(*id).samples).sum(),
            computed_series: self.computed.len() as u64,
            recorded_only: (recorded.len() - both) as u64,
            computed_only: (self.computed.len() - both) as u64,
            compared: sum(|tally| tally.compared),
            agreed: sum(|tally| tally.agreed),
            gaps: sum(|tally| tally.gaps),
            first: firsts.min_by(|a, b| (a.at, &a.labels).cmp(&(b.at, &b.labels))).cloned(),
            examples,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::notation::parse_histogram;

    #[test]
    fn values_agree_that_differ_by_rounding_only() {
        let agree = |a: f64, b: f64| agree(&a.into(), &b.into());
        assert!(agree(0.1 + 0.2, 0.3) && agree(1e300, 1e300) && agree(0.0, -0.0));
        assert!(agree(f64::NAN, -f64::NAN) && agree(f64::INFINITY, f64::INFINITY));
        assert!(!agree(1.0, 1.000_001) && !agree(f64::INFINITY, 1.0) && !agree(f64::NAN, 1.0) && !agree(0.0, 1e-30));
    }

    #[test]
    fn histograms_agree_bucket_by_bucket() {
        let of = |text: &str| SampleValue::from(parse_histogram(text).expect(text).histogram);
        let check = |a: &str, b: &str, expected: bool| assert_eq!(super::agree(&of(a), &of(b)), expected, "{a} {b}");
        check("{{count:3 sum:0.3 buckets:[1 2]}}", "{{count:3 sum:0.30000000000000004 buckets:[1 2]}}", true);
        check("{{count:3 buckets:[1 2]}}", "{{count:3 buckets:[2 1]}}", false);
        check("{{count:3 buckets:[1 2]}}", "{{count:3 buckets:[1 2] offset:1}}", false);
        check("{{count:3}}", "{{schema:1 count:3}}", false);
        assert!(!super::agree(&of("{{}}"), &0.0.into()));
    }
}
