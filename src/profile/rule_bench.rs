//! The rules of a user on a recording of theirs: what each reads, what it takes, how it grows.

use std::hint::black_box;
use std::sync::Arc;

use crate::alloc::{CountingAllocator, allocated};
use crate::engine::{Cost, Engine, EngineOptions, Watch};
use crate::rules::RuleFile;
use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::bench::{Bench, Pace, with_usage};
use super::clock::{stopwatch, timed};
use super::growth::{Sized, longest, scaled, tail_of, widened};
use super::protocol::{Counted, Grown, Planned, Staged, Timed};
use super::sample::Kind;

/// Sizes at which growth is measured.
const SIZES: [u32; 4] = [1, 2, 4, 8];
/// Passes at each size, of which the best counts.
const PASSES: usize = 3;
/// The time of one evaluation of a rule, its alerts included.
pub const RULE_TIME: &str = "rule.ns";

/// Writes what a user waits for once a run is over: its transitions, episodes and tables.
pub type Report = Box<dyn Fn(&mut Engine, &Store) -> Result<(), String>>;

/// Rules and a recording that is held whole.
pub struct RuleBench {
    files: Vec<RuleFile>,
    options: EngineOptions,
    store: Store,
    /// The first sample and the last one.
    span: (Timestamp, Timestamp),
    /// The shortest interval of a group.
    interval: Millis,
    /// What was measured while all was loaded: stage and nanoseconds.
    loading: Vec<(String, u64)>,
    report: Report,
}

fn refused(problems: &crate::diagnostic::Diagnostics) -> String {
    problems.sorted().first().map_or_else(|| "a rule can not be evaluated".to_owned(), |first| first.message.clone())
}

fn clock() -> Watch {
    Watch { now: Arc::new(stopwatch()), samples: false }
}

impl RuleBench {
    /// Registers rules with an empty store that will hold their recording whole.
    ///
    /// # Errors
    /// When a rule can never be evaluated.
    pub fn register(files: &[RuleFile], options: &EngineOptions) -> Result<Store, String> {
        let mut store = Store::default();
        store.keep_all();
        Engine::new(files, options.clone(), &mut store).map_err(|problems| refused(&problems))?;
        Ok(store)
    }

