//! The checks, their targets, and the verdict on each.

use super::max_costs::MaxCosts;
use super::stats::{Estimate, LEAST_PROCESSES};

/// Which table a check stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// How long one evaluation takes.
    Latency,
    /// How many events a second.
    Throughput,
    /// Bytes held.
    Memory,
    /// The operations that an evaluation is made of.
    HotPath,
    /// Against a baseline.
    Regression,
}

impl Category {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 5] = [Self::Latency, Self::Throughput, Self::Memory, Self::HotPath, Self::Regression];

    /// Returns the word of machine formats.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Throughput => "throughput",
            Self::Memory => "memory",
            Self::HotPath => "hot_path",
            Self::Regression => "regression",
        }
    }

    /// Returns the heading of its table.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Latency => "Latency",
            Self::Throughput => "Throughput",
            Self::Memory => "Memory efficiency",
            Self::HotPath => "Hot path",
            Self::Regression => "Regression",
        }
    }
}

/// On which side of its target a value should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Below.
    Less,
    /// At most.
    AtMost,
    /// Above.
    Greater,
}

impl Op {
    /// Returns the operator as it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
        }
    }
}

/// One check and what it should reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// The check's id.
    pub id: &'static str,
    /// Its table.
    pub category: Category,
    /// The side of the target that is good.
    pub op: Op,
    /// The target. Unit: `unit`.
    pub target: f64,
    /// The unit of target and estimate.
    pub unit: &'static str,
    /// The largest exponent of growth, for those that grow with a number of things.
    pub exponent: Option<f64>,
}

const fn target(id: &'static str, category: Category, op: Op, target: f64, unit: &'static str) -> Target {
    Target { id, category, op, target, unit, exponent: None }
}

const fn growing(id: &'static str, bytes: f64) -> Target {
    Target { exponent: Some(1.1), ..target(id, Category::Memory, Op::Less, bytes, "bytes") }
}

/// Follows from the three percentiles; the largest share of a target is its value.
pub const ALL_LATENCIES: &str = "latency.all";
/// Follows from the comparison with a baseline; the worst ratio is its value.
pub const REGRESSION: &str = "regression";
/// The percentiles that [`ALL_LATENCIES`] is made of.
pub(super) const LATENCIES: [&str; 3] = ["latency.p50", "latency.p95", "latency.p99"];

/// The checks in the order of all reports, with their targets.
///
/// Those of the report, but for `memory.rules1000`: it asked for 1 MB by the number of rules times the size of one, which
/// leaves out all that a rule points to. 1,000 bytes a rule are the engine's, the target of `memory.rule1`, and 1,500 those
/// of its text and of what was read of it.
pub const CHECKS: [Target; 13] = [
    target("latency.p50", Category::Latency, Op::Less, 100.0, "us"),
    target("latency.p95", Category::Latency, Op::Less, 500.0, "us"),
    target("latency.p99", Category::Latency, Op::Less, 1_000.0, "us"),
    target(ALL_LATENCIES, Category::Latency, Op::Less, 1.0, "of target"),
    target("throughput.no_rules", Category::Throughput, Op::Greater, 10_000.0, "events/s"),
    target("throughput.rules10", Category::Throughput, Op::Greater, 5_000.0, "events/s"),
    target("health_score.p50", Category::HotPath, Op::Less, 5_000.0, "ns"),
    target("condition.p99", Category::HotPath, Op::Less, 100.0, "ns"),
    target("extraction.100k", Category::HotPath, Op::Less, 10.0, "ms"),
    target("memory.rule1", Category::Memory, Op::Less, 1_000.0, "bytes"),
    growing("memory.rules1000", 2_500_000.0),
    growing("memory.alerts100", 100_000.0),
    target(REGRESSION, Category::Regression, Op::AtMost, 1.07, "x baseline"),
];

/// Targets of figures besides the checks.
///
/// What a program holds that keeps 1,000 rules in a [`Live`](crate::Live): for each 1,000 bytes of engine, which are the
/// target of `memory.rule1`, 1,500 of text and parsed rule, and 500 to change, save and restore it.
pub const BESIDES: [Target; 1] = [target("memory.live1000", Category::Memory, Op::Less, 3_000_000.0, "bytes")];

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was not run.
    NotRun,
    /// The whole interval is on the good side.
    Pass,
    /// The target is inside the interval, or the interval is not known.
    Inconclusive,
    /// The whole interval is on the bad side.
    Fail,
}

