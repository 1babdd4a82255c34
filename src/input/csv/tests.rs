//! What texts of CSV files become.

use super::super::testing::{dump, read, source};
use super::super::{BadRows, Format, TimeUnit};
use crate::input::{Form, ReadOptions};
use crate::limits;
use crate::store::Stale;
use crate::time::Timestamp;

const T: i64 = 1_767_571_200_000;

fn options() -> ReadOptions {
    let form = Form { time_unit: Some(TimeUnit::Millis), ..Form::default() };
    ReadOptions { form, ..ReadOptions::default() }
}

/// Reads a text whose times are small numbers of milliseconds.
fn check(text: &str, expected: &[&str]) {
    let (store, _) = read(vec![source("dir/cpu.csv", text)], options(), Stale::Off).expect(text);
    assert_eq!(dump(&store), expected, "{text}");
}

fn refused(bytes: impl AsRef<[u8]>, options: ReadOptions) -> (String, Option<String>) {
    match read(vec![source("a.csv", bytes)], options, Stale::Off) {
        Ok((store, _)) => panic!("was read: {:?}", dump(&store)),
        Err(error) => (error.to_string(), error.hint()),
    }
}

#[test]
fn long_rows_are_samples() {
    check(
        "timestamp,metric,host,value\n1,cpu,a,0.5\n1,cpu,b,1\n2,cpu,a,\n3,cpu,a,NaN\n4,up,,+Inf\n",
        &["cpu{host=\"a\"} 1=0.5 3=NaN", "cpu{host=\"b\"} 1=1", "up 4=inf"],
    );
    check("time;__name__;name;value\n1;a;x;2\n", &["a{name=\"x\"} 1=2"]);
    check("ts\tname\tvalue\tle\n1\tb\t2\t1\n1\tb\t3\t+Inf\n", &["b{le=\"+Inf\"} 1=3", "b{le=\"1.0\"} 1=2"]);
}

#[test]
fn wide_rows_are_snapshots() {
    check(
        "timestamp,host,cpu,mem,zone\n1,a,1,,\n1,b,2,3,\n2,a,4,5,eu\n",
        &[
            "cpu{host=\"a\", zone=\"eu\"} 2=4",
            "cpu{host=\"a\"} 1=1",
            "cpu{host=\"b\"} 1=2",
            "mem{host=\"a\", zone=\"eu\"} 2=5",
            "mem{host=\"b\"} 1=3",
        ],
    );
    check(",timestamp,cpu\n0,1,5\n1,2,6\n", &["cpu 1=5 2=6"]);
}

#[test]
fn numeric_labels_and_ignored_columns_are_reported() {
    let text = "timestamp,shard,cpu,note\n1,7,1,x\n1,8,2,y\n";
    let options = ReadOptions {
        form: Form { labels: vec!["shard".into()], ignore_columns: vec!["note".into()], ..options().form },
        ..options()
    };
    let (store, _) = read(vec![source("a.csv", text)], options, Stale::Off).expect("reads");
    assert_eq!(dump(&store), ["cpu{shard=\"7\"} 1=1", "cpu{shard=\"8\"} 1=2"]);
}

#[test]
fn words_for_no_sample_are_no_labels() {
    for word in ["N/A", "null", "-", " ", "[N/A]", "Unavailable", "none"] {
        check(&format!("timestamp,host,err\n1,a,{word}\n2,a,7\n3,a,8\n4,a,{word}\n"), &["err{host=\"a\"} 2=7 3=8"]);
        check(&format!("timestamp,metric,value\n1,err,{word}\n2,err,7\n"), &["err 2=7"]);
    }
    check("timestamp,host,err\n1,unknown,1\n2,a,NaN\n", &["err{host=\"a\"} 2=NaN", "err{host=\"unknown\"} 1=1"]);
    // Nothing says what such a column is.
    check("timestamp,zone,err\n1,unknown,1\n2,-,2\n", &["err 1=1 2=2"]);
    let (_, summary) =
        read(vec![source("a.csv", "timestamp,cpu\n1,N/A\n2,5\n3,N/A\n")], options(), Stale::Off).expect("reads");
    assert!(summary.inputs[0].warnings.contains(&"column `cpu`: 2 cells are `N/A`, read as no sample".to_owned()));
}

#[test]
fn a_column_that_mixes_numbers_and_words_is_refused() {
    let text = "timestamp,cpu,state\n1,5,idle\n2,ERR,4\n3,6,busy\n4,ERR,idle\n";
    let (message, hint) = refused(text, options());
    assert_eq!(message, "a.csv: column `cpu` mixes numbers and words: `5` in line 2, `ERR` in line 3");
    let hint = hint.expect("a hint");
    assert!(hint.contains("`--null 'ERR'`") && hint.contains("`--labels cpu`"), "{hint}");
    let null = ReadOptions {
        form: Form { null: vec!["ERR".into()], labels: vec!["state".into()], ..options().form },
        ..options()
    };
    let (store, _) = read(vec![source("a.csv", text)], null, Stale::Off).expect("reads");
    assert_eq!(dump(&store)[0], "cpu{state=\"busy\"} 3=6");
}

