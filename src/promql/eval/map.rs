//! Elementwise operations on one vector.

use super::super::ast::BinaryOp;
use super::super::block::{self, Block};
use super::super::maths;
use super::super::plan::{Elementwise, NodeId, Operand};
use super::super::program::Frame;
use super::super::registers::Registers;
use super::super::roster::NodeState;
use super::super::scalar_ops::{arithmetic, compare, mirrored};
use super::{Scratch, View, copy_rows, native};

/// Applies an operation to every value. Cost: one pass over the values.
pub(super) fn evaluate(
    view: &View<'_>,
    state: &mut NodeState,
    op: &Elementwise,
    input: NodeId,
    frame: &Frame<'_>,
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let steps = frame.evals.len();
    let Scratch { wide: [spare, _], raw, histograms, .. } = scratch;
    let order = &view.state(input).order;
    let input = view.wide(input, steps, spare);
    let to = if state.merged { &mut *raw } else { &mut *out };
    apply(view, op, input, frame, to);
    if native::concerns(op, input) {
        native::map((view, op), (order, input), (&mut state.notes, histograms), to);
    }
    if state.merged {
        copy_rows(state, raw, out);
    }
}

fn apply(view: &View<'_>, op: &Elementwise, input: &Block, frame: &Frame<'_>, out: &mut Block) {
    let steps = input.steps;
    if let Some(comparison) = Comparison::of_filter(op) {
        return filter(view, comparison, input, out);
    }
    out.reset(input.rows, steps);
    out.present.copy_from_slice(&input.present[..input.rows * input.words]);
    out.values.copy_from_slice(&input.values[..input.rows * steps]);
    match op {
        Elementwise::Maths(function) => maths::apply(*function, &mut out.values),
        Elementwise::Date(function) => out.values.iter_mut().for_each(|value| *value = function.apply(*value)),
        Elementwise::Same => {}
        Elementwise::Compare { op, scalar, swap, .. } => {
            let comparison = Comparison { op: *op, scalar: *scalar, swap: *swap };
            each(out, |value, step| f64::from(u8::from(comparison.holds(view, value, step))));
        }
        Elementwise::EvalTime => each(out, |_, step| frame.evals[step].seconds()),
        Elementwise::Histogram(_) | Elementwise::Nothing => out.present.fill(0),
        Elementwise::Arithmetic { op, scalar: Operand::Const(scalar), swap } => {
            constant(*op, *scalar, *swap, &mut out.values);
        }
        Elementwise::Arithmetic { op, scalar, swap } => each(out, |value, step| {
            let scalar = view.scalar(*scalar, step);
            if *swap { arithmetic(*op, scalar, value) } else { arithmetic(*op, value, scalar) }
        }),
        Elementwise::ClampMin(Operand::Const(low)) => maths::clamp_min(&mut out.values, *low),
        Elementwise::ClampMax(Operand::Const(high)) => maths::clamp_max(&mut out.values, *high),
        Elementwise::Round(Operand::Const(nearest)) => maths::round(&mut out.values, *nearest),
        Elementwise::ClampMin(low) => each(out, |value, step| maths::max(view.scalar(*low, step), value)),
        Elementwise::ClampMax(high) => each(out, |value, step| maths::min(view.scalar(*high, step), value)),
        Elementwise::Round(nearest) => each(out, |value, step| {
            let mut value = [value];
            maths::round(&mut value, view.scalar(*nearest, step));
            value[0]
        }),
        Elementwise::Clamp(low, high) => {
            let bounds = |step: usize| (view.scalar(*low, step), view.scalar(*high, step));
            each(out, |value, step| {
                let (low, high) = bounds(step);
                maths::max(low, maths::min(high, value))
            });
            // Where the bounds cross there is no result.
            for step in (0..steps).filter(|step| {
                let (low, high) = bounds(*step);
                high < low
            }) {
                for row in 0..out.rows {
                    block::clear(out.row_mut(row).1, step);
                }
            }
        }
    }
}

