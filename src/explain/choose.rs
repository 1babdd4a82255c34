//! Which alert is explained, and at which evaluation.

use crate::engine::{Began, Episode, RuleId};
use crate::labels::{LabelSet, MatchOp, Matcher};
use crate::outcome::summary::{firing, pending};
use crate::promql::query::QueryError;
use crate::replay::Recorded;
use crate::rules::RuleSet;
use crate::store::LabelSetId;
use crate::time::{Millis, Timestamp};

use super::case::{Case, samples};
use super::limit::Limit;
use super::lineage::Wanted;
use super::track::each;
use super::why::distance;
use super::{Question, When};

/// How far from a time the episode may be that is explained there, rather than the value that was nearest then.
const NEAR: Millis = Millis(3_600_000);
/// The most evaluations that are looked at for a reason where nothing is compared with a number.
const LOOKS: usize = 120;

/// Why an alert and no other is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// It is the only one there is.
    Only,
    /// It fired longest.
    FiredLongest,
    /// It fired first.
    FiredFirst,
    /// It fired last.
    FiredLast,
    /// None fired, and it was pending longest.
    PendingLongest,
    /// It was firing or pending at the time that was asked for.
    ActiveThen,
    /// It was active nearest to the time that was asked for.
    NearestInTime,
    /// None was ever true, and its value came nearest to the threshold.
    NearestValue,
    /// None was ever true, and its value went furthest beyond the threshold: something else took it away.
    Beyond,
    /// None was true then, and its value came nearest to the threshold.
    NearestValueThen,
    /// The rule has no series to speak of.
    Nothing,
}

/// What is explained.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) rule: RuleId,
    /// The label set that the rule is evaluated on by itself.
    pub(crate) on: Option<LabelSetId>,
    /// The row of the rule's result.
    pub(crate) sample: Option<LabelSet>,
    /// What is known of the row where there is none.
    pub(crate) wanted: Wanted,
    /// The labels of the alert.
    pub(crate) alert: Option<LabelSet>,
    /// Its episode, among those of the outcome.
    pub(crate) episode: Option<usize>,
    /// The evaluation that is looked at.
    pub(crate) slot: Timestamp,
    pub(crate) because: Because,
}

/// Chooses among the alerts of some rules; none where no rule was evaluated.
///
/// # Errors
/// When an expression can never be evaluated.
pub(crate) fn choose(
    rules: &RuleSet,
    recorded: &Recorded,
    candidates: &[RuleId],
    question: &Question,
) -> Result<Option<Chosen>, QueryError> {
    let outcome = &recorded.outcome;
    let is_asked = |one: &(usize, &Episode)| candidates.contains(&one.1.rule);
    let episodes: Vec<(usize, &Episode)> = outcome.episodes.iter().enumerate().filter(is_asked).collect();
    let last_step =
        |episode: &Episode| outcome.rule(episode.rule).map_or(Timestamp::MAX, |rule| outcome.last_step(rule));
    let fired = || episodes.iter().copied().filter(|(_, episode)| episode.activity.fired_at.is_some());
    let length = |episode: &Episode| firing(episode, last_step(episode));
    let from = |episode: &Episode| episode.activity.fired_at.unwrap_or(episode.activity.active_at);
    let away = |episode: &Episode, at: Timestamp| {
        let end = episode.ended_at.unwrap_or(Timestamp::MAX);
        let begin = episode.activity.active_at;
        if at < begin {
            begin.since(at)
        } else if at > end {
            at.since(end)
        } else {
            Millis::ZERO
        }
    };
    // The first of those that are equal, whatever the order of the search; before them those that were seen to begin.
    let longest = |found: Vec<(usize, &Episode)>, key: &dyn Fn(&Episode) -> Millis| {
        let key = |episode: &Episode| (key(episode), episode.began == Began::Observed);
        found.into_iter().rev().max_by_key(|(_, episode)| key(episode)).map(|(at, _)| at)
    };
    let best = || {
        longest(fired().collect(), &length).map(|at| {
            let one = episodes.iter().all(|(_, other)| other.labels == outcome.episodes[at].labels);
            (at, if one { Because::Only } else { Because::FiredLongest })
        })
    };
    let pending_longest = || {
        longest(episodes.clone(), &|episode| pending(episode, last_step(episode)))
            .map(|at| (at, Because::PendingLongest))
    };
    let first = || fired().min_by_key(|(at, episode)| (from(episode), *at)).map(|(at, _)| (at, Because::FiredFirst));
    let last = || fired().max_by_key(|(at, episode)| (from(episode), *at)).map(|(at, _)| (at, Because::FiredLast));
    let found = match question.when {
        When::Best => best().or_else(pending_longest),
        When::FirstFiring => first().or_else(pending_longest),
        When::LastFiring => last().or_else(pending_longest),
        When::At(at) => {
            let active =
                |episode: &Episode| episode.activity.active_at <= at && episode.ended_at.is_none_or(|ended| at < ended);
            let then: Vec<_> = episodes.iter().copied().filter(|(_, episode)| active(episode)).collect();
            let firing: Vec<_> = then
                .iter()
                .copied()
                .filter(|(_, one)| one.activity.fired_at.is_some_and(|fired| fired <= at))
                .collect();
            let found = if firing.is_empty() { then } else { firing };
            longest(found, &length).map(|at| (at, Because::ActiveThen))
        }
        When::Around(at) => {
            let all: Vec<_> = fired().collect();
            let all = if all.is_empty() { episodes.clone() } else { all };
            all.into_iter()
                .min_by_key(|(place, one)| (away(one, at), *place))
                .map(|(at, _)| (at, Because::NearestInTime))
        }
    };
    let found = match (found, question.when) {
        (Some(found), _) => Some(found),
        (None, When::At(at)) => {
            let closest = episodes.iter().min_by_key(|(place, one)| (away(one, at), *place));
            let near = |(_, one): &&(usize, &Episode)| {
                let hold = outcome.rule(one.rule).map_or(Millis::ZERO, |rule| rule.hold);
                away(one, at) <= NEAR.max(Millis(hold.0.saturating_mul(2)))
            };
            let closest = match closest.filter(near) {
                Some(closest) => Some(closest),
                None => match nearest_value(rules, recorded, candidates, question)? {
                    Some(chosen) => return Ok(Some(chosen)),
                    None => closest,
                },
            };
            closest.map(|(place, _)| (*place, Because::NearestInTime))
        }
        (None, _) => None,
    };
    let Some((place, because)) = found else { return without(rules, recorded, candidates, question) };
    let episode = &outcome.episodes[place];
    let slot = match question.when {
        When::At(at) => at,
        _ => from(episode),
    };
    let (on, sample) = sample_of(rules, recorded, episode)?;
    let active = episode.activity.active_at <= slot && episode.ended_at.is_none_or(|ended| slot < ended);
    let at_time = matches!(question.when, When::At(_));
    Ok(Some(Chosen {
        wanted: sample.as_ref().map_or_else(Wanted::any, Wanted::of),
        rule: episode.rule,
        on,
        sample,
        alert: Some(episode.labels.clone()),
        episode: (active || !at_time).then_some(place),
        slot,
        because,
    }))
}

