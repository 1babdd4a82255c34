//! Files that are plainly of another kind than rules: what they are, and what to do.

use crate::diagnostic::{Diagnostic, codes};
use crate::source::Span;
use crate::yaml::fields::{Field, Fields};
use crate::yaml::problems::Problems;
use crate::yaml::{Content, Node};

/// A file of another kind.
#[derive(Debug)]
pub(super) struct Other {
    /// Where it shows.
    at: Span,
    /// What it is, with an article.
    pub(super) what: &'static str,
    /// What to do; `FILE` stands for its name.
    help: Vec<String>,
}

impl Other {
    /// Reports that a file is no rule file.
    pub(super) fn refuse(self, file: &str, problems: &mut Problems<'_>) {
        let message = format!("this is {}, not a rule file", self.what);
        let mut diagnostic = Diagnostic::error(codes::NOT_A_RULE_FILE, message, problems.at(self.at));
        diagnostic.help = self.help.iter().map(|help| help.replace("FILE", file)).collect();
        problems.push(diagnostic);
    }
}

/// A kind of file that some of its keys show.
struct Kind {
    /// One of them is enough; `a+b` needs both.
    keys: &'static [&'static str],
    what: &'static str,
    help: &'static str,
}

const KINDS: [Kind; 9] = [
    Kind {
        keys: &["route+receivers", "inhibit_rules", "receivers", "time_intervals", "mute_time_intervals"],
        what: "an Alertmanager configuration",
        help: "it says who is notified, not what alerts: give the files that `rule_files` of prometheus.yml names",
    },
    Kind {
        keys: &["contactPoints", "policies+apiVersion", "muteTimes", "deleteRules", "datasources+apiVersion"],
        what: "a Grafana provisioning file",
        help: "it holds no alert rules of Prometheus",
    },
    Kind {
        keys: &["panels", "dashboard"],
        what: "a Grafana dashboard",
        help: "write a query of it as a rule, or try it at once: `alertctl eval -e 'QUERY > 5' RECORDING`",
    },
    Kind {
        keys: &["additionalPrometheusRulesMap", "additionalPrometheusRules", "serverFiles"],
        what: "a Helm values file",
        help: "render the chart and give the result: `helm template CHART -f VALUES > rendered.yml`",
    },
    Kind { keys: &["appVersion", "apiVersion+version+name"], what: "a Helm chart's Chart.yaml", help: RENDER },
    Kind {
        keys: &["slos"],
        what: "an SLO specification",
        help: "generate the rules first, for example: `sloth generate -i FILE -o rules.yml`",
    },
    Kind { keys: &["services"], what: "a Docker Compose file", help: "give the rule files themselves" },
    Kind {
        keys: &["alerts+status", "alerts"],
        what: "the answer of `/api/v1/alerts`",
        help: "it has the alerts of one moment; for the rules: `curl SERVER/api/v1/rules > rules.json`",
    },
    Kind {
        keys: &["result", "resultType"],
        what: "the answer of a query",
        help: "it is a recording: `alertctl data FILE`",
    },
];

/// How a template becomes a rule file.
const RENDER: &str = "render it and give the result: `helm template CHART > rendered.yml`";

const GRAFANA: &str = "a file of Grafana-managed alert rules";

