//! The rules of a user on a recording of theirs: what each reads, what it takes, how it grows (`by_size`).

mod by_size;

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;

use crate::alloc::{CountingAllocator, allocated};
use crate::diagnostic::Diagnostics;
use crate::engine::{Cost, Engine, EngineOptions, Watch, hidden_by};
use crate::rules::graph::{Keep, RuleGraph};
use crate::rules::{Evaluate, Group, RuleFile};
use crate::store::{Conflicts, RowsId, Store};
use crate::time::{Millis, Timestamp};

use super::bench::{Bench, Listener, Pace, with_usage};
use super::clock::{stopwatch, timed};
use super::protocol::{Counted, Grown, Planned, Staged, Timed};
use super::sample::Kind;

/// The fewest slots of one pass.
const FEWEST_SLOTS: u64 = 64;
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
    /// The mean distance of the rows of a label set, where rules are evaluated at rows.
    spacing: Millis,
    /// The shortest interval of a group.
    shortest: Millis,
    /// The longest one.
    longest: Millis,
    /// What was measured while all was loaded: stage and nanoseconds.
    loading: Vec<(String, u64)>,
    report: Report,
}

fn refused(problems: &Diagnostics) -> String {
    problems.sorted().first().map_or_else(|| "cannot evaluate a rule".to_owned(), |first| first.message.clone())
}

/// Returns the mean distance of the rows of a label set; the whole recording where none has two.
fn spacing_of_rows(store: &Store, rows: RowsId, span: (Timestamp, Timestamp)) -> Millis {
    let rows = store.rows(rows, Timestamp::MIN, Timestamp::MAX);
    let label_sets = rows.iter().map(|(_, label_set)| label_set).collect::<BTreeSet<_>>().len();
    let each = (rows.len() / label_sets.max(1)).max(2) - 1;
    Millis(span.1.since(span.0).0 / i64::try_from(each).unwrap_or(i64::MAX)).max(Millis(1))
}

fn clock() -> Watch {
    Watch { now: Arc::new(stopwatch()), samples: false }
}

impl RuleBench {
    /// Registers rules with an empty store that will hold their recording whole.
    ///
    /// # Errors
    /// When a rule can never be evaluated.
    pub fn register(files: &[RuleFile], options: &EngineOptions, conflicts: Conflicts) -> Result<Store, Diagnostics> {
        let mut store = Store::new(conflicts);
        store.keep_all();
        Engine::new(files, options.clone(), &mut store)?;
        Ok(store)
    }

