//! Functions over the samples of one window.

use std::sync::Arc;

use alertctl::histogram::Histogram;

use super::starts::Starts;
use super::{Fault, failed};

/// What a function over a window may read besides its samples.
pub(crate) struct Window<'a> {
    /// The samples that are floats, in time order.
    pub(crate) points: &'a [(i64, f64)],
    /// Those that are histograms. There is at least one sample of either kind.
    pub(crate) histograms: Vec<(i64, Arc<Histogram>)>,
    /// The start timestamps that count.
    pub(crate) starts: &'a Starts,
    /// How long the window is. Unit: milliseconds.
    pub(crate) range: i64,
    /// Where it ends.
    pub(crate) end: i64,
    /// The step.
    pub(crate) step: i64,
    /// The scalar arguments, in order.
    pub(crate) numbers: Vec<f64>,
}

/// Adds a number to a compensated sum.
///
/// Source: Neumaier's variant of Kahan's summation, as promql.md 8.3 gives it.
pub(crate) fn kahan(x: f64, (s, c): (f64, f64)) -> (f64, f64) {
    let t = s + x;
    let c = if t.is_infinite() {
        0.0
    } else if s.abs() >= x.abs() {
        c + ((s - t) + x)
    } else {
        c + ((x - t) + s)
    };
    (t, c)
}

/// Returns the mean of the values, summed directly until the sum overflows and incrementally from there on.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let mut sum = (values[0], 0.0);
    let mut incremental: Option<(f64, f64)> = None;
    let mut n = 1.0;
    for x in &values[1..] {
        n += 1.0;
        if incremental.is_none() {
            let next = kahan(*x, sum);
            if next.0.is_finite() || next.0.is_nan() {
                sum = next;
                continue;
            }
            incremental = Some((sum.0 / (n - 1.0), sum.1 / (n - 1.0)));
        }
        if let Some((m, c)) = incremental {
            let q = (n - 1.0) / n;
            incremental = Some(kahan(x / n, (q * m, q * c)));
        }
    }
    incremental.map_or(sum.0 / n + sum.1 / n, |(m, c)| m + c)
}

/// Returns the q-quantile of the values, interpolated between neighbours; NaN sorts first.
pub(crate) fn quantile(q: f64, values: &[f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal)));
    let n = sorted.len() as f64;
    let rank = q * (n - 1.0);
    let low = rank.floor().max(0.0);
    let high = (n - 1.0).min(low + 1.0);
    let weight = rank - rank.floor();
    sorted[low as usize] * (1.0 - weight) + sorted[high as usize] * weight
}

