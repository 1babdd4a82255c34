//! The command line: the commands, and which flags each takes.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::diagnostic::Severity;
use crate::diff::gate::Condition;
use crate::report::{diff, table};
use crate::schema;
use crate::time::{Millis, Moment, parse_duration, parse_interval};

use super::check_data::DataFlags;
use super::explain::At;
use super::flags::input::ReadArgs;
use super::flags::output::{OutFormat, Target};
use super::flags::{
    ChoiceArgs, ColorWhen, ConsoleArgs, ControlArgs, ConvertArgs, ExternalArgs, GateArgs, InputArgs, JobArgs, KeyArgs,
    LabelArgs, OutArgs, ReportArgs, RuleArgs, SelectArgs, SilenceArgs, SweepArgs, TimeArgs, ZoneArgs,
};
use super::help;
use super::profile::args::ProfileArgs;
use super::query::args::QueryArgs;

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
    /// Show which alerts would have fired on recorded metrics, and when
    #[command(override_usage = help::EVAL_USAGE, after_help = help::EVAL_EXIT_CODES, after_long_help = help::EVAL_EXAMPLES)]
    Eval(Box<EvalArgs>),
    /// Explain why an alert fired, or did not
    #[command(override_usage = help::EXPLAIN_USAGE, after_help = help::EXPLAIN_EXIT_CODES, after_long_help = help::EXPLAIN_EXAMPLES)]
    Explain(Box<ExplainArgs>),
    /// Evaluate a PromQL expression on recorded metrics
    #[command(override_usage = help::QUERY_USAGE, after_help = help::QUERY_EXIT_CODES, after_long_help = help::QUERY_EXAMPLES)]
    Query(Box<QueryArgs>),
    /// Show what a change of rules would have done on recorded metrics
    #[command(override_usage = help::DIFF_USAGE, after_help = help::DIFF_EXIT_CODES, after_long_help = help::DIFF_EXAMPLES)]
    Diff(Box<DiffArgs>),
    /// Measure what rules cost, and catch regressions
    Profile(Box<ProfileArgs>),
    /// Check rule files: errors, and rules that cannot do what they say
    #[command(after_help = help::CHECK_EXIT_CODES, after_long_help = help::CHECK_EXAMPLES)]
    Check(Box<CheckArgs>),
    /// Lay out expressions, in rule files too
    #[command(after_help = help::FMT_EXIT_CODES, after_long_help = help::FMT_EXAMPLES)]
    Fmt(FmtArgs),
    /// Show what is in a recording: metrics, labels, gaps
    #[command(after_help = help::DATA_EXIT_CODES, after_long_help = help::DATA_EXAMPLES)]
    Data(Box<DataArgs>),
    /// Write a starter rule file for a recording
    #[command(after_help = help::INIT_EXIT_CODES, after_long_help = help::INIT_EXAMPLES)]
    Init(Box<InitArgs>),
    /// Print a JSON Schema of a file or an output
    #[command(after_help = help::SCHEMA)]
    Schema(SchemaArgs),
    /// Generate a shell completion script
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Generate man pages
    #[command(after_help = help::MAN)]
    Man(ManArgs),
}

/// The flags of `eval`.
#[derive(Debug, Args)]
#[command(next_line_help = false)]
pub(crate) struct EvalArgs {
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    /// Print the PromQL of each rule, then exit
    #[arg(long, hide_short_help = true, help_heading = "Rules")]
    pub(crate) show_expr: bool,
    #[command(flatten)]
    pub(crate) external: ExternalArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) time: TimeArgs,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) sweep: SweepArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) output: OutArgs,
    #[command(flatten)]
    pub(crate) console: ConsoleArgs,
    #[command(flatten)]
    pub(crate) jobs: JobArgs,
    #[command(flatten)]
    pub(crate) gate: GateArgs,
}

