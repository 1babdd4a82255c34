//! What a rule reads and gives.

use super::super::evidence::Evidence;
use super::super::subject::Place;
use super::super::{Check, Found, Lint, Page};
use super::parts::written;
use crate::diagnostic::{Severity, codes};
use crate::engine::Episode;
use crate::format::{count, counted};
use crate::outcome::RuleFacts;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::COST,
    page: Page {
        why: "How many series and samples one evaluation of the rule reads, and how many series it gives at once. Each \
              series of a recording rule is kept, and each of an alerting rule is an alert. Where the `limit` of the group \
              is nearly reached, or exceeded, it is a warning: beyond it an evaluation fails, and all alerts of the rule \
              end.",
        bad: "\
- alert: CpuHigh
  expr: avg_over_time(cpu_usage_ratio[4m]) > 0.9
  for: 1m
",
        clean: "\
- alert: Heartbeat
  expr: vector(1)
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

/// The words of an evaluation that exceeds a limit.
pub(in crate::lint) const EXCEEDED: &str = "exceeded limit of ";

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, facts) in evidence.rules() {
        let (mut series, mut samples) = (0_u64, 0_u64);
        for selected in place.rule.expr.selectors() {
            for id in evidence.series(selected.selector) {
                let range = selected.range.and_then(written).map_or(0, |range| range.0.max(0));
                let spacing = evidence.spacing(id).map_or(i64::MAX, |spacing| spacing.0.max(1));
                series += 1;
                samples += (range / spacing).max(1).unsigned_abs();
            }
        }
        let gives = gives(evidence, &place, facts);
        limit(&place, facts, gives, found);
        if series > 0 {
            let message = format!(
                "an evaluation reads {} and {}, and gives {}",
                if series == 1 { "1 series".to_owned() } else { format!("{} series", count(series)) },
                counted(samples, "sample"),
                match (gives, place.is_alert()) {
                    (0, true) => "no alert".to_owned(),
                    (0, false) => "no series".to_owned(),
                    (gives, true) => format!("up to {}", counted(gives, "alert")),
                    (gives, false) => format!("up to {} series", count(gives)),
                }
            );
            found.at(place.rule.name.whole(), (place.group, place.rule), message);
        }
    }
}

/// Returns how many alerts a rule has at once, at most, or how many series it gives at the steps that were looked at.
fn gives(evidence: &Evidence<'_>, place: &Place<'_>, facts: &RuleFacts) -> u64 {
    if place.is_alert() {
        return at_once(&evidence.episodes(facts));
    }
    let probe = evidence.probe(place, &place.rule.expr);
    probe.steps.iter().map(|(_, samples)| samples.len() as u64).max().unwrap_or(0)
}

/// Returns the most episodes that are open at one time.
fn at_once(episodes: &[&Episode]) -> u64 {
    // An alert that ends at a slot makes room for one that begins there.
    let begins = episodes.iter().map(|episode| (episode.activity.active_at, 1));
    let ends = episodes.iter().filter_map(|episode| Some((episode.ended_at?, -1)));
    let mut changes: Vec<(_, i64)> = begins.chain(ends).collect();
    changes.sort_unstable();
    let (mut open, mut most) = (0, 0);
    for (_, change) in changes {
        open += change;
        most = most.max(open);
    }
    most.unsigned_abs()
}

/// Says that the limit of a group is near, or exceeded.
fn limit(place: &Place<'_>, facts: &RuleFacts, gives: u64, found: &mut Found) {
    let limit = place.group.limit as u64;
    if limit == 0 {
        return;
    }
    let over = facts.counts.faults.iter().filter(|fault| fault.message.starts_with(EXCEEDED));
    let (failed, first) =
        over.fold((0, None), |(many, first), fault| (many + fault.count, first.or(Some(fault.first))));
    let what = if place.is_alert() { "alerts" } else { "series" };
    let message = match first {
        Some(first) => format!(
            "exceeds the limit of {limit} {what} at {}, first at {first}: nothing comes of these",
            counted(failed, "evaluation")
        ),
        None if gives * 5 > limit * 4 => format!("gives up to {gives} {what}, and the limit of its group is {limit}"),
        None => return,
    };
    let at =
        place.group.parts.as_ref().and_then(|parts| parts.limit).map_or(place.rule.name.whole(), |limit| limit.value);
    let finding = found.at(at, (place.group, place.rule), message);
    finding.severity = Severity::Warning;
    finding
        .help
        .push("a higher `limit`, or an expression that gives less: an aggregation, a narrower selector".to_owned());
}
