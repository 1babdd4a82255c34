//! Why a selector has no sample at a time: series that ended, matchers that take none, rules that wrote nothing.

use crate::diagnostic::nearest;
use crate::labels::{LabelSet, METRIC_NAME, MatchOp, Matcher};
use crate::outcome::{Known, Lack, selector_text};
use crate::promql::ast::Selector;
use crate::rules::RuleKind;
use crate::rules::graph::{ALERT_NAME, ALERT_STATE, ALERTS, ALERTS_FOR_STATE};
use crate::store::{SeriesId, Store, is_stale};
use crate::time::{Millis, Timestamp};

use super::case::rows;
use super::lineage::Wanted;
use super::search::{Decided, Search};
use super::source::{Writer, writer};
use super::why::Why;

impl Search<'_, '_> {
    /// Says why a selector has no sample at a time.
    pub(crate) fn selected(&self, selector: &Selector, wanted: &Wanted, at: Timestamp) -> Why {
        let at = self.case.reference(&selector.modifiers, at);
        let text = selector_text(selector);
        let written = self.case.inputs.written;
        let hidden = written.map(|written| written.hidden.clone()).unwrap_or_default();
        let recorded = self.case.store;
        let stores = [Some((recorded, hidden)), written.map(|written| (written.store, Default::default()))];
        let mut matching: Vec<(&Store, SeriesId)> = Vec::new();
        for (store, hidden) in stores.iter().flatten() {
            matching.extend(store.matching(&selector.matchers, hidden).into_iter().map(|id| (*store, id)));
        }
        if let Some(only) = self.case.inputs.only {
            matching.retain(|(store, id)| {
                let own = if std::ptr::eq(*store, recorded) { only.recorded } else { only.written };
                own.contains(id)
            });
        }
        if matching.is_empty() {
            let of_alerts = selector.metric().is_some_and(|metric| metric == ALERTS || metric == ALERTS_FOR_STATE);
            let unwritten = if of_alerts { self.unwritten(selector, wanted, at) } else { None };
            return unwritten.unwrap_or_else(|| self.unmatched(selector, text));
        }
        let fits = |(store, id): &&(&Store, SeriesId)| wanted.takes(store.labels(*id));
        let fitting: Vec<&(&Store, SeriesId)> = matching.iter().filter(fits).collect();
        // Of several the one that had a sample last.
        let last = |(store, id): &(&Store, SeriesId)| {
            // Of what rules write it sees what was written by then.
            let lag = written.filter(|_| !std::ptr::eq(*store, recorded));
            let lag = lag.map(|written| self.slot.minus(written.lags.of(written.writers[id.0 as usize])));
            let samples = store.samples(*id, Timestamp::MIN, lag.map_or(at, |seen| seen.min(at)));
            let live = samples.times.iter().zip(samples.values).rev().find(|(_, value)| !is_stale(**value));
            let ended = samples.times.last().zip(samples.values.last()).filter(|(_, value)| is_stale(**value));
            let ended = ended.map(|(time, _)| *time).filter(|time| !store.inferred(*id, *time));
            (live.map(|(time, _)| *time), ended)
        };
        let Some((store, id)) = fitting.iter().copied().max_by_key(|one| last(one).0) else {
            let labels = wanted.labels();
            let all = matching.iter().map(|(store, id)| store.labels(*id));
            return Why::NoSeries { selector: text, nearest: most_alike(&labels, all), wanted: labels };
        };
        if !std::ptr::eq(*store, recorded)
            && let Some(why) = self.unwritten(selector, wanted, at)
        {
            return why;
        }
        if let Some(why) = self.outside(selector, at) {
            return why;
        }
        let (last, ended) = last(&(*store, *id));
        let last = last.or_else(|| self.before(store, *id, at));
        let after = store.samples(*id, at, Timestamp::MAX);
        let next = after.times.iter().zip(after.values).find(|(_, value)| !is_stale(**value)).map(|(time, _)| *time);
        let series = store.labels(*id).clone();
        let down = self.down(&series, at);
        Why::NoSample { selector: text, of: fitting.len(), series, last, next, ended, down }
    }

