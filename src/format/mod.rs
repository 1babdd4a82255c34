//! Numbers, spans and instants as people read them.

pub(crate) mod go;

use jiff::tz::TimeZone;

use crate::time::{Millis, Moment, Timestamp, TimestampError};

/// Writes a count with thousands separators: `1,204`.
#[must_use]
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Writes a count in at most three digits and a letter: `6.9M`, `1.3k`; below 10,000 in full.
#[must_use]
pub fn short_count(many: u64) -> String {
    if many < 10_000 { count(many) } else { value(many as f64) }
}

/// Writes a count and its noun: `1 rule`, `1,204 rules`.
#[must_use]
pub fn counted(many: u64, noun: &str) -> String {
    let ending = if many == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(many))
}

/// Returns the nearest number that has so many significant digits.
pub(crate) fn to_digits(number: f64, digits: usize) -> f64 {
    let places = digits.saturating_sub(1);
    format!("{number:.places$e}").parse().unwrap_or(number)
}

/// Writes a value in three significant digits: `0.913`, `71.2`, `39G`; very small or large ones with an exponent.
#[must_use]
pub fn value(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let rounded = to_digits(value, 3);
    let size = rounded.abs();
    if !(1e-3..1e15).contains(&size) {
        return format!("{rounded:e}");
    }
    let (scale, letter) = match size {
        size if size >= 1e12 => (1e12, "T"),
        size if size >= 1e9 => (1e9, "G"),
        size if size >= 1e6 => (1e6, "M"),
        size if size >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let scaled: f64 = format!("{:.2e}", rounded / scale).parse().unwrap_or(rounded / scale);
    format!("{scaled}{letter}")
}

/// Writes a span by its two largest units, up to hours: `23m30s`, `2h38m`, `141h`; below a second in milliseconds.
#[must_use]
pub fn duration(span: Millis) -> String {
    let sign = if span.0 < 0 { "-" } else { "" };
    let millis = span.0.unsigned_abs();
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1000 {
        return format!("{sign}{millis}ms");
    }
    let seconds = (millis + 500) / 1000;
    let (large, small, letters) = match seconds {
        0..60 => return format!("{sign}{seconds}s"),
        60..3_600 => (seconds / 60, seconds % 60, ("m", "s")),
        _ => {
            let minutes = (seconds + 30) / 60;
            (minutes / 60, if minutes >= 6_000 { 0 } else { minutes % 60 }, ("h", "m"))
        }
    };
    if small == 0 {
        return format!("{sign}{}{}", count(large), letters.0);
    }
    format!("{sign}{large}{}{small}{}", letters.0, letters.1)
}

/// Writes how long some work took. Unit: seconds.
#[must_use]
pub fn elapsed(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 0.0095 => format!("{:.1} ms", seconds * 1000.0),
        seconds if seconds < 0.0995 => format!("{:.0} ms", seconds * 1000.0),
        seconds if seconds < 9.95 => format!("{seconds:.2} s"),
        seconds if seconds < 99.5 => format!("{seconds:.1} s"),
        seconds => duration(Millis((seconds * 1000.0) as i64)),
    }
}

/// Returns the text of a PromQL expression in one line, as it was written otherwise: without comments, a blank for each stretch
/// of blanks outside of strings, and none for a line break inside of a bracket's edge.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\'' | '`' => {
                out.push(c);
                while let Some(inner) = chars.next() {
                    out.push(inner);
                    match inner {
                        '\\' if c != '`' => out.extend(chars.next()),
                        _ if inner == c => break,
                        _ => {}
                    }
                }
            }
            '#' => while chars.next_if(|c| !matches!(c, '\n' | '\r')).is_some() {},
            c if c.is_whitespace() => {
                let mut broken = matches!(c, '\n' | '\r');
                while let Some(blank) = chars.next_if(|c| c.is_whitespace()) {
                    broken |= matches!(blank, '\n' | '\r');
                }
                let edge = out.ends_with(['(', '[', '{']) || matches!(chars.peek(), Some(')' | ']' | '}'));
                let comment = chars.peek() == Some(&'#');
                if !(broken && edge || comment || out.is_empty() || out.ends_with(' ')) {
                    out.push(' ');
                }
            }
            c => out.push(c),
        }
    }
    out.trim_end().to_owned()
}

