//! Where results go, and what is said next to them.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

/// Where the results of a run go.
#[derive(Debug, Args)]
pub(crate) struct OutArgs {
    /// table, timeline, markdown, json, ndjson, csv or openmetrics [default: table]
    ///
    /// table and timeline are for people, markdown is for issues and pull requests. json holds everything, ndjson one
    /// transition per line, csv one episode per row. openmetrics holds the series that rules write, ALERTS included, for
    /// `promtool tsdb create-blocks-from openmetrics`. docs/formats.md describes each.
    #[arg(short = 'o', long, value_name = "FORMAT", value_enum, hide_possible_values = true, help_heading = "Output")]
    pub(crate) format: Option<Format>,
    /// Write to a file; repeatable
    ///
    /// The format is the prefix's (`json:report.txt`), else the suffix's (.json .ndjson .jsonl .csv .md .om .txt), else
    /// --format. Standard output is written too if --format is given, or for `-`. A file is replaced only when it is
    /// written completely.
    #[arg(long, value_name = "[FORMAT:]PATH", help_heading = "Output")]
    pub(crate) out: Vec<Target<Format>>,
}

/// What a command says besides its results, and how.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ConsoleArgs {
    /// Print results only
    ///
    /// No summary, warnings or progress on standard error.
    #[arg(short, long, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Use colors: auto, always or never
    ///
    /// `auto` uses colors on a terminal unless NO_COLOR is set.
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) color: ColorWhen,
    /// Do not draw a progress bar
    #[arg(long, hide_short_help = true, help_heading = "Output")]
    pub(crate) no_progress: bool,
}

/// How many threads work.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// Number of threads [default: one per processor]
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
    Openmetrics,
}

/// Formats that an output may be written in.
pub(crate) trait OutFormat: ValueEnum {
    /// A name of a file, for messages.
    const EXAMPLE: &'static str;

    /// Returns the format that the ending of a file's name stands for.
    fn of_suffix(suffix: &str) -> Option<Self>;
}

impl OutFormat for Format {
    const EXAMPLE: &'static str = "json:report.json";

    fn of_suffix(suffix: &str) -> Option<Self> {
        match suffix {
            "json" => Some(Self::Json),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            "txt" => Some(Self::Table),
            "md" => Some(Self::Markdown),
            "om" | "openmetrics" | "prom" => Some(Self::Openmetrics),
            _ => None,
        }
    }
}

/// One `--out`: `[FORMAT:]PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target<F> {
    /// The format, if the prefix or the suffix names one.
    pub(crate) format: Option<F>,
    /// The path; none is standard output.
    pub(crate) path: Option<PathBuf>,
}

impl<F: OutFormat> FromStr for Target<F> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = text.split_once(':').and_then(|(prefix, path)| Some((F::from_str(prefix, false).ok()?, path)));
        let (format, path) = named.map_or((None, text), |(format, path)| (Some(format), path));
        let by_suffix = || path.rsplit_once('.').and_then(|(_, suffix)| F::of_suffix(suffix));
        let prefix = text.split_once(':').map(|(prefix, _)| prefix).filter(|_| format.is_none());
        let word = |text: &str| text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        if let Some(prefix) = prefix.filter(|prefix| word(prefix)) {
            return Err(format!("`{prefix}` is not a format; write it like `{}`", F::EXAMPLE));
        }
        match path {
            "" => Err(format!("the path is missing; write it like `{}`, or `-` for standard output", F::EXAMPLE)),
            "-" => Ok(Self { format, path: None }),
            _ => Ok(Self { format: format.or_else(by_suffix), path: Some(PathBuf::from(path)) }),
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
