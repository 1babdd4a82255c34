//! `--format json`: one object, `alertctl.profile_report/1`.

use std::io::{self, Write};

use serde::Serialize;

use crate::profile::compare::RuleRef;
use crate::profile::report::{CostOf, GrownBy, ProfileReport, Totals};
use crate::profile::sample::{Inputs, Machine, Plan, Tool};
use crate::profile::stats::Estimate;
use crate::profile::targets::Outcome;
use crate::report::number::{Number, Pairs, write_json};

/// The schema and its version; keys are only added within one.
pub const SCHEMA: &str = "alertctl.profile_report/1";

/// Writes a run as one JSON object in one line.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, report: &ProfileReport) -> io::Result<()> {
    write_json(out, &document(report))?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    checks: Vec<CheckOut<'a>>,
    extras: Vec<ExtraOut<'a>>,
    rules: Vec<RuleOut<'a>>,
    totals: Option<TotalsOut<'a>>,
    stages: Vec<StageOut<'a>>,
    regression: Vec<RegressionOut<'a>>,
    changes: Vec<ChangeOut<'a>>,
    over_budget: Vec<OverOut<'a>>,
    baseline: Option<&'a str>,
    incompatible: Vec<DifferenceOut<'a>>,
    notes: &'a [String],
    created: &'a str,
    tool: &'a Tool,
    machine: &'a Machine,
    plan: &'a Plan,
    inputs: &'a Inputs,
    seed: u64,
    exit: u8,
}

type Bounds = [Option<Number>; 2];

#[derive(Serialize)]
struct CheckOut<'a> {
    id: &'a str,
    category: &'static str,
    op: &'static str,
    target: Number,
    unit: &'a str,
    estimate: Option<Number>,
    ci: Bounds,
    verdict: &'static str,
    note: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exponent: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exponent_target: Option<Number>,
}

#[derive(Serialize)]
struct ExtraOut<'a> {
    id: &'a str,
    category: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Number>,
    unit: &'a str,
    estimate: Number,
    ci: Bounds,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    note: &'a str,
}

#[derive(Serialize)]
struct RuleOut<'a> {
    file: &'a str,
    line: u32,
    group: &'a str,
    name: &'a str,
    expr: &'a str,
    every: &'a str,
    samples_per_evaluation: Number,
    samples_per_s: Number,
    share: Option<Number>,
    series: u64,
    result_series: Number,
    allocations_per_sample: Option<Number>,
    evaluation_ns: Option<Number>,
    ci: Bounds,
    stages_ns: Pairs<'a, f64>,
    growth: GrowthOut,
    note: String,
}

#[derive(Serialize)]
struct TotalsOut<'a> {
    rules: u64,
    samples_per_s: Number,
    series: u64,
    saved_by_sharing: Option<Number>,
    groups: Vec<CostOut<'a>>,
    files: Vec<CostOut<'a>>,
}

#[derive(Serialize)]
struct CostOut<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'a str,
    rules: u64,
    samples_per_s: Number,
    share: Option<Number>,
}

#[derive(Serialize)]
struct GrowthOut {
    series: Option<GrownOut>,
    window: Option<GrownOut>,
}

#[derive(Serialize)]
struct GrownOut {
    exponent: Option<Number>,
    explained: Option<Number>,
    samples_exponent: Option<Number>,
    sizes: Vec<Number>,
    note: String,
}

#[derive(Serialize)]
struct StageOut<'a> {
    stage: &'a str,
    ns: Number,
}

#[derive(Serialize)]
struct RuleRefOut<'a> {
    file: &'a str,
    line: u32,
    group: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct RegressionOut<'a> {
    id: &'a str,
    rule: Option<RuleRefOut<'a>>,
    kind: &'static str,
    unit: &'a str,
    base: Option<Number>,
    now: Option<Number>,
    ratio: Option<Number>,
    ci: Option<[Number; 2]>,
    threshold: Option<Number>,
    verdict: &'static str,
    note: &'a str,
}

#[derive(Serialize)]
struct ChangeOut<'a> {
    rule: RuleRefOut<'a>,
    verdict: &'static str,
    causes: Vec<&'a str>,
}

#[derive(Serialize)]
struct OverOut<'a> {
    id: &'a str,
    rule: Option<RuleRefOut<'a>>,
    value: Number,
    max: Number,
}

#[derive(Serialize)]
struct DifferenceOut<'a> {
    what: &'static str,
    base: &'a str,
    now: &'a str,
}

fn bounds(estimate: Option<&Estimate>) -> Bounds {
    let bound = |of: fn(&Estimate) -> Option<f64>| estimate.and_then(of).map(Number);
    [bound(|estimate| estimate.low), bound(|estimate| estimate.high)]
}

fn rule_ref(rule: &RuleRef) -> RuleRefOut<'_> {
    RuleRefOut { file: &rule.file, line: rule.line, group: &rule.group, name: &rule.name }
}

