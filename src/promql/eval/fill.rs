//! Operators between two vectors that fill what is missing of a pair.

use super::super::block::{self, Block};
use super::super::plan::{Fill, Number, VectorBinary};
use super::super::roster::{MISSING, NodeState, Own};
use super::binary::{find_duplicates, pair, pairing, sides};
use super::native::Pairing;
use super::{Scratch, View};

/// Pairs the rows of both sides by key; where a side has none at a step, a number stands for it.
///
/// Source: histograms.md 9.4 and Prometheus' `VectorBinop`: a side that is empty does not end it, as it does where nothing
/// is filled. Cost: one pass over the pairs of rows that share a key, each row paired with a number besides.
pub(super) fn evaluate(
    view: &View<'_>,
    state: &mut NodeState,
    op: &VectorBinary,
    fill: Fill,
    steps: usize,
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let [wide_many, wide_one] = &mut scratch.wide;
    let many = view.wide(op.many_node, steps, wide_many);
    let one = view.wide(op.one_node, steps, wide_one);
    out.reset(state.labels.len(), steps);
    let NodeState { own: Own::Joined(joined), faults, notes, .. } = state else { return };
    out.mixed = many.mixed || one.mixed;
    let mut pairing = pairing(view, op, (many, one), (&mut scratch.histograms, notes));
    let mut all = vec![0; out.words];
    block::fill(&mut all, steps);
    find_duplicates(view, op, &joined.groups, (&all, one), faults, out);
    let (pairs, [filled_many, filled_one]) = (&mut scratch.pairs, &mut scratch.filled);
    pairs.reset(out);
    for (number, group) in joined.groups.iter().enumerate() {
        pairs.begin_group(number);
        missing(many, &group.left, fill.many, filled_many);
        missing(one, &group.right, fill.one, filled_one);
        if let (Some(pairing), Some(_)) = (&mut pairing, fill.many) {
            unfit(op, (many, &group.left), (one, &group.right), pairing, filled_many);
        }
        for (m, o) in group.filled_pairs(fill) {
            let row = joined.pairs[&(m, o)] as usize;
            if let Some(pairing) = &mut pairing {
                pairing.begin((m != MISSING).then_some(m), (o != MISSING).then_some(o));
            }
            let many = if m == MISSING { (&*filled_many, 0) } else { (many, m as usize) };
            let one = if o == MISSING { (&*filled_one, 0) } else { (one, o as usize) };
            pair(op, many, one, row, pairs, (faults, pairing.as_mut()), out);
        }
    }
    pairing.into_iter().for_each(Pairing::tell);
}

/// Lets the number stand for the many side too where no row of that fits the one side: no pair was met then.
fn unfit(
    op: &VectorBinary,
    (many, left): (&Block, &[u32]),
    (one, right): (&Block, &[u32]),
    pairing: &mut Pairing<'_>,
    out: &mut Block,
) {
    let bits = out.row_mut(0).1;
    for row in right {
        for step in block::ones(one.bits(*row as usize)) {
            let Some(other) = one.get(*row as usize, step).filter(|_| !block::has(bits, step)) else { continue };
            let fits = left.iter().any(|m| {
                pairing.begin(Some(*m), Some(*row));
                many.get(*m as usize, step).is_some_and(|many| pairing.fits(op.op, step, sides(op, many, other)))
            });
            if !fits {
                block::set(bits, step);
            }
        }
    }
}

/// Makes a row that has a number wherever some rows have nothing.
fn missing(block: &Block, rows: &[u32], fill: Option<Number>, out: &mut Block) {
    out.reset(1, block.steps);
    let Some(Number(value)) = fill else { return };
    let (values, bits) = out.row_mut(0);
    values.fill(value);
    block::fill(bits, block.steps);
    for row in rows {
        for (bits, held) in bits.iter_mut().zip(block.bits(*row as usize)) {
            *bits &= !held;
        }
    }
}
