//! A program that runs: a plan, the rows its nodes have so far, and the blocks they write to.

use std::sync::Arc;

use crate::labels::LabelSet;
use crate::store::{Reach, SelectorId, SeriesId, Store};
use crate::time::{Millis, Timestamp};

use super::ast::{AggregateOp, Expr};
use super::block::{self, Block};
use super::eval;
use super::parse::Problem;
use super::plan::{Fixed, Kind, LowerOptions, NodeId, Operand, Plan, RootId, Select, WindowInput};
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
    plan: Arc<Plan>,
    inner: Vec<Program>,
    /// Whether it is the program of a subquery.
    within: bool,
    /// Whether its results are wanted in order.
    ordered: bool,
    states: Vec<NodeState>,
    /// By node: the block it writes to.
    registers: Arc<[usize]>,
    memory: Memory,
}

/// The blocks and buffers of a run. What they hold has no meaning after it, the values of invariant nodes aside, so
/// that programs of one plan can lend them to each other.
pub(crate) struct Memory {
    blocks: Vec<Block>,
    scratch: eval::Scratch,
    /// Reused for the labels of one row each of a scalar root.
    no_labels: [LabelSet; 1],
    faults: Vec<Fault>,
    evals: Vec<Timestamp>,
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

    /// Registers the selectors of all nodes with the stores, and lays out the blocks.
    pub(crate) fn bind(&mut self, recording: &mut Store, written: Option<&mut Store>) {
        self.bind_below(recording, written, Reach::default());
    }

    /// Binds to the series that the stores hold now, registering nothing: for programs that run once.
    pub(crate) fn bind_once(&mut self, inputs: &Inputs<'_>) {
        self.states = self.plan.nodes.iter().map(|_| NodeState::default()).collect();
        for (node, state) in self.plan.nodes.iter().zip(&mut self.states) {
            let matchers = match &node.kind {
                Kind::Select { select, .. } | Kind::Window { input: WindowInput::Selector(select), .. } => {
                    &select.matchers
                }
                _ => continue,
            };
            let recorded = inputs.recording.matching(matchers).into_iter().map(|id| Source { written: false, id });
            state.found.extend(recorded);
            if let Some(written) = inputs.written {
                state.found.extend(written.store.matching(matchers).into_iter().map(|id| Source { written: true, id }));
            }
        }
        for inner in &mut self.inner {
            inner.bind_once(inputs);
        }
        self.lay_out();
    }

    /// Binds with what the subqueries around this program add to the reach of its selectors.
    fn bind_below(&mut self, recording: &mut Store, mut written: Option<&mut Store>, around: Reach) {
        self.states = self.plan.nodes.iter().map(|_| NodeState::default()).collect();
        for node in 0..self.plan.nodes.len() {
            let below = |reach: Reach| Reach {
                back: Millis(reach.back.0.saturating_add(around.back.0)),
                ahead: Millis(reach.ahead.0.saturating_add(around.ahead.0)),
                pinned: reach.pinned.or(around.pinned),
            };
            match &self.plan.nodes[node].kind {
                Kind::Select { select, .. } => {
                    let reach = below(self.reach_of(node, select, self.plan.options.lookback));
                    self.states[node].selectors = Some(register(select, reach, recording, written.as_deref_mut()));
                }
                Kind::Window { input: WindowInput::Selector(select), range, .. } => {
                    let reach = below(self.reach_of(node, select, *range));
                    self.states[node].selectors = Some(register(select, reach, recording, written.as_deref_mut()));
                }
                Kind::Window { input: WindowInput::Subquery { inner, step, offset, at: pin }, range, .. } => {
                    let reach = below(self.reach_at(node, *pin, *offset, Millis(range.0.saturating_add(step.0))));
                    self.inner[*inner].bind_below(recording, written.as_deref_mut(), reach);
                }
                _ => {}
            }
        }
        self.lay_out();
    }

    /// Asks for the results in order; to be called before the program is bound.
    pub(crate) fn want_order(&mut self) {
        self.ordered = true;
    }

    /// Finds the nodes whose order at each step shows in a result.
    fn find_ordered(&mut self) {
        if self.ordered {
            self.plan.roots.iter().for_each(|root| self.states[*root].ordered = true);
        }
        for at in (0..self.plan.nodes.len()).rev() {
            let kind = &self.plan.nodes[at].kind;
            for input in kind.ordered_inputs(self.states[at].ordered).into_iter().flatten() {
                self.states[input].ordered = true;
            }
        }
    }

