//! Pins an expression to one time: with `@` on all that selects, it must give the same at any other time.

use alertctl::promql::ast::{At, DurationExpr, DurationKind, Expr, ExprKind, Modifiers, Selector};
use alertctl::time::Timestamp;

/// Functions whose result depends on the evaluation time whatever their arguments are.
///
/// Source: Prometheus' `AtModifierUnsafeFunctions`.
pub(crate) const DEPEND_ON_TIME: [&str; 15] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "end",
    "hour",
    "minute",
    "month",
    "year",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
];

/// Puts `@ at` on every selector and subquery that has no fixed time and is in no subquery that has. `None` when the
/// expression depends on the time nevertheless.
pub(crate) fn pinned(expr: &Expr, at: i64) -> Option<Expr> {
    let mut expr = expr.clone();
    pin(&mut expr, at).then_some(expr)
}

fn pin_modifiers(modifiers: &mut Modifiers, at: i64) {
    if !matches!(modifiers.at, Some(At::Time(_))) {
        modifiers.at = Some(At::Time(Timestamp(at)));
    }
}

fn pin(expr: &mut Expr, at: i64) -> bool {
    match &mut expr.kind {
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => pin(inner, at),
        ExprKind::Binary(binary) => pin(&mut binary.lhs, at) & pin(&mut binary.rhs, at),
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => {
            pin_modifiers(&mut selector.modifiers, at);
            true
        }
        ExprKind::Subquery(subquery) => {
            pin_modifiers(&mut subquery.modifiers, at);
            true
        }
        ExprKind::Call { function, args, .. } => {
            !DEPEND_ON_TIME.contains(&function.name) & args.iter_mut().fold(true, |safe, arg| pin(arg, at) & safe)
        }
        ExprKind::Aggregate(aggregate) => {
            let param = aggregate.param.as_mut().is_none_or(|param| pin(param, at));
            param & pin(&mut aggregate.expr, at)
        }
        ExprKind::Number { .. } | ExprKind::String(_) | ExprKind::Invalid => true,
    }
}

/// Returns whether an expression mentions `start()`, `end()`, `step()` or `range()` anywhere: it means another thing in
/// a range query.
pub(crate) fn reads_context(expr: &Expr) -> bool {
    let mut reads = false;
    expr.walk(&mut |node| {
        reads |= match &node.kind {
            ExprKind::Selector(selector) => selector_reads(selector),
            ExprKind::Range { selector, range, .. } => selector_reads(selector) || duration_reads(range),
            ExprKind::Subquery(subquery) => {
                modifiers_read(&subquery.modifiers)
                    || duration_reads(&subquery.range)
                    || subquery.step.as_ref().is_some_and(duration_reads)
            }
            ExprKind::Call { function, .. } => matches!(function.name, "start" | "end" | "step" | "range"),
            _ => false,
        };
    });
    reads
}

fn selector_reads(selector: &Selector) -> bool {
    modifiers_read(&selector.modifiers)
}

fn modifiers_read(modifiers: &Modifiers) -> bool {
    matches!(modifiers.at, Some(At::Start | At::End)) || modifiers.offset.as_ref().is_some_and(duration_reads)
}

fn duration_reads(duration: &DurationExpr) -> bool {
    match &duration.kind {
        DurationKind::Step | DurationKind::Range => true,
        DurationKind::Literal { .. } => false,
        DurationKind::Unary(_, inner) | DurationKind::Paren(inner) => duration_reads(inner),
        DurationKind::Binary(_, a, b) | DurationKind::MinOf(a, b) | DurationKind::MaxOf(a, b) => {
            duration_reads(a) || duration_reads(b)
        }
    }
}
