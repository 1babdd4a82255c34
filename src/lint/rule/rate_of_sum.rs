//! A rate of what is no counter any more.

use super::super::shape::number;
use super::super::{Check, Found, Lint, Page, edit::shortened, subject::Place};
use crate::diagnostic::{Mark, codes};
use crate::promql::ast::{AggregateOp, BinaryOp, Expr, ExprKind};
use crate::source::{FileSpan, Span};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::RATE_OF_SUM,
    page: Page {
        why: "`rate()` and `increase()` take a fall of a counter for a restart of its process. A sum of counters falls when \
              one of them restarts or goes away, and then `rate()` takes the whole sum for new: a spike that never \
              was. The same holds for an average, a maximum or a count.\n\n\
              Take the rate first and aggregate afterwards: `sum(rate(x[5m]))`. A recording rule that is to be read in \
              this way records the sum of the rates.",
        bad: "\
- record: job:requests:sum
  expr: sum by (job) (requests_total)
- alert: ManyRequests
  expr: rate(job:requests:sum[5m]) > 100
  for: 5m
",
        clean: "\
- record: job:requests:rate5m
  expr: sum by (job) (rate(requests_total[5m]))
- alert: ManyRequests
  expr: job:requests:rate5m > 100
  for: 5m
",
        data: "",
    },
    check: Check::Rule(check),
};

fn check(place: &Place<'_>, found: &mut Found) {
    place.rule.expr.walk(&mut |expr| {
        let ExprKind::Call { function, args, .. } = &expr.kind else { return };
        let Some(arg) = args.first().filter(|_| matches!(function.name, "rate" | "irate" | "increase")) else { return };
        let name = function.name;
        match &arg.unparen().kind {
            ExprKind::Range { selector, selector_span, .. } => {
                let Some(metric) = selector.metric() else { return };
                if let Some(writer) = recorded_rate(place, metric) {
                    let message = format!("`{name}` of a rate: `{metric}` is recorded as one and is no counter");
                    let finding = found.expr(place, *selector_span, message);
                    finding.related.push(Mark { at: writer, text: "recorded here".to_owned() });
                    finding.help.push(format!("read it as it is, or `avg_over_time({metric}[..])`"));
                    return;
                }
                let Some((writer, sum)) = recorded(place, metric) else { return };
                let message = format!(
                    "`{name}` of an aggregation: `{metric}` is no counter, it falls when one of its parts restarts"
                );
                let finding = found.expr(place, *selector_span, message);
                finding.related.push(Mark { at: writer, text: "recorded here".to_owned() });
                finding.help.push(format!("record the rate: `{}`", sum(name)));
            }
            ExprKind::Subquery(subquery) => {
                let Some(aggregate) = aggregation(&subquery.expr) else { return };
                let text = &place.rule.text.text;
                let range = &text[subquery.range.span.range()];
                let is_count =
                    matches!(&aggregate.unparen().kind, ExprKind::Aggregate(one) if one.op == AggregateOp::Count);
                let (message, help) = if is_count {
                    let message = format!("`{name}` of a count: it is no counter, it falls when a series goes away");
                    (
                        message,
                        format!(
                            "`delta(..)` says how much it changed: `delta({}[{range}:])`",
                            &text[aggregate.span.range()]
                        ),
                    )
                } else {
                    let message = format!(
                        "`{name}` of an aggregation: it is no counter, it falls when one of its parts restarts"
                    );
                    (message, format!("take the rate first: `{}`", rate_first(text, aggregate, name, range)))
                };
                found.expr(place, aggregate.span, message).help.push(help);
            }
            _ => {}
        }
    });
}

/// How far the rules are followed that record one another.
const DEPTH: usize = 4;

/// Returns where a rate is recorded under a name, aggregated or not.
fn recorded_rate(place: &Place<'_>, metric: &str) -> Option<FileSpan> {
    let writer = *place.subject.recorded.get(metric)?.first()?;
    let rule = place.subject.all[writer].2;
    let mut expr = rule.expr.unparen();
    while let ExprKind::Aggregate(aggregate) = &expr.kind {
        if aggregate.op == AggregateOp::Count {
            return None;
        }
        expr = aggregate.expr.unparen();
    }
    let is_rate = matches!(&expr.kind, ExprKind::Call { function, .. }
        if matches!(function.name, "rate" | "irate" | "increase" | "deriv" | "delta"));
    is_rate.then(|| rule.text.at(expr.span))
}

/// Returns where an aggregation of samples is recorded under a name, and what makes the expression to record instead.
fn recorded<'a>(place: &Place<'a>, metric: &'a str) -> Option<(FileSpan, impl Fn(&str) -> String + use<'a>)> {
    let mut metric = metric;
    for _ in 0..DEPTH {
        let writer = *place.subject.recorded.get(metric)?.first()?;
        let rule = place.subject.all[writer].2;
        if let Some(aggregate) = aggregation(&rule.expr) {
            let text = &rule.text.text;
            return Some((rule.text.at(aggregate.span), move |name: &str| rate_first(text, aggregate, name, "5m")));
        }
        match &rule.expr.unparen().kind {
            ExprKind::Selector(selector) => metric = selector.metric()?,
            _ => return None,
        }
    }
    None
}

/// Finds an aggregation of samples as they were scraped, whose value an expression has.
fn aggregation(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Paren(inner) => aggregation(inner),
        // Those give the counters themselves.
        ExprKind::Aggregate(aggregate)
            if matches!(
                aggregate.op,
                AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio
            ) =>
        {
            None
        }
        ExprKind::Aggregate(aggregate) => match &aggregate.expr.unparen().kind {
            ExprKind::Selector(_) => Some(expr),
            ExprKind::Aggregate(_) => aggregation(&aggregate.expr).map(|_| expr),
            _ => None,
        },
        ExprKind::Binary(binary) => match binary.op {
            BinaryOp::Add | BinaryOp::Or => aggregation(&binary.lhs).or_else(|| aggregation(&binary.rhs)),
            // A factor changes nothing.
            BinaryOp::Mul | BinaryOp::Div if number(&binary.rhs).is_some() => aggregation(&binary.lhs),
            BinaryOp::Mul if number(&binary.lhs).is_some() => aggregation(&binary.rhs),
            _ => None,
        },
        ExprKind::Call { function, args, .. } if matches!(function.name, "label_replace" | "label_join") => {
            args.first().and_then(aggregation)
        }
        _ => None,
    }
}

/// Writes an aggregation with the rate inside.
fn rate_first(text: &str, expr: &Expr, name: &str, range: &str) -> String {
    let mut inner: Option<Span> = None;
    expr.walk(&mut |expr| {
        if let ExprKind::Selector(_) = &expr.kind {
            inner.get_or_insert(expr.span);
        }
    });
    let Some(inner) = inner else { return String::new() };
    let before = &text[expr.span.start as usize..inner.start as usize];
    let after = &text[inner.end as usize..expr.span.end as usize];
    shortened(&format!("{before}{name}({}[{range}]){after}", &text[inner.range()]))
}
