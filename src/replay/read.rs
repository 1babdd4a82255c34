//! The loop over batches, and the runs that evaluate nothing.

use std::ops::ControlFlow;

use crate::input::{Batches, Progress};
use crate::store::{Batch, Conflicts, Store};
use crate::survey::{Depth, Survey};
use crate::time::Timestamp;

use super::{Observer, RunError};

/// What is done with a recording while it is read.
pub(super) trait Reading {
    /// Makes the store of a pass. A second pass, if one is needed, begins in the same way.
    fn begin(&mut self) -> Result<Store, RunError>;

    /// Goes on once the store holds all samples up to the watermark, of which so many are new.
    fn complete(&mut self, store: &mut Store, samples: usize, watermark: Timestamp) -> Result<(), RunError> {
        let _ = (store, samples, watermark);
        Ok(())
    }

    /// Takes note after each batch of how many bytes were read.
    fn read(&mut self, bytes: u64) -> ControlFlow<()> {
        let _ = bytes;
        ControlFlow::Continue(())
    }
}

/// A recording that was read to its end.
pub struct Loaded {
    /// What is held of it.
    pub store: Store,
    /// What it looks like.
    pub survey: Survey,
    /// The time of its last sample or row.
    pub(super) last: Option<Timestamp>,
}

impl Loaded {
    fn begin(store: Store, depth: Depth) -> Self {
        Self { store, survey: Survey::new(depth), last: None }
    }

    /// Returns the time of the last sample or row.
    #[must_use]
    pub fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

/// Reads a recording to its end, batch by batch; from its beginning again when it is not in time order.
pub(super) fn read(
    recording: &mut (impl Batches + ?Sized),
    depth: Depth,
    reading: &mut impl Reading,
) -> Result<Loaded, RunError> {
    let mut loaded = Loaded::begin(reading.begin()?, depth);
    let mut batch = Batch::default();
    loop {
        let store = &mut loaded.store;
        match recording.next_batch(store, &mut batch)? {
            Progress::Restart => loaded = Loaded::begin(reading.begin()?, depth),
            Progress::End => return Ok(loaded),
            Progress::Batch(watermark) => {
                loaded.last = loaded.last.max(batch.last());
                loaded.survey.observe(store, &batch);
                recording.append(store, &batch)?;
                store.advance(watermark);
                reading.complete(store, batch.len(), watermark)?;
            }
        }
        if reading.read(recording.bytes_read()).is_break() {
            return Err(RunError::Stopped);
        }
    }
}

/// Reads a recording into a store that `begin` makes, and evaluates nothing.
///
/// # Errors
/// Those of `begin`, and when the recording cannot be read.
pub fn load(
    recording: &mut (impl Batches + ?Sized),
    begin: &mut dyn FnMut() -> Result<Store, RunError>,
) -> Result<Loaded, RunError> {
    load_watched(recording, begin, &mut ())
}

/// Does the same as [`load`], and shows an observer how far it is.
///
/// # Errors
/// As [`load`], and when the observer stops the run.
pub fn load_watched(
    recording: &mut (impl Batches + ?Sized),
    begin: &mut dyn FnMut() -> Result<Store, RunError>,
    observer: &mut impl Observer,
) -> Result<Loaded, RunError> {
    struct Loading<'a, O>(&'a mut dyn FnMut() -> Result<Store, RunError>, &'a mut O);
    impl<O: Observer> Reading for Loading<'_, O> {
        fn begin(&mut self) -> Result<Store, RunError> {
            self.1.begin();
            (self.0)()
        }

        fn read(&mut self, bytes: u64) -> ControlFlow<()> {
            self.1.read(bytes)
        }
    }
    read(recording, Depth::Times, &mut Loading(begin, observer))
}

/// Reads a recording and learns what it looks like, its values too; no sample is kept.
///
/// # Errors
/// When the recording cannot be read, or the observer stops the run.
pub fn survey(
    recording: &mut (impl Batches + ?Sized),
    conflicts: Conflicts,
    observer: &mut impl Observer,
) -> Result<Loaded, RunError> {
    look(recording, Depth::Values, conflicts, observer)
}

/// Reads a recording and returns the times of its first and last sample, if there is one; no sample is kept.
///
/// # Errors
/// When the recording cannot be read, or the observer stops the run.
pub fn span(
    recording: &mut (impl Batches + ?Sized),
    observer: &mut impl Observer,
) -> Result<Option<(Timestamp, Timestamp)>, RunError> {
    Ok(look(recording, Depth::Times, Conflicts::First, observer)?.store.span())
}

/// Reads a recording to its end; no sample is kept.
fn look(
    recording: &mut (impl Batches + ?Sized),
    depth: Depth,
    conflicts: Conflicts,
    observer: &mut impl Observer,
) -> Result<Loaded, RunError> {
    struct Surveying<'a, O>(Conflicts, &'a mut O);
    impl<O: Observer> Reading for Surveying<'_, O> {
        fn begin(&mut self) -> Result<Store, RunError> {
            self.1.begin();
            Ok(Store::new(self.0))
        }

        fn read(&mut self, bytes: u64) -> ControlFlow<()> {
            self.1.read(bytes)
        }
    }
    read(recording, depth, &mut Surveying(conflicts, observer))
}
