//! What is reported, how it is shown, and what makes the answer "no".

use std::str::FromStr;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use crate::diagnostic::Diagnostics;
use crate::engine::silence::{self, Silence, SilenceError};
use crate::format::Clock;
use crate::outcome::gate::Condition;
use crate::outcome::{Filter, Pattern, Selection};
use crate::report::table::Sort;
use crate::report::timeline;
use crate::source::SourceMap;
use crate::time::{Millis, parse_duration};

use crate::cli::load::Disk;
use crate::cli::ui::Terminal;
use crate::cli::{Failure, problems};
use crate::{limits, source};

/// Which rules and alerts are reported.
#[derive(Debug, Args)]
pub(crate) struct ChoiceArgs {
    /// Report only alerts whose name matches
    ///
    /// The regular expression must match the whole name: `Disk.*`, not `Disk`.
    #[arg(long, value_name = "REGEX", value_parser = Pattern::from_str, help_heading = "Report")]
    pub(crate) alert: Option<Pattern>,
    #[command(flatten)]
    pub(crate) labels: LabelArgs,
}

/// Which alerts of rules are reported.
#[derive(Debug, Args)]
pub(crate) struct LabelArgs {
    /// Report only groups whose name matches
    ///
    /// The regular expression must match the whole name.
    #[arg(long, value_name = "REGEX", value_parser = Pattern::from_str, hide_short_help = true, help_heading = "Report")]
    pub(crate) group: Option<Pattern>,
    /// Report only alerts with these labels: 'job="db"'
    ///
    /// Label matchers as in PromQL, such as 'job="db",instance=~"db-.*"'.
    #[arg(long = "where", value_name = "MATCHERS", value_parser = Filter::from_str, help_heading = "Report")]
    pub(crate) filter: Option<Filter>,
}

impl ChoiceArgs {
    /// Returns what the flags select, from the first instant on.
    pub(crate) fn selection(&self) -> Selection {
        Selection { alert: self.alert.clone(), ..self.labels.selection() }
    }
}

impl LabelArgs {
    /// Returns what the flags select, from the first instant on.
    pub(crate) fn selection(&self) -> Selection {
        Selection { group: self.group.clone(), filter: self.filter.clone(), ..Selection::default() }
    }
}

/// Which alerts are reported, and which of them are silenced.
#[derive(Debug, Args)]
pub(crate) struct SelectArgs {
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    #[command(flatten)]
    pub(crate) silenced: SilenceArgs,
}

/// Which alerts are silenced.
#[derive(Debug, Args)]
pub(crate) struct SilenceArgs {
    /// Suppress alerts for a time: '{MATCHERS} START..END'
    ///
    /// Such as '{alertname="DiskFull"} 2026-01-05 18:00..2026-01-05 20:00'; repeatable. A suppressed alert stays in the
    /// report, marked, and does not count for --fail-on.
    #[arg(long, value_name = "SILENCE", value_parser = silence_text, help_heading = "Report")]
    pub(crate) silence: Vec<String>,
    /// Read silences from a file
    ///
    /// A YAML list of matchers, start, end and comment, or the output of `amtool silence query -o json`; repeatable.
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = "Report")]
    pub(crate) silences: Vec<String>,
}

impl SilenceArgs {
    /// Returns all silences, those of files after those of flags; problems of all files are shown together. Times that
    /// name no zone are in the clock's.
    pub(crate) fn all(&self, clock: &Clock, quiet: bool, terminal: &Terminal) -> Result<Vec<Silence>, Failure> {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let flags: Result<Vec<Silence>, _> = self.silence.iter().map(|text| silence::parse(text, clock)).collect();
        let mut all = flags.map_err(|error| Failure::new(format!("--silence: {error}")))?;
        for path in &self.silences {
            let bytes = source::bytes(&Disk, path, limits::YAML_BYTES)?;
            all.extend(silence::load(&mut sources, path, &bytes, clock, &mut diagnostics).unwrap_or_default());
        }
        problems::settle(&diagnostics, &sources, "the silences; nothing was evaluated", quiet, terminal)?;
        Ok(all)
    }
}

