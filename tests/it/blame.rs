//! Who is blamed where rules change: the rules that changed and those that read them, and nobody else.
//!
//! Rule sets are changed at random and compared by what is exact, as `profile --against-rules` does: real ones where they
//! are at hand, and some of our own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use alertctl::engine::EngineOptions;
use alertctl::labels::{LabelSet, MatchOp};
use alertctl::profile::campaign::exact;
use alertctl::profile::compare::{Comparison, Settings, compare};
use alertctl::profile::gate::{Evidence, Limits, Verdict};
use alertctl::profile::mutate::{Mutant, mutate};
use alertctl::profile::protocol::RuleSource;
use alertctl::profile::rule_bench::{RULE_SAMPLES_PER_S, RULE_SERIES, RuleBench};
use alertctl::profile::sample::{Measurement, RuleText, Session};
use alertctl::rules::{RuleKind, RuleSet};
use alertctl::store::{Batch, Conflicts};
use alertctl::time::Timestamp;

use crate::skipped;

/// How long rule sets are tried, once each of them was: what CI has time for.
const PATIENCE: Duration = Duration::from_secs(20);
/// The rules of a set that are tried: beyond, a set is cut into several.
const SET: usize = 4;

/// Rules that share subtrees, that read each other, and one in a file of its own.
const OWN: [&str; 2] = [
    "
groups:
- name: shared
  interval: 30s
  rules:
  - {alert: A, expr: 'sum by (job) (rate(requests[5m])) > 1'}
  - {alert: B, expr: 'sum by (job) (rate(requests[5m])) > 2'}
  - {alert: C, expr: 'sum by (job) (rate(requests[5m])) / sum by (job) (rate(errors[5m])) > 3'}
  - {alert: D, expr: 'max_over_time(rate(requests[5m])[10m:1m]) > 4'}
- name: chain
  rules:
  - {record: 'job:requests:rate5m', expr: 'sum by (job) (rate(requests[5m]))'}
  - {record: 'requests:max', expr: 'max(job:requests:rate5m)'}
  - {alert: Chain, expr: 'requests:max > 7'}
  - {alert: Both, expr: 'count(ALERTS{alertname=\"Chain\"}) > 1'}
",
    "groups: [{name: other, interval: 2m, rules: [{alert: Full, expr: 'predict_linear(free[1h], 3600) < 0'}, {alert: Down, expr: up == 0}]}]",
];

/// The costs of rules on a recording that is made up of what any of the sets select.
struct Recording {
    series: BTreeSet<LabelSet>,
}

fn load(sources: &[RuleSource]) -> RuleSet {
    let mut rules = RuleSet::default();
    sources.iter().for_each(|source| rules.add(&source.name, source.text.as_bytes()));
    rules
}

impl Recording {
    /// Makes two series for each selector that names a metric, with the labels that it asks for.
    fn of(rules: &RuleSet) -> Self {
        let mut series = BTreeSet::new();
        for rule in rules.files.iter().flat_map(|file| &file.groups).flat_map(|group| &group.rules) {
            for one in rule.expr.selectors() {
                let Some(metric) = one.selector.metric() else { continue };
                let asked = one.selector.matchers.iter().filter(|matcher| !matcher.names_metric());
                let mut labels: BTreeMap<&str, &str> = BTreeMap::from([("__name__", metric), ("job", "j")]);
                labels.extend(
                    asked
                        .filter(|matcher| matcher.op == MatchOp::Equal)
                        .map(|one| (one.name.as_str(), one.value.as_str())),
                );
                for instance in ["a", "b"] {
                    labels.insert("instance", instance);
                    series.insert(LabelSet::new(
                        labels.iter().filter(|(_, value)| !value.is_empty()).map(|(a, b)| (*a, *b)),
                    ));
                }
            }
        }
        Self { series }
    }

    /// Counts what rules cost, as a worker of `profile` does.
    fn measure(&self, rules: &RuleSet) -> Result<Measurement, String> {
        let options = EngineOptions::default();
        let files = rules.files.clone();
        let mut store =
            RuleBench::register(&files, &options, Conflicts::Refuse).map_err(|found| format!("{found:?}"))?;
        let ids: Vec<_> = self.series.iter().map(|labels| store.series(labels)).collect();
        let mut batch = Batch::default();
        for minute in 0..40 {
            for (at, id) in ids.iter().enumerate() {
                batch.push(*id, Timestamp(minute * 60_000), (minute * 7 + at as i64) as f64, 0);
            }
        }
        store.append(&batch).map_err(|error| format!("{error:?}"))?;
        let mut texts = Vec::new();
        for (file, of) in rules.files.iter().zip(0..) {
            for group in &file.groups {
                let interval = options_interval(&options, group);
                texts.extend(group.rules.iter().zip(0..).map(|(rule, at)| RuleText {
                    file: of.to_string(),
                    path: of.to_string(),
                    group: group.name.text.clone(),
                    name: rule.name.text.clone(),
                    records: matches!(rule.kind, RuleKind::Record),
                    labels: rule.labels.iter().map(|(name, text)| (name.clone(), text.text().to_owned())).collect(),
                    expr: rule.expr.to_string(),
                    every: interval.to_string(),
                    interval_ms: Some(interval),
                    line: at,
                    ..RuleText::default()
                }));
            }
        }
        let mut bench = RuleBench::new(files, options, store, Vec::new(), Box::new(|_, _| Ok(())))?;
        let counted = alertctl::profile::bench::Bench::count(&mut bench)?;
        let session = Session { metrics: exact(&counted), ..Session::default() };
        Ok(Measurement { rules: texts, sessions: vec![session], ..Measurement::default() })
    }
}

