//! From what a session took to the figures that the report's checks look at, and those besides them.

use super::campaign::{Taken, USABLE};
use super::histogram::Latencies;
use super::protocol::{Counted, Timed};
use super::report::Extra;
use super::stats::{Estimate, fitted_growth, marginal_exponent, median};
use super::targets::{Category, Measured, Targets};
use crate::format;

/// The latencies of single evaluations.
pub const LATENCY: &str = "latency.call.ns";
/// Numbers of thresholds whose throughput is measured.
const RULE_COUNTS: [u32; 4] = [1, 10, 100, 1_000];
/// The kinds of condition that are timed together.
const KINDS: u64 = 5;

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
        let note = "service time, windows of 10,000 events".to_owned();
        add(id, by_process(taken, id), None, note);
    }
    let (estimate, note) = percentile(taken, "health_score.call.ns", 0.50, grain_ns);
    add("health_score.p50", estimate, None, note);
    let (estimate, mut note) = percentile(taken, "condition.chunk.ns", 0.99, grain_ns);
    if let Some(chunk) = taken.of("condition.chunk.ns", None).first().map(|timed| timed.chunk) {
        note.push_str(&format!(", {} of each kind", chunk / KINDS));
    }
    add("condition.p99", estimate, None, note);
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
        let exponent = family.and_then(|family| marginal_exponent(&sizes(counted, family)));
        let value = value(counted, id);
        let note = match id {
            _ if value == Some(0.0) => "the allocator of this build does not count",
            "memory.rule1" => "one more rule in an engine",
            "memory.rules1000" => "text, parsed rules and engine",
            _ => "",
        };
        add(id, value.map(Estimate::exact), exponent, note.to_owned());
    }
    all
}

