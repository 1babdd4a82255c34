//! Why no alert has the labels that a run was asked for, although its rule was evaluated: what their series did.

use std::collections::{BTreeMap, BTreeSet};

use super::reasons::{Known, Lack, text};
use super::{Kind, Outcome, RuleFacts, Unmatched};
use crate::format::Clock;
use crate::labels::{LabelSet, Matcher};
use crate::promql::ast::{BinaryOp, Expr, ExprKind, Selector};
use crate::rules::RuleSet;
use crate::survey::Survey;
use crate::time::{Millis, Timestamp};

/// The most stretches that are listed.
const LISTED: usize = 3;

/// Why no alert of a rule has certain labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// What the rule selects has no such series.
    NoSeries(Unmatched),
    /// There are such series, and for some time none of them has samples.
    NoSamples {
        /// The selector of the rule with the labels that were asked for.
        selector: String,
        /// The last sample before and the first one after; the ends of the recording where there is none. In time
        /// order.
        stretches: Vec<(Timestamp, Timestamp)>,
    },
    /// The rule sets a label to another value than was asked for.
    OtherValue {
        /// The label.
        label: String,
        /// Its value.
        value: String,
    },
    /// Alerts of the rule do not have a label that was asked for.
    NoLabel {
        /// The label.
        label: String,
        /// The labels of one of its alerts.
        alert: LabelSet,
    },
    /// There are such series, with samples all the time.
    NeverTrue {
        /// The selector of the rule with the labels that were asked for.
        selector: String,
    },
}

impl Unseen {
    /// Returns the word that machine formats use.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::NoSeries(_) => "no_series",
            Self::NoSamples { .. } => "no_samples",
            Self::OtherValue { .. } => "other_value",
            Self::NoLabel { .. } => "no_label",
            Self::NeverTrue { .. } => "never_true",
        }
    }

    /// Says it, with times as a clock shows them.
    #[must_use]
    pub fn text(&self, clock: &Clock) -> String {
        match self {
            Self::NoSeries(unmatched) => unmatched.to_string(),
            Self::NoSamples { selector, stretches } => {
                let stretch =
                    |(from, to): &(Timestamp, Timestamp)| format!("{} to {}", clock.full(*from), clock.full(*to));
                let listed: Vec<String> = stretches.iter().take(LISTED).map(stretch).collect();
                let more = stretches.len().saturating_sub(LISTED);
                let more = if more > 0 { format!(" and {more} more times") } else { String::new() };
                format!(
                    "`{selector}` has no samples {}{more}; a missing series is not 0: absent({selector})",
                    listed.join(", ")
                )
            }
            Self::OtherValue { label, value } => format!("its alerts have {label}=\"{value}\""),
            Self::NoLabel { label, alert } => format!("its alerts have no label `{label}`, such as {alert}"),
            Self::NeverTrue { selector } => format!("never true for `{selector}`, which has samples all the time"),
        }
    }
}

/// Looks at each rule without an alert that has the labels that were asked for; `others` is an alert with other labels,
/// by rule. Cost: nothing where none were asked for.
pub(super) fn look(
    outcome: &mut Outcome,
    rules: &RuleSet,
    known: &Known<'_>,
    survey: &Survey,
    others: &BTreeMap<u32, LabelSet>,
) {
    let Some(filter) = outcome.options.selection.filter.clone() else { return };
    let (Some(first), Some(last)) = (outcome.range.data_start, outcome.range.data_end) else { return };
    // What was before the report, or after the last evaluation, is no reason.
    let (start, end) = (outcome.options.selection.start, outcome.options.end);
    let (first, last) = (start.map_or(first, |start| start.max(first)), end.map_or(last, |end| end.min(last)));
    let external = outcome.options.external_labels.value.clone();
    let margin = outcome.options.lookback_delta.value;
    let seen: BTreeSet<u32> = outcome.episodes.iter().map(|episode| episode.rule.0).collect();
    let all: Vec<_> = rules.rules().map(|(_, rule)| rule).collect();
    for facts in outcome.rules.iter_mut().filter(|facts| facts.kind == Kind::Alert && !facts.disabled) {
        let Some(rule) = all.get(facts.id.0 as usize).filter(|_| !seen.contains(&facts.id.0)) else { continue };
        facts.unseen = otherwise(&filter.matchers, facts, others.get(&facts.id.0), &external);
        if facts.unseen.is_some() {
            continue;
        }
        let set = |matcher: &&Matcher| {
            matcher.name != "alertname" && !facts.labels.iter().any(|(name, _)| *name == matcher.name)
        };
        let asked: Vec<&Matcher> = filter.matchers.iter().filter(set).collect();
        let mut selectors = Vec::new();
        needed(&rule.expr, &mut selectors);
        let found = selectors.iter().filter_map(|selector| one(selector, &asked, known, survey, (first, last), margin));
        // What one selector has all the time, another one may lack.
        facts.unseen = found.reduce(|a, b| if matches!(a, Unseen::NeverTrue { .. }) { b } else { a });
    }
}

