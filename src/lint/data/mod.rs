//! Lints of rules on a recording.

pub(super) mod misses;
pub(super) mod no_such_label;
pub(super) mod no_such_metric;
pub(super) mod no_such_value;
