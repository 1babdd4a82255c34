//! Samples that are further apart than a selector looks back.

use super::super::evidence::Evidence;
use super::super::{Check, Found, Lint, Page};
use super::misses::word_at;
use super::parts::ranged;
use crate::diagnostic::codes;
use crate::format::duration;
use crate::rules::Evaluate;
use crate::time::Millis;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::LONG_CADENCE,
    page: Page {
        why: "A selector takes the newest sample of the look-back, five minutes as a rule. Of a series with a sample every \
              15 minutes it sees nothing most of the time, so an alert with `for` never fires, and one without flaps.\n\n\
              Read the metric over a range that is longer than the distance of its samples: `last_over_time(x[20m])`.",
        bad: "\
- alert: BackupOld
  expr: backup_age_hours > 20
  for: 30m
",
        clean: "\
- alert: BackupOld
  expr: last_over_time(backup_age_hours[20m]) > 20
  for: 30m
",
        data: "\
time,host,backup_age_hours
2026-01-05T00:00:00Z,a,10
2026-01-05T00:15:00Z,a,12
2026-01-05T00:30:00Z,a,13
2026-01-05T00:45:00Z,a,21
2026-01-05T01:00:00Z,a,22
2026-01-05T01:15:00Z,a,23
2026-01-05T01:30:00Z,a,24
2026-01-05T01:45:00Z,a,5
",
    },
    check: Check::Data(check),
};

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, _) in evidence.rules() {
        if matches!(place.group.evaluate, Evaluate::EveryRow | Evaluate::EverySnapshot) {
            continue;
        }
        let look_back = evidence.lookback(place.group);
        for selected in place.rule.expr.selectors().into_iter().filter(|selected| selected.range.is_none()) {
            let spacings = evidence.series(selected.selector).into_iter().filter_map(|id| evidence.spacing(id));
            let Some(slowest) = spacings.max().filter(|slowest| *slowest > look_back) else { continue };
            let metric = selected.selector.metric().unwrap_or("");
            let message = format!(
                "`{}` has a sample every {}, and a selector looks back {look_back}: between samples it is not there",
                if metric.is_empty() { "what this selects" } else { metric },
                duration(slowest)
            );
            // Twice the spacing: one sample may be missing or late.
            let enough = Millis(slowest.0.saturating_mul(2));
            let finding = found.expr(&place, word_at(&place, selected.span, metric), message);
            finding.help.push(format!("`last_over_time({})`", ranged(selected.selector, enough)));
        }
    }
}
