//! One block of steps: a program is run, and what its roots give is handed to their rules.

use crate::promql::plan::RootId;
use crate::promql::program::{Inputs, Root, Sink, Steps};
use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::course::{Course, Link};
use super::draft::Draft;
use super::naming::{Ask, External};
use super::query::Queries;
use super::rule::{FaultAt, Pass, RuleRun};
use super::written::WrittenSeries;

/// What all units of a run work on.
pub(crate) struct Run<'a> {
    pub recording: &'a Store,
    pub written: &'a mut WrittenSeries,
    pub rules: &'a mut [RuleRun],
    pub shared: Shared<'a>,
}

/// What the rules of a run share besides the stores.
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
    /// Whether rules without an active alert are left out.
    pub lingers: bool,
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

    fn compared_value(&mut self, number: u32, value: f64) {
        self.course.see_value(number, value);
    }

    fn root(&mut self, id: RootId, root: Root<'_>, compared: Option<Root<'_>>) {
        let Link { rule, compared: number } = self.terms.links[id.0];
        let Some(rule) = self.rules.rule(rule).filter(|rule| !self.terms.lingers || rule.is_active()) else { return };
        if number.is_none() && rule.record(&root) {
            return self.course.set_idle(id, false);
        }
        let Terms { slots, inputs, .. } = *self.terms;
        let Shared { external, queries, drafts, faults } = &mut *self.shared;
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
