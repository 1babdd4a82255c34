//! Rules that are evaluated together, and how: by whole blocks of steps, or one step at a time.

use rayon::prelude::*;

use crate::promql::lags::Lags;
use crate::promql::plan::RootId;
use crate::promql::program::{Inputs, Program, Root, Sink, Steps, Written};
use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::alerting::Draft;
use super::course::{Course, Link};
use super::naming::{Ask, External};
use super::query::Queries;
use super::rows::{RowSlice, RowUnit, Rows};
use super::rule::{FaultAt, Pass, RuleRun};
use super::watch::{self, Watched};
use super::written::WrittenSeries;

/// Expressions of one schedule that share their subtrees and see the same written samples.
pub(crate) struct Unit {
    pub program: Program,
    /// By root, ascending by rule.
    pub links: Vec<Link>,
    pub course: Course,
    /// The rules that a commit means anything to.
    pub commits: Vec<usize>,
    /// The number of its slots' schedule.
    pub schedule: usize,
    pub interval: Millis,
    pub query_offset: Millis,
    /// By writer: what the rules see of written samples; absent where they read none.
    pub lags: Option<Lags>,
    /// Where the rules are evaluated at rows: what they are on each label set. Their program is run on no store then.
    pub rows: Option<Rows>,
    /// What it costs, when that is wanted.
    pub watched: Option<Box<Watched>>,
}

/// What all units of a run work on.
pub(crate) struct Run<'a> {
    pub recording: &'a Store,
    pub written: &'a mut WrittenSeries,
    pub rules: &'a mut [RuleRun],
    pub shared: Shared<'a>,
}

/// What the rules of a run share beside the stores.
pub(crate) struct Shared<'a> {
    pub external: &'a External,
    pub queries: &'a Queries,
    pub drafts: &'a mut Vec<Draft>,
    pub faults: Option<&'a mut Vec<FaultAt>>,
}

/// When and on what rules are evaluated.
pub(crate) struct Terms<'a> {
    pub slots: &'a [Timestamp],
    /// By root.
    pub links: &'a [Link],
    pub query_offset: Millis,
    pub inputs: Inputs<'a>,
}

/// Runs a program at given steps and hands over what its roots evaluate to.
pub(crate) type Runs<'a> = dyn FnMut(&Steps<'_>, &mut dyn Sink) + 'a;

/// The rules of a block, by their numbers.
pub(crate) trait RuleSet {
    fn rule(&mut self, number: usize) -> Option<&mut RuleRun>;
}

impl RuleSet for [RuleRun] {
    fn rule(&mut self, number: usize) -> Option<&mut RuleRun> {
        self.get_mut(number)
    }
}

/// Some rules of a run, each with its number, ascending.
impl RuleSet for [(usize, &mut RuleRun)] {
    fn rule(&mut self, number: usize) -> Option<&mut RuleRun> {
        let at = self.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        Some(&mut *self[at].1)
    }
}

/// Evaluates rules at the slots of one block.
pub(crate) fn evaluate<R: RuleSet + ?Sized>(
    program: &mut Runs<'_>,
    terms: &Terms<'_>,
    course: &mut Course,
    rules: &mut R,
    shared: &mut Shared<'_>,
) {
    course.evaluations += terms.slots.len() as u64;
    let steps = Steps { slots: terms.slots, offset: terms.query_offset };
    program(&steps, &mut Folding { terms, course, rules, shared });
}

/// Hands what a program evaluates to its rules.
struct Folding<'a, 'b, 'c, R: ?Sized> {
    terms: &'a Terms<'b>,
    course: &'a mut Course,
    rules: &'a mut R,
    shared: &'a mut Shared<'c>,
}

impl<R: RuleSet + ?Sized> Sink for Folding<'_, '_, '_, R> {
    fn wants_empty(&self, id: RootId) -> bool {
        !self.course.is_idle(id)
    }

    fn wants_compared(&self, number: u32) -> bool {
        self.course.is_open(number)
    }

    fn compared(&mut self, number: u32, root: Root<'_>) {
        self.course.see(number, &root);
    }

    fn root(&mut self, id: RootId, root: Root<'_>, compared: Option<Root<'_>>) {
        let Terms { slots, links, inputs, .. } = *self.terms;
        let Shared { external, queries, drafts, faults } = &mut *self.shared;
        let Link { rule, compared: number } = links[id.0];
        let Some(rule) = self.rules.rule(rule) else { return };
        let written = inputs.written.map(|written| (written.store, written.writers, written.hidden));
        let asker = rule.id.0 as usize;
        let ask: &mut Ask<'_> = &mut |text, slot| queries.answer(asker, text, slot, inputs.recording, written);
        let recording = inputs.recording;
        let mut pass = Pass { slots, external, ask, drafts, recording, faults: faults.as_deref_mut() };
        let was_true = rule.counting.was_true();
        let mut failed = std::mem::take(&mut self.course.failed);
        let series = compared.as_ref().zip(number.map(|number| self.course.compared(number)));
        rule.fold(&root, series, &mut failed, &mut pass);
        self.course.failed = failed;
        self.course.set_idle(id, rule.is_idle());
        if let Some(number) = number.filter(|_| !was_true && rule.counting.was_true()) {
            self.course.close(number);
        }
    }
}

