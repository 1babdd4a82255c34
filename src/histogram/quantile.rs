//! What is read from a histogram: averages, spreads, quantiles and fractions.

use super::{Bucket, Histogram};
use crate::kahan::Kahan;

/// What observations of NaN did to a result. They are counted, but in no bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NanObservations {
    /// The quantile lies among them: it is NaN.
    Result,
    /// They count as larger than all others, so that the quantile is higher than without them.
    Skewed,
    /// They are in no fraction.
    Excluded,
}

impl Bucket {
    /// Returns the part of the bucket's width that lies below a value within its finite bounds: along a straight line,
    /// or along one of logarithms.
    pub(super) fn part_below(&self, value: f64, linear: bool) -> f64 {
        if linear {
            return (value - self.lower) / (self.upper - self.lower);
        }
        let [lower, upper, value_log] = [self.lower, self.upper, value].map(|bound| bound.abs().log2());
        if value > 0.0 { (value_log - lower) / (upper - lower) } else { 1.0 - (value_log - upper) / (lower - upper) }
    }

    /// Returns whether zero lies within the bucket or at its end.
    fn holds_zero(&self) -> bool {
        self.lower <= 0.0 && self.upper >= 0.0
    }
}

impl Histogram {
    /// Returns the mean of the observations, NaN if there are none.
    #[must_use]
    pub fn average(&self) -> f64 {
        self.sum / self.count
    }

    /// Returns the population variance of the observations, taking each to be in the middle of its bucket.
    ///
    /// Source: histograms.md 6; Prometheus' `histogram_stdvar`.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let mean = self.average();
        let mut squares = Kahan::default();
        for bucket in self.buckets().filter(|bucket| bucket.n != 0.0) {
            let middle = if self.is_custom() {
                (bucket.upper + bucket.lower) / 2.0
            } else if bucket.holds_zero() {
                0.0
            } else {
                (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
            };
            let delta = middle - mean;
            squares.add(bucket.n * delta * delta);
        }
        squares.total() / self.count
    }

    /// Returns the population standard deviation, as [`Histogram::variance`].
    #[must_use]
    pub fn deviation(&self) -> f64 {
        self.variance().sqrt()
    }

