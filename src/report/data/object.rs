//! The machine form of what is in a recording.

use std::io::{self, Write};

use serde::Serialize;

use crate::input::{InputSummary, RowProblem, Summary};
use crate::report::number::{At, Number, Seconds, write_json};
use crate::survey::{Findings, Gap, LabelFacts, MetricFacts};

/// Writes one JSON object in one line; all metrics, labels and hints are in it.
///
/// # Errors
/// What the writer says.
pub fn write_object(out: &mut dyn Write, summary: &Summary, findings: &Findings) -> io::Result<()> {
    let (start, end) = findings.span.unzip();
    let hints = findings.hints();
    let document = Document {
        schema: "alertctl.data/1",
        recordings: summary.inputs.iter().map(InputOut::of).collect(),
        start: start.map(At),
        end: end.map(At),
        series: findings.series,
        samples: findings.samples,
        cadence_s: findings.cadence.map(Seconds),
        held_whole: summary.held_whole,
        disorder: summary.disorder.as_ref().map(|(path, line)| PlaceOut { path, line: *line, message: None }),
        rows: summary.rows,
        bad_rows: summary.bad_rows,
        bad_rows_shown: summary.bad_rows_shown.iter().map(PlaceOut::of).collect(),
        repeats: findings.repeats,
        conflicts: findings.conflicts,
        conflicts_shown: findings.conflicts_shown.iter().map(PlaceOut::of).collect(),
        metrics: findings.metrics.iter().map(MetricOut::of).collect(),
        labels: findings.labels.iter().map(LabelOut::of).collect(),
        gaps: findings.gaps.iter().map(GapOut::of).collect(),
        hints: hints.iter().map(|hint| HintOut { code: hint.code, message: &hint.message }).collect(),
    };
    write_json(out, &document)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    recordings: Vec<InputOut<'a>>,
    start: Option<At>,
    end: Option<At>,
    series: u64,
    samples: u64,
    cadence_s: Option<Seconds>,
    held_whole: bool,
    disorder: Option<PlaceOut<'a>>,
    rows: u64,
    bad_rows: u64,
    bad_rows_shown: Vec<PlaceOut<'a>>,
    repeats: u64,
    conflicts: u64,
    conflicts_shown: Vec<PlaceOut<'a>>,
    metrics: Vec<MetricOut<'a>>,
    labels: Vec<LabelOut<'a>>,
    gaps: Vec<GapOut>,
    hints: Vec<HintOut<'a>>,
}

#[derive(Serialize)]
struct InputOut<'a> {
    path: &'a str,
    format: Option<&'static str>,
    format_why: Option<&'a str>,
    time: Option<TimeOut<'a>>,
    label_columns: &'a [String],
    rows: u64,
    samples: u64,
    bad_rows: u64,
    start: Option<At>,
    end: Option<At>,
    warnings: &'a [String],
}

impl<'a> InputOut<'a> {
    fn of(input: &'a InputSummary) -> Self {
        let (start, end) = input.span.unzip();
        Self {
            path: &input.path,
            format: input.format.as_ref().map(|(format, _)| format.word()),
            format_why: input.format.as_ref().map(|(_, why)| why.as_str()),
            time: input.time.as_ref().map(|time| TimeOut {
                column: &time.column,
                unit: time.unit.map(crate::input::TimeUnit::word),
                from: time.from.word(),
                zone: time.zone.as_deref(),
            }),
            label_columns: &input.label_columns,
            rows: input.rows,
            samples: input.samples,
            bad_rows: input.bad_rows,
            start: start.map(At),
            end: end.map(At),
            warnings: &input.warnings,
        }
    }
}

#[derive(Serialize)]
struct TimeOut<'a> {
    column: &'a str,
    unit: Option<&'static str>,
    from: &'static str,
    zone: Option<&'a str>,
}

#[derive(Serialize)]
struct PlaceOut<'a> {
    path: &'a str,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

impl<'a> PlaceOut<'a> {
    fn of(problem: &'a RowProblem) -> Self {
        Self { path: &problem.path, line: problem.line, message: Some(&problem.message) }
    }
}

#[derive(Serialize)]
struct MetricOut<'a> {
    name: &'a str,
    series: u64,
    samples: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    histograms: Option<u64>,
    nans: u64,
    min: Option<Number>,
    median: Option<Number>,
    median_exact: bool,
    max: Option<Number>,
    cadence_s: Option<Seconds>,
    gaps: u64,
    longest_gap_s: Option<Seconds>,
    resets: u64,
    start: At,
    end: At,
    series_ended: u64,
}

impl<'a> MetricOut<'a> {
    fn of(metric: &'a MetricFacts) -> Self {
        Self {
            name: &metric.name,
            series: metric.series,
            samples: metric.samples,
            histograms: Some(metric.values.histograms).filter(|many| *many > 0),
            nans: metric.values.nans,
            min: metric.values.min.map(Number),
            median: metric.values.median.map(Number),
            median_exact: metric.values.median_exact,
            max: metric.values.max.map(Number),
            cadence_s: metric.cadence.map(Seconds),
            gaps: metric.gaps,
            longest_gap_s: metric.longest_gap.map(Seconds),
            resets: metric.values.resets,
            start: At(metric.first),
            end: At(metric.last),
            series_ended: metric.series_ended,
        }
    }
}

#[derive(Serialize)]
struct LabelOut<'a> {
    name: &'a str,
    values: u64,
    series: u64,
    examples: &'a [String],
}

impl<'a> LabelOut<'a> {
    fn of(label: &'a LabelFacts) -> Self {
        Self { name: &label.name, values: label.values, series: label.series, examples: &label.examples }
    }
}

#[derive(Serialize)]
struct GapOut {
    from: At,
    to: At,
    length_s: Seconds,
    series: u64,
}

impl GapOut {
    fn of(gap: &Gap) -> Self {
        Self { from: At(gap.from), to: At(gap.to), length_s: Seconds(gap.to.since(gap.from)), series: gap.series }
    }
}

#[derive(Serialize)]
struct HintOut<'a> {
    code: &'static str,
    message: &'a str,
}
