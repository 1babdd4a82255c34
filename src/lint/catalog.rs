//! The list of all lints.

use super::{Lint, rule};

/// All lints, those of a rule first.
pub static ALL: &[&Lint] = &[
    // Of one rule.
    &rule::absent_without_for::LINT,
    &rule::always_fires::LINT,
    &rule::dead_code::LINT,
    &rule::experimental::LINT,
    &rule::for_default::LINT,
    &rule::fragile::LINT,
    &rule::humanize::LINT,
    &rule::nan_poison::LINT,
    &rule::range_too_short::LINT,
    &rule::regexp::LINT,
    &rule::subquery_step::LINT,
    &rule::template_label_missing::LINT,
    &rule::value_in_labels::LINT,
];

/// Finds a lint by its code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Lint> {
    ALL.iter().copied().find(|lint| lint.code == code)
}
