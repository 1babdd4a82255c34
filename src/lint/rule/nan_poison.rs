//! A division that may be 0 by 0, inside a sum.

use super::super::shape::number;
use super::super::{Check, Found, Lint, Page, edit::shortened, subject::Place};
use crate::diagnostic::{Severity, codes};
use crate::promql::ast::{AggregateOp, Binary, BinaryOp, Expr, ExprKind};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::NAN_POISON,
    page: Page {
        why: "0 / 0 is NaN, and a sum or an average with one NaN in it is NaN. A comparison with NaN is false, so one \
              instance without traffic is enough that an alert on the average of all never fires. `min` and `max` leave \
              NaN out; `sum`, `avg`, `stddev` and `stdvar` do not.\n\n\
              Leave out what is 0 before dividing, `a / (b > 0)`, or divide the sums: `sum(a) / sum(b)`, which is also \
              the right average of ratios.",
        bad: "\
- alert: SlowRequests
  expr: avg by (job) (rate(seconds_sum[5m]) / rate(seconds_count[5m])) > 0.5
  for: 5m
",
        clean: "\
- alert: SlowRequests
  expr: avg by (job) (rate(seconds_sum[5m]) / (rate(seconds_count[5m]) > 0)) > 0.5
  for: 5m
",
        data: "",
    },
    check: Check::Rule(check),
};

fn check(place: &Place<'_>, found: &mut Found) {
    place.rule.expr.walk(&mut |expr| {
        let ExprKind::Aggregate(aggregate) = &expr.kind else { return };
        let sums =
            matches!(aggregate.op, AggregateOp::Sum | AggregateOp::Avg | AggregateOp::Stddev | AggregateOp::Stdvar);
        let Some((binary, zero)) = division(place, &aggregate.expr).filter(|_| sums) else { return };
        let name = aggregate.op.name();
        let divisor = shortened(&place.rule.text.text[binary.rhs.span.range()]);
        let message = match zero {
            Zero::Usual => {
                format!("where `{divisor}` is 0 this may be 0 / 0 = NaN, which makes the whole `{name}` NaN")
            }
            Zero::Unknown => format!("should `{divisor}` ever be 0, 0 / 0 = NaN makes the whole `{name}` NaN"),
        };
        let finding = found.expr(place, binary.op_span, message);
        if zero == Zero::Unknown {
            finding.severity = Severity::Info;
        }
        let filtered = match &binary.rhs.kind {
            ExprKind::Paren(inner) => shortened(&place.rule.text.text[inner.span.range()]),
            _ => divisor,
        };
        finding.help.push(format!("leave out what is 0: `{} ({filtered} > 0)`", binary.op.symbol()));
    });
}

/// Whether a divisor is 0 at times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zero {
    /// As a matter of course.
    Usual,
    /// Nobody knows.
    Unknown,
}

/// Finds a division whose NaN reaches the aggregation around it.
fn division<'a>(place: &Place<'_>, expr: &'a Expr) -> Option<(&'a Binary, Zero)> {
    match &expr.kind {
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => division(place, inner),
        ExprKind::Binary(binary) => {
            let divides = matches!(binary.op, BinaryOp::Div | BinaryOp::Mod) && is_plain(&binary.lhs);
            match is_zero(place, binary).filter(|_| divides) {
                Some(zero) => Some((binary, zero)),
                None if matches!(binary.op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div) => {
                    division(place, &binary.lhs).or_else(|| division(place, &binary.rhs))
                }
                None => None,
            }
        }
        ExprKind::Call { function, args, .. } if matches!(function.name, "abs" | "ceil" | "floor" | "round") => {
            args.first().and_then(|arg| division(place, arg))
        }
        _ => None,
    }
}

/// Returns whether the divisor of a division is 0 at times; none where it surely is not, or nothing is known of it.
fn is_zero(place: &Place<'_>, binary: &Binary) -> Option<Zero> {
    if may_be_zero(place, &binary.rhs, 0) || are_counters(binary) {
        return Some(Zero::Usual);
    }
    match &binary.rhs.unparen().kind {
        ExprKind::Selector(selector) => {
            let is_recorded = selector.metric().is_some_and(|metric| place.subject.recorded.contains_key(metric));
            (!is_recorded).then_some(Zero::Unknown)
        }
        _ => None,
    }
}

/// How far the rules are followed that record a divisor.
const DEPTH: usize = 4;

/// Returns whether a divisor is 0 as a matter of course: how often something happened, which may not happen at all.
fn may_be_zero(place: &Place<'_>, expr: &Expr, depth: usize) -> bool {
    let zero = |expr: &Expr| may_be_zero(place, expr, depth);
    match &expr.kind {
        ExprKind::Paren(inner) => zero(inner),
        ExprKind::Selector(selector) => {
            let writers = selector.metric().and_then(|metric| place.subject.recorded.get(metric));
            let writer = writers.and_then(|writers| writers.first()).filter(|_| depth < DEPTH);
            writer.is_some_and(|writer| may_be_zero(place, &place.subject.all[*writer].2.expr, depth + 1))
        }
        ExprKind::Call { function, .. } => matches!(function.name, "rate" | "irate" | "increase"),
        ExprKind::Aggregate(aggregate) => {
            matches!(aggregate.op, AggregateOp::Sum | AggregateOp::Avg | AggregateOp::Min | AggregateOp::Max)
                && zero(&aggregate.expr)
        }
        ExprKind::Binary(binary) => match binary.op {
            BinaryOp::Mul | BinaryOp::Div => number(&binary.rhs).is_some() && zero(&binary.lhs),
            BinaryOp::Add => zero(&binary.lhs) && zero(&binary.rhs),
            _ => false,
        },
        _ => false,
    }
}

/// Returns whether both sides are counters, which begin with 0.
fn are_counters(binary: &Binary) -> bool {
    let ends = |expr: &Expr, ends: &[&str]| {
        matches!(&expr.unparen().kind, ExprKind::Selector(selector)
            if selector.metric().is_some_and(|metric| ends.iter().any(|end| metric.ends_with(end))))
    };
    ends(&binary.lhs, &["_total", "_sum", "_count", "_bucket"]) && ends(&binary.rhs, &["_total", "_count"])
}

/// Returns whether nothing removes the zeros of a numerator.
fn is_plain(expr: &Expr) -> bool {
    let mut plain = number(expr).is_none();
    expr.walk(&mut |expr| {
        if let ExprKind::Binary(binary) = &expr.kind {
            plain &= !binary.op.is_comparison() && !binary.op.is_set();
        }
    });
    plain
}
