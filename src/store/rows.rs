//! Rows: which label sets have a sample, and when. Rules may be evaluated at them.

use hashbrown::HashMap;

use super::{Hidden, Series, SeriesId, Store, is_stale};
use crate::labels::LabelSet;
use crate::time::Timestamp;

/// Names a label set (metric name aside) of one store that keeps rows; given out in the order of first appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelSetId(pub u32);

/// Names a reader of label sets and their rows that was registered with one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowsId(u32);

/// The label sets of a store, and who wants to know of them.
#[derive(Default)]
pub(super) struct RowLog {
    /// By label set.
    labels: Vec<LabelSet>,
    by_labels: HashMap<LabelSet, LabelSetId, foldhash::fast::FixedState>,
    /// By series.
    of_series: Vec<LabelSetId>,
    readers: Vec<Reader>,
    /// Rows of label sets that have ended, ascending by time.
    lingering: Vec<(Timestamp, LabelSetId)>,
}

/// What one reader sees: label sets with their series and their rows.
struct Reader {
    hidden: Hidden,
    /// Whether rows are kept, or label sets only.
    logs: bool,
    /// By label set, in the order they appeared: the series that are not hidden.
    series: Vec<Vec<SeriesId>>,
    /// By label set: the newest row.
    newest: Vec<Timestamp>,
    /// By series; absent for hidden ones.
    of_series: Vec<Option<LabelSetId>>,
    /// From `head` on, by time.
    log: Vec<(Timestamp, LabelSetId)>,
    head: usize,
    /// Whether a row came that is earlier than the one before it.
    unsorted: bool,
}

impl RowLog {
    /// Records a new series.
    pub(super) fn add(&mut self, id: SeriesId, labels: &LabelSet) {
        debug_assert_eq!(id.0 as usize, self.of_series.len(), "series are met in the order of their ids");
        let own = labels.without_metric();
        let next = LabelSetId(u32::try_from(self.labels.len()).unwrap_or(u32::MAX));
        let at = *self.by_labels.entry(own.clone()).or_insert(next);
        if at == next {
            self.labels.push(own);
        }
        self.of_series.push(at);
        for reader in &mut self.readers {
            reader.add(id, at, labels);
        }
    }

    /// Records an accepted sample.
    #[inline]
    pub(super) fn see(&mut self, id: SeriesId, time: Timestamp) {
        for reader in &mut self.readers {
            reader.see(id, time);
        }
    }

    /// Walks over the series of a label set that any reader sees.
    pub(super) fn series(&self, id: LabelSetId) -> impl Iterator<Item = &SeriesId> {
        self.readers.iter().filter_map(move |reader| reader.series.get(id.0 as usize)).flatten()
    }

    /// Brings the rows in order. Cost: nothing where samples come in the order of time.
    pub(super) fn sort(&mut self) {
        self.readers.iter_mut().for_each(Reader::sort);
    }

    /// Forgets the rows up to a time.
    pub(super) fn evict(&mut self, evaluated: Timestamp) {
        self.readers.iter_mut().for_each(|reader| reader.evict(evaluated));
        if !self.lingering.is_empty() {
            let over = self.lingering.partition_point(|row| row.0 <= evaluated);
            self.lingering.drain(..over);
        }
    }

    /// Forgets who wants to know of rows.
    pub(super) fn forget_readers(&mut self) {
        self.readers.clear();
    }
}

impl Reader {
    fn new(hidden: &Hidden, logs: bool) -> Self {
        Self {
            hidden: hidden.clone(),
            logs,
            series: Vec::new(),
            newest: Vec::new(),
            of_series: Vec::new(),
            log: Vec::new(),
            head: 0,
            unsorted: false,
        }
    }

    fn add(&mut self, id: SeriesId, at: LabelSetId, labels: &LabelSet) {
        if self.hidden.contains(labels.metric().unwrap_or("")) {
            self.of_series.push(None);
            return;
        }
        let index = at.0 as usize;
        if self.series.len() <= index {
            self.series.resize_with(index + 1, Vec::new);
            self.newest.resize(index + 1, Timestamp::MIN);
        }
        self.series[index].push(id);
        self.of_series.push(Some(at));
    }

    #[inline]
    fn see(&mut self, id: SeriesId, time: Timestamp) {
        let Some(at) = self.of_series[id.0 as usize].filter(|_| self.logs) else { return };
        // Of the samples of a row all but one find it there.
        if self.newest[at.0 as usize] != time {
            self.log_row(at, time);
        }
    }

    fn log_row(&mut self, at: LabelSetId, time: Timestamp) {
        let newest = &mut self.newest[at.0 as usize];
        *newest = time.max(*newest);
        self.unsorted |= self.log.last().is_some_and(|last| last.0 > time);
        self.log.push((time, at));
    }

    fn sort(&mut self) {
        if !std::mem::take(&mut self.unsorted) {
            return;
        }
        // Most are in order already, which this sort makes use of.
        self.log[self.head..].sort();
        let kept = self.log.split_off(self.head);
        self.log.extend(kept);
        self.log.dedup();
    }

