//! The values of numbers, characters and texts as templates write them.

use super::tree::Term;

/// Reads a number: whole (decimal, `0x`, `0o`, `0b`, leading 0), with point or exponent, or hexadecimal with `p`.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn number(text: &str) -> Result<Term, String> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.ends_with('i') {
        return Err(format!("`{text}` is an imaginary number: not supported"));
    }
    let wrong = || format!("`{text}` is not a number");
    let lower = digits.to_ascii_lowercase();
    let plain = underscores_removed(&lower).ok_or_else(wrong)?;
    let radix = match plain.get(..2) {
        Some("0x") if plain.contains('p') => {
            let value = hex_float(&plain[2..]).ok_or_else(wrong)?;
            return Ok(Term::Float(if negative { -value } else { value }, text.to_owned()));
        }
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ if plain.contains(['.', 'e']) => {
            if !plain.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
                return Err(wrong());
            }
            let value: f64 = plain.parse().map_err(|_| wrong())?;
            if !value.is_finite() {
                return Err(format!("`{text}` is too large for a number"));
            }
            return Ok(Term::Float(if negative { -value } else { value }, text.to_owned()));
        }
        Some(start) if start.starts_with('0') => 8,
        _ => 10,
    };
    let body = if matches!(plain.get(1..2), Some("x" | "o" | "b")) { &plain[2..] } else { &plain };
    if body.is_empty() || !body.chars().all(|c| c.is_digit(radix)) {
        return Err(wrong());
    }
    let signed = format!("{}{body}", if negative { "-" } else { "" });
    match i64::from_str_radix(&signed, radix) {
        Ok(value) => Ok(Term::Int(value, text.to_owned())),
        Err(_) => Err(format!("`{text}` does not fit 64 bits")),
    }
}

/// Removes underscores that stand between digits or after a base; none elsewhere are allowed.
fn underscores_removed(digits: &str) -> Option<String> {
    let doubled = digits.contains("__") || digits.ends_with('_') || digits.starts_with('_');
    let at_point = ["_.", "._", "_e", "e_", "_p", "p_"].iter().any(|pair| digits.contains(pair));
    if doubled || (at_point && !digits.starts_with("0x")) {
        return None;
    }
    Some(digits.replace('_', ""))
}

/// Reads a hexadecimal float after its `0x`.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() == 0 || whole.len() + fraction.len() > 13 {
        return None;
    }
    let digits = u64::from_str_radix(&format!("{whole}{fraction}"), 16).ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    let value = digits as f64 * 2f64.powi(exponent.clamp(-2000, 2000) - 4 * i32::try_from(fraction.len()).ok()?);
    value.is_finite().then_some(value)
}

/// Reads a character in single quotes as its code.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn character(written: &str) -> Result<i64, String> {
    let wrong = || format!("{written} is not a character");
    let inner = written.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).ok_or_else(wrong)?;
    let (code, taken) = next_char(inner, '\'').ok_or_else(wrong)?;
    if taken == inner.len() { Ok(i64::from(code.code())) } else { Err(wrong()) }
}

/// Reads a text in double quotes, escapes resolved; bytes that are no UTF-8 become U+FFFD.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn quoted(written: &str) -> Result<String, String> {
    let wrong = || format!("{written} has an escape that Go does not support");
    let mut rest = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(wrong)?;
    let mut bytes = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let (code, taken) = next_char(rest, '"').ok_or_else(wrong)?;
        match code {
            Code::Byte(byte) => bytes.push(byte),
            Code::Char(c) => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = &rest[taken..];
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// What one character of a quoted text stands for.
enum Code {
    Byte(u8),
    Char(char),
}

impl Code {
    fn code(&self) -> u32 {
        match self {
            Self::Byte(byte) => u32::from(*byte),
            Self::Char(c) => *c as u32,
        }
    }
}

/// Reads one character or escape and its length.
fn next_char(text: &str, quote: char) -> Option<(Code, usize)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first != '\\' {
        return (first != quote && first != '\n').then_some((Code::Char(first), first.len_utf8()));
    }
    let escape = chars.next()?;
    let simple = |c| Some((Code::Char(c), 2));
    let digits = |from: usize, len: usize, radix: u32| {
        let digits = text.get(from..from + len)?;
        digits.chars().all(|c| c.is_digit(radix)).then_some(())?;
        Some((u32::from_str_radix(digits, radix).ok()?, from + len))
    };
    match escape {
        'a' => simple('\u{7}'),
        'b' => simple('\u{8}'),
        'f' => simple('\u{c}'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\u{b}'),
        '\\' => simple('\\'),
        c if c == quote => simple(c),
        'x' => digits(2, 2, 16).and_then(|(code, end)| Some((Code::Byte(u8::try_from(code).ok()?), end))),
        '0'..='7' => digits(1, 3, 8).and_then(|(code, end)| Some((Code::Byte(u8::try_from(code).ok()?), end))),
        'u' => digits(2, 4, 16).and_then(|(code, end)| Some((Code::Char(char::from_u32(code)?), end))),
        'U' => digits(2, 8, 16).and_then(|(code, end)| Some((Code::Char(char::from_u32(code)?), end))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<f64>) {
        let value = match number(text) {
            Ok(Term::Int(value, _)) => Some(value as f64),
            Ok(Term::Float(value, _)) => Some(value),
            _ => None,
        };
        assert_eq!(value, expected, "{text}");
    }

    #[test]
    fn numbers_read_as_in_go() {
        for (text, value) in [
            ("0", 0.0),
            ("-12", -12.0),
            ("+7", 7.0),
            ("0x1F", 31.0),
            ("017", 15.0),
            ("0o17", 15.0),
            ("0b101", 5.0),
            ("1_000", 1000.0),
            ("1.5", 1.5),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("-2.5E-1", -0.25),
            ("0x1p4", 16.0),
            ("0x1.8p1", 3.0),
        ] {
            check(text, Some(value));
        }
        for text in ["", "-", "089", "1a", "1__0", "0x", "1i", "1.2.3", "99999999999999999999", "1e999", "."] {
            check(text, None);
        }
    }

    #[test]
    fn characters_and_texts_resolve_escapes() {
        assert_eq!(character("'a'"), Ok(97));
        assert_eq!(character(r"'\n'"), Ok(10));
        assert_eq!(character("'é'"), Ok(233));
        assert!(character("'ab'").is_err());
        assert!(character("''").is_err());
        assert_eq!(quoted(r#""a\t\"\x41\u00e9\101""#).as_deref(), Ok("a\t\"AéA"));
        assert!(quoted(r#""\q""#).is_err());
        assert!(quoted(r#""\u00é""#).is_err());
    }
}
