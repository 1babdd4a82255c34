//! CSV: long, wide and two-column files.

mod distinct;
mod header;
mod long;
#[cfg(test)]
mod tests;
mod wide;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use csv::ByteRecord;

use self::header::{Header, Role};
use self::long::Long;
use self::wide::Wide;
use super::bytes::{Bytes, Source};
use super::stamp::{StampError, Stamps};
use super::summary::{InputSummary, RowProblem, TimeFound};
use super::{InputError, ReadOptions};
use crate::limits;
use crate::store::{Batch, Store};
use crate::time::Timestamp;

/// Why a reader stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// A row lies before the one above it.
    Disorder {
        /// Its line.
        line: u64,
    },
    /// The input can not be read.
    Failed(InputError),
}

impl From<InputError> for Stop {
    fn from(error: InputError) -> Self {
        Self::Failed(error)
    }
}

/// Reads one CSV file into batches.
pub(super) struct Reader {
    path: Arc<str>,
    csv: csv::Reader<Bytes>,
    record: ByteRecord,
    /// The line on which the record begins.
    line: u64,
    /// The time of the record, when it was read ahead.
    ahead: Option<Timestamp>,
    header: Header,
    stamps: Stamps,
    shape: Shape,
    /// After how many samples a batch is full.
    batch_rows: usize,
    /// Whether rows may come in any order.
    any_order: bool,
    newest: Timestamp,
    problems: Vec<RowProblem>,
    summary: InputSummary,
}

enum Shape {
    Long(Long),
    Wide(Wide),
}

impl Reader {
    /// Opens an input and reads its header; `file` is its number for [`Batch::rows`].
    pub(super) fn open(
        source: &dyn Source,
        file: u16,
        options: &ReadOptions,
        read: &Arc<AtomicU64>,
    ) -> Result<Self, InputError> {
        let path: Arc<str> = source.name().into();
        let bytes = Bytes::open(source, read)?;
        if bytes.head().trim_ascii().is_empty() {
            return Err(InputError::Empty { path });
        }
        if let Some(found) = header::not_csv(bytes.head()) {
            return Err(InputError::NotCsv { path, found });
        }
        let mut csv = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(header::delimiter(bytes.head()))
            // A carriage return before the line end is taken off the last field, so that lines are counted rightly.
            .terminator(csv::Terminator::Any(b'\n'))
            .buffer_capacity(256 << 10)
            .from_reader(bytes);
        let mut record = ByteRecord::new();
        let compression = csv.get_ref().compression;
        csv.read_byte_record(&mut record).map_err(|error| InputError::csv(&path, 1, compression, error))?;
        let header = Header::new(&path, &record, options)?;
        let stamps = Stamps::new(&header.names[header.time], options.time_unit, options.time_zone.clone());
        let shape = match header.roles.contains(&Role::Value) {
            true => Shape::Long(Long::new(file, &header, options)),
            false => Shape::Wide(Wide::new(file, &header, options)),
        };
        let summary = InputSummary {
            path: Arc::clone(&path),
            format: Some((header.format, header.why.clone())),
            warnings: header.warnings.clone(),
            ..InputSummary::default()
        };
        Ok(Self {
            path,
            csv,
            record,
            line: 1,
            ahead: None,
            header,
            stamps,
            shape,
            batch_rows: options.batch_rows.max(1),
            any_order: false,
            newest: Timestamp::MIN,
            problems: Vec::new(),
            summary,
        })
    }

    /// Takes rows in any order from now on.
    pub(super) fn take_any_order(&mut self) {
        self.any_order = true;
    }

    /// Sets the time before which no row may lie.
    pub(super) fn start_at(&mut self, newest: Timestamp) {
        self.newest = self.newest.max(newest);
    }

    /// Returns the newest time so far.
    pub(super) fn newest(&self) -> Timestamp {
        self.newest
    }

    /// Reads ahead to the first row with a time; none if there is no such row.
    pub(super) fn first_time(&mut self) -> Result<Option<Timestamp>, InputError> {
        while self.ahead.is_none() && self.read_record()? {
            match self.time()? {
                Ok(at) => self.ahead = Some(at),
                Err(message) => self.bad_row(message),
            }
        }
        Ok(self.ahead)
    }

    /// Fills a batch; false at the end of the input, where the batch may be empty.
    pub(super) fn fill(&mut self, store: &mut Store, batch: &mut Batch) -> Result<bool, Stop> {
        while batch.len() < self.batch_rows {
            if self.first_time()?.is_none() {
                self.check_columns()?;
                return Ok(false);
            }
            let Some(at) = self.ahead.take() else { continue };
            if at < self.newest && !self.any_order {
                return Err(Stop::Disorder { line: self.line });
            }
            let before = batch.len();
            let row = (&self.record, self.line, at);
            let taken = match &mut self.shape {
                Shape::Long(long) => long.row(row, store, batch),
                Shape::Wide(wide) => wide.row(row, &mut self.header, store, batch),
            };
            match taken {
                Ok(()) => self.took(at, batch.len() - before)?,
                Err(message) => self.bad_row(message),
            }
        }
        Ok(true)
    }

