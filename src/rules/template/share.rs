//! How much one expansion may do.

use super::Template;
use crate::limits;

/// How much one expansion may do.
///
/// The templates of a rule are expanded for each of its alerts, thousands at one evaluation at times: what all of these
/// may do together is shared equally. So what an alert gets depends on how many there are, not on their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub(super) steps: usize,
    pub(super) bytes: usize,
}

impl Share {
    /// What one expansion alone may do.
    pub const WHOLE: Self = Self { steps: limits::TEMPLATE_STEPS, bytes: limits::TEMPLATE_BYTES };

    /// Returns what each expansion may do where each of these templates is expanded for so many alerts.
    #[must_use]
    pub fn of(templates: &[(String, Template)], alerts: usize) -> Self {
        let expanded = templates.iter().filter(|(_, template)| !template.is_literal()).count();
        let expansions = expanded.saturating_mul(alerts).max(1);
        let part = |all: usize, least: usize, whole: usize| (all / expansions).clamp(least, whole);
        Self {
            steps: part(limits::TEMPLATE_RULE_STEPS, limits::TEMPLATE_LEAST_STEPS, limits::TEMPLATE_STEPS),
            bytes: part(limits::TEMPLATE_RULE_BYTES, limits::TEMPLATE_LEAST_BYTES, limits::TEMPLATE_BYTES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_alerts_get_small_shares_of_equal_size() {
        let template = |text: &str| ("a".to_owned(), Template::parse(text).expect("a template"));
        let templates = [template("plain"), template("{{ $value }}"), template("{{ $labels.a }}")];
        assert_eq!(Share::of(&templates, 0), Share::WHOLE);
        assert_eq!(Share::of(&templates, 10), Share::WHOLE);
        assert_eq!(Share::of(&templates[..1], 1_000_000), Share::WHOLE);
        assert_eq!(Share::of(&templates, 5_000), Share { steps: 2_000, bytes: 26_843 });
        assert_eq!(Share::of(&templates, 1_000_000), Share { steps: 1_000, bytes: 1_024 });
    }
}
