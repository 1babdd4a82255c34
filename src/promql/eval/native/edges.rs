//! `anchored` and `smoothed` where there are histograms.
//!
//! Source: histograms.md 7.

use crate::histogram::{Hint, Histogram, IncompatibleSchemas};
use crate::time::{Millis, Timestamp};

use super::super::super::annotation::{Annotation, Joining};
use super::super::super::ast::Edges;
use super::super::super::histograms::SampleValue;
use super::super::super::rollup::{RangeFn, between as line};
use super::window::{Outcome, Point, Seen};

/// Returns what comes of a window in which there are histograms, given all samples that its edges look at.
pub(super) fn outcome(seen: &Seen<'_>, edges: Edges, metric: &str, tell: &mut impl FnMut(Annotation)) -> Outcome {
    if matches!(seen.function, RangeFn::Resets | RangeFn::Changes) {
        return counted(seen, metric, tell);
    }
    if !seen.values.is_empty() {
        tell(Annotation::MixedInRange { metric: metric.to_owned() });
        return Outcome::Nothing;
    }
    match rise(seen, edges, metric, tell) {
        Ok(Some(mut rise)) => {
            if seen.function == RangeFn::Rate {
                rise.divide(seen.range.seconds());
            }
            rise.hint = Hint::Gauge;
            Outcome::Value(rise.into())
        }
        Ok(None) => Outcome::Nothing,
        Err(IncompatibleSchemas) => {
            tell(Annotation::MixedSchemas { metric: metric.to_owned() });
            Outcome::Nothing
        }
    }
}

/// Counts the changes from the last sample at or before the window on, of whichever kind that is.
fn counted(seen: &Seen<'_>, metric: &str, tell: &mut impl FnMut(Annotation)) -> Outcome {
    let start = seen.end.minus(seen.range);
    let all = seen.in_order();
    if all.iter().all(|(time, _)| *time <= start) {
        return Outcome::Nothing;
    }
    let anchor = all.iter().rev().find(|(time, _)| *time <= start).map_or(Timestamp::MIN, |(time, _)| *time);
    let floats = seen.times.partition_point(|time| *time < anchor);
    let points = seen.points.partition_point(|(time, _)| *time < anchor);
    let seen =
        Seen { times: &seen.times[floats..], values: &seen.values[floats..], points: &seen.points[points..], ..*seen };
    seen.outcome(metric, tell)
}

/// Returns how much more was counted at the end of the window than at its start.
fn rise(
    seen: &Seen<'_>,
    edges: Edges,
    metric: &str,
    tell: &mut impl FnMut(Annotation),
) -> Result<Option<Histogram>, IncompatibleSchemas> {
    let (points, start, end) = (seen.points, seen.end.minus(seen.range), seen.end);
    let (smoothed, counter) = (edges == Edges::Smoothed, seen.function != RangeFn::Delta);
    let most = points.len() - 1;
    let first = points[..most].iter().position(|(at, _)| *at > start).unwrap_or(most).saturating_sub(1);
    let mut last = most;
    if smoothed {
        last = points[..most].iter().position(|(at, _)| *at >= end).unwrap_or(most);
    }
    if points[last].0 <= start || (smoothed && points[first].0 > end) {
        return Ok(None);
    }
    let within = &points[first..=last];
    let custom = points[first].1.is_custom();
    for (_, point) in within {
        if point.is_custom() != custom {
            return Err(IncompatibleSchemas);
        }
        if counter && point.hint == Hint::Gauge {
            tell(Annotation::NotCounter { metric: metric.to_owned() });
        }
    }
    let mut left = points[first].1.as_ref().clone();
    let from_before = smoothed && points[first].0 < start;
    if from_before {
        left = between(&points[first], &points[first + 1], start, counter, tell)?;
    }
    let mut right = points[last].1.as_ref().clone();
    if smoothed && last > 0 && points[last].0 > end {
        right = between(&points[last - 1], &points[last], end, counter, tell)?;
    }
    let gauges = left.hint == Hint::Gauge && right.hint == Hint::Gauge;
    if !counter && !gauges {
        tell(Annotation::NotGauge { metric: metric.to_owned() });
    }
    let mut rise = right.clone();
    reconciled(rise.subtract(&left)?.reconciled, Joining::Subtraction, tell);
    // What was lost at restarts, but for one that the left edge has behind it already.
    let mut next = first + 1;
    let mut before = &left;
    if from_before && points[next].1.is_reset_since(&points[first].1) {
        before = points[next].1.as_ref();
        next += 1;
    }
    if counter && next <= last {
        let mut lost: Option<Histogram> = None;
        for point in points[next..last].iter().map(|(_, point)| point.as_ref()).chain([&right]) {
            if point.is_reset_since(before) {
                match &mut lost {
                    Some(lost) => reconciled(lost.add(before)?.reconciled, Joining::Addition, tell),
                    None => lost = Some(before.clone()),
                }
            }
            before = point;
        }
        if let Some(lost) = lost {
            reconciled(rise.add(&lost)?.reconciled, Joining::Addition, tell);
        }
    }
    Ok(Some(rise))
}

