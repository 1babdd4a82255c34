//! Days, as people date what they write.

use std::fmt;

use super::{Millis, Moment, Timestamp};

/// The length of a day.
const DAY: Millis = Millis(86_400_000);

/// A day: its beginning, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Timestamp);

impl Day {
    /// Returns the day of an instant.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(Timestamp(at.0.div_euclid(DAY.0) * DAY.0))
    }

    /// Reads a date such as `2026-11-29`; none where it is not written like that, or there is no such day.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_form = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        match is_form.then(|| format!("{text}T00:00:00Z").parse()) {
            Some(Ok(Moment::At(at))) => Some(Self(at)),
            _ => None,
        }
    }

    /// Returns the day that is so many days later.
    #[must_use]
    pub fn plus(self, days: i64) -> Self {
        Self(self.0.plus(Millis(DAY.0.saturating_mul(days))))
    }
}

/// Formats as [`Day::parse`] reads it.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str(text.split('T').next().unwrap_or(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_date_in_utc() {
        assert_eq!(Day::of(Timestamp(1_767_571_200_000 + 86_399_999)).to_string(), "2026-01-05");
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Day::parse(text).map(|day| day.to_string()).as_deref(), expected, "{text}");
        };
        check("2026-11-29", Some("2026-11-29"));
        check("2026-02-30", None);
        check("26-11-29", None);
        check("2026-11-29T00", None);
        assert_eq!(Day::parse("2026-12-31").map(|day| day.plus(1)), Day::parse("2027-01-01"));
    }
}
