//! The codes that people name: in a configuration, in comments and in flags.

use crate::diagnostic::codes::{self, ALL, About, Code};
use crate::diagnostic::{Severity, nearest};

use super::pint;

/// The word that stands for the codes of all policies.
pub const POLICY: &str = "policy";

/// Returns whether findings of a code may be silenced: those may not for which a file could not be read.
#[must_use]
pub fn is_controllable(code: &Code) -> bool {
    !(matches!(code.about, About::Loading | About::Run) && code.severity == Severity::Error)
}

/// Returns the codes that a word stands for.
///
/// # Errors
/// When it stands for none, or for one that cannot be silenced.
pub fn codes_of(word: &str) -> Result<Vec<&'static str>, Refusal> {
    if word == POLICY {
        return Ok(ALL.iter().filter(|code| code.about == About::Policy).map(|code| code.word).collect());
    }
    match codes::find(word) {
        Some(code) if is_controllable(code) => Ok(vec![code.word]),
        Some(code) => Err(Refusal::Loading(code.word)),
        None => Err(Refusal::Unknown(word.to_owned())),
    }
}

/// Why a word stands for no code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such code.
    Unknown(String),
    /// It is an error for which a file cannot be read.
    Loading(&'static str),
}

impl Refusal {
    /// Says what is wrong, in one sentence.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Unknown(word) => format!("there is no code `{word}`"),
            Self::Loading(code) => format!("`{code}` cannot be silenced: such a rule cannot be evaluated"),
        }
    }

    /// Says what to type instead.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Unknown(word) => {
                let of_pint = pint::codes_of(word);
                let known = ALL.iter().filter(|code| is_controllable(code)).map(|code| code.word);
                let near = nearest(word, known.chain([POLICY]));
                match (of_pint.as_slice(), near.first()) {
                    ([_, ..], _) => format!("that is a check of pint; here it is `{}`", of_pint.join("`, `")),
                    ([], Some(near)) => format!("did you mean `{near}`?"),
                    ([], None) => "`alertctl check --list-lints` lists all codes".to_owned(),
                }
            }
            Self::Loading(_) => "fix the rule, or remove it".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_codes() {
        assert_eq!(codes_of("dead-code"), Ok(vec![codes::DEAD_CODE]));
        assert!(codes_of(POLICY).is_ok_and(|all| all.contains(&codes::RULE_NAME) && all.len() > 5));
        let check = |word: &str, message: &str, help: &str| {
            let refusal = codes_of(word).expect_err(word);
            assert_eq!((refusal.message().as_str(), refusal.help().as_str()), (message, help));
        };
        check("dead-cod", "there is no code `dead-cod`", "did you mean `dead-code`?");
        check("alerts/template", "there is no code `alerts/template`", TEMPLATE);
        check("xyzzy", "there is no code `xyzzy`", "`alertctl check --list-lints` lists all codes");
        check(
            "promql-syntax",
            "`promql-syntax` cannot be silenced: such a rule cannot be evaluated",
            "fix the rule, or remove it",
        );
    }

    const TEMPLATE: &str =
        "that is a check of pint; here it is `value-in-labels`, `template-label-missing`, `humanize`";
}
