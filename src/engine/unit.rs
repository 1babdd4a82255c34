//! Expressions that are evaluated together, with their rules, on the whole recording or on each label set by itself.

use crate::promql::lags::Lags;
use crate::promql::program::{Inputs, Program, Sink, Steps, Written};
use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::course::{Course, Link};
use super::evaluate::{RuleSet, Run, Shared, Terms, evaluate};
use super::rows::{RowUnit, Rows};
use super::slice::Slice;
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
    /// The rules see nothing that is stamped at or before it.
    pub after: Timestamp,
    /// By writer: what the rules see of written samples; absent where they read none.
    pub lags: Option<Lags>,
    /// Where the rules are evaluated at rows: what they are on each label set. Their program is run on no store then.
    pub rows: Option<Rows>,
    /// What it costs, when that is wanted.
    pub watched: Option<Box<Watched>>,
}

impl Unit {
    /// Evaluates all rules at the slots of one block.
    pub(crate) fn evaluate<R: RuleSet + ?Sized>(
        &mut self,
        slots: &[Timestamp],
        (recording, written): (&Store, &WrittenSeries),
        rules: &mut R,
        shared: &mut Shared<'_>,
    ) {
        let (store, writers, hidden) = (&written.store, written.writers.as_slice(), &written.hidden);
        let written = self.lags.as_ref().map(|lags| Written { store, writers, lags, hidden });
        let inputs = Inputs { written, after: self.after, ..Inputs::of(recording) };
        let terms = Terms { slots, links: &self.links, query_offset: self.query_offset, inputs, lingers: false };
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
    pub(crate) fn next_block<'a>(&self, left: &mut &'a [Timestamp]) -> &'a [Timestamp] {
        let (block, rest) = left.split_at(self.program.block_steps(self.interval).min(left.len()));
        *left = rest;
        block
    }

    /// Returns the parts that are the same for all label sets, and the others.
    fn by_rows(&mut self) -> Option<(&mut Rows, RowUnit<'_>)> {
        let unit = RowUnit {
            program: &mut self.program,
            query_offset: self.query_offset,
            after: self.after,
            lags: self.lags.as_ref(),
            interval: self.interval,
            watched: self.watched.as_deref_mut(),
        };
        Some((self.rows.as_mut()?, unit))
    }

    /// Evaluates all rules at all slots or rows of a slice, block by block.
    pub(crate) fn run(&mut self, slice: &Slice, run: &mut Run<'_>) {
        let schedule = self.schedule;
        if let Some((rows, mut unit)) = self.by_rows() {
            return rows.run(&mut unit, &slice.rows[schedule], run);
        }
        let mut left = slice.slots[self.schedule].as_slice();
        while !left.is_empty() {
            let block = self.next_block(&mut left);
            self.block(block, run);
        }
    }

    /// Evaluates all rules at one slot or row of a slice.
    pub(crate) fn step(&mut self, slice: &Slice, at: usize, run: &mut Run<'_>) {
        let schedule = self.schedule;
        if let Some((rows, mut unit)) = self.by_rows() {
            let (slot, id) = slice.rows[schedule].ordered[at];
            let lingers = slice.rows[schedule].lingers(id, slot);
            return rows.block(&mut unit, id, (&[slot], lingers), run);
        }
        let slot = slice.slots[self.schedule][at];
        self.block(&[slot], run);
    }

    /// Returns a slot of a slice, if there are so many.
    pub(crate) fn slot(&self, slice: &Slice, at: usize) -> Option<Timestamp> {
        match &self.rows {
            Some(_) => slice.rows[self.schedule].ordered.get(at).map(|(time, _)| *time),
            None => slice.slots[self.schedule].get(at).copied(),
        }
    }
}
