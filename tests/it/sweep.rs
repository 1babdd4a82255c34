//! Values that `eval --set` tries: each gives what a run of the edited rule file gives.

use std::collections::BTreeMap;

use alertctl::engine::silence::Silence;
use alertctl::engine::stretch::Stretch;
use alertctl::engine::{Episode, RuleId};
use alertctl::input::{ReadOptions, Recording, Text};
use alertctl::labels::LabelSet;
use alertctl::outcome::summary::{Summary, Tally};
use alertctl::outcome::{RunOptions, Selection, Setting};
use alertctl::replay::{Replay, RunError};
use alertctl::rules::{Evaluate, RuleKind, RuleSet};
use alertctl::sweep::ask::{Ask, Value};
use alertctl::sweep::run::{Error, Sweep, Wanted};
use alertctl::sweep::{Plan, Swept};
use alertctl::time::{Millis, Timestamp};

use crate::props_engine::rows;
use crate::slow::Data;
use crate::slow::generate::{Random, recording};
use crate::slow::generate_rules::rule_file;

/// Expressions of every way in which alerts come about.
const EXPRESSIONS: [&str; 18] = [
    "temp > 3",
    "temp < 2",
    "temp >= 2 and on (host) load < 5",
    "3 < avg_over_time(temp[2m])",
    "rate(req_total[5m]) >= 0.5 unless on (host) temp > 4",
    "sum by (host) (temp) <= 6",
    "sum(temp > 2) > 1",
    "temp != 3",
    "temp > 2 * 1.5",
    // The name goes, so that thresholds decide where two samples collide.
    "-{__name__=~\"temp|load\"} < -2",
    "rate({__name__=~\"req_total|took_bucket\"}[5m]) > 0.2",
    "rec:a > 1",
    "max_over_time(temp[2m:30s]) > 3 and rate(req_total[3m]) >= 0",
    "temp > bool 2",
    "temp * 2 > on (host) group_left () 1.5 * (load - 1)",
    "quantile_over_time(0.5, temp[4m]) > 2 ^ 1.5",
    "temp > 2 unless on () ALERTS{alertname=\"A0\"}",
    "temp > 2 unless on (host) ALERTS{alertname=\"Mine\", alertstate=\"firing\"}",
];

/// From this seed on, names go: values are tried of which some make evaluations fail.
const COLLIDING: u64 = 1 << 32;

const LABELS: [&str; 8] = [
    "",
    "",
    "severity: page",
    "zone: all",
    "host: ''",
    "value: '{{ $value }}'",
    "where: '{{ $labels.host }}-x'",
    "alertstate: mine",
];

/// Returns a recording as long CSV; there a series has no stale markers.
fn csv(data: &Data) -> String {
    const NAMES: [&str; 9] = ["__name__", "host", "zone", "code", "le", "team", "instance", "job", "owner"];
    let mut text = format!("timestamp_ms,metric,{},value\n", NAMES[1..].join(","));
    for (at, labels, value) in rows(data) {
        if value.to_bits() != 0x7ff0_0000_0000_0002 {
            let labels: Vec<&str> = NAMES.iter().map(|name| labels.get(name).unwrap_or("")).collect();
            text.push_str(&format!("{},{},{value}\n", 1_767_571_200_000 + at, labels.join(",")));
        }
    }
    text
}

fn open(csv: &str) -> Recording {
    Recording::open(vec![Text::boxed("x.csv", csv)], ReadOptions::default()).expect("a recording")
}

fn load(text: &str, at_rows: bool) -> RuleSet {
    let mut rules = RuleSet::default();
    rules.add("r.yml", text.as_bytes());
    assert!(!rules.diagnostics.has_errors(), "{text}\n{:?}", rules.diagnostics.sorted());
    if at_rows {
        rules.files[0].groups[0].evaluate = Evaluate::EveryRow;
    }
    rules
}

