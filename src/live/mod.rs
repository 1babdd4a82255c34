//! Alert rules on values as they come: the engine of this crate, fed one snapshot at a time.
//!
//! ```
//! use alertctl::labels::LabelSet;
//! use alertctl::live::{AlertState, Live, NewRule};
//! use alertctl::time::{Millis, Timestamp};
//!
//! let mut live = Live::new();
//! live.add(NewRule::alert("CpuHigh", "cpu > 0.9")?.hold(Millis(30_000)).severity("critical"))?;
//! live.load("host.yml", "alertctl: 1\nrules: [{id: hot, metric: temp, above: 80}]")?;
//!
//! // A series is found once and named by a number from then on.
//! let cpu = live.series(&LabelSet::new([("__name__", "cpu"), ("host", "a")]));
//! let temp = live.series(&LabelSet::new([("__name__", "temp"), ("host", "a")]));
//!
//! let mut told = Vec::new();
//! for second in (0..60).step_by(15) {
//!     live.at(Timestamp(second * 1000)).set(cpu, 0.97).set(temp, 75.0);
//!     for event in live.evaluate() {
//!         told.push((event.at.0 / 1000, event.to.word(), event.labels.get("alertname").map(str::to_owned)));
//!     }
//! }
//! let name = || Some("CpuHigh".to_owned());
//! assert_eq!(told, [(0, "pending", name()), (30, "firing", name())]);
//! assert_eq!(live.alerts_in(AlertState::Firing)[0].severity(), "critical");
//! # Ok::<(), alertctl::live::LiveError>(())
//! ```
//! Time is what the caller says it is. A snapshot is what was set at one time; a rule sees of each label set what its
//! snapshot holds, and windows over the earlier ones, as in a recording that is evaluated at each row. Rules of a file
//! with an interval are evaluated at their slots, as the snapshots come by them.

mod rule;

use hashbrown::HashSet;

use crate::diagnostic::Diagnostics;
use crate::engine::{Activity, Engine, EngineOptions, Event, LimitReached, OpenAlert, Phase, RuleId};
use crate::labels::LabelSet;
use crate::rules::{Evaluate, Form, Group, Rule, RuleFile, load};
use crate::source::{FileId, FileSpan, SourceMap, Span};
use crate::store::{Batch, Conflicts, SeriesId, Store};
use crate::time::Timestamp;

pub use rule::{LiveError, NewRule};

/// What an alert is seen as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertState {
    /// Its condition holds, not yet for as long as it must.
    Pending,
    /// It is reported.
    Firing,
    /// It fires and somebody asked not to be notified; gone when the alert is resolved.
    Suppressed,
}

/// An alert that is active.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveAlert {
    /// Its labels, `alertname` among them.
    pub labels: LabelSet,
    /// What it is seen as.
    pub state: AlertState,
    /// Since when it is active and fires, and its values.
    pub activity: Activity,
}

impl LiveAlert {
    /// Returns the label `severity`, or an empty text.
    #[must_use]
    pub fn severity(&self) -> &str {
        self.labels.get("severity").unwrap_or("")
    }
}

