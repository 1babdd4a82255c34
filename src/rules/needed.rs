//! Which rules must be evaluated, for some of them to find what they read.

use super::graph::{ALERTS, ALERTS_FOR_STATE, Keep, RuleGraph};
use super::{Rule, RuleKind, RuleSet};

/// Returns by rule whether it is one of some, or writes what they read, directly or through others.
///
/// A rule that writes a metric under other labels than are read counts, too: that it writes the metric hides the recorded
/// series of that name. Where a rule may read anything that is written, all rules are needed.
///
/// Cost: the graph of the rules.
pub(crate) fn needed(rules: &RuleSet, of: impl Iterator<Item = usize>) -> Vec<bool> {
    let all: Vec<&Rule> = rules.rules().map(|(_, rule)| rule).collect();
    let graph = RuleGraph::of(&rules.files, Keep::Read);
    let mut needed = vec![false; all.len()];
    let mut open: Vec<usize> = of.collect();
    while let Some(rule) = open.pop() {
        if std::mem::replace(&mut needed[rule], true) {
            continue;
        }
        open.extend(graph.writers(rule));
        if graph.nodes[rule].asks {
            return vec![true; all.len()];
        }
        for found in all[rule].expr.selectors() {
            match found.selector.metric() {
                Some(ALERTS | ALERTS_FOR_STATE) | None => return vec![true; all.len()],
                Some(name) => {
                    let writes = |rule: &Rule| matches!(rule.kind, RuleKind::Record) && rule.name.text == name;
                    open.extend(all.iter().enumerate().filter(|(_, rule)| writes(rule)).map(|(at, _)| at));
                }
            }
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_needed_through_others_and_by_name() {
        let rules = "groups: [{name: g, rules: [{record: a, expr: x}, {record: a, expr: y, labels: {team: z}},\
                     {record: b, expr: 'a{team=\"z\"}'}, {record: c, expr: x}, {alert: A, expr: b > 1},\
                     {alert: B, expr: 'ALERTS{alertname=\"A\"}'}]}]";
        let mut set = RuleSet::default();
        set.add("r.yml", rules.as_bytes());
        assert!(!set.diagnostics.has_errors(), "{:?}", set.diagnostics.sorted());
        let check =
            |rule: usize, expected: [bool; 6]| assert_eq!(needed(&set, std::iter::once(rule)), expected, "{rule}");
        check(3, [false, false, false, true, false, false]);
        check(4, [true, true, true, false, true, false]);
        check(5, [true; 6]);
    }
}
