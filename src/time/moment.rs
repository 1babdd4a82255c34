//! Times as people name them: as reports print them, as machines do, or relative to a recording.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use thiserror::Error;

use super::{Millis, Timestamp, parse_duration};

/// The first second after the year 9999, since the epoch.
const YEAR_10000: f64 = 253_402_300_800.0;
/// The mean length of a year. Unit: seconds.
const YEAR: f64 = 31_556_952.0;

/// A time as a person names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// An instant: RFC 3339, a time with `UTC` after it, or seconds since the epoch.
    At(Timestamp),
    /// A date, or a date and a time of day, in whatever zone times are shown in.
    Civil(DateTime),
    /// So long after the first sample of a recording: `+30m`.
    AfterStart(Millis),
    /// So long before the last sample of a recording: `-2h`.
    BeforeEnd(Millis),
    /// A time of day, perhaps of a day of the week, that a recording has once: `Tue 03:17:42`, as reports print the
    /// times of a short one.
    OfDay(Option<Weekday>, Time),
}

/// Why a text names no time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TimestampError {
    /// It has another form.
    #[error(
        "`{0}` is not a time; write it like `2026-01-05 18:00`, `2026-01-05T18:00:00Z` or as seconds since the epoch"
    )]
    Form(String),
    /// It is a date without hyphens, which would be seconds since the epoch.
    #[error("`{text}` is in 1970 as seconds; write the date as {date}")]
    Compact {
        /// As it is written.
        text: String,
        /// The date.
        date: String,
    },
    /// It is a time of day without a date, where an instant is expected.
    #[error("`{0}` has no date; write it like `2026-01-05 18:00`")]
    NoDate(String),
    /// It is a time of day that a recording does not have.
    #[error("{0} is not within the recording; add the date, as in `2026-01-05 {0}`")]
    NotWithin(Time),
    /// It is a time of day that a recording has on several days.
    #[error("{time} is on several days of the recording; add the date, as in `{last}`")]
    Ambiguous {
        /// The time of day.
        time: Time,
        /// The last of them, on the calendar.
        last: String,
    },
    /// It cannot be placed: the recording has no sample, or the calendar of the zone ends.
    #[error("there is no such time, or the recording has no sample")]
    Nowhere,
    /// The day of the week is that of another date.
    #[error("`{text}`: {date} is a {day}")]
    Weekday {
        /// As it is written.
        text: String,
        /// The date in it.
        date: String,
        /// The day of the week of that date.
        day: &'static str,
    },
    /// A number of seconds after the year 9999.
    #[error("`{text}` is the year {year} in seconds{}", likely(.unit.as_ref()))]
    TooFar {
        /// As it is written.
        text: String,
        /// The year.
        year: i64,
        /// The unit in which it is a usual time, and that time in seconds.
        unit: Option<(&'static str, String)>,
    },
    /// It is relative, and its unit is missing.
    #[error("`{0}` has no unit; write it like `{0}m` or `{0}h`")]
    NoUnit(String),
    /// It is relative to a recording, where an instant is expected.
    #[error("`{0}` is relative to a recording; write a date and time like `2026-01-05 18:00`")]
    Relative(String),
}

