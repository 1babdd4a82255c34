//! `alertctl diff`.

use std::io::{self, Write};

use crate::diagnostic::nearest;
use crate::diff::{self, DiffOptions, Difference};
use crate::engine;
use crate::format::Clock;
use crate::outcome::{Mismatch, RuleFacts, RunOptions};
use crate::replay::RunError;
use crate::report::diff::table::gate_line;
use crate::report::diff::{View, github, json, markdown, table};
use crate::report::notes;
use crate::rules::{self, RuleSet};
use crate::source::{FileKind, Files};
use crate::time::Millis;

use super::args::{DiffArgs, DiffFormat};
use super::claims::Claims;
use super::eval::READ_AHEAD_BYTES;
use super::git::{Committed, Git, folder_of};
use super::interrupt::Interrupt;
use super::load::{self, Disk};
use super::out::{self, Output};
use super::problems;
use super::rules::say_unread;
use super::span::{Span, Unread};
use super::ui::{Terminal, say};
use super::watch::Watch;
use super::{Exit, Failure, mistaken};

/// What to do where there is no git, or no repository.
const INSTEAD: &str = "compare two paths: alertctl diff OLD NEW night.csv";

/// What the command line names.
struct Named {
    /// The old rules; with `--base` the same paths as the new ones.
    old: Vec<String>,
    new: Vec<String>,
    recordings: Vec<String>,
}

impl Named {
    /// Tells rules from recordings by their places.
    fn of(args: &DiffArgs) -> Result<Self, Failure> {
        let mut words = args.paths.iter();
        let needed = if args.base.is_some() { 1 } else { 2 };
        if args.rules.len() > needed {
            let what = if needed == 1 { "the rules, once" } else { "the old rules and the new ones" };
            return Err(Failure::new(format!("-r is given {} times; it names {what}", args.rules.len()))
                .hint("quote a glob for several files: -r 'rules/*.yml'"));
        }
        let mut sides: Vec<String> =
            args.rules.iter().chain(words.by_ref().take(needed - args.rules.len())).cloned().collect();
        // One that is given as a flag is the new one: the old one stands first on the line.
        if args.rules.len() == 1 && sides.len() == 2 {
            sides.reverse();
        }
        let recordings: Vec<String> = words.chain(&args.data).cloned().collect();
        match (args.base.is_some(), sides.as_slice()) {
            (true, [rules]) => Ok(Self { old: vec![rules.clone()], new: vec![rules.clone()], recordings }),
            (false, [old, new]) => Ok(Self { old: vec![old.clone()], new: vec![new.clone()], recordings }),
            (true, _) => Err(Failure::new("missing rules").hint("alertctl diff --base main rules/ night.csv")),
            (false, [one]) => Err(Failure::new(format!("there is nothing to compare `{one}` with"))
                .hint(format!("alertctl diff OLD {one} night.csv, or alertctl diff --base main {one} night.csv"))),
            (false, _) => Err(Failure::new("missing rules").hint("alertctl diff OLD NEW night.csv")),
        }
    }
}

/// Both sets of rules, and what they are called.
struct Sides {
    old: RuleSet,
    new: RuleSet,
    names: (String, String),
    /// What the names of the files of each begin with.
    roots: [String; 2],
}

