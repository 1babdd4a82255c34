//! The rules and the recording of portsyncd: what fires, by the slow evaluator on one row after the other.

use std::collections::BTreeMap;

use alertctl::input::{ReadOptions, Recording, Text};
use alertctl::labels::{LabelSet, METRIC_NAME};
use alertctl::outcome::RunOptions;
use alertctl::replay::{self, Replay};
use alertctl::rules::{RuleFile, RuleKind, RuleSet};
use alertctl::store::{Conflicts, Store};
use alertctl::time::{Millis, Timestamp};

use crate::slow::{Options, SampleValue, Stored, Value, instant};

/// How many rows are kept for windows; the longest has 300 s, rows are 30 s apart or more.
const ROWS: usize = 12;
/// The beginning of the day. Unit: seconds since the epoch.
const DAY: i64 = 1_767_744_000;

/// What fires, by rule and switch: when it began to, and when it stopped.
const FIRED: [&str; 23] = [
    "backup_creation_low sw1 00:05:09 00:21:56",
    "backup_creation_low sw1 05:05:39 05:21:59",
    "backup_creation_low sw1 14:05:33 14:22:18",
    "backup_creation_low sw1 18:05:52 18:22:25",
    "backup_creation_low sw1 21:05:25 21:22:50",
    "backup_creation_low sw2 00:05:56 00:22:53",
    "backup_creation_low sw2 12:39:11 12:56:22",
    "cold_start_anomaly sw1 15:53:22 16:15:18",
    "cold_start_anomaly sw1 16:19:36 18:00:33",
    "corruption_unrecovered sw1 10:55:30 14:00:18",
    "eoiu_timeout_high sw1 07:14:16 08:16:48",
    "eoiu_timeout_high sw1 15:40:48 18:00:33",
    "health_score_low sw1 15:40:48 16:15:18",
    "health_score_low sw1 16:17:54 16:56:44",
    "recovery_rate_low sw1 10:13:35 11:07:00",
    "recovery_rate_low sw1 11:10:00 12:13:26",
    "recovery_rate_low sw1 15:32:47 16:56:44",
    "recovery_rate_low sw2 20:02:57 20:15:11",
    "recovery_rate_low sw2 20:18:53 20:36:16",
    "restart_rate_high sw1 03:04:48 03:16:49",
    "restart_rate_high sw2 02:09:58 02:17:13",
    "sync_duration_critical sw1 19:28:08 21:00:11",
    "sync_duration_slow sw1 19:14:31 20:00:27",
];

/// What fires, as `rule switch from to` in seconds of the day.
type Fired = Vec<(String, String, i64, Option<i64>)>;

fn rules() -> RuleSet {
    let mut rules = RuleSet::default();
    rules.add("rules/portsyncd.yml", include_bytes!("../../rules/portsyncd.yml"));
    assert!(rules.diagnostics.is_empty(), "{:?}", rules.diagnostics);
    rules
}

/// Puts a sample at the end of a series, which keeps its last rows.
fn add(data: &mut Vec<Stored>, labels: LabelSet, at: i64, value: SampleValue) {
    let series = match data.iter().position(|(held, _)| *held == labels) {
        Some(found) => &mut data[found],
        None => {
            data.push((labels, Vec::new()));
            data.last_mut().expect("just pushed")
        }
    };
    series.1.push((at, value));
    if series.1.len() > ROWS {
        series.1.remove(0);
    }
}

/// Opens the recording.
fn recording() -> Recording {
    let text = Text::boxed("fixtures/portsyncd.csv", include_bytes!("../../fixtures/portsyncd.csv"));
    Recording::open(vec![text], ReadOptions::default()).expect("a recording")
}

/// The samples of one time.
type Row = Vec<(LabelSet, f64)>;

