//! `and`, `or` and `unless`.

use super::super::ast::BinaryOp;
use super::super::block::{self, Block};
use super::super::plan::NodeId;
use super::super::program::Fault;
use super::super::roster::{NodeState, Own};
use super::{SAME_LABELS, Scratch, View, fault};

/// Keeps rows by whether the other side has their key at each step.
///
/// Source: promql.md 8.5. Cost: one pass over the bits, and the values that stay.
pub(super) fn evaluate(
    view: &View<'_>,
    state: &mut NodeState,
    op: BinaryOp,
    (lhs, rhs): (NodeId, NodeId),
    steps: usize,
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let [wide_left, wide_right] = &mut scratch.wide;
    let left = view.wide(lhs, steps, wide_left);
    let right = view.wide(rhs, steps, wide_right);
    out.reset(state.labels.len(), steps);
    let bits = &mut scratch.bits;
    let NodeState { own: Own::Joined(joined), map, faults, .. } = state else { return };
    for group in &joined.groups {
        // The steps at which the other side has this key.
        let others = if op == BinaryOp::Or { (&group.left, left) } else { (&group.right, right) };
        block::all(bits, out.words, 0);
        for row in others.0 {
            block::or_into(bits, others.1.bits(*row as usize));
        }
        for row in &group.left {
            let keep = |word: usize, held: u64| match op {
                BinaryOp::And => held & bits[word],
                BinaryOp::Unless => held & !bits[word],
                _ => held,
            };
            copy(faults, left, *row as usize, map[*row as usize] as usize, keep, out);
        }
        if op == BinaryOp::Or {
            for row in &group.right {
                let keep = |word: usize, held: u64| held & !bits[word];
                copy(faults, right, *row as usize, joined.map_right[*row as usize] as usize, keep, out);
            }
        }
    }
}

fn copy(
    faults: &mut Vec<Fault>,
    from: &Block,
    row: usize,
    target: usize,
    keep: impl Fn(usize, u64) -> u64,
    out: &mut Block,
) {
    for word in 0..out.words {
        let kept = keep(word, from.bits(row)[word]);
        let first = word * 64;
        if kept == u64::MAX && out.bits(target)[word] == 0 {
            let (values, bits) = out.row_mut(target);
            values[first..first + 64].copy_from_slice(&from.row(row)[first..first + 64]);
            bits[word] = kept;
            continue;
        }
        for bit in block::ones(&[kept]) {
            let step = first + bit;
            if block::has(out.bits(target), step) {
                fault(faults, out, step, || SAME_LABELS.to_owned());
            }
            out.set(target, step, from.row(row)[step]);
        }
    }
}
