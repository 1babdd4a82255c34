use super::*;
use crate::profile::compare::{Compared, Comparison, Difference};
use crate::profile::gate::Verdict;
use crate::profile::report::{FailOn, ProfileReport};
use crate::profile::sample::Kind;
use crate::profile::targets::Outcome;
use crate::profile::testing::report;

fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("a vector takes all");
    String::from_utf8(out).expect("all formats are UTF-8")
}

fn table(report: &ProfileReport, view: &View) -> String {
    text(|out| table::write(out, report, view))
}

#[test]
fn a_table_shows_the_sheets_and_the_environment() {
    insta::assert_snapshot!(table(&report(), &View::default()), @r##"
    Latency
    METRIC                     TARGET        MEASURED                     95 % INTERVAL  STATUS        NOTE
    latency.p50              < 100 us          560 ns                  550 ns to 570 ns  pass
    latency.p95              < 500 us          900 ns                  880 ns to 930 ns  pass
    latency.p99                < 1 ms          990 us                 940 us to 1.05 ms  inconclusive
    latency.all         < 1 of target  0.99 of target  0.94 of target to 1.05 of target  inconclusive  closest to its target: latency.p99
    latency.cold_first              -          4.2 us                               n/a  extra         5 processes

    Throughput
    SCENARIO                      TARGET        MEASURED                   95 % INTERVAL  STATUS  NOTE
    throughput.no_rules   > 10k events/s  1.52M events/s  1.5M events/s to 1.6M events/s  pass
    throughput.rules10   > 5000 events/s   4200 events/s  4100 events/s to 4300 events/s  fail

    Memory efficiency
    METRIC              TARGET  MEASURED  95 % INTERVAL  STATUS   NOTE
    memory.rule1      < 1000 B         -              -  not run
    memory.rules1000  < 2.5 MB    482 kB          exact  pass     grows with exponent 1.02 (<= 1.1)
    memory.alerts100  < 100 kB         -              -  not run

    Hot path
    METRIC              TARGET  MEASURED   95 % INTERVAL  STATUS   NOTE
    health_score.p50    < 5 us         -               -  not run
    condition.p99     < 100 ns   12.5 ns  12 ns to 13 ns  pass     per-call average over chunks of 32
    extraction.100k    < 10 ms         -               -  not run

    Cost by rule
    RULE     PLACE              EVERY  SAMPLES/EVAL  SAMPLES/S  % OF ALL  SERIES  ALERTCTL TIME  NOTE
    HighCpu  rules/node.yml:12  1m             1440         24     100 %       6        2.21 us  quadratic in the window: samples grow with exponent 1.97
    ALERTCTL TIME is that of one evaluation in alertctl, which is not a server's

    Time by stage
    STAGE     ALERTCTL TIME  SHARE
    read             1.5 ms   25 %
    evaluate         4.5 ms   75 %

    Regression, against ci/base.json
    METRIC              RULE                          BASE              NOW  RATIO  THRESHOLD  VERDICT       NOTE
    rule.samples_per_s  HighCpu node.yml:12  240 samples/s  1,440 samples/s  6.00x      1.00x  regression    window grew from [1h] to [6h]
    rate.ns             -                           399 ns           399 ns  1.00x      1.68x  inconclusive  processes differ by 18.6 %, more than 7 %: 0.79x to 1.27x
    latency.p50         -                           559 ns           559 ns  1.00x      1.07x  ok

    Rules that differ
    RULE                 VERDICT  CAUSE
    HighCpu node.yml:12  changed  window grew from [1h] to [6h]
    Old node.yml:12      gone

    Comparison against targets
    CATEGORY           CHECK                            TARGET        ACHIEVED     DELTA  STATUS
    Latency            latency.p50                    < 100 us          560 ns   -99.4 %  pass
    Latency            latency.p95                    < 500 us          900 ns   -99.8 %  pass
    Latency            latency.p99                      < 1 ms          990 us      -1 %  inconclusive
    Latency            latency.all               < 1 of target  0.99 of target      -1 %  inconclusive
    Throughput         throughput.no_rules      > 10k events/s  1.52M events/s      x152  pass
    Throughput         throughput.rules10      > 5000 events/s   4200 events/s     -16 %  fail
    Hot path           health_score.p50                 < 5 us               -         -  not run
    Hot path           condition.p99                  < 100 ns         12.5 ns   -87.5 %  pass
    Hot path           extraction.100k                 < 10 ms               -         -  not run
    Memory efficiency  memory.rule1                   < 1000 B               -         -  not run
    Memory efficiency  memory.rules1000               < 2.5 MB          482 kB   -80.7 %  pass
    Memory efficiency  memory.alerts100               < 100 kB               -         -  not run
    Regression         regression           <= 1.07 x baseline    6 x baseline  +460.7 %  fail
    5 pass, 2 fail, 2 inconclusive, 4 not run

    machine  A processor, 2 vcpus, kvm, linux 6.1
    clock    tsc, grain 10 ns, 42.5 ns per reading
    plan     5 processes x 3 batches of 200 us after 5 warm-up batches, seed 7
    inputs   1 rule, 10 series, 14.4k samples
    build    alertctl 0.1.0, commit 0123456789ab, release, opt-level 3, no debug info, rustc 1.95.0 (59807616e 2026-04-14), sha256 b1
    note     load 2.5 on 2 processors

    1 rule: a server reads 24 samples/s of 0 series; together they take 25 % less of alertctl's time than each alone
    1 regression: HighCpu; 1 rule changed; 1 rule gone; 1 metric too noisy to judge
    "##);
}

#[test]
fn a_narrow_terminal_keeps_what_matters() {
    let narrow = table(&report(), &View { width: Some(72), ..View::default() });
    for part in [
        // A table gives up what it can, one column after the other.
        "METRIC                     TARGET        MEASURED  STATUS\n    NOTE\n",
        "SCENARIO                      TARGET        MEASURED  STATUS\n",
        "RULE     EVERY  SAMPLES/EVAL  SAMPLES/S  % OF ALL  SERIES\n",
        "METRIC              RULE               NOW  RATIO  VERDICT\n    NOTE\n",
        "CHECK                            TARGET        ACHIEVED  STATUS\n",
        // A few notes go below their rows.
        "\n    closest to its target: latency.p99\n",
        "    processes differ by 18.6 %, more than 7 %: 0.79x to 1.27x\n",
    ] {
        assert!(narrow.contains(part), "{part}: {narrow}");
    }
    for width in [40, 60, 72, 80, 100, 120, 200] {
        let narrow = table(&report(), &View { width: Some(width), ..View::default() });
        assert!(narrow.lines().all(|line| line.chars().count() <= width), "{width}: {narrow}");
    }
}

/// Returns a part of the JSON without its line ends.
fn part(value: &serde_json::Value, pointer: &str) -> String {
    value.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not there")).to_string()
}

#[test]
fn json_holds_everything() {
    let text = text(|out| json::write(out, &report()));
    let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let keys: Vec<&String> = value.as_object().expect("an object").keys().collect();
    let from = keys.iter().position(|key| *key == "checks").expect("there are checks");
    insta::assert_snapshot!(format!("{:?}", &keys[from..]), @r##"["checks", "extras", "rules", "totals", "stages", "regression", "changes", "over_budget", "baseline", "incompatible", "notes", "created", "tool", "machine", "plan", "inputs", "seed", "exit"]"##);
    assert_eq!(value["checks"].as_array().map(Vec::len), Some(13));
    for (pointer, expected) in [
        (
            "/checks/2",
            r#"{"id":"latency.p99","category":"latency","op":"<","target":1000,"unit":"us","estimate":990,"ci":[940,1050],"verdict":"inconclusive","note":""}"#,
        ),
        (
            "/checks/6",
            r#"{"id":"health_score.p50","category":"hot_path","op":"<","target":5000,"unit":"ns","estimate":null,"ci":[null,null],"verdict":"not_run","note":""}"#,
        ),
        (
            "/checks/10",
            r#"{"id":"memory.rules1000","category":"memory","op":"<","target":2500000,"unit":"bytes","estimate":482000,"ci":[482000,482000],"verdict":"pass","note":"grows with exponent 1.02 (<= 1.1)","exponent":1.02,"exponent_target":1.1}"#,
        ),
        (
            "/extras",
            r#"[{"id":"latency.cold_first","category":"latency","unit":"us","estimate":4.2,"ci":[null,null],"note":"5 processes"}]"#,
        ),
        ("/rules/0/expr", r#""avg_over_time(cpu[6h]) > 0.9""#),
        ("/rules/0/ci", "[2190,2240]"),
        ("/rules/0/stages_ns", r#"{"evaluate":2000,"alert":210}"#),
        (
            "/rules/0/growth/window",
            r#"{"exponent":0.05,"explained":0.999,"samples_exponent":1.97,"sizes":[1,2,4],"note":"measured up to 4x (the recording is too short)"}"#,
        ),
        ("/stages", r#"[{"stage":"read","ns":1500000},{"stage":"evaluate","ns":4500000}]"#),
        (
            "/regression/1",
            r#"{"id":"rate.ns","rule":null,"kind":"time","unit":"ns","base":399.2,"now":399.2,"ratio":1,"ci":[0.7872579192634922,1.270231744299931],"threshold":1.6822999671797005,"verdict":"inconclusive","note":"processes differ by 18.6 %, more than 7 %: 0.79x to 1.27x"}"#,
        ),
        (
            "/regression/2",
            r#"{"id":"rule.samples_per_s","rule":{"file":"node.yml","line":12,"group":"node","name":"HighCpu"},"kind":"samples","unit":"samples/s","base":240,"now":1440,"ratio":6,"ci":[6,6],"threshold":1,"verdict":"regression","note":"window grew from [1h] to [6h]"}"#,
        ),
        (
            "/changes",
            r#"[{"rule":{"file":"node.yml","line":12,"group":"node","name":"HighCpu"},"verdict":"changed","causes":["window grew from [1h] to [6h]"]},{"rule":{"file":"node.yml","line":12,"group":"node","name":"Old"},"verdict":"gone","causes":[]}]"#,
        ),
        ("/notes", r#"["load 2.5 on 2 processors"]"#),
        (
            "/tool",
            r#"{"version":"0.1.0","git":"0123456789ab","binary_sha256":"b1","rustc":"1.95.0 (59807616e 2026-04-14)","opt":"release, opt-level 3, no debug info","features":[]}"#,
        ),
        (
            "/machine",
            r#"{"fingerprint":"m1","cpu_model":"A processor","vcpus":2,"virt":"kvm","kernel":"6.1","os":"linux","clocksource":"tsc","timer_grain_ns":10,"timer_cost_ns":42.5}"#,
        ),
        (
            "/plan",
            r#"{"id":"p1","processes":5,"rounds":3,"batch_us":200,"iters":{"cond.above.ns":3000},"warmup_rounds":5,"allocator":"system"}"#,
        ),
        ("/inputs", r#"{"rules_sha256":"r1","rules":1,"data_sha256":"d1","series":10,"samples":14400,"span_ms":0}"#),
        ("/exit", "1"),
    ] {
        assert_eq!(part(&value, pointer), expected, "{pointer}");
    }
    let keys = |pointer: &str| {
        let part = value.pointer(pointer).and_then(serde_json::Value::as_object).expect("an object");
        part.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    insta::assert_snapshot!(keys("/rules/0"), @r##"file line group name expr every samples_per_evaluation samples_per_s share series result_series allocations_per_sample evaluation_ns ci stages_ns growth note"##);
}

#[test]
fn markdown_shows_the_same() {
    let text = text(|out| markdown::write(out, &report(), &View::default()));
    let table = table(&report(), &View::default());
    let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let titles: Vec<&str> = table.split("\n\n").filter_map(|sheet| sheet.lines().next()).collect();
    // Environment and verdict have no title.
    assert_eq!(headings[..headings.len() - 1], titles[..titles.len() - 2]);
    for line in text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")) {
        let plain = line.replace('\\', "").replace("**", "");
        let cells: Vec<&str> =
            plain.trim_matches('|').split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
        let same = |row: &&str| cells.iter().all(|cell| row.contains(cell));
        assert!(table.lines().any(|row| same(&row)), "{line}");
    }
    for part in [
        "### Latency\n\n| METRIC | TARGET | MEASURED | 95 % INTERVAL | STATUS | NOTE |\n| --- | --: | --: | --: | --- | --- |\n",
        // What Markdown gives a meaning to is escaped, and what failed is bold.
        "| throughput.rules10 | \\> 5000 events/s | 4200 events/s | 4100 events/s to 4300 events/s | **fail** |  |\n",
        "| health\\_score.p50 | \\< 5 us | - | - | not run |  |\n",
        "| **regression** | window grew from \\[1h\\] to \\[6h\\] |\n",
        "\n\n5 pass, 2 fail, 2 inconclusive, 4 not run\n\n### Environment\n\n- machine: A processor, 2 vcpus, kvm, linux 6.1\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Returns the annotations of a report.
fn annotations(report: &ProfileReport) -> Vec<String> {
    text(|out| github::write(out, report)).lines().map(str::to_owned).collect()
}

#[test]
fn annotations_name_the_rule_and_its_line() {
    insta::assert_snapshot!(annotations(&report()).join("\n"), @r##"
    ::error file=node.yml,line=12,title=HighCpu costs more::rule.samples_per_s became worse, 240 samples/s to 1,440 samples/s (6.00x): window grew from [1h] to [6h]
    ::error title=throughput.rules10::throughput.rules10 missed, 4200 events/s (4100 events/s to 4300 events/s), target > 5000 events/s
    "##);
}

#[test]
fn a_run_without_regressions_has_one_notice() {
    let check = |verdict: Verdict, fail_on: &str, expected: &[&str]| {
        let mut report = report();
        report.checks.clear();
        report.fail_on = FailOn::parse_list(fail_on).expect("a good list");
        let metrics = &mut report.comparison.as_mut().expect("it was compared").metrics;
        metrics.iter_mut().for_each(|metric| metric.decision.verdict = Verdict::Ok);
        metrics[1].decision.verdict = verdict;
        assert_eq!(annotations(&report), expected, "{verdict:?}");
    };
    check(Verdict::Ok, "regression,target", &["::notice title=alertctl profile::0 regressions"]);
    let noisy = "::notice title=alertctl profile::0 regressions; 1 time too noisy to judge";
    check(Verdict::Inconclusive, "regression,target", &[noisy]);
    let named = "::warning title=alertctl profile::1 inconclusive: rate.ns";
    check(Verdict::Inconclusive, "regression,inconclusive", &[named, noisy]);
    let shown = "::notice title=alertctl profile::0 regressions; 1 time shown, but not judged";
    check(Verdict::Advisory, "regression", &[shown]);
}

#[test]
fn what_does_not_fail_the_run_is_no_error() {
    let mut report = report();
    report.fail_on = FailOn::parse_list("regression").expect("a good list");
    let kinds: Vec<String> =
        annotations(&report).iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(kinds, ["::error", "::warning"]);
    report.comparison = None;
    report.checks.iter_mut().for_each(|check| check.outcome = Outcome::Pass);
    assert_eq!(annotations(&report), ["::notice title=alertctl profile::13 pass"]);
    report.checks.clear();
    assert_eq!(annotations(&report), ["::notice title=alertctl profile::1 rule measured, compared with nothing"]);
}

#[test]
fn at_most_ten_annotations_of_a_kind_are_written() {
    let mut report = report();
    let comparison = report.comparison.as_mut().expect("it was compared");
    let exact = comparison.metrics.iter().find(|metric| metric.rule.is_some()).expect("a rule became worse").clone();
    let of = |id: &str, line: u32, kind: Kind, ratio: f64| {
        let mut metric = Compared { id: id.to_owned(), kind, ..exact.clone() };
        // Each in a group of its own: those of one that have one cause are told together.
        metric.rule.iter_mut().for_each(|rule| (rule.line, rule.group) = (line, line.to_string()));
        metric.decision.ratio = Some(ratio);
        metric.decision.now = metric.decision.base.map(|base| base * ratio);
        metric
    };
    // Totals and times stand first in the report, the dearest rule last.
    comparison.metrics = vec![Compared { rule: None, ..of("run.ns", 1, Kind::Time, 9.0) }];
    comparison.metrics.extend((100..130).map(|line| of("rule.ns", line, Kind::Time, 3.0)));
    comparison
        .metrics
        .extend((100..104).map(|line| of("rule.samples_per_s", line, Kind::Samples, f64::from(line) - 98.0)));
    let lines = annotations(&report);
    let errors: Vec<&String> = lines.iter().filter(|line| line.starts_with("::error")).collect();
    assert_eq!((errors.len(), lines.len()), (10, 10), "{lines:?}");
    for (at, line) in [103, 102, 101, 100, 104].into_iter().enumerate() {
        assert!(errors[at].starts_with(&format!("::error file=node.yml,line={line},title=HighCpu")), "{}", errors[at]);
    }
    let exact_first = "::rule.samples_per_s became worse, 240 samples/s to 1,200 samples/s (5.00x): window grew from [1h] to [6h]%0Arule.ns";
    assert!(errors[0].contains(exact_first), "{}", errors[0]);
    // 30 rules, a total and a missed target.
    assert_eq!(errors[9], "::error title=alertctl profile::23 more: the job summary has them all");
    let summary = github::summary(&report, &View::default()).expect("a vector takes all");
    let head = "## alertctl profile\n\n31 regressions\n\n- HighCpu costs more (node.yml:103): rule.samples\\_per\\_s became worse";
    assert!(summary.starts_with(head), "{}", &summary[..300]);
    let listed: Vec<&str> = summary.lines().filter(|line| line.starts_with("- HighCpu costs more")).collect();
    assert_eq!(listed.len(), 30, "{summary}");
    assert!(summary.contains("\n- run.ns: run.ns became worse"), "{summary}");
    assert!(summary.contains("\n- throughput.rules10: throughput.rules10 missed"), "{summary}");
}

#[test]
fn rules_of_a_group_that_have_one_cause_are_one_annotation() {
    let mut report = report();
    report.checks.clear();
    let comparison = report.comparison.as_mut().expect("it was compared");
    let exact = comparison.metrics.iter().find(|metric| metric.rule.is_some()).expect("a rule became worse").clone();
    let of = |line: u32, now: f64| {
        let mut metric = exact.clone();
        metric.rule.iter_mut().for_each(|rule| (rule.line, rule.name) = (line, format!("R{line}")));
        metric.decision.now = Some(now);
        metric.decision.note = "interval shrank from 1m to 15s".to_owned();
        metric
    };
    comparison.metrics = vec![of(1, 250.0), of(2, 480.0), of(3, 300.0)];
    assert_eq!(
        annotations(&report),
        ["::error file=node.yml,line=2,title=3 rules of node cost more::interval shrank from 1m to 15s: \
          310 samples/s more: R2, R3, R1"]
    );
}

#[test]
fn a_job_summary_is_cut_between_lines() {
    let mut report = report();
    assert!(github::summary(&report, &View::default()).expect("a vector takes all").ends_with("2 processors\n"));
    report.rules = vec![report.rules[0].clone(); 2_000];
    let cut = github::summary(&report, &View::default()).expect("a vector takes all");
    assert!(cut.len() <= github::SUMMARY_BYTES);
    assert!(cut.ends_with("|\n\n(cut here: --format json has the whole report)\n"), "{}", &cut[cut.len() - 200..]);
    let top = github::summary(&report, &View { top: 10, ..View::default() }).expect("a vector takes all");
    assert!(top.contains("1,990 rules hidden: --top 0 shows all\n\nALERTCTL TIME"), "{top}");
}

#[test]
fn junit_has_a_case_for_everything() {
    let text = text(|out| junit::write(out, &report()));
    let counts = r#"name="alertctl profile" tests="16" failures="3" errors="0" skipped="7""#;
    for part in [
        &format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n"),
        &format!("  <testsuite {counts} timestamp=\"2026-01-06T00:00:00Z\">\n    <properties>\n"),
        r#"<property name="plan" value="5 processes x 3 batches of 200 us after 5 warm-up batches, seed 7"/>"#,
        r#"<testcase classname="targets" name="latency.p50"/>"#,
        r#"<skipped message="inconclusive: 990 us (940 us to 1.05 ms), target &lt; 1 ms"/>"#,
        r#"<skipped message="not run"/>"#,
        r#"<failure message="4200 events/s (4100 events/s to 4300 events/s), target &gt; 5000 events/s"/>"#,
        r#"<failure message="6 x baseline (n/a), target &lt;= 1.07 x baseline: 1 of 2 gated metrics are regressions; 1 inconclusive; worst: rule.samples_per_s of HighCpu, 500 % more"/>"#,
        "<testcase classname=\"regression\" name=\"rule.samples_per_s node/HighCpu\" file=\"node.yml\" line=\"12\">\n      <failure message=\"rule.samples_per_s became worse, 240 samples/s to 1,440 samples/s (6.00x): window grew from [1h] to [6h]\"/>\n    </testcase>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let count = |part: &str| text.matches(part).count();
    let counted =
        ["<testcase classname=\"targets\"", "<testcase classname=\"regression\"", "<failure ", "<skipped "].map(count);
    assert_eq!(counted, [13, 3, 3, 7], "what the head says");
    assert!(text.ends_with("  </testsuite>\n</testsuites>\n"), "{text}");
}

#[test]
fn an_accepted_increase_passes_with_its_reason() {
    let mut report = report();
    report.checks.clear();
    let metrics = &mut report.comparison.as_mut().expect("it was compared").metrics;
    metrics[2].decision.verdict = Verdict::Accepted;
    metrics[2].decision.note = "accepted 2026-11-29: a week; window grew from [1h] to [6h]".to_owned();
    assert_eq!(report.exit(), 0);
    let junit = text(|out| junit::write(out, &report));
    let note = "line=\"12\">\n      <system-out>rule.samples_per_s became worse, 240 samples/s to 1,440 samples/s (6.00x): accepted 2026-11-29: a week; window grew from [1h] to [6h]</system-out>\n    </testcase>";
    assert!(junit.contains(note), "{junit}");
    assert!(junit.contains("tests=\"3\" failures=\"0\" errors=\"0\" skipped=\"1\""), "{junit}");
    let notice = "::notice title=alertctl profile::0 regressions; 1 time too noisy to judge; 1 increase accepted";
    assert_eq!(annotations(&report), [notice]);
    let table = table(&report, &View::default());
    assert!(table.contains("1.00x  accepted      accepted 2026-11-29: a week; window grew"), "{table}");
    let json: serde_json::Value = serde_json::from_str(&text(|out| json::write(out, &report))).expect("JSON");
    assert_eq!(json["regression"][2]["verdict"], "accepted");
}

#[test]
fn what_can_not_be_compared_is_reported() {
    let mut report = report();
    report.comparison = Some(Comparison::default());
    report.incompatible = vec![Difference { what: "plan.rounds", base: "20".to_owned(), now: "40".to_owned() }];
    let table = table(&report, &View::default());
    assert!(
        table.contains("not comparable: the baseline was measured with 20 batches per process, this run with 40\n"),
        "{table}"
    );
    assert!(text(|out| json::write(out, &report)).ends_with("\"exit\":2}\n"));
    let error =
        "::error title=alertctl profile::the baseline was measured with 20 batches per process, this run with 40";
    assert_eq!(annotations(&report)[0], error);
    assert!(!annotations(&report).iter().any(|line| line.starts_with("::notice")));
}
