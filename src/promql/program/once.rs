//! One run at one step: values in place of blocks where nodes have one row at most, and of thresholds only those that
//! something comes of.

#[cfg(test)]
mod tests;

use std::slice::from_ref;

use crate::labels::LabelSet;

use super::super::block::{self, Block};
use super::super::eval::{self, alone};
use super::super::plan::{NodeId, Plan, PlannedRoot, RootId};
use super::super::probe::Unheard;
use super::super::registers::Register;
use super::super::roster::{NodeState, number};
use super::super::walk::Stop;
use super::memory::Memory;
use super::run::{Nodes, Running};
use super::show::Shown;
use super::work::Work;
use super::{Fault, Frame, Inputs, Program, Root, Sink};

/// How the nodes of a program are evaluated at one step, now that it is known how many rows they have.
pub(super) struct Once {
    /// By node; without meaning for thresholds.
    ways: Vec<Way>,
    /// By stop of the walk.
    tasks: Vec<Task>,
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
    /// Its value is in its register besides its block.
    lifted: bool,
    /// Its value is written to its block besides its register.
    spilled: bool,
}

/// A node that is evaluated.
#[derive(Clone, Copy, Debug)]
struct Task {
    node: u32,
    /// The state that has its rows.
    state: u32,
    way: Way,
    work: Work,
    /// Whether anything is to be done once it is evaluated.
    shows: bool,
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
                && !state.merged
                && !eval::may_tell(plan, &node.kind, state);
            ways[stop.node] = Way {
                alone: is_alone,
                lifted: is_narrow && !is_alone,
                // Where a node finds rows, those after it are evaluated by blocks.
                spilled: is_alone && plan.walk.finds_late,
            };
            if !is_alone {
                node.kind.inputs().for_each(|input| ways[input].spilled = ways[input].alone);
            }
        }
        let task = |stop: &Stop| {
            let (node, way) = (&plan.nodes[stop.node], ways[stop.node]);
            let state = node.place.state;
            let work = if way.alone { Work::of(plan, node, &states[state as usize]) } else { Work::Nothing };
            Task { node: number(stop.node), state, way, work, shows: stop.shows }
        };
        let tasks = plan.walk.stops.iter().map(task).collect();
        Self { ways, tasks, busy: Vec::new(), still_busy: Vec::new(), asked: false }
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
        memory.begin(&self.plan, &self.states);
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
            memory.registers.forget_failures();
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

