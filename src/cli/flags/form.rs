//! How the columns of recordings are to be understood, where that is not detected.

use std::str::FromStr;

use clap::Args;

use crate::cli::Failure;
use crate::cli::load::Disk;
use crate::input::{Decimal, Form, Pattern};
use crate::limits;
use crate::source;

use super::rules::label;

/// What a table's or an object's parts are.
#[derive(Clone, Debug, Args)]
pub(crate) struct FormArgs {
    /// How recordings are written: a form file, or the name of a built-in form
    ///
    /// A form file says in YAML what the flags of this section say. The built-in forms are detected; `plain` reads a
    /// recording that looks like one of them without it.
    #[arg(long, value_name = "FILE", hide_short_help = true, help_heading = "Input")]
    pub(crate) form: Option<String>,
    /// Name of the time column
    ///
    /// Two names, such as `Date,Time`, are joined by a blank.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', hide_short_help = true, help_heading = "Input")]
    pub(crate) time_column: Vec<String>,
    /// How times are written, as in strftime: '%d/%m/%Y %H:%M:%S'
    ///
    /// Needed only for times that are neither numbers nor dates with the year first, or with points: 05.01.2026.
    #[arg(long, value_name = "FORMAT", hide_short_help = true, help_heading = "Input")]
    pub(crate) time_format: Option<String>,
    /// Name of the column that names the metrics
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = "Input")]
    pub(crate) metric_column: Option<String>,
    /// Name of the column that holds the values
    ///
    /// The other columns are labels.
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = "Input")]
    pub(crate) value_column: Option<String>,
    /// Read the numeric columns as one metric; this label holds their names
    ///
    /// Together with --metric: `--metric cpu_usage --columns-as core` reads the columns `cpu0` and `cpu1` as
    /// cpu_usage{core="cpu0"} and cpu_usage{core="cpu1"}.
    #[arg(long, value_name = "LABEL", hide_short_help = true, help_heading = "Input")]
    pub(crate) columns_as: Option<String>,
    /// Rename a column; repeatable
    #[arg(long, value_name = "OLD=NEW", value_parser = renamed, hide_short_help = true, help_heading = "Input")]
    pub(crate) rename: Vec<(String, String)>,
    /// Add a label to all series; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = label, hide_short_help = true, help_heading = "Input")]
    pub(crate) label: Vec<(String, String)>,
    /// Take labels from the path of each recording: 'host-(?<host>\w+).csv'
    ///
    /// A regular expression; each of its named groups is a label of the series of that recording. A group `metric` names
    /// the metric.
    #[arg(long, value_name = "REGEX", value_parser = Pattern::from_str, hide_short_help = true, help_heading = "Input")]
    pub(crate) label_from_path: Option<Pattern>,
    /// The first row is data; columns are named 1, 2, 3 ..
    #[arg(long, hide_short_help = true, help_heading = "Input")]
    pub(crate) no_header: bool,
    /// Number of lines above the header
    #[arg(
        long,
        value_name = "LINES",
        default_value_t = 0,
        hide_default_value = true,
        hide_short_help = true,
        help_heading = "Input"
    )]
    pub(crate) skip_lines: usize,
    /// Character between the cells of a CSV file, or tab [default: detected]
    #[arg(long, value_name = "CHAR", value_parser = delimiter, hide_short_help = true, help_heading = "Input")]
    pub(crate) delimiter: Option<char>,
    /// Decimal sign of numbers: . or , [default: detected]
    #[arg(long, value_name = "SIGN", value_parser = decimal, hide_short_help = true, help_heading = "Input")]
    pub(crate) decimal: Option<Decimal>,
    /// Columns of a CSV file in VictoriaMetrics' notation
    ///
    /// Such as `2:metric:cpu,3:label:host,1:time:unix_s`, with or without a header in the file.
    #[arg(long, value_name = "MAP", hide_short_help = true, help_heading = "Input")]
    pub(crate) csv_map: Option<String>,
}

impl FormArgs {
    /// Returns the form with these flags put over it, and the form that was named below that.
    pub(super) fn over(&self, form: Form) -> Result<(Form, Option<Form>), Failure> {
        let map = self.csv_map.as_deref().map(Form::from_csv_map).transpose().map_err(Failure::new)?;
        let flags = Form {
            time_column: self.time_column.clone(),
            time_format: self.time_format.clone(),
            metric_column: self.metric_column.clone(),
            value_column: self.value_column.clone(),
            columns_as: self.columns_as.clone(),
            rename: self.rename.iter().cloned().collect(),
            label: self.label.iter().cloned().collect(),
            label_from_path: self.label_from_path.clone(),
            no_header: self.no_header,
            skip_lines: self.skip_lines,
            delimiter: self.delimiter,
            decimal: self.decimal,
            ..Form::default()
        };
        let form = map.unwrap_or_default().with(&form).with(&flags);
        let chosen = self.chosen()?;
        let both = chosen.clone().unwrap_or_default().with(&form);
        both.check().map_err(|why| Failure::new(words_of_flags(&why)))?;
        Ok((form, chosen))
    }

    /// Returns the form that was named.
    fn chosen(&self) -> Result<Option<Form>, Failure> {
        let Some(name) = &self.form else { return Ok(None) };
        if let Some(form) = Form::builtin(name) {
            return Ok(Some(form));
        }
        let is_file = std::path::Path::new(name).exists();
        let bytes = source::bytes(&Disk, name, limits::YAML_BYTES).map_err(|error| {
            let names: Vec<&str> = Form::builtins().map(|(name, _)| name).collect();
            let hint = format!("the built-in forms are {} and plain", names.join(", "));
            let failure = Failure::new(error.to_string());
            if is_file { failure } else { failure.hint(hint) }
        })?;
        let text = String::from_utf8(bytes).map_err(|_| Failure::new(format!("{name}: is not valid UTF-8")))?;
        Form::from_yaml(&text).map(Some).map_err(|why| Failure::new(format!("{name}: {why}")))
    }
}

/// Writes what is wrong with a form in the names of the flags.
fn words_of_flags(why: &str) -> String {
    let mut text = why.to_owned();
    for key in ["columns-as", "metric", "delimiter", "input-timezone", "time-format"] {
        text = text.replace(&format!("`{key}`"), &format!("`--{key}`"));
    }
    text
}

fn renamed(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(old, new)| !old.is_empty() && !new.is_empty());
    let wrong = || format!("`{text}` is not a new name; write it like `old=new`");
    pair.map(|(old, new)| (old.to_owned(), new.to_owned())).ok_or_else(wrong)
}

fn delimiter(text: &str) -> Result<char, String> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        _ if matches!(text, "tab" | "\\t") => Ok('\t'),
        (Some(one), None) => Ok(one),
        _ => Err(format!("`{text}` is not one character, nor `tab`")),
    }
}

fn decimal(text: &str) -> Result<Decimal, String> {
    match text {
        "." => Ok(Decimal::Point),
        "," => Ok(Decimal::Comma),
        other => Err(format!("`{other}` is not a decimal sign; use `.` or `,`")),
    }
}
