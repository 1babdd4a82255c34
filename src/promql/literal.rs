//! Numbers, durations and strings as they are written.

use std::ops::Range;

use crate::time::{DurationError, Millis, parse_duration};

/// What a token that begins with a digit says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Literal {
    /// A number.
    Number(f64),
    /// A duration such as `5m`.
    Duration(Millis),
}

/// Says why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberError {
    /// It has another form.
    Form,
    /// Its value does not fit a 64-bit float.
    Overflow,
}

/// Reads a number without sign: decimal, `0x` hexadecimal, octal with a leading 0, `inf` and `nan` in any case; one
/// `_` may stand between two digits.
///
/// Source: Prometheus reads integers as Go does with base 0 and everything else as a float, so `010` is 8 and `08` is
/// 8.
pub(crate) fn number(text: &str) -> Result<f64, NumberError> {
    match text.to_ascii_lowercase().as_str() {
        "inf" => return Ok(f64::INFINITY),
        "nan" => return Ok(f64::NAN),
        _ => {}
    }
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let hex = |byte: u8| byte.is_ascii_hexdigit();
        let digits = digits.strip_prefix('_').unwrap_or(digits);
        if digits.is_empty() || !separated(digits, hex) || !digits.bytes().all(|byte| hex(byte) || byte == b'_') {
            return Err(NumberError::Form);
        }
        let value = i64::from_str_radix(&digits.replace('_', ""), 16).map_err(|_| NumberError::Overflow)?;
        return Ok(value as f64);
    }
    let number_like = |byte: u8| byte.is_ascii_digit() || b".eE+-_".contains(&byte);
    let starts = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !starts || !text.bytes().all(number_like) || !separated(text, |byte| byte.is_ascii_digit()) {
        return Err(NumberError::Form);
    }
    let plain = text.replace('_', "");
    if plain.len() > 1
        && plain.starts_with('0')
        && plain.bytes().all(|byte| (b'0'..=b'7').contains(&byte))
        && let Ok(value) = i64::from_str_radix(&plain, 8)
    {
        return Ok(value as f64);
    }
    match plain.parse::<f64>() {
        Ok(value) if value.is_infinite() => Err(NumberError::Overflow),
        Ok(value) => Ok(value),
        Err(_) => Err(NumberError::Form),
    }
}

/// Returns whether every `_` stands between two digits.
fn separated(text: &str, is_digit: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_').all(|(at, _)| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        before.is_some_and(|byte| is_digit(*byte)) && bytes.get(at + 1).is_some_and(|byte| is_digit(*byte))
    })
}

/// Reads a number or a duration without sign; the error is a whole message.
pub(crate) fn literal(text: &str) -> Result<Literal, String> {
    match number(text) {
        Ok(value) => Ok(Literal::Number(value)),
        Err(NumberError::Overflow) => Err(format!("the number `{}` is too large", short(text))),
        Err(NumberError::Form) => match parse_duration(text) {
            Ok(span) => Ok(Literal::Duration(span)),
            Err(DurationError::TooLong(_)) => {
                Err(format!("`{}` is longer than 292 years, the longest duration there is", short(text)))
            }
            Err(_) => Err(format!(
                "`{}` is neither a number nor a duration; a duration is written like `30s`, `5m` or `1h30m`",
                short(text)
            )),
        },
    }
}

/// Cuts a text for a message.
pub(crate) fn short(text: &str) -> String {
    const LONGEST: usize = 40;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 3).chain("...".chars()).collect()
}

/// The words for a string that Go takes for bytes: here it is a text.
pub(crate) const NO_TEXT: &str = "the escapes of this string give bytes that are not UTF-8";

/// Resolves a quoted string, quotes included; the error says which bytes of it are wrong and why.
///
/// Source: Prometheus' strings have Go's escapes; a single-quoted one may hold any length; backquotes escape nothing.
pub(crate) fn unquote(quoted: &str) -> Result<String, (Range<usize>, String)> {
    let quote = quoted.as_bytes().first().copied().unwrap_or(b'"');
    let end = quoted.len().saturating_sub(1).max(1);
    let body = quoted.get(1..end).unwrap_or("");
    if quote == b'`' || !body.contains('\\') {
        return Ok(body.to_owned());
    }
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        bytes.extend(&rest.as_bytes()[..at]);
        let start = 1 + body.len() - rest.len() + at;
        let taken = escape(&rest[at..], quote, &mut bytes).map_err(|(len, why)| (start..start + len, why))?;
        rest = &rest[at + taken..];
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8(bytes).map_err(|_| (0..quoted.len(), NO_TEXT.to_owned()))
}

