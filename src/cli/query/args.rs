//! The flags of `query`.

use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::cli::flags::output::{OutFormat, Target};
use crate::cli::flags::{ConsoleArgs, InputArgs, SightArgs, ZoneArgs};
use crate::report::query::plot;
use crate::report::table;
use crate::time::{Millis, Moment, parse_interval};

/// The flags of `query`.
#[derive(Debug, Args)]
#[command(next_line_help = false)]
pub(crate) struct QueryArgs {
    /// A PromQL expression
    #[arg(value_name = "EXPR", help_heading = "Query")]
    pub(crate) expr: Option<String>,
    /// Evaluate each line of FILE; - reads standard input
    ///
    /// One expression per line; lines that are empty or begin with # are left out. One line of JSON is written for each, as
    /// Prometheus' API answers. What fails has its error there, and the others go on. The recording is read once.
    #[arg(long, value_name = "FILE", help_heading = "Query")]
    pub(crate) expr_file: Option<String>,
    /// Print the operators of the expression
    ///
    /// With the series that they are bound to, their steps, and how far they look. The recording is read for its series;
    /// nothing is evaluated. As a table, or -o json.
    #[arg(long, conflicts_with = "expr_file", help_heading = "Query")]
    pub(crate) plan: bool,
    /// Evaluate, and print what each operator cost
    ///
    /// As --plan, with the samples that were read and the time. Samples are counted as Prometheus' query statistics count
    /// those of selectors; below a subquery they count at each of its steps.
    #[arg(long, conflicts_with_all = ["expr_file", "plan"], help_heading = "Query")]
    pub(crate) analyze: bool,
    /// Evaluate at TIME [default: at the last sample]
    ///
    /// A time as --start takes it.
    #[arg(long, value_name = "TIME", value_parser = Moment::from_str, allow_hyphen_values = true, conflicts_with_all = ["start", "end", "step"], help_heading = "Time")]
    pub(crate) time: Option<Moment>,
    /// First step of a range [default: the first sample]
    ///
    /// A time as reports print it (`2026-01-05 18:00`, `2026-01-05`, `18:00:30` if the recording has it once), RFC
    /// 3339, seconds since the epoch, or relative: `-2h` is two hours before the last sample, `+30m` half an hour after
    /// the first. A time without a zone is in --tz. Any of --start, --end and --step asks for a range.
    #[arg(long, value_name = "TIME", value_parser = Moment::from_str, allow_hyphen_values = true, help_heading = "Time")]
    pub(crate) start: Option<Moment>,
    /// No step after TIME [default: the last sample]
    ///
    /// Written as for --start.
    #[arg(long, value_name = "TIME", value_parser = Moment::from_str, allow_hyphen_values = true, help_heading = "Time")]
    pub(crate) end: Option<Moment>,
    /// Time between two steps [default: 1/250 of the range]
    ///
    /// A duration such as 30s, or seconds. The default is a whole number of seconds, at least one, and ends at the end of
    /// the range: without --start, steps are counted back from there.
    #[arg(long, value_name = "DURATION", value_parser = step, allow_hyphen_values = true, help_heading = "Time")]
    pub(crate) step: Option<Millis>,
    /// Drop metric names at the end of the expression only
    ///
    /// As a server does with --enable-feature=promql-delayed-name-removal.
    #[arg(long, hide_short_help = true, help_heading = "Query")]
    pub(crate) delayed_name_removal: bool,
    #[command(flatten)]
    pub(crate) sight: SightArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) zone: ZoneArgs,
    /// Maximum rows of a table; 0 shows all
    #[arg(long, value_name = "ROWS", default_value_t = table::ROWS, value_parser = rows, allow_negative_numbers = true, help_heading = "Output")]
    pub(crate) limit: usize,
    /// Height of a plot in lines
    #[arg(long, value_name = "LINES", default_value_t = plot::HEIGHT, value_parser = size, allow_negative_numbers = true, help_heading = "Output")]
    pub(crate) height: usize,
    /// Width of a table or plot [default: the terminal's]
    #[arg(long, value_name = "COLUMNS", value_parser = size, allow_negative_numbers = true, help_heading = "Output")]
    pub(crate) width: Option<usize>,
    /// table, json, csv or plot [default: table]
    ///
    /// json is what Prometheus' API answers. csv is a recording, one sample per row, if all series have a metric name. plot draws a range, the whole recording
    /// if no other is asked for. docs/formats.md describes each.
    #[arg(short = 'o', long, value_name = "FORMAT", value_enum, hide_possible_values = true, help_heading = "Output")]
    pub(crate) format: Option<QueryFormat>,
    /// Write to a file; repeatable
    ///
    /// The format is the prefix's (`json:result.txt`), else the suffix's (.json .csv .txt), else --format. Standard output
    /// is written too if --format is given, or for `-`. A file is replaced only when it is written completely.
    #[arg(long, value_name = "[FORMAT:]PATH", conflicts_with_all = ["plan", "analyze"], help_heading = "Output")]
    pub(crate) out: Vec<Target<QueryFormat>>,
    #[command(flatten)]
    pub(crate) console: ConsoleArgs,
}

/// The formats of `query`. Some have the ending of their files as another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueryFormat {
    #[value(aliases = ["txt", "text"])]
    Table,
    #[value(aliases = ["jsonl", "ndjson"])]
    Json,
    Csv,
    Plot,
}

impl OutFormat for QueryFormat {
    const EXAMPLE: &'static str = "json:result.json";
}

impl QueryArgs {
    /// Returns whether a range is asked for.
    pub(crate) fn is_range(&self) -> bool {
        self.start.is_some() || self.end.is_some() || self.step.is_some()
    }
}

/// Takes a duration, or seconds as Prometheus' API does.
fn step(text: &str) -> Result<Millis, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        let millis = (seconds * 1000.0).round();
        return match millis {
            1.0..9e15 => Ok(Millis(millis as i64)),
            9e15.. => Err("is too long".to_owned()),
            _ if seconds > 0.0 => Err("steps are whole milliseconds, the shortest is `1ms`".to_owned()),
            _ => Err("must be longer than 0s; write it like `30s`".to_owned()),
        };
    }
    parse_interval(text).map_err(|error| error.to_string())
}

/// Takes a number of rows.
fn rows(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "must be a whole number, such as 20; 0 shows all rows".to_owned())
}

/// The least and the most columns or lines.
fn size(text: &str) -> Result<usize, String> {
    let size = text.parse().ok().filter(|size| (4..=10_000).contains(size));
    size.ok_or_else(|| format!("`{text}` is not a number from 4 to 10000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_duration_or_seconds() {
        let check =
            |text: &str, expected: Option<i64>| assert_eq!(step(text).ok().map(|step| step.0), expected, "{text}");
        check("27m", Some(1_620_000));
        check("1620", Some(1_620_000));
        check("0.5", Some(500));
        check("0", None);
        check("0.0001", None);
        check("-5", None);
        check("inf", None);
        check("NaN", None);
        check("0s", None);
        check("soon", None);
        assert!(step("0.0001").is_err_and(|words| words.contains("whole milliseconds")));
        assert!(step("1e300").is_err_and(|words| words.contains("too long")));
    }
}
