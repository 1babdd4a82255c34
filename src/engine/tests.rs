//! Whole runs of the engine, on recordings in series notation, one sample a minute from the epoch on.

mod agreement;
mod anew;
mod histograms;
mod limit;

use super::*;
use crate::histogram::Histograms;
use crate::labels::LabelSet;
use crate::promql::notation::{Item, parse_series_line};
use crate::promql::parse::parse;
use crate::rules::template::Template;
use crate::rules::{Evaluate, Form, Group, Rule, RuleKind};
use crate::source::{FileId, FileSpan, Located, Span, TextMap};
use crate::store::{Batch, stale_marker};

const MINUTE: i64 = 60_000;

fn located(text: &str) -> Located {
    let map = TextMap::verbatim(0, 0);
    Located { text: text.to_owned(), file: FileId(0), span: Span::default(), map }
}

fn at() -> FileSpan {
    FileSpan { file: FileId(0), span: Span::default() }
}

fn templates(pairs: &[(&str, &str)]) -> Vec<(String, Template)> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), Template::parse(text).expect("a template"))).collect()
}

fn rule(name: &str, expr: &str, labels: &[(&str, &str)], kind: RuleKind) -> Rule {
    let parsed = parse(expr);
    assert!(parsed.problems.is_empty(), "{expr}: {:?}", parsed.problems);
    Rule {
        name: located(name),
        kind,
        text: located(expr),
        expr: parsed.expr,
        condition: None,
        labels: templates(labels),
        enabled: true,
        actions: Vec::new(),
        at: at(),
        parts: None,
    }
}

fn record(name: &str, expr: &str) -> Rule {
    rule(name, expr, &[], RuleKind::Record)
}

/// An alerting rule; `hold` and `keep` in seconds.
fn alert(name: &str, expr: &str, hold: i64, keep: i64, labels: &[(&str, &str)]) -> Rule {
    let kind = RuleKind::Alert { hold: Millis(hold * 1000), keep_firing: Millis(keep * 1000), annotations: Vec::new() };
    rule(name, expr, labels, kind)
}

fn annotated(mut rule: Rule, texts: &[(&str, &str)]) -> Rule {
    if let RuleKind::Alert { annotations, .. } = &mut rule.kind {
        *annotations = templates(texts);
    }
    rule
}

fn group(rules: Vec<Rule>) -> Group {
    Group {
        name: located("g"),
        evaluate: Evaluate::ByDefault,
        query_offset: None,
        limit: 0,
        rules,
        at: at(),
        parts: None,
    }
}

/// What a run told, in lines: times in minutes.
#[derive(Debug, Default, PartialEq)]
struct Told {
    events: Vec<String>,
    faults: Vec<String>,
    written: Vec<String>,
    open: Vec<String>,
    /// By rule: how often a query of its templates was read and planned.
    prepared: Vec<usize>,
    /// How recording rules compare with what was recorded under their names.
    agreements: Vec<Agreement>,
}

fn minutes(at: Timestamp) -> String {
    let minutes = at.0 as f64 / MINUTE as f64;
    format!("{minutes}m")
}

/// Returns the series, their samples, and the native histograms that values of these stand for.
fn samples(series: &str) -> (Vec<LabelSet>, Vec<(i64, usize, f64)>, Histograms) {
    let (mut labels, mut all, mut histograms) = (Vec::new(), Vec::new(), Histograms::default());
    for line in series.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let line = parse_series_line(line).expect(line);
        for (minute, item) in (0..).zip(&line.items) {
            match item {
                Item::Value(value) => all.push((minute * MINUTE, labels.len(), *value)),
                Item::Stale => all.push((minute * MINUTE, labels.len(), stale_marker())),
                Item::Histogram { value, .. } => {
                    all.push((minute * MINUTE, labels.len(), histograms.put(value.clone())));
                }
                Item::Gap => {}
            }
        }
        labels.push(line.labels);
    }
    all.sort_by_key(|(time, series, _)| (*time, *series));
    (labels, all, histograms)
}

