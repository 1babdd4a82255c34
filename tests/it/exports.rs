//! One recording in all formats that have it whole: the alerts are the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::spawn;

/// The samples of a series: seconds and value, as they are written.
type Points = Vec<(i64, String)>;

/// Reads the series of a long CSV file.
fn series(path: &str) -> BTreeMap<Vec<(String, String)>, Points> {
    let mut reader = csv::Reader::from_path(path).expect("a fixture");
    let header: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let mut series: BTreeMap<Vec<(String, String)>, Points> = BTreeMap::new();
    for record in reader.records() {
        let record = record.expect("a row");
        let cells = header.iter().map(String::as_str).zip(&record);
        let (mut labels, mut point) = (Vec::new(), (0, String::new()));
        for (name, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
            match name {
                "timestamp" => point.0 = cell.parse().expect("whole seconds"),
                "value" => point.1 = cell.to_owned(),
                "metric" => labels.push(("__name__".to_owned(), cell.to_owned())),
                name => labels.push((name.to_owned(), cell.to_owned())),
            }
        }
        labels.sort();
        series.entry(labels).or_default().push(point);
    }
    series
}

/// Returns the recording in each format, by file name.
fn written(path: &str) -> Vec<(&'static str, String)> {
    let (mut openmetrics, mut dump, mut victoria, mut answer) =
        (String::new(), String::new(), String::new(), Vec::new());
    let (mut points_of_influx, mut tables) = (String::new(), String::new());
    for (labels, points) in series(path) {
        let name = &labels.iter().find(|(name, _)| name == "__name__").expect("a name").1;
        let pairs = |skip: bool| {
            let kept = labels.iter().filter(|(name, _)| !skip || name != "__name__");
            kept.map(|(name, value)| format!("{name}=\"{value}\"")).collect::<Vec<_>>()
        };
        for (at, value) in &points {
            writeln!(openmetrics, "{name}{{{}}} {value} {at}.000", pairs(true).join(",")).expect("a text");
            writeln!(dump, "{{{}}} {value} {at}000", pairs(false).join(", ")).expect("a text");
        }
        let tags: String = labels[1..].iter().map(|(tag, value)| format!(",{tag}={}", escaped(value))).collect();
        let cells: String = labels[1..].iter().map(|(_, value)| format!(",{value}")).collect();
        let names: String = labels[1..].iter().map(|(name, _)| format!(",{name}")).collect();
        writeln!(
            tables,
            "#datatype,string,long,dateTime:RFC3339,double,string,string{}",
            ",string".repeat(labels.len() - 1)
        )
        .expect("a text");
        writeln!(tables, ",result,table,_time,_value,_field,_measurement{names}").expect("a text");
        for (at, value) in &points {
            writeln!(points_of_influx, "{name}{tags} value={value} {at}000000000").expect("a text");
            let time = alertctl::time::Timestamp(at * 1000);
            writeln!(tables, ",_result,0,{time},{value},value,{name}{cells}").expect("a text");
        }
        tables.push('\n');
        let metric: BTreeMap<_, _> = labels.iter().cloned().collect();
        let values: Vec<f64> = points.iter().map(|(_, value)| value.parse().expect("a number")).collect();
        let times: Vec<i64> = points.iter().map(|(at, _)| at * 1000).collect();
        let line = serde_json::json!({"metric": metric, "values": values, "timestamps": times});
        writeln!(victoria, "{line}").expect("a text");
        answer.push(serde_json::json!({"metric": metric, "values": points}));
    }
    openmetrics.push_str("# EOF\n");
    let answer = serde_json::json!({"status": "success", "data": {"resultType": "matrix", "result": answer}});
    vec![
        ("a.om", openmetrics),
        ("dump.txt", dump),
        ("export.jsonl", victoria),
        ("answer.json", answer.to_string()),
        ("points.lp", points_of_influx),
        ("query.csv", tables),
    ]
}

/// Writes a tag of InfluxDB's line protocol.
fn escaped(value: &str) -> String {
    value.replace(' ', "\\ ").replace(',', "\\,").replace('=', "\\=")
}

#[test]
fn exports_of_servers_fire_as_the_same_csv() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (rules, csv) = (root.join("rules/node.yml"), root.join("fixtures/node.csv"));
    let eval = |recording: &str, stdin: Option<&[u8]>| {
        let rules = rules.to_str().expect("a path");
        let output = spawn::alertctl(&["eval", "-q", "-r", rules, "-o", "csv", recording], folder.path(), stdin);
        assert_eq!(output.status.code(), Some(0), "{recording}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let expected = eval(csv.to_str().expect("a path"), None);
    assert!(expected.lines().count() > 10);
    for (name, text) in written(csv.to_str().expect("a path")) {
        fs::write(folder.path().join(name), &text).expect("written");
        assert_eq!(eval(name, None), expected, "{name}");
        assert_eq!(eval("-", Some(text.as_bytes())), expected, "{name} from a pipe");
        let cut = &text[..text.len() * 2 / 3];
        let cut = &cut[..cut.len() - 5];
        let output = spawn::alertctl(&["eval", "-q", "-e", "up == 0", "-"], folder.path(), Some(cut.as_bytes()));
        assert!(output.status.code() == Some(2) || matches!(name, "a.om" | "dump.txt" | "points.lp"), "{name} cut");
    }
}
