//! `--format timeline`: one row an alert, time from left to right.
//!
//! A cell has a round length, so that all of the run fits the width; what happened in it is never lost, however short:
//! the digit counts the label sets that fired at any time of the cell. The text is ASCII, colour only decorates.

use std::io::{self, Write};

use crate::engine::Episode;
use crate::format::{Clock, count, counted};
use crate::labels::{LabelSet, Quoted};
use crate::outcome::summary::{self, Summary};
use crate::outcome::{Outcome, RuleFacts};
use crate::report::marks::{self, ROUND};
use crate::report::table::View;
use crate::report::table::grid::{Tone, printable};
use crate::report::wrap::{hung, hung_by, width};
use crate::time::{Millis, Timestamp};

/// The width where there is no terminal. Unit: columns.
const USUAL_WIDTH: usize = 120;
/// The fewest cells next to their names. Narrower terminals have the names above.
const FEWEST_CELLS: usize = 20;
/// The longest name of a row. Unit: characters.
const LONGEST_NAME: usize = 40;

/// What the rows show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// One row an alert.
    #[default]
    Alerts,
    /// Under each alert that was active one row a label set.
    Labels,
}

/// Writes the rows of a run.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, outcome: &Outcome, summary: &Summary, view: &View, by: By) -> io::Result<()> {
    let range = &outcome.range;
    let (Some(from), Some(to)) = (range.reported_from.or(range.evaluated_from), range.evaluated_to) else {
        return writeln!(out, "{}", hung("Nothing was evaluated.", view.width));
    };
    let mut order = summary::worst_first(outcome, summary);
    let hidden = order.len().saturating_sub(view.rows());
    order.truncate(view.rows());
    let mut rows = Vec::new();
    for at in order {
        rows.extend(rows_of(outcome, summary, at, view, by));
    }
    rows.push(Row::new("data".to_owned(), gaps(outcome), None, Vec::new()));
    let name_width = rows.iter().map(|row| width(&row.short)).max().unwrap_or(0);
    let suffix_width = rows.iter().map(|row| row.suffix.len()).max().unwrap_or(0);
    let limit = view.width.unwrap_or(USUAL_WIDTH);
    // Between the columns stand two spaces; the mark of an open end takes one more.
    let room = limit.saturating_sub(name_width + suffix_width + 5);
    // Where words leave too little room, they stand above the cells.
    let above = room < FEWEST_CELLS;
    let (room, indent) = if above { (limit.saturating_sub(1).max(1), 0) } else { (room, name_width + 2) };
    let cells = Cells::new(from, to, room, &view.clock);
    let clock = &view.clock;
    let span = format!("{} {} to {} {}", clock.day(from), clock.time(from), clock.day(to), clock.time(to));
    writeln!(out, "{}", hung_by(&format!("{span} {}, one cell {}", clock.name, cells.length), view.width, 2))?;
    let marks = cells.marks(clock, limit.saturating_sub(indent));
    writeln!(out, "{}", format!("{:indent$}{marks}", "").trim_end())?;
    for row in &rows {
        let text = match row.rule {
            Some(rule) => cells.row(outcome, rule, &row.episodes),
            None => cells.data(outcome),
        };
        let drawn = paint(text.trim_end(), view.color);
        if above {
            writeln!(out, "{}", hung_by(format!("{}  {}", row.name, row.suffix).trim_end(), view.width, 4))?;
            writeln!(out, "{drawn}")?;
            continue;
        }
        let to_name = " ".repeat(name_width - width(&row.short) + 2);
        let to_suffix = " ".repeat(cells.many + 3 - text.trim_end().chars().count());
        let line = format!("{}{to_name}{drawn}{to_suffix}{}", row.short, row.suffix);
        writeln!(out, "{}", line.trim_end())?;
    }
    if hidden > 0 {
        writeln!(out, "{}", hung(&format!("and {}: --limit 0", counted(hidden as u64, "more alert")), view.width))?;
    }
    writeln!(out, "{}", hung_by(LEGEND, view.width, 2))
}

/// What the characters of the cells mean.
const LEGEND: &str =
    "1-9 + label sets firing, p pending, > still firing, . nothing, blank no data, ? warm-up, = samples";

/// One line: a name, what is drawn, and a word about it.
struct Row<'a> {
    name: String,
    /// The name, cut where it would leave no room for cells.
    short: String,
    suffix: String,
    /// None for the row of the data.
    rule: Option<&'a RuleFacts>,
    /// By labels.
    episodes: Vec<&'a Episode>,
}

