//! Drives the refolds of eight windows side by side.

use std::array::from_fn;
use std::ops::Range;

use crate::kahan::{Kahan, Variance};
use crate::time::Timestamp;

use super::lanes::{self, Group, LANES};
use super::refold::{self, Line, Regression};
use super::{RangeFn, Windows, put};

/// The shortest windows for which lanes pay.
const SHORTEST: usize = 6;
/// Up to this many milliseconds differences of times are exact in a float.
const EXACT_MILLIS: i64 = 1 << 52;

/// A window to fold and the steps that have it.
#[derive(Clone, Debug, Default)]
struct Pending {
    lo: usize,
    hi: usize,
    steps: Range<usize>,
    /// Whether its samples are all as far apart.
    even: bool,
}

/// What x alone decides in windows whose samples are all as far apart. Successive windows of a series in step have the
/// same x, and so it is folded once for many of them.
#[derive(Debug, Default)]
struct Even {
    /// The first x, how far the next is, and how many there are. Unit: milliseconds.
    of: (i64, i64, usize),
    xs: Vec<f64>,
    x: Kahan,
    xx: Kahan,
}

impl Even {
    /// Makes the sums of a first x and so many after it, unless they are those of before.
    fn fold(&mut self, of: (i64, i64, usize)) {
        if self.of == of && !self.xs.is_empty() {
            return;
        }
        let (first, step, len) = of;
        *self = Self { of, xs: std::mem::take(&mut self.xs), ..Self::default() };
        self.xs.clear();
        for at in 0..len as i64 {
            let x = (first + step * at) as f64 / 1000.0;
            self.xs.push(x);
            self.x.add(x);
            self.xx.add(x * x);
        }
    }
}

/// Evaluates `sum_over_time`, `avg_over_time`, `stddev_over_time`, `stdvar_over_time` and `deriv` by refolding; equal
/// windows are folded once. Of `predict_linear` it finds the lines: their slopes, and in a second list by step their
/// values at the evaluation times, which others do not write to.
///
/// Cost by step: O(W), some 0.3 to 5 ns a sample.
pub(super) fn refold(
    function: RangeFn,
    windows: &Windows<'_>,
    millis: &mut Vec<f64>,
    (out, intercepts): (&mut [f64], &mut [f64]),
    present: &mut [u64],
) {
    let fits = matches!(function, RangeFn::Deriv | RangeFn::PredictLinear);
    let mut groups = Groups { function, windows, base: Timestamp(0), lanes: true, millis, even: Even::default() };
    let mut out = Out { values: out, intercepts, present };
    if fits {
        groups.count_millis();
    }
    let mut pending: [Pending; LANES] = from_fn(|_| Pending::default());
    let (mut waiting, mut last_change, mut last_uneven, mut seen) = (0, 0, 0, 1);
    for step in 0..windows.steps() {
        let (lo, hi) = windows.range_of(step);
        if hi - lo < if fits { 2 } else { 1 } {
            continue;
        }
        // The origin of `predict_linear` moves with the step.
        if waiting > 0 && function != RangeFn::PredictLinear {
            let last = &mut pending[waiting - 1];
            if (last.lo, last.hi) == (lo, hi) {
                last.steps.end = step + 1;
                continue;
            }
        }
        if fits {
            for at in seen.max(lo + 1)..hi {
                if windows.values[at] != windows.values[at - 1] {
                    last_change = at;
                }
                let spacing = |at: usize| windows.times[at].since(windows.times[at - 1]);
                if at > 1 && spacing(at) != spacing(at - 1) {
                    last_uneven = at;
                }
            }
            seen = hi;
            if last_change <= lo {
                out.line(step, Some(refold::flat(windows.values[lo])));
                continue;
            }
        }
        if waiting == LANES {
            groups.fold(&pending, &mut out);
            waiting = 0;
        }
        pending[waiting] = Pending { lo, hi, steps: step..step + 1, even: fits && last_uneven <= lo + 1 };
        waiting += 1;
    }
    groups.fold(&pending[..waiting], &mut out);
}

/// Where results go, by step.
struct Out<'a> {
    /// Of lines, the slopes.
    values: &'a mut [f64],
    /// Of lines, their values at the origin; empty where nobody asks.
    intercepts: &'a mut [f64],
    present: &'a mut [u64],
}

impl Out<'_> {
    fn value(&mut self, step: usize, value: Option<f64>) {
        put(self.values, self.present, step, value);
    }

    fn line(&mut self, step: usize, line: Option<Line>) {
        self.value(step, line.map(|line| line.slope));
        if let (Some(intercept), Some(line)) = (self.intercepts.get_mut(step), line) {
            *intercept = line.intercept;
        }
    }
}

/// What groups of windows are folded with.
struct Groups<'a> {
    function: RangeFn,
    windows: &'a Windows<'a>,
    /// What `millis` are counted from.
    base: Timestamp,
    /// Whether lanes may be used.
    lanes: bool,
    /// The times of all samples as floats, for lines.
    millis: &'a mut Vec<f64>,
    even: Even,
}

