//! JSONL: one object a line, which is a sample or a snapshot of many metrics.
//!
//! Texts that `serde_json` reads become bytes that are used again for the next line, so a line whose names and labels
//! were seen before allocates nothing.

mod form;
mod labels;
mod object;
mod samples;
mod snapshots;
#[cfg(test)]
mod tests;
mod wrong;

use std::sync::Arc;

use self::form::{Form, Unknown};
use self::object::{Object, Scalar};
use self::samples::Samples;
use self::snapshots::Snapshots;
use self::wrong::{Wrong, kind, read, refused};
use super::bytes::Bytes;
use super::distinct::Distinct;
use super::feed::Rows;
use super::lines::Lines;
use super::number::parse_value;
use super::summary::InputSummary;
use super::{InputError, ReadOptions};
use crate::limits;
use crate::store::{Batch, Store};
use crate::time::Timestamp;

/// Reads the rows of one JSONL file.
pub(super) struct JsonlRows {
    path: Arc<str>,
    lines: Lines,
    file: u16,
    options: ReadOptions,
    object: Object,
    /// None before the first object with a time.
    form: Option<(Form, Shape)>,
    /// What is wrong with the row, or its time as text.
    time: Result<Vec<u8>, String>,
    /// Whether some row was read.
    any: bool,
    /// Whether the last line stops inside its object.
    cut: bool,
    /// The counts of a file whose form is not known yet.
    none: Distinct,
}

enum Shape {
    Samples(Box<Samples>),
    Snapshots(Box<Snapshots>),
}

impl JsonlRows {
    /// Begins a file; `file` is its number for [`Batch::rows`].
    pub(super) fn new(path: Arc<str>, bytes: Bytes, file: u16, options: &ReadOptions) -> Self {
        Self {
            path,
            lines: Lines::new(bytes),
            file,
            object: Object::new(options.ignore_columns.clone()),
            options: options.clone(),
            form: None,
            time: Ok(Vec::new()),
            any: false,
            cut: false,
            none: Distinct::default(),
        }
    }

    /// Finds the time of the object that was read.
    fn find_time(&mut self) -> Result<(), InputError> {
        if self.object.names.len() > limits::CSV_COLUMNS {
            let found = format!("more than {} different fields, the limit", limits::CSV_COLUMNS);
            return Err(self.other(found));
        }
        if self.form.is_none() {
            match Form::of(&self.object, &self.path, &self.options) {
                Ok(form) => {
                    let shape = match form.samples(self.file, &self.options) {
                        Some(samples) => Shape::Samples(Box::new(samples)),
                        None => Shape::Snapshots(Box::new(Snapshots::new(self.file, form.time, &self.options))),
                    };
                    self.form = Some((form, shape));
                }
                Err(Unknown::Row(message)) => {
                    self.time = Err(message);
                    return Ok(());
                }
                Err(Unknown::File(found)) => return Err(self.other(found)),
            }
        }
        let Some((form, _)) = &self.form else { return Ok(()) };
        let mut text = std::mem::replace(&mut self.time, Ok(Vec::new())).unwrap_or_default();
        text.clear();
        let value = self.object.fields.iter().find(|(name, _)| *name == form.time).map(|(_, value)| *value);
        let name = &self.object.names[form.time as usize];
        self.time = match value {
            None | Some(Scalar::Null) => Err(format!("missing `{}`", name.shown())),
            Some(value @ (Scalar::Bool(_) | Scalar::Object | Scalar::Array)) => {
                Err(format!("`{}` is {}, not a time", name.shown(), kind(value)))
            }
            Some(value) => {
                value.write(&self.object.texts, &mut text);
                Ok(text)
            }
        };
        Ok(())
    }

    #[cold]
    fn other(&self, found: String) -> InputError {
        InputError::OtherJson { path: Arc::clone(&self.path), line: self.lines.line, found }
    }
}

