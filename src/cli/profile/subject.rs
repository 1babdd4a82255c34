//! What is measured: rules, recordings, programs, and how they are named.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::diagnostic::Diagnostics;
use crate::engine::EngineOptions;
use crate::input::{BadRows, Form, ReadOptions};
use crate::profile::campaign::{Loaded, Side};
use crate::profile::digest::sha256;
use crate::profile::protocol::{self, Hello, Reading, RuleSource};
use crate::profile::sample::{Inputs, RuleText, Tool};
use crate::rules::find_names;
use crate::source::Files;
use crate::store::Conflicts;

use super::super::flags::KeyArgs;
use super::super::flags::input::ReadArgs;
use super::super::flags::report::zone;
use super::super::load::Disk;
use super::super::problems::show;
use super::super::rules::{found, refuse};
use super::super::ui::{Terminal, say};
use super::super::{Failure, load, mistaken};
use super::accept;
use super::args::ProfileArgs;

/// Bytes that are digested at once.
const CHUNK: usize = 8 << 20;

/// Rules as they were named, and their texts.
#[derive(Clone, Debug)]
pub(super) struct Ruleset {
    /// As they are paired: relative to what was named.
    pub(super) names: Vec<String>,
    pub(super) texts: Vec<RuleSource>,
    /// Whether there is no rule in them.
    pub(super) is_empty: bool,
    /// The rules by name, and what their files accept.
    pub(super) side: accept::Side,
}

impl Default for Ruleset {
    fn default() -> Self {
        Self { names: Vec::new(), texts: Vec::new(), is_empty: true, side: accept::Side::default() }
    }
}

/// Reads rules and tells all problems; none when one is an error.
pub(super) fn ruleset(
    paths: &[String],
    keys: &KeyArgs,
    terminal: &Terminal,
    quiet: bool,
) -> Result<Option<Ruleset>, Failure> {
    let Some(rules) = loaded(paths, keys, terminal, quiet, true)? else { return Ok(None) };
    if rules.is_empty {
        return Err(Failure::new(format!("no rule in `{}`", paths.join("`, `"))));
    }
    Ok(Some(rules))
}

/// Reads the rules that others are compared with, like [`ruleset`]. Those of files that are not there are new, which
/// is no error but said once.
pub(super) fn base_ruleset(
    paths: &[String],
    keys: &KeyArgs,
    terminal: &Terminal,
    quiet: bool,
) -> Result<Option<Ruleset>, Failure> {
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for path in paths {
        match missing_rules(path) {
            Some(why) => missing.push(why),
            None => there.push(path.clone()),
        }
    }
    let rules = if there.is_empty() { Some(Ruleset::default()) } else { loaded(&there, keys, terminal, true, false)? };
    if rules.as_ref().is_some_and(|rules| rules.is_empty) {
        missing.extend(there.iter().map(|path| format!("no rule in `{path}`")));
    }
    if !missing.is_empty() {
        say(quiet, &format!("warning: --against-rules: {}: all rules that it would hold are new", missing.join(", ")));
    }
    Ok(rules)
}

/// Says why a path names no rule file at all, if so; what is there and cannot be read is no such case.
fn missing_rules(path: &str) -> Option<String> {
    match fs::metadata(path) {
        Ok(facts) if facts.is_dir() => {
            let is_listed = Disk.list(path).is_ok();
            let is_empty = is_listed && find_names(&Disk, &[path.to_owned()]).0.is_empty();
            is_empty.then(|| format!("no rule file in `{path}`"))
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            let is_glob = path.contains(['*', '?', '[']);
            let matches_some = is_glob && Disk.matching(path).map_or(true, |names| !names.is_empty());
            (!matches_some)
                .then(|| if is_glob { format!("`{path}` matches no file") } else { format!("no such file: `{path}`") })
        }
        _ => None,
    }
}

/// Reads rules and tells all problems, for one side; none when one is an error. What is wrong with comments that accept
/// something is told of those that are gated.
fn loaded(
    paths: &[String],
    keys: &KeyArgs,
    terminal: &Terminal,
    quiet: bool,
    gated: bool,
) -> Result<Option<Ruleset>, Failure> {
    let mut rules = keys.rules();
    let (mut names, mut texts) = (Vec::new(), Vec::new());
    let found = found(paths)?;
    found.iter().for_each(|text| rules.add(&text.name, &text.bytes));
    let line = |name: &str| mistaken::with_rules("profile", name, &[]);
    if let Some(failure) = mistaken::not_loaded(&rules, &found, line) {
        return Err(failure);
    }
    for text in found {
        names.push(relative(&text.name, paths));
        texts.push(RuleSource { text: String::from_utf8_lossy(&text.bytes).into_owned(), name: text.name });
    }
    let mut wrong = Diagnostics::default();
    let side = accept::Side::of(&rules, &mut wrong);
    if gated {
        rules.diagnostics.extend(wrong);
    }
    if rules.diagnostics.has_errors() {
        refuse(&rules.diagnostics, &rules.sources, terminal);
        if !gated {
            say(false, "these are the rules of --against-rules, the base of the comparison");
        }
        return Ok(None);
    }
    if !quiet {
        show(&rules.diagnostics, &rules.sources, terminal);
    }
    Ok(Some(Ruleset { names, texts, is_empty: rules.is_empty(), side }))
}

