//! Parts of an expression that can never have an effect.

mod values;

use super::super::flow::{Flows, Gone, Has, Labels};
use super::super::shape::is_always_there;
use super::super::{Check, Found, Lint, Page, edit, edit::shortened, subject::Place};
use crate::diagnostic::{Severity, codes};
use crate::promql::ast::{Aggregate, AggregateOp, Binary, BinaryOp, Expr, ExprKind, Side, Type};
use crate::promql::functions::Kernel;
use crate::rules::Form;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::DEAD_CODE,
    page: Page {
        why: "An aggregation keeps only the labels that it names. What asks for another label afterwards asks for something \
              that no series has: `by (instance)` of a sum over `job` is one group, `on (instance)` between a side that \
              has the label and one that lost it finds no pair, `group_left (team)` from a side without `team` removes \
              it. The expression is valid, so Prometheus loads the rule, and it never does what it says.\n\n\
              Keep the label on both sides, or match by labels that both sides have.",
        bad: "\
- alert: QueueFull
  expr: sum by (job) (queue_length) > on (instance) sum by (instance) (queue_size)
  for: 5m
",
        clean: "\
- alert: QueueFull
  expr: sum by (instance) (queue_length) > on (instance) sum by (instance) (queue_size)
  for: 5m
",
        data: "",
    },
    check: Check::Rule(check),
};

fn check(place: &Place<'_>, found: &mut Found) {
    let flows = &place.subject.flows;
    place.rule.expr.walk(&mut |expr| match &expr.kind {
        ExprKind::Aggregate(aggregate) => aggregated(place, flows, aggregate, found),
        ExprKind::Binary(binary) => joined(place, flows, binary, found),
        ExprKind::Selector(selector) => values::selected(place, flows, (selector, expr.span), found),
        ExprKind::Range { selector, selector_span, .. } => {
            values::selected(place, flows, (selector, *selector_span), found);
        }
        ExprKind::Call { function, args, .. }
            if matches!(function.kernel, Kernel::BucketQuantile | Kernel::BucketQuantiles) =>
        {
            values::quantile(place, flows, (function.name, args), found);
        }
        _ => {}
    });
}

/// Looks for labels that an aggregation asks for and its series have lost.
fn aggregated(place: &Place<'_>, flows: &Flows<'_>, aggregate: &Aggregate, found: &mut Found) {
    let Some(grouping) = &aggregate.grouping else { return };
    if matches!(aggregate.expr.unparen().kind, ExprKind::Selector(_)) && flows.is_empty() {
        return;
    }
    let inner = flows.labels(&aggregate.expr);
    let gone = grouping.labels.iter().filter_map(|label| Some((label, inner.get(label).gone()?)));
    let gone: Vec<(&String, Gone)> = gone.filter(|(label, _)| !is_counted(&aggregate.expr, label)).collect();
    let Some((_, first)) = gone.first() else { return };
    let names: Vec<String> = gone.iter().map(|(label, _)| format!("`{label}`")).collect();
    let is = if gone.len() > 1 { "are" } else { "is" };
    let names = names.join(", ");
    let keeps = matches!(aggregate.op, AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK);
    let message = match (grouping.without, keeps) {
        (true, _) => format!("`without` removes {names}, which {is} gone already"),
        (false, true) => format!("`by` groups by {names}, which {is} gone already"),
        (false, false) => format!("`by` keeps {names}, which {is} gone already"),
    };
    let finding = found.expr(place, grouping.span, message);
    *finding = finding.clone().with_related(place.rule.text.at(first.span), "lost here");
    if grouping.without && edit::aggregate_at(&place.rule.expr, first.span).is_some_and(is_without) {
        // It does no harm.
        finding.severity = Severity::Info;
        finding.help.push(format!("remove {names} here"));
        return;
    }
    finding.help.push(format!("keep {names} there, or remove {names} here"));
}

fn is_without(aggregate: &Aggregate) -> bool {
    aggregate.grouping.as_ref().is_some_and(|grouping| grouping.without)
}

/// Returns whether an aggregation inside makes the label.
fn is_counted(expr: &Expr, label: &str) -> bool {
    matches!(&expr.unparen().kind, ExprKind::Aggregate(aggregate)
        if matches!(aggregate.param.as_ref().map(|param| &param.unparen().kind), Some(ExprKind::String(text)) if text == label))
}

