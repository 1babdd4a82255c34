//! How often samples come, and when none did: cheap enough to be kept of every series.

use crate::time::{Millis, Timestamp};

use super::{SeriesId, Store};

/// The fewest spacings that tell a usual one.
const FEWEST: u64 = 4;
/// How many of the longest silences of a recording are held.
const SILENCES: usize = 16;

/// How often a series has samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spacing {
    /// The usual time between two samples: the most frequent one, taken as equal within a sixteenth; none where there
    /// are fewer than four.
    pub usual: Option<Millis>,
    /// The longest time between two: the sample before and the one after.
    pub longest: Option<(Timestamp, Timestamp)>,
}

/// Spacings of one series as they go by: a vote for the usual one, and the longest. Cost: a few instructions a sample.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    usual: i64,
    votes: u32,
    longest: i64,
    longest_from: Timestamp,
}

impl Pace {
    /// Takes note of two samples, one after the other.
    pub(super) fn see(&mut self, last: Timestamp, time: Timestamp) {
        let spacing = time.since(last).0;
        if spacing > self.longest {
            self.longest = spacing;
            self.longest_from = last;
        }
        if self.votes == 0 {
            self.usual = spacing;
            self.votes = 1;
        } else if spacing.abs_diff(self.usual) <= self.usual.unsigned_abs() >> 4 {
            self.votes = self.votes.saturating_add(1);
        } else {
            self.votes -= 1;
        }
    }
}

/// The longest silences of a whole recording.
#[derive(Clone, Debug, Default)]
pub(super) struct Silences {
    latest: Option<Timestamp>,
    /// Longest first: length and last sample before.
    longest: Vec<(i64, Timestamp)>,
    disordered: bool,
}

impl Silences {
    /// Takes note of the times of a batch.
    pub(super) fn see(&mut self, times: &[Timestamp]) {
        for time in times {
            let latest = *self.latest.get_or_insert(*time);
            if *time > latest {
                let length = time.since(latest).0;
                if self.longest.len() < SILENCES || self.longest[SILENCES - 1].0 < length {
                    let at = self.longest.partition_point(|(other, _)| *other >= length);
                    self.longest.insert(at, (length, latest));
                    self.longest.truncate(SILENCES);
                }
                self.latest = Some(*time);
            } else if *time < latest {
                self.disordered = true;
            }
        }
    }
}

impl Store {
    /// Returns how often a series has samples.
    #[must_use]
    pub fn spacing(&self, id: SeriesId) -> Spacing {
        let series = &self.series[id.0 as usize];
        let pace = &series.pace;
        let spacings = series.facts.samples.saturating_sub(1);
        Spacing {
            usual: (spacings >= FEWEST).then_some(Millis(pace.usual)),
            longest: (spacings > 0).then(|| (pace.longest_from, pace.longest_from.plus(Millis(pace.longest)))),
        }
    }

    /// Returns the longest stretches without any sample, longest first: the last sample before and the first one after.
    /// None are known of a recording that did not come in time order.
    pub fn silences(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let known = self.silences.longest.iter().filter(|_| !self.silences.disordered);
        known.map(|(length, from)| (*from, from.plus(Millis(*length))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::LabelSet;
    use crate::store::Batch;

    fn check(times: &[i64], usual: Option<i64>, longest: Option<(i64, i64)>) -> Store {
        let mut store = Store::default();
        let a = store.series(&LabelSet::new([("__name__", "a")]));
        let mut batch = Batch::default();
        times.iter().for_each(|time| batch.push(a, Timestamp(*time), 1.0, 0));
        store.append(&batch).expect("in order");
        let longest = longest.map(|(from, to)| (Timestamp(from), Timestamp(to)));
        assert_eq!(store.spacing(a), Spacing { usual: usual.map(Millis), longest }, "{times:?}");
        store
    }

    #[test]
    fn the_usual_spacing_is_the_most_frequent() {
        check(&[5], None, None);
        check(&[0, 10, 20, 30], None, Some((0, 10)));
        check(&[0, 10, 20, 30, 40], Some(10), Some((0, 10)));
        check(&[0, 1000, 2001, 2999, 9000, 10_000], Some(1000), Some((2999, 9000)));
    }

    #[test]
    fn silences_are_those_of_all_series() {
        let mut store = check(&[0, 10, 20, 90, 100], Some(10), Some((20, 90)));
        assert_eq!(store.silences().next(), Some((Timestamp(20), Timestamp(90))));
        let b = store.series(&LabelSet::new([("__name__", "b")]));
        let mut batch = Batch::default();
        batch.push(b, Timestamp(50), 1.0, 0);
        store.append(&batch).expect("another series");
        assert_eq!(store.silences().next(), None);
    }
}
