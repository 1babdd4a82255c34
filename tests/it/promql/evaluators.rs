//! What the cases can be run against.

use alertctl::promql::annotation::Annotated;
use alertctl::promql::ast::Expr;
use alertctl::promql::query::{self, Query, QueryContext, QueryError, QueryOptions, QueryRange};
use alertctl::store::{Batch, Store};
use alertctl::time::{Millis, Timestamp};

use crate::slow::histograms::with_stored_hints;
use crate::slow::{self, Context, Fault, Options, SampleValue, Starts, Stored, Value};

/// What the engine under Prometheus' tests runs with.
pub(crate) const TESTED: Options =
    Options { lookback: 300_000, subquery_step: 60_000, delayed_names: true, start_timestamps: true };

/// What a server evaluates rules with where nothing else is said.
pub(crate) const SERVED: Options = Options { delayed_names: false, start_timestamps: false, ..TESTED };

/// What a server evaluates rules with where it is told to use start timestamps.
pub(crate) const STARTED: Options = Options { start_timestamps: true, ..SERVED };

/// Evaluates queries on samples it has taken in.
pub(crate) trait Evaluate {
    /// The samples as it holds them.
    type Storage;

    /// Returns its name, for reports.
    fn name(&self) -> &'static str;

    /// Takes in samples.
    fn load(&self, data: &[Stored], starts: &Starts) -> Self::Storage;

    /// Evaluates at one time.
    fn instant(&self, storage: &Self::Storage, expr: &Expr, at: i64) -> Result<Value, Fault>;

    /// Evaluates at each step of a range.
    fn range(&self, storage: &Self::Storage, expr: &Expr, context: Context) -> Result<Value, Fault>;

    /// Returns the warnings and infos of an evaluation at one time or over a range; `None` if it tells none.
    fn told(&self, _: &Self::Storage, _: &Expr, _when: Result<i64, Context>) -> Option<Vec<Annotated>> {
        None
    }
}

/// The slow evaluator and its options.
pub(crate) struct Slow(pub(crate) Options);

impl Evaluate for Slow {
    type Storage = (Vec<Stored>, Starts);

    fn name(&self) -> &'static str {
        "slow evaluator"
    }

    fn load(&self, data: &[Stored], starts: &Starts) -> Self::Storage {
        (with_stored_hints(data.to_vec()), starts.clone())
    }

    fn instant(&self, storage: &Self::Storage, expr: &Expr, at: i64) -> Result<Value, Fault> {
        slow::instant_of((&slow::views(&storage.0), &storage.1), expr, at, &self.0)
    }

    fn range(&self, storage: &Self::Storage, expr: &Expr, context: Context) -> Result<Value, Fault> {
        slow::range((&storage.0, &storage.1), expr, context, &self.0)
    }
}

/// The evaluator of the crate, with options.
pub(crate) struct Block(pub(crate) Options);

impl Evaluate for Block {
    type Storage = Store;

    fn name(&self) -> &'static str {
        "block evaluator"
    }

    fn load(&self, data: &[Stored], starts: &Starts) -> Store {
        let mut store = Store::default();
        store.keep_all();
        for (labels, points) in data {
            let id = store.series(labels);
            let mut batch = Batch::default();
            for (at, value) in points {
                match value {
                    SampleValue::Float(value) => batch.push(id, Timestamp(*at), *value, 0),
                    SampleValue::Histogram(held) => batch.push_histogram(id, Timestamp(*at), held.clone(), 0),
                }
                if let Some(start) = starts.get(labels).and_then(|starts| starts.get(at)) {
                    batch.set_start(Timestamp(*start));
                }
            }
            store.append(&batch).expect("points in time order");
        }
        store
    }

    fn instant(&self, store: &Store, expr: &Expr, at: i64) -> Result<Value, Fault> {
        let query = Query::of(expr, QueryContext::Instant, &query_options(&self.0));
        answer(query.and_then(|mut query| query.at(store, Timestamp(at))))
    }

    fn told(&self, store: &Store, expr: &Expr, when: Result<i64, Context>) -> Option<Vec<Annotated>> {
        let (context, range) = match when {
            Ok(_) => (QueryContext::Instant, None),
            Err(Context { start, end, step }) => {
                let range = QueryRange::new(Timestamp(start), Timestamp(end), Millis(step)).ok()?;
                (QueryContext::Range(range), Some(range))
            }
        };
        let mut query = Query::of(expr, context, &query_options(&self.0)).ok()?;
        let result = match (when, range) {
            (Ok(at), _) => query.at(store, Timestamp(at)),
            (Err(_), range) => query.over(store, range?),
        };
        result.ok().map(|_| query.annotations().to_vec())
    }

    fn range(&self, store: &Store, expr: &Expr, context: Context) -> Result<Value, Fault> {
        let over = |range| Query::of(expr, QueryContext::Range(range), &query_options(&self.0))?.over(store, range);
        let range = QueryRange::new(Timestamp(context.start), Timestamp(context.end), Millis(context.step));
        answer(range.and_then(over))
    }
}

/// Returns the answer of a query as the slow evaluator would give it.
pub(crate) fn answer(answer: Result<query::Value, QueryError>) -> Result<Value, Fault> {
    answer.map(value).map_err(|error| fault(&error))
}

/// Returns the options of the crate's queries.
pub(crate) fn query_options(options: &Options) -> QueryOptions {
    QueryOptions {
        lookback: Millis(options.lookback),
        subquery_step: Millis(options.subquery_step),
        delayed_names: options.delayed_names,
        start_timestamps: options.start_timestamps,
    }
}

fn value(value: query::Value) -> Value {
    match value {
        query::Value::Scalar(value) => Value::Scalar(value),
        query::Value::String(text) => Value::String(text),
        query::Value::Vector(samples) => {
            Value::Vector(samples.into_iter().map(|(labels, value)| (labels, sample(value))).collect())
        }
        query::Value::Matrix(series) => {
            let points =
                |samples: Vec<(Timestamp, _)>| samples.into_iter().map(|(at, value)| (at.0, sample(value))).collect();
            Value::Matrix(series.into_iter().map(|series| (series.labels, points(series.samples))).collect())
        }
    }
}

fn sample(value: query::SampleValue) -> SampleValue {
    match value {
        query::SampleValue::Float(value) => SampleValue::Float(value),
        query::SampleValue::Histogram(held) => SampleValue::Histogram(held),
    }
}

fn fault(error: &QueryError) -> Fault {
    Fault::Failed(error.to_string())
}
