//! An alert that fires all the time.

use std::collections::BTreeMap;

use super::super::evidence::Evidence;
use super::super::subject::Place;
use super::super::{Check, Found, Lint, Page};
use super::misses::{Guard, misses};
use super::parts::{between, limit, unfiltered};
use crate::diagnostic::{Severity, codes};
use crate::engine::Episode;
use crate::format::counted;
use crate::labels::LabelSet;
use crate::outcome::RuleFacts;
use crate::time::{Millis, Timestamp};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::ALWAYS_FIRING,
    page: Page {
        why: "An alert that fires from the first evaluation of the recording to the last one, or for 90 % of them and more, is of no use: its threshold \
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
        let mut firing: BTreeMap<&LabelSet, Vec<&Episode>> = BTreeMap::new();
        for episode in evidence.episodes(facts) {
            firing.entry(&episode.labels).or_default().push(episode);
        }
        let mut lives = Lives::default();
        let shares = firing.into_iter().filter_map(|(labels, episodes)| {
            let seen = lives.seen(evidence, &place, &Evidence::bare(&place, labels));
            share(&episodes, life(evidence, facts, seen)?, outcome.last_step(facts))
        });
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
            least => format!(
                "fires nearly all the time{of}: {:.0} % of the evaluations that have data",
                (least * 100.0).floor()
            ),
        };
        let finding = found.at(place.rule.name.whole(), (place.group, place.rule), message);
        finding.severity = severity;
        finding.help.extend(why(evidence, &place));
    }
}

/// From when to when a rule may be true for some labels.
struct Life {
    first: Timestamp,
    last: Timestamp,
    /// From when on it has a value: a range needs a second sample.
    warm: Timestamp,
    /// The distance of its evaluations.
    interval: Millis,
}

/// When the series that a rule reads have samples.
#[derive(Clone, Copy)]
struct Seen {
    first: Timestamp,
    last: Timestamp,
    /// How far they are apart.
    spacing: Millis,
}

/// The lives of the series of a rule, by the values of labels that alerts have: each list of names is looked at once.
#[derive(Default)]
struct Lives(BTreeMap<Vec<String>, BTreeMap<LabelSet, Seen>>);

impl Lives {
    /// Returns when series with the labels of an alert have samples, if there are any.
    fn seen(&mut self, evidence: &Evidence<'_>, place: &Place<'_>, alert: &LabelSet) -> Option<Seen> {
        let names: Vec<String> = alert.iter().map(|(name, _)| name.to_owned()).collect();
        let by_labels = self.0.entry(names.clone()).or_insert_with(|| {
            let mut all: BTreeMap<LabelSet, Seen> = BTreeMap::new();
            let selectors = place.rule.expr.selectors();
            for id in selectors.iter().flat_map(|found| evidence.series(found.selector)) {
                let facts = evidence.recorded.store.facts(id);
                let spacing = evidence.spacing(id).unwrap_or(Millis::ZERO);
                let own = Seen { first: facts.first, last: facts.last, spacing };
                let labels = evidence.recorded.store.labels(id).filter(|name| names.iter().any(|other| other == name));
                let seen = all.entry(labels).or_insert(own);
                let (first, last) = (seen.first.min(own.first), seen.last.max(own.last));
                *seen = Seen { first, last, spacing: seen.spacing.max(own.spacing) };
            }
            all
        });
        by_labels.get(alert).copied()
    }
}

/// Returns the first and the last evaluation at which what an alert is about has samples: series may begin late and
/// end early. Where no series is behind it, as with `absent()`, these are the first and the last of all.
fn life(evidence: &Evidence<'_>, facts: &RuleFacts, seen: Option<Seen>) -> Option<Life> {
    let outcome = &evidence.recorded.outcome;
    let (from, to, interval) = (outcome.range.evaluated_from?, outcome.last_step(facts), outcome.interval(facts));
    let seen = seen.unwrap_or(Seen { first: from, last: to, spacing: interval });
    let (first, last) = (seen.first.max(from), seen.last.min(to));
    let waits = interval.0.max(seen.spacing.0.saturating_mul(2));
    let is_long = last.since(first).0 >= interval.0.saturating_mul(FEWEST as i64 - 1);
    (first <= last && is_long).then(|| Life { first, last, warm: first.plus(Millis(waits)), interval })
}

/// Returns the share of a life for which an alert fires; all of it where it is true from its beginning to its end, for
/// `for` is waited for once.
fn share(episodes: &[&Episode], life: Life, end: Timestamp) -> Option<f64> {
    let mut firing = 0_i64;
    for episode in episodes {
        let Some(fired) = episode.activity.fired_at else { continue };
        let ends = episode.ended_at.unwrap_or(end.plus(life.interval));
        if episode.activity.active_at <= life.warm && ends > life.last && episode.activity.steps_true >= episode.steps {
            return Some(1.0);
        }
        firing += ends.min(life.last.plus(life.interval)).since(fired.max(life.first)).0.max(0);
    }
    // An evaluation stands for the time up to the next one.
    let all = life.last.since(life.first).0 + life.interval.0;
    (all > 0).then(|| firing as f64 / all as f64)
}

/// Returns whether a rule asks for the absence of what the recording does not have.
fn is_absent(evidence: &Evidence<'_>, place: &Place<'_>) -> bool {
    misses(evidence, place).iter().any(|miss| miss.guard.is_meant())
}

/// Says what the threshold is compared with, or what `absent()` does not find.
fn why(evidence: &Evidence<'_>, place: &Place<'_>) -> Option<String> {
    if let Some(miss) = misses(evidence, place).iter().find(|miss| miss.guard.is_meant()) {
        let so = if miss.guard == Guard::Unless { "`unless` takes nothing away" } else { "`absent()` is true" };
        return Some(format!("`{}` takes no series of the recording, so {so}", miss.selector));
    }
    let limit = limit(&place.rule.expr)?;
    let probe = evidence.probe(place, &unfiltered(limit.compared));
    let (min, max) = probe.values().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    (min <= max).then(|| {
        format!(
            "at {} looked at, the values are {}, and the rule asks for `{} {}`",
            counted(probe.steps.len() as u64, "time"),
            between((min, max)),
            limit.op.symbol(),
            limit.written(place)
        )
    })
}
