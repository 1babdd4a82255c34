//! One evaluation after the other of an alerting rule: which alerts there are, and what becomes of them.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::labels::LabelSet;
use crate::promql::program::Root;
use crate::promql::roster::number;
use crate::time::Timestamp;

use super::alert::{Change, Pace, State, Tracker};
use super::bits;
use super::collect::Collect;
use super::condition::Condition;
use super::draft::{MadeBy, draft};
use super::event::{Activity, Cause, Phase, RuleId};
use super::fold::Fold;
use super::naming::{Naming, Sample};
use super::ordered::Ordered;
use super::resume::AlertState;
use super::rule::{Pass, StepFault};
use super::targets::{Merged, Targets, first_good, row_bits};
use super::written::Outputs;
use crate::rules::graph::ALERT_STATE;

/// The words of a failed evaluation of which two samples give one alert.
const DUPLICATE: &str = "vector contains metrics with the same labelset after applying alert labels";

/// One alert.
#[derive(Debug)]
struct Alert {
    labels: LabelSet,
    tracker: Tracker,
    /// The sample that made it active.
    made_by: MadeBy,
    /// Row and value at the step at hand.
    candidate: Option<(usize, f64)>,
    /// Whether it is among those that are looked at in every step.
    live: bool,
    /// The series that tell of it.
    outs: Option<[u32; 3]>,
    /// Those of a forgotten alert whose place it takes.
    spare_outs: Option<[u32; 3]>,
}

/// An alerting rule without its alerts.
#[derive(Debug)]
pub(crate) struct AlertRule {
    pub naming: Naming,
    pub pace: Pace,
    pub limit: usize,
    /// Whether anything may read the series that tell of its alerts.
    pub writes: bool,
}

/// An alerting rule and its alerts.
pub(crate) struct Alerting {
    rule: Arc<AlertRule>,
    fold: Fold,
    outputs: Outputs,
    targets: Targets,
    /// The target of a row is its alert, unless each sample is named again.
    alerts: Vec<Alert>,
    by_labels: HashMap<LabelSet, u32, foldhash::fast::FixedState>,
    /// The alerts that are gone through one by one; not where each sample is named again.
    ordered: Ordered,
    live: Vec<u32>,
    /// Alerts that may be replaced once what they wrote is committed; those that may be now.
    retired: Vec<u32>,
    free: Vec<u32>,
    merged: Merged,
    /// The values of an alert as numbers, where its rule gives native histograms.
    numbers: Vec<f64>,
    after: Vec<After>,
}

/// What an evaluation makes of an alert, should it count.
#[derive(Debug)]
struct After {
    id: u32,
    tracker: Tracker,
    change: Option<Change>,
    row: Option<usize>,
}

impl Alerting {
    pub(crate) fn new(rule: Arc<AlertRule>) -> Self {
        let fold = Fold::of(&rule);
        Self {
            rule,
            fold,
            outputs: Outputs::default(),
            targets: Targets::default(),
            alerts: Vec::new(),
            by_labels: HashMap::default(),
            ordered: Ordered::default(),
            live: Vec::new(),
            retired: Vec::new(),
            free: Vec::new(),
            merged: Merged::default(),
            numbers: Vec::new(),
            after: Vec::new(),
        }
    }

    /// Returns what the rule is.
    pub(crate) fn rule(&self) -> &Arc<AlertRule> {
        &self.rule
    }

    /// Returns how many series it writes.
    pub(crate) fn written(&self) -> usize {
        self.outputs.len()
    }

    /// Returns what was written since the last commit.
    pub(crate) fn outputs(&mut self) -> &mut Outputs {
        &mut self.outputs
    }

    /// Returns how many alerts it has room for, those that are over included.
    #[cfg(feature = "profile")]
    pub(crate) fn known(&self) -> usize {
        self.alerts.len()
    }

    /// Returns whether no alert is active and nothing of one is left to be reported.
    pub(crate) fn is_idle(&self) -> bool {
        self.live.is_empty()
    }

    /// Returns the alerts that are active or of which something is left to be reported.
    pub(crate) fn state(&self) -> Vec<AlertState> {
        let written = |alert: &Alert| alert.outs.map(|outs| outs.map(|out| self.outputs.emitted(out)));
        let is_told = |alert: &&Alert| {
            // One that was forgotten may share its series with another one.
            let is_active = alert.tracker.state() != State::Inactive;
            is_active || alert.live && written(alert).is_some_and(|outs| outs.contains(&true))
        };
        let of = |alert: &Alert| AlertState {
            labels: alert.labels.clone(),
            sample: alert.made_by.labels.clone(),
            tracker: alert.tracker,
            written: written(alert),
        };
        self.alerts.iter().filter(is_told).map(of).collect()
    }

