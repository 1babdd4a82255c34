//! Rules that are evaluated at each row: the engine against the slow evaluator on one label set after the other.

use std::collections::{BTreeMap, BTreeSet};

use alertctl::diagnostic::Diagnostics;
use alertctl::engine::alert::{State, step};
use alertctl::engine::{Began, Engine, EngineOptions, Timeline};
use alertctl::labels::{LabelSet, METRIC_NAME};
use alertctl::rules::{RuleFile, RuleKind, load};
use alertctl::source::SourceMap;
use alertctl::store::{Batch, Conflicts, Stale, Store};
use alertctl::time::Timestamp;

use crate::slow::generate::Random;
use crate::slow::{Options, SampleValue, Stored, Value, instant};

const RULES: &str = r#"
alertctl: 1
derived:
  - {record: share, expr: 100 * used / (size > 0) or 0 * (used + size)}
  - {record: doubled, expr: share * 2}
  - {record: total, expr: 'sum without () (used)'}
  - {record: mean, expr: 'avg_over_time(doubled[40s]) and used'}
  - {record: silent, expr: absent(used)}
rules:
  - {id: high, metric: used, above: 5}
  - {id: high_for, metric: used, above: 3, for: 20s}
  - {id: full, metric: share, above: 60, for: 10s, labels: {what: '{{ $labels.host }}'}}
  - {id: twice, metric: doubled, outside: [20, 150], for: 5s}
  - {id: steady, metric: mean, below: 90, for: 15s}
  - {id: total_high, metric: total, above: 6}
  - {id: fast, metric: used, rate_of_change: 0.05, evaluation_window: 45s, for: 8s}
  - {id: quiet, metric: used, below: 4, evaluation_window: 30s, take: avg}
  - {id: one, metric: used, match: 'host="b"', equals: 4, tolerance: 1.5, for: 12s}
  - {id: lost, metric: never_there, above: 0}
  - {id: gone, metric: silent, above: 0}
  - {id: off, metric: used, above: 0, enabled: false}
"#;

/// A sample: when, the number of its series, its value.
type Sample = (i64, usize, f64);

