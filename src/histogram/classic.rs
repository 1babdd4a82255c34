//! Native histograms made from classic ones: cumulative counts by upper bound, with a count and a sum.

use super::{Buckets, CUSTOM_SCHEMA, Histogram};
use crate::format::go::shortest;

/// Why buckets make no histogram.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ClassicError {
    /// An upper bound is NaN.
    #[error("a bucket has no upper bound: `le` is NaN")]
    Bound,
    /// A count is negative.
    #[error("the bucket up to {} counts {}, which is negative", shortest(*le), shortest(*count))]
    Negative {
        /// The upper bound of the bucket; +Inf for the count of all.
        le: f64,
        /// Its count.
        count: f64,
    },
    /// A bucket counts less than one within it.
    #[error("the bucket up to {} counts {}, less than one with a lower bound", shortest(*le), shortest(*count))]
    Falling {
        /// The upper bound of the bucket.
        le: f64,
        /// Its count.
        count: f64,
    },
    /// The bucket up to +Inf does not count what there is in all.
    #[error("the buckets count {} observations, but there are {}", shortest(*buckets), shortest(*count))]
    Count {
        /// What the buckets count.
        buckets: f64,
        /// The count of all.
        count: f64,
    },
}

impl Histogram {
    /// Makes a histogram with given bounds from `(upper bound, cumulative count)` pairs in any order; of equal bounds the
    /// first counts. Without a count it is that of the highest bucket, without a sum that is zero, and a bucket up to
    /// +Inf need not be there.
    ///
    /// Source: histograms.md 2.2; Prometheus' `convertnhcb`.
    ///
    /// # Errors
    /// What makes it impossible.
    pub fn from_classic(buckets: &[(f64, f64)], count: Option<f64>, sum: Option<f64>) -> Result<Self, ClassicError> {
        if buckets.iter().any(|(le, _)| le.is_nan()) {
            return Err(ClassicError::Bound);
        }
        let mut buckets = buckets.to_vec();
        // Adding zero makes the bounds -0 and +0 one.
        buckets.sort_by(|a, b| (a.0 + 0.0).total_cmp(&(b.0 + 0.0)));
        buckets.dedup_by(|next, kept| next.0 == kept.0);
        let count = count.or(buckets.last().map(|(_, highest)| *highest)).unwrap_or(0.0);
        if buckets.last().is_none_or(|(le, _)| *le < f64::INFINITY) {
            buckets.push((f64::INFINITY, count));
        }
        if let Some((le, count)) = buckets.iter().find(|(_, count)| *count < 0.0) {
            return Err(ClassicError::Negative { le: *le, count: *count });
        }
        if let Some(pair) = buckets.windows(2).find(|pair| pair[1].1 < pair[0].1) {
            return Err(ClassicError::Falling { le: pair[1].0, count: pair[1].1 });
        }
        let (_, highest) = buckets[buckets.len() - 1];
        if highest != count {
            return Err(ClassicError::Count { buckets: highest, count });
        }
        let mut before = 0.0;
        let own = |(_, cumulative): &(f64, f64)| cumulative - std::mem::replace(&mut before, *cumulative);
        let counts: Vec<f64> = buckets.iter().map(own).collect();
        let positive = if count.fract() == 0.0 { with_short_gaps(&counts) } else { (0..).zip(counts).collect() };
        buckets.pop();
        Ok(Self {
            schema: CUSTOM_SCHEMA,
            count,
            sum: sum.unwrap_or(0.0),
            positive,
            bounds: Some(buckets.into_iter().map(|(le, _)| le).collect()),
            ..Self::default()
        })
    }
}

/// Makes buckets of counts. Of zeros, one or two between other counts are kept.
///
/// Source: `convertnhcb`, of whole numbers.
fn with_short_gaps(counts: &[f64]) -> Buckets {
    let mut kept: Vec<(i32, f64)> = Vec::new();
    for (index, n) in (0..).zip(counts.iter().copied()).filter(|(_, n)| *n != 0.0) {
        if let Some((last, _)) = kept.last().filter(|(last, _)| index - last <= 3) {
            kept.extend((last + 1..index).map(|between| (between, 0.0)));
        }
        kept.push((index, n));
    }
    Buckets::written(kept)
}
