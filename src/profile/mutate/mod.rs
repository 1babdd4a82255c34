//! Random changes of rule sets, of the kinds that pull requests make: what a gate is tried on.

mod expr;

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::dice::Dice;
use super::protocol::RuleSource;
use crate::promql::ast::Expr;
use crate::rules::graph::{Keep, RuleGraph};
use crate::rules::template::Template;
use crate::rules::{Evaluate, Form, Group, Rule, RuleFile, RuleKind, RuleSet};
use crate::time::Millis;

/// The intervals that a group may get.
const INTERVALS: [Millis; 4] = [Millis(30_000), Millis(60_000), Millis(120_000), Millis(300_000)];

/// What is done to a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// A window became longer or shorter.
    Window,
    /// A matcher was dropped or added.
    Matcher,
    /// It compares with another number.
    Threshold,
    /// It calls another function, or aggregates in another way.
    Function,
    /// It is no more.
    Deleted,
    /// It is new: a copy of another one with another name and another window.
    Added,
    /// It went to another group.
    Moved,
    /// It has another name.
    Renamed,
    /// Its group has another interval.
    Interval,
    /// The order of its group is another one.
    Shuffled,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Window,
        Self::Matcher,
        Self::Threshold,
        Self::Function,
        Self::Deleted,
        Self::Added,
        Self::Moved,
        Self::Renamed,
        Self::Interval,
        Self::Shuffled,
    ];

    /// Returns whether the rule may cost something else, and not only those that read it.
    fn is_its_cost(self) -> bool {
        !matches!(self, Self::Deleted | Self::Renamed | Self::Shuffled)
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was done.
    pub what: What,
    /// The rule's name; of one that is not new, the one it had.
    pub rule: String,
    /// Its place among all rules before; none of a new one.
    pub was: Option<usize>,
    /// Its place now; none of one that is gone.
    pub is: Option<usize>,
    /// How, in words.
    pub how: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.how)
    }
}

/// A rule set after random changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mutant {
    /// Its files, in the order of those before, by the same names.
    pub texts: Vec<RuleSource>,
    /// Of each rule now, in order: its place before; none of a new one.
    pub was: Vec<Option<usize>>,
    /// What was done, rule by rule.
    pub changes: Vec<Change>,
    /// The rules now, by place, that may cost something else than before: changed, or readers of one that was. All
    /// others cost the same.
    pub affected: BTreeSet<usize>,
}

/// A rule between two groups.
#[derive(Clone)]
struct Item {
    rule: Rule,
    was: Option<usize>,
    /// What was done to it.
    done: Vec<(What, String)>,
    /// Its name before.
    name: String,
}

impl Item {
    fn mark(&mut self, what: What, how: String) {
        self.done.push((what, how));
    }
}

struct Part {
    /// The group without rules; its name may be that of no other.
    group: Group,
    items: Vec<Item>,
}

/// Changes so many rules of those files that are in Prometheus' form; native files stay as they are.
///
/// The same sources, count and seed give the same mutant. A change of an interval or of an order concerns all rules of a
/// group and counts once. Comments and the layout of the files are lost.
///
/// # Errors
/// When the sources cannot be read, or have no rule that can be changed; in words for a user.
pub fn mutate(sources: &[RuleSource], count: usize, seed: u64) -> Result<Mutant, String> {
    let before = load(sources)?;
    let mut dice = Dice::new(seed);
    let mut place = 0;
    let mut files: Vec<Vec<Part>> = Vec::new();
    for file in &before.files {
        let mut parts = Vec::new();
        for group in &file.groups {
            let items = group.rules.iter().map(|rule| {
                place += 1;
                Item { rule: rule.clone(), was: Some(place - 1), done: Vec::new(), name: rule.name.text.clone() }
            });
            let items = items.collect();
            parts.push(Part { group: Group { rules: Vec::new(), ..group.clone() }, items });
        }
        files.push(parts);
    }
    let open: Vec<usize> = (0..files.len()).filter(|at| before.files[*at].form == Form::Prometheus).collect();
    let mut gone = Vec::new();
    for number in 0..count {
        if !change(&mut files, &open, number, &mut dice, &mut gone) {
            break;
        }
    }
    if gone.is_empty() && files.iter().flatten().flat_map(|part| &part.items).all(|item| item.done.is_empty()) {
        return Err("no rule in Prometheus' form that could be changed".to_owned());
    }
    conclude(sources, &before, &files, gone)
}

