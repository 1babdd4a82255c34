//! JSON, an object per sample, in the order of time.

use std::io::{self, Write};

use serde::Serialize;

use crate::labels::{LabelSet, METRIC_NAME};
use crate::report::number::{At, Labels, Number, write_json};

use super::Extract;

#[derive(Serialize)]
struct Line<'a> {
    timestamp: At,
    metric: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Labels<'a>>,
    value: Value,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Number(Number),
    Histogram(String),
}

pub(super) fn write(extract: &Extract<'_>, out: &mut dyn Write) -> io::Result<()> {
    let series: Vec<(&str, LabelSet)> =
        extract.all().map(|(labels, _)| (labels.get(METRIC_NAME).unwrap_or(""), labels.without_metric())).collect();
    for (at, number, value) in extract.by_time() {
        let (metric, labels) = &series[number as usize];
        let labels = (!labels.is_empty()).then_some(Labels(labels));
        let value = extract.histogram(value).map_or(Value::Number(Number(value)), Value::Histogram);
        write_json(out, &Line { timestamp: At(at), metric, labels, value })?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
