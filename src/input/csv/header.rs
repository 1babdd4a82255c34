//! What the columns of a CSV file are, as far as its header tells.

use std::sync::Arc;

use csv::ByteRecord;

use crate::input::names::{METRIC_COLUMNS, TIME_COLUMNS, listed, stem, without_unit};
use crate::input::{Format, InputError, ReadOptions};
use crate::limits;

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// When.
    Time,
    /// The metric name.
    Metric,
    /// The value.
    Value,
    /// A label.
    Label,
    /// Left out.
    Ignored,
    /// A metric or a label; its first cell that is not empty decides.
    Undecided,
    /// A metric of a wide file.
    Number,
}

/// The columns of a file.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) format: Format,
    /// Why it is that format.
    pub(super) why: String,
    /// The names as they are given.
    pub(super) given: Vec<String>,
    pub(super) names: Vec<String>,
    pub(super) roles: Vec<Role>,
    pub(super) time: usize,
    /// The metric name of all samples of a two-column file.
    pub(super) metric: Option<String>,
    pub(super) warnings: Vec<String>,
}

/// Finds the delimiter: the most frequent of comma, semicolon and tab in the first line, a comma if there is none.
pub(super) fn delimiter(head: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [0_usize; 3];
    for byte in head.iter().take_while(|byte| **byte != b'\n') {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => counts[0] += 1,
            b';' if !quoted => counts[1] += 1,
            b'\t' if !quoted => counts[2] += 1,
            _ => {}
        }
    }
    let most = counts[0].max(counts[1]).max(counts[2]);
    [b',', b';', b'\t'][counts.iter().position(|count| *count == most).unwrap_or(0)]
}

/// Tells what a file is that cannot be CSV.
pub(super) fn not_csv(head: &[u8]) -> Option<String> {
    let text = head.trim_ascii_start();
    let found = match text {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is UTF-16; export it as UTF-8",
        [b'P', b'A', b'R', b'1', ..] => "it is Parquet",
        [b'P', b'K', 3, 4, ..] => "it is a zip archive or a spreadsheet",
        [b'{' | b'[', ..] => "it looks like JSON",
        [b'<', ..] => "it looks like HTML or XML",
        _ if text.starts_with(b"# HELP ") || text.starts_with(b"# TYPE ") => {
            "it looks like Prometheus' text format (prometheus_text)"
        }
        _ => {
            let nul = memchr::memchr(0, head)?;
            let line = 1 + memchr::memchr_iter(b'\n', &head[..nul]).count();
            return Some(format!("it has a NUL byte in line {line}, so it is not text"));
        }
    };
    Some(found.to_owned())
}

