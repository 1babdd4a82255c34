//! From the bytes of a rule file to its rules.

use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::source::SourceMap;
use crate::threads;
use crate::yaml;
use crate::yaml::fields::Fields;
use crate::yaml::problems::Problems;

use super::keys::{Keys, Reading};
use super::{Form, Group, RuleFile, api, form, manifest, native, other, prometheus};

/// Reads a rule file of either form and adds its text to the sources. Every problem is reported; `None` when one of
/// them is an error.
///
/// The text is kept without a byte order mark, so columns of its first line count from what is seen.
pub fn load(sources: &mut SourceMap, name: &str, bytes: &[u8], diagnostics: &mut Diagnostics) -> Option<RuleFile> {
    let (file, errors) = load_counted(sources, name, bytes, diagnostics);
    (errors == 0).then_some(file)
}

/// Reads a rule file like [`load`], and returns the rules that could be read even when there are errors. Rules that an
/// error stands in may be among them, their expressions with parts that mean nothing: they must not be evaluated.
pub fn load_partly(sources: &mut SourceMap, name: &str, bytes: &[u8], diagnostics: &mut Diagnostics) -> RuleFile {
    load_counted(sources, name, bytes, diagnostics).0
}

/// Returns what could be read and the number of errors.
fn load_counted(sources: &mut SourceMap, name: &str, bytes: &[u8], diagnostics: &mut Diagnostics) -> (RuleFile, usize) {
    let mut file = Opened::open(sources, name, bytes, diagnostics);
    file.read(Reading::default());
    file.close()
}

/// Loads files, by their names and bytes, as [`load_counted`] does. They are read in several threads; what is found is
/// in their order all the same.
pub(super) fn load_each(
    sources: &mut SourceMap,
    files: &[(&str, &[u8])],
    reading: Reading,
    diagnostics: &mut Diagnostics,
) -> Vec<(RuleFile, usize)> {
    let mut own = vec![Diagnostics::default(); files.len()];
    let open = |((name, bytes), own)| Opened::open(sources, name, bytes, own);
    let mut opened: Vec<Opened<'_>> = files.iter().copied().zip(&mut own).map(open).collect();
    let pays = files.len() > 1 && files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > PAYS;
    threads::each(&mut opened, pays, |file| file.read(reading));
    let loaded = opened.into_iter().map(Opened::close).collect();
    own.into_iter().for_each(|found| diagnostics.extend(found));
    loaded
}

/// How much text several threads are woken for. Unit: bytes.
const PAYS: usize = 64 << 10;

/// A file whose text is there.
struct Opened<'a> {
    name: &'a str,
    text: Option<Arc<str>>,
    problems: Problems<'a>,
    found: (Form, Vec<Group>),
}

impl<'a> Opened<'a> {
    fn open(sources: &mut SourceMap, name: &'a str, bytes: &[u8], diagnostics: &'a mut Diagnostics) -> Self {
        let (problems, text) = yaml::add_text(sources, name, bytes, "a rule file", diagnostics);
        Self { name, text, problems, found: NOTHING }
    }

    fn read(&mut self, reading: Reading) {
        let mut keys = Keys::new(reading);
        if let Some(text) = &self.text {
            self.found = read(self.name, text, &mut keys, &mut self.problems);
        }
        keys.tell(&mut self.problems);
    }

    fn close(self) -> (RuleFile, usize) {
        let (form, mut groups) = self.found;
        // Rules stay as long as the program, and their lists do not grow any more.
        for group in &mut groups {
            group.rules.shrink_to_fit();
            group.rules.iter_mut().for_each(|rule| rule.labels.shrink_to_fit());
        }
        (RuleFile { file: self.problems.file(), form, groups }, self.problems.finish())
    }
}

/// A file without rules is of Prometheus' form.
const NOTHING: (Form, Vec<Group>) = (Form::Prometheus, Vec::new());

/// Reads the groups in the form that the file names; an empty one is of Prometheus' form and has none.
fn read(name: &str, text: &str, keys: &mut Keys, problems: &mut Problems<'_>) -> (Form, Vec<Group>) {
    if other::refuse_template(name, text, problems) {
        return NOTHING;
    }
    let json = untabbed(text);
    let read = yaml::read(json.as_deref().unwrap_or(text), manifest::is_resource, problems);
    let groups = groups(&read, name, keys, problems);
    if keys.keep_parts() {
        // A command that looks at rules is waited for.
        threads::free(read);
    }
    groups
}

