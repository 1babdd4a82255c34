//! Who writes which series, who can read them, and in which order rules must run.

use hashbrown::HashMap;

use crate::labels::{METRIC_NAME, Matcher, named_metric};
use crate::promql::ast::Expr;

/// The metric that tells which alerts are active.
pub(crate) const ALERTS: &str = "ALERTS";
/// The metric that tells since when.
pub(crate) const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";
/// The label that holds an alert's name.
pub(crate) const ALERT_NAME: &str = "alertname";
/// The label of [`ALERTS`] that holds the phase.
pub(crate) const ALERT_STATE: &str = "alertstate";

/// Series that a rule may write, as far as its text tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// The metric name.
    pub name: String,
    /// Labels whose value is certain, by name; an empty value says that the label is absent.
    pub certain: Vec<(String, String)>,
    /// Whether a label [`ALERT_STATE`] is set to one of the two phases.
    pub alert_state: bool,
}

impl Written {
    /// Returns the certain value of a label.
    fn value(&self, label: &str) -> Option<&str> {
        if label == METRIC_NAME {
            return Some(&self.name);
        }
        self.certain.iter().find(|(name, _)| name == label).map(|(_, value)| value.as_str())
    }

    /// Tells whether some of the series may satisfy all matchers.
    pub(crate) fn may_match(&self, matchers: &[Matcher]) -> bool {
        matchers.iter().all(|matcher| {
            if self.alert_state && matcher.name == ALERT_STATE {
                return matcher.matches("pending") || matcher.matches("firing");
            }
            self.value(&matcher.name).is_none_or(|value| matcher.matches(value))
        })
    }

    /// Tells whether both may be one series: same name, and no label that certainly differs.
    fn may_equal(&self, other: &Self) -> bool {
        self.name == other.name
            && self.certain.iter().all(|(name, value)| other.value(name).is_none_or(|theirs| theirs == value))
    }
}

/// What the order of a rule depends on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ties {
    /// What it may write.
    pub writes: Vec<Written>,
    /// The selectors of its expression.
    pub selectors: Vec<Vec<Matcher>>,
    /// Whether a template of a label asks queries: what it reads is not known.
    pub reads_all: bool,
    /// Whether a template of an annotation does; it is expanded when all rules have run.
    pub reads_all_later: bool,
    /// How far before the slot its samples are stamped.
    pub query_offset: i64,
}

/// Returns the matchers of every selector in an expression.
pub(crate) fn selectors(expr: &Expr) -> Vec<Vec<Matcher>> {
    expr.selectors().into_iter().map(|one| one.selector.matchers.clone()).collect()
}

/// Rules that run together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Component {
    /// The rules, ascending.
    pub rules: Vec<u32>,
    /// Whether they run one step at a time, since each may depend on what another (or itself) wrote a step before.
    pub stepwise: bool,
    /// The longest way to it from a component that reads nothing written; equal levels do not depend on each other.
    pub level: u32,
}

/// The order of all rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// In the order they may run, by level and then by their first rule.
    pub components: Vec<Component>,
    /// By rule: the rules whose series its expression or label templates may read, ascending.
    pub reads: Vec<Vec<u32>>,
    /// By rule: whether anything may read what it writes.
    pub is_read: Vec<bool>,
}

/// Orders the rules, which stand in (file, group, rule) order. `keep` says that all written series are wanted.
/// Cost: selectors times the writers of their metric name (of all names where it is no literal).
pub(crate) fn order(ties: &[Ties], keep: bool) -> Order {
    let mut by_name: HashMap<&str, Vec<(usize, &Written)>, foldhash::fast::FixedState> = HashMap::default();
    let mut all = Vec::new();
    for (rule, tie) in ties.iter().enumerate() {
        for written in &tie.writes {
            by_name.entry(&written.name).or_default().push((rule, written));
            all.push((rule, written));
        }
    }
    let later = ties.iter().any(|tie| tie.reads_all_later);
    let mut is_read = vec![keep || later; ties.len()];
    let mut reads: Vec<Vec<u32>> = vec![Vec::new(); ties.len()];
    for (rule, tie) in ties.iter().enumerate() {
        let mut writers = Vec::new();
        if tie.reads_all {
            writers.extend(all.iter().map(|(writer, _)| *writer));
        }
        for matchers in &tie.selectors {
            let literal = named_metric(matchers);
            let candidates = match literal {
                Some(name) => by_name.get(name).map_or([].as_slice(), Vec::as_slice),
                None => all.as_slice(),
            };
            let matching = candidates.iter().filter(|(_, written)| written.may_match(matchers));
            writers.extend(matching.map(|(writer, _)| *writer));
        }
        writers.sort_unstable();
        writers.dedup();
        writers.iter().for_each(|writer| is_read[*writer] = true);
        reads[rule] = writers.into_iter().map(number).collect();
    }
    let mut edges = edges(&reads);
    tie_rivals(ties, &is_read, &by_name, &reads, &mut edges);
    Order { components: components(&edges), reads, is_read }
}

