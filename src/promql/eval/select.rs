//! Instant selectors.

use crate::store::{Samples, is_stale};
use crate::time::{Millis, Timestamp};

use super::super::block::Block;
use super::super::plan::{Fixed, Select, Take};
use super::super::program::{Frame, Source};
use super::{Scratch, View, smoothed};

/// Takes at each step the newest sample within the look-back, unless it is a stale marker.
///
/// Source: promql.md 8.1. Cost: one pass over the samples and steps of each series; a single step goes straight to its
/// sample.
pub(super) fn evaluate(
    view: &View<'_>,
    sources: &[Source],
    select: &Select,
    take: Take,
    frame: &Frame<'_>,
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let lookback = Millis(view.plan.options.lookback.0.saturating_sub(select.short.0).max(0));
    if select.edges.is_some() {
        return smoothed::evaluate(sources, select, lookback, frame, out, scratch);
    }
    if frame.evals.len() == 1 {
        out.reset(sources.len(), 1);
        for (row, source) in sources.iter().enumerate() {
            if let Some(value) = newest_alone(*source, select, (take, lookback), frame) {
                out.values[row] = value;
                out.present[row] = 1;
            }
        }
        return;
    }
    let Scratch { refs, caps: capped, .. } = scratch;
    let refs = references(select.at, select.offset, frame, refs);
    let steps = frame.evals.len();
    out.reset(sources.len(), steps);
    let (Some(first), Some(last)) = (refs.first(), refs.last()) else { return };
    for (row, source) in sources.iter().enumerate() {
        let samples = frame.inputs.samples(*source, first.minus(lookback), *last);
        if samples.times.is_empty() {
            continue;
        }
        let ends = if caps(*source, frame, refs, capped) { capped.as_slice() } else { refs };
        let (values, bits) = out.row_mut(row);
        newest(samples, (refs, ends, lookback), |time, value| taken(*source, take, (time, value), frame), values, bits);
    }
}

/// Walks steps and samples together.
fn newest(
    samples: Samples<'_>,
    (refs, ends, lookback): (&[Timestamp], &[Timestamp], Millis),
    take: impl Fn(Timestamp, f64) -> f64,
    values: &mut [f64],
    bits: &mut [u64],
) {
    let mut taken = 0;
    for (step, (reference, end)) in refs.iter().zip(ends).enumerate() {
        while taken < samples.times.len() && samples.times[taken] <= *end {
            taken += 1;
        }
        let Some(at) = taken.checked_sub(1) else { continue };
        let value = samples.values[at];
        if samples.times[at] > reference.minus(lookback) && !is_stale(value) {
            values[step] = take(samples.times[at], value);
            bits[step / 64] |= 1 << (step % 64);
        }
    }
}

/// Takes at the only step the newest sample of a series within the look-back, unless it is a stale marker.
pub(super) fn newest_alone(
    source: Source,
    select: &Select,
    (take, lookback): (Take, Millis),
    frame: &Frame<'_>,
) -> Option<f64> {
    let reference = reference(select.at, select.offset, frame, frame.evals[0]);
    let end = cap(source, frame, reference);
    let (time, value) = frame.inputs.newest(source, reference.minus(lookback), end)?;
    if is_stale(value) {
        return None;
    }
    Some(taken(source, take, (time, value), frame))
}

/// Returns what is taken of a sample.
#[inline]
fn taken(source: Source, take: Take, (time, value): (Timestamp, f64), frame: &Frame<'_>) -> f64 {
    match take {
        Take::Value => value,
        Take::Time => time.seconds(),
        Take::Start => frame.inputs.starts(source).of(time).map_or(0.0, Timestamp::seconds),
    }
}

/// Returns for each step the time that a selector refers to; it is written where it is not the step itself.
pub(super) fn references<'a>(
    at: Option<Fixed>,
    offset: Millis,
    frame: &Frame<'a>,
    written: &'a mut Vec<Timestamp>,
) -> &'a [Timestamp] {
    if at.is_none() && offset == Millis::ZERO {
        return frame.evals;
    }
    written.clear();
    written.extend(frame.evals.iter().map(|eval| reference(at, offset, frame, *eval)));
    written
}

/// Returns the time that a selector refers to at a step.
pub(super) fn reference(at: Option<Fixed>, offset: Millis, frame: &Frame<'_>, eval: Timestamp) -> Timestamp {
    let at = match at {
        None => eval,
        Some(Fixed::Time(at)) => at,
        Some(Fixed::Query) => frame.query.unwrap_or(eval),
    };
    at.minus(offset)
}

/// Writes for each step the end of what it sees of a written series; returns whether any step sees less than all.
pub(super) fn caps(source: Source, frame: &Frame<'_>, refs: &[Timestamp], caps: &mut Vec<Timestamp>) -> bool {
    let Some(lag) = lag(source, frame) else { return false };
    caps.clear();
    caps.extend(refs.iter().zip(frame.slots).map(|(reference, slot)| capped(*reference, *slot, lag)));
    true
}

/// Returns the end of what the only step sees of a series.
pub(crate) fn cap(source: Source, frame: &Frame<'_>, reference: Timestamp) -> Timestamp {
    lag(source, frame).map_or(reference, |lag| capped(reference, frame.slots[0], lag))
}

/// Returns the end of what a step sees of a series.
pub(super) fn cap_at(source: Source, frame: &Frame<'_>, reference: Timestamp, step: usize) -> Timestamp {
    lag(source, frame).map_or(reference, |lag| capped(reference, frame.slots[step], lag))
}

/// Returns how late a written series is seen.
fn lag(source: Source, frame: &Frame<'_>) -> Option<Millis> {
    if !source.written {
        return None;
    }
    let written = frame.inputs.written.as_ref()?;
    Some(written.lags.of(written.writers[source.id.0 as usize]))
}

fn capped(reference: Timestamp, slot: Timestamp, lag: Millis) -> Timestamp {
    match slot {
        Timestamp::MAX => reference,
        slot => slot.minus(lag).min(reference),
    }
}