fn totals(totals: &Totals) -> TotalsOut<'_> {
    fn all(costs: &[CostOf]) -> Vec<CostOut<'_>> {
        let out = costs.iter().map(|cost| CostOut {
            file: &cost.file,
            group: &cost.group,
            rules: cost.rules,
            samples_per_s: Number(cost.samples_per_s),
            share: cost.share.map(Number),
        });
        out.collect()
    }
    TotalsOut {
        rules: totals.rules,
        samples_per_s: Number(totals.samples_per_s),
        series: totals.series,
        saved_by_sharing: totals.saved_by_sharing.map(Number),
        groups: all(&totals.groups),
        files: all(&totals.files),
    }
}

/// None where a rule has nothing to grow by.
fn grown(by: &GrownBy) -> Option<GrownOut> {
    (!by.sizes.is_empty() || by.cut.is_some()).then(|| GrownOut {
        exponent: by.time.map(|fit| Number(fit.exponent)),
        explained: by.time.map(|fit| Number(fit.explained)),
        samples_exponent: by.samples.map(|fit| Number(fit.exponent)),
        sizes: by.sizes.iter().copied().map(Number).collect(),
        note: by.missing(),
    })
}

fn document(report: &ProfileReport) -> Document<'_> {
    let checks = report.checks.iter().map(|check| CheckOut {
        id: check.target.id,
        category: check.target.category.word(),
        op: check.target.op.symbol(),
        target: Number(check.target.target),
        unit: check.target.unit,
        estimate: check.estimate.map(|estimate| Number(estimate.value)),
        ci: bounds(check.estimate.as_ref()),
        verdict: check.outcome.word(),
        note: &check.note,
        exponent: check.exponent.map(Number),
        exponent_target: check.target.exponent.map(Number),
    });
    let extras = report.extras.iter().map(|extra| ExtraOut {
        id: &extra.id,
        category: extra.category.word(),
        op: extra.target.map(|target| target.op.symbol()),
        target: extra.target.map(|target| Number(target.target)),
        unit: &extra.unit,
        estimate: Number(extra.estimate.value),
        ci: bounds(Some(&extra.estimate)),
        verdict: extra.outcome().map(Outcome::word),
        note: &extra.note,
    });
    let rules = report.rules.iter().map(|cost| RuleOut {
        file: &cost.rule.file,
        line: cost.rule.line,
        group: &cost.rule.group,
        name: &cost.rule.name,
        expr: &cost.expr,
        every: &cost.every,
        samples_per_evaluation: Number(cost.samples_per_evaluation),
        samples_per_s: Number(cost.samples_per_s),
        share: cost.share.map(Number),
        series: cost.series,
        result_series: Number(cost.result_series),
        allocations_per_sample: cost.allocations_per_sample.map(Number),
        evaluation_ns: cost.evaluation_ns.map(|estimate| Number(estimate.value)),
        ci: bounds(cost.evaluation_ns.as_ref()),
        stages_ns: Pairs(&cost.stages),
        growth: GrowthOut { series: grown(&cost.growth_series), window: grown(&cost.growth_window) },
        note: cost.finding(),
    });
    let regression = report.compared().iter().map(|metric| RegressionOut {
        id: &metric.id,
        rule: metric.rule.as_ref().map(rule_ref),
        kind: metric.kind.word(),
        unit: &metric.unit,
        base: metric.decision.base.map(Number),
        now: metric.decision.now.map(Number),
        ratio: metric.decision.ratio.map(Number),
        ci: metric.decision.interval.map(|(low, high)| [Number(low), Number(high)]),
        threshold: metric.decision.threshold.map(Number),
        verdict: metric.decision.verdict.word(),
        note: &metric.decision.note,
    });
    let changes = report.comparison.iter().flat_map(|comparison| &comparison.rules).map(|change| ChangeOut {
        rule: rule_ref(&change.rule),
        verdict: change.verdict.word(),
        causes: change.causes.iter().map(|cause| cause.text.as_str()).collect(),
    });
    let over = report.over.iter().map(|over| OverOut {
        id: over.id,
        rule: over.rule.as_ref().map(rule_ref),
        value: Number(over.value),
        max: Number(over.most),
    });
    let incompatible = report.incompatible.iter();
    Document {
        schema: SCHEMA,
        checks: checks.collect(),
        extras: extras.collect(),
        rules: rules.collect(),
        totals: report.totals.as_ref().map(totals),
        stages: report.stages.iter().map(|(stage, ns)| StageOut { stage, ns: Number(*ns) }).collect(),
        regression: regression.collect(),
        changes: changes.collect(),
        over_budget: over.collect(),
        baseline: report.baseline.as_deref(),
        incompatible: incompatible
            .map(|difference| DifferenceOut { what: difference.what, base: &difference.base, now: &difference.now })
            .collect(),
        notes: &report.notes,
        created: &report.created,
        tool: &report.tool,
        machine: &report.machine,
        plan: &report.plan,
        inputs: &report.inputs,
        seed: report.seed,
        exit: report.exit(),
    }
}
