//! Lints of one rule.

pub(super) mod absent_without_for;
pub(super) mod always_fires;
pub(super) mod contradictory_threshold;
pub(super) mod dead_code;
pub(super) mod experimental;
pub(super) mod for_default;
pub(super) mod fragile;
pub(super) mod hidden_by_comment;
pub(super) mod humanize;
pub(super) mod irate;
pub(super) mod nan_poison;
pub(super) mod range_too_short;
pub(super) mod rate_of_sum;
pub(super) mod regexp;
pub(super) mod subquery_step;
pub(super) mod template_label_missing;
pub(super) mod value_in_labels;
