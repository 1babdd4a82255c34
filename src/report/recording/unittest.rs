//! The input of a unit test of rules, in promtool's notation: a value per step of a grid, `_` where there is none,
//! `stale` where a series ends.

use std::io::{self, Write};

use crate::format::count;
use crate::labels::{LabelSet, Quoted};
use crate::limits;
use crate::report::number::shortest;
use crate::report::openmetrics::series_text;
use crate::store::{Samples, is_stale};
use crate::time::{Millis, Timestamp};

use super::Extract;

/// The shortest step that counts as the grid of samples as they are. Unit: ms.
const LEAST_STEP: i64 = 1000;
/// How many steps the usual spacing may have on a grid of samples as they are: more would be a file of gaps.
const MOST_STEPS: i64 = 20;

/// The times of a unit test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The time of the first step, 0 in the test.
    pub start: Timestamp,
    /// The time from one step to the next.
    pub interval: Millis,
    /// How many samples are written at another time than they have.
    pub moved: u64,
    /// The furthest that one is moved.
    pub furthest: Millis,
}

/// Why samples lie on no grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoGrid {
    /// There is no series with two samples.
    #[error("no series has two samples, so there is no interval")]
    NoSpacing,
    /// Two samples of a series come to one step.
    #[error("samples are not at regular times: with a value every {interval}, two at {at} would be one")]
    Irregular {
        /// The step that was tried.
        interval: Millis,
        /// Where.
        at: Timestamp,
    },
    /// A series would have more steps than a unit test takes.
    #[error("a series would have more than {} values", count(limits::SERIES_VALUES as u64))]
    TooLong,
}

impl Grid {
    /// Returns the step that a time is written at.
    fn step(&self, at: Timestamp) -> i64 {
        (at.0 - self.start.0 + self.interval.0 / 2).div_euclid(self.interval.0)
    }

    fn time(&self, step: i64) -> Timestamp {
        Timestamp(self.start.0 + step * self.interval.0)
    }
}

/// Finds the grid: that of the samples as they are, or else the usual spacing, to which they are moved.
pub(super) fn grid(extract: &Extract<'_>) -> Result<Grid, NoGrid> {
    let (first, last) = extract.span().ok_or(NoGrid::NoSpacing)?;
    let mut common = 0;
    let mut spacings: Vec<i64> = Vec::new();
    for (_, samples) in extract.all() {
        for time in samples.times {
            common = divisor(common, time.0 - first.0);
        }
        let mut own: Vec<i64> = samples.times.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        spacings.extend(median(&mut own));
    }
    let usual = median(&mut spacings).ok_or(NoGrid::NoSpacing)?;
    let exact = common >= LEAST_STEP && usual / common <= MOST_STEPS;
    let interval = if exact { common } else { rounded(usual) };
    if (last.0 - first.0) / interval >= limits::SERIES_VALUES as i64 {
        return Err(NoGrid::TooLong);
    }
    let mut grid = Grid { start: first, interval: Millis(interval), moved: 0, furthest: Millis::ZERO };
    if !exact {
        place(extract, &mut grid)?;
    }
    Ok(grid)
}

/// Counts the samples that are moved.
fn place(extract: &Extract<'_>, grid: &mut Grid) -> Result<(), NoGrid> {
    let mut found = *grid;
    for (_, samples) in extract.all() {
        let mut before = None;
        for at in samples.times {
            let step = grid.step(*at);
            if before.replace(step) == Some(step) {
                return Err(NoGrid::Irregular { interval: grid.interval, at: *at });
            }
            let moved = Millis((at.0 - grid.time(step).0).abs());
            found.moved += u64::from(moved > Millis::ZERO);
            found.furthest = found.furthest.max(moved);
        }
    }
    *grid = found;
    Ok(())
}

/// Returns a spacing in whole seconds where it has some, as intervals are.
fn rounded(spacing: i64) -> i64 {
    if spacing >= 2_000 { (spacing + 500) / 1000 * 1000 } else { spacing.max(1) }
}

fn divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

fn median(spacings: &mut [i64]) -> Option<i64> {
    spacings.sort_unstable();
    spacings.get(spacings.len().checked_sub(1)? / 2).copied()
}

