//! Series of one label set at different steps of a subquery.

use super::super::block::Block;
use super::super::program::{Fault, Frame};
use super::{SAME_LABELS, View, fault};

/// Rows of a function in a subquery to which samples of two series went, if only at different steps.
///
/// A server evaluates all steps of a subquery together, and series of one result must then differ in their labels.
pub(super) struct Repeats {
    /// By row, whether any series has samples; empty where nobody asks.
    met: Vec<bool>,
    any: bool,
}

impl Repeats {
    pub(super) fn of(view: &View<'_>, frame: &Frame<'_>, rows: usize) -> Self {
        let asked = frame.query.is_some() && !view.plan.options.delayed_names;
        Self { met: if asked { vec![false; rows] } else { Vec::new() }, any: false }
    }

    /// Notes whether a series that goes to a row has samples.
    pub(super) fn add(&mut self, row: u32, has: bool) {
        if let Some(met) = self.met.get_mut(row as usize).filter(|_| has) {
            self.any |= std::mem::replace(met, true);
        }
    }

    /// Fails steps, if there is such a row.
    pub(super) fn fail(&self, faults: &mut Vec<Fault>, out: &mut Block, steps: std::ops::Range<usize>) {
        if self.any {
            for step in steps {
                fault(faults, out, step, || SAME_LABELS.to_owned());
            }
        }
    }
}
