//! Expressions that are evaluated while a recording is read.

use std::ops::ControlFlow;

use crate::input::Batches;
use crate::limits;
use crate::outcome::RunOptions;
use crate::promql::cost::{Meter, Tally};
use crate::promql::probe::Unheard;
use crate::promql::program::Inputs;
use crate::promql::query::operators::{Cost, Operator};
use crate::promql::query::query_set::{Answered, BoundSet, QuerySet};
use crate::promql::query::{QueryRange, Value};
use crate::store::{Reach, Store};
use crate::survey::{Depth, Survey};
use crate::time::Timestamp;

use super::read::{Reading, read};
use super::{Observer, RunError};

/// What is done with expressions.
#[derive(Clone, Copy)]
pub enum Work<'a> {
    /// They are evaluated.
    Evaluate,
    /// The first one is bound, and evaluated at no step: which operators it has is asked.
    Plan,
    /// The first one is evaluated, and what its operators cost is measured by a clock. Unit: nanoseconds.
    Analyze(&'a dyn Fn() -> u64),
}

/// What expressions gave on a recording.
pub struct Answers {
    /// By expression; empty where nothing was evaluated.
    pub answered: Vec<Answered>,
    /// The operators of the first one, each before those that it reads; only where they were asked for.
    pub operators: Vec<Operator>,
    /// The time that was evaluated at, the start of a range; none where the recording has no sample.
    pub at: Option<Timestamp>,
    /// How far the expressions look from it.
    pub reach: Reach,
    /// The series of the recording. Samples are left of those that are selected, as far back as the last step reaches.
    pub store: Store,
    /// What the recording looks like.
    pub survey: Survey,
}

/// Evaluates expressions at the steps of their range, or at a time, that of the last sample where none is given. Memory:
/// the results, and of the recording what the selectors reach from the steps at hand, if it is in time order.
///
/// # Errors
/// When the recording cannot be read, or the observer stops the run. An expression that fails has that for its result.
pub fn query(
    queries: &QuerySet,
    at: Option<Timestamp>,
    work: Work<'_>,
    options: &RunOptions,
    recording: &mut (impl Batches + ?Sized),
    observer: &mut impl Observer,
) -> Result<Answers, RunError> {
    let mut run = Run { queries, at, work, options, observer, bound: None, tally: None, waiting: 0, bytes: 0 };
    let loaded = read(recording, Depth::Times, &mut run)?;
    let (store, survey) = (loaded.store, loaded.survey);
    let last = store.span().map(|(_, last)| last);
    let at = queries.range().map(QueryRange::start).or(at).or(last).filter(|_| last.is_some());
    let Run { observer, bound, tally, bytes, .. } = &mut run;
    let (mut answered, mut operators, mut reach) = (Vec::new(), Vec::new(), Reach::default());
    if let (Some(at), Some(bound)) = (at, bound) {
        let go_on = &mut || observer.read(*bytes);
        let begun = now(work);
        let found = match (work, &mut *tally) {
            (Work::Plan, _) => ControlFlow::Continue(Vec::new()),
            (Work::Analyze(now), Some(tally)) => bound.finish(&store, at, &mut Meter::<true>::new(tally, now), go_on),
            _ => bound.finish(&store, at, &mut Unheard, go_on),
        };
        answered = found.continue_value().ok_or(RunError::Stopped)?;
        reach = bound.reach();
        if !matches!(work, Work::Evaluate) {
            let samples = answered.first().map_or(0, |first| match &first.result {
                Ok(Value::Matrix(series)) => series.iter().map(|one| one.samples.len() as u64).sum(),
                _ => 0,
            });
            let time = begun.zip(now(work)).map(|(begun, ended)| ended.saturating_sub(begun));
            let alone = time.map(|time_ns| Cost { samples, time_ns });
            operators = bound.operators(0, &Inputs::of(&store), tally.as_ref(), alone);
        }
    }
    Ok(Answers { answered, operators, at, reach, store, survey })
}

/// Reads the clock, where costs are measured.
fn now(work: Work<'_>) -> Option<u64> {
    match work {
        Work::Analyze(now) => Some(now()),
        Work::Evaluate | Work::Plan => None,
    }
}

/// A recording that is read, and the expressions that go on with it.
struct Run<'a, O> {
    queries: &'a QuerySet,
    at: Option<Timestamp>,
    work: Work<'a>,
    options: &'a RunOptions,
    observer: &'a mut O,
    bound: Option<BoundSet>,
    tally: Option<Tally>,
    /// How many samples came since steps were evaluated.
    waiting: usize,
    /// How many bytes were read.
    bytes: u64,
}

impl<O: Observer> Reading for Run<'_, O> {
    fn begin(&mut self) -> Result<Store, RunError> {
        let mut store = Store::new(self.options.conflicts);
        store.infer(self.options.stale.value);
        let bound = self.queries.begin(&mut store);
        self.tally = matches!(self.work, Work::Analyze(_)).then(|| bound.tally());
        (self.bound, self.waiting) = (Some(bound), 0);
        self.observer.begin();
        Ok(store)
    }

    /// Goes on when many samples came: each stretch of steps begins its windows again, which costs more than the samples
    /// that are held until then.
    fn complete(&mut self, store: &mut Store, samples: usize, watermark: Timestamp) -> Result<(), RunError> {
        self.waiting += samples;
        if self.waiting < limits::WAITING_SAMPLES && !self.options.retire_at_once {
            return Ok(());
        }
        self.waiting = 0;
        let Some(bound) = &mut self.bound else { return Ok(()) };
        let go_on = &mut || self.observer.read(self.bytes);
        let went = match (self.work, &mut self.tally) {
            (Work::Plan, _) => ControlFlow::Continue(()),
            (Work::Analyze(now), Some(tally)) => {
                bound.advance(store, watermark, &mut Meter::<true>::new(tally, now), go_on)
            }
            _ => bound.advance(store, watermark, &mut Unheard, go_on),
        };
        if went.is_break() {
            return Err(RunError::Stopped);
        }
        let done = match self.work {
            Work::Plan => watermark,
            // Where no time is given it is that of the last sample, which is no earlier than the last one so far.
            _ => bound.evaluated(self.at.or_else(|| store.span().map(|(_, last)| last)).unwrap_or(Timestamp::MIN)),
        };
        store.evict(done.min(watermark));
        Ok(())
    }

    fn read(&mut self, bytes: u64) -> ControlFlow<()> {
        self.bytes = bytes;
        self.observer.read(bytes)
    }
}
