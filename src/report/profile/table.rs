//! `--format table`: for people.

use std::io::{self, Write};

use super::View;
use super::sheets::{environment, sheets};
use super::verdict::{closing, opening};
use crate::profile::report::ProfileReport;
use crate::report::table::grid::{Cell, Column, Grid, Tone, printable};
use crate::report::wrap::{hung, hung_by};

/// Writes the tables of a run, then what the figures depend on.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, report: &ProfileReport, view: &View) -> io::Result<()> {
    let mut said = Vec::new();
    if let Some(line) = opening(report) {
        writeln!(out, "{}\n", hung(line, view.width))?;
    }
    for sheet in sheets(report, view.top, view.wide) {
        writeln!(out, "{}", Tone::Heading.paint(&printable(&sheet.title), view.color))?;
        let column = |(title, right, rank): (&'static str, bool, u8)| match title {
            _ if right => Column::right(title, rank),
            "NOTE" | "CAUSE" => Column::words(title, rank),
            _ => Column::left(title, rank),
        };
        let mut grid = Grid::new(sheet.columns.into_iter().map(column).collect()).figures_first();
        for row in sheet.rows {
            grid.row(row.into_iter().map(|(text, tone)| Cell::new(text, tone)).collect());
        }
        // Who asks for all columns gets them.
        let width = view.width.filter(|_| !view.wide);
        grid.write_after(out, width, view.color, &mut said)?;
        for line in &sheet.below {
            writeln!(out, "{}", hung(line, view.width))?;
        }
        writeln!(out)?;
    }
    for difference in &report.incompatible {
        let line = format!("not comparable: {}", printable(&difference.to_string()));
        writeln!(out, "{}", hung(&line, view.width))?;
    }
    for (name, value) in environment(report) {
        writeln!(out, "{}", hung_by(&format!("{name:<8} {}", printable(&value)), view.width, 9))?;
    }
    for note in &report.notes {
        writeln!(out, "{}", hung_by(&format!("{:<8} {}", "note", printable(note)), view.width, 9))?;
    }
    let closing = closing(report);
    if !closing.is_empty() {
        writeln!(out)?;
    }
    for line in closing {
        writeln!(out, "{}", hung(&printable(&line), view.width))?;
    }
    Ok(())
}
