//! The formats of `check` for other programs: each is what its reader expects, for problems of every kind and for none.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::spawn;

/// Rules with errors and a warning, in a folder whose name needs care, and sound ones.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write("team, a%/bad <1>.yml", BAD);
    write("one.yml", "alertctl: 1\nrules:\n- {id: warm, metric: temp, above: 80, evaluation_window: 5m}\n");
    write("two.yml", "alertctl: 1\nrules: [{id: warm, metric: temp, above: 90}]\n");
    write("good.yml", "groups: [{name: hosts, rules: [{alert: Down, expr: up == 0}]}]\n");
    folder
}

const BAD: &str = "\
groups:
- name: g
  rules:
  - alert: \"\u{e4}\u{1f600} & <b>\"
    expr: rate(up) > 1
    fro: 5m
  - alert: Other
    expr: |
      up
      ==
";

const ALL: [&str; 3] = ["team, a%/bad <1>.yml", "one.yml", "two.yml"];

/// Runs `check` in a folder; returns the exit code and both streams.
fn check(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = spawn::alertctl(&[&["check"], args].concat(), folder, None);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// Returns what `check` writes in a format.
fn written(folder: &Path, format: &str, rules: &[&str]) -> String {
    let (_, stdout, stderr) = check(folder, &[&["-o", format], rules].concat());
    assert_eq!(stderr, "", "{format}");
    stdout
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Returns the schema of SARIF 2.1.0 as OASIS publishes it, from the sources of a crate that brings it.
fn sarif_schema() -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // What other platforms need may not be there.
    let host = spawn::run(Path::new("rustc"), &["--print", "host-tuple"], root).stdout;
    let host = String::from_utf8_lossy(&host).trim().to_owned();
    let args = ["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", &host];
    let output = spawn::run(Path::new(env!("CARGO")), &args, root);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata = json(&String::from_utf8_lossy(&output.stdout));
    let mut packages = metadata["packages"].as_array().expect("packages").iter();
    let package = packages.find(|package| package["name"] == "serde-sarif").expect("the crate");
    let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
    let text = fs::read_to_string(manifest.with_file_name("src").join("schema.json")).expect("the schema");
    // Its pattern of languages has a bracket too many, with which it is none.
    json(&text.replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}?$"))
}

#[test]
fn sarif_satisfies_its_schema() {
    let folder = folder();
    let schema = sarif_schema();
    assert!(schema["title"].as_str().is_some_and(|title| title.contains("SARIF) Version 2.1.0")));
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    for rules in [&ALL[..], &["good.yml"]] {
        let log = json(&written(folder.path(), "sarif", rules));
        let errors: Vec<String> = schema.iter_errors(&log).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
        let results = log["runs"][0]["results"].as_array().expect("results");
        assert_eq!(results.is_empty(), rules.len() == 1);
    }
    // The schema refuses what is wrong.
    let mut log = json(&written(folder.path(), "sarif", &ALL));
    log["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(!schema.is_valid(&log));
}

#[test]
fn results_of_sarif_say_where_and_which_rule() {
    let folder = folder();
    let log = json(&written(folder.path(), "sarif", &ALL));
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let results = run["results"].as_array().expect("results");
    for result in results {
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().expect("an index") as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(!rule["shortDescription"]["text"].is_null());
    }
    let key = results.iter().find(|result| result["ruleId"] == "unknown-key").expect("unknown-key");
    let place = &key["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "team,%20a%25/bad%20%3C1%3E.yml");
    let region = serde_json::json!({"startLine": 6, "startColumn": 5, "endLine": 6, "endColumn": 8});
    assert_eq!(place["region"], region);
    let replacement = &key["fixes"][0]["artifactChanges"][0]["replacements"][0];
    assert_eq!((&replacement["deletedRegion"], &replacement["insertedContent"]["text"]), (&region, &"for".into()));
    let twice = results.iter().find(|result| result["ruleId"] == "duplicate-id").expect("duplicate-id");
    let first = &twice["relatedLocations"][0]["physicalLocation"];
    assert_eq!((&first["artifactLocation"]["uri"], &first["region"]["startLine"]), (&"one.yml".into(), &3.into()));
}

#[test]
fn a_file_that_cannot_be_read_makes_the_run_of_sarif_fail() {
    let folder = folder();
    let (code, _, stderr) = check(folder.path(), &["none.yml", "--out", "out.sarif"]);
    assert_eq!(code, 2, "{stderr}");
    let log = json(&fs::read_to_string(folder.path().join("out.sarif")).expect("the file"));
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let said = invocation["toolExecutionNotifications"][0]["message"]["text"].as_str().expect("a message");
    assert!(said.contains("none.yml"), "{said}");
}

#[test]
fn paths_begin_at_the_top_of_the_repository() {
    let folder = folder();
    fs::create_dir(folder.path().join(".git")).expect("a folder");
    let inner = folder.path().join("team, a%");
    let absolute = folder.path().canonicalize().expect("a folder").join("one.yml");
    let rules = ["bad <1>.yml", &absolute.to_string_lossy(), "../two.yml"];
    let log = json(&written(&inner, "sarif", &rules));
    let mut uris: Vec<&str> = log["runs"][0]["results"]
        .as_array()
        .expect("results")
        .iter()
        .filter_map(|result| result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str())
        .collect();
    uris.dedup();
    assert_eq!(uris, ["team,%20a%25/bad%20%3C1%3E.yml", "one.yml", "two.yml"]);
    let text = written(&inner, "github", &rules);
    assert!(text.contains("::error file=two.yml,line=2,"), "{text}");
    let issues = json(&written(&inner, "gitlab", &rules));
    assert_eq!(issues[0]["location"]["path"], "team, a%/bad <1>.yml");
}

#[test]
fn annotations_of_github_are_escaped_and_counted() {
    let folder = folder();
    let text = written(folder.path(), "github", &ALL);
    assert!(
        text.contains("::error file=team%2C a%25/bad <1>.yml,line=6,endLine=6,col=5,endColumn=8,title=unknown-key::")
    );
    assert!(text.contains("::warning file=one.yml,line=3,"), "{text}");
    assert!(text.lines().all(|line| line.starts_with("::")), "{text}");
    assert_eq!(
        written(folder.path(), "github", &["good.yml"]),
        "::notice title=alertctl check::1 file, 1 alerting rule in 1 group: no problems\n"
    );
    // More than a step shows: the rest stands in the log, where it is no command.
    let rule = |at: usize| format!("  - {{alert: A{at}, expr: up ==, labels: {{a: '##[error]'}}}}\n");
    let rules: String = (0..12).map(rule).collect();
    fs::write(folder.path().join("many.yml"), format!("groups:\n- name: g\n  rules:\n{rules}")).expect("a file");
    let text = written(folder.path(), "github", &["many.yml"]);
    let (commands, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("::"));
    assert_eq!((commands.len(), rest.len()), (10, 3), "{text}");
    assert_eq!(commands[9], "::error title=alertctl check::3 more: they stand in the log of this step");
    assert!(rest[0].starts_with("  many.yml:13:"), "{}", rest[0]);
}

#[test]
fn fingerprints_stay_when_lines_move() {
    let folder = folder();
    let prints = |format: &str| -> Vec<String> {
        let value = json(&written(folder.path(), format, &[ALL[0]]));
        let text = |value: &Value| value.as_str().expect("a fingerprint").to_owned();
        match format {
            "gitlab" => value.as_array().expect("issues").iter().map(|one| text(&one["fingerprint"])).collect(),
            _ => {
                let results = value["runs"][0]["results"].as_array().expect("results").iter();
                results.map(|one| text(&one["partialFingerprints"]["alertctl/v1"])).collect()
            }
        }
    };
    let before = prints("gitlab");
    assert_eq!(before, prints("sarif"));
    let distinct: std::collections::BTreeSet<&String> = before.iter().collect();
    assert!(before.len() >= 3 && before.len() == distinct.len(), "{before:?}");
    let moved = BAD.replace("groups:", "# a comment\n\ngroups:").replace("    fro: 5m", "\n    fro: 5m");
    fs::write(folder.path().join(ALL[0]), moved).expect("a file");
    assert_eq!(before, prints("gitlab"));
    // A second rule with the same mistake is another problem, and the first one stays what it was.
    let again = format!("{BAD}  - alert: Third\n    expr: up\n    fro: 5m\n");
    fs::write(folder.path().join(ALL[0]), again).expect("a file");
    let after = prints("gitlab");
    assert!(after.len() > before.len());
    assert!(before.iter().all(|print| after.contains(print)));
}

#[test]
fn issues_of_gitlab_have_what_it_asks_for() {
    let folder = folder();
    let issues = json(&written(folder.path(), "gitlab", &ALL));
    for issue in issues.as_array().expect("issues") {
        assert!(issue["description"].is_string() && issue["check_name"].is_string(), "{issue}");
        assert!(["critical", "minor", "info"].contains(&issue["severity"].as_str().expect("a word")), "{issue}");
        assert!(issue["location"]["lines"]["begin"].as_u64().is_some_and(|line| line > 0), "{issue}");
    }
    assert_eq!(written(folder.path(), "gitlab", &["good.yml"]), "[]\n");
}

/// Reads XML as far as reports write it, and panics where it is not well formed: tags that do not match, attributes
/// without quotes or twice, characters that must be escaped. Returns the names of the elements with their attributes.
fn elements(text: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").expect("a declaration");
    let (mut open, mut found) = (Vec::new(), Vec::new());
    while let Some(start) = rest.find('<') {
        plain(&rest[..start]);
        assert!(!open.is_empty() || rest[..start].trim().is_empty(), "text outside the root");
        let end = start + rest[start..].find('>').expect("the end of a tag");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "the tag that was opened last is closed");
            continue;
        }
        let (tag, is_closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut list) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut attributes: Vec<(String, String)> = Vec::new();
        while !list.is_empty() {
            let (key, quoted) = list.split_once("=\"").expect("an attribute");
            let (value, after) = quoted.split_once('"').expect("the end of a value");
            assert!(attributes.iter().all(|(known, _)| known != key), "{key} twice");
            attributes.push((key.to_owned(), plain(value)));
            list = after.strip_prefix(' ').unwrap_or(after);
        }
        assert!(found.is_empty() || !open.is_empty(), "one root");
        found.push((name.to_owned(), attributes));
        if !is_closed {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
    found
}

/// Returns what escaped text says.
fn plain(text: &str) -> String {
    assert!(!text.contains(['<', '>']) && text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, after) = part.split_once(';').expect("the end of an entity");
        let entity = ["amp", "lt", "gt", "quot", "#10", "#13", "#9"].iter().position(|known| *known == name);
        out.push(['&', '<', '>', '"', '\n', '\r', '\t'][entity.expect("a known entity")]);
        out.push_str(after);
    }
    out
}

#[test]
fn other_places_stand_in_the_message_where_a_format_has_none_for_them() {
    let folder = folder();
    for format in ["github", "gitlab", "junit", "checkstyle"] {
        let text = written(folder.path(), format, &["one.yml", "two.yml"]);
        assert!(text.contains(": one.yml:3"), "{format}: {text}");
    }
}

#[test]
fn xml_is_well_formed_and_counts_are_right() {
    let folder = folder();
    let all = [&ALL[..], &["good.yml"]].concat();
    let junit = elements(&written(folder.path(), "junit", &all));
    let of = |name: &str| junit.iter().filter(|(element, _)| element == name).collect::<Vec<_>>();
    let value = |element: &(String, Vec<(String, String)>), key: &str| {
        element.1.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert_eq!(of("testsuite").len(), 4);
    let total =
        |name: &str| (value(of("testsuites")[0], name), of("testsuite").iter().map(|of| value(of, name)).collect());
    let sums = |(all, parts): (String, Vec<String>)| {
        let number = |text: &String| text.parse::<usize>().expect("a number");
        assert_eq!(number(&all), parts.iter().map(number).sum::<usize>());
        number(&all)
    };
    assert_eq!((sums(total("tests")), sums(total("failures"))), (of("testcase").len(), of("failure").len()));
    assert!(of("testcase").len() > of("failure").len() && of("failure").len() >= 4, "{junit:?}");
    assert_eq!(value(of("testsuite")[0], "name"), ALL[0]);
    assert!(value(of("testcase")[0], "name").contains("\u{e4}\u{1f600} & <b>"), "{junit:?}");
    // What makes the run fail is a failure.
    let (_, text, _) = check(folder.path(), &["-o", "junit", "--fail-on", "warning", "one.yml"]);
    assert!(elements(&text).iter().any(|(name, _)| name == "failure"), "{text}");

    let checkstyle = elements(&written(folder.path(), "checkstyle", &all));
    let errors: Vec<_> = checkstyle.iter().filter(|(element, _)| element == "error").collect();
    assert!(errors.len() >= 5);
    assert!(errors.iter().any(|error| value(error, "source") == "alertctl.unknown-key" && value(error, "line") == "6"));
    for (format, expected) in [("junit", 3), ("checkstyle", 1)] {
        assert_eq!(elements(&written(folder.path(), format, &["good.yml"])).len(), expected, "{format}");
    }
}

#[test]
fn several_formats_are_written_side_by_side() {
    let folder = folder();
    let all = ["-o", "text", "--out", "a.sarif", "--out", "b.json", "--out", "gitlab:c.json", "--out", "junit:d.xml"];
    let (code, stdout, stderr) = check(folder.path(), &[&all[..], &["good.yml"]].concat());
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(stdout, "1 file, 1 alerting rule in 1 group: no problems\n");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect(name);
    assert_eq!(json(&read("a.sarif"))["version"], "2.1.0");
    assert_eq!(json(&read("b.json"))["schema"], "alertctl.check/1");
    assert_eq!(read("c.json"), "[]\n");
    assert_eq!(elements(&read("d.xml")).len(), 3);
    let (code, stdout, stderr) = check(folder.path(), &["--out", "a.sarif", "good.yml"]);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", "results written to `a.sarif`\n"));
    let refused = |args: &[&str], expected: &str| {
        let (code, stdout, stderr) = check(folder.path(), args);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    };
    refused(&["--out", "e.xml", "good.yml"], "hint: --out junit:e.xml");
    refused(&["--out", "sarif:good.yml", "good.yml"], "would overwrite the rule file `good.yml`");
    refused(&["--out", "sarfi:x", "good.yml"], "did you mean `sarif:x`?");
    let (code, _, stderr) = check(folder.path(), &["-o", "checkstyle", "--out", "e.xml", "good.yml"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(read("e.xml").contains("<checkstyle"));
}
