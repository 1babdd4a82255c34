//! One object a sample.

use super::labels::Labels;
use super::layout::{Layout, Metric};
use super::object::{Object, Scalar};
use super::wrong::kind;
use super::{Role, Row, number};
use crate::input::naming::take_apart;
use crate::input::place;
use crate::input::settings::{Fixed, Settings};
use crate::input::values::Values;
use crate::labels::{LabelBuilder, METRIC_NAME};
use crate::store::{Batch, Numbers, SeriesId};

/// What is known of a file of samples.
pub(super) struct Samples {
    file: u16,
    time: u32,
    pub(super) value: u32,
    metric: Metric,
    only: Vec<String>,
    fixed: Fixed,
    pub(super) values: Values,
    /// By the number of the name.
    pub(super) roles: Vec<Role>,
    pub(super) labels: Labels,
    /// The series of each number of labels, or why there is none.
    series: Vec<Result<SeriesId, String>>,
}

impl Samples {
    pub(super) fn new(file: u16, time: u32, value: u32, metric: Metric, settings: &Settings) -> Self {
        Self {
            file,
            time,
            value,
            metric,
            only: settings.form.only.keys().cloned().collect(),
            fixed: settings.fixed.clone(),
            values: Values::new(settings),
            roles: Vec::new(),
            labels: Labels::new(settings),
            series: Vec::new(),
        }
    }

    /// Adds the sample of the row; the error is what is wrong with the row.
    pub(super) fn row(&mut self, row: Row<'_>, numbers: &mut Numbers, batch: &mut Batch) -> Result<(), String> {
        let (object, line, at) = row;
        while self.roles.len() < object.names.len() {
            self.roles.push(self.role(self.roles.len(), object));
        }
        let (mut value, mut named) = (None, matches!(self.metric, Metric::Fixed(_)));
        self.labels.begin();
        self.values.histograms.clear();
        for (name, scalar) in &object.fields {
            match (self.roles[*name as usize], *scalar) {
                (Role::Value, Scalar::Float(number)) => value = Some(number),
                (Role::Value, scalar) => value = number((*name, line), scalar, object, &mut self.values)?,
                (Role::Label { told }, scalar) => self.labels.push(*name, told, scalar, object)?,
                (Role::Metric, Scalar::Text(..)) => {
                    named = true;
                    self.labels.push(*name, false, *scalar, object)?;
                }
                (Role::Time | Role::Passed, _) | (_, Scalar::Null) => {}
                (Role::Undecided, Scalar::Text(..)) => {
                    self.roles[*name as usize] = Role::Label { told: false };
                    self.labels.push(*name, false, *scalar, object)?;
                }
                (role, scalar) => return Err(unexpected(role, *name, scalar, object)),
            }
        }
        let Some(value) = value else { return Ok(()) };
        if !named {
            return Err("missing metric name".to_owned());
        }
        let (number, new) = self.labels.number();
        if new {
            let series = self.build(object, numbers);
            self.series.push(series);
        }
        match &self.series[number as usize] {
            Ok(series) => {
                batch.push_value(*series, at, (value, &self.values.histograms), place(self.file, line));
                Ok(())
            }
            Err(message) => Err(message.clone()),
        }
    }

    fn role(&self, name: usize, object: &Object) -> Role {
        let told = self.labels.told(&object.names[name]);
        let number = name as u32;
        match self.metric {
            _ if number == self.time => Role::Time,
            _ if self.only.iter().any(|only| object.names[name].is(only)) => Role::Passed,
            _ if number == self.value => Role::Value,
            Metric::Field(metric) if metric == number => Role::Metric,
            Metric::Fixed(_) if !told && !object.names[name].nested => Role::Undecided,
            _ => Role::Label { told },
        }
    }

    #[cold]
    fn build(&mut self, object: &Object, numbers: &mut Numbers) -> Result<SeriesId, String> {
        let mut labels = LabelBuilder::default();
        if let Metric::Fixed(metric) = &self.metric {
            labels.set(METRIC_NAME, metric);
        }
        let mut labels = self.labels.build(object, &self.roles, labels)?;
        take_apart(&mut labels)?;
        self.fixed.give(&mut labels)?;
        Ok(numbers.series(&labels.build()))
    }
}

impl Layout {
    /// Makes the reader of samples, if the objects are samples.
    pub(super) fn samples(&self, file: u16, settings: &Settings) -> Option<Samples> {
        let (value, metric) = self.sample.clone()?;
        Some(Samples::new(file, self.time, value, metric, settings))
    }
}

#[cold]
fn unexpected(role: Role, name: u32, scalar: Scalar, object: &Object) -> String {
    let name = &object.names[name as usize];
    if role == Role::Metric {
        return format!("`{}` is {}, not a metric name", name.shown(), kind(scalar));
    }
    format!(
        "`{}` is {}, and the first object has a time and a value only; is it a label? `--labels {}`",
        name.shown(),
        kind(scalar),
        name.text
    )
}
