//! How rules are evaluated.

use crate::labels::LabelSet;
use crate::promql::query::QueryOptions;
use crate::rules::{Evaluate, Group};
use crate::time::{Millis, Timestamp};

use super::schedule::Beat;
use super::slots::Align;

/// How far an instant selector looks back where rules are evaluated at rows: it sees what stands at the row itself.
const ROW_LOOKBACK: Millis = Millis(1);

/// How rules are evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineOptions {
    /// The interval of groups that give none; also the step of subqueries that give none.
    pub interval: Millis,
    /// How far an instant selector looks back.
    pub lookback: Millis,
    /// Where the slots of groups are.
    pub align: Align,
    /// `$externalLabels` of templates.
    pub external_labels: LabelSet,
    /// `$externalURL` of templates.
    pub external_url: String,
    /// Whether metric names are dropped only at the end of an evaluation.
    pub delayed_names: bool,
    /// Whether functions of counters look at start timestamps.
    pub start_timestamps: bool,
    /// The first sample of the whole recording, where it is before what the store will hold; that of the store when
    /// absent.
    pub first_sample: Option<Timestamp>,
    /// The first instant that may be a slot; the first sample when absent.
    pub start: Option<Timestamp>,
    /// The last instant that may be a slot; the last sample when absent.
    pub end: Option<Timestamp>,
    /// Whether all written series are written and kept for queries, read by a rule or not.
    pub keep_written: bool,
    /// How many threads evaluate, in the pool that the caller runs the engine in; the events are the same for any.
    pub threads: usize,
    /// Whether every fault and every written sample is reported ([`Engine::take_faults`](super::Engine::take_faults),
    /// [`Engine::take_written`](super::Engine::take_written)).
    pub trace: bool,
    /// Set where the recording has no end: for how long what nobody asked for yet is held. Each rule waits for what it reads
    /// and no other, what recording rules compute is held whether a rule reads it or not, and no limit ends the run.
    pub history: Option<Millis>,
    /// Whether what recording rules compute is compared with recorded series of the same metric, which readers of the
    /// rules do not see ([`Engine::agreements`](super::Engine::agreements)). Cost: none for metrics that are not
    /// recorded.
    pub compare: bool,
    /// Whether each rule is evaluated by itself, so that it shares nothing with others: what it costs is its own then. It
    /// still reads what others write. The events are the same.
    pub apart: bool,
    /// Metrics of the recording that rules do not see, in addition to those that they write: where some rules of a set are
    /// left out, what those write.
    pub hidden: Vec<String>,
}

/// Prometheus' own defaults.
impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            interval: Millis(60_000),
            lookback: Millis(300_000),
            align: Align::Epoch,
            external_labels: LabelSet::empty(),
            external_url: String::new(),
            delayed_names: false,
            start_timestamps: false,
            first_sample: None,
            start: None,
            end: None,
            keep_written: false,
            threads: 1,
            trace: false,
            history: None,
            compare: false,
            apart: false,
            hidden: Vec::new(),
        }
    }
}

impl EngineOptions {
    /// Returns how the queries of templates are evaluated.
    pub(crate) fn query(&self) -> QueryOptions {
        QueryOptions {
            lookback: self.lookback,
            subquery_step: self.interval,
            delayed_names: self.delayed_names,
            start_timestamps: self.start_timestamps,
        }
    }

    /// Returns how far an instant selector of a group's rules looks back.
    pub(crate) fn lookback_of(&self, group: &Group) -> Millis {
        if group.evaluate == Evaluate::EveryRow { ROW_LOOKBACK } else { self.lookback }
    }

    /// Returns how often a group is evaluated, where that is at an interval.
    pub(crate) fn interval_of(&self, group: &Group) -> Option<Millis> {
        match self.beat_of(group) {
            Beat::Every(interval) => Some(interval),
            Beat::Rows | Beat::Snapshots => None,
        }
    }

    /// Returns what a group is evaluated at.
    pub(crate) fn beat_of(&self, group: &Group) -> Beat {
        match group.evaluate {
            Evaluate::EveryRow => Beat::Rows,
            Evaluate::EverySnapshot => Beat::Snapshots,
            evaluate => Beat::Every(
                evaluate.interval().filter(|interval| interval.0 > 0).unwrap_or(self.interval).max(Millis(1)),
            ),
        }
    }
}
