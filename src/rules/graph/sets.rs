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
    kinds: Vec<Writers<'a>>,
    /// In the order they first come.
    by_name: Vec<ByName<'a>>,
    /// Where in `by_name` a metric name is.
    names: Map<&'a str, usize>,
    /// What was asked already, by the parts of its matchers.
    asked: Map<Vec<(&'a str, MatchOp, &'a str)>, Option<u32>>,
    /// What was found already, by the kinds of series that are taken.
    by_kinds: Map<Vec<u32>, Option<u32>>,
    numbers: Map<Vec<u32>, u32>,
    /// The sets that are not empty: rules, ascending.
    pub found: Vec<Vec<u32>>,
}

/// The rules whose series are known by the same words: a selector takes all of them or none.
struct Writers<'a> {
    written: &'a Written,
    rules: Vec<u32>,
}

/// What is written under one metric name.
struct ByName<'a> {
    name: &'a str,
    kinds: Vec<u32>,
    /// By label that a selector asked a value of.
    by_label: Map<&'a str, ByLabel<'a>>,
}

/// What is written under one metric name, by the value of one label.
#[derive(Default)]
struct ByLabel<'a> {
    certain: Map<&'a str, Vec<u32>>,
    uncertain: Vec<u32>,
}

impl<'a> ByLabel<'a> {
    fn of(label: &str, kinds: &[u32], all: &[Writers<'a>]) -> Self {
        let mut found = Self::default();
        for kind in kinds {
            let written = all[*kind as usize].written;
            match written.value(label).filter(|_| !(written.alert_state && label == ALERT_STATE)) {
                Some(value) => found.certain.entry(value).or_default().push(*kind),
                None => found.uncertain.push(*kind),
            }
        }
        found
    }

    fn of_value(&self, value: &str) -> [&[u32]; 2] {
        [self.certain.get(value).map_or(&[], Vec::as_slice), &self.uncertain]
    }
}

impl<'a> ByName<'a> {
    /// Returns the fewest kinds that are known to hold all that the matchers may match.
    fn candidates(&mut self, matchers: &'a [Matcher], all: &[Writers<'a>]) -> [&[u32]; 2] {
        let asked = |matcher: &&Matcher| matcher.op == MatchOp::Equal && matcher.name != METRIC_NAME;
        for matcher in matchers.iter().filter(asked) {
            self.by_label.entry(&matcher.name).or_insert_with(|| ByLabel::of(&matcher.name, &self.kinds, all));
        }
        let narrowed = matchers.iter().filter(asked).filter_map(|matcher| {
            let label = self.by_label.get(matcher.name.as_str())?;
            Some(label.of_value(&matcher.value))
        });
        let fewest = narrowed.min_by_key(|[certain, uncertain]| certain.len() + uncertain.len());
        fewest.unwrap_or([&self.kinds, &[]])
    }
}

impl<'a> Sets<'a> {
    /// Begins with what all rules write.
    pub(super) fn of(items: impl Iterator<Item = Item<'a>>) -> Self {
        let mut sets = Self::default();
        let mut known: Map<&Written, usize> = Map::default();
        for Item { rule, written } in items {
            let kind = *known.entry(written).or_insert_with(|| {
                sets.kinds.push(Writers { written, rules: Vec::new() });
                let by_name = &mut sets.by_name;
                let name = *sets.names.entry(&written.name).or_insert_with(|| {
                    by_name.push(ByName { name: &written.name, kinds: Vec::new(), by_label: Map::default() });
                    by_name.len() - 1
                });
                by_name[name].kinds.push(number(sets.kinds.len() - 1));
                sets.kinds.len() - 1
            });
            sets.kinds[kind].rules.push(rule);
        }
        sets
    }

    /// Returns the set of all writers, if there are any.
    pub(super) fn all(&mut self) -> Option<u32> {
        self.intern((0..number(self.kinds.len())).collect())
    }

