//! What the episodes of a run add up to.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::engine::stretch::Stretch;
use crate::engine::{Began, End, Episode};
use crate::labels::LabelSet;
use crate::promql::ast::BinaryOp;
use crate::time::{Millis, Timestamp};

use super::gate::{self, Verdict};
use super::{Kind, Needs, Outcome, RuleFacts};

/// Why an alert never fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {
    /// A metric that it selects is not in the recording.
    NoSuchMetric,
    /// Its metrics are there, and no series satisfies its matchers.
    NoMatchingSeries,
    /// Its condition was never true.
    NeverTrue,
    /// All its evaluations failed.
    OnlyErrors,
    /// Its file switches it off.
    Disabled,
}

impl Never {
    /// Returns the word that machine formats use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NoSuchMetric => "no_such_metric",
            Self::NoMatchingSeries => "no_matching_series",
            Self::NeverTrue => "never_true",
            Self::OnlyErrors => "only_errors",
            Self::Disabled => "disabled",
        }
    }
}

/// What the episodes of one rule add up to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSummary {
    /// Episodes that fired.
    pub firings: u64,
    /// Distinct label sets that fired.
    pub label_sets: u64,
    /// Stretches with any label set firing, gaps under `--join` joined.
    pub bursts: u64,
    /// Episodes that died pending.
    pub near_misses: u64,
    /// Firings that came within `--join` after the same label set resolved.
    pub refires: u64,
    /// The firing times of all episodes together.
    pub firing: Millis,
    /// The longest of them.
    pub longest: Millis,
    /// The longest pending time of those that died pending.
    pub longest_near: Millis,
    /// The most label sets that began to fire within one minute.
    pub together: u64,
    /// When it first fired.
    pub first_fired: Option<Timestamp>,
    /// When it last fired.
    pub last_fired: Option<Timestamp>,
    /// Firings that were open at the end.
    pub open: u64,
    /// Firings that began before the data.
    pub began_before_data: u64,
    /// The worst value of any episode, in the direction of the comparison; where the condition was never true, the one
    /// that came nearest to the threshold.
    pub worst: Option<f64>,
    /// Why it never fired.
    pub never: Option<Never>,
}

impl RuleSummary {
    /// Returns whether the rule never fired because what it selects is not in the recording.
    #[must_use]
    pub fn lacks_data(&self) -> bool {
        matches!(self.never, Some(Never::NoSuchMetric | Never::NoMatchingSeries))
    }
}

/// What the episodes of a run add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Episodes that fired.
    pub firings: u64,
    /// The same by severity, worst first; without the label under the empty text.
    pub by_severity: Vec<(String, u64)>,
    /// Alerts that fired.
    pub alerts: u64,
    /// Stretches of firing, alert by alert.
    pub bursts: u64,
    /// Firings that were open at the end.
    pub open_at_end: u64,
    /// Firings that began before the data.
    pub began_before_data: u64,
    /// Firings that silences cover from beginning to end.
    pub suppressed: u64,
    /// Episodes that died pending.
    pub near_misses: u64,
}

/// Everything that is derived from an [`Outcome`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// One for each of [`Outcome::rules`].
    pub rules: Vec<RuleSummary>,
    /// Of all rules.
    pub totals: Totals,
    /// The answer of the gate.
    pub verdict: Verdict,
}

impl Summary {
    /// Adds up a run. Cost: the sort of its episodes.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        let mut by_rule: Vec<Vec<&Episode>> = vec![Vec::new(); outcome.rules.len()];
        for episode in &outcome.episodes {
            if let Ok(at) = outcome.rules.binary_search_by_key(&episode.rule, |rule| rule.id) {
                by_rule[at].push(episode);
            }
        }
        let rules: Vec<RuleSummary> = outcome
            .rules
            .iter()
            .zip(&by_rule)
            .map(|(rule, episodes)| of_rule(rule, episodes, outcome.last_step(rule), outcome.options.join.value))
            .collect();
        let verdict = gate::decide(outcome, &rules);
        Self { totals: totals(outcome, &rules), rules, verdict }
    }
}