impl Outcome {
    /// Returns the word of machine formats.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotRun => "not_run",
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// Holds an interval against a target: pass when all of it is good, fail when none is, else inconclusive.
#[must_use]
pub fn judge(op: Op, target: f64, estimate: &Estimate) -> Outcome {
    let (best, worst) = match op {
        Op::Less | Op::AtMost => (estimate.low, estimate.high),
        // Mirrored, the same comparisons hold.
        Op::Greater => (estimate.high.map(|bound| -bound), estimate.low.map(|bound| -bound)),
    };
    let target = if op == Op::Greater { -target } else { target };
    if worst.is_some_and(|worst| worst <= target) {
        Outcome::Pass
    } else if best.is_some_and(|best| best > target) {
        Outcome::Fail
    } else {
        Outcome::Inconclusive
    }
}

/// What was measured for one check.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The check's id.
    pub id: String,
    /// The value. Unit: the check's.
    pub estimate: Estimate,
    /// The exponent with which it grows, where that was measured.
    pub exponent: Option<f64>,
    /// What the method cannot see, such as a clock that is too coarse for a single call; may be empty.
    pub note: String,
}

/// One check, done or not.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckResult {
    /// What was to be reached.
    pub target: Target,
    /// What was measured.
    pub estimate: Option<Estimate>,
    /// The exponent with which it grows.
    pub exponent: Option<f64>,
    /// The verdict.
    pub outcome: Outcome,
    /// What a reader should know; may be empty.
    pub note: String,
}

impl CheckResult {
    /// Makes the result of a check that was not run.
    #[must_use]
    pub fn not_run(target: Target, note: impl Into<String>) -> Self {
        Self { target, estimate: None, exponent: None, outcome: Outcome::NotRun, note: note.into() }
    }

    fn of(target: Target, measured: &Measured) -> Self {
        let mut outcome = judge(target.op, target.target, &measured.estimate);
        let mut notes: Vec<String> = vec![measured.note.clone()];
        if outcome == Outcome::Inconclusive && (measured.estimate.low.is_none() || measured.estimate.high.is_none()) {
            notes.push(format!("no interval below {LEAST_PROCESSES} processes"));
        }
        if let Some(limit) = target.exponent {
            let (growth, note) = match measured.exponent {
                Some(exponent) if exponent <= limit => {
                    (Outcome::Pass, format!("grows with exponent {exponent:.2} (<= {limit})"))
                }
                Some(exponent) => (Outcome::Fail, format!("grows with exponent {exponent:.2}, more than {limit}")),
                None => (Outcome::Inconclusive, "growth not measured".to_owned()),
            };
            outcome = outcome.max(growth);
            notes.push(note);
        }
        notes.retain(|note| !note.is_empty());
        Self { target, estimate: Some(measured.estimate), exponent: measured.exponent, outcome, note: notes.join("; ") }
    }
}

/// The targets of a run: those of [`CHECKS`] in their order, then those of [`BESIDES`].
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    /// In the order of all reports.
    pub(super) all: Vec<Target>,
    /// The most that the rules of a user may cost.
    pub max_costs: MaxCosts,
    /// Whether they are about the built-in workload.
    pub of_workload: bool,
}

impl Default for Targets {
    fn default() -> Self {
        let all = [&CHECKS[..], &BESIDES].concat();
        Self { all, max_costs: MaxCosts::default(), of_workload: false }
    }
}

impl Targets {
    /// Returns those of the report, asked for by name.
    #[must_use]
    pub fn of_report() -> Self {
        Self { of_workload: true, ..Self::default() }
    }

    /// Sets the ratio of the check [`REGRESSION`] from the slowdown that is tolerated.
    #[must_use]
    pub fn with_max_slowdown(mut self, max_slowdown: f64) -> Self {
        for target in self.all.iter_mut().filter(|target| target.id == REGRESSION) {
            target.target = 1.0 + max_slowdown;
        }
        self
    }

