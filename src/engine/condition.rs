//! What a rule's expression gave for one alert, free of the engine that computed it.

use crate::time::Timestamp;

/// The steps at which the expression had a sample for one alert, with its values.
///
/// Shape: `slots` and `values` of equal length; the bits of `present` and `failed` cover them, 64 steps a word.
#[derive(Clone, Copy, Debug)]
pub struct Condition<'a> {
    /// The slots, ascending.
    pub slots: &'a [Timestamp],
    /// Whether there was a sample; without meaning where `failed` is set.
    pub present: &'a [u64],
    /// Whether the evaluation failed.
    pub failed: &'a [u64],
    /// The sample's value; without meaning where there was none.
    pub values: &'a [f64],
}
