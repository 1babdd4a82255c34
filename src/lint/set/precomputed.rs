//! An expression that a recording rule works out already.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::super::{Check, Found, Lint, Page, subject::Place, subject::Subject};
use crate::diagnostic::{Mark, codes};
use crate::promql::ast::{DurationExpr, Expr, ExprKind, Selector};

use super::super::shape::duration;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::PRECOMPUTED,
    page: Page {
        why: "A recording rule works an expression out once at each evaluation of its group. A rule that has the same \
              expression works it out again, over the same samples.\n\n\
              Read the recorded series instead. Its value is that of the last evaluation of its group, so put the reader \
              into the same group, below the recording rule, where an interval matters.",
        bad: "\
- record: job:requests:rate5m
  expr: sum by (job) (rate(requests_total[5m]))
- alert: ManyRequests
  expr: sum by (job) (rate(requests_total[5m])) > 100
  for: 5m
",
        clean: "\
- record: job:requests:rate5m
  expr: sum by (job) (rate(requests_total[5m]))
- alert: ManyRequests
  expr: job:requests:rate5m > 100
  for: 5m
",
        data: "",
    },
    check: Check::Set(check),
};

/// The rules that record an expression, by its digest: the first one of each.
type Recorded = HashMap<u64, usize>;

fn check(subject: &Subject<'_>, found: &mut Found) {
    let mut recorded = Recorded::default();
    let mut digests = Vec::new();
    for number in subject.recorded.values().flatten() {
        let place = subject.place(*number);
        let expr = place.rule.expr.unparen();
        if place.is_sound() && place.rule.labels.is_empty() && is_costly(expr) {
            digests.clear();
            recorded
                .entry(digest(expr, &mut digests))
                .and_modify(|first| *first = (*first).min(*number))
                .or_insert(*number);
        }
    }
    if recorded.is_empty() {
        return;
    }
    for place in subject.places() {
        digests.clear();
        digest(&place.rule.expr, &mut digests);
        // Parts follow one another from inside out: the largest that is recorded counts.
        let mut end = digests.len();
        while let Some(last) = end.checked_sub(1) {
            let Digest { expr, value, first } = digests[last];
            let writer = recorded.get(&value).map(|number| subject.place(*number));
            let writer = writer.filter(|writer| is_read_instead(&place, expr, writer));
            match writer {
                Some(writer) => {
                    tell(&place, expr, &writer, found);
                    end = first;
                }
                None => end = last,
            }
        }
    }
}

fn is_read_instead(place: &Place<'_>, expr: &Expr, writer: &Place<'_>) -> bool {
    let is_whole = std::ptr::eq(expr, place.rule.expr.unparen());
    let is_twin = is_whole && !place.is_alert() && place.rule.name.text == writer.rule.name.text;
    // Of two that record the same, the second is told of.
    let is_first = is_whole && !place.is_alert() && place.number < writer.number;
    // One below in the same group would be read an interval late.
    let is_later = std::ptr::eq(place.group, writer.group) && writer.number > place.number;
    place.number != writer.number
        && !is_later
        && !is_twin
        && !is_first
        && expr.to_string() == writer.rule.expr.unparen().to_string()
}

fn tell(place: &Place<'_>, expr: &Expr, writer: &Place<'_>, found: &mut Found) {
    let name = &writer.rule.name.text;
    let message = format!("`{name}` records this already");
    let finding = found.expr(place, expr.span, message);
    finding.related.push(Mark { at: writer.rule.name.whole(), text: "recorded here".to_owned() });
    finding.help.push(format!("read `{name}` instead"));
}

/// Returns whether an expression is worth recording: it reads more than one sample of a series, or many series.
fn is_costly(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Aggregate(_) | ExprKind::Subquery(_) => true,
        ExprKind::Call { args, .. } => {
            args.iter().any(|arg| matches!(arg.unparen().kind, ExprKind::Range { .. }) || is_costly(arg))
        }
        ExprKind::Binary(binary) => is_costly(&binary.lhs) || is_costly(&binary.rhs),
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => is_costly(inner),
        _ => false,
    }
}

/// A part of an expression.
#[derive(Clone, Copy)]
struct Digest<'a> {
    expr: &'a Expr,
    /// Equal for parts that print alike; different as a rule for others.
    value: u64,
    /// Where its own parts begin in the list.
    first: usize,
}

/// Adds the digests of an expression and all its parts, the parts first, and returns its own.
fn digest<'a>(expr: &'a Expr, all: &mut Vec<Digest<'a>>) -> u64 {
    let first = all.len();
    let mut state = DefaultHasher::new();
    std::mem::discriminant(&expr.kind).hash(&mut state);
    let mut add = |part: &'a Expr| digest(part, all);
    match &expr.kind {
        // As what is inside.
        ExprKind::Paren(inner) => return add(inner),
        ExprKind::Number { value, .. } => value.to_bits().hash(&mut state),
        ExprKind::String(text) => text.hash(&mut state),
        ExprKind::Unary { op, expr } => (op, add(expr)).hash(&mut state),
        ExprKind::Binary(binary) => {
            (binary.op, binary.return_bool, add(&binary.lhs), add(&binary.rhs)).hash(&mut state)
        }
        ExprKind::Selector(one) => selector(one, &mut state),
        ExprKind::Range { selector: one, range, .. } => {
            selector(one, &mut state);
            length(range, &mut state);
        }
        ExprKind::Subquery(subquery) => {
            length(&subquery.range, &mut state);
            add(&subquery.expr).hash(&mut state);
        }
        ExprKind::Call { function, args, .. } => {
            function.name.hash(&mut state);
            args.iter().for_each(|arg| add(arg).hash(&mut state));
        }
        ExprKind::Aggregate(aggregate) => {
            let labels = aggregate.grouping.as_ref().map(|grouping| (grouping.without, &grouping.labels));
            (aggregate.op, labels).hash(&mut state);
            aggregate.param.iter().for_each(|param| add(param).hash(&mut state));
            add(&aggregate.expr).hash(&mut state);
        }
        ExprKind::Invalid => {}
    }
    let value = state.finish();
    all.push(Digest { expr, value, first });
    value
}

fn selector(selector: &Selector, state: &mut impl Hasher) {
    for matcher in &selector.matchers {
        (&matcher.name, matcher.op, &matcher.value).hash(state);
    }
}

fn length(range: &DurationExpr, state: &mut impl Hasher) {
    duration(range).map(|range| range.0).hash(state);
}
