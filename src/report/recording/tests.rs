use std::io::{self, Write};

use crate::labels::LabelSet;
use crate::promql::notation::{Item, parse_histogram, parse_series_line};
use crate::store::{Batch, Conflicts, Store, stale_marker};
use crate::time::{Millis, Timestamp};

use super::unittest::NoGrid;
use super::{Extract, Form};

type Pairs<'a> = &'a [(&'a str, &'a str)];

/// Makes a store of series, each with its labels and samples.
fn store(series: &[(Pairs<'_>, &[(i64, f64)])]) -> Store {
    let mut store = Store::new(Conflicts::Refuse);
    store.keep_all();
    for (labels, samples) in series {
        let id = store.series(&LabelSet::new(labels.iter().copied()));
        let mut batch = Batch::default();
        samples.iter().for_each(|(at, value)| batch.push(id, Timestamp(*at), *value, 0));
        store.append(&batch).expect("in order");
    }
    store
}

fn all(store: &Store) -> Extract<'_> {
    Extract::new(store, |_| true, Timestamp::MIN, Timestamp::MAX)
}

/// Values that are easily written as another.
fn hard() -> Vec<f64> {
    let mut values =
        vec![0.0, -0.0, 0.1 + 0.2, 1e300, -1e-300, 5e-324, f64::MAX, f64::MIN, 1e15, 9_007_199_254_740_993.0];
    values.extend([f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1.0, 1.0, 1.0, 3.0, 5.0, 7.0, 9.0, 6.0, 3.0, 0.0, -3.0]);
    values.extend([1.5, 2.5, 3.5, -0.0, -0.0, 0.0, 0.0, f64::INFINITY, f64::INFINITY, 16.0, 16.0, 17.0]);
    values
}

#[test]
fn values_of_unit_tests_read_back_to_the_bit() {
    let mut samples: Vec<(i64, f64)> = (0..).zip(hard()).map(|(at, value)| (at * 15_000, value)).collect();
    samples.push((100 * 15_000, 4.0));
    samples.push((101 * 15_000, stale_marker()));
    let labels: Pairs<'_> = &[("__name__", "temp"), ("a", "it's \"x\"\\")];
    let other: Pairs<'_> = &[("__name__", "up"), ("job", "b")];
    let store = store(&[(labels, &samples), (other, &[(30_000, 1.0), (45_000, 1.0)])]);
    let extract = all(&store);
    let grid = extract.grid().expect("regular");
    assert_eq!((grid.interval, grid.moved), (Millis(15_000), 0));
    let mut out = Vec::new();
    extract.write_unittest(&grid, &[], &mut out).expect("a vector takes all");
    let text = String::from_utf8(out).expect("text");
    let file: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
    let input = file["tests"][0]["input_series"].as_sequence().expect("a list");
    for (written, (labels, expected)) in
        input.iter().zip([(labels, samples.as_slice()), (other, &[(30_000, 1.0), (45_000, 1.0)])])
    {
        let part = |key: &str| written[key].as_str().expect("a text").to_owned();
        let line = parse_series_line(&format!("{} {}", part("series"), part("values"))).expect("notation");
        assert_eq!(line.labels, LabelSet::new(labels.iter().copied()));
        let read: Vec<(i64, u64)> = (0..)
            .zip(&line.items)
            .filter_map(|(at, item)| match item {
                Item::Value(value) => Some((at * 15_000, value.to_bits())),
                Item::Stale => Some((at * 15_000, stale_marker().to_bits())),
                Item::Gap | Item::Histogram { .. } => None,
            })
            .collect();
        let expected: Vec<(i64, u64)> = expected.iter().map(|(at, value)| (*at, value.to_bits())).collect();
        assert_eq!(read, expected, "{text}");
    }
}

