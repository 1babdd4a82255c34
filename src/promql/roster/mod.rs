//! Which rows a node has: found as series appear, never taken back.

mod found;
mod grouped;
mod infos;
mod joined;
mod mapped;
mod shared;

use hashbrown::HashMap;

use crate::labels::LabelSet;
use crate::store::SelectorId;

use super::plan::{Elementwise, Kind, Node, NodeId, Plan, WindowInput};
use super::program::{Fault, Inputs, Notes};

pub(crate) use self::found::{Found, Inner, inserted};
pub(crate) use self::grouped::{Buckets, Groups};
pub(crate) use self::infos::Infos;
pub(crate) use self::joined::{Joined, KeyGroup, MISSING, Matched};
pub(crate) use self::shared::Shared;

/// Maps a label set to a number, with a fixed seed.
pub(crate) type ByLabels = HashMap<LabelSet, u32, foldhash::fast::FixedState>;

/// What a node keeps between runs: its rows, and what only nodes of its kind have.
#[derive(Default)]
pub(crate) struct NodeState {
    /// By row. Only ever added to: a row number is an identity for the life of the program. No two are the same, unless
    /// they differ in whether the name goes.
    pub(crate) labels: Vec<LabelSet>,
    /// By row: whether the metric name goes at the end of the expression (delayed name removal only).
    pub(crate) drops: Vec<bool>,
    /// The rows in folding order: label order at selectors, then as operators keep it.
    pub(crate) order: Vec<u32>,
    /// Rows of the node by their labels and, if that tells them apart, by whether the name goes.
    by_labels: HashMap<(LabelSet, bool), u32, foldhash::fast::FixedState>,
    /// By input row: the row it goes to. Empty where rows are those of the input, one for one.
    pub(crate) map: Vec<u32>,
    /// Rows of the inputs that were bound.
    pub(crate) seen: [usize; 2],
    /// How often the order has changed, and the sum of these counts over the inputs when the node was bound.
    reordered: u32,
    inputs_reordered: u32,
    /// Whether two input rows go to one row, so that a step can have a sample too many.
    pub(crate) merged: bool,
    /// Whether the order of its samples at each step shows in a result.
    pub(crate) ordered: bool,
    /// Whether rows with the same labels are one although the name of one goes and that of the other does not: so in a
    /// subquery, whose series are found by their labels before names go.
    pub(crate) within: bool,
    /// Whether an invariant node was evaluated.
    pub(crate) evaluated: bool,
    /// Own faults of the latest run, by step.
    pub(crate) faults: Vec<Fault>,
    /// What it told in the latest run.
    pub(crate) notes: Notes,
    pub(crate) own: Own,
}

/// What only nodes of some kinds have.
#[derive(Default)]
pub(crate) enum Own {
    #[default]
    Nothing,
    /// Of an instant selector, and of a function over the ranges of one.
    Found(Box<Found>),
    /// Of a function over a subquery.
    Inner(Box<Inner>),
    /// Of an operator between two vectors.
    Joined(Box<Joined>),
    /// Of an aggregation whose rows are no groups.
    Grouped(Box<Groups>),
    /// Of a function of buckets.
    Buckets(Box<Buckets>),
    /// Of `info`.
    Infos(Box<Infos>),
}

impl Own {
    /// Returns, of a function over ranges, by row: the input row that had samples at any step of a range so far.
    pub(crate) fn met(&mut self) -> Option<&mut Vec<u32>> {
        match self {
            Self::Found(found) => Some(&mut found.met),
            Self::Inner(inner) => Some(&mut inner.met),
            _ => None,
        }
    }

