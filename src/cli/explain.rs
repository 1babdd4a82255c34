//! `alertctl explain`.

use std::str::FromStr;

use thiserror::Error;

use crate::explain::{ExplainError, Question, When, check, explain};
use crate::outcome::RunOptions;
use crate::report::explain::{View, json, write};
use crate::report::notes;
use crate::rules::RuleSet;
use crate::time::{Millis, Moment, TimestampError};

use super::args::{ExplainArgs, ExplainFormat};
use super::claims::Claims;
use super::interrupt::Interrupt;
use super::rules::load_all;
use super::span::{Span, Unread};
use super::ui::{Terminal, say};
use super::watch::Watch;
use super::{Exit, Failure, eval, load, out};

/// Which evaluation `--at` names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum At {
    /// One at a time.
    Time(Moment),
    /// The one at which the first firing began.
    FirstFiring,
    /// The one at which the last firing began.
    LastFiring,
}

/// Why a text names no evaluation.
#[derive(Debug, Error)]
#[error("{0}; or give `first firing`, `last firing`, `first`, `last`, or a time before the end such as `-2h`")]
pub(crate) struct AtError(TimestampError);

impl FromStr for At {
    type Err = AtError;

    fn from_str(text: &str) -> Result<Self, AtError> {
        match text.trim() {
            "first firing" => Ok(Self::FirstFiring),
            "last firing" => Ok(Self::LastFiring),
            "first" => Ok(Self::Time(Moment::AfterStart(Millis::ZERO))),
            "last" => Ok(Self::Time(Moment::BeforeEnd(Millis::ZERO))),
            text => text.parse().map(Self::Time).map_err(AtError),
        }
    }
}

/// Loads the rules, evaluates the one that is asked about and what it reads, and says why it fired or did not.
pub(super) fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let terminal = Terminal::look(args.console.color);
    let interrupt = Interrupt::listen(terminal.stderr);
    let outputs = out::outputs(&args.out, args.format, ExplainFormat::Text)?;
    let mut claims = Claims::default().rules(&args.rules.rules).recordings(args.input.all());
    for path in &args.silenced.silences {
        claims = claims.reads("the file of silences", path);
    }
    for output in &outputs {
        claims = claims.writes("--out", output.path.as_deref());
    }
    claims.check()?;
    let clock = args.zone.clock();
    let mut options = options(args, &terminal)?;
    let loaded = load_all(&args.rules, args.input.all(), args.console.quiet, &terminal)?;
    let Some(rules) = loaded else { return Ok(Exit::Failed) };
    let mut question = Question { alert: args.alert.clone(), when: When::Best };
    if let Err(error) = check(&rules, &question, &options) {
        return failed(&error, args, &rules, &terminal, &interrupt);
    }
    let paths = args.input.paths(&format!("alertctl explain {} -r RULES night.csv", args.alert))?;
    let recordings = load::recordings(&paths)?;
    let moments = [args.at.and_then(|at| if let At::Time(at) = at { Some(at) } else { None }), args.around];
    let relative = args.time.is_relative() || moments.iter().flatten().any(|moment| moment.is_relative());
    let read = ("explain", &args.input.read, args.console);
    let (span, recordings) = match Span::of(relative, recordings, read, &terminal, &interrupt) {
        Ok(found) => found,
        Err(Unread::Failed(failure)) => return Err(failure),
        Err(Unread::Run(error)) => return eval::failed(&error, &rules, &terminal, &interrupt),
    };
    options.selection.start = span.place("--start", args.time.start, &clock)?;
    options.end = span.place("--end", args.time.end, &clock)?;
    let [at, around] = moments;
    let at = span.place("--at", at, &clock)?;
    let around = span.place("--around", around, &clock)?;
    question.when = match (args.at, at, around) {
        _ if args.first => When::FirstFiring,
        (Some(At::FirstFiring), ..) => When::FirstFiring,
        (Some(At::LastFiring), ..) => When::LastFiring,
        (_, Some(at), _) => When::At(at),
        (_, _, Some(around)) => When::Around(around),
        _ => When::Best,
    };
    let mut opened = args.input.read.open("explain", recordings, args.input.read.options()?)?;
    if options.threads > 1 && opened.length >= eval::READ_AHEAD_BYTES {
        opened.recording.read_ahead();
    }
    let mut watch = Watch::new(args.console, &terminal, opened.length, &interrupt);
    let found = explain(&rules, &question, &options, &mut opened.recording, &mut watch);
    watch.done();
    let explanation = match found {
        Ok(explanation) => explanation,
        Err(error) => return failed(&error, args, &rules, &terminal, &interrupt),
    };
    if !args.console.quiet {
        let mut lines = Vec::new();
        // A vector takes all.
        let _ = notes::write(&mut lines, &explanation.outcome, true);
        let lines = String::from_utf8_lossy(&lines);
        say(lines.is_empty(), lines.trim_end());
    }
    for output in &outputs {
        let width = terminal.width.filter(|_| output.path.is_none());
        let view = View { clock: clock.clone(), width, full: args.full };
        out::write(output, &mut |out| match output.format {
            ExplainFormat::Text => write(out, &explanation, &view),
            ExplainFormat::Json => json::write(out, &explanation),
        })?;
    }
    out::wrote(&outputs).iter().for_each(|line| say(args.console.quiet, line));
    Ok(Exit::Good)
}

/// Says why there is no explanation.
fn failed(
    error: &ExplainError,
    args: &ExplainArgs,
    rules: &RuleSet,
    terminal: &Terminal,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    match error {
        ExplainError::Run(error) => eval::failed(error, rules, terminal, interrupt),
        ExplainError::Outside { at, first, last } => {
            let clock = args.zone.clock();
            let (at, first, last) = (clock.full(*at), clock.full(*first), clock.full(*last));
            let message = format!("{at} is outside the recording: rules were evaluated from {first} to {last}");
            Err(Failure { hint: error.hint(), ..Failure::new(message) })
        }
        error => Err(Failure::of(error, error.hint())),
    }
}

fn options(args: &ExplainArgs, terminal: &Terminal) -> Result<RunOptions, Failure> {
    let mut options = RunOptions {
        conflicts: args.input.read.conflicts,
        external_url: args.external.external_url.clone(),
        selection: args.labels.selection(),
        silences: args.silenced.all(&args.zone.clock(), args.console.quiet, terminal)?,
        threads: args.jobs.threads(),
        ..RunOptions::default()
    };
    options.eval_interval.set(args.time.eval_interval);
    options.align.set(args.time.align);
    args.time.sight.set(&mut options);
    options.external_labels.set(args.external.labels());
    Ok(options)
}
