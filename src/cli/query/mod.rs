//! `alertctl query`.

pub(crate) mod args;
mod empty;
mod texts;

use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use crate::diagnostic::Diagnostics;
use crate::format::{Clock, Fraction, count, counted, elapsed};
use crate::input::Batches;
use crate::outcome::{Mismatch, RunOptions, facts_of};
use crate::promql::annotation::{Annotated, Level};
use crate::promql::ast::Type;
use crate::promql::parse::parse;
use crate::promql::query::query_set::{Answered, QuerySet};
use crate::promql::query::{QueryContext, QueryError, QueryOptions, QueryRange, Value};
use crate::replay::{self, Answers, RunError, Work};
use crate::report::query::{Answer, View, csv, json, plan, plot, reason, table};
use crate::report::{notes, table as tables};
use crate::time::{Millis, Timestamp};

use super::claims::Claims;
use super::eval::READ_AHEAD_BYTES;
use super::flags::input::Opened;
use super::interrupt::Interrupt;
use super::load::Shared;
use super::out::{self, Output};
use super::span::{Span, Unread};
use super::ui::{Terminal, say};
use super::watch::Watch;
use super::{Exit, Failure, load, problems};
use args::{QueryArgs, QueryFormat};
use empty::{Again, Empty, Reasons, is_empty};
use texts::{Text, Texts};

/// How many steps a range has where no step is given, about.
const USUAL_STEPS: i64 = 250;
/// The most lines that say why an expression has no series.
const NOTES: usize = 10;

/// Evaluates expressions while the recordings are read, and writes what they gave.
pub(super) fn run(mut args: QueryArgs) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let first = args.expr.take_if(|_| args.expr_file.is_some());
    // All that has a place on the command line is a recording then.
    args.input.recordings.splice(0..0, first.clone());
    let args = &args;
    let terminal = Terminal::look(args.console.color);
    let interrupt = Interrupt::listen(terminal.stderr);
    let outputs = outputs(args)?;
    let mut claims = Claims::default().recordings(args.input.all());
    if let Some(path) = args.expr_file.as_deref().filter(|path| *path != load::STDIN) {
        claims = claims.reads("the file of expressions", path);
    }
    for output in &outputs {
        claims = claims.writes("--out", output.path.as_deref());
    }
    claims.check()?;
    let mut texts = texts(args)?;
    let options = options(args);
    let is_drawn = outputs.iter().any(|output| output.format == QueryFormat::Plot);
    // What has no value at a step is drawn as it is at one time.
    let has_steps = texts.all.iter().any(|text| matches!(text.ty, Type::Scalar | Type::Vector));
    let is_range = args.is_range() || (is_drawn && args.time.is_none() && has_steps);
    check(args, &mut texts, is_range, &options, &outputs, &terminal)?;
    let paths = args.input.paths("alertctl query 'up == 0' night.csv")?;
    let recordings = load::recordings(&paths).map_err(|failure| match first {
        Some(first) if is_expression(&first, &failure) => failure.hint(
            "with --expr-file all that follows is a recording: put the expression into the file, or leave out the flag",
        ),
        _ => failure,
    })?;
    let moments = [args.time, args.start, args.end];
    let is_relative = moments.iter().flatten().any(|moment| moment.is_relative());
    let needs_span = is_relative || (is_range && (args.start.is_none() || args.end.is_none()));
    let read = ("query", &args.input.read, args.console);
    let (span, recordings) = match Span::of(needs_span, recordings, read, &terminal, &interrupt) {
        Ok(found) => found,
        Err(Unread::Failed(failure)) => return Err(failure),
        Err(Unread::Run(error)) => return stopped(&error, &interrupt),
    };
    if needs_span && span.ends().is_none() {
        return Err(nothing());
    }
    let clock = args.zone.clock().showing(Fraction::WhereAny);
    let range = if is_range { Some(range(args, span, &clock)?) } else { None };
    let at = span.place("--time", args.time, &clock)?;
    let queries = plan_all(&mut texts, range, &options);
    let (recordings, again) = match range {
        // What can be read only once is not held for a question that may not come up.
        Some(_) if texts.all.len() == 1 && recordings.iter().all(|recording| recording.reopens()) => {
            let shared = Shared::all(recordings)?;
            let (read, console, options) = (&args.input.read, args.console, &options);
            let (terminal, interrupt) = (&terminal, &interrupt);
            (Shared::again(&shared), Some(Again { recordings: shared, read, console, options, terminal, interrupt }))
        }
        _ => (recordings, None),
    };
    let mut opened = args.input.read.open("query", recordings, args.input.read.options()?)?;
    let answers = match evaluate(args, &queries, at, &options, &mut opened, (&terminal, &interrupt)) {
        Ok(answers) => answers,
        Err(error) => return stopped(&error, &interrupt),
    };
    let Some(at) = answers.at else { return Err(nothing()) };
    let asked = Asked { args, texts: &texts, range, at, options: &options, again, clock, terminal: &terminal };
    if args.plan || args.analyze {
        return asked.write_operators(answers, &interrupt);
    }
    if !args.console.quiet {
        let found = answers.survey.findings(&answers.store, options.lookback_delta.value);
        let facts = facts_of(opened.recording.summary(), &answers.store, &found);
        let mut lines = Vec::new();
        // A vector takes all.
        let _ = tables::write_recordings(&mut lines, &facts, &asked.clock)
            .and_then(|()| writeln!(lines, "{} in {}", asked.summary(), elapsed(begun.elapsed().as_secs_f64())))
            .and_then(|()| notes::write_recording(&mut lines, opened.recording.summary()));
        say(false, String::from_utf8_lossy(&lines).trim_end());
    }
    asked.settle(answers, &outputs, &interrupt)
}