#[test]
fn samples_off_the_grid_are_moved_or_refused() {
    let name: Pairs<'_> = &[("__name__", "up")];
    let grid = |samples: &[(i64, f64)]| {
        let store = store(&[(name, samples)]);
        all(&store).grid()
    };
    let near = grid(&[(0, 1.0), (15_003, 1.0), (29_998, 1.0), (45_000, 1.0), (60_001, 1.0)]).expect("near");
    assert_eq!((near.interval, near.moved, near.furthest), (Millis(15_000), 3, Millis(3)));
    let exact = grid(&[(7, 1.0), (10_007, 1.0), (15_007, 1.0)]).expect("exact");
    assert_eq!((exact.interval, exact.moved, exact.start), (Millis(5_000), 0, Timestamp(7)));
    let wild = grid(&[(0, 1.0), (15_001, 1.0), (15_900, 1.0), (31_000, 1.0), (46_000, 1.0)]);
    assert!(matches!(wild, Err(NoGrid::Irregular { at: Timestamp(15_900), .. })), "{wild:?}");
    assert_eq!(grid(&[(0, 1.0)]), Err(NoGrid::NoSpacing));
}

#[test]
fn an_extract_is_a_stretch_of_some_series() {
    let (a, b): (Pairs<'_>, Pairs<'_>) = (&[("__name__", "b")], &[("__name__", "a")]);
    let store = store(&[(a, &[(1, 1.0), (2, 2.0), (3, stale_marker())]), (b, &[(5, 1.0)])]);
    let extract = Extract::new(&store, |_| true, Timestamp(2), Timestamp(3));
    let counts = extract.counts(Form::VictoriaMetrics);
    assert_eq!((counts.series, counts.samples, counts.stale), (1, 1, 1));
    assert_eq!(extract.span(), Some((Timestamp(2), Timestamp(3))));
    let mut out = Vec::new();
    all(&store).write_csv(&mut out).expect("a vector takes all");
    let rows = String::from_utf8(out).expect("text");
    assert_eq!(
        rows,
        "timestamp,metric,value\n1970-01-01T00:00:00.001Z,b,1\n1970-01-01T00:00:00.002Z,b,2\n1970-01-01T00:00:00.005Z,a,1\n"
    );
}

#[test]
fn native_histograms_read_back_from_what_has_a_form_for_them() {
    let mut store = Store::new(Conflicts::Refuse);
    store.keep_all();
    let id = store.series(&LabelSet::new([("__name__", "h"), ("a", "b")]));
    let mut batch = Batch::default();
    let texts = ["{{schema:1 count:3 sum:5 buckets:[1 2]}}", "{{schema:1 count:4 sum:6 buckets:[2 2]}}"];
    for (at, text) in (0..).zip(texts) {
        let histogram = parse_histogram(text).expect(text).histogram;
        batch.push_histogram(id, Timestamp(at * 15_000), histogram.into(), 0);
    }
    batch.push(id, Timestamp(30_000), stale_marker(), 0);
    batch.push(id, Timestamp(45_000), 7.0, 0);
    store.append(&batch).expect("in order");
    let extract = all(&store);
    let written = |write: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
        let mut out = Vec::new();
        write(&mut out).expect("a vector takes all");
        String::from_utf8(out).expect("text")
    };
    let [first, second] = texts;
    let line = |at: &str, value: &str| {
        format!(
            "{{\"timestamp\":\"1970-01-01T00:00:{at}Z\",\"metric\":\"h\",\"labels\":{{\"a\":\"b\"}},\"value\":{value}}}\n"
        )
    };
    let quoted = |text: &str| format!("\"{text}\"");
    let lines = [line("00", &quoted(first)), line("15", &quoted(second)), line("45", "7")].concat();
    assert_eq!(written(&|out| extract.write_jsonl(out)), lines);
    let values = format!("[\"{first}\",\"{second}\",null,7]");
    assert!(written(&|out| extract.write_victoria(out)).contains(&values));
    let grid = extract.grid().expect("regular");
    let values = format!("values: '{first} {second} stale 7'");
    assert!(written(&|out| extract.write_unittest(&grid, &[], out)).contains(&values));
    let floats = written(&|out| extract.write_csv(out));
    assert_eq!(floats, "timestamp,metric,a,value\n1970-01-01T00:00:45Z,h,b,7\n");
    assert!(!written(&|out| extract.write_openmetrics(out)).contains("NaN"));
    for (form, samples) in [(Form::Jsonl, 3), (Form::Csv, 1), (Form::OpenMetrics, 1)] {
        let counts = extract.counts(form);
        assert_eq!((counts.series, counts.samples, counts.histograms, counts.stale), (1, samples, 2, 1));
    }
}
