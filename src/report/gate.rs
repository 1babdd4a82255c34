//! `--fail-on`: what makes the answer of a run "no".

use std::fmt;
use std::str::FromStr;

use crate::engine::timeline::{Began, Episode};
use crate::report::Evaluation;
use crate::report::summary::{Never, RuleSummary};

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

/// Decides the conditions of a run.
#[must_use]
pub(crate) fn decide(evaluation: &Evaluation, rules: &[RuleSummary]) -> Verdict {
    let mut verdict = Verdict::default();
    let wanted = |severity: &str| {
        let firing = evaluation.fail_on.iter().filter_map(|condition| match condition {
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
    let fired = || evaluation.episodes.iter().filter(|episode| episode.activity.fired_at.is_some());
    let severity = |episode: &Episode| episode.labels.get("severity").unwrap_or("").to_owned();
    for episode in fired().filter(|episode| wanted(&severity(episode))) {
        match episode.began {
            _ if evaluation.is_suppressed(episode) => verdict.excluded.suppressed += 1,
            Began::Observed => verdict.counted += 1,
            Began::BeforeData => verdict.excluded.began_before_data += 1,
            Began::WarmUp => verdict.excluded.warm_up += 1,
        }
    }
    let counts = || fired().filter(|episode| episode.began == Began::Observed && !evaluation.is_suppressed(episode));
    let met = |condition: &Condition| match condition {
        Condition::Firing(None) => counts().next().is_some(),
        Condition::Firing(Some(wanted)) => counts().any(|episode| severity(episode) == *wanted),
        Condition::FiringsOver(limit) => counts().count() as u64 > *limit,
        Condition::NoData => {
            rules.iter().any(|rule| matches!(rule.never, Some(Never::NoSuchMetric | Never::NoMatchingSeries)))
        }
        Condition::EvalError => evaluation.rules.iter().any(|rule| rule.failed() > 0),
    };
    verdict.met = evaluation.fail_on.iter().filter(|condition| met(condition)).cloned().collect();
    let evaluations: u64 = evaluation.rules.iter().map(|rule| rule.counts.evaluations).sum();
    verdict.exit = match (evaluations, verdict.met.is_empty()) {
        (0, _) => 2,
        (_, true) => 0,
        (_, false) => 1,
    };
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::report::summary::Summary;

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
            let mut evaluation = sample::evaluation();
            evaluation.fail_on = vec![fail_on.parse().expect("a condition")];
            for episode in &mut evaluation.episodes {
                episode.began = began;
            }
            let verdict = Summary::of(&evaluation).verdict;
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
        let mut evaluation = sample::evaluation();
        evaluation.rules.iter_mut().for_each(|rule| rule.counts.evaluations = 0);
        assert_eq!(Summary::of(&evaluation).verdict.exit, 2);
    }
}
