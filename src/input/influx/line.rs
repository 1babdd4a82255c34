//! InfluxDB line protocol: `measurement,tag=value field=1,other=2i 1767607200000000000`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{describe_texts, names};
use crate::format::counted;
use crate::input::bytes::Bytes;
use crate::input::distinct::Distinct;
use crate::input::feed::Rows;
use crate::input::keys::{Keys, label_value};
use crate::input::lines::Lines;
use crate::input::number::{Vanished, parse_value, shown};
use crate::input::settings::{Fixed, Settings};
use crate::input::summary::InputSummary;
use crate::input::{Format, InputError, place};
use crate::labels::{LabelBuilder, METRIC_NAME};
use crate::store::{Batch, Numbers, SeriesId};
use crate::time::Timestamp;

/// Returns whether the first line of a text that is no comment is line protocol from its beginning to its end; it may
/// lack the time, which is then said of its rows.
pub(in crate::input) fn is_line_protocol(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !is_skipped(line));
    let Some(Ok(parts)) = line.map(split) else { return false };
    let mut fields = Fields(parts.fields);
    let (mut count, mut texts) = (0, 0);
    loop {
        match fields.next() {
            None => break,
            Some(Ok((_, FieldValue::Text))) => texts += 1,
            Some(Ok((_, FieldValue::Plain(text)))) if number(text).is_ok() => count += 1,
            Some(_) => return false,
        }
    }
    let timed = is_time(parts.time);
    labels(parts.series).is_ok() && count + texts > 0 && (timed || parts.time.is_empty())
}

/// Returns whether a line holds no samples: a comment, or the head of an export by `influx_inspect`.
fn is_skipped(line: &[u8]) -> bool {
    line.is_empty() || line[0] == b'#' || line.starts_with(b"CREATE DATABASE ")
}

/// The parts of a line.
struct Parts<'a> {
    /// The measurement and its tags.
    series: &'a [u8],
    fields: &'a [u8],
    /// Empty where there is none.
    time: &'a [u8],
}

/// Returns where the first of some bytes is that has no backslash before it.
fn find(text: &[u8], stops: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let found = !escaped && stops.contains(byte);
        escaped = *byte == b'\\';
        found
    })
}

/// Splits a line; the error is what is wrong with it.
fn split(line: &[u8]) -> Result<Parts<'_>, String> {
    let wrong = |why: &str| format!("`{}` is not line protocol: {why}", shown(&String::from_utf8_lossy(line)));
    let end = find(line, b" ").ok_or_else(|| wrong("it has no fields"))?;
    let (series, rest) = (&line[..end], line[end..].trim_ascii_start());
    let mut at = 0;
    // Texts in quotes may hold blanks.
    let fields = loop {
        let stop = at + find(&rest[at..], b" \"").unwrap_or(rest.len() - at);
        match rest.get(stop) {
            Some(b'"') => {
                at = stop + 1 + closing(&rest[stop + 1..]).ok_or_else(|| wrong("a quote is not closed"))? + 1;
            }
            _ => break &rest[..stop],
        }
    };
    let time = rest[fields.len()..].trim_ascii();
    match find(fields, b"=") {
        Some(1..) => Ok(Parts { series, fields, time }),
        _ => Err(wrong("it has no fields")),
    }
}

/// Returns where the quote is that closes a text.
fn closing(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let found = !escaped && *byte == b'"';
        // Two backslashes are one in texts, and escape nothing.
        escaped = !escaped && *byte == b'\\';
        found
    })
}

/// What a field holds.
#[derive(Debug, PartialEq)]
enum FieldValue<'a> {
    /// A text in quotes.
    Text,
    /// Anything else.
    Plain(&'a [u8]),
}