/// Returns the label sets that a rule may be evaluated on, a single none where it is not evaluated for each.
pub(crate) fn streams(recorded: &Recorded, rule: RuleId, at: Option<Timestamp>) -> Vec<Option<LabelSetId>> {
    if !recorded.engine.is_by_rows(rule) {
        return vec![None];
    }
    let found = match at {
        Some(at) => recorded.engine.label_sets_at(rule, at, &recorded.store),
        None => recorded.engine.all_label_sets(rule, &recorded.store),
    };
    found.into_iter().map(Some).collect()
}

/// Finds the row of a rule's result that an alert was made of.
fn sample_of(
    rules: &RuleSet,
    recorded: &Recorded,
    episode: &Episode,
) -> Result<(Option<LabelSetId>, Option<LabelSet>), QueryError> {
    let at = episode.activity.active_at;
    for on in streams(recorded, episode.rule, Some(at)) {
        let Some(case) = Case::of(rules, recorded, episode.rule, on)? else { continue };
        let values = case.at(at);
        for (labels, value) in samples(values[0].as_ref(), &Wanted::any()) {
            if case.alert_labels(&labels, &value, at).as_ref() == Some(&episode.labels) {
                return Ok((on, Some(labels)));
            }
        }
    }
    Ok((None, None))
}

/// The value of a row that came nearest to a threshold.
#[derive(Clone, Copy)]
struct Closest {
    far: f64,
    value: f64,
    slot: Timestamp,
}

/// Chooses where no alert was active: the row whose value came nearest to the threshold, or the evaluation that tells
/// most of what is lacking.
fn without(
    rules: &RuleSet,
    recorded: &Recorded,
    candidates: &[RuleId],
    question: &Question,
) -> Result<Option<Chosen>, QueryError> {
    match nearest_value(rules, recorded, candidates, question)? {
        Some(chosen) => Ok(Some(chosen)),
        None => telling(rules, recorded, candidates, question),
    }
}

