//! The times at which a store has a sample. Rules may be evaluated at them.

use crate::time::Timestamp;

use super::Store;

/// The times that are not evaluated yet, each once.
#[derive(Default)]
pub(super) struct TimeLog {
    /// From `head` on, ascending once they are sorted.
    times: Vec<Timestamp>,
    head: usize,
    /// Whether a time came that is earlier than the one before it.
    unsorted: bool,
}

impl TimeLog {
    /// Records the time of an accepted sample.
    pub(super) fn see(&mut self, time: Timestamp) {
        match self.times.last() {
            Some(last) if *last == time => return,
            Some(last) => self.unsorted |= *last > time,
            None => {}
        }
        self.times.push(time);
    }

    /// Brings the times in order. Cost: nothing where samples come in the order of time.
    pub(super) fn sort(&mut self) {
        if std::mem::take(&mut self.unsorted) {
            self.times.drain(..self.head);
            self.head = 0;
            self.times.sort_unstable();
            self.times.dedup();
        }
    }

    /// Forgets the times up to one.
    pub(super) fn evict(&mut self, evaluated: Timestamp) {
        self.head += self.times[self.head..].partition_point(|time| *time <= evaluated);
        if self.head * 2 > self.times.len() {
            self.times.drain(..self.head);
            self.head = 0;
        }
    }
}

impl Store {
    /// Keeps from now on at which times there is a sample.
    pub fn keep_times(&mut self) {
        if self.times.is_none() {
            let mut log = TimeLog::default();
            let held = |series: &super::Series| series.times[series.head..].to_vec();
            self.series.iter().flat_map(held).for_each(|time| log.see(time));
            log.sort();
            self.times = Some(Box::new(log));
        }
    }

    /// Returns the times with `after < time <= to` at which there is a sample, ascending. Those up to the latest
    /// [`Store::evict`] are gone. Cost: two binary searches.
    #[must_use]
    pub fn times(&self, after: Timestamp, to: Timestamp) -> &[Timestamp] {
        let Some(log) = &self.times else { return &[] };
        let live = &log.times[log.head..];
        let low = live.partition_point(|time| *time <= after);
        let high = low + live[low..].partition_point(|time| *time <= to);
        &live[low..high]
    }

    /// Records a time at which nothing may have come.
    pub(crate) fn tick(&mut self, time: Timestamp) {
        if let Some(log) = &mut self.times {
            log.see(time);
            log.sort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::LabelSet;
    use crate::store::{Batch, Conflicts};

    #[test]
    fn each_time_comes_once_and_in_order() {
        let mut store = Store::new(Conflicts::First);
        store.keep_all();
        let [a, b] = ["a", "b"].map(|name| store.series(&LabelSet::new([("__name__", name)])));
        let append = |store: &mut Store, rows: &[(super::super::SeriesId, i64)]| {
            let mut batch = Batch::default();
            rows.iter().for_each(|(series, time)| batch.push(*series, Timestamp(*time), 1.0, 0));
            store.append(&batch).expect("in order");
        };
        append(&mut store, &[(a, 1), (a, 3)]);
        store.keep_times();
        append(&mut store, &[(a, 5), (a, 7), (b, 2), (b, 5), (b, 7)]);
        store.tick(Timestamp(9));
        let times = |store: &Store, after: i64, to: i64| {
            store.times(Timestamp(after), Timestamp(to)).iter().map(|time| time.0).collect::<Vec<_>>()
        };
        assert_eq!(times(&store, 0, 9), [1, 2, 3, 5, 7, 9]);
        assert_eq!(times(&store, 3, 7), [5, 7]);
        store.evict(Timestamp(5));
        assert_eq!(times(&store, 0, 9), [7, 9]);
    }
}
