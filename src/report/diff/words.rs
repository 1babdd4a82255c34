//! What is said of differences, in every format.

use std::collections::BTreeSet;

use crate::diff::{Difference, EpisodeDifference, Kind, RuleDifference, SideRule, Status, Stay};
use crate::format::{Clock, count, counted, duration};
use crate::outcome::{Kind as RuleKind, MissingMetric};
use crate::rules::changes::sentence;
use crate::time::Millis;

/// The most names that a line has.
const NAMED: usize = 3;

/// What is said of an alert of which no episode differs.
pub(super) const NONE: &str = "none";

/// Returns what all differences come to, in one sentence or two.
#[must_use]
pub fn headline(difference: &Difference) -> String {
    let totals = &difference.totals;
    let firings = match (totals.lost, totals.new, totals.differ) {
        (0, 0, 0) => format!("No alert behaves differently: {}", counted(totals.after, "firing")),
        (0, 0, differ) => {
            let (before, after) = (count(totals.before), counted(totals.after, "firing"));
            format!("No firing lost or new, {} differently: {before} -> {after}", behaves(differ))
        }
        (lost, new, _) => {
            let parts = [(lost, "lost"), (new, "new")].map(|(many, word)| match many {
                0 => None,
                many => Some(format!("{} {word}", counted(many, "firing"))),
            });
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            format!("{}: {} -> {}", parts.join(", "), count(totals.before), counted(totals.after, "firing"))
        }
    };
    let rules: Vec<String> = [
        (totals.changed, "changed"),
        (totals.added, "added"),
        (totals.removed, "removed"),
        (totals.unchanged, "unchanged"),
    ]
    .into_iter()
    .filter(|(many, _)| *many > 0)
    .map(|(many, word)| format!("{} {word}", count(many)))
    .collect();
    format!("{firings}. Rules: {}.", rules.join(", "))
}

fn behaves(many: u64) -> String {
    if many == 1 { "1 alert behaves".to_owned() } else { format!("{} alerts behave", count(many)) }
}

/// Returns what a rule did on both sides, as `3 -> 1`, or once where it is the same.
pub(super) fn both(rule: &RuleDifference, of: impl Fn(&SideRule) -> String) -> String {
    let none = || "-".to_owned();
    let (before, after) = (rule.before.as_ref().map(&of), rule.after.as_ref().map(&of));
    match (before, after) {
        (Some(before), Some(after)) if before == after => after,
        (before, after) => format!("{} -> {}", before.unwrap_or_else(none), after.unwrap_or_else(none)),
    }
}

pub(super) fn fired(rule: &RuleDifference) -> String {
    both(rule, |side| count(side.sums.firings))
}

pub(super) fn firing(rule: &RuleDifference) -> String {
    both(rule, |side| duration(side.sums.firing))
}

/// Returns the severity; both where another one is set.
pub(super) fn severity(rule: &RuleDifference) -> String {
    let shown = |text: &String| if text.contains("{{") { "by template".to_owned() } else { text.clone() };
    let own = |side: &SideRule| side.facts.severity.as_ref().map(shown);
    let said = |severity: Option<String>| severity.unwrap_or_else(|| "none".to_owned());
    match (rule.before.as_ref().map(own), rule.after.as_ref().map(own)) {
        (Some(before), Some(after)) if before != after => format!("{} -> {}", said(before), said(after)),
        (before, after) => after.or(before).flatten().unwrap_or_default(),
    }
}

pub(super) fn is_alert(rule: &RuleDifference) -> bool {
    rule.rule().is_some_and(|side| side.facts.kind == RuleKind::Alert)
}

pub(super) fn name(rule: &RuleDifference) -> &str {
    rule.rule().map_or("", |side| &side.facts.name)
}