/// Returns the figures besides the checks.
#[must_use]
pub fn extras(taken: &Taken, counted: &[Counted], targets: &Targets) -> Vec<Extra> {
    let mut all = Vec::new();
    let mut add = |id: &str, category, unit: &str, estimate: Option<Estimate>, note: &str| {
        let target = targets.get(id);
        let (id, unit, note) = (id.to_owned(), unit.to_owned(), note.to_owned());
        all.extend(estimate.map(|estimate| Extra { id, category, unit, estimate, target, note }));
    };
    let cold = by_process(taken, "latency.cold_first");
    add("latency.cold_first", Category::Latency, "ns", cold, "the first evaluation of a process, median process");
    let live = [
        ("live.rule1.ns", "one threshold, never crossed (report: 210 ns)"),
        ("live.rule1.firing.ns", "one threshold, firing (report: 380 ns)"),
        ("live.rules10.ns", "the ten rules with what they derive (report: 2.2 us)"),
        ("live.rules1000.ns", "1,000 thresholds on 22 metrics (report: 215 us)"),
    ];
    for (id, note) in live {
        add(id, Category::Latency, "ns", low(taken, id), note);
    }
    let mut times = Vec::new();
    for count in RULE_COUNTS {
        let id = format!("throughput.thresholds{count}");
        let rate = by_process(taken, &id);
        times.extend(rate.map(|rate| (f64::from(count), 1e9 / rate.value)));
        let note = match fitted_growth(&times).filter(|_| times.len() == RULE_COUNTS.len()) {
            Some(growth) => format!("time by rule count: exponent {:.2}", growth.exponent),
            None => format!("{}, never crossed", format::counted(u64::from(count), "threshold")),
        };
        add(&id, Category::Throughput, "events/s", rate, &note);
    }
    for id in ["throughput.no_rules", "throughput.rules10"] {
        let best = taken.of(id, None).iter().flat_map(|timed| timed.batches.iter().copied()).collect::<Vec<_>>();
        let capability = super::stats::quantile(&super::stats::sorted(&best), 0.9).map(Estimate::bare);
        add(&format!("{id}.capability"), Category::Throughput, "events/s", capability, "the best tenth of the windows");
        let per_cpu: Vec<f64> = taken.of(id, None).iter().filter_map(|timed| per_cpu_second(timed)).collect();
        let note = "setup and warm-up included";
        add(&format!("{id}.per_cpu"), Category::Throughput, "events/CPU s", Estimate::of_processes(&per_cpu), note);
    }
    let is_extra =
        |counted: &&Counted| !matches!(counted.id.as_str(), "memory.rule1" | "memory.rules1000" | "memory.alerts100");
    for counted in counted.iter().filter(is_extra) {
        let (estimate, note) = match counted.id.as_str() {
            id if id.ends_with(USABLE) => (Estimate::bare(counted.value), "sizes as the allocator rounds them"),
            "memory.live1000" => (Estimate::exact(counted.value), "the same 1,000 rules in a `Live`"),
            _ => (Estimate::exact(counted.value), ""),
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

/// Returns a percentile of calls, each process its own, and what is to be known of it. Unit: nanoseconds.
///
/// The calls of one process are not independent, so the interval is that of the processes; and never narrower than the
/// step of the clock, in which the processes may agree by chance.
fn percentile(taken: &Taken, id: &str, q: f64, grain_ns: f64) -> (Option<Estimate>, String) {
    let (mut values, mut calls, mut chunk) = (Vec::new(), 0, 1);
    for timed in taken.of(id, None) {
        let latencies = timed.hist.as_deref().and_then(|text| Latencies::from_text(text).ok());
        let Some(latencies) = latencies else { continue };
        values.extend(latencies.quantile(q));
        (calls, chunk) = (calls + latencies.len(), timed.chunk.max(1));
    }
    let estimate = Estimate::of_processes(&values).map(|estimate| estimate.at_least(grain_ns / chunk as f64 / 2.0));
    let note = if chunk > 1 {
        format!("of means over {chunk} calls")
    } else {
        format!("{calls} single calls, cost of the timer included")
    };
    (estimate, note)
}

fn per_cpu_second(timed: &Timed) -> Option<f64> {
    (timed.cpu_ns > 0).then(|| timed.all_ops as f64 * 1e9 / timed.cpu_ns as f64)
}

fn value(counted: &[Counted], id: &str) -> Option<f64> {
    counted.iter().find(|counted| counted.id == id).map(|counted| counted.value)
}

/// Returns numbers of things and the bytes they hold, the smallest number first.
fn sizes(counted: &[Counted], family: &str) -> Vec<(f64, f64)> {
    let sized = counted.iter().filter_map(|counted| {
        let count = counted.id.strip_prefix(family)?.parse::<f64>().ok()?;
        Some((count, counted.value))
    });
    let mut sized: Vec<(f64, f64)> = sized.collect();
    sized.sort_by(|a, b| a.0.total_cmp(&b.0));
    sized
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::sample::Kind;
    use crate::profile::targets::Outcome;

    /// Returns calls of processes, each so many times as long as those of a quiet one: half of them take 750 ns.
    fn taken(chunk: u64, processes: &[f64]) -> Taken {
        let process = |times: &f64| {
            let mut latencies = Latencies::new().expect("fixed bounds");
            (0..5_000).for_each(|at| latencies.record(((500 + at / 10) as f64 * times) as u64));
            vec![Timed {
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
            }]
        };
        Taken { processes: processes.iter().map(process).collect() }
    }

    #[test]
    fn percentiles_are_those_of_the_processes() {
        let one = measured(&taken(1, &[1.0, 1.1, 0.9, 1.2, 3.0]), &[], 10.0);
        assert_eq!(
            one.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(),
            ["latency.p50", "latency.p95", "latency.p99"]
        );
        let Estimate { value, low, high } = one[0].estimate;
        // The median process, not the median call: one slow process of five moves nothing.
        assert!((value - 0.825).abs() < 0.003, "{value}");
        // The processes spread over a tenth, although the 5,000 calls of each know their own median to a hundredth.
        assert!(low.is_some_and(|low| (0.6..0.75).contains(&low)), "{low:?}");
        assert!(high.is_some_and(|high| (0.9..1.1).contains(&high)), "{high:?}");
        assert_eq!(one[0].note, "25000 single calls, cost of the timer included");
        // Processes that agree do so within the step of the clock.
        let same = measured(&taken(1, &[1.0; 5]), &[], 10.0)[0].estimate;
        assert!(same.high.zip(same.low).is_some_and(|(high, low)| (high - low - 0.010).abs() < 1e-9), "{same:?}");
        let two = measured(&taken(1, &[1.0, 1.0]), &[], 10.0)[0].estimate;
        assert_eq!((two.low, two.high), (None, None));
    }

    #[test]
    fn a_percentile_of_means_says_so() {
        assert_eq!(measured(&taken(32, &[1.0; 3]), &[], 10.0)[2].note, "of means over 32 calls");
        let mut conditions = taken(320, &[1.0; 3]);
        conditions.processes.iter_mut().for_each(|process| process[0].id = "condition.chunk.ns".to_owned());
        assert_eq!(measured(&conditions, &[], 10.0)[0].note, "of means over 320 calls, 64 of each kind");
    }

    #[test]
    fn the_last_rule_count_has_the_exponent() {
        let timed = |count: u32| Timed {
            id: format!("throughput.thresholds{count}"),
            batches: vec![1e7 / f64::from(count)],
            ..taken(1, &[1.0]).processes.remove(0).remove(0)
        };
        let taken = Taken { processes: vec![RULE_COUNTS.map(timed).to_vec()] };
        let extras = extras(&taken, &[], &Targets::default());
        let rows = extras.iter().filter(|extra| extra.category == Category::Throughput);
        assert_eq!(
            rows.map(|extra| format!("{} {}", extra.id, extra.note)).collect::<Vec<_>>(),
            [
                "throughput.thresholds1 1 threshold, never crossed",
                "throughput.thresholds10 10 thresholds, never crossed",
                "throughput.thresholds100 100 thresholds, never crossed",
                "throughput.thresholds1000 time by rule count: exponent 1.00",
            ]
        );
    }

    #[test]
    fn the_growth_of_memory_is_that_of_its_steps() {
        let bytes = |id: &str, value| Counted::new(id, None, "bytes", Kind::Bytes, value);
        let counted = [
            bytes("memory.rule1", 900.0),
            bytes("memory.rules1000", 800_000.0),
            bytes("memory.rules10", 8_000.0),
            bytes("memory.rules10.peak", 9_000.0),
            bytes("memory.rules100", 80_000.0),
            bytes("memory.live1000", 1e9),
        ];
        let measured = measured(&Taken::default(), &counted, 10.0);
        assert_eq!(measured.len(), 2);
        assert!(measured[1].exponent.is_some_and(|exponent| (exponent - 1.0).abs() < 1e-9), "{measured:?}");
        let extras = extras(&Taken::default(), &counted, &Targets::default());
        let outcomes: Vec<_> = extras.iter().map(|extra| (extra.id.as_str(), extra.outcome())).collect();
        assert_eq!(
            outcomes,
            [
                ("memory.rules10", None),
                ("memory.rules10.peak", None),
                ("memory.rules100", None),
                ("memory.live1000", Some(Outcome::Fail)),
            ]
        );
    }
}
