//! One rule of a rule file.

use crate::diagnostic::{Diagnostic, codes};
use crate::promql::ast::{Expr, ExprKind, Type};
use crate::promql::parse::parse;
use crate::source::{Located, Span};
use crate::time::Millis;
use crate::yaml::Node;
use crate::yaml::fields::{Field, Fields, Named};
use crate::yaml::problems::Problems;

use super::comments::{ends_in_string, hidden};
use super::keys::Keys;
use super::parts::{Part, RuleParts, TextPart};
use super::prometheus::{first_of, is_left_out};
use super::template::Template;
use super::{Rule, RuleKind};

const RULE_KEYS: [&str; 7] = ["alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"];
/// Those of an alerting rule.
pub(super) const ALERT_KEYS: [&str; 6] = ["alert", "expr", "for", "keep_firing_for", "labels", "annotations"];
/// Those of a recording rule.
pub(super) const RECORD_KEYS: [&str; 3] = ["record", "expr", "labels"];

/// A label of a group, and what it is in alerting rules once one of them has asked.
#[derive(Debug)]
pub(in crate::rules) struct GroupLabel<'a> {
    label: Named<'a>,
    template: Option<Template>,
}

impl<'a> GroupLabel<'a> {
    /// Makes one that nobody has asked for.
    pub(super) fn new(label: Named<'a>) -> Self {
        Self { label, template: None }
    }

    fn template(&mut self, problems: &mut Problems<'_>) -> Template {
        let label = self.label;
        self.template.get_or_insert_with(|| template(label, "label", problems)).clone()
    }
}

/// Whether a rule alerts or records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// It alerts.
    Alert,
    /// It records.
    Record,
}

/// Reads a rule; `None` when it has no expression or name, which is reported.
pub(super) fn read(
    node: &Node,
    group: &str,
    group_labels: &mut [GroupLabel<'_>],
    keys: &mut Keys,
    problems: &mut Problems<'_>,
) -> Option<Rule> {
    problems.set_subject(Some((group.to_owned(), String::new())));
    if is_left_out(node, "a rule", problems) {
        return None;
    }
    let mut fields = Fields::open(node, "a rule", problems)?;
    let span = fields.span;
    let (alert, record) = (fields.take("alert"), fields.take("record"));
    if let Some(name) = alert.or(record).and_then(|field| field.value.scalar()) {
        problems.set_subject(Some((group.to_owned(), name.text().to_owned())));
    }
    let named = name(alert, record, span, problems);
    let does = named.map_or(Does::Alert, |(does, ..)| does);
    let what = match does {
        Does::Alert => "an alerting rule",
        Does::Record => "a recording rule",
    };

    let expr = fields.take("expr");
    let hold = fields.take("for");
    let keep = fields.take("keep_firing_for");
    let labels_field = fields.take("labels");
    let own = labels_field.map(|field| field.texts(problems)).unwrap_or_default();
    let annotations = fields.take("annotations");
    let (all, expr_field) = (fields.span, expr);
    let known: &[&str] = match (alert, record) {
        (Some(_), _) => &ALERT_KEYS,
        (None, Some(_)) => &RECORD_KEYS,
        (None, None) => &RULE_KEYS,
    };
    keys.finish(fields, what, known, |key| hint(key, does), problems);

    let expr = expression(expr, span, problems);
    let (hold_span, keep_span) = (duration(hold, problems), duration(keep, problems));
    let named_annotations = annotations.map(|field| field.texts(problems)).unwrap_or_default();
    let labels = overlay(&own, group_labels, does, problems);
    let kind = match does {
        Does::Alert => {
            let annotations = named_annotations.iter().map(|annotation| {
                check_name(*annotation, "annotation", problems);
                (annotation.name.to_owned(), template(*annotation, "annotation", problems))
            });
            RuleKind::Alert { hold: hold_span, keep_firing: keep_span, annotations: annotations.collect() }
        }
        Does::Record => {
            refuse(hold.filter(|_| hold_span != Millis::ZERO), problems);
            refuse(keep.filter(|_| keep_span != Millis::ZERO), problems);
            refuse(annotations.filter(|_| !named_annotations.is_empty()), problems);
            RuleKind::Record
        }
    };
    let parts = keys.keep_parts().then(|| {
        let part = |field: Option<Field<'_>>| Some(Part::of(field?, problems));
        let mut labels: Vec<TextPart> = own.iter().map(|label| TextPart::of(*label, false, problems)).collect();
        let inherited = group_labels.iter().filter(|group| own.iter().all(|own| own.name != group.label.name));
        labels.extend(inherited.map(|group| TextPart::of(group.label, true, problems)));
        Box::new(RuleParts {
            span: problems.at(all),
            expr: part(expr_field),
            hold: part(hold),
            keep_firing: part(keep),
            labels_key: part(labels_field),
            annotations_key: part(annotations),
            labels,
            annotations: named_annotations.iter().map(|text| TextPart::of(*text, false, problems)).collect(),
        })
    });
    let (_, name, at) = named?;
    let (text, expr) = expr?;
    Some(Rule {
        name: name.clone(),
        kind,
        text,
        expr,
        condition: None,
        labels,
        enabled: true,
        actions: Vec::new(),
        at: problems.at(at),
        parts,
    })
}

/// Returns what the rule does, its name and where the key of the name stands.
fn name<'a>(
    alert: Option<Field<'a>>,
    record: Option<Field<'a>>,
    rule: Span,
    problems: &mut Problems<'_>,
) -> Option<(Does, &'a Located, Span)> {
    let before = problems.errors();
    let mut text = |field: Option<Field<'a>>| {
        let text = field.and_then(|field| field.text(problems)).filter(|text| !text.text.is_empty());
        field.zip(text)
    };
    match (text(alert), text(record)) {
        (Some((alert, name)), None) => Some((Does::Alert, name, alert.key_span)),
        (None, Some((record, name))) => {
            check_record(name, problems);
            Some((Does::Record, name, record.key_span))
        }
        (Some((alert, name)), Some((record, _))) => {
            let message = "a rule has `alert` or `record`, this one has both";
            let diagnostic = Diagnostic::error(codes::RULE_KIND, message, problems.at(record.key_span))
                .with_related(problems.at(alert.key_span), "the other")
                .with_help("remove one, or make two rules of it");
            problems.push(diagnostic);
            Some((Does::Alert, name, alert.key_span))
        }
        (None, None) => {
            if problems.errors() == before {
                let field = alert.or(record);
                let span = field.map_or(first_of(rule), |field| field.key_span);
                let (message, help) = match field {
                    Some(field) => (
                        format!("`{}` is empty", field.key.text()),
                        format!("write a name after `{}:`", field.key.text()),
                    ),
                    None => (
                        "a rule has `alert` or `record`, this one has neither".to_owned(),
                        "add `alert: Name`, or `record: name` to write a series".to_owned(),
                    ),
                };
                problems.error_with_help(codes::RULE_KIND, message, span, help);
            }
            None
        }
    }
}

