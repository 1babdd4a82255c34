//! What operators, aggregations and functions do with native histograms.

use std::collections::BTreeSet;
use std::sync::Arc;

use alertctl::histogram::{Average, Hint, Histogram, Keep, Sum};
use alertctl::promql::ast::{AggregateOp, BinaryOp, Expr, ExprKind, Selector};

use super::windows::{Window, evaluate, stretch, stretch_from};
use super::{Fault, SampleValue, Stored};

/// Returns series as a storage gives them back: what a histogram says about the one before it is worked out again.
///
/// Source: histograms.md 2.3.
pub(crate) fn with_stored_hints(mut data: Vec<Stored>) -> Vec<Stored> {
    for (_, points) in &mut data {
        let written = points.clone();
        for (at, (_, value)) in points.iter_mut().enumerate() {
            let SampleValue::Histogram(histogram) = value else { continue };
            let before = at.checked_sub(1).and_then(|before| written[before].1.histogram());
            let hint = stored_hint(histogram, before.map(Arc::as_ref));
            Arc::make_mut(histogram).hint = hint;
        }
    }
    data
}

/// Returns what a histogram is stored to be after the sample before it.
pub(crate) fn stored_hint(histogram: &Histogram, before: Option<&Histogram>) -> Hint {
    if histogram.hint == Hint::Gauge {
        return Hint::Gauge;
    }
    let Some(before) = before.filter(|before| !before.is_stale() && before.hint != Hint::Gauge) else {
        return Hint::Unknown;
    };
    let same_layout = histogram.schema == before.schema
        && histogram.zero_threshold == before.zero_threshold
        && histogram.bounds == before.bounds;
    let unmarked = Histogram { hint: Hint::Unknown, ..histogram.clone() };
    if histogram.hint == Hint::Reset || !same_layout || unmarked.is_reset_since(before) {
        return Hint::Unknown;
    }
    Hint::NotReset
}

/// Returns the selectors of which only counts and sums are read: Prometheus then works out the hints that are unknown.
///
/// Source: histograms.md 2.5.
pub(crate) fn stats_only(expr: &Expr) -> BTreeSet<*const Selector> {
    let mut found = BTreeSet::new();
    collect(expr, Some(false), &mut found);
    found
}

/// Walks inwards: whether only counts and sums are read; nothing once buckets are read, whatever is further in.
fn collect(expr: &Expr, outside: Option<bool>, found: &mut BTreeSet<*const Selector>) {
    let inside = match &expr.kind {
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => {
            if outside == Some(true) {
                found.insert(std::ptr::from_ref(selector));
            }
            return;
        }
        ExprKind::Subquery(subquery) => return collect(&subquery.expr, None, found),
        ExprKind::Call { function, .. } => match function.name {
            "histogram_count" | "histogram_sum" | "histogram_avg" => outside.map(|_| true),
            "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => None,
            _ => outside,
        },
        ExprKind::Binary(binary) if matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower) => None,
        _ => outside,
    };
    match &expr.kind {
        ExprKind::Paren(expr) | ExprKind::Unary { expr, .. } => collect(expr, inside, found),
        ExprKind::Binary(binary) => {
            collect(&binary.lhs, inside, found);
            collect(&binary.rhs, inside, found);
        }
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| collect(arg, inside, found)),
        ExprKind::Aggregate(aggregate) => {
            aggregate.param.iter().for_each(|param| collect(param, inside, found));
            collect(&aggregate.expr, inside, found);
        }
        _ => {}
    }
}

/// Returns a sample as a selector gives it.
pub(crate) fn read(points: &[(i64, SampleValue)], at: usize, stats_only: bool) -> SampleValue {
    let SampleValue::Histogram(histogram) = &points[at].1 else { return points[at].1.clone() };
    let before = at.checked_sub(1).and_then(|before| points[before].1.histogram());
    if !stats_only || histogram.is_stale() {
        return points[at].1.clone();
    }
    let hint = match before.filter(|before| !before.is_stale()) {
        Some(before) if histogram.hint == Hint::Unknown => {
            if histogram.is_reset_since(before) {
                Hint::Reset
            } else {
                Hint::NotReset
            }
        }
        _ => histogram.hint,
    };
    Histogram { hint, ..histogram.without_buckets() }.into()
}

