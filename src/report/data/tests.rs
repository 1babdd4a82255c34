//! What is shown of a small recording.

use super::*;
use crate::input::{BadRows, Batches, ReadOptions, Recording, Text};
use crate::replay::{self, Loaded};
use crate::store::Conflicts;
use crate::time::Millis;

fn read(name: &'static str, text: String) -> (Summary, Findings) {
    let options = ReadOptions { bad_rows: BadRows::Skip { share: Some(1.0) }, ..ReadOptions::default() };
    let mut recording = Recording::open(vec![Text::boxed(name, text)], options).expect("opens");
    let Loaded { store, survey, .. } = replay::survey(&mut recording, Conflicts::First, &mut ()).expect("reads");
    let mut findings = survey.findings(&store, Millis(300_000));
    findings.conflicts_shown = survey.conflicts(&store, &recording);
    (recording.summary().clone(), findings)
}

fn night() -> (Summary, Findings) {
    let mut text = String::new();
    for at in (0..60).filter(|at| !(20..30).contains(at)) {
        let (second, jobs) = (at % 60, at % 25);
        text.push_str(&format!(
            "{{\"time\":\"2026-01-05 00:{second:02}:01\",\"host\":\"db-1\",\"temp\":{at}.5,\"jobs_total\":{jobs}}}\n"
        ));
        if at < 12 {
            text.push_str(&format!(
                "{{\"time\":\"2026-01-05 00:{second:02}:01\",\"host\":\"db-2\",\"temp\":\"NaN\"}}\n"
            ));
        }
    }
    text.push_str("{\"time\":\"2026-01-05 00:59:01\",\"host\":\"db-1\",\"temp\":7}\n{\"time\":true}\n{\"ti");
    read("night.jsonl", text)
}

fn table(width: Option<usize>) -> String {
    let (summary, findings) = night();
    let mut out = Vec::new();
    let view = View { clock: Clock::utc(), width, color: false, limit: 50 };
    write_table(&mut out, &summary, &findings, &view).expect("a vector takes all");
    String::from_utf8(out).expect("a table is UTF-8")
}

#[test]
fn tables_tell_what_there_is() {
    insta::assert_snapshot!(table(None), @r#"
    night.jsonl  JSONL, one object per snapshot: one field per metric
      times   `time`: written out, without a zone: read as UTC (--input-timezone)
      labels  host
      rows    64, 113 samples, 1 bad row
      note    line 65, the last one, stops inside its object and was left out: is the file still being written?
    2 metrics, 3 series, 112 samples, 2026-01-05 00:00:01 to 2026-01-05 00:59:01 UTC (59m), one every 1m

    METRIC      SERIES  SAMPLES  EVERY  MIN  MEDIAN   MAX  GAPS  LONGEST  RESETS  NOTE
    jobs_total       1       50     1m    0       9    24     1      11m       2
    temp             2       62     1m  0.5    34.5  59.5     1      11m          12 NaN, 1 of 2 series end early

    LABEL  VALUES  SERIES  SUCH AS
    host        2       3  db-1, db-2

    LONGEST GAPS FROM (UTC)  UNTIL                LENGTH  SERIES
    2026-01-05 00:19:01      2026-01-05 00:30:01     11m       2

    1 bad row
      night.jsonl:64: `time` is a boolean, not a time

    1 conflict
      night.jsonl:63: temp{host="db-1"} at 2026-01-05T00:59:01Z is 7, and was 59.5 before

    conflicts: 1 sample differs from another of one series and time: is a numeric column a label (`--labels NAME`)? or keep one value: `--conflicts first`, `--conflicts last`
    "#);
}

#[test]
fn a_narrow_terminal_keeps_values() {
    let narrow = table(Some(60));
    let metrics: Vec<&str> = narrow.lines().skip_while(|line| !line.starts_with("METRIC")).take(3).collect();
    insta::assert_snapshot!(metrics.join("\n"), @r#"
    METRIC      SERIES  MIN  MEDIAN   MAX  NOTE
    jobs_total       1    0       9    24
    temp             2  0.5    34.5  59.5  12 NaN, 1 of 2 series
    "#);
    for width in [40, 60, 80, 100, 120, 200] {
        let text = table(Some(width));
        assert!(text.lines().all(|line| crate::report::wrap::width(line) <= width), "{width}\n{text}");
    }
}

#[test]
fn the_object_has_everything() {
    let (summary, findings) = night();
    let mut out = Vec::new();
    write_object(&mut out, &summary, &findings).expect("a vector takes all");
    insta::assert_snapshot!(String::from_utf8_lossy(&out), @r#"{"schema":"alertctl.data/1","recordings":[{"path":"night.jsonl","format":"jsonl_snapshots","format_why":"one field per metric","time":{"column":"time","unit":null,"from":"text","zone":"UTC"},"label_columns":["host"],"rows":64,"samples":113,"bad_rows":1,"start":"2026-01-05T00:00:01Z","end":"2026-01-05T00:59:01Z","warnings":["line 65, the last one, stops inside its object and was left out: is the file still being written?"]}],"start":"2026-01-05T00:00:01Z","end":"2026-01-05T00:59:01Z","series":3,"samples":112,"cadence_s":60,"held_whole":false,"disorder":null,"rows":64,"bad_rows":1,"bad_rows_shown":[{"path":"night.jsonl","line":64,"message":"`time` is a boolean, not a time"}],"repeats":0,"conflicts":1,"conflicts_shown":[{"path":"night.jsonl","line":63,"message":"temp{host=\"db-1\"} at 2026-01-05T00:59:01Z is 7, and was 59.5 before"}],"metrics":[{"name":"jobs_total","series":1,"samples":50,"nans":0,"min":0,"median":9,"median_exact":true,"max":24,"cadence_s":60,"gaps":1,"longest_gap_s":660,"resets":2,"start":"2026-01-05T00:00:01Z","end":"2026-01-05T00:59:01Z","series_ended":0},{"name":"temp","series":2,"samples":62,"nans":12,"min":0.5,"median":34.5,"median_exact":true,"max":59.5,"cadence_s":60,"gaps":1,"longest_gap_s":660,"resets":0,"start":"2026-01-05T00:00:01Z","end":"2026-01-05T00:59:01Z","series_ended":1}],"labels":[{"name":"host","values":2,"series":3,"examples":["db-1","db-2"]}],"gaps":[{"from":"2026-01-05T00:19:01Z","to":"2026-01-05T00:30:01Z","length_s":660,"series":2}],"hints":[{"code":"conflicts","message":"1 sample differs from another of one series and time: is a numeric column a label (`--labels NAME`)? or keep one value: `--conflicts first`, `--conflicts last`"}]}"#);
}
