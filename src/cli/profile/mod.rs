//! `alertctl profile`.

mod accept;
pub(super) mod args;
mod compared;
mod measure;
mod self_check;
mod soak;
mod subject;
mod worker;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::diagnostic::Diagnostics;
use crate::limits;
use crate::profile::accept::apply;
use crate::profile::baseline::{self, BaselineError};
use crate::profile::campaign::{Campaign, exact};
use crate::profile::checks;
use crate::profile::clock::Timer;
use crate::profile::compare::Difference;
use crate::profile::dice::Dice;
use crate::profile::machine;
use crate::profile::max_costs::MaxCosts;
use crate::profile::process::{Slowest, WorkerError};
use crate::profile::protocol::Counted;
use crate::profile::report::{FailOn, ProfileReport, RuleCost, Totals, regression_check};
use crate::profile::sample::Measurement;
use crate::profile::targets::Targets;
use crate::report::profile::{View, folded, github, hgrm, json, junit, markdown, table};
use crate::source::SourceMap;

use super::claims::Claims;
use super::interrupt::Interrupt;
use super::out::{self, Output};
use super::ui::{Steps, Terminal, say};
use super::{Exit, Failure, problems};
use args::{ProfileArgs, ProfileFormat};
use compared::Bench;
use measure::Measured;

/// The file to which a workflow's job summary is appended.
///
/// Source: GitHub Actions.
const JOB_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Measures, compares, reports.
pub(super) fn run(args: &ProfileArgs) -> Result<Exit, Failure> {
    if args.worker {
        return Ok(worker::run());
    }
    if cfg!(debug_assertions) && !args.allow_debug {
        return Err(Failure::new("this is a debug build: its times say nothing about a release build")
            .hint("build with cargo build --release, or pass --allow-debug to try a command"));
    }
    let terminal = Terminal::look(args.console.color);
    let interrupt = Interrupt::listen(terminal.stderr);
    let stop = || interrupt.pressed();
    let steps = Steps::new(terminal.stderr && !args.console.quiet && !args.console.no_progress);
    let tick = || steps.next();
    let seed = args.seed.unwrap_or_else(|| u64::from(std::process::id()).wrapping_mul(0x9e37_79b9) % 1_000_000);
    let campaign = Campaign { stop: &stop, tick: &tick, dice: Dice::new(seed), slowest: Slowest::default() };
    let done = match (args.soak, args.self_check) {
        (Some(days), _) => soak::run(args, days, &stop, &terminal, &steps),
        (None, Some(pairs)) => self_check::run(args, campaign, pairs, &terminal, &steps),
        (None, None) => report(args, campaign, seed, &terminal, &steps),
    };
    steps.done();
    if interrupt.pressed() {
        interrupt.say_stopped();
        return Ok(interrupt.exit());
    }
    done
}

/// Says why a worker gave no answer.
fn failed(error: WorkerError) -> Failure {
    let hint = matches!(error, WorkerError::Stranger(_) | WorkerError::Protocol { .. })
        .then_some("--against-binary needs another build of alertctl with `profile`, or a script that runs one: exec alertctl \"$@\"");
    let failure = Failure::new(error.to_string());
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        let failure = Failure::new(format!("cannot read the {what} `{}`: {error}", path.display()));
        if what == "baseline" && error.kind() == io::ErrorKind::NotFound {
            return failure.hint(format!("create it with: alertctl profile ... --save-baseline {}", path.display()));
        }
        failure
    })
}

fn targets(args: &ProfileArgs, terminal: &Terminal) -> Result<Targets, Failure> {
    let targets = match args.targets.as_deref() {
        None => Targets::default(),
        Some("report") => Targets::of_report(),
        Some(path) => {
            let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
            let bytes = read(Path::new(path), "targets file")?;
            let targets = Targets::load(&mut sources, path, &bytes, &mut diagnostics);
            let what = "the targets; nothing was measured";
            problems::settle(&diagnostics, &sources, what, args.console.quiet, terminal)?;
            targets.unwrap_or_default()
        }
    };
    Ok(targets.with_max_slowdown(args.max_slowdown))
}

fn saved(args: &ProfileArgs) -> Result<Option<Measurement>, Failure> {
    let Some(path) = &args.baseline else { return Ok(None) };
    let text = read(path, "baseline")?;
    let failed = |error: BaselineError| {
        let failure = Failure::new(format!("{}: {error}", path.display()));
        match error {
            BaselineError::Schema { .. } => failure.hint(save_again(args)),
            _ => failure,
        }
    };
    baseline::read(&text).map(Some).map_err(failed)
}

