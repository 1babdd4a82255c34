//! Quantiles and fractions of classic histograms: cumulative counts by upper bound.

/// Counts are taken as equal when they differ by less than this part of them.
///
/// Source: Prometheus' `smallDeltaTolerance`.
const TOLERANCE: f64 = 1e-12;

/// Counts that fell from one bucket to the next and were raised again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forced {
    /// The least upper bound of such a bucket.
    pub(crate) least: f64,
    /// The greatest upper bound of such a bucket.
    pub(crate) greatest: f64,
    /// By how much a count fell at most.
    pub(crate) fall: f64,
}

/// Returns the q-quantile of `(upper bound, count)` pairs in any order, and what had to be forced upon them.
///
/// Buckets of one bound are merged and counts made to rise, in place. NaN without a bucket up to +Inf and another one,
/// without observations, and for a NaN `q`; -Inf for `q < 0` and +Inf for `q > 1`.
///
/// Source: promql.md 8.5; Prometheus' `BucketQuantile`.
pub(crate) fn bucket_quantile(q: f64, buckets: &mut Vec<(f64, f64)>) -> (f64, Option<Forced>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if !merge(buckets) {
        return (f64::NAN, None);
    }
    let forced = force_rise(buckets);
    (interpolate(q, buckets), forced)
}

fn interpolate(q: f64, buckets: &[(f64, f64)]) -> f64 {
    let last = buckets.len() - 1;
    let observations = buckets[last].1;
    if last == 0 || observations == 0.0 {
        return f64::NAN;
    }
    let mut rank = q * observations;
    let at = first_from(&buckets[..last], rank);
    let (end, mut count) = buckets[at];
    if at == last {
        return buckets[last - 1].0;
    }
    if at == 0 {
        return if end <= 0.0 { end } else { 0.0 + end * (rank / count) };
    }
    let (start, before) = buckets[at - 1];
    count -= before;
    rank -= before;
    start + (end - start) * (rank / count)
}

/// Finds the first bucket that counts up to `rank`, by halves as Go's `sort.Search` does: counts may be NaN.
fn first_from(buckets: &[(f64, f64)], rank: f64) -> usize {
    let (mut low, mut high) = (0, buckets.len());
    while low < high {
        let middle = (low + high) / 2;
        if buckets[middle].1 >= rank {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// Sorts by bound and merges equal ones; false unless the greatest bound is +Inf.
fn merge(buckets: &mut Vec<(f64, f64)>) -> bool {
    // Adding zero makes the bounds -0 and +0 one.
    buckets.sort_by(|a, b| (a.0 + 0.0).total_cmp(&(b.0 + 0.0)));
    if buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
        return false;
    }
    buckets.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    true
}

/// Lets counts rise: small differences are rounding and vanish silently, falls are reported.
fn force_rise(buckets: &mut [(f64, f64)]) -> Option<Forced> {
    let mut forced: Option<Forced> = None;
    let mut before = buckets[0].1;
    for (bound, count) in &mut buckets[1..] {
        if *count == before {
            continue;
        }
        if almost_equal(before, *count) {
            *count = before;
        } else if *count < before {
            let forced = forced.get_or_insert(Forced { least: *bound, greatest: *bound, fall: 0.0 });
            forced.greatest = *bound;
            forced.fall = forced.fall.max(before - *count);
            *count = before;
        } else {
            before = *count;
        }
    }
    forced
}

/// Returns whether two counts differ by rounding only.
///
/// Source: Prometheus' `almost.Equal`.
fn almost_equal(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() || a == b {
        return true;
    }
    let sum = a.abs() + b.abs();
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    // A NaN stays one here, and is not less.
    difference / if sum > f64::MAX { f64::MAX } else { sum } < TOLERANCE
}

/// Returns the part of the observations between two values, of `(upper bound, count)` pairs in any order.
///
/// Buckets of one bound are merged in place. NaN without a bucket up to +Inf, without observations, and for a NaN
/// limit.
///
/// Source: promql.md 8.5; Prometheus' `BucketFraction`.
pub(crate) fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<(f64, f64)>) -> f64 {
    if !merge(buckets) {
        return f64::NAN;
    }
    let observations = buckets[buckets.len() - 1].1;
    if observations == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, buckets) - rank_of(lower, buckets)) / observations
}

