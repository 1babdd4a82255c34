//! What lines of JSONL become.

use super::super::testing::{dump, read, source};
use super::super::{BadRows, Form, Format, InputError, ReadOptions, Summary, TimeUnit};
use crate::limits;
use crate::store::Stale;

fn options() -> ReadOptions {
    let form = Form { time_unit: Some(TimeUnit::Millis), ..Form::default() };
    ReadOptions { form, ..ReadOptions::default() }
}

fn skipping() -> ReadOptions {
    ReadOptions { bad_rows: BadRows::Skip { share: Some(1.0) }, ..options() }
}

fn check_with(bytes: impl AsRef<[u8]>, options: ReadOptions, expected: &[&str]) -> Summary {
    let text = String::from_utf8_lossy(bytes.as_ref()).into_owned();
    let (store, summary) = read(vec![source("dir/cpu.jsonl", bytes)], options, Stale::Off).expect(&text);
    assert_eq!(dump(&store), expected, "{text}");
    summary
}

/// Reads a text whose times are small numbers of milliseconds.
fn check(text: &str, expected: &[&str]) -> Summary {
    check_with(text, options(), expected)
}

fn refused(bytes: impl AsRef<[u8]>, options: ReadOptions) -> (String, Option<String>) {
    match read(vec![source("a.jsonl", bytes)], options, Stale::Off) {
        Ok((store, _)) => panic!("was read: {:?}", dump(&store)),
        Err(error) => (error.to_string(), error.hint()),
    }
}

#[test]
fn an_object_may_be_a_sample() {
    let found = check(
        r#"{"timestamp_ms":1,"metric":"cpu","host":"a","value":0.5}
{"timestamp_ms":1,"metric":"cpu","value":1,"host":"b"}
{"host":"a","timestamp_ms":2,"metric":"cpu","value":null}
{"host":"a","metric":"cpu","value":"NaN","timestamp_ms":3}
{"timestamp_ms":4,"metric":"up","host":"","value":"+Inf"}
{"timestamp_ms":5,"metric":"up","host":null,"value":-0.0}
"#,
        &["cpu{host=\"a\"} 1=0.5 3=NaN", "cpu{host=\"b\"} 1=1", "up 4=inf 5=-0"],
    );
    assert!(
        matches!(&found.inputs[0].format, Some((Format::JsonlSamples, why)) if why == "fields `metric` and `value`")
    );
    assert_eq!(found.inputs[0].label_columns, ["host"]);
}

#[test]
fn values_may_be_native_histograms() {
    let found = check(
        r#"{"ts":3,"metric":"h","host":"a","value":"{{schema:0 count:3 sum:5 buckets:[1 2]}}"}
{"ts":1,"metric":"h","value":" {{count:1 sum:2}} ","host":"a"}
{"ts":2,"metric":"h","host":"a","value":7}
{"ts":3,"metric":"h","host":"a","value":"\u007b{count:3 sum:5 buckets:[1 2]}}"}
{"ts":3,"host":"b","h":"{{count:4}}","load":1}
"#,
        &[
            "h{host=\"a\"} 1={count:1, sum:2} 2=7 3={count:3, sum:5, (0.5,1]:1, (1,2]:2}",
            "h{host=\"b\"} 3={count:4, sum:0}",
            "load{host=\"b\"} 3=1",
        ],
    );
    assert_eq!(found.repeats, 1);
    check(
        "{\"ts\":1,\"host\":\"a\",\"h\":\"{{count:1}}\",\"note\":\"{{ $value }}\"}\n",
        &["h{host=\"a\", note=\"{{ $value }}\"} 1={count:1, sum:0}"],
    );
}

#[test]
fn what_is_wrong_with_a_histogram_is_said_with_its_place() {
    let line = |value: &str| format!("{{\"ts\":1,\"metric\":\"h\",\"value\":\"{value}\"}}\n");
    let message = |text: &str| refused(text, options()).0;
    let found = message(&line("{{count:1 foo:2}}"));
    assert!(found.contains("a.jsonl:1: field `value`: histograms have no `foo` at column 41; the keys are"), "{found}");
    let found = message(&line("{{count:1 sum:}}").replace("{{", "\\u007b{"));
    assert!(found.contains("at character 15 of the histogram"), "{found}");
    let found = message(&line("{{count:1"));
    assert!(found.contains("begins with `{{` and ends with `}}`"), "{found}");
    let found = check_with(line("{{schema:99}}") + &line("{{count:1}}"), skipping(), &["h 1={count:1, sum:0}"]);
    assert_eq!(found.bad_rows, 1);
}

