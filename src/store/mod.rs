//! Samples by series: the one place that knows duplicates, disorder and stale markers.

mod append;
mod asleep;
mod cadence;
mod compact;
mod held;
mod hidden;
mod histograms;
mod numbers;
mod rows;
mod select;
mod stale;
mod starts;
mod times;

use std::sync::Arc;

use hashbrown::HashMap;

use crate::labels::{LabelSet, Matcher};
use crate::time::{Millis, Timestamp};

pub use crate::marker::{STALE_BITS, is_stale, stale_marker};
pub(crate) use append::Sample;
pub use append::{Appended, Batch, Conflict, Conflicts, Rejected};
pub(crate) use held::Apart;
pub use hidden::Hidden;
pub use numbers::Numbers;
pub use rows::{LabelSetId, RowsId};
pub use select::Reach;
pub use stale::{Stale, StaleCounts};
pub use starts::Starts;

use asleep::Awake;
use held::Stretch;
use histograms::HeldHistograms;
use rows::RowLog;
use stale::Inference;
use starts::Known;
use times::TimeLog;

/// Names a series of one store; given out in the order of first appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u32);

/// Names a stream of rows: all series that share their labels, metric name aside, and come in snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// Names a selector that was registered with one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SelectorId(pub u32);

/// Samples of one series in time order: two columns of equal length.
#[derive(Clone, Copy, Debug, Default)]
pub struct Samples<'a> {
    /// When. Strictly ascending.
    pub times: &'a [Timestamp],
    /// What.
    pub values: &'a [f64],
}

/// What is known of a series even when no selector wants its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesFacts {
    /// Samples that were accepted, stale markers not counted.
    pub samples: u64,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
}

struct Series {
    labels: LabelSet,
    facts: SeriesFacts,
    /// Whether some selector wants the samples.
    wanted: bool,
    /// How far back the selectors on it look from a step.
    back: Millis,
    /// Whether it has ended, as far as is known.
    asleep: bool,
    /// Columns; what is before `head` was evicted.
    times: Vec<Timestamp>,
    values: Vec<f64>,
    head: usize,
    /// Stale markers in the columns from `head` on.
    stale: usize,
    /// The value at `facts.last`, held whether wanted or not.
    last_value: f64,
    /// Where those of the markers stand that were inferred.
    inferred: Vec<Timestamp>,
    /// The stretches that selectors read for good.
    held: Vec<Stretch>,
    /// Whether any sample ever was a histogram.
    histograms: bool,
    /// None where no sample ever had a start timestamp.
    starts: Option<Box<Known>>,
}

struct Selector {
    matchers: Arc<[Matcher]>,
    hidden: Hidden,
    reach: Reach,
    series: Vec<SeriesId>,
    /// Whether it lists ended series too.
    lasting: bool,
}

/// Holds samples by series, and for each registered selector the series that it matches.
///
/// Ids are append-only: a series or selector keeps its number for the life of the store.
#[derive(Default)]
pub struct Store {
    series: Vec<Series>,
    by_labels: HashMap<LabelSet, SeriesId, foldhash::fast::FixedState>,
    /// By metric name (`""` for none): the series.
    names: HashMap<String, Vec<SeriesId>, foldhash::fast::FixedState>,
    selectors: Vec<Selector>,
    /// Selectors with a literal metric name, by it; the others.
    by_metric: HashMap<String, Vec<SelectorId>, foldhash::fast::FixedState>,
    any_metric: Vec<SelectorId>,
    conflicts: Conflicts,
    keep_all: bool,
    /// How far back the samples of all series are held, wanted or not, of a recording without an end.
    history: Option<Millis>,
    /// What was evaluated when samples were last evicted.
    evicted: Timestamp,
    /// The first conflicts that were refused.
    refused: Vec<Conflict>,
    stale_counts: StaleCounts,
    /// None where no stale markers are inferred.
    inference: Option<Box<Inference>>,
    /// None where no rule is evaluated at rows.
    row_log: Option<Box<RowLog>>,
    /// Rows of label sets that have ended, until somebody reads rows.
    lingering: Vec<(Timestamp, LabelSet)>,
    /// None where no rule is evaluated at each snapshot.
    times: Option<Box<TimeLog>>,
    awake: Awake,
    histograms: Option<Box<HeldHistograms>>,
    /// Whether any sample ever had a start timestamp.
    has_starts: bool,
}

impl Store {
    /// Makes an empty store that settles conflicts in the given way.
    #[must_use]
    pub fn new(conflicts: Conflicts) -> Self {
        Self { conflicts, ..Self::default() }
    }

