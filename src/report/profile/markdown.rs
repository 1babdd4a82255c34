//! `--format markdown`: the same tables for a page or a comment.

use std::io::{self, Write};

use super::View;
use super::sheets::{environment, sheets};
use super::verdict::{closing, opening};
use crate::profile::report::ProfileReport;
use crate::report::table::grid::{Tone, printable};

/// The heading of the page.
pub(super) const HEADING: &str = "## alertctl profile";

/// Writes the tables of a run as markdown.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, report: &ProfileReport, view: &View) -> io::Result<()> {
    writeln!(out, "{HEADING}")?;
    body(out, report, view)
}

/// Writes all that follows the heading.
pub(super) fn body(out: &mut dyn Write, report: &ProfileReport, view: &View) -> io::Result<()> {
    for line in opening(report).into_iter().map(str::to_owned).chain(closing(report)) {
        writeln!(out, "\n{}", escape(&line))?;
    }
    for sheet in sheets(report, view.top, view.wide) {
        writeln!(out, "\n### {}\n", escape(&sheet.title))?;
        let titles: Vec<&str> = sheet.columns.iter().map(|(title, ..)| *title).collect();
        writeln!(out, "| {} |", titles.join(" | "))?;
        let rules: Vec<&str> = sheet.columns.iter().map(|(_, right, _)| if *right { "--:" } else { "---" }).collect();
        writeln!(out, "| {} |", rules.join(" | "))?;
        for row in &sheet.rows {
            let cells: Vec<String> = row.iter().map(|(text, tone)| cell(text, *tone)).collect();
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
        for line in &sheet.below {
            writeln!(out, "\n{}", escape(line))?;
        }
    }
    for difference in &report.incompatible {
        writeln!(out, "\n**Not comparable:** {}", escape(&difference.to_string()))?;
    }
    writeln!(out, "\n### Environment\n")?;
    for (name, value) in environment(report) {
        writeln!(out, "- {name}: {}", escape(&value))?;
    }
    for note in &report.notes {
        writeln!(out, "- note: {}", escape(note))?;
    }
    Ok(())
}

fn cell(text: &str, tone: Tone) -> String {
    let text = escape(text);
    if tone == Tone::Bad && !text.is_empty() { format!("**{text}**") } else { text }
}

/// Escapes what markdown would take for itself; a bar would begin another cell even inside code.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        if matches!(c, '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '\\' | '#') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
