//! What holds of any two sets of rules on any recording: `diff` finds what two whole runs differ in, and the other way
//! round it is the mirror image.

use std::collections::BTreeMap;

use alertctl::diff::{self, DiffOptions, Difference, EpisodeDifference, Kind, Stay};
use alertctl::input::{Batches, InputError, Progress, Summary};
use alertctl::labels::LabelSet;
use alertctl::outcome::{Outcome, RunOptions, summary};
use alertctl::replay::Replay;
use alertctl::rules::RuleSet;
use alertctl::store::{Batch, Store};
use alertctl::time::{Millis, Timestamp};
use serde_yaml::Value;

use crate::props_engine::rows;
use crate::slow::generate::{Random, recording};
use crate::slow::generate_rules::rule_file;
use crate::slow::{Data, Series};

/// A recording in memory, handed out in two parts.
struct Held<'a> {
    rows: Vec<(i64, &'a LabelSet, f64)>,
    done: usize,
    summary: Summary,
}

impl<'a> Held<'a> {
    fn of(data: &'a Data) -> Self {
        Self { rows: rows(data), done: 0, summary: Summary::default() }
    }
}

impl Batches for Held<'_> {
    fn next_batch(&mut self, store: &mut Store, batch: &mut Batch) -> Result<Progress, InputError> {
        let Some((first, ..)) = self.rows.get(self.done).copied() else { return Ok(Progress::End) };
        batch.clear();
        let half = self.rows[self.rows.len() / 2].0;
        let until = if first < half { half } else { i64::MAX };
        while let Some((at, labels, value)) = self.rows.get(self.done).filter(|(at, ..)| *at < until) {
            let id = store.series(labels);
            batch.push(id, Timestamp(*at), *value, 0);
            self.done += 1;
        }
        let next = self.rows.get(self.done).map_or(i64::MAX, |(at, ..)| *at - 1);
        Ok(Progress::Batch(Timestamp(next.min(self.rows[self.rows.len() - 1].0))))
    }

    fn append(&mut self, store: &mut Store, batch: &Batch) -> Result<(), InputError> {
        store.append(batch).expect("one value per time");
        Ok(())
    }

    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn bytes_read(&self) -> u64 {
        0
    }
}

/// An episode as `eval` writes it: labels (the name among them), active, fired, resolved.
type Line = (String, i64, Option<i64>, Option<i64>);

fn evaluated(rules: &RuleSet, data: &Data) -> Outcome {
    Replay::new(rules, RunOptions::default()).run(&mut Held::of(data), &mut ()).expect("a run")
}

fn lines(outcome: &Outcome) -> BTreeMap<Line, i64> {
    let mut lines = BTreeMap::new();
    for episode in &outcome.episodes {
        let activity = &episode.activity;
        let (fired, resolved) =
            (activity.fired_at.map(|at| at.0), activity.fired_at.and(episode.ended_at).map(|at| at.0));
        *lines.entry((episode.labels.to_string(), activity.active_at.0, fired, resolved)).or_default() += 1;
    }
    lines
}

fn compared(old: &RuleSet, new: &RuleSet, data: &Data) -> Difference {
    let options = DiffOptions {
        run: RunOptions::default(),
        tolerance: Millis::ZERO,
        fail_on: Vec::new(),
        roots: Default::default(),
    };
    diff::run(old, new, &options, &mut Held::of(data), &mut ()).expect("a run")
}

/// Returns what one multiset has more than another.
fn more(a: &BTreeMap<Line, i64>, b: &BTreeMap<Line, i64>) -> BTreeMap<Line, i64> {
    let left = a.iter().map(|(line, many)| (line.clone(), many - b.get(line).unwrap_or(&0)));
    left.filter(|(_, many)| *many > 0).collect()
}

fn stays<'a>(all: impl Iterator<Item = &'a Stay>) -> BTreeMap<Line, i64> {
    let mut lines = BTreeMap::new();
    for stay in all {
        let (fired, resolved) = (stay.fired_at.map(|at| at.0), stay.resolved_at.map(|at| at.0));
        *lines.entry((stay.labels.to_string(), stay.active_at.0, fired, resolved)).or_default() += 1;
    }
    lines
}

