//! Aggregations of vectors that have histograms.

use std::sync::Arc;

use crate::histogram::{Average, Histogram, Sum};
use crate::kahan::{Kahan, Mean, Spread};
use crate::labels::LabelSet;

use super::super::super::annotation::{Annotation, Joining};
use super::super::super::ast::AggregateOp;
use super::super::super::block::Block;
use super::super::super::histograms::{Histograms, SampleValue};
use super::super::super::plan::Operand;
use super::super::super::program::Notes;
use super::super::super::quantile::quantile;
use super::super::{View, ranks};
use super::FIRST;

/// The histograms of a group at a step.
#[derive(Default)]
struct Others {
    /// Each with its input row, in folding order.
    held: Vec<(u32, Arc<Histogram>)>,
    /// How many come before the first float, if there is any.
    before_floats: Option<usize>,
}

impl Others {
    fn clear(&mut self) {
        self.held.clear();
        self.before_floats = None;
    }
}

/// Folds the samples of each group at every step, floats and histograms.
///
/// Source: histograms.md 4. Cost: one pass over the samples; sums of histograms are linear in their buckets.
pub(in super::super) fn aggregate(
    (view, op, param): (&View<'_>, AggregateOp, Operand),
    (order, labels, map): (&[u32], &[LabelSet], &[u32]),
    input: &Block,
    (histograms, notes): (&mut Histograms, &mut Notes),
    out: &mut Block,
) {
    let groups = out.rows;
    let steps = input.steps;
    let mut ranked = Vec::new();
    let mut floats: Vec<Vec<f64>> = vec![Vec::new(); groups];
    let mut others: Vec<Others> = (0..groups).map(|_| Others::default()).collect();
    out.mixed = true;
    for step in 0..steps {
        floats.iter_mut().for_each(Vec::clear);
        others.iter_mut().for_each(Others::clear);
        if !input.ranks.is_empty() {
            ranks::in_order(input, step, &mut ranked);
        }
        for row in if input.ranks.is_empty() { order } else { &ranked } {
            let Some(value) = input.get(*row as usize, step) else { continue };
            let group = map[*row as usize] as usize;
            match histograms.get(value) {
                None => {
                    floats[group].push(value);
                    let others = &mut others[group];
                    others.before_floats.get_or_insert(others.held.len());
                }
                Some(histogram) => others[group].held.push((*row, Arc::clone(histogram))),
            }
        }
        for group in 0..groups {
            let (floats, others) = (&mut floats[group], &others[group]);
            let mut tell = |what| notes.add_at(FIRST, (step, steps), what);
            let value = match op {
                AggregateOp::Count => Some(SampleValue::Float((floats.len() + others.held.len()) as f64)),
                AggregateOp::Group => Some(SampleValue::Float(1.0)),
                AggregateOp::Sum | AggregateOp::Avg if others.held.is_empty() => {
                    folded(op, floats, f64::NAN).map(SampleValue::Float)
                }
                AggregateOp::Sum | AggregateOp::Avg => total(op, others, labels, &mut tell),
                _ => {
                    if !others.held.is_empty() {
                        tell(Annotation::IgnoredInAggregation(op));
                    }
                    folded(op, floats, view.scalar(param, step)).map(SampleValue::Float)
                }
            };
            let is_any = !floats.is_empty() || !others.held.is_empty();
            if let Some(value) = value.filter(|_| is_any) {
                let value = histograms.write(value);
                out.set(group, step, value);
            }
        }
    }
}

/// Folds floats; none of none.
fn folded(op: AggregateOp, values: &mut [f64], param: f64) -> Option<f64> {
    let (first, rest) = values.split_first()?;
    let spread = || {
        let mut spread = Spread::starting(*first);
        rest.iter().for_each(|value| spread.add(*value));
        spread
    };
    Some(match op {
        AggregateOp::Sum => {
            let mut sum = Kahan::starting(*first);
            rest.iter().for_each(|value| sum.add(*value));
            sum.total()
        }
        AggregateOp::Avg => {
            let mut mean = Mean::starting(*first);
            rest.iter().for_each(|value| mean.add(*value));
            mean.result()
        }
        AggregateOp::Stddev => spread().deviation(),
        AggregateOp::Stdvar => spread().variance(),
        AggregateOp::Min => {
            rest.iter().fold(*first, |least, value| if least > *value || least.is_nan() { *value } else { least })
        }
        AggregateOp::Max => {
            rest.iter().fold(*first, |most, value| if most < *value || most.is_nan() { *value } else { most })
        }
        AggregateOp::Quantile => quantile(param, values),
        _ => return None,
    })
}

/// Adds up the histograms of a group, or takes their average; nothing where exponential and given bounds meet, or floats
/// and histograms.
///
/// Source: Prometheus' `aggregation`: a group that begins with a float adds no histogram, and one whose histograms do not
/// fit goes no further.
fn total(
    op: AggregateOp,
    Others { held, before_floats }: &Others,
    labels: &[LabelSet],
    tell: &mut impl FnMut(Annotation),
) -> Option<SampleValue> {
    if *before_floats == Some(0) {
        tell(Annotation::MixedInAggregation);
        return None;
    }
    let ((_, first), rest) = held.split_first()?;
    let ((mut result, joined), unfit) = if op == AggregateOp::Avg {
        let mut average = Average::starting(first);
        let unfit = rest.iter().position(|(_, next)| average.add(next).is_err());
        (average.result(), unfit)
    } else {
        let mut sum = Sum::starting(first);
        let unfit = rest.iter().position(|(_, next)| sum.add(next).is_err());
        (sum.result(), unfit)
    };
    if joined.reconciled {
        tell(Annotation::Reconciled(Joining::Aggregation));
    }
    let unfit = unfit.map(|at| at + 1);
    if let Some(at) = unfit {
        let metric = labels[held[at].0 as usize].metric().unwrap_or_default().to_owned();
        tell(Annotation::MixedSchemas { metric });
    }
    if before_floats.is_some_and(|before| unfit.is_none_or(|unfit| before <= unfit)) {
        tell(Annotation::MixedInAggregation);
        return None;
    }
    if unfit.is_some() {
        return None;
    }
    if joined.collision {
        tell(Annotation::CounterResets(Joining::Aggregation));
    }
    result.compact();
    Some(result.into())
}