    /// Gives every node a block: nodes that are never needed at once share one; invariant ones keep their own.
    fn lay_out(&mut self) {
        self.find_ordered();
        let count = self.plan.nodes.len();
        let mut last_use: Vec<usize> = (0..count).collect();
        for at in 0..count {
            for input in self.plan.nodes[at].kind.inputs() {
                last_use[input] = at;
            }
        }
        let mut emitted_at = 0;
        for root in &self.plan.roots {
            emitted_at = emitted_at.max(*root);
            last_use[*root] = last_use[*root].max(emitted_at);
        }
        let mut free: Vec<usize> = Vec::new();
        let mut blocks = 0;
        let mut registers = vec![0; count];
        for at in 0..count {
            let own = self.plan.nodes[at].invariant;
            registers[at] = match free.pop_if(|_| !own) {
                Some(register) => register,
                None => {
                    blocks += 1;
                    blocks - 1
                }
            };
            for (node, last) in last_use.iter().enumerate().take(at + 1) {
                if *last == at && !self.plan.nodes[node].invariant {
                    free.push(registers[node]);
                }
            }
        }
        self.registers = registers.into();
        self.memory.blocks = (0..blocks).map(|_| Block::default()).collect();
        if let Some(plan) = Arc::get_mut(&mut self.plan) {
            plan.seal();
        }
    }

    /// Returns how far a node looks that reads a range up to a time.
    fn reach_at(&self, node: NodeId, at: Option<Fixed>, offset: Millis, range: Millis) -> Reach {
        match at {
            Some(Fixed::Time(at)) => {
                // What is not evaluated once for all steps reads it at every step, whatever the distance; the first
                // step of a subquery may come at any time.
                let once = self.plan.nodes[node].invariant && !self.within;
                let back = if once { Millis::ZERO } else { Millis(i64::MAX) };
                Reach { back, ahead: Millis::ZERO, pinned: Some(at.minus(offset)) }
            }
            None | Some(Fixed::Query) => Reach {
                back: Millis(range.0.saturating_add(offset.0).max(0)),
                ahead: Millis(offset.0.saturating_neg().max(0)),
                pinned: None,
            },
        }
    }

    fn reach_of(&self, node: NodeId, select: &Select, range: Millis) -> Reach {
        self.reach_at(node, select.at, select.offset, range)
    }

