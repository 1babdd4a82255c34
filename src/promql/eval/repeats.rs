//! Series of one label set at different steps of one evaluation.

use super::super::block::{self, Block};
use super::super::program::Frame;
use super::super::roster::{NodeState, number};
use super::{SAME_LABELS, View, fault};

/// No series.
const NONE: u32 = u32::MAX;

/// Rows of a function over ranges to which samples of two series went, if only at different steps.
///
/// A server evaluates all steps of a range, or of a subquery, together, and series of one result must then differ in
/// their labels.
pub(super) struct Repeats {
    /// By row, the input row that has samples; empty where nobody asks.
    met: Vec<u32>,
    any: bool,
}

impl Repeats {
    /// Begins with what was met at earlier steps of the same evaluation.
    pub(super) fn of(view: &View<'_>, frame: &Frame<'_>, state: &mut NodeState) -> Self {
        let mut met = state.own.met().map(std::mem::take).unwrap_or_default();
        if (frame.query.is_some() || view.is_range()) && !view.plan.options.delayed_names {
            met.resize(state.labels.len(), NONE);
        }
        Self { met, any: false }
    }

    /// Takes in all input rows of a block.
    pub(super) fn of_block(view: &View<'_>, frame: &Frame<'_>, state: &mut NodeState, input: &Block) -> Self {
        let mut repeats = Self::of(view, frame, state);
        if !repeats.met.is_empty() {
            for row in 0..input.rows {
                let to = if state.merged { state.map[row] } else { number(row) };
                repeats.add(to, number(row), block::any(input.bits(row)));
            }
        }
        repeats
    }

    /// Notes whether an input row that goes to a row has samples.
    pub(super) fn add(&mut self, row: u32, input: u32, has: bool) {
        if let Some(met) = self.met.get_mut(row as usize).filter(|_| has) {
            self.any |= *met != NONE && *met != input;
            *met = input;
        }
    }

    /// Fails steps, if there is such a row, and keeps what was met for steps that are still to come.
    pub(super) fn fail(self, view: &View<'_>, state: &mut NodeState, out: &mut Block, steps: std::ops::Range<usize>) {
        if self.any {
            for step in steps {
                fault(&mut state.faults, out, step, || SAME_LABELS.to_owned());
            }
        }
        if view.is_range()
            && let Some(met) = state.own.met()
        {
            *met = self.met;
        }
    }
}