/// Whether times are written with the milliseconds of a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fraction {
    /// Never.
    #[default]
    Hidden,
    /// Where there are any.
    WhereAny,
    /// Always, so that times in a column line up.
    Shown,
}

/// Writes and reads instants in one time zone.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: TimeZone,
    fraction: Fraction,
    /// The zone's name, as headings give it.
    pub name: String,
}

impl Clock {
    /// Makes a clock that shows a zone under a name.
    #[must_use]
    pub fn new(zone: TimeZone, name: impl Into<String>) -> Self {
        Self { zone, fraction: Fraction::default(), name: name.into() }
    }

    /// Returns the clock that writes milliseconds otherwise.
    #[must_use]
    pub fn showing(self, fraction: Fraction) -> Self {
        Self { fraction, ..self }
    }

    /// Makes a clock that shows UTC.
    #[must_use]
    pub fn utc() -> Self {
        Self::new(TimeZone::UTC, "UTC")
    }

    /// Writes an instant in a form, and in place of `%S` the second with its milliseconds if these are shown.
    fn print(&self, at: Timestamp, form: &str) -> String {
        let exact = match self.fraction {
            Fraction::Hidden => false,
            Fraction::WhereAny => at.0.rem_euclid(1000) != 0,
            Fraction::Shown => true,
        };
        let form = &if exact { form.replace("%S", "%S%.3f") } else { form.to_owned() };
        match jiff::Timestamp::from_millisecond(at.0) {
            Ok(instant) => instant.to_zoned_datetime(self.zone.clone()).strftime(form).to_string(),
            Err(_) => at.to_string(),
        }
    }

    /// Returns the instant that a person named: in this zone where it names none, relative to the first and last sample
    /// of a recording.
    ///
    /// # Errors
    /// As [`Moment::at`].
    pub fn place(&self, moment: Moment, span: Option<(Timestamp, Timestamp)>) -> Result<Timestamp, TimestampError> {
        moment.at(&self.zone, span)
    }

    /// Reads an instant as this clock writes it, or as [`Moment`] has it otherwise.
    ///
    /// # Errors
    /// When the text names no instant.
    pub fn read(&self, text: &str) -> Result<Timestamp, TimestampError> {
        match text.parse()? {
            Moment::OfDay(..) => Err(TimestampError::NoDate(text.trim().to_owned())),
            moment if moment.is_relative() => Err(TimestampError::Relative(text.trim().to_owned())),
            moment => self.place(moment, None),
        }
    }

    /// Writes date and time: `2026-01-05 18:00:00`.
    #[must_use]
    pub fn full(&self, at: Timestamp) -> String {
        self.print(at, "%Y-%m-%d %H:%M:%S")
    }

    /// Returns what is added to an instant to get the time of day of the zone.
    #[must_use]
    pub fn shift(&self, at: Timestamp) -> Millis {
        match jiff::Timestamp::from_millisecond(at.0) {
            Ok(instant) => Millis(i64::from(self.zone.to_offset(instant).seconds()) * 1000),
            Err(_) => Millis::ZERO,
        }
    }

    /// Writes the date: `2026-01-06`.
    #[must_use]
    pub fn date(&self, at: Timestamp) -> String {
        self.print(at, "%Y-%m-%d")
    }