/// Checks a recorded metric's name.
///
/// Source: Prometheus' `rulefmt`: any UTF-8 text, but no braces, which belong into an expression.
pub(super) fn check_record(name: &Located, problems: &mut Problems<'_>) {
    if let Some(at) = name.text.find(['{', '}']) {
        let span = name.at(Span::new(at, at + 1)).span;
        let message = format!("`{}` is no metric name: it has braces", name.text);
        let help = "`record` is a name alone; set labels under `labels:`, select series in `expr:`";
        problems.error_with_help(codes::RECORD_NAME, message, span, help);
    }
}

fn duration(field: Option<Field<'_>>, problems: &mut Problems<'_>) -> Millis {
    field.and_then(|field| field.duration(problems)).unwrap_or(Millis::ZERO)
}

/// Tells of a key that recording rules do not have.
fn refuse(field: Option<Field<'_>>, problems: &mut Problems<'_>) {
    if let Some(field) = field {
        let message = format!("a recording rule has no `{}`", field.key.text());
        let help = "remove it, or make the rule an alert: `alert:` instead of `record:`";
        problems.error_with_help(codes::RECORDING_RULE_KEY, message, field.key_span, help);
    }
}

/// Returns help for keys that belong elsewhere.
fn hint(key: &str, does: Does) -> Option<String> {
    match key {
        "severity" | "team" | "service" | "priority" => {
            Some(format!("`{key}` is a label: under `labels:`, indented more"))
        }
        "summary" | "description" | "runbook_url" | "dashboard" | "message" | "title" if does == Does::Alert => {
            Some(format!("`{key}` is an annotation: under `annotations:`, indented more"))
        }
        "interval" | "limit" | "query_offset" | "rules" => Some(format!("`{key}` is a key of a group")),
        "name" => Some("a rule is named by `alert:` or `record:`".to_owned()),
        _ => None,
    }
}

/// Reads the expression.
pub(super) fn expression(field: Option<Field<'_>>, rule: Span, problems: &mut Problems<'_>) -> Option<(Located, Expr)> {
    let before = problems.errors();
    let text = field.and_then(|field| field.text(problems)).filter(|text| !text.text.is_empty());
    let Some(text) = text else {
        if problems.errors() == before {
            let (span, message) = match field {
                Some(field) => (field.key_span, "`expr` is empty"),
                None => (first_of(rule), "this rule has no `expr`"),
            };
            problems.error_with_help(
                codes::MISSING_EXPR,
                message,
                span,
                "add `expr:` with an expression, such as `up == 0`",
            );
        }
        return None;
    };
    Some((text.clone(), parsed(text, is_plain(field), problems)))
}

