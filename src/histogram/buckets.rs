//! One side of a histogram: counts by the index of their bucket.

use crate::kahan::Kahan;

/// A count that is added to: a plain number, or a compensated sum.
pub trait Tally: Copy + Default {
    /// Begins with a number.
    fn of(n: f64) -> Self;

    /// Adds another tally of the same kind.
    fn absorb(&mut self, other: Self);

    /// Multiplies by a number.
    fn times(self, factor: f64) -> Self;

    /// Divides by a number.
    fn over(self, divisor: f64) -> Self;

    /// Returns whether nothing was counted, or all of it again taken away.
    fn is_nothing(self) -> bool;
}

impl Tally for f64 {
    fn of(n: f64) -> Self {
        n
    }

    fn absorb(&mut self, other: Self) {
        *self += other;
    }

    fn times(self, factor: f64) -> Self {
        self * factor
    }

    fn over(self, divisor: f64) -> Self {
        self / divisor
    }

    fn is_nothing(self) -> bool {
        self == 0.0
    }
}

impl Tally for Kahan {
    fn of(n: f64) -> Self {
        Self::starting(n)
    }

    fn absorb(&mut self, other: Self) {
        self.add(other.sum);
        if other.c != 0.0 {
            self.add(other.c);
        }
    }

    fn times(self, factor: f64) -> Self {
        Self { sum: self.sum * factor, c: self.c * factor }
    }

    fn over(self, divisor: f64) -> Self {
        Self { sum: self.sum / divisor, c: self.c / divisor }
    }

    fn is_nothing(self) -> bool {
        // A sum that came to zero may still have to get back what roundings lost.
        self.sum == 0.0 && self.c == 0.0
    }
}

/// The buckets of one side of a histogram, by rising index. What operators give has no count of zero; what was written
/// down with one keeps it, since some functions look at such buckets too.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets<C = f64> {
    idx: Vec<i32>,
    n: Vec<C>,
}

impl<C> Default for Buckets<C> {
    fn default() -> Self {
        Self { idx: Vec::new(), n: Vec::new() }
    }
}

impl<C: Copy> Buckets<C> {
    /// Returns the number of buckets, those with a count of zero among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.idx.len()
    }

    /// Returns whether there is no bucket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.idx.is_empty()
    }

    /// Returns index and count of each bucket, by rising index.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, C)> + ExactSizeIterator {
        self.idx.iter().copied().zip(self.n.iter().copied())
    }
}

impl Buckets {
    /// Makes buckets from counts of neighbours, the first of which has the index `first`; zeros are kept. `None` when an
    /// index would not fit.
    #[must_use]
    pub fn run(first: i32, counts: &[f64]) -> Option<Self> {
        let last = i32::try_from(counts.len().saturating_sub(1)).ok()?;
        let last = first.checked_add(last)?;
        Some(Self { idx: (first..=last).take(counts.len()).collect(), n: counts.to_vec() })
    }

    /// Makes buckets of counts whose indexes rise; zeros are kept.
    pub(super) fn written(counts: Vec<(i32, f64)>) -> Self {
        let (idx, n) = counts.into_iter().unzip();
        Self { idx, n }
    }

    /// Returns index and count of each bucket whose count is not zero, by rising index.
    pub fn populated(&self) -> impl DoubleEndedIterator<Item = (i32, f64)> {
        self.iter().filter(|(_, n)| *n != 0.0)
    }

    /// Returns the same counts as tallies of another kind.
    pub(super) fn lifted<C: Tally>(&self) -> Buckets<C> {
        Buckets { idx: self.idx.clone(), n: self.n.iter().copied().map(C::of).collect() }
    }

    /// Returns the count of a bucket, zero where there is none. Cost: a binary search.
    #[must_use]
    pub fn get(&self, index: i32) -> f64 {
        self.idx.binary_search(&index).map_or(0.0, |at| self.n[at])
    }
}

/// Collects counts whose indexes rise; those of equal indexes are added, and those that come to zero left out.
impl<C: Tally> FromIterator<(i32, C)> for Buckets<C> {
    fn from_iter<I: IntoIterator<Item = (i32, C)>>(counts: I) -> Self {
        let mut side = Self::default();
        for (index, n) in counts {
            match (side.idx.last(), side.n.last_mut()) {
                (Some(last), Some(sum)) if *last == index => sum.absorb(n),
                (last, _) => {
                    assert!(last.is_none_or(|last| *last < index), "buckets come by rising index");
                    side.idx.push(index);
                    side.n.push(n);
                }
            }
        }
        side.drop_empty();
        side
    }
}

impl<C: Tally> Buckets<C> {
    /// Moves the count of each bucket to another one; counts that meet are added in order.
    pub(super) fn moved(&self, to: impl Fn(i32) -> i32) -> Self {
        self.iter().map(|(index, n)| (to(index), n)).collect()
    }

