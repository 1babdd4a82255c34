//! Smoothed instant selectors: values between samples.

use crate::time::{Millis, Timestamp};

use super::super::block::Block;
use super::super::plan::Select;
use super::super::program::{Frame, Source};
use super::super::rollup::between;
use super::Scratch;
use super::select::{caps, references};
use super::window::without_markers;

/// Takes at each step the value on the line between the samples around it, each at most a look-back away; the newest
/// sample, if there is none after it.
///
/// Source: histograms.md 7; Prometheus' `smoothSeries`. Cost: one pass over the samples and steps of each series.
pub(super) fn evaluate(
    sources: &[Source],
    select: &Select,
    lookback: Millis,
    frame: &Frame<'_>,
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let refs = references(select.at, select.offset, frame, &mut scratch.refs);
    out.reset(sources.len(), frame.evals.len());
    let ahead = Millis(-lookback.0);
    let ends: Vec<Timestamp> = refs.iter().map(|reference| reference.minus(ahead)).collect();
    let (Some(first), Some(last)) = (refs.first(), ends.last()) else { return };
    for (row, source) in sources.iter().enumerate() {
        let samples = frame.inputs.samples(*source, first.minus(lookback), *last);
        let (times, values) = without_markers(*source, samples, frame, (&mut scratch.times, &mut scratch.values));
        let ends = if caps(*source, frame, &ends, &mut scratch.caps) { &scratch.caps } else { &ends };
        // The first sample at or after the step.
        let mut next = 0;
        for (step, (reference, end)) in refs.iter().zip(ends).enumerate() {
            next += times[next..].iter().take_while(|time| *time < reference).count();
            let at = |number: usize| (times[number], values[number]);
            let before =
                next.checked_sub(1).map(at).filter(|(time, _)| *time > reference.minus(lookback) && time <= end);
            let after = (next < times.len() && times[next] <= *end).then(|| at(next));
            let value = match (before, after) {
                (_, Some((time, value))) if time == *reference => value,
                (Some(before), Some(after)) => between(before, after, *reference, false),
                (Some((_, value)), None) => value,
                (None, _) => continue,
            };
            out.set(row, step, value);
        }
    }
}