/// Loads both sets of rules, evaluates them while the recordings are read once, writes what differs.
pub(super) fn run(args: &DiffArgs) -> Result<Exit, Failure> {
    let terminal = Terminal::look(args.console.color);
    let interrupt = Interrupt::listen(terminal.stderr);
    let outputs = out::outputs(&args.out, args.format, DiffFormat::Table)?;
    let named = Named::of(args)?;
    let claims = Claims::default().rules(&named.old).rules(&named.new).recordings(&named.recordings);
    outputs.iter().fold(claims, |claims, output| claims.writes("--out", output.path.as_deref())).check()?;
    let clock = args.zone.clock();
    let Some(Sides { old, new, names, roots }) = both(args, &named, &terminal)? else { return Ok(Exit::Failed) };
    if named.recordings.is_empty() {
        let hint = match &args.base {
            Some(base) => format!("alertctl diff --base {base} {} night.csv, or - for standard input", named.new[0]),
            None => format!("alertctl diff {} {} night.csv, or - for standard input", named.old[0], named.new[0]),
        };
        return Err(Failure::new("missing input file").hint(hint));
    }
    let recordings = load::recordings(&named.recordings)?;
    let read = ("diff", &args.read, args.console);
    let (span, recordings) = match Span::of(args.time.is_relative(), recordings, read, &terminal, &interrupt) {
        Ok(found) => found,
        Err(Unread::Failed(failure)) => return Err(failure),
        Err(Unread::Run(error)) => return failed(&error, &interrupt),
    };
    let options = DiffOptions { roots, ..options(args, &clock, span)? };
    let mut opened = args.read.open("diff", recordings, args.read.options()?)?;
    if options.run.threads > 1 && opened.length >= READ_AHEAD_BYTES {
        opened.recording.read_ahead();
    }
    let mut watch = Watch::new(args.console, &terminal, opened.length, &interrupt);
    let compared = diff::run(&old, &new, &options, &mut opened.recording, &mut watch);
    watch.done();
    let difference = match compared {
        Ok(difference) => difference,
        Err(error) => return failed(&error, &interrupt),
    };
    severities(&difference)?;
    let view = |shown: bool| View {
        clock: clock.clone(),
        width: terminal.width.filter(|_| shown),
        color: terminal.stdout_color && shown,
        limit: args.limit,
        before: names.0.clone(),
        after: names.1.clone(),
    };
    if !args.console.quiet {
        let mut lines = Vec::new();
        // A vector takes all.
        let _ = table::write_summary(&mut lines, &difference, &view(false))
            .and_then(|()| notes::write(&mut lines, &difference.run, true))
            .and_then(|()| notes::write_rules(&mut lines, &anew(&difference)));
        say(false, String::from_utf8_lossy(&lines).trim_end());
        if difference.strangers {
            say(false, "warning: no rule of one side is one of the other: all were added or removed");
        }
    }
    for output in &outputs {
        let view = view(output.path.is_none());
        let written = out::write(output, &mut |out| write(&mut interrupt.watch(out), output, &difference, &view));
        if interrupt.pressed() {
            interrupt.say_stopped();
            return Ok(interrupt.exit());
        }
        written?;
    }
    out::wrote(&outputs).iter().for_each(|line| say(args.console.quiet, line));
    if let Some(nothing) = difference.nothing() {
        return Err(Failure::of(&nothing, nothing.hint().map(str::to_owned)));
    }
    let met = !difference.met().is_empty();
    if let Some(line) = gate_line(&difference) {
        // An exit code of 1 has its reason on standard error, whoever wants to hear nothing else.
        say(args.console.quiet && !met, &line);
    }
    Ok(if met { Exit::No } else { Exit::Good })
}

/// Returns the new rules that were evaluated beside the old ones.
fn anew(difference: &Difference) -> Vec<RuleFacts> {
    let all = difference.rules.iter().filter(|rule| rule.affected && rule.before.is_some());
    all.filter_map(|rule| Some(rule.after.as_ref()?.facts.clone())).collect()
}

/// Says why there is nothing to show.
fn failed(error: &RunError, interrupt: &Interrupt) -> Result<Exit, Failure> {
    if matches!(error, RunError::Stopped) {
        interrupt.say_stopped();
        return Ok(interrupt.exit());
    }
    let hint = match error {
        RunError::Asked(Mismatch::NoAlert { .. }) => {
            Some("ask for a label that the alerts have: -o json without --where lists them".to_owned())
        }
        error => error.hint(),
    };
    Err(Failure::of(error, hint))
}

