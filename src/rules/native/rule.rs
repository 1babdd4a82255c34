//! One alert of a native rule file.

use crate::diagnostic::{Diagnostic, codes};
use crate::labels::METRIC_NAME;
use crate::promql::ast::Expr;
use crate::promql::parse::{parse, parse_matchers};
use crate::rules::prometheus::{first_of, is_left_out};
use crate::rules::rule::{Does, GroupLabel, overlay, template};
use crate::rules::template::Template;
use crate::rules::{Part, Rule, RuleKind, RuleParts, TextPart};
use crate::source::{Located, Span};
use crate::time::Millis;
use crate::yaml::Node;
use crate::yaml::fields::{Field, Fields, Named};
use crate::yaml::problems::Problems;

use super::condition::{self, BESIDE, CONDITIONS, Condition};
use super::stitch::{Series, Stitched};
use super::unique::Names;
use super::{Defaults, action, labels, missing, severity};

const OTHER_KEYS: [&str; 10] =
    ["id", "name", "description", "metric", "match", "for", "severity", "enabled", "labels", "actions"];

/// Reads a rule; `None` when there is a mistake in what it reads or compares, which is reported.
pub(super) fn read<'a>(
    node: &'a Node,
    group: &str,
    defaults: &Defaults<'_>,
    names: &mut Names<'a>,
    problems: &mut Problems<'_>,
) -> Option<Rule> {
    problems.set_subject(Some((group.to_owned(), String::new())));
    if is_left_out(node, "a rule", problems) {
        return None;
    }
    let mut fields = Fields::open(node, "a rule", problems)?;
    let (rule, cut) = (first_of(fields.span), node.cut);
    let id_field = fields.take("id");
    if let Some(scalar) = id_field.and_then(|field| field.value.scalar()) {
        problems.set_subject(Some((group.to_owned(), scalar.text().to_owned())));
    }
    let id = id(id_field, rule, cut, problems);
    if let Some(id) = id {
        names.claim_id(id, problems);
    }
    let (all, metric_field) = (fields.span, fields.take("metric"));
    let metric = metric(metric_field, rule, cut, problems);
    let matchers = fields.take("match").map(|field| matchers(field, problems));
    refuse_expr(fields.take("expr"), metric.is_some(), problems);
    let condition = condition::read(&mut fields, rule, cut, problems);
    let [name, description, hold, rank, enabled, own, actions] =
        ["name", "description", "for", "severity", "enabled", "labels", "actions"].map(|key| fields.take(key));
    let keys: Vec<&str> = OTHER_KEYS.iter().chain(&CONDITIONS).chain(&BESIDE).copied().collect();
    fields.finish("a rule", &keys, hint, problems);

    let hold_text = hold.and_then(|field| field.value.scalar()).map(|scalar| scalar.text().to_owned());
    let hold_field = hold;
    let hold = hold.and_then(|field| field.duration(problems)).unwrap_or(defaults.hold);
    let severity = rank.and_then(|field| severity(field, problems)).unwrap_or(defaults.severity);
    let labels_field = own;
    let own = own.map(|field| labels(field, problems)).unwrap_or_default();
    let mut group_labels: Vec<GroupLabel<'_>> = defaults.labels.iter().copied().map(GroupLabel::new).collect();
    let mut labels = overlay(&own, &mut group_labels, Does::Alert, problems);
    labels.push(("severity".to_owned(), Template::literal(severity)));
    labels.sort_by(|a, b| a.0.cmp(&b.0));
    let texts = [("summary", name), ("description", description)];
    let annotations = texts.into_iter().filter_map(|(called, field)| annotation(called, field?, problems)).collect();
    let parts = defaults.keep_parts.then(|| {
        let part = |field: Option<Field<'_>>| Some(Part::of(field?, problems));
        let named = |(called, field): (&str, Option<Field<'_>>)| Some(TextPart::of_key(called, field?, problems));
        let mut labels: Vec<TextPart> = own.iter().map(|label| TextPart::of(*label, false, problems)).collect();
        let inherited = defaults.labels.iter().filter(|label| own.iter().all(|own| own.name != label.name));
        labels.extend(inherited.map(|label| TextPart::of(*label, true, problems)));
        labels.extend(named(("severity", rank)));
        Box::new(RuleParts {
            span: problems.at(all),
            expr: part(metric_field),
            hold: part(hold_field),
            keep_firing: None,
            labels_key: part(labels_field),
            annotations_key: None,
            labels,
            annotations: texts.into_iter().filter_map(named).collect(),
        })
    });
    let enabled = enabled.is_none_or(|field| field.truth(true, problems));
    let actions = actions.map(|field| action::read(field, problems)).unwrap_or_default();

    // A `match` with a mistake makes no expression.
    let matchers = match matchers {
        Some(matchers) => Some(matchers?),
        None => None,
    };
    let series = Series { metric: metric?, matchers };
    let (text, expr) = expression(series, condition?, problems)?;
    let mut written = condition?.written(series);
    if hold > Millis::ZERO {
        written.push_str(&format!(", for: {}", hold_text.unwrap_or_else(|| hold.to_string())));
    }
    let kind = RuleKind::Alert { hold, keep_firing: Millis::ZERO, annotations };
    let at = problems.at(id_field?.key_span);
    Some(Rule { name: id?.clone(), kind, text, expr, condition: Some(written), labels, enabled, actions, at, parts })
}

fn id<'a>(field: Option<Field<'a>>, rule: Span, cut: bool, problems: &mut Problems<'_>) -> Option<&'a Located> {
    let before = problems.errors();
    let text = field.and_then(|field| field.text(problems));
    match text {
        Some(text) if text.text.trim().is_empty() => {
            problems.error_with_help(codes::RULE_ID, "this `id` is empty", text.span, "`id: temp_hot`");
            None
        }
        Some(text) if text.text.contains(char::is_control) => {
            let message = format!("the id {:?} has a control character: it is the label `alertname`", text.text);
            let clean: String = text.text.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
            problems.error_with_help(codes::RULE_ID, message, text.span, format!("`id: {clean}`"));
            None
        }
        Some(text) => Some(text),
        None => {
            if problems.errors() == before {
                let at = field.map_or(rule, |field| field.key_span);
                missing(codes::RULE_ID, "this rule has no `id`", at, cut, &["`id: temp_hot`".to_owned()], problems);
            }
            None
        }
    }
}

fn metric<'a>(field: Option<Field<'a>>, rule: Span, cut: bool, problems: &mut Problems<'_>) -> Option<&'a Located> {
    let before = problems.errors();
    let text = field.and_then(|field| field.text(problems)).filter(|text| !text.text.trim().is_empty());
    let Some(text) = text else {
        if problems.errors() == before {
            let at = field.map_or(rule, |field| field.key_span);
            missing(codes::METRIC, "this rule has no metric", at, cut, &["`metric: temp`".to_owned()], problems);
        }
        return None;
    };
    let name = text.text.trim();
    if name != text.text {
        let message = "this metric has blanks or line breaks around it";
        problems.error_with_help(codes::METRIC, message, text.span, format!("`metric: {name}`"));
        return None;
    }
    let diagnostic = |message| Diagnostic::error(codes::METRIC, message, text.whole());
    let found = if let Some((metric, rest)) = name.split_once('{').filter(|_| name.ends_with('}')) {
        let message = format!("`{name}` is a selector, `metric` is a name alone");
        let inside = &rest[..rest.len() - 1];
        diagnostic(message).with_help(format!("`metric: {}`", metric.trim())).with_help(format!("`match: '{inside}'`"))
    } else if name.contains(['(', ')', '[', ']', '{', '}', '<', '>', '=', '"', '\n']) {
        diagnostic(format!("`{name}` is an expression, `metric` is a name alone"))
            .with_help(format!("`derived: [{{record: NAME, expr: '{name}'}}]`"))
            .with_help("`metric: NAME`, of that derived metric")
    } else {
        return Some(text);
    };
    problems.push(found);
    None
}

/// Reads the inside of a selector's braces.
fn matchers<'a>(field: Field<'a>, problems: &mut Problems<'_>) -> Option<&'a Located> {
    let before = problems.errors();
    let Some(text) = field.text(problems) else {
        if problems.errors() == before {
            let help = "remove it, or `match: 'host=\"a\"'`";
            problems.error_with_help(codes::MATCH, "`match` is empty", field.key_span, help);
        }
        return None;
    };
    let trimmed = text.text.trim();
    if let Some(inside) = trimmed.strip_prefix('{') {
        let message = "`match` is what stands inside the braces of a selector";
        let inside = inside.strip_suffix('}').unwrap_or(inside);
        problems.error_with_help(codes::MATCH, message, text.span, format!("`match: '{inside}'`"));
        return None;
    }
    match parse_matchers(trimmed) {
        // What is selected of the whole text must be what the text alone says: no name, no comment, no end of it.
        Ok(found) if found.iter().any(|matcher| matcher.name == METRIC_NAME) => {
            let message = "`match` has conditions on labels, the metric is named by `metric`";
            problems.error_with_help(codes::MATCH, message, text.span, "`match: 'host=\"a\"'`");
            None
        }
        Ok(_) if trimmed.contains(['#', '\n']) && has_comment(trimmed) => {
            let message = "a comment in `match` hides the end of the selector";
            problems.error_with_help(
                codes::MATCH,
                message,
                text.span,
                "put the comment after the value, outside the quotes",
            );
            None
        }
        Ok(_) => Some(text),
        Err(problem) => {
            let offset = text.text.len() - text.text.trim_start().len();
            let span = Span::new(problem.span.start as usize + offset, problem.span.end as usize + offset);
            let mut diagnostic =
                Diagnostic::error(codes::MATCH, format!("`match`: {}", problem.message), text.at(span));
            let line = match problem.code {
                codes::PROMQL_REGEX => "a character that is meant as itself stands in brackets, such as `[(]`",
                _ => "`match: 'host=\"a\", port=~\"eth.*\"'`",
            };
            diagnostic.help.push(problem.help.unwrap_or_else(|| line.to_owned()));
            problems.push(diagnostic);
            None
        }
    }
}

/// Returns whether a comment stands in conditions on labels: then a `}` after them is not seen.
fn has_comment(matchers: &str) -> bool {
    !parse(&format!("{{{matchers}}}")).problems.is_empty() && parse(&format!("{{{matchers}\n}}")).problems.is_empty()
}

/// Tells that native rules have no expression of their own.
fn refuse_expr(field: Option<Field<'_>>, has_metric: bool, problems: &mut Problems<'_>) {
    let Some(field) = field else { return };
    let message = "a rule of this form compares a metric and has no `expr`";
    let text: String = field.value_text().chars().take(80).collect();
    let name = if has_metric { "OTHER_NAME" } else { "NAME" };
    let diagnostic = Diagnostic::error(codes::RULE_EXPR, message, problems.at(field.key_span))
        .with_help(format!("`derived: [{{record: {name}, expr: '{}'}}]`", text.replace('\'', "''")))
        .with_help(format!("in the rule: `metric: {name}` and a condition such as `above: 80`"));
    problems.push(diagnostic);
}

fn annotation(called: &str, field: Field<'_>, problems: &mut Problems<'_>) -> Option<(String, Template)> {
    let text = field.text(problems)?;
    let named = Named { name: field.key.text(), name_span: field.key_span, text: Some(text) };
    Some((called.to_owned(), template(named, "the text of", problems)))
}

/// Puts the expression together and reads it.
fn expression(series: Series<'_>, condition: Condition<'_>, problems: &mut Problems<'_>) -> Option<(Located, Expr)> {
    let mut stitched = Stitched::default();
    condition.write(series, &mut stitched);
    let text = stitched.finish(problems.file(), condition.span);
    let parsed = parse(&text.text);
    if let Some(problem) = parsed.problems.into_iter().next() {
        // Of a metric or window that stands several times in the text, one mistake makes several problems.
        let mut diagnostic = Diagnostic::error(problem.code, problem.message, text.at(problem.span));
        diagnostic.help.push(problem.help.unwrap_or_else(|| format!("the rule became `{}`", text.text)));
        problems.push(diagnostic);
        return None;
    }
    Some((text, parsed.expr))
}

/// Returns help for keys of other tools, and of Prometheus' form.
fn hint(key: &str) -> Option<String> {
    let known = match key {
        "alert" | "alertname" | "rule" => "a rule is named by `id:`",
        "annotations" | "summary" | "message" | "title" => {
            "the annotations `summary` and `description` are the keys `name:` and `description:`"
        }
        "threshold" | "condition" | "operator" | "value" | "threshold_range" => {
            "the condition is the key of the number: `above: 80`, `below: 5`, `between: [10, 20]`"
        }
        "greater_than" | "gt" | "over" | "max" => "`above: 80`",
        "less_than" | "lt" | "under" | "min" => "`below: 5`",
        "eq" | "equal" => "`equals: 3`",
        "rate" | "rate_above" => "`rate_of_change: 0.5` with `evaluation_window: 5m`",
        "window" | "evaluation_window_secs" | "range" => "`evaluation_window: 5m`",
        "for_duration" | "for_duration_secs" | "duration" | "hold" => "`for: 1m`",
        "keep_firing_for" => "only Prometheus' form has `keep_firing_for` (`groups:`)",
        "interval" | "evaluate" => "the schedule is one for the whole file: `evaluate: 30s` at the top",
        "disabled" => "`enabled: false`",
        "record" => "a derived metric stands under `derived:`",
        "webhook" | "notify" | "log" => "`actions: [log, notify, {webhook: \"https://hooks.example/alerts\"}]`",
        "selector" | "matchers" | "where" => "`match: 'host=\"a\"'`",
        _ => return None,
    };
    Some(known.to_owned())
}
