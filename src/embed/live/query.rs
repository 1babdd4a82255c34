//! Queries of the values that are kept.

use std::fmt;

use crate::labels::LabelSet;
use crate::promql::query::{self, Query, QueryContext};
use crate::source::SourceMap;
use crate::time::Timestamp;

use super::super::diagnostic::{self, Diagnostic};
use super::Live;

/// The result of [`Live::query`].
///
/// ```
/// use alertctl::{LabelSet, Live, Timestamp, Value};
///
/// let mut live = Live::new();
/// live.at(Timestamp(0)).set_labels(&LabelSet::new([("__name__", "cpu"), ("host", "a")]), 0.5);
/// live.evaluate();
/// match live.query("cpu * 100", Timestamp(0))? {
///     Value::Scalar(number) => println!("{number}"),
///     Value::Vector(series) => {
///         assert_eq!(series, [(LabelSet::new([("host", "a")]), 50.0)]);
///     }
///     other => println!("{other:?}"),
/// }
/// # Ok::<(), alertctl::QueryError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A number, as of `time()`.
    Scalar(f64),
    /// A text, as of `"text"`.
    Text(String),
    /// Series with one value each, as of `cpu`, in the order of the result: `sort` and `topk` order it.
    Vector(Vec<(LabelSet, f64)>),
    /// Series with their values over a range, as of `cpu[5m]`, ordered by labels.
    Matrix(Vec<(LabelSet, Vec<(Timestamp, f64)>)>),
}

/// Why a query has no value: it cannot be read, or its evaluation failed.
///
/// ```
/// use alertctl::{Live, Timestamp};
///
/// let error = Live::new().query("sum(cpu", Timestamp(0)).unwrap_err();
/// assert_eq!((error.problems()[0].file(), error.problems()[0].line()), ("query", Some(1)));
/// println!("{error}");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct QueryError {
    problems: Vec<Diagnostic>,
}

impl QueryError {
    /// Returns what is wrong; at least one problem.
    #[must_use]
    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }
}

/// Formats as the problems, one after the other.
impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        diagnostic::print(&self.problems, f)
    }
}

/// Formats as [`Display`](fmt::Display) does: what `main` prints when it returns an error is for people.
impl fmt::Debug for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for QueryError {}

/// Returns what is wrong with a query, with its place in the text.
fn refused(text: &str, error: &query::QueryError) -> QueryError {
    let mut sources = SourceMap::default();
    let file = sources.add("query", text);
    let found = error.diagnostics(file, 0);
    QueryError { problems: Diagnostic::all(&found, &sources) }
}

impl Live {
    /// Evaluates a PromQL expression at a time, on the values of all snapshots that were evaluated and the metrics that
    /// rules wrote. It looks back as far as [`LiveOptions::history`](super::LiveOptions::history). Cost: the expression is parsed, and every series is compared with its selectors.
    ///
    /// ```
    /// use alertctl::{LabelSet, Live, Timestamp, Value};
    ///
    /// let mut live = Live::new();
    /// for (host, value) in [("a", 3.0), ("b", 4.0)] {
    ///     let series = live.series(&LabelSet::new([("__name__", "cpu"), ("host", host)]));
    ///     live.at(Timestamp(0)).set(&series, value);
    /// }
    /// live.evaluate();
    /// assert_eq!(live.query("sum(cpu)", Timestamp(0))?, Value::Vector(vec![(LabelSet::empty(), 7.0)]));
    /// # Ok::<(), alertctl::QueryError>(())
    /// ```
    ///
    /// # Errors
    /// When the expression has a mistake, or its evaluation fails.
    pub fn query(&self, expr: &str, at: impl Into<Timestamp>) -> Result<Value, QueryError> {
        let failed = |error: query::QueryError| refused(expr, &error);
        let options = self.options.engine().query();
        let mut query = Query::prepare(expr, QueryContext::Instant, &options).map_err(failed)?;
        let value = self.engine.query(&mut query, &self.store, at.into()).map_err(failed)?;
        Ok(match value {
            query::Value::Scalar(value) => Value::Scalar(value),
            query::Value::String(text) => Value::Text(text),
            // What a program sets are floats.
            query::Value::Vector(series) => {
                Value::Vector(series.into_iter().map(|(labels, value)| (labels, value.or_nan())).collect())
            }
            query::Value::Matrix(series) => {
                let samples = |series: query::Series| {
                    series.samples.into_iter().map(|(at, value)| (at, value.or_nan())).collect()
                };
                Value::Matrix(series.into_iter().map(|series| (series.labels.clone(), samples(series))).collect())
            }
        })
    }
}
