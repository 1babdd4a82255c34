//! The alert engine.

pub mod alert;
pub(crate) mod bits;
pub mod condition;
pub mod schedule;
pub mod timeline;
