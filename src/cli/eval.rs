//! `alertctl eval`.

use std::io::{self, Read as _, Seek, Write};
use std::time::Instant;

use tempfile::SpooledTempFile;

use crate::diagnostic::{Diagnostics, Severity};
use crate::engine::timeline::{Episode, GroupSchedule, RuleCounts};
use crate::input::{InputError, Progress, ReadOptions, Recording};
use crate::labels::LabelSet;
use crate::report::diagnostic::{self, Look};
use crate::report::format::{Clock, counted};
use crate::report::ndjson::{self, NdjsonWriter};
use crate::report::summary::Summary;
use crate::report::table::{self, View};
use crate::report::{Evaluation, Finding, Kind, Options, Range, RuleFacts, Setting, csv, json};
use crate::rules::{self, RuleFile};
use crate::source::SourceMap;
use crate::store::{self, Batch, Rejected, Store};
use crate::time::{Millis, Timestamp};

use super::args::{Align, EvalArgs, Format, SortBy, Stale, Zone};
use super::out::{self, Output};
use super::ui::{self, Interrupt, Terminal, tell};
use super::{Failure, Outcome, facts, load};

/// Loads the rules, reads the recordings while the engine evaluates, writes the results.
pub(super) fn run(args: &EvalArgs) -> Result<Outcome, Failure> {
    let begun = Instant::now();
    let interrupt = Interrupt::listen();
    let terminal = Terminal::look(args.color);
    let outputs = out::outputs(&args.out, args.format)?;
    let Some(loaded) = load_rules(args, &terminal)? else { return Ok(Outcome::Failed) };
    let Some(mut evaluated) = evaluate(args, &loaded, &terminal, &interrupt)? else {
        tell(false, "stopped by Ctrl-C: nothing was reported");
        return Ok(Outcome::Interrupted);
    };
    let evaluation = evaluation(args, &loaded, &mut evaluated)?;
    let summary = Summary::of(&evaluation);
    let clock = Zone::clock(args.tz.as_ref());
    if !args.quiet {
        // What can not be said on standard error can be said nowhere.
        let _ = table::write_summary(&mut io::stderr(), &evaluation, begun.elapsed().as_secs_f64(), &clock);
    }
    for output in &outputs {
        let view = view(args, &terminal, output, clock.clone());
        out::write(output, &mut |out| match output.format {
            Format::Table => table::write(out, &evaluation, &summary, &view),
            Format::Json => json::write(out, &evaluation, &summary),
            Format::Csv => csv::write(out, &evaluation),
            Format::Ndjson => copy(&mut evaluated.events, out),
        })?;
    }
    finish(args, &evaluation, &summary)
}

/// The rules of a run and what was said about them.
struct Loaded {
    sources: SourceMap,
    files: Vec<RuleFile>,
    findings: Vec<Finding>,
}

/// Loads all rule files and tells all their problems; none when one is an error.
fn load_rules(args: &EvalArgs, terminal: &Terminal) -> Result<Option<Loaded>, Failure> {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let mut files = Vec::new();
    for text in load::rule_files(&args.rules)? {
        files.extend(rules::load(&mut sources, &text.name, &text.bytes, &mut diagnostics));
    }
    let found = diagnostics.sorted();
    let errors = diagnostics.has_errors();
    let look = Look { color: terminal.stderr_color, width: terminal.width.unwrap_or(100) };
    if errors || !args.quiet {
        let _ = diagnostic::write(&mut io::stderr(), &found, &sources, look);
    }
    if errors {
        let count = diagnostics.count(Severity::Error) as u64;
        tell(false, &format!("{} in the rules; nothing was evaluated", counted(count, "error")));
        return Ok(None);
    }
    let findings = found.iter().map(|diagnostic| Finding::new(diagnostic, &sources)).collect();
    Ok(Some(Loaded { sources, files, findings }))
}

/// What reading and evaluating brought.
struct Evaluated {
    store: Store,
    input: crate::input::Summary,
    conflicts: u64,
    range: Range,
    schedules: Vec<GroupSchedule>,
    counts: Vec<RuleCounts>,
    episodes: Vec<Episode>,
    /// The transitions as `ndjson`: nothing of it is shown before all rows are known to be good.
    events: SpooledTempFile,
}

