//! Parts of expressions that lints of data evaluate by themselves.

use std::borrow::Cow;

use super::super::rule::{contradictory_threshold, dead_code};
use super::super::subject::Place;
use super::super::{Check, Found, Lint};
use crate::diagnostic::Severity;
use crate::format::value;
use crate::outcome::threshold;
use crate::promql::ast::{
    Binary, BinaryOp, DurationExpr, DurationKind, Expr, ExprKind, Modifiers, Selector, Side, Type,
};
use crate::source::Span;
use crate::time::Millis;

/// A comparison with a number that decides whether a rule is true.
pub(super) struct Limit<'a> {
    /// The comparison, turned so that the number stands on the right.
    pub(super) op: BinaryOp,
    pub(super) value: f64,
    /// The number, as it stands.
    pub(super) number: &'a Expr,
    /// What is compared.
    pub(super) compared: &'a Expr,
}

impl Limit<'_> {
    /// Returns the number as it was written.
    pub(super) fn written<'t>(&self, place: &Place<'t>) -> Cow<'t, str> {
        let text = place.rule.text.text.get(self.number.span.range()).filter(|text| !text.is_empty());
        text.map_or_else(|| Cow::Owned(value(self.value)), Cow::Borrowed)
    }
}

/// Returns the comparison that decides whether an expression has a sample, left of `and` and `unless`.
pub(super) fn comparison(expr: &Expr) -> Option<&Binary> {
    let ExprKind::Binary(binary) = &expr.unparen().kind else { return None };
    match binary.op {
        BinaryOp::And | BinaryOp::Unless => comparison(&binary.lhs),
        op => (op.is_comparison() && !binary.return_bool).then_some(&**binary),
    }
}

/// Returns the comparison with one number that decides whether an expression has a sample.
pub(super) fn limit(expr: &Expr) -> Option<Limit<'_>> {
    let (op, value) = threshold(expr)?;
    let binary = comparison(expr)?;
    let (compared, number) = match (binary.lhs.ty(), binary.rhs.ty()) {
        (Type::Vector, Type::Scalar) => (&binary.lhs, &binary.rhs),
        (Type::Scalar, Type::Vector) => (&binary.rhs, &binary.lhs),
        _ => return None,
    };
    Some(Limit { op, value, number, compared })
}

/// Returns an expression without the comparisons that leave samples out, and without what `unless` takes away: which
/// series there are to be compared, and not which are beyond a threshold.
pub(super) fn unfiltered(expr: &Expr) -> Expr {
    let kind = match &expr.kind {
        ExprKind::Paren(inner) => ExprKind::Paren(Box::new(unfiltered(inner))),
        ExprKind::Unary { op, expr } => ExprKind::Unary { op: *op, expr: Box::new(unfiltered(expr)) },
        ExprKind::Binary(binary) => {
            let filters = binary.op.is_comparison() && !binary.return_bool;
            match (binary.lhs.ty(), binary.rhs.ty()) {
                (Type::Vector, _) if filters || binary.op == BinaryOp::Unless => return unfiltered(&binary.lhs),
                (_, Type::Vector) if filters => return unfiltered(&binary.rhs),
                _ => ExprKind::Binary(Box::new(Binary {
                    lhs: unfiltered(&binary.lhs),
                    rhs: unfiltered(&binary.rhs),
                    ..(**binary).clone()
                })),
            }
        }
        ExprKind::Aggregate(aggregate) => {
            let mut aggregate = aggregate.clone();
            aggregate.expr = unfiltered(&aggregate.expr);
            ExprKind::Aggregate(aggregate)
        }
        other => other.clone(),
    };
    Expr { kind, span: expr.span }
}

/// Returns whether an expression has a sample only where an operator in it has one.
pub(super) fn requires(expr: &Expr, operator: &Binary) -> bool {
    match &expr.kind {
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => requires(inner, operator),
        ExprKind::Subquery(subquery) => requires(&subquery.expr, operator),
        ExprKind::Aggregate(aggregate) => requires(&aggregate.expr, operator),
        ExprKind::Call { function, args, .. } => {
            !function.name.starts_with("absent")
                && function.returns == Type::Vector
                && args.iter().any(|arg| requires(arg, operator))
        }
        ExprKind::Binary(binary) => {
            let fills = binary.matching.as_ref().is_some_and(|on| on.fill_left.is_some() || on.fill_right.is_some());
            std::ptr::eq(&raw const **binary, operator)
                || match binary.op {
                    BinaryOp::Or => false,
                    BinaryOp::Unless => requires(&binary.lhs, operator),
                    _ => !fills && (requires(&binary.lhs, operator) || requires(&binary.rhs, operator)),
                }
        }
        _ => false,
    }
}

