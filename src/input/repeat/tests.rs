use std::fmt::Write as _;
use std::sync::Arc;

use super::super::bytes::{Bytes, Text};
use super::super::csv::CsvRows;
use super::super::feed::{Feed, Rows};
use super::super::jsonl::JsonlRows;
use super::super::settings::Settings;
use super::super::testing::{dump, read, source};
use super::super::{BadRows, Form, ReadOptions};
use super::*;
use crate::store::{Batch, Numbers, Stale};

/// Makes texts that are recordings more or less.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

fn time(kind: u64, seconds: u64) -> String {
    let stamp = |seconds: u64| Timestamp((1_767_571_200 + seconds as i64) * 1000).to_string();
    match kind {
        0 => format!("{}", 1_767_571_200_000 + seconds * 1000),
        1 => format!("{}", 1_767_571_200 + seconds),
        2 => format!("{}.5", 1_767_571_200 + seconds),
        3 => stamp(seconds),
        _ => stamp(seconds).replace('T', " ").replace('Z', ""),
    }
}

fn value(dice: &mut Dice) -> String {
    let number = dice.below(1_000_000);
    match dice.below(40) {
        0 => "NaN".to_owned(),
        1 => "1e3".to_owned(),
        2 => "-0".to_owned(),
        3 => format!("-{number}.25"),
        4 => format!("{number}1234567890.125"),
        5 => "0.0000000000000000000001".to_owned(),
        6..=20 => format!("{}.{number:06}", number % 7),
        _ => number.to_string(),
    }
}

/// Returns a value that is odd somewhere: no number, or another way to write one.
fn odd(dice: &mut Dice) -> &'static str {
    dice.pick(&["", "n/a", "x", "05", ".5", "5.", "+3", " 7", "8 ", "1_0", "\"9\"", "null", "true", "1,5", "00", "-"])
}

/// Writes series as lines of Prometheus' text format, one series after the other or mixed.
fn exposition(dice: &mut Dice) -> Vec<u8> {
    let (kind, mixed, odds) = (dice.below(3), dice.one_in(2), dice.pick(&[0, 10, 60]));
    let mut text = String::new();
    for row in 0..60 {
        let (series, scrape) = if mixed { (row % 4, row / 4) } else { (row / 15, row % 15) };
        let odd = if odds > 0 && dice.one_in(odds) { Some(odd(dice)) } else { None };
        let value = odd.map_or_else(|| value(dice), str::to_owned);
        let comment = if dice.one_in(15) { " # StaleNaN" } else { "" };
        let blanks = if dice.one_in(15) { "  " } else { " " };
        let time = time(kind, scrape * 15);
        let _ = writeln!(text, "m{}{{host=\"h{series}\"}} {value}{blanks}{time}{comment}", series % 2);
    }
    text.into_bytes()
}

/// Writes scrapes of a few series: rows of CSV with columns in some order, or lines of JSON.
fn recording(dice: &mut Dice, json: bool) -> Vec<u8> {
    let delimiter = dice.pick(&[",", ",", ";", "\t"]);
    let end = dice.pick(&["\n", "\n", "\r\n"]);
    let (kind, series, scrapes) = (dice.below(5), 1 + dice.below(6), 3 + dice.below(12));
    let mut columns = ["timestamp", "metric", "host", "value"];
    for at in (1..4).rev() {
        columns.swap(at, dice.below(at as u64 + 1) as usize);
    }
    let (odds, quotes) = (dice.pick(&[0, 10, 60]), dice.pick(&[0, 0, 9]));
    let mut text = String::new();
    if !json {
        if dice.one_in(4) && delimiter != "\t" {
            let _ = write!(text, "sep={delimiter}{end}");
        }
        text += &(columns.join(delimiter) + end);
    }
    for scrape in 0..scrapes {
        for number in 0..series {
            if dice.one_in(12) {
                continue;
            }
            let number = if odds > 0 && dice.one_in(odds) { series - number } else { number };
            let back = if odds == 10 && dice.one_in(60) { 1 } else { 0 };
            let time = time(kind, (scrape - back.min(scrape)) * 15);
            let odd = if odds > 0 && dice.one_in(odds) { Some(odd(dice)) } else { None };
            let value = odd.map_or_else(|| value(dice), str::to_owned);
            let cell = |column: &str| match column {
                "timestamp" => time.clone(),
                "metric" => format!("m{}", number % 3),
                "host" => format!("h{number}"),
                _ => value.clone(),
            };
            if json {
                let bare = |column: &str| match column {
                    "timestamp" => kind < 3,
                    "value" => !value.is_empty() && value != "NaN",
                    _ => false,
                };
                let field = |column: &&str| {
                    let quote = if bare(column) { "" } else { "\"" };
                    format!("\"{column}\":{quote}{}{quote}", cell(column))
                };
                let fields: Vec<String> = columns.iter().map(field).collect();
                let _ = write!(text, "{{{}}}{end}", fields.join(","));
            } else {
                let mut cells: Vec<String> = columns.iter().map(|column| cell(column)).collect();
                if quotes > 0 && dice.one_in(quotes) {
                    let cell = &mut cells[dice.below(4) as usize];
                    *cell = format!("\"{cell}\"");
                }
                text += &(cells.join(delimiter) + end);
            }
        }
        if odds > 0 && dice.one_in(20) {
            text += dice.pick(&["\n", "# word\n", "timestamp,metric,host,value\n", "{\"timestamp\":1}\n"]);
        }
    }
    let mut bytes = text.into_bytes();
    if dice.one_in(3) {
        let at = dice.below(bytes.len() as u64) as usize;
        match dice.below(4) {
            0 => bytes.truncate(at.max(60).min(bytes.len())),
            1 => bytes[at] = dice.pick(b"\",;\n\r\0x9 "),
            2 => bytes.insert(at, dice.pick(b"\",;\n\r\0x9 ")),
            _ => {
                let _ = bytes.pop();
            }
        }
    }
    bytes
}

