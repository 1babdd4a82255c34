//! The life of rules and alerts that are fed by snapshots.

mod props;

use super::super::Cause;
use super::*;
use crate::time::Millis;

fn labels(metric: &str, host: &str) -> LabelSet {
    LabelSet::new([("__name__", metric), ("host", host)])
}

fn at(second: i64) -> Timestamp {
    Timestamp(second * 1000)
}

/// Returns what happened as `second rule host state`, with the cause of an end.
fn told(events: &[Event]) -> Vec<String> {
    let one = |event: &Event| {
        let host = event.labels().get("host").map_or(String::new(), |host| format!("/{host}"));
        let cause = event.cause().map_or(String::new(), |cause| format!(" {cause}"));
        format!("{} {}{host} {}{cause}", event.at().0 / 1000, event.rule(), event.to())
    };
    events.iter().map(one).collect()
}

/// Sets values of one host at a second, and evaluates.
fn feed(live: &mut Live, second: i64, values: &[(&str, f64)]) -> Vec<String> {
    for (metric, value) in values {
        live.at(at(second)).set_labels(&labels(metric, "a"), *value);
    }
    told(&live.evaluate())
}

fn high() -> NewRule {
    NewRule::alert("High", "cpu > 5")
}

#[test]
fn rules_come_and_go_and_others_go_on() {
    let mut live = Live::new();
    assert_eq!(feed(&mut live, 0, &[("cpu", 9.0)]), [] as [&str; 0]);
    let high = live.add(high().hold(Millis(3_000))).expect("a rule");
    assert_eq!(feed(&mut live, 2, &[("cpu", 9.0)]), ["2 High/a pending"]);
    let file = live
        .load(
            "more.yml",
            "alertctl: 1\nderived: [{record: doubled, expr: cpu * 2}]\nrules: [{id: low, metric: cpu, below: 2}]",
        )
        .expect("good rules");
    live.add(NewRule::alert("Other", "doubled > 19")).expect("a rule");
    assert_eq!(feed(&mut live, 4, &[("cpu", 9.0)]), [] as [&str; 0]);
    assert_eq!(feed(&mut live, 5, &[("cpu", 10.0)]), ["5 High/a firing", "5 Other/a firing"]);
    assert!(live.set_enabled(high, false));
    assert!(live.alerts().iter().all(|alert| alert.rule() != "High"));
    assert_eq!(
        feed(&mut live, 6, &[("cpu", 1.0)]),
        ["5 High/a inactive rule_removed", "6 low/a firing", "6 Other/a inactive condition_false"]
    );
    assert!(live.set_enabled(high, true) && live.unload(file));
    assert_eq!(feed(&mut live, 7, &[("cpu", 9.0)]), ["6 low/a inactive rule_removed", "7 High/a pending"]);
    assert_eq!(feed(&mut live, 8, &[("cpu", 1.0)]), ["8 High/a inactive condition_false"]);
}

#[test]
fn a_rule_sees_all_series_unless_it_asks_for_each_label_set() {
    let mut live = Live::new();
    live.add(NewRule::alert("Sum", "sum(cpu) > 10")).expect("a rule");
    live.add(NewRule::alert("Each", "sum(cpu) > 10").each_label_set()).expect("a rule");
    live.at(at(0)).set_labels(&labels("cpu", "a"), 8.0);
    assert_eq!(told(&live.evaluate()), [] as [&str; 0]);
    live.at(at(1)).set_labels(&labels("cpu", "b"), 8.0);
    assert_eq!(told(&live.evaluate()), ["1 Sum firing"]);
    live.at(at(2)).set_labels(&labels("cpu", "a"), 1.0);
    assert_eq!(told(&live.evaluate()), ["2 Sum inactive condition_false"]);
}

#[test]
fn a_host_that_vanishes_ends_its_alerts() {
    for rule in [high(), high().each_label_set(), high().every(Millis(1000))] {
        let mut live = Live::with_options(LiveOptions::new().stale_after(Millis(10_000)));
        live.add(rule).expect("a rule");
        assert_eq!(feed(&mut live, 0, &[("cpu", 9.0)]), ["0 High/a firing"]);
        assert_eq!(told(&live.advance(at(9))), [] as [&str; 0]);
        assert_eq!(told(&live.advance(at(7 * 86_400))), ["10 High/a inactive series_ended"]);
        assert_eq!(feed(&mut live, 7 * 86_400 + 1, &[("cpu", 9.0)]), ["604801 High/a firing"]);
        let cpu = live.series(&labels("cpu", "a"));
        live.end(&cpu, at(7 * 86_400 + 2));
        assert_eq!(told(&live.evaluate()), ["604802 High/a inactive series_ended"]);
    }
}

