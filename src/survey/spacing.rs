//! How often a series has samples, over its whole length: cheap enough to be learnt of every series.

use super::counts::{Counts, median};
use crate::time::{Millis, Timestamp};

/// How many of the longest silences of a series are held.
const LONGEST: usize = 4;

/// Returns whether a silence is a gap: longer than 2.5 times the usual spacing.
pub(super) fn is_gap(silence: Millis, usual: Millis) -> bool {
    silence.0.saturating_mul(2) > usual.0.saturating_mul(5)
}

/// The spacings of one series as its samples go by.
///
/// A series in step takes 40 bytes, another one some 150 more. Cost: a few instructions a sample, and a binary search
/// where a spacing is in another step than the one before it.
#[derive(Clone, Debug)]
pub(super) struct Spacings {
    /// [`Timestamp::MIN`] before the first sample.
    last: Timestamp,
    /// Spacings from `low` to `high` are counted in `run` alone: they are in the step that was counted last, and no
    /// longer than the silences that are held.
    low: i64,
    high: i64,
    run: u32,
    /// None as long as all spacings are equal.
    uneven: Option<Box<Uneven>>,
}

/// What is held of a series whose spacings differ.
#[derive(Clone, Debug, Default)]
struct Uneven {
    counts: Counts,
    /// Longest first: length and last sample before.
    longest: Vec<(i64, Timestamp)>,
}

impl Uneven {
    fn hold(&mut self, spacing: i64, from: Timestamp) {
        if self.longest.len() < LONGEST || self.longest[LONGEST - 1].0 < spacing {
            let at = self.longest.partition_point(|(other, _)| *other >= spacing);
            self.longest.insert(at, (spacing, from));
            self.longest.truncate(LONGEST);
        }
    }
}

impl Spacings {
    pub(super) const NEW: Self = Self { last: Timestamp::MIN, low: 1, high: 0, run: 0, uneven: None };

    /// Returns the newest sample, if there is one.
    pub(super) fn last(&self) -> Option<Timestamp> {
        (self.last > Timestamp::MIN).then_some(self.last)
    }

    /// Records a sample; one that is not newer than the last counts for nothing.
    pub(super) fn see(&mut self, time: Timestamp) {
        let spacing = time.0.wrapping_sub(self.last.0);
        if self.low <= spacing && spacing <= self.high {
            self.run = self.run.saturating_add(1);
            self.last = time;
        } else {
            self.see_other(time);
        }
    }

    #[cold]
    fn see_other(&mut self, time: Timestamp) {
        if time <= self.last {
            return;
        }
        let from = std::mem::replace(&mut self.last, time);
        if from == Timestamp::MIN {
            return;
        }
        let spacing = time.since(from).0;
        if self.run == 0 && self.uneven.is_none() {
            (self.low, self.high, self.run) = (spacing, spacing, 1);
            return;
        }
        let (low, run) = (self.low, std::mem::take(&mut self.run));
        let uneven = self.uneven.get_or_insert_with(|| {
            let mut uneven = Box::<Uneven>::default();
            let first = from.minus(Millis(low.saturating_mul(i64::from(run))));
            for at in 0..i64::from(run).min(LONGEST as i64) {
                uneven.hold(low, first.plus(Millis(low * at)));
            }
            uneven
        });
        if run > 0 {
            uneven.counts.add(low, run);
        }
        uneven.counts.add(spacing, 1);
        uneven.hold(spacing, from);
        let (low, high) = uneven.counts.bounds(spacing);
        let held = if uneven.longest.len() < LONGEST { 0 } else { uneven.longest[LONGEST - 1].0 };
        (self.low, self.high) = (low.max(1), high.min(held));
    }

    /// Walks over spacings and how many there are. Unit: milliseconds.
    pub(super) fn each(&self) -> impl Iterator<Item = (i64, u64)> {
        let (low, run) = (self.low, u64::from(self.run));
        let step = self.uneven.as_ref().map_or(low..=low, |uneven| {
            let (low, high) = uneven.counts.bounds(low);
            low..=high
        });
        let counted = self.uneven.iter().flat_map(|uneven| uneven.counts.each());
        let counted = counted.map(move |(spacing, many)| {
            // The run is of a step that has an entry.
            (spacing, if step.contains(&spacing) { many + run } else { many })
        });
        counted.chain((self.uneven.is_none() && run > 0).then_some((low, run)))
    }

