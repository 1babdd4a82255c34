//! Runs the programs of `examples` that embed the engine, and compares them with the page that shows them.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

#[allow(dead_code, reason = "its `main` is not called")]
#[path = "../../examples/daemon.rs"]
mod daemon;
#[allow(dead_code, reason = "its `main` is not called")]
#[path = "../../examples/reload.rs"]
mod reload;
#[allow(dead_code, reason = "its `main` is not called")]
#[path = "../../examples/restart.rs"]
mod restart;

/// Checks the lines that a program wrote, without the date of 1970.
fn check(out: &[u8], expected: &[&str]) {
    let text = String::from_utf8_lossy(out).replace("1970-01-01T", "");
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_page_shows_the_programs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/embed.md")).expect("the page");
    for name in ["daemon", "reload", "restart"] {
        let program = fs::read_to_string(root.join(format!("examples/{name}.rs"))).expect("a program");
        assert!(page.contains(&format!("```rust,no_run\n{program}```\n")), "docs/embed.md shows another {name}.rs");
    }
}

/// Returns the events of the daemon.
fn watched(input: &str) -> Vec<u8> {
    let mut out = Vec::new();
    daemon::run(input.as_bytes(), &mut out).expect("it runs");
    out
}

#[test]
fn the_daemon_follows_alerts_and_hosts_that_vanish() {
    let input = "0 load a 9\n0 load b 1\n0\n\
                 10 load a 9.5\n10 load b 1\n10\n\
                 20 load a 10\n20 load b 1\n20\n\
                 30 load a 2\n30 load b 12\n30\n\
                 50 load a 2\n50 load b 13\n50\n\
                 60 load a 2\n60\n\
                 100 load a 3\n100\n\
                 110 load a 3\n110\n\
                 160\n170\n";
    let expected = [
        r#"00:00:00Z HighLoad{host="a", severity="warning"}: inactive -> pending"#,
        r#"00:00:20Z HighLoad{host="a", severity="warning"}: pending -> firing"#,
        "  a has a load of 10",
        r#"00:00:30Z HighLoad{host="a", severity="warning"}: firing -> inactive (condition_false)"#,
        r#"00:00:30Z HighLoad{host="b", severity="warning"}: inactive -> pending"#,
        r#"00:00:50Z HighLoad{host="b", severity="warning"}: pending -> firing"#,
        "  b has a load of 13",
        r#"00:01:50Z HighLoad{host="b", severity="warning"}: firing -> inactive (series_ended)"#,
        r#"00:02:50Z NoData{severity="critical"}: inactive -> firing"#,
        "  no host has sent its load for a minute",
        r#"at the end: NoData{severity="critical"} is firing, since 00:02:50Z"#,
    ];
    check(&watched(input), &expected);
}

#[test]
fn the_daemon_goes_on_after_bad_and_late_lines() {
    let out = watched("10 load a 9\n10\n5 load a 1\n7 load a 1\nload\n20 load a\n30 load a 9\n30\n");
    let expected = [
        r#"00:00:10Z HighLoad{host="a", severity="warning"}: inactive -> pending"#,
        "skipped, not `SECONDS METRIC HOST VALUE`: load",
        "skipped, not `SECONDS METRIC HOST VALUE`: 20 load a",
        r#"00:00:30Z HighLoad{host="a", severity="warning"}: pending -> firing"#,
        "  a has a load of 9",
        r#"at the end: HighLoad{host="a", severity="warning"} is firing, since 00:00:10Z"#,
        "fault: a value came too late: its time was evaluated, or another snapshot is later \
         (2 times, first at 00:00:05Z, last at 00:00:07Z)",
    ];
    check(&out, &expected);
}

/// Lines for a program, and what happens to its file before it reads them.
struct Acts<'a> {
    path: &'a Path,
    left: VecDeque<(Option<String>, &'static [u8])>,
    /// How often the file was written.
    written: u32,
}

