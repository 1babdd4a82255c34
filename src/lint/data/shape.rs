//! How the values of a metric move: whether they are those of a counter.

use super::super::evidence::Evidence;
use crate::store::is_stale;
use crate::time::Timestamp;

/// How the values of the series of a metric move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::lint) struct Shape {
    /// Samples above the one before.
    pub(in crate::lint) rises: u64,
    /// Samples below the one before, and above half of it: no reset of a counter.
    pub(in crate::lint) falls: u64,
    /// Samples at or below half of the one before.
    pub(in crate::lint) resets: u64,
    /// Samples below zero.
    pub(in crate::lint) negative: u64,
}

/// The fewest moves from which anything is said.
const FEWEST: u64 = 5;

impl Shape {
    /// Looks at all samples of a metric. Cost: its samples.
    pub(in crate::lint) fn of(evidence: &Evidence<'_>, metric: &str) -> Self {
        let mut shape = Self::default();
        for id in evidence.series_of(metric) {
            let samples = evidence.recorded.store.samples(*id, Timestamp::MIN, Timestamp::MAX);
            let mut before = None;
            for value in samples.values.iter().copied().filter(|value| !is_stale(*value) && value.is_finite()) {
                shape.see(before, value);
                before = Some(value);
            }
        }
        shape
    }

    fn see(&mut self, before: Option<f64>, value: f64) {
        self.negative += u64::from(value < 0.0);
        match before {
            Some(before) if value > before => self.rises += 1,
            Some(before) if value < before && value > before / 2.0 => self.falls += 1,
            Some(before) if value < before => self.resets += 1,
            _ => {}
        }
    }

    /// Returns whether the values only rise, but for resets.
    pub(in crate::lint) fn is_counter(self) -> bool {
        self.rises >= FEWEST && self.falls == 0 && self.negative == 0 && self.resets * 10 <= self.rises
    }

    /// Returns whether the values fall so often that they are none of a counter.
    pub(in crate::lint) fn is_gauge(self) -> bool {
        let falls = self.falls + self.negative;
        falls >= FEWEST && falls * 5 >= self.rises
    }
}

/// Returns whether a metric is named as counters are: `_total`, or a part of a histogram or summary of which the
/// recording has another part, too.
pub(in crate::lint) fn is_named_counter(evidence: &Evidence<'_>, metric: &str) -> bool {
    const PARTS: [&str; 3] = ["_count", "_sum", "_bucket"];
    let stem = PARTS.iter().find_map(|part| metric.strip_suffix(part));
    let has = |stem: &str, part: &str| {
        let other = format!("{stem}{part}");
        other != metric && !evidence.series_of(&other).is_empty()
    };
    metric.ends_with("_total") || stem.is_some_and(|stem| PARTS.iter().any(|part| has(stem, part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_no_falls() {
        let check = |values: &[f64], counter: bool, gauge: bool| {
            let mut shape = Shape::default();
            let mut before = None;
            for value in values {
                shape.see(before, *value);
                before = Some(*value);
            }
            assert_eq!((shape.is_counter(), shape.is_gauge()), (counter, gauge), "{values:?}");
        };
        check(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0, 7.0], true, false);
        check(&[10.0, 20.0, 30.0, 0.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0], true, false);
        check(&[10.0, 9.0, 10.0, 9.0, 10.0, 9.0, 10.0, 9.0, 10.0, 9.0], false, true);
        check(&[1.0, 2.0, 3.0], false, false);
        check(&[5.0; 20], false, false);
        check(&[0.0, 8.0, 0.0, 9.0, 0.0, 7.0, 0.0, 9.0, 0.0, 9.0, 0.0, 9.0], false, false);
    }
}