#[test]
fn an_alert_that_is_kept_ends_although_its_series_is_gone() {
    for rule in [high(), high().each_label_set()] {
        let mut live = Live::with_options(LiveOptions::new().stale_after(Millis(10_000)));
        live.add(rule.keep_firing(Millis(60_000))).expect("a rule");
        assert_eq!(feed(&mut live, 0, &[("cpu", 9.0)]), ["0 High/a firing"]);
        let mut all = Vec::new();
        (1..100).for_each(|second| all.extend(told(&live.advance(at(second)))));
        assert_eq!(all, ["70 High/a inactive condition_false_after_keep"]);
    }
}

#[test]
fn an_alert_tells_of_silence() {
    let mut live = Live::with_options(LiveOptions::new().stale_after(Millis(10_000)));
    live.add(NewRule::alert("Dead", "absent(heartbeat)").hold(Millis(5_000))).expect("a rule");
    assert_eq!(told(&live.advance(at(0))), ["0 Dead pending"]);
    assert_eq!(feed(&mut live, 1, &[("heartbeat", 1.0)]), ["1 Dead inactive condition_false"]);
    let mut all = Vec::new();
    (2..20).for_each(|second| all.extend(told(&live.advance(at(second)))));
    assert_eq!(all, ["11 Dead pending", "16 Dead firing"]);
}

#[test]
fn a_rule_that_looks_ahead_delays_itself_alone() {
    let mut live = Live::new();
    live.add(high()).expect("a rule");
    live.add(NewRule::alert("Ahead", "cpu offset -5m > 5")).expect("a rule");
    live.add(NewRule::alert("Never", "cpu @ 4102444800 > 5")).expect("a rule");
    assert_eq!(feed(&mut live, 0, &[("cpu", 1.0)]), [] as [&str; 0]);
    assert_eq!(feed(&mut live, 10, &[("cpu", 9.0)]), ["10 High/a firing"]);
    assert_eq!(feed(&mut live, 20, &[("cpu", 1.0)]), ["20 High/a inactive condition_false"]);
    live.add(NewRule::alert("Other", "cpu > 100")).expect("a rule");
    let mut all = Vec::new();
    for second in (30..=400).step_by(10) {
        all.extend(feed(&mut live, second, &[("cpu", if second == 320 { 9.0 } else { 1.0 })]));
        // Whatever comes and goes, what waits is not lost.
        if let Some(rule) = live.rules().find("Other") {
            live.remove(rule);
        } else {
            live.add(NewRule::alert("Other", "cpu > 100")).expect("a rule");
        }
    }
    assert_eq!(
        all,
        [
            "20 Ahead/a firing",
            "320 High/a firing",
            "30 Ahead/a inactive condition_false",
            "330 High/a inactive condition_false"
        ]
    );
    let faults = live.faults();
    assert_eq!((faults.len(), faults[0].rule()), (1, Some("Never")));
    assert!(faults[0].message().contains("2100-01-01"), "{}", faults[0]);
}

#[test]
fn suppression_is_of_one_rule_and_ends_with_the_alert() {
    let mut live = Live::new();
    let first = live.add(NewRule::alert("First", "cpu > 5").label("alertname", "Same")).expect("a rule");
    live.add(NewRule::alert("Second", "cpu > 3").label("alertname", "Same")).expect("a rule");
    feed(&mut live, 0, &[("cpu", 9.0)]);
    let key = live.alerts()[0].key().clone();
    assert!(!live.suppress(&AlertKey::new(key.rule(), LabelSet::empty())) && live.suppress(&key));
    let states = |live: &Live| live.alerts().iter().map(Alert::state).collect::<Vec<_>>();
    assert_eq!(states(&live), [AlertState::Suppressed, AlertState::Firing]);
    live.at(at(1)).set_labels(&labels("cpu", "a"), 4.0);
    let events = live.evaluate();
    assert_eq!((events.len(), events[0].rule(), events[0].from()), (1, "First", AlertState::Suppressed));
    feed(&mut live, 2, &[("cpu", 9.0)]);
    assert_eq!(states(&live), [AlertState::Firing, AlertState::Firing]);
    assert!(live.suppress(&key) && live.remove(first));
    live.add(NewRule::alert("First", "cpu > 5").label("alertname", "Same")).expect("a rule");
    feed(&mut live, 3, &[("cpu", 9.0)]);
    assert_eq!(states(&live), [AlertState::Firing, AlertState::Firing]);
    assert!(!live.unsuppress(&key));
}

