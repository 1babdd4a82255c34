//! Recording rules next to recorded series of the metrics that they write.

use super::*;

/// Checks, of each metric that is both recorded and computed, `METRIC recorded/computed series, only recorded/computed,
/// agreed/compared points, gaps`, and where values differ first.
fn check_hidden(groups: &[Group], series: &str, expected: &[&str]) {
    let told = run(groups, series).agreements;
    let line = |one: &Agreement| {
        let first = one
            .first
            .as_ref()
            .map(|first| format!(", {} {} {} not {}", minutes(first.at), first.labels, first.computed, first.recorded));
        format!(
            "{} {}/{}, {}/{}, {}/{}, {}{}",
            one.metric,
            one.series,
            one.computed_series,
            one.recorded_only,
            one.computed_only,
            one.agreed,
            one.compared,
            one.gaps,
            first.unwrap_or_default()
        )
    };
    assert_eq!(told.iter().map(line).collect::<Vec<_>>(), expected);
}

#[test]
fn recorded_series_are_compared_with_the_rules_that_hide_them() {
    let doubled = || vec![group(vec![record("two", "one * 2"), alert("High", "two > 5", 0, 0, &[])])];
    check_hidden(&doubled(), "one 1 2 3\ntwo 2 4 6", &["two 1/1, 0/0, 3/3, 0"]);
    check_hidden(&doubled(), "one 1 2 3\nthree 2 4 6", &[]);
    check_hidden(&doubled(), "one 1 2 3\ntwo 2 5 7", &["two 1/1, 0/0, 1/3, 0, 1m two 4 not 5"]);
    // What was recorded is in force until a stale marker; the rule begins later and stops sooner.
    check_hidden(&doubled(), "one _ 2 stale _ _\ntwo 4 _ _ _ stale", &["two 1/1, 0/0, 1/1, 2"]);
    check_hidden(
        &doubled(),
        r#"one{a="1"} 1 2 3
           one{a="2"} 1 2 3
           two{a="1"} 2 4 6
           two{a="3"} 2 4 6
           two{a="4"} stale"#,
        &["two 2/2, 1/1, 3/3, 0"],
    );
    check_hidden(&doubled(), "one NaN Inf 1\ntwo NaN Inf 2", &["two 1/1, 0/0, 3/3, 0"]);
}

#[test]
fn rules_that_nothing_reads_and_such_as_read_themselves_are_compared() {
    let unread = vec![group(vec![record("two", "one * 2"), record("one_too", "one")])];
    check_hidden(
        &unread,
        "one 1 2\none_too 1 2\ntwo 9 4",
        &["one_too 1/1, 0/0, 2/2, 0", "two 1/1, 0/0, 1/2, 0, 0m two 2 not 9"],
    );
    let own = vec![group(vec![record("m", "m * 2"), alert("High", "m > 1", 0, 0, &[])])];
    check_hidden(&own, "m 9 9 9", &["m 1/0, 1/0, 0/0, 0"]);
    let sum = vec![group(vec![record("n", "n + x or x"), alert("High", "n > 5", 0, 0, &[])])];
    check_hidden(&sum, "x 1 1 1\nn 1 2 4", &["n 1/1, 0/0, 2/3, 0, 2m n 3 not 4"]);
}

#[test]
fn recorded_series_are_compared_at_the_query_offset_and_at_rows() {
    let offset = Group { query_offset: Some(Millis(MINUTE)), ..group(vec![record("two", "one * 2")]) };
    check_hidden(&[offset], "one 1 2 3\ntwo 2 4 6", &["two 1/1, 0/0, 2/2, 0"]);
    let rows = Group { evaluate: Evaluate::EveryRow, ..group(vec![record("two", "one * 2")]) };
    check_hidden(
        &[rows],
        "one{a=\"1\"} 1 _ 3\none{a=\"2\"} 1 2 3\ntwo{a=\"1\"} 2 4 7\ntwo{a=\"2\"} 2 _ 6",
        &["two 2/2, 0/0, 3/4, 0, 2m two{a=\"1\"} 6 not 7"],
    );
}
