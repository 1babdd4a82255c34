//! Durations, written out or computed.

use alertctl::promql::ast::{BinaryOp, DurationExpr, DurationKind, Expr, ExprKind, Modifiers, UnaryOp};

use super::{Context, Fault, failed, pointwise};

/// Evaluates all durations of an expression: one that is wrong fails the query before anything else is looked at.
pub(crate) fn check(expr: &Expr, context: Context) -> Result<(), Fault> {
    let mut result = Ok(());
    expr.walk(&mut |node| {
        if result.is_ok() {
            result = check_node(node, context);
        }
    });
    result
}

fn check_node(node: &Expr, context: Context) -> Result<(), Fault> {
    match &node.kind {
        ExprKind::Selector(selector) => offset(&selector.modifiers, context).map(drop),
        ExprKind::Range { selector, range, .. } => {
            offset(&selector.modifiers, context)?;
            positive(range, context).map(drop)
        }
        ExprKind::Subquery(subquery) => {
            offset(&subquery.modifiers, context)?;
            if let Some(step) = &subquery.step {
                positive(step, context)?;
            }
            positive(&subquery.range, context).map(drop)
        }
        _ => Ok(()),
    }
}

/// Returns the offset of a selector or subquery. Unit: milliseconds.
pub(crate) fn offset(modifiers: &Modifiers, context: Context) -> Result<i64, Fault> {
    modifiers.offset.as_ref().map_or(Ok(0), |expr| millis(expr, context, true))
}

/// Returns a range or a step. Unit: milliseconds.
pub(crate) fn positive(expr: &DurationExpr, context: Context) -> Result<i64, Fault> {
    millis(expr, context, false)
}

fn millis(expr: &DurationExpr, context: Context, may_be_negative: bool) -> Result<i64, Fault> {
    if let DurationKind::Literal { span, .. } = expr.kind {
        return Ok(span.0);
    }
    let seconds = seconds(expr, context)?;
    let here = |words: &str| failed(format!("{}:{}: {words}", expr.span.start, expr.span.end));
    if !seconds.is_finite() {
        return here("duration is NaN or infinite");
    }
    if seconds <= 0.0 && !may_be_negative {
        return here("duration must be greater than 0");
    }
    if seconds.abs() > 9_223_372_036.854_776 {
        return here("duration is out of range");
    }
    Ok((seconds * 1000.0).trunc() as i64)
}

fn seconds(expr: &DurationExpr, context: Context) -> Result<f64, Fault> {
    let here = |words: &str| failed(format!("{}:{}: {words}", expr.span.start, expr.span.end));
    Ok(match &expr.kind {
        DurationKind::Literal { seconds, .. } => *seconds,
        DurationKind::Step => context.step as f64 / 1000.0,
        DurationKind::Range => (context.end - context.start) as f64 / 1000.0,
        DurationKind::Paren(inner) | DurationKind::Unary(UnaryOp::Plus, inner) => seconds(inner, context)?,
        DurationKind::Unary(UnaryOp::Minus, inner) => -seconds(inner, context)?,
        DurationKind::MinOf(a, b) => pointwise::min(seconds(a, context)?, seconds(b, context)?),
        DurationKind::MaxOf(a, b) => pointwise::max(seconds(a, context)?, seconds(b, context)?),
        DurationKind::Binary(op, a, b) => {
            let (a, b) = (seconds(a, context)?, seconds(b, context)?);
            match op {
                BinaryOp::Div if b == 0.0 => return here("division by zero"),
                BinaryOp::Mod if b == 0.0 => return here("modulo by zero"),
                op => super::binary::arithmetic(*op, a, b),
            }
        }
    })
}
