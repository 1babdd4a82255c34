//! The life of alerts, as the obvious rule evaluation tells it: cases by hand, so that it can be trusted.

use alertctl::labels::LabelSet;
use alertctl::promql::notation::{Item, parse_series_line};
use alertctl::store::stale_marker;

use crate::promql::run::expression;
use crate::slow::groups::{Group, Kind, Label, Rule, Run, run};
use crate::slow::{Options, SampleValue, Series, stored};

const MINUTE: i64 = 60_000;
const OPTIONS: Options =
    Options { lookback: 5 * MINUTE, subquery_step: MINUTE, delayed_names: false, start_timestamps: false };

/// Reads series with a sample every minute.
fn recording(lines: &[&str]) -> Vec<Series> {
    let points = |items: Vec<Item>| {
        let value = |item: Item| match item {
            Item::Value(value) => Some(value),
            Item::Stale => Some(stale_marker()),
            Item::Gap | Item::Histogram { .. } => None,
        };
        (0..).zip(items).filter_map(|(at, item)| Some((at * MINUTE, value(item)?))).collect()
    };
    let series = |line: &&str| parse_series_line(line).map(|series| (series.labels, points(series.items))).expect(line);
    lines.iter().map(series).collect()
}

/// Shows a value as templates do.
fn shown_value(value: &SampleValue) -> String {
    alertctl::promql::query::SampleValue::from(value).to_string()
}

fn rule(name: &str, expr: &str, kind: Kind) -> Rule {
    Rule { name: name.to_owned(), expr: expression(expr).expect(expr), labels: Vec::new(), kind }
}

fn alert(expr: &str, hold: i64, keep: i64) -> Rule {
    rule("A", expr, Kind::Alert { hold, keep })
}

fn group(rules: Vec<Rule>) -> Group {
    Group { interval: MINUTE, offset: 0, query_offset: 0, limit: 0, rules }
}

fn minutes(groups: &[Group], lines: &[&str]) -> Run {
    run(&stored(&recording(lines)), groups, 0, 10 * MINUTE, &OPTIONS)
}

/// Shows the episodes of a run as `labels active-fired-ended`, in minutes.
fn shown(out: &Run) -> Vec<String> {
    let minute = |at: Option<i64>| at.map_or("?".to_owned(), |at| (at as f64 / MINUTE as f64).to_string());
    let mut episodes = out.episodes.clone();
    episodes.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
    let labels = |labels: &LabelSet| labels.filter(|name| name != "alertname").to_string();
    episodes
        .iter()
        .map(|episode| {
            let [active, fired, ended] = [Some(episode.active_at), episode.fired_at, episode.ended_at].map(minute);
            format!("{} {active}-{fired}-{ended}", labels(&episode.labels))
        })
        .collect()
}

/// Evaluates `x > 0` for eleven minutes.
fn check(values: &str, hold: i64, keep: i64, expected: &[&str]) {
    let out = minutes(&[group(vec![alert("x > 0", hold, keep)])], &[&format!("x {values}")]);
    assert_eq!(shown(&out), expected, "{values}");
    assert_eq!(out.faults, []);
}

#[test]
fn an_alert_fires_once_it_has_held_long_enough() {
    check("0 1 1 1 0x9", 0, 0, &["{} 1-1-4"]);
    check("0 1 1 1 0x9", 2 * MINUTE, 0, &["{} 1-3-4"]);
    check("0 1 1 1 0x9", 3 * MINUTE, 0, &["{} 1-?-4"]);
    check("0 1x9", 1, 0, &["{} 1-2-?"]);
    check("0 1x9", 90_000, 0, &["{} 1-3-?"]);
    check("0 1 1 0 1x9", 2 * MINUTE, 0, &["{} 1-?-3", "{} 4-6-?"]);
}

#[test]
fn keeping_counts_from_the_first_evaluation_without_it() {
    check("0 0 1 1 0x9", 0, 2 * MINUTE, &["{} 2-2-6"]);
    check("0 0 1 1 0x9", 0, 1, &["{} 2-2-5"]);
    check("0 0 1 1 0 1 0x9", 0, 2 * MINUTE, &["{} 2-2-8"]);
    check("0 0 1 1 0x9", 5 * MINUTE, 2 * MINUTE, &["{} 2-?-4"]);
}

#[test]
fn a_series_that_ends_is_there_for_the_look_back_unless_it_is_marked() {
    check("1 1 _x9", 0, 0, &["{} 0-0-6"]);
    check("1 1 stale _x9", 0, 0, &["{} 0-0-2"]);
}

