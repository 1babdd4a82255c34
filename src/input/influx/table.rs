//! The columns of one table of annotated CSV.

use std::collections::BTreeMap;

use csv::ByteRecord;

use crate::input::names::{TIME_COLUMNS, listed};
use crate::input::settings::Settings;

/// The annotations of the answers to queries.
const ANNOTATIONS: [&str; 3] = ["datatype", "default", "group"];
/// Columns that say where a row stands, which are no labels; the last two name the metric.
const PLACES: [&str; 7] = ["", "result", "table", "_start", "_stop", "_measurement", "_field"];

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Ignored,
    Time,
    Measurement,
    Field,
    Label,
    /// A value, and whether the table says that it is a text.
    Value {
        text: bool,
    },
}

/// A table, as its annotations and its header describe it.
pub(super) struct Table {
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<Column>,
    /// What empty cells stand for.
    defaults: ByteRecord,
    pub(super) time: usize,
    /// The columns that tell which series a row is of.
    pub(super) key: Vec<usize>,
    /// The columns with values.
    pub(super) values: Vec<usize>,
    /// Whether the types of columns are known.
    pub(super) typed: bool,
}

impl Table {
    /// Returns whether a record is the header of a table without annotations.
    pub(super) fn is_header(record: &ByteRecord) -> bool {
        let cells = || record.iter().map(<[u8]>::trim_ascii).filter(|cell| !cell.is_empty());
        let begins = |names: &[&[u8]]| cells().take(names.len()).eq(names.iter().copied());
        let has = |name: &[u8]| cells().any(|cell| cell == name);
        begins(&[b"result", b"table"]) || begins(&[b"error", b"reference"]) || has(b"_time") && has(b"_value")
    }

    /// Returns whether it holds an error of the server.
    pub(super) fn is_error(&self) -> bool {
        let names = || self.names.iter().filter(|name| !name.is_empty());
        names().any(|name| name == "error") && names().all(|name| name == "error" || name == "reference")
    }

    /// Gives each column its role; the error is why the table cannot be read.
    pub(super) fn new(
        header: &ByteRecord,
        annotations: &BTreeMap<String, ByteRecord>,
        settings: &Settings,
    ) -> Result<Self, String> {
        let name = |cell: &[u8]| String::from_utf8_lossy(cell.trim_ascii()).into_owned();
        let names: Vec<String> = header.iter().map(name).collect();
        let mut table = Self {
            columns: vec![Column::Ignored; names.len()],
            defaults: annotations.get("default").cloned().unwrap_or_default(),
            time: 0,
            key: Vec::new(),
            values: Vec::new(),
            typed: annotations.contains_key("datatype"),
            names,
        };
        if table.is_error() {
            return Ok(table);
        }
        if let Some(name) = annotations.keys().find(|name| !ANNOTATIONS.contains(&name.as_str())) {
            return Err(format!(
                "#{name}: only the annotations of query results are read; `influx write dryrun` makes line protocol"
            ));
        }
        if let Some((name, record)) = annotations.iter().find(|(_, record)| record.len() != header.len()) {
            return Err(format!("#{name} has {} fields, the header has {}", record.len(), header.len()));
        }
        let cell =
            |name: &str, at: usize| annotations.get(name).and_then(|record| record.get(at)).map(<[u8]>::trim_ascii);
        let pivoted = !table.names.iter().any(|name| name == "_value");
        // Where tags group the rows, texts that do not are fields that a pivot made columns.
        let tags = |at: usize| !PLACES.contains(&table.names[at].as_str()) && cell("group", at) == Some(b"true");
        let text_fields = pivoted && (0..table.names.len()).any(tags);
        let time = |table: &Self| {
            let find = |wanted: &str| table.names.iter().position(|name| name == wanted);
            find("_time").or_else(|| TIME_COLUMNS.iter().find_map(|name| find(name)))
        };
        let Some(time) = time(&table) else {
            let columns = listed(&table.names.iter().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>());
            return Err(format!("a table without the column `_time`; it has {columns}"));
        };
        table.time = time;
        for (at, name) in table.names.iter().enumerate() {
            let datatype = cell("datatype", at);
            let grouped = cell("group", at) == Some(b"true");
            let number = matches!(datatype, Some(b"double" | b"long" | b"unsignedLong" | b"boolean"));
            table.columns[at] = match name.as_str() {
                _ if at == time => Column::Time,
                name if PLACES[..5].contains(&name) => Column::Ignored,
                name if settings.form.ignore_columns.iter().any(|ignored| ignored == name) => Column::Ignored,
                "_measurement" => Column::Measurement,
                "_field" => Column::Field,
                "_value" => Column::Value { text: table.typed && !number },
                name if grouped || settings.form.labels.iter().any(|label| label == name) => Column::Label,
                _ if number || text_fields => Column::Value { text: !number },
                _ => Column::Label,
            };
        }
        if pivoted && !table.typed {
            return Err("a table without the column `_value`, nor the annotation #datatype".to_owned());
        }
        let with = |wanted: fn(&Column) -> bool| {
            (0..table.columns.len()).filter(|at| wanted(&table.columns[*at])).collect::<Vec<_>>()
        };
        table.key = with(|column| matches!(column, Column::Measurement | Column::Field | Column::Label));
        table.values = with(|column| matches!(column, Column::Value { .. }));
        if table.values.is_empty() && !table.typed {
            return Err("a table without a column of values".to_owned());
        }
        Ok(table)
    }

    /// Returns a cell without blanks around it, or the default of its column.
    pub(super) fn cell<'a>(&'a self, record: &'a ByteRecord, at: usize) -> &'a [u8] {
        match record.get(at).unwrap_or_default().trim_ascii() {
            b"" => self.defaults.get(at).unwrap_or_default().trim_ascii(),
            cell => cell,
        }
    }
}
