//! Random series, windows cut everywhere, and the comparison of a sliding form with its refold.

use crate::time::{Millis, Timestamp};

use super::{Param, RangeFn, Windows, bounds, refold};

/// A small generator of pseudo-random numbers, seeded.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

const KINDS: usize = 13;

/// Returns the next value of a series of a kind.
fn value(kind: usize, random: &mut Random, last: f64) -> f64 {
    let pick = |random: &mut Random, from: &[f64]| from[random.below(from.len() as u64) as usize];
    let walk = random.unit() - 0.5;
    match kind {
        0 => walk * 100.0,
        1 => random.below(1000) as f64 - 300.0,
        2 => pick(random, &[1.5, f64::NAN, f64::INFINITY, -2.0, 7.0, 0.25, 3.0, f64::NEG_INFINITY]),
        3 => pick(random, &[1e16, -1e16, 1.0, walk, 1e100, -1e100]),
        4 => {
            if random.below(9) == 0 {
                random.unit()
            } else {
                last.abs() + random.unit() * 10.0
            }
        }
        5 => pick(random, &[0.0, -0.0, 1.0, -1.0]),
        6 => (walk * 1e4).round() / 100.0,
        7 => {
            if random.below(7) == 0 {
                walk
            } else {
                last
            }
        }
        8 => 1e9 + walk * 1e-3,
        9 => pick(random, &[f64::MAX, -f64::MAX, 1e308, walk]),
        10 => pick(random, &[f64::NAN, f64::NAN, -f64::NAN, 1.0, 1.0]),
        // Integers whose sums are too large to be exact.
        11 => (walk * (1u64 << 54) as f64).round(),
        _ => (walk * 80.0).exp2() * walk.signum(),
    }
}

/// Compares a form with the plain refold of every window, to the bit, on series of all kinds, with blocks of steps
/// begun and ended anywhere.
#[track_caller]
pub(super) fn check(function: RangeFn, mut form: impl FnMut(&Windows<'_>, [Param<'_>; 2], &mut [f64], &mut [u64])) {
    for seed in 0..KINDS as u64 * 24 {
        let kind = seed as usize % KINDS;
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (seed + 1) << 20);
        let spacing = 1 + random.below(3) as i64 * 7;
        let jitter = random.below(2);
        let (mut at, mut last) = (1_000_000 + random.below(500) as i64, 1.0);
        let (mut times, mut values) = (Vec::new(), Vec::new());
        for _ in 0..random.below(300) {
            at += spacing * 1000 + (jitter * random.below(900)) as i64;
            if random.below(40) == 0 {
                at += spacing * 1000 * random.below(60) as i64;
            }
            last = value(kind, &mut random, last);
            times.push(Timestamp(at));
            values.push(last);
        }
        let range = Millis(spacing * 1000 * (1 + random.below(90) as i64));
        let step = 1 + spacing * [100, 1000, 1000, 4000, 30_000][random.below(5) as usize];
        let steps = random.below(200) as i64;
        let evals: Vec<_> = (0..steps).map(|n| Timestamp(1_000_000 + n * step)).collect();
        let refs: Vec<_> = evals.iter().map(|t| t.minus(Millis(500))).collect();
        let quantiles: Vec<_> = (0..steps).map(|_| random.unit() * 1.2 - 0.1).collect();
        let params = match (function, random.below(2)) {
            (RangeFn::QuantileOverTime, 1) => [Param::Steps(&quantiles), Param::Const(0.0)],
            (RangeFn::PredictLinear, _) => [Param::Const(3600.0), Param::Const(0.0)],
            _ => [Param::Const(0.3), Param::Const(0.6)],
        };
        let mut all = Vec::new();
        bounds(&times, &refs, None, range, &mut all);
        let mut from = 0;
        while from < all.len() {
            let len = [1, 2, 3, 7, 64, 200][random.below(6) as usize].min(all.len() - from);
            let to = from + len;
            let windows = Windows {
                times: &times,
                values: &values,
                bounds: &all[from..to],
                refs: &refs[from..to],
                evals: &evals[from..to],
                range,
            };
            let params = params.map(|param| match param {
                Param::Steps(values) => Param::Steps(&values[from..to]),
                other => other,
            });
            let (mut out, mut present) = (vec![0.0; len], vec![0; len.div_ceil(64)]);
            form(&windows, params, &mut out, &mut present);
            for step in 0..len {
                let params = [params[0].at(step), params[1].at(step)];
                let expected = refold::fold(function, &windows.window(step), params, &mut Vec::new());
                let got = (present[step / 64] >> (step % 64) & 1 == 1).then_some(out[step]);
                // Any NaN is any other.
                let bits =
                    |value: Option<f64>| value.map(|x| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() });
                let samples = windows.window(step).values;
                assert_eq!(
                    bits(got),
                    bits(expected),
                    "{function:?} seed {seed} kind {kind} step {step} of {from}..{to}: {got:?}, not {expected:?}; {samples:?}"
                );
            }
            from = to;
        }
    }
}
