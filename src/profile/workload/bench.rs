//! What is measured on the workload: the bench that runs when no rules are given.

use std::hint::black_box;

use crate::promql::parse::parse;
use crate::promql::plan::{Context, LowerOptions};
use crate::promql::probe::Unheard;
use crate::promql::program::{Inputs, Program, Root, Steps};
use crate::store::{Batch, Store};
use crate::time::{Millis, Timestamp};

use super::super::bench::{Bench, Listener, Pace, Turns, Wish, Work, calibrate, in_turns, with_usage};
use super::super::campaign::CALIBRATION;
use super::super::clock::{Usage, timed};
use super::super::protocol::{Counted, Grown, Planned, Staged, Timed};
use super::{CADENCE, CYCLE, EPOCH, Feed, METRICS, Rules, WorkloadError, labels, memory, snapshots};

/// Evaluations of a condition that are made in one block, as a recording is evaluated.
const BLOCK: usize = 64;
/// Calls of a batch, where calls are timed one by one.
const CALLS: u64 = 500;
/// Calls that are timed as one, where the clock cannot see one.
const CHUNK: u64 = 32;
/// Evaluations of conditions that are timed as one: a block of each kind.
const CONDITION_CHUNK: u64 = (BLOCK * CONDITIONS.len()) as u64;
/// How many grains of the clock a call must take to be timed alone.
const GRAINS: f64 = 20.0;
/// Events of one window of a throughput.
const WINDOW: u64 = 10_000;
/// Events of one window with very many rules, which is as long in time.
const SHORT_WINDOW: u64 = 200;
/// Of how many batches there is one window, which is some hundred batches long.
const BATCHES_A_WINDOW: u64 = 8;

/// The kinds of condition, as the rules write them.
const CONDITIONS: [(&str, &str); 5] = [
    ("cond.above.ns", "avg_initial_sync_duration_secs > 30"),
    ("cond.below.ns", "backup_created_count < 1"),
    ("cond.between.ns", "(avg_initial_sync_duration_secs >= 10) <= 20"),
    ("cond.equals.ns", "min_initial_sync_duration_secs and abs(min_initial_sync_duration_secs - 3) < 0.001"),
    (
        "cond.rate_of_change.ns",
        "((last_over_time(warm_restart_count[5m]) - first_over_time(warm_restart_count[5m])) / \
         ((ts_of_last_over_time(warm_restart_count[5m]) - ts_of_first_over_time(warm_restart_count[5m])) >= 1)) > 0.5 \
         and warm_restart_count",
    ),
];

/// How a metric is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// Batches of some 200 us.
    Batch,
    /// Calls one by one, or in chunks; of so many if that is given.
    Calls(Option<u64>),
    /// Windows of so many events.
    Window(u64),
    /// The first call of all, once a process.
    Cold,
}

/// What is timed.
#[derive(Clone, Copy)]
struct Spec {
    id: &'static str,
    /// `ns`, `ms` or `events/s`.
    unit: &'static str,
    /// The operations that a value covers.
    ops: u64,
    shape: Shape,
    make: fn() -> Result<Box<dyn Work>, WorkloadError>,
}

const fn spec(
    id: &'static str,
    unit: &'static str,
    shape: Shape,
    make: fn() -> Result<Box<dyn Work>, WorkloadError>,
) -> Spec {
    Spec { id, unit, ops: 1, shape, make }
}

const QUIET: Rules = thresholds(1);

/// Returns so many rules that never fire.
const fn thresholds(count: usize) -> Rules {
    Rules::Thresholds { count, firing: false }
}

