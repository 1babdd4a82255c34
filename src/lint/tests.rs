//! Every lint finds what its page calls bad, and nothing in what it calls clean.

use super::evidence;
use super::subject::{LintOptions, Subject};
use super::*;
use crate::input::{ReadOptions, Recording, Text};
use crate::outcome::RunOptions;
use crate::rules::RuleSet;

/// Returns a whole rule file of an example.
pub(super) fn file(example: &str) -> String {
    if ["groups:", "alertctl:"].iter().any(|key| example.starts_with(key)) {
        return example.to_owned();
    }
    let lines: Vec<String> = example.lines().map(|line| format!("  {line}\n")).collect();
    format!("groups:\n- name: example\n  rules:\n{}", lines.concat())
}

/// Returns what is found in rules on a recording in CSV, if there is one.
fn found_on(text: &str, csv: &str) -> Vec<Diagnostic> {
    let mut rules = RuleSet { keep_parts: true, ..RuleSet::default() };
    rules.add("example.yml", text.as_bytes());
    assert!(!rules.diagnostics.has_errors(), "{text}{:#?}", rules.diagnostics);
    let subject = Subject::new(&rules, LintOptions::default());
    if csv.is_empty() {
        return run(&subject, &|_| true).sorted();
    }
    let recording = Recording::open(vec![Text::boxed("night.csv", csv)], ReadOptions::default());
    let options = RunOptions::default();
    let recorded = evidence::record(&rules, &options, &mut recording.expect("opens"), &mut ()).expect("runs");
    let mut all = run(&subject, &|code| !needs_data(code));
    all.extend(run_data(&Evidence::new(&subject, &recorded), &|_| true));
    all.sorted()
}

/// Returns the codes and severities of what is found in an example.
fn found(example: &str, csv: &str) -> Vec<(&'static str, Severity)> {
    found_on(&file(example), csv).iter().map(|found| (found.code, found.severity)).collect()
}

#[test]
fn examples_are_what_their_pages_say() {
    let mut wrong = Vec::new();
    for lint in catalog::ALL {
        let bad = found(lint.page.bad, lint.page.data);
        let others = |(code, severity): &&(&str, Severity)| *code != lint.code && *severity <= Severity::Warning;
        if bad.iter().all(|(code, _)| *code != lint.code) || bad.iter().any(|one| others(&one)) {
            wrong.push(format!("bad {}: {bad:?}", lint.code));
        }
        let clean = found(lint.page.clean, lint.page.data);
        if clean.iter().any(|one| others(&one) || one.0 == lint.code) {
            wrong.push(format!("clean {}: {clean:?}", lint.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn mistakes_of_loading_are_what_their_pages_say() {
    let codes = |example: &str| {
        let mut rules = RuleSet::default();
        rules.add("example.yml", file(example).as_bytes());
        rules.check_unique();
        rules.check_loops();
        rules.diagnostics.iter().map(|found| (found.code, found.severity)).collect::<Vec<_>>()
    };
    for page in loading::ALL {
        let severity = codes::find(page.code).expect("a code").severity;
        assert!(codes(page.bad).contains(&(page.code, severity)), "bad {}: {:?}", page.code, codes(page.bad));
        assert_eq!(codes(page.clean), [], "clean {}", page.code);
    }
}

#[test]
fn every_lint_has_its_code_and_every_code_its_lint() {
    let codes: Vec<&str> = codes::ALL.iter().map(|code| code.word).filter(|code| is_lint(code)).collect();
    for lint in catalog::ALL {
        assert!(codes.contains(&lint.code), "{}", lint.code);
    }
    for code in codes {
        assert!(catalog::find(code).is_some(), "{code}");
    }
}
