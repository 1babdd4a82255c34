//! What a rule's expression gave over a run, kept so that alerts can be made of it again.

use std::ops::Range;

use hashbrown::HashMap;

use super::alert::{Change, Pace, State, Tracker};
use super::bits;
use super::condition::Condition;
use crate::labels::LabelSet;
use crate::time::{Millis, Timestamp};

/// How many steps are unpacked at once.
const BLOCK: usize = 1024;

/// The conditions of all alerts of one rule, over the slots at which it was evaluated; they make sense without the
/// engine that collected them. Only of rules whose alerts follow each from its own condition
/// ([`Fold::ByAlert`](super::fold::Fold::ByAlert)).
///
/// Memory: a value for each step at which an alert's condition was true, and a few words for each run of such steps.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    slots: Vec<EvenSlots>,
    steps: usize,
    /// Runs of steps at which the evaluation failed.
    failed: Vec<Range<usize>>,
    alerts: Vec<AlertCondition>,
    /// By labels: the place in `alerts`.
    places: HashMap<LabelSet, usize, foldhash::fast::FixedState>,
}

/// Slots that follow each other at one distance.
#[derive(Clone, Copy, Debug)]
struct EvenSlots {
    first: Timestamp,
    every: Millis,
    count: usize,
}

/// When the condition of one alert was true.
#[derive(Clone, Debug)]
struct AlertCondition {
    labels: LabelSet,
    /// Runs of steps, those that failed left out.
    present: Vec<Range<usize>>,
    /// The values at these steps, one after the other.
    values: Vec<f64>,
}

/// When the condition of one alert was true.
#[derive(Clone, Copy, Debug)]
pub struct AlertRuns<'a> {
    /// The alert's labels.
    pub labels: &'a LabelSet,
    /// Runs of steps, counted from the first slot on; those that failed are in none.
    pub present: &'a [Range<usize>],
    /// The values at these steps, one after the other.
    pub values: &'a [f64],
}

/// What conditions make of alerts.
#[derive(Clone, Debug)]
pub struct Folded {
    /// All changes of phase, by slot and then by labels.
    pub changes: Vec<(LabelSet, Change)>,
    /// The alerts that are active after the last slot, by labels.
    pub open: Vec<(LabelSet, Tracker)>,
}

impl Conditions {
    /// Adds the steps of a block; shapes are those of [`Condition`].
    pub(super) fn add_steps(&mut self, slots: &[Timestamp], failed: &[u64]) {
        slots.iter().for_each(|slot| self.add_slot(*slot));
        let (first, steps) = (self.steps, slots.len());
        add_runs(&mut self.failed, first, steps, |word| failed[word], |_| {});
        self.steps += steps;
    }

    fn add_slot(&mut self, slot: Timestamp) {
        if let Some(last) = self.slots.last_mut() {
            let newest = last.at(last.count - 1);
            if last.count == 1 || slot == newest.plus(last.every) {
                last.every = slot.since(newest);
                last.count += 1;
                return;
            }
        }
        self.slots.push(EvenSlots { first: slot, every: Millis::ZERO, count: 1 });
    }

    /// Adds the condition of an alert at the steps that were added last.
    pub(super) fn add_alert(&mut self, labels: &LabelSet, condition: Condition<'_>) {
        let Condition { slots, present, failed, values } = condition;
        let place = *self.places.entry_ref(labels).or_insert_with(|| {
            let labels = labels.clone();
            self.alerts.push(AlertCondition { labels, present: Vec::new(), values: Vec::new() });
            self.alerts.len() - 1
        });
        let alert = &mut self.alerts[place];
        let (first, good) = (self.steps - slots.len(), |word: usize| present[word] & !failed[word]);
        add_runs(&mut alert.present, first, slots.len(), good, |run| alert.values.extend(&values[run]));
    }

