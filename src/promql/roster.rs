//! Which rows a node has: found as series appear, never taken back.

use hashbrown::HashMap;

use crate::labels::{LabelSet, METRIC_NAME};
use crate::store::SelectorId;

use super::ast::BinaryOp;
use super::order::by_labels;
use super::plan::{Elementwise, Kind, Node, NodeId, Plan, Relabel, Select, SortBy, VectorBinary, WindowInput};
use super::program::{Fault, Inputs, Source};
use super::relabel::{label_join, label_replace};

/// Maps a label set to a number, with a fixed seed.
pub(crate) type ByLabels = HashMap<LabelSet, u32, foldhash::fast::FixedState>;

/// What a node keeps between runs.
#[derive(Default)]
pub(crate) struct NodeState {
    /// By row. Only ever added to, unique: a row number is an identity for the life of the program.
    pub(crate) labels: Vec<LabelSet>,
    /// By row: whether the metric name goes at the end of the expression (delayed name removal only).
    pub(crate) drops: Vec<bool>,
    /// The rows in folding order: label order at selectors, then as operators keep it.
    pub(crate) order: Vec<u32>,
    /// How often that order has changed, and the sum of these counts over the inputs when the node was bound.
    pub(crate) reordered: u32,
    pub(crate) inputs_reordered: u32,
    /// By input row: the row it goes to. Empty where rows are those of the input, one for one.
    pub(crate) map: Vec<u32>,
    /// Whether two input rows go to one row, so that a step can have a sample too many.
    pub(crate) merged: bool,
    /// The same for the second input of an operator.
    pub(crate) map_right: Vec<u32>,
    /// Rows of the node by their labels.
    pub(crate) by_labels: ByLabels,
    /// Keys of an operator (label sets that match each other) and the rows of either side that have them.
    pub(crate) keys: ByLabels,
    pub(crate) groups: Vec<KeyGroup>,
    /// Rows of the inputs that were bound.
    pub(crate) seen: [usize; 2],
    /// Of a selector: its registrations and the series of its rows.
    pub(crate) selectors: Option<(SelectorId, Option<SelectorId>)>,
    pub(crate) sources: Vec<Source>,
    /// Of a selector that is not registered: the series it was bound to.
    pub(crate) found: Vec<Source>,
    /// Rows of pairs, where they depend on both sides: (many row, one row).
    pub(crate) pairs: HashMap<(u32, u32), u32, foldhash::fast::FixedState>,
    /// Of an operator that computes: its pairs, where no two of them can ever have the same key or row.
    pub(crate) matched: Option<Vec<Matched>>,
    /// Of a histogram function: by input row, the upper bound of the bucket (NaN when it can not be read).
    pub(crate) bounds: Vec<f64>,
    /// Whether the order of its samples at each step shows in a result.
    pub(crate) ordered: bool,
    /// By row of an operator with two vectors: the input row it takes its place in the order from. Of a function over
    /// ranges: the rows of its input in order.
    pub(crate) placed: Vec<u32>,
    /// Whether an invariant node was evaluated.
    pub(crate) evaluated: bool,
    /// Own faults of the latest run, by step.
    pub(crate) faults: Vec<Fault>,
}

/// A pair of rows with the same key, and the row of its result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matched {
    pub(crate) many: u32,
    pub(crate) one: u32,
    pub(crate) row: u32,
}

/// The rows that share a key.
#[derive(Default, Debug)]
pub(crate) struct KeyGroup {
    pub(crate) left: Vec<u32>,
    pub(crate) right: Vec<u32>,
}

/// The states of the nodes that come before one.
struct Below<'a> {
    plan: &'a Plan,
    states: &'a [NodeState],
}

impl<'a> Below<'a> {
    fn of(&self, node: NodeId) -> &'a NodeState {
        &self.states[self.plan.nodes[node].place.state as usize]
    }
}

impl NodeState {
    /// Finds the row of a label set, or adds one.
    pub(crate) fn row(&mut self, labels: &LabelSet, drops: bool) -> u32 {
        if let Some(row) = self.by_labels.get(labels) {
            return *row;
        }
        let row = number(self.labels.len());
        self.by_labels.insert(labels.clone(), row);
        self.labels.push(labels.clone());
        self.drops.push(drops);
        row
    }

