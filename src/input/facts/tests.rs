//! What is learnt of small recordings.

use super::super::testing::source;
use super::super::{BadRows, Batches, Progress, ReadOptions};
use super::*;
use crate::store::Conflicts;

const LOOK_BACK: Millis = Millis(300_000);

/// Reads a recording as the command does, in batches of two sizes.
fn facts(text: &str) -> Findings {
    let read = |batch_rows| {
        let options =
            ReadOptions { batch_rows, bad_rows: BadRows::Skip { share: Some(1.0) }, ..ReadOptions::default() };
        let mut recording = Recording::open(vec![source("a.csv", text)], options).expect("opens");
        let (mut store, mut facts, mut batch) = (Store::new(Conflicts::First), Facts::default(), Batch::default());
        loop {
            match recording.next_batch(&mut store, &mut batch).expect("reads") {
                Progress::Batch(_) => {
                    facts.observe(&store, &batch);
                    recording.append(&mut store, &batch).expect("takes the first");
                }
                Progress::Restart => (store, facts) = (Store::new(Conflicts::First), Facts::default()),
                Progress::End => return facts.findings(&store, &recording, LOOK_BACK),
            }
        }
    };
    let whole = read(limits::BATCH_ROWS);
    assert_eq!(read(3), whole);
    whole
}

/// Writes a long recording of `(series, second, value)`; a series is a metric and perhaps a label.
fn long(label: &str, rows: &[(&str, i64, f64)]) -> String {
    let mut text = format!("timestamp_s,metric,{label},value\n");
    for (series, at, value) in rows {
        let (metric, value_of_label) = series.split_once('/').unwrap_or((series, ""));
        text.push_str(&format!("{},{metric},{value_of_label},{value}\n", 1_767_571_200 + at));
    }
    text
}

fn codes(findings: &Findings) -> Vec<&str> {
    findings.hints.iter().map(|hint| hint.code).collect()
}

#[test]
fn values_spacings_gaps_and_resets_are_told_by_metric() {
    let mut rows = Vec::new();
    for at in 0..40 {
        if !(10..15).contains(&at) {
            rows.push(("cpu/a", at * 60 + 1, f64::from(at as i32 % 7)));
        }
        rows.push(("cpu/b", at * 60 + 1, f64::NAN));
        rows.push(("jobs_total/a", at * 60 + 1, f64::from(at as i32 % 20)));
        rows.push(("height/a", at * 60 + 1, f64::from(at as i32 % 30)));
    }
    let found = facts(&long("host", &rows));
    assert_eq!((found.series, found.samples, found.conflicts), (4, 155, 0));
    let cpu = &found.metrics[0];
    assert_eq!((cpu.name.as_str(), cpu.series, cpu.samples, cpu.nans), ("cpu", 2, 75, 40));
    assert_eq!((cpu.min, cpu.median, cpu.max, cpu.median_exact), (Some(0.0), Some(3.0), Some(6.0), true));
    assert_eq!((cpu.cadence, cpu.gaps, cpu.longest_gap), (Some(Millis(60_000)), 1, Some(Millis(360_000))));
    assert_eq!(cpu.resets, 0);
    assert_eq!(found.metrics[1..].iter().map(|metric| metric.resets).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(found.gaps.iter().map(|gap| gap.series).collect::<Vec<_>>(), [1]);
    assert_eq!(found.cadence, Some(Millis(60_000)));
    let host = &found.labels[0];
    assert_eq!((host.name.as_str(), host.values, host.series), ("host", 2, 4));
    assert_eq!(host.examples, ["a", "b"]);
    assert_eq!(codes(&found), [""; 0]);
}

#[test]
fn a_metric_that_ends_early_and_one_that_is_rare_are_told() {
    let mut rows: Vec<_> = (0..200).map(|at| ("cpu", at * 61, 1.0)).collect();
    rows.extend((0..20).map(|at| ("temp", at * 61, 1.0)));
    rows.extend((0..14).map(|at| ("backup", at * 900, 1.0)));
    rows.sort_by_key(|row| row.1);
    let found = facts(&long("host", &rows));
    assert_eq!(codes(&found), ["long-cadence", "ends-early"]);
    assert!(found.hints[0].message.ends_with("`backup` every 15m; `--lookback-delta 30m`"), "{:?}", found.hints);
    assert!(found.hints[1].message.ends_with("`temp` at 2026-01-05T00:19:19Z"), "{:?}", found.hints);
    assert_eq!(found.metrics.iter().map(|metric| metric.series_ended).collect::<Vec<_>>(), [0, 0, 1]);
}

#[test]
fn a_query_grid_is_told() {
    let rows: Vec<_> = (0..20).map(|at| ("cpu", at * 60, 1.0)).collect();
    let found = facts(&long("host", &rows));
    assert_eq!(codes(&found), ["query-grid"]);
    assert!(found.hints[0].message.contains("a multiple of 1m and none is missing"), "{:?}", found.hints);
    let shifted: Vec<_> = rows.iter().map(|(name, at, value)| (*name, at + 1, *value)).collect();
    assert_eq!(codes(&facts(&long("host", &shifted))), [""; 0]);
    let holed: Vec<_> = rows.iter().filter(|row| row.1 != 300).copied().collect();
    assert_eq!(codes(&facts(&long("host", &holed))), [""; 0]);
}

#[test]
fn replicas_are_told() {
    let rows: Vec<_> = (0..9).flat_map(|at| [("cpu/a", at * 61, 1.0), ("cpu/b", at * 61, 1.0)]).collect();
    assert_eq!(codes(&facts(&long("replica", &rows))), ["replicas"]);
    assert_eq!(codes(&facts(&long("cluster", &rows))), ["replicas"]);
    assert_eq!(codes(&facts(&long("host", &rows))), [""; 0]);
}

#[test]
fn conflicts_are_counted_and_shown() {
    let mut rows: Vec<_> = (0..9).map(|at| ("cpu/a", at * 61, 1.0)).collect();
    rows.extend([("cpu/a", 488, 2.0), ("cpu/a", 488, 1.0), ("cpu/a", 488, 3.0)]);
    let found = facts(&long("host", &rows));
    assert_eq!((found.conflicts, found.repeats, found.samples), (2, 1, 9));
    assert_eq!(found.conflicts_shown[0].line, 11);
    assert!(found.conflicts_shown[0].message.contains("is 2, and was 1 before"));
    assert_eq!(codes(&found), ["conflicts"]);
}

#[test]
fn disorder_begins_anew() {
    let found = facts(&long("host", &[("cpu", 1, 1.0), ("cpu", 5, 2.0), ("cpu", 3, 4.0)]));
    assert_eq!((found.samples, found.metrics[0].median), (3, Some(2.0)));
}