    /// Says that a selector reads what is before the recording or after it.
    fn outside(&self, selector: &Selector, at: Timestamp) -> Option<Why> {
        let (first, last) = self.case.store.span()?;
        let edge = if at < first { first } else { Some(last).filter(|last| at > *last)? };
        let moved = (first..=last).contains(&self.case.evaluated(self.slot));
        Some(Why::Outside { selector: selector.to_string(), at, moved, edge })
    }

    /// Returns the last sample of a series before a time where it is not held any more, as far as it is known.
    fn before(&self, store: &Store, id: SeriesId, at: Timestamp) -> Option<Timestamp> {
        let facts = store.facts(id);
        let (survey, store) = (self.case.survey, self.case.store);
        let is_held = facts.samples == 0 || facts.first > at;
        let gaps = if is_held { Vec::new() } else { survey.absences(store, id, store.span()?, Millis::ZERO) };
        gaps.into_iter().find(|(from, to)| *from <= at && at < *to).map(|(from, _)| from)
    }

    /// Says why no series satisfies the matchers of a selector.
    fn unmatched(&self, selector: &Selector, text: String) -> Why {
        let written = self.case.inputs.written.map(|written| written.store);
        let is_written = |store: &&Store| selector.metric().is_some_and(|metric| store.has_metric(metric));
        // A metric that rules write is looked for among what they wrote.
        let of_rules = written.filter(is_written).map(|store| Known::new(store, Vec::new()).lack_of(selector));
        let lack = match of_rules {
            Some(lack) => lack,
            None => self.known.lack_of(selector),
        };
        let unmatched = match lack {
            Some(Lack::Metric(name)) => {
                let mut metric = self.known.missing(&name, true);
                let records = self.case.rules();
                let records = records.filter(|rule| matches!(rule.kind, RuleKind::Record));
                let near = nearest(&name, records.map(|rule| rule.name.text.as_str()));
                metric.near.extend(near.into_iter().map(str::to_owned));
                return Why::NoMetric { metric };
            }
            Some(Lack::Source(source)) => return Why::NoSource(source),
            Some(Lack::Series(unmatched)) => Some(unmatched),
            None => None,
        };
        if selector.metric().is_some_and(|metric| metric == ALERTS || metric == ALERTS_FOR_STATE) {
            return Why::NoMatch { selector: text, unmatched: None, near: self.near_alerts(selector), nearest: None };
        }
        if let Some(nearest) = self.would_write(selector) {
            return Why::NoMatch { selector: text, unmatched: None, near: Vec::new(), nearest: Some(nearest) };
        }
        let store = written.filter(is_written).unwrap_or(self.case.store);
        let named: Vec<Matcher> = selector.matchers.iter().filter(|one| one.names_metric()).cloned().collect();
        let all = store.matching(&named, &Default::default());
        let labels: Vec<&LabelSet> = all.iter().map(|id| store.labels(*id)).collect();
        let lacking = unmatched.as_ref().and_then(|found| found.matcher.as_ref()).map(|(label, _)| label.as_str());
        let lacking = lacking.filter(|label| labels.iter().all(|one| one.get(label).is_none()));
        let names = labels.iter().flat_map(|one| one.iter()).map(|(name, _)| name);
        let near = lacking.map(|label| nearest(label, names)).unwrap_or_default();
        let near = near.into_iter().map(str::to_owned).collect();
        let satisfied = |one: &&&LabelSet| selector.matchers.iter().filter(|own| own.matches_set(one)).count();
        let together = unmatched.as_ref().is_none_or(|found| found.matcher.is_none());
        let most = labels.iter().rev().max_by_key(satisfied).filter(|_| together).map(|one| (*one).clone());
        Why::NoMatch { selector: text, unmatched, near, nearest: most }
    }

