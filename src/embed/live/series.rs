//! The series that a program sets, and when each of them ends.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::labels::LabelSet;
use crate::store::{SeriesId, Store};
use crate::time::{Millis, Timestamp};

/// The handle of a series of a [`Live`](super::Live): with it, values are set without looking up labels.
///
/// It is always valid: if the series was forgotten, or the handle is from another `Live`, the series is found by its
/// labels.
///
/// ```
/// use alertctl::{LabelSet, Live, Timestamp};
///
/// let mut live = Live::new();
/// let cpu = live.series(&LabelSet::new([("__name__", "cpu"), ("host", "a")]));
/// for second in 0..10 {
///     live.at(Timestamp(second * 1000)).set(&cpu, 0.5);
/// }
/// assert_eq!(cpu.labels().get("host"), Some("a"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Series {
    labels: LabelSet,
    owner: u32,
    slot: u32,
    generation: u32,
}

impl Series {
    /// Returns its labels, with the name of the metric as `__name__`.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }
}

/// A place for a series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Which series of the store it is.
    pub id: SeriesId,
    /// How many series had the place before.
    generation: u32,
    /// When the newest value was set.
    pub last: Timestamp,
    /// When somebody asked for it first.
    asked: Timestamp,
    /// Whether it is in no snapshot any more.
    pub ended: bool,
    /// Whether it is to be forgotten as soon as nothing can see its values, unless one comes.
    pub leaving: bool,
    /// Whether that is so.
    pub forgotten: bool,
    /// When it is looked at again; what else the queue has of it means nothing.
    next: Timestamp,
}

impl Slot {
    /// Returns whether a value at a time is one more of a series that is there: what is not to be forgotten is in the
    /// queue already, at or before the end that it had.
    #[inline]
    fn goes_on(&self, at: Timestamp, stale_after: Millis) -> bool {
        !(self.ended | self.leaving | self.forgotten) && at.since(self.last) <= stale_after
    }
}

/// The series of one `Live`.
pub(super) struct SeriesTable {
    /// Tells its handles from those of others.
    owner: u32,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// By series of the store.
    slot_of: Vec<u32>,
    /// When to look at a series again: at the end of its life, or to forget it.
    queue: BinaryHeap<Reverse<(Timestamp, u32)>>,
    /// How many are to be forgotten.
    forgotten: usize,
}

