//! Which series may give labels to which: those of `info`.

use crate::labels::{LabelSet, METRIC_NAME};

use super::super::plan::InfoJoin;
use super::{ByLabels, NodeState, number};

/// The labels by which a series finds its infos.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// The rows of both inputs, by what they are found by.
#[derive(Default)]
pub(crate) struct Infos {
    /// By identifying label: the numbers of its values.
    values: [ByLabels; 2],
    /// The numbers of the values of both together.
    pairs: ByLabels,
    /// The numbers of the names of infos.
    names: ByLabels,
    /// By row of the samples.
    pub(crate) base: Vec<Base>,
    /// By row of the infos.
    pub(crate) infos: Vec<Info>,
    /// By row: the row of the samples that it came of first.
    pub(crate) placed: Vec<u32>,
}

/// What a row is found by: the number of the values of the identifying labels together, and those of each; none where it
/// has no such label.
#[derive(Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) pair: u32,
    pub(crate) values: [Option<u32>; 2],
}

/// A row that may get labels.
pub(crate) struct Base {
    /// None of an info, which gets none.
    pub(crate) identity: Option<Identity>,
}

/// A row that has labels to give.
pub(crate) struct Info {
    pub(crate) identity: Identity,
    /// The number of its name.
    pub(crate) name: u32,
    /// What it gives.
    pub(crate) labels: LabelSet,
}

impl Infos {
    /// Adds the rows that the inputs gained.
    pub(super) fn bind(&mut self, rows: &mut NodeState, join: &InfoJoin, (base, infos): (&NodeState, &NodeState)) {
        for labels in &base.labels[rows.seen[0]..] {
            let name = labels.metric().unwrap_or("");
            let is_info = join.names.iter().all(|matcher| matcher.matches(name));
            let identity = (!is_info).then(|| self.identity(labels));
            self.base.push(Base { identity });
        }
        for labels in &infos.labels[rows.seen[1]..] {
            let identity = self.identity(labels);
            let name = numbered(&mut self.names, labels.filter(|name| name == METRIC_NAME));
            let given = |name: &str| join.labels.is_empty() || join.labels.iter().any(|label| label == name);
            let labels = labels.filter(|name| name != METRIC_NAME && given(name));
            self.infos.push(Info { identity, name, labels });
        }
        rows.seen = [base.labels.len(), infos.labels.len()];
        rows.order_as(base, &self.placed);
    }

    /// Returns how many names infos have.
    pub(crate) fn names(&self) -> u32 {
        number(self.names.len())
    }

    fn identity(&mut self, labels: &LabelSet) -> Identity {
        let pair = numbered(&mut self.pairs, labels.filter(|name| IDENTIFYING.contains(&name)));
        let values = [0, 1].map(|at| {
            let value = labels.filter(|name| name == IDENTIFYING[at]);
            (!value.is_empty()).then(|| numbered(&mut self.values[at], value))
        });
        Identity { pair, values }
    }
}

/// Returns the number of a key, which gets the next one if it is new.
fn numbered(numbers: &mut ByLabels, key: LabelSet) -> u32 {
    let next = number(numbers.len());
    *numbers.entry(key).or_insert(next)
}
