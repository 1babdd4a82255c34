//! Alerts that change their identity, or fire when a part of the data is late.

use super::super::shape::number;
use super::super::{Check, Found, Lint, Page, edit::shortened, subject::Place};
use crate::diagnostic::codes;
use crate::promql::ast::{Aggregate, AggregateOp, Binary, BinaryOp, Expr, ExprKind, Side};
use crate::promql::functions::Kernel;
use crate::time::Millis;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::FRAGILE,
    page: Page {
        why: "`topk()`, `bottomk()`, `limitk()` and `limit_ratio()` keep the labels of the series that they pick. When \
              another series takes a place among them, the alert of the one before is resolved, and the new one waits \
              its `for` from the beginning, although nothing got better.\n\n\
              Compare first and leave the picking to whoever looks: `x > 100` instead of `topk(3, x) > 100`. Or \
              aggregate: `max(x) > 100`, `count(topk(3, x) > 100)`.\n\n\
              A ratio of two aggregations of different metrics is off for as long as one of them lacks series, such as \
              after a restart of Prometheus or while a target is scraped late. A `for` waits until both are complete.",
        bad: "\
- alert: LongQueues
  expr: topk(3, queue_length) > 100
  for: 5m
",
        clean: "\
- alert: LongQueues
  expr: queue_length > 100
  for: 5m
",
        data: "",
    },
    check: Check::Rule(check),
};

fn check(place: &Place<'_>, found: &mut Found) {
    if place.is_alert() {
        visit(place, &place.rule.expr, found);
    }
}

/// Looks at what decides the labels of the alerts: not into aggregations, which give other labels.
fn visit(place: &Place<'_>, expr: &Expr, found: &mut Found) {
    match &expr.kind {
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => visit(place, inner, found),
        // Of these only the value is used, or that there is one.
        ExprKind::Call { function, .. }
            if matches!(function.kernel, Kernel::Scalar | Kernel::Vector | Kernel::Absent | Kernel::AbsentOverTime) => {
        }
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| visit(place, arg, found)),
        ExprKind::Aggregate(aggregate) => picked(place, aggregate, found),
        ExprKind::Binary(binary) => {
            ratio(place, binary, found);
            // Of a join with one series for many, such as one of an info metric, the many decide.
            let many = binary.matching.as_ref().and_then(|matching| matching.group.as_ref()).map(|group| group.many);
            if many != Some(Side::Right) && !is_deduplicated(&binary.lhs, binary) {
                visit(place, &binary.lhs, found);
            }
            // By `on ()` it matters only that there is one.
            let reaches = !binary.matching.as_ref().is_some_and(|matching| matching.on && matching.labels.is_empty());
            if reaches && many != Some(Side::Left) && !is_deduplicated(&binary.rhs, binary) {
                visit(place, &binary.rhs, found);
            }
        }
        ExprKind::Number { .. }
        | ExprKind::String(_)
        | ExprKind::Selector(_)
        | ExprKind::Range { .. }
        | ExprKind::Subquery(_)
        | ExprKind::Invalid => {}
    }
}

fn picked(place: &Place<'_>, aggregate: &Aggregate, found: &mut Found) {
    let picks = matches!(
        aggregate.op,
        AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio
    );
    if !picks || is_one_of_one(aggregate) {
        return;
    }
    let name = aggregate.op.name();
    let message = match place.hold() {
        Millis::ZERO => {
            format!("the series that `{name}` picks change: each change resolves one alert and begins another")
        }
        hold => format!(
            "the series that `{name}` picks change: each change begins another alert, whose `for: {hold}` starts again"
        ),
    };
    let inner = shortened(&place.rule.text.text[aggregate.expr.span.range()]);
    found.expr(place, aggregate.op_span, message).help.push(format!("compare all series: `{inner}`, without `{name}`"));
}

/// Returns whether each series that is picked is the only one of its group.
fn is_one_of_one(aggregate: &Aggregate) -> bool {
    let ExprKind::Aggregate(inner) = &aggregate.expr.unparen().kind else { return false };
    if inner.op == AggregateOp::CountValues {
        return false;
    }
    match (&inner.grouping, &aggregate.grouping) {
        (None, _) => true,
        (Some(inner), Some(outer)) => {
            !inner.without && !outer.without && inner.labels.iter().all(|label| outer.labels.contains(label))
        }
        (Some(_), None) => false,
    }
}

/// Returns whether one series is picked for each that an operator matches, so that there are not several.
fn is_deduplicated(expr: &Expr, binary: &Binary) -> bool {
    let ExprKind::Aggregate(aggregate) = &expr.unparen().kind else { return false };
    let (Some(grouping), Some(matching)) = (&aggregate.grouping, &binary.matching) else { return false };
    let is_one = aggregate.param.as_ref().and_then(number) == Some(1.0);
    let same = |a: &[String], b: &[String]| a.iter().all(|label| b.contains(label));
    is_one
        && matching.on
        && !grouping.without
        && same(&grouping.labels, &matching.labels)
        && same(&matching.labels, &grouping.labels)
}

/// Looks for a ratio of sums of different metrics, without a `for`.
fn ratio(place: &Place<'_>, binary: &Binary, found: &mut Found) {
    if binary.op != BinaryOp::Div || place.hold() != Millis::ZERO {
        return;
    }
    let (Some(left), Some(right)) = (aggregated(&binary.lhs), aggregated(&binary.rhs)) else { return };
    if left == right || is_of_one_target(&binary.lhs) || stem(left) == stem(right) {
        return;
    }
    let message = format!(
        "this ratio of `{left}` and `{right}` is off while one of them lacks series, and there is no `for` that waits"
    );
    found
        .expr(place, binary.op_span, message)
        .help
        .push("add a `for` of some scrape intervals, such as `for: 5m`".to_owned());
}

/// Returns whether an aggregation keeps the target of its series, which are scraped together.
fn is_of_one_target(expr: &Expr) -> bool {
    match &expr.unparen().kind {
        ExprKind::Aggregate(aggregate) => aggregate.grouping.as_ref().is_some_and(|grouping| {
            let named = grouping.labels.iter().any(|label| matches!(label.as_str(), "instance" | "pod"));
            named != grouping.without
        }),
        ExprKind::Binary(binary) => is_of_one_target(&binary.lhs) || is_of_one_target(&binary.rhs),
        _ => false,
    }
}

/// Returns the name that the parts of a histogram or summary have in common.
fn stem(metric: &str) -> &str {
    ["_sum", "_count", "_bucket"].iter().find_map(|end| metric.strip_suffix(end)).unwrap_or(metric)
}

/// Returns the only metric that an aggregation reads, a factor aside.
fn aggregated(expr: &Expr) -> Option<&str> {
    let aggregate = match &expr.unparen().kind {
        ExprKind::Aggregate(aggregate) => aggregate,
        ExprKind::Binary(binary) if binary.op == BinaryOp::Mul => {
            return match (number(&binary.lhs), number(&binary.rhs)) {
                (Some(_), _) => aggregated(&binary.rhs),
                (_, Some(_)) => aggregated(&binary.lhs),
                _ => None,
            };
        }
        _ => return None,
    };
    let mut metrics = aggregate.expr.selectors().into_iter().map(|one| one.selector.metric());
    let first = metrics.next()??;
    metrics.all(|metric| metric == Some(first)).then_some(first)
}
