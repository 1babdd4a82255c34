//! `-o table`: the result for people.
//!
//! A vector has a row per series. Of a range each sample has one where they are few, else each series has one with what
//! its values come to. On a narrow terminal MEAN goes first, then FIRST, SAMPLES and labels from the last one on.

use std::io::{self, Write};

use crate::format::{Fraction, count, counted, to_digits};
use crate::kahan::Mean;
use crate::labels::METRIC_NAME;
use crate::promql::query::Value;
use crate::report::table::ROWS;
use crate::report::table::grid::{Cell, Column, Grid, printable};
use crate::report::table::labels::Labels;
use crate::report::wrap::hung;

use super::{Answer, DIGITS, Line, USUAL_DIGITS, View, csv, is_named, rounded, shown};

/// The most label columns: as many as a wide terminal has room for.
const LABEL_COLUMNS: usize = 30;

/// Writes a result; `empty` says why it has no series, where it has none.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, answer: &Answer<'_>, empty: Option<&str>, view: &View) -> io::Result<()> {
    let lines = answer.lines();
    let labels = Labels::of(lines.iter().map(|line| &line.labels), LABEL_COLUMNS, is_named);
    writeln!(out, "{}", answer.heading(&labels, view))?;
    if let Value::String(text) = answer.value {
        return writeln!(out, "{}", hung(&printable(text), view.width));
    }
    if let (true, Some(why)) = (lines.is_empty(), empty) {
        return writeln!(out, "{}", hung(&format!("no series: {}", printable(why)), view.width));
    }
    let samples: usize = lines.iter().map(|line| line.samples.len()).sum();
    let is_range = matches!(answer.value, Value::Matrix(_));
    let most = view.rows.unwrap_or(usize::MAX);
    let (grid, rows) = match is_range {
        false => (of_values(&lines, &labels, most), lines.len()),
        true if samples <= most.min(ROWS) => (of_samples(&lines, &labels, view), samples),
        true => (of_series(&lines, &labels, most), lines.len()),
    };
    grid.write(out, view.width, view.color)?;
    if rows > most {
        let hidden = counted((rows - most) as u64, "more row");
        writeln!(out, "{}", hung(&format!("and {hidden}: --limit 0"), view.width))?;
    }
    if is_range && samples > most.min(ROWS) {
        let (samples, series) = (counted(samples as u64, "sample"), count(lines.len() as u64));
        let each = if csv::problem(answer).is_none() { "-o csv" } else { "-o json" };
        let drawn = if lines.iter().any(|line| line.floats().next().is_some()) { ", drawn: -o plot" } else { "" };
        let hint = format!("{samples} of {series} series; each: {each}{drawn}");
        writeln!(out, "{}", hung(&hint, view.width))?;
    }
    Ok(())
}

/// Makes the columns of labels; the first says most, and stays.
fn columns(labels: &Labels) -> Vec<Column> {
    let title = |name: &str| if name == METRIC_NAME { "METRIC".to_owned() } else { name.to_uppercase() };
    let ranks = [0].into_iter().chain(2..);
    labels.shown.iter().zip(ranks).map(|(name, rank)| Column::words(title(name), rank)).collect()
}

fn cells(line: &Line<'_>, labels: &Labels) -> Vec<Cell> {
    labels.shown.iter().map(|name| Cell::from(line.labels.get(name).unwrap_or("-"))).collect()
}

