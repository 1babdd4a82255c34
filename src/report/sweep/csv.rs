//! `-o csv` with `--set`: one row per combination of values.

use std::io::{self, Write};

use crate::report::number::shortest;
use crate::sweep::ask::Key;
use crate::sweep::{Plan, Swept};
use crate::time::Millis;

use super::number;

/// Writes the rows, a header first; nothing in them needs quotes.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, plan: &Plan, swept: &Swept) -> io::Result<()> {
    let unit = |key: Key| if key.is_number() { "" } else { "_s" };
    let mut columns: Vec<String> = plan.axes.iter().map(|axis| format!("{}{}", axis.name, unit(axis.key))).collect();
    let figures =
        ["now", "firings", "bursts", "firing_s", "bursts_per_day", "label_sets", "near_misses", "failed_evaluations"]
            .map(str::to_owned);
    columns.extend(figures);
    if swept.incidents.is_some() {
        columns.extend(["caught", "missed", "false_firings", "detection_s", "best"].map(str::to_owned));
    }
    writeln!(out, "{}", columns.join(","))?;
    let seconds = |span: Millis| shortest(span.seconds());
    for (at, row) in swept.rows.iter().enumerate() {
        let point = plan.point(at);
        let mut cells: Vec<String> =
            plan.axes.iter().zip(&point).map(|(axis, at)| shortest(number(&axis.values[*at]))).collect();
        cells.extend([
            (at == plan.now()).to_string(),
            row.tally.firings.to_string(),
            row.tally.bursts.to_string(),
            seconds(row.tally.firing),
            swept.pages_a_day(row).map(shortest).unwrap_or_default(),
            row.tally.label_sets.to_string(),
            row.tally.near_misses.to_string(),
            row.failed.to_string(),
        ]);
        if let Some(judgement) = &row.judgement {
            cells.extend([
                judgement.caught.to_string(),
                judgement.missed.to_string(),
                judgement.false_firings.to_string(),
                judgement.detection.map(seconds).unwrap_or_default(),
                row.best.to_string(),
            ]);
        }
        writeln!(out, "{}", cells.join(","))?;
    }
    Ok(())
}
