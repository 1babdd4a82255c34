//! What policies ask of expressions.

use crate::diagnostic::codes;
use crate::lint::edit::shortened;
use crate::lint::{Check, Found, Lint, Page};
use crate::promql::ast::{Aggregate, AggregateOp, Expr, ExprKind};
use crate::promql::functions::Kernel;

use super::{Case, Names};

pub(in crate::lint) const SELECTOR_LABEL: Lint = Lint {
    code: codes::SELECTOR_LABEL,
    page: Page {
        why: "A selector without a matcher for this label takes the series of all clusters, tenants or environments \
              together, which a rule rarely means and a server pays for.\n\n\
              Your alertctl.yml names the labels under `selectors-must-have:`. Any matcher for the label counts, also \
              `cluster=~\".+\"`.",
        bad: "- alert: Down\n  expr: up{job=\"db\"} == 0\n",
        clean: "- alert: Down\n  expr: up{job=\"db\", cluster=~\".+\"} == 0\n",
        data: "",
    },
    check: Check::Policy {
        config: "policies:\n- selectors-must-have: [cluster]\n",
        check: |case, found| {
            let Some(asked) = &case.policy.selector_labels else { return };
            for used in case.place.rule.expr.selectors() {
                let has = |label: &&String| used.selector.matchers.iter().any(|matcher| matcher.name == **label);
                let Some(label) = asked.what.iter().find(|label| !has(label)) else { continue };
                let text = case.place.rule.text.text.get(used.span.range()).unwrap_or_default();
                let message = format!("the selector `{}` has no matcher for `{label}`", shortened(text));
                let help = format!("add one, such as `{label}=~\".+\"`");
                case.found(found, case.place.rule.text.at(used.span), asked.at, message).help.push(help);
            }
        },
    },
};

pub(in crate::lint) const AGGREGATION_LABEL: Lint = Lint {
    code: codes::AGGREGATION_LABEL,
    page: Page {
        why: "A label that is aggregated away is gone for routing and for whoever reads the rule; one that is kept and \
              should not be, such as `pod`, makes a new series at each restart.\n\n\
              Your alertctl.yml names the labels under `aggregations-must-keep:` and `aggregations-must-drop:`. \
              `topk` and its kin keep all labels, and `scalar(..)` and `absent(..)` need none, so that neither is looked \
              at; labels to drop may occur in aggregations within others.",
        bad: "- record: job:up:sum\n  expr: sum by (job) (up)\n",
        clean: "- record: cluster_job:up:sum\n  expr: sum by (cluster, job) (max by (cluster, job, pod) (up))\n",
        data: "",
    },
    check: Check::Policy {
        config: "policies:\n- aggregations-must-keep: [cluster]\n  aggregations-must-drop: [pod]\n",
        check: |case, found| aggregations(case, &case.place.rule.expr, true, found),
    },
};

/// Looks at the aggregations of an expression; `is_outer` says that no other one is around it.
fn aggregations(case: &Case<'_>, expr: &Expr, is_outer: bool, found: &mut Found) {
    match &expr.kind {
        ExprKind::Aggregate(aggregate) => {
            let keeps_all = matches!(
                aggregate.op,
                AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio
            );
            if !keeps_all {
                labels(case, aggregate, is_outer, found);
            }
            aggregations(case, &aggregate.expr, is_outer && keeps_all, found);
        }
        ExprKind::Call { function, .. }
            if matches!(function.kernel, Kernel::Scalar | Kernel::Absent | Kernel::AbsentOverTime) => {}
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| aggregations(case, arg, is_outer, found)),
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => aggregations(case, inner, is_outer, found),
        ExprKind::Binary(binary) => {
            aggregations(case, &binary.lhs, is_outer, found);
            aggregations(case, &binary.rhs, is_outer, found);
        }
        ExprKind::Subquery(subquery) => aggregations(case, &subquery.expr, is_outer, found),
        ExprKind::Number { .. }
        | ExprKind::String(_)
        | ExprKind::Selector(_)
        | ExprKind::Range { .. }
        | ExprKind::Invalid => {}
    }
}

/// Looks at the labels of one aggregation.
fn labels(case: &Case<'_>, aggregate: &Aggregate, is_outer: bool, found: &mut Found) {
    let keeps = |label: &String| match &aggregate.grouping {
        None => false,
        Some(grouping) => grouping.labels.contains(label) != grouping.without,
    };
    let without = aggregate.grouping.as_ref().is_some_and(|grouping| grouping.without);
    let at = aggregate.grouping.as_ref().map_or(aggregate.op_span, |grouping| grouping.span);
    let at = case.place.rule.text.at(at);
    let op = aggregate.op.name();
    let mut wrong = |asked: &Option<Names>, keep: bool| {
        let Some(asked) = asked else { return };
        for label in asked.what.iter().filter(|label| keeps(label) != keep) {
            let (message, help) = match (keep, without) {
                (true, false) => (format!("`{op}` drops the label `{label}`"), format!("add `{label}` to `by (..)`")),
                (true, true) => {
                    (format!("`{op}` drops the label `{label}`"), "remove it from `without (..)`".to_owned())
                }
                (false, true) => (format!("`{op}` keeps the label `{label}`"), "add it to `without (..)`".to_owned()),
                (false, false) => (format!("`{op}` keeps the label `{label}`"), "remove it from `by (..)`".to_owned()),
            };
            case.found(found, at, asked.at, message).help.push(help);
        }
    };
    wrong(&case.policy.kept_labels, true);
    if is_outer {
        wrong(&case.policy.dropped_labels, false);
    }
}
