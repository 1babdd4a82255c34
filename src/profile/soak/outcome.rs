//! What came of the days, and whether they were the same.

use crate::embed::Held;
use crate::format;
use crate::time::Millis;

/// From so many bytes on that are still held when all is over they are called lost: what the process itself asks for
/// late, once, is less.
const LOST: i64 = 64;

/// What was seen of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// What is held at its end. Unit: bytes.
    pub live_bytes: i64,
    /// How often memory was asked for.
    pub allocations: u64,
    /// The median time of taking in and evaluating one snapshot. Unit: nanoseconds.
    pub p50_ns: u64,
    /// What 99 of 100 stay within. Unit: nanoseconds.
    pub p99_ns: u64,
    /// Changes of alerts.
    pub events: u64,
    /// Alerts that are active at its end.
    pub alerts: u64,
    /// The length of the saved state at its end. Unit: bytes.
    pub saved_bytes: u64,
    /// Different messages of what went wrong since they were forgotten on the day before.
    pub faults: u64,
    /// What is held at its end, by kind.
    pub(crate) held: Held,
}

/// All days, with one evaluator after another or with one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// By day.
    pub days: Vec<Day>,
    /// What was held after all was given back. Unit: bytes.
    pub left_bytes: i64,
}

impl Pass {
    fn day(&self, day: u32) -> Day {
        self.days.get(day.saturating_sub(1) as usize).copied().unwrap_or_default()
    }

    /// Returns how much more is held on the last day than on this one, from 1. Unit: bytes.
    #[must_use]
    pub fn growth(&self, base: u32) -> i64 {
        self.days.last().copied().unwrap_or_default().live_bytes - self.day(base).live_bytes
    }
}

/// Everything that a soak has to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoakReport {
    /// With a restart each day.
    pub restarted: Pass,
    /// Without.
    pub continuous: Pass,
    /// The day that the last one is compared with, from 1.
    pub base: u32,
    /// How many days.
    pub days: u32,
    /// The distance of snapshots.
    pub cadence: Millis,
    /// What the values depend on.
    pub seed: u64,
    /// Whether it is the built-in workload.
    pub is_built_in: bool,
    /// How many rules, those that record included.
    pub rules: u64,
    /// Series of the label sets that are there every day.
    pub series: u64,
    /// Label sets that are there every day.
    pub label_sets: u64,
    /// Label sets that are new each day.
    pub new_label_sets: u64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether nothing grows, and a restart changes no event.
    pub is_stable: bool,
    /// What was found, in sentences; the first is the answer.
    pub lines: Vec<String>,
}

