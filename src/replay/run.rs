//! A run of engines over a recording.

use std::ops::ControlFlow;

use crate::engine::conditions::Conditions;
use crate::engine::{Engine, EngineOptions, Episode, Event, RuleCounts, RuleId, Timeline};
use crate::input::Batches;
use crate::labels::Matcher;
use crate::limits;
use crate::outcome::{Finished, Mismatch, NoMatch, Outcome, RunOptions, Selection, asked};
use crate::rules::RuleSet;
use crate::store::Store;
use crate::survey::Depth;
use crate::time::Timestamp;

use super::read::{Reading, read};
use super::{Observer, RunError};

/// Rules that are about to be evaluated on a recording.
///
/// The first sample, the slots and the range are parameters ([`RunOptions`]), so that a run may begin anywhere. Memory
/// does not grow with the length of a recording in time order, but for its episodes and some hundred bytes for each
/// series there ever was; one that is not is held whole.
pub struct Replay<'a> {
    sets: Vec<Set<'a>>,
    options: RunOptions,
    asked: Option<Selection>,
    variants: Option<(RuleId, Vec<RuleId>)>,
    expected: Vec<Matcher>,
}

/// Rules that an engine of their own evaluates.
#[derive(Clone)]
struct Set<'a> {
    rules: &'a RuleSet,
    /// Metrics that are hidden in addition to those that the rules write.
    hidden: Vec<String>,
}

/// What came of rules that are variants of another one.
#[derive(Debug, Default)]
pub struct Variants {
    /// The conditions of those whose alerts follow each from its own ([`Fold::ByAlert`](crate::engine::fold::Fold)), by
    /// rule. No alerts were made of them.
    pub conditions: Vec<(RuleId, Conditions)>,
    /// The episodes of the others, whatever the options select, in the order of the ordinary ones.
    pub episodes: Vec<Episode>,
    /// What was counted of each, in their order.
    pub counts: Vec<RuleCounts>,
    /// Why no alert can satisfy a matcher of [`Replay::expects`], for each of which that is known.
    pub unmet: Vec<NoMatch>,
}

impl<'a> Replay<'a> {
    /// Takes the rules of a run.
    #[must_use]
    pub fn new(rules: &'a RuleSet, options: RunOptions) -> Self {
        Self {
            sets: vec![Set { rules, hidden: Vec::new() }],
            options,
            asked: None,
            variants: None,
            expected: Vec::new(),
        }
    }

    /// Has the outcome report one rule of the first set alone, for which others of that set are variants:
    /// [`Replay::run_variants`] hands over what came of them.
    #[must_use]
    pub fn variants(mut self, of: RuleId, variants: Vec<RuleId>) -> Self {
        self.variants = Some((of, variants));
        self
    }

    /// Has the run say which of some matchers no alert of the rule of [`Replay::variants`] can satisfy.
    #[must_use]
    pub fn expects(self, expected: Vec<Matcher>) -> Self {
        Self { expected, ..self }
    }

    /// Adds rules that are evaluated in the same run by an engine of their own: neither sees what the other writes.
    #[must_use]
    pub fn with(self, rules: &'a RuleSet) -> Self {
        self.with_part(rules, Vec::new())
    }

    /// Adds rules as [`Replay::with`] does, some of which are switched off to save their evaluation: `hidden` are the
    /// metrics that all of them would write, which the others do not see in the recording.
    #[must_use]
    pub fn with_part(mut self, rules: &'a RuleSet, hidden: Vec<String>) -> Self {
        self.sets.push(Set { rules, hidden });
        self
    }

    /// Checks what a selection asks for against all rule sets together, although all that they have is reported: the run
    /// fails only where none of them can have it.
    #[must_use]
    pub fn asks(self, selection: Selection) -> Self {
        Self { asked: Some(selection), ..self }
    }

    /// Reads the recording to its end while the rules are evaluated, and returns the outcome of the first rule set.
    ///
    /// # Errors
    /// When the recording cannot be read, a rule can never be evaluated, the options ask for something that neither the
    /// rules nor the recording have, a group would be evaluated too often, or the observer stops the run.
    pub fn run(
        self,
        recording: &mut (impl Batches + ?Sized),
        observer: &mut impl Observer,
    ) -> Result<Outcome, RunError> {
        self.run_all(recording, observer).map(|mut outcomes| outcomes.swap_remove(0))
    }

