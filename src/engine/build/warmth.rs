//! How long a recording must have gone on before all that a rule looks back at is within it.

use crate::engine::options::EngineOptions;
use crate::promql::ast::{Expr, ExprKind};
use crate::promql::program::Program;
use crate::rules::graph::RuleGraph;
use crate::time::Millis;

use super::entry::Entry;
use super::sight::Apart;

/// Returns by rule how long after the first sample it is warm, through the rules it reads.
pub(super) fn warmth(entries: &[Entry<'_>], graph: &RuleGraph, options: &EngineOptions) -> Vec<Millis> {
    let mut warmth = vec![Millis::ZERO; entries.len()];
    // By set: the longest of its writers, once all of them are known.
    let mut of_sets: Vec<Option<Millis>> = vec![None; graph.sets.len()];
    for component in &graph.components {
        let apart = Apart::of(graph, component);
        let longest = |set: u32| apart.writers(graph, set).iter().map(|writer| warmth[*writer as usize]).max();
        let own = component.sets.iter().filter_map(|set| longest(*set)).max();
        let rules = component.rules.iter().map(|rule| *rule as usize);
        let read = rules.clone().flat_map(|rule| &graph.nodes[rule].reads);
        let others = read.filter(|set| component.sets.binary_search(set).is_err());
        let others =
            others.map(|set| *of_sets[*set as usize].get_or_insert_with(|| longest(*set).unwrap_or_default())).max();
        let below = own.max(others).unwrap_or_default();
        for rule in rules {
            let entry = &entries[rule];
            let mut own = Millis::ZERO;
            if needs_warmth(&entry.rule.expr) {
                let mut alone = Program::new(entry.lower_options(options, false));
                own = alone.add(&entry.rule.expr).map_or(own, |_| alone.reach().back);
            }
            let all = [own, below, entry.query_offset].map(|span| span.0);
            warmth[rule] = Millis(all.iter().fold(0_i64, |sum, span| sum.saturating_add(*span)));
        }
    }
    warmth
}

/// Returns whether an expression looks at a stretch of time, or at what is not there: then it is warm only after all
/// that it reaches back for was recorded.
fn needs_warmth(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |expr| {
        found |= match &expr.kind {
            ExprKind::Range { .. } | ExprKind::Subquery(_) => true,
            ExprKind::Selector(selector) => selector.modifiers.offset.is_some(),
            ExprKind::Call { function, .. } => function.name == "absent",
            _ => false,
        };
    });
    found
}
