//! Windows whose edges are told by samples outside of them: `anchored`, by the newest one up to the start, and `smoothed`,
//! by a line between the samples around either edge.

use crate::time::Timestamp;

use super::refold::seconds_of;
use super::{Param, RangeFn, Scratch, Windows, put, roll};

/// Evaluates a function over the windows of one series, anchored or `smoothed`, whose bounds reach as far
/// beyond them as a look-back: `rate`, `increase` and `delta`, and of anchored windows `resets` and `changes`.
///
/// Source: histograms.md 7; Prometheus' `extendedRate`. Cost: O(samples + falls in the windows).
pub(crate) fn edged(
    function: RangeFn,
    smoothed: bool,
    windows: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut [f64],
    present: &mut [u64],
) {
    if matches!(function, RangeFn::Resets | RangeFn::Changes) {
        return from_anchors(windows, present, |windows, present| {
            roll(function, windows, [Param::Const(f64::NAN); 2], scratch, out, present);
        });
    }
    let counts = function != RangeFn::Delta;
    let per = if function == RangeFn::Rate { seconds_of(windows.range) } else { 1.0 };
    let falls = &mut scratch.indices;
    falls.clear();
    if counts {
        let values = windows.values;
        falls.extend((1..values.len()).filter(|at| values[*at] < values[at - 1]).map(|at| at as u32));
    }
    for (step, ends) in ends(windows, smoothed).enumerate() {
        let rise = ends.map(|ends| {
            let samples = (windows.times, windows.values);
            let interval = (windows.refs[step].minus(windows.range), windows.refs[step]);
            rise(smoothed, samples, ends, interval, counts.then_some(falls.as_slice()))
        });
        put(out, present, step, rise.map(|rise| rise / per));
    }
}

/// Evaluates windows from their anchors on, as `roll` does: `present` has the steps with a result.
pub(super) fn from_anchors(windows: &Windows<'_>, present: &mut [u64], roll: impl FnOnce(&Windows<'_>, &mut [u64])) {
    let mut inside = Vec::new();
    let bounds: Vec<(u32, u32)> = anchored(windows, &mut inside).collect();
    roll(&Windows { bounds: &bounds, ..*windows }, present);
    // An anchor alone is nothing.
    for step in (0..inside.len()).filter(|step| !inside[*step]) {
        present[step / 64] &= !(1 << (step % 64));
    }
}

/// Walks over the windows, each from its anchor on, if it has one, and notes which have samples inside.
fn anchored(windows: &Windows<'_>, any: &mut Vec<bool>) -> impl Iterator<Item = (u32, u32)> {
    let mut inside = 0;
    windows.bounds.iter().zip(windows.refs).map(move |((lo, hi), right)| {
        inside = first_after(windows.times, inside, right.minus(windows.range));
        any.push(inside < *hi as usize);
        ((inside.saturating_sub(1) as u32).clamp(*lo, *hi), *hi)
    })
}

/// Returns the first sample after a time, at or after one that is known not to be beyond it.
fn first_after(times: &[Timestamp], from: usize, time: Timestamp) -> usize {
    from + times[from..].iter().take_while(|t| **t <= time).count()
}

/// Walks over the samples that tell the edges of each window, by their numbers; none where the window has no result.
fn ends(windows: &Windows<'_>, smoothed: bool) -> impl Iterator<Item = Option<(usize, usize)>> {
    let times = windows.times;
    let (mut inside, mut beyond) = (0, 0);
    windows.bounds.iter().zip(windows.refs).map(move |((lo, hi), end)| {
        let (lo, hi, start) = (*lo as usize, *hi as usize, end.minus(windows.range));
        inside = first_after(times, inside, start);
        beyond = first_after(times, beyond, before(*end));
        let last = hi.checked_sub(1).filter(|last| *last >= lo)?;
        let (first, last) = tell_edges(smoothed, (lo, last), inside, beyond);
        let outside = times[last] <= start || (smoothed && times[first] > *end);
        (!outside).then_some((first, last))
    })
}

