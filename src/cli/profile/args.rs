//! The flags of `profile`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::profile::report::FailOn;
use crate::time::{Millis, parse_interval};

use super::super::flags::output::{OutFormat, Target};
use super::super::flags::{ConsoleArgs, InputArgs};

const EXIT_CODES: &str = "\
More flags and examples: --help
Exit codes: 0 done, 1 regression or missed target, 2 could not be done, 130 stopped by Ctrl-C";

const EXAMPLES: &str = "\
Examples:
  alertctl profile
      the workload of the report: its 13 checks against their targets
  alertctl profile -r rules/ week.csv --top 10
      what each rule costs on a recording, the most expensive first
  alertctl profile -r rules/ week.csv --save-baseline base.json
      three sessions, for comparison later
  alertctl profile -r rules/ week.csv --baseline base.json -o github
      exit code 1 when something became worse
  alertctl profile -r rules/ week.csv --against-rules rules.old/
      both sets of rules in turns: the best evidence for a pull request

Exit codes:
  0    done
  1    a regression or a missed target (--fail-on)
  2    could not be done: usage, unreadable or invalid input, a debug build, a baseline that can not be compared
  130  stopped by Ctrl-C";

/// The flags of `profile`.
#[derive(Debug, Args)]
#[command(next_line_help = false, after_help = EXIT_CODES, after_long_help = EXAMPLES)]
pub(crate) struct ProfileArgs {
    /// Rule files, folders (*.yml, *.yaml) or globs; without them the workload of the report is measured
    #[arg(short, long = "rules", value_name = "PATH", help_heading = "Input")]
    pub(crate) rules: Vec<String>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// The interval of groups that give none [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, hide_short_help = true, help_heading = "Input")]
    pub(crate) eval_interval: Option<Millis>,
    /// How far back a selector looks for a sample [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, hide_short_help = true, help_heading = "Input")]
    pub(crate) lookback_delta: Option<Millis>,

    /// The targets of the checks: `report`, or a YAML file of check ids and values
    #[arg(long, value_name = "report|FILE", help_heading = "Checks")]
    pub(crate) targets: Option<String>,
    /// What makes the exit code 1: regression, target, inconclusive [default: regression,target]
    #[arg(long, value_name = "LIST", value_parser = fail_on, help_heading = "Checks")]
    pub(crate) fail_on: Option<FailList>,

    /// Measures three sessions and writes them there
    #[arg(long, value_name = "FILE", help_heading = "Comparison")]
    pub(crate) save_baseline: Option<PathBuf>,
    /// Keeps every batch in the file of --save-baseline, for a look at them; no verdict reads them
    #[arg(long, requires = "save_baseline", hide_short_help = true, help_heading = "Comparison")]
    pub(crate) keep_samples: bool,
    /// Compares with a file that --save-baseline wrote
    #[arg(long, value_name = "FILE", conflicts_with_all = ["against_rules", "against_binary"], help_heading = "Comparison")]
    pub(crate) baseline: Option<PathBuf>,
    /// Compares with other rules on the same recording, measured in turns
    #[arg(
        long,
        value_name = "PATH",
        requires = "rules",
        conflicts_with = "against_binary",
        help_heading = "Comparison"
    )]
    pub(crate) against_rules: Vec<String>,
    /// Compares with another build of alertctl, measured in turns
    #[arg(long, value_name = "PROGRAM", value_parser = program, help_heading = "Comparison")]
    pub(crate) against_binary: Option<PathBuf>,
    /// The slowdown that is a regression; also the noise in which one is not looked for
    #[arg(long, value_name = "SHARE", default_value = "7%", value_parser = share, help_heading = "Comparison")]
    pub(crate) max_slowdown: f64,

    /// Processes that measure in a session
    #[arg(long, value_name = "COUNT", default_value = "5", value_parser = clap::value_parser!(u64).range(1..=100), hide_short_help = true, help_heading = "Measuring")]
    pub(crate) processes: u64,
    /// Batches of each metric in a process
    #[arg(long, value_name = "COUNT", default_value = "20", value_parser = clap::value_parser!(u64).range(1..=10_000), hide_short_help = true, help_heading = "Measuring")]
    pub(crate) rounds: u64,
    /// Sessions of a baseline that is saved
    #[arg(long, value_name = "COUNT", default_value = "3", value_parser = clap::value_parser!(u64).range(1..=30), hide_short_help = true, help_heading = "Measuring")]
    pub(crate) sessions: u64,
    /// How long the rules of one's own are measured, loading aside; how they grow takes as long again
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_interval, help_heading = "Measuring")]
    pub(crate) time_budget: Millis,
    /// The seed of the order in which things are measured
    #[arg(long, value_name = "NUMBER", hide_short_help = true, help_heading = "Measuring")]
    pub(crate) seed: Option<u64>,
    /// Measures with a debug build: the figures say nothing of a release build
    #[arg(long, hide_short_help = true, help_heading = "Measuring")]
    pub(crate) allow_debug: bool,
    /// Tries the gate on this machine: so many pairs of the same code and of code made 10 % slower
    #[arg(long, value_name = "PAIRS", value_parser = clap::value_parser!(u64).range(1..=100_000), conflicts_with_all = ["rules", "baseline", "save_baseline", "against_binary"], help_heading = "Measuring")]
    pub(crate) self_check: Option<u64>,
    /// Makes what is measured so many times slower
    #[arg(long, hide = true, value_name = "FACTOR", default_value = "1", value_parser = factor)]
    pub(crate) inject_slowdown: f64,
    /// Is one of the processes that measure
    #[arg(long, hide = true, exclusive = true)]
    pub(crate) worker: bool,

    /// Rules and compared metrics that are shown; 0 shows all
    #[arg(long, value_name = "COUNT", default_value = "20", help_heading = "Output")]
    pub(crate) top: usize,
    /// Writes collapsed stacks there, for a viewer of flame graphs
    #[arg(long, value_name = "FILE", requires = "rules", help_heading = "Output")]
    pub(crate) folded: Option<PathBuf>,
    /// The format: table, json, markdown, github, junit, or hgrm: the latencies of the built-in workload by percentile
    /// [default: table]
    #[arg(short = 'o', long, value_name = "FORMAT", value_enum, hide_possible_values = true, help_heading = "Output")]
    pub(crate) format: Option<ProfileFormat>,
    /// Writes there instead of standard output (-); may be repeated. The format is the one named, or the suffix's
    /// (.json .md .xml .txt .hgrm), or --format
    #[arg(long, value_name = "[FORMAT:]PATH", help_heading = "Output")]
    pub(crate) out: Vec<Target<ProfileFormat>>,
    #[command(flatten)]
    pub(crate) console: ConsoleArgs,
}

