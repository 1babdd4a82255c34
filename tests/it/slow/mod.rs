//! The obvious evaluator: maps and refolds, formulas straight from the description of PromQL, nothing clever. What the
//! real evaluator says is compared with it.
//!
//! It knows the syntax tree, label sets, histograms as values and the stale marker of the crate, and nothing else of it.

mod aggregate;
mod binary;
mod buckets;
mod call;
mod dates;
mod durations;
mod edges;
mod eval;
pub(crate) mod generate;
pub(crate) mod generate_histograms;
pub(crate) mod generate_rules;
pub(crate) mod groups;
mod histogram_edges;
pub(crate) mod histograms;
mod info;
mod limit;
mod pointwise;
mod relabel;
mod select;
mod starts;
pub(crate) mod value;
mod windows;

use std::borrow::Cow;
use std::collections::BTreeMap;

use alertctl::labels::LabelSet;
use alertctl::promql::ast::{Expr, Type};

use self::eval::Evaluator;
pub(crate) use self::value::{SampleValue, stored};

/// The samples of one series of floats in time order, stale markers among them. Unit of time: milliseconds.
pub(crate) type Series = (LabelSet, Vec<(i64, f64)>);

/// What was recorded, where it is floats.
pub(crate) type Data = [Series];

/// The samples of one series in time order, of both kinds. Unit of time: milliseconds.
pub(crate) type Stored = (LabelSet, Vec<(i64, SampleValue)>);

/// The start timestamps of samples, by series and by their times, where they are known. Unit of time: milliseconds.
pub(crate) type Starts = BTreeMap<LabelSet, BTreeMap<i64, i64>>;

/// A series as far as a query may see it.
pub(crate) type View<'a> = (&'a LabelSet, Cow<'a, [(i64, SampleValue)]>);

/// What a query is evaluated with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// How old a sample may be for an instant selector. Unit: milliseconds.
    pub(crate) lookback: i64,
    /// The distance of a subquery's steps where none is written. Unit: milliseconds.
    pub(crate) subquery_step: i64,
    /// Whether metric names are dropped at the end of the query rather than at once.
    pub(crate) delayed_names: bool,
    /// Whether start timestamps count.
    pub(crate) start_timestamps: bool,
}

/// What `start()`, `end()`, `step()` and `range()` mean. Unit: milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// The first evaluation.
    pub(crate) start: i64,
    /// The bound of the last one.
    pub(crate) end: i64,
    /// Their distance; 0 in an instant query.
    pub(crate) step: i64,
}

/// A query's result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// One number.
    Scalar(f64),
    /// A text.
    String(String),
    /// One value a series, in the order the query gives.
    Vector(Vec<(LabelSet, SampleValue)>),
    /// Samples by series, in label order.
    Matrix(Vec<Stored>),
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The query fails, in Prometheus' words.
    Failed(String),
    /// This evaluator does not know the thing named.
    Unsupported(String),
}

/// Makes the fault of a query that fails.
fn failed<T>(words: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Failed(words.into()))
}

/// The fault of two samples with one label set.
pub(crate) const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

/// Shows all samples.
pub(crate) fn views(data: &[Stored]) -> Vec<View<'_>> {
    data.iter().map(|(labels, points)| (labels, Cow::Borrowed(points.as_slice()))).collect()
}

/// Evaluates an expression at one time, as a rule does.
pub(crate) fn instant(data: &[Stored], expr: &Expr, at: i64, options: &Options) -> Result<Value, Fault> {
    instant_of((&views(data), &Starts::new()), expr, at, options)
}

/// Evaluates an expression at one time on what a query may see.
pub(crate) fn instant_of(
    (data, starts): (&[View<'_>], &Starts),
    expr: &Expr,
    at: i64,
    options: &Options,
) -> Result<Value, Fault> {
    let context = Context { start: at, end: at, step: 0 };
    durations::check(expr, context)?;
    let evaluator = Evaluator { data, starts, options, context, stats_only: histograms::stats_only(expr) };
    match expr.ty() {
        Type::String => Ok(Value::String(eval::text(expr))),
        Type::Scalar => Ok(Value::Scalar(evaluator.scalars(expr, &[at])?[0])),
        Type::Vector => {
            let samples = evaluator.vectors(expr, &[at])?.remove(0);
            let named = samples.into_iter().map(|sample| (sample.final_labels(), sample.value)).collect::<Vec<_>>();
            if options.delayed_names && eval::repeats(named.iter().map(|(labels, _)| labels)) {
                return failed(SAME_LABELS);
            }
            Ok(Value::Vector(named))
        }
        Type::Matrix => {
            let rows = evaluator.windows(expr, &[at])?;
            let (range, ends) = evaluator.window_ends(expr, &[at])?;
            let mut shown = Vec::new();
            for row in rows {
                let labels = row.final_labels();
                let points = row.windows.into_iter().flatten().collect();
                let points = match edges::of(expr) {
                    Some(edges) => histogram_edges::samples(edges, points, ends[0] - range, ends[0])?,
                    None => points,
                };
                shown.push((labels, points));
            }
            let rows = shown.into_iter();
            merge(rows.filter(|(_, points): &(_, Vec<_>)| !points.is_empty())).map(Value::Matrix)
        }
    }
}

/// Evaluates an expression at `start`, `start + step` .. up to `end`.
pub(crate) fn range(
    (data, starts): (&[Stored], &Starts),
    expr: &Expr,
    context: Context,
    options: &Options,
) -> Result<Value, Fault> {
    durations::check(expr, context)?;
    let steps: Vec<i64> =
        (0..).map(|at| context.start + at * context.step).take_while(|at| *at <= context.end).collect();
    let stats_only = histograms::stats_only(expr);
    let evaluator = Evaluator { data: &views(data), starts, options, context, stats_only };
    match expr.ty() {
        Type::Scalar => {
            let values = evaluator.scalars(expr, &steps)?;
            let points = steps.into_iter().zip(values.into_iter().map(SampleValue::Float));
            Ok(Value::Matrix(vec![(LabelSet::empty(), points.collect())]))
        }
        Type::Vector => {
            let rows = evaluator.vectors(expr, &steps)?.into_iter().zip(&steps).flat_map(|(vector, at)| {
                vector.into_iter().map(|sample| (sample.final_labels(), vec![(*at, sample.value)]))
            });
            merge(rows).map(Value::Matrix)
        }
        ty => failed(format!(
            "invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
            ty.words()
        )),
    }
}

/// Brings the samples of one label set together, in label order; two at one time fail.
fn merge(rows: impl Iterator<Item = Stored>) -> Result<Vec<Stored>, Fault> {
    let mut merged = BTreeMap::<LabelSet, Vec<(i64, SampleValue)>>::new();
    for (labels, points) in rows {
        merged.entry(labels).or_default().extend(points);
    }
    for points in merged.values_mut() {
        points.sort_by_key(|(at, _)| *at);
        if points.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return failed(SAME_LABELS);
        }
    }
    Ok(merged.into_iter().collect())
}
