//! JSON with one series after the other: VictoriaMetrics' `/api/v1/export`, one per line, and answers of Prometheus' query
//! API.

mod victoria;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::histogram::Histograms;
use crate::input::bytes::Bytes;
use crate::input::distinct::Distinct;
use crate::input::feed::Rows;
use crate::input::keys::label_value;
use crate::input::number::{Vanished, parse_value};
use crate::input::settings::{Fixed, Settings};
use crate::input::summary::InputSummary;
use crate::input::values::{histogram_words, is_histogram};
use crate::input::{Format, InputError, place};
use crate::labels::{LabelBuilder, METRIC_NAME};
use crate::promql::notation::parse_histogram;
use crate::store::{Batch, Numbers, SeriesId, is_stale, stale_marker};
use crate::time::Timestamp;

/// Returns which of the formats a text begins with.
pub(super) fn recognize(head: &[u8]) -> Option<Format> {
    // Blanks between the parts do not matter.
    let compact: Vec<u8> = head.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let has = |part: &[u8]| memchr::memmem::find(&compact, part).is_some();
    if compact.starts_with(b"{\"metric\":{") && has(b"},\"values\":[") && !has(b"},\"values\":[[") {
        return Some(Format::VictoriaMetrics);
    }
    let answer = compact.starts_with(b"{\"status\":") || compact.starts_with(b"{\"resultType\":");
    let list = compact.starts_with(b"[{\"metric\":{") || compact.starts_with(b"{\"metric\":{");
    let pairs = has(b"\"values\":[[") || has(b"\"value\":[");
    (answer || list && pairs).then_some(Format::PrometheusJson)
}

/// A value of JSON: a number, a text such as `"Infinity"`, or `null`, which stands for a stale marker; or a native
/// histogram as text, which is read once it is known where it stands.
enum Value {
    Float(f64),
    Histogram(String),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a number or a native histogram in quotes, or null")
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Float(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
                Ok(Value::Float(value as f64))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Float(value as f64))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
                Ok(Value::Float(stale_marker()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                if is_histogram(text) {
                    return Ok(Value::Histogram(text.to_owned()));
                }
                parse_value(text.as_bytes()).map(Value::Float).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// One series of either format.
#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    /// VictoriaMetrics: values and, next to them, times in milliseconds. Prometheus: pairs of seconds and value.
    #[serde(default)]
    values: Vec<Point>,
    #[serde(default)]
    timestamps: Vec<i64>,
    /// The pair of an instant query.
    #[serde(default)]
    value: Option<(f64, Value)>,
    #[serde(default)]
    histograms: Vec<de::IgnoredAny>,
}

/// An entry of `values`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Point {
    Pair(f64, Value),
    Alone(Value),
}

/// An answer of the query API.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: serde_json::Value,
}

/// What one document holds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Series(Series),
    List(Vec<Series>),
    Data(Data),
    Answer(Answer),
}

/// Documents of JSON, one after the other, whatever stands between them.
type Documents =
    serde_json::StreamDeserializer<'static, serde_json::de::IoRead<Chain<Cursor<Vec<u8>>, Input>>, Document>;
type Input = BufReader<Whole>;

/// Where series come from.
enum Origin {
    /// Lines of VictoriaMetrics.
    Lines {
        input: Input,
        line: Vec<u8>,
    },
    Documents(Box<Documents>),
    /// Nothing more.
    End,
}

impl Origin {
    /// Reads documents, the first of which begins with `begun`.
    fn documents(begun: Vec<u8>, input: Input) -> Self {
        let input = Cursor::new(begun).chain(input);
        Self::Documents(Box::new(serde_json::Deserializer::from_reader(input).into_iter()))
    }
}

/// Bytes for the JSON reader: a document may be longer than a line of other formats.
struct Whole(Bytes);

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.begin_record();
        self.0.read(buffer)
    }
}

