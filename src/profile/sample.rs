//! What a run of the profiler measured: by session, by metric, by process.

use std::collections::BTreeMap;

use serde::Serialize;

use super::digest::sha256;
use super::fields::Unknown;
use super::histogram::{HistogramError, Latencies};
use super::stats;

/// Which direction is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Less is better: times, bytes, counts.
    Lower,
    /// More is better: rates.
    Higher,
}

/// What a metric counts, and so how it is gated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A time: noisy, gated by the low decile.
    Time,
    /// Work per time: as noisy.
    Rate,
    /// Bytes held: exact.
    Bytes,
    /// Allocations, series and the like: exact.
    Count,
    /// Samples touched, as Prometheus' query statistics count them: exact.
    Samples,
}

impl Kind {
    /// All kinds with the words of the file.
    pub(crate) const ALL: [(Self, &'static str); 5] = [
        (Self::Time, "time"),
        (Self::Rate, "rate"),
        (Self::Bytes, "bytes"),
        (Self::Count, "count"),
        (Self::Samples, "samples"),
    ];

    /// Returns the word of the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// Returns whether it repeats exactly, run after run, on any machine.
    #[must_use]
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Bytes | Self::Count | Self::Samples)
    }
}

/// Statistics by process, in the order the processes ran; the lists are of one length.
///
/// Unit: the metric's. Of a rate the deciles are those of the time taken, turned into a rate: `p10` is the capability.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PerProcess {
    /// The low decile of its batches: what is gated.
    pub p10: Vec<f64>,
    /// Their median.
    pub median: Vec<f64>,
    /// The best one.
    pub min: Vec<f64>,
    /// How many batches.
    pub n: Vec<u64>,
    /// What a later version added.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Statistics over the batches of all processes of a session. Unit: the metric's.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pooled {
    /// The low decile.
    pub p10: f64,
    /// The lower quartile.
    pub p25: f64,
    /// The median.
    pub median: f64,
    /// The best one.
    pub min: f64,
    /// How many batches.
    pub n: u64,
    /// What a later version added.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// One metric of one session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// A stable dotted name, such as `latency.p50` or `rule.samples`.
    pub id: String,
    /// The rule it is about, as a place in [`Measurement::rules`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<usize>,
    /// The unit of all values.
    pub unit: String,
    /// Which direction is good.
    pub better: Better,
    /// What it counts.
    pub kind: Kind,
    /// The operations that one value covers: 1 where it is per operation, 100,000 for the extraction of as many.
    #[serde(skip_serializing_if = "is_one")]
    pub ops: u64,
    /// By process.
    pub per_process: PerProcess,
    /// Over all processes.
    pub pooled: Pooled,
    /// Latencies of single calls in nanoseconds, as [`Latencies::to_text`] writes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hist: Option<String>,
    /// Involuntary context switches, by process; empty where they are not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nivcsw: Vec<u64>,
    /// Every batch, by process, in the order they were taken; empty where they were not kept. No verdict reads them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Vec<f64>>,
    /// What a later version added.
    #[serde(flatten)]
    pub unknown: Unknown,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_one(ops: &u64) -> bool {
    *ops == 1
}

impl Metric {
    /// Makes a metric of batches: the batch values of every process, already per operation or per `ops` operations.
    ///
    /// `None` when a process has no batch.
    #[must_use]
    pub fn of_batches(
        id: impl Into<String>,
        unit: impl Into<String>,
        better: Better,
        kind: Kind,
        processes: &[Vec<f64>],
    ) -> Option<Self> {
        // A rate is good at its upper end: mirrored, the deciles mean the same for both.
        let at = |sorted: &[f64], q: f64| match better {
            Better::Lower => stats::quantile(sorted, q),
            Better::Higher => stats::quantile(sorted, 1.0 - q),
        };
        let mut per_process = PerProcess::default();
        for batches in processes {
            let sorted = stats::sorted(batches);
            per_process.p10.push(at(&sorted, 0.10)?);
            per_process.median.push(at(&sorted, 0.50)?);
            per_process.min.push(at(&sorted, 0.0)?);
            per_process.n.push(sorted.len() as u64);
        }
        let all = stats::sorted(&processes.concat());
        let pooled = Pooled {
            p10: at(&all, 0.10)?,
            p25: at(&all, 0.25)?,
            median: at(&all, 0.50)?,
            min: at(&all, 0.0)?,
            n: all.len() as u64,
            unknown: Unknown::new(),
        };
        Some(Self {
            id: id.into(),
            rule: None,
            unit: unit.into(),
            better,
            kind,
            ops: 1,
            per_process,
            pooled,
            hist: None,
            nivcsw: Vec::new(),
            samples: Vec::new(),
            unknown: Unknown::new(),
        })
    }