/// Returns the last millisecond before a time.
fn before(time: Timestamp) -> Timestamp {
    Timestamp(time.0.saturating_sub(1))
}

/// Returns the samples that tell the edges of a window among those that its edges may look at, the first and the last
/// given: `inside` is the first after its start, `beyond` the first at or after its end.
fn tell_edges(smoothed: bool, (lo, last): (usize, usize), inside: usize, beyond: usize) -> (usize, usize) {
    let first = inside.clamp(lo, last).saturating_sub(1).max(lo);
    (first, if smoothed { beyond.clamp(lo, last) } else { last })
}

/// Returns the values at the edges of a window; `counts`: of a counter.
fn at_edges(
    smoothed: bool,
    (times, values): (&[Timestamp], &[f64]),
    (first, last): (usize, usize),
    (start, end): (Timestamp, Timestamp),
    counts: bool,
) -> (f64, f64) {
    let line = |from: usize, at| between((times[from], values[from]), (times[from + 1], values[from + 1]), at, counts);
    let left = if smoothed && times[first] < start { line(first, start) } else { values[first] };
    let right = if smoothed && times[last] > end && last > first { line(last - 1, end) } else { values[last] };
    (left, right)
}

/// Returns by how much a series rose from one edge of a window to the other; `falls`: where values fall, if it counts.
fn rise(
    smoothed: bool,
    (times, values): (&[Timestamp], &[f64]),
    (first, last): (usize, usize),
    (start, end): (Timestamp, Timestamp),
    falls: Option<&[u32]>,
) -> f64 {
    let (left, right) = at_edges(smoothed, (times, values), (first, last), (start, end), falls.is_some());
    let rise = right - left;
    let Some(falls) = falls else { return rise };
    // The samples strictly inside.
    let from = first + usize::from(times[first] <= start);
    let to = last + usize::from(times[last] < end);
    let mut before = left;
    let mut fallen = 0.0;
    if from < to {
        if values[from] < before {
            fallen += before;
        }
        let falls = &falls[falls.partition_point(|at| *at as usize <= from)..];
        for at in falls.iter().map(|at| *at as usize).take_while(|at| *at < to) {
            fallen += values[at - 1];
        }
        before = values[to - 1];
    }
    if right < before {
        fallen += before;
    }
    rise + fallen
}

/// A sample of a series.
type Sample = (Timestamp, f64);

/// Returns the value at a time on the line between two samples; a counter that fell began at 0.
pub(crate) fn between((from, a): Sample, (to, b): Sample, at: Timestamp, counts: bool) -> f64 {
    let a = if counts && b < a { 0.0 } else { a };
    a + (b - a) * at.since(from).0 as f64 / to.since(from).0 as f64
}

