//! `fmt` on real rule files, on generated expressions and on what a file system has.

use std::fs;
use std::path::Path;

use alertctl::fmt::{Left, laid_out, same_rules};
use alertctl::promql::layout::{comments, lines, one_line};
use alertctl::promql::parse::parse;
use alertctl::promql::same::same;
use alertctl::rules::RuleSet;

use crate::slow::generate::{Random, scalar, vector};
use crate::{skipped, spawn};

fn loaded(name: &str, bytes: &[u8]) -> RuleSet {
    let mut rules = RuleSet { keep_parts: true, ..RuleSet::default() };
    rules.add(name, bytes);
    assert!(!rules.diagnostics.has_errors(), "{name}: {:?}", rules.diagnostics.sorted());
    rules
}

#[test]
fn real_rule_files_keep_their_rules_and_are_laid_out_once() {
    let Some(corpus) = skipped::folder("no real rules", "../shared", None, "corpus") else { return };
    let mut paths: Vec<_> = fs::read_dir(corpus).expect("a folder").map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let mut changed = 0;
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "yml" || end == "yaml")) {
        let (name, bytes) = (path.to_string_lossy(), fs::read(path).expect("a file"));
        let before = loaded(&name, &bytes);
        let found = laid_out(&before.files[0], &before.sources);
        let after = loaded(&name, found.text.as_bytes());
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
        changed += usize::from(found.text.as_bytes() != bytes);
    }
    assert!(changed > 10, "most of the files change: {changed}");
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
