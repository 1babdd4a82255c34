//! What alerts are and why they end, and what failed: the same words for live values and for recordings.

use std::fmt;

use crate::engine;
use crate::time::Timestamp;

use super::rule_set::RuleHandle;

/// The state of an alert.
///
/// ```
/// use alertctl::AlertState;
///
/// assert_eq!(AlertState::Firing.to_string(), "firing");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AlertState {
    /// The condition is not true.
    Inactive,
    /// The condition is true, but not yet for as long as the rule asks for ([`NewRule::hold`](crate::NewRule::hold),
    /// `for`).
    Pending,
    /// The alert fires.
    Firing,
    /// The alert fires, and [`Live::suppress`](crate::Live::suppress) was called for it.
    Suppressed,
}

impl AlertState {
    /// Returns the state as a word: `inactive`, `pending`, `firing` or `suppressed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => engine::Phase::Inactive.word(),
            Self::Pending => engine::Phase::Pending.word(),
            Self::Firing => engine::Phase::Firing.word(),
            Self::Suppressed => "suppressed",
        }
    }
}

impl From<engine::Phase> for AlertState {
    fn from(phase: engine::Phase) -> Self {
        match phase {
            engine::Phase::Inactive => Self::Inactive,
            engine::Phase::Pending => Self::Pending,
            engine::Phase::Firing => Self::Firing,
        }
    }
}

/// Formats as [`AlertState::as_str`]; a width, as in `{:<10}`, is kept.
impl fmt::Display for AlertState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why an alert became inactive.
///
/// ```
/// use alertctl::Cause;
///
/// assert_eq!(Cause::SeriesEnded.to_string(), "series_ended");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The series still had values, and the condition was no longer true.
    ConditionFalse,
    /// The series ended: it was ended, or it had no value for
    /// [`LiveOptions::stale_after`](crate::LiveOptions::stale_after).
    SeriesEnded,
    /// The series ended, as is inferred from a recording: no value came for longer than usual.
    StaleInferred,
    /// The rule had more alerts than the `limit` of its group allows.
    LimitExceeded,
    /// The condition was no longer true, and the time for which the alert keeps firing after that was over
    /// ([`NewRule::keep_firing`](crate::NewRule::keep_firing), `keep_firing_for`).
    ConditionFalseAfterKeepFiring,
    /// The recording ended while the alert was active.
    EndOfData,
    /// The rule was removed or disabled, or is no longer in its file.
    RuleRemoved,
}

impl Cause {
    /// Returns the cause as a word, such as `condition_false`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let cause = match self {
            Self::ConditionFalse => engine::Cause::ConditionFalse,
            Self::SeriesEnded => engine::Cause::SeriesEnded,
            Self::StaleInferred => engine::Cause::StaleInferred,
            Self::LimitExceeded => engine::Cause::LimitExceeded,
            Self::ConditionFalseAfterKeepFiring => engine::Cause::ConditionFalseAfterKeep,
            Self::EndOfData => engine::Cause::EndOfData,
            Self::RuleRemoved => engine::Cause::RuleRemoved,
        };
        cause.word()
    }
}

impl From<engine::Cause> for Cause {
    fn from(cause: engine::Cause) -> Self {
        match cause {
            engine::Cause::ConditionFalse => Self::ConditionFalse,
            engine::Cause::SeriesEnded => Self::SeriesEnded,
            engine::Cause::StaleInferred => Self::StaleInferred,
            engine::Cause::LimitExceeded => Self::LimitExceeded,
            engine::Cause::ConditionFalseAfterKeep => Self::ConditionFalseAfterKeepFiring,
            engine::Cause::EndOfData => Self::EndOfData,
            engine::Cause::RuleRemoved => Self::RuleRemoved,
        }
    }
}

/// Formats as [`Cause::as_str`]; a width, as in `{:<12}`, is kept.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something that went wrong, and how often: evaluations of a rule that failed with the same message, or values that
/// were refused. An evaluation that fails leaves the alerts of its rule as they are.
///
/// ```
/// # #[cfg(feature = "input")] {
/// use alertctl::{Evaluation, NewRule, RuleSet};
/// use std::time::Duration;
///
/// let mut rules = RuleSet::new();
/// rules.add(NewRule::alert("Share", "free / on () size < 0.1").every(Duration::from_secs(60)))?;
/// let csv = "time,disk,metric,value\n\
///            2026-01-05T00:00:00Z,a,free,1\n\
///            2026-01-05T00:00:00Z,a,size,9\n\
///            2026-01-05T00:00:00Z,b,free,1\n\
///            2026-01-05T00:00:00Z,b,size,9\n";
/// let outcome = Evaluation::new(&rules).csv(csv).run()?;
/// let fault = &outcome.faults()[0];
/// assert_eq!((fault.rule(), fault.count()), (Some("Share"), 1));
/// assert!(fault.message().contains("many-to-many"));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The name and the handle of the rule that it is about.
    pub(super) rule: Option<(String, RuleHandle)>,
    pub(super) message: String,
    pub(super) count: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Fault {
    /// Returns the name of the rule that failed; none if the fault is about values that were refused.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.rule.as_ref().map(|(name, _)| name.as_str())
    }

    /// Returns the handle of the rule that failed; none if the fault is about values that were refused.
    #[must_use]
    pub fn handle(&self) -> Option<RuleHandle> {
        self.rule.as_ref().map(|(_, handle)| *handle)
    }

    /// Returns what went wrong, in one sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns how many evaluations failed with this message, or how many values were refused.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the time of the first of them.
    #[must_use]
    pub fn first(&self) -> Timestamp {
        self.first
    }

    /// Returns the time of the last of them.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        self.last
    }
}

/// Formats as `rule: message (3 times, first at 2026-01-05T00:00:00Z, last at 2026-01-05T00:02:00Z)`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, message, count, first, last } = self;
        if let Some((name, _)) = rule {
            write!(f, "{name}: ")?;
        }
        match count {
            1 => write!(f, "{message} (at {first})"),
            _ => write!(f, "{message} ({count} times, first at {first}, last at {last})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_how_often_and_when() {
        let (message, first, last) = ("no match".to_owned(), Timestamp(0), Timestamp(60_000));
        let fault = Fault { rule: None, message, count: 2, first, last };
        let times = "(2 times, first at 1970-01-01T00:00:00Z, last at 1970-01-01T00:01:00Z)";
        assert_eq!(fault.to_string(), format!("no match {times}"));
        let once = Fault { count: 1, last: first, ..fault };
        assert_eq!(once.to_string(), "no match (at 1970-01-01T00:00:00Z)");
    }

    #[test]
    fn words_fill_a_column() {
        let line = format!("{:<9}|{:>12}|", AlertState::Suppressed, Cause::RuleRemoved);
        assert_eq!(line, "suppressed|rule_removed|");
        assert_eq!(format!("{:<8}|", AlertState::from(engine::Phase::Firing)), "firing  |");
    }
}
