//! Rules that are evaluated together, and how: by whole blocks of steps, or one step at a time.

use crate::promql::program::{Inputs, Program, Steps, Written};
use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::alerting::Draft;
use super::naming::{Ask, External};
use super::query::Queries;
use super::rule::{FaultAt, Pass, RuleRun};
use super::written::WrittenSeries;

/// What a root of a program is to its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Its expression.
    Condition,
    /// Its expression without the threshold.
    Series,
}

/// Expressions of one schedule that share their subtrees and see the same written samples.
pub(crate) struct Unit {
    pub program: Program,
    /// By root: the rule it belongs to, and what it is to it. Ascending by rule.
    pub roots: Vec<(usize, Role)>,
    /// The number of its slots' schedule.
    pub schedule: usize,
    pub interval: Millis,
    pub query_offset: Millis,
    /// By writer: what the rules see of written samples; absent where they read none.
    pub lags: Option<Vec<Millis>>,
}

/// What all units of a run work on.
pub(crate) struct Run<'a> {
    pub recording: &'a Store,
    pub written: &'a mut WrittenSeries,
    pub rules: &'a mut [RuleRun],
    pub external: &'a External,
    pub queries: &'a Queries,
    pub drafts: &'a mut Vec<Draft>,
    pub faults: Option<&'a mut Vec<FaultAt>>,
}

impl Unit {
    /// Evaluates all rules at the slots of one block, and commits what they wrote in the order of the rules.
    fn block(&mut self, slots: &[Timestamp], run: &mut Run<'_>) {
        let store = &run.written.store;
        let writers = run.written.writers.as_slice();
        let written = self.lags.as_ref().map(|lags| Written { store, writers, lags });
        let inputs = Inputs { recording: run.recording, written };
        let steps = Steps { slots, offset: self.query_offset };
        let (rules, drafts, roots) = (&mut *run.rules, &mut *run.drafts, &self.roots);
        let (recording, queries) = (run.recording, run.queries);
        let mut faults = run.faults.as_deref_mut();
        self.program.run(&inputs, &steps, &mut |id, root| {
            let (at, role) = roots[id.0];
            let rule = &mut rules[at];
            match role {
                Role::Condition => {
                    let ask: &mut Ask<'_> =
                        &mut |text, slot| queries.answer(at, text, slot, recording, (store, writers));
                    let mut pass = Pass { slots, external: run.external, ask, drafts, faults: faults.as_deref_mut() };
                    rule.fold(&root, &mut pass);
                }
                Role::Series => rule.find_causes(&root, drafts, recording),
            }
        });
        for (rule, role) in &self.roots {
            if *role == Role::Condition {
                run.rules[*rule].commit(run.written, slots);
            }
        }
    }
}

/// Units that nothing of a later stage can influence.
pub(crate) struct Stage {
    pub units: Vec<Unit>,
    /// Whether each unit (of one rule) runs one step at a time, in the order of time and rule, rather than by blocks.
    pub by_step: bool,
}

impl Stage {
    /// Evaluates all rules at the slots of a slice; `slots` holds those of each schedule.
    pub(crate) fn run(&mut self, slots: &[Vec<Timestamp>], run: &mut Run<'_>) {
        if self.by_step {
            return self.run_by_step(slots, run);
        }
        for unit in &mut self.units {
            let mut left = slots[unit.schedule].as_slice();
            while !left.is_empty() {
                let (block, rest) = left.split_at(unit.program.block_steps(unit.interval).min(left.len()));
                unit.block(block, run);
                left = rest;
            }
        }
    }

    fn run_by_step(&mut self, slots: &[Vec<Timestamp>], run: &mut Run<'_>) {
        let mut next = vec![0; self.units.len()];
        loop {
            let slot = |(at, unit): (usize, &Unit)| Some((*slots[unit.schedule].get(next[at])?, at));
            let Some((slot, at)) = self.units.iter().enumerate().filter_map(slot).min() else { return };
            self.units[at].block(&[slot], run);
            next[at] += 1;
        }
    }
}
