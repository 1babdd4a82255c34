//! Why an alert fired, or did not: its history in events, its expression part by part at one evaluation, and by how
//! much it missed.
//!
//! The rule and what it reads are evaluated as in any run ([`Recorded`]); what each part of the expression gave comes
//! from the program of the expression with all of its parts kept ([`crate::promql::query::nodes`]).

#[cfg(feature = "cli")]
mod alone;
mod case;
mod choose;
mod history;
mod limit;
mod lineage;
mod margin;
mod missing;
mod search;
mod source;
mod track;
mod tree;
mod why;

use thiserror::Error;

use crate::diagnostic::{codes, nearest};
use crate::engine::{Episode, Phase, RuleId};
use crate::input::Recording;
use crate::labels::{LabelSet, METRIC_NAME, Matcher};
use crate::outcome::summary::{RuleSummary, Summary};
use crate::outcome::{self, GroupFacts, Nothing, Outcome, Pattern, RuleFacts, RunOptions};
use crate::promql::query::QueryError;
use crate::replay::{Hold, Observer, Recorded, RunError};
use crate::rules::{RuleKind, RuleSet, called, needed};
use crate::time::{Millis, Timestamp};

use self::case::{Case, samples};
use self::choose::Chosen;
use self::limit::Limit;
use self::track::Track;

#[cfg(feature = "cli")]
pub(crate) use self::alone::absence;
pub use self::choose::Because;
pub use self::history::{Happening, What};
pub use self::margin::{Margin, Near};
pub use self::tree::{Given, Node, Range, Row, SourceRule, Verdict};
pub use self::why::{Reason, Why};

/// The most names that an error lists.
const NAMED: usize = 5;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The name of the alert.
    pub alert: String,
    /// The evaluation, or how it is found.
    pub when: When,
}

/// Which evaluation is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// The one at which the longest firing began.
    #[default]
    Best,
    /// The last one at or before a time.
    At(Timestamp),
    /// The one at which the firing nearest to a time began.
    Around(Timestamp),
    /// The one at which the first firing began.
    FirstFiring,
    /// The one at which the last firing began.
    LastFiring,
}

/// Why there is no explanation.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// No alerting rule has the name.
    #[error("no alert is named `{alert}`{}", listed(.near, .names))]
    NoSuchAlert {
        /// The name.
        alert: String,
        /// Names that are near.
        near: Vec<String>,
        /// The names there are.
        names: Vec<String>,
    },
    /// The place of a rule has no alerting rule.
    #[error("no alerting rule stands at {0}")]
    NoRuleThere(String),
    /// The name is that of a recording rule.
    #[error("`{record}` is a recording rule; only alerts are explained{}", read_by(.readers))]
    Recording {
        /// The name.
        record: String,
        /// Alerts that read it.
        readers: Vec<String>,
    },
    /// The alert is in other groups than asked for.
    #[error("`{alert}` is in group {}, which does not match --group {asked}", groups.join(", "))]
    OtherGroup {
        /// The name.
        alert: String,
        /// Its groups.
        groups: Vec<String>,
        /// What was asked for.
        asked: String,
    },
    /// The file switches the rule off.
    #[error("`{0}` is switched off in its file (`enabled: false`)")]
    Disabled(String),
    /// The time is before the first evaluation or after the last one.
    #[error("{at} is outside the recording, which was evaluated from {first} to {last}")]
    Outside {
        /// The time.
        at: Timestamp,
        /// The first evaluation.
        first: Timestamp,
        /// The last one.
        last: Timestamp,
    },
    /// The rule was never evaluated.
    #[error("the rule was never evaluated: {0}")]
    NothingEvaluated(String),
    /// The expression can never be evaluated.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The run did not come to an end.
    #[error(transparent)]
    Run(#[from] RunError),
}

