//! What lints of rules and of the rule set find, and which neighbours they leave alone.

use super::subject::{LintOptions, Subject};
use super::tests::file;
use super::*;
use crate::diagnostic::Fix;
use crate::rules::RuleSet;
use crate::time::Millis;

/// Looks at rules, and returns the findings of one code together with the text of the file.
fn found(code: &str, example: &str, options: LintOptions) -> (String, Vec<Diagnostic>) {
    let text = file(example);
    let mut rules = RuleSet { keep_parts: true, ..RuleSet::default() };
    rules.add("example.yml", text.as_bytes());
    assert!(!rules.diagnostics.has_errors(), "{text}{:#?}", rules.diagnostics);
    let subject = Subject::new(&rules, options);
    let found = run(&subject, &|wanted| wanted == code);
    (text, found.sorted())
}

/// Returns what of the file is marked by the findings of a code.
fn marked(code: &str, example: &str) -> Vec<String> {
    marked_with(code, example, LintOptions::default())
}

fn marked_with(code: &str, example: &str, options: LintOptions) -> Vec<String> {
    let (text, found) = found(code, example, options);
    found.iter().map(|one| one.primary.as_ref().map_or("", |mark| &text[mark.at.span.range()]).to_owned()).collect()
}

/// Returns what is marked in an alert with an expression and a `for` of 5m.
fn alert(code: &str, expr: &str) -> Vec<String> {
    marked(code, &format!("- alert: A\n  for: 5m\n  expr: |\n    {expr}\n"))
}

fn silent(code: &str, expressions: &[&str]) {
    for expr in expressions {
        assert_eq!(alert(code, expr), [""; 0], "{expr}");
    }
}

/// Returns the file after the fixes of a code.
fn fixed(code: &str, example: &str) -> String {
    let (mut text, found) = found(code, example, LintOptions::default());
    let mut fixes: Vec<Fix> = found.into_iter().flat_map(|one| one.fixes).collect();
    fixes.sort_by_key(|fix| std::cmp::Reverse(fix.at.span.start));
    for fix in fixes {
        text.replace_range(fix.at.span.range(), &fix.replacement);
    }
    let mut rules = RuleSet::default();
    rules.add("fixed.yml", text.as_bytes());
    assert!(!rules.diagnostics.has_errors(), "{text}{:#?}", rules.diagnostics);
    text
}

#[test]
fn always_fires() {
    let find = |expr| alert(codes::ALWAYS_FIRES, expr);
    assert_eq!(find("x > bool 5"), ["bool"]);
    assert_eq!(find("rate(x[5m])"), ["rate(x[5m])"]);
    assert_eq!(find("1"), ["1"]);
    assert_eq!(find("time() > bool 5"), ["bool"]);
    assert_eq!(find("x > 5 or y"), ["y"]);
    assert_eq!(find("sum(x) and on () y"), ["sum(x) and on () y"]);
    assert_eq!(find("count(x > bool 1)"), ["count(x > bool 1)"]);
    assert_eq!(find("kube_pod_status_phase{phase=\"Failed\"}"), ["kube_pod_status_phase{phase=\"Failed\"}"]);
    silent(
        codes::ALWAYS_FIRES,
        &[
            "vector(1)",
            "x > 5",
            "absent(x)",
            "absent_over_time(x[5m])",
            "absent(x) or absent(y)",
            "x > 5 or absent(x)",
            "sum(x) > 5 or vector(0)",
            "(sum(x) or vector(0)) > 5",
            "x unless y",
            "x and y > 5",
            "ALERTS{alertstate=\"firing\"}",
            "count by (job) (ALERTS)",
            "x > bool 0 == 1",
            "count by (job) (up == 0)",
            "topk(3, x > 5)",
            "present_over_time(x[5m])",
            "changes((x > 5)[10m:1m])",
            "job:requests:high",
        ],
    );
    let rule = |recorded: &str| format!("- record: a\n  expr: {recorded}\n- alert: A\n  expr: a\n");
    assert_eq!(marked(codes::ALWAYS_FIRES, &rule("x + 5")), ["a"]);
    assert_eq!(marked(codes::ALWAYS_FIRES, &rule("x > 5")), [""; 0]);
    assert!(fixed(codes::ALWAYS_FIRES, "- alert: A\n  expr: x >= bool 5\n").contains("expr: x >= 5\n"));
}

