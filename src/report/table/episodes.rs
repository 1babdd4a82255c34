//! The episodes of one alert.

use std::io::{self, Write};

use crate::engine::Episode;
use crate::format::{counted, duration, value};
use crate::outcome::{Outcome, RuleFacts};
use crate::report::wrap::{hung, hung_by};
use crate::time::{Millis, Timestamp};

use super::alerts::file_name;
use super::fold::{self, Context, Row};
use super::grid::{Cell, Column, Grid, Tone, printable};
use super::labels::Labels;
use super::{Sort, View};

/// Which episodes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those that fired.
    Fired,
    /// Those that never did.
    Pending,
}

/// The most label columns.
const LABEL_COLUMNS: usize = 3;

/// A table of episodes of one alert, and what stands above and below it.
pub(crate) struct Block<'a> {
    pub(crate) rule: &'a RuleFacts,
    pub(crate) which: Which,
    /// File and line.
    pub(crate) place: String,
    /// The labels that all rows have alike.
    pub(crate) common: Option<String>,
    /// How many labels are not shown.
    pub(crate) left: Option<String>,
    pub(crate) grid: Grid,
    /// How many rows the limit cut.
    pub(crate) hidden: usize,
}

/// Writes a heading and a table, or nothing where there is no episode.
pub(super) fn write(
    out: &mut dyn Write,
    outcome: &Outcome,
    rule: &RuleFacts,
    which: Which,
    view: &View,
    said: &mut Vec<String>,
) -> io::Result<()> {
    let by_time = matches!(view.sort, None | Some(Sort::Time));
    let Some(block) = block(outcome, rule, which, view, by_time) else { return Ok(()) };
    writeln!(out)?;
    writeln!(out, "{}", block.heading(view))?;
    block.grid.write_after(out, view.width, view.color, said)?;
    if block.hidden > 0 {
        let hidden = counted(block.hidden as u64, "more row");
        writeln!(out, "{}", hung(&format!("and {hidden}, not longer than these: --limit 0"), view.width))?;
    }
    Ok(())
}

/// Returns how many rows the episodes of a rule that fired fold to.
pub(crate) fn rows_fired(outcome: &Outcome, rule: &RuleFacts) -> usize {
    fold::rows(&of(outcome, rule, Which::Fired), &context(outcome, rule, false)).len()
}

fn of<'a>(outcome: &'a Outcome, rule: &RuleFacts, which: Which) -> Vec<&'a Episode> {
    let wanted =
        |episode: &&Episode| episode.rule == rule.id && episode.activity.fired_at.is_some() == (which == Which::Fired);
    outcome.episodes.iter().filter(wanted).collect()
}

fn context(outcome: &Outcome, rule: &RuleFacts, unfolded: bool) -> Context {
    Context {
        join: outcome.options.join.value,
        interval: outcome.interval(rule),
        last_step: outcome.last_step(rule),
        threshold: rule.threshold,
        unfolded,
    }
}

/// Makes the table of a rule's episodes, if there are any; `days` puts the day above the rows of each.
pub(crate) fn block<'a>(
    outcome: &Outcome,
    rule: &'a RuleFacts,
    which: Which,
    view: &View,
    days: bool,
) -> Option<Block<'a>> {
    let episodes = of(outcome, rule, which);
    if episodes.is_empty() {
        return None;
    }
    let context = context(outcome, rule, view.unfolded);
    let hold = rule.effective_hold(context.interval);
    let labels = labels_of(&episodes);
    let mut rows = fold::rows(&episodes, &context);
    let length = |row: &Row<'_>| if which == Which::Fired { row.firing } else { row.pending };
    // The longest stay when the limit cuts.
    rows.sort_by_key(|row| (std::cmp::Reverse(length(row)), row.from));
    let hidden = rows.len().saturating_sub(view.rows());
    rows.truncate(view.rows());
    match view.sort {
        Some(Sort::Firing | Sort::Severity) => {}
        Some(Sort::Count) => rows.sort_by_key(|row| std::cmp::Reverse(row.times.max(row.more_sets + 1))),
        None | Some(Sort::Time) => {
            rows.sort_by(|a, b| a.from.cmp(&b.from).then_with(|| a.first.labels.cmp(&b.first.labels)));
        }
    }
    let mut grid = Grid::new(columns(which, &labels, view));
    let mut day = String::new();
    for row in &rows {
        let own = view.clock.day(row.from);
        if days && own != day {
            grid.heading(own.clone());
            day = own;
        }
        grid.row(cells(row, which, hold, &labels, view, days));
    }
    Some(Block {
        rule,
        which,
        place: format!("{}:{}", file_name(&rule.file), rule.line),
        common: labels.alike(),
        left: (!labels.left.is_empty()).then(|| format!("+{}", counted(labels.left.len() as u64, "label"))),
        grid,
        hidden,
    })
}