/// Reads the samples of one file.
pub(super) struct ExportRows {
    path: Arc<str>,
    format: Format,
    compression: Option<&'static str>,
    file: u16,
    fixed: Fixed,
    /// The metric of series that have none.
    metric: Option<String>,
    from: Origin,
    /// Series that were read, the next one last.
    series: Vec<Series>,
    /// The series at hand: its samples, how many of them were taken, and its labels until it is known to the store.
    points: Vec<(Timestamp, f64)>,
    held: Histograms,
    taken: usize,
    labels: Result<LabelBuilder, String>,
    id: Option<SeriesId>,
    /// The sample at hand.
    point: (Timestamp, f64),
    /// The number of the series at hand, from 1.
    number: u64,
    histograms: u64,
    marks: bool,
    vanished: Vanished,
    distinct: Distinct,
}

impl ExportRows {
    pub(super) fn new(path: Arc<str>, bytes: Bytes, file: u16, format: Format, settings: &Settings) -> Self {
        let compression = bytes.compression;
        let input = BufReader::with_capacity(256 << 10, Whole(bytes));
        let from = match format {
            Format::VictoriaMetrics => Origin::Lines { input, line: Vec::new() },
            _ => Origin::documents(Vec::new(), input),
        };
        Self {
            path,
            format,
            compression,
            file,
            fixed: settings.fixed.clone(),
            metric: settings.form.metric.clone(),
            from,
            series: Vec::new(),
            points: Vec::new(),
            held: Histograms::default(),
            taken: 0,
            labels: Ok(LabelBuilder::default()),
            id: None,
            point: (Timestamp::MIN, 0.0),
            number: 0,
            histograms: 0,
            marks: false,
            vanished: Vanished::default(),
            distinct: Distinct::default(),
        }
    }

    fn refuse(&self, found: impl Into<String>) -> InputError {
        InputError::Export { path: Arc::clone(&self.path), found: found.into() }
    }

    /// Reads the next document; false after the last.
    fn read_document(&mut self) -> Result<bool, InputError> {
        let Origin::Documents(documents) = &mut self.from else { return Ok(false) };
        let document = match documents.next() {
            None => return Ok(false),
            Some(Ok(document)) => document,
            Some(Err(error)) if error.is_io() => {
                return Err(InputError::read(&self.path, self.compression, error.into()));
            }
            Some(Err(error)) if error.is_eof() => {
                return Err(self.refuse("the JSON ends too early"));
            }
            Some(Err(error)) if error.is_syntax() => return Err(self.refuse(format!("is no valid JSON: {error}"))),
            Some(Err(_)) => {
                return Err(self.refuse("holds no series: expected the answer of a query, or /api/v1/export"));
            }
        };
        let data = match document {
            Document::Series(series) => {
                self.series.push(series);
                return Ok(true);
            }
            Document::List(series) => {
                self.series.extend(series.into_iter().rev());
                return Ok(true);
            }
            Document::Data(data) => data,
            Document::Answer(Answer { data: Some(data), .. }) => data,
            Document::Answer(Answer { status, error, .. }) => {
                return Err(self.refuse(format!("the answer of the server is `{status}`, not data: {error}")));
            }
        };
        if !matches!(data.result_type.as_str(), "matrix" | "vector") {
            let kind = data.result_type;
            return Err(self.refuse(format!("the answer is a {kind}; a recording is a matrix or a vector")));
        }
        let series: Vec<Series> =
            serde_json::from_value(data.result).map_err(|error| self.refuse(format!("the result has {error}")))?;
        self.series.extend(series.into_iter().rev());
        Ok(true)
    }

    /// Reads the series of the next line; false where there is none, or where it must be read as a document.
    fn next_line(&mut self) -> Result<bool, InputError> {
        let Origin::Lines { input, line } = &mut self.from else { return Ok(false) };
        loop {
            line.clear();
            if let Err(error) = input.read_until(b'\n', line) {
                return Err(InputError::read(&self.path, self.compression, error));
            }
            if line.is_empty() {
                self.from = Origin::End;
                return Ok(false);
            }
            if !line.trim_ascii().is_empty() {
                break;
            }
        }
        self.points.clear();
        let mut labels = LabelBuilder::default();
        let number = self.number + 1;
        let mut vanished = |value, text: &[u8]| self.vanished.note(value, text, number);
        match victoria::read_line(line, &mut labels, &mut self.points, &mut vanished) {
            Some(named) => {
                self.number = number;
                self.id = None;
                self.labels = named.map(|()| labels);
                Ok(true)
            }
            None => {
                let line = std::mem::take(line);
                if let Origin::Lines { input, .. } = std::mem::replace(&mut self.from, Origin::End) {
                    self.from = Origin::documents(line, input);
                }
                Ok(false)
            }
        }
    }

