//! What an evaluation tells beside its result: warnings and infos, in Prometheus' words.

use std::fmt;

use crate::format::go::{quoted, shortest, significant};
use crate::source::Span;
use crate::time::Timestamp;

use super::ast::{AggregateOp, BinaryOp};
use super::buckets::Forced;

/// How grave an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The result is likely not what was meant.
    Warning,
    /// Something that may be as it should be.
    Info,
}

impl Level {
    /// Returns the words that Prometheus begins with.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Warning => "PromQL warning",
            Self::Info => "PromQL info",
        }
    }
}

/// One thing that an evaluation tells. Its text is Prometheus' without the level and the position.
///
/// Source: `util/annotations` of Prometheus 3.14; histograms.md 10.
#[derive(Clone, Debug, PartialEq)]
pub enum Annotation {
    /// A quantile that is not between 0 and 1.
    BadQuantile(f64),
    /// A share for `limit_ratio` that is not between -1 and 1.
    BadRatio {
        /// The share.
        ratio: f64,
        /// What it is taken for.
        capped: f64,
    },
    /// A series among buckets whose `le` is no number.
    BadBucketLabel {
        /// The label's value.
        le: String,
        /// The metric; empty where its name was dropped.
        metric: String,
    },
    /// Floats and histograms in one window of a function that wants one kind.
    MixedInRange {
        /// The metric.
        metric: String,
    },
    /// Floats and histograms in one group of a sum.
    MixedInAggregation,
    /// Histograms with exponential and with given bounds that cannot be added.
    MixedSchemas {
        /// The metric; empty where its name was dropped.
        metric: String,
    },
    /// A rate of histograms that are gauges.
    NotCounter {
        /// The metric.
        metric: String,
    },
    /// A difference of histograms that are counters.
    NotGauge {
        /// The metric.
        metric: String,
    },
    /// Histograms after a reset with others after none.
    CounterResets(Joining),
    /// An operator between histograms with exponential and with given bounds.
    IncompatibleLayout(BinaryOp),
    /// Classic buckets and a native histogram of one label set.
    MixedClassic {
        /// The metric; empty where its name was dropped.
        metric: String,
    },
    /// Kinds of values that an operator is not for.
    IncompatibleTypes {
        /// The operator.
        op: BinaryOp,
        /// Whether the left value is a histogram, and the right one.
        histograms: (bool, bool),
    },
    /// Histograms that an aggregation of floats passed over.
    IgnoredInAggregation(AggregateOp),
    /// Histograms beside the floats that a function of floats read.
    IgnoredInRange {
        /// The metric.
        metric: String,
    },
    /// Given bounds that differed and were brought together.
    Reconciled(Joining),
    /// Observations of NaN where a quantile falls.
    NanQuantile {
        /// The metric; empty where its name was dropped.
        metric: String,
    },
    /// Observations of NaN beside those that a quantile is of.
    NanSkewed {
        /// The metric; empty where its name was dropped.
        metric: String,
    },
    /// Observations of NaN that are in no fraction.
    NanFraction {
        /// The metric; empty where its name was dropped.
        metric: String,
    },
    /// A function that sorts in a query over a range, whose results are sorted by labels.
    SortInRange,
    /// A rate of a metric that is not named as counters are.
    NotNamedAsCounter {
        /// The metric.
        metric: String,
    },
    /// Counts of buckets that fell from one bucket to the next.
    Repaired(Repaired),
    /// Samples that count from before the one before them was taken, but not from where that one does.
    OverlappingStarts {
        /// The metric.
        metric: String,
        /// In how many windows, over series and steps.
        windows: u64,
    },
}

/// How histograms were put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// Added to each other.
    Addition,
    /// Subtracted from each other.
    Subtraction,
    /// Summed up.
    Aggregation,
}

impl Joining {
    fn word(self) -> &'static str {
        match self {
            Self::Addition => "addition",
            Self::Subtraction => "subtraction",
            Self::Aggregation => "aggregation",
        }
    }
}

/// An annotation of an expression and the part that it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotated {
    /// What is told.
    pub what: Annotation,
    /// The part of the expression, where it is known. Unit: byte offsets in its text.
    pub span: Option<Span>,
}

impl Annotated {
    /// Writes it as Prometheus does, of an expression with this text: `PromQL info: .. (1:6)`.
    #[must_use]
    pub fn in_text(&self, text: &str) -> String {
        format!("{}: {}", self.what.level().words(), self.bare_in_text(text))
    }

    /// Writes it without the level, but with the place where that is known: line and byte, from 1.
    #[must_use]
    pub fn bare_in_text(&self, text: &str) -> String {
        let Self { what, span } = self;
        let Some(span) = span else { return what.to_string() };
        let before = text.get(..span.start as usize).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
        format!("{what} ({line}:{column})")
    }

