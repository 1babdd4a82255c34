//! The alert engine: from rules and a recording to events.
//!
//! [`Engine`] goes through the slots of all groups in slices of time. In a slice, stages of rules that may depend on
//! each other run one after the other; a rule's result is folded into alerts or recorded series; what was written is
//! visible to later readers as it would be on a server.

mod agreement;
pub mod alert;
mod alerting;
mod anew;
pub(crate) mod bits;
mod build;
mod cause;
mod check;
mod collect;
pub mod condition;
pub mod conditions;
mod costs;
mod counts;
mod course;
mod draft;
mod episode;
mod evaluate;
mod event;
pub mod fold;
mod limit;
mod live;
mod naming;
mod open;
mod options;
mod ordered;
mod query;
mod record;
pub(crate) mod resume;
mod rows;
mod rule;
mod schedule;
pub mod silence;
mod slice;
mod slots;
mod stage;
pub mod stretch;
mod targets;
#[cfg(test)]
mod tests;
mod timeline;
mod unit;
#[cfg(feature = "input")]
mod view;
mod watch;
mod written;

use crate::diagnostic::Diagnostics;
use crate::promql::query::SampleValue;
use crate::rules::RuleFile;
use crate::store::{Hidden, Reach, Store};
use crate::time::{Millis, Timestamp};

use self::alerting::AlertRule;
use self::draft::Draft;
use self::evaluate::{Run, Shared};
use self::naming::{Ask, External, Sample};
use self::query::Queries;
use self::resume::Resumed;
use self::rows::Rows;
use self::rule::RuleRun;
use self::schedule::{GroupInfo, RuleInfo, Schedule};
use self::slice::Slice;
use self::stage::Stage;
use self::written::WrittenSeries;

pub use self::agreement::{Agreement, Difference, Examples};
pub use self::check::check;
pub(crate) use self::check::refused;
pub(crate) use self::counts::Counting;
pub use self::counts::{AnnotationCount, FaultCount, RuleCounts};
pub use self::episode::{Began, End, Episode, Suppression};
pub use self::event::{Activity, Cause, Event, OpenAlert, Phase, RuleId};
pub use self::limit::{LimitReached, TooManySeries, TooManySteps};
pub(crate) use self::live::ActiveAlert;
pub use self::options::EngineOptions;
pub use self::rule::FaultAt;
pub use self::schedule::GroupSchedule;
pub use self::slots::Align;
pub use self::timeline::{RuleClock, Timeline};
pub use self::watch::{Cost, Watch};
pub use self::written::WrittenSample;
#[cfg(feature = "profile")]
pub(crate) use self::written::hidden_by;

/// Evaluates rules on a recording that comes in pieces.
///
/// The caller appends samples to a store, calls [`Engine::advance`] with the time up to which they are complete, takes
/// the events, lets the store evict what was evaluated ([`Engine::evaluated`]), and in the end calls
/// [`Engine::finish`]. However the recording is cut, the events are the same. Memory does not grow with its length.
pub struct Engine {
    options: EngineOptions,
    groups: Vec<GroupInfo>,
    infos: Vec<RuleInfo>,
    rules: Vec<RuleRun>,
    stages: Vec<Stage>,
    schedules: Vec<Schedule>,
    /// By schedule: the longest query offset of its rules, if it has any.
    offsets: Vec<Option<Millis>>,
    reach: Reach,
    written: WrittenSeries,
    external: External,
    queries: Queries,
    /// The first sample.
    start: Option<Timestamp>,
    faults: Option<Vec<FaultAt>>,
    slice: Slice,
    drafts: Vec<Draft>,
    events: Vec<Event>,
}

impl Engine {
    /// Makes an engine of rule files, in the order that decides which rule sees what another writes, and registers with
    /// the recording, before anything is read into it, what the rules select. What they write they read as they wrote
    /// it: series of those metric names in the recording are not seen by this engine.
    ///
    /// # Errors
    /// Where expressions can never be evaluated.
    pub fn new(files: &[RuleFile], options: EngineOptions, recording: &mut Store) -> Result<Self, Diagnostics> {
        build::build(files, options, recording, false, None)
    }

