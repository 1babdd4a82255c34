//! Forms that look at each pair of neighbours once: counters that fall, values that change.

use super::refold::{self, Extent, extrapolated};
use super::{RangeFn, Windows, put};

/// Evaluates `rate` and `increase`: the falls are found once, each window then adds those inside it, in order of time.
///
/// Cost: O(samples + falls in the windows).
pub(super) fn counters(
    function: RangeFn,
    windows: &Windows<'_>,
    falls: &mut Vec<u32>,
    out: &mut [f64],
    present: &mut [u64],
) {
    let extent = Extent::of(function, windows.range);
    let values = windows.values;
    let (from, to) = windows.span();
    falls.clear();
    falls.extend((from + 1..to).filter(|at| values[*at] < values[at - 1]).map(|at| at as u32));
    let mut first = 0;
    for step in 0..windows.steps() {
        let (lo, hi) = windows.range_of(step);
        while falls.get(first).is_some_and(|at| *at as usize <= lo) {
            first += 1;
        }
        if hi - lo < 2 {
            continue;
        }
        let mut rise = values[hi - 1] - values[lo];
        for at in &falls[first..] {
            let at = *at as usize;
            if at >= hi {
                break;
            }
            rise += values[at - 1];
        }
        put(out, present, step, extrapolated(extent, &windows.window(step), rise));
    }
}

/// Evaluates `changes` and `resets`: counts the pairs that enter at the right and leave at the left.
///
/// Cost: O(samples).
pub(super) fn pairs(function: RangeFn, windows: &Windows<'_>, out: &mut [f64], present: &mut [u64]) {
    match function {
        RangeFn::Changes => count_pairs(windows, refold::is_change, out, present),
        _ => count_pairs(windows, |before, x| x < before, out, present),
    }
}

fn count_pairs(windows: &Windows<'_>, counts: impl Fn(f64, f64) -> bool, out: &mut [f64], present: &mut [u64]) {
    let values = windows.values;
    let count = |from: usize, to: usize| {
        values[from..to].windows(2).map(|pair| u32::from(counts(pair[0], pair[1]))).sum::<u32>()
    };
    // The pairs within `lo..hi`.
    let (mut lo, mut hi, mut inside) = (0, 0, 0);
    for step in 0..windows.steps() {
        let (next_lo, next_hi) = windows.range_of(step);
        if next_lo >= hi {
            inside = count(next_lo, next_hi);
        } else {
            inside += count(hi - 1, next_hi);
            inside -= count(lo, next_lo + 1);
        }
        (lo, hi) = (next_lo, next_hi);
        put(out, present, step, (lo < hi).then_some(f64::from(inside)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn sweeps_equal_the_refold() {
        let mut falls = Vec::new();
        for function in [RangeFn::Rate, RangeFn::Increase] {
            check(function, |windows, _, out, present| counters(function, windows, &mut falls, out, present));
        }
        for function in [RangeFn::Changes, RangeFn::Resets] {
            check(function, |windows, _, out, present| pairs(function, windows, out, present));
        }
    }
}