fn listed(near: &[String], names: &[String]) -> String {
    match (near, names) {
        ([], []) => "; the rules have no alerts".to_owned(),
        ([], names) => {
            let shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
            let left = names.len().saturating_sub(NAMED);
            let left = if left > 0 { format!(" and {left} more") } else { String::new() };
            format!("; the alerts are: {}{left}", shown.join(", "))
        }
        (near, _) => format!("; did you mean {}?", near.join(" or ")),
    }
}

/// Returns whether what was given for an alert looks like a file.
fn is_file(alert: &str) -> bool {
    [".yml", ".yaml", ".csv", ".json", ".jsonl"].iter().any(|end| alert.ends_with(end))
}

fn read_by(readers: &[String]) -> String {
    if readers.is_empty() { String::new() } else { format!(": those that read it are {}", readers.join(", ")) }
}

impl ExplainError {
    /// Returns what to type next, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSuchAlert { alert, .. } if is_file(alert) => {
                Some("the name of the alert comes first: alertctl explain ALERT -r RULES DATA".to_owned())
            }
            Self::NoRuleThere(_) => Some("give the line of its `alert:`, or its name".to_owned()),
            Self::NoSuchAlert { near, .. } => near.first().map(|near| format!("alertctl explain {near} ...")),
            Self::Recording { readers, .. } => readers.first().map(|reader| format!("alertctl explain {reader} ...")),
            Self::Disabled(_) => Some("set `enabled: true`, then explain it".to_owned()),
            Self::Outside { .. } => {
                Some("give a time of the recording, or a relative one: --at last, --at 'first firing'".to_owned())
            }
            Self::OtherGroup { groups, .. } => groups.first().map(|group| format!("--group '{group}'")),
            Self::NothingEvaluated(_) | Self::Query(_) => None,
            Self::Run(error) => error.hint(),
        }
    }
}

/// Why an alert fired, or did not.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The run: of the rules of that name and what they read.
    pub outcome: Outcome,
    /// The rule.
    pub rule: RuleFacts,
    /// Its group.
    pub group: GroupFacts,
    /// How far back it reads at each evaluation.
    pub query_offset: Millis,
    /// What its episodes add up to.
    pub summary: RuleSummary,
    /// Where other rules of the same name stand.
    pub namesakes: Vec<(String, u32)>,
    /// The labels of the alert; none where the rule never came to any.
    pub alert: Option<LabelSet>,
    /// Why this one.
    pub because: Because,
    /// Whether a certain time was asked for.
    pub asked_at: bool,
    /// How many label sets the rule's episodes have.
    pub label_sets: usize,
    /// What happened to the alert, in the order of time.
    pub history: Vec<Happening>,
    /// Its episodes.
    pub episodes: Vec<Episode>,
    /// The episode that is looked at, among these.
    pub episode: Option<usize>,
    /// The evaluation that is looked at.
    pub at: Timestamp,
    /// What the alert was after it.
    pub phase: Phase,
    /// From when on the ranges of the rule's own expression are full; none where it has no range.
    pub full_from: Option<Timestamp>,
    /// The expression at that evaluation.
    pub tree: Node,
    /// The words of all evaluations of the rule that failed.
    pub faults: Vec<String>,
    /// Whether `and` or `unless` has a say next to the threshold.
    pub guarded: bool,
    /// What is compared with the threshold.
    pub compared: Option<String>,
    /// What would have kept the firing from happening.
    pub margin: Option<Margin>,
    /// What would have made it fire, where it never did.
    pub near: Option<Near>,
}

/// Checks that there is such an alert, which needs no recording.
///
/// # Errors
/// When there is none, its file switches it off, or it is in another group.
pub fn check(rules: &RuleSet, question: &Question, options: &RunOptions) -> Result<(), ExplainError> {
    of_group(rules, candidates(rules, question)?, question, options).map(|_| ())
}