/// Returns what a file is that is plainly of another kind, by its keys.
pub(super) fn of(fields: &Fields<'_>) -> Option<Other> {
    if let Some(groups) = fields.peek("groups") {
        let at = fields.peek("apiVersion").filter(|field| field.value_text() == "1").or_else(|| grafana(groups))?;
        let help = "Grafana evaluates them itself; for each, write `alert:` and an `expr:` of its query and threshold";
        return Some(Other { at: at.key_span, what: GRAFANA, help: vec![help.to_owned()] });
    }
    if let Some(field) = fields.peek("tests") {
        let mut help = vec!["it is run by `promtool test rules FILE`".to_owned()];
        help.extend(named(fields, "the rules that it tests"));
        return Some(Other { at: field.key_span, what: "a file of unit tests", help });
    }
    let prometheus = ["scrape_configs", "rule_files", "scrape_config_files", "remote_write", "remote_read"];
    let alerting = fields.peek("alerting").filter(|_| fields.peek("global").is_some());
    if let Some(field) = prometheus.into_iter().find_map(|key| fields.peek(key)).or(alerting) {
        let help = named(fields, "its rules");
        let help = help.unwrap_or_else(|| "give the files that its `rule_files` names".to_owned());
        return Some(Other { at: field.key_span, what: "a Prometheus configuration", help: vec![help] });
    }
    for kind in &KINDS {
        for keys in kind.keys {
            let found: Option<Vec<Field<'_>>> = keys.split('+').map(|key| fields.peek(key)).collect();
            if let Some(field) = found.and_then(|found| found.first().copied()) {
                return Some(Other { at: field.key_span, what: kind.what, help: vec![kind.help.to_owned()] });
            }
        }
    }
    None
}

/// Returns the line that names the rule files of a file that lists them.
fn named(fields: &Fields<'_>, what: &str) -> Option<String> {
    let Content::Sequence(items) = &fields.peek("rule_files")?.value.content else { return None };
    let names: Vec<&str> = items.iter().filter_map(|item| Some(item.scalar()?.text())).take(5).collect();
    (!names.is_empty()).then(|| format!("{what}: `alertctl check {}`", names.join(" ")))
}

/// Returns the key by which the first rule of a list of groups is one of Grafana.
fn grafana(groups: Field<'_>) -> Option<Field<'_>> {
    let rule = first(value(first(groups.value)?, "rules")?)?;
    ["grafana_alert", "folderUid"].into_iter().any(|key| value(rule, key).is_some()).then_some(groups).or_else(|| {
        let all = ["uid", "title", "condition", "data"].into_iter().filter(|key| value(rule, key).is_some());
        (all.count() >= 3).then_some(groups)
    })
}

/// Returns the first entry of a list.
pub(super) fn first(node: &Node) -> Option<&Node> {
    match &node.content {
        Content::Sequence(items) => items.first(),
        Content::Scalar(_) | Content::Mapping(_) => None,
    }
}

/// Returns the value of a key of a mapping.
pub(super) fn value<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match &node.content {
        Content::Mapping(entries) => {
            let named = |(name, _): &&(Node, Node)| name.scalar().is_some_and(|name| name.text() == key);
            entries.iter().find(named).map(|(_, value)| value)
        }
        Content::Scalar(_) | Content::Sequence(_) => None,
    }
}

/// Reports a file that is a list, whose entries show what they are; whether it did.
pub(super) fn refuse_list(root: &Node, problems: &mut Problems<'_>) -> bool {
    let Content::Sequence(_) = &root.content else { return false };
    let has = |keys: &[&str]| first(root).is_some_and(|entry| keys.iter().all(|key| value(entry, key).is_some()));
    let help = if has(&["rules"]) {
        "groups stand under a key: write `groups:` as the first line"
    } else if has(&["alert"]) || has(&["record"]) {
        "rules stand in groups: `groups:`, below it `- name: NAME`, then `rules:` with these entries, indented more"
    } else if has(&["matchers"]) {
        "silences are given with `--silences FILE`"
    } else if has(&["startsAt"]) {
        "it looks like alerts of an Alertmanager; for the rules: `curl SERVER/api/v1/rules > rules.json`"
    } else {
        return false;
    };
    let message = "a rule file is a mapping of keys to values, this is a list";
    problems.error_with_help(codes::WRONG_TYPE, message, root.span, help);
    true
}

/// Marks inside the braces of a Helm template that no template of a rule has.
const HELM: [&str; 8] =
    [".Values", ".Release.", ".Chart.", ".Capabilities.", "include \"", "toYaml", "nindent", ".Files.Get"];