/// The flags of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The name of the alert
    ///
    /// If several rules have it: group/NAME, NAME#2 for the second, or the place of the rule, such as node.yml:12.
    #[arg(value_name = "ALERT", help_heading = "Question")]
    pub(crate) alert: String,
    /// Explain the evaluation at TIME
    ///
    /// A time as --start takes it, `last` (the last evaluation), `'first firing'` or `'last firing'`. By default it is the
    /// one at which the longest firing began.
    #[arg(long, value_name = "TIME", value_parser = At::from_str, allow_hyphen_values = true, conflicts_with_all = ["around", "first"], help_heading = "Question")]
    pub(crate) at: Option<At>,
    /// Explain the firing nearest to TIME
    #[arg(long, value_name = "TIME", value_parser = Moment::from_str, allow_hyphen_values = true, conflicts_with = "first", help_heading = "Question")]
    pub(crate) around: Option<Moment>,
    /// Explain the first firing
    #[arg(long, help_heading = "Question")]
    pub(crate) first: bool,
    /// Show all events, rows and samples
    #[arg(long, help_heading = "Output")]
    pub(crate) full: bool,
    #[command(flatten)]
    pub(crate) labels: LabelArgs,
    #[command(flatten)]
    pub(crate) silenced: SilenceArgs,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) external: ExternalArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) time: TimeArgs,
    #[command(flatten)]
    pub(crate) zone: ZoneArgs,
    /// Output format: text or json [default: text]
    #[arg(short = 'o', long, value_name = "FORMAT", value_enum, hide_possible_values = true, help_heading = "Output")]
    pub(crate) format: Option<ExplainFormat>,
    /// Write to a file; repeatable
    ///
    /// The format is the prefix's (`json:why.txt`), else the suffix's (.txt .json), else --format.
    #[arg(long, value_name = "[FORMAT:]PATH", hide_short_help = true, help_heading = "Output")]
    pub(crate) out: Vec<Target<ExplainFormat>>,
    #[command(flatten)]
    pub(crate) console: ConsoleArgs,
    #[command(flatten)]
    pub(crate) jobs: JobArgs,
}

/// The formats of `explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainFormat {
    #[value(alias = "txt")]
    Text,
    Json,
}

impl OutFormat for ExplainFormat {
    const EXAMPLE: &'static str = "json:why.json";
}

/// The flags of `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// Old rules, new rules and recordings; with --base rules and recordings
    ///
    /// Rules are a file, a folder or a quoted glob. Recordings are as for `eval`; - reads standard input.
    #[arg(value_name = "PATH", help_heading = "Rules")]
    pub(crate) paths: Vec<String>,
    /// Compare with the rules where HEAD left this Git revision
    ///
    /// That is the merge base of the revision and HEAD: in a pull request, `--base origin/main` shows what the pull
    /// request changes, and not what came to main since. The new rules are the files as they are on
    /// the disk, committed or not. Files are read from Git without a checkout.
    #[arg(long, value_name = "REF", help_heading = "Rules")]
    pub(crate) base: Option<String>,
    /// Rules, given as a flag: once with --base, else the old ones and the new ones
    #[arg(short, long = "rules", value_name = "PATH", hide_short_help = true, help_heading = "Rules")]
    pub(crate) rules: Vec<String>,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(flatten)]
    pub(crate) external: ExternalArgs,
    /// A recording, given as a flag; repeatable
    #[arg(short, long = "data", value_name = "PATH", hide_short_help = true, help_heading = "Input")]
    pub(crate) data: Vec<String>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    #[command(flatten)]
    pub(crate) time: TimeArgs,
    /// Ignore shifts in time up to this [default: 0s]
    ///
    /// An episode whose times differ by no more is the same, and a firing is neither longer nor shorter for less.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Report")]
    pub(crate) tolerance: Option<Millis>,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// Maximum rows per table; 0 shows all
    #[arg(long, value_name = "ROWS", default_value_t = diff::ROWS, help_heading = "Report")]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) zone: ZoneArgs,
    /// table, markdown, github or json [default: table]
    ///
    /// markdown is a comment for a pull request, github is annotations for GitHub Actions, json holds everything.
    /// docs/formats.md describes each.
    #[arg(short = 'o', long, value_name = "FORMAT", value_enum, hide_possible_values = true, help_heading = "Output")]
    pub(crate) format: Option<DiffFormat>,
    /// Write to a file; repeatable
    ///
    /// The format is the prefix's (`json:report.txt`), else the suffix's (.json .md .txt), else --format. Standard output
    /// is written too if --format is given, or for `-`. A file is replaced only when it is written completely.
    #[arg(long, value_name = "[FORMAT:]PATH", help_heading = "Output")]
    pub(crate) out: Vec<Target<DiffFormat>>,
    #[command(flatten)]
    pub(crate) console: ConsoleArgs,
    #[command(flatten)]
    pub(crate) jobs: JobArgs,
    /// Exit with 1 on new-firing, new-firing=SEVERITY, lost-firing, lost-firing=SEVERITY or change
    ///
    /// A comma-separated list. `new-firing` is an alert that fires where it did not, `new-firing=critical` one that fires
    /// with that severity where none of it did, `lost-firing` the reverse, `change` any episode that differs.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = Condition::from_str, help_heading = "Gates")]
    pub(crate) fail_on: Vec<Condition>,
}

