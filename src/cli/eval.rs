//! `alertctl eval`.

use std::io::{self, Write};
use std::time::Instant;

use crate::format::{Clock, count, counted};
use crate::limits;
use crate::outcome::summary::Summary;
use crate::outcome::{Nothing, Outcome, RunOptions};
use crate::replay::{Replay, RunError};
use crate::report::openmetrics::SampleColumns;
use crate::report::table::{self, View};
use crate::report::{csv, expressions, json, markdown, notes, timeline};
use crate::rules::RuleSet;
use crate::sweep::Plan;

use super::args::EvalArgs;
use super::claims::Claims;
use super::flags::Format;
use super::interrupt::Interrupt;
use super::load;
use super::out::{self, Output};
use super::rules::{load_all, refuse};
use super::span::{Span, Unread};
use super::ui::{Terminal, say};
use super::watch::{Kept, Lines, Transitions, Watch};
use super::{Exit, Failure, sweep};

/// The least length of recordings for which another thread is worth its start. Unit: bytes.
pub(super) const READ_AHEAD_BYTES: u64 = 4 << 20;

/// Loads the rules, evaluates them while the recordings are read, writes the results.
pub(super) fn run(args: &EvalArgs) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let terminal = Terminal::look(args.console.color);
    let interrupt = Interrupt::listen(terminal.stderr);
    let outputs = out::outputs(&args.output.out, args.output.format, Format::Table)?;
    claims(args, &outputs).check()?;
    let clock = args.report.zone.clock();
    let mut options = options(args, &clock, &terminal)?;
    let loaded = load_all(&args.rules, args.input.all(), args.console.quiet, &terminal)?;
    let Some(rules) = loaded else { return Ok(Exit::Failed) };
    let swept = if args.sweep.is_wanted() {
        sweep::check_stdin(args)?;
        sweep::check_formats(args, &outputs)?;
        Some(Plan::of(&rules, &options.selection, &args.sweep.set).map_err(|error| sweep::refused(&error))?)
    } else {
        None
    };
    if args.show_expr {
        for output in &outputs {
            out::write(output, &mut |out| match &swept {
                Some(plan) => sweep::write_expressions(out, args, &rules, plan),
                None => expressions::write(out, &rules),
            })?;
        }
        out::wrote(&outputs).iter().for_each(|line| say(args.console.quiet, line));
        return Ok(Exit::Good);
    }
    let paths = args.input.paths("alertctl eval -r RULES night.csv")?;
    let recordings = load::recordings(&paths)?;
    let read = ("eval", &args.input.read, args.console);
    let (span, recordings) = match Span::of(args.time.is_relative(), recordings, read, &terminal, &interrupt) {
        Ok(found) => found,
        Err(Unread::Failed(failure)) => return Err(failure),
        Err(Unread::Run(error)) => return failed(&error, &rules, &terminal, &interrupt),
    };
    options.trace = outputs.iter().any(|output| output.format == Format::Openmetrics);
    options.selection.start = span.place("--start", args.time.start, &clock)?;
    options.end = span.place("--end", args.time.end, &clock)?;
    if let Some(plan) = swept {
        let asked = sweep::Asked { args, rules: &rules, plan: &plan, paths: &paths, outputs: &outputs };
        return sweep::run(asked, options, recordings, &terminal, &interrupt, begun);
    }
    let mut opened = args.input.read.open("eval", recordings, args.input.read.options()?)?;
    if options.threads > 1 && opened.length >= READ_AHEAD_BYTES {
        opened.recording.read_ahead();
    }
    let mut watch = Watch::new(args.console, &terminal, opened.length, &interrupt);
    if outputs.iter().any(|output| output.format == Format::Ndjson) {
        watch.keep_transitions(&rules, &paths);
    }
    if options.trace {
        watch.keep_samples();
    }
    let evaluated = Replay::new(&rules, options).run(&mut opened.recording, &mut watch);
    let Kept { transitions, samples } = watch.done();
    if samples.as_ref().is_some_and(SampleColumns::is_full) {
        return Err(too_many_samples());
    }
    if let Some(failure) = transitions.as_ref().and_then(Transitions::failure) {
        return Err(failure);
    }
    let outcome = match evaluated {
        Ok(outcome) => outcome,
        Err(error) => return failed(&error, &rules, &terminal, &interrupt),
    };
    let lines = transitions.map(|transitions| transitions.finish()).transpose()?.flatten();
    let mut kept = Written { lines, samples };
    let summary = Summary::of(&outcome);
    let table = outputs.iter().any(|output| output.format == Format::Table);
    say_summary(args, &outcome, table, begun);
    for output in &outputs {
        let written = out::write(output, &mut |out| {
            let out = &mut interrupt.watch(out);
            write(out, args, output, &terminal, (&outcome, &summary), &mut kept)
        });
        if interrupt.pressed() {
            interrupt.say_stopped();
            return Ok(interrupt.exit());
        }
        written?;
    }
    let lost = kept.samples.as_ref().map_or(0, SampleColumns::histograms);
    if lost > 0 {
        let lost = counted(lost, "native histogram");
        say(args.console.quiet, &format!("warning: left out {lost} that rules recorded: openmetrics has none"));
    }
    out::wrote(&outputs).iter().for_each(|line| say(args.console.quiet, line));
    answer(args, &outcome, &summary)
}

