//! Rows that follow those of the input, one for one or several to one.

use crate::labels::{LabelSet, METRIC_NAME};

use super::super::order::by_labels;
use super::super::plan::{KeyLabels, Relabel, SortBy};
use super::super::relabel::{label_join, label_replace};
use super::NodeState;

impl NodeState {
    /// Binds a node whose rows follow its input's, each labels rewritten; the closure also tells whether names drop.
    pub(super) fn bind_mapped(&mut self, input: &Self, delayed: bool, rewrite: impl Fn(&LabelSet) -> (LabelSet, bool)) {
        if !self.has_news(input) {
            return;
        }
        for at in self.seen[0]..input.labels.len() {
            let (labels, drop_name) = rewrite(&input.labels[at]);
            self.add_mapped(&labels, input.drops[at], drop_name, delayed);
        }
        self.seen[0] = input.labels.len();
        self.order_by(&input.order);
    }

    pub(super) fn bind_relabelled(&mut self, input: &Self, relabel: &Relabel) {
        if !self.has_news(input) {
            return;
        }
        for at in self.seen[0]..input.labels.len() {
            let before = &input.labels[at];
            let (destination, written, labels) = match relabel {
                Relabel::Replace { destination, replacement, source, pattern } => {
                    let regexp = &pattern.regexp;
                    let matches = regexp.is_match(before.get(source).unwrap_or(""));
                    (destination, matches, label_replace(before, destination, replacement, source, regexp))
                }
                Relabel::Join { destination, separator, sources } => {
                    (destination, true, label_join(before, destination, separator, sources))
                }
            };
            // A name that is written again is not dropped later.
            let drops = input.drops[at] && !(written && destination == METRIC_NAME);
            self.add_mapped(&labels, drops, false, false);
        }
        self.seen[0] = input.labels.len();
        self.order_by(&input.order);
    }

    /// Binds a node with the rows of its input in another order, if that is one for all steps.
    pub(super) fn bind_sorted(&mut self, input: &Self, by: &SortBy) {
        self.bind_mapped(input, false, |labels| (labels.clone(), false));
        if let SortBy::Labels { names, descending } = by {
            let labels = &self.labels;
            let compare = |a: u32, b: u32| by_labels(&labels[a as usize], &labels[b as usize], names);
            self.order.sort_by(|a, b| if *descending { compare(*b, *a) } else { compare(*a, *b) });
        }
    }

    /// Binds an aggregation: its rows are the groups of the input's.
    pub(super) fn bind_aggregate(&mut self, input: &Self, key: &KeyLabels) {
        if !self.has_news(input) {
            return;
        }
        for at in self.seen[0]..input.labels.len() {
            let row = self.row(&key.key(&input.labels[at]), false);
            self.drops[row as usize] |= input.drops[at];
            self.map.push(row);
        }
        self.seen[0] = input.labels.len();
        self.order_by(&input.order);
    }
}
