//! What each rule waits for before it is evaluated.

use crate::engine::options::EngineOptions;
use crate::engine::schedule::Wait;
use crate::promql::ast::{Expr, ExprKind, Modifiers};
use crate::promql::program::Program;
use crate::rules::graph::RuleGraph;

use super::entry::Entry;

/// Returns by rule what it waits for, for itself or for a rule that it reads. Where the recording has an end, all rules
/// wait for what any of them does, which is known later.
pub(super) fn waits(entries: &[Entry<'_>], graph: &RuleGraph, options: &EngineOptions) -> Vec<Wait> {
    let mut waits = vec![Wait::default(); entries.len()];
    if options.history.is_none() {
        return waits;
    }
    for (entry, wait) in entries.iter().zip(&mut waits) {
        if entry.rule.enabled && moves(&entry.rule.expr) {
            let mut alone = Program::new(entry.lower_options(options, true));
            if alone.add(&entry.rule.expr).is_ok() {
                *wait = Wait::of(alone.reach());
            }
        }
    }
    if waits.iter().all(|wait| *wait == Wait::default()) {
        return waits;
    }
    for component in &graph.components {
        let rules = || component.rules.iter().map(|rule| *rule as usize);
        let sets = rules().flat_map(|rule| &graph.nodes[rule].reads);
        let read = sets.flat_map(|set| &graph.sets[*set as usize]).map(|writer| *writer as usize);
        let all = rules().chain(read).fold(Wait::default(), |all, rule| all.or(waits[rule]));
        rules().for_each(|rule| waits[rule] = all);
    }
    waits
}

/// Returns whether an expression moves the time that it reads by `offset` or `@`.
fn moves(expr: &Expr) -> bool {
    let mut found = expr.selectors().iter().any(|one| one.selector.modifiers != Modifiers::default());
    expr.walk(&mut |expr| {
        found |= matches!(&expr.kind, ExprKind::Subquery(subquery) if subquery.modifiers != Modifiers::default());
    });
    found
}
