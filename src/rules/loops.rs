//! Recording rules that need a value of their own to have one, which nothing gives them.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::promql::ast::{BinaryOp, Expr, ExprKind, Selector, Type};
use crate::promql::functions::Kernel;

use super::graph::strong_components;
use super::{Form, Rule, RuleFile, RuleKind};

/// Returns the loops of names that recording rules write: each rule that writes one of the names needs a value of some
/// name of the loop to have a result, so none ever has one. Names that no rule writes are taken to have values, and
/// selectors without a literal metric name to find some.
///
/// Rules are given by the name that they write; loops are in the order of their first rule. Cost: near linear in the
/// selectors of all rules.
pub(crate) fn loops<'a>(rules: &[(&'a str, &'a Expr)]) -> Vec<Vec<&'a str>> {
    let mut writers: BTreeMap<&str, Vec<&Expr>> = BTreeMap::new();
    let mut readers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, expr) in rules {
        writers.entry(name).or_default().push(expr);
        metrics(expr).for_each(|metric| readers.entry(metric).or_default().push(name));
    }
    let mut empty: BTreeSet<&str> = writers.keys().copied().collect();
    let mut open: Vec<&str> = empty.iter().copied().collect();
    while let Some(name) = open.pop() {
        let begins = |expr: &&Expr| !is_empty(expr, &|metric| empty.contains(metric));
        if empty.contains(name) && writers[name].iter().any(begins) {
            empty.remove(name);
            open.extend(readers.get(name).into_iter().flatten());
        }
    }
    among(&rules.iter().copied().filter(|(name, _)| empty.contains(name)).collect::<Vec<_>>())
}

/// Returns the loops among names that have no value.
fn among<'a>(rules: &[(&'a str, &'a Expr)]) -> Vec<Vec<&'a str>> {
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rules {
        numbers.entry(name).or_insert_with(|| {
            names.push(name);
            u32::try_from(names.len() - 1).unwrap_or(u32::MAX)
        });
    }
    let mut edges: Vec<Vec<u32>> = vec![Vec::new(); names.len()];
    for (name, expr) in rules {
        edges[numbers[name] as usize].extend(metrics(expr).filter_map(|metric| numbers.get(metric)));
    }
    let (component_of, count) = strong_components(&edges);
    let mut members: Vec<Vec<&str>> = vec![Vec::new(); count];
    let mut order = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let component = component_of[at];
        if members[component].is_empty() {
            order.push(component);
        }
        members[component].push(name);
    }
    let is_loop = |names: &Vec<&str>| names.len() > 1 || edges[numbers[names[0]] as usize].contains(&numbers[names[0]]);
    order.into_iter().map(|component| std::mem::take(&mut members[component])).filter(is_loop).collect()
}

fn metrics(expr: &Expr) -> impl Iterator<Item = &str> {
    expr.selectors().into_iter().filter_map(|one| one.selector.metric())
}

/// Returns whether an expression certainly has no sample where some metrics have none.
fn is_empty(expr: &Expr, lacks: &dyn Fn(&str) -> bool) -> bool {
    let selects_nothing = |selector: &Selector| selector.metric().is_some_and(lacks);
    match &expr.kind {
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => selects_nothing(selector),
        ExprKind::Paren(expr) | ExprKind::Unary { expr, .. } => is_empty(expr, lacks),
        ExprKind::Subquery(subquery) => is_empty(&subquery.expr, lacks),
        ExprKind::Aggregate(aggregate) => is_empty(&aggregate.expr, lacks),
        // A scalar is never without a value.
        ExprKind::Call { function, args, .. } => {
            let always = function.returns == Type::Scalar
                || matches!(function.kernel, Kernel::Absent | Kernel::AbsentOverTime | Kernel::Vector);
            !always && args.iter().any(|arg| is_empty(arg, lacks))
        }
        ExprKind::Binary(binary) => {
            let (lhs, rhs) = (is_empty(&binary.lhs, lacks), is_empty(&binary.rhs, lacks));
            let fill = binary.matching.as_ref();
            match binary.op {
                BinaryOp::Or => lhs && rhs,
                BinaryOp::Unless => lhs,
                _ if fill.is_some_and(|on| on.fill_left.is_some() || on.fill_right.is_some()) => lhs && rhs,
                _ => lhs || rhs,
            }
        }
        ExprKind::Number { .. } | ExprKind::String(_) | ExprKind::Invalid => false,
    }
}

/// Warns of recording rules that read nothing but what they write themselves, directly or in a circle, once all files
/// were loaded. A rule that reads anything else is not looked at, nor is the native form, where this is an error.
pub fn check_loops(files: &[RuleFile], diagnostics: &mut Diagnostics) {
    let mut rules: Vec<(&str, &Rule)> = Vec::new();
    for group in files.iter().filter(|file| file.form == Form::Prometheus).flat_map(|file| &file.groups) {
        let own = group.rules.iter().filter(|rule| rule.enabled && matches!(rule.kind, RuleKind::Record));
        rules.extend(own.map(|rule| (group.name.text.as_str(), rule)));
    }
    let written: Vec<(&str, &Expr)> = rules.iter().map(|(_, rule)| (rule.name.text.as_str(), &rule.expr)).collect();
    for names in loops(&written) {
        let of_loop = || rules.iter().filter(|(_, rule)| names.contains(&rule.name.text.as_str()));
        let only = |selector: &Selector| selector.metric().is_some_and(|metric| names.contains(&metric));
        if of_loop().all(|(_, rule)| rule.expr.selectors().iter().all(|one| only(one.selector))) {
            warning(&names, of_loop().copied()).into_iter().for_each(|found| diagnostics.push(found));
        }
    }
}

