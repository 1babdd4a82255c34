//! Days of continuous operation in seconds: snapshots that go through [`Live`], and what it holds at the end of each day.
//!
//! Each day is the same: the same series at the same hours, so that what is held at its end must be the same, to the byte.
//! Label sets go and come back, new ones come for an hour, nothing arrives for an hour, in which what went wrong is looked at
//! and forgotten as a program is to do, and once the state is saved and a new evaluator goes on with it. All days are done twice, the second time without that restart, which would free what an
//! evaluator piles up.

mod course;
mod made;
mod outcome;

use thiserror::Error;

use crate::alloc::{Allocated, CountingAllocator};
use crate::embed::{Live, LiveOptions, Series};
use crate::time::{Millis, Timestamp};

use self::course::Course;
use super::clock::timed;
use super::protocol::RuleSource;
use super::workload;

pub use outcome::{Day, Finding, Pass, SoakReport};

/// A day.
const DAY: i64 = 86_400_000;
/// An hour.
const HOUR: i64 = 3_600_000;
/// When the first day begins: midnight.
const START: i64 = 1_699_920_000_000;
/// The hours in which nothing arrives.
pub const OUTAGE: (i64, i64) = (13, 14);
/// The hours in which half of the label sets are missing.
pub const MISSING: (i64, i64) = (4, 9);
/// The hour of the restart.
pub const RESTART: i64 = 18;
/// The day that the last one is compared with, from 1: on the first one lists and tables get their room.
pub const BASE_DAY: u32 = 2;
/// The longest and the shortest distance of snapshots: a series ends after five minutes without one.
pub const CADENCES: std::ops::RangeInclusive<i64> = 1_000..=300_000;

/// Says why nothing could be run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SoakError(pub String);

/// What is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many days.
    pub days: u32,
    /// The distance of snapshots; an hour is a multiple of it.
    pub cadence: Millis,
    /// What the values depend on.
    pub seed: u64,
    /// Memory that is lost once a day: 0 but for tests. Unit: bytes.
    pub leak: usize,
    /// The rules; without any, those of the built-in workload with its snapshots.
    pub rules: Vec<RuleSource>,
    /// The interval of groups that give none.
    pub interval: Option<Millis>,
    /// After which time without a value a series ends.
    pub lookback: Option<Millis>,
}

/// Runs all days twice and returns what was found; `tick` is called after each day.
///
/// It counts only in a program whose allocator is the [`CountingAllocator`], and whose other threads sleep.
///
/// # Errors
/// When the rules cannot be loaded, read nothing, or look back further than the days reach, when the allocator does not
/// count, and when `stop` says so.
pub fn run(plan: &Plan, stop: &dyn Fn() -> bool, tick: &dyn Fn()) -> Result<SoakReport, SoakError> {
    let course = Course::of(plan)?;
    // The values of a window have room for twice as many at most, and may come to it when as many again have come.
    let base = BASE_DAY.saturating_add(u32::try_from(course.reach.0 * 2 / DAY).unwrap_or(u32::MAX));
    if base >= plan.days {
        let least = base.saturating_add(1);
        let why = if base == BASE_DAY {
            format!("day {base} is compared with the last one")
        } else {
            let (days, hours) = (course.reach.0 / DAY, course.reach.0 / HOUR);
            let far = if days > 0 { format!("{days} days") } else { format!("{hours} hours") };
            format!("the rules look back {far}, so day {base} is compared with the last one")
        };
        return Err(SoakError(format!("{} days are too few: {why}; at least --soak {least}d", plan.days)));
    }
    // One day that does not count: what is made once and stays, and what other threads need to begin, is there then.
    Running::new(plan, &course, true)?.day(0, stop)?;
    let mut passes = [true, false].into_iter().map(|restarts| {
        let mut pass = Running::new(plan, &course, restarts)?;
        for day in 0..plan.days {
            pass.day(day, stop)?;
            tick();
        }
        pass.end()
    });
    let mut pass = || passes.next().unwrap_or_else(|| Err(SoakError("stopped".to_owned())));
    let (restarted, continuous) = (pass()?, pass()?);
    if restarted.days.iter().all(|day| day.allocations == 0) {
        return Err(SoakError("the allocator of this build does not count".to_owned()));
    }
    Ok(SoakReport {
        restarted,
        continuous,
        base,
        cadence: plan.cadence,
        seed: plan.seed,
        is_built_in: plan.rules.is_empty(),
        rules: course.rules,
        series: (course.kinds.len() * course.steady) as u64,
        label_sets: course.steady as u64,
        new_label_sets: course.new as u64,
        days: plan.days,
    })
}

