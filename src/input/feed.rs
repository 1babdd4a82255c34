//! What the readers of all forms have in common: rows with a time in, batches out; bad rows are counted and told.

use std::sync::Arc;

use super::InputError;
use super::distinct::Distinct;
use super::lines::Lines;
use super::place;
use super::repeat::Repeats;
use super::settings::Settings;
use super::stamp::{StampError, Stamps, is_believed};
use super::summary::{InputSummary, RowProblem, TimeFound};
use crate::format::duration;
use crate::limits;
use crate::store::{Batch, Numbers};
use crate::time::{Millis, Timestamp};

/// How far a row may be away from the newest one. Unit: milliseconds.
const FAR: Millis = Millis(366 * 86_400_000);
/// Up to how many rows nobody can say which of two that are so far apart is wrong.
const FEW_ROWS: u64 = 10;

/// Why a reader stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// A row is before the one above it.
    Disorder {
        /// Its line.
        line: u64,
        /// Whether that row is of the same input, and not of one that was read before.
        own: bool,
    },
    /// The input cannot be read.
    Failed(InputError),
}

impl From<InputError> for Stop {
    fn from(error: InputError) -> Self {
        Self::Failed(error)
    }
}

/// The rows of one input in one form.
pub(super) trait Rows {
    /// Reads the next row that is not blank; false at the end.
    fn next_row(&mut self) -> Result<bool, InputError>;

    /// Returns the line on which the row begins.
    fn line(&self) -> u64;

    /// Returns the time of the row as it is written; the error is what is wrong with the row.
    fn time_field(&self) -> Result<&[u8], String>;

    /// Returns the name of the column that holds the times; asked for once there was a time.
    fn time_column(&self) -> &str;

    /// Returns whether a row without a time is none, such as a header that is repeated, and is passed over.
    ///
    /// # Errors
    /// When it begins another table.
    fn passes_over(&mut self) -> Result<bool, InputError> {
        Ok(false)
    }

    /// Adds the samples of the row; the error is what is wrong with the row, which then adds none.
    fn take(&mut self, at: Timestamp, numbers: &mut Numbers, batch: &mut Batch) -> Result<(), String>;

    /// Returns the rows that may repeat, and the lines where the next one stands; none where the next row is not there.
    fn repeats(&mut self) -> Option<(&mut Repeats, &mut Lines)> {
        None
    }

    /// Returns the time of the row, where it is known without reading a text.
    fn at(&self) -> Option<Timestamp> {
        None
    }

    /// Returns whether rows mostly come in time order; otherwise all of them are held and sorted.
    fn in_time_order(&self) -> bool {
        true
    }

    /// Returns whether a stale marker was read: such a recording says itself where series end.
    fn marks_ends(&self) -> bool {
        false
    }

    /// Returns the counts of the texts of label columns.
    fn distinct(&mut self) -> &mut Distinct;

    /// Returns the name of a column, where there are any.
    fn column(&self, _column: usize) -> String {
        String::new()
    }

    /// Says what was found, once the input was read to its end.
    fn describe(&self, summary: &mut InputSummary);

