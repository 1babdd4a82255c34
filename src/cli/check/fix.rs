//! `--fix` and `--diff`: what is certain is put right, and looked at again until nothing is left to do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::diagnostic::{Diagnostic, Severity};
use crate::format::counted;
use crate::lint::fix::{apply, patch};
use crate::rules::{RuleSet, RuleText};

use super::Looked;
use crate::cli::ui::say;
use crate::cli::{Failure, out};

/// How often files are looked at again at most: a fix may make room for another one.
const ROUNDS: usize = 10;
/// How many fixes of a file are tried by themselves at most, where all of them together do harm.
const TRIES: usize = 100;

/// How many errors and warnings of each code there are in each file, by its name.
pub(super) type Kinds = BTreeMap<(String, Severity, &'static str), usize>;

/// Rule files after their fixes.
pub(super) struct Fixed {
    /// All files.
    pub(super) texts: Vec<RuleText>,
    /// What is found in them now.
    pub(super) rules: RuleSet,
    /// How many findings were fixed.
    findings: usize,
    /// The files that changed, by their place.
    changed: BTreeSet<usize>,
    /// How many fixes of a file were left out since they would do harm.
    left: BTreeMap<String, usize>,
}

/// Fixes texts; `look` returns what is found in them, of which only what is shown is fixed.
pub(super) fn fixed(
    texts: &[RuleText],
    look: impl Fn(&[RuleText]) -> Result<Looked, Failure>,
) -> Result<Fixed, Failure> {
    let (mut texts, mut now) = (texts.to_vec(), look(texts)?);
    let (mut findings, mut changed, mut left) = (0, BTreeSet::new(), BTreeMap::new());
    for _ in 0..ROUNDS {
        let found = now.rules.diagnostics.sorted();
        let before = texts.clone();
        let mut tried = Vec::new();
        for fixed in apply(&found, &now.rules.sources) {
            let name = &now.rules.sources.file(fixed.file).name;
            let Some(at) = texts.iter().position(|text| text.name == *name && !left.contains_key(name)) else {
                continue;
            };
            texts[at].bytes = before[at].rewritten(&fixed.text);
            tried.push((at, fixed.findings));
        }
        if tried.is_empty() {
            break;
        }
        let mut after = look(&texts)?;
        let is_worse = |(at, _): &&mut (usize, usize)| worse(&now.kinds, &after.kinds, &before[*at].name);
        let harmed: Vec<&mut (usize, usize)> = tried.iter_mut().filter(is_worse).collect();
        if !harmed.is_empty() {
            // No fix may do harm, whatever it was meant to do.
            harmed.iter().for_each(|(at, _)| texts[*at] = before[*at].clone());
            for (at, fixed) in harmed {
                let (some, others) = one_by_one(&mut texts, *at, &now, &found, &look)?;
                *fixed = some;
                left.insert(texts[*at].name.clone(), others);
            }
            after = look(&texts)?;
        }
        for (at, fixed) in tried.into_iter().filter(|(_, fixed)| *fixed > 0) {
            findings += fixed;
            changed.insert(at);
        }
        now = after;
    }
    left.retain(|_, others| *others > 0);
    Ok(Fixed { texts, rules: now.rules, findings, changed, left })
}

/// Applies the fixes of one file by themselves, and leaves out those that do harm. Returns how many findings were fixed
/// and how many were not. Cost: looks at all files once for each of them.
fn one_by_one(
    texts: &mut [RuleText],
    at: usize,
    now: &Looked,
    found: &[Diagnostic],
    look: &impl Fn(&[RuleText]) -> Result<Looked, Failure>,
) -> Result<(usize, usize), Failure> {
    let sources = &now.rules.sources;
    let start = texts[at].clone();
    let is_here = |one: &&Diagnostic| one.fixes.first().is_some_and(|fix| sources.file(fix.at.file).name == start.name);
    let offered: Vec<&Diagnostic> = found.iter().filter(is_here).collect();
    let (mut good, mut kinds) = (Vec::new(), now.kinds.clone());
    for one in offered.iter().take(TRIES) {
        good.push((*one).clone());
        let fixed = apply(&good, sources).into_iter().next().filter(|fixed| fixed.findings == good.len());
        let Some(fixed) = fixed else {
            good.pop();
            continue;
        };
        let kept = std::mem::replace(&mut texts[at].bytes, start.rewritten(&fixed.text));
        let after = look(texts)?;
        if worse(&kinds, &after.kinds, &start.name) {
            good.pop();
            texts[at].bytes = kept;
        } else {
            kinds = after.kinds;
        }
    }
    Ok((good.len(), offered.len() - good.len()))
}

/// Counts the errors and warnings of rules.
pub(super) fn kinds(rules: &RuleSet) -> Kinds {
    let mut kinds = Kinds::new();
    for one in rules.diagnostics.sorted().iter().filter(|one| one.severity != Severity::Info) {
        let Some(mark) = &one.primary else { continue };
        let name = rules.sources.file(mark.at.file).name.clone();
        *kinds.entry((name, one.severity, one.code)).or_default() += 1;
    }
    kinds
}

/// Returns whether a file has errors or warnings that it did not have before. Only an error that is gone may show
/// warnings that it hid.
fn worse(before: &Kinds, after: &Kinds, name: &str) -> bool {
    let grew = |severity: Severity| {
        let is_new = |(kind, count): (&(String, Severity, &str), &usize)| {
            kind.0 == name && kind.1 == severity && *count > before.get(kind).copied().unwrap_or(0)
        };
        after.iter().any(is_new)
    };
    let errors = |kinds: &Kinds| -> usize {
        kinds.iter().filter(|(kind, _)| kind.0 == name && kind.1 == Severity::Error).map(|(_, count)| count).sum()
    };
    grew(Severity::Error) || (grew(Severity::Warning) && errors(after) >= errors(before))
}

impl Fixed {
    /// Names the files of which fixes were left out.
    pub(super) fn say_left(&self) {
        for (name, left) in &self.left {
            let (fixes, them) = if *left == 1 { ("fix is", "it") } else { ("fixes are", "them") };
            let line = format!("warning: `{name}`: {left} {fixes} left out: with {them} the file has other problems");
            say(false, &line);
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
