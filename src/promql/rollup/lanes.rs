//! Refolds of eight windows side by side, for what no sliding form reproduces to the bit.
//!
//! Each lane does the operations of the plain refold in its order; lanes only fill the processor's units. Whatever
//! becomes infinite or NaN is folded again alone.

use std::array::from_fn;

use crate::kahan::{Kahan, Variance};

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

/// Applies an operation lane by lane: one operation at a time, so that it becomes one instruction.
#[inline(always)]
fn zip(a: Lane, b: Lane, operation: impl Fn(f64, f64) -> f64) -> Lane {
    let mut out = [0.0; LANES];
    for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(&b)) {
        *out = operation(*a, *b);
    }
    out
}

impl Sums {
    #[inline(always)]
    fn add(&mut self, x: Lane) {
        let t = zip(self.sum, x, |sum, x| sum + x);
        let large = zip(self.sum, x, |sum, x| if sum.abs() >= x.abs() { sum } else { x });
        let small = zip(self.sum, x, |sum, x| if sum.abs() >= x.abs() { x } else { sum });
        let lost = zip(zip(large, t, |large, t| large - t), small, |rest, small| rest + small);
        self.c = zip(self.c, lost, |c, lost| c + lost);
        self.sum = t;
    }

    #[inline(always)]
    fn total(&self) -> Lane {
        zip(self.sum, self.c, |sum, c| sum + c)
    }

    fn lane(&self, lane: usize) -> Kahan {
        Kahan { sum: self.sum[lane], c: self.c[lane] }
    }
}

/// Loads the `at`-th sample of each window; in `ROW`s, each window begins one sample after the one before.
#[inline(always)]
fn load<const ROW: bool>(columns: &[&[f64]; LANES], at: usize) -> Lane {
    if ROW {
        return columns[0][at..at + LANES].try_into().unwrap_or([0.0; LANES]);
    }
    let mut out = [0.0; LANES];
    for (out, column) in out.iter_mut().zip(columns) {
        *out = column[at];
    }
    out
}

/// Eight windows, by the index of their first sample, and the number of samples to fold of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) starts: [usize; LANES],
    pub(super) len: usize,
}

impl Group {
    #[inline(always)]
    fn columns<'a>(&self, values: &'a [f64]) -> [&'a [f64]; LANES] {
        self.starts.map(|start| &values[start..])
    }

    /// Returns whether each window begins one sample after the one before.
    fn is_row(&self) -> bool {
        self.starts.windows(2).all(|pair| pair[1] == pair[0] + 1)
    }
}

/// A fold over the windows of a group.
trait Fold {
    type Result;

    fn group(&self) -> &Group;

    /// Folds; always inlined, so that it is compiled for the instructions of its caller.
    fn run<const ROW: bool>(self) -> Self::Result;
}

/// Runs a fold with the widest vectors the machine has.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls code compiled for AVX2, right after it was seen that the machine has it")]
fn widest<F: Fold>(fold: F) -> F::Result {
    #[target_feature(enable = "avx2")]
    fn wide<F: Fold>(fold: F) -> F::Result {
        either(fold)
    }
    if std::arch::is_x86_feature_detected!("avx2") {
        // Sound: the feature is there.
        return unsafe { wide(fold) };
    }
    either(fold)
}

#[cfg(not(target_arch = "x86_64"))]
fn widest<F: Fold>(fold: F) -> F::Result {
    either(fold)
}

#[inline(always)]
fn either<F: Fold>(fold: F) -> F::Result {
    if fold.group().is_row() { fold.run::<true>() } else { fold.run::<false>() }
}

/// Sums the windows of a group.
pub(super) fn sums(values: &[f64], group: Group) -> [Kahan; LANES] {
    let sums = widest(SumFold { values, group });
    from_fn(|lane| sums.lane(lane))
}

struct SumFold<'a> {
    values: &'a [f64],
    group: Group,
}

