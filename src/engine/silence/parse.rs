//! A silence in one text, as a command line has it.

use thiserror::Error;

use super::Silence;
use crate::labels::Matcher;
use crate::promql::parse::parse_matchers;
use crate::time::{Timestamp, parse_timestamp};

/// Says why a text is no silence.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SilenceError {
    /// A silence of the command line has not the form.
    #[error(
        "`{0}` is no silence; write it like `{{alertname=\"DiskFull\"}} 2026-01-05T18:00:00Z..2026-01-05T20:00:00Z`"
    )]
    Form(String),
    /// A matcher can not be read.
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
    /// A time can not be read.
    #[error("`{0}` is not a time; write RFC 3339 such as `2026-01-05T18:00:00Z`")]
    Time(String),
    /// It ends before it begins.
    #[error("it ends at {end}, which is not after its start, {start}")]
    Order {
        /// From when on.
        start: Timestamp,
        /// Until when.
        end: Timestamp,
    },
}

/// Reads one silence: `{alertname="DiskFull"} START..END`.
///
/// # Errors
/// When the text is no silence.
pub fn parse(text: &str) -> Result<Silence, SilenceError> {
    let form = || SilenceError::Form(text.to_owned());
    let close = text.rfind('}').ok_or_else(form)?;
    let (start, end) = text[close + 1..].split_once("..").ok_or_else(form)?;
    let time = |text: &str| parse_timestamp(text.trim()).map_err(|_| SilenceError::Time(text.trim().to_owned()));
    let matchers = matchers(&text[..=close])?;
    checked(Silence { start: time(start)?, end: time(end)?, matchers, comment: String::new() })
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
        let told = parse(text).as_ref().map_or_else(ToString::to_string, show);
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
        check("{a=\"b\"} x..20", "`x` is not a time; write RFC 3339 such as `2026-01-05T18:00:00Z`");
        for wrong in ["", "{a=\"b\"}", "a=\"b\" 1..2", "{a=\"b\"} 1"] {
            assert!(matches!(parse(wrong), Err(SilenceError::Form(_))), "{wrong}");
        }
        for all in ["{} 1..2", "{a=\"\"} 1..2", "{a!=\"b\"} 1..2", "{a=~\".*\"} 1..2"] {
            assert!(matches!(parse(all), Err(SilenceError::TakesAll(_))), "{all}");
        }
        assert!(matches!(parse("{a=~\"(\"} 1..2"), Err(SilenceError::Matchers { .. })));
    }
}
