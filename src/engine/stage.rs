//! Rules that are evaluated together, and how: by whole blocks of steps, or one step at a time.

use rayon::prelude::*;

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

/// One block of one unit: what it works on, and what came of it.
struct Task<'a, 'b> {
    unit: &'a mut Unit,
    slots: &'b [Timestamp],
    /// The rules of the unit, ascending, each with its number.
    rules: Vec<(usize, &'a mut RuleRun)>,
    drafts: Vec<Draft>,
    faults: Option<Vec<FaultAt>>,
}

impl Task<'_, '_> {
    /// Evaluates all rules of the unit at the slots of the block.
    fn evaluate(&mut self, shared: &Shared<'_>) {
        let (store, writers) = (&shared.written.store, shared.written.writers.as_slice());
        let written = self.unit.lags.as_ref().map(|lags| Written { store, writers, lags });
        let inputs = Inputs { recording: shared.recording, written };
        let steps = Steps { slots: self.slots, offset: self.unit.query_offset };
        let (rules, drafts, roots, slots) = (&mut self.rules, &mut self.drafts, &self.unit.roots, self.slots);
        let mut faults = self.faults.as_mut();
        self.unit.program.run(&inputs, &steps, &mut |id, root| {
            let (at, role) = roots[id.0];
            let Ok(place) = rules.binary_search_by_key(&at, |(number, _)| *number) else { return };
            let rule = &mut rules[place].1;
            match role {
                Role::Condition => {
                    let ask: &mut Ask<'_> =
                        &mut |text, slot| shared.queries.answer(at, text, slot, shared.recording, (store, writers));
                    let faults = faults.as_deref_mut();
                    let mut pass = Pass { slots, external: shared.external, ask, drafts, faults };
                    rule.fold(&root, &mut pass);
                }
                Role::Series => rule.find_causes(&root, drafts, shared.recording),
            }
        });
    }
}

/// What the tasks of a round read.
struct Shared<'a> {
    recording: &'a Store,
    written: &'a WrittenSeries,
    external: &'a External,
    queries: &'a Queries,
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
        let mut left: Vec<&[Timestamp]> = self.units.iter().map(|unit| slots[unit.schedule].as_slice()).collect();
        while left.iter().any(|left| !left.is_empty()) {
            let blocks = self.units.iter_mut().zip(&mut left).map(|(unit, left)| {
                let (block, rest) = left.split_at(unit.program.block_steps(unit.interval).min(left.len()));
                *left = rest;
                (unit, block)
            });
            round(blocks, run);
        }
    }

    fn run_by_step(&mut self, slots: &[Vec<Timestamp>], run: &mut Run<'_>) {
        let mut next = vec![0; self.units.len()];
        loop {
            let slot = |(at, unit): (usize, &Unit)| Some((*slots[unit.schedule].get(next[at])?, at));
            let Some((slot, at)) = self.units.iter().enumerate().filter_map(slot).min() else { return };
            round(std::iter::once((&mut self.units[at], [slot].as_slice())), run);
            next[at] += 1;
        }
    }
}

/// Evaluates a block of each unit, at once where there are threads, and commits what was written in the order of the
/// units and their rules: so the outcome is the same for any number of threads.
fn round<'a, 'b>(blocks: impl Iterator<Item = (&'a mut Unit, &'b [Timestamp])>, run: &mut Run<'_>) {
    let trace = run.faults.is_some();
    let mut lent: Vec<Option<&mut RuleRun>> = run.rules.iter_mut().map(Some).collect();
    let mut tasks: Vec<Task<'_, '_>> = blocks
        .filter(|(_, slots)| !slots.is_empty())
        .map(|(unit, slots)| {
            let conditions = unit.roots.iter().filter(|(_, role)| *role == Role::Condition);
            let rules = conditions.filter_map(|(rule, _)| Some((*rule, lent[*rule].take()?))).collect();
            Task { unit, slots, rules, drafts: Vec::new(), faults: trace.then(Vec::new) }
        })
        .collect();
    let shared =
        Shared { recording: run.recording, written: run.written, external: run.external, queries: run.queries };
    match tasks.as_mut_slice() {
        [task] => task.evaluate(&shared),
        tasks => tasks.par_iter_mut().for_each(|task| task.evaluate(&shared)),
    }
    for task in tasks {
        for (_, rule) in task.rules {
            rule.commit(run.written, task.slots);
        }
        run.drafts.extend(task.drafts);
        if let (Some(all), Some(faults)) = (run.faults.as_deref_mut(), task.faults) {
            all.extend(faults);
        }
    }
}