fn likely(unit: Option<&(&'static str, String)>) -> String {
    unit.map_or_else(String::new, |(unit, seconds)| format!("; it looks like {unit}: write {seconds}"))
}

impl Moment {
    /// Returns whether it can be placed only once the span of a recording is known.
    #[must_use]
    pub fn is_relative(self) -> bool {
        matches!(self, Self::AfterStart(_) | Self::BeforeEnd(_) | Self::OfDay(..))
    }

    /// Returns the instant: in a zone where it names none, relative to the first and last sample of a recording.
    ///
    /// # Errors
    /// Where it is relative and there is no sample, where the calendar of the zone ends, and where a time of day is not
    /// within the recording, or more than once.
    pub fn at(self, zone: &TimeZone, span: Option<(Timestamp, Timestamp)>) -> Result<Timestamp, TimestampError> {
        let found = match self {
            Self::At(at) => Some(at),
            Self::Civil(civil) => instant(civil, zone),
            Self::AfterStart(after) => span.map(|(start, _)| start.plus(after)),
            Self::BeforeEnd(before) => span.map(|(_, end)| end.minus(before)),
            Self::OfDay(day, time) => return of_day(day, time, zone, span.ok_or(TimestampError::Nowhere)?),
        };
        found.ok_or(TimestampError::Nowhere)
    }
}

fn instant(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(civil).ok().map(|at| Timestamp(at.as_millisecond()))
}

/// Returns the one instant of a time of day within a recording, or on its one day.
fn of_day(
    day: Option<Weekday>,
    time: Time,
    zone: &TimeZone,
    (start, end): (Timestamp, Timestamp),
) -> Result<Timestamp, TimestampError> {
    let date = |at: Timestamp| {
        let at = jiff::Timestamp::from_millisecond(at.0).map_err(|_| TimestampError::Nowhere)?;
        Ok(zone.to_datetime(at).date())
    };
    let (first, last) = (date(start)?, date(end)?);
    let dates = last.series(jiff::Span::new().days(-1)).take_while(|date| *date >= first);
    // The last day may be over before that time: two more show whether it is there once or more often.
    let all: Vec<DateTime> = dates
        .filter(|date| day.is_none_or(|day| date.weekday() == day))
        .take(3)
        .map(|date| date.to_datetime(time))
        .collect();
    let at = |civil: &DateTime| instant(*civil, zone);
    let mut within = all.iter().filter(|civil| at(civil).is_some_and(|at| (start..=end).contains(&at)));
    let found = match (within.next(), within.next(), all.as_slice()) {
        (Some(last), Some(_), _) => {
            return Err(TimestampError::Ambiguous { time, last: last.strftime("%Y-%m-%d %H:%M:%S").to_string() });
        }
        (Some(one), None, _) | (None, None, [one]) => at(one),
        _ => None,
    };
    found.ok_or(TimestampError::NotWithin(time))
}

/// Reads `2026-01-05 18:00[:00]`, `2026-01-05`, both with the day of the week before (`Mon 2026-01-05`) or `UTC` after,
/// RFC 3339, seconds since the epoch, a duration after `+` or `-`, or a time of day.
impl FromStr for Moment {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let whole = text.trim();
        let relative = |sign: char| whole.strip_prefix(sign).and_then(|span| parse_duration(span).ok());
        if let Some(span) = relative('+') {
            return Ok(Self::AfterStart(span));
        }
        if let Some(span) = relative('-') {
            return Ok(Self::BeforeEnd(span));
        }
        // Eight digits that are a date of this century are meant as one.
        if whole.len() == 8 && whole.starts_with("20") && whole.bytes().all(|byte| byte.is_ascii_digit()) {
            let date = format!("{}-{}-{}", &whole[..4], &whole[4..6], &whole[6..]);
            if date.parse::<Date>().is_ok() {
                return Err(TimestampError::Compact { text: whole.to_owned(), date });
            }
        }
        if let (true, Ok(number)) = (whole.starts_with(['+', '-']), whole.parse::<i64>())
            && number.abs() < 1_000_000
        {
            return Err(TimestampError::NoUnit(whole.to_owned()));
        }
        if let Ok(seconds) = whole.parse::<f64>() {
            return of_seconds(whole, seconds).map(Self::At);
        }
        let (day, rest) = weekday(whole);
        let (rest, utc) = match rest.strip_suffix("UTC").or(rest.strip_suffix("utc")) {
            Some(rest) => (rest.trim_end(), true),
            None => (rest, false),
        };
        let zoned = rest.parse::<jiff::Timestamp>().ok().filter(|_| !utc);
        // With an offset, the date on the calendar is that of the place: what stands there.
        let civil = rest.parse::<DateTime>().ok();
        let date = civil.map(DateTime::date).or_else(|| rest.get(..10).and_then(|date| date.parse().ok()));
        if let (Some(day), Some(date)) = (day, date)
            && date.weekday() != day
        {
            let (date, day) = (date.to_string(), name(date.weekday()));
            return Err(TimestampError::Weekday { text: whole.to_owned(), date, day });
        }
        match (zoned, civil) {
            (Some(at), _) => Ok(Self::At(Timestamp(at.as_millisecond()))),
            (None, Some(civil)) if utc => {
                instant(civil, &TimeZone::UTC).map(Self::At).ok_or_else(|| TimestampError::Form(whole.to_owned()))
            }
            (None, Some(civil)) => Ok(Self::Civil(civil)),
            (None, None) => match rest.parse::<Time>() {
                Ok(time) if !utc => Ok(Self::OfDay(day, time)),
                Ok(_) => Err(TimestampError::NoDate(whole.to_owned())),
                Err(_) => Err(TimestampError::Form(whole.to_owned())),
            },
        }
    }
}

