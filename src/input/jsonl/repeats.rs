//! Lines of samples that repeat ones before, read past the JSON reader.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;

use super::JsonlRows;
use crate::input::lines::Lines;
use crate::input::repeat::{Repeats, Syntax, place_of};
use crate::input::settings::Settings;
use crate::input::values::takes_all_numbers;
use crate::store::Batch;
use crate::time::Timestamp;

/// Begins to compare lines with those before, where the form allows it.
pub(super) fn begin(settings: &Settings, file: u16) -> Option<Repeats> {
    takes_all_numbers(&settings.form).then(|| Repeats::new(Syntax::Json, file))
}

impl JsonlRows {
    /// Returns what is known of the lines before, and where the next one stands.
    pub(super) fn may_repeat(&mut self) -> Option<(&mut Repeats, &mut Lines)> {
        if !self.ahead.as_ref().is_some_and(|ahead| ahead.is_empty()) {
            return None;
        }
        Some((self.repeats.as_mut()?, self.lines.as_mut()?))
    }

    /// Learns the line that gave the last sample of a batch.
    pub(super) fn learn(&mut self, at: Timestamp, batch: &Batch) {
        let (Some(repeats), Some(lines), Some((layout, shapes))) = (&mut self.repeats, &self.lines, &self.layout)
        else {
            return;
        };
        let (Some(series), Some(value)) = (batch.series.last(), batch.values.last()) else { return };
        let Ok(time) = &self.time else { return };
        let name = |number: u32| self.object.names[number as usize].outer();
        let row = lines.last().filter(|_| self.is_last);
        let is_histogram = batch.histogram(*value).is_some();
        repeats.read_whole((time.trim_ascii(), at), row, (*series, *value), |row| {
            if is_histogram {
                return None;
            }
            let (time, number) = (name(layout.time)?, name(shapes.samples.as_ref()?.value)?);
            let fields = serde_json::from_slice::<BTreeMap<Cow<'_, str>, &RawValue>>(row).ok()?;
            Some((inner(row, fields.get(time)?.get()), inner(row, fields.get(number)?.get())))
        });
    }
}

/// Returns where a value of a line stands, without the quotes around it.
fn inner(line: &[u8], value: &str) -> Range<usize> {
    let Range { start, end } = place_of(value.as_bytes(), line);
    if value.starts_with('"') { start + 1..end - 1 } else { start..end }
}
