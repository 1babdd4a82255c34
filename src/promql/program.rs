//! A program that runs: a plan, the rows its nodes have so far, and the blocks they write to.

use std::sync::Arc;

use crate::labels::LabelSet;
use crate::store::{SeriesId, Store};
use crate::time::{Millis, Timestamp};

use super::ast::Expr;
use super::block::{self, Block};
use super::eval;
use super::parse::Problem;
use super::plan::{Kind, LowerOptions, NodeId, Plan, RootId, Select, WindowInput};
use super::probe::{Probe, Unheard};
use super::roster::NodeState;

/// What a program reads.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    pub(crate) recording: &'a Store,
    pub(crate) written: Option<Written<'a>>,
    /// The only series there are, where not all count.
    pub(crate) only: Option<Only<'a>>,
}

/// The series of one label set.
#[derive(Clone, Copy)]
pub(crate) struct Only<'a> {
    /// Recorded ones; the list only grows.
    pub(crate) recorded: &'a [SeriesId],
    /// Written ones; the list only grows.
    pub(crate) written: &'a [SeriesId],
}

/// Series that rules wrote, and from when on a reader sees them.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a> {
    pub(crate) store: &'a Store,
    /// By series: which writer wrote it.
    pub(crate) writers: &'a [u32],
    /// By writer: a sample is visible at slot t when it is stamped at most t minus this.
    pub(crate) lags: &'a [Millis],
}

/// The times of a run, ascending: evaluated at `slot - offset`.
#[derive(Clone, Copy)]
pub(crate) struct Steps<'a> {
    pub(crate) slots: &'a [Timestamp],
    pub(crate) offset: Millis,
}

/// What a root evaluated to.
#[derive(Clone, Copy)]
pub(crate) struct Root<'a> {
    /// By row; append-only and unique.
    pub(crate) labels: &'a [LabelSet],
    /// The rows in the order of the result.
    pub(crate) order: &'a [u32],
    pub(crate) scalar: bool,
    pub(crate) steps: usize,
    /// Value (row, step) at `row * steps + step`.
    pub(crate) values: &'a [f64],
    /// Bit (row, step) in word `row * words + step / 64`.
    pub(crate) present: &'a [u64],
    pub(crate) words: usize,
    /// Rank (row, step) at `row * steps + step`; empty where `order` is that of every step, or nobody asked.
    pub(crate) ranks: &'a [u32],
    /// A bit a step.
    pub(crate) failed: &'a [u64],
    /// One for each failed step, by step.
    pub(crate) faults: &'a [Fault],
}

/// Why an evaluation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) step: u32,
    /// In Prometheus' words.
    pub(crate) message: String,
}

/// The steps of a run as nodes see them.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) inputs: Inputs<'a>,
    /// When each step is evaluated.
    pub(crate) evals: &'a [Timestamp],
    /// By which slot each step must have been written what it reads; `Timestamp::MAX` sees all.
    pub(crate) slots: &'a [Timestamp],
    /// The time of the query, in a subquery; the step itself elsewhere.
    pub(crate) query: Option<Timestamp>,
}

/// A plan, bound to stores, with the state it keeps between runs: rows, and values that are the same at every step.
pub(crate) struct Program {
    pub(super) plan: Arc<Plan>,
    pub(super) inner: Vec<Program>,
    /// Whether it is the program of a subquery.
    pub(super) within: bool,
    /// Whether its results are wanted in order.
    pub(super) ordered: bool,
    pub(super) states: Vec<NodeState>,
    /// By node: the block it writes to.
    pub(super) registers: Arc<[usize]>,
    pub(super) memory: Memory,
}

/// The blocks and buffers of a run. What they hold has no meaning after it, the values of invariant nodes aside, so
/// that programs of one plan can lend them to each other.
pub(crate) struct Memory {
    pub(super) blocks: Vec<Block>,
    pub(super) scratch: eval::Scratch,
    /// Reused for the labels of one row each of a scalar root.
    pub(super) no_labels: [LabelSet; 1],
    pub(super) faults: Vec<Fault>,
    pub(super) evals: Vec<Timestamp>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            blocks: Vec::new(),
            scratch: eval::Scratch::default(),
            no_labels: [LabelSet::empty()],
            faults: Vec::new(),
            evals: Vec::new(),
        }
    }
}

