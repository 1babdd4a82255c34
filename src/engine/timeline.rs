//! Events and the episodes they make.

use crate::labels::LabelSet;
use crate::time::{Millis, Timestamp};

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
    /// The alert is told.
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
        }
    }
}

/// What was counted of an alert since it became active.
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
    /// Texts as of this step, sorted by name; only when it begins to fire, or when a pending alert is forgotten (then as of `active_at`).
    pub annotations: Vec<(String, String)>,
    /// What was counted up to this step.
    pub activity: Activity,
}

/// How an episode is seen to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// It fired and stopped.
    Resolved,
    /// It was active at the last step.
    ActiveAtEnd,
    /// It was pending and never fired.
    DiedPending,
}

impl End {
    /// Returns the word that machine formats use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::ActiveAtEnd => "active_at_end",
            Self::DiedPending => "died_pending",
        }
    }
}

/// How an episode is seen to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Began {
    /// Its condition was seen to become true.
    Observed,
    /// It was true from the first warm step on.
    BeforeData,
    /// It began before the rule's windows were full.
    WarmUp,
}

impl Began {
    /// Returns the word that machine formats use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::BeforeData => "before_data",
            Self::WarmUp => "warm_up",
        }
    }
}

/// One stretch of activity of one alert: a row of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// The rule.
    pub rule: RuleId,
    /// The alert's labels, `alertname` among them.
    pub labels: LabelSet,
    /// Texts as of `fired_at` (or `active_at` where it never fired), sorted by name.
    pub annotations: Vec<(String, String)>,
    /// What was counted.
    pub activity: Activity,
    /// The slot at which it became inactive.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub end: End,
    /// Why it ended.
    pub cause: Cause,
    /// How it began.
    pub began: Began,
    /// Evaluations from `active_at` up to the last one that counts.
    pub steps: u64,
    /// Whether an inferred stale marker ended it.
    pub stale_inferred: bool,
}

/// A message of failed evaluations of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultCount {
    /// The first slot.
    pub first: Timestamp,
    /// How many.
    pub count: u64,
    /// Prometheus' words.
    pub message: String,
}

/// What was counted of a rule over a run, whatever is reported of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleCounts {
    /// Evaluations.
    pub evaluations: u64,
    /// Evaluations with at least one sample in the result.
    pub true_evaluations: u64,
    /// Failed evaluations, by message.
    pub faults: Vec<FaultCount>,
    /// From when on all windows lie within the recording.
    pub warm_from: Option<Timestamp>,
    /// Literal metric names that the expression selects and that neither the recording nor a rule has.
    pub missing_metrics: Vec<String>,
}

/// What a group was evaluated with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSchedule {
    /// The distance of its slots.
    pub interval: Millis,
    /// Whether the group itself gives the interval.
    pub interval_from_file: bool,
    /// The first slot modulo the interval.
    pub offset: Millis,
    /// How many slots were evaluated.
    pub steps: u64,
}
