//! What is read, and how.

use std::str::FromStr;

use clap::Args;

use crate::input::{BadRows, Format, InputError, ReadOptions, Recording, Source, TimeUnit};
use crate::store::Conflicts;

use super::report::{Zone, zone};
use crate::cli::{Failure, load, mistaken};

/// Which recordings are read, and how: the same for every command that reads them.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// Recordings: files, globs, or - for standard input
    #[arg(value_name = "RECORDING", help_heading = "Input")]
    pub(crate) recordings: Vec<String>,
    /// A recording, as a flag; may be repeated
    #[arg(short, long = "data", value_name = "PATH", hide_short_help = true, help_heading = "Input")]
    pub(crate) data: Vec<String>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// How recordings are read.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReadArgs {
    /// The form, found out where it is not said: csv_long, csv_wide, csv_two_columns, jsonl_samples, jsonl_snapshots
    #[arg(long, value_name = "FORM", value_parser = Format::from_str, hide_short_help = true, help_heading = "Input")]
    pub(crate) input_format: Option<Format>,
    /// Numeric columns that are labels
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Input")]
    pub(crate) labels: Vec<String>,
    /// Columns that are left out
    #[arg(long, value_name = "NAMES", value_delimiter = ',', hide_short_help = true, help_heading = "Input")]
    pub(crate) ignore_columns: Vec<String>,
    /// The metric's name, where a recording has a value column and no name
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = "Input")]
    pub(crate) metric: Option<String>,
    /// A text that means "no sample", beside the empty cell; may be repeated
    #[arg(long, value_name = "TEXT", hide_short_help = true, help_heading = "Input")]
    pub(crate) null: Vec<String>,
    /// What to do with rows that can not be read: stop, skip (at most 10 or 1 %) or skip=5%
    #[arg(long, value_name = "WHAT", default_value = "stop", value_parser = BadRows::from_str, help_heading = "Input")]
    pub(crate) bad_rows: BadRows,
    /// Which of two values of one series at one time counts: refuse, first or last
    #[arg(long, value_name = "WHICH", default_value = "refuse", value_parser = Conflicts::from_str, help_heading = "Input")]
    pub(crate) conflicts: Conflicts,
    /// The unit of numeric times: s, ms, us or ns; found out where it is not said
    #[arg(long, value_name = "UNIT", value_parser = TimeUnit::from_str, hide_short_help = true, help_heading = "Input")]
    pub(crate) time_unit: Option<TimeUnit>,
    /// The zone of times that are written without one [default: UTC]
    #[arg(long, value_name = "ZONE", value_parser = zone, hide_short_help = true, help_heading = "Input")]
    pub(crate) input_timezone: Option<Zone>,
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

    pub(crate) fn options(&self) -> ReadOptions {
        ReadOptions {
            labels: self.labels.clone(),
            ignore_columns: self.ignore_columns.clone(),
            time_unit: self.time_unit,
            time_zone: self.input_timezone.as_ref().map(|zone| zone.zone.clone()),
            format: self.input_format,
            metric: self.metric.clone(),
            null: self.null.clone(),
            bad_rows: self.bad_rows,
            ..ReadOptions::default()
        }
    }
}
