//! A computed number that is printed with all its digits.

use super::super::{Check, Found, Lint, Page, subject::Place, texts};
use crate::diagnostic::codes;
use crate::promql::ast::{AggregateOp, BinaryOp, Expr, ExprKind};
use crate::rules::template::What;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::HUMANIZE,
    page: Page {
        why: "`rate()`, `deriv()`, averages and divisions give numbers such as 0.1337777777777778. A template prints all of \
              their digits, which nobody can read at night.\n\n\
              Pipe the value through `humanize`, `humanizePercentage`, `humanizeDuration` or `printf \"%.2f\"`.",
        bad: "\
- alert: ManyErrors
  expr: rate(errors_total[5m]) > 1
  for: 5m
  annotations:
    summary: '{{ $value }} errors per second'
",
        clean: "\
- alert: ManyErrors
  expr: rate(errors_total[5m]) > 1
  for: 5m
  annotations:
    summary: '{{ $value | humanize }} errors per second'
",
        data: "",
    },
    check: Check::Rule(check),
};

fn check(place: &Place<'_>, found: &mut Found) {
    if !place.is_alert() || !has_many_digits(&place.rule.expr) {
        return;
    }
    for text in texts::annotations(place.rule) {
        for read in text.template.reads().iter().filter(|read| read.what == What::Value { bare: true }) {
            let message = format!("`{}` prints a computed number with all its digits", text.name);
            found.at(text.at(read.span), (place.group, place.rule), message).help.push(
                match is_percentage(&place.rule.expr) {
                    true => "`{{ $value | humanize }}`".to_owned(),
                    false => "`{{ $value | humanize }}`, or `humanizePercentage` for a ratio".to_owned(),
                },
            );
        }
    }
}

/// Returns whether an expression multiplies by 100, so that its value is a percentage already.
fn is_percentage(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |expr| found |= matches!(expr.kind, ExprKind::Number { value, .. } if value == 100.0));
    found
}

/// Returns whether the value of an expression is a fraction as a rule.
fn has_many_digits(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => has_many_digits(inner),
        ExprKind::Call { function, args, .. } => match function.name {
            "rate" | "irate" | "deriv" | "delta" | "increase" | "avg_over_time" | "predict_linear"
            | "stddev_over_time" | "stdvar_over_time" | "histogram_quantile" | "quantile_over_time" | "sqrt" | "ln"
            | "log2" | "log10" => true,
            "abs" | "sort" | "sort_desc" | "label_replace" | "label_join" | "max_over_time" | "min_over_time"
            | "last_over_time" | "sum_over_time" => args.first().is_some_and(has_many_digits),
            _ => false,
        },
        ExprKind::Subquery(subquery) => has_many_digits(&subquery.expr),
        ExprKind::Aggregate(aggregate) => match aggregate.op {
            AggregateOp::Avg | AggregateOp::Stddev | AggregateOp::Stdvar | AggregateOp::Quantile => true,
            AggregateOp::Count | AggregateOp::CountValues | AggregateOp::Group => false,
            _ => has_many_digits(&aggregate.expr),
        },
        ExprKind::Binary(binary) => match binary.op {
            BinaryOp::Div => true,
            op if op.is_comparison() || matches!(op, BinaryOp::And | BinaryOp::Unless) => {
                has_many_digits(&binary.lhs) && !binary.return_bool
            }
            BinaryOp::Mod => false,
            _ => has_many_digits(&binary.lhs) || has_many_digits(&binary.rhs),
        },
        ExprKind::Number { .. }
        | ExprKind::String(_)
        | ExprKind::Selector(_)
        | ExprKind::Range { .. }
        | ExprKind::Invalid => false,
    }
}
