//! Passes over a recording: all of it or its last slots, all rules or some, together as `eval` runs them or each alone.

use std::hint::black_box;

use crate::alloc::allocated;
use crate::engine::{Cost, Engine, EngineOptions, Watch};
use crate::rules::RuleFile;
use crate::time::{Millis, Timestamp};

use super::super::alone::Parts;
use super::super::bench::{Listener, Pace, Wish, with_usage};
use super::super::clock::timed;
use super::super::protocol::{Planned, Timed};
use super::{RULE_TIME, RUN_TIME, RuleBench, clock, refused, samples};

/// The slots of one pass, where the time suffices for so many.
const SLOTS: u64 = 64;

/// What is evaluated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    /// The last slots; all where absent.
    slots: Option<u64>,
    /// Whether each rule is evaluated by itself.
    apart: bool,
}

impl Pass {
    /// The whole recording, as `eval` evaluates it.
    pub(super) const TOGETHER: Self = Self { slots: None, apart: false };
    /// The whole recording, each rule by itself.
    pub(super) const APART: Self = Self { slots: None, apart: true };

    fn last(self, slots: u64) -> Self {
        Self { slots: Some(slots), ..self }
    }
}

/// Some rules, and those that write what they read.
struct Subset {
    files: Vec<RuleFile>,
    /// By rule of the files: its number among all rules.
    rules: Vec<usize>,
}

impl Subset {
    /// Returns what a rule cost.
    fn cost<'a>(&self, costs: &'a [Cost], rule: usize) -> Option<&'a Cost> {
        costs.get(self.rules.binary_search(&rule).ok()?)
    }
}

/// What one round of a plan takes. Unit: nanoseconds.
struct Round {
    /// By rule that is timed, in the order of the wish.
    rules: Vec<f64>,
    /// All rules together.
    run: f64,
    /// What comes with each rule besides: it is made ready anew for each round.
    ready: f64,
}

impl RuleBench {
    /// Makes rules ready for a pass.
    pub(super) fn engine(&mut self, files: &[RuleFile], pass: Pass) -> Result<Engine, String> {
        let start = pass.slots.map(|slots| {
            let back = i64::try_from(slots.saturating_sub(1)).unwrap_or(i64::MAX).saturating_mul(self.shortest.0);
            self.span.1.minus(Millis(back)).max(self.span.0)
        });
        let options = EngineOptions { start, apart: pass.apart, ..self.options.clone() };
        Engine::new(files, options, &mut self.store).map_err(|problems| refused(&problems))
    }

    /// Evaluates all that is left.
    pub(super) fn finish(&self, engine: &mut Engine) -> Result<(), String> {
        engine.finish(&self.store, self.span.1).map_err(|error| error.to_string())?;
        black_box(engine.take_events().len());
        Ok(())
    }

    /// Does a pass and returns what each rule cost.
    fn pass(&mut self, files: &[RuleFile], pass: Pass, watch: &Watch) -> Result<Engine, String> {
        let mut engine = self.engine(files, pass)?;
        engine.watch(watch);
        self.finish(&mut engine)?;
        Ok(engine)
    }

    /// Lends the rules out, for the store changes while they are evaluated.
    fn with_files<T>(&mut self, work: impl FnOnce(&mut Self, &[RuleFile]) -> Result<T, String>) -> Result<T, String> {
        let files = std::mem::take(&mut self.files);
        let done = work(self, &files);
        self.files = files;
        done
    }

    /// Returns what each rule reads alone, and how many series all of them read together.
    pub(super) fn counted(&mut self) -> Result<(Vec<Cost>, u64), String> {
        self.with_files(|bench, files| {
            let engine = bench.pass(files, Pass::APART, &samples())?;
            Ok((engine.costs(), engine.series_read()))
        })
    }

    /// Returns what each rule reads alone at the last slots.
    pub(super) fn counted_last(&mut self, slots: u64) -> Result<Vec<Cost>, String> {
        self.with_files(|bench, files| Ok(bench.pass(files, Pass::APART.last(slots), &samples())?.costs()))
    }

