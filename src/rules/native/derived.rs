//! Derived metrics: recording rules that come before the alerts of their file.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, codes};
use crate::limits::DIAGNOSTICS_PER_CODE;
use crate::promql::ast::Expr;
use crate::rules::prometheus::{first_of, is_left_out};
use crate::rules::rule::{check_record, expression};
use crate::rules::{Rule, RuleKind, RuleParts};
use crate::source::Span;
use crate::yaml::Node;
use crate::yaml::fields::{Field, Fields};
use crate::yaml::problems::Problems;

use super::missing;
use super::unique::Names;

const KEYS: [&str; 2] = ["record", "expr"];

/// Reads the derived metrics of a file, in order.
pub(super) fn read<'a>(
    field: Field<'a>,
    group: &str,
    keep_parts: bool,
    names: &mut Names<'a>,
    problems: &mut Problems<'_>,
) -> Vec<Rule> {
    let nodes = field.sequence(problems);
    let rules: Vec<Rule> = nodes.iter().filter_map(|node| derived(node, group, keep_parts, names, problems)).collect();
    check_order(&rules, problems);
    rules
}

fn derived<'a>(
    node: &'a Node,
    group: &str,
    keep_parts: bool,
    names: &mut Names<'a>,
    problems: &mut Problems<'_>,
) -> Option<Rule> {
    problems.set_subject(Some((group.to_owned(), String::new())));
    if is_left_out(node, "a derived metric", problems) {
        return None;
    }
    let mut fields = Fields::open(node, "a derived metric", problems)?;
    let (span, before) = (fields.span, problems.errors());
    let record = fields.take("record");
    let name = record.and_then(|field| field.text(problems)).filter(|name| !name.text.is_empty());
    match name {
        Some(name) => {
            problems.set_subject(Some((group.to_owned(), name.text.clone())));
            check_record(name, problems);
            names.claim_metric(name, problems);
        }
        None if problems.errors() == before => {
            let at = record.map_or(first_of(span), |field| field.key_span);
            let help = "`record: NAME`".to_owned();
            missing(codes::DERIVED_NAME, "this derived metric has no name", at, node.cut, &[help], problems);
        }
        None => {}
    }
    let expr = fields.take("expr");
    let parts = keep_parts.then(|| Box::new(RuleParts::of_derived(span, expr, problems)));
    fields.finish("a derived metric", &KEYS, hint, problems);
    let expr = if node.cut && expr.is_none() { None } else { expression(expr, span, problems) };
    let (field, name) = record.zip(name)?;
    let (text, expr) = expr?;
    let at = problems.at(field.key_span);
    let (labels, actions) = (Vec::new(), Vec::new());
    Some(Rule {
        name: name.clone(),
        kind: RuleKind::Record,
        text,
        expr,
        condition: None,
        labels,
        enabled: true,
        actions,
        at,
        parts,
    })
}

fn hint(key: &str) -> Option<String> {
    match key {
        "name" | "id" | "metric" => Some("a derived metric is named by `record:`".to_owned()),
        "labels" => Some("a derived metric has the labels that its expression gives".to_owned()),
        "above" | "below" | "between" | "outside" | "equals" | "rate_of_change" | "severity" | "for" => {
            Some(format!("`{key}` is a key of a rule: under `rules:`, with `metric: NAME` of this derived metric"))
        }
        _ => None,
    }
}