impl Program {
    pub(crate) fn new(options: LowerOptions) -> Self {
        Self::of(Plan::new(options), false)
    }

    fn of(mut plan: Plan, within: bool) -> Self {
        let inner = std::mem::take(&mut plan.inner).into_iter().map(|plan| Self::of(plan, true)).collect();
        Self {
            plan: Arc::new(plan),
            inner,
            within,
            ordered: false,
            states: Vec::new(),
            registers: Arc::from([]),
            memory: Memory::default(),
        }
    }

    /// Takes a program that did not run apart.
    fn into_plan(self) -> Plan {
        let mut plan = Arc::try_unwrap(self.plan).unwrap_or_else(|shared| Plan::clone(&shared));
        plan.inner = self.inner.into_iter().map(Self::into_plan).collect();
        plan
    }

    /// Returns a program of the same plan that is bound to nothing yet, for other series than this one.
    pub(crate) fn fork(&self) -> Self {
        Self {
            plan: Arc::clone(&self.plan),
            inner: self.inner.iter().map(Self::fork_inner).collect(),
            within: self.within,
            ordered: self.ordered,
            states: self
                .states
                .iter()
                .map(|state| NodeState { ordered: state.ordered, ..NodeState::default() })
                .collect(),
            registers: Arc::clone(&self.registers),
            memory: Memory::default(),
        }
    }

    /// Does the same for the program of a subquery, which has memory of its own.
    fn fork_inner(&self) -> Self {
        let mut fork = self.fork();
        fork.memory.blocks = self.memory.blocks.iter().map(|_| Block::default()).collect();
        fork
    }

