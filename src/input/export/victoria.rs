//! A line of VictoriaMetrics' export, read without a tree of JSON. A line that is written in another way than
//! VictoriaMetrics writes it is left to the reader of documents.

use super::named;
use crate::input::keys::label_value;
use crate::input::number::parse_value;
use crate::labels::LabelBuilder;
use crate::store::stale_marker;
use crate::time::Timestamp;

/// Reads the labels and the samples of a line; none if it is not as it should be. The inner error is what is wrong with
/// the labels. `see` is shown each value with its text.
pub(super) fn read_line(
    line: &[u8],
    labels: &mut LabelBuilder,
    points: &mut Vec<(Timestamp, f64)>,
    see: &mut dyn FnMut(f64, &[u8]),
) -> Option<Result<(), String>> {
    let mut rest = line.strip_prefix(b"{\"metric\":{")?;
    let mut wrong = None;
    while rest.first() != Some(&b'}') {
        let (name, after) = text(rest)?;
        let (value, after) = text(after.strip_prefix(b":")?)?;
        match label_value(name, value.as_bytes()) {
            Ok(value) => {
                labels.set(name, &value);
            }
            Err(message) => wrong = Some(message),
        }
        rest = match after {
            [b',', after @ ..] => after,
            after => after,
        };
    }
    let values = rest.strip_prefix(b"},\"values\":[")?;
    let end = memchr::memchr(b']', values)?;
    let times = values[end..].strip_prefix(b"],\"timestamps\":[")?;
    let (mut values, mut times) = (&values[..end], times);
    while !values.is_empty() {
        let stop = memchr::memchr(b',', values).unwrap_or(values.len());
        let value = value(&values[..stop], see)?;
        values = values.get(stop + 1..).unwrap_or_default();
        let (time, after) = whole(times)?;
        times = match after {
            [b',', after @ ..] if !values.is_empty() => after,
            after @ [b']', ..] if values.is_empty() => after,
            _ => return None,
        };
        points.push((Timestamp(time), value));
    }
    if times.trim_ascii() != b"]}" {
        return None;
    }
    Some(wrong.map_or_else(|| named(labels), Err))
}

/// Reads a text in quotes in which nothing is escaped.
fn text(rest: &[u8]) -> Option<(&str, &[u8])> {
    let rest = rest.strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', rest).filter(|end| rest[*end] == b'"')?;
    Some((std::str::from_utf8(&rest[..end]).ok()?, &rest[end + 1..]))
}

/// Reads a number as JSON writes it, `null`, or one of the texts for what is no number in JSON.
fn value(text: &[u8], see: &mut dyn FnMut(f64, &[u8])) -> Option<f64> {
    let text = match text {
        b"null" => return Some(stale_marker()),
        [b'"', text @ .., b'"'] => text,
        [b'-' | b'0'..=b'9', ..] => text,
        _ => return None,
    };
    let value = parse_value(text).ok()?;
    see(value, text);
    Some(value)
}

/// Reads a whole number of up to 18 digits.
fn whole(text: &[u8]) -> Option<(i64, &[u8])> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let mut number = 0_i64;
    let mut len = 0;
    while let Some(digit) = digits.get(len).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit <= 9) {
        number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
        len += 1;
    }
    (1..=18).contains(&len).then_some((if negative { -number } else { number }, &digits[len..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_as_victoriametrics_writes_them_are_read() {
        let good =
            r#"{"metric":{"__name__":"up","job":"a"},"values":[1,null,"Infinity",-2.5e3],"timestamps":[1,2,3,-4]}"#;
        let read = |line: &str| {
            let (mut labels, mut points) = (LabelBuilder::default(), Vec::new());
            let read = read_line(line.as_bytes(), &mut labels, &mut points, &mut |_, _| {});
            read.map(|named| (named, points, labels.build().to_string()))
        };
        let (named, points, labels) = read(good).expect("as it is written");
        assert_eq!((named, labels.as_str()), (Ok(()), "up{job=\"a\"}"));
        assert_eq!(points[2..], [(Timestamp(3), f64::INFINITY), (Timestamp(-4), -2500.0)]);
        assert!(read(&format!("{good}\r\n")).is_some());
        assert!(read(&good.replace("__name__", "n")).is_some_and(|(named, ..)| named.is_err()));
        for (part, other) in [
            ("\"a\"", "\"\\u0061\""),
            ("[1,", "[1,,"),
            ("[1,", "[true,"),
            ("[1,", "[[1,2],"),
            ("[1,", "[,"),
            ("null", "\"x\""),
            ("[1,2,3,-4]", "[1,2,3]"),
            ("[1,2,3,-4]", "[1,2,3,-4,5]"),
            ("[1,2,3,-4]", "[1,2,3,-4.5]"),
            ("]}", "]"),
            ("]}", "]}}"),
            ("\"values\"", "\"other\""),
            ("\"metric\"", "\"metrics\""),
        ] {
            assert!(read(&good.replacen(part, other, 1)).is_none(), "{part} {other}");
        }
        for len in 0..good.len() {
            assert!(read(&good[..len]).is_none(), "{len}");
        }
    }
}
