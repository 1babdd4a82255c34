//! `check` where changes are looked at: the workflow of README, and the hook for pre-commit.

use std::fs;
use std::path::Path;

use regex::Regex;
use serde_yaml::Value;

use crate::cases::words;
use crate::spawn;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).expect(name)
}

/// Returns the workflow of README that checks rules.
fn workflow() -> Value {
    let readme = file("README.md");
    let mut blocks = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let text = blocks.find(|block| block.contains("alertctl check")).expect("a workflow");
    serde_yaml::from_str(text).expect("YAML")
}

fn git(folder: &Path, args: &[&str]) {
    let own = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
    let output = spawn::run(Path::new("git"), &[&own[..], args].concat(), folder);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_workflow_of_readme_shows_what_a_change_brings() {
    let workflow = workflow();
    assert_eq!(workflow["permissions"]["security-events"].as_str(), Some("write"), "for the upload");
    let steps = workflow["jobs"]["check"]["steps"].as_sequence().expect("steps");
    assert_eq!(steps[0]["with"]["fetch-depth"].as_u64(), Some(0), "the merge base is there");
    let commands: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    let tag = format!(" --tag v{} ", env!("CARGO_PKG_VERSION"));
    assert!(commands[0].starts_with("cargo install --locked ") && commands[0].contains(&tag), "{commands:?}");
    let args = words(commands[1]);
    let args: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let last = steps.last().expect("a step");
    assert_eq!(last["if"].as_str(), Some("always()"), "also when the gate fails");
    let sarif = last["with"]["sarif_file"].as_str().expect("a file");

    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("rules/node.yml");
    fs::create_dir(folder.path().join("rules")).expect("a folder");
    let text = file("rules/node.yml").replacen("severity: critical", "severity: '{{ $value }}'", 1);
    fs::write(&rules, &text).expect("a file");
    for args in [&["init", "-q"][..], &["add", "."], &["commit", "-qm", "rules"]] {
        git(folder.path(), args);
    }
    git(folder.path(), &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    let run = |code: i32| {
        let output = spawn::alertctl(&args, folder.path(), None);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(code), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let log = fs::read_to_string(folder.path().join(sarif)).expect("the file of --out");
        let log: serde_json::Value = serde_json::from_str(&log).expect("JSON");
        (text, log["runs"][0]["results"].as_array().expect("results").len())
    };
    // What was wrong before is not the matter of a change.
    let (annotations, results) = run(0);
    assert!(annotations.starts_with("::notice ") && results == 0, "{annotations}");
    fs::write(&rules, format!("{text}      - alert: New\n        expr: up ==\n")).expect("a file");
    git(folder.path(), &["commit", "-qam", "new"]);
    let (annotations, results) = run(1);
    assert!(annotations.starts_with("::error file=rules/node.yml,line=") && results == 1, "{annotations}");
}

#[test]
fn the_hook_runs_on_rule_files() {
    let hooks: Value = serde_yaml::from_str(&file(".pre-commit-hooks.yaml")).expect("YAML");
    let hook = &hooks[0];
    let text = |key: &str| hook[key].as_str().unwrap_or_else(|| panic!("{key}"));
    assert!(["id", "name", "description", "language"].iter().all(|key| !text(key).is_empty()));
    let (files, exclude) =
        (Regex::new(text("files")).expect("a pattern"), Regex::new(text("exclude")).expect("a pattern"));
    let takes = |path: &str| files.is_match(path) && !exclude.is_match(path);
    for (path, expected) in [
        ("rules/node.yml", true),
        ("monitoring/alerts/web.yaml", true),
        ("alertctl.yml", false),
        ("alertmanager/config.yml", true),
        ("alertmanager.yml", false),
        ("rules/tests/node.yml", false),
        ("rules/node_test.yml", false),
        ("rules/latest.yml", true),
        (".github/workflows/ci.yml", false),
        (".github/workflows/rules.yml", false),
    ] {
        assert_eq!(takes(path), expected, "{path}");
    }
    assert_eq!((&hooks[1]["files"], &hooks[1]["exclude"]), (&hook["files"], &hook["exclude"]));
    assert_eq!(hooks[1]["entry"], "alertctl fmt");
    let entry = words(text("entry"));
    assert_eq!(entry[0], "alertctl");
    let run = |path: &str| {
        let args: Vec<&str> = entry.iter().skip(1).map(String::as_str).chain([path]).collect();
        spawn::alertctl(&args, Path::new(ROOT), None).status.code()
    };
    assert_eq!((run("rules/node.yml"), run("fixtures/mistakes.yml")), (Some(0), Some(1)));
}
