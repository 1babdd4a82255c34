//! Why an expression has no result on a recording.

use crate::format::Clock;
use crate::promql::ast::Expr;
use crate::time::Timestamp;

use super::reasons::{Known, Lack, text};
use super::unseen::needed;
use super::{MissingMetric, Unmatched};

/// Why an expression has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Empty {
    /// The recording has no such metric.
    Metric(MissingMetric),
    /// It has the metric, and none of its series is selected.
    Series(Unmatched),
    /// All that is selected ends before.
    EndsBefore {
        /// What is selected, without its modifiers.
        selector: String,
        /// Its last sample.
        last: Timestamp,
    },
    /// All that is selected begins later.
    BeginsAfter {
        /// What is selected, without its modifiers.
        selector: String,
        /// Its first sample.
        first: Timestamp,
    },
    /// What it selects is there, and nothing passes its conditions or is recent enough.
    Nothing,
}

impl Empty {
    /// Returns why an expression gave nothing that looks no further than from after one time up to another. Cost: a walk
    /// over the series of its metrics.
    pub(crate) fn of(expr: &Expr, known: &Known<'_>, (from, to): (Timestamp, Timestamp)) -> Self {
        match known.lack(expr) {
            Some(Lack::Metric(name)) => return Self::Metric(known.missing(&name, true)),
            Some(Lack::Series(unmatched)) => return Self::Series(unmatched),
            Some(Lack::Source(_)) | None => {}
        }
        let mut selectors = Vec::new();
        needed(expr, &mut selectors);
        for selector in selectors.into_iter().filter(|selector| selector.modifiers.at.is_none()) {
            let metric = selector.metric().unwrap_or_default();
            let taken = known.series(metric).iter().filter(|id| known.takes(selector, **id));
            let facts = taken.map(|id| known.store().facts(*id)).filter(|facts| facts.samples > 0);
            let span = facts.map(|facts| (facts.first, facts.last)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
            match span {
                Some((_, last)) if last <= from => return Self::EndsBefore { selector: text(selector), last },
                Some((first, _)) if first > to => return Self::BeginsAfter { selector: text(selector), first },
                _ => {}
            }
        }
        Self::Nothing
    }

    /// Says it, with times as a clock shows them.
    #[must_use]
    pub fn text(&self, clock: &Clock) -> String {
        match self {
            Self::Metric(missing) => format!("no such metric: {}{}", missing.name, missing.hint()),
            Self::Series(unmatched) => unmatched.to_string(),
            Self::EndsBefore { selector, last } => {
                format!("the last sample of `{selector}` is at {}", clock.full(*last))
            }
            Self::BeginsAfter { selector, first } => {
                format!("the first sample of `{selector}` is at {}", clock.full(*first))
            }
            Self::Nothing => "no value passes its conditions, or none is recent enough".to_owned(),
        }
    }
}
