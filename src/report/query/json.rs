//! `-o json`: a result as Prometheus' HTTP API answers with it, in one line.
//!
//! Source: Prometheus' `web/api/v1` (the response and its fields), `util/jsonutil` and `promql/value.go` (how times and
//! values are written, which is another way for a scalar).

use std::fmt;
use std::io::{self, Write};

use crate::histogram::Bucket;
use crate::labels::LabelSet;
use crate::promql::annotation::{Annotated, Level};
use crate::promql::query::{SampleValue, Value};
use crate::report::number::{Labels, write_json};
use crate::time::Timestamp;

/// The most warnings, and the most infos, that a server answers with.
const ANNOTATIONS: usize = 10;

/// Writes one line: a result at a time, and what its expression, whose text is given, told next to it.
///
/// # Errors
/// What the writer says.
pub fn write(
    out: &mut dyn Write,
    value: &Value,
    at: Timestamp,
    (text, annotations): (&str, &[Annotated]),
) -> io::Result<()> {
    let kind = match value {
        Value::Scalar(_) => "scalar",
        Value::String(_) => "string",
        Value::Vector(_) => "vector",
        Value::Matrix(_) => "matrix",
    };
    write!(out, r#"{{"status":"success","data":{{"resultType":"{kind}","result":"#)?;
    match value {
        Value::Scalar(number) => write!(out, r#"[{},"{}"]"#, Alone(at), plain(*number))?,
        Value::String(text) => {
            write!(out, "[{},", Alone(at))?;
            write_json(out, text)?;
            write!(out, "]")?;
        }
        Value::Vector(samples) => list(out, samples, |out, (labels, value)| {
            metric(out, labels)?;
            write!(out, r#""{}":"#, if value.float().is_some() { "value" } else { "histogram" })?;
            sample(out, at, value)?;
            write!(out, "}}")
        })?,
        Value::Matrix(series) => list(out, series, |out, series| {
            metric(out, &series.labels)?;
            let (floats, others): (Vec<_>, Vec<_>) =
                series.samples.iter().partition(|(_, value)| value.float().is_some());
            for (key, samples) in [("values", &floats), ("histograms", &others)] {
                if samples.is_empty() {
                    continue;
                }
                let comma = if key == "histograms" && !floats.is_empty() { "," } else { "" };
                write!(out, r#"{comma}"{key}":"#)?;
                list(out, samples, |out, (at, value)| sample(out, *at, value))?;
            }
            write!(out, "}}")
        })?,
    }
    write!(out, "}}")?;
    for (key, level, word) in [("warnings", Level::Warning, "warning"), ("infos", Level::Info, "info")] {
        let own = annotations.iter().filter(|told| told.what.level() == level);
        let mut texts: Vec<String> = own.map(|told| told.in_text(text)).collect();
        if let Some(more @ 1..) = texts.len().checked_sub(ANNOTATIONS) {
            texts.truncate(ANNOTATIONS);
            texts.push(format!("{more} more {word} annotations omitted"));
        }
        if !texts.is_empty() {
            write!(out, r#","{key}":"#)?;
            write_json(out, &texts)?;
        }
    }
    writeln!(out, "}}")
}

/// What was wrong, where there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// The expression, or what it is to be evaluated at.
    BadData,
    /// The evaluation failed.
    Execution,
}

/// Writes one line: why there is no result, in these words.
///
/// # Errors
/// What the writer says.
pub fn write_error(out: &mut dyn Write, kind: ErrorType, words: &str) -> io::Result<()> {
    let kind = match kind {
        ErrorType::BadData => "bad_data",
        ErrorType::Execution => "execution",
    };
    write!(out, r#"{{"status":"error","errorType":"{kind}","error":"#)?;
    write_json(out, &words)?;
    writeln!(out, "}}")
}

fn list<T>(out: &mut dyn Write, items: &[T], write: impl Fn(&mut dyn Write, &T) -> io::Result<()>) -> io::Result<()> {
    write!(out, "[")?;
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            write!(out, ",")?;
        }
        write(out, item)?;
    }
    write!(out, "]")
}

/// Writes the beginning of a series: its labels.
fn metric(out: &mut dyn Write, labels: &LabelSet) -> io::Result<()> {
    write!(out, r#"{{"metric":"#)?;
    write_json(out, &Labels(labels))?;
    write!(out, ",")
}

/// Writes a time and the value of a sample.
fn sample(out: &mut dyn Write, at: Timestamp, value: &SampleValue) -> io::Result<()> {
    match value {
        SampleValue::Float(value) => write!(out, r#"[{},"{}"]"#, InSeries(at), number(*value)),
        SampleValue::Histogram(held) => {
            write!(out, r#"[{},{{"count":"{}","sum":"{}""#, InSeries(at), number(held.count), number(held.sum))?;
            let buckets: Vec<Bucket> = held.buckets().filter(|bucket| bucket.n != 0.0).collect();
            if !buckets.is_empty() {
                write!(out, r#","buckets":"#)?;
                list(out, &buckets, |out, bucket| {
                    let Bucket { lower, upper, n } = *bucket;
                    let closed = closed(bucket, held.is_custom());
                    write!(out, r#"[{closed},"{}","{}","{}"]"#, number(lower), number(upper), number(n))
                })?;
            }
            write!(out, "}}]")
        }
    }
}

/// Returns which bounds belong to a bucket: 0 the upper one, 1 the lower one, 3 both.
fn closed(bucket: &Bucket, custom: bool) -> u8 {
    match (bucket.lower, bucket.upper) {
        (f64::NEG_INFINITY, _) if custom => 3,
        _ if custom => 0,
        (lower, upper) if lower <= 0.0 && upper >= 0.0 && -lower == upper => 3,
        (_, upper) if upper <= 0.0 => 1,
        _ => 0,
    }
}

/// A time of a sample, in seconds since the epoch: with three decimals, or none.
struct InSeries(Timestamp);

impl fmt::Display for InSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, millis) = (if self.0.0 < 0 { "-" } else { "" }, self.0.0.unsigned_abs());
        write!(f, "{sign}{}", millis / 1000)?;
        if millis % 1000 == 0 { Ok(()) } else { write!(f, ".{:03}", millis % 1000) }
    }
}

/// The time of a scalar or a text: with as few decimals as it has.
struct Alone(Timestamp);

impl fmt::Display for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = InSeries(self.0).to_string();
        f.write_str(if text.contains('.') { text.trim_end_matches('0') } else { &text })
    }
}

/// Writes the value of a sample: as short as it reads back, without an exponent from 1e-6 to 1e21.
fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !size.is_finite() || (1e-6..1e21).contains(&size) {
        return plain(value);
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Writes a number as short as it reads back, never with an exponent.
fn plain(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::annotation::Annotation;
    use crate::promql::notation::parse_histogram;
    use crate::promql::query::Series;

    fn check(value: &Value, at: i64, expected: &str) {
        let mut out = Vec::new();
        write(&mut out, value, Timestamp(at), ("", &[])).expect("a vector takes all");
        let text = String::from_utf8(out).expect("UTF-8");
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
        let data = text.strip_prefix(r#"{"status":"success","data":{"resultType":"#).expect("a result");
        assert_eq!(data.strip_suffix("}}\n"), Some(expected));
    }

    #[test]
    fn results_are_written_as_a_server_writes_them() {
        let up = LabelSet::new([("__name__", "up"), ("job", "a \"b\"\n<c>")]);
        check(&Value::Scalar(1e22), 1_435_781_451_100, r#""scalar","result":[1435781451.1,"10000000000000000000000"]"#);
        check(&Value::String("a\\".to_owned()), 0, r#""string","result":[0,"a\\"]"#);
        check(&Value::Vector(Vec::new()), 0, r#""vector","result":[]"#);
        check(
            &Value::Vector(vec![(up.clone(), 1.0.into()), (LabelSet::empty(), f64::NAN.into())]),
            1_435_781_451_100,
            r#""vector","result":[{"metric":{"__name__":"up","job":"a \"b\"\n<c>"},"value":[1435781451.100,"1"]},{"metric":{},"value":[1435781451.100,"NaN"]}]"#,
        );
        let samples = vec![(Timestamp(-1), 0.5.into()), (Timestamp(2000), f64::NEG_INFINITY.into())];
        check(
            &Value::Matrix(vec![Series { labels: LabelSet::empty(), samples }]),
            0,
            r#""matrix","result":[{"metric":{},"values":[[-0.001,"0.5"],[2,"-Inf"]]}]"#,
        );
    }

    #[test]
    fn histograms_are_written_by_their_buckets() {
        let text =
            "{{schema:0 count:9 sum:2.5 z_bucket:1 z_bucket_w:0.5 buckets:[2 3] offset:1 n_buckets:[3] n_offset:2}}";
        let histogram = parse_histogram(text).expect("a histogram");
        let held = || SampleValue::from(histogram.histogram.clone());
        let written = r#"{"count":"9","sum":"2.5","buckets":[[1,"-4","-2","3"],[3,"-0.5","0.5","1"],[0,"1","2","2"],[0,"2","4","3"]]}"#;
        check(
            &Value::Vector(vec![(LabelSet::empty(), held())]),
            0,
            &format!(r#""vector","result":[{{"metric":{{}},"histogram":[0,{written}]}}]"#),
        );
        let samples = vec![(Timestamp(0), 1.0.into()), (Timestamp(1000), held())];
        check(
            &Value::Matrix(vec![Series { labels: LabelSet::empty(), samples }]),
            0,
            &format!(r#""matrix","result":[{{"metric":{{}},"values":[[0,"1"]],"histograms":[[1,{written}]]}}]"#),
        );
    }

    #[test]
    fn warnings_and_infos_stand_after_the_result() {
        let told = |what| Annotated { what, span: Some(crate::source::Span::new(5, 7)) };
        let mut all = vec![told(Annotation::NotNamedAsCounter { metric: "a".to_owned() })];
        all.extend((2..14).map(|at| told(Annotation::BadQuantile(f64::from(at)))));
        let mut out = Vec::new();
        write(&mut out, &Value::Vector(Vec::new()), Timestamp(0), ("rate(up)", &all)).expect("a vector takes all");
        let line: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        let texts = |key: &str| line[key].as_array().map_or(0, Vec::len);
        assert_eq!((texts("warnings"), texts("infos")), (11, 1), "{line}");
        assert_eq!(line["warnings"][10], "2 more warning annotations omitted");
        let first = line["warnings"][0].as_str().expect("a text");
        assert!(first.starts_with("PromQL warning: ") && first.ends_with(" (1:6)"), "{first}");
    }

    #[test]
    fn values_have_an_exponent_only_where_a_server_gives_them_one() {
        let check = |value: f64, expected: &str| assert_eq!(number(value), expected);
        check(-0.0, "-0");
        check(0.1 + 0.2, "0.30000000000000004");
        check(123_456_789_012_345_680_000.0, "123456789012345680000");
        check(1e21, "1e+21");
        check(-1.5e100, "-1.5e+100");
        check(0.000_001, "0.000001");
        check(9.9e-7, "9.9e-07");
        check(f64::INFINITY, "+Inf");
        check(f64::NAN, "NaN");
    }

    #[test]
    fn a_failure_says_of_which_kind_it_is() {
        let mut out = Vec::new();
        write_error(&mut out, ErrorType::Execution, "too \"much\"").expect("a vector takes all");
        write_error(&mut out, ErrorType::BadData, "1:1: no").expect("a vector takes all");
        assert_eq!(
            String::from_utf8_lossy(&out),
            "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"too \\\"much\\\"\"}\n\
             {\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:1: no\"}\n"
        );
    }
}