/// Returns where results go.
fn outputs(args: &QueryArgs) -> Result<Vec<Output<QueryFormat>>, Failure> {
    if args.plan || args.analyze {
        out::check_stdout()?;
        if let Some(QueryFormat::Csv | QueryFormat::Plot) = args.format {
            let flag = if args.plan { "--plan" } else { "--analyze" };
            return Err(Failure::new(format!("{flag} writes a table or JSON")).hint(format!("{flag} -o json")));
        }
        return Ok(Vec::new());
    }
    let usual = if args.expr_file.is_some() { QueryFormat::Json } else { QueryFormat::Table };
    let outputs = out::outputs(&args.out, args.format, usual)?;
    if args.expr_file.is_some() && outputs.iter().any(|output| output.format != QueryFormat::Json) {
        return Err(Failure::new("--expr-file writes one line of JSON per expression, and no other format")
            .hint("leave out -o, or evaluate one expression: alertctl query EXPR RECORDING -o csv"));
    }
    Ok(outputs)
}

/// Returns whether what was not found as a recording is an expression, rather than a name that was mistyped.
fn is_expression(text: &str, failure: &Failure) -> bool {
    let is_near = failure.hint.as_ref().is_some_and(|hint| hint.starts_with("did you mean"));
    let is_path = text.contains('/') && !text.contains(' ');
    !is_near && !is_path && !Path::new(text).exists() && parse(text).problems.is_empty()
}

/// Returns the expressions that are asked for.
fn texts(args: &QueryArgs) -> Result<Texts, Failure> {
    match (&args.expr_file, &args.expr) {
        (Some(path), _) if path == load::STDIN && args.input.all().any(|path| path == load::STDIN) => {
            Err(Failure::new("standard input (`-`) cannot be both the expressions and a recording")
                .hint("write the expressions to a file: --expr-file exprs.txt"))
        }
        (Some(path), _) => Texts::of_file(path),
        (None, Some(text)) => Ok(Texts::one(text)),
        (None, None) => {
            Err(Failure::new("missing expression").hint("alertctl query 'up == 0' night.csv, or --expr-file exprs.txt"))
        }
    }
}

/// Refuses what cannot be evaluated at a time, or at the steps of a range. Of a file only if all of it is so: what is
/// wrong with a line is its result.
fn check(
    args: &QueryArgs,
    texts: &mut Texts,
    is_range: bool,
    options: &RunOptions,
    outputs: &[Output<QueryFormat>],
    terminal: &Terminal,
) -> Result<(), Failure> {
    let any = QueryRange::new(Timestamp(0), Timestamp(0), Millis(1)).map(QueryContext::Range);
    let context = if is_range { any.unwrap_or(QueryContext::Instant) } else { QueryContext::Instant };
    texts.check(context, &options.engine().query());
    if texts.all.iter().any(|text| text.expr.is_ok()) {
        return Ok(());
    }
    for output in outputs.iter().filter(|output| output.format == QueryFormat::Json) {
        out::write(output, &mut |out| texts.all.iter().try_for_each(|text| write_refusal(out, text)))?;
    }
    let what = if args.expr_file.is_some() { "the expressions" } else { "the expression" };
    let what = format!("{what}; nothing was evaluated");
    let refused = problems::settle(&texts.problems(), &texts.sources, &what, args.console.quiet, terminal);
    let expr = args.expr.as_deref().filter(|expr| Path::new(expr).exists());
    refused.map_err(|failure| match expr {
        Some(path) => failure.hint(format!("the expression comes first: alertctl query 'up == 0' {path}")),
        None => failure,
    })
}

