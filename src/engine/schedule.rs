//! When the rules of a group are evaluated: at slots, at the rows of each label set, or at each snapshot.

use crate::limits;
#[cfg(feature = "input")]
use crate::store::LabelSetId;
use crate::store::{Reach, RowsId, Store};
use crate::time::{Millis, Timestamp};

use super::Engine;
use super::event::RuleId;
use super::slice::RowSlice;
use super::slots::{Align, Slots};
use super::timeline::RuleClock;

/// What a group was evaluated with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSchedule {
    /// The distance of its slots; 0 where it is evaluated at rows or snapshots.
    pub interval: Millis,
    /// Whether the group itself gives the interval, or asks for rows or snapshots.
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
    /// It sees nothing that is stamped at or before it.
    pub after: Timestamp,
    /// What was evaluated before the engine was made.
    pub done: Timestamp,
}

/// What rules are evaluated at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Beat {
    /// Slots of an interval.
    Every(Millis),
    /// The rows of each label set.
    Rows,
    /// The times at which there is a sample.
    Snapshots,
}

/// What the recording must have come to before rules are evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Wait {
    /// How long after a step.
    pub ahead: Millis,
    /// A time before which there is no step.
    pub pinned: Option<Timestamp>,
}

impl Wait {
    /// Returns what a reach asks for.
    pub(crate) fn of(reach: Reach) -> Self {
        Self { ahead: reach.ahead, pinned: reach.pinned }
    }

    /// Returns what both ask for.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { ahead: self.ahead.max(other.ahead), pinned: self.pinned.max(other.pinned) }
    }
}

/// What rules of one schedule have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Terms {
    pub beat: Beat,
    pub wait: Wait,
    /// What was evaluated before, if anything was.
    pub done: Option<Timestamp>,
}

/// When rules are evaluated, and how far that has come.
#[derive(Debug)]
pub(crate) struct Schedule {
    terms: Terms,
    /// Of a beat with an interval, once the recording has begun.
    slots: Option<Slots>,
    /// Who reads the rows.
    rows: Option<RowsId>,
    /// All up to this time was evaluated.
    done: Timestamp,
    /// The first row or snapshot and the last one.
    range: Option<(Timestamp, Timestamp)>,
    steps: u64,
    /// What may be evaluated now.
    until: Timestamp,
}

impl Schedule {
    /// Makes one that has evaluated nothing; `rows` is who reads the rows of the recording.
    pub(crate) fn new(terms: Terms, rows: Option<RowsId>) -> Self {
        let (done, until) = (Timestamp::MIN, Timestamp::MIN);
        Self { terms, slots: None, rows, done, range: None, steps: 0, until }
    }

    /// Begins with the first step at or after `from`, or after what was evaluated before; `start` is the first sample of
    /// all.
    pub(crate) fn begin(&mut self, align: Align, from: Timestamp, start: Timestamp) {
        let from = self.terms.done.map_or(from, |done| done.plus(Millis(1)));
        self.done = from.minus(Millis(1));
        if let Beat::Every(interval) = self.terms.beat {
            self.slots = Some(Slots::new(interval, align, from, start));
        }
    }

    /// Allows all up to and at a time, for which the recording is complete as far as the rules look ahead of it.
    pub(crate) fn allow(&mut self, watermark: Timestamp) {
        self.until = watermark.minus(self.terms.wait.ahead);
    }

    /// Returns whether all rows or snapshots up to a watermark are evaluated as soon as it comes to them.
    pub(crate) fn takes_all(&self) -> bool {
        !matches!(self.terms.beat, Beat::Every(_)) && self.terms.wait == Wait::default()
    }

    /// Returns whether the recording has not come to a time that the rules wait for.
    pub(crate) fn is_pinned_after(&self, watermark: Timestamp) -> bool {
        self.terms.wait.pinned.is_some_and(|pinned| pinned > watermark)
    }

    /// Returns a time before which there is no step.
    pub(crate) fn pinned(&self) -> Option<Timestamp> {
        self.terms.wait.pinned
    }

    /// Allows all up to and at a time.
    pub(crate) fn allow_all(&mut self, to: Timestamp) {
        self.until = to;
    }

    /// Passes over all up to and at a time.
    pub(crate) fn skip(&mut self, to: Timestamp) {
        if let Some(slots) = &mut self.slots {
            slots.skip(to);
        }
        self.done = self.done.max(to);
        self.until = self.done;
    }

    /// Passes over slots that are too many to be evaluated at once; returns how many.
    pub(crate) fn catch_up(&mut self) -> i64 {
        let Some(slots) = &mut self.slots else { return 0 };
        let due = slots.due(self.until);
        let over = (due - limits::CATCH_UP).max(0);
        if over > 0 {
            slots.skip(slots.after(over));
        }
        over
    }

