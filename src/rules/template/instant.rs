//! Times and durations as Go prints them.

use std::fmt;

/// A time in UTC. Unit: milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Instant(pub(super) i64);

/// A span of time. Unit: nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Duration(pub(super) i64);

/// Why seconds make no time.
pub(super) enum NoInstant {
    /// NaN or an infinity.
    NotFinite,
    /// More nanoseconds than 64 bits hold; the words.
    TooFar(String),
}

impl Instant {
    /// Makes a time of seconds since the epoch, digits below the millisecond cut off.
    ///
    /// # Errors
    /// When the seconds are not finite, or beyond the years 1677 to 2262.
    pub(super) fn from_seconds(seconds: f64) -> Result<Self, NoInstant> {
        if !seconds.is_finite() {
            return Err(NoInstant::NotFinite);
        }
        let nanos = seconds * 1e9;
        if nanos.abs() >= 9_223_372_036_854_775_808.0 {
            let words = crate::format::go::shortest(seconds);
            return Err(NoInstant::TooFar(format!(
                "{words} cannot be represented as a nanoseconds timestamp since it overflows int64"
            )));
        }
        Ok(Self(nanos as i64 / 1_000_000))
    }

    /// Returns the date and time of day.
    pub(super) fn civil(self) -> jiff::civil::DateTime {
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        jiff::tz::TimeZone::UTC.to_datetime(at)
    }

    /// Returns the time under one of Go's layouts, which spell out how 2 January 2006, 15:04:05 would be written.
    ///
    /// Source: Go's `time.Time.Format`.
    pub(super) fn format(self, layout: &str) -> String {
        let mut out = String::new();
        let mut rest = layout;
        while let Some(c) = rest.chars().next() {
            if let Some(len) = self.fraction(rest, &mut out) {
                rest = &rest[len..];
            } else if let Some((pattern, part)) = PARTS.iter().find(|(pattern, _)| begins(rest, pattern)) {
                self.part(*part, &mut out);
                rest = &rest[pattern.len()..];
            } else {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        out
    }

    /// Appends a fraction of a second, if the layout begins with one; returns its length there.
    fn fraction(self, layout: &str, out: &mut String) -> Option<usize> {
        let point = layout.chars().next().filter(|c| matches!(c, '.' | ','))?;
        let digit = layout[1..].chars().next().filter(|c| matches!(c, '0' | '9'))?;
        let count = layout[1..].chars().take_while(|c| *c == digit).count();
        if layout[1 + count..].starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let all = format!("{:03}000000", self.0.rem_euclid(1000));
        let digits = &all[..count.min(9)];
        let digits = if digit == '9' { digits.trim_end_matches('0') } else { digits };
        if !digits.is_empty() {
            out.push(point);
            out.push_str(digits);
        }
        Some(1 + count)
    }

    fn part(self, part: Part, out: &mut String) {
        let at = self.civil();
        let hour = match at.hour() % 12 {
            0 => 12,
            hour => hour,
        };
        let (month, day) = (month_name(at.month()), weekday_name(at.weekday()));
        out.push_str(&match part {
            Part::Month => month.to_owned(),
            Part::Mon => month[..3].to_owned(),
            Part::MonthNumber => at.month().to_string(),
            Part::MonthTwo => format!("{:02}", at.month()),
            Part::Weekday => day.to_owned(),
            Part::WeekdayShort => day[..3].to_owned(),
            Part::Day => at.day().to_string(),
            Part::DayTwo => format!("{:02}", at.day()),
            Part::DayPadded => format!("{:2}", at.day()),
            Part::YearDay => format!("{:03}", at.day_of_year()),
            Part::YearDayPadded => format!("{:3}", at.day_of_year()),
            Part::Hour => format!("{:02}", at.hour()),
            Part::Hour12 => hour.to_string(),
            Part::Hour12Two => format!("{hour:02}"),
            Part::Minute => at.minute().to_string(),
            Part::MinuteTwo => format!("{:02}", at.minute()),
            Part::Second => at.second().to_string(),
            Part::SecondTwo => format!("{:02}", at.second()),
            Part::Year => format!("{:04}", at.year()),
            Part::YearTwo => format!("{:02}", at.year().rem_euclid(100)),
            Part::Noon => if at.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            Part::NoonLower => if at.hour() < 12 { "am" } else { "pm" }.to_owned(),
            Part::Text(text) => text.to_owned(),
        });
    }
}

/// Formats as Go's `time.Time` prints: `2015-01-01 00:00:00 +0000 UTC`.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

/// Returns the English name of a month from 1.
pub(super) fn month_name(month: i8) -> &'static str {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    usize::try_from(month - 1).ok().and_then(|at| NAMES.get(at)).copied().unwrap_or(NAMES[0])
}

/// Returns the English name of a day of the week.
pub(super) fn weekday_name(day: jiff::civil::Weekday) -> &'static str {
    const NAMES: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    usize::try_from(day.to_sunday_zero_offset()).ok().and_then(|at| NAMES.get(at)).copied().unwrap_or(NAMES[0])
}

