//! Binding a program to stores: selectors, the order of rows, blocks.

use std::sync::Arc;

use crate::store::{Hidden, Reach, SelectorId, Store};
use crate::time::Millis;

use super::ast::AggregateOp;
use super::plan::{Kind, NodeId, Operand, Select, WindowInput};
use super::program::{Inputs, Program, Source};
use super::roster::{NodeState, Own, Shared, number};
use super::walk::Walk;

impl Program {
    /// Registers the selectors of all nodes with the stores, and lays out the blocks. Hidden metrics are not seen in
    /// the recording.
    pub(crate) fn bind(&mut self, recording: &mut Store, hidden: &Hidden, written: Option<&mut Store>) {
        self.bind_below(&mut Stores { recording, hidden, written }, Reach::default());
    }

    /// Registers the selectors of what stands in a subquery that looks so far, which is evaluated by itself.
    #[cfg(feature = "input")]
    pub(super) fn bind_within(&mut self, recording: &mut Store, around: Reach) {
        self.bind_below(&mut Stores { recording, hidden: &Hidden::default(), written: None }, around);
    }

    /// Binds to the series that the stores hold, registering nothing; called again, to those that came since. Cost: a
    /// walk over the series of each selector's metric name where any came, nothing where none did.
    pub(crate) fn bind_unregistered(&mut self, inputs: &Inputs<'_>) {
        let series = inputs.series();
        let known = self.met.replace(series);
        if known == Some(series) {
            return;
        }
        if known.is_none() {
            self.place_states();
        }
        for node in &self.plan.nodes {
            if let Kind::Select { select, .. } | Kind::Window { input: WindowInput::Selector(select), .. } = &node.kind
                && let Own::Found(found) = &mut self.states[node.place.state as usize].own
            {
                select.find(inputs, known.unwrap_or_default(), &mut found.waiting);
            }
        }
        for inner in &mut self.inner {
            inner.bind_unregistered(inputs);
        }
        if known.is_none() {
            self.lay_out();
        }
    }

    /// Makes ready for evaluations that have nothing in common with earlier ones but the stores: binds to the series
    /// that the stores hold, again where these are not the stores of before, and evaluates again what holds at every
    /// step.
    pub(crate) fn begin_anew(&mut self, inputs: &Inputs<'_>) {
        if self.met.is_some_and(|met| inputs.lost_any(met)) {
            *self = self.fork();
        }
        self.bind_unregistered(inputs);
        self.forget_values();
    }

    fn forget_values(&mut self) {
        for state in &mut self.states {
            state.evaluated = false;
            state.own.met().into_iter().for_each(Vec::clear);
        }
        self.inner.iter_mut().for_each(Self::forget_values);
    }