    /// Makes the alerts of a rule with the given times. Cost: for each alert its runs, and the values of true steps.
    #[must_use]
    pub fn fold(&self, pace: Pace) -> Folded {
        let mut walks: Vec<Walk<'_>> = self.alerts.iter().map(Walk::new).collect();
        let mut changes = Vec::new();
        let mut slots = self.slots();
        let mut block = Block::default();
        let mut failed = Runs { left: &self.failed };
        for from in (0..self.steps).step_by(BLOCK) {
            block.slots.clear();
            block.slots.extend(slots.by_ref().take(BLOCK));
            failed.unpack(from, block.slots.len(), &mut block.failed, |_, _| {});
            for walk in &mut walks {
                walk.fold(from, &mut block, pace, &mut changes);
            }
        }
        let time = |(labels, change): &(LabelSet, Change)| (change.at, labels.clone());
        changes.sort_by_cached_key(time);
        let active =
            |walk: Walk<'_>| (walk.tracker.state() != State::Inactive).then(|| (walk.labels.clone(), walk.tracker));
        let mut open: Vec<(LabelSet, Tracker)> = walks.into_iter().filter_map(active).collect();
        open.sort_by(|a, b| a.0.cmp(&b.0));
        Folded { changes, open }
    }

    /// Walks over the labels of the alerts, each with whether its condition was true at the first and at the last
    /// evaluation that did not fail: there more of it may be before or after what was evaluated.
    pub fn open(&self) -> impl Iterator<Item = (&LabelSet, [bool; 2])> {
        let first = self.failed.first().filter(|run| run.start == 0).map_or(0, |run| run.end);
        let last = self.failed.last().filter(|run| run.end == self.steps).map_or(self.steps, |run| run.start);
        self.alerts.iter().map(move |alert| {
            let (begin, end) = (alert.present.first(), alert.present.last());
            (&alert.labels, [begin.is_some_and(|run| run.start == first), end.is_some_and(|run| run.end == last)])
        })
    }

    /// Walks over what is known of each alert.
    pub fn alerts(&self) -> impl Iterator<Item = AlertRuns<'_>> {
        self.alerts.iter().map(|alert| AlertRuns {
            labels: &alert.labels,
            present: &alert.present,
            values: &alert.values,
        })
    }

    /// Returns the runs of steps at which the evaluation failed.
    #[must_use]
    pub fn failed(&self) -> &[Range<usize>] {
        &self.failed
    }

    /// Walks over the slots, one for each step.
    pub fn slots(&self) -> impl Iterator<Item = Timestamp> {
        self.slots.iter().flat_map(|even| (0..even.count).map(|index| even.at(index)))
    }
}

impl EvenSlots {
    fn at(self, index: usize) -> Timestamp {
        self.first.plus(Millis(self.every.0.saturating_mul(i64::try_from(index).unwrap_or(i64::MAX))))
    }
}

/// Adds the runs of set bits of a block that begins at a step, and visits each within the block.
fn add_runs(
    runs: &mut Vec<Range<usize>>,
    first: usize,
    steps: usize,
    word: impl Fn(usize) -> u64,
    mut visit: impl FnMut(Range<usize>),
) {
    let mut at = bits::first(0, steps, &word);
    while at < steps {
        let end = bits::first(at, steps, |at| !word(at));
        match runs.last_mut().filter(|last| last.end == first + at) {
            Some(last) => last.end = first + end,
            None => runs.push(first + at..first + end),
        }
        visit(at..end);
        at = bits::first(end, steps, &word);
    }
}

/// Runs of steps that are unpacked block by block.
struct Runs<'a> {
    left: &'a [Range<usize>],
}

impl Runs<'_> {
    /// Sets the bits of a block that begins at a step, and visits each run within the block. Returns whether there is
    /// one.
    fn unpack(&mut self, from: usize, steps: usize, bits: &mut Vec<u64>, mut visit: impl FnMut(usize, usize)) -> bool {
        bits.clear();
        bits.resize(bits::words(steps), 0);
        let mut any = false;
        while let Some(run) = self.left.first().filter(|run| run.start < from + steps) {
            let (start, end) = (run.start.max(from) - from, (run.end - from).min(steps));
            (start..end).for_each(|step| bits::set(bits, step));
            visit(start, end);
            any = true;
            if run.end > from + steps {
                break;
            }
            self.left = &self.left[1..];
        }
        any
    }
}

/// Steps as they are folded.
#[derive(Default)]
struct Block {
    slots: Vec<Timestamp>,
    failed: Vec<u64>,
    present: Vec<u64>,
    values: Vec<f64>,
}

/// An alert while it is folded.
struct Walk<'a> {
    labels: &'a LabelSet,
    runs: Runs<'a>,
    values: &'a [f64],
    tracker: Tracker,
}

impl<'a> Walk<'a> {
    fn new(alert: &'a AlertCondition) -> Self {
        let AlertCondition { labels, present, values } = alert;
        Self { labels, runs: Runs { left: present }, values, tracker: Tracker::default() }
    }

