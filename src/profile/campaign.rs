//! Sessions of several processes, in an order that looks random, and what they say together.

use std::path::PathBuf;

use super::bench::Wish;
use super::clock::stopwatch;
use super::dice::Dice;
use super::fields::Unknown;
use super::histogram::Latencies;
use super::process::{Slowest, Worker, WorkerError};
use super::protocol::{Answer, Counted, Grown, Hello, Inputs, Job, LoadedRule, Planned, Staged, Timed};
use super::sample::{Calibration, Kind, Metric};
use super::stats;

/// Metrics that are shown but not kept: times that differ from process to process by their nature, and counts that
/// another one of the rule says better.
const SHOWN_ONLY: [&str; 4] = ["latency.cold_first", "loop.floor.ns", "rule.samples", "rule.allocs"];
/// What the ids of counts end with that are shown but not kept: they depend on what the heap held before.
pub(crate) const USABLE: &str = ".usable";
/// What the ids of the loops begin with that tell whether the machine changed.
pub const CALIBRATION: &str = "calibration.";

/// What is measured: a program, on inputs of the user or on the workload of the report.
#[derive(Clone, Debug)]
pub struct Side {
    /// The program.
    pub exe: PathBuf,
    /// Whether it is another one than this.
    pub foreign: bool,
    /// The inputs of the user.
    pub inputs: Option<Inputs>,
    /// How many times longer its batches are made than they should be.
    pub slowdown: f64,
}

/// What a worker made of the inputs of a user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// What the worker is.
    pub hello: Hello,
    /// The rules, in order.
    pub rules: Vec<LoadedRule>,
    /// Series of the recordings.
    pub series: u64,
    /// Samples of the recordings.
    pub samples: u64,
    /// From the first sample to the last one. Unit: milliseconds.
    pub span_ms: i64,
    /// How long the worker took to be there with all of it. Unit: nanoseconds.
    pub took_ns: u64,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// Processes of a session.
    pub processes: u64,
    /// Batches of a process.
    pub rounds: u64,
    /// Batches before them.
    pub warmup: u64,
    /// Processes of a side that are alive together, and measure in turns.
    pub abreast: u64,
}

/// Batches that a process takes in one turn.
///
/// More than one, so that what the caches lost to other processes spoils a share of the batches that the low decile
/// does not see. Few, so that the batches of each process are spread over all of a session.
const TURN: u64 = 4;

/// The times that one session took of one side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// By process, in the order they ran.
    pub processes: Vec<Vec<Timed>>,
}

/// A process between two turns.
struct Running<'a> {
    /// The place of its side.
    side: usize,
    worker: Worker<'a>,
    /// What it reported so far.
    timed: Vec<Timed>,
}

/// Runs measuring processes.
pub struct Campaign<'a> {
    /// Whether the user wants it to stop.
    pub stop: &'a dyn Fn() -> bool,
    /// Called whenever a process is done.
    pub tick: &'a dyn Fn(),
    /// The order.
    pub dice: Dice,
    /// The slowest answer so far.
    pub slowest: Slowest,
}

impl<'a> Campaign<'a> {
    /// Starts a worker and lets it load.
    ///
    /// # Errors
    /// When it is no worker, or cannot load.
    pub fn start(&self, side: &Side) -> Result<(Worker<'a>, Loaded), WorkerError> {
        let begun = stopwatch();
        let mut worker = Worker::start(&side.exe, side.foreign, self.stop, self.slowest.clone())?;
        let hello = worker.hello.clone();
        let Some(inputs) = &side.inputs else { return Ok((worker, Loaded { hello, ..Loaded::default() })) };
        match worker.ask(&Job::Load(Box::new(inputs.clone())))?.pop() {
            Some(Answer::Loaded { rules, series, samples, span_ms }) => {
                Ok((worker, Loaded { hello, rules, series, samples, span_ms, took_ns: begun() }))
            }
            _ => Err(worker.odd()),
        }
    }

