//! The life of one alert: inactive, pending, firing, inactive.

use crate::time::{Millis, Timestamp};

use super::bits;
use super::condition::Condition;
use super::event::{Activity, Phase};

/// The state of one alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The condition does not hold.
    #[default]
    Inactive,
    /// It holds, not yet for as long as `for` wants.
    Pending {
        /// Since when it holds.
        active_at: Timestamp,
    },
    /// The alert is reported.
    Firing {
        /// Since when the condition holds.
        active_at: Timestamp,
        /// Since when it is reported.
        fired_at: Timestamp,
        /// The first step at which the condition was gone, while `keep_firing_for` goes on.
        keeping_since: Option<Timestamp>,
    },
}

impl State {
    /// Returns the name of the state.
    #[must_use]
    pub fn phase(self) -> Phase {
        match self {
            Self::Inactive => Phase::Inactive,
            Self::Pending { .. } => Phase::Pending,
            Self::Firing { .. } => Phase::Firing,
        }
    }

    /// Returns since when the alert is active.
    #[must_use]
    pub fn active_at(self) -> Option<Timestamp> {
        match self {
            Self::Inactive => None,
            Self::Pending { active_at } | Self::Firing { active_at, .. } => Some(active_at),
        }
    }
}

/// What one evaluation makes of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state after it.
    pub state: State,
    /// The phases before and after it, if they differ.
    pub transition: Option<(Phase, Phase)>,
    /// The first slot at which the same presence could change anything; until then no evaluation needs to be looked at.
    pub holds_until: Timestamp,
}

/// Makes one evaluation at the slot `at`: whether the expression had a sample for the alert, and what follows. A
/// failed evaluation is no evaluation and is not to be shown to it.
///
/// Source: Prometheus' `AlertingRule.Eval`; the alert that is resolved and kept for resending counts as inactive.
#[must_use]
pub fn step(state: State, present: bool, at: Timestamp, hold: Millis, keep: Millis) -> Step {
    let (after, holds_until) = match (state, present) {
        (State::Inactive, false) | (State::Pending { .. }, false) => (State::Inactive, Timestamp::MAX),
        (State::Inactive, true) => hold_on(at, at, hold),
        (State::Pending { active_at }, true) => hold_on(active_at, at, hold),
        (State::Firing { active_at, fired_at, .. }, true) => {
            (State::Firing { active_at, fired_at, keeping_since: None }, Timestamp::MAX)
        }
        (State::Firing { active_at, fired_at, keeping_since }, false) => {
            let since = keeping_since.unwrap_or(at);
            if at.since(since) < keep {
                (State::Firing { active_at, fired_at, keeping_since: Some(since) }, since.plus(keep))
            } else {
                (State::Inactive, Timestamp::MAX)
            }
        }
    };
    let phases = (state.phase(), after.phase());
    Step { state: after, transition: (phases.0 != phases.1).then_some(phases), holds_until }
}

/// Returns the state of an alert whose condition holds since `active_at`.
fn hold_on(active_at: Timestamp, at: Timestamp, hold: Millis) -> (State, Timestamp) {
    if at.since(active_at) >= hold {
        (State::Firing { active_at, fired_at: at, keeping_since: None }, Timestamp::MAX)
    } else {
        (State::Pending { active_at }, active_at.plus(hold))
    }
}

/// The times of a rule that its alerts go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// `for`.
    pub hold: Millis,
    /// `keep_firing_for`.
    pub keep: Millis,
}

/// A change of phase of an alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The slot.
    pub at: Timestamp,
    /// The phase before.
    pub from: Phase,
    /// The phase after.
    pub to: Phase,
    /// The value, when the condition was true.
    pub value: Option<f64>,
    /// What was counted up to this step.
    pub activity: Activity,
}

/// One alert as the engine follows it: its state and what was counted of it.
#[derive(Clone, Copy, Debug)]
pub struct Tracker {
    state: State,
    /// Of the last active stretch; without meaning before the first.
    activity: Activity,
}

