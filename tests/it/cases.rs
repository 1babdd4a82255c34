//! Runs the cases of `tests/cases/*.case`: command lines, the files they read, and what must come out.
//!
//! A case is text in sections:
//!
//! - `# ...` at the top says what it shows;
//! - `== file NAME` begins a file, up to the next line that begins with `== ` or `$ `; `== file NAME cut` one whose last
//!   line has no end;
//! - `== series NAME every 1m` begins a recording in the notation of rule tests (`up{job="a"} 1x3 0 _`), which is
//!   written as long CSV whose first row is stamped 2026-01-05T00:00:00Z;
//! - `== fixture PATH` copies a file of the repository to the same path;
//! - `$ alertctl ARGS` is a command, `< NAME` at its end its standard input; after it stand `-- stdout`, `-- stderr`
//!   (nothing where they are absent), `-- exit N` (0) and `-- wrote NAME`, the content of a file it wrote;
//! - `-- stdout at /gate /rules/0/never` in place of `-- stdout` shows these parts of the JSON that was written, by their
//!   JSON pointers, a line each.
//!
//! `UPDATE_CASES=1 cargo test --test it cases` writes what came out in place of what was expected.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use alertctl::promql::notation::{Item, parse_series_line};
use alertctl::time::parse_duration;

use crate::spawn;

/// 2026-01-05T00:00:00Z. Unit: s.
const FIRST: f64 = 1_767_571_200.0;

/// A command and what came out of it, as the case writes it.
struct Step {
    command: String,
    expected: String,
}

struct Case {
    /// All up to the first command.
    setup: String,
    steps: Vec<Step>,
}

impl Case {
    fn parse(text: &str) -> Self {
        let mut case = Self { setup: String::new(), steps: Vec::new() };
        for line in text.split_inclusive('\n') {
            match (line.strip_prefix("$ alertctl"), case.steps.last_mut()) {
                (Some(args), _) => {
                    case.steps.push(Step { command: args.trim().to_owned(), expected: String::new() });
                }
                (None, Some(step)) => step.expected.push_str(line),
                (None, None) => case.setup.push_str(line),
            }
        }
        case
    }

    /// Makes the files of the case.
    fn set_up(&self, folder: &Path) {
        let mut sections: Vec<(&str, String)> = Vec::new();
        for line in self.setup.split_inclusive('\n') {
            match (line.strip_prefix("== "), sections.last_mut()) {
                (Some(head), _) => sections.push((head.trim(), String::new())),
                (None, Some((_, body))) => body.push_str(line),
                (None, None) => assert!(line.starts_with('#') || line.trim().is_empty(), "before any section: {line}"),
            }
        }
        for (head, body) in sections {
            let words: Vec<&str> = head.split_whitespace().collect();
            let (name, content) = match words.as_slice() {
                ["file", name] => (*name, body.into_bytes()),
                ["file", name, "cut"] => (*name, body.trim_end_matches('\n').as_bytes().to_vec()),
                ["series", name, "every", step] => (*name, csv(&body, step).into_bytes()),
                ["fixture", path] => (*path, fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"))),
                _ => panic!("unknown section `== {head}`"),
            };
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, content).expect("written");
        }
    }
}

