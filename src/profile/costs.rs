//! What each rule costs, put together from what was timed, counted and grown.

use super::compare::RuleRef;
use super::protocol::{Counted, Grown, Staged};
use super::report::{GrownBy, RuleCost};
use super::rule_bench::RULE_TIME;
use super::sample::{Measurement, RuleText};
use super::stats::Estimate;

impl RuleCost {
    /// Returns what each rule costs, the one that reads most first.
    #[must_use]
    pub fn of_all(now: &Measurement, counted: &[Counted], grown: &[Grown], staged: &Staged) -> Vec<Self> {
        let times: Vec<Option<Estimate>> = (0..now.rules.len()).map(|rule| time_of(now, rule)).collect();
        let sum: f64 = times.iter().flatten().map(|estimate| estimate.value).sum();
        let one = |(at, rule): (usize, &RuleText)| {
            let count = |id: &str| counted.iter().find(|one| one.id == id && one.rule == Some(at)).map(|one| one.value);
            let grown = grown.iter().find(|grown| grown.rule == at);
            Self {
                rule: RuleRef::of(rule),
                expr: rule.expr.clone(),
                samples_per_evaluation: count("rule.samples").unwrap_or(0.0),
                series: count("rule.series").unwrap_or(0.0) as u64,
                result_series: count("rule.results").unwrap_or(0.0),
                allocations_per_sample: count("rule.allocs"),
                evaluation_ns: times[at],
                share: times[at].filter(|_| sum > 0.0).map(|estimate| estimate.value / sum),
                stages: staged.rules.get(at).cloned().unwrap_or_default(),
                growth_series: grown.map_or_else(GrownBy::default, |grown| GrownBy::of(&grown.series)),
                growth_window: grown.map_or_else(GrownBy::default, |grown| GrownBy::of(&grown.window)),
            }
        };
        let mut costs: Vec<Self> = now.rules.iter().enumerate().map(one).collect();
        costs.sort_by(|a, b| b.samples_per_evaluation.total_cmp(&a.samples_per_evaluation));
        costs
    }
}

fn time_of(now: &Measurement, rule: usize) -> Option<Estimate> {
    let metrics = now.metric(RULE_TIME, Some(rule));
    let processes: Vec<f64> = metrics.iter().flat_map(|metric| metric.per_process.p10.iter().copied()).collect();
    Estimate::of_processes(&processes)
}