#[test]
fn histograms_that_differ_at_one_time_are_a_conflict() {
    let line = |value: &str| format!("{{\"ts\":1,\"metric\":\"h\",\"value\":{value}}}\n");
    let message = |other: &str| refused(line("\"{{count:1}}\"") + &line(other), options()).0;
    assert!(
        message("\"{{count:2}}\"").contains("h at 1970-01-01T00:00:00.001Z is another native histogram than before")
    );
    assert!(message("2").contains("h at 1970-01-01T00:00:00.001Z is 2, and was a native histogram before"));
}

#[test]
fn labels_may_lie_in_an_object() {
    check(
        r#"{"ts":1,"name":"cpu","value":1,"labels":{"host":"a","core":3},"zone":"eu"}
{"ts":2,"name":"b","value":2,"labels":null}
{"ts":3,"name":"b","value":2,"labels":{"le":"1"}}
"#,
        &["b 2=2", "b{le=\"1.0\"} 3=2", "cpu{core=\"3\", host=\"a\", zone=\"eu\"} 1=1"],
    );
    check("{\"labels\":{\"__name__\":\"cpu\",\"host\":\"a\"},\"time\":1,\"value\":2}\n", &["cpu{host=\"a\"} 1=2"]);
    check("{\"time\":1,\"cpu\":2,\"labels\":{\"host\":\"a\"}}\n", &["cpu{host=\"a\"} 1=2"]);
}

#[test]
fn an_object_may_be_a_snapshot() {
    let found = check(
        r#"{"timestamp":1,"host":"a","cpu":1,"mem":null,"zone":null}
{"timestamp":1,"host":"b","cpu":2,"mem":3}
{"mem":"NaN","zone":"eu","cpu":4,"host":"a","timestamp":2}
{"timestamp":3,"host":"b","new":"-Inf","port":"8080"}
"#,
        &[
            "cpu{host=\"a\", zone=\"eu\"} 2=4",
            "cpu{host=\"a\"} 1=1",
            "cpu{host=\"b\"} 1=2",
            "mem{host=\"a\", zone=\"eu\"} 2=NaN",
            "mem{host=\"b\"} 1=3",
            "new{host=\"b\", port=\"8080\"} 3=-inf",
        ],
    );
    assert!(matches!(found.inputs[0].format, Some((Format::JsonlSnapshots, _))));
    assert_eq!(found.inputs[0].label_columns, ["host", "zone", "port"]);
}

#[test]
fn a_time_and_a_value_take_the_name_of_the_file_or_the_user() {
    check(
        "{\"timestamp\":1,\"value\":5}\n{\"timestamp\":2,\"value\":6,\"host\":\"a\"}\n",
        &["cpu 1=5", "cpu{host=\"a\"} 2=6"],
    );
    let named = || ReadOptions { form: Form { metric: Some("load".into()), ..options().form }, ..options() };
    check_with("{\"value\":5,\"date\":1}\n", named(), &["load 1=5"]);
    check_with("{\"value\":5,\"date\":1,\"host\":\"a\"}\n", named(), &["load{host=\"a\"} 1=5"]);
    let (message, _) = refused("{\"timestamp\":1,\"value\":5}\n{\"timestamp\":2,\"value\":6,\"port\":7}\n", options());
    assert!(message.contains("a.jsonl:2: `port` is a number") && message.contains("--labels port"), "{message}");
}

#[test]
fn the_form_may_be_told() {
    let told = |format| ReadOptions { form: Form { input_format: Some(format), ..options().form }, ..options() };
    let text = "{\"ts\":1,\"name\":\"x\",\"value\":5}\n";
    check_with(text, told(Format::JsonlSnapshots), &["value{name=\"x\"} 1=5"]);
    check_with("{\"ts\":1,\"value\":5,\"host\":\"x\"}\n", told(Format::JsonlSamples), &["cpu{host=\"x\"} 1=5"]);
    assert!(refused(text, told(Format::CsvLong)).0.contains("is not CSV: it looks like JSON"));
    for format in Format::ALL {
        assert_eq!(format.word().parse(), Ok(format));
    }
}

