//! Parquet, long or wide as CSV.
//!
//! The footer of a file stands at its end, so the file is held in memory as it is; its cells are decoded a few thousand
//! rows at a time.

mod cells;
mod guard;
mod schema;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::sync::Arc;

use ::parquet::column::reader::ColumnReader;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::FileReader;
use ::parquet::file::serialized_reader::SerializedFileReader;

use self::cells::{Cells, Want};
use self::guard::guarded;
use self::schema::{Column, Kind, Schema};
use super::absent::Absent;
use super::bytes::Bytes;
use super::distinct::Distinct;
use super::feed::Rows;
use super::host::Host;
use super::keys::{Keys, label_value, push_field};
use super::names::likely_labels;
use super::naming::{self, Named, Unnamed, take_apart};
use super::number::parse_value;
use super::settings::Settings;
use super::stamp::is_believed;
use super::summary::InputSummary;
use super::{Format, InputError, TimeUnit, place};
use crate::labels::{LabelBuilder, METRIC_NAME};
use crate::limits;
use crate::store::{Batch, Numbers, SeriesId};
use crate::time::Timestamp;

/// How many rows are decoded at once.
const SLICE: usize = 4096;

/// Reads the rows of one file.
pub(super) struct ParquetRows {
    path: Arc<str>,
    number: u16,
    file: SerializedFileReader<::bytes::Bytes>,
    schema: Schema,
    settings: Settings,
    /// The columns that are read, the time first, then labels, the metric and the values.
    columns: Vec<(Column, Want)>,
    /// The next row group.
    group: usize,
    /// Readers of the columns of the group at hand, and how many of its rows are left.
    readers: Vec<ColumnReader>,
    left: usize,
    /// The cells of a stretch of rows, by column, and how many rows it has.
    cells: Vec<Cells>,
    rows: usize,
    /// The row at hand, in the stretch and in the file, from 1.
    row: usize,
    line: u64,
    in_order: bool,
    cut: bool,
    absent: Absent,
    /// What the names of the values say, by ordinal.
    named: Vec<Named>,
    keys: Keys,
    key: Vec<u8>,
    sets: Vec<Result<Set, String>>,
    distinct: Distinct,
    /// By value column: whether all were whole numbers.
    whole: Vec<bool>,
    /// By label column: whether all its texts were numbers; none before there was one.
    numeric: Vec<Option<bool>>,
}

/// What rows with one key are of.
enum Set {
    /// A series of a long file.
    Series(SeriesId),
    /// The label set of a wide one.
    Host(Host),
}

impl ParquetRows {
    /// Reads the whole input and its schema; `number` is the number of the input.
    pub(super) fn open(path: Arc<str>, mut bytes: Bytes, number: u16, settings: &Settings) -> Result<Self, InputError> {
        let compression = bytes.compression;
        let mut whole = Vec::new();
        loop {
            bytes.begin_record();
            let read = bytes.by_ref().take(limits::LINE_BYTES as u64).read_to_end(&mut whole);
            let count = read.map_err(|error| InputError::read(&path, compression, error))?;
            if whole.len() > limits::PARQUET_BYTES {
                return Err(InputError::TooLong { path });
            }
            if count == 0 {
                break;
            }
        }
        let damaged = |error| damaged(&path, &error);
        let file = guarded(|| SerializedFileReader::new(::bytes::Bytes::from(whole))).map_err(damaged)?;
        let schema = file.metadata().file_metadata().schema_descr_ptr();
        let mut is_time = |column: &Column| guarded(|| first_is_time(&file, column)).map_err(damaged);
        let schema = Schema::new(&path, &schema, settings, &mut is_time)?;
        let columns = [(schema.time.clone(), Want::Times)]
            .into_iter()
            .chain(schema.labels.iter().chain(&schema.metric).map(|column| (column.clone(), Want::Texts)))
            .chain(schema.values.iter().map(|column| (column.clone(), Want::Values)))
            .collect();
        let named = schema.values.iter().map(|column| naming::named(&column.name, &settings.form));
        let named = named.collect::<Result<Vec<Named>, Unnamed>>().map_err(|error| match error {
            Unnamed::Nameless => InputError::NamelessColumn { path: Arc::clone(&path), column: "{..}".to_owned() },
            Unnamed::Wrong(what) => InputError::Contradiction { path: Arc::clone(&path), what },
        })?;
        let mut rows = Self {
            path: Arc::clone(&path),
            number,
            settings: settings.clone(),
            columns,
            group: 0,
            readers: Vec::new(),
            left: 0,
            cells: Vec::new(),
            rows: 0,
            row: 0,
            line: 0,
            in_order: true,
            cut: false,
            absent: Absent::new(&settings.form.null),
            named,
            keys: Keys::default(),
            key: Vec::new(),
            sets: Vec::new(),
            distinct: Distinct::default(),
            whole: vec![true; schema.values.len()],
            numeric: vec![None; schema.labels.len()],
            schema,
            file,
        };
        rows.in_order = guarded(|| rows.is_in_order()).map_err(damaged)?;
        Ok(rows)
    }

