//! Lints of one rule.

pub(super) mod dead_code;
pub(super) mod humanize;
pub(super) mod template_label_missing;
pub(super) mod value_in_labels;
