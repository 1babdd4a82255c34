//! The English of texts that a user sees: short and modern, as ruff, ripgrep and cargo write.

use std::path::{Path, PathBuf};

use super::source;
use crate::spawn;

/// Turns that do not occur, and what to write instead.
const INSTEAD: [(&str, &str); 21] = [
    ("tells", "shows, reports"),
    ("told", "shown, reported"),
    ("of one's own", "your own"),
    ("one an alert", "one per alert"),
    ("row an alert", "row per alert"),
    ("a transition a line", "one transition per line"),
    ("sample a line", "sample per line"),
    ("beside", "next to, in addition to"),
    ("can not", "cannot"),
    ("mend", "fix"),
    ("mended", "fixed"),
    ("doubtful", "suspicious"),
    ("found out", "detected"),
    ("from when on", "from TIME on"),
    ("dearer", "more expensive"),
    ("makes the exit code", "exit with 1 on"),
    ("died pending", "went pending but never fired"),
    ("may be repeated", "repeatable"),
    ("has not the form", "is not a valid"),
    ("anew", "again"),
    ("looks to be", "looks like"),
];

/// Commands whose help is read.
const COMMANDS: [&[&str]; 11] = [
    &[],
    &["eval"],
    &["query"],
    &["check"],
    &["fmt"],
    &["data"],
    &["init"],
    &["profile"],
    &["schema"],
    &["completions"],
    &["man"],
];

/// Returns how often a turn stands in a text as whole words, in any case.
fn times(text: &str, turn: &str) -> usize {
    let text = text.to_lowercase();
    let letter = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |at: usize| !text[..at].ends_with(letter) && !text[at + turn.len()..].starts_with(letter);
    text.match_indices(turn).filter(|(at, _)| whole(*at)).count()
}

/// Returns the lines of a text in which a turn occurs.
fn wrong<'a>(place: &str, lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(lines) {
        for (turn, instead) in INSTEAD.iter().filter(|(turn, _)| times(line, turn) > 0) {
            found.push(format!("{place}:{number}: not `{turn}`, but {instead}: {}", line.trim()));
        }
    }
    found
}

/// README, the pages of `docs` and what else is for people, and the folder they stand in.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).expect("docs").map(|entry| entry.expect("an entry").path());
    let mut pages: Vec<PathBuf> = docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.extend(["README.md", "CONTRIBUTING.md", "fixtures/README.md"].map(|page| root.join(page)));
    pages.sort();
    pages
}

#[test]
fn texts_that_a_user_sees_are_plain_english() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        found.extend(wrong(&page.display().to_string(), text.lines()));
    }
    for command in COMMANDS {
        for flag in ["-h", "--help"] {
            let args: Vec<&str> = command.iter().copied().chain([flag]).collect();
            found.extend(wrong(&format!("alertctl {}", args.join(" ")), spawn::shown(&args, root).lines()));
        }
    }
    for file in source::read() {
        for (number, line) in (1..).zip(&file.lines).filter(|(_, line)| !line.test) {
            // What stands in the text and not in the code stands in quotes.
            let quoted = |turn: &str| times(&line.text, turn) > times(&line.code, turn);
            for (turn, instead) in INSTEAD.iter().filter(|(turn, _)| quoted(turn)) {
                let (path, text) = (file.path.display(), line.text.trim());
                found.push(format!("{path}:{number}: not `{turn}`, but {instead}: {text}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_short_help_of_a_command_fits_a_screen() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for command in COMMANDS {
        let args: Vec<&str> = command.iter().copied().chain(["-h"]).collect();
        let mut help = spawn::tool(&args, root);
        let out = help.env("COLUMNS", "80").output().expect("the tool runs").stdout;
        let text = String::from_utf8(out).expect("text");
        assert!(text.lines().count() <= 50, "{} lines: alertctl {}", text.lines().count(), args.join(" "));
        let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "alertctl {}: {}", args.join(" "), long.join("\n"));
    }
}

#[test]
fn the_first_screen_of_readme_is_narrow() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md");
    let wide: Vec<&str> = readme.lines().take(50).filter(|line| line.chars().count() > 100).collect();
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}
