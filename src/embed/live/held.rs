//! How much an evaluator holds, by kind: where its memory grows, this says of what.

use crate::store::Store;
use crate::time::Timestamp;

use super::Live;

/// How many of each kind an evaluator holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Series that were set and are not forgotten.
    pub series: u64,
    /// Their values.
    pub values: u64,
    /// Series that rules wrote, those that tell of alerts included.
    pub written_series: u64,
    /// Their values.
    pub written_values: u64,
    /// Alerts, those that are over and not forgotten included.
    pub alerts: u64,
    /// Messages of what went wrong, by rule.
    pub faults: u64,
    /// The length of these messages. Unit: bytes.
    pub fault_bytes: u64,
}

impl Live {
    /// Counts what it holds. Cost: a walk over all series, alerts and faults.
    pub(crate) fn held(&self) -> Held {
        let (read, written, faults) = (&self.store, self.engine.written(), self.faults());
        Held {
            series: read.len() as u64,
            values: values(read),
            written_series: written.len() as u64,
            written_values: values(written),
            alerts: self.engine.known_alerts() as u64,
            faults: faults.len() as u64,
            fault_bytes: faults.iter().map(|fault| fault.message().len() as u64).sum(),
        }
    }
}

/// Returns how many values the series of a store have.
fn values(store: &Store) -> u64 {
    store.ids().map(|id| store.samples(id, Timestamp::MIN, Timestamp::MAX).times.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::NewRule;
    use crate::labels::LabelSet;

    #[test]
    fn all_kinds_are_counted() {
        let mut live = Live::new();
        live.add(NewRule::alert("Over", "cpu > 5")).expect("a rule");
        live.add(NewRule::record("twice", "cpu * 2")).expect("a rule");
        live.add(NewRule::alert("Twice", "twice > 100")).expect("a rule");
        live.add(NewRule::alert("Match", "cpu * on () group_left () limit > 1")).expect("a rule");
        for second in 0..3 {
            for host in ["a", "b"] {
                let labels = |name| LabelSet::new([("__name__", name), ("host", host)]);
                live.at(Timestamp(second * 1_000)).set_labels(&labels("cpu"), 9.0).set_labels(&labels("limit"), 1.0);
            }
            live.evaluate();
        }
        let Held { series, values, written_series, written_values, alerts, faults, fault_bytes } = live.held();
        assert_eq!((series, values, written_series, written_values), (4, 12, 2, 6));
        assert_eq!((alerts, faults), (2, 1));
        assert_eq!(fault_bytes, live.faults()[0].message().len() as u64);
        live.clear_faults();
        assert_eq!((live.held().faults, live.held().fault_bytes), (0, 0));
    }
}
