//! Compares a result with what a case expects.

use std::collections::{BTreeMap, BTreeSet};

use alertctl::labels::LabelSet;
use alertctl::store::is_stale;

use super::format::{Case, When};
use super::needs::Values;
use crate::slow::Value;

/// How far apart, relative to their sum, two values are equal.
const EPSILON: f64 = 1e-6;

/// Returns whether two values are equal as Prometheus' tests see it: zero must be exact.
pub(crate) fn almost_equal(a: f64, b: f64) -> bool {
    if is_stale(a) || is_stale(b) {
        return is_stale(a) && is_stale(b);
    }
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < EPSILON * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < EPSILON
}

fn expected(case: &Case) -> BTreeMap<&LabelSet, (usize, Vec<Option<f64>>)> {
    let values = |values: &Values| values.floats.clone();
    case.series.iter().enumerate().map(|(at, (labels, given))| (labels, (at, values(given)))).collect()
}

/// Compares a result with what a case expects.
///
/// # Errors
/// The first difference.
pub(crate) fn result(case: &Case, value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => match &case.string {
            Some(wanted) if wanted == text => Ok(()),
            wanted => Err(format!("expected {wanted:?}, got the text {text:?}")),
        },
        Value::Scalar(number) => match case.scalar {
            Some(wanted) if almost_equal(wanted, *number) => Ok(()),
            wanted => Err(format!("expected {wanted:?}, got the number {number}")),
        },
        _ if case.scalar.is_some() || case.string.is_some() => {
            Err(format!("expected {:?}{:?}, got {value:?}", case.scalar, case.string))
        }
        Value::Vector(samples) => vector(case, samples),
        Value::Matrix(series) => matrix(case, series),
    }
}

fn vector(case: &Case, samples: &[(LabelSet, f64)]) -> Result<(), String> {
    let expected = expected(case);
    let mut seen = BTreeSet::new();
    for (at, (labels, value)) in samples.iter().enumerate() {
        let Some((position, values)) = expected.get(labels) else {
            return Err(format!("unexpected {labels:?} {value}"));
        };
        if case.ordered && *position != at {
            return Err(format!("{labels:?} comes at position {at}, expected at {position}"));
        }
        let wanted = values.first().copied().flatten().unwrap_or(0.0);
        if !almost_equal(wanted, *value) {
            return Err(format!("{labels:?}: expected {wanted}, got {value}"));
        }
        seen.insert(labels);
    }
    missing(&expected, &seen)
}

fn matrix(case: &Case, series: &[(LabelSet, Vec<(i64, f64)>)]) -> Result<(), String> {
    let (start, end, step) = match (case.range_vector, case.when) {
        (Some(times), _) => times,
        (None, When::Range { start, end, step }) => (start, end, step),
        (None, When::Instant(_)) => return Err("a range vector came, none was expected".to_owned()),
    };
    if case.ordered || !series.is_sorted_by(|a, b| a.0 < b.0) {
        return Err("the series of a range vector come in label order".to_owned());
    }
    let expected = expected(case);
    let mut seen = BTreeSet::new();
    for (labels, points) in series {
        let Some((_, values)) = expected.get(labels) else { return Err(format!("unexpected {labels:?} {points:?}")) };
        let at = |i: usize| start + i64::try_from(i).unwrap_or(i64::MAX) * step;
        if values.len() > 1 && at(values.len() - 1) > end {
            return Err(format!("{labels:?}: more values are expected than the range has steps"));
        }
        let wanted: Vec<(i64, f64)> =
            values.iter().enumerate().filter_map(|(i, value)| value.map(|value| (at(i), value))).collect();
        let equal = |(a, b): (&(i64, f64), &(i64, f64))| a.0 == b.0 && almost_equal(a.1, b.1);
        if wanted.len() != points.len() || !wanted.iter().zip(points).all(equal) {
            return Err(format!("{labels:?}: expected {wanted:?}, got {points:?}"));
        }
        seen.insert(labels);
    }
    missing(&expected, &seen)
}

fn missing(
    expected: &BTreeMap<&LabelSet, (usize, Vec<Option<f64>>)>,
    seen: &BTreeSet<&LabelSet>,
) -> Result<(), String> {
    match expected.iter().find(|(labels, _)| !seen.contains(**labels)) {
        Some((labels, (_, values))) => Err(format!("{labels:?} {values:?} is missing")),
        None => Ok(()),
    }
}
