//! From what was loaded and read to what a report shows.

use crate::diagnostic::nearest;
use crate::engine::timeline::{GroupSchedule, RuleCounts, RuleId};
use crate::input::{self, InputSummary};
use crate::report::{self, GroupFacts, Kind, MissingMetric, RecordingFacts, RuleFacts};
use crate::rules::{Group, Rule, RuleFile, RuleKind};
use crate::source::SourceMap;
use crate::store::{StaleCounts, Store};
use crate::time::Millis;

use super::hints;
use super::reasons::{Known, Lack};

/// Returns the groups of all files, in order, with what they were evaluated with.
pub(super) fn groups(files: &[RuleFile], sources: &SourceMap, schedules: Vec<GroupSchedule>) -> Vec<GroupFacts> {
    all_groups(files)
        .zip(schedules)
        .map(|((file, group), schedule)| GroupFacts {
            file: sources.file(file.file).name.clone(),
            name: group.name.text.clone(),
            schedule,
        })
        .collect()
}

/// Returns the rules of all files, numbered in order, with what was counted of them.
pub(super) fn rules(files: &[RuleFile], sources: &SourceMap, counts: Vec<RuleCounts>, store: &Store) -> Vec<RuleFacts> {
    let mut metrics: Vec<&str> = store.ids().filter_map(|id| store.labels(id).metric()).collect();
    metrics.sort_unstable();
    metrics.dedup();
    let written: Vec<&str> = all_rules(files)
        .filter(|(_, rule)| matches!(rule.kind, RuleKind::Record))
        .map(|(_, rule)| rule.name.text.as_str())
        .collect();
    let known = Known { store, metrics, written };
    let exprs = all_rules(files).map(|(_, rule)| &rule.expr);
    let facts = declared(files, sources).into_iter().zip(exprs).zip(counts).map(|((facts, expr), counts)| {
        let lack = if counts.true_evaluations == 0 { known.lack(expr) } else { None };
        let (needed, unmatched) = match lack {
            Some(Lack::Metric(name)) => (Some(name), None),
            Some(Lack::Series(unmatched)) => (None, Some(unmatched)),
            None => (None, None),
        };
        let missing = counts.missing_metrics.iter().map(|name| MissingMetric {
            name: name.clone(),
            near: nearest(name, known.metrics.iter().copied()).into_iter().map(str::to_owned).collect(),
            needed: needed.as_ref() == Some(name),
        });
        RuleFacts { missing: missing.collect(), unmatched, counts, ..facts }
    });
    facts.collect()
}

/// Returns what the files say of their rules, numbered in order.
pub(super) fn declared(files: &[RuleFile], sources: &SourceMap) -> Vec<RuleFacts> {
    (0..).map(RuleId).zip(all_rules(files)).map(|(id, (group, rule))| one(id, group, rule, sources)).collect()
}

/// Returns what the file says of a rule.
fn one(id: RuleId, group: usize, rule: &Rule, sources: &SourceMap) -> RuleFacts {
    let (kind, hold, keep) = match &rule.kind {
        RuleKind::Record => (Kind::Record, Millis::ZERO, Millis::ZERO),
        RuleKind::Alert { hold, keep_firing, .. } => (Kind::Alert, *hold, *keep_firing),
    };
    let labels: Vec<(String, String)> =
        rule.labels.iter().map(|(name, template)| (name.clone(), template.text().to_owned())).collect();
    RuleFacts {
        id,
        group,
        kind,
        name: rule.name.text.clone(),
        file: sources.file(rule.at.file).name.clone(),
        line: sources.position(rule.at).line,
        expr: rule.expr.to_string(),
        threshold: report::threshold(&rule.expr),
        hold,
        keep,
        severity: labels.iter().find(|(name, _)| name == "severity").map(|(_, severity)| severity.clone()),
        labels,
        disabled: !rule.enabled,
        counts: RuleCounts::default(),
        missing: Vec::new(),
        unmatched: None,
    }
}

