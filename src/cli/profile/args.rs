//! The flags of `profile`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::profile::max_costs::{MaxCosts, Most};
use crate::profile::report::FailOn;
use crate::time::{Millis, parse_interval};

use super::super::flags::output::{OutFormat, Target};
use super::super::flags::{ConsoleArgs, InputArgs, KeyArgs};
use super::soak;

const EXIT_CODES: &str = "\
Exit codes: 0 success, 1 regression or missed target, 2 error, 130 interrupted
All flags and examples: alertctl profile --help";

const EXAMPLES: &str = "\
Examples:
  alertctl profile
      Measure the built-in workload: 13 checks against their targets
  alertctl profile -r rules/ week.csv --top 10
      Show what each rule costs on a recording, the most expensive first
  alertctl profile -r rules/ week.csv --save-baseline base.json
      Measure three sessions, to compare with later
  alertctl profile -r rules/ week.csv --baseline base.json -o github
      In CI: exit with 1 if something became worse
  alertctl profile -r rules/ week.csv --against-rules rules.old/
      Measure both sets of rules in turns: the best evidence for a pull request
  alertctl profile --soak 7d
      Simulate seven days of operation: memory at the end of each day

Exit codes:
  0    success
  1    a regression or a missed target (--fail-on), or memory that grows (--soak)
  2    error: wrong usage, unreadable or invalid input, a debug build, or a baseline that does not fit
  129  the terminal went away (SIGHUP)
  130  interrupted (Ctrl-C)
  143  terminated (SIGTERM)";

