//! What a rule's expression gave for one alert, evaluation by evaluation.

use std::collections::BTreeMap;

use crate::labels::LabelSet;
use crate::promql::block;
use crate::promql::program::Root;
use crate::time::Timestamp;

use super::case::Case;
use super::limit::Limit;
use super::lineage::Wanted;

/// What an evaluation gave for an alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Gave {
    /// Nothing.
    Nothing,
    /// A sample; a native histogram is 0.
    Sample(f64),
    /// It failed.
    Failed,
}

/// All evaluations of a rule, for one alert.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    /// When.
    pub(crate) slots: Vec<Timestamp>,
    /// What the expression gave.
    pub(crate) gave: Vec<Gave>,
    /// The value that is compared with a number, true or not; empty where there is no such comparison.
    pub(crate) compared: Vec<Option<f64>>,
    /// The words of evaluations that failed, by their place.
    pub(crate) faults: BTreeMap<usize, String>,
}

impl Track {
    /// Knows when a rule was evaluated and failed, and nothing of any alert.
    pub(crate) fn bare(case: &Case<'_>) -> Self {
        let slots = case.steps();
        let place = |at: Timestamp| slots.binary_search(&at).ok();
        let faults: BTreeMap<usize, String> =
            case.faults().filter_map(|fault| Some((place(fault.slot)?, fault.message.clone()))).collect();
        let mut gave = vec![Gave::Nothing; slots.len()];
        faults.keys().for_each(|place| gave[*place] = Gave::Failed);
        Self { slots, gave, compared: Vec::new(), faults }
    }

    /// Evaluates a rule again at all of its steps, for the rows that are an alert, one of which has the labels of
    /// `sample`. Cost: as the evaluation.
    pub(crate) fn of(case: &Case<'_>, sample: &LabelSet, alert: Option<&LabelSet>, limit: Option<Limit>) -> Self {
        let mut track = Self::bare(case);
        let Self { slots, gave, compared, .. } = &mut track;
        *compared = if limit.is_some() { vec![None; slots.len()] } else { Vec::new() };
        let wanted = case.wanted(Wanted::of(sample));
        let (own, by_value) = (sample.without_metric(), case.names_by_value());
        let is_it = |labels: &LabelSet| {
            let named = || case.alert_labels(labels, &f64::NAN.into(), slots.first().copied().unwrap_or_default());
            labels.without_metric() == own || !by_value && alert.is_some() && named().as_ref() == alert
        };
        // By row of the result: whether it is the alert.
        let mut rows: Vec<bool> = Vec::new();
        case.over(slots, &mut |first, part, root| {
            if part == 0 {
                rows.extend(root.labels.iter().skip(rows.len()).map(is_it));
                for row in (0..rows.len()).filter(|row| rows[*row]) {
                    each(root, row, |step, value| {
                        if gave[first + step] != Gave::Failed {
                            gave[first + step] = Gave::Sample(value.unwrap_or(0.0));
                        }
                    });
                }
            }
            if limit.is_some_and(|limit| limit.operand == part) {
                for (row, labels) in root.labels.iter().enumerate() {
                    if wanted[part].takes(labels) {
                        each(root, row, |step, value| compared[first + step] = value);
                    }
                }
            }
        });
        track
    }

    /// Returns the place of the last evaluation at or before a time.
    pub(crate) fn place(&self, at: Timestamp) -> Option<usize> {
        self.slots.partition_point(|slot| *slot <= at).checked_sub(1)
    }
}

/// Visits the samples of a row, those of failed steps left out; a native histogram is no number.
pub(crate) fn each(root: &Root<'_>, row: usize, mut visit: impl FnMut(usize, Option<f64>)) {
    let bits = &root.present[row * root.words..(row + 1) * root.words];
    let failed = |step: usize| root.failed.get(step / 64).is_some_and(|word| word >> (step % 64) & 1 == 1);
    for step in block::ones(bits).filter(|step| *step < root.steps && !failed(*step)) {
        visit(step, root.value(row, step).float());
    }
}
