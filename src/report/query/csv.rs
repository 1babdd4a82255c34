//! `-o csv`: a row per sample in the order of time, in the form of a recording, so that it can be read as one.

use std::io::{self, Write};

use crate::labels::LabelSet;
use crate::report::recording::{Unwritable, csv};

use super::Answer;

/// Writes the samples of a result, a header first. A text has none.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, answer: &Answer<'_>) -> io::Result<()> {
    let lines = answer.lines();
    let series: Vec<&LabelSet> = lines.iter().map(|line| &line.labels).collect();
    let mut samples = Vec::new();
    for (number, line) in (0..).zip(&lines) {
        samples.extend(line.floats().map(|(at, value)| (at, number, value)));
    }
    samples.sort_by_key(|(at, number, _)| (*at, *number));
    csv::write(out, &series, samples.into_iter())
}

/// Returns why a result has no form in CSV, if it has none.
#[must_use]
pub fn problem(answer: &Answer<'_>) -> Option<Unwritable> {
    let lines = answer.lines();
    if lines.iter().any(|line| line.floats().count() < line.samples.len()) {
        return Some(Unwritable::Histogram);
    }
    csv::problem(lines.iter().map(|line| &line.labels))
}
