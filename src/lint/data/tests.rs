//! What lints of data say of rules on small recordings.

use std::fmt::Write as _;

use super::super::evidence::{Evidence, Recorded};
use super::super::subject::{LintOptions, Subject};
use super::super::{needs_data, run, run_data};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::input::{ReadOptions, Recording, Text};
use crate::outcome::RunOptions;
use crate::rules::RuleSet;

/// A recording: a line for each sample, in the order of time.
#[derive(Default)]
struct Night(Vec<(i64, String)>);

impl Night {
    /// Adds a series with labels `host` and `job`, with values at multiples of so many seconds.
    fn series(self, metric: &str, host: &str, step: i64, values: impl IntoIterator<Item = f64>) -> Self {
        self.late(metric, host, (0, step), values)
    }

    fn late(
        mut self,
        metric: &str,
        host: &str,
        (first, step): (i64, i64),
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        for (at, value) in (0_i64..).zip(values) {
            let time = first + at * step;
            if !value.is_nan() {
                self.0.push((time, format!("{metric},{host},web,{value}")));
            }
        }
        self
    }

    fn csv(mut self) -> String {
        self.0.sort_by_key(|(time, _)| *time);
        let mut text = "timestamp,metric,host,job,value\n".to_owned();
        for (time, rest) in self.0 {
            writeln!(text, "{},{rest}", 1_767_571_200 + time).expect("a text");
        }
        text
    }
}

/// Returns what is found in the rules of one group.
fn found(rules: &str, night: Night) -> Vec<Diagnostic> {
    let text = format!("groups:\n- name: g\n  interval: 1m\n  rules:\n{rules}");
    let mut rules = RuleSet { keep_parts: true, ..RuleSet::default() };
    rules.add("example.yml", text.as_bytes());
    assert!(!rules.diagnostics.has_errors(), "{text}{:#?}", rules.diagnostics);
    let subject = Subject::new(&rules, LintOptions::default());
    let recording = Recording::open(vec![Text::boxed("night.csv", &night.csv())], ReadOptions::default());
    let options = RunOptions::default();
    let recorded = Recorded::read(&rules, &options, &mut recording.expect("opens"), &mut ()).expect("runs");
    let mut all = run(&subject, &|code| !needs_data(code));
    all.extend(run_data(&Evidence::new(&subject, &recorded), &|_| true));
    all.sorted()
}

/// Returns what is found with one code in one alert: severity, message, and help.
fn of(code: &str, alert: &str, night: Night) -> Vec<(Severity, String)> {
    let found = found(&format!("  - alert: A\n    expr: |\n      {alert}\n"), night);
    told(&found, code)
}

fn told(found: &[Diagnostic], code: &str) -> Vec<(Severity, String)> {
    let own = found.iter().filter(|one| one.code == code);
    own.map(|one| (one.severity, format!("{}; {}", one.message, one.help.join("; ")))).collect()
}

/// Checks that there is one finding, as bad as that, with all words.
#[track_caller]
fn one(found: &[(Severity, String)], severity: Severity, words: &[&str]) {
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].0, severity, "{found:#?}");
    for word in words {
        assert!(found[0].1.contains(word), "{word}: {found:#?}");
    }
}

fn steady(value: f64, many: usize) -> Vec<f64> {
    vec![value; many]
}

fn rising(by: f64, many: u32) -> Vec<f64> {
    (0..many).map(|at| f64::from(at) * by).collect()
}

#[test]
fn a_range_too_short_for_some_series_is_a_warning() {
    let night = |fast: usize| {
        let slow = Night::default().series("x_total", "slow", 120, rising(10.0, 30));
        (0..fast).fold(slow, |night, at| night.series("x_total", &format!("f{at}"), 15, rising(1.0, 240)))
    };
    for fast in [1, 9] {
        let found = of(codes::RANGE_TOO_SHORT, "rate(x_total[1m]) > 9", night(fast));
        let of = format!("1 of {} series", fast + 1);
        one(&found, Severity::Warning, &["host=\"slow\"", "every 2m", &of]);
    }
    let found = of(codes::RANGE_TOO_SHORT, "rate(x_total[1m]) > 9", night(0));
    one(&found, Severity::Error, &["every 2m", "never gives a value"]);
    assert!(!found[0].1.contains("series"), "{found:#?}");
}

#[test]
fn a_subquery_of_one_step_is_found_with_data_too() {
    let night = Night::default().series("x_total", "a", 15, rising(1.0, 240));
    one(&of(codes::RANGE_TOO_SHORT, "rate(x_total[1m:1m]) > 9", night), Severity::Error, &["one step of 1m"]);
}