/// Makes a rule file: one that is as any, and a group with the alert in front of it.
fn file(random: &mut Random, expression: &str) -> String {
    let limit = if random.one_in(8) { "\n    limit: 2" } else { "" };
    let mut text =
        format!("groups:\n  - name: mine{limit}\n    interval: {}\n    rules:\n", random.pick(&["1m", "45s"]));
    text.push_str("      - alert: Mine\n");
    text.push_str(&format!("        expr: '{}'\n", expression));
    text.push_str(&format!("        for: {}\n", random.pick(&["0s", "1m", "90s"])));
    text.push_str(&format!("        keep_firing_for: {}\n", random.pick(&["0s", "0s", "2m"])));
    let labels = random.pick(&LABELS);
    if !labels.is_empty() {
        text.push_str(&format!("        labels: {{{labels}}}\n"));
    }
    let others = rule_file(random);
    text.push_str(others.strip_prefix("groups:\n").expect("groups"));
    text
}

/// Returns one or two parameters of the alert that can be set.
fn asks(random: &mut Random, rules: &RuleSet) -> Vec<Ask> {
    let all = [
        "Mine.for=0s,1m,2m",
        "Mine.for=90s..4m:75s",
        "Mine.keep_firing_for=0s,1m,3m",
        "Mine.threshold[1]=-2..5:0.5",
        "Mine.threshold[1]=0,3,1e9",
        "Mine.threshold[2]=1,2,3,4.5",
        "Mine.number[1]=0.5..2:0.5",
        "Mine.number[2]=0,1,3",
        "Mine.window[1]=45s,2m,6m",
        "Mine.window[2]=45s,2m,6m",
    ];
    let selection = Selection::default();
    let mut asks: Vec<Ask> = Vec::new();
    for _ in 0..40 {
        asks.push(random.pick(&all).parse().expect("values"));
        if Plan::of(rules, &selection, &asks).is_err() {
            asks.pop();
        }
        if asks.len() == 2 {
            break;
        }
    }
    asks
}

/// Returns the text of a rule file with the literals of a point in place of the rule's own.
fn edited(text: &str, plan: &Plan, point: &[usize]) -> String {
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let mut edits: BTreeMap<usize, (usize, String)> = BTreeMap::new();
    for (axis, at) in plan.axes.iter().zip(point) {
        for place in &axis.places {
            let from = starts[place.line as usize - 1] + place.column as usize - 1;
            assert!(text[from..].starts_with(&axis.written), "{place}: {}", axis.written);
            edits.insert(from, (axis.written.len(), axis.values[*at].to_string()));
        }
    }
    let mut text = text.to_owned();
    for (from, (len, value)) in edits.into_iter().rev() {
        text.replace_range(from..from + len, &value);
    }
    text
}

/// What a run of an edited file gives for the alert.
fn alone(rules: &RuleSet, options: &RunOptions, csv: &str) -> (Tally, Vec<(LabelSet, Stretch)>, u64) {
    let outcome = Replay::new(rules, options.clone()).run(&mut open(csv), &mut ()).expect("a run");
    let sums = &Summary::of(&outcome).rules[0];
    assert_eq!(outcome.rules[0].name, "Mine");
    let tally = Tally {
        firings: sums.firings,
        label_sets: sums.label_sets,
        bursts: sums.bursts,
        near_misses: sums.near_misses,
        firing: sums.firing,
    };
    let episodes = outcome.episodes.iter().filter(|episode| episode.rule == RuleId(0));
    (
        tally,
        episodes.map(|episode: &Episode| (episode.labels.clone(), episode.stretch())).collect(),
        outcome.rules[0].failed(),
    )
}

fn options(random: &mut Random) -> RunOptions {
    let at = |minute: i64| Timestamp(1_767_571_200_000 + minute * 60_000);
    let mut options = RunOptions::default();
    if random.one_in(4) {
        options.selection.start = Some(at(7));
    }
    if random.one_in(4) {
        options.end = Some(at(16));
    }
    if random.one_in(4) {
        options.selection.filter = Some("host=~\"a|b|\"".parse().expect("matchers"));
    }
    if random.one_in(4) {
        options.join = Setting::of(Some(Millis(60_000)), Millis(0));
        options.external_labels = Setting::of(Some(LabelSet::new([("host", "b")])), LabelSet::empty());
    }
    if random.one_in(4) {
        let matchers = "alertname=\"Mine\"".parse::<alertctl::outcome::Filter>().expect("matchers").matchers;
        options.silences = vec![Silence { matchers, start: at(3), end: at(9), comment: String::new(), file: None }];
    }
    options
}

