//! `--format text`: every problem with the line it stands on, for people.

use std::io::{self, Write};

use super::Checked;
use crate::report::diagnostic::{self, Look};
use crate::report::table::grid::printable;
use crate::report::wrap::hung;

/// Writes every problem with the line it stands on; then, if it is wanted, how many each file has, or what there is
/// when all is well.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, checked: &Checked<'_>, look: Look, summary: bool) -> io::Result<()> {
    let all = diagnostic::write(out, &checked.diagnostics, checked.sources, look)?;
    if !summary {
        return Ok(());
    }
    let say = |out: &mut dyn Write, line: &str| writeln!(out, "{}", hung(&printable(line), look.width));
    if !all {
        say(out, "-o json shows all of them")?;
        writeln!(out)?;
    }
    // The line of the only file says all.
    let said = checked.files.iter().filter(|file| !checked.within(Some(file.file)).is_empty()).count();
    let is_last = said == 1 && checked.files.len() == 1 && checked.since.is_none();
    for file in &checked.files {
        let problems = checked.problems(Some(file.file));
        if !problems.is_empty() {
            let fixable = if is_last { checked.fixable() } else { String::new() };
            say(out, &format!("{}: {problems}{fixable}", file.name))?;
        }
    }
    if is_last { Ok(()) } else { say(out, &format!("{}{}", checked.conclusion(), checked.fixable())) }
}
