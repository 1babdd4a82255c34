//! What is in a recording, before any rule: learnt from batches as they go by.
//!
//! Memory does not grow with samples. A series takes its counts, its four longest silences and its spacings in steps
//! of a sixteenth. A metric holds 4,096 values for its median (256 from the thousandth metric on): with more than
//! that, the median is one of a random choice with a fixed seed, and says so.

mod hints;
mod median;
mod spacings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use self::median::Median;
use self::spacings::Spacings;
use super::{Recording, RowProblem};
use crate::labels::METRIC_NAME;
use crate::limits;
use crate::store::{Batch, SeriesId, Store, is_stale};
use crate::time::{Millis, Timestamp};

pub use hints::Hint;

/// How many values a metric holds for its median, and one of very many metrics.
const HELD: (usize, usize) = (4096, 256);
/// From how many metrics on fewer values are held.
const MANY_METRICS: usize = 1000;
/// The most gaps of a recording that are told.
const GAPS_TOLD: usize = 10;
/// The most values of a label that are shown.
const EXAMPLES: usize = 3;

/// What is known of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricFacts {
    /// Its name; empty for series without one.
    pub name: String,
    /// Its series.
    pub series: u64,
    /// Its samples, stale markers and repeats not counted.
    pub samples: u64,
    /// Samples that are NaN; they count for nothing below.
    pub nans: u64,
    /// The least value.
    pub min: Option<f64>,
    /// The median, the lower one of two.
    pub median: Option<f64>,
    /// Whether the median is that of all values.
    pub median_exact: bool,
    /// The greatest value.
    pub max: Option<f64>,
    /// The median spacing of its samples; none where there are fewer than four spacings.
    pub cadence: Option<Millis>,
    /// Silences of a series of more than 2.5 times its median spacing.
    pub gaps: u64,
    /// The longest of them.
    pub longest_gap: Option<Millis>,
    /// Falls of counters: of series named like one, or that rise at least ten times as often as they fall.
    pub resets: u64,
    /// Its first sample.
    pub first: Timestamp,
    /// Its last sample.
    pub last: Timestamp,
    /// Series that end well before the recording does.
    pub series_ended: u64,
}

/// What is known of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFacts {
    /// Its name.
    pub name: String,
    /// Its different values.
    pub values: u64,
    /// Series that have it.
    pub series: u64,
    /// The first values by text.
    pub examples: Vec<String>,
}

/// A stretch in which series have no samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapFacts {
    /// The last sample before.
    pub from: Timestamp,
    /// The first sample after.
    pub to: Timestamp,
    /// How many series have exactly this gap.
    pub series: u64,
}

/// What is in a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// The first and last sample.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Series.
    pub series: u64,
    /// Samples, repeats and conflicting ones not counted.
    pub samples: u64,
    /// Samples that repeat one of the same series, time and value.
    pub repeats: u64,
    /// Samples that differ from one of the same series and time.
    pub conflicts: u64,
    /// The first [`limits::CONFLICTS_SHOWN`] of them.
    pub conflicts_shown: Vec<RowProblem>,
    /// The median spacing of all series.
    pub cadence: Option<Millis>,
    /// Metrics by name.
    pub metrics: Vec<MetricFacts>,
    /// Labels by name, the metric name left out.
    pub labels: Vec<LabelFacts>,
    /// The longest gaps, longest first.
    pub gaps: Vec<GapFacts>,
    /// What a person would want to know before any rule.
    pub hints: Vec<Hint>,
}

/// Learns what is in a recording from its batches, in the order in which a store takes them.
#[derive(Default)]
pub struct Facts {
    /// By the number of the series in its store.
    series: Vec<Track>,
    metrics: Vec<Metric>,
    by_name: HashMap<String, u32, FixedState>,
    repeats: u64,
    conflicts: u64,
    /// Series, time, the value before, the value then, row.
    shown: Vec<(SeriesId, Timestamp, f64, f64, u64)>,
}

