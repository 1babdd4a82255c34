//! Go's text/template, as Prometheus offers it in labels and annotations.

use crate::labels::LabelSet;
use crate::source::Span;
use crate::time::Timestamp;

/// A template that was read without a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    text: String,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateProblem {
    /// Where, in the template's text.
    pub span: Span,
    /// What was found and what was expected.
    pub message: String,
    /// What to type instead.
    pub help: Option<String>,
}

/// What a template may show.
#[derive(Clone, Copy, Debug)]
pub struct TemplateData<'a> {
    /// `$labels`: of the sample, its metric name included, before rule labels.
    pub labels: &'a LabelSet,
    /// `$value`.
    pub value: f64,
    /// `$externalLabels`.
    pub external_labels: &'a LabelSet,
    /// `$externalURL`.
    pub external_url: &'a str,
    /// `now`: the slot.
    pub now: Timestamp,
    /// The alert's name, for the words of errors (`__alert_NAME`).
    pub alert: &'a str,
}

/// A sample that `query` gives to a template.
#[derive(Clone, Debug, PartialEq)]
pub struct QueriedSample {
    /// Its labels.
    pub labels: LabelSet,
    /// Its value.
    pub value: f64,
}

/// Answers the `query` function: an expression to samples, in order, or to an error's words.
pub type Query<'a> = dyn FnMut(&str) -> Result<Vec<QueriedSample>, String> + 'a;
