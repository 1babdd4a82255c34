//! The command line: every flag, its meaning and its default.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::tz::TimeZone;

use crate::labels::{Matcher, Regexp};
use crate::promql::parse::parse_matchers;
use crate::report::format::Clock;
use crate::report::gate::Condition;
use crate::time::{Millis, Timestamp, parse_duration, parse_timestamp};

use super::flags::{CheckArgs, CompletionsArgs, ConsoleArgs, DataArgs, InputArgs, ManArgs, QuickArgs, SilenceArgs};
use super::help;
use super::profile::args::ProfileArgs;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "alertctl", version, about = help::ABOUT, max_term_width = 100)]
#[command(after_help = help::EXIT_CODES, after_long_help = help::EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Evaluates rules on recordings: which alerts would have fired, when and for how long
    #[command(after_help = help::EVAL_EXIT_CODES, after_long_help = help::EVAL_EXAMPLES)]
    Eval(Box<EvalArgs>),
    /// Measures what rules cost: against targets, a baseline, other rules or another build
    Profile(Box<ProfileArgs>),
    /// Loads rule files and tells everything that is wrong with them
    #[command(after_help = help::CHECK_EXIT_CODES, after_long_help = help::CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Tells what is in recordings, before any rule: metrics, gaps, resets, doubtful spots
    #[command(after_help = help::DATA_EXIT_CODES, after_long_help = help::DATA_EXAMPLES)]
    Data(Box<DataArgs>),
    /// Writes a script that completes commands and flags in a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Writes the manual pages
    #[command(after_help = help::MAN)]
    Man(ManArgs),
}

/// The flags of `eval`.
#[derive(Debug, Args)]
#[command(next_line_help = false)]
pub(crate) struct EvalArgs {
    /// Rule files, folders (*.yml, *.yaml) or globs; may be repeated
    #[arg(short, long = "rules", value_name = "PATH", required_unless_present = "expr", help_heading = "Rules")]
    pub(crate) rules: Vec<String>,
    #[command(flatten)]
    pub(crate) quick: QuickArgs,
    /// Prints the PromQL of each rule and evaluates nothing
    #[arg(long, help_heading = "Rules")]
    pub(crate) show_expr: bool,
    /// A label that the server would add to every alert
    #[arg(long, value_name = "NAME=VALUE", value_parser = label, hide_short_help = true, help_heading = "Rules")]
    pub(crate) external_label: Vec<(String, String)>,
    /// The server's address, for templates
    #[arg(
        long,
        value_name = "URL",
        default_value = "",
        hide_default_value = true,
        hide_short_help = true,
        help_heading = "Rules"
    )]
    pub(crate) external_url: String,

    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// How the end of a series is told: auto, off (look-back only) or a fixed time
    #[arg(long, value_name = "HOW", hide_short_help = true, help_heading = "Input")]
    pub(crate) stale: Option<Stale>,

    /// From when on it is reported: RFC 3339 or seconds since the epoch
    #[arg(long, value_name = "TIME", value_parser = parse_timestamp, help_heading = "Time")]
    pub(crate) start: Option<Timestamp>,
    /// Until when it is evaluated
    #[arg(long, value_name = "TIME", value_parser = parse_timestamp, help_heading = "Time")]
    pub(crate) end: Option<Timestamp>,
    /// The interval of groups that give none [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = interval, help_heading = "Time")]
    pub(crate) eval_interval: Option<Millis>,
    /// Where slots are counted from: epoch, start (the first sample) or a duration after the epoch
    #[arg(long, value_name = "WHERE", help_heading = "Time")]
    pub(crate) align: Option<Align>,
    /// How far back a selector looks for a sample [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = interval, hide_short_help = true, help_heading = "Time")]
    pub(crate) lookback_delta: Option<Millis>,

    /// Only alerts whose name matches
    #[arg(long, value_name = "REGEX", value_parser = pattern, help_heading = "Report")]
    pub(crate) alert: Option<Pattern>,
    /// Only groups whose name matches
    #[arg(long, value_name = "REGEX", value_parser = pattern, hide_short_help = true, help_heading = "Report")]
    pub(crate) group: Option<Pattern>,
    /// Only episodes whose labels match, such as 'job="db",instance=~"db-.*"'
    #[arg(long = "where", value_name = "MATCHERS", value_parser = filter, help_heading = "Report")]
    pub(crate) filter: Option<Filter>,
    #[command(flatten)]
    pub(crate) silenced: SilenceArgs,
    /// Shows episodes that died pending
    #[arg(long, help_heading = "Report")]
    pub(crate) pending: bool,
    /// Shows the episodes, however many
    #[arg(long, help_heading = "Report")]
    pub(crate) episodes: bool,
    /// Shows every episode in a row of its own
    #[arg(long, hide_short_help = true, help_heading = "Report")]
    pub(crate) all: bool,
    /// The most rows of one table, the worst ones; 0 shows all
    #[arg(long, value_name = "ROWS", default_value_t = 50, help_heading = "Report")]
    pub(crate) limit: usize,
    /// The order of rows
    #[arg(long, value_name = "BY", value_enum, hide_short_help = true, help_heading = "Report")]
    pub(crate) sort: Option<SortBy>,
    /// What the rows of a timeline are
    #[arg(
        long,
        value_name = "ROWS",
        value_enum,
        default_value = "alerts",
        hide_short_help = true,
        help_heading = "Report"
    )]
    pub(crate) by: Rows,
    /// The gap under which firings are one burst [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, hide_short_help = true, help_heading = "Report")]
    pub(crate) join: Option<Millis>,
    /// The zone that times are shown in, such as Europe/Amsterdam, or local [default: UTC]
    #[arg(long, value_name = "ZONE", value_parser = zone, help_heading = "Report")]
    pub(crate) tz: Option<Zone>,

    /// The format: table, timeline, markdown, json, ndjson or csv
    #[arg(
        short = 'o',
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "table",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) format: Format,
    /// Writes there instead of standard output (-); may be repeated. The format is the one named, or the suffix's
    /// (.json .ndjson .jsonl .csv .md .txt), or --format
    #[arg(long, value_name = "[FORMAT:]PATH", help_heading = "Output")]
    pub(crate) out: Vec<Target>,
    #[command(flatten)]
    pub(crate) console: ConsoleArgs,
    /// The number of threads [default: one a processor]
    #[arg(short, long, value_name = "THREADS", value_parser = clap::value_parser!(u16).range(1..=1024), hide_short_help = true, help_heading = "Output")]
    pub(crate) jobs: Option<u16>,

    /// What makes the exit code 1: firing, firing=SEVERITY, firings>N, no-data, eval-error
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = Condition::from_str, help_heading = "Gates")]
    pub(crate) fail_on: Vec<Condition>,
}