const SPECS: [Spec; 24] = [
    spec("latency.cold_first", "ns", Shape::Cold, || fed(QUIET)),
    spec("latency.call.ns", "ns", Shape::Calls(None), || fed(QUIET)),
    spec("throughput.no_rules", "events/s", Shape::Window(WINDOW), || fed(Rules::None)),
    spec("throughput.rules10", "events/s", Shape::Window(WINDOW), || fed(Rules::All)),
    spec("throughput.thresholds1", "events/s", Shape::Window(WINDOW), || fed(thresholds(1))),
    spec("throughput.thresholds10", "events/s", Shape::Window(WINDOW), || fed(thresholds(10))),
    spec("throughput.thresholds100", "events/s", Shape::Window(SHORT_WINDOW), || fed(thresholds(100))),
    spec("throughput.thresholds1000", "events/s", Shape::Window(SHORT_WINDOW), || fed(thresholds(1_000))),
    spec("health_score.call.ns", "ns", Shape::Calls(None), || fed(Rules::Derived)),
    spec("condition.chunk.ns", "ns", Shape::Calls(Some(CONDITION_CHUNK)), || blocks(&CONDITIONS.map(|(_, expr)| expr))),
    spec(CONDITIONS[0].0, "ns", Shape::Batch, || blocks(&[CONDITIONS[0].1])),
    spec(CONDITIONS[1].0, "ns", Shape::Batch, || blocks(&[CONDITIONS[1].1])),
    spec(CONDITIONS[2].0, "ns", Shape::Batch, || blocks(&[CONDITIONS[2].1])),
    spec(CONDITIONS[3].0, "ns", Shape::Batch, || blocks(&[CONDITIONS[3].1])),
    spec(CONDITIONS[4].0, "ns", Shape::Batch, || blocks(&[CONDITIONS[4].1])),
    Spec { ops: 100_000, ..spec("extraction.100k", "ms", Shape::Batch, || blocks(&METRICS)) },
    spec("live.rule1.ns", "ns", Shape::Batch, || fed(QUIET)),
    spec("live.rule1.firing.ns", "ns", Shape::Batch, || fed(Rules::Thresholds { count: 1, firing: true })),
    spec("live.rules10.ns", "ns", Shape::Batch, || fed(Rules::All)),
    spec("live.rules1000.ns", "ns", Shape::Batch, || fed(thresholds(1_000))),
    spec("loop.floor.ns", "ns", Shape::Batch, floor),
    spec("calibration.int", "ns", Shape::Batch, || Ok(Box::new(integers()))),
    spec("calibration.wide", "ns", Shape::Batch, || Ok(Box::new(wide()))),
    spec("calibration.mix", "ns", Shape::Batch, || Ok(Box::new(mixed()))),
];

/// Metrics whose time is spent in the processor rather than in memory: what `--self-check` looks at.
pub const CPU_BOUND: [&str; 8] = [
    "cond.above.ns",
    "cond.below.ns",
    "cond.between.ns",
    "cond.equals.ns",
    "cond.rate_of_change.ns",
    "extraction.100k",
    "live.rule1.ns",
    "live.rules10.ns",
];

/// Measures the workload.
#[derive(Debug)]
pub struct WorkloadBench {
    /// The clock's grain. Unit: nanoseconds.
    pub grain_ns: f64,
}

impl WorkloadBench {
    fn spec(id: &str) -> Result<&'static Spec, String> {
        SPECS
            .iter()
            .find(|spec| spec.id == id)
            .ok_or_else(|| format!("this version of alertctl does not measure `{id}`"))
    }
}

impl Bench for WorkloadBench {
    fn plan(&mut self, wish: &Wish) -> Result<(Vec<Planned>, u64), String> {
        let mut planned = Vec::new();
        for spec in &SPECS {
            let mut work = (spec.make)().map_err(|error| error.to_string())?;
            let (iters, chunk) = match spec.shape {
                Shape::Batch => (calibrate(&mut *work, wish.batch_ns), 1),
                Shape::Calls(Some(chunk)) => (CALLS, chunk),
                Shape::Calls(None) => {
                    work.run(CALLS);
                    let alone = timed(|| work.run(CALLS)) as f64 / CALLS as f64;
                    (CALLS, if alone >= GRAINS * self.grain_ns { 1 } else { CHUNK })
                }
                Shape::Window(events) => (events, 1),
                Shape::Cold => (1, 1),
            };
            planned.push(Planned { id: spec.id.to_owned(), rule: None, iters, chunk });
        }
        let batch_ns = wish.batch_ns * planned.len() as u64;
        Ok((planned, batch_ns))
    }

