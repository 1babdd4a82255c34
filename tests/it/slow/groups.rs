//! The obvious rule evaluation: every rule at every slot, one after the other, all label sets built again, the life of
//! an alert written down as alerting.md tells it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use alertctl::labels::{LabelSet, METRIC_NAME};
use alertctl::promql::ast::Expr;
use alertctl::store::stale_marker;

use super::histograms::{stored_hint, with_stored_hints};
use super::{Fault, Options, SampleValue, Starts, Stored, Value, View, instant_of};

/// Rules that are evaluated together. Unit of time: milliseconds.
pub(crate) struct Group {
    /// The distance of its slots.
    pub(crate) interval: i64,
    /// The first slot modulo the interval.
    pub(crate) offset: i64,
    /// How far before the slot its expressions are evaluated.
    pub(crate) query_offset: i64,
    /// The most series or alerts of a rule; 0 is no limit.
    pub(crate) limit: usize,
    /// Its rules, in order.
    pub(crate) rules: Vec<Rule>,
}

/// One rule.
pub(crate) struct Rule {
    /// The alert's or recorded metric's name.
    pub(crate) name: String,
    /// Its expression.
    pub(crate) expr: Expr,
    /// Labels it sets, sorted by name, those of the group among them.
    pub(crate) labels: Vec<(String, Label)>,
    /// What it does.
    pub(crate) kind: Kind,
}

/// The two kinds of rule.
pub(crate) enum Kind {
    /// Writes what its expression gives.
    Record,
    /// Alerts on what its expression gives. Unit: milliseconds.
    Alert {
        /// `for`
        hold: i64,
        /// `keep_firing_for`
        keep: i64,
    },
}

/// What a template gives for the labels and the value of a sample.
pub(crate) type Expand = dyn Fn(&LabelSet, &SampleValue) -> String;

/// The value of a rule's label.
#[derive(Clone)]
pub(crate) struct Label {
    /// As it is written.
    pub(crate) written: String,
    /// What it gives for the labels and the value of a sample.
    pub(crate) expand: Rc<Expand>,
}

impl Label {
    /// Makes a label that is always the same.
    pub(crate) fn plain(text: &str) -> Self {
        let same = text.to_owned();
        Self { written: text.to_owned(), expand: Rc::new(move |_, _| same.clone()) }
    }
}

/// One stretch of activity of one alert.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(crate) struct Episode {
    /// The number of the group.
    pub(crate) group: usize,
    /// The number of the rule in it.
    pub(crate) rule: usize,
    /// The alert's labels.
    pub(crate) labels: LabelSet,
    /// Since when it is active.
    pub(crate) active_at: i64,
    /// Since when it fires.
    pub(crate) fired_at: Option<i64>,
    /// Since when it is inactive.
    pub(crate) ended_at: Option<i64>,
}

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// The episodes, in no particular order.
    pub(crate) episodes: Vec<Episode>,
    /// Slot, group, rule and words of each evaluation that failed.
    pub(crate) faults: Vec<(i64, usize, usize, String)>,
    /// What the rules wrote, stale markers among it.
    pub(crate) written: Vec<Stored>,
}

/// The states of alerts that are kept.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Inactive,
    Pending,
    Firing,
}

#[derive(Clone)]
struct Alert {
    state: State,
    active_at: i64,
    fired_at: Option<i64>,
    keep_since: Option<i64>,
    resolved_at: Option<i64>,
}

/// How long a resolved alert is kept. Unit: milliseconds.
const RETENTION: i64 = 15 * 60_000;

#[derive(Default)]
struct Memory {
    alerts: BTreeMap<LabelSet, Alert>,
    /// The series of the last evaluation that succeeded.
    emitted: BTreeSet<LabelSet>,
}

/// Evaluates all groups at all their slots from `first` to `last`.
pub(crate) fn run(recorded: &[Stored], groups: &[Group], first: i64, last: i64, options: &Options) -> Run {
    let mut agenda = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let slots = (0..).map(|at| {
            (first - group.offset).div_euclid(group.interval) * group.interval + group.offset + at * group.interval
        });
        for slot in slots.skip_while(|slot| *slot < first).take_while(|slot| *slot <= last) {
            agenda.extend((0..group.rules.len()).map(|rule| (slot, number, rule)));
        }
    }
    agenda.sort_unstable();
    let recorded = with_stored_hints(recorded.to_vec());
    let mut runner =
        Runner { recorded, groups, options, written: BTreeMap::new(), memories: BTreeMap::new(), out: Run::default() };
    for (slot, group, rule) in agenda {
        runner.evaluate(slot, group, rule);
    }
    runner.finish()
}

/// A sample that a rule gives.
type Emission = (LabelSet, SampleValue);

/// A rule's place: group and number.
type Place = (usize, usize);

struct Runner<'a> {
    recorded: Vec<Stored>,
    groups: &'a [Group],
    options: &'a Options,
    /// By label set and writer.
    written: BTreeMap<LabelSet, BTreeMap<Place, Vec<(i64, SampleValue)>>>,
    memories: BTreeMap<Place, Memory>,
    out: Run,
}