    /// Returns the q-quantile, interpolated within its bucket, and whether observations of NaN had a part in it. -Inf
    /// for `q < 0`, +Inf for `q > 1`, NaN without observations and for a NaN `q`.
    ///
    /// With observations of NaN, Prometheus interpolates within the last bucket instead of the one that it found, unless
    /// that is the last. The same is done here, so that a rule fires when it does there.
    ///
    /// Source: histograms.md 6.1; Prometheus' `HistogramQuantile`.
    #[must_use]
    pub fn quantile(&self, q: f64) -> (f64, Option<NanObservations>) {
        if q < 0.0 {
            return (f64::NEG_INFINITY, None);
        }
        if q > 1.0 {
            return (f64::INFINITY, None);
        }
        if self.count == 0.0 || q.is_nan() {
            return (f64::NAN, None);
        }
        let has_nan = self.sum.is_nan();
        let upwards = has_nan || q < 0.5;
        let rank = if upwards { q * self.count } else { (1.0 - q) * self.count };
        // Where two buckets meet at the rank, the direction decides which of them it is.
        let mut rest = self.buckets();
        let mut next = || if upwards { rest.next() } else { rest.next_back() };
        let mut bucket = Bucket { lower: 0.0, upper: 0.0, n: 0.0 };
        let mut passed = 0.0;
        while let Some(reached) = next() {
            bucket = reached;
            passed += bucket.n;
            if bucket.n != 0.0 && passed >= rank {
                break;
            }
        }
        if self.is_custom() {
            if bucket.lower == f64::NEG_INFINITY {
                if bucket.upper <= 0.0 {
                    return (bucket.upper, None);
                }
                bucket.lower = 0.0;
            } else if bucket.upper == f64::INFINITY {
                return (bucket.lower, None);
            }
        } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
            bucket = self.one_sided(bucket);
        }
        passed = if passed > self.count { self.count } else { passed };
        if passed < rank {
            return if has_nan { (f64::NAN, Some(NanObservations::Result)) } else { (bucket.upper, None) };
        }
        let rank = if upwards { rank - (passed - bucket.n) } else { passed - rank };
        let mut told = None;
        if has_nan {
            while let Some(after) = next() {
                bucket = after;
                passed += bucket.n;
            }
            told = (passed < self.count).then_some(NanObservations::Skewed);
        }
        let part = rank / bucket.n;
        if self.is_custom() || bucket.holds_zero() {
            return (bucket.lower + (bucket.upper - bucket.lower) * part, told);
        }
        let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
        let value = if bucket.lower > 0.0 {
            (lower + (upper - lower) * part).exp2()
        } else {
            -(upper + (lower - upper) * (1.0 - part)).exp2()
        };
        (value, told)
    }

    /// Returns the part of the observations between two values, and whether observations of NaN are left out of it. NaN
    /// without observations and for a limit of NaN.
    ///
    /// A bucket at zero is taken to begin, or to end, there if there are only positive, or only negative buckets. As in
    /// Prometheus that is done with given bounds too, although a bucket of those may well reach from -10 to 5.
    ///
    /// Source: histograms.md 6.3; Prometheus' `HistogramFraction`.
    #[must_use]
    pub fn fraction(&self, lower: f64, upper: f64) -> (f64, Option<NanObservations>) {
        if self.count == 0.0 || lower.is_nan() || upper.is_nan() {
            return (f64::NAN, None);
        }
        if lower >= upper {
            return (0.0, None);
        }
        let buckets: Vec<Bucket> = self.buckets().collect();
        let mut total = self.count;
        let mut told = None;
        if self.sum.is_nan() {
            total = buckets.iter().fold(0.0, |sum, bucket| sum + bucket.n);
            told = (total < self.count).then_some(NanObservations::Excluded);
        }
        let rank = |value: f64| match self.rank(&buckets, value) {
            Some(rank) if rank <= total || rank.is_nan() => rank,
            _ => total,
        };
        ((rank(upper) - rank(lower)) / self.count, told)
    }

    /// Returns how many observations lie below a value; none if that is above all buckets.
    fn rank(&self, buckets: &[Bucket], value: f64) -> Option<f64> {
        let mut below = 0.0;
        for bucket in buckets {
            let at_zero = bucket.holds_zero();
            let bucket = if at_zero { self.one_sided(*bucket) } else { *bucket };
            if bucket.lower >= value {
                return Some(below);
            }
            if bucket.upper > value {
                // Within a bucket without a lower end there is nothing to go by.
                let open = (self.is_custom() || at_zero) && bucket.lower == f64::NEG_INFINITY;
                let inside = || below + bucket.n * bucket.part_below(value, self.is_custom() || at_zero);
                return Some(if open { bucket.n } else { inside() });
            }
            below += bucket.n;
        }
        None
    }

    /// Lets a bucket around zero begin or end there, if all other buckets are on one side of it.
    fn one_sided(&self, bucket: Bucket) -> Bucket {
        match (self.negative.is_empty(), self.positive.is_empty()) {
            (true, false) => Bucket { lower: 0.0, ..bucket },
            (false, true) => Bucket { upper: 0.0, ..bucket },
            _ => bucket,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{custom, made};
    use super::*;

    const INF: f64 = f64::INFINITY;

    fn check(got: f64, expected: f64) {
        assert!(
            (got - expected).abs() < 1e-12 || got == expected || got.is_nan() && expected.is_nan(),
            "{got} {expected}"
        );
    }

    #[test]
    fn quantiles_are_interpolated_on_logarithms() {
        let positive = made(0, (0.0, 0.0), (0, &[2.0, 2.0]), (0, &[]));
        for (q, expected) in [
            (0.0, 0.5),
            (0.25, 0.5f64.sqrt()),
            (0.75, 2.0f64.sqrt()),
            (1.0, 2.0),
            (-0.1, -INF),
            (1.1, INF),
            (f64::NAN, f64::NAN),
        ] {
            check(positive.quantile(q).0, expected);
        }
        let negative = made(0, (0.0, 0.0), (0, &[]), (0, &[2.0, 2.0]));
        check(negative.quantile(0.25).0, -(2.0f64.sqrt()));
        check(negative.quantile(0.75).0, -(0.5f64.sqrt()));
        check(Histogram::default().quantile(0.5).0, f64::NAN);
    }

    #[test]
    fn the_half_is_looked_for_from_above() {
        let gap = made(0, (0.0, 0.0), (0, &[2.0, 0.0, 0.0, 2.0]), (0, &[]));
        check(gap.quantile(0.5).0, 4.0);
        assert!(gap.quantile(0.499).0 < 1.0);
    }

    #[test]
    fn zero_buckets_are_straight_and_end_at_zero_where_all_else_is_on_one_side() {
        check(made(0, (1.0, 2.0), (1, &[2.0]), (0, &[])).quantile(0.25).0, 0.5);
        check(made(0, (1.0, 2.0), (0, &[]), (1, &[2.0])).quantile(0.75).0, -0.5);
        check(made(0, (1.0, 2.0), (1, &[1.0]), (1, &[1.0])).quantile(0.375).0, -0.5);
        check(made(0, (1.0, 2.0), (0, &[]), (0, &[])).quantile(0.25).0, -0.5);
    }

    #[test]
    fn buckets_end_where_the_zero_bucket_does() {
        check(made(0, (0.75, 0.0), (0, &[2.0]), (0, &[])).quantile(0.5).0, 0.75f64.sqrt());
        check(made(0, (0.75, 0.0), (0, &[]), (0, &[2.0])).quantile(0.5).0, -(0.75f64.sqrt()));
        let wide = made(0, (0.75, 0.0), (0, &[2.0]), (0, &[]));
        check(wide.fraction(-INF, 0.75f64.sqrt()).0, 0.5);
    }

    #[test]
    fn given_bounds_are_interpolated_on_straight_lines() {
        let all = custom(&[5.0, 10.0], &[2.0, 2.0, 2.0]);
        for (q, expected) in [(0.0, 0.0), (1.0 / 6.0, 2.5), (0.5, 7.5), (0.9, 10.0), (1.0, 10.0)] {
            check(all.quantile(q).0, expected);
        }
        check(custom(&[-5.0, 5.0], &[2.0, 2.0]).quantile(0.1).0, -5.0);
        check(custom(&[-5.0, 5.0], &[0.0, 2.0]).quantile(0.5).0, 0.0);
    }

    #[test]
    fn counts_that_buckets_lack_count_as_the_highest() {
        let lacking = Histogram { count: 10.0, ..made(0, (0.0, 0.0), (0, &[2.0, 2.0]), (0, &[])) };
        check(lacking.quantile(0.1).0, 0.5f64.sqrt());
        check(lacking.quantile(0.45).0, 2.0);
    }

    #[test]
    fn observations_of_nan_are_told() {
        let nan =
            |counts: &[f64]| Histogram { count: 8.0, sum: f64::NAN, ..made(0, (0.0, 0.0), (0, counts), (0, &[])) };
        let (value, told) = nan(&[1.0, 3.0]).quantile(0.9);
        check(value, f64::NAN);
        assert_eq!(told, Some(NanObservations::Result));
        let (value, told) = nan(&[1.0, 3.0]).quantile(0.25);
        check(value, (1.0f64 / 3.0).exp2());
        assert_eq!(told, Some(NanObservations::Skewed));
        // The rank of the first bucket is looked up in the last one, as in Prometheus.
        check(nan(&[1.0, 3.0]).quantile(0.1).0, (0.8f64 / 3.0).exp2());
        assert_eq!(nan(&[4.0, 4.0]).quantile(0.9).1, None);
        assert_eq!(nan(&[1.0, 3.0]).fraction(-INF, INF), (0.5, Some(NanObservations::Excluded)));
        assert_eq!(nan(&[4.0, 4.0]).fraction(-INF, INF), (1.0, None));
    }

    #[test]
    fn fractions_are_interpolated_too() {
        let positive = made(0, (0.0, 0.0), (0, &[2.0, 2.0]), (0, &[]));
        check(positive.fraction(-INF, 1.0).0, 0.5);
        check(positive.fraction(1.0, 2.0f64.sqrt()).0, 0.25);
        check(positive.fraction(3.0, INF).0, 0.0);
        check(positive.fraction(2.0, 1.0).0, 0.0);
        check(positive.fraction(f64::NAN, 1.0).0, f64::NAN);
        let negative = made(0, (0.0, 0.0), (0, &[]), (0, &[2.0, 2.0]));
        check(negative.fraction(-(2.0f64.sqrt()), -1.0).0, 0.25);
        check(made(0, (1.0, 2.0), (1, &[2.0]), (0, &[])).fraction(-INF, 0.5).0, 0.25);
        check(made(0, (1.0, 2.0), (1, &[1.0]), (1, &[1.0])).fraction(-0.5, 0.5).0, 0.25);
        check(Histogram::default().fraction(0.0, 1.0).0, f64::NAN);
    }

    #[test]
    fn fractions_of_given_bounds_begin_at_zero() {
        let clipped = custom(&[-10.0, 5.0], &[0.0, 4.0]);
        check(clipped.fraction(-INF, -5.0).0, 0.0);
        check(clipped.fraction(-INF, 2.5).0, 0.5);
        let open = custom(&[-10.0, 5.0], &[4.0, 4.0]);
        check(open.fraction(-INF, -20.0).0, 0.5);
        let above = custom(&[5.0], &[4.0, 4.0]);
        check(above.fraction(100.0, INF).0, 0.5);
    }

    #[test]
    fn averages_and_spreads_take_the_middle_of_buckets() {
        let positive = Histogram { sum: 8.0, ..made(0, (0.0, 0.0), (1, &[2.0, 0.0, 2.0]), (0, &[])) };
        let (low, high) = (2.0f64.sqrt() - 2.0, 32.0f64.sqrt() - 2.0);
        check(positive.average(), 2.0);
        check(positive.variance(), (2.0 * low * low + 2.0 * high * high) / 4.0);
        check(positive.deviation(), positive.variance().sqrt());
        let around = Histogram { sum: 0.0, ..made(0, (1.0, 2.0), (0, &[]), (1, &[2.0])) };
        check(around.variance(), 1.0);
        check(Histogram { sum: 30.0, ..custom(&[0.0, 10.0], &[0.0, 4.0]) }.variance(), 6.25);
        check(Histogram::default().variance(), f64::NAN);
    }

    #[test]
    fn spreads_lose_nothing_to_large_counts() {
        // The first and the last of these squares cancel.
        let odd = custom(&[1.0, 3.0, 5.0, 11.0], &[0.0, 4e100, 1.0, -2.5e99]);
        check(Histogram { count: 1.0, sum: 0.0, ..odd }.variance(), 16.0);
    }
}
