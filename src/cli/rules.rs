//! The rules of a run: files and quick expressions, and what is told about them.

use std::io;

use crate::diagnostic::{Diagnostics, Severity};
use crate::report::Finding;
use crate::report::diagnostic::{self, Look};
use crate::report::format::counted;
use crate::rules::{self, Quick, RuleFile};
use crate::source::SourceMap;

use super::ui::{Terminal, tell};
use super::{Failure, load};

/// The rules of a run and what was said about them.
pub(super) struct Loaded {
    pub(super) sources: SourceMap,
    pub(super) files: Vec<RuleFile>,
    pub(super) findings: Vec<Finding>,
}

/// Loads all rule files and expressions and tells all their problems; none when one is an error.
pub(super) fn load_all(
    paths: &[String],
    expressions: &[String],
    common: &Quick,
    quiet: bool,
    terminal: &Terminal,
) -> Result<Option<Loaded>, Failure> {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let mut files = Vec::new();
    for text in load::rule_files(paths)? {
        files.extend(rules::load(&mut sources, &text.name, &text.bytes, &mut diagnostics));
    }
    if !expressions.is_empty() {
        files.extend(rules::quick(&mut sources, expressions, common, &mut diagnostics));
    }
    rules::check_unique(&files, &mut diagnostics);
    if diagnostics.has_errors() {
        refuse(&diagnostics, &sources, terminal);
        return Ok(None);
    }
    if !quiet {
        show(&diagnostics, &sources, terminal);
    }
    if files.iter().all(|file| file.groups.iter().all(|group| group.rules.is_empty())) {
        let named = paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
        return Err(Failure::new(format!("there is no rule in {named}")).hint(
            "a rule file looks like: groups: [{name: hosts, rules: [{alert: InstanceDown, expr: up == 0, for: 5m}]}]",
        ));
    }
    let findings = diagnostics.sorted().iter().map(|diagnostic| Finding::new(diagnostic, &sources)).collect();
    Ok(Some(Loaded { sources, files, findings }))
}

/// Shows problems of which one is an error, and says that this is the end.
pub(super) fn refuse(diagnostics: &Diagnostics, sources: &SourceMap, terminal: &Terminal) {
    show(diagnostics, sources, terminal);
    let count = diagnostics.count(Severity::Error) as u64;
    tell(false, &format!("{} in the rules; nothing was evaluated", counted(count, "error")));
}

/// Shows problems with carets on standard error.
pub(super) fn show(diagnostics: &Diagnostics, sources: &SourceMap, terminal: &Terminal) {
    let look = Look { color: terminal.stderr_color, width: terminal.width.unwrap_or(100) };
    // What can not be said on standard error can be said nowhere.
    let _ = diagnostic::write(&mut io::stderr(), &diagnostics.sorted(), sources, look);
}
