//! The rules of a user on a recording of theirs: what each reads, what it takes (`passes`), how it grows (`by_size`).
//!
//! The cost of a rule is what it costs alone: its whole tree in blocks of its own, next to the rules that write what it
//! reads. What others share with it, and what becomes of them, does not change it.

mod by_size;
mod passes;

pub use super::growth::reach_of;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::alloc::{CountingAllocator, allocated};
use crate::diagnostic::Diagnostics;
use crate::engine::{Cost, Engine, EngineOptions, Watch, hidden_by};
use crate::rules::graph::{Keep, RuleGraph};
use crate::rules::{Evaluate, Group, RuleFile};
use crate::store::{Conflicts, RowsId, Store};
use crate::time::{Millis, Timestamp};

use super::bench::{Bench, Listener, Pace, Wish};
use super::clock::{stopwatch, timed};
use super::protocol::{Counted, Grown, Planned, Staged};
use super::sample::Kind;

use self::passes::Pass;

/// The time of one evaluation of a rule, its alerts included.
pub const RULE_TIME: &str = "rule.ns";
/// The samples that a server reads for a rule in one second.
pub const RULE_SAMPLES_PER_S: &str = "rule.samples_per_s";
/// The series that a rule reads.
pub const RULE_SERIES: &str = "rule.series";
/// The series of a rule's result, on average.
pub const RULE_RESULTS: &str = "rule.results";
/// The time that all rules take together for each second of the recording.
pub const RUN_TIME: &str = "run.ns_per_s";
/// The samples that a server reads for all rules in one second.
pub const RUN_SAMPLES_PER_S: &str = "run.samples_per_s";
/// The series that rules read, one that several read once.
pub const RUN_SERIES: &str = "run.series";
/// How often the evaluation of all rules together asks for memory, once warm.
pub const RUN_ALLOCS: &str = "run.allocs";

/// The most evaluations of a recording of which the allocations of each rule are counted.
const MOST_EVALUATIONS: u64 = 1_000_000;
/// Passes of which the best tells what sharing saves.
const PASSES: u32 = 5;
/// How long they may take before no more are made. Unit: nanoseconds.
const PASSES_NS: u64 = 50_000_000;

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

/// Watches times.
fn clock() -> Watch {
    Watch { now: Arc::new(stopwatch()), samples: false }
}

