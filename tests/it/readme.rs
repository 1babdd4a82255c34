//! Runs what README shows: every line that begins with `$ alertctl` in a block of code, and its GitHub workflow.

use std::fs;
use std::path::Path;

use crate::cases::words;
use crate::spawn;

/// A command of README and the output that stands under it.
struct Shown {
    line: usize,
    command: String,
    output: Vec<String>,
}

fn blocks(text: &str) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    let mut open = false;
    let mut taking = false;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            open = !open;
            taking = false;
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| open) {
            taking = command.starts_with("alertctl");
            if taking {
                shown.push(Shown { line: at + 1, command: command.to_owned(), output: Vec::new() });
            }
        } else if let Some(last) = shown.last_mut().filter(|_| taking) {
            last.output.push(line.to_owned());
        }
    }
    shown
}

/// Compares line by line; a line `...` stands for any number of lines.
fn matches(expected: &[String], found: &[String]) -> bool {
    match expected.split_first() {
        None => found.iter().all(|line| line.is_empty()),
        Some((dots, rest)) if dots == "..." => (0..=found.len()).any(|at| matches(rest, &found[at..])),
        Some((line, rest)) => {
            found.split_first().is_some_and(|(first, left)| first.trim_end() == line.trim_end() && matches(rest, left))
        }
    }
}

fn lines(text: &str) -> Vec<String> {
    text.trim_end().lines().map(str::to_owned).collect()
}

#[test]
fn the_commands_of_readme_show_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shown = blocks(&fs::read_to_string(root.join("README.md")).expect("README.md"));
    assert!(!shown.is_empty(), "README shows commands");
    for Shown { line, command, output } in shown {
        let args = words(&command);
        let args: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
        let found = spawn::without_times(&spawn::shown(&args, root), Path::new("/no/such/folder"));
        let expected = spawn::without_times(&output.join("\n"), Path::new("/no/such/folder"));
        let same = matches(&lines(&expected), &lines(&found));
        assert!(same, "README.md:{line}: $ {command}\nexpected:\n{expected}\nfound:\n{found}");
    }
}

#[test]
fn every_flag_of_eval_stands_in_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("README.md");
    let help = spawn::shown(&["eval", "--help"], root);
    // A line of the text of a flag may begin with the name of another one; only the flags' own are indented less.
    let own = help.lines().filter(|line| line.len() - line.trim_start().len() < 10).map(str::trim);
    let words = own.filter(|line| line.starts_with('-')).flat_map(|line| line.split([' ', ',']));
    for flag in words.filter(|word| word.starts_with("--")) {
        assert!(readme.contains(flag), "README does not name {flag}");
    }
}

/// Copies the files of a folder of the repository.
fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for file in fs::read_dir(from).expect("a folder").map(|file| file.expect("a file")) {
        fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
    }
}

#[test]
fn the_workflow_of_readme_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    for (from, to) in [("rules", "rules"), ("rules", "base/rules"), ("fixtures", "fixtures")] {
        copy_files(&root.join(from), &folder.path().join(to));
    }
    fs::create_dir(folder.path().join("ci")).expect("a folder");
    let readme = fs::read_to_string(root.join("README.md")).expect("README.md");
    // The least that can be measured: one process never calls a time a regression, so that the answer is always the same.
    let least = "--allow-debug --processes 1 --rounds 1 --sessions 1 --time-budget 1ms --seed 1";
    let mut ran = 0;
    let lines = readme.lines().filter(|line| line.contains("--save-baseline ci/") || line.contains("- run: alertctl"));
    for command in lines.map(|line| line.trim().trim_start_matches("- run: ")) {
        let mut args = words(command);
        if args[1] == "profile" {
            args.extend(words(least));
        }
        let args: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
        let output = spawn::alertctl(&args, folder.path(), None);
        assert_eq!(output.status.code(), Some(0), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        ran += 1;
    }
    assert_eq!(ran, 4, "the baseline, and the three commands of the workflow");
}

#[test]
fn the_flags_of_profile_in_readme_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("README.md");
    let help = spawn::shown(&["profile", "--help"], root);
    let commands = readme.lines().filter_map(|line| line.split_once("alertctl profile ")).map(|(_, rest)| rest);
    let flags = commands.flat_map(|rest| rest.split(['#', '`']).next().unwrap_or("").split(' '));
    for flag in flags.filter(|word| word.starts_with('-')) {
        assert!(help.split([' ', ',', '\n']).any(|word| word == flag), "profile has no flag {flag}");
    }
}