/// Feeds `chunk` samples at a time and evicts after each; all at once for 0.
fn run_in(groups: &[Group], series: &str, options: &EngineOptions, chunk: usize) -> Told {
    run_ordered(groups, series, options, chunk, false)
}

/// Feeds samples as `run_in` does; `by_step` lets rules run in the order of a server, one step at a time.
fn run_ordered(groups: &[Group], series: &str, options: &EngineOptions, chunk: usize, by_step: bool) -> Told {
    let files = [RuleFile { file: FileId(0), form: Form::Prometheus, groups: groups.to_vec() }];
    let mut store = Store::default();
    let mut engine =
        build::build(&files, options.clone(), &mut store, by_step, None).expect("rules that can be evaluated");
    let (labels, samples, histograms) = samples(series);
    let last = Timestamp(samples.iter().map(|(time, ..)| *time).max().unwrap_or(0));
    let mut told = Told::default();
    let mut ids = vec![None; labels.len()];
    for (at, piece) in samples.chunks(if chunk == 0 { samples.len().max(1) } else { chunk }).enumerate() {
        let mut batch = Batch::default();
        for (time, series, value) in piece {
            let id = *ids[*series].get_or_insert_with(|| store.series(&labels[*series]));
            batch.push_value(id, Timestamp(*time), (*value, &histograms), 0);
        }
        store.append(&batch).expect("in order");
        if chunk > 0 {
            let next = samples.get((at + 1) * chunk).map_or(last.0, |(time, ..)| *time - 1);
            engine.advance(&store, Timestamp(next)).expect("few steps");
            collect(&mut engine, &mut told);
            store.evict(engine.evaluated());
        }
    }
    engine.finish(&store, last).expect("few steps");
    collect(&mut engine, &mut told);
    told.open = engine
        .open(&store)
        .iter()
        .map(|open| format!("{} {} {}", open.rule.0, open.phase.word(), open.labels))
        .collect();
    told.prepared = (0..engine.len()).map(|rule| engine.queries.prepared(rule)).collect();
    told.agreements = engine.agreements(&store);
    told.written.sort();
    told.faults.sort();
    told
}

fn collect(engine: &mut Engine, told: &mut Told) {
    for event in engine.take_events() {
        let mut line = format!("{} {} {} {}", minutes(event.at), event.rule.0, event.to.word(), event.labels);
        if let Some(value) = event.value {
            line += &format!(" {value}");
        }
        if let Some(cause) = event.cause {
            line += &format!(" {}", cause.word());
        }
        for (name, text) in &event.annotations {
            line += &format!(" {name}={text}");
        }
        told.events.push(line);
    }
    for fault in engine.take_faults() {
        told.faults.push(format!("{} {} {}", minutes(fault.slot), fault.rule.0, fault.message));
    }
    for sample in engine.take_written() {
        let value = match sample.value {
            SampleValue::Float(value) if crate::store::is_stale(value) => "stale".to_owned(),
            SampleValue::Float(value) => value.to_string(),
            SampleValue::Histogram(histogram) => histogram.to_string(),
        };
        told.written.push(format!("{} {} {} {value}", minutes(sample.slot), sample.rule.0, sample.labels));
    }
}

/// Runs whole and in chunks, with and without keeping what was written, and returns what all told alike.
fn run(groups: &[Group], series: &str) -> Told {
    let options = EngineOptions { trace: true, compare: true, ..EngineOptions::default() };
    let whole = run_in(groups, series, &options, 0);
    for chunk in [1, 2, 7] {
        assert_eq!(run_in(groups, series, &options, chunk), whole, "in chunks of {chunk}");
    }
    assert_eq!(run_ordered(groups, series, &options, 0, true), whole, "one step at a time");
    let plain = run_in(groups, series, &EngineOptions::default(), 3);
    assert_eq!(plain.events, whole.events, "without a trace");
    assert_eq!(plain.open, whole.open, "without a trace");
    whole
}

fn check(groups: &[Group], series: &str, events: &[&str]) {
    assert_eq!(run(groups, series).events, events);
}