    /// Judges all checks: those that were measured, [`ALL_LATENCIES`] from its parts, and [`REGRESSION`] as it was
    /// judged elsewhere.
    #[must_use]
    pub fn check(&self, measured: &[Measured], regression: CheckResult) -> Vec<CheckResult> {
        let mut results: Vec<CheckResult> = Vec::with_capacity(CHECKS.len());
        for target in self.all.iter().take(CHECKS.len()) {
            results.push(match target.id {
                ALL_LATENCIES => all_latencies(*target, &results),
                REGRESSION => regression.clone(),
                id => match measured.iter().find(|measured| measured.id == id) {
                    Some(measured) => CheckResult::of(*target, measured),
                    None => CheckResult::not_run(*target, ""),
                },
            });
        }
        results
    }

    /// Returns the target of a check, or of a figure besides them.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Target> {
        self.all.iter().find(|target| target.id == id).copied()
    }
}

/// Judges the percentiles together: each as a share of its target, the largest share counts.
fn all_latencies(target: Target, results: &[CheckResult]) -> CheckResult {
    let parts: Vec<(&str, Estimate)> = results
        .iter()
        .filter(|result| LATENCIES.contains(&result.target.id))
        .filter_map(|result| Some((result.target.id, result.estimate?.scaled(1.0 / result.target.target))))
        .collect();
    let nearest = parts.iter().max_by(|a, b| a.1.value.total_cmp(&b.1.value));
    let Some((id, worst)) = nearest.filter(|_| parts.len() == LATENCIES.len()) else {
        return CheckResult::not_run(target, "");
    };
    let highs: Option<Vec<f64>> = parts.iter().map(|(_, part)| part.high).collect();
    let estimate = Estimate {
        value: worst.value,
        low: parts.iter().filter_map(|(_, part)| part.low).max_by(f64::total_cmp),
        high: highs.and_then(|highs| highs.into_iter().max_by(f64::total_cmp)),
    };
    let outcome = judge(target.op, target.target, &estimate);
    let note = format!("closest to its target: {id}");
    CheckResult { target, estimate: Some(estimate), exponent: None, outcome, note }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(low: f64, high: f64) -> Estimate {
        Estimate { value: (low + high) / 2.0, low: Some(low), high: Some(high) }
    }

    #[test]
    fn the_interval_decides() {
        let check = |op, low, high, expected| assert_eq!(judge(op, 100.0, &within(low, high)), expected);
        check(Op::Less, 50.0, 100.0, Outcome::Pass);
        check(Op::Less, 100.0, 101.0, Outcome::Inconclusive);
        check(Op::Less, 100.5, 101.0, Outcome::Fail);
        check(Op::Greater, 100.0, 150.0, Outcome::Pass);
        check(Op::Greater, 99.0, 150.0, Outcome::Inconclusive);
        check(Op::Greater, 50.0, 99.0, Outcome::Fail);
        let half = Estimate { high: None, ..within(50.0, 60.0) };
        assert_eq!(judge(Op::Less, 100.0, &half), Outcome::Inconclusive);
        assert_eq!(judge(Op::Less, 10.0, &half), Outcome::Fail);
        assert_eq!(judge(Op::Less, 100.0, &Estimate::bare(1.0)), Outcome::Inconclusive);
    }

    #[test]
    fn the_checks_are_judged_in_order() {
        let measured = |id: &str, low, high, exponent| Measured {
            id: id.to_owned(),
            estimate: within(low, high),
            exponent,
            note: String::new(),
        };
        let all = [
            measured("latency.p50", 50.0, 60.0, None),
            measured("latency.p95", 400.0, 600.0, None),
            measured("latency.p99", 600.0, 700.0, None),
            measured("memory.rules1000", 500.0, 500.0, Some(1.3)),
            measured("memory.alerts100", 500.0, 500.0, None),
        ];
        let targets = Targets::default();
        let regression = CheckResult::not_run(CHECKS[12], "no baseline");
        let results = targets.check(&all, regression);
        let text: Vec<String> = results
            .iter()
            .filter(|result| result.outcome != Outcome::NotRun)
            .map(|result| format!("{} {} {}", result.target.id, result.outcome.word(), result.note))
            .collect();
        assert_eq!(
            text,
            [
                "latency.p50 pass ",
                "latency.p95 inconclusive ",
                "latency.p99 pass ",
                "latency.all inconclusive closest to its target: latency.p95",
                "memory.rules1000 fail grows with exponent 1.30, more than 1.1",
                "memory.alerts100 inconclusive growth not measured",
            ]
        );
        assert!(results.iter().map(|result| result.target.id).eq(CHECKS.iter().map(|check| check.id)));
    }
}