impl Rows for JsonlRows {
    fn next_row(&mut self) -> Result<bool, InputError> {
        loop {
            let Some(line) = self.lines.next(&self.path)? else { return Ok(false) };
            if line.trim_ascii().is_empty() {
                continue;
            }
            match read(&mut self.object, line) {
                Ok(()) => self.find_time()?,
                Err(Wrong { cut: true, .. }) if self.any && !self.lines.ended => {
                    self.cut = true;
                    return Ok(false);
                }
                Err(wrong) => self.time = Err(wrong.message),
            }
            self.any = true;
            return Ok(true);
        }
    }

    fn line(&self) -> u64 {
        self.lines.line
    }

    fn time_field(&self) -> Result<&[u8], String> {
        match &self.time {
            Ok(text) => Ok(text),
            Err(message) => Err(message.clone()),
        }
    }

    fn time_column(&self) -> &str {
        self.form.as_ref().map_or("", |(form, _)| &self.object.names[form.time as usize].text)
    }

    fn take(&mut self, at: Timestamp, store: &mut Store, batch: &mut Batch) -> Result<(), String> {
        let row = (&self.object, self.lines.line, at);
        match &mut self.form {
            Some((_, Shape::Samples(samples))) => samples.row(row, store, batch),
            Some((_, Shape::Snapshots(snapshots))) => snapshots.row(row, store, batch),
            None => Ok(()),
        }
    }

    fn distinct(&mut self) -> &mut Distinct {
        match &mut self.form {
            Some((_, Shape::Samples(samples))) => &mut samples.labels.distinct,
            Some((_, Shape::Snapshots(snapshots))) => &mut snapshots.labels.distinct,
            None => &mut self.none,
        }
    }

    fn column(&self, column: usize) -> String {
        self.object.names[column].text.clone()
    }

    fn describe(&self, summary: &mut InputSummary) {
        let Some((form, shape)) = &self.form else { return };
        summary.format = Some((form.format, form.why.clone()));
        summary.warnings.extend(form.warning.clone());
        for wanted in self.options.ignore_columns.iter().chain(&self.options.labels) {
            if !self.object.names.iter().any(|name| name.text == *wanted) {
                summary.warnings.push(format!("no field named `{wanted}`"));
            }
        }
        if self.cut {
            summary.warnings.push(format!(
                "line {}, the last one, stops inside its object and was left out: is the file still being written?",
                self.lines.line
            ));
        } else if !self.lines.ended {
            summary.warnings.push("the last line has no line end: is the file still being written?".to_owned());
        }
        let roles = match shape {
            Shape::Samples(samples) => &samples.roles,
            Shape::Snapshots(snapshots) => &snapshots.roles,
        };
        let labels = (0..roles.len()).filter(|at| matches!(roles[*at], Role::Label { .. }));
        summary.label_columns = labels.map(|name| self.column(name)).collect();
    }

    fn label_candidates(&self) -> Vec<String> {
        match &self.form {
            Some((_, Shape::Snapshots(snapshots))) => snapshots.label_candidates(&self.object),
            _ => Vec::new(),
        }
    }
}

/// One row: its fields, line and time.
type Row<'a> = (&'a Object, u64, Timestamp);

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// When.
    Time,
    /// The metric name.
    Metric,
    /// The value.
    Value,
    /// A label; `told` where the user says so.
    Label { told: bool },
    /// Not known before the first value that is not null.
    Undecided,
    /// A metric of snapshots, by its ordinal.
    Number(u32),
}

/// Returns the value of a sample; none where there is no sample.
fn number(name: u32, value: Scalar, object: &Object, null: &[String]) -> Result<Option<f64>, String> {
    Ok(Some(match value {
        Scalar::Float(value) => value,
        Scalar::Unsigned(value) => value as f64,
        Scalar::Signed(value) => value as f64,
        Scalar::Null => return Ok(None),
        Scalar::Text(from, to) => {
            let text = &object.texts[from as usize..to as usize];
            if text.is_empty() || null.iter().any(|null| null == text) {
                return Ok(None);
            }
            let named = |message| format!("field `{}`: {message}", object.names[name as usize].shown());
            parse_value(text.as_bytes()).map_err(named)?
        }
        Scalar::Bool(_) | Scalar::Object | Scalar::Array => return Err(refused(&object.names[name as usize], value)),
    }))
}
