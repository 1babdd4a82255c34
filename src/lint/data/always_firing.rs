//! An alert that fires all the time.

use std::collections::BTreeMap;

use super::super::evidence::Evidence;
use super::super::subject::Place;
use super::super::{Check, Found, Lint, Page};
use super::misses::{Guard, misses};
use super::parts::{limit, unfiltered};
use crate::diagnostic::{Severity, codes};
use crate::engine::Episode;
use crate::format::{counted, value};
use crate::labels::LabelSet;
use crate::time::{Millis, Timestamp};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::ALWAYS_FIRING,
    page: Page {
        why: "An alert that fires from the first evaluation of the recording to the last one, or nearly so, is of no use: its threshold \
              is on the wrong side of every value, or of another unit, or `absent()` asks for series that are never there. \
              It is a warning where it holds for all series that are compared; where it holds for some of them, that may \
              be what was wrong that night, and it is an info, as is `absent()` of what is not recorded.\n\n\
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

/// The fewest evaluations of which anything is said.
const FEWEST: u64 = 5;
/// The share of the time that is nearly all of it.
const NEARLY: f64 = 0.9;

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    let outcome = &evidence.recorded.outcome;
    for (place, facts) in evidence.alerts() {
        if place.rule.expr.selectors().is_empty() || facts.counts.evaluations < FEWEST {
            continue;
        }
        let (Some(from), last) = (outcome.range.evaluated_from, outcome.last_step(facts)) else { continue };
        // What windows hold at the beginning may not tell yet, and `for` is waited for once.
        let early = from.plus(outcome.interval(facts).max(Millis(last.since(from).0 / 10)));
        let mut firing: BTreeMap<&LabelSet, Shown> = BTreeMap::new();
        for episode in evidence.episodes(facts) {
            firing.entry(&episode.labels).or_default().add(episode, early, last);
        }
        let all = last.since(early).0.max(1) as f64;
        let shares = firing.values().map(|shown| if shown.lasts { 1.0 } else { shown.time.0 as f64 / all });
        let through: Vec<f64> = shares.filter(|share| *share >= NEARLY).collect();
        if through.is_empty() {
            continue;
        }
        let compared = evidence.probe(&place, &unfiltered(&place.rule.expr));
        let sets = compared.steps.iter().map(|(_, samples)| samples.len()).max().unwrap_or(0);
        let (severity, of) = match through.len() >= sets {
            // What is not recorded is absent; where a name is a typo, that has a finding.
            true if is_absent(evidence, &place) => (Severity::Info, String::new()),
            true => (found.severity, String::new()),
            false => (Severity::Info, format!(" for {} of {}", through.len(), counted(sets as u64, "label set"))),
        };
        let least = through.into_iter().fold(1.0, f64::min);
        let message = match least {
            1.0 => format!("fires all the time{of}"),
            least => format!("fires nearly all the time{of}: {:.0} % of the recording", (least * 100.0).floor()),
        };
        let finding = found.at(place.rule.name.whole(), (place.group, place.rule), message);
        finding.severity = severity;
        finding.help.extend(why(evidence, &place));
    }
}

/// How long an alert fires.
#[derive(Default)]
struct Shown {
    /// After the beginning of the recording.
    time: Millis,
    /// Whether it is true at every evaluation from the beginning on.
    lasts: bool,
}

impl Shown {
    fn add(&mut self, episode: &Episode, early: Timestamp, last: Timestamp) {
        let Some(fired) = episode.activity.fired_at else { return };
        let until = episode.ended_at.unwrap_or(last);
        self.time = Millis(self.time.0.saturating_add(until.since(fired.max(early)).0.max(0)));
        self.lasts |= episode.ended_at.is_none()
            && episode.activity.active_at <= early
            && episode.activity.steps_true >= episode.steps;
    }
}

/// Returns whether a rule asks for the absence of what the recording does not have.
fn is_absent(evidence: &Evidence<'_>, place: &Place<'_>) -> bool {
    misses(evidence, place).iter().any(|miss| miss.guard == Guard::Absent)
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
