//! `limitk` and `limit_ratio`: some series of each group, whatever their values.

use crate::labels::LabelSet;

use super::super::block::{self, Block};
use super::super::plan::{NodeId, Operand};
use super::super::program::Fault;
use super::super::roster::{NodeState, Own};
use super::topk::wanted;
use super::{Scratch, View, fault, ranks};

/// Keeps of each group the first series that are there, or those whose place in [0, 1) is within a share.
///
/// Source: Prometheus' `aggregationK`; which k series `limitk` keeps is left open there. Cost: one pass over the values.
pub(super) fn evaluate(
    view: &View<'_>,
    state: &mut NodeState,
    ratio: bool,
    (param, input): (Operand, NodeId),
    steps: usize,
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let order = &view.state(input).order;
    let input = view.wide(input, steps, &mut scratch.wide[0]);
    out.reset(state.labels.len(), steps);
    let NodeState { own: Own::Grouped(groups), faults, labels, .. } = state else { return };
    if ratio {
        return share(view, param, labels, input, faults, out);
    }
    let any_is_nan = view.is_ever_nan(param, steps);
    let mut kept = vec![0; groups.len()];
    let mut ranked = Vec::new();
    for step in 0..steps {
        let most = match wanted(view.scalar(param, step), input.rows, any_is_nan) {
            Ok(most) => most,
            Err(words) => {
                fault(faults, out, step, || words);
                continue;
            }
        };
        kept.fill(0);
        if !input.ranks.is_empty() {
            ranks::in_order(input, step, &mut ranked);
        }
        for row in if input.ranks.is_empty() { order } else { &ranked } {
            let kept = &mut kept[groups.of[*row as usize] as usize];
            if let Some(value) = input.get(*row as usize, step).filter(|_| *kept < most) {
                out.set(*row as usize, step, value);
                *kept += 1;
            }
        }
    }
}

/// Keeps the series of a share: the first part of [0, 1), or the last if it is negative.
fn share(
    view: &View<'_>,
    param: Operand,
    labels: &[LabelSet],
    input: &Block,
    faults: &mut Vec<Fault>,
    out: &mut Block,
) {
    let shares: Vec<f64> = (0..out.steps).map(|step| view.scalar(param, step)).collect();
    for (step, _) in shares.iter().enumerate().filter(|(_, share)| share.is_nan()) {
        fault(faults, out, step, || "Ratio value is NaN".to_owned());
    }
    for (row, labels) in labels.iter().enumerate() {
        let place = place(labels);
        for step in block::ones(input.bits(row)).filter(|step| is_within(place, shares[*step])) {
            out.set(row, step, input.row(row)[step]);
        }
    }
}

/// Returns the place of a series in [0, 1), which its labels alone tell.
fn place(labels: &LabelSet) -> f64 {
    labels.fingerprint() as f64 / u64::MAX as f64
}

/// Returns whether a place is within a share; one of NaN has none.
fn is_within(place: f64, share: f64) -> bool {
    let share = share.clamp(-1.0, 1.0);
    if share >= 0.0 { place < share } else { place >= 1.0 + share }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_prometheus() {
        let canary = LabelSet::new([
            ("__name__", "http_requests"),
            ("group", "canary"),
            ("instance", "0"),
            ("job", "api-server"),
        ]);
        assert_eq!(canary.fingerprint(), 0xfa6e_5aa9_74a0_3e59);
        assert!((place(&canary) - 0.9782).abs() < 1e-4);
        assert_eq!(LabelSet::new([("a", "b")]).fingerprint(), 0xe1d7_c427_46d8_6b11);
    }

    #[test]
    fn a_share_and_its_negative_complement_are_all() {
        for place in [0.0, 0.2, 0.5, 0.999] {
            for share in [0.1, 0.5, 0.75, 1.0] {
                assert_ne!(is_within(place, share), is_within(place, share - 1.0) && share < 1.0, "{place} of {share}");
            }
        }
        assert!(is_within(0.5, 7.0) && is_within(0.5, -7.0) && !is_within(0.0, 0.0) && !is_within(0.5, f64::NAN));
    }
}