/// Returns the command that saves the baseline anew.
fn save_again(args: &ProfileArgs) -> String {
    let rules = args.rules.iter().map(|path| format!(" -r {path}"));
    let all = rules.chain(args.input.all().map(|path| format!(" {path}"))).collect::<String>();
    let path = args.baseline.as_ref().map_or_else(|| "FILE".into(), |path| path.to_string_lossy());
    format!(
        "save the baseline again, with the other flags of this run too: alertctl profile{all} --save-baseline {path}"
    )
}

/// Says why a baseline cannot be compared with, and what to do.
fn unlike(args: &ProfileArgs, differences: &[Difference]) -> Failure {
    let told: Vec<String> = differences.iter().map(ToString::to_string).collect();
    Failure::new(format!("cannot compare with the baseline: {}", told.join("; "))).hint(save_again(args))
}

/// Writes a baseline that can be read again.
fn save(path: &Path, measurement: &Measurement) -> Result<(), Failure> {
    let mut text = Vec::new();
    baseline::write(&mut text, measurement).map_err(|error| Failure::new(error.to_string()))?;
    if text.len() > limits::BASELINE_BYTES {
        let (bytes, limit) = (text.len(), limits::BASELINE_BYTES);
        return Err(Failure::new(format!("the baseline would be {bytes} bytes, over the limit of {limit}"))
            .hint("drop --keep-samples, or lower --rounds or --sessions"));
    }
    out::write_to(Some(path), &mut |out| out.write_all(&text))
}

/// Returns where reports go.
fn places(args: &ProfileArgs, targets: &Targets) -> Result<Vec<Output<ProfileFormat>>, Failure> {
    let places = out::outputs(&args.out, args.format, ProfileFormat::Table)?;
    let workload = args.rules.is_empty() || targets.of_workload;
    if !workload && places.iter().any(|place| place.format == ProfileFormat::Hgrm) {
        return Err(Failure::new("hgrm shows the latencies of the built-in workload, which --rules replaces")
            .hint("add --targets report to measure it too"));
    }
    if args.accept.is_some() && !args.compares() {
        return Err(Failure::new("--accept accepts what became worse, and there is nothing to compare with")
            .hint("add --against-rules PATH, --against-binary PROGRAM or --baseline FILE"));
    }
    args.save_baseline.iter().chain(&args.folded).try_for_each(|path| out::check_place(path))?;
    claims(args, &places).check()?;
    Ok(places)
}

/// Names the files that are read and written.
fn claims(args: &ProfileArgs, places: &[Output<ProfileFormat>]) -> Claims {
    let mut claims = Claims::default().rules(&args.rules).rules(&args.against_rules).recordings(args.input.all());
    if let Some(path) = args.targets.as_deref().filter(|path| *path != "report") {
        claims = claims.reads("the targets file", path);
    }
    if let Some(path) = &args.accept {
        claims = claims.reads("the acceptance file", &path.to_string_lossy());
    }
    if let Some(path) = &args.against_binary {
        claims = claims.reads("the program", &path.to_string_lossy());
    }
    if let Some(path) = &args.baseline {
        // A baseline that is compared with and then replaced is a usual step: it is read whole before.
        claims = claims.reads("the baseline", &path.to_string_lossy()).replaced_by("--save-baseline");
    }
    for place in places {
        claims = claims.writes("--out", place.path.as_deref());
    }
    claims.writes("--save-baseline", args.save_baseline.as_deref()).writes("--folded", args.folded.as_deref())
}

fn report(
    args: &ProfileArgs,
    mut campaign: Campaign<'_>,
    seed: u64,
    terminal: &Terminal,
    steps: &Steps,
) -> Result<Exit, Failure> {
    let targets = targets(args, terminal)?;
    if args.exact && targets.of_workload {
        return Err(Failure::new("--exact measures no times, and these targets are about times of alertctl itself")
            .hint("drop --exact, or keep only budgets such as run.samples_per_s in the targets file"));
    }
    let places = places(args, &targets)?;
    let saved = saved(args)?;
    let Some(mut bench) = Bench::of(args, terminal, &targets, saved.as_ref())? else { return Ok(Exit::Failed) };
    let accepted = bench.accepted(args, terminal)?;
    let foreseen = saved.as_ref().map_or_else(Vec::new, |saved| bench.foreseen(saved));
    if !foreseen.is_empty() {
        return Err(unlike(args, &foreseen));
    }
    let machine = machine::describe(Timer::probe());
    let mut measured = bench.measure(args, &mut campaign, &machine, saved.as_ref(), steps)?;
    let mut comparison = measured.compare(args, &bench, &mut campaign, saved)?;
    if let Some(comparison) = &mut comparison.comparison {
        measured.notes.extend(apply(comparison, &accepted, accept::today()));
    }
    if let Some(path) = &args.save_baseline {
        if !args.keep_samples {
            measured.now.forget_samples();
        }
        save(path, &measured.now)?;
    }
    let report = assemble(args, &targets, seed, measured, comparison);
    if let (Some(path), Some(stacks)) = (&args.folded, &report.1) {
        out::write_to(Some(path), &mut |out| folded::write(out, stacks))?;
    }
    let report = report.0;
    steps.done();
    for place in &places {
        let view = View {
            width: terminal.width.filter(|_| place.path.is_none()),
            color: terminal.stdout_color && place.path.is_none(),
            top: args.top,
            wide: args.wide,
        };
        out::write(place, &mut |out| write(out, &report, place.format, &view))?;
    }
    if places.iter().any(|place| place.format == ProfileFormat::Github) {
        job_summary(&report, &View { top: args.top, ..View::default() })?;
    }
    if let Some(line) = out::wrote(&places) {
        say(args.console.quiet, &line);
    }
    if !report.incompatible.is_empty() {
        unlike(args, &report.incompatible).say();
    }
    Ok(match report.exit() {
        0 => Exit::Good,
        1 => Exit::No,
        _ => Exit::Failed,
    })
}

