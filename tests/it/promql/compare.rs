//! Compares a result with what a case expects.

use std::collections::{BTreeMap, BTreeSet};

use alertctl::histogram::{Buckets, Histogram};
use alertctl::labels::LabelSet;
use alertctl::store::is_stale;

use super::format::{Case, When};
use super::needs::{Values, Written};
use crate::slow::{SampleValue, Stored, Value};

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

/// Returns whether a histogram is the one written, count for count; its hint counts only where it is written.
///
/// Source: histograms.md 2.1.
fn same_histogram(wanted: &Histogram, got: &Histogram, hint: bool) -> bool {
    let side = |a: &Buckets, b: &Buckets| {
        let (a, b): (Vec<_>, Vec<_>) = (a.populated().collect(), b.populated().collect());
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.0 == b.0 && almost_equal(a.1, b.1))
    };
    wanted.schema == got.schema
        && wanted.bounds == got.bounds
        && wanted.zero_threshold == got.zero_threshold
        && almost_equal(wanted.count, got.count)
        && almost_equal(wanted.sum, got.sum)
        && almost_equal(wanted.zero_count, got.zero_count)
        && side(&wanted.positive, &got.positive)
        && side(&wanted.negative, &got.negative)
        && (!hint || wanted.hint == got.hint)
}

fn same(wanted: &Written, got: &SampleValue) -> bool {
    match (&wanted.value, got) {
        (SampleValue::Float(wanted), SampleValue::Float(got)) => almost_equal(*wanted, *got),
        (SampleValue::Histogram(a), SampleValue::Histogram(b)) => same_histogram(a, b, wanted.hint),
        _ => false,
    }
}

/// The expected values of each series, and where it stands.
type Expected<'a> = BTreeMap<&'a LabelSet, (usize, &'a [Option<Written>])>;

fn expected(case: &Case) -> Expected<'_> {
    let series = case.series.iter().enumerate();
    series.map(|(at, (labels, Values { samples, .. }))| (labels, (at, samples.as_slice()))).collect()
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

fn vector(case: &Case, samples: &[(LabelSet, SampleValue)]) -> Result<(), String> {
    let expected = expected(case);
    let mut seen = BTreeSet::new();
    for (at, (labels, value)) in samples.iter().enumerate() {
        let Some((position, values)) = expected.get(labels) else {
            return Err(format!("unexpected {labels:?} {value:?}"));
        };
        if case.ordered && *position != at {
            return Err(format!("{labels:?} comes at position {at}, expected at {position}"));
        }
        let zero = Written { value: 0.0.into(), hint: false };
        let wanted = values.first().and_then(Option::as_ref).unwrap_or(&zero);
        if !same(wanted, value) {
            return Err(format!("{labels:?}: expected {wanted:?}, got {value:?}"));
        }
        seen.insert(labels);
    }
    missing(&expected, &seen)
}

fn matrix(case: &Case, series: &[Stored]) -> Result<(), String> {
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
        let wanted: Vec<(i64, &Written)> =
            values.iter().enumerate().filter_map(|(i, value)| Some((at(i), value.as_ref()?))).collect();
        let equal = |(a, b): (&(i64, &Written), &(i64, SampleValue))| a.0 == b.0 && same(a.1, &b.1);
        if wanted.len() != points.len() || !wanted.iter().zip(points).all(equal) {
            return Err(format!("{labels:?}: expected {wanted:?}, got {points:?}"));
        }
        seen.insert(labels);
    }
    missing(&expected, &seen)
}

fn missing(expected: &Expected<'_>, seen: &BTreeSet<&LabelSet>) -> Result<(), String> {
    match expected.iter().find(|(labels, _)| !seen.contains(**labels)) {
        Some((labels, (_, values))) => Err(format!("{labels:?} {values:?} is missing")),
        None => Ok(()),
    }
}
