//! `-o table` and `-o markdown` with `--set`.

use std::io::{self, Write};

use crate::format::{count, counted, duration, short_count, value};
use crate::outcome::Outcome;
use crate::outcome::summary::Summary;
use crate::promql::ast::BinaryOp;
use crate::report::markdown::escaped;
use crate::report::table::grid::{Cell, Column, Grid, Tone, printable};
use crate::report::table::{View, alerts};
use crate::report::wrap::hung;
use crate::sweep::{Judged, NeverTrue, Plan, Row, Swept};

use super::heat::{self, Figure};
use super::{felt, meant, rows};

/// Writes what is set, a heat map where there are two parameters, and the rows; with incidents the rows before the maps.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, plan: &Plan, (swept, summary): (&Swept, &Summary), view: &View) -> io::Result<()> {
    let hang = |text: &str| hung(&printable(text), view.width);
    writeln!(out, "{}", Tone::Heading.paint(&hang(&title(plan, &swept.outcome)), view.color))?;
    for line in about(plan, swept, summary, view) {
        writeln!(out, "{}", hang(&line))?;
    }
    writeln!(out)?;
    let maps = |out: &mut dyn Write| -> io::Result<()> {
        for (at, figure) in figures(plan, swept).iter().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            heat::write(out, plan, swept, *figure, view)?;
        }
        Ok(())
    };
    // The best rows are the answer where incidents are known; they stand on the first screen.
    let rows_first = swept.incidents.is_some();
    if !rows_first && !figures(plan, swept).is_empty() {
        maps(out)?;
        writeln!(out)?;
    }
    let shown = chosen(plan, swept, view);
    grid(plan, swept, &shown).write(out, view.width, view.color)?;
    for line in below(swept, shown.len()) {
        writeln!(out, "{}", hang(&line))?;
    }
    if rows_first && !figures(plan, swept).is_empty() {
        writeln!(out)?;
        maps(out)?;
    }
    Ok(())
}

/// Writes the same as tables of Markdown.
///
/// # Errors
/// What the writer says.
pub fn write_markdown(
    out: &mut dyn Write,
    plan: &Plan,
    (swept, summary): (&Swept, &Summary),
    view: &View,
) -> io::Result<()> {
    writeln!(out, "**{}**\n", escaped(&title(plan, &swept.outcome)))?;
    for line in about(plan, swept, summary, view) {
        writeln!(out, "- {}", escaped(&line))?;
    }
    let maps = |out: &mut dyn Write| -> io::Result<()> {
        for figure in figures(plan, swept) {
            if let Some(grid) = heat::grid(plan, swept, *figure, view.rows()) {
                writeln!(out)?;
                grid.write_markdown(out)?;
            }
        }
        Ok(())
    };
    let rows_first = swept.incidents.is_some();
    if !rows_first {
        maps(out)?;
    }
    writeln!(out)?;
    let shown = chosen(plan, swept, view);
    grid(plan, swept, &shown).write_markdown(out)?;
    for line in below(swept, shown.len()) {
        writeln!(out, "\n{}", escaped(&line))?;
    }
    if rows_first { maps(out) } else { Ok(()) }
}

/// Returns the figures of which there is a heat map.
fn figures(plan: &Plan, swept: &Swept) -> &'static [Figure] {
    if is_map(plan) { Figure::all(swept) } else { &[] }
}

/// Returns whether there is a heat map: of two parameters, with two values each at least.
fn is_map(plan: &Plan) -> bool {
    plan.axes.len() == 2 && plan.axes.iter().all(|axis| axis.values.len() > 1)
}

/// Returns the rows that are shown: below a heat map the rule's own and the best ones, unless a number was asked for.
fn chosen(plan: &Plan, swept: &Swept, view: &View) -> Vec<usize> {
    let all = rows(plan, swept, view.rows());
    if is_map(plan) && view.limit.is_none() {
        return all.into_iter().filter(|at| *at == plan.now() || swept.rows[*at].best).collect();
    }
    all
}

fn title(plan: &Plan, outcome: &Outcome) -> String {
    let rule = outcome.rules.first();
    let severity = rule.and_then(|rule| rule.severity.as_deref());
    let parts = [Some(plan.alert.as_str()), severity, rule.map(|rule| rule.condition.as_str())];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    format!("{}  {}:{}", parts.join("  "), plan.place.file, plan.place.line)
}

