//! What is read, and how.

use std::str::FromStr;

use clap::Args;

use crate::input::{BadRows, Form, Format, InputError, ReadOptions, Recording, Source, TimeUnit};
use crate::store::Conflicts;

use super::form::FormArgs;
use super::report::{Zone, zone};
use crate::cli::{Failure, load, mistaken};

/// Which recordings are read, and how: the same for every command that reads them.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// Files or globs; - reads standard input
    ///
    /// CSV, JSONL, Parquet, an export of Prometheus, VictoriaMetrics or InfluxDB, or what another tool writes (--form),
    /// detected from the content; .gz, .zst and .bz2 are decompressed. Several recordings are merged.
    #[arg(value_name = "RECORDING", help_heading = "Input")]
    pub(crate) recordings: Vec<String>,
    /// A recording, given as a flag
    ///
    /// The same as a positional RECORDING; repeatable.
    #[arg(short, long = "data", value_name = "PATH", hide_short_help = true, help_heading = "Input")]
    pub(crate) data: Vec<String>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// How recordings are read.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReadArgs {
    /// Input format [default: detected]
    ///
    /// One of csv_long, csv_wide, csv_two_columns, jsonl_samples, jsonl_snapshots, prometheus_text, prometheus_json,
    /// victoriametrics, influx_line, influx_csv, parquet.
    #[arg(long, value_name = "FORMAT", value_parser = Format::from_str, hide_short_help = true, help_heading = "Input")]
    pub(crate) input_format: Option<Format>,
    /// Treat these numeric columns as labels
    ///
    /// Comma-separated names of columns (CSV) or fields (JSONL), such as `port,shard`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Input")]
    pub(crate) labels: Vec<String>,
    /// Ignore these columns
    ///
    /// Comma-separated names of columns (CSV) or fields (JSONL), such as `request_id,message`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', hide_short_help = true, help_heading = "Input")]
    pub(crate) ignore_columns: Vec<String>,
    /// Metric name for a recording with a value column and no metric column
    ///
    /// By default the metric is named after the file.
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = "Input")]
    pub(crate) metric: Option<String>,
    /// Treat this text as "no sample"
    ///
    /// In addition to the empty cell and to N/A, null, none, nil, -, --, unknown and unavailable, which are no sample in
    /// a column of numbers; repeatable.
    #[arg(long, value_name = "TEXT", hide_short_help = true, help_heading = "Input")]
    pub(crate) null: Vec<String>,
    /// Keep blanks around labels
    ///
    /// By default the cells of labels are trimmed, like names and numbers.
    #[arg(long, hide_short_help = true, help_heading = "Input")]
    pub(crate) keep_blanks: bool,
    /// Unreadable rows: stop, skip or skip=5%
    ///
    /// `stop` refuses the recording. `skip` goes on while at most 10 rows or 1 % of them are unreadable, `skip=5%`
    /// while at most 5 % are; skipped rows are counted in the report.
    #[arg(long, value_name = "HOW", default_value = "stop", value_parser = BadRows::from_str, help_heading = "Input")]
    pub(crate) bad_rows: BadRows,
    /// Duplicate samples: refuse, first or last
    ///
    /// What to do with two values of a series at one time.
    /// `refuse` stops with both lines, `first` and `last` keep the value that was read first or last.
    #[arg(long, value_name = "HOW", default_value = "refuse", value_parser = Conflicts::from_str, help_heading = "Input")]
    pub(crate) conflicts: Conflicts,
    /// Unit of numeric times: s, ms, us or ns [default: detected]
    ///
    /// Detected from the column's suffix (`time_ms`) or the size of the first time.
    #[arg(long, value_name = "UNIT", value_parser = TimeUnit::from_str, hide_short_help = true, help_heading = "Input")]
    pub(crate) time_unit: Option<TimeUnit>,
    /// Time zone of times written without one [default: UTC]
    ///
    /// A name such as Europe/Amsterdam, or `local`.
    #[arg(long, value_name = "ZONE", value_parser = zone, hide_short_help = true, help_heading = "Input")]
    pub(crate) input_timezone: Option<Zone>,
    #[command(flatten)]
    pub(crate) form: FormArgs,
}

/// Recordings that are open as far as their first times.
pub(crate) struct Opened {
    pub(crate) recording: Recording,
    /// How long the inputs are together; 0 where that is not known. Unit: bytes.
    pub(crate) length: u64,
}

impl InputArgs {
    /// Returns the recordings that are named, positional ones first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &String> {
        self.recordings.iter().chain(&self.data)
    }

    /// Returns the recordings that are named; `example` is what to type where none is.
    pub(crate) fn paths(&self, example: &str) -> Result<Vec<String>, Failure> {
        let paths: Vec<String> = self.all().cloned().collect();
        if paths.is_empty() {
            return Err(Failure::new("missing input file").hint(format!("{example}, or - for standard input")));
        }
        Ok(paths)
    }
}

impl ReadArgs {
    /// Opens recordings for a command.
    pub(crate) fn open(
        &self,
        command: &str,
        sources: Vec<Box<dyn Source>>,
        options: ReadOptions,
    ) -> Result<Opened, Failure> {
        let names: Vec<String> = sources.iter().map(|source| source.name().to_owned()).collect();
        let length = load::length(&sources).unwrap_or(0);
        let wrong = |error: InputError| {
            let rules = mistaken::not_recordings(command, &names);
            rules.unwrap_or_else(|| Failure::of(&error, error.hint()))
        };
        let recording = Recording::open(sources, options).map_err(wrong)?;
        Ok(Opened { recording, length })
    }

    /// Returns how recordings are read, as the flags say.
    pub(crate) fn options(&self) -> Result<ReadOptions, Failure> {
        let form = Form {
            labels: self.labels.clone(),
            ignore_columns: self.ignore_columns.clone(),
            time_unit: self.time_unit,
            input_format: self.input_format,
            metric: self.metric.clone(),
            null: self.null.clone(),
            keep_blanks: self.keep_blanks,
            ..Form::default()
        };
        let (form, chosen) = self.form.over(form)?;
        Ok(ReadOptions {
            form,
            chosen,
            time_zone: self.input_timezone.as_ref().map(|zone| zone.zone.clone()),
            bad_rows: self.bad_rows,
            ..ReadOptions::default()
        })
    }
}
