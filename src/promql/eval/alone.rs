//! Evaluation of one node at one step, where it and what it reads have one row at most: values in place of blocks.

use crate::time::Millis;

use super::super::ast::{AggregateOp, BinaryOp};
use super::super::plan::{Kind, Node, Operand, Plan, WindowInput};
use super::super::program::Frame;
use super::super::quantile::quantile;
use super::super::registers::Registers;
use super::super::roster::{NodeState, Own};
use super::{Scratch, binary, map, scalar_binary, select, window};
use crate::kahan::{Kahan, Mean, Spread};
use crate::promql::maths;

/// Returns whether nodes of a kind can be evaluated alone, given that they and their inputs have one row at most. What
/// can fail by itself is none of them.
pub(crate) fn fits(kind: &Kind) -> bool {
    match kind {
        Kind::Const(_)
        | Kind::Time
        | Kind::QueryTime
        | Kind::Map { .. }
        | Kind::ScalarBinary { .. }
        | Kind::Extreme { .. }
        | Kind::VectorBinary(_)
        | Kind::Set { .. }
        | Kind::Absent { .. }
        | Kind::Scalar(_)
        | Kind::Vector(_)
        | Kind::Relabel { .. }
        | Kind::Sort { .. } => true,
        Kind::Select { select, .. } => select.edges.is_none() && select.short == Millis::ZERO,
        Kind::Window { input, params, .. } => {
            matches!(input, WindowInput::Selector(select) if select.edges.is_none())
                && params.iter().all(|param| matches!(param, Operand::Const(_)))
        }
        Kind::Aggregate { op, .. } => !matches!(
            op,
            AggregateOp::CountValues
                | AggregateOp::TopK
                | AggregateOp::BottomK
                | AggregateOp::LimitK
                | AggregateOp::LimitRatio
        ),
        Kind::FilledBinary { .. }
        | Kind::CountValues { .. }
        | Kind::TopK { .. }
        | Kind::Limit { .. }
        | Kind::Quantiles { .. }
        | Kind::Info { .. }
        | Kind::Buckets { .. } => false,
    }
}

/// Returns whether the rows of both inputs of a node have the same key.
pub(crate) fn meets(state: &NodeState) -> bool {
    let Own::Joined(joined) = &state.own else { return false };
    joined.groups.iter().any(|group| !group.left.is_empty() && !group.right.is_empty())
}

/// Returns whether a value passes a threshold.
pub(crate) fn passes(kind: &Kind, value: f64, registers: &Registers, frame: &Frame<'_>) -> bool {
    matches!(kind, Kind::Map { op, .. } if map::alone(op, value, registers, frame).is_some())
}

/// Evaluates a node that fits; absent where it has no sample. `meets`: whether the rows of its inputs have the same key.
/// Apart from its caller, whose loop over nodes is short.
#[inline(never)]
pub(crate) fn evaluate(
    (plan, node): (&Plan, &Node),
    (state, meets): (&NodeState, bool),
    frame: &Frame<'_>,
    registers: &Registers,
    scratch: &mut Scratch,
) -> Option<f64> {
    match &node.kind {
        Kind::Map { op, input } => registers.get(*input).and_then(|value| map::alone(op, value, registers, frame)),
        Kind::Select { select, take } => {
            let Own::Found(found) = &state.own else { return None };
            select::newest_alone(*found.sources.first()?, select, (*take, plan.options.lookback), frame)
        }
        Kind::VectorBinary(op) => {
            let (many, one) = (registers.get(op.many_node)?, registers.get(op.one_node)?);
            if meets { binary::alone(op, many, one) } else { None }
        }
        Kind::Set { op, lhs, rhs, .. } => {
            let (left, right) = (registers.get(*lhs), registers.get(*rhs));
            match op {
                BinaryOp::And => left.filter(|_| meets && right.is_some()),
                BinaryOp::Unless => left.filter(|_| !meets || right.is_none()),
                // With one row for both, they have the same labels.
                _ => left.or(right),
            }
        }
        Kind::Window { input: input @ WindowInput::Selector(select), function, range, params } => {
            // Only a probe asks which node it is.
            let window = window::Window { node: 0, input, function: *function, range: *range, params };
            window::alone(state, select, &window, frame, scratch)
        }
        Kind::Aggregate { op, param, input, .. } => {
            let value = registers.get(*input)?;
            Some(match op {
                AggregateOp::Sum => Kahan::starting(value).total(),
                AggregateOp::Avg => Mean::starting(value).result(),
                AggregateOp::Stddev => Spread::starting(value).deviation(),
                AggregateOp::Stdvar => Spread::starting(value).variance(),
                AggregateOp::Count | AggregateOp::Group => 1.0,
                AggregateOp::Quantile => quantile(registers.scalar(*param), &mut [value]),
                _ => value,
            })
        }
        Kind::Absent { input, .. } => registers.get(*input).is_none().then_some(1.0),
        Kind::Scalar(input) => Some(registers.get(*input).unwrap_or(f64::NAN)),
        Kind::Vector(scalar) => Some(registers.scalar(*scalar)),
        Kind::Relabel { input, .. } | Kind::Sort { input, .. } => registers.get(*input),
        Kind::ScalarBinary { op, lhs, rhs } => Some(scalar_binary(*op, registers.scalar(*lhs), registers.scalar(*rhs))),
        Kind::Extreme { max, lhs, rhs } => {
            let (a, b) = (registers.scalar(*lhs), registers.scalar(*rhs));
            Some(if *max { maths::max(a, b) } else { maths::min(a, b) })
        }
        Kind::Const(value) => Some(value.0),
        Kind::Time => Some(frame.evals[0].seconds()),
        Kind::QueryTime => Some(frame.query.unwrap_or(frame.evals[0]).seconds()),
        // They do not fit.
        Kind::Window { .. }
        | Kind::FilledBinary { .. }
        | Kind::CountValues { .. }
        | Kind::TopK { .. }
        | Kind::Limit { .. }
        | Kind::Quantiles { .. }
        | Kind::Info { .. }
        | Kind::Buckets { .. } => None,
    }
}
