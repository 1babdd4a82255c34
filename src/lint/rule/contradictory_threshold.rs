//! Comparisons that are never true, always true, or true by chance alone.

use super::super::bounds::{Bounds, bounds, turned};
use super::super::shape::number;
use super::super::{Check, Found, Lint, Page, edit::shortened, subject::Place};
use crate::diagnostic::codes;
use crate::promql::ast::{AggregateOp, Binary, BinaryOp, Expr, ExprKind, Type};
use crate::source::Span;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::CONTRADICTORY_THRESHOLD,
    page: Page {
        why: "A comparison removes the series for which it is not true. What is left of `x > 5` has no value below 3, so \
              `x > 5 and x < 3` is never true; `up` is 0 or 1; a rate of a counter is never negative; `count()` of no \
              series is no series, not 0. Prometheus loads all of them.\n\n\
              An equality with a number that is worked out, `rate(x[5m]) == 0.5`, is true by chance alone: rates and \
              increases are estimates, and no whole numbers. An equality with 0 is fine.\n\n\
              Write `or` where one of two limits is meant, `absent(x)` where nothing is to be counted, and `>` or `<` \
              where `==` was.",
        bad: "\
- alert: TemperatureWrong
  expr: temperature > 80 and temperature < 10
  for: 5m
",
        clean: "\
- alert: TemperatureWrong
  expr: temperature > 80 or temperature < 10
  for: 5m
",
        data: "",
    },
    check: Check::Rule(check),
};

fn check(place: &Place<'_>, found: &mut Found) {
    if place.rule.condition.is_some() {
        // A native rule, whose metrics come from anywhere: `up` may be anything there.
        return;
    }
    place.rule.expr.walk(&mut |expr| {
        let ExprKind::Binary(binary) = &expr.kind else { return };
        match binary.op {
            op if op.is_comparison() => compared(place, binary, found),
            BinaryOp::And => both(place, binary, found),
            BinaryOp::Unless => removed(place, binary, found),
            _ => {}
        }
    });
}

/// Looks at a comparison with a number.
fn compared(place: &Place<'_>, binary: &Binary, found: &mut Found) {
    let (side, op, with) = match (number(&binary.lhs), number(&binary.rhs)) {
        (Some(_), Some(_)) => {
            let message = "this compares two numbers: the result is always the same";
            let finding = found.expr(place, binary.lhs.span.to(binary.rhs.span), message);
            finding.help.push("compare a metric with a number".to_owned());
            return;
        }
        (None, Some(with)) => (&binary.lhs, binary.op, with),
        (Some(with), None) => (&binary.rhs, turned(binary.op), with),
        (None, None) => return alike(place, binary, found),
    };
    if is_written(side) {
        return;
    }
    if with.is_nan() {
        let what = if binary.op == BinaryOp::NotEqual { "always" } else { "never" };
        let message = format!("this is {what} true: NaN is not equal to anything, nor less or greater");
        let finding = found.expr(place, binary.lhs.span.to(binary.rhs.span), message);
        finding.help.push("to find NaN, compare a value with itself: `x != x`".to_owned());
        return;
    }
    let text = shortened(&place.rule.text.text[side.span.range()]);
    let of = bounds(side);
    let whole = binary.lhs.span.to(binary.rhs.span);
    match of.compared(op, with) {
        Some(false) => {
            let message = format!("this is never true: {}", because(side, of, &text));
            found.expr(place, whole, message).help.push(instead(side, op, with, &place.rule.text.text));
            return;
        }
        // One value, as of `absent(x) == 1`, is compared to make the meaning plain.
        Some(true) if of.low == 0.0 && of.high == 1.0 => {
            let message = format!("this is always true: {}", because(side, of, &text));
            found.expr(place, whole, message).help.push(format!("compare it with 0 or 1, such as `{text} == 1`"));
            return;
        }
        // A rate or a sum of them is 0 or more: such a limit removes nothing. `count(..) > 0` asks whether there are any.
        Some(true) if place.is_alert() && of.low == 0.0 && is_no_limit(op, with) => {
            let message = format!("this is always true: {}", because(side, of, &text));
            found.expr(place, whole, message).help.push(format!("write `{text} > 0`, or a greater limit"));
            return;
        }
        _ => {}
    }
    let is_equality = matches!(op, BinaryOp::Equal | BinaryOp::NotEqual);
    if let Some(name) = estimate(side).filter(|_| is_equality && with != 0.0 && with.is_finite()) {
        let (truth, instead) = match op {
            BinaryOp::Equal => ("true by chance alone", "`>=` or `<=`"),
            _ => ("always true but by chance", "`>` or `<`"),
        };
        let message = format!("`{name}` gives an estimate, no exact number: `{} {with}` is {truth}", op.symbol());
        found.expr(place, binary.op_span, message).help.push(format!("compare with {instead}"));
    }
}

