//! One object a snapshot of many metrics.

use std::borrow::Cow;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::labels::Labels;
use super::object::{Name, Object, Scalar};
use super::wrong::refused;
use super::{Role, Row, number};
use crate::input::host::Host;
use crate::input::names::likely_labels;
use crate::input::naming::{self, Named};
use crate::input::roles::{Cell, Cells, Decided};
use crate::input::settings::{Fixed, Settings};
use crate::input::values::{Values, is_histogram};
use crate::input::{Form, Mixed, place};
use crate::labels::{LabelBuilder, LabelSet};
use crate::promql::notation::parse_histogram;
use crate::store::{Batch, Numbers};

/// What is known of a file of snapshots.
pub(super) struct Snapshots {
    file: u16,
    time: u32,
    /// The field of the beginning of the metric names.
    prefix: Option<u32>,
    form: Form,
    fixed: Fixed,
    pub(super) values: Values,
    /// By the number of the name.
    pub(super) roles: Vec<Role>,
    pub(super) labels: Labels,
    /// The field, what its name says and whether all values are whole, by ordinal.
    numbers: Vec<(u32, Named, bool)>,
    /// The host of each number of labels, or why there is none.
    by_number: Vec<Result<usize, String>>,
    by_labels: HashMap<LabelSet, usize, FixedState>,
    hosts: Vec<Host>,
    /// Fields that are labels and hold nothing but numbers in quotes.
    pub(super) quoted: Vec<usize>,
    /// Fields among those of values that hold texts.
    pub(super) texts: Vec<usize>,
    /// The ordinals and values of the row.
    row: Vec<(u32, f64)>,
}

impl Snapshots {
    /// Makes a reader that knows what the fields of the first lines hold.
    ///
    /// # Errors
    /// When a field mixes numbers and words: its number, and examples.
    pub(super) fn new(
        file: u16,
        (time, prefix): (u32, Option<u32>),
        settings: &Settings,
        (names, cells): (&[Name], &[Cells]),
    ) -> Result<Self, (usize, Mixed)> {
        let mut snapshots = Self {
            file,
            time,
            prefix,
            form: settings.form.clone(),
            fixed: settings.fixed.clone(),
            values: Values::new(settings),
            roles: Vec::new(),
            labels: Labels::new(settings),
            numbers: Vec::new(),
            by_number: Vec::new(),
            by_labels: HashMap::default(),
            hosts: Vec::new(),
            quoted: Vec::new(),
            texts: Vec::new(),
            row: Vec::new(),
        };
        for (name, cells) in cells.iter().enumerate() {
            let role = snapshots.role(name, names);
            snapshots.roles.push(role);
            match cells.decide() {
                _ if role != Role::Undecided => {}
                Decided::Open => {}
                Decided::Metric => drop(snapshots.give(name as u32, true, names)),
                Decided::Label => {
                    snapshots.give(name as u32, false, names);
                    if cells.is_quoted() {
                        snapshots.quoted.push(name);
                    }
                }
                Decided::Mixed(mixed) => return Err((name, mixed)),
            }
        }
        if snapshots.numbers.is_empty() && !snapshots.roles.contains(&Role::Undecided) {
            // Without any other number, those in quotes are the metrics.
            for name in std::mem::take(&mut snapshots.quoted) {
                snapshots.give(name as u32, true, names);
            }
        }
        Ok(snapshots)
    }

    /// Adds the row's samples; the error is what is wrong with the row, which then adds none.
    pub(super) fn row(&mut self, row: Row<'_>, numbers: &mut Numbers, batch: &mut Batch) -> Result<(), String> {
        let (object, line, at) = row;
        while self.roles.len() < object.names.len() {
            self.roles.push(self.role(self.roles.len(), &object.names));
        }
        self.labels.begin();
        self.row.clear();
        self.values.histograms.clear();
        for (name, scalar) in &object.fields {
            let role = match self.roles[*name as usize] {
                Role::Undecided => self.decide(*name, *scalar, object)?,
                role => role,
            };
            match role {
                Role::Number(ordinal) => {
                    let value = match *scalar {
                        Scalar::Float(value) => Some(value),
                        scalar => number((*name, line), scalar, object, &mut self.values)?,
                    };
                    self.row.extend(value.map(|value| (ordinal, value)));
                }
                Role::Label { told } => self.labels.push(*name, told, *scalar, object)?,
                Role::Metric => self.labels.push(*name, false, *scalar, object)?,
                _ => {}
            }
        }
        let (number, new) = self.labels.number();
        if new {
            let host = self.build(object, numbers);
            self.by_number.push(host);
        }
        let host = match &self.by_number[number as usize] {
            Ok(host) => &mut self.hosts[*host],
            Err(message) => return Err(message.clone()),
        };
        for (ordinal, value) in &self.row {
            let (_, named, whole) = &mut self.numbers[*ordinal as usize];
            *whole = *whole && value.fract() == 0.0;
            let series = host.series(*ordinal as usize, named, numbers);
            batch.push_value(series, at, (*value, &self.values.histograms), place(self.file, line));
        }
        host.end_row(at, batch);
        Ok(())
    }

