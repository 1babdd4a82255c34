//! A process that measures: it reads jobs on standard input and answers on standard output.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::channel;
use std::time::Instant;

use crate::engine::{Engine, EngineOptions};
use crate::input::{Batches, Recording};
use crate::outcome::RunOptions;
use crate::outcome::summary::Summary;
use crate::profile::bench;
use crate::profile::clock::Timer;
use crate::profile::protocol::{Answer, Inputs, Job, LoadedRule};
use crate::profile::rule_bench::{RuleBench, reach_of};
use crate::profile::{process, workload::WorkloadBench};
use crate::replay::{self, Loaded, RunError};
use crate::report::table::{self, View};
use crate::rules::{Group, Rule, RuleKind, RuleSet};
use crate::store::Store;
use crate::time::Millis;

use super::super::{Exit, Failure, load};
use super::subject;

/// Serves until the parent is gone.
pub(super) fn run() -> Exit {
    // One thread: what one rule takes is not to be mixed with what another does meanwhile.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    let (send, lines) = channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if send.send(line).is_err() {
                return;
            }
        }
        end();
    });
    let mut rules: Option<RuleBench> = None;
    let mut output = io::stdout();
    let served = process::serve(&mut || lines.recv().ok(), &mut output, &mut |job, hear, say| match job {
        Job::Load(inputs) => match loaded(&inputs) {
            Ok((bench, answer)) => {
                rules = Some(bench);
                say(&answer)
            }
            Err(message) => say(&Answer::Failed { message }),
        },
        job => match &mut rules {
            Some(bench) => bench::answer(bench, job, hear, say),
            None => {
                // Only a plan asks for the grain of the clock, and to find it takes longer than most measurements.
                let grain_ns = if matches!(job, Job::Calibrate { .. }) { Timer::probe().grain_ns } else { 0.0 };
                bench::answer(&mut WorkloadBench { grain_ns }, job, hear, say)
            }
        },
    });
    if served.is_ok() { Exit::Good } else { Exit::Failed }
}

/// Ends a process whose parent is gone, whatever it measures.
#[expect(clippy::exit, reason = "the thread that measures does not look up")]
fn end() {
    let _ = io::stdout().flush();
    std::process::exit(i32::from(Exit::Good.code()));
}

/// Reads rules and recordings.
fn loaded(inputs: &Inputs) -> Result<(RuleBench, Answer), String> {
    let begun = Instant::now();
    let since = |begun: Instant| u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let mut rules = RuleSet { ignore_unknown_fields: inputs.ignore_unknown_fields, ..RuleSet::default() };
    inputs.rules.iter().for_each(|rule| rules.add(&rule.name, rule.text.as_bytes()));
    if let Some(first) = rules.diagnostics.sorted().iter().find(|_| rules.diagnostics.has_errors()) {
        return Err(format!("cannot read the rules: {}", first.message));
    }
    let (read, conflicts) = subject::read_options(inputs)?;
    let mut options = RunOptions { conflicts, ..RunOptions::default() };
    options.eval_interval.set(Some(Millis(inputs.interval)));
    options.lookback_delta.set(Some(Millis(inputs.lookback)));
    let register = || -> Result<Store, RunError> {
        let mut store =
            RuleBench::register(&rules.files, &options.engine(), options.conflicts).map_err(RunError::Rules)?;
        store.infer(options.stale.value);
        Ok(store)
    };
    register().map_err(|error| error.to_string())?;
    let planned = since(begun);
    let begun = Instant::now();
    let failed = |failure: Failure| failure.to_string().trim_start_matches("error: ").to_owned();
    let recordings = load::recordings(&inputs.recordings).map_err(failed)?;
    let mut recording = Recording::open(recordings, read).map_err(|error| error.to_string())?;
    let Loaded { store, survey, .. } =
        replay::load(&mut recording, &mut { register }).map_err(|error| error.to_string())?;
    let loading = vec![("read".to_owned(), since(begun)), ("plan".to_owned(), planned)];
    let (series, samples) = (store.len() as u64, store.ids().map(|id| store.facts(id).samples).sum());
    let loaded = declared(&rules, &options.engine());
    let (files, engine) = (rules.files.clone(), options.engine());
    let input = recording.summary().clone();
    let report = move |engine: &mut Engine, store: &Store| {
        let outcome = replay::conclude(&rules, &options, engine, (store, &survey), &input);
        let outcome = outcome.map_err(|error| error.to_string())?;
        table::write(&mut io::sink(), &outcome, &Summary::of(&outcome), &View::default())
            .map_err(|error| error.to_string())
    };
    let bench = RuleBench::new(files, engine, store, loading, Box::new(report))?;
    let span_ms = bench.span_ms();
    Ok((bench, Answer::Loaded { rules: loaded, series, samples, span_ms }))
}

/// Returns the rules as they stand in their files.
fn declared(rules: &RuleSet, options: &EngineOptions) -> Vec<LoadedRule> {
    let mut all = Vec::new();
    for (at, file) in rules.files.iter().enumerate() {
        for group in &file.groups {
            let interval = options.interval_of(group);
            let every = interval.map_or_else(|| group.evaluate.to_string(), |interval| interval.to_string());
            all.extend(group.rules.iter().map(|rule| LoadedRule {
                file: at,
                group: group.name.text.clone(),
                name: rule.name.text.clone(),
                records: matches!(rule.kind, RuleKind::Record),
                labels: rule.labels.iter().map(|(name, text)| (name.clone(), text.text().to_owned())).collect(),
                terms: terms(group, rule),
                reach_ms: reach_of(rule, group, options).0,
                enabled: rule.enabled,
                every: every.clone(),
                interval_ms: interval.map(|interval| interval.0),
                expr: rule.expr.to_string(),
                line: rules.sources.position(rule.at).line,
            }));
        }
    }
    all
}

/// Says what decides when a rule is active besides its expression, and how much of it there may be.
fn terms(group: &Group, rule: &Rule) -> String {
    let mut terms = Vec::new();
    if let RuleKind::Alert { hold, keep_firing, .. } = &rule.kind {
        let spans = [("for", *hold), ("keep_firing_for", *keep_firing)];
        terms.extend(spans.iter().filter(|(_, span)| span.0 > 0).map(|(name, span)| format!("{name} {span}")));
    }
    if group.limit > 0 {
        terms.push(format!("limit {}", group.limit));
    }
    if let Some(offset) = group.query_offset.filter(|offset| offset.0 > 0) {
        terms.push(format!("query_offset {offset}"));
    }
    terms.join(", ")
}
