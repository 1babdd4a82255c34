//! `alertctl profile --soak`: bytes are exact, so tests look at them; no time matters.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::spawn;

const RULES: &str = "\
groups:
- name: web
  interval: 5m
  rules:
  - record: errors:rate
    expr: rate(errors_total{job=\"web\"}[15m])
  - alert: Errors
    expr: errors:rate > 2
  - alert: Cold
    expr: temperature < 5
    for: 10m
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("web.yml"), RULES).expect("a file");
    let nothing = "groups: [{name: g, rules: [{alert: Always, expr: vector(1)}]}]\n";
    fs::write(folder.path().join("nothing.yml"), nothing).expect("a file");
    folder
}

/// Runs three days of few snapshots.
fn soak(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_alertctl"));
    let days = ["profile", "--allow-debug", "--soak", "3d", "--cadence", "5m"];
    let output = spawn::run(&program, &[&days[..], args].concat(), folder);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// Returns a number of each day.
fn by_day(report: &Value, key: &str) -> Vec<i64> {
    let days = report["days"].as_array().expect("days").iter();
    days.map(|day| day[key].as_i64().unwrap_or_else(|| panic!("{key}: {day}"))).collect()
}

#[test]
fn the_built_in_workload_holds_the_same_every_day() {
    let folder = folder();
    let (code, stdout, stderr) = soak(folder.path(), &["-o", "json", "--out", "soak.txt"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    let report: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!((report["schema"].as_str(), report["stable"].as_bool()), (Some("alertctl.soak/1"), Some(true)));
    for key in ["live_bytes", "live_bytes_no_restarts", "allocations", "events", "alerts"] {
        let days = by_day(&report, key);
        assert_eq!(days.len(), 3);
        assert!(days[1] == days[2] && days[1] > 0, "{key}: {days:?}");
    }
    assert_eq!(by_day(&report, "events"), by_day(&report, "events_no_restarts"));
    assert_eq!(by_day(&report, "saved_bytes"), by_day(&report, "saved_bytes_no_restarts"));
    assert_eq!((report["left_bytes"].as_i64(), report["left_bytes_no_restarts"].as_i64()), (Some(0), Some(0)));
    let table = fs::read_to_string(folder.path().join("soak.txt")).expect("it was written");
    let parts =
        ["DAY  LIVE BYTES  NO RESTARTS", "a snapshot every 5m", "\nstable: day 3 ends with the live bytes of day 2"];
    for part in parts {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn a_leak_of_64_bytes_a_day_is_caught() {
    let folder = folder();
    let run =
        |more: &[&str]| soak(folder.path(), &[&["-r", "web.yml", "-o", "json", "--out", "soak.txt"], more].concat());
    let (code, stdout, stderr) = run(&[]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    let good: Value = serde_json::from_str(&stdout).expect("JSON");
    assert!(by_day(&good, "events").iter().all(|events| *events > 100), "values cross the limits: {stdout}");
    let (code, stdout, stderr) = run(&["--inject-leak", "64"]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    let bad: Value = serde_json::from_str(&stdout).expect("JSON");
    for key in ["live_bytes", "live_bytes_no_restarts"] {
        let days = by_day(&bad, key);
        assert_eq!((days[1] - days[0], days[2] - days[1]), (64, 64), "{key}: {days:?}");
    }
    assert_eq!(bad["growth_bytes"].as_i64(), Some(64));
    let table = fs::read_to_string(folder.path().join("soak.txt")).expect("it was written");
    let line = "grows: live bytes, with restarts and without: +64 bytes from day 2 to day 3, +64 a day\nlost: ";
    assert!(table.contains(line), "{table}");
}

#[test]
fn what_cannot_be_run_is_refused() {
    let folder = folder();
    let check = |args: &[&str], expected: &str| {
        let (code, stdout, stderr) = soak(folder.path(), args);
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
    };
    check(&["-o", "github"], "--soak writes table or json");
    check(&["-r", "nothing.yml"], "the rules read no series that could be made up");
    check(&["--baseline", "base.json"], "cannot be used with");
    check(&["--against-binary", "old"], "cannot be used with");
    check(&["-r", "web.yml", "day.csv"], "cannot be used with");
    check(&["-r", "web.yml", "--targets", "report"], "cannot be used with");
    let program = PathBuf::from(env!("CARGO_BIN_EXE_alertctl"));
    let refused = |args: &[&str], expected: &str| {
        let output = spawn::run(&program, &[&["profile", "--allow-debug"], args].concat(), folder.path());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
    };
    refused(&["--soak", "2d"], "2 days are too few");
    refused(&["--soak", "36h"], "is not a number of days");
    refused(&["--soak", "7d", "--cadence", "7s"], "is not a part of an hour");
    refused(&["--cadence", "10s"], "--soak <DAYS>");
}
