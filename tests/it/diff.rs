//! `diff`: the rules of a Git revision, and that what it writes is what two runs of `eval` differ in.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::spawn;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

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

/// A rule file with one alert.
fn alert(name: &str, expr: &str) -> String {
    format!("groups:\n- name: {name}\n  rules:\n  - alert: {name}\n    expr: {expr}\n")
}

/// A repository with rules and a recording, on a branch of `main`: `x` is 1, 2, 3 ... 9.
fn repository() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    git(at, &["init", "-q"]);
    write(at, "rules/a.yml", &alert("A", "x > 5"));
    write(at, "rules/deep/b.yml", &alert("B", "x > 6"));
    let manifest = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n  groups:\n  - name: m\n    rules:\n    - alert: M\n      expr: x > 7\n";
    write(at, "rules/m.yaml", manifest);
    write(at, "rules/service.yml", "apiVersion: v1\nkind: Service\n");
    let rows: String = (1..10).map(|minute| format!("2026-01-05T00:0{minute}:00Z,{minute}\n")).collect();
    write(at, "x.csv", &format!("time,x\n{rows}"));
    git(at, &["add", "rules"]);
    git(at, &["commit", "-qm", "rules"]);
    git(at, &["checkout", "-qb", "work"]);
    folder
}

/// Runs `diff` and returns the exit code, each rule that is not the same on both sides, and standard error.
fn diff(folder: &Path, args: &[&str]) -> (i32, Vec<String>, String) {
    let output = spawn::alertctl(&[&["diff", "-q", "-o", "json"], args].concat(), folder, None);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let rules = found["rules"].as_array().cloned().unwrap_or_default();
    let told = rules.iter().filter(|rule| rule["status"] != "unchanged").map(|rule| {
        let side = |side: &str| format!("{}", rule[side]["firings"]);
        let name = ["after", "before"].iter().find_map(|side| rule[side]["alert"].as_str()).unwrap_or("-");
        format!("{name} {} {} {}", rule["status"].as_str().unwrap_or("-"), side("before"), side("after"))
    });
    (output.status.code().unwrap_or(-1), told.collect(), stderr)
}

#[test]
fn the_rules_of_a_revision_are_read_without_a_checkout() {
    let folder = repository();
    let at = folder.path();
    assert_eq!(diff(at, &["--base", "main", "rules", "x.csv"]), (0, vec![], String::new()));
    // Committed or not, as a folder, a file and a glob, from the top and from below.
    write(at, "rules/a.yml", &alert("A", "x > 8"));
    git(at, &["commit", "-qam", "eight"]);
    write(at, "rules/deep/b.yml", &alert("B", "x > 60"));
    let a = "A changed 1 1".to_owned();
    let b = "B changed 1 0".to_owned();
    assert_eq!(diff(at, &["--base", "main", "rules", "x.csv"]).1.join(" "), a);
    assert_eq!(diff(at, &["--base", "main", "rules/**/*.y*ml", "x.csv"]).1, [a.clone(), b.clone()]);
    assert_eq!(diff(&at.join("rules/deep"), &["--base", "main", "b.yml", "../../x.csv"]).1.join(" "), b);
    assert_eq!(diff(&at.join("rules/deep"), &["--base", "main", "../*.yml", "../../x.csv"]).1.join(" "), a);
    let whole = at.join("rules/a.yml").to_string_lossy().into_owned();
    assert_eq!(diff(at, &["--base", "main", "-r", &whole, "-d", "x.csv"]).1.join(" "), a);
    // What came to main since does not count.
    git(at, &["checkout", "-q", "main"]);
    write(at, "rules/m.yaml", &alert("Z", "x > 1"));
    git(at, &["commit", "-qam", "another"]);
    git(at, &["checkout", "-q", "work"]);
    assert_eq!(diff(at, &["--base", "main", "rules", "x.csv"]).1, [a]);
}

#[test]
fn files_that_only_one_side_has_are_added_or_removed() {
    let folder = repository();
    let at = folder.path();
    write(at, "rules/new.yml", &alert("N", "x > 4"));
    fs::remove_file(at.join("rules/m.yaml")).expect("removed");
    let (code, told, _) = diff(at, &["--base", "main", "rules", "x.csv", "--fail-on", "new-firing"]);
    assert_eq!((code, told), (1, vec!["N added null 1".to_owned(), "M removed 1 null".to_owned()]));
    let (code, told, _) = diff(at, &["--base", "main", "rules/new.yml", "x.csv", "--fail-on", "lost-firing"]);
    assert_eq!((code, told), (0, vec!["N added null 1".to_owned()]));
    let (code, told, _) = diff(at, &["--base", "main", "rules/m.yaml", "x.csv", "--fail-on", "lost-firing"]);
    assert_eq!((code, told), (1, vec!["M removed 1 null".to_owned()]));
    let (code, told, text) = diff(at, &["--base", "main", "rules/n.yml", "x.csv"]);
    assert_eq!((code, told.len()), (2, 0), "{text}");
    assert!(text.contains("no such file: `rules/n.yml`") && text.contains("did you mean"), "{text}");
}

