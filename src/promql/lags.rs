//! When a reader sees what rules wrote.

use std::sync::Arc;

use crate::time::Millis;

/// By writer: a sample is visible at slot t when it is stamped at most t minus this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lags {
    /// Those that are not 0, ascending by writer.
    Listed(Vec<(u32, Millis)>),
    /// Each writer's query offset, and 1 ms more from one writer on.
    Ordered {
        /// By writer.
        offsets: Arc<[Millis]>,
        /// The first writer that comes at or after the reader.
        late_from: u32,
    },
}

impl Default for Lags {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl Lags {
    /// Returns that of a writer.
    pub(crate) fn of(&self, writer: u32) -> Millis {
        match self {
            Self::Listed(lags) => lags.binary_search_by_key(&writer, |lag| lag.0).map_or(Millis::ZERO, |at| lags[at].1),
            Self::Ordered { offsets, late_from } => {
                let offset = offsets.get(writer as usize).copied().unwrap_or_default();
                Millis(offset.0.saturating_add(i64::from(writer >= *late_from)))
            }
        }
    }

    /// Returns the longest.
    pub(crate) fn longest(&self) -> Millis {
        match self {
            Self::Listed(lags) => lags.iter().map(|lag| lag.1).max().unwrap_or_default(),
            Self::Ordered { offsets, .. } => {
                (0..).zip(offsets.iter()).map(|(writer, _)| self.of(writer)).max().unwrap_or_default()
            }
        }
    }
}