fn rules(text: &str) -> RuleFile {
    let mut diagnostics = Diagnostics::default();
    let file = load(&mut SourceMap::default(), "rules/rows.yml", text.as_bytes(), &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    file.expect("rules")
}

/// Rows of three hosts at times of their own, with cells missing and metrics that no rule selects.
fn recording(random: &mut Random) -> (Vec<LabelSet>, Vec<Sample>) {
    let (mut labels, mut samples) = (Vec::new(), Vec::new());
    for host in ["a", "b", "c"] {
        let numbers: Vec<usize> = ["used", "size", "other"]
            .iter()
            .map(|metric| {
                labels.push(LabelSet::new([(METRIC_NAME, *metric), ("host", host)]));
                labels.len() - 1
            })
            .collect();
        let mut at = random.below(20) as i64 * 1000;
        for _ in 0..random.below(40) {
            at += 1000 * (1 + random.below(15)) as i64;
            for number in &numbers {
                if random.below(6) > 0 {
                    samples.push((at, *number, random.below(10) as f64));
                }
            }
        }
    }
    samples.sort_by_key(|(at, series, _)| (*at, *series));
    (labels, samples)
}

/// Evaluates all rules at each row of one label set, as `time rule labels phase`.
fn slowly(file: &RuleFile, labels: &[LabelSet], samples: &[Sample], told: &mut Vec<String>) {
    let options = Options { lookback: 1, subquery_step: 60_000, delayed_names: false, start_timestamps: false };
    let streams: BTreeSet<LabelSet> = labels.iter().map(LabelSet::without_metric).collect();
    for stream in streams {
        let mut rows: BTreeMap<i64, Vec<(&LabelSet, f64)>> = BTreeMap::new();
        for (at, number, value) in samples.iter().filter(|(_, number, _)| labels[*number].without_metric() == stream) {
            rows.entry(*at).or_default().push((&labels[*number], *value));
        }
        let mut data: Vec<Stored> = Vec::new();
        let mut states: BTreeMap<usize, State> = BTreeMap::new();
        for (at, row) in rows {
            for (labels, value) in row {
                add(&mut data, labels.clone(), at, value.into());
            }
            for (number, rule) in file.groups[0].rules.iter().enumerate().filter(|(_, rule)| rule.enabled) {
                let Ok(Value::Vector(found)) = instant(&data, &rule.expr, at, &options) else {
                    panic!("{}", rule.name.text)
                };
                match &rule.kind {
                    RuleKind::Record => {
                        for (labels, value) in found {
                            let labels = labels.to_builder().set(METRIC_NAME, &rule.name.text).build();
                            if labels.without_metric() == stream {
                                add(&mut data, labels, at, value);
                            }
                        }
                    }
                    RuleKind::Alert { hold, keep_firing, .. } => {
                        assert!(found.len() < 2, "one label set has one value");
                        let state = states.entry(number).or_default();
                        let made = step(*state, !found.is_empty(), Timestamp(at), *hold, *keep_firing);
                        *state = made.state;
                        if let Some((_, to)) = made.transition {
                            let host = stream.get("host").unwrap_or("");
                            told.push(format!("{at:06} {number:02} {host} {}", to.word()));
                        }
                    }
                }
            }
        }
    }
    told.sort();
}

fn add(data: &mut Vec<Stored>, labels: LabelSet, at: i64, value: SampleValue) {
    match data.iter_mut().find(|(held, _)| *held == labels) {
        Some((_, samples)) => samples.push((at, value)),
        None => data.push((labels, vec![(at, value)])),
    }
}

/// What the engine tells of a run in pieces of so many samples, whole for 0: events, and what it counted.
fn told(file: &RuleFile, labels: &[LabelSet], samples: &[Sample], chunk: usize) -> (Vec<String>, String) {
    let mut store = Store::new(Conflicts::Refuse);
    store.infer(Stale::Auto);
    let mut engine =
        Engine::new(std::slice::from_ref(file), EngineOptions::default(), &mut store).expect("rules to evaluate");
    let mut events = Vec::new();
    let mut collect = |engine: &mut Engine| {
        for event in engine.take_events() {
            let host = event.labels.get("host").unwrap_or("");
            events.push(format!("{:06} {:02} {host} {}", event.at.0, event.rule.0, event.to.word()));
        }
    };
    let last = Timestamp(samples.last().map_or(0, |(at, ..)| *at));
    let chunk = if chunk == 0 { samples.len().max(1) } else { chunk };
    for (piece, rows) in samples.chunks(chunk).enumerate() {
        let mut batch = Batch::default();
        for (at, number, value) in rows {
            let id = store.series(&labels[*number]);
            batch.push(id, Timestamp(*at), *value, 0);
        }
        store.append(&batch).expect("in order");
        let watermark = Timestamp(samples.get((piece + 1) * chunk).map_or(last.0, |(at, ..)| *at - 1));
        store.advance(watermark);
        engine.advance(&store, watermark).expect("few steps");
        collect(&mut engine);
        store.evict(engine.evaluated());
    }
    engine.finish(&store, last).expect("few steps");
    collect(&mut engine);
    let open: Vec<_> = engine.open(&store);
    (events, format!("{:?} {:?} {open:?} {:?}", engine.counts(&store), engine.schedules(), engine.range()))
}

fn check(file: &RuleFile, labels: &[LabelSet], samples: &[Sample], seed: u64) -> usize {
    let mut expected = Vec::new();
    slowly(file, labels, samples, &mut expected);
    let whole = told(file, labels, samples, 0);
    let mut sorted = whole.0.clone();
    sorted.sort();
    assert_eq!(sorted, expected, "{seed}");
    for chunk in [1, 2, 3, 7, 50] {
        assert_eq!(told(file, labels, samples, chunk), whole, "{seed} in pieces of {chunk}");
    }
    expected.len()
}

#[test]
fn rules_at_rows_go_as_each_label_set_alone_would() {
    let file = rules(RULES);
    let mut events = 0;
    for seed in 0..150 {
        let (labels, samples) = recording(&mut Random(seed));
        events += check(&file, &labels, &samples, seed);
    }
    assert!(events > 5000, "only {events} events were compared");
}

/// A metric, a host and their samples.
type Row<'a> = (&'a str, &'a str, &'a [(i64, f64)]);

