//! Series and their values, and what a case needs that an evaluator may lack.

use alertctl::labels::{LabelSet, Matcher};
use alertctl::promql::ast::{Expr, ExprKind};
use alertctl::promql::notation::{Item, parse_series_line};
use alertctl::store::stale_marker;

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
    /// What else is there, that is not read.
    pub(crate) need: Option<&'static str>,
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
    Ok((series.labels, Values { samples: series.items.into_iter().map(sample).collect(), need: None }))
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

/// Says what the series that an expression selects need of an evaluator.
pub(crate) fn of_expression(expr: &Expr, special: &[(LabelSet, &'static str)]) -> Option<&'static str> {
    let taken = |labels: &LabelSet, matchers: &[Matcher]| matchers.iter().all(|matcher| matcher.matches_set(labels));
    let mut selectors = expr.selectors().into_iter();
    selectors
        .find_map(|one| special.iter().find(|(labels, _)| taken(labels, &one.selector.matchers)).map(|(_, why)| *why))
}
