//! Instants and spans of time, as Prometheus counts them.

mod day;
mod moment;

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use thiserror::Error;

pub use day::Day;
pub use moment::{Moment, TimestampError};

/// An instant. Unit: milliseconds since the Unix epoch, UTC; never a float. With the feature `serde` it is that number.
///
/// ```
/// use alertctl::{Millis, Timestamp};
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let at = Timestamp(1_767_571_200_000);
/// assert_eq!(at.to_string(), "2026-01-05T00:00:00Z");
/// assert_eq!(at.plus(Millis(1500)).since(at), Millis(1500));
/// assert_eq!(Timestamp::from(UNIX_EPOCH + Duration::from_secs(60)), Timestamp(60_000));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Timestamp(pub i64);

/// A span of time. Unit: milliseconds; may be negative. A [`Duration`] is accepted wherever a program passes one.
///
/// ```
/// use alertctl::Millis;
/// use std::time::Duration;
///
/// assert_eq!(Millis::from(Duration::from_secs(90)), Millis(90_000));
/// assert_eq!(Millis(90_000).to_string(), "1m30s");
/// assert_eq!(Duration::try_from(Millis(90_000)), Ok(Duration::from_secs(90)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Millis(pub i64);

impl Timestamp {
    /// Lies before every sample.
    pub const MIN: Self = Self(i64::MIN);
    /// Lies after every sample.
    pub const MAX: Self = Self(i64::MAX);

    /// Makes the instant that is so many seconds after the epoch, stopping at the ends of the range.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Moves the instant by a span, stopping at the ends of the range.
    #[must_use]
    pub fn plus(self, span: Millis) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// Moves the instant back by a span, stopping at the ends of the range.
    #[must_use]
    pub fn minus(self, span: Millis) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// Returns the span from `earlier` to this instant.
    #[must_use]
    pub fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }

    /// Returns the instant as seconds since the epoch, as PromQL's `time()` gives it.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl Millis {
    /// The empty span.
    pub const ZERO: Self = Self(0);

    /// Returns the span in seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

/// Says that a time or a span does not fit the type that it should become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("out of the range of the type")]
pub struct OutOfRange;

/// Takes whole milliseconds, stopping at the end of the range.
impl From<Duration> for Millis {
    fn from(span: Duration) -> Self {
        Self(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
    }
}

impl TryFrom<Millis> for Duration {
    type Error = OutOfRange;

    /// # Errors
    /// When the span is negative.
    fn try_from(span: Millis) -> Result<Self, OutOfRange> {
        u64::try_from(span.0).map(Self::from_millis).map_err(|_| OutOfRange)
    }
}

/// Takes whole milliseconds, rounded down, stopping at the ends of the range.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(Millis::from(after).0),
            Err(before) => {
                let before = before.duration().as_nanos().div_ceil(1_000_000);
                Self(i64::try_from(before).map_or(i64::MIN, |span| -span))
            }
        }
    }
}

impl TryFrom<Timestamp> for SystemTime {
    type Error = OutOfRange;

    /// # Errors
    /// When the system counts no time that is so far away.
    fn try_from(at: Timestamp) -> Result<Self, OutOfRange> {
        let span = Duration::from_millis(at.0.unsigned_abs());
        let time = if at.0 < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
        time.ok_or(OutOfRange)
    }
}

/// Formats as RFC 3339 in UTC, with three digits of milliseconds only when they are not zero; an instant outside
/// the years -9999 to 9999 is shown as seconds since the epoch.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) if self.0.rem_euclid(1000) == 0 => write!(f, "{at:.0}"),
            Ok(at) => write!(f, "{at:.3}"),
            Err(_) => write!(f, "{}s", self.seconds()),
        }
    }
}

/// The units of a duration, largest first, with their lengths in milliseconds.
///
/// Source: Prometheus' `model.ParseDuration` (a year is 365 days).
pub const UNITS: [(&str, i64); 7] = [
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Formats as Prometheus prints a duration (`1h28m`, `0s`); years and weeks are used only for whole numbers of them.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut left = self.0.unsigned_abs();
        for (unit, length) in UNITS {
            let length = length.unsigned_abs();
            let exact_only = matches!(unit, "y" | "w");
            if left >= length && (!exact_only || left.is_multiple_of(length)) {
                write!(f, "{}{unit}", left / length)?;
                left %= length;
            }
        }
        Ok(())
    }
}

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DurationError {
    /// Nothing was written.
    #[error("an empty duration; write it like `5m`")]
    Empty,
    /// The text has another form.
    #[error("`{0}` is not a duration; write it like `30s`, `5m` or `1h30m`")]
    Form(String),
    /// The span is longer than some 292 years.
    #[error("`{0}` is longer than 292 years, the longest duration there is")]
    TooLong(String),
}