#[test]
fn absent_without_for() {
    let find = |rule: &str| marked(codes::ABSENT_WITHOUT_FOR, rule);
    assert_eq!(find("- alert: A\n  expr: absent(x)\n"), ["absent(x)"]);
    assert_eq!(find("- alert: A\n  expr: absent(x) or y > 5\n  for: 1m\n"), ["absent(x)"]);
    assert_eq!(find("- record: a\n  expr: absent(count(x) or vector(0))\n"), ["absent(count(x) or vector(0))"]);
    for rule in [
        "- alert: A\n  expr: absent(sum(x))\n  for: 2m\n",
        "- alert: A\n  expr: absent_over_time(x[10m])\n",
        "- record: a\n  expr: absent(x)\n",
        "- alert: A\n  expr: x > 5 unless absent(y)\n",
    ] {
        assert_eq!(find(rule), [""; 0], "{rule}");
    }
    let options = LintOptions { scrape_interval: Some(Millis(15_000)), ..LintOptions::default() };
    let minute = "- alert: A\n  expr: absent(x)\n  for: 1m\n";
    assert_eq!(marked_with(codes::ABSENT_WITHOUT_FOR, minute, options), [""; 0]);
}

#[test]
fn range_too_short() {
    let find = |expr| alert(codes::RANGE_TOO_SHORT, expr);
    assert_eq!(find("rate(x[20s]) > 1"), ["20s"]);
    assert_eq!(find("deriv(sum(x)[1m:1m]) > 1"), ["1m"]);
    silent(codes::RANGE_TOO_SHORT, &["rate(x[30s]) > 1", "max_over_time(x[5s]) > 1", "deriv(sum(x)[2m:1m]) > 1"]);
    let options = LintOptions { scrape_interval: Some(Millis(60_000)), ..LintOptions::default() };
    let rule = |range: &str| format!("- alert: A\n  expr: rate(x[{range}]) > 1\n");
    assert_eq!(marked_with(codes::RANGE_TOO_SHORT, &rule("1m"), options), ["1m"]);
    assert_eq!(marked_with(codes::RANGE_TOO_SHORT, &rule("2m"), options), [""; 0]);
}

#[test]
fn experimental() {
    let find = |expr| alert(codes::EXPERIMENTAL, expr);
    assert_eq!(find("limitk(3, x) > 1"), ["limitk"]);
    assert_eq!(find("rate(x[5m * 2]) > 1"), ["5m * 2"]);
    assert_eq!(find("rate(x[5m] anchored) > 1"), ["x[5m] anchored"]);
    assert_eq!(find("x + fill(0) y > 1"), ["+"]);
    silent(codes::EXPERIMENTAL, &["topk(3, x) > 1", "x offset -5m > 1"]);
}

#[test]
fn for_default() {
    let find = |rule: &str| marked(codes::FOR_DEFAULT, rule);
    assert_eq!(
        find("- alert: A\n  expr: x > 1\n  for: 0m\n  keep_firing_for: 0s\n"),
        ["for: 0m", "keep_firing_for: 0s"]
    );
    let group = |rest: &str| {
        format!("groups:\n- name: g\n  interval: 1m\n  rules:\n  - alert: A\n    expr: x > 1\n    {rest}\n")
    };
    assert_eq!(find(&group("for: 90s")), ["90s"]);
    assert_eq!(find(&group("keep_firing_for: 30s")), ["30s"]);
    assert_eq!(find(&group("for: 2m\n    keep_firing_for: 90s")), [""; 0]);
    assert_eq!(find("- alert: A\n  expr: x > 1\n  for: 90s\n"), [""; 0]);
}

