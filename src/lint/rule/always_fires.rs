//! An alert whose condition is no condition.

use super::super::shape::{number, replace};
use super::super::{Check, Found, Lint, Page, edit::shortened, subject::Place};
use crate::diagnostic::{Severity, codes};
use crate::labels::{METRIC_NAME, MatchOp, Matcher};
use crate::promql::ast::{AggregateOp, Binary, BinaryOp, Expr, ExprKind, Selector, Type};
use crate::promql::functions::Kernel;
use crate::promql::lex::{Keyword, Kind, lex};
use crate::rules::graph::{ALERTS, ALERTS_FOR_STATE};
use crate::source::Span;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::ALWAYS_FIRES,
    page: Page {
        why: "Prometheus alerts on every series that the expression gives, whatever its value: 0 alerts as 1 does. Only \
              what removes series is a condition: a comparison, `unless`, `absent()`. An expression without one fires \
              for as long as its series exist, and so does a comparison with `bool`, which gives 0 or 1 instead of \
              removing.\n\n\
              Compare with a threshold, and remove `bool`. An alert that fires all the time on purpose, to show that \
              the way to its receiver works, is written `vector(1)` and is not reported.",
        bad: "\
- alert: QueueFull
  expr: queue_length > bool 100
  for: 5m
",
        clean: "\
- alert: QueueFull
  expr: queue_length > 100
  for: 5m
",
        data: "",
    },
    check: Check::Rule(check),
};

fn check(place: &Place<'_>, found: &mut Found) {
    if place.is_alert() && !is_heartbeat(&place.rule.expr) {
        side(place, &place.rule.expr, found);
    }
}

/// Returns whether an alert is meant to fire all the time.
fn is_heartbeat(expr: &Expr) -> bool {
    match &expr.unparen().kind {
        ExprKind::Call { function, args, .. } => match function.kernel {
            Kernel::Vector => args.first().and_then(number).is_some(),
            // With a label of its own.
            Kernel::LabelReplace | Kernel::LabelJoin => args.first().is_some_and(is_heartbeat),
            _ => false,
        },
        _ => false,
    }
}

/// Looks at an expression, or at one side of an `or`, each of which alerts on its own.
fn side(place: &Place<'_>, expr: &Expr, found: &mut Found) {
    let inner = expr.unparen();
    match &inner.kind {
        ExprKind::Binary(binary) if binary.op == BinaryOp::Or => {
            side(place, &binary.lhs, found);
            // A default on the right shows that the alert is alive, or was copied from a dashboard; it is one series.
            if !is_heartbeat(&binary.rhs) {
                side(place, &binary.rhs, found);
            }
        }
        ExprKind::Binary(binary) if binary.op == BinaryOp::And && !filters(place, inner, 0) => {
            match [&binary.lhs, &binary.rhs].into_iter().find_map(|side| with_bool(side)) {
                Some(compared) => with_bool_found(place, compared, found),
                None => without_condition(place, inner, found),
            }
        }
        ExprKind::Binary(binary) if binary.op.is_comparison() && binary.return_bool => {
            // Two numbers are told of as such.
            let are_numbers = number(&binary.lhs).is_some() && number(&binary.rhs).is_some();
            if !are_numbers && !filters(place, inner, 0) {
                with_bool_found(place, binary, found);
            }
        }
        // A side that gives 0 or 1 removes nothing, whatever the other side does.
        ExprKind::Binary(binary) if matches!(binary.op, BinaryOp::And | BinaryOp::Unless) => {
            let sides = [&binary.lhs, &binary.rhs].into_iter().filter_map(with_bool);
            sides.for_each(|compared| with_bool_found(place, compared, found));
        }
        _ if !filters(place, inner, 0) => without_condition(place, inner, found),
        _ => {}
    }
}

fn with_bool(expr: &Expr) -> Option<&Binary> {
    match &expr.unparen().kind {
        ExprKind::Binary(binary) if binary.op.is_comparison() && binary.return_bool && expr.ty() == Type::Vector => {
            Some(binary)
        }
        _ => None,
    }
}

fn with_bool_found(place: &Place<'_>, binary: &Binary, found: &mut Found) {
    let text = &place.rule.text.text;
    let after = &text[binary.op_span.end as usize..];
    let word = lex(after).first().copied().filter(|token| token.kind == Kind::Word(Some(Keyword::Bool)));
    let start = binary.op_span.end as usize;
    let message = format!(
        "`{} bool` gives 0 or 1 and removes no series, so this alert fires whether it is true or not",
        binary.op.symbol()
    );
    let Some(word) = word else { return };
    let at = Span::new(start + word.span.start as usize, start + word.span.end as usize);
    // Together with the blank before it.
    let cut = Span { start: binary.op_span.end, end: at.end };
    let fix = replace(place, cut, "").filter(|_| text[cut.range()].trim() == text[at.range()].trim());
    let left = shortened(&text[binary.lhs.span.range()]);
    let right = shortened(&text[binary.rhs.span.range()]);
    let finding = found.expr(place, at, message);
    if binary.lhs.ty() == Type::Scalar && binary.rhs.ty() == Type::Scalar {
        // Two scalars are compared with `bool` alone.
        finding.help.push(format!("write `vector({left}) {} {right}`", binary.op.symbol()));
        return;
    }
    finding.help.push(format!("remove `bool`: `{left} {} {right}`", binary.op.symbol()));
    finding.fixes.extend(fix);
}

