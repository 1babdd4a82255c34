//! Values of samples.

use crate::format::go;

/// Reads a value; the error says in words for a person what is wrong with it.
///
/// Source: the special values are those of Go's `ParseFloat`, which Prometheus reads samples with.
pub(super) fn parse_value(field: &[u8]) -> Result<f64, String> {
    let field = field.trim_ascii();
    if let Some(value) = plain_decimal(field) {
        return Ok(value);
    }
    let text = std::str::from_utf8(field).map_err(|_| "the value is not valid UTF-8".to_owned())?;
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(value) if text.bytes().any(|byte| byte.is_ascii_digit()) => {
            Err(format!("`{}` is beyond the range of a 64-bit float ({value})", shown(text)))
        }
        // The parser takes a sign before NaN, Go does not.
        Ok(value) if value.is_nan() && text.len() != 3 => Err(wrong(text)),
        // One NaN only: its sign and payload would otherwise depend on the spelling.
        Ok(value) if value.is_nan() => Ok(f64::NAN),
        Ok(value) => Ok(value),
        Err(_) => Err(wrong(text)),
    }
}

/// Reads a plain decimal such as `-0.5508` of at most 15 digits.
pub(super) fn plain_decimal(field: &[u8]) -> Option<f64> {
    leading_decimal(field).filter(|(_, end)| *end == field.len()).map(|(value, _)| value)
}

/// Reads the plain decimal of at most 15 digits with which a text begins, and returns where it ends. The digits and the
/// power of ten are whole numbers that a float holds exactly, so the division rounds once, as a parser of floats must.
#[inline]
pub(super) fn leading_decimal(text: &[u8]) -> Option<(f64, usize)> {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    const NONE: usize = usize::MAX;
    let negative = text.first() == Some(&b'-');
    let begin = usize::from(negative);
    // Fifteen digits, a point, and one byte more that shows that there are more digits.
    let text = &text[..text.len().min(begin + 17)];
    let (mut at, mut number, mut point) = (begin, 0_u64, NONE);
    while let Some(byte) = text.get(at) {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            number = number * 10 + u64::from(digit);
        } else if *byte == b'.' && point == NONE {
            point = at;
        } else {
            break;
        }
        at += 1;
    }
    let (digits, places) = if point == NONE { (at - begin, 0) } else { (at - begin - 1, at - point - 1) };
    if !(1..=15).contains(&digits) {
        return None;
    }
    let value = if places == 0 { number as f64 } else { number as f64 / POWERS[places] };
    Some((if negative { -value } else { value }, at))
}

/// Counts values such as `1e-400`, which are 0 in a 64-bit float.
#[derive(Debug, Default)]
pub(super) struct Vanished {
    count: u64,
    first: Option<(u64, String)>,
}

impl Vanished {
    /// Notes a value that was read, and counts it if it is 0 only because it is too small.
    pub(super) fn note(&mut self, value: f64, field: &[u8], line: u64) {
        // Nothing shorter than `1e-324` vanishes.
        if value == 0.0 && field.len() > 5 {
            self.look(field, line);
        }
    }

    #[cold]
    fn look(&mut self, field: &[u8], line: u64) {
        let digits = field.split(|byte| matches!(byte, b'e' | b'E')).next().unwrap_or_default();
        if digits.iter().any(|byte| matches!(byte, b'1'..=b'9')) {
            self.count += 1;
            self.first.get_or_insert_with(|| (line, shown(&String::from_utf8_lossy(field.trim_ascii()))));
        }
    }

    /// Says how many there were.
    pub(super) fn describe(&self) -> Option<String> {
        let (line, text) = self.first.as_ref()?;
        let (values, them) = if self.count == 1 { ("value is", "it was") } else { ("values are", "they were") };
        let count = crate::format::count(self.count);
        Some(format!("{count} {values} too small for a 64-bit float, and {them} read as 0: `{text}` in line {line}"))
    }
}