impl Unit {
    /// Evaluates all rules at the slots of one block.
    fn evaluate<R: RuleSet + ?Sized>(
        &mut self,
        slots: &[Timestamp],
        (recording, written): (&Store, &WrittenSeries),
        rules: &mut R,
        shared: &mut Shared<'_>,
    ) {
        let (store, writers, hidden) = (&written.store, written.writers.as_slice(), &written.hidden);
        let written = self.lags.as_ref().map(|lags| Written { store, writers, lags, hidden });
        let inputs = Inputs { recording, written, only: None };
        let terms = Terms { slots, links: &self.links, query_offset: self.query_offset, inputs };
        let (program, watched) = (&mut self.program, &mut self.watched);
        let mut runs = |steps: &Steps<'_>, sink: &mut dyn Sink| {
            watch::run(program, None, watched.as_deref_mut(), &inputs, steps, sink);
        };
        evaluate(&mut runs, &terms, &mut self.course, rules, shared);
    }

    /// Evaluates all rules at the slots of one block, and commits what they wrote in the order of the rules.
    fn block(&mut self, slots: &[Timestamp], run: &mut Run<'_>) {
        self.evaluate(slots, (run.recording, run.written), run.rules, &mut run.shared);
        for rule in &self.commits {
            run.rules[*rule].commit(run.written, slots);
        }
    }

    /// Takes the slots of the next block off a list.
    fn next_block<'a>(&self, left: &mut &'a [Timestamp]) -> &'a [Timestamp] {
        let (block, rest) = left.split_at(self.program.block_steps(self.interval).min(left.len()));
        *left = rest;
        block
    }

    /// Returns the parts that are the same for all label sets, and the others.
    fn by_rows(&mut self) -> Option<(&mut Rows, RowUnit<'_>)> {
        let unit = RowUnit {
            program: &mut self.program,
            query_offset: self.query_offset,
            lags: self.lags.as_ref(),
            interval: self.interval,
            watched: self.watched.as_deref_mut(),
        };
        Some((self.rows.as_mut()?, unit))
    }

    /// Evaluates all rules at all slots or rows of a slice, block by block.
    fn run(&mut self, slice: &Slice, run: &mut Run<'_>) {
        if let Some((rows, mut unit)) = self.by_rows() {
            return rows.run(&mut unit, &slice.rows, run);
        }
        let mut left = slice.slots[self.schedule].as_slice();
        while !left.is_empty() {
            let block = self.next_block(&mut left);
            self.block(block, run);
        }
    }

    /// Evaluates all rules at one slot or row of a slice.
    fn step(&mut self, slice: &Slice, at: usize, run: &mut Run<'_>) {
        if let Some((rows, mut unit)) = self.by_rows() {
            let (slot, id) = slice.rows.ordered[at];
            return rows.block(&mut unit, id, &[slot], run);
        }
        let slot = slice.slots[self.schedule][at];
        self.block(&[slot], run);
    }

    /// Returns a slot of a slice, if there are so many.
    fn slot(&self, slice: &Slice, at: usize) -> Option<Timestamp> {
        match &self.rows {
            Some(_) => slice.rows.ordered.get(at).map(|(time, _)| *time),
            None => slice.slots[self.schedule].get(at).copied(),
        }
    }
}

/// The times of a stretch at which rules are evaluated.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    /// By schedule.
    pub slots: Vec<Vec<Timestamp>>,
    pub rows: RowSlice,
}

/// Units that nothing of a later stage can influence.
pub(crate) struct Stage {
    pub units: Vec<Unit>,
    /// Whether each unit (of one rule) runs one step at a time, in the order of time and rule, rather than by blocks.
    pub by_step: bool,
    /// Whether units run at once, in the threads of the pool at hand.
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
        let mut next = vec![0; self.units.len()];
        loop {
            let slot = |(at, unit): (usize, &Unit)| Some((unit.slot(slice, next[at])?, at));
            let Some((_, at)) = self.units.iter().enumerate().filter_map(slot).min() else { return };
            self.units[at].step(slice, next[at], run);
            next[at] += 1;
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
    tasks.par_iter_mut().for_each(|task| {
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