impl Block<'_> {
    fn heading(&self, view: &View) -> String {
        let severity = self.rule.severity.as_deref().unwrap_or("");
        let mut parts = Vec::new();
        if self.which == Which::Pending {
            parts.push("near misses of".to_owned());
        }
        parts.push(Tone::Heading.paint(&printable(&self.rule.name), view.color));
        if !severity.is_empty() {
            parts.push(Tone::of_severity(severity).paint(&printable(severity), view.color));
        }
        parts.extend([printable(&self.rule.condition), printable(&self.place)]);
        parts.extend(self.common.as_ref().map(|labels| format!("all {}", printable(&labels.to_string()))));
        parts.extend(self.left.clone());
        hung_by(&parts.join("  "), view.width, 2)
    }
}

fn columns(which: Which, labels: &Labels, view: &View) -> Vec<Column> {
    let zone = &view.clock.name;
    let mut columns = match which {
        Which::Fired => vec![
            Column::left(format!("FIRED ({zone})"), 0),
            Column::left("UNTIL", 3),
            Column::right("FIRING", 0),
            Column::right("PENDING", 8),
        ],
        Which::Pending => {
            vec![
                Column::left(format!("PENDING ({zone})"), 0),
                Column::left("UNTIL", 3),
                Column::right("FOR", 0),
                Column::right("SHORT BY", 2),
            ]
        }
    };
    // The first label says most, and stays.
    let ranks = [0, 4, 5];
    columns.extend(labels.shown.iter().zip(ranks).map(|(name, rank)| Column::words(name.to_uppercase(), rank)));
    if which == Which::Fired {
        columns.push(Column::right("AT FIRE", 7));
    }
    columns.extend([Column::right("WORST", 6), Column::words("ENDED BY", 0)]);
    columns
}

fn cells(row: &Row<'_>, which: Which, hold: Millis, labels: &Labels, view: &View, by_time: bool) -> Vec<Cell> {
    let same_day = |at: Timestamp| by_time && view.clock.day(at) == view.clock.day(row.from);
    let time = |at| if same_day(at) { view.clock.time(at) } else { view.clock.full(at) };
    let times = if row.times > 1 { format!(" x{}", row.times) } else { String::new() };
    let indent = if by_time { "  " } else { "" };
    let until = match row.until {
        Some(at) => Cell::from(time(at)),
        None => Cell::new("open", if which == Which::Fired { Tone::Bad } else { Tone::Uneasy }),
    };
    let number = |number: Option<f64>| Cell::from(number.map_or_else(|| "-".to_owned(), value));
    let mut cells = vec![Cell::from(format!("{indent}{}{times}", time(row.from))), until];
    match which {
        Which::Fired => cells.extend([Cell::from(duration(row.firing)), Cell::from(duration(row.pending))]),
        Which::Pending => {
            let short = Millis(hold.0.saturating_sub(row.pending.0).max(0));
            // What was true at all evaluations but the last, which would have fired, lacks that one.
            let short = if short == Millis::ZERO { "1 evaluation".to_owned() } else { duration(short) };
            cells.extend([Cell::from(duration(row.pending)), Cell::from(short)]);
        }
    }
    for (at, name) in labels.shown.iter().enumerate() {
        let own = row.first.labels.get(name).unwrap_or("-");
        cells.push(match row.more_sets {
            0 => Cell::from(own),
            more if at == 0 => Cell::from(format!("{own} and {more} more (--all)")),
            _ => Cell::from("..."),
        });
    }
    if which == Which::Fired {
        cells.push(match &row.first.histogram {
            Some(histogram) => Cell::from(format!("count {}, sum {}", value(histogram.count), value(histogram.sum))),
            None => number(row.first.activity.value_fire),
        });
    }
    cells.push(number(row.worst));
    let more = match (row.more_sets, labels.shown.is_empty()) {
        (more @ 1.., true) => format!(" (and {more} more sets: --all)"),
        _ => String::new(),
    };
    cells.push(Cell::from(format!("{}{more}", row.ended)));
    cells
}

/// Returns which labels of episodes vary; the heading names the alert and its severity already, unless that differs.
fn labels_of(episodes: &[&Episode]) -> Labels {
    let named = |name: &str, values: usize| name == "alertname" || (name == "severity" && values == 1);
    Labels::of(episodes.iter().map(|episode| &episode.labels), LABEL_COLUMNS, named)
}
