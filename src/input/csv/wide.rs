//! The wide shape: one snapshot of many metrics a row.

use csv::ByteRecord;

use super::header::{Header, Role};
use super::{Row, cell, label_cell};
use crate::input::distinct::Distinct;
use crate::input::host::Host;
use crate::input::keys::{Keys, label_value, push_field};
use crate::input::names::likely_labels;
use crate::input::roles::{Cell, Cells, Decided};
use crate::input::settings::{Fixed, Settings};
use crate::input::values::Values;
use crate::input::{Mixed, place};
use crate::labels::{LabelBuilder, METRIC_NAME};
use crate::store::{Batch, Store};

/// What is known of a wide file.
pub(super) struct Wide {
    file: u16,
    /// Columns without a role so far.
    undecided: Vec<usize>,
    labels: Vec<usize>,
    /// The column that holds the beginning of the metric names.
    prefix: Option<usize>,
    /// Columns that are metrics, in the order they were detected; their place here is their ordinal.
    numbers: Vec<usize>,
    /// Whether all values of a metric are whole numbers, by ordinal.
    whole: Vec<bool>,
    told_labels: Vec<String>,
    fixed: Fixed,
    pub(super) values: Values,
    keep_blanks: bool,
    keys: Keys,
    hosts: Vec<Result<Host, String>>,
    key: Vec<u8>,
    pub(super) distinct: Distinct,
}

impl Wide {
    pub(super) fn new(file: u16, header: &Header, settings: &Settings) -> Self {
        let with = |role| (0..header.roles.len()).filter(move |at| header.roles[*at] == role);
        let prefix = with(Role::Metric).next();
        Self {
            file,
            undecided: with(Role::Undecided).collect(),
            labels: with(Role::Label).chain(prefix).collect(),
            prefix,
            numbers: Vec::new(),
            whole: Vec::new(),
            told_labels: settings.form.labels.clone(),
            fixed: settings.fixed.clone(),
            values: Values::new(settings),
            keep_blanks: settings.form.keep_blanks,
            keys: Keys::default(),
            hosts: Vec::new(),
            key: Vec::new(),
            distinct: Distinct::default(),
        }
    }

    /// Adds the row's samples; the error is what is wrong with the row.
    pub(super) fn row(
        &mut self,
        row: Row<'_>,
        header: &mut Header,
        store: &mut Store,
        batch: &mut Batch,
    ) -> Result<(), String> {
        let (record, line, at) = row;
        if !self.undecided.is_empty() {
            self.decide(row, header);
        }
        self.key.clear();
        for column in &self.labels {
            push_field(&mut self.key, label_cell(record, *column, self.keep_blanks));
        }
        let (number, new) = self.keys.number(&self.key);
        if new {
            let host = self.build(row, header, store);
            self.hosts.push(host);
        }
        let host = self.hosts[number as usize].as_mut().map_err(|message| message.clone())?;
        for (ordinal, column) in self.numbers.iter().enumerate() {
            let field = cell(record, *column).trim_ascii();
            let named = &header.named[*column];
            let value = match self.values.read((*column, line), field, named.unit.as_deref()) {
                Ok(Some(value)) => value,
                Ok(None) => continue,
                Err(message) => return Err(format!("column `{}`: {message}", header.names[*column])),
            };
            self.whole[ordinal] &= value.fract() == 0.0;
            let series = host.series(ordinal, named, store);
            batch.push(series, at, value, place(self.file, line));
        }
        host.end_row(at, batch);
        Ok(())
    }

    /// Gives roles to columns by the cells of the first rows.
    ///
    /// # Errors
    /// When a column mixes numbers and words: its name, and examples.
    pub(super) fn decide_by<'a>(
        &mut self,
        rows: impl Iterator<Item = (&'a ByteRecord, u64)> + Clone,
        header: &mut Header,
    ) -> Result<(), (String, Mixed)> {
        let columns = header.names.len();
        for column in std::mem::take(&mut self.undecided) {
            let mut cells = Cells::default();
            for (record, line) in rows.clone().filter(|(record, _)| record.len() == columns) {
                let field = cell(record, column).trim_ascii();
                cells.take(line, field, self.values.kind(field, header.named[column].unit.as_deref()));
            }
            match cells.decide() {
                Decided::Open => self.undecided.push(column),
                Decided::Metric => self.give(column, true, header),
                Decided::Label => self.give(column, false, header),
                Decided::Mixed(mixed) => return Err((header.names[column].clone(), mixed)),
            }
        }
        self.labels.sort_unstable();
        Ok(())
    }

    fn give(&mut self, column: usize, metric: bool, header: &mut Header) {
        if metric {
            header.roles[column] = Role::Number;
            self.numbers.push(column);
            self.whole.push(true);
        } else {
            header.roles[column] = Role::Label;
            self.labels.push(column);
        }
    }

    /// Gives roles to columns in which the first rows had nothing, by their first cell that says something.
    fn decide(&mut self, (record, ..): Row<'_>, header: &mut Header) {
        let labels = self.labels.len();
        for column in std::mem::take(&mut self.undecided) {
            let field = cell(record, column).trim_ascii();
            match self.values.kind(field, header.named[column].unit.as_deref()) {
                Cell::Text if !self.values.absent.is_word(column, field) => self.give(column, false, header),
                Cell::Number => self.give(column, true, header),
                Cell::Empty | Cell::Quoted | Cell::Text => self.undecided.push(column),
            }
        }
        if self.labels.len() > labels {
            self.labels.sort_unstable();
            self.keys.clear();
            self.hosts.clear();
        }
    }

    #[cold]
    fn build(&mut self, (record, ..): Row<'_>, header: &Header, store: &mut Store) -> Result<Host, String> {
        let mut labels = LabelBuilder::default();
        for column in &self.labels {
            let prefix = self.prefix == Some(*column);
            let name = if prefix { METRIC_NAME } else { &header.names[*column] };
            let value = label_value(name, label_cell(record, *column, self.keep_blanks))?;
            if prefix && value.is_empty() {
                return Err("the metric name is empty".to_owned());
            }
            labels.set(name, &value);
            if !prefix && !self.told_labels.iter().any(|told| told == name) {
                self.distinct.note(*column, value.as_bytes());
            }
        }
        Host::new(labels, &self.fixed, store)
    }

    /// Returns the metrics that might be labels.
    pub(super) fn label_candidates(&self, header: &Header) -> Vec<String> {
        let whole = self.numbers.iter().zip(&self.whole).filter(|(_, whole)| **whole);
        likely_labels(whole.map(|(column, _)| &header.names[*column]).collect())
    }
}
