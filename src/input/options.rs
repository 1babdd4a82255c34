//! What a user may say about a recording.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Form;
use crate::limits;

/// A format of recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Format {
    /// CSV with a column each for time, metric name and value; the others are labels.
    CsvLong,
    /// CSV with a time column; numeric columns are metrics, text columns are labels.
    CsvWide,
    /// CSV with a time and a value; the metric is named by the file or by the user.
    CsvTwoColumn,
    /// JSONL, one object per sample: metric name, value, and labels flat or under `labels`.
    JsonlSamples,
    /// JSONL, one object per snapshot: numeric fields are metrics, text fields are labels.
    JsonlSnapshots,
    /// OpenMetrics or Prometheus' older text format with a time on each line, and what `promtool tsdb dump` writes.
    PrometheusText,
    /// An answer of Prometheus' query API: a matrix or a vector.
    PrometheusJson,
    /// JSONL of VictoriaMetrics' `/api/v1/export`: one series per line.
    VictoriaMetrics,
    /// InfluxDB line protocol: one point per line.
    InfluxLine,
    /// InfluxDB annotated CSV: the answer to a query, table after table.
    InfluxCsv,
    /// Parquet, long or wide.
    Parquet,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 11] = [
        Self::CsvLong,
        Self::CsvWide,
        Self::CsvTwoColumn,
        Self::JsonlSamples,
        Self::JsonlSnapshots,
        Self::PrometheusText,
        Self::PrometheusJson,
        Self::VictoriaMetrics,
        Self::InfluxLine,
        Self::InfluxCsv,
        Self::Parquet,
    ];

    /// Returns the name that machine formats and flags use, such as `csv_long`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::CsvLong => "csv_long",
            Self::CsvWide => "csv_wide",
            Self::CsvTwoColumn => "csv_two_columns",
            Self::JsonlSamples => "jsonl_samples",
            Self::JsonlSnapshots => "jsonl_snapshots",
            Self::PrometheusText => "prometheus_text",
            Self::PrometheusJson => "prometheus_json",
            Self::VictoriaMetrics => "victoriametrics",
            Self::InfluxLine => "influx_line",
            Self::InfluxCsv => "influx_csv",
            Self::Parquet => "parquet",
        }
    }
}

/// Reads the name that [`Format::word`] gives.
impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.word() == text).ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.iter().map(|format| format.word()).collect();
            format!("`{text}` is not an input format; use one of {}", words.join(", "))
        })
    }
}

impl TryFrom<String> for Format {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Format> for String {
    fn from(format: Format) -> Self {
        format.word().to_owned()
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CsvLong => "CSV, long",
            Self::CsvWide => "CSV, wide",
            Self::CsvTwoColumn => "CSV, two columns",
            Self::JsonlSamples => "JSONL, one object per sample",
            Self::JsonlSnapshots => "JSONL, one object per snapshot",
            Self::PrometheusText => "Prometheus text",
            Self::PrometheusJson => "Prometheus API response",
            Self::VictoriaMetrics => "VictoriaMetrics export",
            Self::InfluxLine => "InfluxDB line protocol",
            Self::InfluxCsv => "InfluxDB annotated CSV",
            Self::Parquet => "Parquet",
        })
    }
}

/// The unit of a number that counts time since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

impl TimeUnit {
    /// All units, largest first.
    pub const ALL: [Self; 4] = [Self::Seconds, Self::Millis, Self::Micros, Self::Nanos];

    /// Returns the name of several: `seconds`.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Millis => "milliseconds",
            Self::Micros => "microseconds",
            Self::Nanos => "nanoseconds",
        }
    }

    /// Returns the short name: `s`, `ms`, `us` or `ns`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Millis => "ms",
            Self::Micros => "us",
            Self::Nanos => "ns",
        }
    }

    /// Returns how many of the unit make a second.
    #[must_use]
    pub fn per_second(self) -> i64 {
        match self {
            Self::Seconds => 1,
            Self::Millis => 1_000,
            Self::Micros => 1_000_000,
            Self::Nanos => 1_000_000_000,
        }
    }
}

/// Reads `s`, `ms`, `us` or `ns`.
impl FromStr for TimeUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|unit| unit.word() == text)
            .ok_or_else(|| format!("`{text}` is not a unit of time; use s, ms, us or ns"))
    }
}

impl TryFrom<String> for TimeUnit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TimeUnit> for String {
    fn from(unit: TimeUnit) -> Self {
        unit.word().to_owned()
    }
}

/// What happens to rows that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum BadRows {
    /// They are reported together, and nothing is reported.
    #[default]
    Stop,
    /// They are left out and counted.
    Skip {
        /// The largest share of the rows that may be bad, from 0 to 1; without it at most 10 rows or below 1 %.
        share: Option<f64>,
    },
}

/// Reads `stop`, `skip` or `skip=5%`.
impl FromStr for BadRows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let share = match text {
            "stop" => return Ok(Self::Stop),
            "skip" => return Ok(Self::Skip { share: None }),
            _ => text.strip_prefix("skip=").and_then(|share| share.strip_suffix('%')),
        };
        share
            .and_then(|share| share.parse::<f64>().ok())
            .filter(|share| (0.0..=100.0).contains(share))
            .map(|share| Self::Skip { share: Some(share / 100.0) })
            .ok_or_else(|| format!("`{text}` is not stop, skip or skip=5%"))
    }
}

/// Formats as [`BadRows`] reads.
impl fmt::Display for BadRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop => f.write_str("stop"),
            Self::Skip { share: None } => f.write_str("skip"),
            Self::Skip { share: Some(share) } => write!(f, "skip={}%", share * 100.0),
        }
    }
}

/// How recordings are to be read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// What the user says of how the recordings are written.
    pub form: Form,
    /// The form below that; without it one of the built-in forms if it is recognized.
    pub chosen: Option<Form>,
    /// The zone of times that have none; that of the form or UTC without it.
    pub time_zone: Option<TimeZone>,
    /// What happens to rows that cannot be read.
    pub bad_rows: BadRows,
    /// After how many samples a batch is handed over; a wide row is never split.
    pub batch_rows: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            form: Form::default(),
            chosen: None,
            time_zone: None,
            bad_rows: BadRows::default(),
            batch_rows: limits::BATCH_ROWS,
        }
    }
}
