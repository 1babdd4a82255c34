//! Which rules of two measurements belong together, and what became of each.

use std::collections::BTreeMap;

use super::inherited::{Altered, inherited};
use super::sample::{RuleText, every_word};
use crate::promql::parse::parse;
use crate::rules::changes::{self, Cause, CauseKind, Place, causes, moved, sentence};
use crate::rules::pairing::{Known, pair};
use crate::time::Millis;

/// Which rules belong together.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Pairs {
    /// For each rule now, its place in the base.
    pub base_of: Vec<Option<usize>>,
    /// The rules now that cost something else than before by what is written of them, and why.
    pub changed: BTreeMap<usize, Vec<Cause>>,
    /// The rules now that have another name or stand in another group, and how they were called.
    pub moved: BTreeMap<usize, Vec<Cause>>,
    /// The rules now that write or alert otherwise than before: their labels, `for` and the like. It is those that read
    /// them that cost something else.
    pub rewritten: BTreeMap<usize, Vec<Cause>>,
    /// The rules now that are what they were and read one that is not, with what became of that one.
    pub readers: BTreeMap<usize, String>,
    /// The rules of the base that are no more.
    pub gone: Vec<usize>,
    /// The changed rules now that look back further than they did, and how far. Unit: milliseconds.
    pub further: BTreeMap<usize, i64>,
}

/// What became of a rule.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It is what it was, and so is all that it reads.
    Same,
    /// There was none.
    New,
    /// It changed, in these words. `computes`: in what it computes, not only in numbers that it compares with or in how
    /// often it is evaluated.
    /// `further`: it looks back further than it did, so far. Unit: milliseconds.
    Changed { cause: String, computes: bool, further: Option<i64> },
    /// It reads one that did.
    Reader(String),
}

impl Pairs {
    /// Pairs rules, finds those that changed, and those that read one that did.
    pub(crate) fn of(base: &[RuleText], now: &[RuleText]) -> Self {
        let base_of = pair(&known(base, now), &known(now, base));
        let mut gone: Vec<usize> = (0..base.len()).collect();
        gone.retain(|at| !base_of.contains(&Some(*at)));
        let mut pairs = Self { base_of, gone, ..Self::default() };
        for (at, rule) in now.iter().enumerate() {
            let Some(before) = pairs.base_of[at].map(|at| &base[at]) else { continue };
            let mut found: Vec<Cause> = every(before, rule).into_iter().collect();
            if before.expr != rule.expr {
                found.extend(causes(&parse(&before.expr).expr, &parse(&rule.expr).expr));
            }
            if !found.is_empty() {
                pairs.changed.insert(at, found);
                if rule.reach_ms > before.reach_ms {
                    pairs.further.insert(at, rule.reach_ms);
                }
            }
            let rewritten = terms(before, rule);
            if !rewritten.is_empty() {
                pairs.rewritten.insert(at, rewritten);
            }
        }
        pairs.moved = moved(&places(base), &places(now), &pairs.base_of);
        pairs.inherit(base, now);
        pairs
    }

    /// Finds the rules that read one that changed, is new or gone: their samples differ though their text does not.
    fn inherit(&mut self, base: &[RuleText], now: &[RuleText]) {
        let mut changed: Vec<(&usize, &Vec<Cause>)> = self.changed.iter().chain(&self.rewritten).collect();
        // What is most likely to matter is named first.
        changed.sort_by_key(|(at, causes)| (causes.first().map(|cause| cause.kind), **at));
        let changed = changed.into_iter();
        let mut all: Vec<Altered<'_>> =
            changed.map(|(at, causes)| Altered::of(&now[*at], format!("changed ({})", sentence(causes)))).collect();
        let is_new = |at: &usize| self.base_of[*at].is_none();
        all.extend((0..now.len()).filter(is_new).map(|at| Altered::of(&now[at], "is new".to_owned())));
        // Under its new name it is new to those that ask for that one, and the old one is gone.
        let renamed = (0..now.len()).filter_map(|at| Some((at, self.base_of[at]?)));
        let renamed = renamed.filter(|(at, was)| now[*at].name != base[*was].name);
        for (at, was) in renamed {
            all.push(Altered::of(&now[at], format!("was called `{}`", base[was].name)));
            all.push(Altered::of(&base[was], format!("is called `{}` now", now[at].name)));
        }
        all.extend(self.gone.iter().map(|at| Altered::of(&base[*at], "was removed".to_owned())));
        let same = now.iter().enumerate().filter(|(at, _)| !is_new(at) && !self.changed.contains_key(at));
        self.readers = inherited(same, all);
    }

