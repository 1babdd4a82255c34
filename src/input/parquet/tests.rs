use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::data_type::{BoolType, ByteArrayType, DoubleType, Int32Type, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;

use super::*;
use crate::input::testing::{Once, dump, read, source};
use crate::input::{Form, ReadOptions, Source, Summary, Text};
use crate::store::Stale;

const FIRST: i64 = 1_767_607_200_000;

/// The cells of a column.
#[derive(Clone)]
enum Data {
    Whole(Vec<Option<i64>>),
    Small(Vec<Option<i32>>),
    Float(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
    Bool(Vec<Option<bool>>),
}

impl Data {
    fn part(&self, from: usize, to: usize) -> Self {
        match self {
            Self::Whole(cells) => Self::Whole(cells[from..to].to_vec()),
            Self::Small(cells) => Self::Small(cells[from..to].to_vec()),
            Self::Float(cells) => Self::Float(cells[from..to].to_vec()),
            Self::Text(cells) => Self::Text(cells[from..to].to_vec()),
            Self::Bool(cells) => Self::Bool(cells[from..to].to_vec()),
        }
    }
}

fn whole(cells: &[i64]) -> Data {
    Data::Whole(cells.iter().copied().map(Some).collect())
}

fn texts(cells: &[&str]) -> Data {
    Data::Text(cells.iter().map(|cell| Some((*cell).to_owned())).collect())
}

fn floats(cells: &[f64]) -> Data {
    Data::Float(cells.iter().copied().map(Some).collect())
}

/// Writes a file with all columns optional; a row group for each part.
fn write(fields: &str, parts: &[Vec<Data>], compression: Compression) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message schema {{ {fields} }}")).expect("a schema"));
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).expect("a writer");
    for part in parts {
        let mut group = writer.next_row_group().expect("a group");
        for data in part {
            let mut column = group.next_column().expect("written").expect("a column");
            macro_rules! put {
                ($kind:ty, $cells:expr) => {{
                    let levels: Vec<i16> = $cells.iter().map(|cell| i16::from(cell.is_some())).collect();
                    let values: Vec<_> = $cells.into_iter().flatten().collect();
                    column.typed::<$kind>().write_batch(&values, Some(&levels), None).expect("written");
                }};
            }
            match data.clone() {
                Data::Whole(cells) => put!(Int64Type, cells),
                Data::Small(cells) => put!(Int32Type, cells),
                Data::Float(cells) => put!(DoubleType, cells),
                Data::Bool(cells) => put!(BoolType, cells),
                Data::Text(cells) => {
                    let cells: Vec<Option<ByteArray>> =
                        cells.iter().map(|cell| cell.as_deref().map(ByteArray::from)).collect();
                    put!(ByteArrayType, cells);
                }
            }
            column.close().expect("closed");
        }
        group.close().expect("closed");
    }
    writer.close().expect("closed");
    bytes
}

fn plain(fields: &str, columns: Vec<Data>) -> Vec<u8> {
    write(fields, &[columns], Compression::UNCOMPRESSED)
}

fn given(bytes: &[u8], options: ReadOptions) -> Result<(Vec<String>, Summary), InputError> {
    let (store, summary) = read(vec![source("a.parquet", bytes)], options, Stale::Auto)?;
    assert!(matches!(summary.inputs[0].format, Some((Format::Parquet, _))));
    Ok((dump(&store), summary))
}

#[track_caller]
fn check(bytes: &[u8], expected: &[&str]) {
    assert_eq!(given(bytes, ReadOptions::default()).expect("reads").0, expected);
}

#[track_caller]
fn refused(bytes: &[u8], options: ReadOptions, part: &str) {
    let error = given(bytes, options).expect_err(part).to_string();
    assert!(error.contains(part), "{part}: {error}");
}

/// Three hosts with gaps, some thousand rows: as CSV, and as columns of a wide and of a long file.
fn recording(rows: i64) -> (String, Vec<Data>, String, Vec<Data>) {
    let (mut wide, mut long) = ("timestamp,host,cpu,load\n".to_owned(), "timestamp,metric,host,value\n".to_owned());
    let (mut times, mut hosts, mut cpu, mut load) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut long_times, mut metrics, mut long_hosts, mut values) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in 0..rows {
        let (at, host) = (FIRST + row / 3 * 15_000, format!("h{}", row % 3));
        let value = |salt: i64| ((row * 7919 + salt) % 1000) as f64 / 8.0;
        let cells = [(row % 11 != 0).then(|| value(1)), (row % 7 != 0).then(|| value(2))];
        let text = |cell: Option<f64>| cell.map_or(String::new(), |value| value.to_string());
        wide.push_str(&format!("{at},{host},{},{}\n", text(cells[0]), text(cells[1])));
        times.push(at);
        hosts.push(Some(host.clone()));
        cpu.push(cells[0]);
        load.push(cells[1]);
        for (metric, cell) in ["cpu", "load"].into_iter().zip(cells) {
            long.push_str(&format!("{at},{metric},{host},{}\n", text(cell)));
            long_times.push(at);
            metrics.push(Some(metric.to_owned()));
            long_hosts.push(Some(host.clone()));
            values.push(cell);
        }
    }
    let wide_columns = vec![whole(&times), Data::Text(hosts), Data::Float(cpu), Data::Float(load)];
    let long_columns = vec![whole(&long_times), Data::Text(metrics), Data::Text(long_hosts), Data::Float(values)];
    (wide, wide_columns, long, long_columns)
}

