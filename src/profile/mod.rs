//! What rules cost, measured so that a number may stop a merge.
//!
//! Everything in here works on recorded numbers: no clock, no process, no path.

pub mod baseline;
pub mod cause;
pub mod compare;
pub mod digest;
pub mod fields;
pub mod gate;
pub mod histogram;
pub mod report;
pub mod sample;
pub mod stats;
pub mod targets;

#[cfg(test)]
pub(crate) mod testing;
