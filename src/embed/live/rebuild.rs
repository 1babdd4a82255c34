//! Engines for other rules and other series, which go on where the one before stopped.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::engine::Engine;
use crate::engine::resume::{EngineState, Resumed, RuleState, WrittenState};
use crate::labels::LabelSet;
use crate::rules::Evaluate;

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
        }
    }

    /// Forgets series, and binds the rules to the others.
    pub(super) fn compact(&mut self) {
        let state = self.state();
        let mut kept = vec![true; self.store.len()];
        let active = self.engine.active_label_sets();
        for (_, slot) in self.table.iter().filter(|(_, slot)| slot.forgotten) {
            // A rule that came meanwhile may look further back, and an alert may be kept for longer.
            let unseen = slot.last.plus(self.options.stale_after).plus(self.store.reach_back(slot.id));
            let is_active = || {
                let label_set = self.store.find_label_set(&self.store.labels(slot.id).without_metric());
                label_set.is_some_and(|id| active.binary_search(&id).is_ok())
            };
            kept[slot.id.0 as usize] = unseen > self.clock.evaluated || is_active();
        }
        let over: Vec<LabelSet> = self.over.iter().filter_map(|id| self.store.label_set(*id).cloned()).collect();
        let numbers = self.store.compact(&mut |id| kept[id.0 as usize]);
        self.table.renumber(&numbers);
        self.resume(state);
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
        let by_rows = |group: &crate::rules::Group| group.evaluate == Evaluate::EveryRow;
        let groups = self.rules.files().iter().flat_map(|file| &file.groups);
        let mut rows = groups.flat_map(|group| group.rules.iter().map(move |_| by_rows(group)));
        let bound = self.rules.iter().map(|rule| Bound {
            handle: rule.handle(),
            name: rule.name().into(),
            enabled: rule.is_enabled(),
            life: self.rules.life(rule.handle()),
            by_rows: rows.next().unwrap_or(false),
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
                let after = now.minus(self.options.history);
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
        for alert in state.runs.iter().flat_map(|(_, run)| &run.alerts) {
            let Some(active_at) = alert.tracker.state().active_at() else { continue };
            let key = AlertKey { rule: bound.handle, labels: alert.labels.clone() };
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
        ended.sort_by(|a, b| a.key.labels.cmp(&b.key.labels));
        for event in &ended {
            self.suppressed.remove(&event.key);
        }
        self.ended.extend(ended);
    }
}
