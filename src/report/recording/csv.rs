//! Long CSV: a row per sample, in the order of time; a column per label.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::labels::{LabelSet, METRIC_NAME};
use crate::report::number::shortest;
use crate::time::Timestamp;

const TIME: &str = "timestamp";
const VALUE: &str = "value";

/// Why a recording has no form in CSV.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// A label is called like a column that CSV needs.
    #[error("the label `{0}` has the name of a column of the CSV itself")]
    Column(String),
    /// A label has a line end, which its reader would refuse.
    #[error("the label `{0}` holds a line end")]
    LineEnd(String),
    /// A sample is a native histogram.
    #[error("a native histogram is no number")]
    Histogram,
}

/// Returns the column of metric names: one that no label is called by.
fn metric_column(names: &BTreeSet<&str>) -> &'static str {
    if names.contains("metric") { METRIC_NAME } else { "metric" }
}

/// Returns the names of all labels but the metric name.
fn names<'a>(series: impl Iterator<Item = &'a LabelSet>) -> BTreeSet<&'a str> {
    series.flat_map(LabelSet::iter).map(|(name, _)| name).filter(|name| *name != METRIC_NAME).collect()
}

/// Returns why series have no form in CSV, if they have none.
pub(crate) fn problem<'a>(series: impl Iterator<Item = &'a LabelSet> + Clone) -> Option<Unwritable> {
    let names = names(series.clone());
    if let Some(name) = [TIME, VALUE].iter().find(|name| names.contains(*name)) {
        return Some(Unwritable::Column((*name).to_owned()));
    }
    let broken = |labels: &LabelSet| {
        let line_end = |(_, value): &(&str, &str)| value.contains(['\n', '\r']);
        labels.iter().find(line_end).map(|(name, _)| Unwritable::LineEnd(name.to_owned()))
    };
    series.into_iter().find_map(broken)
}

/// Writes the samples of series, which are named by their places, as they come.
///
/// # Errors
/// What the writer says.
pub(crate) fn write(
    out: &mut dyn Write,
    series: &[&LabelSet],
    samples: impl Iterator<Item = (Timestamp, u32, f64)>,
) -> io::Result<()> {
    let names = names(series.iter().copied());
    let mut writer = ::csv::Writer::from_writer(out);
    let head = [TIME, metric_column(&names)].into_iter().chain(names.iter().copied()).chain([VALUE]);
    writer.write_record(head).map_err(io_error)?;
    let cells: Vec<Vec<&str>> = series
        .iter()
        .map(|labels| [METRIC_NAME].iter().chain(&names).map(|name| labels.get(name).unwrap_or("")).collect())
        .collect();
    let (mut newest, mut stamp) = (None, String::new());
    for (at, series, value) in samples {
        if newest.replace(at) != Some(at) {
            stamp = at.to_string();
        }
        let value = shortest(value);
        let middle = cells[series as usize].iter().copied();
        writer.write_record([stamp.as_str()].into_iter().chain(middle).chain([value.as_str()])).map_err(io_error)?;
    }
    writer.flush()
}

/// Returns what the writer said, whose kind tells a closed pipe.
fn io_error(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}
