//! One object a snapshot of many metrics.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::labels::Labels;
use super::object::{Object, Scalar};
use super::wrong::refused;
use super::{Role, Row, number};
use crate::input::host::Host;
use crate::input::names::likely_labels;
use crate::input::number::parse_value;
use crate::input::{ReadOptions, place};
use crate::labels::{LabelBuilder, LabelSet};
use crate::store::{Batch, Store};

/// What is known of a file of snapshots.
pub(super) struct Snapshots {
    file: u16,
    time: u32,
    /// The metric name of a field `value`.
    metric: Option<String>,
    null: Vec<String>,
    /// By the number of the name.
    pub(super) roles: Vec<Role>,
    pub(super) labels: Labels,
    /// The name and whether all values are whole, by ordinal.
    numbers: Vec<(u32, bool)>,
    /// The host of each number of labels, or why there is none.
    by_number: Vec<Result<usize, String>>,
    by_labels: HashMap<LabelSet, usize, FixedState>,
    hosts: Vec<Host>,
    /// The ordinals and values of the row.
    values: Vec<(u32, f64)>,
}

impl Snapshots {
    pub(super) fn new(file: u16, time: u32, options: &ReadOptions) -> Self {
        Self {
            file,
            time,
            metric: options.metric.clone(),
            null: options.null.clone(),
            roles: Vec::new(),
            labels: Labels::new(&options.labels),
            numbers: Vec::new(),
            by_number: Vec::new(),
            by_labels: HashMap::default(),
            hosts: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Adds the row's samples; the error is what is wrong with the row, which then adds none.
    pub(super) fn row(&mut self, row: Row<'_>, store: &mut Store, batch: &mut Batch) -> Result<(), String> {
        let (object, line, at) = row;
        while self.roles.len() < object.names.len() {
            self.roles.push(self.role(self.roles.len(), object));
        }
        self.labels.begin();
        self.values.clear();
        for (name, scalar) in &object.fields {
            let role = match self.roles[*name as usize] {
                Role::Undecided => self.decide(*name, *scalar, object)?,
                role => role,
            };
            match role {
                Role::Number(ordinal) => {
                    let value = match *scalar {
                        Scalar::Float(value) => Some(value),
                        scalar => number(*name, scalar, object, &self.null)?,
                    };
                    self.values.extend(value.map(|value| (ordinal, value)));
                }
                Role::Label { told } => self.labels.push(*name, told, *scalar, object)?,
                _ => {}
            }
        }
        let (number, new) = self.labels.number();
        if new {
            let host = self.build(object, store);
            self.by_number.push(host);
        }
        let host = match &self.by_number[number as usize] {
            Ok(host) => &mut self.hosts[*host],
            Err(message) => return Err(message.clone()),
        };
        for (ordinal, value) in &self.values {
            let (name, whole) = &mut self.numbers[*ordinal as usize];
            *whole &= value.fract() == 0.0;
            let name = &object.names[*name as usize].text;
            let metric = self.metric.as_ref().filter(|_| name.eq_ignore_ascii_case("value")).unwrap_or(name);
            let series = host.series(*ordinal as usize, metric, store);
            batch.push(series, at, *value, place(self.file, line));
        }
        host.end_row(at, batch);
        Ok(())
    }

    fn role(&self, name: usize, object: &Object) -> Role {
        let Object { names, .. } = object;
        let told = self.labels.told(&names[name].text);
        match name {
            name if name as u32 == self.time => Role::Time,
            name if names[name].nested || told => Role::Label { told },
            _ => Role::Undecided,
        }
    }

    /// Gives a field its role by its first value that is not null.
    fn decide(&mut self, name: u32, scalar: Scalar, object: &Object) -> Result<Role, String> {
        let numeric = match scalar {
            Scalar::Null => return Ok(Role::Undecided),
            Scalar::Unsigned(_) | Scalar::Signed(_) | Scalar::Float(_) => true,
            Scalar::Bool(_) | Scalar::Object | Scalar::Array => {
                return Err(refused(&object.names[name as usize], scalar));
            }
            Scalar::Text(from, to) => {
                let text = &object.texts[from as usize..to as usize];
                if text.is_empty() || self.null.iter().any(|null| null == text) {
                    return Ok(Role::Undecided);
                }
                // Of texts, only the numbers that JSON can not write are values.
                !text.bytes().any(|byte| byte.is_ascii_digit()) && parse_value(text.as_bytes()).is_ok()
            }
        };
        let role = if numeric {
            self.numbers.push((name, true));
            Role::Number(self.numbers.len() as u32 - 1)
        } else {
            Role::Label { told: false }
        };
        self.roles[name as usize] = role;
        Ok(role)
    }

    /// Returns the host of the row's labels, whatever the order of its fields.
    #[cold]
    fn build(&mut self, object: &Object, store: &mut Store) -> Result<usize, String> {
        let labels = self.labels.build(object, &self.roles, LabelBuilder::default())?;
        let set = labels.build();
        if let Some(host) = self.by_labels.get(&set) {
            return Ok(*host);
        }
        self.hosts.push(Host::new(labels, store));
        self.by_labels.insert(set, self.hosts.len() - 1);
        Ok(self.hosts.len() - 1)
    }

    /// Returns the metrics that might be labels.
    pub(super) fn label_candidates(&self, object: &Object) -> Vec<String> {
        let whole = self.numbers.iter().filter(|(_, whole)| *whole);
        likely_labels(whole.map(|(name, _)| &object.names[*name as usize].text).collect())
    }
}
