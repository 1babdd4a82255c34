//! Numbers, instants and label sets as the machine formats write them.

use std::io;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::labels::LabelSet;
use crate::promql::query::SampleValue;
use crate::time::{Millis, Timestamp};

/// Writes a value as one JSON text in a single line, without the line end.
///
/// # Errors
/// What the writer says.
pub(crate) fn write_json(out: &mut dyn io::Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(out, Shortest)).map_err(io::Error::from)
}

/// Returns the shortest decimal that reads back as the same number: whole numbers without a fraction, an exponent
/// where it is shorter and the number is below 1e-4 or from 1e9 on; `NaN`, `+Inf`, `-Inf`.
pub(crate) fn shortest(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if size == 0.0 || (1e-4..1e9).contains(&size) {
        return value.to_string();
    }
    let exponent = format!("{value:e}");
    if size < 1e15 {
        let plain = value.to_string();
        if plain.len() <= exponent.len() {
            return plain;
        }
    }
    exponent
}

struct Shortest;

impl serde_json::ser::Formatter for Shortest {
    fn write_f64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(shortest(value).as_bytes())
    }
}

/// A value of a sample.
pub(crate) struct Number(pub(crate) f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() { serializer.serialize_f64(self.0) } else { serializer.serialize_str(&shortest(self.0)) }
    }
}

/// A value of a sample that may be a native histogram, which is a text.
pub(crate) struct Sampled<'a>(pub(crate) &'a SampleValue);

impl Serialize for Sampled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            SampleValue::Float(value) => Number(*value).serialize(serializer),
            SampleValue::Histogram(histogram) => serializer.collect_str(histogram),
        }
    }
}

/// A span, as a number of seconds.
pub(crate) struct Seconds(pub(crate) Millis);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.0 % 1000 {
            0 => serializer.serialize_i64(self.0.0 / 1000),
            _ => serializer.serialize_f64(self.0.seconds()),
        }
    }
}

/// An instant, as RFC 3339.
pub(crate) struct At(pub(crate) Timestamp);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A label set, as an object.
pub(crate) struct Labels<'a>(pub(crate) &'a LabelSet);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Pairs in their order, as an object.
pub(crate) struct Pairs<'a, V>(pub(crate) &'a [(String, V)]);

impl<V: Serialize> Serialize for Pairs<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        let check = |value: f64, expected: &str| {
            assert_eq!(shortest(value), expected);
            assert!(value.is_nan() || expected.parse::<f64>().map(f64::to_bits) == Ok(value.to_bits()), "{value}");
        };
        check(600.0, "600");
        check(0.1, "0.1");
        check(-0.0, "-0");
        check(3.9e10, "3.9e10");
        check(-3.2e9, "-3.2e9");
        check(1_234_567_890.0, "1234567890");
        check(9_007_199_254_740_993.0, "9.007199254740992e15");
        check(0.000_012, "1.2e-5");
        check(f64::MAX, "1.7976931348623157e308");
        check(f64::NAN, "NaN");
        check(f64::NEG_INFINITY, "-Inf");
    }

    #[test]
    fn whole_seconds_have_no_fraction() {
        let check = |millis, expected: &str| {
            let mut out = Vec::new();
            write_json(&mut out, &Seconds(Millis(millis))).expect("a vector takes all");
            assert_eq!(String::from_utf8_lossy(&out), expected);
        };
        check(600_000, "600");
        check(12_368, "12.368");
        check(-500, "-0.5");
    }
}
