//! What is known of groups and rules.

use std::fmt;

use crate::engine::{AnnotationCount, GroupSchedule, RuleCounts, RuleId};
use crate::format::one_line;
use crate::labels::METRIC_NAME;
use crate::promql::annotation::Level;
use crate::promql::ast::BinaryOp;
use crate::rules::{Rule, RuleKind, RuleSet};
use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::reasons::{Known, Lack, Writer};
use super::threshold::{compared, guard};
use super::unseen::Unseen;

/// One group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupFacts {
    /// The file it stands in.
    pub file: String,
    /// Its name.
    pub name: String,
    /// What it was evaluated with.
    pub schedule: GroupSchedule,
}

impl GroupFacts {
    /// Returns the group's last slot at or before an instant.
    #[must_use]
    pub fn last_slot(&self, at: Timestamp) -> Timestamp {
        let interval = self.schedule.interval.0;
        if interval <= 0 {
            return at;
        }
        at.minus(Millis(at.0.saturating_sub(self.schedule.offset.0).rem_euclid(interval)))
    }
}

/// What a rule makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Alerts.
    Alert,
    /// Series.
    Record,
}

/// A metric that a rule selects and that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingMetric {
    /// Its name.
    pub name: String,
    /// Names that are there and may have been meant, nearest first.
    pub near: Vec<String>,
    /// Whether it is the name of a label: a column may have been read as one that was meant to be a metric.
    pub is_label: bool,
    /// Whether the expression has no sample without it; known of rules that were never true.
    pub needed: bool,
}

impl MissingMetric {
    /// Returns what may have been meant, to be added to its name.
    #[must_use]
    pub fn hint(&self) -> String {
        match self.near.as_slice() {
            _ if self.is_label => " (it was read as a label)".to_owned(),
            [] => String::new(),
            near => format!(", near: {}", near.join(", ")),
        }
    }
}

/// A selector that takes no series though its metric, if it names one, is there, and without which its expression has no
/// sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// The selector, printed.
    pub selector: String,
    /// Its metric, or what it asks of the name; none where it asks nothing of it.
    pub metric: Option<String>,
    /// The label and the text of the matcher that no series of the metric satisfies; none where each matcher has
    /// series, and all together have none.
    pub matcher: Option<(String, String)>,
    /// Values of that label: the near ones, or else the first by text.
    pub values: Vec<String>,
    /// Whether the values are near ones.
    pub near: bool,
    /// How many more values there are.
    pub values_left: u64,
}

impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((label, matcher)) = &self.matcher else {
            return write!(f, "no series matches all of {}", self.selector);
        };
        let is_name = label == METRIC_NAME;
        match &self.metric {
            Some(metric) => write!(f, "no series of {metric} has {matcher}")?,
            None => write!(f, "no {} has {matcher}", if is_name { "metric" } else { "series" })?,
        }
        let label = if is_name { "the metrics are" } else { &format!("{label} is") };
        let values = self.values.join(", ");
        match self.values_left {
            _ if self.values.is_empty() => f.write_str(": none has that label"),
            _ if self.near => write!(f, ", near: {values}"),
            0 => write!(f, "; {label} {values}"),
            left => write!(f, "; {label} {values} and {left} more"),
        }
    }
}

/// Why a metric that rules write has no value: what the rule at its source lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSource {
    /// The metric.
    pub metric: String,
    /// What the rule at the source writes: that metric, or one that it is made of.
    pub rule: String,
    /// The file it stands in.
    pub file: String,
    /// The line it begins on, from 1.
    pub line: u32,
    /// What it lacks.
    pub needs: Needs,
    /// The metric, or the one that the rule at the source writes, where the recording has series of it, too: rules do
    /// not see those.
    pub hidden: Option<String>,
}

/// What a rule that writes lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A metric.
    Metric(MissingMetric),
    /// Series of a metric.
    Series(Unmatched),
    /// A value of its own, or of a rule that needs one of it: nothing gives the first.
    Itself,
    /// Nothing that is known, and still it never had a result; told of metrics that are recorded.
    Result,
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metric(missing) => {
                write!(f, "needs `{}`, which is not in the recording", missing.name)?;
                let near = missing.near.join(", ");
                if near.is_empty() { Ok(()) } else { write!(f, "; near: {near}") }
            }
            Self::Series(unmatched) => write!(f, "finds {unmatched}"),
            Self::Itself => f.write_str("needs an earlier value of its own, and nothing gives it a first one"),
            Self::Result => f.write_str("never had a result"),
        }
    }
}