    /// Looks through the times of the file; texts are taken to be in order until one is not.
    fn is_in_order(&self) -> Result<bool, ParquetError> {
        let (column, mut last, mut cut) = (&self.schema.time, i64::MIN, false);
        if matches!(column.kind, Kind::Text | Kind::Float) {
            return Ok(true);
        }
        for group in 0..self.file.num_row_groups() {
            let group = self.file.get_row_group(group)?;
            let mut reader = group.get_column_reader(column.leaf)?;
            let mut left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            while left > 0 {
                let rows = left.min(SLICE);
                left -= rows;
                let times: Vec<i64> = match cells::read(&mut reader, column, Want::Values, rows, &mut cut)? {
                    Cells::Times(times) => times.into_iter().flatten().map(|at| at.0).collect(),
                    Cells::Numbers(numbers) => numbers.into_iter().flatten().map(|number| number as i64).collect(),
                    Cells::Texts(_) => Vec::new(),
                };
                if times.first().is_some_and(|first| *first < last) || !times.is_sorted() {
                    return Ok(false);
                }
                last = times.last().copied().unwrap_or(last);
            }
        }
        Ok(true)
    }

    /// Decodes the next stretch of rows; false at the end.
    fn next_slice(&mut self) -> Result<bool, ParquetError> {
        while self.left == 0 {
            if self.group == self.file.num_row_groups() {
                return Ok(false);
            }
            let group = self.file.get_row_group(self.group)?;
            self.left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            let readers = self.columns.iter().map(|(column, _)| group.get_column_reader(column.leaf));
            self.readers = readers.collect::<Result<_, _>>()?;
            self.group += 1;
        }
        self.rows = self.left.min(SLICE);
        self.left -= self.rows;
        self.row = 0;
        self.cells.clear();
        for ((column, want), reader) in self.columns.iter().zip(&mut self.readers) {
            self.cells.push(cells::read(reader, column, *want, self.rows, &mut self.cut)?);
        }
        let zoneless = matches!(self.schema.time.kind, Kind::Time { zoned: false, .. });
        if zoneless && self.settings.time_zone.is_some() {
            self.cells[0].write_times();
        }
        Ok(true)
    }

    /// Returns the text of a label or of the metric; empty where there is none.
    fn text(&self, at: usize) -> &[u8] {
        let text = match &self.cells[at] {
            Cells::Texts(texts) => texts[self.row].as_ref().map_or(&[][..], ByteArray::data),
            Cells::Numbers(_) | Cells::Times(_) => &[],
        };
        if self.settings.form.keep_blanks { text } else { text.trim_ascii() }
    }

    /// Makes the series or the label set of a key.
    #[cold]
    fn add_set(&mut self, numbers: &mut Numbers) -> Result<Set, String> {
        let mut labels = LabelBuilder::default();
        for (at, column) in self.schema.labels.iter().enumerate() {
            let value = label_value(&column.name, self.text(1 + at))?.into_owned();
            labels.set(&column.name, &value);
            if !self.settings.form.labels.contains(&column.name) {
                self.distinct.note(at, value.as_bytes());
            }
            if !value.is_empty() {
                let number = column.kind == Kind::Text && value.parse::<f64>().is_ok();
                self.numeric[at] = Some(number && self.numeric[at] != Some(false));
            }
        }
        let Some(metric) = &self.schema.metric else {
            return Host::new(labels, &self.settings.fixed, numbers).map(Set::Host);
        };
        let name = label_value(&metric.name, self.text(1 + self.schema.labels.len()))?;
        if name.trim().is_empty() {
            return Err("the metric name is empty".to_owned());
        }
        labels.set(METRIC_NAME, name.trim());
        take_apart(&mut labels)?;
        self.settings.fixed.give(&mut labels)?;
        Ok(Set::Series(numbers.series(&labels.build())))
    }
}

/// Returns the value of a cell; none where there is no sample.
fn value(
    cells: &Cells,
    row: usize,
    ordinal: usize,
    column: &Column,
    absent: &mut Absent,
) -> Result<Option<f64>, String> {
    let text = match cells {
        Cells::Numbers(numbers) => return Ok(numbers[row]),
        Cells::Texts(texts) => texts[row].as_ref().map_or(&[][..], |text| text.data().trim_ascii()),
        Cells::Times(_) => return Ok(None),
    };
    match parse_value(text) {
        _ if absent.is_empty(text) => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(_) if absent.is_word(ordinal, text) => Ok(None),
        Err(message) => Err(format!("column `{}`: {message}", column.name)),
    }
}

/// Returns whether the first cell of a column is a time in some unit.
fn first_is_time(file: &SerializedFileReader<::bytes::Bytes>, column: &Column) -> Result<bool, ParquetError> {
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group)?;
        if group.metadata().num_rows() == 0 {
            continue;
        }
        let mut reader = group.get_column_reader(column.leaf)?;
        let Cells::Numbers(first) = cells::read(&mut reader, column, Want::Values, 1, &mut false)? else { break };
        let Some(first) = first[0] else { break };
        let millis = |unit: &TimeUnit| Timestamp((first / unit.per_second() as f64 * 1000.0) as i64);
        return Ok(TimeUnit::ALL.iter().any(|unit| is_believed(millis(unit))));
    }
    Ok(false)
}

