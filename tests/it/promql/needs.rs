//! Series and their values, and what a case needs that an evaluator may lack.

use alertctl::labels::{LabelSet, METRIC_NAME, Matcher};
use alertctl::promql::ast::{Expr, ExprKind};
use alertctl::promql::notation::{Item, parse_series_line};
use alertctl::store::stale_marker;

use super::run::expression;

/// The values of a series, one a step; `None` is no sample.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    /// The floats.
    pub(crate) floats: Vec<Option<f64>>,
    /// What else is there, that is not read.
    pub(crate) need: Option<&'static str>,
}

/// Reads `metric{label="value"} values`.
///
/// # Errors
/// What is wrong.
pub(crate) fn series(line: &str) -> Result<(LabelSet, Values), String> {
    let series = parse_series_line(line).map_err(|problem| format!("{line}: {}", problem.message))?;
    let need = series.items.iter().any(|item| matches!(item, Item::Histogram { .. })).then_some("native histograms");
    let float = |item: Item| match item {
        Item::Value(value) => Some(value),
        Item::Stale => Some(stale_marker()),
        Item::Gap | Item::Histogram { .. } => None,
    };
    Ok((series.labels, Values { floats: series.items.into_iter().map(float).collect(), need }))
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

/// Returns the native histogram that a series of buckets would be made into.
pub(crate) fn nhcb(labels: &LabelSet) -> Option<LabelSet> {
    let name = labels.metric()?.strip_suffix("_bucket")?;
    labels.get("le")?;
    Some(labels.to_builder().set(METRIC_NAME, name).remove("le").build())
}
