//! Start timestamps: since when a sample counts what it counts. They stand beside the columns of the series that have any.

use crate::time::Timestamp;

use super::{Batch, Conflicts, Series, SeriesId, Store};

/// The time of a sample, and its start timestamp.
type Start = (Timestamp, Timestamp);

/// The start timestamps of one series, by the times of its samples.
#[derive(Clone, Copy, Debug, Default)]
pub struct Starts<'a>(&'a [Start]);

impl Starts<'_> {
    /// Returns the start timestamp of the sample at a time, if it is known. Cost: a binary search.
    #[must_use]
    pub fn of(self, time: Timestamp) -> Option<Timestamp> {
        self.0.binary_search_by_key(&time, |(time, _)| *time).ok().map(|at| self.0[at].1)
    }

    /// Returns whether none is known.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// The start timestamps that a series holds, ascending by time: those that are known, of samples that are held.
#[derive(Debug, Default)]
pub(super) struct Known(Vec<Start>);

impl Known {
    fn put(&mut self, (time, start): Start, conflicts: Conflicts) {
        let at = self.0.partition_point(|(other, _)| *other < time);
        match self.0.get_mut(at) {
            Some(known) if known.0 == time => {
                if conflicts == Conflicts::Last {
                    known.1 = start;
                }
            }
            _ => self.0.insert(at, (time, start)),
        }
    }
}

impl Batch {
    /// Says since when the sample counts that was added last. The epoch stands for a time that is not known.
    ///
    /// Source: Prometheus, which keeps 0 where a sample came without a start timestamp.
    pub fn set_start(&mut self, start: Timestamp) {
        if let Some(row) = self.times.len().checked_sub(1)
            && start != Timestamp(0)
        {
            self.starts.push((row, start));
        }
    }
}

impl Store {
    /// Returns whether any sample ever had a start timestamp.
    #[must_use]
    pub fn has_starts(&self) -> bool {
        self.has_starts
    }

    /// Returns the start timestamps of the samples that are held of a series.
    #[must_use]
    pub fn starts(&self, id: SeriesId) -> Starts<'_> {
        Starts(self.series[id.0 as usize].starts.as_ref().map_or(&[], |known| &known.0))
    }

    /// Takes the start timestamps of a batch. Of two for one sample the first counts, or the last where conflicts are
    /// settled so.
    pub(super) fn take_starts(&mut self, batch: &Batch) {
        for (row, start) in &batch.starts {
            let series = &mut self.series[batch.series[*row].0 as usize];
            if series.wanted {
                series.starts.get_or_insert_default().put((batch.times[*row], *start), self.conflicts);
                self.has_starts = true;
            }
        }
    }
}

impl Series {
    /// Drops the start timestamps of samples that are not held any more, once they are half of all.
    #[cold]
    pub(super) fn evict_starts(&mut self) {
        let Self { starts, held, times, head, .. } = self;
        let Some(Known(known)) = starts.as_deref_mut() else { return };
        let first = times.get(*head).copied().unwrap_or(Timestamp::MAX);
        if known.partition_point(|(time, _)| *time < first) * 2 > known.len() {
            known.retain(|(time, _)| *time >= first || held.iter().any(|stretch| stretch.holds(*time)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{LabelSet, Matcher};
    use crate::store::{Hidden, Reach};
    use crate::time::Millis;

    /// Makes a store that holds the samples of one series up to so long before what was evaluated.
    fn store(conflicts: Conflicts, back: i64) -> (Store, SeriesId) {
        let mut store = Store::new(conflicts);
        store.select(&[Matcher::equal("__name__", "up")], Reach::back(Millis(back)), &Hidden::default());
        let id = store.series(&LabelSet::new([("__name__", "up")]));
        (store, id)
    }

    fn append(store: &mut Store, id: SeriesId, samples: &[(i64, i64)]) {
        let mut batch = Batch::default();
        for (time, start) in samples {
            batch.push(id, Timestamp(*time), 1.0, 0);
            batch.set_start(Timestamp(*start));
        }
        store.append(&batch).expect("in order");
    }

    fn check(store: &Store, id: SeriesId, expected: &[(i64, Option<i64>)]) {
        for (time, start) in expected {
            assert_eq!(store.starts(id).of(Timestamp(*time)).map(|start| start.0), *start, "at {time}");
        }
    }

    #[test]
    fn samples_know_since_when_they_count() {
        let (mut store, id) = store(Conflicts::Refuse, 100);
        append(&mut store, id, &[(10, 0)]);
        assert!(!store.has_starts() && store.starts(id).is_empty(), "the epoch is no start");
        append(&mut store, id, &[(20, 5), (30, 0), (40, -7)]);
        check(&store, id, &[(10, None), (20, Some(5)), (30, None), (40, Some(-7)), (50, None)]);
        assert!(store.has_starts());
    }

    #[test]
    fn series_that_nobody_wants_have_no_starts() {
        let (mut store, _) = store(Conflicts::Refuse, 100);
        let other = store.series(&LabelSet::new([("__name__", "down")]));
        append(&mut store, other, &[(10, 5)]);
        assert!(!store.has_starts() && store.starts(other).is_empty());
    }

    #[test]
    fn of_two_for_one_sample_one_counts() {
        for (conflicts, expected) in [(Conflicts::Refuse, 5), (Conflicts::First, 5), (Conflicts::Last, 6)] {
            let (mut store, id) = store(conflicts, 100);
            append(&mut store, id, &[(10, 5), (10, 6), (20, 15)]);
            check(&store, id, &[(10, Some(expected)), (20, Some(15))]);
        }
    }

    #[test]
    fn they_go_with_their_samples() {
        let (mut store, id) = store(Conflicts::Refuse, 100);
        for time in 1..10_000 {
            append(&mut store, id, &[(time, time - 1)]);
            store.evict(Timestamp(time));
            let held = store.samples(id, Timestamp(time - 100), Timestamp(time)).times;
            assert!(held.iter().all(|at| store.starts(id).of(*at).is_some() || at.0 == 1));
        }
        assert!(store.starts(id).0.len() < 250);
    }

    #[test]
    fn they_stay_with_samples_that_are_held_for_good() {
        let mut store = Store::endless(Millis(10));
        let pinned = Reach { held: Some((Timestamp(5), Timestamp(20))), ..Reach::back(Millis(10)) };
        store.select(&[Matcher::equal("__name__", "up")], pinned, &Hidden::default());
        let id = store.series(&LabelSet::new([("__name__", "up")]));
        for time in (10..1_000).step_by(10) {
            append(&mut store, id, &[(time, time - 1)]);
            store.evict(Timestamp(time));
        }
        check(&store, id, &[(10, Some(9)), (20, Some(19)), (500, None), (990, Some(989))]);
    }

    #[test]
    fn a_cut_batch_has_the_starts_of_its_samples() {
        let (mut store, id) = store(Conflicts::Refuse, 100);
        let mut batch = Batch::default();
        batch.set_start(Timestamp(1));
        for time in [10, 20] {
            batch.push(id, Timestamp(time), 1.0, 0);
            batch.set_start(Timestamp(time - 1));
        }
        batch.truncate(1);
        batch.push(id, Timestamp(20), 1.0, 0);
        store.append(&batch).expect("in order");
        check(&store, id, &[(10, Some(9)), (20, None)]);
        batch.clear();
        batch.push(id, Timestamp(30), 1.0, 0);
        store.append(&batch).expect("in order");
        check(&store, id, &[(30, None)]);
    }
}
