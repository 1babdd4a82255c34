//! Where results go, and what is said next to them.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

/// Where the results of a run go.
#[derive(Debug, Args)]
pub(crate) struct OutArgs {
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

/// How many threads work.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The number of threads [default: one a processor]
    #[arg(short, long, value_name = "THREADS", value_parser = clap::value_parser!(u16).range(1..=1024), hide_short_help = true, help_heading = "Output")]
    pub(crate) jobs: Option<u16>,
}

impl JobArgs {
    /// Makes the pool of threads and returns how many there are.
    pub(crate) fn threads(&self) -> usize {
        if let Some(jobs) = self.jobs {
            // The first call counts; a pool that was built before stays.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(usize::from(jobs)).build_global();
        }
        rayon::current_num_threads()
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