/// Reads the groups of what was read of a file.
fn groups(read: &yaml::Read, name: &str, keys: &mut Keys, problems: &mut Problems<'_>) -> (Form, Vec<Group>) {
    if let Some(more) = read.more {
        yaml::ignored_document(more, problems);
    }
    let Some(root) = read.documents.first() else { return NOTHING };
    if manifest::is_resource(root) {
        return manifest::groups(&read.documents, keys, problems);
    }
    if let Some(groups) = api::groups_of(root) {
        api::refuse_page(root, problems);
        return (Form::Prometheus, api::groups(groups, problems));
    }
    if api::refuse_error(root, problems) || other::refuse_list(root, problems) {
        return NOTHING;
    }
    let data = other::value(root, "data").filter(|_| other::value(root, "status").is_some());
    let Some(fields) = Fields::open(data.unwrap_or(root), "a rule file", problems) else { return NOTHING };
    match form::of(&fields, root.cut, problems) {
        Some(Form::Prometheus) => (Form::Prometheus, prometheus::groups(fields, name, keys, problems)),
        Some(Form::Native) => (Form::Native, vec![native::group(fields, name, keys.keep_parts(), problems)]),
        None => NOTHING,
    }
}

/// Returns a text that is JSON, with blanks in place of tabs, which YAML takes in fewer places; nothing for one that
/// needs no change. No tab of JSON is part of a text, and offsets stay.
fn untabbed(text: &str) -> Option<String> {
    (text.trim_start().starts_with('{') && text.contains('\t')).then(|| text.replace('\t', " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostic;

    /// Loads a text and returns what was reported, as `code line:column message`.
    fn told(bytes: &[u8]) -> Vec<String> {
        let mut sources = SourceMap::default();
        let mut diagnostics = Diagnostics::default();
        let file = load(&mut sources, "rules.yml", bytes, &mut diagnostics);
        assert_eq!(file.is_none(), diagnostics.has_errors());
        let line = |found: &Diagnostic| {
            let at = sources.position(found.primary.as_ref().map(|mark| mark.at).expect("a place"));
            format!("{} {}:{} {}", found.code, at.line, at.column, found.message)
        };
        diagnostics.sorted().iter().map(line).collect()
    }

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(told(text.as_bytes()), expected, "{text}");
    }

    /// Checks what is reported for one rule, whose keys stand from line 4 on, in column 5.
    fn check_rule(rule: &str, expected: &[&str]) {
        let lines: Vec<String> = rule.lines().map(|line| format!("    {line}\n")).collect();
        let text = format!("groups:\n- name: g\n  rules:\n{}", lines.concat().replacen("    ", "  - ", 1));
        check(&text, expected);
    }

    #[test]
    fn files_that_are_read_together_are_those_that_are_read_alone() {
        let many =
            |at: usize| format!("  - {{alert: A{at}, expr: 'x > {at}', annotations: {{a: '{{{{ $value }}}}'}}}}\n");
        let many: String = (0..1000).map(many).collect();
        let text = |name: &str, more: &str| format!("groups:\n- name: {name}\n  rules:\n{many}{more}");
        let texts = [text("a", "  - {alert: B, expr: x >}\n"), "groups: 5\n".to_owned(), text("b", ""), String::new()];
        assert!(texts.iter().map(String::len).sum::<usize>() > PAYS);
        let files: Vec<(&str, &[u8])> = ["a.yml", "b.yml", "c.yml", "d.yml"]
            .into_iter()
            .zip(&texts)
            .map(|(name, text)| (name, text.as_bytes()))
            .collect();
        let (mut sources, mut together) = (SourceMap::default(), Diagnostics::default());
        let loaded = load_each(&mut sources, &files, Reading::default(), &mut together);
        let (mut sources, mut alone) = (SourceMap::default(), Diagnostics::default());
        let one = |(name, bytes): &(&str, &[u8])| load_counted(&mut sources, name, bytes, &mut alone);
        let expected: Vec<_> = files.iter().map(one).collect();
        assert!(format!("{loaded:?}") == format!("{expected:?}"), "the rules differ");
        assert_eq!(format!("{together:?}"), format!("{alone:?}"));
        assert_eq!(expected.iter().map(|(_, errors)| *errors).collect::<Vec<_>>(), [1, 1, 0, 0]);
    }

    #[test]
    fn files_without_rules_are_fine() {
        for text in
            ["", "\n", "# nothing\n", "---\n", "~\n", "{}\n", "groups:\n", "groups: []\n", "groups:\n- name: g\n"]
        {
            check(text, &[]);
        }
        check("groups:\n- name: g\n  rules: ~\n  limit: ~\n  interval:\n", &[]);
    }

    #[test]
    fn a_file_of_another_kind_is_reported() {
        check("- a\n", &["wrong-type 1:1 a rule file is a mapping of keys to values, this is a list"]);
        check("hello\n", &["wrong-type 1:1 a rule file is a mapping of keys to values, this is a text"]);
        check("groups: 5\n", &["wrong-type 1:9 `groups` is a list, each entry after `- `, this is a text"]);
        check("tests: []\n", &["not-a-rule-file 1:1 this is a file of unit tests, not a rule file"]);
        check("rule_files: []\n", &["not-a-rule-file 1:1 this is a Prometheus configuration, not a rule file"]);
        check("group:\n- name: g\n", &["unknown-key 1:1 `group` is not a key of a rule file"]);
        check(
            "apiVersion: v1\nkind: ConfigMap\n",
            &["not-a-rule-file 2:7 this manifest holds no rules, only a ConfigMap without `data`"],
        );
    }

    #[test]
    fn a_kubernetes_resource_holds_its_groups_in_spec() {
        let head = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: x\nspec:\n";
        let rules = "  - name: g\n    partial_response_strategy: warn\n    rules:\n    - alert: A\n      expr: up\n";
        check(&format!("{head}  groups:\n{rules}"), &[]);
        check(
            &format!("{head}  group: []\n"),
            &["unknown-key 6:3 `group` is not a key of the `spec` of a PrometheusRule"],
        );
    }

    #[test]
    fn a_second_document_is_ignored() {
        check(
            "groups: []\n---\ngroups: 5\n",
            &["second-document 2:1 a second YAML document begins here; it and all that follow are ignored"],
        );
    }

    #[test]
    fn problems_of_groups_are_reported() {
        check("groups:\n- rules: []\n", &["group-name 2:3 this group has no name"]);
        check("groups:\n- name: ''\n", &["group-name 2:9 this group has no name"]);
        check("groups:\n- name: [a]\n", &["wrong-type 2:9 `name` is a text, this is a list"]);
        check("groups:\n- name: a\n- name: a\n", &["duplicate-group 3:9 a second group of this file is called `a`"]);
        check(
            "groups:\n- name: a\n-\n",
            &["empty-entry 3:2 this entry of the list is empty, expected a group: it is ignored"],
        );
        check(
            "groups:\n- name: a\n  source_tenants: [x]\n  intervall: 1m\n",
            &[
                "unknown-key 3:3 `source_tenants` is not a key of a group of Prometheus",
                "unknown-key 4:3 `intervall` is not a key of a group",
            ],
        );
        check(
            "groups:\n- name: a\n  limit: \"5\"\n  interval: 5\n  query_offset: -1m\n",
            &[
                "wrong-type 3:10 `limit` is a whole number, this is `\"5\"`",
                "duration 4:13 `interval`: `5` is not a duration; write it like `30s`, `5m` or `1h30m`",
                "duration 5:17 `query_offset`: `-1m` is not a duration; write it like `30s`, `5m` or `1h30m`",
            ],
        );
        check("groups:\n- name: a\n  limit: 1.5\n", &["fraction 3:10 `limit` is a whole number: 1.5 is cut to 1"]);
        check("groups:\n- name: a\n  limit: many\n", &["wrong-type 3:10 `limit` is a whole number, this is `many`"]);
        check("groups:\n- name: a\n  limit: 0x10\n  interval: 0s\n", &[]);
        check(
            "groups:\n- name: a\n  labels:\n    __name__: x\n    '': y\n    é: z\n",
            &["label-name 4:5 `__name__` cannot be set as a label", "label-name 5:5 this label has no name"],
        );
    }

    #[test]
    fn problems_of_rules_are_reported() {
        check_rule("expr: up", &["rule-kind 4:5 a rule has `alert` or `record`, this one has neither"]);
        check_rule("alert:\nexpr: up", &["rule-kind 4:5 `alert` is empty"]);
        check_rule(
            "alert: A\nrecord: b\nexpr: up",
            &["rule-kind 5:5 a rule has `alert` or `record`, this one has both"],
        );
        check_rule("alert: A", &["missing-expr 4:5 this rule has no `expr`"]);
        check_rule("alert: A\nexpr: ''", &["missing-expr 5:5 `expr` is empty"]);
        check_rule("alert: A\nexpr: [up]", &["wrong-type 5:11 `expr` is a text, this is a list"]);
        check_rule("alert: A\nexpr: up\nfro: 5m", &["unknown-key 6:5 `fro` is not a key of an alerting rule"]);
        check_rule(
            "record: a\nexpr: up\nseverity: x",
            &["unknown-key 6:5 `severity` is not a key of a recording rule"],
        );
        check_rule(
            "record: a\nexpr: up\nfor: 1m\nkeep_firing_for: 1m\nannotations: {a: b}",
            &[
                "recording-rule-key 6:5 a recording rule has no `for`",
                "recording-rule-key 7:5 a recording rule has no `keep_firing_for`",
                "recording-rule-key 8:5 a recording rule has no `annotations`",
            ],
        );
        check_rule("record: a\nexpr: up\nfor: 0s\nkeep_firing_for: 0\nannotations: {}", &[]);
        check_rule(
            "record: 'a{b=\"c\"}'\nexpr: up",
            &["record-name 4:15 `a{b=\"c\"}` is no metric name: it has braces"],
        );
        check_rule("record: with space é\nexpr: up", &[]);
        check_rule(
            "alert: A\nexpr: up\nlabels: {__name__: x}",
            &["label-name 6:14 `__name__` cannot be set as a label"],
        );
        check_rule(
            "alert: A\nexpr: up\nannotations: {~: x, __name__: y}",
            &["annotation-name 6:19 this annotation has no name"],
        );
        check_rule(
            "alert: A\nexpr: up\nlabels: x",
            &["wrong-type 6:13 `labels` is a mapping of keys to values, this is a text"],
        );
        check_rule(
            "alert: A\nexpr: up\nannotations:\n  summary: {{ $value }}\n  b: [c]",
            &[
                "wrong-type 7:16 `summary` is a text, this is a mapping",
                "wrong-type 8:10 `b` is a text, this is a list",
            ],
        );
        check_rule("5", &["wrong-type 4:5 a rule is a mapping of keys to values, this is a text"]);
        check_rule(
            "[alert]: A\nexpr: up",
            &[
                "wrong-type 4:5 a key is a text, this is a list",
                "rule-kind 4:5 a rule has `alert` or `record`, this one has neither",
            ],
        );
    }

    #[test]
    fn durations_are_those_of_promtool() {
        for good in ["0", "5m", "'5m'", "1h30m", "~", "", "1d"] {
            check_rule(&format!("alert: A\nexpr: up\nfor: {good}"), &[]);
        }
        for bad in ["5", "1.5", "5 m", "10min", "true", "1m1h"] {
            let message =
                format!("duration 6:10 `for`: `{bad}` is not a duration; write it like `30s`, `5m` or `1h30m`");
            check_rule(&format!("alert: A\nexpr: up\nfor: {bad}"), &[&message]);
        }
        check_rule("alert: A\nexpr: up\nfor: ''", &["duration 6:10 `for`: an empty duration; write it like `5m`"]);
        check_rule("alert: A\nexpr: up\nfor: [5m]", &["wrong-type 6:10 `for` is a text, this is a list"]);
    }

    #[test]
    fn scalars_count_as_they_were_written() {
        let text = "groups:\n- name: g\n  labels: {a: 1, b: x, c: y}\n  rules:\n  - alert: 5\n    expr: 1\n    labels:\n      \
                    one: 1\n      yes: true\n      half: 1.50\n      day: 2026-01-05\n      no: no\n      nil: ~\n      b: ''\n";
        let mut diagnostics = Diagnostics::default();
        let file = load(&mut SourceMap::default(), "a", text.as_bytes(), &mut diagnostics).expect("rules");
        let rule = &file.groups[0].rules[0];
        assert_eq!((rule.name.text.as_str(), rule.text.text.as_str()), ("5", "1"));
        let written = [
            ("a", "1"),
            ("b", ""),
            ("c", "y"),
            ("day", "2026-01-05"),
            ("half", "1.50"),
            ("nil", ""),
            ("no", "no"),
            ("one", "1"),
            ("yes", "true"),
        ];
        let expected: Vec<_> = written
            .iter()
            .map(|(name, text)| ((*name).to_owned(), crate::rules::template::Template::literal(text)))
            .collect();
        assert_eq!(rule.labels, expected);
    }

    #[test]
    fn mistakes_of_yaml_have_a_place() {
        check("groups:\n- name: a\n\trules: []\n", &["yaml-syntax 3:1 a tab stands where YAML indents"]);
        check("groups:\n- name: a: b\n", &["yaml-syntax 2:10 a `:` stands where no key can end"]);
        check("groups: [\n", &["yaml-syntax 1:9 `[` is not closed"]);
        check("groups:\n- name: @x\n", &["yaml-syntax 2:9 `@` cannot begin a value"]);
        check("groups:\n- name: \"a\\qb\"\n", &["yaml-syntax 2:9 no such escape inside `\"..\"`"]);
        check("groups:\n- name: \"a\n", &["yaml-syntax 2:9 this quote is not closed"]);
        check("groups:\n- name: *x\n", &["yaml-alias 2:9 `*x` refers to an anchor `&x` that is not above"]);
        check("groups: &x\n- *x\n", &["yaml-alias 2:3 an alias stands inside what its own anchor names"]);
        check("groups: []\ngroups: []\n", &["duplicate-key 2:1 the key `groups` is written twice in one mapping"]);
        check_rule(
            "alert: A\nexpr: up\nlabels: {a: 1, 'a': 2}",
            &["duplicate-key 6:20 the key `a` is written twice in one mapping"],
        );
    }

    #[test]
    fn what_stands_before_a_mistake_of_yaml_is_still_checked() {
        check(
            "groups:\n- rules:\n  - alert: A\n    expr: up[5m]\n  - alert: B\n    for: a: b\n    expr: up\n  name: g\n",
            &[
                "rule-type 4:11 this expression is a range vector: a rule needs an instant vector or a scalar",
                "yaml-syntax 6:11 a `:` stands where no key can end",
            ],
        );
        check_rule("alert: A\nexpr: up\nfor: [5m", &["yaml-syntax 6:10 `[` is not closed"]);
        check("groups:\n  - name: a\n - name: b\n", &["yaml-syntax 3:2 this `-` lines up with no other"]);
    }

    #[test]
    fn aliases_and_merge_keys_are_followed() {
        check(
            "groups:\n- &base\n  name: a\n  limit: x\n- <<: *base\n  name: b\n  limit: 1\n- <<: [*base]\n  name: c\n",
            &["wrong-type 4:10 `limit` is a whole number, this is `x`"],
        );
        check_rule("alert: A\nexpr: up\nlabels: &l {a: b}\nannotations: {<<: *l, a: c}", &[]);
        check_rule(
            "alert: A\nexpr: up\nlabels: {<<: x}",
            &["wrong-type 6:18 `<<` merges a mapping, or a list of mappings, this is a text"],
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_reported() {
        assert_eq!(
            told(b"\xef\xbb\xbfgroups: 5\n"),
            ["wrong-type 1:9 `groups` is a list, each entry after `- `, this is a text"]
        );
        assert_eq!(told(b"# \xc3\xa9\ngroups: \xff\n"), ["invalid-utf8 2:9 the byte 0xff is no UTF-8"]);
        assert_eq!(told(b"\xff\xfeg\0"), ["invalid-utf8 1:1 this file is UTF-16, expected UTF-8"]);
        assert_eq!(
            told(b"groups:\n- \0\0\n"),
            ["control-character 2:3 the control character U+0000 is not allowed in YAML (1 more of the kind follow)"]
        );
    }

    #[test]
    fn many_problems_of_one_code_are_counted() {
        let keys: Vec<String> = (0..70).map(|at| format!("zz{at}: 1\n")).collect();
        let told = told(format!("groups: []\n{}", keys.concat()).as_bytes());
        assert_eq!(told.len(), 51);
        assert!(told.contains(&"more-problems 1:1 and 20 more of `unknown-key` in this file".to_owned()));
    }

    #[test]
    fn hostile_inputs_end() {
        let bomb: String =
            (1..40).map(|at| format!("a{at}: &a{at} [{}]\n", vec![format!("*a{}", at - 1); 9].join(", "))).collect();
        let merges: String =
            (1..60).map(|at| format!("a{at}: &a{at} {{<<: [*a{0}, *a{0}, *a{0}]}}\n", at - 1)).collect();
        let texts = [
            "[".repeat(200_000),
            "{".repeat(200_000),
            "- ".repeat(100_000),
            "[".repeat(60),
            "? ".repeat(100_000),
            "a: ".repeat(100_000),
            "{a: ".repeat(100),
            "\"".repeat(100_001),
            "groups:\n".repeat(10_000),
            "- &a [*a]\n".repeat(1000),
            format!("a0: &a0 x\n{bomb}"),
            format!("a0: &a0 {{x: y}}\n{merges}groups: [*a59]\n"),
            format!("groups: 5\n{}: 1\n", "x".repeat(900)),
            format!("groups: |\n{}", " \n".repeat(100_000)),
            format!("groups: >9\n{}", "\n".repeat(100_000)),
        ];
        for text in texts {
            assert!(!told(text.as_bytes()).is_empty() || text.starts_with('['), "{:.40}", text);
        }
        let mut seed: u64 = 7;
        for _ in 0..2_000 {
            let junk: Vec<u8> = (0..60)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    b"-:?[]{},#&*!|>'\"%@`\\ \n\t\rax0\xc3\xa9\0~<"[(seed >> 33) as usize % 32]
                })
                .collect();
            told(&junk);
        }
    }
}
