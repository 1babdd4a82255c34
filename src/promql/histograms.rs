//! The histograms that values in the blocks of a program stand for.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::histogram::Histogram;
pub(crate) use crate::histogram::Histograms;
use crate::marker::histogram_number;

use super::block::{self, Block};
use super::maths::format_float;

/// The value of a sample.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<Histogram>),
}

impl SampleValue {
    /// Makes it of a histogram, if there is one, or else of a float.
    pub(crate) fn of(value: f64, histogram: Option<&Arc<Histogram>>) -> Self {
        histogram.map_or(Self::Float(value), |histogram| Self::Histogram(Arc::clone(histogram)))
    }

    /// Returns the float, if it is one.
    #[must_use]
    pub fn float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Histogram(_) => None,
        }
    }

    /// Returns the float; of a histogram NaN.
    #[must_use]
    pub fn or_nan(&self) -> f64 {
        self.float().unwrap_or(f64::NAN)
    }
}

/// Formats as Prometheus shows a value: the shortest decimal without an exponent, or the buckets of a histogram.
impl fmt::Display for SampleValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(value) => f.write_str(&format_float(*value)),
            Self::Histogram(histogram) => histogram.fmt(f),
        }
    }
}

impl From<f64> for SampleValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Histogram> for SampleValue {
    fn from(histogram: Histogram) -> Self {
        Self::Histogram(Arc::new(histogram))
    }
}

impl Histograms {
    /// Returns what a value is.
    pub(crate) fn read(&self, value: f64) -> SampleValue {
        SampleValue::of(value, self.get(value))
    }

    /// Returns the value that stands for another one.
    pub(crate) fn write(&mut self, value: SampleValue) -> f64 {
        match value {
            SampleValue::Float(value) => value,
            SampleValue::Histogram(histogram) => self.put(histogram),
        }
    }

    /// Forgets all but what some of the blocks still stand for.
    pub(crate) fn keep(&mut self, kept: &BTreeSet<usize>, blocks: &mut [Box<Block>]) {
        let old = std::mem::take(self);
        for at in kept {
            let block = &mut blocks[*at];
            if !block.mixed {
                continue;
            }
            for value in &mut block.values {
                if let Some(histogram) = old.get(*value) {
                    *value = self.put(Arc::clone(histogram));
                }
            }
        }
    }
}

/// Returns a block without its histograms: as it is where there are none.
pub(crate) fn floats<'a>(block: &'a Block, spare: &'a mut Block) -> &'a Block {
    if !block.mixed {
        return block;
    }
    spare.reset(block.rows, block.steps);
    spare.values.copy_from_slice(&block.values[..block.rows * block.steps]);
    spare.present.copy_from_slice(&block.present[..block.rows * block.words]);
    spare.failed.copy_from_slice(&block.failed);
    spare.ranks.extend_from_slice(&block.ranks);
    for row in 0..spare.rows {
        let (values, bits) = spare.row_mut(row);
        for (step, _) in values.iter().enumerate().filter(|(_, value)| histogram_number(**value).is_some()) {
            block::clear(bits, step);
        }
    }
    spare
}

/// Returns the steps at which a row has a histogram.
pub(crate) fn steps_of(block: &Block, row: usize) -> Vec<u64> {
    let mut steps = vec![0; block.words];
    if block.mixed {
        let values = block.row(row);
        block::ones(block.bits(row))
            .filter(|step| histogram_number(values[*step]).is_some())
            .for_each(|step| block::set(&mut steps, step));
    }
    steps
}
