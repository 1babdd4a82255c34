//! What the values of a recording are like: learnt at the deep look alone.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::median::Median;
use crate::histogram::Histogram;
use crate::limits;
use crate::store::{Conflict, SeriesId, Store};
use crate::time::Timestamp;

/// How many values a metric holds for its median, and one of very many metrics.
const HELD: (usize, usize) = (4096, 256);
/// From how many metrics on fewer values are held.
const MANY_METRICS: usize = 1000;

/// What is known of the values of one metric; nothing at the light look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueFacts {
    /// Samples that are native histograms; they count for nothing below.
    pub histograms: u64,
    /// Series that have any.
    pub histogram_series: u64,
    /// Samples that are NaN; they count for nothing below.
    pub nans: u64,
    /// The least value.
    pub min: Option<f64>,
    /// The median, the lower one of two.
    pub median: Option<f64>,
    /// Whether the median is that of all values.
    pub median_exact: bool,
    /// The greatest value.
    pub max: Option<f64>,
    /// Falls of counters: of series named like one, or that rise at least ten times as often as they fall.
    pub resets: u64,
}

/// The values of a recording as they go by.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    /// By the number of the series in its store.
    courses: Vec<Course>,
    metrics: Vec<Metric>,
    by_name: HashMap<String, u32, FixedState>,
    pub(super) repeats: u64,
    pub(super) conflicts: u64,
    /// The first [`limits::CONFLICTS_SHOWN`] of them.
    pub(super) shown: Vec<Conflict>,
}

/// The values of one series.
#[derive(Clone, Debug)]
struct Course {
    metric: u32,
    value: f64,
    /// The newest sample, if that is a native histogram.
    histogram: Option<Arc<Histogram>>,
    /// How many were.
    histograms: u64,
    rises: u64,
    falls: u64,
}

#[derive(Clone, Debug)]
struct Metric {
    nans: u64,
    min: f64,
    max: f64,
    median: Median,
}

impl Values {
    /// Makes room for series that the store has and that were not seen yet.
    pub(super) fn meet(&mut self, store: &Store) {
        for id in store.ids().skip(self.courses.len()) {
            let name = store.labels(id).metric().unwrap_or("");
            let metric = match self.by_name.get(name) {
                Some(metric) => *metric,
                None => {
                    let number = u32::try_from(self.metrics.len()).unwrap_or(u32::MAX);
                    self.by_name.insert(name.to_owned(), number);
                    let held = if self.metrics.len() < MANY_METRICS { HELD.0 } else { HELD.1 };
                    self.metrics.push(Metric {
                        nans: 0,
                        min: f64::INFINITY,
                        max: f64::NEG_INFINITY,
                        median: Median::new(held),
                    });
                    number
                }
            };
            self.courses.push(Course { metric, value: f64::NAN, histogram: None, histograms: 0, rises: 0, falls: 0 });
        }
    }

    /// Records a sample that is newer than the last of its series; `histogram` is what its value stands for.
    pub(super) fn see(&mut self, id: SeriesId, value: f64, histogram: Option<&Arc<Histogram>>) {
        let course = &mut self.courses[id.0 as usize];
        course.histogram = histogram.map(Arc::clone);
        if histogram.is_some() {
            (course.value, course.histograms) = (value, course.histograms + 1);
            return;
        }
        // Comparing with NaN, as before the first sample, counts for nothing.
        course.rises += u64::from(value > course.value);
        course.falls += u64::from(value < course.value);
        course.value = value;
        let metric = &mut self.metrics[course.metric as usize];
        if value.is_nan() {
            metric.nans += 1;
        } else {
            metric.min = metric.min.min(value);
            metric.max = metric.max.max(value);
            metric.median.add(value);
        }
    }

    /// Records a sample that is not newer than the last of its series.
    pub(super) fn see_again(
        &mut self,
        series: SeriesId,
        at: Timestamp,
        (other, histogram): (f64, Option<&Arc<Histogram>>),
        row: u64,
    ) {
        let course = &self.courses[series.0 as usize];
        let kept = course.value;
        let same = match (&course.histogram, histogram) {
            (Some(kept), Some(other)) => kept.equals(other),
            (None, None) => kept == other || (kept.is_nan() && other.is_nan()),
            _ => false,
        };
        if same {
            self.repeats += 1;
            return;
        }
        self.conflicts += 1;
        if self.shown.len() < limits::CONFLICTS_SHOWN {
            self.shown.push(Conflict { series, at, kept, other, row });
        }
    }

    /// Returns what is known of a metric that has these series.
    pub(super) fn facts(&self, name: &str, series: &[SeriesId]) -> ValueFacts {
        let Some(metric) = self.by_name.get(name).map(|metric| &self.metrics[*metric as usize]) else {
            return ValueFacts::default();
        };
        let numbers = metric.min <= metric.max;
        let counter = ["_total", "_count", "_sum", "_bucket"].iter().any(|suffix| name.ends_with(suffix));
        let courses = || series.iter().map(|id| &self.courses[id.0 as usize]);
        let resets = courses().filter(|course| counter || course.rises >= course.falls.saturating_mul(10));
        ValueFacts {
            histograms: courses().map(|course| course.histograms).sum(),
            histogram_series: courses().filter(|course| course.histograms > 0).count() as u64,
            nans: metric.nans,
            min: numbers.then_some(metric.min),
            median: metric.median.get(),
            median_exact: metric.median.is_exact(),
            max: numbers.then_some(metric.max),
            resets: resets.map(|course| course.falls).sum(),
        }
    }
}
