//! Rules that may write one and the same series.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::time::Millis;

use super::sets::Item;

/// A rule and its rivals: those that may write a series that it may write too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spread {
    /// The first and the last of them.
    pub first: u32,
    pub last: u32,
    /// Their query offset; none where they differ.
    offset: Option<Millis>,
}

impl Spread {
    fn or(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            offset: self.offset.filter(|offset| other.offset == Some(*offset)),
        }
    }

    /// Returns whether all are stamped alike.
    pub(super) fn is_even(&self) -> bool {
        self.offset.is_some()
    }
}

/// Who rivals whom.
pub(super) struct Rivals {
    /// By rule.
    pub spreads: Vec<Spread>,
    /// By rule: another one that it rivals, directly or by way of others; itself for one of each lot.
    leaders: Vec<u32>,
}

/// Of rules that fix the same labels: those with the same values for some of these.
struct Alike {
    leader: u32,
    spread: Spread,
}

type ByValues<'a> = HashMap<Vec<&'a str>, Alike, foldhash::fast::FixedState>;

impl Rivals {
    /// Finds the rivals among rules with these query offsets. Two are rivals where the metric is the same and no label
    /// certainly differs.
    ///
    /// Cost: what is written, times the sets of label names that writers of one metric fix: few, however many writers.
    pub(super) fn among(items: &[Item<'_>], offsets: &[Millis]) -> Self {
        let alone = |(rule, offset): (u32, &Millis)| Spread { first: rule, last: rule, offset: Some(*offset) };
        let count = super::number(offsets.len());
        let mut rivals = Self { spreads: (0..).zip(offsets).map(alone).collect(), leaders: (0..count).collect() };
        let mut by_name: BTreeMap<&str, BTreeMap<Vec<&str>, Vec<Item<'_>>>> = BTreeMap::new();
        for item in items {
            let fixed = item.written.certain.iter().map(|(name, _)| name.as_str()).collect();
            by_name.entry(&item.written.name).or_default().entry(fixed).or_default().push(*item);
        }
        let alone = rivals.spreads.clone();
        for lots in by_name.into_values() {
            let lots: Vec<(Vec<&str>, Vec<Item<'_>>)> = lots.into_iter().collect();
            for (at, (labels, ours)) in lots.iter().enumerate() {
                for (others, theirs) in &lots[at..] {
                    let common: Vec<&str> = labels.iter().filter(|label| others.contains(label)).copied().collect();
                    rivals.join(ours, &by_values(theirs, &common, &alone), &common);
                    rivals.join(theirs, &by_values(ours, &common, &alone), &common);
                }
            }
        }
        rivals
    }

    /// Joins rules with those of the same values.
    fn join(&mut self, rules: &[Item<'_>], others: &ByValues<'_>, common: &[&str]) {
        for item in rules {
            if let Some(alike) = others.get(&values(item, common)) {
                let spread = &mut self.spreads[item.rule as usize];
                *spread = spread.or(alike.spread);
                let (a, b) = (self.leader(item.rule), self.leader(alike.leader));
                self.leaders[a.max(b) as usize] = a.min(b);
            }
        }
    }

    /// Returns the first of the rules that a rule rivals, directly or by way of others.
    pub(super) fn leader(&mut self, rule: u32) -> u32 {
        let mut at = rule;
        while self.leaders[at as usize] != at {
            // Halves the way for those who come after.
            let above = self.leaders[self.leaders[at as usize] as usize];
            self.leaders[at as usize] = above;
            at = above;
        }
        at
    }
}

fn values<'a>(item: &Item<'a>, labels: &[&str]) -> Vec<&'a str> {
    labels.iter().map(|label| item.written.value(label).unwrap_or("")).collect()
}

fn by_values<'a>(items: &[Item<'a>], labels: &[&str], alone: &[Spread]) -> ByValues<'a> {
    let mut found = ByValues::default();
    for item in items {
        let spread = alone[item.rule as usize];
        let alike = found.entry(values(item, labels)).or_insert(Alike { leader: item.rule, spread });
        alike.spread = alike.spread.or(spread);
    }
    found
}
