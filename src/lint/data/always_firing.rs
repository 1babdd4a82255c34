//! An alert that fires all the time.

use super::super::evidence::Evidence;
use super::super::subject::Place;
use super::super::{Check, Found, Lint, Page};
use super::misses::{Guard, misses};
use super::parts::{limit, unfiltered};
use crate::diagnostic::{Severity, codes};
use crate::engine::Episode;
use crate::format::{counted, value};
use crate::time::{Millis, Timestamp};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::ALWAYS_FIRING,
    page: Page {
        why: "An alert that fires from the first evaluation of the recording to the last one tells nothing: its threshold \
              is on the wrong side of every value, or of another unit, or `absent()` asks for series that are never there. \
              It is a warning where it holds for all series that are compared; where it holds for some of them, that may \
              be what was wrong that night, and it is an info.\n\n\
              A heartbeat that is meant to fire (`vector(1)`) reads no series and is not reported.",
        bad: "\
- alert: DiskFull
  expr: disk_used_percent > 0.9
",
        clean: "\
- alert: DiskFull
  expr: disk_used_percent > 90
",
        data: "\
time,host,disk_used_percent
2026-01-05T00:00:00Z,a,61
2026-01-05T00:01:00Z,a,62
2026-01-05T00:02:00Z,a,74
2026-01-05T00:03:00Z,a,95
2026-01-05T00:04:00Z,a,91
2026-01-05T00:05:00Z,a,60
",
    },
    check: Check::Data(check),
};

/// The fewest evaluations of which something is told.
const FEWEST: u64 = 5;

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    let outcome = &evidence.recorded.outcome;
    for (place, facts) in evidence.alerts() {
        let evaluations = facts.counts.evaluations;
        if place.rule.expr.selectors().is_empty() || evaluations < FEWEST {
            continue;
        }
        let (Some(from), last) = (outcome.range.evaluated_from, outcome.last_step(facts)) else { continue };
        // What windows hold at the beginning may not tell yet.
        let early = from.plus(outcome.interval(facts).max(Millis(last.since(from).0 / 10)));
        let episodes = evidence.episodes(facts);
        let through: Vec<&Episode> = episodes.into_iter().filter(|episode| lasts(episode, early)).collect();
        let Some(begins) = through.iter().map(|episode| episode.activity.active_at).max() else { continue };
        let through = through.len();
        let compared = evidence.probe(&place, &unfiltered(&place.rule.expr));
        let all = compared.steps.iter().map(|(_, samples)| samples.len()).max().unwrap_or(0);
        let is_all = through >= all;
        let (severity, of) = match is_all {
            true => (found.severity, String::new()),
            false => (Severity::Info, format!(" for {through} of {}", counted(all as u64, "label set"))),
        };
        let message = format!("fires all the time{of}: true at every evaluation from {begins} on");
        let finding = found.at(place.rule.name.whole(), (place.group, place.rule), message);
        finding.severity = severity;
        finding.help.extend(why(evidence, &place));
    }
}

/// Returns whether an alert was true at every evaluation from the beginning on, and fires at the end.
fn lasts(episode: &Episode, early: Timestamp) -> bool {
    episode.activity.fired_at.is_some()
        && episode.ended_at.is_none()
        && episode.activity.active_at <= early
        && episode.activity.steps_true >= episode.steps
}

/// Says what the threshold is compared with, or what `absent()` does not find.
fn why(evidence: &Evidence<'_>, place: &Place<'_>) -> Option<String> {
    if let Some(miss) = misses(evidence, place).iter().find(|miss| miss.guard == Guard::Absent) {
        return Some(format!("`{}` takes no series of the recording, so `absent()` is true", miss.selector));
    }
    let limit = limit(&place.rule.expr)?;
    let probe = evidence.probe(place, &unfiltered(limit.compared));
    let (min, max) = probe.values().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    (min <= max).then(|| {
        let (op, threshold) = (limit.op.symbol(), value(limit.value));
        format!("the values are between {} and {}, and the rule asks for `{op} {threshold}`", value(min), value(max))
    })
}