    fn took(&mut self, at: Timestamp, samples: usize) -> Result<(), InputError> {
        self.summary.samples += samples as u64;
        let first = at != self.newest;
        self.newest = self.newest.max(at);
        let (from, to) = self.summary.span.unwrap_or((at, at));
        self.summary.span = Some((from.min(at), to.max(at)));
        let distinct = match &mut self.shape {
            Shape::Long(long) => &mut long.distinct,
            Shape::Wide(wide) => &mut wide.distinct,
        };
        match distinct.row(first) {
            Some((column, distinct)) => Err(self.text_column(column, distinct)),
            None => Ok(()),
        }
    }

    #[cold]
    fn text_column(&self, column: usize, distinct: usize) -> InputError {
        let column = self.header.names[column].clone();
        InputError::TextColumn { path: Arc::clone(&self.path), column, distinct, rows: self.summary.rows }
    }

    #[cold]
    fn bad_row(&mut self, message: String) {
        self.summary.bad_rows += 1;
        if self.problems.len() < limits::BAD_ROWS_SHOWN {
            self.problems.push(RowProblem { path: Arc::clone(&self.path), line: self.line, message });
        }
    }

    /// Reads the time of the record; the inner error is a bad row.
    fn time(&mut self) -> Result<Result<Timestamp, String>, InputError> {
        let (found, expected) = (self.record.len(), self.header.names.len());
        if found != expected {
            let mut message = format!("{found} fields, where the header has {expected}");
            if self.record.as_slice().contains(&b'\n') {
                message.push_str("; is a quote never closed?");
            }
            return Ok(Err(message));
        }
        let field = &self.record[self.header.time];
        match self.stamps.read(field) {
            Ok(at) => Ok(Ok(at)),
            Err(StampError::Row(message)) => Ok(Err(message)),
            Err(StampError::Unit(tried)) => Err(InputError::TimeUnit {
                path: Arc::clone(&self.path),
                line: self.line,
                column: self.header.names[self.header.time].clone(),
                text: String::from_utf8_lossy(field).into_owned(),
                tried,
            }),
        }
    }

    /// Reads the next record that is not blank; false at the end.
    fn read_record(&mut self) -> Result<bool, InputError> {
        loop {
            self.csv.get_mut().begin_record();
            let start = self.csv.position().line();
            match self.csv.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => {
                    let compression = self.csv.get_ref().compression;
                    return Err(InputError::csv(&self.path, start, compression, error));
                }
            }
            let end = self.csv.position().line();
            self.line = if end == start + 1 { start } else { self.line_of_record(start, end) };
            if self.record.len() > 1 || !cell(&self.record, 0).is_empty() {
                self.summary.rows += 1;
                return Ok(true);
            }
        }
    }

    /// Returns the line on which the record begins, where blank lines or line ends inside quotes lie between.
    #[cold]
    fn line_of_record(&self, start: u64, end: u64) -> u64 {
        let inside = memchr::memchr_iter(b'\n', self.record.as_slice()).count() as u64;
        let open = self.csv.is_done() && !self.csv.get_ref().ends_with_newline();
        start + (end - start).saturating_sub(inside + u64::from(!open))
    }

    fn check_columns(&self) -> Result<(), InputError> {
        let distinct = match &self.shape {
            Shape::Long(long) => &long.distinct,
            Shape::Wide(wide) => &wide.distinct,
        };
        match distinct.too_many() {
            Some((column, distinct)) => Err(self.text_column(column, distinct)),
            None => Ok(()),
        }
    }

    /// Returns what was found, once the input was read to its end.
    pub(super) fn finish(mut self) -> (InputSummary, Vec<RowProblem>) {
        let summary = &mut self.summary;
        if !self.csv.get_ref().ends_with_newline() {
            summary.warnings.push("the last line has no line end: is the file still being written?".to_owned());
        }
        if self.stamps.cut {
            summary.warnings.push("times are finer than milliseconds and were cut to them".to_owned());
        }
        if let Some((unit, from)) = self.stamps.found() {
            let zone = self.stamps.zoneless.then(|| self.stamps.zone_name());
            summary.time = Some(TimeFound { column: self.header.names[self.header.time].clone(), unit, from, zone });
        }
        if let Shape::Wide(_) = self.shape {
            let labels = self.header.roles.iter().zip(&self.header.names).filter(|(role, _)| **role == Role::Label);
            summary.label_columns = labels.map(|(_, name)| name.clone()).collect();
        }
        (self.summary, self.problems)
    }

    /// Returns the numeric columns that might be labels: those of whole numbers, for the question about conflicts.
    pub(super) fn label_candidates(&self) -> Vec<String> {
        match &self.shape {
            Shape::Wide(wide) => wide.label_candidates(&self.header),
            Shape::Long(_) => Vec::new(),
        }
    }
}

/// Returns a field; the last one without the carriage return of its line end.
fn cell(record: &ByteRecord, at: usize) -> &[u8] {
    let field = &record[at];
    if at + 1 == record.len() { field.strip_suffix(b"\r").unwrap_or(field) } else { field }
}

/// One row: its fields, line and time.
type Row<'a> = (&'a ByteRecord, u64, Timestamp);

/// Reads a cell as the value of a label.
fn label_value<'a>(name: &str, cell: &'a [u8]) -> Result<std::borrow::Cow<'a, str>, String> {
    let text = std::str::from_utf8(cell).map_err(|_| format!("`{name}` is not valid UTF-8"))?;
    if text.contains('\0') {
        return Err(format!("`{name}` has a NUL byte"));
    }
    Ok(match name {
        "le" | "quantile" => super::number::normalised_bound(text).into(),
        _ => text.into(),
    })
}
