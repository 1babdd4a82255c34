//! Prometheus' text formats with a time on each line: OpenMetrics, the older text format, `promtool tsdb dump` and
//! `dump-openmetrics`, `mimirtool remote-read dump`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::bytes::Bytes;
use super::distinct::Distinct;
use super::feed::Rows;
use super::keys::{Keys, label_value};
use super::lines::Lines;
use super::number::{Vanished, parse_value, shown};
use super::repeat::{Repeats, Syntax, place_of};
use super::settings::{Fixed, Settings};
use super::summary::InputSummary;
use super::values::takes_all_numbers;
use super::{Format, InputError, place};
use crate::labels::{LabelBuilder, METRIC_NAME};
use crate::store::{Batch, Numbers, SeriesId, stale_marker};
use crate::time::Timestamp;

/// Returns whether a text begins as one of these formats does: with a comment that describes a metric, or a sample.
pub(super) fn is_exposition(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
    let Some(line) = line else { return false };
    if let Some(comment) = line.strip_prefix(b"# ") {
        return [&b"HELP "[..], b"TYPE ", b"UNIT ", b"EOF"].iter().any(|word| comment.starts_with(word));
    }
    // An object of JSON has a colon after its first name.
    let name_first = matches!(line, [b'{', b'"', rest @ ..] if rest.iter().position(|byte| *byte == b'"')
        .is_some_and(|end| rest.get(end + 1) == Some(&b':')));
    let Some(Sample { series, value, .. }) = split(line).filter(|_| !name_first) else { return false };
    let name = series.split(|byte| *byte == b'{').next().unwrap_or_default();
    let named = name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'));
    named && !name.first().is_some_and(u8::is_ascii_digit) && parse_value(value).is_ok()
}

/// Returns the metric and its type that a line `# TYPE name type` says.
fn described(line: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(line.strip_prefix(b"# TYPE ")?).ok()?;
    let (name, word) = text.trim().rsplit_once(' ')?;
    Some((name.trim().trim_matches('"'), word))
}

/// The parts of a line.
struct Sample<'a> {
    series: &'a [u8],
    value: &'a [u8],
    /// Empty where there is none.
    time: &'a [u8],
    /// What follows `#`.
    comment: &'a [u8],
}

/// Splits a line that is no comment; none where its series has no end or no value follows.
fn split(line: &[u8]) -> Option<Sample<'_>> {
    let brace = line.iter().position(|byte| matches!(byte, b'{' | b' ' | b'\t'))?;
    let end = if line[brace] == b'{' { brace + closing(&line[brace..])? + 1 } else { brace };
    let (series, rest) = line.split_at(end);
    let (value, time, comment) = after_series(rest)?;
    Some(Sample { series: series.trim_ascii(), value, time, comment })
}

/// Splits what follows a series into the value, the time and the comment; none where it is something else.
fn after_series(rest: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (value, rest) = word(rest);
    let (time, rest) = word(rest);
    let comment = match rest.trim_ascii_start() {
        [] => &[][..],
        [b'#', comment @ ..] => comment.trim_ascii(),
        _ => return None,
    };
    (!value.is_empty()).then_some((value, time, comment))
}

/// Takes a word off; a `#` begins no word.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_start();
    let end = text.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'#')).unwrap_or(text.len());
    text.split_at(end)
}