    /// Finds the key of a label set, or adds one.
    fn key(&mut self, labels: LabelSet) -> u32 {
        let next = number(self.groups.len());
        let key = *self.keys.entry(labels).or_insert(next);
        if key == next {
            self.groups.push(KeyGroup::default());
        }
        key
    }

    /// Adds rows for what the inputs gained since the last run. Cost: nothing when they gained nothing.
    pub(crate) fn bind(&mut self, node: &Node, plan: &Plan, states: &[Self], inputs: &Inputs<'_>) {
        let states = Below { plan, states };
        match &node.kind {
            Kind::Select { select, .. } => self.bind_select(select, inputs),
            Kind::Window { input: WindowInput::Selector(select), function, .. } => {
                let before = self.sources.len();
                self.bind_sources(select, inputs);
                let keep = function.keeps_name();
                for at in before..self.sources.len() {
                    let labels = labels_of(self.sources[at], inputs).clone();
                    self.add_mapped(&labels, false, !keep, plan.options.delayed_names);
                }
                if before != self.sources.len() {
                    self.sort_sources(inputs);
                }
            }
            // The rows of a subquery are known once it was evaluated: see `eval::window`.
            Kind::Window { input: WindowInput::Subquery { .. }, .. } => {}
            Kind::Const(_)
            | Kind::Time
            | Kind::QueryTime
            | Kind::ScalarBinary { .. }
            | Kind::Extreme { .. }
            | Kind::Scalar(_) => {
                if self.labels.is_empty() {
                    self.row(&LabelSet::empty(), false);
                    self.order = vec![0];
                }
            }
            Kind::Vector(_) => {
                if self.labels.is_empty() {
                    self.row(&LabelSet::empty(), false);
                    self.order = vec![0];
                }
            }
            Kind::Absent { labels, .. } => {
                if self.labels.is_empty() {
                    self.row(labels, false);
                    self.order = vec![0];
                }
            }
            Kind::Map { op, input } => {
                let drop = match op {
                    Elementwise::Compare { return_bool, .. } => *return_bool,
                    _ => true,
                };
                self.bind_mapped(states.of(*input), plan.options.delayed_names, |labels| (labels.clone(), drop));
            }
            Kind::Relabel { relabel, input } => self.bind_relabelled(states.of(*input), relabel),
            Kind::Sort { by, input } => {
                self.bind_mapped(states.of(*input), false, |labels| (labels.clone(), false));
                if let SortBy::Labels { names, descending } = by {
                    let labels = &self.labels;
                    let compare = |a: u32, b: u32| by_labels(&labels[a as usize], &labels[b as usize], names);
                    self.order.sort_by(|a, b| if *descending { compare(*b, *a) } else { compare(*a, *b) });
                }
            }
            Kind::VectorBinary(binary) => self.bind_binary(binary, plan, &states),
            Kind::Set { op, key, lhs, rhs } => self.bind_set(*op, key, states.of(*lhs), states.of(*rhs)),
            Kind::Aggregate { key, input, .. } => self.bind_groups(states.of(*input), key, true),
            Kind::TopK { key, input, .. } => {
                self.bind_groups(states.of(*input), key, false);
            }
            Kind::CountValues { key, input, .. } => {
                let input = states.of(*input);
                while self.seen[0] < input.labels.len() {
                    let labels = group_labels(&input.labels[self.seen[0]], key);
                    let group = self.key(labels);
                    self.map_right.push(group);
                    self.seen[0] += 1;
                }
            }
            Kind::Buckets { input, .. } => self.bind_buckets(states.of(*input), plan.options.delayed_names),
        }
    }