impl SeriesTable {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self {
            owner: NEXT.fetch_add(1, Ordering::Relaxed),
            slots: Vec::new(),
            free: Vec::new(),
            slot_of: Vec::new(),
            queue: BinaryHeap::new(),
            forgotten: 0,
        }
    }

    /// Returns the handle of a series, a new one if its labels were not seen.
    pub(super) fn series(&mut self, labels: &LabelSet, now: Timestamp, store: &mut Store) -> Series {
        let slot = self.slot_by_labels(labels, now, store);
        let Slot { generation, .. } = self.slots[slot as usize];
        Series { labels: labels.clone(), owner: self.owner, slot, generation }
    }

    /// Returns the place of the series with these labels, a new one if they were not seen.
    pub(super) fn slot_by_labels(&mut self, labels: &LabelSet, now: Timestamp, store: &mut Store) -> u32 {
        let id = store.series(labels);
        if let Some(slot) = self.slot_of.get(id.0 as usize) {
            return *slot;
        }
        let (last, next) = (Timestamp::MIN, Timestamp::MAX);
        let new = Slot { id, generation: 0, last, asked: now, ended: true, leaving: false, forgotten: false, next };
        let slot = match self.free.pop() {
            Some(slot) => {
                let generation = self.slots[slot as usize].generation;
                self.slots[slot as usize] = Slot { generation, ..new };
                slot
            }
            None => {
                self.slots.push(new);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.slot_of.push(slot);
        self.look_again(slot, now.plus(Millis(1)));
        slot
    }

    /// Returns the place of a handle's series. Cost: a comparison, or a hash of its labels where the series was forgotten
    /// meanwhile or is one of another table.
    pub(super) fn slot(&mut self, series: &Series, now: Timestamp, store: &mut Store) -> u32 {
        let fits = |slot: &Slot| slot.generation == series.generation;
        if series.owner == self.owner && self.slots.get(series.slot as usize).is_some_and(fits) {
            return series.slot;
        }
        self.slot_by_labels(&series.labels, now, store)
    }

    /// Puts a series into the queue, in place of where it stood.
    fn look_again(&mut self, slot: u32, at: Timestamp) {
        self.slots[slot as usize].next = at;
        self.queue.push(Reverse((at, slot)));
    }

    pub(super) fn get(&self, slot: u32) -> Slot {
        self.slots[slot as usize]
    }

    /// Walks over the places that have a series.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Slot)> {
        self.slot_of.iter().map(|slot| (*slot, self.slots[*slot as usize]))
    }

    /// Returns the place of a handle's series, if it is there and a value at this time is one more of it: that time is its
    /// newest then.
    #[inline]
    pub(super) fn set_on(&mut self, series: &Series, at: Timestamp, stale_after: Millis) -> Option<&mut Slot> {
        let held = self.slots.get_mut(series.slot as usize)?;
        let is_it = series.owner == self.owner && series.generation == held.generation;
        (is_it && held.goes_on(at, stale_after)).then_some(held)
    }

    /// Records a value at a time; returns when the series had ended before, if it had and that was not seen.
    #[inline]
    pub(super) fn set(&mut self, slot: u32, at: Timestamp, stale_after: Millis) -> (SeriesId, Option<Timestamp>) {
        let held = &mut self.slots[slot as usize];
        if held.goes_on(at, stale_after) {
            held.last = at;
            return (held.id, None);
        }
        self.set_again(slot, at, stale_after)
    }

    /// Records a value of a series that was not there, or is to be forgotten.
    #[cold]
    fn set_again(&mut self, slot: u32, at: Timestamp, stale_after: Millis) -> (SeriesId, Option<Timestamp>) {
        let held = &mut self.slots[slot as usize];
        let overdue = held.last.plus(stale_after);
        let missed = (!held.ended && overdue < at).then_some(overdue);
        let Slot { id, next, .. } = *held;
        (held.last, held.ended, held.leaving) = (at, false, false);
        if std::mem::take(&mut held.forgotten) {
            self.forgotten -= 1;
        }
        let end = at.plus(stale_after);
        if next > end {
            self.look_again(slot, end);
        }
        (id, missed)
    }

    /// Goes on with a series that is there for the first time.
    pub(super) fn resume(&mut self, slot: u32, last: Timestamp, ended: bool, stale_after: Millis) {
        let held = &mut self.slots[slot as usize];
        (held.last, held.ended) = (last, ended);
        if !ended {
            self.look_again(slot, last.plus(stale_after));
        }
    }

    /// Records that a series ended at a time; returns which one and when, unless it had ended before: it may have been
    /// silent for too long already.
    pub(super) fn end(&mut self, slot: u32, at: Timestamp, stale_after: Millis) -> Option<(SeriesId, Timestamp)> {
        let held = &mut self.slots[slot as usize];
        let was = std::mem::replace(&mut held.ended, true);
        (!was).then(|| (held.id, at.min(held.last.plus(stale_after))))
    }

    /// Records that a series is to be forgotten.
    pub(super) fn leave(&mut self, slot: u32, now: Timestamp) {
        let (held, soon) = (&mut self.slots[slot as usize], now.plus(Millis(1)));
        held.leaving = true;
        if held.next > soon {
            self.look_again(slot, soon);
        }
    }

    /// Returns the next series that ended at or before a time without being told to, and when, by the times of their
    /// ends; and notes those on the way that are to be forgotten. Cost: a few steps in the queue for each series in each
    /// `stale_after`.
    pub(super) fn due(
        &mut self,
        now: Timestamp,
        (stale_after, idle): (Millis, Millis),
        store: &Store,
    ) -> Option<(SeriesId, Timestamp)> {
        loop {
            let Reverse((due, slot)) = *self.queue.peek().filter(|Reverse((due, _))| *due <= now)?;
            self.queue.pop();
            let held = &mut self.slots[slot as usize];
            if held.next != due {
                continue;
            }
            held.next = Timestamp::MAX;
            let end = held.last.plus(stale_after);
            // An end stands at most so much later than the last value; until then some rule may look back at it.
            let unseen = held.last.plus(stale_after).plus(store.reach_back(held.id));
            let over = if held.leaving { unseen } else { unseen.max(held.last.max(held.asked).plus(idle)) };
            if !held.ended && end > due {
                self.look_again(slot, end);
            } else if !held.ended {
                held.ended = true;
                let id = held.id;
                self.look_again(slot, over.max(end.plus(Millis(1))));
                return Some((id, end));
            } else if over > due {
                self.look_again(slot, over);
            } else if !std::mem::replace(&mut held.forgotten, true) {
                self.forgotten += 1;
            }
        }
    }

    /// Returns whether so many series are to be forgotten that it is worth to do so.
    pub(super) fn is_full(&self) -> bool {
        self.forgotten > 500 && self.forgotten * 4 > self.slot_of.len()
    }

    /// Forgets series, and renumbers the others as a store has done: by old number the new one, if it is still there. Those
    /// that had to stay are looked at again later.
    pub(super) fn renumber(&mut self, ids: &[Option<SeriesId>], later: Timestamp) {
        let before = std::mem::take(&mut self.slot_of);
        for (slot, id) in before.into_iter().zip(ids) {
            let held = &mut self.slots[slot as usize];
            match id {
                Some(id) => {
                    held.id = *id;
                    self.slot_of.push(slot);
                    if std::mem::take(&mut held.forgotten) {
                        self.look_again(slot, later);
                    }
                }
                None => {
                    held.generation = held.generation.wrapping_add(1);
                    (held.next, held.leaving, held.forgotten) = (Timestamp::MAX, false, false);
                    self.free.push(slot);
                }
            }
        }
        self.forgotten = 0;
        let slots = &self.slots;
        self.queue.retain(|Reverse((at, slot))| slots[*slot as usize].next == *at);
        self.queue.shrink_to(self.slot_of.len() * 2);
    }
}