/// Where slots are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Epoch,
    Start,
    Offset(Millis),
}

impl fmt::Display for Align {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epoch => f.write_str("epoch"),
            Self::Start => f.write_str("start"),
            Self::Offset(span) => span.fmt(f),
        }
    }
}

impl FromStr for Align {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "epoch" => Ok(Self::Epoch),
            "start" => Ok(Self::Start),
            _ => parse_duration(text)
                .map(Self::Offset)
                .map_err(|_| format!("`{text}` is none of `epoch`, `start` or a duration such as `12s`")),
        }
    }
}

/// How the end of a series is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stale {
    Auto,
    Off,
    After(Millis),
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::After(span) => span.fmt(f),
        }
    }
}

impl FromStr for Stale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            _ => interval(text)
                .map(Self::After)
                .map_err(|_| format!("`{text}` is none of `auto`, `off` or a duration such as `90s`")),
        }
    }
}

/// The formats of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Ndjson,
    Csv,
    Timeline,
    Markdown,
}

/// What the rows of a timeline are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rows {
    /// One an alert
    #[default]
    Alerts,
    /// Under each alert one a label set
    Labels,
}

/// One `--out`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The format, if the prefix or the suffix names one.
    pub(crate) format: Option<Format>,
    /// The path; none is standard output.
    pub(crate) path: Option<PathBuf>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (named, path) = match text.split_once(':') {
            Some((prefix, path)) if Format::from_str(prefix, false).is_ok() => {
                (Format::from_str(prefix, false).ok(), path)
            }
            _ => (None, text),
        };
        let by_suffix = || match path.rsplit_once('.').map(|(_, suffix)| suffix) {
            Some("json") => Some(Format::Json),
            Some("ndjson" | "jsonl") => Some(Format::Ndjson),
            Some("csv") => Some(Format::Csv),
            Some("txt") => Some(Format::Table),
            Some("md") => Some(Format::Markdown),
            _ => None,
        };
        match path {
            "" => Err("the path is missing; write it like `json:report.json`, or `-` for standard output".to_owned()),
            "-" => Ok(Self { format: named, path: None }),
            _ => Ok(Self { format: named.or_else(by_suffix), path: Some(PathBuf::from(path)) }),
        }
    }
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// What rows are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortBy {
    /// When it fired
    Time,
    /// How long it fired
    Firing,
    /// How often it fired
    Count,
    /// The severity, then how long it fired
    Severity,
}

/// A time zone and the name it was asked for by.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) zone: TimeZone,
}