/// Returns how long an episode was pending: up to its firing, its end, or the last step.
#[must_use]
pub fn pending(episode: &Episode, last_step: Timestamp) -> Millis {
    let until = episode.activity.fired_at.or(episode.ended_at).unwrap_or(last_step);
    Millis(until.since(episode.activity.active_at).0.max(0))
}

/// Returns how long an episode fired; an open one up to the last step.
#[must_use]
pub fn firing(episode: &Episode, last_step: Timestamp) -> Millis {
    fires(&episode.stretch(), last_step).map_or(Millis::ZERO, |(from, to)| to.since(from))
}

/// Returns the worst value of an episode in the direction of its rule's comparison.
#[must_use]
pub fn worst(episode: &Episode, threshold: Option<(BinaryOp, f64)>) -> Option<f64> {
    match threshold?.0 {
        BinaryOp::Greater | BinaryOp::GreaterEqual => Some(episode.activity.value_max),
        BinaryOp::Less | BinaryOp::LessEqual => Some(episode.activity.value_min),
        _ => None,
    }
}

/// Returns the place of a severity among all, the worst first; ties are ordered by text.
#[must_use]
pub fn severity_rank(severity: &str) -> usize {
    const WORST_FIRST: [&str; 7] = ["emergency", "critical", "page", "error", "warning", "info", "none"];
    WORST_FIRST.iter().position(|known| *known == severity).unwrap_or(WORST_FIRST.len())
}

/// Returns the places of the alerting rules in [`Outcome::rules`]: those that fired, the worst severity and the
/// longest firing first; then those that never did.
#[must_use]
pub fn worst_first(outcome: &Outcome, summary: &Summary) -> Vec<usize> {
    let mut order: Vec<usize> = (0..outcome.rules.len()).filter(|at| outcome.rules[*at].kind == Kind::Alert).collect();
    order.sort_by_key(|at| {
        let sums = &summary.rules[*at];
        let severity = severity_rank(outcome.rules[*at].severity.as_deref().unwrap_or(""));
        (sums.firings == 0, severity, Reverse(sums.firing), *at)
    });
    order
}

/// Returns the stable name of an episode: the hash of its label set, and when it became active.
#[must_use]
pub fn episode_id(episode: &Episode) -> String {
    format!("{:016x}-{}", episode.labels.fingerprint(), episode.activity.active_at.0)
}

/// Returns for each episode (in their order) the place of the one before it of the same alert, if it fired again
/// within `join` after that one resolved.
#[must_use]
pub fn refired(episodes: &[&Episode], join: Millis) -> Vec<Option<usize>> {
    let mut last: HashMap<(u32, &LabelSet), usize, FixedState> = HashMap::default();
    let mut order: Vec<usize> = (0..episodes.len()).filter(|at| episodes[*at].activity.fired_at.is_some()).collect();
    order.sort_by_key(|at| episodes[*at].activity.fired_at);
    let mut found = vec![None; episodes.len()];
    for at in order {
        let episode = episodes[at];
        let before = last.insert((episode.rule.0, &episode.labels), at);
        let resolved = before.and_then(|before| episodes[before].ended_at);
        if let (Some(resolved), Some(fired)) = (resolved, episode.activity.fired_at)
            && fired.since(resolved) <= join
        {
            found[at] = before;
        }
    }
    found
}

/// Counts the stretches that intervals make when gaps under `join` are closed.
fn bursts(mut intervals: Vec<(Timestamp, Timestamp)>, join: Millis) -> u64 {
    intervals.sort_unstable();
    let mut count = 0;
    let mut open_until: Option<Timestamp> = None;
    for (from, to) in intervals {
        match open_until {
            Some(until) if from <= until || from.since(until) < join => open_until = Some(until.max(to)),
            _ => {
                count += 1;
                open_until = Some(to);
            }
        }
    }
    count
}

/// Returns the most label sets (given by number) that began to fire within one minute.
fn together(mut fired: Vec<(Timestamp, usize)>, sets: usize) -> u64 {
    const MINUTE: Millis = Millis(60_000);
    fired.sort_unstable();
    let mut within = vec![0_u32; sets];
    let (mut distinct, mut most, mut first) = (0, 0, 0);
    for (at, set) in &fired {
        while at.since(fired[first].0) >= MINUTE {
            within[fired[first].1] -= 1;
            distinct -= u64::from(within[fired[first].1] == 0);
            first += 1;
        }
        distinct += u64::from(within[*set] == 0);
        within[*set] += 1;
        most = most.max(distinct);
    }
    most
}

