//! The numbers and windows of a rule's expression that may be set, by where they stand.

use crate::outcome::threshold::comparisons;
use crate::promql::ast::{DurationExpr, DurationKind, ExprKind};
use crate::rules::{Rule, RuleSet};
use crate::source::{FileSpan, Span};

use super::ask::{Key, Value};
use super::plan::Place;

/// A number that an expression compares with, or a window.
#[derive(Clone, Debug)]
pub(super) struct Literal {
    pub key: Key,
    pub value: Value,
    /// As it is written.
    pub text: String,
    /// Where it stands in the text of the expression. A native rule's window may stand there several times.
    pub spans: Vec<Span>,
    pub place: Place,
    /// Whether the file has it as the expression does, so that another one may stand there.
    pub is_written: bool,
}

/// Returns the literals of a rule's expression: of each kind in the order of its text.
pub(super) fn literals(rule: &Rule, rules: &RuleSet) -> Vec<Literal> {
    let thresholds = comparisons(&rule.expr)
        .into_iter()
        .map(|found| (Key::Threshold, Value::Number(found.value), Span::new(found.span.start, found.span.end)));
    let mut found: Vec<(Key, Value, Span)> = thresholds.collect();
    rule.expr.walk(&mut |part| {
        let range = match &part.kind {
            ExprKind::Range { range, .. } => range,
            ExprKind::Subquery(subquery) => &subquery.range,
            _ => return,
        };
        found.extend(window(range));
    });
    // What a native rule's expression has besides is not in its file.
    let compared: Vec<Span> = found.iter().filter(|(key, ..)| *key == Key::Threshold).map(|(.., span)| *span).collect();
    let is_other = |span: Span| !compared.iter().any(|one| one.start <= span.start && span.end <= one.end);
    rule.expr.walk(&mut |part| match part.kind {
        ExprKind::Number { value, duration: false } if rule.condition.is_none() && is_other(part.span) => {
            found.push((Key::Number, Value::Number(value), part.span));
        }
        _ => {}
    });
    found.sort_by_key(|(key, _, span)| (*key, span.start));
    let mut all: Vec<Literal> = Vec::new();
    for (key, value, span) in found {
        let at = rule.text.at(span);
        let place = Place::of(at, rules);
        // Of a native rule, one key may become several windows.
        let same = |one: &&mut Literal| rule.condition.is_some() && (one.key, one.place == place) == (key, true);
        if let Some(one) = all.iter_mut().find(same) {
            one.spans.push(span);
            continue;
        }
        let text = rule.text.text.get(span.range()).unwrap_or_default().to_owned();
        let is_written = rule.condition.is_none() || stands(at, rules) == text;
        all.push(Literal { key, value, text, spans: vec![span], place, is_written });
    }
    all
}

/// Returns what stands at a place of a file.
fn stands(at: FileSpan, rules: &RuleSet) -> &str {
    rules.sources.file(at.file).text.get(at.span.range()).unwrap_or_default()
}

/// Returns a window that is written out.
fn window(range: &DurationExpr) -> Option<(Key, Value, Span)> {
    match range.kind {
        DurationKind::Literal { span, .. } => Some((Key::Window, Value::Span(span), range.span)),
        _ => None,
    }
}
