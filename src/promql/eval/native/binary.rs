//! Operators between values of which one may be a histogram.

use std::sync::Arc;

use crate::histogram::{Hint, Histogram, Keep};

use super::super::super::annotation::{Annotation, Joining};
use super::super::super::ast::BinaryOp;
use super::super::super::histograms::{Histograms, SampleValue};
use super::super::super::program::{Notes, Place};

/// Computes pairs of two vectors of which one has histograms.
pub(in super::super) struct Pairing<'a> {
    pub(in super::super) histograms: &'a mut Histograms,
    pub(in super::super) notes: &'a mut Notes,
    pub(in super::super) place: Place,
    /// How many steps there are.
    pub(in super::super) steps: usize,
}

impl Pairing<'_> {
    /// Returns the result of two values at a step, if there is one; `None` where both are floats and the operator is one of
    /// floats.
    pub(in super::super) fn result(
        &mut self,
        (op, return_bool): (BinaryOp, bool),
        step: usize,
        (a, b): (f64, f64),
    ) -> Option<Option<f64>> {
        let (left, right) = (self.histograms.read(a), self.histograms.read(b));
        let (notes, place, steps) = (&mut *self.notes, self.place, self.steps);
        let result = elements(op, &left, &right, &mut |what| notes.add_at(place, (step, steps), what))?;
        Some(result.and_then(|(value, holds)| match op.is_comparison() {
            true if return_bool => Some(f64::from(u8::from(holds))),
            true => holds.then_some(a),
            false => Some(self.histograms.write(value)),
        }))
    }
}

impl Pairing<'_> {
    /// Returns whether two values at a step fit an operator; where they do not, that is told, and they are no pair.
    pub(in super::super) fn fits(&mut self, op: BinaryOp, step: usize, (a, b): (f64, f64)) -> bool {
        let (left, right) = (self.histograms.read(a), self.histograms.read(b));
        let (notes, place, steps) = (&mut *self.notes, self.place, self.steps);
        let result = elements(op, &left, &right, &mut |what| notes.add_at(place, (step, steps), what));
        result.is_none_or(|result| result.is_some())
    }
}

/// Returns what comes of an operator between two values, and whether it is to stay: nothing where they do not fit, which
/// is told. `None` where both are floats and the operator is one of floats.
///
/// Source: histograms.md 4.
pub(in super::super) fn elements(
    op: BinaryOp,
    a: &SampleValue,
    b: &SampleValue,
    tell: &mut impl FnMut(Annotation),
) -> Option<Option<(SampleValue, bool)>> {
    let is_histogram = |value: &SampleValue| matches!(value, SampleValue::Histogram(_));
    let value = match (a, b) {
        (SampleValue::Float(_), SampleValue::Float(_)) if !matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower) => {
            return None;
        }
        (SampleValue::Histogram(left), SampleValue::Histogram(right)) => match op {
            BinaryOp::Equal => return Some(Some((a.clone(), left.equals(right)))),
            BinaryOp::NotEqual => return Some(Some((a.clone(), !left.equals(right)))),
            BinaryOp::Add | BinaryOp::Sub => return Some(joined(op, left, right, tell).map(|value| (value, true))),
            _ => None,
        },
        (SampleValue::Histogram(a), SampleValue::Float(b)) => match op {
            BinaryOp::Mul => Some(changed(a, |a| a.multiply(*b))),
            BinaryOp::Div => Some(changed(a, |a| a.divide(*b))),
            BinaryOp::TrimUpper => Some(changed(a, |a| a.trim(Keep::Below, *b))),
            BinaryOp::TrimLower => Some(changed(a, |a| a.trim(Keep::Above, *b))),
            _ => None,
        },
        (SampleValue::Float(a), SampleValue::Histogram(b)) if op == BinaryOp::Mul => {
            Some(changed(b, |b| b.multiply(*a)))
        }
        _ => None,
    };
    if value.is_none() {
        tell(Annotation::IncompatibleTypes { op, histograms: (is_histogram(a), is_histogram(b)) });
    }
    Some(value.map(|value| (value, true)))
}

/// Adds or subtracts two histograms; nothing where they do not fit, or one says that it follows a reset and the other one
/// that it does not.
fn joined(op: BinaryOp, a: &Histogram, b: &Histogram, tell: &mut impl FnMut(Annotation)) -> Option<SampleValue> {
    let mut result = a.clone();
    let (joined, joining) = match op {
        BinaryOp::Add => (result.add(b), Joining::Addition),
        _ => (result.subtract(b), Joining::Subtraction),
    };
    let Ok(joined) = joined else {
        tell(Annotation::IncompatibleLayout(op));
        return None;
    };
    if joined.collision {
        tell(Annotation::CounterResets(joining));
        return None;
    }
    if joined.reconciled {
        tell(Annotation::Reconciled(joining));
    }
    if op == BinaryOp::Sub {
        result.hint = Hint::Gauge;
    }
    Some(result.into())
}

fn changed(histogram: &Arc<Histogram>, change: impl FnOnce(&mut Histogram)) -> SampleValue {
    let mut changed = histogram.as_ref().clone();
    change(&mut changed);
    changed.into()
}