impl Zone {
    pub(crate) fn clock(zone: Option<&Self>) -> Clock {
        zone.map_or_else(Clock::utc, |zone| Clock::new(zone.zone.clone(), zone.name.as_str()))
    }
}

/// A regular expression and its text.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    pub(crate) regexp: Regexp,
}

/// Matchers and their text.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) text: String,
    pub(crate) matchers: Vec<Matcher>,
}

pub(crate) fn interval(text: &str) -> Result<Millis, String> {
    match parse_duration(text) {
        Ok(Millis(0)) => Err("must be longer than 0s".to_owned()),
        Ok(span) => Ok(span),
        Err(error) => Err(error.to_string()),
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let wrong = || format!("`{text}` is not a label; write it like `cluster=ams`");
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(wrong)
}

pub(crate) fn zone(name: &str) -> Result<Zone, String> {
    let zone = match name {
        "local" => Ok(TimeZone::system()),
        "UTC" | "utc" => return Ok(Zone { name: "UTC".to_owned(), zone: TimeZone::UTC }),
        name => TimeZone::get(name),
    };
    let zone = zone.map_err(|_| format!("`{name}` is no known time zone; write it like `Europe/Amsterdam`"))?;
    Ok(Zone { name: name.to_owned(), zone })
}

fn pattern(text: &str) -> Result<Pattern, String> {
    let regexp = Regexp::anchored(text).map_err(|error| error.to_string())?;
    Ok(Pattern { text: text.to_owned(), regexp })
}

fn filter(text: &str) -> Result<Filter, String> {
    let matchers = parse_matchers(text).map_err(|problem| match problem.help {
        Some(help) => format!("{}; {help}", problem.message),
        None => problem.message,
    })?;
    Ok(Filter { text: text.to_owned(), matchers })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn eval(flags: &[&str]) -> Result<EvalArgs, String> {
        let all = ["alertctl", "eval", "-r", "rules.yml"].iter().chain(flags);
        match Cli::try_parse_from(all).map_err(|error| error.to_string())?.command {
            Some(Command::Eval(args)) => Ok(*args),
            _ => Err("another command".to_owned()),
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn recordings_are_positional_or_flags() {
        let args = eval(&["a.csv", "-d", "b.csv", "-"]).expect("valid");
        assert_eq!(
            (args.input.recordings, args.input.data),
            (vec!["a.csv".to_owned(), "-".to_owned()], vec!["b.csv".to_owned()])
        );
    }

    #[test]
    fn the_format_of_an_output_is_found() {
        let check = |text: &str, format, path: Option<&str>| {
            assert_eq!(text.parse::<Target>(), Ok(Target { format, path: path.map(PathBuf::from) }), "{text}");
        };
        check("-", None, None);
        check("csv:-", Some(Format::Csv), None);
        check("report.json", Some(Format::Json), Some("report.json"));
        check("json:report.txt", Some(Format::Json), Some("report.txt"));
        check("events.jsonl", Some(Format::Ndjson), Some("events.jsonl"));
        check("/dev/null", None, Some("/dev/null"));
        check("c:/report", None, Some("c:/report"));
        assert!("json:".parse::<Target>().is_err());
    }

    #[test]
    fn values_that_are_wrong_say_what_is_right() {
        let check = |flags: &[&str], expected: &str| {
            let error = eval(flags).expect_err("wrong");
            assert!(error.contains(expected), "{error}");
        };
        check(&["--eval-interval", "0s"], "must be longer than 0s");
        check(&["--eval-interval", "5"], "write it like `30s`");
        check(&["--align", "noon"], "none of `epoch`, `start` or a duration");
        check(&["--stale", "on"], "none of `auto`, `off`");
        check(&["--conflicts", "none"], "none of `refuse`, `first`, `last`");
        check(&["--alert", "("], "not a regular expression");
        check(&["--external-label", "ams"], "write it like `cluster=ams`");
        check(&["--tz", "Mars/Base"], "no known time zone");
        check(&["--fail-on", "smoke"], "is none of `firing`");
        check(&["--bad-rows", "skip=x"], "skip=5%");
    }

    #[test]
    fn lists_are_split() {
        let args = eval(&["--labels", "a,b", "--fail-on", "firing=critical,eval-error", "a.csv"]).expect("valid");
        assert_eq!(args.input.labels, ["a", "b"]);
        assert_eq!(args.fail_on, [Condition::Firing(Some("critical".to_owned())), Condition::EvalError]);
        let args = eval(&["--align", "12s", "--stale", "90s", "--where", r#"{job="db"}"#]).expect("valid");
        assert_eq!((args.align, args.stale), (Some(Align::Offset(Millis(12_000))), Some(Stale::After(Millis(90_000)))));
        assert_eq!(args.filter.map(|filter| filter.matchers.len()), Some(1));
    }
}
