//! What alerts come of runs of steps at which a condition was true, without their values: the times of their stretches
//! of activity alone. Conditions are folded so many times over, with other values of `for` and other thresholds.

use std::ops::Range;

use crate::time::Timestamp;

use super::alert::{Pace, State, step};

/// A stretch of activity of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Since when the condition holds.
    pub active_at: Timestamp,
    /// Since when the alert fires, if it came to that.
    pub fired_at: Option<Timestamp>,
    /// The slot at which it became inactive; none where it was active at the last one.
    pub ended_at: Option<Timestamp>,
}

/// The steps of a rule.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    /// The slots, ascending.
    pub slots: &'a [Timestamp],
    /// Runs of steps at which the evaluation failed, ascending.
    pub failed: &'a [Range<usize>],
}

impl Steps<'_> {
    /// Makes the stretches of an alert of the runs of steps at which its condition was true, ascending and without
    /// steps that failed. Cost: by run, a search in it where an alert is pending or kept firing.
    pub fn walk(&self, runs: &[Range<usize>], pace: Pace, mut emit: impl FnMut(Stretch)) {
        let mut state = State::Inactive;
        let mut end = 0;
        for run in runs {
            self.pass(&mut state, end..run.start, pace, &mut emit);
            let mut at = run.start;
            while at < run.end {
                let made = step(state, true, self.slots[at], pace.hold, pace.keep);
                state = made.state;
                at = self.after(at, run.end, made.holds_until);
            }
            end = run.end;
        }
        self.pass(&mut state, end..self.slots.len(), pace, &mut emit);
        if let Some(stretch) = stretch(state, None) {
            emit(stretch);
        }
    }

    /// Makes the evaluations of steps at which the condition was not true, until the alert is inactive.
    fn pass(&self, state: &mut State, steps: Range<usize>, pace: Pace, emit: &mut impl FnMut(Stretch)) {
        let mut at = self.good(steps.start);
        while *state != State::Inactive && at < steps.end {
            let slot = self.slots[at];
            let made = step(*state, false, slot, pace.hold, pace.keep);
            if made.state == State::Inactive
                && let Some(stretch) = stretch(*state, Some(slot))
            {
                emit(stretch);
            }
            *state = made.state;
            at = self.good(self.after(at, steps.end, made.holds_until));
        }
    }

    /// Returns the first step after one, before an end, at or after an instant; the end where there is none.
    fn after(&self, at: usize, end: usize, until: Timestamp) -> usize {
        if end.checked_sub(1).is_none_or(|last| self.slots[last] < until) {
            return end;
        }
        at + 1 + self.slots[at + 1..end].partition_point(|slot| *slot < until)
    }

    /// Returns the first step from one on that did not fail.
    fn good(&self, at: usize) -> usize {
        let next = self.failed.partition_point(|run| run.end <= at);
        self.failed.get(next).filter(|run| run.start <= at).map_or(at, |run| run.end)
    }
}

fn stretch(state: State, ended_at: Option<Timestamp>) -> Option<Stretch> {
    match state {
        State::Inactive => None,
        State::Pending { active_at } => Some(Stretch { active_at, fired_at: None, ended_at }),
        State::Firing { active_at, fired_at, .. } => Some(Stretch { active_at, fired_at: Some(fired_at), ended_at }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::alert::Tracker;
    use crate::engine::event::Phase;
    use crate::time::Millis;

    const MINUTE: i64 = 60_000;

    fn runs(marks: &[u8], of: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (at, mark) in marks.iter().enumerate().filter(|(_, mark)| of(**mark)) {
            match runs.last_mut().filter(|last| last.end == at && marks[at - 1] == *mark) {
                Some(last) => last.end += 1,
                None => runs.push(at..at + 1),
            }
        }
        runs
    }

    /// Makes the stretches of the changes that one evaluation after the other brings.
    fn stepped(slots: &[Timestamp], marks: &[u8], pace: Pace) -> Vec<Stretch> {
        let mut tracker = Tracker::default();
        let mut found = Vec::new();
        for (at, mark) in slots.iter().zip(marks).filter(|(_, mark)| **mark < 2) {
            let change = tracker.observe(*at, (*mark == 1).then_some(1.0), pace).0;
            if let Some(change) = change.filter(|change| change.to == Phase::Inactive) {
                let (active_at, fired_at) = (change.activity.active_at, change.activity.fired_at);
                found.push(Stretch { active_at, fired_at, ended_at: Some(*at) });
            }
        }
        found.extend(tracker.activity().map(|activity| Stretch {
            active_at: activity.active_at,
            fired_at: activity.fired_at,
            ended_at: None,
        }));
        found
    }

    #[test]
    fn runs_give_the_stretches_that_steps_give() {
        use proptest::prelude::*;
        // Marks: 0 absent, 1 present, 2 failed.
        let marks = prop::collection::vec((0_u8..3, 1_usize..20), 0..14);
        proptest!(ProptestConfig::with_cases(3000), |(marks in marks, hold in 0_i64..9, keep in 0_i64..9, gap in 0_i64..4)| {
            let marks: Vec<u8> = marks.iter().flat_map(|(mark, len)| vec![*mark; *len]).collect();
            let slot = |at: usize| Timestamp((at as i64 + if at > 9 { gap } else { 0 }) * MINUTE);
            let slots: Vec<Timestamp> = (0..marks.len()).map(slot).collect();
            let pace = Pace { hold: Millis(hold * MINUTE / 2), keep: Millis(keep * MINUTE / 2) };
            let failed = runs(&marks, |mark| mark == 2);
            let mut found = Vec::new();
            let steps = Steps { slots: &slots, failed: &failed };
            steps.walk(&runs(&marks, |mark| mark == 1), pace, |stretch| found.push(stretch));
            prop_assert_eq!(found, stepped(&slots, &marks, pace));
        });
    }
}
