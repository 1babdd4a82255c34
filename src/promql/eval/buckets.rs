//! `histogram_quantile` and `histogram_fraction` of classic histograms.

use crate::labels::LabelSet;
use crate::time::Timestamp;

use super::super::annotation::{Annotation, Repaired};
use super::super::block::{self, Block};
use super::super::buckets::{bucket_fraction, bucket_quantile};
use super::super::plan::{BucketFn, NodeId};
use super::super::program::Place;
use super::super::roster::{NodeState, Own};
use super::{SAME_LABELS, Scratch, View, fault};

/// Takes the buckets of each group at every step to one value.
///
/// Source: promql.md 8.5. Cost: a sort of the buckets of each group at each step.
pub(super) fn evaluate(
    view: &View<'_>,
    state: &mut NodeState,
    (function, input): (BucketFn, NodeId),
    evals: &[Timestamp],
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let steps = evals.len();
    let order = &view.state(input).order;
    let labels = &view.state(input).labels;
    let input = view.wide(input, steps, &mut scratch.wide[0]);
    out.reset(state.labels.len(), steps);
    let NodeState { own: Own::Buckets(histograms), map, faults, notes, .. } = state else { return };
    let (groups, bounds) = (&histograms.groups, &histograms.bounds);
    let vector = match function {
        BucketFn::Quantile(_) => Place::Part(2),
        BucketFn::Fraction(..) => Place::Part(3),
    };
    // Without delayed removal of names Prometheus has dropped them by now.
    let name = |labels: &LabelSet| match labels.metric() {
        Some(name) if view.plan.options.delayed_names => name.to_owned(),
        _ => String::new(),
    };
    let mut members: Vec<Vec<(u32, f64)>> = vec![Vec::new(); groups.len()];
    for row in order {
        let at = *row as usize;
        match bounds[at] {
            Some(bound) => members[groups.of[at] as usize].push((*row, bound)),
            None => notes.add(vector, input.bits(at), || Annotation::BadBucketLabel {
                le: labels[at].get("le").unwrap_or_default().to_owned(),
                metric: name(&labels[at]),
            }),
        }
    }
    let mut buckets = Vec::new();
    for members in members.iter().filter(|members| !members.is_empty()) {
        let first = members[0].0 as usize;
        let target = map[first] as usize;
        for (step, at) in evals.iter().enumerate() {
            buckets.clear();
            buckets.extend(
                members.iter().filter_map(|(row, bound)| input.get(*row as usize, step).map(|count| (*bound, count))),
            );
            if buckets.is_empty() {
                continue;
            }
            if block::has(out.bits(target), step) {
                fault(faults, out, step, || SAME_LABELS.to_owned());
            }
            let value = match function {
                BucketFn::Quantile(q) => {
                    let (value, forced) = bucket_quantile(view.scalar(q, step), &mut buckets);
                    if let Some(forced) = forced {
                        let repaired = Repaired::of(name(&labels[first]), forced, *at);
                        notes.add_at(vector, (step, steps), Annotation::Repaired(repaired));
                    }
                    value
                }
                BucketFn::Fraction(lower, upper) => {
                    bucket_fraction(view.scalar(lower, step), view.scalar(upper, step), &mut buckets)
                }
            };
            out.set(target, step, value);
        }
    }
}
