//! `check --changed-since`: only problems on lines that a change touches.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::spawn;

/// Two rules with one mistake each.
const RULES: &str = "\
groups:
- name: g
  rules:
  - alert: First
    expr: up == 0
    labels: {a: '{{ $value }}'}
  - alert: Second
    expr: up == 1
    labels: {a: '{{ $value }}'}
";

fn git(folder: &Path, args: &[&str]) {
    let own =
        ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"];
    let output = spawn::run(Path::new("git"), &[&own[..], args].concat(), folder);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

/// A repository with rules, on a branch of `main`.
fn repository() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    git(folder.path(), &["init", "-q"]);
    write(folder.path(), "rules/a.yml", RULES);
    write(folder.path(), "rules/b \"\u{e4}\" *.yml", RULES);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-qm", "rules"]);
    git(folder.path(), &["checkout", "-qb", "work"]);
    folder
}

/// Runs `check --changed-since` for errors; returns the exit code, the place of each problem, and both streams.
fn check(folder: &Path, args: &[&str]) -> (i32, Vec<String>, String) {
    let since = format!("--changed-since={}", args[0]);
    let output = spawn::alertctl(&[&["check", "--min-severity", "error", &since], &args[1..]].concat(), folder, None);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let places = stdout.lines().filter_map(|line| line.trim_start().strip_prefix("--> ")).map(str::to_owned).collect();
    let all = stdout + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), places, all)
}

#[test]
fn nothing_changed_is_good() {
    let folder = repository();
    let (code, places, text) = check(folder.path(), &["main", "rules"]);
    assert_eq!((code, places.len(), text.as_str()), (0, 0, "no line of the rules changed since main\n"));
    let (_, _, text) = check(folder.path(), &["main", "rules", "-o", "github"]);
    assert_eq!(text, "::notice title=alertctl check::no line of the rules changed since main\n");
}

