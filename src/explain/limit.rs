//! The comparison with a number that decides a rule, among the parts of its expression.

use crate::outcome::compared;
use crate::promql::ast::{BinaryOp, ExprKind, Type};

use super::case::Part;

/// A comparison with a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// The comparison, turned so that the number stands on the right.
    pub(crate) op: BinaryOp,
    pub(crate) value: f64,
    /// What is compared.
    pub(crate) operand: usize,
    /// Whether `and` or `unless` has a say, too.
    pub(crate) guarded: bool,
}

impl Limit {
    /// Returns the comparison that decides whether an expression has a sample, if it is one with a number.
    pub(crate) fn of(outline: &[Part<'_>]) -> Option<Self> {
        let found = compared(outline.first()?.expr)?;
        let (mut at, mut guarded) = (0, false);
        loop {
            let Part { expr, below } = &outline[at];
            match &expr.kind {
                ExprKind::Paren(_) => at = below[0],
                ExprKind::Binary(binary) if binary.op.is_set() => (at, guarded) = (below[0], true),
                ExprKind::Binary(_) => {
                    let vector = below.iter().find(|part| outline[**part].expr.ty() == Type::Vector)?;
                    return Some(Self { op: found.op, value: found.value, operand: *vector, guarded });
                }
                _ => return None,
            }
        }
    }

    /// Returns whether a value satisfies it.
    pub(crate) fn holds(self, value: f64) -> bool {
        match self.op {
            BinaryOp::Less => value < self.value,
            BinaryOp::LessEqual => value <= self.value,
            BinaryOp::Greater => value > self.value,
            BinaryOp::GreaterEqual => value >= self.value,
            BinaryOp::Equal => value == self.value,
            BinaryOp::NotEqual => value != self.value,
            _ => false,
        }
    }

    /// Returns whether larger values satisfy it rather than smaller ones; none where there is no such direction.
    pub(crate) fn is_upward(self) -> Option<bool> {
        match self.op {
            BinaryOp::Greater | BinaryOp::GreaterEqual => Some(true),
            BinaryOp::Less | BinaryOp::LessEqual => Some(false),
            _ => None,
        }
    }
}
