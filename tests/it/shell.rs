//! What a shell sees: where output goes and what it must not destroy, signals, completion.

#![cfg(unix)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::spawn;

const RULES: &str = "groups:\n- name: net\n  interval: 1m\n  rules:\n  - {alert: Down, expr: up == 0, labels: {severity: page}}\n  - {alert: Slow, expr: up == 2}\n";
const ROWS: &str = "timestamp,metric,value\n1767571200,up,1\n1767571260,up,0\n1767571320,up,1\n";

/// Makes a folder with rules and a recording.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("rules")).expect("made");
    fs::write(folder.path().join("rules/net.yml"), RULES).expect("written");
    fs::write(folder.path().join("night.csv"), ROWS).expect("written");
    folder
}

/// Runs a line of `sh`, and expects an exit code and what is said on standard error.
#[track_caller]
fn check(folder: &Path, line: &str, code: i32, expected: &str) {
    let out = spawn::script("sh", line, folder).expect("a shell");
    let text = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(code), "{line}: {text}");
    assert!(text.contains(expected), "{line}: expected {expected:?} in {text:?}");
}

/// Every spelling of an input, given as an output, is refused, and the input stays as it was.
#[test]
fn an_output_never_destroys_an_input() {
    let folder = folder();
    let folder = folder.path();
    for file in ["silences.yml", "targets.yml"] {
        fs::write(folder.join(file), "").expect("written");
    }
    fs::hard_link(folder.join("night.csv"), folder.join("hard.csv")).expect("a link");
    std::os::unix::fs::symlink("night.csv", folder.join("soft.csv")).expect("a link");
    let eval = "alertctl eval -q -r rules night.csv";
    for out in ["night.csv", "./night.csv", "rules/../night.csv", "\"$PWD/night.csv\"", "hard.csv", "soft.csv"] {
        check(folder, &format!("{eval} --out csv:{out}"), 2, "would overwrite the recording `night.csv`");
    }
    check(folder, "alertctl eval -r 'ru*/*.yml' 'n*.csv' --out night.csv", 2, "the recording `night.csv`");
    check(folder, "alertctl eval -r rules - --out night.csv < night.csv", 2, "the recording on standard input");
    check(folder, "alertctl eval -r rules /dev/stdin --out night.csv < night.csv", 2, "the recording `/dev/stdin`");
    check(folder, &format!("{eval} --out json:rules/net.yml"), 2, "would overwrite the rule file `rules/net.yml`");
    check(folder, &format!("{eval} --silences silences.yml --out table:silences.yml"), 2, "the file of silences");
    check(folder, &format!("{eval} -o csv >> night.csv"), 2, "standard output is the recording `night.csv`");
    check(folder, "alertctl check rules >> rules/net.yml", 2, "standard output is the rule file");
    check(folder, "alertctl data night.csv >> night.csv", 2, "standard output is the recording");
    let profile = "alertctl profile --allow-debug -r rules night.csv";
    for flag in ["--folded", "--save-baseline", "--out"] {
        check(folder, &format!("{profile} {flag} ./night.csv"), 2, &format!("{flag} `./night.csv` would overwrite"));
    }
    check(folder, &format!("{profile} --targets targets.yml --folded targets.yml"), 2, "the targets file");
    check(folder, &format!("{profile} --against-rules rules --folded rules/net.yml"), 2, "the rule file");
    assert_eq!(fs::read_to_string(folder.join("night.csv")).expect("there"), ROWS);
    assert_eq!(fs::read_to_string(folder.join("rules/net.yml")).expect("there"), RULES);
}

#[test]
fn two_outputs_are_two_files() {
    let folder = folder();
    let folder = folder.path();
    std::os::unix::fs::symlink("later.json", folder.join("link.json")).expect("a link");
    let eval = "alertctl eval -q -r rules night.csv";
    check(
        folder,
        &format!("{eval} --out a.csv --out ./a.csv"),
        2,
        "--out `a.csv` and --out `./a.csv` are the same file",
    );
    check(folder, &format!("{eval} --out link.json --out later.json"), 2, "are the same file");
    check(folder, &format!("{eval} --out csv:a.csv > a.csv"), 2, "--out `a.csv` and standard output are the same file");
    let profile = "alertctl profile --allow-debug -r rules night.csv";
    check(folder, &format!("{profile} --folded a --save-baseline rules/../a"), 2, "are the same file");
    // A link to a file that is not there yet stays a link.
    check(folder, &format!("{eval} --out link.json"), 0, "");
    assert!(folder.join("later.json").is_file() && folder.join("link.json").is_symlink());
}

#[test]
fn an_output_that_arrives_nowhere_is_a_failure() {
    let folder = folder();
    let folder = folder.path();
    let commands = [
        "alertctl",
        "alertctl --help",
        "alertctl eval -q -r rules night.csv",
        "alertctl eval -q -r rules night.csv --show-expr",
        "alertctl eval -q -r rules night.csv --out a.csv -o json",
        "alertctl check rules",
        "alertctl data night.csv",
        "alertctl completions bash",
        "alertctl man",
        "alertctl profile --allow-debug -r rules night.csv --help",
    ];
    for command in commands {
        check(folder, &format!("{command} >&-"), 2, "standard output is closed");
        check(folder, &format!("{command} > /dev/null"), 0, "");
        // Open for reading too, as other programs open it for a process that they start.
        check(folder, &format!("{command} 1<> /dev/null"), 0, "");
        if Path::new("/dev/full").exists() {
            check(folder, &format!("{command} > /dev/full"), 2, "cannot write to standard output");
        }
    }
    check(folder, "alertctl profile --allow-debug -r rules night.csv >&-", 2, "standard output is closed");
    check(folder, "alertctl eval -q -r rules night.csv --out a.csv >&-", 0, "");
    check(folder, "alertctl eval -r rules night.csv --out a.csv", 0, "results written to `a.csv`");
}

