//! The one test binary: what must hold of the crate as a whole.

mod promql;
mod slow;