/// Returns whether a cell is a number, or one with a unit or commas that its row is then refused for. Cost: a parse.
pub(super) fn is_numeric_cell(field: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(field.trim_ascii()) else { return false };
    text.parse::<f64>().is_ok()
        || has_comma(text)
        || unit(text).is_some_and(|unit| UNITS.contains(&unit))
        || odd_sign(text).is_some()
}

/// Returns what in a number is no part of one: blanks or apostrophes between its thousands, a currency, the minus sign of
/// a typesetter.
fn odd_sign(text: &str) -> Option<&'static str> {
    let is_blank = |c: char| matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}');
    let is_apostrophe = |c: char| matches!(c, '\'' | '\u{2019}');
    let is_currency = |c: char| matches!(c, '$' | '€' | '£' | '¥');
    let bare = text.trim_start_matches(['-', '+', '\u{2212}']).trim_matches(|c| is_currency(c) || is_blank(c));
    let (whole, part) = bare.rfind(['.', ',']).map_or((bare, ""), |at| (&bare[..at], &bare[at + 1..]));
    let mut groups = whole.split(|c| is_blank(c) || is_apostrophe(c));
    let is_first = |group: &str| (1..=3).contains(&group.len());
    let digits = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().filter(|group| digits(group))?;
    let rest: Vec<&str> = groups.collect();
    if !(part.is_empty() || digits(part)) || !rest.iter().all(|group| digits(group) && group.len() == 3) {
        return None;
    }
    if !rest.is_empty() {
        let what = if whole.contains(is_apostrophe) { "apostrophes" } else { "blanks" };
        return is_first(first).then_some(what);
    }
    if text.contains(is_currency) {
        return Some("a currency");
    }
    text.contains('\u{2212}').then_some("the minus sign U+2212")
}

/// Units that exports of dashboards put behind numbers.
const UNITS: [&str; 40] = [
    "%", "B", "kB", "KB", "MB", "GB", "TB", "PB", "KiB", "MiB", "GiB", "TiB", "PiB", "b", "kb", "Mb", "Gb", "K", "Mil",
    "Bil", "ns", "us", "µs", "μs", "ms", "s", "min", "mins", "hour", "hours", "day", "days", "week", "weeks", "Hz",
    "°C", "B/s", "MB/s", "req/s", "ops/s",
];

/// Returns what follows a number.
fn unit(text: &str) -> Option<&str> {
    let number = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))).unwrap_or(text.len());
    let (number, unit) = text.split_at(number);
    let is_unit = !unit.is_empty() && !unit.bytes().any(|byte| byte.is_ascii_digit());
    number.parse::<f64>().ok().filter(|_| is_unit).map(|_| unit.trim_start())
}

/// Returns whether a text is a number with a decimal or thousands comma.
pub(super) fn has_comma(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    digits.contains(',')
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'.'))
}

fn wrong(text: &str) -> String {
    let shown = shown(text);
    if has_comma(text) {
        return format!(
            "`{shown}` has a decimal or thousands comma; a decimal comma is read with `--decimal ,`, otherwise export plain \
             numbers"
        );
    }
    if let Some(what) = odd_sign(text) {
        return format!("`{shown}` is written with {what}; export plain numbers such as `-1230.5`");
    }
    match unit(text).filter(|unit| unit.chars().count() <= 8) {
        Some(unit) => format!(
            "`{shown}` has the unit `{unit}`; export raw values (in Grafana: Inspect, Data, switch \"Formatted data\" off)"
        ),
        None if shown.len() <= 20 && !shown.contains('\'') => {
            format!("`{shown}` is not a number (if it means no sample: --null '{shown}')")
        }
        None => format!("`{shown}` is not a number"),
    }
}

/// Cuts a long text for a message, and writes control characters as escapes: a terminal would obey them.
pub(super) fn shown(text: &str) -> String {
    let (text, cut) = match text.char_indices().nth(60) {
        Some((end, _)) => (&text[..end], ".."),
        None => (text, ""),
    };
    text.chars().map(go::visible).chain([cut.to_owned()]).collect()
}

