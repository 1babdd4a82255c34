//! Quantiles and fractions of histograms: classic ones are series of buckets, told apart by `le`.

use alertctl::histogram::Histogram;
use alertctl::labels::LabelSet;

use super::SampleValue;
use super::eval::Sample;

/// How far apart, relative to their sum, two bucket counts are equal.
const SMALL_DELTA: f64 = 1e-12;

/// Returns one sample for each histogram of the vector, still with its metric name.
pub(crate) fn quantiles(q: f64, vector: &[Sample]) -> Vec<Sample> {
    of_histograms(vector, |buckets| quantile(q, buckets), |native| native.quantile(q).0)
}

/// Returns the part of the observations between two values, one sample for each histogram of the vector, still with its
/// metric name.
pub(crate) fn fractions(lower: f64, upper: f64, vector: &[Sample]) -> Vec<Sample> {
    of_histograms(vector, |buckets| fraction(lower, upper, buckets), |native| native.fraction(lower, upper).0)
}

/// Formats a quantile for a label, always with a point, or with an exponent.
pub(crate) fn shown(q: f64) -> String {
    if q.is_infinite() {
        return if q > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if q == 0.0 { "0.0".to_owned() } else { format!("{q:?}") }
}

/// Reads native and classic histograms. Where there are both of one label set neither is read, which is a warning, as is
/// a bucket without a bound.
///
/// Source: histograms.md 6.3.
fn of_histograms(
    vector: &[Sample],
    classic: impl Fn(Vec<(f64, f64)>) -> f64,
    native: impl Fn(&Histogram) -> f64,
) -> Vec<Sample> {
    let mut histograms: Vec<(LabelSet, Vec<(f64, f64)>)> = Vec::new();
    let mut natives: Vec<Sample> = Vec::new();
    for sample in vector {
        let value = match &sample.value {
            SampleValue::Float(value) => *value,
            SampleValue::Histogram(histogram) => {
                natives.push(Sample { value: native(histogram).into(), ..sample.clone() });
                continue;
            }
        };
        let Some(bound) = sample.labels.get("le").and_then(bound) else { continue };
        let labels = sample.labels.filter(|name| name != "le");
        match histograms.iter_mut().find(|(known, _)| *known == labels) {
            Some((_, buckets)) => buckets.push((bound, value)),
            None => histograms.push((labels, vec![(bound, value)])),
        }
    }
    let is_classic = |sample: &Sample| histograms.iter().any(|(known, _)| *known == sample.labels);
    let (twice, natives): (Vec<_>, Vec<_>) = natives.into_iter().partition(is_classic);
    histograms.retain(|(labels, _)| twice.iter().all(|sample| sample.labels != *labels));
    let sample = |(labels, buckets)| Sample { labels, value: classic(buckets).into(), drop_name: false };
    natives.into_iter().chain(histograms.into_iter().map(sample)).collect()
}

/// Reads a bound; a number too large for a float is none.
fn bound(text: &str) -> Option<f64> {
    let bound: f64 = text.parse().ok()?;
    let infinite = text.trim_start_matches(['+', '-']).to_ascii_lowercase().starts_with("inf");
    (bound.is_finite() || bound.is_nan() || infinite).then_some(bound)
}

fn quantile(q: f64, mut buckets: Vec<(f64, f64)>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    buckets.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal));
    if buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
        return f64::NAN;
    }
    let buckets = monotone(merged(buckets));
    let last = buckets.len() - 1;
    let total = buckets[last].1;
    if buckets.len() < 2 || total == 0.0 {
        return f64::NAN;
    }
    let mut rank = q * total;
    let at = search(last, |at| buckets[at].1 >= rank);
    if at == last {
        return buckets[last - 1].0;
    }
    if at == 0 && buckets[0].0 <= 0.0 {
        return buckets[0].0;
    }
    let (end, mut count) = buckets[at];
    let mut start = 0.0;
    if at > 0 {
        start = buckets[at - 1].0;
        count -= buckets[at - 1].1;
        rank -= buckets[at - 1].1;
    }
    start + (end - start) * (rank / count)
}

fn fraction(lower: f64, upper: f64, mut buckets: Vec<(f64, f64)>) -> f64 {
    buckets.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal));
    if buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
        return f64::NAN;
    }
    let buckets = merged(buckets);
    let total = buckets[buckets.len() - 1].1;
    if total == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let lowest = if buckets[0].0 <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    let below = |value: f64| {
        let (mut start, mut before) = (lowest, 0.0);
        for (end, count) in &buckets {
            if start >= value {
                return before;
            }
            if *end > value {
                let inside = before + (count - before) * (value - start) / (end - start);
                return if start.is_infinite() { *count } else { inside };
            }
            (start, before) = (*end, *count);
        }
        total
    };
    let capped = |rank: f64| if rank > total { total } else { rank };
    (capped(below(upper)) - capped(below(lower))) / total
}

/// Finds the first index below `n` for which `holds` is true, halving as Go's `sort.Search` does (which matters when
/// NaN makes it neither rising nor falling).
fn search(n: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = (low + high) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// Adds up the buckets with equal bounds.
fn merged(buckets: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64)> = Vec::new();
    for (bound, count) in buckets {
        match out.last_mut() {
            Some(last) if last.0 == bound => last.1 += count,
            _ => out.push((bound, count)),
        }
    }
    out
}

/// Lifts counts that fall below their predecessor, and levels those that differ by less than rounding does.
fn monotone(mut buckets: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut before = buckets[0].1;
    for (_, count) in &mut buckets[1..] {
        if almost_equal(before, *count) || *count < before {
            *count = before;
        } else {
            before = *count;
        }
    }
    buckets
}

fn almost_equal(a: f64, b: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < SMALL_DELTA * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < SMALL_DELTA
}