impl<'a> Row<'a> {
    fn new(name: String, suffix: String, rule: Option<&'a RuleFacts>, episodes: Vec<&'a Episode>) -> Self {
        Self { short: cut(&name), name, suffix, rule, episodes }
    }
}

fn rows_of<'a>(outcome: &'a Outcome, summary: &Summary, at: usize, view: &View, by: By) -> Vec<Row<'a>> {
    let rule = &outcome.rules[at];
    let sums = &summary.rules[at];
    let mut episodes: Vec<&Episode> = outcome.episodes.iter().filter(|episode| episode.rule == rule.id).collect();
    episodes.sort_by(|a, b| a.labels.cmp(&b.labels).then(a.activity.active_at.cmp(&b.activity.active_at)));
    let suffix = match (sums.firings, sums.near_misses) {
        (0, 0) => String::new(),
        (0, near) => near_misses(near),
        (firings, _) => format!("{}, {}", counted(sums.label_sets, "set"), counted(firings, "firing")),
    };
    let mut rows = vec![Row::new(printable(&rule.name), suffix, Some(rule), episodes.clone())];
    if by == By::Labels {
        let sets: Vec<&[&Episode]> = episodes.chunk_by(|a, b| a.labels == b.labels).collect();
        let hidden = sets.len().saturating_sub(view.rows());
        rows.extend(sets.iter().take(view.rows()).map(|own| {
            let firings = own.iter().filter(|episode| episode.activity.fired_at.is_some()).count() as u64;
            let suffix = if firings > 0 { counted(firings, "firing") } else { near_misses((own.len() as u64).max(1)) };
            Row::new(format!("  {}", varying(&own[0].labels, &episodes)), suffix, Some(rule), own.to_vec())
        }));
        if hidden > 0 {
            let rest = sets.iter().skip(view.rows()).flat_map(|own| own.iter().copied()).collect();
            let name = format!("  {} more: --limit 0", count(hidden as u64));
            rows.push(Row::new(name, String::new(), Some(rule), rest));
        }
    }
    rows
}

fn near_misses(many: u64) -> String {
    if many == 1 { "1 near miss".to_owned() } else { format!("{} near misses", count(many)) }
}

/// Writes the labels that not all episodes have alike; all of them where one label set is alone.
fn varying(labels: &LabelSet, episodes: &[&Episode]) -> String {
    let differs = |name: &str, value: &str| episodes.iter().any(|other| other.labels.get(name) != Some(value));
    let alone = episodes.iter().all(|other| other.labels == *labels);
    let shown = |name: &str, value: &str| if alone { name != "alertname" } else { differs(name, value) };
    let pairs = labels.iter().filter(|(name, value)| shown(name, value));
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", Quoted(value))).collect();
    if pairs.is_empty() { "{}".to_owned() } else { printable(&pairs.join(", ")) }
}

/// Cuts a name that would leave no room for cells.
fn cut(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some(_) => format!("{}...", name.chars().take(LONGEST_NAME - 3).collect::<String>()),
        None => name.to_owned(),
    }
}

/// Counts the stretches in which no series has a sample.
fn gaps(outcome: &Outcome) -> String {
    let gaps = outcome.gaps.len() as u64;
    if gaps > 0 { counted(gaps, "gap") } else { String::new() }
}

/// The cells of all rows.
struct Cells {
    start: Timestamp,
    length: Millis,
    many: usize,
    /// What is added to an instant to get the time of day of the zone.
    shift: Millis,
}

impl Cells {
    /// Lays out at most `room` cells of the shortest round length; they begin at multiples of it in the zone.
    fn new(from: Timestamp, to: Timestamp, room: usize, clock: &Clock) -> Self {
        let shift = clock.shift(from);
        let layout = |seconds: i64| {
            let length = seconds.saturating_mul(1000);
            let start = from.minus(Millis(from.plus(shift).0.rem_euclid(length)));
            let many = to.since(start).0.max(0) / length + 1;
            (Millis(length), start, many)
        };
        let fits = |seconds: &&i64| layout(**seconds).2 <= room as i64;
        let (length, start, many) = layout(ROUND.iter().find(fits).copied().unwrap_or(ROUND[ROUND.len() - 1]));
        // Recordings that are longer than all of history keep what fits.
        Self { start, length, many: usize::try_from(many).unwrap_or(room).min(room), shift }
    }

