//! Evaluation of one node at all steps of a run.

mod aggregate;
pub(crate) mod alone;
mod binary;
mod buckets;
mod fill;
mod info;
mod limit;
mod map;
mod native;
mod ranks;
mod repeats;
mod select;
mod sets;
mod shared;
mod smoothed;
mod subquery;
mod tell;
mod topk;
mod window;

use super::annotation::Annotation;
use super::ast::BinaryOp;
use super::block::{self, Block};
use super::histograms::{Histograms, floats};
use super::plan::{Kind, NodeId, Operand, Plan, SortBy, Take};
use super::probe::Probe;
use super::program::{Fault, Frame, Program};
use super::rollup;
use super::roster::{NodeState, Own, Shared, number};
use super::scalar_ops::{arithmetic, compare};

pub(crate) use self::select::cap;
pub(crate) use self::tell::{Uncounted, may_tell};

use crate::labels::LabelSet;
use crate::source::Span;
use crate::time::Timestamp;

/// The words of a step at which two series end up with the same labels.
pub(super) const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

/// What a node may look at while it is evaluated: the nodes before it.
pub(crate) struct View<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) states: &'a [NodeState],
    pub(crate) shared: &'a [Shared],
    pub(crate) blocks: &'a [Box<Block>],
}

/// Buffers that evaluation reuses, so that a warm program allocates nothing.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(super) raw: Block,
    pub(super) wide: [Block; 2],
    /// Of either side of a match: what stands for the samples that are missing.
    pub(super) filled: [Block; 2],
    pub(super) rollup: rollup::Scratch,
    pub(super) refs: Vec<Timestamp>,
    pub(super) caps: Vec<Timestamp>,
    pub(super) bounds: Vec<(u32, u32)>,
    pub(super) times: Vec<Timestamp>,
    pub(super) values: Vec<f64>,
    pub(super) bits: Vec<u64>,
    pub(super) numbers: Vec<f64>,
    pub(super) params: [Vec<f64>; 2],
    pub(super) folds: aggregate::Folds,
    pub(super) pairs: binary::Pairs,
    /// By family of windows.
    pub(super) families: Vec<shared::Rows>,
    /// The number of the run.
    pub(super) run: u64,
    pub(crate) histograms: Histograms,
}

impl Scratch {
    /// Makes the buffers of a plan that is bound.
    pub(crate) fn of(plan: &Plan) -> Self {
        let families = plan.families.iter().map(|_| shared::Rows::default()).collect();
        Self { families, ..Self::default() }
    }

    /// Begins another run.
    pub(crate) fn begin(&mut self) {
        self.run += 1;
    }
}

impl<'a> View<'a> {
    pub(super) fn block(&self, node: NodeId) -> &'a Block {
        &self.blocks[self.plan.nodes[node].place.register as usize]
    }

    pub(super) fn state(&self, node: NodeId) -> &'a NodeState {
        &self.states[self.plan.nodes[node].place.state as usize]
    }

    /// Returns a node's block with as many steps as the run has: a value that holds at every step is repeated.
    #[inline]
    pub(super) fn wide<'b>(&self, node: NodeId, steps: usize, spare: &'b mut Block) -> &'b Block
    where
        'a: 'b,
    {
        let block = self.block(node);
        if block.steps == steps {
            return block;
        }
        broadcast(block, steps, spare);
        spare
    }

    /// Returns a scalar at a step.
    pub(super) fn scalar(&self, operand: Operand, step: usize) -> f64 {
        match operand {
            Operand::Const(value) => value,
            Operand::Node(node) => {
                let block = self.block(node);
                block.values[step.min(block.steps - 1)]
            }
        }
    }

    /// Returns whether all steps, those of subqueries too, are of one evaluation.
    pub(super) fn is_range(&self) -> bool {
        self.plan.options.context.is_range()
    }

    /// Returns whether a scalar is NaN at any of the steps, where these are of one evaluation.
    pub(super) fn is_ever_nan(&self, operand: Operand, steps: usize) -> bool {
        self.is_range() && (0..steps).any(|step| self.scalar(operand, step).is_nan())
    }

    /// Joins the failures of all inputs of a node.
    fn inherit_failures(&self, kind: &Kind, out: &mut Block) {
        for input in kind.inputs() {
            out.fail_with(self.block(input));
        }
    }
}

/// Repeats a block of one step.
pub(crate) fn broadcast(block: &Block, steps: usize, out: &mut Block) {
    out.reset(block.rows, steps);
    for row in 0..block.rows {
        if block::has(block.bits(row), 0) {
            let value = block.row(row)[0];
            let (values, bits) = out.row_mut(row);
            values.fill(value);
            block::fill(bits, steps);
        }
    }
    out.mixed = block.mixed;
    out.ranks.extend(block.ranks.iter().flat_map(|rank| std::iter::repeat_n(*rank, steps)));
    out.fail_with(block);
}

/// Notes that a step failed; the first fault of a step counts.
pub(super) fn fault(faults: &mut Vec<Fault>, out: &mut Block, step: usize, message: impl FnOnce() -> String) {
    fault_of(faults, out, step, || (message(), None));
}

