//! Lints of rules on a recording.

pub(super) mod always_firing;
pub(super) mod beyond_data;
pub(super) mod cost;
pub(super) mod counter_as_gauge;
pub(super) mod dies_pending;
pub(super) mod faults;
pub(super) mod fire_count;
pub(super) mod flapping;
pub(super) mod gap_reset;
pub(super) mod long_cadence;
mod misses;
pub(super) mod never_fires;
pub(super) mod no_match;
pub(super) mod no_such_label;
pub(super) mod no_such_metric;
pub(super) mod no_such_value;
mod parts;
pub(super) mod range_too_short;
pub(super) mod rate_on_gauge;
pub(super) mod shape;
mod slips;
pub(super) mod template_fails;
pub(super) mod threshold_out_of_range;

#[cfg(test)]
mod tests;
