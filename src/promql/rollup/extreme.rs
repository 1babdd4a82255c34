//! The least and the greatest value of sliding windows.

use super::{RangeFn, Windows, put};

/// Evaluates `min_over_time`, `max_over_time` and their `ts_of_` forms with a queue of the samples that may still win.
///
/// NaN never enters the queue: it wins only where nothing else is, and then the last one. Of equal values (zeros of
/// both signs are) the earliest wins, for `ts_of_` the latest.
///
/// Cost: O(samples + steps).
///
/// Source: promql.md 8.4.
pub(super) fn slide(
    function: RangeFn,
    windows: &Windows<'_>,
    queue: &mut Vec<u32>,
    out: &mut [f64],
    present: &mut [u64],
) {
    match function {
        RangeFn::MinOverTime => run::<false>(windows, |x, last| x < last, queue, out, present),
        RangeFn::MaxOverTime => run::<false>(windows, |x, last| x > last, queue, out, present),
        RangeFn::TsOfMin => run::<true>(windows, |x, last| x <= last, queue, out, present),
        _ => run::<true>(windows, |x, last| x >= last, queue, out, present),
    }
}

fn run<const TIMES: bool>(
    windows: &Windows<'_>,
    beats: impl Fn(f64, f64) -> bool,
    queue: &mut Vec<u32>,
    out: &mut [f64],
    present: &mut [u64],
) {
    let values = windows.values;
    queue.clear();
    let (mut head, mut seen) = (0, 0);
    for step in 0..windows.steps() {
        let (lo, hi) = windows.range_of(step);
        for at in seen.max(lo)..hi {
            let x = values[at];
            if x.is_nan() {
                continue;
            }
            while queue.len() > head && beats(x, values[queue[queue.len() - 1] as usize]) {
                queue.pop();
            }
            queue.push(at as u32);
        }
        seen = seen.max(hi);
        while queue.get(head).is_some_and(|at| (*at as usize) < lo) {
            head += 1;
        }
        if head == queue.len() {
            queue.clear();
            head = 0;
        }
        let winner = queue.get(head).map(|at| *at as usize).or((lo < hi).then(|| hi - 1));
        put(out, present, step, winner.map(|at| if TIMES { windows.times[at].seconds() } else { values[at] }));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn the_queue_equals_the_refold() {
        let mut queue = Vec::new();
        for function in [RangeFn::MinOverTime, RangeFn::MaxOverTime, RangeFn::TsOfMin, RangeFn::TsOfMax] {
            check(function, |windows, _, out, present| slide(function, windows, &mut queue, out, present));
        }
    }
}
