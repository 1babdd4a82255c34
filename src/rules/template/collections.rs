//! `index`, `len` and `slice`.

use std::rc::Rc;

use super::fields;
use super::value::Value;

/// Returns an element of a map, list or text, and of that again for each further index.
///
/// # Errors
/// When the value has no elements, or the index is out of range or of another type.
pub(super) fn index(values: &[Value]) -> Result<Value, String> {
    let (mut item, indexes) = match values.split_first() {
        Some((first, rest)) => (first.clone(), rest),
        None => (Value::Nothing, values),
    };
    if matches!(item, Value::Nothing) {
        return Err("index of untyped nil".to_owned());
    }
    for at in indexes {
        item = match &item {
            Value::Text(text) | Value::Html(text) => {
                let found = position(at, text.len())?;
                Value::Byte(*text.as_bytes().get(found).ok_or("reflect: string index out of range")?)
            }
            Value::Samples(samples) => {
                let samples = samples.borrow();
                let found = position(at, samples.len())?;
                Value::Sample(Rc::clone(samples.get(found).ok_or("reflect: slice index out of range")?))
            }
            Value::Labels(_) | Value::Args(_) => match at {
                Value::Text(key) => fields::entry(&item, key),
                Value::Nothing => return Err("value is nil; should be of type string".to_owned()),
                at => return Err(format!("value has type {}; should be string", at.type_name())),
            },
            Value::Nothing => return Err("index of nil pointer".to_owned()),
            item => return Err(format!("can't index item of type {}", fields::pointed(item))),
        };
    }
    Ok(item)
}

/// Returns an index that is in 0 ..= len.
fn position(index: &Value, len: usize) -> Result<usize, String> {
    let number = match index {
        Value::Int(number) => *number,
        Value::Byte(number) => i64::from(*number),
        Value::Nothing => return Err("cannot index slice/array with nil".to_owned()),
        other => return Err(format!("cannot index slice/array with type {}", other.type_name())),
    };
    match usize::try_from(number) {
        Ok(index) if index <= len => Ok(index),
        _ => Err(format!("index out of range: {number}")),
    }
}

/// Returns the number of elements, or of a text's bytes.
///
/// # Errors
/// When the value has no length.
pub(super) fn len(value: &Value) -> Result<Value, String> {
    let len = match value {
        Value::Text(text) | Value::Html(text) => text.len(),
        Value::Labels(labels) => labels.len(),
        Value::Args(args) => args.values.len(),
        Value::Samples(samples) => samples.borrow().len(),
        Value::Nothing => return Err("len of nil pointer".to_owned()),
        other => return Err(format!("len of type {}", other.type_name().trim_start_matches('*'))),
    };
    Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
}

/// Returns a part of a list or text (in bytes; cut characters become U+FFFD).
///
/// # Errors
/// When the value has no parts, or the bounds are out of range.
pub(super) fn slice(values: &[Value]) -> Result<Value, String> {
    let Some((item, indexes)) = values.split_first() else { return Err("slice of untyped nil".to_owned()) };
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()));
    }
    let len = match item {
        Value::Text(_) | Value::Html(_) if indexes.len() == 3 => {
            return Err("cannot 3-index slice a string".to_owned());
        }
        Value::Text(text) | Value::Html(text) => text.len(),
        Value::Samples(samples) => samples.borrow().len(),
        Value::Nothing => return Err("slice of untyped nil".to_owned()),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    let mut bounds = [0, len, len];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(index, len)?;
    }
    let [from, to, most] = bounds;
    for (low, high) in [(from, to), (to, most)] {
        if low > high {
            return Err(format!("invalid slice index: {low} > {high}"));
        }
    }
    Ok(match item {
        Value::Samples(samples) => Value::samples(samples.borrow()[from..to].to_vec()),
        item => {
            let bytes = &item.as_text().unwrap_or_default().as_bytes()[from..to];
            let part = String::from_utf8_lossy(bytes);
            if matches!(item, Value::Html(_)) { Value::Html(part.into()) } else { Value::text(part) }
        }
    })
}
