//! How samples come in.

use std::fmt;
use std::str::FromStr;

use crate::histogram::Histograms;
use crate::labels::LabelSet;
use crate::limits;
use crate::marker::{histogram_number, plain};
use crate::time::Timestamp;

use super::{Series, SeriesFacts, SeriesId, Store, StreamId, is_stale};

/// Some [`crate::limits::BATCH_ROWS`] samples: four columns of equal length. The only way into a store.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Which series.
    pub series: Vec<SeriesId>,
    /// When.
    pub times: Vec<Timestamp>,
    /// What.
    pub values: Vec<f64>,
    /// The native histograms that values stand for.
    pub(super) histograms: Histograms,
    /// The start timestamps of those that have one, by place.
    pub(super) starts: Vec<(usize, Timestamp)>,
    /// Where it stands, for messages: the line, and in the upper 16 bits the number of its input.
    pub rows: Vec<u64>,
    /// The label sets of series that are in no batch before: their numbers follow those of the series before.
    pub born: Vec<LabelSet>,
    /// Which series come in the rows of which stream, those that are in no batch before.
    pub joined: Vec<(SeriesId, StreamId)>,
    /// How many streams there are.
    pub streams: u32,
    /// Whether the recording has stale markers of its own, so that none are inferred.
    pub marks_ends: bool,
    /// Which streams have a row, and when: an event each, in time order, for the inference of stale markers. A metric
    /// that the stream's previous row had and this one lacks has ended.
    pub snapshots: Vec<(StreamId, Timestamp)>,
}

impl Batch {
    /// Adds a sample.
    pub fn push(&mut self, series: SeriesId, time: Timestamp, value: f64, row: u64) {
        self.series.push(series);
        self.times.push(time);
        self.values.push(plain(value));
        self.rows.push(row);
    }

    /// Returns the number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Returns whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Returns the latest time of a sample or row.
    #[must_use]
    pub fn last(&self) -> Option<Timestamp> {
        self.times.iter().chain(self.snapshots.iter().map(|(_, at)| at)).max().copied()
    }

    /// Drops all samples and keeps the memory.
    pub fn clear(&mut self) {
        self.series.clear();
        self.times.clear();
        self.values.clear();
        self.histograms.clear();
        self.rows.clear();
        self.starts.clear();
        self.born.clear();
        self.joined.clear();
        self.marks_ends = false;
        self.snapshots.clear();
    }

    /// Drops the samples from the given one on.
    pub fn truncate(&mut self, len: usize) {
        self.series.truncate(len);
        self.times.truncate(len);
        self.values.truncate(len);
        self.rows.truncate(len);
        self.starts.retain(|(row, _)| *row < len);
    }
}

/// A sample of a series at a time.
pub(crate) type Sample = (SeriesId, Timestamp, f64);

/// What happens to two samples of one series at one time with different values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflicts {
    /// They are an error.
    #[default]
    Refuse,
    /// The first counts.
    First,
    /// The last counts.
    Last,
}

/// Formats as [`Conflicts`] reads.
impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuse => "refuse",
            Self::First => "first",
            Self::Last => "last",
        })
    }
}

/// Reads `refuse`, `first` or `last`.
impl FromStr for Conflicts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "first" => Ok(Self::First),
            "last" => Ok(Self::Last),
            _ => Err(format!("`{text}` is none of `refuse`, `first`, `last`")),
        }
    }
}

/// Two samples of one series at one time with different values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conflict {
    /// The series.
    pub series: SeriesId,
    /// The time.
    pub at: Timestamp,
    /// The value that came first.
    pub kept: f64,
    /// The one that came later.
    pub other: f64,
    /// The row of the later one.
    pub row: u64,
}

impl Conflict {
    /// Says which values a series has at one time, for messages; `store` is the one that met the conflict.
    #[must_use]
    pub fn words(&self, store: &Store) -> String {
        let Self { series, at, kept, other, .. } = self;
        let is_histogram = |value: f64| histogram_number(value).is_some();
        let shown = |value: f64| if is_histogram(value) { "a native histogram".to_owned() } else { value.to_string() };
        let labels = store.labels(*series);
        if is_histogram(*kept) && is_histogram(*other) {
            return format!("{labels} at {at} is another native histogram than before");
        }
        format!("{labels} at {at} is {}, and was {} before", shown(*other), shown(*kept))
    }
}

