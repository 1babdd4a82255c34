//! Quantiles of plain values.

use std::cmp::Ordering;

/// Orders values for a quantile: NaN before all others; zeros of both signs are equal.
///
/// Source: Prometheus' `vectorByValueHeap`.
pub(crate) fn by_value(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// Returns the q-quantile of values, which it sorts: NaN for none or a NaN `q`, -Inf for `q < 0`, +Inf for `q > 1`.
///
/// The sort is stable, as Prometheus' is for up to twelve values (longer ones may put zeros of both signs in any order).
///
/// Source: promql.md 8.4.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if (0.0..=1.0).contains(&q) {
        values.sort_by(|a, b| by_value(*a, *b));
    }
    quantile_of_sorted(q, values)
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
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
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