/// Writes a register to a block of so many rows, one at most.
fn spill(rows: usize, register: &Register, block: &mut Block) {
    block.reset(rows, 1);
    if register.present != 0 {
        block.set(0, 0, register.value);
    }
    block.failed[0] = register.failed;
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
        let (mut next, mut first_root) = (0, 0);
        while next < plan.walk.stops.len() {
            next = self.evaluate_from(next);
            let stop = &plan.walk.stops[next - 1];
            if !stop.shows {
                continue;
            }
            if let Some(number) = plan.nodes[stop.node].place.compared {
                self.hand_over_compared(number, stop.node, sink);
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

    /// Evaluates nodes from a stop on, at least one, and up to one of which something is to be shown; returns the stop
    /// after them.
    fn evaluate_from(&mut self, first: usize) -> usize {
        let Self { nodes: Nodes { plan, states, .. }, frame, memory, run, .. } = self;
        let tasks = &self.once.tasks[first..];
        if run.fresh || !tasks[0].way.alone {
            let task = tasks[0];
            self.evaluate_by_blocks(task);
            return first + 1;
        }
        let Memory { registers, scratch, blocks, .. } = &mut **memory;
        // Only what is evaluated by blocks begins to fail.
        let (failing, mut next) = (run.failing, first);
        for Task { node, state, way, work, shows } in tasks {
            if !way.alone {
                break;
            }
            let at = *node as usize;
            registers.put(at, work.run((plan, at), *state, states, frame, registers, scratch));
            next += 1;
            if failing {
                registers.inherit_failures(at, plan.nodes[at].kind.inputs());
            }
            if way.spilled {
                let block = &mut blocks[plan.nodes[at].place.register as usize];
                spill(states[*state as usize].labels.len(), registers.of_node(at), block);
            }
            if *shows {
                break;
            }
        }
        next
    }

    fn evaluate_by_blocks(&mut self, Task { node, way, .. }: Task) {
        let at = node as usize;
        self.nodes.evaluate(at, self.memory, self.frame, &mut self.run, &mut Unheard);
        if way.lifted && !self.run.fresh {
            let block = &self.memory.blocks[self.nodes.plan.nodes[at].place.register as usize];
            self.memory.registers.put(at, if block.rows > 0 { block.get(0, 0) } else { None });
            self.memory.registers.fail(at, block.failed.first().copied().unwrap_or(0));
        }
    }

    /// Returns how a node was evaluated.
    fn way(&self, node: NodeId) -> Way {
        // Since a node found rows, only blocks count: they have what was evaluated before, too.
        if self.run.fresh { Way::default() } else { self.once.ways[node] }
    }

    fn shown(&self) -> Shown<'_> {
        Shown { plan: self.nodes.plan, states: self.nodes.states }
    }

    /// Returns the faults of a node that failed.
    #[cold]
    fn faults(&self, node: NodeId) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.shown().collect_faults(node, 1, 1, &mut faults);
        faults
    }

    /// Shows what a node evaluated to.
    #[inline]
    fn with_root(&self, node: NodeId, scalar: bool, show: impl FnOnce(Root<'_>)) {
        if !self.way(node).alone {
            let mut show = Some(show);
            let once = &mut |root: Root<'_>| show.take().map_or((), |show| show(root));
            return self.shown().with_root(node, self.memory, scalar, 1, once);
        }
        let register = self.memory.registers.of_node(node);
        if register.failed == 0 {
            return show(self.alone(node, (register, scalar), &[]));
        }
        show(self.alone(node, (register, scalar), &self.faults(node)));
    }

    /// Returns what a node evaluated to whose value is in a register.
    fn alone<'a>(&'a self, node: NodeId, (register, scalar): (&'a Register, bool), faults: &'a [Fault]) -> Root<'a> {
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
            values: from_ref(&register.value),
            present: from_ref(&register.present),
            words: 1,
            ranks: &[],
            failed: from_ref(&register.failed),
            faults,
            histograms: &self.memory.scratch.histograms,
            mixed: false,
            told: &[],
        }
    }

    /// Returns whether a root tells anything.
    fn tells(&self, root: usize) -> bool {
        !self.shown().told(root, self.memory, 1).is_empty()
    }

    /// Hands over a root that is there.
    fn give(&self, id: RootId, root: Root<'_>, sink: &mut dyn Sink) {
        let told = self.shown().told(id.0, self.memory, 1);
        self.with_compared(id, Root { told: &told, ..root }, sink);
    }

    /// Hands over a vector that roots compare.
    fn hand_over_compared(&self, number: u32, node: NodeId, sink: &mut dyn Sink) {
        let register = self.memory.registers.of_node(node);
        if !self.way(node).alone {
            self.shown().emit_compared(node, self.memory, 1, sink);
        } else if register.present != 0 && register.failed == 0 {
            sink.compared_value(number, register.value);
        }
    }

    /// Returns whether a node has neither a sample nor a fault.
    fn is_empty(&self, node: NodeId) -> bool {
        if self.way(node).alone {
            let register = self.memory.registers.of_node(node);
            return register.present | register.failed == 0;
        }
        let block = self.memory.block(self.nodes.plan.nodes[node].place);
        !block::any(&block.present) && !block::any(&block.failed)
    }

    /// Hands a root to the sink, with the vector that it compares.
    fn hand_over(&self, root: usize, sink: &mut dyn Sink) {
        let PlannedRoot { node, scalar, .. } = self.nodes.plan.roots[root];
        let id = RootId(root);
        if !self.is_empty(node) || self.tells(root) || sink.wants_empty(id) {
            self.with_root(node, scalar, |root| self.give(id, root, sink));
        }
    }

    fn with_compared(&self, id: RootId, root: Root<'_>, sink: &mut dyn Sink) {
        let plan = self.nodes.plan;
        match plan.roots[id.0].compared {
            Some(number) => {
                let node = plan.compared[number as usize];
                self.with_root(node, false, |compared| sink.root(id, root, Some(compared)));
            }
            None => sink.root(id, root, None),
        }
    }

    /// Hands over the thresholds that a vector passes, and those that the sink wants in any case.
    fn hand_over_thresholds(&mut self, number: u32, input: NodeId, sink: &mut dyn Sink) {
        let plan = self.nodes.plan;
        let thresholds = &plan.walk.thresholds[number as usize];
        let busy = self.once.busy[self.next_busy..].iter().take_while(|(of, _)| *of == number).count();
        let busy = self.next_busy..self.next_busy + busy;
        self.next_busy = busy.end;
        let (failed, least, greatest) = self.extremes(input);
        let all = failed || self.memory.tells;
        if busy.is_empty() && !all && !thresholds.any_passed(least, greatest) {
            return;
        }
        if all {
            for root in thresholds.all().map(|root| root as usize) {
                let shown = failed || self.tells(root) || sink.wants_empty(RootId(root));
                self.hand_over_threshold((number, input), RootId(root), shown, sink);
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
            let register = self.memory.registers.of_node(node);
            let value = if register.present == 0 { f64::NAN } else { register.value };
            return (register.failed != 0, value, value);
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
        let Nodes { plan, states, shared, .. } = &self.nodes;
        let at = plan.roots[root.0].node;
        let Memory { registers, threshold, blocks, scratch, .. } = &mut *self.memory;
        if self.once.ways[input].alone && !self.run.fresh {
            return registers
                .get(input)
                .is_some_and(|value| alone::passes(&plan.nodes[at].kind, value, registers, self.frame));
        }
        let view = eval::View { plan, states, shared, blocks };
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
            let register = Register { present: u64::from(passes), ..*self.memory.registers.of_node(input) };
            let faults = if register.failed == 0 { Vec::new() } else { self.faults(node) };
            self.give(root, self.alone(node, (&register, false), &faults), sink);
        } else {
            let Memory { threshold, no_labels, scratch, .. } = &*self.memory;
            let show = &mut |shown: Root<'_>| self.give(root, shown, sink);
            self.shown().with_block(node, threshold, (false, no_labels, &scratch.histograms), 1, show);
        }
        if sink.wants_empty(root) {
            self.once.still_busy.push((number, root));
        }
    }
}
