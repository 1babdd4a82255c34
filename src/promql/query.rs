//! One expression on a store: at one time, or at many.

use thiserror::Error;

use crate::labels::LabelSet;
use crate::store::{Hidden, Store};
use crate::time::{Millis, Timestamp};

use super::ast::{Expr, ExprKind, Type};
use super::block;
use super::parse::Problem;
use super::plan::{Context, LowerOptions};
use super::program::{Inputs, Program, Root, Steps};

/// How a query is evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueryOptions {
    /// How far an instant selector looks back.
    pub lookback: Millis,
    /// The step of a subquery that gives none.
    pub subquery_step: Millis,
    /// Whether metric names are dropped only at the end.
    pub delayed_names: bool,
}

/// Prometheus' own defaults.
impl Default for QueryOptions {
    fn default() -> Self {
        Self { lookback: Millis(300_000), subquery_step: Millis(60_000), delayed_names: false }
    }
}

/// A result.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(f64),
    /// A text.
    String(String),
    /// Series with one value each, in the order of the result.
    Vector(Vec<(LabelSet, f64)>),
    /// Series with many samples each.
    Matrix(Vec<Series>),
}

/// One series of a matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: LabelSet,
    /// When and what, ascending.
    pub samples: Vec<(Timestamp, f64)>,
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum QueryError {
    /// The expression is not evaluated, or can never be.
    #[error("{}", .0.first().map_or("", |problem| problem.message.as_str()))]
    Refused(Vec<Problem>),
    /// The evaluation failed, in Prometheus' words.
    #[error("{0}")]
    Failed(String),
}

/// Evaluates an expression at one time, on a store that holds what it reads.
///
/// # Errors
/// When it is refused, or fails.
pub fn instant(store: &Store, expr: &Expr, at: Timestamp, options: &QueryOptions) -> Result<Value, QueryError> {
    if let ExprKind::String(text) = &expr.unparen().kind {
        return Ok(Value::String(text.clone()));
    }
    if let Some(range) = range_selector(expr) {
        return raw_samples(store, range, at, options);
    }
    instant_on(&Inputs { recording: store, written: None, only: None }, expr, at, options)
}

/// Evaluates a scalar or vector at one time on a recording and what rules wrote.
///
/// # Errors
/// When it is refused, or fails.
pub(crate) fn instant_on(
    inputs: &Inputs<'_>,
    expr: &Expr,
    at: Timestamp,
    options: &QueryOptions,
) -> Result<Value, QueryError> {
    let mut program = Program::new(lower_options(options, Context::Rule, inputs.written.is_some()));
    program.add(expr).map_err(QueryError::Refused)?;
    program.want_order();
    program.bind_once(inputs);
    let mut value = Err(QueryError::Failed(String::new()));
    program.run(inputs, &Steps { slots: &[at], offset: Millis::ZERO }, &mut |_, root: Root<'_>| {
        value = root_value(&root);
    });
    value
}

/// Evaluates an expression at `start`, `start + step` .. up to `end`.
///
/// # Errors
/// When it is refused, or fails at any step.
pub fn range(
    store: &Store,
    expr: &Expr,
    (start, end, step): (Timestamp, Timestamp, Millis),
    options: &QueryOptions,
) -> Result<Value, QueryError> {
    let mut program = Program::new(lower_options(options, Context::Range { start, end, step }, false));
    program.add(expr).map_err(QueryError::Refused)?;
    let inputs = Inputs { recording: store, written: None, only: None };
    program.bind_once(&inputs);
    let mut slots = Vec::new();
    let mut slot = start;
    while slot <= end {
        slots.push(slot);
        slot = slot.plus(step);
    }
    let mut result = Ok(Value::Matrix(Vec::new()));
    program.run(&inputs, &Steps { slots: &slots, offset: Millis::ZERO }, &mut |_, root: Root<'_>| {
        result = match root.faults.first() {
            Some(fault) => Err(QueryError::Failed(fault.message.clone())),
            None => Ok(Value::Matrix(matrix(&root, &slots))),
        };
    });
    result
}

fn lower_options(options: &QueryOptions, context: Context, reads_written: bool) -> LowerOptions {
    LowerOptions {
        lookback: options.lookback,
        subquery_step: options.subquery_step,
        delayed_names: options.delayed_names,
        context,
        reads_written,
    }
}

fn root_value(root: &Root<'_>) -> Result<Value, QueryError> {
    if let Some(fault) = root.faults.first() {
        return Err(QueryError::Failed(fault.message.clone()));
    }
    if root.scalar {
        return Ok(Value::Scalar(root.values[0]));
    }
    let rows = root.order.iter().map(|row| *row as usize);
    let mut present: Vec<usize> = rows.filter(|row| block::has(&root.present[row * root.words..], 0)).collect();
    if !root.ranks.is_empty() {
        present.sort_by_key(|row| root.ranks[row * root.steps]);
    }
    Ok(Value::Vector(
        present.into_iter().map(|row| (root.labels[row].clone(), root.values[row * root.steps])).collect(),
    ))
}