#[test]
fn only_lines_that_changed_count() {
    let folder = repository();
    let name = "rules/b \"\u{e4}\" *.yml";
    write(folder.path(), name, &RULES.replacen("{a:", "{b:", 1));
    let (code, places, text) = check(folder.path(), &["main", "rules"]);
    assert_eq!((code, places), (1, vec![format!("{name}:6:21")]), "{text}");
    assert!(text.ends_with("2 files: 1 error; 3 more are on lines that did not change since main\n"), "{text}");
    // What is committed on the branch counts, what came to main since does not.
    git(folder.path(), &["commit", "-qam", "six"]);
    git(folder.path(), &["checkout", "-q", "main"]);
    write(folder.path(), "rules/a.yml", &RULES.replacen("{a:", "{c:", 1));
    git(folder.path(), &["commit", "-qam", "seven"]);
    git(folder.path(), &["checkout", "-q", "work"]);
    let (code, places, text) = check(folder.path(), &["main", "rules"]);
    assert_eq!((code, places), (1, vec![format!("{name}:6:21")]), "{text}");
    // A change without a problem is good.
    write(folder.path(), name, &RULES.replace("up == 1", "up == 2"));
    let (code, places, text) = check(folder.path(), &["main", "rules"]);
    assert_eq!((code, places.len()), (0, 0), "{text}");
    let expected =
        "4 alerting rules in 2 groups: no problems on changed lines; 4 more are on lines that did not change";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn errors_of_loading_are_shown_wherever_they_stand() {
    let folder = repository();
    write(folder.path(), "rules/a.yml", &RULES.replacen("expr: up == 0", "expr: up ==", 1));
    git(folder.path(), &["commit", "-qam", "broken"]);
    let (code, places, text) = check(folder.path(), &["HEAD", "rules"]);
    assert_eq!((code, places.len()), (1, 1), "{text}");
    assert!(text.contains("error[promql-syntax]"), "{text}");
}

#[test]
fn where_lines_are_gone_those_around_them_count() {
    let folder = repository();
    // Both rules stand, and between them a line is gone.
    write(folder.path(), "rules/a.yml", &RULES.replacen("    expr: up == 1\n", "    expr: up == 1\n    for: 5m\n", 1));
    git(folder.path(), &["commit", "-qam", "for"]);
    write(folder.path(), "rules/a.yml", RULES);
    let (code, places, text) = check(folder.path(), &["HEAD", "rules"]);
    assert_eq!((code, places.len()), (1, 1), "{text}");
    assert!(places[0].starts_with("rules/a.yml:9:"), "{text}");
}

#[test]
fn new_files_count_whole_and_renamed_ones_by_line() {
    let folder = repository();
    write(folder.path(), "rules/new.yml", &RULES.replace("First", "New").replace("expr: up", "expr: down"));
    git(folder.path(), &["mv", "rules/a.yml", "rules/moved.yml"]);
    write(folder.path(), "rules/moved.yml", &RULES.replace("up == 1\n    labels: {a:", "up == 1\n    labels: {b:"));
    let (code, places, text) = check(folder.path(), &["main", "rules"]);
    assert_eq!(
        (code, places),
        (1, vec!["rules/moved.yml:9:21".into(), "rules/new.yml:6:21".into(), "rules/new.yml:9:21".into()]),
        "{text}"
    );
    // A file that is added but not committed is new as well.
    git(folder.path(), &["add", "."]);
    assert_eq!(check(folder.path(), &["main", "rules/new.yml"]).1.len(), 2);
}

#[test]
fn other_folders_and_absolute_paths_are_understood() {
    let folder = repository();
    write(folder.path(), "rules/a.yml", &RULES.replacen("{a:", "{b:", 1));
    fs::create_dir(folder.path().join("inner")).expect("a folder");
    let absolute = folder.path().join("rules/a.yml");
    let absolute = absolute.to_string_lossy();
    let elsewhere = tempfile::tempdir().expect("a folder");
    for (from, path) in [
        (folder.path().join("rules"), "."),
        (folder.path().join("rules"), "a.yml"),
        (folder.path().join("inner"), "../rules"),
        (folder.path().join("inner"), &absolute),
        (elsewhere.path().to_owned(), &absolute),
    ] {
        let (code, places, text) = check(&from, &["main", path]);
        assert_eq!((code, places.len()), (1, 1), "{path}: {text}");
    }
}

#[test]
fn another_place_that_matters_counts() {
    let folder = repository();
    let native = |id: &str| format!("alertctl: 1\nrules: [{{id: {id}, metric: temp, above: 80}}]\n");
    write(folder.path(), "native/a.yml", &native("hot"));
    write(folder.path(), "native/b.yml", &native("warm"));
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-qm", "native"]);
    // The problem stands in b, which did not change, and names a.
    write(folder.path(), "native/a.yml", &native("warm"));
    let (code, places, text) = check(folder.path(), &["HEAD", "native"]);
    assert_eq!((code, places), (1, vec!["native/b.yml:2:14".to_owned()]), "{text}");
}

#[test]
fn what_git_cannot_answer_is_said() {
    let folder = repository();
    let refused = |folder: &Path, reference: &str, expected: &[&str]| {
        let (code, _, text) = check(folder, &[reference, "."]);
        assert_eq!(code, 2, "{text}");
        expected.iter().for_each(|part| assert!(text.contains(part), "{part}: {text}"));
    };
    let rules = folder.path().join("rules");
    refused(&rules, "nowhere", &["git knows no revision `nowhere`", "git log --oneline --all"]);
    refused(&rules, "--output=x", &["git knows no revision `--output=x`"]);
    git(folder.path(), &["remote", "add", "upstream", "."]);
    refused(&rules, "nowhere", &["git fetch origin main", "fetch-depth: 0"]);
    refused(&rules, "upstream/next", &["hint: git fetch upstream next;"]);
    git(folder.path(), &["checkout", "-q", "--orphan", "alone"]);
    git(folder.path(), &["commit", "-qm", "alone"]);
    refused(&rules, "main", &["`main` and HEAD have no commit in common", "git fetch --unshallow"]);
    let outside = tempfile::tempdir().expect("a folder");
    write(outside.path(), "a.yml", RULES);
    refused(outside.path(), "main", &["is not in a Git repository", "leave --changed-since out"]);
    let output = spawn::with(&["check", "--changed-since", "main", "."], &rules, &[("PATH", "/none".to_owned())]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("needs the git command") && text.contains("install git"), "{text}");
}