/// Rules and the alerts that they make of snapshots.
pub struct Live {
    options: EngineOptions,
    /// The first one holds the rules that were made in code.
    files: Vec<RuleFile>,
    /// By rule, in the order of the files: a number that no other rule ever had.
    keys: Vec<u64>,
    next_key: u64,
    sources: SourceMap,
    engine: Engine,
    store: Store,
    batch: Batch,
    /// The time of the newest snapshot, and of the newest one that was evaluated.
    latest: Timestamp,
    evaluated: Timestamp,
    late: u64,
    events: Vec<Event>,
    suppressed: HashSet<LabelSet, foldhash::fast::FixedState>,
    refused: Option<LimitReached>,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    /// Makes an evaluator without rules.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(EngineOptions::default())
    }

    /// Makes an evaluator without rules that reads files of rules with these defaults.
    #[must_use]
    pub fn with_options(options: EngineOptions) -> Self {
        let at = FileSpan { file: FileId(0), span: Span::default() };
        let group = Group {
            name: rule::located("live"),
            evaluate: Evaluate::EveryRow,
            query_offset: None,
            limit: 0,
            rules: Vec::new(),
            at,
        };
        let mut sources = SourceMap::default();
        let file = sources.add("live", "");
        Self {
            engine: Engine::empty(options.clone()),
            options,
            files: vec![RuleFile { file, form: Form::Native, groups: vec![group] }],
            keys: Vec::new(),
            next_key: 0,
            sources,
            store: Store::new(Conflicts::Last),
            batch: Batch::default(),
            latest: Timestamp::MIN,
            evaluated: Timestamp::MIN,
            late: 0,
            events: Vec::new(),
            suppressed: HashSet::default(),
            refused: None,
        }
    }

    /// Adds a rule; those that are there go on undisturbed. Cost: all rules are bound again, and windows over what
    /// rules wrote begin again.
    ///
    /// # Errors
    /// When there is a rule of that name, or it cannot be evaluated; nothing is changed then.
    pub fn add(&mut self, rule: NewRule) -> Result<(), LiveError> {
        let name = &rule.rule.name.text;
        if self.rules().any(|held| held.name.text == *name) {
            return Err(LiveError::Exists(name.clone()));
        }
        let (mut files, mut keys) = (self.files.clone(), self.keys.clone());
        let own = &mut files[0].groups[0].rules;
        keys.insert(own.len(), self.next_key);
        own.push(rule.rule);
        self.rebuild(files, keys)
    }

    /// Adds the rules of a file, in either form; `name` stands for it in messages. Cost: as [`Live::add`].
    ///
    /// # Errors
    /// When the text has a mistake; nothing is changed then.
    pub fn load(&mut self, name: &str, text: &str) -> Result<(), LiveError> {
        let mut diagnostics = Diagnostics::default();
        let file = load(&mut self.sources, name, text.as_bytes(), &mut diagnostics);
        let file = file.filter(|_| !diagnostics.has_errors()).ok_or_else(|| LiveError::Rules(diagnostics.sorted()))?;
        let (mut files, mut keys) = (self.files.clone(), self.keys.clone());
        let count = file.groups.iter().map(|group| group.rules.len() as u64).sum();
        keys.extend(self.next_key..self.next_key.saturating_add(count));
        files.push(file);
        self.rebuild(files, keys)
    }

    /// Removes the rules of a name, and their alerts without an event; returns whether there was one. Cost: as
    /// [`Live::add`].
    ///
    /// # Errors
    /// When the rules that are left cannot be evaluated.
    pub fn remove(&mut self, name: &str) -> Result<bool, LiveError> {
        let gone: Vec<bool> = self.rules().map(|rule| rule.name.text == name).collect();
        let mut files = self.files.clone();
        for group in files.iter_mut().flat_map(|file| &mut file.groups) {
            group.rules.retain(|rule| rule.name.text != name);
        }
        let keys = self.keys.iter().zip(&gone).filter(|(_, gone)| !**gone).map(|(key, _)| *key).collect();
        let any = gone.contains(&true);
        if any {
            self.rebuild(files, keys)?;
        }
        Ok(any)
    }

    /// Has the rules of a name evaluated, or not any more: then their alerts are gone, without an event. Returns
    /// whether there is such a rule. Cost: as [`Live::add`].
    ///
    /// # Errors
    /// When a rule that was never enabled cannot be evaluated.
    pub fn set_enabled(&mut self, name: &str, enabled: bool) -> Result<bool, LiveError> {
        let mut files = self.files.clone();
        let rules = files.iter_mut().flat_map(|file| &mut file.groups).flat_map(|group| &mut group.rules);
        let (mut found, mut changed) = (false, false);
        for rule in rules.filter(|rule| rule.name.text == name) {
            found = true;
            changed |= std::mem::replace(&mut rule.enabled, enabled) != enabled;
        }
        if changed {
            self.rebuild(files, self.keys.clone())?;
        }
        Ok(found)
    }

    /// Walks over the rules: those made in code, then those of files.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.files.iter().flat_map(|file| &file.groups).flat_map(|group| &group.rules)
    }

    /// Rebuilds the engine for other rules and hands over to it what is active of those that stay.
    fn rebuild(&mut self, files: Vec<RuleFile>, keys: Vec<u64>) -> Result<(), LiveError> {
        // Tried on an empty store first, so that a mistake changes nothing.
        Engine::new(&files, self.options.clone(), &mut Store::default()).map_err(refused)?;
        self.store.forget_selectors();
        let mut engine = Engine::new(&files, self.options.clone(), &mut self.store).map_err(refused)?;
        let same = |old: RuleId| {
            let key = self.keys.get(old.0 as usize)?;
            let new = keys.iter().position(|new| new == key)?;
            u32::try_from(new).ok().map(RuleId)
        };
        self.engine.carry_into(&mut engine, &same);
        engine.go_on_after(&self.engine, self.evaluated, &self.store);
        self.next_key = keys.iter().map(|key| key + 1).max().unwrap_or(0).max(self.next_key);
        (self.engine, self.files, self.keys) = (engine, files, keys);
        Ok(())
    }

    /// Returns the number of a series, a new one if its labels were not seen. Cost: a hash of the labels.
    pub fn series(&mut self, labels: &LabelSet) -> SeriesId {
        self.store.series(labels)
    }

    /// Begins a snapshot. What is set in it counts from the next [`Live::evaluate`] on; a time that is not after the
    /// latest evaluation, or is before an earlier snapshot, is too late: nothing of it counts ([`Live::late`]).
    pub fn at(&mut self, time: Timestamp) -> Snapshot<'_> {
        let late = time <= self.evaluated || time < self.latest;
        if !late {
            self.latest = time;
        }
        Snapshot { live: self, time, late }
    }

    /// Evaluates all rules at the snapshots since the last call and returns what changed, by time, rule and labels.
    /// Cost: once warm no memory is asked for while nothing changes.
    pub fn evaluate(&mut self) -> &[Event] {
        self.events.clear();
        if self.batch.is_empty() {
            return &self.events;
        }
        let taken = self.store.append(&self.batch);
        debug_assert!(taken.is_ok(), "what comes late is not taken into a batch");
        self.batch.clear();
        self.evaluated = self.latest;
        if let Err(error) = self.engine.advance(&self.store, self.latest) {
            self.refused.get_or_insert(error);
        }
        self.engine.take_events_into(&mut self.events);
        if !self.suppressed.is_empty() {
            for event in self.events.iter().filter(|event| event.to == Phase::Inactive) {
                self.suppressed.remove(&event.labels);
            }
        }
        // Without rules nothing is left to be evaluated.
        self.store.evict(if self.keys.is_empty() { self.latest } else { self.engine.evaluated() });
        &self.events
    }

    /// Returns how many values came too late.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Returns why rules with an interval are not evaluated any more: the snapshots are too far apart, or the rules
    /// write too many series.
    #[must_use]
    pub fn refused(&self) -> Option<&LimitReached> {
        self.refused.as_ref()
    }

    /// Returns the alerts that are active, by rule and labels.
    #[must_use]
    pub fn alerts(&self) -> Vec<LiveAlert> {
        let seen = |OpenAlert { labels, phase, activity, .. }: OpenAlert| {
            let state = match phase {
                Phase::Firing if self.suppressed.contains(&labels) => AlertState::Suppressed,
                Phase::Firing => AlertState::Firing,
                Phase::Pending | Phase::Inactive => AlertState::Pending,
            };
            LiveAlert { labels, state, activity }
        };
        self.engine.open(&self.store).into_iter().map(seen).collect()
    }

    /// Returns the alerts that are in a state, by rule and labels.
    #[must_use]
    pub fn alerts_in(&self, state: AlertState) -> Vec<LiveAlert> {
        let mut alerts = self.alerts();
        alerts.retain(|alert| alert.state == state);
        alerts
    }

    /// Returns the active alerts with this label `severity`, by rule and labels.
    #[must_use]
    pub fn alerts_of(&self, severity: &str) -> Vec<LiveAlert> {
        let mut alerts = self.alerts();
        alerts.retain(|alert| alert.severity() == severity);
        alerts
    }

    /// Suppresses a firing alert until it is resolved; returns whether there is one with these labels.
    pub fn suppress(&mut self, labels: &LabelSet) -> bool {
        let fires = self.engine.open(&self.store).iter().any(|one| one.phase == Phase::Firing && one.labels == *labels);
        if fires {
            self.suppressed.insert(labels.clone());
        }
        fires
    }

    /// Has a suppressed alert told again; returns whether it was suppressed.
    pub fn unsuppress(&mut self, labels: &LabelSet) -> bool {
        self.suppressed.remove(labels)
    }
}

fn refused(found: Diagnostics) -> LiveError {
    LiveError::Rules(found.sorted())
}

/// The values of one time, while they are set.
pub struct Snapshot<'a> {
    live: &'a mut Live,
    time: Timestamp,
    late: bool,
}

impl Snapshot<'_> {
    /// Sets the value of a series; the last one counts.
    pub fn set(&mut self, series: SeriesId, value: f64) -> &mut Self {
        if self.late {
            self.live.late += 1;
        } else {
            self.live.batch.push(series, self.time, value, 0);
        }
        self
    }
}

#[cfg(test)]
mod tests;