/// Looks for a comparison of an expression with itself, `x != x` aside, which finds NaN.
fn alike(place: &Place<'_>, binary: &Binary, found: &mut Found) {
    let (left, right) = (binary.lhs.unparen(), binary.rhs.unparen());
    let is_kept = matches!(binary.op, BinaryOp::NotEqual) || left.ty() == Type::Scalar || right.ty() == Type::Scalar;
    if is_kept || left.span == right.span || left.to_string() != right.to_string() {
        return;
    }
    let what = match binary.op {
        BinaryOp::Greater | BinaryOp::Less => "never",
        _ => "always",
    };
    let message = format!("this is {what} true: both sides are the same");
    let finding = found.expr(place, left.span.to(right.span), message);
    finding.help.push("compare it with a number, or with its past: `x > x offset 1h`".to_owned());
}

/// Returns whether a comparison takes 0 and all that is greater.
fn is_no_limit(op: BinaryOp, with: f64) -> bool {
    op == BinaryOp::GreaterEqual && with <= 0.0 || op == BinaryOp::Greater && with < 0.0
}

/// Returns whether a side is a number that its author wrote as a vector, such as `vector(1)`.
fn is_written(expr: &Expr) -> bool {
    matches!(&expr.unparen().kind, ExprKind::Call { function, .. } if function.name == "vector")
}

/// Says what values an expression has.
fn because(expr: &Expr, Bounds { low, high }: Bounds, text: &str) -> String {
    if let ExprKind::Aggregate(aggregate) = &expr.unparen().kind
        && aggregate.op == AggregateOp::Count
    {
        return "`count` of no series is no series, not 0".to_owned();
    }
    match (low.is_finite(), high.is_finite()) {
        (true, true) if low == high => format!("`{text}` is {low}"),
        (true, true) if low > high => format!("nothing is left of `{text}`"),
        (true, true) => format!("`{text}` is from {low} to {high}"),
        (true, false) => format!("`{text}` is {low} or more"),
        (false, true) => format!("`{text}` is {high} or less"),
        (false, false) => "no value is beyond infinity".to_owned(),
    }
}

/// Says what to write instead of a comparison that is never true.
fn instead(expr: &Expr, op: BinaryOp, with: f64, text: &str) -> String {
    match &expr.unparen().kind {
        ExprKind::Aggregate(aggregate) if aggregate.op == AggregateOp::Count && with <= 1.0 => {
            let inner = shortened(&text[aggregate.expr.span.range()]);
            let is_below = matches!(op, BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Equal);
            match is_below && aggregate.grouping.is_none() {
                true => format!(
                    "write `absent({inner})`, or `({}) or vector(0)` before comparing",
                    &shortened(&text[expr.unparen().span.range()])
                ),
                false => format!("write `absent(..)` of what is counted: `{inner}`"),
            }
        }
        ExprKind::Aggregate(aggregate) if aggregate.op == AggregateOp::Sum && bounds(&aggregate.expr).high <= 0.0 => {
            "write `count` instead of `sum`: it counts the series that are left".to_owned()
        }
        ExprKind::Binary(_) => "check both limits: `or` where one of them is enough".to_owned(),
        _ => "check the limit and the direction of the comparison".to_owned(),
    }
}

/// Returns the function by which an expression is worked out from samples that are not where its range begins and ends.
fn estimate(expr: &Expr) -> Option<&'static str> {
    match &expr.kind {
        ExprKind::Paren(inner) => estimate(inner),
        ExprKind::Call { function, .. } => {
            matches!(function.name, "rate" | "increase" | "delta" | "deriv" | "predict_linear").then_some(function.name)
        }
        ExprKind::Aggregate(aggregate) => match aggregate.op {
            AggregateOp::Sum | AggregateOp::Avg | AggregateOp::Min | AggregateOp::Max => estimate(&aggregate.expr),
            _ => None,
        },
        _ => None,
    }
}

