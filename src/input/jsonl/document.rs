//! A JSON document whose rows are the objects of an array: taken apart into lines.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;

use serde_json::value::RawValue;

use crate::input::bytes::Bytes;
use crate::input::lines::Line;
use crate::input::{Form, InputError};

/// The fields of an object, whose values are not read.
type Fields<'a> = Vec<(String, &'a RawValue)>;

/// Returns whether a text is such a document.
pub(super) fn is_document(head: &[u8], form: &Form) -> bool {
    let text = head.trim_ascii_start();
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    // One object over several lines begins with a line of its own.
    text.first() == Some(&b'[') || first == b"{" || form.rows.as_ref().is_some_and(|rows| has_array(head, rows))
}

/// Returns whether a text has a field of this name that is an array.
fn has_array(head: &[u8], name: &str) -> bool {
    let quoted = quoted(name);
    memchr::memmem::find_iter(head, quoted.as_bytes()).any(|at| {
        let after = head[at + quoted.len()..].trim_ascii_start().strip_prefix(b":");
        after.is_some_and(|value| value.trim_ascii_start().first() == Some(&b'['))
    })
}

/// Reads a document and returns each of its rows as a line, with the number of the line on which it begins.
///
/// # Errors
/// When the document is cut or no JSON, or has no such array.
pub(super) fn rows(path: &str, mut bytes: Bytes, form: &Form) -> Result<VecDeque<Line>, InputError> {
    let mut text = Vec::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        bytes.begin_record();
        match bytes.read(&mut buffer).map_err(|error| InputError::read(path, bytes.compression, error))? {
            0 => break,
            count => text.extend_from_slice(&buffer[..count]),
        }
    }
    let wrong = |found: String| InputError::Export { path: path.into(), found };
    let text = std::str::from_utf8(&text).map_err(|_| wrong("is not valid UTF-8".to_owned()))?;
    let mut rows = Rows { text, lines: VecDeque::new(), seen: (0, 1), form };
    let cut = |error: serde_json::Error| wrong(format!("is cut or damaged: {error}"));
    // Several documents may follow one another.
    for document in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        rows.document(document.map_err(cut)?).map_err(wrong)?;
    }
    Ok(rows.lines)
}

struct Rows<'a> {
    text: &'a str,
    lines: VecDeque<Line>,
    /// Up to where lines were counted, and the number of the line there.
    seen: (usize, u64),
    form: &'a Form,
}

impl<'a> Rows<'a> {
    fn document(&mut self, document: &'a RawValue) -> Result<(), String> {
        if document.get().starts_with('[') {
            return self.array(document, &[]);
        }
        let Some(key) = &self.form.rows else { return self.row(document, &[]) };
        let fields = fields(document)?;
        let (array, outer): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, _)| name == key);
        let more = self.form.continued.as_ref().and_then(|key| outer.iter().find(|(name, _)| name == key));
        if let Some((name, _)) = more.filter(|(_, value)| !matches!(value.get(), "null" | "\"\"")) {
            return Err(format!("is one page of several: `{name}` says that more follows"));
        }
        match array.first() {
            Some((_, array)) => {
                let outer: Fields<'a> = outer.into_iter().filter(|(_, value)| is_scalar(value)).collect();
                self.array(array, &outer)
            }
            // The rows themselves, one after the other.
            None => self.row(document, &[]),
        }
    }

    fn array(&mut self, array: &'a RawValue, outer: &[(String, &'a RawValue)]) -> Result<(), String> {
        let rows: Vec<&'a RawValue> =
            serde_json::from_str(array.get()).map_err(|_| "has no array of rows".to_owned())?;
        rows.into_iter().try_for_each(|row| self.row(row, outer))
    }

    fn row(&mut self, row: &'a RawValue, outer: &[(String, &'a RawValue)]) -> Result<(), String> {
        let line = self.line_of(row);
        if self.form.zip.is_empty() && outer.is_empty() || !row.get().starts_with('{') {
            self.lines.push_back(Line::whole(row.get().as_bytes().to_vec(), line));
            return Ok(());
        }
        let mut fields = fields(row)?;
        fields.extend(outer.iter().cloned());
        let (zipped, fields): (Vec<_>, Vec<_>) =
            fields.into_iter().partition(|(name, _)| self.form.zip.iter().any(|zip| zip == name));
        let arrays: Vec<(String, Vec<&RawValue>)> = zipped
            .into_iter()
            .map(|(name, array)| Ok((name, serde_json::from_str(array.get())?)))
            .collect::<Result<_, serde_json::Error>>()
            .map_err(|error| format!("line {line}: {error}"))?;
        let entries = arrays.iter().map(|(_, array)| array.len()).max().unwrap_or(1);
        if arrays.iter().any(|(_, array)| array.len() != entries) {
            return Err(format!("line {line}: {} differ in length", self.form.zip.join(" and ")));
        }
        for entry in 0..entries {
            let zipped = arrays.iter().map(|(name, array)| (name, &array[entry]));
            let all = fields.iter().map(|(name, value)| (name, value)).chain(zipped);
            let parts: Vec<String> = all.map(|(name, value)| format!("{}:{}", quoted(name), value.get())).collect();
            self.lines.push_back(Line::whole(format!("{{{}}}", parts.join(",")).into_bytes(), line));
        }
        Ok(())
    }

    /// Returns the number of the line on which a part of the text begins; parts come in their order.
    fn line_of(&mut self, part: &RawValue) -> u64 {
        let at = (part.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let between = self.text.as_bytes().get(self.seen.0..at).unwrap_or_default();
        self.seen = (at, self.seen.1 + memchr::memchr_iter(b'\n', between).count() as u64);
        self.seen.1
    }
}

fn is_scalar(value: &RawValue) -> bool {
    !value.get().starts_with(['{', '['])
}

fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

fn fields(object: &RawValue) -> Result<Fields<'_>, String> {
    let fields: BTreeMap<String, &RawValue> =
        serde_json::from_str(object.get()).map_err(|_| "has a row that is no object".to_owned())?;
    Ok(fields.into_iter().collect())
}