fn load(sources: &[RuleSource]) -> Result<RuleSet, String> {
    let mut rules = RuleSet::default();
    sources.iter().for_each(|source| rules.add(&source.name, source.text.as_bytes()));
    match rules.diagnostics.sorted().iter().find(|_| rules.diagnostics.has_errors()) {
        Some(first) => Err(format!("cannot read the rules: {}", first.message)),
        None => Ok(rules),
    }
}

/// Does one thing to a rule that nothing was done to; returns whether there was one.
fn change(files: &mut [Vec<Part>], open: &[usize], number: usize, dice: &mut Dice, gone: &mut Vec<Item>) -> bool {
    let mut targets = Vec::new();
    for file in open {
        for (part, of) in files[*file].iter().enumerate() {
            let free = |at: &usize| of.items[*at].done.is_empty();
            targets.extend((0..of.items.len()).filter(free).map(|at| (*file, part, at)));
        }
    }
    dice.shuffle(&mut targets);
    let mut kinds = What::ALL;
    for (file, part, at) in targets {
        dice.shuffle(&mut kinds);
        if kinds.iter().any(|what| apply(*what, &mut files[file], (part, at), number, dice, gone)) {
            return true;
        }
    }
    false
}

/// Does one thing to one rule of a file, if it can be done to it.
fn apply(
    what: What,
    parts: &mut [Part],
    (part, at): (usize, usize),
    number: usize,
    dice: &mut Dice,
    gone: &mut Vec<Item>,
) -> bool {
    let edit: Option<fn(&mut Expr, &mut Dice) -> Option<String>> = match what {
        What::Window | What::Added => Some(expr::window),
        What::Matcher => Some(expr::matcher),
        What::Threshold => Some(expr::threshold),
        What::Function => Some(expr::function),
        _ => None,
    };
    let mut item = parts[part].items[at].clone();
    let edited = edit.map(|edit| edit(&mut item.rule.expr, dice));
    match (what, edited) {
        (_, Some(None)) => return false,
        (What::Added, Some(Some(how))) => {
            item.rule.name.text = format!("{}_copy{number}", item.rule.name.text);
            item.name = item.rule.name.text.clone();
            item.was = None;
            item.mark(what, how);
            parts[part].items.insert(at + 1, item);
        }
        (_, Some(Some(how))) => {
            item.mark(what, how);
            parts[part].items[at] = item;
        }
        (What::Renamed, None) => {
            let to = format!("{}_renamed{number}", item.rule.name.text);
            item.rule.name.text = to.clone();
            item.mark(what, format!("renamed to {to}"));
            parts[part].items[at] = item;
        }
        (What::Deleted, None) => {
            if parts[part].items.len() < 2 {
                return false;
            }
            let mut item = parts[part].items.remove(at);
            item.mark(what, "deleted".to_owned());
            gone.push(item);
        }
        (What::Moved, None) => {
            let other = dice.below(parts.len());
            if other == part || parts[part].items.len() < 2 {
                return false;
            }
            let mut item = parts[part].items.remove(at);
            item.mark(what, format!("went to the group `{}`", parts[other].group.name.text));
            let to = dice.below(parts[other].items.len() + 1);
            parts[other].items.insert(to, item);
        }
        (What::Interval, None) => {
            let to = Evaluate::Every(INTERVALS[dice.below(INTERVALS.len())]);
            if parts[part].group.evaluate == to {
                return false;
            }
            let how = format!("interval {} became {to}", parts[part].group.evaluate);
            parts[part].group.evaluate = to;
            parts[part].items.iter_mut().for_each(|item| item.mark(what, how.clone()));
        }
        (_, None) => {
            if parts[part].items.len() < 2 {
                return false;
            }
            dice.shuffle(&mut parts[part].items);
            parts[part].items.iter_mut().for_each(|item| item.mark(what, "another order of its group".to_owned()));
        }
    }
    true
}

