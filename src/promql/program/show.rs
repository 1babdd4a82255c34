//! From the blocks of a run to the roots that a sink takes, and their faults.

use crate::labels::LabelSet;

use super::super::block::{self, Block};
use super::super::eval;
use super::super::histograms::Histograms;
use super::super::plan::{NodeId, Plan, PlannedRoot, RootId};
use super::super::roster::NodeState;
use super::memory::Memory;
use super::{Fault, Program, Root, Sink, Told};

/// What the nodes of a program evaluated to, to be shown.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) plan: &'a Plan,
    pub(super) states: &'a [NodeState],
}

impl<'a> Shown<'a> {
    pub(super) fn state(&self, node: NodeId) -> &'a NodeState {
        &self.states[self.plan.nodes[node].place.state as usize]
    }

    /// Hands a vector that roots compare to the sink, if it asks for it.
    pub(super) fn emit_compared(&self, node: NodeId, memory: &Memory, steps: usize, sink: &mut dyn Sink) {
        if let Some(number) = self.plan.nodes[node].place.compared
            && sink.wants_compared(number)
        {
            self.with_root(node, memory, false, steps, &mut |root| sink.compared(number, root));
        }
    }

    /// Hands a root to the sink, with the vector that it compares.
    pub(super) fn emit(&self, root: usize, memory: &Memory, steps: usize, sink: &mut dyn Sink) {
        let PlannedRoot { node, scalar, compared } = self.plan.roots[root];
        let (id, block) = (RootId(root), memory.block(self.plan.nodes[node].place));
        let told = self.told(root, memory, steps);
        if told.is_empty() && !block::any(&block.present) && !block::any(&block.failed) && !sink.wants_empty(id) {
            return;
        }
        self.with_root(node, memory, scalar, steps, &mut |root| {
            let root = Root { told: &told, ..root };
            match compared {
                Some(number) => {
                    let node = self.plan.compared[number as usize];
                    self.with_root(node, memory, false, steps, &mut |compared| sink.root(id, root, Some(compared)));
                }
                None => sink.root(id, root, None),
            }
        });
    }

    /// Returns what a root tells.
    pub(super) fn told(&self, root: usize, memory: &Memory, steps: usize) -> Vec<Told> {
        if memory.tells { self.collect_notes(root, steps) } else { Vec::new() }
    }

    /// Shows what a node evaluated to.
    pub(super) fn with_root(
        &self,
        node: NodeId,
        memory: &Memory,
        scalar: bool,
        steps: usize,
        show: &mut dyn FnMut(Root<'_>),
    ) {
        let block = memory.block(self.plan.nodes[node].place);
        self.with_block(node, block, (scalar, &memory.no_labels, &memory.scratch.histograms), steps, show);
    }

    /// Shows the block of a node.
    pub(super) fn with_block(
        &self,
        node: NodeId,
        block: &Block,
        (scalar, no_labels, histograms): (bool, &[LabelSet; 1], &Histograms),
        steps: usize,
        show: &mut dyn FnMut(Root<'_>),
    ) {
        let spread;
        let block = if block.steps == steps {
            block
        } else {
            let mut wide = Block::default();
            eval::broadcast(block, steps, &mut wide);
            spread = wide;
            &spread
        };
        let mut faults = Vec::new();
        if block::any(&block.failed) {
            self.collect_faults(node, steps, block.failed.len(), &mut faults);
        }
        let state = self.state(node);
        let finished;
        let (labels, order, block): (&[LabelSet], &[u32], &Block) = if scalar {
            (no_labels, &[0], block)
        } else if self.plan.options.delayed_names && state.drops.iter().any(|drops| *drops) {
            finished = eval::drop_names(state, block, &mut faults);
            (&finished.labels, &finished.order, &finished.block)
        } else {
            (&state.labels, &state.order, block)
        };
        show(Root {
            labels,
            order,
            scalar,
            steps,
            values: &block.values,
            present: &block.present,
            words: block.words,
            ranks: &block.ranks,
            failed: &block.failed,
            faults: &faults,
            histograms,
            mixed: block.mixed,
            told: &[],
        });
    }

    /// Returns by node whether another one reads it, itself included.
    pub(super) fn read_by(&self, node: NodeId) -> Vec<bool> {
        let mut read = vec![false; node + 1];
        read[node] = true;
        for at in (0..=node).rev() {
            if read[at] {
                for input in self.plan.nodes[at].kind.inputs() {
                    read[input] = true;
                }
            }
        }
        read
    }

    /// Finds for each failed step the first fault in evaluation order among the nodes that a root reads.
    pub(super) fn collect_faults(&self, root: NodeId, steps: usize, words: usize, faults: &mut Vec<Fault>) {
        let read = self.read_by(root);
        let mut told = vec![0; words];
        for at in (0..=root).filter(|at| read[*at] && !self.plan.nodes[*at].place.shares) {
            let whole = self.plan.nodes[at].invariant;
            for fault in &self.state(at).faults {
                let range = if whole { 0..steps } else { fault.step as usize..fault.step as usize + 1 };
                for step in range {
                    if !block::has(&told, step) {
                        block::set(&mut told, step);
                        let step = u32::try_from(step).unwrap_or(u32::MAX);
                        let span = fault.span.or(Some(self.plan.nodes[at].span));
                        faults.push(Fault { step, message: fault.message.clone(), span });
                    }
                }
            }
        }
        faults.sort_by_key(|fault| fault.step);
    }
}

impl Program {
    pub(super) fn shown(&self) -> Shown<'_> {
        Shown { plan: &self.plan, states: &self.states }
    }

    /// Returns what a node evaluated to in the latest run.
    pub(super) fn block(&self, node: NodeId) -> &Block {
        self.memory.as_ref().map_or(&NO_BLOCK, |memory| memory.block(self.plan.nodes[node].place))
    }

    /// Returns the histograms that values of the latest run stand for.
    pub(crate) fn histograms(&self) -> &Histograms {
        static NONE: Histograms = Histograms::NONE;
        self.memory.as_ref().map_or(&NONE, |memory| &memory.scratch.histograms)
    }

    /// Returns whether any node told anything in the latest run.
    pub(super) fn tells(&self) -> bool {
        self.memory.as_ref().is_some_and(|memory| memory.tells)
    }

    /// Returns the faults of a root's latest run, one for each failed step.
    pub(crate) fn faults_of(&self, root: usize, steps: usize) -> Vec<Fault> {
        let node = self.plan.roots[root].node;
        let mut faults = Vec::new();
        let failed = &self.block(node).failed;
        self.shown().collect_faults(node, steps, failed.len().max(steps.div_ceil(64)), &mut faults);
        faults
    }
}

/// What there is before the first run.
static NO_BLOCK: Block = Block::EMPTY;
