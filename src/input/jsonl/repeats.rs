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
        if let Ok(time) = &self.time {
            repeats.set_time(time.trim_ascii(), at);
        }
        let Some(row) = lines.last().filter(|_| self.is_last) else { return };
        if !repeats.is_new(row, *series, *value) {
            return;
        }
        let name = |number: u32| self.object.names[number as usize].outer();
        let Some(number) = shapes.samples.as_ref().and_then(|samples| name(samples.value)) else { return };
        let Some(time) = name(layout.time) else { return };
        let Ok(fields) = serde_json::from_slice::<BTreeMap<Cow<'_, str>, &RawValue>>(row) else { return };
        if let (Some(time), Some(number)) = (fields.get(time), fields.get(number)) {
            repeats.learn(row, *series, *value, (inner(row, time.get()), inner(row, number.get())));
        }
    }
}

/// Returns where a value of a line stands, without the quotes around it.
fn inner(line: &[u8], value: &str) -> Range<usize> {
    let Range { start, end } = place_of(value.as_bytes(), line);
    if value.starts_with('"') { start + 1..end - 1 } else { start..end }
}