impl SoakReport {
    /// Judges the days.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let (with, without) = (self.restarted.growth(self.base), self.continuous.growth(self.base));
        let mut lines = Vec::new();
        if (with, without) == (0, 0) {
            let (last, base) = (self.days, self.base);
            lines.push(format!("stable: day {last} ends with the live bytes of day {base}, with restarts and without"));
        } else {
            let how = match (with, without) {
                (_, 0) => format!("with restarts only: {}", self.amount(&self.restarted)),
                (0, _) => format!("without restarts only: {}", self.amount(&self.continuous)),
                _ if with == without => format!("with restarts and without: {}", self.amount(&self.restarted)),
                _ => format!(
                    "with restarts: {}; without: {}",
                    self.amount(&self.restarted),
                    self.amount(&self.continuous)
                ),
            };
            lines.push(format!("{}: live bytes, {how}", if with.max(without) > 0 { "grows" } else { "differs" }));
            lines.extend(self.holder());
        }
        let restarts = self.restarts_that_show();
        // What is still held when all is over was lost, if only on some days.
        let lost = self.restarted.left_bytes.min(self.continuous.left_bytes);
        let is_lost = (with, without) == (0, 0) && lost >= LOST;
        if is_lost {
            lines.clear();
            lines.push(format!("lost: {lost} bytes are still held after the evaluator was dropped"));
        }
        let is_stable = (with, without) == (0, 0) && !is_lost && restarts.is_none();
        lines.extend(restarts);
        lines.extend(self.unlike_days());
        lines.extend(self.failures());
        Finding { is_stable, lines }
    }

    /// Says by how much one pass grew, and when.
    fn amount(&self, pass: &Pass) -> String {
        let grown: Vec<(u32, i64)> = (self.base + 1..=self.days)
            .map(|day| (day, pass.day(day).live_bytes - pass.day(day - 1).live_bytes))
            .filter(|(_, bytes)| *bytes != 0)
            .collect();
        let total = pass.growth(self.base);
        let days = self.days - self.base;
        let even = grown.len() == days as usize && grown.iter().all(|(_, bytes)| *bytes == grown[0].1);
        let when = match grown.as_slice() {
            _ if even => format!("{:+} a day", total / i64::from(days.max(1))),
            [(day, _)] => format!("all on day {day}"),
            _ => grown.iter().map(|(day, bytes)| format!("{bytes:+} on day {day}")).collect::<Vec<_>>().join(", "),
        };
        format!("{total:+} bytes from day {} to day {}, {when}", self.base, self.days)
    }

    /// Says what holds it, as far as the numbers show.
    fn holder(&self) -> Option<String> {
        let (with, without) = (self.restarted.growth(self.base), self.continuous.growth(self.base));
        if with > 0 && self.restarted.left_bytes >= with {
            let left = self.restarted.left_bytes;
            return Some(format!("lost: {left} bytes are still held after the evaluator was dropped"));
        }
        let saved = |pass: &Pass| pass.day(self.days).saved_bytes as i64 - pass.day(self.base).saved_bytes as i64;
        let (pass, held) = if with > 0 { (&self.restarted, with) } else { (&self.continuous, without) };
        if held <= 0 {
            return None;
        }
        let kinds = grown(pass.day(self.base).held, pass.day(self.days).held);
        if !kinds.is_empty() {
            return Some(format!(
                "held by the evaluator: from day {} to day {}, {}",
                self.base,
                self.days,
                kinds.join(", ")
            ));
        }
        Some(match saved(pass) {
            // Times are saved in as few bytes as they need, which differ by some.
            bytes if bytes * 8 < held => {
                "held by the evaluator, but not in what it saves: room of its lists and tables".to_owned()
            }
            bytes => format!("held by the evaluator: what it saves, its series and alerts, differs by {bytes:+} bytes"),
        })
    }

    /// Says on which days a restart changed what happened.
    fn restarts_that_show(&self) -> Option<String> {
        let pairs = self.restarted.days.iter().zip(&self.continuous.days);
        let events: Vec<String> = (1..)
            .zip(pairs)
            .filter(|(_, (with, without))| with.events != without.events)
            .map(|(day, (with, without))| format!("day {day} ({} and {})", with.events, without.events))
            .collect();
        (!events.is_empty()).then(|| format!("events differ with restarts and without: {}", events.join(", ")))
    }

    /// Says that days were not the same, as with rules that ask for the date: they need not hold the same then.
    fn unlike_days(&self) -> Option<String> {
        let (number, base) = (self.base, self.continuous.day(self.base));
        let unlike = |(_, day): &(u32, Day)| (day.events, day.alerts) != (base.events, base.alerts);
        let (other, day) = (number + 1..=self.days).map(|day| (day, self.continuous.day(day))).find(unlike)?;
        Some(format!(
            "days differ: {} events and {} alerts on day {number}, {} and {} on day {other}; rules that ask for the date \
             need not hold the same every day",
            base.events, base.alerts, day.events, day.alerts
        ))
    }

    /// Says that evaluations failed, which the made-up series may be the reason of.
    fn failures(&self) -> Option<String> {
        let faults = self.continuous.day(self.days).faults;
        (faults > 0).then(|| {
            let messages = format::counted(faults, "message");
            format!("something goes wrong each day, as `Live::faults` shows: {messages} on day {}", self.days)
        })
    }
}

