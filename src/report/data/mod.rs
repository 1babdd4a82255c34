//! What is in a recording, before any rule: as tables for people, or as one object, `alertctl.data/1`.

mod object;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use crate::format::{Clock, count, counted, duration, value};
use crate::input::{InputSummary, RowProblem, Summary, TimeFrom, shell_word};
use crate::report::table::grid::{Cell, Column, Grid, Tone, printable};
use crate::report::wrap::hung;
use crate::survey::Findings;

pub use object::write_object;

/// How tables are shown.
#[derive(Clone, Debug)]
pub struct View {
    /// Writes instants.
    pub clock: Clock,
    /// The width of the terminal, if it is one. Unit: columns.
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub color: bool,
    /// The most rows of one table; 0 shows all.
    pub limit: usize,
}

/// Writes tables for people: inputs, metrics, labels, gaps, and what is worth a thought.
///
/// # Errors
/// What the writer says.
pub fn write_table(out: &mut dyn Write, summary: &Summary, findings: &Findings, view: &View) -> io::Result<()> {
    for input in &summary.inputs {
        say(out, view, &describe(input))?;
    }
    say(out, view, &whole(summary, findings, view))?;
    writeln!(out)?;
    metrics(out, findings, view)?;
    if !findings.labels.is_empty() {
        writeln!(out)?;
        labels(out, findings, view)?;
    }
    if !findings.gaps.is_empty() {
        writeln!(out)?;
        gaps(out, findings, view)?;
    }
    say_problems(out, view, "bad row", summary.bad_rows, &summary.bad_rows_shown)?;
    say_problems(out, view, "conflict", findings.conflicts, &findings.conflicts_shown)?;
    let hints = findings.hints();
    if !hints.is_empty() {
        writeln!(out)?;
    }
    for hint in &hints {
        say(out, view, &format!("{}: {}", Tone::Uneasy.paint(hint.code, view.color), printable(&hint.message)))?;
    }
    Ok(())
}

/// Writes lines within the width.
fn say(out: &mut dyn Write, view: &View, lines: &str) -> io::Result<()> {
    writeln!(out, "{}", hung(lines, view.width))
}

/// Returns lines about an input.
fn describe(input: &InputSummary) -> String {
    let form = input.format.as_ref().map_or("of no known form".to_owned(), |(format, why)| format!("{format}: {why}"));
    let mut lines = vec![format!("{}  {}", printable(&input.path), printable(&form))];
    if let Some(name) = input.recognized {
        let title = input.form.title.as_deref().unwrap_or_default();
        lines.push(format!("  form    {name}: {title} (--form plain reads it without)"));
    }
    if let Some(time) = &input.time {
        let unit = match (time.unit, time.from) {
            (Some(unit), TimeFrom::Suffix) => format!("Unix {}, as its name says", unit.plural()),
            (Some(unit), TimeFrom::Flag) if input.recognized.is_some() => {
                format!("Unix {}, as the form says", unit.plural())
            }
            (Some(unit), TimeFrom::Flag) => format!("Unix {}, as the flag says", unit.plural()),
            (Some(unit), _) => format!("Unix {}, by the size of the first one (--time-unit)", unit.plural()),
            (None, _) => "written out".to_owned(),
        };
        let zone = time.zone.as_ref().map(|zone| format!(", without a zone: read as {zone} (--input-timezone)"));
        lines.push(format!("  times   `{}`: {unit}{}", printable(&time.column), zone.unwrap_or_default()));
    }
    if !input.label_columns.is_empty() {
        lines.push(format!("  labels  {}", printable(&input.label_columns.join(", "))));
    }
    let samples = counted(input.samples, "sample");
    lines.push(format!("  rows    {}, {samples}, {}", count(input.rows), counted(input.bad_rows, "bad row")));
    if input.guessed
        && input.recognized.is_none()
        && let Some(flags) = input.form.flags()
    {
        lines.push(format!("  again   alertctl data {} {}", printable(&shell_word(&input.path)), printable(&flags)));
    }
    lines.extend(input.warnings.iter().map(|warning| format!("  note    {}", printable(warning))));
    lines.join("\n")
}

/// Returns the line about all inputs together.
fn whole(summary: &Summary, findings: &Findings, view: &View) -> String {
    let mut parts = vec![
        counted(findings.metrics.len() as u64, "metric"),
        format!("{} series", count(findings.series)),
        counted(findings.samples, "sample"),
    ];
    if let Some((from, to)) = findings.span {
        let clock = &view.clock;
        let length = duration(to.since(from));
        parts.push(format!("{} to {} {} ({length})", clock.full(from), clock.full(to), clock.name));
    }
    if let Some(cadence) = findings.cadence {
        parts.push(format!("one every {}", duration(cadence)));
    }
    if findings.repeats > 0 {
        parts.push(counted(findings.repeats, "repeat"));
    }
    if let Some((path, line)) = &summary.disorder {
        parts.push(format!("not in time order ({}:{line}), so sorted", printable(path)));
    }
    parts.join(", ")
}

