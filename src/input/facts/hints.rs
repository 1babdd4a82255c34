//! What a recording looks like to somebody who has seen many.

use std::collections::BTreeMap;

use super::{Facts, Findings};
use crate::labels::LabelSet;
use crate::store::Store;
use crate::time::{Millis, Timestamp};

/// Labels that tell replicas of one server apart.
const REPLICAS: [&str; 3] = ["__replica__", "prometheus_replica", "replica"];
/// Labels that a server adds to all that it sends, which tell servers apart.
const SERVERS: [&str; 2] = ["cluster", "prometheus"];
/// The fewest samples of a series in step that look like a query grid.
const GRID_SAMPLES: u64 = 10;
/// The most names that one hint lists.
const NAMED: usize = 5;

/// Something to know before rules are evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// A stable word: `query-grid`, `replicas`, `ends-early`, `long-cadence`, `conflicts`.
    pub code: &'static str,
    /// A sentence or two.
    pub message: String,
}

pub(super) fn hints(findings: &Findings, facts: &Facts, store: &Store, look_back: Millis) -> Vec<Hint> {
    let found = [
        conflicts(findings),
        replicas(facts, store),
        grid(facts),
        long_cadence(findings, look_back),
        ends_early(findings, look_back),
    ];
    found.into_iter().flatten().collect()
}

fn conflicts(findings: &Findings) -> Option<Hint> {
    let message = || {
        format!(
            "{} {} of one series and time: is a numeric column a label (`--labels NAME`)? or keep one value: \
             `--conflicts first`, `--conflicts last`",
            findings.conflicts,
            if findings.conflicts == 1 { "sample differs from another" } else { "samples differ from others" }
        )
    };
    (findings.conflicts > 0).then(|| Hint { code: "conflicts", message: message() })
}

/// Tells series that differ in the label of a replica or server alone.
fn replicas(facts: &Facts, store: &Store) -> Option<Hint> {
    let seen = || store.ids().zip(&facts.series).filter(|(_, track)| track.samples > 0).map(|(id, _)| store.labels(id));
    for label in REPLICAS.into_iter().chain(SERVERS) {
        let mut alike: BTreeMap<LabelSet, (&str, &str)> = BTreeMap::new();
        for labels in seen() {
            let Some(value) = labels.get(label) else { continue };
            let (first, second) = alike.entry(labels.filter(|name| name != label)).or_insert((value, value));
            *second = if value == *first { *second } else { value };
        }
        let Some((first, second)) = alike.into_values().find(|(first, second)| first != second) else { continue };
        let message = if REPLICAS.contains(&label) {
            format!(
                "two replicas are in one recording: series differ in `{label}` alone (\"{first}\", \"{second}\"), so \
                 rules see everything twice; record one of them"
            )
        } else {
            format!(
                "two servers are in one recording: series differ in `{label}` alone (\"{first}\", \"{second}\"), where \
                 rules on each server would see their own"
            )
        };
        return Some(Hint { code: "replicas", message });
    }
    None
}

fn grid(facts: &Facts) -> Option<Hint> {
    let long = || facts.series.iter().filter(|track| !track.spacings.is_short());
    let step = long().next()?.spacings.even().filter(|step| step.0 >= 1000)?;
    let on = |at: Timestamp| at.0.rem_euclid(step.0) == 0;
    let all = long().all(|track| track.spacings.even() == Some(step) && on(track.first));
    let enough = long().any(|track| track.samples >= GRID_SAMPLES);
    (all && enough).then(|| Hint {
        code: "query-grid",
        message: format!(
            "looks like a query grid, not raw samples: every stamp is a multiple of {step} and none is missing; if a \
             query wrote it, what lay between two stamps is lost, and gaps may have been filled"
        ),
    })
}

fn long_cadence(findings: &Findings, look_back: Millis) -> Option<Hint> {
    let long = || findings.metrics.iter().filter(|metric| metric.cadence.is_some_and(|cadence| cadence > look_back));
    let longest = long().filter_map(|metric| metric.cadence).max()?;
    // Twice the cadence: one sample may come late.
    let enough = Millis(longest.0.saturating_mul(2));
    Some(Hint {
        code: "long-cadence",
        message: format!(
            "samples are further apart than the look-back of {look_back}, so selectors see nothing most of the time: \
             {}; `--lookback-delta {enough}`",
            named(long().map(|metric| format!("`{}` every {}", metric.name, metric.cadence.unwrap_or_default())))
        ),
    })
}

fn ends_early(findings: &Findings, look_back: Millis) -> Option<Hint> {
    let (_, end) = findings.span?;
    let early = || {
        findings.metrics.iter().filter(move |metric| {
            let margin = Millis(metric.cadence.map_or(0, |cadence| cadence.0.saturating_mul(5) / 2)).max(look_back);
            metric.last.plus(margin) < end
        })
    };
    early().next()?;
    let message = format!(
        "metrics end before the recording does ({end}): {}",
        named(early().map(|metric| format!("`{}` at {}", metric.name, metric.last)))
    );
    Some(Hint { code: "ends-early", message })
}

fn named(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    let left = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let text = names.join(", ");
    if left > 0 { format!("{text} and {left} more") } else { text }
}
