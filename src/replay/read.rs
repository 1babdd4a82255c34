//! The loop over batches, and the two runs that evaluate nothing.

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

    /// Looks at a batch before the store takes it.
    fn batch(&mut self, store: &Store, batch: &Batch) {
        let _ = (store, batch);
    }

    /// Goes on once the store holds all samples up to the watermark.
    fn complete(&mut self, store: &mut Store, watermark: Timestamp) -> Result<(), RunError> {
        let _ = (store, watermark);
        Ok(())
    }

    /// Is told after each batch how many bytes were read.
    fn read(&mut self, bytes: u64) -> ControlFlow<()>;
}

/// Reads a recording to its end, batch by batch; from its beginning again when it is not in time order. Returns the
/// store and the time of the last sample or row.
pub(super) fn read(
    recording: &mut (impl Batches + ?Sized),
    reading: &mut impl Reading,
) -> Result<(Store, Option<Timestamp>), RunError> {
    let mut store = reading.begin()?;
    let mut batch = Batch::default();
    let mut last: Option<Timestamp> = None;
    loop {
        match recording.next_batch(&mut store, &mut batch)? {
            Progress::Restart => {
                store = reading.begin()?;
                last = None;
            }
            Progress::End => return Ok((store, last)),
            Progress::Batch(watermark) => {
                last = last.max(batch.last());
                reading.batch(&store, &batch);
                recording.append(&mut store, &batch)?;
                store.advance(watermark);
                reading.complete(&mut store, watermark)?;
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
) -> Result<Store, RunError> {
    struct Loading<'a>(&'a mut dyn FnMut() -> Result<Store, RunError>);
    impl Reading for Loading<'_> {
        fn begin(&mut self) -> Result<Store, RunError> {
            (self.0)()
        }

        fn read(&mut self, _: u64) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
    }
    Ok(read(recording, &mut Loading(begin))?.0)
}

/// Reads a recording and learns what it looks like; no sample is kept.
///
/// # Errors
/// When the recording cannot be read, or the observer stops the run.
pub fn survey(
    recording: &mut (impl Batches + ?Sized),
    conflicts: Conflicts,
    observer: &mut impl Observer,
) -> Result<(Store, Survey), RunError> {
    struct Surveying<'a, O>(Conflicts, Survey, &'a mut O);
    impl<O: Observer> Reading for Surveying<'_, O> {
        fn begin(&mut self) -> Result<Store, RunError> {
            self.1 = Survey::new(Depth::Values);
            self.2.begin();
            Ok(Store::new(self.0))
        }

        fn batch(&mut self, store: &Store, batch: &Batch) {
            self.1.observe(store, batch);
        }

        fn read(&mut self, bytes: u64) -> ControlFlow<()> {
            self.2.read(bytes)
        }
    }
    let mut surveying = Surveying(conflicts, Survey::new(Depth::Values), observer);
    let (store, _) = read(recording, &mut surveying)?;
    Ok((store, surveying.1))
}
