//! Native histograms beside the columns of floats: a value there is the number of one that is held here.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::histogram::{Hint, Histogram, Histograms};
use crate::marker::{histogram_at, histogram_number, is_stale, plain, stale_marker};
use crate::time::Timestamp;

use super::{Batch, SeriesId, Store};

/// The histograms of a store. None where no series ever had one, so that floats pay nothing for them.
#[derive(Default)]
pub(super) struct HeldHistograms {
    /// By number; none where a number is free.
    held: Vec<Option<Arc<Histogram>>>,
    free: Vec<usize>,
    /// The series that had one.
    series: Vec<SeriesId>,
    /// How many were held when those that no value stands for any more were dropped last.
    swept: usize,
}

impl HeldHistograms {
    fn put(&mut self, histogram: Arc<Histogram>) -> f64 {
        let number = self.free.pop().unwrap_or(self.held.len());
        match self.held.get_mut(number) {
            Some(place) => *place = Some(histogram),
            None => self.held.push(Some(histogram)),
        }
        histogram_at(number)
    }

    fn get(&self, value: f64) -> Option<&Arc<Histogram>> {
        self.held.get(histogram_number(value)?)?.as_ref()
    }
}

impl Batch {
    /// Adds a sample that is a histogram.
    pub fn push_histogram(&mut self, series: SeriesId, time: Timestamp, histogram: Arc<Histogram>, row: u64) {
        self.series.push(series);
        self.times.push(time);
        self.rows.push(row);
        if histogram.is_stale() {
            self.values.push(stale_marker());
        } else {
            self.values.push(self.histograms.put(histogram));
        }
    }

    /// Adds a sample whose value stands for one of these histograms, or for itself.
    #[inline]
    pub(crate) fn push_value(
        &mut self,
        series: SeriesId,
        time: Timestamp,
        (value, histograms): (f64, &Histograms),
        row: u64,
    ) {
        match histograms.get(value) {
            Some(histogram) => self.push_histogram(series, time, Arc::clone(histogram), row),
            None => self.push(series, time, value, row),
        }
    }

    /// Returns the histogram that a value of the batch stands for, if it does.
    #[inline]
    #[must_use]
    pub fn histogram(&self, value: f64) -> Option<&Arc<Histogram>> {
        self.histograms.get(value)
    }
}

impl Store {
    /// Returns whether any series ever had a histogram.
    #[must_use]
    pub fn has_histograms(&self) -> bool {
        self.histograms.is_some()
    }

    /// Returns whether a series ever had a histogram.
    pub(crate) fn is_of_histograms(&self, id: SeriesId) -> bool {
        self.histograms.is_some() && self.series[id.0 as usize].histograms
    }

    /// Returns the histogram that a value of a series stands for, if it does.
    #[must_use]
    pub fn histogram(&self, value: f64) -> Option<&Arc<Histogram>> {
        self.histograms.as_ref()?.get(value)
    }

    /// Takes the histograms of a batch, and returns its values with their numbers here. Of what they say of the sample
    /// before them only that is kept which a look at that sample cannot tell.
    ///
    /// Source: histograms.md 2.3.
    pub(super) fn take_histograms(&mut self, batch: &Batch) -> Vec<f64> {
        let mut held = self.histograms.take().unwrap_or_default();
        // By series: what came in this batch already, which the columns do not have yet.
        let mut newest: HashMap<SeriesId, f64, foldhash::fast::FixedState> = HashMap::default();
        let mut values = Vec::with_capacity(batch.len());
        for (id, value) in batch.series.iter().zip(&batch.values) {
            let series = &mut self.series[id.0 as usize];
            let value = match batch.histograms.get(*value) {
                None => plain(*value),
                Some(histogram) => {
                    if !std::mem::replace(&mut series.histograms, true) {
                        held.series.push(*id);
                    }
                    let before = newest.get(id).or(series.values.last()).unwrap_or(&series.last_value);
                    let hint = stored_hint(histogram, held.get(*before).map(Arc::as_ref));
                    let mut histogram = Arc::clone(histogram);
                    if hint != histogram.hint {
                        Arc::make_mut(&mut histogram).hint = hint;
                    }
                    held.put(histogram)
                }
            };
            if series.histograms {
                newest.insert(*id, value);
            }
            values.push(value);
        }
        self.histograms = Some(held);
        values
    }

