//! PromQL: from text to values.

pub mod ast;
pub(crate) mod block;
pub(crate) mod buckets;
mod check;
pub(crate) mod cost;
pub(crate) mod dates;
pub(crate) mod duration;
pub(crate) mod eval;
pub mod functions;
pub(crate) mod kahan;
mod lex;
mod literal;
mod lower;
pub(crate) mod maths;
pub mod notation;
pub(crate) mod order;
pub mod parse;
pub(crate) mod plan;
mod print;
pub(crate) mod probe;
pub(crate) mod program;
pub(crate) mod quantile;
pub mod query;
pub(crate) mod relabel;
pub(crate) mod rollup;
pub(crate) mod roster;
pub(crate) mod scalar_ops;
