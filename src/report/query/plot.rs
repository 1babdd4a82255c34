//! `-o plot`: a range drawn, values from bottom to top and time from left to right.
//!
//! Steps next to each other are joined; where one has no value, or none that is a number, the line has a gap. Each series
//! has a mark of its own, so that colour only decorates; where lines cross, the one that is named first is seen.

use std::io::{self, Write};

use crate::format::count;
use crate::labels::Quoted;
use crate::report::marks;
use crate::report::table::grid::{Tone, printable};
use crate::report::table::labels::Labels;
use crate::report::wrap::{hung, hung_by};
use crate::time::{Millis, Timestamp};

use super::{Answer, DIGITS, Line, USUAL_DIGITS, View, csv, is_named, rounded};

/// What the series are drawn with, and so the most of them.
const MARKS: [char; 8] = ['*', 'o', '+', 'x', '#', '@', '%', '='];
/// The width where there is no terminal. Unit: columns.
const USUAL_WIDTH: usize = 120;
/// How high a drawing is where nothing is said. Unit: lines.
pub const HEIGHT: usize = 16;
/// How many lines there are to one label of the axis.
const LINES_PER_LABEL: usize = 3;
/// How much longer than usual the time between two samples is in a gap, where there are no steps.
const GAP: f64 = 2.5;

/// Writes a drawing of a result; `empty` says why it has no series, where it has none.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, answer: &Answer<'_>, empty: Option<&str>, view: &View) -> io::Result<()> {
    let mut lines = answer.lines();
    // The highest stay where there are too many; all are in the order of the result.
    let mut by_peak: Vec<(f64, usize)> = lines.iter().map(peak).zip(0..).collect();
    by_peak.sort_by(|a, b| b.0.total_cmp(&a.0));
    let kept: Vec<usize> = by_peak.iter().take(MARKS.len()).map(|(_, at)| *at).collect();
    let hidden = lines.len() - kept.len();
    let mut number = 0..;
    lines.retain(|_| number.next().is_some_and(|number| kept.contains(&number)));
    let labels = Labels::of(lines.iter().map(|line| &line.labels), usize::MAX, is_named);
    writeln!(out, "{}", answer.heading(&labels, view))?;
    if let (true, Some(why)) = (lines.is_empty(), empty) {
        return writeln!(out, "{}", hung(&format!("no series: {}", printable(why)), view.width));
    }
    let Some(scale) = Scale::of(&lines, view.height) else {
        return writeln!(out, "{}", hung(nothing(&lines), view.width));
    };
    let wide = view.width.unwrap_or(USUAL_WIDTH);
    let margin = scale.labels.iter().map(|(_, label)| label.len()).max().unwrap_or(0);
    let columns = wide.saturating_sub(margin + 2).max(2);
    let time = Time::of(answer, &lines, columns);
    let mut canvas = vec![vec![None; columns]; scale.rows];
    for (series, line) in lines.iter().enumerate() {
        draw(line, &scale, &time, &mut |column, row| {
            canvas[row][column].get_or_insert(series);
        });
    }
    for (row, cells) in canvas.iter().enumerate() {
        let label = scale.labels.iter().find(|(at, _)| *at == row).map_or("", |(_, label)| label);
        let axis = if label.is_empty() { '|' } else { '+' };
        let runs = cells.chunk_by(|a, b| a == b).map(|run| match run[0] {
            Some(series) => Tone::Series(series).paint(&MARKS[series].to_string().repeat(run.len()), view.color),
            None => " ".repeat(run.len()),
        });
        let line = format!("{label:>margin$} {axis}{}", runs.collect::<String>());
        writeln!(out, "{}", line.trim_end())?;
    }
    let (texts, ticks) = time.marks(view, columns);
    let axis: String = (0..columns).map(|column| if ticks.contains(&column) { '+' } else { '-' }).collect();
    writeln!(out, "{:margin$} +{axis}", "")?;
    writeln!(out, "{:margin$}  {texts}", "")?;
    let digits = digits(&lines);
    for (series, line) in lines.iter().enumerate() {
        let mark = Tone::Series(series).paint(&MARKS[series].to_string(), view.color);
        let text = printable(&format!("{}{}", name(line, &labels), summary(line, digits)));
        writeln!(out, "{}", hung_by(&format!("{mark} {text}"), view.width, 4))?;
    }
    if hidden > 0 {
        let more = format!("{} more series {}", count(hidden as u64), if hidden == 1 { "is" } else { "are" });
        let each = if csv::problem(answer).is_none() { "-o csv" } else { "-o json" };
        writeln!(out, "{}", hung(&format!("{more} not drawn; narrow the expression, or {each}"), view.width))?;
    }
    Ok(())
}

