//! What rules cost, by rule and in total, put together from what was timed, counted and grown.

use std::collections::BTreeMap;

use super::compare::RuleRef;
use super::protocol::{Counted, Grown, Staged};
use super::report::{CostOf, GrownBy, RuleCost, Totals};
use super::rule_bench::{RULE_RESULTS, RULE_SAMPLES_PER_S, RULE_SERIES, RULE_TIME, RUN_SAMPLES_PER_S, RUN_SERIES};
use super::sample::{Measurement, RuleText};
use super::stats::Estimate;

impl RuleCost {
    /// Returns what each rule costs, the one that a server reads most for first.
    #[must_use]
    pub fn of_all(now: &Measurement, counted: &[Counted], grown: &[Grown], staged: &Staged) -> Vec<Self> {
        let mut by_rule: BTreeMap<(usize, &str), f64> = BTreeMap::new();
        for one in counted {
            by_rule.extend(one.rule.map(|rule| ((rule, one.id.as_str()), one.value)));
        }
        let count = |rule: usize, id: &str| by_rule.get(&(rule, id)).copied();
        let all: f64 = (0..now.rules.len()).filter_map(|rule| count(rule, RULE_SAMPLES_PER_S)).sum();
        let one = |(at, rule): (usize, &RuleText)| {
            let grown = grown.iter().find(|grown| grown.rule == at);
            let per_s = count(at, RULE_SAMPLES_PER_S).unwrap_or(0.0);
            Self {
                rule: RuleRef::of(rule),
                expr: rule.expr.clone(),
                every: rule.every.clone(),
                too_short: rule.reach_ms > now.inputs.span_ms,
                enabled: rule.enabled,
                samples_per_evaluation: count(at, "rule.samples").unwrap_or(0.0),
                samples_per_s: per_s,
                share: (all > 0.0).then(|| per_s / all),
                series: count(at, RULE_SERIES).unwrap_or(0.0) as u64,
                result_series: count(at, RULE_RESULTS).unwrap_or(0.0),
                allocations_per_sample: count(at, "rule.allocs"),
                evaluation_ns: time_of(now, at),
                stages: staged.rules.get(at).cloned().unwrap_or_default(),
                growth_series: grown.map_or_else(GrownBy::default, |grown| GrownBy::of(&grown.series)),
                growth_window: grown.map_or_else(GrownBy::default, |grown| GrownBy::of(&grown.window)),
            }
        };
        let mut costs: Vec<Self> = now.rules.iter().enumerate().map(one).collect();
        costs.sort_by(|a, b| b.samples_per_s.total_cmp(&a.samples_per_s));
        costs
    }
}

impl Totals {
    /// Adds up what rules cost; `None` without a rule.
    #[must_use]
    pub fn of(costs: &[RuleCost], counted: &[Counted], staged: &Staged) -> Option<Self> {
        if costs.is_empty() {
            return None;
        }
        let series = counted.iter().find(|one| one.rule.is_none() && one.id == RUN_SERIES);
        let saved = (staged.apart_ns > 0).then(|| 1.0 - staged.together_ns as f64 / staged.apart_ns as f64);
        Some(Self {
            rules: costs.len() as u64,
            samples_per_s: counted.iter().find(|one| one.id == RUN_SAMPLES_PER_S).map_or(0.0, |one| one.value),
            series: series.map_or(0, |one| one.value as u64),
            saved_by_sharing: saved,
            groups: by(costs, |rule| (rule.file.clone(), rule.group.clone())),
            files: by(costs, |rule| (rule.file.clone(), String::new())),
        })
    }
}

/// Adds costs up by a file and a group, the dearest first.
fn by(costs: &[RuleCost], of: impl Fn(&RuleRef) -> (String, String)) -> Vec<CostOf> {
    let mut all: BTreeMap<(String, String), CostOf> = BTreeMap::new();
    let total: f64 = costs.iter().map(|cost| cost.samples_per_s).sum();
    for cost in costs {
        let (file, group) = of(&cost.rule);
        let empty = CostOf { file: file.clone(), group: group.clone(), ..CostOf::default() };
        let one = all.entry((file, group)).or_insert(empty);
        one.rules += 1;
        one.samples_per_s += cost.samples_per_s;
    }
    let mut all: Vec<CostOf> = all.into_values().collect();
    all.iter_mut().for_each(|one| one.share = (total > 0.0).then(|| one.samples_per_s / total));
    all.sort_by(|a, b| b.samples_per_s.total_cmp(&a.samples_per_s));
    all
}

fn time_of(now: &Measurement, rule: usize) -> Option<Estimate> {
    let metrics = now.metric(RULE_TIME, Some(rule));
    let processes: Vec<f64> = metrics.iter().flat_map(|metric| metric.per_process.p10.iter().copied()).collect();
    Estimate::of_processes(&processes)
}
