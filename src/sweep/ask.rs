//! What is to be set, as `--set` has it: an alert, one of its parameters, and the values to try.

use std::fmt;
use std::str::FromStr;

use crate::diagnostic::nearest;
use crate::limits;
use crate::outcome::threshold::number;
use crate::promql::ast::{Expr, ExprKind};
use crate::promql::parse::parse;
use crate::source::Span;
use crate::time::{Millis, parse_duration};

/// What a parameter of a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `for`.
    Hold,
    /// `keep_firing_for`.
    Keep,
    /// A number that the expression compares with.
    Threshold,
    /// Any other number of the expression.
    Number,
    /// A range of the expression: `5m` of `rate(x[5m])`.
    Window,
}

impl Key {
    const ALL: [Self; 5] = [Self::Hold, Self::Keep, Self::Threshold, Self::Number, Self::Window];

    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hold => "for",
            Self::Keep => "keep_firing_for",
            Self::Threshold => "threshold",
            Self::Number => "number",
            Self::Window => "window",
        }
    }

    /// Returns whether it stands in the expression, where there may be several.
    #[must_use]
    pub fn is_literal(self) -> bool {
        matches!(self, Self::Threshold | Self::Number | Self::Window)
    }

    /// Returns whether its values are numbers; others are spans.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(self, Self::Threshold | Self::Number)
    }

    /// Reads a value.
    fn read(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Threshold | Self::Number => {
                let parsed = parse(text);
                let value = number(&parsed.expr).filter(|_| parsed.problems.is_empty());
                match value {
                    None => Err(format!("`{text}` is not a number; write it like `0.9`, `40e9` or `2 * 3600`")),
                    Some(value) if value.is_nan() => Err("nothing compares with NaN".to_owned()),
                    Some(value) => Ok(Value::Number(value)),
                }
            }
            _ => {
                let span = parse_duration(text).map_err(|error| error.to_string())?;
                match (self, span) {
                    (Self::Window, Millis::ZERO) => Err("a window must be longer than 0s".to_owned()),
                    _ => Ok(Value::Span(span)),
                }
            }
        }
    }
}

/// A value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Of `for`, `keep_firing_for` and windows.
    Span(Millis),
    /// Of thresholds.
    Number(f64),
}

impl Value {
    /// Compares two values of one parameter.
    #[must_use]
    pub fn order(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Span(a), Self::Span(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Span(_), Self::Number(_)) => std::cmp::Ordering::Less,
            (Self::Number(_), Self::Span(_)) => std::cmp::Ordering::Greater,
        }
    }
}

/// Formats as PromQL and rule files have it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Span(span) => span.fmt(f),
            Self::Number(value) => {
                let kind = ExprKind::Number { value: *value, duration: false };
                Expr { kind, span: Span::default() }.fmt(f)
            }
        }
    }
}

/// Which of several literals is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The only one.
    Only,
    /// The one at this place in the expression, counted from 1.
    At(usize),
    /// All of them, together.
    All,
}

/// One `--set`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// As it was written.
    pub text: String,
    /// The alert: its name, with its group before it or its place after it, or where its rule stands.
    pub alert: String,
    /// The parameter.
    pub key: Key,
    /// Which of several.
    pub which: Which,
    /// The values, ascending, each once.
    pub values: Vec<Value>,
}

/// What to type.
const EXAMPLE: &str = "HighCpu.for=5m,10m or HighCpu.threshold=0.8..0.95:0.05";

impl FromStr for Ask {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ends_with_key = |left: &str| left.rsplit_once('.').is_some_and(|(_, key)| parameter_of(key.trim()).is_ok());
        // Names of alerts may have a `=` of their own.
        let mut splits = text.match_indices('=').map(|(at, _)| (&text[..at], &text[at + 1..]));
        let (left, values) = splits
            .find(|(left, _)| ends_with_key(left))
            .or_else(|| text.split_once('='))
            .ok_or_else(|| format!("`{text}` gives no values; write it like {EXAMPLE}"))?;
        let (alert, parameter) = left
            .rsplit_once('.')
            .filter(|(alert, _)| !alert.trim().is_empty())
            .ok_or_else(|| format!("`{left}` is not an alert and its parameter; write it like {EXAMPLE}"))?;
        let (key, which) = parameter_of(parameter.trim())?;
        let mut all = Vec::new();
        for part in values.split(',') {
            all.extend(listed(key, part.trim())?);
            if all.len() > limits::SWEEP_POINTS {
                return Err(too_many(all.len() as u128));
            }
        }
        all.sort_by(Value::order);
        all.dedup();
        Ok(Self { text: text.to_owned(), alert: alert.trim().to_owned(), key, which, values: all })
    }
}

