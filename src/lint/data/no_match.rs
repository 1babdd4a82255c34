//! An operator whose sides both have series, of which no pair matches.

use std::collections::{BTreeMap, BTreeSet};

use super::super::evidence::{Evidence, Probe};
use super::super::subject::Place;
use super::super::{Check, Found, Lint, Page};
use super::misses::listed;
use super::parts::{is_dead, limit, operator, requires, unfiltered};
use crate::diagnostic::{Severity, codes};
use crate::format::counted;
use crate::labels::{LabelSet, METRIC_NAME};
use crate::outcome::RuleFacts;
use crate::promql::ast::{Binary, BinaryOp, Expr, ExprKind, Group, Matching, Side, Type};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::NO_MATCH,
    page: Page {
        why: "An operator between two vectors pairs series whose labels are equal, all of them, or those that `on (..)` \
              names, or all but those that `ignoring (..)` names. Here both sides have series and not one pair is equal at \
              any of the times that were looked at: all evaluations, or 2000 of them. The expression has no result, and the \
              alert never fires.\n\n\
              Match by labels that both sides have with the same values. Where one side has several series for each of \
              the other, add `group_left ()` or `group_right ()`.",
        bad: "\
- alert: QueueFull
  expr: queue_depth / queue_size > 0.9
  for: 2m
",
        clean: "\
- alert: QueueFull
  expr: queue_depth / ignoring (unit) queue_size > 0.9
  for: 2m
",
        data: "\
time,metric,host,unit,value
2026-01-05T00:00:00Z,queue_depth,a,,20
2026-01-05T00:00:00Z,queue_size,a,messages,100
2026-01-05T00:01:00Z,queue_depth,a,,95
2026-01-05T00:01:00Z,queue_size,a,messages,100
2026-01-05T00:02:00Z,queue_depth,a,,95
2026-01-05T00:02:00Z,queue_size,a,messages,100
2026-01-05T00:03:00Z,queue_depth,a,,95
2026-01-05T00:03:00Z,queue_size,a,messages,100
2026-01-05T00:04:00Z,queue_depth,a,,97
2026-01-05T00:04:00Z,queue_size,a,messages,100
2026-01-05T00:05:00Z,queue_depth,a,,10
2026-01-05T00:05:00Z,queue_size,a,messages,100
",
    },
    check: Check::Data(check),
};

/// The most label sets of a side that are looked at.
const MOST: usize = 10_000;

/// The labels by which series are matched where nothing is written.
static PLAIN: Matching = Matching { on: false, labels: Vec::new(), group: None, fill_left: None, fill_right: None };

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, facts) in evidence.rules() {
        place.rule.expr.walk(&mut |expr| {
            if let ExprKind::Binary(binary) = &expr.kind
                && binary.lhs.ty() == Type::Vector
                && binary.rhs.ty() == Type::Vector
                && binary.op != BinaryOp::Or
            {
                joined(evidence, (&place, facts), (expr, binary), found);
            }
        });
    }
}

/// Returns the label sets that a side has at any step, without names.
fn side(probe: &Probe) -> Option<BTreeSet<LabelSet>> {
    let all: BTreeSet<LabelSet> = probe.labels().take(MOST).map(LabelSet::without_metric).collect();
    (!probe.failed && !all.is_empty()).then_some(all)
}

/// Returns the part of a label set that is matched.
fn key(matching: &Matching, labels: &LabelSet) -> LabelSet {
    labels.filter(|name| name != METRIC_NAME && matching.on == matching.labels.iter().any(|label| label == name))
}

/// Returns whether no pair of two sides matches.
pub(in crate::lint) fn is_apart(matching: &Matching, left: &BTreeSet<LabelSet>, right: &BTreeSet<LabelSet>) -> bool {
    let keys: BTreeSet<LabelSet> = left.iter().map(|labels| key(matching, labels)).collect();
    right.iter().all(|labels| !keys.contains(&key(matching, labels)))
}

/// Returns whether the run itself shows that an operator had a result.
fn has_result(place: &Place<'_>, facts: &RuleFacts, binary: &Binary) -> bool {
    let expr = &place.rule.expr;
    facts.counts.true_evaluations > 0 && requires(expr, binary)
        || facts.counts.extremes.is_some() && limit(expr).is_some_and(|limit| requires(limit.compared, binary))
}

