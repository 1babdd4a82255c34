//! What a recording tells of rules: its series, and what an evaluation by the ordinary engine found.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::diagnostic::Names;
use crate::engine::{Episode, RuleId, refused};
use crate::input::Recording;
use crate::labels::LabelSet;
use crate::outcome::{RuleFacts, RunOptions};
use crate::promql::ast::{Expr, Selector};
use crate::promql::query::{Query, QueryContext, Value};
use crate::replay::{Hold, Observer, Recorded, RunError};
use crate::rules::{Broken, Group, RuleSet};
use crate::store::SeriesId;
use crate::time::{Millis, Timestamp};

use super::data::shape::Shape;
use super::subject::{Place, Subject};

/// The most steps at which a part of an expression is evaluated by itself.
const STEPS: usize = 24;
/// The most where something that is hardly ever there would change what is said.
const MANY_STEPS: usize = 2000;

/// Reads a recording and evaluates rules on it; those that can never be evaluated are left out. Memory: the whole
/// recording, and all that the rules write.
///
/// # Errors
/// When the recording cannot be read, a group would be evaluated too often, or the observer stops the run.
pub fn record(
    rules: &RuleSet,
    options: &RunOptions,
    recording: &mut Recording,
    observer: &mut impl Observer,
) -> Result<Recorded, RunError> {
    Recorded::read(&sound(rules), options, Hold::All, recording, observer)
}

/// Switches off the rules that can never be evaluated: what is wrong with them was found before.
fn sound(rules: &RuleSet) -> RuleSet {
    let broken = Broken::of(rules);
    let mut rules = rules.clone();
    let all = rules.files.iter_mut().flat_map(|file| &mut file.groups).flat_map(|group| &mut group.rules);
    for rule in all.filter(|rule| rule.enabled) {
        rule.enabled = broken.leaves(rule) && refused(&rule.expr).is_empty();
    }
    rules
}

/// What an expression gave at a few steps, spread over the recording.
#[derive(Debug, Default)]
pub struct Probe {
    /// By step: the series and their values.
    pub steps: Vec<(Timestamp, Vec<(LabelSet, f64)>)>,
    /// Whether it failed at any step.
    pub failed: bool,
}

impl Probe {
    /// Walks over all label sets, equal ones again and again.
    pub fn labels(&self) -> impl Iterator<Item = &LabelSet> {
        self.steps.iter().flat_map(|(_, samples)| samples.iter().map(|(labels, _)| labels))
    }

    /// Walks over all values that are numbers.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        let values = self.steps.iter().flat_map(|(_, samples)| samples.iter().map(|(_, value)| *value));
        values.filter(|value| !value.is_nan())
    }
}

/// What a probe is of: rules with equal parts and schedules share it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    /// The first, the last, and how many there are.
    steps: (Timestamp, Timestamp, usize),
    lookback: Millis,
    offset: Option<Millis>,
    expr: String,
}

/// What lints of data look at.
pub struct Evidence<'a> {
    /// The rules.
    pub subject: &'a Subject<'a>,
    /// The recording and the run.
    pub recorded: &'a Recorded,
    /// The series of the recording by metric.
    metrics: BTreeMap<&'a str, Vec<SeriesId>>,
    names: RefCell<Names<'a>>,
    probes: RefCell<BTreeMap<Asked, Rc<Probe>>>,
    /// Where the episodes of each rule stand.
    episodes: BTreeMap<RuleId, Vec<usize>>,
    /// How the values of metrics move, as far as it was asked.
    shapes: RefCell<BTreeMap<String, Shape>>,
}

impl<'a> Evidence<'a> {
    /// Puts rules and what they were on a recording together; `recorded` is of the same rules. Cost: a walk over all
    /// series and episodes.
    #[must_use]
    pub fn new(subject: &'a Subject<'a>, recorded: &'a Recorded) -> Self {
        let store = &recorded.store;
        let mut metrics: BTreeMap<&str, Vec<SeriesId>> = BTreeMap::new();
        for id in store.ids().filter(|id| store.facts(*id).samples > 0) {
            metrics.entry(store.labels(id).metric().unwrap_or("")).or_default().push(id);
        }
        let mut episodes: BTreeMap<RuleId, Vec<usize>> = BTreeMap::new();
        for (at, episode) in recorded.outcome.episodes.iter().enumerate() {
            episodes.entry(episode.rule).or_default().push(at);
        }
        let written = subject.recorded.keys().copied().filter(|name| !metrics.contains_key(name));
        let names = RefCell::new(Names::new(metrics.keys().copied().chain(written)));
        let (probes, shapes) = (RefCell::default(), RefCell::default());
        Self { subject, recorded, metrics, names, probes, episodes, shapes }
    }

