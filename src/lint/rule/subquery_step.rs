//! A subquery whose step is left to the server.

use super::super::{Check, Found, Lint, Page, subject::Place};
use crate::diagnostic::codes;
use crate::promql::ast::ExprKind;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::SUBQUERY_STEP,
    page: Page {
        why: "A subquery without a step, `x[1h:]`, is evaluated at the global evaluation interval of the server, not at that \
              of the rule's group. The rule gives other values on a server with another configuration, and costs more \
              where that interval is short.\n\n\
              Write the step: `x[1h:1m]`.",
        bad: "\
- alert: LongQueue
  expr: max_over_time(sum(queue_length)[30m:]) > 100
  for: 5m
",
        clean: "\
- alert: LongQueue
  expr: max_over_time(sum(queue_length)[30m:1m]) > 100
  for: 5m
",
        data: "",
    },
    check: Check::Rule(check),
};

fn check(place: &Place<'_>, found: &mut Found) {
    place.rule.expr.walk(&mut |expr| {
        if let ExprKind::Subquery(subquery) = &expr.kind
            && subquery.step.is_none()
        {
            let range = &place.rule.text.text[subquery.range.span.range()];
            let message = "this subquery has no step: it takes the global evaluation interval of the server";
            found.expr(place, subquery.range.span, message).help.push(format!("write the step: `[{range}:1m]`"));
        }
    });
}
