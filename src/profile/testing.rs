//! A small measurement for tests.

use std::collections::BTreeMap;

use super::baseline::SCHEMA;
use super::fields::Unknown;
use super::histogram::Latencies;
use super::sample::{Better, Calibration, Inputs, Kind, Machine, Measurement, Metric, Plan, RuleText, Session, Tool};

pub(crate) fn rule(name: &str, expr: &str) -> RuleText {
    RuleText {
        file: "node.yml".to_owned(),
        group: "node".to_owned(),
        name: name.to_owned(),
        expr: expr.to_owned(),
        line: 12,
        path: "node.yml".to_owned(),
        unknown: Unknown::new(),
    }
}

/// A time of five processes with three batches each.
pub(crate) fn time(id: &str, processes: [f64; 5]) -> Metric {
    let batches: Vec<Vec<f64>> = processes.iter().map(|value| vec![value - 1.0, *value, value + 1.0]).collect();
    Metric::of_batches(id, "ns", Better::Lower, Kind::Time, &batches).expect("there are batches")
}

pub(crate) fn samples(rule: usize, value: f64) -> Metric {
    Metric::exact("rule.samples", "samples", Kind::Samples, &[value]).expect("there is a value").of_rule(rule)
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
            binary_sha256: "b1".to_owned(),
            rustc: "1.95.0".to_owned(),
            opt: "release".to_owned(),
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
