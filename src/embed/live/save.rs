//! Saving a state and going on with it in another process.
//!
//! A save is the word `alertctl live` and a zero byte, the version as 4 bytes, the length of what follows as 8 bytes,
//! the state in the fields of [`Saved`], and 8 bytes of XXH64 over the state; numbers of fixed length are
//! little-endian.

use std::fmt;
use std::io::{self, Read, Write};

use hashbrown::HashMap;

use crate::engine::Counting;
use crate::engine::resume::{RuleState, WrittenState};
use crate::labels::LabelSet;
use crate::store::{Apart, Sample, Store};
use crate::time::Timestamp;

use super::super::alert::{AlertState, Cause};
use super::super::held_rule::Identity;
use super::super::rule_set::RuleHandle;
use super::codec::{Coded, coded};
use super::event::{AlertKey, Event};
use super::rebuild::Bound;
use super::series::SeriesTable;
use super::{Clock, Engine, Live};

const MAGIC: &[u8; 14] = b"alertctl live\0";
/// A state that means something else gets another number.
const VERSION: u32 = 1;

/// Why [`Live::restore`] did not restore a save.
///
/// ```
/// use alertctl::{Live, RestoreError};
///
/// let mut live = Live::new();
/// let error = live.restore("not a save".as_bytes()).unwrap_err();
/// assert!(matches!(error, RestoreError::NotASave));
///
/// let mut saved = Vec::new();
/// live.save(&mut saved)?;
/// saved.pop();
/// assert!(matches!(live.restore(saved.as_slice()), Err(RestoreError::Damaged)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum RestoreError {
    /// It cannot be read.
    Io(io::Error),
    /// It is something else than a save, or empty.
    NotASave,
    /// It was written by another version of this crate, in a format with this number, which this version cannot read.
    Version(u32),
    /// It is incomplete, or its bytes were changed.
    Damaged,
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot read the saved state: {error}"),
            Self::NotASave => f.write_str("this is no saved state"),
            Self::Version(version) => {
                write!(f, "the saved state is of version {version}, and version {VERSION} is read")
            }
            Self::Damaged => f.write_str("the saved state is incomplete or damaged"),
        }
    }
}

impl std::error::Error for RestoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// All that a state is.
struct Saved {
    start: Option<Timestamp>,
    latest: Timestamp,
    evaluated: Timestamp,
    pending: Vec<Timestamp>,
    refused: Counting,
    /// The times of snapshots that some rules have still to be evaluated at.
    times: Vec<Timestamp>,
    series: Vec<SavedSeries>,
    /// Values that are not evaluated: the number of the series, the time, the value.
    batch: Vec<(u32, (Timestamp, f64))>,
    /// Series that end in the batch, label sets that have ended, and rows of these.
    ends: Vec<(Timestamp, u32)>,
    over: Vec<LabelSet>,
    lingering: Vec<(Timestamp, LabelSet)>,
    rules: Vec<(Identity, RuleState)>,
    /// The number in `rules` of the rule that wrote each is its own.
    written: Vec<WrittenState>,
    suppressed: Vec<(u32, (LabelSet, Option<LabelSet>))>,
    ended: Vec<SavedEnd>,
}

/// A series and what is held of it.
struct SavedSeries {
    labels: LabelSet,
    last: Timestamp,
    ended: bool,
    leaving: bool,
    times: Vec<Timestamp>,
    values: Vec<f64>,
    /// What is held apart from them.
    apart: Vec<Apart>,
}

/// The end of an alert of a rule that is gone.
struct SavedEnd {
    at: Timestamp,
    name: String,
    labels: LabelSet,
    on: Option<LabelSet>,
    /// Whether it fired, and whether it was suppressed.
    fired: bool,
    suppressed: bool,
    active_at: Timestamp,
}

coded! {
    Saved {
        start, latest, evaluated, pending, refused, times, series, batch, ends, over, lingering, rules,
        written,
        suppressed, ended
    }
    SavedSeries { labels, last, ended, leaving, times, values, apart }
    SavedEnd { at, name, labels, on, fired, suppressed, active_at }
}