    /// Keeps the samples of all series, wanted or not, and evicts none.
    pub fn keep_all(&mut self) {
        self.keep_all = true;
        for series in &mut self.series {
            series.wanted = true;
        }
    }

    /// Makes an empty store for a recording without an end: it holds the samples of all series for as long as `history`
    /// at least, and drops those of a series that are older when the next one of it comes. Of two samples of a series at
    /// one time the last counts. A stale marker is a row of its label set, one in which the series is not there.
    #[must_use]
    pub fn endless(history: Millis) -> Self {
        Self { history: Some(history), ..Self::new(Conflicts::Last) }
    }

    /// Holds what queries that are not known yet may read: everything, or the history of a recording without an end.
    pub fn keep_for_queries(&mut self) {
        if self.history.is_none() {
            self.keep_all();
        }
    }

    /// Returns the number of series.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Returns whether there is no series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Walks over the ids of all series.
    pub fn ids(&self) -> impl Iterator<Item = SeriesId> + use<> {
        (0..u32::try_from(self.series.len()).unwrap_or(u32::MAX)).map(SeriesId)
    }

    /// Returns the labels of a series.
    #[must_use]
    pub fn labels(&self, id: SeriesId) -> &LabelSet {
        &self.series[id.0 as usize].labels
    }

    /// Returns what is known of a series.
    #[must_use]
    pub fn facts(&self, id: SeriesId) -> SeriesFacts {
        self.series[id.0 as usize].facts
    }

    /// Returns the times of the first sample of all and of the last one. Cost: a walk over all series.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let seen = self.series.iter().map(|series| series.facts).filter(|facts| facts.samples > 0);
        seen.map(|facts| (facts.first, facts.last)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Returns the id of a label set, if it was seen.
    #[must_use]
    pub fn find(&self, labels: &LabelSet) -> Option<SeriesId> {
        self.by_labels.get(labels).copied()
    }

    /// Returns the samples with `from < time <= to`, stale markers among them. Cost: at most two binary
    /// searches.
    #[must_use]
    pub fn samples(&self, id: SeriesId, from: Timestamp, to: Timestamp) -> Samples<'_> {
        let series = &self.series[id.0 as usize];
        if !series.held.is_empty()
            && let Some(held) = series.held_within(from, to)
        {
            return held;
        }
        let times = &series.times[series.head..];
        // What is newest is what is asked for most.
        let high = match times.last() {
            Some(last) if *last > to => times.partition_point(|time| *time <= to),
            _ => times.len(),
        };
        let low = first_after(&times[..high], from);
        Samples { times: &times[low..high], values: &series.values[series.head + low..series.head + high] }
    }

    /// Returns the newest sample with `from < time <= to`, a stale marker too. Cost: nothing where it is the newest of
    /// all, else as [`Store::samples`].
    #[inline]
    pub(crate) fn newest(&self, id: SeriesId, from: Timestamp, to: Timestamp) -> Option<(Timestamp, f64)> {
        let series = &self.series[id.0 as usize];
        if let (Some(time), Some(value)) = (series.times.last(), series.values.last())
            && *time <= to
            && series.held.is_empty()
        {
            return (*time > from).then_some((*time, *value));
        }
        let Samples { times, values } = self.samples(id, from, to);
        times.last().copied().zip(values.last().copied())
    }

    /// Returns the value of the newest sample of a series, if it has any, whether it is held or not.
    #[must_use]
    pub fn newest_value(&self, id: SeriesId) -> Option<f64> {
        let series = &self.series[id.0 as usize];
        (series.facts.samples > 0).then_some(series.last_value)
    }

    /// Returns how far back from a step what is held of a series is read.
    pub(crate) fn reach_back(&self, id: SeriesId) -> Millis {
        let series = &self.series[id.0 as usize];
        if series.is_held() { Millis(i64::MAX) } else { series.back }
    }

    /// Returns whether any stale marker is held for a series.
    #[must_use]
    pub fn has_stale(&self, id: SeriesId) -> bool {
        self.series[id.0 as usize].stale > 0
    }

