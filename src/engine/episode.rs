//! A stretch of activity of an alert, and how it is seen to begin and to end.

use std::sync::Arc;

use crate::histogram::Histogram;
use crate::labels::LabelSet;
use crate::time::Timestamp;

use super::event::{Activity, Cause, RuleId};
use super::stretch::Stretch;

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

/// A stretch of an episode's firing that is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
    /// The silence's matchers, as they are written.
    pub by: Arc<str>,
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
    /// The value then, where it is a native histogram.
    pub histogram: Option<Arc<Histogram>>,
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
    /// The stretches of its firing that silences cover, by their beginnings ([`super::silence::suppress`]).
    pub suppressed: Vec<Suppression>,
}

impl Episode {
    /// Returns its times alone.
    #[must_use]
    pub fn stretch(&self) -> Stretch {
        let Activity { active_at, fired_at, .. } = self.activity;
        Stretch { active_at, fired_at, ended_at: self.ended_at }
    }
}
