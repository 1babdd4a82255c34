//! JSONL: one object a line, which is a sample or a snapshot of many metrics.
//!
//! Texts that `serde_json` reads become bytes that are used again for the next line, so a line whose names and labels
//! were seen before allocates nothing.

mod document;
mod labels;
mod layout;
mod object;
mod repeats;
mod samples;
mod snapshots;
#[cfg(test)]
mod tests;
mod wrong;

use std::collections::VecDeque;
use std::sync::Arc;

use self::layout::{Layout, Metric, Unknown};
use self::object::{Object, Scalar};
use self::samples::Samples;
use self::snapshots::Snapshots;
use self::wrong::{Wrong, kind, read, refused};
use super::InputError;
use super::bytes::Bytes;
use super::distinct::Distinct;
use super::feed::Rows;
use super::lines::{Line, Lines};
use super::repeat::Repeats;
use super::roles::{self, Cells};
use super::settings::Settings;
use super::summary::InputSummary;
use super::values::{Values, is_histogram};
use crate::format::counted;
use crate::limits;
use crate::store::{Batch, Numbers};
use crate::time::Timestamp;

/// Reads the rows of one JSONL file.
pub(super) struct JsonlRows {
    path: Arc<str>,
    /// None where the rows are those of one document.
    lines: Option<Lines>,
    file: u16,
    settings: Settings,
    object: Object,
    /// Lines that were read ahead; none before that.
    ahead: Option<VecDeque<Line>>,
    /// What the fields of those lines hold, by the number of the name.
    cells: Vec<Cells>,
    /// What of those is a value.
    values: Values,
    /// The line of the row, and whether it had a line end.
    line: (u64, bool),
    /// None before the first object with a time.
    layout: Option<(Layout, Shapes)>,
    /// What is wrong with the row, or its time as text.
    time: Result<Vec<u8>, String>,
    /// None where lines are not compared with those before.
    repeats: Option<Repeats>,
    /// Whether the row is the line that was read last.
    is_last: bool,
    /// How many rows the form passes over.
    passed: u64,
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
    ///
    /// # Errors
    /// When it is one document that cannot be taken apart.
    pub(super) fn new(path: Arc<str>, bytes: Bytes, file: u16, settings: &Settings) -> Result<Self, InputError> {
        let mut rows = Self {
            path,
            lines: None,
            file,
            object: Object::new(&settings.form),
            ahead: None,
            cells: Vec::new(),
            values: Values::new(settings),
            line: (0, true),
            settings: settings.clone(),
            layout: None,
            time: Ok(Vec::new()),
            repeats: repeats::begin(settings, file),
            is_last: false,
            passed: 0,
            any: false,
            cut: false,
            none: Distinct::default(),
        };
        if document::is_document(bytes.head(), &settings.form) {
            let lines = document::rows(&rows.path, bytes, &settings.form)?;
            lines.iter().take(roles::ROWS).for_each(|line| rows.look_at(&line.text, line.number));
            rows.ahead = Some(lines);
        } else {
            rows.lines = Some(Lines::new(bytes));
        }
        Ok(rows)
    }