/// Returns what is set and what it is counted over, a line each.
fn about(plan: &Plan, swept: &Swept, summary: &Summary, view: &View) -> Vec<String> {
    let mut lines: Vec<String> = plan.axes.iter().map(|axis| format!("{}: {}", axis.name, meant(axis))).collect();
    if let Some(Judged { judged, outside, left_out }) = swept.incidents {
        let not = |number: usize, why: &str| match number {
            0 => String::new(),
            number => format!("; {} {why}", count(number as u64)),
        };
        let outside = not(outside, "outside of what was evaluated and reported");
        lines.push(format!("incidents: {}{outside}{}", count(judged as u64), not(left_out, "left out by --where")));
    }
    if let (Some(rule), Some(sums)) = (swept.outcome.rules.first(), summary.rules.first()) {
        let notes = alerts::note(&swept.outcome, rule, sums, &view.clock);
        lines.extend((!notes.is_empty()).then(|| format!("as it is: {}", notes.join("; "))));
    }
    lines
}

fn grid(plan: &Plan, swept: &Swept, shown_rows: &[usize]) -> Grid {
    let mut columns: Vec<Column> =
        plan.axes.iter().map(|axis| Column::right(axis.name.to_uppercase().replace('_', " "), 0)).collect();
    columns.push(Column::left("", 0));
    // Where incidents are known, what else there is gives way to what they say.
    let last = u8::from(swept.incidents.is_some()) * 4;
    columns.extend(
        [("FIRED", last), ("SETS", 9), ("BURSTS", 5), ("FIRING", 7), ("PAGES/DAY", 6), ("NEAR", 8)]
            .map(|(title, rank)| Column::right(title, rank)),
    );
    if swept.incidents.is_some() {
        columns.extend(
            [("CAUGHT", 0), ("MISSED", 3), ("FALSE", 1), ("DETECTED AFTER", 2)]
                .map(|(title, rank)| Column::right(title, rank)),
        );
        columns.push(Column::left("", 0));
    }
    let notes: Vec<String> = shown_rows.iter().map(|at| note(&swept.rows[*at], &swept.outcome)).collect();
    let has_notes = notes.iter().any(|note| !note.is_empty());
    columns.extend(has_notes.then(|| Column::words("NOTE", 0)));
    let mut grid = Grid::new(columns);
    for (at, note) in shown_rows.iter().zip(notes) {
        let row = &swept.rows[*at];
        let point = plan.point(*at);
        let mut cells: Vec<Cell> =
            plan.axes.iter().zip(&point).map(|(axis, at)| felt(axis, *at, &swept.outcome).into()).collect();
        cells.push(if *at == plan.now() { "(now)" } else { "" }.into());
        let tally = &row.tally;
        cells.extend([
            short_count(tally.firings).into(),
            short_count(tally.label_sets).into(),
            short_count(tally.bursts).into(),
            duration(tally.firing).into(),
            swept.pages_a_day(row).map_or_else(|| "-".to_owned(), value).into(),
            short_count(tally.near_misses).into(),
        ]);
        if let Some(judgement) = &row.judgement {
            cells.extend([
                short_count(judgement.caught).into(),
                short_count(judgement.missed).into(),
                short_count(judgement.false_firings).into(),
                judgement.detection.map_or_else(|| "-".to_owned(), duration).into(),
                if row.best && swept.rows.len() > 1 { "*" } else { "" }.into(),
            ]);
        }
        cells.extend(has_notes.then(|| note.into()));
        grid.row(cells);
    }
    grid
}