/// Returns how many observations are up to a value, by straight lines within buckets.
fn rank_of(value: f64, buckets: &[(f64, f64)]) -> f64 {
    let observations = buckets[buckets.len() - 1].1;
    let mut start = if buckets[0].0 <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    let mut before = 0.0;
    for (end, count) in buckets {
        if start >= value {
            return capped(before, observations);
        }
        if *end > value {
            let inside = before + (count - before) * (value - start) / (end - start);
            return capped(if start == f64::NEG_INFINITY { *count } else { inside }, observations);
        }
        (start, before) = (*end, *count);
    }
    observations
}

fn capped(rank: f64, most: f64) -> f64 {
    if rank > most { most } else { rank }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    fn check(q: f64, buckets: &[(f64, f64)], expected: f64) -> Option<Forced> {
        let (got, forced) = bucket_quantile(q, &mut buckets.to_vec());
        assert!(got == expected || got.is_nan() && expected.is_nan(), "{q} of {buckets:?}: {got}");
        forced
    }

    #[test]
    fn quantiles_are_interpolated_within_buckets() {
        let buckets = [(INF, 10.0), (0.1, 2.0), (0.2, 6.0), (1.0, 8.0)];
        check(0.4, &buckets, 0.15000000000000002);
        check(0.1, &buckets, 0.05);
        check(0.8, &buckets, 1.0);
        check(0.95, &buckets, 1.0);
        check(0.0, &buckets, 0.0);
    }

    #[test]
    fn buckets_below_zero_give_their_bound() {
        check(0.1, &[(-1.0, 5.0), (1.0, 6.0), (INF, 6.0)], -1.0);
    }

    #[test]
    fn without_observations_or_bounds_there_is_no_quantile() {
        check(0.5, &[], f64::NAN);
        check(0.5, &[(INF, 5.0)], f64::NAN);
        check(0.5, &[(1.0, 5.0), (2.0, 5.0)], f64::NAN);
        check(0.5, &[(1.0, 0.0), (INF, 0.0)], f64::NAN);
        check(0.5, &[(1.0, 1.0), (INF, 2.0), (f64::NAN, 3.0)], f64::NAN);
        check(f64::NAN, &[(1.0, 1.0), (INF, 1.0)], f64::NAN);
        check(-1.0, &[], f64::NEG_INFINITY);
        check(2.0, &[], INF);
    }

    #[test]
    fn equal_bounds_are_merged() {
        check(0.5, &[(1.0, 1.0), (1.0, 1.0), (2.0, 4.0), (INF, 4.0)], 1.0);
        check(0.25, &[(0.0, 1.0), (-0.0, 1.0), (2.0, 4.0), (INF, 4.0)], 0.0);
    }

    #[test]
    fn falling_counts_are_raised_and_told() {
        let forced = check(0.5, &[(1.0, 4.0), (2.0, 3.0), (3.0, 8.0), (4.0, 6.0), (INF, 8.0)], 1.0);
        assert_eq!(forced, Some(Forced { least: 2.0, greatest: 4.0, fall: 2.0 }));
        let forced = check(0.5, &[(1.0, 4.0), (2.0, 4.0 - 1e-13), (INF, 8.0)], 1.0);
        assert_eq!(forced, None);
    }

    #[test]
    fn fractions_are_interpolated_too() {
        let fraction = |lower, upper, buckets: &[(f64, f64)]| bucket_fraction(lower, upper, &mut buckets.to_vec());
        let buckets = [(1.0, 2.0), (2.0, 6.0), (INF, 8.0)];
        assert_eq!(fraction(0.0, 1.0, &buckets), 0.25);
        assert_eq!(fraction(1.0, 1.5, &buckets), 0.25);
        assert_eq!(fraction(-INF, INF, &buckets), 1.0);
        assert_eq!(fraction(3.0, INF, &buckets), 0.25);
        assert_eq!(fraction(2.0, 1.0, &buckets), 0.0);
        assert!(fraction(0.0, 1.0, &[(1.0, 0.0), (INF, 0.0)]).is_nan());
        assert_eq!(fraction(-INF, -2.0, &[(-1.0, 2.0), (INF, 8.0)]), 0.25);
    }
}