    /// Makes an engine of rule files like [`Engine::new`] that goes on where another one on the same recording stopped.
    ///
    /// # Errors
    /// Where expressions can never be evaluated.
    pub(crate) fn resume(
        files: &[RuleFile],
        options: EngineOptions,
        recording: &mut Store,
        resumed: Resumed,
    ) -> Result<Self, Diagnostics> {
        build::build(files, options, recording, false, Some(resumed))
    }

    /// Makes an engine without rules.
    pub(crate) fn empty(options: EngineOptions) -> Self {
        Self {
            groups: Vec::new(),
            infos: Vec::new(),
            rules: Vec::new(),
            stages: Vec::new(),
            schedules: Vec::new(),
            offsets: Vec::new(),
            reach: Reach::default(),
            written: WrittenSeries::new(Hidden::default(), false, options.history, false),
            external: External { labels: options.external_labels.clone(), url: options.external_url.clone() },
            queries: Queries::new(options.query(), options.history, std::iter::empty()),
            start: None,
            faults: None,
            slice: Slice::default(),
            drafts: Vec::new(),
            events: Vec::new(),
            options,
        }
    }

    /// Evaluates all slots for which the recording is complete, given that no sample stamped at or before `watermark`
    /// will still come.
    ///
    /// # Errors
    /// When a group would have more slots than [`crate::limits::STEPS`], or the rules write more series than
    /// [`crate::limits::WRITTEN_SERIES`].
    pub fn advance(&mut self, recording: &Store, watermark: Timestamp) -> Result<(), LimitReached> {
        let endless = self.options.history.is_some();
        if !endless && self.reach.pinned.is_some_and(|pinned| pinned > watermark) {
            return Ok(());
        }
        if endless && self.options.end.is_none() && self.schedules.iter().all(Schedule::takes_all) {
            return self.advance_at_once(recording, watermark);
        }
        self.begin(recording, watermark);
        for schedule in &mut self.schedules {
            if endless && schedule.is_pinned_after(watermark) {
                schedule.skip(watermark);
            } else {
                schedule.allow(watermark);
            }
        }
        self.run(recording)
    }

    /// Returns whether slots up to a time are as many as are best evaluated at once.
    #[must_use]
    pub fn has_block(&self, watermark: Timestamp) -> bool {
        let due = |number: usize| self.schedules[number].slots().map_or(0, |slots| slots.due(watermark));
        let mut units = self.stages.iter().flat_map(|stage| &stage.units);
        units.any(|unit| due(unit.schedule) >= unit.program.block_steps(unit.interval) as i64)
    }

    /// Evaluates all rows and snapshots up to a time, of a recording without an end: what [`Engine::run`] comes to where
    /// there are no slots and nothing is waited for, without asking each schedule again and again.
    fn advance_at_once(&mut self, recording: &Store, watermark: Timestamp) -> Result<(), LimitReached> {
        self.slice.fit(self.schedules.len());
        let mut is_due = false;
        let taken = self.slice.slots.iter_mut().zip(&mut self.slice.rows);
        for (schedule, (slots, rows)) in self.schedules.iter_mut().zip(taken) {
            schedule.allow(watermark);
            schedule.take(recording, watermark, slots, rows);
            is_due |= !slots.is_empty() || !rows.ordered.is_empty();
        }
        if is_due { self.run_slice(recording) } else { Ok(()) }
    }

    /// Evaluates the slots that are left, up to the last sample of the recording.
    ///
    /// # Errors
    /// When a group would have more slots than [`crate::limits::STEPS`], or the rules write more series than
    /// [`crate::limits::WRITTEN_SERIES`].
    pub fn finish(&mut self, recording: &Store, last_sample: Timestamp) -> Result<(), LimitReached> {
        self.begin(recording, last_sample);
        self.schedules.iter_mut().for_each(|schedule| schedule.allow_all(last_sample));
        self.run(recording)
    }

    /// Lays out the slots once the first sample is known.
    fn begin(&mut self, recording: &Store, watermark: Timestamp) {
        if self.start.is_some() || self.options.history.is_some() {
            return;
        }
        let Some((found, _)) = recording.span().filter(|(first, _)| *first <= watermark) else { return };
        let first = self.options.first_sample.map_or(found, |first| first.min(found));
        self.start = Some(first);
        let from = self.options.start.unwrap_or(found);
        self.schedules.iter_mut().for_each(|schedule| schedule.begin(self.options.align, from, first));
    }

