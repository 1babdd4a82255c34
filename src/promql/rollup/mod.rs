//! Functions over the samples of sliding windows: `rate`, `max_over_time` and their like.
//!
//! Every result is a function of the samples in the window and the step's times alone, to the bit: [`refold`] is the
//! definition, the sliding forms are proven or guarded to give the same.

mod edges;
mod ends;
mod extreme;
mod grouped;
mod lanes;
mod refold;
mod sorted;
mod started;
mod sums;
mod sweep;
#[cfg(test)]
mod testing;

use crate::promql::maths::format_float;
use crate::time::{Millis, Timestamp};

pub(crate) use self::edges::{between, between_edges, edged};
pub(crate) use self::refold::{Extent, stretch, stretch_from_start};
pub(crate) use self::started::{is_anew, overlap_within, resets_from_anchors, roll_started, start_within};

/// A function of a range vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RangeFn {
    Rate,
    Increase,
    Delta,
    Irate,
    Idelta,
    Deriv,
    PredictLinear,
    SumOverTime,
    AvgOverTime,
    MinOverTime,
    MaxOverTime,
    CountOverTime,
    QuantileOverTime,
    StddevOverTime,
    StdvarOverTime,
    MadOverTime,
    LastOverTime,
    FirstOverTime,
    PresentOverTime,
    Changes,
    Resets,
    TsOfFirst,
    TsOfLast,
    TsOfMin,
    TsOfMax,
    DoubleExponentialSmoothing,
}

impl RangeFn {
    /// Returns whether the results keep the metric name.
    pub(crate) fn keeps_name(self) -> bool {
        matches!(self, Self::LastOverTime | Self::FirstOverTime)
    }
}

/// A scalar argument: one for all steps, or one a step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Param<'a> {
    /// The same at every step.
    Const(f64),
    /// By step.
    Steps(&'a [f64]),
}

impl Param<'_> {
    /// Returns the argument at a step.
    #[inline]
    pub(crate) fn at(self, step: usize) -> f64 {
        match self {
            Self::Const(value) => value,
            Self::Steps(values) => values[step],
        }
    }
}

/// The windows of one series: one a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows<'a> {
    /// When the samples were taken, ascending.
    pub(crate) times: &'a [Timestamp],
    /// The samples' values, without stale markers.
    pub(crate) values: &'a [f64],
    /// By step, the samples in the window: first index, and the one after the last; both never fall.
    pub(crate) bounds: &'a [(u32, u32)],
    /// By step, the right end of the window, offset and `@` applied.
    pub(crate) refs: &'a [Timestamp],
    /// By step, the evaluation time, not shifted.
    pub(crate) evals: &'a [Timestamp],
    /// The length of the windows.
    pub(crate) range: Millis,
}

/// One window.
#[derive(Clone, Copy, Debug)]
struct Window<'a> {
    times: &'a [Timestamp],
    values: &'a [f64],
    /// The right end.
    right: Timestamp,
    /// The evaluation time.
    eval: Timestamp,
    range: Millis,
}

impl<'a> Windows<'a> {
    fn steps(&self) -> usize {
        self.bounds.len()
    }

    fn window(&self, step: usize) -> Window<'a> {
        let (lo, hi) = self.range_of(step);
        Window {
            times: &self.times[lo..hi],
            values: &self.values[lo..hi],
            right: self.refs[step],
            eval: self.evals[step],
            range: self.range,
        }
    }

    /// Returns the samples from the first window's first to the last window's last.
    fn span(&self) -> (usize, usize) {
        match (self.bounds.first(), self.bounds.last()) {
            (Some(first), Some(last)) => (first.0 as usize, last.1 as usize),
            _ => (0, 0),
        }
    }

    fn sharing(&self) -> Sharing {
        let (from, to) = self.span();
        let total: usize = self.bounds.iter().map(|(lo, hi)| (hi - lo) as usize).sum();
        Sharing { any: total > 2 * (to - from), mean_len: total / self.steps().max(1) }
    }

    #[inline]
    fn range_of(&self, step: usize) -> (usize, usize) {
        let (lo, hi) = self.bounds[step];
        (lo as usize, hi as usize)
    }
}

/// Memory that [`roll`] uses again, so that a warm call allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    values: Vec<f64>,
    spare: Vec<f64>,
    indices: Vec<u32>,
    suffixes: Vec<sums::Exact>,
}