    /// Adds the counts of other buckets to those of the same index; what comes to zero is kept. Cost: linear in both.
    pub(super) fn merge(&mut self, other: impl Iterator<Item = (i32, C)>) {
        let mut merged = Self { idx: Vec::with_capacity(self.len()), n: Vec::with_capacity(self.len()) };
        let mut own = self.iter().peekable();
        for (index, n) in other {
            while let Some((own_index, own_n)) = own.next_if(|(own_index, _)| *own_index < index) {
                merged.push(own_index, own_n);
            }
            let mut sum = n;
            if let Some((_, own_n)) = own.next_if(|(own_index, _)| *own_index == index) {
                sum = own_n;
                sum.absorb(n);
            }
            // Some of the others may have been moved to one bucket, and are then added one after the other.
            match (merged.idx.last(), merged.n.last_mut()) {
                (Some(last), Some(met)) if *last == index => met.absorb(n),
                _ => merged.push(index, sum),
            }
        }
        own.for_each(|(index, n)| merged.push(index, n));
        *self = merged;
    }

    /// Changes each count; what comes to zero is kept.
    pub(super) fn change(&mut self, to: impl Fn(C) -> C) {
        self.n.iter_mut().for_each(|n| *n = to(*n));
    }

    /// Keeps the buckets that are wanted.
    pub(super) fn keep(&mut self, wanted: impl Fn(i32) -> bool) {
        *self = self.iter().filter(|(index, _)| wanted(*index)).collect();
    }

    fn push(&mut self, index: i32, n: C) {
        self.idx.push(index);
        self.n.push(n);
    }

    /// Leaves out the counts that are zero.
    pub(super) fn drop_empty(&mut self) {
        if self.n.iter().any(|n| n.is_nothing()) {
            let (idx, n) = self.iter().filter(|(_, n)| !n.is_nothing()).unzip();
            *self = Self { idx, n };
        }
    }
}

/// Returns whether for some bucket less is counted now than before. A count that is missing now is less than any but
/// zero.
pub(super) fn fell(now: impl Iterator<Item = (i32, f64)>, mut before: impl Iterator<Item = (i32, f64)>) -> bool {
    let mut now = now.peekable();
    before.any(|(index, earlier)| {
        while now.next_if(|(own, _)| *own < index).is_some() {}
        match now.peek() {
            Some((own, n)) if *own == index => *n < earlier,
            _ => earlier != 0.0,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(merged: &Buckets, expected: &[(i32, f64)]) {
        assert_eq!(merged.iter().collect::<Vec<_>>(), expected);
    }

    fn side(counts: &[(i32, f64)]) -> Buckets {
        counts.iter().copied().collect()
    }

    #[test]
    fn zero_counts_are_kept_as_written_and_left_out_of_results() {
        let mut run = Buckets::run(-1, &[1.0, 0.0, -0.0, 2.0]).expect("a run");
        check(&run, &[(-1, 1.0), (0, 0.0), (1, -0.0), (2, 2.0)]);
        assert_eq!(run.populated().collect::<Vec<_>>(), [(-1, 1.0), (2, 2.0)]);
        run.change(|n| n * 2.0);
        run.drop_empty();
        check(&run, &[(-1, 2.0), (2, 4.0)]);
        assert_eq!(Buckets::run(i32::MAX, &[1.0, 2.0]), None);
        assert_eq!(Buckets::run(i32::MAX, &[1.0]).map(|run| run.get(i32::MAX)), Some(1.0));
        check(&Buckets::run(i32::MIN, &[]).expect("a run"), &[]);
    }

    #[test]
    fn equal_indexes_meet() {
        let mut sum = side(&[(-3, 1.0), (0, 2.0), (5, 4.0)]);
        sum.merge([(-4, 1.0), (-3, 1.0), (0, -2.0), (5, 1.0), (6, 1.0), (6, 2.0)].into_iter());
        check(&sum, &[(-4, 1.0), (-3, 2.0), (0, 0.0), (5, 5.0), (6, 3.0)]);
        check(&sum.moved(|index| index / 2), &[(-2, 1.0), (-1, 2.0), (2, 5.0), (3, 3.0)]);
    }

    #[test]
    fn a_compensated_zero_is_kept() {
        let mut sum: Buckets<Kahan> = side(&[(1, 1e100)]).lifted();
        sum.merge(side(&[(1, 1.0)]).lifted().iter());
        sum.merge(side(&[(1, -1e100)]).lifted().iter());
        assert_eq!(sum.iter().map(|(index, n)| (index, n.total())).collect::<Vec<_>>(), [(1, 1.0)]);
    }

    #[test]
    fn less_in_any_bucket_is_a_fall() {
        let before = side(&[(1, 2.0), (3, 4.0)]);
        for (after, fell) in [
            (&[(1, 2.0), (3, 4.0)][..], false),
            (&[(0, 1.0), (1, 2.0), (2, 1.0), (3, 4.0), (4, 1.0)], false),
            (&[(1, 2.0), (3, 3.0)], true),
            (&[(1, 2.0)], true),
            (&[(2, 2.0), (3, 4.0)], true),
            (&[], true),
        ] {
            assert_eq!(super::fell(side(after).iter(), before.iter()), fell, "{after:?}");
        }
        assert!(!super::fell(before.iter(), std::iter::empty()));
    }
}
