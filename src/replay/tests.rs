//! Runs on small texts.

use std::ops::ControlFlow;

use super::*;
use crate::engine::Event;
use crate::input::{GivenSeries, ReadOptions, Recording, Text};
use crate::labels::LabelSet;
use crate::outcome::RunOptions;
use crate::rules::RuleSet;
use crate::time::{Millis, Timestamp};

/// 2026-01-05 00:00:00 UTC. Unit: seconds since the epoch.
const START: i64 = 1_767_571_200;

fn rules(text: &str) -> RuleSet {
    let mut rules = RuleSet::default();
    rules.add("rules.yml", text.as_bytes());
    assert!(rules.diagnostics.is_empty(), "{:?}", rules.diagnostics.sorted());
    rules
}

/// Makes a recording of rows of minute, metric and value.
fn recording(rows: &[(i64, &str, f64)], batch_rows: usize) -> Recording {
    let mut text = "timestamp_s,metric,value\n".to_owned();
    for (minute, metric, value) in rows {
        text.push_str(&format!("{},{metric},{value}\n", START + minute * 60));
    }
    let options = ReadOptions { batch_rows, ..ReadOptions::default() };
    Recording::open(vec![Text::boxed("a.csv", text)], options).expect("opens")
}

/// Prints each firing as `alert from..to`, in minutes.
fn firings(outcome: &Outcome) -> Vec<String> {
    let minute = |at: Timestamp| (at.0 / 1000 - START) / 60;
    let fired = outcome.episodes.iter().filter_map(|episode| {
        let from = minute(episode.activity.fired_at?);
        let to = episode.ended_at.map_or_else(|| "end".to_owned(), |at| minute(at).to_string());
        Some(format!("{} {from}..{to}", episode.labels.get("alertname")?))
    });
    fired.collect()
}

const HOT: &str = "groups: [{name: g, interval: 1m, rules: [{alert: Hot, expr: temp > 80}]}]";

/// Counts what it is shown, and stops after some batches.
#[derive(Default)]
struct Counting {
    begun: usize,
    events: Vec<(usize, i64)>,
    bytes: Vec<u64>,
    stop_after: Option<usize>,
}

impl Observer for Counting {
    fn begin(&mut self) {
        self.begun += 1;
        self.events.clear();
    }

