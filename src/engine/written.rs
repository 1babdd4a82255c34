//! The series that rules write: a store of its own, who wrote what, and what was taken.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::histogram::{Histogram, Histograms};
use crate::labels::LabelSet;
use crate::limits;
use crate::promql::query::SampleValue;
use crate::rules::graph::RuleGraph;
use crate::store::{Apart, Batch, Conflicts, Hidden, Samples, SeriesId, Store, is_stale};
use crate::time::{Millis, Timestamp};

use super::event::RuleId;

/// A sample or stale marker that a rule wrote.
#[derive(Clone, Debug)]
pub struct WrittenSample {
    /// The rule.
    pub rule: RuleId,
    /// The slot at which it was evaluated.
    pub slot: Timestamp,
    /// The slot less the query offset.
    pub stamp: Timestamp,
    /// The series, its metric name included.
    pub labels: LabelSet,
    /// The value; the stale marker where the series ended.
    pub value: SampleValue,
}

/// Returns the metrics that rules write, and others.
pub(crate) fn hidden_by(graph: &RuleGraph, others: &[String]) -> Hidden {
    let written = graph.nodes.iter().flat_map(|node| &node.writes).map(|written| written.name.as_str());
    Hidden::of(written.chain(others.iter().map(String::as_str)))
}

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// It counts.
    Yes,
    /// There is another of this stamp or a later one.
    No,
}

/// Below so many series it does not matter how many of them are over.
const FEW: usize = 512;

/// Holds what the rules of a run wrote.
pub(crate) struct WrittenSeries {
    pub store: Store,
    /// The metrics that rules write: they read them here and not in the recording.
    pub hidden: Hidden,
    /// By series: the number of its first writer.
    pub writers: Vec<u32>,
    /// By series: the newest stamp and the bits of its value.
    newest: Vec<(Timestamp, u64)>,
    /// The newest samples that are native histograms; series that never had one are not listed.
    histograms: HashMap<SeriesId, Arc<Histogram>, foldhash::fast::FixedState>,
    batch: Batch,
    /// Whether the store holds a recording without an end, which takes samples one by one.
    endless: bool,
    /// How many slices were evaluated before there was any series.
    pub quiet: u32,
    /// How many series there may be before it is worth looking for those that are over, where the engine is made anew.
    pub room: usize,
    /// How many series there may be.
    pub most: usize,
    /// The first rule with a series that is one too many.
    pub overfull: Option<RuleId>,
    /// Everything that was taken, when it is wanted.
    pub trace: Option<Vec<WrittenSample>>,
}

impl WrittenSeries {
    /// Makes one that holds what is read, or all with `keep`; of a recording without an end, what `history` says.
    pub(crate) fn new(hidden: Hidden, keep: bool, history: Option<Millis>, trace: bool) -> Self {
        let mut store = history.map_or_else(|| Store::new(Conflicts::First), Store::endless);
        if keep {
            store.keep_for_queries();
        }
        Self {
            store,
            hidden,
            writers: Vec::new(),
            newest: Vec::new(),
            histograms: HashMap::default(),
            batch: Batch::default(),
            endless: history.is_some(),
            quiet: 0,
            room: FEW,
            most: limits::WRITTEN_SERIES,
            overfull: None,
            trace: trace.then(Vec::new),
        }
    }

    /// Returns the series of these labels, unless it would be one too many.
    fn series(&mut self, labels: &LabelSet, Stamping { rule, writer, .. }: Stamping<'_>) -> Option<SeriesId> {
        if self.store.len() >= self.most && self.store.find(labels).is_none() {
            self.overfull.get_or_insert(rule);
            return None;
        }
        let id = self.store.series(labels);
        if self.writers.len() < self.store.len() {
            self.writers.push(writer);
            self.newest.push((Timestamp::MIN, 0));
        }
        Some(id)
    }

