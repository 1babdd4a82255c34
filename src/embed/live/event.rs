//! Alerts as they are, and what happens to them.

use std::fmt;
use std::sync::Arc;

use crate::labels::LabelSet;
use crate::time::Timestamp;

use super::super::alert::{AlertState, Cause};
use super::super::rule_set::RuleHandle;

/// Tells one alert from all others: its rule and its labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertKey {
    pub(super) rule: RuleHandle,
    pub(super) labels: LabelSet,
}

impl AlertKey {
    /// Makes a key; the labels of an alert have `alertname` among them.
    #[must_use]
    pub fn new(rule: RuleHandle, labels: LabelSet) -> Self {
        Self { rule, labels }
    }

    /// Returns the rule.
    #[must_use]
    pub fn rule(&self) -> RuleHandle {
        self.rule
    }

    /// Returns the labels.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }
}

/// An alert that is active.
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

    /// Returns what tells it from all others, for [`Live::suppress`](super::Live::suppress).
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

    /// Returns since when its condition holds.
    #[must_use]
    pub fn active_at(&self) -> Timestamp {
        self.active_at
    }

    /// Returns since when it fires; none while it is pending.
    #[must_use]
    pub fn fired_at(&self) -> Option<Timestamp> {
        self.fired_at
    }

    /// Returns the last value at which its condition was true.
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

/// Returns the labels of an alert but its name.
fn shown(labels: &LabelSet) -> LabelSet {
    labels.filter(|name| name != "alertname")
}

/// A change of one alert.
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
    /// Returns when it happened: the time of the evaluation.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns the name of the rule.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.name
    }

    /// Returns what tells the alert from all others.
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

    /// Returns the value, where the condition was true.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Returns why the alert became inactive; none where it did not.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// Walks over the texts for people by name, where the alert begins to fire.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.annotations.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Returns one of the texts for people, where the alert begins to fire.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations().find(|(held, _)| *held == name).map(|(_, text)| text)
    }

    /// Returns since when the condition holds, or held.
    #[must_use]
    pub fn active_at(&self) -> Timestamp {
        self.active_at
    }
}

/// Formats as `2026-01-05T00:00:00Z CpuHigh{host="a"}: pending -> firing`, with the cause where it became inactive.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, name, key, from, to, cause, .. } = self;
        write!(f, "{at} {name}{}: {from} -> {to}", shown(&key.labels))?;
        cause.map_or(Ok(()), |cause| write!(f, " ({cause})"))
    }
}