fn parameter_of(text: &str) -> Result<(Key, Which), String> {
    let (word, place) = match text.split_once('[') {
        Some((word, place)) => (word, Some(place.strip_suffix(']').unwrap_or(place))),
        None => (text, None),
    };
    let key = Key::ALL.into_iter().find(|key| key.word() == word).ok_or_else(|| {
        let words = Key::ALL.map(Key::word);
        let near = nearest(word, words).first().map(|near| format!("; did you mean `{near}`?"));
        format!("`{word}` is none of {}{}", words.map(|word| format!("`{word}`")).join(", "), near.unwrap_or_default())
    })?;
    let which = match place {
        None => Which::Only,
        Some(_) if !key.is_literal() => return Err(format!("a rule has one `{word}`: write it without `[..]`")),
        Some("*") => Which::All,
        Some(place) => match place.parse() {
            Ok(at @ 1..) => Which::At(at),
            _ => return Err(format!("`[{place}]` is not a place; write it like `{word}[1]`, or `{word}[*]` for all")),
        },
    };
    Ok((key, which))
}

/// Reads one value, or a range of them.
fn listed(key: Key, text: &str) -> Result<Vec<Value>, String> {
    let Some((from, rest)) = text.split_once("..") else {
        return match text {
            "" => Err(format!("a value is missing; write it like {EXAMPLE}")),
            text => key.read(text).map(|value| vec![value]),
        };
    };
    let form = match key {
        key if key.is_number() => "`0.8..0.95:0.05`",
        _ => "`5m..30m:5m`",
    };
    let (to, step) = rest.split_once(':').ok_or_else(|| format!("`{text}` has no step; write it like {form}"))?;
    let ends = [from, to, step].map(str::trim);
    let decimals = match key {
        key if key.is_number() => ends.map(|text| Decimal::read(text).ok_or(text)),
        _ => {
            let mut spans = [Ok(Decimal { digits: 0, exponent: 0 }); 3];
            for (span, text) in spans.iter_mut().zip(ends) {
                let millis = parse_duration(text).map_err(|error| error.to_string())?;
                *span = Ok(Decimal { digits: i128::from(millis.0), exponent: 0 });
            }
            spans
        }
    };
    let mut all = [Decimal { digits: 0, exponent: 0 }; 3];
    for (decimal, read) in all.iter_mut().zip(decimals) {
        *decimal = read.map_err(|text| format!("`{text}` is not a decimal number; write it like {form}"))?;
    }
    let (exponent, [from, to, step]) =
        aligned(all).ok_or_else(|| format!("`{text}`: these numbers are too far apart for a range"))?;
    if step <= 0 || to < from {
        return Err(format!("`{text}`: a range goes up, by a step above 0; write it like {form}"));
    }
    let count = ((to - from) / step).unsigned_abs() + 1;
    if count > limits::SWEEP_POINTS as u128 {
        return Err(too_many(count));
    }
    let value = |at: i128| {
        let digits = from + at * step;
        match key {
            // Read as it would be written, so that no error adds up.
            key if key.is_number() => key.read(&format!("{digits}e{exponent}")),
            Key::Window if digits == 0 => Err("a window must be longer than 0s".to_owned()),
            _ => Ok(Value::Span(Millis(i64::try_from(digits).unwrap_or(i64::MAX)))),
        }
    };
    (0..i128::try_from(count).unwrap_or(0)).map(value).collect()
}

/// Says that there are too many values.
pub(crate) fn too_many(count: u128) -> String {
    let (count, most) = (u64::try_from(count).unwrap_or(u64::MAX), limits::SWEEP_POINTS as u64);
    let [count, most] = [count, most].map(crate::format::count);
    format!("{count} combinations of values are more than {most}: take larger steps, or fewer parameters at once")
}

/// A decimal number as it was written: `digits` times ten to the `exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decimal {
    digits: i128,
    exponent: i32,
}

