//! A silence in one text, as a command line has it.

use thiserror::Error;

use super::Silence;
use crate::format::Clock;
use crate::labels::Matcher;
use crate::promql::parse::parse_matchers;
use crate::time::{Timestamp, TimestampError};

/// Why a text is no silence.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SilenceError {
    /// A silence of the command line has not the form.
    #[error(
        "`{0}` is not a silence; write it like `{{alertname=\"DiskFull\"}} 2026-01-05T18:00:00Z..2026-01-05T20:00:00Z`"
    )]
    Form(String),
    /// A matcher cannot be read.
    #[error("in the matchers `{text}`: {message}")]
    Matchers {
        /// The matchers.
        text: String,
        /// What is wrong with them.
        message: String,
    },
    /// Nothing is asked of an alert, or only that labels are absent.
    #[error(
        "the matchers `{0}` take every alert without these labels; name at least one value, such as `alertname=~\".+\"`"
    )]
    TakesAll(String),
    /// A time cannot be read.
    #[error(transparent)]
    Time(#[from] TimestampError),
    /// It ends before it begins.
    #[error("it ends at {end}, which is not after its start, {start}")]
    Order {
        /// When it begins.
        start: Timestamp,
        /// When it ends.
        end: Timestamp,
    },
}

/// Reads one silence: `{alertname="DiskFull"} START..END`, times in the clock's zone where they name none.
///
/// # Errors
/// When the text is no silence.
pub fn parse(text: &str, clock: &Clock) -> Result<Silence, SilenceError> {
    let form = || SilenceError::Form(text.to_owned());
    let close = text.rfind('}').ok_or_else(form)?;
    let (start, end) = text[close + 1..].split_once("..").ok_or_else(form)?;
    let matchers = matchers(&text[..=close])?;
    checked(Silence { start: clock.read(start)?, end: clock.read(end)?, matchers, comment: String::new(), file: None })
}

fn matchers(text: &str) -> Result<Vec<Matcher>, SilenceError> {
    parse_matchers(text.trim())
        .map_err(|problem| SilenceError::Matchers { text: text.trim().to_owned(), message: problem.message })
}

/// Returns a silence that asks for something and has a length.
pub(super) fn checked(silence: Silence) -> Result<Silence, SilenceError> {
    // As Alertmanager has it: a silence that asks for nothing would hide all there is.
    if silence.matchers.iter().all(|matcher| matcher.matches("")) {
        return Err(SilenceError::TakesAll(silence.to_string()));
    }
    if silence.end <= silence.start {
        return Err(SilenceError::Order { start: silence.start, end: silence.end });
    }
    Ok(silence)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a silence as `MATCHERS START..END COMMENT`, times in seconds since the epoch.
    pub(in super::super) fn show(silence: &Silence) -> String {
        format!("{silence} {}..{} {}", silence.start.0 / 1000, silence.end.0 / 1000, silence.comment)
            .trim_end()
            .to_owned()
    }

    fn check(text: &str, expected: &str) {
        let told = parse(text, &Clock::utc()).as_ref().map_or_else(ToString::to_string, show);
        assert_eq!(told, expected);
    }

    #[test]
    fn a_silence_is_matchers_and_a_stretch() {
        check("{a=\"b\"} 10..20", "{a=\"b\"} 10..20");
        check(
            "{a=\"x..}y\", c!~\"d.*\"}  1970-01-01T00:00:10Z .. 1970-01-01T00:01:00Z",
            "{a=\"x..}y\", c!~\"d.*\"} 10..60",
        );
        check(
            "{a=\"b\"} 20..20",
            "it ends at 1970-01-01T00:00:20Z, which is not after its start, 1970-01-01T00:00:20Z",
        );
        check("{a=\"b\"} 1970-01-01 .. Thu 1970-01-01 00:01", "{a=\"b\"} 0..60");
        check("{a=\"b\"} -2h..20", "`-2h` is relative to a recording; write a date and time like `2026-01-05 18:00`");
        check(
            "{a=\"b\"} 1..1767744000000",
            "`1767744000000` is the year 57987 in seconds; it looks like milliseconds: write 1767744000",
        );
        for wrong in ["", "{a=\"b\"}", "a=\"b\" 1..2", "{a=\"b\"} 1"] {
            assert!(matches!(parse(wrong, &Clock::utc()), Err(SilenceError::Form(_))), "{wrong}");
        }
        for all in ["{} 1..2", "{a=\"\"} 1..2", "{a!=\"b\"} 1..2", "{a=~\".*\"} 1..2"] {
            assert!(matches!(parse(all, &Clock::utc()), Err(SilenceError::TakesAll(_))), "{all}");
        }
        assert!(matches!(parse("{a=~\"(\"} 1..2", &Clock::utc()), Err(SilenceError::Matchers { .. })));
    }
}
