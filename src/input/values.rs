//! The values of cells and fields: numbers in the recording's notation, words that are values, and what is no sample.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::absent::Absent;
use super::form::{Decimal, Form};
use super::number::{Vanished, has_comma, is_numeric_cell, parse_value, plain_decimal};
use super::roles::Cell;
use super::settings::Settings;
use crate::histogram::Histograms;
use crate::promql::notation::parse_histogram;
use crate::promql::parse::Problem;

/// Returns whether a form takes every number for a value.
pub(super) fn takes_all_numbers(form: &Form) -> bool {
    let is_number = |null: &String| parse_value(null.trim().as_bytes()).is_ok();
    form.decimal != Some(Decimal::Comma) && !form.null.iter().any(is_number)
}

/// Returns whether a text begins as a native histogram does.
#[inline]
pub(super) fn is_histogram(text: &str) -> bool {
    text.as_bytes().starts_with(b"{{")
}

/// Says what is wrong with a native histogram; `column` is where it begins. Unit: bytes from 1.
#[cold]
pub(super) fn histogram_words(problem: &Problem, column: Option<usize>) -> String {
    let start = problem.span.start as usize;
    let place = match column {
        Some(column) => format!(" at column {}", column + start),
        None => format!(" at character {} of the histogram", start + 1),
    };
    let help = problem.help.as_ref().map_or(String::new(), |help| format!("; {help}"));
    format!("{}{place}{help}", problem.message)
}

/// Reads values, and counts what was no sample.
#[derive(Default)]
pub(super) struct Values {
    pub(super) absent: Absent,
    /// Those that values of the row at hand stand for.
    pub(super) histograms: Histograms,
    comma: bool,
    words: BTreeMap<String, f64>,
    vanished: Vanished,
    /// Whether every number is a value as it stands.
    plain: bool,
    /// By word that was read as a value: how many.
    worded: BTreeMap<String, u64>,
}

impl Values {
    pub(super) fn new(settings: &Settings) -> Self {
        let form = &settings.form;
        Self {
            absent: Absent::new(&form.null),
            histograms: Histograms::default(),
            comma: form.decimal == Some(Decimal::Comma),
            plain: takes_all_numbers(form),
            words: form.words.clone(),
            vanished: Vanished::default(),
            worded: BTreeMap::new(),
        }
    }

    /// Takes commas as decimal signs from now on.
    pub(super) fn take_commas(&mut self) {
        self.comma = true;
        self.plain = false;
    }

    /// Returns whether commas are decimal signs.
    pub(super) fn takes_commas(&self) -> bool {
        self.comma
    }

    /// Reads a cell without blanks around it; none where there is no sample. `unit` may follow the number.
    pub(super) fn read(
        &mut self,
        (column, line): (usize, u64),
        field: &[u8],
        unit: Option<&str>,
    ) -> Result<Option<f64>, String> {
        if self.plain
            && let Some(value) = plain_decimal(field)
        {
            return Ok(Some(value));
        }
        if self.absent.is_empty(field) {
            return Ok(None);
        }
        if self.comma {
            return self.read_comma((column, line), field, unit);
        }
        match parse_value(field) {
            Ok(value) => {
                self.vanished.note(value, field, line);
                Ok(Some(value))
            }
            Err(message) => self.other((column, line), field, unit, message),
        }
    }

    /// Reads a native histogram, which begins at a column of its line; returns the value that stands for it.
    pub(super) fn read_histogram(&mut self, text: &str, column: Option<usize>) -> Result<f64, String> {
        match parse_histogram(text) {
            Ok(written) => Ok(self.histograms.put(Arc::new(written.histogram))),
            Err(problems) => Err(problems.first().map_or_else(String::new, |first| histogram_words(first, column))),
        }
    }

    fn read_comma(
        &mut self,
        (column, line): (usize, u64),
        field: &[u8],
        unit: Option<&str>,
    ) -> Result<Option<f64>, String> {
        if field.contains(&b'.') && field.iter().any(u8::is_ascii_digit) {
            let shown = super::number::shown(&String::from_utf8_lossy(field));
            return Err(format!("`{shown}` has a point, and the decimal sign is a comma"));
        }
        let point: Vec<u8> = field.iter().map(|byte| if *byte == b',' { b'.' } else { *byte }).collect();
        match parse_value(&point) {
            Ok(value) => {
                self.vanished.note(value, &point, line);
                Ok(Some(value))
            }
            Err(message) => self.other((column, line), field, unit, message),
        }
    }

    #[cold]
    fn other(
        &mut self,
        (column, line): (usize, u64),
        field: &[u8],
        unit: Option<&str>,
        message: String,
    ) -> Result<Option<f64>, String> {
        if let Some(number) = without(field, unit) {
            return self.read((column, line), number, None);
        }
        let word = std::str::from_utf8(field).ok();
        if let Some((word, value)) = word.and_then(|word| self.words.get_key_value(word)) {
            *self.worded.entry(word.clone()).or_default() += 1;
            return Ok(Some(*value));
        }
        if self.absent.is_word(column, field) { Ok(None) } else { Err(message) }
    }