impl Default for Tracker {
    fn default() -> Self {
        Self { state: State::Inactive, activity: begun(Timestamp::MIN, f64::NAN) }
    }
}

/// Returns the counts of an alert that becomes active.
fn begun(at: Timestamp, value: f64) -> Activity {
    Activity {
        active_at: at,
        fired_at: None,
        last_true_at: at,
        value_active: value,
        value_fire: None,
        value_last: value,
        value_min: value,
        value_max: value,
        steps_true: 0,
        steps_failed: 0,
        steps_kept: 0,
    }
}

impl Tracker {
    /// Makes one that goes on.
    pub(crate) fn of(state: State, activity: Activity) -> Self {
        Self { state, activity }
    }

    /// Returns the state and what was counted of the last active stretch.
    pub(crate) fn parts(&self) -> (State, Activity) {
        (self.state, self.activity)
    }

    /// Returns the state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Returns what was counted since the alert became active, while it is.
    #[must_use]
    pub fn activity(&self) -> Option<&Activity> {
        (self.state != State::Inactive).then_some(&self.activity)
    }

    /// Makes one evaluation that did not fail; returns the change and until when the same presence changes nothing.
    pub fn observe(&mut self, at: Timestamp, value: Option<f64>, pace: Pace) -> (Option<Change>, Timestamp) {
        let Step { state, transition, holds_until } = step(self.state, value.is_some(), at, pace.hold, pace.keep);
        if let Some(value) = value {
            if self.state == State::Inactive {
                self.activity = begun(at, value);
            }
            self.see(at, value);
            if matches!(transition, Some((_, Phase::Firing))) {
                self.activity.fired_at = Some(at);
                self.activity.value_fire = Some(value);
            }
        }
        self.state = state;
        if value.is_none() && state != State::Inactive {
            self.activity.steps_kept += 1;
        }
        (transition.map(|(from, to)| Change { at, from, to, value, activity: self.activity }), holds_until)
    }

    /// Counts failed evaluations.
    pub fn fail(&mut self, count: u64) {
        if self.state != State::Inactive {
            self.activity.steps_failed += count;
        }
    }

    /// Counts a step at which the condition was true.
    fn see(&mut self, at: Timestamp, value: f64) {
        let activity = &mut self.activity;
        activity.steps_true += 1;
        activity.last_true_at = at;
        activity.value_last = value;
        activity.value_min = activity.value_min.min(value);
        activity.value_max = activity.value_max.max(value);
    }

    /// Makes all evaluations of a condition, in order, and hands on every change. Cost: by runs of equal bits, plus the
    /// values of true steps.
    pub fn fold(&mut self, condition: Condition<'_>, pace: Pace, emit: &mut dyn FnMut(Change)) {
        let Condition { slots, present, failed, values } = condition;
        let steps = slots.len();
        let next_good = |from: usize| bits::first(from, steps, |word| !failed[word]);
        let mut at = next_good(0);
        self.fail(at as u64);
        while at < steps {
            let holds = bits::is_set(present, at);
            let flip = if holds { u64::MAX } else { 0 };
            let run_end = bits::first(at, steps, |word| (present[word] ^ flip) & !failed[word]);
            while at < run_end {
                let (change, until) = self.observe(slots[at], holds.then_some(values[at]), pace);
                if let Some(change) = change {
                    emit(change);
                }
                let next = if until == Timestamp::MAX {
                    run_end
                } else {
                    next_good(at + 1 + slots[at + 1..run_end].partition_point(|slot| *slot < until)).min(run_end)
                };
                self.pass(condition, holds, at + 1, next);
                at = next;
            }
        }
    }

    /// Counts steps that change nothing.
    fn pass(&mut self, condition: Condition<'_>, holds: bool, from: usize, to: usize) {
        if self.state == State::Inactive {
            return;
        }
        let failed = bits::count(condition.failed, from, to);
        self.fail(failed);
        if holds {
            for at in from..to {
                if failed == 0 || !bits::is_set(condition.failed, at) {
                    self.see(condition.slots[at], condition.values[at]);
                }
            }
        } else {
            self.activity.steps_kept += to.saturating_sub(from) as u64 - failed;
        }
    }

