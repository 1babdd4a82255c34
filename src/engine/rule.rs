//! One rule as it runs.

use std::sync::Arc;

use crate::labels::{LabelSet, METRIC_NAME};
use crate::promql::program::Root;
use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::alerting::{AlertRule, Alerting};
use super::bits;
use super::collect::Collect;
use super::conditions::Conditions;
use super::counts::{AnnotationCount, Counting};
use super::course::Compared;
use super::draft::Draft;
use super::event::{Cause, Phase, RuleId};
use super::fold::Fold;
use super::limit::TooManySeries;
use super::naming::{Ask, External};
use super::record::Recorder;
use super::resume::RunState;
use super::targets::row_bits;
use super::written::{Stamping, WrittenSeries};
use crate::rules::graph::{ALERTS, ALERTS_FOR_STATE};

/// A failed evaluation within a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepFault {
    pub step: usize,
    /// In Prometheus' words.
    pub message: String,
}

/// A failed evaluation of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultAt {
    /// The rule.
    pub rule: RuleId,
    /// The slot.
    pub slot: Timestamp,
    /// Prometheus' words.
    pub message: String,
}

/// What the evaluations of a block share.
pub(crate) struct Pass<'a, 'b> {
    pub slots: &'a [Timestamp],
    pub external: &'a External,
    pub ask: &'a mut Ask<'b>,
    pub drafts: &'a mut Vec<Draft>,
    pub recording: &'a Store,
    /// Every failed evaluation, when that is wanted.
    pub faults: Option<&'a mut Vec<FaultAt>>,
}

/// What a rule does with its result.
pub(crate) enum Body {
    /// Nothing, for it had none yet: many rules never have an alert.
    Quiet(Arc<AlertRule>),
    Alerting(Box<Alerting>),
    Recording(Box<Recorder>),
}

/// A rule, its states and counts.
pub(crate) struct RuleRun {
    pub id: RuleId,
    pub body: Body,
    pub counting: Counting,
    /// The number that readers know it by, if anything may read what it writes.
    pub writer: Option<u32>,
    pub query_offset: Millis,
    /// Literal metric names that it selects.
    pub selected: Arc<[String]>,
    /// What its alerts are made of, when that is wanted.
    pub conditions: Option<Box<Conditions>>,
    /// Whether that is all that is made of its result: it never has an alert.
    alone: bool,
    /// How long after the first row its windows are full, where it is evaluated at rows.
    pub warmth: Millis,
    /// The first row that is later than that.
    warm_from: Option<Timestamp>,
    /// The first row.
    first_row: Option<Timestamp>,
}

impl RuleRun {
    pub(crate) fn new(
        id: RuleId,
        body: Body,
        writer: Option<u32>,
        query_offset: Millis,
        selected: Arc<[String]>,
    ) -> Self {
        Self {
            id,
            body,
            counting: Counting::default(),
            writer,
            query_offset,
            selected,
            conditions: None,
            alone: false,
            warmth: Millis::ZERO,
            warm_from: None,
            first_row: None,
        }
    }

    /// Returns the rule as it is before it was evaluated, for the rows of one label set.
    pub(crate) fn fork(&self) -> Self {
        let body = match &self.body {
            Body::Quiet(rule) => Body::Quiet(Arc::clone(rule)),
            Body::Alerting(alerting) => Body::Quiet(Arc::clone(alerting.rule())),
            Body::Recording(recorder) => Body::Recording(Box::new(recorder.fork())),
        };
        // At a row nothing but the row itself tells that a series ended, so no name is looked for markers.
        let fork = Self::new(self.id, body, self.writer, self.query_offset, Arc::from([]));
        Self { warmth: self.warmth, conditions: self.conditions.as_ref().map(|_| Box::default()), ..fork }
    }

    /// Returns what it is, for another engine to go on with.
    pub(crate) fn state(&self) -> RunState {
        let (mut alerts, mut recorded) = (Vec::new(), Vec::new());
        match &self.body {
            Body::Quiet(_) => {}
            Body::Alerting(alerting) => alerts = alerting.state(),
            Body::Recording(recorder) => recorded = recorder.state(),
        }
        let (first_row, warm_from) = (self.first_row, self.warm_from);
        RunState { first_row, warm_from, counting: self.counting.clone(), alerts, recorded }
    }

    /// Goes on as what it was, before it is evaluated.
    pub(crate) fn resume(&mut self, state: RunState) {
        let RunState { first_row, warm_from, counting, alerts, recorded } = state;
        (self.first_row, self.warm_from, self.counting) = (first_row, warm_from, counting);
        if !alerts.is_empty()
            && let Some(alerting) = self.alerting()
        {
            alerting.resume(alerts);
        }
        if let Body::Recording(recorder) = &mut self.body {
            recorder.resume(recorded);
        }
    }

