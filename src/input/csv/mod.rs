//! CSV: long, wide and two-column files.

mod form;
mod header;
mod levels;
mod long;
mod repeats;
mod start;
#[cfg(test)]
mod tests;
mod wide;

use std::collections::VecDeque;
use std::sync::Arc;

use csv::ByteRecord;

use self::header::{Header, Names, Role};
use self::long::Long;
use self::wide::Wide;
use super::InputError;
use super::bytes::Bytes;
use super::distinct::Distinct;
use super::feed::Rows;
use super::lines::Lines;
use super::number::is_numeric_cell;
use super::repeat::Repeats;
use super::roles;
use super::settings::Settings;
use super::summary::InputSummary;
use crate::format::counted;
use crate::store::{Batch, Numbers};
use crate::time::Timestamp;

/// Reads the rows of one CSV file: a table, or several with a header each.
pub(super) struct CsvRows {
    path: Arc<str>,
    csv: csv::Reader<Lines>,
    file: u16,
    settings: Settings,
    record: ByteRecord,
    /// The line on which the record begins.
    line: u64,
    /// How many lines come before what the CSV reader was given.
    above: u64,
    delimiter: u8,
    /// Whether headers have a `#` before them.
    hash: bool,
    /// The header as it stands in the file, or its first row.
    first: ByteRecord,
    table: Table,
    /// None where rows of this table are not compared with those before.
    repeats: Option<Repeats>,
    /// Rows of tables above that went past the CSV reader.
    repeated: u64,
    /// Whether the record is the line that was read last.
    is_last: bool,
    /// Rows that were read ahead, each with its line.
    ahead: VecDeque<(ByteRecord, u64)>,
    /// The header of the next table.
    next: Option<(ByteRecord, u64)>,
    /// The time of the row, where it is made of several cells.
    joined: Vec<u8>,
    /// What was found in tables that were read to their end.
    told: Vec<String>,
    /// Rows that the form passes over, and headers that are repeated.
    passed: (u64, u64),
    /// Comments between the rows.
    comments: u64,
}

/// A header and what is known of the rows below it.
struct Table {
    header: Header,
    shape: Shape,
}

enum Shape {
    Long(Long),
    Wide(Wide),
}

impl CsvRows {
    /// Reads the header of a file; `file` is its number for [`Batch::rows`].
    pub(super) fn open(path: Arc<str>, mut bytes: Bytes, file: u16, settings: Settings) -> Result<Self, InputError> {
        if let Some(found) = header::not_csv(bytes.head()) {
            return Err(InputError::NotCsv { path, found });
        }
        let found = start::find(bytes.head(), &settings.form);
        let start = found.map_err(|found| InputError::NotCsv { path: Arc::clone(&path), found })?;
        bytes.skip(start.bytes);
        let mut csv = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(start.delimiter)
            // A carriage return before the line end is taken off the last field, so that lines are counted rightly.
            .terminator(csv::Terminator::Any(b'\n'))
            .buffer_capacity(16 << 10)
            .from_reader(Lines::below(bytes, start.lines));
        let mut record = ByteRecord::new();
        let compression = csv.get_ref().compression();
        let line = start.lines + 1;
        csv.read_byte_record(&mut record).map_err(|error| InputError::csv(&path, line, compression, error))?;
        if record.is_empty() {
            return Err(InputError::HeaderOnly { path });
        }
        let (table, mut ahead) = (Table::none(), VecDeque::new());
        ahead.push_back((record.clone(), line));
        let mut rows = Self {
            path,
            csv,
            file,
            settings,
            record,
            line,
            above: start.lines,
            delimiter: start.delimiter,
            hash: start.hash,
            first: ByteRecord::new(),
            table,
            repeats: None,
            repeated: 0,
            is_last: false,
            ahead,
            next: None,
            joined: Vec::new(),
            told: start.notes,
            passed: (0, 0),
            comments: 0,
        };
        rows.begin_table()?;
        Ok(rows)
    }

