//! What nodes tell beside their values, and how it comes to the roots that read them.

use crate::source::Span;

use super::super::annotation::{Annotated, Annotation};
use super::super::block;
use super::super::plan::{Kind, NodeId, WHOLE, WindowInput};
use super::Program;
use super::show::Shown;

/// What a node told in its latest run. Most tell nothing.
#[derive(Default)]
pub(crate) struct Notes {
    list: Option<Box<List>>,
}

#[derive(Default)]
struct List {
    notes: Vec<Note>,
}

/// One thing that a node told.
struct Note {
    what: Annotation,
    place: Place,
    /// The comparison that told it, if that is another node, which shares the rows of this one.
    comparison: Option<NodeId>,
    /// A bit a step.
    steps: Vec<u64>,
}

/// Where the text is that a note is about.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// A part of the node: see [`super::super::plan::Places`].
    Part(usize),
    /// Within a subquery, in the text that it was planned of.
    Within(Option<Span>),
}

/// What a node that a root reads told at some steps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) what: Annotated,
    /// A bit a step.
    pub(crate) steps: Vec<u64>,
}

impl Notes {
    /// Takes a note at the steps whose bits are set, if there are any.
    pub(crate) fn add(&mut self, place: Place, steps: &[u64], what: impl FnOnce() -> Annotation) {
        if !block::any(steps) {
            return;
        }
        let what = what();
        let notes = &mut self.list.get_or_insert_default().notes;
        match notes.iter_mut().find(|note| note.comparison.is_none() && note.what.is_same(&what)) {
            Some(note) => {
                note.what.merge(&what);
                if !what.counts() {
                    note.place = place;
                }
                block::or_into(&mut note.steps, steps);
            }
            None => notes.push(Note { what, place, comparison: None, steps: steps.to_vec() }),
        }
    }

    /// Takes what a comparison that shares the rows of the node tells of its latest run, in place of what it told before.
    pub(crate) fn set_compared(&mut self, comparison: NodeId, note: Option<(Annotation, Vec<u64>)>) {
        if let Some(list) = &mut self.list {
            list.notes.retain(|note| note.comparison != Some(comparison));
        }
        if let Some((what, steps)) = note {
            let note = Note { what, place: Place::Part(WHOLE), comparison: Some(comparison), steps };
            self.list.get_or_insert_default().notes.push(note);
        }
    }

    /// Takes a note at one of so many steps.
    pub(crate) fn add_at(&mut self, place: Place, (step, steps): (usize, usize), what: Annotation) {
        let mut bits = vec![0; steps.div_ceil(64)];
        block::set(&mut bits, step);
        self.add(place, &bits, || what);
    }

    /// Takes a note at the steps at which something holds.
    pub(crate) fn add_where(
        &mut self,
        place: Place,
        steps: usize,
        holds: impl Fn(usize) -> bool,
        what: impl Fn(usize) -> Annotation,
    ) {
        let mut bits = vec![0; steps.div_ceil(64)];
        let mut held: Option<Annotation> = None;
        for step in (0..steps).filter(|step| holds(*step)) {
            let what = what(step);
            if let Some(before) = held.take_if(|held| !held.is_same(&what)) {
                self.add(place, &bits, || before);
                bits.fill(0);
            }
            held.get_or_insert(what);
            block::set(&mut bits, step);
        }
        if let Some(last) = held {
            self.add(place, &bits, || last);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.list = None;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_none()
    }

    fn iter(&self) -> impl Iterator<Item = &Note> {
        self.list.iter().flat_map(|list| &list.notes)
    }
}

impl Shown<'_> {
    /// Finds what the nodes that a root reads told, in evaluation order.
    pub(super) fn collect_notes(&self, root: usize, steps: usize) -> Vec<Told> {
        let node = self.plan.roots[root].node;
        let read = self.read_by(node);
        let mut told: Vec<Told> = Vec::new();
        for at in (0..=node).filter(|at| read[*at]) {
            let comparison = self.plan.nodes[at].place.shares.then_some(at);
            for note in self.state(at).notes.iter().filter(|note| note.comparison == comparison) {
                let span = self.place_of(root, at, note.place);
                let held = if self.plan.nodes[at].invariant {
                    let mut all = vec![0; steps.div_ceil(64)];
                    block::fill(&mut all, steps);
                    all
                } else {
                    note.steps.clone()
                };
                told.push(Told { what: Annotated { what: note.what.clone(), span }, steps: held });
            }
        }
        told
    }

    fn place_of(&self, root: usize, node: NodeId, place: Place) -> Option<Span> {
        match place {
            Place::Part(part) => self.plan.places.find(root, node, part),
            Place::Within(span) => self.place_within(root, node, span?),
        }
    }
}

impl Shown<'_> {
    /// Returns where something stands within a subquery, which was planned once for all places where it stands. None
    /// where it is written in another way than there.
    fn place_within(&self, root: usize, node: NodeId, span: Span) -> Option<Span> {
        if span == Span::default() {
            // A subquery stands nowhere.
            return Some(span);
        }
        let Kind::Window { input: WindowInput::Subquery { inner, .. }, .. } = self.plan.nodes[node].kind else {
            return None;
        };
        let (planned, here) = (self.plan.inner_spans.get(inner)?, self.plan.places.inside(root, node)?);
        let shift = |at: u32| at.checked_sub(planned.start).map(|at| (here.start + at) as usize);
        let is_alike = planned.end - planned.start == here.end - here.start;
        is_alike.then(|| Some(Span::new(shift(span.start)?, shift(span.end)?))).flatten()
    }
}

impl Program {
    /// Returns what a root told in its latest run of so many steps.
    pub(crate) fn told_by(&self, root: usize, steps: usize) -> Vec<Told> {
        if self.tells() { self.shown().collect_notes(root, steps) } else { Vec::new() }
    }
}