/// Tries values as the command does; returns whether the recording had to be read again, and whether each threshold was
/// decided by itself.
fn swept(rules: &RuleSet, plan: &Plan, options: &RunOptions, csv: &str) -> Result<(Swept, [bool; 2]), Error> {
    let wanted = Wanted { episodes: true, ..Wanted::default() };
    let mut sweep = Sweep::new(rules, plan, &wanted, options.clone());
    let mut again = false;
    while sweep.read(&mut open(csv), &mut ())? {
        again = true;
    }
    let ways = [again, sweep.is_exact()];
    Ok((sweep.finish().expect("all was read"), ways))
}

#[test]
fn each_value_gives_what_the_edited_file_gives() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(40);
    let (mut points, mut fired, mut again, mut exact, mut apart, mut differ) = (0, 0, 0, 0, 0, 0);
    for seed in (0..cases).chain(COLLIDING..COLLIDING + cases / 4) {
        let mut random = Random(seed);
        let expressions = if seed < COLLIDING { &EXPRESSIONS[..] } else { &EXPRESSIONS[9..11] };
        let text = file(&mut random, expressions[seed as usize % expressions.len()]);
        let at_rows = random.one_in(10);
        let rules = load(&text, at_rows);
        let csv = csv(&recording(&mut random));
        let options = options(&mut random);
        let asks = match seed < COLLIDING {
            true => asks(&mut random, &rules),
            false => vec!["Mine.threshold=-3..1:0.5".parse().expect("values")],
        };
        let plan = Plan::of(&rules, &options.selection, &asks).expect("a plan");
        let (found, [was_again, was_exact]) = match swept(&rules, &plan, &options, &csv) {
            Ok(found) => found,
            // What the recording does not have is refused as in any run.
            Err(Error::Run(RunError::Asked(_))) => continue,
            Err(error) => panic!("seed {seed}: {error}"),
        };
        // What is read again for the failures of single thresholds, and what only has more values than fit one reading.
        exact += usize::from(was_exact);
        again += usize::from(was_again && !was_exact);
        for (number, row) in found.rows.iter().enumerate() {
            let point = plan.point(number);
            assert_eq!(plan.number(&point), number);
            let mut other = load(&edited(&text, &plan, &point), at_rows);
            let rule = &mut other.files[0].groups[0].rules[0];
            if let RuleKind::Alert { hold, keep_firing, .. } = &mut rule.kind {
                (*hold, *keep_firing) = plan.pace(&point, (*hold, *keep_firing));
            }
            let (tally, episodes, failed) = alone(&other, &options, &csv);
            let values: Vec<&Value> = plan.axes.iter().zip(&point).map(|(axis, at)| &axis.values[*at]).collect();
            assert_eq!(row.tally, tally, "seed {seed}, {values:?}\n{text}");
            assert_eq!(row.episodes, episodes, "seed {seed}, {values:?}\n{text}");
            assert_eq!(row.failed, failed, "seed {seed}, {values:?}\n{text}");
            points += 1;
            fired += usize::from(tally.firings > 0);
            differ += usize::from(row.tally != found.rows[plan.now()].tally);
            apart += usize::from(was_exact && failed != found.rows[plan.now()].failed);
        }
        let (own, ..) = alone(&rules, &options, &csv);
        assert_eq!(found.rows[plan.now()].tally, own, "seed {seed}");
        let of_outcome = &Summary::of(&found.outcome).rules[0];
        assert_eq!((of_outcome.firings, of_outcome.bursts), (own.firings, own.bursts), "seed {seed}");
    }
    assert!(points > 200 && fired > 100 && differ > 60, "{points} {fired} {differ}");
    assert!(again > 0 && exact > 1 && apart > 10, "{again} {exact} {apart}");
}
