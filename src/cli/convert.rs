//! `alertctl data --to`: a recording in another format, or a part of it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::diagnostic::nearest;
use crate::engine::{Engine, EngineOptions};
use crate::format::count;
use crate::input::{Batches, Summary};
use crate::labels::{LabelSet, METRIC_NAME, Matcher};
use crate::replay::{self, RunError};
use crate::report::recording::{Extract, Form};
use crate::rules::{Evaluate, Rule, RuleSet};
use crate::store::{Hidden, Reach, SeriesId, Store};
use crate::time::{Moment, Timestamp};

use super::args::DataArgs;
use super::claims::Claims;
use super::flags::convert::{Conversion, Selector};
use super::interrupt::Interrupt;
use super::rules::{found, refuse, without_rules};
use super::ui::{Terminal, say};
use super::watch::Watch;
use super::{Exit, Failure};
use super::{load, out};

/// The series that say whether a target could be scraped.
const UP: &str = "up";

/// Reads recordings and writes them, or what was asked for of them.
pub(super) fn run(args: &DataArgs, to: Conversion) -> Result<Exit, Failure> {
    let terminal = Terminal::look(args.console.color);
    let interrupt = Interrupt::listen(terminal.stderr);
    let convert = &args.convert;
    match out::file(&convert.out) {
        Some(path) => {
            check_plain(path)?;
            out::check_place(path)?;
        }
        None => out::check_stdout()?,
    }
    let claims = Claims::default().rules(&convert.only_for).recordings(args.input.all());
    claims.writes("--out", out::file(&convert.out)).check()?;
    let Some(rules) = rules(args, &terminal)? else { return Ok(Exit::Failed) };
    let read = &args.input.read;
    let sources = load::recordings(&args.input.paths("alertctl data --to csv night.om")?)?;
    let mut opened = read.open("data", sources, read.options()?)?;
    let mut watch = Watch::new(args.console, &terminal, opened.length, &interrupt);
    let loaded = replay::load_watched(&mut opened.recording, &mut || store(args, &rules), &mut watch);
    watch.done();
    let store = match loaded {
        Ok(loaded) => loaded.store,
        Err(RunError::Stopped) => {
            interrupt.say_stopped();
            return Ok(interrupt.exit());
        }
        Err(RunError::Rules(problems)) => {
            refuse(&problems, &rules.sources, &terminal);
            return Ok(Exit::Failed);
        }
        Err(error) => return Err(Failure::of(&error, error.hint())),
    };
    let (from, until) = (placed(args, &store, "--start", convert.start)?, placed(args, &store, "--end", convert.end)?);
    let kept = kept(args, &rules, &store);
    let (from, until) = (from.unwrap_or(Timestamp::MIN), until.unwrap_or(Timestamp::MAX));
    let extract = Extract::new(&store, |id| kept[id.0 as usize], from, until);
    let counts = extract.counts(Form::from(to));
    if counts.samples == 0 && counts.histograms > 0 {
        return Err(
            Failure::new("there are only native histograms, and this format has none").hint("--to jsonl keeps them")
        );
    }
    if counts.samples == 0 {
        return Err(nothing(args, &store, &kept));
    }
    let names = rules.file_names();
    let names: Vec<String> = names.into_iter().map(|name| beside(args, name)).collect();
    write(args, to, &extract, &names, opened.recording.summary())?;
    Ok(Exit::Good)
}

/// Returns the path of a rule file as a test file has it: promtool looks for it from the folder of the test.
fn beside(args: &DataArgs, name: String) -> String {
    let folder = out::file(&args.convert.out).and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    match folder.and_then(|_| std::fs::canonicalize(&name).ok()) {
        Some(path) => path.to_string_lossy().into_owned(),
        None => name,
    }
}

/// Refuses a name that promises a compressed file.
fn check_plain(path: &Path) -> Result<(), Failure> {
    let name = path.to_string_lossy();
    let tool = [(".gz", "gzip"), (".zst", "zstd"), (".bz2", "bzip2")].iter().find(|(end, _)| name.ends_with(end));
    tool.map_or(Ok(()), |(_, tool)| {
        Err(Failure::new(format!("--out `{name}`: what is written is not compressed"))
            .hint(format!("alertctl data RECORDING --to FORMAT | {tool} > {name}")))
    })
}

