//! `check -d`: rules that are spoilt in one place are found on a recording, and those that are not are left alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::spawn;

/// A rule of the bench data: its name, expression and `for`.
struct Rule {
    name: String,
    expr: String,
    hold: String,
}

/// Reads the rules of a file in which each key has a line of its own.
fn rules(text: &str) -> Vec<Rule> {
    let value = |line: &str| line.split_once(": ").map_or("", |(_, value)| value).trim_matches('\'').to_owned();
    let mut all: Vec<Rule> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("- alert: ") {
            all.push(Rule { name: value(line), expr: String::new(), hold: String::new() });
        } else if let Some(last) = all.last_mut() {
            match line {
                line if line.starts_with("expr: ") => last.expr = value(line),
                line if line.starts_with("for: ") => last.hold = value(line),
                _ => {}
            }
        }
    }
    all
}

/// Spoils an expression in one place; none where it has no such place.
type Spoil = fn(&str) -> Option<String>;

fn replaced(expr: &str, from: &str, to: &str) -> Option<String> {
    expr.contains(from).then(|| expr.replacen(from, to, 1))
}

/// Puts another range in place of the first one.
fn ranged(expr: &str, range: &str) -> Option<String> {
    let (before, rest) = expr.split_once('[')?;
    let (_, after) = rest.split_once(']')?;
    Some(format!("{before}[{range}]{after}"))
}

fn metric(expr: &str) -> Option<String> {
    let names = [
        ("cpu_usage_ratio", "cpu_usage_raito"),
        ("http_errors_total", "http_error_total"),
        ("queue_depth", "queue_dept"),
        ("net_rx_bytes_total", "net_rx_byte_total"),
        ("temperature_celsius", "temperature_celsus"),
        ("disk_free_bytes", "disk_fre_bytes"),
    ];
    names.into_iter().find_map(|(from, to)| replaced(expr, from, to))
}

fn value(expr: &str) -> Option<String> {
    let values =
        [("\"web\"", "\"wbe\""), ("\"cache\"", "\"cahce\""), ("\"batch\"", "\"bacth\""), ("\"api\"", "\"aip\"")];
    values.into_iter().find_map(|(from, to)| replaced(expr, from, to))
}

/// How rules are spoilt, the codes of which one must be found, and a text that must be said.
const SPOILS: [(&str, Spoil, &[&str], &str); 9] = [
    ("metric", metric, &["no-such-metric"], "did you mean"),
    ("label", |expr| replaced(expr, "{job=", "{jbo="), &["no-such-label"], "did you mean `job`?"),
    ("value", value, &["no-such-value"], "did you mean"),
    ("short", |expr| ranged(expr, "5s"), &["range-too-short"], "one comes every 15s"),
    ("long", |expr| ranged(expr, "5d"), &["beyond-data"], "longer than the recording"),
    (
        "percent",
        |expr| replaced(expr, "cpu_usage_ratio > 0.9", "cpu_usage_ratio > 90"),
        &["threshold-out-of-range"],
        "times that",
    ),
    ("grouping", |expr| replaced(expr, "by (job)", "by (jbo)"), &["no-such-label"], "did you mean `job`?"),
    ("matching", |expr| replaced(expr, " on (job)", " on (instance)"), &["no-match", "dead-code"], "instance"),
    ("gauge", |expr| replaced(expr, "http_errors_total", "queue_depth"), &["rate-on-gauge"], "falls"),
];

/// Writes the first hours of half of the series of a recording.
fn cut(from: &Path, to: &Path) {
    let text = fs::read_to_string(from).expect("the recording");
    let mut lines = text.lines();
    let mut kept = format!("{}\n", lines.next().expect("a header"));
    let until = 1_767_571_200_000_i64 + 3 * 3_600_000;
    for line in lines {
        let time: i64 = line.split(',').next().and_then(|time| time.parse().ok()).expect("a time");
        if time >= until {
            break;
        }
        if ["-000:", "-001:", "-002:", "-003:", "-004:"].iter().any(|instance| line.contains(instance)) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    fs::write(to, kept).expect("written");
}

/// What is found of a rule.
fn found_by_rule(output: &[u8]) -> BTreeMap<String, Vec<Value>> {
    let document: Value = serde_json::from_slice(output).expect("JSON");
    let mut by_rule: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for found in document["diagnostics"].as_array().expect("a list") {
        let rule = found["subject"]["rule"].as_str().unwrap_or_default();
        by_rule.entry(rule.to_owned()).or_default().push(found.clone());
    }
    by_rule
}

#[test]
fn spoilt_rules_are_found_and_the_others_left_alone() {
    let Some(bench) = spawn::bench() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    cut(spawn::recording_s(&bench), &folder.path().join("s.csv"));
    let rules = rules(&fs::read_to_string(bench.join("rules/R100.60s.yml")).expect("the rules"));
    assert_eq!(rules.len(), 100);
    let mut text = "groups:\n- name: g\n  interval: 60s\n  rules:\n".to_owned();
    let mut add = |name: &str, expr: &str, hold: &str| {
        write!(text, "  - alert: {name}\n    expr: '{expr}'\n    for: {hold}\n").expect("a text");
    };
    let mut spoilt = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        add(&rule.name, &rule.expr, &rule.hold);
        // Each spoiling of a few rules, and a few of each rule: the whole would take long in a debug build.
        for (number, (word, spoil, codes, says)) in SPOILS.iter().enumerate() {
            let Some(expr) = spoil(&rule.expr).filter(|_| at < 20 || (at + number) % 5 == 0) else { continue };
            let name = format!("Spoilt{at}_{word}");
            add(&name, &expr, &rule.hold);
            spoilt.push((name, *codes, *says));
        }
    }
    fs::write(folder.path().join("r.yml"), &text).expect("written");
    let args = ["check", "r.yml", "-d", "s.csv", "--min-severity", "info", "-o", "json"];
    let out = spawn::alertctl(&args, folder.path(), None);
    let by_rule = found_by_rule(&out.stdout);
    for (name, codes, says) in &spoilt {
        let own = by_rule.get(name).map_or(&[][..], Vec::as_slice);
        let is_it = |found: &&Value| {
            codes.iter().any(|code| found["code"] == **code)
                && found["severity"] != "info"
                && found.to_string().contains(says)
        };
        assert!(own.iter().any(|found| is_it(&found)), "{name}: {own:#?}");
    }
    assert!(spoilt.len() > 100, "{} are spoilt", spoilt.len());
    for rule in &rules {
        for found in by_rule.get(&rule.name).into_iter().flatten().filter(|found| found["severity"] != "info") {
            // `absent()` of a job that is not recorded is true all the time, and so are two low thresholds.
            assert_eq!(found["code"], "always-firing", "{}: {found}", rule.name);
            assert!(
                rule.name.starts_with("JobAbsent_") || rule.name.starts_with("NetByJob_"),
                "{}: {found}",
                rule.name
            );
        }
    }
}