/// Evaluates a function over the floats of one window; `None` where it gives no sample.
pub(crate) fn evaluate(name: &str, window: &Window<'_>) -> Result<Option<f64>, Fault> {
    let points = window.points;
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    let first = points.first().copied().unwrap_or_default();
    let last = points.last().copied().unwrap_or_default();
    Ok(Some(match name {
        "rate" => return Ok(extrapolated(window, true, true)),
        "increase" => return Ok(extrapolated(window, true, false)),
        "delta" => return Ok(extrapolated(window, false, false)),
        "irate" => return Ok(last_two(window, true)),
        "idelta" => return Ok(last_two(window, false)),
        "deriv" if points.len() < 2 => return Ok(None),
        "deriv" => regression(points, first.0).0,
        "predict_linear" if points.len() < 2 => return Ok(None),
        "predict_linear" => {
            let (slope, intercept) = regression(points, window.step);
            slope * window.numbers[0] + intercept
        }
        "double_exponential_smoothing" => return smoothed(&values, window.numbers[0], window.numbers[1]),
        "avg_over_time" => mean(&values),
        "sum_over_time" => {
            let (s, c) = values.iter().fold((0.0, 0.0), |sum, x| kahan(*x, sum));
            if s.is_infinite() { s } else { s + c }
        }
        "count_over_time" => points.len() as f64,
        "present_over_time" | "absent_over_time" => 1.0,
        "first_over_time" => first.1,
        "last_over_time" => last.1,
        "ts_of_first_over_time" => first.0 as f64 / 1000.0,
        "ts_of_last_over_time" => last.0 as f64 / 1000.0,
        "min_over_time" => extreme(points, |x, best| x < best).1,
        "max_over_time" => extreme(points, |x, best| x > best).1,
        "ts_of_min_over_time" => extreme(points, |x, best| x <= best).0 as f64 / 1000.0,
        "ts_of_max_over_time" => extreme(points, |x, best| x >= best).0 as f64 / 1000.0,
        "quantile_over_time" => quantile(window.numbers[0], &values),
        "mad_over_time" if values.iter().any(|value| value.is_nan()) => f64::NAN,
        "mad_over_time" => {
            let median = quantile(0.5, &values);
            quantile(0.5, &values.iter().map(|value| (value - median).abs()).collect::<Vec<_>>())
        }
        "stddev_over_time" => variance(&values).sqrt(),
        "stdvar_over_time" => variance(&values),
        "changes" => {
            let changed = |pair: &&[f64]| pair[0] != pair[1] && !(pair[0].is_nan() && pair[1].is_nan());
            values.windows(2).filter(changed).count() as f64
        }
        "resets" => points.windows(2).filter(|pair| is_reset(window, pair[0], pair[1])).count() as f64,
        other => return Err(Fault::Unsupported(other.to_owned())),
    }))
}

/// The growth over the window, stretched towards its edges (promql.md 8.2).
fn extrapolated(window: &Window<'_>, counter: bool, per_second: bool) -> Option<f64> {
    let points = window.points;
    let n = points.len();
    let (first, last) = (*points.first()?, *points.last()?);
    let mut growth = last.1 - first.1;
    if counter {
        for pair in points.windows(2) {
            if is_reset(window, pair[0], pair[1]) {
                growth += pair[0].1;
            }
        }
        if let Some(start) = window.start_within(first.0) {
            return Some((growth + first.1) * stretch_from(window, start, (first.0, last.0, n), per_second));
        }
    }
    if n < 2 {
        return None;
    }
    let starts_at = (growth > 0.0 && first.1 >= 0.0).then(|| first.1 / growth);
    Some(growth * stretch(window, (first.0, last.0, n), starts_at.filter(|_| counter), per_second))
}

/// What a growth is multiplied with to stretch it towards the edges of the window, or to make it a rate: `from` and `to`
/// are the times of the first and the last of `n` samples, and `starts_at` is how large the first one is for each unit of
/// growth: a counter was not below zero before it.
pub(crate) fn stretch(
    window: &Window<'_>,
    (from, to, n): (i64, i64, usize),
    starts_at: Option<f64>,
    per_second: bool,
) -> f64 {
    let mut to_start = (from - (window.end - window.range)) as f64 / 1000.0;
    let mut to_end = (window.end - to) as f64 / 1000.0;
    let sampled = (to - from) as f64 / 1000.0;
    let average = sampled / (n - 1) as f64;
    let threshold = average * 1.1;
    if to_start >= threshold {
        to_start = average / 2.0;
    }
    if let Some(to_zero) = starts_at.map(|starts_at| sampled * starts_at)
        && to_zero < to_start
    {
        to_start = to_zero;
    }
    if to_end >= threshold {
        to_end = average / 2.0;
    }
    let mut factor = 1.0;
    if sampled != 0.0 {
        factor = (sampled + to_start + to_end) / sampled;
    }
    if per_second {
        factor /= window.range as f64 / 1000.0;
    }
    factor
}

