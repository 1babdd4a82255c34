//! Series and their values as the files write them, and what a case needs that an evaluator may lack.

use std::sync::LazyLock;

use alertctl::labels::{LabelSet, METRIC_NAME};
use alertctl::promql::ast::{Expr, ExprKind};
use alertctl::store::stale_marker;
use alertctl::time::parse_duration;

use super::run::expression;

/// The values of a series, one a step; `None` is no sample.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    /// Floats.
    Floats(Vec<Option<f64>>),
    /// Floats with start timestamps, which are not looked at.
    Started(Vec<Option<f64>>),
    /// Native histograms are among them, which are not read.
    Histograms,
}

impl Values {
    /// Returns the floats, none if there are histograms.
    pub(crate) fn floats(self) -> Vec<Option<f64>> {
        match self {
            Self::Floats(values) | Self::Started(values) => values,
            Self::Histograms => Vec::new(),
        }
    }

    /// Says what these values need of an evaluator.
    pub(crate) fn need(&self) -> Option<&'static str> {
        match self {
            Self::Floats(_) => None,
            Self::Started(_) => Some("start timestamps"),
            Self::Histograms => Some("native histograms"),
        }
    }
}

/// Reads `metric{label="value"} values`.
///
/// # Errors
/// What is wrong.
pub(crate) fn series(line: &str) -> Result<(LabelSet, Values), String> {
    let (labels, values) = line.split_at(labels_end(line));
    let labels = label_set(labels.trim())?;
    if values.contains("{{") {
        return Ok((labels, Values::Histograms));
    }
    let mut floats = Vec::new();
    for item in values.split_whitespace() {
        push(item, &mut floats)?;
    }
    Ok((labels, Values::Floats(floats)))
}

/// Returns where the labels end: after the closing brace, or before the first space.
fn labels_end(line: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    let mut braces = false;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some('"' | '\''), '\\') => escaped = true,
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{') if line[at..].starts_with("{{") && at > 0 => return at,
            (None, '{') => braces = true,
            (None, '}') => return at + 1,
            (None, c) if c.is_whitespace() && !braces && !line[at..].trim_start().starts_with('{') => return at,
            _ => {}
        }
    }
    line.len()
}

/// Reads a label set as a selector of equalities.
fn label_set(text: &str) -> Result<LabelSet, String> {
    if text.replace(' ', "") == "{}" {
        return Ok(LabelSet::empty());
    }
    // A selector must ask for something: a name that is taken away again makes sure of it.
    let named = text.strip_prefix('{').filter(|rest| !rest.contains(METRIC_NAME) && !rest.trim_start().starts_with('"'));
    let expr = match named {
        Some(rest) => expression(&format!("nameless{{{rest}"))?,
        None => expression(text)?,
    };
    let ExprKind::Selector(selector) = &expr.kind else { return Err(format!("{text:?} is no series")) };
    let labels = LabelSet::new(selector.matchers.iter().map(|matcher| (&matcher.name, &matcher.value)));
    Ok(if named.is_some() { labels.filter(|name| name != METRIC_NAME) } else { labels })
}

static ITEM: LazyLock<regex::Regex> = LazyLock::new(|| {
    let number = r"(?:inf|nan|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|(?:[0-9]+(?:ms|[smhdwy]))+)";
    let item = format!("(?i)^([+-]?{number})(?:([+-])({number}))?(?:x([0-9]+))?$");
    regex::Regex::new(&item).expect("a regular expression")
});

/// Reads one item: a number, `stale`, `_`, `_xN`, `axN` (N + 1 times) or `a+bxN` (N + 1 values, by repeated addition).
fn push(item: &str, values: &mut Vec<Option<f64>>) -> Result<(), String> {
    let wrong = || format!("{item:?} is no value of a series");
    let times = |text: &str| text.parse::<usize>().map_err(|_| wrong());
    if item == "_" {
        values.push(None);
    } else if let Some(count) = item.strip_prefix("_x") {
        values.extend(vec![None; times(count)?]);
    } else if item == "stale" {
        values.push(Some(stale_marker()));
    } else {
        let parts = ITEM.captures(item).ok_or_else(wrong)?;
        let read = |at: usize| parts.get(at).map(|part| plain(part.as_str()).ok_or_else(wrong)).transpose();
        let mut value = read(1)?.ok_or_else(wrong)?;
        let mut delta = read(3)?.unwrap_or(0.0);
        if parts.get(2).is_some_and(|sign| sign.as_str() == "-") {
            delta = -delta;
        }
        values.push(Some(value));
        for _ in 0..parts.get(4).map_or(Ok(0), |count| times(count.as_str()))? {
            value += delta;
            values.push(Some(value));
        }
    }
    Ok(())
}

fn plain(text: &str) -> Option<f64> {
    text.parse().ok().or_else(|| parse_duration(text).ok().map(|span| span.seconds()))
}

/// Reads a line that is a number and nothing else.
pub(crate) fn number(line: &str) -> Option<f64> {
    let digits = line.trim_start_matches(['+', '-']);
    let sign = if line.starts_with('-') { -1.0 } else { 1.0 };
    if let Some(hex) = digits.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(|value| sign * value as f64);
    }
    line.parse().ok()
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
    let mut need = None;
    expr.walk(&mut |node| {
        if let ExprKind::Selector(selector) | ExprKind::Range { selector, .. } = &node.kind {
            let taken = |labels: &LabelSet| selector.matchers.iter().all(|matcher| matcher.matches_set(labels));
            need = need.or_else(|| special.iter().find(|(labels, _)| taken(labels)).map(|(_, why)| *why));
        }
    });
    need
}

/// Returns the native histogram that a series of buckets would be made into.
pub(crate) fn nhcb(labels: &LabelSet) -> Option<LabelSet> {
    let name = labels.metric()?.strip_suffix("_bucket")?;
    labels.get("le")?;
    Some(labels.to_builder().set(METRIC_NAME, name).remove("le").build())
}