    /// Returns how many steps of all series a slice should hold. The first one has one step, since how many series the
    /// rules will write is not known yet; while they write none, each has twice as many as the one before.
    pub(crate) fn slice_steps(&self) -> usize {
        match self.store.len() {
            0 => limits::WRITTEN_SAMPLES.min(1 << self.quiet.min(usize::BITS - 2)),
            series => (limits::WRITTEN_SAMPLES / series).max(1),
        }
    }

    /// Takes a sample, whose value may stand for one of these histograms, unless its series has one of this stamp or a
    /// later one; the same once more is taken for it.
    ///
    /// Source: Prometheus' head appender.
    fn push(&mut self, id: SeriesId, stamp: Timestamp, (value, held): (f64, &Histograms)) -> (Taken, bool) {
        let newest = &mut self.newest[id.0 as usize];
        let histogram = held.get(value);
        if stamp <= newest.0 {
            let again = match (self.histograms.get(&id), histogram) {
                (None, None) => *newest == (stamp, value.to_bits()),
                (Some(newest_histogram), Some(histogram)) => stamp == newest.0 && newest_histogram.equals(histogram),
                _ => false,
            };
            return (if again { Taken::Yes } else { Taken::No }, false);
        }
        *newest = (stamp, value.to_bits());
        match histogram {
            Some(histogram) => drop(self.histograms.insert(id, Arc::clone(histogram))),
            None if self.histograms.is_empty() => {}
            None => drop(self.histograms.remove(&id)),
        }
        if self.endless {
            // Nobody reads the rows of what is written, which would have to be brought in order. What a program sets is
            // floats, of which no expression makes a histogram.
            self.store.push_endless(id, stamp, value);
            return (Taken::Yes, true);
        }
        self.batch.push_value(id, stamp, (value, held), 0);
        if self.batch.len() >= limits::BATCH_ROWS {
            self.flush();
        }
        (Taken::Yes, true)
    }

    /// Returns the newest stamp of a series, and the bits of its value.
    pub(crate) fn newest(&self, id: SeriesId) -> (Timestamp, u64) {
        self.newest[id.0 as usize]
    }

    /// Takes a series with its samples as it was in another engine.
    pub(crate) fn resume(
        &mut self,
        (labels, newest): (&LabelSet, (Timestamp, u64)),
        samples: Samples<'_>,
        held: Vec<Apart>,
        stamping: Stamping<'_>,
    ) {
        let Some(id) = self.series(labels, stamping) else { return };
        for (time, value) in samples.times.iter().zip(samples.values) {
            self.batch.push(id, *time, *value, 0);
        }
        self.flush();
        self.store.hold_apart(id, held);
        self.newest[id.0 as usize] = newest;
    }

    fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let appended = self.store.append(&self.batch);
        assert!(appended.is_ok(), "written samples ascend by series, as the newest stamps ensure");
        self.batch.clear();
    }
}

/// One series that a rule writes.
#[derive(Debug)]
struct Out {
    labels: LabelSet,
    series: Option<SeriesId>,
    /// Whether the last successful evaluation wrote it.
    emitted: bool,
    /// The step of the block at hand at which it was written last.
    written_at: Option<u32>,
}

impl Out {
    fn new(labels: LabelSet) -> Self {
        Self { labels, series: None, emitted: false, written_at: None }
    }
}

/// The series that one rule writes, and what it wrote since the last commit.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    outs: Vec<Out>,
    /// Series, step and value, by step within a series.
    samples: Vec<(u32, u32, f64)>,
    /// The native histograms that values of these stand for.
    histograms: Histograms,
    /// Those that several alerts may write.
    shared: HashMap<LabelSet, u32, foldhash::fast::FixedState>,
}

/// Where and how the outputs of a rule are stamped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamping<'a> {
    pub rule: RuleId,
    /// The number that readers know the rule by.
    pub writer: u32,
    pub slots: &'a [Timestamp],
    pub query_offset: Millis,
}