/// Goes through fields: the key of each, and its value.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<Result<(&'a [u8], FieldValue<'a>), String>> {
        let text = self.0;
        if text.is_empty() {
            return None;
        }
        let Some(equals) = find(text, b"=,").filter(|at| *at > 0 && text[*at] == b'=') else {
            self.0 = &[];
            return Some(Err(format!("field `{}` has no value", shown(&String::from_utf8_lossy(text)))));
        };
        let (key, value) = (&text[..equals], &text[equals + 1..]);
        let (value, len) = match value.strip_prefix(b"\"") {
            Some(quoted) => (FieldValue::Text, closing(quoted).map_or(value.len(), |end| end + 2)),
            None => {
                let len = memchr::memchr(b',', value).unwrap_or(value.len());
                (FieldValue::Plain(&value[..len]), len)
            }
        };
        self.0 = match &text[equals + 1 + len..] {
            [] => &[],
            [b',', rest @ ..] if !rest.is_empty() => rest,
            _ => {
                self.0 = &[];
                return Some(Err(format!("field `{}` is not followed by another one", String::from_utf8_lossy(key))));
            }
        };
        Some(Ok((key, value)))
    }
}

/// Reads a number or a boolean; those are 1 and 0, as Telegraf and VictoriaMetrics have it.
fn number(text: &[u8]) -> Result<f64, String> {
    match text {
        b"t" | b"T" | b"true" | b"True" | b"TRUE" => return Ok(1.0),
        b"f" | b"F" | b"false" | b"False" | b"FALSE" => return Ok(0.0),
        [digits @ .., b'i' | b'u'] => {
            let unsigned = digits.strip_prefix(b"-").unwrap_or(digits);
            if !unsigned.is_empty() && unsigned.iter().all(u8::is_ascii_digit) {
                return parse_value(digits);
            }
        }
        _ => {}
    }
    let is_float = std::str::from_utf8(text).is_ok_and(|text| text.parse::<f64>().is_ok());
    if is_float {
        return parse_value(text);
    }
    Err(format!("`{}` is not a number, a boolean, or a text in quotes", shown(&String::from_utf8_lossy(text))))
}

fn is_time(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Resolves escapes: a backslash before a comma, an equals sign or a blank.
fn plain(text: &[u8]) -> Result<Cow<'_, str>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "the series is not valid UTF-8".to_owned())?;
    if !text.contains('\\') {
        return Ok(text.into());
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(',' | '=' | ' ')) => {}
            (c, _) => plain.push(c),
        }
    }
    Ok(plain.into())
}

/// Reads a measurement and its tags; the error is what is wrong.
fn labels(series: &[u8]) -> Result<(String, Vec<(String, String)>), String> {
    let wrong = |what: &str| format!("`{}`: {what}", shown(&String::from_utf8_lossy(series)));
    let end = find(series, b",").unwrap_or(series.len());
    let measurement = plain(&series[..end])?;
    if measurement.is_empty() {
        return Err(wrong("the measurement has no name"));
    }
    let mut tags: Vec<(String, String)> = Vec::new();
    let mut rest = &series[end..];
    while let [b',', tag @ ..] = rest {
        let end = find(tag, b",").unwrap_or(tag.len());
        let (tag, after) = tag.split_at(end);
        rest = after;
        let equals = find(tag, b"=").filter(|at| *at > 0 && at + 1 < tag.len());
        let Some(equals) = equals else { return Err(wrong("a tag has no name or no value")) };
        let (name, value) = (plain(&tag[..equals])?, plain(&tag[equals + 1..])?);
        if name == METRIC_NAME || tags.iter().any(|(other, _)| *other == name) {
            return Err(wrong(if name == METRIC_NAME { "a tag is called `__name__`" } else { "a tag appears twice" }));
        }
        let value = label_value(&name, value.as_bytes())?.into_owned();
        tags.push((name.into_owned(), value));
    }
    Ok((measurement.into_owned(), tags))
}

