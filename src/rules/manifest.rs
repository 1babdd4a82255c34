//! Rules in Kubernetes manifests: resources that hold them, in one document or several, and files in ConfigMaps.

use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::source::{Located, Span};
use crate::yaml::fields::Fields;
use crate::yaml::problems::Problems;
use crate::yaml::{self, Content, Node};

use super::keys::Keys;
use super::other::{self, value};
use super::{Form, Group, form, native, prometheus};

/// The endings of files in a ConfigMap that are read whatever is in them.
const ENDINGS: [&str; 4] = [".yml", ".yaml", ".json", ".rules"];

/// The kinds of resource whose `spec` has groups: those of Prometheus' and VictoriaMetrics' operators.
const RULES: [&str; 2] = ["PrometheusRule", "VMRule"];

/// Returns whether a document is a Kubernetes resource.
pub(super) fn is_resource(node: &Node) -> bool {
    let text = |key| value(node, key).is_some_and(|value| value.scalar().is_some());
    let known = || value(node, "kind").and_then(Node::scalar).is_some_and(|kind| RULES.contains(&kind.text()));
    text("kind") && (text("apiVersion") || known()) && value(node, "alertctl").is_none()
}

/// Reads the groups of all documents of a manifest, of which the first is a resource.
pub(super) fn groups(documents: &[Node], keys: &mut Keys, problems: &mut Problems<'_>) -> (Form, Vec<Group>) {
    let mut manifest =
        Manifest { keys, problems, groups: Vec::new(), native: Vec::new(), holders: 0, others: Vec::new() };
    documents.iter().for_each(|document| manifest.document(document));
    manifest.finish()
}

/// What a manifest holds, as it is read.
struct Manifest<'a, 'd> {
    keys: &'a mut Keys,
    problems: &'a mut Problems<'d>,
    /// Those of Prometheus' form.
    groups: Vec<Group>,
    /// Those of the native form, and where each begins.
    native: Vec<(Group, Span)>,
    /// How many resources and entries of ConfigMaps hold rules, or should.
    holders: usize,
    /// What the others are, and where.
    others: Vec<(String, Span)>,
}

impl Manifest<'_, '_> {
    fn document(&mut self, node: &Node) {
        if is_resource(node) {
            return self.resource(node);
        }
        let message = "this document is not a Kubernetes resource, and the first of the file is one";
        let help = "put it in a file of its own";
        self.problems.error_with_help(codes::NOT_A_RULE_FILE, message, prometheus::first_of(node.span), help);
        self.holders += 1;
    }

    fn resource(&mut self, node: &Node) {
        let Some(mut fields) = Fields::open(node, "a Kubernetes resource", self.problems) else { return };
        let Some(kind) = fields.take("kind") else {
            if !node.cut {
                let at = prometheus::first_of(fields.span);
                let message = "this entry is not a Kubernetes resource: it has no `kind`";
                self.problems.error(codes::MISSING_KEY, message, at);
                self.holders += 1;
            }
            return;
        };
        let name = kind.value_text();
        match name {
            _ if RULES.contains(&name) => self.rules(name, fields, node.cut),
            "ConfigMap" => self.config_map(fields, kind.value.span),
            _ => match fields.peek("items").filter(|_| name.ends_with("List")) {
                Some(items) => {
                    let items = items.sequence(self.problems);
                    self.list(items);
                }
                None => self.others.push((format!("`{name}`"), kind.value.span)),
            },
        }
    }

    fn list(&mut self, items: &[Node]) {
        for item in items {
            if prometheus::is_left_out(item, "a resource", self.problems) {
                continue;
            }
            self.resource(item);
        }
    }

    fn rules(&mut self, kind: &str, mut fields: Fields<'_>, cut: bool) {
        self.holders += 1;
        let what = format!("the `spec` of a {kind}");
        let Some(spec) = fields.take("spec") else {
            if !cut {
                let message = format!("this {kind} has no `spec`");
                let at = prometheus::first_of(fields.span);
                self.problems.error_with_help(codes::MISSING_KEY, message, at, "its groups stand in `spec.groups`");
            }
            return;
        };
        let Some(mut spec) = Fields::open(spec.value, &what, self.problems) else { return };
        let groups = spec.take("groups");
        self.keys.finish(spec, &what, &["groups"], |_| None, self.problems);
        self.groups.extend(prometheus::listed(groups, true, self.keys, self.problems));
    }