    /// Binds with what the subqueries around this program add to the reach of its selectors.
    fn bind_below(&mut self, stores: &mut Stores<'_>, around: Reach) {
        self.place_states();
        for node in 0..self.plan.nodes.len() {
            let state = self.plan.nodes[node].place.state as usize;
            let below = |reach: Reach| Reach { pinned: reach.pinned.or(around.pinned), ..reach.within(around) };
            match &self.plan.nodes[node].kind {
                Kind::Select { select, .. } => {
                    let reach = below(self.reach_of(node, select, None));
                    self.states[state].register(stores.register(select, reach));
                }
                Kind::Window { input: WindowInput::Selector(select), range, .. } => {
                    let reach = below(self.reach_of(node, select, Some(*range)));
                    self.states[state].register(stores.register(select, reach));
                }
                Kind::Window { input: WindowInput::Subquery { inner, step, offset, at: pin }, range, .. } => {
                    let reach = below(self.reach_at(
                        node,
                        *pin,
                        *offset,
                        (Millis(range.0.saturating_add(step.0)), Millis::ZERO),
                    ));
                    self.inner[*inner].bind_below(stores, reach);
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

    /// Gives every node a state, or that of the node whose rows it has.
    fn place_states(&mut self) {
        let plan = Arc::make_mut(&mut self.plan);
        // From here on, those of the inner programs are theirs alone.
        plan.inner = Vec::new();
        plan.find_families();
        self.shared.clear();
        self.shared.resize_with(plan.families.len(), Shared::default);
        let nodes = &mut plan.nodes;
        self.states.clear();
        for at in 0..nodes.len() {
            let shared = nodes[at].filtered().map(|input| nodes[input].place.state);
            let place = &mut nodes[at].place;
            (place.state, place.shares) = (shared.unwrap_or(number(self.states.len())), shared.is_some());
            if shared.is_none() {
                self.states.push(NodeState::of(&nodes[at].kind, self.within));
            }
        }
        self.states.shrink_to_fit();
    }

    /// Finds the nodes whose order at each step shows in a result.
    fn find_ordered(&mut self) {
        let nodes = &self.plan.nodes;
        let mut ordered = vec![false; nodes.len()];
        if self.ordered {
            self.plan.roots.iter().for_each(|root| ordered[root.node] = true);
        }
        for at in (0..nodes.len()).rev() {
            for input in nodes[at].kind.ordered_inputs(ordered[at]).into_iter().flatten() {
                ordered[input] = true;
            }
            if !nodes[at].place.shares {
                self.states[nodes[at].place.state as usize].ordered = ordered[at];
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
            emitted_at = emitted_at.max(root.node);
            // What a root compares is looked at next to it.
            let compared = root.compared.map(|number| self.plan.compared[number as usize]);
            for node in [Some(root.node), compared].into_iter().flatten() {
                last_use[node] = last_use[node].max(emitted_at);
            }
        }
        // By node: those that no later one reads.
        let mut ended: Vec<Vec<NodeId>> = vec![Vec::new(); count];
        for (node, last) in last_use.iter().enumerate() {
            if !self.plan.nodes[node].invariant {
                ended[*last].push(node);
            }
        }
        let mut free: Vec<u32> = Vec::new();
        let mut blocks = 0;
        let plan = Arc::make_mut(&mut self.plan);
        for (at, ended) in ended.iter().enumerate() {
            let own = plan.nodes[at].invariant;
            plan.nodes[at].place.register = free.pop_if(|_| !own).unwrap_or_else(|| {
                blocks += 1;
                blocks - 1
            });
            free.extend(ended.iter().map(|node| plan.nodes[*node].place.register));
        }
        plan.registers = blocks;
        plan.walk = Walk::of(plan);
        plan.seal();
        self.back = self.reach().back;
    }
}

/// What a program is bound to.
struct Stores<'a> {
    recording: &'a mut Store,
    hidden: &'a Hidden,
    written: Option<&'a mut Store>,
}

impl Stores<'_> {
    fn register(&mut self, select: &Select, reach: Reach) -> (SelectorId, Option<SelectorId>) {
        let recorded = self.recording.select(&select.matchers, reach, self.hidden);
        let written = self.written.as_mut().map(|store| store.select(&select.matchers, reach, &Hidden::default()));
        (recorded, written)
    }
}

impl Select {
    /// Finds the series that it selects, after those that there were of either store.
    pub(super) fn find(&self, inputs: &Inputs<'_>, known: [usize; 2], found: &mut Vec<Source>) {
        let none = Hidden::default();
        let mut find = |store: &Store, hidden: &Hidden, known: usize, written| {
            let new = store.matching(&self.matchers, hidden).into_iter().filter(|id| id.0 as usize >= known);
            found.extend(new.map(|id| Source { written, id }));
        };
        find(inputs.recording, inputs.written.map_or(&none, |written| written.hidden), known[0], false);
        if let Some(written) = inputs.written {
            find(written.store, &none, known[1], true);
        }
    }
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
            Self::Aggregate { input, .. } | Self::TopK { input, .. } | Self::Limit { ratio: false, input, .. } => {
                [Some(*input), None]
            }
            // The words of a fault name the first two duplicates of the one side.
            Self::VectorBinary(binary) | Self::FilledBinary { binary, .. } => {
                [own(&binary.many_node), Some(binary.one_node)]
            }
            Self::Set { lhs, rhs, .. } => [own(lhs), own(rhs)],
            Self::Map { input, .. }
            | Self::Info { base: input, .. }
            | Self::Relabel { input, .. }
            | Self::Sort { input, .. }
            | Self::CountValues { input, .. }
            | Self::Limit { input, .. }
            | Self::Quantiles { input, .. }
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
                Elementwise::Maths(_)
                | Elementwise::Date(_)
                | Elementwise::Histogram(_)
                | Elementwise::EvalTime
                | Elementwise::Nothing
                | Elementwise::Same => [Some(*input), None, None],
            },
            Self::ScalarBinary { lhs, rhs, .. } | Self::Extreme { lhs, rhs, .. } => [operand(lhs), operand(rhs), None],
            Self::VectorBinary(binary) | Self::FilledBinary { binary, .. } => {
                [Some(binary.many_node), Some(binary.one_node), None]
            }
            Self::Set { lhs, rhs, .. } => [Some(*lhs), Some(*rhs), None],
            Self::Info { base, infos, values, .. } => [Some(*base), Some(*infos), Some(*values)],
            Self::Aggregate { param, input, .. } => [operand(param), Some(*input), None],
            Self::TopK { k: wanted, input, .. } | Self::Limit { wanted, input, .. } => {
                [operand(wanted), Some(*input), None]
            }
            Self::CountValues { input, .. }
            | Self::Absent { input, .. }
            | Self::Scalar(input)
            | Self::Relabel { input, .. }
            | Self::Quantiles { input, .. }
            | Self::Sort { input, .. } => [Some(*input), None, None],
            Self::Vector(scalar) => [operand(scalar), None, None],
            Self::Buckets { function, input } => {
                let [first, second] = function.operands();
                [first.as_ref().and_then(operand), second.as_ref().and_then(operand), Some(*input)]
            }
        };
        let more = match self {
            Self::Quantiles { quantiles, .. } => quantiles.iter().filter_map(operand).collect(),
            _ => Vec::new(),
        };
        three.into_iter().flatten().chain(more)
    }
}