/// Returns why no alert of a rule could have the labels that were asked for: the rule sets one to another value, or
/// `alert`, one of its alerts, lacks one. None where neither is known.
pub(crate) fn otherwise(
    matchers: &[Matcher],
    rule: &RuleFacts,
    alert: Option<&LabelSet>,
    external: &LabelSet,
) -> Option<Unseen> {
    for matcher in matchers.iter().filter(|matcher| matcher.name != "alertname") {
        let label = || matcher.name.clone();
        match rule.labels.iter().find(|(name, _)| *name == matcher.name) {
            Some((_, value)) if value.contains("{{") || matcher.matches(value) => {}
            Some((_, value)) => return Some(Unseen::OtherValue { label: label(), value: value.clone() }),
            None if matcher.matches("") || external.get(&matcher.name).is_some() => {}
            None => {
                if let Some(alert) = alert.filter(|alert| alert.get(&matcher.name).is_none()) {
                    return Some(Unseen::NoLabel { label: label(), alert: alert.clone() });
                }
            }
        }
    }
    None
}

/// Looks at what one selector takes of the labels that were asked for; none where these say nothing of its series.
fn one(
    selector: &Selector,
    asked: &[&Matcher],
    known: &Known<'_>,
    survey: &Survey,
    span: (Timestamp, Timestamp),
    margin: Millis,
) -> Option<Unseen> {
    let metric = selector.metric()?;
    let about: Vec<&Matcher> =
        asked.iter().copied().filter(|matcher| known.values(metric, &matcher.name).is_some()).collect();
    if about.is_empty() {
        return None;
    }
    let mut narrow = selector.clone();
    narrow.matchers.extend(about.into_iter().filter(|matcher| !selector.matchers.contains(matcher)).cloned());
    if let Some(Lack::Series(unmatched)) = known.lack_of(&narrow) {
        return Some(Unseen::NoSeries(unmatched));
    }
    let (selector, mut stretches) = (text(&narrow), vec![span]);
    for id in known.series(metric).iter().filter(|id| known.takes(&narrow, **id)) {
        stretches = common(&stretches, &survey.absences(known.store(), *id, span, margin));
    }
    stretches.retain(|(from, to)| to.since(*from) > margin);
    Some(if stretches.is_empty() { Unseen::NeverTrue { selector } } else { Unseen::NoSamples { selector, stretches } })
}

/// Returns the selectors without which an expression has no sample, as far as that is certain.
pub(super) fn needed<'a>(expr: &'a Expr, selectors: &mut Vec<&'a Selector>) {
    match &expr.kind {
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => selectors.push(selector),
        ExprKind::Paren(expr) | ExprKind::Unary { expr, .. } => needed(expr, selectors),
        ExprKind::Subquery(subquery) => needed(&subquery.expr, selectors),
        ExprKind::Aggregate(aggregate) => needed(&aggregate.expr, selectors),
        ExprKind::Call { function, args, .. } if !matches!(function.name, "absent" | "absent_over_time") => {
            args.iter().for_each(|arg| needed(arg, selectors));
        }
        ExprKind::Binary(binary) if binary.op != BinaryOp::Or => {
            needed(&binary.lhs, selectors);
            if binary.op != BinaryOp::Unless {
                needed(&binary.rhs, selectors);
            }
        }
        _ => {}
    }
}

/// Returns what two lists of stretches have in common; both are in time order and have no overlaps.
fn common(a: &[(Timestamp, Timestamp)], b: &[(Timestamp, Timestamp)]) -> Vec<(Timestamp, Timestamp)> {
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while let (Some(one), Some(other)) = (a.get(i), b.get(j)) {
        let (from, to) = (one.0.max(other.0), one.1.min(other.1));
        if from < to {
            found.push((from, to));
        }
        if one.1 <= other.1 { i += 1 } else { j += 1 }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_several_series_are_cut_to_what_they_share() {
        let check = |a: &[(i64, i64)], b: &[(i64, i64)], expected: &[(i64, i64)]| {
            let times =
                |list: &[(i64, i64)]| list.iter().map(|(from, to)| (Timestamp(*from), Timestamp(*to))).collect();
            let (a, b, expected): (Vec<_>, Vec<_>, Vec<_>) = (times(a), times(b), times(expected));
            assert_eq!(common(&a, &b), expected);
            assert_eq!(common(&b, &a), expected);
        };
        check(&[(0, 10)], &[], &[]);
        check(&[(0, 10)], &[(2, 4), (6, 12)], &[(2, 4), (6, 10)]);
        check(&[(0, 3), (5, 9)], &[(2, 6), (8, 20)], &[(2, 3), (5, 6), (8, 9)]);
        check(&[(0, 3)], &[(3, 6)], &[]);
    }
}