    /// Makes what nodes of a kind have, with nothing in it.
    fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Select { .. } | Kind::Window { input: WindowInput::Selector(_), .. } => Self::Found(Box::default()),
            Kind::Window { input: WindowInput::Subquery { .. }, .. } => Self::Inner(Box::default()),
            Kind::VectorBinary(_) | Kind::FilledBinary { .. } | Kind::Set { .. } => Self::Joined(Box::default()),
            Kind::TopK { .. } | Kind::Limit { .. } | Kind::CountValues { .. } => Self::Grouped(Box::default()),
            Kind::Buckets { .. } | Kind::Quantiles { .. } => Self::Buckets(Box::default()),
            Kind::Info { .. } => Self::Infos(Box::default()),
            Kind::Const(_)
            | Kind::Time
            | Kind::QueryTime
            | Kind::ScalarBinary { .. }
            | Kind::Extreme { .. }
            | Kind::Scalar(_)
            | Kind::Vector(_)
            | Kind::Absent { .. }
            | Kind::Map { .. }
            | Kind::Relabel { .. }
            | Kind::Sort { .. }
            | Kind::Aggregate { .. } => Self::Nothing,
        }
    }

    /// Makes the same with nothing in it.
    fn anew(&self) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Found(_) => Self::Found(Box::default()),
            Self::Inner(_) => Self::Inner(Box::default()),
            Self::Joined(_) => Self::Joined(Box::default()),
            Self::Grouped(_) => Self::Grouped(Box::default()),
            Self::Buckets(_) => Self::Buckets(Box::default()),
            Self::Infos(_) => Self::Infos(Box::default()),
        }
    }
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
        let next = number(self.labels.len());
        let row = *self.by_labels.entry((labels.clone(), drops && !self.within)).or_insert(next);
        if row != next {
            return row;
        }
        self.labels.push(labels.clone());
        self.drops.push(drops);
        row
    }

    /// Makes the state of a node of a kind; `within`: in the program of a subquery.
    pub(crate) fn of(kind: &Kind, within: bool) -> Self {
        Self { own: Own::of(kind), within, ..Self::default() }
    }

    /// Makes the state of the same node in a program that is bound to nothing yet.
    pub(crate) fn anew(&self) -> Self {
        Self { ordered: self.ordered, within: self.within, own: self.own.anew(), ..Self::default() }
    }

    /// Forgets all rows; selectors stay registered.
    pub(crate) fn forget_rows(&mut self) {
        let selectors = match &self.own {
            Own::Found(found) => found.selectors,
            _ => None,
        };
        *self = self.anew();
        if let Some(selectors) = selectors {
            self.register(selectors);
        }
    }

    /// Adds rows for what the inputs gained since the last run. Cost: nothing when they gained nothing.
    pub(crate) fn bind(
        &mut self,
        node: &Node,
        plan: &Plan,
        states: &[Self],
        shared: &mut [Shared],
        inputs: &Inputs<'_>,
    ) {
        let states = Below { plan, states };
        let delayed = plan.options.delayed_names;
        let mut own = std::mem::take(&mut self.own);
        match (&node.kind, &mut own) {
            (Kind::Select { select, .. }, Own::Found(found)) => found.bind_select(self, select, inputs),
            (Kind::Window { input: WindowInput::Selector(select), function, .. }, Own::Found(found)) => {
                found.bind_window(self, select, *function, delayed, inputs);
                if let Some(family) = node.place.family {
                    found.join(&mut shared[family as usize]);
                }
            }
            // The rows of a subquery are known once it was evaluated: see `eval::window`.
            (Kind::Window { .. }, _) => {}
            (
                Kind::Const(_)
                | Kind::Time
                | Kind::QueryTime
                | Kind::ScalarBinary { .. }
                | Kind::Extreme { .. }
                | Kind::Scalar(_)
                | Kind::Vector(_),
                _,
            ) => self.bind_one(&LabelSet::empty()),
            (Kind::Absent { labels, .. }, _) => self.bind_one(labels),
            (Kind::Map { op, input }, _) => {
                let drop = match op {
                    Elementwise::Compare { return_bool, .. } => *return_bool,
                    Elementwise::Arithmetic { op, .. } => !op.is_trim(),
                    _ => true,
                };
                self.bind_mapped(states.of(*input), delayed, |labels| (labels.clone(), drop));
            }
            (Kind::Relabel { relabel, input }, _) => self.bind_relabelled(states.of(*input), relabel),
            (Kind::Info { join, base, infos, .. }, Own::Infos(known)) => {
                known.bind(self, join, (states.of(*base), states.of(*infos)));
            }
            (Kind::Sort { by, input }, _) => self.bind_sorted(states.of(*input), by),
            (Kind::VectorBinary(binary), Own::Joined(joined)) => {
                let (many, one) = (states.of(binary.many_node), states.of(binary.one_node));
                joined.bind_binary(self, binary, (many, one), delayed);
            }
            (Kind::FilledBinary { binary, fill }, Own::Joined(joined)) => {
                let (many, one) = (states.of(binary.many_node), states.of(binary.one_node));
                joined.bind_filled(self, binary, *fill, (many, one), delayed);
            }
            (Kind::Set { op, key, lhs, rhs }, Own::Joined(joined)) => {
                joined.bind_set(self, *op, key, (states.of(*lhs), states.of(*rhs)));
            }
            (Kind::Aggregate { key, input, .. }, _) => self.bind_aggregate(states.of(*input), key),
            (Kind::TopK { key, input, .. } | Kind::Limit { key, input, .. }, Own::Grouped(groups)) => {
                groups.bind_chosen(self, states.of(*input), key);
            }
            (Kind::CountValues { key, input, .. }, Own::Grouped(groups)) => {
                groups.bind_counted(self, states.of(*input), key);
            }
            (Kind::Quantiles { input, .. }, Own::Buckets(buckets)) => buckets.bind_groups(self, states.of(*input)),
            (Kind::Buckets { input, .. }, Own::Buckets(buckets)) => buckets.bind(self, states.of(*input), delayed),
            (
                Kind::Select { .. }
                | Kind::VectorBinary(_)
                | Kind::FilledBinary { .. }
                | Kind::Set { .. }
                | Kind::TopK { .. }
                | Kind::Limit { .. }
                | Kind::CountValues { .. }
                | Kind::Buckets { .. }
                | Kind::Quantiles { .. }
                | Kind::Info { .. },
                _,
            ) => debug_assert!(false, "a state is made for its kind: see `Own::of`"),
        }
        self.own = own;
    }

    /// Takes the registrations of a selector.
    pub(crate) fn register(&mut self, selectors: (SelectorId, Option<SelectorId>)) {
        if let Own::Found(found) = &mut self.own {
            found.selectors = Some(selectors);
        }
    }

    /// Binds a node that has one row, whatever its inputs have.
    fn bind_one(&mut self, labels: &LabelSet) {
        if self.labels.is_empty() {
            self.row(labels, false);
            self.order = vec![0];
        }
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

    /// Returns by row where it stands, counted from a number on.
    fn places(&self, from: usize) -> Vec<u32> {
        let mut places = vec![0; self.labels.len()];
        for (at, row) in (number(from)..).zip(&self.order) {
            places[*row as usize] = at;
        }
        places
    }

    /// Orders rows by where those of an input stand that they came of: `placed` by row.
    pub(crate) fn order_as(&mut self, input: &Self, placed: &[u32]) {
        let places = input.places(0);
        let mut order: Vec<u32> = (0..number(self.labels.len())).collect();
        order.sort_by_key(|row| places[placed[*row as usize] as usize]);
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

    /// Returns whether the input gained rows, or ordered them again: a group may come earlier by a new member.
    fn has_news(&mut self, input: &Self) -> bool {
        let ordered = std::mem::replace(&mut self.inputs_reordered, input.reordered);
        self.seen[0] != input.labels.len() || ordered != input.reordered
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_without_parts_of_its_own_is_small() {
        assert!(size_of::<Own>() <= 16, "{}", size_of::<Own>());
        assert!(size_of::<NodeState>() <= 224, "{}", size_of::<NodeState>());
    }
}