    /// Forgets the rows of its result, which are about to get other numbers.
    pub(crate) fn forget_rows(&mut self) {
        match &mut self.body {
            Body::Quiet(_) => {}
            Body::Alerting(alerting) => alerting.forget_rows(),
            Body::Recording(recorder) => recorder.forget_rows(),
        }
    }

    /// Returns whether nothing comes of a result that has no sample and no fault.
    pub(crate) fn is_idle(&self) -> bool {
        if self.conditions.is_some() {
            return false;
        }
        match &self.body {
            Body::Quiet(_) => true,
            Body::Alerting(alerting) => alerting.is_idle(),
            Body::Recording(_) => false,
        }
    }

    /// Returns whether it has an active alert.
    pub(crate) fn is_active(&self) -> bool {
        match &self.body {
            Body::Alerting(alerting) => alerting.active().next().is_some(),
            Body::Quiet(_) | Body::Recording(_) => false,
        }
    }

    /// Collects conditions from now on, if its alerts follow each from its own.
    pub(crate) fn collect(&mut self) {
        if self.alert_rule().map(Fold::of) == Some(Fold::ByAlert) {
            self.conditions = Some(Box::default());
        }
    }

    /// Does what [`RuleRun::collect`] does, and makes no alerts from now on.
    pub(crate) fn collect_alone(&mut self) {
        self.collect();
        self.alone = self.conditions.is_some();
    }

    /// Returns what it is, if it is an alerting rule.
    pub(crate) fn alert_rule(&self) -> Option<&AlertRule> {
        match &self.body {
            Body::Quiet(rule) => Some(rule),
            Body::Alerting(alerting) => Some(alerting.rule()),
            Body::Recording(_) => None,
        }
    }

    /// Returns the alerts of an alerting rule, so that there may be some.
    pub(crate) fn alerting(&mut self) -> Option<&mut Alerting> {
        if let Body::Quiet(rule) = &self.body {
            self.body = Body::Alerting(Box::new(Alerting::new(Arc::clone(rule))));
        }
        match &mut self.body {
            Body::Alerting(alerting) => Some(alerting),
            Body::Quiet(_) | Body::Recording(_) => None,
        }
    }

    /// Returns the metric names that it writes.
    pub(crate) fn written_names(&self) -> Vec<&str> {
        match &self.body {
            Body::Quiet(_) | Body::Alerting(_) => vec![ALERTS, ALERTS_FOR_STATE],
            Body::Recording(recorder) => vec![recorder.metric()],
        }
    }

    /// Says that it has written a series too many.
    pub(crate) fn too_many_series(&self) -> TooManySeries {
        let (rule, series) = match &self.body {
            Body::Quiet(rule) => (rule.naming.alert.as_str(), 0),
            Body::Alerting(alerting) => (alerting.rule().naming.alert.as_str(), alerting.written()),
            Body::Recording(recorder) => (recorder.metric(), recorder.written()),
        };
        TooManySeries { rule: rule.to_owned(), series }
    }

    /// Records rows before they are evaluated.
    pub(crate) fn come_to_rows(&mut self, slots: &[Timestamp]) {
        if self.warm_from.is_none() {
            let Some(first) = self.first_row.or(slots.first().copied()) else { return };
            self.first_row = Some(first);
            let warm = first.plus(self.warmth);
            self.warm_from = slots.iter().find(|slot| **slot >= warm).copied();
        }
    }

    /// Returns whether no row has come yet at which all windows were full.
    pub(crate) fn is_cold(&self) -> bool {
        self.warm_from.is_none()
    }

    /// Returns the first row at which all windows were full, where it is evaluated at rows: until then the end of time.
    pub(crate) fn warmed(&self) -> Option<Timestamp> {
        self.first_row.map(|_| self.warm_from.unwrap_or(Timestamp::MAX))
    }

    /// Makes the evaluation of one step, if it is that of a recording rule and nothing but values can come of it; returns
    /// whether it is.
    pub(crate) fn record(&mut self, root: &Root<'_>) -> bool {
        let Body::Recording(recorder) = &mut self.body else { return false };
        let made = recorder.step(root);
        if made {
            let is_true = root.present.iter().any(|present| *present != 0);
            self.counting.had_samples(u64::from(is_true));
        }
        made
    }