    /// Returns whether a word is a value.
    pub(super) fn has_word(&self, word: &str) -> bool {
        self.words.contains_key(word)
    }

    /// Returns what a cell without blanks around it says of its column.
    pub(super) fn kind(&self, field: &[u8], unit: Option<&str>) -> Cell {
        let word = || std::str::from_utf8(field).is_ok_and(|word| self.has_word(word));
        match field {
            _ if self.absent.is_empty(field) => Cell::Empty,
            _ if is_numeric_cell(field) || word() => Cell::Number,
            _ if without(field, unit).is_some_and(is_numeric_cell) => Cell::Number,
            _ => Cell::Text,
        }
    }

    /// Says what was no sample and which words were values; `name` names a column.
    pub(super) fn describe(&self, what: &str, name: impl Fn(usize) -> String) -> Vec<String> {
        let mut lines = self.absent.describe(what, name);
        lines.extend(self.vanished.describe());
        lines.extend(self.worded.iter().map(|(word, count)| {
            let (cells, value) = (if *count == 1 { "cell is" } else { "cells are" }, self.words[word]);
            format!("{count} {cells} `{word}`, read as {value}")
        }));
        lines
    }
}

/// Returns a cell without the unit that its header names.
fn without<'a>(field: &'a [u8], unit: Option<&str>) -> Option<&'a [u8]> {
    let number = field.strip_suffix(unit?.as_bytes())?.trim_ascii_end();
    (!number.is_empty()).then_some(number)
}

/// Looks for a decimal comma in the cells of a file whose columns are not separated by commas.
#[derive(Default)]
pub(super) struct Commas {
    certain: bool,
    against: bool,
    /// Numbers with a point: those with three digits after it, and the others.
    points: (u64, u64),
}

impl Commas {
    /// Takes a cell without blanks around it.
    pub(super) fn take(&mut self, field: &[u8]) {
        let Ok(text) = std::str::from_utf8(field) else { return };
        let digits = text.trim_start_matches(['-', '+']);
        if text.parse::<f64>().is_ok() {
            self.against |= digits.contains('.');
            if let Some((whole, part)) = digits.split_once('.') {
                let grouped = part.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0');
                self.points.0 += u64::from(grouped);
                self.points.1 += u64::from(!grouped);
            }
        } else if has_comma(text) {
            match digits.split_once(',') {
                Some((whole, part)) if !part.contains([',', '.']) && !whole.contains('.') => {
                    // Three digits may be thousands.
                    self.certain |= part.len() != 3 || whole.starts_with('0');
                }
                _ => self.against = true,
            }
        }
    }

    /// Returns whether points may separate thousands: all of them have three digits behind.
    pub(super) fn may_group(&self) -> bool {
        self.points.0 > 0 && self.points.1 == 0
    }

    /// Returns whether commas can be nothing but decimal signs.
    pub(super) fn are_decimal(&self) -> bool {
        self.certain && !self.against
    }
}

#[cfg(test)]
mod tests {
    use super::super::Form;
    use super::*;

    fn values(form: Form) -> Values {
        Values::new(&Settings { form, ..Settings::default() })
    }

    #[test]
    fn numbers_words_and_units_are_values() {
        let mut values = values(Form { words: [("on".to_owned(), 1.0)].into(), ..Form::default() });
        assert_eq!(values.read((0, 1), b"1.5", None), Ok(Some(1.5)));
        assert_eq!(values.read((0, 1), b"250.00 W", Some("W")), Ok(Some(250.0)));
        assert_eq!(values.read((0, 1), b"on", None), Ok(Some(1.0)));
        assert_eq!(values.read((0, 1), b"N/A", None), Ok(None));
        assert!(values.read((0, 1), b"250 kW", Some("W")).is_err());
        assert_eq!(values.kind(b"250.00 W", Some("W")), Cell::Number);
        assert_eq!(values.describe("column", |_| "c".to_owned()).len(), 2);
    }

    #[test]
    fn commas_are_decimal_signs_where_told() {
        let mut values = values(Form { decimal: Some(Decimal::Comma), ..Form::default() });
        assert_eq!(values.read((0, 1), b"-1,5", None), Ok(Some(-1.5)));
        assert_eq!(values.read((0, 1), b"7", None), Ok(Some(7.0)));
        assert!(values.read((0, 1), b"1.5", None).is_err());
        assert!(values.read((0, 1), b"1,234,5", None).is_err());
        for (cells, decimal) in [
            (&["1,5", "2"][..], true),
            (&["1,234"], false),
            (&["0,234"], true),
            (&["1,5", "1.5"], false),
            (&["1"], false),
        ] {
            let mut commas = Commas::default();
            cells.iter().for_each(|cell| commas.take(cell.as_bytes()));
            assert_eq!(commas.are_decimal(), decimal, "{cells:?}");
        }
    }
}
