//! What a recording looks like, learnt from its batches as they go by: span, spacing, gaps, metrics, hints.
//!
//! `data` shows all of it, `eval` what matters to a run, and both ask here, so that they say the same.
//!
//! - The *spacing* of a series is the median of the times between its samples; that of a metric or a whole recording is
//!   the median of all spacings of its series. None is known from fewer than four.
//! - A *gap* is a silence of more than 2.5 times the usual spacing: of a series by its own, of the whole recording (no
//!   sample of any series) by that of the recording.
//! - The *span* goes from the first sample to the last; rows without values are no samples, nor are stale markers.
//!
//! Memory does not grow with samples. At the light look a series takes 40 bytes while it is in step, and some 200 when
//! it is not. At the deep one a metric also holds 4,096 values for its median (256 from the thousandth metric on): with
//! more than that, the median is one of a random choice with a fixed seed, and says so.

mod counts;
mod gaps;
mod hints;
mod labels;
mod median;
mod spacing;
mod stops;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;

use self::gaps::Silences;
use self::spacing::Spacings;
use self::values::Values;
use crate::input::{Recording, RowProblem};
use crate::store::{Batch, SeriesId, Store, is_stale};
use crate::time::{Millis, Timestamp};

pub use gaps::{GAPS_LISTED, Gap};
pub use hints::Hint;
pub use labels::{LabelFacts, Twins};
pub use values::ValueFacts;

/// The fewest samples of a series in step that look like a query grid.
const GRID_SAMPLES: u64 = 10;
/// The shortest step of a query grid.
const GRID_STEP: Millis = Millis(1000);

/// How much is learnt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Times alone. Cost: a few instructions a sample.
    #[default]
    Times,
    /// Values, labels, repeats and conflicts too.
    Values,
}

/// What is known of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricFacts {
    /// Its name; empty for series without one.
    pub name: String,
    /// Its series.
    pub series: u64,
    /// Its samples, stale markers and repeats not counted.
    pub samples: u64,
    /// Its spacing.
    pub cadence: Option<Millis>,
    /// The longest spacing of a series of it.
    pub slowest: Option<Millis>,
    /// Gaps of its series.
    pub gaps: u64,
    /// The longest of them.
    pub longest_gap: Option<Millis>,
    /// Its first sample.
    pub first: Timestamp,
    /// Its last sample.
    pub last: Timestamp,
    /// Series that end well before the recording does.
    pub series_ended: u64,
    /// Its values.
    pub values: ValueFacts,
}

impl MetricFacts {
    /// Returns by how much it may end before the recording does and still be there at the end.
    fn margin(&self, look_back: Millis) -> Millis {
        Millis(self.cadence.map_or(0, |cadence| cadence.0.saturating_mul(5) / 2)).max(look_back)
    }
}

/// What is in a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// The first and last sample.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Series that have samples.
    pub series: u64,
    /// Samples, repeats and conflicting ones not counted.
    pub samples: u64,
    /// Samples that repeat one of the same series, time and value. Known at the deep look alone, as the next three.
    pub repeats: u64,
    /// Samples that differ from one of the same series and time.
    pub conflicts: u64,
    /// Where the first of them stand, once [`Survey::conflicts`] was asked.
    pub conflicts_shown: Vec<RowProblem>,
    /// Labels by name, the metric name left out.
    pub labels: Vec<LabelFacts>,
    /// The usual spacing of a series.
    pub cadence: Option<Millis>,
    /// Metrics by name.
    pub metrics: Vec<MetricFacts>,
    /// Gaps of the whole recording in time order: the last sample before and the first one after.
    pub silences: Vec<(Timestamp, Timestamp)>,
    /// The ten longest gaps of the recording or a series, longest first.
    pub gaps: Vec<Gap>,
    /// The step of what looks like a query grid.
    pub grid: Option<Millis>,
    /// Two series that differ in the label of a replica or server alone.
    pub twins: Option<Twins>,
    /// How far back a selector looks for a sample, which hints are about.
    pub look_back: Millis,
}

/// Learns what a recording looks like from its batches, in the order in which a store takes them.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// By the number of the series in its store.
    series: Vec<Spacings>,
    silences: Silences,
    /// None where times alone are learnt.
    values: Option<Box<Values>>,
}

impl Survey {
    /// Makes one that has seen nothing. For a second pass over a recording, make a new one.
    #[must_use]
    pub fn new(depth: Depth) -> Self {
        Self { values: (depth == Depth::Values).then(Box::default), ..Self::default() }
    }

    /// Records a batch; `store` is the one that numbered its series.
    pub fn observe(&mut self, store: &Store, batch: &Batch) {
        self.series.resize(store.len(), Spacings::NEW);
        let samples = batch.series.iter().zip(&batch.times).zip(&batch.values);
        match &mut self.values {
            None => {
                // Most samples have the time of the one before.
                let mut newest = None;
                for ((id, time), _) in samples.filter(|(_, value)| !is_stale(**value)) {
                    self.series[id.0 as usize].see(*time);
                    if newest != Some(*time) {
                        self.silences.see(*time);
                        newest = Some(*time);
                    }
                }
            }
            Some(values) => {
                values.meet(store);
                for (((id, time), value), row) in samples.zip(&batch.rows).filter(|((_, value), _)| !is_stale(**value))
                {
                    let series = &mut self.series[id.0 as usize];
                    if series.last().is_some_and(|last| *time <= last) {
                        values.see_again(*id, *time, (*value, batch.histogram(*value)), *row);
                        continue;
                    }
                    series.see(*time);
                    self.silences.see(*time);
                    values.see(*id, *value, batch.histogram(*value));
                }
            }
        }
    }

