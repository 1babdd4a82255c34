//! `--format openmetrics`: what rules write, as samples that a server takes back.
//!
//! All samples of a metric stand together, those of a series in the order of time, as the format demands; a run goes
//! by time. So samples are held until the end: a stretch of equal distances is one entry, and so is one of equal values.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::labels::{LabelSet, METRIC_NAME, Quoted};
use crate::limits;
use crate::promql::query::SampleValue;
use crate::report::number::shortest;
use crate::store::is_stale;
use crate::time::Timestamp;

/// Samples by series.
#[derive(Debug, Default)]
pub struct SampleColumns {
    series: BTreeMap<LabelSet, Column>,
    held: usize,
    histograms: u64,
    most: Option<usize>,
}

/// The samples of one series.
#[derive(Debug, Default)]
struct Column {
    times: Vec<Stretch>,
    values: Vec<(f64, u64)>,
}

/// Times at equal distances. Unit: ms.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    first: i64,
    distance: i64,
    count: i64,
}

impl Column {
    /// Adds a sample; returns how many entries that took.
    fn push(&mut self, at: i64, value: f64) -> usize {
        let mut taken = 0;
        match self.times.last_mut() {
            Some(last) if last.count == 1 || at == last.first + last.distance * last.count => {
                last.distance = if last.count == 1 { at - last.first } else { last.distance };
                last.count += 1;
            }
            _ => {
                self.times.push(Stretch { first: at, distance: 0, count: 1 });
                taken += 1;
            }
        }
        match self.values.last_mut() {
            Some((last, count)) if last.to_bits() == value.to_bits() => *count += 1,
            _ => {
                self.values.push((value, 1));
                taken += 1;
            }
        }
        taken
    }

    fn samples(&self) -> impl Iterator<Item = (Timestamp, f64)> {
        let times = self
            .times
            .iter()
            .flat_map(|stretch| (0..stretch.count).map(move |at| Timestamp(stretch.first + stretch.distance * at)));
        times.zip(self.values.iter().flat_map(|(value, count)| (0..*count).map(move |_| *value)))
    }
}

impl SampleColumns {
    /// Adds a sample; those of one series come in the order of time. A stale marker has no form in OpenMetrics and is
    /// left out, and so is a native histogram, which is counted. Nothing is added once there is too much ([`SampleColumns::is_full`]).
    pub fn push(&mut self, labels: &LabelSet, at: Timestamp, value: &SampleValue) {
        let Some(value) = value.float() else {
            self.histograms += 1;
            return;
        };
        if is_stale(value) || self.is_full() {
            return;
        }
        if let Some(column) = self.series.get_mut(labels) {
            self.held += column.push(at.0, value);
            return;
        }
        let mut column = Column::default();
        self.held += column.push(at.0, value);
        self.series.insert(labels.clone(), column);
    }

    /// Returns whether there is more than [`limits::HELD_SAMPLES`] allows.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.held > self.most.unwrap_or(limits::HELD_SAMPLES)
    }

    /// Returns how many native histograms were left out.
    #[must_use]
    pub fn histograms(&self) -> u64 {
        self.histograms
    }

    /// Writes all samples, metric by metric, to `# EOF`.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_series(out, self.series.iter().map(|(labels, column)| (labels, column.samples())))
    }
}

/// Writes series, metric by metric, to `# EOF`. Each has its samples in the order of time; one without any is left out.
///
/// # Errors
/// What the writer says.
pub(crate) fn write_series<'a, S: Iterator<Item = (Timestamp, f64)>>(
    out: &mut dyn Write,
    all: impl Iterator<Item = (&'a LabelSet, S)>,
) -> io::Result<()> {
    let mut families: BTreeMap<&str, Vec<(&LabelSet, S)>> = BTreeMap::new();
    for (labels, samples) in all {
        families.entry(labels.get(METRIC_NAME).unwrap_or_default()).or_default().push((labels, samples));
    }
    for (metric, series) in families {
        let kind = if matches!(metric, "ALERTS" | "ALERTS_FOR_STATE") { "gauge" } else { "unknown" };
        let mut named = metric.is_empty();
        for (labels, samples) in series {
            let series = series_text(labels);
            for (at, value) in samples {
                if !std::mem::replace(&mut named, true) {
                    writeln!(out, "# TYPE {} {kind}", family(metric))?;
                }
                writeln!(out, "{series} {} {}", shortest(value), seconds(at))?;
            }
        }
    }
    writeln!(out, "# EOF")
}

/// Returns a metric's name as a line about its family has it.
pub(crate) fn family(metric: &str) -> String {
    if is_plain(metric, ":") { metric.to_owned() } else { Quoted(metric).to_string() }
}

