//! How far a program looks from the time it is evaluated at.

use crate::store::Reach;
use crate::time::Millis;

use super::ast::Edges;
use super::plan::{Fixed, Kind, NodeId, Select, WindowInput};
use super::program::Program;

impl Edges {
    /// Returns how far before and after a window the samples are that tell its edges, given the look-back.
    pub(crate) fn beyond(self, lookback: Millis) -> (Millis, Millis) {
        match self {
            Self::Anchored => (lookback, Millis::ZERO),
            Self::Smoothed => (lookback, lookback),
        }
    }
}

impl Select {
    /// Returns how far back from its end it looks, at once or for a range, and how far beyond it.
    pub(super) fn span(&self, range: Option<Millis>, lookback: Millis) -> (Millis, Millis) {
        match (self.edges, range) {
            (None, range) => (range.unwrap_or(lookback), Millis::ZERO),
            (Some(edges), None) => edges.beyond(lookback),
            (Some(edges), Some(range)) => {
                let (before, after) = edges.beyond(lookback);
                (Millis(range.0.saturating_add(before.0)), after)
            }
        }
    }
}

/// Returns how far a range looks up to a time, and beyond that time; `back`, where the time is fixed, is from how far it is
/// read.
pub(super) fn reach_of_range(
    at: Option<Fixed>,
    offset: Millis,
    (range, beyond): (Millis, Millis),
    back: Millis,
) -> Reach {
    match at {
        Some(Fixed::Time(at)) => {
            let (from, to) = (at.minus(offset).minus(range), at.minus(Millis(offset.0.saturating_sub(beyond.0))));
            Reach { back, ahead: Millis::ZERO, pinned: Some(to), held: Some((from, to)) }
        }
        None | Some(Fixed::Query) => Reach {
            back: Millis(range.0.saturating_add(offset.0).max(0)),
            ahead: Millis(beyond.0.saturating_sub(offset.0).max(0)),
            pinned: None,
            held: None,
        },
    }
}

impl Program {
    /// Returns how far a node looks that reads a range up to a time, and beyond that time.
    pub(super) fn reach_at(
        &self,
        node: NodeId,
        at: Option<Fixed>,
        offset: Millis,
        (range, beyond): (Millis, Millis),
    ) -> Reach {
        // What is not evaluated once for all steps reads a fixed time at every step, whatever the distance; the first step of
        // a subquery may come at any time.
        let once = self.plan.nodes[node].invariant && !self.within;
        reach_of_range(at, offset, (range, beyond), if once { Millis::ZERO } else { Millis(i64::MAX) })
    }

    /// Returns how far an instant selector looks, or one of a range.
    pub(super) fn reach_of(&self, node: NodeId, select: &Select, range: Option<Millis>) -> Reach {
        let span = select.span(range, self.plan.options.lookback);
        self.reach_at(node, select.at, select.offset, span)
    }

    /// Returns how far the whole program looks from the time it is evaluated at.
    pub(crate) fn reach(&self) -> Reach {
        let mut reach = Reach::default();
        for (number, node) in self.plan.nodes.iter().enumerate() {
            reach = reach.or(match &node.kind {
                Kind::Select { select, .. } => self.reach_of(number, select, None),
                Kind::Window { input: WindowInput::Selector(select), range, .. } => {
                    self.reach_of(number, select, Some(*range))
                }
                Kind::Window { input: WindowInput::Subquery { inner, step, offset, at }, range, .. } => {
                    let own =
                        self.reach_at(number, *at, *offset, (Millis(range.0.saturating_add(step.0)), Millis::ZERO));
                    let inner = self.inner[*inner].reach();
                    inner.within(own)
                }
                _ => Reach::default(),
            });
        }
        reach
    }

    /// Returns the least distance from a slot back to what any selector that may read written series reads, offsets
    /// summed up along subqueries. Negative when one looks ahead.
    pub(crate) fn least_offset(&self) -> Millis {
        let fixed = |at: Option<Fixed>| at.is_some();
        let (mut least, lookback) = (Millis(i64::MAX), self.plan.options.lookback);
        for node in &self.plan.nodes {
            least = least.min(match &node.kind {
                Kind::Select { select, .. } | Kind::Window { input: WindowInput::Selector(select), .. } => {
                    let (_, beyond) = select.edges.map_or_else(Default::default, |edges| edges.beyond(lookback));
                    let least = Millis(select.offset.0.saturating_sub(beyond.0));
                    if fixed(select.at) { Millis(i64::MIN) } else { least }
                }
                Kind::Window { input: WindowInput::Subquery { inner, offset, at, .. }, .. } => {
                    let inner = self.inner[*inner].least_offset();
                    if fixed(*at) { Millis(i64::MIN) } else { Millis(inner.0.saturating_add(offset.0)) }
                }
                _ => continue,
            });
        }
        least
    }

    /// As [`Plan::reads_query_time`].
    pub(crate) fn reads_query_time(&self) -> bool {
        self.plan.reads_query_time() || self.inner.iter().any(Self::reads_query_time)
    }
}
