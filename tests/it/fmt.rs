//! `fmt` on real rule files, on generated expressions and on what a file system has.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use alertctl::engine::{FaultAt, WrittenSample};
use alertctl::fmt::{Left, laid_out, same_rules};
use alertctl::input::{ReadOptions, Recording, Text};
use alertctl::labels::{MatchOp, Quoted};
use alertctl::outcome::RunOptions;
use alertctl::promql::ast::Selector;
use alertctl::promql::layout::{comments, lines, one_line};
use alertctl::promql::parse::parse;
use alertctl::promql::same::same;
use alertctl::replay::{Observer, Replay};
use alertctl::rules::RuleSet;

use crate::slow::generate::{Random, scalar, vector};
use crate::{skipped, spawn};

fn loaded(name: &str, bytes: &[u8]) -> RuleSet {
    let mut rules = RuleSet { keep_parts: true, ..RuleSet::default() };
    rules.add(name, bytes);
    assert!(!rules.diagnostics.has_errors(), "{name}: {:?}", rules.diagnostics.sorted());
    rules
}

/// Returns the real rule files, each by its name and bytes.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let Some(corpus) = skipped::folder("no real rules", "../shared", None, "corpus") else { return Vec::new() };
    let mut paths: Vec<_> = fs::read_dir(corpus).expect("a folder").map(|file| file.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "yml" || end == "yaml"));
    paths.sort();
    paths.iter().map(|path| (path.to_string_lossy().into_owned(), fs::read(path).expect("a file"))).collect()
}

#[test]
fn real_rule_files_keep_their_rules_and_are_laid_out_once() {
    let (files, mut changed) = (corpus(), 0);
    for (name, bytes) in &files {
        let before = loaded(name, bytes);
        let found = laid_out(&before.files[0], &before.sources);
        let after = loaded(name, found.text.as_bytes());
        assert!(same_rules(&before.files[0], &after.files[0]), "{name}");
        assert_eq!(laid_out(&after.files[0], &after.sources).text, found.text, "{name}: twice is once");
        assert!(found.left.iter().all(|(_, left)| *left == Left::Comment), "{name}");
        // Every expression is laid out, but those with comments inside; below `>`, lines are joined.
        for (_, rule) in after.rules() {
            let text = rule.text.text.trim_end();
            let Some(above) = comments(text) else { continue };
            let laid_out = [above.concat(), lines(&rule.expr, text), one_line(&rule.expr, text)];
            let words = |parts: &[String]| parts.concat().split_whitespace().collect::<String>();
            assert_eq!(words(&laid_out[..2]), words(&[text.to_owned()]), "{name}");
            let is_laid_out = above.is_empty() && laid_out[1..].iter().any(|one| one == text);
            assert!(is_laid_out || text.contains('\n') || text.contains("  "), "{name}: {text}");
        }
        changed += usize::from(found.text.as_bytes() != *bytes);
    }
    assert!(files.is_empty() || changed > 10, "most of the files change: {changed}");
}

/// What the rules of a run did.
#[derive(Debug, Default)]
struct Done {
    faults: Vec<FaultAt>,
    written: Vec<WrittenSample>,
}

impl Observer for Done {
    fn fault(&mut self, _: usize, fault: FaultAt) {
        self.faults.push(fault);
    }

    fn written(&mut self, _: usize, sample: WrittenSample) {
        self.written.push(sample);
    }
}

/// How many samples a series of a recording has, one a minute.
const SAMPLES: usize = 40;

/// Writes two series that a selector takes, some values of which are small and some great.
fn recorded(selector: &Selector, to: &mut BTreeMap<String, String>) {
    let Some(metric) = selector.metric() else { return };
    let mut labels = String::new();
    for matcher in selector.matchers.iter().filter(|matcher| matcher.name != "__name__") {
        let firsts = matcher.value.split(['|', '(', ')', '.', '[']).chain(["x", "10"]);
        let value = match matcher.op {
            MatchOp::Equal => Some(matcher.value.as_str()),
            MatchOp::NotEqual | MatchOp::NotRegex => Some("y").filter(|value| matcher.matches(value)),
            MatchOp::Regex => firsts.into_iter().find(|value| matcher.matches(value)),
        };
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            labels.push_str(&format!("{}={},", matcher.name, Quoted(value)));
        }
    }
    let is_counter = ["_total", "_count", "_sum", "_bucket"].iter().any(|end| metric.ends_with(end));
    for (at, instance) in ["a", "b"].into_iter().enumerate() {
        let labels =
            if labels.contains("instance=") { labels.clone() } else { format!("{labels}instance=\"{instance}\"") };
        let series = to.entry(format!("{metric}{{{labels}}}")).or_default();
        series.clear();
        let mut value = 0.0;
        for sample in 0..SAMPLES {
            let step = [0.0, 1e-3, 0.7, 40.0, 1e4, 1e10][(sample / 12 + at * 2 + metric.len()) % 6];
            value = if is_counter { value + step } else { step };
            series.push_str(&format!("{metric}{{{labels}}} {value} {}\n", 1_767_571_200 + 60 * sample));
        }
    }
}

