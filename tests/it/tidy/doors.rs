//! Where outside crates come in.

use std::collections::BTreeSet;

use regex::Regex;

use super::source::{File, read, within};

/// A door that every module may use.
const EVERYWHERE: &str = "";

/// The outside crates and the modules, those below included, that may name them.
const DOORS: &[(&str, &[&str])] = &[
    ("annotate_snippets", &["report::diagnostic"]),
    ("base64", &["profile::histogram"]),
    // What parquet reads from.
    ("bytes", &["input::parquet"]),
    // With libbz2-rs-sys, which is Rust.
    ("bzip2", &["input::bytes"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli::shell"]),
    ("comfy_table", &["report::table::grid"]),
    ("csv", &["input", "report::csv", "report::recording::csv"]),
    // A digest that reads gzip, and the histograms of HdrHistogram, which are packed by zlib.
    ("flate2", &["input::bytes", "profile::histogram"]),
    // Maps whose order does not leak, on every hot path.
    ("foldhash", &["embed", "engine", "input", "lint::flow", "outcome", "promql", "rules::graph", "store", "survey"]),
    ("glob", &["cli::git", "cli::load", "lint::control::paths"]),
    ("granit_parser", &["yaml"]),
    ("hashbrown", &["embed", "engine", "input", "lint::flow", "outcome", "promql", "rules::graph", "store", "survey"]),
    ("hdrhistogram", &["profile::histogram"]),
    ("indicatif", &["cli::ui"]),
    // Dates are read and written where they occur.
    ("jiff", &["cli", "format", "input", "rules::template::instant", "time"]),
    // A look at standard output before the runtime takes one.
    ("libc", &["alloc", "main"]),
    (
        "memchr",
        &["input", "rules::find", "rules::other", "rules::template::exec", "source", "yaml::comments", "yaml::split"],
    ),
    ("parquet", &["input::parquet"]),
    ("rayon", &["cli", "threads"]),
    ("regex_automata", &["input::form::pattern", "labels::regexp"]),
    ("regex_syntax", &["labels::regexp"]),
    // To kill a process group.
    ("rustix", &["cli::ui", "profile::group"]),
    ("ruzstd", &["input::bytes"]),
    (
        "serde",
        &[
            "input::export",
            "input::form",
            "input::jsonl",
            "input::options",
            "labels::serial",
            "lint::control::baseline",
            "profile",
            "report",
            "time",
        ],
    ),
    ("serde_json", &["input::export", "input::jsonl", "lint::control::baseline", "profile", "report"]),
    ("serde_yaml", &["input::form", "profile::workload"]),
    ("signal_hook", &["cli::interrupt"]),
    ("similar", &["lint::fix"]),
    ("tempfile", &["cli"]),
    // Each error is made where it is met.
    ("thiserror", &[EVERYWHERE]),
    ("unicode_width", &["report::wrap"]),
    ("xxhash_rust", &["embed::live::save", "labels", "report::check::fingerprint"]),
];

/// Whether a name means something of the crate in a file: a module of it, or what it imports from one.
fn is_own(file: &File, name: &str) -> bool {
    let own = Regex::new(&format!(r"\bmod {name}\b|\buse (crate|super|self)::[^;]*\b{name}\b")).expect("a pattern");
    let code: String = file.lines.iter().map(|line| format!("{}\n", line.code)).collect();
    own.is_match(&code)
}

/// Returns the lines of a file that name a crate; bodies of tests are excused, whose oracles may be any crate.
fn naming(file: &File, name: &str) -> Vec<usize> {
    let path = if is_own(file, name) {
        format!(r"(^|[^:\w]){}{name}::", "::")
    } else {
        format!(r"(^|[^:\w.])(::)?{name}::|\b(use|extern crate) (::)?{name}( as \w+)?;")
    };
    let path = Regex::new(&path).expect("a pattern");
    let lines = file.lines.iter().enumerate().filter(|(_, line)| !line.test && path.is_match(&line.code));
    lines.map(|(number, _)| number + 1).collect()
}

#[test]
fn outside_crates_come_in_by_their_doors() {
    let files = read();
    let mut wrong = Vec::new();
    for (name, doors) in DOORS {
        let mut open: BTreeSet<&str> = doors.iter().copied().filter(|door| *door != EVERYWHERE).collect();
        for file in &files {
            for line in naming(file, name) {
                let used = doors.iter().find(|door| **door == EVERYWHERE || within(&file.module, door));
                match used {
                    Some(door) => {
                        open.remove(door);
                    }
                    None => wrong.push(format!("{}:{line}: {} names {name}", file.path.display(), file.module)),
                }
            }
        }
        wrong.extend(open.iter().map(|door| format!("{door} does not name {name}: close the door")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_dependency_has_a_door() {
    let manifest = std::fs::read_to_string("Cargo.toml").expect("the manifest");
    let (_, rest) = manifest.split_once("[dependencies]\n").expect("dependencies");
    let part = rest.split("\n[").next().unwrap_or_default();
    let named: Vec<String> =
        part.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.replace('-', "_")).collect();
    let doors: Vec<&str> = DOORS.iter().map(|(name, _)| *name).collect();
    assert_eq!(doors, named);
}
