//! The whole path on a small generated recording: reading alone, and reading with ever more rules evaluated.
//!
//! Compare the rows of one run with each other: what goes beyond 0 rules is what rules cost, and ten rules should cost
//! less than ten times one rule, since equal parts of expressions are evaluated once. Items are samples.

use std::fmt::Write as _;

use alertctl::input::{ReadOptions, Recording, Text};
use alertctl::outcome::RunOptions;
use alertctl::replay::Replay;
use alertctl::rules::RuleSet;
use alertctl::store::Stale;
use divan::{Bencher, black_box, counter::ItemsCount};

const HOSTS: usize = 50;
/// A sample every 15 seconds, two hours.
const SCRAPES: usize = 480;
const START: usize = 1_767_571_200;

/// Expressions of the kinds that people write; `{n}` is the number of the rule.
const EXPRS: [&str; 5] = [
    "cpu_ratio > 0.9{n}",
    "rate(requests_total[5m]) > {n}",
    "max_over_time(cpu_ratio[30m]) - avg_over_time(cpu_ratio[30m]) > 0.{n}",
    "sum by (job) (rate(requests_total[5m])) > {n}",
    "cpu_ratio > on (host) group_left () (0 * requests_total + 0.9{n})",
];

fn main() {
    divan::main();
}

/// Makes a recording of a gauge and a counter a host, in time order.
fn recording() -> Vec<u8> {
    let mut text = String::from("timestamp,metric,host,job,value\n");
    for scrape in 0..SCRAPES {
        let at = START + 15 * scrape;
        for host in 0..HOSTS {
            let job = ["web", "db"][host % 2];
            let wave = (scrape * (host + 3) * 7919) % 1000;
            let count = scrape * (host + 1) * 10;
            let rows =
                format_args!("{at},cpu_ratio,h{host},{job},0.{wave:03}\n{at},requests_total,h{host},{job},{count}\n");
            text.write_fmt(rows).expect("a string takes all");
        }
    }
    text.into_bytes()
}

fn rule_set(rules: usize) -> RuleSet {
    let mut text = String::from("groups:\n- name: g\n  interval: 15s\n  rules:\n");
    for rule in 0..rules {
        let expr = EXPRS[rule % EXPRS.len()].replace("{n}", &(rule % 9 + 1).to_string());
        writeln!(text, "  - {{alert: A{rule}, expr: '{expr}', for: 1m}}").expect("a string takes all");
    }
    let mut set = RuleSet::default();
    set.add("rules.yml", text.as_bytes());
    assert!(!set.diagnostics.has_errors(), "rules without mistakes");
    set
}

/// Reads the recording and evaluates the rules, as the command line does; returns the number of episodes.
fn run(bytes: Text, rules: &RuleSet) -> usize {
    let mut recording = Recording::open(vec![Box::new(bytes)], ReadOptions::default()).expect("opens");
    let mut options = RunOptions::default();
    options.stale.set(Some(Stale::Off));
    let outcome = Replay::new(rules, options).run(&mut recording, &mut ()).expect("runs");
    outcome.episodes.len()
}

#[divan::bench(args = [0, 1, 10, 100], name = "read and evaluate rules")]
fn rules(bencher: Bencher<'_, '_>, rules: usize) {
    let (text, set) = (Text::new("generated.csv", recording()), rule_set(rules));
    bencher
        .counter(ItemsCount::new(2 * HOSTS * SCRAPES))
        .with_inputs(|| text.clone())
        .bench_values(|text| black_box(run(text, &set)));
}
