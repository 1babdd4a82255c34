//! From what a session took to the figures that the report's checks look at, and those besides them.

use super::campaign::{Taken, USABLE};
use super::protocol::{Counted, Timed};
use super::report::Extra;
use super::stats::{Estimate, growth, median};
use super::targets::{Category, Measured};

/// The latencies of single evaluations.
pub const LATENCY: &str = "latency.call.ns";
/// How long a call must be to be timed alone, in grains of the clock.
const GRAINS: f64 = 20.0;

/// Returns what was measured for the checks of the report.
#[must_use]
pub fn measured(taken: &Taken, counted: &[Counted], grain_ns: f64) -> Vec<Measured> {
    let mut all = Vec::new();
    let mut add = |id: &str, estimate: Option<Estimate>, exponent, note: String| {
        all.extend(estimate.map(|estimate| Measured { id: id.to_owned(), estimate, exponent, note }));
    };
    for (id, q) in [("latency.p50", 0.50), ("latency.p95", 0.95), ("latency.p99", 0.99)] {
        let (estimate, note) = percentile(taken, LATENCY, q, grain_ns);
        add(id, estimate.map(|ns| ns.scaled(1e-3)), None, note);
    }
    for id in ["throughput.no_rules", "throughput.rules10"] {
        let note = "median of windows of 10,000 events, one after the other (service time)".to_owned();
        add(id, by_process(taken, id), None, note);
    }
    let (estimate, note) = percentile(taken, "health_score.call.ns", 0.50, grain_ns);
    add("health_score.p50", estimate, None, note);
    let (estimate, _) = percentile(taken, "condition.chunk.ns", 0.99, grain_ns);
    let note = "mean over 64 evaluations of each of the five kinds, in blocks, as recordings are evaluated; one alone is too short for the clock";
    add("condition.p99", estimate, None, note.to_owned());
    add(
        "extraction.100k",
        by_process(taken, "extraction.100k"),
        None,
        "selectors over blocks of 64 snapshots".to_owned(),
    );
    for (id, family) in [
        ("memory.rule1", None),
        ("memory.rules1000", Some("memory.rules")),
        ("memory.alerts100", Some("memory.alerts")),
    ] {
        let exponent = family.and_then(|family| growth(&sizes(counted, family))).map(|growth| growth.exponent);
        let value = value(counted, id);
        let note = match id {
            _ if value == Some(0.0) => "the allocator of this build does not count",
            "memory.rule1" => "what one more rule on the same metric adds to an engine; memory.engine1 is the first",
            _ => "",
        };
        add(id, value.map(Estimate::exact), exponent, note.to_owned());
    }
    all
}

/// Returns the figures that have no target.
#[must_use]
pub fn extras(taken: &Taken, counted: &[Counted]) -> Vec<Extra> {
    let mut all = Vec::new();
    let mut add = |id: &str, category, unit: &str, estimate: Option<Estimate>, note: &str| {
        let (id, unit, note) = (id.to_owned(), unit.to_owned(), note.to_owned());
        all.extend(estimate.map(|estimate| Extra { id, category, unit, estimate, note }));
    };
    let cold = by_process(taken, "latency.cold_first");
    add("latency.cold_first", Category::Latency, "ns", cold, "the first evaluation of a process, median process");
    let live = [
        ("live.rule1.ns", "one threshold, never crossed; the engine of the report: 210 ns"),
        ("live.rule1.firing.ns", "one threshold, firing; the engine of the report: 380 ns"),
        ("live.rules10.ns", "the ten rules with what they derive; the engine of the report: 2.2 us"),
        ("live.rules1000.ns", "1,000 thresholds on 22 metrics, never crossed; the engine of the report: 215 us"),
    ];
    for (id, note) in live {
        add(id, Category::Latency, "ns", low(taken, id), note);
    }
    for id in ["throughput.no_rules", "throughput.rules10"] {
        let best = taken.of(id, None).iter().flat_map(|timed| timed.batches.iter().copied()).collect::<Vec<_>>();
        let capability = super::stats::quantile(&super::stats::sorted(&best), 0.9).map(Estimate::bare);
        add(&format!("{id}.capability"), Category::Throughput, "events/s", capability, "the best tenth of the windows");
        let per_cpu: Vec<f64> = taken.of(id, None).iter().filter_map(|timed| per_cpu_second(timed)).collect();
        let note = "setup and warm-up included";
        add(&format!("{id}.per_cpu"), Category::Throughput, "events/CPU s", Estimate::of_processes(&per_cpu), note);
    }
    for counted in counted
        .iter()
        .filter(|counted| !matches!(counted.id.as_str(), "memory.rule1" | "memory.rules1000" | "memory.alerts100"))
    {
        let (estimate, note) = if counted.id.ends_with(USABLE) {
            (Estimate::bare(counted.value), "what the allocator rounds the sizes to")
        } else {
            (Estimate::exact(counted.value), "")
        };
        add(&counted.id, Category::Memory, &counted.unit, Some(estimate), note);
    }
    for kind in ["above", "below", "between", "equals", "rate_of_change"] {
        add(
            &format!("cond.{kind}.ns"),
            Category::HotPath,
            "ns",
            low(taken, &format!("cond.{kind}.ns")),
            "in blocks of 64",
        );
    }
    add("loop.floor.ns", Category::HotPath, "ns", low(taken, "loop.floor.ns"), "the same loop, empty");
    all
}

