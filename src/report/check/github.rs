//! `--format github`: annotations for a workflow's log; one notice where there is no problem.

use std::io::{self, Write};

use super::{Checked, Root, last_line};
use crate::diagnostic::{Diagnostic, Severity};
use crate::report::annotation::{MOST, data, property};
use crate::report::table::grid::printable;

/// The title of annotations that are about the whole run.
const TITLE: &str = "alertctl check";

/// Writes an annotation for each problem, errors first. Those of a kind that a step would not show stand in the log,
/// and the last annotation counts them.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, checked: &Checked<'_>, root: &Root) -> io::Result<()> {
    for (severity, kind) in [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "notice")] {
        let found: Vec<&Diagnostic> = checked.diagnostics.iter().filter(|found| found.severity == severity).collect();
        let shown = if found.len() > MOST { MOST - 1 } else { found.len() };
        for one in &found[..shown] {
            write!(out, "::{kind} ")?;
            if let Some(mark) = &one.primary {
                let place = checked.place(mark.at);
                let last = last_line(place.start, place.end);
                write!(out, "file={},line={}", property(&root.path(place.file)), place.start.line)?;
                write!(out, ",endLine={last},col={}", place.start.column)?;
                // A column of the end counts only within one line.
                if last == place.end.line && last == place.start.line {
                    write!(out, ",endColumn={}", place.end.column)?;
                }
                write!(out, ",")?;
            }
            writeln!(out, "title={}::{}", property(one.code), data(&checked.words_with_places(one)))?;
        }
        for one in &found[shown..] {
            writeln!(out, "  {}", in_the_log(checked, root, one))?;
        }
        if found.len() > shown {
            let more = found.len() - shown;
            writeln!(out, "::{kind} title={TITLE}::{more} more: they stand in the log of this step")?;
        }
    }
    if checked.diagnostics.is_empty() {
        writeln!(out, "::notice title={TITLE}::{}", data(&checked.conclusion()))?;
    }
    Ok(())
}

/// Returns a problem in one line that is no command for the runner.
fn in_the_log(checked: &Checked<'_>, root: &Root, found: &Diagnostic) -> String {
    let place = found.primary.as_ref().map(|mark| checked.place(mark.at)).map_or(String::new(), |place| {
        format!("{}:{}:{}: ", root.path(place.file), place.start.line, place.start.column)
    });
    let line = format!(
        "{place}{}[{}]: {}",
        found.severity.word(),
        found.code,
        checked.words_with_places(found).replace('\n', "; ")
    );
    // The older form of a command is obeyed anywhere in a line.
    printable(&line).replace("##[", "## [")
}
