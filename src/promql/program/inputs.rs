//! What a program reads: the stores, which of their series count, and the steps of a run.

use crate::store::{Hidden, Samples, SeriesId, Starts, Store};
use crate::time::{Millis, Timestamp};

use super::super::lags::Lags;

/// What a program reads.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    pub(crate) recording: &'a Store,
    pub(crate) written: Option<Written<'a>>,
    /// The only series there are, where not all count.
    pub(crate) only: Option<Only<'a>>,
    /// What is stamped at or before it is not seen, though others may see it; `Timestamp::MIN` where all is.
    pub(crate) after: Timestamp,
}

/// The series of one label set.
#[derive(Clone, Copy)]
pub(crate) struct Only<'a> {
    /// Recorded ones; the list only grows.
    pub(crate) recorded: &'a [SeriesId],
    /// Written ones; the list only grows.
    pub(crate) written: &'a [SeriesId],
}

/// Series that rules wrote, and when a reader sees them.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a> {
    pub(crate) store: &'a Store,
    /// By series: which writer wrote it.
    pub(crate) writers: &'a [u32],
    pub(crate) lags: &'a Lags,
    /// The metrics that are read here and not in the recording.
    pub(crate) hidden: &'a Hidden,
}

impl Inputs<'_> {
    /// Returns how many series there are, recorded and written.
    pub(crate) fn series(&self) -> [usize; 2] {
        match &self.only {
            Some(only) => [only.recorded.len(), only.written.len()],
            None => [self.recording.len(), self.written.map_or(0, |written| written.store.len())],
        }
    }

    /// Returns counts that change whenever a selector may have got a series, recorded or written.
    pub(crate) fn offers(&self) -> [usize; 2] {
        match &self.only {
            Some(_) => self.series(),
            None => [self.recording.offers(), self.written.map_or(0, |written| written.store.offers())],
        }
    }

    /// Returns whether there are fewer series than there were: stores only grow, so these are others.
    pub(crate) fn lost_any(&self, met: [usize; 2]) -> bool {
        self.series().iter().zip(met).any(|(now, then)| *now < then)
    }
}

impl<'a> Inputs<'a> {
    /// Makes inputs of a recording alone.
    pub(crate) fn of(recording: &'a Store) -> Self {
        Self { recording, written: None, only: None, after: Timestamp::MIN }
    }

    /// Returns the store that a series is in.
    pub(crate) fn store_of(&self, source: Source) -> &'a Store {
        match &self.written {
            Some(written) if source.written => written.store,
            _ => self.recording,
        }
    }

    /// Returns the samples of a series with `from < time <= to`, as [`Store::samples`].
    pub(crate) fn samples(&self, source: Source, from: Timestamp, to: Timestamp) -> Samples<'a> {
        self.store_of(source).samples(source.id, from.max(self.after), to)
    }

    /// Returns whether any series may have histograms.
    #[inline]
    pub(crate) fn has_histograms(&self) -> bool {
        self.recording.has_histograms() || self.written.is_some_and(|written| written.store.has_histograms())
    }

    /// Returns whether a series had a histogram.
    pub(crate) fn is_of_histograms(&self, source: Source) -> bool {
        self.store_of(source).is_of_histograms(source.id)
    }

    /// Returns whether any samples may have start timestamps. Those that rules write have none.
    #[inline]
    pub(crate) fn has_starts(&self) -> bool {
        self.recording.has_starts()
    }

    /// Returns the start timestamps of the samples of a series, as [`Store::starts`].
    pub(crate) fn starts(&self, source: Source) -> Starts<'a> {
        self.store_of(source).starts(source.id)
    }

    /// Returns the newest of these samples, as [`Store::newest`].
    pub(crate) fn newest(&self, source: Source, from: Timestamp, to: Timestamp) -> Option<(Timestamp, f64)> {
        self.store_of(source).newest(source.id, from.max(self.after), to)
    }
}

/// A series of one of the two stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    pub(crate) written: bool,
    pub(crate) id: SeriesId,
}

/// The times of a run, ascending: evaluated at `slot - offset`.
#[derive(Clone, Copy)]
pub(crate) struct Steps<'a> {
    pub(crate) slots: &'a [Timestamp],
    pub(crate) offset: Millis,
}

/// The steps of a run as nodes see them.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) inputs: Inputs<'a>,
    /// When each step is evaluated.
    pub(crate) evals: &'a [Timestamp],
    /// By which slot each step must have been written what it reads; `Timestamp::MAX` sees all.
    pub(crate) slots: &'a [Timestamp],
    /// The time of the query, in a subquery; the step itself elsewhere.
    pub(crate) query: Option<Timestamp>,
}
