//! An alert that fires and resolves again and again.

use std::collections::BTreeMap;

use super::super::evidence::Evidence;
use super::super::{Check, Found, Lint, Page};
use crate::diagnostic::codes;
use crate::format::counted;
use crate::labels::LabelSet;
use crate::time::{Millis, Timestamp};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::FLAPPING,
    page: Page {
        why: "An alert that fires five times in an hour for the same labels is one page too many, four times over. The value \
              moves around the threshold, or the condition holds for hardly longer than `for`.\n\n\
              Look at an average or a maximum over a few minutes, wait longer (`for`), or keep the alert over short \
              breaks (`keep_firing_for`).",
        bad: "\
- alert: QueueFull
  expr: queue_depth > 90
",
        clean: "\
- alert: QueueFull
  expr: queue_depth > 90
  keep_firing_for: 5m
",
        data: "\
time,host,queue_depth
2026-01-05T00:00:00Z,a,20
2026-01-05T00:01:00Z,a,95
2026-01-05T00:02:00Z,a,80
2026-01-05T00:03:00Z,a,95
2026-01-05T00:04:00Z,a,80
2026-01-05T00:05:00Z,a,95
2026-01-05T00:06:00Z,a,80
2026-01-05T00:07:00Z,a,95
2026-01-05T00:08:00Z,a,80
2026-01-05T00:09:00Z,a,95
2026-01-05T00:10:00Z,a,80
2026-01-05T00:11:00Z,a,95
2026-01-05T00:12:00Z,a,80
2026-01-05T00:13:00Z,a,20
2026-01-05T00:18:00Z,a,20
2026-01-05T00:23:00Z,a,20
2026-01-05T00:28:00Z,a,20
",
    },
    check: Check::Data(check),
};

/// How often an alert must fire within [`WITHIN`].
const OFTEN: usize = 5;
const WITHIN: Millis = Millis(3_600_000);

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, facts) in evidence.alerts() {
        let mut by_labels: BTreeMap<&LabelSet, Vec<Timestamp>> = BTreeMap::new();
        for episode in evidence.episodes(facts) {
            if let Some(fired) = episode.activity.fired_at {
                by_labels.entry(&episode.labels).or_default().push(fired);
            }
        }
        let worst = by_labels.iter().map(|(labels, fired)| (most_within(fired), *labels, fired.len()));
        let worst: Vec<_> = worst.filter(|(most, ..)| *most >= OFTEN).collect();
        let Some((most, labels, all)) = worst.iter().max_by_key(|(most, ..)| *most) else { continue };
        // What all have alike says nothing of the worst.
        let tells = |name: &str| by_labels.keys().any(|others| others.get(name) != labels.get(name));
        let apart = labels.filter(tells);
        let labels = if by_labels.len() > 1 { apart } else { Evidence::bare(&place, labels) };
        let others = match worst.len() {
            1 => String::new(),
            many => format!("; {} flap", counted(many as u64, "label set")),
        };
        let message = format!(
            "flaps: fires {} for one label set, up to {most} within an hour{others}",
            counted(*all as u64, "time")
        );
        let finding = found.at(place.rule.name.whole(), (place.group, place.rule), message);
        if !labels.is_empty() {
            finding.help.push(format!("the worst is {labels}"));
        }
        let longer = facts.hold.max(Millis(60_000)).0.saturating_mul(2);
        finding.help.push(format!(
            "`keep_firing_for: {}` bridges short breaks; `for: {}` waits longer; or compare an average over some minutes",
            Millis(300_000),
            Millis(longer)
        ));
    }
}

/// Returns the most times out of a sorted list that come within an hour.
fn most_within(times: &[Timestamp]) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (at, time) in times.iter().enumerate() {
        while time.since(times[first]) >= WITHIN {
            first += 1;
        }
        most = most.max(at + 1 - first);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firings_within_any_hour_are_counted() {
        let check = |minutes: &[i64], expected: usize| {
            let times: Vec<_> = minutes.iter().map(|minute| Timestamp(minute * 60_000)).collect();
            assert_eq!(most_within(&times), expected, "{minutes:?}");
        };
        check(&[], 0);
        check(&[0, 60, 120], 1);
        check(&[0, 50, 59, 61, 70, 200], 4);
    }
}