    /// Does the same as [`Replay::run`], and returns the outcome of each rule set, in the order they were added.
    ///
    /// # Errors
    /// As [`Replay::run`].
    pub fn run_all(
        self,
        recording: &mut (impl Batches + ?Sized),
        observer: &mut impl Observer,
    ) -> Result<Vec<Outcome>, RunError> {
        Ok(self.run_engines(recording, observer)?.into_iter().map(|(outcome, _)| outcome).collect())
    }

    /// Does the same as [`Replay::run`], and hands over what came of the variants.
    ///
    /// # Errors
    /// As [`Replay::run`].
    pub fn run_variants(
        self,
        recording: &mut (impl Batches + ?Sized),
        observer: &mut impl Observer,
    ) -> Result<(Outcome, Variants), RunError> {
        self.run_engines(recording, observer).map(|mut all| all.swap_remove(0))
    }

    /// Does the same as [`Replay::run_all`], and hands over what came of the variants.
    pub(crate) fn run_engines(
        self,
        recording: &mut (impl Batches + ?Sized),
        observer: &mut impl Observer,
    ) -> Result<Vec<(Outcome, Variants)>, RunError> {
        let Self { sets, options, asked, variants, expected } = self;
        let shown = sets.iter().map(|set| asked::before(set.rules, &options)).collect::<Result<_, _>>()?;
        let (only, apart) = variants.unzip();
        let apart = apart.unwrap_or_default();
        let mut run =
            Run { sets: &sets, options: &options, runs: Vec::new(), shown, observer, apart: &apart, waiting: 0 };
        let loaded = read(recording, Depth::Times, &mut run)?;
        if let Some(last) = loaded.last {
            run.finish(&loaded.store, last)?;
        }
        let (mut all, mut answers) = (Vec::new(), Vec::new());
        for (number, (set, (mut engine, mut timeline))) in sets.iter().zip(run.runs).enumerate() {
            let (only, apart) = if number == 0 { (only, apart.as_slice()) } else { (None, [].as_slice()) };
            let conditions = if apart.is_empty() { Vec::new() } else { engine.take_conditions() };
            let (store, survey) = (&loaded.store, &loaded.survey);
            engine.close_into(&mut timeline, store);
            let mut episodes = timeline.finish();
            let counts = if apart.is_empty() { Vec::new() } else { engine.counts(store) };
            let counts = apart.iter().filter_map(|rule| counts.get(rule.0 as usize).cloned()).collect();
            let apart = episodes.extract_if(.., |episode| apart.binary_search(&episode.rule).is_ok()).collect();
            let (rules, input) = (set.rules, recording.summary());
            let finished = Finished { rules, options: &options, engine: &engine, store, survey, input, episodes, only };
            answers.extend(asked.as_ref().map(|selection| asked::answers(&finished, selection)));
            let unmet = only.map_or_else(Vec::new, |rule| asked::unmet(&finished, rule, &expected));
            all.push((Outcome::of(finished)?, Variants { conditions, episodes: apart, counts, unmet }));
        }
        if loaded.last.is_some() {
            first_of_all(answers)?;
        }
        Ok(all)
    }
}

/// Returns the first error where there is nothing but errors.
fn first_of_all(answers: Vec<Result<(), Mismatch>>) -> Result<(), Mismatch> {
    if answers.iter().any(Result::is_ok) { Ok(()) } else { answers.into_iter().collect() }
}

/// Makes the outcome of an engine that `profile` drove to the end of a recording that it holds whole: the part of a run
/// that comes after the last evaluation.
///
/// # Errors
/// When it was asked for something that neither the rules nor the recording have.
pub(crate) fn conclude(
    rules: &RuleSet,
    options: &RunOptions,
    engine: &mut Engine,
    (store, survey): (&Store, &crate::survey::Survey),
    input: &crate::input::Summary,
) -> Result<Outcome, RunError> {
    let mut timeline = Timeline::default();
    engine.drain_into(&mut timeline);
    engine.close_into(&mut timeline, store);
    let episodes = timeline.finish();
    Ok(Outcome::of(Finished { rules, options, engine, store, survey, input, episodes, only: None })?)
}

