//! CSV: long, wide and two-column files.

mod header;
mod long;
#[cfg(test)]
mod tests;
mod wide;

use std::collections::VecDeque;
use std::sync::Arc;

use csv::ByteRecord;

use self::header::{Header, Role};
use self::long::Long;
use self::wide::Wide;
use super::bytes::Bytes;
use super::distinct::Distinct;
use super::feed::Rows;
use super::roles;
use super::summary::InputSummary;
use super::{InputError, ReadOptions};
use crate::store::{Batch, Store};
use crate::time::Timestamp;

/// Reads the rows of one CSV file.
pub(super) struct CsvRows {
    path: Arc<str>,
    csv: csv::Reader<Bytes>,
    record: ByteRecord,
    /// The line on which the record begins.
    line: u64,
    header: Header,
    shape: Shape,
    /// Columns that the user says are labels.
    labels: Vec<String>,
    /// Rows that were read ahead, each with its line.
    ahead: VecDeque<(ByteRecord, u64)>,
}

enum Shape {
    Long(Long),
    Wide(Wide),
}

impl CsvRows {
    /// Reads the header of a file; `file` is its number for [`Batch::rows`].
    pub(super) fn open(path: Arc<str>, bytes: Bytes, file: u16, options: &ReadOptions) -> Result<Self, InputError> {
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
        let shape = match header.roles.contains(&Role::Value) {
            true => Shape::Long(Long::new(file, &header, options)),
            false => Shape::Wide(Wide::new(file, &header, options)),
        };
        let mut rows =
            Self { path, csv, record, line: 1, header, shape, labels: options.labels.clone(), ahead: VecDeque::new() };
        rows.decide_roles()?;
        Ok(rows)
    }

    /// Reads as many rows ahead as are needed to know which columns of a wide file are metrics.
    fn decide_roles(&mut self) -> Result<(), InputError> {
        if !self.header.roles.contains(&Role::Undecided) {
            return Ok(());
        }
        let mut bytes = 0;
        while self.ahead.len() < roles::ROWS && bytes < roles::BYTES && self.read_row()? {
            bytes += self.record.as_slice().len();
            self.ahead.push_back((self.record.clone(), self.line));
        }
        let Shape::Wide(wide) = &mut self.shape else { return Ok(()) };
        let rows = self.ahead.iter().map(|(record, line)| (record, *line));
        let mixed = |(column, mixed)| InputError::MixedColumn { path: Arc::clone(&self.path), column, mixed };
        wide.decide_by(rows, &mut self.header).map_err(mixed)
    }

    /// Refuses a row of which a field goes on over lines, unless the user says what it is: it may be a quote that was
    /// left open, and hide the rows below it.
    #[cold]
    fn refuse_lines(&self) -> Result<(), InputError> {
        let Header { names, roles, .. } = &self.header;
        let meant = |at: usize| roles.get(at) == Some(&Role::Ignored) || self.labels.contains(&names[at]);
        let fits = self.record.len() == names.len();
        // A quote that is closed ends before the file does.
        let open = self.csv.is_done();
        let wrong =
            (0..self.record.len()).find(|at| self.record[*at].contains(&b'\n') && (open || !(fits && meant(*at))));
        let Some(at) = wrong else { return Ok(()) };
        let lines = 1 + memchr::memchr_iter(b'\n', &self.record[at]).count();
        let column = names.get(at).filter(|_| fits).cloned();
        Err(InputError::OpenQuote { path: Arc::clone(&self.path), line: self.line, lines, column })
    }

    /// Reads the next row that is not blank from the file; false at the end.
    fn read_row(&mut self) -> Result<bool, InputError> {
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
            if (end > start + 1 || self.csv.is_done()) && self.record.as_slice().contains(&b'\n') {
                self.refuse_lines()?;
            }
            if self.record.len() > 1 || !cell(&self.record, 0).is_empty() {
                return Ok(true);
            }
        }
    }

    /// Returns the line on which the record begins, where blank lines or line ends inside quotes are between.
    #[cold]
    fn line_of_record(&self, start: u64, end: u64) -> u64 {
        let inside = memchr::memchr_iter(b'\n', self.record.as_slice()).count() as u64;
        let open = self.csv.is_done() && !self.csv.get_ref().ends_with_newline();
        start + (end - start).saturating_sub(inside + u64::from(!open))
    }
}

impl Rows for CsvRows {
    fn next_row(&mut self) -> Result<bool, InputError> {
        match self.ahead.pop_front() {
            Some((record, line)) => {
                (self.record, self.line) = (record, line);
                Ok(true)
            }
            None => self.read_row(),
        }
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn time_field(&self) -> Result<&[u8], String> {
        let (found, expected) = (self.record.len(), self.header.names.len());
        if found == expected {
            return Ok(&self.record[self.header.time]);
        }
        Err(format!("{found} fields, but the header has {expected}"))
    }

    fn time_column(&self) -> &str {
        &self.header.names[self.header.time]
    }

    fn take(&mut self, at: Timestamp, store: &mut Store, batch: &mut Batch) -> Result<(), String> {
        let row = (&self.record, self.line, at);
        match &mut self.shape {
            Shape::Long(long) => long.row(row, store, batch),
            Shape::Wide(wide) => wide.row(row, &mut self.header, store, batch),
        }
    }

    fn distinct(&mut self) -> &mut Distinct {
        match &mut self.shape {
            Shape::Long(long) => &mut long.distinct,
            Shape::Wide(wide) => &mut wide.distinct,
        }
    }

    fn column(&self, column: usize) -> String {
        self.header.names[column].clone()
    }

    fn describe(&self, summary: &mut InputSummary) {
        summary.format = Some((self.header.format, self.header.why.clone()));
        summary.warnings.extend_from_slice(&self.header.warnings);
        let absent = match &self.shape {
            Shape::Long(long) => &long.absent,
            Shape::Wide(wide) => &wide.absent,
        };
        summary.warnings.extend(absent.describe("column", |column| self.header.names[column].clone()));
        if !self.csv.get_ref().ends_with_newline() {
            summary.warnings.push("the last line has no line end: is the file still being written?".to_owned());
        }
        summary.columns.clone_from(&self.header.given);
        let Header { names, roles, .. } = &self.header;
        let with = |wanted| {
            let found = roles.iter().zip(names).filter(move |(role, _)| **role == wanted);
            found.map(|(_, name)| name.clone()).collect()
        };
        (summary.label_columns, summary.metric_columns) = (with(Role::Label), with(Role::Number));
    }

    fn label_candidates(&self) -> Vec<String> {
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

/// Returns the field of a label; blanks around it do not belong to it unless they are kept.
fn label_cell(record: &ByteRecord, at: usize, keep_blanks: bool) -> &[u8] {
    let field = cell(record, at);
    if keep_blanks { field } else { field.trim_ascii() }
}

/// One row: its fields, line and time.
type Row<'a> = (&'a ByteRecord, u64, Timestamp);