#[test]
fn a_pair_that_matches_for_a_moment_is_a_match() {
    let night = |short: usize| {
        let night = Night::default().series("x", "b", 60, steady(5.0, 600)).series("y", "a", 60, steady(1.0, 600));
        night.late("x", "a", (300 * 60, 60), steady(5.0, short))
    };
    for expr in ["x / on (host) y > 30", "sum(x * on (host) y) > 100", "x * on (host) y > 3 or x > 70"] {
        assert_eq!(of(codes::NO_MATCH, expr, night(5)), [], "{expr}");
    }
    let found = of(codes::NO_MATCH, "x / on (host) y > 30", night(0));
    one(&found, Severity::Warning, &["at none of the 600 times looked at"]);
}

#[test]
fn a_proposal_of_labels_is_tried() {
    let night = || {
        let night = Night::default().series("x", "a", 60, steady(5.0, 60)).series("x", "b", 60, steady(5.0, 60));
        night.series("y", "c", 60, steady(1.0, 60))
    };
    one(
        &of(codes::NO_MATCH, "x / y > 30", night()),
        Severity::Warning,
        &["these would match: `/ on (job) group_left ()`"],
    );
    let both = night().series("y", "d", 60, steady(1.0, 60));
    let found = of(codes::NO_MATCH, "x / y > 30", both);
    one(&found, Severity::Warning, &["match by labels that both sides have"]);
}

#[test]
fn the_share_of_firing_is_of_all_evaluations_with_data() {
    let queue = |quiet: usize| [steady(20.0, quiet), steady(95.0, 60 - quiet)].concat();
    let check =
        |quiet: usize| of(codes::ALWAYS_FIRING, "queue > 90", Night::default().series("queue", "a", 60, queue(quiet)));
    assert_eq!(check(8), []);
    assert_eq!(check(7), []);
    one(&check(5), Severity::Warning, &["nearly all the time: 91 %"]);
    one(&check(0), Severity::Warning, &["fires all the time", "at 24 times looked at"]);
    // A series that begins late and ends early fires all its life.
    let night = || Night::default().series("queue", "a", 60, steady(1.0, 300));
    let short = night().late("queue", "b", (6000, 60), steady(95.0, 60));
    one(&of(codes::ALWAYS_FIRING, "queue > 90", short), Severity::Info, &["1 of 2 label sets"]);
    assert_eq!(of(codes::ALWAYS_FIRING, "queue > 90", night().late("queue", "b", (6000, 60), steady(95.0, 3))), []);
}

#[test]
fn what_unless_does_not_find_is_said_of_it() {
    let night = Night::default().series("queue", "a", 60, steady(20.0, 60));
    let found = of(codes::ALWAYS_FIRING, "queue unless quiet", night);
    one(&found, Severity::Info, &["so `unless` takes nothing away"]);
}

#[test]
fn thresholds_are_told_as_they_are_written() {
    let night = || Night::default().series("queue", "a", 60, [61.0, 70.0].repeat(30));
    let check = |expr| of(codes::THRESHOLD_OUT_OF_RANGE, expr, night());
    one(&check("queue < 40"), Severity::Info, &["closest is 61, 52.5 % above it"]);
    one(&check("queue < 20"), Severity::Info, &["closest is 61, 3.05 times the threshold"]);
    one(&check("queue > 700.8911"), Severity::Info, &["`> 700.8911`", "the threshold is 10 times that"]);
    one(&check("queue > 100 unless queue < 70"), Severity::Info, &["closest is 70, 30 % below it"]);
    let two = night().series("other", "a", 60, steady(244.0, 60));
    one(
        &of(codes::THRESHOLD_OUT_OF_RANGE, "queue > other", two),
        Severity::Info,
        &["at 24 times looked at, it is 28.7 %"],
    );
}

#[test]
fn one_mistake_has_one_finding() {
    let night = || {
        let night = Night::default().series("up", "a", 60, steady(1.0, 60));
        night.series("queue", "a", 60, steady(20.0, 60))
    };
    for (expr, code) in
        [("up > 1", codes::CONTRADICTORY_THRESHOLD), ("queue / on (host) sum(up) > 90", codes::DEAD_CODE)]
    {
        let found = found(&format!("  - alert: A\n    for: 5m\n    expr: {expr}\n"), night());
        let codes: Vec<&str> = found.iter().map(|one| one.code).filter(|code| *code != codes::COST).collect();
        assert_eq!(codes, [code], "{expr}");
    }
}