    /// Takes an annotation among others, so that each thing is told once. The place of the later one counts, but for
    /// what is counted: there it is the place of the first.
    pub(crate) fn put(self, among: &mut Vec<Self>) {
        match among.iter_mut().find(|other| other.what.is_same(&self.what)) {
            Some(other) => {
                other.what.merge(&self.what);
                if !other.what.counts() {
                    other.span = self.span;
                }
            }
            None => among.push(self),
        }
    }
}

/// What `histogram_quantile` raised so that the counts of buckets rise.
#[derive(Clone, Debug, PartialEq)]
pub struct Repaired {
    /// The metric; empty where its name was dropped.
    metric: String,
    forced: Forced,
    /// How many histograms at how many steps.
    samples: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Repaired {
    /// Makes it of one histogram at one step.
    pub(crate) fn of(metric: String, forced: Forced, at: Timestamp) -> Self {
        Self { metric, forced, samples: 1, first: at, last: at }
    }
}

impl Annotation {
    /// Returns how grave it is.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::BadQuantile(_)
            | Self::BadRatio { .. }
            | Self::BadBucketLabel { .. }
            | Self::MixedInRange { .. }
            | Self::MixedInAggregation
            | Self::MixedSchemas { .. }
            | Self::NotCounter { .. }
            | Self::NotGauge { .. }
            | Self::CounterResets(_)
            | Self::IncompatibleLayout(_)
            | Self::MixedClassic { .. }
            | Self::OverlappingStarts { .. }
            | Self::SortInRange => Level::Warning,
            Self::IncompatibleTypes { .. }
            | Self::IgnoredInAggregation(_)
            | Self::IgnoredInRange { .. }
            | Self::Reconciled(_)
            | Self::NanQuantile { .. }
            | Self::NanSkewed { .. }
            | Self::NanFraction { .. }
            | Self::NotNamedAsCounter { .. }
            | Self::Repaired(_) => Level::Info,
        }
    }

    /// Returns whether another one tells the same, so that the two become one.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Repaired(a), Self::Repaired(b)) => a.metric == b.metric,
            (Self::OverlappingStarts { metric: a, .. }, Self::OverlappingStarts { metric: b, .. }) => a == b,
            (Self::BadQuantile(a), Self::BadQuantile(b)) => a == b || a.is_nan() && b.is_nan(),
            _ => self == other,
        }
    }

    /// Returns whether another one tells the same of another evaluation: the numbers may be others.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::BadQuantile(_), Self::BadQuantile(_)) | (Self::BadRatio { .. }, Self::BadRatio { .. }) => true,
            _ => self.is_same(other),
        }
    }

    /// Takes in another one that tells the same.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Repaired(a), Self::Repaired(b)) => {
                a.forced.least = a.forced.least.min(b.forced.least);
                a.forced.greatest = a.forced.greatest.max(b.forced.greatest);
                a.forced.fall = a.forced.fall.max(b.forced.fall);
                a.samples += b.samples;
                a.first = a.first.min(b.first);
                a.last = a.last.max(b.last);
            }
            (Self::OverlappingStarts { windows: a, .. }, Self::OverlappingStarts { windows: b, .. }) => *a += b,
            _ => {}
        }
    }

    /// Returns whether it says how often it happened.
    pub(crate) fn counts(&self) -> bool {
        matches!(self, Self::Repaired(_) | Self::OverlappingStarts { .. })
    }
}