/// Applies an operation to one value of one step; absent where it gives none.
pub(super) fn alone(op: &Elementwise, value: f64, registers: &Registers, frame: &Frame<'_>) -> Option<f64> {
    let mut values = [value];
    match op {
        Elementwise::Maths(function) => maths::apply(*function, &mut values),
        Elementwise::Date(function) => values[0] = function.apply(value),
        Elementwise::Same => {}
        Elementwise::Compare { op, scalar, swap, return_bool } => {
            let scalar = registers.scalar(*scalar);
            let holds = if *swap { compare(*op, scalar, value) } else { compare(*op, value, scalar) };
            if !return_bool {
                return holds.then_some(value);
            }
            values[0] = f64::from(u8::from(holds));
        }
        Elementwise::EvalTime => values[0] = frame.evals[0].seconds(),
        Elementwise::Histogram(_) | Elementwise::Nothing => return None,
        Elementwise::Arithmetic { op, scalar, swap } => constant(*op, registers.scalar(*scalar), *swap, &mut values),
        Elementwise::ClampMin(low) => maths::clamp_min(&mut values, registers.scalar(*low)),
        Elementwise::ClampMax(high) => maths::clamp_max(&mut values, registers.scalar(*high)),
        Elementwise::Round(nearest) => maths::round(&mut values, registers.scalar(*nearest)),
        Elementwise::Clamp(low, high) => {
            let (low, high) = (registers.scalar(*low), registers.scalar(*high));
            // Where the bounds cross there is no result.
            if high < low {
                return None;
            }
            values[0] = maths::max(low, maths::min(high, value));
        }
    }
    Some(values[0])
}

fn each(out: &mut Block, value: impl Fn(f64, usize) -> f64) {
    for row in 0..out.rows {
        for (step, held) in out.row_mut(row).0.iter_mut().enumerate() {
            *held = value(*held, step);
        }
    }
}

/// Arithmetic with a number: one loop for each operator, which the compiler makes wide.
fn constant(op: BinaryOp, scalar: f64, swap: bool, values: &mut [f64]) {
    match (op, swap) {
        (BinaryOp::Add, _) => values.iter_mut().for_each(|value| *value += scalar),
        (BinaryOp::Sub, false) => values.iter_mut().for_each(|value| *value -= scalar),
        (BinaryOp::Sub, true) => values.iter_mut().for_each(|value| *value = scalar - *value),
        (BinaryOp::Mul, _) => values.iter_mut().for_each(|value| *value *= scalar),
        (BinaryOp::Div, false) => values.iter_mut().for_each(|value| *value /= scalar),
        (_, false) => values.iter_mut().for_each(|value| *value = arithmetic(op, *value, scalar)),
        (_, true) => values.iter_mut().for_each(|value| *value = arithmetic(op, scalar, *value)),
    }
}

/// A comparison with a scalar; `swap`: the scalar is the left operand.
#[derive(Clone, Copy)]
pub(super) struct Comparison {
    op: BinaryOp,
    scalar: Operand,
    swap: bool,
}

impl Comparison {
    /// Returns the comparison that an operation drops samples by, if it does only that.
    pub(super) fn of_filter(op: &Elementwise) -> Option<Self> {
        match op {
            Elementwise::Compare { op, scalar, swap, return_bool: false } => {
                Some(Self { op: *op, scalar: *scalar, swap: *swap })
            }
            _ => None,
        }
    }

    fn holds(self, view: &View<'_>, value: f64, step: usize) -> bool {
        let scalar = view.scalar(self.scalar, step);
        if self.swap { compare(self.op, scalar, value) } else { compare(self.op, value, scalar) }
    }
}

/// Keeps the samples of a block for which a comparison holds. Cost: one pass over the values; those of a row that keeps
/// none are not copied.
pub(super) fn filter(view: &View<'_>, comparison: Comparison, input: &Block, out: &mut Block) {
    out.reset(input.rows, input.steps);
    for row in 0..input.rows {
        let (values, bits) = out.row_mut(row);
        let input_values = input.row(row);
        match comparison.scalar {
            Operand::Const(scalar) => {
                let words = bits.iter_mut().zip(input.bits(row)).zip(input_values.chunks(64));
                for ((kept, held), values) in words.filter(|((_, held), _)| **held != 0) {
                    *kept = held & mask(comparison.op, scalar, comparison.swap, values);
                }
            }
            Operand::Node(_) => {
                for step in
                    block::ones(input.bits(row)).filter(|step| comparison.holds(view, input_values[*step], *step))
                {
                    block::set(bits, step);
                }
            }
        }
        if block::any(bits) {
            values.copy_from_slice(input_values);
        }
    }
}

/// Returns a bit for each of at most 64 values: whether the comparison with a number holds. One loop for each operator,
/// which the compiler makes wide.
fn mask(op: BinaryOp, scalar: f64, swap: bool, values: &[f64]) -> u64 {
    match if swap { mirrored(op) } else { op } {
        BinaryOp::Greater => gather(values, |value| value > scalar),
        BinaryOp::GreaterEqual => gather(values, |value| value >= scalar),
        BinaryOp::Less => gather(values, |value| value < scalar),
        BinaryOp::LessEqual => gather(values, |value| value <= scalar),
        op => gather(values, |value| compare(op, value, scalar)),
    }
}

fn gather(values: &[f64], holds: impl Fn(f64) -> bool) -> u64 {
    values.iter().enumerate().fold(0, |bits, (at, value)| bits | u64::from(holds(*value)) << at)
}
