//! What an evaluation tells of itself while it runs, to those who measure it.

use crate::time::{Millis, Timestamp};

use super::plan::NodeId;
use super::program::Source;

/// Hears of the nodes that are evaluated and the samples they read.
///
/// Samples are counted as Prometheus' query statistics count `totalQueryableSamples` of selectors: an instant selector's
/// sample is one at every step that takes it, and a window has all its samples at every step. Those in a subquery count
/// once for every step of the subquery at which a server evaluates it, which it does anew for each evaluation of the
/// whole; the statistics show the points of the subquery instead, not what these were made of.
///
/// Source: Prometheus' `promql/engine.go` (`IncrementSamplesAtStep`, `evalSubquery`) and `util/stats`.
pub(crate) trait Probe {
    /// Whether samples are to be counted: where not, the count compiles to nothing.
    const COUNTS: bool = true;

    /// Whether nodes are to be told of: where not, thresholds of which nothing comes need not be evaluated.
    const HEARS: bool = true;

    /// Begins a node; nodes of a subquery begin within the node that reads it. `once`: it holds at every step, and is
    /// evaluated at one of them at most.
    fn enter(&mut self, _node: NodeId, _once: bool) {}

    /// Ends the node that began last.
    fn leave(&mut self) {}

    /// Begins the evaluation of a subquery's inner expression.
    fn enter_subquery(&mut self, _inner: &InnerSteps<'_>) {}

    /// Ends it.
    fn leave_subquery(&mut self) {}

    /// The node at hand read samples of a series: steps, and how many at each.
    fn series(&mut self, _source: Source, _samples: impl Iterator<Item = (usize, u64)>) {}

    /// The node at hand, which holds at every step, was evaluated at one of so many, or need not be evaluated again.
    fn held(&mut self, _steps: usize) {}
}

/// The steps at which a subquery's inner expression is evaluated once, for several steps of the outer one.
pub(crate) struct InnerSteps<'a> {
    /// The first of the outer steps.
    pub first: usize,
    /// By outer step: the end of its window.
    pub refs: &'a [Timestamp],
    /// The length of the windows, which are open on the left.
    pub range: Millis,
    /// The inner steps, ascending.
    pub times: &'a [Timestamp],
    /// By node of the inner expression: how many times a server evaluates it at one step, as often as it stands there.
    pub many: &'a [u64],
}

/// Hears nothing, at no cost.
pub(crate) struct Unheard;

impl Probe for Unheard {
    const COUNTS: bool = false;
    const HEARS: bool = false;
}

/// Walks over windows and how many samples each holds.
pub(crate) fn held(bounds: &[(u32, u32)]) -> impl Iterator<Item = (usize, u64)> + '_ {
    bounds.iter().map(|(from, to)| u64::from(to.saturating_sub(*from))).enumerate()
}
