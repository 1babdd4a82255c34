//! Functions over ranges of samples: of selectors, and which of these a node has.

use std::borrow::Cow;

use crate::store::{Samples, is_stale};
use crate::time::{Millis, Timestamp};

use super::super::ast::Edges;
use super::super::block::Block;
use super::super::plan::{NodeId, Operand, Select, WindowInput};
use super::super::probe::{self, Probe};
use super::super::program::{Fault, Frame, Program, Source};
use super::super::rollup::{self, Param, RangeFn, Windows, smoothing_fault};
use super::super::roster::{NodeState, Own};
use super::native::{self, Means, Over};
use super::repeats::Repeats;
use super::select::{self, caps, references};
use super::shared::Family;
use super::subquery::{Grid, of_subquery};
use super::{Scratch, View, copy_rows, fault, tell};

/// The parts of a window node.
pub(super) struct Window<'a> {
    pub(super) node: NodeId,
    pub(super) input: &'a WindowInput,
    pub(super) function: RangeFn,
    pub(super) range: Millis,
    pub(super) params: &'a [Operand; 2],
}

impl Window<'_> {
    /// Returns how the edges of windows over a selector are told, if not by the samples inside.
    fn edges(&self) -> Option<Edges> {
        match self.input {
            WindowInput::Selector(select) => select.edges,
            WindowInput::Subquery { .. } => None,
        }
    }

    /// Returns whether it looks at the start timestamps of samples. A subquery has none.
    ///
    /// Source: histograms.md 8.
    fn reads_starts(&self) -> bool {
        match (self.input, self.function) {
            (WindowInput::Selector(_), RangeFn::Resets) => true,
            (WindowInput::Selector(select), RangeFn::Rate | RangeFn::Increase | RangeFn::Irate) => {
                select.edges.is_none()
            }
            _ => false,
        }
    }
}

/// Applies a function to the samples in each step's window.
///
/// Cost: promql.md 6, by function.
#[expect(clippy::too_many_arguments, reason = "one call site; the parts have nothing else in common")]
pub(super) fn evaluate<P: Probe>(
    view: &View<'_>,
    state: &mut NodeState,
    inner: &mut [Program],
    window: &Window<'_>,
    frame: &Frame<'_>,
    out: &mut Block,
    scratch: &mut Scratch,
    probe: &mut P,
) {
    let steps = frame.evals.len();
    for (param, values) in window.params.iter().zip(&mut scratch.params) {
        if let Operand::Node(_) = param {
            values.clear();
            values.extend((0..steps).map(|step| view.scalar(*param, step)));
        }
    }
    match window.input {
        WindowInput::Selector(select) => {
            let mut written = std::mem::take(&mut scratch.refs);
            let refs = references(select.at, select.offset, frame, &mut written);
            let mut raw = std::mem::take(if state.merged { &mut scratch.raw } else { out });
            let Own::Found(found) = &state.own else { return };
            raw.reset(found.sources.len(), steps);
            let mut families = std::mem::take(&mut scratch.families);
            // What a server counts for each selector is known only where each is folded.
            let started = view.plan.options.start_timestamps && window.reads_starts() && frame.inputs.has_starts();
            // Whether any series may be gone through sample by sample.
            let any_apart = started || frame.inputs.has_histograms();
            let family = if P::COUNTS || any_apart {
                None
            } else {
                Family::open(view, window, found, &mut families, scratch.run, steps)
            };
            let lookback = view.plan.options.lookback;
            let ends = Ends::of(window.edges().map(|edges| edges.beyond(lookback)), refs, window.range);
            let is_apart = |source| any_apart && native::is_apart(source, started, &frame.inputs);
            of_series(&found.sources, is_apart, window, &ends, family, refs, frame, &mut raw, scratch, probe);
            if any_apart {
                let over = Over {
                    function: window.function,
                    params: params(window, &scratch.params),
                    edges: window.edges(),
                    started,
                    range: window.range,
                    looked_at: (&ends.ends, ends.reach),
                    refs,
                    evals: frame.evals,
                };
                let Scratch { histograms, rollup: folds, .. } = scratch;
                let means = &mut Means { histograms, notes: &mut state.notes, scratch: folds, steps };
                native::of_series(&found.sources, &over, select.stats, frame, means, &mut raw);
            }
            scratch.families = families;
            tell::windows(view, (window.function, window.params), &found.uncounted, &raw, &mut state.notes);
            let repeats = Repeats::of_block(view, frame, state, &raw);
            if state.merged {
                copy_rows(state, &raw, out);
                scratch.raw = raw;
            } else {
                *out = raw;
            }
            repeats.fail(view, state, out, 0..steps);
            let Own::Found(found) = &state.own else { return };
            fail_factors(view, window, 0..steps, &mut state.faults, out, |step| {
                found.sources.iter().any(|source| {
                    let end = select::cap_at(*source, frame, refs[step], step);
                    let samples = frame.inputs.samples(*source, refs[step].minus(window.range), end);
                    samples.values.iter().any(|value| !is_stale(*value))
                })
            });
            scratch.refs = written;
        }
        WindowInput::Subquery { inner: program, step, offset, at } => {
            let mut written = std::mem::take(&mut scratch.refs);
            let refs = references(*at, *offset, frame, &mut written);
            let grid = Grid { step: *step, offset: *offset, refs };
            of_subquery(view, state, &mut inner[*program], window, &grid, frame, out, scratch, probe);
            scratch.refs = written;
        }
    }
}

