//! What is written of a recording, and in which format.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::labels::Matcher;
use crate::promql::ast::{ExprKind, Modifiers};
use crate::promql::parse::parse;
use crate::report::recording::Form;
use crate::time::Moment;

/// Converting and cutting a recording.
#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// Convert to csv, jsonl, openmetrics, vm or unittest
    ///
    /// csv and jsonl have one sample per line and are read back as they are. openmetrics is for `promtool tsdb
    /// create-blocks-from openmetrics`, vm for the import of VictoriaMetrics. unittest is the start of a unit test for
    /// promtool.
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        conflicts_with = "format",
        help_heading = "Conversion"
    )]
    pub(crate) to: Option<Conversion>,
    /// Write to a file instead of standard output
    ///
    /// It appears once it is complete.
    #[arg(long, value_name = "FILE", requires = "to", help_heading = "Conversion")]
    pub(crate) out: Option<PathBuf>,
    /// Leave out samples before TIME
    ///
    /// A time as `data` prints it, RFC 3339, seconds since the epoch, or relative: `-2h` is two hours before the last
    /// sample, `+30m` half an hour after the first. A time without a zone is in --tz.
    #[arg(long, value_name = "TIME", requires = "to", value_parser = Moment::from_str, allow_hyphen_values = true, help_heading = "Conversion")]
    pub(crate) start: Option<Moment>,
    /// Leave out samples after TIME
    ///
    /// Written as for --start.
    #[arg(long, value_name = "TIME", requires = "to", value_parser = Moment::from_str, allow_hyphen_values = true, help_heading = "Conversion")]
    pub(crate) end: Option<Moment>,
    /// Only series that SELECTOR takes; repeatable
    ///
    /// A PromQL selector such as `node_load1` or `{job="db"}`. A series that one of several takes is written.
    #[arg(long = "match", value_name = "SELECTOR", requires = "to", value_parser = selector, help_heading = "Conversion")]
    pub(crate) matching: Vec<Selector>,
    /// Only series that these rules read, and `up`; repeatable
    ///
    /// Rule files, folders or globs. `up` is kept because `eval` knows by it when a series ended.
    #[arg(long, value_name = "RULES", requires = "to", help_heading = "Conversion")]
    pub(crate) only_for: Vec<String>,
}

/// The formats that a recording is converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Conversion {
    Csv,
    Jsonl,
    #[value(alias = "om")]
    Openmetrics,
    #[value(alias = "victoriametrics")]
    Vm,
    Unittest,
}

impl From<Conversion> for Form {
    fn from(conversion: Conversion) -> Self {
        match conversion {
            Conversion::Csv => Self::Csv,
            Conversion::Jsonl => Self::Jsonl,
            Conversion::Openmetrics => Self::OpenMetrics,
            Conversion::Vm => Self::VictoriaMetrics,
            Conversion::Unittest => Self::UnitTest,
        }
    }
}

/// A selector of series, and its text.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    pub(crate) text: String,
    pub(crate) matchers: Vec<Matcher>,
}

fn selector(text: &str) -> Result<Selector, String> {
    let parsed = parse(text);
    if let Some(problem) = parsed.problems.first() {
        return Err(problem.message.clone());
    }
    match &parsed.expr.unparen().kind {
        ExprKind::Selector(selector) if selector.modifiers == Modifiers::default() => {
            Ok(Selector { text: text.to_owned(), matchers: selector.matchers.clone() })
        }
        _ => Err("expected a selector alone, such as `node_load1` or `{job=\"db\"}`".to_owned()),
    }
}
