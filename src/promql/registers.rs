//! The values of nodes at one step, where each has one row at most.

use super::plan::{NodeId, Operand};

/// What nodes evaluate to at one step: by node a value, whether it is there, and whether the node failed.
///
/// As in a block, a value that is not there means nothing, and a set bit is bit 0 of its word: so a node can be shown as
/// a block of one row and one step is.
#[derive(Debug)]
pub(crate) struct Registers {
    pub(crate) values: Vec<f64>,
    pub(crate) present: Vec<u64>,
    /// All 0 unless a node of the run at hand failed.
    pub(crate) failed: Vec<u64>,
}

impl Registers {
    /// Makes those of so many nodes.
    pub(crate) fn of(nodes: usize) -> Self {
        Self { values: vec![0.0; nodes], present: vec![0; nodes], failed: vec![0; nodes] }
    }

    #[inline]
    pub(crate) fn put(&mut self, node: NodeId, value: Option<f64>) {
        self.present[node] = u64::from(value.is_some());
        if let Some(value) = value {
            self.values[node] = value;
        }
    }

    #[inline]
    pub(crate) fn get(&self, node: NodeId) -> Option<f64> {
        (self.present[node] != 0).then(|| self.values[node])
    }

    /// Returns a scalar, which is always there.
    #[inline]
    pub(crate) fn scalar(&self, operand: Operand) -> f64 {
        match operand {
            Operand::Const(value) => value,
            Operand::Node(node) => self.values[node],
        }
    }

    /// Lets a node fail where one of its inputs has.
    pub(crate) fn inherit_failures(&mut self, node: NodeId, inputs: impl Iterator<Item = NodeId>) {
        self.failed[node] = inputs.fold(0, |failed, input| failed | self.failed[input]);
    }
}
