//! Every range function on one window, straight from its definition: what the sliding forms must equal to the bit.

use crate::kahan::{Kahan, Mean, Variance};
use crate::promql::quantile::{median_distance, quantile};
use crate::time::{Millis, Timestamp};

use super::{RangeFn, Window};

/// Evaluates a function on one window; none if the window has too few samples. `sorted` is working memory.
///
/// Source: promql.md 8.2 to 8.4.
pub(super) fn fold(function: RangeFn, window: &Window<'_>, params: [f64; 2], sorted: &mut Vec<f64>) -> Option<f64> {
    let values = window.values;
    let (first, last) = (*values.first()?, *values.last()?);
    match function {
        RangeFn::Rate | RangeFn::Increase => {
            let ups = resets(values).fold(last - first, |sum, before| sum + before);
            extrapolated(Extent::of(function, window.range), window, ups)
        }
        RangeFn::Delta => extrapolated(Extent::of(function, window.range), window, last - first),
        RangeFn::Irate | RangeFn::Idelta => instant(function, window),
        RangeFn::Deriv => regression(window, window.times[0]).map(|line| line.slope),
        RangeFn::PredictLinear => regression(window, window.eval).map(|line| line.slope * params[0] + line.intercept),
        RangeFn::SumOverTime => Some(sum(values)),
        RangeFn::AvgOverTime => Some(mean(values)),
        RangeFn::MinOverTime => Some(extreme(values, |x, least| x < least).1),
        RangeFn::MaxOverTime => Some(extreme(values, |x, most| x > most).1),
        RangeFn::TsOfMin => Some(window.times[extreme(values, |x, least| x <= least).0].seconds()),
        RangeFn::TsOfMax => Some(window.times[extreme(values, |x, most| x >= most).0].seconds()),
        RangeFn::CountOverTime => Some(values.len() as f64),
        RangeFn::QuantileOverTime => {
            copy(values, sorted);
            Some(quantile(params[0], sorted))
        }
        RangeFn::MadOverTime => {
            copy(values, sorted);
            Some(median_distance(sorted))
        }
        RangeFn::StdvarOverTime => Some(variance(values)),
        RangeFn::StddevOverTime => Some(variance(values).sqrt()),
        RangeFn::LastOverTime => Some(last),
        RangeFn::FirstOverTime => Some(first),
        RangeFn::PresentOverTime => Some(1.0),
        RangeFn::Changes => Some(values.windows(2).filter(|pair| is_change(pair[0], pair[1])).count() as f64),
        RangeFn::Resets => Some(resets(values).count() as f64),
        RangeFn::TsOfFirst => window.times.first().map(|t| t.seconds()),
        RangeFn::TsOfLast => window.times.last().map(|t| t.seconds()),
        RangeFn::DoubleExponentialSmoothing => smoothed(values, params[0], params[1]),
    }
}

/// Returns whether a sample is a change from the one before: NaN after NaN is none.
#[inline]
pub(super) fn is_change(before: f64, x: f64) -> bool {
    x != before && !(x.is_nan() && before.is_nan())
}

/// Walks over the values from which a counter fell.
fn resets(values: &[f64]) -> impl Iterator<Item = f64> {
    values.windows(2).filter(|pair| pair[1] < pair[0]).map(|pair| pair[0])
}

fn copy(values: &[f64], to: &mut Vec<f64>) {
    to.clear();
    to.extend_from_slice(values);
}

/// How `rate`, `increase` and `delta` extend what they saw to the whole window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Whether the values never fall below zero.
    counter: bool,
    /// The seconds by which the rise is divided, if it is.
    per: Option<f64>,
}

impl Extent {
    pub(crate) fn of(function: RangeFn, range: Millis) -> Self {
        Self { counter: function != RangeFn::Delta, per: (function == RangeFn::Rate).then(|| seconds_of(range)) }
    }

    #[inline]
    fn per_second(self, factor: f64) -> f64 {
        self.per.map_or(factor, |seconds| factor / seconds)
    }
}