/// Reads the samples of one text.
pub(in crate::input) struct LineRows {
    path: Arc<str>,
    lines: Lines,
    file: u16,
    in_order: bool,
    /// Tags and fields that are left out.
    ignored: Vec<String>,
    /// Tags that the user takes a field for.
    told_labels: Vec<String>,
    /// Measurements with their tags.
    keys: Keys,
    /// What each is, or what is wrong with it.
    sets: Vec<Result<(String, LabelBuilder), String>>,
    /// Labels of all series.
    fixed: Fixed,
    /// A number of `sets` and a field.
    field_keys: Keys,
    /// The series of each; none for a field that is left out.
    series: Vec<Result<Option<SeriesId>, String>>,
    key: Vec<u8>,
    /// The line, and where its parts are; or what is wrong with it.
    row: Result<Row, String>,
    tags: Vec<String>,
    fields: BTreeSet<String>,
    /// Fields that hold texts, and how many.
    text_keys: Keys,
    texts: Vec<u64>,
    /// Metrics and labels that are not called as they are written.
    renamed: BTreeMap<String, String>,
    booleans: u64,
    vanished: Vanished,
    distinct: Distinct,
}

/// What is kept of a line.
#[derive(Default)]
struct Row {
    line: Vec<u8>,
    series: usize,
    fields: std::ops::Range<usize>,
    time: std::ops::Range<usize>,
}

impl LineRows {
    pub(in crate::input) fn new(path: Arc<str>, bytes: Bytes, file: u16, settings: &Settings) -> Self {
        Self {
            path,
            in_order: begins_in_order(bytes.head()),
            lines: Lines::new(bytes),
            file,
            fixed: settings.fixed.clone(),
            ignored: settings.form.ignore_columns.clone(),
            told_labels: settings.form.labels.clone(),
            keys: Keys::default(),
            sets: Vec::new(),
            field_keys: Keys::default(),
            series: Vec::new(),
            key: Vec::new(),
            row: Ok(Row::default()),
            tags: Vec::new(),
            fields: BTreeSet::new(),
            text_keys: Keys::default(),
            texts: Vec::new(),
            renamed: BTreeMap::new(),
            booleans: 0,
            vanished: Vanished::default(),
            distinct: Distinct::default(),
        }
    }

    /// Makes labels of a measurement and its tags.
    #[cold]
    fn add_set(&mut self, series: &[u8]) -> Result<(String, LabelBuilder), String> {
        let (measurement, tags) = labels(series)?;
        let mut builder = LabelBuilder::default();
        for (name, value) in tags {
            if !self.ignored.contains(&name) {
                let label = names::label(&name);
                if builder.get(&label).is_some() {
                    return Err(format!("two tags become the label `{label}`"));
                }
                builder.set(&label, &value);
                self.note_name(&name, label);
            }
            let tag = self.tags.iter().position(|tag| *tag == name).unwrap_or(self.tags.len());
            if !self.ignored.contains(&name) && !self.told_labels.contains(&name) {
                self.distinct.note(tag, value.as_bytes());
            }
            if tag == self.tags.len() {
                self.tags.push(name);
            }
        }
        Ok((measurement, builder))
    }

    /// Finds the series of a field, which is none where it is left out.
    #[cold]
    fn add_series(&mut self, set: u32, field: &[u8], numbers: &mut Numbers) -> Result<Option<SeriesId>, String> {
        let field = plain(field)?.into_owned();
        self.fields.insert(field.clone());
        if self.told_labels.contains(&field) {
            return Err(format!("--labels {field}: labels are tags in line protocol, and `{field}` is a field"));
        }
        if self.ignored.contains(&field) {
            return Ok(None);
        }
        let (measurement, labels) = self.sets[set as usize].as_ref().map_err(Clone::clone)?;
        let (mut labels, written) = (labels.clone(), format!("{measurement}_{field}"));
        let metric = names::metric(measurement, &field);
        labels.set(METRIC_NAME, &metric);
        if field != "value" {
            self.note_name(&written, metric);
        }
        self.fixed.give(&mut labels)?;
        Ok(Some(numbers.series(&labels.build())))
    }

    fn add_text(&mut self, field: &[u8]) -> Result<(), String> {
        let (number, new) = self.text_keys.number(field);
        if new {
            self.texts.push(0);
            self.fields.insert(plain(field)?.into_owned());
        }
        self.texts[number as usize] += 1;
        Ok(())
    }