/// Returns a file's path within the folder that named it, or its name alone.
fn relative(name: &str, paths: &[String]) -> String {
    let path = Path::new(name);
    let within = paths.iter().filter_map(|folder| path.strip_prefix(folder).ok()).map(Path::to_path_buf);
    let mut within = within;
    let within = within.find(|path| !path.as_os_str().is_empty());
    let alone = || path.file_name().map_or_else(|| name.to_owned(), |name| name.to_string_lossy().into_owned());
    within.map_or_else(alone, |path| path.to_string_lossy().into_owned())
}

/// Returns the recordings' paths.
pub(super) fn recordings(args: &ProfileArgs) -> Result<Vec<String>, Failure> {
    let paths: Vec<String> = args.input.recordings.iter().chain(&args.input.data).cloned().collect();
    match (args.rules.is_empty(), paths.is_empty()) {
        (true, false) => {
            return Err(
                Failure::new("missing rules to profile on the recording").hint("alertctl profile -r RULES week.csv")
            );
        }
        (false, true) => {
            return Err(
                Failure::new("missing recording to profile the rules on").hint("alertctl profile -r RULES week.csv")
            );
        }
        _ => {}
    }
    if paths.iter().any(|path| path == "-") {
        return Err(Failure::new("cannot profile standard input: every process reads the recording again")
            .hint("save it to a file first"));
    }
    let sources = load::recordings(&paths)?;
    let names = sources.iter().map(|source| source.name().to_owned()).collect();
    // What is no recording is refused here, before processes are started for it.
    args.input.read.open("profile", sources, args.input.read.options()?)?;
    Ok(names)
}

/// Returns what workers load.
pub(super) fn inputs(args: &ProfileArgs, rules: &Ruleset, recordings: &[String]) -> Result<protocol::Inputs, Failure> {
    let usual = EngineOptions::default();
    Ok(protocol::Inputs {
        rules: rules.texts.clone(),
        ignore_unknown_fields: args.keys.ignore_unknown_fields,
        recordings: recordings.to_vec(),
        recording_bytes: recordings.iter().filter_map(|path| fs::metadata(path).ok()).map(|file| file.len()).sum(),
        reading: reading(&args.input.read)?,
        interval: args.eval_interval.unwrap_or(usual.interval).0,
        lookback: args.lookback_delta.unwrap_or(usual.lookback).0,
    })
}

/// Returns what the flags say of how recordings are read.
fn reading(args: &ReadArgs) -> Result<Reading, Failure> {
    let options = args.options()?;
    Ok(Reading {
        form: if options.form == Form::default() { String::new() } else { options.form.to_yaml() },
        chosen: options.chosen.as_ref().map(Form::to_yaml),
        bad_rows: (args.bad_rows != BadRows::default()).then(|| args.bad_rows.to_string()),
        conflicts: (args.conflicts != Conflicts::default()).then(|| args.conflicts.to_string()),
        input_timezone: args.input_timezone.as_ref().map(|zone| zone.name.clone()),
    })
}

/// Returns how a worker reads recordings, which says the same as the flags of its parent.
pub(super) fn read_options(inputs: &protocol::Inputs) -> Result<(ReadOptions, Conflicts), String> {
    fn parsed<T: FromStr<Err = String>>(text: Option<&String>) -> Result<Option<T>, String> {
        text.map(|text| text.parse()).transpose()
    }
    let said = &inputs.reading;
    let options = ReadOptions {
        form: if said.form.is_empty() { Form::default() } else { Form::from_yaml(&said.form)? },
        chosen: said.chosen.as_deref().map(Form::from_yaml).transpose()?,
        time_zone: said.input_timezone.as_deref().map(zone).transpose()?.map(|zone| zone.zone),
        bad_rows: parsed(said.bad_rows.as_ref())?.unwrap_or_default(),
        ..ReadOptions::default()
    };
    Ok((options, parsed(said.conflicts.as_ref())?.unwrap_or_default()))
}

/// Describes what was measured, for comparison.
pub(super) fn describe(rules: Option<&Ruleset>, data_sha256: &str, loaded: &Loaded) -> Inputs {
    let texts = match rules {
        Some(rules) => {
            rules.names.iter().zip(&rules.texts).map(|(name, text)| format!("{name}\n{}\n", text.text)).collect()
        }
        None => crate::profile::workload::RULES.1.to_owned(),
    };
    Inputs {
        rules_sha256: sha256(texts.as_bytes()),
        rules: loaded.rules.len() as u64,
        data_sha256: data_sha256.to_owned(),
        series: loaded.series,
        samples: loaded.samples,
        span_ms: loaded.span_ms,
        ..Inputs::default()
    }
}

