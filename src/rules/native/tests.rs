//! Native rule files: what each rule becomes, and what is reported for each mistake.

use crate::rules::testing::{check, check_help, load};
use crate::rules::{Evaluate, Form, RuleKind};
use crate::source::Span;
use crate::time::Millis;

/// Makes a file of one rule, whose keys stand on line 2 from column 9 on.
fn one(rule: &str) -> String {
    format!("alertctl: 1\nrules: [{{{rule}}}]\n")
}

/// Checks the expression that a rule without a problem becomes.
fn becomes(rule: &str, expected: &str) {
    let (sources, file, found) = load(&one(rule));
    assert!(found.is_empty(), "{rule}: {found:?}");
    let file = file.expect("rules");
    let rule = &file.groups[0].rules[0];
    let printed = expected.replace("{\"", "{__name__=\"");
    assert_eq!((rule.text.text.as_str(), rule.expr.to_string()), (expected, printed));
    // What was copied stands in the file as it does in the expression.
    let text = &sources.file(file.file).text;
    for piece in rule.text.map.pieces() {
        let part = |at: u32| Span { start: at, end: at + piece.len }.range();
        assert_eq!(rule.text.text[part(piece.text)], text[part(piece.file)]);
    }
    assert!(!rule.text.map.pieces().is_empty());
}

/// Checks what is reported for one rule with an id and a metric.
fn told(rule: &str, expected: &[&str], help: &[&str]) {
    let text = format!("alertctl: 1\nrules:\n- id: a\n  metric: m\n{}", indent(rule));
    check(&text, expected);
    check_help(&text, help);
}

fn indent(lines: &str) -> String {
    lines.lines().map(|line| format!("  {line}\n")).collect()
}

