//! Times of rows: numbers in some unit, or written out with or without a zone.

use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::number::shown;
use super::settings::Settings;
use super::written::{formatted, how_to_write, parse_civil};
use super::{TimeFrom, TimeUnit};
use crate::time::Timestamp;

/// The first and last instant for which a unit is believed: the years 2000 to 2100. Unit: seconds.
const BELIEVED: std::ops::Range<i64> = 946_684_800..4_102_444_800;
/// The last instant that is taken at all: the year 9999. Unit: milliseconds.
const LAST_MS: i64 = 253_402_300_799_999;

/// Returns whether a time is in the years 2000 to 2100.
pub(super) fn is_believed(at: Timestamp) -> bool {
    BELIEVED.contains(&at.0.div_euclid(1000))
}

/// Returns whether a text without blanks around it is a time of a recording; `format` is how times are written, where
/// that is known.
pub(super) fn looks_like_time(text: &[u8], format: Option<&str>) -> bool {
    if let Some(format) = format {
        return BrokenDownTime::parse(format, text).is_ok();
    }
    match Decimal::parse(text) {
        Some(number) => TimeUnit::ALL.iter().any(|unit| BELIEVED.contains(&(number.whole / unit.per_second()))),
        None => parse_civil(text).is_some(),
    }
}

/// How far a row must step back within a repeated hour to be in its second pass; rows of several hosts may be out of
/// order by less. Unit: seconds.
const SET_BACK: i64 = 1800;
/// A step back by more begins another series. Unit: seconds.
const DAY: i64 = 86_400;

/// Why a time cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StampError {
    /// This row is bad.
    Row(String),
    /// The unit of the whole column cannot be determined; the text says what was tried.
    Unit(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Unix(TimeUnit, TimeFrom),
}

/// Reads the times of one column; the first one decides the form of all.
pub(super) struct Stamps {
    form: Option<Form>,
    /// The unit that is known before the first row.
    told: Option<(TimeUnit, TimeFrom)>,
    zone: Option<TimeZone>,
    /// How times are written, if the user says so.
    format: Option<String>,
    /// The last text and what it meant: rows of one scrape share it.
    last: (Vec<u8>, Timestamp),
    /// The last time on the clock of the zone.
    clock: Option<DateTime>,
    /// Within an hour that the zone's clocks go through twice: whether it is the second time, and whether rows go back in
    /// time.
    repeated: Option<(bool, bool)>,
    /// Whether a time without a zone was seen.
    pub(super) zoneless: bool,
    /// Whether one with a zone was seen.
    zoned: bool,
    /// Whether a time was finer than milliseconds.
    pub(super) cut: bool,
}

impl Stamps {
    /// Makes a reader for a column of this name.
    pub(super) fn new(column: &str, settings: &Settings) -> Self {
        let (unit, zone) = (settings.form.time_unit, settings.time_zone.clone());
        let suffix = column.rsplit_once('_').and_then(|(_, suffix)| suffix.to_ascii_lowercase().parse().ok());
        let told = unit.map(|unit| (unit, TimeFrom::Flag)).or(suffix.map(|unit| (unit, TimeFrom::Suffix)));
        let last = (Vec::new(), Timestamp::MIN);
        Self {
            form: None,
            told,
            zone,
            format: settings.form.time_format.clone(),
            last,
            clock: None,
            repeated: None,
            zoneless: false,
            zoned: false,
            cut: false,
        }
    }

    /// Returns whether the user named the unit, so that any time is meant.
    pub(super) fn takes_all(&self) -> bool {
        matches!(self.told, Some((_, TimeFrom::Flag)))
    }

    /// Returns the unit of numbers (none for text) and where it is known from, once a time was read.
    pub(super) fn found(&self) -> Option<(Option<TimeUnit>, TimeFrom)> {
        self.form.map(|form| match form {
            Form::Text => (None, TimeFrom::Text),
            Form::Unix(unit, from) => (Some(unit), from),
        })
    }

    /// Returns whether some times name a zone and others do not.
    pub(super) fn mixes_zones(&self) -> bool {
        self.zoneless && self.zoned
    }

