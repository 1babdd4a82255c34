//! JSON as VictoriaMetrics' `/api/v1/export` writes it: a series per line, `null` for a stale marker. Native
//! histograms, which VictoriaMetrics does not have, are texts.

use std::io::{self, Write};

use crate::report::number::{Labels, shortest, write_json};
use crate::store::is_stale;

use super::Extract;

/// The most samples of a line; a series goes on in the next.
const SAMPLES: usize = 10_000;

pub(super) fn write(extract: &Extract<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (labels, samples) in extract.all() {
        for (times, values) in samples.times.chunks(SAMPLES).zip(samples.values.chunks(SAMPLES)) {
            out.write_all(b"{\"metric\":")?;
            write_json(out, &Labels(labels))?;
            list(out, "values", values.iter().map(|value| number(extract, *value)))?;
            list(out, "timestamps", times.iter().map(|time| time.0.to_string()))?;
            out.write_all(b"}\n")?;
        }
    }
    Ok(())
}

fn list(out: &mut dyn Write, name: &str, items: impl Iterator<Item = String>) -> io::Result<()> {
    write!(out, ",\"{name}\":[")?;
    for (at, item) in items.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(out, "{comma}{item}")?;
    }
    out.write_all(b"]")
}

fn number(extract: &Extract<'_>, value: f64) -> String {
    if let Some(histogram) = extract.histogram(value) {
        return format!("\"{histogram}\"");
    }
    match value {
        value if is_stale(value) => "null".to_owned(),
        value if value.is_nan() => "\"NaN\"".to_owned(),
        f64::INFINITY => "\"Infinity\"".to_owned(),
        f64::NEG_INFINITY => "\"-Infinity\"".to_owned(),
        value => shortest(value),
    }
}
