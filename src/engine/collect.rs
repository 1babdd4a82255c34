//! Collecting conditions while rules are evaluated.

use super::Engine;
use super::conditions::Conditions;
use super::event::RuleId;
use super::fold::Fold;
use super::rows::Rows;
use super::rule::RuleRun;

/// Where the conditions of a rule go that are collected.
pub(crate) struct Collect<'a> {
    pub conditions: &'a mut Conditions,
    /// Whether no alerts are made of them here.
    pub alone: bool,
}

impl Engine {
    /// Returns how the alerts of a rule follow from what its expression gives, if it is an alerting rule.
    ///
    /// # Panics
    /// When there is no such rule.
    #[must_use]
    pub fn fold_of(&self, rule: RuleId) -> Option<Fold> {
        self.rules[rule.0 as usize].alert_rule().map(Fold::of)
    }

    /// Collects from now on the conditions of all rules whose alerts follow each from its own ([`Fold::ByAlert`]); to be
    /// called before anything is evaluated. Cost: what [`Conditions`] hold.
    pub fn collect_conditions(&mut self) {
        self.rules.iter_mut().for_each(RuleRun::collect);
    }

    /// Collects from now on the conditions of some alerting rules and makes no alerts of them, so that they have no
    /// events; to be called before anything is evaluated. Nothing is collected of a rule whose alerts follow step by
    /// step ([`Fold::ByStep`]), or that is evaluated at rows. Cost: what [`Conditions`] hold.
    pub fn collect_alone(&mut self, rules: &[RuleId]) {
        for rule in rules.iter().map(|rule| rule.0 as usize) {
            if !self.schedules[self.infos[rule].schedule].is_by_rows() {
                self.rules[rule].collect_alone();
            }
        }
    }

    /// Hands over what was collected since the last call, by rule: one for each, or one for each label set where a rule is
    /// evaluated at rows; rows at which nothing can come of it are left out.
    pub fn take_conditions(&mut self) -> Vec<(RuleId, Conditions)> {
        let rows = self.stages.iter_mut().flat_map(|stage| &mut stage.units).filter_map(|unit| unit.rows.as_mut());
        let at_slots = |rule: &&mut RuleRun| {
            let schedule = self.infos[rule.id.0 as usize].schedule;
            !self.schedules[schedule].is_by_rows()
        };
        let runs = self.rules.iter_mut().filter(at_slots).chain(rows.flat_map(Rows::runs_mut));
        let taken = |rule: &mut RuleRun| Some((rule.id, std::mem::take(&mut **rule.conditions.as_mut()?)));
        let mut all: Vec<(RuleId, Conditions)> = runs.filter_map(taken).collect();
        all.sort_by_key(|(rule, _)| *rule);
        all
    }
}
