//! Rows of two inputs that share a key: those of operators between vectors.

use hashbrown::HashMap;

use crate::labels::LabelSet;

use super::super::ast::BinaryOp;
use super::super::plan::{Fill, KeyLabels, VectorBinary};
use super::{ByLabels, NodeState, firsts, number};

/// Which rows of both sides match each other.
#[derive(Default)]
pub(crate) struct Joined {
    /// Keys (label sets that match each other) by their labels.
    keys: ByLabels,
    /// By key: the rows of either side that have it. The left side of an operator that computes is the many side.
    pub(crate) groups: Vec<KeyGroup>,
    /// Of a set operator: by row of the right side, the row it goes to.
    pub(crate) map_right: Vec<u32>,
    /// Rows of pairs, where they depend on both sides: (many row, one row).
    pub(crate) pairs: HashMap<(u32, u32), u32, foldhash::fast::FixedState>,
    /// Of an operator that computes: its pairs, where no two of them can ever have the same key or row.
    pub(crate) matched: Option<Vec<Matched>>,
    /// By row of an operator that computes: the row of the many side it takes its place in the order from.
    pub(crate) placed: Vec<u32>,
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

/// Stands for a row of a side that is filled.
pub(crate) const MISSING: u32 = u32::MAX;

impl KeyGroup {
    /// Lists the pairs of its rows, also those of which one side is missing and is filled.
    pub(crate) fn filled_pairs(&self, fill: Fill) -> impl Iterator<Item = (u32, u32)> {
        let with = |rows: &[u32], filled: bool| -> Vec<u32> {
            rows.iter().copied().chain(filled.then_some(MISSING)).collect()
        };
        let (left, right) = (with(&self.left, fill.many.is_some()), with(&self.right, fill.one.is_some()));
        left.into_iter()
            .flat_map(move |m| right.clone().into_iter().map(move |o| (m, o)))
            .filter(|pair| *pair != (MISSING, MISSING))
    }
}

impl Joined {
    /// Finds the group of a key, or adds one.
    fn group(&mut self, key: LabelSet) -> &mut KeyGroup {
        let next = number(self.groups.len());
        let group = *self.keys.entry(key).or_insert(next);
        if group == next {
            self.groups.push(KeyGroup::default());
        }
        &mut self.groups[group as usize]
    }

    /// Adds the new rows of both sides to the groups of their keys; returns whether there were any, or another order.
    fn bind_sides(&mut self, rows: &mut NodeState, key: &KeyLabels, (left, right): (&NodeState, &NodeState)) -> bool {
        let now = left.reordered + right.reordered;
        let ordered = std::mem::replace(&mut rows.inputs_reordered, now);
        if rows.seen == [left.labels.len(), right.labels.len()] && ordered == now {
            return false;
        }
        for at in rows.seen[0]..left.labels.len() {
            self.group(key.key(&left.labels[at])).left.push(number(at));
        }
        for at in rows.seen[1]..right.labels.len() {
            self.group(key.key(&right.labels[at])).right.push(number(at));
        }
        true
    }

    /// Binds an operator that computes.
    pub(super) fn bind_binary(
        &mut self,
        rows: &mut NodeState,
        binary: &VectorBinary,
        (many, one): (&NodeState, &NodeState),
        delayed: bool,
    ) {
        let before = rows.seen;
        if !self.bind_sides(rows, &binary.key, (many, one)) {
            return;
        }
        if binary.include.as_ref().is_none_or(Vec::is_empty) {
            for at in before[0]..many.labels.len() {
                let (labels, drops) = result_labels(binary, &many.labels[at], None, delayed);
                let row = rows.row(&labels, drops);
                if row as usize == self.placed.len() {
                    self.placed.push(number(at));
                }
                rows.map.push(row);
            }
        } else {
            for group in &self.groups {
                for m in &group.left {
                    for o in &group.right {
                        if self.pairs.contains_key(&(*m, *o)) {
                            continue;
                        }
                        let many_labels = &many.labels[*m as usize];
                        let one_labels = Some(&one.labels[*o as usize]);
                        let (labels, drops) = result_labels(binary, many_labels, one_labels, delayed);
                        let row = rows.row(&labels, drops);
                        if row as usize == self.placed.len() {
                            self.placed.push(*m);
                        }
                        self.pairs.insert((*m, *o), row);
                    }
                }
            }
        }
        rows.seen = [many.labels.len(), one.labels.len()];
        // Rows stand where their many side stands.
        rows.order_as(many, &self.placed);
        self.matched = self.match_one_to_one(rows, many.labels.len());
    }