fn number(rule: usize) -> u32 {
    u32::try_from(rule).unwrap_or(u32::MAX)
}

/// Turns "reader reads writers" into "writer to readers".
fn edges(reads: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let mut edges = vec![Vec::new(); reads.len()];
    for (reader, writers) in reads.iter().enumerate() {
        for writer in writers {
            edges[*writer as usize].push(number(reader));
        }
    }
    edges
}

/// Puts rules that may write one series into one component, and with them the readers that see what the one wrote
/// earlier than what the other wrote: then only the order of the steps tells who sees what.
fn tie_rivals(
    ties: &[Ties],
    is_read: &[bool],
    by_name: &HashMap<&str, Vec<(usize, &Written)>, foldhash::fast::FixedState>,
    reads: &[Vec<u32>],
    edges: &mut [Vec<u32>],
) {
    let mut names: Vec<_> = by_name.iter().collect();
    names.sort_unstable_by_key(|(name, _)| **name);
    for (_, writers) in names {
        // Alerts are told apart by their name before pairs are made, since there may be thousands.
        let named = writers.iter().all(|(_, written)| written.value(ALERT_NAME).is_some());
        let mut buckets: HashMap<Option<&str>, Vec<(usize, &Written)>, foldhash::fast::FixedState> = HashMap::default();
        for (rule, written) in writers.iter().filter(|(rule, _)| is_read[*rule]) {
            let alert = if named { written.value(ALERT_NAME) } else { None };
            buckets.entry(alert).or_default().push((*rule, written));
        }
        let mut buckets: Vec<_> = buckets.into_values().collect();
        buckets.sort_unstable_by_key(|bucket| bucket.first().map(|(rule, _)| *rule));
        for bucket in buckets {
            for (at, (a, mine)) in bucket.iter().enumerate() {
                for (b, _) in bucket[at + 1..].iter().filter(|(b, theirs)| a != b && mine.may_equal(theirs)) {
                    edges[*a].push(number(*b));
                    edges[*b].push(number(*a));
                    tie_readers(ties, reads, (*a, *b), edges);
                }
            }
        }
    }
}

/// Ties the readers of two rivals to them where the two differ in what a reader sees.
fn tie_readers(ties: &[Ties], reads: &[Vec<u32>], (a, b): (usize, usize), edges: &mut [Vec<u32>]) {
    for (reader, writers) in reads.iter().enumerate() {
        let seen_alike = ties[a].query_offset == ties[b].query_offset && (a >= reader) == (b >= reader);
        if !seen_alike && [a, b].iter().any(|writer| writers.binary_search(&number(*writer)).is_ok()) {
            edges[reader].extend([number(a), number(b)]);
        }
    }
}

/// Finds the strong components and their levels.
fn components(edges: &[Vec<u32>]) -> Vec<Component> {
    let (component_of, count) = strong_components(edges);
    let mut components = vec![Component { rules: Vec::new(), stepwise: false, level: 0 }; count];
    for (rule, component) in component_of.iter().enumerate() {
        components[*component].rules.push(number(rule));
    }
    // A component is numbered after all that can be reached from it, so the way down the numbers is a topological order.
    for at in (0..count).rev() {
        let level = components[at].level;
        let rules = components[at].rules.clone();
        components[at].stepwise = rules.len() > 1;
        for rule in rules {
            for reader in &edges[rule as usize] {
                let to = component_of[*reader as usize];
                if to == at {
                    components[at].stepwise = true;
                } else {
                    components[to].level = components[to].level.max(level + 1);
                }
            }
        }
    }
    components.sort_by_key(|component| (component.level, component.rules.first().copied()));
    components
}