    /// Drops the state, as an exceeded limit does; returns the change if the alert was active.
    pub fn drop_state(&mut self, at: Timestamp) -> Option<Change> {
        let from = self.state.phase();
        self.state = State::Inactive;
        let change = Change { at, from, to: Phase::Inactive, value: None, activity: self.activity };
        (from != Phase::Inactive).then_some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const RETENTION: i64 = 15 * MINUTE;

    /// An alert as a Prometheus server holds it.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Held {
        state: Phase,
        active_at: i64,
        fired_at: i64,
        resolved_at: Option<i64>,
        keep_firing_since: Option<i64>,
    }

    /// The steps 4 and 5 of an evaluation of an alerting rule, for one identity.
    fn evaluate(held: Option<Held>, present: bool, ts: i64, hold: i64, keep_for: i64) -> Option<Held> {
        let candidate =
            Held { state: Phase::Pending, active_at: ts, fired_at: 0, resolved_at: None, keep_firing_since: None };
        let merged = match held {
            Some(alert) if present && alert.state == Phase::Inactive => Some(candidate),
            None if present => Some(candidate),
            other => other,
        };
        let mut alert = merged?;
        if present {
            alert.keep_firing_since = None;
        } else {
            let mut keep = false;
            if alert.state == Phase::Firing && keep_for > 0 {
                let since = *alert.keep_firing_since.get_or_insert(ts);
                keep = ts - since < keep_for;
            }
            let forget = alert.state == Phase::Pending || alert.resolved_at.is_some_and(|at| ts - at > RETENTION);
            if forget {
                return None;
            }
            if alert.state != Phase::Inactive && !keep {
                alert.state = Phase::Inactive;
                alert.resolved_at = Some(ts);
            }
            if !keep {
                return Some(alert);
            }
        }
        if alert.state == Phase::Pending && ts - alert.active_at >= hold {
            alert.state = Phase::Firing;
            alert.fired_at = ts;
        }
        assert!(alert.state != Phase::Firing || ts - alert.active_at >= hold, "only a reload can do that");
        Some(alert)
    }

    /// What both descriptions of a state have in common.
    fn visible(held: Option<Held>) -> State {
        let at = Timestamp;
        match held {
            Some(alert) if alert.state == Phase::Pending => State::Pending { active_at: at(alert.active_at) },
            Some(alert) if alert.state == Phase::Firing => State::Firing {
                active_at: at(alert.active_at),
                fired_at: at(alert.fired_at),
                keeping_since: alert.keep_firing_since.map(at),
            },
            _ => State::Inactive,
        }
    }

    /// Goes through every presence and failure from here on.
    fn explore(left: usize, ts: i64, state: State, held: Option<Held>, hold: i64, keep: i64) {
        assert_eq!(state, visible(held));
        if left == 0 {
            return;
        }
        explore(left - 1, ts + MINUTE, state, held, hold, keep);
        for present in [false, true] {
            let made = step(state, present, Timestamp(ts), Millis(hold), Millis(keep));
            explore(left - 1, ts + MINUTE, made.state, evaluate(held, present, ts, hold, keep), hold, keep);
        }
    }

    #[test]
    fn every_sequence_of_twelve_steps_goes_as_in_prometheus() {
        let spans = [0, 1, 30_000, MINUTE, 90_000, 2 * MINUTE, 150_000, 3 * MINUTE, 4 * MINUTE];
        for hold in spans {
            for keep in spans {
                explore(12, 7 * MINUTE, State::Inactive, None, hold, keep);
            }
        }
    }

