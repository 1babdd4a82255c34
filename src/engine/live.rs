//! What a run without an end is asked between its evaluations.

use crate::labels::LabelSet;
use crate::promql::lags::Lags;
use crate::promql::program::{Inputs, Written};
use crate::promql::query::{Query, QueryError, Value};
use crate::store::{LabelSetId, Store};
use crate::time::Timestamp;

use super::Engine;
use super::alert::State;
use super::counts::Total;
use super::event::{Activity, RuleId};
use super::rows::Rows;
use super::rule::{Body, RuleRun};
use super::{FaultCount, Phase};

/// An alert that is active.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActiveAlert<'a> {
    pub rule: RuleId,
    /// Where the rule is evaluated at rows: the label set.
    pub on: Option<LabelSetId>,
    pub labels: &'a LabelSet,
    pub phase: Phase,
    pub activity: &'a Activity,
}

impl Engine {
    /// Returns the first time of all, once there was one.
    pub(crate) fn start(&self) -> Option<Timestamp> {
        self.start
    }

    /// Returns the alerts that are active.
    pub(crate) fn active(&self) -> Vec<ActiveAlert<'_>> {
        let rows = self.stages.iter().flat_map(|stage| &stage.units).filter_map(|unit| unit.rows.as_ref());
        let rows = rows.flat_map(Rows::by_label_set).map(|(id, run)| (Some(id), run));
        let mut active = Vec::new();
        for (on, run) in self.rules.iter().map(|run| (None, run)).chain(rows) {
            if let Body::Alerting(alerting) = &run.body {
                let of = |(labels, state, activity, _): (_, State, _, _)| {
                    let (rule, phase) = (run.id, state.phase());
                    ActiveAlert { rule, on, labels, phase, activity }
                };
                active.extend(alerting.active().map(of));
            }
        }
        active
    }

    /// Returns whether an alert of a rule fires; `is_it` tells which of the label sets it may be on. Cost: a look-up, for
    /// each label set where the rule is evaluated for each by itself.
    pub(crate) fn fires(&self, rule: RuleId, labels: &LabelSet, is_it: &dyn Fn(Option<LabelSetId>) -> bool) -> bool {
        let fires = |run: &RuleRun| match &run.body {
            Body::Alerting(alerting) => alerting.phase_of(labels) == Phase::Firing,
            Body::Quiet(_) | Body::Recording(_) => false,
        };
        let rows = self.stages.iter().flat_map(|stage| &stage.units).filter_map(|unit| unit.rows.as_ref());
        let mut rows = rows.flat_map(Rows::by_label_set).filter(|(_, run)| run.id == rule);
        fires(&self.rules[rule.0 as usize]) && is_it(None) || rows.any(|(id, run)| fires(run) && is_it(Some(id)))
    }

    /// Returns whether a rule that is evaluated for each label set by itself has an active alert on one.
    pub(crate) fn is_active_on(&self, id: LabelSetId) -> bool {
        let units = self.stages.iter().flat_map(|stage| &stage.units);
        units.filter_map(|unit| unit.rows.as_ref()).any(|rows| rows.is_active_on(id))
    }

    /// Returns the failed evaluations of each rule, by message.
    pub(crate) fn fault_counts(&self) -> Vec<Vec<FaultCount>> {
        let mut totals = vec![Total::default(); self.rules.len()];
        self.runs().for_each(|run| totals[run.id.0 as usize].counting.absorb(&run.counting));
        totals.iter().map(|total| total.counts().faults).collect()
    }

    /// Returns the rules that write a metric which the recording has, too, by rule and metric: no rule sees the recorded
    /// series.
    pub(crate) fn hiding<'a>(&'a self, recording: &'a Store) -> impl Iterator<Item = (RuleId, &'a str)> {
        let of = |run: &'a RuleRun| match &run.body {
            Body::Recording(recorder) => Some((run.id, recorder.metric())),
            Body::Quiet(_) | Body::Alerting(_) => None,
        };
        let hidden = &self.written.hidden;
        self.rules.iter().filter_map(of).filter(|(_, metric)| hidden.contains(metric) && recording.has_metric(metric))
    }

    /// Returns how many alerts are known, those that are over and not forgotten included.
    #[cfg(feature = "profile")]
    pub(crate) fn known_alerts(&self) -> usize {
        let of = |run: &RuleRun| match &run.body {
            Body::Alerting(alerting) => alerting.known(),
            Body::Quiet(_) | Body::Recording(_) => 0,
        };
        self.runs().map(of).sum()
    }

    /// Forgets the failed evaluations.
    pub(crate) fn clear_faults(&mut self) {
        let rows = self.stages.iter_mut().flat_map(|stage| &mut stage.units).filter_map(|unit| unit.rows.as_mut());
        let runs = self.rules.iter_mut().chain(rows.flat_map(Rows::runs_mut));
        runs.for_each(|run| run.counting.clear_faults());
    }

    /// Returns by rule the time that it waits for, since its expression reads what is there then.
    pub(crate) fn waits_for(&self, watermark: Timestamp) -> Vec<Option<Timestamp>> {
        let of = |info: &super::schedule::RuleInfo| {
            self.schedules[info.schedule].pinned().filter(|pinned| *pinned > watermark)
        };
        self.infos.iter().map(of).collect()
    }

    /// Evaluates a query on the recording and on what rules wrote.
    pub(crate) fn query(&self, query: &mut Query, recording: &Store, at: Timestamp) -> Result<Value, QueryError> {
        let lags = Lags::default();
        let (store, writers, hidden) = (&self.written.store, self.written.writers.as_slice(), &self.written.hidden);
        let written = Some(Written { store, writers, lags: &lags, hidden });
        let after = self.options.history.map_or(Timestamp::MIN, |history| at.minus(history));
        query.at_on(&Inputs { written, after, ..Inputs::of(recording) }, at)
    }
}
