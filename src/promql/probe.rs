//! What an evaluation tells of itself while it runs, to those who measure it.

use super::plan::NodeId;
use super::program::Source;

/// Hears of the nodes that are evaluated and the samples they read.
///
/// Samples are counted as Prometheus' query statistics count `totalQueryableSamples`: an instant selector's sample is
/// one at every step that takes it, a window has all its samples at every step, and a window over a subquery has the
/// points of the subquery, not what these were made of.
///
/// Source: Prometheus' `promql/engine.go` (`IncrementSamplesAtStep`) and `util/stats`.
pub(crate) trait Probe {
    /// Whether samples are to be counted: where not, the count compiles to nothing.
    const COUNTS: bool = true;

    /// Whether nodes are to be told of: where not, thresholds of which nothing comes need not be evaluated.
    const HEARS: bool = true;

    /// Begins a node; nodes of a subquery begin within the node that reads it.
    fn enter(&mut self, _node: NodeId) {}

    /// Ends the node that began last.
    fn leave(&mut self) {}

    /// Begins the evaluation of a subquery's inner expression.
    fn enter_subquery(&mut self) {}

    /// Ends it.
    fn leave_subquery(&mut self) {}

    /// A node read so many samples of a series, over all steps.
    fn series(&mut self, _node: NodeId, _source: Source, _samples: u64) {}

    /// A node that holds at every step was evaluated at one of so many, or need not be evaluated again for them.
    fn invariant(&mut self, _node: NodeId, _steps: u64) {}

    /// A node read so many points of a subquery, over all steps.
    fn points(&mut self, _node: NodeId, _samples: u64) {}
}

/// Hears nothing, at no cost.
pub(crate) struct Unheard;

impl Probe for Unheard {
    const COUNTS: bool = false;
    const HEARS: bool = false;
}

/// Returns how many samples windows hold together.
pub(crate) fn held(bounds: &[(u32, u32)]) -> u64 {
    bounds.iter().map(|(from, to)| u64::from(to.saturating_sub(*from))).sum()
}