#[test]
fn what_does_not_count_is_told() {
    let mut live = Live::new();
    live.add(high()).expect("a rule");
    live.at(Timestamp(5)).set_labels(&labels("cpu", "a"), 1.0).set_labels(&labels("cpu", "a"), 9.0);
    live.at(Timestamp(4)).set_labels(&labels("cpu", "a"), 1.0);
    assert_eq!(live.evaluate().len(), 1);
    live.at(Timestamp(5)).set_labels(&labels("cpu", "a"), 1.0);
    live.at(Timestamp::MAX).set_labels(&labels("cpu", "a"), 1.0);
    live.at(Timestamp::MIN).set_labels(&labels("cpu", "a"), 1.0);
    live.at(Timestamp(4_102_444_800_000)).set_labels(&labels("cpu", "a"), 1.0);
    live.advance(Timestamp::MAX);
    assert!(live.evaluate().is_empty());
    let counts: Vec<u64> = live.faults().iter().map(Fault::count).collect();
    assert_eq!(counts, [2, 3, 1]);
    live.clear_faults();
    assert!(live.faults().is_empty());
    live.at(Timestamp(6)).set_labels(&labels("cpu", "a"), 1.0);
    assert_eq!(live.evaluate().len(), 1);
}

#[test]
fn an_evaluation_that_fails_is_told() {
    let mut live = Live::new();
    live.add(NewRule::alert("Match", "cpu * on () group_left () limit > 1")).expect("a rule");
    for host in ["a", "b"] {
        live.at(at(0)).set_labels(&labels("cpu", host), 1.0).set_labels(&labels("limit", host), 1.0);
    }
    assert!(live.evaluate().is_empty());
    let faults = live.faults();
    assert_eq!((faults.len(), faults[0].rule(), faults[0].count()), (1, Some("Match"), 1));
    live.add(high()).expect("a rule");
    live.advance(at(1));
    assert_eq!(live.faults()[0].count(), 2);
}

#[test]
fn a_series_of_elsewhere_is_found_by_its_labels() {
    let (mut live, mut other) = (Live::new(), Live::new());
    live.add(high()).expect("a rule");
    (0..9).for_each(|number| drop(other.series(&labels("cpu", &format!("h{number}")))));
    let foreign = other.series(&labels("cpu", "a"));
    live.at(at(0)).set(&foreign, 9.0);
    assert_eq!(told(&live.evaluate()), ["0 High/a firing"]);
}

#[test]
fn a_series_that_was_forgotten_comes_back() {
    let mut live = Live::with_options(LiveOptions::new().stale_after(Millis(2_000)).idle_series(Millis(5_000)));
    live.add(high()).expect("a rule");
    let cpu = live.series(&labels("cpu", "a"));
    live.at(at(0)).set(&cpu, 9.0);
    for second in 0..4_000 {
        live.at(at(second)).set_labels(&labels("cpu", &format!("h{second}")), 1.0);
        live.evaluate();
    }
    assert!(live.store.len() < 2_100, "{}", live.store.len());
    live.at(at(4_000)).set(&cpu, 9.0);
    assert_eq!(told(&live.evaluate()), ["4000 High/a firing"]);
    live.forget(&cpu);
    assert_eq!(told(&live.advance(at(4_001))), ["4001 High/a inactive series_ended"]);
    assert_eq!(live.evaluate(), []);
}

#[test]
fn a_name_that_a_removed_rule_wrote_is_seen_in_the_snapshots_again() {
    let mut live = Live::new();
    let busy = live.add(NewRule::record("busy", "cpu * 2")).expect("a rule");
    live.add(NewRule::alert("Busy", "busy > 5")).expect("a rule");
    live.load("slow.yml", "groups: [{name: g, interval: 1s, rules: [{alert: Slow, expr: busy > 5}]}]").expect("rules");
    let values = |cpu: f64, busy: f64| [("cpu", cpu), ("busy", busy)];
    assert_eq!(feed(&mut live, 0, &values(1.0, 9.0)), [] as [&str; 0]);
    assert_eq!(feed(&mut live, 1, &values(3.0, 0.0)), ["1 Busy/a firing", "1 Slow/a firing"]);
    let both = ["2 Busy/a inactive condition_false", "2 Slow/a inactive condition_false"];
    assert_eq!(feed(&mut live, 2, &values(1.0, 9.0)), both);
    assert!(live.set_enabled(busy, false));
    assert_eq!(feed(&mut live, 3, &values(3.0, 0.0)), [] as [&str; 0]);
    assert_eq!(feed(&mut live, 4, &values(1.0, 9.0)), ["4 Busy/a firing", "4 Slow/a firing"]);
    assert!(live.set_enabled(busy, true));
    assert_eq!(feed(&mut live, 5, &values(1.0, 9.0)).len(), 2);
    assert!(live.remove(busy));
    assert_eq!(feed(&mut live, 6, &values(1.0, 9.0)), ["6 Busy/a firing", "6 Slow/a firing"]);
}

