//! The labels and annotations of a rule: their templates together with where they stand.

use crate::rules::template::Template;
use crate::rules::{Rule, RuleKind, TextPart};
use crate::source::{FileSpan, Span};

/// A label or an annotation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its template.
    pub(super) template: &'a Template,
    /// Where it stands.
    pub(super) part: &'a TextPart,
}

impl Text<'_> {
    /// Returns where a stretch of its text stands in the file.
    pub(super) fn at(&self, span: Span) -> FileSpan {
        self.part.text.as_ref().map_or(self.part.key, |text| text.at(span))
    }
}

/// Walks over the labels of an alerting rule that have templates.
pub(super) fn labels(rule: &Rule) -> impl Iterator<Item = Text<'_>> {
    let parts = rule.parts.iter().flat_map(|parts| &parts.labels);
    parts.filter_map(|part| of(part, &rule.labels))
}

/// Walks over its annotations that have templates.
pub(super) fn annotations(rule: &Rule) -> impl Iterator<Item = Text<'_>> {
    let templates: &[(String, Template)] = match &rule.kind {
        RuleKind::Alert { annotations, .. } => annotations,
        RuleKind::Record => &[],
    };
    let parts = rule.parts.iter().flat_map(|parts| &parts.annotations);
    parts.filter_map(|part| of(part, templates))
}

fn of<'a>(part: &'a TextPart, templates: &'a [(String, Template)]) -> Option<Text<'a>> {
    let (name, template) = templates.iter().find(|(name, _)| *name == part.name)?;
    (!template.is_literal()).then_some(Text { name, template, part })
}
