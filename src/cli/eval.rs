//! `alertctl eval`.

use std::io::{self, Read as _, Seek, Write};
use std::time::Instant;

use clap::Parser;
use tempfile::SpooledTempFile;

use crate::diagnostic::Severity;
use crate::engine::schedule::{self, TooManySteps};
use crate::engine::timeline::{Episode, Event, GroupSchedule, RuleCounts, RuleId, Timeline};
use crate::engine::{Engine, EngineOptions};
use crate::input::{self, InputError, Progress, Recording};
use crate::labels::{LabelSet, Matcher};
use crate::report::expressions;
use crate::report::format::Clock;
use crate::report::ndjson::{self, NdjsonWriter};
use crate::report::summary::Summary;
use crate::report::table::{self, View};
use crate::report::{Evaluation, Kind, Options, Range, RuleFacts, Setting, csv, json, markdown, timeline};
use crate::store::{self, Batch, Store};
use crate::time::{Millis, Timestamp};

use super::args::{Align, Cli, Command, EvalArgs, Format, Rows, SortBy, Stale, Zone};
use super::out::{self, Output};
use super::rules::{Loaded, load_all, refuse};
use super::ui::{self, Interrupt, Terminal, tell};
use super::{Failure, Outcome, facts, hints, load, notes};

/// Loads the rules, reads the recordings while the engine evaluates, writes the results.
pub(super) fn run(args: &EvalArgs) -> Result<Outcome, Failure> {
    let begun = Instant::now();
    if let Some(jobs) = args.jobs {
        // The first call counts; a pool that was built before stays.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(usize::from(jobs)).build_global();
    }
    let terminal = Terminal::look(args.console.color);
    let interrupt = Interrupt::listen(terminal.stderr);
    let outputs = out::outputs(&args.out, args.format)?;
    let silences = args.silenced.all()?;
    let quick = &args.quick;
    let loaded = load_all(&args.rules, &quick.expr, &quick.common()?, args.console.quiet, &terminal)?;
    let Some(loaded) = loaded else { return Ok(Outcome::Failed) };
    if args.show_expr {
        for output in &outputs {
            out::write(output, &mut |out| expressions::write(out, &loaded.files, &loaded.sources))?;
        }
        return Ok(Outcome::Good);
    }
    let evaluated = match evaluate(args, &loaded, &terminal, &interrupt)? {
        Pass::Done(evaluated) => evaluated,
        Pass::Interrupted => {
            interrupt.tell();
            return Ok(Outcome::Interrupted);
        }
        Pass::Refused | Pass::Again => return Ok(Outcome::Failed),
    };
    let Evaluated { store, input, results, mut events } = *evaluated;
    let mut evaluation = evaluation(args, &loaded, &input, &store, results)?;
    evaluation.silence(&silences);
    let summary = Summary::of(&evaluation);
    let clock = Zone::clock(args.tz.as_ref());
    if !args.console.quiet {
        // What can not be said on standard error can be said nowhere.
        let _ = table::write_summary(&mut io::stderr(), &evaluation, begun.elapsed().as_secs_f64(), &clock);
        let table = outputs.iter().any(|output| output.format == Format::Table);
        notes::notes(&evaluation, &input, table).iter().for_each(|note| tell(false, note));
        for note in &evaluation.notes {
            let word = if note.severity == Severity::Warning { "warning" } else { "note" };
            tell(false, &format!("{word}: {}", note.message));
        }
    }
    let by = match args.by {
        Rows::Alerts => timeline::By::Alerts,
        Rows::Labels => timeline::By::Labels,
    };
    for output in &outputs {
        let view = view(args, &terminal, output, clock.clone());
        let written = out::write(output, &mut |out| {
            let out = &mut interrupt.watch(out);
            match output.format {
                Format::Table => table::write(out, &evaluation, &summary, &view),
                Format::Timeline => timeline::write(out, &evaluation, &summary, &view, by),
                Format::Markdown => markdown::write(out, &evaluation, &summary, &view),
                Format::Json => json::write(out, &evaluation, &summary),
                Format::Csv => csv::write(out, &evaluation),
                Format::Ndjson => copy(&mut events, out),
            }
        });
        if interrupt.pressed() {
            interrupt.tell();
            return Ok(Outcome::Interrupted);
        }
        written?;
    }
    finish(args, &evaluation, &summary)
}

