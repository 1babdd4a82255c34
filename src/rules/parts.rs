//! Where the parts of a rule or group stand in its file: for those who look at what was written, not only at what it
//! means. They are kept on request alone ([`super::RuleSet::keep_parts`]).

use crate::source::{FileSpan, Located, Span};
use crate::yaml::fields::{Field, Named};
use crate::yaml::problems::Problems;

/// A key with one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where its key stands.
    pub key: FileSpan,
    /// Where its value stands, quotes included.
    pub value: FileSpan,
}

impl Part {
    pub(super) fn of(field: Field<'_>, problems: &Problems<'_>) -> Self {
        Self { key: problems.at(field.key_span), value: problems.at(field.value.span) }
    }
}

/// A label or an annotation as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPart {
    /// Its name.
    pub name: String,
    /// Where its name stands.
    pub key: FileSpan,
    /// Its text; none where nothing was written, which is the empty text.
    pub text: Option<Located>,
    /// Whether it is a label of the group, which the rule takes over.
    pub of_group: bool,
}

impl TextPart {
    pub(super) fn of(named: Named<'_>, of_group: bool, problems: &Problems<'_>) -> Self {
        let Named { name, name_span, text } = named;
        Self { name: name.to_owned(), key: problems.at(name_span), text: text.cloned(), of_group }
    }

    /// Makes one of a key that stands for it.
    pub(super) fn of_key(name: &str, field: Field<'_>, problems: &Problems<'_>) -> Self {
        let text = field.value.scalar().filter(|scalar| !scalar.is_null()).map(|scalar| scalar.located.clone());
        Self { name: name.to_owned(), key: problems.at(field.key_span), text, of_group: false }
    }

    /// Returns where its text stands, or its name where nothing was written.
    #[must_use]
    pub fn at(&self) -> FileSpan {
        self.text.as_ref().map_or(self.key, Located::whole)
    }
}

/// The parts of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleParts {
    /// All of the rule.
    pub span: FileSpan,
    /// The key `expr` of Prometheus' form, `metric` of the native form.
    pub expr: Option<Part>,
    /// The key `for`.
    pub hold: Option<Part>,
    /// The key `keep_firing_for`.
    pub keep_firing: Option<Part>,
    /// The key `labels`.
    pub labels_key: Option<Part>,
    /// The key `annotations`.
    pub annotations_key: Option<Part>,
    /// Its own labels in file order, then those of its group that it does not set itself.
    pub labels: Vec<TextPart>,
    /// Its annotations, in file order.
    pub annotations: Vec<TextPart>,
}

impl RuleParts {
    /// Makes those of a derived metric.
    pub(super) fn of_derived(span: Span, expr: Option<Field<'_>>, problems: &Problems<'_>) -> Self {
        Self {
            span: problems.at(span),
            expr: expr.map(|field| Part::of(field, problems)),
            hold: None,
            keep_firing: None,
            labels_key: None,
            annotations_key: None,
            labels: Vec::new(),
            annotations: Vec::new(),
        }
    }
}

/// The parts of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupParts {
    /// All of the group.
    pub span: FileSpan,
    /// The key `interval`, `evaluate` in the native form.
    pub interval: Option<Part>,
    /// The key `limit`.
    pub limit: Option<Part>,
    /// The key `query_offset`.
    pub query_offset: Option<Part>,
    /// The text that holds it, where YAML stands as a text inside YAML: a file of a ConfigMap.
    pub within: Option<FileSpan>,
}