    /// Returns the set of those that may write what a selector takes, if there are any. Cost: the kinds of series of its
    /// metric that its values for labels leave (those of all metrics that it may name where it names none in full);
    /// nothing the second time.
    pub(super) fn taken_by(&mut self, matchers: &'a [Matcher]) -> Option<u32> {
        let part = |matcher: &'a Matcher| (matcher.name.as_str(), matcher.op, matcher.value.as_str());
        let parts: Vec<_> = matchers.iter().map(part).collect();
        if let Some(set) = self.asked.get(&parts) {
            return *set;
        }
        let named = match named_metric(matchers) {
            Some(name) => self.names.get(name).map_or(0..0, |at| *at..*at + 1),
            None => 0..self.by_name.len(),
        };
        let mut taken: Vec<u32> = Vec::new();
        for named in &mut self.by_name[named] {
            let mut of_name = matchers.iter().filter(|matcher| matcher.name == METRIC_NAME);
            if of_name.all(|matcher| matcher.matches(named.name)) {
                let candidates = named.candidates(matchers, &self.kinds).into_iter().flatten();
                let all = &self.kinds;
                taken.extend(candidates.filter(|kind| all[**kind as usize].written.may_match(matchers)));
            }
        }
        taken.sort_unstable();
        let set = self.intern(taken);
        self.asked.insert(parts, set);
        set
    }

    /// Returns the set of the rules that write some kinds of series, which are ascending.
    fn intern(&mut self, kinds: Vec<u32>) -> Option<u32> {
        if let Some(set) = self.by_kinds.get(&kinds) {
            return *set;
        }
        let mut writers: Vec<u32> = kinds.iter().flat_map(|kind| &self.kinds[*kind as usize].rules).copied().collect();
        writers.sort_unstable();
        writers.dedup();
        let set = (!writers.is_empty()).then(|| {
            let next = number(self.found.len());
            let set = *self.numbers.entry(writers.clone()).or_insert(next);
            if set == next {
                self.found.push(writers);
            }
            set
        });
        self.by_kinds.insert(kinds, set);
        set
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the writers of a selector by a look at everything that is written.
    fn plainly(written: &[Vec<Written>], matchers: &[Matcher]) -> Vec<u32> {
        let may = |writes: &&Vec<Written>| writes.iter().any(|written| written.may_match(matchers));
        (0..).zip(written).filter(|(_, writes)| may(writes)).map(|(rule, _)| rule).collect()
    }

    fn writes() -> impl Strategy<Value = Vec<Written>> {
        let label = (prop_oneof!["job", "zone", "alertname", "alertstate"], "|[ab]");
        (0..5_u8, proptest::collection::btree_map(label.0, label.1, 0..3)).prop_map(|(name, labels)| {
            let mut writes = match name {
                0 => Vec::new(),
                1 => Vec::from(Written::of_alert("A")),
                2 => Vec::from(Written::of_alert("B")),
                name => vec![Written::recorded(if name == 3 { "m" } else { "n" })],
            };
            for written in &mut writes {
                let new = labels.iter().filter(|(label, _)| label.as_str() != "alertname");
                written.certain.extend(new.map(|(label, value)| (label.clone(), value.clone())));
                written.certain.sort_unstable();
            }
            writes
        })
    }

    fn selector() -> impl Strategy<Value = Vec<Matcher>> {
        let name = prop_oneof![Just("__name__"), Just("job"), Just("zone"), Just("alertname"), Just("alertstate")];
        let value = prop_oneof![
            Just(""),
            Just("a"),
            Just("b"),
            Just("A"),
            Just("m"),
            Just("ALERTS"),
            Just("ALERTS_FOR_STATE"),
            Just("firing"),
            Just("[Am].*"),
            Just(".+")
        ];
        let op =
            prop_oneof![Just(MatchOp::Equal), Just(MatchOp::NotEqual), Just(MatchOp::Regex), Just(MatchOp::NotRegex)];
        let matcher = (name, op, value).prop_map(|(name, op, value)| Matcher::new(name, op, value).expect("a pattern"));
        proptest::collection::vec(matcher, 1..4)
    }

    proptest! {
        #[test]
        fn the_writers_of_selectors_are_those_that_may_match(
            written in proptest::collection::vec(writes(), 0..12),
            selectors in proptest::collection::vec(selector(), 1..8),
        ) {
            let items = (0..).zip(&written).flat_map(|(rule, all)| all.iter().map(move |written| Item { rule, written }));
            let mut sets = Sets::of(items);
            for matchers in selectors.iter().chain(&selectors) {
                let set = sets.taken_by(matchers);
                let found = set.map(|set| sets.found[set as usize].clone()).unwrap_or_default();
                prop_assert_eq!(found, plainly(&written, matchers), "{:?}", matchers);
            }
            let mut distinct = sets.found.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), sets.found.len());
        }
    }
}
