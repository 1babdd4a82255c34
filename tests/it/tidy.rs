//! Rules about the text of the crate: layers, doors of outside crates and how many there are, who opens paths, lengths of
//! files, codes.

mod codes;
mod crates;
mod doors;
mod layers;
mod public;
mod source;
mod words;

use std::path::Path;

use self::source::{read, sources, within};

/// Modules that may touch the clock, child processes and `/proc` without being the command line.
const MEASURING: [&str; 4] = ["profile::clock", "profile::group", "profile::process", "profile::machine"];

/// Bodies of tests are excused: they read cases and write to temporary folders.
#[test]
fn only_the_command_line_opens_paths_and_prints() {
    let doors = ["std::fs", "std::env", "std::process", "println!", "print!(", "SystemTime::now", "Instant::now"];
    let mut found = Vec::new();
    for file in read() {
        if ["cli", "main"].iter().chain(&MEASURING).any(|own| within(&file.module, own)) {
            continue;
        }
        for (number, line) in file.lines.iter().enumerate().filter(|(_, line)| !line.test) {
            if doors.iter().any(|door| line.code.contains(door)) {
                found.push(format!("{}:{}: {}", file.path.display(), number + 1, line.code.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_loop_over_batches_stands_in_one_place() {
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches", "examples"] {
        let mut files = Vec::new();
        sources(Path::new(folder), &mut files);
        for file in
            files.into_iter().filter(|file| !file.starts_with("src/input/") && !file.starts_with("tests/it/tidy.rs"))
        {
            let text = std::fs::read_to_string(&file).expect("a readable file");
            found.extend(text.matches(".next_batch(").map(|_| file.display().to_string()));
        }
    }
    assert_eq!(found, ["src/replay/read.rs"]);
}

#[test]
fn files_stay_within_their_length() {
    // What is built for tests alone may be longer: it is read one test at a time.
    for file in read() {
        let lines = file.lines.iter().filter(|line| !line.test).count();
        assert!(lines <= 500, "{}: {lines} lines", file.path.display());
    }
    let mut files = Vec::new();
    ["src", "tests", "benches"].iter().for_each(|folder| sources(Path::new(folder), &mut files));
    for file in files {
        let lines = std::fs::read_to_string(&file).expect("a readable file").lines().count();
        assert!(lines <= 700, "{}: {lines} lines", file.display());
    }
}