    /// Returns the numeric columns that might be labels, for the question about conflicts.
    fn label_candidates(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Reads the rows of one input into batches.
pub(super) struct Feed<R> {
    path: Arc<str>,
    rows: R,
    settings: Settings,
    /// None before the first time.
    stamps: Option<Stamps>,
    /// The time of the row, when it was read ahead.
    ahead: Option<Timestamp>,
    /// Whether rows may come in any order.
    any_order: bool,
    newest: Timestamp,
    newest_line: u64,
    problems: Vec<RowProblem>,
    summary: InputSummary,
}

impl<R: Rows> Feed<R> {
    pub(super) fn new(path: Arc<str>, rows: R, settings: Settings) -> Self {
        Self {
            summary: InputSummary { path: Arc::clone(&path), ..InputSummary::default() },
            path,
            rows,
            settings,
            stamps: None,
            ahead: None,
            any_order: false,
            newest: Timestamp::MIN,
            newest_line: 0,
            problems: Vec::new(),
        }
    }

    /// Takes rows in any order from now on.
    pub(super) fn take_any_order(&mut self) {
        self.any_order = true;
    }

    /// Sets the time before which no row may be.
    pub(super) fn start_at(&mut self, newest: Timestamp) {
        self.newest = self.newest.max(newest);
    }

    /// Returns whether rows mostly come in time order.
    pub(super) fn in_time_order(&self) -> bool {
        self.rows.in_time_order()
    }

    /// Returns whether a stale marker was read.
    pub(super) fn marks_ends(&self) -> bool {
        self.rows.marks_ends()
    }

    /// Returns the newest time so far.
    pub(super) fn newest(&self) -> Timestamp {
        self.newest
    }

    /// Reads ahead to the first row with a time; none if there is no such row.
    pub(super) fn first_time(&mut self) -> Result<Option<Timestamp>, InputError> {
        while self.ahead.is_none() && self.rows.next_row()? {
            self.summary.rows += 1;
            match self.time()? {
                Ok(at) => self.ahead = Some(at),
                Err(_) if self.rows.passes_over()? => self.summary.rows -= 1,
                Err(message) => self.bad_row(message),
            }
        }
        Ok(self.ahead)
    }

    /// Fills a batch; false at the end of the input, where the batch may be empty.
    pub(super) fn fill(&mut self, numbers: &mut Numbers, batch: &mut Batch) -> Result<bool, Stop> {
        while batch.len() < self.settings.batch_rows {
            if self.ahead.is_none() {
                self.fill_repeats(batch)?;
                if batch.len() == self.settings.batch_rows {
                    break;
                }
            }
            if self.first_time()?.is_none() {
                return match self.rows.distinct().too_many() {
                    Some((column, distinct)) => Err(self.text_column(column, distinct).into()),
                    None => Ok(false),
                };
            }
            let Some(at) = self.ahead.take() else { continue };
            if let Some(message) = self.far_off(at)? {
                self.bad_row(message);
                continue;
            }
            if at > self.newest {
                self.newest_line = self.rows.line();
            }
            if at < self.newest && !self.any_order {
                let own = self.summary.span.is_some_and(|(_, last)| at < last);
                return Err(Stop::Disorder { line: self.rows.line(), own });
            }
            let before = batch.len();
            match self.rows.take(at, numbers, batch) {
                Ok(()) => self.took(at, batch.len() - before)?,
                Err(message) => {
                    batch.truncate(before);
                    self.bad_row(message);
                }
            }
        }
        Ok(true)
    }

    /// Takes rows as long as they repeat ones that came before, until the batch is full.
    fn fill_repeats(&mut self, batch: &mut Batch) -> Result<(), InputError> {
        let Self { path, rows, settings, stamps: Some(stamps), newest, newest_line, summary, any_order, .. } = self
        else {
            return Ok(());
        };
        let Some((repeats, lines)) = rows.repeats() else { return Ok(()) };
        let before = batch.len();
        // The time for which the span was brought up to date, and how many times came.
        let (mut spanned, mut times) = (None, 0);
        loop {
            let above = lines.line;
            let text = lines.ahead(path)?;
            let (mut bytes, mut taken) = (0, 0);
            while batch.len() < settings.batch_rows {
                let Some(row) = repeats.find(&text[bytes..]) else { break };
                if let Some(time) = row.time {
                    let time = &text[bytes..][time];
                    // What is wrong with it is said where the row is read in whole.
                    let Ok(at) = stamps.read(time) else { break };
                    repeats.set_time(time, at);
                }
                let at = repeats.at();
                taken += 1;
                if spanned != Some(at) {
                    let is_far = *newest != Timestamp::MIN && at.since(*newest).0.abs() >= FAR.0;
                    if at < *newest && !*any_order || is_far && settings.form.time_unit.is_none() {
                        taken -= 1;
                        break;
                    }
                    if at > *newest {
                        *newest_line = above + taken;
                    }
                    times += u64::from(at != *newest);
                    *newest = at.max(*newest);
                    let (from, to) = summary.span.unwrap_or((at, at));
                    summary.span = Some((from.min(at), to.max(at)));
                    spanned = Some(at);
                }
                batch.push(row.series, at, row.value, place(repeats.file, above + taken));
                repeats.take(row.series);
                bytes += row.bytes;
            }
            if taken == 0 {
                break;
            }
            lines.pass_all(bytes, taken);
        }
        let taken = (batch.len() - before) as u64;
        summary.rows += taken;
        summary.samples += taken;
        rows.distinct().rows(taken, times);
        Ok(())
    }

    /// Says that a time is too far away from the newest one to be one of this recording; the user can say it is.
    ///
    /// # Errors
    /// When too few rows were read to know which of the two is wrong.
    fn far_off(&self, at: Timestamp) -> Result<Option<String>, InputError> {
        let distance = if self.newest == Timestamp::MIN { Millis::ZERO } else { at.since(self.newest) };
        if distance.0.abs() < FAR.0 || self.settings.form.time_unit.is_some() {
            return Ok(None);
        }
        if self.summary.rows <= FEW_ROWS {
            let rows = [(self.newest_line, self.newest), (self.rows.line(), at)];
            return Err(InputError::FarApart { path: Arc::clone(&self.path), rows });
        }
        let place = if distance.0 > 0 { "after" } else { "before" };
        let away = duration(Millis(distance.0.abs()));
        Ok(Some(format!("{at} is {away} {place} the rows read so far; `--time-unit s` accepts it")))
    }

    fn took(&mut self, at: Timestamp, samples: usize) -> Result<(), InputError> {
        self.summary.samples += samples as u64;
        let first = at != self.newest;
        self.newest = self.newest.max(at);
        if samples > 0 {
            let (from, to) = self.summary.span.unwrap_or((at, at));
            self.summary.span = Some((from.min(at), to.max(at)));
        }
        match self.rows.distinct().row(first) {
            Some((column, distinct)) => Err(self.text_column(column, distinct)),
            None => Ok(()),
        }
    }

    #[cold]
    fn text_column(&self, column: usize, distinct: usize) -> InputError {
        InputError::TextColumn {
            path: Arc::clone(&self.path),
            column: self.rows.column(column),
            distinct,
            rows: self.summary.rows,
        }
    }

    #[cold]
    fn bad_row(&mut self, message: String) {
        self.summary.bad_rows += 1;
        let cause = cause(&message);
        if let Some(alike) = self.problems.iter_mut().find(|problem| self::cause(&problem.message) == cause) {
            alike.rows += 1;
        } else if self.problems.len() < limits::BAD_ROWS_SHOWN {
            self.problems.push(RowProblem { path: Arc::clone(&self.path), line: self.rows.line(), message, rows: 1 });
        }
    }

    /// Reads the time of the row; the inner error is a bad row.
    fn time(&mut self) -> Result<Result<Timestamp, String>, InputError> {
        if let Some(at) = self.rows.at() {
            let any = self.settings.form.time_unit.is_some() || is_believed(at);
            let wrong = || format!("{at} is outside the years 2000 to 2100; `--time-unit ms` accepts it");
            return Ok(any.then_some(at).ok_or_else(wrong));
        }
        let field = match self.rows.time_field() {
            Ok(field) => field,
            Err(message) => return Ok(Err(message)),
        };
        let stamps = self.stamps.get_or_insert_with(|| Stamps::new(self.rows.time_column(), &self.settings));
        match stamps.read(field) {
            Ok(at) => Ok(Ok(at)),
            Err(StampError::Row(message)) => Ok(Err(message)),
            Err(StampError::Unit(tried)) => Err(InputError::TimeUnit {
                path: Arc::clone(&self.path),
                line: self.rows.line(),
                column: self.rows.time_column().to_owned(),
                text: String::from_utf8_lossy(field).into_owned(),
                tried,
            }),
        }
    }

    /// Returns what was found, once the input was read to its end.
    pub(super) fn finish(mut self) -> (InputSummary, Vec<RowProblem>) {
        let rows = self.summary.rows;
        let texts: Vec<(usize, usize)> = self.rows.distinct().suspicious().collect();
        let summary = &mut self.summary;
        self.rows.describe(summary);
        summary.warnings.extend(texts.into_iter().map(|(column, texts)| {
            let column = self.rows.column(column);
            format!("`{column}` has {texts} different texts in {rows} rows: is it a label? --ignore-columns {column}")
        }));
        let zone = self.settings.time_zone.as_ref().and_then(|zone| zone.iana_name());
        summary.recognized = self.settings.recognized;
        summary.guessed |= self.settings.recognized.is_some();
        let found = std::mem::take(&mut summary.form);
        summary.form = self.settings.form.clone().with(&found);
        if summary.form.zone_from.is_none() {
            summary.form.input_timezone = zone.map(str::to_owned);
        }
        summary.form.input_format = summary.form.input_format.or(summary.format.as_ref().map(|(format, _)| *format));
        let Some(stamps) = self.stamps else { return (self.summary, self.problems) };
        if stamps.mixes_zones() {
            summary.warnings.push("some times name a zone, others do not: are all of them in one?".to_owned());
        }
        if stamps.cut {
            summary.warnings.push("times are finer than milliseconds and were truncated".to_owned());
        }
        if let Some((unit, from)) = stamps.found() {
            summary.form.time_unit = unit;
            let zone = stamps.zoneless.then(|| stamps.zone_name());
            summary.time = Some(TimeFound { column: self.rows.time_column().to_owned(), unit, from, zone });
        }
        (self.summary, self.problems)
    }

    /// Returns the numeric columns that might be labels, for the question about conflicts.
    pub(super) fn label_candidates(&self) -> Vec<String> {
        self.rows.label_candidates()
    }

    /// Returns how many rows repeated ones before.
    #[cfg(test)]
    pub(super) fn repeated(&mut self) -> u64 {
        self.rows.repeats().map_or(0, |(repeats, _)| repeats.taken)
    }
}

/// Returns what is wrong with a row without the text of its cell, so that rows with one cause are one line.
fn cause(message: &str) -> (&str, &str) {
    let (column, rest) = match message.split_once("`: ") {
        Some((column, rest)) if column.starts_with("column `") || column.starts_with("field `") => (column, rest),
        _ => ("", message),
    };
    let quoted = rest.strip_prefix('`').and_then(|rest| rest.split_once('`'));
    (column, quoted.map_or(rest, |(_, rest)| rest))
}