    fn bind_sources(&mut self, select: &Select, inputs: &Inputs<'_>) {
        if let Some(only) = inputs.only {
            let fits = |labels: &LabelSet| select.matchers.iter().all(|matcher| matcher.matches_set(labels));
            let recorded = only.recorded[self.seen[0]..].iter();
            let recorded = recorded.filter(|id| fits(inputs.recording.labels(**id)));
            self.sources.extend(recorded.map(|id| Source { written: false, id: *id }));
            self.seen[0] = only.recorded.len();
            if let Some(written) = inputs.written {
                let found = only.written[self.seen[1]..].iter().filter(|id| fits(written.store.labels(**id)));
                self.sources.extend(found.map(|id| Source { written: true, id: *id }));
                self.seen[1] = only.written.len();
            }
            return;
        }
        self.sources.append(&mut self.found);
        let Some((recorded, written)) = self.selectors else { return };
        let found = inputs.recording.selected(recorded);
        for id in &found[self.seen[0]..] {
            self.sources.push(Source { written: false, id: *id });
        }
        self.seen[0] = found.len();
        if let (Some(selector), Some(written)) = (written, inputs.written) {
            let found = written.store.selected(selector);
            for id in &found[self.seen[1]..] {
                self.sources.push(Source { written: true, id: *id });
            }
            self.seen[1] = found.len();
        }
    }

    fn bind_select(&mut self, select: &Select, inputs: &Inputs<'_>) {
        let before = self.sources.len();
        self.bind_sources(select, inputs);
        for at in before..self.sources.len() {
            self.labels.push(labels_of(self.sources[at], inputs).clone());
            self.drops.push(false);
        }
        if before != self.sources.len() {
            let mut order: Vec<u32> = (0..number(self.labels.len())).collect();
            order.sort_by(|a, b| self.labels[*a as usize].cmp(&self.labels[*b as usize]));
            self.set_order(order);
        }
    }

    /// Orders the rows of a window function by the labels of the series they come from.
    fn sort_sources(&mut self, inputs: &Inputs<'_>) {
        let mut by_series: Vec<u32> = (0..number(self.sources.len())).collect();
        by_series.sort_by(|a, b| {
            labels_of(self.sources[*a as usize], inputs).cmp(labels_of(self.sources[*b as usize], inputs))
        });
        self.order_by(&by_series);
        self.placed = by_series;
    }

    /// Orders rows by the first input row, in the given order, that goes to each.
    pub(crate) fn order_by(&mut self, inputs: &[u32]) {
        if self.map.is_empty() && self.labels.len() == inputs.len() {
            return self.set_order(inputs.to_vec());
        }
        let rows = inputs.iter().filter_map(|input| self.map.get(*input as usize).copied());
        let order = firsts(rows.filter(|row| *row != u32::MAX), self.labels.len());
        self.set_order(order);
    }

    fn set_order(&mut self, order: Vec<u32>) {
        if self.order != order {
            self.order = order;
            self.reordered += 1;
        }
    }

    /// Adds the row that an input row goes to. While no two go to one row, there is no map.
    pub(crate) fn add_mapped(&mut self, labels: &LabelSet, drops: bool, drop_name: bool, delayed: bool) {
        let (labels, drops) = match (drop_name, delayed) {
            (true, false) => (labels.without_metric(), drops),
            (true, true) => (labels.clone(), true),
            (false, _) => (labels.clone(), drops),
        };
        let inputs = if self.merged { self.map.len() } else { self.labels.len() };
        let row = self.row(&labels, drops);
        if !self.merged && row as usize != inputs {
            self.merged = true;
            self.map = (0..number(inputs)).collect();
        }
        if self.merged {
            self.map.push(row);
        }
    }

    /// Tells whether the input gained rows, or ordered them anew: a group may come earlier by a new member.
    fn has_news(&mut self, input: &Self) -> bool {
        let ordered = std::mem::replace(&mut self.inputs_reordered, input.reordered);
        self.seen[0] != input.labels.len() || ordered != input.reordered
    }