    /// Evaluates each rule alone, watched from a time on.
    pub(super) fn second_half(&mut self, from: Timestamp, watch: &Watch) -> Result<Vec<Cost>, String> {
        self.with_files(|bench, files| {
            let mut engine = bench.engine(files, Pass::APART)?;
            engine.advance(&bench.store, from).map_err(|error| error.to_string())?;
            engine.watch(watch);
            bench.finish(&mut engine)?;
            Ok(engine.costs())
        })
    }

    /// Returns how often all rules together ask for memory from a time on.
    pub(super) fn asked_together(&mut self, from: Timestamp) -> Result<u64, String> {
        self.with_files(|bench, files| {
            let mut engine = bench.engine(files, Pass::TOGETHER)?;
            engine.advance(&bench.store, from).map_err(|error| error.to_string())?;
            let before = allocated().calls;
            bench.finish(&mut engine)?;
            Ok(allocated().calls - before)
        })
    }

    fn subset(&self, rules: &[usize]) -> Subset {
        let (files, rules) = Parts::of(&self.files).with_writers(rules);
        Subset { files, rules }
    }

    /// Evaluates the last slots with all rules together. Returns the time that it takes. Unit: nanoseconds.
    fn run_time(&mut self, files: &[RuleFile], slots: u64) -> Result<f64, String> {
        let mut engine = self.engine(files, Pass::TOGETHER.last(slots))?;
        let mut done = Ok(());
        let took = timed(|| done = self.finish(&mut engine));
        done.map(|()| took as f64)
    }

    /// Finds how many slots a pass has and which rules there is time for, and how long one round takes.
    pub(super) fn planned(&mut self, wish: &Wish) -> Result<(Vec<Planned>, u64), String> {
        let all = self.slots();
        let least = self.fewest_slots().min(all);
        let mut rules = wish.rules.clone().unwrap_or_else(|| (0..self.groups_by_rule().count()).collect());
        let mut round = self.round(&rules, least)?;
        let runs = round.run <= wish.most_ns as f64;
        if !runs {
            round.run = 0.0;
        }
        // Those that are named first are the ones to know of, the others if there is time for them.
        let mut left = wish.most_ns as f64 - round.run;
        let fits: Vec<bool> = round
            .rules
            .iter()
            .map(|ns| {
                let fits = ns + round.ready <= left;
                left -= if fits { ns + round.ready } else { 0.0 };
                fits
            })
            .collect();
        let mut kept = fits.iter();
        rules.retain(|_| kept.next() == Some(&true));
        let mut kept = fits.iter();
        round.rules.retain(|_| kept.next() == Some(&true));
        let fixed = round.ready * rules.len() as f64;
        let grows = (round.rules.iter().sum::<f64>() + round.run).max(1.0);
        let slots = |ns: u64| least as f64 * (ns as f64 - fixed).max(0.0) / grows;
        // As many as one batch has time for, but not few if there is time at all.
        let iters = slots(wish.batch_ns).max(slots(wish.most_ns).min(SLOTS as f64)) as u64;
        let iters = iters.clamp(least, all);
        let took = fixed + grows * iters as f64 / least as f64;
        let of = |id: &str, rule| Planned { id: id.to_owned(), rule, iters, chunk: 1 };
        let mut planned: Vec<Planned> = rules.into_iter().map(|rule| of(RULE_TIME, Some(rule))).collect();
        if runs {
            planned.push(of(RUN_TIME, None));
        }
        Ok((planned, took as u64))
    }

    /// Does a round with so many slots, twice: only the second one is warm.
    fn round(&mut self, rules: &[usize], slots: u64) -> Result<Round, String> {
        let subset = self.subset(rules);
        let mut round = Round { rules: Vec::new(), run: 0.0, ready: 0.0 };
        for _ in 0..2 {
            let mut costs = Ok(Vec::new());
            let took = timed(|| {
                costs = self.pass(&subset.files, Pass::APART.last(slots), &clock()).map(|engine| engine.costs())
            });
            let costs = costs?;
            let all: f64 = costs.iter().map(|cost| cost.evaluate + cost.alert).sum();
            let of = |rule: &usize| subset.cost(&costs, *rule).map_or(0.0, |cost| cost.evaluate + cost.alert);
            round.rules = rules.iter().map(of).collect();
            round.ready = (took as f64 - all).max(0.0) / rules.len().max(1) as f64;
            round.run = self.with_files(|bench, files| {
                let mut done = Ok(0.0);
                let took = timed(|| done = bench.run_time(files, slots));
                done.map(|_| took as f64)
            })?;
        }
        Ok(round)
    }