/// Loads the rules of `--only-for`; none when one has an error.
fn rules(args: &DataArgs, terminal: &Terminal) -> Result<Option<RuleSet>, Failure> {
    let mut rules = RuleSet { ignore_unknown_fields: true, ..RuleSet::default() };
    let paths = &args.convert.only_for;
    if paths.is_empty() {
        return Ok(Some(rules));
    }
    for text in found(paths)? {
        rules.add(&text.name, &text.bytes);
    }
    if rules.diagnostics.has_errors() {
        refuse(&rules.diagnostics, &rules.sources, terminal);
        return Ok(None);
    }
    if rules.is_empty() { Err(without_rules(paths)) } else { Ok(Some(rules)) }
}

/// Makes a store that keeps what may be written.
fn store(args: &DataArgs, rules: &RuleSet) -> Result<Store, RunError> {
    let mut store = Store::new(args.input.read.conflicts);
    let convert = &args.convert;
    if !convert.only_for.is_empty() {
        Engine::new(&rules.files, EngineOptions::default(), &mut store).map_err(RunError::Rules)?;
        select(&mut store, &[Matcher::equal(METRIC_NAME, UP)]);
    }
    if convert.only_for.is_empty() && !convert.matching.is_empty() {
        convert.matching.iter().for_each(|Selector { matchers, .. }| select(&mut store, matchers));
    } else if convert.only_for.is_empty() || by_rows(rules) {
        store.keep_all();
    }
    Ok(store)
}

fn select(store: &mut Store, matchers: &[Matcher]) {
    store.select(matchers, Reach::default(), &Hidden::default());
}

/// Returns whether rules are evaluated at the rows of label sets: then every sample of such a label set counts.
fn by_rows(rules: &RuleSet) -> bool {
    rules.groups().any(|(_, group)| group.evaluate == Evaluate::EveryRow)
}

/// Returns by series whether it is written.
fn kept(args: &DataArgs, rules: &RuleSet, store: &Store) -> Vec<bool> {
    let convert = &args.convert;
    let mut kept = vec![true; store.len()];
    if !convert.only_for.is_empty() {
        kept = read(rules, store);
    }
    if !convert.matching.is_empty() {
        let mut matched = vec![false; store.len()];
        for Selector { matchers, .. } in &convert.matching {
            mark(&mut matched, store, matchers);
        }
        kept.iter_mut().zip(matched).for_each(|(kept, matched)| *kept &= matched);
    }
    kept
}

/// Returns by series whether rules read it, or need it; none where they read none.
fn read(rules: &RuleSet, store: &Store) -> Vec<bool> {
    let all: Vec<&Rule> = rules.rules().map(|(_, rule)| rule).filter(|rule| rule.enabled).collect();
    let mut kept = vec![false; store.len()];
    for rule in &all {
        rule.expr.selectors().iter().for_each(|one| mark(&mut kept, store, &one.selector.matchers));
    }
    if all.iter().any(|rule| rule.asks_queries()) {
        // What a template asks for is known when it is expanded.
        return vec![true; store.len()];
    }
    if by_rows(rules) {
        let own = |id: SeriesId| store.labels(id).without_metric();
        let selected: BTreeSet<LabelSet> = store.ids().filter(|id| kept[id.0 as usize]).map(own).collect();
        store.ids().for_each(|id| kept[id.0 as usize] |= selected.contains(&own(id)));
    }
    if kept.contains(&true) {
        mark(&mut kept, store, &[Matcher::equal(METRIC_NAME, UP)]);
    }
    kept
}

/// Marks the series that matchers take.
fn mark(marked: &mut [bool], store: &Store, matchers: &[Matcher]) {
    store.matching(matchers, &Hidden::default()).into_iter().for_each(|id| marked[id.0 as usize] = true);
}

/// Returns the time that a flag names.
fn placed(args: &DataArgs, store: &Store, flag: &str, moment: Option<Moment>) -> Result<Option<Timestamp>, Failure> {
    let clock = args.zone.clock();
    let Some(moment) = moment.filter(|_| store.span().is_some()) else { return Ok(None) };
    clock.place(moment, store.span()).map(Some).map_err(|error| Failure::new(format!("{flag}: {error}")))
}

