//! What makes a histogram invalid.

use std::fmt::{self, Display, Formatter};

use super::{CUSTOM_SCHEMA, EXPONENTIAL_SCHEMAS, Histogram};
use crate::format::go::shortest;

/// Something that a histogram cannot have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Flaw {
    /// There is no such schema.
    Schema(i32),
    /// The schema wants given bounds.
    NoBounds,
    /// Bounds are given although the schema makes them.
    Bounds,
    /// A bound is NaN, +Inf or not above the one before it.
    Bound(f64),
    /// There are counts below zero, which given bounds do not tell apart.
    NegativeSide,
    /// There is a zero bucket although bounds are given.
    ZeroBucket,
    /// The zero bucket reaches to NaN or to below zero.
    ZeroThreshold(f64),
    /// There is no bucket of this index: no float falls into it, or no bound belongs to it.
    Index(i32),
}

/// Formats as a sentence that goes on after the name of what holds the histogram and a colon.
impl Display for Flaw {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (first, last) = (EXPONENTIAL_SCHEMAS.start(), EXPONENTIAL_SCHEMAS.end());
        match self {
            Self::Schema(schema) => {
                write!(
                    f,
                    "schema {schema} does not exist: schemas are {first} to {last}, and {CUSTOM_SCHEMA} for bounds that are given"
                )
            }
            Self::NoBounds => write!(f, "schema {CUSTOM_SCHEMA} needs the bounds of its buckets"),
            Self::Bounds => write!(f, "bounds can only be given with schema {CUSTOM_SCHEMA}"),
            Self::Bound(bound) => write!(
                f,
                "bound {} is out of place: bounds rise and are finite, the last bucket ends at +Inf anyway",
                shortest(*bound)
            ),
            Self::NegativeSide => {
                write!(f, "schema {CUSTOM_SCHEMA} has no negative buckets: its bounds may be negative")
            }
            Self::ZeroBucket => write!(f, "schema {CUSTOM_SCHEMA} has no zero bucket"),
            Self::ZeroThreshold(threshold) => {
                write!(f, "the zero bucket cannot reach to {}", shortest(*threshold))
            }
            Self::Index(index) => write!(f, "there is no bucket {index}"),
        }
    }
}

impl Histogram {
    /// Returns all that is wrong with the histogram; nothing for a valid one. Counts are not looked at: those that
    /// arithmetic gives may be anything.
    ///
    /// Source: histograms.md 1; Prometheus' `FloatHistogram.Validate`.
    #[must_use]
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let custom = self.schema == CUSTOM_SCHEMA;
        if !custom && !EXPONENTIAL_SCHEMAS.contains(&self.schema) {
            // What the bounds are to be is then unknown.
            return vec![Flaw::Schema(self.schema)];
        }
        match &self.bounds {
            None if custom => flaws.push(Flaw::NoBounds),
            Some(_) if !custom => flaws.push(Flaw::Bounds),
            _ => {}
        }
        let mut before = None;
        for bound in self.bounds.iter().flat_map(|bounds| bounds.iter().copied()) {
            if bound.is_nan() || bound == f64::INFINITY || before.is_some_and(|before| bound <= before) {
                flaws.push(Flaw::Bound(bound));
            }
            before = Some(bound);
        }
        if custom && !self.negative.is_empty() {
            flaws.push(Flaw::NegativeSide);
        }
        if custom && (self.zero_count != 0.0 || self.zero_threshold != 0.0) {
            flaws.push(Flaw::ZeroBucket);
        } else if self.zero_threshold.is_nan() || self.zero_threshold < 0.0 {
            flaws.push(Flaw::ZeroThreshold(self.zero_threshold));
        }
        let exists = |index: i32| match &self.bounds {
            Some(bounds) => usize::try_from(index).is_ok_and(|index| index <= bounds.len()),
            None => self.upper(index) > 0.0 && self.lower(index) < f64::INFINITY,
        };
        let ends = [&self.negative, &self.positive].map(|side| [side.iter().next(), side.iter().next_back()]);
        let mut wrong: Vec<i32> = ends.into_iter().flatten().flatten().map(|(index, _)| index).collect();
        wrong.retain(|index| !exists(*index));
        wrong.dedup();
        flaws.extend(wrong.into_iter().map(Flaw::Index));
        flaws
    }
}
