//! `histogram_quantile` and `histogram_fraction` of classic histograms.

use super::super::block::{self, Block};
use super::super::buckets::{bucket_fraction, bucket_quantile};
use super::super::plan::{BucketFn, NodeId};
use super::super::roster::{NodeState, Own};
use super::{SAME_LABELS, Scratch, View, fault};

/// Takes the buckets of each group at every step to one value.
///
/// Source: promql.md 8.5. Cost: a sort of the buckets of each group at each step.
pub(super) fn evaluate(
    view: &View<'_>,
    state: &mut NodeState,
    (function, input): (BucketFn, NodeId),
    steps: usize,
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let order = &view.state(input).order;
    let input = view.wide(input, steps, &mut scratch.wide[0]);
    out.reset(state.labels.len(), steps);
    let NodeState { own: Own::Buckets(histograms), map, faults, .. } = state else { return };
    let (groups, bounds) = (&histograms.groups, &histograms.bounds);
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); groups.len()];
    for row in order {
        if !bounds[*row as usize].is_nan() {
            members[groups.of[*row as usize] as usize].push(*row);
        }
    }
    let mut buckets = Vec::new();
    for members in members.iter().filter(|members| !members.is_empty()) {
        let target = map[members[0] as usize] as usize;
        for step in 0..steps {
            buckets.clear();
            buckets.extend(
                members
                    .iter()
                    .filter_map(|row| input.get(*row as usize, step).map(|count| (bounds[*row as usize], count))),
            );
            if buckets.is_empty() {
                continue;
            }
            if block::has(out.bits(target), step) {
                fault(faults, out, step, || SAME_LABELS.to_owned());
            }
            let value = match function {
                BucketFn::Quantile(q) => bucket_quantile(view.scalar(q, step), &mut buckets).0,
                BucketFn::Fraction(lower, upper) => {
                    bucket_fraction(view.scalar(lower, step), view.scalar(upper, step), &mut buckets)
                }
            };
            out.set(target, step, value);
        }
    }
}
