//! The workload of the report: the rules of a port synchronisation daemon on deterministic snapshots of its metrics.
//!
//! It drives what `eval` drives, the same store, engine, programs and alerts: through the library, one snapshot after the
//! other as a live system would, or by blocks as a recording is evaluated.

mod bench;
mod memory;

use serde::Serialize;

use crate::embed::{HeldRule, Live, LoadError, RuleHandle, Series};
use crate::labels::LabelSet;
use crate::time::{Millis, Timestamp};

use super::dice::Dice;

pub use bench::{CPU_BOUND, WorkloadBench};

/// The rules, and the name of their file.
pub const RULES: (&str, &str) = ("rules/portsyncd.yml", include_str!("../../../rules/portsyncd.yml"));
/// The metrics of a snapshot.
pub(super) const METRICS: [&str; 15] = [
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
/// How many metrics a snapshot has when there are many rules.
const MORE_METRICS: usize = 22;
/// The values of one snapshot, by metric.
pub(super) type Row = [f64; MORE_METRICS];
/// The distance of snapshots.
const CADENCE: Millis = Millis(10_000);
/// When the first snapshot is.
pub(super) const EPOCH: i64 = 1_700_000_000_000;
/// Snapshots after which the values repeat.
pub(super) const CYCLE: usize = 1_024;
/// The seed of the values: part of the plan, so never changed.
const SEED: u64 = 20_240;

/// The metrics that are times. Unit: seconds since 1970.
pub(super) const STAMPS: std::ops::RangeInclusive<usize> = 11..=14;

/// Says that the workload cannot be set up: a mistake in this crate, but told, not hidden.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot set up the workload: {0}")]
pub struct WorkloadError(pub String);

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

impl Rules {
    /// Returns how many metrics a snapshot has: many thresholds are on more metrics, as in the measurements of the
    /// report's engine.
    fn metrics(self) -> usize {
        if matches!(self, Self::Thresholds { count, .. } if count > METRICS.len()) {
            MORE_METRICS
        } else {
            METRICS.len()
        }
    }

    /// Writes those that are made for a measurement; empty for others.
    fn text(self) -> Result<String, WorkloadError> {
        match self {
            Self::None | Self::All | Self::Derived => Ok(String::new()),
            Self::Thresholds { count, firing } => {
                let limit = |at: usize| if firing { -1.0 } else { 1e12 + at as f64 };
                native((0..count).map(|at| (metric(at % self.metrics()), limit(at))))
            }
        }
    }

    /// Returns an evaluator of live values with these rules, of which `text` are those that were written.
    fn live(self, text: &str) -> Result<Live, WorkloadError> {
        let mut live = Live::new();
        let failed = |error: LoadError| WorkloadError(error.to_string());
        match self {
            Self::None => {}
            Self::All | Self::Derived => drop(live.load(RULES.0, RULES.1).map_err(failed)?),
            Self::Thresholds { .. } => drop(live.load("thresholds.yml", text).map_err(failed)?),
        }
        if self == Self::Derived {
            let alerts: Vec<RuleHandle> =
                live.rules().iter().filter(HeldRule::is_alert).map(|rule| rule.handle()).collect();
            for rule in alerts {
                live.remove(rule);
            }
        }
        Ok(live)
    }
}

/// Returns the name of a metric of a snapshot.
fn metric(at: usize) -> String {
    METRICS.get(at).map_or_else(|| format!("metric_{at}"), |name| (*name).to_owned())
}

/// A file of the native form.
#[derive(Serialize)]
struct NativeFile {
    alertctl: u32,
    rules: Vec<NativeRule>,
}

/// A rule that fires above a threshold.
#[derive(Serialize)]
struct NativeRule {
    id: String,
    metric: String,
    above: f64,
}

/// Writes rules in their native form, one on each metric that is named, with its threshold.
fn native(on: impl Iterator<Item = (String, f64)>) -> Result<String, WorkloadError> {
    let rule = |(at, (metric, above))| NativeRule { id: format!("threshold_{at}"), metric, above };
    let file = NativeFile { alertctl: 1, rules: on.enumerate().map(rule).collect() };
    serde_yaml::to_string(&file).map_err(|error| WorkloadError(error.to_string()))
}

/// The values of a cycle of snapshots.
pub(super) fn snapshots() -> Vec<Row> {
    let mut dice = Dice::new(SEED);
    let mut chance = move |share: u64| dice.roll() % 100 < share;
    let mut now = [0.0; MORE_METRICS];
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

/// Snapshots that go through the library, one at a time.
struct Feed {
    live: Live,
    series: Vec<Series>,
    rows: Vec<Row>,
    /// Snapshots so far.
    next: usize,
    /// Events that came of them.
    events: usize,
}

impl Feed {
    fn new(rules: Rules) -> Result<Self, WorkloadError> {
        Self::of(rules, &rules.text()?)
    }

    /// Makes a feed of rules whose text was written before.
    fn of(rules: Rules, text: &str) -> Result<Self, WorkloadError> {
        let mut live = rules.live(text)?;
        let series = (0..rules.metrics()).map(|at| live.series(&labels(&metric(at), 0))).collect();
        Ok(Self { live, series, rows: snapshots(), next: 0, events: 0 })
    }

    /// Takes in one snapshot and evaluates it.
    fn step(&mut self) {
        let mut snapshot = self.live.at(Timestamp(EPOCH + self.next as i64 * CADENCE.0));
        let row = &self.rows[self.next % CYCLE];
        for (series, value) in self.series.iter().zip(row) {
            snapshot.set(series, *value);
        }
        self.events += self.live.evaluate().len();
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
        assert_eq!(feed.live.rules().len(), 14, "ten rules and the four that they derive from");
        let derived = Feed::new(Rules::Derived).expect("the rules load");
        assert_eq!(derived.live.rules().len(), 4);
    }

    #[test]
    fn snapshots_are_the_same_every_time() {
        assert_eq!(snapshots(), snapshots());
        let mut feed = Feed::new(Rules::Thresholds { count: 3, firing: true }).expect("the rules load");
        feed.step();
        assert_eq!(feed.events, 3);
        let mut many = Feed::new(Rules::Thresholds { count: 100, firing: true }).expect("the rules load");
        many.step();
        assert_eq!((many.series.len(), many.events), (22, 100));
    }
}