    /// Returns the name of the zone that times without one are taken to be in.
    pub(super) fn zone_name(&self) -> String {
        self.zone.as_ref().and_then(TimeZone::iana_name).map_or_else(
            || if self.zone.is_some() { "a fixed offset".to_owned() } else { "UTC".to_owned() },
            str::to_owned,
        )
    }

    /// Reads one time.
    pub(super) fn read(&mut self, field: &[u8]) -> Result<Timestamp, StampError> {
        if field == self.last.0 && self.form.is_some() {
            return Ok(self.last.1);
        }
        let text = field.trim_ascii();
        let at = match self.form {
            Some(Form::Unix(unit, _)) => self.unix(text, unit)?,
            Some(Form::Text) => self.civil(text)?,
            None => self.first(text)?,
        };
        self.last.0.clear();
        self.last.0.extend_from_slice(field);
        self.last.1 = at;
        Ok(at)
    }

    fn first(&mut self, text: &[u8]) -> Result<Timestamp, StampError> {
        if self.format.is_some() {
            let at = self.civil(text)?;
            self.form = Some(Form::Text);
            return Ok(at);
        }
        let Some(number) = Decimal::parse(text) else {
            let at = self.civil(text)?;
            self.form = Some(Form::Text);
            return Ok(at);
        };
        let believed = |unit: &TimeUnit| BELIEVED.contains(&(number.whole / unit.per_second()));
        let (unit, from) = match self.told {
            Some((unit, TimeFrom::Flag)) => (unit, TimeFrom::Flag),
            Some((unit, from)) if believed(&unit) => (unit, from),
            Some((unit, _)) => {
                return Err(StampError::Unit(format!("as {}, the unit in the column's name", unit.word())));
            }
            None => match TimeUnit::ALL.iter().find(|unit| believed(unit)) {
                Some(unit) => (*unit, TimeFrom::Magnitude),
                None => return Err(StampError::Unit("in every unit (s, ms, us, ns)".to_owned())),
            },
        };
        let at = self.unix(text, unit)?;
        self.form = Some(Form::Unix(unit, from));
        Ok(at)
    }

    fn unix(&mut self, text: &[u8], unit: TimeUnit) -> Result<Timestamp, StampError> {
        if let Some((at, cut)) = whole_millis(text, unit).filter(|(at, _)| BELIEVED.contains(&(at / 1000))) {
            self.cut |= cut;
            return Ok(Timestamp(at));
        }
        let Some(number) = Decimal::parse(text) else {
            return Err(row(
                text,
                format_args!("is not a time; expected a number of {}, as in the rows above", unit.word()),
            ));
        };
        let (at, cut) = number.millis(unit);
        self.cut |= cut;
        let Some(at) = at.filter(|at| at.abs() <= LAST_MS) else {
            return Err(row(text, format_args!("is after the year 9999 in {}", unit.word())));
        };
        // A unit that was determined, not said, holds for rows like the first only.
        if !self.takes_all() && !BELIEVED.contains(&at.div_euclid(1000)) {
            let other = TimeUnit::ALL.iter().find(|other| BELIEVED.contains(&(number.whole / other.per_second())));
            if let Some(other) = other {
                let (other, unit) = (other.plural(), unit.plural());
                return Err(row(
                    text,
                    format_args!("looks like {other}, and the rows above are {unit}: write one unit"),
                ));
            }
            let unit = unit.word();
            return Err(row(
                text,
                format_args!("is outside the years 2000 to 2100 in {unit}; `--time-unit {unit}` accepts it"),
            ));
        }
        Ok(Timestamp(at))
    }

    fn civil(&mut self, text: &[u8]) -> Result<Timestamp, StampError> {
        let parsed = match &self.format {
            Some(format) => formatted(format, text)
                .map_err(|why| row(text, format_args!("is no time in the format `{format}`: {why}")))?,
            None => {
                parse_civil(text).ok_or_else(|| row(text, format_args!("is not a time; {}", how_to_write(text))))?
            }
        };
        let (civil, nanos, zone) = parsed;
        let seconds = match (zone, &self.zone) {
            (Some(offset), _) => utc(civil).map(|seconds| seconds - i64::from(offset)),
            (None, None) => utc(civil),
            (None, Some(zone)) => {
                let local = zone.to_ambiguous_timestamp(civil);
                Some(self.local(local.offset(), civil).map_err(|why| row(text, format_args!("{why}")))?)
            }
        };
        self.zoneless |= zone.is_none();
        self.zoned |= zone.is_some();
        let Some(seconds) = seconds.filter(|seconds| self.takes_all() || BELIEVED.contains(seconds)) else {
            return Err(row(text, format_args!("is outside the years 2000 to 2100; `--time-unit s` accepts it")));
        };
        Ok(self.whole(seconds, nanos))
    }

