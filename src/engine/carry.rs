//! From one engine to another with other rules: the alerts that are active go with it.

use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::Engine;
use super::event::RuleId;
use super::rule::Body;

impl Engine {
    /// Hands the active alerts over to an engine on the same recording, which has not evaluated anything; `same` tells
    /// which of its rules is this one's, if any is.
    pub(crate) fn carry_into(&self, other: &mut Self, same: &dyn Fn(RuleId) -> Option<RuleId>) {
        for rule in &self.rules {
            if let (Body::Alerting(old), Some(new)) = (&rule.body, same(rule.id))
                && let Some(new) = other.rules[new.0 as usize].alerting()
            {
                old.carry_into(new);
            }
        }
        for rows in self.stages.iter().flat_map(|stage| &stage.units).filter_map(|unit| unit.rows.as_ref()) {
            for (id, rule) in rows.by_label_set() {
                let (Body::Alerting(old), Some(new)) = (&rule.body, same(rule.id)) else { continue };
                for unit in other.stages.iter_mut().flat_map(|stage| &mut stage.units) {
                    let Some(rows) = &mut unit.rows else { continue };
                    if let Some(new) = rows.rule_on(&unit.program, id, new, &other.rules)
                        && let Some(new) = new.alerting()
                    {
                        old.carry_into(new);
                    }
                }
            }
        }
    }

    /// Lays out the slots and rows after those up to `done`, which another engine evaluated on the same recording.
    pub(crate) fn go_on_after(&mut self, other: &Self, done: Timestamp, recording: &Store) {
        let Some(first) = other.start else { return };
        let from = self.options.start.replace(done.plus(Millis(1)).max(first));
        self.begin(recording, first.max(done));
        self.options.start = from;
    }
}
