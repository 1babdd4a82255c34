//! `anchored` and `smoothed`: windows whose edges are told by samples outside of them.

use alertctl::promql::ast::{Edges, Expr, ExprKind};

use super::Fault;
use super::failed;
use super::windows::Window;

/// Returns what is written after a range.
pub(crate) fn of(expr: &Expr) -> Option<Edges> {
    match &expr.unparen().kind {
        ExprKind::Range { selector, .. } => selector.modifiers.edges,
        _ => None,
    }
}

/// Returns how far before and after a window samples are looked at. Unit: milliseconds.
pub(crate) fn beyond(edges: Option<Edges>, lookback: i64) -> (i64, i64) {
    match edges {
        None => (0, 0),
        Some(Edges::Anchored) => (lookback, 0),
        Some(Edges::Smoothed) => (lookback, lookback),
    }
}

/// Fails for a function that such a range is not given to.
pub(crate) fn check(name: &str, edges: Edges) -> Result<(), Fault> {
    let (word, known) = match edges {
        Edges::Anchored => ("anchored", vec!["changes", "delta", "increase", "rate", "resets"]),
        Edges::Smoothed => ("smoothed", vec!["delta", "increase", "rate"]),
    };
    if known.contains(&name) {
        return Ok(());
    }
    failed(format!("{word} modifier can only be used with: {} - not with {name}", known.join(", ")))
}

/// Returns the value at a time between two samples; a counter that fell began at 0.
pub(crate) fn line(from: (i64, f64), to: (i64, f64), at: i64, counter: bool) -> f64 {
    let start = if counter && to.1 < from.1 { 0.0 } else { from.1 };
    start + (to.1 - start) * (at - from.0) as f64 / (to.0 - from.0) as f64
}

/// The samples that tell the edges of a window, by their numbers, and the values there.
struct Told {
    first: usize,
    last: usize,
    left: f64,
    right: f64,
}

fn told(points: &[(i64, f64)], start: i64, end: i64, smoothed: bool, counter: bool) -> Option<Told> {
    let most = points.len().checked_sub(1)?;
    let first = points[..most].iter().position(|point| point.0 > start).unwrap_or(most).saturating_sub(1);
    let mut last = most;
    if smoothed {
        last = points[..most].iter().position(|point| point.0 >= end).unwrap_or(most);
    }
    if points[last].0 <= start {
        return None;
    }
    let (mut left, mut right) = (points[first].1, points[last].1);
    if smoothed && points[first].0 < start {
        left = line(points[first], points[first + 1], start, counter);
    }
    if smoothed && points[last].0 > end && last > 0 {
        right = line(points[last - 1], points[last], end, counter);
    }
    Some(Told { first, last, left, right })
}

/// Evaluates a function over one window, given all samples that its edges look at.
pub(crate) fn evaluate(name: &str, edges: Edges, window: &Window<'_>) -> Option<f64> {
    let (points, start, end) = (window.points, window.end - window.range, window.end);
    if matches!(name, "resets" | "changes") {
        if points.iter().all(|point| point.0 <= start) {
            return None;
        }
        let anchor = points.iter().rposition(|point| point.0 <= start).unwrap_or(0);
        return super::windows::evaluate(
            name,
            &Window { points: &points[anchor..], histograms: Vec::new(), numbers: Vec::new(), ..*window },
        )
        .expect("it has samples");
    }
    let (smoothed, counter) = (edges == Edges::Smoothed, name != "delta");
    let Told { first, last, left, right } = told(points, start, end, smoothed, counter)?;
    if smoothed && points[first].0 > end {
        return None;
    }
    let mut rise = right - left;
    if counter {
        let within = points[first..=last].iter().filter(|point| point.0 > start && point.0 < end);
        let mut before = left;
        let mut fallen = 0.0;
        for value in within.map(|point| point.1).chain([right]) {
            if value < before {
                fallen += before;
            }
            before = value;
        }
        rise += fallen;
    }
    Some(if name == "rate" { rise / (window.range as f64 / 1000.0) } else { rise })
}

/// Returns the samples of a range vector by itself.
pub(crate) fn samples(edges: Edges, points: &[(i64, f64)], start: i64, end: i64) -> Vec<(i64, f64)> {
    let Some(told) = told(points, start, end, edges == Edges::Smoothed, false) else { return Vec::new() };
    let within = points[told.first..=told.last].iter().copied().filter(|point| point.0 > start && point.0 < end);
    [(start, told.left)].into_iter().chain(within).chain([(end, told.right)]).collect()
}

/// Returns the value of a smoothed selector at a time, given the samples from a look-back before it to one after it.
pub(crate) fn value(points: &[(i64, f64)], at: i64) -> Option<f64> {
    let after = points.iter().position(|point| point.0 >= at);
    match after {
        Some(next) if points[next].0 == at => Some(points[next].1),
        Some(0) => None,
        Some(next) => Some(line(points[next - 1], points[next], at, false)),
        None => points.last().map(|point| point.1),
    }
}
