//! The memory of a run.

use crate::labels::LabelSet;
use crate::time::Timestamp;

use super::super::block::Block;
use super::super::eval;
use super::super::plan::{Node, Place, Plan};
use super::super::registers::Registers;
use super::super::roster::NodeState;

/// The blocks and buffers of a run. What they hold has no meaning after it, the values of invariant nodes aside.
pub(super) struct Memory {
    #[expect(clippy::vec_box, reason = "a block changes places with the spare one by its pointer")]
    pub(super) blocks: Vec<Box<Block>>,
    /// Changes places with the block of the node at hand while that is written.
    pub(super) spare: Box<Block>,
    /// Of a threshold, which has no block of its own.
    pub(super) threshold: Block,
    /// Of nodes of one row, at one step.
    pub(super) registers: Registers,
    pub(super) scratch: eval::Scratch,
    /// The labels of a scalar root.
    pub(super) no_labels: [LabelSet; 1],
    pub(super) evals: Vec<Timestamp>,
    /// Whether a node told anything in the latest run.
    pub(super) tells: bool,
}

impl Memory {
    pub(super) fn of(plan: &Plan) -> Box<Self> {
        Box::new(Self {
            blocks: (0..plan.registers).map(|_| Box::default()).collect(),
            spare: Box::default(),
            threshold: Block::default(),
            registers: Registers::of(plan.nodes.len()),
            scratch: eval::Scratch::of(plan),
            no_labels: [LabelSet::empty()],
            evals: Vec::new(),
            tells: false,
        })
    }

    /// Begins another run.
    pub(super) fn begin(&mut self, plan: &Plan, states: &[NodeState]) {
        self.scratch.begin();
        self.tells = false;
        if !self.scratch.histograms.is_empty() {
            let is_kept = |node: &&Node| node.invariant && states[node.place.state as usize].evaluated;
            let kept = plan.nodes.iter().filter(is_kept).map(|node| node.place.register as usize).collect();
            self.scratch.histograms.keep(&kept, &mut self.blocks);
        }
    }

    pub(super) fn block(&self, place: Place) -> &Block {
        &self.blocks[place.register as usize]
    }
}
