//! Once warm, the evaluation of a snapshot asks for no memory. A process of its own: it counts all that is allocated.

use alertctl::alloc::CountingAllocator;
use alertctl::labels::LabelSet;
use alertctl::live::{Live, NewRule};
use alertctl::store::SeriesId;
use alertctl::time::{Millis, Timestamp};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Evaluates snapshots of these values, a second apart; returns how often memory was asked for.
fn calls(live: &mut Live, series: &[SeriesId], from: i64, count: i64, value: f64) -> u64 {
    CountingAllocator::on();
    for second in from..from + count {
        let mut snapshot = live.at(Timestamp(second * 1000));
        for (number, series) in series.iter().enumerate() {
            snapshot.set(*series, value + number as f64 / 100.0);
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
            live.at(Timestamp(at * 1000));
            for series in &series {
                live.at(Timestamp(at * 1000)).set(*series, value);
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
    let mut live = Live::new();
    live.add(NewRule::alert("High", "a > 5").expect("an expression").hold(Millis(30_000))).expect("a rule");
    live.add(NewRule::record("ratio", "a / b").expect("an expression")).expect("a rule");
    live.add(NewRule::alert("Ratio", "ratio > 0.5 and a > 5").expect("an expression")).expect("a rule");
    live.add(NewRule::alert("Mean", "avg_over_time(a[5m]) > 5 and a").expect("an expression")).expect("a rule");
    live.load("more.yml", "alertctl: 1\nrules: [{id: hot, metric: b, above: 5, for: 1m}]").expect("rules");
    check(&mut live, &["a", "b", "c"], &["x", "y"]);
}
