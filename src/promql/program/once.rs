//! One run at one step: values in place of blocks where nodes have one row at most, and of thresholds only those that
//! something comes of.

#[cfg(test)]
mod tests;

use crate::labels::LabelSet;

use super::super::block;
use super::super::eval::{self, alone};
use super::super::plan::{NodeId, Plan, PlannedRoot, RootId};
use super::super::probe::Unheard;
use super::super::registers::Registers;
use super::super::roster::NodeState;
use super::memory::Memory;
use super::run::{Nodes, Running};
use super::show::Shown;
use super::{Fault, Frame, Inputs, Program, Root, Sink};

/// How the nodes of a program are evaluated at one step, now that it is known how many rows they have.
pub(super) struct Once {
    /// By node; without meaning for thresholds.
    ways: Vec<Way>,
    /// Thresholds of which the sink wants to be shown that there is no sample: by the number of their vector.
    busy: Vec<(u32, RootId)>,
    /// Those of the run at hand that are so from now on.
    still_busy: Vec<(u32, RootId)>,
    /// Whether these are known.
    asked: bool,
}

/// How a node is evaluated.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// It and its inputs have a row at most: its value is in its register and nowhere else.
    alone: bool,
    /// The rows of its inputs have the same key.
    meets: bool,
    /// Its value is in its register besides its block.
    lifted: bool,
    /// Its value is written to its block besides its register.
    spilled: bool,
}

impl Once {
    /// Finds how nodes are evaluated. Cost: a walk over them.
    fn of(plan: &Plan, states: &[NodeState]) -> Self {
        let rows = |node: NodeId| states[plan.nodes[node].place.state as usize].labels.len();
        let mut ways = vec![Way::default(); plan.nodes.len()];
        for stop in &plan.walk.stops {
            let node = &plan.nodes[stop.node];
            let state = &states[node.place.state as usize];
            let is_narrow = rows(stop.node) < 2;
            let is_alone = is_narrow
                && !node.invariant
                && alone::fits(&node.kind)
                && node.kind.inputs().all(|input| ways[input].alone || ways[input].lifted)
                && !state.merged;
            ways[stop.node] = Way {
                alone: is_alone,
                meets: is_alone && alone::meets(state),
                lifted: is_narrow && !is_alone,
                // Where a node finds rows, those after it are evaluated by blocks.
                spilled: is_alone && plan.walk.finds_late,
            };
            if !is_alone {
                node.kind.inputs().for_each(|input| ways[input].spilled = ways[input].alone);
            }
        }
        Self { ways, busy: Vec::new(), still_busy: Vec::new(), asked: false }
    }

    /// Asks the sink again what it wants to be shown.
    pub(super) fn forget_wants(&mut self) {
        self.asked = false;
    }

    fn ask(&mut self, plan: &Plan, sink: &dyn Sink) {
        self.busy.clear();
        for (number, thresholds) in (0..).zip(&plan.walk.thresholds) {
            let wanted = thresholds.all().map(|root| RootId(root as usize)).filter(|id| sink.wants_empty(*id));
            self.busy.extend(wanted.map(|id| (number, id)));
        }
        self.asked = true;
    }
}

impl Program {
    /// Returns whether rows were found for all series there are.
    pub(super) fn is_bound_to(&self, inputs: &Inputs<'_>) -> bool {
        self.bound == Some(inputs.offers())
    }

    /// Evaluates all roots for a frame of one step, once rows were found: the same as by blocks.
    pub(super) fn run_once(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
        let mut memory = self.memory.take().unwrap_or_else(|| Memory::of(&self.plan));
        let mut once = self.once.take().unwrap_or_else(|| Box::new(Once::of(&self.plan, &self.states)));
        if !once.asked {
            once.ask(&self.plan, sink);
        }
        let mut stepping = Stepping {
            nodes: self.nodes(),
            frame,
            memory: &mut memory,
            once: &mut once,
            run: Running { fresh: false, failing: false },
            next_busy: 0,
        };
        stepping.go(sink);
        let Running { fresh, failing } = stepping.run;
        if failing {
            memory.registers.failed.fill(0);
        }
        std::mem::swap(&mut once.busy, &mut once.still_busy);
        once.still_busy.clear();
        self.memory = Some(memory);
        self.once = Some(once);
        if fresh {
            self.ran_over(true);
        }
    }
}

