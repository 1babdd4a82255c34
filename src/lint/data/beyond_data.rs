//! An expression that looks back further than the recording is long.

use super::super::evidence::Evidence;
use super::super::{Check, Found, Lint, Page};
use super::parts::written;
use crate::diagnostic::codes;
use crate::format::duration;
use crate::promql::ast::{DurationExpr, ExprKind, Modifiers};
use crate::source::Span;
use crate::time::Millis;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::BEYOND_DATA,
    page: Page {
        why: "A range that is longer than the recording is never full, and an offset that is longer has nothing to look \
              at. What the rule does on this recording may not be what it does on a server: a longer recording is \
              needed. Where the range is a typo (`[5d]` for `[5m]`), correct it. The server must keep samples \
              for as long as well.",
        bad: "\
- alert: QueueFull
  expr: max_over_time(queue_depth[5d]) > 90
  for: 2m
",
        clean: "\
- alert: QueueFull
  expr: max_over_time(queue_depth[3m]) > 90
  for: 2m
",
        data: "\
time,host,queue_depth
2026-01-05T00:00:00Z,a,20
2026-01-05T00:01:00Z,a,20
2026-01-05T00:02:00Z,a,20
2026-01-05T00:03:00Z,a,20
2026-01-05T00:04:00Z,a,98
2026-01-05T00:05:00Z,a,98
2026-01-05T00:06:00Z,a,10
2026-01-05T00:07:00Z,a,10
2026-01-05T00:08:00Z,a,10
2026-01-05T00:09:00Z,a,10
",
    },
    check: Check::Data(check),
};

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    let length = evidence.length();
    for (place, facts) in evidence.rules() {
        // An hour of samples lasts an hour, although the last is less than an hour after the first.
        let spacings = place.rule.expr.selectors().into_iter().flat_map(|found| evidence.series(found.selector));
        let spacing = spacings.filter_map(|id| evidence.spacing(id)).max();
        let slack = spacing.unwrap_or_else(|| evidence.recorded.outcome.interval(facts));
        let most = Millis(length.0.saturating_add(slack.0));
        let mut say = |span: Span, message: String| {
            let help = format!("shorten it, or check with a recording that is longer than {}", duration(length));
            found.expr(&place, span, message).help.push(help);
        };
        let range = |range: &DurationExpr, say: &mut dyn FnMut(Span, String)| {
            if let Some(long) = written(range).filter(|long| *long > most) {
                let message = format!(
                    "a range of {} is longer than the recording ({}): it is never full",
                    long,
                    duration(length)
                );
                say(range.span, message);
            }
        };
        let offset = |modifiers: &Modifiers, say: &mut dyn FnMut(Span, String)| {
            let Some(offset) = &modifiers.offset else { return };
            if let Some(far) = written(offset).map(|far| Millis(far.0.saturating_abs())).filter(|far| *far > most) {
                let message =
                    format!("an offset of {far} is longer than the recording ({}): nothing is there", duration(length));
                say(offset.span, message);
            }
        };
        place.rule.expr.walk(&mut |expr| match &expr.kind {
            ExprKind::Selector(selector) => offset(&selector.modifiers, &mut say),
            ExprKind::Range { selector, range: over, .. } => {
                range(over, &mut say);
                offset(&selector.modifiers, &mut say);
            }
            ExprKind::Subquery(subquery) => {
                range(&subquery.range, &mut say);
                offset(&subquery.modifiers, &mut say);
            }
            _ => {}
        });
    }
}
