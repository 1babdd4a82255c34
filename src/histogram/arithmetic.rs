//! Histograms added, subtracted and scaled.

use std::sync::Arc;

use super::bounds::{coarser, exponential};
use super::buckets::{Buckets, Tally};
use super::{Hint, Histogram};

/// What happened when histograms were brought together, besides the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// One of them says that it began again and another one that it did not.
    pub collision: bool,
    /// Their given bounds differed; the result has those that all of them have.
    pub reconciled: bool,
}

/// One histogram has given bounds and the other one has not: there is no common form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("histograms with exponential and with custom buckets cannot be combined")]
pub struct IncompatibleSchemas;

impl Hint {
    /// Returns the hint of the sum of two histograms, and whether theirs contradict each other.
    ///
    /// Source: histograms.md 2.4; Prometheus' `adjustCounterReset`.
    #[must_use]
    pub fn joined(self, other: Self) -> (Self, bool) {
        match (self, other) {
            (a, b) if a == b => (a, false),
            (Self::Gauge, _) | (_, Self::Gauge) => (Self::Gauge, false),
            (Self::Unknown, _) | (_, Self::Unknown) => (Self::Unknown, false),
            _ => (Self::Unknown, true),
        }
    }
}

impl Histogram {
    /// Adds another histogram: count, sum and buckets, brought to a common form before. Cost: linear in the buckets of
    /// both.
    ///
    /// Source: histograms.md 3.1 to 3.4; Prometheus' `FloatHistogram.Add`.
    ///
    /// # Errors
    /// One has given bounds and the other one has not; nothing is changed then.
    pub fn add(&mut self, other: &Self) -> Result<Joined, IncompatibleSchemas> {
        let joined = self.join(other, 1.0)?;
        self.compact();
        Ok(joined)
    }

    /// Subtracts another histogram. The hint is that of the sum; the result of `-` in PromQL is a gauge.
    ///
    /// Source: as [`Histogram::add`].
    ///
    /// # Errors
    /// As [`Histogram::add`].
    pub fn subtract(&mut self, other: &Self) -> Result<Joined, IncompatibleSchemas> {
        let joined = self.join(other, -1.0)?;
        self.compact();
        Ok(joined)
    }

    /// Adds another histogram, or subtracts it, and keeps buckets that come to zero: the next one of a sequence that is
    /// written down.
    ///
    /// Source: Prometheus' `histogramsSeries`.
    ///
    /// # Errors
    /// As [`Histogram::add`].
    pub fn step(&mut self, by: &Self, minus: bool) -> Result<Joined, IncompatibleSchemas> {
        self.join(by, if minus { -1.0 } else { 1.0 })
    }

    /// Leaves out buckets that count nothing.
    pub fn compact(&mut self) {
        self.positive.drop_empty();
        self.negative.drop_empty();
    }

    /// Multiplies counts and sum by a number; by a negative one the result is a gauge.
    ///
    /// Source: histograms.md 3.5.
    pub fn multiply(&mut self, factor: f64) {
        self.change(|n| n.times(factor));
        self.compact();
        if factor < 0.0 {
            self.hint = Hint::Gauge;
        }
    }

    /// Divides counts and sum by a number; by zero all buckets are lost, by a negative one the result is a gauge.
    ///
    /// Source: histograms.md 3.5.
    pub fn divide(&mut self, divisor: f64) {
        self.change(|n| n.over(divisor));
        self.compact();
        if divisor == 0.0 {
            (self.positive, self.negative) = (Buckets::default(), Buckets::default());
        }
        if divisor < 0.0 {
            self.hint = Hint::Gauge;
        }
    }

    /// Changes the sign of counts and sum; empty buckets stay. The result is a gauge.
    pub fn negate(&mut self) {
        self.change(|n| n.times(-1.0));
        self.hint = Hint::Gauge;
    }

    /// Returns the same histogram with tallies of another kind.
    pub(super) fn lifted<C: Tally>(&self) -> Histogram<C> {
        Histogram {
            schema: self.schema,
            count: C::of(self.count),
            sum: C::of(self.sum),
            zero_threshold: self.zero_threshold,
            zero_count: C::of(self.zero_count),
            positive: self.positive.lifted(),
            negative: self.negative.lifted(),
            bounds: self.bounds.clone(),
            hint: self.hint,
        }
    }
}

impl<C: Tally> Histogram<C> {
    /// Adds another histogram times `sign`.
    pub(super) fn join(&mut self, other: &Histogram, sign: f64) -> Result<Joined, IncompatibleSchemas> {
        let reconciled = match (&self.bounds, &other.bounds) {
            (None, None) => {
                self.join_exponential(other, sign);
                false
            }
            (Some(ours), Some(theirs)) => {
                let common = (ours != theirs).then(|| common_bounds(ours, theirs));
                self.join_custom(other, sign, common.as_ref());
                common.is_some()
            }
            _ => return Err(IncompatibleSchemas),
        };
        self.count.absorb(C::of(other.count).times(sign));
        self.sum.absorb(C::of(other.sum).times(sign));
        let (hint, collision) = self.hint.joined(other.hint);
        self.hint = hint;
        Ok(Joined { collision, reconciled })
    }

