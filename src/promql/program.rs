//! A program that runs: a plan, the rows its nodes have so far, and the blocks they write to.

use std::sync::Arc;

use crate::labels::LabelSet;
use crate::source::Span;
use crate::store::{Hidden, SeriesId, Store};
use crate::time::{Millis, Timestamp};

use super::ast::Expr;
use super::block::{self, Block};
use super::eval;
use super::lags::Lags;
use super::parse::Problem;
use super::plan::{Kind, LowerOptions, NodeId, Place, Plan, PlannedRoot, RootId, Select, WindowInput};
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
    pub(crate) lags: &'a Lags,
    /// The metrics that are read here and not in the recording.
    pub(crate) hidden: &'a Hidden,
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
    /// The part of the expression that failed, where it is known: nodes leave it to who collects their faults.
    pub(crate) span: Option<Span>,
}

/// Takes what a run evaluates.
pub(crate) trait Sink {
    /// Tells whether a root is to be told of that has neither a sample nor a fault.
    fn wants_empty(&self, _id: RootId) -> bool {
        true
    }

    /// Tells whether a vector that roots compare is to be told of by itself.
    fn wants_compared(&self, _number: u32) -> bool {
        false
    }

    /// Takes a vector that roots compare, before any of them.
    fn compared(&mut self, _number: u32, _root: Root<'_>) {}

    /// Takes a root, and the vector that it compares if that was named. Roots come in the order they were added.
    fn root(&mut self, id: RootId, root: Root<'_>, compared: Option<Root<'_>>);
}

impl<F: FnMut(RootId, Root<'_>)> Sink for F {
    fn root(&mut self, id: RootId, root: Root<'_>, _compared: Option<Root<'_>>) {
        self(id, root);
    }
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

impl Inputs<'_> {
    /// Returns how many series there are, recorded and written.
    pub(super) fn series(&self) -> [usize; 2] {
        match &self.only {
            Some(only) => [only.recorded.len(), only.written.len()],
            None => [self.recording.len(), self.written.map_or(0, |written| written.store.len())],
        }
    }

    /// Tells whether there are fewer series than there were: stores only grow, so these are others.
    pub(super) fn lost_any(&self, met: [usize; 2]) -> bool {
        self.series().iter().zip(met).any(|(now, then)| *now < then)
    }
}

/// What is known while the nodes of a run are evaluated one after the other.
struct Running {
    /// Whether a node may have rows to find.
    fresh: bool,
    /// Whether a node had a step that failed.
    failing: bool,
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
    /// How many series there were when rows were last found for all of them.
    bound: Option<[usize; 2]>,
    /// How many series there were when a program that registers no selectors looked for them last.
    pub(super) met: Option<[usize; 2]>,
    /// How many rows the largest node has.
    widest: usize,
    /// How far back it looks; known once it is bound.
    pub(super) back: Millis,
    /// Made with the first run; programs of one plan can lend it to each other.
    memory: Option<Box<Memory>>,
}

/// The blocks and buffers of a run. What they hold has no meaning after it, the values of invariant nodes aside.
struct Memory {
    #[expect(clippy::vec_box, reason = "a block changes places with the spare one by its pointer")]
    blocks: Vec<Box<Block>>,
    /// Changes places with the block of the node at hand while that is written.
    spare: Box<Block>,
    scratch: eval::Scratch,
    /// The labels of a scalar root.
    no_labels: [LabelSet; 1],
    evals: Vec<Timestamp>,
}

impl Memory {
    fn of(plan: &Plan) -> Box<Self> {
        Box::new(Self {
            blocks: (0..plan.registers).map(|_| Box::default()).collect(),
            spare: Box::default(),
            scratch: eval::Scratch::default(),
            no_labels: [LabelSet::empty()],
            evals: Vec::new(),
        })
    }

    fn block(&self, place: Place) -> &Block {
        &self.blocks[place.register as usize]
    }
}

impl Program {
    pub(crate) fn new(options: LowerOptions) -> Self {
        Self::of(Plan::new(options), false)
    }