fn write_refusal(out: &mut dyn Write, text: &Text) -> io::Result<()> {
    text.expr.as_ref().err().map_or(Ok(()), |error| json::write_error(out, text.error_type(error), &text.words(error)))
}

fn options(args: &QueryArgs) -> RunOptions {
    let mut options = RunOptions { conflicts: args.input.read.conflicts, ..RunOptions::default() };
    args.sight.set(&mut options);
    options.delayed_names = args.delayed_name_removal;
    options
}

/// Returns the steps that are asked for.
fn range(args: &QueryArgs, span: Span, clock: &Clock) -> Result<QueryRange, Failure> {
    let ends = span.ends().unwrap_or_default();
    let start = span.place("--start", args.start, clock)?.unwrap_or(ends.0);
    let end = span.place("--end", args.end, clock)?.unwrap_or(ends.1);
    if start > end {
        let (first, last) = ends;
        let mismatch = match (args.start, args.end) {
            (Some(_), None) => Mismatch::StartAfterData { start, first, last },
            (None, Some(_)) => Mismatch::EndBeforeData { end, first, last },
            _ => Mismatch::StartAfterEnd { start, end },
        };
        return Err(Failure::of(&mismatch, mismatch.hint()));
    }
    let range = match (args.step, args.start) {
        (Some(step), _) => QueryRange::new(start, end, step),
        (None, Some(_)) => QueryRange::new(start, end, usual_step(end.since(start), true)),
        (None, None) => {
            let step = usual_step(end.since(start), false);
            // The newest value is what most look for: steps are counted from the end.
            QueryRange::new(start.plus(Millis(end.since(start).0 % step.0)), end, step)
        }
    };
    range.map_err(|error| Failure::new(error.to_string()))
}

/// Returns the step of a range where none is given; `divides`: one that goes into the range, if any so long does.
fn usual_step(span: Millis, divides: bool) -> Millis {
    let least = (span.0 / 1000 / USUAL_STEPS).max(1);
    let whole = |step: &i64| divides && span.0 % (step * 1000) == 0;
    Millis((least..=least * 2).find(whole).unwrap_or(least) * 1000)
}

/// Plans all expressions that can be evaluated as one program.
fn plan_all(texts: &mut Texts, range: Option<QueryRange>, options: &RunOptions) -> QuerySet {
    let options: QueryOptions = options.engine().query();
    let mut queries = QuerySet::new(range.map_or(QueryContext::Instant, QueryContext::Range), &options);
    for text in &mut texts.all {
        if let Ok(expr) = &text.expr
            && let Err(error) = queries.add(expr)
        {
            text.expr = Err(error);
        }
    }
    queries
}

/// Reads the recordings and evaluates the expressions meanwhile.
fn evaluate(
    args: &QueryArgs,
    queries: &QuerySet,
    at: Option<Timestamp>,
    options: &RunOptions,
    opened: &mut Opened,
    (terminal, interrupt): (&Terminal, &Interrupt),
) -> Result<Answers, RunError> {
    if opened.length >= READ_AHEAD_BYTES && rayon::current_num_threads() > 1 {
        opened.recording.read_ahead();
    }
    let clock = Instant::now();
    let now = || u64::try_from(clock.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let work = match (args.plan, args.analyze) {
        (true, _) => Work::Plan,
        (_, true) => Work::Analyze(&now),
        _ => Work::Evaluate,
    };
    let mut watch = Watch::new(args.console, terminal, opened.length, interrupt);
    let answers = replay::query(queries, at, work, options, &mut opened.recording, &mut watch);
    watch.done();
    answers
}

/// Says why nothing could be evaluated.
fn stopped(error: &RunError, interrupt: &Interrupt) -> Result<Exit, Failure> {
    match error {
        RunError::Stopped => {
            interrupt.say_stopped();
            Ok(interrupt.exit())
        }
        error => Err(Failure::of(error, error.hint())),
    }
}

fn nothing() -> Failure {
    Failure::new("nothing was evaluated: the recording has no samples")
        .hint("see what there is: alertctl data RECORDING")
}

/// What was asked for, and how it is shown.
struct Asked<'a> {
    args: &'a QueryArgs,
    texts: &'a Texts,
    range: Option<QueryRange>,
    at: Timestamp,
    options: &'a RunOptions,
    /// The recordings, where a range may ask for them once more.
    again: Option<Again<'a>>,
    clock: Clock,
    terminal: &'a Terminal,
}

