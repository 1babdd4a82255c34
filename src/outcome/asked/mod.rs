//! What a run was asked for that neither the rules nor the recording have: an empty answer to it would mean nothing.

mod mismatch;
mod near;
mod universe;

use crate::labels::{LabelSet, MatchOp, Matcher};
use crate::rules::RuleSet;
use crate::time::Timestamp;

use super::gate::Condition;
use super::{Finding, Finished, Kind, Outcome, Pattern, RunOptions, Selection, Unseen, declared};
use crate::diagnostic::{Severity, codes};
use crate::engine::silence::Silence;
use crate::engine::{Episode, RuleId};
use crate::format::Clock;

pub use mismatch::{Mismatch, NoMatch, NoSuchRule, NoSuchSeverity};
pub use near::Suggested;
use universe::Universe;

/// Decides which rules are reported, by number, and checks what can be known before the recording is read.
///
/// # Errors
/// When nothing could be reported.
pub(crate) fn before(rules: &RuleSet, options: &RunOptions) -> Result<Vec<bool>, Mismatch> {
    if let (Some(start), Some(end)) = (options.selection.start, options.end)
        && start > end
    {
        return Err(Mismatch::StartAfterEnd { start, end });
    }
    selected(rules, &options.selection).map_err(Mismatch::Rule)
}

fn selected(rules: &RuleSet, selection: &Selection) -> Result<Vec<bool>, NoSuchRule> {
    let groups: Vec<&str> = rules.groups().map(|(_, group)| group.name.text.as_str()).collect();
    let declared = declared(rules);
    let shown: Vec<bool> =
        declared.iter().map(|rule| selection.takes_rule(rule.kind, &rule.name, groups[rule.group])).collect();
    if shown.contains(&true) || shown.is_empty() {
        return Ok(shown);
    }
    let alerts: Vec<&str> =
        declared.iter().filter(|rule| rule.kind == Kind::Alert).map(|rule| rule.name.as_str()).collect();
    let missing = |flag, pattern: &Option<Pattern>, names: &[&str]| {
        let pattern = pattern.as_ref().filter(|pattern| !names.iter().any(|name| pattern.matches(name)))?;
        // A pattern that is fine by itself is fine between these, too.
        let within = format!(".*(?:{}).*", pattern.text).parse::<Pattern>();
        let part = within.is_ok_and(|within| names.iter().any(|name| within.matches(name)));
        let names = Suggested::near(&pattern.text, names.iter().copied());
        Some(NoSuchRule { flag, text: pattern.text.clone(), names, part, both: false })
    };
    let alone = missing("--alert", &selection.alert, &alerts).or_else(|| missing("--group", &selection.group, &groups));
    let both =
        || NoSuchRule { flag: "--alert", text: String::new(), names: Suggested::default(), part: false, both: true };
    Err(alone.unwrap_or_else(both))
}

/// Checks what labels a selection asks for, of a run that reports all that its rules and the recording have.
///
/// Cost: as `after`.
///
/// # Errors
/// When no alert could have them.
pub(crate) fn answers(finished: &Finished<'_>, selection: &Selection) -> Result<(), Mismatch> {
    let Finished { rules, options, store, episodes, .. } = finished;
    let Some(filter) = &selection.filter else { return Ok(()) };
    let external = &options.external_labels.value;
    let universe = Universe::of(rules, store, external, |_| true);
    let matches = |episode: &Episode| filter.matches(&episode.labels, external);
    match universe.no_match(&filter.matchers) {
        Some(why) if !episodes.iter().any(matches) => {
            Err(Mismatch::Matchers { flag: "--where", text: filter.text.clone(), why })
        }
        _ => Ok(()),
    }
}

/// Returns why no alert of a rule can satisfy matchers, for each of which that is known.
///
/// Cost: a walk over the labels of all series for each.
pub(crate) fn unmet(finished: &Finished<'_>, rule: RuleId, matchers: &[Matcher]) -> Vec<NoMatch> {
    if matchers.is_empty() {
        return Vec::new();
    }
    let Finished { rules, options, store, .. } = finished;
    let universe = Universe::of(rules, store, &options.external_labels.value, |number| number == rule.0);
    matchers.iter().filter_map(|matcher| universe.no_match(std::slice::from_ref(matcher))).collect()
}

