//! The layers of the crate, and other rules about its text.

use std::path::{Path, PathBuf};

/// Which layer each module is on: a file may use modules of its own layer and of lower ones. The longest prefix counts.
const LAYERS: [(&str, u8); 38] = [
    ("time", 0),
    ("source", 0),
    ("diagnostic", 0),
    ("limits", 0),
    ("format", 0),
    ("labels", 0),
    ("store", 1),
    ("yaml", 1),
    ("promql::ast", 1),
    ("promql::lex", 1),
    ("promql::literal", 1),
    ("promql::parse", 1),
    ("promql::check", 1),
    ("promql::functions", 1),
    ("promql::print", 1),
    ("promql::notation", 1),
    ("promql", 2),
    ("input", 2),
    ("rules", 2),
    ("engine", 3),
    ("lint", 5),
    ("unittest", 5),
    ("profile", 5),
    ("live", 4),
    ("outcome", 4),
    ("replay", 4),
    ("report", 6),
    ("cli", 7),
    ("main", 7),
    ("lib", 7),
    // Crossings on the same layer that house rules forbid are in `FORBIDDEN`.
    ("alloc", 0),
    ("data", 4),
    ("native", 2),
    ("check", 4),
    ("silence", 3),
    ("live::engine", 4),
    ("promql::plan", 2),
    ("promql::eval", 2),
];

/// Pairs on one layer, or otherwise allowed by number, that must not meet: (from, to).
const FORBIDDEN: [(&str, &str); 6] = [
    ("input", "rules"),
    ("rules", "input"),
    ("promql", "rules"),
    ("promql", "input"),
    ("rules", "store"),
    ("engine::alert", "store"),
];

fn layer(module: &str) -> Option<u8> {
    LAYERS
        .iter()
        .filter(|(name, _)| module == *name || module.strip_prefix(name).is_some_and(|rest| rest.starts_with("::")))
        .max_by_key(|(name, _)| name.len())
        .map(|(_, layer)| *layer)
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
}

/// Returns the module of a file: `src/promql/parse/mod.rs` is `promql::parse`.
fn module_of(file: &Path) -> String {
    let path = file.strip_prefix("src").expect("a source file").with_extension("");
    let parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    parts.join("::").trim_end_matches("::mod").to_owned()
}

/// Returns the modules that a file names by `crate::a::b` or `crate::{a::b, c}`, and the line of each.
fn used(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or("");
        for (at, _) in code.match_indices("crate::") {
            if at > 0 && code.as_bytes()[at - 1] == b'$' {
                continue;
            }
            let rest = &code[at + "crate::".len()..];
            let names = rest.strip_prefix('{').unwrap_or(rest);
            let paths: Vec<&str> = if rest.starts_with('{') { names.split(", ").collect() } else { vec![names] };
            for path in paths {
                let end = path.find(|c: char| !(c.is_ascii_lowercase() || c == '_' || c == ':')).unwrap_or(path.len());
                let module = path[..end].trim_end_matches(':');
                if !module.is_empty() {
                    found.push((number + 1, module.to_owned()));
                }
            }
        }
    }
    found
}

fn within(module: &str, of: &str) -> bool {
    module == of || module.strip_prefix(of).is_some_and(|rest| rest.starts_with("::"))
}

#[test]
fn no_module_uses_a_higher_layer() {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let mut crossings = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        let from = module_of(&file);
        let own = layer(&from).unwrap_or_else(|| panic!("{} is on no layer", file.display()));
        for (line, to) in used(&text) {
            let Some(other) = layer(&to) else {
                crossings.push(format!("{}:{line}: {to} is on no layer", file.display()));
                continue;
            };
            let forbidden = FORBIDDEN.iter().any(|(a, b)| within(&from, a) && within(&to, b));
            if other > own || forbidden {
                crossings.push(format!("{}:{line}: {from} uses {to}", file.display()));
            }
        }
    }
    assert!(crossings.is_empty(), "{}", crossings.join("\n"));
}

#[test]
fn only_the_command_line_opens_paths_and_prints() {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let doors = ["std::fs", "std::env", "std::process", "println!", "print!(", "SystemTime", "Instant::now"];
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !within(&module_of(file), "cli") && !within(&module_of(file), "main")) {
        let text = std::fs::read_to_string(file).expect("a readable file");
        let code = text.split("#[cfg(test)]").next().unwrap_or("");
        for (number, line) in code.lines().enumerate() {
            let line = line.split("//").next().unwrap_or("");
            let allowed = ["profile::clock", "profile::process", "profile::machine"];
            if doors.iter().any(|door| line.contains(door)) && !allowed.iter().any(|own| within(&module_of(file), own))
            {
                found.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
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
