//! `diff --format json`: one object with everything, `alertctl.diff/1`.

use std::io::{self, Write};

use serde::Serialize;

use super::View;
use crate::diff::gate::Condition;
use crate::diff::{Difference, EpisodeDifference, Kind, RuleDifference, SideRule, Stay};
use crate::outcome;
use crate::report::json::{SEMANTICS, Tool};
use crate::report::number::{At, Labels, Pairs, Seconds, write_json};
use crate::rules::changes::CauseKind;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool<'a>,
    options: OptionsOut<'a>,
    range: RangeOut,
    recordings: Vec<&'a str>,
    before: &'a str,
    after: &'a str,
    rules: Vec<RuleOut<'a>>,
    totals: TotalsOut,
    gate: GateOut,
}

#[derive(Serialize)]
struct OptionsOut<'a> {
    tolerance_s: Seconds,
    eval_interval: String,
    lookback_delta: String,
    external_labels: Labels<'a>,
    alert: Option<&'a str>,
    group: Option<&'a str>,
    r#where: Option<&'a str>,
    start: Option<At>,
    end: Option<At>,
}

#[derive(Serialize)]
struct RangeOut {
    data_start: Option<At>,
    data_end: Option<At>,
    evaluated_from: Option<At>,
    evaluated_to: Option<At>,
}

#[derive(Serialize)]
struct RuleOut<'a> {
    status: &'static str,
    affected: bool,
    changes: Vec<ChangeOut<'a>>,
    reads: &'a [String],
    before: Option<SideOut<'a>>,
    after: Option<SideOut<'a>>,
    label_sets: SetsOut<'a>,
    differences: Vec<DifferenceOut<'a>>,
}

#[derive(Serialize)]
struct ChangeOut<'a> {
    kind: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct SideOut<'a> {
    kind: &'static str,
    alert: Option<&'a str>,
    record: Option<&'a str>,
    group: &'a str,
    file: &'a str,
    line: u32,
    severity: Option<&'a str>,
    expr: &'a str,
    for_s: Seconds,
    keep_firing_for_s: Seconds,
    labels: Pairs<'a, String>,
    firings: u64,
    label_sets: u64,
    bursts: u64,
    near_misses: u64,
    firing_s: Seconds,
    failed_evaluations: u64,
}

#[derive(Serialize)]
struct SetsOut<'a> {
    only_before: Vec<Labels<'a>>,
    only_after: Vec<Labels<'a>>,
}

#[derive(Serialize)]
struct DifferenceOut<'a> {
    kinds: Vec<&'static str>,
    labels: Labels<'a>,
    later_s: Option<Seconds>,
    before: Vec<EpisodeOut<'a>>,
    after: Vec<EpisodeOut<'a>>,
}

#[derive(Serialize)]
struct EpisodeOut<'a> {
    labels: Labels<'a>,
    active_at: At,
    fired_at: Option<At>,
    resolved_at: Option<At>,
    firing_s: Seconds,
    began: &'static str,
}

#[derive(Serialize)]
struct TotalsOut {
    firings_before: u64,
    firings_after: u64,
    firing_before_s: Seconds,
    firing_after_s: Seconds,
    firings_lost: u64,
    firings_new: u64,
    alerts_that_differ: u64,
    rules_unchanged: u64,
    rules_changed: u64,
    rules_added: u64,
    rules_removed: u64,
}

#[derive(Serialize)]
struct GateOut {
    fail_on: Vec<String>,
    met: Vec<String>,
    exit: u8,
}

/// Writes a comparison as one JSON object in one line.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, difference: &Difference, view: &View) -> io::Result<()> {
    write_json(out, &document(difference, view))?;
    out.write_all(b"\n")
}

