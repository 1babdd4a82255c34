//! What one rule saw and when, for questions that come after its evaluations.

use std::sync::Arc;

use crate::labels::LabelSet;
use crate::promql::lags::Lags;
use crate::promql::program::{Inputs, Only, Written};
use crate::promql::query::SampleValue;
use crate::rules::template::Share;
use crate::store::{LabelSetId, SeriesId, Store};
use crate::time::{Millis, Timestamp};

use super::Engine;
use super::event::RuleId;
use super::naming::{Ask, Sample};
use super::rule::RuleRun;
use super::unit::Unit;

impl Engine {
    fn unit_of(&self, rule: RuleId) -> Option<&Unit> {
        let has = |unit: &&Unit| unit.links.iter().any(|link| link.rule == rule.0 as usize);
        self.stages.iter().flat_map(|stage| &stage.units).find(has)
    }

    /// Returns by rule when it saw what each rule wrote, itself included: while the rules ran, what was not written yet
    /// needed no lag.
    pub(crate) fn sights(&self) -> Vec<Lags> {
        let written = self.rules.iter().zip(&self.infos).filter(|(rule, _)| rule.writer.is_some());
        let offsets: Arc<[Millis]> = written.map(|(_, info)| info.query_offset).collect();
        let mut before = 0;
        let sight = |rule: &RuleRun| {
            let late_from = before;
            before += u32::from(rule.writer.is_some());
            Lags::Ordered { offsets: Arc::clone(&offsets), late_from }
        };
        self.rules.iter().map(sight).collect()
    }

    /// Returns the rule that wrote a series.
    pub(crate) fn writer_of(&self, series: SeriesId) -> Option<RuleId> {
        let writer = *self.written.writers.get(series.0 as usize)?;
        let place = self.rules.iter().position(|rule| rule.writer == Some(writer))?;
        u32::try_from(place).ok().map(RuleId)
    }

    /// Returns what the evaluations of a rule read of a recording and of what rules wrote: on one label set, where it is
    /// evaluated for each by itself. `sight` is its own of [`Self::sights`].
    pub(crate) fn inputs_of<'a>(
        &'a self,
        rule: RuleId,
        on: Option<LabelSetId>,
        (recording, sight): (&'a Store, &'a Lags),
    ) -> Option<Inputs<'a>> {
        let unit = self.unit_of(rule)?;
        let (store, writers, hidden) = (&self.written.store, self.written.writers.as_slice(), &self.written.hidden);
        let written = unit.lags.as_ref().map(|_| Written { store, writers, lags: sight, hidden });
        let only = unit.rows.as_ref().zip(on).map(|(rows, on)| {
            let readers = rows.readers();
            let own = recording.label_set(on).and_then(|labels| store.find_label_set(labels));
            let written = own.map_or([].as_slice(), |own| store.series_of(readers.written, own));
            Only { recorded: recording.series_of(readers.recorded, on), written }
        });
        Some(Inputs { recording, written, only, after: unit.after })
    }

    /// Reports every failed evaluation from now on ([`Engine::take_faults`]); to be called before anything is evaluated.
    pub(crate) fn trace_faults(&mut self) {
        self.faults = Some(Vec::new());
    }

    /// Returns whether the labels of a rule's alerts show the value, so that a series may be another alert at every step.
    pub(crate) fn names_by_value(&self, rule: RuleId) -> bool {
        let rule = self.rules.get(rule.0 as usize).and_then(RuleRun::alert_rule);
        rule.is_some_and(|rule| rule.naming.by_value())
    }

    /// Returns the query offset of a rule's group.
    pub(crate) fn query_offset(&self, rule: RuleId) -> Millis {
        self.infos.get(rule.0 as usize).map_or(Millis::ZERO, |info| info.query_offset)
    }

    /// Returns whether a rule is evaluated for each label set by itself, at its rows.
    pub(crate) fn is_by_rows(&self, rule: RuleId) -> bool {
        self.infos.get(rule.0 as usize).is_some_and(|info| self.schedules[info.schedule].is_by_rows())
    }

    /// Returns when a rule was evaluated, on one label set where it is evaluated for each by itself. The recording must
    /// hold the rows and snapshots of all of its length.
    pub(crate) fn steps_of(&self, rule: RuleId, on: Option<LabelSetId>, recording: &Store) -> Vec<Timestamp> {
        let schedule = self.infos.get(rule.0 as usize).map(|info| &self.schedules[info.schedule]);
        schedule.map(|schedule| schedule.times(recording, on)).unwrap_or_default()
    }

    /// Returns the label sets that have a row at a time, where a rule is evaluated for each by itself; ascending.
    pub(crate) fn label_sets_at(&self, rule: RuleId, at: Timestamp, recording: &Store) -> Vec<LabelSetId> {
        self.label_sets(rule, (at.minus(Millis(1)), at), recording)
    }

    /// Returns all label sets that have a row, where a rule is evaluated for each by itself; ascending.
    pub(crate) fn all_label_sets(&self, rule: RuleId, recording: &Store) -> Vec<LabelSetId> {
        self.label_sets(rule, (Timestamp::MIN, Timestamp::MAX), recording)
    }

    fn label_sets(&self, rule: RuleId, (after, to): (Timestamp, Timestamp), recording: &Store) -> Vec<LabelSetId> {
        let reader = self.unit_of(rule).and_then(|unit| Some(unit.rows.as_ref()?.readers().recorded));
        let rows = reader.map_or(&[] as &[_], |reader| recording.rows(reader, after, to));
        let mut found: Vec<LabelSetId> = rows.iter().map(|(_, id)| *id).collect();
        found.sort_unstable_by_key(|id| id.0);
        found.dedup();
        found
    }

    /// Returns the labels of the alert that a sample of an alerting rule's result gives rise to at a slot.
    pub(crate) fn alert_labels(
        &self,
        rule: RuleId,
        inputs: &Inputs<'_>,
        (labels, value, at): (&LabelSet, &SampleValue, Timestamp),
    ) -> Option<LabelSet> {
        let naming = &self.rules.get(rule.0 as usize)?.alert_rule()?.naming;
        let written = inputs.written.map(|written| (written.store, written.writers, written.hidden));
        let ask: &mut Ask<'_> =
            &mut |text, slot| self.queries.answer(rule.0 as usize, text, slot, inputs.recording, written);
        Some(naming.alert_labels(Share::WHOLE, Sample { labels, value, at }, &self.external, ask))
    }
}