/// Returns where the `}` is that closes the `{` at the beginning; quoted texts may hold others.
fn closing(text: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Reads `name{label="value", ...}`, or `{__name__="name", ...}`, or `{"name", ...}`; the error is what is wrong.
pub(super) fn labels(series: &[u8]) -> Result<LabelBuilder, String> {
    let text = std::str::from_utf8(series).map_err(|_| "the series is not valid UTF-8".to_owned())?;
    let wrong = |what: &str| Err(format!("`{}` is not a series: {what}", shown(text)));
    let (name, inside) = match text.split_once('{') {
        Some((name, inside)) => (name.trim(), inside.trim_end().strip_suffix('}').unwrap_or(inside)),
        None => (text, ""),
    };
    let mut builder = LabelBuilder::default();
    if !name.is_empty() {
        builder.set(METRIC_NAME, name);
    }
    let mut rest = inside.trim_start();
    while !rest.is_empty() {
        let (label, after) = match rest.strip_prefix('"') {
            Some(quoted) => match unquoted(quoted) {
                Some((label, after)) => (label, after.trim_start()),
                None => return wrong("a quote is not closed"),
            },
            None => {
                let end = rest.find(|c: char| c == '=' || c == ',' || c.is_whitespace()).unwrap_or(rest.len());
                (rest[..end].to_owned(), rest[end..].trim_start())
            }
        };
        let (label, value, after) = match after.strip_prefix('=') {
            Some(value) => match value.trim_start().strip_prefix('"').and_then(unquoted) {
                Some((value, after)) => (label, value, after),
                None => return wrong("the value of a label is a quoted text"),
            },
            None if rest.starts_with('"') => (METRIC_NAME.to_owned(), label, after),
            None => return wrong("a label has no value"),
        };
        if label.is_empty() || builder.get(&label).is_some() {
            return wrong(if label.is_empty() { "a label has no name" } else { "a label appears twice" });
        }
        let value = label_value(&label, value.as_bytes())?;
        builder.set(&label, &value);
        rest = match after.trim_start() {
            "" => "",
            after => match after.strip_prefix(',') {
                Some(rest) => rest.trim_start(),
                None => return wrong("a comma is missing"),
            },
        };
    }
    if builder.get(METRIC_NAME).is_none() {
        return wrong("it has no metric name");
    }
    Ok(builder)
}

/// Reads a text up to its closing quote, with its escapes resolved, and returns what follows.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}

/// Reads the samples of one text.
pub(super) struct ExpositionRows {
    path: Arc<str>,
    lines: Lines,
    /// None where lines are not compared with those before.
    repeats: Option<Repeats>,
    file: u16,
    fixed: Fixed,
    keys: Keys,
    /// The series of each key, or why there is none; not known before its first sample.
    series: Vec<Option<Result<SeriesId, String>>>,
    /// The parts of the line, or what is wrong with it.
    row: Result<Parts, String>,
    /// What `# TYPE` lines say, by metric.
    types: BTreeMap<String, String>,
    /// Whether `# EOF` was seen.
    ended: bool,
    marks: bool,
    vanished: Vanished,
    distinct: Distinct,
}

/// What is kept of a line.
#[derive(Default)]
struct Parts {
    /// The number of the series' key.
    series: u32,
    time: Vec<u8>,
    value: f64,
    /// Where the time and the value stand in the line.
    places: (Range<usize>, Range<usize>),
}

impl ExpositionRows {
    pub(super) fn new(path: Arc<str>, bytes: Bytes, file: u16, settings: &Settings) -> Self {
        Self {
            path,
            lines: Lines::new(bytes),
            repeats: takes_all_numbers(&settings.form).then(|| Repeats::new(Syntax::Delimited(b' '), file)),
            file,
            fixed: settings.fixed.clone(),
            keys: Keys::default(),
            series: Vec::new(),
            row: Ok(Parts::default()),
            types: BTreeMap::new(),
            ended: false,
            marks: false,
            vanished: Vanished::default(),
            distinct: Distinct::default(),
        }
    }
}

/// Reads the value and the time of a line into memory that is used again.
fn read_parts(series: u32, sample: &Sample<'_>, line: &[u8], mut parts: Parts) -> Result<Parts, String> {
    let Sample { value, time, comment, .. } = *sample;
    if value.starts_with(b"{") {
        return Err("a native histogram: not read".to_owned());
    }
    if time.is_empty() {
        return Err("has no timestamp: one scrape is not a recording".to_owned());
    }
    parts.series = series;
    parts.value = if comment == b"StaleNaN" { stale_marker() } else { parse_value(value)? };
    parts.time.clear();
    parts.time.extend_from_slice(time);
    parts.places = (place_of(time, line), place_of(value, line));
    Ok(parts)
}

impl Rows for ExpositionRows {
    fn next_row(&mut self) -> Result<bool, InputError> {
        loop {
            let number_of_line = self.lines.line + 1;
            let Some(line) = self.lines.next(&self.path)? else { return Ok(false) };
            if let Some(repeats) = &mut self.repeats {
                repeats.forget_time();
            }
            let whole = line;
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                self.ended |= line == b"# EOF";
                if let Some((name, word)) = described(line) {
                    self.types.insert(name.to_owned(), word.to_owned());
                }
                continue;
            }
            let parts = std::mem::replace(&mut self.row, Ok(Parts::default())).unwrap_or_default();
            // Most lines are of the series that comes next in the order of the lines before.
            let guess = self.keys.guess();
            let known = guess.and_then(|(number, key)| {
                let rest = line.strip_prefix(key).filter(|rest| rest.first() == Some(&b' '))?;
                let (value, time, comment) = after_series(rest)?;
                Some((number, Sample { series: &line[..key.len()], value, time, comment }))
            });
            let (number, sample) = match known {
                Some((number, sample)) => {
                    self.keys.came(number);
                    (number, sample)
                }
                None => match split(line) {
                    Some(sample) => {
                        let (number, new) = self.keys.number(sample.series);
                        if new {
                            self.series.push(None);
                        }
                        (number, sample)
                    }
                    None => {
                        let text = String::from_utf8_lossy(line);
                        self.row = Err(format!("`{}` is not a sample", shown(&text)));
                        return Ok(true);
                    }
                },
            };
            self.row = read_parts(number, &sample, whole, parts);
            if let Ok(parts) = &self.row {
                self.vanished.note(parts.value, sample.value, number_of_line);
            }
            return Ok(true);
        }
    }

    fn line(&self) -> u64 {
        self.lines.line
    }

    fn time_field(&self) -> Result<&[u8], String> {
        self.row.as_ref().map(|parts| parts.time.as_slice()).map_err(Clone::clone)
    }

    fn time_column(&self) -> &str {
        "timestamp"
    }

    fn repeats(&mut self) -> Option<(&mut Repeats, &mut Lines)> {
        Some((self.repeats.as_mut()?, &mut self.lines))
    }

    fn take(&mut self, at: Timestamp, numbers: &mut Numbers, batch: &mut Batch) -> Result<(), String> {
        let Ok(parts) = &self.row else { return Ok(()) };
        let series = match &mut self.series[parts.series as usize] {
            Some(series) => series,
            new => new.insert(labels(self.keys.get(parts.series)).and_then(|mut labels| {
                self.fixed.give(&mut labels)?;
                Ok(numbers.series(&labels.build()))
            })),
        };
        let series = series.clone()?;
        self.marks |= crate::store::is_stale(parts.value);
        batch.push(series, at, parts.value, place(self.file, self.lines.line));
        let Some(repeats) = &mut self.repeats else { return Ok(()) };
        let sample = (series, parts.value);
        repeats.read_whole((&parts.time, at), self.lines.last(), sample, |_| Some(parts.places.clone()));
        Ok(())
    }

    fn distinct(&mut self) -> &mut Distinct {
        &mut self.distinct
    }

    fn in_time_order(&self) -> bool {
        // A dump has one series after the other.
        false
    }

    fn marks_ends(&self) -> bool {
        self.marks
    }

    fn describe(&self, summary: &mut InputSummary) {
        summary.format = Some((Format::PrometheusText, "one sample per line".to_owned()));
        summary.types.clone_from(&self.types);
        summary.warnings.extend(self.vanished.describe());
        if !self.lines.ended && !self.ended {
            summary.warnings.push("the last line has no line end: is the file still being written?".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ReadOptions;
    use super::super::testing::{Once, dump, read, source};
    use super::*;
    use crate::store::Stale;

    fn check(text: &str, expected: &[&str]) {
        let (store, summary) = read(vec![source("a.om", text)], ReadOptions::default(), Stale::Off).expect(text);
        assert_eq!(dump(&store), expected, "{text}");
        assert!(matches!(summary.inputs[0].format, Some((Format::PrometheusText, _))), "{text}");
        let once = vec![Box::new(Once(super::super::Text::new("-", text.as_bytes()))) as Box<dyn super::super::Source>];
        let (store, _) = read(once, ReadOptions::default(), Stale::Off).expect(text);
        assert_eq!(dump(&store), expected, "once: {text}");
    }

    #[test]
    fn types_are_read() {
        assert_eq!(super::described(b"# TYPE up gauge"), Some(("up", "gauge")));
        assert_eq!(super::described(b"# TYPE \"a.b\" counter"), Some(("a.b", "counter")));
        assert_eq!(super::described(b"# HELP up gauge"), None);
    }

    #[test]
    fn samples_are_read_in_any_order_and_spelling() {
        check(
            "# TYPE up gauge\nup{job=\"a\",instance=\"x:1\"} 1 1767571200.000\nup{job=\"a\",instance=\"x:1\"} 0 1767571215.5\n\
             load 2.5 1767571200\n# EOF\n",
            &["load 1767571200000=2.5", "up{instance=\"x:1\", job=\"a\"} 1767571200000=1 1767571215500=0"],
        );
        check(
            "{__name__=\"up\", job=\"a\"} 1 1767571260000\n{__name__=\"up\", job=\"a\"} NaN 1767571200000 # StaleNaN\n",
            &["up{job=\"a\"} 1767571200000=stale 1767571260000=1"],
        );
        check(
            "{\"my.name\", a=\"}\\\"\\\\\\n\"} +Inf 1767571200000\n",
            &["my.name{a=\"}\\\"\\\\\\n\"} 1767571200000=inf"],
        );
        check(
            "x_bucket{le=\"1\",} 3 1767571200 # {trace=\"a\"} 0.5 1767571199\n",
            &["x_bucket{le=\"1.0\"} 1767571200000=3"],
        );
    }

    #[test]
    fn lines_that_are_no_sample_are_bad_rows() {
        let good = "up 1 1767571200000\n";
        for (line, part) in [
            ("up 1", "has no timestamp"),
            ("up{a=\"b} 1 1767571200000", "is not a sample"),
            ("up{a=b} 1 1767571200000", "the value of a label is a quoted text"),
            ("up{a=\"1\",a=\"2\"} 1 1767571200000", "a label appears twice"),
            ("{a=\"1\"} 1 1767571200000", "it has no metric name"),
            ("up x 1767571200000", "is not a number"),
            ("up {count:1, sum:2} 1767571200000", "is not a sample"),
            ("up 1 yesterday", "is not a time"),
        ] {
            let text = format!("{good}{line}\n");
            let error =
                read(vec![source("a.om", &text)], ReadOptions::default(), Stale::Off).map(|_| ()).expect_err(line);
            assert!(error.to_string().contains("a.om:2: ") && error.to_string().contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn other_texts_are_not_taken_for_samples() {
        for text in ["timestamp,up\n", "{\"a\":1}\n", "[1]\n", "a;b 1\n", "# a comment\n", "time value\n", "groups:\n"]
        {
            assert!(!is_exposition(text.as_bytes()), "{text}");
        }
    }
}