/// Applies a function to the samples in the window of the only step, of a selector that found one series at most.
pub(super) fn alone(
    state: &NodeState,
    selector: &Select,
    window: &Window<'_>,
    frame: &Frame<'_>,
    scratch: &mut Scratch,
) -> Option<f64> {
    let Own::Found(found) = &state.own else { return None };
    let source = *found.sources.first()?;
    let reference = select::reference(selector.at, selector.offset, frame, frame.evals[0]);
    let end = select::cap(source, frame, reference);
    let samples = frame.inputs.samples(source, reference.minus(window.range), end);
    let (times, values) = without_markers(source, samples, frame, (&mut scratch.times, &mut scratch.values));
    if times.is_empty() {
        return None;
    }
    let (bounds, refs) = ([(0, super::number(times.len()))], [reference]);
    let windows = Windows { times, values, bounds: &bounds, refs: &refs, evals: frame.evals, range: window.range };
    let (mut out, mut present) = ([0.0], [0]);
    let params = params(window, &scratch.params);
    rollup::roll(window.function, &windows, params, &mut scratch.rollup, &mut out, &mut present);
    (present[0] & 1 == 1).then_some(out[0])
}

/// Fails the steps at which a factor of `double_exponential_smoothing` is none, if there is a sample to smooth.
pub(super) fn fail_factors(
    view: &View<'_>,
    window: &Window<'_>,
    steps: std::ops::Range<usize>,
    faults: &mut Vec<Fault>,
    out: &mut Block,
    has_samples: impl Fn(usize) -> bool,
) {
    if window.function != RangeFn::DoubleExponentialSmoothing {
        return;
    }
    for step in steps {
        let [smoothing, trend] = window.params.map(|factor| view.scalar(factor, step));
        if let Some(words) = smoothing_fault(smoothing, trend).filter(|_| has_samples(step)) {
            fault(faults, out, step, || words);
        }
    }
}

/// Returns the samples of a series without stale markers: as they are, or copied where there is one among them.
pub(super) fn without_markers<'a>(
    source: Source,
    samples: Samples<'a>,
    frame: &Frame<'_>,
    (times, values): (&'a mut Vec<Timestamp>, &'a mut Vec<f64>),
) -> (&'a [Timestamp], &'a [f64]) {
    let is_marked = frame.inputs.store_of(source).has_stale(source.id);
    if !is_marked || !samples.values.iter().any(|value| is_stale(*value)) {
        return (samples.times, samples.values);
    }
    times.clear();
    values.clear();
    for (time, value) in samples.times.iter().zip(samples.values).filter(|(_, value)| !is_stale(**value)) {
        times.push(*time);
        values.push(*value);
    }
    (times, values)
}