/// Returns how the episodes of a rule differ, counted.
pub(super) fn differences(rule: &RuleDifference) -> String {
    let (lost, new) = rule.firings();
    let mut parts = Vec::new();
    for kind in Kind::ALL {
        let many = match kind {
            Kind::OnlyBefore => lost,
            Kind::OnlyAfter => new,
            _ => rule.differences.iter().filter(|one| one.kinds.contains(&kind)).count() as u64,
        };
        if many > 0 {
            parts.push(format!("{} {}", count(many), word(kind)));
        }
    }
    let (failed_before, failed_after) = failed(rule);
    if failed_before != failed_after {
        parts.push(format!("failed evaluations {} -> {}", count(failed_before), count(failed_after)));
    }
    if parts.is_empty() && is_alert(rule) { NONE.to_owned() } else { parts.join(", ") }
}

/// Returns how many evaluations failed, before and after.
fn failed(rule: &RuleDifference) -> (u64, u64) {
    let of = |side: &Option<SideRule>| side.as_ref().map_or(0, |side| side.facts.failed());
    (of(&rule.before), of(&rule.after))
}

/// Returns the metrics that the recording lacks for the new rule; what it lacked for the old one as well is no reason.
fn missing(rule: &RuleDifference) -> Vec<&MissingMetric> {
    let Some(side) = rule.after.as_ref().filter(|_| rule.affected) else { return Vec::new() };
    let was = rule.before.as_ref().map_or(&[][..], |side| &side.facts.missing);
    side.facts.missing.iter().filter(|missing| !was.iter().any(|was| was.name == missing.name)).collect()
}

/// Returns whether the new rule reads what is not there, or fails more often than the old one, whatever it fires.
pub(super) fn is_amiss(rule: &RuleDifference) -> bool {
    let (before, after) = failed(rule);
    after > before || !missing(rule).is_empty()
}

/// Returns the word for a kind after a number.
pub(super) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::OnlyBefore => "lost",
        Kind::OnlyAfter => "new",
        Kind::Pending => "pending only",
        other => other.word(),
    }
}

/// Returns what the text of a rule says that changed, or why it may behave otherwise all the same.
pub(super) fn change(rule: &RuleDifference) -> String {
    let mut parts = Vec::new();
    match rule.status {
        Status::Added => parts.push("new rule".to_owned()),
        Status::Removed => parts.push("removed".to_owned()),
        Status::Changed => parts.push(sentence(&rule.changes)),
        Status::Unchanged => {}
    }
    let missing = missing(rule);
    parts.extend(
        missing.iter().take(NAMED).map(|missing| format!("no such metric: {}{}", missing.name, missing.hint())),
    );
    if !rule.reads.is_empty() {
        let mut names: Vec<String> = rule.reads.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        if rule.reads.len() > NAMED {
            names.push(format!("{} more", rule.reads.len() - NAMED));
        }
        parts.push(format!("reads {}", names.join(", ")));
    }
    parts.join("; ")
}

/// Returns the place of a rule: of the new one, and of the old one where the file or the line is another.
pub(super) fn place(rule: &RuleDifference) -> String {
    let at = |side: &SideRule| format!("{}:{}", side.facts.file, side.facts.line);
    match (&rule.before, &rule.after) {
        (Some(before), Some(after)) if at(before) != at(after) => format!("{} (was {})", at(after), at(before)),
        (before, after) => after.iter().chain(before).map(at).next().unwrap_or_default(),
    }
}