    /// Takes the rules and the store once it holds the recording.
    ///
    /// # Errors
    /// When there is no rule, or no sample.
    pub fn new(
        files: Vec<RuleFile>,
        options: EngineOptions,
        mut store: Store,
        loading: Vec<(String, u64)>,
        report: Report,
    ) -> Result<Self, String> {
        if files.iter().flat_map(|file| &file.groups).all(|group| group.rules.is_empty()) {
            return Err("no rules to profile".to_owned());
        }
        let facts = store.ids().map(|id| store.facts(id)).filter(|facts| facts.samples > 0);
        let Some(span) = facts.map(|facts| (facts.first, facts.last)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        else {
            return Err("the recording has no samples".to_owned());
        };
        let groups = || files.iter().flat_map(|file| &file.groups);
        let spacing = if groups().any(|group| group.evaluate == Evaluate::EveryRow) {
            // The reader that the rules were registered with.
            let rows = store.keep_rows(&hidden_by(&RuleGraph::of(&files, Keep::Read)));
            spacing_of_rows(&store, rows, span)
        } else {
            span.1.since(span.0).max(Millis(1))
        };
        let (shortest, longest) = (spacing, spacing);
        let mut bench = Self { files, options, store, span, spacing, shortest, longest, loading, report };
        let groups = bench.files.iter().flat_map(|file| &file.groups).filter(|group| !group.rules.is_empty());
        let intervals: Vec<Millis> = groups.map(|group| bench.interval_of(group)).collect();
        bench.shortest = intervals.iter().copied().min().unwrap_or(spacing);
        bench.longest = intervals.iter().copied().max().unwrap_or(spacing);
        Ok(bench)
    }

    /// Returns how far apart the evaluations of a group are; those at rows on average, on one label set.
    fn interval_of(&self, group: &Group) -> Millis {
        self.options.interval_of(group).unwrap_or(self.spacing).max(Millis(1))
    }

    /// Returns how many series the rules read, one that several read counted for each.
    ///
    /// # Errors
    /// When the recording cannot be evaluated.
    pub fn read_series(&mut self) -> Result<u64, String> {
        let costs = self.pass(None, &Watch { now: Arc::new(|| 0), samples: true })?;
        Ok(costs.iter().map(|cost| cost.series).sum())
    }

    /// Evaluates the recording, or its last slots; returns what each rule cost.
    fn pass(&mut self, slots: Option<u64>, watch: &Watch) -> Result<Vec<Cost>, String> {
        let start = slots.map(|slots| {
            let back = i64::try_from(slots.saturating_sub(1)).unwrap_or(i64::MAX).saturating_mul(self.shortest.0);
            self.span.1.minus(Millis(back)).max(self.span.0)
        });
        let options = EngineOptions { start, ..self.options.clone() };
        let mut engine = Engine::new(&self.files, options, &mut self.store).map_err(|problems| refused(&problems))?;
        engine.watch(watch);
        engine.finish(&self.store, self.span.1).map_err(|error| error.to_string())?;
        black_box(engine.take_events().len());
        Ok(engine.costs())
    }

    /// Evaluates the recording, watched from a time on.
    fn second_half(&mut self, from: Timestamp, watch: &Watch) -> Result<Vec<Cost>, String> {
        let mut engine =
            Engine::new(&self.files, self.options.clone(), &mut self.store).map_err(|problems| refused(&problems))?;
        engine.advance(&self.store, from).map_err(|error| error.to_string())?;
        engine.watch(watch);
        engine.finish(&self.store, self.span.1).map_err(|error| error.to_string())?;
        Ok(engine.costs())
    }

    /// Returns how many slots there are, as far apart as those of the busiest group.
    fn slots(&self) -> u64 {
        u64::try_from(self.span.1.since(self.span.0).0 / self.shortest.0).unwrap_or(0) + 1
    }

    /// Returns how many of these slots must come by for every group to have one.
    fn fewest_slots(&self) -> u64 {
        let steps = self.longest.0.saturating_add(self.shortest.0 - 1) / self.shortest.0;
        u64::try_from(steps).unwrap_or(0) + 1
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
        let iters = (fit as u64).clamp(FEWEST_SLOTS.max(self.fewest_slots()).min(all), all);
        Ok(vec![Planned { id: RULE_TIME.to_owned(), rule: None, iters, chunk: 1 }])
    }

    fn time(&mut self, metrics: &[Planned], pace: Pace, listener: &mut dyn Listener) -> Result<(), String> {
        for planned in metrics {
            if planned.id != RULE_TIME {
                return Err(format!("this version of alertctl does not measure `{}` of rules", planned.id));
            }
            let mut batches = vec![Vec::new(); self.rule_count()];
            let (done, usage) = with_usage(|| {
                pace.walk(listener, &mut |counts| {
                    let costs = self.pass(Some(planned.iters), &clock())?;
                    let measured = batches.iter_mut().zip(costs).filter(|(_, cost)| counts && cost.evaluations > 0);
                    for (batches, cost) in measured {
                        let took = (cost.evaluate + cost.alert) * pace.slowdown;
                        batches.push(took / cost.evaluations as f64);
                    }
                    Ok(())
                })
            });
            done?;
            for (rule, batches) in batches.into_iter().enumerate() {
                listener.take(Timed {
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
            let mut add =
                |id: &str, unit: &str, kind, value| counted.push(Counted::new(id, Some(rule), unit, kind, value));
            add("rule.samples", "samples/evaluation", Kind::Samples, cost.samples as f64 / evaluations);
            add("rule.series", "series", Kind::Count, cost.series as f64);
            add("rule.results", "series/evaluation", Kind::Count, cost.results as f64 / evaluations);
            if read.samples > 0 {
                let allocations = (asked.evaluate + asked.alert) / read.samples as f64;
                add("rule.allocs", "allocations/sample", Kind::Count, allocations);
            }
        }
        Ok(counted)
    }

    fn grow(&mut self, budget_ns: u64) -> Result<Vec<Grown>, String> {
        self.by_size(budget_ns)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::labels::LabelSet;
    use crate::profile::protocol::Grew;
    use crate::profile::report::GrownBy;
    use crate::rules;
    use crate::source::SourceMap;
    use crate::store::Batch;

    const RULES: &str = "
groups:
- name: g
  rules:
  - {alert: Plain, expr: m > 5}
  - {alert: Window, expr: 'avg_over_time(m[10m]) > 5'}
  - {alert: Nested, expr: 'max_over_time(avg_over_time(m[10m:1m])[10m:1m]) > 5'}
  - {alert: Long, expr: 'avg_over_time(m[2h]) > 5'}
";

    const NATIVE: &str = "
alertctl: 1
evaluate: EVALUATE
derived:
- {record: double, expr: 2 * m}
rules:
- {id: plain, metric: m, above: 5}
- {id: window, metric: m, above: 0, take: avg, evaluation_window: 10m}
- {id: derived, metric: double, above: 1}
";

    /// Six hours of four series, a sample a minute.
    fn bench() -> RuleBench {
        bench_of(&[RULES], &["a", "b", "c", "d"])
    }

    /// Rules on six hours of `m`, a sample a minute of each instance; that of `other` is of another metric.
    fn bench_of(texts: &[&str], instances: &[&str]) -> RuleBench {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let load = |text: &&str| rules::load(&mut sources, "r.yml", text.as_bytes(), &mut diagnostics);
        let files: Vec<RuleFile> = texts.iter().filter_map(load).collect();
        assert!(!diagnostics.has_errors(), "{:?}", diagnostics.sorted());
        let options = EngineOptions { interval: Millis(60_000), lookback: Millis(300_000), ..EngineOptions::default() };
        let mut store = RuleBench::register(&files, &options, Conflicts::Refuse).expect("good rules");
        let mut batch = Batch::default();
        for minute in 0..360 {
            for instance in instances {
                let name = if *instance == "other" { "n" } else { "m" };
                let series = store.series(&LabelSet::new([("__name__", name), ("instance", *instance)]));
                batch.push(series, Timestamp(minute * 60_000), 1.0, 0);
            }
        }
        store.append(&batch).expect("in order");
        RuleBench::new(files, options, store, Vec::new(), Box::new(|_, _| Ok(()))).expect("rules and samples")
    }

    fn grown(mut bench: RuleBench, budget_ns: u64) -> Vec<String> {
        let mut grown = bench.grow(budget_ns).expect("it can be evaluated");
        grown.sort_by_key(|grown| grown.rule);
        let by = |grew: &Grew| {
            let by = GrownBy::of(grew);
            let exponent = by.samples.map_or("-".to_owned(), |fit| format!("{:.2}", fit.exponent));
            format!("{exponent} {}", by.missing()).trim_end().to_owned()
        };
        grown.iter().map(|grown| format!("{}, {}", by(&grown.series), by(&grown.window))).collect()
    }

    #[test]
    fn a_subquery_in_a_subquery_stands_out_by_its_samples() {
        assert_eq!(
            grown(bench(), u64::MAX),
            ["1.00, -", "1.00, 1.00", "1.00, 1.98", "1.00, 1.00 measured up to 2x (the recording is too short)",]
        );
    }

    #[test]
    fn at_rows_an_evaluation_is_a_row_of_one_label_set() {
        let watch = Watch { now: Arc::new(|| 0), samples: true };
        let costs = |evaluate: &str, instances: &[&str]| {
            let native = NATIVE.replace("EVALUATE", evaluate);
            bench_of(&[&native], instances).pass(None, &watch).expect("it can be evaluated")
        };
        let all = ["a", "b", "c", "d"];
        let told = |costs: &[Cost]| {
            let of = |cost: &Cost| (cost.evaluations, cost.samples, cost.series, cost.results);
            costs.iter().map(of).collect::<Vec<_>>()
        };
        // `take` asks for a sample of the row, too, besides those of its window.
        let read = 4 * 360;
        let full = 4 * (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10 * 351);
        let figures = |evaluations| {
            vec![
                (evaluations, read, 4, read),
                (evaluations, read, 4, 0),
                (evaluations, full + read, 4, read),
                (evaluations, read, 4, read),
            ]
        };
        // Where every label set has a row at every slot, both touch the same.
        assert_eq!(told(&costs("1m", &all)), figures(360));
        assert_eq!(told(&costs("each_row", &all)), figures(4 * 360));
        // The rows of others are evaluated too, as `eval` counts them.
        assert_eq!(told(&costs("each_row", &["a", "b", "other", "c", "d"])), figures(5 * 360));
    }

    #[test]
    fn at_rows_what_is_watched_is_what_the_engine_counts() {
        let mut bench = bench_of(&[&NATIVE.replace("EVALUATE", "each_row")], &["other", "a", "b"]);
        let mut engine = Engine::new(&bench.files, bench.options.clone(), &mut bench.store).expect("good rules");
        engine.watch(&Watch { now: Arc::new(|| 0), samples: true });
        engine.finish(&bench.store, bench.span.1).expect("few steps");
        let watched: Vec<u64> = engine.costs().iter().map(|cost| cost.evaluations).collect();
        let counted: Vec<u64> = engine.counts(&bench.store).iter().map(|counts| counts.evaluations).collect();
        assert_eq!(watched, counted);
    }

    #[test]
    fn at_rows_more_label_sets_are_more_evaluations_not_dearer_ones() {
        let bench = bench_of(&[&NATIVE.replace("EVALUATE", "each_row")], &["a", "b"]);
        assert_eq!((bench.shortest, bench.longest), (Millis(60_000), Millis(60_000)));
        assert_eq!(grown(bench, u64::MAX), ["0.00, -", "0.00, -", "0.00, 0.96", "0.00, -"]);
    }

    #[test]
    fn rules_at_rows_and_rules_at_slots_are_measured_in_one_run() {
        let hourly = "groups: [{name: g, interval: 1h, rules: [{alert: Hourly, expr: sum(m) > 1}]}]";
        let mut bench = bench_of(&[&NATIVE.replace("EVALUATE", "each_row"), hourly], &["a", "b"]);
        let plan = bench.plan(1).expect("it can be evaluated");
        assert_eq!(plan[0].iters, 64);
        let mut told: Vec<Timed> = Vec::new();
        let pace = Pace { warmup: 0, rounds: 2, turn: 1, slowdown: 1.0 };
        bench.time(&plan, pace, &mut told).expect("it can be evaluated");
        let batches: Vec<_> = told.into_iter().map(|timed| timed.batches).collect();
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [2; 5]);
        assert!(batches.iter().flatten().all(|batch| *batch > 0.0), "{batches:?}");
        let staged = bench.stages().expect("it can be evaluated");
        assert_eq!(staged.rules.len(), 5);
        for name in ["double", "plain", "window", "derived", "Hourly"] {
            let is =
                |stack: &&(Vec<String>, u64)| stack.0.starts_with(&["alertctl", "evaluate", name].map(str::to_owned));
            assert!(staged.stacks.iter().any(|stack| is(&stack)), "{name}");
        }
        let samples: Vec<f64> = bench
            .count()
            .expect("it can be evaluated")
            .into_iter()
            .filter(|one| one.id == "rule.samples")
            .map(|one| one.value)
            .collect();
        assert_eq!((samples[1], samples[4]), (1.0, 2.0));
    }

    #[test]
    fn what_the_time_does_not_suffice_for_is_reported() {
        let not = "- not measured (time budget)";
        assert_eq!(grown(bench(), 0), vec![format!("{not}, {not}"); 4]);
    }
}
