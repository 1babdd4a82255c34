//! One evaluation after the other of a recording rule: samples under its name, and stale markers.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::labels::{LabelSet, METRIC_NAME};
use crate::promql::program::Root;
use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::agreement::{Recorded, Results, Tally};
use super::bits;
use super::rule::StepFault;
use super::targets::{Merged, Targets, first_good};
use super::written::Outputs;

/// The words of a failed evaluation of which two series have equal labels.
const DUPLICATE: &str = "vector contains metrics with the same labelset after applying rule labels";

/// What a recording rule calls its series.
#[derive(Debug)]
pub(crate) struct Names {
    pub metric: String,
    /// Labels it sets, sorted by name; an empty text removes the label.
    pub labels: Vec<(String, String)>,
}

/// A recording rule and its series.
#[derive(Debug)]
pub(crate) struct Recorder {
    names: Arc<Names>,
    limit: usize,
    /// Whether anything may read what it writes.
    writes: bool,
    outputs: Outputs,
    targets: Targets,
    by_labels: HashMap<LabelSet, u32, foldhash::fast::FixedState>,
    merged: Merged,
    /// What it is compared with, when that is wanted.
    recorded: Option<Recorded>,
    /// What was compared; absent until there is a recorded series of its metric.
    tally: Option<Box<Tally>>,
}

impl Recorder {
    pub(crate) fn new(names: Arc<Names>, limit: usize, writes: bool) -> Self {
        Self {
            names,
            limit,
            writes,
            outputs: Outputs::default(),
            targets: Targets::default(),
            by_labels: HashMap::default(),
            merged: Merged::default(),
            recorded: None,
            tally: None,
        }
    }

    /// Returns the series that the last evaluation wrote.
    pub(crate) fn state(&self) -> Vec<LabelSet> {
        self.outputs.all_emitted().cloned().collect()
    }

    /// Goes on after an evaluation that wrote these series.
    pub(crate) fn resume(&mut self, written: Vec<LabelSet>) {
        for labels in written {
            self.by_labels.insert(labels.clone(), self.targets.next());
            self.outputs.resume(labels);
            self.targets.add();
        }
    }

    /// Forgets the rows of its result, and what is over: series that the last evaluation did not write. Their labels and
    /// numbers stay.
    pub(crate) fn forget_rows(&mut self) {
        let Self { targets, outputs, .. } = self;
        targets.forget_rows(|target| outputs.emitted(target));
    }

    /// Returns the rule without any series.
    pub(crate) fn fork(&self) -> Self {
        Self { recorded: self.recorded, ..Self::new(Arc::clone(&self.names), self.limit, self.writes) }
    }

    /// Compares its results from now on with what was recorded.
    pub(crate) fn compare_with(&mut self, recorded: Recorded) {
        self.recorded = Some(recorded);
    }

    /// Returns what its results are compared with.
    pub(crate) fn compared_with(&self) -> Option<Recorded> {
        self.recorded
    }

    /// Returns what was compared.
    pub(crate) fn tally(&self) -> Option<&Tally> {
        self.tally.as_deref()
    }

    /// Walks over the labels of the series that its results were.
    pub(crate) fn computed(&self) -> impl Iterator<Item = &LabelSet> {
        (0..self.targets.next()).map(|target| self.outputs.labels(target))
    }

    /// Returns the metric name that it writes.
    pub(crate) fn metric(&self) -> &str {
        &self.names.metric
    }

    /// Returns what was written since the last commit.
    pub(crate) fn outputs(&mut self) -> &mut Outputs {
        &mut self.outputs
    }

    /// Returns how many series it writes.
    pub(crate) fn written(&self) -> usize {
        self.outputs.len()
    }

    /// Returns the labels of the series that a series of the result becomes.
    fn output(&self, sample: &LabelSet) -> LabelSet {
        let mut builder = sample.to_builder();
        builder.set(METRIC_NAME, &self.names.metric);
        for (name, value) in &self.names.labels {
            builder.set(name, value);
        }
        builder.build()
    }

