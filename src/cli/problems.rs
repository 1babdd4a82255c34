//! Problems in the user's files: shown with carets, and what follows of them.

use std::io;

use crate::diagnostic::{Diagnostics, Severity};
use crate::format::counted;
use crate::report::diagnostic::{self, Look};
use crate::source::SourceMap;

use super::Failure;
use super::ui::Terminal;

fn look(terminal: &Terminal) -> Look {
    Look { color: terminal.stderr_color, width: terminal.stderr_width }
}

/// Shows problems with carets on standard error.
pub(super) fn show(diagnostics: &Diagnostics, sources: &SourceMap, terminal: &Terminal) {
    // What cannot be said on standard error can be said nowhere.
    let _ = diagnostic::write(&mut io::stderr(), &diagnostics.sorted(), sources, look(terminal));
}

/// Returns how many errors there are and what follows: `what` is where they are, and what was not done.
pub(super) fn count(diagnostics: &Diagnostics, what: &str) -> String {
    format!("{} in {what}", counted(diagnostics.count(Severity::Error) as u64, "error"))
}

/// Makes a failure of problems of which one is an error; shows them, unless they are not wanted, where none is.
pub(super) fn settle(
    diagnostics: &Diagnostics,
    sources: &SourceMap,
    what: &str,
    quiet: bool,
    terminal: &Terminal,
) -> Result<(), Failure> {
    if diagnostics.has_errors() {
        let mut shown = Vec::new();
        // A vector takes all.
        let _ = diagnostic::write(&mut shown, &diagnostics.sorted(), sources, look(terminal));
        let carets = String::from_utf8_lossy(&shown).into_owned();
        return Err(Failure { carets, ..Failure::new(count(diagnostics, what)) });
    }
    if !quiet {
        show(diagnostics, sources, terminal);
    }
    Ok(())
}