/// Returns the rows of each switch, by time in milliseconds.
fn rows() -> BTreeMap<String, BTreeMap<i64, Row>> {
    let mut keep_all = || {
        let mut store = Store::new(Conflicts::Refuse);
        store.keep_all();
        Ok(store)
    };
    let store = replay::load(&mut recording(), &mut keep_all).expect("good rows").store;
    let mut rows: BTreeMap<String, BTreeMap<i64, Row>> = BTreeMap::new();
    for id in store.ids() {
        let labels = store.labels(id);
        let row = rows.entry(labels.get("switch").expect("the label switch").to_owned()).or_default();
        let samples = store.samples(id, Timestamp::MIN, Timestamp::MAX);
        for (at, value) in samples.times.iter().zip(samples.values) {
            row.entry(at.0).or_default().push((labels.clone(), *value));
        }
    }
    rows
}

/// Evaluates all rules at each row of one switch.
fn fired(file: &RuleFile, switch: &str, rows: BTreeMap<i64, Row>) -> Fired {
    // Only what stands at the row itself counts.
    let options = Options { lookback: 1, subquery_step: 60_000, delayed_names: false, start_timestamps: false };
    let mut data: Vec<Stored> = Vec::new();
    let mut active: BTreeMap<&str, (i64, Option<i64>)> = BTreeMap::new();
    let mut fired = Fired::new();
    for (at, row) in rows {
        for (labels, value) in row {
            add(&mut data, labels, at, value.into());
        }
        for rule in file.groups[0].rules.iter().filter(|rule| rule.enabled) {
            let Ok(Value::Vector(samples)) = instant(&data, &rule.expr, at, &options) else {
                panic!("{}", rule.name.text)
            };
            assert!(samples.len() < 2, "{}", rule.name.text);
            let name = rule.name.text.as_str();
            match (&rule.kind, samples.first()) {
                (RuleKind::Record, Some((labels, value))) => {
                    let mut labels = labels.to_builder();
                    add(&mut data, labels.set(METRIC_NAME, name).build(), at, value.clone());
                }
                (RuleKind::Record, None) => {}
                (RuleKind::Alert { hold, .. }, Some(_)) => {
                    let (since, fires) = active.entry(name).or_insert((at, None));
                    if fires.is_none() && Millis(at - *since) >= *hold {
                        *fires = Some(at);
                    }
                }
                (RuleKind::Alert { .. }, None) => {
                    if let Some((_, Some(from))) = active.remove(name) {
                        fired.push((name.to_owned(), switch.to_owned(), from / 1000 - DAY, Some(at / 1000 - DAY)));
                    }
                }
            }
        }
    }
    for (name, (_, from)) in active {
        if let Some(from) = from {
            fired.push((name.to_owned(), switch.to_owned(), from / 1000 - DAY, None));
        }
    }
    fired
}

#[test]
fn each_enabled_rule_fires_in_its_recording() {
    let rules = rules();
    let fired = rows().into_iter().flat_map(|(switch, rows)| fired(&rules.files[0], &switch, rows)).collect();
    assert_eq!(lines(fired), FIRED);
}

/// Prints what fired, with times of the day.
fn lines(fired: Fired) -> Vec<String> {
    let clock = |at: i64| format!("{:02}:{:02}:{:02}", at / 3600, at / 60 % 60, at % 60);
    let mut lines: Vec<String> = fired
        .into_iter()
        .map(|(rule, switch, from, to)| {
            format!("{rule} {switch} {} {}", clock(from), to.map_or_else(|| "end".to_owned(), clock))
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn the_engine_fires_as_the_slow_evaluator_does() {
    let outcome = Replay::new(&rules(), RunOptions::default()).run(&mut recording(), &mut ()).expect("good rows");
    let fired = outcome.episodes.into_iter().filter_map(|episode| {
        let [rule, switch] = ["alertname", "switch"].map(|label| episode.labels.get(label).unwrap_or("").to_owned());
        let second = |at: Timestamp| at.0 / 1000 - DAY;
        Some((rule, switch, second(episode.activity.fired_at?), episode.ended_at.map(second)))
    });
    assert_eq!(lines(fired.collect()), FIRED);
}
