//! Functions over ranges of samples of which some are histograms, or have start timestamps.

use std::sync::Arc;

use crate::histogram::{Average, Hint, Histogram, Sum};
use crate::store::{Starts, is_stale};
use crate::time::{Millis, Timestamp};

use super::super::super::annotation::{Annotation, Joining};
use super::super::super::ast::Edges;
use super::super::super::block::{self, Block};
use super::super::super::histograms::{Histograms, SampleValue};
use super::super::super::program::{Frame, Inputs, Notes, Source};
use super::super::super::rollup::{
    self, Extent, Param, RangeFn, Windows, is_anew, overlap_within, start_within, stretch, stretch_from_start,
};
use super::super::select::caps;
use super::{FIRST, edges, stats};

/// A histogram and its time.
pub(super) type Point = (Timestamp, Arc<Histogram>);

/// The samples of one series, floats and histograms apart, each in time order.
#[derive(Default)]
pub(in super::super) struct Apart<'a> {
    times: Vec<Timestamp>,
    values: Vec<f64>,
    points: Vec<Point>,
    /// The start timestamps that count.
    starts: Starts<'a>,
}

/// A function, and the windows that it is applied to.
pub(in super::super) struct Over<'a> {
    pub(in super::super) function: RangeFn,
    pub(in super::super) params: [Param<'a>; 2],
    pub(in super::super) edges: Option<Edges>,
    /// Whether start timestamps count.
    pub(in super::super) started: bool,
    pub(in super::super) range: Millis,
    /// By step: where the samples end that are looked at, and how long before it they begin.
    pub(in super::super) looked_at: (&'a [Timestamp], Millis),
    /// By step: where the window ends.
    pub(in super::super) refs: &'a [Timestamp],
    pub(in super::super) evals: &'a [Timestamp],
}

/// What a run gives to those that make histograms.
pub(in super::super) struct Means<'a> {
    pub(in super::super) histograms: &'a mut Histograms,
    pub(in super::super) notes: &'a mut Notes,
    pub(in super::super) scratch: &'a mut rollup::Scratch,
    /// How many steps the node has.
    pub(in super::super) steps: usize,
}

/// One window of a series: what a function sees of it.
pub(super) struct Seen<'a> {
    pub(super) function: RangeFn,
    pub(super) times: &'a [Timestamp],
    pub(super) values: &'a [f64],
    pub(super) points: &'a [Point],
    /// The start timestamps of these samples that count.
    pub(super) starts: Starts<'a>,
    /// Where it ends.
    pub(super) end: Timestamp,
    pub(super) range: Millis,
}

/// What comes of a window in which there are histograms.
pub(super) enum Outcome {
    /// What comes of its floats.
    Floats,
    Nothing,
    Value(SampleValue),
}

/// Returns whether the samples of a series are to be gone through one by one: where some were histograms, or where start
/// timestamps count and it has any.
pub(in super::super) fn is_apart(source: Source, started: bool, inputs: &Inputs<'_>) -> bool {
    inputs.is_of_histograms(source) || (started && !inputs.starts(source).is_empty())
}