#[test]
fn roles_do_not_depend_on_the_first_row() {
    let mut text = "timestamp,host,late\n".to_owned();
    (0..3000).for_each(|at| text.push_str(&format!("{at},a,\n")));
    text.push_str("3000,a,-\n3001,a,5\n");
    check(&text, &["late{host=\"a\"} 3001=5"]);
}

#[test]
fn blanks_around_labels_are_trimmed() {
    let text = "timestamp,metric,host,value\n1,cpu, a,1\n2,cpu,a ,2\n";
    check(text, &["cpu{host=\"a\"} 1=1 2=2"]);
    check("timestamp,host,cpu\n1, a,1\n2,a , 2\n", &["cpu{host=\"a\"} 1=1 2=2"]);
    let keep = ReadOptions { form: Form { keep_blanks: true, ..options().form }, ..options() };
    let (store, _) = read(vec![source("a.csv", text)], keep, Stale::Off).expect("reads");
    assert_eq!(dump(&store), ["cpu{host=\" a\"} 1=1", "cpu{host=\"a \"} 2=2"]);
}

#[test]
fn units_in_a_header_are_no_part_of_the_name() {
    check("timestamp,Temp [C],power.draw [W]\n1,5,7\n", &["Temp 1=5", "power_draw 1=7"]);
    check("timestamp,Temp [C],Temp [F]\n1,5,41\n", &["Temp [C] 1=5", "Temp [F] 1=41"]);
}

#[test]
fn two_columns_take_the_name_of_the_file_or_the_user() {
    check("timestamp,value\n1,5\n", &["cpu 1=5"]);
    let options = ReadOptions { form: Form { metric: Some("load".into()), ..options().form }, ..options() };
    let (store, summary) = read(vec![source("cpu.csv", "value,date\n5,1\n")], options, Stale::Off).expect("reads");
    assert_eq!(dump(&store), ["load 1=5"]);
    assert!(matches!(summary.inputs[0].format, Some((Format::CsvTwoColumn, _))));
}

#[test]
fn spellings_of_csv_do_not_matter() {
    check("\u{feff}timestamp,metric,value,host\r\n1,cpu,2,a\r\n\r\n2,cpu,3,a\r\n", &["cpu{host=\"a\"} 1=2 2=3"]);
    let lines = "\"timestamp\", metric ,value,host\n1,cpu,2,\"x\"\"y\n,z\"\n2,cpu,3,b";
    let labels = ReadOptions { form: Form { labels: vec!["host".into()], ..options().form }, ..options() };
    let (store, _) = read(vec![source("a.csv", lines)], labels, Stale::Off).expect("reads");
    assert_eq!(dump(&store), ["cpu{host=\"b\"} 2=3", "cpu{host=\"x\\\"y\\n,z\"} 1=2"]);
    let (message, hint) = refused(lines, options());
    assert_eq!(message, "a.csv:2: the field of column `host` goes on over 2 lines; is a quote left open?");
    assert!(hint.is_some_and(|hint| hint.contains("--labels host")));
}

#[test]
fn a_time_column_that_is_left_out_is_none() {
    let text = "timestamp,time,cpu\nx,1,5\n";
    let form = Form { ignore_columns: vec!["timestamp".into()], ..options().form };
    let (store, _) = read(vec![source("a.csv", text)], ReadOptions { form, ..options() }, Stale::Off).expect("reads");
    assert_eq!(dump(&store), ["cpu 1=5"]);
}

#[test]
fn what_was_found_is_said() {
    let text = "timestamp,metric,value\n2026-01-05 00:00:00.1234567,cpu,1\n2026-01-05T00:01:00Z,cpu,2";
    let (_, summary) = read(vec![source("a.csv", text)], ReadOptions::default(), Stale::Off).expect("reads");
    assert_eq!((summary.rows, summary.samples), (2, 2));
    assert_eq!(summary.span, Some((Timestamp(T + 123), Timestamp(T + 60_000))));
    let time = summary.inputs[0].time.as_ref().expect("found");
    assert_eq!((time.unit, time.zone.as_deref()), (None, Some("UTC")));
    let warnings = summary.inputs[0].warnings.join("\n");
    assert!(warnings.contains("no line end") && warnings.contains("finer than milliseconds"), "{warnings}");
}