impl Read for Acts<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((text, mut lines)) = self.left.pop_front() else { return Ok(0) };
        if let Some(text) = text {
            self.written += 1;
            fs::write(self.path, text)?;
            // Two writes may be closer than the clock of the file system tells apart.
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(self.written));
            File::options().write(true).open(self.path)?.set_modified(time)?;
        }
        lines.read(buffer)
    }
}

/// Returns a rule file with an alert on a load above a limit, and what else its group has.
fn rules(limit: &str, more: &str) -> String {
    format!(
        "groups:\n- name: hosts\n  interval: 10s\n  rules:\n  - {{alert: HighLoad, expr: load > {limit}, for: 10s}}\n{more}"
    )
}

/// Runs the program that reads rules from a file; `acts` are texts of the file and the lines after each.
fn reloaded(first: &str, acts: impl IntoIterator<Item = (Option<String>, &'static [u8])>) -> (TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rules.yml");
    fs::write(&path, first).expect("a file");
    let input = Acts { path: &path, left: acts.into_iter().collect(), written: 0 };
    let mut out = Vec::new();
    reload::run(&path, BufReader::new(input), &mut out).expect("it runs");
    (folder, out)
}

#[test]
fn a_reload_keeps_alerts_that_are_still_true() {
    let acts: [(Option<String>, &[u8]); 4] = [
        (None, b"0 load a 9\n0 load b 6\n0\n10 load a 9\n10 load b 6\n10\n"),
        // The alert on `a` goes on without an event, and one on `b` begins.
        (Some(rules("5", "  - {record: busy, expr: load > 1}\n")), b"20 load a 9\n20 load b 6\n20\n"),
        (Some(rules("5", "")), b"30 load a 9\n30 load b 6\n30\n"),
        (Some(rules("7", "")), b"40 load a 9\n40 load b 6\n40\n"),
    ];
    let expected = [
        r#"00:00:00Z HighLoad{host="a"}: inactive -> pending"#,
        r#"00:00:10Z HighLoad{host="a"}: pending -> firing"#,
        "00:00:20Z reloaded, rules: 2",
        r#"00:00:20Z HighLoad{host="b"}: inactive -> pending"#,
        "00:00:30Z reloaded, rules: 1",
        r#"00:00:30Z HighLoad{host="b"}: pending -> firing"#,
        "00:00:40Z reloaded, rules: 1",
        r#"00:00:40Z HighLoad{host="b"}: firing -> inactive (condition_false)"#,
    ];
    check(&reloaded(&rules("8", ""), acts).1, &expected);
}

#[test]
fn a_file_with_a_mistake_changes_nothing() {
    let acts: [(Option<String>, &[u8]); 4] = [
        (None, b"0 load a 9\n0\n"),
        (Some(rules("8 andd up", "")), b"10 load a 9\n10\n20 load a 9\n20\n"),
        // A rule that is gone ends its alerts.
        (Some("groups: []\n".to_owned()), b"30 load a 9\n30\n"),
        (Some(rules("8", "")), b"40 load a 9\n40\n"),
    ];
    let (folder, out) = reloaded(&rules("8", ""), acts);
    let path = folder.path().join("rules.yml").display().to_string();
    let text = String::from_utf8_lossy(&out).replace(&path, "rules.yml");
    let expected = [
        r#"00:00:00Z HighLoad{host="a"}: inactive -> pending"#,
        "00:00:10Z not reloaded, the old rules stay:",
        "rules.yml:5:38: error: expected an operator or the end of the expression, found `andd` [promql-syntax]",
        "    - {alert: HighLoad, expr: load > 8 andd up, for: 10s}",
        "                                       ^^^^",
        r#"00:00:10Z HighLoad{host="a"}: pending -> firing"#,
        "00:00:30Z reloaded, rules: 0",
        r#"00:00:20Z HighLoad{host="a"}: firing -> inactive (rule_removed)"#,
        "00:00:40Z reloaded, rules: 1",
        r#"00:00:40Z HighLoad{host="a"}: inactive -> pending"#,
    ];
    check(text.as_bytes(), &expected);
}

#[test]
fn rules_with_a_mistake_or_no_rules_do_not_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rules.yml");
    let refused = || reload::run(&path, io::empty(), io::sink()).expect_err("no rules").to_string();
    assert!(refused().starts_with(&format!("{}: ", path.display())));
    fs::write(&path, rules("8 >", "")).expect("a file");
    assert!(refused().contains("[promql-syntax]"), "{}", refused());
}