/// Finds the samples of each window, `right - range < t <= min(right, visible_to)`, and appends them to `out`.
///
/// `refs` (the right ends) and `visible_to` (what a step may see at all) never fall from step to step.
/// Cost: one walk over the samples that are new to a window, begun by binary searches.
///
/// Source: promql.md 8.1 (open at the left, closed at the right).
pub(crate) fn bounds(
    times: &[Timestamp],
    refs: &[Timestamp],
    visible_to: Option<&[Timestamp]>,
    range: Millis,
    out: &mut Vec<(u32, u32)>,
) {
    let Some(first) = refs.first() else { return };
    debug_assert!(refs.is_sorted(), "the right ends of windows never fall");
    debug_assert!(visible_to.is_none_or(<[Timestamp]>::is_sorted), "what is visible never shrinks");
    let mut lo = times.partition_point(|t| *t <= first.minus(range));
    let end = visible_to.and_then(|caps| caps.first()).map_or(*first, |cap| *first.min(cap));
    let mut hi = lo + times[lo..].partition_point(|t| *t <= end);
    for (step, right) in refs.iter().enumerate() {
        let left = right.minus(range);
        let right = visible_to.map_or(*right, |caps| caps[step].min(*right));
        while lo < times.len() && times[lo] <= left {
            lo += 1;
        }
        hi = hi.max(lo);
        while hi < times.len() && times[hi] <= right {
            hi += 1;
        }
        out.push((lo as u32, hi as u32));
    }
}

/// Evaluates a function over the windows of one series: `out` by step where the bit of `present` is set.
///
/// `params` are the scalar arguments in their order in PromQL; `present` (a bit a step) is zeroed by the caller. Those
/// of `double_exponential_smoothing` must be checked by the caller: outside (0, 1) Prometheus fails.
/// Cost by step: promql.md 6.
pub(crate) fn roll(
    function: RangeFn,
    windows: &Windows<'_>,
    params: [Param<'_>; 2],
    scratch: &mut Scratch,
    out: &mut [f64],
    present: &mut [u64],
) {
    debug_assert!(
        windows.bounds.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1),
        "both ends of windows never fall from step to step"
    );
    if ends::evaluate(function, windows, out, present) {
        return;
    }
    let sharing = if windows.steps() == 1 { Sharing::default() } else { windows.sharing() };
    match function {
        RangeFn::AvgOverTime | RangeFn::SumOverTime
            if sharing.any && sums::integers(function, windows, out, present) => {}
        RangeFn::SumOverTime if sharing.any && sharing.mean_len > LONG_FOR_SUMS => {
            sums::two_stacks(windows, &mut scratch.suffixes, out, present);
        }
        RangeFn::SumOverTime
        | RangeFn::AvgOverTime
        | RangeFn::StddevOverTime
        | RangeFn::StdvarOverTime
        | RangeFn::Deriv
            if windows.steps() > 1 =>
        {
            grouped::refold(function, windows, &mut scratch.values, (out, &mut []), present);
        }
        RangeFn::PredictLinear if windows.steps() > 1 => {
            let Scratch { values: millis, spare: intercepts, .. } = scratch;
            intercepts.resize(windows.steps(), 0.0);
            grouped::refold(function, windows, millis, (out, intercepts), present);
            predict(intercepts, params[0], out);
        }
        RangeFn::Rate | RangeFn::Increase if sharing.any => {
            sweep::counters(function, windows, &mut scratch.indices, out, present);
        }
        RangeFn::Changes | RangeFn::Resets if sharing.any => sweep::pairs(function, windows, out, present),
        RangeFn::MinOverTime | RangeFn::MaxOverTime | RangeFn::TsOfMin | RangeFn::TsOfMax if sharing.any => {
            extreme::slide(function, windows, &mut scratch.indices, out, present);
        }
        RangeFn::QuantileOverTime | RangeFn::MadOverTime if sharing.any => {
            sorted::slide(function, windows, params[0], [&mut scratch.values, &mut scratch.spare], out, present);
        }
        _ => each(function, windows, params, &mut scratch.values, out, present),
    }
}

/// Fits the line of `predict_linear` to the windows of one series: `out` is the slopes, then the values at the evaluation
/// times, by step where the bit of `present`, which the caller zeroed, is set.
pub(crate) fn lines(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64], present: &mut [u64]) {
    let (slopes, intercepts) = out.split_at_mut(windows.steps());
    if windows.steps() > 1 {
        let function = RangeFn::PredictLinear;
        grouped::refold(function, windows, &mut scratch.values, (slopes, intercepts), present);
        return;
    }
    let window = windows.window(0);
    if let Some(line) = refold::regression(&window, window.eval) {
        intercepts[0] = line.intercept;
        put(slopes, present, 0, Some(line.slope));
    }
}

/// Goes on along the lines of a series for a time, in seconds: `out` is the slopes, and then the results.
pub(crate) fn predict(intercepts: &[f64], horizon: Param<'_>, out: &mut [f64]) {
    for (step, (out, intercept)) in out.iter_mut().zip(intercepts).enumerate() {
        *out = *out * horizon.at(step) + intercept;
    }
}

