//! What start timestamps say of samples: since when each counts.
//!
//! Source: histograms.md 8.

use std::collections::BTreeMap;

use super::windows::Window;

/// The start timestamps of one series, by the times of its samples.
pub(crate) type Starts = BTreeMap<i64, i64>;

impl Window<'_> {
    /// Returns the start timestamp of a sample, 0 where it is not known.
    fn start(&self, at: i64) -> i64 {
        self.starts.get(&at).copied().unwrap_or(0)
    }

    /// Returns whether a sample counts anew, given the one before it.
    pub(crate) fn is_anew(&self, before: i64, now: i64) -> bool {
        let (start_before, start) = (self.start(before), self.start(now));
        let is_known = start != 0 && start < now;
        let is_delta = start == before && start_before != 0 && start_before < before;
        is_known && (start > before || is_delta)
    }

    /// Returns when the count began that the first sample of a window is of, if that is within the window.
    pub(crate) fn start_within(&self, first: i64) -> Option<i64> {
        let start = self.start(first);
        (start != 0 && self.end - self.range < start && start < first).then_some(start)
    }
}