/// Why a text is not a duration longer than 0.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IntervalError {
    /// It is not a duration.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// It is 0.
    #[error("must be longer than 0s")]
    Zero,
}

/// Reads a duration like [`parse_duration`] that is longer than 0.
///
/// # Errors
/// As [`parse_duration`], and when it is 0.
pub fn parse_interval(text: &str) -> Result<Millis, IntervalError> {
    match parse_duration(text)? {
        Millis(0) => Err(IntervalError::Zero),
        span => Ok(span),
    }
}

/// Reads a duration such as `1h30m`: whole numbers, units from `y` to `ms` in falling order, or a bare `0`.
///
/// Source: Prometheus' `model.ParseDuration`.
///
/// # Errors
/// When the text has another form, or the span does not fit Prometheus' 63 bits of nanoseconds.
pub fn parse_duration(text: &str) -> Result<Millis, DurationError> {
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    if text == "0" {
        return Ok(Millis::ZERO);
    }
    let wrong = || DurationError::Form(text.to_owned());
    let too_long = || DurationError::TooLong(text.to_owned());
    let mut rest = text;
    let mut next_unit = 0;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        if digits == 0 || letters == 0 {
            return Err(wrong());
        }
        let unit = &rest[digits..digits + letters];
        let at = UNITS.iter().position(|(name, _)| *name == unit).ok_or_else(wrong)?;
        if at < next_unit {
            return Err(wrong());
        }
        next_unit = at + 1;
        let count: i64 = rest[..digits].parse().map_err(|_| too_long())?;
        total = count
            .checked_mul(UNITS[at].1)
            .and_then(|span| span.checked_add(total))
            .filter(|total| *total <= i64::MAX / 1_000_000)
            .ok_or_else(too_long)?;
        rest = &rest[digits + letters..];
    }
    Ok(Millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_alike() {
        for text in ["1ms", "30s", "5m", "1h28m", "1d2h", "2w", "1y", "0s"] {
            assert_eq!(parse_duration(text).map(|span| span.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(parse_duration("0"), Ok(Millis(0)));
        assert_eq!(parse_duration("90m").map(|span| span.to_string()), Ok("1h30m".to_owned()));
    }

    #[test]
    fn times_of_the_standard_library_come_and_go() {
        for at in [-1_500, -1, 0, 1, 1_767_571_200_120] {
            let time = SystemTime::try_from(Timestamp(at)).expect("in range");
            assert_eq!(Timestamp::from(time), Timestamp(at));
        }
        assert_eq!(Timestamp::from(UNIX_EPOCH - Duration::from_micros(1)), Timestamp(-1));
        assert_eq!(Millis::from(Duration::MAX), Millis(i64::MAX));
        assert_eq!(Millis::from(Duration::from_micros(1_999)), Millis(1));
        assert_eq!(Duration::try_from(Millis(1_500)), Ok(Duration::from_millis(1_500)));
        assert_eq!(Duration::try_from(Millis(-1)), Err(OutOfRange));
    }

    #[test]
    fn wrong_durations_are_refused() {
        for text in ["", "5", "m", "1m1h", "1m1m", "-5m", "1.5h", "5 m", "300y", "99999999999999999999s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn instants_print_as_rfc_3339() {
        assert_eq!(Timestamp(1_767_571_200_000).to_string(), "2026-01-05T00:00:00Z");
        assert_eq!(Timestamp(1_767_571_200_120).to_string(), "2026-01-05T00:00:00.120Z");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn instants_and_spans_are_numbers_in_json() {
        let both = (Timestamp(1_767_571_200_120), Millis(-90_000));
        let json = serde_json::to_string(&both).expect("JSON");
        assert_eq!(json, "[1767571200120,-90000]");
        assert_eq!(serde_json::from_str::<(Timestamp, Millis)>(&json).expect("both"), both);
    }
}