    /// Returns the samples of a series without those that no selector can reach any more: what a state is made of must
    /// not depend on when they were dropped last.
    pub(crate) fn reachable(&self, id: SeriesId) -> Samples<'_> {
        let series = &self.series[id.0 as usize];
        let is_all = self.keep_all || !series.held.is_empty();
        let gone = if is_all { 0 } else { series.unreachable(self.evicted.minus(series.back)) };
        let from = series.head + gone;
        Samples { times: &series.times[from..], values: &series.values[from..] }
    }

    /// Drops, series by series, the samples that no selector can reach from a step after `evaluated`; the newest at or
    /// before each edge stays, since a later inference may need it. Cost: amortised constant a sample, and a look at each
    /// series where more was evaluated than the last time.
    pub fn evict(&mut self, evaluated: Timestamp) {
        if let Some(log) = &mut self.row_log {
            log.evict(evaluated);
        }
        if let Some(times) = &mut self.times {
            times.evict(evaluated);
        }
        let before = std::mem::replace(&mut self.evicted, evaluated);
        // Without an end, any number of series may be silent: each is gone through when its next sample comes. What came
        // since the last time is later than what was evaluated then, so there is nothing to drop until more is.
        if self.history.is_none() && !self.keep_all && before != evaluated {
            self.for_each_awake(|series| series.evict(evaluated));
            self.sweep_histograms();
        }
    }
}

/// Returns the place of the first time after `from`. Cost: constant for the last one, and where times are evenly spaced;
/// else a binary search.
fn first_after(times: &[Timestamp], from: Timestamp) -> usize {
    let [.., before, last] = times else { return usize::from(times.first().is_some_and(|time| *time <= from)) };
    if *before <= from && *last > from {
        return times.len() - 1;
    }
    let behind = last.since(from).0.max(0) / last.since(*before).0.max(1);
    let guess = times.len().saturating_sub(usize::try_from(behind).unwrap_or(usize::MAX));
    // Where `from` is a whole number of spacings before the last one, the first place, else the second.
    let fits = |at: usize| (at == 0 || times[at - 1] <= from) && times.get(at).is_none_or(|time| *time > from);
    match [guess, guess.saturating_sub(1)].into_iter().find(|at| fits(*at)) {
        Some(at) => at,
        None => times.partition_point(|time| *time <= from),
    }
}

impl Series {
    /// Gives back memory that is not needed.
    fn shrink(&mut self) {
        if self.times.capacity() > 4 * (self.times.len() + 1) {
            self.times.shrink_to(self.times.len() * 2);
            self.values.shrink_to(self.values.len() * 2);
        }
    }

    /// Returns how many samples no selector can reach from a step after the one whose windows begin at `edge`.
    fn unreachable(&self, edge: Timestamp) -> usize {
        match &self.times[self.head..] {
            [_, second, ..] if *second <= edge => {
                self.times[self.head..].partition_point(|time| *time <= edge).saturating_sub(1)
            }
            _ => 0,
        }
    }

