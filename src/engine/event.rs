//! What happens to an alert: its states, its transitions, and what is counted of it on the way.

use std::sync::Arc;

use crate::histogram::Histogram;
use crate::labels::LabelSet;
use crate::store::LabelSetId;
use crate::time::Timestamp;

/// The number of a rule in a run: rules are counted over all files and groups, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// The name of an alert's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The condition does not hold.
    Inactive,
    /// It holds, not yet for as long as `for` wants.
    Pending,
    /// The alert is reported.
    Firing,
}

impl Phase {
    /// Returns the word that machine formats use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// Why an episode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The series was there and the condition was not true.
    ConditionFalse,
    /// The series had ended.
    SeriesEnded,
    /// The series had ended, as its cadence told.
    StaleInferred,
    /// The rule had more alerts than its group's limit.
    LimitExceeded,
    /// `keep_firing_for` was over.
    ConditionFalseAfterKeep,
    /// The recording was over.
    EndOfData,
    /// The rule was removed or disabled.
    RuleRemoved,
}

impl Cause {
    /// Returns the word that machine formats use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ConditionFalse => "condition_false",
            Self::SeriesEnded => "series_ended",
            Self::StaleInferred => "stale_inferred",
            Self::LimitExceeded => "limit_exceeded",
            Self::ConditionFalseAfterKeep => "condition_false_after_keep",
            Self::EndOfData => "end_of_data",
            Self::RuleRemoved => "rule_removed",
        }
    }
}

/// What was counted of an alert since it became active. As values, native histograms are 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activity {
    /// Since when it is active.
    pub active_at: Timestamp,
    /// Since when it fires.
    pub fired_at: Option<Timestamp>,
    /// The last step at which the condition was true.
    pub last_true_at: Timestamp,
    /// The value at `active_at`.
    pub value_active: f64,
    /// The value at `fired_at`.
    pub value_fire: Option<f64>,
    /// The last value at which the condition was true.
    pub value_last: f64,
    /// The smallest such value; NaN only if all are.
    pub value_min: f64,
    /// The largest such value; NaN only if all are.
    pub value_max: f64,
    /// Steps from `active_at` on at which the condition was true.
    pub steps_true: u64,
    /// Steps from `active_at` on at which the evaluation failed.
    pub steps_failed: u64,
    /// Steps from `active_at` on at which the condition was not true and `keep_firing_for` went on.
    pub steps_kept: u64,
}

/// One transition of one alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The slot.
    pub at: Timestamp,
    /// The rule.
    pub rule: RuleId,
    /// The alert's labels, `alertname` among them.
    pub labels: LabelSet,
    /// The state before.
    pub from: Phase,
    /// The state after.
    pub to: Phase,
    /// The value, when the condition was true.
    pub value: Option<f64>,
    /// Why, when it became inactive.
    pub cause: Option<Cause>,
    /// Texts as of this step, sorted by name; only when it begins to fire, or when a pending alert is forgotten (then
    /// as of `active_at`).
    pub annotations: Vec<(String, String)>,
    /// The value that the texts are about, where it is a native histogram; as a number it is 0.
    pub histogram: Option<Arc<Histogram>>,
    /// What was counted up to this step.
    pub activity: Activity,
    /// Where the rule is evaluated at rows: the first row of the label set at which all windows were full.
    pub warm_from: Option<Timestamp>,
    /// Where the rule is evaluated at rows: the label set.
    pub on: Option<LabelSetId>,
}

/// An alert that was active at the last step.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenAlert {
    /// The rule.
    pub rule: RuleId,
    /// The alert's labels, `alertname` among them.
    pub labels: LabelSet,
    /// Pending or firing.
    pub phase: Phase,
    /// Texts as of `active_at`, sorted by name; only of a pending alert.
    pub annotations: Vec<(String, String)>,
    /// The value at `active_at`, where it is a native histogram; only of a pending alert.
    pub histogram: Option<Arc<Histogram>>,
    /// What was counted.
    pub activity: Activity,
    /// Where the rule is evaluated at rows: the first row of the label set at which all windows were full.
    pub warm_from: Option<Timestamp>,
}
