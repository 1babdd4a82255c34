//! When the rules of a group are evaluated: at slots, or at the rows of each label set.

use crate::store::{RowsId, Store};
use crate::time::{Millis, Timestamp};

use super::Engine;
use super::event::RuleId;
use super::slice::{RowClock, RowSlice};
use super::slots::{Align, Slots};
use super::timeline::RuleClock;

/// What a group was evaluated with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSchedule {
    /// The distance of its slots; 0 where it is evaluated at rows.
    pub interval: Millis,
    /// Whether the group itself gives the interval, or asks for rows.
    pub interval_from_file: bool,
    /// The first slot modulo the interval.
    pub offset: Millis,
    /// How many slots were evaluated, or how many rows of label sets.
    pub steps: u64,
}

/// What is known of a group from its file.
pub(crate) struct GroupInfo {
    pub name: String,
    pub interval_from_file: bool,
    pub schedule: usize,
}

/// What is known of a rule from its file.
pub(crate) struct RuleInfo {
    pub schedule: usize,
    pub query_offset: Millis,
    /// How long after the first sample its windows are full.
    pub warmth: Millis,
}

/// When the groups of one schedule are evaluated.
pub(crate) enum Schedule {
    /// At slots of one interval, known once the recording has begun.
    Slots { interval: Millis, slots: Option<Slots> },
    /// At the rows of each label set.
    Rows(RowClock),
}

impl Schedule {
    /// Makes one that has evaluated nothing: at the rows that a reader sees where there is no interval.
    pub(crate) fn new(interval: Option<Millis>, rows: Option<RowsId>) -> Self {
        match (interval, rows) {
            (None, Some(rows)) => Self::Rows(RowClock::new(rows)),
            (interval, _) => Self::Slots { interval: interval.unwrap_or_default(), slots: None },
        }
    }

    /// Begins with the first slot or row at or after `from`; `start` is the first sample of all.
    pub(crate) fn begin(&mut self, align: Align, from: Timestamp, start: Timestamp) {
        match self {
            Self::Slots { interval, slots } => *slots = Some(Slots::new(*interval, align, from, start)),
            Self::Rows(clock) => clock.done = from.minus(Millis(1)),
        }
    }

    /// Takes what comes by up to and at a time: slots in place of those of a list, or rows.
    pub(crate) fn take(&mut self, recording: &Store, to: Timestamp, taken: &mut Vec<Timestamp>, rows: &mut RowSlice) {
        taken.clear();
        match self {
            Self::Slots { slots: Some(slots), .. } => slots.take(to, taken),
            Self::Slots { slots: None, .. } => {}
            Self::Rows(clock) => rows.take(recording, clock, to),
        }
    }

    /// Records that all up to a time was evaluated, whether there was a row at it or not.
    pub(crate) fn pass(&mut self, to: Timestamp) {
        if let Self::Rows(clock) = self {
            clock.done = clock.done.max(to);
        }
    }

    pub(crate) fn slots(&self) -> Option<Slots> {
        match self {
            Self::Slots { slots, .. } => *slots,
            Self::Rows(_) => None,
        }
    }

    /// Returns the distance of the slots; 0 for rows.
    pub(crate) fn interval(&self) -> Millis {
        match self {
            Self::Slots { interval, .. } => *interval,
            Self::Rows(_) => Millis::ZERO,
        }
    }

    /// Returns whether there is anything to evaluate up to and at a time.
    pub(crate) fn is_due(&self, recording: &Store, to: Timestamp) -> bool {
        match self {
            Self::Slots { slots, .. } => slots.is_some_and(|slots| slots.next() <= to),
            Self::Rows(clock) => !recording.rows(clock.rows_id, clock.done, to).is_empty(),
        }
    }

    /// Returns the time up to which nothing is evaluated any more.
    pub(crate) fn evaluated(&self) -> Timestamp {
        match self {
            Self::Slots { slots: Some(slots), .. } => slots.next().minus(Millis(1)),
            Self::Slots { slots: None, .. } => Timestamp::MIN,
            Self::Rows(clock) => clock.done,
        }
    }

    /// Returns the first slot or row that was evaluated and the last one.
    pub(crate) fn range(&self) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Slots { slots, .. } => slots.and_then(|slots| Some((slots.first(), slots.last()?))),
            Self::Rows(clock) => clock.range,
        }
    }

    /// Returns how many slots or rows were evaluated.
    pub(crate) fn steps(&self) -> u64 {
        match self {
            Self::Slots { slots, .. } => slots.map_or(0, |slots| slots.taken()),
            Self::Rows(clock) => clock.rows,
        }
    }
}

impl Engine {
    /// Returns the first slot or row that was evaluated and the last one, over all groups.
    #[must_use]
    pub fn range(&self) -> Option<(Timestamp, Timestamp)> {
        let ranges = || self.schedules.iter().filter_map(Schedule::range);
        Some((ranges().map(|range| range.0).min()?, ranges().map(|range| range.1).max()?))
    }

    /// Returns when a rule was evaluated, as its episodes need to know.
    ///
    /// # Panics
    /// When there is no such rule.
    #[must_use]
    pub fn clock(&self, rule: RuleId) -> RuleClock {
        let info = &self.infos[rule.0 as usize];
        let schedule = &self.schedules[info.schedule];
        RuleClock {
            interval: schedule.interval(),
            warm_from: self.warm_from(info).unwrap_or(Timestamp::MIN),
            last: schedule.range().map_or(Timestamp::MIN, |range| range.1),
        }
    }

    /// Returns the first slot from which on all windows of a rule are within the recording; of rows the first instant.
    pub(super) fn warm_from(&self, info: &RuleInfo) -> Option<Timestamp> {
        let warm = self.start?.plus(info.warmth);
        let Some(slots) = self.schedules[info.schedule].slots() else { return Some(warm) };
        let warm = Slots::new(slots.interval(), Align::Offset(slots.offset()), warm, slots.first());
        Some(warm.first().max(slots.first()))
    }

    /// Returns what each group was evaluated with, in their order.
    #[must_use]
    pub fn schedules(&self) -> Vec<GroupSchedule> {
        let of = |group: &GroupInfo| {
            let schedule = &self.schedules[group.schedule];
            GroupSchedule {
                interval: schedule.interval(),
                interval_from_file: group.interval_from_file,
                offset: schedule.slots().map(|slots| slots.offset()).unwrap_or_default(),
                steps: schedule.steps(),
            }
        };
        self.groups.iter().map(of).collect()
    }
}