    /// Evaluates all roots as [`Program::run`] does, on the memory of the program that this one was forked from.
    pub(crate) fn run_on(
        &mut self,
        lender: &mut Self,
        inputs: &Inputs<'_>,
        steps: &Steps<'_>,
        sink: &mut dyn FnMut(RootId, Root<'_>),
    ) {
        debug_assert!(Arc::ptr_eq(&self.plan, &lender.plan), "blocks are laid out by plan");
        for (node, state) in self.plan.nodes.iter().zip(&mut self.states) {
            // Others have written to the block since.
            state.evaluated &= !node.invariant;
        }
        std::mem::swap(&mut self.memory, &mut lender.memory);
        self.run(inputs, steps, sink);
        std::mem::swap(&mut self.memory, &mut lender.memory);
    }

    /// Tells whether nothing can come of the program where its selectors find no series.
    pub(crate) fn needs_series(&self) -> bool {
        let makes = |kind: &Kind| {
            matches!(
                kind,
                Kind::Const(_)
                    | Kind::Time
                    | Kind::QueryTime
                    | Kind::ScalarBinary { .. }
                    | Kind::Extreme { .. }
                    | Kind::Scalar(_)
                    | Kind::Vector(_)
                    | Kind::Absent { .. }
            )
        };
        self.plan.nodes.iter().all(|node| !makes(&node.kind)) && self.inner.iter().all(Self::needs_series)
    }

    /// Tells whether any selector finds one of the only series there are.
    pub(crate) fn finds_any(&self, inputs: &Inputs<'_>) -> bool {
        let Some(only) = inputs.only else { return true };
        let found = |select: &Select| {
            let fits = |store: &Store, ids: &[SeriesId]| {
                ids.iter().any(|id| select.matchers.iter().all(|matcher| matcher.matches_set(store.labels(*id))))
            };
            fits(inputs.recording, only.recorded)
                || inputs.written.is_some_and(|written| fits(written.store, only.written))
        };
        self.plan.nodes.iter().any(|node| match &node.kind {
            Kind::Select { select, .. } | Kind::Window { input: WindowInput::Selector(select), .. } => found(select),
            _ => false,
        }) || self.inner.iter().any(|inner| inner.finds_any(inputs))
    }

    /// Lowers an expression and makes it a root. All roots are added before the program is bound.
    ///
    /// # Errors
    /// What is not evaluated, and what can never be.
    pub(crate) fn add(&mut self, expr: &Expr) -> Result<RootId, Vec<Problem>> {
        let plan = Arc::make_mut(&mut self.plan);
        plan.inner = std::mem::take(&mut self.inner).into_iter().map(Self::into_plan).collect();
        let root = plan.add(expr);
        self.inner = std::mem::take(&mut plan.inner).into_iter().map(|plan| Self::of(plan, true)).collect();
        root
    }

    /// Returns how many steps one run should have at most, for steps this far apart: some millions of values, and a
    /// multiple of the longest window where that is long, since each run begins its windows anew.
    pub(crate) fn block_steps(&self, interval: Millis) -> usize {
        let window = usize::try_from(self.reach().back.0 / interval.0.max(1)).unwrap_or(usize::MAX);
        let wanted = if window > 512 { window.saturating_mul(4).min(16_384) } else { 1024 };
        let rows = self.states.iter().map(|state| state.labels.len()).max().unwrap_or(0).max(1);
        wanted.min((4 << 20) / rows).max(16)
    }

    /// Evaluates all roots at all steps and hands each to `sink`, in the order they were added.
    pub(crate) fn run(&mut self, inputs: &Inputs<'_>, steps: &Steps<'_>, sink: &mut dyn FnMut(RootId, Root<'_>)) {
        self.run_probed(inputs, steps, &mut Unheard, sink);
    }

    /// Evaluates as [`Program::run`] does, while a probe hears of it.
    pub(crate) fn run_probed<P: Probe>(
        &mut self,
        inputs: &Inputs<'_>,
        steps: &Steps<'_>,
        probe: &mut P,
        sink: &mut dyn FnMut(RootId, Root<'_>),
    ) {
        let mut evals = std::mem::take(&mut self.memory.evals);
        evals.clear();
        evals.extend(steps.slots.iter().map(|slot| slot.minus(steps.offset)));
        self.run_frame(&Frame { inputs: *inputs, evals: &evals, slots: steps.slots, query: None }, probe, sink);
        self.memory.evals = evals;
    }

    /// Adds the rows that series which appeared since the last run bring, and returns how many the largest node has.
    pub(crate) fn rows(&mut self, inputs: &Inputs<'_>) -> usize {
        for at in 0..self.plan.nodes.len() {
            let mut state = std::mem::take(&mut self.states[at]);
            state.bind(&self.plan.nodes[at], &self.plan, &self.states, inputs);
            self.states[at] = state;
        }
        self.states.iter().map(|state| state.labels.len()).max().unwrap_or(0)
    }

    /// Evaluates all roots for a frame.
    pub(crate) fn run_frame<P: Probe>(
        &mut self,
        frame: &Frame<'_>,
        probe: &mut P,
        sink: &mut dyn FnMut(RootId, Root<'_>),
    ) {
        let mut next_root = 0;
        for at in 0..self.plan.nodes.len() {
            self.evaluate(at, frame, probe);
            while self.plan.roots.get(next_root).is_some_and(|root| *root <= at) {
                self.emit(next_root, frame.evals.len(), sink);
                next_root += 1;
            }
        }
    }

    fn evaluate<P: Probe>(&mut self, at: NodeId, frame: &Frame<'_>, probe: &mut P) {
        let steps = frame.evals.len();
        probe.enter(at);
        // A node reads only those before it.
        let (states, rest) = self.states.split_at_mut(at);
        let Some(state) = rest.first_mut() else { return };
        let node = &self.plan.nodes[at];
        state.bind(node, &self.plan, states, &frame.inputs);
        let mut out = std::mem::take(&mut self.memory.blocks[self.registers[at]]);
        if node.invariant && state.evaluated {
            // What was computed, a fault too, holds at every step; series that appeared since have nothing in a window
            // of the past.
            out.grow(state.labels.len());
        } else {
            state.faults.clear();
            let frame = if node.invariant {
                Frame { evals: &frame.evals[..1], slots: &frame.slots[..1], ..*frame }
            } else {
                *frame
            };
            let view = eval::View { plan: &self.plan, states, blocks: &self.memory.blocks, registers: &self.registers };
            let scratch = &mut self.memory.scratch;
            eval::evaluate(&view, at, state, &mut self.inner, &frame, &mut out, scratch, probe);
            state.evaluated = true;
        }
        if node.invariant {
            probe.invariant(at, steps as u64);
        }
        probe.leave();
        self.memory.blocks[self.registers[at]] = out;
    }

    fn emit(&mut self, root: usize, steps: usize, sink: &mut dyn FnMut(RootId, Root<'_>)) {
        let node = self.plan.roots[root];
        let scalar = self.plan.scalar_roots[root];
        let spread;
        let block = &self.memory.blocks[self.registers[node]];
        let block = if block.steps == steps {
            block
        } else {
            let mut wide = Block::default();
            eval::broadcast(block, steps, &mut wide);
            spread = wide;
            &spread
        };
        let mut faults = std::mem::take(&mut self.memory.faults);
        faults.clear();
        if block::any(&block.failed) {
            self.collect_faults(node, steps, block.failed.len(), &mut faults);
        }
        let state = &self.states[node];
        let finished;
        let (labels, order, block): (&[LabelSet], &[u32], &Block) = if scalar {
            (&self.memory.no_labels, &[0], block)
        } else if self.plan.options.delayed_names && state.drops.iter().any(|drops| *drops) {
            finished = eval::drop_names(state, block, &mut faults);
            (&finished.labels, &finished.order, &finished.block)
        } else {
            (&state.labels, &state.order, block)
        };
        sink(
            RootId(root),
            Root {
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
            },
        );
        self.memory.faults = faults;
    }

    /// Returns the faults of a root's latest run, one for each failed step.
    pub(crate) fn faults_of(&self, root: usize, steps: usize) -> Vec<Fault> {
        let node = self.plan.roots[root];
        let mut faults = Vec::new();
        let failed = &self.memory.blocks[self.registers[node]].failed;
        self.collect_faults(node, steps, failed.len().max(steps.div_ceil(64)), &mut faults);
        faults
    }

    /// Finds for each failed step the first fault in evaluation order among the nodes that a root reads.
    fn collect_faults(&self, root: NodeId, steps: usize, words: usize, faults: &mut Vec<Fault>) {
        let mut read = vec![false; root + 1];
        read[root] = true;
        for at in (0..=root).rev() {
            if read[at] {
                for input in self.plan.nodes[at].kind.inputs() {
                    read[input] = true;
                }
            }
        }
        let mut told = vec![0; words];
        for at in (0..=root).filter(|at| read[*at]) {
            let whole = self.plan.nodes[at].invariant;
            for fault in &self.states[at].faults {
                let range = if whole { 0..steps } else { fault.step as usize..fault.step as usize + 1 };
                for step in range {
                    if !block::has(&told, step) {
                        block::set(&mut told, step);
                        let step = u32::try_from(step).unwrap_or(u32::MAX);
                        faults.push(Fault { step, message: fault.message.clone() });
                    }
                }
            }
        }
        faults.sort_by_key(|fault| fault.step);
    }

    /// Returns by node how often an evaluator that shares nothing would evaluate it for one root.
    pub(crate) fn multiplicity(&self, root: usize) -> Vec<u64> {
        let mut times = vec![0_u64; self.plan.nodes.len()];
        times[self.plan.roots[root]] = 1;
        // A node's readers come after it, so its own number is final when the walk comes to it.
        for at in (0..times.len()).rev() {
            for input in self.plan.nodes[at].kind.inputs() {
                times[input] = times[input].saturating_add(times[at]);
            }
        }
        times
    }

    /// Returns the number of nodes, those of subqueries aside.
    pub(crate) fn node_count(&self) -> usize {
        self.plan.nodes.len()
    }

    /// Returns in a few words what a node does.
    pub(crate) fn describe(&self, node: NodeId) -> String {
        self.plan.nodes[node].kind.describe()
    }

    /// Returns the rows and values of a root after a run, its names not yet dropped.
    pub(crate) fn root_state(&self, root: usize) -> (&NodeState, &Block) {
        let node = self.plan.roots[root];
        (&self.states[node], &self.memory.blocks[self.registers[node]])
    }
}

/// A series of one of the two stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) written: bool,
    pub(crate) id: SeriesId,
}
