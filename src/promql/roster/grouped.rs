//! Groups of input rows that are no rows themselves: of `topk`, `count_values` and histograms.

use crate::labels::LabelSet;

use super::super::plan::KeyLabels;
use super::{ByLabels, NodeState, number};

/// Groups by their keys.
#[derive(Default)]
pub(crate) struct Groups {
    /// The labels that the rows of each group share.
    pub(crate) keys: ByLabels,
    /// By input row: its group.
    pub(crate) of: Vec<u32>,
}

impl Groups {
    /// Returns how many groups there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns the keys by group.
    pub(crate) fn all_keys(&self) -> Vec<LabelSet> {
        let mut keys = vec![LabelSet::empty(); self.len()];
        for (labels, group) in &self.keys {
            keys[*group as usize] = labels.clone();
        }
        keys
    }

    /// Puts the next input row into the group with a key.
    fn add(&mut self, key: LabelSet) {
        let next = number(self.keys.len());
        self.of.push(*self.keys.entry(key).or_insert(next));
    }

    /// Binds a node that chooses of each group: its rows are the input's.
    pub(super) fn bind_chosen(&mut self, rows: &mut NodeState, input: &NodeState, key: &KeyLabels) {
        if !rows.has_news(input) {
            return;
        }
        for at in rows.seen[0]..input.labels.len() {
            self.add(key.key(&input.labels[at]));
            rows.labels.push(input.labels[at].clone());
            rows.drops.push(input.drops[at]);
        }
        rows.seen[0] = input.labels.len();
        rows.order_by(&input.order);
    }

    /// Binds a node whose rows are found as it counts.
    pub(super) fn bind_counted(&mut self, rows: &mut NodeState, input: &NodeState, key: &KeyLabels) {
        for labels in &input.labels[rows.seen[0]..] {
            self.add(key.key(labels));
        }
        rows.seen[0] = input.labels.len();
    }
}

/// The buckets of classic histograms.
#[derive(Default)]
pub(crate) struct Buckets {
    pub(crate) groups: Groups,
    /// By input row, the upper bound of the bucket; none where it cannot be read.
    pub(crate) bounds: Vec<Option<f64>>,
}

impl Buckets {
    /// Adds the bucket of the next input row, and returns the labels of its group.
    fn add(&mut self, labels: &LabelSet) -> LabelSet {
        self.bounds.push(labels.get("le").and_then(|bound| bound.parse().ok()));
        let group = labels.filter(|name| name != "le");
        self.groups.add(group.clone());
        group
    }

    /// Binds a node whose rows are found as it is evaluated.
    pub(super) fn bind_groups(&mut self, rows: &mut NodeState, input: &NodeState) {
        for labels in &input.labels[rows.seen[0]..] {
            self.add(labels);
        }
        rows.seen[0] = input.labels.len();
    }

    /// Binds a node with a row for each group of buckets; groups that differ in their names alone go to one.
    pub(super) fn bind(&mut self, rows: &mut NodeState, input: &NodeState, delayed: bool) {
        if !rows.has_news(input) {
            return;
        }
        for labels in &input.labels[rows.seen[0]..] {
            let group = self.add(labels);
            let (labels, drops) = if delayed { (group.clone(), true) } else { (group.without_metric(), false) };
            let row = rows.row(&labels, drops);
            rows.map.push(row);
        }
        rows.seen[0] = input.labels.len();
        rows.order_by(&input.order);
    }
}
