//! Which rules may behave otherwise than their counterparts of another set, and which must be evaluated to see how.

use std::collections::{BTreeMap, BTreeSet};

use crate::labels::METRIC_NAME;
use crate::promql::ast::Selector;
use crate::rules::changes::{InGroup, are_alike};
use crate::rules::graph::{Keep, RuleGraph};
use crate::rules::{Evaluate, Rule, RuleSet};
use crate::time::Millis;

/// What of two sets of rules is not the same in both. Rules are numbered as they stand in their set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// By old rule: whether it may behave otherwise than its counterpart, or has none.
    pub old: Vec<bool>,
    /// By new rule: the same.
    pub new: Vec<bool>,
    /// By new rule: the rules that it reads and that may behave otherwise; of those whose own text is the same.
    pub through: BTreeMap<usize, Vec<String>>,
    /// By new rule: how its place differs among the rules that it reads.
    pub order: BTreeMap<usize, String>,
    /// By new rule: whether it must be evaluated: one that is affected, or what such a rule reads.
    pub evaluate: Vec<bool>,
    /// The metrics that the new rules write, sorted.
    pub written: Vec<String>,
}

/// One set of rules, and who reads whom.
struct Side<'a> {
    rules: Vec<InGroup<'a>>,
    /// By rule: those whose series it may read, ascending.
    writers: Vec<Vec<usize>>,
    /// By rule: the metrics that it writes.
    writes: Vec<Vec<String>>,
    /// The metrics that are written.
    written: BTreeSet<String>,
}

impl<'a> Side<'a> {
    fn of(set: &'a RuleSet) -> Self {
        let groups = set.groups().map(|(_, group)| group);
        let rules: Vec<InGroup<'a>> =
            groups.flat_map(|group| group.rules.iter().map(move |rule| InGroup { rule, group })).collect();
        let graph = RuleGraph::of(&set.files, Keep::Read);
        let writers = |rule: usize| graph.writers(rule).collect::<BTreeSet<_>>().into_iter().collect();
        let writes: Vec<Vec<String>> =
            graph.nodes.iter().map(|node| node.writes.iter().map(|written| written.name.clone()).collect()).collect();
        let written = writes.iter().flatten().cloned().collect();
        Self { writers: (0..rules.len()).map(writers).collect(), rules, writes, written }
    }

    /// Returns whether a rule names what one of its writers writes: a template that asks queries may read everything, and
    /// is taken to read the metrics whose names stand in it.
    fn names(&self, rule: usize, writer: usize) -> bool {
        let rule = self.rules[rule].rule;
        let metrics: Vec<&String> = self.writes[writer].iter().collect();
        let in_text = || {
            let asking = rule.labels.iter().filter(|(_, text)| text.uses_query());
            asking.map(|(_, text)| text.text()).any(|text| metrics.iter().any(|metric| has_word(text, metric)))
        };
        selects(rule, &metrics) || in_text()
    }

    /// Returns by rule those that may read its series.
    fn readers(&self) -> Vec<Vec<usize>> {
        let mut readers = vec![Vec::new(); self.rules.len()];
        for (reader, writers) in self.writers.iter().enumerate() {
            writers.iter().for_each(|writer| readers[*writer].push(reader));
        }
        readers
    }
}

/// Returns whether a text has a metric's name as a word of its own.
fn has_word(text: &str, name: &str) -> bool {
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    text.split(|c| !in_name(c)).any(|word| word == name)
}

/// Returns whether a selector of a rule takes one of some metrics.
fn selects(rule: &Rule, metrics: &[&String]) -> bool {
    let takes = |selector: &Selector| {
        let of_name = || selector.matchers.iter().filter(|matcher| matcher.name == METRIC_NAME);
        metrics.iter().any(|metric| of_name().all(|matcher| matcher.matches(metric)))
    };
    rule.expr.selectors().iter().any(|found| takes(found.selector))
}

/// Returns whether a rule may read series of one of some metrics of the recording.
fn may_read(one: &InGroup<'_>, metrics: &[&String]) -> bool {
    let any_row = one.group.evaluate == Evaluate::EveryRow;
    !metrics.is_empty() && (any_row || asks(one.rule) || selects(one.rule, metrics))
}

/// Returns whether a template of a label asks queries: it may read everything.
fn asks(rule: &Rule) -> bool {
    rule.labels.iter().any(|(_, text)| text.uses_query())
}