/// The flags of `profile`.
#[derive(Debug, Args)]
#[command(next_line_help = false, after_help = EXIT_CODES, after_long_help = EXAMPLES)]
pub(crate) struct ProfileArgs {
    /// Rule files, folders or globs; repeatable
    ///
    /// In folders, *.yml, *.yaml, and *.json with rule groups. Without rules, the built-in workload is measured.
    #[arg(short, long = "rules", value_name = "PATH", help_heading = "Input")]
    pub(crate) rules: Vec<String>,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Interval of groups that set none [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, hide_short_help = true, help_heading = "Input")]
    pub(crate) eval_interval: Option<Millis>,
    /// How far back a selector looks for a sample [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, hide_short_help = true, help_heading = "Input")]
    pub(crate) lookback_delta: Option<Millis>,

    /// Check against targets: report, or a YAML file
    ///
    /// `report` are the targets of the built-in workload, which is measured next to your rules; a file maps ids of
    /// checks to values.
    #[arg(long, value_name = "report|FILE", help_heading = "Checks")]
    pub(crate) targets: Option<String>,
    /// Exit with 1 on: regression, budget, ...
    ///
    /// A list of regression, target, budget and inconclusive. Without it, on regression and budget where something is compared, else on target and budget.
    #[arg(long, value_name = "LIST", value_parser = fail_on, help_heading = "Checks")]
    pub(crate) fail_on: Option<FailList>,

    /// Most samples read per second, or rule=COUNT
    ///
    /// What a server may read for all rules, or for each. `--max-samples-per-s 50k,rule=500` says both. A targets file may say the same (`run.samples_per_s: 50k`).
    #[arg(long, value_name = "COUNT", value_parser = Most::parse, requires = "rules", help_heading = "Checks")]
    pub(crate) max_samples_per_s: Option<Most>,
    /// Most series read, or rule=COUNT for each rule
    #[arg(long, value_name = "COUNT", value_parser = Most::parse, requires = "rules", help_heading = "Checks")]
    pub(crate) max_series: Option<Most>,

    /// Measure three sessions and save them
    ///
    /// May name the file of --baseline, which is replaced after the comparison.
    #[arg(long, value_name = "FILE", help_heading = "Comparison")]
    pub(crate) save_baseline: Option<PathBuf>,
    /// Keep every batch in the file of --save-baseline; verdicts do not need them
    #[arg(long, requires = "save_baseline", hide_short_help = true, help_heading = "Comparison")]
    pub(crate) keep_samples: bool,
    /// Compare with a file saved by --save-baseline
    #[arg(long, value_name = "FILE", conflicts_with_all = ["against_rules", "against_binary"], help_heading = "Comparison")]
    pub(crate) baseline: Option<PathBuf>,
    /// Compare with other rules, measured in turns
    ///
    /// Both sets of rules are measured on the same recording.
    #[arg(
        long,
        value_name = "PATH",
        requires = "rules",
        conflicts_with = "against_binary",
        help_heading = "Comparison"
    )]
    pub(crate) against_rules: Vec<String>,
    /// Count samples and series only, and measure no times
    ///
    /// What is counted is the same on any machine, and a few seconds suffice for hundreds of rules.
    #[arg(long, requires = "rules", conflicts_with = "keep_samples", help_heading = "Measuring")]
    pub(crate) exact: bool,
    /// Compare with another build, measured in turns
    ///
    /// The program is alertctl, or a script that runs one with the same arguments, input and output.
    #[arg(long, value_name = "PROGRAM", value_parser = program, help_heading = "Comparison")]
    pub(crate) against_binary: Option<PathBuf>,
    /// Accept increases that are meant: a YAML list
    ///
    /// An entry is `{rule: NAME, date: 2026-11-29, reason: ..}`, with `group: NAME` where several rules have the name,
    /// or `{total: samples_per_s, ..}`, series or time for the whole run. It is good for 30 days. A comment at a rule
    /// does the same: `# alertctl accept 2026-11-29: weekly pattern needs a week`.
    #[arg(long, value_name = "FILE", conflicts_with = "self_check", help_heading = "Comparison")]
    pub(crate) accept: Option<PathBuf>,
    /// Allow at most this slowdown
    ///
    /// Where measurements differ by more than this among themselves, the verdict is inconclusive.
    #[arg(long, value_name = "SHARE", default_value = "7%", value_parser = share, help_heading = "Comparison")]
    pub(crate) max_slowdown: f64,

    /// Let all rules together read this much more when rules are added or changed
    ///
    /// A new rule has nothing to be compared with: it counts in what all rules read.
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share, hide_short_help = true, help_heading = "Comparison")]
    pub(crate) max_increase: f64,

    /// Measure with this many processes per session
    #[arg(long, value_name = "COUNT", default_value = "5", value_parser = clap::value_parser!(u64).range(1..=100), hide_short_help = true, help_heading = "Measuring")]
    pub(crate) processes: u64,
    /// Measure this many batches of each metric per process
    #[arg(long, value_name = "COUNT", default_value = "20", value_parser = clap::value_parser!(u64).range(1..=10_000), hide_short_help = true, help_heading = "Measuring")]
    pub(crate) rounds: u64,
    /// Save this many sessions with --save-baseline
    #[arg(long, value_name = "COUNT", default_value = "3", value_parser = clap::value_parser!(u64).range(1..=30), hide_short_help = true, help_heading = "Measuring")]
    pub(crate) sessions: u64,
    /// Measure your rules for this long
    ///
    /// It begins when the rules and the recording are read and counted once. What there is no time for is left out and
    /// named: processes, batches, the times of rules that read little, how rules grow. With --save-baseline or --baseline
    /// all processes measure, and reading the recording in each of them is not counted.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_interval, help_heading = "Measuring")]
    pub(crate) time_budget: Millis,
    /// Seed of the order of measurements, and of the values of --soak [default: random, 1 with --soak]
    #[arg(long, value_name = "NUMBER", hide_short_help = true, help_heading = "Measuring")]
    pub(crate) seed: Option<u64>,
    /// Measure a debug build; its times say nothing about a release build
    #[arg(long, hide_short_help = true, help_heading = "Measuring")]
    pub(crate) allow_debug: bool,
    /// Test the gate with this many pairs of runs
    ///
    /// Each pair is the same code, and code made 10 % slower: shows how often this machine raises a false alarm or
    /// misses a slowdown, in turns and with a saved baseline. With --rules the same of your rules, and of rules that
    /// change at random; with --against-binary of two builds, which should be of the same source. Exits with 1 where the
    /// gate is less reliable than promised.
    #[arg(hide_short_help = true, long, value_name = "PAIRS", value_parser = clap::value_parser!(u64).range(1..=100_000), conflicts_with_all = ["format", "out", "baseline", "save_baseline", "against_rules"], help_heading = "Measuring")]
    pub(crate) self_check: Option<u64>,
    /// Simulate days of operation; exit with 1 if memory grows
    ///
    /// Each day has the same snapshots: alerts come and go, label sets vanish and return, an hour brings nothing, and the
    /// state is saved and restored. Without rules, the built-in workload; with rules, series are made up from what they
    /// read. At least 3d.
    #[arg(long, value_name = "DAYS", value_parser = soak::days, conflicts_with_all = ["baseline", "save_baseline", "against_rules", "against_binary", "self_check", "targets", "fail_on", "folded", "recordings", "data"], help_heading = "Measuring")]
    pub(crate) soak: Option<u32>,
    /// Distance of the snapshots of --soak [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = soak::cadence, requires = "soak", hide_short_help = true, help_heading = "Measuring")]
    pub(crate) cadence: Option<Millis>,
    /// Lose so many bytes on each day of --soak
    #[arg(long, hide = true, value_name = "BYTES", default_value = "0", requires = "soak")]
    pub(crate) inject_leak: usize,
    /// Make what is measured slower by this factor
    #[arg(long, hide = true, value_name = "FACTOR", default_value = "1", value_parser = factor)]
    pub(crate) inject_slowdown: f64,
    /// Run as one of the measuring processes
    #[arg(long, hide = true, exclusive = true)]
    pub(crate) worker: bool,

    /// Show at most this many rows; 0 shows all
    #[arg(long, value_name = "COUNT", default_value = "20", help_heading = "Output")]
    pub(crate) top: usize,
    /// Show all columns of the rules: results, allocations and growth
    #[arg(long, help_heading = "Output")]
    pub(crate) wide: bool,
    /// Write collapsed stacks for a flame graph
    #[arg(long, value_name = "FILE", requires = "rules", help_heading = "Output")]
    pub(crate) folded: Option<PathBuf>,
    /// table, json, markdown, github, junit or hgrm [default: table]
    ///
    /// github is annotations for GitHub Actions, and the summary of its job; hgrm is the latencies of the built-in workload by percentile, as
    /// HdrHistogram writes them.
    #[arg(short = 'o', long, value_name = "FORMAT", value_enum, hide_possible_values = true, help_heading = "Output")]
    pub(crate) format: Option<ProfileFormat>,
    /// Write to a file; repeatable
    ///
    /// The format is the prefix's (`json:report.txt`), else the suffix's (.json .md .xml .txt .hgrm), else --format. A
    /// prefix may be written as a suffix is (`md:report`). Standard output is written too if --format is given, or for
    /// `-`. A file is replaced only when it is written completely.
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