    /// Makes a metric that repeats exactly, of one value a process. `None` without a value.
    #[must_use]
    pub fn exact(id: impl Into<String>, unit: impl Into<String>, kind: Kind, values: &[f64]) -> Option<Self> {
        let processes: Vec<Vec<f64>> = values.iter().map(|value| vec![*value]).collect();
        Self::of_batches(id, unit, Better::Lower, kind, &processes)
    }

    /// Returns the metric with the rule it is about.
    #[must_use]
    pub fn of_rule(mut self, rule: usize) -> Self {
        self.rule = Some(rule);
        self
    }

    /// Returns the time of one operation, for times in a known unit and rates per second. Unit: nanoseconds.
    #[must_use]
    pub fn ns_per_op(&self) -> Option<f64> {
        let per = match self.kind {
            Kind::Time => self.pooled.p10 * time_unit_ns(&self.unit)?,
            Kind::Rate => 1e9 / self.pooled.p10,
            Kind::Bytes | Kind::Count | Kind::Samples => return None,
        };
        Some(per / self.ops.max(1) as f64)
    }

    /// Returns the latencies of single calls, if they were kept.
    ///
    /// # Errors
    /// When their text is damaged.
    pub fn latencies(&self) -> Result<Option<Latencies>, HistogramError> {
        self.hist.as_deref().map(Latencies::from_text).transpose()
    }
}

/// Returns the length of a unit of time, written `ns`, `us`, `ms` or `s`, alone or before `/`. Unit: nanoseconds.
pub(crate) fn time_unit_ns(unit: &str) -> Option<f64> {
    match unit.split('/').next().unwrap_or(unit) {
        "ns" => Some(1.0),
        "us" => Some(1e3),
        "ms" => Some(1e6),
        "s" => Some(1e9),
        _ => None,
    }
}

/// How fast a loop that never changes ran: a guard against a machine that did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// The low decile of its batches. Unit: nanoseconds per iteration.
    pub p10: f64,
    /// The relative spread between processes.
    pub spread: f64,
    /// What a later version added.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// One session: a few processes, one after another.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Session {
    /// When it began, RFC 3339.
    pub start: String,
    /// The load average over one minute at its start.
    pub load1: f64,
    /// Ticks that the hypervisor took away meanwhile.
    pub steal_ticks: u64,
    /// How long a CPU quota held it back. Unit: nanoseconds.
    pub throttled_ns: u64,
    /// The calibration loops by name: `int`, `mix`.
    pub calibration: BTreeMap<String, Calibration>,
    /// The metrics; a pair of id and rule stands once.
    pub metrics: Vec<Metric>,
    /// What a later version added.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The program that measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tool {
    /// Its version.
    pub version: String,
    /// Its commit, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<String>,
    /// The digest of the executable.
    pub binary_sha256: String,
    /// The compiler.
    pub rustc: String,
    /// The optimisation: `release` or `debug`, then what is known of it: `release, opt-level 3, no debug info`.
    pub opt: String,
    /// Cargo features.
    pub features: Vec<String>,
    /// What a later version added.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Tool {
    /// Returns whether it is a `release` or a `debug` build.
    #[must_use]
    pub fn build_kind(&self) -> &str {
        self.opt.split(',').next().unwrap_or_default()
    }
}

/// What was measured on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Inputs {
    /// The digest of all rule files.
    pub rules_sha256: String,
    /// How many rules.
    pub rules: u64,
    /// The digest of the recordings.
    pub data_sha256: String,
    /// How many series.
    pub series: u64,
    /// How many samples.
    pub samples: u64,
    /// From the first sample to the last one. Unit: milliseconds.
    pub span_ms: i64,
    /// In which way the costs of rules are counted: 2 since each is measured alone, as a server pays for it; 1 where it
    /// is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counting: Option<u64>,
    /// What a later version added.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Inputs {
    /// The way in which costs of rules are counted.
    pub const COUNTING: u64 = 2;
}

