//! Alerts as people name them.

use super::{Rule, RuleKind, RuleSet};

/// Returns the numbers of the alerting rules that a text names: `HighCpu`, `hosts/HighCpu` with the group before the
/// name, `HighCpu#2` with the place among those of the name after it, or `node.yml:12`, where the rule stands.
pub(crate) fn called(rules: &RuleSet, text: &str) -> Vec<usize> {
    let alerts = || rules.rules().enumerate().filter(|(_, (_, rule))| matches!(rule.kind, RuleKind::Alert { .. }));
    let groups: Vec<&str> = rules.groups().map(|(_, group)| group.name.text.as_str()).collect();
    let by_name = |text: &str| -> Vec<usize> {
        let is_it = |group: usize, rule: &Rule| {
            let own = rule.name.text.as_str();
            let head = text.strip_suffix(own).and_then(|head| head.strip_suffix('/'));
            own == text || head.is_some_and(|head| groups.get(group) == Some(&head))
        };
        alerts().filter(|(_, (group, rule))| is_it(*group, rule)).map(|(number, _)| number).collect()
    };
    let found = by_name(text);
    if !found.is_empty() {
        return found;
    }
    if let Some((bare, place)) = text.rsplit_once('#')
        && let Some(before) = place.parse::<usize>().ok().and_then(|place| place.checked_sub(1))
    {
        return by_name(bare).get(before).copied().into_iter().collect();
    }
    let Some((file, line)) = text.rsplit_once(':') else { return Vec::new() };
    let Ok(line) = line.parse::<u32>() else { return Vec::new() };
    let stands_there = |rule: &Rule| {
        let name = rules.sources.file(rule.at.file).name.as_str();
        let is_file = name == file || name.strip_suffix(file).is_some_and(|folder| folder.ends_with('/'));
        is_file && rules.sources.position(rule.at).line == line
    };
    alerts().filter(|(_, (_, rule))| stands_there(rule)).map(|(number, _)| number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_found_by_name_group_and_place() {
        let text = "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: x\n  - alert: A\n    expr: y\n- name: b/c\n  rules:\n\
                    \x20 - alert: A\n    expr: x\n  - record: r\n    expr: x\n";
        let mut set = RuleSet::default();
        set.add("rules/r.yml", text.as_bytes());
        assert!(!set.diagnostics.has_errors(), "{:?}", set.diagnostics.sorted());
        let check = |text: &str, expected: &[usize]| assert_eq!(called(&set, text), expected, "{text}");
        check("A", &[0, 1, 2]);
        check("a/A", &[0, 1]);
        check("b/c/A", &[2]);
        check("A#2", &[1]);
        check("a/A#2", &[1]);
        check("A#4", &[]);
        check("A#0", &[]);
        check("r.yml:6", &[1]);
        check("rules/r.yml:10", &[2]);
        check("x.yml:6", &[]);
        check("r", &[]);
    }
}