    /// Returns the labels that the rule of a metric sets itself, where they are other ones than a selector asks for: of
    /// such a rule nothing is read at all.
    fn would_write(&self, selector: &Selector) -> Option<LabelSet> {
        let metric = selector.metric()?;
        let writers = self.case.rules();
        let writers = writers.filter(|rule| matches!(rule.kind, RuleKind::Record) && rule.name.text == metric);
        let sets = writers.map(|rule| {
            let labels = rule.labels.iter().map(|(name, text)| (name.as_str(), text.text()));
            LabelSet::new(labels.chain([(METRIC_NAME, metric)]))
        });
        let differ = |labels: &LabelSet| {
            let own = |matcher: &&Matcher| labels.get(&matcher.name).is_some_and(|value| !matcher.matches(value));
            selector.matchers.iter().filter(own).count()
        };
        sets.filter(|labels| differ(labels) > 0).min_by_key(differ)
    }

    /// Returns names of alerts and of their states that are near those that a selector of alerts asks for.
    fn near_alerts(&self, selector: &Selector) -> Vec<String> {
        let alerts = self.case.rules();
        let alerts = alerts.filter(|rule| matches!(rule.kind, RuleKind::Alert { .. }));
        let alerts: Vec<&str> = alerts.map(|rule| rule.name.text.as_str()).collect();
        let near = |matcher: &Matcher| match (matcher.op, matcher.name.as_str()) {
            (MatchOp::Equal, ALERT_NAME) if !alerts.contains(&matcher.value.as_str()) => {
                nearest(&matcher.value, alerts.iter().copied())
            }
            (MatchOp::Equal, ALERT_STATE) => nearest(&matcher.value, ["pending", "firing"])
                .into_iter()
                .filter(|near| *near != matcher.value)
                .collect(),
            _ => Vec::new(),
        };
        selector.matchers.iter().flat_map(near).map(str::to_owned).collect()
    }

    /// Says why the rule that writes a series wrote none.
    fn unwritten(&self, selector: &Selector, wanted: &Wanted, at: Timestamp) -> Option<Why> {
        let Writer { case, whole, slot, record, file, line } =
            writer(self.case, selector, wanted, (at, self.slot), false)?;
        let reason = |text: String, why: Why| Why::Source { record, file, line, text, why: Box::new(why) };
        if let Some(message) = case.fault(slot) {
            return Some(reason(String::new(), Why::Failed { message: message.to_owned() }));
        }
        let values = case.at(slot);
        if !rows(values[0].as_ref(), &whole).is_empty() {
            return None;
        }
        let search = Search { case: &case, known: self.known, values: &values, slot };
        let Decided { part, why } = search.absent(0, &whole);
        Some(reason(case.outline[part].expr.to_string(), why))
    }

    /// Returns the series of `up` of a series' target, if it is 0 at a time.
    fn down(&self, series: &LabelSet, at: Timestamp) -> Option<LabelSet> {
        let own = ["job", "instance"].iter().filter_map(|name| Some((*name, series.get(name)?)));
        let mut matchers: Vec<Matcher> =
            own.filter_map(|(name, value)| Matcher::new(name, MatchOp::Equal, value).ok()).collect();
        if !matchers.iter().any(|matcher| matcher.name == "instance") || series.metric() == Some("up") {
            return None;
        }
        matchers.extend(Matcher::new(METRIC_NAME, MatchOp::Equal, "up"));
        let store = self.case.store;
        store.matching(&matchers, &Default::default()).into_iter().find_map(|id| {
            let (_, value) = store.newest(id, at.minus(self.case.lookback()), at)?;
            (value == 0.0).then(|| store.labels(id).clone())
        })
    }
}

/// Returns the label set that has most in common with another one.
fn most_alike<'s>(labels: &LabelSet, all: impl Iterator<Item = &'s LabelSet>) -> Option<LabelSet> {
    let unlike = |other: &&LabelSet| labels.iter().filter(|(name, value)| other.get(name) != Some(value)).count();
    all.min_by_key(unlike).cloned()
}