impl Runner<'_> {
    fn evaluate(&mut self, slot: i64, group: usize, rule: usize) {
        let mut memory = self.memories.remove(&(group, rule)).unwrap_or_default();
        match self.emissions(slot, (group, rule), &mut memory) {
            Ok(samples) => self.write(slot - self.groups[group].query_offset, (group, rule), &mut memory, samples),
            Err(words) => self.out.faults.push((slot, group, rule, words)),
        }
        self.memories.insert((group, rule), memory);
    }

    /// Returns what the rule writes at a slot.
    fn emissions(&mut self, slot: i64, place: Place, memory: &mut Memory) -> Result<Vec<Emission>, String> {
        let group = &self.groups[place.0];
        let rule = &group.rules[place.1];
        let (visible, at) = (self.visible(slot, place), slot - group.query_offset);
        let samples = match instant_of((&visible, &Starts::new()), &rule.expr, at, self.options) {
            Ok(Value::Vector(samples)) => samples,
            Ok(Value::Scalar(value)) => vec![(LabelSet::empty(), value.into())],
            Ok(other) => panic!("a rule that gives {other:?} is refused when it is loaded"),
            Err(Fault::Failed(words)) => return Err(words),
            Err(Fault::Unsupported(what)) => panic!("not known here: {what}"),
        };
        match rule.kind {
            Kind::Record => record(group, rule, samples),
            Kind::Alert { hold, keep } => {
                let samples = alert_labels(rule, samples)?;
                let episodes = &mut self.out.episodes;
                step(slot, place, group.limit, (hold, keep), samples, memory, episodes)?;
                Ok(alert_series(rule, memory))
            }
        }
    }

    /// Returns the recording and what the rules wrote, as far as the rule may see it.
    fn visible(&self, slot: i64, reader: Place) -> Vec<View<'_>> {
        let mut views: Vec<View<'_>> =
            self.recorded.iter().map(|(labels, points)| (labels, Cow::Borrowed(points.as_slice()))).collect();
        for (labels, writers) in &self.written {
            let seen = |(writer, points): (&Place, &'_ Vec<(i64, SampleValue)>)| {
                let bound = slot - self.groups[writer.0].query_offset - i64::from(*writer >= reader);
                points.partition_point(|(at, _)| *at <= bound)
            };
            if writers.len() == 1 {
                let one = writers.iter().next().expect("there is one");
                views.push((labels, Cow::Borrowed(&one.1[..seen(one)])));
                continue;
            }
            let mut merged: BTreeMap<i64, SampleValue> = BTreeMap::new();
            for one in writers {
                merged.extend(one.1[..seen(one)].iter().cloned());
            }
            views.push((labels, Cow::Owned(merged.into_iter().collect())));
        }
        views
    }

    /// Writes samples and, for the series that were there the last time and are not now, stale markers.
    fn write(&mut self, stamp: i64, place: Place, memory: &mut Memory, samples: Vec<Emission>) {
        let mut now = BTreeSet::new();
        for (labels, value) in samples {
            if self.append(stamp, place, &labels, value) {
                now.insert(labels);
            }
        }
        for labels in memory.emitted.difference(&now) {
            self.append(stamp, place, labels, stale_marker().into());
        }
        memory.emitted = now;
    }

    /// Takes a sample; of two samples of one series at one time the first counts, and none goes back in time. Tells
    /// whether it is there now.
    fn append(&mut self, stamp: i64, place: Place, labels: &LabelSet, mut value: SampleValue) -> bool {
        let writers = self.written.entry(labels.clone()).or_default();
        let newest = writers.values().filter_map(|points| points.last()).max_by_key(|(at, _)| *at);
        match newest {
            Some((at, held)) if *at >= stamp => {
                *at == stamp
                    && match (held, &value) {
                        (SampleValue::Float(held), SampleValue::Float(value)) => held.to_bits() == value.to_bits(),
                        (SampleValue::Histogram(held), SampleValue::Histogram(value)) => held.equals(value),
                        _ => false,
                    }
            }
            before => {
                if let SampleValue::Histogram(histogram) = &mut value {
                    let before = before.and_then(|(_, value)| value.histogram());
                    let hint = stored_hint(histogram, before.map(Arc::as_ref));
                    Arc::make_mut(histogram).hint = hint;
                }
                writers.entry(place).or_default().push((stamp, value));
                true
            }
        }
    }

    fn finish(mut self) -> Run {
        for (labels, writers) in self.written {
            let mut points: Vec<(i64, SampleValue)> = writers.into_values().flatten().collect();
            points.sort_by_key(|(at, _)| *at);
            self.out.written.push((labels, points));
        }
        for ((group, rule), memory) in self.memories {
            for (labels, alert) in memory.alerts.into_iter().filter(|(_, alert)| alert.state != State::Inactive) {
                let (active_at, fired_at) = (alert.active_at, alert.fired_at);
                self.out.episodes.push(Episode { group, rule, labels, active_at, fired_at, ended_at: None });
            }
        }
        self.out
    }
}

