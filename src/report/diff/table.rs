//! `diff --format table`: for people. One row for each rule of which there is something to say, the worst first, and one
//! line that counts the others; then what differs, alert by alert.

use std::io::{self, Write};

use super::{View, words};
use crate::diff::{Difference, RuleDifference};
use crate::format::counted;
use crate::outcome::Kind;
use crate::report::table::grid::{Cell, Column, Grid, Tone, printable};
use crate::report::table::lines::summary_lines;
use crate::report::wrap::hung;

/// Writes what was compared and read: a line for both sets of rules, and one for each recording.
///
/// # Errors
/// What the writer says.
pub fn write_summary(out: &mut dyn Write, difference: &Difference, view: &View) -> io::Result<()> {
    let of = |name: &str, count: &dyn Fn(Kind) -> usize| {
        let recorded = count(Kind::Record);
        let recorded = if recorded > 0 { format!(", {recorded} recorded") } else { String::new() };
        format!("{}  {}{recorded}", printable(name), counted(count(Kind::Alert) as u64, "alert"))
    };
    let rules = |after: bool| {
        move |kind: Kind| {
            let side = |rule: &RuleDifference| if after { rule.after.clone() } else { rule.before.clone() };
            difference.rules.iter().filter_map(side).filter(|side| side.facts.kind == kind).count()
        }
    };
    writeln!(out, "before     {}", of(&view.before, &rules(false)))?;
    writeln!(out, "after      {}", of(&view.after, &rules(true)))?;
    for (name, text) in summary_lines(&difference.run, &view.clock) {
        if name != "rules" && name != "evaluated" {
            writeln!(out, "{name:<9}  {text}")?;
        }
    }
    Ok(())
}

/// Returns the rows of the rules of which there is something to say.
pub(super) fn rules(difference: &Difference, order: &[usize]) -> Grid {
    let columns = vec![
        Column::left("RULE", 0),
        Column::left("SEVERITY", 2),
        Column::right("FIRED", 1),
        Column::right("FIRING", 3),
        Column::words("DIFFERENCE", 0),
        Column::words("CHANGE", 0),
    ];
    let mut grid = Grid::new(columns);
    for rule in order.iter().map(|at| &difference.rules[*at]) {
        let alert = |text: String| if words::is_alert(rule) { text } else { String::new() };
        let (lost, new) = rule.firings();
        let tone = if lost > 0 {
            Tone::Bad
        } else if new > 0 {
            Tone::Uneasy
        } else {
            Tone::Plain
        };
        grid.row(vec![
            words::name(rule).into(),
            Cell::new(words::severity(rule), Tone::of_severity(rule.severity())),
            alert(words::fired(rule)).into(),
            alert(words::firing(rule)).into(),
            Cell::new(words::differences(rule), tone),
            words::change(rule).into(),
        ]);
    }
    grid
}

/// Returns the rows of what differs of one rule.
pub(super) fn episodes(difference: &Difference, rule: &RuleDifference, view: &View) -> (Grid, usize) {
    let zone = &view.clock.name;
    let mut grid = Grid::new(vec![
        Column::words("DIFFERENCE", 0),
        Column::left(format!("BEFORE ({zone})"), 0),
        Column::left("AFTER", 0),
        Column::words("LABELS", 0),
    ]);
    let all = words::worst_first(rule);
    for one in all.iter().take(view.rows()) {
        grid.row(vec![
            words::kinds(one).into(),
            words::when(&one.before, &view.clock, difference).into(),
            words::when(&one.after, &view.clock, difference).into(),
            words::labels(rule, one).into(),
        ]);
    }
    (grid, all.len().saturating_sub(view.rows()))
}

/// Writes the tables of a comparison.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, difference: &Difference, view: &View) -> io::Result<()> {
    let order = difference.worst_first();
    let shown = &order[..order.len().min(view.rows())];
    let mut said = Vec::new();
    if !shown.is_empty() {
        rules(difference, shown).write_after(out, view.width, view.color, &mut said)?;
    }
    if order.len() > shown.len() {
        writeln!(out, "and {}: --limit 0", counted((order.len() - shown.len()) as u64, "more rule"))?;
    }
    if let Some(line) = words::unchanged(difference) {
        writeln!(out, "{}", hung(&line, view.width))?;
    }
    writeln!(out, "{}", hung(&words::headline(difference), view.width))?;
    for rule in shown.iter().map(|at| &difference.rules[*at]) {
        if words::worst_first(rule).is_empty() {
            continue;
        }
        let severity = words::severity(rule);
        let severity = if severity.is_empty() { severity } else { format!("  {severity}") };
        let title = format!("{}{severity}  {}", words::name(rule), words::place(rule));
        writeln!(out, "\n{}", Tone::Heading.paint(&hung(&printable(&title), view.width), view.color))?;
        let change = words::change(rule);
        if !change.is_empty() {
            writeln!(out, "{}", hung(&printable(&change), view.width))?;
        }
        let (grid, hidden) = episodes(difference, rule, view);
        grid.write_after(out, view.width, view.color, &mut said)?;
        if hidden > 0 {
            writeln!(out, "and {}: --limit 0", counted(hidden as u64, "more difference"))?;
        }
    }
    Ok(())
}

/// Returns the line that says which conditions of `--fail-on` are met, if any were given.
#[must_use]
pub fn gate_line(difference: &Difference) -> Option<String> {
    let words = |all: &[String]| all.join(", ");
    let met: Vec<String> = difference.met().iter().map(ToString::to_string).collect();
    let all: Vec<String> = difference.fail_on.iter().map(ToString::to_string).collect();
    match (all.is_empty(), met.is_empty()) {
        (true, _) => None,
        (_, true) => Some(format!("fail-on    not met: {}", words(&all))),
        _ => Some(format!("fail-on    met: {}", words(&met))),
    }
}