impl fmt::Display for NoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metric, rule, file, line, needs, hidden } = self;
        let whose = if rule == metric { "its rule".to_owned() } else { format!("the rule of `{rule}`") };
        write!(f, "`{metric}` has no value: {whose} ({file}:{line}) {needs}")?;
        match hidden {
            Some(hidden) if hidden == metric => f.write_str("; its recorded values are hidden"),
            Some(hidden) => write!(f, "; recorded values of `{hidden}` are hidden"),
            None => Ok(()),
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFacts {
    /// Its number in the run.
    pub id: RuleId,
    /// The place of its group in [`super::Outcome::groups`].
    pub group: usize,
    /// What it makes.
    pub kind: Kind,
    /// The name of the alert or of the recorded metric.
    pub name: String,
    /// The file it stands in.
    pub file: String,
    /// The line it begins on, from 1.
    pub line: u32,
    /// Its expression, printed.
    pub expr: String,
    /// Its expression and `for` in one line, numbers as they were written; of a native rule the keys of its condition.
    pub condition: String,
    /// What its value is compared with.
    pub threshold: Option<(BinaryOp, f64)>,
    /// The number of it, as it was written.
    pub threshold_text: Option<String>,
    /// `and` or `unless`, where the expression has a right side that must hold, or must not, next to the threshold.
    pub guard: Option<BinaryOp>,
    /// `for`.
    pub hold: Millis,
    /// `keep_firing_for`.
    pub keep: Millis,
    /// Its label `severity`, as written.
    pub severity: Option<String>,
    /// Its labels, as written, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Whether its file switches it off.
    pub disabled: bool,
    /// What was counted.
    pub counts: RuleCounts,
    /// What its evaluations told beside their results: warnings before infos.
    pub annotations: Vec<RuleAnnotation>,
    /// The metrics that the recording lacks, with those that are near.
    pub missing: Vec<MissingMetric>,
    /// The selector that takes no series, where its metrics are there and it was never true for that.
    pub unmatched: Option<Unmatched>,
    /// The metric that a rule writes and that had no value, where it was never true for that.
    pub no_source: Option<NoSource>,
    /// Why no alert has the labels that are asked for; only where labels are.
    pub unseen: Option<Unseen>,
}

/// A warning or an info of the evaluations of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleAnnotation {
    /// How grave it is.
    pub level: Level,
    /// In Prometheus' words, with the line and the byte of the expression, without the level.
    pub text: String,
    /// The first evaluation.
    pub first: Timestamp,
    /// At how many evaluations.
    pub count: u64,
}

impl RuleFacts {
    /// Returns `for` as the evaluation feels it: rounded up to the group's interval.
    #[must_use]
    pub fn effective_hold(&self, interval: Millis) -> Millis {
        in_steps(self.hold, interval)
    }

    /// Returns how many evaluations failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.counts.faults.iter().map(|fault| fault.count).sum()
    }
}

/// Returns a span rounded up to an interval: states of alerts change at evaluations alone.
pub(crate) fn in_steps(span: Millis, interval: Millis) -> Millis {
    match (span.0, interval.0) {
        (span, interval) if span > 0 && interval > 0 => {
            let slots = span / interval + i64::from(span % interval != 0);
            Millis(slots.saturating_mul(interval))
        }
        _ => span,
    }
}

/// Returns the groups of all files, in order, with what they were evaluated with.
pub(super) fn groups(rules: &RuleSet, schedules: Vec<GroupSchedule>) -> Vec<GroupFacts> {
    let facts = rules.groups().zip(schedules).map(|((file, group), schedule)| GroupFacts {
        file: rules.file_name(file).to_owned(),
        name: group.name.text.clone(),
        schedule,
    });
    facts.collect()
}

/// Returns the rules of all files, numbered in order, with what was counted of them, and what there is to select from.
pub(super) fn evaluated<'a>(
    rules: &'a RuleSet,
    counts: Vec<RuleCounts>,
    store: &'a Store,
) -> (Vec<RuleFacts>, Known<'a>) {
    let known = known(rules, &counts, store);
    let all = rules.rules().map(|(_, rule)| rule);
    let facts = declared(rules).into_iter().zip(all).zip(counts).map(|((facts, rule), counts)| {
        let lack = if counts.true_evaluations == 0 { known.lack(&rule.expr) } else { None };
        let (mut needed, mut unmatched, mut no_source) = (None, None, None);
        match lack {
            Some(Lack::Metric(name)) => needed = Some(name),
            Some(Lack::Series(found)) => unmatched = Some(found),
            Some(Lack::Source(found)) => no_source = Some(found),
            None => {}
        }
        let missing = counts.missing_metrics.iter().map(|name| known.missing(name, needed.as_ref() == Some(name)));
        let annotations = annotations(&counts, &rule.text.text);
        RuleFacts { missing: missing.collect(), unmatched, no_source, annotations, counts, ..facts }
    });
    (facts.collect(), known)
}