    /// Makes the evaluations of a block, in order; steps that fail here are added to `failed`.
    ///
    /// Source: Prometheus' `RecordingRule.Eval` and, for stale markers, `Group.Eval`.
    pub(crate) fn fold(
        &mut self,
        root: &Root<'_>,
        failed: &mut [u64],
        faults: &mut Vec<StepFault>,
        (slots, query_offset, recording): (&[Timestamp], Millis, &Store),
    ) {
        let known = self.targets.next();
        for row in 0..root.labels.len() {
            if self.targets.of_row(row).is_none() && first_good(root, row, failed).is_some() {
                let labels = self.output(&root.labels[row]);
                let next = self.targets.next();
                let target = *self.by_labels.entry(labels.clone()).or_insert(next);
                if target == next {
                    self.outputs.add(labels);
                }
                self.targets.set(row, target);
            }
        }
        for step in self.targets.duplicates(root, failed) {
            bits::set(failed, step);
            faults.push(StepFault { step, message: DUPLICATE.to_owned() });
        }
        if self.limit > 0 && self.targets.len() > self.limit {
            self.apply_limit(root, failed, faults);
        }
        if self.writes {
            for target in self.targets.listed().to_vec() {
                self.write(target, root, failed);
            }
        }
        if let Some(recorded) = self.recorded.filter(|recorded| !recorded.series(recording).is_empty()) {
            let Self { targets, outputs, tally, .. } = self;
            let results = Results { root, failed, targets, outputs, known, slots, query_offset };
            tally.get_or_insert_default().add(&results, recorded, recording);
        }
    }

    /// Makes the evaluation of a result of one step; returns false, and makes none, where there may be more to it than
    /// values of series that were there before.
    pub(crate) fn step(&mut self, root: &Root<'_>) -> bool {
        let Self { targets, outputs, merged, .. } = self;
        let is_simple = root.steps == 1 && root.failed.iter().all(|failed| *failed == 0) && !targets.any_shared();
        if !is_simple || self.limit > 0 || self.recorded.is_some() {
            return false;
        }
        let present = root.present.iter().take(root.labels.len()).enumerate().filter(|(_, bits)| **bits != 0);
        if present.into_iter().any(|(row, _)| targets.of_row(row).is_none()) {
            return false;
        }
        if self.writes {
            for target in 0..targets.next() {
                let presence = targets.presence(target, root, merged);
                let value = bits::is_set(presence.present, 0).then(|| value(root, presence.values[0], outputs));
                outputs.write(target, 0, value);
            }
        }
        true
    }

    fn apply_limit(&self, root: &Root<'_>, failed: &mut [u64], faults: &mut Vec<StepFault>) {
        for step in 0..root.steps {
            let present = |row: &usize| bits::is_set(&root.present[row * root.words..], step);
            let series = (0..root.labels.len()).filter(present).count();
            if series > self.limit && !bits::is_set(failed, step) {
                bits::set(failed, step);
                let message = format!("exceeded limit of {} with {series} series", self.limit);
                faults.push(StepFault { step, message });
            }
        }
    }

    fn write(&mut self, target: u32, root: &Root<'_>, failed: &[u64]) {
        let Self { targets, merged, outputs, .. } = self;
        let presence = targets.presence(target, root, merged);
        let mut at = 0;
        while at < root.steps {
            if outputs.emitted(target) {
                let step = bits::first(at, root.steps, |word| !failed[word]);
                if step < root.steps {
                    let value =
                        bits::is_set(presence.present, step).then(|| value(root, presence.values[step], outputs));
                    outputs.write(target, step, value);
                }
                at = step + 1;
            } else {
                let step = bits::first(at, root.steps, |word| presence.present[word] & !failed[word]);
                if step < root.steps {
                    let value = value(root, presence.values[step], outputs);
                    outputs.write(target, step, Some(value));
                }
                at = step + 1;
            }
        }
    }
}

/// Returns what is written of a value of a result: of a histogram, what stands for it there.
fn value(root: &Root<'_>, value: f64, outputs: &mut Outputs) -> f64 {
    let histogram = if root.mixed { root.histograms.get(value) } else { None };
    histogram.map_or(value, |histogram| outputs.hold(histogram))
}