/// What the stretches of activity of a rule's alerts add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Stretches that fired.
    pub firings: u64,
    /// Distinct label sets that fired.
    pub label_sets: u64,
    /// Stretches with any label set firing, gaps under `--join` joined.
    pub bursts: u64,
    /// Stretches that ended pending.
    pub near_misses: u64,
    /// The firing times together.
    pub firing: Millis,
}

impl Tally {
    /// Adds up stretches, each with the number of its label set below `sets`; what is open fires up to the last step.
    /// Cost: the sort of those that fired.
    #[must_use]
    pub fn of(stretches: &[(usize, Stretch)], sets: usize, last_step: Timestamp, join: Millis) -> Self {
        let mut tally = Self::default();
        let mut fired = vec![false; sets];
        let mut intervals = Vec::new();
        for (set, stretch) in stretches {
            tally.near_misses += u64::from(stretch.fired_at.is_none() && stretch.ended_at.is_some());
            let Some((from, to)) = fires(stretch, last_step) else { continue };
            tally.firings += 1;
            tally.firing = Millis(tally.firing.0.saturating_add(to.since(from).0));
            intervals.push((from, to));
            tally.label_sets += u64::from(!std::mem::replace(&mut fired[*set], true));
        }
        tally.bursts = bursts(intervals, join);
        tally
    }
}

/// Returns from when to when a stretch fires, if it does; an open one up to the last step.
#[must_use]
pub fn fires(stretch: &Stretch, last_step: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let fired_at = stretch.fired_at?;
    Some((fired_at, stretch.ended_at.unwrap_or(last_step).max(fired_at)))
}

fn of_rule(rule: &RuleFacts, episodes: &[&Episode], last_step: Timestamp, join: Millis) -> RuleSummary {
    let mut sets: HashMap<&LabelSet, usize, FixedState> = HashMap::default();
    let mut stretches = Vec::with_capacity(episodes.len());
    for episode in episodes {
        let next = sets.len();
        stretches.push((*sets.entry(&episode.labels).or_insert(next), episode.stretch()));
    }
    let Tally { firings, label_sets, bursts, near_misses, firing: all } =
        Tally::of(&stretches, sets.len(), last_step, join);
    let mut summary = RuleSummary { firings, label_sets, bursts, near_misses, firing: all, ..RuleSummary::default() };
    let mut fired = Vec::new();
    for (episode, (set, _)) in episodes.iter().zip(&stretches) {
        if episode.end == End::DiedPending {
            summary.longest_near = summary.longest_near.max(pending(episode, last_step));
        }
        let Some(fired_at) = episode.activity.fired_at else { continue };
        summary.longest = summary.longest.max(firing(episode, last_step));
        summary.first_fired = Some(summary.first_fired.map_or(fired_at, |first| first.min(fired_at)));
        summary.last_fired = summary.last_fired.max(Some(fired_at));
        summary.open += u64::from(episode.end == End::ActiveAtEnd);
        summary.began_before_data += u64::from(episode.began == Began::BeforeData);
        fired.push((fired_at, *set));
    }
    summary.together = together(fired, sets.len());
    summary.refires = refired(episodes, join).iter().flatten().count() as u64;
    let least = matches!(rule.threshold, Some((BinaryOp::Less | BinaryOp::LessEqual, _)));
    summary.worst = episodes
        .iter()
        .filter_map(|episode| worst(episode, rule.threshold))
        .reduce(|a, b| if least { a.min(b) } else { a.max(b) })
        .or_else(|| never_reached(rule));
    summary.never = never(rule, summary.firings);
    summary
}

/// Returns the value that came nearest to a threshold that was never met by the whole condition.
fn never_reached(rule: &RuleFacts) -> Option<f64> {
    let (least, greatest) = rule.counts.extremes?;
    match rule.threshold?.0 {
        BinaryOp::Greater | BinaryOp::GreaterEqual => Some(greatest),
        BinaryOp::Less | BinaryOp::LessEqual => Some(least),
        _ => None,
    }
}

