//! Alerts that are an expression and nothing else, for a quick look without a file.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostics;
use crate::promql::ast::Expr;
use crate::source::{FileId, FileSpan, Located, SourceMap, Span, TextMap};
use crate::time::Millis;
use crate::yaml::problems::Problems;

use super::template::Template;
use super::{Evaluate, Form, Group, Rule, RuleFile, RuleKind, rule};

/// The name that messages give to the text of the expressions; a line of it is an expression.
const FILE: &str = "<expr>";
/// The name of the group, and of an alert whose expression names no metric.
const NAME: &str = "expr";

/// What holds for all alerts that are made of expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quick {
    /// How long the condition must hold before an alert fires.
    pub hold: Millis,
    /// How long an alert goes on firing after the condition is gone.
    pub keep_firing: Millis,
    /// The label `severity`; none sets no label.
    pub severity: Option<String>,
}

/// Makes one group of an alert for each PromQL expression and adds their text to the sources. Every problem is
/// reported; `None` when there is one.
///
/// An alert is named after the first metric of its expression (`temp` of `temp > 80`; `expr` where there is none); of
/// two with one name the second is `temp_2`. The group has no interval of its own.
pub fn quick(
    sources: &mut SourceMap,
    expressions: &[String],
    common: &Quick,
    diagnostics: &mut Diagnostics,
) -> Option<RuleFile> {
    let file = sources.add(FILE, expressions.join("\n"));
    let mut problems = Problems::new(file, diagnostics);
    let mut names = BTreeSet::new();
    let mut start = 0;
    let mut rules = Vec::new();
    for text in expressions {
        problems.set_subject(Some((NAME.to_owned(), String::new())));
        let text = located(text, file, start);
        start += text.text.len() + 1;
        let expr = rule::parsed(&text, false, &mut problems);
        let name = free_name(metric(&expr).unwrap_or(NAME), &mut names);
        rules.push(alert(name, text, expr, common));
    }
    let at = FileSpan { file, span: Span::default() };
    let name = Located { text: NAME.to_owned(), ..located("", file, 0) };
    let group = Group { name, evaluate: Evaluate::ByDefault, query_offset: None, limit: 0, rules, at, parts: None };
    (problems.finish() == 0).then(|| RuleFile { file, form: Form::Prometheus, groups: vec![group] })
}

fn alert(name: String, text: Located, expr: Expr, common: &Quick) -> Rule {
    let severity = common.severity.iter().map(|severity| ("severity".to_owned(), Template::literal(severity)));
    Rule {
        name: Located { text: name, map: TextMap::verbatim(text.span.start, 0), ..text.clone() },
        kind: RuleKind::Alert { hold: common.hold, keep_firing: common.keep_firing, annotations: Vec::new() },
        at: text.whole(),
        text,
        expr,
        condition: None,
        labels: severity.collect(),
        enabled: true,
        actions: Vec::new(),
        parts: None,
    }
}

/// Returns an expression that begins at an offset of the file.
fn located(text: &str, file: FileId, start: usize) -> Located {
    let span = Span::new(start, start + text.len());
    Located { text: text.to_owned(), file, span, map: TextMap::verbatim(span.start, span.end - span.start) }
}

/// Returns the first metric that an expression names.
fn metric(expr: &Expr) -> Option<&str> {
    let named = expr.selectors().into_iter().filter_map(|one| Some((one.span.end, one.selector.metric()?)));
    named.filter(|(_, name)| !name.is_empty()).min_by_key(|(end, _)| *end).map(|(_, name)| name)
}

/// Returns the name, or with a number behind it if it is taken.
fn free_name(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut free = name.to_owned();
    let mut number = 2;
    while !taken.insert(free.clone()) {
        free = format!("{name}_{number}");
        number += 1;
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes alerts and returns their names, or `code line:column` of each problem.
    fn check(expressions: &[&str], expected: &[&str]) {
        let texts: Vec<String> = expressions.iter().map(|text| (*text).to_owned()).collect();
        let mut sources = SourceMap::default();
        let mut diagnostics = Diagnostics::default();
        let file = quick(&mut sources, &texts, &Quick::default(), &mut diagnostics);
        assert_eq!(file.is_none(), diagnostics.has_errors());
        let told: Vec<String> = match file {
            Some(file) => file.groups[0].rules.iter().map(|rule| rule.name.text.clone()).collect(),
            None => {
                let place = |at: FileSpan| {
                    let position = sources.position(at);
                    format!("{} {}:{}", sources.file(at.file).name, position.line, position.column)
                };
                let found = diagnostics.sorted();
                let mark = |found: &crate::diagnostic::Diagnostic| found.primary.as_ref().map(|mark| mark.at);
                found.iter().map(|one| format!("{} {}", one.code, place(mark(one).expect("a place")))).collect()
            }
        };
        assert_eq!(told, expected, "{expressions:?}");
    }

    #[test]
    fn alerts_are_named_after_their_first_metric() {
        check(&["temp > 80", "sum(rate(errors_total[5m])) / sum(requests_total) > 0.1"], &["temp", "errors_total"]);
        check(&["temp > 80", "temp > 90", "temp_2 > 1", "temp > 99"], &["temp", "temp_2", "temp_2_2", "temp_3"]);
        check(&["vector(1)", "{job=\"a\"}", "{\"disk.free\"} < 1"], &["expr", "expr_2", "disk.free"]);
        check(&["80 < max(hot) or cold"], &["hot"]);
    }

    #[test]
    fn problems_are_told_by_expression() {
        check(&["up == 0", "temp >> 80"], &["promql-syntax <expr> 2:7"]);
        check(&["up[5m]", ""], &["rule-type <expr> 1:1", "promql-syntax <expr> 2:1"]);
        check(&["up ==\n  nope()"], &["promql-function <expr> 2:3"]);
    }

    #[test]
    fn all_have_what_is_common() {
        let common = Quick { hold: Millis(1), keep_firing: Millis(2), severity: Some("page {{".to_owned()) };
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let file = quick(&mut sources, &["up == 0".to_owned()], &common, &mut diagnostics).expect("valid");
        let rule = &file.groups[0].rules[0];
        assert!(matches!(rule.kind, RuleKind::Alert { hold: Millis(1), keep_firing: Millis(2), .. }));
        assert_eq!(rule.labels, [("severity".to_owned(), Template::literal("page {{"))]);
    }
}