    /// Begins the next series; false after the last.
    fn next_series(&mut self) -> Result<bool, InputError> {
        self.taken = 0;
        if self.next_line()? {
            return Ok(true);
        }
        while self.series.is_empty() {
            if !self.read_document()? {
                return Ok(false);
            }
        }
        let Some(series) = self.series.pop() else { return Ok(false) };
        self.number += 1;
        self.id = None;
        self.histograms += series.histograms.len() as u64;
        self.labels = labels(&series.metric, self.metric.as_deref())
            .and_then(|mut labels| self.fixed.give(&mut labels).map(|()| labels));
        self.held.clear();
        self.points = points(series, &mut self.held).map_err(|found| self.refuse(found))?;
        Ok(true)
    }
}

/// Returns the samples of a series in their order; the error is why they are none.
fn points(series: Series, held: &mut Histograms) -> Result<Vec<(Timestamp, f64)>, String> {
    let (values, times) = (series.values.len(), series.timestamps.len());
    let alone = series.values.iter().filter(|point| matches!(point, Point::Alone(_))).count();
    if times != alone || alone != 0 && alone != values {
        return Err(format!("a series has {values} values and {times} timestamps"));
    }
    let mut times = series.timestamps.into_iter();
    let milliseconds = |seconds: f64| Timestamp((seconds * 1000.0).round() as i64);
    let values = series.values.into_iter().map(|point| match point {
        Point::Pair(seconds, value) => (milliseconds(seconds), value),
        Point::Alone(value) => (Timestamp(times.next().unwrap_or_default()), value),
    });
    let one = series.value.map(|(seconds, value)| (milliseconds(seconds), value));
    let mut points = Vec::with_capacity(values.len() + 1);
    for (number, (at, value)) in (1..).zip(values.chain(one)) {
        let value = match value {
            Value::Float(value) => value,
            Value::Histogram(text) => match parse_histogram(&text) {
                Ok(written) => held.put(Arc::new(written.histogram)),
                Err(problems) => {
                    let words = problems.first().map_or_else(String::new, |first| histogram_words(first, None));
                    return Err(format!("value {number} of a series: {words}"));
                }
            },
        };
        points.push((at, value));
    }
    Ok(points)
}

/// Makes the labels of a series; `name` is the metric of series that have none.
fn labels(metric: &BTreeMap<String, String>, name: Option<&str>) -> Result<LabelBuilder, String> {
    let mut labels = LabelBuilder::default();
    labels.set(METRIC_NAME, name.unwrap_or_default());
    for (name, value) in metric {
        labels.set(name, &label_value(name, value.as_bytes())?);
    }
    named(&labels).map(|()| labels)
}

/// Says what is wrong with labels without a metric name.
fn named(labels: &LabelBuilder) -> Result<(), String> {
    match labels.get(METRIC_NAME) {
        Some(_) => Ok(()),
        None => Err(
            "a series has no metric name: query the metric itself, not an expression, or name it with --metric NAME"
                .to_owned(),
        ),
    }
}

impl Rows for ExportRows {
    fn next_row(&mut self) -> Result<bool, InputError> {
        loop {
            if let Some(point) = self.points.get(self.taken) {
                self.point = *point;
                self.taken += 1;
                return Ok(true);
            }
            if !self.next_series()? {
                return Ok(false);
            }
        }
    }

    fn line(&self) -> u64 {
        self.number
    }

    fn time_field(&self) -> Result<&[u8], String> {
        Ok(&[])
    }

    fn at(&self) -> Option<Timestamp> {
        Some(self.point.0)
    }

    fn time_column(&self) -> &str {
        "timestamps"
    }

    fn take(&mut self, at: Timestamp, numbers: &mut Numbers, batch: &mut Batch) -> Result<(), String> {
        let id = match self.id {
            Some(id) => id,
            None => *self.id.insert(numbers.series(&self.labels.clone()?.build())),
        };
        self.marks |= is_stale(self.point.1);
        batch.push_value(id, at, (self.point.1, &self.held), place(self.file, self.number));
        Ok(())
    }

