//! `absent()` that fires too soon, or never.

use super::super::shape::is_always_there;
use super::super::{Check, Found, Lint, Page, edit::shortened, subject::Place};
use crate::diagnostic::codes;
use crate::promql::ast::{BinaryOp, Expr, ExprKind};
use crate::promql::functions::Kernel;
use crate::rules::Form;
use crate::source::Span;
use crate::time::Millis;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::ABSENT_WITHOUT_FOR,
    page: Page {
        why: "`absent()` is true as soon as there is no sample. That is so for a moment whenever Prometheus starts or a \
              target moves: rules are evaluated before the first scrape is done. With a `for` shorter than two scrape \
              intervals such a moment is enough to fire. Where the scrape interval is not known (`--scrape-interval`), \
              it is taken to be 1m, Prometheus' default.\n\n\
              Give the alert a `for` of some scrape intervals.\n\n\
              Of an expression that always has a result, such as `x or vector(0)`, `absent()` is never true: look at \
              `x` alone.",
        bad: "\
- alert: ExporterGone
  expr: absent(up{job=\"node\"})
",
        clean: "\
- alert: ExporterGone
  expr: absent(up{job=\"node\"})
  for: 5m
",
        data: "",
    },
    check: Check::Rule(check),
};

/// Prometheus' default scrape interval.
const SCRAPE_INTERVAL: Millis = Millis(60_000);

fn check(place: &Place<'_>, found: &mut Found) {
    let mut never = false;
    place.rule.expr.walk(&mut |expr| {
        if let ExprKind::Call { function, args, .. } = &expr.kind
            && matches!(function.kernel, Kernel::Absent)
            && let Some(arg) = args.first()
            && is_always_there(arg)
        {
            never = true;
            let message = "this `absent()` is never true: what it looks at always has a result";
            let finding = found.expr(place, expr.span, message);
            finding.help.push("look at the selector alone, without its default: `absent(x)`".to_owned());
        }
    });
    let interval = place.subject.options.scrape_interval;
    // Native rules look at recordings, which may be dense.
    let is_scraped = interval.is_some() || place.file.form == Form::Prometheus;
    if !place.is_alert() || never || !is_scraped {
        return;
    }
    let Some(span) = absent(&place.rule.expr) else { return };
    let least = Millis(interval.unwrap_or(SCRAPE_INTERVAL).0.saturating_mul(2));
    if place.hold() >= least {
        return;
    }
    let hold = match place.hold().0 {
        0 => "this alert has no `for`".to_owned(),
        _ if interval.is_none() => {
            format!("`for: {}` is shorter than two scrape intervals, if they are {SCRAPE_INTERVAL} each", place.hold())
        }
        _ => format!("`for: {}` is shorter than two scrape intervals", place.hold()),
    };
    let text = shortened(&place.rule.text.text[span.range()]);
    let message = format!("`{text}` may be true for a moment when Prometheus or a target starts, and {hold}");
    let finding = found.expr(place, span, message);
    finding.help.push(match interval {
        Some(interval) => format!("wait at least two scrape intervals of {interval}: `for: {least}`"),
        None => format!(
            "wait at least two scrape intervals, such as `for: {least}`; --scrape-interval says how long they are"
        ),
    });
}

/// Finds the `absent()` that is the condition of an alert, or a side of it.
fn absent(expr: &Expr) -> Option<Span> {
    match &expr.kind {
        ExprKind::Paren(inner) => absent(inner),
        ExprKind::Call { function, .. } if function.kernel == Kernel::Absent => Some(expr.span),
        ExprKind::Binary(binary) => match binary.op {
            BinaryOp::Or => absent(&binary.lhs).or_else(|| absent(&binary.rhs)),
            BinaryOp::And | BinaryOp::Unless => absent(&binary.lhs),
            op if op.is_comparison() => absent(&binary.lhs),
            _ => None,
        },
        _ => None,
    }
}