fn joined(
    evidence: &Evidence<'_>,
    (place, facts): (&Place<'_>, &RuleFacts),
    (expr, binary): (&Expr, &Binary),
    found: &mut Found,
) {
    let matching = binary.matching.as_ref().unwrap_or(&PLAIN);
    if matching.fill_left.is_some() || matching.fill_right.is_some() || has_result(place, facts, binary) {
        return;
    }
    let sides = [&binary.lhs, &binary.rhs].map(unfiltered);
    let few = |side_of: &Expr| side(&evidence.probe(place, side_of));
    let Some((left, right)) = few(&sides[0]).zip(few(&sides[1])) else { return };
    if !is_apart(matching, &left, &right) || is_dead(place, expr.span) {
        return;
    }
    // What matches for a moment is seen by looking more often.
    let many = sides.each_ref().map(|side_of| evidence.probe_closely(place, facts, side_of));
    let Some((left, right)) = side(&many[0]).zip(side(&many[1])) else { return };
    if !is_apart(matching, &left, &right) {
        return;
    }
    let looked_at = counted(many[0].steps.len() as u64, "time");
    let (have_left, have_right) = (values(&left), values(&right));
    let names: BTreeSet<&str> = have_left.keys().chain(have_right.keys()).copied().collect();
    let mut alone: Vec<String> = Vec::new();
    let mut apart: Vec<String> = Vec::new();
    for name in names.iter().filter(|name| matching.on == matching.labels.iter().any(|label| label == *name)) {
        match (have_left.get(name), have_right.get(name)) {
            (Some(_), None) => alone.push(format!("`{name}` is on the left side alone")),
            (None, Some(_)) => alone.push(format!("`{name}` is on the right side alone")),
            (Some(a), Some(b)) if a.is_disjoint(b) => {
                let [a, b] = [a, b].map(|values| listed(&values.iter().copied().collect::<Vec<_>>()));
                apart.push(format!("`{name}` is {a} on the left and {b} on the right"));
            }
            _ => {}
        }
    }
    // That nothing is taken away, or that two conditions never met, may be as it should be.
    let severity = match binary.op {
        BinaryOp::Unless if alone.is_empty() => return,
        BinaryOp::And if alone.is_empty() => Severity::Info,
        _ => found.severity,
    };
    let what = match binary.op {
        BinaryOp::Unless => "removes nothing",
        _ => "has no result",
    };
    let why = if alone.is_empty() { apart.join("; ") } else { alone.join("; ") };
    let why = if why.is_empty() { "no two label sets are equal".to_owned() } else { why };
    let message = format!(
        "`{}` {what}: both sides have series, and at none of the {looked_at} looked at do two of them match: {why}",
        binary.op.symbol()
    );
    let finding = found.expr(place, binary.op_span, message);
    finding.severity = severity;
    let fitting = fitting(binary, (&left, &right), (&have_left, &have_right));
    if let Some(line) =
        fitting.filter(|fitting| works(evidence, place, expr, fitting)).map(|fitting| operator(&fitting))
    {
        finding.help.push(format!("these would match: `{line}`"));
    } else {
        finding.help.push("match by labels that both sides have with the same values".to_owned());
    }
}

type Values<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn values(side: &BTreeSet<LabelSet>) -> Values<'_> {
    let mut values: Values<'_> = BTreeMap::new();
    for (name, value) in side.iter().flat_map(LabelSet::iter) {
        values.entry(name).or_default().insert(value);
    }
    values
}

/// Returns the operator as it matches by labels by which its sides would match.
fn fitting(
    binary: &Binary,
    (left, right): (&BTreeSet<LabelSet>, &BTreeSet<LabelSet>),
    (have_left, have_right): (&Values<'_>, &Values<'_>),
) -> Option<Binary> {
    let shared = have_left
        .iter()
        .filter(|(name, values)| have_right.get(*name).is_some_and(|others| !others.is_disjoint(values)));
    let labels: Vec<String> = shared.map(|(name, _)| (*name).to_owned()).collect();
    let on = Matching { on: true, labels, ..PLAIN.clone() };
    if on.labels.is_empty() || is_apart(&on, left, right) {
        return None;
    }
    let is_unique = |side: &BTreeSet<LabelSet>| {
        side.iter().map(|labels| key(&on, labels)).collect::<BTreeSet<_>>().len() == side.len()
    };
    let group = match binary.op {
        BinaryOp::And | BinaryOp::Unless => None,
        _ => match (is_unique(left), is_unique(right)) {
            (true, true) => None,
            (false, true) => Some(Side::Left),
            (true, false) => Some(Side::Right),
            (false, false) => return None,
        },
    };
    let written = binary.matching.as_ref().and_then(|matching| matching.group.clone());
    let group = written.or(group.map(|many| Group { many, include: Vec::new() }));
    Some(Binary { matching: Some(Matching { group, ..on }), ..binary.clone() })
}

/// Returns whether an operator in place of the one of an expression gives something and never fails.
fn works(evidence: &Evidence<'_>, place: &Place<'_>, expr: &Expr, fitting: &Binary) -> bool {
    let [lhs, rhs] = [&fitting.lhs, &fitting.rhs].map(unfiltered);
    // What a comparison leaves out has matched.
    let op = if fitting.op.is_comparison() { BinaryOp::Sub } else { fitting.op };
    let fitting = Binary { op, lhs, rhs, return_bool: false, ..fitting.clone() };
    let probe = evidence.probe(place, &Expr { kind: ExprKind::Binary(Box::new(fitting)), span: expr.span });
    !probe.failed && (op == BinaryOp::Unless || probe.labels().next().is_some())
}
