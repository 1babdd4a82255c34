//! Functions that need no more of a window than where it begins and ends.

use super::{RangeFn, Windows};

/// Evaluates a function over all windows, if it is one of these. Cost: constant a step.
pub(super) fn evaluate(function: RangeFn, windows: &Windows<'_>, out: &mut [f64], present: &mut [u64]) -> bool {
    let Windows { times, values, .. } = *windows;
    match function {
        RangeFn::FirstOverTime => each(windows, out, present, |from, _| values[from]),
        RangeFn::LastOverTime => each(windows, out, present, |_, to| values[to - 1]),
        RangeFn::TsOfFirst => each(windows, out, present, |from, _| times[from].seconds()),
        RangeFn::TsOfLast => each(windows, out, present, |_, to| times[to - 1].seconds()),
        RangeFn::CountOverTime => each(windows, out, present, |from, to| (to - from) as f64),
        RangeFn::PresentOverTime => each(windows, out, present, |_, _| 1.0),
        _ => return false,
    }
    true
}

#[inline]
fn each(windows: &Windows<'_>, out: &mut [f64], present: &mut [u64], value: impl Fn(usize, usize) -> f64) {
    for ((bounds, out), present) in windows.bounds.chunks(64).zip(out.chunks_mut(64)).zip(present) {
        for (bit, ((from, to), out)) in bounds.iter().zip(out).enumerate() {
            if from < to {
                *out = value(*from as usize, *to as usize);
                *present |= 1 << bit;
            }
        }
    }
}