/// The days in which there is one evaluator after another, or the same all the time.
struct Running<'a> {
    plan: &'a Plan,
    course: &'a Course,
    restarts: bool,
    live: Live,
    /// By set, then kind.
    steady: Vec<Series>,
    /// By new set: its series while it is there.
    new: Vec<Option<Vec<Series>>>,
    /// What counters have come to, by set and kind; those of new sets stand last.
    counters: Vec<f64>,
    /// The values of one snapshot: steady or new, the place, the value.
    row: Vec<(Option<usize>, usize, f64)>,
    /// How long the evaluations of a day took. Unit: nanoseconds.
    took: Vec<u64>,
    held: i64,
    /// Messages of what went wrong that were forgotten on the day at hand.
    faults: u64,
    days: Vec<Day>,
}

impl<'a> Running<'a> {
    fn new(plan: &'a Plan, course: &'a Course, restarts: bool) -> Result<Self, SoakError> {
        let (kinds, steps) = (course.kinds.len(), (DAY / plan.cadence.0) as usize);
        let all = kinds * (course.steady + course.new);
        // What the measurement itself needs is there before anything is counted.
        let mut running = Self {
            plan,
            course,
            restarts,
            live: Live::new(),
            steady: Vec::new(),
            new: vec![None; course.new],
            counters: vec![0.0; all],
            row: Vec::with_capacity(all),
            took: Vec::with_capacity(steps),
            held: 0,
            faults: 0,
            days: Vec::with_capacity(plan.days as usize),
        };
        running.counted(|running| {
            running.live = course.live(plan)?;
            running.take_handles();
            Ok(())
        })?;
        Ok(running)
    }

    /// Does something and adds what it holds from then on.
    fn counted(&mut self, work: impl FnOnce(&mut Self) -> Result<(), SoakError>) -> Result<Allocated, SoakError> {
        CountingAllocator::on();
        let done = work(self);
        let allocated = CountingAllocator::off();
        done?;
        // More may be given back than was taken meanwhile.
        self.held += allocated.bytes as i64 - allocated.freed as i64;
        Ok(allocated)
    }

    fn take_handles(&mut self) {
        let Self { course, live, steady, .. } = self;
        steady.clear();
        for set in 0..course.steady {
            let name = format!("s{set:03}");
            steady.extend(course.kinds.iter().map(|kind| live.series(&kind.labels(&name))));
        }
    }

    /// Runs one day.
    fn day(&mut self, day: u32, stop: &dyn Fn() -> bool) -> Result<(), SoakError> {
        self.took.clear();
        let mut events = 0;
        let steps = DAY / self.plan.cadence.0;
        let allocated = self.counted(|running| {
            for step in 0..steps {
                if stop() {
                    return Err(SoakError("stopped".to_owned()));
                }
                events += running.step(day, step)?;
            }
            // A test of whether this is seen: memory that nothing points to.
            std::mem::forget(std::hint::black_box(vec![0_u8; running.plan.leak]));
            Ok(())
        })?;
        self.took.sort_unstable();
        let at = |q: f64| self.took[((self.took.len() - 1) as f64 * q) as usize];
        let mut saved = Length(0);
        let (p50_ns, p99_ns) = (at(0.50), at(0.99));
        self.live.save(&mut saved).map_err(|error| SoakError(error.to_string()))?;
        self.days.push(Day {
            live_bytes: self.held,
            allocations: allocated.calls,
            p50_ns,
            p99_ns,
            events,
            alerts: self.live.alerts().len() as u64,
            saved_bytes: saved.0,
            faults: self.faults,
            held: self.live.held(),
        });
        Ok(())
    }