/// Returns a value as it leaves a subquery: the sample before it is another one there.
pub(crate) fn without_hint(value: SampleValue) -> SampleValue {
    match &value {
        SampleValue::Histogram(histogram) if matches!(histogram.hint, Hint::Reset | Hint::NotReset) => {
            Histogram { hint: Hint::Unknown, ..histogram.as_ref().clone() }.into()
        }
        _ => value,
    }
}

/// Returns a value with the other sign.
pub(crate) fn negated(value: &SampleValue) -> SampleValue {
    match value {
        SampleValue::Float(value) => (-value).into(),
        SampleValue::Histogram(histogram) => changed(histogram, Histogram::negate),
    }
}

fn changed(histogram: &Histogram, change: impl FnOnce(&mut Histogram)) -> SampleValue {
    let mut changed = histogram.clone();
    change(&mut changed);
    changed.into()
}

/// Returns the value of an operator between two values, not both floats, and whether it stays; `None` where there is
/// none: the kinds do not fit (an info), or the histograms do not (a warning).
///
/// Source: histograms.md 4.
pub(crate) fn elements(op: BinaryOp, a: &SampleValue, b: &SampleValue) -> Option<(SampleValue, bool)> {
    let value = match (a, b) {
        (SampleValue::Histogram(a), SampleValue::Histogram(b)) => match op {
            BinaryOp::Equal => return Some((SampleValue::Histogram(Arc::clone(a)), a.equals(b))),
            BinaryOp::NotEqual => return Some((SampleValue::Histogram(Arc::clone(a)), !a.equals(b))),
            BinaryOp::Add | BinaryOp::Sub => {
                let mut result = a.as_ref().clone();
                let joined = if op == BinaryOp::Add { result.add(b) } else { result.subtract(b) };
                // Where schemas are incompatible or hints collide that is said, and there is no sample. Where bounds
                // were reconciled that is said.
                let _ = joined.ok().filter(|joined| !joined.collision)?;
                if op == BinaryOp::Sub {
                    result.hint = Hint::Gauge;
                }
                result.into()
            }
            _ => return None,
        },
        (SampleValue::Histogram(a), SampleValue::Float(b)) => match op {
            BinaryOp::Mul => changed(a, |a| a.multiply(*b)),
            BinaryOp::Div => changed(a, |a| a.divide(*b)),
            BinaryOp::TrimUpper => changed(a, |a| a.trim(Keep::Below, *b)),
            BinaryOp::TrimLower => changed(a, |a| a.trim(Keep::Above, *b)),
            _ => return None,
        },
        (SampleValue::Float(a), SampleValue::Histogram(b)) if op == BinaryOp::Mul => changed(b, |b| b.multiply(*a)),
        _ => return None,
    };
    Some((value, true))
}

/// Returns the sum or the average of a group in which there are histograms; `None` for floats among them, or for both
/// exponential and custom buckets, which are warnings. Colliding hints are a warning, reconciled bounds an info.
///
/// Source: histograms.md 4, 5.3.
pub(crate) fn total(op: AggregateOp, values: &[SampleValue]) -> Option<SampleValue> {
    let histograms: Vec<&Histogram> =
        values.iter().map(|value| value.histogram().map(Arc::as_ref)).collect::<Option<_>>()?;
    let (first, rest) = histograms.split_first()?;
    let (result, _) = if op == AggregateOp::Avg {
        let mut average = Average::starting(first);
        rest.iter().try_for_each(|next| average.add(next)).ok()?;
        average.result()
    } else {
        let mut sum = Sum::starting(first);
        rest.iter().try_for_each(|next| sum.add(next)).ok()?;
        sum.result()
    };
    Some(result.into())
}

