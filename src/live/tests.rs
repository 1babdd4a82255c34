//! The life of rules and alerts that are fed by snapshots.

use super::*;
use crate::time::Millis;

fn cpu(live: &mut Live, host: &str) -> SeriesId {
    live.series(&LabelSet::new([("__name__", "cpu"), ("host", host)]))
}

/// Sets a value each second from a given one on; returns what changed as `second alert phase`.
fn feed(live: &mut Live, series: SeriesId, from: i64, values: &[f64]) -> Vec<String> {
    let mut told = Vec::new();
    for (second, value) in (from..).zip(values) {
        live.at(Timestamp(second * 1000)).set(series, *value);
        for event in live.evaluate() {
            let name = event.labels.get("alertname").unwrap_or("");
            told.push(format!("{} {name} {}", event.at.0 / 1000, event.to.word()));
        }
    }
    told
}

fn high(seconds: i64) -> NewRule {
    NewRule::alert("High", "cpu > 5").expect("an expression").hold(Millis(seconds * 1000)).severity("critical")
}

#[test]
fn rules_come_and_go_and_others_go_on() {
    let mut live = Live::new();
    let cpu = cpu(&mut live, "a");
    assert_eq!(feed(&mut live, cpu, 0, &[9.0, 9.0]), [] as [&str; 0]);
    live.add(high(3)).expect("a new rule");
    assert_eq!(feed(&mut live, cpu, 2, &[9.0, 9.0]), ["2 High pending"]);
    live.add(NewRule::alert("Other", "doubled > 19").expect("an expression")).expect("a new rule");
    live.load(
        "more.yml",
        "alertctl: 1\nderived: [{record: doubled, expr: cpu * 2}]\nrules: [{id: low, metric: cpu, below: 2}]",
    )
    .expect("good rules");
    assert!(matches!(live.add(high(1)), Err(LiveError::Exists(_))));
    assert!(live.load("bad.yml", "alertctl: 1\nrules: [{id: x}]").is_err());
    assert!(NewRule::alert("x", "cpu[5m]").is_err() && NewRule::alert("x", "cpu >").is_err());
    // The first one is pending since second 2, whatever was added since.
    assert_eq!(feed(&mut live, cpu, 4, &[9.0, 10.0]), ["5 High firing"]);
    assert_eq!(live.set_enabled("High", false).ok(), Some(true));
    assert_eq!(feed(&mut live, cpu, 6, &[9.0, 1.0]), ["7 low firing"]);
    assert_eq!(
        (live.set_enabled("High", true).ok(), live.remove("low").ok(), live.remove("none").ok()),
        (Some(true), Some(true), Some(false))
    );
    assert_eq!(feed(&mut live, cpu, 8, &[9.0, 1.0, 1.0]), ["8 High pending", "9 High inactive"]);
}

#[test]
fn a_metric_that_a_snapshot_lacks_makes_the_condition_false() {
    let mut live = Live::new();
    live.add(high(0)).expect("a new rule");
    let (a, b) = (cpu(&mut live, "a"), cpu(&mut live, "b"));
    let other = live.series(&LabelSet::new([("__name__", "other"), ("host", "a")]));
    assert_eq!(feed(&mut live, a, 0, &[9.0]), ["0 High firing"]);
    assert_eq!(feed(&mut live, b, 1, &[1.0]), [] as [&str; 0]);
    assert_eq!(feed(&mut live, other, 2, &[1.0]), ["2 High inactive"]);
}

#[test]
fn a_suppressed_alert_goes_on_underneath() {
    let mut live = Live::new();
    live.add(high(0)).expect("a new rule");
    let cpu = cpu(&mut live, "a");
    feed(&mut live, cpu, 0, &[9.0]);
    let labels = live.alerts()[0].labels.clone();
    assert!(!live.suppress(&LabelSet::empty()) && live.suppress(&labels));
    assert_eq!((live.alerts_in(AlertState::Suppressed).len(), live.alerts_in(AlertState::Firing).len()), (1, 0));
    assert!(live.unsuppress(&labels) && !live.unsuppress(&labels));
    assert_eq!((live.alerts_in(AlertState::Firing).len(), live.alerts_of("critical").len()), (1, 1));
    assert!(live.suppress(&labels));
    assert_eq!(feed(&mut live, cpu, 1, &[1.0, 9.0]), ["1 High inactive", "2 High firing"]);
    assert_eq!(live.alerts()[0].state, AlertState::Firing);
}

#[test]
fn what_comes_late_does_not_count() {
    let mut live = Live::new();
    live.add(high(0)).expect("a new rule");
    let cpu = cpu(&mut live, "a");
    live.at(Timestamp(5)).set(cpu, 1.0).set(cpu, 9.0);
    live.at(Timestamp(4)).set(cpu, 1.0);
    assert_eq!(live.evaluate().len(), 1);
    live.at(Timestamp(5)).set(cpu, 1.0);
    assert_eq!((live.evaluate().len(), live.late()), (0, 2));
}

#[test]
fn a_name_that_a_removed_rule_wrote_is_seen_in_the_snapshots_again() {
    let mut live = Live::new();
    let (cpu, busy) = (cpu(&mut live, "a"), live.series(&LabelSet::new([("__name__", "busy"), ("host", "a")])));
    live.add(NewRule::record("busy", "cpu * 2").expect("an expression")).expect("a new rule");
    live.add(NewRule::alert("Busy", "busy > 5").expect("an expression")).expect("a new rule");
    let slow = "groups: [{name: g, interval: 1s, rules: [{alert: Slow, expr: busy > 5}]}]";
    live.load("slow.yml", slow).expect("good rules");
    let told = |live: &mut Live, second: i64, values: [f64; 2]| {
        live.at(Timestamp(second * 1000)).set(cpu, values[0]).set(busy, values[1]);
        let told = live.evaluate().iter().map(|event| {
            let name = event.labels.get("alertname").unwrap_or("");
            format!("{name} {}", event.to.word())
        });
        told.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(told(&mut live, 0, [1.0, 9.0]), "");
    assert_eq!(told(&mut live, 1, [3.0, 0.0]), "Busy firing, Slow firing");
    assert_eq!(told(&mut live, 2, [1.0, 9.0]), "Busy inactive, Slow inactive");
    assert_eq!(live.remove("busy").ok(), Some(true));
    // The rule at rows and the one with an interval see what was set.
    assert_eq!(told(&mut live, 3, [3.0, 0.0]), "");
    assert_eq!(told(&mut live, 4, [1.0, 9.0]), "Busy firing, Slow firing");
}

#[test]
fn a_row_of_what_a_rule_writes_is_a_row_once_the_rule_is_gone() {
    let mut live = Live::new();
    let busy = live.series(&LabelSet::new([("__name__", "busy"), ("host", "a")]));
    live.add(NewRule::record("busy", "cpu").expect("an expression")).expect("a new rule");
    live.add(NewRule::alert("Always", "vector(1)").expect("an expression")).expect("a new rule");
    assert_eq!(feed(&mut live, busy, 0, &[1.0, 1.0]), [] as [&str; 0]);
    live.remove("busy").expect("rules that can be evaluated");
    assert_eq!(feed(&mut live, busy, 2, &[1.0, 1.0]), ["2 Always firing"]);
}
