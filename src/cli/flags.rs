//! Flags that several commands share, and those of the small commands.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use clap_complete::Shell;

use crate::diagnostic::Severity;
use crate::input::{BadRows, ReadOptions, TimeUnit};
use crate::rules::Quick;
use crate::store::Conflicts;
use crate::time::{Millis, parse_duration};

use super::Failure;
use super::args::{ColorWhen, Zone, zone};

/// What is read, and how.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// Recordings: files, globs, or - for standard input
    #[arg(value_name = "RECORDING", help_heading = "Input")]
    pub(crate) recordings: Vec<String>,
    /// A recording, as a flag; may be repeated
    #[arg(short, long = "data", value_name = "PATH", hide_short_help = true, help_heading = "Input")]
    pub(crate) data: Vec<String>,
    /// Numeric columns that are labels
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Input")]
    pub(crate) labels: Vec<String>,
    /// Columns that are left out
    #[arg(long, value_name = "NAMES", value_delimiter = ',', hide_short_help = true, help_heading = "Input")]
    pub(crate) ignore_columns: Vec<String>,
    /// The metric's name, where a recording has a value column and no name
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = "Input")]
    pub(crate) metric: Option<String>,
    /// What to do with rows that can not be read: stop, skip (at most 10 or 1 %) or skip=5%
    #[arg(long, value_name = "WHAT", default_value = "stop", value_parser = BadRows::from_str, help_heading = "Input")]
    pub(crate) bad_rows: BadRows,
    /// Which of two values of one series at one time counts: refuse, first or last
    #[arg(long, value_name = "WHICH", default_value = "refuse", value_parser = conflicts, help_heading = "Input")]
    pub(crate) conflicts: Conflicts,
    /// The unit of numeric times: s, ms, us or ns; found out where it is not said
    #[arg(long, value_name = "UNIT", value_parser = TimeUnit::from_str, hide_short_help = true, help_heading = "Input")]
    pub(crate) time_unit: Option<TimeUnit>,
    /// The zone of times that are written without one [default: UTC]
    #[arg(long, value_name = "ZONE", value_parser = zone, hide_short_help = true, help_heading = "Input")]
    pub(crate) input_timezone: Option<Zone>,
}

impl InputArgs {
    /// Returns the recordings that are named, positional ones first; `example` is what to type where none is.
    pub(crate) fn paths(&self, example: &str) -> Result<Vec<String>, Failure> {
        let paths: Vec<String> = self.recordings.iter().chain(&self.data).cloned().collect();
        if paths.is_empty() {
            return Err(Failure::new("no recording is named").hint(format!("{example}, or - for standard input")));
        }
        Ok(paths)
    }

    pub(crate) fn read_options(&self) -> ReadOptions {
        ReadOptions {
            labels: self.labels.clone(),
            ignore_columns: self.ignore_columns.clone(),
            time_unit: self.time_unit,
            time_zone: self.input_timezone.as_ref().map(|zone| zone.zone.clone()),
            metric: self.metric.clone(),
            bad_rows: self.bad_rows,
            ..ReadOptions::default()
        }
    }
}

/// Rules without a file.
#[derive(Debug, Args)]
pub(crate) struct QuickArgs {
    /// An alert of this PromQL, named after its first metric; may be repeated
    #[arg(short, long = "expr", value_name = "PROMQL", help_heading = "Rules")]
    pub(crate) expr: Vec<String>,
    /// How long it must hold before the alerts of --expr fire [default: 0s]
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration, requires = "expr", help_heading = "Rules")]
    pub(crate) hold: Option<Millis>,
    /// How long the alerts of --expr go on firing afterwards [default: 0s]
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = parse_duration,
        requires = "expr",
        hide_short_help = true,
        help_heading = "Rules"
    )]
    pub(crate) keep_firing_for: Option<Millis>,
    /// The label `severity` of the alerts of --expr
    #[arg(long, value_name = "SEVERITY", requires = "expr", help_heading = "Rules")]
    pub(crate) severity: Option<String>,
}

impl QuickArgs {
    /// Returns what all of these rules have in common.
    pub(crate) fn common(&self) -> Quick {
        Quick {
            hold: self.hold.unwrap_or_default(),
            keep_firing: self.keep_firing_for.unwrap_or_default(),
            severity: self.severity.clone(),
        }
    }
}

/// The flags of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Rule files, folders (*.yml, *.yaml) or globs
    #[arg(value_name = "RULES", required_unless_present = "flagged")]
    pub(crate) rules: Vec<String>,
    /// Rules, as a flag; may be repeated
    #[arg(short, long = "rules", id = "flagged", value_name = "PATH", hide_short_help = true)]
    pub(crate) flagged: Vec<String>,
    /// The format: text or json
    #[arg(short = 'o', long, value_name = "FORMAT", value_enum, default_value = "text", hide_possible_values = true)]
    pub(crate) format: CheckFormat,
    /// What makes the exit code 1: error, or warning (errors too)
    #[arg(long, value_name = "SEVERITY", value_enum, default_value = "error", hide_possible_values = true)]
    pub(crate) fail_on: FailOn,
    /// Problems only: no summary
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(crate) color: ColorWhen,
}

/// The formats of `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    Text,
    Json,
}

/// From which severity on a problem makes the answer "no".
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Error,
    Warning,
}

impl FailOn {
    pub(crate) fn severity(self) -> Severity {
        match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
        }
    }
}

/// The flags of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: Shell,
}

/// The flags of `man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// A folder for all pages; without one the page of alertctl itself is printed
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

fn conflicts(text: &str) -> Result<Conflicts, String> {
    match text {
        "refuse" => Ok(Conflicts::Refuse),
        "first" => Ok(Conflicts::First),
        "last" => Ok(Conflicts::Last),
        _ => Err(format!("`{text}` is none of `refuse`, `first`, `last`")),
    }
}
