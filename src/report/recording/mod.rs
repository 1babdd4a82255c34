//! A recording in other formats: what `data --to` writes.
//!
//! Values are written so that they read back to the bit, times to the millisecond. Stale markers have a form in some
//! formats alone, and so have native histograms; where they have none, [`Form::has_stale`] and [`Form::has_histograms`]
//! say so and they are left out.

pub(crate) mod csv;
mod jsonl;
#[cfg(test)]
mod tests;
mod unittest;
mod victoria;

use std::io::{self, Write};

use crate::histogram::{Hint, Histogram};
use crate::labels::LabelSet;
use crate::promql::notation::print_histogram;
use crate::report::openmetrics;
use crate::store::{Samples, SeriesId, Store, is_stale};
use crate::time::Timestamp;

pub use self::csv::Unwritable;
pub use self::unittest::{Grid, NoGrid};

/// The formats that recordings are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Long CSV: a row per sample.
    Csv,
    /// JSON, an object per sample.
    Jsonl,
    /// OpenMetrics.
    OpenMetrics,
    /// JSON of VictoriaMetrics' `/api/v1/export`.
    VictoriaMetrics,
    /// A file of promtool's unit tests.
    UnitTest,
}

impl Form {
    /// Returns whether it can say that a series ended.
    #[must_use]
    pub fn has_stale(self) -> bool {
        matches!(self, Self::VictoriaMetrics | Self::UnitTest)
    }

    /// Returns whether it can hold native histograms.
    #[must_use]
    pub fn has_histograms(self) -> bool {
        matches!(self, Self::Jsonl | Self::VictoriaMetrics | Self::UnitTest)
    }
}

/// Series of a store and a stretch of time.
pub struct Extract<'a> {
    store: &'a Store,
    /// By label set; each has a sample or a stale marker in the stretch.
    series: Vec<SeriesId>,
    from: Timestamp,
    to: Timestamp,
}

/// How much of an extract a format holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Series that have samples which it holds.
    pub series: u64,
    /// Samples that it holds, stale markers not counted.
    pub samples: u64,
    /// Native histograms, held or not.
    pub histograms: u64,
    /// Stale markers, held or not.
    pub stale: u64,
}

impl<'a> Extract<'a> {
    /// Takes the series that `keep` says, and of those what lies from `from` to `to`, both included.
    pub fn new(store: &'a Store, keep: impl Fn(SeriesId) -> bool, from: Timestamp, to: Timestamp) -> Self {
        let mut extract = Self { store, series: Vec::new(), from, to };
        extract.series = store.ids().filter(|id| keep(*id) && !extract.samples(*id).times.is_empty()).collect();
        extract.series.sort_by(|a, b| store.labels(*a).cmp(store.labels(*b)));
        extract
    }

    /// Returns how much of it a format holds.
    #[must_use]
    pub fn counts(&self, form: Form) -> Counts {
        let mut counts = Counts::default();
        for id in &self.series {
            let values = self.samples(*id).values;
            let stale = values.iter().filter(|value| is_stale(**value)).count();
            let histograms = values.iter().filter(|value| self.store.histogram(**value).is_some()).count();
            let samples = values.len() - stale - if form.has_histograms() { 0 } else { histograms };
            counts.stale += stale as u64;
            counts.histograms += histograms as u64;
            counts.samples += samples as u64;
            counts.series += u64::from(samples > 0);
        }
        counts
    }

    /// Returns the times of its first and last sample.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let ends = |id: &SeriesId| {
            let times = self.samples(*id).times;
            Some((*times.first()?, *times.last()?))
        };
        self.series.iter().filter_map(ends).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    fn samples(&self, id: SeriesId) -> Samples<'a> {
        self.store.samples(id, Timestamp(self.from.0.saturating_sub(1)), self.to)
    }

    fn labels(&self, id: SeriesId) -> &'a LabelSet {
        self.store.labels(id)
    }

    /// Walks over the series, each with its samples, stale markers among them.
    fn all(&self) -> impl Iterator<Item = (&'a LabelSet, Samples<'a>)> + Clone {
        self.series.iter().map(|id| (self.labels(*id), self.samples(*id)))
    }

    /// Returns the text of a value that stands for a native histogram. What a look at the sample before it tells is not
    /// written.
    fn histogram(&self, value: f64) -> Option<String> {
        let histogram = self.store.histogram(value)?;
        Some(match histogram.hint {
            Hint::NotReset => print_histogram(&Histogram { hint: Hint::Unknown, ..Histogram::clone(histogram) }),
            _ => print_histogram(histogram),
        })
    }

    /// Returns all samples by time, those of one time by label set; series are numbered as they are sorted.
    fn by_time(&self) -> Vec<(Timestamp, u32, f64)> {
        let mut all: Vec<(Timestamp, u32, f64)> = Vec::new();
        for (number, (_, samples)) in (0..).zip(self.all()) {
            let both = samples.times.iter().zip(samples.values);
            all.extend(both.filter(|(_, value)| !is_stale(**value)).map(|(time, value)| (*time, number, *value)));
        }
        all.sort_unstable_by_key(|(time, series, _)| (*time, *series));
        all
    }

    /// Returns why it has no form in CSV, if it has none.
    #[must_use]
    pub fn csv_problem(&self) -> Option<Unwritable> {
        csv::problem(self.all().map(|(labels, _)| labels))
    }

    /// Returns whether a label has blanks at an end, which the reader of CSV trims without `--keep-blanks`.
    #[must_use]
    pub fn has_outer_blanks(&self) -> bool {
        self.all().any(|(labels, _)| labels.iter().any(|(_, value)| value.trim() != value))
    }

    /// Returns the grid that a unit test writes its samples on.
    ///
    /// # Errors
    /// When there is none.
    pub fn grid(&self) -> Result<Grid, NoGrid> {
        unittest::grid(self)
    }

    /// Writes it as CSV.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let series: Vec<&LabelSet> = self.all().map(|(labels, _)| labels).collect();
        let floats = self.by_time().into_iter().filter(|(_, _, value)| self.histogram(*value).is_none());
        csv::write(out, &series, floats)
    }

    /// Writes it as JSON, an object per sample.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_jsonl(&self, out: &mut dyn Write) -> io::Result<()> {
        jsonl::write(self, out)
    }

    /// Writes it as VictoriaMetrics exports series.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_victoria(&self, out: &mut dyn Write) -> io::Result<()> {
        victoria::write(self, out)
    }

    /// Writes it as OpenMetrics.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_openmetrics(&self, out: &mut dyn Write) -> io::Result<()> {
        openmetrics::write_series(
            out,
            self.all().map(|(labels, samples)| {
                let both = samples.times.iter().copied().zip(samples.values.iter().copied());
                let is_float = |value: f64| !is_stale(value) && self.store.histogram(value).is_none();
                (labels, both.filter(move |(_, value)| is_float(*value)))
            }),
        )
    }

    /// Writes it as the input of a unit test of these rule files.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_unittest(&self, grid: &Grid, rules: &[String], out: &mut dyn Write) -> io::Result<()> {
        unittest::write(self, grid, rules, out)
    }
}
