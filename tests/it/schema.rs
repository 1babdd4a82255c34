//! The schemas that `alertctl schema` prints: what the tool reads and writes satisfies them, and mistakes do not.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::spawn;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn stdout(args: &[&str], folder: &Path) -> String {
    let output = spawn::alertctl(args, folder, None);
    let (out, err) = (String::from_utf8(output.stdout).expect("text"), String::from_utf8_lossy(&output.stderr));
    assert!(!out.is_empty(), "{args:?}: {err}");
    out
}

/// Returns the schema of a kind.
fn schema(kind: &str) -> Value {
    serde_json::from_str(&stdout(&["schema", kind], Path::new(ROOT))).expect("JSON")
}

/// Returns the kinds that are listed.
fn kinds() -> Vec<String> {
    let list = stdout(&["schema"], Path::new(ROOT));
    list.lines().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
}

/// Refuses every key that a schema does not describe, so that one which is written and not described is found.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("properties").is_some_and(Value::is_object) {
                fields.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Checks that outputs satisfy the schema of their kind and have no key besides those that it describes.
pub(crate) fn check_outputs(kind: &str, outputs: &[&str]) {
    let mut schema = schema(kind);
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).expect(kind);
    assert!(!outputs.is_empty(), "{kind}");
    for output in outputs {
        let value: Value = serde_json::from_str(output).unwrap_or_else(|error| panic!("{kind}: {error}: {output}"));
        let errors = errors(&validator, &value);
        assert!(errors.is_empty(), "{kind}: {}\n{output}", errors.join("\n"));
    }
    // The name of the schema within an output is part of it.
    let mut value: Value = serde_json::from_str(outputs[0]).expect("JSON");
    value["schema"] = json!("alertctl.other/1");
    assert!(!validator.is_valid(&value), "{kind}");
}

#[test]
fn every_kind_is_a_schema_and_says_what_it_describes() {
    let kinds = kinds();
    assert!(kinds.len() >= 13, "{kinds:?}");
    for kind in kinds {
        let schema = schema(&kind);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{kind}");
        assert!(schema["title"].is_string() && schema["description"].is_string(), "{kind}");
        jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{kind}: {error}"));
    }
    let output = spawn::alertctl(&["schema", "rule"], Path::new(ROOT), None);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && text.contains("'rules'"), "{text}");
}

#[test]
fn every_schema_that_an_output_names_is_described() {
    let kinds = kinds();
    let described: Vec<Value> = kinds.iter().map(|kind| schema(kind)).collect();
    for page in ["docs/formats.md", "docs/profile-report.md", "docs/soak.md"] {
        let text = fs::read_to_string(Path::new(ROOT).join(page)).expect(page);
        for name in text.split('`').filter(|word| word.starts_with("alertctl.") && word.contains('/')) {
            let quoted = format!("\"const\":\"{name}\"");
            let is_described = described.iter().any(|schema| schema.to_string().contains(&quoted));
            assert!(is_described, "{page}: {name}");
        }
    }
}

/// Checks files in YAML: those of a kind that satisfy it, and those that do not.
fn check_files(kind: &str, sound: &[&str], wrong: &[&str]) {
    let schema = schema(kind);
    let validator = jsonschema::validator_for(&schema).expect(kind);
    let read = |text: &str| -> Value { serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")) };
    for text in sound {
        let errors = errors(&validator, &read(text));
        assert!(errors.is_empty(), "{kind}: {}\n{text}", errors.join("\n"));
    }
    for text in wrong {
        assert!(!validator.is_valid(&read(text)), "{kind}: {text}");
    }
}

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).expect(name)
}

/// Returns the native rules of a page of `docs`.
fn of_page(name: &str, start: &str) -> Vec<String> {
    let text = file(name);
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.starts_with(start)).map(str::to_owned).collect()
}