/// Evaluates `quantile_over_time` for several quantiles: `out` is those of the first by step, then those of the next.
pub(crate) fn quantiles(
    quantiles: &[f64],
    windows: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut [f64],
    present: &mut [u64],
) {
    sorted::quantiles(quantiles, windows, &mut scratch.values, out, present);
}

/// Returns what Prometheus fails with when `double_exponential_smoothing` meets a factor outside (0, 1); NaN passes.
///
/// Source: Prometheus' `funcDoubleExponentialSmoothing`; it fails only at a step where some series has a sample.
pub(crate) fn smoothing_fault(smoothing: f64, trend: f64) -> Option<String> {
    let outside = |factor: f64| factor <= 0.0 || factor >= 1.0;
    let text = |factor: f64| if factor.is_infinite() { format_float(factor) } else { format!("{factor:.6}") };
    if outside(smoothing) {
        return Some(format!("invalid smoothing factor. Expected: 0 < sf < 1, got: {}", text(smoothing)));
    }
    outside(trend).then(|| format!("invalid trend factor. Expected: 0 < tf < 1, got: {}", text(trend)))
}

/// The mean number of samples in a window from which two stacks are faster than lanes.
const LONG_FOR_SUMS: usize = 24;

/// How much successive windows have in common.
#[derive(Clone, Copy, Debug, Default)]
struct Sharing {
    /// Whether samples are in so many windows that a sliding form pays.
    any: bool,
    /// The mean number of samples in a window.
    mean_len: usize,
}

/// Evaluates window by window.
fn each(
    function: RangeFn,
    windows: &Windows<'_>,
    params: [Param<'_>; 2],
    sorted: &mut Vec<f64>,
    out: &mut [f64],
    present: &mut [u64],
) {
    let smoothing = function == RangeFn::DoubleExponentialSmoothing;
    let mut last = None;
    for step in 0..windows.steps() {
        let params = [params[0].at(step), params[1].at(step)];
        if smoothing && last == Some((windows.bounds[step], params)) {
            // The same window gives the same: only here is that worth a look.
            let value = (present[(step - 1) / 64] >> ((step - 1) % 64) & 1 == 1).then_some(out[step - 1]);
            put(out, present, step, value);
            continue;
        }
        last = Some((windows.bounds[step], params));
        put(out, present, step, refold::fold(function, &windows.window(step), params, sorted));
    }
}

/// Stores a result, if there is one.
#[inline]
fn put(out: &mut [f64], present: &mut [u64], step: usize, value: Option<f64>) {
    if let Some(value) = value {
        out[step] = value;
        present[step / 64] |= 1 << (step % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::testing::check;
    use super::*;

    #[test]
    fn windows_are_open_at_the_left_and_closed_at_the_right() {
        let times = [0, 10, 20, 30, 40].map(Timestamp);
        let refs = [0, 10, 25, 40, 100].map(Timestamp);
        let mut out = Vec::new();
        bounds(&times, &refs, None, Millis(20), &mut out);
        assert_eq!(out, [(0, 1), (0, 2), (1, 3), (3, 5), (5, 5)]);
        out.clear();
        bounds(&times, &refs, Some(&[0, 0, 20, 30, 90].map(Timestamp)), Millis(20), &mut out);
        assert_eq!(out, [(0, 1), (0, 1), (1, 3), (3, 4), (5, 5)]);
        out.clear();
        bounds(&[], &refs, None, Millis(20), &mut out);
        assert_eq!(out, [(0, 0); 5]);
    }

    #[test]
    fn smoothing_factors_lie_between_zero_and_one() {
        assert_eq!(smoothing_fault(0.5, f64::NAN), None);
        let expected = "invalid smoothing factor. Expected: 0 < sf < 1, got: 1.500000";
        assert_eq!(smoothing_fault(1.5, 0.5).as_deref(), Some(expected));
        let expected = "invalid trend factor. Expected: 0 < tf < 1, got: +Inf";
        assert_eq!(smoothing_fault(0.5, f64::INFINITY).as_deref(), Some(expected));
    }

    #[test]
    fn every_function_equals_its_refold() {
        use crate::promql::functions::{FUNCTIONS, Kernel};

        let mut scratch = Scratch::default();
        let functions = FUNCTIONS.iter().filter_map(|function| match function.kernel {
            Kernel::Range(function) => Some(function),
            _ => None,
        });
        for function in functions {
            check(function, |windows, params, out, present| {
                roll(function, windows, params, &mut scratch, out, present);
            });
        }
    }
}
