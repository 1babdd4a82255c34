//! Histograms cut off at a value.

use super::{Bucket, Buckets, Histogram};

/// Which part of a histogram is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// What lies below the value: `</`.
    Below,
    /// What lies above the value: `>/`.
    Above,
}

/// What is left of a bucket, and where it is taken to lie.
struct Kept {
    n: f64,
    middle: f64,
}

impl Histogram {
    /// Removes the observations on one side of a value. Buckets that it cuts are interpolated, and those that have no
    /// end on the side of the cut are kept whole or not at all. If anything was removed, count and sum are worked out
    /// from what is left.
    ///
    /// Source: histograms.md 6.4; Prometheus' `FloatHistogram.TrimBuckets`.
    pub fn trim(&mut self, keep: Keep, at: f64) {
        let (mut count, mut sum, mut changed) = (0.0, 0.0, false);
        let mut take = |before: f64, kept: &Kept| {
            count += kept.n;
            sum += kept.middle * kept.n;
            changed |= kept.n.to_bits() != before.to_bits();
            kept.n
        };
        let mut side = |side: &Buckets, bucket: &dyn Fn((i32, f64)) -> Bucket| {
            let kept = side.populated().map(|(index, n)| (index, take(n, &self.kept(bucket((index, n)), keep, at))));
            kept.collect::<Buckets>()
        };
        let positive = side(&self.positive, &|pair| self.positive_bucket(pair));
        let negative = side(&self.negative, &|pair| self.negative_bucket(pair));
        let zero =
            if self.zero_count > 0.0 { take(self.zero_count, &self.kept_of_zero(keep, at)) } else { self.zero_count };
        if changed {
            (self.count, self.sum, self.zero_count) = (count, sum, zero);
            (self.positive, self.negative) = (positive, negative);
        }
    }

    /// Returns what is kept of a bucket outside of the zero bucket.
    fn kept(&self, bucket: Bucket, keep: Keep, at: f64) -> Kept {
        let Bucket { lower, upper, n } = bucket;
        let (whole, cut) = match keep {
            Keep::Below => (upper <= at, lower < at),
            Keep::Above => (lower >= at, upper > at),
        };
        if whole {
            return Kept { n, middle: self.middle(lower, upper) };
        }
        if !cut {
            return Kept { n: 0.0, middle: 0.0 };
        }
        if lower == f64::NEG_INFINITY || upper == f64::INFINITY {
            return kept_of_open(bucket, keep, at);
        }
        let below = n * bucket.part_below(at, self.is_custom());
        match keep {
            Keep::Below => Kept { n: below, middle: self.middle(lower, at) },
            Keep::Above => Kept { n: n - below, middle: self.middle(at, upper) },
        }
    }

    /// Returns what is kept of the zero bucket, which is taken to begin, or to end, at zero if there are only positive,
    /// or only negative buckets.
    fn kept_of_zero(&self, keep: Keep, at: f64) -> Kept {
        let n = self.zero_count;
        let [has_negative, has_positive] =
            [&self.negative, &self.positive].map(|side| side.populated().next().is_some());
        let lower = if has_positive && !has_negative { 0.0 } else { -self.zero_threshold };
        let upper = if has_negative && !has_positive { 0.0 } else { self.zero_threshold };
        let whole = Kept { n, middle: (lower + upper) / 2.0 };
        let nothing = Kept { n: 0.0, middle: 0.0 };
        match keep {
            Keep::Below if at <= lower => nothing,
            Keep::Below if at >= upper => whole,
            Keep::Below => Kept { n: n * ((at - lower) / (upper - lower)), middle: (lower + at) / 2.0 },
            Keep::Above if at <= lower => whole,
            Keep::Above if at >= upper => nothing,
            Keep::Above => Kept { n: n * ((upper - at) / (upper - lower)), middle: (at + upper) / 2.0 },
        }
    }

    /// Returns the middle of an interval within a bucket: of its bounds, or of their logarithms.
    fn middle(&self, lower: f64, upper: f64) -> f64 {
        match (lower.is_infinite(), upper.is_infinite()) {
            (true, true) => 0.0,
            (true, false) if upper > 0.0 => upper / 2.0,
            (true, false) => upper,
            (false, true) => lower,
            (false, false) if self.is_custom() => (lower + upper) / 2.0,
            (false, false) => (lower * upper).abs().sqrt().copysign(if lower < 0.0 { -1.0 } else { 1.0 }),
        }
    }
}