    fn distinct(&mut self) -> &mut Distinct {
        &mut self.distinct
    }

    fn in_time_order(&self) -> bool {
        false
    }

    fn marks_ends(&self) -> bool {
        self.marks
    }

    fn describe(&self, summary: &mut InputSummary) {
        summary.format = Some((self.format, "one series after the other".to_owned()));
        summary.warnings.extend(self.vanished.describe());
        if self.histograms > 0 {
            summary.warnings.push(format!("{} native histograms were left out: they are not read", self.histograms));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::ReadOptions;
    use crate::input::testing::{dump, read, source};
    use crate::store::Stale;

    fn check(text: &str, format: Format, expected: &[&str]) {
        let (store, summary) = read(vec![source("a.json", text)], ReadOptions::default(), Stale::Off).expect(text);
        assert_eq!(dump(&store), expected, "{text}");
        assert_eq!(summary.inputs[0].format.as_ref().map(|(format, _)| *format), Some(format), "{text}");
    }

    fn refused(text: &str, part: &str) {
        let error = read(vec![source("a.json", text)], ReadOptions::default(), Stale::Off).map(|_| ()).expect_err(text);
        assert!(error.to_string().contains(part), "{text}: {error}");
    }

    #[test]
    fn exports_of_victoriametrics_are_read() {
        let text = r#"{"metric":{"__name__":"up","job":"a"},"values":[1,null,0.5],"timestamps":[1767571200000,1767571215000,1767571230000]}
{"metric":{"__name__":"b"},"values":["Infinity"],"timestamps":[1767571200000]}
{"metric":{"__name__":"up","job":"a"},"values":[2],"timestamps":[1767571245000]}
"#;
        check(
            text,
            Format::VictoriaMetrics,
            &[
                "b 1767571200000=inf",
                "up{job=\"a\"} 1767571200000=1 1767571215000=stale 1767571230000=0.5 1767571245000=2",
            ],
        );
        refused(
            r#"{"metric":{"__name__":"up"},"values":[1,2],"timestamps":[1767571200000]}"#,
            "a series has 2 values and 1 timestamps",
        );
    }

    #[test]
    fn exports_may_hold_native_histograms() {
        let text = |value: &str| {
            format!(
                r#"{{"metric":{{"__name__":"h"}},"values":[1,"{value}",null],"timestamps":[1767571200000,1767571215000,1767571230000]}}"#
            )
        };
        check(
            &text("{{count:3 sum:5 buckets:[1 2]}}"),
            Format::VictoriaMetrics,
            &["h 1767571200000=1 1767571215000={count:3, sum:5, (0.5,1]:1, (1,2]:2} 1767571230000=stale"],
        );
        refused(&text("{{foo:1}}"), "value 2 of a series: histograms have no `foo` at character 3 of the histogram");
    }

    #[test]
    fn answers_of_the_query_api_are_read() {
        let series = r#"{"metric":{"__name__":"up","job":"a"},"values":[[1767571200,"1"],[1767571215.5,"NaN"]]}"#;
        let expected = ["up{job=\"a\"} 1767571200000=1 1767571215500=NaN"];
        for text in [
            format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}"#),
            format!(r#"{{ "resultType": "matrix", "result": [{series}] }}"#),
            format!("[{series}]"),
            series.to_owned(),
        ] {
            check(&text, Format::PrometheusJson, &expected);
            refused(&text[..text.len() - 3], "the JSON ends too early");
        }
        check(
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up"},"value":[1767571200.123,"2"]}]}}"#,
            Format::PrometheusJson,
            &["up 1767571200123=2"],
        );
    }

    #[test]
    fn answers_without_series_are_refused_in_words() {
        refused(r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#, "not data: parse error");
        refused(r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#, "the answer is a scalar");
        refused(r#"{"metric":{"__name__":"up"},"values":[1],"timestamps":[1]}"#, "outside the years 2000 to 2100");
        refused(
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1767571200,"1"]]}]}}"#,
            "no metric name",
        );
    }
}
