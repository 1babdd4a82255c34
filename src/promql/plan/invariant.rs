//! Which nodes have one value at all steps.

use super::super::rollup::RangeFn;
use super::{Elementwise, Fixed, Kind, NodeId, Operand, Plan, WindowInput};

impl Plan {
    /// Returns whether the plan reads the time of the query, so that its values differ between the queries it is part of.
    pub(crate) fn reads_query_time(&self) -> bool {
        self.inner.iter().any(|inner| inner.reads_query_time())
            || self.nodes.iter().any(|node| match &node.kind {
                Kind::QueryTime => true,
                Kind::Select { select, .. } | Kind::Window { input: WindowInput::Selector(select), .. } => {
                    select.at == Some(Fixed::Query)
                }
                Kind::Window { input: WindowInput::Subquery { at, .. }, .. } => *at == Some(Fixed::Query),
                _ => false,
            })
    }

    /// Returns whether a node or one that it reads is what Prometheus never takes to hold at all steps: a date, or infos that
    /// were asked for by a selector, which has no time of its own.
    pub(crate) fn reads_unheld(&self, node: NodeId) -> bool {
        let kind = &self.nodes[node].kind;
        let is_unheld = match kind {
            Kind::Map { op, .. } => matches!(op, Elementwise::Date(_)),
            Kind::Info { join, .. } => join.asked,
            _ => false,
        };
        is_unheld || kind.inputs().any(|input| self.reads_unheld(input))
    }

    /// Returns whether a node of a kind has one value at all steps, so that it is evaluated once.
    pub(super) fn is_invariant(&self, kind: &Kind) -> bool {
        let operand = |operand: &Operand| match operand {
            Operand::Const(_) => true,
            Operand::Node(node) => self.nodes[*node].invariant,
        };
        let of = |node: &NodeId| self.nodes[*node].invariant;
        let held = |node: &NodeId| self.options.context.is_range() && !self.reads_unheld(*node);
        match kind {
            Kind::Const(_) => true,
            Kind::Time | Kind::QueryTime => false,
            Kind::Select { select, .. } => matches!(select.at, Some(Fixed::Time(_))),
            Kind::Window { input, params, function, .. } => {
                let pinned = match input {
                    WindowInput::Selector(select) => matches!(select.at, Some(Fixed::Time(_))),
                    // What is inside may read when the query is evaluated.
                    WindowInput::Subquery { inner, at, .. } => {
                        matches!(at, Some(Fixed::Time(_))) && !self.inner[*inner].reads_query_time()
                    }
                };
                pinned && params.iter().all(operand) && *function != RangeFn::PredictLinear
            }
            Kind::Map { op, input } => {
                of(input)
                    && match op {
                        Elementwise::EvalTime => false,
                        Elementwise::Clamp(a, b) => operand(a) && operand(b),
                        Elementwise::ClampMin(a) | Elementwise::ClampMax(a) | Elementwise::Round(a) => operand(a),
                        Elementwise::Arithmetic { scalar, .. } | Elementwise::Compare { scalar, .. } => operand(scalar),
                        Elementwise::Maths(_)
                        | Elementwise::Date(_)
                        | Elementwise::Same
                        | Elementwise::Nothing
                        | Elementwise::Histogram(_) => true,
                    }
            }
            Kind::ScalarBinary { lhs, rhs, .. } | Kind::Extreme { lhs, rhs, .. } => operand(lhs) && operand(rhs),
            Kind::VectorBinary(binary) | Kind::FilledBinary { binary, .. } => {
                of(&binary.many_node) && of(&binary.one_node)
            }
            Kind::Set { lhs, rhs, .. } | Kind::Info { base: lhs, infos: rhs, .. } => of(lhs) && of(rhs),
            // In a range, Prometheus looks at the operand alone, and takes the parameter of the first step.
            Kind::Aggregate { param, input, .. } => (operand(param) || held(input)) && of(input),
            Kind::TopK { k: wanted, input, .. } | Kind::Limit { wanted, input, .. } => {
                (operand(wanted) || held(input)) && of(input)
            }
            Kind::CountValues { input, .. } | Kind::Absent { input, .. } | Kind::Scalar(input) => of(input),
            Kind::Relabel { input, .. } | Kind::Sort { input, .. } => of(input),
            Kind::Vector(scalar) => operand(scalar),
            Kind::Quantiles { quantiles, input, .. } => quantiles.iter().all(operand) && of(input),
            Kind::Buckets { function, input } => function.operands().iter().flatten().all(operand) && of(input),
        }
    }
}
