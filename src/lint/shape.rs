//! What an expression is, as far as several lints ask.

use crate::diagnostic::Fix;
use crate::promql::ast::{BinaryOp, DurationExpr, DurationKind, Expr, ExprKind, Type, UnaryOp};
use crate::promql::functions::Kernel;
use crate::source::Span;
use crate::time::Millis;

use super::subject::Place;

/// Returns the number that an expression is, whatever is recorded: one that is written, or an arithmetic over such.
pub(super) fn number(expr: &Expr) -> Option<f64> {
    match &expr.kind {
        ExprKind::Number { value, .. } => Some(*value),
        ExprKind::Paren(inner) => number(inner),
        ExprKind::Unary { op: UnaryOp::Minus, expr } => Some(-number(expr)?),
        ExprKind::Unary { op: UnaryOp::Plus, expr } => number(expr),
        ExprKind::Binary(binary) if binary.lhs.ty() == Type::Scalar && binary.rhs.ty() == Type::Scalar => {
            let (left, right) = (number(&binary.lhs)?, number(&binary.rhs)?);
            match binary.op {
                BinaryOp::Add => Some(left + right),
                BinaryOp::Sub => Some(left - right),
                BinaryOp::Mul => Some(left * right),
                BinaryOp::Div => Some(left / right),
                BinaryOp::Mod => Some(left % right),
                BinaryOp::Pow => Some(left.powf(right)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Returns the duration that is written, where it is no arithmetic.
pub(super) fn duration(written: &DurationExpr) -> Option<Millis> {
    match &written.kind {
        DurationKind::Literal { span, .. } => Some(*span),
        DurationKind::Paren(inner) => duration(inner),
        DurationKind::Step
        | DurationKind::Range
        | DurationKind::Unary(..)
        | DurationKind::Binary(..)
        | DurationKind::MinOf(..)
        | DurationKind::MaxOf(..) => None,
    }
}

/// Returns the replacement of a stretch of an expression, where it stands in the file byte by byte: not in a scalar that
/// has escapes or folds there.
pub(super) fn replace(place: &Place<'_>, span: Span, replacement: impl Into<String>) -> Option<Fix> {
    let at = place.rule.text.at(span);
    let file = &place.subject.rules.sources.file(at.file).text;
    let is_same = file.get(at.span.range()) == place.rule.text.text.get(span.range());
    is_same.then(|| Fix { at, replacement: replacement.into() })
}

/// Returns whether an expression has a sample whatever is recorded.
pub(super) fn is_always_there(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => is_always_there(inner),
        ExprKind::Call { function, args, .. } => match function.kernel {
            Kernel::Vector => true,
            _ if args.is_empty() => true,
            Kernel::Absent | Kernel::AbsentOverTime => false,
            _ => args.iter().any(|arg| arg.ty() == Type::Vector && is_always_there(arg)),
        },
        ExprKind::Aggregate(aggregate) => aggregate.grouping.is_none() && is_always_there(&aggregate.expr),
        ExprKind::Binary(binary) if binary.op == BinaryOp::Or => {
            is_always_there(&binary.lhs) || is_always_there(&binary.rhs)
        }
        ExprKind::Binary(binary) => {
            let with_scalar = |vector: &Expr, scalar: &Expr| scalar.ty() == Type::Scalar && is_always_there(vector);
            (!binary.op.is_comparison() || binary.return_bool)
                && (with_scalar(&binary.lhs, &binary.rhs) || with_scalar(&binary.rhs, &binary.lhs))
        }
        ExprKind::Number { .. }
        | ExprKind::String(_)
        | ExprKind::Selector(_)
        | ExprKind::Range { .. }
        | ExprKind::Subquery(_)
        | ExprKind::Invalid => false,
    }
}
