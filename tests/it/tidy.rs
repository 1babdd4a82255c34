//! Rules about the text of the crate: layers, doors of outside crates, who opens paths, lengths of files, codes.

mod codes;
mod doors;
mod layers;
mod source;

use std::path::Path;

use self::source::{read, sources, within};

/// Modules that may touch the clock, child processes and `/proc` without being the command line.
const MEASURING: [&str; 3] = ["profile::clock", "profile::process", "profile::machine"];

/// Bodies of tests are excused: they read cases and write to temporary folders.
#[test]
fn only_the_command_line_opens_paths_and_prints() {
    let doors = ["std::fs", "std::env", "std::process", "println!", "print!(", "SystemTime", "Instant::now"];
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
fn files_stay_within_seven_hundred_lines() {
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches"] {
        sources(Path::new(folder), &mut files);
    }
    let long: Vec<String> = files
        .iter()
        .map(|file| (file, std::fs::read_to_string(file).expect("a readable file").lines().count()))
        .filter(|(_, lines)| *lines > 700)
        .map(|(file, lines)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}