/// Tells why an alerting rule never fired; one that was only pending has no such reason.
fn never(rule: &RuleFacts, firings: u64) -> Option<Never> {
    if rule.kind == Kind::Record || firings > 0 {
        return None;
    }
    if rule.disabled {
        return Some(Never::Disabled);
    }
    if rule.counts.evaluations > 0 && rule.failed() >= rule.counts.evaluations {
        return Some(Never::OnlyErrors);
    }
    if rule.counts.true_evaluations > 0 {
        return None;
    }
    if rule.missing.iter().any(|metric| metric.needed) {
        return Some(Never::NoSuchMetric);
    }
    if let Some(source) = &rule.no_source {
        return Some(match source.needs {
            Needs::Metric(_) => Never::NoSuchMetric,
            Needs::Series(_) | Needs::Itself => Never::NoMatchingSeries,
            Needs::Result => Never::NeverTrue,
        });
    }
    Some(if rule.unmatched.is_some() { Never::NoMatchingSeries } else { Never::NeverTrue })
}

fn totals(outcome: &Outcome, rules: &[RuleSummary]) -> Totals {
    let mut by_severity: BTreeMap<(usize, &str), u64> = BTreeMap::new();
    for episode in outcome.episodes.iter().filter(|episode| episode.activity.fired_at.is_some()) {
        let severity = episode.labels.get("severity").unwrap_or("");
        *by_severity.entry((severity_rank(severity), severity)).or_default() += 1;
    }
    let sum = |of: fn(&RuleSummary) -> u64| rules.iter().map(of).sum();
    Totals {
        firings: sum(|rule| rule.firings),
        by_severity: by_severity.into_iter().map(|((_, severity), count)| (severity.to_owned(), count)).collect(),
        alerts: sum(|rule| u64::from(rule.firings > 0)),
        bursts: sum(|rule| rule.bursts),
        open_at_end: sum(|rule| rule.open),
        began_before_data: sum(|rule| rule.began_before_data),
        suppressed: outcome.episodes.iter().filter(|episode| outcome.is_suppressed(episode)).count() as u64,
        near_misses: sum(|rule| rule.near_misses),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn gaps_under_join_are_closed() {
        let check = |intervals: &[(i64, i64)], expected| {
            let intervals = intervals.iter().map(|(from, to)| (Timestamp(*from), Timestamp(*to))).collect();
            assert_eq!(bursts(intervals, Millis(5)), expected);
        };
        check(&[], 0);
        check(&[(0, 10)], 1);
        check(&[(0, 10), (14, 20)], 1);
        check(&[(0, 10), (15, 20)], 2);
        check(&[(0, 100), (10, 20), (103, 110)], 1);
    }

    #[test]
    fn sets_that_fire_together_are_counted_once() {
        let check = |fired: &[(i64, usize)], expected| {
            let fired = fired.iter().map(|(second, set)| (Timestamp(second * 1000), *set)).collect();
            assert_eq!(together(fired, 9), expected);
        };
        check(&[], 0);
        check(&[(0, 1), (10, 1), (20, 2)], 2);
        check(&[(0, 1), (59, 2), (60, 3), (61, 1)], 3);
        check(&[(0, 1), (60, 2), (120, 3)], 1);
    }

    #[test]
    fn a_rule_is_summed_up() {
        let outcome = sample::outcome();
        let summary = Summary::of(&outcome);
        let disk = &summary.rules[0];
        assert_eq!((disk.firings, disk.label_sets, disk.near_misses, disk.open), (2, 2, 1, 1));
        assert_eq!(disk.worst, Some(1e9));
        assert_eq!(summary.rules[2].never, Some(Never::NoSuchMetric));
        assert_eq!(summary.totals.by_severity, [("critical".to_owned(), 2), ("warning".to_owned(), 1)]);
    }

    #[test]
    fn a_rule_that_was_pending_has_no_reason() {
        let mut rule = sample::rule(0, "A");
        rule.counts.evaluations = 10;
        assert_eq!(never(&rule, 0), Some(Never::NeverTrue));
        rule.counts.true_evaluations = 1;
        assert_eq!(never(&rule, 0), None);
    }
}
