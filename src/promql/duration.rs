//! The value of a duration expression.

use crate::diagnostic::codes;
use crate::time::Millis;

use super::ast::{BinaryOp, DurationExpr, DurationKind, UnaryOp};
use super::parse::Problem;

/// What `step()` and `range()` mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DurationContext {
    pub(crate) step: Millis,
    pub(crate) range: Millis,
}

/// Returns the length of a duration, cut to whole milliseconds.
///
/// Source: promql.md 1: arithmetic goes in seconds as floats.
///
/// # Errors
/// When it is not finite or does not fit 63 bits of nanoseconds.
pub(crate) fn evaluate_duration(expr: &DurationExpr, context: DurationContext) -> Result<Millis, Vec<Problem>> {
    if let DurationKind::Literal { span, .. } = expr.kind {
        return Ok(span);
    }
    let problem =
        |message: String| vec![Problem { code: codes::PROMQL_DURATION, span: expr.span, message, help: None }];
    let seconds = seconds(expr, context).map_err(|message| problem(message.to_owned()))?;
    if !seconds.is_finite() || seconds.abs() >= 9_223_372_036.0 {
        return Err(problem("this duration is not finite or longer than 292 years".to_owned()));
    }
    Ok(Millis((seconds * 1000.0).trunc() as i64))
}

fn seconds(expr: &DurationExpr, context: DurationContext) -> Result<f64, &'static str> {
    Ok(match &expr.kind {
        DurationKind::Literal { seconds, .. } => *seconds,
        DurationKind::Step => context.step.seconds(),
        DurationKind::Range => context.range.seconds(),
        DurationKind::Paren(inner) | DurationKind::Unary(UnaryOp::Plus, inner) => seconds(inner, context)?,
        DurationKind::Unary(UnaryOp::Minus, inner) => -seconds(inner, context)?,
        DurationKind::MinOf(a, b) => seconds(a, context)?.min(seconds(b, context)?),
        DurationKind::MaxOf(a, b) => seconds(a, context)?.max(seconds(b, context)?),
        DurationKind::Binary(op, a, b) => {
            let (a, b) = (seconds(a, context)?, seconds(b, context)?);
            match op {
                BinaryOp::Add => a + b,
                BinaryOp::Sub => a - b,
                BinaryOp::Mul => a * b,
                BinaryOp::Div if b == 0.0 => return Err("division by zero"),
                BinaryOp::Div => a / b,
                BinaryOp::Mod if b == 0.0 => return Err("modulo by zero"),
                BinaryOp::Mod => a % b,
                BinaryOp::Pow => a.powf(b),
                _ => return Err("this operator does not work on durations"),
            }
        }
    })
}
