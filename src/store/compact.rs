//! Leaving series behind, in a recording without an end.

use crate::time::Timestamp;

use super::{LabelSetId, SeriesId, Store, is_stale};

impl Store {
    /// Forgets series with all that is held of them, and numbers the others anew, in their order. No selector and no
    /// reader of rows is registered any more. Returns by old number the new one. Cost: a walk over all series.
    pub(crate) fn compact(&mut self, keep: &mut dyn FnMut(SeriesId) -> bool) -> Vec<Option<SeriesId>> {
        debug_assert!(self.inference.is_none(), "a recording without an end infers no markers");
        self.forget_selectors();
        self.lingering = self.lingering_labels();
        self.row_log = None;
        let mut numbers = Vec::with_capacity(self.series.len());
        let (mut old, mut new) = ((0..).map(SeriesId), (0..).map(SeriesId));
        self.series.retain(|_| {
            let kept = old.next().is_some_and(&mut *keep);
            numbers.push(if kept { new.next() } else { None });
            kept
        });
        self.series.shrink_to(self.series.len() * 2);
        self.by_labels.clear();
        self.names.clear();
        for (id, series) in (0..).map(SeriesId).zip(&mut self.series) {
            series.shrink();
            self.by_labels.insert(series.labels.clone(), id);
            let metric = series.labels.metric().unwrap_or("");
            self.names.entry_ref(metric).or_default().push(id);
        }
        self.by_labels.shrink_to_fit();
        self.names.shrink_to_fit();
        numbers
    }

    /// Returns when the last series of a label set ended that a reader sees, if all of them have.
    pub(crate) fn ended_at(&self, id: LabelSetId) -> Option<Timestamp> {
        let mut end = Timestamp::MIN;
        for id in self.row_log.as_ref()?.series(id) {
            let series = &self.series[id.0 as usize];
            if let (Some(time), Some(value)) = (series.times.last(), series.values.last()) {
                end = end.max(*time);
                if !is_stale(*value) {
                    return None;
                }
            }
        }
        Some(end)
    }
}