/// Returns what is kept of a bucket without a lower or an upper end that the value cuts. Below a positive end it is taken
/// to begin at zero; else nobody knows where its observations lie.
fn kept_of_open(bucket: Bucket, keep: Keep, at: f64) -> Kept {
    let Bucket { lower, upper, n } = bucket;
    let ends_above_zero = upper > 0.0 && upper < f64::INFINITY;
    if lower == f64::NEG_INFINITY {
        return match keep {
            Keep::Below if at > 0.0 && ends_above_zero => Kept { n: n * at / upper, middle: at / 2.0 },
            Keep::Below if upper <= 0.0 => Kept { n, middle: at },
            Keep::Above if at >= 0.0 && upper < f64::INFINITY => {
                Kept { n: n * (1.0 - at / upper), middle: (at + upper) / 2.0 }
            }
            _ => Kept { n: 0.0, middle: 0.0 },
        };
    }
    match keep {
        Keep::Below => Kept { n: 0.0, middle: 0.0 },
        Keep::Above => Kept { n, middle: at },
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{custom, made};
    use super::*;

    /// Checks both parts of a histogram.
    fn check(whole: &Histogram, at: f64, below: &str, above: &str) {
        for (keep, expected) in [(Keep::Below, below), (Keep::Above, above)] {
            let mut part = whole.clone();
            part.trim(keep, at);
            assert_eq!(part.to_string(), expected, "{keep:?} {at}");
        }
    }

    #[test]
    fn buckets_are_kept_whole_or_cut() {
        let whole = made(0, (0.0, 0.0), (-1, &[2.0, 0.0, 0.0, 4.0]), (-1, &[8.0]));
        let untouched = whole.to_string();
        check(&whole, f64::INFINITY, &untouched, "{count:0, sum:0}");
        check(&whole, f64::NEG_INFINITY, "{count:0, sum:0}", &untouched);
        check(&whole, f64::NAN, "{count:0, sum:0}", "{count:0, sum:0}");
        check(
            &whole,
            0.5,
            "{count:10, sum:-2.121320343559643, [-0.5,-0.25):8, (0.25,0.5]:2}",
            "{count:4, sum:11.313708498984761, (2,4]:4}",
        );
        check(
            &made(-1, (0.0, 0.0), (1, &[4.0]), (0, &[])),
            2.0,
            "{count:2, sum:2.8284271247461903, (1,4]:2}",
            "{count:2, sum:5.656854249492381, (1,4]:2}",
        );
    }

    #[test]
    fn zero_buckets_are_cut_on_a_straight_line() {
        check(
            &made(0, (1.0, 4.0), (1, &[2.0]), (0, &[])),
            0.5,
            "{count:2, sum:0.5, [-1,1]:2}",
            "{count:4, sum:4.32842712474619, [-1,1]:2, (1,2]:2}",
        );
        check(
            &made(0, (1.0, 4.0), (0, &[]), (1, &[2.0])),
            -0.5,
            "{count:4, sum:-4.32842712474619, [-2,-1):2, [-1,1]:2}",
            "{count:2, sum:-0.5, [-1,1]:2}",
        );
        check(
            &made(0, (1.0, 4.0), (0, &[]), (0, &[])),
            0.5,
            "{count:3, sum:-0.75, [-1,1]:3}",
            "{count:1, sum:0.75, [-1,1]:1}",
        );
    }

    #[test]
    fn buckets_without_an_end_are_cut_where_zero_is_one() {
        let whole = custom(&[5.0, 10.0], &[2.0, 2.0, 2.0]);
        check(&whole, 7.5, "{count:3, sum:11.25, [-Inf,5]:2, (5,10]:1}", "{count:3, sum:28.75, (5,10]:1, (10,+Inf]:2}");
        check(
            &whole,
            2.5,
            "{count:1, sum:1.25, [-Inf,5]:1}",
            "{count:5, sum:38.75, [-Inf,5]:1, (5,10]:2, (10,+Inf]:2}",
        );
        check(&whole, -1.0, "{count:0, sum:0}", "{count:4, sum:35, (5,10]:2, (10,+Inf]:2}");
        check(&whole, 12.0, "{count:4, sum:20, [-Inf,5]:2, (5,10]:2}", "{count:2, sum:24, (10,+Inf]:2}");
        check(&custom(&[-5.0], &[2.0]), -7.0, "{count:2, sum:1, [-Inf,-5]:2}", "{count:0, sum:0}");
        check(
            &custom(&[-5.0, 0.0], &[2.0, 1.0]),
            -7.0,
            "{count:2, sum:-14, [-Inf,-5]:2}",
            "{count:1, sum:-2.5, (-5,0]:1}",
        );
        check(&custom(&[], &[2.0]), 1.0, "{count:0, sum:0}", "{count:0, sum:0}");
    }
}