/// Writes the files and finds what is affected.
fn conclude(sources: &[RuleSource], before: &RuleSet, files: &[Vec<Part>], gone: Vec<Item>) -> Result<Mutant, String> {
    let mut mutant = Mutant::default();
    for ((file, source), parts) in before.files.iter().zip(sources).zip(files) {
        let text = if file.form == Form::Prometheus { text(parts) } else { source.text.clone() };
        mutant.texts.push(RuleSource { name: source.name.clone(), text });
    }
    let change = |item: &Item, is| {
        let one = move |(what, how): &(What, String)| (*what, how.clone());
        let all = item.done.iter().map(one);
        all.map(|(what, how)| Change { what, rule: item.name.clone(), was: item.was, is, how }).collect::<Vec<_>>()
    };
    for (place, item) in files.iter().flatten().flat_map(|part| &part.items).enumerate() {
        mutant.was.push(item.was);
        mutant.changes.extend(change(item, Some(place)));
    }
    mutant.changes.extend(gone.iter().flat_map(|item| change(item, None)));
    let after = load(&mutant.texts)?;
    let touched = |of: fn(&Change) -> Option<usize>| mutant.changes.iter().filter_map(of).collect::<BTreeSet<_>>();
    let (now, then) = (readers(&after.files, &touched(|one| one.is)), readers(&before.files, &touched(|one| one.was)));
    let own = mutant.changes.iter().filter(|change| change.what.is_its_cost()).filter_map(|change| change.is);
    let was = |at: &usize| mutant.was[*at].is_some_and(|was| then.contains(&was));
    mutant.affected = own.chain(now).chain((0..mutant.was.len()).filter(was)).collect();
    Ok(mutant)
}

/// Returns the rules that read one of these, directly or by way of others.
fn readers(files: &[RuleFile], of: &BTreeSet<usize>) -> BTreeSet<usize> {
    let graph = RuleGraph::of(files, Keep::Read);
    let mut readers = BTreeSet::new();
    loop {
        let reads = |rule: &usize| graph.writers(*rule).any(|writer| of.contains(&writer) || readers.contains(&writer));
        let more: Vec<usize> = (0..graph.nodes.len()).filter(|rule| !readers.contains(rule) && reads(rule)).collect();
        if more.is_empty() {
            return readers;
        }
        readers.extend(more);
    }
}

/// A rule as a file has it.
#[derive(Serialize)]
struct RuleOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a str>,
    expr: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    hold: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_for: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    labels: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    annotations: Map<String, Value>,
}

impl<'a> RuleOut<'a> {
    fn of(rule: &'a Rule) -> Self {
        let texts = |all: &[(String, Template)]| {
            all.iter().map(|(name, text)| (name.clone(), Value::from(text.text()))).collect::<Map<_, _>>()
        };
        let name = Some(rule.name.text.as_str());
        let lasting = |span: Millis| (span != Millis::ZERO).then(|| span.to_string());
        let (expr, labels) = (rule.expr.to_string(), texts(&rule.labels));
        match &rule.kind {
            RuleKind::Record => Self {
                alert: None,
                record: name,
                expr,
                hold: None,
                keep_firing_for: None,
                labels,
                annotations: Map::new(),
            },
            RuleKind::Alert { hold, keep_firing, annotations } => Self {
                alert: name,
                record: None,
                expr,
                hold: lasting(*hold),
                keep_firing_for: lasting(*keep_firing),
                labels,
                annotations: texts(annotations),
            },
        }
    }
}

