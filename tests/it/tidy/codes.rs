//! Codes of diagnostics stand in one table, and sites name its constants.

use alertctl::diagnostic::codes::ALL;

use super::source::{File, read, within};

/// Modules that still spell out the codes of their hints.
const SPELLED: [&str; 2] = ["input::facts", "outcome"];

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
        if within(&file.module, TABLE) || SPELLED.iter().any(|module| within(&file.module, module)) {
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
        let (name, word) = (constant(code.word), format!("\"{}\"", code.word));
        let named = |line: &str| {
            let mut places = line.match_indices(&name);
            places.any(|(at, _)| {
                let around = [line[..at].chars().last(), line[at + name.len()..].chars().next()];
                !around.into_iter().flatten().any(|c| c.is_alphanumeric() || c == '_')
            })
        };
        let used = any(&files, |file, line| {
            let spelled = SPELLED.iter().any(|module| within(&file.module, module)) && line.text.contains(&word);
            !within(&file.module, TABLE) && (named(&line.code) || spelled)
        });
        assert!(used, "{} is used nowhere", code.word);
    }
}
