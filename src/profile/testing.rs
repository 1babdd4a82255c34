//! A small measurement for tests.

use std::collections::BTreeMap;

use super::baseline::SCHEMA;
use super::compare::{RuleRef, Settings, compare};
use super::fields::Unknown;
use super::gate::{Evidence, Limits};
use super::histogram::Latencies;
use super::protocol::{Counted, Cut, Planned, Staged};
use super::report::{Extra, FailOn, GrownBy, ProfileReport, RuleCost, Totals, regression_check};
use super::sample::{Better, Calibration, Inputs, Kind, Machine, Measurement, Metric, Plan, RuleText, Session, Tool};
use super::stats::{Estimate, Growth};
use super::targets::{CHECKS, Category, Measured, Targets};

pub(crate) fn rule(name: &str, expr: &str) -> RuleText {
    RuleText {
        file: "node.yml".to_owned(),
        group: "node".to_owned(),
        name: name.to_owned(),
        records: false,
        labels: Vec::new(),
        expr: expr.to_owned(),
        every: "1m".to_owned(),
        interval_ms: Some(60_000),
        terms: String::new(),
        reach_ms: 0,
        enabled: true,
        line: 12,
        path: "node.yml".to_owned(),
        unknown: Unknown::new(),
    }
}

pub(crate) fn planned(id: &str) -> Planned {
    Planned { id: id.to_owned(), rule: None, iters: 1, chunk: 1 }
}

/// A time of five processes with three batches each.
pub(crate) fn time(id: &str, processes: [f64; 5]) -> Metric {
    let batches: Vec<Vec<f64>> = processes.iter().map(|value| vec![value - 1.0, *value, value + 1.0]).collect();
    Metric::of_batches(id, "ns", Better::Lower, Kind::Time, &batches).expect("there are batches")
}

pub(crate) fn samples(rule: usize, value: f64) -> Metric {
    Metric::exact("rule.samples_per_s", "samples/s", Kind::Samples, &[value]).expect("there is a value").of_rule(rule)
}

pub(crate) fn session(metrics: Vec<Metric>) -> Session {
    let calibration = Calibration { p10: 1.25, spread: 0.01, unknown: Unknown::new() };
    Session {
        start: "2026-01-06T00:00:00Z".to_owned(),
        load1: 0.5,
        steal_ticks: 3,
        throttled_ns: 0,
        calibration: BTreeMap::from([("int".to_owned(), calibration)]),
        metrics,
        unknown: Unknown::new(),
    }
}

pub(crate) fn measurement_of(rules: Vec<RuleText>, sessions: Vec<Session>) -> Measurement {
    let plan = Plan {
        processes: 5,
        rounds: 3,
        batch_us: 200,
        iters: BTreeMap::from([("cond.above.ns".to_owned(), 3_000)]),
        warmup_rounds: 5,
        allocator: "system".to_owned(),
        ..Plan::default()
    };
    Measurement {
        schema: SCHEMA.to_owned(),
        created: "2026-01-06T00:00:00Z".to_owned(),
        tool: Tool {
            version: "0.1.0".to_owned(),
            git: Some("0123456789ab".to_owned()),
            binary_sha256: "b1".to_owned(),
            rustc: "1.95.0 (59807616e 2026-04-14)".to_owned(),
            opt: "release, opt-level 3, no debug info".to_owned(),
            ..Tool::default()
        },
        inputs: Inputs {
            rules_sha256: "r1".to_owned(),
            rules: rules.len() as u64,
            data_sha256: "d1".to_owned(),
            series: 10,
            samples: 14_400,
            ..Inputs::default()
        },
        machine: Machine {
            fingerprint: "m1".to_owned(),
            cpu_model: "A processor".to_owned(),
            vcpus: 2,
            virt: "kvm".to_owned(),
            kernel: "6.1".to_owned(),
            os: "linux".to_owned(),
            cpu_quota: None,
            clocksource: "tsc".to_owned(),
            timer_grain_ns: 10.0,
            timer_cost_ns: 42.5,
            unknown: Unknown::new(),
        },
        plan: plan.sealed(),
        rules,
        sessions,
        unknown: Unknown::new(),
    }
}

pub(crate) fn measurement() -> Measurement {
    let mut latency = time("latency.p50", [560.0; 5]);
    let mut latencies = Latencies::new().expect("fixed bounds");
    (500..700).for_each(|ns| latencies.record(ns));
    latency.hist = Some(latencies.to_text().expect("it fits"));
    latency.nivcsw = vec![0, 1, 0, 0, 2];
    let rules = vec![rule("HighCpu", "avg_over_time(cpu[1h]) > 0.9"), rule("DiskFull", "disk_free < 4e+10")];
    let metrics = vec![time("cond.above.ns", [12.0; 5]), latency, samples(0, 240.0), samples(1, 10.0)];
    measurement_of(rules, vec![session(metrics.clone()), session(metrics.clone()), session(metrics)])
}