impl Fold for SumFold<'_> {
    type Result = Sums;

    fn group(&self) -> &Group {
        &self.group
    }

    #[inline(always)]
    fn run<const ROW: bool>(self) -> Sums {
        let columns = self.group.columns(self.values);
        let mut sums = Sums::default();
        for at in 0..self.group.len {
            sums.add(load::<ROW>(&columns, at));
        }
        sums
    }
}

/// Folds the windows of a group to their variances.
pub(super) fn variances(values: &[f64], group: Group) -> [Variance; LANES] {
    let count = group.len as f64;
    let [mean, squares] = widest(VarianceFold { values, group });
    from_fn(|lane| Variance { mean: mean.lane(lane), squares: squares.lane(lane), count })
}

struct VarianceFold<'a> {
    values: &'a [f64],
    group: Group,
}

impl Fold for VarianceFold<'_> {
    /// Mean and squares.
    type Result = [Sums; 2];

    fn group(&self) -> &Group {
        &self.group
    }

    #[inline(always)]
    fn run<const ROW: bool>(self) -> [Sums; 2] {
        let columns = self.group.columns(self.values);
        let [mut mean, mut squares] = [Sums::default(); 2];
        let mut count = 0.0;
        for at in 0..self.group.len {
            count += 1.0;
            let x = load::<ROW>(&columns, at);
            let delta = zip(x, mean.total(), |x, mean| x - mean);
            mean.add(zip(delta, [count; LANES], |delta, count| delta / count));
            let rest = zip(x, mean.total(), |x, mean| x - mean);
            squares.add(zip(delta, rest, |delta, rest| delta * rest));
        }
        [mean, squares]
    }
}

/// Folds the windows of a group to straight lines. `millis` are the samples' times and `origins` those of x = 0, in
/// milliseconds from any one instant, exact.
pub(super) fn regressions(values: &[f64], millis: &[f64], origins: Lane, group: Group) -> [Regression; LANES] {
    widest(RegressionFold { values, millis, origins, group })
}

/// Folds the windows of a group, in which the sample at each place has the same x, to the sums of y and of x times y.
pub(super) fn products(values: &[f64], xs: &[f64], group: Group) -> [(Kahan, Kahan); LANES] {
    let [sum_y, sum_xy] = widest(ProductFold { values, xs, group });
    from_fn(|lane| (sum_y.lane(lane), sum_xy.lane(lane)))
}

struct ProductFold<'a> {
    values: &'a [f64],
    xs: &'a [f64],
    group: Group,
}

impl Fold for ProductFold<'_> {
    /// Of y, and of x times y.
    type Result = [Sums; 2];

    fn group(&self) -> &Group {
        &self.group
    }

    #[inline(always)]
    fn run<const ROW: bool>(self) -> [Sums; 2] {
        let columns = self.group.columns(self.values);
        let [mut sum_y, mut sum_xy] = [Sums::default(); 2];
        for (at, x) in self.xs[..self.group.len].iter().enumerate() {
            let y = load::<ROW>(&columns, at);
            sum_y.add(y);
            sum_xy.add(zip([*x; LANES], y, |x, y| x * y));
        }
        [sum_y, sum_xy]
    }
}

struct RegressionFold<'a> {
    values: &'a [f64],
    millis: &'a [f64],
    origins: Lane,
    group: Group,
}

impl Fold for RegressionFold<'_> {
    type Result = [Regression; LANES];

    fn group(&self) -> &Group {
        &self.group
    }

    #[inline(always)]
    fn run<const ROW: bool>(self) -> [Regression; LANES] {
        let columns = self.group.columns(self.values);
        let times = self.group.columns(self.millis);
        let [mut sum_x, mut sum_y, mut sum_xy, mut sum_xx] = [Sums::default(); 4];
        for at in 0..self.group.len {
            let y = load::<ROW>(&columns, at);
            let x = zip(load::<ROW>(&times, at), self.origins, |t, origin| (t - origin) / 1000.0);
            sum_x.add(x);
            sum_y.add(y);
            sum_xy.add(zip(x, y, |x, y| x * y));
            sum_xx.add(zip(x, x, |x, y| x * y));
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
