//! What a program evaluated to: roots, their faults, and who takes them.

use std::sync::Arc;

use crate::histogram::Histogram;
use crate::labels::LabelSet;
use crate::source::Span;

use super::super::histograms::{Histograms, SampleValue};
use super::super::plan::RootId;
use super::notes::Told;

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
    /// The histograms that values stand for; empty where none does.
    pub(crate) histograms: &'a Histograms,
    /// Whether any may.
    pub(crate) mixed: bool,
    /// Warnings and infos; known for roots alone.
    pub(crate) told: &'a [Told],
}

impl<'a> Root<'a> {
    /// Returns the value of a row at a step.
    pub(crate) fn value(&self, row: usize, step: usize) -> SampleValue {
        let value = self.values[row * self.steps + step];
        if self.mixed { self.histograms.read(value) } else { SampleValue::Float(value) }
    }

    /// Returns the labels of a row, and its value at a step where that is a histogram.
    pub(crate) fn sample(&self, row: usize, step: usize) -> (&'a LabelSet, Option<&'a Arc<Histogram>>) {
        let value = self.values[row * self.steps + step];
        (&self.labels[row], if self.mixed { self.histograms.get(value) } else { None })
    }

    /// Returns a value of the root as a number, which is 0 for a histogram.
    ///
    /// Source: Prometheus' `promql.Sample`, whose float is unset for a histogram.
    pub(crate) fn number(&self, value: f64) -> f64 {
        if self.mixed && self.histograms.get(value).is_some() { 0.0 } else { value }
    }
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
    /// Returns whether a root is to be shown that has neither a sample nor a fault.
    fn wants_empty(&self, _id: RootId) -> bool {
        true
    }

    /// Returns whether a vector that roots compare is to be shown by itself.
    fn wants_compared(&self, _number: u32) -> bool {
        false
    }

    /// Takes a vector that roots compare, before any of them.
    fn compared(&mut self, _number: u32, _root: Root<'_>) {}

    /// Takes the only value of a vector that roots compare, at the only step, if it is there and did not fail: in place of
    /// the vector itself, asked for or not.
    fn compared_value(&mut self, _number: u32, _value: f64) {}

    /// Takes a root, and the vector that it compares if that was named. Roots come in the order they were added.
    fn root(&mut self, id: RootId, root: Root<'_>, compared: Option<Root<'_>>);
}

impl<F: FnMut(RootId, Root<'_>)> Sink for F {
    fn root(&mut self, id: RootId, root: Root<'_>, _compared: Option<Root<'_>>) {
        self(id, root);
    }
}