/// Finds what differs between two sets of rules and all that may feel it: `old_of` is by new rule its counterpart,
/// `interval` that of groups that give none.
///
/// A rule is affected where it has no counterpart, where it or what its group gives it differs, where it reads one that is
/// affected or stands in another order with what it reads, and where a metric of the recording that it reads is hidden by
/// rules on one side only.
///
/// Cost: the graph of the rules, and for each rule those that write what it reads.
#[must_use]
pub fn affected(old: &RuleSet, new: &RuleSet, old_of: &[Option<usize>], interval: Millis) -> Affected {
    let (old, new) = (Side::of(old), Side::of(new));
    let mut new_of: Vec<Option<usize>> = vec![None; old.rules.len()];
    for (at, was) in old_of.iter().enumerate() {
        if let Some(was) = was {
            new_of[*was] = Some(at);
        }
    }
    let seen: Vec<&String> = old.written.symmetric_difference(&new.written).collect();
    let mut own = vec![true; new.rules.len()];
    let mut through: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut order = BTreeMap::new();
    for (at, was) in old_of.iter().enumerate() {
        let Some(was) = *was else { continue };
        let (before, after) = (&old.rules[was], &new.rules[at]);
        let alike = are_alike(before, after, interval);
        // The same writers in the same order, and as many of them before the rule itself.
        let same: Vec<Option<usize>> = old.writers[was].iter().map(|writer| new_of[*writer]).collect();
        let earlier = |writers: &[usize], rule: usize| writers.iter().filter(|writer| **writer < rule).count();
        let in_order = same.iter().flatten().eq(&new.writers[at])
            && same.len() == new.writers[at].len()
            && earlier(&old.writers[was], was) == earlier(&new.writers[at], at);
        let hidden = may_read(after, &seen);
        own[at] = !alike || !in_order || hidden;
        if !in_order {
            order.extend(new_order(was, (&new, at), old_of).map(|text| (at, text)));
        }
        if alike && hidden {
            let writers = new.writers[at].iter().filter(|writer| new.names(at, **writer));
            through.insert(at, writers.map(|writer| new.rules[*writer].rule.name.text.clone()).collect());
        }
    }
    let mut found = Affected {
        old: new_of.iter().map(|now| now.is_none_or(|now| own[now])).collect(),
        new: own,
        written: new.written.iter().cloned().collect(),
        order,
        ..Affected::default()
    };
    spread(&mut found, (&old, &new), (old_of, &new_of));
    for (at, was) in old_of.iter().enumerate() {
        let Some(was) = was.filter(|was| found.new[at] && are_alike(&old.rules[*was], &new.rules[at], interval)) else {
            continue;
        };
        let named = |side: &Side<'_>, rule: usize, affected: &[bool]| -> Vec<usize> {
            let all = || side.writers[rule].iter().copied();
            // A query that is put together names none.
            let any = all().any(|writer| side.names(rule, writer));
            all().filter(|writer| affected[*writer] && (!any || side.names(rule, *writer))).collect()
        };
        let names_now = named(&new, at, &found.new).into_iter().map(|writer| &new.rules[writer]);
        let names_then = named(&old, was, &found.old).into_iter().map(|writer| &old.rules[writer]);
        let mut names: Vec<String> = Vec::new();
        for name in names_now.chain(names_then).map(|one| &one.rule.name.text) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let names = if names.is_empty() { through.remove(&at).unwrap_or_default() } else { names };
        found.through.insert(at, names);
    }
    found.evaluate = needed(&new, &found.new);
    found
}