/// Returns the function that reads a number from a histogram.
pub(crate) fn function(name: &str) -> Option<fn(&Histogram) -> f64> {
    Some(match name {
        "histogram_count" => |histogram| histogram.count,
        "histogram_sum" => |histogram| histogram.sum,
        "histogram_avg" => Histogram::average,
        "histogram_stddev" => Histogram::deviation,
        "histogram_stdvar" => Histogram::variance,
        _ => return None,
    })
}

/// Evaluates a function over a window in which there are histograms; `None` where it gives no sample.
///
/// Source: histograms.md 5.
pub(crate) fn over_window(name: &str, window: &Window<'_>) -> Result<Option<SampleValue>, Fault> {
    let (floats, histograms) = (window.points, window.histograms.as_slice());
    let mixed = !floats.is_empty();
    Ok(match name {
        "count_over_time" => Some(((floats.len() + histograms.len()) as f64).into()),
        "present_over_time" | "absent_over_time" => Some(1.0.into()),
        "last_over_time" => in_order(window).pop().map(|(_, value)| value),
        "first_over_time" => in_order(window).into_iter().next().map(|(_, value)| value),
        "ts_of_last_over_time" => in_order(window).last().map(|(at, _)| (*at as f64 / 1000.0).into()),
        "ts_of_first_over_time" => in_order(window).first().map(|(at, _)| (*at as f64 / 1000.0).into()),
        "changes" => {
            let is_change = |a: f64, b: f64| a != b && !(a.is_nan() && b.is_nan());
            Some(steps(window, |a, b| !a.equals(b), is_change, |_, _| false))
        }
        "resets" => {
            Some(steps(window, |a, b| b.is_reset_since(a), |a, b| b < a, |before, now| window.is_anew(before, now)))
        }
        "irate" => last_two(window, true),
        "idelta" => last_two(window, false),
        // A mix of floats and histograms is a warning.
        "rate" | "increase" | "delta" | "sum_over_time" | "avg_over_time" if mixed => None,
        "rate" => extrapolated(window, true, true),
        "increase" => extrapolated(window, true, false),
        "delta" => extrapolated(window, false, false),
        "sum_over_time" | "avg_over_time" => {
            let op = if name == "avg_over_time" { AggregateOp::Avg } else { AggregateOp::Sum };
            let values: Vec<_> = histograms.iter().map(|(_, h)| SampleValue::Histogram(Arc::clone(h))).collect();
            total(op, &values)
        }
        // All others read floats only; that there are histograms besides them is an info. Parameters are checked even
        // where there are none.
        "double_exponential_smoothing" => evaluate(name, window)?.map(SampleValue::Float),
        _ if mixed => evaluate(name, window)?.map(SampleValue::Float),
        _ => None,
    })
}

/// Returns the samples of both kinds in time order.
pub(crate) fn in_order(window: &Window<'_>) -> Vec<(i64, SampleValue)> {
    let floats = window.points.iter().map(|(at, value)| (*at, SampleValue::Float(*value)));
    let histograms =
        window.histograms.iter().map(|(at, histogram)| (*at, SampleValue::Histogram(Arc::clone(histogram))));
    let mut all: Vec<_> = floats.chain(histograms).collect();
    all.sort_by_key(|(at, _)| *at);
    all
}

/// Counts the steps from one sample to the next that are one, by their values or by their times; from a float to a histogram and back always is.
fn steps(
    window: &Window<'_>,
    histograms: impl Fn(&Histogram, &Histogram) -> bool,
    floats: impl Fn(f64, f64) -> bool,
    times: impl Fn(i64, i64) -> bool,
) -> SampleValue {
    let all = in_order(window);
    let counts = |pair: &&[(i64, SampleValue)]| match (&pair[0].1, &pair[1].1) {
        (SampleValue::Float(a), SampleValue::Float(b)) => floats(*a, *b),
        (SampleValue::Histogram(a), SampleValue::Histogram(b)) => histograms(a, b),
        _ => true,
    };
    let counts = |pair: &&[(i64, SampleValue)]| counts(pair) || times(pair[0].0, pair[1].0);
    (all.windows(2).filter(counts).count() as f64).into()
}

