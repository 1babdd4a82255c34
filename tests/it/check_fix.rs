//! `check --fix` on real rule files: what changes is what `--diff` says, once, and every file still loads.

use std::fs;
use std::path::Path;

use crate::skipped;
use crate::spawn;

/// Copies the rule files of a folder into another one; returns their names.
fn copied(from: &Path, to: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "yml" || end == "yaml") {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            fs::copy(&path, to.join(&name)).expect("copied");
            names.push(name);
        }
    }
    names.sort();
    names
}

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = spawn::alertctl(&[&["check", ".", "--min-severity", "info"], args].concat(), folder, None);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Returns the rules of each file and the errors of loading.
fn loaded(folder: &Path) -> (serde_json::Value, usize) {
    let report: serde_json::Value = serde_json::from_str(&run(folder, &["-o", "json"]).1).expect("an object");
    let counts = |file: &serde_json::Value| {
        serde_json::json!([file["path"], file["groups"], file["alerting_rules"], file["recording_rules"]])
    };
    let files = report["files"].as_array().expect("a list").iter().map(counts).collect();
    let loading = ["promql-syntax", "unknown-key", "duplicate-key", "yaml-syntax", "duration", "template"];
    let errors = report["diagnostics"].as_array().expect("a list").iter();
    let errors = errors.filter(|one| loading.iter().any(|code| one["code"] == *code)).count();
    (serde_json::Value::Array(files), errors)
}

#[test]
fn fixes_of_real_rules_are_what_the_patch_says() {
    let Some(corpus) = skipped::folder("no real rules", "../shared", None, "corpus") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let names = copied(&corpus, folder.path());
    assert!(!names.is_empty());
    let before: Vec<String> =
        names.iter().map(|name| fs::read_to_string(folder.path().join(name)).expect("a text")).collect();
    let rules = loaded(folder.path());
    let (code, patch, told) = run(folder.path(), &["--diff"]);
    assert_eq!(code, Some(1), "{told}");
    for (name, text) in names.iter().zip(&before) {
        assert_eq!(&fs::read_to_string(folder.path().join(name)).expect("a text"), text, "--diff writes nothing");
    }
    run(folder.path(), &["--fix"]);
    let mut changed = Vec::new();
    for (name, text) in names.iter().zip(&before) {
        let now = fs::read_to_string(folder.path().join(name)).expect("a text");
        if now == *text {
            continue;
        }
        let header = format!("+++ b/{name}\n");
        let part =
            patch.split("--- a/").find(|part| part.contains(&header)).unwrap_or_else(|| panic!("{name}: no patch"));
        // A line is in one of the texts alone exactly where the patch has it.
        let only = |lines: &str, others: &str| {
            lines.lines().filter(|line| !others.lines().any(|other| other == *line)).count()
        };
        let marked = |mark: char| part.lines().skip(2).filter(|line| line.starts_with(mark)).count();
        assert!(only(text, &now) <= marked('-') && only(&now, text) <= marked('+'), "{name}");
        changed.push(name);
    }
    assert!(!changed.is_empty(), "some of the files have something to fix");
    assert_eq!(changed.len(), patch.matches("\n+++ b/").count());
    assert_eq!(loaded(folder.path()), rules, "every rule still loads");
    let (_, patch, told) = run(folder.path(), &["--diff"]);
    assert_eq!(patch, "", "{told}");
}
