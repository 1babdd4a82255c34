//! The warnings and infos of nodes, told beside what they evaluate to.
//!
//! Source: where the functions of Prometheus 3.14 add annotations; histograms.md 10.

use crate::labels::LabelSet;

use super::super::annotation::Annotation;
use super::super::ast::AggregateOp;
use super::super::block::{self, Block};
use super::super::histograms::steps_of;
use super::super::plan::{BucketFn, Context, Elementwise, Kind, NodeId, Operand, Plan, WHOLE};
use super::super::program::{Frame, Notes, Place};
use super::super::rollup::RangeFn;
use super::super::roster::{NodeState, Own};
use super::View;

/// The first argument of a function.
const FIRST: Place = Place::Part(1);
/// The parameter of an aggregation; the second argument of a function.
const SECOND: Place = Place::Part(2);

/// Returns whether a node may tell anything, given the series that it has.
pub(crate) fn may_tell(plan: &Plan, kind: &Kind, state: &NodeState) -> bool {
    let is_good = |q: &Operand| matches!(q, Operand::Const(q) if (0.0..=1.0).contains(q));
    match kind {
        Kind::Window { function: RangeFn::Rate | RangeFn::Increase, .. } => match &state.own {
            Own::Found(found) => !found.uncounted.is_empty(),
            _ => true,
        },
        Kind::Window { function: RangeFn::QuantileOverTime, params: [q, _], .. } => !is_good(q),
        Kind::Aggregate { op: AggregateOp::Quantile, param, .. } => !is_good(param),
        Kind::Sort { .. } => plan.options.context.is_range(),
        Kind::Buckets { .. } => true,
        Kind::Map { op: Elementwise::Arithmetic { op, .. }, .. } => op.is_trim(),
        Kind::VectorBinary(binary) => binary.op.is_trim(),
        _ => false,
    }
}

/// The series of a rate whose metrics are not named as counters are.
#[derive(Default)]
pub(crate) struct Uncounted {
    /// By metric: their rows.
    metrics: Vec<(String, Vec<u32>)>,
}

impl Uncounted {
    /// Takes in a series of a function, if it is such a one.
    pub(crate) fn add(&mut self, function: RangeFn, labels: &LabelSet, row: u32) {
        let Some(name) = labels.metric().filter(|_| matches!(function, RangeFn::Rate | RangeFn::Increase)) else {
            return;
        };
        if ["_total", "_sum", "_count", "_bucket"].iter().any(|ending| name.ends_with(ending)) {
            return;
        }
        match self.metrics.iter_mut().find(|(metric, _)| metric == name) {
            Some((_, rows)) => rows.push(row),
            None => self.metrics.push((name.to_owned(), vec![row])),
        }
    }

    fn is_empty(&self) -> bool {
        self.metrics.is_empty()
    }
}

/// Tells what a node that was evaluated has to tell of its arguments alone.
pub(super) fn node(view: &View<'_>, at: NodeId, notes: &mut Notes, frame: &Frame<'_>) {
    let steps = frame.evals.len();
    let node = &view.plan.nodes[at];
    match &node.kind {
        Kind::Aggregate { op: AggregateOp::Quantile, param, .. } => {
            let is_nan = |step| view.scalar(*param, step).is_nan();
            // Of what is NaN somewhere, Prometheus knows neither the least nor the greatest.
            if !view.is_ever_nan(*param, steps) {
                beyond(view, *param, (0.0, 1.0), steps, notes, |q, _| Annotation::BadQuantile(q));
            }
            notes.add_where(SECOND, steps, is_nan, |_| Annotation::BadQuantile(f64::NAN));
        }
        Kind::Limit { ratio: true, wanted, .. } => {
            beyond(view, *wanted, (-1.0, 1.0), steps, notes, |ratio, capped| Annotation::BadRatio { ratio, capped });
        }
        Kind::Quantiles { quantiles, .. } => {
            for (at, q) in quantiles.iter().enumerate() {
                quantile(view, *q, Place::Part(3 + at), steps, notes);
            }
        }
        Kind::Buckets { function: BucketFn::Quantile(q), .. } => quantile(view, *q, FIRST, steps, notes),
        // What holds at every step is evaluated at one.
        Kind::Sort { .. } if !node.invariant || view.plan.reads_unheld(at) => {
            let is_range = match view.plan.options.context {
                _ if frame.query.is_some() => steps > 1,
                Context::Rule => false,
                Context::Range { start, end, .. } => start != end,
            };
            if is_range {
                notes.add_where(Place::Part(WHOLE), steps, |_| true, |_| Annotation::SortInRange);
            }
        }
        _ => {}
    }
}

/// Tells of the parameters of an aggregation that are beyond the least and the greatest that it takes: of all that are
/// too small the least, of all that are too great the greatest.
fn beyond(
    view: &View<'_>,
    param: Operand,
    (least, greatest): (f64, f64),
    steps: usize,
    notes: &mut Notes,
    what: impl Fn(f64, f64) -> Annotation,
) {
    let param = |step| view.scalar(param, step);
    if !view.is_range() {
        // Each step is an evaluation of its own.
        notes.add_where(SECOND, steps, |step| param(step) < least, |step| what(param(step), least));
        notes.add_where(SECOND, steps, |step| param(step) > greatest, |step| what(param(step), greatest));
        return;
    }
    let (min, max) = (0..steps).map(param).fold((least, greatest), |(min, max), x| (min.min(x), max.max(x)));
    notes.add_where(SECOND, steps, |step| param(step) < least, |_| what(min, least));
    notes.add_where(SECOND, steps, |step| param(step) > greatest, |_| what(max, greatest));
}

/// Tells of quantiles that are not between 0 and 1.
fn quantile(view: &View<'_>, q: Operand, place: Place, steps: usize, notes: &mut Notes) {
    if matches!(q, Operand::Const(q) if (0.0..=1.0).contains(&q)) {
        return;
    }
    let q = |step| view.scalar(q, step);
    notes.add_where(place, steps, |step| !(0.0..=1.0).contains(&q(step)), |step| Annotation::BadQuantile(q(step)));
}

/// Tells what there is to tell of the windows of series, given which rows have a result at which steps.
pub(super) fn windows(
    view: &View<'_>,
    (function, params): (RangeFn, &[Operand; 2]),
    uncounted: &Uncounted,
    out: &Block,
    notes: &mut Notes,
) {
    let mut any = Vec::new();
    for (metric, rows) in &uncounted.metrics {
        block::all(&mut any, out.words, 0);
        for row in rows.iter().map(|row| *row as usize) {
            // Only floats count.
            let histograms = steps_of(out, row).into_iter();
            for ((any, bits), histograms) in any.iter_mut().zip(out.bits(row)).zip(histograms) {
                *any |= bits & !histograms;
            }
        }
        notes.add(FIRST, &any, || Annotation::NotNamedAsCounter { metric: metric.clone() });
    }
    let [q, _] = params;
    if function != RangeFn::QuantileOverTime || matches!(q, Operand::Const(q) if (0.0..=1.0).contains(q)) {
        return;
    }
    out.any(&mut any);
    let q = |step| view.scalar(*q, step);
    let is_bad = |step: usize| block::has(&any, step) && !(0.0..=1.0).contains(&q(step));
    notes.add_where(FIRST, out.steps, is_bad, |step| Annotation::BadQuantile(q(step)));
}