#[test]
fn a_change_of_rules_keeps_windows_over_what_rules_wrote() {
    let mut live = Live::new();
    live.add(NewRule::record("busy", "cpu * 2")).expect("a rule");
    live.add(NewRule::alert("Mean", "sum_over_time(busy[10s]) > 30")).expect("a rule");
    for second in 0..20 {
        let events = feed(&mut live, second, &[("cpu", 2.0)]);
        assert_eq!(events, if second == 7 { vec!["7 Mean/a firing"] } else { Vec::new() });
        live.add(NewRule::alert(&format!("Other{second}"), "up == 0")).expect("a rule");
    }
    assert_eq!(live.query("busy", at(19)), Ok(Value::Vector(vec![(labels("busy", "a"), 4.0)])));
    assert!(live.query("busy >", at(19)).is_err());
}

#[test]
fn an_edit_is_whole_or_not_at_all() {
    let mut live = Live::new();
    let error = live.edit(|rules| {
        rules.add(high())?;
        rules.add(NewRule::alert("Bad", "cpu >"))
    });
    assert!(error.is_err() && live.rules().is_empty());
    assert_eq!(feed(&mut live, 0, &[("cpu", 9.0)]), [] as [&str; 0]);
    assert_eq!(Cause::RuleRemoved.to_string(), "rule_removed");
}

/// Rules that are evaluated in each of the ways that there are.
#[cfg(feature = "input")]
fn all_ways() -> RuleSet {
    let mut rules = RuleSet::new();
    let file = "groups: [{name: g, interval: 30s, rules: [
        {record: double, expr: cpu * 2},
        {alert: File, expr: double > 14, for: 1m, keep_firing_for: 30s}]}]";
    rules.load("file.yml", file).expect("rules");
    rules.load("native.yml", "alertctl: 1\nrules: [{id: native, metric: cpu, above: 7, for: 30s}]").expect("rules");
    for rule in [
        NewRule::alert("Snapshots", "cpu > 6").hold(Millis(15_000)),
        NewRule::alert("Sum", "sum(cpu) > 11 and sum(cpu) < 15"),
        NewRule::alert("Mean", "avg_over_time(cpu[1m]) > 5"),
        NewRule::alert("Rows", "cpu > 8").each_label_set().keep_firing(Millis(20_000)),
        NewRule::alert("Slots", "changes(cpu[2m]) > 6").every(Millis(20_000)),
    ] {
        rules.add(rule).expect("a rule");
    }
    rules
}

