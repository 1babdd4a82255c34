//! A program that runs: a plan, the rows its nodes have so far, and the blocks they write to.

mod inputs;
mod memory;
mod notes;
mod once;
mod outputs;
mod run;
mod show;
mod work;

use std::sync::Arc;

use crate::store::{SeriesId, Store};
use crate::time::Millis;

use super::ast::Expr;
use super::block::Block;
use super::parse::Problem;
use super::plan::{Kind, LowerOptions, Node, NodeId, Plan, RootId, Select, WindowInput};
use super::roster::{NodeState, Shared};

use self::memory::Memory;
use self::once::Once;

pub(crate) use self::inputs::{Frame, Inputs, Only, Source, Steps, Written};
pub(crate) use self::notes::{Notes, Place, Told};
pub(crate) use self::outputs::{Fault, Root, Sink};

/// Below so many rows it does not matter how many of them are over.
const FEW: usize = 512;

/// A plan, bound to stores, with the state it keeps between runs: rows, and values that are the same at every step.
pub(crate) struct Program {
    pub(super) plan: Arc<Plan>,
    pub(super) inner: Vec<Program>,
    /// Whether it is the program of a subquery.
    pub(super) within: bool,
    /// Whether its results are wanted in order.
    pub(super) ordered: bool,
    pub(super) states: Vec<NodeState>,
    /// By family of windows: the series that its nodes have.
    pub(super) shared: Vec<Shared>,
    /// What [`Inputs::offers`] were when rows were last found for all series.
    bound: Option<[usize; 2]>,
    /// How many series there were when a program that registers no selectors looked for them last.
    pub(super) met: Option<[usize; 2]>,
    /// How many rows the largest node has.
    widest: usize,
    /// How far back it looks; known once it is bound.
    pub(super) back: Millis,
    /// Made with the first run; programs of one plan can lend it to each other.
    memory: Option<Box<Memory>>,
    /// How one step is evaluated; found with the first run of one step after rows were found.
    once: Option<Box<Once>>,
}

impl Program {
    pub(crate) fn new(options: LowerOptions) -> Self {
        Self::of(Arc::new(Plan::new(options)), false)
    }

    /// Makes a program of a plan; `within`: it is that of a subquery.
    pub(super) fn of(plan: Arc<Plan>, within: bool) -> Self {
        Self {
            inner: inner_of(&plan.inner),
            plan,
            within,
            ordered: false,
            states: Vec::new(),
            shared: Vec::new(),
            bound: None,
            met: None,
            widest: 0,
            back: Millis::ZERO,
            memory: None,
            once: None,
        }
    }

    /// Returns a program of the same plan that is bound to nothing yet, for other series than this one.
    pub(crate) fn fork(&self) -> Self {
        Self {
            plan: Arc::clone(&self.plan),
            inner: self.inner.iter().map(Self::fork).collect(),
            within: self.within,
            ordered: self.ordered,
            states: self.states.iter().map(NodeState::anew).collect(),
            shared: self.shared.iter().map(|_| Shared::default()).collect(),
            bound: None,
            met: None,
            widest: 0,
            back: self.back,
            memory: None,
            once: None,
        }
    }

    /// Forgets all rows, as though it had never run: it finds those of the series that its selectors list now. What a fixed
    /// `@` read is lost.
    pub(crate) fn forget_rows(&mut self) {
        self.states.iter_mut().for_each(NodeState::forget_rows);
        self.shared.iter_mut().for_each(|shared| *shared = Shared::default());
        self.inner.iter_mut().for_each(Self::forget_rows);
        (self.bound, self.widest, self.memory) = (None, 0, None);
    }

    /// Returns how many rows the largest node has.
    #[cfg(test)]
    pub(crate) fn widest(&self) -> usize {
        self.widest
    }

    /// Returns whether nothing can come of the program where its selectors find no series.
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

    /// Returns whether any selector finds one of the only series there are.
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
        let changed = change(plan);
        self.inner.extend(inner_of(&plan.inner[self.inner.len()..]));
        changed
    }

    /// Returns how many steps one run should have at most, for steps this far apart: some millions of values, and a
    /// multiple of the longest window where that is long, since each run begins its windows again.
    pub(crate) fn block_steps(&self, interval: Millis) -> usize {
        let window = usize::try_from(self.back.0 / interval.0.max(1)).unwrap_or(usize::MAX);
        let wanted = if window > 512 { window.saturating_mul(4).min(16_384) } else { 1024 };
        wanted.min((4 << 20) / self.widest.max(1)).max(16)
    }

    /// Adds the rows that series which appeared since the last run bring, and returns how many the largest node has.
    pub(crate) fn rows(&mut self, inputs: &Inputs<'_>) -> usize {
        for node in self.plan.nodes.iter().filter(|node| !node.place.shares) {
            let (states, rest) = self.states.split_at_mut(node.place.state as usize);
            if let Some(state) = rest.first_mut() {
                state.bind(node, &self.plan, states, &mut self.shared, inputs);
            }
        }
        self.measure();
        self.widest
    }

    fn measure(&mut self) {
        let rows = self.states.iter().map(|state| state.labels.len());
        let kept = self.plan.families.iter().zip(&self.shared).map(|(folded, all)| folded.outputs() * all.count());
        self.widest = rows.chain(kept).max().unwrap_or(0);
    }

    /// Returns whether series of a function over ranges share rows: then two of one label set may be at different steps.
    pub(super) fn may_repeat(&self) -> bool {
        let shares =
            |node: &Node| matches!(node.kind, Kind::Window { .. }) && self.states[node.place.state as usize].merged;
        !self.plan.options.delayed_names && self.plan.nodes.iter().any(shares)
            || self.inner.iter().any(Self::may_repeat)
    }

    /// Returns whether values make rows, too, besides series.
    pub(crate) fn has_late_rows(&self) -> bool {
        self.plan.walk.finds_late
    }

    /// Returns whether most rows of a node are over although its input goes on: `count_values` has a row for each value that
    /// ever was. Those of subqueries are not looked at. Cost: a look at each node, where the values of any make rows.
    pub(crate) fn is_worn(&self) -> bool {
        let is_worn = |node: &Node| match node.kind {
            Kind::CountValues { input, .. } | Kind::Quantiles { input, .. } | Kind::Info { base: input, .. } => {
                let (rows, most) =
                    (self.states[node.place.state as usize].labels.len(), self.state(input).labels.len());
                rows > FEW + 4 * most
            }
            _ => false,
        };
        self.has_late_rows() && self.plan.nodes.iter().any(is_worn)
    }

    fn state(&self, node: NodeId) -> &NodeState {
        &self.states[self.plan.nodes[node].place.state as usize]
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

/// Makes the programs of subqueries.
fn inner_of(plans: &[Arc<Plan>]) -> Vec<Program> {
    plans.iter().map(|plan| Program::of(Arc::clone(plan), true)).collect()
}
