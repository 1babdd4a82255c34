//! When rules see what other rules wrote.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::promql::lags::Lags;
use crate::rules::graph::{Component, RuleGraph};
use crate::time::Millis;

/// What rules see of each other: a written sample from the writer's query offset after its stamp on, and 1 ms later
/// where the writer comes at or after the reader.
pub(super) struct Sight {
    /// By rule: the number that readers know it by.
    writers: Vec<Option<u32>>,
    /// By that number: the query offset.
    offsets: Arc<[Millis]>,
}

impl Sight {
    /// Numbers the rules that something reads; `offsets` are the query offsets of all rules.
    pub(super) fn of(graph: &RuleGraph, offsets: &[Millis]) -> Self {
        let mut next = 0..;
        let writers = graph.nodes.iter().map(|node| if node.is_read { next.next() } else { None }).collect();
        let read = graph.nodes.iter().zip(offsets).filter(|(node, _)| node.is_read);
        Self { writers, offsets: read.map(|(_, offset)| *offset).collect() }
    }

    /// Returns the number that readers know a rule by.
    pub(super) fn writer(&self, rule: usize) -> Option<u32> {
        self.writers[rule]
    }

    /// Returns what a rule sees of all writers.
    pub(super) fn of_all(&self, reader: usize) -> Lags {
        let before = self.writers[..reader].iter().flatten().count();
        Lags::Ordered { offsets: Arc::clone(&self.offsets), late_from: u32::try_from(before).unwrap_or(u32::MAX) }
    }

    /// Returns what a rule sees of those that it reads, and that it does not run with: those it sees at once.
    pub(super) fn stepwise(&self, graph: &RuleGraph, reader: usize, apart: &Apart<'_>) -> Lags {
        let mut lags: Vec<(u32, Millis)> = Vec::new();
        for set in &graph.nodes[reader].reads {
            let seen = apart.writers(graph, *set).iter().filter_map(|writer| self.lag(*writer, reader));
            lags.extend(seen.filter(|(_, lag)| *lag > Millis::ZERO));
        }
        lags.sort_unstable();
        lags.dedup();
        Lags::Listed(lags)
    }

    /// Returns the number of a writer and its lag.
    fn lag(&self, writer: u32, reader: usize) -> Option<(u32, Millis)> {
        let number = self.writers[writer as usize]?;
        Some((number, Millis(self.offsets[number as usize].0 + i64::from(writer as usize >= reader))))
    }
}

/// The writers of a component's sets that do not belong to it.
pub(super) struct Apart<'a> {
    component: &'a Component,
    /// By set of the component.
    writers: Vec<Vec<u32>>,
}

impl<'a> Apart<'a> {
    pub(super) fn of(graph: &RuleGraph, component: &'a Component) -> Self {
        let apart = |set: &u32| {
            let writers = graph.sets[*set as usize].iter().copied();
            writers.filter(|writer| component.rules.binary_search(writer).is_err()).collect()
        };
        Self { component, writers: component.sets.iter().map(apart).collect() }
    }

    /// Returns those of a set that rules of the component read. A set that is not the component's has no writer in it:
    /// that one would lead to the set and the set to its reader.
    pub(super) fn writers<'b>(&'b self, graph: &'b RuleGraph, set: u32) -> &'b [u32] {
        match self.component.sets.binary_search(&set) {
            Ok(at) => &self.writers[at],
            Err(_) => &graph.sets[set as usize],
        }
    }
}

/// What a rule must see: by set that it reads, how many of the writers come before it.
pub(super) type Wants = Vec<(u32, usize)>;

/// Returns what a rule must see of the writers that it reads.
pub(super) fn wants(graph: &RuleGraph, reader: usize) -> Wants {
    let before = |set: &u32| graph.sets[*set as usize].partition_point(|writer| (*writer as usize) < reader);
    graph.nodes[reader].reads.iter().map(|set| (*set, before(set))).collect()
}

/// What the rules of a unit see, all taken together.
#[derive(Default)]
pub(super) struct Held {
    /// By set.
    before: HashMap<u32, usize, foldhash::fast::FixedState>,
    /// By writer.
    lags: BTreeMap<u32, Millis>,
}

impl Held {
    /// Returns whether a rule sees each writer as those do that are held. Cost: the writers of sets that are new.
    pub(super) fn fits(&self, (sight, graph): (&Sight, &RuleGraph), reader: usize, wants: &Wants) -> bool {
        wants.iter().all(|(set, before)| match self.before.get(set) {
            // Of those between the two places one reader sees the newest sample a step later than the other.
            Some(held) => held == before,
            None => graph.sets[*set as usize]
                .iter()
                .filter_map(|writer| sight.lag(*writer, reader))
                .all(|(writer, lag)| self.lags.get(&writer).is_none_or(|held| *held == lag)),
        })
    }

    /// Holds what a rule sees that fits.
    pub(super) fn hold(&mut self, (sight, graph): (&Sight, &RuleGraph), reader: usize, wants: &Wants) {
        for (set, before) in wants {
            if self.before.insert(*set, *before).is_none() {
                self.lags.extend(graph.sets[*set as usize].iter().filter_map(|writer| sight.lag(*writer, reader)));
            }
        }
    }

    /// Returns what all of them see. What none of them reads may lag by anything.
    pub(super) fn into_lags(self) -> Lags {
        Lags::Listed(self.lags.into_iter().filter(|(_, lag)| *lag > Millis::ZERO).collect())
    }
}