/// The formats of `diff`. Some have the ending of their files as another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    #[value(aliases = ["txt", "text"])]
    Table,
    #[value(alias = "md")]
    Markdown,
    Github,
    Json,
}

impl OutFormat for DiffFormat {
    const EXAMPLE: &'static str = "markdown:diff.md";
}

/// The flags of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Rule files, folders or globs
    #[arg(value_name = "RULES", required_unless_present_any = ["flagged", "explain", "list_lints"])]
    pub(crate) rules: Vec<String>,
    /// Rule files, folders or globs, given as a flag; repeatable
    #[arg(short = 'r', long = "rules", id = "flagged", value_name = "PATH", hide_short_help = true)]
    pub(crate) flagged: Vec<String>,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(flatten)]
    pub(crate) recorded: DataFlags,
    #[command(flatten)]
    pub(crate) control: ControlArgs,
    /// Show only findings on lines changed since then
    ///
    /// Lines that were added or changed since the merge base of the revision and HEAD, those that are not committed
    /// included; a file that Git does not track counts as new. The exit code depends on what is shown only.
    #[arg(long, value_name = "REF")]
    pub(crate) changed_since: Option<String>,
    /// text, json, sarif, github, gitlab, junit, checkstyle [default: text]
    ///
    /// sarif is for code scanning and editors, github is annotations for GitHub Actions, gitlab is a report of code
    /// quality. docs/formats.md describes each.
    #[arg(short = 'o', long, value_name = "FORMAT", value_enum, hide_possible_values = true)]
    pub(crate) format: Option<CheckFormat>,
    /// Write to a file; repeatable
    ///
    /// The format is the prefix's (`junit:report.xml`), else the suffix's (.txt .json .sarif), else --format. Standard
    /// output is written too if --format is given, or for `-`. A file is replaced only when it is written completely.
    #[arg(long, value_name = "[FORMAT:]PATH")]
    pub(crate) out: Vec<Target<CheckFormat>>,
    /// Exit with 1 on: error, warning or info
    ///
    /// And on what is worse. Findings of this severity are shown even if --min-severity would hide them.
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "error", hide_possible_values = true)]
    pub(crate) fail_on: LeastSeverity,
    /// Show findings from: error, warning or info
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "warning", hide_possible_values = true)]
    pub(crate) min_severity: LeastSeverity,
    /// Fix what is certain, then show what is left
    ///
    /// Only the bytes of the fixes change; comments, order and layout stay.
    #[arg(long, conflicts_with = "changed_since")]
    pub(crate) fix: bool,
    /// Print what --fix would change as a patch
    #[arg(long, conflicts_with_all = ["changed_since", "out", "format"])]
    pub(crate) diff: bool,
    /// Explain a code: why it matters, how to fix it
    #[arg(long, value_name = "CODE", exclusive = true)]
    pub(crate) explain: Option<String>,
    /// List all codes
    #[arg(long, exclusive = true)]
    pub(crate) list_lints: bool,
    /// How often targets are scraped, to find ranges too short for it
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, hide_short_help = true)]
    pub(crate) scrape_interval: Option<Millis>,
    /// Print problems only, no summary
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Use colors: auto, always or never
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto", hide_possible_values = true)]
    pub(crate) color: ColorWhen,
}

/// The formats of `check`. Some have the ending of their files as another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    #[value(alias = "txt")]
    Text,
    Json,
    Sarif,
    Github,
    Gitlab,
    Junit,
    Checkstyle,
}

impl OutFormat for CheckFormat {
    const EXAMPLE: &'static str = "sarif:check.sarif";
}

/// A severity, and all that are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LeastSeverity {
    Error,
    Warning,
    Info,
}

impl LeastSeverity {
    pub(crate) fn severity(self) -> Severity {
        match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Info => Severity::Info,
        }
    }
}

