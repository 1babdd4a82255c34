//! An alert that does not fire.

use super::super::evidence::Evidence;
use super::super::{Check, Found, Lint, Page};
use super::misses::{Guard, misses};
use super::parts::{between, is_dead, limit};
use super::threshold_out_of_range::is_found;
use crate::diagnostic::{Severity, codes};
use crate::format::counted;
use crate::outcome::Needs;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::NEVER_FIRES,
    page: Page {
        why: "The condition was never true on the recording. A quiet night is how it should be, so this is an info; where \
              the rule reads a recorded metric that never has a value, it can never fire, and this is a warning. What is \
              missing altogether, or a threshold that is out of reach, has a finding of its own.",
        bad: "\
- alert: AllDown
  expr: absent(up)
  for: 2m
",
        clean: "\
- alert: Down
  expr: up == 0
  for: 1m
",
        data: "\
time,host,up
2026-01-05T00:00:00Z,a,1
2026-01-05T00:01:00Z,a,0
2026-01-05T00:02:00Z,a,0
2026-01-05T00:03:00Z,a,0
2026-01-05T00:04:00Z,a,1
2026-01-05T00:05:00Z,a,1
",
    },
    check: Check::Data(check),
};

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, facts) in evidence.alerts() {
        let counts = &facts.counts;
        if counts.true_evaluations > 0 || counts.evaluations == 0 {
            continue;
        }
        // What else is said of the rule says why.
        let is_told = is_dead(&place, place.rule.expr.span)
            || !counts.faults.is_empty()
            || is_found(evidence, &place, facts)
            || misses(evidence, &place).iter().any(|miss| miss.guard == Guard::None);
        if is_told {
            continue;
        }
        let many = counted(counts.evaluations, "evaluation");
        let (severity, message) = match &facts.no_source {
            Some(source) => {
                // What comes of nothing in the whole recording is no quiet night.
                let severity = match source.needs {
                    Needs::Result => Severity::Info,
                    Needs::Metric(_) | Needs::Series(_) | Needs::Itself => Severity::Warning,
                };
                (severity, format!("never fires: {source}"))
            }
            None => {
                let values = limit(&place.rule.expr).zip(counts.extremes).map(|(limit, (min, max))| {
                    let (values, op) = (between((min, max)), limit.op.symbol());
                    format!("; the values are {values}, and the rule asks for `{op} {}`", limit.written(&place))
                });
                let message = format!("never fires: the condition is not true at any of {many}");
                (Severity::Info, message + &values.unwrap_or_default())
            }
        };
        found.at(place.rule.name.whole(), (place.group, place.rule), message).severity = severity;
    }
}
