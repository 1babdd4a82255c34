//! Edits of expressions, as fixes and as text to type.

use super::flow::{By, Gone};
use crate::diagnostic::Fix;
use crate::promql::ast::{Aggregate, AggregateOp, BinaryOp, Expr, ExprKind, Type};
use crate::promql::functions::Kernel;
use crate::rules::Rule;
use crate::source::Span;

/// Returns the `by (..)` of an aggregation that keeps a label, and the edit that makes it, where it is one aggregation by
/// name that lost the label.
pub(super) fn keep_label(rule: &Rule, gone: Gone, label: &str) -> Option<(String, Vec<Fix>)> {
    let is_plain = label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
    if gone.by != By::Aggregation || !is_plain {
        return None;
    }
    let aggregate = aggregate_at(&rule.expr, gone.span)?;
    let grouping = aggregate.grouping.as_ref().filter(|grouping| !grouping.without)?;
    // Right before the closing parenthesis, behind the last label.
    let list = &rule.text.text[grouping.span.range()];
    let inside = list.strip_suffix(')')?.trim_end();
    let at = grouping.span.start as usize + inside.len();
    let added = match inside.ends_with(['(', ',']) {
        true if grouping.labels.is_empty() => label.to_owned(),
        true => format!(" {label}"),
        // As the list is written.
        false if inside.contains(',') && !inside.contains(", ") => format!(",{label}"),
        false => format!(", {label}"),
    };
    let mut fixed = format!("by {list}");
    fixed.insert_str(at - grouping.span.start as usize + "by ".len(), &added);
    let fix = Fix { at: rule.text.at(Span::new(at, at)), replacement: added };
    // Only where each series that fires keeps one that fires, and no other begins to.
    let alone = stands_alone(&rule.expr, gone.span) && survives(&rule.expr, aggregate);
    Some((shortened(&fixed), if alone { vec![fix] } else { Vec::new() }))
}

/// Returns a text on one line, cut where it is long.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 120;
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}..", &one_line[..at]),
        None => one_line,
    }
}

/// Returns whether an alert on an aggregation fires for the same reason when more labels are kept: a greatest value
/// above a number is one of the values above it.
fn survives(expr: &Expr, aggregate: &Aggregate) -> bool {
    let ExprKind::Binary(binary) = &expr.unparen().kind else { return false };
    let is_it =
        |expr: &Expr| matches!(&expr.unparen().kind, ExprKind::Aggregate(found) if std::ptr::eq(&**found, aggregate));
    let greater = match binary.op {
        BinaryOp::Greater | BinaryOp::GreaterEqual => true,
        BinaryOp::Less | BinaryOp::LessEqual => false,
        _ => return false,
    };
    let reads_samples = !matches!(aggregate.expr.unparen().kind, ExprKind::Aggregate(_) | ExprKind::Binary(_));
    let wanted = |greater: bool| if greater { AggregateOp::Max } else { AggregateOp::Min };
    !binary.return_bool
        && reads_samples
        && (is_it(&binary.lhs) && binary.rhs.ty() == Type::Scalar && aggregate.op == wanted(greater)
            || is_it(&binary.rhs) && binary.lhs.ty() == Type::Scalar && aggregate.op == wanted(!greater))
}

/// Returns whether a part of an expression is joined with no other series, so that a label more changes no match.
fn stands_alone(expr: &Expr, span: Span) -> bool {
    if expr.span == span && !matches!(expr.kind, ExprKind::Paren(_)) {
        return true;
    }
    let is_in = |expr: &Expr| expr.span.start <= span.start && span.end <= expr.span.end;
    match &expr.kind {
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => stands_alone(inner, span),
        ExprKind::Binary(binary) => match (binary.lhs.ty(), binary.rhs.ty()) {
            (_, Type::Scalar) => is_in(&binary.lhs) && stands_alone(&binary.lhs, span),
            (Type::Scalar, _) => is_in(&binary.rhs) && stands_alone(&binary.rhs, span),
            _ => false,
        },
        ExprKind::Subquery(subquery) => stands_alone(&subquery.expr, span),
        ExprKind::Call { function, args, .. } => {
            !matches!(function.kernel, Kernel::Absent | Kernel::AbsentOverTime | Kernel::Scalar)
                && args.iter().any(|arg| is_in(arg) && stands_alone(arg, span))
        }
        ExprKind::Aggregate(_)
        | ExprKind::Number { .. }
        | ExprKind::String(_)
        | ExprKind::Selector(_)
        | ExprKind::Range { .. }
        | ExprKind::Invalid => false,
    }
}

/// Finds an aggregation by where it stands.
pub(super) fn aggregate_at(expr: &Expr, span: Span) -> Option<&Aggregate> {
    let mut found = None;
    expr.walk(&mut |expr| {
        if let ExprKind::Aggregate(aggregate) = &expr.kind
            && expr.span == span
        {
            found = Some(&**aggregate);
        }
    });
    found
}
