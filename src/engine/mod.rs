//! The alert engine.

pub mod alert;
pub(crate) mod bits;
pub mod condition;
pub(crate) mod order;
pub mod schedule;
pub mod timeline;