impl Decimal {
    fn read(text: &str) -> Option<Self> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok().filter(|e| e.abs() < 400)?),
            None => (text, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if unsigned.len() + fraction.len() == 0 || !is_number(unsigned) || !is_number(fraction) {
            return None;
        }
        let digits = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { digits, exponent: exponent - i32::try_from(fraction.len()).ok()? })
    }
}

/// Returns the digits of decimals with one exponent.
fn aligned(all: [Decimal; 3]) -> Option<(i32, [i128; 3])> {
    let exponent = all.iter().map(|decimal| decimal.exponent).min()?;
    let mut digits = [0; 3];
    for (digit, decimal) in digits.iter_mut().zip(all) {
        let power = u32::try_from(decimal.exponent - exponent).ok()?;
        *digit = decimal.digits.checked_mul(10_i128.checked_pow(power)?)?;
    }
    // What is added to them stays far from the end.
    digits.iter().all(|digit| digit.abs() < i128::MAX / 4).then_some((exponent, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, alert: &str, key: Key, which: Which, values: &str) {
        let ask: Ask = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        let shown: Vec<String> = ask.values.iter().map(ToString::to_string).collect();
        assert_eq!((ask.alert.as_str(), ask.key, ask.which, shown.join(" ").as_str()), (alert, key, which, values));
    }

    #[test]
    fn lists_and_ranges_are_read() {
        check("A.for=5m,10m,15m", "A", Key::Hold, Which::Only, "5m 10m 15m");
        check("A.for=15m, 0s,5m..15m:5m", "A", Key::Hold, Which::Only, "0s 5m 10m 15m");
        check("g/A.keep_firing_for=90s", "g/A", Key::Keep, Which::Only, "1m30s");
        check("A.threshold=0.8..0.95:0.05", "A", Key::Threshold, Which::Only, "0.8 0.85 0.9 0.95");
        check("A.threshold=-1..1:0.5,40e9", "A", Key::Threshold, Which::Only, "-1 -0.5 0 0.5 1 40000000000");
        check(
            "A.threshold=1e9..3e9:5e8",
            "A",
            Key::Threshold,
            Which::Only,
            "1000000000 1500000000 2000000000 2500000000 3000000000",
        );
        check("A.number[3]=0.9,0.99", "A", Key::Number, Which::At(3), "0.9 0.99");
        check("A.threshold[2]=2 * 3600", "A", Key::Threshold, Which::At(2), "7200");
        check("A=1.5.for=1m", "A=1.5", Key::Hold, Which::Only, "1m");
        check("a.b:c.window[*]=5m,1h", "a.b:c", Key::Window, Which::All, "5m 1h");
    }

    #[test]
    fn a_range_has_the_numbers_that_a_person_would_write() {
        let ask: Ask = "A.threshold=0..1:0.001".parse().expect("a range");
        for (at, value) in ask.values.iter().enumerate() {
            let written: f64 = format!("{}.{:03}", at / 1000, at % 1000).parse().expect("a number");
            assert_eq!(*value, Value::Number(written));
        }
        assert_eq!(ask.values.len(), 1001);
    }

    #[test]
    fn what_is_wrong_says_what_to_type() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Ask>().expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("A.for", "gives no values; write it like HighCpu.for=5m,10m");
        check("for=5m", "not an alert and its parameter");
        check("A.fro=5m", "did you mean `for`?");
        check("A.for[1]=5m", "a rule has one `for`");
        check("A.window[0]=5m", "write it like `window[1]`");
        check("A.window=0s", "longer than 0s");
        check("A.window=0s..5m:1m", "longer than 0s");
        check("A.for=", "a value is missing");
        check("A.for=5", "write it like");
        check("A.threshold=1GiB", "is not a number; write it like `0.9`");
        check("A.threshold=NaN", "nothing compares with NaN");
        check("A.threshold=1..2", "has no step; write it like `0.8..0.95:0.05`");
        check("A.threshold=2..1:1", "a range goes up");
        check("A.threshold=1..2:0", "a range goes up");
        check("A.threshold=0x1..0x9:1", "`0x1` is not a decimal number");
        check("A.threshold=1e-300..1e300:1", "too far apart");
        check("A.threshold=0..1:1e-9", "1,000,000,001 combinations of values are more than 100,000");
    }
}
