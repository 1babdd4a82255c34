//! The values of nodes at one step, where each has one row at most.

use super::plan::{NodeId, Operand};

/// What a node evaluates to at one step.
///
/// As in a block, a value that is not there means nothing, and a set bit is bit 0 of its word: so a node can be shown as
/// a block of one row and one step is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Register {
    pub(crate) value: f64,
    pub(crate) present: u64,
    /// 0 unless a node of the run at hand failed.
    pub(crate) failed: u64,
}

/// The registers of a program, by node.
#[derive(Debug)]
pub(crate) struct Registers(Vec<Register>);

impl Registers {
    /// Makes those of so many nodes.
    pub(crate) fn of(nodes: usize) -> Self {
        Self(vec![Register::default(); nodes])
    }

    #[inline]
    pub(crate) fn of_node(&self, node: NodeId) -> &Register {
        &self.0[node]
    }

    #[inline]
    pub(crate) fn put(&mut self, node: NodeId, value: Option<f64>) {
        let register = &mut self.0[node];
        register.present = u64::from(value.is_some());
        register.value = value.unwrap_or(0.0);
    }

    #[inline]
    pub(crate) fn get(&self, node: NodeId) -> Option<f64> {
        let register = &self.0[node];
        (register.present != 0).then_some(register.value)
    }

    /// Returns a scalar, which is always there.
    #[inline]
    pub(crate) fn scalar(&self, operand: Operand) -> f64 {
        match operand {
            Operand::Const(value) => value,
            Operand::Node(node) => self.0[node].value,
        }
    }

    /// Records whether a node failed.
    pub(crate) fn fail(&mut self, node: NodeId, failed: u64) {
        self.0[node].failed = failed;
    }

    /// Lets a node fail where one of its inputs has.
    pub(crate) fn inherit_failures(&mut self, node: NodeId, inputs: impl Iterator<Item = NodeId>) {
        self.0[node].failed = inputs.fold(0, |failed, input| failed | self.0[input].failed);
    }

    /// Forgets what failed.
    pub(crate) fn forget_failures(&mut self) {
        self.0.iter_mut().for_each(|register| register.failed = 0);
    }
}
