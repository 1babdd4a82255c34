//! Rules that are evaluated at the rows of each label set, on what that label set alone has.

use crate::promql::lags::Lags;
use crate::promql::program::{Inputs, Only, Program, Written};
use crate::store::{LabelSetId, RowsId};
use crate::time::{Millis, Timestamp};

use super::course::{Course, Link};
use super::evaluate::{Run, Terms, evaluate};
use super::event::RuleId;
use super::rule::RuleRun;
use super::slice::RowSlice;
use super::watch::{self, Watched};

/// The rules of a unit on one label set.
struct Stream {
    program: Program,
    rules: Vec<RuleRun>,
    course: Course,
    /// Whether the windows of some rule were not full yet.
    cold: bool,
    /// The label set in the store of written series.
    written: Option<LabelSetId>,
    /// Whether anything can come of the program here.
    alive: bool,
    /// How many series there were when that was determined.
    met: [usize; 2],
}

/// Who reads the label sets of the recording, and of what rules wrote.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowReaders {
    pub recorded: RowsId,
    pub written: RowsId,
}

/// The rules of a unit on every label set that had a row.
pub(crate) struct Rows {
    readers: RowReaders,
    streams: Vec<Stream>,
    /// By label set of the recording: its place in `streams`.
    places: Vec<Option<u32>>,
    /// What each root of the program is, to the rule at a place of [`Stream::rules`].
    links: Vec<Link>,
    /// The rules, as numbers in the run.
    rules: Vec<usize>,
    /// The places of those that a commit means anything to.
    commits: Vec<usize>,
}

/// A unit without its rows.
pub(crate) struct RowUnit<'a> {
    /// What streams are forked from, and borrow the memory of.
    pub program: &'a mut Program,
    pub query_offset: Millis,
    pub after: Timestamp,
    pub lags: Option<&'a Lags>,
    pub interval: Millis,
    /// What it costs, when that is wanted.
    pub watched: Option<&'a mut Watched>,
}

impl Rows {
    /// Lays out the rules of a stream, once all roots are known.
    pub(crate) fn of(links: &[Link], readers: RowReaders) -> Self {
        let rules = links.iter().map(|link| link.rule).collect();
        let links = links.iter().enumerate().map(|(place, link)| Link { rule: place, ..*link }).collect();
        Self { readers, streams: Vec::new(), places: Vec::new(), links, rules, commits: Vec::new() }
    }

    /// Returns who reads the label sets.
    #[cfg(feature = "input")]
    pub(crate) fn readers(&self) -> RowReaders {
        self.readers
    }