    /// Drops the histograms that no value stands for any more. Cost: a walk over the samples of the series that had
    /// any, each time that twice as many are held as were left the last time.
    pub(super) fn sweep_histograms(&mut self) {
        let Some(held) = &mut self.histograms else { return };
        if held.held.len() - held.free.len() < 2 * held.swept.max(512) {
            return;
        }
        let mut lives = vec![false; held.held.len()];
        for id in &held.series {
            let series = &self.series[id.0 as usize];
            let values = series.values[series.head..].iter().chain(series.held_values());
            for number in values.chain([&series.last_value]).filter_map(|value| histogram_number(*value)) {
                lives[number] = true;
            }
        }
        for (number, place) in held.held.iter_mut().enumerate().filter(|(number, _)| !lives[*number]) {
            if place.take().is_some() {
                held.free.push(number);
            }
        }
        held.swept = held.held.len() - held.free.len();
    }

    /// Returns whether two values of a series are the same sample.
    pub(super) fn is_same_value(&self, a: f64, b: f64) -> bool {
        match (self.histogram(a), self.histogram(b)) {
            (Some(a), Some(b)) => a.equals(b),
            (None, None) => a == b || (a.is_nan() && b.is_nan() && !is_stale(b)),
            _ => false,
        }
    }
}

/// Returns what a histogram is known to be after the sample before it: no counter, one that went on, or unknown.
fn stored_hint(histogram: &Histogram, before: Option<&Histogram>) -> Hint {
    if histogram.hint == Hint::Gauge {
        return Hint::Gauge;
    }
    let Some(before) = before.filter(|before| before.hint != Hint::Gauge) else { return Hint::Unknown };
    let unmarked = Histogram { hint: Hint::Unknown, ..histogram.clone() };
    let goes_on = histogram.hint != Hint::Reset
        && histogram.schema == before.schema
        && histogram.zero_threshold == before.zero_threshold
        && histogram.bounds == before.bounds
        && !unmarked.is_reset_since(before);
    if goes_on { Hint::NotReset } else { Hint::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{LabelSet, Matcher};
    use crate::store::{Hidden, Reach};
    use crate::time::Millis;

    fn counts(count: f64) -> Arc<Histogram> {
        Arc::new(Histogram { count, ..Histogram::default() })
    }

    #[test]
    fn hints_are_worked_out_from_the_sample_before() {
        let mut store = Store::default();
        store.keep_all();
        let id = store.series(&LabelSet::new([("__name__", "h")]));
        let gauge = Arc::new(Histogram { hint: Hint::Gauge, ..Histogram::default() });
        let written = Arc::new(Histogram { hint: Hint::NotReset, count: 3.0, ..Histogram::default() });
        let samples = [written, counts(5.0), counts(2.0), counts(2.0), gauge, counts(9.0)];
        let hints = [Hint::Unknown, Hint::NotReset, Hint::Unknown, Hint::NotReset, Hint::Gauge, Hint::Unknown];
        // Over two batches.
        let mut from = 0;
        for part in [&samples[..2], &samples[2..]] {
            let mut batch = Batch::default();
            for (at, histogram) in (from..).zip(part) {
                batch.push_histogram(id, Timestamp(at), Arc::clone(histogram), 0);
            }
            from += 2;
            store.append(&batch).expect("in order");
        }
        let held = store.samples(id, Timestamp::MIN, Timestamp::MAX);
        let found: Vec<Hint> =
            held.values.iter().map(|value| store.histogram(*value).expect("a histogram").hint).collect();
        assert_eq!(found, hints);
    }

    #[test]
    fn what_no_window_reaches_is_dropped() {
        let mut store = Store::default();
        store.select(&[Matcher::equal("__name__", "h")], Reach::back(Millis(10)), &Hidden::default());
        let id = store.series(&LabelSet::new([("__name__", "h")]));
        for time in 0..10_000 {
            let mut batch = Batch::default();
            batch.push_histogram(id, Timestamp(time), counts(time as f64), 0);
            store.append(&batch).expect("in order");
            store.evict(Timestamp(time));
            let newest = store.samples(id, Timestamp(time - 10), Timestamp(time)).values;
            assert!(newest.iter().all(|value| store.histogram(*value).is_some()));
            assert_eq!(store.histogram(newest[newest.len() - 1]).expect("a histogram").count, time as f64);
        }
        assert!(store.histograms.is_some_and(|held| held.held.len() < 1_100));
    }

    #[test]
    fn equal_histograms_at_one_time_are_repeats() {
        let mut store = Store::default();
        store.keep_all();
        let id = store.series(&LabelSet::new([("__name__", "h")]));
        let mut batch = Batch::default();
        batch.push_histogram(id, Timestamp(1), counts(1.0), 0);
        batch.push_histogram(id, Timestamp(1), counts(1.0), 1);
        let appended = store.append(&batch).expect("the same twice");
        assert_eq!((appended.repeats, appended.conflicts), (1, 0));
        let mut batch = Batch::default();
        batch.push(id, Timestamp(1), f64::NAN, 2);
        assert!(store.append(&batch).is_err(), "a float is another sample");
    }
}
