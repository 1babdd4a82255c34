//! Rule files in Prometheus' form, bare or inside a Kubernetes `PrometheusRule`.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, codes};
use crate::source::{FileSpan, Located, Span, TextMap};
use crate::time::Millis;
use crate::yaml::Node;
use crate::yaml::fields::{Field, Fields, Named};
use crate::yaml::problems::Problems;

use super::rule::{self, GroupLabel};
use super::{Evaluate, Group};

const GROUP_KEYS: [&str; 6] = ["name", "interval", "query_offset", "limit", "labels", "rules"];

/// Reads the groups of a file, of which `fields` are the keys. An empty file has none.
///
/// Source: Prometheus' `rulefmt`.
pub(super) fn groups(mut fields: Fields<'_>, problems: &mut Problems<'_>) -> Vec<Group> {
    if let Some((field, what, help)) = other_file(&fields) {
        problems.error_with_help(
            codes::NOT_A_RULE_FILE,
            format!("this is {what}, not a rule file"),
            field.key_span,
            help,
        );
        return Vec::new();
    }
    let kind = fields.peek("kind").and_then(|field| field.value.scalar().map(|kind| (field, kind)));
    let listed = match kind {
        Some((_, kind)) if kind.text() == "PrometheusRule" => {
            let Some(spec) = fields.take("spec") else { return Vec::new() };
            let Some(mut spec) = Fields::open(spec.value, "the `spec` of a PrometheusRule", problems) else {
                return Vec::new();
            };
            let groups = spec.take("groups");
            spec.finish("the `spec` of a PrometheusRule", &["groups"], |_| None, problems);
            groups
        }
        Some((field, kind)) if fields.peek("apiVersion").is_some() => {
            let message = format!("a Kubernetes `{}` holds no rules that are read here", kind.text());
            let help = "give the rule file itself, or a resource of `kind: PrometheusRule`";
            problems.error_with_help(codes::NOT_A_RULE_FILE, message, field.value.span, help);
            return Vec::new();
        }
        _ => {
            let groups = fields.take("groups");
            fields.finish("a rule file", &["groups"], top_hint, problems);
            groups
        }
    };
    let Some(listed) = listed else { return Vec::new() };
    let kubernetes = kind.is_some();
    let mut names = BTreeMap::new();
    let nodes = listed.sequence(problems);
    nodes.iter().filter_map(|node| group(node, kubernetes, &mut names, problems)).collect()
}

/// Returns the key, the name and help for a file that is plainly of another kind.
pub(super) fn other_file<'a>(fields: &Fields<'a>) -> Option<(Field<'a>, &'static str, &'static str)> {
    if fields.peek("groups").is_some() {
        return None;
    }
    let tests = fields.peek("tests").map(|field| (field, "a file of unit tests", "run it with `alertctl test`"));
    tests.or_else(|| {
        let field = fields.peek("scrape_configs").or_else(|| fields.peek("rule_files"))?;
        Some((field, "a Prometheus configuration", "give the files that its `rule_files` names"))
    })
}

fn top_hint(key: &str) -> Option<String> {
    match key {
        "rules" | "name" | "interval" => Some(format!("`{key}` is a key of a group: `groups:`, then `- name: ..`")),
        "alert" | "record" | "expr" => Some("a rule stands in the `rules:` of a group".to_owned()),
        _ => None,
    }
}

fn group_hint(key: &str) -> Option<String> {
    match key {
        "alert" | "record" | "expr" | "for" | "annotations" | "keep_firing_for" => {
            Some(format!("`{key}` is a key of a rule: under `rules:`, indented more"))
        }
        "evaluation_delay" => Some("Prometheus calls it `query_offset`".to_owned()),
        _ => None,
    }
}

/// Tells of an entry of a list that is nothing, which Prometheus leaves out.
pub(super) fn is_left_out(node: &Node, what: &str, problems: &mut Problems<'_>) -> bool {
    if node.is_null() {
        problems.warning(
            codes::EMPTY_ENTRY,
            format!("this entry of the list is empty, expected {what}: it is ignored"),
            node.span,
        );
    }
    node.is_null()
}

fn group<'a>(
    node: &'a Node,
    kubernetes: bool,
    names: &mut BTreeMap<&'a str, Span>,
    problems: &mut Problems<'_>,
) -> Option<Group> {
    if is_left_out(node, "a group", problems) {
        return None;
    }
    let mut fields = Fields::open(node, "a group", problems)?;
    let name_field = fields.take("name");
    let at = problems.at(name_field.map_or(fields.span, |field| field.key_span));
    let name = group_name(name_field, node, names, problems);
    problems.set_subject(Some((name.text.clone(), String::new())));
    let interval = fields.take("interval").and_then(|field| field.duration(problems));
    let query_offset = fields.take("query_offset").and_then(|field| field.duration(problems));
    let limit = fields.take("limit").map_or(0, |field| field.count(problems));
    let named: Vec<Named<'_>> = fields.take("labels").map(|field| field.texts(problems)).unwrap_or_default();
    let mut labels: Vec<GroupLabel<'_>> = Vec::new();
    for label in named {
        rule::check_label_name(label, problems);
        labels.push(GroupLabel::new(label));
    }
    let listed = fields.take("rules").map(|field| field.sequence(problems)).unwrap_or_default();
    if kubernetes {
        // A key of Thanos that the resource's own schema has.
        fields.take("partial_response_strategy");
    }
    fields.finish("a group", &GROUP_KEYS, group_hint, problems);
    let rules = listed.iter().filter_map(|node| rule::read(node, &name.text, &mut labels, problems)).collect();
    problems.set_subject(None);
    // An interval of 0 is the default one.
    let interval = interval.filter(|interval| *interval != Millis::ZERO);
    let evaluate = interval.map_or(Evaluate::ByDefault, Evaluate::Every);
    Some(Group { name, evaluate, query_offset, limit, rules, at })
}

fn group_name<'a>(
    field: Option<Field<'a>>,
    group: &Node,
    names: &mut BTreeMap<&'a str, Span>,
    problems: &mut Problems<'_>,
) -> Located {
    let before = problems.errors();
    let name = field.and_then(|field| field.text(problems));
    let span = name.map_or_else(|| field.map_or(first_of(group.span), |field| field.key_span), |name| name.span);
    match name {
        Some(name) if !name.text.is_empty() => {
            if let Some(first) = names.insert(&name.text, name.span) {
                let message = format!("a second group of this file is called `{}`", name.text);
                let diagnostic = Diagnostic::error(codes::DUPLICATE_GROUP, message, problems.at(span))
                    .with_related(problems.at(first), "first used here")
                    .with_help("give every group of a file its own name");
                problems.push(diagnostic);
            }
        }
        _ if problems.errors() > before || group.cut => {}
        _ => problems.error_with_help(codes::GROUP_NAME, "this group has no name", span, "add `name: ..`"),
    }
    name.cloned().unwrap_or_else(|| nothing(problems.at(span)))
}

/// Returns where something begins, for what is about all of it.
pub(super) fn first_of(span: Span) -> Span {
    Span { start: span.start, end: span.start.saturating_add(1).min(span.end) }
}

/// Stands for a text that was not written.
fn nothing(at: FileSpan) -> Located {
    let map = TextMap::verbatim(at.span.start, 0);
    Located { text: String::new(), file: at.file, span: at.span, map }
}
