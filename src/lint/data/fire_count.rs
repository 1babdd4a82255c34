//! How often an alert fires.

use std::collections::BTreeSet;

use super::super::evidence::Evidence;
use super::super::{Check, Found, Lint, Page};
use crate::diagnostic::codes;
use crate::format::{counted, duration};
use crate::lint::policy::Firings;
use crate::time::Millis;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::FIRE_COUNT,
    page: Page {
        why: "How often the alert would have fired on the recording, for how many label sets, and for how long in all: the \
              exact numbers of `alertctl eval`. An alert that fires a hundred times in a night is one that nobody reads.",
        bad: "\
- alert: CpuHigh
  expr: cpu_usage_ratio > 0.9
  for: 1m
",
        clean: "\
- alert: CpuHigh
  expr: cpu_usage_ratio > 0.97
  for: 1m
",
        data: "\
time,host,cpu_usage_ratio
2026-01-05T00:00:00Z,a,0.5
2026-01-05T00:01:00Z,a,0.95
2026-01-05T00:02:00Z,a,0.95
2026-01-05T00:03:00Z,a,0.95
2026-01-05T00:04:00Z,a,0.95
2026-01-05T00:05:00Z,a,0.4
",
    },
    check: Check::Data(check),
};

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, facts) in evidence.alerts() {
        let last = evidence.recorded.outcome.last_step(facts);
        let episodes = evidence.episodes(facts);
        let fired = || episodes.iter().filter_map(|episode| Some((episode, episode.activity.fired_at?)));
        let many = fired().count() as u64;
        if many == 0 {
            continue;
        }
        let sets: BTreeSet<_> = fired().map(|(episode, _)| &episode.labels).collect();
        let all: i64 = fired().map(|(episode, at)| episode.ended_at.unwrap_or(last).since(at).0).sum();
        let message = format!(
            "fires {} on this recording, for {}, {} in all",
            counted(many, "time"),
            counted(sets.len() as u64, "label set"),
            duration(Millis(all))
        );
        found.at(place.rule.name.whole(), (place.group, place.rule), message);
    }
}

/// Returns how often each alert fired, by the number of its rule.
pub(in crate::lint) fn firings(evidence: &Evidence<'_>) -> Firings {
    let count = |facts| {
        let episodes = evidence.episodes(facts);
        episodes.iter().filter(|episode| episode.activity.fired_at.is_some()).count() as u64
    };
    evidence.alerts().map(|(place, facts)| (place.number, count(facts))).collect()
}
