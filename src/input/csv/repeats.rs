//! Rows of a long file that repeat ones before, read past the CSV reader.

use super::{CsvRows, Shape, cell};
use crate::input::lines::Lines;
use crate::input::repeat::{Repeats, Syntax};
use crate::input::values::takes_all_numbers;
use crate::store::Batch;
use crate::time::Timestamp;

impl CsvRows {
    /// Begins to compare the rows of a table with those before, where its form allows it.
    pub(super) fn begin_repeats(&mut self) {
        let form = &self.settings.form;
        // What such a delimiter separates cannot be told from a number.
        let plain = !self.delimiter.is_ascii_alphanumeric() && !matches!(self.delimiter, b'-' | b'.' | b'"');
        let all_rows = form.skip_rows.is_none() && takes_all_numbers(form);
        let long = matches!(&self.table.shape, Shape::Long(long) if !long.values.takes_commas());
        let may = plain && all_rows && long && self.table.header.time.len() == 1;
        self.repeated += self.repeats.take().map_or(0, |repeats| repeats.taken);
        self.repeats = may.then(|| Repeats::new(Syntax::Delimited(self.delimiter), self.file));
    }

    /// Returns what is known of the rows before, and the lines, where the next one begins a record.
    pub(super) fn may_repeat(&mut self) -> Option<(&mut Repeats, &mut Lines)> {
        if !self.ahead.is_empty() || self.next.is_some() || self.csv.is_done() {
            return None;
        }
        let repeats = self.repeats.as_mut()?;
        Some((repeats, self.csv.get_mut()))
    }

    /// Learns the row that gave the last sample of a batch.
    pub(super) fn learn(&mut self, at: Timestamp, batch: &Batch) {
        let (header, record) = (&self.table.header, &self.record);
        let (Some(repeats), Shape::Long(long)) = (&mut self.repeats, &self.table.shape) else { return };
        let (Some(series), Some(value)) = (batch.series.last(), batch.values.last()) else { return };
        let time = header.time[0];
        let row = self.csv.get_ref().last().filter(|_| self.is_last);
        repeats.read_whole((record[time].trim_ascii(), at), row, (*series, *value), |row| {
            if memchr::memchr(b'"', row).is_some() {
                return None;
            }
            let (mut start, mut found) = (0, (0..0, 0..0));
            for (column, field) in row[..row.len() - 1].split(|byte| *byte == self.delimiter).enumerate() {
                // A record that goes over several lines has other fields.
                if record.get(column) != Some(field) {
                    return None;
                }
                let inner = |cell: &[u8]| {
                    let from = start + (cell.len() - cell.trim_ascii_start().len());
                    from..from + cell.trim_ascii().len()
                };
                if column == time {
                    found.0 = inner(field);
                }
                if column == long.value {
                    found.1 = inner(cell(record, column));
                }
                start += field.len() + 1;
            }
            Some(found)
        });
    }
}