fn without_condition(place: &Place<'_>, expr: &Expr, found: &mut Found) {
    let text = shortened(&place.rule.text.text[expr.span.range()]);
    let message = match expr.ty() {
        Type::Scalar => "this alert always fires: its expression is a number, whatever it is".to_owned(),
        _ if matches!(&expr.kind, ExprKind::Binary(binary) if binary.op == BinaryOp::And) => {
            "no side of this `and` compares anything, so this alert fires whatever the values are".to_owned()
        }
        _ => "nothing here removes series, so this alert fires for each of them, whatever its value".to_owned(),
    };
    let finding = found.expr(place, expr.span, message);
    if picks_by_pattern(expr) {
        // That there is such a series may be the condition.
        finding.severity = Severity::Info;
    }
    finding.help.push(match &expr.kind {
        ExprKind::Number { .. } => {
            "write a condition such as `up == 0`, or `vector(1)` for an alert that fires all the time on purpose"
                .to_owned()
        }
        ExprKind::Binary(binary) if binary.op == BinaryOp::And => {
            "compare one side with a threshold, such as `x > 0 and y`".to_owned()
        }
        ExprKind::Binary(_) => format!("compare it with a threshold, such as `({text}) > 5`"),
        ExprKind::Aggregate(aggregate) if aggregate.op == AggregateOp::Count => {
            format!("compare it with the number that you expect, such as `{text} < 5`")
        }
        ExprKind::Selector(selector) if selector.metric() == Some("up") => format!("`{text} == 0` is what is down"),
        ExprKind::Selector(_) => format!("compare it with a threshold, such as `{text} > 0`"),
        _ => format!("compare it with a threshold, such as `{text} > 5`"),
    });
}

/// Returns whether an expression selects series by a pattern of a label that does not merely say where they come from.
fn picks_by_pattern(expr: &Expr) -> bool {
    let ExprKind::Selector(selector) = &expr.kind else { return false };
    selector.matchers.iter().any(|matcher| matcher.op == MatchOp::Regex && says(matcher))
}

/// Returns whether a matcher says more than where series come from.
fn says(matcher: &Matcher) -> bool {
    !matches!(matcher.name.as_str(), METRIC_NAME | "job" | "instance")
}

/// How far the rules are followed that record what an alert reads.
const DEPTH: usize = 4;

/// How many of the rules are looked at that write one metric.
const WRITERS: usize = 16;

/// Returns whether an expression may have no series for another reason than that none is recorded.
fn filters(place: &Place<'_>, expr: &Expr, depth: usize) -> bool {
    match &expr.kind {
        ExprKind::Number { .. } | ExprKind::String(_) => false,
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => filters(place, inner, depth),
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => is_filtered(place, selector, depth),
        ExprKind::Subquery(subquery) => filters(place, &subquery.expr, depth),
        ExprKind::Call { function, args, .. } => match function.kernel {
            Kernel::Absent | Kernel::AbsentOverTime => true,
            // It asks whether there are series.
            _ if function.name == "present_over_time" => true,
            _ => args.iter().any(|arg| matches!(arg.ty(), Type::Vector | Type::Matrix) && filters(place, arg, depth)),
        },
        ExprKind::Aggregate(aggregate) => aggregate.op == AggregateOp::Group || filters(place, &aggregate.expr, depth),
        ExprKind::Binary(binary) => match binary.op {
            BinaryOp::Unless => true,
            BinaryOp::Or => filters(place, &binary.lhs, depth) && filters(place, &binary.rhs, depth),
            op if op.is_comparison() && !binary.return_bool => true,
            _ => filters(place, &binary.lhs, depth) || filters(place, &binary.rhs, depth),
        },
        ExprKind::Invalid => true,
    }
}

/// Returns whether the series that are selected are there only under a condition, or may be.
fn is_filtered(place: &Place<'_>, selector: &Selector, depth: usize) -> bool {
    let Some(metric) = selector.metric() else { return false };
    if metric == ALERTS || metric == ALERTS_FOR_STATE {
        return true;
    }
    // The value of such a series is always 1: what it says stands in its labels.
    if ["_info", "_labels", "_metadata"].iter().any(|end| metric.ends_with(end)) && selector.matchers.iter().any(says) {
        return true;
    }
    match place.subject.recorded.get(metric) {
        Some(writers) => {
            depth >= DEPTH
                || writers.len() > WRITERS
                || writers.iter().any(|writer| filters(place, &place.subject.all[*writer].2.expr, depth + 1))
        }
        // The name of one that another file may record.
        None => metric.contains(':'),
    }
}