    /// Lays out the slots of a recording without an end, which begins at a time.
    pub(crate) fn begin_at(&mut self, first: Timestamp) {
        self.start = Some(first);
        self.schedules.iter_mut().for_each(|schedule| schedule.begin(self.options.align, first, first));
    }

    /// Evaluates all that the schedules allow, slice by slice.
    fn run(&mut self, recording: &Store) -> Result<(), LimitReached> {
        if let Some(end) = self.options.end {
            self.schedules.iter_mut().for_each(|schedule| schedule.allow_all(end.min(schedule.until())));
        }
        if self.options.history.is_some() {
            self.catch_up();
        } else {
            for group in &self.groups {
                let schedule = &self.schedules[group.schedule];
                if let Some(slots) = schedule.slots() {
                    slots.check(&group.name, schedule.until())?;
                }
            }
        }
        while self.schedules.iter().any(|schedule| schedule.is_due(recording)) {
            let until = self.slice_end(recording);
            self.take_slice(recording, until);
            self.run_slice(recording)?;
        }
        if self.start.is_some() {
            self.schedules.iter_mut().for_each(Schedule::pass);
        }
        Ok(())
    }

    /// Passes over slots that are too many to be evaluated at once, and counts them as failed.
    fn catch_up(&mut self) {
        for (number, schedule) in self.schedules.iter_mut().enumerate() {
            let (from, passed) = (schedule.evaluated(), schedule.catch_up());
            if passed > 0 {
                let infos = self.infos.iter().zip(&mut self.rules).filter(|(info, _)| info.schedule == number);
                for (_, rule) in infos {
                    rule.counting.passed_over((from, schedule.evaluated()), passed.unsigned_abs());
                }
            }
        }
    }

    /// Takes the slots and rows that come by up to a time.
    fn take_slice(&mut self, recording: &Store, until: Timestamp) {
        self.slice.fit(self.schedules.len());
        for ((schedule, taken), rows) in self.schedules.iter_mut().zip(&mut self.slice.slots).zip(&mut self.slice.rows)
        {
            schedule.take(recording, until, taken, rows);
        }
    }

    /// Evaluates all rules at the slots and rows that were taken.
    fn run_slice(&mut self, recording: &Store) -> Result<(), LimitReached> {
        for stage in &mut self.stages {
            let mut run = Run {
                recording,
                written: &mut self.written,
                rules: &mut self.rules,
                shared: Shared {
                    external: &self.external,
                    queries: &self.queries,
                    drafts: &mut self.drafts,
                    faults: self.faults.as_mut(),
                },
            };
            stage.run(&self.slice, &mut run);
            if let Some(rule) = self.written.overfull.take() {
                let run = &mut self.rules[rule.0 as usize];
                let refused = run.too_many_series();
                if self.options.history.is_none() {
                    return Err(refused.into());
                }
                let evaluated = self.schedules[self.infos[rule.0 as usize].schedule].until();
                run.counting.failed(evaluated, &refused.to_string());
            }
        }
        self.written.quiet = self.written.quiet.saturating_add(u32::from(self.written.store.is_empty()));
        self.make_events(recording);
        let evaluated = self.evaluated();
        self.written.store.evict(evaluated);
        if self.may_bind_anew() && self.written.store.is_crowded() {
            self.bind_anew();
        }
        Ok(())
    }

    /// Returns where the next slice ends: when the busiest schedule has come by as many slots as a block should have,
    /// or fewer where rules write many series, which are held for a whole slice.
    fn slice_end(&self, recording: &Store) -> Timestamp {
        let end = |(number, schedule): (usize, &Schedule)| {
            let slots = schedule.slots().filter(|_| schedule.is_due(recording))?;
            let writes = self.rules.iter().any(|rule| rule.writer.is_some());
            let most = if writes { self.written.slice_steps() } else { usize::MAX };
            let units = self.stages.iter().flat_map(|stage| &stage.units).filter(|unit| unit.schedule == number);
            let steps = units.map(|unit| unit.program.block_steps(unit.interval)).max().unwrap_or(1).min(most);
            Some(slots.after(i64::try_from(steps).unwrap_or(i64::MAX)))
        };
        self.schedules.iter().enumerate().filter_map(end).min().unwrap_or(Timestamp::MAX)
    }

