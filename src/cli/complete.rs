//! Completion: what a shell asks for at each TAB, and the scripts that ask.
//!
//! The script of a shell runs `ALERTCTL_COMPLETE=bash alertctl -- WORDS`, and the answer is made here, from the same
//! command line that is parsed, from the files that are there and from the rules that `-r` names so far.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, Command, CommandFactory, ValueEnum};
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell};

use crate::input::{Format as InputFormat, TimeUnit};
use crate::rules::{self, RuleKind, RuleSet};

use super::args::{Cli, DiffFormat, ExplainFormat};
use super::flags::Format;
use super::flags::output::OutFormat;
use super::load::Disk;
use super::profile::args::ProfileFormat;
use super::query::args::QueryFormat;
use super::{Exit, Failure};

/// What a script sets to the name of its shell.
const VARIABLE: &str = "ALERTCTL_COMPLETE";
/// Severities that are offered, besides those of the rules.
const SEVERITIES: [&str; 3] = ["critical", "info", "warning"];

/// The script of bash, which knows more than the generic one: it undoes bash's splitting of words at `=` and `:`, quotes
/// what it inserts, and leaves flags out until a `-` is typed.
const BASH: &str = include_str!("complete.bash");

/// Answers a shell; nothing where no shell asks.
pub(super) fn answer() -> Option<Result<Exit, Failure>> {
    let shell = std::env::var_os(VARIABLE)?;
    Shells::builtins().completer(&shell.to_string_lossy())?;
    let words: Vec<OsString> = std::env::args_os().collect();
    let asked = words.iter().position(|word| word == "--").map_or(&[][..], |at| &words[at + 1..]);
    let line = Line { rules: rule_paths(asked), fresh: current(asked).is_none_or(|word| word.is_empty()) };
    let completed = CompleteEnv::with_factory(|| command(&line)).var(VARIABLE).bin("alertctl").completer("alertctl");
    let done = completed.try_complete(words.iter(), std::env::current_dir().ok().as_deref());
    Some(match done {
        Ok(_) => Ok(Exit::Good),
        Err(error) => Err(Failure::new(format!("cannot complete: {error}"))),
    })
}

/// Returns the script that a shell reads once.
pub(super) fn script(shell: Shell) -> Result<Vec<u8>, Failure> {
    let name = shell.to_string();
    if shell == Shell::Bash {
        return Ok(BASH.replace("VARIABLE", VARIABLE).into_bytes());
    }
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let known = shells.completer(&name).ok_or_else(|| Failure::new(format!("there is no script for {name}")))?;
    let written = known.write_registration(VARIABLE, "alertctl", "alertctl", "alertctl", &mut script);
    written.map_err(|error| Failure::new(error.to_string()))?;
    if shell == Shell::Zsh {
        // In a folder of `fpath` the script is the body of `_alertctl`, which zsh calls at the first TAB already.
        script.extend(b"if [[ ${funcstack[1]} == _alertctl ]]; then _clap_dynamic_completer_alertctl; fi\n");
    }
    Ok(script)
}

/// What is on the command line that is being completed.
#[derive(Clone)]
struct Line {
    /// What `-r` names.
    rules: Vec<String>,
    /// Whether nothing is typed of the current word.
    fresh: bool,
}

/// Returns the word at the cursor, if the shell says where that is; the last one otherwise.
fn current(words: &[OsString]) -> Option<&OsString> {
    let at = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|at| at.parse::<usize>().ok());
    words.get(at.unwrap_or(words.len().saturating_sub(1)))
}

/// Returns the paths after `-r` and `--rules`.
fn rule_paths(words: &[OsString]) -> Vec<String> {
    let mut paths = Vec::new();
    let mut words = words.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        let joined = word.strip_prefix("--rules=").or_else(|| word.strip_prefix("-r").filter(|path| !path.is_empty()));
        match (&*word, joined) {
            ("-r" | "--rules", _) => paths.extend(words.next().map(|path| path.into_owned())),
            (_, Some(path)) => paths.push(path.to_owned()),
            _ => {}
        }
    }
    paths
}