    /// Makes a program of a plan; `within`: it is that of a subquery.
    pub(super) fn of(mut plan: Plan, within: bool) -> Self {
        let inner = std::mem::take(&mut plan.inner).into_iter().map(|plan| Self::of(plan, true)).collect();
        Self {
            plan: Arc::new(plan),
            inner,
            within,
            ordered: false,
            states: Vec::new(),
            bound: None,
            met: None,
            widest: 0,
            back: Millis::ZERO,
            memory: None,
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
            inner: self.inner.iter().map(Self::fork).collect(),
            within: self.within,
            ordered: self.ordered,
            states: self
                .states
                .iter()
                .map(|state| NodeState { ordered: state.ordered, ..NodeState::default() })
                .collect(),
            bound: None,
            met: None,
            widest: 0,
            back: self.back,
            memory: None,
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
        self.states.iter_mut().for_each(|state| state.evaluated = false);
        self.memory = lender.memory.take();
        self.run_probed(inputs, steps, probe, sink);
        lender.memory = self.memory.take();
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
        self.with_plan(|plan| plan.add(expr))
    }

    /// Names a part of the root that was added last as the vector that it compares, and returns its number.
    ///
    /// # Errors
    /// As [`Program::add`]; never for a part of that root.
    pub(crate) fn compare(&mut self, part: &Expr) -> Result<u32, Vec<Problem>> {
        self.with_plan(|plan| plan.compare(part))
    }

    /// Changes the plan of a program that is not bound yet.
    fn with_plan<T>(&mut self, change: impl FnOnce(&mut Plan) -> T) -> T {
        let plan = Arc::make_mut(&mut self.plan);
        plan.inner = std::mem::take(&mut self.inner).into_iter().map(Self::into_plan).collect();
        let changed = change(plan);
        self.inner = std::mem::take(&mut plan.inner).into_iter().map(|plan| Self::of(plan, true)).collect();
        changed
    }

    /// Returns how many steps one run should have at most, for steps this far apart: some millions of values, and a
    /// multiple of the longest window where that is long, since each run begins its windows anew.
    pub(crate) fn block_steps(&self, interval: Millis) -> usize {
        let window = usize::try_from(self.back.0 / interval.0.max(1)).unwrap_or(usize::MAX);
        let wanted = if window > 512 { window.saturating_mul(4).min(16_384) } else { 1024 };
        wanted.min((4 << 20) / self.widest.max(1)).max(16)
    }

    /// Evaluates all roots at all steps and hands each to `sink`, in the order they were added.
    pub(crate) fn run(&mut self, inputs: &Inputs<'_>, steps: &Steps<'_>, sink: &mut dyn Sink) {
        self.run_probed(inputs, steps, &mut Unheard, sink);
    }

    /// Evaluates as [`Program::run`] does, while a probe hears of it.
    pub(crate) fn run_probed<P: Probe>(
        &mut self,
        inputs: &Inputs<'_>,
        steps: &Steps<'_>,
        probe: &mut P,
        sink: &mut dyn Sink,
    ) {
        let mut evals = self.memory.as_mut().map(|memory| std::mem::take(&mut memory.evals)).unwrap_or_default();
        evals.clear();
        evals.extend(steps.slots.iter().map(|slot| slot.minus(steps.offset)));
        self.run_frame(&Frame { inputs: *inputs, evals: &evals, slots: steps.slots, query: None }, probe, sink);
        if let Some(memory) = &mut self.memory {
            memory.evals = evals;
        }
    }

    /// Adds the rows that series which appeared since the last run bring, and returns how many the largest node has.
    pub(crate) fn rows(&mut self, inputs: &Inputs<'_>) -> usize {
        for node in self.plan.nodes.iter().filter(|node| !node.place.shares) {
            let (states, rest) = self.states.split_at_mut(node.place.state as usize);
            if let Some(state) = rest.first_mut() {
                state.bind(node, &self.plan, states, inputs);
            }
        }
        self.measure();
        self.widest
    }

    fn measure(&mut self) {
        self.widest = self.states.iter().map(|state| state.labels.len()).max().unwrap_or(0);
    }

    /// Evaluates all roots for a frame.
    pub(crate) fn run_frame<P: Probe>(&mut self, frame: &Frame<'_>, probe: &mut P, sink: &mut dyn Sink) {
        let mut memory = self.memory.take().unwrap_or_else(|| Memory::of(&self.plan));
        let (series, steps) = (frame.inputs.series(), frame.evals.len());
        let mut run = Running { fresh: self.bound != Some(series), failing: false };
        let mut next_root = 0;
        for at in 0..self.plan.nodes.len() {
            self.evaluate(at, &mut memory, frame, &mut run, probe);
            self.emit_compared(at, &memory, steps, sink);
            while self.plan.roots.get(next_root).is_some_and(|root| root.node <= at) {
                self.emit(next_root, &memory, steps, sink);
                next_root += 1;
            }
        }
        self.memory = Some(memory);
        self.bound = Some(series);
        if run.fresh {
            self.measure();
        }
    }

    fn evaluate<P: Probe>(
        &mut self,
        at: NodeId,
        memory: &mut Memory,
        frame: &Frame<'_>,
        run: &mut Running,
        probe: &mut P,
    ) {
        let steps = frame.evals.len();
        probe.enter(at);
        let node = &self.plan.nodes[at];
        let register = node.place.register as usize;
        let Memory { blocks, spare, scratch, .. } = memory;
        // A node reads only blocks that others wrote.
        std::mem::swap(spare, &mut blocks[register]);
        if node.place.shares {
            let view = eval::View { plan: &self.plan, states: &self.states, blocks };
            eval::filter(&view, at, steps, spare, scratch, run.failing);
        } else {
            // It knows only the states of those before it.
            let (states, rest) = self.states.split_at_mut(node.place.state as usize);
            let Some(state) = rest.first_mut() else { return };
            if run.fresh {
                state.bind(node, &self.plan, states, &frame.inputs);
            }
            let rows = state.labels.len();
            if node.invariant && state.evaluated {
                // What was computed, a fault too, holds at every step; series that appeared since have nothing in a
                // window of the past.
                spare.grow(rows);
            } else {
                state.faults.clear();
                let view = eval::View { plan: &self.plan, states, blocks };
                let one;
                let frame = if node.invariant {
                    one = Frame { evals: &frame.evals[..1], slots: &frame.slots[..1], ..*frame };
                    &one
                } else {
                    frame
                };
                eval::evaluate(&view, at, state, &mut self.inner, frame, spare, scratch, run.failing, probe);
                state.evaluated = true;
                // Some nodes find rows only now: those after it are to take note.
                run.fresh |= state.labels.len() != rows;
            }
        }
        if node.invariant {
            probe.invariant(at, steps as u64);
        }
        probe.leave();
        run.failing |= block::any(&spare.failed);
        std::mem::swap(spare, &mut blocks[register]);
    }

    /// Hands a vector that roots compare to the sink, if it asks for it.
    fn emit_compared(&self, node: NodeId, memory: &Memory, steps: usize, sink: &mut dyn Sink) {
        if let Some(number) = self.plan.nodes[node].place.compared
            && sink.wants_compared(number)
        {
            self.with_root(node, memory, false, steps, &mut |root| sink.compared(number, root));
        }
    }

    fn emit(&self, root: usize, memory: &Memory, steps: usize, sink: &mut dyn Sink) {
        let PlannedRoot { node, scalar, compared } = self.plan.roots[root];
        let (id, block) = (RootId(root), memory.block(self.plan.nodes[node].place));
        if !block::any(&block.present) && !block::any(&block.failed) && !sink.wants_empty(id) {
            return;
        }
        self.with_root(node, memory, scalar, steps, &mut |root| match compared {
            Some(number) => {
                let node = self.plan.compared[number as usize];
                self.with_root(node, memory, false, steps, &mut |compared| sink.root(id, root, Some(compared)));
            }
            None => sink.root(id, root, None),
        });
    }

    /// Shows what a node evaluated to.
    fn with_root(&self, node: NodeId, memory: &Memory, scalar: bool, steps: usize, show: &mut dyn FnMut(Root<'_>)) {
        let spread;
        let block = memory.block(self.plan.nodes[node].place);
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
            (&memory.no_labels, &[0], block)
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
        });
    }

    /// Returns what a node evaluated to in the latest run.
    fn block(&self, node: NodeId) -> &Block {
        self.memory.as_ref().map_or(&NO_BLOCK, |memory| memory.block(self.plan.nodes[node].place))
    }

    fn state(&self, node: NodeId) -> &NodeState {
        &self.states[self.plan.nodes[node].place.state as usize]
    }

    /// Returns the faults of a root's latest run, one for each failed step.
    pub(crate) fn faults_of(&self, root: usize, steps: usize) -> Vec<Fault> {
        let node = self.plan.roots[root].node;
        let mut faults = Vec::new();
        let failed = &self.block(node).failed;
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

    /// Returns by node how often an evaluator that shares nothing would evaluate it for one root.
    pub(crate) fn multiplicity(&self, root: usize) -> Vec<u64> {
        let mut times = vec![0_u64; self.plan.nodes.len()];
        times[self.plan.roots[root].node] = 1;
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
        let node = self.plan.roots[root].node;
        (self.state(node), self.block(node))
    }
}

/// What there is before the first run.
static NO_BLOCK: Block = Block::EMPTY;

/// A series of one of the two stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) written: bool,
    pub(crate) id: SeriesId,
}