/// Returns the median over processes of their medians.
fn by_process(taken: &Taken, id: &str) -> Option<Estimate> {
    let medians: Vec<f64> = taken.of(id, None).iter().filter_map(|timed| median(&timed.batches)).collect();
    Estimate::of_processes(&medians)
}

/// Returns the median over processes of their low deciles.
fn low(taken: &Taken, id: &str) -> Option<Estimate> {
    let lows: Vec<f64> =
        taken.of(id, None).iter().filter_map(|timed| super::stats::low_decile(&timed.batches)).collect();
    Estimate::of_processes(&lows)
}

/// Returns a percentile of calls, and what is to be known of it.
fn percentile(taken: &Taken, id: &str, q: f64, grain_ns: f64) -> (Option<Estimate>, String) {
    let Some(latencies) = taken.latencies(id) else { return (None, String::new()) };
    let chunk = taken.of(id, None).first().map_or(1, |timed| timed.chunk);
    let note = if chunk > 1 {
        format!(
            "per-call average over chunks of {chunk}: a single call is shorter than {GRAINS} steps of the clock of \
             {grain_ns} ns; says nothing of the tail of single calls"
        )
    } else {
        format!("{} single calls, cost of the timer included", latencies.len())
    };
    (latencies.quantile(q), note)
}

fn per_cpu_second(timed: &Timed) -> Option<f64> {
    (timed.cpu_ns > 0).then(|| timed.all_ops as f64 * 1e9 / timed.cpu_ns as f64)
}

fn value(counted: &[Counted], id: &str) -> Option<f64> {
    counted.iter().find(|counted| counted.id == id).map(|counted| counted.value)
}

/// Returns numbers of things and the bytes they hold.
fn sizes(counted: &[Counted], family: &str) -> Vec<(f64, f64)> {
    let sized = counted.iter().filter_map(|counted| {
        let count = counted.id.strip_prefix(family)?.parse::<f64>().ok()?;
        Some((count, counted.value))
    });
    sized.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::histogram::Latencies;
    use crate::profile::sample::Kind;

    fn taken(chunk: u64) -> Taken {
        let mut latencies = Latencies::new().expect("fixed bounds");
        (0..5_000).for_each(|at| latencies.record(500 + at / 10));
        let timed = Timed {
            id: LATENCY.to_owned(),
            rule: None,
            unit: "ns".to_owned(),
            higher_is_better: false,
            ops: 1,
            batches: vec![750.0],
            hist: latencies.to_text().ok(),
            chunk,
            switches: 0,
            cpu_ns: 0,
            all_ops: 5_000,
        };
        Taken { processes: vec![vec![timed]] }
    }

    #[test]
    fn percentiles_come_from_one_histogram_and_say_how() {
        let of = |chunk| measured(&taken(chunk), &[], 10.0);
        let one = of(1);
        assert_eq!(
            one.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(),
            ["latency.p50", "latency.p95", "latency.p99"]
        );
        assert!((one[0].estimate.value - 0.75).abs() < 0.01, "{:?}", one[0]);
        assert!(one[0].note.starts_with("5000 single calls"), "{}", one[0].note);
        assert!(of(32)[2].note.starts_with("per-call average over chunks of 32"), "{}", of(32)[2].note);
    }

    #[test]
    fn the_growth_of_memory_is_that_of_its_sizes() {
        let bytes = |id: &str, value| Counted::new(id, None, "bytes", Kind::Bytes, value);
        let counted = [
            bytes("memory.rule1", 900.0),
            bytes("memory.rules10", 8_000.0),
            bytes("memory.rules10.peak", 9_000.0),
            bytes("memory.rules1000", 800_000.0),
        ];
        let measured = measured(&Taken::default(), &counted, 10.0);
        assert_eq!(measured.len(), 2);
        assert!(measured[1].exponent.is_some_and(|exponent| (exponent - 1.0).abs() < 1e-9), "{measured:?}");
        assert_eq!(extras(&Taken::default(), &counted).len(), 2);
    }
}