/// Loads the rules, as far as they can be read.
fn load(paths: &[String]) -> RuleSet {
    let mut loaded = RuleSet { ignore_unknown_fields: true, ..RuleSet::default() };
    let (texts, _) = rules::find(&Disk, paths);
    texts.iter().for_each(|text| loaded.add_partly(&text.name, &text.bytes));
    loaded
}

/// Returns the command line with what each value can be.
fn command(line: &Line) -> Command {
    let whole = Cli::command().mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        command.mut_args(|arg| completed(&name, arg, line))
    });
    // `help` takes a command, and nothing else.
    whole.mut_args(|arg| arg.hide(line.fresh))
}

/// Adds to a flag what its value can be. Where nothing is typed, values are offered and flags are not: there are many.
fn completed(command: &str, arg: Arg, line: &Line) -> Arg {
    let fresh = line.fresh && !arg.is_positional();
    let arg = if fresh { arg.hide(true) } else { arg };
    let files = || ArgValueCompleter::new(PathCompleter::any().filter(Path::is_file));
    let rules = || ArgValueCompleter::new(PathCompleter::any().filter(is_yaml));
    match arg.get_id().as_str() {
        "rules" | "flagged" | "inputs" | "against_rules" | "only_for" => arg.add(rules()),
        "silences" | "expr_file" => arg.add(files()),
        "paths" => arg.add(ArgValueCompleter::new(PathCompleter::any().stdio())),
        "recordings" | "data" => arg.add(ArgValueCompleter::new(PathCompleter::any().filter(Path::is_file).stdio())),
        "baseline" | "save_baseline" | "folded" | "against_binary" => arg.add(files()),
        "targets" => arg.add(ArgValueCompleter::new(Mixed { words: vec!["report".to_owned()], prefixes: false })),
        "folder" => arg.add(ArgValueCompleter::new(PathCompleter::dir())),
        "out" if command == "profile" => arg.add(ArgValueCompleter::new(Mixed::formats::<ProfileFormat>())),
        "out" if command == "explain" => arg.add(ArgValueCompleter::new(Mixed::formats::<ExplainFormat>())),
        "out" if command == "query" => arg.add(ArgValueCompleter::new(Mixed::formats::<QueryFormat>())),
        "out" if command == "diff" => arg.add(ArgValueCompleter::new(Mixed::formats::<DiffFormat>())),
        "out" => arg.add(ArgValueCompleter::new(Mixed::formats::<Format>())),
        "alert" | "group" => {
            let (alerts, line) = (arg.get_id() == "alert", line.clone());
            arg.add(ArgValueCandidates::new(move || names(&load(&line.rules), alerts)))
        }
        "severity" => arg.add(words(&SEVERITIES)),
        "fail_on" if command == "profile" => arg.add(listed(&["regression", "target", "inconclusive"])),
        "fail_on" if command == "eval" => {
            let line = line.clone();
            arg.add(ArgValueCandidates::new(move || conditions(&load(&line.rules))))
        }
        "fail_on" if command == "diff" => arg.add(listed(&["new-firing", "lost-firing", "change"])),
        "at" => arg.add(words(&["last", "first firing", "last firing"])),
        "align" => arg.add(words(&["epoch", "start"])),
        "stale" => arg.add(words(&["auto", "off"])),
        "bad_rows" => arg.add(words(&["stop", "skip", "skip=5%"])),
        "conflicts" => arg.add(words(&["refuse", "first", "last"])),
        "input_format" => arg.add(words(&InputFormat::ALL.map(InputFormat::word))),
        "time_unit" => arg.add(words(&TimeUnit::ALL.map(TimeUnit::word))),
        "eval_interval" | "lookback_delta" | "hold" | "join" | "step" | "time_budget" | "tolerance" => {
            arg.add(words(&["15s", "30s", "1m", "5m", "10m"]))
        }
        "tz" | "input_timezone" => arg.add(ArgValueCandidates::new(zones)),
        _ => arg,
    }
}

fn is_yaml(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml")
}