    /// Goes on with alerts that were there, where there are none yet.
    pub(crate) fn resume(&mut self, alerts: Vec<AlertState>) {
        for AlertState { labels, sample, tracker, written } in alerts {
            let at = self.alert_of(labels, &sample);
            let alert = &mut self.alerts[at as usize];
            (alert.tracker, alert.live) = (tracker, true);
            if let Some(written) = written.filter(|_| self.rule.writes) {
                let outs = outs_of(&self.rule, alert, &mut self.outputs);
                outs.iter().zip(written).for_each(|(out, emitted)| self.outputs.set_emitted(*out, emitted));
            }
            self.live.push(at);
            if !self.fold.by_value() {
                self.targets.add();
            }
        }
    }

    /// Makes the evaluations of a block, in order; steps that fail here are added to `failed`, and what alerts were
    /// made of to the conditions of a rule with [`Fold::ByAlert`].
    pub(crate) fn fold(
        &mut self,
        rule: RuleId,
        root: &Root<'_>,
        failed: &mut [u64],
        faults: &mut Vec<StepFault>,
        collect: Option<Collect<'_>>,
        pass: &mut Pass<'_, '_>,
    ) {
        if !self.fold.by_value() {
            self.name_rows(root, failed, pass);
        }
        if self.fold.steps_with(self.targets.len()) {
            let mut outputs = std::mem::take(&mut self.outputs);
            self.fold_by_step(rule, root, failed, &mut outputs, faults, pass);
            self.outputs = outputs;
        } else {
            self.fold_by_alert(rule, root, failed, faults, collect, pass);
        }
    }

    /// Finds the alert of every row that is seen for the first time.
    fn name_rows(&mut self, root: &Root<'_>, failed: &[u64], pass: &mut Pass<'_, '_>) {
        let unnamed = (0..root.labels.len()).filter(|row| self.targets.of_row(*row).is_none());
        let found: Vec<(usize, usize)> =
            unnamed.filter_map(|row| Some((row, first_good(root, row, failed)?))).collect();
        if found.is_empty() {
            return;
        }
        // By step, for a block may have any number of them.
        let mut together = vec![0; root.steps];
        found.iter().for_each(|(_, step)| together[*step] += 1);
        for (row, step) in found {
            let sample = Sample { labels: &root.labels[row], value: &f64::NAN.into(), at: pass.slots[0] };
            let share = self.rule.naming.label_share(together[step]);
            let labels = self.rule.naming.alert_labels(share, sample, pass.external, pass.ask);
            let alert = self.alert_of(labels, &root.labels[row]);
            self.targets.set(row, alert);
        }
    }

    /// Returns the alert with these labels, a new one if there is none.
    fn alert_of(&mut self, labels: LabelSet, sample: &LabelSet) -> u32 {
        if let Some(alert) = self.by_labels.get(&labels) {
            let alert = *alert;
            self.list(alert);
            return alert;
        }
        let alert = Alert {
            labels: labels.clone(),
            tracker: Tracker::default(),
            made_by: MadeBy { labels: sample.clone(), histogram: None },
            candidate: None,
            live: false,
            outs: None,
            spare_outs: None,
        };
        let at = match self.free.pop() {
            Some(at) => {
                let replaced = &self.alerts[at as usize];
                // Shared series keep their labels.
                let own = replaced.labels.get(ALERT_STATE).is_none();
                let spare_outs = replaced.outs.filter(|_| own).or(replaced.spare_outs);
                self.alerts[at as usize] = Alert { spare_outs, ..alert };
                at
            }
            None => {
                self.alerts.push(alert);
                number(self.alerts.len() - 1)
            }
        };
        self.by_labels.insert(labels, at);
        self.list(at);
        at
    }

    fn list(&mut self, at: u32) {
        if !self.fold.by_value() {
            self.ordered.add(at);
        }
    }

    /// Forgets the rows of its result. Alerts that are inactive are gone through again once they have a row.
    pub(crate) fn forget_rows(&mut self) {
        self.targets.forget_rows(|_| false);
        self.ordered.retain(|at| self.alerts[at as usize].tracker.state() != State::Inactive);
    }

