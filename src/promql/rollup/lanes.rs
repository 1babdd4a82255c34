//! Refolds of eight windows side by side, for what no sliding form reproduces to the bit.
//!
//! Each lane does the operations of the plain refold in its order; lanes only fill the processor's units. Whatever
//! becomes infinite or NaN is folded again alone.

use std::array::from_fn;

use crate::promql::kahan::{Kahan, Variance};

use super::refold::Regression;

/// The number of windows that are folded together.
pub(super) const LANES: usize = 8;

/// One number of each window.
pub(super) type Lane = [f64; LANES];

/// Eight compensated sums of finite values.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    sum: Lane,
    c: Lane,
}

impl Sums {
    #[inline(always)]
    fn add(&mut self, x: Lane) {
        for (lane, x) in x.into_iter().enumerate() {
            let sum = self.sum[lane];
            let t = sum + x;
            let (large, small) = if sum.abs() >= x.abs() { (sum, x) } else { (x, sum) };
            self.c[lane] += (large - t) + small;
            self.sum[lane] = t;
        }
    }

    #[inline(always)]
    fn total(&self) -> Lane {
        from_fn(|lane| self.sum[lane] + self.c[lane])
    }

    fn lane(&self, lane: usize) -> Kahan {
        Kahan { sum: self.sum[lane], c: self.c[lane] }
    }
}

/// Loads the `at`-th sample of each window.
#[inline(always)]
fn load(columns: &[&[f64]; LANES], neighbours: bool, at: usize) -> Lane {
    if neighbours {
        // Each window begins one sample after the one before: eight samples in a row.
        if let Some(row) = columns[0].get(at..).and_then(|rest| rest.first_chunk()) {
            return *row;
        }
    }
    from_fn(|lane| columns[lane][at])
}

/// Eight windows, by the index of their first sample, and the number of samples to fold of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) starts: [usize; LANES],
    pub(super) len: usize,
}

impl Group {
    fn columns<'a>(&self, values: &'a [f64]) -> ([&'a [f64]; LANES], bool) {
        let neighbours = self.starts.windows(2).all(|pair| pair[1] == pair[0] + 1);
        (self.starts.map(|start| &values[start..]), neighbours)
    }
}

/// A fold over the windows of a group.
trait Fold {
    type Result;

    /// Folds; always inlined, so that it is compiled for the instructions of its caller.
    fn run(self) -> Self::Result;
}

/// Runs a fold with the widest vectors the machine has.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls code compiled for AVX2, right after it was seen that the machine has it")]
fn widest<F: Fold>(fold: F) -> F::Result {
    #[target_feature(enable = "avx2")]
    fn wide<F: Fold>(fold: F) -> F::Result {
        fold.run()
    }
    if std::arch::is_x86_feature_detected!("avx2") {
        // Sound: the feature is there.
        return unsafe { wide(fold) };
    }
    fold.run()
}

#[cfg(not(target_arch = "x86_64"))]
fn widest<F: Fold>(fold: F) -> F::Result {
    fold.run()
}

/// Sums the windows of a group.
pub(super) fn sums(values: &[f64], group: Group) -> [Kahan; LANES] {
    widest(SumFold { values, group })
}

struct SumFold<'a> {
    values: &'a [f64],
    group: Group,
}

impl Fold for SumFold<'_> {
    type Result = [Kahan; LANES];

    #[inline(always)]
    fn run(self) -> Self::Result {
        let (columns, neighbours) = self.group.columns(self.values);
        let mut sums = Sums::default();
        for at in 0..self.group.len {
            sums.add(load(&columns, neighbours, at));
        }
        from_fn(|lane| sums.lane(lane))
    }
}

/// Folds the windows of a group to their variances.
pub(super) fn variances(values: &[f64], group: Group) -> [Variance; LANES] {
    widest(VarianceFold { values, group })
}

struct VarianceFold<'a> {
    values: &'a [f64],
    group: Group,
}

impl Fold for VarianceFold<'_> {
    type Result = [Variance; LANES];

    #[inline(always)]
    fn run(self) -> Self::Result {
        let (columns, neighbours) = self.group.columns(self.values);
        let (mut mean, mut squares, mut count) = (Sums::default(), Sums::default(), 0.0);
        for at in 0..self.group.len {
            let x = load(&columns, neighbours, at);
            count += 1.0;
            let center = mean.total();
            let delta: Lane = from_fn(|lane| x[lane] - center[lane]);
            mean.add(delta.map(|delta| delta / count));
            let center = mean.total();
            squares.add(from_fn(|lane| delta[lane] * (x[lane] - center[lane])));
        }
        from_fn(|lane| Variance { mean: mean.lane(lane), squares: squares.lane(lane), count })
    }
}

/// Folds the windows of a group to straight lines. `millis` are the samples' times and `origins` those of x = 0, in
/// milliseconds from any one instant, exact.
pub(super) fn regressions(values: &[f64], millis: &[f64], origins: Lane, group: Group) -> [Regression; LANES] {
    widest(RegressionFold { values, millis, origins, group })
}

struct RegressionFold<'a> {
    values: &'a [f64],
    millis: &'a [f64],
    origins: Lane,
    group: Group,
}

impl Fold for RegressionFold<'_> {
    type Result = [Regression; LANES];

    #[inline(always)]
    fn run(self) -> Self::Result {
        let (columns, neighbours) = self.group.columns(self.values);
        let (times, _) = self.group.columns(self.millis);
        let [mut sum_x, mut sum_y, mut sum_xy, mut sum_xx] = [Sums::default(); 4];
        for at in 0..self.group.len {
            let y = load(&columns, neighbours, at);
            let t = load(&times, neighbours, at);
            let x: Lane = from_fn(|lane| (t[lane] - self.origins[lane]) / 1000.0);
            sum_x.add(x);
            sum_y.add(y);
            sum_xy.add(from_fn(|lane| x[lane] * y[lane]));
            sum_xx.add(from_fn(|lane| x[lane] * x[lane]));
        }
        from_fn(|lane| Regression {
            x: sum_x.lane(lane),
            y: sum_y.lane(lane),
            xy: sum_xy.lane(lane),
            xx: sum_xx.lane(lane),
            count: self.group.len as f64,
        })
    }
}
