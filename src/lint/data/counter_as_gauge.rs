//! A counter that is compared without a rate.

use super::super::evidence::Evidence;
use super::super::{Check, Found, Lint, Page};
use super::misses::word_at;
use super::parts::ranged;
use super::shape::is_named_counter;
use crate::diagnostic::{Severity, codes};
use crate::promql::ast::{AggregateOp, BinaryOp, Expr, ExprKind, SelectorUse, Type};
use crate::time::Millis;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::COUNTER_AS_GAUGE,
    page: Page {
        why: "A counter holds how much happened since its process began. Compared with a threshold it is true (with `<`, \
              false) sooner or later, whatever happens, and then until the next restart. What alerts are about is how fast it rises.\n\n\
              It is a counter where a `# TYPE` line of the recording says so, and else if it is named like one (`_total`, or a part of a histogram) and its recorded \
              values only rise, but for resets. `> 0` may be meant, \"this happened at all\": then the finding is an info.",
        bad: "\
- alert: ManyErrors
  expr: errors_total > 100
  for: 2m
",
        clean: "\
- alert: ManyErrors
  expr: increase(errors_total[5m]) > 30
  for: 2m
",
        data: "\
time,host,errors_total
2026-01-05T00:00:00Z,a,10
2026-01-05T00:01:00Z,a,12
2026-01-05T00:02:00Z,a,13
2026-01-05T00:03:00Z,a,40
2026-01-05T00:04:00Z,a,90
2026-01-05T00:05:00Z,a,101
2026-01-05T00:06:00Z,a,102
2026-01-05T00:07:00Z,a,103
2026-01-05T00:08:00Z,a,104
2026-01-05T00:09:00Z,a,105
",
    },
    check: Check::Data(check),
};

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, _) in evidence.alerts() {
        place.rule.expr.walk(&mut |expr| {
            let ExprKind::Binary(binary) = &expr.kind else { return };
            let (vector, number) = match (binary.lhs.ty(), binary.rhs.ty()) {
                (Type::Vector, Type::Scalar) => (&binary.lhs, &binary.rhs),
                (Type::Scalar, Type::Vector) => (&binary.rhs, &binary.lhs),
                _ => return,
            };
            let is_order = binary.op.is_comparison() && !matches!(binary.op, BinaryOp::Equal | BinaryOp::NotEqual);
            let Some(selected) = raw(vector).filter(|_| is_order) else { return };
            let Some(metric) = selected.selector.metric() else { return };
            let looks_like_one = || is_named_counter(evidence, metric) && evidence.shape(metric).is_counter();
            if evidence.is_written(metric)
                || evidence.series(selected.selector).is_empty()
                || !evidence.is_declared_counter(metric).unwrap_or_else(looks_like_one)
            {
                return;
            }
            let happened = matches!(number.unparen().kind, ExprKind::Number { value: 0.0, .. });
            let is_above = matches!(binary.op, BinaryOp::Greater | BinaryOp::GreaterEqual);
            let comes = match is_above == (binary.lhs.ty() == Type::Vector) {
                true => "true sooner or later, and stays true",
                false => "false sooner or later, and stays so",
            };
            let message = format!("`{metric}` is a counter: it only rises, so this becomes {comes}");
            let finding = found.expr(&place, word_at(&place, selected.span, metric), message);
            if happened {
                finding.severity = Severity::Info;
            }
            let [short, long] = [300_000, 3_600_000].map(|range| ranged(selected.selector, Millis(range)));
            finding.help.push(format!("compare how fast it rises: `rate({short})`, or `increase({long})`"));
        });
    }
}

/// Returns the selector whose values themselves are compared, where there is one.
fn raw(expr: &Expr) -> Option<SelectorUse<'_>> {
    match &expr.kind {
        ExprKind::Selector(selector) => Some(SelectorUse { selector, span: expr.span, range: None }),
        ExprKind::Range { selector, selector_span, range } => {
            Some(SelectorUse { selector, span: *selector_span, range: Some(range) })
        }
        ExprKind::Paren(inner) => raw(inner),
        ExprKind::Aggregate(aggregate) => match aggregate.op {
            AggregateOp::Sum | AggregateOp::Avg | AggregateOp::Min | AggregateOp::Max | AggregateOp::TopK => {
                raw(&aggregate.expr)
            }
            _ => None,
        },
        ExprKind::Call { function, args, .. } => match function.name {
            "avg_over_time" | "max_over_time" | "min_over_time" | "last_over_time" | "sum_over_time"
            | "label_replace" | "label_join" | "round" | "ceil" | "floor" | "abs" => raw(args.first()?),
            _ => None,
        },
        _ => None,
    }
}
