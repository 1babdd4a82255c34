//! Series that come and go, some of them again: what is left behind of them shows in no result.

use std::fmt::Write as _;

use alertctl::engine::{Event, FaultAt, WrittenSample};
use alertctl::input::{ReadOptions, Recording, Text};
use alertctl::outcome::RunOptions;
use alertctl::outcome::summary::Summary;
use alertctl::replay::{Observer, Replay};
use alertctl::report::json;
use alertctl::rules::RuleSet;
use alertctl::store::Stale;
use alertctl::time::Millis;

use crate::slow::generate::Random;

const RULES: &str = r#"
groups:
- name: pods
  interval: 15s
  rules:
  - {record: 'pod:mem:max', expr: 'max by (pod) (mem)'}
  - {record: 'seen', expr: 'mem > 20'}
  - {alert: High, expr: 'mem > 80', for: 30s, keep_firing_for: 45s, annotations: {text: '{{ $labels.pod }} {{ $value }}'}}
  - {alert: Joined, expr: 'mem * on(pod) group_left(node) info > 85'}
  - {alert: Sum, expr: 'sum by (node) (mem * on(pod) group_left(node) info) > 150'}
  - {alert: Recorded, expr: 'pod:mem:max > 90', for: 15s}
  - {alert: Told, expr: 'count by (alertstate) (ALERTS{alertname="High"}) > 1'}
  - {alert: Window, expr: 'avg_over_time(mem[1m]) > 75'}
  - {alert: Subquery, expr: 'max_over_time((mem > 50)[1m:15s]) > 95'}
  - {alert: Earlier, expr: 'mem offset 1m > 2 * mem'}
  - {alert: Later, expr: 'mem offset -30s > 2 * mem'}
  - {alert: Absent, expr: 'absent(mem{pod=~"pod-[0-9]-3"})'}
  - {alert: Valued, expr: 'mem > 97', labels: {at: '{{ $value }}'}}
  - {alert: Top, expr: 'topk(2, mem) > 90'}
  - {alert: Counted, expr: 'count_values("value", round(mem, 25)) > 3'}
  - {alert: Either, expr: 'mem > 95 or info > 1 unless on(pod) seen'}
  - {alert: Twice, expr: 'mem * ignoring(pod, node) info > 0'}
  - {alert: Plain, expr: 'label_replace(mem, "pod", "one", "pod", "pod-[0-4].*") > 90'}
  - {alert: Never, expr: 'mem > 1000'}
  - {alert: NoMetric, expr: 'men > 1'}
- name: limited
  interval: 30s
  limit: 3
  rules:
  - {alert: Few, expr: 'mem > 70'}
- name: late
  interval: 15s
  query_offset: 30s
  rules:
  - {alert: Late, expr: 'mem > 85', for: 15s}
"#;

/// Rules that are evaluated at each row.
const ROW_RULES: &str = r#"
alertctl: 1
derived:
  - {record: mean, expr: 'avg_over_time(mem[1m])'}
rules:
  - {id: high, metric: mem, above: 80, for: 30s}
  - {id: steady, metric: mean, above: 60}
"#;

/// Collects all that an observer is shown: events of a rule set are in order, all else comes batch by batch.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    events: Vec<(usize, String)>,
    faults: Vec<(i64, String)>,
    written: Vec<(i64, String)>,
}

impl Observer for Shown {
    fn event(&mut self, set: usize, event: &Event) {
        // At a row the time from which windows are full is known once it has come.
        let event = Event { warm_from: None, ..event.clone() };
        self.events.push((set, format!("{event:?}")));
    }

    fn fault(&mut self, set: usize, fault: FaultAt) {
        self.faults.push((fault.slot.0, format!("{set} {fault:?}")));
    }

    fn written(&mut self, set: usize, sample: WrittenSample) {
        let WrittenSample { rule, slot, stamp, labels, value } = sample;
        let value = value.float().map_or_else(|| value.to_string(), |value| format!("{:x}", value.to_bits()));
        self.written.push((slot.0, format!("{set} {rule:?} {stamp} {labels} {value}")));
    }
}