/// What a growth is multiplied with where the counter began within the window: `from` to `n` as in [`stretch`].
pub(crate) fn stretch_from(window: &Window<'_>, start: i64, (from, to, n): (i64, i64, usize), per_second: bool) -> f64 {
    let sampled = (to - start) as f64 / 1000.0;
    let average = if n > 1 { (to - from) as f64 / 1000.0 / (n - 1) as f64 } else { 0.0 };
    let mut to_end = (window.end - to) as f64 / 1000.0;
    if to_end >= average * 1.1 {
        to_end = average / 2.0;
    }
    let factor = (sampled + to_end) / sampled;
    if per_second { factor / (window.range as f64 / 1000.0) } else { factor }
}

/// Whether a counter began anew between two samples.
fn is_reset(window: &Window<'_>, before: (i64, f64), now: (i64, f64)) -> bool {
    now.1 < before.1 || window.is_anew(before.0, now.0)
}

/// The step between the last two samples; as a rate, a reset counts from zero.
pub(crate) fn last_two(window: &Window<'_>, rate: bool) -> Option<f64> {
    let [.., before, last] = *window.points else { return None };
    if last.0 == before.0 {
        return None;
    }
    let step = if rate && is_reset(window, before, last) { last.1 } else { last.1 - before.1 };
    Some(if rate { step / ((last.0 - before.0) as f64 / 1000.0) } else { step })
}

/// Slope and value at `origin` of the least squares line.
fn regression(points: &[(i64, f64)], origin: i64) -> (f64, f64) {
    let initial = points[0].1;
    if points[1..].iter().all(|(_, y)| *y == initial) {
        return if initial.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, initial) };
    }
    let (mut x_sum, mut y_sum, mut xy_sum, mut xx_sum) = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0));
    for (at, y) in points {
        let x = (at - origin) as f64 / 1000.0;
        x_sum = kahan(x, x_sum);
        y_sum = kahan(*y, y_sum);
        xy_sum = kahan(x * y, xy_sum);
        xx_sum = kahan(x * x, xx_sum);
    }
    let total = |(s, c): (f64, f64)| s + c;
    let (x, y, xy, xx, n) = (total(x_sum), total(y_sum), total(xy_sum), total(xx_sum), points.len() as f64);
    let covariance = xy - x * y / n;
    let variance = xx - x * x / n;
    let slope = covariance / variance;
    (slope, y / n - slope * x / n)
}

fn smoothed(values: &[f64], sf: f64, tf: f64) -> Result<Option<f64>, Fault> {
    if sf <= 0.0 || sf >= 1.0 {
        return failed(format!("invalid smoothing factor. Expected: 0 < sf < 1, got: {sf:.6}"));
    }
    if tf <= 0.0 || tf >= 1.0 {
        return failed(format!("invalid trend factor. Expected: 0 < tf < 1, got: {tf:.6}"));
    }
    if values.len() < 2 {
        return Ok(None);
    }
    let (mut before, mut smooth, mut trend) = (0.0, values[0], values[1] - values[0]);
    for (i, value) in values.iter().enumerate().skip(1) {
        let x = sf * value;
        if i > 1 {
            trend = tf * (smooth - before) + (1.0 - tf) * trend;
        }
        let y = (1.0 - sf) * (smooth + trend);
        (before, smooth) = (smooth, x + y);
    }
    Ok(Some(smooth))
}

/// The point whose value beats all earlier ones; NaN is beaten by anything.
fn extreme(points: &[(i64, f64)], beats: impl Fn(f64, f64) -> bool) -> (i64, f64) {
    let mut best = points[0];
    for point in points {
        if beats(point.1, best.1) || best.1.is_nan() {
            best = *point;
        }
    }
    best
}

/// The population variance of the values, by Welford's steps with compensated sums.
fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares, mut n) = ((0.0, 0.0), (0.0, 0.0), 0.0);
    for x in values {
        n += 1.0;
        let delta = x - (mean.0 + mean.1);
        mean = kahan(delta / n, mean);
        squares = kahan(delta * (x - (mean.0 + mean.1)), squares);
    }
    (squares.0 + squares.1) / n
}
