//! What the cases can be run against.

use alertctl::promql::ast::Expr;

use crate::slow::{self, Context, Data, Fault, Options, Value};

/// What the engine under Prometheus' tests runs with.
const OPTIONS: Options = Options { lookback: 300_000, subquery_step: 60_000, delayed_names: true };

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

/// The slow evaluator.
pub(crate) struct Slow;

impl Evaluate for Slow {
    type Storage = Vec<(alertctl::labels::LabelSet, Vec<(i64, f64)>)>;

    fn name(&self) -> &'static str {
        "slow evaluator"
    }

    fn load(&self, data: &Data) -> Self::Storage {
        data.to_vec()
    }

    fn instant(&self, storage: &Self::Storage, expr: &Expr, at: i64) -> Result<Value, Fault> {
        slow::instant(storage, expr, at, &OPTIONS)
    }

    fn range(&self, storage: &Self::Storage, expr: &Expr, context: Context) -> Result<Value, Fault> {
        slow::range(storage, expr, context, &OPTIONS)
    }
}
