//! Which rules write what a selector takes: each set of writers once, however many rules read it.

use hashbrown::HashMap;

use crate::labels::{METRIC_NAME, MatchOp, Matcher, named_metric};

use super::number;
use super::written::{ALERT_STATE, Written};

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// Series that one rule may write, by the number of the rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    pub rule: u32,
    pub written: &'a Written,
}

/// Finds the writers of selectors and numbers the sets that they make.
#[derive(Default)]
pub(super) struct Sets<'a> {
    all: Vec<Item<'a>>,
    by_name: Map<&'a str, ByName<'a>>,
    /// What was asked already, by the parts of its matchers.
    asked: Map<Vec<(&'a str, MatchOp, &'a str)>, Option<u32>>,
    numbers: Map<Vec<u32>, u32>,
    /// The sets that are not empty: rules, ascending.
    pub found: Vec<Vec<u32>>,
}

/// What is written under one metric name.
#[derive(Default)]
struct ByName<'a> {
    items: Vec<Item<'a>>,
    /// By label that a selector asked a value of.
    by_label: Map<&'a str, ByLabel<'a>>,
}

/// What is written under one metric name, by the value of one label.
#[derive(Default)]
struct ByLabel<'a> {
    certain: Map<&'a str, Vec<Item<'a>>>,
    uncertain: Vec<Item<'a>>,
}

impl<'a> ByLabel<'a> {
    fn of(label: &str, items: &[Item<'a>]) -> Self {
        let mut found = Self::default();
        for item in items {
            match item.written.value(label).filter(|_| !(item.written.alert_state && label == ALERT_STATE)) {
                Some(value) => found.certain.entry(value).or_default().push(*item),
                None => found.uncertain.push(*item),
            }
        }
        found
    }

    fn of_value(&self, value: &str) -> [&[Item<'a>]; 2] {
        [self.certain.get(value).map_or(&[], Vec::as_slice), &self.uncertain]
    }
}

impl<'a> ByName<'a> {
    /// Returns the fewest items that are known to hold all that the matchers may match.
    fn candidates(&mut self, matchers: &'a [Matcher]) -> [&[Item<'a>]; 2] {
        let asked = |matcher: &&Matcher| matcher.op == MatchOp::Equal && matcher.name != METRIC_NAME;
        for matcher in matchers.iter().filter(asked) {
            self.by_label.entry(&matcher.name).or_insert_with(|| ByLabel::of(&matcher.name, &self.items));
        }
        let narrowed = matchers.iter().filter(asked).filter_map(|matcher| {
            let label = self.by_label.get(matcher.name.as_str())?;
            Some(label.of_value(&matcher.value))
        });
        let fewest = narrowed.min_by_key(|[certain, uncertain]| certain.len() + uncertain.len());
        fewest.unwrap_or([&self.items, &[]])
    }
}

impl<'a> Sets<'a> {
    /// Begins with what all rules write.
    pub(super) fn of(items: impl Iterator<Item = Item<'a>>) -> Self {
        let mut sets = Self { all: items.collect(), ..Self::default() };
        for item in &sets.all {
            sets.by_name.entry(&item.written.name).or_default().items.push(*item);
        }
        sets
    }

    /// Returns the set of all writers, if there are any.
    pub(super) fn all(&mut self) -> Option<u32> {
        let all = self.all.iter().map(|item| item.rule).collect();
        self.intern(all)
    }

    /// Returns the set of those that may write what a selector takes, if there are any. Cost: the writers of its metric
    /// that its values for labels leave (all writers where it names no metric in full); nothing the second time.
    pub(super) fn taken_by(&mut self, matchers: &'a [Matcher]) -> Option<u32> {
        let part = |matcher: &'a Matcher| (matcher.name.as_str(), matcher.op, matcher.value.as_str());
        let parts: Vec<_> = matchers.iter().map(part).collect();
        if let Some(set) = self.asked.get(&parts) {
            return *set;
        }
        let candidates = match named_metric(matchers) {
            Some(name) => self.by_name.get_mut(name).map_or([&[][..], &[]], |named| named.candidates(matchers)),
            None => [self.all.as_slice(), &[]],
        };
        let taken = candidates.into_iter().flatten().filter(|item| item.written.may_match(matchers));
        let writers = taken.map(|item| item.rule).collect();
        let set = self.intern(writers);
        self.asked.insert(parts, set);
        set
    }

    fn intern(&mut self, mut writers: Vec<u32>) -> Option<u32> {
        writers.sort_unstable();
        writers.dedup();
        if writers.is_empty() {
            return None;
        }
        let next = number(self.found.len());
        let set = *self.numbers.entry(writers.clone()).or_insert(next);
        if set == next {
            self.found.push(writers);
        }
        Some(set)
    }
}
