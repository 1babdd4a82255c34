//! The limits that end a run.

use thiserror::Error;

use crate::format::count;
use crate::limits;
use crate::time::{Millis, Timestamp};

/// Why a run cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LimitReached {
    /// A group would be evaluated too often.
    #[error(transparent)]
    Steps(#[from] TooManySteps),
    /// Rules would write too many series.
    #[error(transparent)]
    Series(#[from] TooManySeries),
}

impl LimitReached {
    /// Returns what to change.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Steps(_) => "cut the recording with --end, or give the group a longer interval",
            Self::Series(_) => {
                "aggregate what the rule records, for example with `sum by (job) (...)`, or find the label that multiplies its series"
            }
        }
    }
}

/// A group has more than [`limits::STEPS`] evaluations.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the group `{group}` would be evaluated {steps} times, every {interval} from {from} to {to}; at most {} evaluations of a group are made",
    limits::STEPS
)]
pub struct TooManySteps {
    /// The group.
    pub group: String,
    /// How many slots there are.
    pub steps: i64,
    /// Their distance.
    pub interval: Millis,
    /// The first of them.
    pub from: Timestamp,
    /// The last instant that was asked for.
    pub to: Timestamp,
}

/// Rules write more than [`limits::WRITTEN_SERIES`] series that other rules read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the rules write more than {} series; `{rule}` alone writes {}",
    count(limits::WRITTEN_SERIES as u64),
    count(*series as u64)
)]
pub struct TooManySeries {
    /// The name of the rule that reached the limit.
    pub rule: String,
    /// How many series it has written.
    pub series: usize,
}