/// Evaluates rules on a recording; returns all that came of it, and how many episodes and samples of rules that was.
fn evaluated(rules: &RuleSet, recording: &str) -> (String, usize) {
    let source = Text::new("recording.om", recording.as_bytes().to_vec());
    let mut recording = Recording::open(vec![Box::new(source)], ReadOptions::default()).expect("a recording");
    let mut done = Done::default();
    let options = RunOptions { trace: true, threads: 1, ..RunOptions::default() };
    let outcome = Replay::new(rules, options).run(&mut recording, &mut done).expect("good rows");
    (format!("{:#?}\n{done:#?}", outcome.episodes), outcome.episodes.len() + done.written.len())
}

#[test]
fn real_rules_evaluate_as_before_they_were_laid_out() {
    let (files, mut results) = (corpus(), 0);
    for (name, bytes) in &files {
        let before = loaded(name, bytes);
        let after = loaded(name, laid_out(&before.files[0], &before.sources).text.as_bytes());
        let mut series = BTreeMap::new();
        before
            .rules()
            .flat_map(|(_, rule)| rule.expr.selectors())
            .for_each(|found| recorded(found.selector, &mut series));
        let recording = series.values().map(String::as_str).collect::<String>() + "# EOF\n";
        let (expected, count) = evaluated(&before, &recording);
        let (found, _) = evaluated(&after, &recording);
        assert!(found == expected, "{name}\n{expected}\n{found}");
        results += count;
    }
    assert!(files.is_empty() || results > 1_000, "rules have results: {results}");
}

#[test]
fn generated_expressions_keep_their_meaning() {
    for seed in 0..3_000 {
        let mut random = Random(seed);
        let text = if random.one_in(4) { scalar(&mut random, 6) } else { vector(&mut random, 6) };
        let parsed = parse(&text);
        assert_eq!(parsed.problems, [], "{text}");
        let laid_out = lines(&parsed.expr, &text);
        let again = parse(&laid_out);
        assert!(same(&parsed.expr, &again.expr), "{text}\n{laid_out}");
        assert_eq!(lines(&again.expr, &laid_out), laid_out, "{text}");
    }
}

/// Runs `fmt` in a folder; returns the exit code, standard output and standard error.
fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = spawn::alertctl(&[&["fmt"], args].concat(), folder, None);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

const FILE: &str = "\u{feff}groups:\r\n- name: g\r\n  rules:\r\n  - {alert: A, expr: up==0}\t\r\n";

#[test]
fn byte_order_marks_and_line_ends_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.yml"), FILE).expect("written");
    assert_eq!(
        run(folder.path(), &["a.yml"]),
        (Some(0), String::new(), "1 file reformatted, 0 unchanged\n".to_owned())
    );
    let now = fs::read_to_string(folder.path().join("a.yml")).expect("a text");
    assert_eq!(now, FILE.replace("up==0", "up == 0"));
}

#[cfg(unix)]
#[test]
fn links_stay_and_files_that_may_not_be_written_too() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = tempfile::tempdir().expect("a folder");
    let (file, link) = (folder.path().join("a.yml"), folder.path().join("b.yml"));
    fs::write(&file, FILE).expect("written");
    symlink("a.yml", &link).expect("a link");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).expect("read-only");
    // Whoever may do all may write this, too.
    if fs::OpenOptions::new().write(true).open(&file).is_err() {
        let (code, _, told) = run(folder.path(), &["b.yml"]);
        assert_eq!(code, Some(2));
        assert!(told.starts_with("error: cannot write `b.yml`: "), "{told}");
        assert_eq!(fs::read_to_string(&file).expect("a text"), FILE);
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("writable");
    assert_eq!(run(folder.path(), &["b.yml", "a.yml"]).2, "1 file reformatted, 0 unchanged\n");
    assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
    let facts = fs::metadata(&file).expect("there");
    assert_eq!((facts.permissions().mode() & 0o777, facts.len()), (0o640, FILE.len() as u64 + 2));
}

