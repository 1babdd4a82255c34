//! InfluxDB annotated CSV: tables with columns such as `_time`, `_value`, `_field` and `_measurement`, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use csv::ByteRecord;

use super::table::{Column, Table};
use super::{describe_texts, names};
use crate::input::bytes::Bytes;
use crate::input::distinct::Distinct;
use crate::input::feed::Rows;
use crate::input::keys::{Keys, label_value, push_field};
use crate::input::number::{Vanished, parse_value, shown};
use crate::input::settings::Settings;
use crate::input::summary::InputSummary;
use crate::input::{Format, InputError, place};
use crate::labels::{LabelBuilder, METRIC_NAME};
use crate::store::{Batch, Numbers, SeriesId};
use crate::time::Timestamp;

/// Returns whether a text begins with an annotation, or with the header that InfluxDB gives its tables.
pub(in crate::input) fn is_annotated(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    let annotation = [&b"#group,"[..], b"#datatype,", b"#default,"].iter().any(|start| line.starts_with(start));
    annotation || Table::is_header(&line.split(|byte| *byte == b',').collect())
}

/// Reads the rows of one file.
pub(in crate::input) struct AnnotatedRows {
    path: Arc<str>,
    csv: csv::Reader<Bytes>,
    record: ByteRecord,
    file: u16,
    settings: Settings,
    line: u64,
    /// The table at hand, once its header was read.
    table: Option<Table>,
    /// The annotations of the next one, by name.
    annotations: BTreeMap<String, ByteRecord>,
    /// The different tables so far, and which of them is at hand.
    layouts: Vec<(Vec<String>, Vec<Column>)>,
    layout: u32,
    /// The cells of a row that tell which series its values are of.
    keys: Keys,
    sets: Vec<Result<Set, String>>,
    key: Vec<u8>,
    /// The names of all columns and fields, and how many values of each were texts.
    columns: BTreeMap<String, u64>,
    labels: Vec<String>,
    vanished: Vanished,
    distinct: Distinct,
}

/// What rows with the same labels have in common.
struct Set {
    labels: LabelBuilder,
    measurement: String,
    field: String,
    /// By value column of the table.
    series: Vec<Kind>,
}

/// What the values of a series are; the first one decides where the table does not say.
#[derive(Clone, Copy)]
enum Kind {
    Unknown,
    Numbers(SeriesId),
    Texts,
}

impl AnnotatedRows {
    pub(in crate::input) fn new(path: Arc<str>, bytes: Bytes, file: u16, settings: &Settings) -> Self {
        let csv = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            // A carriage return before the line end is taken off the last field, so that lines are counted rightly.
            .terminator(csv::Terminator::Any(b'\n'))
            .buffer_capacity(256 << 10)
            .from_reader(bytes);
        Self {
            path,
            csv,
            record: ByteRecord::new(),
            file,
            settings: settings.clone(),
            line: 0,
            table: None,
            annotations: BTreeMap::new(),
            layouts: Vec::new(),
            layout: 0,
            keys: Keys::default(),
            sets: Vec::new(),
            key: Vec::new(),
            columns: BTreeMap::new(),
            labels: Vec::new(),
            vanished: Vanished::default(),
            distinct: Distinct::default(),
        }
    }

    fn refuse(&self, found: String) -> InputError {
        InputError::Tables { path: Arc::clone(&self.path), line: self.line, found }
    }

    /// Reads a record; false at the end.
    fn read_record(&mut self) -> Result<bool, InputError> {
        self.csv.get_mut().begin_record();
        let start = self.csv.position().line();
        let read = self.csv.read_byte_record(&mut self.record);
        let more = read.map_err(|error| {
            let compression = self.csv.get_ref().compression;
            InputError::csv(&self.path, start, compression, error)
        })?;
        let inside = memchr::memchr_iter(b'\n', self.record.as_slice()).count() as u64;
        let open = more && self.csv.is_done() && !self.csv.get_ref().ends_with_newline();
        let end = self.csv.position().line() + u64::from(open);
        self.line = end.saturating_sub(1 + inside).max(start);
        if inside > 0 {
            self.refuse_lines()?;
        }
        Ok(more)
    }

