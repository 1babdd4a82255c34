//! The range functions on one series and 1,024 steps, one sample a step: nanoseconds a step are the item's.
//!
//! The kernels are no part of the public library, but know nothing of it either, so that they are compiled here again.

#![expect(dead_code, unused_imports, reason = "only a part of the kernels is measured, none of their tests run here")]

#[path = "../src/kahan.rs"]
mod kahan;
#[path = "../src/promql/maths.rs"]
mod maths;
#[path = "../src/promql/quantile.rs"]
mod quantile;
#[path = "../src/promql/rollup/mod.rs"]
mod rollup;

mod promql {
    pub(crate) use super::{maths, quantile};
}

use alertctl::{store, time};
use divan::{Bencher, black_box, counter::ItemsCount};
use rollup::{Param, RangeFn, Scratch, Windows, bounds, roll};
use time::{Millis, Timestamp};

const STEPS: usize = 1024;
const FUNCTIONS: [(&str, RangeFn); 26] = [
    ("rate", RangeFn::Rate),
    ("increase", RangeFn::Increase),
    ("delta", RangeFn::Delta),
    ("irate", RangeFn::Irate),
    ("idelta", RangeFn::Idelta),
    ("deriv", RangeFn::Deriv),
    ("predict_linear", RangeFn::PredictLinear),
    ("sum_over_time", RangeFn::SumOverTime),
    ("avg_over_time", RangeFn::AvgOverTime),
    ("min_over_time", RangeFn::MinOverTime),
    ("max_over_time", RangeFn::MaxOverTime),
    ("count_over_time", RangeFn::CountOverTime),
    ("quantile_over_time", RangeFn::QuantileOverTime),
    ("stddev_over_time", RangeFn::StddevOverTime),
    ("stdvar_over_time", RangeFn::StdvarOverTime),
    ("mad_over_time", RangeFn::MadOverTime),
    ("last_over_time", RangeFn::LastOverTime),
    ("first_over_time", RangeFn::FirstOverTime),
    ("present_over_time", RangeFn::PresentOverTime),
    ("changes", RangeFn::Changes),
    ("resets", RangeFn::Resets),
    ("ts_of_first_over_time", RangeFn::TsOfFirst),
    ("ts_of_last_over_time", RangeFn::TsOfLast),
    ("ts_of_min_over_time", RangeFn::TsOfMin),
    ("ts_of_max_over_time", RangeFn::TsOfMax),
    ("double_exponential_smoothing", RangeFn::DoubleExponentialSmoothing),
];
fn main() {
    divan::main();
}

/// Measures over windows of `LEN` samples of a series.
fn measure<const LEN: usize>(bencher: Bencher<'_, '_>, name: &str, steps: usize, value: impl Fn(usize) -> f64) {
    let (_, function) = FUNCTIONS.into_iter().find(|(known, _)| *known == name).expect("a function");
    let times: Vec<_> = (0..(steps + LEN) as i64).map(|n| Timestamp(n * 15_000)).collect();
    let values: Vec<_> = (0..times.len()).map(value).collect();
    let evals: Vec<_> = times[LEN..].to_vec();
    let range = Millis(LEN as i64 * 15_000);
    let mut windows = Vec::new();
    bounds(&times, &evals, None, range, &mut windows);
    let windows = Windows { times: &times, values: &values, bounds: &windows, refs: &evals, evals: &evals, range };
    let mut scratch = Scratch::default();
    let (mut out, mut present) = (vec![0.0; steps], vec![0; steps.div_ceil(64)]);
    bencher.counter(ItemsCount::new(steps)).bench_local(|| {
        let params = [Param::Const(0.9), Param::Const(0.5)];
        roll(function, black_box(&windows), params, &mut scratch, &mut out, &mut present);
        black_box(out[0])
    });
}

/// Floats of no pattern.
fn noise(n: usize) -> f64 {
    (n as f64 * 0.754_877_666).fract() * 1e3 + 0.1
}

/// What a step costs against the length of the window: 5,760 samples are a day of one every 15 s.
#[divan::bench(args = FUNCTIONS.map(|(name, _)| name), consts = [4, 20, 240, 1440, 5760])]
fn floats<const LEN: usize>(bencher: Bencher<'_, '_>, name: &str) {
    // A counter where one is wanted.
    let counts = ["rate", "increase", "irate", "resets"].contains(&name);
    measure::<LEN>(bencher, name, STEPS, |n| if counts { n as f64 * 1.37 } else { noise(n) });
}

#[divan::bench(args = ["sum_over_time", "avg_over_time"], consts = [20, 240])]
fn integers<const LEN: usize>(bencher: Bencher<'_, '_>, name: &str) {
    measure::<LEN>(bencher, name, STEPS, |n| noise(n).floor());
}

#[divan::bench(args = FUNCTIONS.map(|(name, _)| name), consts = [20, 240])]
fn one_step<const LEN: usize>(bencher: Bencher<'_, '_>, name: &str) {
    measure::<LEN>(bencher, name, 1, noise);
}