/// Says all that comes of reading texts.
fn outcome(texts: &[Vec<u8>], null: &[&str], zone: Option<&str>, batch_rows: usize) -> String {
    let sources = texts.iter().enumerate().map(|(at, text)| source(&format!("{at}.csv"), text)).collect();
    let form = Form {
        null: null.iter().map(|null| (*null).to_owned()).collect(),
        input_timezone: zone.map(str::to_owned),
        ..Form::default()
    };
    let options =
        ReadOptions { form, batch_rows, bad_rows: BadRows::Skip { share: Some(1.0) }, ..ReadOptions::default() };
    match read(sources, options, Stale::Auto) {
        Ok((store, summary)) => {
            let mut inputs = summary.inputs.clone();
            inputs.iter_mut().for_each(|input| input.form.null.clear());
            let bad: Vec<_> =
                summary.bad_rows_shown.iter().map(|row| (row.line, row.message.clone(), row.rows)).collect();
            let counts = (summary.rows, summary.samples, summary.bad_rows, summary.repeats, summary.span);
            format!("{:#?}\n{counts:?} {bad:?} {inputs:#?}", dump(&store))
        }
        Err(error) => error.to_string(),
    }
}

/// A number that no text has; where it is no sample, rows are not compared with those before.
const NEVER: &str = "-987654321.5";

proptest::proptest! {
    #[test]
    fn rows_that_repeat_are_read_as_all_others(seed in proptest::prelude::any::<u64>()) {
        let mut dice = Dice(seed);
        for json in [None, Some(false), Some(true)] {
            let mut texts = vec![match json {
                None => exposition(&mut dice),
                Some(json) => recording(&mut dice, json),
            }];
            if dice.one_in(4) {
                texts.push(recording(&mut dice, json == Some(true)));
            }
            let zone = dice.pick(&[None, Some("Europe/Berlin")]);
            for batch_rows in [1000, 3] {
                let plain = outcome(&texts, &[NEVER], zone, batch_rows);
                proptest::prop_assert_eq!(outcome(&texts, &[], zone, batch_rows), plain);
            }
        }
    }
}

/// Reads a text to its end and returns how many rows repeated ones before.
fn repeated<R: Rows>(text: &str, open: impl Fn(Arc<str>, Bytes, Settings) -> R) -> u64 {
    let settings = Settings { batch_rows: 50, ..Settings::default() };
    let bytes = Bytes::open(&Text::new("a", text.as_bytes()), &Arc::default()).expect("opens");
    let rows = open("a".into(), bytes, settings.clone());
    let mut feed = Feed::new("a".into(), rows, settings);
    let (mut numbers, mut batch) = (Numbers::default(), Batch::default());
    let (mut samples, mut repeated) = (0, 0);
    while feed.fill(&mut numbers, &mut batch).expect("reads") {
        samples += batch.len();
        repeated = repeated.max(feed.repeated());
        batch.clear();
    }
    assert_eq!(samples + batch.len(), text.matches("cpu").count());
    repeated
}

#[test]
fn most_rows_of_a_recording_repeat() {
    let (mut csv, mut json) = ("timestamp,metric,host,value\n".to_owned(), String::new());
    for scrape in 0..2000 {
        for host in 0..4 {
            // One of them is missing now and then.
            if host == 2 && scrape % 10 == 3 {
                continue;
            }
            let (time, value) = (1_767_571_200 + scrape * 15, f64::from(scrape * 7 % 13) / 8.0);
            let _ = writeln!(csv, "{time},cpu,h{host},{value}");
            let _ =
                writeln!(json, "{{\"timestamp\":{time},\"metric\":\"cpu\",\"host\":\"h{host}\",\"value\":{value}}}");
        }
    }
    // What is read ahead to decide what columns are does not, nor do the first scrapes after it.
    let csv = repeated(&csv, |path, bytes, settings| CsvRows::open(path, bytes, 0, settings).expect("a table"));
    let json = repeated(&json, |path, bytes, settings| JsonlRows::new(path, bytes, 0, &settings).expect("lines"));
    assert!(csv > 7000 && json > 5000, "{csv} {json}");
}