    /// Takes the rules and the store once it holds the recording.
    ///
    /// # Errors
    /// When there is no rule, no sample, or no rule reads any series of the recording.
    pub fn new(
        files: Vec<RuleFile>,
        options: EngineOptions,
        store: Store,
        loading: Vec<(String, u64)>,
        report: Report,
    ) -> Result<Self, String> {
        if files.iter().flat_map(|file| &file.groups).all(|group| group.rules.is_empty()) {
            return Err("there are no rules to profile".to_owned());
        }
        let facts = store.ids().map(|id| store.facts(id)).filter(|facts| facts.samples > 0);
        let Some(span) = facts.map(|facts| (facts.first, facts.last)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        else {
            return Err("the recording has no sample".to_owned());
        };
        let groups = files.iter().flat_map(|file| &file.groups);
        let interval =
            groups.map(|group| group.evaluate.interval().unwrap_or(options.interval)).min().unwrap_or(options.interval);
        Ok(Self { files, options, store, span, interval: interval.max(Millis(1)), loading, report })
    }

    /// Returns how many series the rules read, one that several read counted for each.
    ///
    /// # Errors
    /// When the recording can not be evaluated.
    pub fn read_series(&mut self) -> Result<u64, String> {
        let costs = self.pass(None, &Watch { now: Arc::new(|| 0), samples: true })?;
        Ok(costs.iter().map(|cost| cost.series).sum())
    }

    /// Evaluates the recording, or its last slots; returns what each rule cost.
    fn pass(&mut self, slots: Option<u64>, watch: &Watch) -> Result<Vec<Cost>, String> {
        let start = slots.map(|slots| {
            let back = i64::try_from(slots.saturating_sub(1)).unwrap_or(i64::MAX).saturating_mul(self.interval.0);
            self.span.1.minus(Millis(back)).max(self.span.0)
        });
        let options = EngineOptions { start, ..self.options.clone() };
        let mut engine = Engine::new(&self.files, options, &mut self.store).map_err(|problems| refused(&problems))?;
        engine.watch(watch);
        engine.finish(&self.store, self.span.1).map_err(|error| error.to_string())?;
        black_box(engine.take_events().len());
        Ok(engine.costs())
    }

    fn slots(&self) -> u64 {
        u64::try_from(self.span.1.since(self.span.0).0 / self.interval.0).unwrap_or(0) + 1
    }

    /// Returns the time of one evaluation of each rule at one size. Unit: nanoseconds.
    fn at_size(&self, files: &[RuleFile], copies: u32, reach: Millis) -> Result<Vec<f64>, String> {
        let sized = Sized { copies, from: tail_of(self.span, self.interval, reach).0 };
        let mut best = vec![f64::INFINITY; self.rule_count()];
        for _ in 0..PASSES {
            let options = EngineOptions { start: Some(sized.from), ..self.options.clone() };
            let mut store = Self::register(files, &options)?;
            scaled(&self.store, &mut store, sized, reach, &self.files);
            let mut engine = Engine::new(files, options, &mut store).map_err(|problems| refused(&problems))?;
            let warm = tail_of(self.span, self.interval, reach).1;
            engine.advance(&store, warm).map_err(|error| error.to_string())?;
            engine.watch(&clock());
            engine.finish(&store, self.span.1).map_err(|error| error.to_string())?;
            for (best, cost) in best.iter_mut().zip(engine.costs()) {
                *best = best.min((cost.evaluate + cost.alert) / cost.evaluations.max(1) as f64);
            }
        }
        Ok(best)
    }

    fn rule_count(&self) -> usize {
        self.files.iter().flat_map(|file| &file.groups).map(|group| group.rules.len()).sum()
    }
}

/// Names the rules of files, in order.
fn names(files: &[RuleFile]) -> Vec<String> {
    let rules = files.iter().flat_map(|file| &file.groups).flat_map(|group| &group.rules);
    rules.map(|rule| rule.name.text.clone()).collect()
}

impl Bench for RuleBench {
    fn plan(&mut self, batch_ns: u64) -> Result<Vec<Planned>, String> {
        let all = self.slots();
        let mut failed = Ok(());
        let took = timed(|| failed = self.pass(None, &clock()).map(|_| ()));
        failed?;
        let fit = all as f64 * batch_ns as f64 / took.max(1) as f64;
        let iters = (fit as u64).clamp(64.min(all), all);
        Ok(vec![Planned { id: RULE_TIME.to_owned(), rule: None, iters, chunk: 1 }])
    }

