//! The result of an expression: `query`.
//!
//! [`json`] is the answer of Prometheus' API, [`csv`] a recording, [`table`] and [`plot`] are for people, and [`plan`]
//! shows the operators; [`reason`] says why a result has no series.

pub mod csv;
pub mod json;
pub mod plan;
pub mod plot;
pub mod reason;
pub mod table;

use std::borrow::Cow;

use crate::format::{Clock, counted, one_line, to_digits, value};
use crate::labels::{LabelSet, METRIC_NAME};
use crate::promql::query::{QueryRange, SampleValue, Series, Value};
use crate::report::number::shortest;
use crate::report::table::grid::{Tone, printable};
use crate::report::table::labels::Labels;
use crate::report::wrap::hung_by;
use crate::time::Timestamp;

/// A result, and what was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The expression, as it was written.
    pub text: &'a str,
    /// The time that it was evaluated at; the start of a range.
    pub at: Timestamp,
    /// The steps that it was evaluated at, where it is a range.
    pub range: Option<QueryRange>,
    /// What it gave.
    pub value: &'a Value,
}

/// How much is shown, and how.
#[derive(Clone, Debug)]
pub struct View {
    /// Writes instants.
    pub clock: Clock,
    /// The width of the terminal, if it is one. Unit: columns.
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub color: bool,
    /// The most rows of a table; none is no limit.
    pub rows: Option<usize>,
    /// How high a drawing is. Unit: lines.
    pub height: usize,
}

/// A series and its samples.
struct Line<'a> {
    labels: LabelSet,
    samples: Cow<'a, [(Timestamp, SampleValue)]>,
}

impl Line<'_> {
    /// Walks over the samples that are floats.
    fn floats(&self) -> impl Iterator<Item = (Timestamp, f64)> {
        self.samples.iter().filter_map(|(at, value)| Some((*at, value.float()?)))
    }
}

/// Writes a value as tables show it: a float in full, or the buckets of a histogram.
fn shown(value: &SampleValue) -> String {
    value.float().map_or_else(|| value.to_string(), shortest)
}

/// How many digits a number has where these tell numbers apart.
const USUAL_DIGITS: usize = 3;
/// The most digits that tell numbers apart.
const DIGITS: usize = 17;

/// Writes a number in so many digits.
fn rounded(number: f64, digits: usize) -> String {
    if digits == USUAL_DIGITS { value(number) } else { shortest(to_digits(number, digits)) }
}

impl<'a> Answer<'a> {
    /// Returns the series of the result in its order; a scalar is one without labels. A text has none.
    fn lines(&self) -> Vec<Line<'a>> {
        let one = |labels: LabelSet, value| Line { labels, samples: Cow::Owned(vec![(self.at, value)]) };
        match self.value {
            Value::Scalar(value) => vec![one(LabelSet::empty(), SampleValue::Float(*value))],
            Value::String(_) => Vec::new(),
            Value::Vector(samples) => {
                samples.iter().map(|(labels, value)| one(labels.clone(), value.clone())).collect()
            }
            Value::Matrix(series) => {
                let line = |one: &'a Series| Line { labels: one.labels.clone(), samples: Cow::Borrowed(&one.samples) };
                series.iter().map(line).collect()
            }
        }
    }

    /// Returns the first line for people: what was asked, when, and the labels that all series have alike.
    fn heading(&self, labels: &Labels, view: &View) -> String {
        let text = Tone::Heading.paint(&printable(&one_line(self.text)), view.color);
        let mut parts = vec![text, self.when(&view.clock)];
        parts.extend(labels.alike().map(|labels| format!("all {}", printable(&labels))));
        parts.extend((!labels.left.is_empty()).then(|| format!("+{}", counted(labels.left.len() as u64, "label"))));
        hung_by(&parts.join("  "), view.width, 2)
    }

    /// Says when it was evaluated.
    #[must_use]
    pub fn when(&self, clock: &Clock) -> String {
        match self.range {
            None => format!("at {} {}", clock.full(self.at), clock.name),
            Some(range) => {
                let (from, to) = (clock.full(range.start()), clock.full(range.last()));
                format!("every {} from {from} to {to} {}", range.step(), clock.name)
            }
        }
    }
}

/// Returns whether a label needs no column, given how many values it has: the expression names the metric.
fn is_named(name: &str, values: usize) -> bool {
    name == METRIC_NAME && values == 1
}