    /// Makes events of the drafts of a slice.
    fn make_events(&mut self, recording: &Store) {
        if self.drafts.is_empty() {
            return;
        }
        let mut drafts = std::mem::take(&mut self.drafts);
        draft::sort(&mut drafts);
        let together = |a: &Draft, b: &Draft| (a.event.at, a.event.rule) == (b.event.at, b.event.rule);
        let annotated = |drafts: &[Draft]| drafts.iter().filter(|draft| draft.annotate.is_some()).count();
        let evaluations: Vec<(usize, usize)> =
            drafts.chunk_by(together).map(|drafts| (drafts.len(), annotated(drafts))).collect();
        let mut rest = drafts.drain(..);
        for (events, annotated) in evaluations {
            for mut draft in rest.by_ref().take(events) {
                if let Some((value, at)) = draft.annotate {
                    let value = SampleValue::of(value, draft.event.histogram.as_ref());
                    let sample = Sample { labels: &draft.sample, value: &value, at };
                    draft.event.annotations = self.annotations(draft.event.rule, annotated, sample, recording);
                }
                self.events.push(draft.event);
            }
        }
        drop(rest);
        self.drafts = drafts;
    }

    /// Expands the annotations of a rule for a sample, one of so many at one evaluation.
    fn annotations(
        &self,
        rule: RuleId,
        together: usize,
        sample: Sample<'_>,
        recording: &Store,
    ) -> Vec<(String, String)> {
        let written = (&self.written.store, self.written.writers.as_slice(), &self.written.hidden);
        let ask: &mut Ask<'_> =
            &mut |text, slot| self.queries.answer(rule.0 as usize, text, slot, recording, Some(written));
        let rule = self.rules[rule.0 as usize].alert_rule();
        rule.map_or_else(Vec::new, |AlertRule { naming, .. }| {
            naming.annotations(naming.annotation_share(together), sample, &self.external, ask)
        })
    }

    /// Hands over the events since the last call, by time, rule and labels.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Writes the events since the last call over those of a list; its memory is used again.
    pub fn take_events_into(&mut self, events: &mut Vec<Event>) {
        events.clear();
        std::mem::swap(&mut self.events, events);
    }

    /// Hands the events since the last call to a timeline.
    pub fn drain_into(&mut self, timeline: &mut Timeline) {
        for event in self.take_events() {
            let clock = self.clock(event.rule);
            timeline.push(event, &clock);
        }
    }

    /// Hands over every failed evaluation since the last call, if [`EngineOptions::trace`] is set.
    pub fn take_faults(&mut self) -> Vec<FaultAt> {
        self.faults.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Hands over everything that was written since the last call, if [`EngineOptions::trace`] is set: each rule's
    /// samples and stale markers ascend by series.
    pub fn take_written(&mut self) -> Vec<WrittenSample> {
        self.written.trace.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Returns the store of the series that rules wrote; it holds what rules may still read, or all with
    /// [`EngineOptions::keep_written`].
    #[must_use]
    pub fn written(&self) -> &Store {
        &self.written.store
    }

    /// Returns how recording rules compare with recorded series of the metrics that they write, by metric; only those
    /// that are recorded, and only with [`EngineOptions::compare`].
    #[must_use]
    pub fn agreements(&self, recording: &Store) -> Vec<Agreement> {
        agreement::of(self.runs(), recording)
    }

    /// Returns the time up to which nothing is evaluated any more: what no selector reaches from a later time may be
    /// evicted.
    #[must_use]
    pub fn evaluated(&self) -> Timestamp {
        // What a fixed `@` reads is read at the first slot.
        if self.options.history.is_none()
            && self.reach.pinned.is_some()
            && self.schedules.iter().any(|schedule| schedule.range().is_none())
        {
            return Timestamp::MIN;
        }
        let done = |(schedule, offset): (&Schedule, &Option<Millis>)| Some(schedule.evaluated().minus((*offset)?));
        self.schedules.iter().zip(&self.offsets).filter_map(done).min().unwrap_or(Timestamp::MIN)
    }

    /// Returns the number of rules, over all files and groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Returns whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns how far from a slot the rules look, all taken together.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Walks over all rules, those that are evaluated at rows once for each label set.
    pub(super) fn runs(&self) -> impl Iterator<Item = &RuleRun> {
        let units = self.stages.iter().flat_map(|stage| &stage.units);
        self.rules.iter().chain(units.filter_map(|unit| unit.rows.as_ref()).flat_map(Rows::runs))
    }
}
