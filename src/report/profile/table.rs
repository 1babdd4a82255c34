//! `--format table`: for people.

use std::io::{self, Write};

use super::View;
use super::sheets::{environment, sheets};
use crate::profile::report::ProfileReport;
use crate::report::table::grid::{Cell, Column, Grid, Tone, printable};

/// Writes the tables of a run, then what the figures depend on.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, report: &ProfileReport, view: &View) -> io::Result<()> {
    for sheet in sheets(report, view.top) {
        writeln!(out, "{}", Tone::Heading.paint(&printable(&sheet.title), view.color))?;
        let column = |(title, right, rank): (&'static str, bool, u8)| {
            if right { Column::right(title, rank) } else { Column::left(title, rank) }
        };
        let mut grid = Grid::new(sheet.columns.into_iter().map(column).collect());
        for row in sheet.rows {
            grid.row(row.into_iter().map(|(text, tone)| Cell::new(text, tone)).collect());
        }
        grid.write(out, view.width, view.color)?;
        for line in &sheet.below {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    for difference in &report.incompatible {
        writeln!(out, "not comparable: {}", printable(&difference.to_string()))?;
    }
    for (name, value) in environment(report) {
        writeln!(out, "{name:<8} {}", printable(&value))?;
    }
    for note in &report.notes {
        writeln!(out, "{:<8} {}", "note", printable(note))?;
    }
    Ok(())
}
