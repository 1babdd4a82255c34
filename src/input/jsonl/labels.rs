//! The labels of a row: first as raw bytes, which tell rows that are alike, then as a label set.

use super::Role;
use super::object::{Name, Object, Scalar};
use super::wrong::refused;
use crate::input::distinct::Distinct;
use crate::input::keys::{Keys, label_value, push_field};
use crate::input::settings::Settings;
use crate::labels::{LabelBuilder, METRIC_NAME};

/// Remembers the labels of rows.
#[derive(Default)]
pub(super) struct Labels {
    told: Vec<String>,
    keep_blanks: bool,
    keys: Keys,
    key: Vec<u8>,
    scratch: Vec<u8>,
    /// By the number of the name: whether some row has it as a label.
    used: Vec<bool>,
    pub(super) distinct: Distinct,
}

impl Labels {
    pub(super) fn new(settings: &Settings) -> Self {
        let form = &settings.form;
        Self { told: form.labels.clone(), keep_blanks: form.keep_blanks, ..Self::default() }
    }

    /// Returns whether the user says that a field is a label.
    pub(super) fn told(&self, name: &Name) -> bool {
        self.told.iter().any(|told| name.is(told))
    }

    /// Returns whether some row has a field as a label.
    pub(super) fn has_used(&self, name: usize) -> bool {
        self.used.get(name).copied().unwrap_or(false)
    }

    /// Begins a row.
    pub(super) fn begin(&mut self) {
        self.key.clear();
    }

    /// Adds a label of the row; the error is what is wrong with it.
    pub(super) fn push(&mut self, name: u32, told: bool, scalar: Scalar, object: &Object) -> Result<(), String> {
        let field = match scalar {
            Scalar::Text(from, to) => &object.texts.as_bytes()[from as usize..to as usize],
            Scalar::Bool(_) if !told => return Err(refused(&object.names[name as usize], scalar)),
            Scalar::Array => return Err(refused(&object.names[name as usize], scalar)),
            scalar => {
                self.scratch.clear();
                scalar.write(&object.texts, &mut self.scratch);
                &self.scratch
            }
        };
        let field = if self.keep_blanks { field } else { field.trim_ascii() };
        if !field.is_empty() {
            self.key.extend_from_slice(&name.to_le_bytes());
            push_field(&mut self.key, field);
        }
        Ok(())
    }

    /// Returns the number of the row's labels and whether they are new; other orders of fields have other numbers.
    pub(super) fn number(&mut self) -> (u32, bool) {
        self.keys.number(&self.key)
    }

    /// Makes a label set of the row's labels, on top of those in `labels`.
    #[cold]
    pub(super) fn build(
        &mut self,
        object: &Object,
        roles: &[Role],
        mut labels: LabelBuilder,
    ) -> Result<LabelBuilder, String> {
        for (name, scalar) in &object.fields {
            let (at, role) = (*name as usize, roles[*name as usize]);
            let metric = role == Role::Metric;
            self.scratch.clear();
            if !(metric || matches!(role, Role::Label { .. })) || !scalar.write(&object.texts, &mut self.scratch) {
                continue;
            }
            let label = if metric { METRIC_NAME } else { &object.names[at].text };
            let value = label_value(label, &self.scratch)?;
            let value = if metric || !self.keep_blanks { value.trim_ascii() } else { &value };
            if metric && value.is_empty() {
                return Err("the metric name is empty".to_owned());
            }
            if labels.get(label).is_some() {
                return Err(format!("`{label}` appears twice"));
            }
            labels.set(label, value);
            self.used.resize(self.used.len().max(at + 1), false);
            self.used[at] = true;
            if !metric && !self.told(&object.names[at]) {
                self.distinct.note(at, value.as_bytes());
            }
        }
        Ok(labels)
    }
}
