//! What the cases can be run against.

use alertctl::promql::ast::Expr;

use crate::slow::{self, Context, Data, Fault, Options, Value};

/// What the engine under Prometheus' tests runs with.
pub(crate) const TESTED: Options = Options { lookback: 300_000, subquery_step: 60_000, delayed_names: true };

/// What a server evaluates rules with where nothing else is said.
pub(crate) const SERVED: Options = Options { delayed_names: false, ..TESTED };

/// Evaluates queries on samples it has taken in.
pub(crate) trait Evaluate {
    /// The samples as it holds them.
    type Storage;

    /// Returns its name, for reports.
    fn name(&self) -> &'static str;

    /// Takes in samples.
    fn load(&self, data: &Data) -> Self::Storage;

    /// Evaluates at one time.
    fn instant(&self, storage: &Self::Storage, expr: &Expr, at: i64) -> Result<Value, Fault>;

    /// Evaluates at each step of a range.
    fn range(&self, storage: &Self::Storage, expr: &Expr, context: Context) -> Result<Value, Fault>;
}

/// The slow evaluator and its options.
pub(crate) struct Slow(pub(crate) Options);

impl Evaluate for Slow {
    type Storage = Vec<(alertctl::labels::LabelSet, Vec<(i64, f64)>)>;

    fn name(&self) -> &'static str {
        "slow evaluator"
    }

    fn load(&self, data: &Data) -> Self::Storage {
        data.to_vec()
    }

    fn instant(&self, storage: &Self::Storage, expr: &Expr, at: i64) -> Result<Value, Fault> {
        slow::instant(storage, expr, at, &self.0)
    }

    fn range(&self, storage: &Self::Storage, expr: &Expr, context: Context) -> Result<Value, Fault> {
        slow::range(storage, expr, context, &self.0)
    }
}