/// Series in the notation `metric host` with (seconds, value); episodes as `id host from to began`.
fn episodes(text: &str, series: &[Row<'_>], expected: &[&str]) {
    let file = rules(text);
    let mut store = Store::new(Conflicts::Refuse);
    let mut engine = Engine::new(std::slice::from_ref(&file), EngineOptions::default(), &mut store).expect("rules");
    let mut batch = Batch::default();
    for (metric, host, samples) in series {
        let id = store.series(&LabelSet::new([(METRIC_NAME, *metric), ("host", *host)]));
        samples.iter().for_each(|(at, value)| batch.push(id, Timestamp(at * 1000), *value, 0));
    }
    store.append(&batch).expect("in order");
    let last = batch.times.iter().copied().max().expect("samples");
    engine.finish(&store, last).expect("few steps");
    let mut timeline = Timeline::default();
    engine.drain_into(&mut timeline);
    engine.close_into(&mut timeline, &store);
    let told: Vec<String> = timeline
        .finish()
        .iter()
        .map(|one| {
            let seconds = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| (at.0 / 1000).to_string());
            let [name, host] = ["alertname", "host"].map(|label| one.labels.get(label).unwrap_or(""));
            let began = if one.began == Began::Observed { "" } else { one.began.word() };
            let (from, fired) = (seconds(Some(one.activity.active_at)), seconds(one.activity.fired_at));
            let line = format!("{name} {host} {from} {fired} {} {} {began}", seconds(one.ended_at), one.steps);
            line.trim_end().to_owned()
        })
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn hosts_whose_rows_never_meet_do_not_disturb_each_other() {
    let rule = "alertctl: 1\nrules: [{id: hot, metric: temp, above: 80, for: 20s}]";
    episodes(
        rule,
        &[
            ("temp", "a", &[(0, 10.0), (10, 90.0), (20, 90.0), (30, 90.0), (40, 90.0), (50, 10.0)]),
            ("temp", "b", &[(5, 90.0), (15, 90.0), (25, 10.0), (35, 90.0), (45, 90.0), (57, 90.0)]),
        ],
        &["hot b 5 - 25 2 before_data", "hot a 10 30 50 4", "hot b 35 57 - 3"],
    );
}

#[test]
fn a_row_without_the_metric_makes_the_condition_false() {
    let rule = "alertctl: 1\nrules: [{id: hot, metric: temp, above: 80, for: 10s}, {id: mean, metric: temp, above: 80, evaluation_window: 1h, take: avg}]";
    episodes(
        rule,
        &[
            ("temp", "a", &[(0, 10.0), (10, 200.0), (30, 90.0), (40, 90.0)]),
            ("other", "a", &[(0, 1.0), (20, 1.0), (40, 1.0)]),
        ],
        &["hot a 10 - 20 1", "mean a 10 10 20 1 warm_up", "mean a 30 30 - 2 warm_up", "hot a 30 40 - 2"],
    );
}

#[test]
fn a_long_silence_of_a_label_set_is_no_row() {
    let rule = "alertctl: 1\nrules: [{id: hot, metric: temp, above: 80, for: 1h}]";
    episodes(
        rule,
        &[("temp", "a", &[(0, 10.0), (10, 90.0), (7200, 90.0)]), ("temp", "b", &[(0, 10.0), (60, 10.0), (9000, 10.0)])],
        &["hot a 10 7200 - 2"],
    );
}