fn loaded(text: &str) -> Option<RuleSet> {
    let mut rules = RuleSet::default();
    rules.add("rules.yml", text.as_bytes());
    (!rules.diagnostics.has_errors() && !alertctl::engine::check(&rules).has_errors()).then_some(rules)
}

fn groups(file: &mut Value) -> &mut Vec<Value> {
    file["groups"].as_sequence_mut().expect("groups")
}

/// Makes a few edits of a rule file, as people make them; `other` is where new rules come from.
fn edited(text: &str, other: &str, random: &mut Random) -> String {
    let mut file: Value = serde_yaml::from_str(text).expect("YAML");
    let mut other: Value = serde_yaml::from_str(other).expect("YAML");
    for _ in 0..random.below(3) {
        let many = groups(&mut file).len();
        let (at, to) = (random.below(many), random.below(many));
        let foreign = {
            let all = groups(&mut other);
            let group = random.below(all.len());
            let rules = all[group]["rules"].as_sequence().expect("rules").clone();
            rules[random.below(rules.len())].clone()
        };
        let all = groups(&mut file);
        let count = all[at]["rules"].as_sequence().map_or(0, Vec::len);
        let place = if count > 0 { random.below(count) } else { 0 };
        let edit = random.below(12);
        if edit == 0 {
            all.swap(at, to);
            continue;
        }
        if edit == 1 {
            all[at]["interval"] = random.pick(&["1m", "45s", "2m"]).into();
            continue;
        }
        if edit == 2 {
            all[at]["query_offset"] = random.pick(&["0s", "7s", "1m"]).into();
            continue;
        }
        if edit == 3 {
            all[at]["limit"] = random.pick(&["0", "1", "4"]).parse::<u64>().expect("a number").into();
            continue;
        }
        let rules = all[at]["rules"].as_sequence_mut().expect("rules");
        match edit {
            4 => rules.insert(place, foreign),
            _ if rules.is_empty() => {}
            5 => drop(rules.remove(place)),
            6 => {
                let rule = rules.remove(place);
                all[to]["rules"].as_sequence_mut().expect("rules").push(rule);
            }
            7 => {
                let last = rules.len() - 1;
                rules.swap(place, last);
            }
            8 => rules[place]["expr"] = foreign["expr"].clone(),
            9 if rules[place].get("alert").is_some() => {
                rules[place]["for"] = random.pick(&["0s", "1m", "2m", "5m"]).into();
            }
            10 if rules[place].get("alert").is_some() => {
                rules[place]["labels"] = serde_yaml::from_str("{severity: other}").expect("YAML");
            }
            11 if rules[place].get("record").is_some() => {
                rules[place]["record"] = random.pick(&["rec:a", "rec:b", "rec:d"]).into();
            }
            _ => rules[place]["annotations"] = Value::Null,
        }
    }
    serde_yaml::to_string(&file).expect("YAML")
}

/// Makes two versions of a rule file and a recording, in which a metric may stand that rules write.
fn case(seed: u64) -> Option<(RuleSet, RuleSet, Vec<Series>)> {
    let mut random = Random(seed);
    let mut data = recording(&mut random);
    let (text, other) = (rule_file(&mut random), rule_file(&mut random));
    if random.one_in(2)
        && let Some((labels, points)) = data.first().cloned()
    {
        let host = labels.get("host").unwrap_or("a").to_owned();
        data.push((LabelSet::new([("__name__", random.pick(&["rec:a", "rec:b"])), ("host", &host)]), points));
    }
    let new = edited(&text, &other, &mut random);
    Some((loaded(&text)?, loaded(&new)?, data))
}

fn cases(from: u64) -> impl Iterator<Item = (u64, RuleSet, RuleSet, Vec<Series>)> {
    let count = std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(300);
    (from..from + count).filter_map(|seed| case(seed).map(|(old, new, data)| (seed, old, new, data)))
}

