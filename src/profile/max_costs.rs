//! The most that rules may cost: a figure that a team gives, whatever the rules cost before.

use super::compare::RuleRef;
use super::report::{RuleCost, Totals};
use super::rule_bench::{RULE_SAMPLES_PER_S, RULE_SERIES, RUN_SAMPLES_PER_S, RUN_SERIES};
use crate::diagnostic::nearest;

/// What a limit is for: each rule alone.
const RULE: &str = "rule";
/// What a limit is for: all rules together.
const RUN: &str = "run";

/// The most of one figure, for all rules together and for each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Most {
    /// For all rules together.
    pub run: Option<f64>,
    /// For each rule.
    pub rule: Option<f64>,
}

/// The most that rules may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MaxCosts {
    /// Samples that a server reads in a second.
    pub samples_per_s: Most,
    /// Series that are read.
    pub series: Most,
}

/// A figure that is above its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Over {
    /// Which figure: `rule.samples_per_s`.
    pub id: &'static str,
    /// The rule; none where it is that of all rules together.
    pub rule: Option<RuleRef>,
    /// What it is.
    pub value: f64,
    /// What it may be.
    pub most: f64,
}

impl Most {
    /// Reads limits: `50k` for all rules together, `rule=500` for each, or both with a comma between them.
    ///
    /// # Errors
    /// A message that says what is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut most = Self::default();
        for part in text.split(',') {
            let (of, number) = part.split_once('=').unwrap_or((RUN, part));
            let limit = match of.trim() {
                RUN => &mut most.run,
                RULE => &mut most.rule,
                other => {
                    let near = nearest(other, [RULE, RUN]);
                    let hint = near.first().map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                    return Err(format!("expected `rule=COUNT` or `run=COUNT`, found `{other}`{hint}"));
                }
            };
            if limit.replace(number_of(number)?).is_some() {
                return Err(format!("`{}` has two limits", of.trim()));
            }
        }
        Ok(most)
    }

    /// Takes what is not limited here from others.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { run: self.run.or(other.run), rule: self.rule.or(other.rule) }
    }
}

/// Reads a number such as `500`, `1.5k` or `2M`.
pub(super) fn number_of(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let factors = [('k', 1e3), ('M', 1e6), ('G', 1e9)];
    let ending = factors.iter().find(|(letter, _)| text.ends_with(*letter));
    let (digits, factor) = ending.map_or((text, 1.0), |(letter, factor)| (text.trim_end_matches(*letter), *factor));
    let number = digits.parse::<f64>().ok().map(|number| number * factor);
    let number = number.filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| format!("`{text}` is not a count; write it like `500` or `50k`"))
}

impl MaxCosts {
    /// Returns all figures that are above their limits, those of all rules together first.
    #[must_use]
    pub fn over(&self, costs: &[RuleCost], totals: Option<&Totals>) -> Vec<Over> {
        let mut over = Vec::new();
        let mut check = |id, rule: Option<&RuleRef>, value: f64, most: Option<f64>| {
            if let Some(most) = most.filter(|most| value > *most) {
                over.push(Over { id, rule: rule.cloned(), value, most });
            }
        };
        if let Some(totals) = totals {
            check(RUN_SAMPLES_PER_S, None, totals.samples_per_s, self.samples_per_s.run);
            check(RUN_SERIES, None, totals.series as f64, self.series.run);
        }
        for cost in costs {
            check(RULE_SAMPLES_PER_S, Some(&cost.rule), cost.samples_per_s, self.samples_per_s.rule);
            check(RULE_SERIES, Some(&cost.rule), cost.series as f64, self.series.rule);
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let most = |run, rule| Ok(Most { run, rule });
        assert_eq!(Most::parse("500"), most(Some(500.0), None));
        assert_eq!(Most::parse("rule=1.5k"), most(None, Some(1_500.0)));
        assert_eq!(Most::parse("run=2M, rule=500"), most(Some(2e6), Some(500.0)));
        for wrong in ["", "x", "-1", "rule=", "rules=5", "5,6", "nan", "1e400"] {
            assert!(Most::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Most::parse("rul=5").is_err_and(|error| error.ends_with("did you mean `rule`?")));
    }

    #[test]
    fn what_is_above_its_limit_is_found() {
        let cost = |name: &str, samples_per_s, series| RuleCost {
            rule: RuleRef { name: name.to_owned(), ..RuleRef::default() },
            samples_per_s,
            series,
            ..RuleCost::default()
        };
        let costs = [cost("A", 400.0, 9), cost("B", 100.0, 5)];
        let totals = Totals { samples_per_s: 500.0, series: 12, ..Totals::default() };
        let check = |max: MaxCosts, expected: &str| {
            let over = max.over(&costs, Some(&totals));
            let said = over.iter().map(|over| {
                format!("{} {} {}", over.id, over.rule.as_ref().map_or("-", |rule| &rule.name), over.value)
            });
            assert_eq!(said.collect::<Vec<_>>().join("; "), expected);
        };
        let most = |run, rule| Most { run, rule };
        check(MaxCosts::default(), "");
        check(MaxCosts { samples_per_s: most(Some(500.0), Some(400.0)), ..MaxCosts::default() }, "");
        check(
            MaxCosts { samples_per_s: most(Some(499.0), Some(99.0)), series: most(None, Some(5.0)) },
            "run.samples_per_s - 500; rule.samples_per_s A 400; rule.series A 9; rule.samples_per_s B 100",
        );
        check(MaxCosts { series: most(Some(11.0), None), ..MaxCosts::default() }, "run.series - 12");
    }
}