/// Checks, at the end of a run, what depends on the recording: times against its span, matchers and severities against
/// the labels that alerts may have. Returns what is only worth a note: of silences, those that stand in files.
///
/// Cost: a walk over the labels of all series for each label that is asked about; nothing where none is.
///
/// # Errors
/// When nothing could be reported, or a flag asks for something that cannot be.
pub(super) fn after(finished: &Finished<'_>, span: (Timestamp, Timestamp)) -> Result<Vec<Finding>, Mismatch> {
    let Finished { rules, options, store, episodes, .. } = finished;
    let selection = &options.selection;
    let (first, last) = span;
    if let Some(start) = selection.start.filter(|start| *start > last) {
        return Err(Mismatch::StartAfterData { start, first, last });
    }
    if let Some(end) = options.end.filter(|end| *end < first) {
        return Err(Mismatch::EndBeforeData { end, first, last });
    }
    let external = &options.external_labels.value;
    let severities: Vec<&str> = options.fail_on.iter().filter_map(Condition::severity).collect();
    if selection.filter.is_some() || !severities.is_empty() {
        let shown = selected(rules, selection).map_err(Mismatch::Rule)?;
        let counts = |rule: u32| shown.get(rule as usize) == Some(&true);
        let alerts = || episodes.iter().filter(|episode| counts(episode.rule.0)).map(|episode| &episode.labels);
        let universe = Universe::of(rules, store, external, counts);
        if let Some(filter) = &selection.filter
            && !alerts().any(|labels| filter.matches(labels, external))
            && let Some(why) = universe.no_match(&filter.matchers)
        {
            return Err(Mismatch::Matchers { flag: "--where", text: filter.text.clone(), why });
        }
        for severity in severities {
            let fires = alerts().any(|labels| labels.get("severity") == Some(severity));
            if let Some(have) = (!fires).then(|| universe.no_severity(severity)).flatten() {
                return Err(Mismatch::Severity(NoSuchSeverity { severity: severity.to_owned(), have }));
            }
        }
    }
    silences(finished, span)
}

/// Says that no alert that is reported could have the labels of `--where`, though the recording and the rules know them.
pub(super) fn impossible(outcome: &Outcome) -> Option<Mismatch> {
    let filter = outcome.options.selection.filter.as_ref()?;
    let mut alerts = outcome.rules.iter().filter(|rule| rule.kind == Kind::Alert && !rule.disabled);
    let other = |unseen: &Unseen| matches!(unseen, Unseen::OtherValue { .. } | Unseen::NoLabel { .. });
    let first = alerts.next()?;
    let why = first.unseen.as_ref().filter(|unseen| other(unseen))?;
    let all = outcome.episodes.is_empty() && alerts.all(|rule| rule.unseen.as_ref().is_some_and(other));
    all.then(|| Mismatch::NoAlert { text: filter.text.clone(), rule: first.name.clone(), why: why.text(&Clock::utc()) })
}

/// Checks silences: what a flag suppresses must be able to exist, and to exist while it lasts.
fn silences(
    Finished { rules, options, store, episodes, .. }: &Finished<'_>,
    (first, last): (Timestamp, Timestamp),
) -> Result<Vec<Finding>, Mismatch> {
    if options.silences.is_empty() {
        return Ok(Vec::new());
    }
    let external: &LabelSet = &options.external_labels.value;
    let universe = Universe::of(rules, store, external, |_| true);
    let (mut outside, mut unmatched): (Vec<&Silence>, Vec<(&Silence, NoMatch)>) = (Vec::new(), Vec::new());
    let mut early: Vec<&Silence> = Vec::new();
    for silence in &options.silences {
        let Silence { start, end, .. } = *silence;
        if end <= first || start > last {
            if silence.file.is_none() {
                return Err(Mismatch::SilenceOutside { matchers: silence.to_string(), start, end, first, last });
            }
            outside.push(silence);
        } else if !episodes.iter().any(|episode| silence.matches(&episode.labels, external))
            && let Some(why) = universe.no_match(&silence.matchers)
        {
            if silence.file.is_none() {
                return Err(Mismatch::Matchers { flag: "--silence", text: silence.to_string(), why });
            }
            unmatched.push((silence, why));
        } else if !episodes.iter().any(|episode| suppresses(silence, episode, external)) {
            early.push(silence);
        }
    }
    let mut notes = Vec::new();
    let mut note = |count: usize, one: &Silence, what: String| {
        let from = one.file.as_ref().map_or_else(|| "--silence".to_owned(), |file| format!("a silence of {file}"));
        let message = match count {
            1 => format!("{from} suppresses nothing: {one} {what}"),
            _ => format!("{count} silences suppress nothing, the first is {from}: {one} {what}"),
        };
        notes.push(Finding { code: codes::IDLE_SILENCE, severity: Severity::Warning, message, place: None });
    };
    if let Some(one) = outside.first() {
        let Silence { start, end, .. } = one;
        note(outside.len(), one, format!("lasts from {start} to {end}, outside the recording ({first} to {last})"));
    }
    if let Some((one, why)) = unmatched.first() {
        note(unmatched.len(), one, format!("matches no alert ({why})"));
    }
    if let Some(one) = early.first() {
        let Silence { start, end, .. } = one;
        note(early.len(), one, format!("matches no alert that fires from {start} to {end}"));
    }
    Ok(notes)
}

/// Returns whether an episode fires at some time while a silence that matches it lasts.
fn suppresses(silence: &Silence, episode: &Episode, external: &LabelSet) -> bool {
    let fired = episode.activity.fired_at.is_some_and(|fired| fired < silence.end);
    fired && episode.ended_at.is_none_or(|ended| ended > silence.start) && silence.matches(&episode.labels, external)
}

/// The matcher of a gate's severity.
fn severity_is(severity: &str) -> Option<Matcher> {
    Matcher::new("severity", MatchOp::Equal, severity.to_owned()).ok()
}