const WIDE: &str = "optional int64 timestamp (timestamp(millis,true)); optional binary host (utf8);
    optional double cpu; optional double load;";
const LONG: &str = "optional int64 timestamp (timestamp(millis,true)); optional binary metric (utf8);
    optional binary host (utf8); optional double value;";

#[test]
fn parquet_holds_what_csv_holds() {
    let (wide, wide_columns, long, long_columns) = recording(10_000);
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let kinds = [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::LZ4_RAW, zstd];
    for (csv, fields, columns) in [(wide, WIDE, wide_columns), (long, LONG, long_columns)] {
        let csv = read(vec![source("a.csv", &csv)], ReadOptions::default(), Stale::Auto).expect("reads");
        let cells = |from, to| columns.iter().map(|column| column.part(from, to)).collect::<Vec<_>>();
        let rows = match &columns[0] {
            Data::Whole(times) => times.len(),
            _ => 0,
        };
        for compression in kinds.into_iter().chain([Compression::GZIP(::parquet::basic::GzipLevel::default())]) {
            for parts in [vec![cells(0, rows)], vec![cells(0, 10), cells(10, 10), cells(10, 5000), cells(5000, rows)]] {
                let bytes = write(fields, &parts, compression);
                let (series, summary) = given(&bytes, ReadOptions::default()).expect("reads");
                assert_eq!(series, dump(&csv.0), "{compression:?}");
                assert_eq!((summary.rows, summary.held_whole), (csv.1.rows, false));
            }
        }
    }
}

#[test]
fn times_of_all_types_are_read() {
    let series = ["up 1767607200000=1"];
    let up = || floats(&[1.0]);
    let fields = |time: &str| format!("{time}; optional double up;");
    for (time, cell) in [
        ("optional int64 t (timestamp(millis,true))", whole(&[FIRST])),
        ("optional int64 t (timestamp(micros,false))", whole(&[FIRST * 1000])),
        ("optional int64 t (timestamp(nanos,true))", whole(&[FIRST * 1_000_000 + 999_999])),
        ("optional int64 t (timestamp_micros)", whole(&[FIRST * 1000])),
        ("optional int64 time", whole(&[FIRST / 1000])),
        ("optional int64 ts", whole(&[FIRST * 1_000_000])),
        ("optional double ts", floats(&[FIRST as f64 / 1000.0])),
        ("optional binary Date (utf8)", texts(&["2026-01-05 10:00:00"])),
        ("optional int64 __index_level_0__ (timestamp(nanos,false))", whole(&[FIRST * 1_000_000])),
        ("optional int64 __index_level_0__", whole(&[FIRST / 1000])),
    ] {
        let bytes = plain(&fields(time), vec![cell, up()]);
        let (found, summary) = given(&bytes, ReadOptions::default()).expect(time);
        assert_eq!(found, series, "{time}");
        let cut = summary.inputs[0].warnings.iter().any(|text| text.contains("finer than milliseconds"));
        assert_eq!(cut, time.contains("nanos,true"), "{time}");
    }
    let days = Data::Small(vec![Some(20_458), Some(20_459)]);
    check(
        &plain(&fields("optional int32 d (date)"), vec![days, floats(&[1.0, 2.0])]),
        &["up 1767571200000=1 1767657600000=2"],
    );
    let zone = ReadOptions { time_zone: jiff::tz::TimeZone::get("Europe/Berlin").ok(), ..ReadOptions::default() };
    let local = plain(&fields("optional int64 t (timestamp(millis,false))"), vec![whole(&[FIRST + 3_600_250]), up()]);
    assert_eq!(given(&local, zone).expect("reads").0, ["up 1767607200250=1"]);
    let (_, summary) = given(&local, ReadOptions::default()).expect("reads");
    assert!(summary.inputs[0].format.as_ref().is_some_and(|(_, why)| why.ends_with("read as UTC")));
}

#[test]
fn rows_without_a_believable_time_are_bad() {
    let fields = "optional int64 t (timestamp(millis,true)); optional double up;";
    let none = Data::Whole(vec![Some(FIRST), None]);
    refused(&plain(fields, vec![none, floats(&[1.0, 2.0])]), ReadOptions::default(), "a.parquet:2: the time is empty");
    let old = whole(&[FIRST, 0]);
    refused(&plain(fields, vec![old, floats(&[1.0, 2.0])]), ReadOptions::default(), "a.parquet:2: 1970-01-01");
}