    fn time(&mut self, metrics: &[Planned], pace: Pace, listener: &mut dyn Listener) -> Result<(), String> {
        let shape = |planned: &&Planned| Self::spec(&planned.id).map(|spec| spec.shape);
        let failed = |error: WorkloadError| error.to_string();
        for planned in metrics.iter().filter(|planned| matches!(shape(planned), Ok(Shape::Cold))) {
            let spec = Self::spec(&planned.id)?;
            let mut work = (spec.make)().map_err(failed)?;
            let first = timed(|| work.run(1)) as f64;
            listener.take(told(spec, planned, vec![first], None, Usage::default(), 1));
        }
        let (mut specs, mut turns) = (Vec::new(), Vec::new());
        for planned in metrics {
            let spec = Self::spec(&planned.id)?;
            let mut turn = match spec.shape {
                Shape::Batch => Turns::of_batches((spec.make)().map_err(failed)?, planned.iters),
                Shape::Calls(_) => Turns::of_calls((spec.make)().map_err(failed)?, planned.iters, planned.chunk)?,
                Shape::Window(_) | Shape::Cold => continue,
            };
            turn.more = more(spec, pace)?;
            specs.push((spec, planned));
            turns.push(turn);
        }
        let (done, usage) = with_usage(|| in_turns(&mut turns, pace, listener));
        done?;
        for ((spec, planned), turn) in specs.into_iter().zip(turns) {
            let hist = turn.calls.map(|calls| calls.to_text()).transpose().map_err(|error| error.to_string())?;
            let all = planned.iters * planned.chunk * (pace.rounds + pace.warmup);
            listener.take(told(spec, planned, turn.batches, hist, usage, all));
        }
        // Windows are many batches long: each alone.
        for planned in metrics.iter().filter(|planned| matches!(shape(planned), Ok(Shape::Window(_)))) {
            let spec = Self::spec(&planned.id)?;
            let pace = Pace { rounds: pace.rounds.div_ceil(BATCHES_A_WINDOW), warmup: 1, turn: 1, ..pace };
            let mut turns = [Turns::of_batches((spec.make)().map_err(failed)?, planned.iters)];
            turns[0].more = more(spec, pace)?;
            let (done, usage) = with_usage(|| in_turns(&mut turns, pace, listener));
            done?;
            let [turn] = turns;
            listener.take(told(spec, planned, turn.batches, None, usage, planned.iters * (pace.rounds + 1)));
        }
        Ok(())
    }

    fn count(&mut self) -> Result<Vec<Counted>, String> {
        memory::count().map_err(|error| error.to_string())
    }

    fn grow(&mut self, _budget_ns: u64) -> Result<Vec<Grown>, String> {
        Ok(Vec::new())
    }

    fn stages(&mut self) -> Result<Staged, String> {
        Ok(Staged::default())
    }
}

/// Makes what a slower program does besides; the loops that tell about the machine are never made slower.
fn more(spec: &Spec, pace: Pace) -> Result<Option<Box<dyn Work>>, String> {
    let slows = pace.slowdown > 1.0 && !spec.id.starts_with(CALIBRATION);
    slows.then(spec.make).transpose().map_err(|error| error.to_string())
}

/// Returns what is reported for one metric; `batches` in nanoseconds an operation.
fn told(
    spec: &Spec,
    planned: &Planned,
    mut batches: Vec<f64>,
    hist: Option<String>,
    usage: Usage,
    all_ops: u64,
) -> Timed {
    for value in &mut batches {
        *value = match spec.unit {
            "ms" => *value * spec.ops as f64 / 1e6,
            "events/s" => 1e9 / *value,
            _ => *value,
        };
    }
    Timed {
        id: spec.id.to_owned(),
        rule: None,
        unit: spec.unit.to_owned(),
        higher_is_better: spec.unit == "events/s",
        ops: spec.ops,
        batches,
        hist,
        chunk: planned.chunk,
        switches: usage.involuntary_switches,
        cpu_ns: usage.cpu_ns,
        all_ops,
    }
}

/// Returns snapshots that are taken in and evaluated one by one.
fn fed(rules: Rules) -> Result<Box<dyn Work>, WorkloadError> {
    let mut feed = Feed::new(rules)?;
    Ok(Box::new(move || {
        feed.step();
        black_box(feed.events);
    }))
}

/// Expressions that are evaluated in turn, each over a block of snapshots, as a recording is.
struct Blocks {
    store: Store,
    programs: Vec<Program>,
    slots: Vec<Timestamp>,
    /// Results so far.
    results: u64,
    turn: usize,
    /// Roots of a program: operations of one step.
    roots: usize,
}

