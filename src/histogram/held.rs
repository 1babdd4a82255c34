//! Histograms held beside a column of floats: a value there is the number of one of them.

use std::sync::Arc;

use super::Histogram;
use crate::marker::{histogram_at, histogram_number};

/// Histograms that values of a column stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histograms {
    held: Vec<Arc<Histogram>>,
}

impl Histograms {
    pub(crate) const NONE: Self = Self { held: Vec::new() };

    /// Returns the histogram that a value stands for, if it does.
    #[inline]
    pub(crate) fn get(&self, value: f64) -> Option<&Arc<Histogram>> {
        self.held.get(histogram_number(value)?)
    }

    /// Takes a histogram, and returns the value that stands for it.
    pub(crate) fn put(&mut self, histogram: Arc<Histogram>) -> f64 {
        self.held.push(histogram);
        histogram_at(self.held.len() - 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.held.clear();
    }
}
