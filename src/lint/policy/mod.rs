//! Policies: what a configuration asks of rules, each with a code of its own.

mod expr;
mod labels;
mod limits;

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Mark, Severity};
use crate::labels::Regexp;
use crate::rules::RuleKind;
use crate::source::FileSpan;
use crate::time::Millis;
use crate::yaml::fields::one_of;

use super::control::comments::Comments;
use super::subject::Place;
use super::{Check, Found, Lint};

/// The lints that look at rules as policies ask.
pub(super) const LINTS: &[&Lint] = &[
    &labels::REQUIRED_LABEL,
    &labels::FORBIDDEN_LABEL,
    &labels::ALLOWED_SEVERITY,
    &labels::REQUIRED_ANNOTATION,
    &labels::FORBIDDEN_ANNOTATION,
    &labels::RUNBOOK_URL,
    &limits::RULE_NAME,
    &limits::FOR_LIMITS,
    &limits::FIRING_LIMITS,
    &limits::RULE_OWNER,
    &expr::SELECTOR_LABEL,
    &expr::AGGREGATION_LABEL,
];

/// Which rules a policy is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kinds {
    /// Alerting rules.
    Alerts,
    /// Recording rules.
    Recording,
    /// Both.
    #[default]
    All,
}

/// What one policy asks. What is not asked is empty.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Which rules it is about.
    pub kinds: Kinds,
    /// How bad it is when a rule is not as it asks.
    pub severity: Severity,
    /// Labels that a rule must set.
    pub required_labels: Vec<Wanted>,
    /// The only labels that a rule may set.
    pub allowed_labels: Option<Names>,
    /// Labels, or values of them, that a rule must not set.
    pub forbidden_labels: Vec<Wanted>,
    /// The only values of the label `severity`.
    pub severities: Option<Names>,
    /// Annotations that an alert must have.
    pub required_annotations: Vec<Wanted>,
    /// The only annotations that an alert may have.
    pub allowed_annotations: Option<Names>,
    /// Annotations, or texts of them, that an alert must not have.
    pub forbidden_annotations: Vec<Wanted>,
    /// The form of the links to runbooks.
    pub runbook_url: Option<Asked<Values>>,
    /// What the name of a rule must match.
    pub names: Option<Asked<Pattern>>,
    /// The limits of `for`.
    pub hold: Option<Limits<Millis>>,
    /// The limits of `keep_firing_for`.
    pub keep_firing: Option<Limits<Millis>>,
    /// How often an alert may fire on a recording.
    pub firings: Option<Limits<u64>>,
    /// Whether a comment must say who owns a rule, and what it may say.
    pub owner: Option<Asked<Values>>,
    /// Labels for which every selector must have a matcher.
    pub selector_labels: Option<Names>,
    /// Labels that every aggregation must keep.
    pub kept_labels: Option<Names>,
    /// Labels that the result of no aggregation may have.
    pub dropped_labels: Option<Names>,
}

/// Something asked, and where.
#[derive(Clone, Debug)]
pub struct Asked<T> {
    /// What is asked.
    pub what: T,
    /// Where.
    pub at: FileSpan,
}

/// A label or an annotation, and its values.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Values,
    /// Where this is asked.
    pub at: FileSpan,
}

/// Names that are asked for.
pub type Names = Asked<Vec<String>>;

/// Limits of a duration or of a number, both included, each with where it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Limits<T> {
    /// The least.
    pub min: Option<(T, FileSpan)>,
    /// The most.
    pub max: Option<(T, FileSpan)>,
}

/// How often each alert fired on a recording, by the number of its rule; empty without one.
pub type Firings = BTreeMap<usize, u64>;

/// Which values are meant.
#[derive(Clone, Debug)]
pub enum Values {
    /// All that are not empty.
    Any,
    /// Those that match.
    Matching(Pattern),
    /// These.
    OneOf(Vec<String>),
}

/// A regular expression that must match a whole text.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As it was written.
    pub text: String,
    /// The same to match with.
    pub regexp: Regexp,
}

impl Values {
    fn has(&self, value: &str) -> bool {
        match self {
            Self::Any => !value.is_empty(),
            Self::Matching(pattern) => pattern.regexp.is_match(value),
            Self::OneOf(values) => values.iter().any(|one| one == value),
        }
    }

    /// Returns the words for what is expected.
    fn words(&self) -> String {
        match self {
            Self::Any => "a text".to_owned(),
            Self::Matching(pattern) => format!("a text that `{}` matches as a whole", pattern.text),
            Self::OneOf(values) => one_of(values),
        }
    }
}

/// What a policy lint is given.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    policy: &'a Policy,
    place: &'a Place<'a>,
    comments: &'a Comments,
    /// The numbers of the group and the rule in their file.
    numbers: (usize, usize),
    firings: &'a Firings,
}

impl Case<'_> {
    /// Adds a finding at a place, with the place that asks for it.
    fn found<'f>(
        &self,
        found: &'f mut Found,
        at: FileSpan,
        asked: FileSpan,
        message: impl Into<String>,
    ) -> &'f mut Diagnostic {
        let one = found.at(at, (self.place.group, self.place.rule), message);
        one.severity = self.policy.severity;
        one.related.push(Mark { at: asked, text: "asked for here".to_owned() });
        one
    }

    /// Returns what the rule is called in messages.
    fn rule(&self) -> String {
        let kind = if self.place.is_alert() { "alert" } else { "recording rule" };
        format!("the {kind} `{}`", self.place.rule.name.text)
    }
}

impl Policy {
    /// Returns whether it is about a rule.
    fn is_about(&self, kind: &RuleKind) -> bool {
        match self.kinds {
            Kinds::All => true,
            Kinds::Alerts => matches!(kind, RuleKind::Alert { .. }),
            Kinds::Recording => matches!(kind, RuleKind::Record),
        }
    }

    /// Looks at a rule with the lints of all policies.
    pub(super) fn look(
        &self,
        place: &Place<'_>,
        numbers: (usize, usize),
        (comments, firings): (&Comments, &Firings),
        found: &mut Vec<Diagnostic>,
    ) {
        if !self.is_about(&place.rule.kind) {
            return;
        }
        let case = Case { policy: self, place, comments, numbers, firings };
        for lint in LINTS {
            if let Check::Policy { check, .. } = lint.check {
                let mut own = Found::new(lint.code);
                check(&case, &mut own);
                found.append(&mut own.items);
            }
        }
    }
}
