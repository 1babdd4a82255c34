//! The rows of one label set in files of snapshots.

use super::naming::Named;
use super::settings::Fixed;
use crate::labels::{LabelBuilder, METRIC_NAME};
use crate::store::{Batch, Numbers, SeriesId, StreamId};
use crate::time::Timestamp;

/// The rows of one label set, metric names aside.
pub(super) struct Host {
    labels: LabelBuilder,
    /// The beginning of the metric names, where a column holds it.
    prefix: Option<String>,
    stream: Option<StreamId>,
    /// The series by the ordinal of their metric, as far as they have samples.
    series: Vec<Option<SeriesId>>,
}

impl Host {
    /// Makes a host of the labels of its rows; a metric name among them is the beginning of all its names.
    pub(super) fn new(mut labels: LabelBuilder, fixed: &Fixed, numbers: &mut Numbers) -> Result<Self, String> {
        let prefix = labels.get(METRIC_NAME).map(str::to_owned);
        labels.remove(METRIC_NAME);
        fixed.give(&mut labels)?;
        let stream = numbers.infers_from_rows().then(|| numbers.stream());
        Ok(Self { labels, prefix, stream, series: Vec::new() })
    }

    /// Returns the series of a column, which is numbered by its ordinal.
    pub(super) fn series(&mut self, ordinal: usize, column: &Named, numbers: &mut Numbers) -> SeriesId {
        match self.series.get(ordinal) {
            Some(Some(series)) => *series,
            _ => self.add(ordinal, column, numbers),
        }
    }

    /// Tells that all samples of a row were added.
    pub(super) fn end_row(&self, at: Timestamp, batch: &mut Batch) {
        if let Some(stream) = self.stream {
            batch.snapshots.push((stream, at));
        }
    }

    #[cold]
    fn add(&mut self, ordinal: usize, column: &Named, numbers: &mut Numbers) -> SeriesId {
        let mut labels = self.labels.clone();
        for (name, value) in &column.labels {
            labels.set(name, value);
        }
        labels.set(METRIC_NAME, &column.metric_of(self.prefix.as_deref()));
        let series = numbers.series(&labels.build());
        if let Some(stream) = self.stream {
            numbers.join(series, stream);
        }
        if self.series.len() <= ordinal {
            self.series.resize(ordinal + 1, None);
        }
        self.series[ordinal] = Some(series);
        series
    }
}