    /// Walks a picture of one character a minute (`#` true, `.` not, `x` failed) and tells what happened when.
    fn history(picture: &str, hold: i64, keep: i64) -> Vec<(i64, Phase)> {
        let pace = Pace { hold: Millis(hold), keep: Millis(keep) };
        let mut tracker = Tracker::default();
        let mut out = Vec::new();
        for (minute, c) in (0..).zip(picture.chars()) {
            let value = (c == '#').then_some(1.0);
            if c != 'x' {
                out.extend(
                    tracker.observe(Timestamp(minute * MINUTE), value, pace).0.map(|change| (minute, change.to)),
                );
            }
        }
        out
    }

    #[test]
    fn an_alert_fires_when_its_condition_held_for_long_enough() {
        use Phase::{Firing, Inactive, Pending};
        let check = |picture, hold, keep, expected: &[(i64, Phase)]| {
            assert_eq!(history(picture, hold, keep), expected, "{picture} {hold} {keep}");
        };
        check("####", 0, 0, &[(0, Firing)]);
        check("####", 2 * MINUTE, 0, &[(0, Pending), (2, Firing)]);
        check("####", 1, 0, &[(0, Pending), (1, Firing)]);
        check("####", 90_000, 0, &[(0, Pending), (2, Firing)]);
        check("##.###", 2 * MINUTE, 0, &[(0, Pending), (2, Inactive), (3, Pending), (5, Firing)]);
        check("##xx#", 2 * MINUTE, 0, &[(0, Pending), (4, Firing)]);
        check("###xx.", MINUTE, 0, &[(0, Pending), (1, Firing), (5, Inactive)]);
        check("####...", 0, 2 * MINUTE, &[(0, Firing), (6, Inactive)]);
        check("#...", 0, 1, &[(0, Firing), (2, Inactive)]);
        check("#.#.....", 0, 2 * MINUTE, &[(0, Firing), (5, Inactive)]);
        check("#.#", MINUTE, 5 * MINUTE, &[(0, Pending), (1, Inactive), (2, Pending)]);
    }

    fn same(a: &Tracker, b: &Tracker) {
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
    }

    #[test]
    fn folding_by_runs_equals_stepping() {
        use proptest::prelude::*;
        let runs = prop::collection::vec((0_u8..8, 1_usize..90), 1..12);
        let spans = (0_i64..9, 0_i64..9, 1_usize..200);
        proptest!(ProptestConfig::with_cases(2000), |(runs in runs, (hold, keep, cut) in spans)| {
            let marks: Vec<u8> = runs.iter().flat_map(|(mark, len)| vec![*mark; *len]).collect();
            let slots: Vec<Timestamp> = (0..).take(marks.len()).map(|at| Timestamp(at * MINUTE)).collect();
            let values: Vec<f64> = (0..marks.len()).map(|at| if at % 17 == 3 { f64::NAN } else { (at * 7 % 31) as f64 }).collect();
            let pace = Pace { hold: Millis(hold * MINUTE / 2), keep: Millis(keep * MINUTE / 2) };
            let (mut stepped, mut folded) = (Tracker::default(), Tracker::default());
            let (mut expected, mut found) = (Vec::new(), Vec::new());
            for at in 0..marks.len() {
                // Marks 0 to 2 are absent, 3 to 5 present, 6 and 7 failed with either bit.
                match marks[at] {
                    6.. => stepped.fail(1),
                    mark => expected.extend(stepped.observe(slots[at], (mark > 2).then_some(values[at]), pace).0),
                }
            }
            for from in (0..marks.len()).step_by(cut) {
                let to = (from + cut).min(marks.len());
                let mut present = vec![0; bits::words(to - from)];
                let mut failed = present.clone();
                for (at, mark) in marks.iter().enumerate().take(to).skip(from) {
                    if matches!(mark, 3..=6) {
                        bits::set(&mut present, at - from);
                    }
                    if *mark > 5 {
                        bits::set(&mut failed, at - from);
                    }
                }
                let condition =
                    Condition { slots: &slots[from..to], present: &present, failed: &failed, values: &values[from..to] };
                folded.fold(condition, pace, &mut |change| found.push(change));
            }
            prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"));
            same(&folded, &stepped);
        });
    }
}