    /// Starts a worker of a side and lets it count what repeats exactly.
    ///
    /// # Errors
    /// When the worker does not answer.
    pub fn prepare(&self, side: &Side) -> Result<Prepared<'a>, WorkerError> {
        let (mut worker, loaded) = self.start(side)?;
        let counting = stopwatch();
        let answer = worker.ask(&Job::Count)?.pop();
        (self.tick)();
        match answer {
            Some(Answer::Counted { metrics }) => {
                Ok(Prepared { worker, loaded, counted: metrics, counted_ns: counting() })
            }
            _ => Err(worker.odd()),
        }
    }

    /// Lets a side say what it can time, and how many operations take a batch; and what it loaded.
    ///
    /// # Errors
    /// When the worker does not answer.
    pub fn plan(&self, side: &Side, batch_us: u64) -> Result<(Vec<Planned>, Loaded), WorkerError> {
        let (mut worker, loaded) = self.start(side)?;
        let batch_ns = batch_us.saturating_mul(1_000);
        let (planned, _) = planned(&mut worker, Wish { batch_ns, most_ns: u64::MAX, rules: None })?;
        Ok((planned, loaded))
    }

    /// Takes the times of all sides that have a plan, by processes that live side by side and measure in turns, in an order that looks
    /// random.
    ///
    /// A busy host is slow for seconds and then fast again: processes that ran one after another each had another
    /// spell, and differed by 45 % where the same ones in turns differ by 3 %.
    ///
    /// # Errors
    /// When a worker does not answer.
    pub fn session(&mut self, sides: &[(&Side, &[Planned])], amount: Amount) -> Result<Vec<Taken>, WorkerError> {
        let mut taken = vec![Taken::default(); sides.len()];
        let mut left = amount.processes;
        while left > 0 {
            let abreast = left.min(amount.abreast.max(1));
            left -= abreast;
            let mut running = Vec::new();
            for _ in 0..abreast {
                let mut order: Vec<usize> = (0..sides.len()).filter(|at| !sides[*at].1.is_empty()).collect();
                self.dice.shuffle(&mut order);
                for at in order {
                    running.push(self.set_going(at, sides[at], amount)?);
                }
            }
            while !running.is_empty() {
                self.dice.shuffle(&mut running);
                let mut still = Vec::new();
                for mut one in running {
                    one.worker.send(&Job::Turn)?;
                    if one.worker.turn(&mut one.timed)? {
                        taken[one.side].processes.push(one.timed);
                        (self.tick)();
                    } else {
                        still.push(one);
                    }
                }
                running = still;
            }
        }
        Ok(taken)
    }

    /// Starts a process that measures, up to where it waits for its first turn.
    fn set_going(
        &mut self,
        at: usize,
        (side, planned): (&Side, &[Planned]),
        amount: Amount,
    ) -> Result<Running<'a>, WorkerError> {
        let mut metrics = planned.to_vec();
        self.dice.shuffle(&mut metrics);
        // The first call of a process is the first only before all others.
        metrics.sort_by_key(|metric| metric.id != SHOWN_ONLY[0]);
        let (worker, _) = self.start(side)?;
        let Amount { rounds, warmup, .. } = amount;
        let mut running = Running { side: at, worker, timed: Vec::new() };
        running.worker.send(&Job::Time { metrics, rounds, warmup, turn: TURN, slowdown: side.slowdown })?;
        if running.worker.turn(&mut running.timed)? {
            return Err(running.worker.odd());
        }
        Ok(running)
    }
}

/// A worker that loaded the inputs of its side and counted what repeats exactly, and can do more with them.
pub struct Prepared<'a> {
    worker: Worker<'a>,
    /// What it loaded.
    pub loaded: Loaded,
    /// What it counted.
    pub counted: Vec<Counted>,
    /// How long that took. Unit: nanoseconds.
    pub counted_ns: u64,
}

impl Prepared<'_> {
    /// Lets it say what it has time for, how many operations take a batch, and how long a batch of all of that takes, in
    /// nanoseconds.
    ///
    /// # Errors
    /// When the worker does not answer.
    pub fn plan(&mut self, wish: Wish) -> Result<(Vec<Planned>, u64), WorkerError> {
        planned(&mut self.worker, wish)
    }

    /// Finds where the time goes.
    ///
    /// # Errors
    /// When the worker does not answer.
    pub fn stages(&mut self) -> Result<Staged, WorkerError> {
        match self.worker.ask(&Job::Stages)?.pop() {
            Some(Answer::Staged(staged)) => Ok(staged),
            _ => Err(self.worker.odd()),
        }
    }

    /// Measures how rules grow, within so many microseconds.
    ///
    /// # Errors
    /// When the worker does not answer.
    pub fn grow(&mut self, budget_us: u64) -> Result<Vec<Grown>, WorkerError> {
        let grown = self.worker.ask(&Job::Grow { budget_us })?.into_iter().map(|answer| match answer {
            Answer::Grown(grown) => Ok(grown),
            _ => Err(self.worker.odd()),
        });
        grown.collect()
    }
}

fn planned(worker: &mut Worker<'_>, wish: Wish) -> Result<(Vec<Planned>, u64), WorkerError> {
    let Wish { batch_ns, most_ns, rules } = wish;
    match worker.ask(&Job::Calibrate { batch_us: batch_ns / 1_000, most_us: most_ns / 1_000, rules })?.pop() {
        Some(Answer::Calibrated { metrics, batch_ns }) => Ok((metrics, batch_ns)),
        _ => Err(worker.odd()),
    }
}