/// Returns the seconds of a range as Go's `Duration.Seconds` does: whole seconds and their fraction apart.
pub(super) fn seconds_of(range: Millis) -> f64 {
    (range.0 / 1000) as f64 + ((range.0 % 1000) * 1_000_000) as f64 / 1e9
}

/// Extends what a window's samples rose by to the whole window, for `rate`, `increase` and `delta`.
///
/// Source: promql.md 8.2; Prometheus' `extrapolatedRate`.
#[inline]
pub(super) fn extrapolated(extent: Extent, window: &Window<'_>, rise: f64) -> Option<f64> {
    let intervals = window.values.len() - 1;
    if intervals == 0 {
        return None;
    }
    let times = (window.times[0], window.times[intervals], intervals);
    Some(rise * stretch(extent, times, (window.right.minus(window.range), window.right), (window.values[0], rise)))
}

/// Returns what a rise between the first and the last sample is multiplied by for a whole window, given their times, how
/// many steps are between them, where the window begins and ends, the first value and the rise.
#[inline]
pub(crate) fn stretch(
    extent: Extent,
    (first, last, intervals): (Timestamp, Timestamp, usize),
    (left, right): (Timestamp, Timestamp),
    (start, rise): (f64, f64),
) -> f64 {
    let seconds = |from: Timestamp, to: Timestamp| to.since(from).seconds();
    let sampled = seconds(first, last);
    let spacing = sampled / intervals as f64;
    let mut to_start = seconds(left, first);
    if to_start >= spacing * 1.1 {
        to_start = spacing / 2.0;
    }
    // A counter is not extended to before it would have been zero. One that began above its rise was zero before the
    // samples' own length of time, which needs no division to see.
    if extent.counter && rise > 0.0 && start >= 0.0 && !(start >= rise && sampled >= to_start) {
        let to_zero = sampled * (start / rise);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    let to_end = to_end(seconds(last, right), spacing);
    extent.per_second(if sampled == 0.0 { 1.0 } else { (sampled + to_start + to_end) / sampled })
}

/// Returns what a rise is multiplied by for a whole window in which a counter began, at `start`; the others as in
/// [`stretch`]. A single sample is extended to neither side.
///
/// Source: histograms.md 8.
pub(crate) fn stretch_from_start(
    extent: Extent,
    start: Timestamp,
    (first, last, intervals): (Timestamp, Timestamp, usize),
    right: Timestamp,
) -> f64 {
    let seconds = |from: Timestamp, to: Timestamp| to.since(from).seconds();
    let spacing = if intervals == 0 { 0.0 } else { seconds(first, last) / intervals as f64 };
    let sampled = seconds(start, last);
    extent.per_second((sampled + to_end(seconds(last, right), spacing)) / sampled)
}

/// Returns how far beyond its last sample a rise is extended: to the end of the window if that is near, else half of the
/// spacing of the samples.
#[inline]
fn to_end(to_end: f64, spacing: f64) -> f64 {
    if to_end >= spacing * 1.1 { spacing / 2.0 } else { to_end }
}

/// Evaluates `irate` and `idelta`, which look at the last two samples only.
#[inline]
pub(super) fn instant(function: RangeFn, window: &Window<'_>) -> Option<f64> {
    let [.., before, last] = *window.values else { return None };
    let [.., from, to] = *window.times else { return None };
    if from == to {
        return None;
    }
    let counts = function == RangeFn::Irate;
    let rise = if counts && last < before { last } else { last - before };
    Some(if counts { rise / to.since(from).seconds() } else { rise })
}

/// Sums a window.
#[inline]
pub(super) fn sum(values: &[f64]) -> f64 {
    let mut sum = Kahan::default();
    for x in values {
        sum.add(*x);
    }
    sum.total()
}

/// Averages a window, which must not be empty.
#[inline]
pub(super) fn mean(values: &[f64]) -> f64 {
    let mut mean = Mean::starting(values[0]);
    for x in &values[1..] {
        mean.add(*x);
    }
    mean.result()
}

/// Returns the population variance of a window.
#[inline]
pub(super) fn variance(values: &[f64]) -> f64 {
    let mut variance = Variance::default();
    for x in values {
        variance.add(*x);
    }
    variance.variance()
}

/// Finds the value that beats all others, and its index; NaN is beaten by everything, even NaN.
fn extreme(values: &[f64], beats: impl Fn(f64, f64) -> bool) -> (usize, f64) {
    let mut best = (0, values[0]);
    for (at, x) in values.iter().enumerate() {
        if beats(*x, best.1) || best.1.is_nan() {
            best = (at, *x);
        }
    }
    best
}

/// A straight line through a window's samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Unit: per second.
    pub(super) slope: f64,
    /// The value at the origin.
    pub(super) intercept: f64,
}