fn reconciled(is_so: bool, joining: Joining, tell: &mut impl FnMut(Annotation)) {
    if is_so {
        tell(Annotation::Reconciled(joining));
    }
}

/// Returns the histogram at a time between two; a counter that was restarted began at nothing.
fn between(
    (from, before): &Point,
    (to, after): &Point,
    at: Timestamp,
    counter: bool,
    tell: &mut impl FnMut(Annotation),
) -> Result<Histogram, IncompatibleSchemas> {
    if at == *from {
        return Ok(before.as_ref().clone());
    }
    let mut result = after.as_ref().clone();
    if at == *to {
        return Ok(result);
    }
    let part = at.since(*from).0 as f64 / to.since(*from).0 as f64;
    let restarted = counter && after.is_reset_since(before);
    if !restarted {
        reconciled(result.subtract(before)?.reconciled, Joining::Subtraction, tell);
    }
    result.multiply(part);
    if !restarted {
        reconciled(result.add(before)?.reconciled, Joining::Addition, tell);
    }
    Ok(result)
}

/// Returns the value of a smoothed selector at a time, given the samples from a look-back before it to one after it.
pub(in super::super) fn smoothed(
    samples: &[(Timestamp, SampleValue)],
    at: Timestamp,
    metric: &str,
    tell: &mut impl FnMut(Annotation),
) -> Option<SampleValue> {
    let next = samples.iter().position(|(time, _)| *time >= at);
    let is_float = |value: &SampleValue| matches!(value, SampleValue::Float(_));
    let floats = samples.iter().filter(|(_, value)| is_float(value)).count();
    if floats > 0 && floats < samples.len() {
        tell(Annotation::MixedInRange { metric: metric.to_owned() });
        return None;
    }
    let Some(next) = next else {
        return Some(match &samples.last()?.1 {
            SampleValue::Float(value) => SampleValue::Float(*value),
            SampleValue::Histogram(last) => Histogram { hint: Hint::Unknown, ..last.as_ref().clone() }.into(),
        });
    };
    if samples[next].0 == at {
        return Some(samples[next].1.clone());
    }
    let before = samples[..next].last()?;
    Some(match (&before.1, &samples[next].1) {
        (SampleValue::Float(a), SampleValue::Float(b)) => {
            SampleValue::Float(line((before.0, *a), (samples[next].0, *b), at, false))
        }
        (SampleValue::Histogram(a), SampleValue::Histogram(b)) => {
            let counter = a.hint != Hint::Gauge || b.hint != Hint::Gauge;
            let mixed = a.is_custom() != b.is_custom();
            let (a, b) = ((before.0, a.clone()), (samples[next].0, b.clone()));
            match between(&a, &b, at, counter, tell) {
                Ok(histogram) if !mixed => histogram.into(),
                Ok(_) | Err(IncompatibleSchemas) => {
                    tell(Annotation::MixedSchemas { metric: metric.to_owned() });
                    return None;
                }
            }
        }
        _ => return None,
    })
}

/// How far a smoothed selector looks around a step.
pub(in super::super) fn around(at: Timestamp, lookback: Millis) -> (Timestamp, Timestamp) {
    (at.minus(lookback), at.minus(Millis(-lookback.0)))
}