    fn fold(&mut self, from: usize, block: &mut Block, pace: Pace, changes: &mut Vec<(LabelSet, Change)>) {
        let Block { slots, failed, present, values } = block;
        values.resize(slots.len(), 0.0);
        let left = &mut self.values;
        let any = self.runs.unpack(from, slots.len(), present, |start, end| {
            let (run, rest) = left.split_at(end - start);
            values[start..end].copy_from_slice(run);
            *left = rest;
        });
        if any || self.tracker.state() != State::Inactive {
            let condition = Condition { slots, present, failed, values };
            self.tracker.fold(condition, pace, &mut |change| changes.push((self.labels.clone(), change)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::Phase;

    /// Collects pictures (`#` true, `.` not, `x` failed), a step a minute but for a gap of two before the tenth, in
    /// blocks of so many steps.
    fn conditions(pictures: &[(&str, &str)], block: usize) -> Conditions {
        let mut all = Conditions::default();
        let steps = pictures[0].1.len();
        for from in (0..steps).step_by(block) {
            let to = steps.min(from + block);
            let bits = |picture: &str, mark: char| {
                let mut bits = vec![0; bits::words(to - from)];
                let marks = picture[from..to].char_indices().filter(|(_, c)| *c == mark || *c == 'x');
                marks.for_each(|(at, _)| bits::set(&mut bits, at));
                bits
            };
            let minute = |step: usize| Timestamp((step + if step < 10 { 0 } else { 2 }) as i64 * 60_000);
            let slots: Vec<Timestamp> = (from..to).map(minute).collect();
            let values: Vec<f64> = (from..to).map(|step| step as f64).collect();
            let failed = bits(pictures[0].1, 'x');
            all.add_steps(&slots, &failed);
            for (name, picture) in pictures {
                let (labels, present) = (LabelSet::new([("a", *name)]), bits(picture, '#'));
                all.add_alert(
                    &labels,
                    Condition { slots: &slots, present: &present, failed: &failed, values: &values },
                );
            }
        }
        all
    }

    #[test]
    fn conditions_are_the_same_however_they_were_collected() {
        let far = format!("{}#{}", ".".repeat(1500), "#".repeat(1500));
        let long = [("long", far.as_str()), ("end", &format!("{}##", ".".repeat(2999)))];
        for (pictures, runs) in [
            ([("a", "##.###xx##.....####"), ("b", "......xx...........")], 4),
            ([("a", "xx.###xx##.....###x"), ("b", "xx.....xx.#.......#x")], 3),
            (long, 1),
        ] {
            let pace = Pace { hold: Millis(60_000), keep: Millis(180_000) };
            let whole = conditions(&pictures, 4000);
            assert_eq!(whole.alerts[0].present.len(), runs);
            for block in [1, 2, 7, 64, 100] {
                let cut = conditions(&pictures, block);
                assert_eq!(format!("{:?}", cut.fold(pace)), format!("{:?}", whole.fold(pace)), "{block}");
                assert_eq!(cut.open().collect::<Vec<_>>(), whole.open().collect::<Vec<_>>());
                assert_eq!((cut.slots.len(), cut.failed.len()), (whole.slots.len(), whole.failed.len()));
            }
        }
    }

    #[test]
    fn one_condition_gives_other_alerts_at_another_pace() {
        let check = |hold: i64, keep: i64, expected: &[(i64, Phase)], open: bool| {
            let pace = Pace { hold: Millis(hold * 60_000), keep: Millis(keep * 60_000) };
            let folded = conditions(&[("a", "#..##x#.......##")], 5).fold(pace);
            let changes: Vec<_> = folded.changes.iter().map(|(_, change)| (change.at.0 / 60_000, change.to)).collect();
            assert_eq!((changes.as_slice(), folded.open.len()), (expected, usize::from(open)));
        };
        use Phase::{Firing, Inactive, Pending};
        check(0, 0, &[(0, Firing), (1, Inactive), (3, Firing), (7, Inactive), (16, Firing)], true);
        check(2, 0, &[(0, Pending), (1, Inactive), (3, Pending), (6, Firing), (7, Inactive), (16, Pending)], true);
        check(0, 5, &[(0, Firing), (12, Inactive), (16, Firing)], true);
        let ends: Vec<_> = conditions(&[("a", "x#.#xx"), ("b", "x..#xx")], 4).open().map(|(_, ends)| ends).collect();
        assert_eq!(ends, [[true, true], [false, true]]);
    }
}