/// Says how the place of a rule differs among those it reads, if any of them is on the other side of it now.
fn new_order(was: usize, (new, at): (&Side<'_>, usize), old_of: &[Option<usize>]) -> Option<String> {
    let turned = |writer: &&usize| {
        old_of[**writer].is_some_and(|before| (before < was) != (**writer < at)) && new.names(at, **writer)
    };
    let turned: Vec<usize> = new.writers[at].iter().filter(turned).copied().collect();
    let first = *turned.first()?;
    let more = if turned.len() > 1 { format!(" and {} more", turned.len() - 1) } else { String::new() };
    let place = if at < first { "before" } else { "after" };
    Some(format!("now runs {place} `{}`{more}, which it reads", new.rules[first].rule.name.text))
}

/// Lets all that reads what is affected be affected, and its counterparts.
fn spread(found: &mut Affected, sides: (&Side<'_>, &Side<'_>), (old_of, new_of): (&[Option<usize>], &[Option<usize>])) {
    let readers = [sides.0.readers(), sides.1.readers()];
    let all = |which: usize, on: &[bool]| (0..on.len()).filter(|at| on[*at]).map(|at| (which, at)).collect::<Vec<_>>();
    let mut open = all(0, &found.old);
    open.extend(all(1, &found.new));
    while let Some((side, at)) = open.pop() {
        let other = if side == 0 { new_of[at] } else { old_of[at] };
        let next = readers[side][at].iter().map(|reader| (side, *reader)).chain(other.map(|other| (1 - side, other)));
        for (side, at) in next {
            let on = if side == 0 { &mut found.old[at] } else { &mut found.new[at] };
            if !std::mem::replace(on, true) {
                open.push((side, at));
            }
        }
    }
}

/// Returns the rules that are affected and all that they read.
fn needed(new: &Side<'_>, affected: &[bool]) -> Vec<bool> {
    let mut open: Vec<usize> = (0..new.rules.len()).filter(|at| affected[*at] && new.rules[*at].rule.enabled).collect();
    let mut needed = vec![false; new.rules.len()];
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut needed[at], true) {
            open.extend(&new.writers[at]);
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::super::pairs::Pairs;
    use super::*;

    /// Reads groups written `interval: rule; rule`, a rule as `name=expr` (a lower-case name records).
    fn set(groups: &[&str]) -> RuleSet {
        let mut text = "groups:\n".to_owned();
        for (at, group) in groups.iter().enumerate() {
            let (interval, rules) = group.split_once(": ").expect("an interval");
            text += &format!("- name: g{at}\n  interval: {interval}\n  rules:\n");
            for rule in rules.split("; ") {
                let (name, expr) = rule.split_once('=').expect("a name");
                let kind = if name.starts_with(char::is_lowercase) { "record" } else { "alert" };
                text += &format!("  - {{{kind}: '{name}', expr: '{expr}'}}\n");
            }
        }
        let mut rules = RuleSet::default();
        rules.add("r.yml", text.as_bytes());
        assert!(!rules.diagnostics.has_errors(), "{text}");
        rules
    }

    /// Checks the names of the new rules that are affected and of those that are evaluated.
    fn check(old: &[&str], new: &[&str], affected_names: &str, evaluated: &str) {
        let (old, new) = (set(old), set(new));
        let pairs = Pairs::of(&old, &new, ["", ""]);
        let found = affected(&old, &new, &pairs.old_of, Millis(60_000));
        let names = |on: &[bool]| {
            let rules = new.rules().zip(on).filter(|(_, on)| **on).map(|((_, rule), _)| rule.name.text.as_str());
            rules.collect::<Vec<_>>().join(" ")
        };
        assert_eq!((names(&found.new).as_str(), names(&found.evaluate).as_str()), (affected_names, evaluated));
        // What is affected has a counterpart that is.
        for (at, was) in pairs.old_of.iter().enumerate() {
            assert!(was.is_none_or(|was| found.old[was] == found.new[at]));
        }
    }

    #[test]
    fn what_reads_a_rule_that_changed_is_affected_too() {
        check(&["1m: A=x>1; B=x>2"], &["1m: A=x>1; B=x>2"], "", "");
        check(&["1m: A=x>1; B=x>2"], &["1m: A=x>1; B=x>3"], "B", "B");
        check(&["1m: a=x; b=a; B=b>1; C=x>1"], &["1m: a=x*2; b=a; B=b>1; C=x>1"], "a b B", "a b B");
        check(&["1m: a=x; b=y; B=b>1+a"], &["1m: a=x; b=y*2; B=b>1+a"], "b B", "a b B");
        check(&["1m: a=x; B=x>1"], &["1m: a=y; B=x>1"], "a", "a");
        check(
            &["1m: A=x>1; B=ALERTS{alertname=\"A\"}; C=x>3"],
            &["1m: A=x>2; B=ALERTS{alertname=\"A\"}; C=x>3"],
            "A B",
            "A B",
        );
    }

    #[test]
    fn what_a_group_gives_and_the_order_count() {
        check(&["1m: A=x>1", "1m: B=x>1"], &["30s: A=x>1", "1m: B=x>1"], "A", "A");
        check(&["1m: a=x; B=a>1; C=x>1"], &["1m: C=x>1; B=a>1; a=x"], "B", "B a");
        check(&["1m: A=x>1; B=x>1"], &["1m: B=x>1; A=x>1"], "", "");
        check(&["1m: a=x", "1m: B=a>1"], &["1m: B=a>1", "1m: a=x"], "B", "B a");
    }

    #[test]
    fn metrics_of_the_recording_that_only_one_side_hides_count() {
        check(&["1m: A=x>1; B={__name__=~\"a|b\"}>1"], &["1m: a=y; A=x>1; B={__name__=~\"a|b\"}>1"], "a B", "a B");
        check(&["1m: a=x; B=a>1; C=y>1"], &["1m: B=a>1; C=y>1"], "B", "B");
    }
}
