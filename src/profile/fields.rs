//! Takes fields off a JSON object, each error with the path of what is wrong; what is left over is kept.

use serde_json::{Map, Value};
use thiserror::Error;

/// Fields that this version does not know, kept for when the file is saved again.
pub type Unknown = Map<String, Value>;

/// Something in a JSON document is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path}: expected {expected}, found {found}")]
pub struct Wrong {
    /// Where, such as `sessions[1].metrics[3].pooled.p10`.
    pub path: String,
    /// What should stand there.
    pub expected: String,
    /// What does.
    pub found: String,
}

impl Wrong {
    pub(crate) fn new(path: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { path: path.into(), expected: expected.into(), found: found.into() }
    }
}

/// An object whose fields are taken off one by one.
#[derive(Debug)]
pub(crate) struct Fields {
    path: String,
    map: Map<String, Value>,
}

impl Fields {
    /// Opens an object.
    pub(crate) fn of(path: impl Into<String>, value: Value) -> Result<Self, Wrong> {
        let path = path.into();
        match value {
            Value::Object(map) => Ok(Self { path, map }),
            other => Err(Wrong::new(path, "an object", words(&other))),
        }
    }

    /// Returns the path of a field.
    pub(crate) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Takes a field that may be absent; `null` is absent.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.map.shift_remove(key).filter(|value| !value.is_null())
    }

    fn need(&mut self, key: &str, expected: &str) -> Result<Value, Wrong> {
        self.take(key).ok_or_else(|| Wrong::new(self.path(key), expected, "nothing"))
    }

    pub(crate) fn object(&mut self, key: &str) -> Result<Self, Wrong> {
        let value = self.need(key, "an object")?;
        Self::of(self.path(key), value)
    }

    pub(crate) fn list(&mut self, key: &str) -> Result<Vec<(String, Value)>, Wrong> {
        list(&self.path(key), self.need(key, "a list")?)
    }

    /// Takes lists of numbers, none where the field is absent.
    pub(crate) fn maybe_lists(&mut self, key: &str) -> Result<Vec<Vec<f64>>, Wrong> {
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        let lists = list(&self.path(key), value)?.into_iter();
        lists
            .map(|(path, value)| list(&path, value)?.iter().map(|(path, value)| number(path, value)).collect())
            .collect()
    }

    /// Takes an object as pairs, in the file's order.
    pub(crate) fn entries(&mut self, key: &str) -> Result<Vec<(String, String, Value)>, Wrong> {
        let inner = self.object(key)?;
        let path = inner.path.clone();
        Ok(inner.map.into_iter().map(|(name, value)| (format!("{path}.{name}"), name, value)).collect())
    }

    pub(crate) fn text(&mut self, key: &str) -> Result<String, Wrong> {
        text(&self.path(key), self.need(key, "a text")?)
    }

    pub(crate) fn maybe_text(&mut self, key: &str) -> Result<Option<String>, Wrong> {
        self.take(key).map(|value| text(&self.path(key), value)).transpose()
    }

    pub(crate) fn number(&mut self, key: &str) -> Result<f64, Wrong> {
        number(&self.path(key), &self.need(key, "a number")?)
    }

    pub(crate) fn maybe_number(&mut self, key: &str) -> Result<Option<f64>, Wrong> {
        self.take(key).map(|value| number(&self.path(key), &value)).transpose()
    }

    pub(crate) fn count(&mut self, key: &str) -> Result<u64, Wrong> {
        count(&self.path(key), &self.need(key, "a whole number")?)
    }

    pub(crate) fn maybe_count(&mut self, key: &str) -> Result<Option<u64>, Wrong> {
        self.take(key).map(|value| count(&self.path(key), &value)).transpose()
    }

    pub(crate) fn numbers(&mut self, key: &str) -> Result<Vec<f64>, Wrong> {
        self.list(key)?.into_iter().map(|(path, value)| number(&path, &value)).collect()
    }

    pub(crate) fn counts(&mut self, key: &str) -> Result<Vec<u64>, Wrong> {
        self.list(key)?.into_iter().map(|(path, value)| count(&path, &value)).collect()
    }

    pub(crate) fn texts(&mut self, key: &str) -> Result<Vec<String>, Wrong> {
        self.list(key)?.into_iter().map(|(path, value)| text(&path, value)).collect()
    }

    /// Returns the fields that nobody took.
    pub(crate) fn rest(self) -> Unknown {
        self.map
    }
}

fn text(path: &str, value: Value) -> Result<String, Wrong> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(Wrong::new(path, "a text", words(&other))),
    }
}

fn list(path: &str, value: Value) -> Result<Vec<(String, Value)>, Wrong> {
    match value {
        Value::Array(items) => {
            Ok(items.into_iter().enumerate().map(|(at, item)| (format!("{path}[{at}]"), item)).collect())
        }
        other => Err(Wrong::new(path, "a list", words(&other))),
    }
}

fn number(path: &str, value: &Value) -> Result<f64, Wrong> {
    let number = value.as_f64().filter(|number| number.is_finite());
    match number {
        Some(number) if number >= 0.0 => Ok(number),
        _ => Err(Wrong::new(path, "a number of at least 0", words(value))),
    }
}

pub(crate) fn count(path: &str, value: &Value) -> Result<u64, Wrong> {
    value.as_u64().ok_or_else(|| Wrong::new(path, "a whole number of at least 0", words(value)))
}

/// Returns what a value is, short enough for a message.
fn words(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) if text.chars().count() <= 40 => format!("the text {text:?}"),
        Value::String(text) => format!("the text {:?}...", text.chars().take(40).collect::<String>()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
