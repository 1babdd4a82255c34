//! What an alert's expression is about, without its threshold: tells a series that ended from one that got well.

use crate::promql::ast::{BinaryOp, Expr, ExprKind, Type};

/// Returns the vector whose series the expression keeps or drops by a comparison with a number, if it is of that form:
/// `x` of `x > 5`, of `5 < x` and of `x > 5 and y`. Its series have the labels of the expression's.
pub(crate) fn compared(expr: &Expr) -> Option<&Expr> {
    let ExprKind::Binary(binary) = &expr.unparen().kind else { return None };
    match binary.op {
        BinaryOp::And | BinaryOp::Unless => Some(compared(&binary.lhs).unwrap_or(&binary.lhs)),
        op if op.is_comparison() && !binary.return_bool => {
            let side = match (binary.lhs.ty(), binary.rhs.ty()) {
                (Type::Vector, Type::Scalar) => &binary.lhs,
                (Type::Scalar, Type::Vector) => &binary.rhs,
                _ => return None,
            };
            Some(compared(side).unwrap_or(side))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse::parse;

    fn check(text: &str, expected: Option<&str>) {
        let parsed = parse(text);
        assert!(parsed.problems.is_empty(), "{text}");
        assert_eq!(compared(&parsed.expr).map(ToString::to_string).as_deref(), expected, "{text}");
    }

    #[test]
    fn a_threshold_is_stripped_where_labels_stay() {
        check("x > 5", Some("x"));
        check("(5 < x)", Some("x"));
        check("x > 5 < 10", Some("x"));
        check("sum by (job) (x) > 5 and y", Some("sum by (job) (x)"));
        check("x unless y", Some("x"));
        check("x > bool 5", None);
        check("x > on (job) y", None);
        check("x > 5 or y > 6", None);
        check("absent(x)", None);
    }
}