    /// Returns what became of a rule.
    pub(crate) fn fate(&self, at: usize) -> Fate {
        if let Some(causes) = self.changed.get(&at) {
            let computes = |cause: &Cause| !matches!(cause.kind, CauseKind::Interval | CauseKind::Constant);
            let further = self.further.get(&at).copied();
            return Fate::Changed { cause: sentence(causes), computes: causes.iter().any(computes), further };
        }
        match (self.base_of[at], self.readers.get(&at)) {
            (None, _) => Fate::New,
            (Some(_), Some(cause)) => Fate::Reader(cause.clone()),
            (Some(_), None) => Fate::Same,
        }
    }

    /// Returns whether the two sides have not the same rules to evaluate, wherever they stand.
    pub(crate) fn evaluate_others(&self) -> bool {
        !self.changed.is_empty() || !self.gone.is_empty() || self.base_of.contains(&None)
    }

    /// Returns whether the two sides have not the same rules.
    pub(crate) fn differ(&self) -> bool {
        self.evaluate_others() || !self.rewritten.is_empty() || !self.moved.is_empty()
    }
}

/// Returns what rules are paired by: not by their file where each side is one file, whatever its name.
fn known<'a>(rules: &'a [RuleText], others: &[RuleText]) -> Vec<Known<'a>> {
    let one_file = |rules: &[RuleText]| rules.windows(2).all(|pair| pair[0].file == pair[1].file);
    let each_one = one_file(rules) && one_file(others);
    let known = |rule: &'a RuleText| Known {
        file: if each_one { "" } else { &rule.file },
        group: &rule.group,
        name: &rule.name,
        records: rule.records,
        labels: &rule.labels,
        expr: &rule.expr,
    };
    rules.iter().map(known).collect()
}

/// Returns what rules are called and where they stand.
fn places(rules: &[RuleText]) -> Vec<Place<'_>> {
    rules.iter().map(|rule| Place { file: &rule.file, group: &rule.group, name: &rule.name }).collect()
}

/// Says how often a rule is evaluated now, where that changed.
fn every(before: &RuleText, now: &RuleText) -> Option<Cause> {
    let word = |last: bool| every_word(if last { &now.every } else { &before.every });
    let interval = |rule: &RuleText| rule.interval_ms.map(Millis);
    if before.every == now.every { None } else { changes::every(interval(before), interval(now), word) }
}

