//! `eq`, `ne`, `lt`, `le`, `gt` and `ge`, with Go's rules on types: a whole number never compares with a float.

use std::cmp::Ordering;

use super::value::Value;

const INCOMPATIBLE: &str = "incompatible types for comparison";
const INVALID: &str = "invalid type for comparison";

/// What of a value can be compared; values of two kinds cannot.
enum Basic<'v> {
    Bool(bool),
    Whole(i64),
    Float(f64),
    Text(&'v str),
}

fn basic(value: &Value) -> Option<Basic<'_>> {
    Some(match value {
        Value::Bool(value) => Basic::Bool(*value),
        Value::Int(value) => Basic::Whole(*value),
        Value::Byte(value) => Basic::Whole(i64::from(*value)),
        Value::Float(value) => Basic::Float(*value),
        Value::Text(text) | Value::Html(text) => Basic::Text(text),
        _ => return None,
    })
}

/// Returns whether the first value equals any of the others.
///
/// Source: Go's `text/template`, `eq`.
///
/// # Errors
/// When the kinds of two values differ, or such values are never equal.
pub(super) fn equal_any(values: &[Value]) -> Result<bool, String> {
    let Some((first, others)) = values.split_first() else { return Err("missing argument for comparison".to_owned()) };
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    if matches!(a, Value::Nothing) || matches!(b, Value::Nothing) {
        return Ok(matches!((a, b), (Value::Nothing, Value::Nothing)));
    }
    match (basic(a), basic(b)) {
        (Some(Basic::Bool(a)), Some(Basic::Bool(b))) => Ok(a == b),
        (Some(Basic::Whole(a)), Some(Basic::Whole(b))) => Ok(a == b),
        (Some(Basic::Float(a)), Some(Basic::Float(b))) => Ok(a == b),
        (Some(Basic::Text(a)), Some(Basic::Text(b))) => Ok(a == b),
        (None, None) => match (a, b) {
            (Value::Sample(a), Value::Sample(b)) => Ok(std::rc::Rc::ptr_eq(a, b)),
            (Value::Histogram(a), Value::Histogram(b)) => Ok(std::sync::Arc::ptr_eq(a, b)),
            // Go compares pointers here, and each time has its own.
            (Value::Time(_), Value::Time(_)) | (Value::Duration(_), Value::Duration(_)) => Ok(false),
            _ => Err(format!("non-comparable types {}, {}", a.type_name(), b.type_name())),
        },
        _ => Err(INCOMPATIBLE.to_owned()),
    }
}

/// Returns how two values are ordered; NaN has no order.
fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, String> {
    match (basic(a), basic(b)) {
        (Some(Basic::Whole(a)), Some(Basic::Whole(b))) => Ok(Some(a.cmp(&b))),
        (Some(Basic::Float(a)), Some(Basic::Float(b))) => Ok(a.partial_cmp(&b)),
        (Some(Basic::Text(a)), Some(Basic::Text(b))) => Ok(Some(a.cmp(b))),
        (None, _) | (_, None) | (Some(Basic::Bool(_)), Some(Basic::Bool(_))) => Err(INVALID.to_owned()),
        _ => Err(INCOMPATIBLE.to_owned()),
    }
}

/// Returns whether `a < b`.
///
/// # Errors
/// When the values have no order.
pub(super) fn less(a: &Value, b: &Value) -> Result<bool, String> {
    Ok(order(a, b)? == Some(Ordering::Less))
}

/// Returns whether `a <= b`.
///
/// # Errors
/// When the values have no order.
pub(super) fn less_or_equal(a: &Value, b: &Value) -> Result<bool, String> {
    Ok(matches!(order(a, b)?, Some(Ordering::Less | Ordering::Equal)))
}