    /// Reads the header of a table off the rows that were read ahead, which are the first of it, and decides what its
    /// columns are.
    fn begin_table(&mut self) -> Result<(), InputError> {
        self.first = self.ahead.front().map(|(record, _)| record.clone()).unwrap_or_default();
        self.read_ahead(levels::ROWS)?;
        let first: Vec<&ByteRecord> = self.ahead.iter().take(levels::ROWS).map(|(record, _)| record).collect();
        let names = Names::read(&self.path, &first, &self.settings)?;
        self.ahead.drain(..names.rows);
        let first = self.ahead.front().map(|(record, _)| record);
        let header = Header::new(&self.path, names, first, &self.settings)?;
        let shape = match header.roles.contains(&Role::Value) {
            true => Shape::Long(Long::new(self.file, &header, &self.settings)),
            false => Shape::Wide(Wide::new(self.file, &header, &self.settings)),
        };
        self.table = Table { header, shape };
        for (at, (record, line)) in
            self.ahead.iter().enumerate().filter(|(_, (record, _))| record.as_slice().contains(&b'\n'))
        {
            let last = at + 1 == self.ahead.len();
            self.refuse_lines(record, *line, last && self.csv.is_done())?;
        }
        self.decide_roles()?;
        self.begin_repeats();
        Ok(())
    }

    /// Reads rows ahead until there are so many.
    fn read_ahead(&mut self, rows: usize) -> Result<(), InputError> {
        let mut bytes = self.ahead.iter().map(|(record, _)| record.as_slice().len()).sum::<usize>();
        while self.ahead.len() < rows && bytes < roles::BYTES && self.read_row()? {
            bytes += self.record.as_slice().len();
            self.ahead.push_back((self.record.clone(), self.line));
        }
        Ok(())
    }

    /// Reads as many rows ahead as are needed to know which columns of a wide file are metrics.
    fn decide_roles(&mut self) -> Result<(), InputError> {
        if !self.table.header.roles.contains(&Role::Undecided) && self.csv_has_commas() {
            return Ok(());
        }
        self.read_ahead(roles::ROWS)?;
        if !self.csv_has_commas() && self.settings.form.decimal.is_none() {
            self.table.find_commas(self.ahead.iter().map(|(record, _)| record));
        }
        let Shape::Wide(wide) = &mut self.table.shape else { return Ok(()) };
        let rows = self.ahead.iter().map(|(record, line)| (record, *line));
        let mixed = |(column, mixed)| InputError::MixedColumn { path: Arc::clone(&self.path), column, mixed };
        wide.decide_by(rows, &mut self.table.header).map_err(mixed)
    }

    /// Returns whether commas separate the cells, so that none is in a number.
    fn csv_has_commas(&self) -> bool {
        self.delimiter == b','
    }

    /// Refuses a row of which a field goes on over lines, unless the user says what it is: it may be a quote that was
    /// left open, and hide the rows below it.
    #[cold]
    fn refuse_lines(&self, record: &ByteRecord, line: u64, last: bool) -> Result<(), InputError> {
        let Header { names, roles, .. } = &self.table.header;
        let meant = |at: usize| roles.get(at) == Some(&Role::Ignored) || self.settings.form.labels.contains(&names[at]);
        let fits = record.len() == names.len();
        // A quote that is closed ends before the file does.
        let wrong = (0..record.len()).find(|at| record[*at].contains(&b'\n') && (last || !(fits && meant(*at))));
        let Some(at) = wrong else { return Ok(()) };
        let lines = 1 + memchr::memchr_iter(b'\n', &record[at]).count();
        let column = names.get(at).filter(|_| fits).cloned();
        Err(InputError::OpenQuote { path: Arc::clone(&self.path), line, lines, column })
    }