#[test]
fn what_was_renamed_is_compared_with_what_it_was() {
    let folder = repository();
    let at = folder.path();
    git(at, &["mv", "rules", "rr"]);
    write(at, "rr/a.yml", &alert("A", "x > 8"));
    let (code, told, text) = diff(at, &["--base", "main", "rr", "x.csv"]);
    assert_eq!((code, told.join(" ").as_str(), text.as_str()), (0, "A changed 1 1", ""));
    assert_eq!(diff(&at.join("rr"), &["--base", "main", "deep/b.yml", "../x.csv"]), (0, vec![], String::new()));
    // Of a glob, the part without wildcards is what was renamed.
    let (_, told, text) = diff(at, &["--base", "main", "rr/**/*.yml", "x.csv"]);
    assert_eq!((told.join(" ").as_str(), text.as_str()), ("A changed 1 1", ""));
    let (_, told, text) = diff(&at.join("rr"), &["--base", "main", "*.yml", "../x.csv"]);
    assert_eq!((told.join(" ").as_str(), text.as_str()), ("A changed 1 1", ""));
    // What Git does not know as renamed is new, and that is said whatever is silenced.
    write(at, "other/n.yml", &alert("N", "x > 4"));
    let (code, told, text) = diff(at, &["--base", "main", "other", "x.csv"]);
    assert_eq!((code, told.join(" ").as_str()), (0, "N added null 1"));
    assert!(
        text.contains("warning: `other` does not exist at main (") && text.contains("all its rules are new"),
        "{text}"
    );
}

#[test]
fn files_that_come_or_go_move_no_other_rule() {
    let folder = repository();
    let at = folder.path();
    fs::remove_file(at.join("rules/m.yaml")).expect("removed");
    assert_eq!(diff(at, &["--base", "main", "rules", "x.csv"]).1, ["M removed 1 null"]);
    write(at, "p/a.yml", &alert("A", "x > 5"));
    write(at, "q/a.yml", &alert("A", "x > 5"));
    write(at, "q/c.yml", &alert("C", "absent(x)"));
    assert_eq!(diff(at, &["p", "q", "x.csv"]).1, ["C added null 0"]);
    assert_eq!(diff(at, &["p/a.yml", "q", "x.csv"]).1, ["C added null 0"]);
    assert_eq!(diff(at, &["q/*.yml", "p", "x.csv"]).1, ["C removed 0 null"]);
}

#[test]
fn a_revision_that_is_none_says_what_to_type() {
    let folder = repository();
    let (code, _, text) = diff(folder.path(), &["--base", "mian", "rules", "x.csv"]);
    assert_eq!(code, 2);
    assert!(text.contains("--base: git knows no revision `mian`; near: main\nhint: --base main"), "{text}");
    let (_, _, text) = diff(folder.path(), &["--base", "main~2", "rules", "x.csv"]);
    assert!(text.contains("no revision `main~2`: main has no commit before it") && !text.contains("hint"), "{text}");
    git(folder.path(), &["commit", "-q", "--allow-empty", "-m", "another"]);
    let (_, _, text) = diff(folder.path(), &["--base", "HEAD~70", "rules", "x.csv"]);
    assert!(text.contains("`HEAD~70`: HEAD has 1 commit before it\nhint: the first one: --base HEAD~1"), "{text}");
    let (_, _, text) = diff(folder.path(), &["--base", "zzzzzz", "rules", "x.csv"]);
    assert!(text.contains("no revision `zzzzzz`") && text.contains("git log") && !text.contains("fetch"), "{text}");
    let (_, _, text) = diff(folder.path(), &["--base", "main:rules", "rules", "x.csv"]);
    assert!(text.contains("`main:rules` is a folder, not a commit\nhint: --base main"), "{text}");
    let (_, _, text) = diff(folder.path(), &["--base", "main:rules/a.yml", "rules", "x.csv"]);
    assert!(text.contains("`main:rules/a.yml` is a file, not a commit\nhint: --base main"), "{text}");
    git(folder.path(), &["remote", "add", "origin", "."]);
    let (_, _, text) = diff(folder.path(), &["--base", "origin/topic", "rules", "x.csv"]);
    assert!(text.contains("git fetch origin topic"), "{text}");
    let (code, _, text) = diff(folder.path(), &["--base", "-q", "rules", "x.csv"]);
    assert_eq!(code, 2, "{text}");
    // The rules of the revision have an error.
    write(folder.path(), "rules/a.yml", "groups: [{name: g, rules: [{alert: A, expr: x >}]}]");
    git(folder.path(), &["commit", "-qam", "broken"]);
    write(folder.path(), "rules/a.yml", &alert("A", "x > 5"));
    let (code, _, text) = diff(folder.path(), &["--base", "HEAD", "rules", "x.csv"]);
    assert!(code == 2 && text.contains("1 error in rules of HEAD ("), "{text}");
    // The place is one of the commit, not of the file on the disk.
    assert!(text.lines().any(|line| line.starts_with(" --> ") && line.ends_with(":rules/a.yml:1:48")), "{text}");
}