/// Returns a series as a line of samples has it: `name{a="b"}`, and `{"my.name",a="b"}` where the name has other
/// characters than names had before UTF-8.
pub(crate) fn series_text(labels: &LabelSet) -> String {
    let metric = labels.get(METRIC_NAME).unwrap_or_default();
    let plain = is_plain(metric, ":");
    let mut inside: Vec<String> = Vec::new();
    if !plain && !metric.is_empty() {
        inside.push(format!("\"{}\"", escaped(metric)));
    }
    for (name, value) in labels.iter().filter(|(name, _)| *name != METRIC_NAME) {
        let name = if is_plain(name, "") { name.to_owned() } else { format!("\"{}\"", escaped(name)) };
        inside.push(format!("{name}=\"{}\"", escaped(value)));
    }
    let name = if plain { metric } else { "" };
    if inside.is_empty() && plain { name.to_owned() } else { format!("{name}{{{}}}", inside.join(",")) }
}

/// Returns whether a name has only letters, digits, underscores and `more`, and does not begin with a digit.
pub(crate) fn is_plain(name: &str, more: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || more.contains(c);
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(letter)
}

/// Escapes a text in quotes: backslashes, quotes and line breaks, nothing else.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Returns a time as seconds, with milliseconds where it has some.
///
/// Source: Prometheus reads a binary fraction and cuts what is left of a millisecond, which for some times is one
/// short; a digit more leaves it where it is.
pub(crate) fn seconds(at: Timestamp) -> String {
    let (sign, millis) = if at.0 < 0 { ("-", at.0.unsigned_abs()) } else { ("", at.0.unsigned_abs()) };
    let (whole, part) = (millis / 1000, millis % 1000);
    if part == 0 {
        return format!("{sign}{whole}");
    }
    let text = format!("{sign}{whole}.{part:03}");
    let read = text.parse::<f64>().map(|seconds| (seconds * 1000.0).trunc());
    if read == Ok(at.0 as f64) { text } else { format!("{text}1") }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn written(samples: &[(Pairs<'_>, i64, f64)]) -> String {
        let mut columns = SampleColumns::default();
        for (labels, at, value) in samples {
            columns.push(&LabelSet::new(labels.iter().copied()), Timestamp(*at), &(*value).into());
        }
        let mut out = Vec::new();
        columns.write(&mut out).expect("a vector takes all");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn samples_of_a_metric_stand_together() {
        let one: Pairs<'_> = &[("__name__", "ALERTS"), ("alertname", "A"), ("z", "a\\b\"c\nd")];
        let two: Pairs<'_> = &[("__name__", "job:x"), ("a.b", "c")];
        let three: Pairs<'_> = &[("__name__", "my.metric")];
        let four: Pairs<'_> = &[("__name__", "ALERTS"), ("alertname", "B")];
        let stale = crate::store::stale_marker();
        insta::assert_snapshot!(written(&[
            (one, 1_000, 1.0), (two, 1_500, f64::NAN), (four, 1_000, 1.0), (one, 2_000, 1.0), (three, 1_001, -0.0),
            (one, 3_000, 1.0), (two, 2_000, 1e300), (one, 3_500, 1.0), (two, 2_500, stale), (two, 3_001, 0.1 + 0.2),
            (two, 4_000, f64::INFINITY),
        ]), @r#"
        # TYPE ALERTS gauge
        ALERTS{alertname="A",z="a\\b\"c\nd"} 1 1
        ALERTS{alertname="A",z="a\\b\"c\nd"} 1 2
        ALERTS{alertname="A",z="a\\b\"c\nd"} 1 3
        ALERTS{alertname="A",z="a\\b\"c\nd"} 1 3.500
        ALERTS{alertname="B"} 1 1
        # TYPE job:x unknown
        job:x{"a.b"="c"} NaN 1.500
        job:x{"a.b"="c"} 1e300 2
        job:x{"a.b"="c"} 0.30000000000000004 3.001
        job:x{"a.b"="c"} +Inf 4
        # TYPE "my.metric" unknown
        {"my.metric"} -0 1.0011
        # EOF
        "#);
        assert_eq!(written(&[]), "# EOF\n");
    }

    #[test]
    fn a_server_reads_the_same_time() {
        let starts = [1_767_571_200_000, 2_150_000_000_000, 1_080_000_000_000, 0, -5_000];
        for at in starts.into_iter().flat_map(|start| (0..2_000).map(move |more| start + more * 7)) {
            let text = seconds(Timestamp(at));
            let read = text.parse::<f64>().expect("a number") * 1000.0;
            assert_eq!(read.trunc(), at as f64, "{text}");
        }
    }

    #[test]
    fn equal_distances_and_values_take_one_entry() {
        let mut columns = SampleColumns { most: Some(4), ..SampleColumns::default() };
        let labels = LabelSet::new([("__name__", "ALERTS")]);
        (0..100_000).for_each(|at| columns.push(&labels, Timestamp(at * 15_000), &1.0.into()));
        assert_eq!((columns.held, columns.is_full()), (2, false));
        (0..3).for_each(|at| columns.push(&labels, Timestamp(9_000_000_000 + at * at * 1_000), &(at as f64).into()));
        assert!(columns.is_full());
    }
}
