//! Counters whose samples say since when they count: a sample that began anew counts from nothing, whatever its value, and
//! one that began within the window was nothing then.

use crate::store::Starts;
use crate::time::Timestamp;

use super::edges::from_anchors;
use super::refold::{Extent, extrapolated, stretch_from_start};
use super::{RangeFn, Window, Windows, put};

/// Returns whether the samples at two times, one after the other, are of counts that began one after the other. A start
/// at the time of the sample before is that of a count from there on only where that one's own start is known too: else
/// it may stand for an unknown one.
///
/// Source: histograms.md 8; Prometheus' `isStartTimestampReset`.
pub(crate) fn is_anew(starts: Starts<'_>, before: Timestamp, now: Timestamp) -> bool {
    let Some(start) = starts.of(now).filter(|start| *start < now) else { return false };
    start > before || (start == before && starts.of(before).is_some_and(|start| start < before))
}

/// Returns whether a sample counts from before the one before it was taken, but not from where that one does: then one
/// of the two is wrong.
///
/// Source: histograms.md 8; Prometheus' `checkStartTimeOverlap`.
fn overlaps(starts: Starts<'_>, before: Timestamp, now: Timestamp) -> bool {
    starts.of(now).is_some_and(|start| start < before && starts.of(before) != Some(start))
}

/// Returns whether any of the samples at these times overlaps the one before it, of a function that adds up all that was
/// counted.
pub(crate) fn overlap_within(
    function: RangeFn,
    starts: Starts<'_>,
    times: impl Iterator<Item = Timestamp> + Clone,
) -> bool {
    matches!(function, RangeFn::Rate | RangeFn::Increase)
        && times.clone().zip(times.skip(1)).any(|(before, now)| overlaps(starts, before, now))
}

/// Returns the start of the first sample of a window, if it lies within: before it there was nothing to count.
pub(crate) fn start_within(starts: Starts<'_>, left: Timestamp, first: Timestamp) -> Option<Timestamp> {
    starts.of(first).filter(|start| left < *start && *start < first)
}

/// Evaluates `rate`, `increase`, `irate` or `resets` over the windows of one series, as [`roll`](super::roll) does, but
/// with the start timestamps of its samples.
///
/// Source: histograms.md 8. Cost: O(samples in all windows), each with a search for its start timestamp.
pub(crate) fn roll_started(
    function: RangeFn,
    windows: &Windows<'_>,
    starts: Starts<'_>,
    (out, present): (&mut [f64], &mut [u64]),
) {
    for step in 0..windows.steps() {
        put(out, present, step, fold(function, &windows.window(step), starts));
    }
}

/// Evaluates `resets` over the anchored windows of one series, as [`edged`](super::edged) does, but with the start
/// timestamps of its samples. Cost: as [`roll_started`].
pub(crate) fn resets_from_anchors(windows: &Windows<'_>, starts: Starts<'_>, (out, present): (&mut [f64], &mut [u64])) {
    from_anchors(windows, present, |windows, present| {
        roll_started(RangeFn::Resets, windows, starts, (out, present));
    });
}

fn fold(function: RangeFn, window: &Window<'_>, starts: Starts<'_>) -> Option<f64> {
    let Window { times, values, .. } = *window;
    let (first, last) = (*values.first()?, *values.last()?);
    // The values from which the count began anew, in order of time.
    let lost = (1..values.len())
        .filter(|at| values[*at] < values[at - 1] || is_anew(starts, times[at - 1], times[*at]))
        .map(|at| values[at - 1]);
    match function {
        RangeFn::Resets => Some(lost.count() as f64),
        RangeFn::Irate => {
            let [.., from, to] = *times else { return None };
            let [.., before, _] = *values else { return None };
            let rise = if last < before || is_anew(starts, from, to) { last } else { last - before };
            (from != to).then(|| rise / to.since(from).seconds())
        }
        _ => {
            let extent = Extent::of(function, window.range);
            let rise = lost.fold(last - first, |sum, before| sum + before);
            let left = window.right.minus(window.range);
            match start_within(starts, left, times[0]) {
                None => extrapolated(extent, window, rise),
                Some(start) => {
                    let ends = (times[0], times[times.len() - 1], times.len() - 1);
                    Some((rise + first) * stretch_from_start(extent, start, ends, window.right))
                }
            }
        }
    }
}
