//! From one engine to the next: what goes on when rules change, when a store is made anew, or when a process starts
//! again. To the rules that stay nothing has happened.

use crate::labels::LabelSet;
use crate::store::{Apart, Samples, SeriesId, Store, is_stale};
use crate::time::{Millis, Timestamp};

use super::Engine;
use super::alert::Tracker;
use super::counts::Counting;
use super::event::RuleId;
use super::rows::Rows;
use super::rule::RuleRun;
use super::schedule::Beat;
use super::slots::{Align, Slots};
use super::written::Stamping;

/// What an engine was when it stopped.
#[derive(Clone, Debug, Default)]
pub(crate) struct EngineState {
    /// By rule.
    pub rules: Vec<RuleState>,
    /// What rules wrote.
    pub written: Vec<WrittenState>,
}

/// What a rule was.
#[derive(Clone, Debug)]
pub(crate) struct RuleState {
    /// Whether it is evaluated for each label set by itself.
    pub by_rows: bool,
    /// All up to this time was evaluated.
    pub done: Timestamp,
    /// It sees nothing that is stamped at or before it.
    pub after: Timestamp,
    /// What it was on all series, or on each label set by itself.
    pub runs: Vec<(Option<LabelSet>, RunState)>,
}

/// What a rule was on the series that it is evaluated on.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunState {
    pub first_row: Option<Timestamp>,
    pub warm_from: Option<Timestamp>,
    pub counting: Counting,
    pub alerts: Vec<AlertState>,
    /// The series that the last evaluation wrote.
    pub recorded: Vec<LabelSet>,
}

/// What an alert was.
#[derive(Clone, Debug)]
pub(crate) struct AlertState {
    pub labels: LabelSet,
    /// Labels of the sample that made it active.
    pub sample: LabelSet,
    pub tracker: Tracker,
    /// Which of the series that tell of it the last evaluation wrote, if any were ever written.
    pub written: Option<[bool; 3]>,
}

/// A series that a rule wrote.
#[derive(Clone, Debug)]
pub(crate) struct WrittenState {
    /// The rule, by its place.
    pub rule: usize,
    pub labels: LabelSet,
    /// The newest stamp, and the bits of its value.
    pub newest: (Timestamp, u64),
    pub times: Vec<Timestamp>,
    pub values: Vec<f64>,
    /// What is held apart from them.
    pub held: Vec<Apart>,
}

/// Where an engine begins.
#[derive(Clone, Debug)]
pub(crate) struct Resumed {
    /// The first time of all.
    pub start: Timestamp,
    /// What was evaluated before a rule came that is new.
    pub now: Timestamp,
    /// A rule that is new sees nothing that is stamped at or before it.
    pub after: Timestamp,
    /// By rule of the engine to be: what it was; none for one that is new.
    pub rules: Vec<Option<RuleState>>,
    /// What rules wrote that are still there, each with its place in the engine to be.
    pub written: Vec<WrittenState>,
}

impl Resumed {
    /// Returns up to which time a rule was evaluated, and what it does not see. Series that tell of alerts are written
    /// only while somebody reads them: one that is new and reads them sees none of before, whoever else reads them.
    pub(super) fn place(&self, rule: usize, reads_alerts: bool) -> (Timestamp, Timestamp) {
        match self.rules.get(rule).and_then(Option::as_ref) {
            Some(state) => (state.done, state.after),
            None if reads_alerts => (self.now, self.now),
            None => (self.now, self.after),
        }
    }

    /// Returns the last time before the next step after one: all times up to it are the same to a rule.
    pub(super) fn before_next(&self, done: Timestamp, beat: Beat, align: Align) -> Timestamp {
        match beat {
            Beat::Every(interval) => {
                let slots = Slots::new(interval, align, done.plus(Millis(1)), self.start);
                slots.next().minus(Millis(1))
            }
            Beat::Rows | Beat::Snapshots => done,
        }
    }
}

