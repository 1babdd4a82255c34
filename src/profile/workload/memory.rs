//! What is held in memory, and how often memory is asked for: numbers that repeat exactly.

use crate::alloc::{Allocated, CountingAllocator};
use crate::engine::{Engine, EngineOptions};
use crate::rules::RuleSet;
use crate::store::{Batch, SeriesId, Store};
use crate::time::Timestamp;

use super::super::campaign::USABLE;
use super::super::protocol::Counted;
use super::super::sample::Kind;
use super::{CADENCE, EPOCH, Feed, METRICS, Rules, WorkloadError, labels, metric, native};

/// Numbers of rules that are held.
const RULES: [usize; 4] = [10, 100, 1_000, 10_000];
/// Numbers of alerts that are held.
const ALERTS: [usize; 4] = [1, 10, 100, 1_000];
/// Snapshots after which an engine has all the memory it needs.
const WARM: usize = 100;
/// Snapshots over which allocations are counted.
const STEADY: usize = 2_000;

/// Counts everything; all zero where the program's allocator does not count.
pub(super) fn count() -> Result<Vec<Counted>, WorkloadError> {
    let mut counted = Vec::new();
    let mut add = |id: &str, more: &Allocated, less: &Allocated| {
        let mut one =
            |id: String, unit: &str, kind, value: f64| counted.push(Counted::new(&id, None, unit, kind, value));
        one(id.to_owned(), "bytes", Kind::Bytes, difference(more.live(), less.live()));
        one(format!("{id}.peak"), "bytes", Kind::Bytes, difference(more.peak, less.live()));
        if more.usable > 0 {
            one(format!("{id}{USABLE}"), "bytes", Kind::Bytes, difference(more.usable, less.usable));
        }
        one(format!("{id}.count"), "allocations", Kind::Count, more.calls.saturating_sub(less.calls) as f64);
    };
    let none = held(|| Held::of("", 0))?;
    // Texts are written before: what writing them takes is nothing that an engine holds.
    let [one, two] = [on_one_metric(1)?, on_one_metric(2)?].map(|text| held(|| Held::engine_of(&text)));
    let (one, two) = (one?, two?);
    add("memory.rule1", &two, &one);
    add("memory.engine1", &one, &none);
    for count in RULES {
        let rules = Rules::Thresholds { count, firing: false };
        let text = rules.text()?;
        let with = held(|| Held::of(&text, rules.metrics()))?;
        add(&format!("memory.rules{count}"), &with, &none);
    }
    for count in ALERTS {
        let quiet = held(|| Held::of_alerts(count, false))?;
        let firing = held(|| Held::of_alerts(count, true))?;
        add(&format!("memory.alerts{count}"), &firing, &quiet);
    }
    let many = Rules::Thresholds { count: 1_000, firing: false };
    let text = many.text()?;
    let without = held(|| feed(Rules::None, ""))?;
    let with = held(|| feed(many, &text))?;
    add("memory.live1000", &with, &without);
    let mut feed = feed(Rules::All, "")?;
    CountingAllocator::on();
    (0..STEADY).for_each(|_| feed.step());
    let steady = CountingAllocator::off();
    let samples = (STEADY * METRICS.len()) as f64;
    let per_sample = steady.calls as f64 / samples;
    counted.push(Counted::new("alloc.per_sample", None, "allocations/sample", Kind::Count, per_sample));
    Ok(counted)
}

fn difference(more: u64, less: u64) -> f64 {
    more as f64 - less as f64
}

/// Returns what is held of something when it is made, and what was held meanwhile.
fn held<T>(make: impl FnOnce() -> Result<T, WorkloadError>) -> Result<Allocated, WorkloadError> {
    CountingAllocator::on();
    let made = make();
    let allocated = CountingAllocator::off();
    made.map(|_| allocated)
}

/// Returns a feed that has run for a while.
fn feed(rules: Rules, text: &str) -> Result<Feed, WorkloadError> {
    let mut feed = Feed::of(rules, text)?;
    (0..WARM).for_each(|_| feed.step());
    Ok(feed)
}

/// Writes rules that all watch the same metric.
fn on_one_metric(count: usize) -> Result<String, WorkloadError> {
    native((0..count).map(|_| (METRICS[0].to_owned(), 1e12)))
}

/// Rules as they are loaded, their engine, and what it reads: what `eval` holds besides its input and its report.
struct Held {
    /// The texts of the files and the rules in them, which messages and reports need to the end; none where only the
    /// engine is looked at.
    _rules: Option<RuleSet>,
    store: Store,
    engine: Engine,
    batch: Batch,
    series: Vec<SeriesId>,
}

impl Held {
    /// Makes an engine of a file of rules, if there is a text, that has run for a while on so many metrics.
    fn of(text: &str, metrics: usize) -> Result<Self, WorkloadError> {
        let mut held = Self::new(text)?;
        held.series = (0..metrics).map(|at| held.store.series(&labels(&metric(at), 0))).collect();
        held.run(1.0)?;
        Ok(held)
    }

    /// Makes an engine alone, of rules on one metric.
    fn engine_of(text: &str) -> Result<Self, WorkloadError> {
        Ok(Self { _rules: None, ..Self::of(text, 1)? })
    }

    /// Makes an engine with one rule and so many series, of which all fire or none.
    fn of_alerts(count: usize, firing: bool) -> Result<Self, WorkloadError> {
        let mut held = Self::new("groups:\n- name: g\n  rules:\n  - alert: hot\n    expr: temp > 80\n")?;
        held.series = (0..count).map(|switch| held.store.series(&labels("temp", switch))).collect();
        held.run(if firing { 90.0 } else { 70.0 })?;
        Ok(held)
    }

    fn new(text: &str) -> Result<Self, WorkloadError> {
        let mut rules = RuleSet::default();
        if !text.is_empty() {
            rules.add("rules.yml", text.as_bytes());
        }
        let mut store = Store::default();
        let options = EngineOptions { interval: CADENCE, ..EngineOptions::default() };
        let engine = Engine::new(&rules.files, options, &mut store).map_err(|problems| {
            WorkloadError(problems.sorted().first().map_or(String::new(), |problem| problem.message.clone()))
        })?;
        Ok(Self { _rules: Some(rules), store, engine, batch: Batch::default(), series: Vec::new() })
    }

    fn run(&mut self, value: f64) -> Result<(), WorkloadError> {
        for step in 0..WARM as i64 {
            let at = Timestamp(EPOCH + step * CADENCE.0);
            self.batch.clear();
            self.series.iter().for_each(|series| self.batch.push(*series, at, value, 0));
            let taken = self.store.append(&self.batch).is_ok() && self.engine.advance(&self.store, at).is_ok();
            if !taken {
                return Err(WorkloadError("snapshots are out of order".to_owned()));
            }
            drop(self.engine.take_events());
            self.store.evict(self.engine.evaluated());
        }
        Ok(())
    }
}
