//! How often a series has samples, over its whole length.

use crate::time::{Millis, Timestamp};

/// How many of the longest silences of a series are held.
const LONGEST: usize = 4;
/// The fewest spacings that tell a cadence.
const FEWEST: u64 = 4;

/// Counts of spacings by their length, in steps of a sixteenth, and the longest of them.
///
/// A series in step takes one entry, any series less than a thousand.
#[derive(Clone, Debug, Default)]
pub(super) struct Spacings {
    /// Sorted by the step: the step, the first spacing in it, and how many there are.
    counts: Vec<(u16, i64, u64)>,
    /// The last step that was counted.
    last: usize,
    /// Longest first: length and last sample before.
    longest: Vec<(i64, Timestamp)>,
    /// The one spacing of a series in step.
    step: Option<i64>,
    uneven: bool,
}

impl Spacings {
    /// Counts the time from a sample to the next.
    pub(super) fn add(&mut self, from: Timestamp, to: Timestamp) {
        let spacing = to.since(from).0;
        self.uneven |= self.step.is_some_and(|step| step != spacing);
        self.step = self.step.or(Some(spacing));
        if self.longest.len() < LONGEST || self.longest[LONGEST - 1].0 < spacing {
            let at = self.longest.partition_point(|(other, _)| *other >= spacing);
            self.longest.insert(at, (spacing, from));
            self.longest.truncate(LONGEST);
        }
        self.count(spacing, 1);
    }

    /// Adds the counts of another series.
    pub(super) fn merge(&mut self, other: &Self) {
        for (_, spacing, count) in &other.counts {
            self.count(*spacing, *count);
        }
    }

    fn count(&mut self, spacing: i64, many: u64) {
        let step = step(spacing);
        if let Some((last, _, count)) = self.counts.get_mut(self.last)
            && *last == step
        {
            *count += many;
            return;
        }
        match self.counts.binary_search_by_key(&step, |(step, ..)| *step) {
            Ok(at) => {
                self.counts[at].2 += many;
                self.last = at;
            }
            Err(at) => {
                self.counts.insert(at, (step, spacing, many));
                self.last = at;
            }
        }
    }

    /// Returns the median, exact to a sixteenth (and to the millisecond where all spacings near it are equal); none
    /// where there are fewer than four.
    pub(super) fn median(&self) -> Option<Millis> {
        let all: u64 = self.counts.iter().map(|(.., count)| count).sum();
        let mut left = (all / 2).max(1);
        for (_, spacing, count) in self.counts.iter().filter(|_| all >= FEWEST) {
            if *count >= left {
                return Some(Millis(*spacing));
            }
            left -= count;
        }
        None
    }

    /// Returns how many silences are longer than 2.5 times the median.
    pub(super) fn gaps(&self) -> u64 {
        let Some(median) = self.median() else { return 0 };
        self.counts.iter().filter(|(_, spacing, _)| is_gap(*spacing, median)).map(|(.., count)| count).sum()
    }

    /// Returns the longest of them: the samples before and after.
    pub(super) fn longest_gaps(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let median = self.median().unwrap_or(Millis(i64::MAX));
        let gaps = self.longest.iter().filter(move |(spacing, _)| is_gap(*spacing, median));
        gaps.map(|(spacing, from)| (*from, from.plus(Millis(*spacing))))
    }

    /// Returns the one spacing of a series in step; none where spacings differ or there are fewer than two.
    pub(super) fn even(&self) -> Option<Millis> {
        let several = self.counts.first().is_some_and(|(.., count)| *count > 1);
        self.step.filter(|_| !self.uneven && several).map(Millis)
    }

    /// Tells whether there is no spacing at all, or one only.
    pub(super) fn is_short(&self) -> bool {
        self.counts.iter().map(|(.., count)| count).sum::<u64>() < 2
    }
}

fn is_gap(spacing: i64, median: Millis) -> bool {
    spacing.saturating_mul(2) > median.0.saturating_mul(5)
}

/// Returns the step of a spacing: whole milliseconds below 32, sixteenths of a power of two above.
fn step(spacing: i64) -> u16 {
    let spacing = spacing.unsigned_abs();
    if spacing < 32 {
        return spacing as u16;
    }
    let power = spacing.ilog2();
    ((power - 3) * 16) as u16 + ((spacing >> (power - 4)) & 15) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spacings: &[i64], median: Option<i64>, gaps: u64, even: Option<i64>) {
        let mut all = Spacings::default();
        let mut at = Timestamp(0);
        for spacing in spacings {
            all.add(at, at.plus(Millis(*spacing)));
            at = at.plus(Millis(*spacing));
        }
        assert_eq!(
            (all.median(), all.gaps(), all.even()),
            (median.map(Millis), gaps, even.map(Millis)),
            "{spacings:?}"
        );
        assert_eq!(all.longest_gaps().count() as u64, gaps.min(4), "{spacings:?}");
    }

    #[test]
    fn the_median_tells_gaps() {
        check(&[10, 10, 10], None, 0, Some(10));
        check(&[15_000; 9], Some(15_000), 0, Some(15_000));
        check(&[15_000, 15_000, 30_000, 15_000, 45_000, 15_000], Some(15_000), 1, None);
        check(&[60_001, 59_990, 60_002, 60_000, 60_003, 900_000], Some(60_001), 1, None);
        check(&[1, 1, 1, 1, 1, 1, 1, 3, 4, 5, 6, 7], Some(1), 5, None);
    }

    #[test]
    fn steps_rise_with_spacings() {
        let mut last = 0;
        for spacing in (0..5000).chain([1 << 20, 1 << 40, i64::MAX]) {
            assert!(step(spacing) >= last && step(spacing) < 1000, "{spacing}");
            last = step(spacing);
        }
        assert_ne!(step(37_500), step(45_000));
    }
}