/// Chooses the row whose value came nearest to the threshold.
fn nearest_value(
    rules: &RuleSet,
    recorded: &Recorded,
    candidates: &[RuleId],
    question: &Question,
) -> Result<Option<Chosen>, QueryError> {
    let selection = &recorded.outcome.options.selection;
    let external = &recorded.outcome.options.external_labels.value;
    let asked = |alert: &LabelSet| selection.filter.as_ref().is_none_or(|filter| filter.matches(alert, external));
    let mut nearest: Option<(f64, Chosen)> = None;
    for id in candidates.iter().copied() {
        for on in streams(recorded, id, None) {
            let Some(case) = Case::of(rules, recorded, id, on)? else { continue };
            let Some(limit) = Limit::of(&case.outline) else { continue };
            let mut slots = case.steps();
            if let When::At(at) = question.when {
                slots.retain(|slot| *slot <= at);
                slots.drain(..slots.len().saturating_sub(1));
            }
            let mut rows: Vec<(LabelSet, Option<Closest>)> = Vec::new();
            case.over(&slots, &mut |first, part, root| {
                if part != limit.operand {
                    return;
                }
                let new = root.labels.iter().skip(rows.len());
                rows.extend(new.map(|labels| (labels.clone(), None)));
                for (row, (_, best)) in rows.iter_mut().enumerate() {
                    each(root, row, |step, value| {
                        let Some(value) = value else { return };
                        // What satisfies it and yet was never true says most: something else took it away.
                        let far = distance(value, limit.value);
                        let far = if limit.holds(value) { -far } else { far };
                        if far.is_finite() && best.is_none_or(|best| far < best.far) {
                            *best = Some(Closest { far, value, slot: slots[first + step] });
                        }
                    });
                }
            });
            for (sample, best) in rows {
                let Some(Closest { far, value, slot }) = best else { continue };
                if nearest.as_ref().is_some_and(|(least, _)| *least <= far) {
                    continue;
                }
                let Some(alert) = case.alert_labels(&sample, &value.into(), slot).filter(|alert| asked(alert)) else {
                    continue;
                };
                let because = match question.when {
                    When::At(_) => Because::NearestValueThen,
                    _ if limit.holds(value) => Because::Beyond,
                    _ => Because::NearestValue,
                };
                let wanted = Wanted::of(&sample);
                let (sample, alert) = (Some(sample), Some(alert));
                let chosen = Chosen { rule: id, on, sample, wanted, alert, episode: None, slot, because };
                nearest = Some((far, chosen));
            }
        }
    }
    Ok(nearest.map(|(_, chosen)| chosen))
}

/// Returns the evaluation, of some that are spread over the recording, that tells most of why there was nothing.
fn telling(
    rules: &RuleSet,
    recorded: &Recorded,
    candidates: &[RuleId],
    question: &Question,
) -> Result<Option<Chosen>, QueryError> {
    let counts = recorded.engine.counts(&recorded.store);
    let known = crate::outcome::known(rules, &counts, &recorded.store);
    let mut best: Option<((u32, f64), Chosen)> = None;
    for id in candidates.iter().copied() {
        let wanted = asked(rules, recorded, id);
        for on in streams(recorded, id, None).into_iter().take(LOOKS) {
            let Some(case) = Case::of(rules, recorded, id, on)? else { continue };
            let steps = case.steps();
            let looks: Vec<Timestamp> = match question.when {
                When::At(at) => steps.iter().rev().find(|slot| **slot <= at).copied().into_iter().collect(),
                _ => {
                    let every = steps.len().div_ceil(LOOKS).max(1);
                    steps.iter().rev().step_by(every).copied().collect()
                }
            };
            for slot in looks {
                let tells = super::tree::absent(&case, &known, &wanted, slot).why.tells();
                if best.as_ref().is_none_or(|(most, _)| tells > *most) {
                    let (sample, alert, because) = (None, None, Because::Nothing);
                    let wanted = wanted.clone();
                    let chosen = Chosen { rule: id, on, sample, wanted, alert, episode: None, slot, because };
                    best = Some((tells, chosen));
                }
            }
        }
    }
    Ok(best.map(|(_, chosen)| chosen))
}

/// Returns what the labels that were asked for say of the rows of a rule's result: those that the rule sets itself say
/// nothing. Of several values of a label that would do it is the first that the recording has.
fn asked(rules: &RuleSet, recorded: &Recorded, id: RuleId) -> Wanted {
    let filter = recorded.outcome.options.selection.filter.as_ref();
    let rule = rules.rules().nth(id.0 as usize).map(|(_, rule)| rule);
    let (Some(filter), Some(rule)) = (filter, rule) else { return Wanted::any() };
    let own =
        |matcher: &&Matcher| matcher.name != "alertname" && !rule.labels.iter().any(|(name, _)| *name == matcher.name);
    let value = |matcher: &Matcher| {
        if matcher.op == MatchOp::Equal {
            return Some(matcher.value.clone());
        }
        let store = &recorded.store;
        let values = store.matching(&[], &Default::default()).into_iter();
        let values = values.filter_map(|id| store.labels(id).get(&matcher.name));
        let of_label = || filter.matchers.iter().filter(|other| other.name == matcher.name);
        values.filter(|value| of_label().all(|other| other.matches(value))).min().map(str::to_owned)
    };
    let asked = filter.matchers.iter().filter(own);
    Wanted::with(asked.filter_map(|matcher| Some((matcher.name.clone(), value(matcher)?))))
}