    fn at(&self, cell: usize) -> Timestamp {
        self.start.plus(Millis(self.length.0.saturating_mul(cell as i64)))
    }

    /// Returns the cell of an instant, the first or last where it is outside.
    fn cell(&self, at: Timestamp) -> usize {
        let cell = at.since(self.start).0.max(0) / self.length.0;
        usize::try_from(cell).unwrap_or(usize::MAX).min(self.many - 1)
    }

    /// Returns the cells of a stretch whose end is not part of it; at least that of its beginning.
    fn span(&self, from: Timestamp, to: Timestamp) -> std::ops::RangeInclusive<usize> {
        let first = self.cell(from);
        first..=self.cell(to.minus(Millis(1))).max(first)
    }

    /// Returns whether an instant is not left of the first cell.
    fn is_seen(&self, until: Timestamp) -> bool {
        until >= self.start
    }

    /// Writes the times above the cells, within a width.
    fn marks(&self, clock: &Clock, limit: usize) -> String {
        let cell = self.length.0;
        let apart = |mark: Millis| {
            let whole = mark.0 >= cell && mark.0 % cell == 0;
            whole.then(|| usize::try_from(mark.0 / cell).unwrap_or(usize::MAX))
        };
        let span = (self.start, self.at(self.many - 1));
        marks::line(clock, self.shift, span, apart, |at| self.cell(at), limit).0
    }

    /// Returns whether a cell is in a stretch in which no series has a sample, or beyond the data.
    fn is_empty(&self, outcome: &Outcome, cell: usize) -> bool {
        let (from, to) = (self.at(cell), self.at(cell + 1));
        let range = &outcome.range;
        range.data_start.is_some_and(|start| to <= start)
            || range.data_end.is_some_and(|end| from > end)
            || outcome.gaps.iter().any(|(last, next)| from > *last && to <= *next)
    }

    /// Draws the data.
    fn data(&self, outcome: &Outcome) -> String {
        (0..self.many).map(|cell| if self.is_empty(outcome, cell) { ' ' } else { '=' }).collect()
    }

    /// Draws an alert; its episodes come by labels.
    fn row(&self, outcome: &Outcome, rule: &RuleFacts, episodes: &[&Episode]) -> String {
        let end = outcome.last_step(rule).plus(Millis(1));
        let mut firing = vec![0_u64; self.many];
        let mut pending = vec![false; self.many];
        let mut open = false;
        for own in episodes.chunk_by(|a, b| a.labels == b.labels) {
            // The first cell in which this label set is not counted yet, for episodes come by time.
            let mut next = 0;
            for episode in own {
                let until = episode.ended_at.unwrap_or(end);
                if !self.is_seen(until) {
                    continue;
                }
                let quiet_until = episode.activity.fired_at.unwrap_or(until);
                if quiet_until > episode.activity.active_at {
                    self.span(episode.activity.active_at, quiet_until).for_each(|cell| pending[cell] = true);
                }
                let Some(fired_at) = episode.activity.fired_at else { continue };
                open |= episode.ended_at.is_none();
                let cells = self.span(fired_at, until);
                (next.max(*cells.start())..=*cells.end()).for_each(|cell| firing[cell] += 1);
                next = next.max(*cells.end() + 1);
            }
        }
        let warm_from = rule.counts.warm_from.unwrap_or(Timestamp::MIN);
        let mut text = String::with_capacity(self.many + 1);
        for cell in 0..self.many {
            text.push(match firing[cell] {
                sets @ 1..=9 => char::from(b'0' + sets as u8),
                10.. => '+',
                0 if pending[cell] => 'p',
                0 if self.is_empty(outcome, cell) => ' ',
                0 if self.at(cell + 1) <= warm_from => '?',
                0 => '.',
            });
        }
        text.push(if open { '>' } else { ' ' });
        text
    }
}