/// What reading and evaluating brought.
struct Evaluated {
    store: Store,
    input: input::Summary,
    results: Results,
    /// The transitions as `ndjson`: nothing of it is shown before all rows are known to be good.
    events: SpooledTempFile,
}

/// What evaluating brought.
struct Results {
    range: Range,
    schedules: Vec<GroupSchedule>,
    counts: Vec<RuleCounts>,
    episodes: Vec<Episode>,
}

impl Results {
    /// Gathers them once all is evaluated; `start` is the first instant that is reported.
    fn of(
        engine: &Engine,
        store: &Store,
        timeline: Timeline,
        input: &input::Summary,
        start: Option<Timestamp>,
    ) -> Self {
        let (data_start, data_end) = input.span.unzip();
        let (evaluated_from, evaluated_to) = engine.range().unzip();
        let reported_from = start.or(evaluated_from);
        Self {
            range: Range { data_start, data_end, evaluated_from, evaluated_to, reported_from },
            schedules: engine.schedules(),
            counts: engine.counts(store),
            episodes: timeline.finish(),
        }
    }
}

/// What became of one pass over the recording.
enum Pass {
    Done(Box<Evaluated>),
    /// The recording is not in time order; it is held whole now.
    Again,
    /// The engine refuses a rule, and said why.
    Refused,
    Interrupted,
}

/// The most bytes of transitions that stay in memory.
const EVENTS_IN_MEMORY: usize = 8 << 20;

/// Reads the recordings and evaluates as far as each watermark allows.
fn evaluate(args: &EvalArgs, loaded: &Loaded, terminal: &Terminal, interrupt: &Interrupt) -> Result<Pass, Failure> {
    let paths = args.input.paths("alertctl eval -r RULES night.csv")?;
    let sources = load::recordings(&paths)?;
    let drawn = terminal.stderr && !args.console.quiet && !args.console.no_progress;
    let mut progress = ui::Progress::new(drawn, load::length(&sources).unwrap_or(0));
    let mut recording = Recording::open(sources, args.input.read_options()).map_err(|error| unread(&error))?;
    loop {
        let mut store = Store::new(args.input.conflicts);
        store.infer(stale(args.stale.unwrap_or(Stale::Auto)));
        let engine = match Engine::new(&loaded.files, engine_options(args), &mut store) {
            Ok(engine) => engine,
            Err(refused) => {
                refuse(&refused, &loaded.sources, terminal);
                return Ok(Pass::Refused);
            }
        };
        let transitions = Transitions::begin(args, loaded, &paths)?;
        let pass = pass(&mut recording, store, engine, transitions, &mut progress, interrupt);
        if !matches!(pass, Ok(Pass::Again)) {
            progress.done();
            return pass;
        }
    }
}

/// Reads, advances, evicts; to the end of the recording.
fn pass(
    recording: &mut Recording,
    mut store: Store,
    mut engine: Engine,
    mut transitions: Transitions<'_>,
    progress: &mut ui::Progress,
    interrupt: &Interrupt,
) -> Result<Pass, Failure> {
    let mut batch = Batch::default();
    let mut timeline = Timeline::default();
    loop {
        if interrupt.pressed() {
            return Ok(Pass::Interrupted);
        }
        match recording.next_batch(&mut store, &mut batch).map_err(|error| unread(&error))? {
            Progress::Restart => return Ok(Pass::Again),
            Progress::End => break,
            Progress::Batch(watermark) => {
                recording.append(&mut store, &batch).map_err(|error| unread(&error))?;
                store.advance(watermark);
                engine.advance(&store, watermark).map_err(|error| too_many(&error))?;
                transitions.take(&mut engine, &mut timeline)?;
                store.evict(engine.evaluated());
            }
        }
        progress.at(recording.bytes_read());
    }
    let input = recording.summary().clone();
    if let Some((_, last)) = input.span {
        engine.finish(&store, last).map_err(|error| too_many(&error))?;
        transitions.take(&mut engine, &mut timeline)?;
        engine.close_into(&mut timeline, &store);
    }
    let results = Results::of(&engine, &store, timeline, &input, transitions.start);
    Ok(Pass::Done(Box::new(Evaluated { store, input, results, events: transitions.spool })))
}

