//! Input that means harm: each ends with a message and an exit code, without a panic, soon and in bounded memory.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;

use crate::spawn;

const RULES: &str = "groups: [{name: g, interval: 1m, rules: [{alert: Down, expr: up == 0}]}]\n";
const ROWS: &str = "timestamp,metric,value\n1767571200,up,1\n1767571260,up,0\n1767571320,up,1\n";

/// Runs `eval` with the given rules and recording, and expects an exit code and a part of what is said.
#[track_caller]
fn check(rules: impl AsRef<[u8]>, rows: impl AsRef<[u8]>, flags: &[&str], code: i32, expected: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("rules.yml"), rules).expect("written");
    fs::write(folder.path().join("rows.csv"), rows).expect("written");
    said(&[&["eval", "-r", "rules.yml", "rows.csv"], flags].concat(), folder.path(), code, expected);
}

#[track_caller]
fn said(args: &[&str], folder: &Path, code: i32, expected: &str) {
    let out = spawn::alertctl(args, folder, None);
    let text = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(code), "{text}");
    assert!(text.contains(expected), "expected {expected:?} in {text}");
    assert!(text.len() < 16 << 10, "{} bytes of messages", text.len());
    assert!(code != 2 || out.stdout.is_empty(), "nothing is reported of a run that failed");
}

fn alert(expr: &str) -> String {
    format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: '{expr}'\n")
}