#[test]
fn a_default_is_removed_with_its_line() {
    let fixed = |rule: &str| fixed(codes::FOR_DEFAULT, &format!("groups:\n- name: g\n  rules:\n{rule}"));
    let head = "groups:\n- name: g\n  rules:\n";
    for (before, after) in [
        ("  - alert: A\n    for: 0m\n    expr: x > 1\n", "  - alert: A\n    expr: x > 1\n"),
        ("  - for: 0m\n    alert: A\n    expr: x > 1\n", "  - alert: A\n    expr: x > 1\n"),
        ("  - alert: A\n    expr: x > 1\n    for: 0m", "  - alert: A\n    expr: x > 1"),
        ("  - alert: A\r\n    for: 0m\r\n    expr: x > 1\r\n", "  - alert: A\r\n    expr: x > 1\r\n"),
        ("  - {alert: A, for: 0s, expr: x > 1}\n", "  - {alert: A, expr: x > 1}\n"),
        ("  - {alert: A, expr: x > 1, for: 0s}\n", "  - {alert: A, expr: x > 1}\n"),
        ("  - {for: 0s, alert: A, expr: x > 1, keep_firing_for: 0s}\n", "  - {alert: A, expr: x > 1}\n"),
        ("  - alert: A\n    for: '0s'\n    keep_firing_for: 0s\n    expr: x > 1\n", "  - alert: A\n    expr: x > 1\n"),
        ("  - {alert: A,\n     for: 0s,\n     expr: x > 1}\n", "  - {alert: A,\n     expr: x > 1}\n"),
        ("  - {alert: A,\n     expr: x > 1,\n     for: 0s\n    }\n", "  - {alert: A,\n     expr: x > 1\n    }\n"),
        // A remark would go with it.
        (
            "  - alert: A\n    for: 0m # at once\n    expr: x > 1\n",
            "  - alert: A\n    for: 0m # at once\n    expr: x > 1\n",
        ),
    ] {
        assert_eq!(fixed(before), format!("{head}{after}"));
    }
}

#[test]
fn fragile() {
    let find = |expr| alert(codes::FRAGILE, expr);
    assert_eq!(find("topk(3, x) > 5"), ["topk"]);
    assert_eq!(find("x > 5 and bottomk(3, y)"), ["bottomk"]);
    silent(
        codes::FRAGILE,
        &[
            "count(topk(3, x) > 5) > 1",
            "sum by (job) (topk(3, x)) > 5",
            "x * on (job) group_left (team) x_info > 5",
            "x * on (job) group_left (team) topk by (job) (1, x_info) > 5",
            "sum(rate(a[5m])) / sum(rate(b[5m])) > 0.5",
        ],
    );
    let ratio = |expr: &str| marked(codes::FRAGILE, &format!("- alert: A\n  expr: {expr}\n"));
    assert_eq!(ratio("sum(rate(a[5m])) / sum(rate(b[5m])) > 0.5"), ["/"]);
    assert_eq!(ratio("100 * sum(a) / sum(b) > 50"), ["/"]);
    assert_eq!(ratio("sum(a) / count(a) > 0.5"), [""; 0]);
    assert_eq!(ratio("a / b > 0.5"), [""; 0]);
    assert_eq!(marked(codes::FRAGILE, "- record: a\n  expr: topk(3, x)\n"), [""; 0]);
}

#[test]
fn nan_poison() {
    let find = |expr| alert(codes::NAN_POISON, expr);
    assert_eq!(find("avg(rate(a[5m]) / rate(b[5m])) > 1"), ["/"]);
    assert_eq!(find("sum by (job) (100 * (increase(a[5m]) / increase(b[5m]))) > 1"), ["/"]);
    silent(
        codes::NAN_POISON,
        &[
            "avg(rate(a[5m]) / (rate(b[5m]) > 0)) > 1",
            "avg((rate(a[5m]) > 0) / rate(b[5m])) > 1",
            "avg(rate(a[5m]) / (rate(b[5m]) + 1)) > 1",
            "avg(rate(a[5m]) / clamp_min(rate(b[5m]), 1)) > 1",
            "max(rate(a[5m]) / rate(b[5m])) > 1",
            "sum(rate(a[5m])) / sum(rate(b[5m])) > 1",
            "avg(free_bytes / (size_bytes > 0)) < 1",
            "avg(rate(a[5m]) / 60) > 1",
            "avg(rate(a[5m]) / rate(b[5m]) >= 0) > 1",
        ],
    );
}

