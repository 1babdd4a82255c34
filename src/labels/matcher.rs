//! Conditions on one label.

use std::fmt;

use super::{LabelSet, METRIC_NAME, Quoted, Regexp, RegexpError};

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl MatchOp {
    /// Returns the operator as it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// Returns the metric that matchers ask for by its full name, if any does.
#[must_use]
pub fn named_metric(matchers: &[Matcher]) -> Option<&str> {
    matchers.iter().find(|matcher| matcher.names_metric()).map(|matcher| matcher.value.as_str())
}

/// A condition on one label; a label that is absent counts as the empty text.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// The label.
    pub name: String,
    /// How its value is compared.
    pub op: MatchOp,
    /// With what: a text or a regular expression.
    pub value: String,
    regexp: Option<Regexp>,
}

impl Matcher {
    /// Makes a matcher; a regular expression is read here, and compiled when it is first asked.
    ///
    /// # Errors
    /// When the regular expression does not compile or grows beyond its limit.
    pub fn new(name: impl Into<String>, op: MatchOp, value: impl Into<String>) -> Result<Self, RegexpError> {
        let value = value.into();
        let regexp = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(Regexp::anchored(&value)?),
        };
        Ok(Self { name: name.into(), op, value, regexp })
    }

    /// Makes the matcher `name="value"`, which cannot fail.
    #[must_use]
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), op: MatchOp::Equal, value: value.into(), regexp: None }
    }

    /// Returns whether it asks for one metric by its full name.
    #[must_use]
    pub fn names_metric(&self) -> bool {
        self.name == METRIC_NAME && self.op == MatchOp::Equal
    }

    /// Returns whether a value satisfies the condition; an absent label has the value `""`.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        let regexp = || self.regexp.as_ref().is_some_and(|regexp| regexp.is_match(value));
        match self.op {
            MatchOp::Equal => self.value == value,
            MatchOp::NotEqual => self.value != value,
            MatchOp::Regex => regexp(),
            MatchOp::NotRegex => !regexp(),
        }
    }

    /// Returns whether the label of a set satisfies the condition.
    #[must_use]
    pub fn matches_set(&self, labels: &LabelSet) -> bool {
        self.matches(labels.get(&self.name).unwrap_or(""))
    }
}

/// Matchers are equal when they are written alike.
impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl Eq for Matcher {}

impl std::hash::Hash for Matcher {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.name, self.op, &self.value).hash(state);
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.name, self.op.symbol(), Quoted(&self.value))
    }
}
