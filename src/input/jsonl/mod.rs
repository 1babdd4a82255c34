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

use std::collections::VecDeque;
use std::sync::Arc;

use self::form::{Form, Metric, Unknown};
use self::object::{Object, Scalar};
use self::samples::Samples;
use self::snapshots::Snapshots;
use self::wrong::{Wrong, kind, read, refused};
use super::absent::Absent;
use super::bytes::Bytes;
use super::distinct::Distinct;
use super::feed::Rows;
use super::lines::Lines;
use super::number::parse_value;
use super::roles::{self, Cells};
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
    /// Lines that were read ahead, each with its number and whether it had a line end; none before that.
    ahead: Option<VecDeque<(Vec<u8>, u64, bool)>>,
    /// What the fields of those lines hold, by the number of the name.
    cells: Vec<Cells>,
    /// The line of the row, and whether it had a line end.
    line: (u64, bool),
    /// None before the first object with a time.
    form: Option<(Form, Shapes)>,
    /// What is wrong with the row, or its time as text.
    time: Result<Vec<u8>, String>,
    /// Whether some row was read.
    any: bool,
    /// Whether the last line stops inside its object.
    cut: bool,
    /// The counts of a file whose form is not known yet.
    none: Distinct,
}

/// The readers of the two shapes; the file's own is there from the beginning, the other one from its first line on.
#[derive(Default)]
struct Shapes {
    samples: Option<Box<Samples>>,
    snapshots: Option<Box<Snapshots>>,
}

/// What a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Sample,
    Snapshot,
}

