//! The live path: one snapshot of one label set, set and evaluated. Run `cargo bench --bench live`.

use std::cell::Cell;

use alertctl::{LabelSet, Live, NewRule, Series, Timestamp};
use divan::Bencher;

fn main() {
    divan::main();
}

/// The recorded metrics that the rules of portsyncd read.
const METRICS: [&str; 15] = [
    "warm_restart_count",
    "cold_start_count",
    "eoiu_detected_count",
    "eoiu_timeout_count",
    "state_recovery_count",
    "corruption_detected_count",
    "backup_created_count",
    "backup_cleanup_count",
    "last_warm_restart_secs",
    "last_eoiu_detection_secs",
    "last_state_recovery_secs",
    "last_corruption_detected_secs",
    "avg_initial_sync_duration_secs",
    "max_initial_sync_duration_secs",
    "min_initial_sync_duration_secs",
];

/// An evaluator with its series, and the time.
struct Fed {
    live: Live,
    series: Vec<Series>,
    now: Cell<i64>,
}

impl Fed {
    fn new(mut live: Live, metrics: &[String], hosts: &[String]) -> Self {
        let mut series = Vec::new();
        for host in hosts {
            let labels = |name: &String| LabelSet::new([("__name__", name.as_str()), ("host", host.as_str())]);
            series.extend(metrics.iter().map(|name| live.series(&labels(name))));
        }
        let mut fed = Self { live, series, now: Cell::new(0) };
        for _ in 0..1000 {
            fed.snapshot();
        }
        fed
    }

    /// Sets all series and evaluates: of every metric a value that makes no rule fire.
    fn snapshot(&mut self) -> usize {
        self.set();
        self.live.evaluate().len()
    }

    fn set(&mut self) {
        self.now.set(self.now.get() + 1000);
        let mut snapshot = self.live.at(Timestamp(self.now.get()));
        for series in &self.series {
            snapshot.set(series, 2.0);
        }
    }
}

fn metrics() -> Vec<String> {
    METRICS.iter().map(|name| (*name).to_owned()).collect()
}

fn rules(count: usize) -> Fed {
    let mut live = Live::new();
    let metrics = match count {
        1 => {
            live.add(NewRule::alert("Many", "cold_start_count > 10").each_label_set()).expect("a rule");
            metrics()
        }
        10 => {
            live.load("portsyncd.yml", include_str!("../rules/portsyncd.yml")).expect("rules");
            metrics()
        }
        _ => {
            let rules: String = (0..count)
                .map(|at| format!("  - {{id: rule_{at}, metric: m{}, above: {}}}\n", at % 22, 10 + at))
                .collect();
            live.load("many.yml", &format!("alertctl: 1\nrules:\n{rules}")).expect("rules");
            (0..22).map(|at| format!("m{at}")).collect()
        }
    };
    Fed::new(live, &metrics, &[String::new()])
}

/// Ten thresholds on ten metrics of ten hosts: on the newest values of all hosts, or on each host by itself.
fn hosts(each: bool) -> Fed {
    let mut live = Live::new();
    let metrics = &metrics()[..10];
    for (at, metric) in metrics.iter().enumerate() {
        let rule = NewRule::alert(&format!("Rule{at}"), &format!("{metric} > {}", 10 + at));
        live.add(if each { rule.each_label_set() } else { rule }).expect("a rule");
    }
    let hosts: Vec<String> = (0..10).map(|host| format!("host{host}")).collect();
    Fed::new(live, metrics, &hosts)
}

/// Sets a snapshot and evaluates it.
#[divan::bench(args = [1, 10, 1000])]
fn set_and_evaluate(bencher: Bencher<'_, '_>, count: usize) {
    let mut fed = rules(count);
    bencher.bench_local(move || fed.snapshot());
}

/// Sets a snapshot of 100 series and evaluates it with ten rules.
#[divan::bench(args = [false, true])]
fn set_and_evaluate_hosts(bencher: Bencher<'_, '_>, each: bool) {
    let mut fed = hosts(each);
    bencher.bench_local(move || fed.snapshot());
}
