//! How times are taken: batches of a fixed number of operations, or single calls where the clock can see one.

use super::clock::{Usage, timed};
use super::histogram::Latencies;
use super::protocol::{Answer, Counted, Grown, Planned, Staged, Timed};

/// What a worker measures.
pub trait Bench {
    /// Finds how many operations take a batch. Unit: nanoseconds.
    ///
    /// # Errors
    /// Why it can not be measured, as a user is to be told.
    fn plan(&mut self, batch_ns: u64) -> Result<Vec<Planned>, String>;

    /// Measures times, in the order of the metrics.
    ///
    /// # Errors
    /// As [`Bench::plan`].
    fn time(&mut self, metrics: &[Planned], pace: Pace, say: &mut dyn FnMut(Timed)) -> Result<(), String>;

    /// Counts what repeats exactly.
    ///
    /// # Errors
    /// As [`Bench::plan`].
    fn count(&mut self) -> Result<Vec<Counted>, String>;

    /// Measures how each rule grows; a rule and size may take so long. Unit: nanoseconds.
    ///
    /// # Errors
    /// As [`Bench::plan`].
    fn grow(&mut self, budget_ns: u64) -> Result<Vec<Grown>, String>;

    /// Tells where the time goes.
    ///
    /// # Errors
    /// As [`Bench::plan`].
    fn stages(&mut self) -> Result<Staged, String>;
}

/// How many batches are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Batches that count.
    pub rounds: u64,
    /// Batches before them.
    pub warmup: u64,
    /// How many times longer a batch is made than it should be.
    pub slowdown: f64,
}

/// Work that is repeated.
pub(crate) trait Work {
    /// Does it so many times.
    fn run(&mut self, times: u64);
}

impl<F: FnMut()> Work for F {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            self();
        }
    }
}

/// How often a calibration is tried.
const TRIES: u32 = 40;

/// Finds how many operations take a batch: doubled until one is long enough, then scaled.
pub(crate) fn calibrate(work: &mut dyn Work, batch_ns: u64) -> u64 {
    let mut iters = 1_u64;
    for _ in 0..TRIES {
        // The best of three, for what disturbs one makes it longer only.
        let took = (0..3).map(|_| timed(|| work.run(iters))).min().unwrap_or(u64::MAX).max(1);
        if took >= batch_ns {
            return iters;
        }
        if took >= batch_ns / 8 {
            return (iters as f64 * batch_ns as f64 / took as f64).ceil() as u64;
        }
        iters = iters.saturating_mul(2);
    }
    iters
}

/// Takes batches. Unit of the result: nanoseconds an operation.
///
/// A slower program is one that does more work a batch than it is credited with.
pub(crate) fn batches(work: &mut dyn Work, iters: u64, pace: Pace) -> Vec<f64> {
    let done = (iters as f64 * pace.slowdown).round() as u64;
    for _ in 0..pace.warmup {
        work.run(done);
    }
    let mut batches = Vec::with_capacity(pace.rounds as usize);
    for _ in 0..pace.rounds {
        batches.push(timed(|| work.run(done)) as f64 / iters as f64);
    }
    batches
}

/// Times single calls, or chunks of them where the clock can not see one: the median of each batch of calls, and all
/// latencies together. Unit: nanoseconds a call.
pub(crate) fn calls(work: &mut dyn Work, iters: u64, chunk: u64, pace: Pace) -> Result<(Vec<f64>, Latencies), String> {
    let mut all = Latencies::new().map_err(|error| error.to_string())?;
    let mut batches = Vec::with_capacity(pace.rounds as usize);
    let mut batch = Vec::with_capacity(iters as usize);
    let done = (chunk as f64 * pace.slowdown).round().max(1.0) as u64;
    for round in 0..pace.warmup + pace.rounds {
        batch.clear();
        for _ in 0..iters {
            batch.push(timed(|| work.run(done)) / chunk);
        }
        if round >= pace.warmup {
            batch.iter().for_each(|ns| all.record((*ns).max(1)));
            batch.sort_unstable();
            batches.push(batch[batch.len() / 2] as f64);
        }
    }
    Ok((batches, all))
}

/// Measures something together with what the kernel counted meanwhile.
pub(crate) fn with_usage<T>(work: impl FnOnce() -> T) -> (T, Usage) {
    let before = Usage::now();
    let value = work();
    (value, Usage::now().since(before))
}

/// Does one job of a worker and says what came of it.
///
/// # Errors
/// When the answer can not be said.
pub fn answer(
    bench: &mut dyn Bench,
    job: super::protocol::Job,
    say: &mut dyn FnMut(&Answer) -> std::io::Result<()>,
) -> std::io::Result<()> {
    use super::protocol::Job;
    let failed = |message| Answer::Failed { message };
    match job {
        Job::Load(_) => say(&failed("the inputs were loaded already".to_owned())),
        Job::Calibrate { batch_us } => say(&match bench.plan(batch_us.saturating_mul(1000)) {
            Ok(metrics) => Answer::Calibrated { metrics },
            Err(message) => failed(message),
        }),
        Job::Time { metrics, rounds, warmup, slowdown } => {
            let mut broken = Ok(());
            let pace = Pace { rounds, warmup, slowdown };
            let done = bench.time(&metrics, pace, &mut |timed| {
                if broken.is_ok() {
                    broken = say(&Answer::Timed(timed));
                }
            });
            broken?;
            say(&done.map_or_else(failed, |()| Answer::Done))
        }
        Job::Count => say(&bench.count().map_or_else(failed, |metrics| Answer::Counted { metrics })),
        Job::Grow { budget_us } => match bench.grow(budget_us.saturating_mul(1000)) {
            Ok(grown) => {
                grown.into_iter().try_for_each(|grown| say(&Answer::Grown(grown)))?;
                say(&Answer::Done)
            }
            Err(message) => say(&failed(message)),
        },
        Job::Stages => say(&bench.stages().map_or_else(failed, Answer::Staged)),
    }
}
