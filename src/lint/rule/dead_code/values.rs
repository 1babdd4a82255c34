//! Matchers that no series satisfies: of one selector, of what a recording rule writes, of two sides that must be equal.

use crate::labels::{METRIC_NAME, MatchOp};
use crate::lint::flow::{Flows, Gone};
use crate::lint::{Found, subject::Place};
use crate::promql::ast::{Binary, Expr, ExprKind, Matching, Selector, Type};
use crate::promql::functions::Kernel;
use crate::source::Span;

/// Looks at the matchers of a selector.
pub(super) fn selected(place: &Place<'_>, flows: &Flows<'_>, (selector, span): (&Selector, Span), found: &mut Found) {
    let equal = || selector.matchers.iter().filter(|matcher| matcher.op == MatchOp::Equal && !matcher.value.is_empty());
    for matcher in equal().filter(|matcher| matcher.name != METRIC_NAME) {
        let mut same = selector.matchers.iter().filter(|other| other.name == matcher.name);
        if same.any(|other| !other.matches(&matcher.value)) {
            let message = format!("this selects nothing: no `{}` satisfies all of its matchers", matcher.name);
            let help =
                format!("keep one of the matchers of `{}`, or write `=~\"a|b\"` for several values", matcher.name);
            found.expr(place, span, message).help.push(help);
            return;
        }
    }
    let Some(written) = selector.metric().and_then(|metric| flows.recorded(metric)) else { return };
    for matcher in equal().filter(|matcher| matcher.name != METRIC_NAME) {
        if written.get(&matcher.name).gone().is_some() {
            let metric = selector.metric().unwrap_or_default();
            let message = format!("this selects nothing: the rule that records `{metric}` drops `{}`", matcher.name);
            let finding = found.expr(place, span, message);
            if let Some(writer) = place.subject.recorded.get(metric).and_then(|writers| writers.first()) {
                let rule = place.subject.all[*writer].2;
                *finding = finding.clone().with_related(rule.name.whole(), "recorded here");
            }
            finding.help.push(format!("keep `{}` there, or remove the matcher", matcher.name));
            return;
        }
    }
}

/// Looks for a label that two sides must have in common, and to which their selectors give different values.
pub(super) fn joined(place: &Place<'_>, binary: &Binary, what: &str, found: &mut Found) -> bool {
    let plain = Matching::default();
    let matching = binary.matching.as_ref().unwrap_or(&plain);
    let is_matched = |label: &str| matching.on == matching.labels.iter().any(|named| named == label);
    let (left, right) = (fixed(&binary.lhs), fixed(&binary.rhs));
    for (label, value) in left.iter().filter(|(label, _)| is_matched(label)) {
        let Some((_, other)) = right.iter().find(|(name, other)| name == label && other != value) else { continue };
        let message = format!(
            "`{}` {what}: `{label}` is `{value}` on the left side and `{other}` on the right",
            binary.op.symbol()
        );
        let help = format!(
            "match without it: `{} ignoring ({label}) ..`, or by labels that both sides share",
            binary.op.symbol()
        );
        found.expr(place, binary.op_span, message).help.push(help);
        return true;
    }
    false
}

/// Returns labels of an expression of which every series has the same value, which is not empty.
fn fixed(expr: &Expr) -> Vec<(&str, &str)> {
    match &expr.kind {
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => fixed(inner),
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => {
            let equal =
                selector.matchers.iter().filter(|matcher| matcher.op == MatchOp::Equal && matcher.name != METRIC_NAME);
            equal
                .filter(|matcher| !matcher.value.is_empty())
                .map(|one| (one.name.as_str(), one.value.as_str()))
                .collect()
        }
        ExprKind::Subquery(subquery) => fixed(&subquery.expr),
        ExprKind::Call { function, args, .. } => match function.kernel {
            Kernel::LabelReplace
            | Kernel::LabelJoin
            | Kernel::BucketQuantiles
            | Kernel::Absent
            | Kernel::AbsentOverTime => Vec::new(),
            _ if function.returns == Type::Scalar => Vec::new(),
            _ => args.iter().find(|arg| matches!(arg.ty(), Type::Vector | Type::Matrix)).map_or_else(Vec::new, fixed),
        },
        ExprKind::Aggregate(aggregate) => match &aggregate.grouping {
            Some(grouping) => {
                let mut fixed = fixed(&aggregate.expr);
                fixed.retain(|(label, _)| grouping.without != grouping.labels.iter().any(|named| named == label));
                fixed
            }
            None => Vec::new(),
        },
        ExprKind::Binary(binary) => match (binary.lhs.ty(), binary.rhs.ty()) {
            (Type::Vector, Type::Scalar) => fixed(&binary.lhs),
            (Type::Scalar, Type::Vector) => fixed(&binary.rhs),
            _ => Vec::new(),
        },
        ExprKind::Number { .. } | ExprKind::String(_) | ExprKind::Invalid => Vec::new(),
    }
}

/// Looks for a quantile of buckets whose bounds were lost.
pub(super) fn quantile(place: &Place<'_>, flows: &Flows<'_>, (name, args): (&str, &[Expr]), found: &mut Found) {
    let Some(buckets) = args.iter().find(|arg| arg.ty() == Type::Vector) else { return };
    // Native histograms have no bounds in a label.
    let are_classic =
        buckets.selectors().iter().all(|one| one.selector.metric().is_some_and(|name| name.ends_with("_bucket")));
    // VictoriaMetrics keeps the bounds of its own in another label.
    let labels = flows.labels(buckets);
    if labels.get("vmrange").is_expected() {
        return;
    }
    let gone = labels.get("le").gone();
    let Some(Gone { span, .. }) = gone.filter(|_| are_classic && !buckets.selectors().is_empty()) else { return };
    let message = format!("`{name}` never has a result: its buckets have lost the label `le`");
    let finding = found.expr(place, buckets.span, message);
    *finding = finding.clone().with_related(place.rule.text.at(span), "lost here");
    finding.help.push("keep it: `sum by (le, ..) (rate(x_bucket[5m]))`".to_owned());
}