/// The episodes of `eval -o json`, or of one side of a difference: alert and labels, and the three times.
fn lines<'a>(episodes: impl Iterator<Item = &'a Value>) -> BTreeMap<String, i64> {
    let mut lines = BTreeMap::new();
    for one in episodes {
        let line = ["labels", "active_at", "fired_at", "resolved_at"].map(|key| one[key].to_string()).join(" ");
        *lines.entry(line).or_default() += 1;
    }
    lines
}

fn more(a: &BTreeMap<String, i64>, b: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let left = a.iter().map(|(line, many)| (line.clone(), many - b.get(line).unwrap_or(&0)));
    left.filter(|(_, many)| *many > 0).collect()
}

fn json(args: &[&str]) -> Value {
    let output = spawn::alertctl(&[args, &["-q", "-o", "json"]].concat(), Path::new(ROOT), None);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Checks that an edit of a rule file of the repository differs as two runs of `eval` do, and makes a difference.
fn check_edit(rules: &str, data: &str, edits: &[(&str, &str)], flags: &[&str]) {
    let text = fs::read_to_string(Path::new(ROOT).join(rules)).expect(rules);
    let mut new = text.clone();
    for (from, to) in edits {
        assert!(new.contains(from), "{from}");
        new = new.replace(from, to);
    }
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "new.yml", &new);
    let path = folder.path().join("new.yml").to_string_lossy().into_owned();
    let found = json(&[&["diff", rules, &path, data], flags].concat());
    let all: Vec<&Value> = found["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .flat_map(|rule| rule["differences"].as_array().expect("differences"))
        .collect();
    let side = |side: &str| lines(all.iter().flat_map(|one| one[side].as_array().expect("episodes")));
    let run = |rules: &str| {
        let run = json(&[&["eval", "-r", rules, data], flags].concat());
        lines(run["episodes"].as_array().expect("episodes").iter())
    };
    let (before, after) = (side("before"), side("after"));
    let (old, new) = (run(rules), run(&path));
    assert_eq!(more(&before, &after), more(&old, &new), "{edits:?}");
    assert_eq!(more(&after, &before), more(&new, &old), "{edits:?}");
    assert!(!all.is_empty() && old != new, "{edits:?} make no difference");
}

#[test]
fn differences_are_those_of_two_runs_of_eval() {
    let (node, data) = ("rules/node.yml", "fixtures/node.csv");
    check_edit(node, data, &[("for: 5m", "for: 2m")], &[]);
    check_edit(node, data, &[("[5m]", "[15m]"), ("severity: critical", "severity: page")], &[]);
    check_edit(node, data, &[("interval: 1m", "interval: 30s")], &["--lookback-delta", "2m"]);
    check_edit(node, data, &[("0.9", "0.7"), ("up == 0", "up == 1")], &["--where", "job=\"web\""]);
    check_edit(node, data, &[("alert: InstanceDown", "alert: HostDown")], &["--start", "-4h", "--end", "-1h"]);
}

#[test]
fn native_rules_and_rows_are_compared_as_well() {
    let (rules, data) = ("rules/portsyncd.yml", "fixtures/portsyncd.csv");
    check_edit(rules, data, &[("for: 120s", "for: 30s")], &[]);
    check_edit(rules, data, &[("above: 5", "above: 4"), ("severity: info", "severity: critical")], &[]);
}

#[test]
fn a_comment_stays_below_its_limit_and_says_what_is_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = |threshold: &str| {
        let name = |at: usize| format!("Alert{at}{}", "@_|<".repeat(40));
        let one = |at: usize| {
            format!(
                "  - alert: '{}'\n    expr: x > {threshold}\n    labels: {{a{at}: '{}'}}\n",
                name(at),
                "#".repeat(300)
            )
        };
        format!("groups:\n- name: g\n  rules:\n{}", (0..400).map(one).collect::<String>())
    };
    write(folder.path(), "old.yml", &rules("90"));
    write(folder.path(), "new.yml", &rules("1"));
    let rows: String = (0..60).map(|at| format!("2026-01-05T00:{at:02}:00Z,{}\n", at % 3)).collect();
    write(folder.path(), "x.csv", &format!("time,x\n{rows}"));
    for limit in ["20", "0"] {
        let args = ["diff", "-q", "old.yml", "new.yml", "x.csv", "-o", "markdown", "--limit", limit];
        let output = spawn::alertctl(&args, folder.path(), None);
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(text.len() <= 60_000 && text.len() > 20_000, "{limit}: {}", text.len());
        assert!(text.contains("\nLeft out here: ") && text.contains("`-o json` has everything"), "{limit}");
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    }
}