#[test]
fn columns_are_metrics_labels_or_refused() {
    let fields = "optional int64 t (timestamp(millis,true)); optional int64 port; optional int32 up (uint_32);
        optional boolean ok; optional binary zone (utf8); optional int64 price (decimal(10,2));
        optional int64 __index_level_0__; optional int32 d (date);";
    let cells = || {
        vec![
            whole(&[FIRST]),
            whole(&[8080]),
            Data::Small(vec![Some(-1)]),
            Data::Bool(vec![Some(true)]),
            texts(&[" eu "]),
            whole(&[12_345]),
            whole(&[0]),
            Data::Small(vec![Some(1)]),
        ]
    };
    let bytes = plain(fields, cells());
    refused(&bytes, ReadOptions::default(), "columns `t` and `d` hold times");
    let ignore = || vec!["d".to_owned()];
    let options =
        || ReadOptions { form: Form { ignore_columns: ignore(), ..Form::default() }, ..ReadOptions::default() };
    let (series, summary) = given(&bytes, options()).expect("reads");
    assert_eq!(
        series,
        [
            "ok{zone=\"eu\"} 1767607200000=1",
            "port{zone=\"eu\"} 1767607200000=8080",
            "price{zone=\"eu\"} 1767607200000=123.45",
            "up{zone=\"eu\"} 1767607200000=4294967295",
        ]
    );
    assert_eq!(summary.inputs[0].warnings, ["column `__index_level_0__` is the number of the row and is ignored"]);
    let labels = || ReadOptions {
        form: Form { labels: vec!["port".to_owned()], keep_blanks: true, ..options().form },
        ..options()
    };
    assert_eq!(given(&bytes, labels()).expect("reads").0[0], "ok{port=\"8080\", zone=\" eu \"} 1767607200000=1");
    refused(
        &bytes,
        ReadOptions { form: Form { metric: Some("x".to_owned()), ..options().form }, ..options() },
        "there is no column `value` to name",
    );
    refused(
        &bytes,
        ReadOptions { form: Form { labels: vec!["x".to_owned()], ..options().form }, ..options() },
        "has no such column",
    );

    let nested = "optional int64 t (timestamp(millis,true)); optional double up;
        optional group tags { optional binary host (utf8); }";
    let bytes = plain(nested, vec![whole(&[FIRST]), floats(&[1.0]), texts(&["a"])]);
    refused(&bytes, ReadOptions::default(), "column `tags` is a list, a map or a struct");
    let ignored = ReadOptions {
        form: Form { ignore_columns: vec!["tags".to_owned()], ..Form::default() },
        ..ReadOptions::default()
    };
    assert_eq!(given(&bytes, ignored).expect("reads").0, ["up 1767607200000=1"]);

    let two = plain("optional int64 time; optional double value;", vec![whole(&[FIRST]), floats(&[1.0])]);
    check(&two, &["a 1767607200000=1"]);
    let named =
        ReadOptions { form: Form { metric: Some("temp".to_owned()), ..Form::default() }, ..ReadOptions::default() };
    assert_eq!(given(&two, named).expect("reads").0, ["temp 1767607200000=1"]);
    let texts = plain(
        "optional int64 time; optional binary metric (utf8); optional binary value (utf8);",
        vec![whole(&[FIRST, FIRST, FIRST]), texts(&["a", "b", "c"]), texts(&["1.5", "N/A", "-2"])],
    );
    check(&texts, &["a 1767607200000=1.5", "c 1767607200000=-2"]);
    let none = plain("optional int64 up; optional double value;", vec![whole(&[1]), floats(&[1.0])]);
    refused(&none, ReadOptions::default(), "no time column");
}

#[test]
fn rows_in_any_order_are_sorted_also_from_a_pipe() {
    let fields = "optional int64 t (timestamp(millis,true)); optional double up;";
    let bytes = plain(fields, vec![whole(&[FIRST + 1000, FIRST]), floats(&[2.0, 1.0])]);
    let expected = ["up 1767607200000=1 1767607201000=2"];
    let (series, summary) = given(&bytes, ReadOptions::default()).expect("reads");
    assert_eq!((series.as_slice(), summary.held_whole), (&expected.map(String::from)[..], true));
    let once = Box::new(Once(Text::new("-", bytes.as_slice()))) as Box<dyn Source>;
    let (store, _) = read(vec![once], ReadOptions::default(), Stale::Off).expect("reads");
    assert_eq!(dump(&store), expected);
}

#[test]
fn a_file_that_is_cut_or_damaged_anywhere_is_never_read_in_part() {
    let (_, columns, ..) = recording(30);
    let bytes = write(WIDE, &[columns], Compression::SNAPPY);
    let (whole, _) = given(&bytes, ReadOptions::default()).expect("reads");
    for len in 0..bytes.len() {
        assert!(read(vec![source("a.parquet", &bytes[..len])], ReadOptions::default(), Stale::Off).is_err(), "{len}");
    }
    for at in 4..bytes.len() {
        for mask in [0x01, 0x40, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= mask;
            let read = read(vec![source("a.parquet", &damaged)], ReadOptions::default(), Stale::Off);
            // A file has no checksum of its values unless its writer makes one: a damaged cell is another number.
            assert!(read.is_err() || dump(&read.expect("reads").0).len() <= 2 * whole.len(), "{at}");
        }
    }
}
