//! What is learnt of small recordings.

use super::*;
use std::cell::RefCell;

use crate::input::testing::walk;
use crate::input::{BadRows, ReadOptions, Text};
use crate::limits;
use crate::store::Conflicts;

const LOOK_BACK: Millis = Millis(300_000);

/// Reads a recording as the commands do, in batches of two sizes and at both depths.
fn findings(text: &str) -> Findings {
    let read = |batch_rows, depth| {
        let options =
            ReadOptions { batch_rows, bad_rows: BadRows::Skip { share: Some(1.0) }, ..ReadOptions::default() };
        let mut recording = Recording::open(vec![Text::boxed("a.csv", text)], options).expect("opens");
        let survey = RefCell::new(Survey::default());
        let mut begin = || {
            survey.replace(Survey::new(depth));
            Store::new(Conflicts::First)
        };
        let store = walk(&mut recording, &mut begin, &mut |store, batch, _| survey.borrow_mut().observe(store, batch));
        let (store, survey) = (store.expect("reads"), survey.into_inner());
        let conflicts_shown = survey.conflicts(&store, &recording);
        Findings { conflicts_shown, ..survey.findings(&store, LOOK_BACK) }
    };
    let deep = read(limits::BATCH_ROWS, Depth::Values);
    assert_eq!(read(3, Depth::Values), deep);
    let mut light = deep.clone();
    (light.repeats, light.conflicts) = (0, 0);
    (light.conflicts_shown, light.labels) = (Vec::new(), Vec::new());
    light.metrics.iter_mut().for_each(|metric| metric.values = ValueFacts::default());
    assert_eq!(read(3, Depth::Times), light);
    deep
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

fn codes(findings: &Findings) -> Vec<&'static str> {
    findings.hints().iter().map(|hint| hint.code).collect()
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
    let found = findings(&long("host", &rows));
    assert_eq!((found.series, found.samples, found.conflicts), (4, 155, 0));
    let cpu = &found.metrics[0];
    assert_eq!((cpu.name.as_str(), cpu.series, cpu.samples, cpu.values.nans), ("cpu", 2, 75, 40));
    assert_eq!(
        (cpu.values.min, cpu.values.median, cpu.values.max, cpu.values.median_exact),
        (Some(0.0), Some(3.0), Some(6.0), true)
    );
    assert_eq!((cpu.cadence, cpu.gaps, cpu.longest_gap), (Some(Millis(60_000)), 1, Some(Millis(360_000))));
    assert_eq!(cpu.values.resets, 0);
    assert_eq!(found.metrics[1..].iter().map(|metric| metric.values.resets).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(found.gaps.iter().map(|gap| gap.series).collect::<Vec<_>>(), [1]);
    assert_eq!(found.cadence, Some(Millis(60_000)));
    let host = &found.labels[0];
    assert_eq!((host.name.as_str(), host.values, host.series), ("host", 2, 4));
    assert_eq!(host.examples, ["a", "b"]);
    assert_eq!(codes(&found), [""; 0]);
}

#[test]
fn a_metric_that_ends_early_and_one_that_is_rare_are_reported() {
    let mut rows: Vec<_> = (0..200).map(|at| ("cpu", at * 61, 1.0)).collect();
    rows.extend((0..20).map(|at| ("temp", at * 61, 1.0)));
    rows.extend((0..14).map(|at| ("backup", at * 900, 1.0)));
    rows.sort_by_key(|row| row.1);
    let found = findings(&long("host", &rows));
    assert_eq!(codes(&found), ["long-cadence", "ends-early"]);
    let hints: Vec<_> = found.hints().into_iter().map(|hint| hint.message).collect();
    let rare = "backup: a sample every 15m, look-back 5m: between samples rules see nothing; --lookback-delta 31m";
    assert_eq!(hints, [rare, "temp ends at 2026-01-05T00:19:19Z, 3h3m before the recording"]);
    assert_eq!(found.metrics.iter().map(|metric| metric.series_ended).collect::<Vec<_>>(), [0, 0, 1]);
}

#[test]
fn a_query_grid_is_reported() {
    let rows: Vec<_> = (0..20).map(|at| ("cpu", at * 60, 1.0)).collect();
    let found = findings(&long("host", &rows));
    assert_eq!(codes(&found), ["query-grid"]);
    assert_eq!(found.grid, Some(Millis(60_000)));
    let shifted: Vec<_> = rows.iter().map(|(name, at, value)| (*name, at + 1, *value)).collect();
    assert_eq!(codes(&findings(&long("host", &shifted))), [""; 0]);
    let holed: Vec<_> = rows.iter().filter(|row| row.1 != 300).copied().collect();
    assert_eq!(codes(&findings(&long("host", &holed))), [""; 0]);
}

#[test]
fn replicas_are_reported() {
    let rows: Vec<_> = (0..9).flat_map(|at| [("cpu/a", at * 61, 1.0), ("cpu/b", at * 61, 1.0)]).collect();
    let message =
        |label| findings(&long(label, &rows)).hints().into_iter().map(|hint| hint.message).collect::<Vec<_>>();
    assert!(message("replica")[0].starts_with("two replicas are in one recording"));
    assert!(message("cluster")[0].starts_with("two servers are in one recording"));
    assert_eq!(codes(&findings(&long("host", &rows))), [""; 0]);
}

#[test]
fn conflicts_are_counted_and_shown() {
    let mut rows: Vec<_> = (0..9).map(|at| ("cpu/a", at * 61, 1.0)).collect();
    rows.extend([("cpu/a", 488, 2.0), ("cpu/a", 488, 1.0), ("cpu/a", 488, 3.0)]);
    let found = findings(&long("host", &rows));
    assert_eq!((found.conflicts, found.repeats, found.samples), (2, 1, 9));
    assert_eq!(found.conflicts_shown[0].line, 11);
    assert!(found.conflicts_shown[0].message.contains("is 2, and was 1 before"));
    assert_eq!(codes(&found), ["conflicts"]);
}

#[test]
fn disorder_begins_anew() {
    let found = findings(&long("host", &[("cpu", 1, 1.0), ("cpu", 5, 2.0), ("cpu", 3, 4.0)]));
    assert_eq!((found.samples, found.metrics[0].values.median), (3, Some(2.0)));
}

#[test]
fn a_series_among_others_has_a_spacing_of_its_own() {
    // Two hosts in turns: a sample every 25 s, and of each every 50 s; then none of either for five minutes.
    let mut rows: Vec<_> = (0..40).map(|at| (if at % 2 == 0 { "cpu/a" } else { "cpu/b" }, at * 25 + 1, 1.0)).collect();
    rows.extend(rows.clone().into_iter().map(|(series, at, value)| (series, at + 1275, value)));
    let found = findings(&long("host", &rows));
    let start = Timestamp(1_767_571_200_000);
    let at = |second: i64| start.plus(Millis(second * 1000));
    assert_eq!(found.cadence, Some(Millis(50_000)));
    assert_eq!(found.silences, [(at(976), at(1276))]);
    // Host a is silent from 951 to 1276 and host b from 976 to 1301: that is the silence of both.
    assert_eq!(found.gaps, [Gap { from: at(976), to: at(1276), series: 2 }]);
    assert_eq!(found.metrics[0].gaps, 2);
}

#[test]
fn irregular_spacings_have_a_median() {
    let spacings = [30, 62, 41, 55, 60, 38, 49, 50, 51, 60, 47, 60, 44, 60, 53, 39, 60, 30, 57, 46, 125, 50, 126];
    let mut rows = vec![("cpu", 0, 1.0)];
    rows.extend(spacings.iter().scan(0, |at, spacing| {
        *at += spacing;
        Some(("cpu", *at, 1.0))
    }));
    let found = findings(&long("host", &rows));
    // The most frequent spacing is 60 s; half of all are at most 51 s.
    assert_eq!(found.cadence, Some(Millis(51_000)));
    assert_eq!(found.gaps.len(), 0);
    let gap = findings(&long("host", &[rows, vec![("cpu", 10_000, 1.0)]].concat()));
    assert_eq!(gap.gaps.len(), 1);
}

#[test]
fn rows_without_values_are_no_samples() {
    let text = |second: i64, cpu: &str| format!("{},{cpu},\n", 1_767_571_200 + second);
    let mut csv = "timestamp_s,cpu,temp\n".to_owned() + &text(0, "");
    (1..9).for_each(|at| csv.push_str(&text(at * 60, if (4..7).contains(&at) { "" } else { "1" })));
    csv.push_str(&text(600, ""));
    let found = findings(&csv);
    let at = |second: i64| Timestamp(1_767_571_200_000 + second * 1000);
    assert_eq!(found.span, Some((at(60), at(480))));
    assert_eq!(found.gaps, [Gap { from: at(180), to: at(420), series: 1 }]);
    assert_eq!((found.series, found.samples), (1, 5));
}

#[test]
fn a_series_that_starts_late_has_no_gap_before_its_start() {
    let mut rows: Vec<_> = (0..60).map(|at| ("cpu/a", at * 61, 1.0)).collect();
    rows.extend((30..60).map(|at| ("cpu/b", at * 61, 1.0)));
    rows.sort_by_key(|row| row.1);
    let found = findings(&long("host", &rows));
    assert_eq!((found.gaps, found.silences), (Vec::new(), Vec::new()));
    assert_eq!((found.cadence, found.metrics[0].series_ended), (Some(Millis(61_000)), 0));
}

#[test]
fn a_slow_series_of_a_fast_metric_is_reported() {
    let mut rows: Vec<_> = (0..200).map(|at| ("up/a", at * 61, 1.0)).collect();
    rows.extend((0..14).map(|at| ("up/b", at * 901, 1.0)));
    rows.sort_by_key(|row| row.1);
    let found = findings(&long("host", &rows));
    let up = &found.metrics[0];
    assert_eq!((up.cadence, up.slowest, up.gaps), (Some(Millis(61_000)), Some(Millis(901_000)), 0));
    assert_eq!(codes(&found), ["long-cadence"]);
    assert_eq!(found.long_cadence_hint(|metric| metric.name != "up"), None);
}

#[test]
fn native_histograms_are_counted_apart_from_numbers() {
    let line = |second: i64, series: &str, value: &str| {
        format!("{{\"ts\":{},\"metric\":\"h\",\"s\":\"{series}\",\"value\":{value}}}\n", 1_767_571_200 + second)
    };
    let histogram = |count: u64| format!("\"{{{{count:{count} buckets:[{count}]}}}}\"");
    let mut text: String = (0..6).flat_map(|at| [line(at, "a", &histogram(5)), line(at, "b", "2")]).collect();
    text += &line(6, "b", &histogram(1));
    text += &line(6, "b", &histogram(1));
    text += &line(6, "b", &histogram(2));
    let found = findings(&text);
    let values = &found.metrics[0].values;
    assert_eq!((values.histograms, values.histogram_series, values.nans), (7, 2, 0));
    assert_eq!((values.min, values.median, values.max), (Some(2.0), Some(2.0), Some(2.0)));
    assert_eq!((found.repeats, found.conflicts, found.samples), (1, 1, 13));
    assert!(found.conflicts_shown[0].message.ends_with("is another native histogram than before"));
}
