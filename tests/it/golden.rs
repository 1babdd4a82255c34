//! What Prometheus itself makes of the bench rules on recording S: episodes, texts, faults, recorded series.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use alertctl::engine::{Episode, FaultAt, RuleId, WrittenSample};
use alertctl::input::{ReadOptions, Recording, Source};
use alertctl::labels::LabelSet;
use alertctl::outcome::RunOptions;
use alertctl::replay::{Observer, Replay};
use alertctl::rules::RuleSet;
use alertctl::store::{Stale, is_stale};
use alertctl::time::Timestamp;
use serde_json::Value;

use crate::spawn;

const DAY: Timestamp = Timestamp(1_767_571_200_000);
const LAST_SAMPLE: i64 = DAY.0 + 86_385_000;

struct File(PathBuf);

impl Source for File {
    fn name(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(std::fs::File::open(&self.0)?))
    }
}

/// Everything that came of a run.
struct Traced {
    /// By rule: group, name, place in the group.
    rules: Vec<(String, String, u64)>,
    episodes: Vec<Episode>,
    faults: Vec<FaultAt>,
    written: Vec<WrittenSample>,
}

impl Observer for Traced {
    fn fault(&mut self, _: usize, fault: FaultAt) {
        self.faults.push(fault);
    }

    fn written(&mut self, _: usize, sample: WrittenSample) {
        self.written.push(sample);
    }
}

fn evaluate(rules: &Path, recording: &Path, end: i64) -> Traced {
    evaluate_with(rules, recording, end, 1)
}

fn evaluate_with(rules: &Path, recording: &Path, end: i64, threads: usize) -> Traced {
    let bytes = std::fs::read(rules).expect("a rule file");
    let mut rules = RuleSet::default();
    rules.add("rules.yml", &bytes);
    assert!(rules.diagnostics.is_empty(), "{:?}", rules.diagnostics.sorted());
    let groups = rules.groups().flat_map(|(_, group)| {
        let name = |at: usize| (group.name.text.clone(), group.rules[at].name.text.clone(), at as u64);
        (0..group.rules.len()).map(name).collect::<Vec<_>>()
    });
    let mut traced = Traced { rules: groups.collect(), episodes: Vec::new(), faults: Vec::new(), written: Vec::new() };
    let mut options = RunOptions { end: Some(Timestamp(end)), trace: true, threads, ..RunOptions::default() };
    options.stale.set(Some(Stale::Off));
    let mut recording =
        Recording::open(vec![Box::new(File(recording.to_owned()))], ReadOptions::default()).expect("a recording");
    let outcome = Replay::new(&rules, options).run(&mut recording, &mut traced).expect("good rows");
    assert!(!outcome.input.held_whole, "the recording is in time order");
    traced.episodes = outcome.episodes;
    traced
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn labels(value: &Value) -> LabelSet {
    let object = value.as_object().expect("labels");
    LabelSet::new(object.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("a text"))))
}

/// An episode as the golden files give it.
type Firing = (String, String, i64, i64, Option<i64>);