    /// Makes the evaluations of a block.
    pub(crate) fn fold(
        &mut self,
        root: &Root<'_>,
        compared: Option<(&Root<'_>, &mut Compared)>,
        failed: &mut Vec<u64>,
        pass: &mut Pass<'_, '_>,
    ) {
        let first_draft = pass.drafts.len();
        if !root.told.is_empty() {
            self.count_told(root, pass.slots);
        }
        if self.is_idle() && root.faults.is_empty() && root.present.iter().all(|word| *word == 0) {
            // Nothing is true and nothing was.
            return;
        }
        let words = bits::words(root.steps);
        failed.clear();
        failed
            .extend((0..words).map(|word| root.failed.get(word).copied().unwrap_or(0) & bits::mask(word, root.steps)));
        let mut faults: Vec<StepFault> = root
            .faults
            .iter()
            .map(|fault| StepFault { step: fault.step as usize, message: fault.message.clone() })
            .collect();
        let (id, alone, mut conditions) = (self.id, self.alone, self.conditions.take());
        if let Some(alerting) = self.alerting() {
            let collect = conditions.as_deref_mut().map(|conditions| Collect { conditions, alone });
            alerting.fold(id, root, failed, &mut faults, collect, pass);
        } else if let Body::Recording(recorder) = &mut self.body {
            recorder.fold(root, failed, &mut faults, (pass.slots, self.query_offset, pass.recording));
        }
        self.conditions = conditions;
        if let warm_from @ Some(_) = self.warmed() {
            pass.drafts[first_draft..].iter_mut().for_each(|draft| draft.event.warm_from = warm_from);
        }
        let true_steps: u64 = (0..words)
            .map(|word| {
                let any = (0..root.labels.len()).fold(0, |any, row| any | row_bits(root, row)[word]);
                u64::from((any & !failed[word] & bits::mask(word, root.steps)).count_ones())
            })
            .sum();
        self.counting.had_samples(true_steps);
        if !faults.is_empty() {
            self.count_faults(faults, pass);
        }
        if let Some((series, compared)) = compared {
            self.find_causes(series, compared, &mut pass.drafts[first_draft..], pass.recording);
        }
    }

    #[cold]
    fn count_told(&mut self, root: &Root<'_>, slots: &[Timestamp]) {
        for told in root.told {
            let mut at = bits::ones(&told.steps, slots.len()).map(|step| slots[step]);
            let Some(first) = at.next() else { continue };
            let (last, count) = at.fold((first, 1), |(_, count), at| (at, count + 1));
            self.counting.told(&AnnotationCount { annotated: told.what.clone(), first, last, count });
        }
    }

    #[cold]
    fn count_faults(&mut self, mut faults: Vec<StepFault>, pass: &mut Pass<'_, '_>) {
        faults.sort_by_key(|fault| fault.step);
        for fault in faults {
            let slot = pass.slots[fault.step];
            self.counting.failed(slot, &fault.message);
            if let Some(all) = &mut pass.faults {
                all.push(FaultAt { rule: self.id, slot, message: fault.message });
            }
        }
    }

    /// Looks up, in the expression without its threshold, whether the series of alerts that became inactive in the
    /// block at hand had ended, and whether that was inferred.
    fn find_causes(&self, root: &Root<'_>, compared: &mut Compared, drafts: &mut [Draft], recording: &Store) {
        for draft in drafts {
            if draft.event.to != Phase::Inactive || draft.event.cause != Some(Cause::ConditionFalse) {
                continue;
            }
            if !compared.has(root, &draft.sample, draft.step) {
                let inferred = self.end_was_inferred(&draft.sample, draft.event.at, recording);
                draft.event.cause = Some(if inferred { Cause::StaleInferred } else { Cause::SeriesEnded });
            }
        }
    }

    /// Returns whether a recorded series with these labels, of a name that the rule selects, ended by an inferred
    /// marker.
    fn end_was_inferred(&self, sample: &LabelSet, slot: Timestamp, recording: &Store) -> bool {
        let at = slot.minus(self.query_offset);
        self.selected.iter().any(|name| {
            let labels = sample.to_builder().set(METRIC_NAME, name).build();
            recording.find(&labels).is_some_and(|id| {
                let samples = recording.samples(id, Timestamp::MIN, at);
                samples.times.last().is_some_and(|marker| recording.inferred(id, *marker))
            })
        })
    }

    /// Returns whether a commit means anything to it.
    pub(crate) fn commits(&self) -> bool {
        self.writer.is_some() || self.alert_rule().is_some_and(|rule| rule.naming.by_value())
    }

    /// Hands what was written in the block at hand to later readers.
    pub(crate) fn commit(&mut self, written: &mut WrittenSeries, slots: &[Timestamp]) {
        let outputs = match &mut self.body {
            Body::Quiet(_) => return,
            Body::Alerting(alerting) => alerting.outputs(),
            Body::Recording(recorder) => recorder.outputs(),
        };
        if let Some(writer) = self.writer {
            let stamping = Stamping { rule: self.id, writer, slots, query_offset: self.query_offset };
            outputs.commit(written, stamping);
        }
        if let Body::Alerting(alerting) = &mut self.body {
            alerting.settle();
        }
    }
}