struct Track {
    metric: u32,
    samples: u64,
    first: Timestamp,
    last: Timestamp,
    value: f64,
    rises: u64,
    falls: u64,
    spacings: Spacings,
}

struct Metric {
    name: String,
    nans: u64,
    min: f64,
    max: f64,
    median: Median,
}

impl Facts {
    /// Takes note of a batch; `store` is the one that numbered its series.
    pub fn observe(&mut self, store: &Store, batch: &Batch) {
        self.meet(store);
        for (at, id) in batch.series.iter().enumerate() {
            let (time, value) = (batch.times[at], batch.values[at]);
            let track = &mut self.series[id.0 as usize];
            if is_stale(value) {
                continue;
            }
            if track.samples > 0 {
                if time <= track.last {
                    let same = track.value == value || (track.value.is_nan() && value.is_nan());
                    self.repeats += u64::from(same);
                    self.conflicts += u64::from(!same);
                    if !same && self.shown.len() < limits::CONFLICTS_SHOWN {
                        self.shown.push((*id, time, track.value, value, batch.rows[at]));
                    }
                    continue;
                }
                track.spacings.add(track.last, time);
                track.rises += u64::from(value > track.value);
                track.falls += u64::from(value < track.value);
            } else {
                track.first = time;
            }
            track.samples += 1;
            track.last = time;
            track.value = value;
            let metric = &mut self.metrics[track.metric as usize];
            if value.is_nan() {
                metric.nans += 1;
            } else {
                metric.min = metric.min.min(value);
                metric.max = metric.max.max(value);
                metric.median.add(value);
            }
        }
    }

    /// Makes room for series that the store has and that were not seen yet.
    fn meet(&mut self, store: &Store) {
        for id in store.ids().skip(self.series.len()) {
            let name = store.labels(id).metric().unwrap_or("");
            let metric = match self.by_name.get(name) {
                Some(metric) => *metric,
                None => {
                    let number = u32::try_from(self.metrics.len()).unwrap_or(u32::MAX);
                    self.by_name.insert(name.to_owned(), number);
                    let held = if self.metrics.len() < MANY_METRICS { HELD.0 } else { HELD.1 };
                    self.metrics.push(Metric {
                        name: name.to_owned(),
                        nans: 0,
                        min: f64::INFINITY,
                        max: f64::NEG_INFINITY,
                        median: Median::new(held),
                    });
                    number
                }
            };
            self.series.push(Track {
                metric,
                samples: 0,
                first: Timestamp::MAX,
                last: Timestamp::MIN,
                value: f64::NAN,
                rises: 0,
                falls: 0,
                spacings: Spacings::default(),
            });
        }
    }

    /// Returns what was found, once the recording was read to its end; `look_back` is how far back a selector looks
    /// for a sample, for the hints.
    #[must_use]
    pub fn findings(&self, store: &Store, recording: &Recording, look_back: Millis) -> Findings {
        let seen = || self.series.iter().filter(|track| track.samples > 0);
        let span = seen().map(|track| track.first).min().zip(seen().map(|track| track.last).max());
        let mut all = Spacings::default();
        seen().for_each(|track| all.merge(&track.spacings));
        let end = span.map_or(Timestamp::MIN, |(_, end)| end);
        let mut findings = Findings {
            span,
            series: seen().count() as u64,
            samples: seen().map(|track| track.samples).sum(),
            repeats: self.repeats,
            conflicts: self.conflicts,
            conflicts_shown: self.shown.iter().map(|shown| clash(*shown, store, recording)).collect(),
            cadence: all.median(),
            metrics: self.metrics(end, look_back),
            labels: self.labels(store),
            gaps: self.gaps(),
            hints: Vec::new(),
        };
        findings.hints = hints::hints(&findings, self, store, look_back);
        findings
    }

