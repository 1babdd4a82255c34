//! The long shape: one sample a row.

use super::header::{Header, Role};
use super::{Row, cell, label_cell};
use crate::input::distinct::Distinct;
use crate::input::keys::{Keys, label_value, push_field};
use crate::input::naming::{clean, take_apart};
use crate::input::place;
use crate::input::settings::{Fixed, Settings};
use crate::input::values::Values;
use crate::labels::{LabelBuilder, METRIC_NAME};
use crate::store::{Batch, Numbers, SeriesId};

/// What is known of a long file, or of one with two columns.
pub(super) struct Long {
    file: u16,
    pub(super) value: usize,
    /// The columns of the key: the metric name's, then the labels'.
    key_columns: Vec<usize>,
    /// The names of their labels.
    key_names: Vec<String>,
    /// Whether a column's texts are counted.
    counted: Vec<bool>,
    /// The metric name of all rows, where no column has it.
    metric: Option<String>,
    fixed: Fixed,
    pub(super) values: Values,
    keep_blanks: bool,
    clean_names: bool,
    keys: Keys,
    /// The series of each key, or why there is none.
    series: Vec<Result<SeriesId, String>>,
    key: Vec<u8>,
    pub(super) distinct: Distinct,
}

impl Long {
    pub(super) fn new(file: u16, header: &Header, settings: &Settings) -> Self {
        let with = |role| (0..header.roles.len()).filter(move |at| header.roles[*at] == role);
        let metric: Vec<usize> = with(Role::Metric).collect();
        let labels: Vec<usize> = with(Role::Label).collect();
        let named = metric.iter().map(|_| METRIC_NAME.to_owned());
        Self {
            file,
            value: with(Role::Value).next().unwrap_or(0),
            key_names: named.chain(labels.iter().map(|at| header.names[*at].clone())).collect(),
            counted: metric
                .iter()
                .map(|_| false)
                .chain(labels.iter().map(|at| !settings.form.labels.contains(&header.names[*at])))
                .collect(),
            key_columns: metric.into_iter().chain(labels).collect(),
            metric: header.metric.clone(),
            fixed: settings.fixed.clone(),
            values: Values::new(settings),
            keep_blanks: settings.form.keep_blanks,
            clean_names: settings.form.clean_names,
            keys: Keys::default(),
            series: Vec::new(),
            key: Vec::new(),
            distinct: Distinct::default(),
        }
    }

    /// Adds the row's sample; the error is what is wrong with the row.
    pub(super) fn row(&mut self, row: Row<'_>, numbers: &mut Numbers, batch: &mut Batch) -> Result<(), String> {
        let (record, line, at) = row;
        let field = cell(record, self.value).trim_ascii();
        let Some(value) = self.values.read((self.value, line), field, None)? else { return Ok(()) };
        self.key.clear();
        for column in &self.key_columns {
            push_field(&mut self.key, label_cell(record, *column, self.keep_blanks));
        }
        let (number, new) = self.keys.number(&self.key);
        if new {
            let series = self.build(row, numbers);
            self.series.push(series);
        }
        match &self.series[number as usize] {
            Ok(series) => {
                batch.push(*series, at, value, place(self.file, line));
                Ok(())
            }
            Err(message) => Err(message.clone()),
        }
    }

    #[cold]
    fn build(&mut self, (record, ..): Row<'_>, numbers: &mut Numbers) -> Result<SeriesId, String> {
        let mut labels = LabelBuilder::default();
        if let Some(metric) = &self.metric {
            labels.set(METRIC_NAME, metric);
        }
        for (at, column) in self.key_columns.iter().enumerate() {
            let name = &self.key_names[at];
            let value = label_value(name, label_cell(record, *column, self.keep_blanks))?;
            let value = if name == METRIC_NAME { value.trim() } else { &value };
            if name == METRIC_NAME && value.is_empty() {
                return Err("the metric name is empty".to_owned());
            }
            match name == METRIC_NAME && self.clean_names {
                true => labels.set(name, &clean(value)),
                false => labels.set(name, value),
            };
            if self.counted[at] {
                self.distinct.note(*column, value.as_bytes());
            }
        }
        take_apart(&mut labels)?;
        self.fixed.give(&mut labels)?;
        Ok(numbers.series(&labels.build()))
    }
}