    fn evict(&mut self, evaluated: Timestamp) {
        let live = &self.log[self.head..];
        if live.first().is_none_or(|first| first.0 > evaluated) {
            return;
        }
        if self.log.last().is_some_and(|last| last.0 <= evaluated) {
            self.log.clear();
            self.head = 0;
            return;
        }
        self.head += live.partition_point(|row| row.0 <= evaluated);
        if self.head * 2 > self.log.len() {
            self.log.drain(..self.head);
            self.head = 0;
        }
    }

    /// Returns the rows with `after < time <= to`.
    fn within(&self, after: Timestamp, to: Timestamp) -> &[(Timestamp, LabelSetId)] {
        within(&self.log[self.head..], after, to)
    }

    /// Records the samples that a series still holds, its stale markers among them where they are rows.
    fn see_held(&mut self, id: SeriesId, series: &Series, markers: bool) {
        let held = series.times[series.head..].iter().zip(&series.values[series.head..]);
        held.filter(|(_, value)| markers || !is_stale(**value)).for_each(|(time, _)| self.see(id, *time));
    }
}

/// Returns the rows with `after < time <= to`. Cost: two comparisons where these are all, else two binary searches.
fn within(rows: &[(Timestamp, LabelSetId)], after: Timestamp, to: Timestamp) -> &[(Timestamp, LabelSetId)] {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return &[] };
    if first.0 > after && last.0 <= to {
        return rows;
    }
    let low = rows.partition_point(|row| row.0 <= after);
    &rows[low..low + rows[low..].partition_point(|row| row.0 <= to)]
}

impl Store {
    /// Keeps from now on which label sets have a sample when, for a reader that does not see some metrics. Of what came
    /// before, the rows of samples that are still held are known. Readers that see the same are one.
    pub fn keep_rows(&mut self, hidden: &Hidden) -> RowsId {
        self.keep(hidden, true)
    }

    /// Keeps from now on which series share a label set, and no rows.
    pub fn keep_label_sets(&mut self) -> RowsId {
        self.keep(&Hidden::default(), false)
    }

    fn keep(&mut self, hidden: &Hidden, logs: bool) -> RowsId {
        let mut log = self.row_log.take().unwrap_or_default();
        for id in self.ids().skip(log.of_series.len()) {
            log.add(id, self.labels(id));
        }
        for (time, labels) in self.lingering.drain(..) {
            log.lingering.extend(log.by_labels.get(&labels).map(|id| (time, *id)));
        }
        let same = |reader: &Reader| (&reader.hidden, reader.logs) == (hidden, logs);
        let at = log.readers.iter().position(same).unwrap_or_else(|| {
            let mut reader = Reader::new(hidden, logs);
            for ((id, series), at) in self.ids().zip(&self.series).zip(&log.of_series) {
                reader.add(id, *at, &series.labels);
                reader.see_held(id, series, self.history.is_some());
            }
            reader.sort();
            log.readers.push(reader);
            log.readers.len() - 1
        });
        self.row_log = Some(log);
        RowsId(u32::try_from(at).unwrap_or(u32::MAX))
    }

    fn row_reader(&self, id: RowsId) -> Option<&Reader> {
        self.row_log.as_ref()?.readers.get(id.0 as usize)
    }

    /// Returns the rows with `after < time <= to`, each once, by time: a label set with at least one sample at
    /// that time. Those up to the latest [`Store::evict`] are gone. Cost: two binary searches.
    #[must_use]
    pub fn rows(&self, reader: RowsId, after: Timestamp, to: Timestamp) -> &[(Timestamp, LabelSetId)] {
        self.row_reader(reader).map_or(&[], |reader| reader.within(after, to))
    }

    /// Records a row of a label set that has ended, later than all of them: rules with an alert on it are evaluated there.
    pub(crate) fn linger(&mut self, id: LabelSetId, time: Timestamp) {
        if let Some(log) = &mut self.row_log {
            log.lingering.push((time, id));
        }
    }

    /// Returns the rows of label sets that have ended, with `after < time <= to`, by time.
    #[must_use]
    pub(crate) fn lingering(&self, after: Timestamp, to: Timestamp) -> &[(Timestamp, LabelSetId)] {
        self.row_log.as_ref().map_or(&[], |log| within(&log.lingering, after, to))
    }

    /// Returns the rows of label sets that have ended, for another store.
    pub(crate) fn lingering_labels(&self) -> Vec<(Timestamp, LabelSet)> {
        let all = self.lingering(Timestamp::MIN, Timestamp::MAX).iter();
        all.filter_map(|(time, id)| Some((*time, self.label_set(*id)?.clone()))).collect()
    }

    /// Takes the rows of label sets that have ended, before rows are kept.
    pub(crate) fn take_lingering(&mut self, rows: Vec<(Timestamp, LabelSet)>) {
        self.lingering = rows;
    }

    /// Returns the labels that all series of a label set have, metric name aside.
    #[must_use]
    pub fn label_set(&self, id: LabelSetId) -> Option<&LabelSet> {
        Some(&self.row_log.as_ref()?.labels[id.0 as usize])
    }

