//! PromQL: from text to values.

pub mod ast;
pub(crate) mod buckets;
mod check;
pub(crate) mod dates;
pub mod functions;
pub(crate) mod kahan;
mod lex;
mod literal;
pub(crate) mod maths;
pub mod notation;
pub mod parse;
mod print;
pub(crate) mod quantile;
pub(crate) mod relabel;
pub(crate) mod rollup;
pub(crate) mod scalar_ops;
