//! What a rule's expression gave for one row, evaluation by evaluation.

use crate::labels::LabelSet;
use crate::promql::block;
use crate::promql::program::Root;
use crate::time::Timestamp;

use super::case::Case;
use super::limit::Limit;
use super::lineage::Wanted;

/// What an evaluation gave for a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Gave {
    /// Nothing.
    Nothing,
    /// A sample.
    Sample(f64),
    /// It failed.
    Failed,
}

/// All evaluations of a rule, for one row of its result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    /// When.
    pub(crate) slots: Vec<Timestamp>,
    /// What the expression gave.
    pub(crate) gave: Vec<Gave>,
    /// The value that is compared with a number, true or not; empty where there is no such comparison.
    pub(crate) compared: Vec<Option<f64>>,
}

impl Track {
    /// Evaluates a rule again at all of its steps. Cost: as the evaluation.
    pub(crate) fn of(case: &Case<'_>, sample: &LabelSet, limit: Option<Limit>) -> Self {
        let slots = case.steps();
        let mut gave = vec![Gave::Nothing; slots.len()];
        let mut compared = if limit.is_some() { vec![None; slots.len()] } else { Vec::new() };
        let wanted = case.wanted(Wanted::of(sample));
        case.over(&slots, &mut |first, part, root| {
            if part == 0 {
                for (row, labels) in root.labels.iter().enumerate() {
                    // A scalar is a sample without labels.
                    if labels == sample {
                        each(root, row, |step, value| gave[first + step] = Gave::Sample(value));
                    }
                }
                block::ones(root.failed).filter(|step| *step < root.steps).for_each(|step| {
                    gave[first + step] = Gave::Failed;
                });
            }
            if limit.is_some_and(|limit| limit.operand == part) {
                for (row, labels) in root.labels.iter().enumerate() {
                    if wanted[part].takes(labels) {
                        each(root, row, |step, value| compared[first + step] = Some(value));
                    }
                }
            }
        });
        Self { slots, gave, compared }
    }

    /// Returns the place of the last evaluation at or before a time.
    pub(crate) fn place(&self, at: Timestamp) -> Option<usize> {
        self.slots.partition_point(|slot| *slot <= at).checked_sub(1)
    }
}

/// Visits the samples of a row, those of failed steps left out.
pub(crate) fn each(root: &Root<'_>, row: usize, mut visit: impl FnMut(usize, f64)) {
    let bits = &root.present[row * root.words..(row + 1) * root.words];
    let failed = |step: usize| root.failed.get(step / 64).is_some_and(|word| word >> (step % 64) & 1 == 1);
    for step in block::ones(bits).filter(|step| *step < root.steps && !failed(*step)) {
        visit(step, root.values[row * root.steps + step]);
    }
}
