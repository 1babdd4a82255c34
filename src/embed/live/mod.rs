//! Alert rules on values as they arrive.

mod codec;
mod event;
#[cfg(feature = "profile")]
mod held;
mod options;
mod query;
mod rebuild;
mod save;
mod series;
mod snapshot;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use hashbrown::HashSet;

use crate::engine::{self, ActiveAlert, Engine, Phase};
use crate::labels::LabelSet;
use crate::store::{LabelSetId, Sample, SeriesId, Store, stale_marker};
use crate::time::Timestamp;

use self::rebuild::Bound;
use self::series::SeriesTable;
use self::snapshot::Clock;
use super::alert::{AlertState, Fault};
use super::diagnostic::LoadError;
use super::new_rule::NewRule;
use super::rule_set::{FileHandle, RuleHandle, RuleSet};

pub use self::event::{Alert, AlertKey, Event};
#[cfg(feature = "profile")]
pub(crate) use self::held::Held;
pub use self::options::LiveOptions;
pub use self::query::{QueryError, Value};
pub use self::save::RestoreError;
pub use self::series::Series;
pub use self::snapshot::Snapshot;

/// Evaluates rules on values as they arrive, and returns the changes of alerts.
///
/// Time is what the caller says it is. A snapshot is the values that are set at one time, with [`Live::at`]. At each
/// snapshot the rules are evaluated on the newest value of every series; rules of a Prometheus file are evaluated at
/// the intervals of their groups.
///
/// ```
/// use std::time::Duration;
/// use alertctl::{AlertState, Cause, LabelSet, Live, NewRule, Timestamp};
///
/// let mut live = Live::new();
/// live.add(NewRule::alert("CpuHigh", "cpu > 0.9").hold(Duration::from_secs(30)).label("severity", "critical"))?;
/// let cpu = live.series(&LabelSet::new([("__name__", "cpu"), ("host", "a")]));
///
/// let mut told = Vec::new();
/// for second in (0..60).step_by(15) {
///     live.at(Timestamp(second * 1000)).set(&cpu, 0.97);
///     told.extend(live.evaluate().iter().map(|event| format!("{} s: {}", event.at().0 / 1000, event.to())));
/// }
/// assert_eq!(told, ["0 s: pending", "30 s: firing"]);
///
/// // The host is gone: after five minutes without a value its series has ended, and so has the alert.
/// let events = live.advance(Timestamp(3_600_000));
/// assert_eq!(events[0].at(), Timestamp(345_000));
/// assert_eq!((events[0].to(), events[0].cause()), (AlertState::Inactive, Some(Cause::SeriesEnded)));
/// assert!(live.alerts().is_empty());
/// # Ok::<(), alertctl::LoadError>(())
/// ```
///
/// Rules can be added, removed, enabled and disabled at any time: the events of other rules do not change. What goes
/// wrong while it runs is counted by [`Live::faults`]; nothing here panics or stops.
pub struct Live {
    options: LiveOptions,
    rules: RuleSet,
    /// The version of the rules that the engine was built of.
    built: u64,
    /// By rule of the engine.
    bound: Vec<Bound>,
    engine: Engine,
    store: Store,
    table: SeriesTable,
    /// What was set and is not evaluated.
    batch: Vec<Sample>,
    /// Whether it may have to be sorted by time.
    disordered: bool,
    clock: Clock,
    /// Label sets all of whose series ended, and on which alerts may go on that are evaluated for each by itself.
    over: Vec<LabelSetId>,
    /// Series that end, and when, in what is not evaluated.
    ends: Vec<(Timestamp, SeriesId)>,
    /// Series to be forgotten with the next snapshot, unless they are set.
    leaving: Vec<u32>,
    /// What happened and was not returned.
    told: Vec<Event>,
    events: Vec<engine::Event>,
    suppressed: HashSet<AlertKey, foldhash::fast::FixedState>,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rules, series, latest) = (&self.rules, self.store.len(), self.clock.latest());
        f.debug_struct("Live").field("rules", rules).field("series", &series).field("latest", &latest).finish()
    }
}

