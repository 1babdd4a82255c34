//! One input in whatever form it has.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::bytes::{Bytes, Source};
use super::csv::CsvRows;
use super::export::{self, ExportRows};
use super::exposition::{self, ExpositionRows};
use super::feed::{Feed, Stop};
use super::influx::annotated::{self, AnnotatedRows};
use super::influx::line::{self, LineRows};
use super::jsonl::JsonlRows;
use super::settings::Settings;
use super::summary::{InputSummary, RowProblem};
use super::{Format, InputError, ReadOptions};
use crate::store::{Batch, Numbers};
use crate::time::Timestamp;

/// Reads one input into batches.
pub(super) enum Reader {
    Csv(Box<Feed<CsvRows>>),
    Jsonl(Box<Feed<JsonlRows>>),
    Exposition(Box<Feed<ExpositionRows>>),
    Export(Box<Feed<ExportRows>>),
    InfluxLine(Box<Feed<LineRows>>),
    InfluxCsv(Box<Feed<AnnotatedRows>>),
    #[cfg(feature = "parquet")]
    Parquet(Box<Feed<super::parquet::ParquetRows>>),
}

macro_rules! each {
    ($reader:expr, $feed:ident => $then:expr) => {
        match $reader {
            Self::Csv($feed) => $then,
            Self::Jsonl($feed) => $then,
            Self::Exposition($feed) => $then,
            Self::Export($feed) => $then,
            Self::InfluxLine($feed) => $then,
            Self::InfluxCsv($feed) => $then,
            #[cfg(feature = "parquet")]
            Self::Parquet($feed) => $then,
        }
    };
}

impl Reader {
    /// Opens an input, finds out its form, and reads its header if it has one; `file` is its number for
    /// [`Batch::rows`].
    pub(super) fn open(
        source: &dyn Source,
        file: u16,
        options: &ReadOptions,
        read: &Arc<AtomicU64>,
    ) -> Result<Self, InputError> {
        let path: Arc<str> = source.name().into();
        let bytes = Bytes::open(source, read)?;
        let head = bytes.head().trim_ascii_start();
        if head.is_empty() {
            return Err(InputError::Empty { path });
        }
        let found = match export::recognize(head) {
            Some(format) => format,
            None if head.starts_with(b"PAR1") => Format::Parquet,
            None if exposition::is_exposition(head) => Format::PrometheusText,
            None if matches!(head[0], b'{' | b'[') => Format::JsonlSamples,
            None if line::is_line_protocol(head) => Format::InfluxLine,
            None if annotated::is_annotated(head) => Format::InfluxCsv,
            None => Format::CsvLong,
        };
        let settings = Settings::choose(&path, bytes.head(), options)?;
        let format = settings.form.input_format.unwrap_or(found);
        let named = [Format::PrometheusText, Format::VictoriaMetrics, Format::InfluxLine];
        if let Some(metric) = options.form.metric.as_ref().filter(|_| named.contains(&format)) {
            return Err(InputError::Contradiction { path, what: format!("--metric {metric}: its metrics have names") });
        }
        let is_table = matches!(format, Format::CsvLong | Format::CsvWide | Format::CsvTwoColumn);
        if settings.form.time_column.len() > 1 && !is_table {
            let what = format!("--time-column {}: only columns of CSV are joined", settings.form.time_column.join(","));
            return Err(InputError::Contradiction { path, what });
        }
        let (to, mine) = (Arc::clone(&path), settings.clone());
        Ok(match format {
            Format::JsonlSamples | Format::JsonlSnapshots => {
                Self::Jsonl(Box::new(Feed::new(path, JsonlRows::new(to, bytes, file, &settings)?, mine)))
            }
            Format::CsvLong | Format::CsvWide | Format::CsvTwoColumn => {
                Self::Csv(Box::new(Feed::new(path, CsvRows::open(to, bytes, file, settings)?, mine)))
            }
            Format::PrometheusText => {
                Self::Exposition(Box::new(Feed::new(path, ExpositionRows::new(to, bytes, file, &settings), mine)))
            }
            format @ (Format::PrometheusJson | Format::VictoriaMetrics) => {
                let rows = ExportRows::new(to, bytes, file, format, &settings);
                Self::Export(Box::new(Feed::new(path, rows, mine)))
            }
            Format::InfluxLine => {
                Self::InfluxLine(Box::new(Feed::new(path, LineRows::new(to, bytes, file, &settings), mine)))
            }
            Format::InfluxCsv => {
                Self::InfluxCsv(Box::new(Feed::new(path, AnnotatedRows::new(to, bytes, file, &settings), mine)))
            }
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                let rows = super::parquet::ParquetRows::open(to, bytes, file, &settings)?;
                Self::Parquet(Box::new(Feed::new(path, rows, mine)))
            }
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => return Err(InputError::NoParquet { path }),
        })
    }

    /// Returns whether rows mostly come in time order.
    pub(super) fn in_time_order(&self) -> bool {
        each!(self, feed => feed.in_time_order())
    }

    /// Returns whether a stale marker was read.
    pub(super) fn marks_ends(&self) -> bool {
        each!(self, feed => feed.marks_ends())
    }

    /// Takes rows in any order from now on.
    pub(super) fn take_any_order(&mut self) {
        each!(self, feed => feed.take_any_order());
    }

    /// Sets the time before which no row may be.
    pub(super) fn start_at(&mut self, newest: Timestamp) {
        each!(self, feed => feed.start_at(newest));
    }

    /// Returns the newest time so far.
    pub(super) fn newest(&self) -> Timestamp {
        each!(self, feed => feed.newest())
    }

    /// Reads ahead to the first row with a time; none if there is no such row.
    pub(super) fn first_time(&mut self) -> Result<Option<Timestamp>, InputError> {
        each!(self, feed => feed.first_time())
    }

    /// Fills a batch; false at the end of the input, where the batch may be empty.
    pub(super) fn fill(&mut self, numbers: &mut Numbers, batch: &mut Batch) -> Result<bool, Stop> {
        each!(self, feed => feed.fill(numbers, batch))
    }

    /// Returns what was found, once the input was read to its end.
    pub(super) fn finish(self) -> (InputSummary, Vec<RowProblem>) {
        each!(self, feed => feed.finish())
    }

    /// Returns the numeric columns that might be labels, for the question about conflicts.
    pub(super) fn label_candidates(&self) -> Vec<String> {
        each!(self, feed => feed.label_candidates())
    }
}