    /// Walks over the rules that were evaluated, with what is known of each.
    pub fn rules(&self) -> impl Iterator<Item = (Place<'_>, &RuleFacts)> {
        self.subject.places().filter_map(|place| {
            let facts = self.recorded.outcome.rule(RuleId(u32::try_from(place.number).ok()?))?;
            (!facts.disabled).then_some((place, facts))
        })
    }

    /// Walks over the alerting rules among them.
    pub fn alerts(&self) -> impl Iterator<Item = (Place<'_>, &RuleFacts)> {
        self.rules().filter(|(place, _)| place.is_alert())
    }

    /// Returns the episodes of a rule, by the time at which they fired or became active.
    #[must_use]
    pub fn episodes(&self, facts: &RuleFacts) -> Vec<&Episode> {
        let places = self.episodes.get(&facts.id).into_iter().flatten();
        places.map(|at| &self.recorded.outcome.episodes[*at]).collect()
    }

    /// Returns the series of a metric of the recording.
    #[must_use]
    pub fn series_of(&self, metric: &str) -> &[SeriesId] {
        self.metrics.get(metric).map_or(&[], Vec::as_slice)
    }

    /// Returns the series of the recording that a selector takes; none of a metric that rules write.
    #[must_use]
    pub fn series(&self, selector: &Selector) -> Vec<SeriesId> {
        let takes = |id: &SeriesId| {
            let labels = self.recorded.store.labels(*id);
            selector.matchers.iter().all(|matcher| matcher.matches_set(labels))
        };
        match selector.metric() {
            Some(metric) if self.is_written(metric) => Vec::new(),
            Some(metric) => self.series_of(metric).iter().copied().filter(takes).collect(),
            None => self.metrics.values().flatten().copied().filter(takes).collect(),
        }
    }

    /// Returns the labels of an alert, without those that its rule sets and the name.
    #[must_use]
    pub fn bare(place: &Place<'_>, labels: &LabelSet) -> LabelSet {
        let is_set = |name: &str| name == "alertname" || place.rule.labels.iter().any(|(set, _)| set == name);
        labels.without_metric().filter(|name| !is_set(name))
    }

    /// Returns the series of the recording that a rule reads and an alert may be about: those with no other value of a
    /// label of the alert.
    #[must_use]
    pub fn series_behind(&self, place: &Place<'_>, alert: &LabelSet) -> Vec<SeriesId> {
        let alert = Self::bare(place, alert);
        let fits = |id: &SeriesId| {
            let labels = self.recorded.store.labels(*id);
            alert.iter().all(|(name, value)| labels.get(name).is_none_or(|own| own == value))
        };
        let read = place.rule.expr.selectors().into_iter().flat_map(|found| self.series(found.selector));
        read.filter(fits).collect()
    }

    /// Returns whether rules write a metric, `ALERTS` among them: series of it in the recording are not seen.
    #[must_use]
    pub fn is_written(&self, metric: &str) -> bool {
        matches!(metric, "ALERTS" | "ALERTS_FOR_STATE") || self.subject.recorded.contains_key(metric)
    }