/// The engines of a run, each with its episodes so far.
struct Run<'a, O> {
    sets: &'a [Set<'a>],
    options: &'a RunOptions,
    runs: Vec<(Engine, Timeline)>,
    /// By set and rule: whether it is reported.
    shown: Vec<Vec<bool>>,
    observer: &'a mut O,
    /// The rules of the first set that are variants, ascending.
    apart: &'a [RuleId],
    /// How many samples came since the engines went on.
    waiting: usize,
}

impl<O: Observer> Run<'_, O> {
    fn finish(&mut self, store: &Store, last: Timestamp) -> Result<(), RunError> {
        for (engine, _) in &mut self.runs {
            engine.finish(store, last)?;
        }
        self.take();
        Ok(())
    }

    /// Leaves series behind that have ended, once they may be many.
    fn retire(&mut self, store: &mut Store, evaluated: Timestamp) {
        let at_once = self.options.retire_at_once;
        if !(at_once || store.is_crowded()) || !self.runs.iter().all(|(engine, _)| engine.may_bind_anew()) {
            return;
        }
        // To bind anew costs as much as the series that are left.
        let least = if at_once { 0 } else { store.awake() / 4 };
        if store.retire(evaluated, least) || at_once {
            self.runs.iter_mut().for_each(|(engine, _)| engine.bind_anew());
        }
    }

    /// Takes what the engines have to say: the events of all of them in the order of time.
    fn take(&mut self) {
        let (external, selection) = (&self.options.external_labels.value, &self.options.selection);
        let mut events: Vec<(usize, Event)> = Vec::new();
        for (set, (engine, _)) in self.runs.iter_mut().enumerate() {
            events.extend(engine.take_events().into_iter().map(|event| (set, event)));
        }
        if self.runs.len() > 1 {
            events.sort_by_key(|(_, event)| event.at);
        }
        for (set, event) in events {
            if self.shown[set][event.rule.0 as usize] && selection.takes_event(&event, external) {
                self.observer.event(set, &event);
            }
            let (engine, timeline) = &mut self.runs[set];
            let clock = engine.clock(event.rule);
            timeline.push(event, &clock);
        }
        for (set, ((engine, _), shown)) in self.runs.iter_mut().zip(&self.shown).enumerate() {
            if self.options.trace {
                engine.take_faults().into_iter().for_each(|fault| self.observer.fault(set, fault));
                for sample in engine.take_written() {
                    if shown[sample.rule.0 as usize] && selection.takes_sample(&sample, external) {
                        self.observer.written(set, sample);
                    }
                }
            }
        }
    }
}

impl<O: Observer> Reading for Run<'_, O> {
    fn begin(&mut self) -> Result<Store, RunError> {
        let mut store = Store::new(self.options.conflicts);
        store.infer(self.options.stale.value);
        let engine = |set: &Set<'_>| {
            let options = EngineOptions { compare: true, hidden: set.hidden.clone(), ..self.options.engine() };
            let engine = Engine::new(&set.rules.files, options, &mut store).map_err(RunError::Rules)?;
            Ok((engine, Timeline::default()))
        };
        self.runs = self.sets.iter().map(engine).collect::<Result<_, RunError>>()?;
        if let Some((engine, _)) = self.runs.first_mut() {
            engine.collect_alone(self.apart);
        }
        self.waiting = 0;
        self.observer.begin();
        Ok(store)
    }

    /// Lets the engines go on when many samples came or a whole block of evaluations is due: each stretch of them begins
    /// its windows again, which costs more than the samples that are held until then.
    fn complete(&mut self, store: &mut Store, samples: usize, watermark: Timestamp) -> Result<(), RunError> {
        self.waiting += samples;
        let at_once = self.options.retire_at_once || self.waiting >= limits::WAITING_SAMPLES;
        if !at_once && !self.runs.iter().any(|(engine, _)| engine.has_block(watermark)) {
            return Ok(());
        }
        self.waiting = 0;
        for (engine, _) in &mut self.runs {
            engine.advance(store, watermark)?;
        }
        self.take();
        let evaluated = self.runs.iter().map(|(engine, _)| engine.evaluated()).min().unwrap_or(watermark);
        store.evict(evaluated);
        self.retire(store, evaluated);
        Ok(())
    }

    fn read(&mut self, bytes: u64) -> ControlFlow<()> {
        self.observer.read(bytes)
    }
}