/// Applies a function to the windows of those series of a selector whose samples are gone through one by one.
pub(in super::super) fn of_series(
    sources: &[Source],
    over: &Over<'_>,
    reads_stats: bool,
    frame: &Frame<'_>,
    means: &mut Means<'_>,
    raw: &mut Block,
) {
    let (ends, range) = over.looked_at;
    let (Some(first), Some(last)) = (ends.first(), ends.last()) else { return };
    let apart = sources.iter().enumerate().filter(|(_, source)| is_apart(**source, over.started, &frame.inputs));
    for (row, source) in apart {
        let store = frame.inputs.store_of(*source);
        let samples = frame.inputs.samples(*source, Timestamp::MIN, *last);
        let from = samples.times.partition_point(|time| *time <= first.minus(range));
        let starts = if over.started { frame.inputs.starts(*source) } else { Starts::default() };
        let mut apart = Apart { starts, ..Apart::default() };
        for at in from..samples.times.len() {
            let (time, value) = (samples.times[at], samples.values[at]);
            match store.histogram(value) {
                _ if is_stale(value) => {}
                None => apart.push(time, value),
                Some(histogram) => {
                    let mut histogram = Arc::clone(histogram);
                    if reads_stats {
                        let before = || store.histogram(samples.values[at.checked_sub(1)?]);
                        histogram = stats(&histogram, before);
                    }
                    apart.points.push((time, histogram));
                }
            }
        }
        let mut capped = Vec::new();
        let caps = caps(*source, frame, ends, &mut capped).then_some(capped.as_slice());
        let metric = store.labels(source.id).metric().unwrap_or_default();
        let results = apart.fold(over, caps, metric, (0, means));
        raw.mixed |= frame.inputs.is_of_histograms(*source);
        for (step, value) in results {
            raw.set(row, step, value);
        }
    }
}