/// The same rules on the same values have the same alerts, live and recorded.
#[cfg(feature = "input")]
#[test]
fn live_values_and_recorded_ones_give_the_same_alerts() {
    use super::super::Evaluation;
    const BEGIN: i64 = 1_767_571_200;
    let value = |step: i64, host: i64| ((step * (host + 3) * 7) % 11) as f64;
    let mut csv = "time,metric,host,value\n".to_owned();
    let mut live = Live::new();
    live.rules = all_ways();
    let mut ended = Vec::new();
    let mut begun: Vec<(String, LabelSet, Timestamp, Option<Timestamp>)> = Vec::new();
    for step in 0..200 {
        for (number, host) in (0..).zip(["a", "b"]) {
            live.at(at(BEGIN + step * 15)).set_labels(&labels("cpu", host), value(step, number));
            csv.push_str(&format!("{},cpu,{host},{}\n", BEGIN + step * 15, value(step, number)));
        }
        for event in live.evaluate() {
            let (rule, labels) = (event.rule().to_owned(), event.labels().clone());
            let place = begun.iter().position(|(name, of, ..)| (name, of) == (&rule, &labels));
            match (event.to(), place) {
                (AlertState::Inactive, Some(place)) => {
                    let (rule, labels, active, fired) = begun.remove(place);
                    ended.push((rule, labels, active, fired, Some(event.at())));
                }
                (AlertState::Firing, Some(place)) => begun[place].3 = Some(event.at()),
                (state, _) => {
                    let fired = (state == AlertState::Firing).then(|| event.at());
                    begun.push((rule, labels, event.active_at(), fired));
                }
            }
        }
    }
    ended.extend(begun.into_iter().map(|(rule, labels, active, fired)| (rule, labels, active, fired, None)));
    let outcome = Evaluation::new(&all_ways()).csv(&csv).run().expect("a run");
    let episodes = outcome.episodes().iter().map(|episode| {
        let (rule, labels) = (episode.rule().to_owned(), episode.labels().clone());
        (rule, labels, episode.active_at(), episode.fired_at(), episode.ended_at())
    });
    let mut episodes: Vec<_> = episodes.collect();
    episodes.sort();
    ended.sort();
    for rule in all_ways().iter().filter(|rule| rule.is_alert()) {
        assert!(ended.iter().any(|(name, ..)| name == rule.name()), "{} says something", rule.name());
    }
    assert_eq!(ended, episodes);
}

#[test]
fn an_alert_whose_rule_reads_another_metric_now_ends() {
    let mut live = Live::new();
    let text = |metric: &str| format!("alertctl: 1\nrules: [{{id: X, metric: {metric}, above: 2}}]\n");
    let file = live.load("f.yml", &text("cpu")).expect("rules");
    assert_eq!(feed(&mut live, 0, &[("cpu", 3.0)]), ["0 X/a firing"]);
    live.reload(file, &text("disk")).expect("rules");
    assert_eq!(feed(&mut live, 15, &[("cpu", 3.0)]), ["15 X/a inactive series_ended"]);
}

#[test]
fn fixed_times_are_read_whatever_comes_and_goes() {
    let mut live = Live::new();
    live.at(at(58)).set_labels(&labels("cpu", "a"), 0.0);
    live.add(NewRule::alert("A", "cpu @ 400 > 5")).expect("a rule");
    live.at(at(10_928)).set_labels(&labels("cpu", "a"), 8.0);
    live.evaluate();
    live.add(NewRule::alert("B", "cpu @ 100 > 5")).expect("a rule");
    live.at(at(20_072)).set_labels(&labels("cpu", "a"), 6.0);
    assert_eq!(told(&live.evaluate()), [] as [&str; 0]);
    let mut live = Live::new();
    live.add(NewRule::alert("A", "max_over_time(cpu[1m] @ 300) > 5")).expect("a rule");
    let mut all = Vec::new();
    for second in [254, 259, 270, 299, 300, 301] {
        all.extend(feed(&mut live, second, &[("cpu", 9.0)]));
        live.add(NewRule::alert(&format!("Other{second}"), "foo > 1")).expect("a rule");
    }
    assert_eq!(all, ["300 A/a firing"]);
}

#[test]
fn a_series_that_is_ended_late_had_ended_before() {
    let mut live = Live::new();
    live.add(high()).expect("a rule");
    feed(&mut live, 100, &[("cpu", 9.0)]);
    let cpu = live.series(&labels("cpu", "a"));
    live.end(&cpu, at(900));
    assert_eq!(told(&live.evaluate()), ["400 High/a inactive series_ended"]);
}

#[test]
fn alerts_of_two_label_sets_are_told_apart() {
    let mut live = Live::new();
    live.add(NewRule::alert("Sum", "sum(cpu) > 5").each_label_set()).expect("a rule");
    live.at(at(0)).set_labels(&labels("cpu", "a"), 9.0).set_labels(&labels("cpu", "b"), 9.0);
    let events = live.evaluate();
    assert_ne!(events[0].key(), events[1].key());
    assert_eq!(events[0].key().label_set().and_then(|set| set.get("host")), Some("a"));
    assert!(live.suppress(events[0].key()));
    let states: Vec<AlertState> = live.alerts().iter().map(Alert::state).collect();
    assert_eq!(states, [AlertState::Suppressed, AlertState::Firing]);
    live.at(at(1)).set_labels(&labels("cpu", "b"), 1.0);
    live.evaluate();
    assert_eq!(live.alerts()[0].state(), AlertState::Suppressed);
}

