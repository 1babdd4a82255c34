//! `alertctl eval --set` and `--incidents`.

use std::io::{self, Write};
use std::time::Instant;

use crate::diagnostic::Diagnostics;
use crate::format::{Clock, counted};
use crate::input::Source;
use crate::limits;
use crate::outcome::summary::Summary;
use crate::outcome::{NoMatch, Outcome, RunOptions};
use crate::report::sweep as report;
use crate::rules::RuleSet;
use crate::source::{self, SourceMap};
use crate::sweep::incidents::{self, Incident};
use crate::sweep::run::{Error, Sweep, Wanted};
use crate::sweep::{Judged, Plan, SweepError, Swept};

use super::args::EvalArgs;
use super::flags::Format;
use super::interrupt::Interrupt;
use super::load::{self, Disk, STDIN, Shared};
use super::out::{self, Output};
use super::ui::{Terminal, say};
use super::watch::Watch;
use super::{Exit, Failure, eval, problems};

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) args: &'a EvalArgs,
    pub(super) rules: &'a RuleSet,
    pub(super) plan: &'a Plan,
    pub(super) paths: &'a [String],
    pub(super) outputs: &'a [Output],
}

/// Refuses to read standard input twice.
pub(super) fn check_stdin(args: &EvalArgs) -> Result<(), Failure> {
    let read = args.sweep.incidents.iter().chain(args.input.all()).filter(|path| *path == STDIN).count();
    match args.sweep.incidents.as_deref() {
        Some(STDIN) if read > 1 => {
            Err(Failure::new("standard input (`-`) is named twice: as the recording and as --incidents")
                .hint("write one of them to a file"))
        }
        _ => Ok(()),
    }
}

/// Refuses formats that show one run.
pub(super) fn check_formats(args: &EvalArgs, outputs: &[Output]) -> Result<(), Failure> {
    if args.report.episodes && !args.show_expr && !outputs.iter().any(|output| output.format == Format::Json) {
        let error = Failure::new("--episodes with --set or --incidents is shown by json alone");
        return Err(error.hint("write json: -o json"));
    }
    let shows = |format: Format| matches!(format, Format::Table | Format::Markdown | Format::Json | Format::Csv);
    match outputs.iter().find(|output| !shows(output.format)) {
        None => Ok(()),
        Some(output) => {
            let name = output.format.name();
            Err(Failure::new(format!("{name} shows one run, and --set or --incidents gives a row per value"))
                .hint("write table, markdown, json or csv"))
        }
    }
}

/// Says why values cannot be tried.
pub(super) fn refused(error: &SweepError) -> Failure {
    Failure::of(error, error.hint.clone())
}

/// Writes the expressions of a plan.
pub(super) fn write_expressions(out: &mut dyn Write, args: &EvalArgs, rules: &RuleSet, plan: &Plan) -> io::Result<()> {
    let most = match args.report.limit {
        Some(0) => usize::MAX,
        Some(limit) => limit,
        None => crate::report::table::ROWS,
    };
    match rules.rules().nth(plan.rule.0 as usize) {
        Some((_, rule)) => report::write_expressions(out, plan, rule, most),
        None => Ok(()),
    }
}

