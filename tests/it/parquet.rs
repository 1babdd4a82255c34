//! Recordings in Parquet, as the command reads them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::spawn;

/// Writes the rows of a long CSV file, which are the fields of a row each; its first three columns must be the time,
/// the metric and the value.
fn parquet(header: &[String], rows: &[Vec<String>]) -> Vec<u8> {
    let labels: String = header[3..].iter().map(|name| format!("optional binary {name} (utf8);")).collect();
    let fields =
        "required int64 timestamp (timestamp(micros,true)); required binary metric (utf8); required double value;";
    let schema = parse_message_type(&format!("message rows {{ {fields} {labels} }}")).expect("a schema");
    let mut bytes = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::new(WriterProperties::new())).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    for column in 0..header.len() {
        let mut open = group.next_column().expect("a column").expect("a column");
        let cells = || rows.iter().map(|row| row[column].as_str());
        match column {
            0 => {
                let times: Vec<i64> = cells().map(|cell| cell.parse::<i64>().expect("seconds") * 1_000_000).collect();
                open.typed::<Int64Type>().write_batch(&times, None, None).expect("written");
            }
            2 => {
                let values: Vec<f64> = cells().map(|cell| cell.parse().expect("a number")).collect();
                open.typed::<DoubleType>().write_batch(&values, None, None).expect("written");
            }
            _ => {
                let there = |cell: &&str| column == 1 || !cell.is_empty();
                let texts: Vec<ByteArray> = cells().filter(there).map(ByteArray::from).collect();
                let levels: Vec<i16> = cells().map(|cell| i16::from(!cell.is_empty())).collect();
                let levels = (column > 2).then_some(&levels[..]);
                open.typed::<ByteArrayType>().write_batch(&texts, levels, None).expect("written");
            }
        }
        open.close().expect("closed");
    }
    group.close().expect("closed");
    writer.close().expect("closed");
    bytes
}

/// Reads the fixture of nodes: its header, the time, metric and value first, and its rows.
fn fixture(path: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_path(path).expect("a fixture");
    let given: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let place = |name: &str| given.iter().position(|given| given == name).expect(name);
    let first = [place("timestamp"), place("metric"), place("value")];
    let order: Vec<usize> = first.into_iter().chain((0..given.len()).filter(|at| !first.contains(at))).collect();
    let rows = reader.records().map(|row| {
        let row = row.expect("a row");
        order.iter().map(|at| row[*at].to_owned()).collect()
    });
    (order.iter().map(|at| given[*at].clone()).collect(), rows.collect())
}

#[test]
fn parquet_fires_as_the_same_csv() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (rules, csv) = (root.join("rules/node.yml"), root.join("fixtures/node.csv"));
    let (rules, csv) = (rules.to_str().expect("a path"), csv.to_str().expect("a path"));
    let run = |recording: &str, stdin: Option<&[u8]>| {
        let output = spawn::alertctl(&["eval", "-q", "-r", rules, "-o", "csv", recording], folder.path(), stdin);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, expected, _) = run(csv, None);
    assert!(code == Some(0) && expected.lines().count() > 10);
    let (header, mut rows) = fixture(csv);
    let bytes = parquet(&header, &rows);
    fs::write(folder.path().join("a.parquet"), &bytes).expect("written");
    assert_eq!(run("a.parquet", None), (Some(0), expected.clone(), String::new()));
    assert_eq!(run("-", Some(&bytes)), (Some(0), expected.clone(), String::new()));
    rows.reverse();
    assert_eq!(run("-", Some(&parquet(&header, &rows))), (Some(0), expected, String::new()));

    let (code, out, told) = run("-", Some(&bytes[..bytes.len() - 1]));
    assert!(code == Some(2) && out.is_empty() && told.contains("the Parquet data is truncated or damaged"), "{told}");
    let mut damaged = bytes.clone();
    // A cell may be any number, but what says how many there are must fit.
    damaged[4..64].fill(0xff);
    let (code, out, told) = run("-", Some(&damaged));
    assert!(code == Some(2) && out.is_empty() && !told.contains("panicked"), "{told}");
    let (code, _, told) = run("-", Some(&parquet(&header, &[])));
    assert!(code == Some(2) && told.contains("has no rows"), "{told}");
}
