//! The alert engine: from rules and a recording to events.
//!
//! [`Engine`] goes through the slots of all groups in slices of time. In a slice, stages of rules that may depend on
//! each other run one after the other; a rule's result is folded into alerts or recorded series; what was written is
//! visible to later readers as it would be on a server.

pub mod alert;
mod alerting;
pub(crate) mod bits;
mod build;
mod carry;
mod cause;
mod check;
mod collect;
pub mod condition;
pub mod conditions;
mod counts;
mod course;
mod episode;
mod event;
pub mod fold;
mod naming;
mod query;
mod record;
mod rows;
mod rule;
pub mod schedule;
mod sight;
pub mod silence;
mod stage;
mod targets;
#[cfg(test)]
mod tests;
mod timeline;
mod watch;
mod written;

use crate::diagnostic::Diagnostics;
use crate::labels::LabelSet;
use crate::promql::query::QueryOptions;
use crate::rules::RuleFile;
use crate::store::{Hidden, Reach, RowsId, Store};
use crate::time::{Millis, Timestamp};

use self::alert::State;
use self::alerting::Draft;
use self::counts::Total;
use self::naming::{Ask, External, Sample};
use self::query::Queries;
use self::rows::{RowClock, Rows};
use self::rule::{Body, RuleRun};
use self::schedule::{Align, Slots, TooManySteps};
use self::stage::{Run, Shared, Slice, Stage};
use self::written::WrittenSeries;

pub use self::check::check;
pub use self::counts::{FaultCount, RuleCounts};
pub use self::episode::{Began, End, Episode, Suppression};
pub use self::event::{Activity, Cause, Event, OpenAlert, Phase, RuleId};
pub use self::rule::FaultAt;
pub use self::schedule::GroupSchedule;
pub use self::timeline::{RuleClock, Timeline};
pub use self::watch::{Cost, Watch};
pub use self::written::WrittenSample;
pub(crate) use self::written::hidden_by;

/// How rules are evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineOptions {
    /// The interval of groups that give none; also the step of subqueries that give none.
    pub interval: Millis,
    /// How far an instant selector looks back.
    pub lookback: Millis,
    /// Where the slots of groups lie.
    pub align: Align,
    /// `$externalLabels` of templates.
    pub external_labels: LabelSet,
    /// `$externalURL` of templates.
    pub external_url: String,
    /// Whether metric names are dropped only at the end of an evaluation.
    pub delayed_names: bool,
    /// The first sample of the whole recording, where it lies before what the store will hold; that of the store when
    /// absent.
    pub first_sample: Option<Timestamp>,
    /// The first instant that may be a slot; the first sample when absent.
    pub start: Option<Timestamp>,
    /// The last instant that may be a slot; the last sample when absent.
    pub end: Option<Timestamp>,
    /// Whether all written series are written and kept for queries, read by a rule or not.
    pub keep_written: bool,
    /// How many threads evaluate, in the pool that the caller runs the engine in; the events are the same for any.
    pub threads: usize,
    /// Whether every fault and every written sample is told ([`Engine::take_faults`], [`Engine::take_written`]).
    pub trace: bool,
}

/// Prometheus' own defaults.
impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            interval: Millis(60_000),
            lookback: Millis(300_000),
            align: Align::Epoch,
            external_labels: LabelSet::empty(),
            external_url: String::new(),
            delayed_names: false,
            first_sample: None,
            start: None,
            end: None,
            keep_written: false,
            threads: 1,
            trace: false,
        }
    }
}

impl EngineOptions {
    /// Returns how the queries of templates are evaluated.
    fn query(&self) -> QueryOptions {
        QueryOptions { lookback: self.lookback, subquery_step: self.interval, delayed_names: self.delayed_names }
    }
}

/// What is known of a group from its file.
struct GroupInfo {
    name: String,
    interval_from_file: bool,
    schedule: usize,
}

/// What is known of a rule from its file.
struct RuleInfo {
    schedule: usize,
    query_offset: Millis,
    /// How long after the first sample its windows are full.
    warmth: Millis,
}

/// When the groups of one schedule are evaluated.
enum Schedule {
    /// At slots of one interval, known once the recording has begun.
    Slots { interval: Millis, slots: Option<Slots> },
    /// At the rows of each label set.
    Rows(RowClock),
}