#[test]
fn differences_are_those_of_two_whole_runs() {
    let (mut seen, mut differ, mut spared) = (0, 0, 0);
    for (seed, old, new, data) in cases(0) {
        let (before, after) = (evaluated(&old, &data), evaluated(&new, &data));
        let found = compared(&old, &new, &data);
        let all = || found.rules.iter().flat_map(|rule| &rule.differences);
        let ours = (stays(all().flat_map(|one| &one.before)), stays(all().flat_map(|one| &one.after)));
        let (old_lines, new_lines) = (lines(&before), lines(&after));
        assert_eq!(more(&ours.0, &ours.1), more(&old_lines, &new_lines), "seed {seed}: only before");
        assert_eq!(more(&ours.1, &ours.0), more(&new_lines, &old_lines), "seed {seed}: only after");
        let sums = (summary::Summary::of(&before).rules, summary::Summary::of(&after).rules);
        let counts = |sums: &[summary::RuleSummary]| {
            let mut counts: Vec<(u64, u64, Millis)> =
                sums.iter().map(|one| (one.firings, one.label_sets, one.firing)).collect();
            counts.sort_unstable();
            counts
        };
        let sides = |after: bool| {
            let side = |rule: &diff::RuleDifference| if after { rule.after.clone() } else { rule.before.clone() };
            found.rules.iter().filter_map(side).map(|side| side.sums).collect::<Vec<_>>()
        };
        assert_eq!(counts(&sides(false)), counts(&sums.0), "seed {seed}: figures before");
        assert_eq!(counts(&sides(true)), counts(&sums.1), "seed {seed}: figures after");
        seen += 1;
        differ += usize::from(all().next().is_some());
        spared += found.rules.iter().filter(|rule| !rule.affected).count();
    }
    // Edits mean something, and most rules are evaluated once.
    assert!(differ * 10 > seen && spared > seen, "{seen} cases, {differ} differ, {spared} rules spared");
}

fn mirror(kind: Kind) -> Kind {
    match kind {
        Kind::OnlyBefore => Kind::OnlyAfter,
        Kind::OnlyAfter => Kind::OnlyBefore,
        Kind::Split => Kind::Merged,
        Kind::Merged => Kind::Split,
        Kind::Earlier => Kind::Later,
        Kind::Later => Kind::Earlier,
        Kind::Longer => Kind::Shorter,
        Kind::Shorter => Kind::Longer,
        Kind::Relabeled | Kind::Pending => kind,
    }
}

#[test]
fn the_other_way_round_is_the_mirror_image() {
    for (seed, old, new, data) in cases(1_000_000) {
        let line = |one: &EpisodeDifference, back: bool| {
            let mut kinds: Vec<Kind> = one.kinds.iter().map(|kind| if back { mirror(*kind) } else { *kind }).collect();
            kinds.sort_unstable();
            let (before, after) = if back { (&one.after, &one.before) } else { (&one.before, &one.after) };
            let later = one.later.map(|later| if back { -later.0 } else { later.0 });
            let (before, after) = (stays(before.iter()), stays(after.iter()));
            format!("{} {kinds:?} {before:?} {after:?} {later:?}", one.labels)
        };
        let all = |difference: &Difference, back: bool| {
            let rule = |rule: &diff::RuleDifference| {
                let sides = [&rule.before, &rule.after].map(|side| {
                    side.as_ref().map(|side| {
                        let sums = &side.sums;
                        let sums = (sums.firings, sums.label_sets, sums.near_misses, sums.bursts, sums.firing);
                        format!("{}:{} {sums:?}", side.group, side.facts.line)
                    })
                });
                let [before, after] = if back { [sides[1].clone(), sides[0].clone()] } else { sides };
                let mut lines: Vec<String> = rule.differences.iter().map(|one| line(one, back)).collect();
                lines.sort_unstable();
                format!("{before:?} {after:?} {} {lines:?}", rule.affected)
            };
            let mut rules: Vec<String> = difference.rules.iter().map(rule).collect();
            rules.sort_unstable();
            rules
        };
        let there = compared(&old, &new, &data);
        let back = compared(&new, &old, &data);
        assert_eq!(all(&there, false), all(&back, true), "seed {seed}");
        let same = compared(&old, &old, &data);
        assert!(same.rules.iter().all(|rule| !rule.is_told() && !rule.affected), "seed {seed}");
    }
}