impl fmt::Display for Annotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadQuantile(q) => write!(f, "quantile value should be between 0 and 1, got {}", shortest(*q)),
            Self::BadRatio { ratio, capped } => {
                let (ratio, capped) = (shortest(*ratio), shortest(*capped));
                write!(f, "ratio value should be between -1 and 1, got {ratio}, capping to {capped}")
            }
            Self::BadBucketLabel { le, metric } => {
                write!(f, "bucket label \"le\" is missing or has a malformed value of {}", quoted(le))?;
                for_metric(f, metric)
            }
            Self::MixedInRange { metric } => {
                write!(f, "encountered a mix of histograms and floats for metric name {}", quoted(metric))
            }
            Self::MixedInAggregation => f.write_str("encountered a mix of histograms and floats for aggregation"),
            Self::MixedSchemas { metric } => write!(
                f,
                "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {}",
                quoted(metric)
            ),
            Self::NotCounter { metric } => {
                write!(f, "this native histogram metric is not a counter: {}", quoted(metric))
            }
            Self::NotGauge { metric } => write!(f, "this native histogram metric is not a gauge: {}", quoted(metric)),
            Self::CounterResets(joining) => {
                write!(f, "conflicting counter resets during histogram {}", joining.word())
            }
            Self::IncompatibleLayout(op) => {
                write!(f, "incompatible bucket layout encountered for binary operator {}", op.symbol())
            }
            Self::MixedClassic { metric } => {
                f.write_str("vector contains a mix of classic and native histograms")?;
                for_metric(f, metric)
            }
            Self::IncompatibleTypes { op, histograms } => {
                let word = |is_histogram| if is_histogram { "histogram" } else { "float" };
                let (left, right, op) = (word(histograms.0), word(histograms.1), op.symbol());
                write!(f, "incompatible sample types encountered for binary operator \"{op}\": {left} {op} {right}")
            }
            Self::IgnoredInAggregation(op) => write!(f, "ignored histogram in {} aggregation", op.name()),
            Self::IgnoredInRange { metric } => write!(
                f,
                "ignored histograms in a range containing both floats and histograms for metric name {}",
                quoted(metric)
            ),
            Self::Reconciled(joining) => {
                write!(f, "mismatched custom buckets were reconciled during {}", joining.word())
            }
            Self::NanQuantile { metric } => {
                f.write_str("input to histogram_quantile has NaN observations, result is NaN")?;
                for_metric(f, metric)
            }
            Self::NanSkewed { metric } => {
                f.write_str("input to histogram_quantile has NaN observations, result is skewed higher")?;
                for_metric(f, metric)
            }
            Self::NanFraction { metric } => {
                f.write_str("input to histogram_fraction has NaN observations, which are excluded from all fractions")?;
                for_metric(f, metric)
            }
            Self::SortInRange => {
                f.write_str("sort is ineffective for range queries since results are always ordered by labels")
            }
            Self::NotNamedAsCounter { metric } => write!(
                f,
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {}",
                quoted(metric)
            ),
            Self::Repaired(Repaired { metric, forced, samples, first, last }) => {
                f.write_str(
                    "input to histogram_quantile needed to be fixed for monotonicity (see \
                     https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)",
                )?;
                for_metric(f, metric)?;
                let (least, greatest) = (shortest(forced.least), shortest(forced.greatest));
                let fall = significant(forced.fall, 2);
                // Whole seconds, as Prometheus cuts them.
                let whole = |at: &Timestamp| Timestamp(at.0.div_euclid(1000) * 1000);
                let (first, last) = (whole(first), whole(last));
                write!(f, ", from buckets {least} to {greatest}, with a max diff of {fall}, ")?;
                write!(f, "over {samples} samples from {first} to {last}")
            }
            Self::OverlappingStarts { metric, windows } => {
                let metric = quoted(metric);
                write!(f, "sample has start time that overlaps with previous sample timestamp for metric {metric}")?;
                if *windows > 1 { write!(f, " ({windows} occurrences)") } else { Ok(()) }
            }
        }
    }
}

fn for_metric(f: &mut fmt::Formatter<'_>, metric: &str) -> fmt::Result {
    if metric.is_empty() { Ok(()) } else { write!(f, " for metric name {}", quoted(metric)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_bytes() {
        let annotated = |span| Annotated { what: Annotation::BadQuantile(2.0), span };
        let text = "sum(é) or\nquantile(2, x)";
        let told = "PromQL warning: quantile value should be between 0 and 1, got 2";
        for (span, expected) in [
            (None, told.to_owned()),
            (Some(Span::default()), format!("{told} (1:1)")),
            (Some(Span::new(8, 9)), format!("{told} (1:9)")),
            (Some(Span::new(20, 21)), format!("{told} (2:10)")),
        ] {
            assert_eq!(annotated(span).in_text(text), expected);
        }
    }

    #[test]
    fn texts_are_those_of_prometheus() {
        let repaired = |least, fall, at| {
            let forced = Forced { least, greatest: 5.0, fall };
            Annotation::Repaired(Repaired::of("x".to_owned(), forced, Timestamp(at)))
        };
        let mut both = repaired(0.5, 0.25, 60_999);
        both.merge(&repaired(0.1, 3.0, 0));
        let overlapping = || Annotation::OverlappingStarts { metric: "x".to_owned(), windows: 1 };
        let mut twice = overlapping();
        twice.merge(&overlapping());
        for (annotation, expected) in [
            (Annotation::BadQuantile(f64::NAN), "quantile value should be between 0 and 1, got NaN"),
            (
                Annotation::BadBucketLabel { le: "a\"".to_owned(), metric: String::new() },
                "bucket label \"le\" is missing or has a malformed value of \"a\\\"\"",
            ),
            (overlapping(), "sample has start time that overlaps with previous sample timestamp for metric \"x\""),
            (
                twice,
                "sample has start time that overlaps with previous sample timestamp for metric \"x\" (2 occurrences)",
            ),
            (
                both,
                "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/\
                 prometheus/latest/querying/functions/#histogram_quantile) for metric name \"x\", from buckets 0.1 to \
                 5, with a max diff of 3, over 2 samples from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z",
            ),
        ] {
            assert_eq!(annotation.to_string(), expected);
        }
    }
}