/// Notes that a step failed and, where another part than the node at hand did, which.
pub(super) fn fault_of(
    faults: &mut Vec<Fault>,
    out: &mut Block,
    step: usize,
    words: impl FnOnce() -> (String, Option<Span>),
) {
    if !block::has(&out.failed, step) {
        block::set(&mut out.failed, step);
        let (message, span) = words();
        faults.push(Fault { step: number(step), message, span });
    }
}

/// Returns what an operator gives for two scalars; a comparison gives 0 or 1.
pub(crate) fn scalar_binary(op: BinaryOp, lhs: f64, rhs: f64) -> f64 {
    if op.is_comparison() { f64::from(u8::from(compare(op, lhs, rhs))) } else { arithmetic(op, lhs, rhs) }
}

/// Evaluates a node that has the rows of its input, and returns what it has to tell at which steps. `failing`: whether any
/// step of any node before it failed.
pub(crate) fn filter(
    view: &View<'_>,
    at: NodeId,
    steps: usize,
    out: &mut Block,
    scratch: &mut Scratch,
    failing: bool,
) -> Option<(Annotation, Vec<u64>)> {
    let node = &view.plan.nodes[at];
    let Kind::Map { op, input } = &node.kind else { return None };
    let comparison = map::Comparison::of_filter(op)?;
    let input = view.wide(*input, steps, &mut scratch.wide[0]);
    map::filter(view, comparison, input, out);
    let note = native::drop_compared(op, input, out);
    out.ranks.extend_from_slice(&input.ranks);
    if failing {
        view.inherit_failures(&node.kind, out);
    }
    note
}

/// Evaluates one node into `out`. `failing`: whether any step of any node before it failed.
#[expect(clippy::too_many_arguments, reason = "one call site; the parts have nothing else in common")]
pub(crate) fn evaluate<P: Probe>(
    view: &View<'_>,
    at: NodeId,
    state: &mut NodeState,
    inner: &mut [Program],
    frame: &Frame<'_>,
    out: &mut Block,
    scratch: &mut Scratch,
    failing: bool,
    probe: &mut P,
) {
    let steps = frame.evals.len();
    let node = &view.plan.nodes[at];
    match &node.kind {
        Kind::Const(value) => scalar_row(out, steps, |_| value.0),
        Kind::Time => scalar_row(out, steps, |step| frame.evals[step].seconds()),
        Kind::QueryTime => scalar_row(out, steps, |step| frame.query.unwrap_or(frame.evals[step]).seconds()),
        Kind::ScalarBinary { op, lhs, rhs } => {
            scalar_row(out, steps, |step| scalar_binary(*op, view.scalar(*lhs, step), view.scalar(*rhs, step)));
        }
        Kind::Extreme { max, lhs, rhs } => scalar_row(out, steps, |step| {
            let (a, b) = (view.scalar(*lhs, step), view.scalar(*rhs, step));
            if *max { super::maths::max(a, b) } else { super::maths::min(a, b) }
        }),
        Kind::Vector(scalar) => scalar_row(out, steps, |step| view.scalar(*scalar, step)),
        Kind::Scalar(input) => {
            let input = floats(view.wide(*input, steps, &mut scratch.wide[0]), &mut scratch.raw);
            scalar_row(out, steps, |step| only_value(input, step));
        }
        Kind::Absent { input, .. } => {
            let input = view.wide(*input, steps, &mut scratch.wide[0]);
            input.any(&mut scratch.bits);
            out.reset(1, steps);
            let (values, bits) = out.row_mut(0);
            values.fill(1.0);
            block::fill(bits, steps);
            for (word, any) in bits.iter_mut().zip(&scratch.bits) {
                *word &= !any;
            }
        }
        Kind::Select { select, take } => {
            let Own::Found(found) = &state.own else { return };
            select::evaluate(view, &found.sources, select, *take, frame, out, scratch);
            if frame.inputs.has_histograms() && *take == Take::Value {
                let histograms = &mut scratch.histograms;
                if select.edges.is_some() {
                    let of = (found.sources.as_slice(), select, view.plan.options.lookback);
                    native::smoothed_series(of, frame, (histograms, &mut state.notes), out);
                } else {
                    native::selected(&found.sources, select, frame, histograms, out);
                }
            }
            if P::COUNTS {
                for (row, source) in found.sources.iter().enumerate() {
                    probe.series(*source, block::ones(out.bits(row)).map(|step| (step, 1)));
                }
            }
        }
        Kind::Window { input, function, range, params } => {
            window::evaluate(
                view,
                state,
                inner,
                &window::Window { node: at, input, function: *function, range: *range, params },
                frame,
                out,
                scratch,
                probe,
            );
        }
        Kind::Map { op, input } => map::evaluate(view, state, op, *input, frame, out, scratch),
        Kind::Sort { input, by: SortBy::Value { .. } } => {
            let input = floats(view.wide(*input, steps, &mut scratch.wide[0]), &mut scratch.raw);
            copy_rows(state, input, out);
        }
        Kind::Relabel { input, .. } | Kind::Sort { input, .. } => {
            let input = view.wide(*input, steps, &mut scratch.wide[0]);
            copy_rows(state, input, out);
        }
        Kind::Info { join, base, infos, values } => {
            info::evaluate(view, state, join, [*base, *infos, *values], steps, out, scratch);
        }
        Kind::VectorBinary(op) => binary::evaluate(view, state, op, steps, out, scratch),
        Kind::FilledBinary { binary, fill } => fill::evaluate(view, state, binary, *fill, steps, out, scratch),
        Kind::Set { op, lhs, rhs, .. } => sets::evaluate(view, state, *op, (*lhs, *rhs), steps, out, scratch),
        Kind::Aggregate { op, param, input, .. } => {
            aggregate::evaluate(view, state, *op, (*param, *input), steps, out, scratch);
        }
        Kind::CountValues { label, input, .. } => {
            topk::count_values(view, state, label.as_deref(), *input, steps, out, scratch);
        }
        Kind::TopK { bottom, k, input, .. } => topk::evaluate(view, state, *bottom, (*k, *input), steps, out, scratch),
        Kind::Limit { ratio, wanted, input, .. } => {
            limit::evaluate(view, state, *ratio, (*wanted, *input), steps, out, scratch);
        }
        Kind::Quantiles { label, quantiles, input } => {
            buckets::quantiles(view, state, label, (quantiles, *input), frame.evals, out, scratch);
        }
        Kind::Buckets { function, input } => {
            buckets::evaluate(view, state, (*function, *input), frame.evals, out, scratch)
        }
    }
    // These copy values, whatever they stand for.
    if let Kind::Relabel { .. } | Kind::Sort { by: SortBy::Labels { .. }, .. } | Kind::Set { .. } | Kind::Limit { .. } =
        &node.kind
    {
        out.mixed = node.kind.inputs().any(|input| view.block(input).mixed);
    }
    tell::node(view, at, &mut state.notes, frame);
    if failing {
        view.inherit_failures(&node.kind, out);
    }
    if state.ordered {
        ranks::assign(view, at, state, &scratch.raw, &mut scratch.wide, out);
    }
}

