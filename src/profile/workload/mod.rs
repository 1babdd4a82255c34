//! The workload of the report: the rules of a port synchronisation daemon on deterministic snapshots of its metrics.
//!
//! It drives what `eval` drives, the same store, engine, programs and alerts, one snapshot after the other as a live
//! system would, or by blocks as a recording is evaluated.

mod memory;
mod report;

use crate::diagnostic::Diagnostics;
use crate::engine::{Engine, EngineOptions};
use crate::labels::LabelSet;
use crate::rules::{self, RuleFile};
use crate::source::SourceMap;
use crate::store::{Batch, SeriesId, Store};
use crate::time::{Millis, Timestamp};

use super::dice::Dice;

pub use report::{CPU_BOUND, ReportBench};

/// The rules, and the name of their file.
pub const RULES: (&str, &str) = ("rules/portsyncd.yml", include_str!("portsyncd.yml"));
/// The metrics of a snapshot.
const METRICS: [&str; 15] = [
    "warm_restart_count",
    "cold_start_count",
    "eoiu_detected_count",
    "eoiu_timeout_count",
    "state_recovery_count",
    "corruption_detected_count",
    "backup_created_count",
    "backup_cleanup_count",
    "avg_initial_sync_duration_secs",
    "max_initial_sync_duration_secs",
    "min_initial_sync_duration_secs",
    "last_warm_restart_secs",
    "last_eoiu_detection_secs",
    "last_state_recovery_secs",
    "last_corruption_detected_secs",
];
/// The distance of snapshots.
const CADENCE: Millis = Millis(10_000);
/// When the first snapshot is.
const EPOCH: i64 = 1_700_000_000_000;
/// Snapshots after which the values repeat.
const CYCLE: usize = 1_024;
/// The seed of the values: part of the plan, so never changed.
const SEED: u64 = 20_240;

/// Says that the workload can not be set up: a mistake in this crate, but told, not hidden.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the workload can not be set up: {0}")]
pub struct WorkloadError(pub String);

/// Reads rules that come with the program.
fn load(name: &str, text: &str) -> Result<Vec<RuleFile>, WorkloadError> {
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let file = rules::load(&mut sources, name, text.as_bytes(), &mut diagnostics);
    if let Some(first) = diagnostics.sorted().iter().find(|_| diagnostics.has_errors()) {
        return Err(WorkloadError(format!("{name}: {}", first.message)));
    }
    Ok(file.into_iter().collect())
}

/// Returns the rules of the report, or one threshold that is never crossed, or none.
fn rules_of(kind: Rules) -> Result<Vec<RuleFile>, WorkloadError> {
    match kind {
        Rules::None => Ok(Vec::new()),
        Rules::All => load(RULES.0, RULES.1),
        Rules::Derived => {
            let mut files = load(RULES.0, RULES.1)?;
            for group in files.iter_mut().flat_map(|file| &mut file.groups) {
                group.rules.retain(|rule| matches!(rule.kind, rules::RuleKind::Record));
            }
            Ok(files)
        }
        Rules::Thresholds { count, firing } => {
            let mut text = "groups:\n- name: thresholds\n  rules:\n".to_owned();
            for at in 0..count {
                let metric = METRICS[at % METRICS.len()];
                let limit = if firing { -1.0 } else { 1e12 + at as f64 };
                text.push_str(&format!("  - alert: threshold_{at}\n    expr: {metric} > {limit}\n"));
            }
            load("thresholds.yml", &text)
        }
    }
}

/// Which rules a feed evaluates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    None,
    /// The ten rules of the report with what they derive.
    All,
    /// What they derive only.
    Derived,
    /// Thresholds on the metrics, always or never crossed.
    Thresholds {
        count: usize,
        firing: bool,
    },
}

/// The values of a cycle of snapshots.
fn snapshots() -> Vec<[f64; METRICS.len()]> {
    let mut dice = Dice::new(SEED);
    let mut chance = move |share: u64| dice.roll() % 100 < share;
    let mut now = [0.0; METRICS.len()];
    now[0] = 40.0;
    now[1] = 4.0;
    now[2] = 44.0;
    let mut rows = Vec::with_capacity(CYCLE);
    for at in 0..CYCLE {
        let time = (EPOCH / 1000) as f64 + at as f64 * 10.0;
        // A burst of restarts and of corruption now and then, so that rules fire and end.
        let bad = at % 256 >= 192;
        for (metric, share, stamp) in [
            (0, 5, 11),
            (1, 1, 15),
            (2, 6, 12),
            (3, if bad { 30 } else { 1 }, 15),
            (4, 3, 13),
            (5, if bad { 10 } else { 1 }, 14),
            (6, 8, 15),
            (7, 2, 15),
        ] {
            if chance(share) {
                now[metric] += 1.0;
                if stamp < METRICS.len() {
                    now[stamp] = time;
                }
            }
        }
        now[8] = 5.0 + (at % 40) as f64;
        now[9] = 20.0 + (at % 400) as f64;
        now[10] = 1.0 + (at % 4) as f64;
        rows.push(now);
    }
    rows
}

/// Snapshots that go through a store and an engine, one at a time.
struct Feed {
    store: Store,
    engine: Engine,
    batch: Batch,
    series: Vec<SeriesId>,
    rows: Vec<[f64; METRICS.len()]>,
    /// Snapshots so far.
    next: usize,
    /// Events that came of them.
    events: usize,
}

impl Feed {
    fn new(rules: Rules) -> Result<Self, WorkloadError> {
        let mut store = Store::default();
        let options = EngineOptions { interval: CADENCE, ..EngineOptions::default() };
        let engine = Engine::new(&rules_of(rules)?, options, &mut store).map_err(|problems| {
            WorkloadError(problems.sorted().first().map_or(String::new(), |it| it.message.clone()))
        })?;
        let series = METRICS.iter().map(|metric| store.series(&labels(metric, 0))).collect();
        Ok(Self { store, engine, batch: Batch::default(), series, rows: snapshots(), next: 0, events: 0 })
    }

    /// Takes in one snapshot and evaluates it.
    fn step(&mut self) {
        let at = Timestamp(EPOCH + self.next as i64 * CADENCE.0);
        let row = &self.rows[self.next % CYCLE];
        self.batch.clear();
        for (series, value) in self.series.iter().zip(row) {
            self.batch.push(*series, at, *value, 0);
        }
        let taken = self.store.append(&self.batch).is_ok() && self.engine.advance(&self.store, at).is_ok();
        debug_assert!(taken, "times ascend by the cadence");
        self.events += self.engine.take_events().len();
        self.store.evict(self.engine.evaluated());
        self.next += 1;
    }
}

fn labels(metric: &str, switch: usize) -> LabelSet {
    LabelSet::new([("__name__", metric), ("switch", format!("sw{switch}").as_str())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_the_report_fire_and_end_on_the_snapshots() {
        let mut feed = Feed::new(Rules::All).expect("the rules load");
        (0..2 * CYCLE).for_each(|_| feed.step());
        assert!(feed.events > 10, "{}", feed.events);
        assert_eq!(feed.store.len(), METRICS.len());
        assert!(feed.engine.len() >= 13, "ten rules and what they derive");
    }

    #[test]
    fn snapshots_are_the_same_every_time() {
        assert_eq!(snapshots(), snapshots());
        let mut feed = Feed::new(Rules::Thresholds { count: 3, firing: true }).expect("the rules load");
        feed.step();
        assert_eq!(feed.events, 3);
    }
}
