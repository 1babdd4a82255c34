//! Once warm, the evaluation of a snapshot asks for no memory, and series that are gone leave none behind. A process of
//! its own: it counts all that is allocated.

use std::sync::{Mutex, PoisonError};

use alertctl::alloc::{CountingAllocator, allocated};
use alertctl::{LabelSet, Live, LiveOptions, Millis, NewRule, Series, Timestamp};

/// Held while memory is counted: there is one count for all threads.
static COUNTING: Mutex<()> = Mutex::new(());

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Evaluates snapshots of these values, a second apart; returns how often memory was asked for.
fn calls(live: &mut Live, series: &[Series], from: i64, count: i64, value: f64) -> u64 {
    CountingAllocator::on();
    for second in from..from + count {
        let mut snapshot = live.at(Timestamp(second * 1000));
        for (number, series) in series.iter().enumerate() {
            snapshot.set(series, value + number as f64 / 100.0);
        }
        assert_eq!(live.evaluate().len(), 0, "nothing changes");
    }
    CountingAllocator::off().calls
}

/// Warms up and counts with all rules quiet, then with all of them firing.
fn check(live: &mut Live, metrics: &[&str], hosts: &[&str]) {
    let mut series = Vec::new();
    for host in hosts {
        series
            .extend(metrics.iter().map(|metric| live.series(&LabelSet::new([("__name__", *metric), ("host", host)]))));
    }
    let (mut at, mut quiet) = (0, 0);
    for (value, phase) in [(1.0, "quiet"), (9.0, "firing")] {
        // Everything changes here, and columns find their size.
        for _ in 0..1000 {
            for series in &series {
                live.at(Timestamp(at * 1000)).set(series, value);
            }
            live.evaluate();
            at += 1;
        }
        assert_eq!(live.alerts().is_empty(), phase == "quiet");
        quiet += calls(live, &series, at, 2000, value);
        at += 2000;
        assert_eq!(quiet, 0, "{phase}");
    }
}

#[test]
fn a_warm_evaluation_asks_for_no_memory() {
    let _counting = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut live = Live::new();
    live.add(NewRule::alert("High", "a > 5").hold(Millis(30_000))).expect("a rule");
    live.add(NewRule::record("ratio", "a / b")).expect("a rule");
    live.add(NewRule::alert("Ratio", "ratio > 0.5 and a > 5")).expect("a rule");
    live.add(NewRule::alert("Mean", "avg_over_time(a[5m]) > 5 and a")).expect("a rule");
    live.load("more.yml", "alertctl: 1\nrules: [{id: hot, metric: b, above: 5, for: 1m}]").expect("rules");
    live.add(NewRule::alert("Rows", "a > 5 and b > 5").each_label_set()).expect("a rule");
    live.add(
        NewRule::alert("Slots", "sum(ratio) > 1 and sum(a) > 15").every(Millis(2_000)).keep_firing(Millis(60_000)),
    )
    .expect("a rule");
    check(&mut live, &["a", "b", "c"], &["x", "y"]);
}

/// Sets pods that are seen for a minute each, a new one every second; returns the memory that is held after so many more.
fn held_after(live: &mut Live, pods: std::ops::Range<i64>) -> u64 {
    for second in pods {
        for pod in (second - 60).max(0)..=second {
            let labels = LabelSet::new([("__name__", "cpu".to_owned()), ("pod", pod.to_string())]);
            live.at(Timestamp(second * 1000)).set_labels(&labels, (pod % 10) as f64);
        }
        live.evaluate();
    }
    allocated().live()
}

#[test]
fn series_that_are_gone_leave_nothing_behind() {
    let _counting = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    CountingAllocator::on();
    let options = LiveOptions::new().stale_after(Millis(30_000)).idle_series(Millis(60_000));
    let mut live = Live::with_options(options.history(Millis(30_000)));
    live.add(NewRule::alert("High", "cpu > 5")).expect("a rule");
    live.add(NewRule::alert("Rows", "cpu > 5").each_label_set().keep_firing(Millis(10_000))).expect("a rule");
    live.add(NewRule::record("double", "cpu * 2")).expect("a rule");
    live.add(NewRule::alert("Mean", "avg_over_time(double[1m]) > 15")).expect("a rule");
    live.add(NewRule::alert("Asks", "sum(cpu) > 1").annotation("text", "{{ query \"cpu\" | len }}")).expect("a rule");
    let warm = held_after(&mut live, 0..1_500);
    let most = (0..3).map(|turn| held_after(&mut live, 1_500 * (turn + 1)..1_500 * (turn + 2))).max();
    CountingAllocator::off();
    assert!(most.is_some_and(|most| most < 2 * warm), "{warm} bytes, then {most:?}");
    assert!(warm < 16 << 20, "{warm} bytes for 60 pods, and some 1,000 that are not forgotten yet");
}