/// Returns what the evaluations of an expression with this text told.
fn annotations(counts: &RuleCounts, text: &str) -> Vec<RuleAnnotation> {
    let one = |found: &AnnotationCount| RuleAnnotation {
        level: found.annotated.what.level(),
        text: found.annotated.bare_in_text(text),
        first: found.first,
        count: found.count,
    };
    let mut all: Vec<RuleAnnotation> = counts.annotations.iter().map(one).collect();
    all.sort_by(|a, b| (a.level, a.first, &a.text).cmp(&(b.level, b.first, &b.text)));
    all
}

/// Returns what there is for rules to select from.
pub(crate) fn known<'a>(rules: &'a RuleSet, counts: &[RuleCounts], store: &'a Store) -> Known<'a> {
    let writers = rules.rules().zip(counts).filter(|((_, rule), _)| matches!(rule.kind, RuleKind::Record));
    let writers = writers.map(|((_, rule), counts)| Writer {
        name: &rule.name.text,
        expr: &rule.expr,
        file: &rules.sources.file(rule.at.file).name,
        line: rules.sources.position(rule.at).line,
        wrote: counts.true_evaluations > 0,
    });
    Known::new(store, writers.collect())
}

/// Returns what the files say of their rules, numbered in order.
#[must_use]
pub fn declared(rules: &RuleSet) -> Vec<RuleFacts> {
    (0..).map(RuleId).zip(rules.rules()).map(|(id, (group, rule))| one(id, group, rule, rules)).collect()
}

/// Returns what the file says of a rule.
fn one(id: RuleId, group: usize, rule: &Rule, rules: &RuleSet) -> RuleFacts {
    let sources = &rules.sources;
    let (kind, hold, keep) = match &rule.kind {
        RuleKind::Record => (Kind::Record, Millis::ZERO, Millis::ZERO),
        RuleKind::Alert { hold, keep_firing, .. } => (Kind::Alert, *hold, *keep_firing),
    };
    let (threshold, guard) = (compared(&rule.expr), guard(&rule.expr));
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
        condition: condition(rule, hold),
        threshold: threshold.as_ref().map(|found| (found.op, found.value)),
        threshold_text: threshold.and_then(|found| rule.text.text.get(found.span)).map(str::to_owned),
        // What native rules become is not what was written.
        guard: guard.filter(|_| rule.condition.is_none()),
        hold,
        keep,
        severity: labels.iter().find(|(name, _)| name == "severity").map(|(_, severity)| severity.clone()),
        labels,
        disabled: !rule.enabled,
        counts: RuleCounts::default(),
        annotations: Vec::new(),
        missing: Vec::new(),
        unmatched: None,
        no_source: None,
        unseen: None,
    }
}

/// Returns when a rule is true, and for how long it must be, as it was written.
fn condition(rule: &Rule, hold: Millis) -> String {
    let written = || {
        let hold = if hold > Millis::ZERO { format!(" for {hold}") } else { String::new() };
        format!("{}{hold}", one_line(&rule.text.text))
    };
    rule.condition.clone().unwrap_or_else(written)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::labels::LabelSet;

    #[test]
    fn for_is_rounded_up_to_the_interval() {
        let check = |hold, interval, expected| {
            let rule = RuleFacts { hold: Millis(hold), ..sample::rule(0, "A") };
            assert_eq!(rule.effective_hold(Millis(interval)), Millis(expected));
        };
        check(0, 60, 0);
        check(1, 60, 60);
        check(60, 60, 60);
        check(90, 60, 120);
    }

    #[test]
    fn the_last_slot_keeps_the_offset() {
        let group = sample::group("g", 60_000, 12_000);
        assert_eq!(group.last_slot(Timestamp(200_000)), Timestamp(192_000));
        assert_eq!(group.last_slot(Timestamp(192_000)), Timestamp(192_000));
        assert_eq!(group.last_slot(Timestamp(191_999)), Timestamp(132_000));
    }

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
        let mut set = RuleSet::default();
        set.add("node.yml", RULES.as_bytes());
        let mut store = Store::default();
        store.series(&LabelSet::new([("__name__", "free"), ("mount", "/")]));
        let lacks = RuleCounts { missing_metrics: vec!["fre".to_owned()], ..RuleCounts::default() };
        let counts = vec![lacks, RuleCounts::default(), RuleCounts::default()];
        let (facts, _) = evaluated(&set, counts, &store);
        let told: Vec<_> = facts.iter().map(|rule| (rule.id.0, rule.line, rule.unmatched.is_some())).collect();
        assert_eq!(told, [(0, 4, false), (1, 6, false), (2, 10, true)]);
        assert_eq!(facts[1].severity.as_deref(), Some("critical"));
        assert_eq!(facts[1].threshold.map(|(op, limit)| (op.symbol(), limit)), Some(("<", 0.1)));
        assert_eq!(facts[0].missing[0].near, ["free"]);
    }
}