impl Live {
    /// Writes everything that another process needs to continue: series with their values, alerts, windows,
    /// suppression, and snapshots that are not evaluated yet. Rules and options are not part of it. Cost: all values
    /// that are kept are copied into memory, and written in a few calls.
    ///
    /// ```
    /// use std::time::Duration;
    /// use alertctl::{LabelSet, Live, NewRule, Timestamp};
    ///
    /// let cpu = LabelSet::new([("__name__", "cpu")]);
    /// let rule = || NewRule::alert("High", "cpu > 5").hold(Duration::from_secs(60));
    /// let mut live = Live::new();
    /// live.add(rule())?;
    /// live.at(Timestamp(0)).set_labels(&cpu, 9.0);
    /// live.evaluate();
    /// let mut saved = Vec::new();
    /// live.save(&mut saved)?;
    ///
    /// // In another process: first the same rules, then what was saved.
    /// let mut live = Live::new();
    /// live.add(rule())?;
    /// live.restore(saved.as_slice())?;
    /// live.at(Timestamp(60_000)).set_labels(&cpu, 9.0);
    /// assert_eq!(live.evaluate()[0].to_string(), "1970-01-01T00:01:00Z High: pending -> firing");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What the writer returns.
    pub fn save(&mut self, mut to: impl Write) -> io::Result<()> {
        self.rebind();
        let mut state = Vec::new();
        self.saved().put(&mut state);
        to.write_all(MAGIC)?;
        to.write_all(&VERSION.to_le_bytes())?;
        to.write_all(&(state.len() as u64).to_le_bytes())?;
        to.write_all(&state)?;
        to.write_all(&xxhash_rust::xxh64::xxh64(&state, 0).to_le_bytes())?;
        to.flush()
    }

    /// Replaces all values and alerts by those of a save; the rules stay. Add the rules before: a saved rule is
    /// continued by the one with the same file, group, name and labels. The alerts of saved rules that are not there
    /// end, and the next evaluation returns these events.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or is not a save of this version; nothing is changed then.
    pub fn restore(&mut self, mut from: impl Read) -> Result<(), RestoreError> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).map_err(RestoreError::Io)?;
        let saved = decode(&bytes)?;
        self.take_saved(saved);
        Ok(())
    }

    fn saved(&self) -> Saved {
        let (mut states, written) = self.state();
        let (mut rules, mut places) = (Vec::new(), HashMap::new());
        for (identity, handle) in self.rules.identities() {
            if let Some(state) = states.remove(&handle) {
                places.insert(handle, rules.len());
                rules.push((identity, state));
            }
        }
        let place =
            |(handle, state): (RuleHandle, WrittenState)| Some(WrittenState { rule: *places.get(&handle)?, ..state });
        let series = self.table.iter().map(|(_, slot)| {
            let held = self.store.reachable(slot.id);
            SavedSeries {
                labels: self.store.labels(slot.id).clone(),
                last: slot.last,
                ended: slot.ended,
                leaving: slot.leaving,
                times: held.times.to_vec(),
                values: held.values.to_vec(),
                apart: self.store.held_apart(slot.id),
            }
        });
        let batch = self.batch.iter().map(|(id, time, value)| (id.0, (*time, *value)));
        let suppressed =
            |key: &AlertKey| Some((u32::try_from(*places.get(&key.rule)?).ok()?, (key.labels.clone(), key.on.clone())));
        let mut suppressed: Vec<_> = self.suppressed.iter().filter_map(suppressed).collect();
        suppressed.sort();
        let ended = self.told.iter().map(|event| SavedEnd {
            at: event.at,
            name: event.name.to_string(),
            labels: event.key.labels.clone(),
            on: event.key.on.clone(),
            fired: event.from != AlertState::Pending,
            suppressed: event.from == AlertState::Suppressed,
            active_at: event.active_at,
        });
        Saved {
            start: self.engine.start(),
            latest: self.clock.latest,
            evaluated: self.clock.evaluated,
            pending: self.clock.pending.clone(),
            refused: self.clock.refused.clone(),
            times: self.store.times(Timestamp::MIN, Timestamp::MAX).to_vec(),
            series: series.collect(),
            batch: batch.collect(),
            ends: self.ends.iter().map(|(at, id)| (*at, id.0)).collect(),
            over: self.over_labels(),
            lingering: self.store.lingering_labels(),
            written: written.into_iter().filter_map(place).collect(),
            rules,
            suppressed,
            ended: ended.collect(),
        }
    }

    fn take_saved(&mut self, saved: Saved) {
        self.store = Store::endless(self.options.held());
        self.table = SeriesTable::new();
        (self.batch, self.leaving, self.events) = (Vec::new(), Vec::new(), Vec::new());
        let Saved { latest, evaluated, pending, refused, .. } = saved;
        self.clock = Clock { latest, evaluated, pending, refused };
        for SavedSeries { labels, last, ended, leaving, times, values, apart } in saved.series {
            let slot = self.table.slot_by_labels(&labels, latest, &mut self.store);
            let id = self.table.get(slot).id;
            let held: Vec<Sample> = times.into_iter().zip(values).map(|(time, value)| (id, time, value)).collect();
            self.store.extend(&held);
            self.store.hold_apart(id, apart);
            self.table.resume(slot, last, ended, self.options.stale_after);
            if leaving {
                self.table.leave(slot, latest);
                self.leaving.push(slot);
            }
        }
        let ids: Vec<_> = self.store.ids().collect();
        self.disordered = true;
        for (series, (time, value)) in saved.batch {
            if let Some(id) = ids.get(series as usize) {
                self.batch.push((*id, time, value));
            }
        }
        let end = |(at, series): (Timestamp, u32)| Some((at, *ids.get(series as usize)?));
        self.ends = saved.ends.into_iter().filter_map(end).collect();
        self.store.take_lingering(saved.lingering);
        self.resume_rules(saved.start, saved.rules, saved.written, saved.suppressed);
        for SavedEnd { at, name, labels, on, fired, suppressed, active_at } in saved.ended {
            let from = match (fired, suppressed) {
                (false, _) => AlertState::Pending,
                (true, false) => AlertState::Firing,
                (true, true) => AlertState::Suppressed,
            };
            let key = AlertKey { rule: RuleHandle::fresh(), labels, on };
            let (to, cause) = (AlertState::Inactive, Some(Cause::RuleRemoved));
            let (value, annotations) = (None, Vec::new());
            self.told.push(Event { at, name: name.into(), key, from, to, value, cause, annotations, active_at });
        }
        saved.times.iter().for_each(|time| self.store.tick(*time));
        self.take_over(&saved.over);
    }

    /// Binds the rules to what they were.
    fn resume_rules(
        &mut self,
        start: Option<Timestamp>,
        rules: Vec<(Identity, RuleState)>,
        written: Vec<WrittenState>,
        suppressed: Vec<(u32, (LabelSet, Option<LabelSet>))>,
    ) {
        let known: HashMap<Identity, RuleHandle> = self.rules.identities().collect();
        let handle =
            |(identity, _): &(Identity, RuleState)| known.get(identity).copied().unwrap_or_else(RuleHandle::fresh);
        let handles: Vec<RuleHandle> = rules.iter().map(handle).collect();
        let before = rules.iter().zip(&handles).map(|((identity, state), handle)| Bound {
            handle: *handle,
            name: identity.name.as_str().into(),
            enabled: true,
            life: self.rules.life(*handle),
            by_rows: state.by_rows,
        });
        self.bound = before.collect();
        let key = |(rule, (labels, on)): (u32, (LabelSet, Option<LabelSet>))| {
            Some(AlertKey { rule: *handles.get(rule as usize)?, labels, on })
        };
        self.suppressed = suppressed.into_iter().filter_map(key).collect();
        self.told.clear();
        let written = written.into_iter().filter_map(|state| Some((*handles.get(state.rule)?, state))).collect();
        let states = handles.iter().copied().zip(rules.into_iter().map(|(_, state)| state)).collect();
        self.engine = Engine::empty(self.options.engine());
        if let Some(start) = start {
            self.engine.begin_at(start);
        }
        self.resume((states, written));
    }
}