/// What became of one pass over the recording.
enum Pass {
    Done(Box<Evaluated>),
    /// The recording is not in time order; it is held whole now.
    Again,
    Interrupted,
}

/// The most bytes of transitions that stay in memory.
const EVENTS_IN_MEMORY: usize = 8 << 20;

/// Reads the recordings and evaluates as far as each watermark allows; none when Ctrl-C was pressed.
fn evaluate(
    args: &EvalArgs,
    loaded: &Loaded,
    terminal: &Terminal,
    interrupt: &Interrupt,
) -> Result<Option<Box<Evaluated>>, Failure> {
    let paths: Vec<String> = args.recordings.iter().chain(&args.data).cloned().collect();
    if paths.is_empty() {
        return Err(
            Failure::new("no recording is named").hint("alertctl eval -r RULES night.csv, or - for standard input")
        );
    }
    let sources = load::recordings(&paths)?;
    let drawn = terminal.stderr && !args.quiet && !args.no_progress;
    let mut progress = ui::Progress::new(drawn, load::length(&sources).unwrap_or(0));
    let mut recording = Recording::open(sources, read_options(args)).map_err(|error| unread(&error))?;
    loop {
        let pass = pass(args, loaded, &paths, &mut recording, &mut progress, interrupt);
        progress.done();
        match pass? {
            Pass::Done(evaluated) => return Ok(Some(evaluated)),
            Pass::Interrupted => return Ok(None),
            Pass::Again => {}
        }
    }
}

fn pass(
    args: &EvalArgs,
    loaded: &Loaded,
    paths: &[String],
    recording: &mut Recording,
    progress: &mut ui::Progress,
    interrupt: &Interrupt,
) -> Result<Pass, Failure> {
    let mut store = Store::new(args.conflicts);
    store.infer(stale(args.stale.unwrap_or(Stale::Auto)));
    let mut events = SpooledTempFile::new(EVENTS_IN_MEMORY);
    let unspooled = |error: io::Error| Failure::new(format!("the transitions can not be kept: {error}"));
    NdjsonWriter::new(&mut events, paths, &rule_files(loaded), names(args, loaded)).map_err(unspooled)?;
    let mut batch = Batch::default();
    let mut conflicts = 0;
    loop {
        if interrupt.pressed() {
            return Ok(Pass::Interrupted);
        }
        match recording.next_batch(&mut store, &mut batch).map_err(|error| unread(&error))? {
            Progress::Restart => return Ok(Pass::Again),
            Progress::End => break,
            Progress::Batch(watermark) => {
                conflicts += append(recording, &mut store, &batch)?;
                store.advance(watermark);
                store.evict(watermark);
            }
        }
        progress.at(recording.bytes_read());
    }
    let input = recording.summary().clone();
    let (data_start, data_end) = input.span.unzip();
    Ok(Pass::Done(Box::new(Evaluated {
        range: Range { data_start, data_end, reported_from: args.start.or(data_start), ..Range::default() },
        schedules: facts::all_groups(&loaded.files).map(|(_, group)| schedule(args, group.interval)).collect(),
        counts: facts::all_groups(&loaded.files)
            .flat_map(|(_, group)| group.rules.iter().map(|_| RuleCounts::default()))
            .collect(),
        episodes: Vec::new(),
        store,
        input,
        conflicts,
        events,
    })))
}

/// Hands a batch to the store; returns how many conflicts were settled.
fn append(recording: &Recording, store: &mut Store, batch: &Batch) -> Result<u64, Failure> {
    match store.append(batch) {
        Ok(appended) => Ok(appended.conflicts),
        Err(Rejected::Conflict(_)) => Err(unread(&recording.conflict_error(store, store.refused()))),
        Err(Rejected::OutOfOrder { series, .. }) => {
            Err(Failure::new(format!("the samples of {} are not in time order", store.labels(series))))
        }
    }
}