/// Applies a function to the windows over the inner steps of a subquery of which some are histograms; returns the results
/// by step, the first of them given.
pub(in super::super) fn of_rows(
    (block, row, times): (&Block, usize, &[Timestamp]),
    inner: &Histograms,
    over: &Over<'_>,
    metric: &str,
    (first, means): (usize, &mut Means<'_>),
) -> Vec<(usize, f64)> {
    let mut apart = Apart::default();
    for step in block::ones(block.bits(row)) {
        let value = block.row(row)[step];
        match inner.get(value) {
            None => apart.push(times[step], value),
            Some(histogram) => {
                let mut histogram = Arc::clone(histogram);
                // The sample before it is another one here.
                if matches!(histogram.hint, Hint::Reset | Hint::NotReset) {
                    Arc::make_mut(&mut histogram).hint = Hint::Unknown;
                }
                apart.points.push((times[step], histogram));
            }
        }
    }
    apart.fold(over, None, metric, (first, means))
}

impl Apart<'_> {
    fn push(&mut self, time: Timestamp, value: f64) {
        self.times.push(time);
        self.values.push(value);
    }

    /// Applies a function to each window; returns the results by step, the first of them given.
    fn fold(
        &self,
        over: &Over<'_>,
        caps: Option<&[Timestamp]>,
        metric: &str,
        (first, means): (usize, &mut Means<'_>),
    ) -> Vec<(usize, f64)> {
        let steps = over.refs.len();
        let (ends, reach) = over.looked_at;
        let (mut floats, mut points) = (Vec::new(), Vec::new());
        let times: Vec<Timestamp> = self.points.iter().map(|(time, _)| *time).collect();
        rollup::bounds(&self.times, ends, caps, reach, &mut floats);
        rollup::bounds(&times, ends, caps, reach, &mut points);
        let (mut values, mut bits) = (vec![0.0; steps], vec![0; steps.div_ceil(64)]);
        if !self.times.is_empty() {
            let Self { times, values: held, .. } = self;
            let windows =
                Windows { times, values: held, bounds: &floats, refs: over.refs, evals: over.evals, range: over.range };
            let out = (values.as_mut_slice(), bits.as_mut_slice());
            match over.edges {
                None if !self.starts.is_empty() => rollup::roll_started(over.function, &windows, self.starts, out),
                Some(Edges::Anchored) if !self.starts.is_empty() => {
                    rollup::resets_from_anchors(&windows, self.starts, out);
                }
                None => rollup::roll(over.function, &windows, over.params, means.scratch, out.0, out.1),
                Some(edges) => {
                    let smoothed = edges == Edges::Smoothed;
                    rollup::edged(over.function, smoothed, &windows, means.scratch, out.0, out.1);
                }
            }
        }
        let mut results = Vec::new();
        for step in 0..steps {
            let float = block::has(&bits, step).then_some(values[step]);
            let within = |(low, high): (u32, u32)| low as usize..high as usize;
            let (floats, points) = (within(floats[step]), &self.points[within(points[step])]);
            let place = (first + step, means.steps);
            let tell = &mut |what: Annotation| means.notes.add_at(FIRST, place, what);
            let result = if points.is_empty() {
                if overlap_within(over.function, self.starts, self.times[floats].iter().copied()) {
                    tell(overlapping(metric));
                }
                float
            } else {
                let seen = Seen {
                    function: over.function,
                    times: &self.times[floats.clone()],
                    values: &self.values[floats],
                    points,
                    starts: self.starts,
                    end: over.refs[step],
                    range: over.range,
                };
                let outcome = match over.edges {
                    None => seen.outcome(metric, tell),
                    Some(edges) => edges::outcome(&seen, edges, metric, tell),
                };
                match outcome {
                    Outcome::Floats => float,
                    Outcome::Nothing => None,
                    Outcome::Value(value) => Some(means.histograms.write(value)),
                }
            };
            results.extend(result.map(|value| (first + step, value)));
        }
        results
    }
}

/// Says that the samples of a metric overlap in one window.
fn overlapping(metric: &str) -> Annotation {
    Annotation::OverlappingStarts { metric: metric.to_owned(), windows: 1 }
}

impl Seen<'_> {
    /// Returns what comes of a window in which there are histograms.
    ///
    /// Source: histograms.md 5.
    pub(super) fn outcome(&self, metric: &str, tell: &mut impl FnMut(Annotation)) -> Outcome {
        let mixed = !self.values.is_empty();
        let number = |value: f64| Outcome::Value(SampleValue::Float(value));
        let metric = || metric.to_owned();
        match self.function {
            RangeFn::CountOverTime => number((self.values.len() + self.points.len()) as f64),
            RangeFn::PresentOverTime => number(1.0),
            RangeFn::LastOverTime => self.in_order().pop().map_or(Outcome::Nothing, |(_, value)| Outcome::Value(value)),
            RangeFn::FirstOverTime => {
                self.in_order().into_iter().next().map_or(Outcome::Nothing, |(_, value)| Outcome::Value(value))
            }
            RangeFn::TsOfLast => self.in_order().last().map_or(Outcome::Nothing, |(time, _)| number(time.seconds())),
            RangeFn::TsOfFirst => self.in_order().first().map_or(Outcome::Nothing, |(time, _)| number(time.seconds())),
            RangeFn::Changes => {
                let is_change = |a: f64, b: f64| a != b && !(a.is_nan() && b.is_nan());
                number(self.count(|a, b| !a.equals(b), is_change, |_, _| false))
            }
            RangeFn::Resets => {
                let is_anew = |before, now| is_anew(self.starts, before, now);
                number(self.count(|a, b| b.is_reset_since(a), |a, b| b < a, is_anew))
            }
            RangeFn::Irate | RangeFn::Idelta => self.last_two(metric, tell),
            RangeFn::Rate | RangeFn::Increase | RangeFn::Delta | RangeFn::SumOverTime | RangeFn::AvgOverTime
                if mixed =>
            {
                tell(Annotation::MixedInRange { metric: metric() });
                Outcome::Nothing
            }
            RangeFn::Rate | RangeFn::Increase | RangeFn::Delta => self.extrapolated(metric, tell),
            RangeFn::SumOverTime | RangeFn::AvgOverTime => self.total(metric, tell),
            // All others are of floats.
            _ => {
                if mixed {
                    tell(Annotation::IgnoredInRange { metric: metric() });
                }
                Outcome::Floats
            }
        }
    }

    /// Returns the samples of both kinds in time order.
    pub(super) fn in_order(&self) -> Vec<(Timestamp, SampleValue)> {
        let floats = self.times.iter().zip(self.values).map(|(time, value)| (*time, SampleValue::Float(*value)));
        let points = self.points.iter().map(|(time, point)| (*time, SampleValue::Histogram(Arc::clone(point))));
        let mut all: Vec<_> = floats.chain(points).collect();
        all.sort_by_key(|(time, _)| *time);
        all
    }

    /// Counts the steps from one sample to the next that are one, by their values or by their times; from a float to a
    /// histogram and back always is.
    fn count(
        &self,
        points: impl Fn(&Histogram, &Histogram) -> bool,
        floats: impl Fn(f64, f64) -> bool,
        times: impl Fn(Timestamp, Timestamp) -> bool,
    ) -> f64 {
        let all = self.in_order();
        let counts = |pair: &&[(Timestamp, SampleValue)]| {
            times(pair[0].0, pair[1].0)
                || match (&pair[0].1, &pair[1].1) {
                    (SampleValue::Float(a), SampleValue::Float(b)) => floats(*a, *b),
                    (SampleValue::Histogram(a), SampleValue::Histogram(b)) => points(a, b),
                    _ => true,
                }
        };
        all.windows(2).filter(counts).count() as f64
    }

    /// Returns the growth over the window, extended to all of it.
    ///
    /// Source: histograms.md 5.1, 8.
    fn extrapolated(&self, metric: impl Fn() -> String, tell: &mut impl FnMut(Annotation)) -> Outcome {
        let counter = self.function != RangeFn::Delta;
        let (Some((from, first)), Some((to, last))) = (self.points.first(), self.points.last()) else {
            return Outcome::Nothing;
        };
        let left = self.end.minus(self.range);
        let intervals = self.points.len() - 1;
        let start = start_within(self.starts, left, *from);
        let extent = Extent::of(self.function, self.range);
        if intervals == 0 {
            let Some(start) = start else { return Outcome::Nothing };
            let mut result = first.as_ref().clone();
            result.multiply(stretch_from_start(extent, start, (*from, *to, intervals), self.end));
            return Outcome::Value(result.into());
        }
        let Some(mut result) = self.growth(first, last, counter, &metric, tell) else { return Outcome::Nothing };
        let gauges = first.hint == Hint::Gauge && last.hint == Hint::Gauge;
        if !counter && !gauges {
            tell(Annotation::NotGauge { metric: metric() });
        }
        let factor = match start {
            None => stretch(extent, (*from, *to, intervals), (left, self.end), (first.count, result.count)),
            Some(start) => {
                match result.add(first) {
                    Ok(joined) if joined.reconciled => tell(Annotation::Reconciled(Joining::Addition)),
                    Ok(_) => {}
                    Err(_) => {
                        tell(Annotation::MixedSchemas { metric: metric() });
                        return Outcome::Nothing;
                    }
                }
                stretch_from_start(extent, start, (*from, *to, intervals), self.end)
            }
        };
        result.multiply(factor);
        result.hint = Hint::Gauge;
        Outcome::Value(result.into())
    }

    /// Returns how much more was counted at the end than at the start.
    fn growth(
        &self,
        first: &Histogram,
        last: &Histogram,
        counter: bool,
        metric: &impl Fn() -> String,
        tell: &mut impl FnMut(Annotation),
    ) -> Option<Histogram> {
        let points = self.points;
        let second = &points[1].1;
        let is_anew = |at: usize| is_anew(self.starts, points[at - 1].0, points[at].0);
        let mut before = first.clone();
        if counter && (is_anew(1) || second.is_reset_since(first)) {
            // Its layout is none of the others'.
            before = Histogram { schema: second.schema, bounds: second.bounds.clone(), ..Histogram::default() };
        }
        let between = if counter { &points[1..points.len() - 1] } else { &[] };
        let is_gauge = |point: &Histogram| counter && point.hint == Hint::Gauge;
        let (ends, other) = (is_gauge(first) || is_gauge(last), last.is_custom() != before.is_custom());
        // Of a sample between the ends that does not fit, Prometheus tells that alone.
        let unfit = !other && between.iter().any(|(_, point)| point.is_custom() != before.is_custom());
        if !unfit && (ends || !other && between.iter().any(|(_, point)| is_gauge(point))) {
            tell(Annotation::NotCounter { metric: metric() });
        }
        if unfit || other {
            tell(Annotation::MixedSchemas { metric: metric() });
            return None;
        }
        let mut result = last.clone();
        let schemas = between.iter().map(|(_, point)| point.schema).chain([last.schema]);
        result.lower_resolution(schemas.fold(before.schema, i32::min));
        if result.subtract(&before).ok()?.reconciled {
            tell(Annotation::Reconciled(Joining::Subtraction));
        }
        if counter {
            if overlap_within(self.function, self.starts, points.iter().map(|(time, _)| *time)) {
                tell(overlapping(&metric()));
            }
            let mut before = &before;
            for (at, (_, next)) in points.iter().enumerate().skip(1) {
                if (is_anew(at) || next.is_reset_since(before)) && result.add(before).ok()?.reconciled {
                    tell(Annotation::Reconciled(Joining::Addition));
                }
                before = next;
            }
        }
        Some(result)
    }

    /// Returns the step between the last two samples of either kind; as a rate, a reset counts from nothing.
    ///
    /// Source: histograms.md 5.2, 8.
    fn last_two(&self, metric: impl Fn() -> String, tell: &mut impl FnMut(Annotation)) -> Outcome {
        let rate = self.function == RangeFn::Irate;
        let all = self.in_order();
        let [.., (from, before), (to, last)] = all.as_slice() else { return Outcome::Nothing };
        match (before, last) {
            _ if from == to => Outcome::Nothing,
            (SampleValue::Float(_), SampleValue::Float(_)) => Outcome::Floats,
            (SampleValue::Histogram(before), SampleValue::Histogram(last)) => {
                let is_gauge = |point: &Arc<Histogram>| point.hint == Hint::Gauge;
                if rate && (is_gauge(before) || is_gauge(last)) {
                    tell(Annotation::NotCounter { metric: metric() });
                }
                let gauges = is_gauge(before) && is_gauge(last);
                if !rate && !gauges {
                    tell(Annotation::NotGauge { metric: metric() });
                }
                let mut result = last.as_ref().clone();
                if !(rate && (is_anew(self.starts, *from, *to) || last.is_reset_since(before))) {
                    match result.subtract(before) {
                        Ok(joined) if joined.reconciled => tell(Annotation::Reconciled(Joining::Subtraction)),
                        Ok(_) => {}
                        Err(_) => {
                            tell(Annotation::MixedSchemas { metric: metric() });
                            return Outcome::Nothing;
                        }
                    }
                }
                result.hint = Hint::Gauge;
                if rate {
                    result.divide(to.since(*from).seconds());
                }
                Outcome::Value(result.into())
            }
            _ => {
                tell(Annotation::MixedInRange { metric: metric() });
                Outcome::Nothing
            }
        }
    }

    /// Returns the sum of the histograms, or their average.
    ///
    /// Source: histograms.md 5.3.
    fn total(&self, metric: impl Fn() -> String, tell: &mut impl FnMut(Annotation)) -> Outcome {
        let Some(((_, first), rest)) = self.points.split_first() else { return Outcome::Nothing };
        let added = if self.function == RangeFn::AvgOverTime {
            let mut average = Average::starting(first);
            rest.iter().try_for_each(|(_, next)| average.add(next)).map(|()| average.result())
        } else {
            let mut sum = Sum::starting(first);
            rest.iter().try_for_each(|(_, next)| sum.add(next)).map(|()| sum.result())
        };
        let Ok((result, joined)) = added else {
            tell(Annotation::MixedSchemas { metric: metric() });
            return Outcome::Nothing;
        };
        if joined.reconciled {
            tell(Annotation::Reconciled(Joining::Aggregation));
        }
        if joined.collision {
            tell(Annotation::CounterResets(Joining::Aggregation));
        }
        Outcome::Value(result.into())
    }
}
