//! What an expression compares its value with.

use std::ops::Range;

use crate::promql::ast::{Binary, BinaryOp, Expr, ExprKind, UnaryOp};

/// Returns the comparison that decides the value of an expression, turned so that the number stands on the right:
/// `x > 5`, `5 < x`, and the same on the left of `and` or `unless`, whose value goes on.
///
/// `bool` gives 0 or 1 instead of the value, and a value between two bounds has no one direction: none of both.
#[must_use]
pub fn threshold(expr: &Expr) -> Option<(BinaryOp, f64)> {
    compared(expr).map(|found| (found.op, found.value))
}

/// A comparison with a number.
pub(crate) struct Compared {
    pub(crate) op: BinaryOp,
    pub(crate) value: f64,
    /// Where the number stands in the text of the expression.
    pub(crate) span: Range<usize>,
}

/// Returns the `and` or `unless` that an expression is, outside of parentheses.
pub(super) fn guard(expr: &Expr) -> Option<BinaryOp> {
    match &expr.unparen().kind {
        ExprKind::Binary(binary) if matches!(binary.op, BinaryOp::And | BinaryOp::Unless) => Some(binary.op),
        _ => None,
    }
}

/// Does what [`threshold`] does, and says where the number stands.
pub(crate) fn compared(expr: &Expr) -> Option<Compared> {
    let ExprKind::Binary(binary) = &expr.unparen().kind else { return None };
    if matches!(binary.op, BinaryOp::And | BinaryOp::Unless) {
        return compared(&binary.lhs);
    }
    let (found, other) = with_number(binary).filter(|_| !binary.return_bool)?;
    compared(other).is_none().then_some(found)
}

/// Returns all comparisons with a number in an expression, those with `bool` and those that do not decide its value
/// too, by where their numbers stand.
#[cfg(feature = "cli")]
pub(crate) fn comparisons(expr: &Expr) -> Vec<Compared> {
    let mut all = Vec::new();
    expr.walk(&mut |part| {
        if let ExprKind::Binary(binary) = &part.kind {
            all.extend(with_number(binary).map(|(found, _)| found));
        }
    });
    all.sort_by_key(|found| found.span.start);
    all
}

/// Returns a comparison with a number, turned so that the number stands on the right, and what is compared.
fn with_number(binary: &Binary) -> Option<(Compared, &Expr)> {
    if !binary.op.is_comparison() {
        return None;
    }
    let (op, value, limit, other) = match (number(&binary.lhs), number(&binary.rhs)) {
        (None, Some(value)) => (binary.op, value, &binary.rhs, &binary.lhs),
        (Some(value), None) => (turned(binary.op), value, &binary.lhs, &binary.rhs),
        _ => return None,
    };
    Some((Compared { op, value, span: limit.span.range() }, other))
}

/// Returns the value of an expression of numbers alone: signs, parentheses and the four basic operations.
pub(crate) fn number(expr: &Expr) -> Option<f64> {
    match &expr.unparen().kind {
        ExprKind::Number { value, .. } => Some(*value),
        ExprKind::Unary { op: UnaryOp::Minus, expr } => number(expr).map(|value| -value),
        ExprKind::Unary { op: UnaryOp::Plus, expr } => number(expr),
        ExprKind::Binary(binary) => {
            let (lhs, rhs) = (number(&binary.lhs)?, number(&binary.rhs)?);
            match binary.op {
                BinaryOp::Add => Some(lhs + rhs),
                BinaryOp::Sub => Some(lhs - rhs),
                BinaryOp::Mul => Some(lhs * rhs),
                BinaryOp::Div => Some(lhs / rhs),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Returns the operator that says the same with the operands exchanged.
fn turned(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessEqual => BinaryOp::GreaterEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterEqual => BinaryOp::LessEqual,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::ast::{Modifiers, Selector};
    use crate::source::Span;

    fn expr(kind: ExprKind) -> Expr {
        Expr { kind, span: Span::default() }
    }

    fn metric() -> Expr {
        expr(ExprKind::Selector(Selector { name: None, matchers: Vec::new(), modifiers: Modifiers::default() }))
    }

    fn num(value: f64) -> Expr {
        expr(ExprKind::Number { value, duration: false })
    }

    fn binary(lhs: Expr, op: BinaryOp, rhs: Expr, return_bool: bool) -> Expr {
        let op_span = Span::default();
        expr(ExprKind::Binary(Box::new(Binary { op, op_span, lhs, rhs, return_bool, matching: None })))
    }

    #[test]
    fn the_number_ends_up_on_the_right() {
        let over = binary(metric(), BinaryOp::Greater, num(5.0), false);
        assert_eq!(threshold(&over), Some((BinaryOp::Greater, 5.0)));
        assert_eq!(threshold(&binary(num(5.0), BinaryOp::Less, metric(), false)), Some((BinaryOp::Greater, 5.0)));
        let minus = expr(ExprKind::Unary { op: UnaryOp::Minus, expr: Box::new(num(5.0)) });
        assert_eq!(threshold(&binary(metric(), BinaryOp::Less, minus, false)), Some((BinaryOp::Less, -5.0)));
        let hours = binary(num(2.5), BinaryOp::Mul, num(3600.0), false);
        assert_eq!(threshold(&binary(metric(), BinaryOp::Less, hours, false)), Some((BinaryOp::Less, 9000.0)));
        let both = expr(ExprKind::Paren(Box::new(binary(over, BinaryOp::And, metric(), false))));
        assert_eq!(threshold(&both), Some((BinaryOp::Greater, 5.0)));
    }

    #[test]
    fn without_one_direction_there_is_no_threshold() {
        assert_eq!(threshold(&metric()), None);
        assert_eq!(threshold(&binary(metric(), BinaryOp::Greater, metric(), false)), None);
        assert_eq!(threshold(&binary(metric(), BinaryOp::Greater, num(5.0), true)), None);
        let between = binary(binary(metric(), BinaryOp::Greater, num(1.0), false), BinaryOp::Less, num(9.0), false);
        assert_eq!(threshold(&between), None);
    }
}
