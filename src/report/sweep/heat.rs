//! A figure of two parameters: one row and one column per value.

use std::io::{self, Write};

use crate::format::short_count;
use crate::report::table::View;
use crate::report::table::grid::{Column, Grid, Tone};
use crate::report::wrap::{hung, width};
use crate::sweep::plan::Axis;
use crate::sweep::{Plan, Row, Swept};

use super::{felt, spread};

/// A figure that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    Bursts,
    Caught,
    FalseFirings,
}

impl Figure {
    /// Returns what a heading says.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Bursts => "bursts",
            Self::Caught => "incidents caught",
            Self::FalseFirings => "false firings",
        }
    }

    /// Returns the key that machine formats use.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Bursts => "bursts",
            Self::Caught => "caught",
            Self::FalseFirings => "false_firings",
        }
    }

    pub(super) fn of(self, row: &Row) -> u64 {
        let judgement = row.judgement.unwrap_or_default();
        match self {
            Self::Bursts => row.tally.bursts,
            Self::Caught => judgement.caught,
            Self::FalseFirings => judgement.false_firings,
        }
    }

    /// Returns those of a sweep.
    pub(super) fn all(swept: &Swept) -> &'static [Self] {
        match swept.incidents {
            Some(_) => &[Self::Caught, Self::FalseFirings],
            None => &[Self::Bursts],
        }
    }
}

/// How dark a cell is: the share of the greatest that it is above, the letter that says so, and its colour.
const SHADES: [(f64, char, Tone); 4] =
    [(0.75, '#', Tone::Bad), (0.5, '+', Tone::Uneasy), (0.25, ':', Tone::Plain), (0.0, '.', Tone::Plain)];

/// The rows and columns that are shown of a map.
struct Shown {
    rows: Vec<usize>,
    columns: Vec<usize>,
}

