//! What a program takes on that depends on the engine alone.

use std::collections::{BTreeMap, BTreeSet};

/// The crates that the lock file has below the engine's dependencies. A lock file does not say which of them only other
/// platforms need, or features that nobody turns on, or only tests: a program on Linux compiles 19.
const MOST: usize = 29;

/// Returns the names in `[dependencies]` of a manifest that are not optional.
fn required(manifest: &str) -> Vec<&str> {
    let (_, rest) = manifest.split_once("\n[dependencies]\n").expect("dependencies");
    let part = rest.split("\n[").next().unwrap_or_default();
    // An entry may go on in the lines below, which are indented or close it.
    let mut entries: Vec<(&str, bool)> = Vec::new();
    for line in part.lines() {
        if let Some((name, _)) = line.split_once(" = ").filter(|(name, _)| !name.starts_with([' ', ']'])) {
            entries.push((name, false));
        }
        if let Some((_, optional)) = entries.last_mut() {
            *optional |= line.contains("optional = true");
        }
    }
    entries.iter().filter(|(_, optional)| !optional).map(|(name, _)| *name).collect()
}

/// Returns the packages of a lock file, each as `name` and as `name version`, and what they depend on.
fn locked(lock: &str) -> BTreeMap<String, Vec<&str>> {
    let mut packages = BTreeMap::new();
    for package in lock.split("[[package]]\n").skip(1) {
        let value = |key: &str| package.lines().find_map(|line| line.strip_prefix(key)?.strip_suffix('"'));
        let (name, version) = (value("name = \""), value("version = \""));
        let (name, version) = (name.expect("a name"), version.expect("a version"));
        let below = package.lines().filter_map(|line| line.strip_prefix(" \"")?.strip_suffix("\","));
        let below: Vec<&str> = below.collect();
        packages.insert(format!("{name} {version}"), below.clone());
        packages.insert(name.to_owned(), below);
    }
    packages
}

/// Returns some packages and all below them.
fn below<'a>(roots: &[&'a str], packages: &BTreeMap<String, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut left = roots.to_vec();
    while let Some(name) = left.pop() {
        if found.insert(name) {
            left.extend(packages.get(name).unwrap_or_else(|| panic!("{name} is locked")));
        }
    }
    found
}

#[test]
fn the_engine_alone_needs_few_crates() {
    let manifest = std::fs::read_to_string("Cargo.toml").expect("the manifest");
    assert!(manifest.contains("\ndefault = []\n"), "no feature is on by default");
    let lock = std::fs::read_to_string("Cargo.lock").expect("the lock file");
    let found = below(&required(&manifest), &locked(&lock));
    assert!(found.len() <= MOST, "{} crates: {found:?}", found.len());
}

#[test]
fn what_a_lock_file_has_below_a_crate_is_found() {
    let manifest = "[features]\n\n[dependencies]\na = \"1\"\nb = { version = \"1\", optional = true, features = [\n    \"x\",\n] }\nc = { version = \"1\", features = [\n    \"y\",\n], optional = true }\nd = { version = \"1\" }\n\n[lints]\ne = \"1\"\n";
    assert_eq!(required(manifest), ["a", "d"]);
    let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\n \"f 2.0.0\",\n]\n\n[[package]]\nname = \"d\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"f\"\nversion = \"2.0.0\"\ndependencies = [\n \"d\",\n]\n";
    assert_eq!(Vec::from_iter(below(&["a"], &locked(lock))), ["a", "d", "f 2.0.0"]);
}