/// Returns the growth over the window, stretched towards its edges. A counter that is a gauge, or the other way round,
/// is a warning.
///
/// Source: histograms.md 5.1.
fn extrapolated(window: &Window<'_>, counter: bool, per_second: bool) -> Option<SampleValue> {
    let points = &window.histograms;
    let ((from, first), (to, last)) = (points.first()?, points.last()?);
    let start = window.start_within(*from).filter(|_| counter);
    if points.len() == 1 {
        let mut result = first.as_ref().clone();
        result.multiply(stretch_from(window, start?, (*from, *to, 1), per_second));
        return Some(result.into());
    }
    let mut result = growth(window, first, last, counter)?;
    if let Some(start) = start {
        result.add(first).ok()?;
        result.multiply(stretch_from(window, start, (*from, *to, points.len()), per_second));
        result.hint = Hint::Gauge;
        return Some(result.into());
    }
    let starts_at = (result.count > 0.0 && first.count >= 0.0).then(|| first.count / result.count);
    result.multiply(stretch(window, (*from, *to, points.len()), starts_at.filter(|_| counter), per_second));
    result.hint = Hint::Gauge;
    Some(result.into())
}

fn growth(window: &Window<'_>, first: &Histogram, last: &Histogram, counter: bool) -> Option<Histogram> {
    let points = window.histograms.as_slice();
    let is_anew = |at: usize| window.is_anew(points[at - 1].0, points[at].0);
    let second = &points[1].1;
    let mut before = first.clone();
    if counter && (is_anew(1) || second.is_reset_since(first)) {
        // Its layout is none of the others'.
        before = Histogram { schema: second.schema, bounds: second.bounds.clone(), ..Histogram::default() };
    }
    let between = if counter { &points[1..points.len() - 1] } else { &[] };
    let all = [last].into_iter().chain(between.iter().map(|(_, histogram)| histogram.as_ref()));
    if all.clone().any(|histogram| histogram.is_custom() != before.is_custom()) {
        return None;
    }
    let mut result = last.clone();
    result.lower_resolution(all.map(|histogram| histogram.schema).fold(before.schema, i32::min));
    result.subtract(&before).ok()?;
    if counter {
        for (at, (_, next)) in points.iter().enumerate().skip(1) {
            if is_anew(at) || next.is_reset_since(&before) {
                result.add(&before).ok()?;
            }
            before = next.as_ref().clone();
        }
    }
    Some(result)
}

/// Returns the step between the last two samples of either kind; as a rate, a reset counts from nothing.
///
/// Source: histograms.md 5.2.
fn last_two(window: &Window<'_>, rate: bool) -> Option<SampleValue> {
    let all = in_order(window);
    let [.., (from, before), (to, last)] = all.as_slice() else { return None };
    if from == to {
        return None;
    }
    let seconds = (to - from) as f64 / 1000.0;
    match (before, last) {
        (SampleValue::Float(_), SampleValue::Float(_)) => {
            super::windows::last_two(window, rate).map(SampleValue::Float)
        }
        (SampleValue::Histogram(before), SampleValue::Histogram(last)) => {
            let mut result = last.as_ref().clone();
            if !(rate && (window.is_anew(*from, *to) || last.is_reset_since(before))) {
                result.subtract(before).ok()?;
            }
            result.hint = Hint::Gauge;
            if rate {
                result.divide(seconds);
            }
            Some(result.into())
        }
        // A mix is a warning.
        _ => None,
    }
}
