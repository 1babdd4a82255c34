//! The wide shape: one snapshot of many metrics a row.

use std::collections::BTreeMap;

use csv::ByteRecord;

use super::header::{Header, Role};
use super::{Row, cell, label_cell};
use crate::input::distinct::Distinct;
use crate::input::host::Host;
use crate::input::keys::{Keys, label_value, push_field};
use crate::input::names::{TIME_COLUMNS, likely_labels};
use crate::input::roles::{Cell, Cells, Decided};
use crate::input::settings::{Fixed, Settings};
use crate::input::stamp::looks_like_time;
use crate::input::values::Values;
use crate::input::{Mixed, place, shell_word};
use crate::labels::{LabelBuilder, METRIC_NAME};
use crate::store::{Batch, Numbers};

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

/// What a label does while all others stay as they are.
#[derive(Default)]
struct Changes<'a> {
    /// Its texts, in the order of their first rows.
    seen: Vec<&'a [u8]>,
    last: Option<(&'a [u8], &'a [u8])>,
    /// Whether it came back to a text that it had before.
    returned: bool,
    /// Whether it had two texts at one time, so that there are two things.
    at_once: bool,
}

impl<'a> Changes<'a> {
    fn take(&mut self, time: &'a [u8], text: &'a [u8]) {
        if let Some((before, last)) = self.last.filter(|(_, last)| *last != text) {
            self.at_once |= before == time;
            self.returned |= self.seen.contains(&text) && last != text;
        }
        if !self.seen.contains(&text) && self.seen.len() < 100 {
            self.seen.push(text);
        }
        self.last = Some((time, text));
    }
}

/// Returns whether a name is that of a state, not of a thing.
fn is_state(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let parts =
        ["state", "status", "phase", "mode", "reason", "result", "health", "took", "duration", "elapsed", "message"];
    parts.iter().any(|part| name.contains(part)) || name == "ok"
}

/// Returns whether a text says what state something is in.
fn is_state_word(text: &[u8]) -> bool {
    const WORDS: [&str; 22] = [
        "true", "false", "yes", "no", "on", "off", "ok", "warn", "warning", "error", "critical", "busy", "idle", "up",
        "down", "active", "inactive", "enabled", "disabled", "running", "stopped", "",
    ];
    let is_clock =
        || text.contains(&b':') && text.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'));
    WORDS.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(text)) || is_clock()
}

/// Says that a column of times is no label.
fn other_times(name: &str) -> String {
    format!("column `{name}` holds other times and is ignored (--labels {name} takes it as a label)")
}

/// Returns whether a column of numbers is no metric: the number of the row under a name that says so, or times.
fn is_counter<'a>(name: &str, values: impl Iterator<Item = &'a [u8]>, time: &str) -> bool {
    let number = |cell: &[u8]| std::str::from_utf8(cell).ok().and_then(|cell| cell.parse::<f64>().ok());
    let is_index = matches!(name, "index" | "Unnamed: 0" | "row" | "#");
    let is_time = name != time && TIME_COLUMNS.iter().any(|known| known.eq_ignore_ascii_case(name));
    let mut values = values.peekable();
    let first = values.peek().and_then(|cell| number(cell));
    match first {
        Some(first) if is_index => (0..).zip(values).all(|(at, cell)| number(cell) == Some(first + f64::from(at))),
        Some(_) if is_time => values.all(|cell| cell.is_empty() || looks_like_time(cell, None)),
        _ => false,
    }
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
        numbers: &mut Numbers,
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
            let host = self.build(row, header, numbers);
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
            let whole = &mut self.whole[ordinal];
            *whole = *whole && value.fract() == 0.0;
            let series = host.series(ordinal, named, numbers);
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
            let values = || {
                let fits = rows.clone().filter(|(record, _)| record.len() == columns);
                fits.map(move |(record, _)| cell(record, column).trim_ascii())
            };
            match cells.decide() {
                Decided::Open => self.undecided.push(column),
                Decided::Metric if is_counter(&header.names[column], values(), &header.time_name) => {
                    header.roles[column] = Role::Ignored;
                    header.warnings.push(format!(
                        "column `{0}` counts rows or holds other times, and is ignored (--rename {1} reads it)",
                        header.names[column],
                        shell_word(&format!("{}=NAME", header.names[column]))
                    ));
                }
                Decided::Metric => self.give(column, true, header),
                Decided::Label if cells.is_times() => {
                    header.roles[column] = Role::Ignored;
                    header.warnings.push(other_times(&header.names[column]));
                }
                Decided::Label => self.give(column, false, header),
                Decided::Mixed(mixed) => return Err((header.names[column].clone(), mixed)),
            }
        }
        self.labels.sort_unstable();
        self.note_states(rows, header);
        Ok(())
    }

    /// Says which labels change to and fro while the others stay: they are states of a thing, not things.
    fn note_states<'a>(&self, rows: impl Iterator<Item = (&'a ByteRecord, u64)> + Clone, header: &mut Header) {
        let columns = header.names.len();
        let Some(time) = header.time.first().copied() else { return };
        for column in &self.labels {
            let name = &header.names[*column];
            if self.told_labels.contains(name) || self.prefix == Some(*column) {
                continue;
            }
            let others = self.labels.iter().filter(|other| *other != column);
            let mut things: BTreeMap<Vec<&[u8]>, Changes<'_>> = BTreeMap::new();
            for (record, _) in rows.clone().filter(|(record, _)| record.len() == columns) {
                let thing: Vec<&[u8]> = others.clone().map(|other| cell(record, *other).trim_ascii()).collect();
                things.entry(thing).or_default().take(&record[time], cell(record, *column).trim_ascii());
            }
            let changes: Vec<&Changes<'_>> = things.values().filter(|changes| changes.seen.len() > 1).collect();
            let to_and_fro = changes.iter().any(|changes| changes.returned);
            if !to_and_fro || changes.iter().any(|changes| changes.at_once) {
                continue;
            }
            let texts = || changes.iter().flat_map(|changes| changes.seen.iter());
            if is_state(name) || texts().all(|text| is_state_word(text)) {
                header.warnings.push(format!(
                    "`{name}` changes to and fro: as a label, each of its texts is another series, so that no alert holds for \
                     longer than one of them; --ignore-columns {name}"
                ));
            }
        }
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
    fn build(&mut self, (record, ..): Row<'_>, header: &Header, numbers: &mut Numbers) -> Result<Host, String> {
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
        Host::new(labels, &self.fixed, numbers)
    }

    /// Returns the metrics that might be labels.
    pub(super) fn label_candidates(&self, header: &Header) -> Vec<String> {
        let whole = self.numbers.iter().zip(&self.whole).filter(|(_, whole)| **whole);
        likely_labels(whole.map(|(column, _)| &header.names[*column]).collect())
    }
}
