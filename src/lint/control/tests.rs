//! Comments and configurations on whole rule files, on a fixed day.

use super::*;
use crate::input::{ReadOptions, Recording, Text};
use crate::lint::evidence::{self, Evidence};
use crate::lint::subject::LintOptions;
use crate::lint::{catalog, run};
use crate::outcome::RunOptions;
use crate::source::{Memory, SourceMap};

/// Returns `line code` of what is shown of a file with a configuration, worst of each line first.
fn shown(config: &str, text: &str) -> Vec<String> {
    shown_on(config, text, "")
}

/// Does the same on a recording in CSV, if there is one.
fn shown_on(config: &str, text: &str, csv: &str) -> Vec<String> {
    let day = Day::parse("2026-11-29").expect("a date");
    let files = Memory([("/alertctl.yml".to_owned(), config.as_bytes().to_vec())].into());
    let (mut sources, mut problems) = (SourceMap::default(), Diagnostics::default());
    let configs = Configs::load(&files, None, &["/a.yml"], &mut sources, &mut problems).expect("readable");
    assert!(problems.is_empty(), "{config}{problems:?}");
    let control = Control { configs, enabled: Vec::new(), disabled: Vec::new(), today: day, has_data: false };
    let mut rules = RuleSet { keep_parts: true, sources, ..RuleSet::default() };
    rules.add_partly("/a.yml", text.as_bytes());
    let comments = control.comments(&rules);
    let subject = Subject::new(&rules, LintOptions::default());
    let mut found = run(&subject, &|_| true);
    let mut firings = Firings::new();
    if !csv.is_empty() {
        let recording = Recording::open(vec![Text::boxed("night.csv", csv)], ReadOptions::default());
        let options = RunOptions::default();
        let recorded = evidence::record(&rules, &options, &mut recording.expect("opens"), &mut ()).expect("runs");
        firings = crate::lint::firings(&Evidence::new(&subject, &recorded));
    }
    found.extend(control.policies(&subject, &comments, &firings));
    drop(subject);
    rules.diagnostics.extend(found);
    control.settle(&mut rules, comments);
    let line = |one: &Diagnostic| one.primary.as_ref().map_or(0, |mark| rules.sources.position(mark.at).line);
    rules.diagnostics.sorted().iter().map(|one| format!("{} {}", line(one), one.code)).collect()
}

/// A file of which each rule has a label that holds the value.
fn file(rule: &str) -> String {
    format!(
        "\
groups:
- name: g
  rules:
  {rule}
  - alert: A
    expr: up == 0
    labels: {{v: '{{{{ $value }}}}'}}
  - alert: B
    expr: up == 0
    labels: {{v: '{{{{ $value }}}}'}}
"
    )
}

fn check(comment: &str, expected: &[&str]) {
    assert_eq!(shown("", &file(comment)), expected, "{comment}");
}

#[test]
fn a_comment_silences_its_rule() {
    check("# nothing", &["7 value-in-labels", "10 value-in-labels"]);
    check("# alertctl disable value-in-labels", &["10 value-in-labels"]);
    check("# alertctl disable value-in-labels: it is meant", &["10 value-in-labels"]);
    check("# alertctl file/disable value-in-labels", &[]);
    check("# alertctl disable dead-code", &["4 unused-comment", "7 value-in-labels", "10 value-in-labels"]);
    check("# alertctl disable promql-syntax", &["4 unknown-code", "7 value-in-labels", "10 value-in-labels"]);
    check("# alertctl disable valu-in-labels", &["4 unknown-code", "7 value-in-labels", "10 value-in-labels"]);
    // Policies are not looked at without a configuration.
    check("# alertctl file/disable value-in-labels, policy", &[]);
    // It does not stand directly above a rule, but in the head of the group.
    check("# alertctl disable value-in-labels\n\n", &[]);
}