fn metrics(out: &mut dyn Write, findings: &Findings, view: &View) -> io::Result<()> {
    let mut grid = Grid::new(vec![
        Column::left("METRIC", 0),
        Column::right("SERIES", 4),
        Column::right("SAMPLES", 9),
        Column::right("EVERY", 5),
        Column::right("MIN", 3),
        Column::right("MEDIAN", 1),
        Column::right("MAX", 2),
        Column::right("GAPS", 6),
        Column::right("LONGEST", 7),
        Column::right("RESETS", 8),
        Column::words("NOTE", 0),
    ]);
    let limit = rows(view);
    let number = |number: Option<f64>| number.map_or_else(String::new, value);
    let some = |many: u64| if many == 0 { String::new() } else { count(many) };
    for metric in findings.metrics.iter().take(limit) {
        let mut notes = Vec::new();
        if metric.values.histogram_series > 0 {
            notes.push(format!("{} series of native histograms", count(metric.values.histogram_series)));
        }
        if metric.values.nans > 0 {
            notes.push(format!("{} NaN", count(metric.values.nans)));
        }
        if metric.series_ended > 0 {
            notes.push(format!("{} of {} series end early", count(metric.series_ended), count(metric.series)));
        }
        let about = if metric.values.median_exact { "" } else { "~" };
        grid.row(vec![
            if metric.name.is_empty() { "(no name)".into() } else { metric.name.as_str().into() },
            count(metric.series).into(),
            count(metric.samples).into(),
            metric.cadence.map_or_else(String::new, duration).into(),
            number(metric.values.min).into(),
            metric.values.median.map_or_else(String::new, |median| format!("{about}{}", value(median))).into(),
            number(metric.values.max).into(),
            Cell::new(some(metric.gaps), Tone::Uneasy),
            metric.longest_gap.map_or_else(String::new, duration).into(),
            some(metric.values.resets).into(),
            notes.join(", ").into(),
        ]);
    }
    grid.write(out, view.width, view.color)?;
    more(out, findings.metrics.len(), limit, "metric")
}

fn labels(out: &mut dyn Write, findings: &Findings, view: &View) -> io::Result<()> {
    let mut grid = Grid::new(vec![
        Column::left("LABEL", 0),
        Column::right("VALUES", 0),
        Column::right("SERIES", 1),
        Column::words("SUCH AS", 0),
    ]);
    let limit = rows(view);
    for label in findings.labels.iter().take(limit) {
        let more = if label.values > label.examples.len() as u64 { ", .." } else { "" };
        let examples: Vec<String> = label.examples.iter().map(|text| text.chars().take(40).collect()).collect();
        grid.row(vec![
            label.name.as_str().into(),
            count(label.values).into(),
            count(label.series).into(),
            format!("{}{more}", examples.join(", ")).into(),
        ]);
    }
    grid.write(out, view.width, view.color)?;
    more(out, findings.labels.len(), limit, "label")
}

fn gaps(out: &mut dyn Write, findings: &Findings, view: &View) -> io::Result<()> {
    let mut grid = Grid::new(vec![
        Column::left(format!("LONGEST GAPS FROM ({})", view.clock.name), 0),
        Column::left("UNTIL", 2),
        Column::right("LENGTH", 0),
        Column::right("SERIES", 1),
    ]);
    for gap in findings.gaps.iter().take(rows(view)) {
        grid.row(vec![
            view.clock.full(gap.from).into(),
            view.clock.full(gap.to).into(),
            duration(gap.to.since(gap.from)).into(),
            count(gap.series).into(),
        ]);
    }
    grid.write(out, view.width, view.color)
}

fn say_problems(out: &mut dyn Write, view: &View, noun: &str, all: u64, shown: &[RowProblem]) -> io::Result<()> {
    if all == 0 {
        return Ok(());
    }
    writeln!(out, "\n{}", counted(all, noun))?;
    for problem in shown {
        say(out, view, &format!("  {}", printable(&problem.to_string())))?;
    }
    match all.saturating_sub(shown.iter().map(|problem| problem.rows).sum()) {
        0 => Ok(()),
        left => writeln!(out, "  and {} more", count(left)),
    }
}

fn rows(view: &View) -> usize {
    if view.limit == 0 { usize::MAX } else { view.limit }
}

fn more(out: &mut dyn Write, all: usize, limit: usize, noun: &str) -> io::Result<()> {
    match all.checked_sub(limit) {
        Some(left @ 1..) => writeln!(out, "and {}: --limit 0 shows all", counted(left as u64, &format!("more {noun}"))),
        _ => Ok(()),
    }
}