/// The formats of `profile`. Each has the ending of its files as another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileFormat {
    #[value(aliases = ["txt", "text"])]
    Table,
    Json,
    #[value(alias = "md")]
    Markdown,
    Github,
    #[value(alias = "xml")]
    Junit,
    Hgrm,
}

impl OutFormat for ProfileFormat {
    const EXAMPLE: &'static str = "json:profile.json";
}

/// Reads a share such as `7%` or `0.07`.
fn share(text: &str) -> Result<f64, String> {
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse::<f64>(),
    };
    let share = number.ok().filter(|share| share.is_finite() && *share > 0.0 && *share < 10.0);
    share.ok_or_else(|| format!("`{text}` is not a share; write it like `7%`"))
}

/// Takes a program. A name alone would be looked for in PATH; the file in the current folder is meant, if there is one.
fn program(text: &str) -> Result<PathBuf, String> {
    let here = Path::new(".").join(text);
    Ok(if Path::new(text).components().count() == 1 && here.is_file() { here } else { PathBuf::from(text) })
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok().filter(|factor| (1.0..=100.0).contains(factor));
    factor.ok_or_else(|| format!("`{text}` is not a factor from 1 to 100"))
}

impl ProfileArgs {
    /// Returns whether something is compared.
    pub(crate) fn compares(&self) -> bool {
        self.baseline.is_some() || !self.against_rules.is_empty() || self.against_binary.is_some()
    }

    /// Returns the most that rules may cost.
    pub(crate) fn max_costs(&self) -> MaxCosts {
        MaxCosts {
            samples_per_s: self.max_samples_per_s.unwrap_or_default(),
            series: self.max_series.unwrap_or_default(),
        }
    }

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
        check("md:cost", Some(ProfileFormat::Markdown), Some("cost"));
        check("xml:cost", Some(ProfileFormat::Junit), Some("cost"));
        assert!("json:".parse::<Target<ProfileFormat>>().is_err());
    }
}
