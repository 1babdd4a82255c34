//! A process that measures: it reads jobs on standard input and answers on standard output.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::channel;
use std::time::Instant;

use crate::diagnostic::Diagnostics;
use crate::engine::{Engine, EngineOptions};
use crate::input::{Progress, ReadOptions, Recording};
use crate::profile::bench;
use crate::profile::clock::Timer;
use crate::profile::protocol::{Answer, Inputs, Job, LoadedRule};
use crate::profile::rule_bench::RuleBench;
use crate::profile::{process, workload::ReportBench};
use crate::rules::{self, RuleFile};
use crate::source::SourceMap;
use crate::store::{Batch, Stale, Store};
use crate::time::Millis;

use super::super::eval::Plain;
use super::super::rules::Loaded;
use super::super::{Failure, Outcome, load};

/// Serves until the parent is gone.
pub(super) fn run() -> Outcome {
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
                bench::answer(&mut ReportBench { grain_ns }, job, hear, say)
            }
        },
    });
    if served.is_ok() { Outcome::Good } else { Outcome::Failed }
}

/// Ends a process whose parent is gone, whatever it measures.
#[expect(clippy::exit, reason = "the thread that measures does not look up")]
fn end() {
    let _ = io::stdout().flush();
    std::process::exit(i32::from(Outcome::Good.code()));
}

/// Reads rules and recordings.
fn loaded(inputs: &Inputs) -> Result<(RuleBench, Answer), String> {
    let begun = Instant::now();
    let since = |begun: Instant| u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let mut files = Vec::new();
    for rule in &inputs.rules {
        files.extend(rules::load(&mut sources, &rule.name, rule.text.as_bytes(), &mut diagnostics));
    }
    if let Some(first) = diagnostics.sorted().iter().find(|_| diagnostics.has_errors()) {
        return Err(format!("the rules can not be read: {}", first.message));
    }
    let options = EngineOptions {
        interval: Millis(inputs.interval),
        lookback: Millis(inputs.lookback),
        ..EngineOptions::default()
    };
    // As `eval` does where nothing else is said.
    let register = || {
        let mut store = RuleBench::register(&files, &options)?;
        store.infer(Stale::Auto);
        Ok::<_, String>(store)
    };
    let mut store = register()?;
    let planned = since(begun);
    let begun = Instant::now();
    let failed = |failure: Failure| failure.to_string().trim_start_matches("error: ").to_owned();
    let read = ReadOptions { labels: inputs.labels.clone(), ..ReadOptions::default() };
    let recordings = load::recordings(&inputs.recordings).map_err(failed)?;
    let mut recording = Recording::open(recordings, read).map_err(|error| error.to_string())?;
    let mut batch = Batch::default();
    loop {
        match recording.next_batch(&mut store, &mut batch).map_err(|error| error.to_string())? {
            Progress::Restart => store = register()?,
            Progress::End => break,
            Progress::Batch(watermark) => {
                recording.append(&mut store, &batch).map_err(|error| error.to_string())?;
                store.advance(watermark);
            }
        }
    }
    let loading = vec![("read".to_owned(), since(begun)), ("plan".to_owned(), planned)];
    let (series, samples) = (store.len() as u64, store.ids().map(|id| store.facts(id).samples).sum());
    let rules = declared(&files, &sources);
    let loaded = Loaded { sources, files: files.clone(), findings: Vec::new() };
    let plain = Plain::new(loaded, recording.summary().clone()).map_err(|error| error.to_string())?;
    let report = move |engine: &mut Engine, store: &Store| plain.write(engine, store, &mut io::sink()).map_err(failed);
    let mut bench = RuleBench::new(files, options, store, loading, Box::new(report))?;
    let read = bench.read_series()?;
    Ok((bench, Answer::Loaded { rules, series, samples, read }))
}

/// Returns the rules as they stand in their files.
fn declared(files: &[RuleFile], sources: &SourceMap) -> Vec<LoadedRule> {
    let mut all = Vec::new();
    for (at, file) in files.iter().enumerate() {
        for group in &file.groups {
            all.extend(group.rules.iter().map(|rule| LoadedRule {
                file: at,
                group: group.name.text.clone(),
                name: rule.name.text.clone(),
                expr: rule.expr.to_string(),
                line: sources.position(rule.at).line,
            }));
        }
    }
    all
}
