//! Values as they are set, and the time that they are set at.

use crate::engine::{Counting, FaultCount};
use crate::labels::LabelSet;
use crate::store::{SeriesId, is_stale, stale_marker};
use crate::time::{Millis, Timestamp};

use super::Live;
use super::series::Series;

/// The first and the last instant that has four digits of a year: what is beyond is a mistake in the unit.
const TIMES: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// Why a time is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Late,
    OutOfRange,
    TooFar,
}

impl Refused {
    fn message(self) -> &'static str {
        match self {
            Self::Late => "a value came too late: its time was evaluated, or another snapshot is later",
            Self::OutOfRange => "a time is before the year 1 or after 9999: it must be milliseconds since 1970",
            Self::TooFar => {
                "a value is so far ahead of the last snapshot that all others would be too late; `advance` goes any distance"
            }
        }
    }
}

/// The times of the snapshots.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// The newest snapshot, and the newest one that was evaluated.
    pub latest: Timestamp,
    pub evaluated: Timestamp,
    /// The times since, ascending.
    pub pending: Vec<Timestamp>,
    /// What was refused, by message.
    pub refused: Counting,
}

impl Default for Clock {
    fn default() -> Self {
        let (latest, evaluated) = (Timestamp::MIN, Timestamp::MIN);
        Self { latest, evaluated, pending: Vec::new(), refused: Counting::default() }
    }
}

impl Clock {
    /// Comes to the time of a snapshot; returns whether it is a new one.
    pub(super) fn come_to(&mut self, time: Timestamp, longest_jump: Millis) -> Result<bool, Refused> {
        if !TIMES.contains(&time.0) {
            return Err(Refused::OutOfRange);
        }
        if time <= self.evaluated || time < self.latest {
            return Err(Refused::Late);
        }
        if self.latest > Timestamp::MIN && time.since(self.latest) > longest_jump {
            return Err(Refused::TooFar);
        }
        Ok(self.go(time))
    }

    /// Goes on to a time, if it is later than all others; returns whether it is.
    pub(super) fn go_to(&mut self, time: Timestamp) -> bool {
        if !TIMES.contains(&time.0) {
            self.refuse(time, Refused::OutOfRange);
            return false;
        }
        time > self.latest && self.go(time)
    }

    fn go(&mut self, time: Timestamp) -> bool {
        self.latest = time;
        let is_new = self.pending.last() != Some(&time);
        if is_new {
            self.pending.push(time);
        }
        is_new
    }

    /// Records a time at which a series ended, between two snapshots.
    pub(super) fn tick(&mut self, time: Timestamp) {
        if let Err(place) = self.pending.binary_search(&time) {
            self.pending.insert(place, time);
        }
    }

    /// Counts what is not taken.
    pub(super) fn refuse(&mut self, time: Timestamp, why: Refused) {
        self.refused.failed(time, why.message());
    }

    /// Returns the time of the newest snapshot.
    pub(super) fn latest(&self) -> Timestamp {
        self.latest
    }

    /// Returns the first time that is not evaluated and the last one.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((*self.pending.first()?, self.latest))
    }

    /// Hands over the times that are not evaluated.
    pub(super) fn take_pending(&mut self) -> Vec<Timestamp> {
        std::mem::take(&mut self.pending)
    }

    /// Records that all times were evaluated; the memory of their list is used again.
    pub(super) fn give_back(&mut self, mut times: Vec<Timestamp>) {
        times.clear();
        self.pending = times;
        self.evaluated = self.latest;
    }

    pub(super) fn faults(&self) -> Vec<FaultCount> {
        self.refused.faults().to_vec()
    }

    pub(super) fn clear_faults(&mut self) {
        self.refused = Counting::default();
    }
}

/// The values of one time, while they are set. [`Live::at`] begins one; it is over when the next method of [`Live`] is
/// called.
///
/// ```
/// use alertctl::{LabelSet, Live, Timestamp};
///
/// let mut live = Live::new();
/// let cpu = live.series(&LabelSet::new([("__name__", "cpu"), ("host", "a")]));
/// let memory = live.series(&LabelSet::new([("__name__", "memory"), ("host", "a")]));
/// live.at(Timestamp(0)).set(&cpu, 0.2).set(&memory, 3e9);
/// live.at(Timestamp(15_000)).set(&cpu, 0.4).end(&memory);
/// live.evaluate();
/// ```
#[derive(Debug)]
pub struct Snapshot<'a> {
    live: &'a mut Live,
    time: Timestamp,
    taken: Result<(), Refused>,
}

impl<'a> Snapshot<'a> {
    pub(super) fn new(live: &'a mut Live, time: Timestamp, taken: Result<(), Refused>) -> Self {
        Self { live, time, taken }
    }

    /// Sets the value of a series. If it is set twice in one snapshot, the last value counts. NaN is a value like
    /// others, except the stale marker of Prometheus, which ends the series. It never fails: if the time of the
    /// snapshot was refused, the value is ignored, and [`Live::faults`] counts it.
    #[inline]
    pub fn set(&mut self, series: &Series, value: f64) -> &mut Self {
        let Live { table, batch, options, .. } = &mut *self.live;
        // Most series were there before, and go on.
        let is_plain = self.taken.is_ok() && !value.is_nan();
        match table.set_on(series, self.time, options.stale_after).filter(|_| is_plain) {
            Some(held) => {
                held.last = self.time;
                batch.push((held.id, self.time, value));
            }
            None => self.set_any(series, value),
        }
        self
    }

    #[cold]
    fn set_any(&mut self, series: &Series, value: f64) {
        let Live { table, clock, store, .. } = &mut *self.live;
        let slot = table.slot(series, clock.latest, store);
        self.set_slot(slot, value);
    }

    /// Sets the value of the series with these labels, with the name of the metric as `__name__`; otherwise as
    /// [`Snapshot::set`]. Cost: the labels are hashed, which a [`Series`] handle saves.
    pub fn set_labels(&mut self, labels: &LabelSet, value: f64) -> &mut Self {
        let Live { table, clock, store, .. } = &mut *self.live;
        let slot = table.slot_by_labels(labels, clock.latest, store);
        self.set_slot(slot, value);
        self
    }

    /// Ends a series: it is missing in this snapshot and all later ones, until it is set again. Its alerts end with the
    /// cause [`Cause::SeriesEnded`](crate::Cause::SeriesEnded).
    pub fn end(&mut self, series: &Series) -> &mut Self {
        self.set(series, stale_marker())
    }

    fn set_slot(&mut self, slot: u32, value: f64) {
        let Live { table, batch, clock, options, .. } = &mut *self.live;
        if let Err(why) = self.taken {
            return clock.refuse(self.time, why);
        }
        if !is_stale(value) {
            let (id, missed) = table.set(slot, self.time, options.stale_after);
            if let Some(ended) = missed {
                return self.set_after(id, ended, value);
            }
            batch.push((id, self.time, value));
        } else if let Some((id, at)) = table.end(slot, self.time, options.stale_after) {
            let from = batch.len();
            batch.push((id, at, value));
            clock.tick(at);
            self.live.note_ends(from);
        }
    }

    /// Sets the value of a series that had ended before, which was not seen.
    #[cold]
    fn set_after(&mut self, id: SeriesId, ended: Timestamp, value: f64) {
        let Live { batch, clock, .. } = &mut *self.live;
        let from = batch.len();
        batch.push((id, ended, stale_marker()));
        clock.tick(ended);
        self.live.note_ends(from);
        self.live.batch.push((id, self.time, value));
    }
}
