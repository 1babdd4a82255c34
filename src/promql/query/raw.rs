//! Range vectors by themselves: the samples in a window, or the steps of a subquery.

use std::sync::Arc;

use crate::store::is_stale;
use crate::time::{Millis, Timestamp};
#[cfg(feature = "input")]
use crate::{
    labels::named_metric,
    store::{Hidden, Reach, Store},
};

use super::super::annotation::Annotated;
use super::super::ast::{Edges, Expr};
#[cfg(feature = "input")]
use super::super::cost::Tally;
use super::super::histograms::SampleValue;
use super::super::parse::Problem;
use super::super::plan::{Fixed, LowerOptions, Plan, Select, WindowInput};
use super::super::probe::Probe;
use super::super::program::{Inputs, Program, Source};
#[cfg(feature = "input")]
use super::super::reach::reach_of_range;
use super::super::rollup::between_edges;
#[cfg(feature = "input")]
use super::operators::points;
use super::value::by_labels;
use super::{Prepared, QueryError, QueryRange, Series, steps_of};

/// A range of the samples of a selector.
pub(super) struct Samples {
    select: Select,
    range: Millis,
    /// How far outside of it its edges look, where they do.
    lookback: Millis,
    /// The series that it was bound to, and how many there were then.
    found: Vec<Source>,
    met: [usize; 2],
}

/// A subquery and what it evaluates.
pub(super) struct Subquery {
    program: Program,
    range: Millis,
    step: Millis,
    offset: Millis,
    at: Option<Fixed>,
}

/// Prepares a range vector.
pub(super) fn prepare(expr: &Expr, options: LowerOptions) -> Result<Prepared, Vec<Problem>> {
    let mut plan = Plan::new(options);
    let (input, range) = plan.range_vector(expr)?;
    Ok(match input {
        WindowInput::Selector(select) => {
            let lookback = options.lookback;
            Prepared::Samples(Samples { select, range, lookback, found: Vec::new(), met: [0, 0] })
        }
        WindowInput::Subquery { inner, step, offset, at } => {
            let program = Program::of(plan.inner.swap_remove(inner), true);
            Prepared::Subquery(Box::new(Subquery { program, range, step, offset, at }))
        }
    })
}

/// Returns where a window ends that belongs to an evaluation at a time.
pub(super) fn reference(fixed: Option<Fixed>, offset: Millis, at: Timestamp) -> Timestamp {
    let reference = match fixed {
        Some(Fixed::Time(fixed)) => fixed,
        Some(Fixed::Query) | None => at,
    };
    reference.minus(offset)
}

#[cfg(feature = "input")]
impl Prepared {
    /// Has a store hold what this reads, and returns it bound to nothing yet, with how far it looks.
    pub(super) fn begin(&self, store: &mut Store) -> (Self, Reach) {
        match self {
            Self::Text(text) => (Self::Text(text.clone()), Reach::default()),
            Self::Program(program) => (Self::Program(Box::new(program.fork())), Reach::default()),
            Self::Samples(samples) => {
                let Samples { select, range, lookback, .. } = samples;
                let reach = samples.reach();
                store.select(&select.matchers, reach, &Hidden::default());
                let (select, range, lookback) = (select.clone(), *range, *lookback);
                (Self::Samples(Samples { select, range, lookback, found: Vec::new(), met: [0, 0] }), reach)
            }
            Self::Subquery(subquery) => {
                let Subquery { program, range, step, offset, at } = &**subquery;
                let span = (Millis(range.0.saturating_add(step.0)), Millis::ZERO);
                let around = reach_of_range(*at, *offset, span, Millis::ZERO);
                let mut holding = program.fork();
                holding.bind_within(store, around);
                let reach = holding.reach().within(around);
                let subquery = Subquery { program: program.fork(), ..**subquery };
                (Self::Subquery(Box::new(subquery)), reach)
            }
        }
    }
}