impl Schedule {
    /// Makes one that has evaluated nothing: at the rows that a reader sees where there is no interval.
    fn new(interval: Option<Millis>, rows: Option<RowsId>) -> Self {
        match (interval, rows) {
            (None, Some(rows)) => Self::Rows(RowClock::new(rows)),
            (interval, _) => Self::Slots { interval: interval.unwrap_or_default(), slots: None },
        }
    }

    fn slots(&self) -> Option<Slots> {
        match self {
            Self::Slots { slots, .. } => *slots,
            Self::Rows(_) => None,
        }
    }

    /// Returns the distance of the slots; 0 for rows.
    fn interval(&self) -> Millis {
        match self {
            Self::Slots { interval, .. } => *interval,
            Self::Rows(_) => Millis::ZERO,
        }
    }

    /// Tells whether there is anything to evaluate up to and at a time.
    fn is_due(&self, recording: &Store, to: Timestamp) -> bool {
        match self {
            Self::Slots { slots, .. } => slots.is_some_and(|slots| slots.next() <= to),
            Self::Rows(clock) => !recording.events(clock.rows_id, clock.done, to).is_empty(),
        }
    }

    /// Returns the time up to which nothing is evaluated any more.
    fn evaluated(&self) -> Timestamp {
        match self {
            Self::Slots { slots: Some(slots), .. } => slots.next().minus(Millis(1)),
            Self::Slots { slots: None, .. } => Timestamp::MIN,
            Self::Rows(clock) => clock.done,
        }
    }