impl JsonlRows {
    /// Begins a file; `file` is its number for [`Batch::rows`].
    pub(super) fn new(path: Arc<str>, bytes: Bytes, file: u16, options: &ReadOptions) -> Self {
        Self {
            path,
            lines: Lines::new(bytes),
            file,
            object: Object::new(options.ignore_columns.clone()),
            ahead: None,
            cells: Vec::new(),
            line: (0, true),
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
                    self.check_flags(&form)?;
                    let mut shapes = Shapes::default();
                    match form.samples(self.file, &self.options) {
                        Some(samples) => shapes.samples = Some(Box::new(samples)),
                        None => shapes.snapshots = Some(Box::new(self.snapshots(form.time)?)),
                    }
                    self.form = Some((form, shapes));
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

    /// Refuses flags that contradict what the fields are.
    fn check_flags(&self, form: &Form) -> Result<(), InputError> {
        let what_is = |name: u32| match &form.sample {
            _ if name == form.time => Some("holds the times"),
            Some((value, _)) if name == *value => Some("holds the values"),
            Some((_, Metric::Field(metric))) if name == *metric => Some("names the metrics"),
            _ => None,
        };
        let named = (0..).zip(&self.object.names).filter(|(_, name)| self.options.labels.contains(&name.text));
        let mut label = named.filter_map(|(number, name)| Some((name.shown(), what_is(number)?)));
        let what = match (label.next(), &self.options.metric, &form.sample) {
            (Some((name, what)), ..) => format!("--labels {name}: that field {what}"),
            (None, Some(metric), Some((_, Metric::Field(name)))) => {
                format!("--metric {metric}: field `{}` names the metrics", self.object.names[*name as usize].shown())
            }
            _ => return Ok(()),
        };
        Err(InputError::Contradiction { path: Arc::clone(&self.path), what })
    }

    /// Makes the reader of snapshots.
    fn snapshots(&self, time: u32) -> Result<Snapshots, InputError> {
        Snapshots::new(self.file, time, &self.options, (&self.object.names, &self.cells)).map_err(|(name, mixed)| {
            InputError::MixedColumn { path: Arc::clone(&self.path), column: self.column(name), mixed }
        })
    }

    /// Reads as many lines ahead as are needed to know which fields are metrics.
    fn look_ahead(&mut self) -> Result<(), InputError> {
        let (mut ahead, mut bytes) = (VecDeque::new(), 0);
        while ahead.len() < roles::ROWS && bytes < roles::BYTES {
            let Some(line) = self.lines.next(&self.path)? else { break };
            let line = line.to_owned();
            bytes += line.len();
            if read(&mut self.object, &line).is_ok() {
                self.cells.resize_with(self.object.names.len(), Cells::default);
                for (name, scalar) in &self.object.fields {
                    let (text, kind) = snapshots::cell(*scalar, &self.object, &self.options.null);
                    self.cells[*name as usize].take(self.lines.line, text.trim().as_bytes(), kind);
                }
            }
            ahead.push_back((line, self.lines.line, self.lines.ended));
        }
        self.ahead = Some(ahead);
        Ok(())
    }

    /// Returns what the line holds that was read last; the error is why it has neither shape.
    fn shape(&self, (form, _): &(Form, Shapes)) -> Result<Shape, String> {
        let has = |name: u32| self.object.fields.iter().any(|field| field.0 == name);
        let numeric = |scalar: &Scalar| matches!(scalar, Scalar::Unsigned(_) | Scalar::Signed(_) | Scalar::Float(_));
        let other = |field: &&(u32, Scalar)| field.0 != form.time && !self.object.names[field.0 as usize].nested;
        let numbers = || self.object.fields.iter().filter(other).any(|(_, scalar)| numeric(scalar));
        let Some((value, metric)) = &form.sample else {
            let sample = self.options.format.is_none() && form::sample_of(&self.object).is_some();
            let nameless = || self.options.format.is_some() || !form::is_named(&self.object);
            return match sample {
                true => Ok(Shape::Sample),
                false if nameless() || numbers() => Ok(Shape::Snapshot),
                false => Err("has a metric name and no `value`".to_owned()),
            };
        };
        if has(*value) {
            return Ok(Shape::Sample);
        }
        let named = matches!(metric, Metric::Field(metric) if has(*metric));
        if !named && numbers() && matches!(metric, Metric::Field(_)) && self.options.format.is_none() {
            return Ok(Shape::Snapshot);
        }
        Err(format!("missing `{}`", self.object.names[*value as usize].shown()))
    }

    /// Makes the reader of the shape that the file does not have of its own.
    #[cold]
    fn other_shape(&self, shape: Shape, time: u32) -> Result<Shapes, String> {
        let mut shapes = Shapes::default();
        match shape {
            Shape::Sample => {
                let sample = form::sample_of(&self.object);
                shapes.samples = sample.map(|(metric, value)| {
                    Box::new(Samples::new(self.file, time, value, Metric::Field(metric), &self.options))
                });
            }
            Shape::Snapshot => {
                let snapshots = self.snapshots(time).map_err(|error| error.to_string())?;
                shapes.snapshots = Some(Box::new(snapshots));
            }
        }
        Ok(shapes)
    }

    #[cold]
    fn other(&self, found: String) -> InputError {
        InputError::OtherJson { path: Arc::clone(&self.path), line: self.line.0, found }
    }
}

impl Rows for JsonlRows {
    fn next_row(&mut self) -> Result<bool, InputError> {
        loop {
            if self.ahead.is_none() {
                self.look_ahead()?;
            }
            let held = self.ahead.as_mut().and_then(VecDeque::pop_front);
            let wrong = if let Some((line, number, ended)) = held {
                self.line = (number, ended);
                if line.trim_ascii().is_empty() {
                    continue;
                }
                read(&mut self.object, &line)
            } else {
                let Some(line) = self.lines.next(&self.path)? else { return Ok(false) };
                if line.trim_ascii().is_empty() {
                    continue;
                }
                let read = read(&mut self.object, line);
                self.line = (self.lines.line, self.lines.ended);
                read
            };
            match wrong {
                Ok(()) => self.find_time()?,
                Err(Wrong { cut: true, .. }) if self.any && !self.line.1 => {
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
        self.line.0
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
        let Some(known) = &self.form else { return Ok(()) };
        let shape = self.shape(known)?;
        let time = known.0.time;
        let missing = match shape {
            Shape::Sample => known.1.samples.is_none(),
            Shape::Snapshot => known.1.snapshots.is_none(),
        };
        // The first line of the other shape.
        let made = if missing { Some(self.other_shape(shape, time)?) } else { None };
        let row = (&self.object, self.line.0, at);
        let Some((_, shapes)) = &mut self.form else { return Ok(()) };
        if let Some(made) = made {
            shapes.samples = shapes.samples.take().or(made.samples);
            shapes.snapshots = shapes.snapshots.take().or(made.snapshots);
        }
        match (shape, shapes) {
            (Shape::Sample, Shapes { samples: Some(samples), .. }) => samples.row(row, store, batch),
            (Shape::Snapshot, Shapes { snapshots: Some(snapshots), .. }) => snapshots.row(row, store, batch),
            _ => Ok(()),
        }
    }

    fn distinct(&mut self) -> &mut Distinct {
        match &mut self.form {
            Some((Form { sample: Some(_), .. }, Shapes { samples: Some(samples), .. })) => &mut samples.labels.distinct,
            Some((_, Shapes { snapshots: Some(snapshots), .. })) => &mut snapshots.labels.distinct,
            _ => &mut self.none,
        }
    }

    fn column(&self, column: usize) -> String {
        self.object.names[column].text.clone()
    }

    fn describe(&self, summary: &mut InputSummary) {
        let Some((form, shapes)) = &self.form else { return };
        summary.format = Some((form.format, form.why.clone()));
        summary.warnings.extend(form.warning.clone());
        summary.columns = self.object.names.iter().map(|name| name.text.clone()).collect();
        if self.cut {
            summary.warnings.push(format!(
                "line {}, the last one, stops inside its object and was left out: is the file still being written?",
                self.line.0
            ));
        } else if !self.lines.ended {
            summary.warnings.push("the last line has no line end: is the file still being written?".to_owned());
        }
        let Shapes { samples, snapshots } = shapes;
        if samples.is_some() && snapshots.is_some() {
            summary
                .warnings
                .push("some lines are one sample, others a snapshot of metrics: each is read as such".into());
        }
        let quoted = snapshots.iter().flat_map(|snapshots| &snapshots.quoted).map(|name| {
            let name = self.column(*name);
            format!("field `{name}` is a label, though it holds numbers: those in quotes are texts; --labels {name}")
        });
        summary.warnings.extend(quoted);
        let absent = samples.iter().map(|one| &one.absent).chain(snapshots.iter().map(|one| &one.absent));
        summary.warnings.extend(absent.flat_map(|absent| absent.describe("field", |name| self.column(name))));
        let own = match form.sample {
            Some(_) => samples.as_ref().map(|samples| &samples.roles),
            None => snapshots.as_ref().map(|snapshots| &snapshots.roles),
        };
        let roles = own.map_or(&[][..], Vec::as_slice);
        let with = |wanted: fn(&Role) -> bool| {
            let found = (0..roles.len()).filter(|at| wanted(&roles[*at]));
            found.map(|name| self.column(name)).collect()
        };
        summary.label_columns = with(|role| matches!(role, Role::Label { .. }));
        summary.metric_columns = with(|role| matches!(role, Role::Number(_)));
    }

    fn label_candidates(&self) -> Vec<String> {
        match &self.form {
            Some((Form { sample: None, .. }, Shapes { snapshots: Some(snapshots), .. })) => {
                snapshots.label_candidates(&self.object)
            }
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
fn number(name: u32, value: Scalar, object: &Object, absent: &mut Absent) -> Result<Option<f64>, String> {
    Ok(Some(match value {
        Scalar::Float(value) => value,
        Scalar::Unsigned(value) => value as f64,
        Scalar::Signed(value) => value as f64,
        Scalar::Null => return Ok(None),
        Scalar::Text(from, to) => {
            let text = object.texts[from as usize..to as usize].trim();
            if absent.is_empty(text.as_bytes()) {
                return Ok(None);
            }
            match parse_value(text.as_bytes()) {
                Ok(value) => value,
                Err(_) if absent.is_word(name as usize, text.as_bytes()) => return Ok(None),
                Err(message) => return Err(format!("field `{}`: {message}", object.names[name as usize].shown())),
            }
        }
        Scalar::Bool(_) | Scalar::Object | Scalar::Array => return Err(refused(&object.names[name as usize], value)),
    }))
}
