//! Series and their values, and numbers and texts as they are written.

use alertctl::labels::LabelSet;
use alertctl::promql::ast::ExprKind;
use alertctl::promql::notation::{Item, parse_series_line};
use alertctl::store::stale_marker;
use alertctl::time::parse_duration;

use super::run::expression;
use crate::slow::SampleValue;

/// A value of a series.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// The value.
    pub(crate) value: SampleValue,
    /// Whether the hint of a histogram is written, and so to be compared.
    pub(crate) hint: bool,
}

/// The values of a series, one a step; `None` is no sample.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    /// The values.
    pub(crate) samples: Vec<Option<Written>>,
    /// How far from each value's own time its start timestamp is, where it has one; empty where none has. Unit:
    /// milliseconds.
    pub(crate) starts: Vec<Option<i64>>,
}

/// Reads `metric{label="value"} values`.
///
/// # Errors
/// What is wrong.
pub(crate) fn series(line: &str) -> Result<(LabelSet, Values), String> {
    let series = parse_series_line(line).map_err(|problem| format!("{line}: {}", problem.message))?;
    let float = |value: f64| Some(Written { value: value.into(), hint: false });
    let sample = |item: Item| match item {
        Item::Value(value) => float(value),
        Item::Stale => float(stale_marker()),
        Item::Gap => None,
        Item::Histogram { value, hint_written } => {
            Some(Written { value: SampleValue::Histogram(value), hint: hint_written })
        }
    };
    Ok((series.labels, Values { samples: series.items.into_iter().map(sample).collect(), starts: Vec::new() }))
}

/// Reads a line that is a number and nothing else.
pub(crate) fn number(line: &str) -> Option<f64> {
    let hex = line.trim_start_matches(['+', '-']).strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let sign = if line.starts_with('-') { -1.0 } else { 1.0 };
    hex.map(|value| sign * value as f64).or_else(|| line.parse().ok())
}

/// Reads a text in quotes.
///
/// # Errors
/// What is wrong.
pub(crate) fn unquoted(text: &str) -> Result<String, String> {
    match expression(text)?.kind {
        ExprKind::String(text) => Ok(text),
        _ => Err(format!("{text:?} is no text in quotes")),
    }
}

/// Reads start timestamps as they are written for samples: durations, each the distance from a sample to its start.
///
/// # Errors
/// What is wrong.
pub(crate) fn starts(text: &str) -> Result<Vec<Option<i64>>, String> {
    let mut starts = Vec::new();
    for item in text.split_whitespace() {
        let wrong = || format!("{item:?} is no start timestamp");
        let (of, count) = item.split_once('x').map_or((item, None), |(of, count)| (of, Some(count)));
        let more: usize = count.map_or(Ok(0), str::parse).map_err(|_| wrong())?;
        if of == "_" {
            starts.extend(std::iter::repeat_n(None, more.max(1)));
            continue;
        }
        // The second one of a sum, past the sign of the first.
        let sign = of.char_indices().skip(1).find(|(_, c)| matches!(c, '+' | '-')).map(|(at, _)| at);
        let (first, step) = of.split_at(sign.unwrap_or(of.len()));
        if sign.is_some() && count.is_none() {
            return Err(wrong());
        }
        let signed = |text: &str| match text.strip_prefix('-') {
            Some(text) => parse_duration(text).map(|span| -span.0),
            None => parse_duration(text.strip_prefix('+').unwrap_or(text)).map(|span| span.0),
        };
        let first = signed(first).map_err(|_| wrong())?;
        let step = if step.is_empty() { 0 } else { signed(step).map_err(|_| wrong())? };
        starts.extend((0..).take(more + 1).map(|at| Some(first + at * step)));
    }
    Ok(starts)
}

#[test]
fn starts_are_distances() {
    let check = |text: &str, expected: &[Option<i64>]| assert_eq!(starts(text).as_deref(), Ok(expected), "{text}");
    check("_ -1m 0 +5s 0ms", &[None, Some(-60_000), Some(0), Some(5_000), Some(0)]);
    check("_x2 -1mx1", &[None, None, Some(-60_000), Some(-60_000)]);
    check("-30s-1mx2 1ms+2msx1", &[Some(-30_000), Some(-90_000), Some(-150_000), Some(1), Some(3)]);
    for text in ["x", "-", "1", "1m-1m", "1m-1mx", "1m*2"] {
        assert!(starts(text).is_err(), "{text}");
    }
}
