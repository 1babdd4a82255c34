//! Counts of spacings in bounded memory.

use crate::time::Millis;

/// The fewest spacings that make a usual one.
pub(super) const FEWEST: u64 = 4;
/// Up to how many different spacings each is counted by itself, and from there on each 64th.
const EXACT: usize = 8;
/// Up to how many 64ths are counted, and from there on 16ths.
const FINE: usize = 32;

/// Counts of spacings by their length, exact where few are different, in steps of a 64th or 16th where many are.
///
/// Eight bytes an entry; a spacing of more than 49 days counts as one of 49 days.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// By length: one spacing of the step, and how many are in the step. Unit: milliseconds.
    entries: Vec<(u32, u32)>,
    step: Step,
}

/// How fine spacings are distinguished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Exact,
    Fine,
    Coarse,
}

impl Step {
    /// Returns the lowest and highest spacing of a step. Unit: milliseconds.
    fn bounds(self, spacing: u32) -> (u32, u32) {
        let kept = match self {
            Self::Exact => return (spacing, spacing),
            Self::Fine => 6,
            Self::Coarse => 4,
        };
        let dropped = spacing.checked_ilog2().unwrap_or(0).saturating_sub(kept);
        let low = spacing >> dropped << dropped;
        (low, low | ((1 << dropped) - 1))
    }
}

impl Counts {
    /// Counts a spacing so many times. Cost: a binary search. Unit: milliseconds.
    pub(super) fn add(&mut self, spacing: i64, many: u32) {
        let spacing = shortened(spacing);
        let step = self.step;
        let (low, _) = step.bounds(spacing);
        match self.entries.binary_search_by_key(&low, |(other, _)| step.bounds(*other).0) {
            Ok(at) => self.entries[at].1 = self.entries[at].1.saturating_add(many),
            Err(at) => {
                self.entries.insert(at, (spacing, many));
                self.coarsen();
            }
        }
    }

    /// Takes wider steps where there are too many entries.
    fn coarsen(&mut self) {
        self.step = match self.step {
            Step::Exact if self.entries.len() > EXACT => Step::Fine,
            Step::Fine if self.entries.len() > FINE => Step::Coarse,
            _ => return,
        };
        let step = self.step;
        let mut entries: Vec<(u32, u32)> = Vec::new();
        let mut most = 0;
        for (spacing, many) in self.entries.drain(..) {
            match entries.last_mut().filter(|last| step.bounds(last.0) == step.bounds(spacing)) {
                Some(last) => {
                    // What is most frequent stands for its step.
                    last.0 = if many > most { spacing } else { last.0 };
                    last.1 = last.1.saturating_add(many);
                    most = most.max(many);
                }
                None => {
                    entries.push((spacing, many));
                    most = many;
                }
            }
        }
        self.entries = entries;
        self.coarsen();
    }

    /// Returns the lowest and highest spacing that are counted as this one. Unit: milliseconds.
    pub(super) fn bounds(&self, spacing: i64) -> (i64, i64) {
        let (low, high) = self.step.bounds(shortened(spacing));
        (i64::from(low), if high == u32::MAX { i64::MAX } else { i64::from(high) })
    }

    /// Walks over spacings and how many there are, by length. Unit: milliseconds.
    pub(super) fn each(&self) -> impl Iterator<Item = (i64, u64)> {
        self.entries.iter().map(|(spacing, many)| (i64::from(*spacing), u64::from(*many)))
    }
}

fn shortened(spacing: i64) -> u32 {
    u32::try_from(spacing).unwrap_or(u32::MAX)
}

/// Returns the median of counted spacings, the lower one of two; none where there are fewer than four.
pub(super) fn median(mut counts: Vec<(i64, u64)>) -> Option<Millis> {
    let all: u64 = counts.iter().map(|(_, many)| many).sum();
    if all < FEWEST {
        return None;
    }
    counts.sort_unstable();
    let mut left = all.div_ceil(2);
    counts.into_iter().find_map(|(spacing, many)| {
        let found = many >= left;
        left = left.saturating_sub(many);
        found.then_some(Millis(spacing))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(spacings: impl IntoIterator<Item = i64>) -> Counts {
        let mut counts = Counts::default();
        spacings.into_iter().for_each(|spacing| counts.add(spacing, 1));
        counts
    }

    fn median_of(spacings: impl IntoIterator<Item = i64>) -> Option<Millis> {
        median(counted(spacings).each().collect())
    }

    #[test]
    fn few_different_spacings_are_exact() {
        assert_eq!(median_of([10, 10, 10]), None);
        assert_eq!(median_of([60_001, 59_990, 60_002, 60_000, 60_003, 900_000]), Some(Millis(60_001)));
        assert_eq!(median_of([i64::MAX; 4]), Some(Millis(i64::from(u32::MAX))));
    }

    #[test]
    fn many_different_spacings_are_near_and_take_little() {
        // Whole seconds of up to a minute are distinguished.
        assert_eq!(median_of((31..=62).chain(40..=60).map(|second| second * 1000)), Some(Millis(48_000)));
        let around = |range: std::ops::Range<i64>| {
            let counts = counted(range.map(|at| (at * 7919) % 60_000 + 30_000));
            (counts.entries.len(), median(counts.each().collect()).expect("many"))
        };
        let (entries, median) = around(0..60_000);
        assert!(entries <= 32 && (median.0 - 60_000).abs() < 60_000 / 16, "{entries} {median}");
    }

    #[test]
    fn jitter_of_milliseconds_is_one_step() {
        let jitter = [15_000, 15_001, 14_999, 15_000, 15_002, 14_998, 15_003, 15_000, 14_997, 15_004, 14_996, 15_005];
        let counts = counted(jitter);
        assert_eq!(counts.each().collect::<Vec<_>>(), [(15_000, 12)]);
    }

    #[test]
    fn steps_lie_side_by_side() {
        for step in [Step::Exact, Step::Fine, Step::Coarse] {
            let mut next = 0;
            for _ in 0..500 {
                let (low, high) = step.bounds(next);
                assert_eq!((low, step.bounds(high)), (next, (low, high)), "{step:?}");
                let Some(more) = high.checked_add(1) else { break };
                next = more;
            }
        }
    }
}