    /// Writes the day, as a heading: `Tue 2026-01-06`.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> String {
        self.print(at, "%a %Y-%m-%d")
    }

    /// Writes the time of the day: `03:17:42`.
    #[must_use]
    pub fn time(&self, at: Timestamp) -> String {
        self.print(at, "%H:%M:%S")
    }

    /// Writes an instant as short as the whole range allows: `03:17:42` within one day, `Tue 03:17:42` within six,
    /// date and time otherwise.
    #[must_use]
    pub fn within(&self, at: Timestamp, from: Timestamp, to: Timestamp) -> String {
        const SIX_DAYS: i64 = 6 * 86_400_000;
        if self.day(from) == self.day(to) {
            self.time(at)
        } else if to.since(from).0 < SIX_DAYS {
            self.print(at, "%a %H:%M:%S")
        } else {
            self.full(at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        let check = |number, expected: &str| assert_eq!(count(number), expected);
        check(0, "0");
        check(999, "999");
        check(1_204, "1,204");
        check(6_900_000, "6,900,000");
        assert_eq!(short_count(6_912_345), "6.91M");
        assert_eq!(counted(1, "rule"), "1 rule");
    }

    #[test]
    fn values_have_three_digits() {
        let check = |number, expected: &str| assert_eq!(value(number), expected);
        check(0.9134, "0.913");
        check(71.2, "71.2");
        check(999.6, "1000");
        check(9_999.0, "10k");
        check(12_345.0, "12.3k");
        check(3.9e10, "39G");
        check(-3.2e9, "-3.2G");
        check(0.000_012, "1.2e-5");
        check(f64::INFINITY, "+Inf");
    }

    #[test]
    fn spans_have_two_units() {
        let check = |seconds: f64, expected: &str| assert_eq!(duration(Millis((seconds * 1000.0) as i64)), expected);
        check(0.0, "0s");
        check(0.25, "250ms");
        check(59.6, "1m");
        check(1_410.0, "23m30s");
        check(3_599.9, "1h");
        check(9_480.0, "2h38m");
        check(507_600.0, "141h");
    }

    #[test]
    fn instants_lose_what_all_have() {
        let clock = Clock::utc();
        let at = Timestamp(1_767_669_462_000);
        let hour = Millis(3_600_000);
        assert_eq!(clock.within(at, at, at.plus(hour)), "03:17:42");
        assert_eq!(clock.within(at, at.minus(Millis(hour.0 * 9)), at), "Tue 03:17:42");
        assert_eq!(clock.within(at, at.minus(Millis(hour.0 * 999)), at), "2026-01-06 03:17:42");
        assert_eq!(clock.day(at), "Tue 2026-01-06");
    }

    #[test]
    fn a_clock_reads_what_it_writes() {
        let zone = TimeZone::get("Asia/Kolkata").expect("known");
        let at = Timestamp(1_767_669_462_000);
        for clock in [Clock::utc(), Clock::new(zone, "Asia/Kolkata")] {
            assert_eq!(clock.read(&clock.full(at)), Ok(at));
            assert_eq!(clock.read(&format!("{} {}", clock.day(at), clock.time(at))), Ok(at));
            assert_eq!(clock.read(&at.to_string()), Ok(at));
            assert!(clock.read(&clock.day(at)).is_ok_and(|day| day < at));
            let day = (at.minus(Millis(3_600_000)), at.plus(Millis(3_600_000)));
            for short in [clock.time(at), clock.within(at, at.minus(Millis(90_000_000)), at)] {
                assert_eq!(clock.place(short.parse().expect("a time of day"), Some(day)), Ok(at), "{short}");
            }
            assert_eq!(clock.read("03:17"), Err(TimestampError::NoDate("03:17".to_owned())));
            assert_eq!(clock.read("-2h"), Err(TimestampError::Relative("-2h".to_owned())));
        }
    }

    #[test]
    fn one_line_keeps_what_was_written() {
        let check = |text: &str, expected: &str| assert_eq!(one_line(text), expected);
        check("  up  ==\n\t1.5e9 ", "up == 1.5e9");
        check("sum(\n  rate(x[5m])\n) > 0x10", "sum(rate(x[5m])) > 0x10");
        check("up{a=\"two  blanks\", b='#'} # the rest\n  > 1 # end", "up{a=\"two  blanks\", b='#'} > 1");
        check(r#"up{a="\"  \"", b=`\`}"#, r#"up{a="\"  \"", b=`\`}"#);
        check("x{a=\"open", "x{a=\"open");
        check("# Bytes.\n  free\n < 1.5e9", "free < 1.5e9");
    }
}