#[test]
fn bad_rows_are_counted_and_told_by_line() {
    let text =
        "timestamp,metric,value\n1,cpu,1\n\n2,cpu\n3,cpu,12 MB\n4,cpu,\"1,5\"\nx,cpu,1\n5,,1\n6,cpu,1e999\n7,cpu,7\n";
    let (message, hint) = refused(text, options());
    for part in [
        "6 bad rows of 8",
        "a.csv:4: 2 fields",
        "a.csv:5: `12 MB` has the unit",
        "a.csv:6: `1,5` has a decimal",
        "a.csv:7: `x`",
        "a.csv:8: the metric name is empty",
        "a.csv:9: `1e999`",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(hint.is_some_and(|hint| hint.contains("--bad-rows skip")));
    let skip = ReadOptions { bad_rows: BadRows::Skip { share: None }, ..options() };
    let (store, summary) = read(vec![source("a.csv", text)], skip, Stale::Off).expect("skips");
    assert_eq!(dump(&store), ["cpu 1=1 7=7"]);
    assert_eq!((summary.bad_rows, summary.bad_rows_shown[1].line), (6, 5));
    let little = ReadOptions { bad_rows: BadRows::Skip { share: Some(0.05) }, ..options() };
    assert!(refused(text, little).0.contains("6 bad rows"));
}

#[test]
fn a_bad_cell_makes_the_whole_wide_row_bad() {
    let skip = ReadOptions { bad_rows: BadRows::Skip { share: None }, ..options() };
    let text = "timestamp,cpu,mem\n1,1,1\n2,2,oops\n3,3,3\n";
    let (store, summary) = read(vec![source("a.csv", text)], skip, Stale::Off).expect("skips");
    assert_eq!(dump(&store), ["cpu 1=1 3=3", "mem 1=1 3=3"]);
    assert!(summary.bad_rows_shown[0].message.contains("column `mem`"));
    assert!(refused("timestamp,cpu\n1,45%\n", options()).0.contains("unit `%`"));
}

#[test]
fn invalid_bytes_are_bad_rows() {
    let mut text = b"timestamp,metric,host,value\n1,cpu,a,1\n2,cpu,\xff,1\n3,cpu,a\0b,1\n".to_vec();
    let (message, _) = refused(&text, options());
    assert!(message.contains("NUL"), "{message}");
    text.truncate(text.len() - 12);
    let (message, _) = refused(&text, options());
    assert!(message.contains("a.csv:3: `host` is not valid UTF-8"), "{message}");
}

#[test]
fn files_that_are_no_recording_are_refused_in_words() {
    for (bytes, part) in [
        (&b""[..], "is empty"),
        (b"\n \n", "is empty"),
        (b"timestamp,metric,value\n", "no rows"),
        (b"timestamp,metric,value\n1,cpu,\n", "no value in any"),
        (b"when,metric,value\n1,a,1\n", "no time column"),
        (b"timestamp\n1\n", "no value column"),
        (b"timestamp,metric,value,host,host\n", "two columns are named `host`"),
        (b"[{\"a\":1}]\n", "no time field among `a`"),
        (b"# TYPE a gauge\na 1\n", "has no timestamp"),
        (b"\xff\xfet\0i", "the UTF-16 text ends within a character"),
        (b"\x7fELF\x01\0\0\0", "NUL"),
        (b"\x80\x81\x82,\xff\n", "not valid UTF-8"),
    ] {
        let (message, _) = refused(bytes, options());
        assert!(message.contains(part), "{part}: {message}");
    }
    let (message, hint) = refused("time,value\n60,1\n", ReadOptions::default());
    assert!(message.contains("a.csv:2: `60` in column `time` is outside the years 2000 to 2100"), "{message}");
    assert!(hint.is_some_and(|hint| hint.contains("--time-unit s")));
}

#[test]
fn too_many_columns_and_too_long_lines_are_refused() {
    let (message, _) = refused(format!("timestamp{}\n", ",a".repeat(limits::CSV_COLUMNS)), options());
    assert!(message.contains("100001 columns"), "{message}");
    let long = format!("timestamp,metric,value\n1,a,1\n1,\"{}", "x".repeat(limits::LINE_BYTES * 2));
    let (message, _) = refused(long, options());
    assert!(message.contains("a.csv:3: a line is longer than 16 MiB"), "{message}");
}

#[test]
fn free_text_is_no_label() {
    let rows = |text: fn(i64) -> String| {
        let rows = (0..600).map(|at| format!("{},cpu,{},1\n", at / 3, text(at)));
        format!("timestamp,metric,message,value\n{}", rows.collect::<String>())
    };
    let (message, hint) = refused(rows(|at| format!("took {at} ms")), options());
    assert!(message.contains("column `message` has 600 different texts in 600 rows"), "{message}");
    assert_eq!(
        hint.as_deref(),
        Some("ignore it: `--ignore-columns message`; if it is a label all the same: `--labels message`")
    );
    assert!(read(vec![source("a.csv", rows(|at| format!("host-{}", at % 3)))], options(), Stale::Off).is_ok());
    let hosts = (0..600).map(|at| format!("1,cpu,host-{at},1\n")).collect::<String>();
    let scrape = format!("timestamp,metric,host,value\n{hosts}");
    assert!(read(vec![source("a.csv", scrape)], options(), Stale::Off).is_ok());
}

#[test]
fn conflicts_ask_for_a_label() {
    let (message, hint) = refused("timestamp,host_id,cpu\n1,7,0.5\n1,8,0.5\n2,7,1.5\n2,8,2.5\n", options());
    assert!(message.contains("a.csv:3: host_id at 1970-01-01T00:00:00.001Z is 8, and was 7 before"), "{message}");
    assert!(hint.is_some_and(|hint| hint.contains("if `host_id` is a label: `--labels host_id`")));
}