    /// Walks over the rules of all label sets.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &RuleRun> {
        self.streams.iter().flat_map(|stream| &stream.rules)
    }

    /// Walks over the rules of all label sets.
    pub(crate) fn runs_mut(&mut self) -> impl Iterator<Item = &mut RuleRun> {
        self.streams.iter_mut().flat_map(|stream| &mut stream.rules)
    }

    /// Returns whether a program has many rows that are over on some label set, as [`Program::is_worn`] says.
    pub(crate) fn is_worn(&self) -> bool {
        self.streams.first().is_some_and(|stream| stream.program.has_late_rows())
            && self.streams.iter().any(|stream| stream.program.is_worn())
    }

    /// Returns how many rows the largest program has.
    #[cfg(test)]
    pub(crate) fn widest(&self) -> usize {
        self.streams.iter().map(|stream| stream.program.widest()).max().unwrap_or(0)
    }

    /// Walks over the courses of all label sets; their links count rules by place.
    pub(crate) fn courses(&self) -> impl Iterator<Item = &Course> {
        self.streams.iter().map(|stream| &stream.course)
    }

    /// Walks over the rules of all label sets, each with its label set.
    pub(crate) fn by_label_set(&self) -> impl Iterator<Item = (LabelSetId, &RuleRun)> {
        let places = (0..).map(LabelSetId).zip(&self.places);
        places
            .filter_map(|(id, place)| Some((id, &self.streams[(*place)? as usize])))
            .flat_map(|(id, stream)| stream.rules.iter().map(move |rule| (id, rule)))
    }

    /// Returns a rule on a label set, if it is one of these.
    pub(crate) fn rule_on(
        &mut self,
        program: &Program,
        id: LabelSetId,
        rule: RuleId,
        rules: &[RuleRun],
    ) -> Option<&mut RuleRun> {
        let at = self.rules.binary_search(&(rule.0 as usize)).ok()?;
        let place = self.place(program, id, rules);
        Some(&mut self.streams[place].rules[at])
    }

    /// Returns whether a rule has an active alert on a label set.
    pub(crate) fn is_active_on(&self, id: LabelSetId) -> bool {
        let place = self.places.get(id.0 as usize).copied().flatten();
        place.is_some_and(|place| self.streams[place as usize].rules.iter().any(RuleRun::is_active))
    }

    /// Has a label set looked at although nothing can come of its series: alerts on it are active.
    pub(crate) fn wake(&mut self, id: LabelSetId) {
        if let Some(place) = self.places.get(id.0 as usize).copied().flatten() {
            self.streams[place as usize].alive = true;
        }
    }

    /// Evaluates all rules at all rows of a slice, one label set after the other.
    pub(crate) fn run(&mut self, unit: &mut RowUnit<'_>, slice: &RowSlice, run: &mut Run<'_>) {
        for (id, mut times) in slice.streams() {
            if let [time] = times {
                self.block(unit, id, (times, slice.lingers(id, *time)), run);
                continue;
            }
            while let Some(first) = times.first() {
                // A block has no fewer steps than this.
                let steps = if times.len() > 16 { unit.program.block_steps(unit.interval) } else { 16 };
                let lingers = slice.lingers(id, *first);
                let alike = times.iter().take(steps).take_while(|time| slice.lingers(id, **time) == lingers).count();
                let (block, rest) = times.split_at(alike);
                self.block(unit, id, (block, lingers), run);
                times = rest;
            }
        }
    }

    /// Evaluates all rules at some rows of one label set.
    /// Where the label set `lingers`, rules without an alert on it are left out.
    pub(crate) fn block(
        &mut self,
        unit: &mut RowUnit<'_>,
        id: LabelSetId,
        (slots, lingers): (&[Timestamp], bool),
        run: &mut Run<'_>,
    ) {
        let at = self.place(unit.program, id, run.rules);
        let stream = &mut self.streams[at];
        let store = &run.written.store;
        if unit.lags.is_some() && stream.written.is_none() {
            stream.written = run.recording.label_set(id).and_then(|labels| store.find_label_set(labels));
        }
        let recorded = run.recording.series_of(self.readers.recorded, id);
        let written = stream.written.map_or([].as_slice(), |id| store.series_of(self.readers.written, id));
        let (writers, hidden) = (run.written.writers.as_slice(), &run.written.hidden);
        let inputs = Inputs {
            recording: run.recording,
            written: unit.lags.map(|lags| Written { store, writers, lags, hidden }),
            only: Some(Only { recorded, written }),
            after: unit.after,
        };
        if stream.cold && !lingers {
            stream.rules.iter_mut().for_each(|rule| rule.come_to_rows(slots));
            stream.cold = stream.rules.iter().any(RuleRun::is_cold);
        }
        let met = [recorded.len(), written.len()];
        if !stream.alive && stream.met != met {
            stream.alive = stream.program.finds_any(&inputs);
            stream.met = met;
        }
        if !stream.alive {
            stream.course.evaluations += slots.len() as u64;
            if let Some(watched) = &mut unit.watched {
                watched.skip(slots.len());
            }
            return;
        }
        let first_draft = run.shared.drafts.len();
        let (lender, watched) = (&mut *unit.program, &mut unit.watched);
        let terms = Terms { slots, links: &self.links, query_offset: unit.query_offset, inputs, lingers };
        evaluate(
            &mut |steps, sink| {
                watch::run(&mut stream.program, Some(lender), watched.as_deref_mut(), &terms.inputs, steps, sink);
            },
            &terms,
            &mut stream.course,
            stream.rules.as_mut_slice(),
            &mut run.shared,
        );
        run.shared.drafts[first_draft..].iter_mut().for_each(|draft| draft.event.on = Some(id));
        for place in &self.commits {
            stream.rules[*place].commit(run.written, slots);
        }
    }

    /// Returns the place of a label set, which it gets with its first row.
    fn place(&mut self, program: &Program, id: LabelSetId, rules: &[RuleRun]) -> usize {
        let index = id.0 as usize;
        if let Some(place) = self.places.get(index).copied().flatten() {
            return place as usize;
        }
        if self.places.len() <= index {
            self.places.resize(index + 1, None);
        }
        let place = self.streams.len();
        if place == 0 {
            let commits = self.rules.iter().enumerate().filter(|(_, rule)| rules[**rule].commits());
            self.commits = commits.map(|(place, _)| place).collect();
        }
        self.places[index] = u32::try_from(place).ok();
        self.streams.push(Stream {
            program: program.fork(),
            rules: self.rules.iter().map(|rule| rules[*rule].fork()).collect(),
            course: Course::of(&self.links),
            cold: true,
            written: None,
            alive: !program.needs_series(),
            met: [0, 0],
        });
        place
    }
}
