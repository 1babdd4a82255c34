//! Rule files in Prometheus' form.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, codes};
use crate::source::{FileSpan, Located, Span, TextMap};
use crate::threads;
use crate::time::Millis;
use crate::yaml::Node;
use crate::yaml::fields::{Field, Fields, Named};
use crate::yaml::problems::Problems;

use super::keys::Keys;
use super::parts::{GroupParts, Part};
use super::rule::{self, GroupLabel};
use super::template::Template;
use super::{Evaluate, Group, Rule, other};

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

/// Reads a list of groups, each of another name; `kubernetes`: inside a resource. The rules of a long list are read in
/// several threads; what is found is in order all the same.
pub(super) fn listed(
    groups: Option<Field<'_>>,
    kubernetes: bool,
    keys: &mut Keys,
    problems: &mut Problems<'_>,
) -> Vec<Group> {
    let nodes = groups.map(|field| field.sequence(problems)).unwrap_or_default();
    let ground = problems.ground();
    let mut names = BTreeMap::new();
    let head = |node| {
        let mut own = ground.part();
        (head(node, kubernetes, &mut names, keys, &mut own), own)
    };
    let heads: Vec<(Option<Head<'_>>, Problems<'_>)> = nodes.iter().map(head).collect();
    let parts: Vec<Stretch<'_>> = heads.iter().filter_map(|(head, _)| head.as_ref()).flat_map(Head::parts).collect();
    let blank = keys.part();
    let read = |part: &Stretch<'_>| part.read(blank.part(), ground.part());
    let pays = parts.iter().map(|part| part.rules.len()).sum::<usize>() > PART;
    let mut read = threads::map(&parts, pays, read).into_iter();
    let mut all = Vec::new();
    for (head, own) in heads {
        problems.take(own);
        let Some(head) = head else { continue };
        let mut group = head.group;
        group.rules.reserve_exact(head.rules.len());
        for (rules, own_keys, own) in read.by_ref().take(head.parts) {
            group.rules.extend(rules);
            keys.take(own_keys);
            problems.take(own);
        }
        all.push(group);
    }
    all
}

/// How many rules of a group are read together.
const PART: usize = 64;

/// A group whose rules were not read yet.
struct Head<'a> {
    group: Group,
    labels: Vec<Named<'a>>,
    rules: &'a [Node],
    /// How many parts its rules are read in.
    parts: usize,
}

impl<'a> Head<'a> {
    fn parts(&self) -> impl Iterator<Item = Stretch<'_>> {
        let most = if self.parts > 1 { PART } else { self.rules.len().max(1) };
        let part = |rules| Stretch { group: &self.group.name.text, labels: &self.labels, rules };
        self.rules.chunks(most).map(part)
    }
}

/// Rules of one group that are read together.
struct Stretch<'a> {
    group: &'a str,
    labels: &'a [Named<'a>],
    rules: &'a [Node],
}

impl Stretch<'_> {
    fn read(&self, mut keys: Keys, mut problems: Problems<'static>) -> (Vec<Rule>, Keys, Problems<'static>) {
        let mut labels: Vec<GroupLabel<'_>> = self.labels.iter().copied().map(GroupLabel::new).collect();
        let read = |node| rule::read(node, self.group, &mut labels, &mut keys, &mut problems);
        let mut rules = Vec::with_capacity(self.rules.len());
        rules.extend(self.rules.iter().filter_map(read));
        (rules, keys, problems)
    }
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