fn schedule(args: &EvalArgs, interval: Option<Millis>) -> GroupSchedule {
    GroupSchedule {
        interval: interval.unwrap_or(args.eval_interval.unwrap_or(EVAL_INTERVAL)),
        interval_from_file: interval.is_some(),
        offset: Millis::ZERO,
        steps: 0,
    }
}

fn rule_files(loaded: &Loaded) -> Vec<String> {
    loaded.files.iter().map(|file| loaded.sources.file(file.file).name.clone()).collect()
}

/// Returns the names that transitions are written with, of the rules that are reported.
fn names(args: &EvalArgs, loaded: &Loaded) -> Vec<(crate::engine::timeline::RuleId, String, String)> {
    let groups: Vec<String> = facts::all_groups(&loaded.files).map(|(_, group)| group.name.text.clone()).collect();
    let mut rules = facts::declared(&loaded.files, &loaded.sources);
    rules.retain(|rule| reported(args, rule, &groups[rule.group]));
    ndjson::names(&rules, &groups)
}

/// Tells whether a rule is reported.
fn reported(args: &EvalArgs, rule: &RuleFacts, group: &str) -> bool {
    let alert = |wanted: &super::args::Pattern| rule.kind == Kind::Alert && wanted.regexp.is_match(&rule.name);
    args.alert.as_ref().is_none_or(alert) && args.group.as_ref().is_none_or(|wanted| wanted.regexp.is_match(group))
}

/// The interval of groups that give none.
///
/// Source: Prometheus' `global.evaluation_interval`.
const EVAL_INTERVAL: Millis = Millis(60_000);
/// How far back a selector looks.
///
/// Source: Prometheus' `--query.lookback-delta`.
const LOOKBACK_DELTA: Millis = Millis(300_000);
/// The gap under which firings are one burst.
const JOIN: Millis = Millis(300_000);

fn options(args: &EvalArgs) -> Options {
    let external = &args.external_label;
    let external = (!external.is_empty()).then(|| LabelSet::new(external.iter().map(|(name, value)| (name, value))));
    Options {
        eval_interval: Setting::of(args.eval_interval, EVAL_INTERVAL),
        align: Setting::of(args.align.map(|align| align.to_string()), Align::Epoch.to_string()),
        lookback_delta: Setting::of(args.lookback_delta, LOOKBACK_DELTA),
        stale: Setting::of(args.stale.map(|stale| stale.to_string()), Stale::Auto.to_string()),
        external_labels: Setting::of(external, LabelSet::empty()),
        join: Setting::of(args.join, JOIN),
        alert: args.alert.as_ref().map(|pattern| pattern.text.clone()),
        group: args.group.as_ref().map(|pattern| pattern.text.clone()),
        filter: args.filter.as_ref().map(|filter| filter.text.clone()),
        start: args.start,
        end: args.end,
    }
}

fn read_options(args: &EvalArgs) -> ReadOptions {
    ReadOptions {
        labels: args.labels.clone(),
        ignore_columns: args.ignore_columns.clone(),
        time_unit: args.time_unit,
        time_zone: args.input_timezone.as_ref().map(|zone| zone.zone.clone()),
        metric: args.metric.clone(),
        bad_rows: args.bad_rows,
        ..ReadOptions::default()
    }
}

fn stale(stale: Stale) -> store::Stale {
    match stale {
        Stale::Auto => store::Stale::Auto,
        Stale::Off => store::Stale::Off,
        Stale::After(span) => store::Stale::After(span),
    }
}

