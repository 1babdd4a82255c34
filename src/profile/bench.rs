//! How times are taken: batches of a fixed number of operations, or single calls where the clock can see one.

use std::io;

use super::clock::{Usage, timed};
use super::histogram::Latencies;
use super::process::{Hear, Say};
use super::protocol::{Answer, Counted, Grown, Job, Planned, Staged, Timed};

/// What a worker measures.
pub trait Bench {
    /// Finds what there is time for, and how many operations take a batch. Returns the metrics, and how long a batch of
    /// all of them takes. Unit: nanoseconds.
    ///
    /// # Errors
    /// Why it cannot be measured, in words for a user.
    fn plan(&mut self, wish: &Wish) -> Result<(Vec<Planned>, u64), String>;

    /// Measures times, in the order of the metrics.
    ///
    /// # Errors
    /// As [`Bench::plan`].
    fn time(&mut self, metrics: &[Planned], pace: Pace, listener: &mut dyn Listener) -> Result<(), String>;

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

/// What should be timed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// How long a batch should take. Unit: nanoseconds.
    pub batch_ns: u64,
    /// How long a batch may take; what does not fit is left out. Unit: nanoseconds.
    pub most_ns: u64,
    /// The rules, the most important first; all where absent.
    pub rules: Option<Vec<usize>>,
}

/// Who measures times together with other processes, and is notified of them.
pub trait Listener {
    /// Waits until it is this process' turn.
    ///
    /// # Errors
    /// When nobody listens any more.
    fn wait(&mut self) -> Result<(), String>;

    /// Takes what was measured of one metric.
    fn take(&mut self, timed: Timed);
}

/// How many batches are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Batches that count.
    pub rounds: u64,
    /// Batches before them.
    pub warmup: u64,
    /// Batches of a turn.
    pub turn: u64,
    /// How many times longer a batch is made than it should be.
    pub slowdown: f64,
}

impl Pace {
    /// Does all rounds, waiting before each turn; `work` is reported whether a round counts.
    ///
    /// # Errors
    /// Those of `work`, and when nobody listens any more.
    pub(crate) fn walk(
        self,
        listener: &mut dyn Listener,
        work: &mut dyn FnMut(bool) -> Result<(), String>,
    ) -> Result<(), String> {
        for _ in 0..self.warmup {
            work(false)?;
        }
        for round in 0..self.rounds {
            if round % self.turn.max(1) == 0 {
                listener.wait()?;
            }
            work(true)?;
        }
        Ok(())
    }
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
    /// The same work again, of which a slower program does some besides: the first goes through the same states as ever,
    /// for one that comes to others costs something else. `None` where nothing is made slower.
    pub more: Option<Box<dyn Work>>,
    /// By batch: nanoseconds an operation; of calls, the median of the batch.
    pub batches: Vec<f64>,
    /// All calls.
    pub calls: Option<Latencies>,
    one_batch: Vec<u64>,
}

impl Turns {
    /// Makes work that is timed by batches.
    pub(crate) fn of_batches(work: Box<dyn Work>, iters: u64) -> Self {
        Self { work, iters, chunk: None, more: None, batches: Vec::new(), calls: None, one_batch: Vec::new() }
    }

    /// Makes work of which calls are timed.
    pub(crate) fn of_calls(work: Box<dyn Work>, iters: u64, chunk: u64) -> Result<Self, String> {
        let calls = Latencies::new().map_err(|error| error.to_string())?;
        let one_batch = Vec::with_capacity(usize::try_from(iters).unwrap_or(0).min(1 << 20));
        Ok(Self {
            work,
            iters,
            chunk: Some(chunk.max(1)),
            more: None,
            batches: Vec::new(),
            calls: Some(calls),
            one_batch,
        })
    }

