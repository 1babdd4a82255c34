//! Numbers and texts as Go writes them: what Prometheus' own words contain.

/// Writes a float as Go's `%v` and `%g` do: the shortest digits that read back as it.
pub(crate) fn shortest(value: f64) -> String {
    signed(value, None)
}

/// Writes a float with so many significant digits, trailing zeros removed: Go's `%.4g` and the like.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    signed(value, Some(digits))
}

fn signed(value: f64, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    format!("{sign}{}", general(value.abs(), precision))
}

/// Writes a text in double quotes as Go's `%q` does: what cannot be seen as an escape.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            ' ' => out.push(char),
            _ if is_hidden(char) || char.is_whitespace() => out.push_str(&escape(char)),
            _ => out.push(char),
        }
    }
    out.push('"');
    out
}

/// Returns whether a character is unseen, and moves the cursor or turns the text around it about.
pub(crate) fn is_hidden(char: char) -> bool {
    char.is_control() || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes a character that is hidden as an escape, and any other as it is: `\n`, `\x1b`, `\u202e`.
pub(crate) fn visible(char: char) -> String {
    if is_hidden(char) { escape(char) } else { char.to_string() }
}

fn escape(char: char) -> String {
    let code = u32::from(char);
    match char {
        '\x07' => "\\a".to_owned(),
        '\x08' => "\\b".to_owned(),
        '\x0c' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\x0b' => "\\v".to_owned(),
        '\0'..='\x7f' => format!("\\x{code:02x}"),
        '\u{80}'..='\u{ffff}' => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

/// The most digits a float can need; what is beyond is zeros.
const DIGITS: usize = 1100;

/// Returns the digits (the first before the point) and the decimal exponent of a value that is not negative.
fn digits(value: f64, after_point: Option<usize>) -> (String, i32) {
    let text = match after_point {
        Some(count) => format!("{value:.*e}", count.min(DIGITS)),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
}

/// Writes a value that is not negative with an exponent: `%e`, of so many digits after the point.
pub(crate) fn exponential(value: f64, precision: Option<usize>) -> String {
    let (mut digits, exponent) = digits(value, precision);
    if let Some(precision) = precision {
        digits.push_str(&"0".repeat((precision + 1).saturating_sub(digits.len())));
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:02}", exponent.unsigned_abs())
}

/// Writes a value that is not negative with so many digits after the point: `%f`.
pub(crate) fn fixed(value: f64, precision: usize) -> String {
    let mut text = format!("{value:.*}", precision.min(DIGITS));
    text.push_str(&"0".repeat(precision.saturating_sub(DIGITS)));
    text
}

/// Writes a value that is not negative as `%g` does, with so many significant digits or the fewest that read back as it.
pub(crate) fn general(value: f64, precision: Option<usize>) -> String {
    // Without a precision, six digits decide when an exponent is written.
    let wanted = precision.map(|digits| digits.max(1));
    let (digits, exponent) = digits(value, wanted.map(|digits| digits - 1));
    let digits = digits.trim_end_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    let most = wanted.map_or(6, |digits| i32::try_from(digits).unwrap_or(i32::MAX));
    if exponent < -4 || exponent >= most {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{first}{point}{rest}e{sign}{:02}", exponent.unsigned_abs());
    }
    match usize::try_from(exponent) {
        Ok(exponent) if digits.len() > exponent + 1 => {
            format!("{}.{}", &digits[..=exponent], &digits[exponent + 1..])
        }
        Ok(exponent) => format!("{digits}{}", "0".repeat(exponent + 1 - digits.len())),
        Err(_) => format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_an_exponent_from_a_million_on() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.25, "-0.25"),
            (100_000.0, "100000"),
            (1e6, "1e+06"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(shortest(value), expected);
        }
        assert_eq!(significant(0.125, 2), "0.12");
    }

    #[test]
    fn texts_are_quoted_with_what_cannot_be_seen_escaped() {
        for (text, expected) in
            [("up", "\"up\""), ("a \"b\" \\", "\"a \\\"b\\\" \\\\\""), ("é\n\t\u{1}\u{a0}", "\"é\\n\\t\\x01\\u00a0\"")]
        {
            assert_eq!(quoted(text), expected);
        }
    }
}