/// Colours what fires and what is pending.
fn paint(text: &str, color: bool) -> String {
    let tone = |c: char| match c {
        '1'..='9' | '+' | '>' => Tone::Bad,
        'p' => Tone::Uneasy,
        '?' | '.' => Tone::Faint,
        _ => Tone::Plain,
    };
    let chars: Vec<char> = text.chars().collect();
    let runs = chars.chunk_by(|a, b| tone(*a) == tone(*b));
    runs.map(|run| tone(run[0]).paint(&run.iter().collect::<String>(), color)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::sample;

    fn text(width: usize, by: By, change: impl FnOnce(&mut Outcome)) -> String {
        let mut outcome = sample::outcome();
        change(&mut outcome);
        let view = View { width: Some(width), ..View::default() };
        let mut out = Vec::new();
        write(&mut out, &outcome, &Summary::of(&outcome), &view, by).expect("a vector takes all");
        String::from_utf8(out).expect("the drawing is UTF-8")
    }

    #[test]
    fn an_alert_is_a_row() {
        insta::assert_snapshot!(text(100, By::Alerts, |_| ()), @r#"
        Tue 2026-01-06 00:00:00 to Tue 2026-01-06 02:00:00 UTC, one cell 2m
                      00:00          00:30          01:00          01:30          02:00
        DiskFull      ..p11111111111111111.....p.........p1111111111111111111111111>  2 sets, 2 firings
        HighCpu       ..............................111............................   1 set, 1 firing
        BatchMissing  .............................................................
        data          =============================================================
        1-9 + label sets firing, p pending, > still firing, . nothing, blank no data, ? warm-up, = samples
        "#);
    }

    #[test]
    fn labels_expand_an_alert() {
        insta::assert_snapshot!(text(80, By::Labels, |outcome| outcome.rules.truncate(1)), @r#"
        Tue 2026-01-06 00:00:00 to Tue 2026-01-06 02:00:00 UTC, one cell 5m
                           00          01          02
        DiskFull           .1111111..p...11111111111>  2 sets, 2 firings
          instance="db-1"  .1111111..p..............   1 firing
          instance="db-2"  ..............11111111111>  1 firing
        data               =========================
        1-9 + label sets firing, p pending, > still firing, . nothing, blank no data, ?
          warm-up, = samples
        "#);
    }

    #[test]
    fn what_is_short_is_never_lost() {
        let short = |outcome: &mut Outcome| {
            outcome.rules.truncate(2);
            outcome.rules.remove(0);
            outcome.rules[0].counts.warm_from = Some(sample::at(30));
            let set = |at: i64| [("alertname", "HighCpu".to_owned()), ("instance", format!("db-{at}"))];
            let episode = |at: i64| {
                let labels = set(at);
                let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let mut episode = sample::episode(1, &labels, 60, Some(60), Some(61), 1.0);
                episode.ended_at = Some(sample::at(60).plus(Millis(30_000)));
                episode
            };
            outcome.episodes = (0..12).map(episode).collect();
            outcome.episodes.push(sample::episode(1, &[("alertname", "HighCpu")], 90, Some(90), Some(95), 1.0));
            outcome.gaps = vec![(sample::at(99), sample::at(111))];
        };
        insta::assert_snapshot!(text(70, By::Alerts, short), @r#"
        Tue 2026-01-06 00:00:00 to Tue 2026-01-06 02:00:00 UTC, one cell 5m
                 00          01          02
        HighCpu  ??????......+.....1.  ...   13 sets, 13 firings
        data     ====================  ===   1 gap
        1-9 + label sets firing, p pending, > still firing, . nothing, blank
          no data, ? warm-up, = samples
        "#);
    }

    #[test]
    fn the_drawing_fits_every_terminal() {
        for (width, by) in
            [20, 30, 40, 60, 80, 120, 200].into_iter().flat_map(|at| [(at, By::Alerts), (at, By::Labels)])
        {
            let text = text(width, by, |_| ());
            assert!(text.lines().all(|line| line.len() <= width && line == line.trim_end()), "{width}\n{text}");
            for name in ["DiskFull", "HighCpu", "BatchMissing"] {
                assert!(text.lines().any(|line| line.starts_with(name)), "{width}\n{text}");
            }
        }
    }

    #[test]
    fn cells_are_round_and_few() {
        let check = |from: i64, to: i64, room: usize, length: &str, many: usize| {
            let cells = Cells::new(Timestamp(from), Timestamp(to), room, &Clock::utc());
            assert_eq!((cells.length.to_string().as_str(), cells.many), (length, many), "{from} {to}");
        };
        check(0, 0, 20, "1s", 1);
        check(0, 19_999, 20, "1s", 20);
        check(0, 20_000, 20, "2s", 11);
        check(59_000, 3_600_000, 60, "2m", 31);
        check(-1, 86_400_000 * 365, 100, "1w", 54);
        check(i64::MIN / 2, i64::MAX / 2, 20, "5200w", 20);
    }
}