#[test]
fn conditions_become_expressions() {
    for (rule, expected) in [
        ("id: a, metric: m, above: 80", "m > 80"),
        ("id: a, metric: m, below: -0.5", "m < -0.5"),
        ("id: a, metric: m, between: [10, 20]", "(m >= 10) <= 20"),
        ("id: a, metric: m, outside: [-10, 20]", "m < -10 or m > 20"),
        ("id: a, metric: m, equals: 3", "m and abs(m - 3) < 0.001"),
        ("id: a, metric: m, equals: 3, tolerance: 0.5", "m and abs(m - 3) < 0.5"),
        ("id: a, metric: m, equals: 3, tolerance: 0", "m == 3"),
        ("id: a, metric: m, above: 80, evaluation_window: 10m, take: avg", "avg_over_time(m[10m]) > 80 and m"),
        (
            "id: a, metric: m, between: [1, 2], evaluation_window: 10m, take: min",
            "(min_over_time(m[10m]) >= 1) <= 2 and m",
        ),
        (
            "id: a, metric: m, outside: [1, 2], evaluation_window: 10m, take: max",
            "(max_over_time(m[10m]) < 1 or max_over_time(m[10m]) > 2) and m",
        ),
        (
            "id: a, metric: m, equals: 1, evaluation_window: 10m, take: last",
            "last_over_time(m[10m]) and abs(last_over_time(m[10m]) - 1) < 0.001 and m",
        ),
        ("id: a, metric: m, above: 1, evaluation_window: 1h30m, take: sum", "sum_over_time(m[1h30m]) > 1 and m"),
        ("id: a, metric: m, below: 1, evaluation_window: 1d, take: count", "count_over_time(m[1d]) < 1 and m"),
        (
            "id: a, metric: m, rate_of_change: 0.5, evaluation_window: 5m",
            "((last_over_time(m[5m]) - first_over_time(m[5m])) / ((ts_of_last_over_time(m[5m]) - \
             ts_of_first_over_time(m[5m])) >= 1)) > 0.5 and m",
        ),
        (r#"id: a, metric: m, match: 'x="y",z=~"a.*"', above: 1"#, r#"m{x="y",z=~"a.*"} > 1"#),
        (
            r#"id: a, metric: m, match: 'x="y"', above: 1, take: avg, evaluation_window: 2m"#,
            r#"avg_over_time(m{x="y"}[2m]) > 1 and m{x="y"}"#,
        ),
        ("id: a, metric: my.metric, above: 1", r#"{"my.metric"} > 1"#),
        (r#"id: a, metric: my.metric, match: 'x="y"', above: 1"#, r#"{"my.metric",x="y"} > 1"#),
        ("id: a, metric: inf, above: 1", r#"{"inf"} > 1"#),
        ("id: a, metric: 'on', above: 1", r#"{"on"} > 1"#),
        ("id: a, metric: \"a:b_c\", above: 1", "a:b_c > 1"),
    ] {
        becomes(rule, expected);
    }
}

#[test]
fn numbers_of_yaml_become_numbers_of_promql() {
    for (written, expected) in
        [("1e3", "1e3"), ("0x10", "16"), ("1_000", "1000"), ("010", "8"), ("+5", "5"), (".5", ".5"), ("-3", "-3")]
    {
        let (_, file, found) = load(&one(&format!("id: a, metric: m, above: {written}")));
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(file.expect("rules").groups[0].rules[0].text.text, format!("m > {expected}"));
    }
}

#[test]
fn the_smallest_file_has_two_lines() {
    let (_, file, found) = load("alertctl: 1\nrules: [{id: hot, metric: temp, above: 80}]\n");
    assert!(found.is_empty(), "{found:?}");
    let file = file.expect("rules");
    let group = &file.groups[0];
    assert_eq!((file.form, group.evaluate, group.name.text.as_str()), (Form::Native, Evaluate::EveryRow, "file"));
    let rule = &group.rules[0];
    assert_eq!((rule.name.text.as_str(), rule.enabled, rule.actions.len()), ("hot", true, 0));
    let labels: Vec<(&str, &str)> = rule.labels.iter().map(|(name, text)| (name.as_str(), text.text())).collect();
    assert_eq!(labels, [("severity", "warning")]);
    let RuleKind::Alert { hold, keep_firing, annotations } = &rule.kind else { panic!("an alert") };
    assert_eq!((*hold, *keep_firing, annotations.len()), (Millis::ZERO, Millis::ZERO, 0));
}

#[test]
fn defaults_are_overlaid_by_the_rule() {
    let text = "alertctl: 1\nevaluate: 30s\ndefaults: {severity: info, for: 1m, labels: {team: network, site: a}}\n\
                derived:\n- {record: twice, expr: 2 * temp}\n- {record: more, expr: twice + 1}\nrules:\n\
                - {id: a, metric: more, above: 1}\n\
                - {id: b, name: B, description: 'is {{ $value }}', metric: m, below: 1, for: 5s, severity: critical, \
                labels: {site: b}, enabled: false, actions: [log, notify, {webhook: 'https://me:x@h/p'}]}\n";
    let (_, file, found) = load(text);
    assert!(found.is_empty(), "{found:?}");
    let file = file.expect("rules");
    let group = &file.groups[0];
    assert_eq!(group.evaluate, Evaluate::Every(Millis(30_000)));
    let shown: Vec<String> = group
        .rules
        .iter()
        .map(|rule| {
            let labels: Vec<String> =
                rule.labels.iter().map(|(name, text)| format!("{name}={}", text.text())).collect();
            let actions: Vec<String> = rule.actions.iter().map(ToString::to_string).collect();
            let kind = match &rule.kind {
                RuleKind::Record => "record".to_owned(),
                RuleKind::Alert { hold, annotations, .. } => {
                    let texts: Vec<String> =
                        annotations.iter().map(|(name, text)| format!("{name}={}", text.text())).collect();
                    format!("for {hold} {}", texts.join(" "))
                }
            };
            let (name, text) = (&rule.name.text, &rule.text.text);
            format!("{name}|{text}|{kind}|{}|{} {}", labels.join(" "), actions.join(" "), rule.enabled)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "twice|2 * temp|record|| true",
            "more|twice + 1|record|| true",
            "a|more > 1|for 1m |severity=info site=a team=network| true",
            "b|m < 1|for 5s summary=B description=is {{ $value }}|severity=critical site=b team=network|\
             log notify webhook(https://***@h/p) false",
        ]
    );
}

#[test]
fn a_rule_has_one_condition() {
    let all = "one of `above`, `below`, `between`, `outside`, `equals` and `rate_of_change`, such as `above: 80`";
    told("for: 1m", &["condition 3:3 this rule has no condition"], &[all]);
    told(
        "above: 10\nbelow: 20",
        &["condition 6:3 a rule has one condition, this one has `above` and `below`"],
        &["`between: [10, 20]`, or two rules"],
    );
    told(
        "below: 10\nabove: 20",
        &["condition 6:3 a rule has one condition, this one has `above` and `below`"],
        &["`outside: [10, 20]`, or two rules"],
    );
    told(
        "equals: 1\nbelow: 2",
        &["condition 6:3 a rule has one condition, this one has `below` and `equals`"],
        &["keep one of them, or make two rules of it"],
    );
}

#[test]
fn thresholds_are_finite_numbers() {
    for (rule, message, help) in [
        ("above: '80'", "`above` is a number, this is the text \"80\"", "without quotes: `above: 80`"),
        ("above: hot", "`above` is a number, this is `hot`", "`above: 80`"),
        ("above:", "`above` has no number", "`above: 80`"),
        ("above: 80 %", "`above` is a number, this is `80 %`", "without a unit, in the metric's own: `above: 80`"),
        ("above: 5m", "`above` is a number, this is `5m`", "without a unit, in the metric's own: `above: 300`"),
        ("below: 2k", "`below` is a number, this is `2k`", "without a unit, in the metric's own: `below: 2000`"),
        ("below: .nan", "`below` is a finite number, this is `.nan`: nothing compares with NaN", "`below: 80`"),
        ("below: -.inf", "`below` is a finite number, this is `-.inf`: it is infinite", "`below: 80`"),
        ("below: 1e999", "`below`: `1e999` is beyond the largest number there is", "`below: 1e308`"),
    ] {
        let column = if rule.ends_with(':') { 3 } else { 10 };
        told(rule, &[&format!("threshold 5:{column} {message}")], &[help]);
    }
    told("above: [1]", &["wrong-type 5:10 `above` is one number, such as `above: 80`, this is a list"], &[]);
    told("between: [1, x]", &["threshold 5:16 `between` is a number, this is `x`"], &["`between: [1, 80]`"]);
}

#[test]
fn ranges_have_the_smaller_number_first() {
    told(
        "between: [20, 10]",
        &["threshold-range 5:12 `between`: 20 is above 10, the smaller number comes first"],
        &["`between: [10, 20]`"],
    );
    told(
        "outside: [20, 20]",
        &["threshold-range 5:12 `outside`: both numbers are 20"],
        &["`equals: 20`, or a range such as `outside: [20, ..]`"],
    );
    for wrong in ["5", "[1]", "[1, 2, 3]", "{min: 1, max: 2}"] {
        told(
            &format!("between: {wrong}"),
            &["threshold-range 5:12 `between` is two numbers, the smaller first"],
            &["`between: [10, 20]`"],
        );
    }
}

#[test]
fn windows_stand_where_they_are_used() {
    told("above: 1\ntake: avg", &["window 6:3 `take` needs a window to take from"], &["`evaluation_window: 5m`"]);
    told(
        "above: 1\nevaluation_window: 5m\ntake: mean",
        &["take 7:9 `take` is one of `avg`, `min`, `max`, `sum`, `count` and `last`, this is `mean`"],
        &["`take: avg`"],
    );
    told("rate_of_change: 1", &["window 3:3 `rate_of_change` needs a window to look at"], &["`evaluation_window: 5m`"]);
    told("rate_of_change: 1\nevaluation_window:", &["window 6:3 this window is empty"], &["`evaluation_window: 5m`"]);
    told(
        "above: 1\nevaluation_window: 0\ntake: avg",
        &["window 6:22 a window of 0 holds no sample"],
        &["`evaluation_window: 5m`"],
    );
    told(
        "rate_of_change: 1\nevaluation_window: 500ms",
        &["window 6:22 a window of 500ms holds no two samples that are 1 s apart"],
        &["`evaluation_window: 5m`, at least four times the spacing of the samples"],
    );
    told(
        "rate_of_change: 1\nevaluation_window: 5m\ntake: avg",
        &["take 7:3 `rate_of_change` takes the first and the last sample of its window: `take` is for thresholds"],
        &["remove `take`"],
    );
    told(
        "above: 1\nevaluation_window: 5m",
        &[
            "window-without-effect 6:3 this window has no effect: `above` compares the value of each row, unless `take` \
           says what to make of a window",
        ],
        &["remove it, or add: `take: max`"],
    );
    told(
        "above: 1\nevaluation_window: 300\ntake: avg\nfor: 60",
        &[
            "duration 6:22 `evaluation_window`: `300` is not a duration; write it like `30s`, `5m` or `1h30m`",
            "duration 8:8 `for`: `60` is not a duration; write it like `30s`, `5m` or `1h30m`",
        ],
        &["a number needs a unit: `300s` or `300m`", "a number needs a unit: `60s` or `60m`"],
    );
}

#[test]
fn tolerance_belongs_to_equals() {
    told(
        "above: 1\ntolerance: 0.1",
        &["tolerance 6:3 `tolerance` belongs to `equals`, this rule has `above`"],
        &["remove it, or write `equals: 3`"],
    );
    told(
        "equals: 1\ntolerance: -0.1",
        &["tolerance 6:14 `tolerance` is a distance, this is -0.1"],
        &["`tolerance: 0.1`"],
    );
}

#[test]
fn severities_and_actions_are_listed() {
    told(
        "above: 1\nseverity: crit",
        &["severity 6:13 `crit` is no severity: there are `info`, `warning` and `critical`"],
        &["`severity: critical`"],
    );
    told(
        "above: 1\nseverity: page",
        &["severity 6:13 `page` is no severity: there are `info`, `warning` and `critical`"],
        &["`severity: critical`"],
    );
    told(
        "above: 1\nactions: [email, notfy, webhook, {log: x}, {}]",
        &[
            "action 6:13 `email` is no action: there are `log`, `notify` and `webhook`",
            "action 6:20 `notfy` is no action: there are `log`, `notify` and `webhook`",
            "action 6:27 `webhook` is no action: there are `log`, `notify` and `webhook`",
            "unknown-key 6:37 `log` is not a key of an action",
            "action 6:46 this action is empty",
        ],
        &[
            "`actions: [log]`",
            "`actions: [notify]`",
            "`actions: [{webhook: \"https://hooks.example/alerts\"}]`",
            "without `:`: `actions: [log]`",
            "`actions: [log]`",
        ],
    );
    told(
        "above: 1\nactions:\n- webhook: ftp://me:secret@h/x\n- webhook: https://\n- webhook: h/a?k=secret",
        &[
            "webhook 7:5 `ftp://***@h/x` is no address of a webhook: it does not begin with `https://` or `http://`",
            "webhook 8:5 `https://` is no address of a webhook: it names no host",
            "webhook 9:5 `h/a?k=***` is no address of a webhook: it does not begin with `https://` or `http://`",
        ],
        &[
            "`actions: [{webhook: \"https://***@h/x\"}]`",
            "`actions: [{webhook: \"https://hooks.example/alerts\"}]`",
            "`actions: [{webhook: \"https://h/a?k=***\"}]`",
        ],
    );
    told(
        "above: 1\nenabled: no",
        &["wrong-type 6:12 `enabled` is `true` or `false`, this is `no`"],
        &["`enabled: false`"],
    );
}

#[test]
fn a_rule_reads_a_metric_by_its_name() {
    let rule = |keys: &str| format!("alertctl: 1\nrules:\n- id: a\n  above: 1\n{}", indent(keys));
    for (keys, expected, help) in [
        ("for: 1m", "metric 3:3 this rule has no metric", vec!["`metric: temp`"]),
        ("metric: ' m'", "metric 5:11 this metric has blanks or line breaks around it", vec!["`metric: m`"]),
        (
            "metric: 'm{a=\"b\"}'",
            "metric 5:11 `m{a=\"b\"}` is a selector, `metric` is a name alone",
            vec!["`metric: m`", "`match: 'a=\"b\"'`"],
        ),
        (
            "metric: rate(m[5m])",
            "metric 5:11 `rate(m[5m])` is an expression, `metric` is a name alone",
            vec!["`derived: [{record: NAME, expr: 'rate(m[5m])'}]`", "`metric: NAME`, of that derived metric"],
        ),
        (
            "metric: m\nmatch: '{a=\"b\"}'",
            "match 6:10 `match` is what stands inside the braces of a selector",
            vec!["`match: 'a=\"b\"'`"],
        ),
        (
            "metric: m\nmatch: '__name__=\"b\"'",
            "match 6:10 `match` has conditions on labels, the metric is named by `metric`",
            vec!["`match: 'host=\"a\"'`"],
        ),
        (
            "metric: m\nmatch: 'a=\"b\" # c'",
            "match 6:10 a comment in `match` hides the end of the selector",
            vec!["put the comment after the value, outside the quotes"],
        ),
    ] {
        check(&rule(keys), &[expected]);
        check_help(&rule(keys), &help);
    }
    let (_, file, found) = load(&rule("metric: m\nmatch: 'a=\"b\"} or vector(1'"));
    assert!(file.is_none() && found.iter().all(|found| found.code == "match"), "{found:?}");
    let (_, file, found) = load(&rule("metric: m\nmatch: 'a=~\"b(\"'"));
    assert!(file.is_none() && found.len() == 1, "{found:?}");
}

#[test]
fn labels_are_not_the_id_or_severity() {
    told(
        "above: 1\nlabels: {alertname: x, severity: info, __name__: y}",
        &[
            "label-name 6:12 the label `alertname` is the rule's `id`",
            "label-name 6:26 `severity` is a key of the rule, not a label",
            "label-name 6:42 `__name__` cannot be set as a label",
        ],
        &[
            "remove it, and name the rule: `id: NAME`",
            "move it out of `labels:`: `severity: warning`",
            "of a recording rule it is what stands after `record:`; alerts have none",
        ],
    );
}

#[test]
fn keys_of_the_file_are_checked() {
    check(
        "alertctl: 2\n",
        &["form-version 1:11 `alertctl` is the version of the form, and 1 is the only one there is"],
    );
    check("alertctl: 1\nrule: []\n", &["unknown-key 2:1 `rule` is not a key of a rule file of alertctl's own form"]);
    check("alertctl: 1\nevaluate: every_row\n", &["duration 2:11 `every_row` is no schedule"]);
    check("alertctl: 1\nevaluate: 0s\n", &["duration 2:11 an interval of 0 evaluates nothing"]);
    check(
        "alertctl: 1\nevaluate: 30\n",
        &["duration 2:11 `evaluate`: `30` is not a duration; write it like `30s`, `5m` or `1h30m`"],
    );
    check("alertctl: 1\ndefaults: {fro: 1m}\n", &["unknown-key 2:12 `fro` is not a key of `defaults`"]);
    let defaults = "alertctl: 1\ndefaults: {severity: bad, for: 5, labels: {alertname: x}}\n";
    check(
        defaults,
        &[
            "severity 2:22 `bad` is no severity: there are `info`, `warning` and `critical`",
            "duration 2:32 `for`: `5` is not a duration; write it like `30s`, `5m` or `1h30m`",
            "label-name 2:44 the label `alertname` is the rule's `id`",
        ],
    );
    told(
        "above: 1\nthreshold: 5",
        &["unknown-key 6:3 `threshold` is not a key of a rule"],
        &["the condition is the key of the number: `above: 80`, `below: 5`, `between: [10, 20]`"],
    );
}

#[test]
fn texts_are_templates() {
    let (_, file, found) = load(&one("id: a, metric: m, above: 1, description: '{{ $valu }}'"));
    assert!(file.is_none());
    let told: Vec<_> = found.iter().map(|found| found.code).collect();
    assert_eq!(told, ["template"], "{found:?}");
}

#[test]
fn all_problems_of_a_file_are_told_at_once() {
    let text = "alertctl: 1\nevaluate: 5\nderived: [{record: d, expr: 'x['}]\nrules:\n- {id: a, metric: m}\n- {id: b, above: x}\n";
    let (_, file, found) = load(text);
    assert!(file.is_none());
    let codes: Vec<_> = found.iter().map(|found| found.code).collect();
    assert_eq!(codes, ["duration", "promql-syntax", "condition", "metric", "threshold"], "{found:?}");
}

#[test]
fn what_stands_before_a_mistake_of_yaml_is_still_checked() {
    check(
        "alertctl: 1\nrules:\n- {id: a, metric: m}\n- id: b\n  metric: c: d\n",
        &["condition 3:3 this rule has no condition", "yaml-syntax 5:12 a `:` stands where no key can end"],
    );
}

#[test]
fn the_rules_of_portsyncd_load_without_a_word() {
    let (_, file, found) = load(include_str!("../../../rules/portsyncd.yml"));
    assert!(found.is_empty(), "{found:?}");
    let file = file.expect("rules");
    let rules = &file.groups[0].rules;
    let derived: Vec<&str> =
        rules.iter().filter(|rule| matches!(rule.kind, RuleKind::Record)).map(|rule| rule.name.text.as_str()).collect();
    assert_eq!(derived, ["recovery_success_rate", "eoiu_timeout_rate", "warm_restart_percentage", "health_score"]);
    assert_eq!((rules.len(), rules.iter().filter(|rule| rule.enabled).count()), (14, 13));
    assert_eq!(rules[4].text.text, "eoiu_timeout_rate > 50");
}

#[test]
fn expressions_stand_under_derived() {
    told(
        "expr: m > 'x'\nabove: 1",
        &["rule-expr 5:3 a rule of this form compares a metric and has no `expr`"],
        &[
            "`derived: [{record: OTHER_NAME, expr: 'm > ''x'''}]`",
            "in the rule: `metric: OTHER_NAME` and a condition such as `above: 80`",
        ],
    );
}

#[test]
fn mutated_files_end_without_a_panic() {
    let text = include_str!("../../../rules/portsyncd.yml").as_bytes();
    let marks = b"-:?[]{},#&*!|>'\"%@`\\ \n\tax0.(";
    let mut seed: u64 = 11;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for _ in 0..400 {
        let mut mutated = text.to_vec();
        for _ in 0..1 + next(4) {
            let at = next(mutated.len());
            match next(3) {
                0 => mutated[at] = marks[next(marks.len())],
                1 => mutated.truncate(at.max(1)),
                _ => {
                    let part = mutated[at..(at + 1 + next(40)).min(mutated.len())].to_vec();
                    let to = next(mutated.len());
                    mutated.splice(to..to, part);
                }
            }
        }
        load(&String::from_utf8_lossy(&mutated));
    }
}