    /// Returns the usual spacing: the median, exact to a sixteenth, and to the millisecond where few differ; none where
    /// there are fewer than four.
    pub(super) fn usual(&self) -> Option<Millis> {
        median(self.each().collect())
    }

    /// Returns how many gaps there are: silences of more than 2.5 times the usual spacing.
    pub(super) fn gaps(&self) -> u64 {
        let Some(usual) = self.usual().filter(|_| self.uneven.is_some()) else { return 0 };
        self.each().filter(|(spacing, _)| is_gap(Millis(*spacing), usual)).map(|(_, many)| many).sum()
    }

    /// Returns the longest four of them: the samples before and after.
    pub(super) fn longest_gaps(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let usual = self.uneven.as_ref().and_then(|_| self.usual()).unwrap_or(Millis(i64::MAX));
        let held = self.uneven.iter().flat_map(|uneven| &uneven.longest);
        let gaps = held.filter(move |(spacing, _)| is_gap(Millis(*spacing), usual));
        gaps.map(|(spacing, from)| (*from, from.plus(Millis(*spacing))))
    }

    /// Returns the one spacing of a series in step; none where spacings differ or there are fewer than two.
    pub(super) fn even(&self) -> Option<Millis> {
        (self.uneven.is_none() && self.run > 1).then_some(Millis(self.low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(spacings: &[i64]) -> Spacings {
        let mut all = Spacings::NEW;
        let mut at = Timestamp(0);
        all.see(at);
        for spacing in spacings {
            at = at.plus(Millis(*spacing));
            all.see(at);
            all.see(at);
        }
        all
    }

    fn check(spacings: &[i64], usual: Option<i64>, gaps: u64, even: Option<i64>) {
        let all = series(spacings);
        assert_eq!((all.usual(), all.gaps(), all.even()), (usual.map(Millis), gaps, even.map(Millis)), "{spacings:?}");
        assert_eq!(all.longest_gaps().count() as u64, gaps.min(4), "{spacings:?}");
        assert_eq!(all.each().map(|(_, many)| many).sum::<u64>(), spacings.len() as u64, "{spacings:?}");
    }

    #[test]
    fn the_usual_spacing_is_the_median_and_makes_gaps() {
        check(&[], None, 0, None);
        check(&[10], None, 0, None);
        check(&[10, 10, 10], None, 0, Some(10));
        check(&[15_000; 9], Some(15_000), 0, Some(15_000));
        check(&[15_000, 15_000, 30_000, 15_000, 45_000, 15_000], Some(15_000), 1, None);
        check(&[60_001, 59_990, 60_002, 60_000, 60_003, 900_000], Some(60_001), 1, None);
        check(&[1, 1, 1, 1, 1, 1, 1, 3, 4, 5, 6, 7], Some(1), 5, None);
        check(&[900, 900, 15, 15, 15, 15, 15, 15], Some(15), 2, None);
        // The last spacings are no more than those before them.
        check(&[50, 50, 50, 50, 50, 60, 60], Some(50), 0, None);
    }

    #[test]
    fn the_longest_gaps_are_held_wherever_they_stand() {
        let mut spacings = vec![10; 20];
        for (place, length) in [(3, 100), (4, 100), (9, 300), (15, 200), (19, 400)] {
            spacings[place] = length;
        }
        let gaps: Vec<_> = series(&spacings).longest_gaps().map(|(from, to)| (from.0, to.since(from).0)).collect();
        assert_eq!(gaps, [(850, 400), (270, 300), (620, 200), (30, 100)]);
        let lengths =
            |spacings: &[i64]| -> Vec<_> { series(spacings).longest_gaps().map(|(from, to)| (from.0, to.0)).collect() };
        assert_eq!(lengths(&[900, 900, 15, 15, 15, 15, 15, 15]), [(0, 900), (900, 1800)]);
    }

    #[test]
    fn a_series_in_step_takes_little() {
        assert!(size_of::<Spacings>() <= 48, "{}", size_of::<Spacings>());
        assert!(series(&[10; 99]).uneven.is_none());
    }
}
