//! Which labels of rows are columns, and which stand above because all rows have them alike.

use std::collections::{BTreeMap, BTreeSet};

use crate::labels::{LabelSet, Quoted};

/// Which labels have one value in all rows, and which vary.
pub(crate) struct Labels {
    common: Vec<(String, String)>,
    /// Those with the most values first.
    pub(crate) shown: Vec<String>,
    /// Those that vary and are not shown.
    pub(crate) left: Vec<String>,
}

impl Labels {
    /// Sorts the labels of rows, of which at most so many are shown; `named` are those that stand elsewhere already, given
    /// how many values they have.
    pub(crate) fn of<'a>(
        rows: impl Iterator<Item = &'a LabelSet> + Clone,
        most: usize,
        named: impl Fn(&str, usize) -> bool,
    ) -> Self {
        let mut values: BTreeMap<&str, (BTreeSet<&str>, usize)> = BTreeMap::new();
        for (name, value) in rows.clone().flat_map(LabelSet::iter) {
            let (values, many) = values.entry(name).or_default();
            values.insert(value);
            *many += 1;
        }
        values.retain(|name, (values, _)| !named(name, values.len()));
        let all = rows.count();
        let (mut common, mut varying) = (Vec::new(), Vec::new());
        for (name, (own, many)) in values {
            match own.first() {
                Some(value) if own.len() == 1 && many == all => common.push((name.to_owned(), (*value).to_owned())),
                _ => varying.push((std::cmp::Reverse(own.len()), name.to_owned())),
            }
        }
        varying.sort();
        let mut shown: Vec<String> = varying.into_iter().map(|(_, name)| name).collect();
        let left = shown.split_off(shown.len().min(most));
        Self { common, shown, left }
    }

    /// Returns the labels that all rows have alike: `{job="db"}`.
    pub(crate) fn alike(&self) -> Option<String> {
        let pairs: Vec<String> = self.common.iter().map(|(name, value)| format!("{name}={}", Quoted(value))).collect();
        (!pairs.is_empty()).then(|| format!("{{{}}}", pairs.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_tell_most_come_first() {
        let all = [
            LabelSet::new([("job", "db"), ("a", "1"), ("b", "1"), ("c", "1"), ("d", "1"), ("e", "1"), ("x", "1")]),
            LabelSet::new([("job", "db"), ("a", "1"), ("b", "2"), ("c", "2"), ("d", "2"), ("e", "2"), ("x", "2")]),
            LabelSet::new([("job", "db"), ("a", "2"), ("b", "3"), ("c", "2"), ("d", "2"), ("x", "3")]),
        ];
        let labels = Labels::of(all.iter(), 3, |name, values| name == "x" && values == 3);
        assert_eq!(labels.alike().as_deref(), Some(r#"{job="db"}"#));
        assert_eq!(labels.shown, ["b", "a", "c"]);
        assert_eq!(labels.left, ["d", "e"]);
    }
}