impl Header {
    /// Gives each column its role; `path` names the metric of a two-column file.
    pub(super) fn new(path: &Arc<str>, record: &ByteRecord, options: &ReadOptions) -> Result<Self, InputError> {
        if record.len() > limits::CSV_COLUMNS {
            return Err(InputError::TooManyColumns { path: Arc::clone(path), columns: record.len() });
        }
        let names: Vec<String> =
            record.iter().map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned()).collect();
        if record.iter().any(|name| std::str::from_utf8(name).is_err()) {
            return Err(InputError::NotCsv {
                path: Arc::clone(path),
                found: "its header is not valid UTF-8".to_owned(),
            });
        }
        let mut header = Self {
            format: Format::CsvWide,
            why: String::new(),
            roles: vec![Role::Undecided; names.len()],
            given: names.clone(),
            names,
            time: 0,
            metric: None,
            warnings: Vec::new(),
        };
        header.leave_out(options);
        header.refuse_duplicates(path)?;
        header.time = header
            .find(&TIME_COLUMNS)
            .ok_or_else(|| InputError::NoTimeColumn { path: Arc::clone(path), columns: listed(&header.names) })?;
        header.roles[header.time] = Role::Time;
        if options.labels.contains(&header.names[header.time]) {
            let what = format!("--labels {}: that column holds the times", header.names[header.time]);
            return Err(InputError::Contradiction { path: Arc::clone(path), what });
        }
        let metric = header.find(&METRIC_COLUMNS);
        let value = header.find(&["value"]);
        let (two, only) = (Format::CsvTwoColumn, header.roles.iter().filter(|role| **role == Role::Undecided).count());
        match (metric, value, options.format) {
            (Some(metric), Some(value), None | Some(Format::CsvLong)) => header.long(metric, value, path, options)?,
            (_, Some(value), format) if format == Some(two) || only == 1 && format.is_none() => {
                header.two_columns(value, path, options);
            }
            (_, _, Some(Format::CsvLong | Format::CsvTwoColumn)) => {
                return Err(InputError::NoValueColumn { path: Arc::clone(path), columns: listed(&header.names) });
            }
            _ => header.wide(value, path, options)?,
        }
        Ok(header)
    }

    fn leave_out(&mut self, options: &ReadOptions) {
        for (at, name) in self.names.iter().enumerate() {
            if name.is_empty() {
                self.roles[at] = Role::Ignored;
                self.warnings.push(format!("column {} has no name and is ignored", at + 1));
            } else if options.ignore_columns.contains(name) {
                self.roles[at] = Role::Ignored;
            }
        }
    }

    fn refuse_duplicates(&self, path: &Arc<str>) -> Result<(), InputError> {
        let mut names: Vec<&String> = self.used().map(|at| &self.names[at]).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(InputError::DuplicateColumn { path: Arc::clone(path), column: pair[0].clone() }),
            None => Ok(()),
        }
    }

    fn used(&self) -> impl Iterator<Item = usize> {
        (0..self.names.len()).filter(|at| self.roles[*at] != Role::Ignored)
    }

    /// Returns the column that has the first of the names.
    fn find(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.used().find(|at| self.names[*at].eq_ignore_ascii_case(name)))
    }

    fn long(&mut self, metric: usize, value: usize, path: &Arc<str>, options: &ReadOptions) -> Result<(), InputError> {
        let wrong = |what: String| Err(InputError::Contradiction { path: Arc::clone(path), what });
        if let Some(name) = &options.metric {
            return wrong(format!("--metric {name}: column `{}` names the metrics", self.names[metric]));
        }
        if let Some(at) = [metric, value].into_iter().find(|at| options.labels.contains(&self.names[*at])) {
            let what = if at == value { "holds the values" } else { "names the metrics" };
            return wrong(format!("--labels {}: that column {what}", self.names[at]));
        }
        self.format = Format::CsvLong;
        self.why = format!("columns `{}` and `{}`", self.names[metric], self.names[value]);
        self.replace_undecided(Role::Label);
        self.roles[metric] = Role::Metric;
        self.roles[value] = Role::Value;
        Ok(())
    }

    fn two_columns(&mut self, value: usize, path: &str, options: &ReadOptions) {
        self.format = Format::CsvTwoColumn;
        let metric = options.metric.clone().unwrap_or_else(|| stem(path));
        self.why = format!("a time and a value; the metric is named `{metric}`");
        self.metric = Some(metric);
        self.replace_undecided(Role::Label);
        self.roles[value] = Role::Value;
    }

    fn wide(&mut self, value: Option<usize>, path: &Arc<str>, options: &ReadOptions) -> Result<(), InputError> {
        self.why = "one column per metric".to_owned();
        match (value, &options.metric) {
            (None, Some(metric)) => {
                let what = format!("--metric {metric}: there is no column `value` to name");
                return Err(InputError::Contradiction { path: Arc::clone(path), what });
            }
            (Some(value), Some(metric)) => self.names[value].clone_from(metric),
            (Some(_), None) => {
                self.warnings
                    .push("the metric is named `value`, like its column; rename it with --metric NAME".to_owned());
            }
            (None, None) => {}
        }
        for at in 0..self.names.len() {
            if self.roles[at] == Role::Undecided && options.labels.contains(&self.names[at]) {
                self.roles[at] = Role::Label;
            }
        }
        self.take_units_off();
        if self.roles.contains(&Role::Undecided) {
            return Ok(());
        }
        Err(InputError::NoValueColumn { path: Arc::clone(path), columns: listed(&self.names) })
    }

    /// Takes units in brackets off the names of metrics, unless two would then have one name.
    fn take_units_off(&mut self) {
        for at in 0..self.names.len() {
            let Some(name) = without_unit(&self.names[at]).filter(|_| self.roles[at] == Role::Undecided) else {
                continue;
            };
            let alike = |other: &&String| **other == name || without_unit(other).is_some_and(|other| other == name);
            if self.names.iter().filter(alike).count() == 1 {
                self.warnings.push(format!("column `{}` is the metric `{name}`", self.names[at]));
                self.names[at] = name;
            }
        }
    }

    fn replace_undecided(&mut self, by: Role) {
        for role in self.roles.iter_mut().filter(|role| **role == Role::Undecided) {
            *role = by;
        }
    }
}
