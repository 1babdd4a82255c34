//! Lints of all rules together.

pub(super) mod dependency;
pub(super) mod duplicate;
pub(super) mod interval_over_lookback;
pub(super) mod precomputed;