    /// Takes in one snapshot and evaluates it; returns how many events came of it.
    fn step(&mut self, day: u32, step: i64) -> Result<u64, SoakError> {
        let of_day = step * self.plan.cadence.0;
        let now = Timestamp(START + i64::from(day) * DAY + of_day);
        if self.restarts && of_day == RESTART * HOUR {
            self.restart()?;
        }
        if step == 0 {
            self.counters.fill(0.0);
        }
        if of_day == OUTAGE.0 * HOUR {
            // Messages name series, those of the morning too: they would pile up as long as nobody takes them.
            self.faults = self.live.faults().len() as u64;
            self.live.clear_faults();
        }
        let is_within = |(from, to): (i64, i64)| (from * HOUR..to * HOUR).contains(&of_day);
        let mut events = 0;
        if is_within(OUTAGE) {
            let took = timed(|| events = self.live.advance(now).len() as u64);
            self.took.push(took);
            return Ok(events);
        }
        self.fill_row(day, of_day, is_within(MISSING));
        let Self { course, live, steady, new, row, .. } = self;
        let took = timed(|| {
            let mut snapshot = live.at(now);
            for (of_new, place, value) in row.iter() {
                match of_new {
                    None => snapshot.set(&steady[*place], *value),
                    Some(set) => match &new[*set] {
                        Some(series) => snapshot.set(&series[*place], *value),
                        None => continue,
                    },
                };
            }
            if of_day == MISSING.0 * HOUR {
                // Of those that go, every second is said to have ended; the others are silent from now on.
                for set in (course.steady / 2..course.steady).step_by(2) {
                    let kinds = course.kinds.len();
                    for series in &steady[set * kinds..(set + 1) * kinds] {
                        snapshot.end(series);
                    }
                }
            }
            events = live.evaluate().len() as u64;
        });
        self.took.push(took);
        Ok(events)
    }

    /// Works out the values of a snapshot.
    fn fill_row(&mut self, day: u32, of_day: i64, is_missing: bool) {
        let Self { plan, course, live, new, counters, row, .. } = self;
        let kinds = course.kinds.len();
        row.clear();
        let mut add = |of_new: Option<usize>, set: usize, place: usize, kind: usize| {
            let counter = &mut counters[set * kinds + kind];
            row.push((of_new, place, course.value(kind, set, of_day, (day, plan.cadence), counter)));
        };
        let there = if is_missing { course.steady / 2 } else { course.steady };
        for set in 0..there {
            (0..kinds).for_each(|kind| add(None, set, set * kinds + kind, kind));
        }
        for (set, series) in new.iter_mut().enumerate() {
            if !course::is_there(set, of_day) {
                *series = None;
                continue;
            }
            series.get_or_insert_with(|| {
                let name = format!("new{day:03}x{set:03}");
                course.kinds.iter().map(|kind| live.series(&kind.labels(&name))).collect()
            });
            (0..kinds).for_each(|kind| add(Some(set), course.steady + set, kind, kind));
        }
    }

    /// Saves the state and goes on with it in a new evaluator.
    fn restart(&mut self) -> Result<(), SoakError> {
        let mut saved = Vec::new();
        self.live.save(&mut saved).map_err(|error| SoakError(error.to_string()))?;
        self.live = self.course.live(self.plan)?;
        self.live.restore(saved.as_slice()).map_err(|error| SoakError(error.to_string()))?;
        self.take_handles();
        Ok(())
    }

    /// Gives all back, and counts what is held all the same.
    fn end(mut self) -> Result<Pass, SoakError> {
        self.counted(|running| {
            running.live = Live::new();
            running.steady = Vec::new();
            running.new.fill(None);
            Ok(())
        })?;
        Ok(Pass { days: self.days, left_bytes: self.held })
    }
}