/// Returns the digest of recordings and of how they are read. Cost: reads all of them.
pub(super) fn data_sha256(recordings: &[String], inputs: Option<&protocol::Inputs>) -> Result<String, Failure> {
    let mut digests = String::new();
    for path in recordings {
        digests.push_str(&digest(Path::new(path))?);
    }
    // A recording that is read or evaluated in another way is another one.
    digests.push_str(&inputs.map_or_else(String::new, protocol::Inputs::unusual));
    Ok(sha256(digests.as_bytes()))
}

/// Returns the digest of a file's pieces.
fn digest(path: &Path) -> Result<String, Failure> {
    let unreadable = |error| Failure::new(format!("cannot read `{}`: {error}", path.display()));
    let mut file = fs::File::open(path).map_err(unreadable)?;
    let mut digests = String::new();
    loop {
        let mut piece = Vec::new();
        let read = file.by_ref().take(CHUNK as u64).read_to_end(&mut piece).map_err(unreadable)?;
        digests.push_str(&sha256(&piece));
        if read < CHUNK {
            return Ok(sha256(digests.as_bytes()));
        }
    }
}

/// Names the rules as a report does.
pub(super) fn rule_texts(rules: Option<&Ruleset>, loaded: &Loaded) -> Vec<RuleText> {
    let Some(rules) = rules else { return Vec::new() };
    let text = |rule: &protocol::LoadedRule| RuleText {
        file: rules.names.get(rule.file).cloned().unwrap_or_default(),
        path: rules.texts.get(rule.file).map(|text| text.name.clone()).unwrap_or_default(),
        group: rule.group.clone(),
        name: rule.name.clone(),
        records: rule.records,
        labels: rule.labels.clone(),
        expr: rule.expr.clone(),
        every: rule.every.clone(),
        interval_ms: rule.interval_ms,
        terms: rule.terms.clone(),
        reach_ms: rule.reach_ms,
        enabled: rule.enabled,
        line: rule.line,
        ..RuleText::default()
    };
    loaded.rules.iter().map(text).collect()
}

/// Describes a program, from what it says of itself.
pub(super) fn tool(side: &Side, hello: &Hello) -> Result<Tool, Failure> {
    let build = hello.build.clone();
    let known = |text: String| if text.is_empty() { "unknown".to_owned() } else { text };
    let kind = if hello.optimised { "release" } else { "debug" };
    Ok(Tool {
        version: hello.version.clone(),
        git: build.git,
        binary_sha256: digest(&side.exe)?,
        rustc: known(build.rustc),
        opt: if build.opt.is_empty() { kind.to_owned() } else { format!("{kind}, {}", build.opt) },
        features: build.features,
        ..Tool::default()
    })
}

/// Returns this program's path.
pub(super) fn own_exe() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot find the program of alertctl itself: {error}")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::super::args::{Cli, Command};
    use super::*;

    #[test]
    fn a_worker_reads_as_the_flags_say() {
        let flags = "--input-format csv_long --labels port --ignore-columns x,y --metric m --null N/A --null - \
                     --bad-rows skip=5% --conflicts last --time-unit ms --input-timezone Europe/Amsterdam";
        let all = ["alertctl", "profile", "-r", "rules.yml", "a.csv"].into_iter().chain(flags.split_whitespace());
        let Some(Command::Profile(args)) = Cli::try_parse_from(all).expect("valid").command else {
            panic!("profile was asked for")
        };
        let rules = Ruleset::default();
        let sent = serde_json::to_string(&inputs(&args, &rules, &[]).expect("flags")).expect("JSON");
        let (read, conflicts) = read_options(&serde_json::from_str(&sent).expect("what was sent")).expect("flags");
        assert_eq!(format!("{read:?}"), format!("{:?}", args.input.read.options().expect("flags")));
        assert_eq!((conflicts, args.input.read.conflicts), (Conflicts::Last, Conflicts::Last));
        // A baseline that was read in another way is another one.
        assert!(inputs(&args, &rules, &[]).expect("flags").unusual().contains("Europe/Amsterdam"));
        assert_eq!(
            protocol::Inputs { interval: 60_000, lookback: 300_000, ..protocol::Inputs::default() }.unusual(),
            ""
        );
    }

    #[test]
    fn files_are_paired_by_their_path_below_what_was_named() {
        let check = |name: &str, path: &str, expected: &str| {
            assert_eq!(relative(name, &[path.to_owned()]), expected, "{name}");
        };
        check("rules/node.yml", "rules", "node.yml");
        check("rules.old/node.yml", "rules.old/", "node.yml");
        check("rules/node.yml", "rules/node.yml", "node.yml");
        check("rules/a/node.yml", "rules/**/*.yml", "node.yml");
    }
}