    fn note_name(&mut self, written: &str, name: String) {
        if written != name {
            self.renamed.insert(written.to_owned(), name);
        }
    }

    fn take_row(&mut self, row: &Row, at: Timestamp, numbers: &mut Numbers, batch: &mut Batch) -> Result<(), String> {
        let series = &row.line[..row.series];
        let (set, new) = self.keys.number(series);
        if new {
            let labels = self.add_set(series);
            self.sets.push(labels);
        }
        if let Err(message) = &self.sets[set as usize] {
            return Err(message.clone());
        }
        let mut fields = Fields(&row.line[row.fields.clone()]);
        while let Some(field) = fields.next() {
            let (key, value) = field?;
            let FieldValue::Plain(text) = value else {
                self.add_text(key)?;
                continue;
            };
            self.key.clear();
            self.key.extend_from_slice(&set.to_le_bytes());
            self.key.extend_from_slice(key);
            let value = number(text).map_err(|why| format!("field `{}`: {why}", String::from_utf8_lossy(key)))?;
            self.vanished.note(value, text, self.lines.line);
            self.booleans += u64::from(text[0].is_ascii_alphabetic() && value.is_finite());
            let (number, new) = self.field_keys.number(&self.key);
            if new {
                let series = self.add_series(set, key, numbers);
                self.series.push(series);
            }
            if let Some(series) = self.series[number as usize].clone()? {
                batch.push(series, at, value, place(self.file, self.lines.line));
            }
        }
        Ok(())
    }
}

/// Returns whether the lines of the first stretch are in time order; an export has one series after the other.
fn begins_in_order(head: &[u8]) -> bool {
    let lines = head.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let times = lines.filter_map(|line| {
        let parts = split(line.trim_ascii()).ok()?;
        std::str::from_utf8(parts.time).ok()?.parse::<i64>().ok()
    });
    times.is_sorted()
}

/// Finds the parts of a line; the memory of the line before is used again.
fn take_apart(line: &[u8], mut row: Row) -> Result<Row, String> {
    let Parts { series, fields, time } = split(line)?;
    if time.is_empty() {
        return Err("has no timestamp: write the lines with the time of each point".to_owned());
    }
    if !is_time(time) {
        return Err(format!("`{}` is not a timestamp, which is a whole number", shown(&String::from_utf8_lossy(time))));
    }
    row.line.clear();
    row.line.extend_from_slice(line);
    row.series = series.len();
    let start = line.len() - line[series.len()..].trim_ascii_start().len();
    row.fields = start..start + fields.len();
    row.time = line.len() - time.len()..line.len();
    Ok(row)
}

impl Rows for LineRows {
    fn next_row(&mut self) -> Result<bool, InputError> {
        loop {
            let Some(line) = self.lines.next(&self.path)? else { return Ok(false) };
            let line = line.trim_ascii();
            if is_skipped(line) {
                continue;
            }
            let row = std::mem::replace(&mut self.row, Ok(Row::default())).unwrap_or_default();
            self.row = take_apart(line, row);
            return Ok(true);
        }
    }

    fn line(&self) -> u64 {
        self.lines.line
    }

    fn time_field(&self) -> Result<&[u8], String> {
        self.row.as_ref().map(|row| &row.line[row.time.clone()]).map_err(Clone::clone)
    }

    fn time_column(&self) -> &str {
        "timestamp"
    }

    fn take(&mut self, at: Timestamp, numbers: &mut Numbers, batch: &mut Batch) -> Result<(), String> {
        let Ok(row) = std::mem::replace(&mut self.row, Ok(Row::default())) else { return Ok(()) };
        let taken = self.take_row(&row, at, numbers, batch);
        self.row = Ok(row);
        taken
    }

    fn distinct(&mut self) -> &mut Distinct {
        &mut self.distinct
    }