/// Returns the value of an `le` or `quantile` label as Prometheus 3 stores it: `1` becomes `1.0`; what is no number
/// stays.
///
/// Source: promql.md 8.5; Prometheus' `labels.FormatOpenMetricsFloat`, on Go's shortest `g` form.
pub(super) fn normalised_bound(text: &str) -> String {
    let Ok(value) = text.parse::<f64>() else { return text.to_owned() };
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Where Go's shortest `g` form switches to an exponent.
    if value != 0.0 && !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.unsigned_abs());
    }
    let plain = value.to_string();
    if plain.contains('.') { plain } else { format!("{plain}.0") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_the_grammar_of_floats() {
        for (text, value) in
            [("1", 1.0), (" -2.5e3 ", -2500.0), (".5", 0.5), ("+Inf", f64::INFINITY), ("-inf", f64::NEG_INFINITY)]
        {
            assert_eq!(parse_value(text.as_bytes()), Ok(value), "{text}");
        }
        for text in ["NaN", "nan"] {
            assert!(parse_value(text.as_bytes()).is_ok_and(f64::is_nan), "{text}");
        }
    }

    #[test]
    fn values_that_become_0_are_counted() {
        let mut vanished = Vanished::default();
        for (line, text) in (1..).zip(["0", "0.000000", "-0e-400", "1e-400", "1e-300", "-12.5E-999", "0.0e0"]) {
            vanished.note(parse_value(text.as_bytes()).expect(text), text.as_bytes(), line);
        }
        let told = vanished.describe().expect("two");
        assert_eq!(told, "2 values are too small for a 64-bit float, and they were read as 0: `1e-400` in line 4");
        assert_eq!(Vanished::default().describe(), None);
    }

    #[test]
    fn plain_decimals_are_read_to_the_bit() {
        let mut state = 1_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..20_000 {
            let len = 1 + next(17) as usize;
            let text: String = (0..len).map(|_| b"0123456789012.-"[next(15) as usize] as char).collect();
            let (fast, slow) = (plain_decimal(text.as_bytes()), text.parse::<f64>().ok());
            assert!(fast.is_none() || fast.map(f64::to_bits) == slow.map(f64::to_bits), "{text}: {fast:?} {slow:?}");
        }
        for text in ["0", "-0", "1.", ".5", "0.1", "123456789012345", "0.00000000000001"] {
            assert_eq!(plain_decimal(text.as_bytes()).map(f64::to_bits), text.parse::<f64>().ok().map(f64::to_bits));
        }
        for text in ["", "-", ".", "-.", "1.2.3", "+1", "1e3", "1234567890123456"] {
            assert_eq!(plain_decimal(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn wrong_values_say_how_to_export_without() {
        for (text, word) in [
            ("1e999", "beyond"),
            ("12 MB", "unit `MB`"),
            ("45%", "unit `%`"),
            ("1,5", "comma"),
            ("1,234.5", "comma"),
            ("-nan", "not a number"),
            ("abc", "not a number"),
            ("0x10", "not a number"),
            ("1_000", "not a number"),
            ("1 230,5", "blanks"),
            ("1\u{202f}230", "blanks"),
            ("1'230.5", "apostrophes"),
            ("$1.00", "a currency"),
            ("\u{2212}1", "U+2212"),
            ("1 2", "not a number"),
        ] {
            let message = parse_value(text.as_bytes()).expect_err(text);
            assert!(message.contains(word), "{text}: {message}");
        }
        assert!(parse_value(b"\xff").is_err());
    }

    #[test]
    fn bounds_are_written_as_prometheus_does() {
        for (text, normal) in [
            ("1", "1.0"),
            ("0.5", "0.5"),
            ("0", "0.0"),
            ("+Inf", "+Inf"),
            ("inf", "+Inf"),
            ("100000", "100000.0"),
            ("1000000", "1e+06"),
            ("1234567", "1.234567e+06"),
            ("0.00001", "1e-05"),
            ("1e-3", "0.001"),
            ("-2.50", "-2.5"),
            ("x", "x"),
        ] {
            assert_eq!(normalised_bound(text), normal, "{text}");
        }
    }
}