/// Returns expressions that are evaluated by blocks; names of metrics alone go into one program.
fn blocks(exprs: &[&str]) -> Result<Box<dyn Work>, WorkloadError> {
    let mut store = Store::default();
    store.keep_all();
    let series: Vec<_> = METRICS.iter().map(|metric| store.series(&labels(metric, 0))).collect();
    let mut batch = Batch::default();
    let mut slots = Vec::with_capacity(CYCLE);
    for (at, row) in snapshots().iter().enumerate() {
        let time = Timestamp(EPOCH + at as i64 * CADENCE.0);
        slots.push(time);
        series.iter().zip(row).for_each(|(series, value)| batch.push(*series, time, *value, 0));
        store.append(&batch).map_err(|_| WorkloadError("snapshots are out of order".to_owned()))?;
        batch.clear();
    }
    let together = exprs.iter().all(|expr| METRICS.contains(expr));
    let mut programs: Vec<Program> = Vec::new();
    for expr in exprs {
        if programs.is_empty() || !together {
            programs.push(Program::new(LowerOptions {
                lookback: Millis(300_000),
                subquery_step: CADENCE,
                delayed_names: false,
                start_timestamps: false,
                context: Context::Rule,
                reads_written: false,
            }));
        }
        let Some(program) = programs.last_mut() else { continue };
        program.add(&parse(expr).expr).map_err(|_| WorkloadError(format!("cannot evaluate `{expr}`")))?;
    }
    let inputs = Inputs::of(&store);
    programs.iter_mut().for_each(|program| program.bind_unregistered(&inputs));
    let roots = if together { exprs.len() } else { 1 };
    Ok(Box::new(Blocks { store, programs, slots, results: 0, turn: 0, roots }))
}

impl Work for Blocks {
    /// Makes at least so many evaluations, by whole blocks where it can.
    fn run(&mut self, times: u64) {
        let mut left = times;
        while left > 0 {
            let steps = BLOCK.min(usize::try_from(left.div_ceil(self.roots as u64)).unwrap_or(BLOCK));
            let from = (self.turn * BLOCK) % CYCLE;
            let at = self.turn % self.programs.len();
            let inputs = Inputs::of(black_box(&self.store));
            let steps = Steps { slots: &self.slots[from..from + steps], offset: Millis::ZERO };
            let results = &mut self.results;
            let sink = &mut |_, root: Root<'_>| *results += black_box(root.present[0]) & 1;
            self.programs[at].run_probed(&inputs, &steps, &mut Unheard, sink);
            self.turn += 1;
            left = left.saturating_sub((steps.slots.len() * self.roots) as u64);
        }
        black_box(self.results);
    }
}

/// What is around every operation, and nothing in it.
fn floor() -> Result<Box<dyn Work>, WorkloadError> {
    Ok(Box::new(|| {
        black_box(black_box(1_u64));
    }))
}

/// A loop over integers: its speed is the processor's.
fn integers() -> impl FnMut() {
    let mut state = 1_u64;
    move || {
        for _ in 0..64 {
            state = black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        }
    }
}

/// Eight chains of integers at once: its speed is that of all units of a core, so that it feels a neighbour on the
/// other half of the core, whom a single chain does not feel.
fn wide() -> impl FnMut() {
    let mut states = [1_u64, 2, 3, 4, 5, 6, 7, 8];
    move || {
        for _ in 0..64 {
            for state in &mut states {
                *state = (*state ^ (*state >> 7)).wrapping_add(0x9e37_79b9_7f4a_7c15);
            }
        }
        black_box(&mut states);
    }
}

/// A loop over a few hundred kilobytes: its speed is that of the processor and its caches.
fn mixed() -> impl FnMut() {
    let mut values = vec![1_u64; 32 << 10];
    let mut state = 1_u64;
    move || {
        for _ in 0..64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (state >> 40) as usize % values.len();
            values[at] = black_box(values[at].wrapping_add(state));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_can_be_set_up_and_run() {
        for spec in &SPECS {
            let mut work = (spec.make)().unwrap_or_else(|error| panic!("{}: {error}", spec.id));
            work.run(3);
        }
        assert!(CPU_BOUND.iter().all(|id| SPECS.iter().any(|spec| spec.id == *id)));
    }

    #[test]
    fn an_answer_has_as_many_batches_as_were_asked_for() {
        let mut bench = WorkloadBench { grain_ns: 1.0 };
        let planned: Vec<Planned> = ["latency.call.ns", "cond.above.ns", "latency.cold_first"]
            .map(|id| Planned { id: id.to_owned(), rule: None, iters: 10, chunk: 2 })
            .to_vec();
        let mut got: Vec<Timed> = Vec::new();
        let pace = Pace { rounds: 4, warmup: 1, turn: 3, slowdown: 1.0 };
        bench.time(&planned, pace, &mut got).expect("known");
        let got: Vec<_> = got.iter().map(|timed| (timed.batches.len(), timed.hist.is_some())).collect();
        assert_eq!(got, [(1, false), (4, true), (4, false)]);
        let unknown = Planned { id: "x".to_owned(), rule: None, iters: 1, chunk: 1 };
        assert!(bench.time(&[unknown], pace, &mut Vec::new()).is_err());
    }
}
