//! The value of a sample.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use alertctl::histogram::Histogram;
use alertctl::promql::query;
use alertctl::store::is_stale;

/// A float or a native histogram.
#[derive(Clone, PartialEq)]
pub(crate) enum SampleValue {
    /// A float.
    Float(f64),
    /// A histogram.
    Histogram(Arc<Histogram>),
}

impl SampleValue {
    /// Returns the float, if it is one.
    pub(crate) fn float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Histogram(_) => None,
        }
    }

    /// Returns the histogram, if it is one.
    pub(crate) fn histogram(&self) -> Option<&Arc<Histogram>> {
        match self {
            Self::Float(_) => None,
            Self::Histogram(histogram) => Some(histogram),
        }
    }

    /// Returns whether it marks the end of a series.
    pub(crate) fn is_stale(&self) -> bool {
        match self {
            Self::Float(value) => is_stale(*value),
            Self::Histogram(histogram) => histogram.is_stale(),
        }
    }

    /// Returns whether two values are the same: by bits, any NaN being any NaN, hints included.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
            (Self::Histogram(a), Self::Histogram(b)) => a.equals(b) && a.hint == b.hint,
            _ => false,
        }
    }
}

impl From<f64> for SampleValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&SampleValue> for query::SampleValue {
    fn from(value: &SampleValue) -> Self {
        match value {
            SampleValue::Float(value) => Self::Float(*value),
            SampleValue::Histogram(histogram) => Self::Histogram(Arc::clone(histogram)),
        }
    }
}

impl From<query::SampleValue> for SampleValue {
    fn from(value: query::SampleValue) -> Self {
        match value {
            query::SampleValue::Float(value) => Self::Float(value),
            query::SampleValue::Histogram(histogram) => Self::Histogram(histogram),
        }
    }
}

impl From<Histogram> for SampleValue {
    fn from(histogram: Histogram) -> Self {
        Self::Histogram(Arc::new(histogram))
    }
}

/// Formats as a person reads it.
impl Debug for SampleValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Histogram(histogram) => write!(f, "{histogram} ({:?})", histogram.hint),
        }
    }
}

/// Returns the samples of series of floats.
pub(crate) fn stored(data: &[super::Series]) -> Vec<super::Stored> {
    let values = |points: &[(i64, f64)]| points.iter().map(|(at, value)| (*at, (*value).into())).collect();
    data.iter().map(|(labels, points)| (labels.clone(), values(points))).collect()
}

/// Returns values of which it is known that they are floats.
pub(crate) fn floats<K>(values: impl IntoIterator<Item = (K, SampleValue)>) -> Vec<(K, f64)> {
    let float = |(key, value): (K, SampleValue)| (key, value.float().expect("no series has histograms"));
    values.into_iter().map(float).collect()
}
