//! Flags that several commands share, and those of the small commands.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use clap_complete::Shell;

use crate::diagnostic::Severity;
use crate::engine::silence::{self, Silence};
use crate::input::{BadRows, Format, ReadOptions, TimeUnit};
use crate::rules::Quick;
use crate::store::Conflicts;
use crate::time::{Millis, parse_duration};

use super::args::{ColorWhen, Zone, interval, zone};
use super::{Failure, load};

/// What is read, and how.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// Recordings: files, globs, or - for standard input
    #[arg(value_name = "RECORDING", help_heading = "Input")]
    pub(crate) recordings: Vec<String>,
    /// A recording, as a flag; may be repeated
    #[arg(short, long = "data", value_name = "PATH", hide_short_help = true, help_heading = "Input")]
    pub(crate) data: Vec<String>,
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
            format: self.input_format,
            metric: self.metric.clone(),
            null: self.null.clone(),
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
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration, help_heading = "Rules")]
    pub(crate) hold: Option<Millis>,
    /// How long the alerts of --expr go on firing afterwards [default: 0s]
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = parse_duration,
        hide_short_help = true,
        help_heading = "Rules"
    )]
    pub(crate) keep_firing_for: Option<Millis>,
    /// The label `severity` of the alerts of --expr
    #[arg(long, value_name = "SEVERITY", help_heading = "Rules")]
    pub(crate) severity: Option<String>,
}

impl QuickArgs {
    /// Returns what all of these rules have in common; flags that would mean nothing are refused.
    pub(crate) fn common(&self) -> Result<Quick, Failure> {
        let given = [
            ("--for", self.hold.is_some()),
            ("--keep-firing-for", self.keep_firing_for.is_some()),
            ("--severity", self.severity.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given && self.expr.is_empty()) {
            Some((flag, _)) => Err(Failure::new(format!("{flag} is about the alerts of --expr, and there is none"))
                .hint(format!("alertctl eval -e 'temp > 80' {flag} .. probe.csv; rule files say it themselves"))),
            None => Ok(Quick {
                hold: self.hold.unwrap_or_default(),
                keep_firing: self.keep_firing_for.unwrap_or_default(),
                severity: self.severity.clone(),
            }),
        }
    }
}

/// Stretches of time in which alerts are not told.
#[derive(Debug, Args)]
pub(crate) struct SilenceArgs {
    /// Alerts that are suppressed for some time, such as '{alertname="DiskFull"} 2026-01-05T18:00:00Z..2026-01-05T20:00:00Z';
    /// may be repeated
    #[arg(long, value_name = "{MATCHERS} START..END", value_parser = silence::parse, help_heading = "Report")]
    pub(crate) silence: Vec<Silence>,
    /// Files of silences: a YAML list of matchers, start, end and comment, or what `amtool silence query -o json` prints
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = "Report")]
    pub(crate) silences: Vec<String>,
}

impl SilenceArgs {
    /// Returns all silences, those of files after those of flags.
    pub(crate) fn all(&self) -> Result<Vec<Silence>, Failure> {
        let mut all = self.silence.clone();
        for path in &self.silences {
            let text = load::text(path)?;
            all.extend(silence::parse_file(&text).map_err(|error| {
                Failure::new(format!("{path}: {error}")).hint(
                    "a file of silences looks like: [{matchers: '{alertname=\"DiskFull\"}', \
                     start: 2026-01-05T18:00:00Z, end: 2026-01-05T20:00:00Z}]",
                )
            })?);
        }
        Ok(all)
    }
}

/// The flags of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Rule files, folders (*.yml, *.yaml) or globs
    #[arg(value_name = "RULES", required_unless_present = "flagged")]
    pub(crate) rules: Vec<String>,
    /// Rules, as a flag; may be repeated
    #[arg(short = 'r', long = "rules", id = "flagged", value_name = "PATH", hide_short_help = true)]
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

/// The flags of `data`.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// How far back a selector looks for a sample, which gaps are judged by [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = interval, hide_short_help = true, help_heading = "Report")]
    pub(crate) lookback_delta: Option<Millis>,
    /// The most rows of one table; 0 shows all
    #[arg(long, value_name = "ROWS", default_value_t = 50, help_heading = "Report")]
    pub(crate) limit: usize,
    /// The zone that times are shown in, such as Europe/Amsterdam, or local [default: UTC]
    #[arg(long, value_name = "ZONE", value_parser = zone, help_heading = "Report")]
    pub(crate) tz: Option<Zone>,
    /// The format: table or json
    #[arg(
        short = 'o',
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "table",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) format: DataFormat,
    #[command(flatten)]
    pub(crate) console: ConsoleArgs,
}

/// What a command says beside its results, and how.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ConsoleArgs {
    /// Results only: no summary, no warnings, no progress
    #[arg(short, long, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto", help_heading = "Output")]
    pub(crate) color: ColorWhen,
    /// Draws no progress
    #[arg(long, hide_short_help = true, help_heading = "Output")]
    pub(crate) no_progress: bool,
}

/// The formats of `data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataFormat {
    Table,
    Json,
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