    fn config_map(&mut self, mut fields: Fields<'_>, at: Span) {
        let data = fields.take("data").and_then(|field| Fields::open(field.value, "`data`", self.problems));
        let mut entries = data.map(Fields::rest).into_iter().flatten().peekable();
        if entries.peek().is_none() {
            let binary = fields.peek("binaryData").map_or("", |_| ", and its `binaryData` is not read");
            self.others.push((format!("a ConfigMap without `data`{binary}"), at));
        }
        for entry in entries {
            let (name, text) = (entry.key.text(), entry.value.scalar());
            let Some(text) = text.filter(|text| !text.is_null() && may_hold_rules(name, text.text())) else {
                self.others.push((format!("`{name}` of a ConfigMap"), entry.key_span));
                continue;
            };
            self.config_file(name, &text.located, entry.key_span);
        }
    }

    /// Reads a file of a ConfigMap.
    fn config_file(&mut self, name: &str, text: &Located, at: Span) {
        let before = self.problems.errors();
        let read = yaml::read_within(text, |_| false, self.problems);
        if let Some(more) = read.more {
            yaml::ignored_document(more, self.problems);
        }
        let Some(root) = read.documents.first() else {
            self.holders += self.problems.errors() - before;
            return;
        };
        if other::refuse_list(root, self.problems) {
            self.holders += 1;
            return;
        }
        let Content::Mapping(_) = &root.content else {
            self.others.push((format!("`{name}` of a ConfigMap"), at));
            return;
        };
        let Some(fields) = Fields::open(root, "a rule file", self.problems) else { return };
        if let Some(other) = other::of(&fields) {
            self.others.push((format!("`{name}` ({})", other.what), at));
            return;
        }
        self.holders += 1;
        let within = |mut group: Group| {
            if let Some(parts) = &mut group.parts {
                parts.within = Some(text.whole());
            }
            group
        };
        match form::of(&fields, root.cut, self.problems) {
            Some(Form::Prometheus) => {
                let groups = prometheus::groups(fields, name, self.keys, self.problems);
                self.groups.extend(groups.into_iter().map(within));
            }
            Some(Form::Native) => {
                let span = prometheus::first_of(fields.span);
                let group = native::group(fields, name, self.keys.keep_parts(), self.problems);
                self.native.push((within(group), span));
            }
            None => {}
        }
    }

    /// Says what holds no rules; an error where nothing does.
    fn finish(self) -> (Form, Vec<Group>) {
        let Self { problems, groups, native, holders, others, .. } = self;
        if let Some((_, at)) = others.first().cloned() {
            let mut names: Vec<String> = Vec::new();
            for (name, _) in others {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            if holders > 0 {
                let message = format!("left out, since there are no rules in: {}", names.join(", "));
                let info = Diagnostic::new(codes::OTHER_RESOURCE, Severity::Info, message);
                problems.push(info.with_mark(problems.at(at), ""));
            } else {
                let message = match names.as_slice() {
                    [kind] if kind.starts_with('`') && kind.ends_with('`') => {
                        format!("a Kubernetes {kind} holds no rules that are read here")
                    }
                    _ => format!("this manifest holds no rules, only {}", names.join(", ")),
                };
                let help = "give the rule file itself, a `PrometheusRule`, or a ConfigMap that holds rule files";
                problems.error_with_help(codes::NOT_A_RULE_FILE, message, at, help);
            }
        }
        match native.first() {
            Some((_, at)) if !groups.is_empty() => {
                let message = "this manifest has rules of Prometheus' form, and of alertctl's own";
                let help = "put each form in a manifest of its own";
                problems.error_with_help(codes::RULE_FORM, message, *at, help);
                (Form::Prometheus, groups)
            }
            Some(_) => (Form::Native, native.into_iter().map(|(group, _)| group).collect()),
            None => (Form::Prometheus, groups),
        }
    }
}

/// Returns whether a file of a ConfigMap may be one of rules: by its ending, or by a key that names a form.
fn may_hold_rules(name: &str, text: &str) -> bool {
    let named = |line: &str| line.starts_with("groups:") || line.starts_with("alertctl:");
    ENDINGS.iter().any(|ending| name.ends_with(ending)) || text.lines().any(named)
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, load};