    /// Finds the time of the object that was read.
    fn find_time(&mut self) -> Result<(), InputError> {
        if self.object.names.len() > limits::CSV_COLUMNS {
            let found = format!("more than {} different fields, the limit", limits::CSV_COLUMNS);
            return Err(self.other(found));
        }
        if self.layout.is_none() {
            match Layout::of(&self.object, &self.path, &self.settings) {
                Ok(layout) => {
                    self.check_flags(&layout)?;
                    let mut shapes = Shapes::default();
                    match layout.samples(self.file, &self.settings) {
                        Some(samples) => shapes.samples = Some(Box::new(samples)),
                        None => shapes.snapshots = Some(Box::new(self.snapshots((layout.time, layout.prefix))?)),
                    }
                    self.layout = Some((layout, shapes));
                }
                Err(Unknown::Row(message)) => {
                    self.time = Err(message);
                    return Ok(());
                }
                Err(Unknown::File(found)) => return Err(self.other(found)),
            }
        }
        let Some((layout, _)) = &self.layout else { return Ok(()) };
        let mut text = std::mem::replace(&mut self.time, Ok(Vec::new())).unwrap_or_default();
        text.clear();
        let value = self.object.fields.iter().find(|(name, _)| *name == layout.time).map(|(_, value)| *value);
        let name = &self.object.names[layout.time as usize];
        self.time = match value {
            None | Some(Scalar::Null) => Err(format!("missing `{}`", name.shown())),
            Some(value @ (Scalar::Bool(_) | Scalar::Array)) => {
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
    fn check_flags(&self, layout: &Layout) -> Result<(), InputError> {
        let form = &self.settings.form;
        let what_is = |name: u32| match &layout.sample {
            _ if name == layout.time => Some("holds the times"),
            Some((value, _)) if name == *value => Some("holds the values"),
            Some((_, Metric::Field(metric))) if name == *metric => Some("names the metrics"),
            _ => None,
        };
        let named = (0..).zip(&self.object.names).filter(|(_, name)| form.labels.iter().any(|label| name.is(label)));
        let mut label = named.filter_map(|(number, name)| Some((name.shown(), what_is(number)?)));
        let what = match (label.next(), &form.metric, &layout.sample) {
            (Some((name, what)), ..) => format!("--labels {name}: that field {what}"),
            (None, Some(metric), Some((_, Metric::Field(name)))) => {
                format!("--metric {metric}: field `{}` names the metrics", self.object.names[*name as usize].shown())
            }
            _ => return Ok(()),
        };
        Err(InputError::Contradiction { path: Arc::clone(&self.path), what })
    }

    /// Makes the reader of snapshots.
    fn snapshots(&self, time: (u32, Option<u32>)) -> Result<Snapshots, InputError> {
        Snapshots::new(self.file, time, &self.settings, (&self.object.names, &self.cells)).map_err(|(name, mixed)| {
            InputError::MixedColumn { path: Arc::clone(&self.path), column: self.column(name), mixed }
        })
    }

    /// Reads as many lines ahead as are needed to know which fields are metrics.
    fn look_ahead(&mut self) -> Result<(), InputError> {
        let (mut ahead, mut bytes) = (VecDeque::new(), 0);
        while ahead.len() < roles::ROWS && bytes < roles::BYTES {
            let Some(lines) = &mut self.lines else { break };
            let Some(line) = lines.next(&self.path)? else { break };
            let line = Line { text: line.to_owned(), number: lines.line, ended: lines.ended };
            bytes += line.text.len();
            self.look_at(&line.text, line.number);
            ahead.push_back(line);
        }
        self.ahead = Some(ahead);
        Ok(())
    }

    /// Takes what the fields of a line hold.
    fn look_at(&mut self, line: &[u8], number: u64) {
        if read(&mut self.object, line).is_err() || self.is_other() {
            return;
        }
        self.cells.resize_with(self.object.names.len(), Cells::default);
        for (name, scalar) in &self.object.fields {
            let (text, kind) = snapshots::cell(*scalar, &self.object, &self.values);
            self.cells[*name as usize].take(number, text.trim().as_bytes(), kind);
        }
    }

    /// Returns whether the form passes over the object that was read.
    fn is_other(&self) -> bool {
        let text = |name: &str| {
            let mut fields = self.object.fields.iter().filter(|field| self.object.names[field.0 as usize].is(name));
            let mut text = Vec::new();
            fields.next().is_some_and(|field| field.1.write(&self.object.texts, &mut text)).then_some(text)
        };
        self.settings.form.only.iter().any(|(name, wanted)| text(name).is_none_or(|text| text != wanted.as_bytes()))
    }

    /// Returns what the line holds that was read last; the error is why it has neither shape.
    fn shape(&self, (layout, _): &(Layout, Shapes)) -> Result<Shape, String> {
        let has = |name: u32| self.object.fields.iter().any(|field| field.0 == name);
        let numeric = |scalar: &Scalar| matches!(scalar, Scalar::Unsigned(_) | Scalar::Signed(_) | Scalar::Float(_));
        let other = |field: &&(u32, Scalar)| field.0 != layout.time && !self.object.names[field.0 as usize].nested;
        let numbers = || self.object.fields.iter().filter(other).any(|(_, scalar)| numeric(scalar));
        let Some((value, metric)) = &layout.sample else {
            let open = self.settings.form.input_format.is_none() && layout.prefix.is_none();
            let sample = open && layout::sample_of(&self.object).is_some();
            let nameless = || !open || !layout::is_named(&self.object);
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
        if !named && numbers() && matches!(metric, Metric::Field(_)) && self.settings.form.input_format.is_none() {
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
                let sample = layout::sample_of(&self.object);
                shapes.samples = sample.map(|(metric, value)| {
                    Box::new(Samples::new(self.file, time, value, Metric::Field(metric), &self.settings))
                });
            }
            Shape::Snapshot => {
                let snapshots = self.snapshots((time, None)).map_err(|error| error.to_string())?;
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
        if let Some(repeats) = &mut self.repeats {
            repeats.forget_time();
        }
        loop {
            if self.ahead.is_none() {
                self.look_ahead()?;
            }
            let held = self.ahead.as_mut().and_then(VecDeque::pop_front);
            self.is_last = held.is_none();
            let wrong = if let Some(line) = held {
                self.line = (line.number, line.ended);
                if line.text.trim_ascii().is_empty() {
                    continue;
                }
                read(&mut self.object, &line.text)
            } else {
                let Some(lines) = &mut self.lines else { return Ok(false) };
                let Some(line) = lines.next(&self.path)? else { return Ok(false) };
                if line.trim_ascii().is_empty() {
                    continue;
                }
                let read = read(&mut self.object, line);
                self.line = (lines.line, lines.ended);
                read
            };
            match wrong {
                Ok(()) if !self.settings.form.only.is_empty() && self.is_other() => {
                    self.passed += 1;
                    continue;
                }
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
        self.layout.as_ref().map_or("", |(layout, _)| &self.object.names[layout.time as usize].text)
    }

    /// The entries of a document may be in any order, and all of them are there.
    fn in_time_order(&self) -> bool {
        self.lines.is_some()
    }

    fn repeats(&mut self) -> Option<(&mut Repeats, &mut Lines)> {
        self.may_repeat()
    }

    fn take(&mut self, at: Timestamp, numbers: &mut Numbers, batch: &mut Batch) -> Result<(), String> {
        let Some(known) = &self.layout else { return Ok(()) };
        let shape = self.shape(known)?;
        let time = known.0.time;
        let missing = match shape {
            Shape::Sample => known.1.samples.is_none(),
            Shape::Snapshot => known.1.snapshots.is_none(),
        };
        // The first line of the other shape.
        let made = if missing { Some(self.other_shape(shape, time)?) } else { None };
        let row = (&self.object, self.line.0, at);
        let Some((_, shapes)) = &mut self.layout else { return Ok(()) };
        if let Some(made) = made {
            shapes.samples = shapes.samples.take().or(made.samples);
            shapes.snapshots = shapes.snapshots.take().or(made.snapshots);
        }
        match (shape, shapes) {
            (Shape::Sample, Shapes { samples: Some(samples), .. }) => {
                let before = batch.len();
                samples.row(row, numbers, batch)?;
                if batch.len() > before {
                    self.learn(at, batch);
                }
                Ok(())
            }
            (Shape::Snapshot, Shapes { snapshots: Some(snapshots), .. }) => snapshots.row(row, numbers, batch),
            _ => Ok(()),
        }
    }

    fn distinct(&mut self) -> &mut Distinct {
        match &mut self.layout {
            Some((Layout { sample: Some(_), .. }, Shapes { samples: Some(samples), .. })) => {
                &mut samples.labels.distinct
            }
            Some((_, Shapes { snapshots: Some(snapshots), .. })) => &mut snapshots.labels.distinct,
            _ => &mut self.none,
        }
    }

    fn column(&self, column: usize) -> String {
        self.object.names[column].text.clone()
    }

    fn describe(&self, summary: &mut InputSummary) {
        let Some((layout, shapes)) = &self.layout else { return };
        summary.format = Some((layout.format, layout.why.clone()));
        summary.form.time_column = vec![self.object.names[layout.time as usize].shown()];
        summary.warnings.extend(self.settings.notes.iter().cloned());
        summary.warnings.extend(layout.warning.clone());
        if self.passed > 0 {
            summary.warnings.push(format!("{} of another kind passed over", counted(self.passed, "line")));
        }
        summary.columns = self.object.names.iter().map(|name| name.text.clone()).collect();
        if self.cut {
            summary.warnings.push(format!(
                "line {}, the last one, stops inside its object and was left out: is the file still being written?",
                self.line.0
            ));
        } else if self.lines.as_ref().is_some_and(|lines| !lines.ended) {
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
        let texts = snapshots.iter().flat_map(|snapshots| &snapshots.texts);
        summary
            .warnings
            .extend(texts.map(|name| format!("field `{}` holds texts and is passed over", self.column(*name))));
        let values = samples.iter().map(|one| &one.values).chain(snapshots.iter().map(|one| &one.values));
        summary.warnings.extend(values.flat_map(|values| values.describe("field", |name| self.column(name))));
        let own = match layout.sample {
            Some(_) => samples.as_ref().map(|samples| (&samples.roles, &samples.labels)),
            None => snapshots.as_ref().map(|snapshots| (&snapshots.roles, &snapshots.labels)),
        };
        let Some((roles, labels)) = own else { return };
        let with = |wanted: fn(&Role) -> bool| (0..roles.len()).filter(move |at| wanted(&roles[*at]));
        let is_label = |role: &Role| matches!(role, Role::Label { .. });
        summary.label_columns =
            with(is_label).filter(|name| labels.has_used(*name)).map(|name| self.column(name)).collect();
        summary.metric_columns = with(|role| matches!(role, Role::Number(_))).map(|name| self.column(name)).collect();
    }

    fn label_candidates(&self) -> Vec<String> {
        match &self.layout {
            Some((Layout { sample: None, .. }, Shapes { snapshots: Some(snapshots), .. })) => {
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
    /// Left out.
    Passed,
}

/// Returns the value of a sample; none where there is no sample.
fn number(
    (name, line): (u32, u64),
    value: Scalar,
    object: &Object,
    values: &mut Values,
) -> Result<Option<f64>, String> {
    let wrong = |message| format!("field `{}`: {message}", object.names[name as usize].shown());
    Ok(Some(match value {
        Scalar::Float(value) => value,
        Scalar::Unsigned(value) => value as f64,
        Scalar::Signed(value) => value as f64,
        Scalar::Null => return Ok(None),
        Scalar::Text(from, to) => {
            let text = object.texts[from as usize..to as usize].trim();
            if is_histogram(text) {
                return values.read_histogram(text, object.column(from)).map(Some).map_err(wrong);
            }
            return values.read((name as usize, line), text.as_bytes(), None).map_err(wrong);
        }
        Scalar::Bool(value) if values.has_word(&value.to_string()) => {
            return values.read((name as usize, line), value.to_string().as_bytes(), None).map_err(wrong);
        }
        Scalar::Bool(_) | Scalar::Array => return Err(refused(&object.names[name as usize], value)),
    }))
}
