//! An alert that is pending again and again, and never fires.

use super::super::evidence::Evidence;
use super::super::{Check, Found, Lint, Page};
use crate::diagnostic::{Severity, codes};
use crate::engine::End;
use crate::format::{counted, duration};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::DIES_PENDING,
    page: Page {
        why: "The condition was true, each time for less than `for`, so the alert never fired. Where it comes close to `for` \
              three times and more, `for` is probably longer than what the alert is about: that is a warning.\n\n\
              Note that `for` counts from evaluation to evaluation: it is rounded up to the interval of the group.",
        bad: "\
- alert: QueueFull
  expr: queue_depth > 90
  for: 5m
",
        clean: "\
- alert: QueueFull
  expr: queue_depth > 90
  for: 2m
",
        data: "\
time,host,queue_depth
2026-01-05T00:00:00Z,a,20
2026-01-05T00:01:00Z,a,95
2026-01-05T00:02:00Z,a,96
2026-01-05T00:03:00Z,a,97
2026-01-05T00:04:00Z,a,60
2026-01-05T00:05:00Z,a,95
2026-01-05T00:06:00Z,a,96
2026-01-05T00:07:00Z,a,97
2026-01-05T00:08:00Z,a,20
2026-01-05T00:09:00Z,a,20
",
    },
    check: Check::Data(check),
};

/// How often it must come close to `for` to be a warning.
const OFTEN: usize = 3;

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    let outcome = &evidence.recorded.outcome;
    for (place, facts) in evidence.alerts() {
        let episodes = evidence.episodes(facts);
        if episodes.is_empty() || episodes.iter().any(|episode| episode.activity.fired_at.is_some()) {
            continue;
        }
        let died = episodes.iter().filter(|episode| episode.end == End::DiedPending);
        let lengths: Vec<_> =
            died.map(|episode| episode.activity.last_true_at.since(episode.activity.active_at)).collect();
        let Some(longest) = lengths.iter().max() else { continue };
        let hold = facts.effective_hold(outcome.interval(facts));
        let close = lengths.iter().filter(|length| length.0.saturating_mul(5) >= hold.0.saturating_mul(4)).count();
        let longest = match longest.0 {
            0 => "never for more than one evaluation".to_owned(),
            _ => format!("at most {}", duration(*longest)),
        };
        let times = counted(lengths.len() as u64, "time");
        let message = format!("never fires: pending {times}, {longest}, and `for` wants {}", duration(hold));
        let at =
            place.rule.parts.as_ref().and_then(|parts| parts.hold).map_or(place.rule.name.whole(), |hold| hold.value);
        let finding = found.at(at, (place.group, place.rule), message);
        if close >= OFTEN {
            finding.severity = Severity::Warning;
            finding.help.push(format!("it comes close to `for` {close} times: a shorter `for` catches these"));
        }
    }
}
