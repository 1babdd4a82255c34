//! Sums and averages of many histograms, compensated for what roundings lose.

use super::arithmetic::{IncompatibleSchemas, Joined};
use super::buckets::{Buckets, Tally};
use super::{Hint, Histogram};
use crate::kahan::Kahan;

/// Which hints were met, and whether bounds were brought together.
#[derive(Clone, Copy, Debug, Default)]
struct Met {
    reset: bool,
    not_reset: bool,
    reconciled: bool,
}

impl Met {
    fn hint(&mut self, hint: Hint) {
        self.reset |= hint == Hint::Reset;
        self.not_reset |= hint == Hint::NotReset;
    }

    fn joined(self) -> Joined {
        Joined { collision: self.reset && self.not_reset, reconciled: self.reconciled }
    }
}

/// A sum of histograms: every count, and the sum of observations, with what roundings lost of it.
///
/// Source: histograms.md 3.4; Prometheus' `FloatHistogram.KahanAdd`.
#[derive(Clone, Debug)]
pub struct Sum {
    parts: Histogram<Kahan>,
    met: Met,
}

impl Sum {
    /// Begins with a first histogram.
    #[must_use]
    pub fn starting(first: &Histogram) -> Self {
        let mut met = Met::default();
        met.hint(first.hint);
        Self { parts: first.lifted(), met }
    }

    /// Adds a histogram. Cost: linear in the buckets of the sum and of the histogram.
    ///
    /// # Errors
    /// It has given bounds and the sum has not, or the other way round; the sum stays as it was.
    pub fn add(&mut self, next: &Histogram) -> Result<(), IncompatibleSchemas> {
        let joined = self.parts.join(next, 1.0)?;
        self.met.hint(next.hint);
        self.met.reconciled |= joined.reconciled;
        Ok(())
    }

    /// Returns the sum and what happened on the way to it: a collision is hints of both kinds among all that was added.
    /// Buckets that came to zero are kept.
    #[must_use]
    pub fn result(self) -> (Histogram, Joined) {
        (total(&self.parts), self.met.joined())
    }
}

/// An average of histograms: a compensated sum until one of its numbers would be infinite, from then on a compensated
/// running mean.
///
/// Source: histograms.md 5.3; Prometheus' `avg` and `avg_over_time`.
#[derive(Clone, Debug)]
pub struct Average {
    /// The sum, or the mean once `incremental`.
    sum: Sum,
    count: f64,
    incremental: bool,
}

impl Average {
    /// Begins with a first histogram.
    #[must_use]
    pub fn starting(first: &Histogram) -> Self {
        Self { sum: Sum::starting(first), count: 1.0, incremental: false }
    }

    /// Adds a histogram. Cost: linear in the buckets of the sum and of the histogram.
    ///
    /// # Errors
    /// As [`Sum::add`].
    pub fn add(&mut self, next: &Histogram) -> Result<(), IncompatibleSchemas> {
        let before = self.count;
        self.count += 1.0;
        if !self.incremental {
            let mut sum = self.sum.clone();
            sum.add(next)?;
            if !overflows(&sum.parts) {
                self.sum = sum;
                return Ok(());
            }
            self.incremental = true;
            self.sum.parts.change(|n| n.over(before));
        }
        let kept = before / self.count;
        self.sum.parts.change(|n| n.times(kept));
        let mut part = next.clone();
        part.change(|n| n.over(self.count));
        self.sum.add(&part)
    }

    /// Returns the average and what happened on the way to it, as [`Sum::result`] does.
    #[must_use]
    pub fn result(self) -> (Histogram, Joined) {
        let Self { mut sum, count, incremental } = self;
        if !incremental {
            sum.parts.change(|n| n.over(count));
        }
        sum.result()
    }
}

/// Returns whether a number of the sum is infinite.
fn overflows(parts: &Histogram<Kahan>) -> bool {
    let sides = [&parts.positive, &parts.negative].into_iter().flat_map(|side| side.iter().map(|(_, n)| n));
    sides.chain([parts.count, parts.sum, parts.zero_count]).any(|n| n.sum.is_infinite())
}

/// Returns counts with what roundings lost added.
fn counts(side: &Buckets<Kahan>) -> Buckets {
    Buckets::written(side.iter().map(|(index, n)| (index, n.total())).collect())
}

/// Returns the histogram with what roundings lost added.
fn total(parts: &Histogram<Kahan>) -> Histogram {
    Histogram {
        schema: parts.schema,
        count: parts.count.total(),
        sum: parts.sum.total(),
        zero_threshold: parts.zero_threshold,
        zero_count: parts.zero_count.total(),
        positive: counts(&parts.positive),
        negative: counts(&parts.negative),
        bounds: parts.bounds.clone(),
        hint: parts.hint,
    }
}