/// Says what decides otherwise than before when a rule is active and what it writes.
fn terms(before: &RuleText, now: &RuleText) -> Vec<Cause> {
    let mut all = Vec::new();
    let mut differs = |text: String| all.push(Cause { kind: CauseKind::Constant, text });
    let said = |terms: &str| if terms.is_empty() { "none".to_owned() } else { format!("`{terms}`") };
    if before.terms != now.terms {
        differs(format!("{} became {}", said(&before.terms), said(&now.terms)));
    }
    if before.labels != now.labels {
        differs("labels differ".to_owned());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::testing::rule;

    #[test]
    fn rules_of_one_name_meet_by_expression_first() {
        let base = [rule("A", "x > 1"), rule("A", "x > 2"), rule("A", "x > 3")];
        let now = [rule("A", "x > 3"), rule("A", "x > 9"), rule("A", "x > 1")];
        let pairs = Pairs::of(&base, &now);
        assert_eq!(pairs.base_of, [Some(2), Some(1), Some(0)]);
        assert_eq!(pairs.changed.keys().copied().collect::<Vec<_>>(), [1]);
        assert_eq!(
            pairs.fate(1),
            Fate::Changed { cause: "threshold 2 became 9".to_owned(), computes: false, further: None }
        );
        assert_eq!((pairs.fate(0), pairs.differ()), (Fate::Same, true));
    }

    #[test]
    fn a_rule_in_another_group_is_the_same_one() {
        let moved = |name: &str, group: &str, expr: &str| RuleText { group: group.to_owned(), ..rule(name, expr) };
        let base = [moved("A", "g", "rate(x[1h]) > 1"), moved("B", "g", "up")];
        let now = [moved("B", "g", "up"), moved("A", "h", "rate(x[6h]) > 1")];
        let pairs = Pairs::of(&base, &now);
        assert_eq!(sentence(&pairs.changed[&1]), "window grew from [1h] to [6h]");
        assert_eq!(sentence(&pairs.moved[&1]), "moved from group `g`");
        assert_eq!(pairs.gone, [0; 0]);
    }

    #[test]
    fn a_group_that_was_renamed_is_told_once() {
        let in_group = |name: &str, group: &str| RuleText { group: group.to_owned(), ..rule(name, "up") };
        let base = [in_group("A", "g"), in_group("B", "g"), in_group("C", "k")];
        let check = |now: &[RuleText], expected: &[(usize, &str)]| {
            let pairs = Pairs::of(&base, now);
            let moved: Vec<(usize, String)> = pairs.moved.iter().map(|(at, all)| (*at, sentence(all))).collect();
            assert_eq!(moved.iter().map(|(at, text)| (*at, text.as_str())).collect::<Vec<_>>(), expected);
        };
        let renamed = [in_group("A", "h"), in_group("B", "h"), in_group("C", "k")];
        check(&renamed, &[(0, "group renamed from `g`")]);
        // One that is still there was not renamed, nor two that became one.
        let split = [in_group("A", "h"), in_group("B", "g"), in_group("C", "k")];
        check(&split, &[(0, "moved from group `g`")]);
        let joined = [in_group("A", "h"), in_group("B", "h"), in_group("C", "h")];
        let from = |group: &str| format!("moved from group `{group}`");
        check(&joined, &[(0, &from("g")), (1, &from("g")), (2, &from("k"))]);
    }

    #[test]
    fn a_file_that_was_renamed_is_the_same_where_it_is_the_only_one() {
        let in_file = |name: &str, file: &str| RuleText { file: file.to_owned(), ..rule(name, "x > 1") };
        let base = [in_file("A", "old.yml"), in_file("A", "old.yml")];
        let now = [in_file("A", "new.yml")];
        assert_eq!(Pairs::of(&base, &now).base_of, [Some(0)]);
    }

    #[test]
    fn how_often_a_rule_is_evaluated_is_part_of_it() {
        let at = |every: &str, interval_ms| RuleText { every: every.to_owned(), interval_ms, ..rule("A", "x > 1") };
        let check = |base: RuleText, now: RuleText, expected: &str| {
            let pairs = Pairs::of(&[base], &[now]);
            assert_eq!(pairs.changed.get(&0).map_or(String::new(), |causes| sentence(causes)), expected);
        };
        check(at("1m", Some(60_000)), at("15s", Some(15_000)), "interval shrank from 1m to 15s");
        check(at("15s", Some(15_000)), at("1m", Some(60_000)), "interval grew from 15s to 1m");
        check(at("60s", Some(60_000)), at("1m", Some(60_000)), "");
        check(at("each_row", None), at("1m", Some(60_000)), "evaluated every 1m instead of row");
    }

    #[test]
    fn readers_of_a_renamed_rule_are_told_its_new_name() {
        let base = [rule("a:x", "rate(x[5m])"), rule("A", "a:x > 1")];
        let now = [rule("a:y", "rate(x[5m])"), rule("A", "a:x > 1")];
        let pairs = Pairs::of(&base, &now);
        assert_eq!(pairs.fate(1), Fate::Reader("reads `a:x`, which is called `a:y` now".to_owned()));
    }
}
