//! `--fail-on`: what makes the answer of a run "no".

use std::fmt;
use std::str::FromStr;

use crate::engine::{Began, Episode};
use crate::time::Timestamp;

use super::summary::RuleSummary;
use super::{Kind, Outcome, RuleFacts};

/// One condition of `--fail-on`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `firing`, or `firing=SEVERITY`: an alert fired (with exactly that label `severity`).
    Firing(Option<String>),
    /// `firings>N`: there were more firings than N.
    FiringsOver(u64),
    /// `no-data`: an alert never fired because what it selects is not in the recording.
    NoData,
    /// `eval-error`: an evaluation failed.
    EvalError,
}

impl Condition {
    /// Returns the severity that is asked for.
    #[must_use]
    pub fn severity(&self) -> Option<&str> {
        match self {
            Self::Firing(severity) => severity.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Firing(None) => f.write_str("firing"),
            Self::Firing(Some(severity)) => write!(f, "firing={severity}"),
            Self::FiringsOver(count) => write!(f, "firings>{count}"),
            Self::NoData => f.write_str("no-data"),
            Self::EvalError => f.write_str("eval-error"),
        }
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(severity) = text.strip_prefix("firing=").filter(|severity| !severity.is_empty()) {
            return Ok(Self::Firing(Some(severity.to_owned())));
        }
        if let Some(count) = text.strip_prefix("firings>") {
            let wrong = || format!("`{count}` is not a whole number; write it like `firings>10`");
            return count.trim().parse().map(Self::FiringsOver).map_err(|_| wrong());
        }
        match text {
            "firing" => Ok(Self::Firing(None)),
            "no-data" => Ok(Self::NoData),
            "eval-error" => Ok(Self::EvalError),
            _ => Err(format!("`{text}` is none of `firing`, `firing=SEVERITY`, `firings>N`, `no-data`, `eval-error`")),
        }
    }
}

/// Firings that do not count, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Excluded {
    /// Their condition was true before the recording began.
    pub began_before_data: u64,
    /// They touch the warm-up of their rule's windows.
    pub warm_up: u64,
    /// Silences cover them from beginning to end.
    pub suppressed: u64,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Firings that count for the conditions.
    pub counted: u64,
    /// Firings that would have counted.
    pub excluded: Excluded,
    /// The conditions that are met.
    pub met: Vec<Condition>,
    /// The exit code: 2 when nothing was evaluated, 1 when a condition is met.
    pub exit: u8,
}

/// Why nothing was evaluated, or nothing that a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// No group has a slot within the recording.
    NoSlot {
        /// The first sample.
        first: Timestamp,
        /// The last sample.
        last: Timestamp,
    },
    /// There is no sample.
    NoSamples,
    /// All rules that are reported are disabled in their files.
    Disabled,
    /// The last evaluation is before the first instant that is reported.
    NotReported {
        /// That instant.
        start: Timestamp,
        /// The last evaluation.
        last: Timestamp,
    },
    /// No alerting rule is left for a condition on firings.
    NoAlert,
    /// What the alerts select is not in the recording, so that a condition on firings could never be met.
    NoData,
}

impl Nothing {
    /// Says why a run of which the verdict is an exit code of 2 evaluated nothing.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        let range = &outcome.range;
        let (Some(first), Some(last)) = (range.data_start, range.data_end) else { return Self::NoSamples };
        if !outcome.rules.is_empty() && outcome.rules.iter().all(|rule| rule.disabled) {
            Self::Disabled
        } else if evaluations(outcome) == 0 {
            Self::NoSlot { first, last }
        } else if let Some((start, last)) = not_reported(outcome) {
            Self::NotReported { start, last }
        } else if enabled_alerts(outcome).next().is_none() {
            Self::NoAlert
        } else {
            Self::NoData
        }
    }

    /// Returns what to do about it, if anything can be done.
    #[must_use]
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::NoSlot { .. } => {
                Some("give the group a shorter interval, or evaluate from the first sample on: --align start")
            }
            Self::Disabled => Some("enable a rule in its file, or select another one"),
            Self::NotReported { .. } => {
                Some("an earlier --start, or an earlier last evaluation: --eval-interval, --align")
            }
            Self::NoData => {
                Some("`alertctl data` shows what is in the recording; --fail-on no-data makes this a condition")
            }
            Self::NoSamples | Self::NoAlert => None,
        }
    }
}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSlot { first, last } => {
                write!(
                    f,
                    "nothing was evaluated: no evaluation time of any group is within the recording, {first} to {last}"
                )
            }
            Self::NoSamples => f.write_str("nothing was evaluated: the recording has no samples"),
            Self::Disabled => f.write_str("nothing was evaluated: all selected rules are disabled in their files"),
            Self::NotReported { start, last } => {
                write!(f, "nothing is reported: --start {start} is after the last evaluation, {last}")
            }
            Self::NoAlert => f.write_str("--fail-on has nothing to judge: no enabled alerting rule is selected"),
            Self::NoData => {
                f.write_str("--fail-on has nothing to judge: nothing that the alerts select is in the recording")
            }
        }
    }
}

