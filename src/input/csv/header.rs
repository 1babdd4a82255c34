//! What the columns of a table are, as far as its header tells.

use std::sync::Arc;

use csv::ByteRecord;

use super::levels::Levels;
use super::text;
use crate::input::names::{METRIC_COLUMNS, TIME_COLUMNS, date_and_time, listed, stem};
use crate::input::naming::{self, Named, Unnamed};
use crate::input::settings::Settings;
use crate::input::stamp::looks_like_time;
use crate::input::{Form, Format, InputError, Recognize};
use crate::limits;

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// When.
    Time,
    /// The metric name, or its beginning.
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

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) format: Format,
    /// Why it is that format.
    pub(super) why: String,
    /// The names as they are given.
    pub(super) given: Vec<String>,
    pub(super) names: Vec<String>,
    /// What the names say of the samples of a column that is a metric.
    pub(super) named: Vec<Named>,
    pub(super) roles: Vec<Role>,
    /// The columns of the time.
    pub(super) time: Vec<usize>,
    /// Their names, with a blank between them.
    pub(super) time_name: String,
    /// The metric name of all samples of a two-column file.
    pub(super) metric: Option<String>,
    pub(super) warnings: Vec<String>,
    /// Columns whose metrics have another name than they.
    pub(super) renamed: Vec<usize>,
}

/// Returns whether a name is that of a time column.
pub(super) fn is_time_name(name: &str, form: &Form) -> bool {
    form.time_column.iter().any(|told| told == name)
        || TIME_COLUMNS.iter().any(|known| known.eq_ignore_ascii_case(name))
        || form.rename.get(name).is_some_and(|new| TIME_COLUMNS.iter().any(|known| known == new))
}