#[test]
fn native_rules_satisfy_their_schema_and_mistakes_do_not() {
    let mut sound = of_page("docs/rules.md", "alertctl: 1");
    assert_eq!(sound.len(), 2);
    sound.push(file("rules/portsyncd.yml"));
    let rule = |rest: &str| format!("{{alertctl: 1, rules: [{{id: a, metric: m, {rest}}}]}}");
    sound.push(rule("equals: 3, tolerance: 0.5, for: 1h30m, labels: {port: 5}, enabled: false"));
    sound.push(rule("rate_of_change: 0.5, evaluation_window: 5m, actions: [log, {webhook: 'https://hooks.example'}]"));
    let wrong = [
        rule("above: 1, fro: 5m"),
        rule("above: 1, below: 2"),
        rule("for: 5m"),
        rule("above: '80 %'"),
        rule("above: 1, for: 5 minutes"),
        rule("above: 1, severity: page"),
        rule("above: 1, take: max"),
        rule("above: 1, tolerance: 1"),
        rule("between: [1]"),
        rule("rate_of_change: 1"),
        rule("above: 1, actions: [mail]"),
        "{alertctl: 1, rules: [{id: a, above: 1}]}".to_owned(),
        "{alertctl: 2}".to_owned(),
        "{alertctl: 1, ruels: []}".to_owned(),
        "{rules: []}".to_owned(),
    ];
    let sound: Vec<&str> = sound.iter().map(String::as_str).collect();
    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
    check_files("rules", &sound, &wrong);
    // The tool is of the same opinion.
    let folder = tempfile::tempdir().expect("a folder");
    for (texts, good) in [(&sound, true), (&wrong, false)] {
        for text in texts {
            fs::write(folder.path().join("rules.yml"), text).expect("a file");
            let output = spawn::alertctl(&["check", "rules.yml"], folder.path(), None);
            assert_eq!(output.status.success(), good, "{text}: {}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

#[test]
fn prometheus_rules_satisfy_their_schema_and_mistakes_do_not() {
    let node = file("rules/node.yml");
    let starter = stdout(&["init", "fixtures/node.csv"], Path::new(ROOT));
    let kind = if starter.contains("\nalertctl: 1") || starter.starts_with("alertctl: 1") {
        "rules"
    } else {
        "prometheus-rules"
    };
    check_files(kind, &[&starter], &[]);
    let rule = |rest: &str| format!("{{groups: [{{name: g, rules: [{{{rest}}}]}}]}}");
    let sound = rule("record: a, expr: up, labels: {port: 5}");
    let wrong = [
        file("fixtures/mistakes.yml"),
        rule("alert: A"),
        rule("alert: A, record: b, expr: up"),
        rule("record: b, expr: up, for: 5m"),
        rule("alert: A, expr: up, for: 5"),
        "{groups: [{rules: []}]}".to_owned(),
        "{groups: [{name: g, evaluate: 5m}]}".to_owned(),
    ];
    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
    check_files("prometheus-rules", &[&node, &sound], &wrong);
}

#[test]
fn configurations_satisfy_their_schema_and_mistakes_do_not() {
    let sound = of_page("docs/check-config.md", "lints:");
    assert_eq!(sound.len(), 1);
    let policy = |rest: &str| format!("policies: [{{{rest}}}]");
    let others = [policy("owner: [db], names: '[A-Z].*', for: {max: 1h}"), policy("allowed-labels: [a], paths: rules")];
    let wrong = [
        policy("requred-labels: [team]"),
        policy("severity: fatal"),
        policy("for: {least: 1m}"),
        policy("for: {min: 5 minutes}"),
        policy("allowed-labels: []"),
        "lints: {dead-code: of}".to_owned(),
        "overrides: [{lints: {dead-code: off}}]".to_owned(),
        "lint: {}".to_owned(),
    ];
    let sound: Vec<&str> = sound.iter().chain(&others).map(String::as_str).collect();
    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
    check_files("config", &sound, &wrong);
    // The tool is of the same opinion.
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.yml"), "groups: [{name: g, rules: [{record: a, expr: b}]}]").expect("a file");
    for (texts, refused) in [(&sound, false), (&wrong, true)] {
        for text in texts {
            fs::write(folder.path().join("alertctl.yml"), text).expect("a file");
            let output = spawn::alertctl(&["check", "a.yml"], folder.path(), None);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code() == Some(2), refused, "{text}: {stderr}");
        }
    }
}

#[test]
fn targets_satisfy_their_schema_and_mistakes_do_not() {
    let sound = of_page("docs/profile-report.md", "latency.p50");
    assert_eq!(sound.len(), 1);
    check_files("targets", &[&sound[0]], &["[1]", "{run.series: {traget: 5}}", "{run.series: [5]}"]);
}

#[test]
fn silences_and_acceptances_satisfy_their_schemas_and_mistakes_do_not() {
    let exported = r#"[{"id":"1","matchers":[{"name":"a","value":"b","isRegex":false,"isEqual":true}],"startsAt":"2026-01-05T18:00:00Z","endsAt":"2026-01-05T19:00:00Z","createdBy":"x","comment":"","status":{"state":"active"}}]"#;
    let silence = |rest: &str| format!("- {{matchers: '{{a=\"b\"}}', {rest}}}");
    let (sound, misspelt, without) =
        (silence("start: 1, end: 2.5"), silence("start: 1, ends: 2"), silence("comment: why"));
    check_files("silences", &[&file("docs/planned-work.yml"), exported, &sound], &[&misspelt, &without, "{a: b}"]);
    let sound = of_page("docs/profile.md", "- {rule:");
    assert_eq!(sound.len(), 1);
    let wrong = [
        "- {rule: A, date: 2026-11-29}",
        "- {rule: A, total: series, date: 2026-11-29, reason: x}",
        "- {total: rows, date: 2026-11-29, reason: x}",
        "- {rule: A, date: soon, reason: x}",
    ];
    check_files("accept", &[&sound[0]], &wrong);
}

#[test]
fn what_eval_writes_satisfies_its_schemas() {
    let root = Path::new(ROOT);
    let run = |flags: &[&str]| stdout(&[&["eval", "-q", "fixtures/node.csv"], flags].concat(), root);
    let outputs = [
        run(&["-r", "rules/node.yml", "-o", "json", "--silences", "docs/planned-work.yml", "--fail-on", "firing"]),
        run(&["-e", "no_such_metric > 1", "-e", "up{job=\"dbb\"} == 0", "-e", "rate(up[5m]) > on() up", "-o", "json"]),
        run(&["-e", "up == 0", "-o", "json", "--where", "instance=\"web-2\"", "--start", "2026-01-05T20:00:00Z"]),
    ];
    check_outputs("eval", &outputs.each_ref().map(String::as_str));
    let swept = [
        run(&["-r", "rules/node.yml", "-o", "json", "--set", "HighCpu.for=1m,5m"]),
        run(&["-r", "rules/node.yml", "-o", "json", "--alert", "HighCpu", "--incidents", "docs/incidents.csv"]),
        run(&[
            "-r",
            "rules/node.yml",
            "-o",
            "json",
            "--episodes",
            "--set",
            "DiskFullSoon.window=30m,2h",
            "--set",
            "DiskFullSoon.threshold=-Inf,0",
            "--incidents",
            "docs/incidents.csv",
        ]),
    ];
    check_outputs("sweep", &swept.each_ref().map(String::as_str));
    let events = run(&["-r", "rules/node.yml", "-o", "ndjson"]);
    let events: Vec<&str> = events.lines().collect();
    assert!(events.len() > 10);
    check_outputs("events", &events);
}

#[test]
fn what_diff_writes_satisfies_its_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let rule = |rest: &str| format!("groups: [{{name: g, rules: [{rest}]}}]");
    let old =
        "{record: 'a:up', expr: up}, {alert: A, expr: 'a:up == 0', labels: {severity: x}}, {alert: B, expr: up == 1}";
    let new = "{record: 'a:up', expr: 1 - up}, {alert: A, expr: 'a:up == 0', for: 5m}, {alert: C, expr: up < 2}";
    fs::write(folder.path().join("old.yml"), rule(old)).expect("a file");
    fs::write(folder.path().join("new.yml"), rule(new)).expect("a file");
    let [old, new] = ["old.yml", "new.yml"].map(|name| folder.path().join(name).to_string_lossy().into_owned());
    let run = |flags: &[&str]| {
        let all = ["diff", "-q", &old, &new, "fixtures/node.csv", "-o", "json"];
        stdout(&[&all, flags].concat(), Path::new(ROOT))
    };
    let outputs = [
        run(&[]),
        run(&["--where", "job=\"web\"", "--alert", "A|C", "--start", "-2h", "--end", "-1h", "--tolerance", "1m"]),
        run(&["--fail-on", "new-firing,lost-firing=x,change"]),
    ];
    check_outputs("diff", &outputs.each_ref().map(String::as_str));
}

#[test]
fn what_check_and_data_write_satisfies_their_schemas() {
    let root = Path::new(ROOT);
    let folder = tempfile::tempdir().expect("a folder");
    let known = folder.path().join("known.json");
    fs::write(folder.path().join("a.yml"), "alertctl: 1\nrules: [{id: a, metric: m, above: 1, take: maxx}]\n")
        .expect("a file");
    fs::write(folder.path().join("b.yml"), "alertctl: 1\nrules: [{id: a, metric: m, above: 1}]\n").expect("a file");
    let git = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
    for args in [&["init", "-q"][..], &["add", "a.yml"], &["commit", "-qm", "a"]] {
        let output = spawn::run(Path::new("git"), &[&git, args].concat(), folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let outputs = [
        stdout(&["check", "-o", "json", "fixtures/mistakes.yml", "rules/node.yml"], root),
        stdout(&["check", "-o", "json", "a.yml", "b.yml"], folder.path()),
        stdout(&["check", "-o", "json", "--changed-since", "HEAD", "a.yml", "b.yml"], folder.path()),
    ];
    check_outputs("check", &outputs.each_ref().map(String::as_str));
    stdout(&["check", "fixtures/mistakes.yml", "rules/node.yml", "--save-baseline", &known.to_string_lossy()], root);
    check_outputs("check-baseline", &[&fs::read_to_string(&known).expect("a baseline")]);
    let outputs =
        ["fixtures/node.csv", "fixtures/portsyncd.csv"].map(|path| stdout(&["data", "-o", "json", path], root));
    check_outputs("data", &outputs.each_ref().map(String::as_str));
}

#[test]
fn what_profile_writes_satisfies_its_schemas() {
    let root = Path::new(ROOT);
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("base.json");
    let least =
        ["profile", "--allow-debug", "--processes", "1", "--rounds", "1", "--time-budget", "1ms", "--seed", "1"];
    let run = |flags: &[&str]| {
        let rules = ["-r", "rules/portsyncd.yml", "fixtures/portsyncd.csv", "-o", "json", "--sessions", "1"];
        stdout(&[&least[..], &rules, flags].concat(), root)
    };
    let base = base.to_string_lossy();
    let first = run(&["--save-baseline", &base, "--keep-samples"]);
    let second = run(&["--baseline", &base]);
    check_outputs("profile", &[&first, &second]);
    check_outputs("baseline", &[&fs::read_to_string(&*base).expect("the baseline")]);
    let soak = ["profile", "--allow-debug", "--soak", "3d", "--cadence", "5m", "-o", "json"];
    check_outputs("soak", &[&stdout(&soak, root)]);
}