    /// Takes what comes by up to and at a time: slots and snapshots in place of those of a list, or rows.
    pub(crate) fn take(&mut self, recording: &Store, to: Timestamp, taken: &mut Vec<Timestamp>, rows: &mut RowSlice) {
        taken.clear();
        rows.clear();
        let to = to.min(self.until);
        match (self.terms.beat, &mut self.slots) {
            (Beat::Every(_), Some(slots)) => slots.take(to, taken),
            (Beat::Every(_), None) => {}
            (Beat::Rows, _) => {
                let own = self.rows.map_or(&[] as &[_], |rows| recording.rows(rows, self.done, to));
                rows.take(own, recording.lingering(self.done, to));
            }
            (Beat::Snapshots, _) => taken.extend_from_slice(recording.times(self.done, to)),
        }
        if self.slots.is_none() {
            let span = match self.terms.beat {
                Beat::Rows => rows.span(),
                _ => taken.first().copied().zip(taken.last().copied()),
            };
            if let Some((first, last)) = span {
                self.range = Some((self.range.map_or(first, |range| range.0), last));
            }
            self.steps += (taken.len() + rows.ordered.len()) as u64;
            self.done = self.done.max(to);
        }
    }

    /// Returns the steps that were evaluated, of one label set where each has its own.
    #[cfg(feature = "input")]
    pub(crate) fn times(&self, recording: &Store, on: Option<LabelSetId>) -> Vec<Timestamp> {
        let Some((first, last)) = self.range() else { return Vec::new() };
        match self.terms.beat {
            Beat::Every(interval) => {
                let next = |at: &Timestamp| Some(at.plus(interval));
                std::iter::successors(Some(first), next).take_while(|at| *at <= last).collect()
            }
            Beat::Rows => {
                let rows = self.rows.map_or(&[] as &[_], |rows| recording.rows(rows, first.minus(Millis(1)), last));
                rows.iter().filter(|(_, id)| Some(*id) == on).map(|(at, _)| *at).collect()
            }
            Beat::Snapshots => recording.times(first.minus(Millis(1)), last).to_vec(),
        }
    }

    /// Records that all that was allowed was evaluated, whether there was a row or snapshot at its end or not.
    pub(crate) fn pass(&mut self) {
        if self.slots.is_none() && !matches!(self.terms.beat, Beat::Every(_)) {
            self.done = self.done.max(self.until);
        }
    }

    pub(crate) fn slots(&self) -> Option<Slots> {
        self.slots
    }

    /// Returns the distance of the slots; 0 for rows and snapshots.
    pub(crate) fn interval(&self) -> Millis {
        match self.terms.beat {
            Beat::Every(interval) => interval,
            Beat::Rows | Beat::Snapshots => Millis::ZERO,
        }
    }

    /// Returns whether the rules are evaluated for each label set by itself.
    pub(crate) fn is_by_rows(&self) -> bool {
        self.terms.beat == Beat::Rows
    }

    /// Returns whether there is anything to evaluate in what is allowed.
    pub(crate) fn is_due(&self, recording: &Store) -> bool {
        match self.terms.beat {
            Beat::Every(_) => self.slots.is_some_and(|slots| slots.next() <= self.until),
            Beat::Rows => {
                let own = self.rows.is_some_and(|rows| !recording.rows(rows, self.done, self.until).is_empty());
                own || !recording.lingering(self.done, self.until).is_empty()
            }
            Beat::Snapshots => !recording.times(self.done, self.until).is_empty(),
        }
    }

    /// Returns the end of what is allowed.
    pub(crate) fn until(&self) -> Timestamp {
        self.until
    }

    /// Returns the time up to which nothing is evaluated any more.
    pub(crate) fn evaluated(&self) -> Timestamp {
        match (self.terms.beat, self.slots) {
            (Beat::Every(_), Some(slots)) => slots.next().minus(Millis(1)),
            (Beat::Every(_), None) => Timestamp::MIN,
            (Beat::Rows | Beat::Snapshots, _) => self.done,
        }
    }

    /// Returns the first step that was evaluated and the last one.
    pub(crate) fn range(&self) -> Option<(Timestamp, Timestamp)> {
        match self.slots {
            Some(slots) => Some((slots.first(), slots.last()?)),
            None => self.range,
        }
    }

    /// Returns how many steps were evaluated.
    pub(crate) fn steps(&self) -> u64 {
        self.slots.map_or(self.steps, |slots| slots.taken())
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