fn warning<'a>(names: &[&str], mut rules: impl Iterator<Item = (&'a str, &'a Rule)>) -> Option<Diagnostic> {
    let (group, rule) = rules.next()?;
    let name = &rule.name.text;
    let message = match names.len() {
        1 => format!("`{name}` is computed from `{name}` alone: nothing gives it a first value"),
        _ => format!("{} are computed from each other alone: nothing gives them a first value", listed(names)),
    };
    let at = rule.expr.selectors().first().map_or(rule.name.whole(), |one| rule.text.at(one.span));
    let help = format!(
        "give the rule a name of its own, such as `record: {name}_derived`: where a target exposes `{name}` too, both are \
         one metric, and `alertctl eval` shows rules only what rules write"
    );
    let mut found = Diagnostic::warning(codes::READS_ITSELF, message, at).with_help(help);
    found.subject = Some((group.to_owned(), name.clone()));
    Some(rules.fold(found, |found, (_, rule)| found.with_related(rule.name.whole(), "and here")))
}

/// The most names that a message lists.
const NAMED: usize = 4;

fn listed(names: &[&str]) -> String {
    let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names {
        [first, last] => format!("`{first}` and `{last}`"),
        _ if names.len() > NAMED => format!("{} and {} more", quoted(&names[..NAMED]), names.len() - NAMED),
        _ => quoted(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse::parse;
    use crate::rules::RuleSet;

    fn check(rules: &[(&str, &str)], expected: &[&str]) {
        let exprs: Vec<(&str, Expr)> = rules
            .iter()
            .map(|(name, text)| {
                let parsed = parse(text);
                assert!(parsed.problems.is_empty(), "{text}");
                (*name, parsed.expr)
            })
            .collect();
        let found = loops(&exprs.iter().map(|(name, expr)| (*name, expr)).collect::<Vec<_>>());
        assert_eq!(found.iter().map(|names| names.join(" ")).collect::<Vec<_>>(), expected, "{rules:?}");
    }

    #[test]
    fn a_rule_that_needs_itself_has_no_value() {
        for text in [
            "m * 2",
            "sum(rate(m[5m]))",
            "m{a=\"1\"} + m{a=\"2\"}",
            "m > 1 unless x",
            "m * x",
            "max_over_time(m[1h:1m])",
            "m offset 1m or m",
            "clamp_max(m, scalar(x))",
            "vector(1) * m",
        ] {
            check(&[("m", text)], &["m"]);
        }
        for text in [
            "x",
            "m or vector(0)",
            "(m offset 1m or 0 * x) + x",
            "vector(scalar(m))",
            "scalar(m)",
            "absent(m)",
            "absent_over_time(m[5m]) + 1",
            "x unless m",
            "{__name__=~\"m.*\"}",
            "hour() > 5 unless m",
            "m + fill(0) x",
        ] {
            check(&[("m", text)], &[]);
        }
    }

    #[test]
    fn loops_of_several_rules_are_found_once() {
        check(&[("a", "b"), ("b", "c + 1"), ("c", "a")], &["a b c"]);
        check(&[("a", "b"), ("b", "a or x")], &[]);
        check(&[("low", "sum(m)"), ("m", "m"), ("top", "low")], &["m"]);
        check(&[("m", "m"), ("m", "x")], &[]);
        check(&[("b", "b"), ("a", "a * 2"), ("c", "a + b")], &["b", "a"]);
        let names: Vec<String> = (0..3000).map(|at| format!("m{at}")).collect();
        let exprs: Vec<Expr> = (0..3000).map(|at| parse(&format!("m{}", at + 1)).expr).collect();
        let rules: Vec<(&str, &Expr)> = names.iter().map(String::as_str).zip(&exprs).collect();
        assert!(loops(&rules).is_empty());
    }

    #[test]
    fn rules_that_read_only_themselves_are_reported() {
        let check = |lines: &str, expected: &[&str]| {
            let mut set = RuleSet::default();
            set.add_partly("a.yml", format!("groups:\n- name: g\n  rules:\n{lines}").as_bytes());
            set.check_loops();
            let told = set.diagnostics.sorted().into_iter().map(|found| {
                let at = set.sources.position(found.primary.expect("a place").at);
                format!("{} {}:{} {}", found.code, at.line, at.column, found.message)
            });
            assert_eq!(told.collect::<Vec<_>>(), expected, "{lines}");
        };
        check(
            "  - {record: m, expr: 2 * m}\n",
            &["reads-itself 4:27 `m` is computed from `m` alone: nothing gives it a first value"],
        );
        check(
            "  - {record: a, expr: b}\n  - {record: b, expr: a + a}\n",
            &["reads-itself 4:23 `a` and `b` are computed from each other alone: nothing gives them a first value"],
        );
        check(
            "  - {record: m, expr: 'm{level=\"1\"}', labels: {level: '2'}}\n",
            &["reads-itself 4:24 `m` is computed from `m` alone: nothing gives it a first value"],
        );
        check("  - {record: m, expr: 'm{level=\"1\"}'}\n  - {record: m, expr: x, labels: {level: '1'}}\n", &[]);
        check("  - {record: m, expr: m * x}\n  - {alert: A, expr: A}\n", &[]);
    }
}
