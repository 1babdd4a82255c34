//! The slots of a group: evenly spaced instants at which its rules are evaluated.

use std::fmt;
use std::str::FromStr;

use crate::limits;
use crate::time::{Millis, Timestamp, parse_duration};

use super::limit::TooManySteps;

/// Where the slots of a group are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Align {
    /// At multiples of the interval since the epoch.
    #[default]
    Epoch,
    /// At multiples of the interval since the first sample.
    Start,
    /// At multiples of the interval since the epoch plus a span.
    Offset(Millis),
}

/// Formats as `--align` is written: `epoch`, `start` or the span.
impl fmt::Display for Align {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epoch => f.write_str("epoch"),
            Self::Start => f.write_str("start"),
            Self::Offset(span) => span.fmt(f),
        }
    }
}

/// Reads what [`Align`] formats as.
impl FromStr for Align {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "epoch" => Ok(Self::Epoch),
            "start" => Ok(Self::Start),
            _ => parse_duration(text)
                .map(Self::Offset)
                .map_err(|_| format!("`{text}` is none of `epoch`, `start` or a duration such as `12s`")),
        }
    }
}

/// The slots of one group: which one is next, and which come by a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    interval: Millis,
    first: Timestamp,
    /// How many were taken.
    taken: i64,
}

impl Slots {
    /// Lays out the slots from `from` on; `start` is the first sample, which [`Align::Start`] counts from.
    ///
    /// # Panics
    /// When the interval is not positive.
    pub(crate) fn new(interval: Millis, align: Align, from: Timestamp, start: Timestamp) -> Self {
        assert!(interval.0 > 0, "a group has a positive interval");
        let offset = match align {
            Align::Epoch => 0,
            Align::Start => start.0,
            Align::Offset(span) => span.0,
        };
        let offset = offset.rem_euclid(interval.0);
        // The distance from `from` up to the next instant that leaves the same rest.
        let ahead = (i128::from(offset) - i128::from(from.0)).rem_euclid(i128::from(interval.0));
        let first = from.plus(Millis(i64::try_from(ahead).unwrap_or(0)));
        Self { interval, first, taken: 0 }
    }

    /// Returns the distance of the slots.
    pub(crate) fn interval(&self) -> Millis {
        self.interval
    }

    /// Returns the first slot of all.
    pub(crate) fn first(&self) -> Timestamp {
        self.first
    }

    /// Returns the slots modulo the interval.
    pub(crate) fn offset(&self) -> Millis {
        Millis(self.first.0.rem_euclid(self.interval.0))
    }

    /// Returns how many slots were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.unsigned_abs()
    }

    /// Returns the last slot that was taken.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        (self.taken > 0).then(|| self.at(self.taken - 1))
    }

    /// Returns the next slot.
    pub(crate) fn next(&self) -> Timestamp {
        self.at(self.taken)
    }

    fn at(&self, index: i64) -> Timestamp {
        self.first.plus(Millis(self.interval.0.saturating_mul(index)))
    }

    /// Returns how many slots there are in all up to and at `to`.
    fn count(&self, to: Timestamp) -> i64 {
        if to < self.first {
            return 0;
        }
        let span = i128::from(to.0) - i128::from(self.first.0);
        i64::try_from(span / i128::from(self.interval.0) + 1).unwrap_or(i64::MAX)
    }

    /// Refuses a run up to `to` that would have more slots than the limit.
    pub(crate) fn check(&self, group: &str, to: Timestamp) -> Result<(), TooManySteps> {
        let steps = self.count(to);
        if steps <= limits::STEPS {
            return Ok(());
        }
        Err(TooManySteps { group: group.to_owned(), steps, interval: self.interval, from: self.first, to })
    }

    /// Returns the slot after which `steps` further ones were taken.
    pub(crate) fn after(&self, steps: i64) -> Timestamp {
        self.at(self.taken.saturating_add(steps).saturating_sub(1))
    }

    /// Returns how many slots there are up to and at `to` that were not taken.
    pub(crate) fn due(&self, to: Timestamp) -> i64 {
        (self.count(to) - self.taken).max(0)
    }

    /// Passes over the slots up to and at `to`.
    pub(crate) fn skip(&mut self, to: Timestamp) {
        self.taken = self.taken.max(self.count(to));
    }

    /// Takes the slots up to and at `to`, in order.
    pub(crate) fn take(&mut self, to: Timestamp, slots: &mut Vec<Timestamp>) {
        slots.clear();
        let count = self.count(to);
        slots.extend((self.taken..count).map(|index| self.at(index)));
        self.taken = self.taken.max(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(align: Align, from: i64, to: i64, expected: &[i64]) {
        let mut slots = Slots::new(Millis(60), align, Timestamp(from), Timestamp(from));
        let mut taken = Vec::new();
        slots.take(Timestamp(to), &mut taken);
        assert_eq!(taken.iter().map(|slot| slot.0).collect::<Vec<_>>(), expected, "{align:?} {from} {to}");
    }

    #[test]
    fn the_first_and_last_slot_lie_within_the_samples() {
        check(Align::Epoch, 1, 181, &[60, 120, 180]);
        check(Align::Epoch, 60, 180, &[60, 120, 180]);
        check(Align::Epoch, -61, 0, &[-60, 0]);
        check(Align::Epoch, 61, 119, &[]);
        check(Align::Start, 7, 130, &[7, 67, 127]);
        check(Align::Start, -7, 60, &[-7, 53]);
        check(Align::Offset(Millis(10)), 0, 130, &[10, 70, 130]);
        check(Align::Offset(Millis(70)), 11, 130, &[70, 130]);
        check(Align::Offset(Millis(-50)), 11, 70, &[70]);
    }

    #[test]
    fn slots_are_taken_once() {
        let mut slots = Slots::new(Millis(60), Align::Epoch, Timestamp(1), Timestamp(1));
        let mut taken = Vec::new();
        slots.take(Timestamp(30), &mut taken);
        assert_eq!((taken.len(), slots.last(), slots.next()), (0, None, Timestamp(60)));
        slots.take(Timestamp(125), &mut taken);
        assert_eq!((taken.len(), slots.last(), slots.next()), (2, Some(Timestamp(120)), Timestamp(180)));
        slots.take(Timestamp(125), &mut taken);
        assert_eq!((taken.len(), slots.taken(), slots.after(3)), (0, 2, Timestamp(300)));
    }

    #[test]
    fn an_explosion_of_steps_is_refused() {
        let slots = Slots::new(Millis(1), Align::Epoch, Timestamp(0), Timestamp(0));
        assert_eq!(slots.check("g", Timestamp(1_000_000)), Ok(()));
        let refused = slots.check("g", Timestamp::MAX).expect_err("too many");
        assert!(
            refused.to_string().starts_with("the group `g` would be evaluated 9223372036854775807 times, every 1ms")
        );
        let slots = Slots::new(Millis(i64::MAX), Align::Offset(Millis(i64::MAX)), Timestamp::MIN, Timestamp::MIN);
        assert!(slots.first() >= Timestamp::MIN && slots.next() == slots.first());
    }
}
