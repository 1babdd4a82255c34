//! Native histograms as values: what a sample of one holds, how two of them are added, and what is read from them.
//!
//! Nothing here knows series, times or positions in an expression: what has to be told to the user comes back as plain
//! data ([`Joined`], [`NanObservations`]), and the caller puts it into words.
//!
//! Source: histograms.md 1, 3 and 6; Prometheus' `model/histogram`.

mod arithmetic;
mod bounds;
mod buckets;
mod classic;
mod flaw;
mod held;
mod quantile;
mod reset;
mod sum;
mod text;
mod trim;

use std::sync::Arc;

use crate::marker::is_stale;

pub use arithmetic::{IncompatibleSchemas, Joined};
pub use bounds::Bucket;
pub use buckets::Buckets;
pub use classic::ClassicError;
pub use flaw::Flaw;
pub(crate) use held::Histograms;
pub use quantile::NanObservations;
pub use sum::{Average, Sum};
pub use trim::Keep;

/// The schema of histograms whose bounds are given.
pub const CUSTOM_SCHEMA: i32 = -53;

/// The schemas of histograms whose bounds are powers of 2^(2^-schema).
pub const EXPONENTIAL_SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;

/// What is known of a histogram and the sample before it: whether observations were lost in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hint {
    /// Nothing is known: the two have to be compared.
    #[default]
    Unknown,
    /// It began again.
    Reset,
    /// It went on.
    NotReset,
    /// It is no counter.
    Gauge,
}

/// A native histogram: observations counted by buckets.
///
/// With an exponential schema, bucket `i` of the positive side holds what is above `b^(i-1)` and not above `b^i`, `b`
/// being 2^(2^-schema), the negative side mirrors that, and the zero bucket holds what is at most `zero_threshold` from
/// zero. With [`CUSTOM_SCHEMA`], bucket `i` of the positive side ends at `bounds[i]`, the first begins at -Inf, one
/// more ends at +Inf, and there is neither a negative side nor a zero bucket. [`Histogram::flaws`] finds what is
/// otherwise; nothing here fails or panics for it.
///
/// The count need not be that of all buckets: observations of NaN are in no bucket. Counts are `f64` (`C` is another
/// type only within a [`Sum`]).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram<C = f64> {
    /// How wide buckets are, one of [`EXPONENTIAL_SCHEMAS`] or [`CUSTOM_SCHEMA`].
    pub schema: i32,
    /// The number of observations.
    pub count: C,
    /// Their sum. A stale marker here makes the sample one.
    pub sum: C,
    /// How far from zero the zero bucket reaches.
    pub zero_threshold: f64,
    /// The observations in the zero bucket.
    pub zero_count: C,
    /// The observations above zero, or all of a histogram with given bounds.
    pub positive: Buckets<C>,
    /// The observations below zero, by the index of the bucket's mirror image.
    pub negative: Buckets<C>,
    /// The given bounds, strictly rising; none with an exponential schema.
    pub bounds: Option<Arc<[f64]>>,
    /// What is known of the sample before.
    pub hint: Hint,
}

impl<C> Histogram<C> {
    /// Returns whether the bounds are given.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        self.bounds.is_some()
    }
}

impl Histogram {
    /// Returns whether the sample is a stale marker; its other fields then mean nothing.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        is_stale(self.sum)
    }

    /// Returns count, sum, schema and hint alone: what is read of a histogram of which nobody asks for more.
    ///
    /// Source: Prometheus' `HistogramStatsIterator`.
    #[must_use]
    pub fn without_buckets(&self) -> Self {
        Self {
            schema: self.schema,
            count: self.count,
            sum: self.sum,
            bounds: self.bounds.as_ref().map(|_| Arc::default()),
            hint: self.hint,
            ..Self::default()
        }
    }

    /// Returns whether two histograms are the same data: `==` of PromQL. Counts and sums are compared by bits, so that
    /// a NaN equals the same NaN; hints are not compared.
    ///
    /// Source: histograms.md 3.7; Prometheus' `FloatHistogram.Equals`.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        let bits = |a: f64, b: f64| a.to_bits() == b.to_bits();
        let side = |a: &Buckets, b: &Buckets| {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.0 == b.0 && bits(a.1, b.1))
        };
        self.schema == other.schema
            && self.bounds == other.bounds
            && self.zero_threshold == other.zero_threshold
            && bits(self.count, other.count)
            && bits(self.sum, other.sum)
            && bits(self.zero_count, other.zero_count)
            && side(&self.positive, &other.positive)
            && side(&self.negative, &other.negative)
    }
}

#[cfg(test)]
mod tests;
