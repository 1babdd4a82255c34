//! Engines for other rules and other series, which go on where the one before stopped.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::engine::Engine;
use crate::engine::resume::{EngineState, Resumed, RuleState, WrittenState};
use crate::labels::LabelSet;

use super::super::alert::Cause;
use super::super::rule_set::RuleHandle;
use super::event::{AlertKey, Event};
use super::{AlertState, Live};

/// A rule of the engine.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub handle: RuleHandle,
    pub name: Arc<str>,
    pub enabled: bool,
    /// Changes when the rule is disabled: what comes after has nothing to do with what was before.
    pub life: u32,
    /// Whether it is evaluated for each label set by itself.
    pub by_rows: bool,
}

impl Live {
    /// Binds the rules again if they were changed.
    pub(super) fn rebind(&mut self) {
        if self.rules.version() != self.built {
            let state = self.state();
            self.resume(state);
            self.told.sort_by(|a, b| (a.at, &a.name, &a.key).cmp(&(b.at, &b.name, &b.key)));
        }
    }

    /// Forgets series, and binds the rules to the others.
    pub(super) fn compact(&mut self) {
        let state = self.state();
        let evaluated = self.engine.evaluated();
        let mut kept = vec![true; self.store.len()];
        for (_, slot) in self.table.iter().filter(|(_, slot)| slot.forgotten) {
            // A rule that came meanwhile may look further back, and an alert may be kept for longer.
            let unseen = slot.last.plus(self.options.stale_after).plus(self.store.reach_back(slot.id));
            let is_active = || {
                let label_set = self.store.find_label_set(&self.store.labels(slot.id).without_metric());
                label_set.is_some_and(|id| self.engine.is_active_on(id))
            };
            kept[slot.id.0 as usize] = unseen > evaluated || is_active();
        }
        let over = self.over_labels();
        let numbers = self.store.compact(&mut |id| kept[id.0 as usize]);
        // What had to stay is looked at again in a while.
        self.table.renumber(&numbers, self.clock.evaluated.plus(self.options.stale_after));
        self.resume(state);
        self.take_over(&over);
    }

    /// Returns the rules of the engine that are still there and enabled, and were all the time.
    pub(super) fn going_on(&self) -> HashSet<RuleHandle> {
        let lives: HashMap<RuleHandle, u32> = self.bound.iter().map(|bound| (bound.handle, bound.life)).collect();
        let goes_on = |handle: RuleHandle| lives.get(&handle) == Some(&self.rules.life(handle));
        let enabled = self.rules.iter().filter(|rule| rule.is_enabled() && goes_on(rule.handle()));
        enabled.map(|rule| rule.handle()).collect()
    }

    /// Returns the label sets that have ended, by their labels.
    pub(super) fn over_labels(&self) -> Vec<LabelSet> {
        self.over.iter().filter_map(|id| self.store.label_set(*id).cloned()).collect()
    }

    /// Takes the label sets that have ended, after the rules were bound.
    pub(super) fn take_over(&mut self, over: &[LabelSet]) {
        self.over = over.iter().filter_map(|labels| self.store.find_label_set(labels)).collect();
    }

    /// Returns what the engine was: its rules by their handles.
    pub(super) fn state(&self) -> (HashMap<RuleHandle, RuleState>, Vec<(RuleHandle, WrittenState)>) {
        let EngineState { rules, written } = self.engine.state(&self.store);
        let by_handle = |(bound, state): (&Bound, RuleState)| bound.enabled.then_some((bound.handle, state));
        let written = written.into_iter().map(|state| (self.bound[state.rule].handle, state)).collect();
        (self.bound.iter().zip(rules).filter_map(by_handle).collect(), written)
    }