#[test]
fn told_labels_and_ignored_fields() {
    let text = r#"{"timestamp":1,"shard":7,"cpu":1,"ok":true,"note":"x","deep":[[1,{"a":[]}]]}
{"timestamp":1,"shard":8,"cpu":2,"ok":false,"note":"y","deep":{"note":{}}}
"#;
    let options = ReadOptions {
        form: Form {
            labels: vec!["shard".into(), "ok".into()],
            ignore_columns: vec!["note".into(), "deep".into()],
            ..options().form
        },
        ..options()
    };
    let unknown = ReadOptions {
        form: Form { labels: vec!["shard".into(), "chard".into()], ..options.clone().form },
        ..options.clone()
    };
    let found = check_with(text, options, &["cpu{ok=\"false\", shard=\"8\"} 1=2", "cpu{ok=\"true\", shard=\"7\"} 1=1"]);
    assert!(found.inputs[0].warnings.is_empty());
    let columns = "`timestamp`, `shard`, `cpu`, `ok`, `note`, `deep`";
    assert_eq!(
        refused(text.replace("true", "1").replace("false", "1"), unknown).0,
        format!("--labels chard: a.jsonl has no such column; it has {columns}")
    );
}

#[test]
fn the_first_lines_decide_what_a_field_is() {
    let found = check_with(
        "{\"timestamp\":1,\"cpu\":\"N/A\"}\n{\"timestamp\":2,\"cpu\":81.5}\n{\"timestamp\":3,\"cpu\":\"82\"}\n",
        options(),
        &["cpu 2=81.5 3=82"],
    );
    assert_eq!(found.inputs[0].warnings, ["field `cpu`: 1 cell is `N/A`, read as no sample"]);
    let line = |at: i64, cpu: &str| format!("{{\"timestamp\":{at},\"cpu\":{cpu}}}\n");
    let text = [line(1, "1"), line(2, "\"a\""), line(3, "\"b\""), line(4, "2")].concat();
    let (message, hint) = refused(&text, options());
    assert_eq!(message, "a.jsonl: column `cpu` mixes numbers and words: `1` in line 1, `a` in line 2");
    assert!(hint.is_some_and(|hint| hint.contains("--null 'a'")));
    // Numbers in quotes alone are a label.
    check("{\"timestamp\":1,\"cpu\":1,\"port\":\"80\"}\n", &["cpu{port=\"80\"} 1=1"]);
}

#[test]
fn lines_of_the_other_shape_are_read_as_such_or_are_bad() {
    let sample = r#"{"timestamp":1,"metric":"cpu","value":5,"host":"a"}"#;
    let snapshot = r#"{"timestamp":2,"cpu":6,"host":"a"}"#;
    let expected = ["cpu{host=\"a\"} 1=5 2=6"];
    let found = check_with(format!("{sample}\n{snapshot}\n"), options(), &expected);
    assert!(found.inputs[0].warnings[0].starts_with("some lines are one sample"));
    let early = sample.replace(":1,", ":3,").replace(":5,", ":7,");
    check(&format!("{snapshot}\n{early}\n"), &["cpu{host=\"a\"} 2=6 3=7"]);
    for line in [r#"{"timestamp":2,"metric":"cpu","Value":5}"#, r#"{"timestamp":2,"metric":"cpu"}"#] {
        let (message, _) = refused(format!("{sample}\n{line}\n"), options());
        assert!(message.contains("a.jsonl:2: missing `value`"), "{line}: {message}");
    }
    check(&format!("{sample}\n{{\"timestamp\":2,\"metric\":\"cpu\",\"value\":null}}\n"), &["cpu{host=\"a\"} 1=5"]);
}

#[test]
fn spellings_do_not_matter() {
    check(
        "\u{feff}\r\n {\"timestamp\": 1 , \"cpu\":2}\r\n\r\n   \n{\"c\\u0070u\":3e0,\"timestamp\":2}\r\n",
        &["cpu 1=2 2=3"],
    );
    check(
        "{\"timestamp\":1,\"metric\":\"cpu\",\"value\":2,\"host\":\"x\\\"y\\n\\ud83d\\ude00é\"}",
        &["cpu{host=\"x\\\"y\\n😀é\"} 1=2"],
    );
    check_with(
        "{\"timestamp\":1,\"cpu\":\"-\"}\n{\"timestamp\":2,\"cpu\":1}\n",
        ReadOptions { form: Form { null: vec!["-".into()], ..options().form }, ..options() },
        &["cpu 2=1"],
    );
}