fn matrix(root: &Root<'_>, slots: &[Timestamp]) -> Vec<Series> {
    let mut series: Vec<Series> = (0..root.labels.len())
        .map(|row| {
            let bits = &root.present[row * root.words..(row + 1) * root.words];
            let samples = block::ones(bits).map(|step| (slots[step], root.values[row * root.steps + step])).collect();
            Series { labels: root.labels[row].clone(), samples }
        })
        .filter(|series| !series.samples.is_empty())
        .collect();
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    series
}

fn range_selector(expr: &Expr) -> Option<&Expr> {
    (expr.ty() == Type::Matrix).then(|| expr.unparen())
}

/// Evaluates a range vector by itself: the samples within it.
fn raw_samples(store: &Store, expr: &Expr, at: Timestamp, options: &QueryOptions) -> Result<Value, QueryError> {
    let refused = |message: &str| {
        QueryError::Refused(vec![Problem {
            code: "not-supported",
            span: expr.span,
            message: message.to_owned(),
            help: None,
        }])
    };
    match &expr.kind {
        ExprKind::Range { selector, range, .. } => {
            let durations = super::duration::DurationContext { step: Millis::ZERO, range: Millis::ZERO };
            let length = super::duration::evaluate_duration(range, durations).map_err(QueryError::Refused)?;
            if length.0 <= 0 {
                return Err(refused("duration must be greater than 0"));
            }
            if selector.modifiers.edges.is_some() {
                return Err(refused("not supported yet: `anchored` and `smoothed`"));
            }
            let offset = match &selector.modifiers.offset {
                Some(offset) => super::duration::evaluate_duration(offset, durations).map_err(QueryError::Refused)?,
                None => Millis::ZERO,
            };
            let reference = match selector.modifiers.at {
                Some(super::ast::At::Time(at)) => at,
                _ => at,
            }
            .minus(offset);
            let mut series: Vec<Series> = store
                .matching(&selector.matchers, &Hidden::default())
                .into_iter()
                .map(|id| {
                    let samples = store.samples(id, reference.minus(length), reference);
                    let live =
                        samples.times.iter().zip(samples.values).filter(|(_, value)| !crate::store::is_stale(**value));
                    Series {
                        labels: store.labels(id).clone(),
                        samples: live.map(|(time, value)| (*time, *value)).collect(),
                    }
                })
                .filter(|series| !series.samples.is_empty())
                .collect();
            series.sort_by(|a, b| a.labels.cmp(&b.labels));
            Ok(Value::Matrix(series))
        }
        ExprKind::Subquery(subquery) => {
            let durations = super::duration::DurationContext { step: Millis::ZERO, range: Millis::ZERO };
            let evaluate =
                |duration| super::duration::evaluate_duration(duration, durations).map_err(QueryError::Refused);
            let length = evaluate(&subquery.range)?;
            let step = subquery.step.as_ref().map_or(Ok(options.subquery_step), evaluate)?;
            if length.0 <= 0 || step.0 <= 0 {
                return Err(refused("duration must be greater than 0"));
            }
            let offset = subquery.modifiers.offset.as_ref().map_or(Ok(Millis::ZERO), evaluate)?;
            let reference = match subquery.modifiers.at {
                Some(super::ast::At::Time(at)) => at,
                _ => at,
            }
            .minus(offset);
            let first =
                Timestamp(reference.minus(length).0.div_euclid(step.0).saturating_add(1).saturating_mul(step.0));
            self::range(store, &subquery.expr, (first, reference, step), options)
        }
        _ => Err(refused("not supported yet: this range vector")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse::parse;
    use crate::store::Batch;

    fn store(series: i64) -> Store {
        let mut store = Store::default();
        store.keep_all();
        let mut batch = Batch::default();
        for number in 0..series {
            let id = store.series(&LabelSet::new([("__name__", "up"), ("n", &number.to_string())]));
            batch.push(id, Timestamp(0), 1.0, 0);
        }
        store.append(&batch).expect("in time order");
        store
    }

    #[test]
    fn an_evaluation_that_needs_too_much_memory_fails_alone() {
        let expr = parse("max_over_time(up[50d:1s])").expr;
        let of = |series| instant(&store(series), &expr, Timestamp(60_000), &QueryOptions::default());
        assert!(of(1).is_ok());
        let Err(QueryError::Failed(words)) = of(6) else { panic!("too many values") };
        assert!(words.contains("too many samples"), "{words}");
    }
}