    fn metrics(&self, end: Timestamp, look_back: Millis) -> Vec<MetricFacts> {
        let mut members: Vec<Vec<&Track>> = self.metrics.iter().map(|_| Vec::new()).collect();
        for track in self.series.iter().filter(|track| track.samples > 0) {
            members[track.metric as usize].push(track);
        }
        let both = self.metrics.iter().zip(&members).filter(|(_, members)| !members.is_empty());
        let mut facts: Vec<MetricFacts> = both.map(|(metric, members)| metric.facts(members, end, look_back)).collect();
        facts.sort_by(|a, b| a.name.cmp(&b.name));
        facts
    }

    fn labels(&self, store: &Store) -> Vec<LabelFacts> {
        let mut labels: BTreeMap<&str, (u64, BTreeSet<&str>)> = BTreeMap::new();
        for (id, _) in store.ids().zip(&self.series).filter(|(_, track)| track.samples > 0) {
            for (name, value) in store.labels(id).iter().filter(|(name, _)| *name != METRIC_NAME) {
                let (series, values) = labels.entry(name).or_default();
                *series += 1;
                values.insert(value);
            }
        }
        let facts = labels.into_iter().map(|(name, (series, values))| LabelFacts {
            name: name.to_owned(),
            values: values.len() as u64,
            series,
            examples: values.into_iter().take(EXAMPLES).map(str::to_owned).collect(),
        });
        facts.collect()
    }

    fn gaps(&self) -> Vec<GapFacts> {
        let mut gaps: BTreeMap<(Timestamp, Timestamp), u64> = BTreeMap::new();
        for gap in self.series.iter().flat_map(|track| track.spacings.longest_gaps()) {
            *gaps.entry(gap).or_default() += 1;
        }
        let mut gaps: Vec<GapFacts> =
            gaps.into_iter().map(|((from, to), series)| GapFacts { from, to, series }).collect();
        gaps.sort_by_key(|gap| (gap.from.since(gap.to), gap.from));
        gaps.truncate(GAPS_TOLD);
        gaps
    }
}

impl Metric {
    fn facts(&self, members: &[&Track], end: Timestamp, look_back: Millis) -> MetricFacts {
        let mut all = Spacings::default();
        members.iter().for_each(|track| all.merge(&track.spacings));
        let cadence = all.median();
        let margin = Millis(cadence.map_or(0, |cadence| cadence.0.saturating_mul(5) / 2)).max(look_back);
        let numbers = self.min <= self.max;
        let counter = ["_total", "_count", "_sum", "_bucket"].iter().any(|suffix| self.name.ends_with(suffix));
        let reset = |track: &&&Track| counter || track.rises >= track.falls.saturating_mul(10);
        MetricFacts {
            name: self.name.clone(),
            series: members.len() as u64,
            samples: members.iter().map(|track| track.samples).sum(),
            nans: self.nans,
            min: numbers.then_some(self.min),
            median: self.median.get(),
            median_exact: self.median.is_exact(),
            max: numbers.then_some(self.max),
            cadence,
            gaps: members.iter().map(|track| track.spacings.gaps()).sum(),
            longest_gap: members
                .iter()
                .filter_map(|track| track.spacings.longest_gaps().next())
                .map(|(from, to)| to.since(from))
                .max(),
            resets: members.iter().filter(reset).map(|track| track.falls).sum(),
            first: members.iter().map(|track| track.first).min().unwrap_or_default(),
            last: members.iter().map(|track| track.last).max().unwrap_or_default(),
            series_ended: members.iter().filter(|track| track.last.plus(margin) < end).count() as u64,
        }
    }
}

/// Says where two values of one series and time stand.
fn clash(
    (id, at, kept, other, row): (SeriesId, Timestamp, f64, f64, u64),
    store: &Store,
    recording: &Recording,
) -> RowProblem {
    let (path, line) = recording.where_is(row);
    let message = format!("{} at {at} is {other}, and was {kept} before", store.labels(id));
    RowProblem { path, line, message }
}
