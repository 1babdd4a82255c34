//! What arrives in the course of a day, which is the same every day.

use crate::labels::LabelSet;
use crate::time::Millis;

use super::super::dice::Dice;
use super::super::workload::{CYCLE, EPOCH, METRICS, RULES, Row, STAMPS, snapshots};
use super::made;
use super::{DAY, HOUR, OUTAGE, Plan, START, SoakError};

/// The label sets of the built-in workload, and the new ones of a day.
const SWITCHES: (usize, usize) = (24, 12);
/// Series, those of new label sets included, from which on all are forgotten in the outage: a day then begins as the one
/// before, however long it takes for the first 500 to be forgotten.
const FORGOTTEN: usize = 540;
/// The longest look back with which series are forgotten within the outage.
const SHORT_REACH: i64 = 30 * 60_000;
/// How often a value is bad, and for how long.
const BAD: (i64, i64) = (3 * HOUR, 20 * 60_000);
/// The hours in which some are bad all the time.
const LONG_BAD: (i64, i64) = (15, 17);

/// How the values of a series go.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// This column of the snapshots of the built-in workload.
    Column(usize),
    /// One value, and at times one of others.
    Level { usual: f64, bad: Vec<f64> },
    /// A counter that grows by one value a second, and at times by one of others.
    Counter { usual: f64, bad: Vec<f64> },
}

/// Series that differ in one label.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kind {
    /// The labels that all of them have, with the metric.
    pub(super) base: LabelSet,
    /// The label in which they differ.
    pub(super) label: &'static str,
    pub(super) shape: Shape,
}

impl Kind {
    pub(super) fn labels(&self, set: &str) -> LabelSet {
        self.base.to_builder().set(self.label, set).build()
    }
}

/// All that arrives.
pub(super) struct Course {
    pub(super) kinds: Vec<Kind>,
    /// Label sets that are there every day.
    pub(super) steady: usize,
    /// Label sets that are new every day.
    pub(super) new: usize,
    /// How many rules there are.
    pub(super) rules: u64,
    /// How far back the rules look.
    pub(super) reach: Millis,
    rows: Vec<Row>,
    seed: u64,
}

impl Course {
    pub(super) fn of(plan: &Plan) -> Result<Self, SoakError> {
        let rows = snapshots();
        if plan.rules.is_empty() {
            let found = made::read(&[(RULES.0, RULES.1)], plan)?;
            let kind = |(at, metric): (usize, &&str)| Kind {
                base: LabelSet::new([("__name__", *metric)]),
                label: "switch",
                shape: Shape::Column(at),
            };
            let kinds = METRICS.iter().enumerate().map(kind).collect();
            let (steady, new) = SWITCHES;
            return Ok(Self { kinds, steady, new, rules: found.rules, reach: found.reach, rows, seed: plan.seed });
        }
        let texts: Vec<(&str, &str)> = plan.rules.iter().map(|rule| (rule.name.as_str(), rule.text.as_str())).collect();
        let made::Found { kinds, rules, reach } = made::read(&texts, plan)?;
        if kinds.is_empty() {
            return Err(SoakError("the rules read no series that could be made up".to_owned()));
        }
        let sets = FORGOTTEN.div_ceil(kinds.len()).max(4);
        // New label sets of which some are still there at the end of a day would make the days differ.
        let new = if reach.0 <= SHORT_REACH { sets / 4 } else { 0 };
        Ok(Self { kinds, steady: sets - new, new, rules, reach, rows, seed: plan.seed })
    }

    /// Returns a value; `counter` is what the series has come to, if it is a counter.
    pub(super) fn value(
        &self,
        kind: usize,
        set: usize,
        of_day: i64,
        (day, cadence): (u32, Millis),
        counter: &mut f64,
    ) -> f64 {
        let is_bad = |bad: &[f64]| {
            let mut dice = Dice::new(self.seed ^ ((kind as u64) << 32 | set as u64));
            let shift = (dice.roll() % (BAD.0 as u64)) as i64;
            let long = set.is_multiple_of(4) && (LONG_BAD.0 * HOUR..LONG_BAD.1 * HOUR).contains(&of_day);
            let is_bad = long || (of_day + shift) % BAD.0 < BAD.1;
            let which = ((of_day + shift) / BAD.0) as usize + set;
            bad.get(which % bad.len().max(1)).copied().filter(|_| is_bad)
        };
        match &self.kinds[kind].shape {
            Shape::Column(column) => {
                let first = Dice::new(self.seed ^ set as u64).roll() as usize % CYCLE;
                let at = (first + (of_day / cadence.0) as usize) % CYCLE;
                let value = self.rows[at][*column];
                if !STAMPS.contains(column) || value == 0.0 {
                    return value;
                }
                // A time of the cycle, as long ago as it is there.
                let now = (START + i64::from(day) * DAY + of_day) as f64 / 1_000.0;
                now - (EPOCH as f64 / 1_000.0 + at as f64 * 10.0 - value)
            }
            Shape::Level { usual, bad } => is_bad(bad).unwrap_or(*usual),
            Shape::Counter { usual, bad } => {
                *counter += is_bad(bad).unwrap_or(*usual) * cadence.seconds();
                *counter
            }
        }
    }
}

/// Returns whether a new label set is there at a time of the day: each for one hour, all of them before the outage.
pub(super) fn is_there(set: usize, of_day: i64) -> bool {
    of_day / HOUR == 1 + set as i64 % (OUTAGE.0 - 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_label_sets_are_gone_before_the_outage() {
        let hours = |set: usize| (0..24).filter(|hour| is_there(set, hour * HOUR)).collect::<Vec<_>>();
        assert_eq!((hours(0), hours(10), hours(11)), (vec![1], vec![11], vec![1]));
    }

    #[test]
    fn values_are_bad_at_times() {
        let kinds = [Shape::Level { usual: 1.0, bad: vec![5.0] }, Shape::Counter { usual: 1.0, bad: vec![5.0] }];
        let kind = |shape: &Shape| Kind { base: LabelSet::empty(), label: "instance", shape: shape.clone() };
        let course = Course {
            kinds: kinds.iter().map(kind).collect(),
            steady: 1,
            new: 0,
            rules: 1,
            reach: Millis(0),
            rows: Vec::new(),
            seed: 7,
        };
        let step = (0, Millis(60_000));
        let (mut counter, mut bad) = (0.0, 0);
        for minute in 0..24 * 60 {
            bad += i32::from(course.value(0, 1, minute * 60_000, step, &mut counter) == 5.0);
        }
        assert_eq!(bad, 8 * 20, "20 minutes every three hours");
        let values = (0..24 * 60).map(|minute| course.value(1, 1, minute * 60_000, step, &mut counter));
        let values: Vec<f64> = values.collect();
        assert!(values.is_sorted());
        assert_eq!(values.last().copied(), Some(f64::from((24 * 60 - 160) * 60 + 160 * 60 * 5)));
    }
}