/// What comparisons with numbers leave of one expression.
struct Limits<'a> {
    base: &'a Expr,
    of: Bounds,
    /// Whether the least and the largest value are left out themselves.
    open: (bool, bool),
    span: Span,
}

impl Limits<'_> {
    /// Returns whether no value is left.
    fn is_empty(&self) -> bool {
        self.of.low > self.of.high || self.of.low == self.of.high && (self.open.0 || self.open.1)
    }

    fn limit(&mut self, op: BinaryOp, with: f64) {
        let Bounds { low, high } = self.of;
        match op {
            BinaryOp::Greater if with >= low => self.open.0 = true,
            BinaryOp::GreaterEqual | BinaryOp::Equal if with > low => self.open.0 = false,
            _ => {}
        }
        match op {
            BinaryOp::Less if with <= high => self.open.1 = true,
            BinaryOp::LessEqual | BinaryOp::Equal if with < high => self.open.1 = false,
            _ => {}
        }
        self.of = self.of.filtered(op, with);
    }
}

/// Reads comparisons of one expression with numbers: `x > 5`, `5 < x`, `x > 5 < 9`.
fn limits(expr: &Expr) -> Option<Limits<'_>> {
    let expr = expr.unparen();
    let ExprKind::Binary(binary) = &expr.kind else { return None };
    if !binary.op.is_comparison() || binary.op == BinaryOp::NotEqual || binary.return_bool {
        return None;
    }
    let (side, op, with) = match (number(&binary.lhs), number(&binary.rhs)) {
        (None, Some(with)) => (&binary.lhs, binary.op, with),
        (Some(with), None) => (&binary.rhs, turned(binary.op), with),
        _ => return None,
    };
    if with.is_nan() || side.ty() != Type::Vector {
        return None;
    }
    let mut limits =
        limits(side).unwrap_or(Limits { base: side.unparen(), of: Bounds::ANY, open: (false, false), span: expr.span });
    limits.limit(op, with);
    limits.span = expr.span;
    Some(limits)
}

/// Returns the limits of both sides, where both are of one expression and all labels count.
fn of_one(binary: &Binary) -> Option<(Limits<'_>, Limits<'_>)> {
    if binary.matching.is_some() {
        return None;
    }
    let (left, right) = (limits(&binary.lhs)?, limits(&binary.rhs)?);
    (left.base.to_string() == right.base.to_string()).then_some((left, right))
}

/// Looks for `x > 5 and x < 3`.
fn both(place: &Place<'_>, binary: &Binary, found: &mut Found) {
    let Some((left, right)) = of_one(binary) else { return };
    if left.is_empty() || right.is_empty() {
        return;
    }
    let low = match left.of.low.total_cmp(&right.of.low) {
        std::cmp::Ordering::Greater => (left.of.low, left.open.0),
        std::cmp::Ordering::Less => (right.of.low, right.open.0),
        std::cmp::Ordering::Equal => (left.of.low, left.open.0 || right.open.0),
    };
    let high = match left.of.high.total_cmp(&right.of.high) {
        std::cmp::Ordering::Less => (left.of.high, left.open.1),
        std::cmp::Ordering::Greater => (right.of.high, right.open.1),
        std::cmp::Ordering::Equal => (left.of.high, left.open.1 || right.open.1),
    };
    let all = Limits { of: Bounds { low: low.0, high: high.0 }, open: (low.1, high.1), ..left };
    if all.is_empty() {
        let text = &place.rule.text.text;
        let (one, other) = (shortened(&text[left.span.range()]), shortened(&text[right.span.range()]));
        let message = "this is never true: no value is within both limits";
        found
            .expr(place, left.span.to(right.span), message)
            .help
            .push(format!("where one is enough: `{one} or {other}`"));
    }
}

/// Looks for `x > 5 unless x > 3`.
fn removed(place: &Place<'_>, binary: &Binary, found: &mut Found) {
    let Some((left, right)) = of_one(binary) else { return };
    let below = right.of.low < left.of.low || right.of.low == left.of.low && (left.open.0 || !right.open.0);
    let above = right.of.high > left.of.high || right.of.high == left.of.high && (left.open.1 || !right.open.1);
    if below && above && !left.is_empty() {
        let message = "this is never true: what is within the first limit is within the second too";
        let help = "exchange the sides, or check the limits";
        found.expr(place, left.span.to(right.span), message).help.push(help.to_owned());
    }
}