impl Live {
    /// Makes an evaluator without rules, with the default options.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(LiveOptions::default())
    }

    /// Makes an evaluator without rules, with options.
    #[must_use]
    pub fn with_options(options: LiveOptions) -> Self {
        let rules = RuleSet::new();
        Self {
            built: rules.version(),
            rules,
            bound: Vec::new(),
            engine: Engine::empty(options.engine()),
            store: Store::endless(options.held()),
            options,
            table: SeriesTable::new(),
            batch: Vec::new(),
            disordered: false,
            clock: Clock::default(),
            over: Vec::new(),
            ends: Vec::new(),
            leaving: Vec::new(),
            told: Vec::new(),
            events: Vec::new(),
            suppressed: HashSet::default(),
        }
    }

    /// Returns the rules, to look at: the methods of [`Live`] and [`Live::edit`] change them.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Adds a rule. It is evaluated at the snapshots that are not evaluated yet and all later ones, and sees older
    /// values as far back as [`LiveOptions::history`] goes. Cost: as [`Live::edit`], without the copy.
    ///
    /// # Errors
    /// When something is wrong with it, or there is already a rule with its name; nothing is changed then.
    pub fn add(&mut self, rule: NewRule) -> Result<RuleHandle, LoadError> {
        self.rules.add(rule)
    }

    /// Adds the rules of a file; `text` is its content, and messages call it `name`. See [`RuleSet::load`].
    ///
    /// # Errors
    /// When the text has a mistake, or a file with that name is already loaded; nothing is changed then.
    pub fn load(&mut self, name: &str, text: &str) -> Result<FileHandle, LoadError> {
        self.rules.load(name, text)
    }

    /// Replaces the rules of a loaded file by those of its new content. A rule that has the same group, name and labels
    /// as before keeps its handle, and its alerts continue while its new condition is true. See [`RuleSet::reload`].
    ///
    /// # Errors
    /// When the text has a mistake, or no such file is loaded; nothing is changed then.
    pub fn reload(&mut self, file: FileHandle, text: &str) -> Result<(), LoadError> {
        self.rules.reload(file, text)
    }

    /// Removes a file with its rules; returns whether there was one. Their alerts end with the next evaluation.
    pub fn unload(&mut self, file: FileHandle) -> bool {
        self.rules.unload(file)
    }

    /// Removes a rule; returns whether there was one. Its alerts end with the next evaluation.
    pub fn remove(&mut self, rule: RuleHandle) -> bool {
        self.rules.remove(rule)
    }

    /// Enables or disables a rule; returns whether there is such a rule. The alerts of a rule that is disabled end with
    /// the next evaluation.
    pub fn set_enabled(&mut self, rule: RuleHandle, enabled: bool) -> bool {
        self.rules.set_enabled(rule, enabled)
    }

    /// Makes several changes of the rules in one step: all of them, or none if one fails. Cost: the rules are copied,
    /// and the next evaluation prepares all rules again, once for any number of changes.
    ///
    /// ```
    /// use alertctl::{Live, NewRule};
    ///
    /// let mut live = Live::new();
    /// live.edit(|rules| {
    ///     for limit in 1..100 {
    ///         rules.add(NewRule::alert(&format!("Over{limit}"), &format!("queue > {limit}")))?;
    ///     }
    ///     Ok(())
    /// })?;
    /// assert_eq!(live.rules().len(), 99);
    /// # Ok::<(), alertctl::LoadError>(())
    /// ```
    ///
    /// # Errors
    /// The error that the change returns.
    pub fn edit<T>(&mut self, change: impl FnOnce(&mut RuleSet) -> Result<T, LoadError>) -> Result<T, LoadError> {
        let mut rules = self.rules.clone();
        let changed = change(&mut rules)?;
        self.rules = rules;
        Ok(changed)
    }

    /// Returns the handle of the series with these labels, with the name of the metric as `__name__`. The series need
    /// not exist yet. Cost: the labels are hashed.
    pub fn series(&mut self, labels: &LabelSet) -> Series {
        self.table.series(labels, self.clock.latest(), &mut self.store)
    }

    /// Begins a snapshot, or continues the newest one if it has the same time. The next [`Live::evaluate`] evaluates
    /// it.
    ///
    /// A time is refused if it is not after the last evaluation, if a later snapshot exists, or if it is too far ahead
    /// of the newest snapshot ([`LiveOptions::longest_jump`]). Values that are set in a refused snapshot are ignored,
    /// and [`Live::faults`] counts them.
    pub fn at(&mut self, time: impl Into<Timestamp>) -> Snapshot<'_> {
        let time = time.into();
        let taken = self.clock.come_to(time, self.options.longest_jump).map(|is_new| {
            if is_new && !self.leaving.is_empty() {
                self.end_leaving(time);
            }
        });
        Snapshot::new(self, time, taken)
    }

    /// Evaluates the rules at every snapshot since the last call. Returns the changes of alerts, ordered by time, rule
    /// and labels; before them, the ends of alerts whose rules were removed or disabled. Cost: once warm, it allocates
    /// nothing while no alert changes.
    pub fn evaluate(&mut self) -> Vec<Event> {
        self.rebind();
        self.run();
        std::mem::take(&mut self.told)
    }

    /// Lets time pass up to `to`, evaluates the rules, and returns the changes as [`Live::evaluate`] does. Call it from
    /// a timer when no values arrive: series end that had no value for too long, and rules on missing values, such as
    /// `absent(cpu)`, become true. A time that is not later than the newest snapshot only evaluates.
    pub fn advance(&mut self, to: impl Into<Timestamp>) -> Vec<Event> {
        let to = to.into();
        if self.clock.go_to(to) && !self.leaving.is_empty() {
            self.end_leaving(to);
        }
        self.evaluate()
    }

    /// Ends a series at a time: it is missing from then on, until it is set again. The same as
    /// `live.at(at).end(series)`.
    pub fn end(&mut self, series: &Series, at: impl Into<Timestamp>) {
        self.at(at).end(series);
    }

    /// Ends a series with the next snapshot, and frees its memory. A later value is the first one of a new series.
    pub fn forget(&mut self, series: &Series) {
        let slot = self.table.slot(series, self.clock.latest(), &mut self.store);
        self.table.leave(slot, self.clock.latest());
        self.leaving.push(slot);
    }

    /// Evaluates the times since the last call, one after the other: so nothing depends on how many there are.
    fn run(&mut self) {
        let Some((first, latest)) = self.clock.span() else { return };
        self.end_silent(latest);
        if self.engine.start().is_none() {
            self.engine.begin_at(first);
        }
        if std::mem::take(&mut self.disordered) {
            self.batch.sort_by_key(|(_, time, _)| *time);
        }
        let (times, batch) = (self.clock.take_pending(), std::mem::take(&mut self.batch));
        let mut rest = batch.as_slice();
        for time in &times {
            let now = if rest.last().is_some_and(|(_, last, _)| last <= time) {
                rest.len()
            } else {
                rest.partition_point(|(_, at, _)| at <= time)
            };
            let (now, later) = rest.split_at(now);
            rest = later;
            self.store.tick(*time);
            self.store.extend(now);
            self.linger(*time);
            let advanced = self.engine.advance(&self.store, *time);
            debug_assert!(advanced.is_ok(), "no limit ends a run without an end");
        }
        self.clock.give_back(times);
        self.batch = batch;
        self.batch.clear();
        self.engine.take_events_into(&mut self.events);
        self.tell();
        // Without rules nothing is left to be evaluated.
        self.store.evict(if self.engine.is_empty() { latest } else { self.engine.evaluated() });
        if self.table.is_full() || self.engine.is_worn() {
            self.compact();
        }
    }

    /// Ends the series that had no value for too long.
    fn end_silent(&mut self, latest: Timestamp) {
        let before = self.batch.len();
        let spans = (self.options.stale_after, self.options.idle_series);
        while let Some((id, at)) = self.table.due(latest, spans, &self.store) {
            self.batch.push((id, at, stale_marker()));
            self.clock.tick(at);
        }
        self.note_ends(before);
    }

    /// Ends the series that are to be forgotten, at a new time.
    fn end_leaving(&mut self, at: Timestamp) {
        let before = self.batch.len();
        for slot in self.leaving.drain(..) {
            let end = self.table.get(slot).leaving.then(|| self.table.end(slot, at, self.options.stale_after));
            if let Some((id, at)) = end.flatten() {
                self.batch.push((id, at, stale_marker()));
                self.clock.tick(at);
            }
        }
        self.note_ends(before);
    }

    /// Notes the series that end, in the batch from a place on.
    fn note_ends(&mut self, from: usize) {
        self.disordered |= from < self.batch.len();
        self.ends.extend(self.batch[from..].iter().map(|(id, at, _)| (*at, *id)));
    }

    /// Has rules looked at for label sets that have ended, as long as an alert on them goes on: nothing else would tell
    /// it that time has passed.
    fn linger(&mut self, now: Timestamp) {
        if self.over.is_empty() && self.ends.is_empty() {
            return;
        }
        let Self { over, ends, engine, store, .. } = self;
        ends.retain(|(at, id)| {
            over.extend(store.label_set_of(*id).filter(|_| *at <= now));
            *at > now
        });
        over.sort_unstable();
        over.dedup();
        let evaluated = engine.evaluated();
        over.retain(|id| {
            let Some(ended) = store.ended_at(*id) else { return false };
            // What is still to be evaluated may begin an alert that goes on.
            let goes_on = ended >= evaluated || engine.is_active_on(*id);
            if goes_on && ended < now {
                store.linger(*id, now);
            }
            goes_on
        });
    }

    /// Says what happened in an evaluation, in order.
    fn tell(&mut self) {
        if self.events.is_empty() {
            return;
        }
        let mut events = std::mem::take(&mut self.events);
        let of = |event: engine::Event| (event.rule, self.event(event));
        let mut told: Vec<(engine::RuleId, Event)> = events.drain(..).map(of).collect();
        self.events = events;
        told.sort_by(|(a_rule, a), (b_rule, b)| (a.at, a_rule, &a.key).cmp(&(b.at, b_rule, &b.key)));
        for (_, mut event) in told {
            if self.suppressed.contains(&event.key) && event.from == AlertState::Firing {
                event.from = AlertState::Suppressed;
                self.suppressed.remove(&event.key);
            }
            self.told.push(event);
        }
    }

    fn event(&self, event: engine::Event) -> Event {
        let Bound { handle, name, .. } = &self.bound[event.rule.0 as usize];
        let on = event.on.and_then(|id| self.store.label_set(id));
        let (name, key) = (Arc::clone(name), AlertKey::on(*handle, event.labels, on));
        Event {
            at: event.at,
            name,
            key,
            from: event.from.into(),
            to: event.to.into(),
            value: event.value,
            cause: event.cause.map(Into::into),
            annotations: if event.to == Phase::Firing { event.annotations } else { Vec::new() },
            active_at: event.activity.active_at,
        }
    }

    /// Returns what an alert is seen as.
    fn seen(&self, phase: Phase, key: &AlertKey) -> AlertState {
        match phase {
            Phase::Firing if !self.suppressed.is_empty() && self.suppressed.contains(key) => AlertState::Suppressed,
            phase => phase.into(),
        }
    }

    /// Returns the alerts that are active, ordered by rule and labels, as of the last evaluation. Those of rules that
    /// were removed or disabled since are not among them.
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        let there: Option<HashSet<RuleHandle>> = (self.rules.version() != self.built).then(|| self.going_on());
        let alert = |alert: ActiveAlert<'_>| {
            let bound = &self.bound[alert.rule.0 as usize];
            let on = alert.on.and_then(|id| self.store.label_set(id));
            let key = AlertKey::on(bound.handle, alert.labels.clone(), on);
            there.as_ref().is_none_or(|there| there.contains(&bound.handle)).then(|| Alert {
                name: Arc::clone(&bound.name),
                state: self.seen(alert.phase, &key),
                key,
                active_at: alert.activity.active_at,
                fired_at: alert.activity.fired_at,
                value: alert.activity.value_last,
            })
        };
        let mut alerts: Vec<(engine::RuleId, Alert)> =
            self.engine.active().into_iter().filter_map(|active| Some((active.rule, alert(active)?))).collect();
        alerts.sort_by(|(a_rule, a), (b_rule, b)| (a_rule, &a.key).cmp(&(b_rule, &b.key)));
        alerts.into_iter().map(|(_, alert)| alert).collect()
    }

    /// Suppresses a firing alert until it is resolved: it is shown as [`AlertState::Suppressed`], and is otherwise as
    /// before. Returns whether there is such an alert, and it fires.
    pub fn suppress(&mut self, alert: &AlertKey) -> bool {
        let there = self.rules.version() == self.built || self.going_on().contains(&alert.rule);
        let rule = self.bound.iter().position(|bound| bound.handle == alert.rule).filter(|_| there);
        let rule = rule.and_then(|number| u32::try_from(number).ok()).map(engine::RuleId);
        let is_it = |on: Option<LabelSetId>| {
            let on = on.and_then(|id| self.store.label_set(id));
            AlertKey::on(alert.rule, alert.labels.clone(), on) == *alert
        };
        let fires = rule.is_some_and(|rule| self.engine.fires(rule, &alert.labels, &is_it));
        if fires {
            self.suppressed.insert(alert.clone());
        }
        fires
    }

    /// Ends the suppression of an alert before it is resolved; returns whether it was suppressed.
    pub fn unsuppress(&mut self, alert: &AlertKey) -> bool {
        self.suppressed.remove(alert)
    }

    /// Returns what went wrong since the last [`Live::clear_faults`]: evaluations that failed, by rule and message, and
    /// values that were refused. It is not part of the events: look at it from time to time, and clear it, for messages
    /// name series, so that there may be ever new ones. Of each rule 100 are kept, and others are counted together.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let fault = |rule, found: engine::FaultCount| {
            let engine::FaultCount { first, last, count, message } = found;
            Fault { rule, message, count, first, last }
        };
        let mut faults: Vec<Fault> = self.clock.faults().into_iter().map(|found| fault(None, found)).collect();
        for (rule, metric) in self.engine.hiding(&self.store) {
            let bound = &self.bound[rule.0 as usize];
            let message = format!("it writes `{metric}`, which is set, too: rules see only what it writes");
            let (rule, at) = (Some((bound.name.to_string(), bound.handle)), self.clock.latest());
            faults.push(Fault { rule, message, count: 1, first: at, last: at });
        }
        let waits = self.engine.waits_for(self.clock.latest());
        for ((bound, found), pinned) in self.bound.iter().zip(self.engine.fault_counts()).zip(waits) {
            let rule = || Some((bound.name.to_string(), bound.handle));
            faults.extend(found.into_iter().map(|found| fault(rule(), found)));
            if let Some(pinned) = pinned.filter(|_| bound.enabled && self.clock.latest() > Timestamp::MIN) {
                let message = format!("it reads what is there at {pinned}, and is not evaluated before");
                let at = self.clock.latest();
                faults.push(Fault { rule: rule(), message, count: 1, first: at, last: at });
            }
        }
        faults
    }

    /// Forgets the faults so far.
    pub fn clear_faults(&mut self) {
        self.clock.clear_faults();
        self.engine.clear_faults();
    }
}