    /// Goes through one alert after the other, each by runs of equal bits: by label order, as events are ordered.
    fn fold_by_alert(
        &mut self,
        rule: RuleId,
        root: &Root<'_>,
        failed: &mut [u64],
        faults: &mut Vec<StepFault>,
        mut collect: Option<Collect<'_>>,
        pass: &mut Pass<'_, '_>,
    ) {
        for step in self.targets.duplicates(root, failed) {
            bits::set(failed, step);
            faults.push(StepFault { step, message: DUPLICATE.to_owned() });
        }
        if let Some(collect) = &mut collect {
            collect.conditions.add_steps(pass.slots, failed);
        }
        let ordered = self.ordered.all(|at| &self.alerts[at as usize].labels);
        for at in ordered {
            let (at, alert) = (*at, &mut self.alerts[*at as usize]);
            let presence = self.targets.presence(at, root, &mut self.merged);
            let active = alert.tracker.state() != State::Inactive;
            if !active && presence.present.iter().all(|word| *word == 0) {
                continue;
            }
            let Alert { labels, tracker, made_by, live, .. } = alert;
            let values = presence.numbers(root, &mut self.numbers);
            let condition = Condition { slots: pass.slots, present: presence.present, failed, values };
            if let Some(collect) = &mut collect {
                collect.conditions.add_alert(labels, condition);
                if collect.alone {
                    continue;
                }
            }
            let (targets, keep, drafts) = (&self.targets, self.rule.pace.keep, &mut *pass.drafts);
            tracker.fold(condition, self.rule.pace, &mut |change| {
                let step = condition.slots.partition_point(|slot| *slot < change.at);
                let now = change.value.map(|_| root.sample(targets.row_at(at, root, step), step));
                drafts.push(draft(rule, labels, made_by, now, change, step, keep));
            });
            // Kept true for the walk by steps, which a limit may ask for in a later block.
            let active = tracker.state() != State::Inactive;
            if active && !std::mem::replace(live, true) {
                self.live.push(at);
            }
        }
        let alerts = &mut self.alerts;
        self.live.retain(|at| {
            let alert = &mut alerts[*at as usize];
            alert.live = alert.tracker.state() != State::Inactive;
            alert.live
        });
    }

    /// Goes through one step after the other, all alerts at each.
    fn fold_by_step(
        &mut self,
        rule: RuleId,
        root: &Root<'_>,
        failed: &mut [u64],
        outputs: &mut Outputs,
        faults: &mut Vec<StepFault>,
        pass: &mut Pass<'_, '_>,
    ) {
        for step in 0..root.steps {
            if !bits::is_set(failed, step) {
                match self.step(rule, root, step, pass) {
                    Ok(()) => {
                        if self.rule.writes {
                            self.write(step, outputs);
                        }
                    }
                    Err(message) => {
                        bits::set(failed, step);
                        faults.push(StepFault { step, message });
                    }
                }
                self.retire(outputs);
            }
            if bits::is_set(failed, step) {
                for alert in &self.live {
                    self.alerts[*alert as usize].tracker.fail(1);
                }
            }
        }
    }

    /// Makes one evaluation.
    ///
    /// Source: Prometheus' `AlertingRule.Eval`.
    fn step(&mut self, rule: RuleId, root: &Root<'_>, step: usize, pass: &mut Pass<'_, '_>) -> Result<(), String> {
        let at = pass.slots[step];
        let unique = self.find_candidates(root, step, pass);
        let mut after = std::mem::take(&mut self.after);
        after.clear();
        let mut active = 0;
        for id in &self.live {
            let alert = &mut self.alerts[*id as usize];
            let candidate = alert.candidate.take();
            let mut tracker = alert.tracker;
            let (change, _) = tracker.observe(at, candidate.map(|(_, value)| value), self.rule.pace);
            active += usize::from(tracker.state() != State::Inactive);
            after.push(After { id: *id, tracker, change, row: candidate.map(|(row, _)| row) });
        }
        let made = if !unique {
            Err(DUPLICATE.to_owned())
        } else if self.rule.limit > 0 && active > self.rule.limit {
            self.drop_all(rule, at, step, pass);
            Err(format!("exceeded limit of {} with {active} alerts", self.rule.limit))
        } else {
            for After { id, tracker, change, row } in after.drain(..) {
                let Alert { labels, tracker: held, made_by, .. } = &mut self.alerts[id as usize];
                *held = tracker;
                if let Some(change) = change {
                    let now = row.map(|row| root.sample(row, step));
                    pass.drafts.push(draft(rule, labels, made_by, now, change, step, self.rule.pace.keep));
                }
            }
            Ok(())
        };
        self.after = after;
        made
    }

