//! Which rule writes and reads which series, and what follows for their order: known from rule files alone.
//!
//! Rules are numbered as they stand: by file, group and place. Between the rules that write and those that read stand
//! sets of writers, one for each answer to "who may write what this selector takes": thousands of writers of one
//! metric with thousands of readers are as many edges, not the product.

mod components;
mod rivals;
mod sets;
#[cfg(test)]
mod tests;
mod written;

use crate::rules::template::Template;
use crate::rules::{Group, Rule, RuleFile, RuleKind};
use crate::time::Millis;

pub(super) use self::components::strong_components;
use self::rivals::Rivals;
use self::sets::{Item, Sets};

pub(crate) use self::written::{ALERT_NAME, ALERT_STATE, ALERTS, ALERTS_FOR_STATE, Written};

/// Which written series are wanted although no rule reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// None.
    Read,
    /// What recording rules write.
    Recorded,
    /// All, and those that tell of alerts.
    All,
}

/// What a rule writes and reads.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The series that it may write; none where it is not evaluated.
    pub writes: Vec<Written>,
    /// The numbers of the sets of rules whose series its expression or a template of a label may read, ascending.
    pub reads: Vec<u32>,
    /// Whether anything may read what it writes.
    pub is_read: bool,
    /// Whether a template asks queries: it may read everything that is written.
    pub asks: bool,
}

/// Rules that run together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Component {
    /// The rules, ascending.
    pub rules: Vec<u32>,
    /// The sets that some of the rules read and some write to, ascending.
    pub sets: Vec<u32>,
    /// Whether they run one step at a time, since each may depend on what another (or itself) wrote a step before.
    pub stepwise: bool,
    /// The longest way to it from a component that reads nothing written; equal levels do not depend on each other.
    pub level: u32,
}

/// All rules, what they read of each other, and the order that follows.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleGraph {
    /// By rule.
    pub nodes: Vec<Node>,
    /// The sets of writers: rules, ascending.
    pub sets: Vec<Vec<u32>>,
    /// In the order they may run, by level and then by their first rule.
    pub components: Vec<Component>,
}

impl RuleGraph {
    /// Makes the graph of all rules; `keep` says which written series are wanted, read by a rule or not.
    ///
    /// Cost: near linear in the rules and in what the sets of writers hold; see [`Sets::taken_by`] for selectors
    /// without a metric name and [`Rivals::among`] for labels.
    pub(crate) fn of(files: &[RuleFile], keep: Keep) -> Self {
        let rules: Vec<(&Rule, &Group)> = files
            .iter()
            .flat_map(|file| &file.groups)
            .flat_map(|group| group.rules.iter().map(move |rule| (rule, group)))
            .collect();
        let writes: Vec<Vec<Written>> = rules.iter().map(|(rule, _)| Written::by(rule)).collect();
        let asks: Vec<Asks> = rules.iter().map(|(rule, _)| Asks::of(rule)).collect();
        let (sets, reads) = reads(&rules, &asks, &writes);
        let asked = keep == Keep::All || asks.iter().any(|asks| asks.annotations);
        let is_wanted = |rule: &Rule| asked || keep == Keep::Recorded && matches!(rule.kind, RuleKind::Record);
        let mut is_read: Vec<bool> = rules.iter().map(|(rule, _)| is_wanted(rule)).collect();
        sets.iter().flatten().for_each(|writer| is_read[*writer as usize] = true);
        let offsets: Vec<Millis> = rules.iter().map(|(_, group)| group.query_offset.unwrap_or_default()).collect();
        let items: Vec<Item<'_>> = items(&writes).filter(|item| is_read[item.rule as usize]).collect();
        let components = components(&edges(&sets, &reads, Rivals::among(&items, &offsets)), rules.len());
        let facts = writes.into_iter().zip(reads).zip(is_read.into_iter().zip(asks));
        let node = |((writes, reads), (is_read, asks)): (_, (_, Asks))| Node {
            writes,
            reads,
            is_read,
            asks: asks.labels || asks.annotations,
        };
        Self { nodes: facts.map(node).collect(), sets, components }
    }

    /// Returns all rules as one component that runs one step at a time.
    pub(crate) fn all_stepwise(&self) -> Component {
        let (rules, sets) = (0..number(self.nodes.len()), 0..number(self.sets.len()));
        Component { rules: rules.collect(), sets: sets.collect(), stepwise: true, level: 0 }
    }

    /// Walks over the rules whose series a rule may read; one may come more than once.
    #[cfg(any(feature = "input", feature = "profile"))]
    pub(crate) fn writers(&self, rule: usize) -> impl Iterator<Item = usize> {
        self.nodes[rule].reads.iter().flat_map(|set| &self.sets[*set as usize]).map(|writer| *writer as usize)
    }
}

/// Where a rule's templates ask queries.
#[derive(Clone, Copy, Debug)]
struct Asks {
    labels: bool,
    /// They are expanded when all rules have run.
    annotations: bool,
}