/// Returns whether a value was written bare.
pub(super) fn is_plain(field: Option<Field<'_>>) -> bool {
    field.and_then(|field| field.value.scalar()).is_some_and(|scalar| scalar.plain)
}

/// Reads the text of an expression; its problems are reported. `plain` is whether it was written without quotes.
pub(super) fn parsed(text: &Located, plain: bool, problems: &mut Problems<'_>) -> Expr {
    let parsed = parse(&text.text);
    let clean = parsed.problems.is_empty();
    // What YAML made of the text may be the reason.
    let of_yaml = if clean {
        None
    } else if plain && ends_in_string(&text.text) {
        Some("a ` #` begins a comment of YAML: put the whole expression in quotes, or write it below `expr: |`")
    } else {
        hidden(text).map(|_| "YAML makes one line of these, and a `#` hides what follows in it: write `expr: |`")
    };
    for problem in parsed.problems {
        let mut diagnostic = Diagnostic::error(problem.code, problem.message, text.at(problem.span));
        diagnostic.help.extend(problem.help);
        diagnostic.help.extend(of_yaml.map(str::to_owned));
        problems.push(diagnostic);
    }
    if clean {
        check_type(&parsed.expr, text, problems);
    }
    parsed.expr
}

/// Tells of an expression that no evaluation can use.
fn check_type(expr: &Expr, text: &Located, problems: &mut Problems<'_>) {
    let help = match expr.ty() {
        Type::Matrix if matches!(expr.unparen().kind, ExprKind::Subquery(_)) => {
            "put it in a function that takes a range, such as `max_over_time(..)`"
        }
        Type::Matrix => "put it in a function that takes a range, such as `rate(..)`, or remove the brackets",
        Type::String => "write an expression that selects series, such as `up == 0`",
        Type::Scalar | Type::Vector => return,
    };
    let message = format!("this expression is a {}: a rule needs an instant vector or a scalar", expr.ty().words());
    problems.push(Diagnostic::error(codes::RULE_TYPE, message, text.at(expr.span)).with_help(help));
}