#[test]
fn a_series_is_forgotten_with_the_next_snapshot_or_goes_on() {
    for evaluate in [true, false] {
        let mut live = Live::new();
        live.add(high()).expect("a rule");
        assert_eq!(feed(&mut live, 0, &[("cpu", 9.0)]).len(), 1);
        let cpu = live.series(&labels("cpu", "a"));
        live.forget(&cpu);
        live.at(at(15));
        let mut events = if evaluate { live.evaluate() } else { Vec::new() };
        live.at(at(30)).set(&cpu, 9.0);
        events.extend(live.evaluate());
        assert_eq!(told(&events), ["15 High/a inactive series_ended", "30 High/a firing"]);
        live.forget(&cpu);
        assert_eq!(feed(&mut live, 45, &[("cpu", 9.0)]), [] as [&str; 0]);
    }
}

#[test]
fn a_change_of_rules_shows_in_no_alert_of_alerts() {
    for other in [true, false] {
        let mut live = Live::new();
        live.add(NewRule::alert("A0", "cpu > 3")).expect("a rule");
        let reader = NewRule::alert("A2", "ALERTS{alertname=\"A0\"}").label("v", "{{ $value }}");
        live.add(reader.annotation("s", "{{ query \"cpu\" }}")).expect("a rule");
        for (second, value) in [(100, 9.0), (115, 1.0), (130, 9.0)] {
            live.at(at(second)).set_labels(&labels("cpu", "a"), value);
        }
        assert_eq!(live.evaluate().len(), 6);
        if other {
            live.add(NewRule::alert("Other", "foo > 1")).expect("a rule");
        }
        for second in [145, 160] {
            assert_eq!(feed(&mut live, second, &[("cpu", 9.0)]), [] as [&str; 0], "{other}");
        }
    }
}

#[test]
fn series_that_rules_wrote_are_forgotten_once_they_are_over() {
    let mut live = Live::new();
    for rule in [
        NewRule::record("versions", "count_values(\"version\", cpu)"),
        NewRule::alert("Seen", "versions{version=\"7\"} > 0").hold(Millis(1_000)),
        NewRule::alert("High", "cpu > 5").label("value", "{{ $value }}"),
        NewRule::alert("Told", "count(ALERTS{alertname=\"High\"}) > 1"),
    ] {
        live.add(rule).expect("a rule");
    }
    let mut most = 0;
    let mut events = Vec::new();
    for second in 0..2_600 {
        events.extend(feed(&mut live, second, &[("cpu", (second / 2) as f64)]));
        most = most.max(live.engine.written().len());
    }
    // Two alerts have three series each at a time, and some hundred ended within the history.
    assert!((500..=1_800).contains(&most), "{most}");
    let seen: Vec<&String> = events.iter().filter(|event| event.contains("Seen")).collect();
    assert_eq!(seen, ["14 Seen pending", "15 Seen firing", "16 Seen inactive series_ended"]);
    assert!(events.len() > 2_500 && !events.iter().any(|event| event.contains("Told")), "{}", events.len());
}

#[test]
fn rows_of_values_are_forgotten_once_they_are_over() {
    let rule = || NewRule::alert("Seen", "count_values(\"version\", cpu) > 0").hold(Millis(1_000));
    for rule in [rule(), rule().each_label_set(), NewRule::record("unread", "count_values(\"version\", cpu)")] {
        let mut live = Live::new();
        live.add(rule).expect("a rule");
        let (mut most, mut events) = (0, 0);
        for second in 0..1_400 {
            events += feed(&mut live, second, &[("cpu", (second / 2) as f64)]).len();
            most = most.max(live.engine.widest());
        }
        assert!((500..=520).contains(&most), "{most}");
        let is_alert = live.rules().iter().any(|rule| rule.is_alert());
        assert_eq!(events, if is_alert { 3 * 700 - 1 } else { 0 });
    }
}

#[test]
fn what_cannot_be_forgotten_yet_is_not_tried_again_at_once() {
    let options = LiveOptions::new().stale_after(Millis(10_000)).idle_series(Millis(10_000));
    let mut live = Live::with_options(options.history(Millis(1_000)));
    live.add(NewRule::alert("Gone", "absent(cpu)").each_label_set()).expect("a rule");
    for host in 0..1_000 {
        live.at(at(0)).set_labels(&labels("cpu", &host.to_string()), 1.0);
    }
    (1..120).for_each(|second| drop(live.advance(at(second))));
    // An alert is active on each of them.
    assert_eq!((live.store.len(), live.alerts().len()), (1_000, 1_000));
    assert!(!live.table.is_full());
}