/// Why a batch was not taken to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rejected {
    /// Two values at one time, and [`Conflicts::Refuse`].
    Conflict(Conflict),
    /// A sample is before the newest one of its series.
    OutOfOrder {
        /// The series.
        series: SeriesId,
        /// The row.
        row: u64,
    },
}

/// What a batch brought besides its samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Repeats with an equal value, dropped.
    pub repeats: u64,
    /// Conflicts that were settled.
    pub conflicts: u64,
}

impl Store {
    /// Returns the id of a label set, a new one if it was not seen. Cost: a hash of the labels; a new series is matched
    /// against the selectors of its metric name.
    pub fn series(&mut self, labels: &LabelSet) -> SeriesId {
        if let Some(id) = self.by_labels.get(labels) {
            return *id;
        }
        let id = SeriesId(u32::try_from(self.series.len()).unwrap_or(u32::MAX));
        self.by_labels.insert(labels.clone(), id);
        let metric = labels.metric().unwrap_or("");
        match self.names.get_mut(metric) {
            Some(series) => series.push(id),
            None => {
                self.names.insert(metric.to_owned(), vec![id]);
            }
        }
        self.series.push(Series {
            labels: labels.clone(),
            facts: SeriesFacts { samples: 0, first: Timestamp::MAX, last: Timestamp::MIN },
            wanted: self.keep_all || self.history.is_some(),
            back: self.history.unwrap_or_default(),
            asleep: false,
            times: Vec::new(),
            values: Vec::new(),
            head: 0,
            stale: 0,
            last_value: f64::NAN,
            inferred: Vec::new(),
            held: Vec::new(),
            histograms: false,
            starts: None,
        });
        self.awake.add(id);
        self.offer(id);
        if let Some(mut log) = self.row_log.take() {
            log.add(id, labels);
            self.row_log = Some(log);
        }
        id
    }

    /// Takes the series and streams that are new in a batch, and numbers them as [`super::Numbers`] did.
    pub fn meet(&mut self, batch: &Batch) {
        for labels in &batch.born {
            self.series(labels);
        }
        if batch.marks_ends {
            self.trust_markers();
        }
        self.begin_streams(batch.streams);
        batch.joined.iter().for_each(|(series, stream)| self.join(*series, *stream));
    }

    /// Takes samples, in time order for each series; in time order over all series where stale markers are inferred.
    ///
    /// # Errors
    /// At the first sample out of order, where what came before it was taken; or after the batch, when it had
    /// conflicts that are to be refused ([`Store::refused`] has the first of them).
    pub fn append(&mut self, batch: &Batch) -> Result<Appended, Rejected> {
        self.take_starts(batch);
        if !batch.histograms.is_empty() {
            let values = self.take_histograms(batch);
            return self.append_values(batch, &values);
        }
        self.append_values(batch, &batch.values)
    }

    fn append_values(&mut self, batch: &Batch, values: &[f64]) -> Result<Appended, Rejected> {
        let mut appended = Appended::default();
        match self.inference.take() {
            None => {
                let samples = batch.series.iter().zip(&batch.times).zip(values).zip(&batch.rows);
                for (((id, time), value), row) in samples {
                    self.push(*id, *time, *value, *row, &mut appended)?;
                }
            }
            Some(mut inference) => {
                let taken = self.append_inferring(&mut inference, batch, values, &mut appended);
                self.inference = Some(inference);
                taken?;
            }
        }
        if let Some(log) = &mut self.row_log {
            log.sort();
        }
        if let Some(times) = &mut self.times {
            times.sort();
        }
        match self.refused.first() {
            Some(conflict) => Err(Rejected::Conflict(*conflict)),
            None => Ok(appended),
        }
    }

    /// Returns the first conflicts that were refused, at most [`crate::limits::CONFLICTS_SHOWN`].
    #[must_use]
    pub fn refused(&self) -> &[Conflict] {
        &self.refused
    }