    fn join_exponential(&mut self, other: &Histogram, sign: f64) {
        let same_zero = other.zero_threshold == self.zero_threshold;
        let zero = if same_zero { C::of(other.zero_count) } else { self.meet_zero(&other.lifted()) };
        self.zero_count.absorb(zero.times(sign));
        let schema = self.schema.min(other.schema);
        self.lower_resolution(schema);
        let (times, threshold) = (other.schema.abs_diff(schema), self.zero_threshold);
        // What of the other one lies within the zero bucket was counted there. A bucket of the lower resolution that the
        // zero bucket ends in keeps what was counted there too, as in Prometheus.
        let within = |(index, _): &(i32, C)| exponential(i64::from(*index), schema) <= threshold;
        for (own, others) in [(&mut self.positive, &other.positive), (&mut self.negative, &other.negative)] {
            let counts = others.iter().map(|(index, n)| (index, C::of(n).times(sign)));
            if times == 0 {
                own.merge(counts.skip_while(within));
            } else {
                let coarse = counts.collect::<Buckets<C>>().moved(|index| coarser(index, times));
                own.merge(coarse.iter().skip_while(within));
            }
        }
    }

    fn join_custom(&mut self, other: &Histogram, sign: f64, common: Option<&Arc<[f64]>>) {
        let theirs = other.bounds.as_deref().unwrap_or_default();
        let counts = other.positive.iter().map(|(index, n)| (index, C::of(n).times(sign)));
        match common {
            None => self.positive.merge(counts),
            Some(common) => {
                self.reconcile(common);
                self.positive.merge(counts.map(|(index, n)| (place(index, theirs, common), n)));
            }
        }
    }

    /// Brings given bounds to some of them.
    pub(super) fn reconcile(&mut self, common: &Arc<[f64]>) {
        let ours = self.bounds.as_deref().unwrap_or_default();
        self.positive = self.positive.moved(|index| place(index, ours, common));
        self.bounds = Some(Arc::clone(common));
    }

    /// Merges buckets until the schema is as low as the one wanted; a lower one is left, and so are given bounds.
    ///
    /// Source: histograms.md 3.1.
    pub fn lower_resolution(&mut self, schema: i32) {
        if schema >= self.schema || self.is_custom() {
            return;
        }
        let times = self.schema.abs_diff(schema);
        self.positive = self.positive.moved(|index| coarser(index, times));
        self.negative = self.negative.moved(|index| coarser(index, times));
        self.schema = schema;
    }

    /// Widens the zero bucket until it fits both histograms, and returns what the other one has in a zero bucket of that
    /// width.
    ///
    /// Source: histograms.md 3.2.
    fn meet_zero(&mut self, other: &Self) -> C {
        let (mut theirs, mut threshold) = (other.zero_count, other.zero_threshold);
        loop {
            if threshold < self.zero_threshold {
                (theirs, threshold) = other.widened(self.zero_threshold);
            } else if threshold > self.zero_threshold {
                self.widen(threshold);
            } else {
                return theirs;
            }
        }
    }

    /// Widens the zero bucket; what it then holds is no longer counted elsewhere.
    fn widen(&mut self, threshold: f64) {
        (self.zero_count, self.zero_threshold) = self.widened(threshold);
        let (schema, threshold) = (self.schema, self.zero_threshold);
        let outside = |index: i32| exponential(i64::from(index) - 1, schema) >= threshold;
        self.positive.keep(outside);
        self.negative.keep(outside);
    }

    /// Returns what a zero bucket as wide or wider would hold, and how wide it would be: within a populated bucket it goes
    /// on to the end of that one.
    pub(super) fn widened(&self, mut threshold: f64) -> (C, f64) {
        if threshold == self.zero_threshold {
            return (self.zero_count, threshold);
        }
        'again: loop {
            let mut zero = self.zero_count;
            for (side, begin_again) in [(&self.positive, false), (&self.negative, true)] {
                for (index, n) in side.iter() {
                    if self.lower(index) >= threshold {
                        break;
                    }
                    zero.absorb(n);
                    if self.upper(index) > threshold && !n.is_nothing() {
                        threshold = self.upper(index);
                        if begin_again {
                            continue 'again;
                        }
                        break;
                    }
                }
            }
            return (zero, threshold);
        }
    }

    /// Changes all counts and the sum.
    pub(super) fn change(&mut self, to: impl Fn(C) -> C) {
        self.count = to(self.count);
        self.sum = to(self.sum);
        self.zero_count = to(self.zero_count);
        self.positive.change(&to);
        self.negative.change(&to);
    }
}

/// Returns the bounds that are in both lists.
pub(super) fn common_bounds(ours: &[f64], theirs: &[f64]) -> Arc<[f64]> {
    let mut theirs = theirs.iter().peekable();
    let shared = |bound: &&f64| {
        while theirs.next_if(|other| *other < *bound).is_some() {}
        theirs.peek() == Some(bound)
    };
    ours.iter().filter(shared).copied().collect()
}

/// Returns the bucket among common bounds that a bucket among all bounds falls into: the first that ends where it does
/// or later.
///
/// Source: histograms.md 3.3.
fn place(index: i32, all: &[f64], common: &[f64]) -> i32 {
    let end = usize::try_from(index).ok().and_then(|index| all.get(index)).copied().unwrap_or(f64::INFINITY);
    i32::try_from(common.partition_point(|bound| *bound < end)).unwrap_or(i32::MAX)
}
