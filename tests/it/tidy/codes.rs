//! Codes of diagnostics stand in one table, and sites name its constants.

use alertctl::diagnostic::codes::ALL;

use super::source::{File, read, within};

const TABLE: &str = "diagnostic::codes";

/// Returns the name of a code's constant.
fn constant(word: &str) -> String {
    word.replace('-', "_").to_uppercase()
}

/// Whether a line of a file, tests left out, satisfies something.
fn any(files: &[File], is: impl Fn(&File, &super::source::Line) -> bool) -> bool {
    files.iter().any(|file| file.lines.iter().any(|line| !line.test && is(file, line)))
}

#[test]
fn sites_name_the_constants_of_codes() {
    let mut found = Vec::new();
    for file in read() {
        if within(&file.module, TABLE) {
            continue;
        }
        // A word without a hyphen is also a key or a name.
        for code in ALL.iter().filter(|code| code.word.contains('-')) {
            let word = format!("\"{}\"", code.word);
            let lines = file.lines.iter().enumerate().filter(|(_, line)| !line.test && line.text.contains(&word));
            found.extend(lines.map(|(number, _)| {
                format!("{}:{}: write codes::{}", file.path.display(), number + 1, constant(code.word))
            }));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_code_is_used() {
    let files = read();
    for code in ALL {
        let name = constant(code.word);
        let named = |line: &str| {
            let mut places = line.match_indices(&name);
            places.any(|(at, _)| {
                let around = [line[..at].chars().last(), line[at + name.len()..].chars().next()];
                !around.into_iter().flatten().any(|c| c.is_alphanumeric() || c == '_')
            })
        };
        let used = any(&files, |file, line| !within(&file.module, TABLE) && named(&line.code));
        assert!(used, "{} is used nowhere", code.word);
    }
}