/// Returns the group's labels overlaid by the rule's own, sorted by name.
pub(super) fn overlay(
    own: &[Named<'_>],
    group_labels: &mut [GroupLabel<'_>],
    does: Does,
    problems: &mut Problems<'_>,
) -> Vec<(String, Template)> {
    let mut labels = Vec::new();
    for label in own {
        check_label_name(*label, problems);
        let template = match does {
            Does::Alert => template(*label, "label", problems),
            Does::Record => literal(*label),
        };
        labels.push((label.name.to_owned(), template));
    }
    for label in group_labels {
        if own.iter().all(|own| own.name != label.label.name) {
            let template = match does {
                Does::Alert => label.template(problems),
                Does::Record => literal(label.label),
            };
            labels.push((label.label.name.to_owned(), template));
        }
    }
    labels.sort_by(|a, b| a.0.cmp(&b.0));
    labels
}

/// Checks the name of a label that rules set.
///
/// Source: Prometheus' `rulefmt`: any UTF-8 text that is not empty, but `__name__`.
pub(super) fn check_label_name(label: Named<'_>, problems: &mut Problems<'_>) {
    if label.name == crate::labels::METRIC_NAME {
        let message = "`__name__` cannot be set as a label";
        let help = "of a recording rule it is what stands after `record:`; alerts have none";
        problems.error_with_help(codes::LABEL_NAME, message, label.name_span, help);
    }
    check_name(label, "label", problems);
}

pub(super) fn check_name(named: Named<'_>, what: &'static str, problems: &mut Problems<'_>) {
    if named.name.is_empty() {
        let code = if what == "label" { codes::LABEL_NAME } else { codes::ANNOTATION_NAME };
        problems.error_with_help(
            code,
            format!("this {what} has no name"),
            named.name_span,
            "write a name before the `:`",
        );
    }
}

fn literal(named: Named<'_>) -> Template {
    Template::literal(named.text.map_or("", |text| &text.text))
}

/// Reads a template; of one with problems, which are reported, the text stands for itself.
pub(super) fn template(named: Named<'_>, what: &str, problems: &mut Problems<'_>) -> Template {
    let Some(text) = named.text else { return Template::literal("") };
    match Template::parse(&text.text) {
        Ok(template) => template,
        Err(found) => {
            for problem in found {
                let message = format!("{what} `{}`: {}", named.name, problem.message);
                let mut diagnostic = Diagnostic::error(codes::TEMPLATE, message, text.at(problem.span));
                diagnostic.help.extend(problem.help);
                problems.push(diagnostic);
            }
            Template::literal(&text.text)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Diagnostics;
    use crate::rules::load;
    use crate::source::{FileSpan, SourceMap, Span};

    /// Loads a rule whose lines stand from line 3 on, in column 3; returns `code line:column-column help` of each
    /// problem.
    fn check(rule: &str, expected: &[&str]) {
        let newline = if rule.contains('\r') { "\r\n" } else { "\n" };
        let lines: Vec<String> =
            rule.lines().map(|line| format!("  {}{newline}", line.trim_end_matches('\r'))).collect();
        let text = format!(
            "groups:{newline}- {{name: g, rules: []}}{newline}- name: h{newline}  rules:{newline}{}",
            lines.concat()
        );
        let mut sources = SourceMap::default();
        let mut diagnostics = Diagnostics::default();
        load(&mut sources, "rules.yml", text.as_bytes(), &mut diagnostics);
        let told: Vec<String> = diagnostics
            .sorted()
            .iter()
            .map(|found| {
                let at = found.primary.as_ref().expect("a place").at;
                let end = FileSpan { file: at.file, span: Span { start: at.span.end, end: at.span.end } };
                let (from, to) = (sources.position(at), sources.position(end));
                format!("{} {}:{}-{}", found.code, from.line, from.column, to.column)
            })
            .collect();
        assert_eq!(told, expected, "{text}{diagnostics:#?}");
    }

    #[test]
    fn problems_of_expressions_are_found_in_every_notation() {
        check("- record: a\n  expr: up{x=\"y\"} > foo()\n", &["promql-function 6:23-26"]);
        check("- record: a\n  expr: 'up{x=''y''} > foo()'\n", &["promql-function 6:26-29"]);
        check("- record: a\n  expr: \"up{x=\\\"y\\\"} > foo()\"\n", &["promql-function 6:26-29"]);
        check("- record: a\n  expr: \"up{x='\\u00e9'}\\n\\t> foo()\"\n", &["promql-function 6:32-35"]);
        check("- record: a\n  expr: |\n    up\n      > foo()\n", &["promql-function 8:11-14"]);
        check("- record: a\n  expr: |4-\n      up\n      > foo()\n", &["promql-function 8:11-14"]);
        check("- record: a\n  expr: >-\n    up{x='日本😀'} >\n\n    foo()\n", &["promql-function 9:7-10"]);
        check("- record: a\n  expr: >\n    up{x='日本😀'} > foo()\n    or up\n", &["promql-function 7:21-24"]);
        check("- record: a\r\n  expr: |\r\n    up\r\n    > foo()\r\n", &["promql-function 8:9-12"]);
        check("- record: a\r\n  expr: >\r\n    up\r\n    > foo()\r\n", &["promql-function 8:9-12"]);
        check("- record: a\n  expr: |\n    up\t>\tfoo()\n", &["promql-function 7:12-15"]);
        check("- record: a\n  expr: up\n    >\n    foo()\n", &["promql-function 8:7-10"]);
        check("- record: &a a\n  expr: &e foo()\n- record: b\n  expr: *e\n", &["promql-function 6:14-17"]);
        check(
            "- record: a\n  expr: up +\n- record: b\n  expr: foo() + bar()\n",
            &["promql-syntax 6:15-15", "promql-function 8:11-14", "promql-function 8:19-22"],
        );
    }

    #[test]
    fn expressions_that_no_evaluation_can_use_are_reported() {
        check("- record: a\n  expr: up[5m]\n", &["rule-type 6:11-17"]);
        check("- record: a\n  expr: (up[5m:])\n", &["rule-type 6:11-20"]);
        check("- alert: a\n  expr: '\"x\"'\n", &["rule-type 6:12-15"]);
        check("- alert: a\n  expr: 1\n- alert: b\n  expr: rate(up[5m])\n", &[]);
    }

    #[test]
    fn templates_that_do_not_parse_are_told_of_alerts_alone() {
        check("- alert: a\n  expr: up\n  labels: {x: '{{ $value'}\n", &["template 7:18-20"]);
        check("- alert: a\n  expr: up\n  annotations:\n    x: >\n      a\n      {{ foo }}\n", &["template 10:12-15"]);
        check("- alert: a\n  expr: up\n  annotations: {x: 'it''s {{ $labels.job }}'}\n", &[]);
        check("- record: a\n  expr: up\n  labels: {x: '{{ $value'}\n", &[]);
    }
}
