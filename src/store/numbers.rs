//! Numbers of series and streams, given out apart from the store that holds them.

use hashbrown::HashMap;

use crate::labels::LabelSet;

use super::{Batch, SeriesId, Store, StreamId};

/// Gives series and streams the numbers that a store will, which takes them with the batches in which they are new. So a
/// recording can be read while the store is in use.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    by_labels: HashMap<LabelSet, SeriesId, foldhash::fast::FixedState>,
    streams: u32,
    from_rows: bool,
    born: Vec<LabelSet>,
    joined: Vec<(SeriesId, StreamId)>,
}

impl Numbers {
    /// Begins with what a store has.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        let by_labels = store.ids().map(|id| (store.labels(id).clone(), id)).collect();
        Self { by_labels, streams: store.streams(), from_rows: store.infers_from_rows(), ..Self::default() }
    }

    /// Returns the number of a label set, a new one if it was not seen. Cost: a hash of the labels.
    pub fn series(&mut self, labels: &LabelSet) -> SeriesId {
        if let Some(id) = self.by_labels.get(labels) {
            return *id;
        }
        let id = SeriesId(u32::try_from(self.by_labels.len()).unwrap_or(u32::MAX));
        self.by_labels.insert(labels.clone(), id);
        self.born.push(labels.clone());
        id
    }

    /// Returns whether rows of a stream tell which of its series have ended.
    #[must_use]
    pub fn infers_from_rows(&self) -> bool {
        self.from_rows
    }

    /// Begins a stream of rows.
    pub fn stream(&mut self) -> StreamId {
        self.streams += 1;
        StreamId(self.streams - 1)
    }

    /// Tells that a series comes in the rows of a stream.
    pub fn join(&mut self, series: SeriesId, stream: StreamId) {
        self.joined.push((series, stream));
    }

    /// Hands what is new over with a batch.
    pub fn hand_over(&mut self, batch: &mut Batch) {
        batch.born.append(&mut self.born);
        batch.joined.append(&mut self.joined);
        batch.streams = self.streams;
    }
}