    /// Reads the next row that is not blank from the file; false at the end of the table.
    fn read_row(&mut self) -> Result<bool, InputError> {
        if self.next.is_some() {
            return Ok(false);
        }
        loop {
            self.csv.get_mut().begin_record();
            let start = self.csv.position().line();
            match self.csv.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => {
                    let compression = self.csv.get_ref().compression();
                    return Err(InputError::csv(&self.path, start + self.above(), compression, error));
                }
            }
            let end = self.csv.position().line();
            self.line = self.above() + if end == start + 1 { start } else { self.line_of_record(start, end) };
            let lines = (end > start + 1 || self.csv.is_done()) && self.record.as_slice().contains(&b'\n');
            if lines && !self.table.header.names.is_empty() {
                self.refuse_lines(&self.record, self.line, self.csv.is_done())?;
            }
            if self.settings.form.skip_rows.as_ref().is_some_and(|pattern| pattern.is_in(self.record.as_slice())) {
                self.passed.0 += 1;
                continue;
            }
            if self.hash && self.record.get(0).is_some_and(|cell| cell.starts_with(b"#")) {
                if self.begins_table() {
                    return Ok(false);
                }
                continue;
            }
            if self.record.len() > 1 || !cell(&self.record, 0).is_empty() {
                return Ok(true);
            }
        }
    }

    /// Returns how many lines the CSV reader was not given.
    fn above(&self) -> u64 {
        self.above + self.repeated + self.repeats.as_ref().map_or(0, |repeats| repeats.taken)
    }

    /// Takes a row that begins with `#` for the header of the next table; false where it is that of this one again.
    #[cold]
    fn begins_table(&mut self) -> bool {
        let bare = |cell: &[u8]| cell.strip_prefix(b"#").unwrap_or(cell).trim_ascii().to_owned();
        let header: ByteRecord = self.record.iter().map(bare).collect();
        if header.iter().map(text).eq(self.first.iter().map(text)) {
            self.passed.1 += 1;
            return false;
        }
        self.next = Some((header, self.line));
        true
    }

    /// Goes on to the next table; false where there is none.
    fn next_table(&mut self) -> Result<bool, InputError> {
        let Some(header) = self.next.take() else { return Ok(false) };
        self.told.append(&mut self.table.describe());
        self.table = Table::none();
        self.ahead.push_back(header);
        self.begin_table()?;
        Ok(true)
    }

    /// Returns the line on which the record begins, where blank lines or line ends inside quotes are between.
    #[cold]
    fn line_of_record(&self, start: u64, end: u64) -> u64 {
        let inside = memchr::memchr_iter(b'\n', self.record.as_slice()).count() as u64;
        let open = self.csv.is_done() && !self.csv.get_ref().ended;
        start + (end - start).saturating_sub(inside + u64::from(!open))
    }

    /// Joins the cells of the time, where there are several.
    fn join_time(&mut self) {
        let time = &self.table.header.time;
        if time.len() < 2 || self.record.len() != self.table.header.names.len() {
            return;
        }
        self.joined.clear();
        for at in time {
            self.joined.extend_from_slice(cell(&self.record, *at).trim_ascii());
            self.joined.push(b' ');
        }
        self.joined.pop();
    }
}

impl Table {
    /// Makes a table that is replaced before it is used.
    fn none() -> Self {
        let header = Header {
            format: super::Format::CsvWide,
            why: String::new(),
            given: Vec::new(),
            names: Vec::new(),
            named: Vec::new(),
            roles: Vec::new(),
            time: Vec::new(),
            time_name: String::new(),
            metric: None,
            warnings: Vec::new(),
            renamed: Vec::new(),
        };
        let shape = Shape::Wide(Wide::new(0, &header, &Settings::default()));
        Self { header, shape }
    }

    /// Takes commas as decimal signs if they can be nothing else in the rows read ahead.
    fn find_commas<'a>(&mut self, rows: impl Iterator<Item = &'a ByteRecord>) {
        let mut commas = super::values::Commas::default();
        let open = |at: &usize| matches!(self.header.roles[*at], Role::Undecided | Role::Value | Role::Number);
        for record in rows.filter(|record| record.len() == self.header.names.len()) {
            (0..record.len()).filter(open).for_each(|at| commas.take(cell(record, at).trim_ascii()));
        }
        if commas.may_group() {
            self.header.warnings.push(
                "numbers such as 1.230 are read with a decimal point; if it separates thousands, export without it"
                    .to_owned(),
            );
        }
        if commas.are_decimal() {
            self.header.warnings.push("numbers have a decimal comma (--decimal ,)".to_owned());
            match &mut self.shape {
                Shape::Long(long) => long.values.take_commas(),
                Shape::Wide(wide) => wide.values.take_commas(),
            }
        }
    }

    /// Says what was found, a sentence each.
    fn describe(&self) -> Vec<String> {
        let values = match &self.shape {
            Shape::Long(long) => &long.values,
            Shape::Wide(wide) => &wide.values,
        };
        let words = values.describe("column", |column| self.header.names[column].clone());
        self.header.warnings.iter().cloned().chain(self.header.renames()).chain(words).collect()
    }
}

