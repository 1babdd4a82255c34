//! `topk`, `bottomk` and `count_values`: aggregations whose rows depend on values.

use crate::format::go::shortest;

use super::super::annotation::Annotation;
use super::super::ast::AggregateOp;
use super::super::block::{self, Block};
use super::super::histograms::{floats, steps_of};
use super::super::maths::format_float;
use super::super::plan::{NodeId, Operand, WHOLE};
use super::super::program::Place;
use super::super::roster::{NodeState, Own, number};
use super::ranks::{Ranks, in_order};
use super::{Scratch, View, fault};

/// Keeps the k largest or smallest values of each group at every step.
///
/// Source: Prometheus' `aggregationK`: a heap of k samples with the least wanted one on top, so that the choice among
/// equal values is the same. Cost: n log k a step.
pub(super) fn evaluate(
    view: &View<'_>,
    state: &mut NodeState,
    bottom: bool,
    (k, input): (Operand, NodeId),
    steps: usize,
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let order = &view.state(input).order;
    let input = view.wide(input, steps, &mut scratch.wide[0]);
    out.reset(state.labels.len(), steps);
    let NodeState { own: Own::Grouped(groups), faults, ordered, notes, .. } = state else { return };
    if input.mixed {
        // Where nothing is wanted no sample is looked at.
        let mut looked = vec![0; input.words];
        (0..steps).filter(|step| view.scalar(k, *step) >= 1.0).for_each(|step| block::set(&mut looked, step));
        for row in 0..input.rows {
            let mut ignored = steps_of(input, row);
            ignored.iter_mut().zip(&looked).for_each(|(ignored, looked)| *ignored &= looked);
            let op = if bottom { AggregateOp::BottomK } else { AggregateOp::TopK };
            notes.add(Place::Part(WHOLE), &ignored, || Annotation::IgnoredInAggregation(op));
        }
    }
    let input = floats(input, &mut scratch.raw);
    let any_is_nan = view.is_ever_nan(k, steps);
    let mut heaps: Vec<Vec<(f64, u32)>> = vec![Vec::new(); groups.len()];
    let mut ranked = Vec::new();
    if *ordered {
        out.begin_ranks();
    }
    for step in 0..steps {
        let wanted = match wanted(view.scalar(k, step), input.rows, any_is_nan) {
            Ok(0) => continue,
            Ok(wanted) => wanted,
            Err(words) => {
                fault(faults, out, step, || words);
                continue;
            }
        };
        heaps.iter_mut().for_each(Vec::clear);
        if !input.ranks.is_empty() {
            in_order(input, step, &mut ranked);
        }
        for row in if input.ranks.is_empty() { order } else { &ranked } {
            if let Some(value) = input.get(*row as usize, step) {
                let heap = &mut heaps[groups.of[*row as usize] as usize];
                offer(heap, wanted, bottom, (value, *row));
            }
        }
        for heap in &heaps {
            for (at, (value, row)) in heap.iter().enumerate() {
                out.set(*row as usize, step, *value);
                if *ordered {
                    out.rank_up(*row as usize, step, number(at));
                }
            }
        }
    }
}

/// Reads the parameter of `topk`, `bottomk` and `limitk`: how many of so many rows are wanted of each group.
///
/// Source: Prometheus' `rangeEvalAgg`: below 1, whatever it is, nothing is wanted. That any parameter of a range is NaN is
/// found before all else.
pub(super) fn wanted(k: f64, rows: usize, any_is_nan: bool) -> Result<usize, String> {
    if k.is_nan() || any_is_nan {
        return Err("Parameter value is NaN".to_owned());
    }
    if k >= 9_223_372_036_854_775_807.0 {
        return Err(format!("Scalar value {} overflows int64", shortest(k)));
    }
    Ok((k.max(0.0) as usize).min(rows))
}

/// Returns whether the first is less wanted than the second: it is nearer to the top of the heap.
fn less(bottom: bool, a: f64, b: f64) -> bool {
    if a.is_nan() {
        return true;
    }
    if bottom { a > b } else { a < b }
}

fn offer(heap: &mut Vec<(f64, u32)>, k: usize, bottom: bool, item: (f64, u32)) {
    if heap.len() < k {
        heap.push(item);
        let mut at = heap.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if !less(bottom, heap[at].0, heap[parent].0) {
                break;
            }
            heap.swap(at, parent);
            at = parent;
        }
        return;
    }
    let top = heap[0].0;
    let better = if bottom { top > item.0 } else { top < item.0 };
    if better || (top.is_nan() && !item.0.is_nan()) {
        heap[0] = item;
        let mut at = 0;
        loop {
            let mut child = 2 * at + 1;
            if child >= heap.len() {
                break;
            }
            if child + 1 < heap.len() && less(bottom, heap[child + 1].0, heap[child].0) {
                child += 1;
            }
            if !less(bottom, heap[child].0, heap[at].0) {
                break;
            }
            heap.swap(at, child);
            at = child;
        }
    }
}

/// Counts equal values in each group: a row for each group and value, which a label tells unless the grouping drops it.
pub(super) fn count_values(
    view: &View<'_>,
    state: &mut NodeState,
    label: Option<&str>,
    input: NodeId,
    steps: usize,
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let input_state = view.state(input);
    let input = view.wide(input, steps, &mut scratch.wide[0]);
    out.reset(state.labels.len(), steps);
    let own = std::mem::take(&mut state.own);
    let Own::Grouped(groups) = &own else { return };
    let keys = groups.all_keys();
    let histograms = &scratch.histograms;
    let ranks = Ranks::of(input, &input_state.order);
    for row in &input_state.order {
        let group = &keys[groups.of[*row as usize] as usize];
        let mut last: Option<(u64, usize)> = None;
        for step in block::ones(input.bits(*row as usize)) {
            let value = input.row(*row as usize)[step];
            let target = match last {
                Some((bits, target)) if bits == value.to_bits() => target,
                _ => {
                    let labels = match label {
                        Some(label) => {
                            let text =
                                histograms.get(value).map_or_else(|| format_float(value), |held| held.to_string());
                            &group.to_builder().set(label, &text).build()
                        }
                        None => group,
                    };
                    let target = state.row(labels, false) as usize;
                    out.grow(target + 1);
                    target
                }
            };
            last = Some((value.to_bits(), target));
            let before = out.get(target, step).unwrap_or(0.0);
            out.set(target, step, before + 1.0);
            if state.ordered {
                out.begin_ranks();
                out.rank_up(target, step, ranks.get(*row as usize, step));
            }
        }
    }
    state.own = own;
    state.order = (0..number(state.labels.len())).collect();
}