pub(super) fn write(extract: &Extract<'_>, grid: &Grid, rules: &[String], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# Run with: promtool test rules FILE")?;
    writeln!(out, "# 0m is {}", grid.start)?;
    writeln!(out, "rule_files:")?;
    match rules {
        [] => writeln!(out, "  - rules.yml # name your rule files here")?,
        rules => rules.iter().try_for_each(|name| writeln!(out, "  - {}", quoted(name)))?,
    }
    writeln!(out, "evaluation_interval: {}", grid.interval)?;
    writeln!(out, "tests:\n  - interval: {}\n    input_series:", grid.interval)?;
    for (labels, samples) in extract.all() {
        writeln!(out, "      - series: {}", quoted(&notation(labels)))?;
        writeln!(out, "        values: {}", quoted(&values(extract, samples, grid)))?;
    }
    let last = extract.span().map_or(0, |(_, last)| grid.step(last));
    let end = Millis(grid.interval.0 * last);
    writeln!(out, "    # State what you expect, for example at the end:")?;
    writeln!(
        out,
        "    # alert_rule_test:\n    #   - eval_time: {end}\n    #     alertname: NAME\n    #     exp_alerts: []"
    )
}

/// Returns a text in single quotes of YAML, or in double ones where it has characters that need an escape.
fn quoted(text: &str) -> String {
    if text.contains(char::is_control) {
        return format!("{}", Quoted(text));
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// Returns a series as the notation has it.
fn notation(labels: &LabelSet) -> String {
    series_text(labels)
}

/// Returns the values of a series, one per step.
fn values(extract: &Extract<'_>, samples: Samples<'_>, grid: &Grid) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut run: Option<Run> = None;
    let mut next = 0;
    for (at, value) in samples.times.iter().zip(samples.values) {
        let step = grid.step(*at);
        if step > next {
            words.extend(run.take().map(Run::text));
            words.push(if step - next == 1 { "_".to_owned() } else { format!("_x{}", step - next) });
        }
        next = step + 1;
        if let Some(histogram) = extract.histogram(*value) {
            words.extend(run.take().map(Run::text));
            words.push(histogram);
        } else if !run.as_mut().is_some_and(|run| run.takes(*value)) {
            words.extend(run.replace(Run { first: *value, distance: None, count: 1 }).map(Run::text));
        }
    }
    words.extend(run.map(Run::text));
    words.join(" ")
}

/// Values at equal distances.
struct Run {
    first: f64,
    /// None for one value.
    distance: Option<f64>,
    count: u32,
}

impl Run {
    /// Takes one more value, if it belongs to the run: only whole numbers are added up, which is exact.
    fn takes(&mut self, value: f64) -> bool {
        let whole = |value: f64| value.fract() == 0.0 && value.abs() < 1e15;
        // A word and a count would be read as another word, and a negative zero plus nothing is none.
        let zero = (-0.0_f64).to_bits();
        if !value.is_finite() || !self.first.is_finite() || value.to_bits() == zero || self.first.to_bits() == zero {
            return false;
        }
        let equal = value.to_bits() == self.first.to_bits();
        let fits = match self.distance {
            None if equal => Some(0.0),
            None => (whole(self.first) && whole(value)).then_some(value - self.first),
            Some(0.0) => equal.then_some(0.0),
            Some(distance) => {
                let next = self.first + distance * f64::from(self.count);
                (next.to_bits() == value.to_bits()).then_some(distance)
            }
        };
        self.distance = fits.or(self.distance);
        self.count += u32::from(fits.is_some());
        fits.is_some()
    }

    fn text(self) -> String {
        if is_stale(self.first) {
            return "stale".to_owned();
        }
        let first = number(self.first);
        match (self.distance, self.count) {
            (None, _) | (_, 1) => first,
            // Two values are no run yet.
            (Some(0.0), 2) => format!("{first} {first}"),
            (Some(0.0), count) => format!("{first}x{}", count - 1),
            (Some(distance), 2) => format!("{first} {}", number(self.first + distance)),
            (Some(distance), count) => {
                let sign = if distance < 0.0 { '-' } else { '+' };
                format!("{first}{sign}{}x{}", number(distance.abs()), count - 1)
            }
        }
    }
}

/// Returns a number as the notation has it.
fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => shortest(value),
    }
}