fn firings(outcome: &Traced) -> Vec<(Firing, &Episode)> {
    let mut found: Vec<(Firing, &Episode)> = outcome
        .episodes
        .iter()
        .filter_map(|episode| {
            let fired = episode.activity.fired_at?;
            let rule = &outcome.rules[episode.rule.0 as usize].1;
            let ended = episode.ended_at.map(|at| at.0);
            let key = (rule.clone(), format!("{:?}", episode.labels), episode.activity.active_at.0, fired.0, ended);
            Some((key, episode))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn golden_firings(path: &Path) -> Vec<(Firing, Value)> {
    let mut wanted: Vec<(Firing, Value)> = lines(path)
        .into_iter()
        .map(|line| {
            let ms = |key: &str| line[key].as_i64();
            let key = (
                line["alert"].as_str().expect("a name").to_owned(),
                format!("{:?}", labels(&line["labels"])),
                ms("active_at").expect("a time"),
                ms("fired_at").expect("a time"),
                ms("resolved_at"),
            );
            (key, line)
        })
        .collect();
    wanted.sort_by(|a, b| a.0.cmp(&b.0));
    wanted
}

/// Compares two sorted lists and shows the first differences.
fn same<T: PartialEq + std::fmt::Debug + Ord>(what: &str, wanted: &[T], found: &[T]) {
    let missing: Vec<&T> = wanted.iter().filter(|item| found.binary_search(item).is_err()).take(5).collect();
    let more: Vec<&T> = found.iter().filter(|item| wanted.binary_search(item).is_err()).take(5).collect();
    assert!(
        wanted == found,
        "{what}: {} wanted, {} found; missing {missing:#?}; too many {more:#?}",
        wanted.len(),
        found.len()
    );
}

fn check_firings(rules: &str, golden: &str, end: i64) {
    let Some(bench) = spawn::bench() else { return };
    let outcome = evaluate(&bench.join("rules").join(rules), spawn::recording_s(&bench), end);
    let wanted: Vec<Firing> =
        golden_firings(&bench.join("golden").join(golden)).into_iter().map(|(key, _)| key).collect();
    let found: Vec<Firing> = firings(&outcome).into_iter().map(|(key, _)| key).collect();
    same(golden, &wanted, &found);
}

#[test]
fn ten_rules_every_15_seconds_fire_as_in_prometheus() {
    check_firings("R10.15s.yml", "S.R10.15s.firings.jsonl", DAY.0 + 86_400_000 - 15_000);
}

#[test]
fn ten_rules_every_minute_fire_as_in_prometheus() {
    check_firings("R10.60s.yml", "S.R10.60s.firings.jsonl", DAY.0 + 86_400_000 - 60_000);
}

#[test]
fn a_hundred_rules_fire_as_in_prometheus_with_its_texts() {
    check_firings("R100.60s.yml", "S.R100.60s.firings.jsonl", DAY.0 + 86_400_000 - 60_000);
    let Some(bench) = spawn::bench() else { return };
    let outcome = evaluate(&bench.join("rules/R100.60s.yml"), spawn::recording_s(&bench), DAY.0 + 86_400_000 - 60_000);
    let key = |alert: &str, labels: &LabelSet, fired: i64, annotations: Vec<(String, String)>| {
        (alert.to_owned(), format!("{labels:?}"), fired, annotations)
    };
    let mut wanted: Vec<_> = lines(&bench.join("golden/S.R100.60s.annotations.jsonl"))
        .iter()
        .map(|line| {
            let fired = line["fired_at"].as_i64().expect("a time");
            key(line["alert"].as_str().expect("a name"), &labels(&line["labels"]), fired, texts(&line["annotations"]))
        })
        .collect();
    let mut found: Vec<_> = firings(&outcome)
        .into_iter()
        .map(|(firing, episode)| key(&firing.0, &episode.labels, firing.3, episode.annotations.clone()))
        .collect();
    wanted.sort();
    found.sort();
    same("annotations", &wanted, &found);
}

fn texts(value: &Value) -> Vec<(String, String)> {
    let object = value.as_object().expect("annotations");
    let mut texts: Vec<(String, String)> = object
        .iter()
        .map(|(name, text)| (name.clone(), text.as_str().expect("a text").to_owned()))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    texts.sort();
    texts
}

/// Returns whether a text is Prometheus': of an error only the beginning counts, the rest is Go's.
fn same_text(wanted: &str, found: &str) -> bool {
    let error = "<error expanding template: ";
    wanted == found || (wanted.starts_with(error) && found.starts_with(error))
}

#[test]
fn rules_of_all_kinds_make_the_episodes_faults_and_series_of_prometheus() {
    let Some(bench) = spawn::bench() else { return };
    let outcome = evaluate(&bench.join("rules/F1.60s.yml"), spawn::recording_s(&bench), LAST_SAMPLE);
    let wanted = golden_firings(&bench.join("golden/S.F1.firings.jsonl"));
    let found = firings(&outcome);
    let keys = |firings: Vec<&Firing>| firings.into_iter().cloned().collect::<Vec<_>>();
    same(
        "firings",
        &keys(wanted.iter().map(|(key, _)| key).collect()),
        &keys(found.iter().map(|(key, _)| key).collect()),
    );
    for ((_, line), (firing, episode)) in wanted.iter().zip(&found) {
        let wanted = texts(&line["annotations"]);
        let found: Vec<_> = episode.annotations.iter().filter(|(_, text)| !text.is_empty()).collect();
        let same =
            wanted.len() == found.len() && wanted.iter().zip(&found).all(|(a, b)| a.0 == b.0 && same_text(&a.1, &b.1));
        assert!(same, "{firing:?}\nwanted {wanted:#?}\nfound {found:#?}");
    }
    check_faults(&bench, &outcome);
    check_recorded(&bench, &outcome);
}

#[test]
fn episodes_are_the_same_for_any_number_of_threads() {
    let Some(bench) = spawn::bench() else { return };
    for (rules, end) in [("R100.60s.yml", DAY.0 + 40_000_000), ("F1.60s.yml", DAY.0 + 20_000_000)] {
        let of = |threads: usize| {
            let outcome = evaluate_with(&bench.join("rules").join(rules), spawn::recording_s(&bench), end, threads);
            format!("{:?}", outcome.episodes)
        };
        assert_eq!(of(1), of(4), "{rules}");
    }
}

fn check_faults(bench: &Path, outcome: &Traced) {
    let mut wanted: Vec<_> = lines(&bench.join("golden/S.F1.faults.jsonl"))
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().expect("a text").to_owned();
            (text("group"), text("rule"), line["at"].as_i64().expect("a time"), text("message"))
        })
        .collect();
    let mut found: Vec<_> = outcome
        .faults
        .iter()
        .map(|fault| {
            let (group, rule, _) = &outcome.rules[fault.rule.0 as usize];
            (group.clone(), rule.clone(), fault.slot.0, fault.message.clone())
        })
        .collect();
    wanted.sort();
    found.sort();
    same("faults", &wanted, &found);
}

fn check_recorded(bench: &Path, outcome: &Traced) {
    let mut written: BTreeMap<(RuleId, i64), Vec<&WrittenSample>> = BTreeMap::new();
    for sample in &outcome.written {
        written.entry((sample.rule, sample.slot.0)).or_default().push(sample);
    }
    for line in lines(&bench.join("golden/S.F1.recorded.jsonl")) {
        let (group, index) = (line["group"].as_str().expect("a group"), line["index"].as_u64().expect("a place"));
        let rule = outcome.rules.iter().position(|rule| rule.0 == group && rule.2 == index).expect("a rule");
        let at = line["at"].as_i64().expect("a time");
        let samples = written.remove(&(RuleId(rule as u32), at)).unwrap_or_default();
        let plain = |sample: &WrittenSample| format!("{:?}", sample.labels.filter(|name| name != "__name__"));
        let value = |sample: &WrittenSample| sample.value.float().expect("the recording has floats");
        let mut found: Vec<(String, f64)> = samples
            .iter()
            .filter(|sample| !is_stale(value(sample)))
            .map(|sample| (plain(sample), value(sample)))
            .collect();
        let mut stale: Vec<String> =
            samples.iter().filter(|sample| is_stale(value(sample))).map(|sample| plain(sample)).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        stale.sort();
        let items = |key: &str| line[key].as_array().cloned().unwrap_or_default();
        let mut wanted: Vec<(String, f64)> = items("samples")
            .iter()
            .map(|item| {
                let value = item["value"].as_str().expect("a value");
                (format!("{:?}", labels(&item["labels"])), value.parse().expect("a number"))
            })
            .collect();
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
        let mut wanted_stale: Vec<String> = items("stale").iter().map(|item| format!("{:?}", labels(item))).collect();
        wanted_stale.sort();
        assert_eq!(wanted_stale, stale, "stale markers of {line}");
        assert!(samples.iter().all(|sample| Some(sample.stamp.0) == line["stamp"].as_i64()), "stamps of {line}");
        let close = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs();
        let same = wanted.len() == found.len() && wanted.iter().zip(&found).all(|(a, b)| a.0 == b.0 && close(a.1, b.1));
        assert!(same, "samples of {line}\nfound {found:#?}");
    }
}