/// Says what a person would want to know of a row.
fn note(row: &Row, outcome: &Outcome) -> String {
    // Beside `and` and `unless`, a value says little.
    let rule = outcome.rules.first().filter(|rule| rule.guard.is_none());
    let op = rule.and_then(|rule| rule.threshold).map(|(op, _)| op);
    match row.failed {
        // Of other alerts than those that are shown, it would say too much.
        0 if outcome.options.selection.filter.is_some() => String::new(),
        0 => match (row.never, op) {
            (None, _) => String::new(),
            (Some(NeverTrue::Values(_, most)), Some(BinaryOp::Greater | BinaryOp::GreaterEqual)) => {
                format!("largest value {}", value(most))
            }
            (Some(NeverTrue::Values(least, _)), Some(BinaryOp::Less | BinaryOp::LessEqual)) => {
                format!("least value {}", value(least))
            }
            (Some(NeverTrue::NoValues), Some(_)) => "no values".to_owned(),
            _ => "never true".to_owned(),
        },
        _ if row.only_faults => "all evaluations failed".to_owned(),
        failed => format!("{} failed", counted(failed, "evaluation")),
    }
}

/// Returns what stands below the rows.
fn below(swept: &Swept, shown: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let hidden = swept.rows.len() - shown;
    if hidden > 0 {
        lines.push(format!("and {}: --limit 0, -o csv", counted(hidden as u64, "more row")));
    }
    if swept.incidents.is_some() && swept.rows.len() > 1 {
        lines.push(if swept.rows.iter().any(|row| row.best) {
            "* no other row catches as many incidents with fewer false firings and faster".to_owned()
        } else {
            "no row catches an incident".to_owned()
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Selection, sample};
    use crate::rules::RuleSet;
    use crate::sweep::incidents::Judgement;
    use crate::time::Millis;

    /// Returns the table of three parameters within a width.
    fn table(width: usize, judged: bool) -> String {
        let mut rules = RuleSet::default();
        rules.add("a.yml", b"groups: [{name: g, rules: [{alert: A, expr: x > 7, for: 3m, keep_firing_for: 5m}]}]");
        let asks = ["A.for=3m,90s", "A.keep_firing_for=15m", "A.threshold=1000"];
        let plan = Plan::of(&rules, &Selection::default(), &asks.map(|text| text.parse().expect("values")));
        let plan = plan.expect("a plan");
        let judgement = Judgement { caught: 12, missed: 3, false_firings: 1204, detection: Some(Millis(90_000)) };
        let row = Row { judgement: judged.then_some(judgement), best: judged, ..Row::default() };
        let incidents = judged.then_some(Judged { judged: 15, outside: 0, left_out: 0 });
        let rows = vec![row; plan.points()];
        let swept = Swept { outcome: sample::outcome(), rows, span: None, incidents, unmet: Vec::new() };
        let view = View { width: Some(width), ..View::default() };
        let mut out = Vec::new();
        let summary = Summary::of(&swept.outcome);
        write(&mut out, &plan, (&swept, &summary), &view).expect("a vector takes all");
        String::from_utf8(out).expect("a table is UTF-8")
    }

    #[test]
    fn a_narrow_terminal_loses_figures_before_any_word_breaks() {
        let below = |text: &str| text.split_once("\n\n").map(|(_, rows)| rows.to_owned()).expect("rows");
        insta::assert_snapshot!(below(&table(48, true)), @"
          FOR    KEEP  THRESHOLD         CAUGHT
               FIRING
                  FOR
        1m30s      5m          7             12  *
         (2m)
        1m30s      5m       1000             12  *
         (2m)
        1m30s     15m          7             12  *
         (2m)
        1m30s     15m       1000             12  *
         (2m)
           3m      5m          7  (now)      12  *
           3m      5m       1000             12  *
           3m     15m          7             12  *
           3m     15m       1000             12  *
        columns left out at 48 columns: SETS, NEAR,
          FIRING, PAGES/DAY, BURSTS, FIRED, MISSED,
          DETECTED AFTER, FALSE; widen the terminal or
          use -o json
        * no other row catches as many incidents with
          fewer false firings and faster
        ");
        for (width, judged) in (44..140).flat_map(|width| [(width, true), (width, false)]) {
            let shown = table(width, judged);
            assert!(shown.lines().all(|line| line.len() <= width), "{width}:\n{shown}");
            let words = ["FOR", "FIRING", "THRESHOLD", "1000", "(now)"];
            let words = words.iter().chain(if judged { &["CAUGHT", "12", "*"] } else { &["FIRED"][..] });
            for word in words {
                assert!(below(&shown).split_whitespace().any(|found| found == *word), "{width} {word}:\n{shown}");
            }
        }
    }
}