/// Reports a text that is no YAML yet: a template of Helm or Jinja; whether it did.
pub(super) fn refuse_template(file: &str, text: &str, problems: &mut Problems<'_>) -> bool {
    // Most files are none, which a few searches show sooner than a look at every line.
    let has = |part: &str| memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some();
    if !(text.starts_with("{{") || has("\n{{") || has("{%") || HELM.iter().any(|mark| has(mark))) {
        return false;
    }
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        let code = line.trim_start();
        if code.starts_with('#') {
            continue;
        }
        let indent = line.len() - code.len();
        let jinja = code.starts_with("{%") && code.trim_end().ends_with("%}");
        // A line without an indent is in no text of YAML.
        let open = if line.starts_with("{{") && !line.starts_with("{{\"") { Some(0) } else { helm_action(line) };
        let (found, what, help) = match open {
            _ if jinja => (
                indent,
                "a template (Jinja, as in Ansible)",
                "render it, for example with Ansible, and give the result",
            ),
            Some(open) => (open, "a Helm template", RENDER),
            None => continue,
        };
        let end = line.trim_end().len().max(found + 1);
        Other { at: Span::new(at + found, at + end), what, help: vec![help.to_owned()] }.refuse(file, problems);
        return true;
    }
    false
}

/// Returns where a character stands twice in a row.
fn pair(text: &str, byte: u8) -> Option<usize> {
    memchr::memmem::find(text.as_bytes(), &[byte, byte])
}

/// Returns where an action of Helm stands in a line.
fn helm_action(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(open) = pair(&line[from..], b'{').map(|at| from + at) {
        let close = pair(&line[open..], b'}').map_or(line.len(), |at| open + at);
        let inside = &line[open..close];
        if HELM.iter().any(|mark| inside.contains(mark)) {
            return Some(open);
        }
        from = (open + 2).max(close);
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, check_help};

    fn is(text: &str, what: &str, place: &str) {
        check(text, &[&format!("not-a-rule-file {place} this is {what}, not a rule file")]);
    }

    #[test]
    fn files_of_other_kinds_are_named() {
        is("tests: []\n", "a file of unit tests", "1:1");
        is("rule_files: [a.yml]\n", "a Prometheus configuration", "1:1");
        is("global: {}\nalerting: {}\n", "a Prometheus configuration", "2:1");
        is("global: {}\nroute: {}\nreceivers: []\n", "an Alertmanager configuration", "2:1");
        is("{\"panels\": []}", "a Grafana dashboard", "1:2");
        is("apiVersion: 1\ngroups: []\n", "a file of Grafana-managed alert rules", "1:1");
        let exported = "groups:\n- name: g\n  rules:\n  - {uid: x, title: t, condition: C, data: []}\n";
        is(exported, "a file of Grafana-managed alert rules", "1:1");
        is("apiVersion: v2\nname: c\nversion: 1\n", "a Helm chart's Chart.yaml", "1:1");
    }

    #[test]
    fn templates_that_are_not_rendered_are_named() {
        let helm = "a Helm template";
        is("{{- if .Values.on }}\ngroups: []\n{{- end }}\n", helm, "1:1");
        is("# {{ .Values.x }}\ngroups:\n- name: {{ .Release.Name }}\n", helm, "3:9");
        is("groups:\n- name: g\n  rules:\n{{ range x }}\n", helm, "4:1");
        is("groups:\n  {% for x in y %}\n", "a template (Jinja, as in Ansible)", "2:3");
        let legal = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    annotations:\n      a: |\n        \
                     {{- range query \"up\" }}\n        {{ .Labels.job }} {{ end }}\n";
        check(legal, &[]);
    }

    #[test]
    fn what_to_do_is_said() {
        check_help(
            "rule_files: [a.yml, 'b/*.yml']\nevaluation_interval: 1m\ntests: []\n",
            &[
                "it is run by `promtool test rules some/file.yml`",
                "the rules that it tests: `alertctl check a.yml b/*.yml`",
            ],
        );
        check_help("- {name: g, rules: []}\n", &["groups stand under a key: write `groups:` as the first line"]);
    }
}