/// An expression and what it gave.
struct Found<'a> {
    text: &'a Text,
    value: Result<Value, QueryError>,
    annotations: Vec<Annotated>,
    /// Why it has no series, where it has none.
    empty: Option<Empty>,
}

impl Asked<'_> {
    fn answer<'a>(&self, text: &'a Text, value: &'a Value) -> Answer<'a> {
        Answer { text: &text.text, at: self.at, range: self.range, value }
    }

    fn view(&self, shown: bool) -> View {
        View {
            clock: self.clock.clone(),
            width: self.args.width.or(self.terminal.width.filter(|_| shown)),
            color: self.terminal.stdout_color && shown,
            rows: Some(self.args.limit).filter(|limit| *limit > 0),
            height: self.args.height,
        }
    }

    /// Says what was evaluated, as `eval` does.
    fn summary(&self) -> String {
        let good = self.texts.all.iter().filter(|text| text.expr.is_ok()).count() as u64;
        let expressions = counted(good, "expression");
        let when = match self.range {
            Some(range) => format!("{} x {expressions}", counted(range.len(), "step")),
            None => format!("{expressions} at {} {}", self.clock.full(self.at), self.clock.name),
        };
        format!("{:<9}  {when}", "evaluated")
    }

    /// Writes the operators of the only expression.
    fn write_operators(&self, answers: Answers, interrupt: &Interrupt) -> Result<Exit, Failure> {
        let Some(text) = self.texts.all.first() else { return Ok(Exit::Good) };
        let value = Value::Vector(Vec::new());
        let answer = self.answer(text, &value);
        let (operators, series) = (&answers.operators, answers.store.len());
        out::write_to(None, &mut |out| match self.args.format {
            Some(QueryFormat::Json) => plan::json::write(out, &answer, operators, series),
            _ => plan::write(out, &text.text, operators, (&answer.when(&self.clock), series), &self.view(true)),
        })?;
        // What was evaluated is settled as where its results are written; a plan has none.
        if self.args.plan { Ok(Exit::Good) } else { self.settle(answers, &[], interrupt) }
    }

    /// Writes the results, says what is wrong with them, and returns the exit code.
    fn settle(
        &self,
        answers: Answers,
        outputs: &[Output<QueryFormat>],
        interrupt: &Interrupt,
    ) -> Result<Exit, Failure> {
        let is_people = |output: &Output<QueryFormat>| matches!(output.format, QueryFormat::Table | QueryFormat::Plot);
        let found = self.found(answers, !self.args.console.quiet || outputs.iter().any(is_people));
        for output in outputs {
            let written = self.write(output, &found, interrupt);
            if interrupt.pressed() {
                interrupt.say_stopped();
                return Ok(interrupt.exit());
            }
            written?;
        }
        out::wrote(outputs).iter().for_each(|line| say(self.args.console.quiet, line));
        let mut failures = Diagnostics::default();
        for Found { text, value, .. } in &found {
            if let Err(error) = value {
                failures.extend(self.texts.diagnose(text, error));
            }
        }
        problems::show(&failures, &self.texts.sources, self.terminal);
        self.say_annotations(&found);
        if !outputs.iter().any(|output| output.path.is_none() && is_people(output)) {
            self.say_empty(&found);
        }
        let is_refused = found.iter().any(|found| matches!(found.value, Err(QueryError::Refused(_))));
        let lacks = |found: &Found<'_>| found.value.is_err() || found.empty.as_ref().is_some_and(Empty::needs_metric);
        Ok(match found.iter().any(lacks) {
            _ if is_refused => Exit::Failed,
            true => Exit::No,
            false => Exit::Good,
        })
    }

    /// Puts the results next to their expressions, with why they are empty if that is told.
    fn found(&self, mut answers: Answers, told: bool) -> Vec<Found<'_>> {
        let answered = std::mem::take(&mut answers.answered);
        let answers = &answers;
        let mut reasons = None;
        let begin = || Reasons::of(told, answers, self.range, self.options, self.again.as_ref());
        let mut answered = answered.into_iter();
        let found = self.texts.all.iter().map(|text| {
            let (value, annotations) = match &text.expr {
                Ok(_) => match answered.next() {
                    Some(Answered { result, annotations }) => (result, annotations),
                    None => (Ok(Value::Vector(Vec::new())), Vec::new()),
                },
                Err(error) => (Err(error.clone()), Vec::new()),
            };
            let expr = text.expr.as_ref().ok().filter(|_| value.as_ref().is_ok_and(is_empty));
            let empty = expr.map(|expr| reasons.get_or_insert_with(begin).find(expr, text));
            Found { text, value, annotations, empty }
        });
        found.collect()
    }

    /// Writes one output.
    fn write(&self, output: &Output<QueryFormat>, found: &[Found<'_>], interrupt: &Interrupt) -> Result<(), Failure> {
        if output.format == QueryFormat::Json {
            return out::write(output, &mut |out| {
                let out = &mut interrupt.watch(out);
                found.iter().try_for_each(|Found { text, value, annotations, .. }| match value {
                    Ok(value) => json::write(out, value, self.at, (&text.text, annotations)),
                    Err(error) => json::write_error(out, text.error_type(error), &text.words(error)),
                })
            });
        }
        let Some(Found { text, value: Ok(value), empty, .. }) = found.first() else { return Ok(()) };
        let answer = self.answer(text, value);
        let empty = empty.as_ref().map(|empty| self.why(empty));
        let problem = match value {
            Value::String(_) => Some("a string has no form in CSV".to_owned()),
            _ => csv::problem(&answer).map(|problem| problem.to_string()),
        };
        if let Some(problem) = problem.filter(|_| output.format == QueryFormat::Csv) {
            return Err(Failure::new(problem).hint("-o json keeps it"));
        }
        let view = self.view(output.path.is_none());
        out::write(output, &mut |out| {
            let out = &mut interrupt.watch(out);
            match output.format {
                QueryFormat::Table => table::write(out, &answer, empty.as_deref(), &view),
                QueryFormat::Plot => plot::write(out, &answer, empty.as_deref(), &view),
                QueryFormat::Csv => csv::write(out, &answer),
                QueryFormat::Json => Ok(()),
            }
        })
    }

    /// Says what evaluations told next to their results.
    fn say_annotations(&self, found: &[Found<'_>]) {
        let lines = found.iter().flat_map(|found| {
            let line = |told: &Annotated| {
                let word = if told.what.level() == Level::Warning { "warning" } else { "note" };
                format!("{word}: {}{}", self.place(found.text), told.bare_in_text(&found.text.text))
            };
            found.annotations.iter().map(line).collect::<Vec<_>>()
        });
        let lines: Vec<String> = lines.collect();
        lines.iter().take(NOTES).for_each(|line| say(self.args.console.quiet, line));
        if let Some(more @ 1..) = lines.len().checked_sub(NOTES) {
            say(self.args.console.quiet, &format!("         and {} more such: -o json", count(more as u64)));
        }
    }

    /// Says why a result has no series.
    fn why(&self, empty: &Empty) -> String {
        reason::text(&empty.reason, empty.looked, &self.clock)
    }

    /// Returns what stands before a line about one of many expressions.
    fn place(&self, text: &Text) -> String {
        match self.args.expr_file {
            Some(_) => format!("{}: ", self.texts.place(text)),
            None => String::new(),
        }
    }

    /// Says which expressions have no series and why: a missing metric in any case, since the exit code depends on it.
    fn say_empty(&self, found: &[Found<'_>]) {
        let quiet = self.args.console.quiet;
        let empty = found.iter().filter_map(|found| Some((found.text, found.empty.as_ref()?)));
        let shown: Vec<_> = empty.filter(|(_, empty)| !quiet || empty.needs_metric()).collect();
        for (text, empty) in shown.iter().take(NOTES) {
            let place = self.place(text);
            let word = if empty.needs_metric() { "warning" } else { "note" };
            say(false, &format!("{word}: {place}no series: {}", self.why(empty)));
        }
        if let Some(more @ 1..) = shown.len().checked_sub(NOTES) {
            say(false, &format!("         and {} without series", counted(more as u64, "more expression")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_step_is_whole_and_ends_with_its_range_if_it_can() {
        let check = |seconds: i64, alone: i64, divides: i64| {
            let span = Millis(seconds * 1000);
            let steps = [usual_step(span, false), usual_step(span, true)];
            assert_eq!(steps, [Millis(alone * 1000), Millis(divides * 1000)], "{seconds}");
        };
        check(0, 1, 1);
        check(249, 1, 1);
        check(27_300, 109, 130);
        check(3600, 14, 15);
        // No step near goes into a prime.
        check(100_003, 400, 400);
    }
}
