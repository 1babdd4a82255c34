//! Go's text/template, as Prometheus offers it in labels and annotations.
//!
//! A text is cut into tokens (`lex`), made a tree (`parse`, `pipeline`, `tree`), and walked through for each alert
//! (`exec`, `eval`).

mod collections;
mod compare;
mod escape;
mod eval;
mod exec;
mod fields;
mod functions;
mod humanize;
mod instant;
mod lex;
mod literal;
mod number_format;
mod parse;
mod pipeline;
mod print;
mod reads;
mod share;
#[cfg(test)]
mod tests;
mod tree;
mod uses;
mod value;

use std::sync::Arc;

pub use self::reads::{Read, What};
pub use self::share::Share;
use self::tree::Tree;
use self::uses::Uses;
use crate::labels::LabelSet;
use crate::promql::query::SampleValue;
use crate::source::Span;
use crate::time::Timestamp;

/// A template that was read without a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    text: String,
    /// Absent of plain text.
    tree: Option<Arc<Tree>>,
    uses: Uses,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What Prometheus refuses when it loads a rule, and calls that can only fail: unknown functions and variables,
    /// stray or missing `end`, wrong numbers of arguments.
    pub fn parse(text: &str) -> Result<Self, Vec<TemplateProblem>> {
        if lex::open(text).is_none() {
            return Ok(Self::literal(text));
        }
        let tree = parse::parse(text)?;
        let uses = uses::uses(&tree);
        Ok(Self { text: text.to_owned(), tree: Some(Arc::new(tree)), uses })
    }

    /// Makes a template that expands to the text as it is.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self { text: text.to_owned(), tree: None, uses: Uses::default() }
    }

    /// Returns the text as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether the template has no action, and so expands to itself.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.tree.is_none()
    }

    /// Returns whether the expansion may depend on the value: by `$value`, `.Value`, or as part of the whole data.
    #[must_use]
    pub fn uses_value(&self) -> bool {
        self.uses.value
    }

    /// Returns whether the expansion may ask a query.
    #[must_use]
    pub fn uses_query(&self) -> bool {
        self.uses.query
    }

    /// Returns what the template reads of its data, and where. Cost: linear in its size.
    #[must_use]
    pub fn reads(&self) -> Vec<Read> {
        self.tree.as_ref().map_or_else(Vec::new, |tree| reads::reads(tree))
    }

    /// Expands the template, which may do as much as its share.
    ///
    /// # Errors
    /// The words that Prometheus puts after `error expanding template: `.
    pub fn expand(&self, data: &TemplateData<'_>, share: Share, query: &mut Query<'_>) -> Result<String, String> {
        match &self.tree {
            Some(tree) => exec::expand(&self.text, tree, data, share, query),
            None => Ok(self.text.clone()),
        }
    }

    /// Expands the template; an error becomes the text, as in Prometheus.
    #[must_use]
    pub fn expand_or_error(&self, data: &TemplateData<'_>, share: Share, query: &mut Query<'_>) -> String {
        self.expand(data, share, query).unwrap_or_else(|words| format!("<error expanding template: {words}>"))
    }
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
    pub value: &'a SampleValue,
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
    pub value: SampleValue,
}

/// Answers the `query` function: an expression to samples, in order, or to an error's words.
pub type Query<'a> = dyn FnMut(&str) -> Result<Vec<QueriedSample>, String> + 'a;
