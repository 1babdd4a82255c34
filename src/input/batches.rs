//! What a run reads: batches in time order, wherever they come from.

use super::{InputError, Summary};
use crate::store::{Batch, Store};
use crate::time::Timestamp;

/// What a call of [`Batches::next_batch`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The batch holds samples (or none), and no sample stamped at or before this watermark will still come.
    Batch(Timestamp),
    /// The recording is not in time order. Everything read so far is void: begin again with a new store and engine;
    /// the recording now reads all inputs before it hands out the first sample.
    Restart,
    /// All was handed out.
    End,
}

/// A recording as a run sees it.
pub trait Batches {
    /// Fills a batch with the next samples, in time order. The store gives numbers to label sets; the caller appends
    /// by [`Batches::append`] and then tells the store the watermark ([`Store::advance`]).
    ///
    /// # Errors
    /// When an input cannot be read, and at the end when rows were bad and are not to be skipped.
    fn next_batch(&mut self, store: &mut Store, batch: &mut Batch) -> Result<Progress, InputError>;

    /// Appends a batch that [`Batches::next_batch`] filled, and counts repeats and settled conflicts.
    ///
    /// # Errors
    /// When series have two values at one time and the store is to refuse that.
    fn append(&mut self, store: &mut Store, batch: &Batch) -> Result<(), InputError>;

    /// Returns what was found; complete once [`Progress::End`] was returned.
    fn summary(&self) -> &Summary;

    /// Returns how many bytes were read of the inputs, compressed as they are there.
    fn bytes_read(&self) -> u64;
}
