//! Why a recording could not be read.

use std::io;
use std::sync::Arc;

use thiserror::Error;

use super::bytes::LineTooLong;
use super::names::listed;
use super::{Mixed, RowProblem};
use crate::limits;
use crate::time::Timestamp;

/// A recording that could not be read.
#[derive(Debug, Error)]
pub enum InputError {
    /// The input cannot be opened.
    #[error("{path}: cannot open: {error}")]
    Open {
        /// The input.
        path: Arc<str>,
        /// Why.
        error: io::Error,
    },
    /// The input is a directory.
    #[error("{path}: is a folder, not a recording")]
    Directory {
        /// The input.
        path: Arc<str>,
    },
    /// Reading failed.
    #[error("{path}: cannot read: {error}")]
    Read {
        /// The input.
        path: Arc<str>,
        /// Why.
        error: io::Error,
    },
    /// A compressed input is cut or damaged.
    #[error("{path}: the {compression} data is truncated or damaged: {error}")]
    Compressed {
        /// The input.
        path: Arc<str>,
        /// `gzip`, `zstd` or `bzip2`.
        compression: &'static str,
        /// What the decoder says.
        error: io::Error,
    },
    /// It is compressed in a way that is not read through.
    #[error("{path}: is {kind}, which must be unpacked first")]
    Packed {
        /// The input.
        path: Arc<str>,
        /// What it is.
        kind: &'static str,
        /// What unpacks it.
        command: &'static str,
    },
    /// It is Parquet, and this build cannot read it.
    #[error("{path}: is Parquet, which this build of alertctl does not read")]
    NoParquet {
        /// The input.
        path: Arc<str>,
    },
    /// It is Parquet that is too long to be held in memory.
    #[error("{path}: is longer than {} MiB, the limit for Parquet", limits::PARQUET_BYTES >> 20)]
    TooLong {
        /// The input.
        path: Arc<str>,
    },
    /// It is Parquet, compressed in a way that is not read.
    #[error("{path}: is Parquet compressed with {codec}, which is not read")]
    Codec {
        /// The input.
        path: Arc<str>,
        /// The compression.
        codec: String,
    },
    /// A column of Parquet holds no cells that samples or labels could be.
    #[error("{path}: column `{column}` is {what}")]
    OddColumn {
        /// The input.
        path: Arc<str>,
        /// The column.
        column: String,
        /// What its cells are.
        what: &'static str,
    },
    /// There is nothing in it.
    #[error("{path}: is empty; expected a CSV header and rows, or one JSON object per line")]
    Empty {
        /// The input.
        path: Arc<str>,
    },
    /// There is a header and no row.
    #[error("{path}: has no rows, so there is nothing to evaluate")]
    HeaderOnly {
        /// The input.
        path: Arc<str>,
    },
    /// There are rows and no sample in them.
    #[error("{path}: has no value in any of its rows ({rows}){}", read_as(labels))]
    NoSamples {
        /// The input.
        path: Arc<str>,
        /// How many rows.
        rows: u64,
        /// The columns that were read as labels.
        labels: Vec<String>,
    },
    /// It is something else than CSV.
    #[error("{path}: is not CSV: {found}")]
    NotCsv {
        /// The input.
        path: Arc<str>,
        /// What it looks like.
        found: String,
    },
    /// It is JSON that is no recording of samples.
    #[error("{path}:{line}: {found}")]
    OtherJson {
        /// The input.
        path: Arc<str>,
        /// The line.
        line: u64,
        /// What it is.
        found: String,
    },
    /// An export of a server is cut, or is something else than series.
    #[error("{path}: {found}")]
    Export {
        /// The input.
        path: Arc<str>,
        /// What it is.
        found: String,
    },
    /// A table of annotated CSV cannot be read.
    #[error("{path}:{line}: {found}")]
    Tables {
        /// The input.
        path: Arc<str>,
        /// The line.
        line: u64,
        /// What it is, or lacks.
        found: String,
    },
    /// A line is too long.
    #[error("{path}:{line}: a line is longer than {} MiB, the limit (or a quote is never closed)", limits::LINE_BYTES >> 20)]
    LineTooLong {
        /// The input.
        path: Arc<str>,
        /// The line.
        line: u64,
    },
    /// There are too many columns.
    #[error("{path}:1: has {columns} columns; the limit is {}", limits::CSV_COLUMNS)]
    TooManyColumns {
        /// The input.
        path: Arc<str>,
        /// How many.
        columns: usize,
    },
    /// Two columns have one name.
    #[error("{path}:1: two columns are named `{column}`")]
    DuplicateColumn {
        /// The input.
        path: Arc<str>,
        /// The name.
        column: String,
    },
    /// The first row is a sample.
    #[error("{path}: its first row is data, not a header with the names of the {columns} columns")]
    NoHeader {
        /// The input.
        path: Arc<str>,
        /// How many columns.
        columns: usize,
        /// The number of the column of the time, from 1.
        time: usize,
    },
    /// Another table begins below the first one.
    #[error("{path}:{line}: is the header of another table")]
    OtherHeader {
        /// The input.
        path: Arc<str>,
        /// The line.
        line: u64,
    },
    /// A header names a series without a metric.
    #[error("{path}: column `{column}` names no metric")]
    NamelessColumn {
        /// The input.
        path: Arc<str>,
        /// The header.
        column: String,
    },
    /// No column holds times.
    #[error("{path}:1: no time column; expected `timestamp`, `timestamp_ms`, `time`, `ts` or `date` among {columns}")]
    NoTimeColumn {
        /// The input.
        path: Arc<str>,
        /// The columns that there are.
        columns: String,
    },
    /// No column holds values.
    #[error("{path}:1: no value column; expected `value`, or numeric columns named by metrics, among {columns}")]
    NoValueColumn {
        /// The input.
        path: Arc<str>,
        /// The columns that there are.
        columns: String,
    },
    /// The unit of the times cannot be determined.
    #[error("{path}:{line}: `{text}` in column `{column}` is outside the years 2000 to 2100 {tried}")]
    TimeUnit {
        /// The input.
        path: Arc<str>,
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// The time as it is written.
        text: String,
        /// The units that were tried.
        tried: String,
    },
    /// Two of the first rows are so far apart that one of them is wrong.
    #[error("{path}: line {} is {}, line {} is {}: one of them is wrong", rows[0].0, rows[0].1, rows[1].0, rows[1].1)]
    FarApart {
        /// The input.
        path: Arc<str>,
        /// The lines and times.
        rows: [(u64, Timestamp); 2],
    },
    /// A text column takes a new value in too many rows to be a label.
    #[error(
        "{path}: column `{column}` has {distinct} different texts in {rows} rows, so as a label it would make a series of each"
    )]
    TextColumn {
        /// The input.
        path: Arc<str>,
        /// The column.
        column: String,
        /// How many texts.
        distinct: usize,
        /// In how many rows.
        rows: u64,
    },
    /// A quoted field goes on over lines.
    #[error("{path}:{line}: {} goes on over {lines} lines; is a quote left open?", quoted(.column.as_deref()))]
    OpenQuote {
        /// The input.
        path: Arc<str>,
        /// The line on which the row begins.
        line: u64,
        /// Over how many lines the field goes.
        lines: usize,
        /// The column, where the row has as many fields as the header.
        column: Option<String>,
    },
    /// A flag names a column that no input has.
    #[error("{flag} {name}: {path} has no such column; it has {columns}")]
    UnknownColumn {
        /// The flag.
        flag: &'static str,
        /// The name.
        name: String,
        /// The first input.
        path: Arc<str>,
        /// Its columns.
        columns: String,
    },
    /// A column is a label in one input and a metric in another.
    #[error("column `{column}` holds texts in {label} and numbers in {metric}")]
    ColumnDiffers {
        /// The column.
        column: String,
        /// The input in which it is a label.
        label: Arc<str>,
        /// The input in which it is a metric.
        metric: Arc<str>,
    },
    /// A flag says of a column what it cannot be.
    #[error("{path}: {what}")]
    Contradiction {
        /// The input.
        path: Arc<str>,
        /// The flag, and what the column is.
        what: String,
    },
    /// A path does not hold what its labels are to be taken from.
    #[error("{path}: `--label-from-path {pattern}` is nowhere in this path")]
    PathPattern {
        /// The input.
        path: Arc<str>,
        /// The expression.
        pattern: String,
    },
    /// A column mixes numbers and words.
    #[error(
        "{path}: column `{column}` mixes numbers and words: `{}` in line {}, `{}` in line {}",
        mixed.number.1, mixed.number.0, mixed.text.1, mixed.text.0
    )]
    MixedColumn {
        /// The input.
        path: Arc<str>,
        /// The column.
        column: String,
        /// Examples.
        mixed: Mixed,
    },
    /// Rows cannot be read.
    #[error("{}", bad_rows(.problems, *.count, *.rows))]
    BadRows {
        /// The first of them.
        problems: Vec<RowProblem>,
        /// How many there are.
        count: u64,
        /// Out of how many rows.
        rows: u64,
    },
    /// Series have two values at one time.
    #[error("{}", conflicts(.shown, *.count))]
    Conflicts {
        /// The first of them.
        shown: Vec<RowProblem>,
        /// How many were found before reading stopped.
        count: u64,
        /// Columns that may be labels.
        candidates: Vec<String>,
        /// Whether there are several inputs.
        several: bool,
    },
    /// A sample is before one of its series that was taken already.
    #[error("{path}:{line}: is earlier than a sample of its series that was read before")]
    OutOfOrder {
        /// The input.
        path: Arc<str>,
        /// The line.
        line: u64,
    },
    /// The input is not in time order and can be read once only.
    #[error("{path}:{line}: is earlier than the row above it, and `{path}` can be read only once")]
    DisorderOnce {
        /// The input.
        path: Arc<str>,
        /// The line.
        line: u64,
    },
    /// There are too many inputs.
    #[error("{count} inputs are more than the limit of {}", limits::INPUTS)]
    TooManyInputs {
        /// How many.
        count: usize,
    },
}