/// The samples that the windows of a node look at.
struct Ends<'a> {
    /// By step: where they end.
    ends: Cow<'a, [Timestamp]>,
    /// How long before that they begin.
    reach: Millis,
}

impl<'a> Ends<'a> {
    /// Finds them, given how far before and after its windows a node looks.
    fn of(beyond: Option<(Millis, Millis)>, refs: &'a [Timestamp], range: Millis) -> Self {
        match beyond {
            None => Self { ends: Cow::Borrowed(refs), reach: range },
            Some((before, after)) => Self {
                ends: refs.iter().map(|end| end.minus(Millis(-after.0))).collect(),
                reach: Millis(range.0.saturating_add(before.0).saturating_add(after.0)),
            },
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "one call site; the parts have nothing else in common")]
fn of_series<P: Probe>(
    sources: &[Source],
    is_apart: impl Fn(Source) -> bool,
    window: &Window<'_>,
    ends: &Ends<'_>,
    mut family: Option<Family<'_>>,
    refs: &[Timestamp],
    frame: &Frame<'_>,
    raw: &mut Block,
    scratch: &mut Scratch,
    probe: &mut P,
) {
    let looked_at = (&*ends.ends, ends.reach);
    for (row, source) in sources.iter().enumerate().filter(|(_, source)| !is_apart(**source)) {
        let shared = family.as_mut().and_then(|family| Some((family.place(row)?, family)));
        let Some((place, family)) = shared else {
            let (out, present) = raw.row_mut(row);
            of_one(*source, window, looked_at, refs, frame, scratch, probe, |windows, params, scratch| {
                match window.edges() {
                    None => rollup::roll(window.function, windows, params, scratch, out, present),
                    Some(edges) => {
                        let smoothed = edges == Edges::Smoothed;
                        rollup::edged(window.function, smoothed, windows, scratch, out, present);
                    }
                }
            });
            continue;
        };
        if let Some(target) = family.begin(place) {
            of_one(*source, window, looked_at, refs, frame, scratch, probe, |windows, params, scratch| {
                target.fold(window.function, windows, params, scratch);
            });
        }
        let [param, _] = params(window, &scratch.params);
        family.show(place, (window.params[0], param), raw, row);
    }
}

/// Finds the windows of one series, and folds them if they hold any sample. `ends` and `range` are of the samples that
/// they look at, `refs` is where they end.
#[expect(clippy::too_many_arguments, reason = "two call sites, which differ in the last one only")]
fn of_one<P: Probe>(
    source: Source,
    window: &Window<'_>,
    (ends, range): (&[Timestamp], Millis),
    refs: &[Timestamp],
    frame: &Frame<'_>,
    scratch: &mut Scratch,
    probe: &mut P,
    fold: impl FnOnce(&Windows<'_>, [Param<'_>; 2], &mut rollup::Scratch),
) {
    let (Some(first), Some(last)) = (ends.first().copied(), ends.last().copied()) else { return };
    let samples = frame.inputs.samples(source, first.minus(range), last);
    let (times, values) = without_markers(source, samples, frame, (&mut scratch.times, &mut scratch.values));
    if times.is_empty() {
        return;
    }
    let capped = caps(source, frame, ends, &mut scratch.caps);
    scratch.bounds.clear();
    rollup::bounds(times, ends, capped.then_some(&scratch.caps), range, &mut scratch.bounds);
    if P::COUNTS {
        probe.series(source, probe::held(&scratch.bounds));
    }
    let windows = Windows { times, values, bounds: &scratch.bounds, refs, evals: frame.evals, range: window.range };
    fold(&windows, params(window, &scratch.params), &mut scratch.rollup);
}

fn params<'a>(window: &Window<'_>, values: &'a [Vec<f64>; 2]) -> [Param<'a>; 2] {
    let param = |at: usize| match window.params[at] {
        Operand::Const(value) => Param::Const(value),
        Operand::Node(_) => Param::Steps(&values[at]),
    };
    [param(0), param(1)]
}