/// A run at one step.
struct Stepping<'a, 'b> {
    nodes: Nodes<'a>,
    frame: &'a Frame<'b>,
    memory: &'a mut Memory,
    once: &'a mut Once,
    run: Running,
    /// The first of the busy thresholds whose vector was not evaluated.
    next_busy: usize,
}

impl Stepping<'_, '_> {
    fn go(&mut self, sink: &mut dyn Sink) {
        let plan = self.nodes.plan;
        let mut first_root = 0;
        for stop in &plan.walk.stops {
            self.evaluate(stop.node);
            if let Some(number) = plan.nodes[stop.node].place.compared
                && sink.wants_compared(number)
            {
                self.with_root(stop.node, false, &mut |root| sink.compared(number, root));
            }
            if let Some(number) = stop.thresholds {
                self.hand_over_thresholds(number, stop.node, sink);
            }
            for root in &plan.walk.roots[first_root as usize..stop.roots as usize] {
                self.hand_over(*root as usize, sink);
            }
            first_root = stop.roots;
        }
    }

    /// Returns how a node was evaluated.
    fn way(&self, node: NodeId) -> Way {
        // Since a node found rows, only blocks count: they have what was evaluated before, too.
        if self.run.fresh { Way::default() } else { self.once.ways[node] }
    }

    fn evaluate(&mut self, at: NodeId) {
        let Self { nodes: Nodes { plan, states, .. }, frame, memory, run, .. } = self;
        let way = if run.fresh { Way::default() } else { self.once.ways[at] };
        let node = &plan.nodes[at];
        if !way.alone {
            self.nodes.evaluate(at, self.memory, self.frame, &mut self.run, &mut Unheard);
            if way.lifted && !self.run.fresh {
                let block = &self.memory.blocks[node.place.register as usize];
                self.memory.registers.put(at, if block.rows > 0 { block.get(0, 0) } else { None });
                self.memory.registers.failed[at] = block.failed.first().copied().unwrap_or(0);
            }
            return;
        }
        let state = &states[node.place.state as usize];
        let Memory { registers, scratch, blocks, .. } = &mut **memory;
        let value = alone::evaluate((plan, at), (state, way.meets), frame, registers, scratch);
        registers.put(at, value);
        if run.failing {
            registers.inherit_failures(at, node.kind.inputs());
        }
        if way.spilled {
            let block = &mut blocks[node.place.register as usize];
            block.reset(state.labels.len(), 1);
            if let Some(value) = value {
                block.set(0, 0, value);
            }
            block.failed[0] = registers.failed[at];
        }
    }

