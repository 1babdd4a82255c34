//! The list of all lints.

use super::{Lint, rule};

/// All lints, those of a rule first.
pub static ALL: &[&Lint] = &[
    // Of one rule.
    &rule::dead_code::LINT,
    &rule::humanize::LINT,
    &rule::template_label_missing::LINT,
    &rule::value_in_labels::LINT,
];

/// Finds a lint by its code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Lint> {
    ALL.iter().copied().find(|lint| lint.code == code)
}