/// Returns whether a line names a time column.
pub(super) fn names_time(line: &[u8], delimiter: u8, form: &Form) -> bool {
    let cells = line.split(|byte| *byte == delimiter).collect::<Vec<_>>();
    cells.len() > 1 && cells.iter().any(|cell| is_time_name(text(cell).trim_matches('"'), form))
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

/// The names of columns, before they have roles.
pub(super) struct Names {
    pub(super) given: Vec<String>,
    /// What levels of the header say of columns.
    pub(super) named: Vec<Option<Named>>,
    pub(super) note: Option<String>,
    /// How many of the rows the header takes.
    pub(super) rows: usize,
}

impl Names {
    /// Reads the names of the columns off the first rows.
    ///
    /// # Errors
    /// When there is no header.
    pub(super) fn read(path: &Arc<str>, rows: &[&ByteRecord], settings: &Settings) -> Result<Self, InputError> {
        let form = &settings.form;
        let columns = rows[0].len();
        if columns > limits::CSV_COLUMNS {
            return Err(InputError::TooManyColumns { path: Arc::clone(path), columns });
        }
        if rows[0].iter().any(|name| std::str::from_utf8(name).is_err()) {
            let found = "its header is not valid UTF-8".to_owned();
            return Err(InputError::NotCsv { path: Arc::clone(path), found });
        }
        let one = |given: Vec<String>, rows, note| Self { named: vec![None; given.len()], given, note, rows };
        if form.no_header {
            let told = |at: usize| form.columns.get(at).filter(|name| !name.is_empty()).cloned();
            let number = |at: usize| told(at).unwrap_or_else(|| (at + 1).to_string());
            let format = form.time_format.as_deref();
            let timed = |row: &&ByteRecord| row.iter().any(|cell| looks_like_time(cell.trim_ascii(), format));
            // A header that is there all the same.
            let header = rows.len() > 1 && !timed(&rows[0]) && timed(&rows[1]);
            let note = header.then(|| "the first row is a header and was passed over".to_owned());
            let columns = rows[usize::from(header)].len();
            return Ok(one((0..columns).map(number).collect(), usize::from(header), note));
        }
        match super::levels::find(rows, form) {
            Levels::One => Ok(one(rows[0].iter().map(text).collect(), 1, None)),
            Levels::None => {
                let time =
                    rows[0].iter().position(|cell| looks_like_time(cell.trim_ascii(), form.time_format.as_deref()));
                Err(InputError::NoHeader { path: Arc::clone(path), columns, time: time.unwrap_or(0) + 1 })
            }
            Levels::Many { rows, names, named, note } => Ok(Self { given: names, named, note, rows }),
        }
    }
}

/// Returns whether a time is written out and no number.
fn is_dated(cell: &[u8]) -> bool {
    cell.iter().any(|byte| matches!(byte, b'-' | b'/' | b':'))
}

impl Header {
    /// Gives each column its role; `path` names the metric of a two-column file, and `first` is the first row.
    pub(super) fn new(
        path: &Arc<str>,
        from: Names,
        first: Option<&ByteRecord>,
        settings: &Settings,
    ) -> Result<Self, InputError> {
        let form = &settings.form;
        let Names { given, named, note, .. } = from;
        let names: Vec<String> = given.iter().map(|name| form.rename.get(name).unwrap_or(name).clone()).collect();
        let mut header = Self {
            format: Format::CsvWide,
            why: String::new(),
            roles: vec![Role::Undecided; names.len()],
            named: names.iter().map(Named::plain).collect(),
            given,
            names,
            time: Vec::new(),
            time_name: String::new(),
            metric: None,
            warnings: settings.notes.iter().cloned().chain(note).collect(),
            renamed: Vec::new(),
        };
        header.find_time(path, first, form)?;
        header.leave_out(form);
        header.refuse_duplicates(path)?;
        let levels = named.iter().any(Option::is_some);
        let metric = match levels {
            true => None,
            false => header.told(&form.metric_column, "--metric-column", path)?,
        };
        let metric = metric.or_else(|| header.find(&METRIC_COLUMNS));
        let value = header.told(&form.value_column, "--value-column", path)?.or_else(|| header.find(&["value"]));
        let (two, only) = (Format::CsvTwoColumn, header.roles.iter().filter(|role| **role == Role::Undecided).count());
        let one = form.value_column.is_some() && form.columns_as.is_none();
        match (metric, value, form.input_format) {
            (Some(metric), Some(value), None | Some(Format::CsvLong)) => header.long(metric, value, path, form)?,
            (None, Some(value), None) if one => header.two_columns(value, path, form),
            (_, Some(value), format) if format == Some(two) || only == 1 && format.is_none() => {
                header.two_columns(value, path, form);
            }
            (_, _, Some(Format::CsvLong | Format::CsvTwoColumn)) => {
                return Err(InputError::NoValueColumn { path: Arc::clone(path), columns: listed(&header.names) });
            }
            _ => {
                if let Some(metric) = metric.filter(|_| form.metric_column.is_some()) {
                    header.roles[metric] = Role::Metric;
                }
                header.wide(value, path, form, named)?;
            }
        }
        Ok(header)
    }

    fn find_time(&mut self, path: &Arc<str>, first: Option<&ByteRecord>, form: &Form) -> Result<(), InputError> {
        let format = form.time_format.as_deref();
        let timed = |at: &usize| {
            let cell = first.and_then(|row| row.get(*at)).unwrap_or_default().trim_ascii();
            looks_like_time(cell, format)
        };
        self.time = if form.time_column.is_empty() {
            let names = || self.names.iter().map(String::as_str);
            let kept = |at: &usize| !form.ignore_columns.contains(&self.names[*at]);
            let found = TIME_COLUMNS.iter().find_map(|name| self.position(name).filter(kept));
            match (date_and_time(names()), found) {
                (Some((date, time)), found)
                    if first.is_some() && !timed(&time) && found.is_none_or(|found| found == date || found == time) =>
                {
                    vec![date, time]
                }
                (_, Some(found)) => vec![found],
                // A column without a name, or any column where there is no header.
                _ => {
                    let nameless = |at: &usize| self.names[*at].is_empty() || form.no_header;
                    let columns = || (0..self.names.len()).filter(timed);
                    let dated = |at: &usize| first.and_then(|row| row.get(*at)).is_some_and(is_dated);
                    let dates: Vec<usize> = columns().filter(dated).collect();
                    match (columns().find(nameless), dates.as_slice()) {
                        (Some(one), _) => vec![one],
                        (None, [one]) => vec![*one],
                        _ => Vec::new(),
                    }
                }
            }
        } else {
            let told = form.time_column.iter().map(|name| self.column(name, "--time-column", path));
            told.collect::<Result<Vec<usize>, _>>()?
        };
        let Some(one) = self.time.first().copied() else {
            if first.is_none() && form.recognize != Recognize::default() {
                return Err(InputError::HeaderOnly { path: Arc::clone(path) });
            }
            return Err(InputError::NoTimeColumn { path: Arc::clone(path), columns: listed(&self.names) });
        };
        if self.names[one].is_empty() {
            "index".clone_into(&mut self.names[one]);
            self.warnings.push(format!("column {} has no name and holds the times", one + 1));
        } else if form.time_column.is_empty() && !is_time_name(&self.names[one], form) && !form.no_header {
            self.warnings.push(format!("column `{}` holds the times (--time-column)", self.names[one]));
        }
        for at in &self.time {
            self.roles[*at] = Role::Time;
        }
        self.time_name = self.time.iter().map(|at| self.names[*at].as_str()).collect::<Vec<_>>().join(" ");
        if form.labels.contains(&self.names[one]) {
            let what = format!("--labels {}: that column holds the times", self.names[one]);
            return Err(InputError::Contradiction { path: Arc::clone(path), what });
        }
        Ok(())
    }

    /// Returns the column that has a name, given or new, in letters of any case where none has it as it is.
    fn position(&self, name: &str) -> Option<usize> {
        let exact = self.names.iter().position(|other| other == name);
        let given = || self.given.iter().position(|other| other == name);
        exact.or_else(given).or_else(|| self.names.iter().position(|other| other.eq_ignore_ascii_case(name)))
    }

    /// Returns the column that a flag names.
    fn column(&self, name: &str, flag: &'static str, path: &Arc<str>) -> Result<usize, InputError> {
        let unknown = || InputError::UnknownColumn {
            flag,
            name: name.to_owned(),
            path: Arc::clone(path),
            columns: listed(&self.given),
        };
        self.position(name).ok_or_else(unknown)
    }

    fn told(&self, name: &Option<String>, flag: &'static str, path: &Arc<str>) -> Result<Option<usize>, InputError> {
        name.as_deref().map(|name| self.column(name, flag, path)).transpose()
    }

    fn leave_out(&mut self, form: &Form) {
        for at in 0..self.names.len() {
            let name = &self.names[at];
            if self.roles[at] != Role::Undecided {
                continue;
            }
            if form.ignore_others && form.columns.get(at).is_none_or(String::is_empty) {
                self.roles[at] = Role::Ignored;
            } else if name.is_empty() {
                self.roles[at] = Role::Ignored;
                self.warnings.push(format!("column {} has no name and is ignored", at + 1));
            } else if form.ignore_columns.contains(name) || form.ignore_columns.contains(&self.given[at]) {
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

    /// Returns the column that has the first of the names and no role yet.
    fn find(&self, names: &[&str]) -> Option<usize> {
        let open = |at: &usize| self.roles[*at] == Role::Undecided;
        let exact = |name: &&str| self.used().filter(open).find(|at| self.names[*at] == *name);
        let alike = |name: &&str| self.used().filter(open).find(|at| self.names[*at].eq_ignore_ascii_case(name));
        names.iter().find_map(|name| exact(name).or_else(|| alike(name)))
    }

    fn long(&mut self, metric: usize, value: usize, path: &Arc<str>, form: &Form) -> Result<(), InputError> {
        let wrong = |what: String| Err(InputError::Contradiction { path: Arc::clone(path), what });
        if let Some(name) = &form.metric {
            return wrong(format!("--metric {name}: column `{}` names the metrics", self.names[metric]));
        }
        if let Some(at) = [metric, value].into_iter().find(|at| form.labels.contains(&self.names[*at])) {
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

    fn two_columns(&mut self, value: usize, path: &str, form: &Form) {
        self.format = Format::CsvTwoColumn;
        let metric = form.metric.clone().unwrap_or_else(|| stem(path));
        let metric = if form.clean_names { naming::clean(&metric) } else { metric };
        self.why = format!("a time and a value; the metric is named `{metric}`");
        self.metric = Some(metric);
        self.replace_undecided(Role::Label);
        self.roles[value] = Role::Value;
    }

    fn wide(
        &mut self,
        value: Option<usize>,
        path: &Arc<str>,
        form: &Form,
        levels: Vec<Option<Named>>,
    ) -> Result<(), InputError> {
        let wrong = |what: String| InputError::Contradiction { path: Arc::clone(path), what };
        self.why = match &form.columns_as {
            Some(label) => format!("one column per value of `{label}`"),
            None => "one column per metric".to_owned(),
        };
        let prefixed = self.roles.contains(&Role::Metric);
        let nameless = self.names.iter().any(|name| name.trim_start().starts_with('{'));
        match (value, &form.metric) {
            _ if form.columns_as.is_some() || prefixed => {}
            (None, Some(metric)) if !nameless => {
                return Err(wrong(format!("--metric {metric}: there is no column `value` to name")));
            }
            (Some(value), Some(metric)) => self.names[value].clone_from(metric),
            (Some(_), None) => {
                self.warnings
                    .push("the metric is named `value`, like its column; rename it with --metric NAME".to_owned());
            }
            (None, _) => {}
        }
        for at in 0..self.names.len() {
            let told = form.labels.contains(&self.names[at]) || form.labels.contains(&self.given[at]);
            if self.roles[at] == Role::Undecided && told {
                self.roles[at] = Role::Label;
            }
        }
        for (at, level) in levels.into_iter().enumerate().filter(|(at, _)| self.roles[*at] == Role::Undecided) {
            self.named[at] = match level {
                Some(named) => named,
                None => naming::named(&self.names[at], form).map_err(|error| match error {
                    Unnamed::Nameless => {
                        InputError::NamelessColumn { path: Arc::clone(path), column: self.names[at].clone() }
                    }
                    Unnamed::Wrong(error) => wrong(format!("column `{}`: {error}", self.names[at])),
                })?,
            };
        }
        self.keep_names_apart();
        if self.roles.contains(&Role::Undecided) {
            return Ok(());
        }
        Err(InputError::NoValueColumn { path: Arc::clone(path), columns: listed(&self.names) })
    }

    /// Leaves names as they are given where two would otherwise be one.
    fn keep_names_apart(&mut self) {
        let mut renamed = Vec::new();
        let made: Vec<usize> = self.open().into_iter().filter(|at| self.named[*at].labels.is_empty()).collect();
        let metrics: Vec<String> = made.iter().map(|at| self.named[*at].metric.clone()).collect();
        for (at, metric) in
            made.into_iter().zip(&metrics).filter(|(at, metric)| **metric != self.names[*at]).collect::<Vec<_>>()
        {
            let alike = metrics.iter().filter(|other| *other == metric).count();
            if alike > 1 {
                self.named[at].metric.clone_from(&self.names[at]);
            } else {
                renamed.push(at);
            }
        }
        self.renamed = renamed;
    }

    /// Says which columns are metrics of another name.
    pub(super) fn renames(&self) -> Vec<String> {
        let renamed: Vec<usize> = self.renamed.iter().copied().filter(|at| self.roles[*at] == Role::Number).collect();
        let example = |at: &usize| format!("`{}` is the metric `{}`", self.names[*at], self.named[*at].metric);
        match renamed.as_slice() {
            many @ [first, _, _, _, ..] => vec![format!(
                "{} columns have names without units and characters that expressions would need quotes for, such as {}",
                many.len(),
                example(first)
            )],
            few => few.iter().map(|at| format!("column {}", example(at))).collect(),
        }
    }

    /// Returns the columns that have no role yet.
    fn open(&self) -> Vec<usize> {
        (0..self.roles.len()).filter(|at| self.roles[*at] == Role::Undecided).collect()
    }

    fn replace_undecided(&mut self, by: Role) {
        for role in self.roles.iter_mut().filter(|role| **role == Role::Undecided) {
            *role = by;
        }
    }
}
