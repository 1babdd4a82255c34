//! Aggregations whose result is one value a group.

use super::super::ast::AggregateOp;
use super::super::block::{self, Block};
use super::super::plan::{NodeId, Operand};
use super::super::quantile::quantile;
use super::super::roster::NodeState;
use super::{Scratch, View, native, ranks};
use crate::kahan::{Kahan, Mean, Spread};

/// Folds the rows of each group, in order, at every step.
///
/// Source: promql.md 8.3 and 8.5. Cost: one pass over the input's values; a quantile sorts each group at each step.
pub(super) fn evaluate(
    view: &View<'_>,
    state: &mut NodeState,
    op: AggregateOp,
    (param, input): (Operand, NodeId),
    steps: usize,
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let node = input;
    let order = &view.state(node).order;
    let input = view.wide(node, steps, &mut scratch.wide[0]);
    out.reset(state.labels.len(), steps);
    if input.mixed {
        let NodeState { map, notes, .. } = state;
        let rows = (order.as_slice(), view.state(node).labels.as_slice(), map.as_slice());
        return native::aggregate((view, op, param), rows, input, (&mut scratch.histograms, notes), out);
    }
    let fold = Fold { order, map: &state.map, input };
    let Folds { sums, means, spreads } = &mut scratch.folds;
    match op {
        AggregateOp::Sum => fold.with(out, sums, Kahan::starting, Kahan::add, Kahan::total),
        AggregateOp::Avg => fold.with(out, means, Mean::starting, Mean::add, Mean::result),
        AggregateOp::Stddev => fold.with(out, spreads, Spread::starting, Spread::add, Spread::deviation),
        AggregateOp::Stdvar => fold.with(out, spreads, Spread::starting, Spread::add, Spread::variance),
        AggregateOp::Count => fold.in_place(out, |_| 1.0, |count, _| count + 1.0),
        AggregateOp::Group => fold.in_place(out, |_| 1.0, |group, _| group),
        AggregateOp::Min => fold.in_place(
            out,
            |value| value,
            |least, value| if least > value || least.is_nan() { value } else { least },
        ),
        AggregateOp::Max => {
            fold.in_place(out, |value| value, |most, value| if most < value || most.is_nan() { value } else { most })
        }
        AggregateOp::Quantile => quantiles(view, &fold, param, out, &mut scratch.numbers),
        // These are other nodes: see `plan`.
        AggregateOp::CountValues
        | AggregateOp::TopK
        | AggregateOp::BottomK
        | AggregateOp::LimitK
        | AggregateOp::LimitRatio => {}
    }
}

/// Reused states of folds, one for each group and step.
#[derive(Default)]
pub(crate) struct Folds {
    sums: Vec<Kahan>,
    means: Vec<Mean>,
    spreads: Vec<Spread>,
}

struct Fold<'a> {
    order: &'a [u32],
    map: &'a [u32],
    input: &'a Block,
}

impl Fold<'_> {
    /// Visits row, group and step of every sample, where their order is another at each step.
    fn by_step(&self, steps: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let mut rows = Vec::new();
        for step in 0..steps {
            ranks::in_order(self.input, step, &mut rows);
            rows.iter().for_each(|row| visit(*row as usize, self.map[*row as usize] as usize, step));
        }
    }

    /// Folds into the values themselves.
    fn in_place(&self, out: &mut Block, first: impl Fn(f64) -> f64, next: impl Fn(f64, f64) -> f64) {
        if !self.input.ranks.is_empty() {
            return self.by_step(out.steps, |row, group, step| {
                let value = self.input.row(row)[step];
                let value = out.get(group, step).map_or_else(|| first(value), |held| next(held, value));
                out.set(group, step, value);
            });
        }
        for row in self.order {
            let (values, bits) = (self.input.row(*row as usize), self.input.bits(*row as usize));
            let (held, seen) = out.row_mut(self.map[*row as usize] as usize);
            for step in block::ones(bits) {
                held[step] = if block::has(seen, step) { next(held[step], values[step]) } else { first(values[step]) };
            }
            block::or_into(seen, bits);
        }
    }

    /// Folds into a state of its own for each group and step.
    fn with<T: Copy>(
        &self,
        out: &mut Block,
        states: &mut Vec<T>,
        start: impl Fn(f64) -> T,
        add: impl Fn(&mut T, f64),
        result: impl Fn(T) -> f64,
    ) {
        states.clear();
        states.resize(out.rows * out.steps, start(0.0));
        if !self.input.ranks.is_empty() {
            self.by_step(out.steps, |row, group, step| {
                let (value, state) = (self.input.row(row)[step], &mut states[group * out.steps + step]);
                if block::has(out.bits(group), step) {
                    add(state, value);
                } else {
                    *state = start(value);
                    block::set(out.row_mut(group).1, step);
                }
            });
        }
        let order = if self.input.ranks.is_empty() { self.order } else { &[] };
        for row in order {
            let (values, bits) = (self.input.row(*row as usize), self.input.bits(*row as usize));
            let group = self.map[*row as usize] as usize;
            let states = &mut states[group * out.steps..(group + 1) * out.steps];
            let (_, seen) = out.row_mut(group);
            for (word, bits) in bits.iter().enumerate() {
                let base = word * 64;
                if *bits == u64::MAX && seen[word] == u64::MAX {
                    for (state, value) in states[base..base + 64].iter_mut().zip(&values[base..base + 64]) {
                        add(state, *value);
                    }
                    continue;
                }
                for bit in block::ones(&[*bits]) {
                    let step = base + bit;
                    if seen[word] >> bit & 1 == 1 {
                        add(&mut states[step], values[step]);
                    } else {
                        states[step] = start(values[step]);
                    }
                }
                seen[word] |= bits;
            }
        }
        for (value, state) in out.values.iter_mut().zip(states) {
            *value = result(*state);
        }
    }
}

fn quantiles(view: &View<'_>, fold: &Fold<'_>, param: Operand, out: &mut Block, numbers: &mut Vec<f64>) {
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); out.rows];
    for row in fold.order {
        members[fold.map[*row as usize] as usize].push(*row);
    }
    for (group, members) in members.iter().enumerate() {
        for step in 0..out.steps {
            numbers.clear();
            numbers.extend(members.iter().filter_map(|row| fold.input.get(*row as usize, step)));
            if !numbers.is_empty() {
                out.set(group, step, quantile(view.scalar(param, step), numbers));
            }
        }
    }
}
