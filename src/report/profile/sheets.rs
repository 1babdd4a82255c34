//! The tables of a run, as rows of text; how they are drawn is up to the format.

use super::words;
use crate::format;
use crate::profile::compare::{Compared, RuleRef};
use crate::profile::gate::{Verdict, percent};
use crate::profile::protocol::Cut;
use crate::profile::report::{CostOf, Extra, GrownBy, ProfileReport, RuleCost};
use crate::profile::sample::{Tool, every_word};
use crate::profile::stats::Growth;
use crate::profile::targets::{Category, CheckResult, Outcome};
use crate::report::table::grid::Tone;

/// One column: its title, whether it holds numbers, and when it goes as the terminal narrows (0 never).
pub(crate) type Title = (&'static str, bool, u8);

/// One table.
pub(crate) struct Sheet {
    pub(crate) title: String,
    pub(crate) columns: Vec<Title>,
    pub(crate) rows: Vec<Vec<(String, Tone)>>,
    /// Lines under the table.
    pub(crate) below: Vec<String>,
}

/// Returns the tables that have something to show, in order.
pub(crate) fn sheets(report: &ProfileReport, top: usize, wide: bool) -> Vec<Sheet> {
    let top = if top == 0 { usize::MAX } else { top };
    let mut sheets: Vec<Sheet> = Vec::new();
    for category in Category::ALL.into_iter().filter(|category| *category != Category::Regression) {
        sheets.push(category_sheet(report, category));
    }
    sheets.push(rules(&report.rules, top, wide));
    if let Some(totals) = &report.totals {
        sheets.push(costs_of(&totals.groups, "group", top));
        sheets.push(costs_of(&totals.files, "file", top));
    }
    sheets.push(stages(report));
    sheets.push(regression(report, top));
    sheets.push(changes(report));
    sheets.push(targets(report));
    sheets.retain(|sheet| !sheet.rows.is_empty());
    sheets
}

fn plain(text: impl Into<String>) -> (String, Tone) {
    (text.into(), Tone::Plain)
}

fn faint(text: impl Into<String>) -> (String, Tone) {
    (text.into(), Tone::Faint)
}

fn outcome(outcome: Outcome) -> (String, Tone) {
    let tone = match outcome {
        Outcome::Fail => Tone::Bad,
        Outcome::Inconclusive => Tone::Uneasy,
        Outcome::NotRun => Tone::Faint,
        Outcome::Pass => Tone::Plain,
    };
    (words::outcome(outcome).to_owned(), tone)
}

fn verdict(verdict: Verdict) -> (String, Tone) {
    let tone = match verdict {
        Verdict::Regression | Verdict::Incompatible => Tone::Bad,
        Verdict::Inconclusive | Verdict::Changed | Verdict::Accepted => Tone::Uneasy,
        Verdict::Advisory | Verdict::Gone => Tone::Faint,
        Verdict::Ok | Verdict::Improved | Verdict::New => Tone::Plain,
    };
    (verdict.word().to_owned(), tone)
}

fn category_sheet(report: &ProfileReport, category: Category) -> Sheet {
    let checks = report.checks.iter().filter(|check| check.target.category == category);
    let mut rows: Vec<Vec<(String, Tone)>> = checks.map(check_row).collect();
    rows.extend(report.extras.iter().filter(|extra| extra.category == category).map(extra_row));
    let columns = vec![
        (if category == Category::Throughput { "SCENARIO" } else { "METRIC" }, false, 0),
        ("TARGET", true, 1),
        ("MEASURED", true, 0),
        ("95 % INTERVAL", true, 2),
        ("STATUS", false, 0),
        ("NOTE", false, 0),
    ];
    Sheet { title: category.title().to_owned(), columns, rows, below: Vec::new() }
}

fn check_row(check: &CheckResult) -> Vec<(String, Tone)> {
    let unit = check.target.unit;
    vec![
        plain(check.target.id),
        plain(words::target(&check.target)),
        plain(words::measured(check.estimate.as_ref(), unit)),
        plain(words::interval(check.estimate.as_ref(), unit)),
        outcome(check.outcome),
        faint(check.note.clone()),
    ]
}

fn extra_row(extra: &Extra) -> Vec<(String, Tone)> {
    let estimate = Some(&extra.estimate);
    vec![
        plain(extra.id.clone()),
        plain(extra.target.as_ref().map_or("-".to_owned(), words::target)),
        plain(words::measured(estimate, &extra.unit)),
        plain(words::interval(estimate, &extra.unit)),
        extra.outcome().map_or_else(|| faint("extra"), outcome),
        faint(extra.note.clone()),
    ]
}

fn hidden(all: usize, shown: usize, noun: &str) -> Vec<String> {
    let left = all.saturating_sub(shown) as u64;
    (left > 0).then(|| format!("{} hidden: --top 0 shows all", format::counted(left, noun))).into_iter().collect()
}

fn rules(costs: &[RuleCost], top: usize, wide: bool) -> Sheet {
    // Adding 0 makes a 0 of -0.
    let rounded = |exponent: f64| (exponent * 100.0).round() / 100.0 + 0.0;
    let exponent = |fit: Option<Growth>| fit.map_or("-".to_owned(), |fit| format!("{:.2}", rounded(fit.exponent)));
    let growth = |by: &GrownBy| match (by.samples, by.time) {
        (None, None) => "-".to_owned(),
        (samples, time) => format!("{} / {}", exponent(samples), exponent(time)),
    };
    let timed = costs.iter().any(|cost| cost.evaluation_ns.is_some());
    let row = |cost: &RuleCost| {
        let number = |value: f64| plain(format::value(value));
        let mut row = vec![
            plain(cost.rule.name.clone()),
            plain(format!("{}:{}", cost.rule.file, cost.rule.line)),
            plain(every_word(&cost.every)),
            number(cost.samples_per_evaluation),
            number(cost.samples_per_s),
            plain(share(cost.share)),
            plain(format::short_count(cost.series)),
        ];
        if timed {
            row.push(plain(words::measured(cost.evaluation_ns.as_ref(), "ns")));
        }
        if wide {
            row.push(number(cost.result_series));
            row.push(plain(cost.allocations_per_sample.map_or("-".to_owned(), format::value)));
            row.push(plain(growth(&cost.growth_series)));
            row.push(plain(growth(&cost.growth_window)));
        }
        row.push((cost.finding(), Tone::Uneasy));
        row
    };
    let mut columns = vec![
        ("RULE", false, 0),
        ("PLACE", false, 3),
        ("EVERY", false, 1),
        ("SAMPLES/EVAL", true, 2),
        ("SAMPLES/S", true, 0),
        ("% OF ALL", true, 0),
        ("SERIES", true, 1),
    ];
    if timed {
        columns.push(("ALERTCTL TIME", true, 4));
    }
    if wide {
        columns.extend([
            ("RESULT", true, 6),
            ("ALLOCS/SAMPLE", true, 5),
            ("BY SERIES", true, 7),
            ("BY WINDOW", true, 8),
        ]);
    }
    columns.push(("NOTE", false, 0));
    let rows: Vec<_> = costs.iter().take(top).map(row).collect();
    let mut below = hidden(costs.len(), rows.len(), "rule");
    if timed {
        below.push("ALERTCTL TIME is that of one evaluation in alertctl, which is not a server's".to_owned());
    }
    if wide && costs.iter().any(|cost| cost.growth_series.samples.is_some()) {
        below.push(
            "BY SERIES, BY WINDOW: growth exponents of the samples a server reads / of alertctl's time".to_owned(),
        );
        let short = costs.iter().filter(|cost| cost.growth_window.cut == Some(Cut::Recording)).count();
        if short > 0 {
            let rules = format::counted(short as u64, "rule");
            below.push(format!("BY WINDOW of {rules} has fewer sizes than 1x, 2x, 4x, 8x: the recording is too short"));
        }
    }
    let cut = costs.iter().filter(|cost| cost.is_cut()).count();
    if cut > 0 {
        let rules = format::counted(cut as u64, "rule");
        below.push(format!("how {rules} grow was not measured at all sizes: --time-budget was used up"));
    }
    Sheet { title: "Cost by rule".to_owned(), columns, rows, below }
}

/// Writes a share; one that is not zero is never written as zero.
fn share(share: Option<f64>) -> String {
    match share {
        None => "-".to_owned(),
        Some(share) if share > 0.0 && share < 0.000_5 => "< 0.1 %".to_owned(),
        Some(share) => percent(share),
    }
}

/// Shows what groups or files cost, where there are several.
fn costs_of(costs: &[CostOf], what: &str, top: usize) -> Sheet {
    let row = |cost: &CostOf| {
        let names = [&cost.group, &cost.file].into_iter().filter(|name| !name.is_empty());
        let mut row: Vec<_> = names.map(|name| plain(name.clone())).collect();
        row.push(plain(format::count(cost.rules)));
        row.push(plain(format::value(cost.samples_per_s)));
        row.push(plain(share(cost.share)));
        row
    };
    let rows: Vec<_> = costs.iter().take(if costs.len() > 1 { top } else { 0 }).map(row).collect();
    let below = if rows.is_empty() { Vec::new() } else { hidden(costs.len(), rows.len(), what) };
    let mut columns =
        if what == "group" { vec![("GROUP", false, 0), ("FILE", false, 1)] } else { vec![("FILE", false, 0)] };
    columns.extend([("RULES", true, 0), ("SAMPLES/S", true, 0), ("% OF ALL", true, 0)]);
    Sheet { title: format!("Cost by {what}"), columns, rows, below }
}

fn stages(report: &ProfileReport) -> Sheet {
    let total: f64 = report.stages.iter().map(|(_, ns)| ns).sum();
    let share = |ns: f64| if total > 0.0 { percent(ns / total) } else { "-".to_owned() };
    let rows = report.stages.iter();
    let rows = rows.map(|(name, ns)| vec![plain(name.clone()), plain(words::amount(*ns, "ns")), plain(share(*ns))]);
    let columns = vec![("STAGE", false, 0), ("ALERTCTL TIME", true, 0), ("SHARE", true, 0)];
    Sheet { title: "Time by stage".to_owned(), columns, rows: rows.collect(), below: Vec::new() }
}

fn place(rule: Option<&RuleRef>) -> String {
    rule.map_or("-".to_owned(), |rule| format!("{} {}:{}", rule.name, rule.file, rule.line))
}

/// Returns where a metric stands in a report: what is worse first, what is exact before a time, and what grew most.
pub(crate) fn rank(metric: &Compared) -> (u8, bool, std::cmp::Reverse<u64>) {
    let rank = match metric.decision.verdict {
        Verdict::Regression => 0,
        Verdict::Accepted => 1,
        Verdict::Incompatible => 2,
        Verdict::Changed => 3,
        Verdict::Improved => 4,
        Verdict::Inconclusive => 5,
        Verdict::Advisory => 6,
        Verdict::New | Verdict::Gone => 7,
        Verdict::Ok => 8,
    };
    (rank, !metric.kind.is_exact(), std::cmp::Reverse(words::more(metric).max(0.0).to_bits()))
}

/// Shows all regressions, and of the others as many as `top` leaves room for, those to look at first.
fn regression(report: &ProfileReport, top: usize) -> Sheet {
    let mut metrics: Vec<&Compared> = report.compared().iter().collect();
    metrics.sort_by_key(|metric| rank(metric));
    let failed = metrics.iter().filter(|metric| metric.decision.verdict == Verdict::Regression).count();
    let shown = metrics.iter().take(top.max(failed));
    let row = |metric: &&Compared| {
        let decision = &metric.decision;
        vec![
            plain(metric.id.clone()),
            plain(place(metric.rule.as_ref())),
            plain(words::side(decision.base, metric)),
            plain(words::side(decision.now, metric)),
            plain(words::ratio(decision.ratio)),
            plain(words::ratio(decision.threshold)),
            verdict(decision.verdict),
            faint(decision.note.clone()),
        ]
    };
    let rows: Vec<_> = shown.map(row).collect();
    let columns = vec![
        ("METRIC", false, 0),
        ("RULE", false, 0),
        ("BASE", true, 1),
        ("NOW", true, 0),
        ("RATIO", true, 0),
        ("THRESHOLD", true, 2),
        ("VERDICT", false, 0),
        ("NOTE", false, 0),
    ];
    let against = report.baseline.as_ref().map_or(String::new(), |name| format!(", against {name}"));
    let below = hidden(metrics.len(), rows.len(), "metric");
    Sheet { title: format!("Regression{against}"), columns, rows, below }
}

fn changes(report: &ProfileReport) -> Sheet {
    let changes = report.comparison.iter().flat_map(|comparison| &comparison.rules);
    let row = |change: &crate::profile::compare::RuleChange| {
        let causes = crate::rules::changes::sentence(&change.causes);
        vec![plain(place(Some(&change.rule))), verdict(change.verdict), plain(causes)]
    };
    let columns = vec![("RULE", false, 0), ("VERDICT", false, 0), ("CAUSE", false, 0)];
    Sheet { title: "Rules that differ".to_owned(), columns, rows: changes.map(row).collect(), below: Vec::new() }
}

fn targets(report: &ProfileReport) -> Sheet {
    let row = |check: &CheckResult| {
        vec![
            plain(check.target.category.title()),
            plain(check.target.id),
            plain(words::target(&check.target)),
            plain(words::measured(check.estimate.as_ref(), check.target.unit)),
            plain(words::delta(check)),
            outcome(check.outcome),
        ]
    };
    let columns = vec![
        ("CATEGORY", false, 2),
        ("CHECK", false, 0),
        ("TARGET", true, 1),
        ("ACHIEVED", true, 0),
        ("DELTA", true, 3),
        ("STATUS", false, 0),
    ];
    let rows: Vec<_> = report.checks.iter().map(row).collect();
    Sheet { title: "Comparison against targets".to_owned(), columns, rows, below: vec![verdict_counts(&report.checks)] }
}

/// Counts the checks by verdict: `11 pass, 1 fail, 1 not run`.
pub(crate) fn verdict_counts(checks: &[CheckResult]) -> String {
    let order = [Outcome::Pass, Outcome::Fail, Outcome::Inconclusive, Outcome::NotRun];
    let counts = order.map(|outcome| (outcome, checks.iter().filter(|check| check.outcome == outcome).count()));
    let told = counts.iter().filter(|(_, count)| *count > 0);
    told.map(|(outcome, count)| format!("{count} {}", words::outcome(*outcome))).collect::<Vec<_>>().join(", ")
}

fn build(tool: &Tool) -> String {
    let mut parts = vec![format!("alertctl {}", tool.version)];
    parts.extend(tool.git.as_ref().map(|commit| format!("commit {commit}")));
    parts.push(tool.opt.clone());
    if !tool.features.is_empty() {
        parts.push(format!("features {}", tool.features.join(" ")));
    }
    parts.push(format!("rustc {}", tool.rustc));
    // Enough to tell two programs apart; json has all of it.
    parts.push(format!("sha256 {}", tool.binary_sha256.get(..12).unwrap_or(&tool.binary_sha256)));
    parts.join(", ")
}

/// Returns what the figures depend on, a pair a line.
pub(crate) fn environment(report: &ProfileReport) -> Vec<(&'static str, String)> {
    let (machine, plan, inputs, tool) = (&report.machine, &report.plan, &report.inputs, &report.tool);
    let quota = machine.cpu_quota.map_or(String::new(), |quota| format!(", quota {quota}"));
    // The batches of rules are as long as the time budget lets them be.
    let length = if report.checks.is_empty() { String::new() } else { format!(" of {} us", plan.batch_us) };
    let warmup = match plan.warmup_rounds {
        1 => "1 warm-up batch".to_owned(),
        many => format!("{many} warm-up batches"),
    };
    let mut lines = vec![
        (
            "machine",
            format!(
                "{}, {} vcpus{quota}, {}, {} {}",
                machine.cpu_model, machine.vcpus, machine.virt, machine.os, machine.kernel
            ),
        ),
        (
            "clock",
            format!(
                "{}, grain {}, {} per reading",
                machine.clocksource,
                words::amount(machine.timer_grain_ns, "ns"),
                words::amount(machine.timer_cost_ns, "ns")
            ),
        ),
        (
            "plan",
            format!(
                "{} processes x {} batches{length} after {warmup}, seed {}",
                plan.processes, plan.rounds, report.seed
            ),
        ),
        (
            "inputs",
            format!(
                "{}, {} series, {} samples",
                format::counted(inputs.rules, "rule"),
                format::short_count(inputs.series),
                format::short_count(inputs.samples)
            ),
        ),
        ("build", build(tool)),
    ];
    let timed = !report.checks.is_empty() || !plan.iters.is_empty();
    lines.retain(|(name, _)| timed || *name != "plan");
    lines
}