#[test]
fn regexp() {
    let find = |expr| alert(codes::REGEXP, expr);
    assert_eq!(find("up{job=~\"node\"} == 0"), ["=~"]);
    assert_eq!(find("up{job=\"a\", x=~\"(a|b)\", y=~\"^a.b$\"} == 0"), ["\"^a.b$\""]);
    assert_eq!(find("up{job=~\".*\"} == 0"), ["=~\".*\""]);
    assert_eq!(find("rate(x{job!~'a\\\\.b'}[5m]) > 0"), ["!~"]);
    silent(
        codes::REGEXP,
        &[
            "up{job=~\"a|b\"} == 0",
            "up{job=~\"(?i)node\"} == 0",
            "up{job=~\"node.+\"} == 0",
            "up{job=~\".+\"} == 0",
            "up{job=\"^a$\"} == 0",
        ],
    );
    let fix = |expr: &str| fixed(codes::REGEXP, &format!("- alert: A\n  expr: {expr}\n"));
    assert!(fix("up{job=~\"^node$\", a!~\"b\"} == 0").contains("expr: up{job=\"node\", a!=\"b\"} == 0\n"));
    assert!(fix("up{job=~\"^a|b$\"} == 0").contains("expr: up{job=~\"a|b\"} == 0\n"));
    assert!(fix("up{job=~'a\\\\.b'} == 0").contains("expr: up{job='a.b'} == 0\n"));
    assert!(fix("\"up{job=~\\\"^node$\\\"} == 0\"").contains("up{job"));
}

#[test]
fn hidden_by_comment() {
    let find = |expr: &str| {
        let rule = format!("- alert: A\n  expr: {expr}\n");
        marked(codes::HIDDEN_BY_COMMENT, &rule)
    };
    assert_eq!(find(">\n    up\n    # why\n    == 0"), ["== 0"]);
    assert_eq!(find(">\n    up # why\n    # more\n    == 0"), ["== 0"]);
    assert_eq!(find("\"up # why\n    == 0\""), ["== 0"]);
    let none: [&str; 0] = [];
    for expr in [
        "|\n    up\n    # why\n    == 0",
        ">\n    up == 0\n    # why\n    # more",
        ">\n    up\n    == 0 # why",
        ">\n    up{a=\"#\"}\n    == 0",
        "\"up == 0 # a \\\"b\\\" c\"",
        "up == 0 # why",
        ">
    up == 0 # of machines with
    - virtual memory, i.e. ASA(v)",
    ] {
        assert_eq!(find(expr), none, "{expr}");
    }
}

#[test]
fn subquery_step() {
    assert_eq!(alert(codes::SUBQUERY_STEP, "max_over_time(sum(x)[30m:]) > 1"), ["30m"]);
    silent(codes::SUBQUERY_STEP, &["max_over_time(sum(x)[30m:1m]) > 1"]);
}

#[test]
fn rate_of_sum() {
    let find = |expr| alert(codes::RATE_OF_SUM, expr);
    assert_eq!(find("rate(sum(x)[5m:1m]) > 1"), ["sum(x)"]);
    silent(codes::RATE_OF_SUM, &["sum(rate(x[5m])) > 1", "max_over_time(sum(x)[5m:1m]) > 1", "rate(x[5m]) > 1"]);
    let rules = |inner: &str, outer: &str| {
        marked(
            codes::RATE_OF_SUM,
            &format!("- record: a\n  expr: {inner}\n- record: b\n  expr: a\n- alert: A\n  expr: {outer}\n"),
        )
    };
    assert_eq!(rules("sum by (job) (x)", "rate(a[5m]) > 1"), ["a"]);
    assert_eq!(rules("sum by (job) (x)", "increase(b[5m]) > 1"), ["b"]);
    assert_eq!(rules("sum by (job) (x)", "deriv(a[5m]) > 1"), [""; 0]);
    assert_eq!(rules("x * 8", "rate(a[5m]) > 1"), [""; 0]);
}

