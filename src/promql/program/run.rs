//! One run of a program: its nodes one after the other, each root as soon as it is there.

use std::sync::Arc;

use super::super::block;
use super::super::eval;
use super::super::plan::{NodeId, Plan};
use super::super::probe::Probe;
use super::super::roster::{NodeState, Shared};
use super::memory::Memory;
use super::{Frame, Inputs, Program, Sink, Steps};

/// What is known while the nodes of a run are evaluated one after the other.
pub(super) struct Running {
    /// Whether a node may have rows to find.
    pub(super) fresh: bool,
    /// Whether a node had a step that failed.
    pub(super) failing: bool,
}

impl Program {
    /// Evaluates all roots at all steps and hands each to `sink`, in the order they were added, and reports each to a
    /// probe.
    pub(crate) fn run_probed<P: Probe>(
        &mut self,
        inputs: &Inputs<'_>,
        steps: &Steps<'_>,
        probe: &mut P,
        sink: &mut dyn Sink,
    ) {
        if let [slot] = steps.slots
            && !P::HEARS
            && self.is_bound_to(inputs)
            && !inputs.has_histograms()
            && !(self.plan.options.start_timestamps && inputs.has_starts())
            && !self.plan.options.delayed_names
        {
            let evals = [slot.minus(steps.offset)];
            return self.run_once(&Frame { inputs: *inputs, evals: &evals, slots: steps.slots, query: None }, sink);
        }
        let mut evals = self.memory.as_mut().map(|memory| std::mem::take(&mut memory.evals)).unwrap_or_default();
        evals.clear();
        evals.extend(steps.slots.iter().map(|slot| slot.minus(steps.offset)));
        self.run_frame(&Frame { inputs: *inputs, evals: &evals, slots: steps.slots, query: None }, probe, sink);
        if let Some(memory) = &mut self.memory {
            memory.evals = evals;
        }
    }

    /// Evaluates as [`Program::run_probed`] does, on the memory of the program that this one was forked from.
    pub(crate) fn run_on<P: Probe>(
        &mut self,
        lender: &mut Self,
        inputs: &Inputs<'_>,
        steps: &Steps<'_>,
        probe: &mut P,
        sink: &mut dyn Sink,
    ) {
        debug_assert!(Arc::ptr_eq(&self.plan, &lender.plan), "blocks are laid out by plan");
        // Others have written to the blocks since.
        for state in &self.plan.walk.invariant {
            self.states[*state as usize].evaluated = false;
        }
        self.memory = lender.memory.take();
        self.run_probed(inputs, steps, probe, sink);
        lender.memory = self.memory.take();
    }

    /// Evaluates all roots for a frame.
    pub(crate) fn run_frame<P: Probe>(&mut self, frame: &Frame<'_>, probe: &mut P, sink: &mut dyn Sink) {
        let mut memory = self.memory.take().unwrap_or_else(|| Memory::of(&self.plan));
        memory.begin(&self.plan, &self.states);
        let (offers, steps) = (frame.inputs.offers(), frame.evals.len());
        let mut run = Running { fresh: self.bound != Some(offers), failing: false };
        let mut next_root = 0;
        for at in 0..self.plan.nodes.len() {
            self.nodes().evaluate(at, &mut memory, frame, &mut run, probe);
            self.shown().emit_compared(at, &memory, steps, sink);
            while self.plan.roots.get(next_root).is_some_and(|root| root.node <= at) {
                self.shown().emit(next_root, &memory, steps, sink);
                next_root += 1;
            }
        }
        self.memory = Some(memory);
        self.bound = Some(offers);
        self.ran_over(run.fresh);
    }

    /// Notes that all nodes were evaluated by blocks.
    pub(super) fn ran_over(&mut self, fresh: bool) {
        if fresh {
            self.measure();
            self.once = None;
        } else if let Some(once) = &mut self.once {
            once.forget_wants();
        }
    }

    pub(super) fn nodes(&mut self) -> Nodes<'_> {
        let Self { plan, states, shared, inner, .. } = self;
        Nodes { plan, states, shared, inner }
    }
}

/// The nodes of a program, to be evaluated.
pub(super) struct Nodes<'a> {
    pub(super) plan: &'a Plan,
    pub(super) states: &'a mut [NodeState],
    pub(super) shared: &'a mut [Shared],
    pub(super) inner: &'a mut [Program],
}

impl Nodes<'_> {
    /// Evaluates a node at all steps, after those before it.
    pub(super) fn evaluate<P: Probe>(
        &mut self,
        at: NodeId,
        memory: &mut Memory,
        frame: &Frame<'_>,
        run: &mut Running,
        probe: &mut P,
    ) {
        let steps = frame.evals.len();
        let node = &self.plan.nodes[at];
        probe.enter(at, node.invariant);
        let register = node.place.register as usize;
        let Memory { blocks, spare, scratch, tells, .. } = memory;
        // A node reads only blocks that others wrote.
        std::mem::swap(spare, &mut blocks[register]);
        if node.place.shares {
            let view = eval::View { plan: self.plan, states: self.states, shared: self.shared, blocks };
            let note = eval::filter(&view, at, steps, spare, scratch, run.failing);
            *tells |= note.is_some();
            self.states[node.place.state as usize].notes.set_compared(at, note);
        } else {
            // It knows only the states of those before it.
            let (states, rest) = self.states.split_at_mut(node.place.state as usize);
            let Some(state) = rest.first_mut() else { return };
            if run.fresh {
                state.bind(node, self.plan, states, self.shared, &frame.inputs);
            }
            let rows = state.labels.len();
            if node.invariant && state.evaluated {
                // What was computed, a fault too, holds at every step; series that appeared since have nothing in a
                // window of the past.
                spare.grow(rows);
            } else {
                state.faults.clear();
                state.notes.clear();
                let view = eval::View { plan: self.plan, states, shared: self.shared, blocks };
                let one;
                let frame = if node.invariant {
                    one = Frame { evals: &frame.evals[..1], slots: &frame.slots[..1], ..*frame };
                    &one
                } else {
                    frame
                };
                eval::evaluate(&view, at, state, self.inner, frame, spare, scratch, run.failing, probe);
                state.evaluated = true;
                // Some nodes find rows only now: those after it must notice.
                run.fresh |= state.labels.len() != rows;
            }
            *tells |= !state.notes.is_empty();
        }
        if node.invariant {
            probe.held(steps);
        }
        probe.leave();
        run.failing |= block::any(&spare.failed);
        std::mem::swap(spare, &mut blocks[register]);
    }
}