/// Says why nothing is written.
fn nothing(args: &DataArgs, store: &Store, kept: &[bool]) -> Failure {
    let convert = &args.convert;
    let Some((first, last)) = store.span() else { return Failure::new("the recording has no samples") };
    if kept.iter().any(|kept| *kept) {
        let clock = args.zone.clock();
        let range = format!("{} to {} {}", clock.full(first), clock.full(last), clock.name);
        return Failure::new("no sample lies between --start and --end")
            .hint(format!("the recording goes from {range}"));
    }
    let names: BTreeSet<&str> = store.ids().filter_map(|id| store.labels(id).get(METRIC_NAME)).collect();
    let texts: Vec<String> = convert.matching.iter().map(|one| format!("--match '{}'", one.text)).collect();
    match (convert.matching.first(), convert.only_for.is_empty()) {
        (Some(first), true) => {
            let failure = Failure::new(format!("no series matches {}", texts.join(" or ")));
            let metric =
                first.matchers.iter().find(|matcher| matcher.name == METRIC_NAME).map(|one| one.value.as_str());
            let near = metric.and_then(|metric| nearest(metric, names.iter().copied()).first().copied());
            match (metric, near) {
                (Some(metric), Some(near)) if !names.contains(metric) => failure.hint(format!("near: {near}")),
                _ => failure.hint("see what there is: alertctl data RECORDING"),
            }
        }
        (Some(_), false) => Failure::new(format!("no series that the rules read matches {}", texts.join(" or "))),
        (None, _) => Failure::new("the rules of --only-for read no series of the recording")
            .hint("see which metrics are missing: alertctl eval -r RULES RECORDING"),
    }
}

/// Writes the file, and says how much is in it and what could not be kept.
fn write(
    args: &DataArgs,
    to: Conversion,
    extract: &Extract<'_>,
    rules: &[String],
    summary: &Summary,
) -> Result<(), Failure> {
    let (convert, form) = (&args.convert, Form::from(to));
    if let Some(problem) = extract.csv_problem().filter(|_| form == Form::Csv) {
        return Err(Failure::of(&problem, Some("--to jsonl keeps it".to_owned())));
    }
    let grid = match form {
        Form::UnitTest => Some(extract.grid().map_err(|error| {
            Failure::of(&error, Some("cut a part that is regular, with --match, --start and --end".to_owned()))
        })?),
        _ => None,
    };
    out::write_to(out::file(&convert.out), &mut |out| match (form, &grid) {
        (Form::Csv, _) => extract.write_csv(out),
        (Form::Jsonl, _) => extract.write_jsonl(out),
        (Form::OpenMetrics, _) => extract.write_openmetrics(out),
        (Form::VictoriaMetrics, _) => extract.write_victoria(out),
        (Form::UnitTest, Some(grid)) => extract.write_unittest(grid, rules, out),
        (Form::UnitTest, None) => Ok(()),
    })?;
    let counts = extract.counts(form);
    let place = out::file(&convert.out).map_or(String::new(), |path| format!(" to `{}`", path.display()));
    let mut lines = vec![format!("wrote {} series, {}{place}", count(counts.series), many(counts.samples, "sample"))];
    if counts.histograms > 0 && !form.has_histograms() {
        let lost = many(counts.histograms, "native histogram");
        lines.push(format!("warning: left out {lost}: this format has none; --to jsonl keeps them"));
    }
    if counts.stale > 0 && !form.has_stale() {
        let lost = many(counts.stale, "stale marker");
        lines.push(format!("warning: left out {lost}: this format has none; --to vm keeps them"));
    }
    if let Some(grid) = grid.filter(|grid| grid.moved > 0) {
        lines.push(format!(
            "warning: moved {} of {} samples, by up to {}, to a value every {}",
            count(grid.moved),
            count(counts.samples),
            grid.furthest,
            grid.interval
        ));
    }
    if matches!(form, Form::Csv | Form::Jsonl) && extract.has_outer_blanks() {
        lines.push("note: labels have blanks at an end; read it with --keep-blanks".to_owned());
    }
    if summary.bad_rows > 0 {
        lines.push(format!("warning: left out {}", many(summary.bad_rows, "unreadable row")));
    }
    if summary.conflicts > 0 {
        lines.push(format!("warning: took one of two values for {} (--conflicts)", many(summary.conflicts, "sample")));
    }
    lines.iter().for_each(|line| say(args.console.quiet, line));
    Ok(())
}

/// Returns a count and what is counted.
fn many(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}
