//! A function for counters on a metric that falls.

use super::super::evidence::Evidence;
use super::super::{Check, Found, Lint, Page};
use super::misses::word_at;
use crate::diagnostic::codes;
use crate::promql::ast::ExprKind;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::RATE_ON_GAUGE,
    page: Page {
        why: "`rate()`, `irate()`, `increase()` and `resets()` take every fall of a value for the restart of a counter, and \
              count what is left as new. Of a gauge, which falls all the time, they give large numbers that mean nothing.\n\n\
              It is a gauge where a `# TYPE` line of the recording says so, and else if its recorded values fall again and again without falling to half of what they \
              were. Use `deriv()`, `delta()`, or an average over time.",
        bad: "\
- alert: QueueGrows
  expr: rate(queue_depth[3m]) > 1
  for: 2m
",
        clean: "\
- alert: QueueGrows
  expr: deriv(queue_depth[3m]) > 0.1
  for: 2m
",
        data: "\
time,host,queue_depth
2026-01-05T00:00:00Z,a,20
2026-01-05T00:01:00Z,a,31
2026-01-05T00:02:00Z,a,26
2026-01-05T00:03:00Z,a,24
2026-01-05T00:04:00Z,a,38
2026-01-05T00:05:00Z,a,35
2026-01-05T00:06:00Z,a,50
2026-01-05T00:07:00Z,a,66
2026-01-05T00:08:00Z,a,80
2026-01-05T00:09:00Z,a,79
2026-01-05T00:10:00Z,a,78
",
    },
    check: Check::Data(check),
};

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, _) in evidence.rules() {
        place.rule.expr.walk(&mut |expr| {
            let ExprKind::Call { function, args, .. } = &expr.kind else { return };
            if !matches!(function.name, "rate" | "irate" | "increase" | "resets") {
                return;
            }
            let Some(ExprKind::Range { selector, selector_span, .. }) = args.first().map(|arg| &arg.unparen().kind)
            else {
                return;
            };
            let Some(metric) = selector.metric().filter(|metric| !evidence.is_written(metric)) else { return };
            let shape = evidence.shape(metric);
            let declared = evidence.is_declared_counter(metric).filter(|_| !evidence.series(selector).is_empty());
            if !declared.map_or_else(|| shape.is_gauge(), |counter| !counter) {
                return;
            }
            let falls = crate::format::counted(shape.falls + shape.resets, "time");
            let why = match declared {
                Some(_) => "its `# TYPE` line says so".to_owned(),
                None => format!("it falls {falls} in the recording"),
            };
            let message =
                format!("`{metric}` is a gauge: {why}, and `{}()` takes each fall for a restart", function.name);
            let finding = found.expr(&place, word_at(&place, *selector_span, metric), message);
            finding.help.push(match function.name {
                "increase" => "`delta()` gives how much a gauge changed".to_owned(),
                "resets" => "`changes()` counts how often a gauge changed".to_owned(),
                _ => "`deriv()` gives how fast a gauge changes; or name the counter that is meant".to_owned(),
            });
        });
    }
}
