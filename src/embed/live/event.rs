//! Alerts as they are, and what happens to them.

use std::fmt;
use std::sync::Arc;

use crate::labels::LabelSet;
use crate::time::Timestamp;

use super::super::alert::{AlertState, Cause};
use super::super::rule_set::RuleHandle;

/// Identifies one alert: its rule and its labels.
///
/// ```
/// use alertctl::{AlertKey, LabelSet, Live, NewRule, Timestamp};
///
/// let mut live = Live::new();
/// let rule = live.add(NewRule::alert("CpuHigh", "cpu > 0.9"))?;
/// live.at(Timestamp(0)).set_labels(&LabelSet::new([("__name__", "cpu"), ("host", "a")]), 0.97);
/// let events = live.evaluate();
/// let key = AlertKey::new(rule, LabelSet::new([("alertname", "CpuHigh"), ("host", "a")]));
/// assert_eq!(*events[0].key(), key);
/// assert!(live.suppress(&key));
/// # Ok::<(), alertctl::LoadError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertKey {
    pub(super) rule: RuleHandle,
    pub(super) labels: LabelSet,
    /// The label set that it is on, where its labels do not tell.
    pub(super) on: Option<LabelSet>,
}

impl AlertKey {
    /// Makes a key. The labels are all labels of the alert: `alertname`, those of the series, and those that the rule
    /// sets.
    #[must_use]
    pub fn new(rule: RuleHandle, labels: LabelSet) -> Self {
        Self { rule, labels, on: None }
    }

    /// Makes the key of an alert of a rule that is evaluated for each label set by itself.
    pub(super) fn on(rule: RuleHandle, labels: LabelSet, on: Option<&LabelSet>) -> Self {
        let is_told = |set: &&LabelSet| set.iter().all(|(name, value)| labels.get(name) == Some(value));
        let on = on.filter(|set| !is_told(set)).cloned();
        Self { rule, labels, on }
    }

    /// Returns the handle of the rule.
    #[must_use]
    pub fn rule(&self) -> RuleHandle {
        self.rule
    }

    /// Returns the labels of the alert, `alertname` among them.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }

    /// Returns the label set that the alert is on, where its rule is evaluated for each label set by itself
    /// ([`NewRule::each_label_set`](crate::NewRule::each_label_set)) and its labels do not tell: `sum(cpu) > 10` has an
    /// alert without labels for each host.
    #[must_use]
    pub fn label_set(&self) -> Option<&LabelSet> {
        self.on.as_ref()
    }
}

/// An alert that is active: pending, firing or suppressed. [`Live::alerts`](super::Live::alerts) returns all of them.
///
/// ```
/// use alertctl::{AlertState, LabelSet, Live, NewRule, Timestamp};
///
/// let mut live = Live::new();
/// live.add(NewRule::alert("CpuHigh", "cpu > 0.9"))?;
/// live.at(Timestamp(0)).set_labels(&LabelSet::new([("__name__", "cpu"), ("host", "a")]), 0.97);
/// live.evaluate();
/// let alert = &live.alerts()[0];
/// assert_eq!((alert.rule(), alert.state(), alert.value()), ("CpuHigh", AlertState::Firing, 0.97));
/// assert_eq!(alert.to_string(), "CpuHigh{host=\"a\"} is firing");
/// # Ok::<(), alertctl::LoadError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    pub(super) name: Arc<str>,
    pub(super) key: AlertKey,
    pub(super) state: AlertState,
    pub(super) active_at: Timestamp,
    pub(super) fired_at: Option<Timestamp>,
    pub(super) value: f64,
}

impl Alert {
    /// Returns the name of its rule.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.name
    }

    /// Returns what identifies it, for [`Live::suppress`](super::Live::suppress).
    #[must_use]
    pub fn key(&self) -> &AlertKey {
        &self.key
    }

    /// Returns its labels, `alertname` among them.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.key.labels
    }

    /// Returns its state: pending, firing or suppressed.
    #[must_use]
    pub fn state(&self) -> AlertState {
        self.state
    }

    /// Returns the time since which its condition is true.
    #[must_use]
    pub fn active_at(&self) -> Timestamp {
        self.active_at
    }

    /// Returns the time since which it fires; none while it is pending.
    #[must_use]
    pub fn fired_at(&self) -> Option<Timestamp> {
        self.fired_at
    }

    /// Returns the last value of the expression for which its condition was true.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }
}

/// Formats as `CpuHigh{host="a"} is firing`.
impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} is {}", self.name, shown(&self.key.labels), self.state)
    }
}

/// Returns the labels of an alert without its name, as they are printed: nothing if there are no others.
fn shown(labels: &LabelSet) -> String {
    let others = labels.filter(|name| name != "alertname");
    if others.is_empty() { String::new() } else { others.to_string() }
}

/// A change of one alert's state.
///
/// ```
/// use alertctl::{AlertState, LabelSet, Live, NewRule, Timestamp};
///
/// let mut live = Live::new();
/// live.add(NewRule::alert("CpuHigh", "cpu > 0.9").annotation("summary", "{{ $labels.host }} is at {{ $value }}"))?;
/// live.at(Timestamp(0)).set_labels(&LabelSet::new([("__name__", "cpu"), ("host", "a")]), 0.97);
/// let events = live.evaluate();
/// assert_eq!((events[0].from(), events[0].to()), (AlertState::Inactive, AlertState::Firing));
/// assert_eq!(events[0].annotation("summary"), Some("a is at 0.97"));
/// assert_eq!(events[0].to_string(), "1970-01-01T00:00:00Z CpuHigh{host=\"a\"}: inactive -> firing");
/// # Ok::<(), alertctl::LoadError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub(super) at: Timestamp,
    pub(super) name: Arc<str>,
    pub(super) key: AlertKey,
    pub(super) from: AlertState,
    pub(super) to: AlertState,
    pub(super) value: Option<f64>,
    pub(super) cause: Option<Cause>,
    pub(super) annotations: Vec<(String, String)>,
    pub(super) active_at: Timestamp,
}

impl Event {
    /// Returns when it happened: the time of the snapshot at which the rule was evaluated, or of the rule's interval.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns the name of the rule.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.name
    }

    /// Returns what identifies the alert.
    #[must_use]
    pub fn key(&self) -> &AlertKey {
        &self.key
    }

    /// Returns the labels of the alert, `alertname` among them.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.key.labels
    }

    /// Returns the state before.
    #[must_use]
    pub fn from(&self) -> AlertState {
        self.from
    }

    /// Returns the state after.
    #[must_use]
    pub fn to(&self) -> AlertState {
        self.to
    }

    /// Returns the value of the expression; none if the condition was not true.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Returns why the alert became inactive; none if it did not.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// Walks over the annotations, name and text. Only the event with which an alert begins to fire has them.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.annotations.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Returns the text of one annotation. Only the event with which an alert begins to fire has them.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations().find(|(held, _)| *held == name).map(|(_, text)| text)
    }

    /// Returns the time at which the condition became true.
    #[must_use]
    pub fn active_at(&self) -> Timestamp {
        self.active_at
    }
}

/// Formats as `2026-01-05T00:00:00Z CpuHigh{host="a"}: pending -> firing`, with the cause if it became inactive.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, name, key, from, to, cause, .. } = self;
        write!(f, "{at} {name}{}: {from} -> {to}", shown(&key.labels))?;
        cause.map_or(Ok(()), |cause| write!(f, " ({cause})"))
    }
}
