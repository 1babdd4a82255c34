//! From a rule of a file to one that is ready to run.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::engine::alert::Pace;
use crate::engine::alerting::AlertRule;
use crate::engine::event::RuleId;
use crate::engine::naming::Naming;
use crate::engine::record::{Names, Recorder};
use crate::engine::rule::{Body, RuleRun};
use crate::promql::ast::Expr;
use crate::rules::RuleKind;
use crate::time::Millis;

use super::entry::Entry;
use super::sight::Sight;

/// Returns all rules ready to run; `warmth` by rule.
pub(super) fn ready(entries: &[Entry<'_>], sight: &Sight, warmth: &[Millis]) -> Vec<RuleRun> {
    let mut names = SharedNames::default();
    let rule = |(at, (entry, warmth)): (usize, (&Entry<'_>, &Millis))| {
        let id = RuleId(u32::try_from(at).unwrap_or(u32::MAX));
        let mut rule = rule_run(id, entry, sight.writer(at), &mut names);
        rule.warmth = *warmth;
        rule
    };
    entries.iter().zip(warmth).enumerate().map(rule).collect()
}

/// Lists of names, each once.
type SharedNames = HashMap<Vec<String>, Arc<[String]>, foldhash::fast::FixedState>;

/// Returns a rule ready to run.
fn rule_run(id: RuleId, entry: &Entry<'_>, writer: Option<u32>, names: &mut SharedNames) -> RuleRun {
    let (rule, limit, writes) = (entry.rule, entry.group.limit, writer.is_some());
    let body = match &rule.kind {
        RuleKind::Record => {
            let labels = rule.labels.iter().map(|(name, template)| (name.clone(), template.text().to_owned()));
            let names = Names { metric: rule.name.text.clone(), labels: labels.collect() };
            Body::Recording(Box::new(Recorder::new(Arc::new(names), limit, writes)))
        }
        RuleKind::Alert { hold, keep_firing, annotations } => {
            let (labels, annotations) = (rule.labels.clone(), annotations.clone());
            let naming = Naming { alert: rule.name.text.clone(), labels, annotations };
            let pace = Pace { hold: *hold, keep: *keep_firing };
            Body::Quiet(Arc::new(AlertRule { naming, pace, limit, writes }))
        }
    };
    let selected = if rule.enabled { named_metrics(&rule.expr) } else { Vec::new() };
    // Many rules select the same names.
    let selected = Arc::clone(names.entry(selected).or_insert_with_key(|names| names.as_slice().into()));
    RuleRun::new(id, body, writer, entry.query_offset, selected)
}

/// Returns the metrics that an expression names in full, sorted.
fn named_metrics(expr: &Expr) -> Vec<String> {
    let uses = expr.selectors().into_iter();
    let mut names: Vec<String> = uses.filter_map(|one| one.selector.metric().map(str::to_owned)).collect();
    names.sort_unstable();
    names.dedup();
    names
}
