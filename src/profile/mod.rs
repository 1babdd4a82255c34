//! What rules cost, measured so that a number may stop a merge.
//!
//! Everything in here works on recorded numbers: no clock, no process, no path.

pub mod digest;
pub mod histogram;
pub mod stats;
