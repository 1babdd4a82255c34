//! Answers to the queries of templates.

use crate::labels::LabelSet;
use crate::promql::lags::Lags;
use crate::promql::parse::parse;
use crate::promql::program::{Inputs, Written};
use crate::promql::query::{QueryOptions, Value, instant_on};
use crate::rules::template::QueriedSample;
use crate::store::{Hidden, Store};
use crate::time::Timestamp;

/// How the queries of each rule's templates are evaluated.
pub(crate) struct Queries {
    pub options: QueryOptions,
    /// By rule: from when on it sees what rules wrote.
    pub lags: Vec<Lags>,
}

impl Queries {
    /// Evaluates an instant query at a slot on what a rule sees at it.
    pub(crate) fn answer(
        &self,
        rule: usize,
        text: &str,
        slot: Timestamp,
        recording: &Store,
        written: Option<(&Store, &[u32], &Hidden)>,
    ) -> Result<Vec<QueriedSample>, String> {
        let parsed = parse(text);
        if let Some(problem) = parsed.problems.first() {
            return Err(problem.message.clone());
        }
        let written = written.zip(self.lags.get(rule));
        let written = written.map(|((store, writers, hidden), lags)| Written { store, writers, lags, hidden });
        let inputs = Inputs { recording, written, only: None };
        match instant_on(&inputs, &parsed.expr, slot, &self.options).map_err(|error| error.to_string())? {
            Value::Vector(samples) => {
                Ok(samples.into_iter().map(|(labels, value)| QueriedSample { labels, value }).collect())
            }
            Value::Scalar(value) => Ok(vec![QueriedSample { labels: LabelSet::empty(), value }]),
            Value::String(_) | Value::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
        }
    }
}
