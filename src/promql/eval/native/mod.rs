//! What nodes do with native histograms. Floats are evaluated as everywhere; this is what comes on top of them where a
//! recording has histograms, sample by sample. Windows over samples with start timestamps are gone through here too.

mod aggregate;
mod binary;
mod edges;
mod window;

use std::sync::Arc;

use crate::histogram::{Hint, Histogram};
use crate::store::is_stale;
use crate::time::{Millis, Timestamp};

use self::edges::{around, smoothed};
use super::super::annotation::Annotation;
use super::super::block::{self, Block};
use super::super::histograms::{Histograms, SampleValue, steps_of};
use super::super::maths::MathFn;
use super::super::plan::{Elementwise, Select, WHOLE};
use super::super::program::{Frame, Notes, Place, Source};
use super::super::roster::number;
use super::View;
use super::select::{cap_at, references};

pub(super) use self::aggregate::aggregate;
use self::binary::Latest;
pub(super) use self::binary::{Order, Pairing, elements};
pub(super) use self::window::{Means, Over, is_apart, of_rows, of_series};

/// The first argument of a function; the operand of an aggregation.
const FIRST: Place = Place::Part(1);

/// Puts the histograms of a store that a selector took in place of their numbers there.
pub(super) fn selected(
    sources: &[Source],
    select: &Select,
    frame: &Frame<'_>,
    histograms: &mut Histograms,
    out: &mut Block,
) {
    let mut written = Vec::new();
    let refs = references(select.at, select.offset, frame, &mut written);
    for (row, source) in sources.iter().enumerate().filter(|(_, source)| frame.inputs.is_of_histograms(**source)) {
        let store = frame.inputs.store_of(*source);
        out.mixed = true;
        let (values, bits) = out.row_mut(row);
        let mut last: Option<(f64, f64)> = None;
        for step in block::ones(bits) {
            let value = values[step];
            if let Some((_, known)) = last.filter(|(taken, _)| taken.to_bits() == value.to_bits()) {
                values[step] = known;
                continue;
            }
            let Some(histogram) = store.histogram(value) else { continue };
            let mut histogram = Arc::clone(histogram);
            if select.stats {
                let before = || {
                    let end = cap_at(*source, frame, refs[step], step);
                    let samples = frame.inputs.samples(*source, Timestamp::MIN, end).values;
                    samples.len().checked_sub(2).and_then(|before| store.histogram(samples[before]))
                };
                histogram = stats(&histogram, before);
            }
            values[step] = histograms.put(histogram);
            last = Some((value, values[step]));
        }
    }
}

/// Returns a histogram of which only count and sum are read: without buckets, and with what they say of the one before it,
/// where that was left open.
///
/// Source: histograms.md 2.5.
fn stats<'a>(histogram: &Histogram, before: impl FnOnce() -> Option<&'a Arc<Histogram>>) -> Arc<Histogram> {
    let mut stats = histogram.without_buckets();
    if histogram.hint == Hint::Unknown
        && let Some(before) = before()
    {
        stats.hint = if histogram.is_reset_since(before) { Hint::Reset } else { Hint::NotReset };
    }
    Arc::new(stats)
}

/// Returns whether an operation has to be looked at value by value.
pub(super) fn concerns(op: &Elementwise, input: &Block) -> bool {
    input.mixed || matches!(op, Elementwise::Arithmetic { op, .. } if op.is_trim())
}