#[cold]
fn damaged(path: &Arc<str>, error: &ParquetError) -> InputError {
    let error = error.to_string();
    if let Some((_, codec)) = error.split_once("Disabled feature at compile time: ") {
        return InputError::Codec { path: Arc::clone(path), codec: codec.to_owned() };
    }
    let error = error.strip_prefix("Parquet error: ").or(error.strip_prefix("EOF: ")).unwrap_or(&error);
    let found = format!("the Parquet data is truncated or damaged: {error}");
    InputError::Export { path: Arc::clone(path), found }
}

impl Rows for ParquetRows {
    fn next_row(&mut self) -> Result<bool, InputError> {
        self.row += 1;
        if self.row >= self.rows {
            let more = guarded(|| self.next_slice()).map_err(|error| damaged(&self.path, &error))?;
            if !more {
                return Ok(false);
            }
        }
        self.line += 1;
        Ok(true)
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn at(&self) -> Option<Timestamp> {
        match &self.cells[0] {
            Cells::Times(times) => times[self.row],
            Cells::Numbers(_) | Cells::Texts(_) => None,
        }
    }

    fn time_field(&self) -> Result<&[u8], String> {
        let text = match &self.cells[0] {
            Cells::Texts(texts) => texts[self.row].as_ref().map(ByteArray::data),
            Cells::Times(_) | Cells::Numbers(_) => None,
        };
        text.ok_or_else(|| "the time is empty".to_owned())
    }

    fn time_column(&self) -> &str {
        &self.schema.time.name
    }

    fn take(&mut self, at: Timestamp, numbers: &mut Numbers, batch: &mut Batch) -> Result<(), String> {
        let values = self.columns.len() - self.schema.values.len();
        let mut first = None;
        if let (Some(_), Some(column)) = (&self.schema.metric, self.schema.values.first()) {
            first = value(&self.cells[values], self.row, 0, column, &mut self.absent)?;
            // A row without a value is no series either.
            if first.is_none() {
                return Ok(());
            }
        }
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        for column in 1..values {
            push_field(&mut key, self.text(column));
        }
        let (number, new) = self.keys.number(&key);
        self.key = key;
        if new {
            let set = self.add_set(numbers);
            self.sets.push(set);
        }
        let set = self.sets[number as usize].as_mut().map_err(|message| message.clone())?;
        for (ordinal, column) in self.schema.values.iter().enumerate() {
            let value = match first.take() {
                Some(value) => Some(value),
                None => value(&self.cells[values + ordinal], self.row, ordinal, column, &mut self.absent)?,
            };
            let Some(value) = value else { continue };
            self.whole[ordinal] &= value.fract() == 0.0;
            let series = match set {
                Set::Series(series) => *series,
                Set::Host(host) => host.series(ordinal, &self.named[ordinal], numbers),
            };
            batch.push(series, at, value, place(self.number, self.line));
        }
        if let Set::Host(host) = set {
            host.end_row(at, batch);
        }
        Ok(())
    }

    fn distinct(&mut self) -> &mut Distinct {
        &mut self.distinct
    }

    fn column(&self, column: usize) -> String {
        self.schema.labels[column].name.clone()
    }

    fn in_time_order(&self) -> bool {
        self.in_order
    }

    fn describe(&self, summary: &mut InputSummary) {
        let Schema { names, time, labels, values, metric, why, warnings } = &self.schema;
        let zoneless = matches!(time.kind, Kind::Time { zoned: false, .. }) && self.settings.time_zone.is_none();
        let zone = if zoneless { "; times without a zone, read as UTC" } else { "" };
        summary.format = Some((Format::Parquet, format!("{why}{zone}")));
        summary.warnings.extend_from_slice(warnings);
        summary.warnings.extend(self.absent.describe("column", |column| values[column].name.clone()));
        if self.cut {
            summary.warnings.push("times are finer than milliseconds and were truncated".to_owned());
        }
        let numeric = |(_, numeric): &(&Column, &Option<bool>)| metric.is_none() && **numeric == Some(true);
        for (label, _) in labels.iter().zip(&self.numeric).filter(numeric) {
            summary.warnings.push(format!(
                "column `{}` holds numbers as texts and is read as a label; write it as a column of numbers if it is a metric",
                label.name
            ));
        }
        summary.columns.clone_from(names);
        let listed = |columns: &[Column]| columns.iter().map(|column| column.name.clone()).collect();
        summary.label_columns = listed(labels);
        if metric.is_none() {
            summary.metric_columns = listed(values);
        }
    }

    fn label_candidates(&self) -> Vec<String> {
        let whole = self.schema.values.iter().zip(&self.whole).filter(|(_, whole)| **whole);
        let wide = self.schema.metric.is_none();
        likely_labels(whole.filter(|_| wide).map(|(column, _)| &column.name).collect())
    }
}