/// Refuses a severity of the gate that no rule has: it could never be met.
fn severities(difference: &Difference) -> Result<(), Failure> {
    let have = difference.severities();
    // What a template makes of it is known of firings only.
    if have.iter().any(|severity| severity.contains("{{")) {
        return Ok(());
    }
    for (condition, severity) in difference.fail_on.iter().filter_map(|one| Some((one, one.severity()?))) {
        if have.contains(severity) {
            continue;
        }
        let near = nearest(severity, have.iter().copied());
        let names = have.iter().copied().collect::<Vec<_>>().join(", ");
        let failure = Failure::new(format!(
            "--fail-on {condition}: no selected rule has severity {severity}{}",
            if names.is_empty() { String::new() } else { format!("; they have {names}") }
        ));
        let word = condition.to_string().split('=').next().unwrap_or_default().to_owned();
        return Err(match near.first() {
            Some(near) => failure.hint(format!("--fail-on {word}={near}")),
            None => failure.hint(format!("--fail-on {word} for any severity")),
        });
    }
    Ok(())
}

fn options(args: &DiffArgs, clock: &Clock, span: Span) -> Result<DiffOptions, Failure> {
    let mut run = RunOptions {
        conflicts: args.read.conflicts,
        external_url: args.external.external_url.clone(),
        selection: args.choice.selection(),
        threads: args.jobs.threads(),
        end: span.place("--end", args.time.end, clock)?,
        ..RunOptions::default()
    };
    run.selection.start = span.place("--start", args.time.start, clock)?;
    run.eval_interval.set(args.time.eval_interval);
    run.align.set(args.time.align);
    args.time.sight.set(&mut run);
    run.external_labels.set(args.external.labels());
    Ok(DiffOptions {
        run,
        tolerance: args.tolerance.unwrap_or(Millis::ZERO),
        fail_on: args.fail_on.clone(),
        roots: Default::default(),
    })
}

/// Loads both sets of rules, and says what they are called; none where one has an error, which is shown.
fn both(args: &DiffArgs, named: &Named, terminal: &Terminal) -> Result<Option<Sides>, Failure> {
    let (old, new, names, roots);
    // What places in the old rules begin with: without it they would be taken for those of the files on the disk.
    let mut revision = String::new();
    if let Some(base) = &args.base {
        let git = Git::find(&folder_of(&named.new[0]), "--base", INSTEAD)?;
        let commit = git.merge_base(base)?;
        let short = commit.get(..10).unwrap_or(&commit);
        let files = git.files(&commit)?;
        revision = format!("{short}:");
        let path = &named.new[0];
        let is_there = |path: &String| rules::find_names(&files, std::slice::from_ref(path)).1.is_empty();
        let before = if is_there(path) { None } else { files.renamed_from(path, &commit) };
        // The same names on both sides, unless what they name was renamed.
        roots = before.as_ref().map_or_else(Default::default, |before| [root(&files, before), root(&Disk, path)]);
        if let Some(before) = &before {
            say(args.console.quiet, &format!("note: `{path}` was `{before}` at {base} ({short})"));
        }
        let before = before.unwrap_or_else(|| path.clone());
        names = (format!("{before} of {base} ({short})"), path.clone());
        (old, new) = of_both(args, &files, (&before, path), &format!("{base} ({short})"))?;
    } else {
        same(named)?;
        old = loaded(args, &Disk, &named.old)?;
        new = loaded(args, &Disk, &named.new)?;
        names = (named.old[0].clone(), named.new[0].clone());
        roots = [root(&Disk, &names.0), root(&Disk, &names.1)];
    }
    say_unread(&named.new, args.console.quiet);
    for (set, name) in [(&old, &names.0), (&new, &names.1)] {
        let mut diagnostics = set.diagnostics.clone();
        if !diagnostics.has_errors() {
            diagnostics.extend(engine::check(set));
        }
        if diagnostics.has_errors() {
            let is_old = args.base.is_some() && std::ptr::eq(set, &old);
            let sources = set.sources.clone();
            let sources = if is_old { sources.with_prefix(&revision) } else { sources };
            problems::show(&diagnostics, &sources, terminal);
            // The old ones of a revision are called what they are.
            let the = if is_old { "" } else { "the rules of " };
            say(false, &problems::count(&diagnostics, &format!("{the}{name}; nothing was evaluated")));
            return Ok(None);
        }
    }
    if !args.console.quiet {
        problems::show(&new.diagnostics, &new.sources, terminal);
    }
    if old.is_empty() && new.is_empty() {
        return Err(Failure::new(format!("no rules in {} and none in {}", names.0, names.1))
            .hint("`alertctl check` shows what is in rule files"));
    }
    Ok(Some(Sides { old, new, names, roots }))
}

