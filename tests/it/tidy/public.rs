//! What the library promises stands in `docs/api.txt`: nothing comes or goes unseen. `UPDATE_CASES=1` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::source::sources;

/// Returns the names that the crate's root shows.
fn shown(root: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = root;
    while let Some(at) = rest.find("\npub use ") {
        rest = &rest[at + "\npub use ".len()..];
        let (path, after) = rest.split_once(';').expect("a whole statement");
        let listed = path.split_once('{').map_or_else(|| path.rsplit("::").next().unwrap_or(""), |(_, list)| list);
        let separate = |c: char| !(c.is_alphanumeric() || c == '_');
        names.extend(listed.split(separate).filter(|name| !name.is_empty()).map(str::to_owned));
        rest = after;
    }
    names
}

/// Returns the modules that the crate's root shows.
fn modules(root: &str) -> Vec<String> {
    let lines: Vec<&str> = root.lines().collect();
    let is_hidden = |at: usize| {
        lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).any(|line| *line == "#[doc(hidden)]")
    };
    let all = lines.iter().enumerate().filter(|(at, line)| line.starts_with("pub mod ") && !is_hidden(*at));
    all.map(|(_, line)| (*line).to_owned()).collect()
}

/// Returns the name in `impl Name {`, `impl<'a> Name<'a> {` or `pub struct Name`.
fn named(head: &str) -> String {
    let head = head.strip_prefix('<').map_or(head, |generics| generics.split_once('>').map_or("", |(_, rest)| rest));
    head.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Adds what a file has of the named items: their heads, variants, and the heads of their methods.
fn add(text: &str, names: &BTreeSet<String>, found: &mut BTreeMap<String, BTreeSet<String>>) {
    let mut within = None;
    let mut is_enum = false;
    let mut hidden = false;
    let mut lines = text.lines().take_while(|line| *line != "mod tests {");
    let mut non_exhaustive = false;
    while let Some(line) = lines.next() {
        let head = line.trim_start();
        if head.starts_with("#[doc(hidden)]") {
            hidden = true;
            continue;
        }
        if line == "#[non_exhaustive]" {
            non_exhaustive = true;
        }
        if head.starts_with("#[") || head.starts_with("///") {
            continue;
        }
        let item = ["pub struct ", "pub enum "].iter().find_map(|word| Some((*word, line.strip_prefix(*word)?)));
        if let Some((word, rest)) = item {
            let name = named(rest);
            is_enum = word == "pub enum ";
            if names.contains(&name) {
                let open = if is_enum && non_exhaustive { "non_exhaustive " } else { "" };
                let shape = line.trim_end_matches(" {").trim_end_matches(';');
                found.entry(name.clone()).or_default().insert(format!("{open}{shape}"));
                within = Some(name).filter(|_| line.ends_with('{'));
            }
            non_exhaustive = false;
        } else if let Some(rest) = line.strip_prefix("impl").filter(|rest| !rest.contains(" for ")) {
            is_enum = false;
            within = Some(named(rest)).filter(|name| names.contains(name));
        } else if line.starts_with("impl") || line == "}" {
            within = None;
        }
        if let Some(name) = &within {
            let of = found.entry(name.clone()).or_default();
            if let Some(field) = line.strip_prefix("    pub ").filter(|_| !hidden) {
                assert!(field.contains("fn ") || field.starts_with("const "), "{name} shows a field: {line}");
                let mut whole = line.trim().to_owned();
                while !whole.ends_with('{') && !whole.ends_with(';') {
                    whole.push(' ');
                    whole.push_str(lines.next().expect("a body").trim());
                }
                of.insert(whole.trim_end_matches(['{', ';', ' ']).replace("( ", "(").replace(", )", ")"));
            } else if is_enum
                && line.starts_with("    ")
                && head.starts_with(|c: char| c.is_ascii_uppercase())
                && !line.starts_with("     ")
            {
                of.insert(head.trim_end_matches(',').to_owned());
            }
        }
        hidden = false;
    }
}

#[test]
fn what_is_promised_is_written_down() {
    let root = std::fs::read_to_string("src/lib.rs").expect("the crate's root");
    let names = shown(&root);
    let mut files = Vec::new();
    for folder in ["src/embed", "src/labels", "src/time"] {
        sources(Path::new(folder), &mut files);
    }
    let mut found = BTreeMap::new();
    for file in files {
        add(&std::fs::read_to_string(&file).expect("a readable file"), &names, &mut found);
    }
    let missing: Vec<&String> = names.iter().filter(|name| !found.contains_key(*name)).collect();
    assert!(missing.is_empty(), "not found: {missing:?}");
    assert_eq!(modules(&root), [] as [&str; 0], "modules are hidden: what is promised stands at the root");
    let mut list =
        String::from("What the library promises: types with their variants, and methods. A test holds the list.\n");
    for (name, lines) in &found {
        list.push_str(&format!("\n{name}\n"));
        lines.iter().for_each(|line| list.push_str(&format!("  {line}\n")));
    }
    let path = Path::new("docs/api.txt");
    if std::env::var_os("UPDATE_CASES").is_some() {
        std::fs::write(path, &list).expect("a writable file");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(list, written, "UPDATE_CASES=1 writes docs/api.txt: a change of what is promised is a decision");
}
