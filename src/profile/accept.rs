//! Increases that are meant: regressions that somebody accepts, with a reason, for a while.
//!
//! An acceptance stands in a file ([`read_file`]) or in a comment of the rule itself ([`read_comments`]).
//! [`apply`] turns the regressions that it covers into [`Verdict::Accepted`], once a comparison is finished.

mod comment;
mod file;

pub use comment::{Comment, read_comments};
pub use file::{Known, read_file};

use super::compare::{Compared, Comparison, RUN_PREFIX, RuleRef};
use super::gate::Verdict;
use super::sample::Kind;
use crate::time::Day;

/// How long an acceptance is good from its date on. Unit: days.
const GOOD_FOR: i64 = 30;

/// How much of what grew must be accepted for all of it to be. A share.
const MOST: f64 = 0.8;

/// Reads a date and refuses one that is to come; zones may be a day ahead of `today`.
fn read_day(text: &str, today: Day) -> Result<Day, String> {
    let day = Day::parse(text).ok_or_else(|| format!("`{text}` is not a date; write it like `{today}`"))?;
    if day > today.plus(1) {
        return Err(format!("{text} is still to come; today is {today}"));
    }
    Ok(day)
}

/// Returns the last day on which an acceptance of a date is good.
fn last_good(date: Day) -> Day {
    date.plus(GOOD_FOR)
}

/// A figure of the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// Samples that are read.
    Samples,
    /// Series that are touched.
    Series,
    /// Times.
    Time,
}

impl Total {
    /// All of them with their words.
    const ALL: [(Self, &'static str); 3] =
        [(Self::Samples, "samples_per_s"), (Self::Series, "series"), (Self::Time, "time")];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(total, _)| *total == self).map_or("", |(_, word)| word)
    }

    /// Returns whether a metric is of this kind and about the whole run.
    fn covers(self, metric: &Compared) -> bool {
        let fits = match self {
            Self::Samples => metric.kind == Kind::Samples,
            Self::Series => metric.kind == Kind::Count && metric.id.contains("series"),
            Self::Time => !metric.kind.is_exact(),
        };
        fits && metric.rule.is_none() && metric.id.starts_with(RUN_PREFIX)
    }
}

/// What an acceptance is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Covers {
    /// All rules of a name, or those of a group.
    Named {
        /// The alert, or the metric that is recorded.
        rule: String,
        /// The group.
        group: Option<String>,
    },
    /// The rule that a comment stands at.
    Rule(RuleRef),
    /// A figure of the whole run.
    Total(Total),
}

impl Covers {
    fn covers(&self, metric: &Compared) -> bool {
        match (self, &metric.rule) {
            (_, Some(found)) => self.covers_rule(found),
            (Self::Total(total), None) => total.covers(metric),
            _ => false,
        }
    }

    fn covers_rule(&self, found: &RuleRef) -> bool {
        match self {
            Self::Named { rule, group } => {
                *rule == found.name && group.as_ref().is_none_or(|group| *group == found.group)
            }
            Self::Rule(rule) => rule == found,
            Self::Total(_) => false,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Named { rule, .. } => format!("`{rule}`"),
            Self::Rule(rule) => format!("`{}`", rule.name),
            Self::Total(total) => format!("the total of {}", total.word()),
        }
    }
}

/// An increase that somebody accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// What may cost more.
    pub covers: Covers,
    /// When it was accepted.
    pub date: Day,
    /// Why.
    pub reason: String,
    /// Where that is written: `accept.yml:3`.
    pub place: String,
    /// Whether it is in the base already, so that what it accepted is part of it.
    pub used_up: bool,
}