/// Returns what the names of the files begin with that a path or a glob names.
fn root(files: &dyn Files, path: &str) -> String {
    match files.kind(path) {
        Some(FileKind::Folder) => format!("{}/", path.trim_end_matches('/')),
        Some(FileKind::File | FileKind::Other) => path.to_owned(),
        None => {
            let fixed = path.find(['*', '?', '[']).unwrap_or(path.len());
            path[..path[..fixed].rfind('/').map_or(0, |at| at + 1)].to_owned()
        }
    }
}

/// Refuses to compare something with itself.
fn same(named: &Named) -> Result<(), Failure> {
    let files = |paths: &[String]| -> Vec<String> {
        rules::find_names(&Disk, paths).0.iter().map(|name| Disk.identity(name)).collect()
    };
    let (old, new) = (files(&named.old), files(&named.new));
    if old.is_empty() || old != new {
        return Ok(());
    }
    let (old, new) = (&named.old[0], &named.new[0]);
    let names = if old == new { format!("`{old}`") } else { format!("`{old}` and `{new}`") };
    Err(Failure::new(format!("the old rules and the new ones are the same files: {names}"))
        .hint(format!("to compare with a commit: alertctl diff --base main {new} night.csv")))
}

/// Reads rules that must be there.
fn loaded(args: &DiffArgs, files: &dyn Files, paths: &[String]) -> Result<RuleSet, Failure> {
    let (texts, errors) = rules::find(files, paths);
    if let Some(error) = errors.into_iter().next() {
        return Err(error.into());
    }
    let mut set = args.keys.rules();
    set.add_all(texts.iter().map(|text| (text.name.as_str(), text.bytes.as_slice())));
    let line = |name: &str| format!("alertctl diff OLD NEW {name}, or alertctl diff --base main RULES {name}");
    if let Some(failure) = mistaken::not_loaded(&set, &texts, line) {
        return Err(failure);
    }
    set.check_unique();
    Ok(set)
}

/// Reads the rules of a commit and of the disk, of which each has its name; what only one of them has was added or removed.
fn of_both(
    args: &DiffArgs,
    commit: &Committed,
    (before, now): (&String, &String),
    base: &str,
) -> Result<(RuleSet, RuleSet), Failure> {
    let wrong =
        |files: &dyn Files, path: &String| rules::find_names(files, std::slice::from_ref(path)).1.into_iter().next();
    let is_old = wrong(commit, before).is_none();
    let wrong = wrong(&Disk, now);
    match wrong {
        // What is there and cannot be read was not removed.
        Some(error) if !is_old || matches!(Disk.kind(now), Some(FileKind::File | FileKind::Other)) => Err(error.into()),
        wrong => {
            // Whoever wants to hear nothing else must not take this for a comparison.
            if !is_old {
                say(false, &format!("warning: `{before}` does not exist at {base}: all its rules are new"));
            } else if wrong.is_some() {
                say(false, &format!("warning: `{now}` does not exist any more: all its rules are removed"));
            }
            let none = || args.keys.rules();
            let load = |files: &dyn Files, path: &String| loaded(args, files, std::slice::from_ref(path));
            let old = if is_old { load(commit, before)? } else { none() };
            let new = if wrong.is_none() { load(&Disk, now)? } else { none() };
            Ok((old, new))
        }
    }
}

/// Writes one output.
fn write(out: &mut dyn Write, output: &Output<DiffFormat>, difference: &Difference, view: &View) -> io::Result<()> {
    match output.format {
        DiffFormat::Table => table::write(out, difference, view),
        DiffFormat::Markdown => markdown::write(out, difference, view),
        DiffFormat::Github => github::write(out, difference, &out::root()),
        DiffFormat::Json => json::write(out, difference, view),
    }
}
