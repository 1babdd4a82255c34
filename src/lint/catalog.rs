//! The list of all lints.

use super::{Lint, data, policy, rule, set};

/// All lints that need no configuration, those of a rule first.
pub static ALL: &[&Lint] = &[
    // Of one rule.
    &rule::absent_without_for::LINT,
    &rule::always_fires::LINT,
    &rule::contradictory_threshold::LINT,
    &rule::dead_code::LINT,
    &rule::experimental::LINT,
    &rule::for_default::LINT,
    &rule::fragile::LINT,
    &rule::hidden_by_comment::LINT,
    &rule::humanize::LINT,
    &rule::irate::LINT,
    &rule::nan_poison::LINT,
    &rule::range_too_short::LINT,
    &rule::rate_of_sum::LINT,
    &rule::regexp::LINT,
    &rule::subquery_step::LINT,
    &rule::template_label_missing::LINT,
    &rule::value_in_labels::LINT,
    // Of all rules together.
    &set::dependency::LINT,
    &set::duplicate::LINT,
    &set::interval_over_lookback::LINT,
    &set::precomputed::LINT,
    // With a recording.
    &data::no_such_metric::LINT,
    &data::no_such_label::LINT,
    &data::no_such_value::LINT,
    &data::counter_as_gauge::LINT,
    &data::rate_on_gauge::LINT,
    &data::range_too_short::LINT,
    &data::long_cadence::LINT,
    &data::no_match::LINT,
    &data::beyond_data::LINT,
    &data::fire_count::LINT,
    &data::never_fires::LINT,
    &data::always_firing::LINT,
    &data::flapping::LINT,
    &data::dies_pending::LINT,
    &data::cost::LINT,
    &data::gap_reset::LINT,
    &data::threshold_out_of_range::LINT,
    &data::faults::DUPLICATE_LABELSET,
    &data::faults::EVALUATION_FAILS,
    &data::template_fails::LINT,
];

/// Walks over the lints, those of policies last.
pub fn all() -> impl Iterator<Item = &'static Lint> {
    ALL.iter().chain(policy::LINTS).copied()
}

/// Finds a lint by its code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Lint> {
    all().find(|lint| lint.code == code)
}
