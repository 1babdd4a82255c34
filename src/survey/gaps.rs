//! Stretches without samples: of a whole recording, and of single series.

use std::collections::BTreeMap;

use super::spacing::{Spacings, is_gap};
use crate::store::Store;
use crate::time::{Millis, Timestamp};

/// How many of the longest silences of a recording are held.
const SILENCES: usize = 16;
/// The most gaps that are listed of a recording.
pub const GAPS_LISTED: usize = 10;

/// A stretch in which series have no samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last sample before.
    pub from: Timestamp,
    /// The first sample after.
    pub to: Timestamp,
    /// How many series have exactly this gap; of a gap of the whole recording, how many have samples before and after.
    pub series: u64,
}

/// The longest silences of a whole recording.
#[derive(Clone, Debug, Default)]
pub(super) struct Silences {
    latest: Option<Timestamp>,
    /// Longest first: length and last sample before.
    longest: Vec<(i64, Timestamp)>,
    disordered: bool,
}

impl Silences {
    /// Records a sample of any series.
    pub(super) fn see(&mut self, time: Timestamp) {
        if self.latest != Some(time) {
            self.see_other(time);
        }
    }

    fn see_other(&mut self, time: Timestamp) {
        let latest = *self.latest.get_or_insert(time);
        if time < latest {
            self.disordered = true;
            return;
        }
        let length = time.since(latest).0;
        if self.longest.len() < SILENCES || self.longest[SILENCES - 1].0 < length {
            let at = self.longest.partition_point(|(other, _)| *other >= length);
            self.longest.insert(at, (length, latest));
            self.longest.truncate(SILENCES);
        }
        self.latest = Some(time);
    }

    /// Returns those that are gaps, in time order: the last sample before and the first one after. None are known of a
    /// recording that did not come in time order.
    pub(super) fn gaps(&self, usual: Option<Millis>) -> Vec<(Timestamp, Timestamp)> {
        let Some(usual) = usual.filter(|_| !self.disordered) else { return Vec::new() };
        let gaps = self.longest.iter().filter(|(length, _)| is_gap(Millis(*length), usual));
        let mut gaps: Vec<_> = gaps.map(|(length, from)| (*from, from.plus(Millis(*length)))).collect();
        gaps.sort_unstable();
        gaps
    }
}

/// Returns the ten longest gaps, longest first: `whole` are those of the whole recording; those of single series
/// (the four longest of each) are left out where they are one of these.
pub(super) fn longest(store: &Store, spacings: &[Spacings], whole: &[(Timestamp, Timestamp)]) -> Vec<Gap> {
    let mut gaps: BTreeMap<(Timestamp, Timestamp), u64> = BTreeMap::new();
    for (from, to) in whole {
        let spans = store.ids().map(|id| store.facts(id)).filter(|facts| facts.first <= *from && facts.last >= *to);
        gaps.insert((*from, *to), spans.count() as u64);
    }
    for series in spacings {
        let mut own = series.longest_gaps().peekable();
        let Some(usual) = own.peek().and_then(|_| series.usual()) else { continue };
        for (from, to) in own {
            // What a silence of the whole recording leaves of the gap at either end is no gap itself.
            let same = |(first, last): &(Timestamp, Timestamp)| {
                from <= *first && *last <= to && !is_gap(first.since(from), usual) && !is_gap(to.since(*last), usual)
            };
            if !whole.iter().any(same) {
                *gaps.entry((from, to)).or_default() += 1;
            }
        }
    }
    let mut gaps: Vec<Gap> = gaps.into_iter().map(|((from, to), series)| Gap { from, to, series }).collect();
    gaps.sort_by_key(|gap| (gap.from.since(gap.to), gap.from));
    gaps.truncate(GAPS_LISTED);
    gaps
}
