//! Quantiles of plain values.

use std::cmp::Ordering;

/// Orders values for a quantile: NaN before all others; zeros of both signs are equal.
///
/// Source: Prometheus' `vectorByValueHeap`.
pub(crate) fn by_value(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// Up to this many values are sorted: selecting pays for more.
const FEW: usize = 24;

/// Returns the q-quantile of values, which it reorders: NaN for none or a NaN `q`, -Inf for `q < 0`, +Inf for `q > 1`.
///
/// Zeros of both signs keep their order, as in Prometheus for up to twelve values (longer ones may put them in any).
/// Cost: O(n), but O(n log n) with a negative zero.
///
/// Source: promql.md 8.4.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if !(0.0..=1.0).contains(&q) || values.is_empty() {
        return quantile_of_sorted(q, values);
    }
    if values.len() <= FEW || values.iter().any(|x| x.to_bits() == (-0.0f64).to_bits()) {
        values.sort_by(|a, b| by_value(*a, *b));
        return quantile_of_sorted(q, values);
    }
    let rank = q * (values.len() - 1) as f64;
    let at = (rank.floor() as usize).min(values.len() - 1);
    let (_, lower, above) = values.select_nth_unstable_by(at, |a, b| by_value(*a, *b));
    let upper = above.iter().copied().min_by(|a, b| by_value(*a, *b)).unwrap_or(*lower);
    between(*lower, upper, rank)
}

/// Returns the q-quantile of values in the order of [`by_value`].
pub(crate) fn quantile_of_sorted(q: f64, values: &[f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let last = values.len() - 1;
    let rank = q * last as f64;
    let lower = (rank.floor() as usize).min(last);
    let upper = (lower + 1).min(last);
    between(values[lower], values[upper], rank)
}

/// Weighs two neighbours by the fraction of a rank.
pub(crate) fn between(lower: f64, upper: f64, rank: f64) -> f64 {
    let weight = rank - rank.floor();
    lower * (1.0 - weight) + upper * weight
}

/// Returns the median of the distances to the median of values, which it reorders; NaN if one of them is.
///
/// Source: promql.md 8.4; Prometheus' `mad_over_time`.
pub(crate) fn median_distance(values: &mut [f64]) -> f64 {
    if values.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let median = quantile(0.5, values);
    values.iter_mut().for_each(|x| *x = (*x - median).abs());
    quantile(0.5, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(q: f64, values: &[f64], expected: f64) {
        let got = quantile(q, &mut values.to_vec());
        assert!(got == expected || got.is_nan() && expected.is_nan(), "{q} of {values:?}: {got}");
    }

    #[test]
    fn ranks_are_interpolated() {
        check(0.5, &[3.0, 1.0, 2.0], 2.0);
        check(0.75, &[4.0, 1.0, 2.0, 3.0], 3.25);
        check(0.0, &[3.0, 1.0], 1.0);
        check(1.0, &[3.0, 1.0], 3.0);
        check(0.9, &[7.0], 7.0);
    }

    #[test]
    fn impossible_quantiles_are_infinite() {
        check(-0.1, &[1.0], f64::NEG_INFINITY);
        check(1.1, &[1.0], f64::INFINITY);
        check(f64::NAN, &[1.0], f64::NAN);
        check(0.5, &[], f64::NAN);
        check(2.0, &[], f64::NAN);
    }

    #[test]
    fn selecting_equals_sorting() {
        for len in FEW as u32..FEW as u32 + 40 {
            let values: Vec<f64> =
                (0..len).map(|n| if n % 9 == 7 { f64::NAN } else { f64::from(n * 7 % 11) }).collect();
            let mut sorted = values.clone();
            sorted.sort_by(|a, b| by_value(*a, *b));
            for q in [0.0, 0.05, 0.3, 0.5, 0.77, 1.0] {
                check(q, &values, quantile_of_sorted(q, &sorted));
            }
        }
    }

    #[test]
    fn nan_is_the_least() {
        check(0.0, &[1.0, f64::NAN, 2.0], f64::NAN);
        check(1.0, &[2.0, f64::NAN, -f64::NAN, 1.0], 2.0);
        check(0.25, &[1.0, f64::NAN, 5.0, 1.0, 5.0], 1.0);
    }

    #[test]
    fn the_median_distance_wants_numbers() {
        assert_eq!(median_distance(&mut [4.0, 6.0, 2.0, 1.0, 999.0, 1.0, 2.0]), 1.0);
        assert!(median_distance(&mut [1.0, f64::NAN]).is_nan());
    }
}