/// Returns the samples of a window with one at either edge in place of those outside, given those that a look-back reaches.
///
/// Source: Prometheus' `extendFloats`.
pub(crate) fn between_edges(
    smoothed: bool,
    (times, values): (&[Timestamp], &[f64]),
    (start, end): (Timestamp, Timestamp),
) -> Vec<Sample> {
    let Some(last) = times.len().checked_sub(1) else { return Vec::new() };
    let ends = tell_edges(smoothed, (0, last), first_after(times, 0, start), first_after(times, 0, before(end)));
    if times[ends.1] <= start {
        return Vec::new();
    }
    let (left, right) = at_edges(smoothed, (times, values), ends, (start, end), false);
    let inside = (ends.0..=ends.1).map(|at| (times[at], values[at])).filter(|(time, _)| start < *time && *time < end);
    std::iter::once((start, left)).chain(inside).chain([(end, right)]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::bounds;
    use super::*;
    use crate::time::Millis;

    const LOOKBACK: Millis = Millis(300_000);

    /// Checks a function at each minute, over two minutes, of samples at seconds: what it gives, to the sixth digit.
    fn check(function: RangeFn, smoothed: bool, samples: &[(i64, f64)], expected: &[Option<f64>]) {
        let times: Vec<Timestamp> = samples.iter().map(|(at, _)| Timestamp(at * 1000)).collect();
        let values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
        let refs: Vec<Timestamp> = (0..).map(|minute| Timestamp(minute * 60_000)).take(expected.len()).collect();
        let (range, after) = (Millis(120_000), if smoothed { LOOKBACK.0 } else { 0 });
        let shifted: Vec<Timestamp> = refs.iter().map(|at| Timestamp(at.0 + after)).collect();
        let mut all = Vec::new();
        bounds(&times, &shifted, None, Millis(range.0 + LOOKBACK.0 + after), &mut all);
        let windows = Windows { times: &times, values: &values, bounds: &all, refs: &refs, evals: &refs, range };
        let (mut out, mut present) = (vec![0.0; refs.len()], vec![0]);
        edged(function, smoothed, &windows, &mut Scratch::default(), &mut out, &mut present);
        let got = |at: usize| (present[0] >> at & 1 == 1).then_some((out[at] * 1e6).round() / 1e6);
        assert_eq!((0..refs.len()).map(got).collect::<Vec<_>>(), expected, "{function:?} {smoothed}");
    }

    /// A counter every 45 s that falls once.
    const COUNTER: [(i64, f64); 6] = [(30, 1.0), (75, 3.0), (120, 6.0), (165, 2.0), (210, 4.0), (255, 8.0)];

    #[test]
    fn anchored_windows_begin_at_the_sample_before_them() {
        let some = |values: [f64; 5]| -> Vec<_> { [None].into_iter().chain(values.map(Some)).collect() };
        check(RangeFn::Increase, false, &COUNTER, &some([0.0, 5.0, 7.0, 4.0, 6.0]));
        check(RangeFn::Delta, false, &COUNTER, &some([0.0, 5.0, 1.0, -2.0, 6.0]));
        check(RangeFn::Rate, false, &COUNTER[..2], &[None, Some(0.0), Some(0.016_667)]);
        check(RangeFn::Resets, false, &COUNTER, &some([0.0, 0.0, 1.0, 1.0, 0.0]));
        check(RangeFn::Changes, false, &COUNTER, &some([0.0, 2.0, 3.0, 2.0, 2.0]));
        // What came before the anchor does not count, and an anchor alone is nothing.
        check(
            RangeFn::Changes,
            false,
            &[(10, 1.0), (20, 2.0), (150, 2.0)],
            &[None, Some(1.0), Some(1.0), Some(0.0), Some(0.0), None],
        );
    }

    #[test]
    fn smoothed_windows_lie_between_samples() {
        // At 60 s the counter is at 2.333; it fell to 0 right after 120 s.
        check(
            RangeFn::Increase,
            true,
            &COUNTER,
            &[None, Some(1.333_333), Some(5.0), Some(6.333_333), Some(6.666_667), Some(5.333_333)],
        );
        check(RangeFn::Delta, true, &COUNTER[..2], &[None, Some(1.333_333), Some(2.0), Some(0.666_667), None]);
    }

    #[test]
    fn a_range_by_itself_has_samples_at_its_edges() {
        let samples = (&[0, 10, 20, 30].map(Timestamp)[..], &[0.0, 1.0, 4.0, 0.0][..]);
        let check = |smoothed, interval: [i64; 2], expected: &[(i64, f64)]| {
            let got = between_edges(smoothed, samples, (Timestamp(interval[0]), Timestamp(interval[1])));
            assert_eq!(got, expected.iter().map(|(at, value)| (Timestamp(*at), *value)).collect::<Vec<_>>());
        };
        check(false, [5, 25], &[(5, 0.0), (10, 1.0), (20, 4.0), (25, 0.0)]);
        check(true, [5, 25], &[(5, 0.5), (10, 1.0), (20, 4.0), (25, 2.0)]);
        check(true, [10, 20], &[(10, 1.0), (20, 4.0)]);
        check(true, [40, 50], &[]);
    }
}
