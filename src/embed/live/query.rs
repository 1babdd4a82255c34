//! Questions to the values that are held.

use std::fmt;

use crate::diagnostic::{Diagnostic as Found, Diagnostics, codes};
use crate::labels::LabelSet;
use crate::promql::query::{self, Query, QueryContext};
use crate::source::{FileSpan, SourceMap};
use crate::time::Timestamp;

use super::super::diagnostic::Diagnostic;
use super::Live;

/// What a query gives.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A number.
    Scalar(f64),
    /// A text.
    Text(String),
    /// Series with one value each, in the order of the result.
    Vector(Vec<(LabelSet, f64)>),
    /// Series with many values each, by labels.
    Matrix(Vec<(LabelSet, Vec<(Timestamp, f64)>)>),
}

/// Says why a query has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    problems: Vec<Diagnostic>,
}

impl QueryError {
    /// Returns what is wrong.
    #[must_use]
    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }
}

/// Formats as the problems, one after the other.
impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if at == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for QueryError {}

/// Tells what is wrong with a query.
fn refused(text: &str, error: &query::QueryError) -> QueryError {
    let mut sources = SourceMap::default();
    let file = sources.add("query", text);
    let mut found = Diagnostics::default();
    match error {
        query::QueryError::Refused(problems) => {
            for problem in problems {
                let at = FileSpan { file, span: problem.span };
                let mut one = Found::error(problem.code, problem.message.clone(), at);
                one.help.extend(problem.help.clone());
                found.push(one);
            }
        }
        query::QueryError::Range(message) => {
            found.push(Found::new(codes::PROMQL_LIMIT, crate::diagnostic::Severity::Error, message.clone()));
        }
        query::QueryError::Failed { message, span } => {
            let one = Found::new(codes::EVALUATION, crate::diagnostic::Severity::Error, message.clone());
            found.push(match span {
                Some(span) => one.with_mark(FileSpan { file, span: *span }, ""),
                None => one,
            });
        }
    }
    QueryError { problems: Diagnostic::all(&found, &sources) }
}

impl Live {
    /// Evaluates an expression at a time, on what was evaluated: the values that were set and the metrics that rules
    /// write. It reaches back as far as [`LiveOptions::history`](super::LiveOptions::history), or as windows of rules do.
    /// Cost: the expression is planned, and looks for its series among all.
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
    /// When the expression cannot be read, or its evaluation fails.
    pub fn query(&self, expr: &str, at: impl Into<Timestamp>) -> Result<Value, QueryError> {
        let failed = |error: query::QueryError| refused(expr, &error);
        let options = self.options.engine().query();
        let mut query = Query::prepare(expr, QueryContext::Instant, &options).map_err(failed)?;
        let value = self.engine.query(&mut query, &self.store, at.into()).map_err(failed)?;
        Ok(match value {
            query::Value::Scalar(value) => Value::Scalar(value),
            query::Value::String(text) => Value::Text(text),
            query::Value::Vector(series) => Value::Vector(series),
            query::Value::Matrix(series) => {
                Value::Matrix(series.into_iter().map(|series| (series.labels, series.samples)).collect())
            }
        })
    }
}