fn write(out: &mut dyn Write, report: &ProfileReport, format: ProfileFormat, view: &View) -> io::Result<()> {
    match format {
        ProfileFormat::Table => table::write(out, report, view),
        ProfileFormat::Json => json::write(out, report),
        ProfileFormat::Markdown => markdown::write(out, report, view),
        ProfileFormat::Github => github::write(out, report),
        ProfileFormat::Junit => junit::write(out, report),
        ProfileFormat::Hgrm => report.latencies.iter().try_for_each(|latencies| hgrm::write(out, latencies)),
    }
}

/// Appends the report to the summary of a workflow's job, inside one.
fn job_summary(report: &ProfileReport, view: &View) -> Result<(), Failure> {
    let Some(path) = std::env::var_os(JOB_SUMMARY).filter(|path| !path.is_empty()) else { return Ok(()) };
    let written = github::summary(report, view).and_then(|text| {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(text.as_bytes())
    });
    written.map_err(|error| Failure::new(format!("cannot write the job summary: {error}")))
}

/// Puts all together.
fn assemble(
    args: &ProfileArgs,
    targets: &Targets,
    seed: u64,
    measured: Measured,
    comparison: compared::Compared,
) -> (ProfileReport, Option<Vec<folded::Stack>>) {
    let compared::Compared { comparison, incompatible, base } = comparison;
    let grain = measured.now.machine.timer_grain_ns;
    let (mut results, mut extras, mut latencies) = (Vec::new(), Vec::new(), None);
    if let Some((taken, counted)) = &measured.report {
        let regression = targets.get(crate::profile::targets::REGRESSION);
        if let Some(target) = regression {
            let found = checks::measured(taken, counted, grain);
            results = targets.check(&found, regression_check(target, comparison.as_ref()));
        }
        extras = checks::extras(taken, counted, targets);
        latencies = taken.latencies(checks::LATENCY);
    }
    let mut notes = measured.notes;
    if cfg!(debug_assertions) {
        notes.push("debug build: its times say nothing about a release build".to_owned());
    }
    if comparison.as_ref().is_some_and(|comparison| comparison.has_no_base()) {
        notes.push("nothing was compared: all rules are new".to_owned());
    }
    let stacks = measured.staged.as_ref().map(|staged| {
        let stack = |(frames, value): &(Vec<String>, u64)| folded::Stack { frames: frames.clone(), value: *value };
        staged.stacks.iter().map(stack).collect()
    });
    let staged = measured.staged.unwrap_or_default();
    let rules = RuleCost::of_all(&measured.now, &measured.counted, &measured.grown, &staged);
    let totals = Totals::of(&rules, &measured.counted, &staged);
    let max_costs = args.max_costs();
    let max_costs = MaxCosts {
        samples_per_s: max_costs.samples_per_s.or(targets.max_costs.samples_per_s),
        series: max_costs.series.or(targets.max_costs.series),
    };
    let over = max_costs.over(&rules, totals.as_ref());
    let report = ProfileReport {
        totals,
        over,
        tool: measured.now.tool.clone(),
        created: measured.now.created.clone(),
        machine: measured.now.machine.clone(),
        plan: measured.now.plan.clone(),
        inputs: measured.now.inputs.clone(),
        seed,
        checks: results,
        extras,
        latencies,
        rules,
        stages: staged.stages.iter().map(|(stage, ns)| (stage.clone(), *ns as f64)).collect(),
        baseline: base,
        comparison,
        incompatible,
        notes,
        fail_on: args.fail_on.as_ref().map_or_else(|| FailOn::usual(args.compares()), |list| list.0.clone()),
    };
    (report, stacks)
}

/// Returns the metrics of counts.
fn counts(counted: &[Counted]) -> Vec<crate::profile::sample::Metric> {
    exact(counted)
}
