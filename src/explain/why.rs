//! Why there was no sample.

use crate::labels::LabelSet;
use crate::outcome::{MissingMetric, NoSource, Unmatched};
use crate::promql::ast::{BinaryOp, Side};
use crate::time::{Millis, Timestamp};

/// Why there was no sample, and which part of the expression decided that.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The part, counted in the order of [`Expr::walk`](crate::promql::ast::Expr::walk).
    pub part: usize,
    /// The part as it prints.
    pub text: String,
    /// What it lacked.
    pub why: Why,
}

impl Reason {
    /// Makes the reason of a whole expression.
    pub(crate) fn of(why: Why) -> Self {
        Self { part: 0, text: String::new(), why }
    }
}

/// Why there is no sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// The evaluation failed.
    Failed {
        /// Prometheus' words.
        message: String,
    },
    /// A comparison does not hold.
    False {
        /// Its operator.
        op: BinaryOp,
        /// The labels of the left side, or of the only side that is a vector.
        labels: LabelSet,
        /// The left side.
        left: f64,
        /// The right side.
        right: f64,
        /// The side that is a scalar; none where both are vectors.
        scalar: Option<Side>,
        /// Whether that is a number as it is written.
        written: bool,
        /// How many other series were compared and were not true either.
        others: usize,
    },
    /// The series is in the recording, and has no sample that counts.
    NoSample {
        /// The selector.
        selector: String,
        /// The series, or one of them.
        series: LabelSet,
        /// How many series there are.
        of: usize,
        /// Its last sample before.
        last: Option<Timestamp>,
        /// Its next sample.
        next: Option<Timestamp>,
        /// When the recording marks it as stale, if it does.
        ended: Option<Timestamp>,
        /// The series of `up` of the same target that was 0 at that time.
        down: Option<LabelSet>,
    },
    /// The time that a selector reads up to is outside of the recording.
    Outside {
        /// What is read.
        selector: String,
        /// The time.
        at: Timestamp,
        /// Whether a modifier moved it there, of the selector or around it.
        moved: bool,
        /// The first sample of the recording if it is before that, or else the last one.
        edge: Timestamp,
    },
    /// No step of a subquery lies in its window.
    NoStep {
        /// The subquery, as it is written.
        subquery: String,
    },
    /// No series has the labels that the other parts have.
    NoSeries {
        /// The selector.
        selector: String,
        /// What was looked for.
        wanted: LabelSet,
        /// The series that is most like it.
        nearest: Option<LabelSet>,
    },
    /// No series at all satisfies the matchers of a selector.
    NoMatch {
        /// The selector.
        selector: String,
        /// What it lacks, where that is known.
        unmatched: Option<Unmatched>,
        /// Labels of the metric whose names are near that of a matcher, where no series has that label.
        near: Vec<String>,
        /// The series that satisfies most of the matchers, where each of them has some.
        nearest: Option<LabelSet>,
    },
    /// The metric is not in the recording, and no rule writes it.
    NoMetric {
        /// The metric, with those that are near.
        metric: MissingMetric,
    },
    /// Rules write the metric, and had nothing to write.
    NoSource(NoSource),
    /// A rule writes the series, and its own expression gave nothing then.
    Source {
        /// The metric.
        record: String,
        /// Where the rule stands.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The part of its expression that decided.
        text: String,
        /// What that part lacked.
        why: Box<Why>,
    },
    /// A function or operator leaves out samples of this kind.
    OtherKind {
        /// The function, aggregation or operator.
        by: String,
        /// One of the series.
        series: LabelSet,
        /// Whether its samples are native histograms rather than floats.
        histograms: bool,
    },
    /// An operator has no result for the kinds of its sides.
    Kinds {
        /// The operator.
        op: BinaryOp,
        /// Whether the left and the right side have native histograms rather than floats.
        histograms: [bool; 2],
        /// One of the series that have them.
        series: LabelSet,
    },
    /// `clamp` has no result, since its minimum is above its maximum.
    NoBounds {
        /// The minimum.
        min: f64,
        /// The maximum.
        max: f64,
    },
    /// The buckets of a histogram have no label `le`.
    NoBuckets {
        /// One of the rows.
        row: LabelSet,
    },
    /// A range has fewer samples than the function needs.
    FewSamples {
        /// The function.
        function: &'static str,
        /// The range, as it is written.
        range: String,
        /// The series.
        series: LabelSet,
        /// The samples in the range.
        found: Vec<Timestamp>,
        /// The usual time between samples of the series, where it is known.
        spacing: Option<Millis>,
    },
    /// A row of one side has no partner on the other.
    NoPartner {
        /// The operator.
        op: BinaryOp,
        /// The row.
        row: LabelSet,
        /// The row of the other side that is most like it.
        nearest: Option<LabelSet>,
        /// The labels that differ between them, of those that must be equal.
        differs: Vec<String>,
    },
    /// The right side of `unless` takes it away.
    Taken {
        /// The row there.
        by: LabelSet,
        /// Its value.
        value: f64,
    },
    /// `scalar` has other than one series, and gives NaN.
    NotOne {
        /// The call.
        scalar: String,
        /// How many there are.
        of: usize,
    },
    /// A counter began again within a range.
    Reset {
        /// The series.
        series: LabelSet,
        /// When.
        at: Timestamp,
        /// The value before.
        before: f64,
        /// The value then.
        then: f64,
    },
    /// What should be absent is there.
    There {
        /// The first of the series.
        series: LabelSet,
        /// How many there are.
        of: usize,
    },
    /// `topk` or the like chose others.
    NotChosen {
        /// The row.
        labels: LabelSet,
        /// Its value.
        value: f64,
        /// How many are chosen, where it is so many rather than a share.
        of: Option<f64>,
    },
    /// Nothing further is known.
    Nothing,
}

impl Why {
    /// Returns whether it is so at all times of the recording.
    pub(crate) fn is_never(&self) -> bool {
        match self {
            Self::NoMetric { .. } | Self::NoMatch { .. } | Self::NoSource(_) => true,
            Self::Source { why, .. } => why.is_never(),
            _ => false,
        }
    }

    /// Returns how much it tells, and how near a comparison was.
    pub(crate) fn tells(&self) -> (u32, f64) {
        let rank = match self {
            Self::False { left, right, .. } => return (9, -distance(*left, *right)),
            Self::NoPartner { .. } | Self::Taken { .. } => 8,
            Self::NotChosen { .. }
            | Self::There { .. }
            | Self::NoBuckets { .. }
            | Self::OtherKind { .. }
            | Self::Kinds { .. }
            | Self::NoBounds { .. } => 7,
            Self::Failed { .. } => 6,
            Self::FewSamples { .. } | Self::NotOne { .. } => 5,
            Self::Source { .. } | Self::NoSample { .. } | Self::Reset { .. } => 4,
            Self::Outside { .. } | Self::NoStep { .. } | Self::NoSeries { .. } => 3,
            Self::NoMatch { .. } | Self::NoMetric { .. } | Self::NoSource(_) => 2,
            Self::Nothing => 1,
        };
        (rank, 0.0)
    }
}

/// Returns how far a value is from another one; NaN is farthest.
pub(crate) fn distance(a: f64, b: f64) -> f64 {
    let far = (a - b).abs();
    if far.is_nan() { f64::INFINITY } else { far }
}