    /// Binds a node whose rows follow its input's, each labels rewritten; the closure also tells whether names drop.
    fn bind_mapped(&mut self, input: &Self, delayed: bool, rewrite: impl Fn(&LabelSet) -> (LabelSet, bool)) {
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

    fn bind_relabelled(&mut self, input: &Self, relabel: &Relabel) {
        if !self.has_news(input) {
            return;
        }
        for at in self.seen[0]..input.labels.len() {
            let before = &input.labels[at];
            let (destination, written, labels) = match relabel {
                Relabel::Replace { destination, replacement, source, regexp } => {
                    let matches = regexp.is_match(before.get(source).unwrap_or(""));
                    (destination, matches, label_replace(before, destination, replacement, source, regexp))
                }
                Relabel::Join { destination, separator, sources } => {
                    (destination, true, label_join(before, destination, separator, sources))
                }
            };
            // A name that is written anew is not dropped later.
            let drops = input.drops[at] && !(written && destination == METRIC_NAME);
            self.add_mapped(&labels, drops, false, false);
        }
        self.seen[0] = input.labels.len();
        self.order_by(&input.order);
    }

    fn bind_groups(&mut self, input: &Self, key: &super::plan::KeyLabels, rows_are_groups: bool) {
        if !self.has_news(input) {
            return;
        }
        for at in self.seen[0]..input.labels.len() {
            let labels = group_labels(&input.labels[at], key);
            if rows_are_groups {
                let row = self.row(&labels, input.drops[at]);
                self.drops[row as usize] |= input.drops[at];
                self.map.push(row);
            } else {
                let group = self.key(labels);
                self.map_right.push(group);
                self.labels.push(input.labels[at].clone());
                self.drops.push(input.drops[at]);
            }
        }
        self.seen[0] = input.labels.len();
        self.order_by(&input.order);
    }

    fn bind_buckets(&mut self, input: &Self, delayed: bool) {
        if !self.has_news(input) {
            return;
        }
        for at in self.seen[0]..input.labels.len() {
            let labels = &input.labels[at];
            self.bounds.push(labels.get("le").map_or(f64::NAN, bucket_bound));
            let group = labels.filter(|name| name != "le");
            let (labels, drops) = if delayed { (group.clone(), true) } else { (group.without_metric(), false) };
            let key = self.key(group);
            self.map_right.push(key);
            let row = self.row(&labels, drops);
            self.map.push(row);
        }
        self.seen[0] = input.labels.len();
        self.order_by(&input.order);
    }

    fn bind_sides(&mut self, key: &super::plan::KeyLabels, left: &Self, right: &Self) -> bool {
        let now = left.reordered + right.reordered;
        let ordered = std::mem::replace(&mut self.inputs_reordered, now);
        if self.seen == [left.labels.len(), right.labels.len()] && ordered == now {
            return false;
        }
        for at in self.seen[0]..left.labels.len() {
            let group = self.key(key.key(&left.labels[at]));
            self.groups[group as usize].left.push(number(at));
        }
        for at in self.seen[1]..right.labels.len() {
            let group = self.key(key.key(&right.labels[at]));
            self.groups[group as usize].right.push(number(at));
        }
        true
    }

    fn bind_binary(&mut self, binary: &VectorBinary, plan: &Plan, states: &Below<'_>) {
        let (many, one) = (states.of(binary.many_node), states.of(binary.one_node));
        let before = self.seen;
        if !self.bind_sides(&binary.key, many, one) {
            return;
        }
        let delayed = plan.options.delayed_names;
        if binary.include.as_ref().is_none_or(Vec::is_empty) {
            for at in before[0]..many.labels.len() {
                let (labels, drops) = result_labels(binary, &many.labels[at], None, many.drops[at], delayed);
                let row = self.row(&labels, drops);
                if row as usize == self.placed.len() {
                    self.placed.push(number(at));
                }
                self.map.push(row);
            }
        } else {
            for group in 0..self.groups.len() {
                for many_at in 0..self.groups[group].left.len() {
                    for one_at in 0..self.groups[group].right.len() {
                        let (m, o) = (self.groups[group].left[many_at], self.groups[group].right[one_at]);
                        if self.pairs.contains_key(&(m, o)) {
                            continue;
                        }
                        let one_labels = Some(&one.labels[o as usize]);
                        let (labels, drops) = result_labels(
                            binary,
                            &many.labels[m as usize],
                            one_labels,
                            many.drops[m as usize],
                            delayed,
                        );
                        let row = self.row(&labels, drops);
                        if row as usize == self.placed.len() {
                            self.placed.push(m);
                        }
                        self.pairs.insert((m, o), row);
                    }
                }
            }
        }
        self.seen = [many.labels.len(), one.labels.len()];
        // Rows stand where their many side stands.
        let mut rank = vec![0; many.labels.len()];
        for (at, row) in many.order.iter().enumerate() {
            rank[*row as usize] = at;
        }
        let mut order: Vec<u32> = (0..number(self.labels.len())).collect();
        order.sort_by_key(|row| rank[self.placed[*row as usize] as usize]);
        self.set_order(order);
        self.matched = self.match_one_to_one(many.labels.len());
    }

    /// Lists the pairs of an operator, if each row is in one at most and has a result of its own.
    fn match_one_to_one(&self, many: usize) -> Option<Vec<Matched>> {
        let single = self.groups.iter().all(|group| group.left.len() <= 1 && group.right.len() <= 1);
        if !single || self.map.len() != many || self.labels.len() != many {
            return None;
        }
        let pair = |group: &KeyGroup| {
            let (many, one) = (*group.left.first()?, *group.right.first()?);
            Some(Matched { many, one, row: self.map[many as usize] })
        };
        Some(self.groups.iter().filter_map(pair).collect())
    }

    fn bind_set(&mut self, op: BinaryOp, key: &super::plan::KeyLabels, left: &Self, right: &Self) {
        let before = self.seen;
        if !self.bind_sides(key, left, right) {
            return;
        }
        for at in before[0]..left.labels.len() {
            let row = self.row(&left.labels[at], left.drops[at]);
            self.map.push(row);
        }
        if op == BinaryOp::Or {
            for at in before[1]..right.labels.len() {
                let row = self.row(&right.labels[at], right.drops[at]);
                self.map_right.push(row);
            }
        }
        self.seen = [left.labels.len(), right.labels.len()];
        let lefts = left.order.iter().map(|row| self.map[*row as usize]);
        let rights = right.order.iter().filter_map(|row| self.map_right.get(*row as usize).copied());
        let order = firsts(lefts.chain(rights), self.labels.len());
        self.set_order(order);
    }
}

/// Lists rows, of so many, each where it comes first.
fn firsts(rows: impl Iterator<Item = u32>, count: usize) -> Vec<u32> {
    let mut placed = vec![false; count];
    rows.filter(|row| !std::mem::replace(&mut placed[*row as usize], true)).collect()
}

/// Returns a row count or index as the number that rosters use; readers stop long before it overflows.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn labels_of<'a>(source: Source, inputs: &Inputs<'a>) -> &'a LabelSet {
    match inputs.written {
        Some(written) if source.written => written.store.labels(source.id),
        _ => inputs.recording.labels(source.id),
    }
}

