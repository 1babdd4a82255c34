//! The rows of one label set in files of snapshots.

use crate::labels::{LabelBuilder, METRIC_NAME};
use crate::store::{Batch, SeriesId, Store, StreamId};
use crate::time::Timestamp;

/// The rows of one label set, metric names aside.
pub(super) struct Host {
    labels: LabelBuilder,
    stream: Option<StreamId>,
    /// The series by the ordinal of their metric, as far as they have samples.
    series: Vec<Option<SeriesId>>,
}

impl Host {
    pub(super) fn new(labels: LabelBuilder, store: &mut Store) -> Self {
        let stream = store.infers_from_rows().then(|| store.stream());
        Self { labels, stream, series: Vec::new() }
    }

    /// Returns the series of a metric, which is numbered by its ordinal.
    pub(super) fn series(&mut self, ordinal: usize, metric: &str, store: &mut Store) -> SeriesId {
        match self.series.get(ordinal) {
            Some(Some(series)) => *series,
            _ => self.add(ordinal, metric, store),
        }
    }

    /// Tells that all samples of a row were added.
    pub(super) fn end_row(&self, at: Timestamp, batch: &mut Batch) {
        if let Some(stream) = self.stream {
            batch.snapshots.push((stream, at));
        }
    }

    #[cold]
    fn add(&mut self, ordinal: usize, metric: &str, store: &mut Store) -> SeriesId {
        let mut labels = self.labels.clone();
        labels.set(METRIC_NAME, metric);
        let series = store.series(&labels.build());
        if let Some(stream) = self.stream {
            store.join(series, stream);
        }
        if self.series.len() <= ordinal {
            self.series.resize(ordinal + 1, None);
        }
        self.series[ordinal] = Some(series);
        series
    }
}