/// Explains an alert on a recording. Memory: the samples of the series that the rule and its sources read.
///
/// # Errors
/// When there is no such alert, the time is outside, or the recording cannot be evaluated.
pub fn explain(
    rules: &RuleSet,
    question: &Question,
    options: &RunOptions,
    recording: &mut Recording,
    observer: &mut impl Observer,
) -> Result<Explanation, ExplainError> {
    let candidates = of_group(rules, candidates(rules, question)?, question, options)?;
    let rules = &reduced(rules, &candidates);
    let mut options = options.clone();
    let name = candidates.first().and_then(|id| rules.rules().nth(id.0 as usize)).map(|(_, rule)| &rule.name.text);
    options.selection.alert = name.and_then(|name| Pattern::exactly(name));
    let up = [Matcher::equal(METRIC_NAME, "up")];
    let recorded = Recorded::read(rules, &options, Hold::Read(&up), recording, observer)?;
    let outcome = &recorded.outcome;
    let (Some(first), Some(last)) = (outcome.range.evaluated_from, outcome.range.evaluated_to) else {
        let nothing = Nothing::of(outcome);
        return Err(ExplainError::NothingEvaluated(nothing.to_string()));
    };
    let given = if let When::At(at) | When::Around(at) = question.when { Some(at) } else { None };
    // A time is written without what is below a second, and means the last evaluation of that second.
    let when = match question.when {
        When::At(at) if at.0.rem_euclid(1000) == 0 => When::At(at.plus(Millis(999))),
        when => when,
    };
    let end = if let When::At(at) = when { Some(at) } else { given };
    let question = &Question { when, ..question.clone() };
    let interval = outcome.groups.iter().map(|group| group.schedule.interval).max().unwrap_or_default();
    if let (Some(at), Some(end)) = (given, end)
        && (end < first || at > last.plus(interval))
    {
        return Err(ExplainError::Outside { at, first, last });
    }
    if let (When::At(at), Some(start)) = (question.when, options.selection.start)
        && at < start
    {
        return Err(ExplainError::Outside { at, first: start, last });
    }
    let enabled: Vec<RuleId> = candidates
        .into_iter()
        .filter(|id| outcome.rule(*id).is_some_and(|rule| !rule.disabled && rule.counts.evaluations > 0))
        .collect();
    let chosen = choose::choose(rules, &recorded, &enabled, question)?;
    let Some(chosen) = chosen else {
        let nothing = Nothing::of(outcome);
        return Err(ExplainError::NothingEvaluated(nothing.to_string()));
    };
    let asked_at = matches!(question.when, When::At(_));
    Ok(Explanation { asked_at, ..explanation(rules, &recorded, chosen)? })
}