pub(super) fn all_groups(files: &[RuleFile]) -> impl Iterator<Item = (&RuleFile, &Group)> {
    files.iter().flat_map(|file| file.groups.iter().map(move |group| (file, group)))
}

/// Walks over all rules with the number of their group.
pub(super) fn all_rules(files: &[RuleFile]) -> impl Iterator<Item = (usize, &Rule)> {
    all_groups(files).enumerate().flat_map(|(at, (_, group))| group.rules.iter().map(move |rule| (at, rule)))
}

/// Returns what is known of each recording.
pub(super) fn recordings(summary: &input::Summary, store: &Store) -> Vec<RecordingFacts> {
    let alone = summary.inputs.len() == 1;
    let stale = store.stale_counts();
    let facts = summary.inputs.iter().map(|input| {
        let mut facts = recording(input);
        if alone {
            facts.series = Some(store.len() as u64);
            facts.conflicts = Some(summary.conflicts);
            facts.cadence = hints::cadence(store);
            facts.gaps = hints::gaps(store);
            facts.stale_recorded = stale.recorded;
            facts.stale_inferred = stale.inferred();
            facts.stale_by = stale_by(stale).map(str::to_owned);
        }
        facts
    });
    facts.collect()
}

fn recording(input: &InputSummary) -> RecordingFacts {
    let time = input.time.as_ref();
    RecordingFacts {
        path: input.path.to_string(),
        format: input.format.as_ref().map_or("", |(format, _)| format.word()).to_owned(),
        samples: input.samples,
        start: input.span.map(|(start, _)| start),
        end: input.span.map(|(_, end)| end),
        bad_rows: input.bad_rows,
        time_unit: time.map_or("", |time| time.unit.map_or("text", |unit| unit.word())).to_owned(),
        time_zoneless: time.is_some_and(|time| time.zone.is_some()),
        time_zone: time.and_then(|time| time.zone.clone()).unwrap_or_else(|| "UTC".to_owned()),
        time_from: time.map_or("", |time| time.from.word()).to_owned(),
        ..RecordingFacts::default()
    }
}

/// Returns what most of the inferred markers were inferred by.
fn stale_by(counts: StaleCounts) -> Option<&'static str> {
    let by = [(counts.by_row, "row"), (counts.by_up, "up"), (counts.by_cadence, "cadence"), (counts.by_limit, "limit")];
    by.into_iter().filter(|(count, _)| *count > 0).max_by_key(|(count, _)| *count).map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::labels::LabelSet;

    const RULES: &str = "\
groups:
- name: disks
  rules:
  - record: free:ratio
    expr: free / size
  - alert: Full
    expr: free:ratio{mount=\"/\"} < 0.1
    for: 5m
    labels: {severity: critical}
  - alert: Gone
    expr: free{mount=\"/tape\"} == 0
";

    #[test]
    fn rules_are_numbered_and_told() {
        let mut sources = SourceMap::default();
        let mut diagnostics = Diagnostics::default();
        let file = crate::rules::load(&mut sources, "node.yml", RULES.as_bytes(), &mut diagnostics).expect("valid");
        let mut store = Store::default();
        store.series(&LabelSet::new([("__name__", "free"), ("mount", "/")]));
        let lacks = RuleCounts { missing_metrics: vec!["fre".to_owned()], ..RuleCounts::default() };
        let counts = vec![lacks, RuleCounts::default(), RuleCounts::default()];
        let facts = rules(&[file], &sources, counts, &store);
        let told: Vec<_> = facts.iter().map(|rule| (rule.id.0, rule.line, rule.unmatched.is_some())).collect();
        assert_eq!(told, [(0, 4, false), (1, 6, false), (2, 10, true)]);
        assert_eq!(facts[1].severity.as_deref(), Some("critical"));
        assert_eq!(facts[1].threshold.map(|(op, limit)| (op.symbol(), limit)), Some(("<", 0.1)));
        assert_eq!(facts[0].missing[0].near, ["free"]);
    }
}
