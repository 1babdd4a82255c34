//! How the whole path grows: each row doubles one thing twice and shows what that costs. Run
//! `cargo bench --bench growth`, or with names after `--` only those.
//!
//! The exponent is the base-2 logarithm of what the last doubling does to the CPU time: 1 is linear. A fixed cost pulls it
//! below 1. Where Prometheus' own definition goes over the window (`avg_over_time`), the window counts as 1.

use std::fmt::Write as _;

use alertctl::input::{ReadOptions, Recording, Text};
use alertctl::outcome::RunOptions;
use alertctl::profile::clock::Usage;
use alertctl::replay::Replay;
use alertctl::rules::RuleSet;
use alertctl::store::Stale;

const START: usize = 1_767_571_200;
/// Each size is measured so often; the least counts.
const ROUNDS: usize = 3;
/// The least CPU time of each measurement. Unit: nanoseconds.
const ROUND_NS: u64 = 200_000_000;

/// A recording in CSV, and rules.
struct Work {
    csv: String,
    rules: String,
}

/// Something that is doubled: its name, the smallest size, and the work of a size.
type Dimension = (&'static str, usize, fn(usize) -> Work);

const DIMENSIONS: [Dimension; 10] = [
    ("series", 5_000, |series| work(series, 60, 1, HIGH, "")),
    ("length", 1_000, |scrapes| work(100, scrapes, 1, HIGH, "")),
    ("rules", 500, |rules| work(20, 100, rules, &format!("{HIGH}{{n}}"), "")),
    ("rules that read others", 500, |rules| chained(rules)),
    ("churn", 1_000, |scrapes| churn(scrapes)),
    ("alerts", 2_000, |series| work(series, 60, 1, "m > 500", "")),
    ("labels of one metric", 5_000, |series| work(series, 60, 1, "sum by (host) (m) > 990", "")),
    ("matches", 5_000, |series| work(series, 60, 1, "m > on (host) (m - 1) + 900", "")),
    ("label sets at their rows", 500, |series| by_row(series)),
    ("window of a sum", 100, |samples| window(samples, "sum")),
];

/// True of some samples.
const HIGH: &str = "m > 99";

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    println!("{:<26} {:>8} {:>10} {:>10} {:>10} {:>9}", "what is doubled", "from", "ms", "ms", "ms", "exponent");
    for (name, size, make) in DIMENSIONS {
        if !wanted.is_empty() && !wanted.iter().any(|word| name.contains(word)) {
            continue;
        }
        let times = [1, 2, 4].map(|times| measure(&make(size * times)));
        let [a, b, c] = times.map(|ns| ns as f64 / 1e6);
        println!("{name:<26} {size:>8} {a:>10.1} {b:>10.1} {c:>10.1} {:>9.2}", (c / b).log2());
    }
}

/// Returns the CPU time of a run. Unit: nanoseconds.
fn measure(work: &Work) -> u64 {
    // The kernel counts in steps of some milliseconds.
    let round = || {
        let (before, mut runs) = (Usage::now(), 0);
        loop {
            run(work);
            runs += 1;
            let ns = Usage::now().since(before).cpu_ns;
            if ns >= ROUND_NS {
                return ns / runs;
            }
        }
    };
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}

/// Evaluates the rules on the recording, in one thread.
fn run(work: &Work) {
    let mut rules = RuleSet::default();
    rules.add("rules.yml", work.rules.as_bytes());
    assert!(!rules.diagnostics.has_errors(), "{}", work.rules);
    let text = Text::boxed("generated.csv", &work.csv);
    let mut recording = Recording::open(vec![text], ReadOptions::default()).expect("opens");
    let mut options = RunOptions { threads: 1, ..RunOptions::default() };
    options.stale.set(Some(Stale::Off));
    Replay::new(&rules, options).run(&mut recording, &mut ()).expect("runs");
}

/// Makes a recording of one metric on so many hosts; the values of a host go up and down.
fn recording(series: usize, scrapes: usize) -> String {
    let mut csv = String::from("timestamp,metric,host,value\n");
    for scrape in 0..scrapes {
        let at = START + 15 * scrape;
        for host in 0..series {
            let _ = writeln!(csv, "{at},m,h{host},{}", (scrape * 7 + host * 13) * 7919 % 1000);
        }
    }
    csv
}

/// Makes rules that differ in their number alone.
fn rules(count: usize, expr: &str, terms: &str) -> String {
    let mut rules = String::from("groups:\n- name: g\n  interval: 15s\n  rules:\n");
    for rule in 0..count {
        let expr = expr.replace("{n}", &rule.to_string());
        let _ = writeln!(rules, "  - {{alert: A{rule}, expr: '{expr}'{terms}}}");
    }
    rules
}

fn work(series: usize, scrapes: usize, count: usize, expr: &str, terms: &str) -> Work {
    Work { csv: recording(series, scrapes), rules: rules(count, expr, terms) }
}

/// Pairs of rules, of which one reads what the other records.
fn chained(count: usize) -> Work {
    let mut rules = String::from("groups:\n- name: g\n  interval: 15s\n  rules:\n");
    for rule in 0..count / 2 {
        let _ = writeln!(rules, "  - {{record: r{rule}, expr: m * {rule}}}\n  - {{alert: A{rule}, expr: r{rule} < 0}}");
    }
    Work { csv: recording(20, 100), rules }
}

/// A hundred pods at a time, each of which is followed by another one after forty scrapes.
fn churn(scrapes: usize) -> Work {
    let mut csv = String::from("timestamp,metric,pod,value\n");
    for scrape in 0..scrapes {
        let at = START + 15 * scrape;
        for slot in 0..100 {
            let pod = (scrape + slot * 2) / 40;
            let _ = writeln!(csv, "{at},m,p{slot}-{pod},{}", (scrape + slot) * 7919 % 1000);
        }
    }
    Work { csv, rules: rules(1, "sum by (job) (rate(m[5m])) > 1e9 or m > 990", ", for: 1m") }
}

/// Native rules that are evaluated at the rows of each label set.
fn by_row(series: usize) -> Work {
    let rules =
        "alertctl: 1\nevaluate: each_row\nrules:\n- {id: high, name: High, metric: m, above: 990, severity: warning}\n";
    Work { csv: recording(series, 60), rules: rules.to_owned() }
}

/// A window of so many samples.
fn window(samples: usize, function: &str) -> Work {
    let expr = format!("{function}_over_time(m[{}s]) < 0", samples * 15);
    work(10, 6_000, 1, &expr, "")
}