    /// Returns the series of a label set that a reader sees, in the order they appeared; the list only grows.
    #[must_use]
    pub fn series_of(&self, rows: RowsId, id: LabelSetId) -> &[SeriesId] {
        self.row_reader(rows).and_then(|reader| reader.series.get(id.0 as usize)).map_or(&[], Vec::as_slice)
    }

    /// Returns the label set of a series, where rows are kept.
    pub(crate) fn label_set_of(&self, id: SeriesId) -> Option<LabelSetId> {
        self.row_log.as_ref()?.of_series.get(id.0 as usize).copied()
    }

    /// Returns the number of a label set, if any series has it.
    #[must_use]
    pub fn find_label_set(&self, labels: &LabelSet) -> Option<LabelSetId> {
        self.row_log.as_ref()?.by_labels.get(labels).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Batch, Conflicts, stale_marker};

    /// Appends rows of (series, time) in batches; checks the rows as (time, label) of one who does not see `hidden`.
    fn check(batches: &[&[(&str, &str, i64)]], expected: &[(i64, &str)]) {
        let hidden = Hidden::of(["hidden"].into_iter());
        let mut store = Store::new(Conflicts::First);
        store.keep_all();
        let reader = store.keep_rows(&hidden);
        let other = store.keep_rows(&Hidden::default());
        for rows in batches {
            let mut batch = Batch::default();
            for (metric, host, time) in *rows {
                let value = if *metric == "ended" { stale_marker() } else { 1.0 };
                let id = store.series(&LabelSet::new([("__name__", *metric), ("host", *host)]));
                batch.push(id, Timestamp(*time), value, 0);
            }
            store.append(&batch).expect("in order");
        }
        let host = |id: &LabelSetId| store.label_set(*id).and_then(|labels| labels.get("host")).unwrap_or("");
        let found = |store: &Store, reader| {
            let rows = store.rows(reader, Timestamp::MIN, Timestamp::MAX).iter();
            let mut found: Vec<_> = rows.map(|(time, id)| (time.0, host(id).to_owned())).collect();
            found.sort_unstable();
            found
        };
        let seen: Vec<_> = expected.iter().map(|(time, host)| (*time, (*host).to_owned())).collect();
        assert_eq!(found(&store, reader), seen);
        let mut names = batches.iter().flat_map(|rows| rows.iter()).map(|(metric, ..)| *metric);
        assert_eq!(found(&store, other).len() > expected.len(), names.any(|name| name == "hidden"));
        let middle = Timestamp(2);
        assert!(store.rows(reader, middle, Timestamp::MAX).iter().all(|(time, _)| *time > middle));
        store.evict(middle);
        assert_eq!(store.rows(reader, Timestamp::MIN, middle), []);
    }

    #[test]
    fn a_label_set_has_one_row_a_time() {
        check(
            &[&[("m", "a", 1), ("n", "a", 1), ("m", "b", 1)], &[("n", "b", 1), ("m", "a", 2)]],
            &[(1, "a"), (1, "b"), (2, "a")],
        );
        check(&[&[("m", "a", 1), ("hidden", "a", 2), ("ended", "a", 3), ("m", "a", 4)]], &[(1, "a"), (4, "a")]);
    }

    #[test]
    fn one_who_comes_later_knows_the_rows_of_what_is_held() {
        let mut store = Store::new(Conflicts::First);
        store.keep_all();
        let first = store.keep_rows(&Hidden::default());
        for (metric, time) in [("m", 1), ("n", 1), ("n", 2)] {
            let id = store.series(&LabelSet::new([("__name__", metric), ("host", "a")]));
            let mut batch = Batch::default();
            batch.push(id, Timestamp(time), 1.0, 0);
            store.append(&batch).expect("in order");
        }
        let later = store.keep_rows(&Hidden::of(["n"].into_iter()));
        let count = |store: &Store, reader| store.rows(reader, Timestamp::MIN, Timestamp::MAX).len();
        assert_eq!((count(&store, first), count(&store, later)), (2, 1));
        assert_eq!(store.series_of(later, LabelSetId(0)).len(), 1);
        assert_eq!(store.keep_rows(&Hidden::default()), first);
    }

    #[test]
    fn label_sets_are_known_without_rows() {
        let mut store = Store::default();
        let reader = store.keep_label_sets();
        let ids: Vec<_> =
            ["m", "n"].iter().map(|name| store.series(&LabelSet::new([("__name__", *name), ("host", "a")]))).collect();
        let mut batch = Batch::default();
        ids.iter().for_each(|id| batch.push(*id, Timestamp(1), 1.0, 0));
        store.append(&batch).expect("in order");
        let label_set = store.find_label_set(&LabelSet::new([("host", "a")])).expect("it is known");
        assert_eq!(store.series_of(reader, label_set), ids);
        assert_eq!(store.rows(reader, Timestamp::MIN, Timestamp::MAX), []);
    }

    #[test]
    fn series_after_series_gives_the_same_rows() {
        check(
            &[&[("m", "a", 1), ("m", "a", 2), ("m", "a", 4)], &[("n", "a", 2), ("n", "a", 3), ("n", "a", 4)]],
            &[(1, "a"), (2, "a"), (3, "a"), (4, "a")],
        );
    }
}
