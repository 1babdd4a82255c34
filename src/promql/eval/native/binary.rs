//! Operators between values of which one may be a histogram.

use std::sync::Arc;

use crate::histogram::{Hint, Histogram, Keep};

use super::super::super::annotation::{Annotation, Joining};
use super::super::super::ast::BinaryOp;
use super::super::super::block::Block;
use super::super::super::histograms::{Histograms, SampleValue};
use super::super::super::plan::WHOLE;
use super::super::super::program::{Notes, Place};

/// Computes pairs of two vectors of which one has histograms.
///
/// Of the pairs of a step only the last one that has anything to tell is told of, in the order of the many side, then in
/// that of the one side where the other is filled.
///
/// Source: Prometheus' `VectorBinop`.
pub(in super::super) struct Pairing<'a> {
    histograms: &'a mut Histograms,
    notes: &'a mut Notes,
    many: Order<'a>,
    one: Order<'a>,
    /// The pair at hand: a row of the many side, none if that is filled, and one of the one side.
    pair: (Option<u32>, Option<u32>),
    told: Latest<(bool, u32)>,
}

/// What is told at each step: of several things the one that comes last in an order of places.
pub(super) struct Latest<P>(Vec<Option<(P, Annotation)>>);

impl<P: PartialOrd> Latest<P> {
    pub(super) fn of(steps: usize) -> Self {
        Self(std::iter::repeat_with(|| None).take(steps).collect())
    }

    pub(super) fn put(&mut self, step: usize, place: P, what: Annotation) {
        let held = &mut self.0[step];
        if held.as_ref().is_none_or(|(before, _)| *before <= place) {
            *held = Some((place, what));
        }
    }

    /// Tells it of the whole node.
    pub(super) fn tell(self, notes: &mut Notes) {
        let steps = self.0.len();
        for (step, told) in self.0.into_iter().enumerate() {
            if let Some((_, what)) = told {
                notes.add_at(Place::Part(WHOLE), (step, steps), what);
            }
        }
    }
}

/// The order of the rows of one side.
pub(in super::super) struct Order<'a> {
    /// By row and step, where the order is another one at each step.
    ranks: &'a [u32],
    /// By row.
    places: Vec<u32>,
    steps: usize,
}

impl<'a> Order<'a> {
    /// Takes the order of a node's rows, as they are listed, or as its block says step by step.
    pub(in super::super) fn of(order: &[u32], block: &'a Block) -> Self {
        let mut places = vec![0; block.rows];
        for (place, row) in (0..).zip(order) {
            if let Some(held) = places.get_mut(*row as usize) {
                *held = place;
            }
        }
        Self { ranks: &block.ranks, places, steps: block.steps }
    }

    pub(super) fn place(&self, row: u32, step: usize) -> u32 {
        let row = row as usize;
        if self.ranks.is_empty() { self.places[row] } else { self.ranks[row * self.steps + step] }
    }
}

impl<'a> Pairing<'a> {
    pub(in super::super) fn new(
        (histograms, notes): (&'a mut Histograms, &'a mut Notes),
        (many, one): (Order<'a>, Order<'a>),
    ) -> Self {
        let told = Latest::of(many.steps);
        Self { histograms, notes, many, one, pair: (None, None), told }
    }

    /// Goes on to another pair of rows.
    pub(in super::super) fn begin(&mut self, many: Option<u32>, one: Option<u32>) {
        self.pair = (many, one);
    }

    /// Tells what was found.
    pub(in super::super) fn tell(self) {
        self.told.tell(self.notes);
    }

    fn elements(&mut self, op: BinaryOp, step: usize, (a, b): (f64, f64)) -> Option<Option<(SampleValue, bool)>> {
        let (left, right) = (self.histograms.read(a), self.histograms.read(b));
        let Self { many, one, pair, told, .. } = self;
        elements(op, &left, &right, &mut |what| {
            let place = match pair {
                (Some(row), _) => (false, many.place(*row, step)),
                (None, Some(row)) => (true, one.place(*row, step)),
                (None, None) => (false, 0),
            };
            told.put(step, place, what);
        })
    }

    /// Returns the result of two values at a step, if there is one; `None` where both are floats and the operator is one of
    /// floats.
    pub(in super::super) fn result(
        &mut self,
        (op, return_bool): (BinaryOp, bool),
        step: usize,
        (a, b): (f64, f64),
    ) -> Option<Option<f64>> {
        let result = self.elements(op, step, (a, b))?;
        Some(result.and_then(|(value, holds)| match op.is_comparison() {
            true if return_bool => Some(f64::from(u8::from(holds))),
            true => holds.then_some(a),
            false => Some(self.histograms.write(value)),
        }))
    }

    /// Returns whether two values at a step fit an operator; where they do not, that is told, and they are no pair.
    pub(in super::super) fn fits(&mut self, op: BinaryOp, step: usize, (a, b): (f64, f64)) -> bool {
        self.elements(op, step, (a, b)).is_none_or(|result| result.is_some())
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