/// Returns how one label set differs: `later by 5m, shorter by 5m`.
pub(super) fn kinds(one: &EpisodeDifference) -> String {
    let firing = |side: &[Stay]| side.iter().map(|stay| stay.firing.0).sum::<i64>();
    let longer = firing(&one.after) - firing(&one.before);
    let by = |span: i64| format!(" by {}", duration(Millis(span.abs())));
    let later = one.later.map_or(0, |later| later.0);
    let (before, after) = one.firings();
    // That labels differ is said of the rule.
    let kinds = one.kinds.iter().filter(|kind| **kind != Kind::Relabeled);
    let told = kinds.map(|kind| match kind {
        Kind::OnlyBefore if one.after.is_empty() => "lost".to_owned(),
        Kind::OnlyBefore => "lost, only pending now".to_owned(),
        Kind::OnlyAfter if one.before.is_empty() => "new".to_owned(),
        Kind::OnlyAfter => "new, was only pending".to_owned(),
        Kind::Split => format!("{before} split into {after}"),
        Kind::Merged => format!("{before} merged into {after}"),
        Kind::Earlier | Kind::Later if later != 0 => format!("{}{}", kind.word(), by(later)),
        Kind::Longer | Kind::Shorter if longer != 0 => format!("{}{}", kind.word(), by(longer)),
        Kind::Pending => word(Kind::Pending).to_owned(),
        kind => kind.word().to_owned(),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Returns when the alerts of one side fired: the first time and the last, and how often if that is more than once.
pub(super) fn when(side: &[Stay], clock: &Clock, difference: &Difference) -> String {
    let range = &difference.run.range;
    let (from, to) = (range.evaluated_from.unwrap_or_default(), range.evaluated_to.unwrap_or_default());
    let at = |time| clock.within(time, from, to);
    let fired: Vec<&Stay> = side.iter().filter(|stay| stay.fired_at.is_some()).collect();
    let (stays, word) = match fired.as_slice() {
        [] => (side.iter().collect::<Vec<_>>(), "pending "),
        _ => (fired, ""),
    };
    let (Some(first), Some(last)) = (stays.first(), stays.last()) else { return "-".to_owned() };
    let start = at(first.fired_at.unwrap_or(first.active_at));
    let end = last.ended_at.map_or_else(|| "open".to_owned(), at);
    let many = if stays.len() > 1 { format!(" x{}", stays.len()) } else { String::new() };
    format!("{word}{start} to {end}{many}")
}

/// Returns the differences of a rule that people hear of, lost firings first, then new ones, then the others in the order of
/// time: without those of which nothing fired, and without those that have other labels and no other times, which is said
/// of the rule.
pub(super) fn worst_first(rule: &RuleDifference) -> Vec<&EpisodeDifference> {
    let mut all: Vec<&EpisodeDifference> =
        rule.differences.iter().filter(|one| one.firings() != (0, 0) && one.kinds != [Kind::Relabeled]).collect();
    all.sort_by_key(|one| match one.kinds.first() {
        Some(Kind::OnlyBefore) => 0,
        Some(Kind::OnlyAfter) => 1,
        _ => 2,
    });
    all
}

/// Returns the line that counts the rules of which there is nothing to say, if there are any.
pub(super) fn unchanged(difference: &Difference) -> Option<String> {
    let quiet: Vec<&RuleDifference> = difference.rules.iter().filter(|rule| !rule.is_told()).collect();
    let firings: u64 = quiet.iter().filter_map(|rule| rule.after.as_ref()).map(|side| side.sums.firings).sum();
    let rules = counted(quiet.len() as u64, "rule");
    (!quiet.is_empty()).then(|| format!("{rules} without a difference: {} on both sides", counted(firings, "firing")))
}

/// Returns the labels that tell alerts of a rule apart: without those that the rule sets to a fixed text; those that they had
/// where they are lost or relabeled.
pub(super) fn labels(rule: &RuleDifference, one: &EpisodeDifference) -> String {
    let is_relabeled = one.kinds.contains(&Kind::Relabeled) && !one.before.is_empty();
    let side = if one.after.is_empty() || is_relabeled { &rule.before } else { &rule.after };
    let set = side.as_ref().map_or(&[][..], |side| &side.facts.labels);
    let fixed = |name: &str| set.iter().any(|(own, text)| own == name && !text.contains("{{"));
    if !is_relabeled {
        return one.labels.filter(|name| !fixed(name)).to_string();
    }
    let had = one.before.iter().map(|stay| stay.labels.filter(|name| name != "alertname" && !fixed(name)).to_string());
    let had: BTreeSet<String> = had.collect();
    let shown: Vec<&str> = had.iter().take(NAMED).map(String::as_str).collect();
    let more = if had.len() > NAMED { format!(" and {} more", had.len() - NAMED) } else { String::new() };
    shown.join(", ") + &more
}
