//! What tables look like at many widths: lines fit, words stay whole, and what went is named.

use std::collections::BTreeSet;

use super::*;
use crate::engine::Episode;
use crate::outcome::sample;
use crate::report::wrap::width;

const WIDTHS: [usize; 6] = [40, 60, 80, 100, 120, 200];
/// The columns of alerts in the order in which they go.
const ALERTS_GO: [&str; 8] = ["BURSTS", "SETS", "LONGEST", "NEAR", "FIRING", "SEVERITY", "FOR", "LAST FIRED (UTC)"];
/// The columns of episodes in the order in which they go.
const FIRED_GO: [&str; 6] = ["PENDING", "AT FIRE", "WORST", "DEVICE", "JOB", "UNTIL"];
/// The columns of near misses in the order in which they go.
const NEAR_GO: [&str; 5] = ["WORST", "JOB", "DEVICE", "UNTIL", "SHORT BY"];

/// A run with long notes and labels.
fn outcome() -> Outcome {
    let mut outcome = sample::outcome();
    let episode = |at: i64, fired: bool, host: &str, job: &str| -> Episode {
        let labels = [
            ("alertname", "DiskFull"),
            ("severity", "critical"),
            ("instance", host),
            ("device", "the second disk"),
            ("job", job),
        ];
        let labels = if at % 2 == 0 { &labels[..] } else { &labels[..3] };
        sample::episode(0, labels, at, fired.then_some(at + 2), Some(at + 9), 39e9)
    };
    outcome.episodes.retain(|episode| episode.rule.0 != 0);
    for (at, host) in ["host-1.example", "host-2.example", "host-3.example"].iter().enumerate() {
        let at = at as i64 * 31;
        let job = format!("job-{at}");
        outcome.episodes.push(episode(at, true, host, &job));
        outcome.episodes.push(episode(at + 11, false, host, &job));
    }
    outcome
}

fn shown(width: Option<usize>, color: bool) -> String {
    let outcome = outcome();
    let view = View { width, color, episodes: true, pending: true, ..View::default() };
    let mut out = Vec::new();
    write(&mut out, &outcome, &Summary::of(&outcome), &view).expect("a vector takes all");
    String::from_utf8(out).expect("a table is UTF-8")
}

/// Returns the titles of a table without those that its line names, and these, from the line of titles on.
fn columns(table: &str, first_row: &str) -> (String, Vec<String>) {
    let titles: Vec<&str> = table.lines().take_while(|line| !line.trim_start().starts_with(first_row)).collect();
    let mut lines = table.lines().skip_while(|line| !line.starts_with("columns left out"));
    let mut left_out = String::new();
    if let Some(first) = lines.next() {
        left_out = first.split_once("columns: ").expect("names").1.to_owned();
        lines.take_while(|line| line.starts_with("  ")).for_each(|line| left_out.push_str(&line[1..]));
    }
    let names = left_out.split(';').next().unwrap_or("");
    let names = names.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect();
    (titles.join(" "), names)
}

#[test]
fn lines_fit_and_words_stay_whole() {
    let wide = shown(None, false);
    let words: BTreeSet<&str> = wide.split_whitespace().collect();
    for width_of in WIDTHS {
        let text = shown(Some(width_of), false);
        for line in text.lines() {
            assert!(width(line) <= width_of, "{width_of}: {line}");
            assert_eq!(line, line.trim_end(), "{width_of}");
        }
        let lines = text.lines();
        // What is left out is named in words of its own.
        let mut naming = false;
        for line in lines {
            naming = line.starts_with("columns left out") || naming && line.starts_with("  ") && !line.contains(":0");
            if !naming {
                let broken: Vec<&str> = line.split_whitespace().filter(|word| !words.contains(word)).collect();
                assert_eq!(broken, [""; 0], "{width_of}: {line}\n{text}");
            }
        }
        let colored = shown(Some(width_of), true);
        let plain: String = colored.split("\u{1b}[").enumerate().fold(String::new(), |all, (at, part)| {
            all + if at == 0 { part } else { part.split_once('m').expect("an escape").1 }
        });
        assert_eq!(plain, text);
    }
}

#[test]
fn columns_go_in_order_and_are_named() {
    for width in WIDTHS {
        let text = shown(Some(width), false);
        let check = |table: &str, first_row: &str, order: &[&str]| {
            let (titles, left_out) = columns(table, first_row);
            assert_eq!(left_out, order[..left_out.len()], "{width}\n{table}");
            let gone = |name: &&&str| !name.split(' ').all(|word| titles.contains(word));
            let gone: Vec<&str> = order.iter().filter(gone).copied().collect();
            assert_eq!(gone, left_out, "{width}\n{table}");
        };
        let mut tables = text.split("\n\n");
        check(tables.next().expect("alerts"), "DiskFull", &ALERTS_GO);
        let after = |text: &str, from: &str| text[text.find(from).expect(from)..].to_owned();
        check(&after(tables.next().expect("episodes"), "\nFIRED")[1..], "Tue", &FIRED_GO);
        check(&after(tables.next().expect("near misses"), "\nPENDING")[1..], "Tue", &NEAR_GO);
    }
    assert!(!shown(Some(200), false).contains("left out"));
    assert!(shown(Some(60), false).contains("widen the terminal or use -o json"));
    assert_eq!(shown(Some(60), false).matches("-o json").count(), 1, "it is said once");
}

#[test]
fn notes_stand_below_where_nothing_is_left_to_go() {
    let mut grid = grid::Grid::new(vec![grid::Column::left("ALERT", 0), grid::Column::words("NOTE", 0)]);
    grid.row(vec!["AnAlertWithAVeryLongName".into(), "closest 54.8G, needs < 10e9".into()]);
    let check = |width| {
        let mut out = Vec::new();
        grid.write(&mut out, Some(width), false).expect("a vector takes all");
        String::from_utf8_lossy(&out).into_owned()
    };
    insta::assert_snapshot!(check(48), @r"
    ALERT                     NOTE
    AnAlertWithAVeryLongName  closest 54.8G, needs <
                              10e9
    ");
    insta::assert_snapshot!(check(30), @r"
    ALERT
        NOTE
    AnAlertWithAVeryLongName
        closest 54.8G, needs <
        10e9
    ");
    insta::assert_snapshot!(check(16), @r"
    ALERT
        NOTE
    AnAlertWithAVery
    LongName
        closest
        54.8G, needs
        < 10e9
    ");
}

#[test]
fn a_terminal_is_never_commanded() {
    assert_eq!(grid::printable("a\u{1b}[2Jb\n"), r"a\x1b[2Jb\n");
}

#[test]
fn words_stay_whole_where_no_column_may_go() {
    let titles = ["FOR", "THRESHOLD", "KEEP FIRING FOR", ""];
    let mut grid = grid::Grid::new(titles.map(|title| grid::Column::right(title, 0)).to_vec());
    grid.row(["10m", "0.9", "5m", "(now)"].map(Into::into).to_vec());
    let check = |width: usize| {
        let mut out = Vec::new();
        grid.write(&mut out, Some(width), false).expect("a vector takes all");
        String::from_utf8(out).expect("a table is UTF-8")
    };
    insta::assert_snapshot!(check(29), @"
    FOR  THRESHOLD    KEEP
                    FIRING
                       FOR
    10m        0.9      5m  (now)
    ");
    insta::assert_snapshot!(check(34), @"
    FOR  THRESHOLD  KEEP FIRING
                            FOR
    10m        0.9           5m  (now)
    ");
}