    fn shown(&self) -> Shown<'_> {
        Shown { plan: self.nodes.plan, states: self.nodes.states }
    }

    /// Returns the faults of a node that failed.
    fn faults(&self, node: NodeId, failed: bool) -> Vec<Fault> {
        let mut faults = Vec::new();
        if failed {
            self.shown().collect_faults(node, 1, 1, &mut faults);
        }
        faults
    }

    /// Shows what a node evaluated to.
    fn with_root(&self, node: NodeId, scalar: bool, show: &mut dyn FnMut(Root<'_>)) {
        if !self.way(node).alone {
            return self.shown().with_root(node, self.memory, scalar, 1, show);
        }
        let registers = &self.memory.registers;
        let faults = self.faults(node, registers.failed[node] != 0);
        show(self.alone(node, (registers.present[node], scalar), node, &faults));
    }

    /// Returns what a node evaluated to whose value is in a register.
    fn alone<'a>(
        &'a self,
        node: NodeId,
        (present, scalar): (u64, bool),
        register: NodeId,
        faults: &'a [Fault],
    ) -> Root<'a> {
        let Registers { values, failed, .. } = &self.memory.registers;
        let (labels, order): (&[LabelSet], &[u32]) = if scalar {
            (&self.memory.no_labels, &[0])
        } else {
            let state = self.shown().state(node);
            (&state.labels, &state.order)
        };
        Root {
            labels,
            order,
            scalar,
            steps: 1,
            values: &values[register..=register],
            present: if present == 0 { &[0] } else { &[1] },
            words: 1,
            ranks: &[],
            failed: &failed[register..=register],
            faults,
        }
    }

    /// Returns whether a node has neither a sample nor a fault.
    fn is_empty(&self, node: NodeId) -> bool {
        if self.way(node).alone {
            let Registers { present, failed, .. } = &self.memory.registers;
            return present[node] | failed[node] == 0;
        }
        let block = self.memory.block(self.nodes.plan.nodes[node].place);
        !block::any(&block.present) && !block::any(&block.failed)
    }

    /// Hands a root to the sink, with the vector that it compares.
    fn hand_over(&self, root: usize, sink: &mut dyn Sink) {
        let PlannedRoot { node, scalar, .. } = self.nodes.plan.roots[root];
        let id = RootId(root);
        if !self.is_empty(node) || sink.wants_empty(id) {
            self.with_root(node, scalar, &mut |root| self.with_compared(id, root, sink));
        }
    }

    fn with_compared(&self, id: RootId, root: Root<'_>, sink: &mut dyn Sink) {
        let plan = self.nodes.plan;
        match plan.roots[id.0].compared {
            Some(number) => {
                let node = plan.compared[number as usize];
                self.with_root(node, false, &mut |compared| sink.root(id, root, Some(compared)));
            }
            None => sink.root(id, root, None),
        }
    }

    /// Hands over the thresholds that a vector passes, and those that the sink wants in any case.
    fn hand_over_thresholds(&mut self, number: u32, input: NodeId, sink: &mut dyn Sink) {
        let thresholds = &self.nodes.plan.walk.thresholds[number as usize];
        let busy = self.once.busy[self.next_busy..].iter().take_while(|(of, _)| *of == number).count();
        let busy = self.next_busy..self.next_busy + busy;
        self.next_busy = busy.end;
        let (failed, least, greatest) = self.extremes(input);
        if failed {
            for root in thresholds.all() {
                self.hand_over_threshold((number, input), RootId(root as usize), true, sink);
            }
            return;
        }
        for root in thresholds.passed(least, greatest) {
            self.hand_over_threshold((number, input), RootId(root as usize), false, sink);
        }
        for at in busy {
            let root = self.once.busy[at].1;
            if !self.passes(input, root) {
                self.hand_over_threshold((number, input), root, true, sink);
            }
        }
    }

    /// Returns whether a vector failed, and its least and greatest value, NaN where there is none.
    fn extremes(&self, node: NodeId) -> (bool, f64, f64) {
        if self.way(node).alone {
            let registers = &self.memory.registers;
            let value = registers.get(node).unwrap_or(f64::NAN);
            return (registers.failed[node] != 0, value, value);
        }
        let block = self.memory.block(self.nodes.plan.nodes[node].place);
        let present = block.values.iter().zip(&block.present).filter(|(_, present)| **present != 0);
        let (least, greatest) = present.fold((f64::NAN, f64::NAN), |(least, greatest), (value, _)| {
            // They pass over NaN.
            (least.min(*value), greatest.max(*value))
        });
        (block::any(&block.failed), least, greatest)
    }

    /// Returns whether any value of a vector passes a threshold of it.
    fn passes(&mut self, input: NodeId, root: RootId) -> bool {
        let Nodes { plan, states, .. } = &self.nodes;
        let at = plan.roots[root.0].node;
        let Memory { registers, threshold, blocks, scratch, .. } = &mut *self.memory;
        if self.once.ways[input].alone && !self.run.fresh {
            return registers
                .get(input)
                .is_some_and(|value| alone::passes(&plan.nodes[at].kind, value, registers, self.frame));
        }
        let view = eval::View { plan, states, blocks };
        eval::filter(&view, at, 1, threshold, scratch, self.run.failing);
        block::any(&threshold.present)
    }

    /// Hands over a threshold, if the vector passes it or an empty result is wanted.
    fn hand_over_threshold(&mut self, (number, input): (u32, NodeId), root: RootId, empty: bool, sink: &mut dyn Sink) {
        let passes = self.passes(input, root);
        if !passes && !empty {
            return;
        }
        let node = self.nodes.plan.roots[root.0].node;
        if self.way(input).alone {
            let failed = self.memory.registers.failed[input] != 0;
            let faults = self.faults(node, failed);
            self.with_compared(root, self.alone(node, (u64::from(passes), false), input, &faults), sink);
        } else {
            let Memory { threshold, no_labels, .. } = &*self.memory;
            let show = &mut |shown: Root<'_>| self.with_compared(root, shown, sink);
            self.shown().with_block(node, threshold, (false, no_labels), 1, show);
        }
        if sink.wants_empty(root) {
            self.once.still_busy.push((number, root));
        }
    }
}