    const RULE: &str = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n  groups:\n  - name: g\n    \
                        rules:\n    - alert: A\n      expr: up\n";

    /// Returns the alerts that a manifest holds, each with its line.
    fn alerts(text: &str) -> Vec<String> {
        let (sources, file, found) = load(text);
        let file = file.unwrap_or_else(|| panic!("{found:?}"));
        let rules = file.groups.iter().flat_map(|group| &group.rules);
        rules.map(|rule| format!("{}:{}", rule.name.text, sources.position(rule.at).line)).collect()
    }

    #[test]
    fn all_documents_and_items_are_read() {
        assert_eq!(alerts(&format!("{RULE}---\n{RULE}---\n---\n# end\n")), ["A:7", "A:16"]);
        assert_eq!(alerts(&format!("---\n# one\n---\n{RULE}")), ["A:10"]);
        let item = RULE.trim_end().replace('\n', "\n  ");
        assert_eq!(alerts(&format!("apiVersion: v1\nkind: List\nitems:\n- {item}\n- {item}\n")), ["A:10", "A:18"]);
        let json = "{\"apiVersion\": \"v1\", \"kind\": \"PrometheusRuleList\", \"items\": [{\"apiVersion\": \"m/v1\",\n\
                    \t\"kind\": \"PrometheusRule\", \"spec\": {\"groups\": [{\"name\": \"g\", \"rules\": [{\"alert\": \
                    \"A\", \"expr\": \"up\"}]}]}}]}\n";
        assert_eq!(alerts(json), ["A:2"]);
    }

    #[test]
    fn files_of_config_maps_are_read() {
        let head = "apiVersion: v1\nkind: ConfigMap\ndata:\n";
        let text = format!(
            "{head}  a.rules: |\n    groups:\n    - name: g\n      rules:\n      - alert: A\n        expr: foo(\n  \
             prometheus.yml: |\n    scrape_configs: []\n  note.txt: hello\n"
        );
        check(
            &text,
            &[
                "promql-syntax 9:19 expected an expression, found the end of the expression",
                "other-resource 10:3 left out, since there are no rules in: `prometheus.yml` (a Prometheus configuration), \
                 `note.txt` of a ConfigMap",
            ],
        );
        let text = format!("{head}  hot.yml: |\n    alertctl: 1\n    rules: [{{id: hot, metric: temp, above: 80}}]\n");
        assert_eq!(alerts(&text), ["hot:6"]);
        check(
            &format!("{head}  note.txt: hello\n"),
            &["not-a-rule-file 4:3 this manifest holds no rules, only `note.txt` of a ConfigMap"],
        );
    }

    #[test]
    fn what_should_hold_rules_is_reported() {
        check(
            "apiVersion: v1\nkind: List\nitems:\n- spec: {groups: []}\n",
            &["missing-key 4:3 this entry is not a Kubernetes resource: it has no `kind`"],
        );
        check(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  a.yml: |\n    - alert: A\n      expr: up\n",
            &["wrong-type 5:5 a rule file is a mapping of keys to values, this is a list"],
        );
    }

    #[test]
    fn what_holds_no_rules_is_named() {
        let service = "apiVersion: v1\nkind: Service\n";
        check(service, &["not-a-rule-file 2:7 a Kubernetes `Service` holds no rules that are read here"]);
        check(
            &format!("{service}---\n{RULE}---\n{service}"),
            &["other-resource 2:7 left out, since there are no rules in: `Service`"],
        );
        check(
            &format!("{RULE}---\ngroups: []\n"),
            &["not-a-rule-file 10:1 this document is not a Kubernetes resource, and the first of the file is one"],
        );
        check(
            "apiVersion: a\nkind: PrometheusRule\nspecs: []\n",
            &["missing-key 1:1 this PrometheusRule has no `spec`"],
        );
    }
}