    /// Returns the first slot or row that was evaluated and the last one.
    fn range(&self) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Slots { slots, .. } => slots.and_then(|slots| Some((slots.first(), slots.last()?))),
            Self::Rows(clock) => clock.range,
        }
    }

    /// Returns how many slots or rows were evaluated.
    fn steps(&self) -> u64 {
        match self {
            Self::Slots { slots, .. } => slots.map_or(0, |slots| slots.taken()),
            Self::Rows(clock) => clock.rows,
        }
    }
}

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
        build::build(files, options, recording, false)
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
            written: WrittenSeries::new(Hidden::default(), false, false),
            external: External { labels: options.external_labels.clone(), url: options.external_url.clone() },
            queries: Queries::new(options.query(), Vec::new()),
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
    /// When a group would have more slots than [`crate::limits::STEPS`].
    pub fn advance(&mut self, recording: &Store, watermark: Timestamp) -> Result<(), TooManySteps> {
        if self.reach.pinned.is_some_and(|pinned| pinned > watermark) {
            return Ok(());
        }
        self.begin(recording, watermark);
        self.run_to(recording, watermark.minus(self.reach.ahead))
    }

    /// Evaluates the slots that are left, up to the last sample of the recording.
    ///
    /// # Errors
    /// When a group would have more slots than [`crate::limits::STEPS`].
    pub fn finish(&mut self, recording: &Store, last_sample: Timestamp) -> Result<(), TooManySteps> {
        self.begin(recording, last_sample);
        self.run_to(recording, last_sample)
    }

    /// Lays out the slots once the first sample is known.
    fn begin(&mut self, recording: &Store, watermark: Timestamp) {
        if self.start.is_some() {
            return;
        }
        let Some((found, _)) = recording.span().filter(|(first, _)| *first <= watermark) else { return };
        let first = self.options.first_sample.map_or(found, |first| first.min(found));
        self.start = Some(first);
        let from = self.options.start.unwrap_or(found);
        for schedule in &mut self.schedules {
            match schedule {
                Schedule::Slots { interval, slots } => {
                    *slots = Some(Slots::new(*interval, self.options.align, from, first));
                }
                Schedule::Rows(clock) => clock.done = from.minus(Millis(1)),
            }
        }
    }

    /// Evaluates all slots up to and at a time, slice by slice.
    fn run_to(&mut self, recording: &Store, to: Timestamp) -> Result<(), TooManySteps> {
        let to = self.options.end.map_or(to, |end| end.min(to));
        for group in &self.groups {
            if let Some(slots) = self.schedules[group.schedule].slots() {
                slots.check(&group.name, to)?;
            }
        }
        while self.schedules.iter().any(|schedule| schedule.is_due(recording, to)) {
            let until = self.slice_end().min(to);
            self.take_slice(recording, until);
            self.run_slice(recording);
        }
        for schedule in &mut self.schedules {
            if let Schedule::Rows(clock) = schedule
                && self.start.is_some()
            {
                clock.done = clock.done.max(to);
            }
        }
        Ok(())
    }

    /// Takes the slots and rows that come by up to a time.
    fn take_slice(&mut self, recording: &Store, until: Timestamp) {
        self.slice.slots.resize_with(self.schedules.len(), Vec::new);
        for (schedule, taken) in self.schedules.iter_mut().zip(&mut self.slice.slots) {
            taken.clear();
            match schedule {
                Schedule::Slots { slots: Some(slots), .. } => slots.take(until, taken),
                Schedule::Slots { slots: None, .. } => {}
                Schedule::Rows(clock) => self.slice.rows.take(recording, clock, until),
            }
        }
    }

    /// Evaluates all rules at the slots and rows that were taken.
    fn run_slice(&mut self, recording: &Store) {
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
        }
        self.tell(recording);
        let evaluated = self.evaluated();
        self.written.store.evict(evaluated);
    }

    /// Returns where the next slice ends: when the busiest schedule has come by as many slots as a block should have.
    fn slice_end(&self) -> Timestamp {
        let end = |(number, schedule): (usize, &Schedule)| {
            let slots = schedule.slots()?;
            let units = self.stages.iter().flat_map(|stage| &stage.units).filter(|unit| unit.schedule == number);
            let steps = units.map(|unit| unit.program.block_steps(unit.interval)).max().unwrap_or(1);
            Some(slots.after(i64::try_from(steps).unwrap_or(i64::MAX)))
        };
        self.schedules.iter().enumerate().filter_map(end).min().unwrap_or(Timestamp::MAX)
    }

    /// Makes events of the drafts of a slice.
    fn tell(&mut self, recording: &Store) {
        let mut drafts = std::mem::take(&mut self.drafts);
        drafts.sort_by(|a, b| {
            (a.event.at, a.event.rule)
                .cmp(&(b.event.at, b.event.rule))
                .then_with(|| a.event.labels.cmp(&b.event.labels))
        });
        for mut draft in drafts.drain(..) {
            if let Some((value, at)) = draft.annotate {
                let sample = Sample { labels: &draft.sample, value, at };
                draft.event.annotations = self.annotations(draft.event.rule, sample, recording);
            }
            self.events.push(draft.event);
        }
        self.drafts = drafts;
    }

    /// Expands the annotations of a rule for a sample.
    fn annotations(&self, rule: RuleId, sample: Sample<'_>, recording: &Store) -> Vec<(String, String)> {
        let written = (&self.written.store, self.written.writers.as_slice(), &self.written.hidden);
        let ask: &mut Ask<'_> =
            &mut |text, slot| self.queries.answer(rule.0 as usize, text, slot, recording, Some(written));
        let rule = self.rules[rule.0 as usize].alert_rule();
        rule.map_or_else(Vec::new, |rule| rule.naming.annotations(sample, &self.external, ask))
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

    /// Returns the alerts that are active after the last slot, by rule and labels.
    #[must_use]
    pub fn open(&self, recording: &Store) -> Vec<OpenAlert> {
        let mut open = Vec::new();
        for rule in self.runs() {
            let Body::Alerting(alerting) = &rule.body else { continue };
            for (labels, state, activity, sample) in alerting.active() {
                let annotations = match state {
                    State::Pending { active_at } => {
                        let sample = Sample { labels: sample, value: activity.value_active, at: active_at };
                        self.annotations(rule.id, sample, recording)
                    }
                    _ => Vec::new(),
                };
                let (labels, phase, activity) = (labels.clone(), state.phase(), *activity);
                debug_assert_ne!(phase, Phase::Inactive, "only active alerts are open");
                let warm_from = rule.warmed();
                open.push(OpenAlert { rule: rule.id, labels, phase, annotations, activity, warm_from });
            }
        }
        open.sort_by(|a, b| a.rule.cmp(&b.rule).then_with(|| a.labels.cmp(&b.labels)));
        open
    }

    /// Walks over all rules, those that are evaluated at rows once for each label set.
    fn runs(&self) -> impl Iterator<Item = &RuleRun> {
        let units = self.stages.iter().flat_map(|stage| &stage.units);
        self.rules.iter().chain(units.filter_map(|unit| unit.rows.as_ref()).flat_map(Rows::runs))
    }

    /// Hands the alerts that are active after the last slot to a timeline, as the end of a run does.
    pub fn close_into(&self, timeline: &mut Timeline, recording: &Store) {
        for open in self.open(recording) {
            let clock = self.clock(open.rule);
            timeline.push_open(open, &clock);
        }
    }

    /// Returns the time up to which nothing is evaluated any more: what no selector reaches from a later time may be
    /// evicted.
    #[must_use]
    pub fn evaluated(&self) -> Timestamp {
        // What a fixed `@` reads is read at the first slot.
        if self.reach.pinned.is_some() && self.schedules.iter().any(|schedule| schedule.range().is_none()) {
            return Timestamp::MIN;
        }
        let done = |(schedule, offset): (&Schedule, &Option<Millis>)| Some(schedule.evaluated().minus((*offset)?));
        self.schedules.iter().zip(&self.offsets).filter_map(done).min().unwrap_or(Timestamp::MIN)
    }

    /// Returns the first slot or row that was evaluated and the last one, over all groups.
    #[must_use]
    pub fn range(&self) -> Option<(Timestamp, Timestamp)> {
        let ranges = || self.schedules.iter().filter_map(Schedule::range);
        Some((ranges().map(|range| range.0).min()?, ranges().map(|range| range.1).max()?))
    }

    /// Returns the number of rules, over all files and groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Tells whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns when a rule was evaluated, as its episodes need to know.
    ///
    /// # Panics
    /// When there is no such rule.
    #[must_use]
    pub fn clock(&self, rule: RuleId) -> RuleClock {
        let info = &self.infos[rule.0 as usize];
        let schedule = &self.schedules[info.schedule];
        RuleClock {
            interval: schedule.interval(),
            warm_from: self.warm_from(info).unwrap_or(Timestamp::MIN),
            last: schedule.range().map_or(Timestamp::MIN, |range| range.1),
        }
    }

    /// Returns the first slot from which on all windows of a rule lie within the recording; of rows the first instant.
    fn warm_from(&self, info: &RuleInfo) -> Option<Timestamp> {
        let warm = self.start?.plus(info.warmth);
        let Some(slots) = self.schedules[info.schedule].slots() else { return Some(warm) };
        let warm = Slots::new(slots.interval(), Align::Offset(slots.offset()), warm, slots.first());
        Some(warm.first().max(slots.first()))
    }

    /// Returns what was counted of each rule, in their order.
    #[must_use]
    pub fn counts(&self, recording: &Store) -> Vec<RuleCounts> {
        let mut known = recording.metric_names();
        known.extend(self.rules.iter().flat_map(RuleRun::written_names));
        known.sort_unstable();
        let mut totals: Vec<Total> = vec![Total::default(); self.rules.len()];
        self.runs().for_each(|rule| totals[rule.id.0 as usize].counting.absorb(&rule.counting));
        for unit in self.stages.iter().flat_map(|stage| &stage.units) {
            let rows = unit.rows.as_ref().map(Rows::courses).into_iter().flatten();
            for course in std::iter::once(&unit.course).chain(rows) {
                for link in &unit.links {
                    let extremes = link.compared.and_then(|number| course.extremes(number));
                    totals[link.rule].add(course.evaluations, extremes);
                }
            }
        }
        let of = |(rule, info): (&RuleRun, &RuleInfo)| {
            let missing = rule.selected.iter().filter(|name| known.binary_search(&name.as_str()).is_err());
            let mut counts = totals[rule.id.0 as usize].counts();
            counts.warm_from = self.warm_from(info);
            counts.missing_metrics = missing.cloned().collect();
            counts
        };
        self.rules.iter().zip(&self.infos).map(of).collect()
    }

    /// Returns what each group was evaluated with, in their order.
    #[must_use]
    pub fn schedules(&self) -> Vec<GroupSchedule> {
        let of = |group: &GroupInfo| {
            let schedule = &self.schedules[group.schedule];
            GroupSchedule {
                interval: schedule.interval(),
                interval_from_file: group.interval_from_file,
                offset: schedule.slots().map(|slots| slots.offset()).unwrap_or_default(),
                steps: schedule.steps(),
            }
        };
        self.groups.iter().map(of).collect()
    }

    /// Returns how far from a slot the rules look, all taken together.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach
    }
}
