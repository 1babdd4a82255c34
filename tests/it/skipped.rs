//! Says what could not be tested, and why.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Returns a folder of data that is no part of a clone, if it is there. Where it is not, says once, in a line that the
/// harness does not capture, that the tests of it are skipped.
///
/// # Panics
/// When a variable names the folder that holds it, and there is none: who names one wants those tests.
pub(crate) fn folder(what: &str, usual: &str, variable: Option<&str>, part: &str) -> Option<PathBuf> {
    let named = variable.and_then(|name| std::env::var_os(name).map(|folder| (name, PathBuf::from(folder))));
    if let Some((name, folder)) = &named {
        assert!(folder.is_dir(), "{name} names {}, which is no folder", folder.display());
    }
    let folder = named.map_or_else(|| PathBuf::from(usual), |(_, folder)| folder).join(part);
    if folder.exists() {
        return Some(folder);
    }
    let line = line(what, &folder);
    if SAID.lock().expect("no test panics here").insert(line.clone()) {
        // Not `println!`, which the harness keeps to itself while tests pass.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    None
}

fn line(what: &str, folder: &Path) -> String {
    format!("skipped: {what}, {} is not there\n", folder.display())
}

#[test]
fn a_folder_that_is_not_there_is_skipped_with_a_word() {
    assert_eq!(folder("nothing to see", "tests", None, "cases"), Some(PathBuf::from("tests/cases")));
    assert_eq!(folder("no such data", "tests", None, "none"), None);
    assert!(SAID.lock().expect("a set").contains("skipped: no such data, tests/none is not there\n"));
}