#[test]
fn an_alert_goes_through_its_phases() {
    let rules = || vec![alert("Hot", "temp > 5", 120, 0, &[("severity", "page")])];
    check(
        &[group(rules())],
        r#"temp{room="a"} 1 9 8 7 6 1 9 stale
           temp{room="b"} 1 1 9 9 1"#,
        &[
            r#"1m 0 pending {alertname="Hot", room="a", severity="page"} 9"#,
            r#"2m 0 pending {alertname="Hot", room="b", severity="page"} 9"#,
            r#"3m 0 firing {alertname="Hot", room="a", severity="page"} 7"#,
            r#"4m 0 inactive {alertname="Hot", room="b", severity="page"} condition_false"#,
            r#"5m 0 inactive {alertname="Hot", room="a", severity="page"} condition_false"#,
            r#"6m 0 pending {alertname="Hot", room="a", severity="page"} 9"#,
            r#"7m 0 inactive {alertname="Hot", room="a", severity="page"} series_ended"#,
        ],
    );
}

#[test]
fn keep_firing_for_counts_from_the_first_missing_evaluation() {
    check(
        &[group(vec![alert("Hot", "temp > 5", 0, 120, &[])])],
        "temp 9 9 9 9 1 1 1 1",
        &[r#"0m 0 firing {alertname="Hot"} 9"#, r#"6m 0 inactive {alertname="Hot"} condition_false_after_keep"#],
    );
}

#[test]
fn what_is_active_at_the_end_is_open() {
    let told =
        run(&[group(vec![alert("Hot", "temp > 5", 0, 0, &[]), alert("Long", "temp > 5", 600, 0, &[])])], "temp 1 9");
    assert_eq!(told.open, [r#"0 firing {alertname="Hot"}"#, r#"1 pending {alertname="Long"}"#]);
}

#[test]
fn a_label_that_holds_the_value_makes_new_alerts() {
    check(
        &[group(vec![alert("Hot", "temp > 5", 60, 0, &[("v", "{{ $value }}")])])],
        "temp 6 7 7 1",
        &[
            r#"0m 0 pending {alertname="Hot", v="6"} 6"#,
            r#"1m 0 inactive {alertname="Hot", v="6"} condition_false"#,
            r#"1m 0 pending {alertname="Hot", v="7"} 7"#,
            r#"2m 0 firing {alertname="Hot", v="7"} 7"#,
            r#"3m 0 inactive {alertname="Hot", v="7"} condition_false"#,
        ],
    );
}

#[test]
fn two_samples_of_one_alert_fail_the_evaluation() {
    let told = run(
        &[group(vec![
            alert("Down", r#"{__name__=~"a|b"} == 0"#, 60, 0, &[]),
            alert("Room", "t > 5", 0, 0, &[("room", "")]),
        ])],
        r#"a 0 0 0 0 0 0
           b 1 1 0 0 1 1
           t{room="x"} 1 9 9 1 1 1
           t{room="y"} 1 1 1 9 1 1"#,
    );
    let words = "vector contains metrics with the same labelset after applying alert labels";
    assert_eq!(told.faults, [format!("2m 0 {words}"), format!("3m 0 {words}")]);
    assert_eq!(
        told.events,
        [
            r#"0m 0 pending {alertname="Down"} 0"#,
            r#"1m 0 firing {alertname="Down"} 0"#,
            r#"1m 1 firing {alertname="Room"} 9"#,
            r#"4m 1 inactive {alertname="Room"} condition_false"#,
        ]
    );
}

#[test]
fn an_exceeded_limit_drops_all_alerts() {
    let mut limited = group(vec![alert("Hot", "temp > 5", 60, 0, &[])]);
    limited.limit = 2;
    let told = run(
        &[limited],
        r#"temp{room="a"} 9 9 9 9 9 9
           temp{room="b"} 1 9 9 9 9 9
           temp{room="c"} 1 1 9 1 1 1"#,
    );
    assert_eq!(told.faults, ["2m 0 exceeded limit of 2 with 3 alerts"]);
    assert_eq!(
        told.events,
        [
            r#"0m 0 pending {alertname="Hot", room="a"} 9"#,
            r#"1m 0 firing {alertname="Hot", room="a"} 9"#,
            r#"1m 0 pending {alertname="Hot", room="b"} 9"#,
            r#"2m 0 inactive {alertname="Hot", room="a"} limit_exceeded"#,
            r#"2m 0 inactive {alertname="Hot", room="b"} limit_exceeded"#,
            r#"3m 0 pending {alertname="Hot", room="a"} 9"#,
            r#"3m 0 pending {alertname="Hot", room="b"} 9"#,
            r#"4m 0 firing {alertname="Hot", room="a"} 9"#,
            r#"4m 0 firing {alertname="Hot", room="b"} 9"#,
        ]
    );
    // The series that told of the dropped alerts end at the next evaluation that succeeds.
    let firing: Vec<&str> =
        told.written.iter().map(String::as_str).filter(|line| line.contains(r#""firing", room="a""#)).collect();
    let series = r#"ALERTS{alertname="Hot", alertstate="firing", room="a"}"#;
    assert_eq!(
        firing,
        [
            format!("1m 0 {series} 1"),
            format!("3m 0 {series} stale"),
            format!("4m 0 {series} 1"),
            format!("5m 0 {series} 1")
        ]
    );
}

#[test]
fn a_recording_rule_writes_and_ends_its_series() {
    let mut limited = group(vec![rule("n", "x", &[("job", "j"), ("room", "")], RuleKind::Record)]);
    limited.limit = 1;
    let told = run(
        &[limited],
        r#"x{room="a"} 1 2 stale 4 5
           x{room="b"} _ _ _ 4 stale
           x{z="b"}    7 stale"#,
    );
    assert_eq!(
        told.faults,
        [
            "0m 0 exceeded limit of 1 with 2 series",
            "3m 0 vector contains metrics with the same labelset after applying rule labels"
        ]
    );
    assert_eq!(told.written, [r#"1m 0 n{job="j"} 2"#, r#"2m 0 n{job="j"} stale"#, r#"4m 0 n{job="j"} 5"#]);
}

#[test]
fn a_later_rule_sees_a_sample_at_its_slot_and_an_earlier_one_a_slot_later() {
    let reader = |name: &str| alert(name, "r > 5", 0, 0, &[]);
    let groups = [group(vec![reader("Before"), record("r", "x"), reader("After")]), group(vec![reader("Next")])];
    check(
        &groups,
        "x 1 9 9 1 1",
        &[
            r#"1m 2 firing {alertname="After"} 9"#,
            r#"1m 3 firing {alertname="Next"} 9"#,
            r#"2m 0 firing {alertname="Before"} 9"#,
            r#"3m 2 inactive {alertname="After"} condition_false"#,
            r#"3m 3 inactive {alertname="Next"} condition_false"#,
            r#"4m 0 inactive {alertname="Before"} condition_false"#,
        ],
    );
}

#[test]
fn a_query_offset_moves_what_is_read_and_stamped_and_not_the_slots() {
    let mut late = group(vec![record("r", "x"), alert("Hot", "r > 5", 60, 0, &[])]);
    late.query_offset = Some(Millis(2 * MINUTE));
    let mut reader = group(vec![alert("Other", "r > 5", 0, 0, &[])]);
    reader.name = located("h");
    let told = run(&[late, reader], "x 1 9 9 1 1 1 1");
    assert_eq!(
        told.events,
        [
            r#"3m 1 pending {alertname="Hot"} 9"#,
            r#"3m 2 firing {alertname="Other"} 9"#,
            r#"4m 1 firing {alertname="Hot"} 9"#,
            r#"5m 1 inactive {alertname="Hot"} condition_false"#,
            r#"5m 2 inactive {alertname="Other"} condition_false"#,
        ]
    );
    let since: Vec<&str> =
        told.written.iter().map(String::as_str).filter(|line| line.contains("FOR_STATE{alertname=\"Hot")).collect();
    assert_eq!(
        since,
        [
            r#"3m 1 ALERTS_FOR_STATE{alertname="Hot"} 180"#,
            r#"4m 1 ALERTS_FOR_STATE{alertname="Hot"} 180"#,
            r#"5m 1 ALERTS_FOR_STATE{alertname="Hot"} stale"#
        ]
    );
}

#[test]
fn rules_read_the_alerts_of_others_and_of_themselves() {
    let groups = [group(vec![
        alert("Hot", "temp > 5", 60, 0, &[]),
        alert("Paged", r#"ALERTS{alertname="Hot", alertstate="firing"}"#, 0, 0, &[("alertstate", "")]),
        alert("Latch", r#"temp > 8 or ALERTS{alertname="Latch"} * 0 + 1"#, 0, 0, &[("alertstate", "")]),
    ])];
    check(
        &groups,
        "temp 1 6 9 6 1 1",
        &[
            r#"1m 0 pending {alertname="Hot"} 6"#,
            r#"2m 0 firing {alertname="Hot"} 9"#,
            r#"2m 1 firing {alertname="Paged"} 1"#,
            r#"2m 2 firing {alertname="Latch"} 9"#,
            r#"4m 0 inactive {alertname="Hot"} condition_false"#,
            r#"4m 1 inactive {alertname="Paged"} condition_false"#,
        ],
    );
}

#[test]
fn a_rule_that_reads_itself_counts() {
    let told = run(&[group(vec![record("n", "n + 1 or vector(0)")])], "x 0 0 0 0");
    assert_eq!(told.written, ["0m 0 n 0", "1m 0 n 1", "2m 0 n 2", "3m 0 n 3"]);
}

#[test]
fn the_first_writer_of_a_series_wins() {
    let groups = [group(vec![record("n", "x"), record("n", "y"), alert("A", "n > 5", 0, 0, &[])])];
    let told = run(&groups, "x 1 1 stale 1 1\ny 9 9 9 9 9");
    assert_eq!(told.written[..3], ["0m 0 n 1", "1m 0 n 1", "2m 0 n stale"]);
    assert_eq!(
        told.written
            .iter()
            .filter(|line| line.starts_with("3m") || line.starts_with("4m"))
            .filter(|line| line.contains(" n "))
            .collect::<Vec<_>>(),
        ["3m 0 n 1", "4m 0 n 1"]
    );
}

#[test]
fn written_names_are_hidden_in_the_recording() {
    check(&[group(vec![record("r", "x"), alert("A", "r > 5", 0, 0, &[])])], "x 1 1 1\nr 9 9 9", &[]);
}

#[test]
fn what_one_engine_writes_another_one_reads_in_the_recording() {
    let check = |evaluate: Evaluate, steps: [u64; 2], expected: [&[&str]; 2]| {
        let text = [("r", r#"{{ with query "r" }}{{ . | first | value }}{{ end }}"#)];
        let both = || [annotated(alert("Any", "x > 2", 0, 0, &[]), &text), alert("High", "r > 5", 0, 0, &[])];
        let mut store = Store::default();
        let mut engine = |rules: Vec<Rule>| {
            let groups = vec![Group { evaluate, ..group(rules) }];
            let files = [RuleFile { file: FileId(0), form: Form::Prometheus, groups }];
            Engine::new(&files, EngineOptions::default(), &mut store).expect("rules that can be evaluated")
        };
        let writer = engine([record("r", "x + 0")].into_iter().chain(both()).collect());
        let reader = engine(both().into());
        let (labels, samples, _) = samples("x 1 1 3 _ _\nr 9 9 9 9 stale");
        let mut batch = Batch::default();
        for (time, series, value) in samples {
            batch.push(store.series(&labels[series]), Timestamp(time), value, 0);
        }
        store.append(&batch).expect("in order");
        for (mut engine, (steps, expected)) in [writer, reader].into_iter().zip(steps.into_iter().zip(expected)) {
            engine.finish(&store, Timestamp(3 * MINUTE)).expect("few steps");
            let mut told = Told::default();
            collect(&mut engine, &mut told);
            assert_eq!(told.events, expected);
            assert_eq!(engine.schedules()[0].steps, steps);
        }
    };
    let read = [r#"0m 1 firing {alertname="High"} 9"#, r#"2m 0 firing {alertname="Any"} 3 r=9"#];
    check(Evaluate::ByDefault, [4, 4], [&[r#"2m 1 firing {alertname="Any"} 3 r=3"#], &read]);
    // A row of `r` alone is none for the one that writes it.
    let gone = [read[0], read[1], r#"3m 0 inactive {alertname="Any"} series_ended"#];
    check(Evaluate::EveryRow, [3, 4], [&[r#"2m 1 firing {alertname="Any"} 3 r=3"#], &gone]);
}

#[test]
fn annotations_are_expanded_at_the_step_they_tell_of() {
    let told = annotated(
        alert("Hot", "temp > 5", 60, 0, &[]),
        &[(
            "text",
            r#"{{ $labels.room }} {{ $value }} {{ range query "sum(temp)" }}{{ .Value }}{{ end }} {{ with query "r" }}{{ . | first | value }}{{ end }}"#,
        )],
    );
    check(
        &[group(vec![told, record("r", "sum(temp)")])],
        r#"temp{room="a"} 1 7 8 1 1
           temp{room="b"} 1 1 9 1 1"#,
        &[
            r#"1m 0 pending {alertname="Hot", room="a"} 7"#,
            r#"2m 0 firing {alertname="Hot", room="a"} 8 text=a 8 17 8"#,
            r#"2m 0 pending {alertname="Hot", room="b"} 9"#,
            r#"3m 0 inactive {alertname="Hot", room="a"} condition_false"#,
            r#"3m 0 inactive {alertname="Hot", room="b"} condition_false text=b 9 17 8"#,
        ],
    );
}

#[test]
fn the_templates_of_many_alerts_at_one_step_share_a_limit() {
    let long = r#"{{ $long := printf "%20000d" 1 }}{{ range 200 }}{{ $x := len $long }}{{ end }}done"#;
    let check = |rule: &Rule, hot: usize, expected: &str| {
        let value = |room| if room < hot { "9" } else { "1" };
        let series: Vec<String> = (0..1000).map(|room| format!("temp{{room=\"{room}\"}} 1 {}", value(room))).collect();
        let told = run(&[group(vec![rule.clone()])], &series.join("\n"));
        assert_eq!(told.events.len(), hot);
        assert!(told.events.iter().all(|event| event.contains(expected)), "{:?}", told.events.first());
    };
    let annotated = annotated(alert("Hot", "temp > 5", 0, 0, &[]), &[("text", long)]);
    check(&annotated, 100, "text=done");
    check(&annotated, 1000, "more than the limit of 20000 steps>");
    check(&alert("Hot", "temp > 5", 0, 0, &[("n", long)]), 1000, "more than the limit of 20000 steps>");
    let by_value = alert("Hot", "temp > 5", 0, 0, &[("n", &format!("{long}{{{{ $value }}}}"))]);
    check(&by_value, 1000, "more than the limit of 20000 steps>");
}

#[test]
fn a_query_of_templates_is_read_and_planned_once() {
    let rule =
        alert("Hot", "temp > 5", 0, 0, &[("n", r#"{{ with query "count(temp)" }}{{ . | first | value }}{{ end }}"#)]);
    let told = annotated(rule, &[("text", r#"{{ query "sum(temp)" | first | value }} {{ query "temp[" }}"#)]);
    let told = run(
        &[group(vec![told])],
        r#"temp{room="a"} 9 1 9 1 9 1 9 1 9 1
                                            temp{room="b"} _ 9 1 9 1 9 1 9 1 9"#,
    );
    assert_eq!(told.events.len(), 20 - 1, "{:?}", told.events);
    // One text of the label, two of the annotation, whatever came of them.
    assert_eq!(told.prepared, [3]);
}

#[test]
fn groups_keep_their_own_intervals() {
    let mut slow = group(vec![alert("Slow", "temp > 5", 60, 0, &[]), record("s", "temp")]);
    slow.evaluate = Evaluate::Every(Millis(3 * MINUTE));
    let told = run(&[slow, group(vec![alert("Fast", "s > 5", 0, 0, &[])])], "temp 1 1 9 9 9 9 9 1 1 1");
    assert_eq!(
        told.events,
        [
            r#"3m 0 pending {alertname="Slow"} 9"#,
            r#"3m 2 firing {alertname="Fast"} 9"#,
            r#"6m 0 firing {alertname="Slow"} 9"#,
            r#"9m 0 inactive {alertname="Slow"} condition_false"#,
            r#"9m 2 inactive {alertname="Fast"} condition_false"#,
        ]
    );
}

#[test]
fn negative_offsets_wait_for_what_is_to_come() {
    check(
        &[group(vec![alert("Soon", "temp offset -2m > 5", 0, 0, &[]), alert("Pinned", "temp @ 300 > 5", 0, 0, &[])])],
        "temp 1 1 1 9 1 7 1",
        &[
            r#"0m 1 firing {alertname="Pinned"} 7"#,
            r#"1m 0 firing {alertname="Soon"} 9"#,
            r#"2m 0 inactive {alertname="Soon"} condition_false"#,
            r#"3m 0 firing {alertname="Soon"} 7"#,
            r#"4m 0 inactive {alertname="Soon"} condition_false"#,
        ],
    );
}

#[test]
fn counts_tell_of_evaluations_faults_and_missing_metrics() {
    let groups = vec![group(vec![
        alert("Two", "a / on () b > 0", 0, 0, &[]),
        alert("None", "nothing > 1", 0, 0, &[]),
        alert("Rate", "rate(a[2m]) > 0", 0, 0, &[]),
        alert("High", "b * 7 > 8 and a", 0, 0, &[]),
        alert("Some", "a > 0", 0, 0, &[]),
    ])];
    let files = [RuleFile { file: FileId(0), form: Form::Prometheus, groups }];
    let mut store = Store::default();
    let mut engine = Engine::new(&files, EngineOptions::default(), &mut store).expect("rules");
    let (labels, samples, _) = samples("a 1 1 1 1 1\nb{x=\"1\"} 1 1 1 1 stale\nb{x=\"2\"} _ _ 1 stale");
    let mut batch = Batch::default();
    for (time, series, value) in samples {
        let id = store.series(&labels[series]);
        batch.push(id, Timestamp(time), value, 0);
    }
    store.append(&batch).expect("in order");
    engine.finish(&store, Timestamp(4 * MINUTE)).expect("few steps");
    let counts = engine.counts(&store);
    assert_eq!((counts[0].evaluations, counts[0].true_evaluations, counts[0].faults.len()), (5, 3, 1));
    assert_eq!((counts[0].faults[0].first, counts[0].faults[0].count), (Timestamp(2 * MINUTE), 1));
    assert_eq!(counts[1].missing_metrics, ["nothing"]);
    assert_eq!((counts[0].warm_from, counts[2].warm_from), (Some(Timestamp(0)), Some(Timestamp(2 * MINUTE))));
    assert_eq!(engine.schedules()[0].steps, 5);
    // Only what was never true has the values that its threshold was compared with.
    assert_eq!((counts[3].extremes, counts[4].extremes), (Some((7.0, 7.0)), None));
}

#[test]
fn slots_lie_within_start_and_end_and_are_not_too_many() {
    let groups = [group(vec![alert("Hot", "temp > 5", 0, 0, &[])])];
    let within = EngineOptions {
        start: Some(Timestamp(2 * MINUTE)),
        end: Some(Timestamp(3 * MINUTE)),
        align: Align::Offset(Millis(1)),
        ..EngineOptions::default()
    };
    let told = run_in(&groups, "temp 9 9 9 9 1 1", &within, 2);
    assert_eq!(told.events.len(), 1);
    assert!(told.events[0].starts_with("2.00001") && told.open.len() == 1, "{told:?}");

    let files = [RuleFile { file: FileId(0), form: Form::Prometheus, groups: groups.to_vec() }];
    let mut store = Store::default();
    let options = EngineOptions { interval: Millis(1), ..EngineOptions::default() };
    let mut engine = Engine::new(&files, options, &mut store).expect("rules");
    let mut batch = Batch::default();
    batch.push(store.series(&LabelSet::new([("__name__", "temp")])), Timestamp(0), 1.0, 0);
    store.append(&batch).expect("in order");
    assert!(engine.finish(&store, Timestamp(i64::MAX / 2)).is_err());
}

#[test]
fn many_slots_in_one_call_are_cut_into_slices() {
    let values: Vec<String> = (0..5000).map(|at| if at / 700 % 2 == 1 { "9" } else { "1" }.to_owned()).collect();
    let groups = [group(vec![
        record("r", "temp"),
        alert("Hot", "r > 5", 300, 120, &[]),
        alert("Both", r#"ALERTS{alertname="Hot", alertstate="firing"}"#, 0, 0, &[]),
    ])];
    let told = run(&groups, &format!("temp {}", values.join(" ")));
    assert_eq!(told.events.len(), 18);
}

mod cuts {
    use proptest::prelude::*;

    use super::*;

    const EXPRESSIONS: [&str; 20] = [
        "a > 5",
        "a > 5 and on () b",
        r#"{__name__=~"a|b"} > 1"#,
        "sum by (x) (a) > 5",
        "a / on (x) group_left () b > 1",
        "rate(a[3m]) > 0",
        "max_over_time(a[4m:1m]) > 8",
        "a offset -2m > 5",
        "absent(a)",
        "r > 5",
        "s > 5 or r",
        r#"ALERTS{alertstate="firing"}"#,
        "count(ALERTS_FOR_STATE) > 1",
        "b @ 120 > 1",
        // Windows of series that others have, too.
        r#"rate(a{x="1"}[3m]) > 0"#,
        "predict_linear(a[4m], 60) > 5",
        r#"predict_linear(a{x="2"}[4m], 120) > 5"#,
        "quantile_over_time(0.5, r[3m]) > 5",
        r#"quantile_over_time(0.9, r{x="1"}[3m]) > 5"#,
        r#"quantile_over_time(0.5, r{x=~"1|3"}[3m]) > 5"#,
    ];

    fn rules() -> impl Strategy<Value = Vec<Group>> {
        let one = (0..EXPRESSIONS.len(), 0_usize..7, 0_i64..4, 0_i64..3);
        let rules = prop::collection::vec(one, 1..5);
        prop::collection::vec((rules, 0_usize..4, 1_i64..4, 0_i64..3), 1..4).prop_map(|groups| {
            let made = groups.into_iter().enumerate().map(|(number, (rules, limit, interval, offset))| {
                let made = rules.into_iter().enumerate().map(|(at, (expr, form, hold, keep))| {
                    let expr = EXPRESSIONS[expr];
                    let name = format!("A{number}{at}");
                    match form {
                        0 => record("r", expr),
                        1 => rule("s", expr, &[("y", "1")], RuleKind::Record),
                        2 => alert(&name, expr, hold * 60, keep * 60, &[("v", "{{ $value }}"), ("alertstate", "")]),
                        3 => alert("Same", expr, hold * 30, keep * 90, &[("x", ""), ("alertstate", "")]),
                        _ => alert(&name, expr, hold * 60, keep * 60, &[("alertstate", "")]),
                    }
                });
                let mut group = group(made.collect());
                group.limit = limit;
                group.evaluate = Evaluate::Every(Millis(interval * MINUTE / 2));
                group.query_offset = Some(Millis(offset * MINUTE));
                group
            });
            made.collect()
        })
    }

    fn series() -> impl Strategy<Value = String> {
        let item = prop::sample::select(vec!["1", "9", "9", "7", "stale", "_", "NaN", "3"]);
        let line = prop::collection::vec(item, 4..14);
        let names = [r#"a{x="1"}"#, r#"a{x="2"}"#, r#"b{x="1"}"#, r#"b{x="3",z="1"}"#];
        prop::collection::vec(line, names.len()).prop_map(move |lines| {
            let joined = names.iter().zip(lines).map(|(name, items)| format!("{name} {}", items.join(" ")));
            joined.collect::<Vec<_>>().join("\n")
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn however_a_recording_is_cut_the_run_tells_the_same(groups in rules(), series in series()) {
            run(&groups, &series);
        }
    }
}