    /// Returns the metrics, recorded or written by rules, whose names are near another one.
    #[must_use]
    pub fn near(&self, metric: &str) -> Vec<&'a str> {
        self.names.borrow_mut().nearest(metric).to_vec()
    }

    /// Returns how far the samples of a series are apart as a rule.
    #[must_use]
    pub fn spacing(&self, id: SeriesId) -> Option<Millis> {
        self.recorded.survey.spacing(id)
    }

    /// Returns whether a metric is a counter (or else a gauge), where the recording itself says so. Counters of OpenMetrics
    /// are described without `_total`, the parts of histograms without their endings.
    pub(super) fn is_declared_counter(&self, metric: &str) -> Option<bool> {
        let types = &self.recorded.types;
        let is = |name: Option<&str>, word: &str| name.and_then(|name| types.get(name)).is_some_and(|own| own == word);
        let part = ["_bucket", "_count", "_sum"].iter().find_map(|ending| metric.strip_suffix(ending));
        let counter =
            is(Some(metric), "counter") || is(metric.strip_suffix("_total"), "counter") || is(part, "histogram");
        if counter { Some(true) } else { is(Some(metric), "gauge").then_some(false) }
    }

    /// Returns how the values of a metric of the recording move.
    pub(super) fn shape(&self, metric: &str) -> Shape {
        if let Some(known) = self.shapes.borrow().get(metric) {
            return *known;
        }
        let shape = Shape::of(self, metric);
        self.shapes.borrow_mut().insert(metric.to_owned(), shape);
        shape
    }

    /// Returns how long the recording is.
    #[must_use]
    pub fn length(&self) -> Millis {
        let range = &self.recorded.outcome.range;
        range.data_end.zip(range.data_start).map_or(Millis::ZERO, |(end, start)| end.since(start))
    }

    /// Returns how far an instant selector of a group looks back.
    #[must_use]
    pub fn lookback(&self, group: &Group) -> Millis {
        self.recorded.outcome.options.engine().lookback_of(group)
    }

    /// Evaluates a part of a rule by itself at a few of its steps, on the recording and what rules wrote.
    #[must_use]
    pub fn probe(&self, place: &Place<'_>, expr: &Expr) -> Rc<Probe> {
        let Some(facts) = self.recorded.outcome.rule(RuleId(u32::try_from(place.number).unwrap_or(u32::MAX))) else {
            return Rc::default();
        };
        let steps = self.steps(place, facts, STEPS);
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return Rc::default() };
        let asked = Asked {
            steps: (*first, *last, steps.len()),
            lookback: self.lookback(place.group),
            offset: place.group.query_offset,
            expr: expr.to_string(),
        };
        if let Some(known) = self.probes.borrow().get(&asked) {
            return Rc::clone(known);
        }
        let probe = Rc::new(self.evaluate(place, expr, &steps));
        self.probes.borrow_mut().insert(asked, Rc::clone(&probe));
        probe
    }

    /// Evaluates a part of a rule by itself at all of its steps, or at many where there are more.
    #[must_use]
    pub fn probe_closely(&self, place: &Place<'_>, facts: &RuleFacts, expr: &Expr) -> Probe {
        self.evaluate(place, expr, &self.steps(place, facts, MANY_STEPS))
    }

    /// Evaluates a part of a rule by itself at slots of its group.
    #[must_use]
    pub fn evaluate(&self, place: &Place<'_>, expr: &Expr, slots: &[Timestamp]) -> Probe {
        let run = self.recorded.outcome.options.engine();
        let mut options = run.query();
        options.lookback = run.lookback_of(place.group);
        let Ok(mut query) = Query::of(expr, QueryContext::Rule, &options) else {
            return Probe { failed: true, ..Probe::default() };
        };
        let offset = place.group.query_offset.unwrap_or(Millis::ZERO);
        let mut probe = Probe::default();
        for slot in slots {
            match self.recorded.engine.query(&mut query, &self.recorded.store, slot.minus(offset)) {
                Ok(Value::Vector(samples)) => {
                    let samples = samples.into_iter().map(|(labels, value)| (labels, value.or_nan())).collect();
                    probe.steps.push((*slot, samples));
                }
                Ok(Value::Scalar(value)) => probe.steps.push((*slot, vec![(LabelSet::empty(), value)])),
                Ok(Value::String(_) | Value::Matrix(_)) | Err(_) => probe.failed = true,
            }
        }
        probe
    }

    /// Returns some of the steps of a rule from the first on at which its windows were full, spread evenly.
    fn steps(&self, place: &Place<'_>, facts: &RuleFacts, most: usize) -> Vec<Timestamp> {
        let outcome = &self.recorded.outcome;
        let Some(from) = outcome.range.evaluated_from else { return Vec::new() };
        let to = outcome.last_step(facts);
        let warm = facts.counts.warm_from.map_or(from, |warm| warm.max(from));
        let from = if warm > to { from } else { warm };
        let interval = outcome.interval(facts);
        if interval > Millis::ZERO {
            let all = usize::try_from(to.since(from).0.max(0) / interval.0).unwrap_or(usize::MAX) + 1;
            let first = to.minus(Millis(interval.0.saturating_mul(all as i64 - 1)));
            return spread(all, most).map(|at| first.plus(Millis(interval.0 * at as i64))).collect();
        }
        // Rows and snapshots: where a series that the rule reads has samples.
        let selectors = place.rule.expr.selectors();
        let read = selectors.iter().flat_map(|found| self.series(found.selector));
        let longest = read.max_by_key(|id| self.recorded.store.facts(*id).samples);
        let times = longest.map(|id| self.recorded.store.samples(id, from.minus(Millis(1)), to).times).unwrap_or(&[]);
        spread(times.len(), most).map(|at| times[at]).collect()
    }
}

/// Returns up to `most` places out of so many, the first and the last among them.
fn spread(all: usize, most: usize) -> impl Iterator<Item = usize> {
    let many = all.min(most);
    (0..many).map(move |at| if many < 2 { 0 } else { at * (all - 1) / (many - 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_spread_from_the_first_to_the_last() {
        let check = |all: usize, expected: (usize, Option<usize>, Option<usize>)| {
            let places: Vec<usize> = spread(all, STEPS).collect();
            assert_eq!((places.len(), places.first().copied(), places.last().copied()), expected);
        };
        check(0, (0, None, None));
        check(1, (1, Some(0), Some(0)));
        check(5, (5, Some(0), Some(4)));
        check(1441, (STEPS, Some(0), Some(1440)));
    }
}