impl Samples {
    /// Takes the samples as seen at a time, written ones as of a slot. Cost: the samples, and a walk over series where any appeared.
    ///
    /// # Errors
    /// Where edges are told of a series that has histograms.
    pub(super) fn at(
        &mut self,
        inputs: &Inputs<'_>,
        at: Timestamp,
        slot: Timestamp,
    ) -> Result<Vec<Series>, QueryError> {
        let series = inputs.series();
        if inputs.lost_any(self.met) {
            self.found.clear();
            self.met = [0, 0];
        }
        if self.met != series {
            self.select.find(inputs, self.met, &mut self.found);
            self.met = series;
        }
        let end = reference(self.select.at, self.select.offset, at);
        let start = end.minus(self.range);
        let (before, after) = self.select.edges.map_or_else(Default::default, |edges| edges.beyond(self.lookback));
        let (from, to) = (start.minus(before), end.minus(Millis(-after.0)));
        let of = |source: &Source| {
            let to = match inputs.written {
                Some(written) if source.written => {
                    to.min(slot.minus(written.lags.of(written.writers[source.id.0 as usize])))
                }
                _ => to,
            };
            let samples = inputs.samples(*source, from, to);
            let live = samples.times.iter().zip(samples.values).filter(|(_, value)| !is_stale(**value));
            let labels = inputs.store_of(*source).labels(source.id).clone();
            let store = inputs.store_of(*source);
            let read = |value: f64| match store.histogram(value) {
                Some(histogram) => SampleValue::Histogram(Arc::clone(histogram)),
                None => SampleValue::Float(value),
            };
            let samples = match self.select.edges {
                None => live.map(|(time, value)| (*time, read(*value))).collect(),
                Some(edges) => {
                    let (times, values): (Vec<_>, Vec<_>) = live.unzip();
                    if values.iter().any(|value| store.histogram(*value).is_some()) {
                        let word = if edges == Edges::Smoothed { "smoothed" } else { "anchored" };
                        let message = format!("{word} modifier is not supported with histograms");
                        return Err(QueryError::Failed { message, span: None });
                    }
                    let between = between_edges(edges == Edges::Smoothed, (&times, &values), (start, end));
                    between.into_iter().map(|(time, value)| (time, value.into())).collect()
                }
            };
            Ok(Series { labels, samples })
        };
        Ok(by_labels(self.found.iter().map(of).collect::<Result<_, _>>()?))
    }
}

impl Subquery {
    /// Evaluates the steps as of a time, on what was written by a slot.
    pub(super) fn at(
        &mut self,
        inputs: &Inputs<'_>,
        (at, slot): (Timestamp, Timestamp),
        told: &mut Vec<Annotated>,
        probe: &mut impl Probe,
    ) -> Result<Vec<Series>, QueryError> {
        let end = reference(self.at, self.offset, at);
        let before = end.minus(self.range).0.div_euclid(self.step.0);
        let start = Timestamp(before.saturating_add(1).saturating_mul(self.step.0));
        self.program.begin_anew(inputs);
        let steps = QueryRange { start, end, step: self.step };
        steps_of(&mut self.program, inputs, steps, Some((at, slot)), told, probe)
    }
}

#[cfg(feature = "input")]
impl Samples {
    fn reach(&self) -> Reach {
        let Self { select, range, lookback, .. } = self;
        reach_of_range(select.at, select.offset, select.span(Some(*range), *lookback), Millis::ZERO)
    }

    /// Says what it does, how many series it has, and how far it looks.
    pub(super) fn describe(&self, inputs: &Inputs<'_>) -> (String, usize, Reach) {
        let Self { select, range, .. } = self;
        let mut found = Vec::new();
        select.find(inputs, [0, 0], &mut found);
        let name = named_metric(&select.matchers).unwrap_or("{..}");
        (format!("{name}[{range}]"), found.len(), self.reach())
    }
}

#[cfg(feature = "input")]
impl Subquery {
    /// Says what it does, how many steps it has, and how far it looks.
    pub(super) fn describe(&self) -> (String, u64, Reach) {
        let Self { range, step, offset, at, .. } = self;
        let reach = reach_of_range(*at, *offset, (*range, Millis::ZERO), Millis::ZERO);
        (format!("[{range}:{step}]"), points(*range, *step), reach)
    }

    /// Makes an empty tally of what stands inside.
    pub(super) fn tally(&self) -> Tally {
        Tally::of(&self.program)
    }

    /// Returns the program of what stands inside, bound to the series there are.
    pub(super) fn program(&mut self, inputs: &Inputs<'_>) -> &mut Program {
        self.program.begin_anew(inputs);
        &mut self.program
    }
}