/// Puts together what is known of the alert that was chosen.
fn explanation(rules: &RuleSet, recorded: &Recorded, chosen: Chosen) -> Result<Explanation, ExplainError> {
    let outcome = &recorded.outcome;
    let nothing = || ExplainError::NothingEvaluated("there is no such rule".to_owned());
    let rule = outcome.rule(chosen.rule).ok_or_else(nothing)?.clone();
    let group = outcome.groups.get(rule.group).ok_or_else(nothing)?.clone();
    let case = Case::of(rules, recorded, chosen.rule, chosen.on)?.ok_or_else(nothing)?;
    let counts = recorded.engine.counts(&recorded.store);
    let known = outcome::known(rules, &counts, &recorded.store);
    let limit = Limit::of(&case.outline);
    let of_rule: Vec<&Episode> = outcome.episodes.iter().filter(|episode| episode.rule == chosen.rule).collect();
    let mut own: Vec<&Episode> =
        of_rule.iter().copied().filter(|episode| chosen.alert.as_ref() == Some(&episode.labels)).collect();
    own.sort_by_key(|episode| episode.activity.active_at);
    let focus = chosen.episode.map(|at| &outcome.episodes[at]);
    let episode = focus.and_then(|focus| own.iter().position(|one| std::ptr::eq(*one, focus)));
    let track = match &chosen.sample {
        Some(sample) => Track::of(&case, sample, chosen.alert.as_ref(), limit),
        None => Track::bare(&case),
    };
    let at = track.place(chosen.slot).map_or(chosen.slot, |place| track.slots[place]);
    let whole = chosen.wanted;
    let mut history = history::history(&track, &own);
    for one in &mut history {
        let before = track.place(one.at).and_then(|place| place.checked_sub(1)).map(|place| track.slots[place]);
        let begins = matches!(one.what, What::True | What::Fires { after: Millis::ZERO, .. });
        if let Some(before) = before.filter(|_| begins) {
            one.lost = tree::lost(&case, &known, &whole, (before, one.at));
        }
        match &mut one.what {
            What::Dropped { .. } | What::Kept | What::Resolved { kept: false, .. } => {
                let reason = tree::absent(&case, &known, &whole, one.at);
                if let (Some(before), Why::False { .. } | Why::NoPartner { .. } | Why::Nothing) = (before, &reason.why)
                {
                    one.lost = tree::lost(&case, &known, &whole, (before, one.at));
                }
                one.why = Some(reason);
            }
            // Where no number is compared with, both sides are told.
            What::True | What::TrueAgain | What::Fires { .. } if rule.threshold.is_none() => {
                one.sides = tree::sides(&case, &whole, one.at);
            }
            What::Renamed { labels } => {
                let values = case.at(one.at);
                let found =
                    chosen.sample.as_ref().map(|sample| samples(values[0].as_ref(), &lineage::Wanted::of(sample)));
                if let Some((sample, value)) = found.and_then(|found| found.into_iter().next()) {
                    *labels = case.alert_labels(&sample, &value, one.at);
                }
            }
            _ => {}
        }
    }
    let fired = own.iter().any(|episode| episode.activity.fired_at.is_some());
    // Where labels show the value, another threshold or `for` makes other alerts.
    let is_one = !case.names_by_value();
    let margin = episode.map(|at| own[at]).filter(|episode| is_one && episode.activity.fired_at.is_some());
    let margin = margin.and_then(|episode| {
        let active = track.place(episode.activity.active_at)?;
        let end = episode.ended_at.and_then(|ended| track.place(ended)).unwrap_or(track.slots.len());
        Some(margin::of_firing(&track, (active, end), limit, rule.hold))
    });
    let near = (!fired && is_one && chosen.sample.is_some()).then(|| margin::of_silence(&track, limit, rule.hold));
    let phase = own.iter().find_map(|episode| {
        let active = episode.activity.active_at <= at && episode.ended_at.is_none_or(|ended| at < ended);
        let firing = episode.activity.fired_at.is_some_and(|fired| fired <= at);
        active.then_some(if firing { Phase::Firing } else { Phase::Pending })
    });
    let mut label_sets: Vec<&LabelSet> = of_rule.iter().map(|episode| &episode.labels).collect();
    label_sets.sort();
    label_sets.dedup();
    let namesakes =
        outcome.rules.iter().filter(|other| other.id != rule.id).map(|other| (other.file.clone(), other.line));
    let summary = Summary::of(outcome);
    let place = outcome.rules.iter().position(|one| one.id == rule.id);
    Ok(Explanation {
        summary: place.and_then(|place| summary.rules.get(place).cloned()).unwrap_or_default(),
        namesakes: namesakes.collect(),
        because: chosen.because,
        asked_at: false,
        label_sets: label_sets.len(),
        history,
        episodes: own.into_iter().cloned().collect(),
        episode,
        at,
        phase: phase.unwrap_or(Phase::Inactive),
        full_from: outcome.range.data_start.zip(case.ranges()).map(|(start, ranges)| start.plus(ranges)),
        tree: tree::tree(&case, &known, whole, at),
        faults: case.faults().map(|fault| fault.message.clone()).collect(),
        guarded: limit.is_some_and(|limit| limit.guarded),
        compared: limit.map(|limit| case.outline[limit.operand].expr.to_string()),
        margin,
        near,
        query_offset: recorded.engine.query_offset(chosen.rule),
        alert: chosen.alert,
        group,
        rule,
        outcome: reported(outcome),
    })
}