impl Asks {
    fn of(rule: &Rule) -> Self {
        let any = |texts: &[(String, Template)]| rule.enabled && texts.iter().any(|(_, text)| text.uses_query());
        let annotations = match &rule.kind {
            RuleKind::Record => false,
            RuleKind::Alert { annotations, .. } => any(annotations),
        };
        Self { labels: any(&rule.labels), annotations }
    }
}

/// Walks over everything that is written.
fn items(writes: &[Vec<Written>]) -> impl Iterator<Item = Item<'_>> {
    (0..).zip(writes).flat_map(|(rule, writes)| writes.iter().map(move |written| Item { rule, written }))
}

/// Returns the sets of writers, and by rule which of them it reads.
fn reads(rules: &[(&Rule, &Group)], asks: &[Asks], writes: &[Vec<Written>]) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    let mut sets = Sets::of(items(writes));
    let mut reads = Vec::with_capacity(rules.len());
    for ((rule, _), asks) in rules.iter().zip(asks) {
        let mut read: Vec<u32> = if asks.labels { sets.all().into_iter().collect() } else { Vec::new() };
        if rule.enabled {
            read.extend(rule.expr.selectors().iter().filter_map(|one| sets.taken_by(&one.selector.matchers)));
        }
        read.sort_unstable();
        read.dedup();
        reads.push(read);
    }
    (sets.found, reads)
}

fn number(rule: usize) -> u32 {
    u32::try_from(rule).unwrap_or(u32::MAX)
}

/// Returns by node what it leads to; the sets are the nodes after the rules.
///
/// A writer leads to its sets and a set to its readers. Rivals lead to each other. A reader that sees what one rival
/// wrote earlier than what the other wrote leads back to them, by way of the set: then only the order of the steps says
/// who sees what, so all of them belong together.
fn edges(sets: &[Vec<u32>], reads: &[Vec<u32>], mut rivals: Rivals) -> Vec<Vec<u32>> {
    let rules = reads.len();
    let mut edges = vec![Vec::new(); rules + sets.len()];
    let mut readers: Vec<Vec<u32>> = vec![Vec::new(); sets.len()];
    for (reader, read) in reads.iter().enumerate() {
        read.iter().for_each(|set| readers[*set as usize].push(number(reader)));
    }
    for rule in 0..number(rules) {
        let leader = rivals.leader(rule);
        if leader != rule {
            edges[leader as usize].push(rule);
            edges[rule as usize].push(leader);
        }
    }
    for (set, (writers, readers)) in sets.iter().zip(&readers).enumerate() {
        let node = rules + set;
        writers.iter().for_each(|writer| edges[*writer as usize].push(number(node)));
        edges[node].extend(readers);
        // Stretches of readers for whom some rivals are on either side.
        let mut torn: Vec<(u32, u32)> = Vec::new();
        for writer in writers {
            let spread = rivals.spreads[*writer as usize];
            let (from, to) =
                if spread.is_even() { (spread.first.saturating_add(1), spread.last) } else { (0, number(rules)) };
            let next = readers.partition_point(|reader| *reader < from);
            if readers.get(next).is_some_and(|reader| *reader <= to) {
                edges[node].push(*writer);
                torn.push((from, to));
            }
        }
        torn.sort_unstable();
        let (mut next, mut end) = (0, None);
        for reader in readers {
            while torn.get(next).is_some_and(|(from, _)| from <= reader) {
                end = end.max(Some(torn[next].1));
                next += 1;
            }
            if end.is_some_and(|end| *reader <= end) {
                edges[*reader as usize].push(number(node));
            }
        }
    }
    edges
}

/// Returns the components in the order they may run; nodes from `rules` on are sets.
fn components(edges: &[Vec<u32>], rules: usize) -> Vec<Component> {
    let (component_of, count) = strong_components(edges);
    let mut components = vec![Component { rules: Vec::new(), sets: Vec::new(), stepwise: false, level: 0 }; count];
    for (node, component) in component_of.iter().enumerate() {
        match node.checked_sub(rules) {
            None => components[*component].rules.push(number(node)),
            Some(set) => components[*component].sets.push(number(set)),
        }
    }
    // A component is numbered after all that can be reached from it, so the way down the numbers is a topological
    // order.
    for at in (0..count).rev() {
        let Component { rules: own, sets, level, .. } = components[at].clone();
        components[at].stepwise = own.len() + sets.len() > 1;
        for node in own.iter().map(|rule| *rule as usize).chain(sets.iter().map(|set| rules + *set as usize)) {
            for to in edges[node].iter().map(|to| component_of[*to as usize]).filter(|to| *to != at) {
                // A set between two rules is no step of its own.
                let step = u32::from(!components[to].rules.is_empty());
                components[to].level = components[to].level.max(level + step);
            }
        }
    }
    components.retain(|component| !component.rules.is_empty());
    components.sort_by_key(|component| (component.level, component.rules.first().copied()));
    components
}
