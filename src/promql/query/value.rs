//! What a query gives.

use crate::labels::LabelSet;
use crate::time::Timestamp;

use super::super::block;
use super::super::histograms::SampleValue;
use super::super::program::Root;
use super::QueryError;

/// A result.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(f64),
    /// A text.
    String(String),
    /// Series with one value each, in the order of the result.
    Vector(Vec<(LabelSet, SampleValue)>),
    /// Series with many samples each.
    Matrix(Vec<Series>),
}

/// One series of a matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: LabelSet,
    /// When and what, ascending.
    pub samples: Vec<(Timestamp, SampleValue)>,
}

/// Returns what a root is at the first step of a run.
pub(super) fn at_first_step(root: &Root<'_>) -> Result<Value, QueryError> {
    if let Some(fault) = root.faults.first() {
        return Err(QueryError::from(fault));
    }
    if root.scalar {
        return Ok(Value::Scalar(root.values[0]));
    }
    let rows = root.order.iter().map(|row| *row as usize);
    let mut present: Vec<usize> = rows.filter(|row| block::has(&root.present[row * root.words..], 0)).collect();
    if !root.ranks.is_empty() {
        present.sort_by_key(|row| root.ranks[row * root.steps]);
    }
    Ok(Value::Vector(present.into_iter().map(|row| (root.labels[row].clone(), root.value(row, 0))).collect()))
}

/// The series of a root, by row, as they grow block by block.
#[derive(Default)]
pub(super) struct Matrix {
    series: Vec<Series>,
    samples: usize,
}

impl Matrix {
    /// Adds the samples of a block, and returns how many they are.
    pub(super) fn add(&mut self, root: &Root<'_>, steps: &[Timestamp]) -> usize {
        let before = self.samples;
        let new = root.labels.iter().skip(self.series.len());
        self.series.extend(new.map(|labels| Series { labels: labels.clone(), samples: Vec::new() }));
        for (row, series) in self.series.iter_mut().enumerate() {
            let bits = &root.present[row * root.words..(row + 1) * root.words];
            let many = series.samples.len();
            series.samples.extend(block::ones(bits).map(|step| (steps[step], root.value(row, step))));
            self.samples += series.samples.len() - many;
        }
        self.samples - before
    }

    /// Returns how many samples there are.
    #[cfg(feature = "input")]
    pub(super) fn len(&self) -> usize {
        self.samples
    }

    /// Returns the series that have samples, by labels.
    pub(super) fn finish(self) -> Vec<Series> {
        by_labels(self.series)
    }
}

/// Leaves out series without samples, and sorts the others by labels.
pub(super) fn by_labels(mut series: Vec<Series>) -> Vec<Series> {
    series.retain(|series| !series.samples.is_empty());
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    series
}