/// Writes a file, a rule a line.
fn text(parts: &[Part]) -> String {
    let mut text = "groups:\n".to_owned();
    let mut line = |args: fmt::Arguments<'_>| {
        let _ = writeln!(text, "{args}");
    };
    for part in parts {
        let group = &part.group;
        line(format_args!("- name: {}", Value::from(group.name.text.as_str())));
        if let Some(interval) = group.evaluate.interval() {
            line(format_args!("  interval: {interval}"));
        }
        if let Some(offset) = group.query_offset {
            line(format_args!("  query_offset: {offset}"));
        }
        if group.limit > 0 {
            line(format_args!("  limit: {}", group.limit));
        }
        line(format_args!("  rules:"));
        for item in &part.items {
            let rule = serde_json::to_string(&RuleOut::of(&item.rule)).unwrap_or_default();
            line(format_args!("  - {rule}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = include_str!("../../../rules/node.yml");
    const NATIVE: &str = include_str!("../../../rules/portsyncd.yml");

    fn sources() -> Vec<RuleSource> {
        let source = |name: &str, text: &str| RuleSource { name: name.to_owned(), text: text.to_owned() };
        vec![source("node.yml", NODE), source("portsyncd.yml", NATIVE)]
    }

    fn rules(set: &RuleSet) -> Vec<&Rule> {
        set.rules().map(|(_, rule)| rule).collect()
    }

    #[test]
    fn every_mutant_loads_and_is_what_it_says() {
        let before = load(&sources()).expect("good rules");
        let before = rules(&before);
        let mut done = BTreeSet::new();
        for seed in 0..200 {
            let mutant = mutate(&sources(), 1 + seed as usize % 10, seed).expect("rules that can be changed");
            assert_eq!(mutant, mutate(&sources(), 1 + seed as usize % 10, seed).expect("as before"));
            let after = load(&mutant.texts).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{mutant:?}"));
            let after = rules(&after);
            assert_eq!(mutant.was.len(), after.len());
            done.extend(mutant.changes.iter().map(|change| change.what));
            let inside = |what| matches!(what, What::Window | What::Matcher | What::Threshold | What::Function);
            for (at, rule) in after.iter().enumerate() {
                let done: Vec<&Change> = mutant.changes.iter().filter(|change| change.is == Some(at)).collect();
                let Some(was) = mutant.was[at].map(|was| before[was]) else { continue };
                let same = rule.expr.to_string() == was.expr.to_string();
                assert_eq!(!same, done.iter().any(|change| inside(change.what)), "seed {seed}: {}", rule.name.text);
                let named = done.iter().any(|change| change.what == What::Renamed);
                assert_eq!(named, rule.name.text != was.name.text, "seed {seed}");
                assert_eq!(rule.labels, was.labels);
            }
            let gone = (0..before.len()).filter(|was| !mutant.was.contains(&Some(*was))).count();
            assert_eq!(gone, mutant.changes.iter().filter(|change| change.what == What::Deleted).count());
        }
        assert_eq!(done, BTreeSet::from(What::ALL));
    }

    #[test]
    fn what_reads_a_changed_rule_is_affected_and_nothing_else() {
        let text = "groups:\n- name: g\n  rules:\n  - {record: a, expr: 'rate(m[5m])'}\n  - {record: b, expr: a > 1}\n  \
                    - {alert: C, expr: b > 2}\n  - {alert: D, expr: 'm > 3'}\n";
        let sources = [RuleSource { name: "r.yml".to_owned(), text: text.to_owned() }];
        let mut seen = 0;
        for seed in 0..100 {
            let mutant = mutate(&sources, 1, seed).expect("rules that can be changed");
            let [change] = mutant.changes.as_slice() else { continue };
            let names = |places: &BTreeSet<usize>| {
                let after = load(&mutant.texts).expect("it loads");
                places.iter().map(|at| rules(&after)[*at].name.text.clone()).collect::<Vec<_>>().join(" ")
            };
            match (change.rule.as_str(), change.what) {
                ("a", What::Window | What::Function | What::Matcher) => assert_eq!(names(&mutant.affected), "a b C"),
                ("a", What::Deleted | What::Renamed) => assert_eq!(names(&mutant.affected), "b C"),
                ("D", What::Window | What::Matcher | What::Threshold) => assert_eq!(names(&mutant.affected), "D"),
                ("D", What::Deleted | What::Renamed) => assert_eq!(names(&mutant.affected), ""),
                _ => continue,
            }
            seen += 1;
        }
        assert!(seen > 20, "{seen}");
    }

    #[test]
    fn native_rules_alone_cannot_be_changed() {
        let native = &sources()[1..];
        assert_eq!(mutate(native, 1, 1), Err("no rule in Prometheus' form that could be changed".to_owned()));
    }
}