/// Lets the regressions pass that are accepted, and says of the others why an acceptance does not cover them. Returns
/// what a reader should know of acceptances that were not needed.
pub fn apply(comparison: &mut Comparison, all: &[Acceptance], today: Day) -> Vec<String> {
    let mut needed = vec![false; all.len()];
    let worse = comparison.metrics.iter_mut().filter(|metric| metric.decision.verdict == Verdict::Regression);
    for metric in worse {
        let covering: Vec<usize> = (0..all.len()).filter(|at| all[*at].covers.covers(metric)).collect();
        covering.iter().for_each(|at| needed[*at] = true);
        let is_good = |acceptance: &&Acceptance| !acceptance.used_up && today <= last_good(acceptance.date);
        let mut found = covering.iter().map(|at| &all[*at]);
        let decision = &mut metric.decision;
        let cause = if decision.note.is_empty() { String::new() } else { format!("; {}", decision.note) };
        if let Some(good) = found.clone().find(is_good) {
            decision.verdict = Verdict::Accepted;
            decision.note = format!("accepted {}: {}{cause}", good.date, good.reason);
        } else if let Some(bad) = found.next_back() {
            let why = match bad.used_up {
                true => "is in the base already".to_owned(),
                false => format!("expired on {}", last_good(bad.date)),
            };
            decision.note = format!("the acceptance of {} ({}) {why}{cause}", bad.date, bad.place);
        }
    }
    let good = |acceptance: &Acceptance| !acceptance.used_up && today <= last_good(acceptance.date);
    totals(comparison, all, good, &mut needed);
    let idle = all.iter().zip(needed).filter(|(acceptance, needed)| !needed && !acceptance.used_up);
    idle.map(|(acceptance, _)| {
        let (name, place) = (acceptance.covers.name(), &acceptance.place);
        format!("the acceptance of {name} ({place}) was not needed: nothing that it covers became worse")
    })
    .collect()
}

