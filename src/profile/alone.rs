//! One rule alone: with the rules that write what it reads, and with the series that they read.

use std::collections::BTreeSet;

use crate::engine::hidden_by;
use crate::rules::graph::{Keep, RuleGraph};
use crate::rules::{Group, Rule, RuleFile};
use crate::store::{Hidden, SeriesId, Store};

/// The rules of files, to be taken out one by one.
pub(crate) struct Parts<'a> {
    /// The files without their rules.
    bare: Vec<RuleFile>,
    rules: Vec<Part<'a>>,
    /// By the same numbers.
    graph: RuleGraph,
    /// The metrics that rules write.
    hidden: Hidden,
}

struct Part<'a> {
    file: usize,
    group: usize,
    rule: &'a Rule,
}

/// A rule and what it needs.
#[derive(Debug)]
pub(crate) struct Alone {
    /// Its file and group, and those of the rules that write what it reads.
    pub files: Vec<RuleFile>,
    /// Its place among all rules of these files.
    pub place: usize,
    /// The series that all of them read.
    pub series: Vec<SeriesId>,
}

impl<'a> Parts<'a> {
    /// Takes files apart.
    pub(crate) fn of(files: &'a [RuleFile]) -> Self {
        let mut rules = Vec::new();
        for (file, of) in files.iter().enumerate() {
            for (group, of) in of.groups.iter().enumerate() {
                rules.extend(of.rules.iter().map(|rule| Part { file, group, rule }));
            }
        }
        let bare = files.iter().map(|file| RuleFile {
            groups: file.groups.iter().map(|group| Group { rules: Vec::new(), ..group.clone() }).collect(),
            file: file.file,
            form: file.form,
        });
        let graph = RuleGraph::of(files, Keep::Read);
        Self { bare: bare.collect(), rules, hidden: hidden_by(&graph, &[]), graph }
    }

    /// Returns how many rules there are.
    pub(crate) fn len(&self) -> usize {
        self.rules.len()
    }

    /// Takes some rules and those that write what they read. Returns their files, and their numbers among all rules in
    /// the order in which they stand in these. Cost: what those that are taken read of each other.
    pub(crate) fn with_writers(&self, rules: &[usize]) -> (Vec<RuleFile>, Vec<usize>) {
        let mut taken: BTreeSet<usize> = rules.iter().copied().collect();
        let mut open = rules.to_vec();
        while let Some(reader) = open.pop() {
            open.extend(self.graph.writers(reader).filter(|writer| taken.insert(*writer)));
        }
        let mut files = self.bare.clone();
        for part in taken.iter().map(|at| &self.rules[*at]) {
            files[part.file].groups[part.group].rules.push(part.rule.clone());
        }
        (files, taken.into_iter().collect())
    }

    /// Takes one rule. Cost: as [`Parts::with_writers`], and a look at all series for each of their selectors.
    pub(crate) fn alone(&self, rule: usize, store: &Store) -> Alone {
        let (files, taken) = self.with_writers(&[rule]);
        let mut series = BTreeSet::new();
        for part in taken.iter().map(|at| &self.rules[*at]) {
            let selectors = part.rule.expr.selectors();
            series.extend(selectors.iter().flat_map(|one| store.matching(&one.selector.matchers, &self.hidden)));
        }
        let place = taken.iter().take_while(|at| **at < rule).count();
        Alone { files, place, series: series.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::labels::LabelSet;
    use crate::rules;
    use crate::source::SourceMap;

    const RULES: &str = r#"
groups:
- name: a
  rules:
  - {record: "a:rate", expr: "rate(a[5m])"}
  - {alert: Other, expr: "up == 0"}
- name: b
  rules:
  - {alert: High, expr: "b:max > 1"}
  - {record: "b:max", expr: "max(a:rate) + b"}
  - {alert: Both, expr: 'count(ALERTS{alertname="High"}) > 1'}
"#;

    #[test]
    fn a_rule_takes_along_what_writes_what_it_reads() {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let file = rules::load(&mut sources, "r.yml", RULES.as_bytes(), &mut diagnostics);
        let files: Vec<RuleFile> = file.into_iter().collect();
        let mut store = Store::default();
        for metric in ["up", "a", "b", "c"] {
            store.series(&LabelSet::new([("__name__", metric)]));
        }
        let parts = Parts::of(&files);
        let check = |rule, names: &str, place, metrics: &str| {
            let alone = parts.alone(rule, &store);
            let rules = alone.files.iter().flat_map(|file| &file.groups).flat_map(|group| &group.rules);
            assert_eq!(rules.map(|rule| rule.name.text.as_str()).collect::<Vec<_>>().join(" "), names);
            assert_eq!(alone.place, place);
            let series = alone.series.iter().map(|id| store.labels(*id).metric().unwrap_or_default());
            assert_eq!(series.collect::<Vec<_>>().join(" "), metrics);
        };
        assert_eq!(parts.len(), 5);
        check(0, "a:rate", 0, "a");
        check(1, "Other", 0, "up");
        check(2, "a:rate High b:max", 1, "a b");
        check(4, "a:rate High b:max Both", 3, "a b");
    }
}
