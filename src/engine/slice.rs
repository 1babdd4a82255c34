//! The slots and rows of a stretch of time that is evaluated at once.

use crate::store::{LabelSetId, RowsId, Store};
use crate::time::Timestamp;

/// Where the evaluation at rows stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowClock {
    /// Who reads the rows of the recording.
    pub rows_id: RowsId,
    /// All rows up to this time were evaluated.
    pub done: Timestamp,
    /// The first row and the last one.
    pub range: Option<(Timestamp, Timestamp)>,
    pub rows: u64,
}

impl RowClock {
    /// Makes one that has evaluated nothing.
    pub(crate) fn new(rows_id: RowsId) -> Self {
        Self { rows_id, done: Timestamp::MIN, range: None, rows: 0 }
    }

    /// Records rows, ascending by time.
    fn take(&mut self, rows: &[(Timestamp, LabelSetId)]) {
        if let (Some((first, _)), Some((last, _))) = (rows.first(), rows.last()) {
            self.range = Some((self.range.map_or(*first, |range| range.0), *last));
            self.rows += rows.len() as u64;
        }
    }
}

/// The rows of a slice, by time and by label set.
#[derive(Debug, Default)]
pub(crate) struct RowSlice {
    /// By time and label set.
    pub ordered: Vec<(Timestamp, LabelSetId)>,
    /// The label sets that have rows, ascending, and the end of their times in `times`.
    streams: Vec<(LabelSetId, usize)>,
    times: Vec<Timestamp>,
    by_label_set: Vec<(LabelSetId, Timestamp)>,
}

impl RowSlice {
    /// Takes the rows of a recording after those that were taken, up to a time. Cost: a sort of rows that mostly are in
    /// order.
    pub(crate) fn take(&mut self, recording: &Store, clock: &mut RowClock, to: Timestamp) {
        self.ordered.clear();
        self.streams.clear();
        self.times.clear();
        self.by_label_set.clear();
        self.ordered.extend(recording.rows(clock.rows_id, clock.done, to));
        clock.done = clock.done.max(to);
        clock.take(&self.ordered);
        self.ordered.sort_unstable();
        self.by_label_set.extend(self.ordered.iter().map(|(time, id)| (*id, *time)));
        self.by_label_set.sort_unstable();
        for (id, time) in &self.by_label_set {
            self.times.push(*time);
            match self.streams.last_mut().filter(|(last, _)| last == id) {
                Some((_, end)) => *end = self.times.len(),
                None => self.streams.push((*id, self.times.len())),
            }
        }
    }

    /// Walks over the label sets with their times.
    pub(crate) fn streams(&self) -> impl Iterator<Item = (LabelSetId, &[Timestamp])> {
        let mut from = 0;
        self.streams.iter().map(move |(id, end)| (*id, &self.times[std::mem::replace(&mut from, *end)..*end]))
    }
}

/// The times of a stretch at which rules are evaluated.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    /// By schedule.
    pub slots: Vec<Vec<Timestamp>>,
    pub rows: RowSlice,
}