/// Decides the conditions of a run.
#[must_use]
pub(crate) fn decide(outcome: &Outcome, rules: &[RuleSummary]) -> Verdict {
    let mut verdict = Verdict::default();
    let wanted = |severity: &str| {
        let firing = outcome.options.fail_on.iter().filter_map(|condition| match condition {
            Condition::Firing(severity) => Some(severity.as_deref()),
            Condition::FiringsOver(_) => Some(None),
            Condition::NoData | Condition::EvalError => None,
        });
        let mut any = false;
        firing.into_iter().any(|wanted| {
            any = true;
            wanted.is_none_or(|wanted| wanted == severity)
        }) || !any
    };
    let fired = || outcome.episodes.iter().filter(|episode| episode.activity.fired_at.is_some());
    let severity = |episode: &Episode| episode.labels.get("severity").unwrap_or("").to_owned();
    for episode in fired().filter(|episode| wanted(&severity(episode))) {
        match episode.began {
            _ if outcome.is_suppressed(episode) => verdict.excluded.suppressed += 1,
            Began::Observed => verdict.counted += 1,
            Began::BeforeData => verdict.excluded.began_before_data += 1,
            Began::WarmUp => verdict.excluded.warm_up += 1,
        }
    }
    let counts = || fired().filter(|episode| episode.began == Began::Observed && !outcome.is_suppressed(episode));
    let met = |condition: &Condition| match condition {
        Condition::Firing(None) => counts().next().is_some(),
        Condition::Firing(Some(wanted)) => counts().any(|episode| severity(episode) == *wanted),
        Condition::FiringsOver(limit) => counts().count() as u64 > *limit,
        Condition::NoData => rules.iter().any(RuleSummary::lacks_data),
        Condition::EvalError => outcome.rules.iter().any(|rule| rule.failed() > 0),
    };
    verdict.met = outcome.options.fail_on.iter().filter(|condition| met(condition)).cloned().collect();
    let about_firings = |condition: &Condition| matches!(condition, Condition::Firing(_) | Condition::FiringsOver(_));
    let blind = |(at, rule): (usize, &RuleFacts)| rule.counts.evaluations == 0 || rules[at].lacks_data();
    verdict.exit = if evaluations(outcome) == 0 || not_reported(outcome).is_some() {
        2
    } else if !verdict.met.is_empty() {
        1
    } else if outcome.options.fail_on.iter().any(about_firings) && enabled_alerts(outcome).all(blind) {
        // A condition that nothing could have met must not be green.
        2
    } else {
        0
    };
    verdict
}

/// Counts the evaluations of all rules that are reported.
fn evaluations(outcome: &Outcome) -> u64 {
    outcome.rules.iter().map(|rule| rule.counts.evaluations).sum()
}

/// Walks over the alerting rules that are evaluated, with their places in [`Outcome::rules`].
fn enabled_alerts(outcome: &Outcome) -> impl Iterator<Item = (usize, &RuleFacts)> {
    outcome.rules.iter().enumerate().filter(|(_, rule)| rule.kind == Kind::Alert && !rule.disabled)
}

/// Returns the first instant that is reported and the last evaluation, if that one is earlier.
fn not_reported(outcome: &Outcome) -> Option<(Timestamp, Timestamp)> {
    let start = outcome.options.selection.start?;
    let last = outcome.rules.iter().map(|rule| outcome.last_step(rule)).max()?;
    (last < start).then_some((start, last))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::super::summary::Summary;
    use super::*;

    #[test]
    fn conditions_read_and_print_alike() {
        for text in ["firing", "firing=critical", "firings>10", "no-data", "eval-error"] {
            assert_eq!(text.parse::<Condition>().map(|condition| condition.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "firing=", "firings>x", "fire"] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_began_before_the_data_does_not_count() {
        let check = |fail_on: &str, began, exit, counted| {
            let mut outcome = sample::outcome();
            outcome.options.fail_on = vec![fail_on.parse().expect("a condition")];
            for episode in &mut outcome.episodes {
                episode.began = began;
            }
            let verdict = Summary::of(&outcome).verdict;
            assert_eq!((verdict.exit, verdict.counted), (exit, counted), "{fail_on}");
        };
        check("firing", Began::Observed, 1, 3);
        check("firing", Began::BeforeData, 0, 0);
        check("firing", Began::WarmUp, 0, 0);
        check("firing=critical", Began::Observed, 1, 2);
        check("firing=info", Began::Observed, 0, 0);
        check("firings>2", Began::Observed, 1, 3);
        check("firings>3", Began::Observed, 0, 3);
        check("eval-error", Began::Observed, 0, 3);
        check("no-data", Began::Observed, 1, 3);
    }

    #[test]
    fn nothing_evaluated_is_no_answer() {
        let mut outcome = sample::outcome();
        outcome.rules.iter_mut().for_each(|rule| rule.counts.evaluations = 0);
        assert_eq!(Summary::of(&outcome).verdict.exit, 2);
    }
}