/// Metrics of counts, which are the same in every session; what the allocator makes of sizes is shown only.
#[must_use]
pub fn exact(counted: &[Counted]) -> Vec<Metric> {
    let metric = |counted: &Counted| {
        let metric = Metric::exact(&counted.id, &counted.unit, counted.kind(), &[counted.value])?;
        Some(Metric { rule: counted.rule, ..metric })
    };
    let kept = |counted: &&Counted| !counted.id.ends_with(USABLE) && !SHOWN_ONLY.contains(&counted.id.as_str());
    counted.iter().filter(kept).filter_map(metric).collect()
}

impl Taken {
    /// Returns what the processes say of one metric.
    #[must_use]
    pub fn of(&self, id: &str, rule: Option<usize>) -> Vec<&Timed> {
        let is = |timed: &&Timed| timed.id == id && timed.rule == rule;
        self.processes.iter().filter_map(|process| process.iter().find(is)).collect()
    }

    /// Walks over the ids and rules of all metrics, sorted.
    fn keys(&self) -> Vec<(String, Option<usize>)> {
        let mut keys: Vec<_> = self.processes.iter().flatten().map(|timed| (timed.id.clone(), timed.rule)).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// Returns all latencies of one metric together.
    #[must_use]
    pub fn latencies(&self, id: &str) -> Option<Latencies> {
        let mut all = Latencies::new().ok()?;
        for timed in self.of(id, None) {
            all.add(&Latencies::from_text(timed.hist.as_deref()?).ok()?).ok()?;
        }
        (!all.is_empty()).then_some(all)
    }

    /// Returns the metrics that are kept and compared.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let kept = |id: &str| !SHOWN_ONLY.contains(&id) && !id.starts_with(CALIBRATION);
        let metric = |(id, rule): (String, Option<usize>)| {
            let timed = self.of(&id, rule);
            let first = timed.first()?;
            let kind = if first.higher_is_better { Kind::Rate } else { Kind::Time };
            let processes: Vec<Vec<f64>> = timed.iter().map(|timed| timed.batches.clone()).collect();
            let metric = Metric::of_batches(&id, &first.unit, first.better(), kind, &processes)?;
            let hist = self.latencies(&id).and_then(|latencies| latencies.to_text().ok());
            let nivcsw = timed.iter().map(|timed| timed.switches).collect();
            Some(Metric { rule, ops: first.ops, hist, nivcsw, samples: processes, ..metric })
        };
        self.keys().into_iter().filter(|(id, _)| kept(id)).filter_map(metric).collect()
    }

    /// Returns the loops that tell whether the machine changed, by name.
    #[must_use]
    pub fn calibration(&self) -> std::collections::BTreeMap<String, Calibration> {
        let one = |(id, rule): (String, Option<usize>)| {
            let name = id.strip_prefix(CALIBRATION)?.to_owned();
            let lows: Vec<f64> =
                self.of(&id, rule).iter().filter_map(|timed| stats::low_decile(&timed.batches)).collect();
            let p10 = stats::median(&lows)?;
            Some((name, Calibration { p10, spread: stats::relative_spread(&lows)?, unknown: Unknown::new() }))
        };
        self.keys().into_iter().filter_map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(id: &str, batches: &[f64]) -> Timed {
        Timed {
            id: id.to_owned(),
            rule: None,
            unit: "ns".to_owned(),
            higher_is_better: false,
            ops: 1,
            batches: batches.to_vec(),
            hist: None,
            chunk: 1,
            switches: 2,
            cpu_ns: 5,
            all_ops: 10,
        }
    }

    #[test]
    fn processes_become_metrics_and_calibration() {
        let process = |at: f64| {
            vec![
                timed("cond.above.ns", &[at, at]),
                timed("calibration.int", &[1.0]),
                timed("latency.cold_first", &[9.0]),
            ]
        };
        let taken = Taken { processes: vec![process(2.0), process(4.0), process(3.0)] };
        let metrics = taken.metrics();
        assert_eq!(metrics.len(), 1);
        assert_eq!((metrics[0].id.as_str(), &metrics[0].per_process.p10), ("cond.above.ns", &vec![2.0, 4.0, 3.0]));
        assert_eq!(metrics[0].nivcsw, [2, 2, 2]);
        assert_eq!(metrics[0].samples, [[2.0, 2.0], [4.0, 4.0], [3.0, 3.0]]);
        assert_eq!(taken.calibration()["int"].p10, 1.0);
        assert_eq!(taken.of("latency.cold_first", None).len(), 3);
    }
}