/// What makes the answer "no".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailList(pub(crate) Vec<FailOn>);

fn fail_on(text: &str) -> Result<FailList, String> {
    FailOn::parse_list(text).map(FailList)
}

/// The formats of `profile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileFormat {
    Table,
    Json,
    Markdown,
    Github,
    Junit,
    Hgrm,
}

impl OutFormat for ProfileFormat {
    const EXAMPLE: &'static str = "json:profile.json";

    fn of_suffix(suffix: &str) -> Option<Self> {
        match suffix {
            "json" => Some(Self::Json),
            "md" => Some(Self::Markdown),
            "xml" => Some(Self::Junit),
            "txt" => Some(Self::Table),
            "hgrm" => Some(Self::Hgrm),
            _ => None,
        }
    }
}

/// Reads a share such as `7%` or `0.07`.
fn share(text: &str) -> Result<f64, String> {
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse::<f64>(),
    };
    let share = number.ok().filter(|share| share.is_finite() && *share > 0.0 && *share < 10.0);
    share.ok_or_else(|| format!("`{text}` is no share; write it like `7%`"))
}

/// Takes a program. A name alone would be looked for in PATH; the file that lies here is meant, if there is one.
fn program(text: &str) -> Result<PathBuf, String> {
    let here = Path::new(".").join(text);
    Ok(if Path::new(text).components().count() == 1 && here.is_file() { here } else { PathBuf::from(text) })
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok().filter(|factor| (1.0..=100.0).contains(factor));
    factor.ok_or_else(|| format!("`{text}` is no factor from 1 to 100"))
}

impl ProfileArgs {
    /// Returns how long the rules are measured. Unit: microseconds.
    pub(crate) fn budget_us(&self) -> u64 {
        u64::try_from(self.time_budget.0).unwrap_or(0).saturating_mul(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read() {
        assert_eq!((share("7%"), share("0.1"), share("12 %")), (Ok(0.07), Ok(0.1), Ok(0.12)));
        for wrong in ["", "%", "-1%", "nan", "x"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_program_that_lies_here_is_meant() {
        let check = |text: &str, expected: &str| assert_eq!(program(text), Ok(PathBuf::from(expected)));
        check("Cargo.toml", "./Cargo.toml");
        check("alertctl-elsewhere", "alertctl-elsewhere");
        check("./Cargo.toml", "./Cargo.toml");
        check("/bin/sh", "/bin/sh");
    }

    #[test]
    fn the_format_of_an_output_is_found() {
        let check = |text: &str, format, path: Option<&str>| {
            assert_eq!(text.parse(), Ok(Target { format, path: path.map(PathBuf::from) }), "{text}");
        };
        check("-", None, None);
        check("junit:-", Some(ProfileFormat::Junit), None);
        check("a.json", Some(ProfileFormat::Json), Some("a.json"));
        check("github:log.txt", Some(ProfileFormat::Github), Some("log.txt"));
        check("a.hgrm", Some(ProfileFormat::Hgrm), Some("a.hgrm"));
        assert!("json:".parse::<Target<ProfileFormat>>().is_err());
    }
}
