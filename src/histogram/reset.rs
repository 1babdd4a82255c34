//! Whether a counter began again between two histograms.

use super::arithmetic::common_bounds;
use super::buckets::{Buckets, fell};
use super::{Hint, Histogram};

impl Histogram {
    /// Returns whether observations were lost since an earlier sample, as after a restart: the hint says so or, where it
    /// does not know, less is counted somewhere, or in finer buckets. The sum says nothing. Cost: linear in the buckets.
    ///
    /// Source: histograms.md 3.6; Prometheus' `FloatHistogram.DetectReset`.
    #[must_use]
    pub fn is_reset_since(&self, before: &Self) -> bool {
        match self.hint {
            Hint::Reset => true,
            Hint::NotReset => false,
            Hint::Unknown | Hint::Gauge => self.lost_since(before),
        }
    }

    fn lost_since(&self, before: &Self) -> bool {
        if self.count < before.count {
            return true;
        }
        match (&self.bounds, &before.bounds) {
            (Some(_), None) | (None, Some(_)) => return true,
            (Some(ours), Some(theirs)) if ours != theirs => {
                let common = common_bounds(ours, theirs);
                let (mut now, mut before) = (self.clone(), before.clone());
                now.reconcile(&common);
                before.reconcile(&common);
                return fell(now.positive.iter(), before.positive.iter());
            }
            (Some(_), Some(_)) => return fell(self.positive.iter(), before.positive.iter()),
            (None, None) => {}
        }
        if self.schema > before.schema || self.zero_threshold < before.zero_threshold {
            return true;
        }
        let (zero, threshold) = before.widened(self.zero_threshold);
        if threshold != self.zero_threshold || self.zero_count < zero {
            return true;
        }
        let mut coarse = None;
        if self.schema < before.schema {
            let mut before = before.clone();
            before.lower_resolution(self.schema);
            coarse = Some(before);
        }
        let before = coarse.as_ref().unwrap_or(before);
        // What lies within the zero bucket was compared with it.
        let within = |(index, _): &(i32, f64)| self.upper(*index) <= self.zero_threshold;
        let fell =
            |now: &Buckets, before: &Buckets| fell(now.iter().skip_while(within), before.iter().skip_while(within));
        fell(&self.positive, &before.positive) || fell(&self.negative, &before.negative)
    }
}
