//! PromQL: from text to values.

pub mod ast;
pub(crate) mod buckets;
pub(crate) mod dates;
pub mod functions;
pub(crate) mod kahan;
pub(crate) mod maths;
pub(crate) mod quantile;
pub(crate) mod relabel;
pub(crate) mod rollup;
pub(crate) mod scalar_ops;
