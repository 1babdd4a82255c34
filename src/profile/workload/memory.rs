//! What is held in memory, and how often memory is asked for: numbers that repeat exactly.

use crate::alloc::{Allocated, CountingAllocator};
use crate::engine::{Engine, EngineOptions};
use crate::store::{Batch, Store};
use crate::time::Timestamp;

use super::super::protocol::Counted;
use super::super::sample::Kind;
use super::{CADENCE, EPOCH, Feed, METRICS, Rules, WorkloadError, labels, load};

/// Numbers of rules that are held.
const RULES: [usize; 4] = [1, 10, 100, 1_000];
/// Numbers of alerts that are held.
const ALERTS: [usize; 4] = [1, 10, 100, 1_000];
/// Snapshots after which an engine has all the memory it needs.
const WARM: usize = 200;
/// Snapshots over which allocations are counted.
const STEADY: usize = 2_000;

/// Counts everything; all zero where the program's allocator does not count.
pub(super) fn count() -> Result<Vec<Counted>, WorkloadError> {
    let mut counted = Vec::new();
    let mut tell = |id: &str, unit: &str, kind, value: f64| counted.push(Counted::new(id, None, unit, kind, value));
    let none = held(|| feed(Rules::None))?;
    for count in RULES {
        let with = held(|| feed(Rules::Thresholds { count, firing: false }))?;
        let id = if count == 1 { "memory.rule1".to_owned() } else { format!("memory.rules{count}") };
        tell(&id, "bytes", Kind::Bytes, difference(with.live(), none.live()));
        tell(&format!("{id}.peak"), "bytes", Kind::Bytes, difference(with.peak, none.live()));
        tell(&format!("{id}.count"), "allocations", Kind::Count, with.calls.saturating_sub(none.calls) as f64);
    }
    for count in ALERTS {
        let quiet = held(|| alerts(count, false))?;
        let firing = held(|| alerts(count, true))?;
        let id = format!("memory.alerts{count}");
        tell(&id, "bytes", Kind::Bytes, difference(firing.live(), quiet.live()));
        tell(&format!("{id}.peak"), "bytes", Kind::Bytes, difference(firing.peak, quiet.live()));
        tell(&format!("{id}.count"), "allocations", Kind::Count, firing.calls.saturating_sub(quiet.calls) as f64);
    }
    let mut feed = feed(Rules::All)?;
    CountingAllocator::on();
    (0..STEADY).for_each(|_| feed.step());
    let steady = CountingAllocator::off();
    let samples = (STEADY * METRICS.len()) as f64;
    tell("alloc.per_sample", "allocations/sample", Kind::Count, steady.calls as f64 / samples);
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
fn feed(rules: Rules) -> Result<Feed, WorkloadError> {
    let mut feed = Feed::new(rules)?;
    (0..WARM).for_each(|_| feed.step());
    Ok(feed)
}

/// Returns an engine with one rule and so many series, of which all fire or none.
fn alerts(count: usize, firing: bool) -> Result<(Store, Engine), WorkloadError> {
    let rules = load("alerts.yml", "groups:\n- name: g\n  rules:\n  - alert: hot\n    expr: temp > 80\n")?;
    let mut store = Store::default();
    let options = EngineOptions { interval: CADENCE, ..EngineOptions::default() };
    let mut engine =
        Engine::new(&rules, options, &mut store).map_err(|_| WorkloadError("the alerts' rule".to_owned()))?;
    let mut batch = Batch::default();
    for step in 0..WARM as i64 {
        let at = Timestamp(EPOCH + step * CADENCE.0);
        batch.clear();
        for switch in 0..count {
            let id = store.series(&labels("temp", switch));
            batch.push(id, at, if firing { 90.0 } else { 70.0 }, 0);
        }
        let taken = store.append(&batch).is_ok() && engine.advance(&store, at).is_ok();
        debug_assert!(taken, "times ascend by the cadence");
        drop(engine.take_events());
        store.evict(engine.evaluated());
    }
    Ok((store, engine))
}