impl Engine {
    /// Returns all that the next engine needs to go on. What ended long ago is left behind.
    pub(crate) fn state(&self, recording: &Store) -> EngineState {
        // Nothing is evaluated before the first time, however long a rule waits.
        let before_start = self.start.map_or(Timestamp::MIN, |start| start.minus(Millis(1)));
        let state = |rule: &RuleRun| {
            let info = &self.infos[rule.id.0 as usize];
            let schedule = &self.schedules[info.schedule];
            let by_rows = schedule.is_by_rows();
            let runs = if by_rows { Vec::new() } else { vec![(None, rule.state())] };
            let done = info.done.max(schedule.until()).max(before_start);
            RuleState { by_rows, done, after: info.after, runs }
        };
        let mut rules: Vec<RuleState> = self.rules.iter().map(state).collect();
        for rows in self.stages.iter().flat_map(|stage| &stage.units).filter_map(|unit| unit.rows.as_ref()) {
            for (id, rule) in rows.by_label_set() {
                if let Some(labels) = recording.label_set(id) {
                    rules[rule.id.0 as usize].runs.push((Some(labels.clone()), rule.state()));
                }
            }
        }
        EngineState { rules, written: self.written_state() }
    }

    fn written_state(&self) -> Vec<WrittenState> {
        let store = &self.written.store;
        let mut rules = vec![0; self.rules.len()];
        for (rule, run) in self.rules.iter().enumerate() {
            if let Some(writer) = run.writer {
                rules[writer as usize] = rule;
            }
        }
        let evaluated = self.evaluated();
        let held = store.ids().filter(|id| !self.is_over(*id, evaluated)).map(|id| {
            let Samples { times, values } = store.reachable(id);
            WrittenState {
                rule: rules[self.written.writers[id.0 as usize] as usize],
                labels: store.labels(id).clone(),
                newest: self.written.newest(id),
                times: times.to_vec(),
                values: values.to_vec(),
                held: store.held_apart(id),
            }
        });
        held.collect()
    }

    /// Returns whether a series that a rule wrote ended so long ago that no rule sees it.
    fn is_over(&self, id: SeriesId, evaluated: Timestamp) -> bool {
        let store = &self.written.store;
        let Samples { times, values } = store.reachable(id);
        let newest = times.last().zip(values.last());
        newest.is_none_or(|(last, value)| is_stale(*value) && *last <= evaluated.minus(store.reach_back(id)))
    }

    /// Returns whether many series that rules wrote are over, or many rows of results: the next engine begins without them.
    /// Labels may have values in them, as those of `count_values` do, so that there are ever new ones. Cost: a look at each
    /// rule, and at each such series where there are a quarter more than at the last one.
    pub(crate) fn is_worn(&mut self) -> bool {
        let mut units = self.stages.iter().flat_map(|stage| &stage.units);
        units.any(|unit| unit.program.is_worn() || unit.rows.as_ref().is_some_and(Rows::is_worn))
            || self.has_worn_series()
    }

    /// Returns whether half of the series that rules wrote are over, where there are more than a few.
    fn has_worn_series(&mut self) -> bool {
        let all = self.written.store.len();
        if all <= self.written.room {
            return false;
        }
        let evaluated = self.evaluated();
        let over = self.written.store.ids().filter(|id| self.is_over(*id, evaluated)).count();
        self.written.room = all + all / 4;
        over * 2 >= all
    }

    /// Puts an engine that has evaluated nothing into the state of another one.
    pub(super) fn take_state(&mut self, resumed: Resumed, recording: &Store) {
        self.begin_at(resumed.start);
        for (rule, state) in (0..).map(RuleId).zip(resumed.rules) {
            for (on, run) in state.into_iter().flat_map(|state| state.runs) {
                match on {
                    None => self.rules[rule.0 as usize].resume(run),
                    Some(labels) => self.resume_rows(rule, &labels, run, recording),
                }
            }
        }
        for WrittenState { rule, labels, newest, times, values, held } in resumed.written {
            let run = &self.rules[rule];
            if let Some(writer) = run.writer {
                let stamping = Stamping { rule: run.id, writer, slots: &[], query_offset: run.query_offset };
                self.written.resume((&labels, newest), Samples { times: &times, values: &values }, held, stamping);
            }
        }
    }

    fn resume_rows(&mut self, rule: RuleId, labels: &LabelSet, run: RunState, recording: &Store) {
        let Some(id) = recording.find_label_set(labels) else { return };
        for unit in self.stages.iter_mut().flat_map(|stage| &mut stage.units) {
            if let Some(rows) = &mut unit.rows
                && let Some(found) = rows.rule_on(&unit.program, id, rule, &self.rules)
            {
                found.resume(run);
                if found.is_active() {
                    rows.wake(id);
                }
                return;
            }
        }
    }
}
