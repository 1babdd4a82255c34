//! What was found in a recording.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Form, Format, TimeUnit};
use crate::format::counted;
use crate::time::Timestamp;

/// A row that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// The input.
    pub path: Arc<str>,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub message: String,
    /// How many rows have the same; this is the first of them.
    pub rows: u64,
}

/// Formats as `file:line: message`, with how many more rows have the same.
impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, message, rows } = self;
        write!(f, "{path}:{line}: {message}")?;
        match rows.saturating_sub(1) {
            0 => Ok(()),
            more => write!(f, " (and {} like it)", counted(more, "more row")),
        }
    }
}

/// Where the form of times is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFrom {
    /// The column's name ends in the unit.
    Suffix,
    /// The first number fits one unit only.
    Magnitude,
    /// The user said so.
    Flag,
    /// Times are written out.
    Text,
}

impl TimeFrom {
    /// Returns the word that machine formats use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Suffix => "suffix",
            Self::Magnitude => "magnitude",
            Self::Flag => "flag",
            Self::Text => "text",
        }
    }
}

/// How times are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeFound {
    /// The column.
    pub column: String,
    /// The unit of numbers; none for text.
    pub unit: Option<TimeUnit>,
    /// Where that is known from.
    pub from: TimeFrom,
    /// The zone that was taken for times without one, if there were any.
    pub zone: Option<String>,
}

/// What was found in one input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputSummary {
    /// The input.
    pub path: Arc<str>,
    /// Its form, and why.
    pub format: Option<(Format, String)>,
    /// The name of the built-in form that was recognized.
    pub recognized: Option<&'static str>,
    /// How it was read: the form and the flags, with what was found besides.
    pub form: Form,
    /// Whether a part of that was a guess, which a flag can say for certain.
    pub guessed: bool,
    /// Its times.
    pub time: Option<TimeFound>,
    /// All columns or fields, by name.
    pub columns: Vec<String>,
    /// Columns that are metrics.
    pub metric_columns: Vec<String>,
    /// What `# TYPE` lines say that metrics are, in the words of these lines: `counter`, `gauge`.
    pub types: BTreeMap<String, String>,
    /// Columns that are labels.
    pub label_columns: Vec<String>,
    /// Rows, bad ones among them.
    pub rows: u64,
    /// Samples.
    pub samples: u64,
    /// Bad rows.
    pub bad_rows: u64,
    /// The times of the first sample and of the last one.
    pub span: Option<(Timestamp, Timestamp)>,
    /// What a person would want to know, a sentence each.
    pub warnings: Vec<String>,
}

/// What was found in a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The inputs, in the order in which they were read.
    pub inputs: Vec<InputSummary>,
    /// Rows, bad ones among them.
    pub rows: u64,
    /// Samples, repeats among them.
    pub samples: u64,
    /// Samples that repeat one of the same series, time and value.
    pub repeats: u64,
    /// Samples that differ from one of the same series and time, where one of the two was to be taken.
    pub conflicts: u64,
    /// Bad rows.
    pub bad_rows: u64,
    /// The first of them, at most [`crate::limits::BAD_ROWS_SHOWN`]; of those with equal messages one.
    pub bad_rows_shown: Vec<RowProblem>,
    /// The times of the first sample and of the last one.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Whether the recording was not in time order and was held whole.
    pub held_whole: bool,
    /// Where it was first seen not to be in order.
    pub disorder: Option<(Arc<str>, u64)>,
}

impl Summary {
    /// Says what was odd about the order of the rows of all inputs, a sentence each: that they were sorted, and that
    /// some repeat others.
    #[must_use]
    pub fn order_remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some((path, line)) = &self.disorder {
            let zoneless = self.inputs.iter().any(|one| one.time.as_ref().is_some_and(|time| time.zone.is_some()));
            let local =
                if zoneless { "; if its times are local and clocks were set back: --input-timezone ZONE" } else { "" };
            remarks.push(format!(
                "{path}:{line}: is before the row above it; the recording was sorted, and held in memory for that{local}"
            ));
        }
        if self.repeats > 0 {
            let verb = if self.repeats == 1 { "repeats" } else { "repeat" };
            let repeats = counted(self.repeats, "sample");
            remarks.push(format!("{repeats} {verb} another one of the same series, time and value (left out)"));
        }
        remarks
    }
}
