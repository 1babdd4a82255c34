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
}

impl Reach {
    /// Makes a reach that looks back only.
    #[must_use]
    pub fn back(back: Millis) -> Self {
        Self { back, ahead: Millis::ZERO, pinned: None }
    }

    /// Returns the reach that covers both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            back: self.back.max(other.back),
            ahead: self.ahead.max(other.ahead),
            pinned: self.pinned.max(other.pinned),
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
            series.wanted = self.keep_all;
            series.back = Millis::ZERO;
        }
    }

    /// Returns the series that a selector takes, in the order they appeared; the list only grows.
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

    /// Returns the metric names of all series, sorted.
    #[must_use]
    pub fn metric_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.names.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Offers a new series to the selectors that may want it.
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
            selector.series.push(id);
            series.wanted = true;
            series.back = series.back.max(selector.reach.back);
        }
    }
}
