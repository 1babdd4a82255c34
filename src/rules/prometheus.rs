//! Rule files in Prometheus' form.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, codes};
use crate::source::{FileSpan, Located, Span, TextMap};
use crate::time::Millis;
use crate::yaml::Node;
use crate::yaml::fields::{Field, Fields, Named};
use crate::yaml::problems::Problems;

use super::keys::Keys;
use super::rule::{self, GroupLabel};
use super::{Evaluate, Group, other};

pub(super) const GROUP_KEYS: [&str; 6] = ["name", "interval", "query_offset", "limit", "labels", "rules"];

/// Reads the groups of a file, of which `fields` are the keys; `name` is the file's. An empty file has none.
///
/// Source: Prometheus' `rulefmt`.
pub(super) fn groups(mut fields: Fields<'_>, name: &str, keys: &mut Keys, problems: &mut Problems<'_>) -> Vec<Group> {
    if let Some(other) = other::of(&fields) {
        other.refuse(name, problems);
        return Vec::new();
    }
    let groups = fields.take("groups");
    keys.finish(fields, "a rule file", &["groups"], top_hint, problems);
    listed(groups, false, keys, problems)
}

/// Reads a list of groups, each of another name; `kubernetes`: inside a resource.
pub(super) fn listed(
    groups: Option<Field<'_>>,
    kubernetes: bool,
    keys: &mut Keys,
    problems: &mut Problems<'_>,
) -> Vec<Group> {
    let nodes = groups.map(|field| field.sequence(problems)).unwrap_or_default();
    let mut names = BTreeMap::new();
    nodes.iter().filter_map(|node| group(node, kubernetes, &mut names, keys, problems)).collect()
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
    keys: &mut Keys,
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
    let languages = fields.peek("type").filter(|field| !matches!(field.value_text(), "prometheus" | ""));
    if let Some(language) = languages {
        // A key of vmalert, whose other types are not PromQL.
        let message =
            format!("rules of the type `{}` are not PromQL: they are not evaluated here", language.value_text());
        problems.error(codes::NOT_SUPPORTED, message, language.value.span);
        fields.take("type");
    }
    keys.finish(fields, "a group", &GROUP_KEYS, group_hint, problems);
    let rules = listed.iter().filter_map(|node| rule::read(node, &name.text, &mut labels, keys, problems)).collect();
    problems.set_subject(None);
    // An interval of 0 is the default one.
    let interval = interval.filter(|interval| *interval != Millis::ZERO);
    let evaluate = interval.map_or(Evaluate::ByDefault, Evaluate::Every);
    Some(Group { name, evaluate, query_offset, limit, rules, at })
}

pub(super) fn group_name<'a>(
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