#[cfg(unix)]
#[test]
fn pipes_are_refused_or_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.yml"), FILE).expect("written");
    fs::create_dir(folder.path().join("below")).expect("made");
    for pipe in ["pipe.yml", "below/pipe.yml"] {
        let made = std::process::Command::new("mkfifo").arg(folder.path().join(pipe)).status();
        assert!(made.expect("mkfifo").success());
    }
    let told = |args: &[&str]| run(folder.path(), args).2;
    let refused = |name: &str| {
        format!(
            "error: `{name}` is not a regular file: it cannot be rewritten\n\
             hint: print what it holds, laid out: alertctl fmt - < {name}\n"
        )
    };
    assert_eq!(told(&["pipe.yml", "a.yml"]), refused("pipe.yml"));
    assert_eq!(told(&["/dev/stdin"]), refused("/dev/stdin"));
    let one = "1 file would be reformatted, 0 unchanged\n";
    assert_eq!([told(&["--check", "."]), told(&["--check", "*.yml"])], [one, one]);
    assert!(told(&["p*.yml"]).starts_with("error: the glob `p*.yml` matches only what is not a regular file\n"));
}

#[cfg(unix)]
#[test]
fn a_loop_of_folders_is_walked_once() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.yml"), FILE.trim_start_matches('\u{feff}')).expect("written");
    fs::create_dir(folder.path().join("sub")).expect("made");
    fs::write(folder.path().join("sub/b.yml"), "groups: []\n").expect("written");
    std::os::unix::fs::symlink("..", folder.path().join("sub/loop")).expect("a link");
    let note = "note: rule files in sub were not read: '**/*.y*ml'\n1 file would be reformatted, 0 unchanged\n";
    assert_eq!(run(folder.path(), &["--check", "."]).2, note);
}

#[test]
fn what_would_be_longer_than_an_expression_may_be_is_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut expr = "a".to_owned();
    while expr.len() < 200_000 {
        expr = format!("({expr}+{expr})");
    }
    let text = format!("groups:\n- name: g\n  rules:\n  - record: r\n    expr: {expr}\n");
    fs::write(folder.path().join("a.yml"), &text).expect("written");
    let (code, _, told) = run(folder.path(), &["a.yml"]);
    let note = "note: a.yml: the expression in line 5 is left as it is: with its blanks it would be longer than an expression \
                may be\n0 files reformatted, 1 unchanged\n";
    assert_eq!((code, told.as_str()), (Some(0), note));
    assert_eq!(fs::read_to_string(folder.path().join("a.yml")).expect("a text"), text);
}

#[test]
fn standard_input_is_an_expression_or_a_rule_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |text: &str, code: i32, expected: &str| {
        let output = spawn::alertctl(&["fmt", "-"], folder.path(), Some(text.as_bytes()));
        let found = (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned());
        assert_eq!(found, (Some(code), expected.to_owned()), "{text:?}");
    };
    check("a+b\n", 0, "a + b\n");
    check("# why\r\n\r\na\r\n+b", 0, "# why\r\n\r\na + b\r\n");
    check("\u{feff}a+b\n", 0, "a + b\n");
    check("kind:free:sum+b\n", 0, "kind:free:sum + b\n");
    check(
        "\u{feff}groups: [{name: g, rules: [{record: r, expr: a+b}]}]",
        0,
        "\u{feff}groups: [{name: g, rules: [{record: r, expr: a + b}]}]",
    );
    check("- alert: A\n  expr: a+b\n", 2, "");
    for text in ["", "\n", "# why", "\u{feff}# why\r\n"] {
        check(text, 0, text);
    }
}

#[test]
fn line_ends_that_are_no_line_ends_of_a_patch_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.yml"), FILE.replace("\r\n", "\r")).expect("written");
    let (code, patch, _) = run(folder.path(), &["--diff", "a.yml"]);
    let [before, after] = ["up==0", "up == 0"].map(|expr| FILE.replace("\r\n", "\r").replace("up==0", expr));
    let no_end = "\\ No newline at end of file";
    let lines = format!("--- a/a.yml\n+++ b/a.yml\n@@ -1 +1 @@\n-{before}\n{no_end}\n+{after}\n{no_end}\n");
    assert_eq!((code, patch), (Some(1), lines));
}

#[test]
fn a_patch_is_what_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.yml"), FILE).expect("written");
    let (code, patch, told) = run(folder.path(), &["--diff", "."]);
    assert_eq!((code, told.as_str()), (Some(1), "1 file would be reformatted, 0 unchanged\n"));
    assert!(patch.contains("\n-  - {alert: A, expr: up==0}\t\r\n+  - {alert: A, expr: up == 0}\t\r\n"), "{patch}");
    assert_eq!(fs::read_to_string(folder.path().join("a.yml")).expect("a text"), FILE);
}