fn scalar_row(out: &mut Block, steps: usize, value: impl Fn(usize) -> f64) {
    out.reset(1, steps);
    let (values, bits) = out.row_mut(0);
    for (step, out) in values.iter_mut().enumerate() {
        *out = value(step);
    }
    block::fill(bits, steps);
}

/// Returns the value of the only row that is present at a step, or NaN.
fn only_value(block: &Block, step: usize) -> f64 {
    let mut found = None;
    for row in 0..block.rows {
        if let Some(value) = block.get(row, step) {
            if found.is_some() {
                return f64::NAN;
            }
            found = Some(value);
        }
    }
    found.unwrap_or(f64::NAN)
}

/// Copies input rows to the rows they go to; two present at one step are a fault.
pub(super) fn copy_rows(state: &mut NodeState, input: &Block, out: &mut Block) {
    out.reset(state.labels.len(), input.steps);
    out.mixed = input.mixed;
    if !state.merged {
        out.values.copy_from_slice(&input.values[..input.rows * input.steps]);
        out.present.copy_from_slice(&input.present[..input.rows * input.words]);
        return;
    }
    for row in 0..input.rows {
        let target = state.map[row] as usize;
        for step in block::ones(input.bits(row)) {
            if block::has(out.bits(target), step) {
                fault(&mut state.faults, out, step, || SAME_LABELS.to_owned());
            }
            out.set(target, step, input.row(row)[step]);
        }
    }
}

/// A root whose names were dropped at the end.
pub(crate) struct Finished {
    pub(crate) labels: Vec<LabelSet>,
    pub(crate) order: Vec<u32>,
    pub(crate) block: Block,
}

/// Drops the names that functions marked for dropping (delayed name removal).
pub(crate) fn drop_names(state: &NodeState, block: &Block, faults: &mut Vec<Fault>) -> Finished {
    let mut merged = NodeState::default();
    for (labels, drops) in state.labels.iter().zip(&state.drops) {
        merged.add_mapped(labels, false, *drops, false);
    }
    merged.order_by(&state.order);
    let mut out = Block::default();
    copy_rows(&mut merged, block, &mut out);
    if !block.ranks.is_empty() {
        ranks::follow(block, &merged.map, &mut out);
    } else if merged.merged {
        // The place of a row is that of the series that is there.
        out.begin_ranks();
        for (place, row) in (0..).zip(&state.order) {
            for step in block::ones(block.bits(*row as usize)) {
                out.rank_up(merged.map[*row as usize] as usize, step, place);
            }
        }
    }
    out.mixed = block.mixed;
    block::or_into(&mut out.failed, &block.failed);
    faults.append(&mut merged.faults);
    faults.sort_by_key(|fault| fault.step);
    faults.dedup_by_key(|fault| fault.step);
    Finished { labels: merged.labels, order: merged.order, block: out }
}