/// Bytes that look like nothing: a fixed sequence without meaning.
fn junk(count: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn recordings_that_are_no_text_are_reported() {
    check(RULES, junk(100_000), &[], 2, "has a NUL byte in line");
    check(RULES, ROWS.replace("up,0", "u\0p,0"), &[], 2, "has a NUL byte in line 3");
    check(RULES, b"\xff\xfet\0i\0m", &[], 2, "the UTF-16 text ends within a character");
    let wide: Vec<u8> = format!("\u{feff}{ROWS}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(RULES, wide, &[], 0, "3 samples");
    check(RULES, ROWS.replace('\n', "\r"), &[], 0, "3 samples");
    check(RULES, ROWS.replace("up,0", "u?p,0").replace('?', "\u{e9}").as_bytes(), &[], 0, "evaluated");
    let mut rows = ROWS.as_bytes().to_vec();
    rows[50] = 0xff;
    check(RULES, rows, &[], 2, "rows.csv:3: ");
    check(RULES, format!("\u{feff}{}", ROWS.replace('\n', "\r\n")), &[], 0, "3 samples");
    check(RULES, ROWS.trim_end(), &[], 0, "rows.csv: the last line has no line end");
}

#[test]
fn rules_that_are_no_text_are_reported() {
    check(junk(100_000), ROWS, &[], 2, "is no UTF-8");
    check(RULES.replace("Down", "Do\0wn"), ROWS, &[], 2, "the control character U+0000 is not allowed in YAML");
    let mut rules = RULES.as_bytes().to_vec();
    rules[60] = 0xff;
    check(rules, ROWS, &[], 2, "rules.yml:1:61");
    check(format!("\u{feff}{}", RULES.replace('\n', "\r\n")), ROWS, &[], 0, "1 alert");
}

#[test]
fn monstrous_rows_meet_a_limit() {
    check(RULES, format!("{ROWS}{}\n", "x".repeat(20 << 20)), &[], 2, "rows.csv:5: a line is longer than 16 MiB");
    check(RULES, format!("{ROWS}\"{}\n", "x\n".repeat(10 << 20)), &[], 2, "longer than 16 MiB");
    let columns: String = (0..1_000_000).map(|column| format!(",c{column}")).collect();
    check(RULES, format!("timestamp{columns}\n1767571200\n"), &[], 2, "has 1000001 columns; the limit is 100000");
}

#[test]
fn monstrous_rules_meet_a_limit() {
    check("[".repeat(200_000), ROWS, &[], 2, "nested deeper than 64 levels");
    check("{a: ".repeat(50_000), ROWS, &[], 2, "nested deeper than 64 levels");
    check(alert(&"[".repeat(200_000)), ROWS, &[], 2, "expected an expression, found `[`");
    for (open, close) in [("(", ")"), ("-", ""), ("1+", ""), ("a and ", "")] {
        let expr = format!("{}1{}", open.repeat(40_000), close.repeat(40_000));
        check(alert(&expr), ROWS, &[], 2, "the expression is nested more than 400 deep");
    }
    check(alert(&"a".repeat(300_000)), ROWS, &[], 2, "more than the limit of 256 KiB");
    let doubled = |at: char, of: char| format!("{at}: &{at} [{}]\n", vec![format!("*{of}"); 9].join(","));
    let bomb: String = ('b'..='u').zip('a'..).map(|(at, of)| doubled(at, of)).collect();
    check(format!("a: &a [x]\n{bomb}{RULES}"), ROWS, &[], 2, "more than 2000000 YAML nodes");
    check("groups: &g [{name: g, rules: *g}]\n", ROWS, &[], 2, "an alias stands inside what its own anchor names");
    let regex = r#"up{job=~"(((((a{1000}){1000}){1000}){1000}){1000})"}"#;
    check(alert(regex), ROWS, &[], 2, "invalid repeat count: `{1000}`");
    let regex = format!(r#"up{{job=~"{}"}}"#, "[[:^alpha:]]{1000}".repeat(400));
    check(alert(&regex), ROWS, &[], 2, "needs more than the limit of 10 MiB when compiled");
    check(alert(r#"up{job!~"(a|a)*b(x+x+)+y"} == 0"#), ROWS, &[], 0, "evaluated");
    let text = format!("    annotations: {{a: '{}'}}\n", "{{ if true }}".repeat(50_000));
    check(alert("up") + &text, ROWS, &[], 2, "nested deeper than the limit of 100");
}

#[test]
fn templates_that_never_end_are_cut() {
    let text =
        r#"    annotations: {a: '{{ define "a" }}{{ template "a" }}{{ template "a" }}{{ end }}{{ template "a" }}'}"#;
    check(alert("up == 0") + text + "\n", ROWS, &["-o", "ndjson"], 0, "evaluated");
    let text = r#"    annotations: {a: '{{ printf "%999999999d" 1 }}'}"#;
    check(alert("up == 0") + text + "\n", ROWS, &["-o", "ndjson"], 0, "evaluated");
}

#[test]
fn spans_without_measure_are_taken_or_refused() {
    check(alert("rate(up[290y]) > 0"), ROWS, &[], 0, "evaluated");
    check(alert("up offset 290y > 0"), ROWS, &[], 0, "evaluated");
    check(alert("up offset -290y > 5"), ROWS, &[], 0, "evaluated");
    check(alert("up @ 1e300"), ROWS, &[], 2, "`1e300` is out of range: not a time");
    check(alert("rate(up[1e300])"), ROWS, &[], 2, "longer than 292 years");
    check(alert("predict_linear(up[5m], 1e300) > 0"), ROWS, &[], 0, "evaluated");
    check(alert("max_over_time(up[290y:1ms])"), ROWS, &[], 2, "the limit is 8000000");
    check(alert("up") + "    for: 400y\n", ROWS, &[], 2, "longer than 292 years");
    check(alert("up > 5") + "    for: 290y\n    keep_firing_for: 290y\n", ROWS, &[], 0, "evaluated");
    let century = "timestamp,metric,value\n2001-01-01T00:00:00Z,up,0\n2099-12-31T00:00:00Z,up,0\n";
    let rare = RULES.replace("1m", "1ms");
    check(
        &rare,
        century,
        &[],
        2,
        "line 2 is 2001-01-01T00:00:00Z, line 3 is 2099-12-31T00:00:00Z: one of them is wrong",
    );
    let any = ["--time-unit", "s"];
    check(&rare, century, &any, 2, "at most 100000000 evaluations of a group are made");
    check(&rare, century, &[&any[..], &["--end", "2001-01-01T00:00:10Z"]].concat(), 0, "10,001 steps");
}

#[test]
fn a_subquery_of_many_series_fails_at_its_steps() {
    let rows: String = (0..30).map(|series| format!("1767571200,up,{series},0\n")).collect();
    let rows = format!("timestamp,metric,n,value\n{rows}");
    let rules = alert("max_over_time(up[20m:1ms]) == 0");
    check(rules, rows, &[], 0, "query processing would load too many samples into memory");
}

#[test]
fn sparse_samples_are_told_with_the_flag_to_type() {
    let rows: String = (0..5).map(|at| format!("{},up,1\n", 1_767_571_200 + 900 * at)).collect();
    check(RULES, format!("timestamp,metric,value\n{rows}"), &[], 0, "a sample every 15m, look-back 5m");
}

#[test]
fn unreadable_files_and_folders_are_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("rules.yml"), RULES).expect("written");
    fs::create_dir(path("folder")).expect("made");
    said(&["eval", "-r", "rules.yml", "folder"], folder.path(), 2, "`folder` is a folder, not a recording");
    said(
        &["eval", "-r", "folder", "rules.yml"],
        folder.path(),
        2,
        "no rule file (*.yml, *.yaml, *.json) in the folder",
    );
    fs::write(path("rows.csv"), ROWS).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path("rows.csv"), fs::Permissions::from_mode(0o000)).expect("set");
        // To the superuser every file is readable.
        if fs::File::open(path("rows.csv")).is_err() {
            said(&["eval", "-r", "rules.yml", "rows.csv"], folder.path(), 2, "permission denied");
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_reported() {
    check(RULES, ROWS, &["--out", "/dev/full"], 2, "cannot write `/dev/full`: No space left on device");
    check(RULES, ROWS, &["--out", "/proc/report.json"], 2, "cannot write `/proc/report.json`");
}

#[test]
#[cfg(unix)]
fn a_missing_temporary_folder_concerns_only_many_transitions() {
    let folder = tempfile::tempdir().expect("a folder");
    // 200 firings of 50,000 bytes are more than is held in memory.
    let text = "x".repeat(50_000);
    let rules = format!(
        "groups:\n- name: g\n  interval: 1m\n  rules:\n  - alert: Down\n    expr: up == 0\n    annotations: {{text: {text}}}\n"
    );
    let rows: String = (0..200).map(|host| format!("1767571200,up,h{host},0\n")).collect();
    fs::write(folder.path().join("rules.yml"), rules).expect("written");
    fs::write(folder.path().join("rows.csv"), format!("timestamp,metric,host,value\n{rows}")).expect("written");
    let run = |format: &str, alerts: &str| {
        let args = ["eval", "-q", "-r", "rules.yml", "rows.csv", "-o", format, "--where", alerts];
        let mut command = spawn::tool(&args, folder.path());
        let out = command.env("TMPDIR", "/none/at/all").output().expect("runs");
        (out.status.code(), out.stdout.len(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let (code, _, said) = run("ndjson", "{host=~'h.*'}");
    let problem = "error: cannot keep the transitions for ndjson in a temporary file in `/none/at/all`: ";
    assert!(code == Some(2) && said.starts_with(problem), "{said}");
    assert!(said.contains("set TMPDIR to a folder that exists and has room"), "{said}");
    for (format, alerts) in [("json", "{host=~'h.*'}"), ("table", "{host=~'h.*'}"), ("ndjson", "{host='h7'}")] {
        let (code, written, said) = run(format, alerts);
        assert!(code == Some(0) && written > 0 && said.is_empty(), "{format}: {said}");
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let args = ["eval", "-q", "-r", "rules/node.yml", "fixtures/node.csv", "-o", "ndjson"];
    let mut child = spawn::tool(&args, root).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    drop(child.stdout.take());
    let out = child.wait_with_output().expect("ends");
    assert_eq!((out.status.code(), String::from_utf8_lossy(&out.stderr).as_ref()), (Some(0), ""));
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_a_run_that_waits_for_its_input() {
    let folder = tempfile::tempdir().expect("a folder");
    // The second document is warned of: by then the signal is listened to.
    fs::write(folder.path().join("rules.yml"), format!("{RULES}---\n")).expect("written");
    let mut child = spawn::tool(&["eval", "-r", "rules.yml", "-"], folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a warning");
    assert!(line.starts_with("warning[second-document]"), "{line}");
    spawn::signal(&child, "INT");
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("text");
    assert_eq!(child.wait().expect("ends").code(), Some(130), "{rest}");
    assert!(rest.ends_with("stopped by Ctrl-C: nothing was reported\n"), "{rest}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_name_that_is_not_utf8_is_told() {
    use std::os::unix::ffi::OsStrExt;

    let folder = tempfile::tempdir().expect("a folder");
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.yml");
    fs::write(folder.path().join(name), RULES).expect("written");
    let expected = "cannot read `./caf\u{fffd}.yml`: its name is not UTF-8";
    said(&["check", "."], folder.path(), 2, expected);
    fs::write(folder.path().join("good.yml"), RULES).expect("written");
    let out = spawn::alertctl(&["check", "."], folder.path(), None);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains(expected));
}
