use super::*;
use crate::labels::LabelSet;
use crate::promql::lags::Lags;
use crate::promql::program::Written;
use crate::store::{Batch, Hidden};

const MINUTE: i64 = 60_000;

/// Makes a store of series of one metric, each with one sample at 0.
fn store(series: i64) -> Store {
    let mut store = Store::default();
    store.keep_all();
    (0..series).for_each(|number| push(&mut store, &format!("up{number}"), 0, 1.0));
    store
}

/// Appends a sample of the metric `up` with a label.
fn push(store: &mut Store, name: &str, at: i64, value: f64) {
    let id = store.series(&LabelSet::new([("__name__", "up"), ("n", name)]));
    let mut batch = Batch::default();
    batch.push(id, Timestamp(at), value, 0);
    store.append(&batch).expect("in time order");
}

fn prepare(text: &str, context: QueryContext) -> Result<Query, QueryError> {
    Query::prepare(text, context, &QueryOptions::default())
}

fn instant(text: &str) -> Query {
    prepare(text, QueryContext::Instant).expect("a query")
}

/// Shows a result in one line.
fn shown(value: &Result<Value, QueryError>) -> String {
    let series = |series: &Series| {
        let samples: Vec<String> =
            series.samples.iter().map(|(at, value)| format!("{value}@{}", at.0 / 1000)).collect();
        format!("{} {}", series.labels, samples.join(" "))
    };
    match value {
        Ok(Value::Scalar(value)) => value.to_string(),
        Ok(Value::String(text)) => text.clone(),
        Ok(Value::Vector(samples)) => {
            let samples: Vec<String> = samples.iter().map(|(labels, value)| format!("{labels} {value}")).collect();
            samples.join(", ")
        }
        Ok(Value::Matrix(matrix)) => matrix.iter().map(series).collect::<Vec<_>>().join(", "),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn an_evaluation_that_needs_too_much_memory_fails_alone() {
    let of = |series| instant("max_over_time(up[50d:1s])").at(&store(series), Timestamp(MINUTE));
    assert!(of(1).is_ok());
    let words = shown(&of(6));
    assert!(words.contains("too many samples"), "{words}");
}

#[test]
fn a_query_sees_what_came_since_it_was_asked_last() {
    let mut store = store(0);
    let mut query = instant(r#"sum(up) or absent(up) or sum(max_over_time((up @ 120)[2m:1m]))"#);
    let mut window = instant("up[2m]");
    let mut check = |store: &Store, at: i64, expected: [&str; 2]| {
        let at = Timestamp(at * MINUTE);
        assert_eq!([shown(&query.at(store, at)), shown(&window.at(store, at))], expected);
    };
    check(&store, 0, ["{} 1", ""]);
    push(&mut store, "b", MINUTE, 2.0);
    check(&store, 1, ["{} 2", r#"up{n="b"} 2@60"#]);
    push(&mut store, "a", 2 * MINUTE, 3.0);
    push(&mut store, "b", 2 * MINUTE, 4.0);
    check(&store, 2, ["{} 7", r#"up{n="a"} 3@120, up{n="b"} 2@60 4@120"#]);
    // The past is still there.
    check(&store, 1, ["{} 2", r#"up{n="b"} 2@60"#]);
    // Another store, with fewer series.
    check(&self::store(1), 1, ["{} 1", r#"up{n="up0"} 1@0"#]);
}

#[test]
fn written_series_are_seen_as_late_as_their_reader_sees_them() {
    let (mut recording, mut written) = (store(0), store(0));
    push(&mut recording, "recorded", MINUTE, 1.0);
    push(&mut written, "written", MINUTE, 2.0);
    let check = |text: &str, lag: i64, expected: &str| {
        let (lags, hidden) = (Lags::Listed(vec![(0, Millis(lag))]), Hidden::default());
        let written = Written { store: &written, writers: &[0], lags: &lags, hidden: &hidden };
        let inputs = Inputs { written: Some(written), ..Inputs::of(&recording) };
        assert_eq!(shown(&instant(text).at_on(&inputs, Timestamp(MINUTE))), expected, "{text}");
    };
    for text in ["up", "up[1m]", "up[1m:1m]"] {
        let at = if text == "up" { "" } else { "@60" };
        check(text, 1, &format!(r#"up{{n="recorded"}} 1{at}"#));
        check(text, 0, &format!(r#"up{{n="recorded"}} 1{at}, up{{n="written"}} 2{at}"#));
    }
}

#[test]
fn a_query_stands_by_itself_in_a_rule_or_in_a_range() {
    let store = store(1);
    let range = QueryRange::new(Timestamp(0), Timestamp(2 * MINUTE), Millis(MINUTE)).expect("a range");
    let check = |text: &str, expected: [&str; 3]| {
        let contexts = [QueryContext::Instant, QueryContext::Rule, QueryContext::Range(range)];
        let told = contexts.map(|context| {
            let value = prepare(text, context).and_then(|mut query| match context {
                QueryContext::Range(range) => query.over(&store, range),
                _ => query.at(&store, Timestamp(2 * MINUTE)),
            });
            shown(&value)
        });
        assert_eq!(told, expected, "{text}");
    };
    let string = "error: this is a string: it cannot be evaluated at a step";
    let matrix = "error: this is a range vector: it cannot be evaluated at a step";
    check(r#"("text")"#, ["text", string, string]);
    check("up[3m]", [r#"up{n="up0"} 1@0"#, matrix, matrix]);
    check("(up[2m:1m])", [r#"up{n="up0"} 1@60 1@120"#, matrix, matrix]);
    check("end() - start() + step()", ["0", "0", "{} 180@0 180@60 180@120"]);
    // In a subquery start and end are those of the query, not of its steps.
    check("vector(end() - time())[2m:1m]", ["{} 60@60 0@120", matrix, matrix]);
    check("up[", ["error: this `[` is never closed"; 3]);
    let texts = [r#""text""#, "up[3m]", "up[3m:1m]"];
    assert!(texts.iter().all(|text| matches!(instant(text).over(&store, range), Err(QueryError::Refused(_)))));
}

#[test]
fn a_range_without_steps_is_told_or_empty() {
    let range = |end: i64, step: i64| QueryRange::new(Timestamp(0), Timestamp(end), Millis(step));
    for step in [0, -MINUTE] {
        let error = range(MINUTE, step).expect_err("no step");
        assert!(error.to_string().starts_with("zero or negative query resolution step"), "{error}");
    }
    assert!(matches!(range(i64::MAX, 1), Err(QueryError::Range(_))));
    let none = range(-1, MINUTE).expect("a range");
    let mut query = prepare("1 + vector(2)", QueryContext::Range(none)).expect("a query");
    assert_eq!(query.over(&store(1), none), Ok(Value::Matrix(Vec::new())));
    // No step of the grid is in the window.
    assert_eq!(instant("vector(1)[1s:1m]").at(&store(1), Timestamp(90_000)), Ok(Value::Matrix(Vec::new())));
}

#[test]
fn the_steps_of_long_ranges_are_those_of_single_evaluations() {
    let mut store = store(0);
    for step in 0..3000 {
        push(&mut store, "a", step * MINUTE, f64::from(step as i32 % 17) / 3.0);
        // It comes late, in the second block.
        if step > 1500 && step % 7 != 0 {
            push(&mut store, "b", step * MINUTE, step as f64);
        }
    }
    let range = QueryRange::new(Timestamp(30_000), Timestamp(3000 * MINUTE), Millis(MINUTE)).expect("a range");
    for text in
        ["avg_over_time(up[10m])", "sum(up) / 3", "count_values(\"v\", up)", "max_over_time(rate(up[5m])[10m:3m])"]
    {
        let Ok(Value::Matrix(matrix)) =
            prepare(text, QueryContext::Range(range)).and_then(|mut query| query.over(&store, range))
        else {
            panic!("{text}")
        };
        let mut query = instant(text);
        for at in range.steps().step_by(13) {
            let Ok(Value::Vector(mut expected)) = query.at(&store, at) else { panic!("{text}") };
            expected.sort_by(|a, b| a.0.cmp(&b.0));
            let found = matrix.iter().filter_map(|series| {
                let at = series.samples.binary_search_by_key(&at, |(at, _)| *at).ok()?;
                Some((series.labels.clone(), series.samples[at].1.clone()))
            });
            assert_eq!(found.collect::<Vec<_>>(), expected, "{text} at {at:?}");
        }
    }
}

#[test]
fn a_failure_points_at_the_part_that_failed() {
    let store = store(2);
    let check = |text: &str, expected: &str| {
        let Err(QueryError::Failed { span, .. }) = instant(text).at(&store, Timestamp(MINUTE)) else {
            panic!("{text} fails")
        };
        assert_eq!(span.map(|span| &text[span.range()]), Some(expected));
    };
    check("1 + (up * on () up)", "up * on () up");
    check("vector(1) + sum_over_time((up * on () up)[2m:1m])", "up * on () up");
    check("(up * on () up)[2m:1m]", "up * on () up");
    check("count(topk(scalar(up), up))", "topk(scalar(up), up)");
}

#[test]
fn series_of_a_range_differ_in_their_labels_at_whatever_steps_they_are() {
    const MINUTES: i64 = 10_000;
    let mut store = Store::default();
    store.keep_all();
    let mut batch = Batch::default();
    for (name, first) in [("early", 0), ("late", MINUTES / 2)] {
        let id = store.series(&LabelSet::new([("__name__", name), ("of", "x")]));
        (first..first + 3).for_each(|at| batch.push(id, Timestamp(at * MINUTE), 1.0, 0));
    }
    store.append(&batch).expect("in time order");
    let words = "error: vector cannot contain metrics with the same labelset";
    let over = |text: &str, last: i64, delayed_names: bool| {
        let range = QueryRange::new(Timestamp(0), Timestamp(last * MINUTE), Millis(MINUTE)).expect("a range");
        let options = QueryOptions { delayed_names, ..QueryOptions::default() };
        let mut query = Query::prepare(text, QueryContext::Range(range), &options).expect("a query");
        shown(&query.over(&store, range))
    };
    for text in [
        r#"sum_over_time({of="x"}[2m])"#,
        r#"sum(sum_over_time({of="x"}[2m]))"#,
        r#"max_over_time(sum_over_time({of="x"}[2m])[1m:1m])"#,
        r#"sum_over_time(({of="x"} * 1)[2m:1m]) or sum_over_time({of="x"}[2m:1m])"#,
    ] {
        assert_eq!(over(text, MINUTES, false), words, "{text}");
        assert!(over(text, MINUTES, true).contains("@300000"), "{text}");
        // The second series is not there yet.
        assert!(over(text, MINUTES / 2 - 1, false).contains("@60"), "{text}");
        let mut each = instant(text);
        for minute in [1, MINUTES / 2 + 1] {
            assert!(each.at(&store, Timestamp(minute * MINUTE)).is_ok(), "{text} at {minute}");
        }
    }
    // Series that keep their names are no cause, nor those of functions of one step.
    for text in [r#"last_over_time({of="x"}[2m])"#, r#"-{of="x"}"#, r#"rate(early[2m]) or rate(late[2m])"#] {
        assert!(!over(text, MINUTES, false).starts_with("error"), "{text}");
    }
}

#[test]
fn a_subquery_at_a_fixed_time_still_knows_when_it_is_asked() {
    let store = store(1);
    for text in
        ["last_over_time(vector(end())[1m:30s] @ 60)", "last_over_time(timestamp(up @ start())[1m:30s] @ 60) * 0"]
    {
        let mut query = instant(text);
        for (minute, expected) in
            [(1, ["{} 60", "{n=\"up0\"} 0"]), (3, ["{} 180", "{n=\"up0\"} 0"]), (7, ["{} 420", ""])]
        {
            let got = shown(&query.at(&store, Timestamp(minute * MINUTE)));
            assert!(expected.contains(&got.as_str()), "{text} at {minute}: {got}");
        }
    }
}

#[test]
fn a_result_that_is_too_large_is_told_in_two_ways() {
    let error = QueryError::TooLarge;
    assert!(error.to_string().starts_with("query processing would load too many samples"));
    let help = |one: &Diagnostic| one.help.join(" ");
    let told: Vec<String> =
        error.diagnostics(crate::source::SourceMap::default().add("x", "x"), 0).iter().map(help).collect();
    assert_eq!(told, ["the result would hold more than 50,000,000 samples: try a longer --step"]);
}