/// Returns a run without what it says of the choice of the rules, which is ours.
fn reported(outcome: &Outcome) -> Outcome {
    let mut outcome = outcome.clone();
    outcome.notes.retain(|note| note.code != codes::RULES_LEFT_OUT);
    outcome
}

/// Returns the alerting rules that are asked for.
fn candidates(rules: &RuleSet, question: &Question) -> Result<Vec<RuleId>, ExplainError> {
    let found: Vec<RuleId> =
        called(rules, &question.alert).into_iter().filter_map(|rule| u32::try_from(rule).ok()).map(RuleId).collect();
    if !found.is_empty() {
        let all_off = found.iter().all(|id| rules.rules().nth(id.0 as usize).is_none_or(|(_, rule)| !rule.enabled));
        return if all_off { Err(ExplainError::Disabled(question.alert.clone())) } else { Ok(found) };
    }
    let alerts = || {
        rules
            .rules()
            .filter(|(_, rule)| matches!(rule.kind, RuleKind::Alert { .. }))
            .map(|(_, rule)| rule.name.text.as_str())
    };
    if rules.rules().any(|(_, rule)| matches!(rule.kind, RuleKind::Record) && rule.name.text == question.alert) {
        let reads = |rule: &crate::rules::Rule| {
            rule.expr.selectors().iter().any(|one| one.selector.metric() == Some(question.alert.as_str()))
        };
        let readers = rules.rules().filter(|(_, rule)| matches!(rule.kind, RuleKind::Alert { .. }) && reads(rule));
        let readers = readers.map(|(_, rule)| rule.name.text.clone()).take(NAMED).collect();
        return Err(ExplainError::Recording { record: question.alert.clone(), readers });
    }
    let is_place = |(file, line): (&str, &str)| is_file(file) && line.parse::<u32>().is_ok();
    if question.alert.rsplit_once(':').is_some_and(is_place) {
        return Err(ExplainError::NoRuleThere(question.alert.clone()));
    }
    let near = nearest(&question.alert, alerts()).into_iter().map(str::to_owned).collect();
    let mut names: Vec<String> = alerts().map(str::to_owned).collect();
    names.sort();
    names.dedup();
    Err(ExplainError::NoSuchAlert { alert: question.alert.clone(), near, names })
}

/// Returns those rules whose group is asked for.
fn of_group(
    rules: &RuleSet,
    mut candidates: Vec<RuleId>,
    question: &Question,
    options: &RunOptions,
) -> Result<Vec<RuleId>, ExplainError> {
    let Some(wanted) = &options.selection.group else { return Ok(candidates) };
    let group = |id: &RuleId| {
        let number = rules.rules().nth(id.0 as usize).map_or(0, |(group, _)| group);
        rules.groups().nth(number).map_or("", |(_, group)| group.name.text.as_str())
    };
    let mut groups: Vec<String> = candidates.iter().map(|id| group(id).to_owned()).collect();
    groups.dedup();
    candidates.retain(|id| wanted.matches(group(id)));
    if candidates.is_empty() {
        return Err(ExplainError::OtherGroup { alert: question.alert.clone(), groups, asked: wanted.text.clone() });
    }
    Ok(candidates)
}

/// Switches off all rules but some and those that write what they read, directly or through others.
fn reduced(rules: &RuleSet, wanted: &[RuleId]) -> RuleSet {
    let needed = needed(rules, wanted.iter().map(|id| id.0 as usize));
    let mut rules = rules.clone();
    let all = rules.files.iter_mut().flat_map(|file| &mut file.groups).flat_map(|group| &mut group.rules);
    for (rule, needed) in all.zip(needed) {
        rule.enabled &= needed;
    }
    rules
}
