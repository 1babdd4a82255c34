//! Windows that are kept sorted, for quantiles and medians.

use std::cmp::Ordering;

use crate::promql::quantile::{between, by_value, median_distance, quantile_of_sorted};

use super::{Param, RangeFn, Windows, put};

/// Evaluates `quantile_over_time` (its quantile is `q`) and `mad_over_time`.
///
/// Equal values stand in the window in the order of their times, as a stable sort puts them.
///
/// Cost by step: O(log W) comparisons and W / 2 moved values for each sample that enters or leaves.
pub(super) fn slide(
    function: RangeFn,
    windows: &Windows<'_>,
    q: Param<'_>,
    [sorted, spare]: [&mut Vec<f64>; 2],
    out: &mut [f64],
    present: &mut [u64],
) {
    each(windows, sorted, |step, sorted| {
        let value = match function {
            RangeFn::QuantileOverTime => quantile_of_sorted(q.at(step), sorted),
            _ => median_distance_of_sorted(sorted, spare),
        };
        put(out, present, step, Some(value));
    });
}

/// Evaluates `quantile_over_time` for several quantiles: `out` is those of the first by step, then those of the next.
///
/// Cost: as for one, but for a look at each sorted window for each quantile.
pub(super) fn quantiles(
    quantiles: &[f64],
    windows: &Windows<'_>,
    sorted: &mut Vec<f64>,
    out: &mut [f64],
    present: &mut [u64],
) {
    let steps = windows.steps();
    each(windows, sorted, |step, sorted| {
        for (at, quantile) in quantiles.iter().enumerate() {
            put(&mut out[at * steps..][..steps], present, step, Some(quantile_of_sorted(*quantile, sorted)));
        }
    });
}

/// Shows each window that is not empty, sorted.
fn each(windows: &Windows<'_>, sorted: &mut Vec<f64>, mut show: impl FnMut(usize, &[f64])) {
    sorted.clear();
    let (mut lo, mut hi) = (0, 0);
    for step in 0..windows.steps() {
        let (next_lo, next_hi) = windows.range_of(step);
        // Many moves cost more than to sort again.
        if next_lo >= hi || (next_lo - lo) + (next_hi - hi) > (next_hi - next_lo) / 4 + 2 {
            sorted.clear();
            sorted.extend_from_slice(&windows.values[next_lo..next_hi]);
            sorted.sort_by(|a, b| by_value(*a, *b));
        } else {
            for x in &windows.values[lo..next_lo] {
                let at = sorted.partition_point(|other| by_value(*other, *x) == Ordering::Less);
                sorted.remove(at);
            }
            for x in &windows.values[hi..next_hi] {
                let at = sorted.partition_point(|other| by_value(*other, *x) != Ordering::Greater);
                sorted.insert(at, *x);
            }
        }
        (lo, hi) = (next_lo, next_hi);
        if lo == hi {
            continue;
        }
        show(step, sorted);
    }
}

/// Returns the median distance to the median. Cost: O(W), a merge of the values on both sides of the median.
fn median_distance_of_sorted(sorted: &[f64], spare: &mut Vec<f64>) -> f64 {
    if sorted[0].is_nan() {
        return f64::NAN;
    }
    let median = quantile_of_sorted(0.5, sorted);
    if !median.is_finite() {
        // Distances between infinities are no numbers, and come first.
        spare.clear();
        spare.extend_from_slice(sorted);
        return median_distance(spare);
    }
    let mut right = sorted.partition_point(|x| *x < median);
    let mut left = right;
    let last = sorted.len() - 1;
    let (rank, mut before, mut distance) = (0.5 * last as f64, 0.0, 0.0);
    // Walks outwards to the sample after the middle one, the nearer side first.
    for _ in 0..=(rank.floor() as usize + 1).min(last) {
        before = distance;
        let to_left = if left > 0 { (sorted[left - 1] - median).abs() } else { f64::INFINITY };
        let to_right = sorted.get(right).map_or(f64::INFINITY, |x| (x - median).abs());
        if left > 0 && (to_left <= to_right || right > last) {
            (left, distance) = (left - 1, to_left);
        } else {
            (right, distance) = (right + 1, to_right);
        }
    }
    between(if last == 0 { distance } else { before }, distance, rank)
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn sorted_windows_equal_the_refold() {
        let (mut sorted, mut spare) = (Vec::new(), Vec::new());
        for function in [RangeFn::QuantileOverTime, RangeFn::MadOverTime] {
            check(function, |windows, params, out, present| {
                slide(function, windows, params[0], [&mut sorted, &mut spare], out, present);
            });
        }
    }

    #[test]
    fn each_of_several_quantiles_equals_its_refold() {
        let mut sorted = Vec::new();
        for asked in 0..3 {
            check(RangeFn::QuantileOverTime, |windows, params, out, present| {
                // Those of a test with one for all steps: by itself, and among others.
                let quantile = params[0].at(0);
                let mut all = [0.5, 0.9, f64::NAN];
                all[asked] = quantile;
                let steps = windows.steps();
                let mut rows = vec![0.0; 3 * steps];
                quantiles(&all, windows, &mut sorted, &mut rows, present);
                out.copy_from_slice(&rows[asked * steps..][..steps]);
                if let Param::Steps(_) = params[0] {
                    present.fill(0);
                    slide(RangeFn::QuantileOverTime, windows, params[0], [&mut sorted, &mut Vec::new()], out, present);
                }
            });
        }
    }
}
