//! The wide shape: one snapshot of many metrics a row.

use super::header::{Header, Role};
use super::{Row, cell};
use crate::input::distinct::Distinct;
use crate::input::host::Host;
use crate::input::keys::{Keys, label_value, push_field};
use crate::input::names::likely_labels;
use crate::input::number::{is_numeric_cell, parse_value};
use crate::input::{ReadOptions, place};
use crate::labels::LabelBuilder;
use crate::store::{Batch, Store};

/// What is known of a wide file.
pub(super) struct Wide {
    file: u16,
    /// Columns without a role so far.
    undecided: Vec<usize>,
    labels: Vec<usize>,
    /// Columns that are metrics, in the order they were found out; their place here is their ordinal.
    numbers: Vec<usize>,
    /// Whether all values of a metric are whole numbers, by ordinal.
    whole: Vec<bool>,
    told_labels: Vec<String>,
    null: Vec<String>,
    keys: Keys,
    hosts: Vec<Result<Host, String>>,
    key: Vec<u8>,
    pub(super) distinct: Distinct,
}

impl Wide {
    pub(super) fn new(file: u16, header: &Header, options: &ReadOptions) -> Self {
        let with = |role| (0..header.roles.len()).filter(move |at| header.roles[*at] == role).collect();
        Self {
            file,
            undecided: with(Role::Undecided),
            labels: with(Role::Label),
            numbers: Vec::new(),
            whole: Vec::new(),
            told_labels: options.labels.clone(),
            null: options.null.clone(),
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
            push_field(&mut self.key, cell(record, *column));
        }
        let (number, new) = self.keys.number(&self.key);
        if new {
            let host = self.build(row, header, store);
            self.hosts.push(host);
        }
        let host = self.hosts[number as usize].as_mut().map_err(|message| message.clone())?;
        for (ordinal, column) in self.numbers.iter().enumerate() {
            let field = cell(record, *column);
            if field.is_empty() || self.null.iter().any(|null| null.as_bytes() == field) {
                continue;
            }
            let value =
                parse_value(field).map_err(|message| format!("column `{}`: {message}", header.names[*column]))?;
            self.whole[ordinal] &= value.fract() == 0.0;
            let series = host.series(ordinal, &header.names[*column], store);
            batch.push(series, at, value, place(self.file, line));
        }
        host.end_row(at, batch);
        Ok(())
    }

    /// Gives roles to columns by their first cell that is not empty.
    fn decide(&mut self, (record, ..): Row<'_>, header: &mut Header) {
        let labels = self.labels.len();
        let mut undecided = std::mem::take(&mut self.undecided);
        undecided.retain(|column| {
            let field = cell(record, *column);
            if field.is_empty() || self.null.iter().any(|null| null.as_bytes() == field) {
                return true;
            }
            if is_numeric_cell(field) {
                header.roles[*column] = Role::Number;
                self.numbers.push(*column);
                self.whole.push(true);
            } else {
                header.roles[*column] = Role::Label;
                self.labels.push(*column);
            }
            false
        });
        self.undecided = undecided;
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
            let name = &header.names[*column];
            let value = label_value(name, cell(record, *column))?;
            labels.set(name, &value);
            if !self.told_labels.contains(name) {
                self.distinct.note(*column, value.as_bytes());
            }
        }
        Ok(Host::new(labels, store))
    }

    /// Returns the metrics that might be labels.
    pub(super) fn label_candidates(&self, header: &Header) -> Vec<String> {
        let whole = self.numbers.iter().zip(&self.whole).filter(|(_, whole)| **whole);
        likely_labels(whole.map(|(column, _)| &header.names[*column]).collect())
    }
}
