//! Random changes inside an expression.

use super::super::dice::Dice;
use crate::labels::{MatchOp, Matcher};
use crate::promql::ast::{AggregateOp, DurationExpr, DurationKind, Expr, ExprKind, Selector};
use crate::promql::functions::function_named;
use crate::time::Millis;

/// The longest window that is written.
const LONGEST: Millis = Millis(7 * 24 * 3_600_000);
/// The shortest one.
const SHORTEST: Millis = Millis(60_000);
/// Functions that may stand for each other: each takes a window and gives a vector.
const FUNCTIONS: [&str; 8] = [
    "avg_over_time",
    "changes",
    "count_over_time",
    "increase",
    "last_over_time",
    "max_over_time",
    "min_over_time",
    "sum_over_time",
];
/// Aggregations that may stand for each other.
const AGGREGATIONS: [AggregateOp; 5] =
    [AggregateOp::Sum, AggregateOp::Avg, AggregateOp::Min, AggregateOp::Max, AggregateOp::Count];
/// Labels of which a matcher may be added.
const LABELS: [&str; 2] = ["instance", "job"];

/// Changes a node where it can, and says how.
type Edit = fn(&mut ExprKind, &mut Dice) -> Option<String>;

/// Makes a window 2 to 12 times as long, or as short.
pub(super) fn window(expr: &mut Expr, dice: &mut Dice) -> Option<String> {
    anywhere(expr, dice, |node, dice| match node {
        ExprKind::Range { range, .. } => resized(range, dice),
        ExprKind::Subquery(subquery) => resized(&mut subquery.range, dice),
        _ => None,
    })
}

/// Drops a matcher, or adds one.
pub(super) fn matcher(expr: &mut Expr, dice: &mut Dice) -> Option<String> {
    anywhere(expr, dice, |node, dice| match node {
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => rematched(selector, dice),
        _ => None,
    })
}

/// Compares with another number.
pub(super) fn threshold(expr: &mut Expr, dice: &mut Dice) -> Option<String> {
    anywhere(expr, dice, |node, _| {
        let ExprKind::Binary(binary) = node else { return None };
        let is_number = |expr: &Expr| matches!(expr.kind, ExprKind::Number { duration: false, .. });
        let side = if is_number(&binary.rhs) { &mut binary.rhs } else { &mut binary.lhs };
        match &mut side.kind {
            ExprKind::Number { value, duration: false } if binary.op.is_comparison() => {
                let before = *value;
                *value = before * 1.5 + 1.0;
                Some(format!("threshold {before} became {value}"))
            }
            _ => None,
        }
    })
}

/// Calls another function, or aggregates in another way.
pub(super) fn function(expr: &mut Expr, dice: &mut Dice) -> Option<String> {
    fn other<T: Copy + PartialEq>(all: &[T], one: T, dice: &mut Dice) -> Option<T> {
        let others: Vec<T> = all.iter().copied().filter(|other| *other != one).collect();
        (others.len() < all.len()).then(|| others[dice.below(others.len())])
    }
    anywhere(expr, dice, |node, dice| match node {
        ExprKind::Call { function, .. } => {
            let before = function.name;
            *function = function_named(other(&FUNCTIONS, before, dice)?)?;
            Some(format!("{before} became {}", function.name))
        }
        ExprKind::Aggregate(aggregate) => {
            let before = aggregate.op;
            aggregate.op = other(&AGGREGATIONS, before, dice)?;
            Some(format!("{} became {}", before.name(), aggregate.op.name()))
        }
        _ => None,
    })
}

fn resized(range: &mut DurationExpr, dice: &mut Dice) -> Option<String> {
    let DurationKind::Literal { span: before, .. } = range.kind else { return None };
    let factor = 2 + dice.below(11) as i64;
    let span = if dice.below(3) > 0 { Millis(before.0.checked_mul(factor)?) } else { Millis(before.0 / factor) };
    // Whole seconds.
    let span = Millis(span.0 / 1_000 * 1_000);
    if span < SHORTEST || span > LONGEST {
        return None;
    }
    range.kind = DurationKind::Literal { span, seconds: span.0 as f64 / 1_000.0 };
    Some(format!("window [{before}] became [{span}]"))
}

fn rematched(selector: &mut Selector, dice: &mut Dice) -> Option<String> {
    let metric = selector.metric()?.to_owned();
    let droppable: Vec<usize> =
        (0..selector.matchers.len()).filter(|at| !selector.matchers[*at].names_metric()).collect();
    if !droppable.is_empty() && dice.below(2) == 0 {
        let dropped = selector.matchers.remove(droppable[dice.below(droppable.len())]);
        return Some(format!("matcher of `{}` dropped from {metric}", dropped.name));
    }
    let free: Vec<&str> =
        LABELS.into_iter().filter(|label| selector.matchers.iter().all(|matcher| matcher.name != *label)).collect();
    let label = free.get(dice.below(free.len()))?;
    // The name that was written outside the braces stays last.
    selector.matchers.insert(0, Matcher::new(*label, MatchOp::NotEqual, "none").ok()?);
    Some(format!("matcher of `{label}` added to {metric}"))
}

/// Changes one node, any that can be.
fn anywhere(expr: &mut Expr, dice: &mut Dice, edit: Edit) -> Option<String> {
    let mut nodes = 0;
    walk(expr, &mut |_| nodes += 1);
    let mut order: Vec<usize> = (0..nodes).collect();
    dice.shuffle(&mut order);
    order.into_iter().find_map(|wanted| {
        let (mut at, mut done) = (0, None);
        walk(expr, &mut |node| {
            if at == wanted {
                done = edit(node, dice);
            }
            at += 1;
        });
        done
    })
}

fn walk(expr: &mut Expr, visit: &mut dyn FnMut(&mut ExprKind)) {
    visit(&mut expr.kind);
    match &mut expr.kind {
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => walk(inner, visit),
        ExprKind::Binary(binary) => {
            walk(&mut binary.lhs, visit);
            walk(&mut binary.rhs, visit);
        }
        ExprKind::Subquery(subquery) => walk(&mut subquery.expr, visit),
        ExprKind::Call { args, .. } => args.iter_mut().for_each(|arg| walk(arg, visit)),
        ExprKind::Aggregate(aggregate) => {
            aggregate.param.iter_mut().for_each(|param| walk(param, visit));
            walk(&mut aggregate.expr, visit);
        }
        ExprKind::Number { .. }
        | ExprKind::String(_)
        | ExprKind::Selector(_)
        | ExprKind::Range { .. }
        | ExprKind::Invalid => {}
    }
}
