//! Forms: descriptions of how a tool writes its tables or its flat JSON, as data.
//!
//! The built-in forms, a file that the user names, and the flags of a command line are all one [`Form`]; what the flags
//! say counts before the rest.

pub(super) mod builtin;
mod csv_map;
mod flags;
mod pattern;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use flags::shell_word;
pub use pattern::Pattern;

use super::{Format, TimeUnit};

/// How recordings of one kind are written. All parts are optional.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Form {
    /// What the kind is called in reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How a recording of the kind is told from others.
    #[serde(skip_serializing_if = "is_default")]
    pub recognize: Recognize,
    /// The shape of the rows, where it is not to be detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_format: Option<Format>,
    /// How many lines come before the header.
    #[serde(skip_serializing_if = "is_default")]
    pub skip_lines: usize,
    /// The header is the first line that matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_line: Option<Pattern>,
    /// Whether all rows above the first time are headers: each is a label of its columns, named by its first cell.
    #[serde(skip_serializing_if = "is_default")]
    pub levels: bool,
    /// Rows of a table that match are passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_rows: Option<Pattern>,
    /// Whether the first row is data already.
    #[serde(skip_serializing_if = "is_default")]
    pub no_header: bool,
    /// The names of the columns of a table without a header; otherwise they are called 1, 2, 3 and so on.
    #[serde(skip_serializing_if = "is_default")]
    pub columns: Vec<String>,
    /// Whether the columns of a table without a header that have no name are left out.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_others: bool,
    /// What separates the cells of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// The decimal sign of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Decimal>,
    /// The array of a JSON document whose objects are the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
    /// Arrays of a row that stand for several rows, one for each of their entries.
    #[serde(skip_serializing_if = "is_default")]
    pub zip: Vec<String>,
    /// A field of the document that names the next page, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continued: Option<String>,
    /// Only objects with these texts in these fields are rows.
    #[serde(skip_serializing_if = "is_default")]
    pub only: BTreeMap<String, String>,
    /// The object of a row that holds labels; `labels` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels_in: Option<String>,
    /// The object of a row whose fields are metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_in: Option<String>,
    /// The columns or fields of the time; several are joined by a blank.
    #[serde(skip_serializing_if = "is_default")]
    pub time_column: Vec<String>,
    /// How times are written, in the notation of `strftime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_format: Option<String>,
    /// The unit of numeric times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_unit: Option<TimeUnit>,
    /// The zone of times that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_timezone: Option<String>,
    /// Finds that zone in the beginning of the recording: a group `west` holds the minutes that it is west of UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone_from: Option<Pattern>,
    /// The column or field of the metric name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_column: Option<String>,
    /// The column or field of the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_column: Option<String>,
    /// The metric name of values that have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Columns that are labels, numeric ones too.
    #[serde(skip_serializing_if = "is_default")]
    pub labels: Vec<String>,
    /// Columns that are left out.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_columns: Vec<String>,
    /// The label that holds the names of the numeric columns, which are then one metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns_as: Option<String>,
    /// Takes the names of numeric columns apart: groups whose names begin with `metric` make the metric name, joined by
    /// an underscore, the others are labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column_pattern: Option<Pattern>,
    /// New names of columns.
    #[serde(skip_serializing_if = "is_default")]
    pub rename: BTreeMap<String, String>,
    /// Whether names get characters that need no quotes in an expression.
    #[serde(skip_serializing_if = "is_default")]
    pub clean_names: bool,
    /// Labels of all series.
    #[serde(skip_serializing_if = "is_default")]
    pub label: BTreeMap<String, String>,
    /// Takes the path of a recording apart: each group is a label of its series; a group `metric` names the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_from_path: Option<Pattern>,
    /// Texts that mean "no sample", besides the empty cell and the usual words.
    #[serde(skip_serializing_if = "is_default")]
    pub null: Vec<String>,
    /// Words that are values.
    #[serde(skip_serializing_if = "is_default")]
    pub words: BTreeMap<String, f64>,
    /// Whether blanks around labels belong to them.
    #[serde(skip_serializing_if = "is_default")]
    pub keep_blanks: bool,
}

/// What is alike in all recordings of a kind; all that is given must be met.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recognize {
    /// Columns of the header, or fields of the first object.
    #[serde(skip_serializing_if = "is_default")]
    pub header: Vec<String>,
    /// The beginning of the recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Pattern>,
    /// The path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Pattern>,
}