/// Looks at the labels by which two vectors are matched, and at sides that are never seen.
fn joined(place: &Place<'_>, flows: &Flows<'_>, binary: &Binary, found: &mut Found) {
    let Binary { op, op_span, lhs, rhs, matching, .. } = binary;
    if lhs.ty() == Type::Scalar || rhs.ty() == Type::Scalar {
        return;
    }
    let (left, right) = (flows.labels(lhs), flows.labels(rhs));
    if *op == BinaryOp::Or && matching.is_none() {
        if is_always_there(lhs) && has_no_labels(&left) && has_no_labels(&right) {
            let message = "the right side of this `or` is never seen: the left side always has a result";
            found.expr(place, rhs.span, message).help.push(format!(
                "write it the other way round: `{} or {}`",
                shortened(&place.rule.text.text[rhs.span.range()]),
                shortened(&place.rule.text.text[lhs.span.range()])
            ));
        }
        return;
    }
    let on = matching.as_ref().filter(|matching| matching.on);
    let ignored = matching.as_ref().filter(|matching| !matching.on);
    if matching.as_ref().is_some_and(|matching| matching.fill_left.is_some() || matching.fill_right.is_some()) {
        return;
    }
    let never = match op {
        BinaryOp::Unless => "removes nothing",
        BinaryOp::Or => "finds no pair",
        _ => "never has a result",
    };
    if *op != BinaryOp::Or && values::joined(place, binary, never, found) {
        return;
    }
    let candidates: Vec<&str> = match on {
        Some(on) => on.labels.iter().map(String::as_str).collect(),
        None => {
            let named = left.named().chain(right.named()).map(|(name, _)| name);
            named
                .filter(|name| !ignored.is_some_and(|ignored| ignored.labels.iter().any(|other| other == name)))
                .collect()
        }
    };
    for label in candidates {
        let (has_left, has_right) = (left.get(label), right.get(label));
        let (gone, lacking, having) = match (has_left, has_right) {
            (Has::No(gone), Has::No(_)) if on.is_some() => {
                let message = format!("neither side has the label `{label}` that `on` matches by");
                let finding = found.expr(place, *op_span, message);
                *finding = finding.clone().with_related(place.rule.text.at(gone.span), "lost here");
                finding.help.push(format!("keep `{label}` on both sides, or remove it from `on (..)`"));
                return;
            }
            (Has::No(gone), other) if matters(other, on.is_some()) => (gone, "left", "right"),
            (other, Has::No(gone)) if matters(other, on.is_some()) => (gone, "right", "left"),
            _ => continue,
        };
        let is_sure = [has_left, has_right].contains(&Has::Yes);
        let message = match is_sure {
            true => format!(
                "`{}` {never}: the {having} side has the label `{label}`, and the {lacking} side lost it",
                op.symbol()
            ),
            false => {
                format!("`{}` matches only series without the label `{label}`: the {lacking} side lost it", op.symbol())
            }
        };
        let finding = found.expr(place, *op_span, message);
        *finding = finding.clone().with_related(place.rule.text.at(gone.span), "lost here");
        finding.help.push(match on {
            Some(_) => format!("keep `{label}` on the {lacking} side, or match by labels that both sides have"),
            None => {
                // The side that has the label may have several series for each of the other.
                let group = match (op.is_set(), lacking) {
                    (true, _) => "",
                    (false, "left") => " group_right ()",
                    (false, _) => " group_left ()",
                };
                format!(
                    "keep `{label}` on the {lacking} side, or match without it: `{} ignoring ({label}){group} ..`",
                    op.symbol()
                )
            }
        });
        return;
    }
    if matching.is_none() && *op != BinaryOp::Or && place.file.form == Form::Prometheus {
        for (one, (other, expr), word) in [(&left, (&right, rhs), "left"), (&right, (&left, lhs), "right")] {
            // A name with colons is recorded by a rule of another file, with labels that nobody knows here.
            let is_scraped =
                expr.selectors().iter().all(|one| one.selector.metric().is_some_and(|name| !name.contains(':')));
            if has_no_labels(one) && other.others == Has::Maybe && is_scraped {
                let message = format!("`{}` matches only series without labels: the {word} side has none", op.symbol());
                let group = match (op.is_set(), word) {
                    (true, _) => "",
                    (false, "left") => " group_right ()",
                    (false, _) => " group_left ()",
                };
                let finding = found.expr(place, *op_span, message);
                finding.help.push(format!("match without labels: `{} on (){group} ..`", op.symbol()));
                return;
            }
        }
    }
    let group = matching.as_ref().and_then(|matching| matching.group.as_ref());
    for label in group.iter().flat_map(|group| &group.include) {
        let (one, word) = match group.map(|group| group.many) {
            Some(Side::Right) => (&left, "left"),
            _ => (&right, "right"),
        };
        if let Some(gone) = one.get(label).gone() {
            let message = format!("the {word} side has no label `{label}` that could be copied: the label is removed");
            let finding = found.expr(place, *op_span, message);
            *finding = finding.clone().with_related(place.rule.text.at(gone.span), "lost here");
            finding.help.push(format!("keep `{label}` on the {word} side"));
            return;
        }
    }
}

/// Returns whether a label of one side keeps it from matching a side without it. Where `on` names the label, its author
/// takes both sides to have it.
fn matters(other: Has, named: bool) -> bool {
    other.is_expected() || named && other == Has::Maybe
}

fn has_no_labels(labels: &Labels<'_>) -> bool {
    labels.others.gone().is_some() && labels.named().all(|(_, has)| has.gone().is_some())
}