impl Outputs {
    /// Adds a series, which has written nothing yet.
    pub(crate) fn add(&mut self, labels: LabelSet) -> u32 {
        self.outs.push(Out::new(labels));
        u32::try_from(self.outs.len() - 1).unwrap_or(u32::MAX)
    }

    /// Returns the labels of a series.
    pub(crate) fn labels(&self, out: u32) -> &LabelSet {
        &self.outs[out as usize].labels
    }

    /// Returns the series with these labels that several alerts may write, a new one if there is none. At each step all
    /// that is written to it comes before what ends it.
    pub(crate) fn share(&mut self, labels: LabelSet) -> u32 {
        if let Some(out) = self.shared.get(&labels) {
            return *out;
        }
        let out = self.add(labels.clone());
        self.shared.insert(labels, out);
        out
    }

    /// Lets a series stand for other labels from now on; nothing of it may be uncommitted.
    pub(crate) fn rename(&mut self, out: u32, labels: LabelSet) {
        self.outs[out as usize] = Out::new(labels);
    }

    /// Writes the value of a series at a step that did not fail, or its end if it was there at the last such step.
    /// What was written at the step already stays.
    pub(crate) fn write(&mut self, out: u32, step: usize, value: Option<f64>) {
        let step = u32::try_from(step).unwrap_or(u32::MAX);
        let Out { emitted, written_at, .. } = &mut self.outs[out as usize];
        if *written_at == Some(step) {
            return;
        }
        let was = std::mem::replace(emitted, value.is_some());
        *written_at = value.map(|_| step);
        match value {
            Some(value) => self.samples.push((out, step, value)),
            None if was => self.samples.push((out, step, crate::store::stale_marker())),
            None => {}
        }
    }

    /// Takes a native histogram, and returns the value that stands for it until the next commit.
    pub(crate) fn hold(&mut self, histogram: &Arc<Histogram>) -> f64 {
        self.histograms.put(Arc::clone(histogram))
    }

    /// Returns the number of series.
    pub(crate) fn len(&self) -> usize {
        self.outs.len()
    }

    /// Adds a series that the last successful evaluation wrote.
    pub(crate) fn resume(&mut self, labels: LabelSet) -> u32 {
        let out = self.add(labels);
        self.outs[out as usize].emitted = true;
        out
    }

    /// Records whether the last successful evaluation wrote a series.
    pub(crate) fn set_emitted(&mut self, out: u32, emitted: bool) {
        self.outs[out as usize].emitted |= emitted;
    }

    /// Walks over the series that the last successful evaluation wrote.
    pub(crate) fn all_emitted(&self) -> impl Iterator<Item = &LabelSet> {
        self.outs.iter().filter(|out| out.emitted).map(|out| &out.labels)
    }

    /// Returns whether the last successful evaluation wrote a series.
    pub(crate) fn emitted(&self, out: u32) -> bool {
        self.outs[out as usize].emitted
    }

    /// Hands what was written to the store. What another rule was faster with is dropped, and counts as not written
    /// (only rules that run one step at a time can meet that).
    pub(crate) fn commit(&mut self, written: &mut WrittenSeries, stamping: Stamping<'_>) {
        for (at, step, value) in &self.samples {
            let (step, value) = (*step, *value);
            let out = &mut self.outs[*at as usize];
            out.written_at = None;
            if out.series.is_none() {
                out.series = written.series(&out.labels, stamping);
            }
            // The run ends there.
            let Some(id) = out.series else { continue };
            let slot = stamping.slots[step as usize];
            let stamp = slot.minus(stamping.query_offset);
            let (taken, fresh) = written.push(id, stamp, (value, &self.histograms));
            if taken == Taken::No && !is_stale(value) {
                out.emitted = false;
            }
            if let Some(trace) = written.trace.as_mut().filter(|_| fresh) {
                let (labels, value) = (out.labels.clone(), self.histograms.read(value));
                trace.push(WrittenSample { rule: stamping.rule, slot, stamp, labels, value });
            }
        }
        self.samples.clear();
        self.histograms.clear();
        written.flush();
    }
}
