//! What lints of data say of rules on small recordings.

use std::fmt::Write as _;

use super::super::evidence::{self, Evidence};
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
    found_in(rules, "night.csv", &night.csv())
}

fn found_in(rules: &str, path: &str, recording: &str) -> Vec<Diagnostic> {
    let text = format!("groups:\n- name: g\n  interval: 1m\n  rules:\n{rules}");
    let mut rules = RuleSet { keep_parts: true, ..RuleSet::default() };
    rules.add("example.yml", text.as_bytes());
    assert!(!rules.diagnostics.has_errors(), "{text}{:#?}", rules.diagnostics);
    let subject = Subject::new(&rules, LintOptions::default());
    let recording = Recording::open(vec![Text::boxed(path, recording)], ReadOptions::default());
    let options = RunOptions::default();
    let recorded = evidence::record(&rules, &options, &mut recording.expect("opens"), &mut ()).expect("runs");
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

#[test]
fn a_counter_below_a_threshold_becomes_false() {
    let night = || Night::default().series("x_total", "a", 60, rising(1.0, 60));
    let find = |expr| of(codes::COUNTER_AS_GAUGE, expr, night());
    one(&find("x_total < 30"), Severity::Warning, &["becomes false sooner or later, and stays so"]);
    one(&find("30 > x_total"), Severity::Warning, &["becomes false"]);
    one(&find("30 < x_total offset 5m"), Severity::Warning, &["becomes true", "`rate(x_total[5m] offset 5m)`"]);
}

#[test]
fn labels_of_the_rule_itself_are_not_those_of_series() {
    let rule = |text: &str, expr: &str| {
        let rule = format!(
            "  - alert: A\n    expr: {expr}\n    for: 5m\n    labels: {{severity: page}}\n    annotations: {{summary: '{text}'}}\n"
        );
        let night = Night::default().series("queue", "a", 60, [steady(5.0, 20), steady(95.0, 40)].concat());
        told(&found(&rule, night), codes::NO_SUCH_LABEL)
    };
    one(&rule("{{ $labels.severity }}", "queue > 90"), Severity::Warning, &["not those that the rule sets"]);
    one(&rule("{{ $labels.alertname }}", "queue > 90"), Severity::Warning, &["not those that the rule sets"]);
    let other = rule("{{ $labels.cluster }}", "queue > 90");
    one(&other, Severity::Info, &["their labels are `host`, `job`"]);
    assert!(!other[0].1.contains("severity"), "{other:#?}");
}

#[test]
fn typos_that_take_something_are_found() {
    let night = || {
        let night = Night::default().series("queue", "alpha", 60, steady(5.0, 20));
        night.series("queue", "beta", 60, steady(5.0, 20)).series("queue", "gamma", 60, steady(5.0, 20))
    };
    for (expr, near) in [
        ("sum without (hots) (queue) > 90", "host"),
        ("queue{hots!=\"alpha\"} > 90", "host"),
        ("queue{jbo=\"\"} > 90", "job"),
    ] {
        one(&of(codes::NO_SUCH_LABEL, expr, night()), Severity::Warning, &[&format!("did you mean `{near}`?")]);
    }
    for (expr, near) in [
        ("queue{host!=\"aplha\"} > 90", "alpha"),
        ("queue{host=~\"alpha|bteta\"} > 90", "beta"),
        ("queue{host!~\"alpha|gama\"} > 90", "gamma"),
    ] {
        one(&of(codes::NO_SUCH_VALUE, expr, night()), Severity::Warning, &[&format!("did you mean `{near}`?")]);
    }
    for expr in [
        "sum without (cluster) (queue) > 90",
        "queue{host!=\"other\",zone=\"\"} > 90",
        "queue{host=~\"alpha|al.*a|delta-9\"} > 90",
    ] {
        let found = found(&format!("  - alert: A\n    for: 5m\n    expr: {expr}\n"), night());
        let codes: Vec<&str> = found.iter().map(|one| one.code).filter(|code| code.starts_with("no-such")).collect();
        assert_eq!(codes, [""; 0], "{expr}");
    }
}

#[test]
fn an_hour_of_data_holds_an_hour() {
    let find = |range: &str| {
        let night = Night::default().series("queue", "a", 60, steady(5.0, 60));
        of(codes::BEYOND_DATA, &format!("max_over_time(queue[{range}]) > 90"), night)
    };
    assert_eq!(find("1h"), []);
    one(&find("62m"), Severity::Warning, &["longer than the recording"]);
}

#[test]
fn what_is_read_is_counted_once_and_at_all_steps() {
    let night = || Night::default().series("queue", "a", 60, steady(5.0, 60)).series("queue", "b", 60, steady(5.0, 60));
    let find = |expr| of(codes::COST, expr, night());
    one(&find("queue > 90 and queue < 99"), Severity::Info, &["reads 2 series and 2 samples"]);
    one(&find("max_over_time(queue[5m]) > 90"), Severity::Info, &["reads 2 series and 10 samples"]);
    one(&find("max_over_time(rate(queue[5m])[1h:1m]) > 90"), Severity::Info, &["reads 2 series and 600 samples"]);
    let rules =
        "  - record: job:queue:sum\n    expr: sum by (job) (queue)\n  - alert: A\n    expr: job:queue:sum > 90\n";
    let found = told(&found(rules, night()), codes::COST);
    assert!(found[1].1.contains("reads 1 series and 1 sample"), "{found:#?}");
}

#[test]
fn a_limit_that_is_exceeded_drops_all_alerts() {
    let hosts = ["a", "b", "c"];
    let night = hosts.iter().fold(Night::default(), |night, host| night.series("queue", host, 60, steady(5.0, 60)));
    let text = "  - alert: A\n    for: 5m\n    expr: queue > 3\n  limit: 2\n";
    let found = told(&found(text, night), codes::COST);
    assert_eq!(found.len(), 2, "{found:#?}");
    let all = format!("{found:?}");
    for words in
        ["`A` exceeds the limit of 2 alerts at 60 evaluations", "drops all alerts of the rule", "would give up to 3"]
    {
        assert!(all.contains(words), "{words}: {found:#?}");
    }
}

#[test]
fn a_gap_is_from_sample_to_sample() {
    let values = [steady(95.0, 20), steady(f64::NAN, 3), steady(95.0, 20)].concat();
    let night = Night::default().series("queue", "a", 60, values).series("up", "a", 60, steady(1.0, 43));
    let found = of(codes::GAP_RESET, "queue > 90", night);
    assert_eq!(found, []);
    let rule = "  - alert: A\n    for: 10m\n    expr: queue offset 1m > 90\n";
    let values = [steady(95.0, 20), steady(f64::NAN, 8), steady(95.0, 20)].concat();
    let night = Night::default().series("queue", "a", 60, values).series("up", "a", 60, steady(1.0, 48));
    let found = told(&self::found(rule, night), codes::GAP_RESET);
    one(&found, Severity::Warning, &["the longest of 9m", "`last_over_time(queue[10m] offset 1m)`"]);
}

#[test]
fn what_never_fires_says_what_is_known() {
    let night = || {
        let night = Night::default().series("queue", "a", 60, (0..60).map(|at| f64::from(at % 10)));
        night.series("load_ratio", "a", 60, steady(0.5, 60))
    };
    let never = of(codes::NEVER_FIRES, "queue == 3.5", night());
    one(&never, Severity::Info, &["the values are between 0 and 9, and the rule asks for `== 3.5`"]);
    let threshold = |expr| of(codes::THRESHOLD_OUT_OF_RANGE, expr, night());
    one(
        &threshold("queue > 3 and load_ratio > 90"),
        Severity::Warning,
        &["`> 90` at 24 times looked at: the closest is 0.5"],
    );
    one(&threshold("queue > 3 or queue > 12"), Severity::Info, &["`> 12` at 24 times looked at"]);
    assert_eq!(threshold("queue > 3 and load_ratio > 0.1"), []);
}

#[test]
fn names_that_rules_record_are_near() {
    let rules =
        "  - record: job:queue:sum\n    expr: sum by (job) (queue)\n  - alert: A\n    expr: job:queue:summ > 90\n";
    let night = Night::default().series("queue", "a", 60, steady(5.0, 60));
    one(&told(&found(rules, night), codes::NO_SUCH_METRIC), Severity::Warning, &["did you mean `job:queue:sum`?"]);
}

#[test]
fn a_group_that_fixes_duplicates_is_named() {
    let night = Night::default().series("queue", "a", 60, steady(5.0, 60)).series("queue", "b", 60, steady(5.0, 60));
    let night = night.series("size", "a", 60, steady(9.0, 60));
    let found = of(codes::DUPLICATE_LABELSET, "sum(queue / on (job) size) > 90", night);
    one(&found, Severity::Error, &["`/ on (job) group_left ()`"]);
}

#[test]
fn the_worst_that_flaps_is_told_by_what_sets_it_apart() {
    let flaps = || (0..60).map(|at| if at % 4 < 2 { 95.0 } else { 5.0 });
    let night = Night::default().series("queue", "a", 60, flaps()).series("queue", "b", 60, steady(95.0, 60));
    let found = of(codes::FLAPPING, "queue > 90", night);
    one(&found, Severity::Warning, &["the worst is {host=\"a\"};"]);
}

#[test]
fn what_type_lines_say_is_believed() {
    let samples = |name: &str| -> String {
        (0..60).map(|at| format!("{name}{{host=\"a\"}} {at} {}\n", 1_767_571_200 + at * 60)).collect()
    };
    let text =
        |types: &str| format!("{types}{}{}{}# EOF\n", samples("jobs"), samples("runs_total"), samples("level_total"));
    let check = |types: &str, code: &str, expr: &str| {
        let found = found_in(&format!("  - alert: A\n    for: 5m\n    expr: {expr}\n"), "night.om", &text(types));
        told(&found, code).len()
    };
    let types = "# TYPE jobs counter\n# TYPE runs counter\n# TYPE level_total gauge\n";
    for (expr, with, without) in [("jobs > 900", 1, 0), ("runs_total > 900", 1, 1), ("level_total > 900", 0, 1)] {
        assert_eq!(check(types, codes::COUNTER_AS_GAUGE, expr), with, "{expr}");
        assert_eq!(check("", codes::COUNTER_AS_GAUGE, expr), without, "{expr}");
    }
    for (expr, with) in [("rate(level_total[5m]) > 9", 1), ("rate(jobs[5m]) > 9", 0)] {
        assert_eq!(check(types, codes::RATE_ON_GAUGE, expr), with, "{expr}");
        assert_eq!(check("", codes::RATE_ON_GAUGE, expr), 0, "{expr}");
    }
}