    /// Drops the samples that no selector can reach from a step after `evaluated`.
    fn evict(&mut self, evaluated: Timestamp) {
        let mut edge = evaluated.minus(self.back);
        if !self.held.is_empty() {
            edge = self.keep_held(edge);
        }
        let gone = self.unreachable(edge);
        if gone == 0 {
            return;
        }
        if self.stale > 0 {
            let dropped = &self.values[self.head..self.head + gone];
            self.stale -= dropped.iter().filter(|value| is_stale(**value)).count();
        }
        self.head += gone;
        if self.starts.is_some() {
            self.evict_starts();
        }
        if !self.inferred.is_empty() {
            let first = self.times[self.head];
            let passed = self.inferred.partition_point(|at| *at < first);
            self.inferred.drain(..passed);
        }
        if self.head * 2 > self.times.len() {
            self.times.drain(..self.head);
            self.values.drain(..self.head);
            self.head = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> LabelSet {
        LabelSet::new([("__name__", text)])
    }

    fn rows(rows: &[(SeriesId, i64, f64)]) -> Batch {
        let mut batch = Batch::default();
        for (at, (series, time, value)) in rows.iter().enumerate() {
            batch.push(*series, Timestamp(*time), *value, at as u64);
        }
        batch
    }

    fn times(store: &Store, id: SeriesId) -> Vec<i64> {
        store.samples(id, Timestamp::MIN, Timestamp::MAX).times.iter().map(|time| time.0).collect()
    }

    #[test]
    fn only_selected_series_keep_samples() {
        let mut store = Store::default();
        let up = store.select(&[Matcher::equal("__name__", "up")], Reach::back(Millis(10)), &Hidden::default());
        let (a, b) = (store.series(&labels("up")), store.series(&labels("down")));
        store.append(&rows(&[(a, 1, 1.0), (b, 1, 2.0), (a, 2, 3.0)])).expect("in order");
        assert_eq!(store.selected(up), [a]);
        assert_eq!((times(&store, a), times(&store, b)), (vec![1, 2], vec![]));
        assert_eq!(store.facts(b).samples, 1);
    }

    #[test]
    fn what_one_selector_does_not_see_another_one_does() {
        let mut store = Store::default();
        let up = [Matcher::equal("__name__", "up")];
        let hidden = Hidden::of(["up", "down"].into_iter());
        let blind = store.select(&up, Reach::default(), &hidden);
        let before = store.select(&up, Reach::default(), &Hidden::default());
        let a = store.series(&labels("up"));
        let after = store.select(&up, Reach::default(), &Hidden::of(["down"].into_iter()));
        let taken = [blind, before, after].map(|selector| store.selected(selector).len());
        assert_eq!(taken, [0, 1, 1]);
        assert_eq!(store.matching(&up, &hidden), []);
        assert_eq!(store.matching(&up, &Hidden::default()), [a]);
    }

    #[test]
    fn equal_repeats_are_one_and_others_are_conflicts() {
        let mut store = Store::default();
        store.keep_all();
        let a = store.series(&labels("a"));
        store.append(&rows(&[(a, 1, 1.0), (a, 1, 1.0)])).expect("equal");
        let rejected = store.append(&rows(&[(a, 2, 1.0), (a, 2, 5.0)])).expect_err("conflict");
        assert!(matches!(rejected, Rejected::Conflict(Conflict { kept, other, .. }) if (kept, other) == (1.0, 5.0)));
        assert!(matches!(store.append(&rows(&[(a, 1, 1.5)])), Err(Rejected::OutOfOrder { .. })));
    }

    #[test]
    fn series_are_gone_through_when_more_was_evaluated() {
        let mut store = Store::default();
        store.select(&[Matcher::equal("__name__", "up")], Reach::back(Millis(10)), &Hidden::default());
        let a = store.series(&labels("up"));
        store.append(&rows(&[(a, 10, 1.0), (a, 20, 1.0), (a, 30, 1.0)])).expect("in order");
        let mut held = |evaluated: i64| {
            store.evict(Timestamp(evaluated));
            times(&store, a).len()
        };
        assert_eq!([held(15), held(35), held(35), held(45)], [3, 2, 2, 1]);
        store.series[a.0 as usize].back = Millis::ZERO;
        store.append(&rows(&[(a, 44, 1.0), (a, 45, 1.0)])).expect("in order");
        let mut held = |evaluated: i64| {
            store.evict(Timestamp(evaluated));
            times(&store, a).len()
        };
        assert_eq!([held(45), held(46)], [3, 1], "a second call with the same time looks at no series");
    }

    #[test]
    fn eviction_keeps_what_a_selector_reaches() {
        let mut store = Store::default();
        store.select(&[Matcher::equal("__name__", "up")], Reach::back(Millis(10)), &Hidden::default());
        let a = store.series(&labels("up"));
        for time in 0..100 {
            store.append(&rows(&[(a, time, 1.0)])).expect("in order");
        }
        store.evict(Timestamp(50));
        assert_eq!(times(&store, a).first(), Some(&40));
        assert_eq!(times(&store, a).last(), Some(&99));
    }

    #[test]
    fn what_is_reachable_does_not_depend_on_when_the_rest_was_dropped() {
        let mut store = Store::endless(Millis(100));
        let a = store.series(&labels("up"));
        store.select(&[Matcher::equal("__name__", "up")], Reach::back(Millis(10)), &Hidden::default());
        let (mut reachable, mut held) = (Vec::new(), Vec::new());
        for time in 0..1_000 {
            store.push_endless(a, Timestamp(time), 1.0);
            store.evict(Timestamp(time));
            if time >= 200 {
                reachable.push(store.reachable(a).times.len());
                held.push(times(&store, a).len());
            }
        }
        assert!(reachable.iter().all(|count| *count == reachable[0] && *count > 10), "{reachable:?}");
        assert!(held.iter().any(|count| *count > reachable[0]), "the rest is dropped at times only: {held:?}");
        assert_eq!(store.reachable(a).times.last(), Some(&Timestamp(999)));
    }

    #[test]
    fn a_window_begins_after_its_left_end() {
        let steady: Vec<i64> = (0..20).map(|at| at * 10).collect();
        let uneven = [0, 1, 2, 30, 31, 90, 100, 101, 250];
        let slower = [0, 10, 20, 30, 40, 140, 240];
        for times in [&steady[..], &uneven, &slower, &[7], &[7, 9], &[]] {
            let times: Vec<Timestamp> = times.iter().map(|at| Timestamp(*at)).collect();
            for from in (-3..260).map(Timestamp).chain([Timestamp::MIN, Timestamp::MAX]) {
                let expected = times.partition_point(|time| *time <= from);
                assert_eq!(first_after(&times, from), expected, "{from:?} of {times:?}");
            }
        }
    }
}