    #[inline]
    pub(super) fn push(
        &mut self,
        id: SeriesId,
        time: Timestamp,
        value: f64,
        row: u64,
        appended: &mut Appended,
    ) -> Result<(), Rejected> {
        if self.history.is_some() {
            self.push_endless(id, time, value);
            return Ok(());
        }
        if self.series[id.0 as usize].asleep {
            self.wake(id);
        }
        let series = &mut self.series[id.0 as usize];
        if time <= series.facts.last {
            return self.push_again(id, time, value, row, appended);
        }
        let stale = is_stale(value);
        if stale {
            if series.times.last() == Some(&time) {
                appended.repeats += 1;
                return Ok(());
            }
            self.stale_counts.recorded += 1;
        } else {
            series.facts.samples += 1;
            series.facts.first = series.facts.first.min(time);
            series.facts.last = time;
            series.last_value = value;
            if let Some(log) = &mut self.row_log {
                log.see(id, time);
            }
        }
        if let Some(times) = &mut self.times {
            times.see(time);
        }
        if series.wanted {
            // A marker that was inferred before this sample came cannot be at or after it.
            if series.times.last().is_some_and(|last| *last >= time) {
                return Err(Rejected::OutOfOrder { series: id, row });
            }
            series.stale += usize::from(stale);
            series.times.push(time);
            series.values.push(value);
        }
        Ok(())
    }

    /// Takes samples and markers of a recording without an end, in time order for each series; what is before the newest
    /// of its series does not count.
    pub(crate) fn extend(&mut self, samples: &[Sample]) {
        let Self { series, row_log, evicted, .. } = self;
        for (id, time, value) in samples {
            let taken = series[id.0 as usize].push_endless(*time, *value, *evicted);
            if let Some(log) = row_log.as_mut().filter(|_| taken) {
                log.see(*id, *time);
            }
        }
        if let Some(log) = row_log {
            log.sort();
        }
    }

    /// Takes a sample as [`Store::extend`] does.
    pub(crate) fn push_endless(&mut self, id: SeriesId, time: Timestamp, value: f64) {
        let taken = self.series[id.0 as usize].push_endless(time, value, self.evicted);
        if let Some(log) = self.row_log.as_mut().filter(|_| taken) {
            log.see(id, time);
        }
    }

    /// Takes a sample at or before the newest of its series.
    #[cold]
    fn push_again(
        &mut self,
        id: SeriesId,
        time: Timestamp,
        value: f64,
        row: u64,
        appended: &mut Appended,
    ) -> Result<(), Rejected> {
        let conflicts = self.conflicts;
        let series = &self.series[id.0 as usize];
        let (last, kept) = (series.facts.last, series.last_value);
        if time < last {
            return Err(Rejected::OutOfOrder { series: id, row });
        }
        if self.is_same_value(kept, value) {
            appended.repeats += 1;
            return Ok(());
        }
        match conflicts {
            Conflicts::Refuse => {
                if self.refused.len() < limits::CONFLICTS_SHOWN {
                    self.refused.push(Conflict { series: id, at: time, kept, other: value, row });
                }
                return Ok(());
            }
            Conflicts::First => {}
            Conflicts::Last => {
                let series = &mut self.series[id.0 as usize];
                series.last_value = value;
                if let Some(held) = series.values.last_mut().filter(|_| series.times.last() == Some(&time)) {
                    *held = value;
                }
            }
        }
        appended.conflicts += 1;
        Ok(())
    }
}

impl Series {
    /// Takes a sample or marker of a recording without an end; returns whether it counts.
    #[inline]
    fn push_endless(&mut self, time: Timestamp, value: f64, evicted: Timestamp) -> bool {
        if self.times.last().is_some_and(|last| *last >= time) && !self.take_back(time) {
            return false;
        }
        if self.times.len() == self.times.capacity() {
            self.evict(evicted);
        }
        self.times.push(time);
        self.values.push(value);
        if value.is_nan() {
            self.stale += usize::from(is_stale(value));
        }
        true
    }

    /// Makes place for another sample at the newest time; returns whether it is that.
    #[cold]
    fn take_back(&mut self, time: Timestamp) -> bool {
        if self.times.last() != Some(&time) {
            return false;
        }
        self.times.pop();
        self.stale -= self.values.pop().map_or(0, |held| usize::from(is_stale(held)));
        true
    }
}