/// Gathers what is reported: the rules and episodes that were asked for.
fn evaluation(args: &EvalArgs, loaded: &Loaded, evaluated: &mut Evaluated) -> Result<Evaluation, Failure> {
    let counts = std::mem::take(&mut evaluated.counts);
    let groups = facts::groups(&loaded.files, &loaded.sources, std::mem::take(&mut evaluated.schedules));
    let mut rules = facts::rules(&loaded.files, &loaded.sources, counts, &evaluated.store);
    let all = rules.len();
    rules.retain(|rule| reported(args, rule, &groups[rule.group].name));
    if rules.is_empty() && all > 0 {
        return Err(Failure::new("no rule is asked for: --alert or --group matches none")
            .hint("names are matched whole: --alert 'Disk.*'"));
    }
    let start = args.start.unwrap_or(Timestamp::MIN);
    let wanted = |episode: &Episode| {
        rules.binary_search_by_key(&episode.rule, |rule| rule.id).is_ok()
            && episode.ended_at.is_none_or(|ended| ended >= start)
            && args
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matchers.iter().all(|one| one.matches_set(&episode.labels)))
    };
    let mut episodes = std::mem::take(&mut evaluated.episodes);
    episodes.retain(wanted);
    let mut evaluation = Evaluation {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        options: options(args),
        range: evaluated.range,
        recordings: facts::recordings(&evaluated.input, &evaluated.store, evaluated.conflicts),
        groups,
        rules,
        episodes,
        findings: loaded.findings.clone(),
        fail_on: args.fail_on.clone(),
    };
    evaluation.sort();
    Ok(evaluation)
}

fn view(args: &EvalArgs, terminal: &Terminal, output: &Output, clock: Clock) -> View {
    let shown = output.path.is_none();
    View {
        clock,
        width: terminal.width.filter(|_| shown),
        color: terminal.stdout_color && shown,
        sort: args.sort.map(|sort| match sort {
            SortBy::Time => table::Sort::Time,
            SortBy::Firing => table::Sort::Firing,
            SortBy::Count => table::Sort::Count,
            SortBy::Severity => table::Sort::Severity,
        }),
        limit: args.limit,
        episodes: args.episodes,
        pending: args.pending,
        unfolded: args.all,
    }
}

fn copy(events: &mut SpooledTempFile, out: &mut dyn Write) -> io::Result<()> {
    events.rewind()?;
    let mut piece = vec![0; 64 << 10];
    loop {
        match events.read(&mut piece)? {
            0 => return Ok(()),
            many => out.write_all(&piece[..many])?,
        }
    }
}

/// Says what a person must know beside the results, and decides the outcome.
fn finish(args: &EvalArgs, evaluation: &Evaluation, summary: &Summary) -> Result<Outcome, Failure> {
    for rule in evaluation.rules.iter().filter(|rule| rule.failed() > 0) {
        let Some(fault) = rule.counts.faults.first() else { continue };
        let failed = counted(rule.failed(), "evaluation");
        let place = format!("{}:{}", rule.file, rule.line);
        tell(
            args.quiet,
            &format!("warning: {place}: {}: {failed} failed, first at {}: {}", rule.name, fault.first, fault.message),
        );
    }
    if let Some(line) = table::gate_line(evaluation, summary) {
        tell(args.quiet, &line);
    }
    match summary.verdict.exit {
        0 => Ok(Outcome::Good),
        1 => Ok(Outcome::No),
        _ => Err(Failure::new("nothing was evaluated: no slot of any group lies within the recording")
            .hint("a shorter --eval-interval, or --align start")),
    }
}

fn unread(error: &InputError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::{Cli, Command};
    use super::*;

    fn args(flags: &[&str]) -> EvalArgs {
        let all = ["alertctl", "eval", "-r", "rules.yml"].iter().chain(flags);
        match Cli::parse_from(all).command {
            Some(Command::Eval(args)) => *args,
            None => panic!("eval was asked for"),
        }
    }

    #[test]
    fn a_setting_knows_where_it_comes_from() {
        let given = options(&args(&["--eval-interval", "15s", "--align", "12s", "--external-label", "cluster=ams"]));
        assert_eq!(given.eval_interval, Setting { value: Millis(15_000), from: crate::report::Origin::Flag });
        assert_eq!(given.align.value, "12s");
        assert_eq!(given.external_labels.value, LabelSet::new([("cluster", "ams")]));
        let silent = options(&args(&[]));
        assert_eq!(silent.lookback_delta, Setting { value: LOOKBACK_DELTA, from: crate::report::Origin::Default });
        assert_eq!((silent.align.value.as_str(), silent.stale.value.as_str()), ("epoch", "auto"));
    }
}
