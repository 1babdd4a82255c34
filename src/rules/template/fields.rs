//! Fields and methods of values.

use super::TemplateData;
use super::functions::Type;
use super::instant::{Duration, Instant, month_name, weekday_name};
use super::value::Value;

/// What a name after a point leads to.
pub(super) enum Member {
    /// A value that takes no arguments; the words of the refusal if it gets some.
    Value(Value, &'static str),
    /// A method, with the type of its one argument if it takes one.
    Method(Method, Option<Type>),
    /// Nothing; the words of the error.
    Missing(String),
}

/// A method that a template may call.
#[derive(Clone, Copy)]
pub(super) enum Method {
    /// Of a time, without arguments.
    Time(fn(Instant) -> Value),
    /// `Format` of a time.
    Format,
    /// `Add` of a time.
    Add,
    /// `String` of a histogram.
    Text,
    /// Of a duration, without arguments.
    Duration(fn(Duration) -> Value),
}

/// Returns the value of a key of a map: the zero of its type when it is missing.
pub(super) fn entry(map: &Value, key: &str) -> Value {
    match map {
        Value::Labels(labels) => Value::text(labels.get(key).unwrap_or("")),
        Value::Args(args) => {
            args.values.iter().find(|(name, _)| name == key).map_or(Value::Nothing, |(_, value)| value.clone())
        }
        _ => Value::Nothing,
    }
}

/// Returns the name of the type that a pointer points to, or of the value's own.
pub(super) fn pointed(value: &Value) -> &'static str {
    value.type_name().trim_start_matches('*')
}

/// Finds a field or method.
pub(super) fn member(data: &TemplateData<'_>, value: &Value, name: &str) -> Member {
    let found = match (value, name) {
        (Value::Nothing, _) => Some(Value::Nothing),
        (Value::Data, "Labels") => Some(Value::Labels(data.labels.clone())),
        (Value::Data, "ExternalLabels") => Some(Value::Labels(data.external_labels.clone())),
        (Value::Data, "ExternalURL") => Some(Value::text(data.external_url)),
        (Value::Data, "Value") => Some(Value::from(data.value)),
        (Value::Sample(sample), "Labels") => Some(Value::Labels(sample.labels.clone())),
        (Value::Sample(sample), "Value") => Some(Value::from(&sample.value)),
        (Value::Histogram(histogram), "Schema") => Some(Value::Int(i64::from(histogram.schema))),
        (Value::Histogram(histogram), "Count") => Some(Value::Float(histogram.count)),
        (Value::Histogram(histogram), "Sum") => Some(Value::Float(histogram.sum)),
        (Value::Histogram(histogram), "ZeroCount") => Some(Value::Float(histogram.zero_count)),
        (Value::Histogram(histogram), "ZeroThreshold") => Some(Value::Float(histogram.zero_threshold)),
        _ => None,
    };
    if let Some(value) = found {
        return Member::Value(value, "has arguments but cannot be invoked as function");
    }
    let method = match value {
        Value::Labels(_) | Value::Args(_) => {
            return Member::Value(entry(value, name), "is not a method but has arguments");
        }
        Value::Histogram(_) if name == "String" => Some(Method::Text),
        Value::Time(_) => time_method(name),
        Value::Duration(_) => duration_method(name),
        _ => None,
    };
    match method {
        Some(Method::Format) => Member::Method(Method::Format, Some(Type::Text)),
        Some(Method::Add) => Member::Method(Method::Add, Some(Type::Duration)),
        Some(method) => Member::Method(method, None),
        None => Member::Missing(format!("can't evaluate field {name} in type {}", value.type_name())),
    }
}

fn time_method(name: &str) -> Option<Method> {
    Some(Method::Time(match name {
        "Format" => return Some(Method::Format),
        "Add" => return Some(Method::Add),
        "String" => |at| Value::text(at.to_string()),
        "UTC" | "Local" => Value::Time,
        "Unix" => |at| Value::Int(at.0.div_euclid(1000)),
        "UnixMilli" => |at| Value::Int(at.0),
        "Year" => |at| Value::Int(i64::from(at.civil().year())),
        "Month" => |at| Value::text(month_name(at.civil().month())),
        "Day" => |at| Value::Int(i64::from(at.civil().day())),
        "YearDay" => |at| Value::Int(i64::from(at.civil().day_of_year())),
        "Weekday" => |at| Value::text(weekday_name(at.civil().weekday())),
        "Hour" => |at| Value::Int(i64::from(at.civil().hour())),
        "Minute" => |at| Value::Int(i64::from(at.civil().minute())),
        "Second" => |at| Value::Int(i64::from(at.civil().second())),
        _ => return None,
    }))
}

fn duration_method(name: &str) -> Option<Method> {
    Some(Method::Duration(match name {
        "String" => |span| Value::text(span.to_string()),
        "Hours" => |span| Value::Float(span.0 as f64 / 3.6e12),
        "Minutes" => |span| Value::Float(span.0 as f64 / 6e10),
        "Seconds" => |span| Value::Float(span.0 as f64 / 1e9),
        "Milliseconds" => |span| Value::Int(span.0 / 1_000_000),
        "Microseconds" => |span| Value::Int(span.0 / 1_000),
        "Nanoseconds" => |span| Value::Int(span.0),
        _ => return None,
    }))
}

/// Runs a method on the value it was found on, with arguments whose types were checked.
pub(super) fn run(method: Method, value: &Value, args: &[Value]) -> Value {
    match (method, value) {
        (Method::Time(method), Value::Time(at)) => method(*at),
        (Method::Format, Value::Time(at)) => {
            Value::text(at.format(args.first().and_then(Value::as_text).unwrap_or_default()))
        }
        (Method::Add, Value::Time(at)) => match args.first() {
            Some(Value::Duration(span)) => Value::Time(Instant(at.0.saturating_add(span.0 / 1_000_000))),
            _ => Value::Nothing,
        },
        (Method::Text, Value::Histogram(histogram)) => Value::text(histogram.to_string()),
        (Method::Duration(method), Value::Duration(span)) => method(*span),
        _ => Value::Nothing,
    }
}