    fn read(&mut self, bytes: u64) -> ControlFlow<()> {
        self.bytes.push(bytes);
        if self.stop_after == Some(self.bytes.len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn event(&mut self, set: usize, event: &Event) {
        self.events.push((set, event.at.0 / 1000 - START));
    }
}

#[test]
fn rows_out_of_order_are_run_again() {
    let rules = rules(HOT);
    let mut counting = Counting::default();
    let mut recording = recording(&[(0, "temp", 90.0), (1, "temp", 70.0), (3, "temp", 90.0), (2, "temp", 60.0)], 1);
    let outcome = Replay::new(&rules, RunOptions::default()).run(&mut recording, &mut counting).expect("runs");
    assert_eq!(firings(&outcome), ["Hot 0..1", "Hot 3..end"]);
    assert_eq!((counting.begun, outcome.input.held_whole), (2, true));
    assert_eq!(counting.events, [(0, 0), (0, 60), (0, 180)], "the first pass is void");
}

#[test]
fn an_observer_can_stop_a_run() {
    let rules = rules(HOT);
    let mut counting = Counting { stop_after: Some(2), ..Counting::default() };
    let mut recording = recording(&[(0, "temp", 90.0), (1, "temp", 70.0), (2, "temp", 70.0)], 1);
    let stopped = Replay::new(&rules, RunOptions::default()).run(&mut recording, &mut counting);
    assert!(matches!(stopped, Err(RunError::Stopped)));
    assert_eq!(counting.bytes.len(), 2);
}

#[test]
fn rules_that_nobody_asked_for_are_no_run() {
    let rules = rules(HOT);
    let mut options = RunOptions::default();
    options.selection.alert = Some("Cold".parse().expect("a pattern"));
    let mut recording = recording(&[(0, "temp", 90.0)], 1);
    let refused = Replay::new(&rules, options).run(&mut recording, &mut ());
    let refused = refused.expect_err("no rule is selected");
    assert_eq!(refused.to_string(), "no alert matches --alert Cold; the alerts are: Hot");
}

#[test]
fn a_run_may_begin_anywhere() {
    let rules = rules("groups: [{name: g, interval: 2m, rules: [{alert: Hot, expr: 'max_over_time(temp[5m]) > 80'}]}]");
    let rows: Vec<_> = (0..40).map(|minute| (minute, "temp", if minute % 10 < 3 { 90.0 } else { 70.0 })).collect();
    let at = |minute: i64| Timestamp((START + minute * 60) * 1000);
    let whole = Replay::new(&rules, RunOptions::default()).run(&mut recording(&rows, 7), &mut ()).expect("runs");
    // What windows reach before the first slot is read too.
    let mut options = RunOptions { first_sample: Some(at(0)), first_slot: Some(at(20)), ..RunOptions::default() };
    options.align.set(Some(crate::engine::Align::Start));
    let later = Replay::new(&rules, options).run(&mut recording(&rows[15..], 7), &mut ()).expect("runs");
    let of = |outcome: &Outcome| firings(outcome).into_iter().skip_while(|one| one != "Hot 20..28").collect::<Vec<_>>();
    assert_eq!(of(&later), ["Hot 20..28", "Hot 30..38"]);
    assert_eq!(of(&later), of(&whole));
    assert_eq!(
        later.rules[0].counts.warm_from,
        whole.rules[0].counts.warm_from.map(|at| at.max(later.range.evaluated_from.expect("slots")))
    );
    assert_eq!(later.groups[0].schedule.offset, Millis::ZERO);
}

#[test]
fn several_rule_sets_share_a_recording() {
    let (hot, hotter) = (rules(HOT), rules(&HOT.replace("80", "85").replace("Hot", "Hotter")));
    let rows = [(0, "temp", 90.0), (1, "temp", 82.0), (2, "temp", 70.0)];
    let mut counting = Counting::default();
    let outcomes = Replay::new(&hot, RunOptions::default())
        .with(&hotter)
        .run_all(&mut recording(&rows, 1), &mut counting)
        .expect("runs");
    let found: Vec<_> = outcomes.iter().map(firings).collect();
    assert_eq!(found, [["Hot 0..2"], ["Hotter 0..1"]]);
    assert_eq!(counting.events, [(0, 0), (1, 0), (1, 60), (0, 120)]);
}

#[test]
fn rows_without_values_are_not_part_of_a_recording() {
    let rules = rules(HOT);
    let text = "time,host,temp\n\
                2026-01-05T00:00:00Z,a,\n2026-01-05T00:01:00Z,a,90\n2026-01-05T00:02:00Z,a,90\n2026-01-05T00:03:00Z,a,\n";
    let open = || Recording::open(vec![Text::boxed("a.csv", text)], ReadOptions::default()).expect("opens");
    let outcome = Replay::new(&rules, RunOptions::default()).run(&mut open(), &mut ()).expect("runs");
    let mut again = open();
    let Loaded { store, survey, .. } = survey(&mut again, crate::store::Conflicts::First, &mut ()).expect("reads");
    let span = survey.findings(&store, Millis(300_000)).span;
    assert_eq!(span, outcome.range.data_start.zip(outcome.range.data_end));
    assert_eq!(span, outcome.recordings[0].start.zip(outcome.recordings[0].end));
    // The row at which the temperature is missing ends the alert.
    assert_eq!(firings(&outcome), ["Hot 1..3"]);
}

#[test]
fn series_in_memory_run_as_a_file_of_them_does() {
    let rules = rules(HOT);
    let rows: Vec<_> = [90.0, 70.0, 95.0, 99.0, 20.0].into_iter().zip(0..).collect();
    let text: Vec<_> = rows.iter().map(|(value, minute)| (*minute, "temp", *value)).collect();
    let file = Replay::new(&rules, RunOptions::default()).run(&mut recording(&text, 7), &mut ()).expect("runs");
    let series = || {
        let at = |minute: i64| Timestamp((START + minute * 60) * 1000);
        let samples: Vec<_> = rows.iter().rev().map(|(value, minute)| (at(*minute), *value)).collect();
        GivenSeries::new([(LabelSet::new([("__name__", "temp")]), samples)])
    };
    for batch_rows in [1, 2, 100] {
        let mut given = series().in_batches_of(batch_rows);
        let outcome = Replay::new(&rules, RunOptions::default()).run(&mut given, &mut ()).expect("runs");
        assert_eq!(outcome.episodes, file.episodes, "batches of {batch_rows}");
        assert_eq!(outcome.range, file.range);
    }
}

#[test]
fn series_in_memory_that_contradict_themselves_are_refused() {
    let rules = rules(HOT);
    let temp = LabelSet::new([("__name__", "temp")]);
    let mut given = GivenSeries::new([(temp.clone(), [(Timestamp(0), 1.0)]), (temp, [(Timestamp(0), 2.0)])]);
    let refused = Replay::new(&rules, RunOptions::default()).run(&mut given, &mut ()).map(|_| ());
    let words = refused.expect_err("a conflict").to_string();
    assert!(words.contains("temp at 1970-01-01T00:00:00Z is 2, and was 1 before"), "{words}");
}