fn record(group: &Group, rule: &Rule, samples: Vec<Emission>) -> Result<Vec<Emission>, String> {
    let mut out = Vec::new();
    for (labels, value) in samples {
        let mut builder = labels.to_builder();
        builder.set(METRIC_NAME, &rule.name);
        for (name, label) in &rule.labels {
            builder.set(name, &label.written);
        }
        out.push((builder.build(), value));
    }
    if super::eval::repeats(out.iter().map(|(labels, _)| labels)) {
        return Err("vector contains metrics with the same labelset after applying rule labels".to_owned());
    }
    if group.limit > 0 && out.len() > group.limit {
        return Err(format!("exceeded limit of {} with {} series", group.limit, out.len()));
    }
    Ok(out)
}

/// Returns the label sets of the alerts that a result stands for.
fn alert_labels(rule: &Rule, samples: Vec<Emission>) -> Result<BTreeSet<LabelSet>, String> {
    let mut out = BTreeSet::new();
    for (labels, value) in samples {
        let mut builder = labels.to_builder();
        builder.remove(METRIC_NAME);
        for (name, label) in &rule.labels {
            builder.set(name, &(label.expand)(&labels, &value));
        }
        builder.set("alertname", &rule.name);
        if !out.insert(builder.build()) {
            return Err("vector contains metrics with the same labelset after applying alert labels".to_owned());
        }
    }
    Ok(out)
}

/// Takes the alerts of a rule from one slot to the next.
fn step(
    slot: i64,
    (group, rule): Place,
    limit: usize,
    (hold, keep): (i64, i64),
    present: BTreeSet<LabelSet>,
    memory: &mut Memory,
    episodes: &mut Vec<Episode>,
) -> Result<(), String> {
    let before = memory.alerts.clone();
    let episode = |labels: &LabelSet, alert: &Alert| Episode {
        group,
        rule,
        labels: labels.clone(),
        active_at: alert.active_at,
        fired_at: alert.fired_at,
        ended_at: Some(slot),
    };
    for labels in &present {
        if memory.alerts.get(labels).is_none_or(|alert| alert.state == State::Inactive) {
            let state = State::Pending;
            let alert = Alert { state, active_at: slot, fired_at: None, keep_since: None, resolved_at: None };
            memory.alerts.insert(labels.clone(), alert);
        }
    }
    let mut active = 0;
    let mut ended = Vec::new();
    let mut forgotten = Vec::new();
    for (labels, alert) in &mut memory.alerts {
        if present.contains(labels) {
            alert.keep_since = None;
        } else {
            let mut kept = false;
            if alert.state == State::Firing && keep > 0 {
                kept = slot - *alert.keep_since.get_or_insert(slot) < keep;
            }
            if alert.state == State::Pending || alert.resolved_at.is_some_and(|at| slot - at > RETENTION) {
                forgotten.push(labels.clone());
            }
            if alert.state != State::Inactive && !kept {
                ended.push(episode(labels, alert));
                alert.state = State::Inactive;
                alert.resolved_at = Some(slot);
            }
            if !kept {
                continue;
            }
        }
        active += 1;
        if alert.state == State::Pending && slot - alert.active_at >= hold {
            alert.state = State::Firing;
            alert.fired_at = Some(slot);
        }
    }
    for labels in forgotten {
        memory.alerts.remove(&labels);
    }
    if limit > 0 && active > limit {
        // All is thrown away: what was active before this evaluation ends with it, what it would have begun did not.
        let live = before.iter().filter(|(_, alert)| alert.state != State::Inactive);
        episodes.extend(live.map(|(labels, alert)| episode(labels, alert)));
        memory.alerts.clear();
        return Err(format!("exceeded limit of {limit} with {active} alerts"));
    }
    episodes.extend(ended);
    Ok(())
}

/// Returns ALERTS and ALERTS_FOR_STATE of the active alerts: under their labels stand the rule's, as they are written.
fn alert_series(rule: &Rule, memory: &Memory) -> Vec<Emission> {
    let mut out = Vec::new();
    for (labels, alert) in &memory.alerts {
        let word = match alert.state {
            State::Inactive => continue,
            State::Pending => "pending",
            State::Firing => "firing",
        };
        let mut builder = LabelSet::empty().to_builder();
        for (name, label) in &rule.labels {
            builder.set(name, &label.written);
        }
        for (name, value) in labels.iter() {
            builder.set(name, value);
        }
        builder.set("alertname", &rule.name);
        let seconds = alert.active_at.div_euclid(1000);
        out.push((builder.set(METRIC_NAME, "ALERTS_FOR_STATE").build(), (seconds as f64).into()));
        out.push((builder.set(METRIC_NAME, "ALERTS").set("alertstate", word).build(), 1.0.into()));
    }
    out
}