/// Resolves the escape that `text` begins with and returns its length; the error holds the length of the wrong part.
fn escape(text: &str, quote: u8, bytes: &mut Vec<u8>) -> Result<usize, (usize, String)> {
    let Some(kind) = text[1..].chars().next() else {
        return Err((1, "a `\\` at the end of a string escapes nothing".to_owned()));
    };
    let simple = match kind {
        'a' => Some(7),
        'b' => Some(8),
        'f' => Some(12),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(11),
        '\\' => Some(b'\\'),
        kind if kind == char::from(quote) => Some(quote),
        _ => None,
    };
    if let Some(byte) = simple {
        bytes.push(byte);
        return Ok(2);
    }
    let (from, digits, base) = match kind {
        '0'..='7' => (1, 3, 8),
        'x' => (2, 2, 16),
        'u' => (2, 4, 16),
        'U' => (2, 8, 16),
        _ => {
            let why = format!("`\\{kind}` is not an escape; a backslash itself is written `\\\\`");
            return Err((1 + kind.len_utf8(), why));
        }
    };
    let to = from + digits;
    let value = text.get(from..to).filter(|hex| hex.bytes().all(|byte| char::from(byte).is_digit(base)));
    let Some(value) = value.and_then(|hex| u32::from_str_radix(hex, base).ok()) else {
        let name = if base == 8 { "\\".to_owned() } else { format!("\\{kind}") };
        let words = if base == 8 { "octal" } else { "hexadecimal" };
        return Err((1 + kind.len_utf8(), format!("the escape `{name}` needs {digits} {words} digits")));
    };
    if digits < 4 {
        let byte = u8::try_from(value).map_err(|_| (to, format!("`{}` is more than one byte", &text[..to])))?;
        bytes.push(byte);
    } else {
        let c = char::from_u32(value).ok_or_else(|| (to, format!("`{}` is no Unicode character", &text[..to])))?;
        bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_number(text: &str, expected: Result<f64, NumberError>) {
        let read = number(text);
        let bits = |read: Result<f64, NumberError>| read.map(f64::to_bits);
        assert_eq!(bits(read), bits(expected), "{text}");
    }

    #[test]
    fn numbers_are_read_as_prometheus_reads_them() {
        for (text, value) in [
            ("0", 0.0),
            ("1.5", 1.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("1E-3", 0.001),
            ("0x1F", 31.0),
            ("0X_1f", 31.0),
            ("0755", 493.0),
            ("08", 8.0),
            ("1_000.5", 1000.5),
            ("Inf", f64::INFINITY),
            ("NaN", f64::NAN),
            ("9223372036854775808", 9_223_372_036_854_775_808.0),
        ] {
            check_number(text, Ok(value));
        }
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in ["", ".", "1_", "_1", "1__0", "1_.5", "1e", "1.2.3", "0x", "0x1.8", "0b1", "infinity", "+1", "5m"] {
            check_number(text, Err(NumberError::Form));
        }
        check_number("1e400", Err(NumberError::Overflow));
        check_number("0xffffffffffffffff", Err(NumberError::Overflow));
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(unquote(r#""a\n\t\"\\\x41\101\u00e9\U0001F600""#), Ok("a\n\t\"\\AA\u{e9}\u{1f600}".to_owned()));
        assert_eq!(unquote(r"'it\'s'"), Ok("it's".to_owned()));
        assert_eq!(unquote(r"`\n`"), Ok(r"\n".to_owned()));
        assert_eq!(unquote(r#""\xc3\xa9""#), Ok("\u{e9}".to_owned()));
    }

    #[test]
    fn a_wrong_escape_is_pointed_at() {
        for (text, at) in [
            (r#""ab\d+""#, 3..5),
            (r#""\'""#, 1..3),
            (r#""\x4""#, 1..3),
            (r#""\400""#, 1..5),
            (r#""\ud800""#, 1..7),
            (r#""\é""#, 1..4),
            (r#""\xff""#, 0..6),
        ] {
            assert_eq!(unquote(text).map_err(|(at, _)| at), Err(at), "{text}");
        }
    }
}