/// Evaluates the alert with all values while the recordings are read, and writes what each of them gives.
pub(super) fn run(
    asked: Asked<'_>,
    options: RunOptions,
    recordings: Vec<Box<dyn Source>>,
    terminal: &Terminal,
    interrupt: &Interrupt,
    begun: Instant,
) -> Result<Exit, Failure> {
    let Asked { args, rules, plan, paths, outputs } = asked;
    let zone = incident_zone(args);
    let incidents = read_incidents(args, paths, &zone, terminal)?;
    let episodes = args.report.episodes && outputs.iter().any(|output| output.format == Format::Json);
    let shared = Shared::all(recordings)?;
    let wanted = Wanted { incidents, episodes };
    let threads = options.threads;
    let mut sweep = Sweep::new(rules, plan, &wanted, options);
    loop {
        let mut opened = args.input.read.open("eval", Shared::again(&shared), args.input.read.options()?)?;
        if threads > 1 && opened.length >= eval::READ_AHEAD_BYTES {
            opened.recording.read_ahead();
        }
        let mut watch = Watch::new(args.console, terminal, opened.length, interrupt);
        let made = sweep.read(&mut opened.recording, &mut watch);
        watch.done();
        match made {
            Ok(true) => {}
            Ok(false) => break,
            Err(Error::Sweep(error)) => return Err(refused(&error)),
            Err(Error::Run(error)) => return eval::failed(&error, rules, terminal, interrupt),
        }
    }
    let Some(swept) = sweep.finish() else { return Ok(Exit::Failed) };
    let summary = Summary::of(&swept.outcome);
    eval::say_summary(args, &swept.outcome, true, begun);
    if swept.incidents.is_some() {
        zones(args, &swept.outcome, &zone).iter().for_each(|line| say(args.console.quiet, line));
    }
    report::notes(plan, &swept).iter().for_each(|line| say(args.console.quiet, line));
    if let Some(Judged { judged: 0, outside: left_out, left_out: others }) = swept.incidents {
        return Err(match (left_out, others) {
            (_, 0) => outside(args, left_out, &swept),
            _ => Failure::new("--where leaves out all incidents").hint("judge without it, or by other incidents"),
        });
    }
    // A label that nothing has is a mistake in the file; a value may be one of a series that was not recorded.
    if let Some(why) = swept.unmet.iter().find(|why| matches!(why, NoMatch::Label { .. })) {
        return Err(
            Failure::new(format!("--incidents: {why}")).hint("its columns besides start and end are labels of alerts")
        );
    }
    for output in outputs {
        let view = eval::view(args, output, terminal);
        let written = out::write(output, &mut |out| {
            let out = &mut interrupt.watch(out);
            match output.format {
                Format::Json => report::write_json(out, plan, &swept, &summary, args.report.episodes),
                Format::Csv => report::write_csv(out, plan, &swept),
                Format::Markdown => report::write_markdown(out, plan, (&swept, &summary), &view),
                _ => report::write_table(out, plan, (&swept, &summary), &view),
            }
        });
        if interrupt.pressed() {
            interrupt.say_stopped();
            return Ok(interrupt.exit());
        }
        written?;
    }
    out::wrote(outputs).iter().for_each(|line| say(args.console.quiet, line));
    eval::answer(args, &swept.outcome, &summary)
}

/// Reads the file of incidents; its problems are shown together.
fn read_incidents(
    args: &EvalArgs,
    paths: &[String],
    clock: &Clock,
    terminal: &Terminal,
) -> Result<Option<Vec<Incident>>, Failure> {
    let Some(path) = &args.sweep.incidents else { return Ok(None) };
    let (name, bytes) = match path.as_str() {
        STDIN => ("<stdin>", load::stdin(limits::YAML_BYTES)?),
        path => (path, source::bytes(&Disk, path, limits::YAML_BYTES)?),
    };
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let found = incidents::load(&mut sources, name, &bytes, paths, clock, &mut diagnostics);
    problems::settle(&diagnostics, &sources, "the incidents; nothing was evaluated", args.console.quiet, terminal)?;
    Ok(Some(found.unwrap_or_default()))
}

/// Returns the clock by which incidents are read: they are mostly written down from the same system as the recording.
fn incident_zone(args: &EvalArgs) -> Clock {
    match &args.input.read.input_timezone {
        Some(zone) => Clock::new(zone.zone.clone(), zone.name.as_str()),
        None => args.report.zone.clock(),
    }
}

/// Says that a time of an incident is not read like one of the report, or like one of the recording.
fn zones(args: &EvalArgs, outcome: &Outcome, zone: &Clock) -> Option<String> {
    let tz = args.report.zone.tz.as_ref();
    if args.input.read.input_timezone.is_some() {
        let shown = tz.filter(|tz| tz.name != zone.name)?;
        return Some(format!(
            "note: incident times without a zone are read as {} (--input-timezone), not as {} (--tz)",
            zone.name, shown.name
        ));
    }
    // `local` has a name of its own.
    let own = tz.map_or("UTC", |tz| tz.zone.iana_name().unwrap_or(&tz.name));
    let mut read = outcome.input.inputs.iter().filter_map(|input| input.time.as_ref()?.zone.as_deref());
    let other = read.find(|read| *read != own)?;
    let from = if tz.is_some() { " (--tz)" } else { "" };
    Some(format!(
        "note: incident times without a zone are read as {}{from}, those of the recording as {other}: --input-timezone \
         reads both alike",
        zone.name
    ))
}

/// Says that no incident could have been caught.
fn outside(args: &EvalArgs, left_out: usize, swept: &Swept) -> Failure {
    let (range, clock) = (&swept.outcome.range, args.report.zone.clock());
    let from = range.evaluated_from.max(range.reported_from);
    let within = from.zip(range.evaluated_to).map(|(from, to)| format!(", {} to {}", clock.full(from), clock.full(to)));
    let incidents = counted(left_out as u64, "incident");
    let message = format!("{incidents}, none within what was evaluated{}", within.unwrap_or_default());
    Failure::new(message).hint(match args.input.read.input_timezone {
        Some(_) => "incident times without a zone are in --input-timezone",
        None => "incident times without a zone are in --input-timezone, else in --tz, else in UTC",
    })
}
