//! Silences as texts: one on a command line, a YAML list, the JSON of amtool.

use serde::Deserialize;
use thiserror::Error;

use super::Silence;
use crate::labels::{MatchOp, Matcher, RegexpError};
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
    /// A file is no list of silences.
    #[error("not a list of silences: {0}")]
    File(String),
    /// One of a file's silences is wrong.
    #[error("silence {number}: {problem}")]
    Item {
        /// The number of the silence, from 1.
        number: usize,
        /// What is wrong with it.
        problem: Box<SilenceError>,
    },
    /// It has a key too many or too few.
    #[error("{0}; a silence has `matchers`, `start`, `end` and, if you like, `comment`")]
    Keys(String),
}

/// Reads one silence: `{alertname="DiskFull"} START..END`.
///
/// # Errors
/// When the text is no silence.
pub fn parse(text: &str) -> Result<Silence, SilenceError> {
    let form = || SilenceError::Form(text.to_owned());
    let close = text.rfind('}').ok_or_else(form)?;
    let (start, end) = text[close + 1..].split_once("..").ok_or_else(form)?;
    silence(matchers(&text[..=close])?, start, end, String::new())
}

/// Reads the silences of a file: a YAML list of `matchers`, `start`, `end` and `comment`, or what
/// `amtool silence query -o json` prints.
///
/// # Errors
/// At the first silence that is wrong.
///
/// Source: Alertmanager's API v2, `gettableSilences`.
pub fn parse_file(text: &str) -> Result<Vec<Silence>, SilenceError> {
    let wrong = |error: &dyn std::fmt::Display| SilenceError::File(error.to_string());
    // JSON is YAML too, but a long file is read faster as what it is.
    let items: Vec<serde_yaml::Value> = match serde_json::from_str(text) {
        Ok(items) => items,
        Err(error) if text.trim_start().starts_with("[{") && !error.is_syntax() => return Err(wrong(&error)),
        Err(_) => serde_yaml::from_str::<Option<_>>(text).map_err(|error| wrong(&error))?.unwrap_or_default(),
    };
    let mut silences = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let read = if item.get("startsAt").is_some() { of_amtool(item) } else { of_list(item) };
        silences.push(read.map_err(|problem| SilenceError::Item { number: at + 1, problem: Box::new(problem) })?);
    }
    Ok(silences)
}

/// One silence of a YAML list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    matchers: OneOrMore,
    start: Instant,
    end: Instant,
    #[serde(default)]
    comment: String,
}

/// Matchers in one text, or a text each.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// A time as text, or seconds since the epoch.
#[derive(Deserialize)]
#[serde(untagged)]
enum Instant {
    Text(String),
    Seconds(f64),
}

impl Instant {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Seconds(seconds) => seconds.to_string(),
        }
    }
}

/// One silence as Alertmanager tells it; what it has beside this does not matter here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    matchers: Vec<ToldMatcher>,
    starts_at: String,
    ends_at: String,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldMatcher {
    name: String,
    value: String,
    #[serde(default)]
    is_regex: bool,
    #[serde(default = "yes")]
    is_equal: bool,
}

fn yes() -> bool {
    true
}

fn of_list(item: serde_yaml::Value) -> Result<Silence, SilenceError> {
    let Listed { matchers: texts, start, end, comment } =
        serde_yaml::from_value(item).map_err(|error| SilenceError::Keys(error.to_string()))?;
    let all = match texts {
        OneOrMore::One(text) => matchers(&text)?,
        OneOrMore::More(texts) => {
            texts.iter().map(|text| matchers(text)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()
        }
    };
    silence(all, &start.text(), &end.text(), comment)
}

fn of_amtool(item: serde_yaml::Value) -> Result<Silence, SilenceError> {
    let told: Told = serde_yaml::from_value(item).map_err(|error| SilenceError::Keys(error.to_string()))?;
    let matcher = |matcher: ToldMatcher| {
        let op = match (matcher.is_regex, matcher.is_equal) {
            (false, true) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (true, false) => MatchOp::NotRegex,
        };
        let wrong = |error: RegexpError| SilenceError::Matchers {
            text: format!("{}{}{:?}", matcher.name, op.symbol(), matcher.value),
            message: error.to_string(),
        };
        Matcher::new(matcher.name.clone(), op, matcher.value.clone()).map_err(wrong)
    };
    let matchers = told.matchers.into_iter().map(matcher).collect::<Result<Vec<_>, _>>()?;
    silence(matchers, &told.starts_at, &told.ends_at, told.comment)
}

fn matchers(text: &str) -> Result<Vec<Matcher>, SilenceError> {
    parse_matchers(text.trim())
        .map_err(|problem| SilenceError::Matchers { text: text.trim().to_owned(), message: problem.message })
}

fn silence(matchers: Vec<Matcher>, start: &str, end: &str, comment: String) -> Result<Silence, SilenceError> {
    let time = |text: &str| parse_timestamp(text.trim()).map_err(|_| SilenceError::Time(text.trim().to_owned()));
    let silence = Silence { start: time(start)?, end: time(end)?, matchers, comment };
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
mod tests {
    use super::*;

    fn show(silence: &Silence) -> String {
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

    fn check_file(text: &str, expected: &[&str]) {
        match parse_file(text) {
            Ok(silences) => assert_eq!(silences.iter().map(show).collect::<Vec<_>>(), expected),
            Err(error) => assert_eq!([error.to_string()].as_slice(), expected),
        }
    }

    #[test]
    fn a_file_is_a_list() {
        check_file("", &[]);
        check_file("[]", &[]);
        check_file(
            "- {matchers: '{a=\"b\"}', start: 1970-01-01T00:00:10Z, end: 20, comment: why}\n- matchers: [a=\"b\", 'c=~\"d\"']\n  start: 1\n  end: 2.5\n",
            &["{a=\"b\"} 10..20 why", "{a=\"b\", c=~\"d\"} 1..2"],
        );
        check_file(
            "- {matchers: '{a=\"b\"}', start: 10, end: 20}\n- {matchers: '{a=\"b\"}', start: 10, ends: 20}\n",
            &[
                "silence 2: unknown field `ends`, expected one of `matchers`, `start`, `end`, `comment`; a silence has `matchers`, `start`, `end` and, if you like, `comment`",
            ],
        );
        assert!(parse_file("a: b").is_err() && parse_file("- [").is_err() && parse_file("3").is_err());
    }

    #[test]
    fn the_silences_of_amtool_are_read() {
        check_file(
            r#"[{"id":"1","status":{"state":"active"},"updatedAt":"2026-01-05T18:00:00.000Z","comment":"upgrade","createdBy":"me",
               "startsAt":"1970-01-01T00:00:10.000Z","endsAt":"1970-01-01T00:01:00.000Z",
               "matchers":[{"name":"a","value":"b","isRegex":false,"isEqual":true},{"name":"c","value":"d.*","isRegex":true,"isEqual":false},{"name":"e","value":"f","isRegex":true}]}]"#,
            &[r#"{a="b", c!~"d.*", e=~"f"} 10..60 upgrade"#],
        );
    }
}