fn document<'a>(difference: &'a Difference, view: &'a View) -> Document<'a> {
    let Difference { run, selection, totals, .. } = difference;
    let met: Vec<String> = difference.met().iter().map(ToString::to_string).collect();
    Document {
        schema: "alertctl.diff/1",
        tool: Tool { version: &run.version, semantics: SEMANTICS },
        options: OptionsOut {
            tolerance_s: Seconds(difference.tolerance),
            eval_interval: run.options.eval_interval.value.to_string(),
            lookback_delta: run.options.lookback_delta.value.to_string(),
            external_labels: Labels(&run.options.external_labels.value),
            alert: selection.alert.as_ref().map(|pattern| pattern.text.as_str()),
            group: selection.group.as_ref().map(|pattern| pattern.text.as_str()),
            r#where: selection.filter.as_ref().map(|filter| filter.text.as_str()),
            start: selection.start.map(At),
            end: run.options.end.map(At),
        },
        range: RangeOut {
            data_start: run.range.data_start.map(At),
            data_end: run.range.data_end.map(At),
            evaluated_from: run.range.evaluated_from.map(At),
            evaluated_to: run.range.evaluated_to.map(At),
        },
        recordings: run.recordings.iter().map(|facts| facts.path.as_str()).collect(),
        before: &view.before,
        after: &view.after,
        rules: difference.rules.iter().map(rule).collect(),
        totals: TotalsOut {
            firings_before: totals.before,
            firings_after: totals.after,
            firing_before_s: Seconds(totals.firing_before),
            firing_after_s: Seconds(totals.firing_after),
            firings_lost: totals.lost,
            firings_new: totals.new,
            alerts_that_differ: totals.differ,
            rules_unchanged: totals.unchanged,
            rules_changed: totals.changed,
            rules_added: totals.added,
            rules_removed: totals.removed,
        },
        gate: GateOut {
            fail_on: difference.fail_on.iter().map(Condition::to_string).collect(),
            exit: difference.exit(),
            met,
        },
    }
}

fn rule(rule: &RuleDifference) -> RuleOut<'_> {
    RuleOut {
        status: rule.status.word(),
        affected: rule.affected,
        changes: rule.changes.iter().map(|cause| ChangeOut { kind: word(cause.kind), text: &cause.text }).collect(),
        reads: &rule.reads,
        before: rule.before.as_ref().map(side),
        after: rule.after.as_ref().map(side),
        label_sets: SetsOut {
            only_before: rule.sets_lost.iter().map(Labels).collect(),
            only_after: rule.sets_new.iter().map(Labels).collect(),
        },
        differences: rule.differences.iter().map(episodes).collect(),
    }
}

fn word(kind: CauseKind) -> &'static str {
    match kind {
        CauseKind::Interval => "interval",
        CauseKind::Window => "window",
        CauseKind::Selector => "selector",
        CauseKind::Operator => "operator",
        CauseKind::Constant => "constant",
        CauseKind::Place => "place",
        CauseKind::Text => "text",
    }
}

fn side(side: &SideRule) -> SideOut<'_> {
    let SideRule { facts, group, sums } = side;
    let name = |kind| (facts.kind == kind).then_some(facts.name.as_str());
    let (alert, record) = (name(outcome::Kind::Alert), name(outcome::Kind::Record));
    SideOut {
        kind: if alert.is_some() { "alert" } else { "record" },
        alert,
        record,
        group,
        file: &facts.file,
        line: facts.line,
        severity: facts.severity.as_deref(),
        expr: &facts.expr,
        for_s: Seconds(facts.hold),
        keep_firing_for_s: Seconds(facts.keep),
        labels: Pairs(&facts.labels),
        firings: sums.firings,
        label_sets: sums.label_sets,
        bursts: sums.bursts,
        near_misses: sums.near_misses,
        firing_s: Seconds(sums.firing),
        failed_evaluations: facts.failed(),
    }
}

fn episodes(one: &EpisodeDifference) -> DifferenceOut<'_> {
    DifferenceOut {
        kinds: one.kinds.iter().copied().map(Kind::word).collect(),
        labels: Labels(&one.labels),
        later_s: one.later.map(Seconds),
        before: one.before.iter().map(episode).collect(),
        after: one.after.iter().map(episode).collect(),
    }
}

fn episode(stay: &Stay) -> EpisodeOut<'_> {
    EpisodeOut {
        labels: Labels(&stay.labels),
        active_at: At(stay.active_at),
        fired_at: stay.fired_at.map(At),
        resolved_at: stay.resolved_at.map(At),
        firing_s: Seconds(stay.firing),
        began: stay.began.word(),
    }
}