/// Lets the totals of the run pass where rules that are accepted made them grow.
fn totals(comparison: &mut Comparison, all: &[Acceptance], good: impl Fn(&Acceptance) -> bool, needed: &mut [bool]) {
    let (mut grew, mut accepted) = (0.0, 0.0);
    for rule in &comparison.grew {
        grew += rule.more;
        let covering = (0..all.len()).find(|at| good(&all[*at]) && all[*at].covers.covers_rule(&rule.rule));
        if let Some(at) = covering {
            needed[at] = true;
            accepted += rule.more;
        }
    }
    if accepted <= 0.0 {
        return;
    }
    let failed = |metric: &&mut Compared| metric.rule.is_none() && metric.decision.verdict == Verdict::Regression;
    for metric in comparison.metrics.iter_mut().filter(failed).filter(|metric| metric.id.starts_with(RUN_PREFIX)) {
        let decision = &mut metric.decision;
        let passes = match (metric.kind, decision.base, decision.now, decision.threshold) {
            (Kind::Samples, Some(base), Some(now), Some(threshold)) => now - accepted <= base * threshold,
            // How much of the series and of the time is whose cannot be told: it follows what is read.
            _ => accepted >= grew * MOST,
        };
        if passes {
            decision.verdict = Verdict::Accepted;
            decision.note = format!("accepted at the rules; {}", decision.note);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::gate::Decision;
    use crate::profile::sample::Better;

    pub(super) fn day(text: &str) -> Day {
        Day::parse(text).expect("a date")
    }

    fn rule(name: &str, line: u32) -> RuleRef {
        RuleRef { file: "node.yml".to_owned(), line, group: "node".to_owned(), name: name.to_owned() }
    }

    fn metric(id: &str, rule: Option<RuleRef>, kind: Kind, note: &str) -> Compared {
        let decision = Decision {
            verdict: Verdict::Regression,
            base: Some(1.0),
            now: Some(2.0),
            ratio: Some(2.0),
            interval: None,
            threshold: Some(1.0),
            open: false,
            note: note.to_owned(),
        };
        Compared { id: id.to_owned(), rule, unit: "1".to_owned(), better: Better::Lower, kind, decision }
    }

    fn comparison() -> Comparison {
        let rule_of = |line| Some(rule("HighCpu", line));
        Comparison {
            metrics: vec![
                metric("rule.samples", rule_of(12), Kind::Samples, "window grew from [1h] to [6h]"),
                metric("rule.ns", rule_of(12), Kind::Time, ""),
                metric("rule.samples", rule_of(40), Kind::Samples, ""),
                metric("run.samples_per_s", None, Kind::Samples, ""),
                metric("run.series", None, Kind::Count, ""),
                metric("run.ns", None, Kind::Time, ""),
                metric("latency.p50", None, Kind::Time, ""),
            ],
            rules: Vec::new(),
            grew: Vec::new(),
        }
    }

    fn acceptance(covers: Covers, date: &str) -> Acceptance {
        let (reason, place) = ("weekly pattern".to_owned(), "accept.yml:3".to_owned());
        Acceptance { covers, date: day(date), reason, place, used_up: false }
    }

    /// Returns which metrics are accepted, by their places.
    fn accepted(comparison: &Comparison) -> Vec<usize> {
        let metrics = comparison.metrics.iter().enumerate();
        metrics.filter(|(_, metric)| metric.decision.verdict == Verdict::Accepted).map(|(at, _)| at).collect()
    }

    #[test]
    fn what_is_covered_is_accepted_and_nothing_else() {
        let check = |covers: Covers, expected: &[usize]| {
            let mut comparison = comparison();
            let notes = apply(&mut comparison, &[acceptance(covers.clone(), "2026-11-29")], day("2026-11-29"));
            assert_eq!(accepted(&comparison), expected, "{covers:?}");
            assert_eq!(notes.is_empty(), !expected.is_empty(), "{notes:?}");
        };
        let named =
            |rule: &str, group: Option<&str>| Covers::Named { rule: rule.to_owned(), group: group.map(str::to_owned) };
        check(named("HighCpu", None), &[0, 1, 2]);
        check(named("HighCpu", Some("node")), &[0, 1, 2]);
        check(named("HighCpu", Some("disk")), &[]);
        check(named("Other", None), &[]);
        check(Covers::Rule(rule("HighCpu", 12)), &[0, 1]);
        check(Covers::Total(Total::Samples), &[3]);
        check(Covers::Total(Total::Series), &[4]);
        check(Covers::Total(Total::Time), &[5]);
    }

    #[test]
    fn what_was_not_worse_stays_what_it_was() {
        let mut comparison = comparison();
        comparison.metrics.iter_mut().for_each(|metric| metric.decision.verdict = Verdict::Inconclusive);
        let before = comparison.clone();
        let notes = apply(&mut comparison, &[acceptance(Covers::Total(Total::Time), "2026-11-29")], day("2026-11-29"));
        assert_eq!(comparison, before);
        let idle =
            "the acceptance of the total of time (accept.yml:3) was not needed: nothing that it covers became worse";
        assert_eq!(notes, [idle]);
    }

    #[test]
    fn an_acceptance_is_good_for_thirty_days() {
        let check = |today: &str, used_up: bool, verdict: Verdict, note: &str| {
            let mut comparison = comparison();
            let acceptance = Acceptance { used_up, ..acceptance(Covers::Rule(rule("HighCpu", 12)), "2026-11-29") };
            apply(&mut comparison, &[acceptance], day(today));
            let decision = &comparison.metrics[0].decision;
            assert_eq!((decision.verdict, decision.note.as_str()), (verdict, note));
        };
        let good = "accepted 2026-11-29: weekly pattern; window grew from [1h] to [6h]";
        check("2026-11-28", false, Verdict::Accepted, good);
        check("2026-12-29", false, Verdict::Accepted, good);
        let late = "the acceptance of 2026-11-29 (accept.yml:3) expired on 2026-12-29; window grew from [1h] to [6h]";
        check("2026-12-30", false, Verdict::Regression, late);
        let used = "the acceptance of 2026-11-29 (accept.yml:3) is in the base already; window grew from [1h] to [6h]";
        check("2026-11-29", true, Verdict::Regression, used);
    }

    #[test]
    fn a_later_acceptance_takes_the_place_of_one_that_expired() {
        let mut comparison = comparison();
        let covers = || Covers::Rule(rule("HighCpu", 12));
        let both = [acceptance(covers(), "2026-01-05"), acceptance(covers(), "2026-11-29")];
        let notes = apply(&mut comparison, &both, day("2026-11-29"));
        assert_eq!((accepted(&comparison), notes), (vec![0, 1], Vec::new()));
    }

    #[test]
    fn dates_are_read_strictly() {
        let today = day("2026-11-29");
        let check = |text: &str, expected: Result<&str, &str>| {
            let found = read_day(text, today).map(|day| day.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned));
        };
        check("2026-11-29", Ok("2026-11-29"));
        check("2026-11-30", Ok("2026-11-30"));
        check("2026-12-01", Err("2026-12-01 is still to come; today is 2026-11-29"));
        for wrong in ["", "2026-02-30", "29.11.2026", "2026-1-5", "20261129", "2026-11-29T00:00:00Z"] {
            check(wrong, Err(&format!("`{wrong}` is not a date; write it like `2026-11-29`")));
        }
    }
}
