//! What a rule owes to another that changed: it reads what that one writes.

use std::collections::BTreeMap;

use super::sample::RuleText;
use crate::promql::ast::Selector;
use crate::promql::parse::parse;
use crate::rules::graph::Written;

/// A rule that is not what it was.
#[derive(Clone, Debug)]
pub(crate) struct Altered<'a> {
    /// The alert, or the metric that is recorded.
    pub name: &'a str,
    /// What became of it: `is new`, `changed (window grew from [1h] to [6h])`.
    pub what: String,
}

impl<'a> Altered<'a> {
    pub(crate) fn of(rule: &'a RuleText, what: String) -> Self {
        Self { name: &rule.name, what }
    }
}

/// The most rules that are named as what a rule reads.
const NAMED: usize = 2;

/// Returns of each of these rules, by its place, which altered rule it reads, directly or by way of others.
///
/// Cost: O(n m) comparisons of names, n selectors of rules and m altered rules.
pub(crate) fn inherited<'a>(
    rules: impl Iterator<Item = (usize, &'a RuleText)>,
    mut altered: Vec<Altered<'a>>,
) -> BTreeMap<usize, String> {
    let mut found = BTreeMap::new();
    if altered.is_empty() {
        return found;
    }
    let mut open: Vec<(usize, &RuleText, Vec<Selector>)> =
        rules.map(|(at, rule)| (at, rule, selectors(&rule.expr))).collect();
    // What reads an altered rule is altered itself for those that read it.
    while !altered.is_empty() {
        let mut next = Vec::new();
        let writes: Vec<[Written; 3]> = altered.iter().map(|altered| written(altered.name)).collect();
        open.retain(|(at, rule, selectors)| {
            let read = |writes: &[Written; 3]| selectors.iter().any(|selector| asks_for(selector, writes));
            let causes = writes.iter().zip(&altered).filter(|(writes, _)| read(writes)).map(|(_, altered)| altered);
            let mut causes: Vec<String> =
                causes.map(|cause| format!("`{}`, which {}", cause.name, cause.what)).collect();
            causes.dedup();
            if causes.is_empty() {
                return true;
            }
            let more = causes.len().saturating_sub(NAMED);
            causes.truncate(NAMED);
            let more = if more > 0 { format!(", and {more} more that changed") } else { String::new() };
            let cause = format!("reads {}{more}", causes.join(", and "));
            next.push(Altered::of(rule, cause.clone()));
            found.insert(*at, cause);
            false
        });
        altered = next;
    }
    found
}

fn selectors(expr: &str) -> Vec<Selector> {
    parse(expr).expr.selectors().into_iter().map(|one| one.selector.clone()).collect()
}

/// Returns what a rule of this name may write: it may record or alert.
fn written(name: &str) -> [Written; 3] {
    let [active, since] = Written::of_alert(name);
    [Written::recorded(name), active, since]
}

/// Returns whether a selector may ask for some of these series.
fn asks_for(selector: &Selector, writes: &[Written]) -> bool {
    writes.iter().any(|written| written.may_match(&selector.matchers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::testing::rule;

    fn check(rules: &[(&str, &str)], altered: &str, expected: &[(usize, &str)]) {
        let rules: Vec<RuleText> = rules.iter().map(|(name, expr)| rule(name, expr)).collect();
        let altered = vec![Altered { name: altered, what: "is new".to_owned() }];
        let found = inherited(rules.iter().enumerate(), altered);
        let found: Vec<(usize, &str)> = found.iter().map(|(at, cause)| (*at, cause.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn readers_are_found_however_they_name_the_metric() {
        check(
            &[
                ("A", "a:rate > 1"),
                ("B", "rate(a:rate[5m]) or up"),
                ("C", r#"{__name__=~"a:.*", job="x"}"#),
                ("D", r#"{job="x"}"#),
                ("E", "a:rates"),
            ],
            "a:rate",
            // One that names no metric asks for all of them.
            &[
                (0, "reads `a:rate`, which is new"),
                (1, "reads `a:rate`, which is new"),
                (2, "reads `a:rate`, which is new"),
                (3, "reads `a:rate`, which is new"),
            ],
        );
    }

    #[test]
    fn readers_of_readers_are_found_and_circles_end() {
        check(
            &[("c", "b"), ("b", "a + c"), ("Other", "up")],
            "a",
            &[(0, "reads `b`, which reads `a`, which is new"), (1, "reads `a`, which is new")],
        );
    }

    #[test]
    fn alerts_are_read_by_their_names() {
        check(
            &[("A", r#"ALERTS{alertname="Hot"}"#), ("B", r#"ALERTS{alertname="Cold"}"#), ("C", "ALERTS")],
            "Hot",
            &[(0, "reads `Hot`, which is new"), (2, "reads `Hot`, which is new")],
        );
    }
}