/// A signal that comes while a file is written leaves no part of it.
#[test]
fn a_signal_leaves_no_unfinished_file() {
    let folder = folder();
    let mut rows = "time,host,up\n".to_owned();
    for minute in 0..1000 {
        for host in 0..60 {
            writeln!(rows, "{},h{host},{}", 1_767_571_200 + minute * 60, minute % 2).expect("a string takes all");
        }
    }
    fs::write(folder.path().join("night.csv"), rows).expect("written");
    let unfinished = || {
        let names = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        names.filter(|name| name.to_string_lossy().starts_with(".alertctl-")).count()
    };
    for (signal, code, named) in [("INT", 130, "Ctrl-C"), ("TERM", 143, "SIGTERM"), ("HUP", 129, "SIGHUP")] {
        // One after the other, so that there is time to stop them.
        let outputs: Vec<String> = (0..12).map(|at| format!("json:{at}.json")).collect();
        let outputs = outputs.iter().flat_map(|output| ["--out", output]);
        let args: Vec<&str> = ["eval", "-q", "-r", "rules", "night.csv"].into_iter().chain(outputs).collect();
        let mut command = spawn::tool(&args, folder.path());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
        let begun = Instant::now();
        while unfinished() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "a file is begun");
            assert!(child.try_wait().expect("asked").is_none(), "the signal comes before the end");
            std::thread::sleep(Duration::from_millis(1));
        }
        spawn::signal(&child, signal);
        let out = child.wait_with_output().expect("ends");
        let text = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{text}");
        assert_eq!(text, format!("stopped by {named}: the results are incomplete\n"));
        assert_eq!(unfinished(), 0);
    }
}

/// Asks for the completions of a line's last word, as the script of bash does.
fn completions(folder: &Path, line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = spawn::tool(&[&["--"], words.as_slice()].concat(), folder);
    command.env("ALERTCTL_COMPLETE", "bash").env("_CLAP_IFS", "\n");
    command.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
    let out = command.output().expect("the tool ends");
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn words_are_completed() {
    let folder = folder();
    fs::write(folder.path().join("rules/notes.txt"), "").expect("written");
    let check = |line: &str, expected: &[&str]| assert_eq!(completions(folder.path(), line), expected, "{line}");
    check("alertctl ev", &["eval"]);
    check("alertctl eval -r ru", &["rules/"]);
    check("alertctl eval -r rules/", &["rules/net.yml"]);
    check("alertctl eval -r rules --alert ", &["Down", "Slow"]);
    check("alertctl eval --rules=rules/net.yml --alert S", &["Slow"]);
    check("alertctl eval -r rules --group ", &["net"]);
    check("alertctl eval -r rules n", &["night.csv"]);
    check("alertctl eval -r rules --fail-on ", &["firing", "firing=page", "no-data", "eval-error"]);
    check("alertctl eval -r rules --fail-on firing=page,no", &["firing=page,no-data"]);
    check("alertctl eval --align ", &["epoch", "start"]);
    check("alertctl eval --stale ", &["auto", "off"]);
    check("alertctl eval --format c", &["csv"]);
    check("alertctl eval -o ", &["table", "json", "ndjson", "csv", "timeline", "markdown", "openmetrics"]);
    check("alertctl eval --tz Europe/Amst", &["Europe/Amsterdam"]);
    check("alertctl eval --out js", &["json:"]);
    check("alertctl eval --out json:ni", &["json:night.csv"]);
    check("alertctl eval --lim", &["--limit"]);
    check("alertctl check --fail-on ", &["error", "warning", "info"]);
    check("alertctl check ru", &["rules/"]);
    check("alertctl data --bad-rows s", &["stop", "skip", "skip=5%"]);
    check("alertctl profile --fail-on regression,", &["regression,target", "regression,inconclusive"]);
    check("alertctl completions z", &["zsh"]);
}

/// The script of bash, driven as bash drives it: words are split at `=` and `:`.
#[test]
fn bash_completes_words() {
    let folder = folder();
    fs::create_dir(folder.path().join("my rules")).expect("made");
    let check = |words: &str, expected: &str| {
        let text = format!(
            "source <(alertctl completions bash) && COMP_WORDS=({words}) && COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)) && \
             _alertctl alertctl \"${{COMP_WORDS[COMP_CWORD]}}\"; printf '%s|' \"${{COMPREPLY[@]}}\""
        );
        let Some(out) = spawn::script("bash", &text, folder.path()) else { return };
        let (found, error) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert_eq!(found, expected, "{words}: {error}");
    };
    check("alertctl eval -r ru", "rules/|");
    check("alertctl eval -r my", "my\\ rules/|");
    check("alertctl eval -r rules --alert ''", "Down|Slow|");
    check("alertctl eval -r rules --fail-on firing = ''", "page|");
    check("alertctl eval -r rules --fail-on firing = page,no", "page,no-data|");
    check("alertctl eval --out json : ni", "night.csv|");
    check("alertctl eval -r rules ''", "night.csv|my\\ rules/|rules/|-|");
    check("alertctl eval nothing-like-it", "|");
}

#[test]
fn what_asks_for_no_completion_is_a_usual_run() {
    let folder = folder();
    for value in ["", "0", "1", "yes"] {
        let mut command = spawn::tool(&["check", "rules"], folder.path());
        let out = command.env("ALERTCTL_COMPLETE", value).output().expect("the tool ends");
        assert!(out.status.success() && !out.stdout.is_empty(), "{value}");
    }
}