fn of_values(lines: &[Line<'_>], labels: &Labels, most: usize) -> Grid {
    let mut titles = columns(labels);
    titles.push(Column::right("VALUE", 0));
    let mut grid = Grid::new(titles);
    for line in lines.iter().take(most) {
        let mut row = cells(line, labels);
        row.extend(line.samples.iter().map(|(_, value)| Cell::from(shown(value))));
        grid.row(row);
    }
    grid
}

fn of_samples(lines: &[Line<'_>], labels: &Labels, view: &View) -> Grid {
    let mut titles = vec![Column::times(format!("TIME ({})", view.clock.name), 0)];
    titles.extend(columns(labels));
    titles.push(Column::right("VALUE", 0));
    let mut grid = Grid::new(titles);
    let mut samples: Vec<_> = lines
        .iter()
        .enumerate()
        .flat_map(|(at, line)| line.samples.iter().map(move |(time, value)| (at, (*time, value))))
        .collect();
    samples.sort_by_key(|(line, (at, _))| (*at, *line));
    let span = samples.first().zip(samples.last()).map(|((_, (from, _)), (_, (to, _)))| (*from, *to));
    let (from, to) = span.unwrap_or_default();
    let is_exact = samples.iter().any(|(_, (at, _))| at.0 % 1000 != 0);
    let clock = view.clock.clone().showing(if is_exact { Fraction::Shown } else { Fraction::Hidden });
    for (line, (at, value)) in samples {
        let mut row = vec![Cell::from(clock.within(at, from, to))];
        row.extend(cells(&lines[line], labels));
        row.push(Cell::from(shown(value)));
        grid.row(row);
    }
    grid
}

fn of_series(lines: &[Line<'_>], labels: &Labels, most: usize) -> Grid {
    let mut titles = columns(labels);
    titles.extend([
        Column::right("SAMPLES", 201),
        Column::right("FIRST", 202),
        Column::right("MIN", 0),
        Column::right("MEAN", 203),
        Column::right("MAX", 0),
        Column::right("LAST", 0),
    ]);
    let mut grid = Grid::new(titles).only_wider();
    for line in lines.iter().take(most) {
        let values = || line.floats().map(|(_, value)| value).filter(|value| !value.is_nan());
        let mean = values().fold(None, |mean: Option<Mean>, value| match mean {
            Some(mut mean) => {
                mean.add(value);
                Some(mean)
            }
            None => Some(Mean::starting(value)),
        });
        let (low, high) = (values().fold(f64::NAN, f64::min), values().fold(f64::NAN, f64::max));
        let digits = digits(low, high);
        let mut row = cells(line, labels);
        row.push(Cell::from(count(line.samples.len() as u64)));
        row.extend(
            [
                line.floats().next().map_or(f64::NAN, |(_, value)| value),
                low,
                mean.map_or(f64::NAN, Mean::result),
                high,
                line.floats().last().map_or(f64::NAN, |(_, value)| value),
            ]
            // Native histograms alone come to no number.
            .map(|number| if line.floats().next().is_some() { rounded(number, digits) } else { "-".to_owned() })
            .map(Cell::from),
        );
        grid.row(row);
    }
    grid
}

/// Returns the fewest digits with which the least and the greatest value of a series are as far apart as they are, within a
/// tenth of that.
fn digits(low: f64, high: f64) -> usize {
    let far = high - low;
    let fits = |digits: &usize| ((to_digits(high, *digits) - to_digits(low, *digits)) - far).abs() <= far / 10.0;
    if !far.is_finite() {
        return USUAL_DIGITS;
    }
    (USUAL_DIGITS..DIGITS).find(fits).unwrap_or(DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Clock;
    use crate::labels::LabelSet;
    use crate::promql::query::Series;
    use crate::time::Timestamp;

    #[test]
    fn what_the_values_of_a_range_come_to_is_told_apart() {
        // A series of so many samples that it has one row: FIRST, MIN, MEAN, MAX and LAST of it.
        let check = |value: fn(i64) -> f64, expected: [&str; 5]| {
            let samples = (0..101).map(|at| (Timestamp(at), value(at).into())).collect();
            let value = Value::Matrix(vec![Series { labels: LabelSet::empty(), samples }]);
            let answer = Answer { text: "x", at: Timestamp(0), range: None, value: &value };
            let view = View { clock: Clock::utc(), width: None, color: false, rows: Some(ROWS), height: 4 };
            let mut out = Vec::new();
            write(&mut out, &answer, None, &view).expect("a vector takes all");
            let text = String::from_utf8(out).expect("text");
            let row: Vec<&str> = text.lines().nth(2).unwrap_or_default().split_whitespace().skip(1).collect();
            assert_eq!(row, expected, "{text}");
        };
        check(|at| at as f64 / 7.0, ["0", "0", "7.14", "14.3", "14.3"]);
        check(
            |at| 1_767_636_000.0 + (at * 15) as f64,
            ["1767636000", "1767636000", "1767636800", "1767637500", "1767637500"],
        );
        check(|_| 0.1 + 0.2, ["0.3", "0.3", "0.3", "0.3", "0.3"]);
        check(|_| 1e308, ["1e308", "1e308", "1e308", "1e308", "1e308"]);
        check(|at| if at == 0 { f64::NAN } else { 1234.5 }, ["NaN", "1230", "1230", "1230", "1230"]);
        check(|at| if at == 50 { f64::INFINITY } else { 1.0 }, ["1", "1", "+Inf", "+Inf", "1"]);
    }
}