impl InputError {
    pub(super) fn open(path: &str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::IsADirectory => Self::Directory { path: path.into() },
            _ => Self::Open { path: path.into(), error },
        }
    }

    pub(super) fn read(path: &str, compression: Option<&'static str>, error: io::Error) -> Self {
        match compression {
            _ if error.kind() == io::ErrorKind::IsADirectory => Self::Directory { path: path.into() },
            Some(compression) => Self::Compressed { path: path.into(), compression, error },
            None => Self::Read { path: path.into(), error },
        }
    }

    /// Tells an error of the CSV reader.
    pub(super) fn csv(path: &str, line: u64, compression: Option<&'static str>, error: csv::Error) -> Self {
        match error.into_kind() {
            csv::ErrorKind::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<LineTooLong>()) => {
                Self::LineTooLong { path: path.into(), line }
            }
            csv::ErrorKind::Io(error) => Self::read(path, compression, error),
            other => Self::Read { path: path.into(), error: io::Error::other(format!("{other:?}")) },
        }
    }
}

fn read_as(labels: &[String]) -> String {
    if labels.is_empty() { String::new() } else { format!("; read as labels: {}", listed(labels)) }
}

fn quoted(column: Option<&str>) -> String {
    column.map_or_else(|| "a quoted field".to_owned(), |column| format!("the field of column `{column}`"))
}

fn bad_rows(problems: &[RowProblem], count: u64, rows: u64) -> String {
    let noun = if count == 1 { "row" } else { "rows" };
    let share = 100.0 * count as f64 / rows.max(1) as f64;
    let mut text = format!("{count} bad {noun} of {rows} ({share:.2} %)");
    push_lines(&mut text, problems, count);
    text
}

fn conflicts(shown: &[RowProblem], count: u64) -> String {
    let mut text = "series have two different values at one time".to_owned();
    push_lines(&mut text, shown, count);
    text
}

fn push_lines(text: &mut String, shown: &[RowProblem], count: u64) {
    for problem in shown {
        text.push_str(&format!("\n  {problem}"));
    }
    let left = count.saturating_sub(shown.iter().map(|problem| problem.rows).sum());
    if left > 0 {
        text.push_str(&format!("\n  and {left} more"));
    }
}