/// The flags of `fmt`.
#[derive(Debug, Args)]
pub(crate) struct FmtArgs {
    /// Expressions, rule files, folders or globs; - reads standard input
    ///
    /// What is the name of a file or folder stands for it, everything else is an expression. Files are rewritten in
    /// place; expressions, and what standard input holds, are printed.
    #[arg(value_name = "EXPR|FILE", required_unless_present = "expr")]
    pub(crate) inputs: Vec<String>,
    /// An expression, given as a flag; repeatable
    #[arg(short, long = "expr", value_name = "PROMQL", allow_hyphen_values = true)]
    pub(crate) expr: Vec<String>,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    /// Write nothing; name what would change
    ///
    /// One name a line on standard output. The exit code is 1 if there is any.
    #[arg(long)]
    pub(crate) check: bool,
    /// Write nothing; print what would change as a patch
    ///
    /// The exit code is 1 if there is anything.
    #[arg(long, conflicts_with = "check")]
    pub(crate) diff: bool,
    /// Print results and errors only
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Use colors: auto, always or never
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto", hide_possible_values = true)]
    pub(crate) color: ColorWhen,
}

/// The flags of `data`.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Write how the recording is read to this file, for --form
    ///
    /// A form file in YAML: the flags, and what was detected besides.
    #[arg(long, value_name = "FILE", conflicts_with = "to", hide_short_help = true, help_heading = "Output")]
    pub(crate) save_form: Option<PathBuf>,
    /// Lookback to check sample spacing against [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, hide_short_help = true, help_heading = "Report")]
    pub(crate) lookback_delta: Option<Millis>,
    /// Maximum rows per table; 0 shows all
    #[arg(long, value_name = "ROWS", default_value_t = table::ROWS, help_heading = "Report")]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) zone: ZoneArgs,
    #[command(flatten)]
    pub(crate) convert: ConvertArgs,
    /// Output format: table or json
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

/// The formats of `data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataFormat {
    Table,
    Json,
}

/// The flags of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file of --out if it exists
    #[arg(long, requires = "out", help_heading = "Output")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) console: ConsoleArgs,
}

/// The flags of `schema`.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Which schema to print; without it, all kinds are listed
    #[arg(value_name = "KIND", value_parser = kinds())]
    pub(crate) kind: Option<String>,
}

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(schema::ALL.iter().map(|schema| schema.kind))
}

/// The flags of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: Shell,
}

/// The flags of `man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write all pages to this folder; without it, print the page of alertctl itself
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::flags::Format;
    use crate::engine::Align;
    use crate::outcome::gate::Condition;
    use crate::store::Stale;

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
            assert_eq!(text.parse::<Target<Format>>(), Ok(Target { format, path: path.map(PathBuf::from) }), "{text}");
        };
        check("-", None, None);
        check("csv:-", Some(Format::Csv), None);
        check("report.json", Some(Format::Json), Some("report.json"));
        check("json:report.txt", Some(Format::Json), Some("report.txt"));
        check("events.jsonl", Some(Format::Ndjson), Some("events.jsonl"));
        check("/dev/null", None, Some("/dev/null"));
        check("c:/report", None, Some("c:/report"));
        for (prefix, format) in [("md", Format::Markdown), ("txt", Format::Table), ("om", Format::Openmetrics)] {
            check(&format!("{prefix}:report"), Some(format), Some("report"));
        }
        check("./md5:report", None, Some("./md5:report"));
        let wrong = |text: &str, expected: &str| {
            let error = text.parse::<Target<Format>>().expect_err(text);
            assert!(error.contains(expected), "{error}");
        };
        wrong("json:", "the path is missing");
        wrong("markdwn:a.txt", "did you mean `markdown:a.txt`?");
        wrong("JSON:", "did you mean `json:FILE`?");
        wrong("yaml:a", "write it like `json:report.json`");
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
        check(&["--alert", "("], "not a valid regular expression");
        check(&["--external-label", "ams"], "write it like `cluster=ams`");
        check(&["--tz", "Mars/Base"], "not a known time zone");
        check(&["--fail-on", "smoke"], "is none of `firing`");
        check(&["--bad-rows", "skip=x"], "skip=5%");
    }

    #[test]
    fn lists_are_split() {
        let args = eval(&["--labels", "a,b", "--fail-on", "firing=critical,eval-error", "a.csv"]).expect("valid");
        assert_eq!(args.input.read.labels, ["a", "b"]);
        assert_eq!(args.gate.fail_on, [Condition::Firing(Some("critical".to_owned())), Condition::EvalError]);
        let args = eval(&["--align", "12s", "--stale", "90s", "--where", r#"{job="db"}"#]).expect("valid");
        assert_eq!(
            (args.time.align, args.time.sight.stale),
            (Some(Align::Offset(Millis(12_000))), Some(Stale::After(Millis(90_000))))
        );
        assert_eq!(args.select.choice.labels.filter.map(|filter| filter.matchers.len()), Some(1));
    }
}
