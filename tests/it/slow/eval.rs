//! The walk over the syntax tree: every node gives one vector for each step.

use std::collections::BTreeSet;

use alertctl::labels::LabelSet;
use alertctl::promql::ast::{Expr, ExprKind, Selector, Type, UnaryOp};

use super::{Context, Fault, Options, SAME_LABELS, SampleValue, Starts, View, failed, histograms};

/// One value of one series at one step.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Its labels.
    pub(crate) labels: LabelSet,
    /// Its value.
    pub(crate) value: SampleValue,
    /// Whether the metric name is to be dropped at the end.
    pub(crate) drop_name: bool,
}

/// The samples of one step, in order.
pub(crate) type Vector = Vec<Sample>;

/// Returns the samples that are floats, with their values.
pub(crate) fn floats(vector: Vector) -> impl Iterator<Item = (Sample, f64)> {
    vector.into_iter().filter_map(|sample| sample.value.float().map(|value| (sample, value)))
}

impl Sample {
    /// Returns the labels as the result shows them.
    pub(crate) fn final_labels(&self) -> LabelSet {
        if self.drop_name { self.labels.without_metric() } else { self.labels.clone() }
    }
}

/// Returns whether one label set comes twice.
pub(crate) fn repeats<'a>(labels: impl Iterator<Item = &'a LabelSet>) -> bool {
    let mut seen = BTreeSet::new();
    labels.into_iter().any(|labels| !seen.insert(labels))
}

/// Returns the text of a string argument.
pub(crate) fn text(expr: &Expr) -> String {
    match &expr.unparen().kind {
        ExprKind::String(text) => text.clone(),
        other => panic!("the parser lets only strings pass here, not {other:?}"),
    }
}

/// Evaluates one query.
pub(crate) struct Evaluator<'a> {
    /// What was recorded.
    pub(crate) data: &'a [View<'a>],
    /// The start timestamps of that.
    pub(crate) starts: &'a Starts,
    /// What it is evaluated with.
    pub(crate) options: &'a Options,
    /// The query's own times.
    pub(crate) context: Context,
    /// The selectors of which only counts and sums are read.
    pub(crate) stats_only: BTreeSet<*const Selector>,
}

impl Evaluator<'_> {
    /// Evaluates a scalar expression at each step.
    pub(crate) fn scalars(&self, expr: &Expr, steps: &[i64]) -> Result<Vec<f64>, Fault> {
        let each = |value: f64| vec![value; steps.len()];
        Ok(match &expr.kind {
            ExprKind::Number { value, .. } => each(*value),
            ExprKind::Paren(inner) => self.scalars(inner, steps)?,
            ExprKind::Unary { op, expr } => {
                let values = self.scalars(expr, steps)?;
                let sign = |value: f64| if *op == UnaryOp::Minus { -value } else { value };
                values.into_iter().map(sign).collect()
            }
            ExprKind::Binary(binary) => {
                let (lhs, rhs) = (self.scalars(&binary.lhs, steps)?, self.scalars(&binary.rhs, steps)?);
                lhs.into_iter().zip(rhs).map(|(a, b)| super::binary::scalars(binary.op, a, b)).collect()
            }
            ExprKind::Call { function, args, .. } => self.scalar_call(function.name, args, steps)?,
            other => panic!("not a scalar: {other:?}"),
        })
    }

    /// Evaluates an instant vector expression at each step.
    pub(crate) fn vectors(&self, expr: &Expr, steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        match &expr.kind {
            ExprKind::Paren(inner) => self.vectors(inner, steps),
            ExprKind::Unary { op: UnaryOp::Plus, expr } => self.vectors(expr, steps),
            ExprKind::Unary { op: UnaryOp::Minus, expr } => {
                let mut vectors = self.vectors(expr, steps)?;
                for sample in vectors.iter_mut().flatten() {
                    sample.value = histograms::negated(&sample.value);
                    self.drop_name(sample);
                }
                if !self.options.delayed_names { self.unique_at_each(vectors) } else { Ok(vectors) }
            }
            ExprKind::Selector(selector) => self.selected(selector, steps),
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate, steps),
            ExprKind::Binary(binary) => {
                let vectors = match (binary.lhs.ty(), binary.rhs.ty()) {
                    (Type::Scalar, _) => {
                        let numbers = self.scalars(&binary.lhs, steps)?;
                        let vectors = self.vectors(&binary.rhs, steps)?;
                        self.with_numbers(binary, vectors, &numbers, true)
                    }
                    (_, Type::Scalar) => {
                        let vectors = self.vectors(&binary.lhs, steps)?;
                        let numbers = self.scalars(&binary.rhs, steps)?;
                        self.with_numbers(binary, vectors, &numbers, false)
                    }
                    _ => {
                        let lhs = self.vectors(&binary.lhs, steps)?;
                        let rhs = self.vectors(&binary.rhs, steps)?;
                        let pairs = lhs.into_iter().zip(rhs);
                        pairs.map(|(lhs, rhs)| self.two_vectors(binary, lhs, rhs)).collect::<Result<_, _>>()?
                    }
                };
                self.unique(vectors)
            }
            ExprKind::Call { function, args, .. } => self.vector_call(function.name, args, steps),
            other => panic!("not an instant vector: {other:?}"),
        }
    }

    /// Marks, or does, the dropping of a metric name.
    pub(crate) fn drop_name(&self, sample: &mut Sample) {
        sample.drop_name = true;
        if !self.options.delayed_names {
            sample.labels = sample.labels.without_metric();
        }
    }

    /// Fails when two samples of one step have one label set. When names are dropped late and there is but one step,
    /// the end of the query looks for that.
    pub(crate) fn unique(&self, vectors: Vec<Vector>) -> Result<Vec<Vector>, Fault> {
        if self.options.delayed_names && vectors.len() == 1 {
            return Ok(vectors);
        }
        self.unique_at_each(vectors)
    }

    /// Fails when two samples of one step have one label set.
    pub(crate) fn unique_at_each(&self, vectors: Vec<Vector>) -> Result<Vec<Vector>, Fault> {
        if vectors.iter().any(|vector| repeats(vector.iter().map(|sample| &sample.labels))) {
            return failed(SAME_LABELS);
        }
        Ok(vectors)
    }
}