    /// Returns the seconds since the epoch of a time on the clock of a zone. Where clocks were set back the order of rows
    /// says which of two instants is meant: a jump of the clock against the order of the rows begins the other pass.
    fn local(&mut self, offset: AmbiguousOffset, civil: DateTime) -> Result<i64, String> {
        let at =
            |offset: Offset| offset.to_timestamp(civil).map(|at| at.as_second()).map_err(|error| error.to_string());
        let before = self.clock.replace(civil);
        match offset {
            AmbiguousOffset::Unambiguous { offset } => {
                self.repeated = None;
                at(offset)
            }
            AmbiguousOffset::Gap { .. } => {
                Err(format!("does not exist in {}: clocks were set forward over it", self.zone_name()))
            }
            AmbiguousOffset::Fold { before: first, after } => {
                let ahead = before.map_or(0, |before| before.duration_until(civil).as_secs());
                let (second, falling) = match self.repeated {
                    // From the newest row to the oldest the second pass comes first.
                    None => (ahead < 0 && ahead > -DAY, ahead < 0 && ahead > -DAY),
                    Some((second, falling)) => {
                        let jumps = if falling { ahead >= SET_BACK } else { ahead <= -SET_BACK };
                        // A third pass is the first one of the next series.
                        (second != jumps, falling)
                    }
                };
                self.repeated = Some((second, falling));
                at(if second { after } else { first })
            }
        }
    }

    fn whole(&mut self, seconds: i64, nanos: i64) -> Timestamp {
        self.cut |= nanos % 1_000_000 != 0;
        Timestamp(seconds * 1000 + nanos / 1_000_000)
    }
}

/// Reads a number of digits only as milliseconds, and whether anything was cut.
fn whole_millis(text: &[u8], unit: TimeUnit) -> Option<(i64, bool)> {
    if !(1..=19).contains(&text.len()) {
        return None;
    }
    let mut number = 0_u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    // Nineteen digits fit.
    let (millis, cut) = match unit {
        TimeUnit::Seconds => (number.checked_mul(1000)?, false),
        TimeUnit::Millis => (number, false),
        TimeUnit::Micros => (number / 1_000, !number.is_multiple_of(1_000)),
        TimeUnit::Nanos => (number / 1_000_000, !number.is_multiple_of(1_000_000)),
    };
    Some((i64::try_from(millis).ok()?, cut))
}

#[cold]
fn row(text: &[u8], why: std::fmt::Arguments<'_>) -> StampError {
    if text.is_empty() {
        return StampError::Row("the time is empty".to_owned());
    }
    StampError::Row(format!("`{}` {why}", shown(&String::from_utf8_lossy(text))))
}

/// Returns the seconds since the epoch; none for the last hours of the year 9999.
fn utc(civil: DateTime) -> Option<i64> {
    TimeZone::UTC.to_timestamp(civil).ok().map(|at| at.as_second())
}

/// A decimal number, exact to nine places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decimal {
    /// The part before the point, with the sign of the number.
    whole: i64,
    /// The part after it, in billionths, with the sign of the number.
    billionths: i64,
    /// Whether there were other digits than zeros after the ninth place.
    more: bool,
}

impl Decimal {
    fn parse(text: &[u8]) -> Option<Self> {
        let (sign, digits) = match text {
            [b'-', rest @ ..] => (-1, rest),
            [b'+', rest @ ..] => (1, rest),
            _ => (1, text),
        };
        let mut number = Self { whole: 0, billionths: 0, more: false };
        let mut place = None;
        for byte in digits {
            match (byte, &mut place) {
                (b'.', None) => place = Some(100_000_000),
                (b'0'..=b'9', None) => {
                    number.whole = number.whole.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
                }
                (b'0'..=b'9', Some(0)) => number.more |= *byte != b'0',
                (b'0'..=b'9', Some(place)) => {
                    number.billionths += *place * i64::from(byte - b'0');
                    *place /= 10;
                }
                (b'e' | b'E', _) => return Self::scientific(text),
                _ => return None,
            }
        }
        number.whole *= sign;
        number.billionths *= sign;
        digits.first().is_some_and(u8::is_ascii_digit).then_some(number)
    }