/// Keeps the transitions that are reported, as lines, until all rows are known to be good.
struct Transitions<'a> {
    spool: SpooledTempFile,
    /// Group and alert of each rule that is reported, by its number.
    names: Vec<(RuleId, String, String)>,
    start: Option<Timestamp>,
    filter: &'a [Matcher],
}

impl<'a> Transitions<'a> {
    fn begin(args: &'a EvalArgs, loaded: &Loaded, paths: &[String]) -> Result<Self, Failure> {
        let mut spool = SpooledTempFile::new(EVENTS_IN_MEMORY);
        ndjson::write_header(&mut spool, paths, &rule_files(loaded)).map_err(|error| unkept(&error))?;
        let filter = args.filter.as_ref().map_or(&[][..], |filter| &filter.matchers);
        Ok(Self { spool, names: names(args, loaded), start: args.start, filter })
    }

    /// Moves the engine's events to the timeline, by way of the lines.
    fn take(&mut self, engine: &mut Engine, timeline: &mut Timeline) -> Result<(), Failure> {
        let start = self.start.unwrap_or(Timestamp::MIN);
        let mut writer = NdjsonWriter::new(&mut self.spool, &self.names);
        for event in engine.take_events() {
            let Event { at, labels, .. } = &event;
            if *at >= start && self.filter.iter().all(|matcher| matcher.matches_set(labels)) {
                writer.event(&event).map_err(|error| unkept(&error))?;
            }
            let clock = engine.clock(event.rule);
            timeline.push(event, &clock);
        }
        Ok(())
    }
}

fn unkept(error: &io::Error) -> Failure {
    Failure::new(format!("the transitions can not be kept in a temporary file: {error}"))
}

fn too_many(error: &TooManySteps) -> Failure {
    Failure::new(error.to_string()).hint("cut the recording with --end, or give the group a longer interval")
}

fn engine_options(args: &EvalArgs) -> EngineOptions {
    EngineOptions {
        interval: args.eval_interval.unwrap_or(EVAL_INTERVAL),
        lookback: args.lookback_delta.unwrap_or(LOOKBACK_DELTA),
        align: match args.align.unwrap_or(Align::Epoch) {
            Align::Epoch => schedule::Align::Epoch,
            Align::Start => schedule::Align::Start,
            Align::Offset(span) => schedule::Align::Offset(span),
        },
        external_labels: external_labels(args),
        external_url: args.external_url.clone(),
        end: args.end,
        threads: rayon::current_num_threads(),
        ..EngineOptions::default()
    }
}

fn external_labels(args: &EvalArgs) -> LabelSet {
    LabelSet::new(args.external_label.iter().map(|(name, value)| (name, value)))
}

fn rule_files(loaded: &Loaded) -> Vec<String> {
    loaded.files.iter().map(|file| loaded.sources.file(file.file).name.clone()).collect()
}

