//! `diff --format markdown`: a comment on a pull request. The worst comes first, details are folded, and all of it stays
//! below what such a comment may hold, whatever the rules.

use std::io::{self, Write};

use super::{View, words};
use crate::diff::{Difference, RuleDifference};
use crate::format::counted;
use crate::report::markdown::escaped;
use crate::report::table::grid::{Cell, Column, Grid};

/// The most that is written; GitHub takes 65,536 characters. Unit: bytes.
pub const MOST: usize = 60_000;
/// The most of it for the rows of the rules. Unit: bytes.
const MOST_RULES: usize = 20_000;
/// What is kept free for the lines at the end. Unit: bytes.
const KEPT: usize = 2_000;
/// The longest text of a cell or a title. Unit: characters.
const LONGEST: usize = 200;

/// Writes a comparison.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, difference: &Difference, view: &View) -> io::Result<()> {
    let order = difference.worst_first();
    let mut text = format!("**{}**\n", escaped(&words::headline(difference)));
    if difference.strangers {
        text.push_str("\nNo rule of one side is one of the other: all were added or removed.\n");
    }
    let (rows, shown) = rules(difference, &order, view);
    text.push_str(&rows);
    let mut left_out = Vec::new();
    for rule in order[..shown].iter().map(|at| &difference.rules[*at]) {
        let part = details(difference, rule, view);
        if text.len() + part.len() + KEPT <= MOST {
            text.push_str(&part);
        } else {
            left_out.push(rule);
        }
    }
    if let Some(line) = words::unchanged(difference) {
        text.push_str(&format!("\n{}.\n", escaped(&line)));
    }
    let mut missing = Vec::new();
    if order.len() > shown {
        missing.push(counted((order.len() - shown) as u64, "rule"));
    }
    if !left_out.is_empty() {
        missing.push(format!("the details of {}", counted(left_out.len() as u64, "rule")));
    }
    if !missing.is_empty() {
        text.push_str(&format!("\nLeft out here: {}; `-o json` has everything.\n", missing.join(" and ")));
    }
    let names = [&view.before, &view.after].map(|name| escaped(&cut(name)));
    text.push_str(&format!("\n- before: {}\n- after: {}\n", names[0], names[1]));
    let recordings: Vec<String> = difference.run.recordings.iter().map(|one| escaped(&cut(&one.path))).collect();
    let named = recordings.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = recordings.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    text.push_str(&format!("- recording: {named}{more}\n"));
    out.write_all(text.as_bytes())
}

/// The most recordings that are named.
const NAMED: usize = 3;

/// Returns the table of the rules, and how many of them it has.
fn rules(difference: &Difference, order: &[usize], view: &View) -> (String, usize) {
    let mut shown = order.len().min(view.rows());
    while shown > 0 {
        let text = format!("\n{}", drawn(&short(table_of(difference, &order[..shown]))));
        if text.len() <= MOST_RULES {
            return (text, shown);
        }
        shown /= 2;
    }
    (String::new(), 0)
}

/// Returns titles and cells of the rules.
fn table_of(difference: &Difference, order: &[usize]) -> (Vec<Column>, Vec<Vec<String>>) {
    let columns = vec![
        Column::left("RULE", 0),
        Column::left("SEVERITY", 0),
        Column::right("FIRED", 0),
        Column::right("FIRING", 0),
        Column::left("DIFFERENCE", 0),
        Column::left("CHANGE", 0),
    ];
    let row = |at: &usize| {
        let rule = &difference.rules[*at];
        let alert = |text: String| if words::is_alert(rule) { text } else { String::new() };
        vec![
            words::name(rule).to_owned(),
            words::severity(rule),
            alert(words::fired(rule)),
            alert(words::firing(rule)),
            words::differences(rule),
            words::change(rule),
        ]
    };
    (columns, order.iter().map(row).collect())
}

/// Makes a table whose cells are not too long.
fn short((columns, rows): (Vec<Column>, Vec<Vec<String>>)) -> Grid {
    let mut grid = Grid::new(columns);
    for row in rows {
        grid.row(row.iter().map(|text| Cell::from(cut(text))).collect());
    }
    grid
}

fn drawn(grid: &Grid) -> String {
    let mut out = Vec::new();
    // A vector takes all.
    let _ = grid.write_markdown(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Returns what differs of one rule, folded; nothing where nothing does.
fn details(difference: &Difference, rule: &RuleDifference, view: &View) -> String {
    let all = words::worst_first(rule);
    if all.is_empty() {
        return String::new();
    }
    let severity = words::severity(rule);
    let severity = if severity.is_empty() { severity } else { format!(" ({severity})") };
    let title = format!("{}{severity}: {}", words::name(rule), words::differences(rule));
    let mut text = format!("\n<details><summary>{}</summary>\n\n", html(&cut(&title)));
    let change = words::change(rule);
    let change = if change.is_empty() { change } else { format!(": {change}") };
    text.push_str(&format!("{}\n\n", escaped(&cut(&format!("{}{change}", words::place(rule))))));
    let columns = vec![
        Column::left("DIFFERENCE", 0),
        Column::left(format!("BEFORE ({})", view.clock.name), 0),
        Column::left("AFTER", 0),
        Column::left("LABELS", 0),
    ];
    let rows = all.iter().take(view.rows()).map(|one| {
        let when = |side| words::when(side, &view.clock, difference);
        vec![words::kinds(one), when(&one.before), when(&one.after), words::labels(rule, one)]
    });
    text.push_str(&drawn(&short((columns, rows.collect()))));
    if all.len() > view.rows() {
        let more = counted((all.len() - view.rows()) as u64, "more difference");
        text.push_str(&format!("\nand {more}: `--limit 0`\n"));
    }
    text + "\n</details>\n"
}

/// Returns a text that is not too long.
fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    format!("{}...", text.chars().take(LONGEST).collect::<String>())
}

/// Returns a text as HTML shows it: nothing in it is markup, or mentions a person or an issue.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' | '#' => {
                out.push(c);
                out.push_str("<!-- -->");
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