    /// Binds an operator that fills missing sides: rows are those of all pairs of a key, [`MISSING`] among its rows.
    pub(super) fn bind_filled(
        &mut self,
        rows: &mut NodeState,
        binary: &VectorBinary,
        fill: Fill,
        (many, one): (&NodeState, &NodeState),
        delayed: bool,
    ) {
        if !self.bind_sides(rows, &binary.key, (many, one)) {
            return;
        }
        let (many_places, one_places) = (many.places(0), one.places(many.labels.len()));
        let mut rank = Vec::new();
        for group in &self.groups {
            for (m, o) in group.filled_pairs(fill) {
                // Rows stand where their many side stands; those without one come after them, as their one side stands.
                let place = if m == MISSING { one_places[o as usize] } else { many_places[m as usize] };
                if let Some(row) = self.pairs.get(&(m, o)) {
                    note(&mut rank, *row, place);
                    continue;
                }
                // What is filled in has the labels of the key.
                let (many_labels, one_labels) = (many.labels.get(m as usize), one.labels.get(o as usize));
                let key = many_labels.or(one_labels).map(|labels| binary.key.key(labels));
                let (Some(many_labels), Some(one_labels)) = (many_labels.or(key.as_ref()), one_labels.or(key.as_ref()))
                else {
                    continue;
                };
                let (labels, drops) = result_labels(binary, many_labels, Some(one_labels), delayed);
                let row = rows.row(&labels, drops);
                note(&mut rank, row, place);
                self.pairs.insert((m, o), row);
            }
        }
        rows.seen = [many.labels.len(), one.labels.len()];
        let mut order: Vec<u32> = (0..number(rows.labels.len())).collect();
        order.sort_by_key(|row| rank[*row as usize]);
        rows.set_order(order);
    }

    /// Lists the pairs of an operator, if each row is in one at most and has a result of its own.
    fn match_one_to_one(&self, rows: &NodeState, many: usize) -> Option<Vec<Matched>> {
        let single = self.groups.iter().all(|group| group.left.len() <= 1 && group.right.len() <= 1);
        if !single || rows.map.len() != many || rows.labels.len() != many {
            return None;
        }
        let pair = |group: &KeyGroup| {
            let (many, one) = (*group.left.first()?, *group.right.first()?);
            Some(Matched { many, one, row: rows.map[many as usize] })
        };
        Some(self.groups.iter().filter_map(pair).collect())
    }

    /// Binds `and`, `or` or `unless`.
    pub(super) fn bind_set(
        &mut self,
        rows: &mut NodeState,
        op: BinaryOp,
        key: &KeyLabels,
        (left, right): (&NodeState, &NodeState),
    ) {
        let before = rows.seen;
        if !self.bind_sides(rows, key, (left, right)) {
            return;
        }
        for at in before[0]..left.labels.len() {
            let row = rows.row(&left.labels[at], left.drops[at]);
            rows.map.push(row);
        }
        if op == BinaryOp::Or {
            for at in before[1]..right.labels.len() {
                self.map_right.push(rows.row(&right.labels[at], right.drops[at]));
            }
        }
        rows.seen = [left.labels.len(), right.labels.len()];
        let lefts = left.order.iter().map(|row| rows.map[*row as usize]);
        let rights = right.order.iter().filter_map(|row| self.map_right.get(*row as usize).copied());
        let order = firsts(lefts.chain(rights), rows.labels.len());
        rows.set_order(order);
    }
}

/// Ranks a row by the first of its pairs.
fn note(rank: &mut Vec<u32>, row: u32, place: u32) {
    let row = row as usize;
    rank.resize(rank.len().max(row + 1), u32::MAX);
    rank[row] = rank[row].min(place);
}

/// Returns the labels of a pair's result, and whether the name goes at the end: those that its operands lost come back.
///
/// Source: Prometheus' `resultMetric`; promql.md 8.5.
fn result_labels(binary: &VectorBinary, many: &LabelSet, one: Option<&LabelSet>, delayed: bool) -> (LabelSet, bool) {
    let compares = binary.op.is_comparison() || binary.op.is_trim();
    let drop_now = !compares || (binary.return_bool && !delayed);
    let labels = if drop_now { many.without_metric() } else { many.clone() };
    let drops = binary.return_bool && delayed;
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