/// Returns the names that transitions are written with, of the rules that are reported.
fn names(args: &EvalArgs, loaded: &Loaded) -> Vec<(RuleId, String, String)> {
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
pub(super) const LOOKBACK_DELTA: Millis = Millis(300_000);
/// The gap under which firings are one burst.
const JOIN: Millis = Millis(300_000);

fn options(args: &EvalArgs) -> Options {
    let external = &args.external_label;
    let external = (!external.is_empty()).then(|| external_labels(args));
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

fn stale(stale: Stale) -> store::Stale {
    match stale {
        Stale::Auto => store::Stale::Auto,
        Stale::Off => store::Stale::Off,
        Stale::After(span) => store::Stale::After(span),
    }
}

/// Gathers what is reported: the rules and episodes that were asked for.
fn evaluation(
    args: &EvalArgs,
    loaded: &Loaded,
    input: &input::Summary,
    store: &Store,
    results: Results,
) -> Result<Evaluation, Failure> {
    let Results { range, schedules, counts, mut episodes } = results;
    let groups = facts::groups(&loaded.files, &loaded.sources, schedules);
    let mut rules = facts::rules(&loaded.files, &loaded.sources, counts, store);
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
    episodes.retain(wanted);
    let mut evaluation = Evaluation {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        options: options(args),
        range,
        recordings: facts::recordings(input, store),
        groups,
        rules,
        silences: hints::silences(store),
        notes: Vec::new(),
        episodes,
        findings: loaded.findings.clone(),
        fail_on: args.fail_on.clone(),
    };
    evaluation.sort();
    let left_out = all - evaluation.rules.len();
    evaluation.notes = hints::hints(&evaluation, &loaded.files, store, left_out);
    evaluation.findings.extend(hints::assumed(&evaluation));
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

/// What `eval` does without further flags once all steps are evaluated, for `profile` to time.
pub(super) struct Plain {
    args: EvalArgs,
    loaded: Loaded,
    input: input::Summary,
}

impl Plain {
    /// Takes what was loaded and read.
    pub(super) fn new(loaded: Loaded, input: input::Summary) -> Result<Self, clap::Error> {
        let arguments = Cli::try_parse_from(["alertctl", "eval", "--rules", "rules.yml"])?;
        match arguments.command {
            Some(Command::Eval(args)) => Ok(Self { args: *args, loaded, input }),
            _ => Err(clap::Error::new(clap::error::ErrorKind::InvalidSubcommand)),
        }
    }

    /// Keeps the transitions, builds the episodes, writes the table.
    pub(super) fn write(&self, engine: &mut Engine, store: &Store, out: &mut dyn Write) -> Result<(), Failure> {
        let mut timeline = Timeline::default();
        Transitions::begin(&self.args, &self.loaded, &[])?.take(engine, &mut timeline)?;
        engine.close_into(&mut timeline, store);
        let results = Results::of(engine, store, timeline, &self.input, None);
        let evaluation = evaluation(&self.args, &self.loaded, &self.input, store, results)?;
        let summary = Summary::of(&evaluation);
        let output = Output { format: self.args.format, path: None };
        let view = view(&self.args, &Terminal::default(), &output, Zone::clock(None));
        table::write(out, &evaluation, &summary, &view).map_err(|error| Failure::new(error.to_string()))
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
    if let Some(line) = table::gate_line(evaluation, summary) {
        tell(args.console.quiet, &line);
    }
    match summary.verdict.exit {
        0 => Ok(Outcome::Good),
        1 => Ok(Outcome::No),
        _ => Err(nothing(args, evaluation)),
    }
}

/// Says why nothing was evaluated.
fn nothing(args: &EvalArgs, evaluation: &Evaluation) -> Failure {
    let (start, end) = (evaluation.range.data_start, evaluation.range.data_end);
    match (args.end, start, end) {
        (Some(limit), Some(start), _) if limit < start => {
            Failure::new(format!("nothing was evaluated: --end {limit} lies before the first sample, {start}"))
                .hint("a later --end, or none")
        }
        (_, Some(start), Some(end)) => Failure::new(format!(
            "nothing was evaluated: no slot of any group lies within the recording, {start} to {end}"
        ))
        .hint("give the group a shorter interval, or count slots from the first sample: --align start"),
        _ => Failure::new("nothing was evaluated: the recording has no samples"),
    }
}

pub(super) fn unread(error: &InputError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(flags: &[&str]) -> EvalArgs {
        let all = ["alertctl", "eval", "-r", "rules.yml"].iter().chain(flags);
        match Cli::parse_from(all).command {
            Some(Command::Eval(args)) => *args,
            _ => panic!("eval was asked for"),
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