    /// Returns how far the whole program looks from the time it is evaluated at.
    pub(crate) fn reach(&self) -> Reach {
        let mut reach = Reach::default();
        for (number, node) in self.plan.nodes.iter().enumerate() {
            reach = reach.or(match &node.kind {
                Kind::Select { select, .. } => self.reach_of(number, select, self.plan.options.lookback),
                Kind::Window { input: WindowInput::Selector(select), range, .. } => {
                    self.reach_of(number, select, *range)
                }
                Kind::Window { input: WindowInput::Subquery { inner, step, offset, at }, range, .. } => {
                    let own = self.reach_at(number, *at, *offset, Millis(range.0.saturating_add(step.0)));
                    let inner = self.inner[*inner].reach();
                    Reach {
                        back: Millis(own.back.0.saturating_add(inner.back.0)),
                        ahead: Millis(own.ahead.0.saturating_add(inner.ahead.0)),
                        pinned: own.pinned.max(inner.pinned),
                    }
                }
                _ => Reach::default(),
            });
        }
        reach
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

    /// Returns the least distance from a slot back to what any selector that may read written series reads, offsets
    /// summed up along subqueries. Negative when one looks ahead.
    pub(crate) fn least_offset(&self) -> Millis {
        let fixed = |at: Option<Fixed>| at.is_some();
        let mut least = Millis(i64::MAX);
        for node in &self.plan.nodes {
            least = least.min(match &node.kind {
                Kind::Select { select, .. } | Kind::Window { input: WindowInput::Selector(select), .. } => {
                    if fixed(select.at) { Millis(i64::MIN) } else { select.offset }
                }
                Kind::Window { input: WindowInput::Subquery { inner, offset, at, .. }, .. } => {
                    let inner = self.inner[*inner].least_offset();
                    if fixed(*at) { Millis(i64::MIN) } else { Millis(inner.0.saturating_add(offset.0)) }
                }
                _ => continue,
            });
        }
        least
    }

    /// Tells whether the program reads the time of the query, so that its values differ between the queries it is part
    /// of.
    pub(crate) fn reads_query_time(&self) -> bool {
        let inner = self.inner.iter().any(Self::reads_query_time);
        inner
            || self.plan.nodes.iter().any(|node| match &node.kind {
                Kind::QueryTime => true,
                Kind::Select { select, .. } | Kind::Window { input: WindowInput::Selector(select), .. } => {
                    select.at == Some(Fixed::Query)
                }
                Kind::Window { input: WindowInput::Subquery { at, .. }, .. } => *at == Some(Fixed::Query),
                _ => false,
            })
    }

    /// Returns by node how often an evaluator that shares nothing would evaluate it for one root.
    pub(crate) fn multiplicity(&self, root: usize) -> Vec<u64> {
        let mut times = vec![0_u64; self.plan.nodes.len()];
        times[self.plan.roots[root]] = 1;
        for at in (0..times.len()).rev().filter(|at| times[*at] > 0).collect::<Vec<_>>() {
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

fn register(
    select: &Select,
    reach: Reach,
    recording: &mut Store,
    written: Option<&mut Store>,
) -> (SelectorId, Option<SelectorId>) {
    (recording.select(&select.matchers, reach), written.map(|written| written.select(&select.matchers, reach)))
}

/// A series of one of the two stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) written: bool,
    pub(crate) id: SeriesId,
}

impl Kind {
    /// Returns the inputs whose order at each step matters to this node: `ordered` where its own order does.
    fn ordered_inputs(&self, ordered: bool) -> [Option<NodeId>; 2] {
        let own = |input: &NodeId| ordered.then_some(*input);
        match self {
            Self::Aggregate { op: AggregateOp::Count | AggregateOp::Group | AggregateOp::Quantile, input, .. } => {
                [own(input), None]
            }
            // What folds depends on the order, in its last bits or in the sign of a zero.
            Self::Aggregate { input, .. } | Self::TopK { input, .. } => [Some(*input), None],
            // The words of a fault name the first two duplicates of the one side.
            Self::VectorBinary(binary) => [own(&binary.many_node), Some(binary.one_node)],
            Self::Set { lhs, rhs, .. } => [own(lhs), own(rhs)],
            Self::Map { input, .. }
            | Self::Relabel { input, .. }
            | Self::Sort { input, .. }
            | Self::CountValues { input, .. }
            | Self::Buckets { input, .. } => [own(input), None],
            _ => [None, None],
        }
    }

    /// Walks over the nodes that this one reads, in the order they are evaluated.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = NodeId> + use<> {
        use super::plan::Elementwise;
        let operand = |operand: &Operand| match operand {
            Operand::Const(_) => None,
            Operand::Node(node) => Some(*node),
        };
        let three: [Option<NodeId>; 3] = match self {
            Self::Const(_) | Self::Time | Self::QueryTime | Self::Select { .. } => [None; 3],
            Self::Window { params, .. } => [operand(&params[0]), operand(&params[1]), None],
            Self::Map { op, input } => match op {
                Elementwise::Clamp(a, b) => [Some(*input), operand(a), operand(b)],
                Elementwise::ClampMin(a) | Elementwise::ClampMax(a) | Elementwise::Round(a) => {
                    [Some(*input), operand(a), None]
                }
                Elementwise::Arithmetic { scalar, .. } | Elementwise::Compare { scalar, .. } => {
                    [Some(*input), operand(scalar), None]
                }
                Elementwise::Maths(_) | Elementwise::Date(_) | Elementwise::EvalTime | Elementwise::Same => {
                    [Some(*input), None, None]
                }
            },
            Self::ScalarBinary { lhs, rhs, .. } | Self::Extreme { lhs, rhs, .. } => [operand(lhs), operand(rhs), None],
            Self::VectorBinary(binary) => [Some(binary.many_node), Some(binary.one_node), None],
            Self::Set { lhs, rhs, .. } => [Some(*lhs), Some(*rhs), None],
            Self::Aggregate { param, input, .. } => [operand(param), Some(*input), None],
            Self::TopK { k, input, .. } => [operand(k), Some(*input), None],
            Self::CountValues { input, .. }
            | Self::Absent { input, .. }
            | Self::Scalar(input)
            | Self::Relabel { input, .. }
            | Self::Sort { input, .. } => [Some(*input), None, None],
            Self::Vector(scalar) => [operand(scalar), None, None],
            Self::Buckets { function, input } => {
                let [first, second] = function.operands();
                [first.as_ref().and_then(operand), second.as_ref().and_then(operand), Some(*input)]
            }
        };
        three.into_iter().flatten()
    }
}