    fn in_time_order(&self) -> bool {
        self.in_order
    }

    fn column(&self, column: usize) -> String {
        self.tags[column].clone()
    }

    fn describe(&self, summary: &mut InputSummary) {
        summary.format = Some((Format::InfluxLine, "metrics are MEASUREMENT_FIELD, tags are labels".to_owned()));
        summary.columns = self.tags.iter().chain(&self.fields).cloned().collect();
        let texts = (0..).zip(&self.texts);
        let texts = texts.map(|(at, count)| (String::from_utf8_lossy(self.text_keys.get(at)).into_owned(), *count));
        summary.warnings.extend(describe_texts(texts));
        if self.booleans > 0 {
            summary.warnings.push(format!("{} read as 1 and 0", counted(self.booleans, "boolean")));
        }
        summary.warnings.extend(self.vanished.describe());
        for (written, name) in self.renamed.iter().take(3) {
            summary.warnings.push(format!("`{}` is called `{name}`", shown(written)));
        }
        if let more @ 1.. = self.renamed.len().saturating_sub(3) {
            summary.warnings.push(format!("{} got other characters, too", counted(more as u64, "more name")));
        }
        if !self.lines.ended {
            summary.warnings.push("the last line has no line end: is the file still being written?".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::testing::{dump, read, source};
    use crate::input::{Form, ReadOptions};
    use crate::store::Stale;

    fn given(text: &str, options: ReadOptions) -> Result<(Vec<String>, Vec<String>), InputError> {
        let (store, summary) = read(vec![source("a.lp", text)], options, Stale::Off)?;
        assert!(matches!(summary.inputs[0].format, Some((Format::InfluxLine, _))), "{text}");
        Ok((dump(&store), summary.inputs[0].warnings.clone()))
    }

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(given(text, ReadOptions::default()).expect(text).0, expected, "{text}");
    }

    #[test]
    fn points_are_read() {
        check(
            "# a comment\n\ncpu,host=a usage_idle=98.2,usage_user=1i 1767607200000000000\n\
             cpu,host=a usage_idle=97,usage_user=2u 1767607210000000000\nload value=-.5e1 1767607210000000000\n",
            &[
                "cpu_usage_idle{host=\"a\"} 1767607200000=98.2 1767607210000=97",
                "cpu_usage_user{host=\"a\"} 1767607200000=1 1767607210000=2",
                "load 1767607210000=-5",
            ],
        );
        for time in ["1767607200", "1767607200000", "1767607200000000"] {
            check(
                &format!("up,b=2,a=1 value=t {time}\nup,a=1,b=2 value=t {time}\r\n"),
                &["up{a=\"1\", b=\"2\"} 1767607200000=1"],
            );
        }
    }

    #[test]
    fn escapes_are_resolved() {
        check(
            r#"my\ disk\,x=y,the\ host=a\,b\=c\ d,path=C:\tmp us\=ed=1,note="a, \"b\" c=1 \\",free=2 1767607200000000000"#,
            &[
                r#"my_disk_x_y_free{path="C:\\tmp", the_host="a,b=c d"} 1767607200000=2"#,
                r#"my_disk_x_y_us_ed{path="C:\\tmp", the_host="a,b=c d"} 1767607200000=1"#,
            ],
        );
    }

    #[test]
    fn texts_booleans_and_names_are_described() {
        let text = "a-b up=true,msg=\"x\" 1767607200000000000\na-b msg=\"y\",up=FALSE 1767607201000000000\n";
        let options = || ReadOptions {
            form: Form { ignore_columns: vec!["nothing".to_owned()], ..Form::default() },
            ..ReadOptions::default()
        };
        let error = given(text, options()).expect_err("no such column");
        assert!(error.to_string().contains("it has `msg`, `up`"), "{error}");
        let (series, warnings) = given(text, ReadOptions::default()).expect("reads");
        assert_eq!(series, ["a_b_up 1767607200000=1 1767607201000=0"]);
        assert_eq!(
            warnings,
            [
                "text fields are no samples: `msg` (2 values)",
                "2 booleans read as 1 and 0",
                "`a-b_up` is called `a_b_up`"
            ]
        );
    }

    #[test]
    fn tags_and_fields_can_be_left_out() {
        let text = "a,id=1 x=1,y=2 1767607200000000000\na,id=2 x=1,y=2 1767607201000000000\n";
        let ignore = vec!["id".to_owned(), "y".to_owned()];
        let (series, _) = given(
            text,
            ReadOptions { form: Form { ignore_columns: ignore, ..Form::default() }, ..ReadOptions::default() },
        )
        .expect("reads");
        assert_eq!(series, ["a_x 1767607200000=1 1767607201000=1"]);
    }

    #[test]
    fn lines_in_any_order_are_sorted() {
        let lines: Vec<String> = (0..40).rev().map(|at| format!("a x={at} {}\n", 1_767_607_200 + at)).collect();
        let (store, summary) =
            read(vec![source("a.lp", lines.concat())], ReadOptions::default(), Stale::Off).expect("reads");
        assert!(summary.held_whole && dump(&store)[0].starts_with("a_x 1767607200000=0 1767607201000=1"));
    }

    #[test]
    fn lines_that_are_no_points_are_bad_rows() {
        let good = "a x=1 1767607200000000000\n";
        for (line, part) in [
            ("a x=1", "has no timestamp"),
            ("a,b x=1 1767607200000000000", "a tag has no name or no value"),
            ("a,b= x=1 1767607200000000000", "a tag has no name or no value"),
            ("a,b=1,b=2 x=1 1767607200000000000", "a tag appears twice"),
            ("a x= 1767607200000000000", "is not a number, a boolean, or a text in quotes"),
            ("a x=1, 1767607200000000000", "is not followed by another one"),
            ("a x=1,y 1767607200000000000", "field `y` has no value"),
            ("a x=1.5i 1767607200000000000", "`1.5i` is not a number"),
            ("a x=1e999 1767607200000000000", "beyond the range"),
            ("a x=abc 1767607200000000000", "`abc` is not a number"),
            ("a x=\"abc 1767607200000000000", "a quote is not closed"),
            ("a 1767607200000000000", "it has no fields"),
            ("a", "it has no fields"),
            ("a x=1 yesterday", "is not a timestamp"),
            ("a x=1 1767607", "outside the years 2000 to 2100"),
            (",b=1 x=1 1767607200000000000", "the measurement has no name"),
        ] {
            let error = given(&format!("{good}{line}\n"), ReadOptions::default()).expect_err(line).to_string();
            assert!(error.contains("a.lp:2: ") && error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn other_texts_are_not_taken_for_points() {
        for text in ["timestamp,up\n", "a b c\n", "time,a b=1 2026-01-05\n", "{\"a\":1}\n", "a x=y 1\n", "# a=b\n"] {
            assert!(!is_line_protocol(text.as_bytes()), "{text}");
        }
        assert!(is_line_protocol(b"# DDL\nCREATE DATABASE x WITH NAME y\n# DML\na x=1\n"));
    }

    #[test]
    fn a_text_that_is_cut_anywhere_is_never_read_as_whole() {
        let text =
            "cpu,host=a idle=98.25,user=1i 1767607200123456789\ncpu,host=a idle=9,note=\"a b\" 1767607201123456789\n";
        let (whole, _) = given(text, ReadOptions::default()).expect("reads");
        for len in 1..text.len() {
            match read(vec![source("a.lp", &text[..len])], ReadOptions::default(), Stale::Off) {
                Err(_) => {}
                // The end of a line: nothing says that another one follows.
                Ok(_) if text.as_bytes()[len - 1] == b'\n' => {}
                Ok((store, summary)) => {
                    assert!(summary.inputs[0].warnings.iter().any(|text| text.contains("no line end")), "{len}");
                    assert!(dump(&store) == whole || len < 60, "{len}: {:?}", dump(&store));
                }
            }
        }
    }
}