/// The sums that a straight line is made of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Regression {
    pub(super) x: Kahan,
    pub(super) y: Kahan,
    pub(super) xy: Kahan,
    pub(super) xx: Kahan,
    pub(super) count: f64,
}

impl Regression {
    /// Adds a sample.
    #[inline]
    pub(super) fn add(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        self.x.add(x);
        self.y.add(y);
        self.xy.add(x * y);
        self.xx.add(x * x);
    }

    /// Returns whether no sum overflowed or met a value that is not finite.
    pub(super) fn is_finite(&self) -> bool {
        [self.x, self.y, self.xy, self.xx].iter().all(|sum| sum.sum.is_finite())
    }

    /// Returns the line of least squares.
    pub(super) fn line(&self) -> Line {
        let (x, y, n) = (self.x.total(), self.y.total(), self.count);
        let covariance = self.xy.total() - x * y / n;
        let variance = self.xx.total() - x * x / n;
        let slope = covariance / variance;
        Line { slope, intercept: y / n - slope * x / n }
    }
}

/// Returns the line through samples of one value.
pub(super) fn flat(value: f64) -> Line {
    if value.is_infinite() {
        return Line { slope: f64::NAN, intercept: f64::NAN };
    }
    Line { slope: 0.0, intercept: value }
}

/// Fits a line by least squares, its times counted in seconds from `origin`; none for fewer than two samples.
///
/// Source: promql.md 8.3; Prometheus' `linearRegression`.
pub(super) fn regression(window: &Window<'_>, origin: Timestamp) -> Option<Line> {
    let (first, rest) = window.values.split_first()?;
    if rest.is_empty() {
        return None;
    }
    if rest.iter().all(|y| y == first) {
        return Some(flat(*first));
    }
    let mut sums = Regression::default();
    for (t, y) in window.times.iter().zip(window.values) {
        sums.add(t.since(origin).seconds(), *y);
    }
    Some(sums.line())
}