/// Reads the state of a save.
fn decode(bytes: &[u8]) -> Result<Saved, RestoreError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(RestoreError::NotASave)?;
    let (version, rest) = rest.split_first_chunk().ok_or(RestoreError::Damaged)?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(RestoreError::Version(version));
    }
    let (len, rest) = rest.split_first_chunk().ok_or(RestoreError::Damaged)?;
    let len = usize::try_from(u64::from_le_bytes(*len)).map_err(|_| RestoreError::Damaged)?;
    let (mut state, sum) = rest.split_at_checked(len).ok_or(RestoreError::Damaged)?;
    if *sum != xxhash_rust::xxh64::xxh64(state, 0).to_le_bytes() {
        return Err(RestoreError::Damaged);
    }
    let saved = Saved::take(&mut state).filter(|saved| state.is_empty() && saved.is_sound());
    saved.ok_or(RestoreError::Damaged)
}

impl Saved {
    /// Returns whether columns fit each other: what the engine takes for granted.
    fn is_sound(&self) -> bool {
        let ascends = |times: &[Timestamp]| times.windows(2).all(|pair| pair[0] < pair[1]);
        let is_sound = |times: &[Timestamp], values: &[f64]| times.len() == values.len() && ascends(times);
        let all_sound = |apart: &[Apart]| apart.iter().all(|(_, (times, values))| is_sound(times, values));
        ascends(&self.pending)
            && ascends(&self.times)
            && self.series.iter().all(|series| is_sound(&series.times, &series.values) && all_sound(&series.apart))
            && self.written.iter().all(|series| is_sound(&series.times, &series.values) && all_sound(&series.held))
    }
}
