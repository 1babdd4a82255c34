//! The expression of an explanation, part by part.

use serde::Serialize;

use super::super::words::Times;
use super::ReasonOut;
use crate::explain::{Given, Node, Range, Row};
use crate::promql::query::SampleValue;
use crate::report::number::{At, Labels, Number, Sampled};
use crate::time::Timestamp;

#[derive(Serialize)]
pub(super) struct NodeOut<'a> {
    part: usize,
    text: &'a str,
    span: [u32; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<At>,
    decides: bool,
    #[serde(flatten)]
    gave: GivenOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<VerdictOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonOut<'a>>,
    below: Vec<NodeOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Box<SourceOut<'a>>>,
}

#[derive(Serialize)]
struct VerdictOut {
    holds: bool,
    op: &'static str,
    left: Number,
    right: Number,
}

#[derive(Serialize)]
struct SourceOut<'a> {
    record: &'a str,
    file: &'a str,
    line: u32,
    at: At,
    tree: NodeOut<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum GivenOut<'a> {
    Scalar(Number),
    Rows(RowsOut<'a>),
    Ranges(RangesOut<'a>),
    Failed(&'a str),
    Unevaluated(bool),
}

#[derive(Serialize)]
struct RowsOut<'a> {
    rows: Vec<RowOut<'a>>,
    others: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nearest: Vec<RowOut<'a>>,
}

impl<'a> RowOut<'a> {
    fn of(row: &'a Row) -> Self {
        Self { labels: Labels(&row.labels), value: Sampled(&row.value), sampled: row.sampled.map(At) }
    }
}

#[derive(Serialize)]
struct RowOut<'a> {
    labels: Labels<'a>,
    value: Sampled<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sampled: Option<At>,
}

#[derive(Serialize)]
struct RangesOut<'a> {
    ranges: Vec<RangeOut<'a>>,
    others: usize,
}

#[derive(Serialize)]
struct RangeOut<'a> {
    labels: Labels<'a>,
    samples: usize,
    first: SampleOut<'a>,
    last: SampleOut<'a>,
    min: Number,
    max: Number,
    resets: Vec<ResetOut>,
    values: Vec<(At, Sampled<'a>)>,
}

#[derive(Serialize)]
struct SampleOut<'a> {
    at: At,
    value: Sampled<'a>,
}

#[derive(Serialize)]
struct ResetOut {
    at: At,
    before: Number,
    after: Number,
}

impl<'a> NodeOut<'a> {
    pub(super) fn of(node: &'a Node, times: &Times<'_>) -> Self {
        let gave = match &node.gave {
            Given::Scalar(value) => GivenOut::Scalar(Number(*value)),
            Given::Rows { rows, others, nearest } => GivenOut::Rows(RowsOut {
                rows: rows.iter().map(RowOut::of).collect(),
                others: *others,
                nearest: nearest.iter().map(RowOut::of).collect(),
            }),
            Given::Ranges { ranges, others } => {
                GivenOut::Ranges(RangesOut { ranges: ranges.iter().map(RangeOut::of).collect(), others: *others })
            }
            Given::Failed(message) => GivenOut::Failed(message),
            Given::Unevaluated => GivenOut::Unevaluated(true),
        };
        Self {
            part: node.part,
            text: &node.text,
            span: [node.span.start, node.span.end],
            at: node.at.map(At),
            decides: node.decides,
            gave,
            verdict: node.verdict.map(|one| VerdictOut {
                holds: one.holds,
                op: one.op.symbol(),
                left: Number(one.left),
                right: Number(one.right),
            }),
            reason: node.why.as_ref().map(|reason| ReasonOut::of(None, reason, times)),
            below: node.below.iter().map(|below| Self::of(below, times)).collect(),
            source: node.source.as_ref().map(|source| {
                Box::new(SourceOut {
                    record: &source.record,
                    file: &source.file,
                    line: source.line,
                    at: At(source.at),
                    tree: Self::of(&source.tree, times),
                })
            }),
        }
    }
}

impl<'a> RangeOut<'a> {
    fn of(range: &'a Range) -> Self {
        let point = |(at, value): &'a (Timestamp, SampleValue)| SampleOut { at: At(*at), value: Sampled(value) };
        Self {
            labels: Labels(&range.labels),
            samples: range.samples,
            first: point(&range.first),
            last: point(&range.last),
            min: Number(range.between.0),
            max: Number(range.between.1),
            values: range.values.iter().map(|(at, value)| (At(*at), Sampled(value))).collect(),
            resets: range
                .resets
                .iter()
                .map(|(at, before, after)| ResetOut { at: At(*at), before: Number(*before), after: Number(*after) })
                .collect(),
        }
    }
}