fn options_interval(options: &EngineOptions, group: &alertctl::rules::Group) -> i64 {
    group.evaluate.interval().unwrap_or(options.interval).0
}

/// Returns an exact cost of a rule.
fn cost(measurement: &Measurement, id: &str, rule: usize) -> f64 {
    measurement.metric(id, Some(rule)).first().map_or(0.0, |metric| metric.pooled.p10)
}

/// Checks who is named of the rules of a set that was changed; returns how many of those that were there became dearer.
fn check(comparison: &Comparison, mutant: &Mutant, base: &Measurement, now: &Measurement) -> usize {
    let mut grown = 0;
    let failed = comparison.metrics.iter().filter(|metric| metric.decision.verdict == Verdict::Regression);
    let named: BTreeSet<(String, String, u32)> = failed
        .filter_map(|metric| metric.rule.as_ref())
        .map(|rule| (rule.file.clone(), rule.group.clone() + "/" + &rule.name, rule.line))
        .collect();
    let said = || {
        let all: Vec<String> = mutant.changes.iter().map(ToString::to_string).collect();
        format!("after {}\n{:#?}", all.join("; "), comparison.rules)
    };
    for (at, was) in mutant.was.iter().enumerate() {
        let rule = &now.rules[at];
        let key = (rule.file.clone(), format!("{}/{}", rule.group, rule.name), rule.line);
        if !mutant.affected.contains(&at) {
            assert!(!named.contains(&key), "{key:?} is what it was, and is blamed {}", said());
        } else if let Some(was) = was {
            let grew = |id| cost(now, id, at) > cost(base, id, *was);
            let dearer = grew(RULE_SAMPLES_PER_S) || grew(RULE_SERIES);
            assert!(!dearer || named.contains(&key), "{key:?} became dearer, and is not named {}", said());
            grown += usize::from(dearer);
        }
    }
    grown
}

/// Changes a set of rules and compares it with what it was; returns how many became dearer, if it could be done.
fn try_once(sources: &[RuleSource], count: usize, seed: u64) -> Option<usize> {
    let mutant = mutate(sources, count, seed).ok()?;
    let (before, after) = (load(sources), load(&mutant.texts));
    // What is asked of one of the sides is there on both.
    let mut recording = Recording::of(&before);
    recording.series.extend(Recording::of(&after).series);
    let (base, now) = (recording.measure(&before).ok()?, recording.measure(&after).ok()?);
    let settings =
        Settings { evidence: Evidence::Interleaved, limits: Limits::default(), rules_only: true, slowed: true };
    let comparison = compare(&base, &now, &settings).expect("one recording, one plan");
    Some(check(&comparison, &mutant, &base, &now))
}

#[test]
fn only_rules_that_changed_and_their_readers_are_named() {
    let own = OWN.iter().zip(["a.yml", "b.yml"]);
    let own = own.map(|(text, name)| RuleSource { name: name.to_owned(), text: (*text).to_owned() });
    let mut sets: Vec<Vec<RuleSource>> = vec![own.collect()];
    let node = include_str!("../../rules/node.yml").to_owned();
    sets.push(vec![RuleSource { name: "node.yml".to_owned(), text: node }]);
    if let Some(folder) = skipped::folder("no real rules", "../shared", None, "corpus") {
        let mut paths: Vec<_> =
            fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        let read = |path: &std::path::PathBuf| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some(RuleSource { name, text: fs::read_to_string(path).ok()? })
        };
        let real: Vec<RuleSource> = paths.iter().filter_map(read).collect();
        sets.extend(real.chunks(SET).map(<[RuleSource]>::to_vec));
    }
    let begun = Instant::now();
    let (mut tried, mut grown) = (0, 0);
    for seed in 0.. {
        for set in &sets {
            let found = try_once(set, 1 + (seed as usize % 6), seed);
            tried += usize::from(found.is_some());
            grown += found.unwrap_or(0);
        }
        if begun.elapsed() > PATIENCE {
            break;
        }
    }
    assert!(tried >= sets.len() && grown > 0, "{tried} rule sets were tried, in which {grown} rules became dearer");
}
