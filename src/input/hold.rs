//! Rows of a recording that is not in time order, held whole and sorted.

use crate::store::{Batch, SeriesId, StreamId};
use crate::time::Timestamp;

struct Row {
    at: Timestamp,
    value: f64,
    place: u64,
    series: SeriesId,
}

/// Collects batches in any order, then hands them out in time order; rows of one time keep their order.
#[derive(Default)]
pub(super) struct Held {
    rows: Vec<Row>,
    snapshots: Vec<(StreamId, Timestamp)>,
    /// How many were handed out.
    next: (usize, usize),
}

impl Held {
    /// Takes the rows of a batch.
    pub(super) fn take(&mut self, batch: &mut Batch) {
        self.rows.extend((0..batch.len()).map(|at| Row {
            at: batch.times[at],
            value: batch.values[at],
            place: batch.rows[at],
            series: batch.series[at],
        }));
        self.snapshots.append(&mut batch.snapshots);
        batch.clear();
    }

    /// Sorts what was taken, once there is no more.
    pub(super) fn sort(&mut self) {
        self.rows.sort_by_key(|row| row.at);
        self.snapshots.sort_by_key(|(_, at)| *at);
    }

    /// Fills a batch; false when nothing is left after it.
    pub(super) fn fill(&mut self, batch: &mut Batch, batch_rows: usize) -> bool {
        let end = self.rows.len().min(self.next.0 + batch_rows);
        for row in &self.rows[self.next.0..end] {
            batch.push(row.series, row.at, row.value, row.place);
        }
        let more = end < self.rows.len();
        let newest = batch.times.last().copied().filter(|_| more).unwrap_or(Timestamp::MAX);
        let left = &self.snapshots[self.next.1..];
        let count = left.partition_point(|(_, at)| *at <= newest);
        batch.snapshots.extend_from_slice(&left[..count]);
        self.next = (end, self.next.1 + count);
        more
    }
}