    /// Refuses a record with line ends in a field, unless it is a text that holds no rows: a quote may be left open.
    #[cold]
    fn refuse_lines(&self) -> Result<(), InputError> {
        let (columns, commas) = match &self.table {
            Some(table) => (&table.columns[..], table.columns.len().saturating_sub(1)),
            None => (&[][..], 0),
        };
        let fits = self.record.len() == columns.len();
        let is_text = |at: usize| fits && matches!(columns[at], Column::Ignored | Column::Value { .. });
        let has_rows = |cell: &[u8]| {
            cell.split(|byte| *byte == b'\n').any(|line| memchr::memchr_iter(b',', line).count() >= commas)
        };
        let open = self.csv.is_done();
        let mut cells = self.record.iter().enumerate().filter(|(_, cell)| cell.contains(&b'\n'));
        let wrong = cells.find(|(at, cell)| open || !is_text(*at) || has_rows(cell));
        let Some((at, cell)) = wrong else { return Ok(()) };
        let lines = 1 + memchr::memchr_iter(b'\n', cell).count();
        let column = self.table.as_ref().filter(|_| fits).map(|table| table.names[at].clone());
        Err(InputError::OpenQuote { path: Arc::clone(&self.path), line: self.line, lines, column })
    }

    /// Begins a table by its header.
    fn begin_table(&mut self) -> Result<(), InputError> {
        let annotations = std::mem::take(&mut self.annotations);
        let table = Table::new(&self.record, &annotations, &self.settings).map_err(|found| self.refuse(found))?;
        if table.is_error() {
            return self.fail_as_the_server(&table);
        }
        for (column, name) in table.columns.iter().zip(&table.names) {
            if !name.is_empty() {
                self.columns.entry(name.clone()).or_default();
            }
            if *column == Column::Label && !self.labels.contains(name) {
                self.labels.push(name.clone());
            }
        }
        let same = |(names, columns): &(Vec<String>, Vec<Column>)| *names == table.names && *columns == table.columns;
        let layout = self.layouts.iter().position(same).unwrap_or(self.layouts.len());
        if layout == self.layouts.len() {
            self.layouts.push((table.names.clone(), table.columns.clone()));
        }
        self.layout = layout as u32;
        self.table = Some(table);
        Ok(())
    }

    /// Returns the error that a server wrote instead of a table, or after some.
    #[cold]
    fn fail_as_the_server(&mut self, table: &Table) -> Result<(), InputError> {
        let at = table.names.iter().position(|name| name == "error").unwrap_or(0);
        let more = self.read_record()?;
        let message = self.record.get(at).filter(|_| more).unwrap_or_default();
        let message = shown(&String::from_utf8_lossy(message.trim_ascii()));
        let path = Arc::clone(&self.path);
        Err(InputError::Export { path, found: format!("the server failed: {message}") })
    }

    /// Says of a set of labels what its series are called.
    #[cold]
    fn add_set(&mut self) -> Result<Set, String> {
        let Some(table) = &self.table else { return Err(String::new()) };
        let mut set = Set {
            labels: LabelBuilder::default(),
            measurement: String::new(),
            field: String::new(),
            series: vec![Kind::Unknown; table.values.len()],
        };
        for (at, column) in table.columns.iter().enumerate() {
            let cell = table.cell(&self.record, at);
            let text = || std::str::from_utf8(cell).map(str::to_owned);
            let wrong = |_| format!("`{}` is not valid UTF-8", table.names[at]);
            match column {
                Column::Measurement => set.measurement = text().map_err(wrong)?,
                Column::Field => set.field = text().map_err(wrong)?,
                Column::Label => {
                    let (written, name) = (&table.names[at], names::label(&table.names[at]));
                    let value = label_value(&name, cell)?;
                    set.labels.set(&name, &value);
                    if !self.settings.form.labels.contains(written) {
                        let label = self.labels.iter().position(|label| label == written).unwrap_or(0);
                        self.distinct.note(label, value.as_bytes());
                    }
                }
                Column::Ignored | Column::Time | Column::Value { .. } => {}
            }
        }
        if let Some(metric) = &self.settings.form.metric {
            if !set.measurement.is_empty() || !set.field.is_empty() {
                return Err(format!("--metric {metric}: `_measurement` and `_field` name the metrics"));
            }
            set.field.clone_from(metric);
        }
        Ok(set)
    }
}

