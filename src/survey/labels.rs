//! The labels of a recording, and what two of its series that differ in one alone say of where it comes from.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::labels::{LabelSet, METRIC_NAME};
use crate::store::Store;

/// Labels that only replicas of one server differ in.
const REPLICAS: [&str; 3] = ["__replica__", "prometheus_replica", "replica"];
/// Labels that a server adds to all that it sends.
const SERVERS: [&str; 2] = ["cluster", "prometheus"];
/// The most values of a label that are shown.
const EXAMPLES: usize = 3;

/// What is known of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFacts {
    /// Its name.
    pub name: String,
    /// Its different values.
    pub values: u64,
    /// Series that have it.
    pub series: u64,
    /// The first values by text.
    pub examples: Vec<String>,
}

/// Two series that differ in the label of a replica or server alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twins {
    /// The label.
    pub label: &'static str,
    /// Whether it names a replica of one server, or else one of several servers.
    pub replicas: bool,
    /// Its value in the series that came first, and in the other.
    pub values: (String, String),
}

/// Returns the labels of all series that have samples, by name, the metric name left out.
pub(super) fn facts(store: &Store) -> Vec<LabelFacts> {
    let mut labels: BTreeMap<&str, (u64, BTreeSet<&str>)> = BTreeMap::new();
    for set in seen(store) {
        for (name, value) in set.iter().filter(|(name, _)| *name != METRIC_NAME) {
            let (series, values) = labels.entry(name).or_default();
            *series += 1;
            values.insert(value);
        }
    }
    let facts = labels.into_iter().map(|(name, (series, values))| LabelFacts {
        name: name.to_owned(),
        values: values.len() as u64,
        series,
        examples: values.into_iter().take(EXAMPLES).map(str::to_owned).collect(),
    });
    facts.collect()
}

/// Returns the first two series that differ in the label of a replica or server alone.
pub(super) fn twins(store: &Store) -> Option<Twins> {
    REPLICAS.into_iter().chain(SERVERS).find_map(|label| {
        let mut alike: HashMap<LabelSet, &str, FixedState> = HashMap::default();
        seen(store).find_map(|set| {
            let value = set.get(label)?;
            let first = *alike.entry(set.filter(|name| name != label)).or_insert(value);
            let values = || (first.to_owned(), value.to_owned());
            (first != value).then(|| Twins { label, replicas: REPLICAS.contains(&label), values: values() })
        })
    })
}

fn seen(store: &Store) -> impl Iterator<Item = &LabelSet> {
    store.ids().filter(|id| store.facts(*id).samples > 0).map(|id| store.labels(id))
}