/// Writes series in the notation of rule tests as long CSV.
fn csv(lines: &str, step: &str) -> String {
    let step = parse_duration(step).expect("a step").0;
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    let series: Vec<_> = lines.map(|line| parse_series_line(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let mut names: Vec<&str> = series.iter().flat_map(|one| one.labels.iter().map(|(name, _)| name)).collect();
    names.retain(|name| *name != "__name__");
    names.sort_unstable();
    names.dedup();
    let columns: String = names.iter().map(|name| format!(",{name}")).collect();
    let mut text = format!("timestamp,metric{columns},value\n");
    for at in 0..series.iter().map(|one| one.items.len()).max().unwrap_or(0) {
        let time = FIRST + step as f64 / 1000.0 * at as f64;
        for one in &series {
            let Some(Item::Value(value)) = one.items.get(at) else { continue };
            let labels: String =
                names.iter().map(|name| format!(",{}", one.labels.get(name).unwrap_or_default())).collect();
            let name = one.labels.get("__name__").unwrap_or_default();
            writeln!(text, "{time},{name}{labels},{value}").expect("a string takes all");
        }
    }
    text
}

/// Splits a command line at spaces, quotes respected.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quote, mut fresh) = (None, true);
    for char in line.chars() {
        match quote {
            Some(open) if char == open => quote = None,
            None if char == '\'' || char == '"' => (quote, fresh) = (Some(char), false),
            None if char == ' ' => {
                if !fresh {
                    words.push(String::new());
                }
                fresh = true;
            }
            _ => {
                words.last_mut().expect("one at least").push(char);
                fresh = false;
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns parts of a JSON text, by their pointers, a line each.
fn parts(text: &[u8], pointers: &str) -> String {
    let whole: serde_json::Value = serde_json::from_slice(text).expect("standard output is JSON");
    let part = |pointer: &str| match whole.pointer(pointer) {
        Some(part) => format!("{pointer} {part}\n"),
        None => format!("{pointer} is not there\n"),
    };
    pointers.split_whitespace().map(part).collect()
}

/// Runs one command and returns what came out, as a case writes it. Of what was expected it takes which files are shown,
/// and which parts of standard output.
fn outcome(command: &str, expected: &str, folder: &Path) -> String {
    let (args, stdin) = match command.rsplit_once(" < ") {
        Some((args, file)) => (args, Some(fs::read(folder.join(file)).expect("standard input"))),
        None => (command, None),
    };
    let args = words(args);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let out = spawn::alertctl(&args, folder, stdin.as_deref());
    let mut text = String::new();
    let mut section = |name: &str, content: &[u8]| {
        if !content.is_empty() {
            let content = spawn::without_times(&String::from_utf8_lossy(content), folder);
            let newline = if content.ends_with('\n') { "" } else { "\n" };
            write!(text, "-- {name}\n{content}{newline}").expect("a string takes all");
        }
    };
    match expected.lines().find_map(|line| line.strip_prefix("-- stdout at ")) {
        Some(pointers) => section(&format!("stdout at {pointers}"), parts(&out.stdout, pointers).as_bytes()),
        None => section("stdout", &out.stdout),
    }
    section("stderr", &out.stderr);
    for name in expected.lines().filter_map(|line| line.strip_prefix("-- wrote ")) {
        section(&format!("wrote {name}"), &fs::read(folder.join(name)).unwrap_or_default());
    }
    match out.status.code() {
        Some(0) => {}
        Some(code) => writeln!(text, "-- exit {code}").expect("a string takes all"),
        None => text.push_str("-- killed\n"),
    }
    text
}

fn run(path: &Path, update: bool) -> Result<(), String> {
    let text = fs::read_to_string(path).expect("a case");
    let case = Case::parse(&text);
    assert!(!case.steps.is_empty(), "{} has no command", path.display());
    let folder = tempfile::tempdir().expect("a folder");
    case.set_up(folder.path());
    let mut found = case.setup.clone();
    let mut wrong = String::new();
    for (at, step) in case.steps.iter().enumerate() {
        let outcome = outcome(&step.command, &step.expected, folder.path());
        if outcome.trim_end() != step.expected.trim_end() {
            let (command, expected) = (&step.command, &step.expected);
            write!(wrong, "{}: $ alertctl {command}\nexpected:\n{expected}\nfound:\n{outcome}\n", path.display())
                .expect("a string takes all");
        }
        let gap = if at + 1 < case.steps.len() { "\n" } else { "" };
        write!(found, "$ alertctl {}\n{outcome}{gap}", step.command).expect("a string takes all");
    }
    if update && found != text {
        fs::write(path, found).expect("written");
        return Ok(());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

#[test]
fn what_comes_out_is_what_the_cases_say() {
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let entries = fs::read_dir("tests/cases").expect("the cases").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "case")).collect();
    paths.sort();
    assert!(!paths.is_empty(), "there are cases");
    let wrong: String = paths.iter().filter_map(|path| run(path, update).err()).collect();
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn series_become_rows_in_time_order() {
    let lines = "up{job=\"a\"} 1 _ 0\nload 2+1x1\n";
    let rows =
        "timestamp,metric,job,value\n1767571200,up,a,1\n1767571200,load,,2\n1767571230,load,,3\n1767571260,up,a,0\n";
    assert_eq!(csv(lines, "30s"), rows);
}

#[test]
fn words_are_split_as_a_shell_does() {
    assert_eq!(words("eval  -r 'a b' --where 'job=\"db\"'"), ["eval", "-r", "a b", "--where", "job=\"db\""]);
}
