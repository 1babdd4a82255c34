//! Parts of expressions that lints of data evaluate by themselves.

use crate::outcome::threshold;
use crate::promql::ast::{Binary, BinaryOp, DurationExpr, DurationKind, Expr, ExprKind, Type};
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
    fn the_number_and_what_is_compared_are_found() {
        let expr = parse("0.5 < rate(x[5m]) and on (job) up").expr;
        let found = limit(&expr).expect("a limit");
        assert_eq!((found.op.symbol(), found.value, found.compared.to_string()), (">", 0.5, "rate(x[5m])".to_owned()));
        assert!(limit(&parse("a > b").expr).is_none());
    }
}
