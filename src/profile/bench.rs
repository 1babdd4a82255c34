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

    /// Measures how each rule grows; all of them together may take so long. Unit: nanoseconds.
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

/// Work that is timed in turns with other work, so that the batches of each are spread over the life of a process:
/// taken one after another they would all fall into one spell of a busy or quiet machine.
pub(crate) struct Turns {
    work: Box<dyn Work>,
    iters: u64,
    /// How many operations are timed as one call; none where a batch is timed whole.
    chunk: Option<u64>,
    /// By batch: nanoseconds an operation; of calls, the median of the batch.
    pub batches: Vec<f64>,
    /// All calls.
    pub calls: Option<Latencies>,
    one_batch: Vec<u64>,
}

impl Turns {
    /// Makes work that is timed by batches.
    pub(crate) fn of_batches(work: Box<dyn Work>, iters: u64) -> Self {
        Self { work, iters, chunk: None, batches: Vec::new(), calls: None, one_batch: Vec::new() }
    }

    /// Makes work of which calls are timed.
    pub(crate) fn of_calls(work: Box<dyn Work>, iters: u64, chunk: u64) -> Result<Self, String> {
        let calls = Latencies::new().map_err(|error| error.to_string())?;
        let one_batch = Vec::with_capacity(usize::try_from(iters).unwrap_or(0).min(1 << 20));
        Ok(Self { work, iters, chunk: Some(chunk.max(1)), batches: Vec::new(), calls: Some(calls), one_batch })
    }

    /// Takes one batch, which counts or not. A slower program is one that does more work than it is credited with.
    fn turn(&mut self, slowdown: f64, counts: bool) {
        let Some(chunk) = self.chunk else {
            let done = (self.iters as f64 * slowdown).round() as u64;
            let took = timed(|| self.work.run(done)) as f64 / self.iters as f64;
            if counts {
                self.batches.push(took);
            }
            return;
        };
        let done = (chunk as f64 * slowdown).round().max(1.0) as u64;
        self.one_batch.clear();
        for _ in 0..self.iters {
            self.one_batch.push(timed(|| self.work.run(done)) / chunk);
        }
        if counts {
            if let Some(calls) = &mut self.calls {
                self.one_batch.iter().for_each(|ns| calls.record((*ns).max(1)));
            }
            self.one_batch.sort_unstable();
            self.batches.extend(self.one_batch.get(self.one_batch.len() / 2).map(|ns| *ns as f64));
        }
    }
}

/// Takes the batches of all works in turns.
pub(crate) fn in_turns(works: &mut [Turns], pace: Pace) {
    for work in works.iter_mut() {
        work.batches.reserve(pace.rounds as usize);
    }
    for round in 0..pace.warmup + pace.rounds {
        works.iter_mut().for_each(|work| work.turn(pace.slowdown, round >= pace.warmup));
    }
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