/// Writes the map of a figure of the two parameters of a plan within the width; values that have no room are left out,
/// never the rule's own. `most` is how many rows there may be.
///
/// # Errors
/// What the writer says.
pub(super) fn write(out: &mut dyn Write, plan: &Plan, swept: &Swept, figure: Figure, view: &View) -> io::Result<()> {
    let [down, across] = plan.axes.as_slice() else { return Ok(()) };
    let most = swept.rows.iter().map(|row| figure.of(row)).max().unwrap_or(0);
    let all =
        |axis: &Axis| -> Vec<String> { (0..axis.values.len()).map(|at| felt(axis, at, &swept.outcome)).collect() };
    let (names, titles) = (all(down), all(across));
    let label = names.iter().map(|name| width(name)).max().unwrap_or(0).max(width(&down.name));
    let digits = width(&short_count(most)).max(titles.iter().map(|title| width(title)).max().unwrap_or(0));
    // Two marks, the shade, and a blank before it.
    let cell = digits + 4;
    let room = view.width.map_or(usize::MAX, |width| width.saturating_sub(label) / cell);
    let rows = spread(names.len(), view.rows(), down.now);
    let columns = spread(titles.len(), room, across.now);
    let title = format!("{} by {} and {}", figure.title(), down.name, across.name);
    writeln!(out, "{}", Tone::Heading.paint(&hung(&title, view.width), view.color))?;
    let head: String = columns.iter().map(|at| format!("  {:>digits$}  ", titles[*at])).collect();
    writeln!(out, "{}", Tone::Heading.paint(format!("{:<label$}{head}", down.name).trim_end(), view.color))?;
    for at in &rows {
        let mut line = format!("{:>label$}", names[*at]);
        for other in &columns {
            let number = figure.of(&swept.rows[plan.number(&[*at, *other])]);
            let [open, close] = if (*at, *other) == (down.now, across.now) { ['[', ']'] } else { [' ', ' '] };
            let (shade, tone) = shade(number, most);
            line.push(' ');
            line.push(open);
            line.push_str(&tone.paint(&format!("{:>digits$}{shade}", short_count(number)), view.color));
            line.push(close);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    let left_out = Shown { rows, columns }.left_out(names.len(), titles.len());
    let legend = format!("[ ] the rule as it is; . : + # each a quarter of the most, {}{left_out}", short_count(most));
    writeln!(out, "{}", Tone::Faint.paint(&hung(&legend, view.width), view.color))
}

impl Shown {
    /// Says how much there is no room for.
    fn left_out(&self, rows: usize, columns: usize) -> String {
        let mut parts = Vec::new();
        if self.rows.len() < rows {
            parts.push(format!("{} of {rows} rows", self.rows.len()));
        }
        if self.columns.len() < columns {
            parts.push(format!("{} of {columns} columns", self.columns.len()));
        }
        match parts.is_empty() {
            true => String::new(),
            false => format!("; {} shown: -o csv has all", parts.join(" and ")),
        }
    }
}

fn shade(number: u64, most: u64) -> (char, Tone) {
    let share = number as f64 / most.max(1) as f64;
    let found = SHADES.iter().find(|(above, ..)| number > 0 && share > *above);
    found.map_or((' ', Tone::Faint), |(_, letter, tone)| (*letter, *tone))
}

/// Returns the map as a grid, for Markdown; the rule's own value in brackets.
pub(super) fn grid(plan: &Plan, swept: &Swept, figure: Figure, most: usize) -> Option<Grid> {
    let [down, across] = plan.axes.as_slice() else { return None };
    let columns = spread(across.values.len(), most, across.now);
    let titles = columns.iter().map(|at| Column::right(felt(across, *at, &swept.outcome), 0));
    let name = Column::left(format!("{} by {} and {}", figure.title(), down.name, across.name), 0);
    let mut grid = Grid::new([name].into_iter().chain(titles).collect());
    for at in spread(down.values.len(), most, down.now) {
        let cells = columns.iter().map(|other| {
            let number = short_count(figure.of(&swept.rows[plan.number(&[at, *other])]));
            let is_now = (at, *other) == (down.now, across.now);
            if is_now { format!("({number})").into() } else { number.into() }
        });
        grid.row([felt(down, at, &swept.outcome).into()].into_iter().chain(cells).collect());
    }
    Some(grid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Selection, sample};
    use crate::rules::RuleSet;

    /// Returns the map of bursts of a grid, in which each point has as many as its number says.
    fn map(view: &View) -> String {
        let mut rules = RuleSet::default();
        rules.add("a.yml", b"groups: [{name: g, rules: [{alert: A, expr: x > 7, for: 3m}]}]");
        let asks = ["A.threshold=1..30:1", "A.for=0s..8m:1m"].map(|text| text.parse().expect("values"));
        let plan = Plan::of(&rules, &Selection::default(), &asks).expect("a plan");
        let mut rows = vec![Row::default(); plan.points()];
        rows.iter_mut().zip(0..).for_each(|(row, number)| row.tally.bursts = number);
        let swept = Swept { outcome: sample::outcome(), rows, span: None, incidents: None, unmet: Vec::new() };
        let mut out = Vec::new();
        write(&mut out, &plan, &swept, Figure::Bursts, view).expect("a vector takes all");
        String::from_utf8(out).expect("a map is UTF-8")
    }

    #[test]
    fn a_map_keeps_the_rules_own_value_in_any_width() {
        let view = View { width: Some(50), limit: Some(5), ..View::default() };
        insta::assert_snapshot!(map(&view), @"
        bursts by threshold and for
        threshold   0s     3m     4m     6m     8m
                1    0      3.     4.     6.     8.
                7   54.  [ 57.]   58.    60.    62.
               15  126:   129:   130:   132:   134:
               22  189+   192+   193+   195+   197+
               30  261#   264#   265#   267#   269#
        [ ] the rule as it is; . : + # each a quarter of
          the most, 269; 5 of 30 rows and 5 of 9 columns
          shown: -o csv has all
        ");
        for width in 24..120 {
            let shown = map(&View { width: Some(width), ..view.clone() });
            assert!(shown.contains("[ 57.]"), "{shown}");
            assert!(shown.lines().all(|line| line.len() <= width), "{width}:\n{shown}");
        }
        assert_eq!(map(&View::default()).lines().count(), 33);
    }
}
