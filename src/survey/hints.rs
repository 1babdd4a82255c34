//! What a person would want to know of a recording before rules are evaluated on it, in the same words everywhere.

use super::{Findings, MetricFacts};
use crate::diagnostic::{Severity, codes};
use crate::format::{count, duration};
use crate::time::Millis;

/// The most names that one hint lists.
const NAMED: usize = 3;

/// Something to know before rules are evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// A stable word: `conflicts`, `replicas`, `query-grid`, `long-cadence`, `ends-early`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// A sentence or two.
    pub message: String,
}

impl Findings {
    /// Returns all hints, about all metrics.
    #[must_use]
    pub fn hints(&self) -> Vec<Hint> {
        let found = [
            self.conflicts_hint(),
            self.replicas_hint(),
            self.grid_hint(),
            self.long_cadence_hint(|_| true),
            self.ends_early_hint(|_| true),
        ];
        found.into_iter().flatten().collect()
    }

    /// Says that samples of one series and time differ. Known at the deep look alone.
    #[must_use]
    pub fn conflicts_hint(&self) -> Option<Hint> {
        let what = if self.conflicts == 1 { "sample differs from another" } else { "samples differ from others" };
        (self.conflicts > 0).then(|| Hint {
            code: codes::CONFLICTS,
            severity: Severity::Warning,
            message: format!(
                "{} {what} of one series and time: is a numeric column a label (`--labels NAME`)? or keep one value: \
                 `--conflicts first`, `--conflicts last`",
                count(self.conflicts)
            ),
        })
    }

    /// Says that series differ in the label of a replica or server alone.
    #[must_use]
    pub fn replicas_hint(&self) -> Option<Hint> {
        let twins = self.twins.as_ref()?;
        let (first, second) = &twins.values;
        let label = twins.label;
        let message = if twins.replicas {
            format!(
                "two replicas are in one recording: series differ in {label} alone (\"{first}\", \"{second}\"), so rules see everything twice; keep one of them"
            )
        } else {
            format!(
                "two servers are in one recording: series differ in {label} alone (\"{first}\", \"{second}\"), where rules on each server would see their own"
            )
        };
        Some(Hint { code: codes::REPLICAS, severity: Severity::Warning, message })
    }

    /// Says that stamps are such as no scrape makes.
    #[must_use]
    pub fn grid_hint(&self) -> Option<Hint> {
        let step = self.grid?;
        Some(Hint {
            code: codes::QUERY_GRID,
            severity: Severity::Info,
            message: format!(
                "looks like a query grid, not raw samples: every stamp is a multiple of {step} and none is missing; changes between two stamps are missing"
            ),
        })
    }

    /// Says which of the wanted metrics have samples further apart than a selector looks back.
    pub fn long_cadence_hint(&self, wanted: impl Fn(&MetricFacts) -> bool) -> Option<Hint> {
        let look_back = self.look_back;
        let long = || self.metrics.iter().filter(|metric| metric.slowest > Some(look_back) && wanted(metric));
        let longest = long().filter_map(|metric| metric.slowest).max()?;
        // Twice the spacing and a minute: one sample may be missing or late.
        let enough = Millis(longest.0.saturating_mul(2).saturating_add(60_000));
        let names = named(long().map(|metric| metric.name.clone()));
        Some(Hint {
            code: codes::LONG_CADENCE,
            severity: Severity::Warning,
            message: format!(
                "{names}: a sample every {}, look-back {look_back}: between samples rules see nothing; --lookback-delta {enough}",
                duration(longest)
            ),
        })
    }

    /// Returns the metrics that end well before the recording does, by name.
    pub fn ended_early(&self) -> impl Iterator<Item = &MetricFacts> {
        let end = self.span.map(|(_, end)| end);
        self.metrics.iter().filter(move |metric| Some(metric.last.plus(metric.margin(self.look_back))) < end)
    }

    /// Says which of the wanted metrics end well before the recording does.
    pub fn ends_early_hint(&self, wanted: impl Fn(&MetricFacts) -> bool) -> Option<Hint> {
        let (_, end) = self.span?;
        let early = || self.ended_early().filter(|metric| wanted(metric));
        early().next()?;
        let message = named(early().map(|metric| {
            let before = duration(end.since(metric.last));
            format!("{} ends at {}, {before} before the recording", metric.name, metric.last)
        }));
        Some(Hint { code: codes::ENDS_EARLY, severity: Severity::Warning, message })
    }
}

fn named(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    let left = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let text = names.join(", ");
    if left > 0 { format!("{text} and {left} more") } else { text }
}
