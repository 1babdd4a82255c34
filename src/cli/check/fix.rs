//! `--fix` and `--diff`: what is certain is put right, and looked at again until nothing is left to do.

use std::collections::BTreeSet;
use std::path::Path;

use crate::diagnostic::Severity;
use crate::format::counted;
use crate::lint::fix::{apply, patch};
use crate::rules::{RuleSet, RuleText};

use crate::cli::ui::say;
use crate::cli::{Failure, out};

/// How often files are looked at again at most: a fix may make room for another one.
const ROUNDS: usize = 10;
/// The byte order mark, which texts are kept without.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Rule files after their fixes.
pub(super) struct Fixed {
    /// All files.
    pub(super) texts: Vec<RuleText>,
    /// How many findings were fixed.
    findings: usize,
    /// The files that changed, by their place.
    changed: BTreeSet<usize>,
    /// Files that were left alone since their fixes would make them worse.
    left: BTreeSet<String>,
}

/// Fixes texts; `look` returns what is found in them, of which only what is shown is fixed.
pub(super) fn fixed(
    texts: &[RuleText],
    look: impl Fn(&[RuleText]) -> Result<RuleSet, Failure>,
) -> Result<Fixed, Failure> {
    let mut done = Fixed { texts: texts.to_vec(), findings: 0, changed: BTreeSet::new(), left: BTreeSet::new() };
    let mut rules = look(texts)?;
    for _ in 0..ROUNDS {
        let mut texts = done.texts.clone();
        let mut tried = Vec::new();
        for fixed in apply(&rules.diagnostics.sorted(), &rules.sources) {
            let name = &rules.sources.file(fixed.file).name;
            let Some(at) = texts.iter().position(|text| text.name == *name && !done.left.contains(name)) else {
                continue;
            };
            let mark = if texts[at].bytes.starts_with(MARK) { MARK } else { &[] };
            texts[at].bytes = [mark, fixed.text.as_bytes()].concat();
            tried.push((at, fixed.findings));
        }
        if tried.is_empty() {
            break;
        }
        let mut after = look(&texts)?;
        let worse: Vec<usize> = tried
            .iter()
            .map(|(at, _)| *at)
            .filter(|at| errors(&after, &texts[*at].name) > errors(&rules, &texts[*at].name))
            .collect();
        for at in &worse {
            // No fix may do harm, whatever it was meant to do.
            texts[*at] = done.texts[*at].clone();
            done.left.insert(texts[*at].name.clone());
        }
        if !worse.is_empty() {
            after = look(&texts)?;
        }
        for (at, findings) in tried.iter().filter(|(at, _)| !worse.contains(at)) {
            done.findings += findings;
            done.changed.insert(*at);
        }
        done.texts = texts;
        rules = after;
    }
    Ok(done)
}

/// Returns how many errors a file has.
fn errors(rules: &RuleSet, name: &str) -> usize {
    let is_error = |found: &crate::diagnostic::Diagnostic| {
        let file = found.primary.as_ref().map(|mark| mark.at.file);
        found.severity == Severity::Error && file.is_some_and(|file| rules.sources.file(file).name == name)
    };
    rules.diagnostics.sorted().iter().filter(|found| is_error(found)).count()
}

impl Fixed {
    /// Names the files that were left alone.
    pub(super) fn say_left(&self) {
        for name in &self.left {
            say(false, &format!("warning: `{name}` is left as it is: with its fixes it would not load"));
        }
    }

    /// Returns the patch from the files as they are.
    pub(super) fn patch(&self, before: &[RuleText]) -> String {
        let one = |at: &usize| {
            let [old, new] = [before, &self.texts].map(|texts| String::from_utf8_lossy(&texts[*at].bytes));
            patch(&before[*at].name, &old, &new)
        };
        self.changed.iter().map(one).collect()
    }

    /// Writes the files that changed.
    pub(super) fn write(&self) -> Result<(), Failure> {
        for text in self.changed.iter().map(|at| &self.texts[*at]) {
            out::write_to(Some(Path::new(&text.name)), &mut |out| out.write_all(&text.bytes))?;
        }
        Ok(())
    }

    /// Returns whether nothing changed.
    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    /// Returns what was fixed and where, such as `3 findings in 2 files`.
    pub(super) fn summary(&self) -> String {
        let files = counted(self.changed.len() as u64, "file");
        format!("{} in {files}", counted(self.findings as u64, "finding"))
    }
}
