//! Values of samples.

/// Reads a value; the error says in words for a person what is wrong with it.
///
/// Source: the special values are those of Go's `ParseFloat`, which Prometheus reads samples with.
pub(super) fn parse_value(field: &[u8]) -> Result<f64, String> {
    let field = field.trim_ascii();
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

/// Returns whether a cell is a number, or one with a unit or commas that its row is then refused for. Cost: a parse.
pub(super) fn is_numeric_cell(field: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(field.trim_ascii()) else { return false };
    text.parse::<f64>().is_ok() || has_comma(text) || unit(text).is_some_and(|unit| UNITS.contains(&unit))
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
        return format!("`{shown}` has a decimal or thousands comma; export plain numbers with a decimal point");
    }
    match unit(text).filter(|unit| unit.chars().count() <= 8) {
        Some(unit) => format!(
            "`{shown}` has the unit `{unit}`; export raw values (in Grafana: Inspect, Data, switch \"Formatted data\" off)"
        ),
        None if shown.len() <= 20 => format!("`{shown}` is not a number (if it means no sample: --null '{shown}')"),
        None => format!("`{shown}` is not a number"),
    }
}

/// Cuts a long text for a message, and writes control characters as escapes: a terminal would obey them.
pub(super) fn shown(text: &str) -> String {
    let (text, cut) = match text.char_indices().nth(60) {
        Some((end, _)) => (&text[..end], ".."),
        None => (text, ""),
    };
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).chain([cut.to_owned()]).collect()
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
