//! Inference of stale markers, which text exports lose.

use super::{SeriesId, Store, StreamId};

impl Store {
    /// Tells whether rows of streams are wanted.
    pub(crate) fn infers_from_rows(&self) -> bool {
        false
    }

    /// Begins a stream of rows.
    pub(crate) fn stream(&mut self) -> StreamId {
        StreamId(0)
    }

    /// Tells that a series comes in the rows of a stream.
    pub(crate) fn join(&mut self, _series: SeriesId, _stream: StreamId) {}
}
