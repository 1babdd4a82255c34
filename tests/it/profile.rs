//! `alertctl profile`: its messages, its exit codes, and numbers that repeat exactly. Nothing here depends on a time.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::spawn;

const RULES: &str = "\
groups:
- name: disks
  rules:
  - record: busy
    expr: avg_over_time(load{job=\"db\"}[WINDOW])
  - alert: Busy
    expr: busy > 3
    for: 2m
  - alert: Gone
    expr: load{job=\"web\"} > 1e9
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut csv = "time,metric,job,instance,value\n".to_owned();
    for minute in 0..240 {
        for (job, instance) in [("db", "a"), ("db", "b"), ("web", "a")] {
            let time = 1_700_000_040 + minute * 60;
            csv.push_str(&format!("{time},load,{job},{instance},{}\n", minute % 7));
        }
    }
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write("day.csv", &csv);
    write("other.csv", "time,metric,value\n1700000040,unrelated,1\n1700000100,unrelated,2\n");
    write("rules/disks.yml", &RULES.replace("WINDOW", "5m"));
    write("wide/disks.yml", &RULES.replace("WINDOW", "30m").replace("load{job=\"web\"}", "load"));
    write("empty.yml", "groups: []\n");
    let native = include_str!("../../rules/portsyncd.yml");
    write("rows.yml", native);
    write("slots.yml", &native.replace("evaluate: each_row", "evaluate: 1m"));
    write("switch.csv", include_str!("../../fixtures/portsyncd.csv"));
    write("cut.json", "{\"schema\": \"alertctl.baseline/1\",");
    write("later.json", "{\"schema\": \"alertctl.baseline/7\"}");
    write("targets.yml", "latency.p5: 80 us\n");
    folder
}

/// Runs `profile` with the least that can be measured.
fn profile(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_alertctl"));
    let least =
        ["profile", "--allow-debug", "--processes", "1", "--rounds", "1", "--time-budget", "1ms", "--seed", "1"];
    let output = spawn::run(&program, &[&least[..], args].concat(), folder);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn problems_of_a_targets_file_have_their_places() {
    let (code, stdout, stderr) = profile(folder().path(), &["--targets", "targets.yml"]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    for part in ["targets.yml:1:1", "did you mean `latency.p50`?", "\n1 error in the targets; nothing was measured"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
}

#[test]
fn bad_input_is_told_in_one_message() {
    let folder = folder();
    let check = |args: &[&str], expected: &str| {
        let (code, stdout, stderr) = profile(folder.path(), args);
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
        assert_eq!(stderr.matches("error:").count(), 1, "{stderr}");
    };
    check(&["--baseline", "none.json"], "cannot read the baseline `none.json`");
    check(&["--baseline", "cut.json"], "is cut off at line");
    check(&["--baseline", "later.json"], "found \"alertctl.baseline/7\"");
    check(&["--against-binary", "/bin/echo"], "`/bin/echo` is not alertctl");
    check(&["-r", "empty.yml", "day.csv"], "no rule in `empty.yml`");
    check(&["-r", "rules", "other.csv"], "no rule reads any series of the recording");
    check(&["-r", "rules"], "missing recording to profile the rules on");
    check(&["day.csv"], "missing rules to profile on the recording");
    check(&["-r", "rules", "-"], "cannot profile standard input");
    check(&["-r", "rules", "day.csv", "--out", "none/a.json"], "no such folder: `none`");
    check(&["--max-slowdown", "fast"], "write it like `7%`");
    check(&["-r", "rules", "day.csv", "-o", "hgrm"], "hgrm shows the latencies of the built-in workload");
    check(&["-r", "rules", "day.csv", "--keep-samples"], "--save-baseline <FILE>");
}

#[test]
fn a_debug_build_is_refused() {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_alertctl"));
    if cfg!(debug_assertions) {
        let output = spawn::run(&program, &["profile"], Path::new("."));
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("this is a debug build"));
    }
}

/// Returns the exact figures of the rules.
fn exact(json: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(json).expect("JSON");
    let rules = value["rules"].as_array().expect("rules").iter().map(|rule| {
        let of = |key: &str| rule[key].to_string();
        let keys = ["name", "line", "samples_per_evaluation", "series", "result_series", "allocations_per_sample"];
        keys.map(of).join(" ")
    });
    rules.collect()
}

#[test]
fn exact_figures_repeat_run_after_run() {
    let folder = folder();
    let run = || profile(folder.path(), &["-r", "rules", "day.csv", "-o", "json"]);
    let (code, first, stderr) = run();
    assert_eq!(code, 0, "{stderr}");
    let rules = exact(&first);
    assert_eq!(rules.len(), 3, "{first}");
    assert_eq!(rules, exact(&run().1));
    // 240 slots: the window is full from the fifth on, with five samples of two series; alerts read two and one.
    assert!(
        rules[0].starts_with(&format!("\"busy\" 4 {} 2 2", (2.0 * (1.0 + 2.0 + 3.0 + 4.0 + 5.0 * 236.0)) / 240.0)),
        "{rules:?}"
    );
    assert!(rules[1].starts_with("\"Busy\" 6 2 2 "), "{rules:?}");
    assert!(rules[2].starts_with("\"Gone\" 9 1 1 0"), "{rules:?}");
}

#[test]
fn what_grew_is_named_with_its_cause() {
    let folder = folder();
    let saved = ["-r", "rules", "day.csv", "--save-baseline", "base.json", "--sessions", "1", "-o", "json"];
    let (code, _, stderr) = profile(folder.path(), &saved);
    assert_eq!(code, 0, "{stderr}");
    let gate = |more: &[&str]| {
        let args = [&["-r"], more, &["day.csv", "--fail-on", "regression", "-o", "github"]].concat();
        profile(folder.path(), &args)
    };
    let (code, stdout, stderr) = gate(&["rules", "--baseline", "base.json"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    for against in [&["wide", "--baseline", "base.json"], &["wide", "--against-rules", "rules"]] {
        let (code, stdout, stderr) = gate(against);
        assert_eq!(code, 1, "{stdout}{stderr}");
        assert!(stdout.contains("::error file=wide/disks.yml,line=4,"), "{stdout}");
        assert!(stdout.contains("window grew from [5m] to [30m]"), "{stdout}");
        assert!(stdout.contains("::error file=wide/disks.yml,line=9,"), "{stdout}");
        assert!(stdout.contains("matcher"), "{stdout}");
    }
    fs::write(folder.path().join("day.csv"), "time,metric,job,value\n1700000040,load,db,1\n").expect("a file");
    let (code, _, stderr) = gate(&["rules", "--baseline", "base.json"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("saved from another recording"), "{stderr}");
}

#[test]
fn a_baseline_keeps_every_batch_where_it_is_asked_to() {
    let folder = folder();
    let save = |more: &[&str]| {
        let saved = ["-r", "rules", "day.csv", "--save-baseline", "base.json", "--sessions", "1", "-o", "json"];
        let (code, _, stderr) = profile(folder.path(), &[&saved[..], more].concat());
        assert_eq!(code, 0, "{stderr}");
        let text = fs::read_to_string(folder.path().join("base.json")).expect("it was saved");
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    let lengths = |base: &Value| -> Vec<usize> {
        let metrics = base["sessions"][0]["metrics"].as_array().expect("metrics").iter();
        let timed = metrics.filter(|metric| metric["kind"] == "time");
        timed.map(|metric| metric["samples"][0].as_array().map_or(0, Vec::len)).collect()
    };
    assert_eq!(lengths(&save(&[])), [0, 0, 0, 0]);
    let kept = save(&["--keep-samples"]);
    assert_eq!(lengths(&kept), [1, 1, 1, 1]);
    let known = |key: &str| kept["tool"][key].as_str().is_some_and(|text| !text.is_empty() && text != "unknown");
    assert!(["version", "binary_sha256", "rustc", "opt"].into_iter().all(known), "{}", kept["tool"]);
    let (code, stdout, stderr) = profile(folder.path(), &["-r", "rules", "day.csv", "--baseline", "base.json"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
}

#[test]
fn native_rules_with_an_interval_are_profiled() {
    let folder = folder();
    let (code, stdout, stderr) = profile(folder.path(), &["-r", "slots.yml", "switch.csv", "-o", "json"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(exact(&stdout).iter().any(|rule| rule.starts_with("\"health_score\" ")), "{stdout}");
}

#[test]
fn native_rules_at_each_row_are_profiled() {
    let folder = folder();
    let run = || profile(folder.path(), &["-r", "rows.yml", "switch.csv", "-o", "json", "--folded", "stacks.txt"]);
    let (code, stdout, stderr) = run();
    assert_eq!(code, 0, "{stderr}");
    let rules = exact(&stdout);
    assert_eq!(rules, exact(&run().1));
    // A threshold on a metric that most rows have: it touches one sample there, of one series a switch.
    let csv = include_str!("../../fixtures/portsyncd.csv");
    let (head, rows) = csv.split_once('\n').expect("a header");
    let column = head.split(',').position(|name| name == "backup_created_count").expect("a column");
    let all: Vec<&str> = rows.lines().collect();
    let with = all.iter().filter(|row| row.split(',').nth(column).is_some_and(|cell| !cell.is_empty())).count();
    let switches: std::collections::BTreeSet<_> = all.iter().filter_map(|row| row.split(',').nth(1)).collect();
    let samples = Value::from(with as f64 / all.len() as f64);
    let rule = rules.iter().find(|rule| rule.starts_with("\"backup_creation_low\" ")).expect("the rule");
    assert!(rule.contains(&format!(" {samples} {} ", switches.len())), "{rule}");
    let stacks = fs::read_to_string(folder.path().join("stacks.txt")).expect("it was written");
    assert!(stacks.contains("alertctl;evaluate;health_score;"), "{stacks}");
}

#[test]
fn rules_at_each_row_are_gated_beside_others() {
    let folder = folder();
    let native = include_str!("../../rules/portsyncd.yml");
    let write = |name: &str, text: &str| {
        fs::create_dir_all(folder.path().join(name)).expect("a folder");
        fs::write(folder.path().join(name).join("switch.yml"), text).expect("a file");
        let slots = "groups: [{name: g, rules: [{alert: Cold, expr: sum(cold_start_count) > 10}]}]\n";
        fs::write(folder.path().join(name).join("slots.yml"), slots).expect("a file");
    };
    write("base", native);
    write("same", native);
    write("long", &native.replace("    evaluation_window: 300s\n", "    evaluation_window: 1800s\n"));
    let saved = ["-r", "base", "switch.csv", "--save-baseline", "base.json", "--sessions", "1", "-o", "json"];
    let (code, _, stderr) = profile(folder.path(), &saved);
    assert_eq!(code, 0, "{stderr}");
    let gate = |rules: &str| {
        let args = ["-r", rules, "switch.csv", "--baseline", "base.json", "--fail-on", "regression", "-o", "github"];
        profile(folder.path(), &args)
    };
    let (code, stdout, stderr) = gate("same");
    assert_eq!(code, 0, "{stdout}{stderr}");
    let (code, stdout, stderr) = gate("long");
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert!(stdout.contains("window grew from [5m] to [30m]"), "{stdout}");
}

#[test]
fn a_file_of_another_name_is_compared_where_it_is_the_only_one() {
    let folder = folder();
    for (from, to) in [("rules/disks.yml", "old.yml"), ("wide/disks.yml", "new.yml")] {
        fs::copy(folder.path().join(from), folder.path().join(to)).expect("a file");
    }
    let (code, stdout, stderr) =
        profile(folder.path(), &["-r", "new.yml", "day.csv", "--against-rules", "old.yml", "-o", "github"]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert!(stdout.contains("::error file=new.yml,line=4,"), "{stdout}");
}

#[test]
fn the_report_has_thirteen_checks_and_memory_repeats() {
    let folder = folder();
    let run = || {
        let (_, stdout, stderr) = profile(folder.path(), &["--out", "json:-", "--out", "latency.hgrm"]);
        serde_json::from_str::<Value>(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"))
    };
    let (first, second) = (run(), run());
    let ids = |value: &Value| -> Vec<String> {
        value["checks"].as_array().expect("checks").iter().map(|check| check["id"].to_string()).collect()
    };
    assert_eq!(ids(&first).len(), 13, "{first}");
    assert_eq!(ids(&first), ids(&second));
    let exact = |value: &Value| -> Vec<String> {
        let all = value["checks"].as_array().into_iter().chain(value["extras"].as_array()).flatten();
        let exact = all.filter(|one| {
            let id = one["id"].as_str().unwrap_or_default();
            // What the allocator makes of sizes depends on what the heap held before.
            (id.starts_with("memory.") && !id.ends_with(".usable")) || id.starts_with("alloc.")
        });
        exact.map(|one| format!("{} {}", one["id"], one["estimate"])).collect()
    };
    assert!(exact(&first).len() > 20, "{first}");
    let usable = |value: &Value| value["extras"].to_string().matches(".usable\"").count();
    assert!(!cfg!(target_os = "linux") || usable(&first) > 5, "{first}");
    assert!(exact(&first).iter().all(|line| !line.ends_with(" 0.0")), "{:?}", exact(&first));
    assert_eq!(exact(&first), exact(&second));
    let latencies = fs::read_to_string(folder.path().join("latency.hgrm")).expect("it was written");
    assert!(latencies.starts_with("       Value     Percentile TotalCount 1/(1-Percentile)\n\n"), "{latencies}");
    assert!(latencies.contains("#[Mean    = "), "{latencies}");
}

#[test]
fn a_self_check_tries_what_is_gated() {
    let folder = folder();
    let check = |args: &[&str], code: i32, expected: &[&str]| {
        let (exit, stdout, stderr) = profile(folder.path(), args);
        assert_eq!(exit, code, "{stdout}{stderr}");
        for line in expected {
            assert!(stdout.contains(line) || stderr.contains(line), "no `{line}` in {stdout}{stderr}");
        }
    };
    // One process cannot tell anything, so nothing is caught and nothing is a false alarm.
    check(
        &["--self-check", "1", "-r", "rules", "day.csv"],
        1,
        &[
            "self-check: 1 pair, ",
            "\nbuilt-in workload, in turns     0 of 8, 0.0 %         0 of 8, 0.0 %         0 of 8, 0.0 %         8 / 8 / 8\n",
            "\nbuilt-in workload, saved        0 of 8, 0.0 % ",
            "\nrules, in turns                 0 of 4, 0.0 % ",
            "\nrules, saved                    0 of 4, 0.0 % ",
            "\nOther rules: 1 pair, at most 1 rule changed in each.\n",
        ],
    );
    check(&["--self-check", "1", "--against-rules", "wide", "-r", "rules", "day.csv"], 2, &["cannot be used with"]);
}
