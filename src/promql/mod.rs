//! PromQL: from text to values.

pub mod ast;
pub mod functions;
