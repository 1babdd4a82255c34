//! Where results go, and what is said next to them.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::diagnostic::nearest;

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
    /// --format. A prefix may be written as a suffix is (`md:report`). Standard output is written too if --format is
    /// given, or for `-`. A file is replaced only when it is written completely.
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

/// The formats of results. Each has the ending of its files as another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[value(aliases = ["txt", "text"])]
    Table,
    Json,
    #[value(alias = "jsonl")]
    Ndjson,
    Csv,
    Timeline,
    #[value(alias = "md")]
    Markdown,
    #[value(aliases = ["om", "prom"])]
    Openmetrics,
}

/// Formats that an output may be written in.
pub(crate) trait OutFormat: ValueEnum {
    /// A name of a file, for messages.
    const EXAMPLE: &'static str;

    /// Returns the format of a name: its own, or the ending of its files.
    fn named(name: &str) -> Option<Self> {
        Self::from_str(name, false).ok()
    }

    /// Returns the name of a format that is most like what was typed.
    fn near(typed: &str) -> Option<String> {
        let values = Self::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
        nearest(&typed.to_ascii_lowercase(), names.iter().map(String::as_str)).first().map(|near| (*near).to_owned())
    }
}

impl Format {
    /// Returns its name as it is typed.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

impl OutFormat for Format {
    const EXAMPLE: &'static str = "json:report.json";
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
        // One letter is a drive.
        let word = |prefix: &str| prefix.len() > 1 && prefix.bytes().all(|byte| byte.is_ascii_alphabetic());
        let (format, path) = match text.split_once(':').filter(|(prefix, _)| word(prefix)) {
            None => (None, text),
            Some((prefix, path)) => match F::named(prefix) {
                Some(format) => (Some(format), path),
                None if Path::new(text).exists() => (None, text),
                None => {
                    let path = if path.is_empty() { "FILE" } else { path };
                    return Err(match F::near(prefix) {
                        Some(near) => format!("`{prefix}` is not a format; did you mean `{near}:{path}`?"),
                        None => format!("`{prefix}` is not a format; write it like `{}`", F::EXAMPLE),
                    });
                }
            },
        };
        let by_suffix = || path.rsplit_once('.').and_then(|(_, suffix)| F::named(suffix));
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
