//! Helps the tests of this module: loads a text and writes what was reported on one line each.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::SourceMap;

use super::{RuleFile, RuleSet};

/// Loads a text as `file.yml`; returns the rules and the problems.
pub(crate) fn load(text: &str) -> (SourceMap, Option<RuleFile>, Vec<Diagnostic>) {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let file = super::load(&mut sources, "some/file.yml", text.as_bytes(), &mut diagnostics);
    assert_eq!(file.is_none(), diagnostics.has_errors(), "{text}");
    (sources, file, diagnostics.sorted())
}

/// Writes a problem as `code line:column message`.
fn line(sources: &SourceMap, found: &Diagnostic) -> String {
    let at = sources.position(found.primary.as_ref().map(|mark| mark.at).expect("a place"));
    format!("{} {}:{} {}", found.code, at.line, at.column, found.message)
}

/// Checks what is reported for a text: `code line:column message` of each problem.
pub(crate) fn check(text: &str, expected: &[&str]) {
    let (sources, _, found) = load(text);
    let line = |found: &Diagnostic| line(&sources, found);
    assert_eq!(found.iter().map(line).collect::<Vec<_>>(), expected, "{text}");
}

/// Checks the same, where unknown keys are left out.
pub(crate) fn check_ignoring(text: &str, expected: &[&str]) {
    let mut rules = RuleSet { ignore_unknown_fields: true, ..RuleSet::default() };
    rules.add("some/file.yml", text.as_bytes());
    let line = |found: &Diagnostic| line(&rules.sources, found);
    assert_eq!(rules.diagnostics.sorted().iter().map(line).collect::<Vec<_>>(), expected, "{text}");
}

/// Checks what a text's problems say to type instead.
pub(crate) fn check_help(text: &str, expected: &[&str]) {
    let (_, _, found) = load(text);
    let help: Vec<String> = found.iter().flat_map(|found| found.help.clone()).collect();
    assert_eq!(help, expected, "{text}");
}