/// Returns whether what stands in a part of a rule's expression is never true, or has no effect, whatever is recorded:
/// that has a finding of its own.
pub(super) fn is_dead(place: &Place<'_>, part: Span) -> bool {
    let finds = |lint: &Lint| {
        let Check::Rule(check) = lint.check else { return false };
        let mut found = Found::new(lint.code);
        check(place, &mut found);
        let at = place.rule.text.at(part);
        let is_in = |span: Span| at.span.start <= span.start && span.end <= at.span.end;
        found.items.iter().any(|one| {
            one.severity <= Severity::Warning && one.primary.as_ref().is_some_and(|mark| is_in(mark.at.span))
        })
    };
    finds(&dead_code::LINT) || finds(&contradictory_threshold::LINT)
}

/// Returns an operator and the labels by which it matches, as they are written.
pub(super) fn operator(binary: &Binary) -> String {
    let Some(matching) = &binary.matching else { return binary.op.symbol().to_owned() };
    let group = match &matching.group {
        None => String::new(),
        Some(group) => {
            let side = if group.many == Side::Left { "left" } else { "right" };
            format!(" group_{side} ({})", group.include.join(", "))
        }
    };
    let word = if matching.on { "on" } else { "ignoring" };
    format!("{} {word} ({}){group}", binary.op.symbol(), matching.labels.join(", "))
}

/// Returns a selector as it is written with a range: `x[5m] offset 1h`.
pub(super) fn ranged(selector: &Selector, range: Millis) -> String {
    let bare = Selector { modifiers: Modifiers::default(), ..selector.clone() }.to_string();
    let whole = selector.to_string();
    let modifiers = whole.strip_prefix(&bare).unwrap_or("");
    format!("{bare}[{range}]{modifiers}")
}

/// Says between which values something is, after "the values are".
pub(super) fn between((min, max): (f64, f64)) -> String {
    match (value(min), value(max)) {
        (min, max) if min == max => format!("all {min}"),
        (min, max) => format!("between {min} and {max}"),
    }
}

/// Returns how long a duration is, where it is written out.
pub(super) fn written(duration: &DurationExpr) -> Option<Millis> {
    match &duration.kind {
        DurationKind::Literal { span, .. } => Some(*span),
        DurationKind::Paren(inner) => written(inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse::parse;

    #[test]
    fn comparisons_are_left_out() {
        let check =
            |text: &str, expected: &str| assert_eq!(unfiltered(&parse(text).expr).to_string(), expected, "{text}");
        check("up == 0", "up");
        check("5 < sum by (job) (up > 1) + 1", "sum by (job) (up) + 1");
        check("(a > 1 and on (job) b < 2) unless c", "(a and on (job) b)");
        check("a > bool 1", "a > bool 1");
        check("rate(a[5m]) > on (job) group_left () b", "rate(a[5m])");
    }

    #[test]
    fn what_a_result_takes_is_known() {
        let check = |text: &str, expected: bool| {
            let expr = parse(text).expr;
            let mut found = None;
            expr.walk(&mut |expr| match &expr.kind {
                ExprKind::Binary(binary) if binary.op == BinaryOp::Mul => found = Some((**binary).clone()),
                _ => {}
            });
            let mut needs = false;
            expr.walk(&mut |part| match &part.kind {
                ExprKind::Binary(binary) if Some(&**binary) == found.as_ref() => needs = requires(&expr, binary),
                _ => {}
            });
            assert_eq!(needs, expected, "{text}");
        };
        check("sum(a * b) > 1", true);
        check("c and on (job) abs(a * b)", true);
        check("c or a * b", false);
        check("c unless a * b", false);
        check("absent(a * b)", false);
        check("vector(scalar(a * b))", false);
    }

    #[test]
    fn a_range_stands_before_an_offset() {
        let check = |text: &str, expected: &str| {
            let expr = parse(text).expr;
            assert_eq!(ranged(expr.selectors()[0].selector, Millis(300_000)), expected);
        };
        check("x{a=\"b\"} offset 5m", "x{a=\"b\"}[5m] offset 5m");
        check("x", "x[5m]");
    }

    #[test]
    fn the_number_and_what_is_compared_are_found() {
        let expr = parse("0.5 < rate(x[5m]) and on (job) up").expr;
        let found = limit(&expr).expect("a limit");
        assert_eq!((found.op.symbol(), found.value, found.compared.to_string()), (">", 0.5, "rate(x[5m])".to_owned()));
        assert!(limit(&parse("a > b").expr).is_none());
    }
}