/// Smooths a window twice; none for fewer than two samples.
///
/// Source: promql.md 8.3.
fn smoothed(values: &[f64], smoothing: f64, trend_factor: f64) -> Option<f64> {
    let [first, second, ..] = *values else { return None };
    let (mut before, mut now) = (0.0, first);
    let mut trend = second - first;
    for (at, x) in values.iter().enumerate().skip(1) {
        let scaled = smoothing * x;
        if at > 1 {
            trend = trend_factor * (now - before) + (1.0 - trend_factor) * trend;
        }
        let carried = (1.0 - smoothing) * (now + trend);
        (before, now) = (now, scaled + carried);
    }
    Some(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evaluates on samples (seconds, value), with a window of 60 s that ends at 60 s.
    fn check(function: RangeFn, samples: &[(i64, f64)], params: [f64; 2], expected: Option<f64>) {
        let times: Vec<_> = samples.iter().map(|(t, _)| Timestamp(t * 1000)).collect();
        let values: Vec<_> = samples.iter().map(|(_, x)| *x).collect();
        let right = Timestamp(60_000);
        let window = Window { times: &times, values: &values, right, eval: Timestamp(70_000), range: Millis(60_000) };
        let got = fold(function, &window, params, &mut Vec::new());
        let same = got == expected || got.is_some_and(f64::is_nan) && expected.is_some_and(f64::is_nan);
        assert!(same, "{function:?} of {samples:?} is {got:?}, not {expected:?}");
    }

    #[test]
    fn rises_are_extended_to_the_window() {
        let none = [0.0; 2];
        let counter = [(15, 100.0), (30, 115.0), (45, 130.0), (60, 145.0)];
        check(RangeFn::Increase, &counter, none, Some(60.0));
        check(RangeFn::Rate, &counter, none, Some(45.0 * (60.0 / 45.0 / 60.0)));
        check(RangeFn::Delta, &counter, none, Some(60.0));
        // Not to before zero, and by half a spacing where samples are missing.
        check(RangeFn::Increase, &[(15, 5.0), (30, 20.0), (45, 35.0), (60, 50.0)], none, Some(50.0));
        check(RangeFn::Increase, &[(35, 100.0), (45, 110.0), (55, 120.0)], none, Some(30.0));
        check(RangeFn::Increase, &[(15, 100.0), (30, 115.0), (45, 5.0), (60, 20.0)], none, Some(35.0 * (60.0 / 45.0)));
        check(RangeFn::Rate, &[(15, 1.0)], none, None);
        check(RangeFn::Rate, &[], none, None);
    }

    #[test]
    fn the_last_two_samples_count_for_instant_rates() {
        check(RangeFn::Irate, &[(15, 9.0), (30, 1.0), (40, 3.0)], [0.0; 2], Some(0.2));
        check(RangeFn::Irate, &[(30, 9.0), (40, 3.0)], [0.0; 2], Some(0.3));
        check(RangeFn::Idelta, &[(30, 9.0), (40, 3.0)], [0.0; 2], Some(-6.0));
        check(RangeFn::Idelta, &[(40, 9.0), (40, 3.0)], [0.0; 2], None);
    }

    #[test]
    fn lines_are_fitted() {
        let line = [(10, 1.0), (20, 3.0), (30, 5.0)];
        check(RangeFn::Deriv, &line, [0.0; 2], Some(0.2));
        // Counted from the evaluation time, not from the window's end.
        check(RangeFn::PredictLinear, &line, [10.0, 0.0], Some(15.0));
        check(RangeFn::PredictLinear, &[(10, 4.0), (20, 4.0)], [10.0, 0.0], Some(4.0));
        check(RangeFn::Deriv, &[(10, f64::INFINITY), (20, f64::INFINITY)], [0.0; 2], Some(f64::NAN));
        check(RangeFn::Deriv, &[(10, 1.0)], [0.0; 2], None);
    }

    #[test]
    fn ties_and_nan_among_extremes() {
        let samples = [(10, f64::NAN), (20, 2.0), (30, 1.0), (40, 2.0), (50, 1.0), (55, f64::NAN)];
        for (function, expected) in [
            (RangeFn::MaxOverTime, 2.0),
            (RangeFn::MinOverTime, 1.0),
            (RangeFn::TsOfMax, 40.0),
            (RangeFn::TsOfMin, 50.0),
            (RangeFn::TsOfFirst, 10.0),
            (RangeFn::TsOfLast, 55.0),
            (RangeFn::CountOverTime, 6.0),
            (RangeFn::PresentOverTime, 1.0),
            (RangeFn::Changes, 5.0),
            (RangeFn::Resets, 2.0),
            (RangeFn::LastOverTime, f64::NAN),
            (RangeFn::MadOverTime, f64::NAN),
        ] {
            check(function, &samples, [0.0; 2], Some(expected));
        }
        check(RangeFn::TsOfMax, &[(10, f64::NAN), (20, f64::NAN)], [0.0; 2], Some(20.0));
        check(RangeFn::Changes, &[(10, f64::NAN), (20, f64::NAN), (30, 0.0), (40, -0.0)], [0.0; 2], Some(1.0));
    }

    #[test]
    fn smoothing_follows_the_trend() {
        check(RangeFn::DoubleExponentialSmoothing, &[(10, 1.0), (20, 3.0), (30, 5.0)], [0.5, 0.5], Some(5.0));
        check(RangeFn::DoubleExponentialSmoothing, &[(10, 1.0)], [0.5, 0.5], None);
    }
}