/// A piece of a layout.
#[derive(Clone, Copy)]
enum Part {
    Month,
    Mon,
    MonthNumber,
    MonthTwo,
    Weekday,
    WeekdayShort,
    Day,
    DayTwo,
    DayPadded,
    YearDay,
    YearDayPadded,
    Hour,
    Hour12,
    Hour12Two,
    Minute,
    MinuteTwo,
    Second,
    SecondTwo,
    Year,
    YearTwo,
    Noon,
    NoonLower,
    Text(&'static str),
}

/// How the pieces are spelled in a layout, longer spellings before their beginnings.
const PARTS: &[(&str, Part)] = &[
    ("January", Part::Month),
    ("Jan", Part::Mon),
    ("Monday", Part::Weekday),
    ("Mon", Part::WeekdayShort),
    ("MST", Part::Text("UTC")),
    ("_2006", Part::Text("_")),
    ("__2", Part::YearDayPadded),
    ("_2", Part::DayPadded),
    ("2006", Part::Year),
    ("2", Part::Day),
    ("002", Part::YearDay),
    ("01", Part::MonthTwo),
    ("02", Part::DayTwo),
    ("03", Part::Hour12Two),
    ("04", Part::MinuteTwo),
    ("05", Part::SecondTwo),
    ("06", Part::YearTwo),
    ("15", Part::Hour),
    ("1", Part::MonthNumber),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::Noon),
    ("pm", Part::NoonLower),
    ("Z07:00:00", Part::Text("Z")),
    ("Z07:00", Part::Text("Z")),
    ("Z070000", Part::Text("Z")),
    ("Z0700", Part::Text("Z")),
    ("Z07", Part::Text("Z")),
    ("-07:00:00", Part::Text("+00:00:00")),
    ("-07:00", Part::Text("+00:00")),
    ("-070000", Part::Text("+000000")),
    ("-0700", Part::Text("+0000")),
    ("-07", Part::Text("+00")),
];

/// Returns whether a layout begins with a spelling; `Jan` and `Mon` are none inside of longer words.
fn begins(layout: &str, pattern: &str) -> bool {
    layout
        .strip_prefix(pattern)
        .is_some_and(|rest| !matches!(pattern, "Jan" | "Mon") || !rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// Formats as Go's `time.Duration` prints: `1h30m0s`, `1.5s`, `20ms`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let part = |f: &mut fmt::Formatter<'_>, unit: u64, digits: usize, name: &str| {
            let fraction = format!("{:0digits$}", nanos % unit);
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            write!(f, "{}{point}{fraction}{name}", nanos / unit % if name == "s" { 60 } else { u64::MAX })
        };
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => part(f, 1_000, 3, "µs"),
            1_000_000..1_000_000_000 => part(f, 1_000_000, 6, "ms"),
            _ => {
                let minutes = nanos / 60_000_000_000;
                if minutes >= 60 {
                    write!(f, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                part(f, 1_000_000_000, 9, "s")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(layout: &str, expected: &str) {
        assert_eq!(Instant(1_136_171_045_120).format(layout), expected, "{layout}");
    }

    #[test]
    fn layouts_spell_the_time() {
        check("2006-01-02T15:04:05Z07:00", "2006-01-02T03:04:05Z");
        check("Mon, 02 Jan 2006 15:04:05 -0700 MST", "Mon, 02 Jan 2006 03:04:05 +0000 UTC");
        check("Monday January _2 3:04PM pm", "Monday January  2 3:04AM am");
        check("15:04:05.000 .00 .9999 06 1/2 002", "03:04:05.120 .12 .12 06 1/2 002");
        check("Janu Money é", "Janu Money é");
    }

    #[test]
    fn times_and_durations_print_as_in_go() {
        assert_eq!(Instant(1_420_070_400_000).to_string(), "2015-01-01 00:00:00 +0000 UTC");
        assert_eq!(Instant(-500).to_string(), "1969-12-31 23:59:59.5 +0000 UTC");
        for (nanos, text) in [
            (0, "0s"),
            (15, "15ns"),
            (1_500, "1.5µs"),
            (20_000_000, "20ms"),
            (1_500_000_000, "1.5s"),
            (5_400_000_000_000, "1h30m0s"),
            (-61_000_000_000, "-1m1s"),
        ] {
            assert_eq!(Duration(nanos).to_string(), text);
        }
    }
}