/// Returns the first place at which two lists differ.
fn difference<'a, T: PartialEq>(found: &'a [T], expected: &'a [T]) -> Option<(Option<&'a T>, Option<&'a T>)> {
    let at = (0..found.len().max(expected.len())).find(|at| found.get(*at) != expected.get(*at))?;
    Some((found.get(at), expected.get(at)))
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// Writes a recording in which some ten pods are there at a time: most live for some minutes, some come again, some have
/// gaps. A metric that a rule writes is recorded, too.
fn recording(seed: u64) -> String {
    let mut random = Random(seed);
    let mut text = "timestamp_s,metric,pod,node,value\n".to_owned();
    let mut lives: Vec<(usize, usize)> = (0..10).map(|_| (0, random.below(40))).collect();
    for scrape in 0..250 {
        let at = 1_767_571_200 + scrape * 15;
        for (pod, (life, left)) in lives.iter_mut().enumerate() {
            if *left == 0 {
                // Every third goes on as one of before.
                *life = if random.one_in(3) { life.saturating_sub(2) } else { *life + 1 };
                *left = 5 + random.below(50);
                continue;
            }
            *left -= 1;
            if random.one_in(15) {
                continue;
            }
            let value = random.below(100);
            let _ = writeln!(text, "{at},mem,pod-{pod}-{life},,{value}");
            let _ = writeln!(text, "{at},info,pod-{pod}-{life},n{},1", pod % 3);
            if pod == 4 && random.one_in(2) {
                let _ = writeln!(text, "{at},seen,pod-{pod}-{life},,{value}");
            }
        }
    }
    text
}

/// Returns all that comes of a run, as texts.
fn run(text: &str, options: &RunOptions, batch_rows: usize) -> (String, Shown) {
    let mut rules = RuleSet::default();
    rules.add("rules.yml", RULES.as_bytes());
    assert!(!rules.diagnostics.has_errors(), "{:?}", rules.diagnostics.sorted());
    let mut other = RuleSet::default();
    other.add("other.yml", b"groups: [{name: g, interval: 45s, rules: [{alert: Other, expr: 'rate(mem[2m]) > 1'}]}]");
    let mut by_rows = RuleSet::default();
    by_rows.add("rows.yml", ROW_RULES.as_bytes());
    assert!(!by_rows.diagnostics.has_errors(), "{:?}", by_rows.diagnostics.sorted());
    let read = ReadOptions { batch_rows, ..ReadOptions::default() };
    let mut recording = Recording::open(vec![Text::boxed("pods.csv", text)], read).expect("opens");
    let mut shown = Shown::default();
    let replay = Replay::new(&rules, options.clone()).with(&other).with(&by_rows);
    let outcomes = replay.run_all(&mut recording, &mut shown).expect("runs");
    let mut documents = Vec::new();
    for outcome in &outcomes {
        json::write(&mut documents, outcome, &Summary::of(outcome)).expect("a vector takes all");
    }
    shown.events.sort_by_key(|(set, _)| *set);
    shown.faults.sort();
    shown.written.sort();
    (String::from_utf8(documents).expect("text"), shown)
}

#[test]
fn series_that_ended_are_left_behind_without_a_trace() {
    let runs = [(20, Stale::Auto), (60, Stale::Off), (20, Stale::After(Millis(40_000))), (60, Stale::Auto)];
    for (seed, (lookback, stale)) in (1..).zip(runs) {
        let text = recording(seed);
        let mut options = RunOptions { trace: true, threads: 1 + (seed % 2) as usize, ..RunOptions::default() };
        options.stale.set(Some(stale));
        options.lookback_delta.set(Some(Millis(lookback * 1000)));
        let (document, shown) = run(&text, &options, 10_000);
        assert!(document.contains("exceeded limit") && document.contains("found duplicate series"));
        assert!(shown.events.len() > 1_000 && shown.faults.len() > 100 && shown.written.len() > 10_000);
        let at_once = RunOptions { retire_at_once: true, ..options };
        for batch_rows in [7, 100] {
            let (found, seen) = run(&text, &at_once, batch_rows);
            let told = format!("{stale}, seed {seed}, look-back {lookback} s, batches of {batch_rows}");
            assert_eq!(difference(&seen.events, &shown.events), None, "{told}");
            assert_eq!(difference(&seen.faults, &shown.faults), None, "{told}");
            assert_eq!(difference(&seen.written, &shown.written), None, "{told}");
            assert!(found == document, "{told}: {:?}", difference(&lines(&found), &lines(&document)));
        }
    }
}
