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
    /// The condition does not hold.
    Inactive,
    /// It holds, not yet for as long as the rule wants.
    Pending,
    /// The alert fires.
    Firing,
    /// The alert fires, and nobody is to hear of it now.
    Suppressed,
}

impl AlertState {
    /// Returns the word for it.
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

/// Formats as the word for it.
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
    /// The series was there, and the condition was not true.
    ConditionFalse,
    /// The series had ended.
    SeriesEnded,
    /// The series had ended: no value came for longer than it usually takes.
    StaleInferred,
    /// The rule had more alerts than the limit of its group.
    LimitExceeded,
    /// The condition was not true, and the time for which the alert goes on after that was over.
    ConditionFalseAfterKeepFiring,
    /// The recording was over while the alert was active.
    EndOfData,
    /// The rule was removed or disabled.
    RuleRemoved,
}

impl Cause {
    /// Returns the word for it.
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

/// Formats as the word for it.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A message with which evaluations failed, most often those of one rule. An evaluation that fails leaves the alerts of
/// its rule as they are.
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
    /// Returns the name of the rule that failed; none where the fault is not about a rule.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.rule.as_ref().map(|(name, _)| name.as_str())
    }

    /// Returns the handle of the rule that failed; none where the fault is not about a rule.
    #[must_use]
    pub fn handle(&self) -> Option<RuleHandle> {
        self.rule.as_ref().map(|(_, handle)| *handle)
    }

    /// Returns what went wrong, in one sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns how many evaluations failed with this message.
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