#[test]
fn irate() {
    assert_eq!(alert(codes::IRATE, "irate(x[5m]) > 1"), ["irate"]);
    assert_eq!(marked(codes::IRATE, "- record: a\n  expr: irate(x[5m])\n"), [""; 0]);
}

#[test]
fn contradictory_threshold() {
    let find = |expr| alert(codes::CONTRADICTORY_THRESHOLD, expr);
    for expr in [
        "x > 5 and x < 3",
        "x > 5 and x <= 5",
        "x > 5 < 3",
        "5 < x and x < 3",
        "x == 5 and x == 6",
        "x > 5 unless x > 3",
        "up > 1",
        "up <= 1",
        "rate(x[5m]) < 0",
        "sum(rate(x[5m])) < 0",
        "count(x) == 0",
        "count by (job) (x > 5) < 1",
        "x > bool 5 >= 0",
        "hour() > 24",
    ] {
        assert_eq!(find(expr), [expr], "{expr}");
    }
    assert_eq!(find("rate(x[5m]) == 0.5"), ["=="]);
    assert_eq!(find("increase(x[5m]) != 3"), ["!="]);
    assert_eq!(find("x > (1 > bool 2)"), ["1 > bool 2"]);
    silent(
        codes::CONTRADICTORY_THRESHOLD,
        &[
            "x > 5 and x < 9",
            "x > 5 < 9",
            "x > 5 or x < 3",
            "x > 5 and y < 3",
            "x > 5 and on (job) x < 3",
            "x >= 5 and x <= 5",
            "x > 5 unless x > 9",
            "rate(x[5m]) == 0",
            "up == 0",
            "up != 1",
            "avg_over_time(up[5m]) == 1",
            "absent(x) == 1",
            "count(x) > 0",
            "(count(x) or vector(0)) == 0",
            "x > bool 5 == 1",
            "delta(x[5m]) < 0",
            "hour() >= 22 or hour() < 6",
            "vector(1) > 0",
            "a - b < 0",
            "clamp_min(x, 0) == 0",
        ],
    );
}

#[test]
fn interval_over_lookback() {
    let group = |interval: &str, rules: &str| {
        marked(codes::INTERVAL_OVER_LOOKBACK, &format!("groups:\n- name: g\n  interval: {interval}\n  rules:\n{rules}"))
    };
    let record = "  - record: a\n    expr: sum(x)\n";
    assert_eq!(group("10m", record), ["10m"]);
    assert_eq!(group("5m", record), [""; 0]);
    let ranged = format!("{record}- name: h\n  rules:\n  - alert: A\n    expr: last_over_time(a[20m]) > 1\n");
    assert_eq!(group("10m", &ranged), [""; 0]);
}

#[test]
fn duplicate() {
    let find = |rules: &str| marked(codes::DUPLICATE, rules);
    let pair = |a: &str, b: &str| format!("- record: r\n  expr: {a}\n- record: r\n  expr: {b}\n");
    assert_eq!(find(&pair("sum(x)", "sum (x)")), ["r"]);
    assert_eq!(find(&pair("sum(x)", "sum(y)")), ["r"]);
    assert_eq!(find(&pair("sum by (job) (x{job=\"a\"})", "sum by (job) (x{job=\"b\"})")), [""; 0]);
    assert_eq!(find(&pair("sum(x{job=\"a\"})", "sum(x{job=\"b\"})")), ["r"]);
    let alerts = |one: &str, other: &str| {
        let alert = |limit: u8, severity: &str| {
            format!("- alert: A\n  expr: x > {limit}\n  labels: {{severity: {severity}}}\n")
        };
        find(&[alert(1, one), alert(2, other)].concat())
    };
    assert_eq!(alerts("warning", "critical"), [""; 0]);
    assert_eq!(alerts("warning", "warning"), ["A"]);
    let group =
        |team: &str| format!("- name: {team}\n  labels: {{team: {team}}}\n  rules:\n  - record: r\n    expr: sum(x)\n");
    assert_eq!(find(&format!("groups:\n{}{}", group("a"), group("b"))), [""; 0]);
}