#[test]
fn a_snooze_is_over_on_its_day() {
    check("# alertctl snooze 2026-11-30 value-in-labels", &["10 value-in-labels"]);
    check("# alertctl snooze 2026-11-29 value-in-labels", &["7 value-in-labels", "10 value-in-labels"]);
    check("# alertctl file/snooze 2026-12-01 value-in-labels", &[]);
    check("# alertctl snooze 2026-11-01 dead-code", &["4 unused-comment", "7 value-in-labels", "10 value-in-labels"]);
    check("# alertctl snooze soon dead-code", &["4 invalid-comment", "7 value-in-labels", "10 value-in-labels"]);
}

#[test]
fn comments_for_pint_count() {
    check("# pint disable alerts/template", &["10 value-in-labels"]);
    check("# pint file/disable alerts/template", &[]);
    check("# pint disable alerts/template(no such)", &["7 value-in-labels", "10 value-in-labels"]);
    check("# pint file/snooze 2026-12-31T00:00:00Z alerts/template", &[]);
    check("# pint snooze 2026-11-01 alerts/template", &["7 value-in-labels", "10 value-in-labels"]);
    check("# pint disable promql/impossible", &["7 value-in-labels", "10 value-in-labels"]);
    check("# pint ignore/file", &[]);
    check("# pint ignore/begin", &[]);
    check("# pint ignore/begin\n  # pint ignore/end", &["8 value-in-labels", "11 value-in-labels"]);
    check("# pint disable alerts/templates", &["4 invalid-comment", "7 value-in-labels", "10 value-in-labels"]);
}

#[test]
fn a_rule_takes_the_labels_of_its_group() {
    let text = "\
groups:
- name: g
  labels: {v: '{{ $value }}'}
  rules:
  # alertctl disable value-in-labels
  - alert: A
    expr: up == 0
";
    assert_eq!(shown("", text), [""; 0]);
}

#[test]
fn a_configuration_says_how_bad_a_finding_is() {
    let both = ["7 value-in-labels", "10 value-in-labels"];
    assert_eq!(shown("lints: {dead-code: off}", &file("#")), both);
    assert_eq!(shown("lints: {value-in-labels: off}", &file("#")), [""; 0]);
    let over = "lints: {value-in-labels: off}\noverrides: [{paths: ['*.yml'], lints: {value-in-labels: info}}]";
    assert_eq!(shown(over, &file("#")), both);
}

#[test]
fn policies_find_what_their_pages_say() {
    for lint in catalog::all().filter(|lint| !lint.check.config().is_empty()) {
        let file = |example: &str| {
            let lines: Vec<String> = example.lines().map(|line| format!("  {line}\n")).collect();
            format!("groups:\n- name: example\n  rules:\n{}", lines.concat())
        };
        let bad = shown_on(lint.check.config(), &file(lint.page.bad), lint.page.data);
        assert!(!bad.is_empty() && bad.iter().all(|found| found.ends_with(lint.code)), "{}: {bad:?}", lint.code);
        let clean = shown_on(lint.check.config(), &file(lint.page.clean), lint.page.data);
        assert_eq!(clean, [""; 0], "{}", lint.code);
    }
}

#[test]
fn a_policy_asks_for_something() {
    for (policy, expected) in [("", true), ("severity: error, rules: alerts", true), ("required-labels: [team]", false)]
    {
        let files = Memory([("/alertctl.yml".to_owned(), format!("policies: [{{{policy}}}]").into_bytes())].into());
        let (mut sources, mut problems) = (SourceMap::default(), Diagnostics::default());
        Configs::load(&files, None, &["/a.yml"], &mut sources, &mut problems).expect("readable");
        let found: Vec<String> = problems.sorted().into_iter().map(|one| one.message).collect();
        assert_eq!(found == ["this policy asks for nothing"], expected, "{policy}: {found:?}");
    }
}

#[test]
fn lints_count_more_than_the_severity_of_a_policy() {
    let policy = "policies: [{required-labels: [team], severity: error}]\n";
    let text = "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]";
    assert_eq!(shown(policy, text), ["1 required-label"]);
    let off = format!("{policy}lints: {{required-label: off}}\n");
    assert!(shown(&off, text).is_empty());
}