    /// Finds the alert of every sample at a step; returns whether no two have the same.
    fn find_candidates(&mut self, root: &Root<'_>, step: usize, pass: &mut Pass<'_, '_>) -> bool {
        let mut share = None;
        for row in 0..root.labels.len() {
            if !bits::is_set(row_bits(root, row), step) {
                continue;
            }
            let value = root.number(root.values[row * root.steps + step]);
            let id = match self.targets.of_row(row) {
                Some(alert) => alert,
                None => {
                    let value = &root.value(row, step);
                    let sample = Sample { labels: &root.labels[row], value, at: pass.slots[step] };
                    let share = *share.get_or_insert_with(|| {
                        let rows = 0..root.labels.len();
                        let together = rows.filter(|row| bits::is_set(row_bits(root, *row), step)).count();
                        self.rule.naming.label_share(together)
                    });
                    let labels = self.rule.naming.alert_labels(share, sample, pass.external, pass.ask);
                    self.alert_of(labels, &root.labels[row])
                }
            };
            let alert = &mut self.alerts[id as usize];
            if !std::mem::replace(&mut alert.live, true) {
                self.live.push(id);
            }
            if alert.candidate.replace((row, value)).is_some() {
                return false;
            }
        }
        true
    }

    /// Drops all state, as an exceeded limit does.
    fn drop_all(&mut self, rule: RuleId, at: Timestamp, step: usize, pass: &mut Pass<'_, '_>) {
        for id in &self.live {
            let Alert { labels, tracker, made_by, .. } = &mut self.alerts[*id as usize];
            if let Some(change) = tracker.drop_state(at) {
                let mut draft = draft(rule, labels, made_by, None, change, step, self.rule.pace.keep);
                draft.event.cause = Some(Cause::LimitExceeded);
                pass.drafts.push(draft);
            }
        }
    }

    /// Writes the series that tell of the alerts, and their ends.
    ///
    /// Source: Prometheus' `AlertingRule.sample` and `forStateSample`: the latter is whole seconds.
    fn write(&mut self, step: usize, outputs: &mut Outputs) {
        for id in &self.live {
            let alert = &mut self.alerts[*id as usize];
            let state = alert.tracker.state();
            if state == State::Inactive {
                continue;
            }
            let outs = outs_of(&self.rule, alert, outputs);
            if let Some(since) = state.active_at() {
                outputs.write(outs[usize::from(state.phase() == Phase::Firing)], step, Some(1.0));
                outputs.write(outs[2], step, Some(since.0.div_euclid(1000) as f64));
            }
        }
        for outs in self.live.iter().filter_map(|id| self.alerts[*id as usize].outs) {
            // What is there was written above; the rest ends if it was there before.
            outs.iter().for_each(|out| outputs.write(*out, step, None));
        }
    }

    /// Forgets alerts that are inactive and of which nothing is left to be reported.
    fn retire(&mut self, outputs: &Outputs) {
        let Self { alerts, live, retired, by_labels, fold, .. } = self;
        live.retain(|id| {
            let alert = &mut alerts[*id as usize];
            let told = alert.outs.is_some_and(|outs| outs.iter().any(|out| outputs.emitted(*out)));
            alert.live = alert.tracker.state() != State::Inactive || told;
            if !alert.live && fold.by_value() {
                by_labels.remove(&alert.labels);
                retired.push(*id);
            }
            alert.live
        });
    }

    /// Returns what the alert with these labels is.
    pub(crate) fn phase_of(&self, labels: &LabelSet) -> Phase {
        let alert = self.by_labels.get(labels).map(|at| &self.alerts[*at as usize]);
        alert.map_or(Phase::Inactive, |alert| alert.tracker.state().phase())
    }

    /// Returns the alerts that are active now: labels, state, counts, and the sample that made each so.
    pub(crate) fn active(&self) -> impl Iterator<Item = (&LabelSet, State, &Activity, &MadeBy)> {
        self.alerts.iter().filter_map(|alert| {
            let activity = alert.tracker.activity()?;
            Some((&alert.labels, alert.tracker.state(), activity, &alert.made_by))
        })
    }

    /// Lets alerts that were forgotten be replaced; to be called when what they wrote is committed.
    pub(crate) fn settle(&mut self) {
        self.free.append(&mut self.retired);
    }
}

/// Returns the series that tell of an alert, which it gets when they are first asked for.
fn outs_of(rule: &AlertRule, alert: &mut Alert, outputs: &mut Outputs) -> [u32; 3] {
    let Alert { labels: own, outs, spare_outs, .. } = alert;
    *outs.get_or_insert_with(|| {
        let labels = rule.naming.series_labels(own);
        // The state of the alert hides that label of it: alerts that differ in nothing else are one series.
        if own.get(ALERT_STATE).is_some() {
            return labels.map(|labels| outputs.share(labels));
        }
        match spare_outs.take() {
            None => labels.map(|labels| outputs.add(labels)),
            Some(spare) => {
                spare.iter().zip(labels).for_each(|(out, labels)| outputs.rename(*out, labels));
                spare
            }
        }
    })
}