#[test]
fn dependency() {
    let find = |rules: &str| marked(codes::DEPENDENCY, rules);
    let (alert, record) = ("- alert: A\n  expr: a:b > 1\n", "- record: a:b\n  expr: sum(x)\n");
    assert_eq!(find(&[alert, record].concat()), ["a:b"]);
    assert_eq!(find(&[record, alert].concat()), [""; 0]);
    assert_eq!(find(&[record, alert, record].concat()), [""; 0]);
    assert_eq!(find("- record: c\n  expr: d + 1\n- record: d\n  expr: sum(c)\n"), [""; 0]);
    assert_eq!(find("- record: c\n  expr: d + 1\n- record: d\n  expr: sum(x)\n"), ["d"]);
    let ranged = "- alert: A\n  expr: max_over_time(a:b[10m]) > 1\n";
    assert_eq!(find(&[ranged, record].concat()), [""; 0]);
    assert_eq!(find(&[record, "- alert: A\n  expr: a:c > 1\n"].concat()), ["a:c"]);
    let reads = |name: &str| {
        format!("- alert: Down\n  expr: up == 0\n- alert: B\n  expr: ALERTS{{alertname=\"{name}\"}} > 0\n")
    };
    assert_eq!(find(&reads("Dawn")), ["ALERTS{alertname=\"Dawn\"}"]);
    assert_eq!(find(&reads("Down")), [""; 0]);
}

#[test]
fn precomputed() {
    let find = |rules: &str| marked(codes::PRECOMPUTED, rules);
    let record = "- record: a\n  expr: sum by (job) (rate(x[5m]))\n";
    let reader = |expr: &str| find(&format!("{record}- alert: A\n  expr: {expr}\n"));
    assert_eq!(reader("sum by (job) ( rate(x[5m]) ) > 1"), ["sum by (job) ( rate(x[5m]) )"]);
    assert_eq!(reader("max(sum by (job) (rate(x[5m]))) > 1"), ["sum by (job) (rate(x[5m]))"]);
    assert_eq!(reader("sum by (job) (rate(x[10m])) > 1"), [""; 0]);
    assert_eq!(reader("sum by (job) (rate(x{a=\"b\"}[5m])) > 1"), [""; 0]);
    assert_eq!(reader("sum by (job) (rate(x[5m] offset 1m)) > 1"), [""; 0]);
    assert_eq!(
        find(&format!("{record}- record: b\n  expr: sum by (job) (rate(x[5m]))\n")),
        ["sum by (job) (rate(x[5m]))"]
    );
}

#[test]
fn native_rules_are_judged_by_what_they_are() {
    let rules = "\
alertctl: 1
evaluate: 10m
derived:
- record: share
  expr: mad_over_time(x[5s]) / rate(y[5s])
rules:
- id: down
  metric: up
  above: 5
  for: 0s
- id: high
  metric: share
  above: 0.5
  for: 15m
";
    for code in catalog::ALL.iter().map(|lint| lint.code) {
        let expected: &[&str] = match code {
            codes::FOR_DEFAULT => &["for: 0s", "15m"],
            codes::INTERVAL_OVER_LOOKBACK => &["10m"],
            _ => &[],
        };
        assert_eq!(marked(code, rules), expected, "{code}");
    }
}

