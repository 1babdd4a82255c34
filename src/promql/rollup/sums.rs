//! Sums of sliding windows that equal the refold to the bit: exact ones of integers, and guarded ones of all others.

use super::refold;
use super::{RangeFn, Windows, put};

/// Evaluates `sum_over_time` and `avg_over_time` by adding what enters and taking off what leaves, if all values are
/// integers so small that every partial sum is exact; false if they are not.
///
/// Cost: O(samples + steps).
pub(super) fn integers(function: RangeFn, windows: &Windows<'_>, out: &mut [f64], present: &mut [u64]) -> bool {
    let (from, to) = windows.span();
    let longest = windows.bounds.iter().map(|(lo, hi)| hi - lo).max().unwrap_or(0);
    let most = (1u64 << 53) as f64 / f64::from(longest.max(1));
    let values = windows.values;
    if !values[from..to].iter().all(|x| x.abs() <= most && (*x as i64) as f64 == *x) {
        return false;
    }
    let (mut lo, mut hi, mut sum) = (from, from, 0.0);
    for step in 0..windows.steps() {
        let (next_lo, next_hi) = windows.range_of(step);
        if next_lo >= hi {
            sum = values[next_lo..next_hi].iter().fold(0.0, |sum, x| sum + x);
        } else {
            sum = values[hi..next_hi].iter().fold(sum, |sum, x| sum + x);
            sum = values[lo..next_lo].iter().fold(sum, |sum, x| sum - x);
        }
        (lo, hi) = (next_lo, next_hi);
        if lo == hi {
            continue;
        }
        let value = if function == RangeFn::AvgOverTime { sum / (hi - lo) as f64 } else { sum };
        put(out, present, step, Some(value));
    }
    true
}

/// A sum in twice the precision, and the sum of the magnitudes that bounds its error.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Exact {
    high: f64,
    low: f64,
    magnitude: f64,
}

/// The square of half the distance from 1 to the next number: the relative error of one addition in twice the precision
/// is at most three of it.
const UNIT_SQUARED: f64 = f64::EPSILON * f64::EPSILON / 4.0;

impl Exact {
    #[inline]
    fn plus(self, x: f64) -> Self {
        let (sum, lost) = two_sum(self.high, x);
        let (high, low) = quick_two_sum(sum, self.low + lost);
        Self { high, low, magnitude: self.magnitude + x.abs() }
    }

    #[inline]
    fn plus_exact(self, other: Self) -> Self {
        let (high, lost) = two_sum(self.high, other.high);
        let (low, lost_low) = two_sum(self.low, other.low);
        let (high, low) = quick_two_sum(high, lost + low);
        let (high, low) = quick_two_sum(high, low + lost_low);
        Self { high, low, magnitude: self.magnitude + other.magnitude }
    }

    /// Returns what a Kahan sum of the `n` values gives, or none where the error bounds leave it open.
    ///
    /// A Kahan sum loses each addition's rounding exactly, but rounds when it adds these up: its two parts are within
    /// n^2 u^2 M of the true sum (M the sum of magnitudes, u the unit roundoff), this one within 3 (n + 1) u^2 M. Where
    /// everything within four times (n + 4)^2 u^2 M rounds to one number, both are that number.
    #[inline]
    fn rounded(self, n: usize) -> Option<f64> {
        if self.magnitude == 0.0 {
            return Some(0.0);
        }
        if !(1e-200..1e300).contains(&self.magnitude) {
            return None;
        }
        let n = (n + 4) as f64;
        let error = 4.0 * n * n * UNIT_SQUARED * self.magnitude;
        let value = self.high + (self.low - error);
        (value == self.high + (self.low + error)).then_some(value)
    }
}

/// Adds exactly: the rounded sum and what it lost.
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// Adds exactly if `a` is the larger by magnitude.
#[inline]
fn quick_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// Evaluates `sum_over_time` with two stacks: sums from every sample of an older part of the window to that part's end,
/// and one sum over the newer part. What the guard leaves open is summed again.
///
/// Cost by step: O(1) but for the windows in which large values cancel.
pub(super) fn two_stacks(windows: &Windows<'_>, suffixes: &mut Vec<Exact>, out: &mut [f64], present: &mut [u64]) {
    let values = windows.values;
    // `suffixes[at - base]` sums `at..middle`, `newer` sums `middle..hi`.
    let (mut base, mut middle, mut hi) = (0, 0, 0);
    let mut newer = Exact::default();
    for step in 0..windows.steps() {
        let (lo, next_hi) = windows.range_of(step);
        if lo == next_hi {
            continue;
        }
        if lo >= middle {
            suffixes.clear();
            suffixes.resize(next_hi - lo, Exact::default());
            let mut sum = Exact::default();
            for (suffix, x) in suffixes.iter_mut().zip(&values[lo..next_hi]).rev() {
                sum = sum.plus(*x);
                *suffix = sum;
            }
            (base, middle, newer) = (lo, next_hi, Exact::default());
        } else {
            newer = values[hi..next_hi].iter().fold(newer, |sum, x| sum.plus(*x));
        }
        hi = next_hi;
        let sum = suffixes[lo - base].plus_exact(newer);
        let value = sum.rounded(hi - lo).unwrap_or_else(|| refold::sum(&values[lo..hi]));
        put(out, present, step, Some(value));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn guarded_sums_equal_the_refold() {
        let mut suffixes = Vec::new();
        check(RangeFn::SumOverTime, |windows, _, out, present| two_stacks(windows, &mut suffixes, out, present));
    }

    #[test]
    fn the_guard_leaves_few_ordinary_windows_open() {
        let sum = |values: &[f64]| values.iter().fold(Exact::default(), |sum, x| sum.plus(*x)).rounded(values.len());
        assert_eq!(sum(&[0.1, 0.2, 0.3]), Some(0.6));
        assert_eq!(sum(&[0.0, -0.0]).map(f64::to_bits), Some(0));
        assert_eq!(sum(&[1e16, 1.0, -1e16]), None);
        assert_eq!(sum(&[0.1, -0.1]), None);
        assert_eq!(sum(&[1e100, 1.0, -1e100]), None);
        assert_eq!(sum(&[f64::INFINITY, 1.0]), None);
        assert_eq!(sum(&[f64::NAN]), None);
        let ordinary: Vec<f64> = (0..10_000).map(|n| f64::from(n * 7919 % 10_007) * 0.37).collect();
        assert!(ordinary.windows(240).all(|window| sum(window).is_some()));
    }

    #[test]
    fn integer_sums_and_means_equal_the_refold() {
        for function in [RangeFn::SumOverTime, RangeFn::AvgOverTime] {
            check(function, |windows, _, out, present| {
                if !integers(function, windows, out, present) {
                    super::super::grouped::refold(function, windows, &mut Vec::new(), (out, &mut []), present);
                }
            });
        }
    }
}