    /// Takes one batch, which counts or not. A slower program is one that does more work than it is credited with.
    fn turn(&mut self, slowdown: f64, counts: bool) {
        let operations = self.chunk.unwrap_or(self.iters);
        let (extra, credited) =
            if self.more.is_some() { extra_work(operations, slowdown) } else { (0, operations as f64) };
        let mut took = || {
            let took = timed(|| {
                self.work.run(operations);
                self.more.iter_mut().for_each(|more| more.run(extra));
            });
            took as f64 / credited
        };
        if self.chunk.is_none() {
            let took = took();
            if counts {
                self.batches.push(took);
            }
            return;
        }
        self.one_batch.clear();
        for _ in 0..self.iters {
            self.one_batch.push(took() as u64);
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

/// Returns how many operations are done besides, and how many of all are credited, so that each takes so many times longer.
///
/// Of few operations a tenth more is none: whole ones are done, and a part of one is not credited.
fn extra_work(operations: u64, slowdown: f64) -> (u64, f64) {
    let done = (operations as f64 * slowdown).ceil();
    ((done as u64).saturating_sub(operations), done / slowdown)
}

/// Takes the batches of all works in turns.
pub(crate) fn in_turns(works: &mut [Turns], pace: Pace, listener: &mut dyn Listener) -> Result<(), String> {
    for work in works.iter_mut() {
        work.batches.reserve(pace.rounds as usize);
    }
    pace.walk(listener, &mut |counts| {
        works.iter_mut().for_each(|work| work.turn(pace.slowdown, counts));
        Ok(())
    })
}

/// Measures something together with what the kernel counted meanwhile.
pub(crate) fn with_usage<T>(work: impl FnOnce() -> T) -> (T, Usage) {
    let before = Usage::now();
    let value = work();
    (value, Usage::now().since(before))
}

/// The parent, at the other end of the pipes.
struct Parent<'a, 'b> {
    hear: &'a mut Hear<'b>,
    say: &'a mut Say<'b>,
    broken: io::Result<()>,
}

impl Listener for Parent<'_, '_> {
    fn wait(&mut self) -> Result<(), String> {
        (self.say)(&Answer::Ready).map_err(|error| error.to_string())?;
        let line = (self.hear)().ok_or_else(|| "nobody listens any more".to_owned())?;
        match serde_json::from_str(&line) {
            Ok(Job::Turn) => Ok(()),
            _ => Err("another job was given while times were measured".to_owned()),
        }
    }

    fn take(&mut self, timed: Timed) {
        if self.broken.is_ok() {
            self.broken = (self.say)(&Answer::Timed(timed));
        }
    }
}

/// Does one job of a worker and says what came of it.
///
/// # Errors
/// When the answer cannot be said.
pub fn answer<'b>(bench: &mut dyn Bench, job: Job, hear: &mut Hear<'b>, say: &mut Say<'b>) -> io::Result<()> {
    let failed = |message| Answer::Failed { message };
    match job {
        Job::Load(_) => say(&failed("the inputs were loaded already".to_owned())),
        Job::Calibrate { batch_us, most_us, rules } => {
            let (batch_ns, most_ns) = (batch_us.saturating_mul(1000), most_us.saturating_mul(1000));
            say(&match bench.plan(&Wish { batch_ns, most_ns, rules }) {
                Ok((metrics, batch_ns)) => Answer::Calibrated { metrics, batch_ns },
                Err(message) => failed(message),
            })
        }
        Job::Time { metrics, rounds, warmup, turn, slowdown } => {
            let pace = Pace { rounds, warmup, turn, slowdown };
            let mut parent = Parent { hear, say, broken: Ok(()) };
            let done = bench.time(&metrics, pace, &mut parent);
            parent.broken?;
            say(&done.map_or_else(failed, |()| Answer::Done))
        }
        Job::Turn => say(&failed("no times are being measured".to_owned())),
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

#[cfg(test)]
impl Listener for Vec<Timed> {
    fn wait(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn take(&mut self, timed: Timed) {
        self.push(timed);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use crate::profile::testing::planned;

    #[test]
    fn a_process_waits_before_each_turn() {
        struct Waiting(Vec<&'static str>);
        impl Listener for Waiting {
            fn wait(&mut self) -> Result<(), String> {
                self.0.push("wait");
                Ok(())
            }
            fn take(&mut self, _: Timed) {}
        }
        let (mut waiting, mut done) = (Waiting(Vec::new()), Vec::new());
        let pace = Pace { rounds: 3, warmup: 1, turn: 2, slowdown: 1.0 };
        pace.walk(&mut waiting, &mut |counts| {
            done.push(counts);
            Ok(())
        })
        .expect("nothing fails");
        assert_eq!((waiting.0.len(), done), (2, vec![false, true, true, true]));
    }

    #[test]
    fn what_is_slower_does_more_than_it_is_credited_with() {
        let check = |operations, slowdown, extra, credited: f64| {
            let (found, share) = extra_work(operations, slowdown);
            assert_eq!(found, extra);
            assert!((share - credited).abs() < 1e-9, "{share}");
        };
        check(3_000, 1.0, 0, 3_000.0);
        check(1, 1.0, 0, 1.0);
        check(4, 1.1, 1, 5.0 / 1.1);
        check(1, 1.1, 1, 2.0 / 1.1);
        check(50, 2.0, 50, 50.0);
    }

    #[test]
    fn the_work_itself_is_the_same_however_slow_it_is_made() {
        let done = Rc::new(Cell::new((0_u64, 0_u64)));
        let (first, more) = (Rc::clone(&done), Rc::clone(&done));
        let mut turns = Turns::of_batches(Box::new(move || first.set((first.get().0 + 1, first.get().1))), 50);
        turns.more = Some(Box::new(move || more.set((more.get().0, more.get().1 + 1))));
        turns.turn(1.5, true);
        turns.turn(2.0, true);
        assert_eq!((done.get(), turns.batches.len()), ((100, 75), 2));
    }

    #[test]
    fn nothing_but_a_turn_goes_on_with_a_measurement() {
        let check = |line: Option<&str>, expected: &str| {
            let mut said = Vec::new();
            let mut hear = || line.map(str::to_owned);
            let job =
                Job::Time { metrics: vec![planned("cond.above.ns")], rounds: 1, warmup: 0, turn: 1, slowdown: 1.0 };
            let mut bench = crate::profile::workload::WorkloadBench { grain_ns: 1.0 };
            answer(&mut bench, job, &mut hear, &mut |answer| {
                said.push(serde_json::to_string(answer)?);
                Ok(())
            })
            .expect("a vector takes all");
            assert_eq!(said.first().map(String::as_str), Some(r#"{"answer":"ready"}"#));
            assert!(said.last().is_some_and(|last| last.contains(expected)), "{said:?}");
        };
        check(Some(r#"{"job":"turn"}"#), r#"{"answer":"done"}"#);
        check(Some(r#"{"job":"count"}"#), "another job");
        check(None, "nobody listens");
    }
}