/// Applies an operation to the histograms of a block whose floats it was applied to.
///
/// Source: histograms.md 4 and 5.4.
pub(super) fn map(
    (view, op): (&View<'_>, &Elementwise),
    (order, input): (&[u32], &Block),
    (notes, histograms): (&mut Notes, &mut Histograms),
    out: &mut Block,
) {
    // They count as any sample does.
    if matches!(op, Elementwise::EvalTime) {
        return;
    }
    out.mixed |= input.mixed;
    let order = Order::of(order, input);
    let mut told = Latest::of(input.steps);
    for row in 0..input.rows {
        for step in block::ones(input.bits(row)) {
            let mut tell = |what| told.put(step, order.place(number(row), step), what);
            let value = histograms.read(input.row(row)[step]);
            let changed = match (op, value) {
                (Elementwise::Arithmetic { op, scalar, swap }, value) => {
                    let scalar = SampleValue::Float(view.scalar(*scalar, step));
                    let (a, b) = if *swap { (&scalar, &value) } else { (&value, &scalar) };
                    match elements(*op, a, b, &mut tell) {
                        // Two floats were computed.
                        None => continue,
                        Some(result) => result.map(|(value, _)| value),
                    }
                }
                (_, SampleValue::Float(_)) => continue,
                (Elementwise::Compare { op, swap, .. }, SampleValue::Histogram(_)) => {
                    tell(Annotation::IncompatibleTypes { op: *op, histograms: (!swap, *swap) });
                    None
                }
                (Elementwise::Maths(MathFn::Neg), SampleValue::Histogram(mut histogram)) => {
                    Arc::make_mut(&mut histogram).negate();
                    Some(SampleValue::Histogram(histogram))
                }
                (Elementwise::Histogram(function), SampleValue::Histogram(histogram)) => {
                    Some(SampleValue::Float(function.of(&histogram)))
                }
                (Elementwise::Same, value) => Some(value),
                _ => None,
            };
            match changed {
                Some(value) => {
                    let value = histograms.write(value);
                    out.set(row, step, value);
                }
                None => block::clear(out.row_mut(row).1, step),
            }
        }
    }
    told.tell(notes);
}

/// Drops histograms from what a comparison with a number kept, and returns what is told of the steps that had any: they
/// do not compare.
pub(super) fn drop_compared(op: &Elementwise, input: &Block, out: &mut Block) -> Option<(Annotation, Vec<u64>)> {
    let Elementwise::Compare { op, swap, .. } = op else { return None };
    if !input.mixed {
        return None;
    }
    let mut any = vec![0; input.words];
    for row in 0..input.rows {
        let histograms = steps_of(input, row);
        block::or_into(&mut any, &histograms);
        out.row_mut(row).1.iter_mut().zip(histograms).for_each(|(kept, histograms)| *kept &= !histograms);
    }
    block::any(&any).then(|| (Annotation::IncompatibleTypes { op: *op, histograms: (!swap, *swap) }, any))
}

/// Takes the values of those series of a smoothed selector that had histograms.
pub(super) fn smoothed_series(
    (sources, select, lookback): (&[Source], &Select, Millis),
    frame: &Frame<'_>,
    (histograms, notes): (&mut Histograms, &mut Notes),
    out: &mut Block,
) {
    let mut written = Vec::new();
    let refs = references(select.at, select.offset, frame, &mut written);
    for (row, source) in sources.iter().enumerate().filter(|(_, source)| frame.inputs.is_of_histograms(**source)) {
        let store = frame.inputs.store_of(*source);
        let metric = store.labels(source.id).metric().unwrap_or_default();
        out.mixed = true;
        out.row_mut(row).1.fill(0);
        for (step, at) in refs.iter().enumerate() {
            let (from, to) = around(*at, lookback);
            let samples = frame.inputs.samples(*source, Timestamp::MIN, cap_at(*source, frame, to, step));
            let read = |at: usize| {
                let value = samples.values[at];
                let value = match store.histogram(value) {
                    None => SampleValue::Float(value),
                    Some(held) if select.stats => {
                        SampleValue::Histogram(stats(held, || store.histogram(samples.values[at.checked_sub(1)?])))
                    }
                    Some(held) => SampleValue::Histogram(held.clone()),
                };
                (samples.times[at], value)
            };
            let first = samples.times.partition_point(|time| *time <= from);
            let held = (first..samples.times.len()).filter(|at| !is_stale(samples.values[*at]));
            let held: Vec<(Timestamp, SampleValue)> = held.map(read).collect();
            let tell = &mut |what| notes.add_at(Place::Part(WHOLE), (step, refs.len()), what);
            if let Some(value) = smoothed(&held, *at, metric, tell) {
                let value = histograms.write(value);
                out.set(row, step, value);
            }
        }
    }
}
