//! The series that a rule may write, as far as its text says.

use crate::labels::{METRIC_NAME, Matcher};
use crate::rules::{Rule, RuleKind};

/// The metric that says which alerts are active.
pub(crate) const ALERTS: &str = "ALERTS";
/// The metric that says since when.
pub(crate) const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";
/// The label that holds an alert's name.
pub(crate) const ALERT_NAME: &str = "alertname";
/// The label of [`ALERTS`] that holds the phase.
pub(crate) const ALERT_STATE: &str = "alertstate";

/// Series of one metric that a rule may write.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Written {
    /// The metric name.
    pub name: String,
    /// Labels whose value is certain, sorted by name; an empty value says that the label is absent.
    pub certain: Vec<(String, String)>,
    /// Whether a label [`ALERT_STATE`] is set to one of the two phases.
    pub alert_state: bool,
}

impl Written {
    /// Returns what a recording rule writes that sets no labels.
    pub(crate) fn recorded(name: &str) -> Self {
        Self { name: name.to_owned(), certain: Vec::new(), alert_state: false }
    }

    /// Returns what an alerting rule writes that sets no labels: which of its alerts are active, and since when.
    pub(crate) fn of_alert(name: &str) -> [Self; 2] {
        let certain = vec![(ALERT_NAME.to_owned(), name.to_owned())];
        let since = Self { name: ALERTS_FOR_STATE.to_owned(), certain: certain.clone(), alert_state: false };
        [Self { name: ALERTS.to_owned(), certain, alert_state: true }, since]
    }

    /// Returns what a rule writes; nothing where it is not evaluated.
    pub(super) fn by(rule: &Rule) -> Vec<Self> {
        if !rule.enabled {
            return Vec::new();
        }
        let mut writes = match &rule.kind {
            RuleKind::Record => vec![Self::recorded(&rule.name.text)],
            RuleKind::Alert { .. } => Vec::from(Self::of_alert(&rule.name.text)),
        };
        for written in &mut writes {
            for (name, template) in rule.labels.iter().filter(|(_, template)| template.is_literal()) {
                if written.value(name).is_none() {
                    written.certain.push((name.clone(), template.text().to_owned()));
                }
            }
            written.certain.sort_unstable();
        }
        writes
    }

    /// Returns the certain value of a label.
    pub(super) fn value(&self, label: &str) -> Option<&str> {
        if label == METRIC_NAME {
            return Some(&self.name);
        }
        self.certain.iter().find(|(name, _)| name == label).map(|(_, value)| value.as_str())
    }

    /// Returns whether some of the series may satisfy all matchers.
    pub(crate) fn may_match(&self, matchers: &[Matcher]) -> bool {
        matchers.iter().all(|matcher| {
            if self.alert_state && matcher.name == ALERT_STATE {
                return matcher.matches("pending") || matcher.matches("firing");
            }
            self.value(&matcher.name).is_none_or(|value| matcher.matches(value))
        })
    }
}
