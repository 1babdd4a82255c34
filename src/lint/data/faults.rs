//! Evaluations that fail.

use super::super::evidence::Evidence;
use super::super::subject::Place;
use super::super::{Check, Found, Lint, Page};
use super::cost::EXCEEDED;
use super::parts::operator;
use crate::diagnostic::codes;
use crate::engine::FaultCount;
use crate::format::{count, counted};
use crate::promql::ast::{Aggregate, Binary, Expr, ExprKind, Group, Matching, Side, Type};
use crate::time::Timestamp;

pub(in crate::lint) const DUPLICATE_LABELSET: Lint = Lint {
    code: codes::DUPLICATE_LABELSET,
    page: Page {
        why: "An evaluation fails where an operator finds two series for one of the other side, or where two results have \
              the same labels, since a metric name or a label in which they differ was removed. Prometheus then keeps \
              the alerts of the rule as they are: none begins and none resolves, and only its log says so.\n\n\
              Match by more labels, or aggregate one side first.",
        bad: "\
- alert: QueueFull
  expr: queue_depth / on (job) queue_size > 0.9
  for: 2m
",
        clean: "\
- alert: QueueFull
  expr: queue_depth / on (job, host) queue_size > 0.9
  for: 2m
",
        data: "\
time,job,host,queue_depth,queue_size
2026-01-05T00:00:00Z,q,a,20,100
2026-01-05T00:00:00Z,q,b,20,100
2026-01-05T00:01:00Z,q,a,95,100
2026-01-05T00:01:00Z,q,b,20,100
2026-01-05T00:02:00Z,q,a,95,100
2026-01-05T00:02:00Z,q,b,20,100
2026-01-05T00:03:00Z,q,a,95,100
2026-01-05T00:03:00Z,q,b,20,100
2026-01-05T00:04:00Z,q,a,20,100
2026-01-05T00:04:00Z,q,b,20,100
2026-01-05T00:05:00Z,q,a,20,100
2026-01-05T00:05:00Z,q,b,20,100
",
    },
    check: Check::Data(duplicates),
};

pub(in crate::lint) const EVALUATION_FAILS: Lint = Lint {
    code: codes::EVALUATION_FAILS,
    page: Page {
        why: "Where an evaluation fails, Prometheus keeps the alerts of the rule as they are: none begins and none resolves, \
              and only its log says so. The message is that of Prometheus.",
        bad: "\
- record: queue_depth:top
  expr: topk(scalar(queue_rank / 0), queue_depth)
",
        clean: "\
- record: queue_depth:top
  expr: topk(scalar(queue_rank), queue_depth)
",
        data: "\
time,host,queue_depth,queue_rank
2026-01-05T00:00:00Z,a,20,1
2026-01-05T00:01:00Z,a,95,1
2026-01-05T00:02:00Z,a,95,1
2026-01-05T00:03:00Z,a,20,1
",
    },
    check: Check::Data(others),
};

/// Returns whether an evaluation failed because of two series where there may be one.
fn is_duplicate(message: &str) -> bool {
    ["same labelset", "duplicate series", "multiple matches"].iter().any(|words| message.contains(words))
}

fn duplicates(evidence: &Evidence<'_>, found: &mut Found) {
    tell(evidence, found, is_duplicate);
}

fn others(evidence: &Evidence<'_>, found: &mut Found) {
    tell(evidence, found, |message| !is_duplicate(message) && !message.starts_with(EXCEEDED));
}

/// Tells of the failed evaluations of each rule, one message for all.
fn tell(evidence: &Evidence<'_>, found: &mut Found, wanted: fn(&str) -> bool) {
    for (place, facts) in evidence.rules() {
        let faults: Vec<&FaultCount> = facts.counts.faults.iter().filter(|fault| wanted(&fault.message)).collect();
        let Some(first) = faults.iter().min_by_key(|fault| fault.first) else { continue };
        let many: u64 = faults.iter().map(|fault| fault.count).sum();
        let message = format!(
            "fails at {} out of {}, first at {}: {}",
            counted(many, "evaluation"),
            count(facts.counts.evaluations),
            first.first,
            first.message
        );
        let finding = found.at(place.rule.text.whole(), (place.group, place.rule), message);
        if first.message.contains("duplicate series") || first.message.contains("multiple matches") {
            if let Some(fixed) = grouped(evidence, &place, first.first) {
                finding.help.push(format!("`{fixed}` takes many series of one side for each of the other"));
            }
            finding.help.push(
                "name more labels in `on (..)`, or aggregate one side first: `sum by (..) (..)`, so that it has one series \
                 for each of the other"
                    .to_owned(),
            );
        } else if first.message.contains("same labelset") {
            finding.help.push("keep the label in which the series differ, or aggregate them into one".to_owned());
        }
    }
}

/// Returns an operator of a rule with `group_left ()` or `group_right ()`, where the rule fails no more with it, neither
/// at a time at which it did nor at others.
fn grouped(evidence: &Evidence<'_>, place: &Place<'_>, failed: Timestamp) -> Option<String> {
    let mut operators: Vec<&Binary> = Vec::new();
    place.rule.expr.walk(&mut |expr| match &expr.kind {
        ExprKind::Binary(binary) if !binary.op.is_set() => operators.push(binary),
        _ => {}
    });
    let vectors = |binary: &&Binary| binary.lhs.ty() == Type::Vector && binary.rhs.ty() == Type::Vector;
    for binary in operators.into_iter().filter(vectors) {
        let matching = binary.matching.clone().unwrap_or_default();
        for many in [Side::Left, Side::Right] {
            let group = Some(Group { many, include: Vec::new() });
            let other = Binary { matching: Some(Matching { group, ..matching.clone() }), ..binary.clone() };
            let expr = replaced(&place.rule.expr, &other);
            let fails = evidence.evaluate(place, &expr, &[failed]).failed || evidence.probe(place, &expr).failed;
            if matching.group.is_none() && !fails {
                return Some(operator(&other));
            }
        }
    }
    None
}

/// Returns an expression with another operator in place of the one that stands there.
fn replaced(expr: &Expr, other: &Binary) -> Expr {
    let inner = |expr: &Expr| Box::new(replaced(expr, other));
    let kind = match &expr.kind {
        ExprKind::Paren(paren) => ExprKind::Paren(inner(paren)),
        ExprKind::Unary { op, expr } => ExprKind::Unary { op: *op, expr: inner(expr) },
        ExprKind::Binary(binary) if binary.op_span == other.op_span => ExprKind::Binary(Box::new(other.clone())),
        ExprKind::Binary(binary) => ExprKind::Binary(Box::new(Binary {
            lhs: replaced(&binary.lhs, other),
            rhs: replaced(&binary.rhs, other),
            ..(**binary).clone()
        })),
        ExprKind::Aggregate(aggregate) => {
            ExprKind::Aggregate(Box::new(Aggregate { expr: replaced(&aggregate.expr, other), ..(**aggregate).clone() }))
        }
        ExprKind::Call { function, name, args } => {
            let args = args.iter().map(|arg| replaced(arg, other)).collect();
            ExprKind::Call { function, name: *name, args }
        }
        same => same.clone(),
    };
    Expr { kind, span: expr.span }
}