/// Tells of derived metrics that read themselves or one that stands below. Metrics that are selected by a regular
/// expression are not looked at.
fn check_order(rules: &[Rule], problems: &mut Problems<'_>) {
    let mut numbers = BTreeMap::new();
    for (number, rule) in rules.iter().enumerate() {
        numbers.entry(rule.name.text.as_str()).or_insert(number);
    }
    let reads: Vec<Vec<(usize, Span)>> = rules.iter().map(|rule| reads(&rule.expr, &numbers)).collect();
    // To find a way back takes time; what is not shown is only counted.
    let mut searches = DIAGNOSTICS_PER_CODE;
    for (reader, read) in reads.iter().enumerate() {
        for (number, span) in read.iter().filter(|(number, _)| *number >= reader) {
            let (by, name) = (&rules[reader], &rules[*number].name.text);
            let at = by.text.at(*span);
            let way = if searches > 0 { way(&reads, *number, reader) } else { None };
            searches = searches.saturating_sub(1);
            let diagnostic = match way {
                Some(_) if *number == reader => {
                    let message = format!("the derived metric `{name}` reads itself");
                    Diagnostic::error(codes::DERIVED_CYCLE, message, at).with_help(format!(
                        "give it a name that no recording has, such as `record: {name}_derived`: a recorded `{name}` \
                         is hidden by it"
                    ))
                }
                Some(way) => {
                    let names: Vec<&str> =
                        [reader].iter().chain(&way).map(|number| rules[*number].name.text.as_str()).collect();
                    let message = format!("derived metrics read each other in a circle: {}", names.join(" -> "));
                    Diagnostic::error(codes::DERIVED_CYCLE, message, at)
                        .with_related(rules[*number].name.whole(), "the other")
                        .with_help("let one of them read recorded metrics only")
                }
                None => {
                    let message = format!("`{}` reads `{name}`, which stands below it", by.name.text);
                    Diagnostic::error(codes::DERIVED_ORDER, message, at)
                        .with_related(rules[*number].name.whole(), "here")
                        .with_help(format!("move `record: {name}` above `record: {}`", by.name.text))
                }
            };
            problems.set_subject(None);
            problems.push(diagnostic);
        }
    }
}

/// Returns which derived metrics an expression reads, and where.
fn reads(expr: &Expr, numbers: &BTreeMap<&str, usize>) -> Vec<(usize, Span)> {
    let named = expr.selectors().into_iter().filter_map(|one| Some((*numbers.get(one.selector.metric()?)?, one.span)));
    named.collect()
}

/// Returns the way from one derived metric to another along what they read, both included.
fn way(reads: &[Vec<(usize, Span)>], from: usize, to: usize) -> Option<Vec<usize>> {
    let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if at == to {
            let mut way = vec![at];
            while let Some(before) = way.last().filter(|last| **last != from).and_then(|last| came_from.get(last)) {
                way.push(*before);
            }
            way.reverse();
            return Some(way);
        }
        for (next, _) in &reads[at] {
            if *next != from && !came_from.contains_key(next) {
                came_from.insert(*next, at);
                open.push(*next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::check;

    #[test]
    fn derived_metrics_read_what_stands_above() {
        let derived = |lines: &str| format!("alertctl: 1\nderived:\n{lines}\n");
        for (lines, expected) in [
            ("- {record: a, expr: a + 1}", &["derived-cycle 3:21 the derived metric `a` reads itself"] as &[&str]),
            (
                "- {record: a, expr: b}\n- {record: b, expr: 'rate(c[5m])'}\n- {record: c, expr: a}",
                &[
                    "derived-cycle 3:21 derived metrics read each other in a circle: a -> b -> c -> a",
                    "derived-cycle 4:27 derived metrics read each other in a circle: b -> c -> a -> b",
                ],
            ),
            (
                "- {record: a, expr: b}\n- {record: b, expr: x}",
                &["derived-order 3:21 `a` reads `b`, which stands below it"],
            ),
            (
                "- {record: a, expr: x}\n- {record: a, expr: y}",
                &["duplicate-derived 4:12 two rules of one file derive the metric `a`"],
            ),
            ("- {expr: x}", &["derived-name 3:3 this derived metric has no name"]),
            ("- {record: a}", &["missing-expr 3:3 this rule has no `expr`"]),
            ("- {record: 'a{}', expr: x}", &["record-name 3:14 `a{}` is no metric name: it has braces"]),
            (
                "- {record: a, expr: 'x[5m]', above: 1}",
                &[
                    "rule-type 3:22 this expression is a range vector: a rule needs an instant vector or a scalar",
                    "unknown-key 3:30 `above` is not a key of a derived metric",
                ],
            ),
        ] {
            check(&derived(lines), expected);
        }
    }
}