/// Watches samples and series.
fn samples() -> Watch {
    Watch { now: Arc::new(|| 0), samples: true }
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
            let rows = store.keep_rows(&hidden_by(&RuleGraph::of(&files, Keep::Read), &[]));
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

    /// Returns the time from the first sample to the last one. Unit: milliseconds.
    #[must_use]
    pub fn span_ms(&self) -> i64 {
        self.span.1.since(self.span.0).0
    }

    /// Returns how far apart the evaluations of a group are; those at rows on average, on one label set.
    fn interval_of(&self, group: &Group) -> Millis {
        self.options.interval_of(group).unwrap_or(self.spacing).max(Millis(1))
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

    /// Returns how often rules were evaluated in a second, of those with so many evaluations on the whole recording.
    fn evaluations_per_s(&self, group: &Group, evaluations: u64) -> f64 {
        match self.options.interval_of(group) {
            Some(interval) => 1_000.0 / interval.0.max(1) as f64,
            // What came at one time only is taken for a second's work.
            None => {
                evaluations as f64 * 1_000.0
                    / Some(self.span.1.since(self.span.0).0).filter(|span| *span > 0).unwrap_or(1_000) as f64
            }
        }
    }

    /// Returns the groups, one for each rule.
    fn groups_by_rule(&self) -> impl Iterator<Item = &Group> {
        let groups = self.files.iter().flat_map(|file| &file.groups);
        groups.flat_map(|group| group.rules.iter().map(move |_| group))
    }
}

/// Names the rules of files, in order.
fn names(files: &[RuleFile]) -> Vec<String> {
    let rules = files.iter().flat_map(|file| &file.groups).flat_map(|group| &group.rules);
    rules.map(|rule| rule.name.text.clone()).collect()
}

impl Bench for RuleBench {
    fn plan(&mut self, wish: &Wish) -> Result<(Vec<Planned>, u64), String> {
        self.planned(wish)
    }

    fn time(&mut self, metrics: &[Planned], pace: Pace, listener: &mut dyn Listener) -> Result<(), String> {
        self.timed(metrics, pace, listener)
    }

    fn count(&mut self) -> Result<Vec<Counted>, String> {
        let (whole, series) = self.counted()?;
        // Allocations are those of the second half: the first one finds out which series there are.
        let half = self.span.0.plus(Millis(self.span.1.since(self.span.0).0 / 2));
        // Those of each rule are shown only, and take as long again.
        let few = whole.iter().map(|cost| cost.evaluations).sum::<u64>() <= MOST_EVALUATIONS;
        CountingAllocator::on();
        let watch = Watch { now: Arc::new(|| allocated().calls), samples: true };
        let asked = if few { self.second_half(half, &watch) } else { Ok(vec![Cost::default(); whole.len()]) };
        let together = self.asked_together(half);
        CountingAllocator::off();
        let (asked, together) = (asked?, together?);
        let mut all = Vec::new();
        let mut totals = Vec::new();
        for (rule, ((cost, asked), group)) in whole.iter().zip(&asked).zip(self.groups_by_rule()).enumerate() {
            let each = |count: u64| count as f64 / cost.evaluations.max(1) as f64;
            let mut add = |id: &str, unit: &str, kind, value| all.push(Counted::new(id, Some(rule), unit, kind, value));
            let per_s = each(cost.samples) * self.evaluations_per_s(group, cost.evaluations);
            totals.push(per_s);
            add("rule.samples", "samples/evaluation", Kind::Samples, each(cost.samples));
            add(RULE_SAMPLES_PER_S, "samples/s", Kind::Samples, per_s);
            add(RULE_SERIES, "series", Kind::Count, cost.series as f64);
            add(RULE_RESULTS, "series/evaluation", Kind::Count, each(cost.results));
            if asked.samples > 0 {
                let allocations = (asked.evaluate + asked.alert) / asked.samples as f64;
                add("rule.allocs", "allocations/sample", Kind::Count, allocations);
            }
        }
        // In one order, whatever that of the rules: sums of floats depend on it.
        totals.sort_by(f64::total_cmp);
        let total: f64 = totals.iter().sum();
        let mut add = |id: &str, unit: &str, kind, value| all.push(Counted::new(id, None, unit, kind, value));
        add(RUN_SAMPLES_PER_S, "samples/s", Kind::Samples, total);
        add(RUN_SERIES, "series", Kind::Count, series as f64);
        add(RUN_ALLOCS, "allocations", Kind::Count, together as f64);
        Ok(all)
    }

    fn grow(&mut self, budget_ns: u64) -> Result<Vec<Grown>, String> {
        self.by_size(budget_ns)
    }

    fn stages(&mut self) -> Result<Staged, String> {
        let mut staged = Staged { stages: self.loading.clone(), ..Staged::default() };
        let files = std::mem::take(&mut self.files);
        let done = self.staged(&files, &mut staged);
        self.files = files;
        done.map(|()| staged)
    }
}

impl RuleBench {
    /// Returns how long all rules take together and each by itself, without a clock that is read all the time: the best of
    /// some passes, as far as they are short. Unit: nanoseconds.
    fn shared(&mut self, files: &[RuleFile]) -> Result<(u64, u64), String> {
        let spent = stopwatch();
        let mut best = [u64::MAX; 2];
        for _ in 0..PASSES {
            for (best, pass) in best.iter_mut().zip([Pass::TOGETHER, Pass::APART]) {
                let mut engine = self.engine(files, pass)?;
                let mut done = Ok(());
                *best = timed(|| done = self.finish(&mut engine)).min(*best);
                done?;
            }
            if spent() > PASSES_NS {
                break;
            }
        }
        Ok((best[0], best[1]))
    }

    /// Finds out where the time of a run goes, and that of each rule alone.
    fn staged(&mut self, files: &[RuleFile], staged: &mut Staged) -> Result<(), String> {
        let mut engine = self.engine(files, Pass::TOGETHER)?;
        engine.watch(&clock());
        self.finish(&mut engine)?;
        let together = engine.costs();
        let mut written = Ok(());
        let reported = timed(|| written = (self.report)(&mut engine, &self.store));
        written?;
        drop(engine);
        let sum = |of: fn(&Cost) -> f64| together.iter().map(of).sum::<f64>() as u64;
        staged.stages.push(("evaluate".to_owned(), sum(|cost| cost.evaluate)));
        staged.stages.push(("alert".to_owned(), sum(|cost| cost.alert)));
        staged.stages.push(("report".to_owned(), reported));
        (staged.together_ns, staged.apart_ns) = self.shared(files)?;
        let mut engine = self.engine(files, Pass::APART)?;
        engine.watch(&clock());
        self.finish(&mut engine)?;
        let costs = engine.costs();
        let stack = |frames: &[&str]| frames.iter().map(|&frame| frame.to_owned()).collect::<Vec<_>>();
        for (stage, ns) in &staged.stages {
            if !matches!(stage.as_str(), "evaluate" | "alert") {
                staged.stacks.push((stack(&["alertctl", stage]), *ns));
            }
        }
        for (cost, name) in costs.iter().zip(names(files)) {
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
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::labels::LabelSet;
    use crate::profile::protocol::{Grew, Timed};
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
            ["1.00, -", "1.00, 1.00", "1.00, 2.00", "1.00, 1.00 measured up to 2x (the recording is too short)",]
        );
    }

    #[test]
    fn at_rows_an_evaluation_is_a_row_of_one_label_set() {
        let costs = |evaluate: &str, instances: &[&str]| {
            let native = NATIVE.replace("EVALUATE", evaluate);
            bench_of(&[&native], instances).counted().expect("it can be evaluated").0
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
        let wish = Wish { batch_ns: 1, most_ns: u64::MAX, rules: None };
        let (plan, _) = bench.plan(&wish).expect("it can be evaluated");
        assert_eq!(plan[0].iters, 64);
        let mut told: Vec<Timed> = Vec::new();
        let pace = Pace { warmup: 0, rounds: 2, turn: 1, slowdown: 1.0 };
        bench.time(&plan, pace, &mut told).expect("it can be evaluated");
        let batches: Vec<_> = told.into_iter().map(|timed| timed.batches).collect();
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [2; 6]);
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