/// The machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Machine {
    /// A digest of what makes times comparable: processor, count, virtualisation, kernel.
    pub fingerprint: String,
    /// The processor's name.
    pub cpu_model: String,
    /// Processors that may be used.
    pub vcpus: u64,
    /// The hypervisor, or `none`.
    pub virt: String,
    /// The kernel's version.
    pub kernel: String,
    /// The operating system.
    pub os: String,
    /// The CPU quota of the control group. Unit: processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_quota: Option<f64>,
    /// The kernel's source of time.
    pub clocksource: String,
    /// The smallest step of the clock that was seen. Unit: nanoseconds.
    pub timer_grain_ns: f64,
    /// What reading the clock costs. Unit: nanoseconds.
    pub timer_cost_ns: f64,
    /// What a later version added.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// How much was measured: part of the measurement, for another plan gives other numbers on the same code.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// The digest of the rest.
    pub id: String,
    /// Processes a session.
    pub processes: u64,
    /// Batches a process.
    pub rounds: u64,
    /// The length aimed at for a batch. Unit: microseconds.
    pub batch_us: u64,
    /// The operations of a batch, by metric.
    pub iters: BTreeMap<String, u64>,
    /// Batches before the first that counts.
    pub warmup_rounds: u64,
    /// The allocator.
    pub allocator: String,
    /// What a later version added.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Plan {
    /// Returns the digest that belongs into [`Plan::id`]: of all other fields, those of a later version included.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.shift_remove("id");
        }
        value.sort_all_objects();
        sha256(value.to_string().as_bytes())
    }

    /// Returns the plan with its digest as id.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.id = self.digest();
        self
    }
}

/// One rule that was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RuleText {
    /// The file, as it is paired: relative to what was given as rules, so that `rules/` and `rules.old/` meet.
    pub file: String,
    /// The group.
    pub group: String,
    /// The alert, or the metric that is recorded.
    pub name: String,
    /// Whether it records a series.
    pub records: bool,
    /// Its labels with their templates.
    pub labels: Vec<(String, String)>,
    /// The expression.
    pub expr: String,
    /// When it is evaluated: `1m`, `each_row`, `each_snapshot`.
    pub every: String,
    /// The time from one evaluation to the next, where that is always the same. Unit: milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<i64>,
    /// What else decides when it is active: `for 5m`.
    pub terms: String,
    /// How far back it looks, subqueries included. Unit: milliseconds.
    pub reach_ms: i64,
    /// Whether it is evaluated; not saved.
    #[serde(skip)]
    pub enabled: bool,
    /// The line it begins on, from 1.
    pub line: u32,
    /// The file as the user named it, for messages; not saved.
    #[serde(skip)]
    pub path: String,
    /// What a later version added.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Returns in a word when a rule is evaluated: `1m`, `row`.
pub(crate) fn every_word(every: &str) -> &str {
    every.strip_prefix("each_").unwrap_or(every)
}

/// Everything that one run measured; saved, it is a baseline.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measurement {
    /// The schema with its major version: [`super::baseline::SCHEMA`].
    pub schema: String,
    /// When, RFC 3339.
    pub created: String,
    /// By what.
    pub tool: Tool,
    /// On what.
    pub inputs: Inputs,
    /// Where.
    pub machine: Machine,
    /// How.
    pub plan: Plan,
    /// The rules, for those metrics that are about one.
    pub rules: Vec<RuleText>,
    /// The sessions, at least one.
    pub sessions: Vec<Session>,
    /// What a later version added.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Measurement {
    /// Returns the metrics of all sessions with this id and rule, in the order of the sessions.
    #[must_use]
    pub fn metric(&self, id: &str, rule: Option<usize>) -> Vec<&Metric> {
        let is = |metric: &&Metric| metric.id == id && metric.rule == rule;
        self.sessions.iter().filter_map(|session| session.metrics.iter().find(is)).collect()
    }

    /// Forgets the single batches, which make a file some ten times as long.
    pub fn forget_samples(&mut self) {
        self.sessions.iter_mut().flat_map(|session| &mut session.metrics).for_each(|metric| metric.samples.clear());
    }

    /// Returns the low decile of a calibration loop: the best of the sessions, as only a slower machine is noise.
    #[must_use]
    pub fn calibration(&self, name: &str) -> Option<f64> {
        let values = self.sessions.iter().filter_map(|session| session.calibration.get(name));
        values.map(|calibration| calibration.p10).min_by(f64::total_cmp)
    }
}
