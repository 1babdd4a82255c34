//! `irate()` in an alert.

use super::super::{Check, Found, Lint, Page, subject::Place};
use crate::diagnostic::codes;
use crate::promql::ast::ExprKind;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::IRATE,
    page: Page {
        why: "`irate()` looks at the last two samples of its range alone. A single calm moment resets the `for` of an alert, \
              and a single burst fires one without. It is meant for graphs of fast counters.\n\n\
              Write `rate()` in alerts.",
        bad: "\
- alert: ManyErrors
  expr: irate(errors_total[5m]) > 1
  for: 5m
",
        clean: "\
- alert: ManyErrors
  expr: rate(errors_total[5m]) > 1
  for: 5m
",
        data: "",
    },
    check: Check::Rule(check),
};

fn check(place: &Place<'_>, found: &mut Found) {
    if !place.is_alert() {
        return;
    }
    place.rule.expr.walk(&mut |expr| {
        if let ExprKind::Call { function, name, .. } = &expr.kind
            && function.name == "irate"
        {
            let message = "`irate` looks at two samples alone: one calm moment resets this alert";
            found.expr(place, *name, message).help.push("write `rate`, which looks at the whole range".to_owned());
        }
    });
}
