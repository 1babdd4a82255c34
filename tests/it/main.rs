//! The one test binary: what must hold of the crate as a whole.

mod alerts;
mod promql;
mod slow;
mod tidy;
