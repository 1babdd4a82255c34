//! The bytes that a state is saved as: numbers in groups of seven bits, texts behind their lengths, fields in order.
//!
//! A few lines of its own, so that every bit of a value stays (a stale marker is one certain NaN) and no serializer
//! decides what an older file means.

use crate::engine::alert::{State, Tracker};
use crate::engine::resume::{AlertState, RuleState, RunState, WrittenState};
use crate::engine::{Activity, Counting, FaultCount};
use crate::labels::LabelSet;
use crate::time::Timestamp;

use super::super::held_rule::Identity;

/// What can be written as bytes and read again. Reading takes the bytes off the front; `None` where they mean nothing.
pub(super) trait Coded: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(from: &mut &[u8]) -> Option<Self>;
}

impl Coded for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = from.split_first()?;
            *from = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

impl Coded for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        u64::from(*self).put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        u64::take(from)?.try_into().ok()
    }
}

/// Numbers near 0 are short, of either sign.
impl Coded for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        (((self << 1) ^ (self >> 63)) as u64).put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let bits = u64::take(from)?;
        Some((bits >> 1) as i64 ^ -((bits & 1) as i64))
    }
}

impl Coded for f64 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.to_bits().to_le_bytes());
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let (bytes, rest) = from.split_first_chunk()?;
        *from = rest;
        Some(Self::from_bits(u64::from_le_bytes(*bytes)))
    }
}

impl Coded for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        match u64::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Coded for String {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        out.extend(self.as_bytes());
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let len = usize::try_from(u64::take(from)?).ok()?;
        let (text, rest) = from.split_at_checked(len)?;
        *from = rest;
        Some(std::str::from_utf8(text).ok()?.to_owned())
    }
}

impl<T: Coded> Coded for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        if bool::take(from)? { T::take(from).map(Some) } else { Some(None) }
    }
}

impl<T: Coded> Coded for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        self.iter().for_each(|value| value.put(out));
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        // Every value takes a byte at least: a length that is damaged asks for no memory.
        (0..u64::take(from)?).map(|_| T::take(from)).collect()
    }
}

impl<A: Coded, B: Coded> Coded for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}

impl<const N: usize> Coded for [bool; N] {
    fn put(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|value| value.put(out));
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut all = [false; N];
        for value in &mut all {
            *value = bool::take(from)?;
        }
        Some(all)
    }
}

impl Coded for Timestamp {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        i64::take(from).map(Self)
    }
}

impl Coded for LabelSet {
    fn put(&self, out: &mut Vec<u8>) {
        let pairs: Vec<(String, String)> =
            self.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        pairs.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Self::new(Vec::<(String, String)>::take(from)?))
    }
}

/// Codes structs as their fields, in the order given.
macro_rules! coded {
    ($($name:ident { $($field:ident),* })*) => {$(
        impl Coded for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                $(let $field = Coded::take(from)?;)*
                Some(Self { $($field),* })
            }
        }
    )*};
}
pub(super) use coded;

coded! {
    Identity { file, group, alerts, name, labels, nth }
    RuleState { by_rows, done, after, runs }
    RunState { first_row, warm_from, counting, alerts, recorded }
    AlertState { labels, sample, tracker, written }
    FaultCount { first, last, count, message }
    Activity {
        active_at, fired_at, last_true_at, value_active, value_fire, value_last, value_min, value_max, steps_true,
        steps_failed, steps_kept
    }
    WrittenState { rule, labels, newest, times, values, held }
}

impl Coded for usize {
    fn put(&self, out: &mut Vec<u8>) {
        (*self as u64).put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        u64::take(from)?.try_into().ok()
    }
}

impl Coded for Counting {
    fn put(&self, out: &mut Vec<u8>) {
        self.true_evaluations().put(out);
        self.faults().to_vec().put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Self::of(u64::take(from)?, Vec::take(from)?))
    }
}

impl Coded for Tracker {
    fn put(&self, out: &mut Vec<u8>) {
        let (state, activity) = self.parts();
        let coded: StateCode = match state {
            State::Inactive => (0, (None, None)),
            State::Pending { active_at } => (1, (Some(active_at), None)),
            State::Firing { active_at, fired_at, keeping_since } => {
                (2, (Some(active_at), Some((fired_at, keeping_since))))
            }
        };
        coded.put(out);
        activity.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let state = match StateCode::take(from)? {
            (0, (None, None)) => State::Inactive,
            (1, (Some(active_at), None)) => State::Pending { active_at },
            (2, (Some(active_at), Some((fired_at, keeping_since)))) => {
                State::Firing { active_at, fired_at, keeping_since }
            }
            _ => return None,
        };
        Some(Self::of(state, Activity::take(from)?))
    }
}

type StateCode = (u64, (Option<Timestamp>, Option<(Timestamp, Option<Timestamp>)>));

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Coded + PartialEq + std::fmt::Debug>(value: T) {
        let mut bytes = Vec::new();
        value.put(&mut bytes);
        let mut rest = bytes.as_slice();
        assert_eq!(T::take(&mut rest), Some(value));
        assert!(rest.is_empty());
        for end in 0..bytes.len() {
            assert_eq!(T::take(&mut &bytes[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        [0, 1, 127, 128, u64::MAX].into_iter().for_each(check);
        [0, -1, 1, i64::MIN, i64::MAX].into_iter().for_each(check);
        check(vec![("a".to_owned(), Some(true)), (String::new(), None)]);
        check(LabelSet::new([("__name__", "up"), ("job", "ü")]));
        let mut bytes = Vec::new();
        crate::store::stale_marker().put(&mut bytes);
        assert!(f64::take(&mut bytes.as_slice()).is_some_and(crate::store::is_stale));
    }

    #[test]
    fn what_means_nothing_is_not_read() {
        assert_eq!(u64::take(&mut [0xff; 11].as_slice()), None);
        assert_eq!(u32::take(&mut [0xff, 0xff, 0xff, 0xff, 0x7f].as_slice()), None);
        assert_eq!(bool::take(&mut [2].as_slice()), None);
        assert_eq!(Vec::<u64>::take(&mut [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1].as_slice()), None);
        assert_eq!(String::take(&mut [1, 0xff].as_slice()), None);
    }
}
