//! Where buckets begin and end.

use std::f64::consts::SQRT_2;

use super::Histogram;

/// One bucket with its limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Its lower bound.
    pub lower: f64,
    /// Its upper bound.
    pub upper: f64,
    /// How many observations fell into it.
    pub n: f64,
}

/// The roots of two: 2^(1/2), 2^(1/4) .. 2^(1/256). The bounds between two powers of two are products of them.
///
/// The first is one unit in the last place too low, so that the bounds are, to the last bit, those that Prometheus has
/// in a table: they show in texts and decide which bucket a limit falls into.
const ROOTS: [f64; 8] = [
    SQRT_2.next_down(),
    1.189207115002721,
    1.0905077326652577,
    1.0442737824274138,
    1.0218971486541166,
    1.0108892860517005,
    1.0054299011128027,
    1.0027112750502025,
];

/// Returns the upper bound of a bucket of an exponential schema.
///
/// The last bucket for finite values ends at the largest float instead of 2^1024; what lies beyond ends at infinity.
///
/// Source: histograms.md 1; Prometheus' `getBoundExponential`.
pub(super) fn exponential(index: i64, schema: i32) -> f64 {
    if schema < 0 {
        return scaled(0.5, (index << -schema) + 1);
    }
    let part = index & ((1 << schema) - 1);
    let mut fraction = 0.5;
    for (root, bit) in ROOTS.iter().zip((0..schema).rev()) {
        if part >> bit & 1 == 1 {
            fraction *= root;
        }
    }
    scaled(fraction, (index >> schema) + 1)
}

/// Returns `fraction * 2^exponent` for a fraction from 0.5 to below 1, rounded once.
fn scaled(fraction: f64, exponent: i64) -> f64 {
    if fraction == 0.5 && exponent == 1025 {
        return f64::MAX;
    }
    // Half of the way the product is exact, however small the result is.
    let exponent = exponent.clamp(-1500, 1500);
    let half = exponent / 2;
    fraction * power_of_two(half) * power_of_two(exponent - half)
}

/// Returns `2^exponent` for what is a normal float.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// Returns the index of the bucket that a bucket falls into when the resolution is halved `times` times.
///
/// Source: histograms.md 3.1.
pub(super) fn coarser(index: i32, times: u32) -> i32 {
    (((i64::from(index) - 1) >> times) + 1) as i32
}

impl<C> Histogram<C> {
    /// Returns the upper bound of a positive bucket; with the other sign it is the lower one of a negative bucket.
    #[must_use]
    pub fn upper(&self, index: i32) -> f64 {
        self.bound(i64::from(index))
    }

    /// Returns the lower bound of a positive bucket; with the other sign it is the upper one of a negative bucket.
    #[must_use]
    pub fn lower(&self, index: i32) -> f64 {
        self.bound(i64::from(index) - 1)
    }

    fn bound(&self, index: i64) -> f64 {
        match &self.bounds {
            None => exponential(index, self.schema),
            Some(_) if index < 0 => f64::NEG_INFINITY,
            Some(bounds) => {
                usize::try_from(index).ok().and_then(|index| bounds.get(index)).map_or(f64::INFINITY, |b| *b)
            }
        }
    }
}

impl Histogram {
    /// Returns the bucket of an index on the positive side.
    pub(super) fn positive_bucket(&self, (index, n): (i32, f64)) -> Bucket {
        Bucket { lower: self.lower(index), upper: self.upper(index), n }
    }

    /// Returns the bucket of an index on the negative side.
    pub(super) fn negative_bucket(&self, (index, n): (i32, f64)) -> Bucket {
        Bucket { lower: -self.upper(index), upper: -self.lower(index), n }
    }

    /// Returns the buckets from the lowest to the highest, the zero bucket among them if it is populated. A bucket that
    /// overlaps the zero bucket begins, or ends, where that one ends.
    ///
    /// Source: histograms.md 6.
    pub fn buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> {
        let width = self.zero_threshold;
        let negative = self.negative.iter().rev().map(move |pair| {
            let bucket = self.negative_bucket(pair);
            let overlaps = bucket.upper < 0.0 && bucket.upper > -width;
            Bucket { upper: if overlaps { -width } else { bucket.upper }, ..bucket }
        });
        let zero = (self.zero_count > 0.0).then_some(Bucket { lower: -width, upper: width, n: self.zero_count });
        let positive = self.positive.iter().map(move |pair| {
            let bucket = self.positive_bucket(pair);
            let overlaps = bucket.lower > 0.0 && bucket.lower < width;
            Bucket { lower: if overlaps { width } else { bucket.lower }, ..bucket }
        });
        negative.chain(zero).chain(positive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_powers_of_the_base() {
        for (schema, index, bound) in [
            (0, 0, 1.0),
            (0, 1, 2.0),
            (0, -1, 0.5),
            (1, 1, SQRT_2.next_down()),
            (1, -1, 0.7071067811865475),
            (2, 3, 1.6817928305074288),
            (2, -1, 0.8408964152537144),
            (3, 9, 2.1810154653305153),
            (8, 255, 1.9945921121709396),
            (8, 256, 2.0),
            (-1, 1, 4.0),
            (-4, 1, 65_536.0),
            (-4, -1, 1.0 / 65_536.0),
        ] {
            assert_eq!(exponential(index, schema), bound, "{schema} {index}");
        }
    }

    #[test]
    fn bounds_end_with_the_floats() {
        for schema in -4..=8 {
            let last = if schema < 0 { 1024 >> -schema } else { 1024 << schema };
            assert_eq!(exponential(last, schema), f64::MAX, "{schema}");
            assert_eq!(exponential(last + 1, schema), f64::INFINITY, "{schema}");
            assert_eq!(exponential(i64::from(i32::MAX), schema), f64::INFINITY, "{schema}");
            assert_eq!(exponential(i64::from(i32::MIN) - 1, schema), 0.0, "{schema}");
        }
        assert_eq!(exponential(-1074, 0).to_bits(), 1);
        assert_eq!(exponential(-1075, 0), 0.0);
        assert_eq!(exponential(-1022, 0), f64::MIN_POSITIVE);
        assert_eq!(exponential(-2147, 1).to_bits(), 1, "1.4 of the smallest float");
    }

    #[test]
    fn finer_bounds_contain_coarser_ones() {
        for schema in -3..=8 {
            for index in -60..60 {
                assert_eq!(exponential(2 * index, schema), exponential(index, schema - 1), "{schema} {index}");
                assert!(exponential(index - 1, schema) < exponential(index, schema), "{schema} {index}");
            }
        }
    }

    #[test]
    fn coarser_buckets_contain_finer_ones() {
        for index in -300..300 {
            let to = coarser(index, 3);
            assert!(exponential(i64::from(index), 5) <= exponential(i64::from(to), 2), "{index}");
            assert!(exponential(i64::from(index) - 1, 5) >= exponential(i64::from(to) - 1, 2), "{index}");
        }
        assert_eq!(coarser(i32::MIN, 1), i32::MIN / 2);
        assert_eq!(coarser(i32::MAX, 4), (i32::MAX / 16) + 1);
    }
}