/// Returns by how much the kinds differ that do.
fn grown(before: Held, after: Held) -> Vec<String> {
    let kinds = [
        ("series", before.series, after.series),
        ("values", before.values, after.values),
        ("series that rules write", before.written_series, after.written_series),
        ("values of these", before.written_values, after.written_values),
        ("alerts that are active or over", before.alerts, after.alerts),
        ("messages of what went wrong", before.faults, after.faults),
        ("bytes of such messages", before.fault_bytes, after.fault_bytes),
    ];
    let by = |(kind, before, after): (&str, u64, u64)| format!("{:+} {kind}", after as i64 - before as i64);
    kinds.into_iter().filter(|(_, before, after)| before != after).map(by).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(bytes: &[i64], saved: &[u64], left_bytes: i64) -> Pass {
        let day = |(live_bytes, saved_bytes): (&i64, &u64)| Day {
            live_bytes: *live_bytes,
            saved_bytes: *saved_bytes,
            allocations: 10,
            events: 40,
            ..Day::default()
        };
        Pass { days: bytes.iter().zip(saved).map(day).collect(), left_bytes }
    }

    fn report(restarted: Pass, continuous: Pass) -> SoakReport {
        SoakReport {
            restarted,
            continuous,
            base: 2,
            days: 5,
            cadence: Millis(10_000),
            seed: 1,
            is_built_in: true,
            rules: 14,
            series: 360,
            label_sets: 24,
            new_label_sets: 12,
        }
    }

    fn check(restarted: Pass, continuous: Pass, expected: &[&str]) {
        let finding = report(restarted, continuous).finding();
        assert_eq!(finding.lines, expected);
        let is_unlike = expected.iter().any(|line| line.starts_with("events differ"));
        assert_eq!(finding.is_stable, expected[0].starts_with("stable") && !is_unlike);
    }

    #[test]
    fn the_last_day_is_held_against_the_second() {
        let same = || pass(&[90, 100, 100, 100, 100], &[7; 5], 0);
        check(same(), same(), &["stable: day 5 ends with the live bytes of day 2, with restarts and without"]);
        // It was lost before the day that the last one is compared with.
        let early = || pass(&[90, 100, 100, 100, 100], &[7; 5], 128);
        check(early(), early(), &["lost: 128 bytes are still held after the evaluator was dropped"]);
        let leak = || pass(&[64, 164, 228, 292, 356], &[7; 5], 320);
        check(
            leak(),
            leak(),
            &[
                "grows: live bytes, with restarts and without: +192 bytes from day 2 to day 5, +64 a day",
                "lost: 320 bytes are still held after the evaluator was dropped",
            ],
        );
        check(
            same(),
            pass(&[90, 100, 100, 356, 356], &[7, 7, 7, 8, 8], 0),
            &[
                "grows: live bytes, without restarts only: +256 bytes from day 2 to day 5, all on day 4",
                "held by the evaluator, but not in what it saves: room of its lists and tables",
            ],
        );
        check(
            same(),
            pass(&[90, 100, 120, 130, 140], &[7, 7, 15, 20, 25], 0),
            &[
                "grows: live bytes, without restarts only: +40 bytes from day 2 to day 5, +20 on day 3, +10 on day 4, \
                 +10 on day 5",
                "held by the evaluator: what it saves, its series and alerts, differs by +18 bytes",
            ],
        );
        check(
            same(),
            pass(&[90, 100, 100, 100, 80], &[7; 5], 0),
            &["differs: live bytes, without restarts only: -20 bytes from day 2 to day 5, all on day 5"],
        );
    }

    #[test]
    fn what_grows_is_named() {
        let same = || pass(&[100; 5], &[7; 5], 0);
        let mut grows = pass(&[90, 100, 373, 373, 646], &[7, 7, 15, 15, 23], 0);
        for (day, faults) in grows.days.iter_mut().zip([1, 1, 2, 2, 3]) {
            day.held = Held { series: 9, values: 90 + faults, faults, fault_bytes: faults * 270, ..Held::default() };
        }
        let amount = "+546 bytes from day 2 to day 5, +273 on day 3, +273 on day 5";
        check(
            same(),
            grows,
            &[
                &format!("grows: live bytes, without restarts only: {amount}"),
                "held by the evaluator: from day 2 to day 5, +2 values, +2 messages of what went wrong, +540 bytes of such \
                 messages",
            ],
        );
    }

    #[test]
    fn failures_are_told() {
        let mut same = pass(&[100; 5], &[7; 5], 0);
        same.days[4].faults = 1_200;
        check(
            same.clone(),
            same,
            &[
                "stable: day 5 ends with the live bytes of day 2, with restarts and without",
                "something goes wrong each day, as `Live::faults` shows: 1,200 messages on day 5",
            ],
        );
    }

    #[test]
    fn days_that_differ_are_named() {
        let same = || pass(&[100; 5], &[7; 5], 0);
        let changed = |change: fn(&mut Day)| {
            let mut other = same();
            change(&mut other.days[3]);
            other
        };
        let stable = "stable: day 5 ends with the live bytes of day 2, with restarts and without";
        let end = "rules that ask for the date need not hold the same every day";
        let events = changed(|day| day.events = 41);
        let days = format!("days differ: 40 events and 0 alerts on day 2, 41 and 0 on day 4; {end}");
        check(
            same(),
            events.clone(),
            &[stable, "events differ with restarts and without: day 4 (40 and 41)", days.as_str()],
        );
        check(events.clone(), events, &[stable, days.as_str()]);
        let days = format!("days differ: 40 events and 0 alerts on day 2, 40 and 3 on day 4; {end}");
        check(same(), changed(|day| day.alerts = 3), &[stable, days.as_str()]);
    }
}
