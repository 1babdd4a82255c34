//! `anchored` and `smoothed` where there are native histograms.
//!
//! Source: histograms.md 7.

use std::sync::Arc;

use alertctl::histogram::{Hint, Histogram, IncompatibleSchemas};
use alertctl::promql::ast::Edges;

use super::histograms::{in_order, over_window};
use super::windows::Window;
use super::{Fault, SampleValue, edges, failed, windows};

/// Evaluates a function over one window in which there are histograms, given all samples that its edges look at.
pub(crate) fn evaluate(name: &str, edges: Edges, window: &Window<'_>) -> Result<Option<SampleValue>, Fault> {
    if matches!(name, "resets" | "changes") {
        return counted(name, window);
    }
    // A mix of floats and histograms is a warning, as is one of exponential and custom buckets.
    let rise = if window.points.is_empty() { rise(name, edges, window).ok().flatten() } else { None };
    Ok(rise.map(|mut rise| {
        if name == "rate" {
            rise.divide(window.range as f64 / 1000.0);
        }
        rise.hint = Hint::Gauge;
        rise.into()
    }))
}

/// Counts the changes from the last sample at or before the window on, of whichever kind that is.
fn counted(name: &str, window: &Window<'_>) -> Result<Option<SampleValue>, Fault> {
    let start = window.end - window.range;
    let all = in_order(window);
    if all.iter().all(|(at, _)| *at <= start) {
        return Ok(None);
    }
    let anchor = all.iter().rev().find(|(at, _)| *at <= start).map_or(i64::MIN, |(at, _)| *at);
    let points = &window.points[window.points.partition_point(|(at, _)| *at < anchor)..];
    let histograms: Vec<_> = window.histograms.iter().filter(|(at, _)| *at >= anchor).cloned().collect();
    let counted = Window { points, histograms, numbers: Vec::new(), ..*window };
    if counted.histograms.is_empty() {
        return Ok(windows::evaluate(name, &counted)?.map(SampleValue::Float));
    }
    over_window(name, &counted)
}

/// Returns how much more was counted at the end of the window than at its start.
fn rise(name: &str, edges: Edges, window: &Window<'_>) -> Result<Option<Histogram>, IncompatibleSchemas> {
    let (points, start, end) = (&window.histograms, window.end - window.range, window.end);
    let (smoothed, counter) = (edges == Edges::Smoothed, name != "delta");
    let most = points.len() - 1;
    let first = points[..most].iter().position(|(at, _)| *at > start).unwrap_or(most).saturating_sub(1);
    let mut last = most;
    if smoothed {
        last = points[..most].iter().position(|(at, _)| *at >= end).unwrap_or(most);
    }
    if points[last].0 <= start || (smoothed && points[first].0 > end) {
        return Ok(None);
    }
    let custom = points[first].1.is_custom();
    if points[first..=last].iter().any(|(_, histogram)| histogram.is_custom() != custom) {
        return Err(IncompatibleSchemas);
    }
    let mut left = points[first].1.as_ref().clone();
    let from_before = smoothed && points[first].0 < start;
    if from_before {
        left = between(&points[first], &points[first + 1], start, counter)?;
    }
    let mut right = points[last].1.as_ref().clone();
    if smoothed && last > 0 && points[last].0 > end {
        right = between(&points[last - 1], &points[last], end, counter)?;
    }
    let mut rise = right.clone();
    rise.subtract(&left)?;
    // What was lost at restarts, but for one that the left edge has behind it already.
    let mut next = first + 1;
    let mut before = &left;
    if from_before && points[next].1.is_reset_since(&points[first].1) {
        before = points[next].1.as_ref();
        next += 1;
    }
    if counter && next <= last {
        let mut lost: Option<Histogram> = None;
        let within = points[next..last].iter().map(|(_, histogram)| histogram.as_ref());
        for histogram in within.chain([&right]) {
            if histogram.is_reset_since(before) {
                match &mut lost {
                    Some(lost) => drop(lost.add(before)?),
                    None => lost = Some(before.clone()),
                }
            }
            before = histogram;
        }
        if let Some(lost) = lost {
            rise.add(&lost)?;
        }
    }
    Ok(Some(rise))
}

/// Returns the histogram at a time between two; a counter that was restarted began at nothing.
fn between(
    (from, before): &(i64, Arc<Histogram>),
    (to, after): &(i64, Arc<Histogram>),
    at: i64,
    counter: bool,
) -> Result<Histogram, IncompatibleSchemas> {
    if at == *from {
        return Ok(before.as_ref().clone());
    }
    let mut result = after.as_ref().clone();
    if at == *to {
        return Ok(result);
    }
    let part = (at - from) as f64 / (to - from) as f64;
    let restarted = counter && after.is_reset_since(before);
    if !restarted {
        result.subtract(before)?;
    }
    result.multiply(part);
    if !restarted {
        result.add(before)?;
    }
    Ok(result)
}

/// Returns the samples of a range vector by itself.
pub(crate) fn samples(
    edges: Edges,
    points: Vec<(i64, SampleValue)>,
    start: i64,
    end: i64,
) -> Result<Vec<(i64, SampleValue)>, Fault> {
    let floats: Option<Vec<(i64, f64)>> = points.iter().map(|(at, value)| Some((*at, value.float()?))).collect();
    let Some(floats) = floats else {
        let word = if edges == Edges::Smoothed { "smoothed" } else { "anchored" };
        return failed(format!("{word} modifier is not supported with histograms"));
    };
    let samples = edges::samples(edges, &floats, start, end).into_iter();
    Ok(samples.map(|(at, value)| (at, value.into())).collect())
}

/// Returns the value of a smoothed selector at a time, given the samples from a look-back before it to one after it.
pub(crate) fn value(points: &[(i64, SampleValue)], at: i64) -> Option<SampleValue> {
    let floats: Vec<(i64, f64)> = points.iter().filter_map(|(at, value)| Some((*at, value.float()?))).collect();
    if floats.len() == points.len() {
        return edges::value(&floats, at).map(SampleValue::Float);
    }
    // A mix is a warning.
    let points: Vec<_> = points.iter().filter_map(|(at, value)| Some((*at, value.histogram()?.clone()))).collect();
    if !floats.is_empty() {
        return None;
    }
    let next = points.iter().position(|(time, _)| *time >= at);
    let value = match next {
        Some(next) if points[next].0 == at => points[next].1.as_ref().clone(),
        Some(next) => {
            let before = points[..next].last()?;
            // Exponential and custom buckets next to each other are a warning.
            if before.1.is_custom() != points[next].1.is_custom() {
                return None;
            }
            let counter = before.1.hint != Hint::Gauge || points[next].1.hint != Hint::Gauge;
            between(before, &points[next], at, counter).ok()?
        }
        None => Histogram { hint: Hint::Unknown, ..points.last()?.1.as_ref().clone() },
    };
    Some(value.into())
}