#[test]
fn times_are_read_as_in_csv() {
    let options = ReadOptions::default;
    let t = 1_767_614_400_000_i64;
    for (field, expected) in [
        ("\"timestamp\":1767614400", format!("cpu {t}=1")),
        ("\"timestamp\":\"1767614400\"", format!("cpu {t}=1")),
        ("\"timestamp\":1767614400.25", format!("cpu {}=1", t + 250)),
        ("\"Timestamp_ms\":1767614400123", format!("cpu {}=1", t + 123)),
        ("\"ts\":1767614400123456789", format!("cpu {}=1", t + 123)),
        ("\"time\":\"2026-01-05T12:00:00.5Z\"", format!("cpu {}=1", t + 500)),
    ] {
        let found = check_with(format!("{{{field},\"cpu\":1}}\n"), options(), &[&expected]);
        assert!(found.inputs[0].time.is_some(), "{field}");
    }
    let found = check_with("{\"time\":\"2026-01-05 12:00\",\"cpu\":1}\n", options(), &[&format!("cpu {t}=1")]);
    assert_eq!(found.inputs[0].time.as_ref().and_then(|time| time.zone.as_deref()), Some("UTC"));
    let (message, hint) = refused("{\"time\":60,\"cpu\":1}\n", options());
    assert!(message.contains("a.jsonl:1: `60` in column `time` is outside"), "{message}");
    assert!(hint.is_some_and(|hint| hint.contains("--time-unit s")));
}

/// Reads two good lines and a bad one, and compares what is said of it.
fn bad(line: impl AsRef<[u8]>, part: &str) {
    let good = b"{\"timestamp\":1,\"cpu\":1,\"host\":\"a\"}\n";
    let bytes = [&good[..], line.as_ref(), b"\n", good].concat();
    let (message, _) = refused(&bytes, options());
    let line = String::from_utf8_lossy(line.as_ref()).into_owned();
    assert!(
        message.contains("1 bad row of 3") && message.contains("a.jsonl:2: ") && message.contains(part),
        "{line}: {message}"
    );
    let (store, _) = read(vec![source("a.jsonl", bytes)], skipping(), Stale::Off).expect(&line);
    assert_eq!(dump(&store), ["cpu{host=\"a\"} 1=1"], "{line}");
}

