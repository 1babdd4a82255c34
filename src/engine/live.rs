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

impl Engine {
    /// Returns the first time of all, once there was one.
    pub(crate) fn start(&self) -> Option<Timestamp> {
        self.start
    }

    /// Returns the alerts that are active, by rule and labels.
    pub(crate) fn active(&self) -> Vec<(RuleId, &LabelSet, Phase, &Activity)> {
        let mut active = Vec::new();
        for run in self.runs() {
            if let Body::Alerting(alerting) = &run.body {
                let alerts = alerting.active();
                active.extend(alerts.map(|(labels, state, activity, _)| (run.id, labels, state.phase(), activity)));
            }
        }
        active.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        active
    }

    /// Returns the label sets on which rules that are evaluated for each by itself have an active alert.
    pub(crate) fn active_label_sets(&self) -> Vec<LabelSetId> {
        let rows = self.stages.iter().flat_map(|stage| &stage.units).filter_map(|unit| unit.rows.as_ref());
        let is_active = |run: &RuleRun| match &run.body {
            Body::Alerting(alerting) => alerting.active().any(|(_, state, ..)| state != State::Inactive),
            Body::Quiet(_) | Body::Recording(_) => false,
        };
        let mut active: Vec<LabelSetId> =
            rows.flat_map(Rows::by_label_set).filter(|(_, run)| is_active(run)).map(|(id, _)| id).collect();
        active.sort_unstable();
        active.dedup();
        active
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
        query.at_on(&Inputs { written, ..Inputs::of(recording) }, at)
    }
}