/// Says what was read and evaluated, and what a person would want to know of it.
pub(super) fn say_summary(args: &EvalArgs, outcome: &Outcome, table: bool, begun: Instant) {
    if args.console.quiet {
        return;
    }
    let (took, clock) = (begun.elapsed().as_secs_f64(), args.report.zone.clock());
    let mut lines = Vec::new();
    // A vector takes all.
    let _ =
        table::write_summary(&mut lines, outcome, took, &clock).and_then(|()| notes::write(&mut lines, outcome, table));
    let lines = String::from_utf8_lossy(&lines);
    say(lines.is_empty(), lines.trim_end());
}

/// Says what the gate says, and returns the exit code.
pub(super) fn answer(args: &EvalArgs, outcome: &Outcome, summary: &Summary) -> Result<Exit, Failure> {
    if let Some(line) = table::gate_line(outcome, summary) {
        // An exit code of 1 has its reason on standard error, whoever wants to hear nothing else.
        say(args.console.quiet && summary.verdict.met.is_empty(), &line);
    }
    match summary.verdict.exit {
        0 => Ok(Exit::Good),
        1 => Ok(Exit::No),
        _ => {
            let nothing = Nothing::of(outcome);
            Err(Failure::of(&nothing, nothing.hint().map(str::to_owned)))
        }
    }
}

/// What was kept while the rules were evaluated, ready to be written.
struct Written {
    lines: Option<Lines>,
    samples: Option<SampleColumns>,
}

fn too_many_samples() -> Failure {
    let most = count(limits::HELD_SAMPLES as u64);
    Failure::new(format!("the rules write more than {most} different values, which openmetrics holds to the end"))
        .hint("write less: a part of the time (--start, --end), or some rules (--group, --alert, --where)")
}

/// Names the files that are read and written.
fn claims(args: &EvalArgs, outputs: &[Output]) -> Claims {
    let mut claims = Claims::default().rules(&args.rules.rules).recordings(args.input.all());
    for path in &args.select.silenced.silences {
        claims = claims.reads("the file of silences", path);
    }
    if let Some(path) = args.sweep.incidents.as_ref().filter(|path| *path != load::STDIN) {
        claims = claims.reads("the file of incidents", path);
    }
    for output in outputs {
        claims = claims.writes("--out", output.path.as_deref());
    }
    claims
}

/// Says why there is no outcome.
pub(super) fn failed(
    error: &RunError,
    rules: &RuleSet,
    terminal: &Terminal,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    match error {
        RunError::Stopped => {
            interrupt.say_stopped();
            Ok(interrupt.exit())
        }
        RunError::Rules(problems) => {
            refuse(problems, &rules.sources, terminal);
            Ok(Exit::Failed)
        }
        error => Err(Failure::of(error, error.hint())),
    }
}

fn options(args: &EvalArgs, clock: &Clock, terminal: &Terminal) -> Result<RunOptions, Failure> {
    let EvalArgs { time, select, report, .. } = args;
    let mut options = RunOptions {
        conflicts: args.input.read.conflicts,
        external_url: args.external.external_url.clone(),
        selection: select.choice.selection(),
        silences: select.silenced.all(clock, args.console.quiet, terminal)?,
        fail_on: args.gate.fail_on.clone(),
        threads: args.jobs.threads(),
        ..RunOptions::default()
    };
    options.eval_interval.set(time.eval_interval);
    options.align.set(time.align);
    time.sight.set(&mut options);
    options.external_labels.set(args.external.labels());
    options.join.set(report.join);
    Ok(options)
}

/// Writes one output.
fn write(
    out: &mut dyn Write,
    args: &EvalArgs,
    output: &Output,
    terminal: &Terminal,
    (outcome, summary): (&Outcome, &Summary),
    kept: &mut Written,
) -> io::Result<()> {
    let view = view(args, output, terminal);
    match output.format {
        Format::Table => table::write(out, outcome, summary, &view),
        Format::Timeline => timeline::write(out, outcome, summary, &view, args.report.by.into()),
        Format::Markdown => markdown::write(out, outcome, summary, &view),
        Format::Json => json::write(out, outcome, summary),
        Format::Csv => csv::write(out, outcome),
        Format::Ndjson => kept.lines.as_mut().map_or(Ok(()), |lines| lines.copy(out)),
        Format::Openmetrics => kept.samples.as_ref().map_or(Ok(()), |samples| samples.write(out)),
    }
}

/// Returns how an output is shown to people.
pub(super) fn view(args: &EvalArgs, output: &Output, terminal: &Terminal) -> View {
    let shown = output.path.is_none();
    View {
        clock: args.report.zone.clock(),
        width: terminal.width.filter(|_| shown),
        color: terminal.stdout_color && shown,
        sort: args.report.sort.map(Into::into),
        limit: args.report.limit,
        episodes: args.report.episodes,
        pending: args.report.pending,
        unfolded: args.report.all,
    }
}
