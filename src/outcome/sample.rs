//! A small run for the tests of the formats.

use super::{GroupFacts, Kind, MissingMetric, Origin, Outcome, Range, RecordingFacts, RuleFacts, RunOptions, Setting};
use crate::engine::{Activity, Align, Began, Cause, End, Episode, GroupSchedule, RuleCounts, RuleId};
use crate::input;
use crate::labels::LabelSet;
use crate::promql::ast::BinaryOp;
use crate::time::{Millis, Timestamp};

/// 2026-01-06 00:00:00 UTC, a Tuesday.
pub(crate) const START: i64 = 1_767_657_600_000;

pub(crate) fn at(minute: i64) -> Timestamp {
    Timestamp(START + minute * 60_000)
}

pub(crate) fn group(name: &str, interval: i64, offset: i64) -> GroupFacts {
    let schedule =
        GroupSchedule { interval: Millis(interval), interval_from_file: true, offset: Millis(offset), steps: 121 };
    GroupFacts { file: "rules/node.yml".to_owned(), name: name.to_owned(), schedule }
}

pub(crate) fn rule(id: u32, name: &str) -> RuleFacts {
    RuleFacts {
        id: RuleId(id),
        group: 0,
        kind: Kind::Alert,
        name: name.to_owned(),
        file: "rules/node.yml".to_owned(),
        line: 10 + id,
        expr: "x > 1".to_owned(),
        condition: "x > 1".to_owned(),
        threshold: None,
        threshold_text: None,
        guard: None,
        hold: Millis::ZERO,
        keep: Millis::ZERO,
        severity: None,
        labels: Vec::new(),
        disabled: false,
        counts: RuleCounts::default(),
        annotations: Vec::new(),
        missing: Vec::new(),
        unmatched: None,
        no_source: None,
        unseen: None,
    }
}

/// An episode of `rule` that became active at `from`, fired at `fired` and ended at `to` (minutes).
pub(crate) fn episode(
    rule: u32,
    labels: &[(&str, &str)],
    from: i64,
    fired: Option<i64>,
    to: Option<i64>,
    value: f64,
) -> Episode {
    let (end, cause) = match (fired, to) {
        (_, None) => (End::ActiveAtEnd, Cause::EndOfData),
        (None, Some(_)) => (End::DiedPending, Cause::ConditionFalse),
        (Some(_), Some(_)) => (End::Resolved, Cause::ConditionFalse),
    };
    Episode {
        rule: RuleId(rule),
        labels: LabelSet::new(labels.iter().copied()),
        annotations: vec![("summary".to_owned(), "Disk is full".to_owned())],
        histogram: None,
        activity: Activity {
            active_at: at(from),
            fired_at: fired.map(at),
            last_true_at: at(to.unwrap_or(120) - 1),
            value_active: value,
            value_fire: fired.map(|_| value),
            value_last: value,
            value_min: value,
            value_max: value * 2.0,
            steps_true: (to.unwrap_or(121) - from).unsigned_abs(),
            steps_failed: 0,
            steps_kept: 0,
        },
        ended_at: to.map(at),
        end,
        cause,
        began: Began::Observed,
        steps: (to.unwrap_or(121) - from).unsigned_abs(),
        stale_inferred: false,
        suppressed: Vec::new(),
    }
}

/// Two hours at one minute: a disk that fills twice and nearly once, a busy processor, a metric that is not there.
pub(crate) fn outcome() -> Outcome {
    let disk = |instance| [("alertname", "DiskFull"), ("instance", instance), ("job", "db"), ("severity", "critical")];
    let counts = |true_evaluations| RuleCounts { evaluations: 121, true_evaluations, ..RuleCounts::default() };
    let severity = |text: &str| Some(text.to_owned());
    let mut outcome = Outcome {
        version: "0.1.0".to_owned(),
        options: RunOptions {
            align: Setting { value: Align::Offset(Millis(12_368)), from: Origin::Flag },
            external_labels: Setting::of(Some(LabelSet::new([("cluster", "ams")])), LabelSet::empty()),
            ..RunOptions::default()
        },
        range: Range {
            data_start: Some(at(0)),
            data_end: Some(at(120)),
            evaluated_from: Some(at(0)),
            evaluated_to: Some(at(120)),
            reported_from: Some(at(0)),
        },
        input: input::Summary::default(),
        recordings: vec![RecordingFacts {
            path: "night.csv".to_owned(),
            format: "csv_long".to_owned(),
            series: Some(1204),
            samples: 6_900_000,
            start: Some(at(0)),
            end: Some(at(120)),
            cadence: Some(Millis(15_000)),
            conflicts: Some(0),
            time_unit: "ms".to_owned(),
            time_zone: "UTC".to_owned(),
            time_from: "suffix".to_owned(),
            ..RecordingFacts::default()
        }],
        hidden: Vec::new(),
        groups: vec![group("disks", 60_000, 0)],
        rules: vec![
            RuleFacts {
                severity: severity("critical"),
                hold: Millis(90_000),
                threshold: Some((BinaryOp::Less, 4e10)),
                expr: "disk_free_bytes < 4e+10".to_owned(),
                condition: "disk_free_bytes < 40e9 for 1m30s".to_owned(),
                labels: vec![("severity".to_owned(), "critical".to_owned())],
                counts: counts(60),
                ..rule(0, "DiskFull")
            },
            RuleFacts { severity: severity("warning"), counts: counts(5), ..rule(1, "HighCpu") },
            RuleFacts {
                severity: severity("warning"),
                counts: counts(0),
                missing: vec![MissingMetric {
                    name: "batch_last_run".to_owned(),
                    near: vec!["batch_last_run_seconds".to_owned()],
                    is_label: false,
                    needed: true,
                }],
                ..rule(2, "BatchMissing")
            },
        ],
        gaps: Vec::new(),
        episodes: vec![
            episode(0, &disk("db-2"), 70, Some(72), None, 1e9),
            episode(0, &disk("db-1"), 5, Some(7), Some(40), 3.9e10),
            episode(0, &disk("db-1"), 50, None, Some(51), 3.9e10),
            episode(1, &[("alertname", "HighCpu"), ("severity", "warning")], 60, Some(60), Some(65), 0.913),
        ],
        findings: Vec::new(),
        notes: Vec::new(),
    };
    outcome.sort();
    outcome
}