/// Numbers the strong components of a graph (Tarjan's algorithm, on a stack of its own).
fn strong_components(edges: &[Vec<u32>]) -> (Vec<usize>, usize) {
    const UNSEEN: usize = usize::MAX;
    let nodes = edges.len();
    let (mut index, mut low, mut component_of) = (vec![UNSEEN; nodes], vec![0; nodes], vec![UNSEEN; nodes]);
    let (mut next, mut count) = (0, 0);
    let (mut open, mut way): (Vec<usize>, Vec<(usize, usize)>) = (Vec::new(), Vec::new());
    for root in 0..nodes {
        if index[root] != UNSEEN {
            continue;
        }
        way.push((root, 0));
        while let Some((node, edge)) = way.pop() {
            if edge == 0 {
                (index[node], low[node]) = (next, next);
                next += 1;
                open.push(node);
            }
            if let Some(to) = edges[node].get(edge).map(|to| *to as usize) {
                way.push((node, edge + 1));
                if index[to] == UNSEEN {
                    way.push((to, 0));
                } else if component_of[to] == UNSEEN {
                    low[node] = low[node].min(index[to]);
                }
                continue;
            }
            if low[node] == index[node] {
                while let Some(member) = open.pop() {
                    component_of[member] = count;
                    if member == node {
                        break;
                    }
                }
                count += 1;
            }
            if let Some((parent, _)) = way.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
        }
    }
    (component_of, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::MatchOp;

    fn record(name: &str, labels: &[(&str, &str)], selectors: &[&[(&str, &str)]]) -> Ties {
        let certain = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let matcher = |(name, value): &(&str, &str)| match value.strip_prefix('~') {
            Some(pattern) => Matcher::new(*name, MatchOp::Regex, pattern).expect("a pattern"),
            None => Matcher::equal(*name, *value),
        };
        Ties {
            writes: vec![Written { name: name.to_owned(), certain, alert_state: name == ALERTS }],
            selectors: selectors.iter().map(|pairs| pairs.iter().map(matcher).collect()).collect(),
            ..Ties::default()
        }
    }

    fn reading(name: &str, from: &str) -> Ties {
        record(name, &[], &[&[(METRIC_NAME, from)]])
    }

    /// Writes components as `rules` joined by `+`, `*` for stepwise, grouped by level.
    fn check(ties: &[Ties], expected: &str) {
        let order = order(ties, false);
        let mut out = String::new();
        let mut level = 0;
        for component in &order.components {
            if component.level != level {
                out.push_str("| ");
                level = component.level;
            }
            let rules: Vec<String> = component.rules.iter().map(ToString::to_string).collect();
            out.push_str(&format!("{}{} ", rules.join("+"), if component.stepwise { "*" } else { "" }));
        }
        assert_eq!(out.trim_end(), expected);
    }

    #[test]
    fn readers_come_after_writers() {
        check(&[reading("c", "b"), reading("b", "a"), reading("a", "x")], "2 | 1 | 0");
        check(&[reading("a", "x"), reading("b", "x")], "0 1");
        check(&[reading("a", "x"), reading("b", "~a|y"), reading("c", "b")], "0 | 1 | 2");
        let by_label = record("b", &[], &[&[("job", "api")]]);
        check(&[record("a", &[("job", "api")], &[]), by_label], "0 | 1*");
        check(
            &[
                record("a", &[("job", "db")], &[]),
                record("c", &[("job", "db")], &[&[(METRIC_NAME, "a")]]),
                record("b", &[("job", "db")], &[&[("job", "api")]]),
            ],
            "0 2 | 1",
        );
    }

    #[test]
    fn what_reads_itself_runs_step_by_step() {
        check(&[reading("a", "a")], "0*");
        check(&[reading("a", "b"), reading("b", "a"), reading("c", "a")], "0+1* | 2");
        check(&[reading("a", "b"), reading("b", "c"), reading("c", "a"), reading("x", "y")], "0+1+2* 3");
        let mut asks = reading("a", "x");
        asks.reads_all = true;
        check(&[asks, reading("b", "x")], "1 | 0*");
    }

    #[test]
    fn writers_of_one_series_run_together() {
        let writer = |labels: &[(&str, &str)]| record("a", labels, &[]);
        check(&[writer(&[]), writer(&[("job", "x")]), reading("b", "a")], "0+1* | 2");
        check(&[writer(&[("job", "y")]), writer(&[("job", "x")]), reading("b", "a")], "0 1 | 2");
        check(&[writer(&[("job", "")]), writer(&[("job", "x")]), reading("b", "a")], "0 1 | 2");
        // Nobody reads it: who wins does not matter.
        check(&[writer(&[]), writer(&[])], "0 1");
        // A reader between two writers sees the one at its own slot and the other one later.
        check(&[writer(&[]), reading("b", "a"), writer(&[])], "0+1+2*");
    }

    #[test]
    fn alerts_are_read_by_name_and_state() {
        let alert = |name: &str| record(ALERTS, &[(ALERT_NAME, name)], &[]);
        let reads = |label: &str, value: &str| record("b", &[], &[&[(METRIC_NAME, ALERTS), (label, value)]]);
        check(&[alert("X"), alert("Y"), reads(ALERT_NAME, "Y")], "0 1 | 2");
        check(&[alert("X"), reads(ALERT_STATE, "firing")], "0 | 1");
        check(&[alert("X"), reads(ALERT_STATE, "inactive")], "0 1");
        assert_eq!(order(&[alert("X"), alert("Y"), reads(ALERT_NAME, "Y")], false).is_read, [false, true, false]);
    }

    #[test]
    fn a_long_chain_does_not_overflow_the_stack() {
        let ties: Vec<Ties> = (0..20_000).map(|at| reading(&format!("m{at}"), &format!("m{}", at + 1))).collect();
        assert_eq!(order(&ties, false).components.len(), 20_000);
    }
}