    fn time(&mut self, metrics: &[Planned], pace: Pace, say: &mut dyn FnMut(Timed)) -> Result<(), String> {
        for planned in metrics {
            if planned.id != RULE_TIME {
                return Err(format!("this alertctl does not measure `{}` of rules", planned.id));
            }
            let mut batches = vec![Vec::new(); self.rule_count()];
            let (done, usage) = with_usage(|| -> Result<(), String> {
                for round in 0..pace.warmup + pace.rounds {
                    let costs = self.pass(Some(planned.iters), &clock())?;
                    if round >= pace.warmup {
                        for (batches, cost) in batches.iter_mut().zip(costs) {
                            let took = (cost.evaluate + cost.alert) * pace.slowdown;
                            batches.push(took / cost.evaluations.max(1) as f64);
                        }
                    }
                }
                Ok(())
            });
            done?;
            for (rule, batches) in batches.into_iter().enumerate() {
                say(Timed {
                    id: RULE_TIME.to_owned(),
                    rule: Some(rule),
                    unit: "ns".to_owned(),
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
        }
        Ok(())
    }

    fn count(&mut self) -> Result<Vec<Counted>, String> {
        let samples = Watch { now: Arc::new(|| 0), samples: true };
        let whole = self.pass(None, &samples)?;
        // Allocations are those of the second half: the first one finds out which series there are.
        let half = self.span.0.plus(Millis(self.span.1.since(self.span.0).0 / 2));
        let read = self.second_half(half, &samples)?;
        CountingAllocator::on();
        let asked = self.second_half(half, &Watch { now: Arc::new(|| allocated().calls), samples: false });
        CountingAllocator::off();
        let asked = asked?;
        let mut counted = Vec::new();
        for (rule, ((cost, read), asked)) in whole.iter().zip(&read).zip(&asked).enumerate() {
            let evaluations = cost.evaluations.max(1) as f64;
            let mut tell =
                |id: &str, unit: &str, kind, value| counted.push(Counted::new(id, Some(rule), unit, kind, value));
            tell("rule.samples", "samples/evaluation", Kind::Samples, cost.samples as f64 / evaluations);
            tell("rule.series", "series", Kind::Count, cost.series as f64);
            tell("rule.results", "series/evaluation", Kind::Count, cost.results as f64 / evaluations);
            if read.samples > 0 {
                let allocations = (asked.evaluate + asked.alert) / read.samples as f64;
                tell("rule.allocs", "allocations/sample", Kind::Count, allocations);
            }
        }
        Ok(counted)
    }

    fn grow(&mut self, budget_ns: u64) -> Result<Vec<Grown>, String> {
        let mut grown: Vec<Grown> = (0..self.rule_count()).map(|rule| Grown { rule, ..Grown::default() }).collect();
        let spent = stopwatch();
        let late = || spent() > budget_ns;
        let reach = longest(&self.files, &self.options, 1);
        for size in SIZES.into_iter().take_while(|size| *size == 1 || !late()) {
            for (grown, ns) in grown.iter_mut().zip(self.at_size(&self.files, size, reach)?) {
                grown.series.push((f64::from(size), ns));
            }
        }
        for size in SIZES.into_iter().take_while(|size| *size == 1 || !late()) {
            let reach = longest(&self.files, &self.options, size);
            if reach.0 > self.span.1.since(self.span.0).0 {
                break;
            }
            let (files, has_window) = widened(&self.files, size);
            let times = self.at_size(&files, 1, reach)?;
            for ((grown, ns), has_window) in grown.iter_mut().zip(times).zip(has_window) {
                if has_window {
                    grown.window.push((f64::from(size), ns));
                }
            }
        }
        Ok(grown)
    }

    fn stages(&mut self) -> Result<Staged, String> {
        let mut staged = Staged { stages: self.loading.clone(), ..Staged::default() };
        let options = self.options.clone();
        let mut engine = Engine::new(&self.files, options, &mut self.store).map_err(|problems| refused(&problems))?;
        engine.watch(&clock());
        engine.finish(&self.store, self.span.1).map_err(|error| error.to_string())?;
        let costs = engine.costs();
        let mut written = Ok(());
        let told = timed(|| written = (self.report)(&mut engine, &self.store));
        written?;
        let sum = |of: fn(&Cost) -> f64| costs.iter().map(of).sum::<f64>() as u64;
        staged.stages.push(("evaluate".to_owned(), sum(|cost| cost.evaluate)));
        staged.stages.push(("alert".to_owned(), sum(|cost| cost.alert)));
        staged.stages.push(("report".to_owned(), told));
        let stack = |frames: &[&str]| frames.iter().map(|&frame| frame.to_owned()).collect::<Vec<_>>();
        for (stage, ns) in &staged.stages {
            if !matches!(stage.as_str(), "evaluate" | "alert") {
                staged.stacks.push((stack(&["alertctl", stage]), *ns));
            }
        }
        for (cost, name) in costs.iter().zip(names(&self.files)) {
            let evaluations = cost.evaluations.max(1) as f64;
            staged.rules.push(vec![
                ("evaluate".to_owned(), cost.evaluate / evaluations),
                ("alert".to_owned(), cost.alert / evaluations),
            ]);
            for (part, ns) in &cost.parts {
                staged.stacks.push((stack(&["alertctl", "evaluate", &name, part]), *ns as u64));
            }
            staged.stacks.push((stack(&["alertctl", "alert", &name]), cost.alert as u64));
        }
        Ok(staged)
    }
}

impl RuleBench {
    /// Evaluates the recording, watched from a time on.
    fn second_half(&mut self, from: Timestamp, watch: &Watch) -> Result<Vec<Cost>, String> {
        let mut engine =
            Engine::new(&self.files, self.options.clone(), &mut self.store).map_err(|problems| refused(&problems))?;
        engine.advance(&self.store, from).map_err(|error| error.to_string())?;
        engine.watch(watch);
        engine.finish(&self.store, self.span.1).map_err(|error| error.to_string())?;
        Ok(engine.costs())
    }
}