/// Reads seconds since the epoch, as promtool's time flags do; up to the year 9999, because what is beyond is a time
/// in a smaller unit.
fn of_seconds(text: &str, seconds: f64) -> Result<Timestamp, TimestampError> {
    if !seconds.is_finite() {
        return Err(TimestampError::Form(text.to_owned()));
    }
    if seconds.abs() < YEAR_10000 {
        return Ok(Timestamp((seconds * 1000.0).round() as i64));
    }
    let units = [("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)];
    let unit =
        units.into_iter().map(|(unit, scale)| (unit, seconds / scale)).find(|(_, seconds)| seconds.abs() < YEAR_10000);
    let year = (1970.0 + seconds / YEAR).floor() as i64;
    Err(TimestampError::TooFar { text: text.to_owned(), year, unit: unit.map(|(unit, at)| (unit, at.to_string())) })
}

/// The days of the week, by their names.
const DAYS: [(&str, Weekday); 7] = [
    ("Monday", Weekday::Monday),
    ("Tuesday", Weekday::Tuesday),
    ("Wednesday", Weekday::Wednesday),
    ("Thursday", Weekday::Thursday),
    ("Friday", Weekday::Friday),
    ("Saturday", Weekday::Saturday),
    ("Sunday", Weekday::Sunday),
];

fn name(day: Weekday) -> &'static str {
    DAYS.iter().find(|(_, other)| *other == day).map_or("", |(name, _)| name)
}

/// Splits a day of the week, in three letters or whole, off the beginning of a text.
fn weekday(text: &str) -> (Option<Weekday>, &str) {
    let Some((word, rest)) = text.split_once(' ') else { return (None, text) };
    let word = word.trim_end_matches(',');
    let fits = |name: &str| word.eq_ignore_ascii_case(&name[..3]) || word.eq_ignore_ascii_case(name);
    match DAYS.iter().find(|(name, _)| fits(name)) {
        Some((_, day)) => (Some(*day), rest.trim_start()),
        None => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-05 18:00:00 UTC, a Monday. Unit: milliseconds.
    const SIX: i64 = 1_767_636_000_000;

    #[test]
    fn times_are_read_as_they_are_printed() {
        let amsterdam = TimeZone::get("Europe/Amsterdam").expect("known");
        let span = Some((Timestamp(1_000_000), Timestamp(9_000_000)));
        let check = |text: &str, expected: i64| {
            let found = text.parse::<Moment>().expect(text).at(&amsterdam, span);
            assert_eq!(found, Ok(Timestamp(expected)), "{text}");
        };
        check("2026-01-05 19:00", SIX);
        check("2026-01-05 19:00:12", SIX + 12_000);
        check("2026-01-05T19:00:12.25", SIX + 12_250);
        check("Mon 2026-01-05 19:00:00", SIX);
        check("monday, 2026-01-05 19:00", SIX);
        check(" 2026-01-06 ", SIX + 5 * 3_600_000);
        check("Tue 2026-01-06", SIX + 5 * 3_600_000);
        check("2026-01-05 18:00 UTC", SIX);
        check("2026-01-05 18:00Z", SIX);
        check("2026-01-05T18:00:00Z", SIX);
        check("Tue 2026-01-06 00:30:00+06:30", SIX);
        check("1767636000", SIX);
        check("1767636000.5", SIX + 500);
        check("-5.0", -5000);
        check("+30m", 2_800_000);
        check("-1h30m", 9_000_000 - 5_400_000);
        check("-0", 9_000_000);
    }

    #[test]
    fn a_time_of_day_is_one_of_the_recording() {
        let hour = Millis(3_600_000);
        let check = |text: &str, (before, after): (i64, i64), expected: Result<i64, &str>| {
            let span = (Timestamp(SIX - before * hour.0), Timestamp(SIX + after * hour.0));
            let found = text.parse::<Moment>().expect(text).at(&TimeZone::UTC, Some(span));
            let found = found.map(|at| at.since(Timestamp(SIX)).0 / hour.0).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        };
        check("20:00", (0, 14), Ok(2));
        check("03:00:00", (0, 14), Ok(9));
        check("Tue 03:00:00", (0, 14), Ok(9));
        check("Mon 20:00", (100, 30), Ok(2));
        // Within a day the time may be outside of the recording.
        check("23:00", (0, 3), Ok(5));
        check(
            "Wed 20:00",
            (0, 14),
            Err("20:00:00 is not within the recording; add the date, as in `2026-01-05 20:00:00`"),
        );
        check("12:00", (0, 14), Err("12:00:00 is not within the recording; add the date, as in `2026-01-05 12:00:00`"));
        check(
            "20:00",
            (30, 30),
            Err("20:00:00 is on several days of the recording; add the date, as in `2026-01-06 20:00:00`"),
        );
    }

    #[test]
    fn what_is_no_time_says_what_is_one() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Moment>().expect_err(text).to_string();
            assert_eq!(error, expected, "{text}");
        };
        check("-5", "`-5` has no unit; write it like `-5m` or `-5h`");
        let form = |text: &str| {
            format!(
                "`{text}` is not a time; write it like `2026-01-05 18:00`, `2026-01-05T18:00:00Z` or as seconds since \
                 the epoch"
            )
        };
        for text in ["", "x", "noon", "2026-13-05", "2026-01-05 25:00", "05/01/2026", "inf", "end-2h", "-2x", "UTC"] {
            check(text, &form(text));
        }
        check("03:17 UTC", "`03:17 UTC` has no date; write it like `2026-01-05 18:00`");
        check("Sun 2026-01-06", "`Sun 2026-01-06`: 2026-01-06 is a Tuesday");
        check(
            "1767744000000",
            "`1767744000000` is the year 57987 in seconds; it looks like milliseconds: write 1767744000",
        );
        check(
            "1767744000500000",
            "`1767744000500000` is the year 56019547 in seconds; it looks like microseconds: write 1767744000.5",
        );
        assert!("1e300".parse::<Moment>().is_err());
        let relative: Moment = "-2h".parse().expect("relative");
        assert_eq!(relative.at(&TimeZone::UTC, None), Err(TimestampError::Nowhere));
    }
}
