//! The slots and rows of a stretch of time that is evaluated at once.

use crate::store::LabelSetId;
use crate::time::Timestamp;

/// The rows of a slice, by time and by label set.
#[derive(Debug, Default)]
pub(crate) struct RowSlice {
    /// By time and label set.
    pub ordered: Vec<(Timestamp, LabelSetId)>,
    /// The label sets that have rows, ascending, and the end of their times in `times`.
    streams: Vec<(LabelSetId, usize)>,
    times: Vec<Timestamp>,
    by_label_set: Vec<(LabelSetId, Timestamp)>,
    /// Those of them that are of label sets that have ended, ascending.
    lingering: Vec<(LabelSetId, Timestamp)>,
}

impl RowSlice {
    /// Drops all rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.ordered.clear();
        self.streams.clear();
        self.times.clear();
        self.by_label_set.clear();
        self.lingering.clear();
    }

    /// Returns the times of the first row and the last one.
    pub(crate) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.ordered.first()?.0, self.ordered.last()?.0))
    }

    /// Takes rows, ascending by time, where there are none, and those of label sets that have ended. Cost: a sort of rows
    /// that mostly are in order.
    pub(crate) fn take(&mut self, rows: &[(Timestamp, LabelSetId)], lingering: &[(Timestamp, LabelSetId)]) {
        if let ([(time, id)], []) = (rows, lingering) {
            self.ordered.push((*time, *id));
            self.times.push(*time);
            return self.streams.push((*id, 1));
        }
        self.ordered.extend_from_slice(rows);
        self.ordered.extend_from_slice(lingering);
        self.lingering.extend(lingering.iter().map(|(time, id)| (*id, *time)));
        self.lingering.sort_unstable();
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

    /// Returns whether a row is of a label set that has ended: then only rules that have an alert on it are evaluated.
    pub(crate) fn lingers(&self, id: LabelSetId, time: Timestamp) -> bool {
        !self.lingering.is_empty() && self.lingering.binary_search(&(id, time)).is_ok()
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
    /// By schedule.
    pub rows: Vec<RowSlice>,
}

impl Slice {
    /// Makes room for so many schedules.
    pub(crate) fn fit(&mut self, schedules: usize) {
        if self.slots.len() != schedules {
            self.slots.resize_with(schedules, Vec::new);
            self.rows.resize_with(schedules, Default::default);
        }
    }
}