/// A decimal sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decimal {
    /// 1.5
    #[default]
    #[serde(rename = ".")]
    Point,
    /// 1,5
    #[serde(rename = ",")]
    Comma,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Form {
    /// Reads a form file.
    ///
    /// # Errors
    /// When it is not YAML, or says what no form can; the text has the place.
    pub fn from_yaml(text: &str) -> Result<Self, String> {
        let form: Self = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        form.check()?;
        Ok(form)
    }

    /// Writes the form as a form file.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        // Maps of texts, numbers and lists: all of it has a form in YAML.
        serde_yaml::to_string(self).unwrap_or_default()
    }

    /// Finds what contradicts itself.
    ///
    /// # Errors
    /// When it does; the text names the keys.
    pub fn check(&self) -> Result<(), String> {
        if self.columns_as.is_some() && self.metric.is_none() && self.metric_column.is_none() {
            return Err("`columns-as` needs `metric`, the name of the one metric".to_owned());
        }
        if self.delimiter.is_some_and(|delimiter| !delimiter.is_ascii() || delimiter == '"') {
            return Err("`delimiter` is one ASCII character such as `;`, not a quote".to_owned());
        }
        if let Some(zone) = &self.input_timezone {
            jiff::tz::TimeZone::get(zone).map_err(|_| format!("`{zone}` is not a known time zone"))?;
        }
        Ok(())
    }

    /// Returns the form with what `other` says put over it.
    #[must_use]
    pub fn with(self, other: &Self) -> Self {
        let over = other.clone();
        let joined = |mut ours: Vec<String>, theirs: Vec<String>| {
            ours.extend(theirs);
            ours
        };
        let either = |ours: Vec<String>, theirs: Vec<String>| if theirs.is_empty() { ours } else { theirs };
        fn merged<V>(mut ours: BTreeMap<String, V>, theirs: BTreeMap<String, V>) -> BTreeMap<String, V> {
            ours.extend(theirs);
            ours
        }
        Self {
            title: over.title.or(self.title),
            recognize: if over.recognize == Recognize::default() { self.recognize } else { over.recognize },
            input_format: over.input_format.or(self.input_format),
            skip_lines: if over.skip_lines > 0 { over.skip_lines } else { self.skip_lines },
            header_line: over.header_line.or(self.header_line),
            levels: over.levels || self.levels,
            skip_rows: over.skip_rows.or(self.skip_rows),
            no_header: over.no_header || self.no_header,
            columns: either(self.columns, over.columns),
            ignore_others: over.ignore_others || self.ignore_others,
            delimiter: over.delimiter.or(self.delimiter),
            decimal: over.decimal.or(self.decimal),
            rows: over.rows.or(self.rows),
            zip: either(self.zip, over.zip),
            continued: over.continued.or(self.continued),
            only: merged(self.only, over.only),
            labels_in: over.labels_in.or(self.labels_in),
            values_in: over.values_in.or(self.values_in),
            time_column: either(self.time_column, over.time_column),
            time_format: over.time_format.or(self.time_format),
            time_unit: over.time_unit.or(self.time_unit),
            input_timezone: over.input_timezone.or(self.input_timezone),
            zone_from: over.zone_from.or(self.zone_from),
            metric_column: over.metric_column.or(self.metric_column),
            value_column: over.value_column.or(self.value_column),
            metric: over.metric.or(self.metric),
            labels: joined(self.labels, over.labels),
            ignore_columns: joined(self.ignore_columns, over.ignore_columns),
            columns_as: over.columns_as.or(self.columns_as),
            column_pattern: over.column_pattern.or(self.column_pattern),
            rename: merged(self.rename, over.rename),
            clean_names: over.clean_names || self.clean_names,
            label: merged(self.label, over.label),
            label_from_path: over.label_from_path.or(self.label_from_path),
            null: joined(self.null, over.null),
            words: merged(self.words, over.words),
            keep_blanks: over.keep_blanks || self.keep_blanks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_it_was_written() {
        let text = "title: A tool\nrecognize:\n  header: [a, b]\nlabel-from-path: (?<host>\\w+)[.]csv\ndecimal: ','\n\
                    time-unit: ms\ninput-format: csv_two_columns\nrename: {a: b}\n";
        let form = Form::from_yaml(text).expect("a form");
        assert_eq!(Form::from_yaml(&form.to_yaml()), Ok(form.clone()));
        assert_eq!(form.decimal, Some(Decimal::Comma));
        assert_eq!(Form::from_yaml(&Form::default().to_yaml()), Ok(Form::default()));
    }

    #[test]
    fn what_no_form_can_say_is_an_error() {
        for (text, word) in [
            ("tme-column: [a]", "tme-column"),
            ("label-from-path: (", "regular expression"),
            ("time-unit: h", "not a unit"),
            ("columns-as: core", "needs `metric`"),
            ("delimiter: '\"'", "one ASCII character"),
            ("input-timezone: Mars/Base", "not a known time zone"),
        ] {
            let error = Form::from_yaml(text).expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn flags_count_before_a_form() {
        let form = Form { labels: vec!["a".to_owned()], metric: Some("m".to_owned()), ..Form::default() };
        let flags = Form { labels: vec!["b".to_owned()], metric: Some("n".to_owned()), ..Form::default() };
        let both = form.with(&flags);
        assert_eq!((both.labels, both.metric), (vec!["a".to_owned(), "b".to_owned()], Some("n".to_owned())));
    }
}