    /// Reads a number with an exponent, as spreadsheets write long ones: exact as far as a float is.
    fn scientific(text: &[u8]) -> Option<Self> {
        let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        let billionths = (value.fract() * 1e9).round() as i64;
        (value.abs() < 9.0e18).then_some(Self { whole: value.trunc() as i64, billionths, more: false })
    }

    /// Returns milliseconds, cut towards the past, and whether anything was cut.
    fn millis(self, unit: TimeUnit) -> (Option<i64>, bool) {
        let scale = i128::from(1_000_000_000 / unit.per_second());
        let nanos = i128::from(self.whole) * scale + i128::from(self.billionths) * scale / 1_000_000_000;
        let finer = self.more || i128::from(self.billionths) * scale % 1_000_000_000 != 0;
        (i64::try_from(nanos.div_euclid(1_000_000)).ok(), finer || nanos.rem_euclid(1_000_000) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_767_614_400_000;

    fn settings(time_unit: Option<TimeUnit>, time_zone: Option<TimeZone>) -> Settings {
        let form = super::super::Form { time_unit, ..Default::default() };
        Settings { form, time_zone, ..Settings::default() }
    }

    fn read(column: &str, unit: Option<TimeUnit>, texts: &[&str]) -> Vec<Result<i64, StampError>> {
        let mut stamps = Stamps::new(column, &settings(unit, None));
        texts.iter().map(|text| stamps.read(text.as_bytes()).map(|at| at.0)).collect()
    }

    #[test]
    fn written_times_are_read_with_and_without_a_zone() {
        for (text, ms) in [
            ("2026-01-05T12:00:00Z", 0),
            ("2026-01-05t12:00:00z", 0),
            ("2026-01-05 12:00:00", 0),
            ("2026-01-05T12:00:00.25", 250),
            ("2026-01-05 12:00:00.123456789", 123),
            ("2026-01-05 12:00", 0),
            ("2026-01-05T13:00:00+01:00", 0),
            ("2026-01-05 06:30:00 -0530", 0),
            ("2026-01-05 12:00:00 UTC", 0),
            ("2026-01-06", 43_200_000),
            ("2026/01/05 12:00:00.123", 123),
        ] {
            assert_eq!(read("time", None, &[text]), [Ok(NOON + ms)], "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_time_are_bad_rows() {
        for text in [
            "",
            "x",
            "05/01/2026 12:00",
            "2026-13-05",
            "2026-02-30",
            "2026-01-05 25:00:00",
            "2026-01-05T12:00:60Z",
            "2026-01-05T12:00:00.Z",
            "2026-01-05T12:00:00+25:00",
            "2026-01-05T12:00:00 CET",
            "2026-01-0é",
            "12:00",
            "2026-01-05T12:00:00+1",
            "2026-01-05T1",
        ] {
            assert!(matches!(read("time", None, &[text])[..], [Err(StampError::Row(_))]), "{text}");
        }
    }

    #[test]
    fn the_first_number_decides_the_unit() {
        for (text, ms) in [
            ("1767614400", 0),
            ("1767614400000", 0),
            ("1767614400000000", 0),
            ("1767614400000000000", 0),
            ("1767614400.5", 500),
            ("1767614400250.9", 250),
            ("1.7676144e9", 0),
        ] {
            assert_eq!(read("time", None, &[text]), [Ok(NOON + ms)], "{text}");
        }
        let rows = read("time", None, &["1767614400", "1767614400000", "x"]);
        assert_eq!(rows[0], Ok(NOON));
        assert!(matches!(&rows[1], Err(StampError::Row(message)) if message.contains("year 9999")));
        assert!(matches!(rows[2], Err(StampError::Row(_))));
        let rows = read("time", None, &["1767614400", "-5", "946684799"]);
        assert!(matches!(&rows[1], Err(StampError::Row(message)) if message.contains("`--time-unit s` accepts it")));
        assert!(rows[2].is_err());
    }

    #[test]
    fn a_stamp_that_fits_no_unit_needs_a_word() {
        for (column, text) in [("time", "0"), ("time", "60"), ("time", "99999999999"), ("timestamp_ms", "1767614400")] {
            assert!(matches!(read(column, None, &[text])[..], [Err(StampError::Unit(_))]), "{column} {text}");
        }
        assert_eq!(read("time", Some(TimeUnit::Seconds), &["0", "60"]), [Ok(0), Ok(60_000)]);
        assert_eq!(read("ts_us", None, &["1767614400000000"]), [Ok(NOON)]);
        assert!(read("time", Some(TimeUnit::Seconds), &["9223372036854775807"])[0].is_err());
        assert_eq!(read("time", Some(TimeUnit::Nanos), &["-1", "-1000001.5"]), [Ok(-1), Ok(-2)]);
    }

    #[test]
    fn a_zone_is_taken_for_times_without_one() {
        let zone = TimeZone::get("Europe/Berlin").expect("known");
        let mut stamps = Stamps::new("time", &settings(None, Some(zone)));
        assert_eq!(stamps.read(b"2026-01-05 13:00:00"), Ok(Timestamp(NOON)));
        assert_eq!(stamps.read(b"2026-01-05T12:00:00Z"), Ok(Timestamp(NOON)));
        assert!(stamps.zoneless);
    }

    /// Reads times on the clock of Berlin, and returns each as the hour and minute in UTC.
    fn berlin(texts: &[&str]) -> Vec<String> {
        let zone = TimeZone::get("Europe/Berlin").expect("known");
        let mut stamps = Stamps::new("time", &settings(None, Some(zone)));
        let read = |text: &&str| match stamps.read(text.as_bytes()) {
            Ok(at) => at.to_string()[11..16].to_owned(),
            Err(StampError::Row(message) | StampError::Unit(message)) => message,
        };
        texts.iter().map(read).collect()
    }

    #[test]
    fn an_hour_that_clocks_go_through_twice_is_read_in_the_order_of_rows() {
        let day =
            |clock: &[&str]| -> Vec<String> { clock.iter().map(|clock| format!("2026-10-25 {clock}:00")).collect() };
        let rows = ["01:59", "02:00", "02:59", "02:40", "02:59", "02:00", "02:30", "02:59", "03:00"];
        let texts = day(&rows);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(berlin(&texts), ["23:59", "00:00", "00:59", "00:40", "00:59", "01:00", "01:30", "01:59", "02:00"]);
        // Series after series: the second one begins with the first pass again.
        let texts = day(&["02:00", "02:30", "02:00", "02:30", "02:00", "02:30"]);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(berlin(&texts), ["00:00", "00:30", "01:00", "01:30", "00:00", "00:30"]);
    }

    #[test]
    fn the_repeated_hour_of_a_file_from_new_to_old_is_read_backwards() {
        let day =
            |clock: &[&str]| -> Vec<String> { clock.iter().map(|clock| format!("2026-10-25 {clock}:00")).collect() };
        let texts = day(&["03:05", "02:40", "02:15", "02:50", "02:25", "02:00", "01:35"]);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(berlin(&texts), ["02:05", "01:40", "01:15", "00:50", "00:25", "00:00", "23:35"]);
    }

    #[test]
    fn a_time_that_clocks_skip_is_a_bad_row() {
        let told = berlin(&["2026-03-29 01:59:00", "2026-03-29 02:30:00", "2026-03-29 03:00:00"]);
        assert_eq!((told[0].as_str(), told[2].as_str()), ("00:59", "01:00"));
        assert_eq!(told[1], "`2026-03-29 02:30:00` does not exist in Europe/Berlin: clocks were set forward over it");
    }

    #[test]
    fn texts_of_other_centuries_are_bad_rows() {
        for text in ["0001-01-01T00:00:00Z", "1970-01-01", "9999-12-30T22:00:00Z", "9999-12-31T23:59:59+00:00"] {
            let read = read("time", None, &[text]);
            assert!(matches!(&read[..], [Err(StampError::Row(message))] if message.contains("2000 to 2100")), "{text}");
        }
        assert_eq!(Stamps::new("time", &settings(Some(TimeUnit::Seconds), None)).read(b"1970-01-01"), Ok(Timestamp(0)));
    }
}