#[test]
fn dead_code_of_values() {
    let find = |expr| alert(codes::DEAD_CODE, expr);
    assert_eq!(find("foo{x=\"1\"} > 3 and bar{x=\"2\"} > 1"), ["and"]);
    assert_eq!(find("sum by (x) (foo{x=\"1\"}) / on (x) sum by (x) (bar{x=\"2\"}) > 1"), ["/"]);
    assert_eq!(find("foo{a=\"1\",a!=\"1\"} > 1"), ["foo{a=\"1\",a!=\"1\"}"]);
    assert_eq!(find("histogram_quantile(0.9, sum(rate(foo_bucket[5m]))) > 1"), ["sum(rate(foo_bucket[5m]))"]);
    let chain = "- record: job:x:sum\n  expr: sum by (job) (x)\n- alert: A\n  for: 5m\n  expr: ";
    assert_eq!(
        marked(codes::DEAD_CODE, &format!("{chain}'job:x:sum{{instance=\"a\"}} > 5'\n")),
        ["job:x:sum{instance=\"a\"}"]
    );
    assert_eq!(marked(codes::DEAD_CODE, &format!("{chain}'job:x:sum{{job=\"a\"}} > 5'\n")), [""; 0]);
    silent(
        codes::DEAD_CODE,
        &[
            "foo{x=\"1\"} > 3 and ignoring (x) bar{x=\"2\"} > 1",
            "foo{x=\"1\"} > 3 and on (job) bar{x=\"2\"} > 1",
            "foo{x=\"1\"} > 3 or bar{x=\"2\"} > 1",
            "sum by (job) (foo{x=\"1\"}) / sum by (job) (foo{x=\"2\"}) > 1",
            "foo{a=~\"1|2\",a!=\"1\"} > 1",
            "histogram_quantile(0.9, sum by (le) (rate(foo_bucket[5m]))) > 1",
            "histogram_quantile(0.9, sum(rate(foo_seconds[5m]))) > 1",
        ],
    );
}

#[test]
fn duplicates_that_real_files_have_on_purpose() {
    let two = |one: &str, other: &str| {
        let rule = |expr: &str| format!("- record: code:x:sum\n  expr: 'sum by (code) (x{{{expr}}})'\n");
        marked(codes::DUPLICATE, &format!("{}{}", rule(one), rule(other))).len()
    };
    assert_eq!(two("code=~\"2..\"", "code=~\"3..\""), 0);
    assert_eq!(two("code=\"200\"", "code!~\"2..\""), 0);
    assert_eq!(two("code=\"200\"", "code=~\"2..\""), 1);
    assert_eq!(two("code=~\"2..\"", ""), 1);
    let alerts = "- {alert: A, expr: 'sum by (x) (foo) > 1'}\n- {alert: A, expr: 'sum by (y) (foo) > 1'}\n";
    let severities = found(codes::DUPLICATE, alerts, LintOptions::default()).1;
    assert!(severities.iter().all(|one| one.severity == Severity::Info));
}

#[test]
fn what_a_rule_takes_from_elsewhere_is_found_where_it_stands() {
    let text = "- &base\n  alert: A\n  expr: up == 0\n  for: 5m\n- <<: *base\n  labels: {}\n";
    let (text, found) = found(codes::DUPLICATE, text, LintOptions::default());
    let at = found[0].primary.as_ref().expect("a place").at.span;
    assert_eq!(&text[at.range()], "<<");
}

#[test]
fn fixes_of_labels_leave_the_meaning_alone() {
    let fixes = |expr: &str| {
        let text = format!("- alert: A\n  expr: {expr}\n  annotations: {{a: '{{{{ $labels.instance }}}}'}}\n");
        found(codes::TEMPLATE_LABEL_MISSING, &text, LintOptions::default()).1[0].fixes.len()
    };
    assert_eq!(fixes("max by (job) (load) > 5"), 1);
    assert_eq!(fixes("5 < max by (job) (load)"), 1);
    assert_eq!(fixes("min by (job) (free) < 5"), 1);
    for expr in [
        "sum by (job) (up) == 0",
        "count by (job) (up == 0) > 5",
        "max by (job) (load) < 5",
        "max by (job) (sum by (job) (load)) > 5",
        "max by (job) (load) / max by (job) (size) > 5",
    ] {
        assert_eq!(fixes(expr), 0, "{expr}");
    }
}

