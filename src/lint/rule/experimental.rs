//! What Prometheus evaluates only where a feature is enabled.

use super::super::{Check, Found, Lint, Page, subject::Place};
use crate::diagnostic::codes;
use crate::promql::ast::{AggregateOp, DurationExpr, DurationKind, Edges, ExprKind, Matching, Modifiers};
use crate::promql::functions::Kernel;
use crate::rules::Form;
use crate::source::Span;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::EXPERIMENTAL,
    page: Page {
        why: "Some functions, aggregations and modifiers of PromQL are experimental: Prometheus refuses to load a rule that \
              uses them unless it is started with a feature flag, and they may change or go in any release.\n\n\
              Start Prometheus with the flag, or write the rule without them.",
        bad: "\
- alert: ManyErrors
  expr: mad_over_time(errors[1h]) > 1
  for: 5m
",
        clean: "\
- alert: ManyErrors
  expr: stddev_over_time(errors[1h]) > 1
  for: 5m
",
        data: "",
    },
    check: Check::Rule(check),
};

/// What Prometheus calls the features, after `--enable-feature=`.
const FUNCTIONS: &str = "promql-experimental-functions";
const STARTS: &str = "promql-experimental-functions,use-start-timestamps";
const DURATIONS: &str = "promql-duration-expr";
const EDGES: &str = "promql-extended-range-selectors";
const FILL: &str = "promql-binop-fill-modifiers";

fn check(place: &Place<'_>, found: &mut Found) {
    if place.file.form == Form::Native {
        // Prometheus does not read them.
        return;
    }
    let mut told: Vec<String> = Vec::new();
    let mut tell = |span: Span, what: String, feature: &str| {
        if !told.contains(&what) {
            let message = format!("{what} is experimental: Prometheus loads this rule only with a feature flag");
            found.expr(place, span, message).help.push(format!("start Prometheus with `--enable-feature={feature}`"));
            told.push(what);
        }
    };
    place.rule.expr.walk(&mut |expr| match &expr.kind {
        ExprKind::Call { function, name, .. } if function.experimental => {
            let feature = if function.kernel == Kernel::StartTimestamp { STARTS } else { FUNCTIONS };
            tell(*name, format!("`{}()`", function.name), feature);
        }
        ExprKind::Aggregate(aggregate) if matches!(aggregate.op, AggregateOp::LimitK | AggregateOp::LimitRatio) => {
            tell(aggregate.op_span, format!("`{}`", aggregate.op.name()), FUNCTIONS);
        }
        ExprKind::Selector(selector) => modifiers(&selector.modifiers, expr.span, &mut tell),
        ExprKind::Range { selector, range, .. } => {
            computed(range, &mut tell);
            modifiers(&selector.modifiers, expr.span, &mut tell);
        }
        ExprKind::Subquery(subquery) => {
            computed(&subquery.range, &mut tell);
            subquery.step.iter().for_each(|step| computed(step, &mut tell));
            modifiers(&subquery.modifiers, expr.span, &mut tell);
        }
        ExprKind::Binary(binary) => {
            let fills = |matching: &&Matching| matching.fill_left.is_some() || matching.fill_right.is_some();
            if binary.matching.as_ref().filter(fills).is_some() {
                tell(binary.op_span, "`fill`".to_owned(), FILL);
            }
        }
        _ => {}
    });
}

fn modifiers(modifiers: &Modifiers, span: Span, tell: &mut impl FnMut(Span, String, &str)) {
    modifiers.offset.iter().for_each(|offset| computed(offset, tell));
    match modifiers.edges {
        Some(Edges::Anchored) => tell(span, "`anchored`".to_owned(), EDGES),
        Some(Edges::Smoothed) => tell(span, "`smoothed`".to_owned(), EDGES),
        None => {}
    }
}

/// Tells of a duration that is worked out.
fn computed(duration: &DurationExpr, tell: &mut impl FnMut(Span, String, &str)) {
    if !matches!(duration.kind, DurationKind::Literal { .. }) {
        tell(duration.span, "arithmetic over durations".to_owned(), DURATIONS);
    }
}
