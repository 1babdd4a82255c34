//! Evaluates alert rules on recorded metrics, offline.

pub mod diagnostic;
pub mod engine;
pub mod labels;
pub mod limits;
pub mod promql;
pub mod rules;
pub mod source;
pub mod store;
pub mod time;
