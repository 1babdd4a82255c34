//! What is to be done for a node of one row at one step, read off the node once: the commonest kinds have all that they
//! need at hand.

use crate::store::is_stale;
use crate::time::Millis;

use super::super::ast::{BinaryOp, Side};
use super::super::eval::{self, alone};
use super::super::plan::{Elementwise, Kind, Node, NodeId, Operand, Plan, Take};
use super::super::registers::Registers;
use super::super::roster::{NodeState, Own, number};
use super::super::scalar_ops::{arithmetic, compare, mirrored};
use super::{Frame, Source};

/// The work for a node. Registers are named by their nodes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// Takes the newest sample of a series, so far back from `offset` before the step.
    Newest { source: Source, offset: Millis, back: Millis },
    /// Computes with a number.
    Number { op: BinaryOp, input: u32, number: f64, swap: bool },
    /// Keeps what a comparison with a number, on its right, holds for.
    Keep { op: BinaryOp, input: u32, number: f64 },
    /// Computes with two vectors whose rows have the same key.
    Pair { op: BinaryOp, left: u32, right: u32 },
    /// Keeps the left side where it is there, else the right one.
    Either { left: u32, right: u32 },
    /// Nothing comes of it.
    Nothing,
    /// Any other kind: as the node says. `meets`: whether the rows of its inputs have the same key.
    Node { meets: bool },
}

impl Work {
    /// Reads what is to be done off a node that fits.
    pub(super) fn of(plan: &Plan, node: &Node, state: &NodeState) -> Self {
        let meets = alone::meets(state);
        match &node.kind {
            Kind::Select { select, take: Take::Value } if select.at.is_none() && select.edges.is_none() => {
                match &state.own {
                    Own::Found(found) => found.sources.first().map_or(Self::Nothing, |source| Self::Newest {
                        source: *source,
                        offset: select.offset,
                        back: plan.options.lookback,
                    }),
                    _ => Self::Nothing,
                }
            }
            Kind::Map { op: Elementwise::Arithmetic { op, scalar: Operand::Const(scalar), swap }, input } => {
                Self::Number { op: *op, input: register(*input), number: *scalar, swap: *swap }
            }
            Kind::Map {
                op: Elementwise::Compare { op, scalar: Operand::Const(scalar), swap, return_bool: false },
                input,
            } => {
                let op = if *swap { mirrored(*op) } else { *op };
                Self::Keep { op, input: register(*input), number: *scalar }
            }
            Kind::VectorBinary(binary) if !meets || !binary.op.is_comparison() => {
                let (left, right) = match binary.many {
                    Side::Left => (binary.many_node, binary.one_node),
                    Side::Right => (binary.one_node, binary.many_node),
                };
                if meets {
                    Self::Pair { op: binary.op, left: register(left), right: register(right) }
                } else {
                    Self::Nothing
                }
            }
            Kind::Set { op: BinaryOp::Or, lhs, rhs, .. } => {
                Self::Either { left: register(*lhs), right: register(*rhs) }
            }
            _ => Self::Node { meets },
        }
    }

    /// Does it; absent where there is no sample.
    #[inline]
    pub(super) fn run(
        &self,
        (plan, node): (&Plan, NodeId),
        state: u32,
        states: &[NodeState],
        frame: &Frame<'_>,
        registers: &Registers,
        scratch: &mut eval::Scratch,
    ) -> Option<f64> {
        match *self {
            Self::Newest { source, offset, back } => {
                let reference = frame.evals[0].minus(offset);
                let end = if source.written { eval::cap(source, frame, reference) } else { reference };
                let (_, value) = frame.inputs.newest(source, reference.minus(back), end)?;
                (!is_stale(value)).then_some(value)
            }
            Self::Number { op, input, number, swap } => {
                let value = registers.get(input as usize)?;
                Some(if swap { arithmetic(op, number, value) } else { arithmetic(op, value, number) })
            }
            Self::Keep { op, input, number } => {
                registers.get(input as usize).filter(|value| compare(op, *value, number))
            }
            Self::Pair { op, left, right } => {
                Some(arithmetic(op, registers.get(left as usize)?, registers.get(right as usize)?))
            }
            Self::Either { left, right } => registers.get(left as usize).or_else(|| registers.get(right as usize)),
            Self::Nothing => None,
            Self::Node { meets } => {
                let state = &states[state as usize];
                alone::evaluate((plan, &plan.nodes[node]), (state, meets), frame, registers, scratch)
            }
        }
    }
}

/// Returns the name of a node's register.
fn register(node: NodeId) -> u32 {
    number(node)
}