    /// Takes the times of rules, each alone, and of all of them together.
    pub(super) fn timed(&mut self, metrics: &[Planned], pace: Pace, listener: &mut dyn Listener) -> Result<(), String> {
        let unknown = metrics.iter().find(|planned| !matches!(planned.id.as_str(), RULE_TIME | RUN_TIME));
        if let Some(planned) = unknown {
            return Err(format!("this version of alertctl does not measure `{}` of rules", planned.id));
        }
        let Some(slots) = metrics.first().map(|planned| planned.iters) else { return Ok(()) };
        let mut rules: Vec<usize> = metrics.iter().filter_map(|planned| planned.rule).collect();
        rules.sort_unstable();
        let subset = self.subset(&rules);
        let runs = metrics.iter().any(|planned| planned.rule.is_none());
        let mut batches = vec![Vec::new(); metrics.len()];
        let (done, usage) = with_usage(|| {
            pace.walk(listener, &mut |counts| {
                let costs = self.apart(&subset, slots, pace.slowdown)?;
                let run = if runs { self.together(slots, pace.slowdown)? } else { 0.0 };
                for (planned, batches) in metrics.iter().zip(&mut batches).filter(|_| counts) {
                    match planned.rule {
                        None => batches.push(run),
                        Some(rule) => batches.extend(subset.cost(&costs, rule).and_then(each)),
                    }
                }
                Ok(())
            })
        });
        done?;
        for (planned, batches) in metrics.iter().zip(batches).filter(|(_, batches)| !batches.is_empty()) {
            listener.take(Timed {
                id: planned.id.clone(),
                rule: planned.rule,
                unit: if planned.rule.is_some() { "ns" } else { "ns/s" }.to_owned(),
                higher_is_better: false,
                ops: 1,
                batches,
                hist: None,
                chunk: 1,
                switches: usage.involuntary_switches,
                cpu_ns: usage.cpu_ns,
                all_ops: planned.iters * (pace.rounds + pace.warmup),
            });
        }
        Ok(())
    }

    /// Evaluates the last slots, each rule alone, and what a slower program would do besides.
    fn apart(&mut self, subset: &Subset, slots: u64, slowdown: f64) -> Result<Vec<Cost>, String> {
        let mut costs = self.pass(&subset.files, Pass::APART.last(slots), &clock())?.costs();
        for more in more_slots(slots, slowdown) {
            let more = self.pass(&subset.files, Pass::APART.last(more), &clock())?.costs();
            for (cost, more) in costs.iter_mut().zip(more) {
                cost.evaluate += more.evaluate;
                cost.alert += more.alert;
            }
        }
        Ok(costs)
    }

    /// Evaluates the last slots with all rules together. Returns nanoseconds for each second of the recording.
    fn together(&mut self, slots: u64, slowdown: f64) -> Result<f64, String> {
        let seconds = (slots.saturating_mul(u64::try_from(self.shortest.0).unwrap_or(1)) as f64 / 1_000.0).max(0.001);
        self.with_files(|bench, files| {
            let mut took = bench.run_time(files, slots)?;
            for more in more_slots(slots, slowdown) {
                took += bench.run_time(files, more)?;
            }
            Ok(took / seconds)
        })
    }
}

/// Returns the time of one evaluation.
fn each(cost: &Cost) -> Option<f64> {
    (cost.evaluations > 0).then(|| (cost.evaluate + cost.alert) / cost.evaluations as f64)
}

/// Returns the slots of further passes that make a program so many times slower: a slower program is one that does more
/// than it is credited with.
fn more_slots(slots: u64, slowdown: f64) -> impl Iterator<Item = u64> {
    let mut left = (slots as f64 * (slowdown - 1.0)).round() as u64;
    std::iter::from_fn(move || {
        let more = left.min(slots);
        left -= more;
        (more > 0).then_some(more)
    })
}