#[test]
fn small_mistakes_of_conditions() {
    assert_eq!(alert(codes::ALWAYS_FIRES, "foo > bool 5 and bar > 3"), ["bool"]);
    assert_eq!(alert(codes::ALWAYS_FIRES, "foo > 5 unless bar > bool 3"), ["bool"]);
    assert_eq!(alert(codes::CONTRADICTORY_THRESHOLD, "foo == NaN"), ["foo == NaN"]);
    assert_eq!(alert(codes::CONTRADICTORY_THRESHOLD, "foo > foo"), ["foo > foo"]);
    silent(codes::CONTRADICTORY_THRESHOLD, &["foo != foo", "foo > foo offset 1h", "foo > on (job) bar"]);
    silent(
        codes::ALWAYS_FIRES,
        &["strimzi_resource_info{ready!=\"True\"}", "label_replace(vector(1), \"cluster\", \"eu\", \"\", \"\")"],
    );
    let rate = "- record: job:x:rate5m\n  expr: sum by (job) (rate(x_total[5m]))\n- alert: A\n  expr: ";
    assert_eq!(marked(codes::RATE_OF_SUM, &format!("{rate}increase(job:x:rate5m[5m]) > 1\n")), ["job:x:rate5m"]);
    assert_eq!(marked(codes::RATE_OF_SUM, &format!("{rate}avg_over_time(job:x:rate5m[5m]) > 1\n")), [""; 0]);
    silent(codes::RATE_OF_SUM, &["rate(topk(3, foo_total)[5m:1m]) > 1"]);
    assert_eq!(alert(codes::DEPENDENCY, "ALERTS{alertstate=\"resolved\"} == 1"), ["ALERTS{alertstate=\"resolved\"}"]);
    let label = |text: &str| {
        marked(codes::VALUE_IN_LABELS, &format!("- alert: A\n  expr: up == 0\n  labels: {{v: '{text}'}}\n"))
    };
    assert_eq!(label("{{ . }}"), ["'{{ . }}'"]);
    let recorded = "- record: a\n  expr: up\n  labels: {v: '{{ $value }}'}\n";
    assert_eq!(marked(codes::VALUE_IN_LABELS, recorded), ["'{{ $value }}'"]);
}

#[test]
fn what_an_author_forgets() {
    let find = |expr| alert(codes::DEAD_CODE, expr);
    assert_eq!(find("up == 0 and sum(up) > 5"), ["and"]);
    assert_eq!(find("up == 0 and vector(1)"), ["and"]);
    assert_eq!(find("rate(e_total[5m]) / sum(rate(r_total[5m])) > 0.1"), ["/"]);
    silent(
        codes::DEAD_CODE,
        &[
            "up == 0 and on () sum(up) > 5",
            "sum(up) > 5 and sum(x) > 1",
            "up == 0 or sum(up) > 5",
            "up > scalar(sum(up))",
            "vector(1) and sum(up) > 5",
            "absent(up) and sum(x) > 1",
        ],
    );
    assert_eq!(alert(codes::CONTRADICTORY_THRESHOLD, "rate(x_total[5m]) >= 0"), ["rate(x_total[5m]) >= 0"]);
    silent(codes::CONTRADICTORY_THRESHOLD, &["rate(x_total[5m]) > 0", "count(x) > 0", "x >= 0", "sum(x > 0) > 0"]);
    let chain = "- record: job:e:sum\n  expr: sum by (job) (e_total) * 2\n- alert: A\n  expr: ";
    assert_eq!(marked(codes::RATE_OF_SUM, &format!("{chain}rate(job:e:sum[5m]) > 1\n")), ["job:e:sum"]);
    let label = "- alert: A\n  expr: up == 0\n  labels: {v: '{{ with $value }}{{ . }}{{ end }}'}\n";
    let severities = found(codes::VALUE_IN_LABELS, label, LintOptions::default()).1;
    assert_eq!(severities[0].severity, Severity::Error);
    for end in ["", "\n", "\n- alert: B\n  expr: up == 1\n", "\r\n"] {
        let text = format!("- alert: A\n  expr: up == 0\n  for: 0s{end}");
        let (text, found) = found(codes::FOR_DEFAULT, &text, LintOptions::default());
        let fix = &found[0].fixes[0].at.span;
        assert_eq!(text[fix.range()].trim(), "for: 0s");
    }
}