#[test]
fn a_failed_evaluation_leaves_all_as_it_is() {
    let series = ["x{n=\"1\"} 1x9", "y{n=\"1\"} _ _ _ 1 stale"];
    let out = minutes(&[group(vec![alert("{__name__=~\"x|y\"} > 0", 2 * MINUTE, 0)])], &series);
    assert_eq!(shown(&out), ["{n=\"1\"} 0-2-?"]);
    let words = "vector contains metrics with the same labelset after applying alert labels";
    assert_eq!(out.faults, [(3 * MINUTE, 0, 0, words.to_owned())]);
}

#[test]
fn an_exceeded_limit_forgets_all_alerts() {
    let series = ["x{n=\"1\"} 1x9", "x{n=\"2\"} 0 0 0 1 0x9"];
    let limited = Group { limit: 1, ..group(vec![alert("x > 0", MINUTE, 0)]) };
    let out = minutes(&[limited], &series);
    assert_eq!(shown(&out), ["{n=\"1\"} 0-1-3", "{n=\"1\"} 4-5-?"]);
    assert_eq!(out.faults, [(3 * MINUTE, 0, 0, "exceeded limit of 1 with 2 alerts".to_owned())]);
}

#[test]
fn a_label_with_the_value_in_it_makes_new_alerts() {
    let value = Label { written: "{{ $value }}".to_owned(), expand: std::rc::Rc::new(|_, value| shown_value(value)) };
    let moving = Rule { labels: vec![("v".to_owned(), value)], ..alert("x > 0", MINUTE, 0) };
    let out = minutes(&[group(vec![moving])], &["x 1 2 3 3 3 0x9"]);
    assert_eq!(shown(&out), ["{v=\"1\"} 0-?-1", "{v=\"2\"} 1-?-2", "{v=\"3\"} 2-3-5"]);
}

#[test]
fn later_rules_see_what_earlier_ones_wrote_at_the_same_slot() {
    let reader = || alert("double > 0", 0, 0);
    let writer = || rule("double", "x * 2 > 0", Kind::Record);
    let series = ["x 0 0 1 1 0 0x9"];
    let after = minutes(&[group(vec![writer(), reader()])], &series);
    assert_eq!(shown(&after), ["{} 2-2-4"]);
    let before = minutes(&[group(vec![reader(), writer()])], &series);
    assert_eq!(shown(&before), ["{} 3-3-5"]);
}

#[test]
fn a_query_offset_shifts_what_is_read_and_written_but_not_the_alert() {
    let late = Group { query_offset: MINUTE, ..group(vec![alert("x > 0", MINUTE, 0)]) };
    let out = minutes(&[late], &["x 0 0 1 1 0 0x9"]);
    assert_eq!(shown(&out), ["{} 3-4-5"]);
    let written = |name: &str| {
        let named = out.written.iter().filter(|(labels, _)| labels.metric() == Some(name));
        let shown = |value: &SampleValue| if value.is_stale() { "stale".to_owned() } else { shown_value(value) };
        let points = |points: &[(i64, SampleValue)]| {
            points.iter().map(|(at, value)| format!("{}:{}", at / MINUTE, shown(value))).collect::<Vec<_>>().join(" ")
        };
        named
            .map(|(labels, of)| format!("{} {}", labels.get("alertstate").unwrap_or(""), points(of)))
            .collect::<Vec<_>>()
    };
    assert_eq!(written("ALERTS"), ["firing 3:1 4:stale", "pending 2:1 3:stale"]);
    assert_eq!(written("ALERTS_FOR_STATE"), [" 2:180 3:180 4:stale"]);
}

#[test]
fn an_empty_label_is_gone_from_the_alert_and_shows_as_its_text_in_alerts() {
    let empty = Label { written: "{{ nothing }}".to_owned(), expand: std::rc::Rc::new(|_, _| String::new()) };
    let labels = vec![("n".to_owned(), empty), ("team".to_owned(), Label::plain("red"))];
    let out = minutes(&[group(vec![Rule { labels, ..alert("x > 0", 0, 0) }])], &["x{n=\"1\"} 1x9"]);
    assert_eq!(shown(&out), ["{team=\"red\"} 0-0-?"]);
    let names: Vec<String> = out.written.iter().map(|(labels, _)| labels.to_string()).collect();
    assert_eq!(
        names,
        [
            r#"ALERTS{alertname="A", alertstate="firing", n="{{ nothing }}", team="red"}"#,
            r#"ALERTS_FOR_STATE{alertname="A", n="{{ nothing }}", team="red"}"#
        ]
    );
}