    fn role(&self, name: usize, names: &[Name]) -> Role {
        let told = self.labels.told(&names[name]);
        match name {
            name if name as u32 == self.time => Role::Time,
            name if Some(name as u32) == self.prefix => Role::Metric,
            name if self.form.only.keys().any(|only| names[name].is(only)) => Role::Passed,
            name if names[name].nested || told => Role::Label { told },
            _ => Role::Undecided,
        }
    }

    /// Gives a role to a field in which the first lines had nothing, by its first value that says something.
    fn decide(&mut self, name: u32, scalar: Scalar, object: &Object) -> Result<Role, String> {
        let (text, kind) = cell(scalar, object, &self.values);
        match kind {
            Cell::Empty if matches!(scalar, Scalar::Bool(_) | Scalar::Array) => {
                Err(refused(&object.names[name as usize], scalar))
            }
            Cell::Empty => Ok(Role::Undecided),
            Cell::Number => Ok(self.give(name, true, &object.names)),
            Cell::Text if self.values.absent.is_word(name as usize, text.trim().as_bytes()) => Ok(Role::Undecided),
            Cell::Text | Cell::Quoted => Ok(self.give(name, false, &object.names)),
        }
    }

    fn give(&mut self, name: u32, metric: bool, names: &[Name]) -> Role {
        let field = &names[name as usize];
        let role = if metric {
            let named = match &self.form.metric {
                Some(metric) if field.text.eq_ignore_ascii_case("value") => Named::plain(metric.clone()),
                // A name that looks like a series and is none is a name.
                _ => naming::named(&field.text, &self.form).unwrap_or_else(|_| Named::plain(field.text.clone())),
            };
            self.numbers.push((name, named, true));
            Role::Number(self.numbers.len() as u32 - 1)
        } else if field.value {
            self.texts.push(name as usize);
            Role::Passed
        } else {
            Role::Label { told: false }
        };
        self.roles[name as usize] = role;
        role
    }

    /// Returns the host of the row's labels, whatever the order of its fields.
    #[cold]
    fn build(&mut self, object: &Object, numbers: &mut Numbers) -> Result<usize, String> {
        let labels = self.labels.build(object, &self.roles, LabelBuilder::default())?;
        let set = labels.build();
        if let Some(host) = self.by_labels.get(&set) {
            return Ok(*host);
        }
        self.hosts.push(Host::new(labels, &self.fixed, numbers)?);
        self.by_labels.insert(set, self.hosts.len() - 1);
        Ok(self.hosts.len() - 1)
    }

    /// Returns the metrics that might be labels.
    pub(super) fn label_candidates(&self, object: &Object) -> Vec<String> {
        let whole = self.numbers.iter().filter(|(.., whole)| *whole);
        likely_labels(whole.map(|(name, ..)| &object.names[*name as usize].text).collect())
    }
}

/// Returns the text of a value, and what it says of its field. Of texts, only the numbers that JSON cannot write
/// and native histograms are values whatever else the field holds.
pub(super) fn cell<'a>(scalar: Scalar, object: &'a Object, values: &Values) -> (Cow<'a, str>, Cell) {
    let Scalar::Text(from, to) = scalar else {
        return match scalar {
            Scalar::Unsigned(value) => (value.to_string().into(), Cell::Number),
            Scalar::Signed(value) => (value.to_string().into(), Cell::Number),
            Scalar::Float(value) => (value.to_string().into(), Cell::Number),
            Scalar::Bool(value) if values.has_word(&value.to_string()) => (value.to_string().into(), Cell::Number),
            _ => ("".into(), Cell::Empty),
        };
    };
    let text = &object.texts[from as usize..to as usize];
    let trimmed = text.trim();
    let digits = trimmed.bytes().any(|byte| byte.is_ascii_digit());
    let kind = match values.kind(trimmed.as_bytes(), None) {
        Cell::Number if digits => Cell::Quoted,
        Cell::Text if is_histogram(trimmed) && parse_histogram(trimmed).is_ok() => Cell::Number,
        kind => kind,
    };
    (text.into(), kind)
}
