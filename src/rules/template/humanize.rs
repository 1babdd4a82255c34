//! Numbers for people: `humanize` and its sisters.

use super::instant::{Instant, NoInstant};
use super::value::Value;
use crate::format::go::significant;

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const LARGE_1024: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// Returns the number that a value is, or that a text spells.
///
/// Source: Prometheus' `ConvertToFloat`.
///
/// # Errors
/// When it is none.
pub(super) fn to_float(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(value) => Ok(*value),
        Value::Int(value) => Ok(*value as f64),
        Value::Text(text) => {
            let wrong = |why| format!("strconv.ParseFloat: parsing {}: {why}", crate::labels::Quoted(text));
            let value: f64 = text.parse().map_err(|_| wrong("invalid syntax"))?;
            if value.is_infinite() && text.contains(|c: char| c.is_ascii_digit()) {
                return Err(wrong("value out of range"));
            }
            Ok(value)
        }
        value => Err(format!("can't convert {} to float", value.type_name())),
    }
}

/// Divides by `base` until less than it is left; returns that and the prefix.
fn shrink(mut value: f64, base: f64, prefixes: [&'static str; 8]) -> (f64, &'static str) {
    let mut prefix = "";
    for larger in prefixes {
        if value.abs() < base {
            break;
        }
        prefix = larger;
        value /= base;
    }
    (value, prefix)
}

/// Multiplies by 1000 until at least 1 is reached; returns that and the prefix.
fn grow(mut value: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for smaller in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = smaller;
        value *= 1000.0;
    }
    (value, prefix)
}

/// Writes a number with a metric prefix: `1.235M`.
pub(super) fn metric(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return significant(value, 4);
    }
    let (value, prefix) = if value.abs() >= 1.0 { shrink(value, 1000.0, LARGE) } else { grow(value) };
    format!("{}{prefix}", significant(value, 4))
}

/// Writes a number with a binary prefix: `1.5ki`.
pub(super) fn binary(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return significant(value, 4);
    }
    let (value, prefix) = shrink(value, 1024.0, LARGE_1024);
    format!("{}{prefix}", significant(value, 4))
}

/// Writes a ratio as a percentage.
pub(super) fn percentage(value: f64) -> String {
    format!("{}%", significant(value * 100.0, 4))
}

/// Writes seconds as days, hours, minutes and seconds, or as a part of a second.
///
/// Source: Prometheus' `HumanizeDuration`.
pub(super) fn duration(value: f64) -> String {
    if !value.is_finite() {
        return significant(value, 4);
    }
    if value == 0.0 {
        return format!("{}s", significant(value, 4));
    }
    if value.abs() < 1.0 {
        let (value, prefix) = grow(value);
        return format!("{}{prefix}s", significant(value, 4));
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let whole = value.abs() as i64;
    let (seconds, minutes, hours, days) = (whole % 60, whole / 60 % 60, whole / 3600 % 24, whole / 86400);
    if days != 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours != 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes != 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", significant(value.abs(), 4))
    }
}

/// Writes seconds since the epoch as a time; NaN and infinities as they are.
///
/// # Errors
/// When the time is beyond the years 1677 to 2262.
pub(super) fn timestamp(value: f64) -> Result<String, String> {
    match Instant::from_seconds(value) {
        Ok(instant) => Ok(instant.to_string()),
        Err(NoInstant::NotFinite) => Ok(significant(value, 4)),
        Err(NoInstant::TooFar(words)) => Err(words),
    }
}
