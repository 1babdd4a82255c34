//! Units that run one after the other, at once in several threads, or one step at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::threads;
use crate::time::Timestamp;

use super::course::Link;
use super::draft::Draft;
use super::evaluate::{Run, Shared};
use super::rule::{FaultAt, RuleRun};
use super::slice::Slice;
use super::unit::Unit;

/// Units that nothing of a later stage can influence.
pub(crate) struct Stage {
    pub units: Vec<Unit>,
    /// Whether each unit (of one rule) runs one step at a time, in the order of time and rule, rather than by blocks.
    pub by_step: bool,
    /// Whether units run at once, in the threads of the pool at hand (without the feature `threads`, block by block in
    /// the one thread there is).
    pub at_once: bool,
}

impl Stage {
    /// Evaluates all rules at the slots and rows of a slice.
    pub(crate) fn run(&mut self, slice: &Slice, run: &mut Run<'_>) {
        if self.by_step {
            return self.run_by_step(slice, run);
        }
        for unit in self.units.iter_mut().filter(|unit| !self.at_once || unit.rows.is_some()) {
            unit.run(slice, run);
        }
        if !self.at_once {
            return;
        }
        let mut others: Vec<&mut Unit> = self.units.iter_mut().filter(|unit| unit.rows.is_none()).collect();
        let mut left: Vec<&[Timestamp]> = others.iter().map(|unit| slice.slots[unit.schedule].as_slice()).collect();
        while left.iter().any(|left| !left.is_empty()) {
            round(&mut others, &mut left, run);
        }
    }

    fn run_by_step(&mut self, slice: &Slice, run: &mut Run<'_>) {
        // By slot and unit: the place of that slot among the unit's.
        let first = |(at, unit): (usize, &Unit)| Some(Reverse((unit.slot(slice, 0)?, at, 0)));
        let mut due: BinaryHeap<_> = self.units.iter().enumerate().filter_map(first).collect();
        while let Some(mut soonest) = due.peek_mut() {
            let Reverse((slot, at, place)) = &mut *soonest;
            let unit = &mut self.units[*at];
            unit.step(slice, *place, run);
            *place += 1;
            match unit.slot(slice, *place) {
                Some(next) => *slot = next,
                None => drop(PeekMut::pop(soonest)),
            }
        }
    }
}

/// A block of a unit, its rules, and what came of them.
struct Task<'a, 'b> {
    unit: &'a mut Unit,
    slots: &'b [Timestamp],
    rules: Vec<(usize, &'a mut RuleRun)>,
    drafts: Vec<Draft>,
    faults: Option<Vec<FaultAt>>,
}

/// Evaluates the next block of each unit at once, and commits what was written in the order of the units and their
/// rules: so the outcome is the same for any number of threads.
fn round<'b>(units: &mut [&mut Unit], left: &mut [&'b [Timestamp]], run: &mut Run<'_>) {
    let trace = run.shared.faults.is_some();
    let mut lent: Vec<Option<&mut RuleRun>> = run.rules.iter_mut().map(Some).collect();
    let mut tasks: Vec<Task<'_, 'b>> = units
        .iter_mut()
        .zip(left)
        .filter(|(_, left)| !left.is_empty())
        .map(|(unit, left)| {
            let slots = unit.next_block(left);
            let rules = unit.links.iter().filter_map(|Link { rule, .. }| Some((*rule, lent[*rule].take()?))).collect();
            Task { unit, slots, rules, drafts: Vec::new(), faults: trace.then(Vec::new) }
        })
        .collect();
    let (stores, external, queries) = ((run.recording, &*run.written), run.shared.external, run.shared.queries);
    threads::each(&mut tasks, true, |task| {
        let mut shared = Shared { external, queries, drafts: &mut task.drafts, faults: task.faults.as_mut() };
        task.unit.evaluate(task.slots, stores, task.rules.as_mut_slice(), &mut shared);
    });
    for task in tasks {
        for (_, rule) in task.rules {
            rule.commit(run.written, task.slots);
        }
        run.shared.drafts.extend(task.drafts);
        if let (Some(all), Some(faults)) = (run.shared.faults.as_deref_mut(), task.faults) {
            all.extend(faults);
        }
    }
}