impl Set {
    /// Returns the metric of a value column.
    fn metric(&self, column: &str, told: Option<&String>) -> Result<String, String> {
        let field = match (column, told) {
            ("_value", _) | ("value", Some(_)) => self.field.as_str(),
            (column, Some(name)) => return Err(format!("--metric {name}: column `{column}` names the metric")),
            (column, None) => column,
        };
        match (self.measurement.as_str(), field) {
            ("", "") => {
                Err("neither `_measurement` nor `_field` names the metric; name it with --metric NAME".to_owned())
            }
            (measurement, "") => Ok(names::clean(measurement)),
            (measurement, field) => Ok(names::metric(measurement, field)),
        }
    }
}

/// Reads a number or a boolean; none for a text.
fn number(text: &[u8]) -> Result<Option<f64>, String> {
    match text {
        b"true" => Ok(Some(1.0)),
        b"false" => Ok(Some(0.0)),
        _ => match parse_value(text) {
            Ok(value) => Ok(Some(value)),
            Err(message) if std::str::from_utf8(text).is_ok_and(|text| text.parse::<f64>().is_ok()) => Err(message),
            Err(_) => Ok(None),
        },
    }
}

impl Rows for AnnotatedRows {
    fn next_row(&mut self) -> Result<bool, InputError> {
        loop {
            if !self.read_record()? {
                let cut = !self.annotations.is_empty();
                return if cut { Err(self.refuse("the last table has no header".to_owned())) } else { Ok(false) };
            }
            let first = self.record.get(0).unwrap_or_default().trim_ascii();
            let blank = self.record.len() == 1 && first.is_empty();
            if blank {
                continue;
            }
            if let Some(annotation) = first.strip_prefix(b"#") {
                let name = String::from_utf8_lossy(annotation).into_owned();
                self.annotations.insert(name, self.record.clone());
            } else if !self.annotations.is_empty() || Table::is_header(&self.record) {
                self.begin_table()?;
            } else if self.table.is_some() {
                return Ok(true);
            } else {
                return Err(self.refuse("a row before any header".to_owned()));
            }
        }
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn time_field(&self) -> Result<&[u8], String> {
        let Some(table) = &self.table else { return Ok(&[]) };
        let (found, expected) = (self.record.len(), table.columns.len());
        if found != expected {
            return Err(format!("{found} fields, but the header of the table has {expected}"));
        }
        Ok(table.cell(&self.record, table.time))
    }

    fn time_column(&self) -> &str {
        self.table.as_ref().map_or("_time", |table| &table.names[table.time])
    }

    fn take(&mut self, at: Timestamp, numbers: &mut Numbers, batch: &mut Batch) -> Result<(), String> {
        let Some(table) = &self.table else { return Ok(()) };
        self.key.clear();
        self.key.extend_from_slice(&self.layout.to_le_bytes());
        for column in &table.key {
            push_field(&mut self.key, table.cell(&self.record, *column));
        }
        let (number_of_set, new) = self.keys.number(&self.key);
        if new {
            let set = self.add_set();
            self.sets.push(set);
        }
        let Some(table) = &self.table else { return Ok(()) };
        let set = self.sets[number_of_set as usize].as_mut().map_err(|message| message.clone())?;
        for (ordinal, column) in table.values.iter().enumerate() {
            let (name, text) = (&table.names[*column], table.cell(&self.record, *column));
            if text.is_empty() {
                continue;
            }
            let value = match table.columns[*column] {
                Column::Value { text: true } => None,
                _ => number(text).map_err(|why| format!("column `{name}`: {why}"))?,
            };
            self.vanished.note(value.unwrap_or(1.0), text, self.line);
            let is_number = table.typed && table.columns[*column] == Column::Value { text: false };
            let wrong = || format!("column `{name}`: `{}` is not a number", shown(&String::from_utf8_lossy(text)));
            match (set.series[ordinal], value) {
                (Kind::Numbers(series), Some(value)) => batch.push(series, at, value, place(self.file, self.line)),
                (Kind::Unknown, Some(value)) => {
                    let mut labels = set.labels.clone();
                    labels.set(METRIC_NAME, &set.metric(name, self.settings.form.metric.as_ref())?);
                    self.settings.fixed.give(&mut labels)?;
                    let series = numbers.series(&labels.build());
                    set.series[ordinal] = Kind::Numbers(series);
                    batch.push(series, at, value, place(self.file, self.line));
                }
                (Kind::Unknown | Kind::Texts, None) if !is_number => {
                    set.series[ordinal] = Kind::Texts;
                    let field = if name == "_value" && !set.field.is_empty() { &set.field } else { name };
                    *self.columns.entry(field.clone()).or_default() += 1;
                }
                (Kind::Texts, Some(_)) => return Err(format!("column `{name}`: a number after texts")),
                (_, None) => return Err(wrong()),
            }
        }
        Ok(())
    }

    fn distinct(&mut self) -> &mut Distinct {
        &mut self.distinct
    }

    fn column(&self, column: usize) -> String {
        self.labels[column].clone()
    }

    fn in_time_order(&self) -> bool {
        // A query answers with one series after the other.
        false
    }

    fn describe(&self, summary: &mut InputSummary) {
        let why = "metrics are MEASUREMENT_FIELD, the other columns are labels";
        summary.format = Some((Format::InfluxCsv, why.to_owned()));
        summary.columns = self.columns.keys().cloned().collect();
        let texts = self.columns.iter().filter(|(_, texts)| **texts > 0);
        summary.warnings.extend(describe_texts(texts.map(|(name, texts)| (name.clone(), *texts))));
        summary.warnings.extend(self.vanished.describe());
        if !self.csv.get_ref().ends_with_newline() {
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

    const TABLES: &str = "#group,false,false,true,true,false,false,true,true,true\r\n\
        #datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string\r\n\
        #default,_result,,,,,,,,\r\n\
        ,result,table,_start,_stop,_time,_value,_field,_measurement,host\r\n\
        ,,0,2026-01-05T09:00:00Z,2026-01-05T11:00:00Z,2026-01-05T10:00:00Z,98.2,usage_idle,cpu,a\r\n\
        ,,0,2026-01-05T09:00:00Z,2026-01-05T11:00:00Z,2026-01-05T10:00:10Z,,usage_idle,cpu,a\r\n\
        ,,1,2026-01-05T09:00:00Z,2026-01-05T11:00:00Z,2026-01-05T10:00:00.5Z,97,usage_idle,cpu,\"b, c\"\r\n\
        \r\n\
        #group,false,false,true,true,false,false,true,true\r\n\
        #datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,boolean,string,string\r\n\
        #default,_result,,,,,,,up\r\n\
        ,result,table,_start,_stop,_time,_value,_field,_measurement\r\n\
        ,,2,2026-01-05T09:00:00Z,2026-01-05T11:00:00Z,2026-01-05T10:00:00Z,true,value,\r\n\
        \r\n\
        #group,false,false,true,true,false,false,true,true\r\n\
        #datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,string,string,string\r\n\
        #default,_result,,,,,,,\r\n\
        ,result,table,_start,_stop,_time,_value,_field,_measurement\r\n\
        ,,3,2026-01-05T09:00:00Z,2026-01-05T11:00:00Z,2026-01-05T10:00:00Z,\"a\nb\",note,up\r\n\
        \r\n";

    fn given(text: &str, options: ReadOptions) -> Result<(Vec<String>, Vec<String>), InputError> {
        let (store, summary) = read(vec![source("a.csv", text)], options, Stale::Off)?;
        assert!(matches!(summary.inputs[0].format, Some((Format::InfluxCsv, _))), "{text}");
        Ok((dump(&store), summary.inputs[0].warnings.clone()))
    }

    fn refused(text: &str, part: &str) {
        let error = given(text, ReadOptions::default()).expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }

    #[test]
    fn tables_are_read_one_after_the_other() {
        let expected = [
            "cpu_usage_idle{host=\"a\"} 1767607200000=98.2",
            "cpu_usage_idle{host=\"b, c\"} 1767607200500=97",
            "up 1767607200000=1",
        ];
        let warnings = ["text fields are no samples: `note` (1 value)"];
        for text in [TABLES.to_owned(), TABLES.replace('\r', "")] {
            let (series, told) = given(&text, ReadOptions::default()).expect("reads");
            assert_eq!(
                (series.as_slice(), told.as_slice()),
                (&expected.map(String::from)[..], &warnings.map(String::from)[..])
            );
        }
    }

    #[test]
    fn tables_without_annotations_are_read() {
        let text = ",result,table,_start,_stop,_time,_value,_field,_measurement,host\n\
            ,_result,0,x,y,2026-01-05T10:00:00Z,1,value,up,a\n\
            ,_result,1,x,y,2026-01-05T10:00:00Z,ok,state,up,a\n\n\
            ,result,table,_time,_value,_field,_measurement\n\
            ,_result,2,2026-01-05T10:00:00Z,3,load1,system\n";
        let (series, warnings) = given(text, ReadOptions::default()).expect("reads");
        assert_eq!(series, ["system_load1 1767607200000=3", "up{host=\"a\"} 1767607200000=1"]);
        assert_eq!(warnings, ["text fields are no samples: `state` (1 value)"]);
        refused(
            &text.replace("10:00:00Z,ok,state,up,a", "10:00:10Z,ok,value,up,a"),
            "a.csv:3: column `_value`: `ok` is not a number",
        );
    }

    #[test]
    fn pivoted_tables_have_a_metric_a_column() {
        let text = "#group,false,false,false,true,true,false,false,false\n\
            #datatype,string,long,dateTime:RFC3339,string,string,double,long,string\n\
            #default,_result,,,,,,,\n\
            ,result,table,_time,_measurement,host,idle,n,note\n\
            ,,0,2026-01-05T10:00:00Z,cpu,a,98,4,x\n,,0,2026-01-05T10:01:00Z,cpu,a,,5,y\n";
        let (series, warnings) = given(text, ReadOptions::default()).expect("reads");
        assert_eq!(
            series,
            ["cpu_idle{host=\"a\"} 1767607200000=98", "cpu_n{host=\"a\"} 1767607200000=4 1767607260000=5"]
        );
        assert_eq!(warnings, ["text fields are no samples: `note` (2 values)"]);
        let labels = vec!["note".to_owned(), "n".to_owned()];
        let (series, _) =
            given(text, ReadOptions { form: Form { labels, ..Form::default() }, ..ReadOptions::default() })
                .expect("reads");
        assert_eq!(series, ["cpu_idle{host=\"a\", n=\"4\", note=\"x\"} 1767607200000=98"]);
        refused(&text.split_inclusive('\n').skip(3).collect::<String>(), "nor the annotation #datatype");
    }

    #[test]
    fn errors_of_the_server_and_tables_without_times_are_told() {
        let error = "#datatype,string,string\n#group,true,true\n#default,,\n,error,reference\n,no such bucket,897\n";
        refused(error, "the server failed: no such bucket");
        let bare = "result,table,_time,_value,_field,_measurement\n_result,0,2026-01-05T10:00:00Z,1,value,up\n";
        assert_eq!(given(bare, ReadOptions::default()).expect("reads").0, ["up 1767607200000=1"]);
        refused("error,reference\nno such bucket,897\n", "the server failed: no such bucket");
        refused(&format!("{TABLES}error,reference\r\nout of memory,1\r\n"), "the server failed: out of memory");
        refused(&TABLES.replacen(",_time,", ",_x,", 1), "without the column `_time`");
        refused(&TABLES.replacen("_measurement,host", "_measurement", 1), "#datatype has 10 fields, the header has 9");
        refused(&TABLES.replacen(",98.2,", ",9\"8.2,", 1), "is not a number");
        refused(&TABLES.replacen(",98.2,", ",high,", 1), "a.csv:5: column `_value`: `high` is not a number");
        refused(&TABLES.replacen(",98.2,", ",\"98.2,", 1), "goes on over");
        refused(&TABLES.replacen(",98.2", "", 1), "a.csv:5: 9 fields, but the header of the table has 10");
        let nameless = TABLES.replace("_measurement", "_m").replace("_field", "_f");
        refused(&nameless, "neither `_measurement` nor `_field` names the metric");
        let metric = Some("temp".to_owned());
        let (series, _) =
            given(&nameless, ReadOptions { form: Form { metric, ..Form::default() }, ..ReadOptions::default() })
                .expect("reads");
        assert!(series[0].starts_with("temp{_f=\"usage_idle\", _m=\"cpu\", host=\"a\"}"), "{series:?}");
    }

    #[test]
    fn a_text_that_is_cut_anywhere_is_never_read_as_whole() {
        let (whole, _) = given(TABLES, ReadOptions::default()).expect("reads");
        for len in 1..TABLES.len() {
            let Ok((store, summary)) = read(vec![source("a.csv", &TABLES[..len])], ReadOptions::default(), Stale::Off)
            else {
                continue;
            };
            let told = summary.inputs[0].warnings.iter().any(|text| text.contains("no line end"));
            assert!(told || TABLES.as_bytes()[len - 1] == b'\n', "{len}: {:?} of {whole:?}", dump(&store));
        }
    }
}