    /// Returns what was found once the store took all batches; `look_back` is how far back a selector looks for a
    /// sample. Cost: a few walks over all series.
    #[must_use]
    pub fn findings(&self, store: &Store, look_back: Millis) -> Findings {
        let seen = || store.ids().filter(|id| store.facts(*id).samples > 0);
        let span = store.span();
        let cadence = usual(self.series.iter());
        let silences = self.silences.gaps(cadence);
        let values = self.values.as_deref();
        Findings {
            span,
            series: seen().count() as u64,
            samples: seen().map(|id| store.facts(id).samples).sum(),
            repeats: values.map_or(0, |values| values.repeats),
            conflicts: values.map_or(0, |values| values.conflicts),
            conflicts_shown: Vec::new(),
            labels: values.map_or_else(Vec::new, |_| labels::facts(store)),
            cadence,
            metrics: self.metrics(store, look_back),
            gaps: gaps::longest(store, &self.series, &silences),
            silences,
            grid: self.grid(store),
            twins: labels::twins(store),
            look_back,
        }
    }

    /// Returns the stretches within `span` for which a series has no samples, those longer than `margin`, in time
    /// order. Gaps are those that are held of a series: the four longest.
    #[must_use]
    pub fn absences(
        &self,
        store: &Store,
        id: SeriesId,
        span: (Timestamp, Timestamp),
        margin: Millis,
    ) -> Vec<(Timestamp, Timestamp)> {
        let facts = store.facts(id);
        if facts.samples == 0 {
            return vec![span];
        }
        let gaps = self.series.get(id.0 as usize).into_iter().flat_map(Spacings::longest_gaps);
        let mut all: Vec<(Timestamp, Timestamp)> = gaps.collect();
        all.extend([(span.0, facts.first), (facts.last, span.1)]);
        all.retain(|(from, to)| to.since(*from) > margin);
        all.sort_unstable();
        all
    }

    /// Returns the usual spacing of a series, if it has samples enough to tell.
    #[must_use]
    pub fn spacing(&self, id: SeriesId) -> Option<Millis> {
        self.series.get(id.0 as usize)?.usual()
    }

    /// Says where the first conflicts stand, at most [`crate::limits::CONFLICTS_SHOWN`].
    #[must_use]
    pub fn conflicts(&self, store: &Store, recording: &Recording) -> Vec<RowProblem> {
        let shown = self.values.iter().flat_map(|values| &values.shown);
        shown.map(|conflict| recording.describe(store, conflict)).collect()
    }

    fn metrics(&self, store: &Store, look_back: Millis) -> Vec<MetricFacts> {
        let mut members: BTreeMap<&str, Vec<SeriesId>> = BTreeMap::new();
        for id in store.ids().take(self.series.len()).filter(|id| store.facts(*id).samples > 0) {
            members.entry(store.labels(id).metric().unwrap_or("")).or_default().push(id);
        }
        let end = store.span().map_or(Timestamp::MIN, |(_, end)| end);
        let facts = members.into_iter().map(|(name, ids)| {
            let series = || ids.iter().map(|id| &self.series[id.0 as usize]);
            let stored = || ids.iter().map(|id| store.facts(*id));
            let longest = series().filter_map(|series| series.longest_gaps().next());
            let mut metric = MetricFacts {
                name: name.to_owned(),
                series: ids.len() as u64,
                samples: stored().map(|facts| facts.samples).sum(),
                cadence: usual(series()),
                slowest: series().filter_map(Spacings::usual).max(),
                gaps: series().map(Spacings::gaps).sum(),
                longest_gap: longest.map(|(from, to)| to.since(from)).max(),
                first: stored().map(|facts| facts.first).min().unwrap_or_default(),
                last: stored().map(|facts| facts.last).max().unwrap_or_default(),
                series_ended: 0,
                values: self.values.as_ref().map_or_else(ValueFacts::default, |values| values.facts(name, &ids)),
            };
            let margin = metric.margin(look_back);
            metric.series_ended = stored().filter(|facts| facts.last.plus(margin) < end).count() as u64;
            metric
        });
        facts.collect()
    }

    /// Returns the step that all stamps of all series are multiples of, where none is missing.
    fn grid(&self, store: &Store) -> Option<Millis> {
        let mut long = store.ids().zip(&self.series).filter(|(id, _)| store.facts(*id).samples > 2).peekable();
        let step = long.peek()?.1.even().filter(|step| *step >= GRID_STEP)?;
        let mut most = 0;
        for (id, series) in long {
            let facts = store.facts(id);
            if series.even() != Some(step) || facts.first.0.rem_euclid(step.0) != 0 {
                return None;
            }
            most = most.max(facts.samples);
        }
        (most >= GRID_SAMPLES).then_some(step)
    }
}

/// Returns the usual spacing of several series.
fn usual<'a>(series: impl Iterator<Item = &'a Spacings>) -> Option<Millis> {
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    for (spacing, many) in series.flat_map(Spacings::each) {
        *counts.entry(spacing).or_default() += many;
    }
    counts::median(counts.into_iter().collect())
}