/// Reads all of a group but its rules.
fn head<'a>(
    node: &'a Node,
    kubernetes: bool,
    names: &mut BTreeMap<&'a str, Span>,
    keys: &mut Keys,
    problems: &mut Problems<'_>,
) -> Option<Head<'a>> {
    if is_left_out(node, "a group", problems) {
        return None;
    }
    let mut fields = Fields::open(node, "a group", problems)?;
    let name_field = fields.take("name");
    let at = problems.at(name_field.map_or(fields.span, |field| field.key_span));
    let name = group_name(name_field, node, names, problems);
    problems.set_subject(Some((name.text.clone(), String::new())));
    let [interval, query_offset, limit] = ["interval", "query_offset", "limit"].map(|key| fields.take(key));
    let parts = keys.keep_parts().then(|| {
        let [interval, query_offset, limit] =
            [interval, query_offset, limit].map(|field| Some(Part::of(field?, problems)));
        Box::new(GroupParts { span: problems.at(fields.span), interval, limit, query_offset, within: None })
    });
    let interval = interval.and_then(|field| field.duration(problems));
    let query_offset = query_offset.and_then(|field| field.duration(problems));
    let limit = limit.map_or(0, |field| field.count(problems));
    let labels: Vec<Named<'_>> = fields.take("labels").map(|field| field.texts(problems)).unwrap_or_default();
    labels.iter().for_each(|label| rule::check_label_name(*label, problems));
    let rules = fields.take("rules").map(|field| field.sequence(problems)).unwrap_or_default();
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
    // An interval of 0 is the default one.
    let interval = interval.filter(|interval| *interval != Millis::ZERO);
    let evaluate = interval.map_or(Evaluate::ByDefault, Evaluate::Every);
    let group = Group { name, evaluate, query_offset, limit, rules: Vec::new(), at, parts };
    // A label that is wrong is told of where the first rule uses it, and not again: its rules are one part.
    let sound = labels.iter().all(|label| label.text.is_none_or(|text| Template::parse(&text.text).is_ok()));
    let parts = if sound { rules.len().div_ceil(PART) } else { rules.len().min(1) };
    Some(Head { group, labels, rules, parts })
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

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::diagnostic::Diagnostics;
    use crate::rules::keys::Reading;
    use crate::source::SourceMap;
    use crate::yaml;

    use super::*;

    /// Reads groups one rule after the other, all of them into one list of problems.
    fn plainly(groups: Option<Field<'_>>, keys: &mut Keys, problems: &mut Problems<'_>) -> Vec<Group> {
        let nodes = groups.map(|field| field.sequence(problems)).unwrap_or_default();
        let mut names = BTreeMap::new();
        let mut all = Vec::new();
        for node in nodes {
            let Some(Head { mut group, labels, rules, .. }) = head(node, false, &mut names, keys, problems) else {
                continue;
            };
            let mut labels: Vec<GroupLabel<'_>> = labels.into_iter().map(GroupLabel::new).collect();
            let name = group.name.text.clone();
            group.rules.extend(rules.iter().filter_map(|node| rule::read(node, &name, &mut labels, keys, problems)));
            problems.set_subject(None);
            all.push(group);
        }
        all
    }

    /// Returns what a text holds and what is wrong with it, read by one of the two ways.
    fn read(text: &str, ignore: bool, in_parts: bool) -> (Vec<String>, Vec<String>) {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let (mut problems, root) = yaml::open(&mut sources, "a.yml", text.as_bytes(), "a rule file", &mut diagnostics);
        let root = root.expect("a document");
        let mut fields = Fields::open(&root, "a rule file", &mut problems).expect("a mapping");
        let groups = fields.take("groups");
        let mut keys = Keys::new(Reading { ignore_unknown_fields: ignore, keep_parts: false });
        let read = match in_parts {
            true => listed(groups, false, &mut keys, &mut problems),
            false => plainly(groups, &mut keys, &mut problems),
        };
        keys.tell(&mut problems);
        let errors = problems.finish();
        let mut told: Vec<String> = diagnostics.sorted().iter().map(|found| format!("{found:?}")).collect();
        told.push(format!("{errors} {}", diagnostics.count(crate::diagnostic::Severity::Error)));
        (read.iter().map(|group| format!("{group:?}")).collect(), told)
    }

    #[test]
    fn rules_that_are_read_in_parts_are_those_of_a_plain_reading() {
        let mut text = "groups:\n".to_owned();
        for (group, rules) in [3, 150, 0, 64, 400].into_iter().enumerate() {
            writeln!(text, "- name: g{}", group.min(3)).expect("a text");
            match group {
                1 => text += "  labels: {team: '{{ $x }}', area: '{{ $value }}'}\n  eval_delay: 1m\n",
                4 => text += "  labels: {team: a, '': b}\n",
                _ => {}
            }
            text += "  rules:\n";
            for rule in 0..rules {
                let name = format!("A{group}x{rule}");
                match rule % 7 {
                    0 => writeln!(text, "  - {{alert: {name}, expr: 'x > {rule}', labels: {{team: b}}}}"),
                    1 => writeln!(text, "  - {{alert: {name}, expr: 'x >'}}"),
                    2 => writeln!(text, "  - {{alert: {name}, expr: x, annotations: {{a: '{{{{ $y }}}}'}}}}"),
                    3 => writeln!(text, "  - {{record: {name}, expr: x, for: 5m, debug: 1}}"),
                    4 => writeln!(text, "  - {{alert: {name}, expr: x, fro: 5m, for: 5}}"),
                    5 if rule == 5 => writeln!(text, "  - &wrong{group} {{alert: {name}, expr: 'foo()'}}"),
                    5 if rules > 5 => writeln!(text, "  - *wrong{group}"),
                    _ => writeln!(text, "  -"),
                }
                .expect("a text");
            }
        }
        for ignore in [false, true] {
            let (in_parts, plain) = (read(&text, ignore, true), read(&text, ignore, false));
            assert_eq!(in_parts.0, plain.0);
            let other = in_parts.1.iter().zip(&plain.1).find(|(in_parts, plain)| in_parts != plain);
            assert_eq!((other, in_parts.1.len()), (None, plain.1.len()));
            assert!(plain.1.len() > 50 && plain.1.iter().any(|found| found.contains("more-problems")));
        }
    }
}
