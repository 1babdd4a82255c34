//! Elementwise operations on one vector.

use super::super::ast::BinaryOp;
use super::super::block::{self, Block};
use super::super::maths;
use super::super::plan::{Elementwise, NodeId, Operand};
use super::super::program::Frame;
use super::super::roster::NodeState;
use super::super::scalar_ops::{arithmetic, compare};
use super::{Scratch, View, copy_rows};

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
    let Scratch { wide: [spare, _], raw, .. } = scratch;
    let input = view.wide(input, steps, spare);
    if state.merged {
        apply(view, op, input, frame, raw);
        copy_rows(state, raw, out);
    } else {
        apply(view, op, input, frame, out);
    }
}

fn apply(view: &View<'_>, op: &Elementwise, input: &Block, frame: &Frame<'_>, out: &mut Block) {
    let steps = input.steps;
    out.reset(input.rows, steps);
    out.present.copy_from_slice(&input.present[..input.rows * input.words]);
    if let Elementwise::Compare { op, scalar, swap, return_bool } = op {
        return apply_compare(view, Comparison { op: *op, scalar: *scalar, swap: *swap }, *return_bool, input, out);
    }
    out.values.copy_from_slice(&input.values[..input.rows * steps]);
    match op {
        Elementwise::Maths(function) => maths::apply(*function, &mut out.values),
        Elementwise::Date(function) => out.values.iter_mut().for_each(|value| *value = function.apply(*value)),
        Elementwise::Same | Elementwise::Compare { .. } => {}
        Elementwise::EvalTime => each(out, |_, step| frame.evals[step].seconds()),
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

#[derive(Clone, Copy)]
struct Comparison {
    op: BinaryOp,
    scalar: Operand,
    swap: bool,
}

/// Compares every value with a scalar: clears the bits of what is false, or gives 0 and 1.
fn apply_compare(view: &View<'_>, comparison: Comparison, return_bool: bool, input: &Block, out: &mut Block) {
    let Comparison { op, scalar, swap } = comparison;
    let holds = |value: f64, step: usize| {
        let scalar = view.scalar(scalar, step);
        if swap { compare(op, scalar, value) } else { compare(op, value, scalar) }
    };
    if return_bool {
        for row in 0..input.rows {
            let (values, _) = out.row_mut(row);
            for (step, value) in input.row(row).iter().enumerate() {
                values[step] = f64::from(u8::from(holds(*value, step)));
            }
        }
        return;
    }
    out.values.copy_from_slice(&input.values[..input.rows * input.steps]);
    for row in 0..input.rows {
        let (_, bits) = out.row_mut(row);
        for (word, values) in bits.iter_mut().zip(input.row(row).chunks(64)) {
            if *word == 0 {
                continue;
            }
            *word &= match scalar {
                Operand::Const(scalar) => mask(op, scalar, swap, values),
                Operand::Node(_) => u64::MAX,
            };
        }
        if let Operand::Node(_) = scalar {
            for (step, value) in input.row(row).iter().enumerate() {
                if !holds(*value, step) {
                    block::clear(bits, step);
                }
            }
        }
    }
}

/// Returns a bit for each of at most 64 values: whether the comparison with a number holds.
fn mask(op: BinaryOp, scalar: f64, swap: bool, values: &[f64]) -> u64 {
    let op = match (op, swap) {
        (BinaryOp::Less, true) => BinaryOp::Greater,
        (BinaryOp::LessEqual, true) => BinaryOp::GreaterEqual,
        (BinaryOp::Greater, true) => BinaryOp::Less,
        (BinaryOp::GreaterEqual, true) => BinaryOp::LessEqual,
        (op, _) => op,
    };
    let gather = |holds: &dyn Fn(f64) -> bool| {
        values.iter().enumerate().fold(0, |bits, (at, value)| bits | u64::from(holds(*value)) << at)
    };
    match op {
        BinaryOp::Greater => values.iter().enumerate().fold(0, |bits, (at, v)| bits | u64::from(*v > scalar) << at),
        BinaryOp::Less => values.iter().enumerate().fold(0, |bits, (at, v)| bits | u64::from(*v < scalar) << at),
        op => gather(&|value| compare(op, value, scalar)),
    }
}