/// Counts what is written.
struct Length(u64);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Course {
    /// Makes an evaluator with the rules.
    fn live(&self, plan: &Plan) -> Result<Live, SoakError> {
        let mut options = LiveOptions::new();
        if let Some(interval) = plan.interval {
            options = options.interval(interval);
        }
        if let Some(lookback) = plan.lookback {
            options = options.stale_after(lookback);
        }
        let mut live = Live::with_options(options);
        let built_in = [(workload::RULES.0, workload::RULES.1)];
        let own: Vec<(&str, &str)> = plan.rules.iter().map(|rule| (rule.name.as_str(), rule.text.as_str())).collect();
        for (name, text) in if own.is_empty() { &built_in[..] } else { &own } {
            live.load(name, text).map_err(|error| SoakError(error.to_string()))?;
        }
        Ok(live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::Held;

    fn plan(days: u32, rules: &[&str]) -> Plan {
        let source = |(at, text): (usize, &&str)| RuleSource { name: format!("{at}.yml"), text: (*text).to_owned() };
        Plan {
            days,
            cadence: Millis(300_000),
            seed: 1,
            leak: 0,
            rules: rules.iter().enumerate().map(source).collect(),
            interval: None,
            lookback: None,
        }
    }

    fn refused(days: u32, rules: &[&str]) -> String {
        run(&plan(days, rules), &|| false, &|| ()).map(|_| String::new()).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn days_that_are_too_few_are_refused() {
        assert_eq!(refused(2, &[]), "2 days are too few: day 2 is compared with the last one; at least --soak 3d");
        let week = "groups: [{name: g, rules: [{alert: A, expr: 'max_over_time(m[7d]) > 1'}]}]\n";
        let message = "7 days are too few: the rules look back 7 days, so day 16 is compared with the last one; at least --soak 17d";
        assert_eq!(refused(7, &[week]), message);
        let hours = "groups: [{name: g, rules: [{alert: A, expr: 'max_over_time(m[20h]) > 1'}]}]\n";
        assert!(refused(3, &[hours]).starts_with("3 days are too few: the rules look back 20 hours, so day 3 is"));
    }

    #[test]
    fn rules_that_read_nothing_are_refused() {
        let nothing = "groups: [{name: g, rules: [{alert: A, expr: 'vector(1) > 0'}]}]\n";
        assert_eq!(refused(3, &[nothing]), "the rules read no series that could be made up");
        assert!(refused(3, &["groups: [{name: g, rules: [{alert: A, expr: 'm >'}]}]\n"]).contains("0.yml"));
    }

    #[test]
    fn days_are_the_same_with_and_without_restarts() {
        // Nothing is counted in the tests of the library, so one day after the other is run here.
        let plan = plan(3, &[]);
        let course = Course::of(&plan).expect("the rules load");
        let days = |restarts| {
            let mut running = Running::new(&plan, &course, restarts).expect("the rules load");
            (0..plan.days).for_each(|day| running.day(day, &|| false).expect("it runs"));
            running.days.iter().map(|day| (day.events, day.alerts, day.saved_bytes)).collect::<Vec<_>>()
        };
        let (with, without) = (days(true), days(false));
        assert_eq!(with[1], with[2]);
        assert_eq!(without[1], without[2]);
        assert_eq!(with, without);
        assert!(with[1].0 > 20, "alerts come and go: {with:?}");
    }

    #[test]
    fn messages_that_name_new_series_do_not_pile_up() {
        let rule = "groups: [{name: g, rules: [{alert: A, expr: 'm > on () group_left () (0 * (n > 28))'}]}]\n";
        let plan = plan(4, &[rule]);
        let course = Course::of(&plan).expect("the rules load");
        let mut running = Running::new(&plan, &course, false).expect("the rules load");
        (0..plan.days).for_each(|day| running.day(day, &|| false).expect("it runs"));
        let days: Vec<(u64, Held)> = running.days.iter().map(|day| (day.faults, day.held)).collect();
        assert!(course.new > 0 && days[1].0 > 5, "{days:?}");
        assert!(days[1] == days[2] && days[1] == days[3], "{days:?}");
    }
}