/// A report with fixed numbers: three checks missed or undecided, one rule changed.
pub(crate) fn report() -> ProfileReport {
    let base = measurement_of(
        vec![rule("HighCpu", "avg_over_time(cpu[1h]) > 0.9"), rule("Old", "x > 1")],
        vec![session(vec![time("latency.p50", [560.0; 5]), time("rate.ns", [400.0; 5]), samples(0, 240.0)])],
    );
    let noisy = [300.0, 350.0, 400.0, 450.0, 500.0];
    let now = measurement_of(
        vec![rule("HighCpu", "avg_over_time(cpu[6h]) > 0.9")],
        vec![session(vec![time("latency.p50", [560.0; 5]), time("rate.ns", noisy), samples(0, 1440.0)])],
    );
    let settings = Settings { evidence: Evidence::Saved, limits: Limits::default(), rules_only: false, slowed: true };
    let comparison = compare(&base, &now, &settings).expect("comparable");
    let measured = |id: &str, value: f64, low: f64, high: f64, exponent, note: &str| Measured {
        id: id.to_owned(),
        estimate: Estimate { value, low: Some(low), high: Some(high) },
        exponent,
        note: note.to_owned(),
    };
    let checks = Targets::default().check(
        &[
            measured("latency.p50", 0.56, 0.55, 0.57, None, ""),
            measured("latency.p95", 0.9, 0.88, 0.93, None, ""),
            measured("latency.p99", 990.0, 940.0, 1_050.0, None, ""),
            measured("throughput.no_rules", 1_523_000.0, 1.5e6, 1.6e6, None, ""),
            measured("throughput.rules10", 4_200.0, 4_100.0, 4_300.0, None, ""),
            measured("condition.p99", 12.5, 12.0, 13.0, None, "per-call average over chunks of 32"),
            measured("memory.rules1000", 482_000.0, 482_000.0, 482_000.0, Some(1.02), ""),
        ],
        regression_check(CHECKS[12], Some(&comparison)),
    );
    let extra = Extra {
        id: "latency.cold_first".to_owned(),
        category: Category::Latency,
        unit: "us".to_owned(),
        estimate: Estimate::bare(4.2),
        target: None,
        note: "5 processes".to_owned(),
    };
    let growth = |samples, time, cut| {
        let fit = |exponent| Some(Growth { exponent, explained: 0.999 });
        GrownBy { sizes: vec![1.0, 2.0, 4.0, 8.0], time: fit(time), samples: fit(samples), cut }
    };
    let cost = RuleCost {
        rule: RuleRef {
            file: "rules/node.yml".to_owned(),
            line: 12,
            group: "node".to_owned(),
            name: "HighCpu".to_owned(),
        },
        expr: "avg_over_time(cpu[6h]) > 0.9".to_owned(),
        every: "1m".to_owned(),
        too_short: false,
        enabled: true,
        samples_per_evaluation: 1_440.0,
        samples_per_s: 24.0,
        series: 6,
        result_series: 1.5,
        allocations_per_sample: Some(0.0),
        evaluation_ns: Some(Estimate { value: 2_210.0, low: Some(2_190.0), high: Some(2_240.0) }),
        share: Some(1.0),
        stages: vec![("evaluate".to_owned(), 2_000.0), ("alert".to_owned(), 210.0)],
        growth_series: growth(1.0, 0.93, None),
        growth_window: GrownBy { sizes: vec![1.0, 2.0, 4.0], ..growth(1.97, 0.05, Some(Cut::Recording)) },
    };
    ProfileReport {
        tool: now.tool,
        created: now.created,
        machine: now.machine,
        plan: Plan { id: "p1".to_owned(), ..now.plan },
        inputs: now.inputs,
        seed: 7,
        checks,
        extras: vec![extra],
        latencies: None,
        totals: Totals::of(
            std::slice::from_ref(&cost),
            &[Counted::new("run.samples_per_s", None, "samples/s", Kind::Samples, 24.0)],
            &Staged { apart_ns: 200, together_ns: 150, ..Staged::default() },
        ),
        rules: vec![cost],
        over: Vec::new(),
        stages: vec![("read".to_owned(), 1_500_000.0), ("evaluate".to_owned(), 4_500_000.0)],
        baseline: Some("ci/base.json".to_owned()),
        comparison: Some(comparison),
        incompatible: Vec::new(),
        notes: vec!["load 2.5 on 2 processors".to_owned()],
        fail_on: vec![FailOn::Regression, FailOn::Target],
    }
}