/// Takes a silence as it is written: the zone of its times is known later.
fn silence_text(text: &str) -> Result<String, SilenceError> {
    match silence::parse(text, &Clock::utc()) {
        // The order of two times may be another one in the zone that they are meant in.
        Ok(_) | Err(SilenceError::Order { .. }) => Ok(text.to_owned()),
        Err(error) => Err(error),
    }
}

/// How a run is shown.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Show near misses: pending, but never fired
    #[arg(long, help_heading = "Report")]
    pub(crate) pending: bool,
    /// Show episodes even if they take more than 20 rows
    #[arg(long, help_heading = "Report")]
    pub(crate) episodes: bool,
    /// Show every episode in its own row
    ///
    /// Without it, repeated episodes of an alert and alerts that fire together are folded into one row.
    #[arg(long, hide_short_help = true, help_heading = "Report")]
    pub(crate) all: bool,
    /// Maximum rows per table; 0 shows all [default: 50]
    #[arg(long, value_name = "ROWS", help_heading = "Report")]
    pub(crate) limit: Option<usize>,
    /// Sort rows
    #[arg(long, value_name = "BY", value_enum, hide_short_help = true, help_heading = "Report")]
    pub(crate) sort: Option<SortBy>,
    /// Rows of the timeline
    #[arg(
        long,
        value_name = "ROWS",
        value_enum,
        default_value = "alerts",
        hide_short_help = true,
        help_heading = "Report"
    )]
    pub(crate) by: Rows,
    /// Join firings closer together than this into one burst [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, hide_short_help = true, help_heading = "Report")]
    pub(crate) join: Option<Millis>,
    #[command(flatten)]
    pub(crate) zone: ZoneArgs,
}

/// The zone that times are shown in.
#[derive(Debug, Args)]
pub(crate) struct ZoneArgs {
    /// Show times in this time zone [default: UTC]
    ///
    /// A name such as Europe/Amsterdam, or `local`.
    #[arg(long, value_name = "ZONE", value_parser = zone, help_heading = "Report")]
    pub(crate) tz: Option<Zone>,
}

impl ZoneArgs {
    pub(crate) fn clock(&self) -> Clock {
        self.tz.as_ref().map_or_else(Clock::utc, |zone| Clock::new(zone.zone.clone(), zone.name.as_str()))
    }
}

/// What makes the exit code 1.
#[derive(Debug, Args)]
pub(crate) struct GateArgs {
    /// Exit with 1 on firing, firing=SEVERITY, firings>N, no-data or eval-error
    ///
    /// A comma-separated list. `firing` is any alert that fired, `firing=critical` one with that severity, `firings>10`
    /// more than 10 firings, `no-data` an alert whose metrics are not in the recording, `eval-error` a rule that failed.
    /// Alerts that were already true when the data began, or that a silence covers, do not count.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = Condition::from_str, help_heading = "Gates")]
    pub(crate) fail_on: Vec<Condition>,
}

/// What the rows of a timeline are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rows {
    /// One row per alert
    #[default]
    Alerts,
    /// One row per alert, then one per label set
    Labels,
}

impl From<Rows> for timeline::By {
    fn from(rows: Rows) -> Self {
        match rows {
            Rows::Alerts => Self::Alerts,
            Rows::Labels => Self::Labels,
        }
    }
}

/// What rows are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortBy {
    /// By when it fired
    Time,
    /// By how long it fired
    Firing,
    /// By how often it fired
    Count,
    /// By severity, then by how long it fired
    Severity,
}

impl From<SortBy> for Sort {
    fn from(by: SortBy) -> Self {
        match by {
            SortBy::Time => Self::Time,
            SortBy::Firing => Self::Firing,
            SortBy::Count => Self::Count,
            SortBy::Severity => Self::Severity,
        }
    }
}

/// A time zone and the name it was asked for by.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) zone: TimeZone,
}

pub(crate) fn zone(name: &str) -> Result<Zone, String> {
    let zone = match name {
        "local" => Ok(TimeZone::system()),
        "UTC" | "utc" => return Ok(Zone { name: "UTC".to_owned(), zone: TimeZone::UTC }),
        name => TimeZone::get(name),
    };
    let zone = zone.map_err(|_| format!("`{name}` is not a known time zone; write it like `Europe/Amsterdam`"))?;
    Ok(Zone { name: name.to_owned(), zone })
}