fn candidates<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> Vec<CompletionCandidate> {
    words.into_iter().map(|word| CompletionCandidate::new(word.as_ref())).collect()
}

/// Offers fixed words.
fn words(words: &[&'static str]) -> ArgValueCandidates {
    let words: Vec<&'static str> = words.to_vec();
    ArgValueCandidates::new(move || candidates(&words))
}

/// Offers fixed words, also after others and a comma, where clap sees one value.
fn listed(words: &'static [&'static str]) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        let current = current.to_string_lossy();
        let (before, last) = current.rsplit_once(',').map_or(("", &*current), |(before, last)| (before, last));
        let comma = if before.is_empty() { "" } else { "," };
        let said = |word: &&&str| before.split(',').any(|other| other == **word);
        let open = words.iter().filter(|word| word.starts_with(last) && !said(word));
        candidates(open.map(|word| format!("{before}{comma}{word}")))
    })
}

/// Returns the names of alerts, or of groups.
fn names(rules: &RuleSet, alerts: bool) -> Vec<CompletionCandidate> {
    let mut names: Vec<&str> = match alerts {
        true => {
            let alerts = rules.rules().filter(|(_, rule)| matches!(rule.kind, RuleKind::Alert { .. }));
            alerts.map(|(_, rule)| rule.name.text.as_str()).collect()
        }
        false => rules.groups().map(|(_, group)| group.name.text.as_str()).collect(),
    };
    names.sort_unstable();
    names.dedup();
    candidates(names)
}

/// Returns what `--fail-on` takes. Not `firings>N`: a shell would take it for a redirection.
fn conditions(rules: &RuleSet) -> Vec<CompletionCandidate> {
    let labels = rules.rules().flat_map(|(_, rule)| &rule.labels);
    let severities = labels.filter(|(name, value)| name == "severity" && value.is_literal());
    let mut severities: Vec<&str> = severities.map(|(_, value)| value.text()).collect();
    if severities.is_empty() {
        severities.extend(SEVERITIES);
    }
    severities.sort_unstable();
    severities.dedup();
    let with = severities.into_iter().map(|severity| format!("firing={severity}"));
    let words = ["firing".to_owned()].into_iter().chain(with).chain(["no-data", "eval-error"].map(str::to_owned));
    candidates(words)
}

fn zones() -> Vec<CompletionCandidate> {
    let known = jiff::tz::db().available().map(|zone| zone.to_string());
    candidates(["UTC".to_owned(), "local".to_owned()].into_iter().chain(known))
}

/// Offers words next to paths; as prefixes of a path, they stay in front of it.
struct Mixed {
    words: Vec<String>,
    prefixes: bool,
}

impl Mixed {
    fn formats<F: OutFormat>() -> Self {
        let names = F::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        Self { words: names.map(|value| value.get_name().to_owned()).collect(), prefixes: true }
    }
}

impl ValueCompleter for Mixed {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let text = current.to_string_lossy();
        let paths = PathCompleter::any().filter(Path::is_file);
        let named = text.split_once(':').filter(|(word, _)| self.prefixes && self.words.iter().any(|one| one == word));
        if let Some((word, path)) = named {
            let found = paths.complete(OsStr::new(path)).into_iter();
            return found.map(|candidate| candidate.add_prefix(format!("{word}:"))).collect();
        }
        let colon = if self.prefixes { ":" } else { "" };
        let fits = self.words.iter().filter(|word| word.starts_with(&*text));
        let mut found = candidates(fits.map(|word| format!("{word}{colon}")));
        found.extend(paths.complete(current));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_on_the_line() {
        let check = |line: &str, expected: &[&str]| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(rule_paths(&words), expected, "{line}");
        };
        check(
            "alertctl eval -r a.yml --rules b.yml --rules=c.yml -rd.yml x.csv",
            &["a.yml", "b.yml", "c.yml", "d.yml"],
        );
        check("alertctl eval x.csv -r", &[]);
    }

    #[test]
    fn every_shell_has_a_script() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell).expect("a script")).expect("text");
            assert!(script.contains(VARIABLE) && script.contains("alertctl"), "{shell}: {script}");
        }
    }
}
