//! What a recording without an end holds for good: the stretches that selectors with a fixed `@` read at every step.

use crate::time::Timestamp;

use super::{Samples, Series, SeriesId, Store};

/// A stretch of time: from after the first to the second.
pub(crate) type Span = (Timestamp, Timestamp);

/// A stretch of a series that is read at every step, and its samples once the others around them are gone.
#[derive(Debug)]
pub(super) struct Stretch {
    span: Span,
    /// Whether a selector reads it.
    is_read: bool,
    times: Vec<Timestamp>,
    values: Vec<f64>,
}

impl Stretch {
    /// Returns whether the sample of a time is held apart.
    pub(super) fn holds(&self, time: Timestamp) -> bool {
        self.times.binary_search(&time).is_ok()
    }
}

impl Series {
    /// Holds a stretch for good.
    pub(super) fn hold(&mut self, span: Span) {
        match self.held.iter_mut().find(|held| held.span == span) {
            Some(held) => held.is_read = true,
            None => self.held.push(Stretch { span, is_read: true, times: Vec::new(), values: Vec::new() }),
        }
    }

    /// Asks for no stretch any more; the samples stay until the next ones are dropped.
    pub(super) fn release(&mut self) {
        self.held.iter_mut().for_each(|held| held.is_read = false);
    }

    /// Walks over the values of all stretches.
    pub(super) fn held_values(&self) -> impl Iterator<Item = &f64> {
        self.held.iter().flat_map(|stretch| &stretch.values)
    }

    /// Returns whether a selector reads a stretch that a sample is in.
    pub(super) fn is_held(&self) -> bool {
        let times = &self.times[self.head..];
        let within =
            |(from, to): Span| times.partition_point(|time| *time <= from) < times.partition_point(|time| *time <= to);
        self.held.iter().any(|held| held.is_read && (!held.times.is_empty() || within(held.span)))
    }

    /// Returns up to where samples may be dropped instead of up to `edge`, now that those of the stretches are kept.
    #[cold]
    pub(super) fn keep_held(&mut self, mut edge: Timestamp) -> Timestamp {
        self.held.retain(|held| held.is_read);
        let (times, values) = (&self.times[self.head..], &self.values[self.head..]);
        for Stretch { span: (from, to), times: kept, values: kept_values, .. } in &mut self.held {
            if edge <= *to {
                edge = edge.min(*from);
            } else if kept.is_empty() {
                let span = times.partition_point(|time| time <= from)..times.partition_point(|time| time <= to);
                kept.extend_from_slice(&times[span.clone()]);
                kept_values.extend_from_slice(&values[span]);
            }
        }
        edge
    }

    /// Returns samples of a stretch, where they are held apart.
    #[cold]
    pub(super) fn held_within(&self, from: Timestamp, to: Timestamp) -> Option<Samples<'_>> {
        let fits = |held: &&Stretch| held.span.0 <= from && to <= held.span.1 && !held.times.is_empty();
        let Stretch { times, values, .. } = self.held.iter().find(fits)?;
        let end = times.partition_point(|time| *time <= to);
        let span = times[..end].partition_point(|time| *time <= from)..end;
        Some(Samples { times: &times[span.clone()], values: &values[span] })
    }
}

/// A stretch with its samples, apart from a store.
pub(crate) type Apart = (Span, (Vec<Timestamp>, Vec<f64>));

impl Store {
    /// Returns the samples that are held of a series apart from the others.
    pub(crate) fn held_apart(&self, id: SeriesId) -> Vec<Apart> {
        let held = self.series[id.0 as usize].held.iter().filter(|held| !held.times.is_empty());
        held.map(|held| (held.span, (held.times.clone(), held.values.clone()))).collect()
    }

    /// Takes samples that were held of a series apart from the others.
    pub(crate) fn hold_apart(&mut self, id: SeriesId, held: Vec<Apart>) {
        let series = &mut self.series[id.0 as usize];
        for (span, (times, values)) in held {
            series.held.retain(|other| other.span != span);
            series.held.push(Stretch { span, is_read: true, times, values });
        }
    }
}
