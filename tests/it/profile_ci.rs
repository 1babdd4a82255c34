//! `alertctl profile` as a gate in CI: where its results go, what it refuses at once, and what it lets pass. Nothing
//! here depends on a time.

use std::fs;

use tempfile::TempDir;

use crate::spawn;

const RULES: &str = "\
groups:
- name: disks
  rules:
  - record: busy
    expr: avg_over_time(load{job=\"db\"}[5m])
  - alert: Busy
    expr: avg_over_time(load{job=\"db\"}[10m]) > 3
    for: 2m
";

/// A folder with an hour of a recording, rules, and the same rules with longer windows.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = (0..60).flat_map(|minute| {
        ["a", "b"].map(|instance| format!("{},load,db,{instance},{}\n", 1_700_000_040 + minute * 60, minute % 7))
    });
    write(&folder, "hour.csv", &format!("time,metric,job,instance,value\n{}", rows.collect::<String>()));
    write(&folder, "base/disks.yml", RULES);
    write(&folder, "rules/disks.yml", RULES);
    folder
}

fn write(folder: &TempDir, name: &str, text: &str) {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn read(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Runs `profile` with the least that can be measured, inside a step of a workflow; returns the exit code and both
/// streams.
fn profile(folder: &TempDir, args: &[&str]) -> (i32, String, String) {
    let least =
        ["profile", "--allow-debug", "--processes", "1", "--rounds", "1", "--time-budget", "1ms", "--seed", "1"];
    let summary = folder.path().join("summary.md");
    let set = [("GITHUB_STEP_SUMMARY", summary.to_string_lossy().into_owned())];
    let output = spawn::with(&[&least[..], args].concat(), folder.path(), &set);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

const RUN: [&str; 3] = ["-r", "rules", "hour.csv"];

#[test]
fn annotations_and_files_are_written_side_by_side() {
    const NOTICE: &str = "::notice title=alertctl profile::2 rules measured, compared with nothing\n";
    let check = |flags: &[&str], stdout: &str, files: &[(&str, &str)], summary: bool| {
        let folder = folder();
        let (code, out, err) = profile(&folder, &[&RUN, flags].concat());
        assert_eq!(code, 0, "{flags:?}: {out}{err}");
        assert!(if stdout.is_empty() { out.is_empty() } else { out.starts_with(stdout) }, "{flags:?}: {out}");
        for (name, start) in files {
            assert!(read(&folder, name).starts_with(start), "{flags:?}: {}", read(&folder, name));
        }
        let is_written = folder.path().join("summary.md").exists();
        assert_eq!(is_written, summary, "{flags:?}");
        if summary {
            assert_eq!(read(&folder, "summary.md").matches("## alertctl profile\n").count(), 1, "{flags:?}");
        }
    };
    check(&["-o", "github"], NOTICE, &[], true);
    check(&["-o", "github", "--out", "markdown:cost.txt"], NOTICE, &[("cost.txt", "## alertctl profile\n")], true);
    check(&["-o", "github", "--out", "md:cost.txt"], NOTICE, &[("cost.txt", "## alertctl profile\n")], true);
    check(&["--out", "github:log.txt"], "", &[("log.txt", NOTICE)], true);
    check(&["--out", "github:log.txt", "-o", "md"], "## alertctl profile\n", &[("log.txt", NOTICE)], true);
    check(&["--out", "github:log.txt", "-o", "github"], NOTICE, &[("log.txt", NOTICE)], true);
    check(&["--out", "github:log.txt", "--out", "md:-"], "## alertctl profile\n", &[("log.txt", NOTICE)], true);
    check(&["--out", "cost.md"], "", &[("cost.md", "## alertctl profile\n")], false);
    check(&["-o", "json", "--out", "cost.xml"], "{\"schema\"", &[("cost.xml", "<?xml")], false);
}

#[test]
fn a_word_before_a_colon_is_a_format_or_part_of_a_name_that_exists() {
    let folder = folder();
    let out = |target: &str| profile(&folder, &["-r", "rules", "hour.csv", "--out", target]);
    let (code, stdout, stderr) = out("mardown:cost.txt");
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("`mardown` is not a format; did you mean `markdown:cost.txt`?"), "{stderr}");
    write(&folder, "notes:cost.md", "");
    let (code, _, stderr) = out("notes:cost.md");
    assert_eq!(code, 0, "{stderr}");
    assert!(read(&folder, "notes:cost.md").starts_with("## alertctl profile\n"));
}

#[test]
fn a_baseline_that_does_not_fit_is_refused_before_anything_is_measured() {
    let folder = folder();
    let (code, _, stderr) =
        profile(&folder, &["-r", "rules", "hour.csv", "--save-baseline", "base.json", "--sessions", "1"]);
    assert_eq!(code, 0, "{stderr}");
    let base = read(&folder, "base.json");
    let check = |args: &[&str], baseline: &str, expected: &str| {
        write(&folder, "base.json", baseline);
        // What would measure for minutes ends at once.
        let args = [args, &["--baseline", "base.json", "--out", "cost.json"]].concat();
        let (code, stdout, stderr) = profile(&folder, &args);
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 2, "{stderr}");
        let hint = stderr.lines().last().unwrap_or_default();
        assert!(
            hint.starts_with("hint: save the baseline again, with the other flags of this run too: alertctl profile"),
            "{hint}"
        );
        assert!(!folder.path().join("cost.json").exists(), "it was measured");
    };
    write(&folder, "other.csv", &format!("{}1700009940,load,db,c,1\n", read(&folder, "hour.csv")));
    let other = "the baseline was saved from another recording, or one that was read with other flags";
    check(&["-r", "rules", "other.csv"], &base, other);
    check(&["-r", "rules", "hour.csv", "--lookback-delta", "1m"], &base, other);
    check(&["--targets", "report"], &base, "the baseline holds rules on a recording");
    let release = base.replace("\"opt\": \"debug", "\"opt\": \"release");
    let build = "the baseline was saved by a release build, this is a debug build";
    let (from, expected) = if cfg!(debug_assertions) { (release.as_str(), build) } else { (base.as_str(), other) };
    check(&["-r", "rules", "other.csv"], from, expected);
    check(&RUN, &base.replace("alertctl.baseline/1", "alertctl.baseline/7"), "found \"alertctl.baseline/7\"");
}

#[test]
fn a_rule_file_that_is_new_is_no_error() {
    let folder = folder();
    write(&folder, "base/none/notes.txt", "");
    write(&folder, "base/empty.yml", "groups: []\n");
    let check = |against: &[&str], warned: &str, rules: &[&str]| {
        let flags: Vec<&str> = against.iter().flat_map(|path| ["--against-rules", path]).collect();
        let (code, stdout, stderr) = profile(&folder, &[&RUN, &flags[..], &["-o", "json"]].concat());
        assert_eq!(code, 0, "{against:?}: {stderr}");
        let warnings: Vec<&str> = stderr.lines().filter(|line| line.starts_with("warning:")).collect();
        assert_eq!(warnings, [warned].into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>(), "{against:?}");
        let report: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
        let changes = report["changes"].as_array().expect("changes");
        let changed: Vec<String> =
            changes.iter().map(|change| format!("{} {}", change["rule"]["name"], change["verdict"])).collect();
        assert_eq!(changed, rules, "{against:?}");
    };
    let new = ["\"busy\" \"new\"", "\"Busy\" \"new\""];
    let line = |why: &str| format!("warning: --against-rules: {why}: all rules that it would hold are new");
    check(&["base/new.yml"], &line("no such file: `base/new.yml`"), &new);
    check(&["base/*.yaml"], &line("`base/*.yaml` matches no file"), &new);
    check(&["base/none"], &line("no rule file in `base/none`"), &new);
    check(&["base/empty.yml"], &line("no rule in `base/empty.yml`"), &new);
    check(&["base/disks.yml", "base/new.yml"], &line("no such file: `base/new.yml`"), &[]);
    check(&["base/disks.yml", "base/empty.yml"], "", &[]);
    // What is there and wrong stays an error.
    write(&folder, "base/bad.yml", "groups: [{nam: x}]\n");
    let (code, _, stderr) = profile(&folder, &[&RUN[..], &["--against-rules", "base/bad.yml"]].concat());
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("`nam` is not a key of a group"), "{stderr}");
}

/// Returns the date so many days ago, UTC.
fn days_ago(days: i64) -> String {
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    at.strftime("%Y-%m-%d").to_string()
}

#[test]
fn an_increase_that_is_meant_is_accepted_for_a_while() {
    let folder = folder();
    // Each rule with a window and what stands above it.
    let file = |window: &str, above: &[(&str, String)]| {
        let rule = |(name, comment): &(&str, String)| {
            format!("{comment}  - alert: {name}\n    expr: avg_over_time(load{{job=\"db\"}}[{window}]) > 3\n")
        };
        format!("groups:\n- name: disks\n  rules:\n{}", above.iter().map(rule).collect::<String>())
    };
    let comment = |days: i64| format!("  # alertctl accept {}: a whole cycle\n", days_ago(days));
    let none = String::new;
    let base = [("Meant", none()), ("Told", none()), ("Again", comment(3)), ("Late", none()), ("Listed", none())];
    let now =
        [("Meant", comment(3)), ("Told", none()), ("Again", comment(3)), ("Late", comment(31)), ("Listed", none())];
    write(&folder, "base/disks.yml", &file("10m", &base));
    let entry = |what: &str| format!("- {{{what}, date: {}, reason: a whole cycle}}\n", days_ago(0));
    write(&folder, "accept.yml", &format!("{}{}", entry("rule: Listed"), entry("total: series")));
    let run = |above: &[(&str, String)]| {
        write(&folder, "rules/disks.yml", &file("30m", above));
        let flags =
            ["--exact", "--against-rules", "base", "--accept", "accept.yml", "-o", "github", "--out", "cost.json"];
        let (code, stdout, stderr) = profile(&folder, &[&RUN[..], &flags].concat());
        let report: serde_json::Value = serde_json::from_str(&read(&folder, "cost.json")).expect("JSON");
        (code, stdout + &stderr, report)
    };

    let (code, shown, report) = run(&now);
    assert_eq!(code, 1, "{shown}");
    let verdict = |name: &str| {
        let mut rows = report["regression"].as_array().expect("metrics").iter();
        let row = rows.find(|row| row["rule"]["name"] == name && row["id"] == "rule.samples_per_s").expect(name);
        let of = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        (of("verdict"), of("note"))
    };
    let check = |name: &str, expected: &str, note: &str| {
        let (verdict, found) = verdict(name);
        assert_eq!(verdict, expected, "{name}: {found}");
        assert!(found.starts_with(note), "{name}: {found}");
        assert!(found.ends_with("window grew from [10m] to [30m]"), "{name}: {found}");
    };
    check("Meant", "accepted", &format!("accepted {}: a whole cycle; ", days_ago(3)));
    check("Told", "regression", "window grew");
    let again = format!("the acceptance of {} (rules/disks.yml:9) is in the base already; ", days_ago(3));
    check("Again", "regression", &again);
    let late = format!("the acceptance of {} (rules/disks.yml:12) expired on {}; ", days_ago(31), days_ago(1));
    check("Late", "regression", &late);
    check("Listed", "accepted", &format!("accepted {}: a whole cycle; ", days_ago(0)));
    let idle = "the acceptance of the total of series (accept.yml:2) was not needed";
    assert!(report["notes"].to_string().contains(idle), "{}", report["notes"]);
    assert_eq!(shown.matches("::error file=rules/disks.yml").count(), 3, "{shown}");
    assert!(!shown.contains("::notice"), "{shown}");

    write(&folder, "base/disks.yml", &file("10m", &base[..1]));
    let (code, shown, _) = run(&now[..1]);
    assert_eq!(code, 2, "{shown}");
    assert!(shown.contains("no rule of this run is named `Listed`"), "{shown}");
    write(&folder, "accept.yml", "");
    let (code, shown, _) = run(&now[..1]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.starts_with("::notice title=alertctl profile::0 regressions;"), "{shown}");
    assert!(shown.contains(" accepted\n"), "{shown}");
}

#[test]
fn acceptances_that_cannot_be_read_are_reported_before_anything_is_measured() {
    let folder = folder();
    let run = |flags: &[&str]| {
        let (code, stdout, stderr) = profile(&folder, &[&RUN[..], flags].concat());
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        stderr
    };
    let against = ["--against-rules", "base", "--accept", "accept.yml"];
    write(&folder, "accept.yml", "- {rule: Bussy, date: 2026-11-29, reason: x}\n- {total: time, date: soon}\n");
    let stderr = run(&against);
    for part in [
        "accept.yml:1:10",
        "no rule of this run is named `Bussy`",
        "did you mean `Busy`?",
        "accept.yml:2:23",
        "`soon` is not a date",
        "this acceptance lacks `reason`",
        "3 errors in the acceptances; nothing was measured",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    assert!(run(&["--accept", "accept.yml"]).contains("there is nothing to compare with"));
    assert!(run(&["--against-rules", "base", "--accept", "none.yml"]).contains("cannot read the acceptance file"));
    let without_reason = RULES.replace("  - alert:", "  # alertctl accept 2026-01-05\n  - alert:");
    write(&folder, "rules/disks.yml", &without_reason);
    let stderr = run(&["--against-rules", "base"]);
    assert!(stderr.contains("rules/disks.yml:6:3"), "{stderr}");
    assert!(stderr.contains("this acceptance lacks its reason"), "{stderr}");
    // The base is as it is.
    write(&folder, "rules/disks.yml", RULES);
    write(&folder, "base/disks.yml", &without_reason);
    let (code, _, stderr) = profile(&folder, &[&RUN[..], &["--against-rules", "base"]].concat());
    assert_eq!(code, 0, "{stderr}");
}