#[test]
fn bad_lines_are_told_by_line() {
    bad(r#"{"timestamp":2,"cpu":true}"#, "field `cpu` is a boolean; write 1 or 0, take it as a label (`--labels cpu`)");
    bad(r#"{"timestamp":2,"up":false}"#, "field `up` is a boolean");
    bad(r#"{"timestamp":2,"cpu":[1]}"#, "field `cpu` is an array");
    bad(r#"{"timestamp":2,"cpu":1,"labels":{"a":[{"b":1}]}}"#, "field `labels.a` is an array");
    bad(r#"{"timestamp":2,"cpu":1,"labels":{"host":"b"},"host":"a"}"#, "`host` appears twice");
    bad(r#"{"timestamp":2,"cpu":1,"cpu":2}"#, "`cpu` appears twice");
    bad(r#"{"timestamp":2,"cpu":"12 MB"}"#, "field `cpu`: `12 MB` has the unit `MB`");
    bad(r#"{"timestamp":2,"cpu":"x"}"#, "field `cpu`: `x` is not a number");
    bad(r#"{"timestamp":2,"cpu":1e999}"#, "a number is beyond the range of a 64-bit float");
    bad(r#"{"timestamp":2,"cpu":NaN}"#, "`NaN` at column 22 is not JSON; write it as text: \"NaN\"");
    bad(r#"{"timestamp":2,"cpu":-Infinity}"#, "`Infinity` at column 23 is not JSON");
    bad(r#"{"timestamp":2,"cpu":.5}"#, "is not JSON: expected value at column 22");
    bad(r#"{'timestamp':2}"#, "is not JSON: key must be a string at column 2");
    bad(r#"{"timestamp":2,"cpu":1} {"timestamp":3}"#, "something follows the object at column 25");
    bad(r#"{"timestamp":2,"cpu":1"#, "the object has no end");
    bad(r#"[{"timestamp":2,"cpu":1}]"#, "is a JSON array; expected one object per line: `jq -c '.[]'`");
    bad(r#"timestamp,cpu"#, "`timestamp,cpu` is not a JSON object");
    bad(r#"{"cpu":1}"#, "missing `timestamp`");
    bad(r#"{"timestamp":null,"cpu":1}"#, "missing `timestamp`");
    bad(r#"{"timestamp":"","cpu":1}"#, "the time is empty");
    bad(r#"{"timestamp":[],"cpu":1}"#, "`timestamp` is an array, not a time");
    bad(r#"{"timestamp":"x","cpu":1}"#, "`x` is not a time; expected a number of ms");
    bad(b"{\"timestamp\":2,\"host\":\"\xff\",\"cpu\":1}", "is not valid UTF-8");
    bad(r#"{"timestamp":2,"host":"a\u0000","cpu":1}"#, "`host` has a NUL byte");
    bad(b"\0\0\0", "has NUL bytes");
    bad(b"{\"timestamp\":2,\"host\":\"\0\"}", "control character");
    bad("{\"a\":".repeat(100_000), "objects are nested too deeply");
    bad(
        format!("{{\"timestamp\":2,\"deep\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000)),
        "field `deep` is an array",
    );
}

#[test]
fn objects_within_a_row_are_part_of_its_names() {
    let line = r#"{"ts":1,"metrics":{"cpu":1,"disk":{"used":2}},"host":{"name":"a"},"tags":{}}"#;
    check(
        &line.replace("ts\":1", "timestamp\":1"),
        &["metrics_cpu{host_name=\"a\"} 1=1", "metrics_disk_used{host_name=\"a\"} 1=2"],
    );
    check("{\n \"timestamp\": 1,\n \"cpu\": 2\n}\n{\n \"timestamp\": 2,\n \"cpu\": 3\n}\n", &["cpu 1=2 2=3"]);
    check("[{\"timestamp\":2,\"cpu\":1},\n {\"timestamp\":1,\"cpu\":5}]", &["cpu 1=5 2=1"]);
}

#[test]
fn bad_samples_are_told_by_line() {
    for (line, part) in [
        (r#"{"timestamp":2,"value":1}"#, "missing metric name"),
        (r#"{"timestamp":2,"metric":" ","value":1}"#, "the metric name is empty"),
        (r#"{"timestamp":2,"metric":7,"value":1}"#, "`metric` is a number, not a metric name"),
        (r#"{"timestamp":2,"metric":"a","value":false}"#, "field `value` is a boolean"),
        (r#"{"timestamp":2,"metric":"a","value":{}}"#, "missing `value`"),
        (r#"{"timestamp":2,"metric":"a","value":1,"ok":true}"#, "field `ok` is a boolean"),
        (r#"{"timestamp":2,"metric":"a","value":"45%"}"#, "has the unit `%`"),
    ] {
        let (message, _) = refused(format!("{{\"timestamp\":1,\"metric\":\"cpu\",\"value\":1}}\n{line}\n"), options());
        assert!(message.contains(part) && message.contains("a.jsonl:2"), "{line}: {message}");
    }
}

#[test]
fn files_that_are_no_recording_are_refused_in_words() {
    for (bytes, part) in [
        (&b" \n\n"[..], "is empty"),
        (b"[{\"timestamp\":1}]", "has no value in any of its rows (1)"),
        (b"[{\"timestamp\":1},", "is cut or damaged"),
        (b"[]", "has no rows"),
        (b"[1]", "is not a JSON object"),
        (b"{}\n", "no time field among none"),
        (b"{\"a\":1,\"b\":2}\n", "among `a`, `b`"),
        (b"{\"target\":\"a\",\"datapoints\":[[1,2]]}\n", "values in the array `datapoints`"),
        (b"{\"timestamp\":1}\n", "has no value in any of its rows (1)"),
        (b"{\n  \"timestamp\": 1,\n  \"cpu\": 2\n", "is cut or damaged"),
    ] {
        let (message, hint) = refused(bytes, options());
        assert!(message.contains(part), "{part}: {message}");
        assert!(hint.is_some(), "{message}");
    }
    let samples =
        || ReadOptions { form: Form { input_format: Some(Format::JsonlSamples), ..options().form }, ..options() };
    for (text, part) in [
        (r#"{"metric":{"__name__":"a"},"values":[1],"timestamps":[1]}"#, "(victoriametrics)"),
        (r#"{"status":"success","data":{"result":[]}}"#, "(prometheus_json)"),
        (r#"{"metric":{"__name__":"a"},"values":[[1,"1"]]}"#, "(prometheus_json)"),
    ] {
        let (message, _) = refused(text, samples());
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn a_last_line_that_is_cut_is_reported() {
    let good = "{\"timestamp\":1,\"cpu\":1}\n";
    let found = check("{\"timestamp\":1,\"cpu\":1}", &["cpu 1=1"]);
    assert!(found.inputs[0].warnings[0].contains("no line end"), "{:?}", found.inputs);
    for cut in ["{", "{\"timestamp\":2,\"cp", "{\"timestamp\":2,\"cpu\":2"] {
        let found = check(&format!("{good}{cut}"), &["cpu 1=1"]);
        let warning = &found.inputs[0].warnings[0];
        assert!(warning.contains("line 2, the last one, stops inside its object and was left out"), "{warning}");
        assert_eq!((found.rows, found.bad_rows), (1, 0));
    }
    let found = check_with([good.as_bytes(), b"{\"timestamp\":2,\"host\":\"\xc3"].concat(), options(), &["cpu 1=1"]);
    assert_eq!(found.inputs[0].warnings.len(), 1);
    assert!(refused("{\"timestamp\":2,\"cp", options()).0.contains("has no end"));
}

#[test]
fn lines_and_names_have_limits() {
    let long = format!("{{\"timestamp\":1,\"cpu\":1}}\n{{\"a\":\"{}\"}}\n", "x".repeat(limits::LINE_BYTES));
    assert!(refused(long, options()).0.contains("a.jsonl:2: a line is longer than 16 MiB"));
    let many: String = (0..=limits::CSV_COLUMNS).map(|at| format!("{{\"a{at}\":1}}\n")).collect();
    assert!(refused(many, skipping()).0.contains("more than 100000 different fields"));
    let line = |at: usize| format!("{{\"timestamp\":{at},\"cpu\":1,\"host\":\"{}\"}}\n", "y".repeat(300_000));
    let text: String = (1..9).map(line).collect();
    let (store, _) = read(vec![source("a.jsonl", text)], options(), Stale::Off).expect("long lines");
    assert_eq!(store.len(), 1);
}

#[test]
fn free_text_is_no_label() {
    let rows = (0..600)
        .map(|at| format!("{{\"timestamp\":{},\"cpu\":1,\"labels\":{{\"message\":\"took {at} ms\"}}}}\n", at / 3));
    let (message, hint) = refused(rows.collect::<String>(), options());
    assert!(message.contains("column `message` has 600 different texts in 600 rows"), "{message}");
    assert_eq!(
        hint.as_deref(),
        Some("ignore it: `--ignore-columns message`; if it is a label all the same: `--labels message`")
    );
}

#[test]
fn conflicts_ask_for_a_label() {
    let line = |host: i64, cpu: f64| format!("{{\"timestamp\":1,\"host_id\":{host},\"cpu\":{cpu}}}\n");
    let (message, hint) = refused(line(7, 0.5) + &line(8, 0.5), options());
    assert!(message.contains("a.jsonl:2: host_id at 1970-01-01T00:00:00.001Z is 8, and was 7 before"), "{message}");
    assert!(hint.is_some_and(|hint| hint.contains("if `host_id` is a label: `--labels host_id`")));
}

/// A small generator of numbers.
struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 11
    }
}

/// Writes a number in one of the spellings that CSV and JSON share.
fn number(seed: &mut Seed) -> String {
    let bits = f64::from_bits(seed.next() << 11 | seed.next() & 0x7ff);
    match seed.next() % 6 {
        0 if bits.is_finite() => format!("{bits:e}"),
        0 | 1 => format!("{}.{:017}", seed.next() % 100, seed.next()),
        2 => format!("-{}", seed.next()),
        3 => format!("{}{}", seed.next(), seed.next()),
        4 => "-0".to_owned(),
        _ => format!("0.{:04}", seed.next() % 10_000),
    }
}

#[test]
fn jsonl_holds_what_csv_holds_to_the_bit() {
    let mut seed = Seed(7);
    let (mut long, mut samples) = ("timestamp_ms,metric,instance,job,value\n".to_owned(), String::new());
    let (mut wide, mut snapshots) = ("timestamp_ms,host,cpu,mem\n".to_owned(), String::new());
    for at in 0..300_u64 {
        let ms = 1_767_571_200_000 + at * 15_000;
        for host in (0..5).filter(|host| (at + host) % 17 > 1) {
            let (a, b) = (number(&mut seed), number(&mut seed));
            long.push_str(&format!("{ms},cpu,h{host},api,{a}\n"));
            samples.push_str(&match seed.next() % 3 {
                0 => format!("{{\"timestamp_ms\":{ms},\"metric\":\"cpu\",\"instance\":\"h{host}\",\"job\":\"api\",\"value\":{a}}}\n"),
                1 => format!("{{\"value\":{a},\"job\":\"api\",\"instance\":\"h{host}\",\"metric\":\"cpu\",\"timestamp_ms\":\"{ms}\"}}\n"),
                _ => format!("{{\"timestamp_ms\":{ms},\"metric\":\"cpu\",\"labels\":{{\"job\":\"api\",\"instance\":\"h{host}\"}},\"value\":\"{a}\"}}\n"),
            });
            let lost = (at * 3 + host) % 11 < 2;
            wide.push_str(&format!("{ms},h{host},{a},{}\n", if lost { "" } else { &b }));
            snapshots.push_str(&match (lost, seed.next() % 2) {
                (true, 0) => format!("{{\"timestamp_ms\":{ms},\"host\":\"h{host}\",\"cpu\":{a}}}\n"),
                (true, _) => format!("{{\"mem\":null,\"cpu\":{a},\"timestamp_ms\":{ms},\"host\":\"h{host}\"}}\n"),
                (false, _) => format!("{{\"timestamp_ms\":{ms},\"host\":\"h{host}\",\"mem\":{b},\"cpu\":{a}}}\n"),
            });
        }
    }
    for (csv, jsonl) in [(&long, &samples), (&wide, &snapshots)] {
        for batch_rows in [1, 7, limits::BATCH_ROWS] {
            let read = |name: &str, text: &str| {
                let options = ReadOptions { batch_rows, ..ReadOptions::default() };
                read(vec![source(name, text)], options, Stale::Auto).expect("reads")
            };
            let ((a, found), (b, other)) = (read("a.csv", csv), read("a.jsonl", jsonl));
            assert_eq!(dump(&a), dump(&b));
            assert_eq!(a.stale_counts(), b.stale_counts());
            assert!(a.stale_counts().inferred() > 9);
            assert_eq!((found.rows, found.samples, found.span), (other.rows, other.samples, other.span));
        }
    }
}

proptest::proptest! {
    #[test]
    fn damaged_lines_never_panic(cuts in proptest::collection::vec((0_usize..400, 0_u8..=255, 0_usize..4), 1..12)) {
        let mut bytes = b"{\"timestamp\":1,\"host\":\"a\",\"cpu\":1,\"labels\":{\"b\":\"c\"}}\n{\"timestamp\":2,\"mem\":[1,{}],\"cpu\":\"NaN\"}\r\n{\"timestamp\":\"2026-01-05\",\"value\":true}\n".to_vec();
        for (at, byte, kind) in cuts {
            let at = at % (bytes.len() + 1);
            match kind {
                0 => bytes.insert(at, byte),
                1 => bytes.truncate(at.max(20)),
                2 => bytes.extend_from_within(at..),
                _ => bytes.insert(at, b"{}[]\",:\n\\\0"[usize::from(byte) % 10]),
            }
        }
        for options in [options(), skipping()] {
            if let Err(error) = read(vec![source("a.jsonl", &bytes)], ReadOptions { batch_rows: 2, ..options }, Stale::Auto) {
                let in_order = !matches!(error, InputError::OutOfOrder { .. });
assert!(in_order && !error.to_string().is_empty());
            }
        }
    }
}
