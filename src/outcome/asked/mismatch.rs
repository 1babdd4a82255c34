//! Why what was asked of a run can have no answer.

use std::fmt;

use thiserror::Error;

use super::near::Suggested;
use crate::time::Timestamp;

/// Something was asked for that neither the rules nor the recording have, so that an empty answer would mean nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Mismatch {
    /// The report would begin after the evaluation ends.
    #[error("--start {start} is after --end {end}")]
    StartAfterEnd {
        /// The first instant to report.
        start: Timestamp,
        /// The last instant to evaluate.
        end: Timestamp,
    },
    /// The report would begin after the recording ends.
    #[error("--start {start} is after the last sample; the recording has samples from {first} to {last}")]
    StartAfterData {
        /// The first instant to report.
        start: Timestamp,
        /// The first sample.
        first: Timestamp,
        /// The last sample.
        last: Timestamp,
    },
    /// The evaluation would end before the recording begins.
    #[error("--end {end} is before the first sample; the recording has samples from {first} to {last}")]
    EndBeforeData {
        /// The last instant to evaluate.
        end: Timestamp,
        /// The first sample.
        first: Timestamp,
        /// The last sample.
        last: Timestamp,
    },
    /// No rule has a name that matches.
    #[error("{0}")]
    Rule(NoSuchRule),
    /// No selected alert can have the severity of a gate, which could never be met.
    #[error("{0}")]
    Severity(NoSuchSeverity),
    /// No alert can have labels that satisfy the matchers of a flag.
    #[error("{flag} {text}: {why}")]
    Matchers {
        /// The flag.
        flag: &'static str,
        /// Its matchers, as written.
        text: String,
        /// What is not there.
        why: NoMatch,
    },
    /// No alert that is reported could have the labels that were asked for.
    #[error("--where {text}: no selected alert has these labels; {rule}: {why}")]
    NoAlert {
        /// The matchers, as written.
        text: String,
        /// One of the rules.
        rule: String,
        /// Why its alerts have other labels.
        why: String,
    },
    /// A silence covers no part of the recording.
    #[error("--silence {matchers} from {start} to {end} is outside the recording, {first} to {last}")]
    SilenceOutside {
        /// Its matchers.
        matchers: String,
        /// When it begins.
        start: Timestamp,
        /// When it ends.
        end: Timestamp,
        /// The first sample.
        first: Timestamp,
        /// The last sample.
        last: Timestamp,
    },
}

impl Mismatch {
    /// Returns what to type next, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::StartAfterEnd { .. } => Some("swap them, or leave one out".to_owned()),
            Self::Rule(missing) => missing.hint(),
            Self::Severity(missing) => {
                let first = missing.have.names.first()?;
                Some(format!("--fail-on firing={first}, or --fail-on firing for any severity"))
            }
            Self::Matchers { why, .. } => why.hint(),
            Self::StartAfterData { .. } => Some("an earlier --start, or a relative one: --start -2h".to_owned()),
            Self::NoAlert { .. } => Some("ask for a label that the alerts have: -o csv lists them".to_owned()),
            Self::EndBeforeData { .. } => Some("a later --end, or a relative one: --end +2h".to_owned()),
            Self::SilenceOutside { .. } => Some("give it a time within the recording, or drop it".to_owned()),
        }
    }
}

/// A name of `--alert` or `--group` that no rule has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchRule {
    /// The flag.
    pub flag: &'static str,
    /// Its regular expression.
    pub text: String,
    /// Names that exist.
    pub names: Suggested,
    /// Whether the expression matches a part of some name.
    pub part: bool,
    /// Whether each flag matches by itself, and only no rule matches both.
    pub both: bool,
}

impl NoSuchRule {
    fn hint(&self) -> Option<String> {
        let Self { flag, text, .. } = self;
        match self.names.names.first() {
            _ if self.part => Some(format!("the whole name must match: {flag} '.*{text}.*'")),
            Some(name) if self.names.near => Some(format!("{flag} {name}")),
            _ => None,
        }
    }
}

impl fmt::Display for NoSuchRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.flag.trim_start_matches('-');
        if self.both {
            return write!(f, "no alert matches both --alert and --group");
        }
        write!(f, "no {what} matches {} {}", self.flag, self.text)?;
        self.names.after(f, if what == "alert" { "the alerts are" } else { "the groups are" })
    }
}

/// A severity of a gate that no selected alert can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchSeverity {
    /// As it was asked for.
    pub severity: String,
    /// Severities that exist.
    pub have: Suggested,
}

impl fmt::Display for NoSuchSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--fail-on firing={0}: no selected alert has severity {0}", self.severity)?;
        if self.have.names.is_empty() { f.write_str("; none has one") } else { self.have.after(f, "they have") }
    }
}

/// Why no alert can satisfy matchers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoMatch {
    /// Nothing has a label of that name.
    Label {
        /// The name.
        name: String,
        /// Labels that exist.
        names: Suggested,
    },
    /// No value of a label matches.
    Value {
        /// The matcher, as written.
        matcher: String,
        /// Whether rules set the label, or could.
        by_rules: bool,
        /// Values that exist.
        values: Suggested,
    },
    /// No rule makes alerts.
    NoAlerts,
    /// Each matcher has something that satisfies it, and nothing satisfies all of them.
    Together {
        /// The matchers, as written.
        matchers: String,
    },
}

impl NoMatch {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Label { name, .. } if name == crate::labels::METRIC_NAME => {
                Some("alerts have no metric name; select one by its name: alertname=\"NAME\"".to_owned())
            }
            Self::Label { names, .. } | Self::Value { values: names, .. } if !names.near && names.left > 0 => {
                Some("`alertctl data RECORDING` lists labels and their values".to_owned())
            }
            _ => None,
        }
    }
}

impl fmt::Display for NoMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label { name, names } => {
                write!(f, "no series and no rule has a label `{name}`")?;
                names.after(f, "the labels are")
            }
            Self::Value { matcher, by_rules, values } => {
                write!(f, "no series {}has {matcher}", if *by_rules { "and no rule " } else { "" })?;
                values.after(f, "the values are")
            }
            Self::NoAlerts => f.write_str("no enabled alerting rule is selected"),
            Self::Together { matchers } => write!(f, "no series and no alert has all of {matchers} together"),
        }
    }
}
