//! Rules whose expressions give native histograms.

use super::*;

const LATENCY: &str =
    "lat {{count:1 sum:2 buckets:[1]}} {{count:3 sum:4 buckets:[1 2]}} {{count:4 sum:5 buckets:[2 2]}} stale _ 7";

#[test]
fn an_alert_on_a_histogram_is_active_with_the_value_0_and_shows_it_in_its_texts() {
    let texts = [
        ("a", "{{ $value }}"),
        ("b", "{{ .Value.Count }}/{{ $value.Sum }}"),
        ("c", "{{ with query \"lat\" }}{{ . | first | value }}{{ end }}"),
    ];
    let rules = || vec![annotated(alert("Lat", "lat", 60, 0, &[]), &texts)];
    check(
        &[group(rules())],
        LATENCY,
        &[
            r#"0m 0 pending {alertname="Lat"} 0"#,
            r#"1m 0 firing {alertname="Lat"} 0 a={count:3, sum:4, (0.5,1]:1, (1,2]:2} b=3/4 c={count:3, sum:4, (0.5,1]:1, (1,2]:2}"#,
            r#"3m 0 inactive {alertname="Lat"} condition_false"#,
            r#"5m 0 pending {alertname="Lat"} 7"#,
        ],
    );
}

#[test]
fn the_texts_of_a_dropped_alert_show_the_histogram_that_made_it() {
    check(
        &[group(vec![annotated(alert("Lat", "lat", 600, 0, &[]), &[("a", "{{ $value }}")])])],
        "lat {{count:1}} {{count:3}} stale _ {{count:5}} 8 stale",
        &[
            r#"0m 0 pending {alertname="Lat"} 0"#,
            r#"2m 0 inactive {alertname="Lat"} condition_false a={count:1, sum:0}"#,
            r#"4m 0 pending {alertname="Lat"} 0"#,
            r#"6m 0 inactive {alertname="Lat"} condition_false a={count:5, sum:0}"#,
        ],
    );
}

#[test]
fn a_label_that_shows_a_histogram_makes_new_alerts() {
    check(
        &[group(vec![alert("Lat", "lat", 0, 0, &[("v", "{{ $value }}")])])],
        "lat {{count:1}} {{count:1}} {{count:2}} stale",
        &[
            r#"0m 0 firing {alertname="Lat", v="{count:1, sum:0}"} 0"#,
            r#"2m 0 inactive {alertname="Lat", v="{count:1, sum:0}"} condition_false"#,
            r#"2m 0 firing {alertname="Lat", v="{count:2, sum:0}"} 0"#,
            r#"3m 0 inactive {alertname="Lat", v="{count:2, sum:0}"} condition_false"#,
        ],
    );
}

#[test]
fn recorded_histograms_are_read_by_later_rules_and_end_with_what_they_are_made_of() {
    let rules = vec![
        record("twice", "lat * 2"),
        record("rise", "round(histogram_count(increase(twice[3m])))"),
        alert("Many", "histogram_count(twice) > 6", 0, 0, &[]),
    ];
    let told = run(&[group(rules)], LATENCY);
    assert_eq!(
        told.written,
        [
            r#"0m 0 twice {count:2, sum:4, (0.5,1]:2}"#,
            r#"1m 0 twice {count:6, sum:8, (0.5,1]:2, (1,2]:4}"#,
            r#"1m 1 rise 6"#,
            r#"2m 0 twice {count:8, sum:10, (0.5,1]:4, (1,2]:4}"#,
            r#"2m 1 rise 8"#,
            r#"2m 2 ALERTS_FOR_STATE{alertname="Many"} 120"#,
            r#"2m 2 ALERTS{alertname="Many", alertstate="firing"} 1"#,
            r#"3m 0 twice stale"#,
            r#"3m 1 rise 6"#,
            r#"3m 2 ALERTS_FOR_STATE{alertname="Many"} stale"#,
            r#"3m 2 ALERTS{alertname="Many", alertstate="firing"} stale"#,
            r#"4m 1 rise stale"#,
            r#"5m 0 twice 14"#,
        ]
    );
}