impl Groups<'_> {
    /// Fills `millis`; turns lanes off where the times are too far apart for exact differences.
    fn count_millis(&mut self) {
        let (from, to) = self.windows.span();
        if from == to {
            return;
        }
        self.base = self.windows.times[from];
        let near = |t: &Timestamp| t.since(self.base).0.abs() <= EXACT_MILLIS;
        self.lanes = near(&self.windows.times[to - 1]) && self.windows.evals.iter().all(near);
        self.millis.clear();
        self.millis.resize(from, 0.0);
        self.millis.extend(self.windows.times[from..to].iter().map(|t| t.since(self.base).0 as f64));
    }

    /// Returns the time at which x is 0.
    fn origin(&self, window: &Pending) -> Timestamp {
        match self.function {
            RangeFn::Deriv => self.windows.times[window.lo],
            _ => self.windows.evals[window.steps.start],
        }
    }

    /// Returns the x of a window's first sample, and how far the next one is. Unit: milliseconds.
    fn x_of(&self, window: &Pending) -> (i64, i64) {
        let times = &self.windows.times[window.lo..];
        (times[0].since(self.origin(window)).0, times[1].since(times[0]).0)
    }

    fn fold(&mut self, pending: &[Pending], out: &mut Out<'_>) {
        let Some(first) = pending.first() else { return };
        let lengths = || pending.iter().map(|window| window.hi - window.lo);
        let (len, longest) = (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0));
        let lane = |lane: usize| pending.get(lane).unwrap_or(first);
        let group = Group { starts: from_fn(|at| lane(at).lo), len };
        // A few windows, or short ones, or such of very different lengths, are folded one by one.
        let alone = !self.lanes || pending.len() < 3 || len < SHORTEST || len * 2 < longest;
        let values = self.windows.values;
        if alone {
            for window in pending {
                match self.function {
                    RangeFn::Deriv | RangeFn::PredictLinear => put_line(window, self.line_alone(window), out),
                    _ => put_value(window, self.alone(window), out),
                }
            }
            return;
        }
        match self.function {
            RangeFn::SumOverTime | RangeFn::AvgOverTime => {
                for (window, sum) in pending.iter().zip(lanes::sums(values, group)) {
                    put_value(window, self.end_of_sum(window, sum, len), out);
                }
            }
            RangeFn::StddevOverTime | RangeFn::StdvarOverTime => {
                for (window, variance) in pending.iter().zip(lanes::variances(values, group)) {
                    put_value(window, self.end_of_variance(window, variance, len), out);
                }
            }
            _ if pending.iter().all(|window| window.even && self.x_of(window) == self.x_of(first)) => {
                let (x, step) = self.x_of(first);
                self.even.fold((x, step, len));
                let Even { xs, x, xx, .. } = &self.even;
                for (window, (y, xy)) in pending.iter().zip(lanes::products(values, xs, group)) {
                    let sums = Regression { x: *x, y, xy, xx: *xx, count: len as f64 };
                    put_line(window, self.end_of_line(window, sums, len), out);
                }
            }
            _ => {
                let origins = from_fn(|at| self.origin(lane(at)).since(self.base).0 as f64);
                for (window, sums) in pending.iter().zip(lanes::regressions(values, self.millis, origins, group)) {
                    put_line(window, self.end_of_line(window, sums, len), out);
                }
            }
        }
    }

    /// Folds a window by its definition.
    fn alone(&self, window: &Pending) -> Option<f64> {
        refold::fold(self.function, &self.windows.window(window.steps.start), [0.0; 2], &mut Vec::new())
    }

    fn line_alone(&self, window: &Pending) -> Option<Line> {
        refold::regression(&self.windows.window(window.steps.start), self.origin(window))
    }

    /// Goes on with a sum after its first `len` samples.
    fn end_of_sum(&self, window: &Pending, mut sum: Kahan, len: usize) -> Option<f64> {
        self.windows.values[window.lo + len..window.hi].iter().for_each(|x| sum.add(*x));
        if !sum.sum.is_finite() {
            return self.alone(window);
        }
        let count = (window.hi - window.lo) as f64;
        Some(if self.function == RangeFn::SumOverTime { sum.total() } else { sum.sum / count + sum.c / count })
    }

    /// Goes on with a variance after its first `len` samples.
    fn end_of_variance(&self, window: &Pending, mut variance: Variance, len: usize) -> Option<f64> {
        self.windows.values[window.lo + len..window.hi].iter().for_each(|x| variance.add(*x));
        if !(variance.mean.sum.is_finite() && variance.squares.sum.is_finite()) {
            return self.alone(window);
        }
        let variance = variance.variance();
        Some(if self.function == RangeFn::StdvarOverTime { variance } else { variance.sqrt() })
    }

    /// Goes on with a line after its first `len` samples.
    fn end_of_line(&self, window: &Pending, mut sums: Regression, len: usize) -> Option<Line> {
        let origin = self.origin(window);
        for at in window.lo + len..window.hi {
            sums.add(self.windows.times[at].since(origin).seconds(), self.windows.values[at]);
        }
        if !sums.is_finite() {
            return self.line_alone(window);
        }
        Some(sums.line())
    }
}

fn put_value(window: &Pending, value: Option<f64>, out: &mut Out<'_>) {
    window.steps.clone().for_each(|step| out.value(step, value));
}

fn put_line(window: &Pending, line: Option<Line>, out: &mut Out<'_>) {
    window.steps.clone().for_each(|step| out.line(step, line));
}

#[cfg(test)]
mod tests {
    use super::super::predict;
    use super::super::testing::check;
    use super::*;

    #[test]
    fn lanes_equal_the_refold() {
        for function in [
            RangeFn::SumOverTime,
            RangeFn::AvgOverTime,
            RangeFn::StddevOverTime,
            RangeFn::StdvarOverTime,
            RangeFn::Deriv,
            RangeFn::PredictLinear,
        ] {
            check(function, |windows, params, out, present| {
                let mut intercepts = vec![0.0; if function == RangeFn::PredictLinear { out.len() } else { 0 }];
                refold(function, windows, &mut Vec::new(), (out, &mut intercepts), present);
                if function == RangeFn::PredictLinear {
                    predict(&intercepts, params[0], out);
                }
            });
        }
    }
}