    /// Makes an engine of the rules as they are now. Those that were there go on; the alerts of those that are gone end.
    pub(super) fn resume(
        &mut self,
        (mut states, written): (HashMap<RuleHandle, RuleState>, Vec<(RuleHandle, WrittenState)>),
    ) {
        let before = std::mem::take(&mut self.bound);
        let bound = self.rules.iter().map(|rule| Bound {
            handle: rule.handle(),
            name: rule.name().into(),
            enabled: rule.is_enabled(),
            life: self.rules.life(rule.handle()),
            by_rows: rule.is_by_rows(),
        });
        self.bound = bound.collect();
        let lives: HashMap<RuleHandle, u32> = before.iter().map(|bound| (bound.handle, bound.life)).collect();
        let mut place = |bound: &Bound| {
            let is_same = lives.get(&bound.handle) == Some(&bound.life);
            let fits = |state: &RuleState| is_same && bound.enabled && state.by_rows == bound.by_rows;
            let fits = states.get(&bound.handle).is_some_and(fits);
            if fits { states.remove(&bound.handle) } else { None }
        };
        let rules: Vec<Option<RuleState>> = self.bound.iter().map(&mut place).collect();
        let written = self.placed(written, &rules);
        for bound in &before {
            if let Some(state) = states.get(&bound.handle) {
                self.end_alerts(bound, state);
            }
        }
        self.store.forget_selectors();
        let options = self.options.engine();
        let made = match self.engine.start() {
            None => Engine::new(self.rules.files(), options, &mut self.store),
            Some(start) => {
                let now = self.clock.evaluated;
                let after = now.minus(self.options.held());
                let resumed = Resumed { start, now, after, rules, written };
                Engine::resume(self.rules.files(), options, &mut self.store, resumed)
            }
        };
        debug_assert!(made.is_ok(), "each rule was tried when it was added");
        self.engine = made.unwrap_or_else(|_| Engine::empty(self.options.engine()));
        self.built = self.rules.version();
    }

    /// Returns what rules wrote with their places among those that are there: a series of a rule that is gone belongs to
    /// another one that writes it, too.
    fn placed(&self, written: Vec<(RuleHandle, WrittenState)>, rules: &[Option<RuleState>]) -> Vec<WrittenState> {
        let places: HashMap<RuleHandle, usize> = self
            .bound
            .iter()
            .enumerate()
            .filter(|(place, _)| rules[*place].is_some())
            .map(|(place, bound)| (bound.handle, place))
            .collect();
        let mut others = None;
        let place = |(handle, state): (RuleHandle, WrittenState)| {
            let own = places.get(&handle).copied();
            let rule = own.or_else(|| {
                let others: &HashMap<_, _> = others.get_or_insert_with(|| {
                    let recorded = |(place, state): (usize, &Option<RuleState>)| {
                        let runs = state.iter().flat_map(|state| &state.runs).flat_map(|(_, run)| &run.recorded);
                        runs.map(|labels| (labels.clone(), place)).collect::<Vec<_>>()
                    };
                    rules.iter().enumerate().rev().flat_map(recorded).collect()
                });
                others.get(&state.labels).copied()
            })?;
            Some(WrittenState { rule, ..state })
        };
        written.into_iter().filter_map(place).collect()
    }

    /// Ends the alerts of a rule that is gone.
    fn end_alerts(&mut self, bound: &Bound, state: &RuleState) {
        let mut ended = Vec::new();
        let alerts = state.runs.iter().flat_map(|(on, run)| run.alerts.iter().map(move |alert| (on, alert)));
        for (on, alert) in alerts {
            let Some(active_at) = alert.tracker.state().active_at() else { continue };
            let key = AlertKey::on(bound.handle, alert.labels.clone(), on.as_ref());
            ended.push(Event {
                at: self.clock.evaluated,
                name: Arc::clone(&bound.name),
                from: self.seen(alert.tracker.state().phase(), &key),
                to: AlertState::Inactive,
                key,
                value: None,
                cause: Some(Cause::RuleRemoved),
                annotations: Vec::new(),
                active_at,
            });
        }
        for event in &ended {
            self.suppressed.remove(&event.key);
        }
        self.told.extend(ended);
    }
}