/// Says why nothing can be drawn.
fn nothing(lines: &[Line<'_>]) -> &'static str {
    let is_histogram = |line: &Line<'_>| line.floats().count() < line.samples.len();
    match (lines.is_empty(), lines.iter().all(is_histogram)) {
        (true, _) => "a string is not drawn; -o table or -o json shows it",
        (_, true) => {
            "native histograms are not drawn; draw a number of them: histogram_quantile(0.9, ..) or histogram_count(..)"
        }
        _ => "no value is a number: all are NaN or infinite",
    }
}

/// Walks over the samples that can be drawn.
fn finite<'a>(line: &'a Line<'_>) -> impl Iterator<Item = (Timestamp, f64)> + 'a {
    line.floats().filter(|(_, value)| value.is_finite())
}

fn peak(line: &Line<'_>) -> f64 {
    finite(line).map(|(_, value)| value).fold(f64::NEG_INFINITY, f64::max)
}

/// Names a series by the labels that others have otherwise.
fn name(line: &Line<'_>, labels: &Labels) -> String {
    let own = labels.shown.iter().filter_map(|name| Some((name, line.labels.get(name)?)));
    let own: Vec<String> = own.map(|(name, value)| format!("{name}={}", Quoted(value))).collect();
    match own.is_empty() {
        true => format!("{}  ", line.labels),
        false => format!("{{{}}}  ", own.join(", ")),
    }
}

/// Returns the least, the greatest and the last value of a series, where any can be drawn.
fn figures(line: &Line<'_>) -> Option<[f64; 3]> {
    let values = || finite(line).map(|(_, value)| value);
    Some([values().reduce(f64::min)?, values().reduce(f64::max)?, line.floats().last()?.1])
}

/// Says what the values of a series come to, in so many digits.
fn summary(line: &Line<'_>, digits: usize) -> String {
    let floats = line.floats().count();
    let odd = floats - finite(line).count();
    let histograms = line.samples.len() - floats;
    let kinds = [(odd, "NaN or infinite"), (histograms, "native histograms")];
    let left_out = kinds.iter().filter(|(many, _)| *many > 0);
    let left_out: Vec<String> =
        left_out.map(|(many, kind)| format!("{} not drawn: {kind}", count(*many as u64))).collect();
    let figures = figures(line).map(|figures| {
        let [min, max, last] = figures.map(|figure| rounded(figure, digits));
        format!("min {min}, max {max}, last {last}")
    });
    figures.into_iter().chain(left_out).collect::<Vec<_>>().join(", ")
}

/// Returns the fewest digits with which numbers that differ look different.
fn digits(lines: &[Line<'_>]) -> usize {
    let mut all: Vec<f64> = lines.iter().filter_map(figures).flatten().filter(|value| !value.is_nan()).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    let differ = |digits: &usize| {
        let texts: Vec<String> = all.iter().map(|value| rounded(*value, *digits)).collect();
        texts.windows(2).all(|pair| pair[0] != pair[1])
    };
    (USUAL_DIGITS..DIGITS).find(differ).unwrap_or(DIGITS)
}

/// Which line of a drawing a value is on.
struct Scale {
    low: f64,
    high: f64,
    rows: usize,
    /// By line from above: the value there, as text.
    labels: Vec<(usize, String)>,
}

impl Scale {
    /// Lays out so many lines between round values; none where no value is a number.
    fn of(lines: &[Line<'_>], rows: usize) -> Option<Self> {
        let rows = rows.max(2);
        let values = || lines.iter().flat_map(|line| finite(line)).map(|(_, value)| value);
        let (low, high) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
        // Halves, so that what lies between the ends of the numbers there are does not overflow.
        let half = high / 2.0 - low / 2.0;
        let flat = half <= low.abs().max(high.abs()) * 1e-12;
        let (low, half) = match flat {
            true if low == 0.0 => (-1.0, 1.0),
            true => (low - low.abs() / 2.0, low.abs() / 2.0),
            false => (low, half),
        };
        let steps = (rows / LINES_PER_LABEL).max(1) as f64;
        let step = round_up((half / steps * 2.0).min(f64::MAX));
        let (first, last) = ((low / step).floor(), ((low / 2.0 + half) / step * 2.0).ceil());
        // The last one may be beyond what is a number.
        let tick = |at: f64| (at * step).clamp(f64::MIN, f64::MAX);
        let mut scale = Self { low: tick(first), high: tick(last), rows, labels: Vec::new() };
        let ticks: Vec<f64> = (0..=(last - first) as usize).map(|at| tick(first + at as f64)).collect();
        let texts = Unit::of(&ticks, step);
        scale.labels = ticks.iter().map(|tick| (scale.row(*tick), texts.text(*tick))).collect();
        Some(scale)
    }

    fn row(&self, value: f64) -> usize {
        let share = (self.high / 2.0 - value / 2.0) / (self.high / 2.0 - self.low / 2.0);
        let row = (share * (self.rows - 1) as f64).round();
        (row.max(0.0) as usize).min(self.rows - 1)
    }
}

/// Returns the least of 1, 2 and 5 times a power of ten that is no smaller.
fn round_up(size: f64) -> f64 {
    let power = 10_f64.powf(size.log10().floor()).max(f64::MIN_POSITIVE);
    let round = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    round.into_iter().find(|round| *round >= size && round.is_finite()).unwrap_or(size)
}

/// How the numbers of an axis are written: all in one unit, with as many decimals as their distance needs.
struct Unit {
    /// The power of ten that they are multiples of.
    power: i32,
    letter: &'static str,
    decimals: usize,
}

impl Unit {
    /// Finds it for numbers so far apart.
    fn of(ticks: &[f64], step: f64) -> Self {
        let of = |number: f64| if number == 0.0 { 0 } else { number.abs().log10().floor() as i32 };
        let most = of(ticks.iter().fold(0.0, |most: f64, tick| most.max(tick.abs())));
        let (power, letter) = match most {
            -3..=3 => (0, ""),
            // In a greater unit these would have more digits than they have now.
            4.. if most - of(step) > 4 && most < 15 => (0, ""),
            4..=5 => (3, "k"),
            6..=8 => (6, "M"),
            9..=11 => (9, "G"),
            12..=14 => (12, "T"),
            _ => (most, "e"),
        };
        // At the ends of what numbers there are, ticks are not round.
        let least = if letter == "e" { 2 } else { 0 };
        Self { power, letter, decimals: (power - of(step)).clamp(least, DIGITS as i32) as usize }
    }

    fn text(&self, tick: f64) -> String {
        let Self { power, letter, decimals } = self;
        if tick == 0.0 {
            return "0".to_owned();
        }
        // By its digits, since powers of ten reach beyond what numbers do.
        let moved = match format!("{tick:e}").split_once('e') {
            Some((digits, own)) => format!("{digits}e{}", own.parse().unwrap_or(0) - power).parse().unwrap_or(tick),
            None => tick,
        };
        let text = format!("{moved:.decimals$}");
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        if *letter == "e" { format!("{text}e{power}") } else { format!("{text}{letter}") }
    }
}

/// Which column of a drawing a time is in.
struct Time {
    from: Timestamp,
    to: Timestamp,
    columns: usize,
    /// The longest time between two samples that are joined.
    joined: Millis,
}

impl Time {
    fn of(answer: &Answer<'_>, lines: &[Line<'_>], columns: usize) -> Self {
        if let Some(range) = answer.range {
            return Self { from: range.start(), to: range.last(), columns, joined: range.step() };
        }
        let times = || lines.iter().flat_map(|line| line.samples.iter().map(|(at, _)| *at));
        let (from, to) = (times().min().unwrap_or(answer.at), times().max().unwrap_or(answer.at));
        let apart =
            |line: &Line<'_>| line.samples.windows(2).map(|pair| pair[1].0.since(pair[0].0).0).collect::<Vec<_>>();
        let mut apart: Vec<i64> = lines.iter().flat_map(apart).collect();
        apart.sort_unstable();
        let usual = apart.get(apart.len() / 2).copied().unwrap_or(0);
        Self { from, to, columns, joined: Millis((usual as f64 * GAP) as i64) }
    }

    fn span(&self) -> i128 {
        i128::from(self.to.since(self.from).0).max(1)
    }

    fn column(&self, at: Timestamp) -> usize {
        let last = self.columns as i128 - 1;
        let column = (i128::from(at.since(self.from).0) * last + self.span() / 2) / self.span();
        column.clamp(0, last) as usize
    }

    /// Returns the instant in the middle of a column.
    fn at(&self, column: usize) -> Timestamp {
        let after = column as i128 * self.span() / (self.columns as i128 - 1);
        self.from.plus(Millis(after as i64))
    }

    /// Writes the times below the axis, with the columns that they begin at.
    fn marks(&self, view: &View, limit: usize) -> (String, Vec<usize>) {
        let clock = &view.clock;
        let apart = |mark: Millis| {
            let columns = i128::from(mark.0) * (self.columns as i128 - 1) / self.span();
            Some(usize::try_from(columns).unwrap_or(usize::MAX))
        };
        let span = (self.from, self.to);
        marks::line(clock, clock.shift(self.from), span, apart, |at| self.column(at), limit)
    }
}

/// Draws a series: `mark` takes column and line.
fn draw(line: &Line<'_>, scale: &Scale, time: &Time, mark: &mut dyn FnMut(usize, usize)) {
    // The newest sample, and where its mark is.
    let mut newest: Option<((Timestamp, f64), (usize, usize))> = None;
    for (at, value) in line.floats() {
        if !value.is_finite() {
            newest = None;
            continue;
        }
        let end = (time.column(at), scale.row(value));
        let before = newest.filter(|((before, _), _)| at.since(*before) <= time.joined);
        let mut pen = end;
        if let Some(((before, from), start)) = before {
            pen = start;
            let whole = at.since(before).0.max(1) as f64;
            for column in start.0 + 1..end.0 {
                let share = time.at(column).since(before).0 as f64 / whole;
                // Halves, since the distance of two numbers may be none.
                let row = scale.row((from / 2.0 + (value / 2.0 - from / 2.0) * share.clamp(0.0, 1.0)) * 2.0);
                pen = stroke(pen, (column, row), mark);
            }
        }
        stroke(pen, end, mark);
        newest = Some(((at, value), end));
    }
}

/// Goes from one place to another one in the same or the next column, and marks the lines on the way there.
fn stroke(from: (usize, usize), to: (usize, usize), mark: &mut dyn FnMut(usize, usize)) -> (usize, usize) {
    mark(to.0, to.1);
    (from.1.min(to.1) + 1..from.1.max(to.1)).for_each(|row| mark(to.0, row));
    to
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Clock;
    use crate::labels::LabelSet;
    use crate::promql::query::{QueryRange, Series, Value};

    /// 2026-01-05T18:00:00Z. Unit: ms.
    const START: i64 = 1_767_636_000_000;
    const MINUTE: i64 = 60_000;

    /// Draws series of values a minute apart (none: a gap) in 80 columns.
    fn drawn(series: &[(&str, &[Option<f64>])], color: bool) -> String {
        let matrix = series.iter().map(|(host, values)| Series {
            labels: LabelSet::new([("__name__", "temp"), ("host", host), ("job", "a")]),
            samples: values
                .iter()
                .zip(0..)
                .filter_map(|(value, at)| Some((Timestamp(START + at * MINUTE), (*value)?.into())))
                .collect(),
        });
        let value = Value::Matrix(matrix.collect());
        let steps = series.iter().map(|(_, values)| values.len()).max().unwrap_or(1) as i64;
        let end = Timestamp(START + (steps - 1) * MINUTE);
        let range = QueryRange::new(Timestamp(START), end, Millis(MINUTE)).expect("a range");
        let answer = Answer { text: "temp", at: Timestamp(START), range: Some(range), value: &value };
        let view = View { clock: Clock::utc(), width: Some(80), color, rows: None, height: 10 };
        let mut out = Vec::new();
        write(&mut out, &answer, Some("no such metric: temp"), &view).expect("a vector takes all");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn lines_are_drawn_with_gaps_where_values_are_missing() {
        let rising: Vec<Option<f64>> = (0..61).map(|at| (!(20..30).contains(&at)).then_some(f64::from(at))).collect();
        let mut steps = vec![Some(10.0); 30];
        steps.extend([Some(f64::NAN), Some(f64::INFINITY)]);
        steps.extend([Some(40.0); 29]);
        let text = drawn(&[("a", &rising), ("b", &steps)], false);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text, @r#"
        temp  every 1m from 2026-01-05 18:00:00 to 2026-01-05 19:00:00 UTC  all
          {job="a"}
        60 +                                                                       *****
           |                                                                *******
           |                                                       *********
        40 +                                        oooooo*********ooooooooooooooooooooo
           |                                       *******
           |                                      *
        20 +                     ****
           |              *******
           |ooooo*********ooooooooooooooooooooooo
         0 +*****
           ++------------+-----------+------------+-----------+------------+------------
            18:00        18:10       18:20        18:30       18:40        18:50
        * {host="a"}  min 0, max 60, last 60
        o {host="b"}  min 10, max 40, last 40, 2 not drawn: NaN or infinite
        "#);
    }

    #[test]
    fn a_mark_and_a_colour_tell_series_apart() {
        let text = drawn(&[("a", &[Some(1.0), Some(1.0)]), ("b", &[Some(2.0), Some(2.0)])], true);
        assert!(text.contains("\u{1b}[36m****") && text.contains("\u{1b}[33moooo"), "{text}");
        let many: Vec<String> = (0..10).map(|at| at.to_string()).collect();
        let many: Vec<(&str, &[Option<f64>])> =
            many.iter().map(|host| (host.as_str(), [Some(1.0)].as_slice())).collect();
        let text = drawn(&many, false);
        assert!(text.ends_with("2 more series are not drawn; narrow the expression, or -o csv\n"), "{text}");
    }

    #[test]
    fn an_axis_is_round_whatever_the_values_are() {
        let check = |values: [f64; 2], expected: &[&str]| {
            let text = drawn(&[("a", &values.map(Some))], false);
            let label = |line: &str| line.split_once(" +").map(|(label, _)| label.trim().to_owned());
            let labels: Vec<String> =
                text.lines().skip(1).filter_map(label).filter(|label| !label.is_empty()).collect();
            assert_eq!(labels, expected, "{text}");
        };
        check([0.0, 1.0], &["1", "0.5", "0"]);
        check([0.0, 0.0], &["1", "0", "-1"]);
        check([3.0, 3.0], &["5", "4", "3", "2", "1"]);
        check([-39e9, 12e9], &["20G", "0", "-20G", "-40G"]);
        check([1_000_000.1, 1_000_000.3], &["1000000.3", "1000000.2", "1000000.1"]);
        check([5e-324, 1e-323], &["2.23e-308", "0"]);
        check([0.0, 13_300.0], &["15k", "10k", "5k", "0"]);
        check([0.0, 5.7e-6], &["6e-6", "4e-6", "2e-6", "0"]);
        check([-f64::MAX, f64::MAX], &["1.8e308", "1.2e308", "0", "-1.2e308", "-1.8e308"]);
        let text = drawn(&[("a", &[Some(-f64::MAX), Some(f64::MAX)])], false);
        let marked: Vec<bool> = text.lines().skip(2).take(10).map(|line| line.contains('*')).collect();
        assert_eq!(marked, [true; 10], "{text}");
        let text = drawn(&[("a", &[Some(-1e308), Some(1e308)]), ("b", &[Some(1e308), Some(-1e308)])], false);
        let lines: Vec<&str> = text.lines().skip(2).take(10).collect();
        assert!(lines.iter().all(|line| line.contains('*') && line.contains('o')), "{text}");
    }

    #[test]
    fn what_cannot_be_drawn_is_said() {
        assert_eq!(drawn(&[], false).lines().last(), Some("no series: no such metric: temp"));
        assert_eq!(
            drawn(&[("a", &[Some(f64::NAN)])], false).lines().last(),
            Some("no value is a number: all are NaN or infinite")
        );
    }
}