/// Runs the program that saves its state on each of some inputs; returns all that it wrote.
fn restarted(path: &Path, inputs: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for input in inputs {
        restart::run(path, input.as_bytes(), &mut out).expect("it runs");
    }
    out
}

#[test]
fn a_restart_at_any_time_changes_no_event() {
    let folder = tempfile::tempdir().expect("a folder");
    let loads = [9.0, 9.0, 9.0, 10.0, 24.0, 30.0, 44.0, 40.0, 12.0, 3.0, 2.0, 1.0];
    let steps = (0..).zip(loads).map(|(at, load)| format!("{0} load a {load}\n{0}\n", at * 20));
    let steps: Vec<String> = steps.collect();
    let whole = restarted(&folder.path().join("whole.state"), &[&steps.concat()]);
    let expected = [
        r#"00:00:00Z HighLoad{host="a"}: inactive -> pending"#,
        r#"00:01:00Z HighLoad{host="a"}: pending -> firing"#,
        r#"00:01:20Z Rising{host="a"}: inactive -> firing"#,
        r#"00:03:00Z HighLoad{host="a"}: firing -> inactive (condition_false)"#,
        r#"00:03:00Z Rising{host="a"}: firing -> inactive (condition_false)"#,
    ];
    check(&whole, &expected);
    for at in 1..steps.len() {
        let path = folder.path().join(format!("{at}.state"));
        check(&restarted(&path, &[&steps[..at].concat(), &steps[at..].concat()]), &expected);
    }
    let mut names: Vec<_> = fs::read_dir(&folder).expect("a folder").map(|file| file.expect("a file").path()).collect();
    names.retain(|name| name.extension().is_none_or(|ending| ending != "state"));
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn a_damaged_state_is_named_and_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("alerts.state");
    restarted(&path, &["0 load a 9\n0\n"]);
    let saved = fs::read(&path).expect("a state");
    let after = "60 load a 9\n60\n";
    let text = |out: &[u8]| String::from_utf8_lossy(out).replace(&path.display().to_string(), "alerts.state");
    for (bytes, why) in [
        (&saved[..saved.len() - 1], "the saved state is incomplete or damaged"),
        (b"", "this is no saved state"),
        (b"something else", "this is no saved state"),
    ] {
        fs::write(&path, bytes).expect("a file");
        let again = [
            &format!("alerts.state: {why}; starting without it"),
            r#"00:01:00Z HighLoad{host="a"}: inactive -> pending"#,
        ];
        check(text(&restarted(&path, &[after])).as_bytes(), &again);
        // The state that it wrote since is a good one.
        check(&restarted(&path, &["120 load a 9\n120\n"]), &[r#"00:02:00Z HighLoad{host="a"}: pending -> firing"#]);
    }
    fs::write(&path, &saved).expect("a file");
    check(&restarted(&path, &[after]), &[r#"00:01:00Z HighLoad{host="a"}: pending -> firing"#]);
}

/// A daemon may evaluate in one thread, and hand events to others.
#[test]
fn what_a_program_holds_goes_from_thread_to_thread() {
    fn is_free<T: Send + Sync + 'static>() {}
    is_free::<alertctl::Live>();
    is_free::<alertctl::Event>();
    is_free::<alertctl::LoadError>();
    is_free::<alertctl::RestoreError>();
    is_free::<alertctl::EvaluationOutcome>();
}