impl Rows for CsvRows {
    fn next_row(&mut self) -> Result<bool, InputError> {
        if let Some(repeats) = &mut self.repeats {
            repeats.forget_time();
        }
        loop {
            self.is_last = self.ahead.is_empty();
            if let Some((record, line)) = self.ahead.pop_front() {
                (self.record, self.line) = (record, line);
            } else if !self.read_row()? {
                if self.next_table()? {
                    continue;
                }
                return Ok(false);
            }
            self.join_time();
            return Ok(true);
        }
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn time_field(&self) -> Result<&[u8], String> {
        let header = &self.table.header;
        let (found, expected) = (self.record.len(), header.names.len());
        if found == expected {
            return Ok(if header.time.len() == 1 { &self.record[header.time[0]] } else { &self.joined });
        }
        Err(format!("{}, but the header has {expected}", counted(found as u64, "field")))
    }

    fn time_column(&self) -> &str {
        &self.table.header.time_name
    }

    fn passes_over(&mut self) -> Result<bool, InputError> {
        let again = self.record.iter().map(text).eq(self.first.iter().map(text));
        self.passed.1 += u64::from(again);
        if self.record.len() == 1 && self.record[0].starts_with(b"#") {
            self.comments += 1;
            return Ok(true);
        }
        let header = &self.table.header;
        let time = header.time.first().and_then(|at| header.given.get(*at));
        let names_time = || self.record.iter().any(|cell| Some(&text(cell)) == time);
        let has_number = || self.record.iter().any(|cell| is_numeric_cell(cell.trim_ascii()));
        if !again && self.record.len() > 1 && names_time() && !has_number() {
            return Err(InputError::OtherHeader { path: Arc::clone(&self.path), line: self.line });
        }
        Ok(again)
    }

    fn repeats(&mut self) -> Option<(&mut Repeats, &mut Lines)> {
        self.may_repeat()
    }

    fn take(&mut self, at: Timestamp, numbers: &mut Numbers, batch: &mut Batch) -> Result<(), String> {
        let row = (&self.record, self.line, at);
        let Table { header, shape } = &mut self.table;
        match shape {
            Shape::Long(long) => {
                let before = batch.len();
                long.row(row, numbers, batch)?;
                if batch.len() > before {
                    self.learn(at, batch);
                }
                Ok(())
            }
            Shape::Wide(wide) => wide.row(row, header, numbers, batch),
        }
    }

    fn distinct(&mut self) -> &mut Distinct {
        match &mut self.table.shape {
            Shape::Long(long) => &mut long.distinct,
            Shape::Wide(wide) => &mut wide.distinct,
        }
    }

    fn column(&self, column: usize) -> String {
        self.table.header.names[column].clone()
    }

    fn describe(&self, summary: &mut InputSummary) {
        summary.format = Some((self.table.header.format, self.table.header.why.clone()));
        summary.warnings.extend_from_slice(&self.told);
        summary.warnings.extend(self.table.describe());
        if self.passed.0 > 0 {
            summary.warnings.push(format!("{} passed over, as the form says", counted(self.passed.0, "row")));
        }
        if self.comments > 0 {
            summary.warnings.push(format!("{} between the rows passed over", counted(self.comments, "comment")));
        }
        if self.passed.1 > 0 {
            summary.warnings.push(format!("the header is repeated {}", counted(self.passed.1, "time")));
        }
        if !self.csv.get_ref().ended {
            summary.warnings.push("the last line has no line end: is the file still being written?".to_owned());
        }
        self.found(summary);
        summary.columns.clone_from(&self.table.header.given);
        let Header { names, roles, .. } = &self.table.header;
        let with = |wanted| {
            let found = roles.iter().zip(names).filter(move |(role, _)| **role == wanted);
            found.map(|(_, name)| name.clone()).collect()
        };
        (summary.label_columns, summary.metric_columns) = (with(Role::Label), with(Role::Number));
    }

    fn label_candidates(&self) -> Vec<String> {
        match &self.table.shape {
            Shape::Wide(wide) => wide.label_candidates(&self.table.header),
            Shape::Long(_) => Vec::new(),
        }
    }
}

/// Returns a field; the last one without the carriage return of its line end.
fn cell(record: &ByteRecord, at: usize) -> &[u8] {
    let field = &record[at];
    if at + 1 == record.len() { field.strip_suffix(b"\r").unwrap_or(field) } else { field }
}

/// Returns a cell of a header as text, without blanks around it.
fn text(cell: &[u8]) -> String {
    String::from_utf8_lossy(cell.trim_ascii()).into_owned()
}

/// Returns the field of a label; blanks around it do not belong to it unless they are kept.
fn label_cell(record: &ByteRecord, at: usize, keep_blanks: bool) -> &[u8] {
    let field = cell(record, at);
    if keep_blanks { field } else { field.trim_ascii() }
}

/// One row: its fields, line and time.
type Row<'a> = (&'a ByteRecord, u64, Timestamp);
