//! Which label sets have a row, and when: the events that rules may be evaluated at.

use hashbrown::HashMap;

use super::{SeriesId, Store};
use crate::labels::LabelSet;
use crate::time::Timestamp;

/// Names a label set (metric name aside) of one store that keeps events; given out in the order of first appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelSetId(pub u32);

/// Series that share their labels, metric name aside.
struct Kin {
    labels: LabelSet,
    /// In the order they appeared; hidden ones are left out.
    series: Vec<SeriesId>,
    /// The newest event.
    newest: Timestamp,
}

/// The label sets of a store and their events.
#[derive(Default)]
pub(super) struct Events {
    /// Whether events are kept, or label sets only.
    logs: bool,
    kin: Vec<Kin>,
    by_labels: HashMap<LabelSet, LabelSetId, foldhash::fast::FixedState>,
    /// By series; absent for hidden ones.
    of_series: Vec<Option<LabelSetId>>,
    /// From `head` on, by time.
    log: Vec<(Timestamp, LabelSetId)>,
    head: usize,
    /// Whether an event came that is earlier than the one before it.
    unsorted: bool,
}

impl Events {
    /// Takes note of a new series.
    pub(super) fn add(&mut self, id: SeriesId, labels: &LabelSet, hidden: bool) {
        debug_assert_eq!(id.0 as usize, self.of_series.len(), "series are met in the order of their ids");
        if hidden {
            self.of_series.push(None);
            return;
        }
        let own = labels.without_metric();
        let next = LabelSetId(u32::try_from(self.kin.len()).unwrap_or(u32::MAX));
        let at = *self.by_labels.entry(own.clone()).or_insert(next);
        if at == next {
            self.kin.push(Kin { labels: own, series: Vec::new(), newest: Timestamp::MIN });
        }
        self.kin[at.0 as usize].series.push(id);
        self.of_series.push(Some(at));
    }

    /// Takes note of an accepted sample.
    pub(super) fn see(&mut self, id: SeriesId, time: Timestamp) {
        let Some(at) = self.of_series[id.0 as usize].filter(|_| self.logs) else { return };
        let newest = &mut self.kin[at.0 as usize].newest;
        if *newest == time {
            return;
        }
        *newest = time.max(*newest);
        self.unsorted |= self.log.last().is_some_and(|last| last.0 > time);
        self.log.push((time, at));
    }

    /// Brings the events in order. Cost: nothing where samples come in the order of time.
    pub(super) fn sort(&mut self) {
        if !std::mem::take(&mut self.unsorted) {
            return;
        }
        // Most are in order already, which this sort makes use of.
        self.log[self.head..].sort();
        let kept = self.log.split_off(self.head);
        self.log.extend(kept);
        self.log.dedup();
    }

    /// Forgets the events up to a time.
    pub(super) fn evict(&mut self, evaluated: Timestamp) {
        let live = &self.log[self.head..];
        if live.first().is_none_or(|first| first.0 > evaluated) {
            return;
        }
        self.head += live.partition_point(|event| event.0 <= evaluated);
        if self.head * 2 > self.log.len() {
            self.log.drain(..self.head);
            self.head = 0;
        }
    }
}

impl Store {
    /// Keeps from now on which label sets have a sample when; to be called before the first series.
    pub fn keep_events(&mut self) {
        self.keep(true);
    }

    /// Keeps from now on which series share a label set, and no events; to be called before the first series.
    pub fn keep_label_sets(&mut self) {
        self.keep(false);
    }

    fn keep(&mut self, logs: bool) {
        if self.events.is_none() {
            debug_assert!(self.series.is_empty(), "no series is older than the events");
            self.events = Some(Box::new(Events { logs, ..Events::default() }));
        }
    }

    /// Returns the events with `after < time <= to`, each once, by time: a label set with at least one sample at
    /// that time. Those up to the latest [`Store::evict`] are gone. Cost: two binary searches.
    #[must_use]
    pub fn events(&self, after: Timestamp, to: Timestamp) -> &[(Timestamp, LabelSetId)] {
        let Some(events) = &self.events else { return &[] };
        let live = &events.log[events.head..];
        let low = live.partition_point(|event| event.0 <= after);
        let high = low + live[low..].partition_point(|event| event.0 <= to);
        &live[low..high]
    }

    /// Returns the labels that all series of a label set have, metric name aside.
    #[must_use]
    pub fn label_set(&self, id: LabelSetId) -> Option<&LabelSet> {
        Some(&self.events.as_ref()?.kin[id.0 as usize].labels)
    }

    /// Returns the series that have a label set, in the order they appeared; the list only grows.
    #[must_use]
    pub fn series_of(&self, id: LabelSetId) -> &[SeriesId] {
        self.events.as_ref().map_or(&[], |events| &events.kin[id.0 as usize].series)
    }

    /// Returns the number of a label set, if any series has it.
    #[must_use]
    pub fn find_label_set(&self, labels: &LabelSet) -> Option<LabelSetId> {
        self.events.as_ref()?.by_labels.get(labels).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Batch, Conflicts, stale_marker};

    /// Appends rows of (series, time) in batches; returns the events as (time, label).
    fn check(batches: &[&[(&str, &str, i64)]], expected: &[(i64, &str)]) {
        let mut store = Store::new(Conflicts::First);
        store.hide("hidden");
        store.keep_events();
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
        let mut found: Vec<_> =
            store.events(Timestamp::MIN, Timestamp::MAX).iter().map(|(time, id)| (time.0, host(id))).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
        let middle = Timestamp(2);
        assert!(store.events(middle, Timestamp::MAX).iter().all(|(time, _)| *time > middle));
        store.evict(middle);
        assert_eq!(store.events(Timestamp::MIN, middle), []);
    }

    #[test]
    fn a_label_set_has_one_event_a_time() {
        check(
            &[&[("m", "a", 1), ("n", "a", 1), ("m", "b", 1)], &[("n", "b", 1), ("m", "a", 2)]],
            &[(1, "a"), (1, "b"), (2, "a")],
        );
        check(&[&[("m", "a", 1), ("hidden", "a", 2), ("ended", "a", 3), ("m", "a", 4)]], &[(1, "a"), (4, "a")]);
    }

    #[test]
    fn label_sets_are_known_without_events() {
        let mut store = Store::default();
        store.keep_label_sets();
        let ids: Vec<_> =
            ["m", "n"].iter().map(|name| store.series(&LabelSet::new([("__name__", *name), ("host", "a")]))).collect();
        let mut batch = Batch::default();
        ids.iter().for_each(|id| batch.push(*id, Timestamp(1), 1.0, 0));
        store.append(&batch).expect("in order");
        let label_set = store.find_label_set(&LabelSet::new([("host", "a")])).expect("it is known");
        assert_eq!(store.series_of(label_set), ids);
        assert_eq!(store.events(Timestamp::MIN, Timestamp::MAX), []);
    }

    #[test]
    fn series_after_series_gives_the_same_events() {
        check(
            &[&[("m", "a", 1), ("m", "a", 2), ("m", "a", 4)], &[("n", "a", 2), ("n", "a", 3), ("n", "a", 4)]],
            &[(1, "a"), (2, "a"), (3, "a"), (4, "a")],
        );
    }
}
