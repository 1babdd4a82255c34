//! `--fail-on` of a comparison: what makes its answer "no".

use std::fmt;
use std::str::FromStr;

use super::{Difference, Kind, RuleDifference, Stay};

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `new-firing`, or `new-firing=SEVERITY`: an alert fires (with that label `severity`) where it did not before.
    NewFiring(Option<String>),
    /// `lost-firing`, or `lost-firing=SEVERITY`: an alert fired (with that label `severity`) where it does not any more.
    LostFiring(Option<String>),
    /// `change`: an episode of an alert differs.
    Change,
}

impl Condition {
    /// Returns whether a comparison meets it.
    #[must_use]
    pub fn is_met(&self, difference: &Difference) -> bool {
        let mut rules = difference.rules.iter();
        match self {
            Self::NewFiring(severity) => rules.any(|rule| any(rule, Kind::OnlyAfter, severity.as_deref())),
            Self::LostFiring(severity) => rules.any(|rule| any(rule, Kind::OnlyBefore, severity.as_deref())),
            Self::Change => rules.any(|rule| !rule.differences.is_empty()),
        }
    }

    /// Returns the severity that is asked for.
    #[must_use]
    pub fn severity(&self) -> Option<&str> {
        match self {
            Self::NewFiring(severity) | Self::LostFiring(severity) => severity.as_deref(),
            Self::Change => None,
        }
    }
}

/// Returns whether a rule has a firing on one side only; of a severity, if one is given, that the other side lacks there.
fn any(rule: &RuleDifference, kind: Kind, severity: Option<&str>) -> bool {
    let fired = |side: &[Stay]| {
        let own = |stay: &Stay| severity.is_none_or(|severity| stay.labels.get("severity").unwrap_or("") == severity);
        side.iter().any(|stay| stay.fired_at.is_some() && own(stay))
    };
    rule.differences.iter().any(|one| match kind {
        Kind::OnlyAfter => fired(&one.after) && !fired(&one.before),
        _ => fired(&one.before) && !fired(&one.after),
    })
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewFiring(None) => f.write_str("new-firing"),
            Self::NewFiring(Some(severity)) => write!(f, "new-firing={severity}"),
            Self::LostFiring(None) => f.write_str("lost-firing"),
            Self::LostFiring(Some(severity)) => write!(f, "lost-firing={severity}"),
            Self::Change => f.write_str("change"),
        }
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, severity) = match text.split_once('=') {
            Some((word, severity)) if !severity.is_empty() => (word, Some(severity.to_owned())),
            _ => (text, None),
        };
        match (word, severity) {
            ("new-firing", severity) => Ok(Self::NewFiring(severity)),
            ("lost-firing", severity) => Ok(Self::LostFiring(severity)),
            ("change", None) => Ok(Self::Change),
            _ => Err(format!(
                "`{text}` is none of `new-firing`, `new-firing=SEVERITY`, `lost-firing`, `lost-firing=SEVERITY`, `change`"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_as_they_are_written() {
        for text in ["new-firing", "new-firing=critical", "lost-firing", "lost-firing=page", "change"] {
            assert_eq!(text.parse::<Condition>().map(|read| read.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "firing", "change=critical", "new-firing=", "changes"] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
    }
}