fn group_labels(labels: &LabelSet, key: &super::plan::KeyLabels) -> LabelSet {
    key.key(labels)
}

/// Reads the upper bound of a bucket as Go's `ParseFloat` does.
fn bucket_bound(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

/// Returns the labels of a pair's result.
///
/// Source: Prometheus' `resultMetric`; promql.md 8.5.
fn result_labels(
    binary: &VectorBinary,
    many: &LabelSet,
    one: Option<&LabelSet>,
    drops: bool,
    delayed: bool,
) -> (LabelSet, bool) {
    let compares = binary.op.is_comparison();
    let drop_now = !compares || (binary.return_bool && !delayed);
    let labels = if drop_now { many.without_metric() } else { many.clone() };
    let drops = if compares { drops || (binary.return_bool && delayed) } else { false };
    let Some(include) = &binary.include else {
        let listed = |name: &str| binary.key.labels.binary_search_by(|label| label.as_str().cmp(name)).is_ok();
        return (labels.filter(|name| listed(name) == binary.key.only), drops);
    };
    let Some(one) = one.filter(|_| !include.is_empty()) else { return (labels, drops) };
    let mut builder = labels.to_builder();
    for name in include {
        builder.set(name, one.get(name).unwrap_or(""));
    }
    (builder.build(), drops)
}
