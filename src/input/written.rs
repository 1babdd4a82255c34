//! Times that are written out, on a clock of some zone.

use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::Offset;

/// A time on a clock, the nanoseconds of its second, and its offset from UTC in seconds.
pub(super) type Civil = (DateTime, i64, Option<i32>);

/// Reads a time in a format of `strftime`; the error says what does not fit.
pub(super) fn formatted(format: &str, text: &[u8]) -> Result<Civil, String> {
    let parts = BrokenDownTime::parse(format, text).map_err(|error| error.to_string())?;
    if let Ok(at) = parts.to_timestamp() {
        let civil = Offset::UTC.to_datetime(at);
        return Ok((whole_seconds(civil), i64::from(civil.subsec_nanosecond()), Some(0)));
    }
    let civil = parts.to_datetime().or_else(|_| parts.to_date().map(|day| day.at(0, 0, 0, 0)));
    let civil = civil.map_err(|error| error.to_string())?;
    Ok((whole_seconds(civil), i64::from(civil.subsec_nanosecond()), None))
}

fn whole_seconds(civil: DateTime) -> DateTime {
    civil.with().subsec_nanosecond(0).build().unwrap_or(civil)
}

/// Says how to write a time, or how to have one read as it is.
#[cold]
pub(super) fn how_to_write(text: &[u8]) -> String {
    /// Ways in which times are written that no other way can be taken for.
    const FORMATS: [&str; 14] = [
        "%d.%m.%y %H:%M:%S",
        "%d.%m.%y %H:%M",
        "%d.%m.%Y, %H:%M:%S",
        "%d/%b/%Y:%H:%M:%S %z",
        "%d/%b/%Y %H:%M:%S",
        "%d-%b-%Y %H:%M:%S",
        "%d %b %Y %H:%M:%S",
        "%b %d %Y %H:%M:%S",
        "%b %d, %Y %H:%M:%S",
        "%a, %d %b %Y %H:%M:%S GMT",
        "%a %b %d %H:%M:%S %Y",
        "%G-W%V-%uT%H:%M:%SZ",
        "%Y%m%dT%H%M%SZ",
        "%Y-%m-%dT%H-%M-%S",
    ];
    /// What follows a date whose day and month may be in either order.
    const CLOCKS: [&str; 6] = [" %H:%M:%S%.f", " %H:%M", " %I:%M:%S %p", " %I:%M %p", ", %I:%M:%S %p", ""];
    let fits = |format: &str| BrokenDownTime::parse(format, text).is_ok();
    if let Some(format) = FORMATS.into_iter().find(|format| fits(format)) {
        return format!("say how it is written: `--time-format '{format}'`");
    }
    for clock in CLOCKS {
        let [day, month] = ["%d/%m/%Y", "%m/%d/%Y"].map(|date| format!("{date}{clock}"));
        match (fits(&day), fits(&month)) {
            (true, true) => {
                return format!(
                    "day and month may be in either order: `--time-format '{day}'`, or '{month}' in the US"
                );
            }
            (true, false) => return format!("say how it is written: `--time-format '{day}'`"),
            (false, true) => return format!("say how it is written: `--time-format '{month}'`"),
            (false, false) => {}
        }
    }
    how_to_write_others(text).to_owned()
}

fn how_to_write_others(text: &[u8]) -> &'static str {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let day = digits(text);
    let sign = text.get(day).copied();
    let month = text.get(day + 1..).map_or(0, digits);
    match sign {
        Some(b':') if (1..=2).contains(&day) => "it has no date; if another column has: `--time-column DATE,TIME`",
        Some(b'-') if (1..=2).contains(&day) && !matches!(text.get(day + 1 + month), Some(b'-')) => {
            "it has no year; record times with one, such as seconds since the epoch (in dstat: -T)"
        }
        _ => "write RFC 3339 such as `2026-01-05T18:00:00Z`, or say how it is written: `--time-format FORMAT`",
    }
}

/// Reads `YYYY-MM-DD`, `YYYY/MM/DD` or `DD.MM.YYYY`, then perhaps `HH:MM[:SS[.fraction]]` after `T` or a space, then
/// perhaps a zone: `Z`, `UTC`, `+HH:MM`, `+HHMM` or `+HH`.
pub(super) fn parse_civil(text: &[u8]) -> Option<Civil> {
    let date = text.get(..10)?;
    let (year, month, day) = if date[4] == date[7] && matches!(date[4], b'-' | b'/') {
        (digits(&date[..4])?, digits(&date[5..7])?, digits(&date[8..])?)
    } else if date[2] == b'.' && date[5] == b'.' {
        (digits(&date[6..])?, digits(&date[3..5])?, digits(&date[..2])?)
    } else {
        return None;
    };
    let mut rest = &text[10..];
    let (mut clock, mut nanos) = ([0; 3], 0);
    if !rest.is_empty() {
        if !matches!(rest[0], b'T' | b't' | b' ') {
            return None;
        }
        rest = &rest[1..];
        clock[0] = digits(rest.get(..2)?)?;
        clock[1] = digits(rest.get(2..5)?.strip_prefix(b":")?)?;
        rest = &rest[5..];
        if rest.first() == Some(&b':') {
            clock[2] = digits(rest.get(1..3)?)?;
            rest = &rest[3..];
            if let Some(fraction) = rest.strip_prefix(b".").or(rest.strip_prefix(b",")) {
                let len = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
                if len == 0 {
                    return None;
                }
                let mut place = 100_000_000;
                for byte in fraction[..len].iter().take(9) {
                    nanos += i64::from(byte - b'0') * place;
                    place /= 10;
                }
                rest = &fraction[len..];
            }
        }
    }
    let zone = parse_zone(rest.trim_ascii_start())?;
    let part = |number: i32| i8::try_from(number).ok();
    let civil = DateTime::new(
        i16::try_from(year).ok()?,
        part(month)?,
        part(day)?,
        part(clock[0])?,
        part(clock[1])?,
        part(clock[2])?,
        0,
    );
    Some((civil.ok()?, nanos, zone))
}

/// Reads a zone; nothing is none. The outer `None` is another text.
fn parse_zone(text: &[u8]) -> Option<Option<i32>> {
    match text {
        b"" => Some(None),
        b"Z" | b"z" | b"UTC" | b"GMT" => Some(Some(0)),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let minutes = match rest {
                [_, _] => 0,
                [_, _, minutes @ ..] => digits(minutes.strip_prefix(b":").unwrap_or(minutes))?,
                _ => return None,
            };
            let hours = digits(&rest[..2])?;
            let offset = (hours * 60 + minutes) * 60;
            (hours < 24 && minutes < 60 && rest.len() <= 5).then_some(Some(if *sign == b'-' {
                -offset
            } else {
                offset
            }))
        }
        _ => None,
    }
}

fn digits(text: &[u8]) -> Option<i32> {
    let all = !text.is_empty() && text.len() <= 4 && text.iter().all(u8::is_ascii_digit);
    all.then(|| text.iter().fold(0, |number, byte| number * 10 + i32::from(byte - b'0')))
}
