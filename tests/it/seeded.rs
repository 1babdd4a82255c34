//! Mistakes in rule files are found at the byte where they stand: `tests/cases/seeded.txt`.

use std::fs;

use crate::spawn;

/// One file with its mistakes.
struct Seed {
    name: String,
    info: bool,
    text: String,
    /// `code start..end`, sorted.
    expected: Vec<String>,
}

fn seeds() -> Vec<Seed> {
    let all = fs::read_to_string("tests/cases/seeded.txt").expect("the mistakes");
    all.split("\n=== ").skip(1).map(seed).collect()
}

fn seed(part: &str) -> Seed {
    let (head, text) = part.split_once("\n---\n").unwrap_or_else(|| panic!("no --- in {part}"));
    let mut lines = head.lines();
    let name = lines.next().expect("a name").to_owned();
    let flag = |word: &str| name.split(' ').next_back() == Some(word);
    let text = format!("{}\n", text.trim_end());
    let text = if flag("crlf") { text.replace('\n', "\r\n") } else { text };
    let mut expected: Vec<String> = lines.map(|line| finding(line, &text, &name)).collect();
    expected.sort();
    Seed { info: flag("info"), name, text, expected }
}

/// Returns `code start..end` of a line `finds CODE: TEXT`, or `finds CODE: TEXT #2` of its second place.
fn finding(line: &str, text: &str, name: &str) -> String {
    let line = line.strip_prefix("finds ").unwrap_or_else(|| panic!("{name}: {line}"));
    let (code, marked) = line.split_once(": ").unwrap_or_else(|| panic!("{name}: {line}"));
    let (marked, place) = match marked.rsplit_once(" #") {
        Some((marked, place)) => (marked, place.parse::<usize>().expect("a number")),
        None => (marked, 1),
    };
    let found = text.match_indices(marked).nth(place - 1);
    let start = found.unwrap_or_else(|| panic!("{name}: no `{marked}`")).0;
    format!("{code} {start}..{}", start + marked.len())
}

/// Returns the byte of a line and a column in characters, both from 1.
fn offset(text: &str, place: &serde_json::Value) -> usize {
    let number = |key: &str| place[key].as_u64().expect("a number") as usize;
    let start: usize = text.split_inclusive('\n').take(number("line") - 1).map(str::len).sum();
    let before: usize = text[start..].chars().take(number("column") - 1).map(char::len_utf8).sum();
    start + before
}

#[test]
fn mistakes_are_found_where_they_stand() {
    let folder = tempfile::tempdir().expect("a folder");
    let seeds = seeds();
    let mut wrong = Vec::new();
    for seed in &seeds {
        fs::write(folder.path().join("a.yml"), &seed.text).expect("written");
        let severity = if seed.info { "info" } else { "warning" };
        let args = ["check", "a.yml", "-o", "json", "--min-severity", severity];
        let out = spawn::alertctl(&args, folder.path(), None);
        let report: serde_json::Value = serde_json::from_slice(&out.stdout).expect("an object");
        let line = |found: &serde_json::Value| {
            let (start, end) = (offset(&seed.text, found), offset(&seed.text, &found["end"]));
            format!("{} {start}..{end}", found["code"].as_str().expect("a code"))
        };
        let mut found: Vec<String> = report["diagnostics"].as_array().expect("a list").iter().map(line).collect();
        found.sort();
        if found != seed.expected {
            let text = |one: &String| {
                let (start, end) = one.split_once(' ').and_then(|(_, range)| range.split_once("..")).expect("a range");
                let range = start.parse::<usize>().expect("a number")..end.parse().expect("a number");
                format!("{one} {:?}", &seed.text[range])
            };
            let found: Vec<String> = found.iter().map(text).collect();
            wrong.push(format!("{}: expected {:?}, found {found:?}", seed.name, seed.expected));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seeds.len() >= 50, "{} mistakes", seeds.len());
}
