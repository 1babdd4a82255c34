//! Which series a selector takes.

use std::sync::Arc;

use crate::labels::{Matcher, named_metric};
use crate::time::{Millis, Timestamp};

use super::{Hidden, Selector, SelectorId, SeriesId, Store};

/// How far from a step a selector looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Back: ranges, offsets, look-back and subqueries summed up.
    pub back: Millis,
    /// Ahead: negative offsets.
    pub ahead: Millis,
    /// The latest time that a fixed `@` reaches; no step is evaluated before the recording has come to it.
    pub pinned: Option<Timestamp>,
    /// The stretch that a fixed `@` reads at every step: from after the first time to the other. Of several taken together
    /// one of them, which says that there is any.
    pub held: Option<(Timestamp, Timestamp)>,
}

impl Reach {
    /// Makes a reach that looks back only.
    #[must_use]
    pub fn back(back: Millis) -> Self {
        Self { back, ..Self::default() }
    }

    /// Returns the reach of what looks so far from each step of a subquery, which looks as far as `around`.
    pub(crate) fn within(self, around: Self) -> Self {
        let moved = |(from, to): (Timestamp, Timestamp)| (from.minus(self.back), to.plus(self.ahead));
        Self {
            back: Millis(self.back.0.saturating_add(around.back.0)),
            ahead: Millis(self.ahead.0.saturating_add(around.ahead.0)),
            pinned: self.pinned.max(around.pinned),
            held: self.held.or(around.held.map(moved)),
        }
    }

    /// Returns the reach that covers both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            back: self.back.max(other.back),
            ahead: self.ahead.max(other.ahead),
            pinned: self.pinned.max(other.pinned),
            held: self.held.or(other.held),
        }
    }
}

impl Store {
    /// Registers a selector: the store keeps from now on the samples of the series that satisfy all matchers and whose
    /// metric is not hidden from it. Cost: a walk over the series known so far.
    pub fn select(&mut self, matchers: &[Matcher], reach: Reach, hidden: &Hidden) -> SelectorId {
        let id = SelectorId(u32::try_from(self.selectors.len()).unwrap_or(u32::MAX));
        match named_metric(matchers) {
            Some(metric) => self.by_metric.entry(metric.to_owned()).or_default().push(id),
            None => self.any_metric.push(id),
        }
        self.selectors.push(Selector {
            matchers: Arc::from(matchers),
            hidden: hidden.clone(),
            reach,
            series: Vec::new(),
            lasting: false,
        });
        for series in self.matching(matchers, hidden) {
            self.offer_to(series, id);
        }
        id
    }

    /// Forgets all selectors and readers of rows, whose numbers mean nothing from now on. No sample is wanted until
    /// selectors are registered again; what is held stays.
    pub fn forget_selectors(&mut self) {
        self.selectors.clear();
        self.by_metric.clear();
        self.any_metric.clear();
        if let Some(log) = &mut self.row_log {
            log.forget_readers();
        }
        for series in &mut self.series {
            series.wanted = self.keep_all || self.history.is_some();
            series.back = self.history.unwrap_or_default();
            series.release();
        }
    }

    /// Returns the series that a selector takes, in the order they appeared; the list only grows, until
    /// [`Store::retire`] takes ended ones off.
    #[must_use]
    pub fn selected(&self, id: SelectorId) -> &[SeriesId] {
        &self.selectors[id.0 as usize].series
    }

    /// Returns the series that satisfy all matchers and are not hidden, in the order they appeared, without registering
    /// a selector.
    /// Cost: a walk over the series of the metric name, or over all where the matchers give none.
    #[must_use]
    pub fn matching(&self, matchers: &[Matcher], hidden: &Hidden) -> Vec<SeriesId> {
        let fits = |id: &SeriesId| {
            let labels = self.labels(*id);
            !hidden.contains(labels.metric().unwrap_or(""))
                && matchers.iter().all(|matcher| matcher.matches_set(labels))
        };
        match named_metric(matchers) {
            Some(metric) => self.names.get(metric).into_iter().flatten().copied().filter(|id| fits(id)).collect(),
            None => self.ids().filter(|id| fits(id)).collect(),
        }
    }

    /// Returns whether there is a series of a metric.
    pub(crate) fn has_metric(&self, metric: &str) -> bool {
        self.names.get(metric).is_some_and(|series| !series.is_empty())
    }

    /// Returns the metric names of all series, sorted.
    #[must_use]
    pub fn metric_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.names.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Offers a series, that is new or wakes, to the selectors that may want it.
    pub(super) fn offer(&mut self, series: SeriesId) {
        let metric = self.series[series.0 as usize].labels.metric().unwrap_or("");
        let mut selectors: Vec<SelectorId> = self.by_metric.get(metric).cloned().unwrap_or_default();
        selectors.extend(&self.any_metric);
        for selector in selectors {
            self.offer_to(series, selector);
        }
    }

    fn offer_to(&mut self, id: SeriesId, selector: SelectorId) {
        let selector = &mut self.selectors[selector.0 as usize];
        let series = &mut self.series[id.0 as usize];
        let taken = selector.matchers.iter().all(|matcher| matcher.matches_set(&series.labels));
        if taken && !selector.hidden.contains(series.labels.metric().unwrap_or("")) {
            // It has those that wake already.
            if !selector.lasting || selector.series.last().is_none_or(|last| *last < id) {
                selector.series.push(id);
            }
            series.wanted = true;
            // Without an end nothing could be dropped: the stretch itself is held instead of all since then.
            let back =
                selector.reach.held.filter(|_| self.history.is_some()).map_or(selector.reach.back, |_| Millis::ZERO);
            series.back = series.back.max(back);
            if let Some(span) = selector.reach.held.filter(|_| self.history.is_some()) {
                series.hold(span);
            }
        }
    }
}
